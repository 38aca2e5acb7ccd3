/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/api/call.h - one request of the admin API, as handlers see it.
 *
 * The same handlers serve HTTP and the command line when no daemon runs:
 * dispatch knows no sockets.
 *
 * Threads: a door belongs to one thread. Memory: a request is borrowed; the
 * reply's bytes are malloc'ed and the caller's.
 */
#ifndef WEIR_API_CALL_H
#define WEIR_API_CALL_H

#include <jansson.h>

#include "control/api/api.h"
#include "control/spool.h"

#define WEIR_API_QUERY_MAX  16
#define WEIR_API_PARAMS_MAX 2
#define WEIR_API_BODY_MAX   ((size_t)1 << 20)
#define WEIR_API_SYNC_MS    2000 /* for the ledger to have what came before */

/* What handlers reach. `ingest`, `quota` are NULL when no daemon runs. */
struct weir_api_door {
    struct weir_control *control;
    struct weir_ingest *ingest;
    struct weir_quota *quota;
    struct weir_store *store; /* the door's own, for reading */
    int nudge;                /* -1: nobody to tell */
    bool is_customers;        /* answers CUSTOMER routes and nothing else */
};

struct weir_api_pair {
    const char *name;
    const char *value;
};

struct weir_api_request {
    const char *method;
    const char *path; /* unescaped, without the query */
    struct weir_api_pair query[WEIR_API_QUERY_MAX];
    uint32_t query_count;
    weir_span body;
    struct weir_spool *spool;  /* a register in place of a body; or NULL */
    const char *authorization; /* NULL: none */
    bool is_local;             /* the user's own process: admin, no token */
};

struct weir_api_reply {
    unsigned status;
    const char *content_type;
    char *bytes;
    size_t len;
};

/* The reply of a request that was not looked at. */
void weir_api_refuse(const struct weir_error *err,
                     struct weir_api_reply *reply_out);
/* Whether whoever asks may send so many bytes there, before he does. EUNAUTH,
 * EROLE, ENOTFOUND, EMETHOD; ETYPE: the path takes JSON only. */
WEIR_MUST_USE weir_status weir_api_may_send(
    struct weir_api_door *door, const struct weir_api_request *request,
    struct weir_error *err);
/* Finds the route, checks the token, runs the handler. Always replies. */
void weir_api_dispatch(struct weir_api_door *door,
                       const struct weir_api_request *request,
                       struct weir_api_reply *reply_out);

/* Budgets by name; under control's lock. */
void weir_api_budget_metrics(const struct weir_api_door *door,
                             struct weir_buf *out);

/* factors.c; the same. */
void weir_api_factor_metrics(const struct weir_image *image,
                             struct weir_buf *out);

/* -------------------------------------------------------- for handlers */

enum weir_api_row_kind {
    WEIR_API_ROUTE,
    WEIR_API_QUERY,
    WEIR_API_BODY,
    WEIR_API_REPLY
};

struct weir_api_call;
/* Fills call->reply or call->text; on failure, call->faults may say more. */
typedef weir_status weir_api_handler(struct weir_api_call *call,
                                     struct weir_error *err);

/* Of a route, besides the roles of tokens. */
#define WEIR_API_NOBODY   0
#define WEIR_API_CUSTOMER (-1) /* shows a key; the handler reads it */
#define WEIR_API_MODELS   (-2) /* an auditor, or a model owner for his part */

struct weir_api_row {
    enum weir_api_row_kind kind;
    const char *method;
    const char *name; /* path of a route */
    const char *text; /* summary of a route */
    const char *type;
    int role; /* enum weir_role, or one of the two below */
    bool is_required;
    weir_api_handler *handler;
};

extern const struct weir_api_row weir_api_rows[];
extern const size_t weir_api_row_count;

struct weir_api_call {
    struct weir_api_door *door;
    const struct weir_api_request *request;
    struct weir_actor actor;
    char actor_id[WEIR_STORE_ID_MAX];
    char provider[WEIR_STORE_PROVIDER_MAX]; /* of a model owner; else empty */
    char params[WEIR_API_PARAMS_MAX][256];
    uint32_t param_count;
    json_t *body; /* an object; NULL when there was none */
    unsigned status;
    json_t *reply;
    char *text;      /* in place of reply */
    size_t text_len; /* of bytes that are no text; 0: up to the NUL */
    const char *content_type;
    struct weir_faults faults;
};

/* NULL: not given. */
const char *weir_api_query(const struct weir_api_call *call, const char *name);
/* Whole number within bounds; `fallback` when not given. EPARSE. */
WEIR_MUST_USE weir_status weir_api_query_number(
    const struct weir_api_call *call, const char *name, uint64_t fallback,
    uint64_t most, uint64_t *value_out, struct weir_error *err);
/* RFC 3339 time or date; `fallback` when not given. EPARSE. */
WEIR_MUST_USE weir_status weir_api_query_time(const struct weir_api_call *call,
                                              const char *name,
                                              weir_time fallback,
                                              weir_time *value_out,
                                              struct weir_error *err);
/* A string member of the body; empty when not there. */
weir_span weir_api_body(const struct weir_api_call *call, const char *name);
/* Key and tenant behind a customer's Authorization header; EUNAUTH. */
struct weir_notice_caller;
WEIR_MUST_USE weir_status weir_api_customer(
    struct weir_api_call *call, struct weir_notice_caller *caller_out,
    struct weir_error *err);
json_t *weir_api_text(weir_span text); /* a JSON string; never NULL */
json_t *weir_api_digest(const uint8_t digest[32]);

#define WEIR_ROUTE(method, path, role, handler, summary)                       \
    weir_api_handler weir_api_##handler;
#define WEIR_QUERY(...)
#define WEIR_BODY(...)
#define WEIR_REPLY(...)
#include "control/api/routes.def"
#undef WEIR_ROUTE
#undef WEIR_QUERY
#undef WEIR_BODY
#undef WEIR_REPLY

#endif
