/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/telemetry/parts.h - what the files of telemetry share.
 *
 * Threads: everything belongs to one exporter's thread, unless said.
 */
#ifndef WEIR_TELEMETRY_PARTS_H
#define WEIR_TELEMETRY_PARTS_H

#include <jansson.h>

#include <weir/record.h>
#include <weir/world.h>

#include "control/beat.h"
#include "control/control.h"
#include "control/ingest/segments.h"
#include "control/telemetry/telemetry.h"

#define WEIR__TEXT_MAX 1024

/* An exporter's row, copied out of the world. */
struct weir__rules {
    enum weir_exporter_kind kind;
    char name[48];
    char target[WEIR__TEXT_MAX];
    char host[256];
    uint32_t port;
    char ca[WEIR__TEXT_MAX];
    char header[128];
    enum weir_credential_kind secret_kind;
    char secret[WEIR__TEXT_MAX]; /* the reference */
    uint32_t of;
    uint32_t share_ppm;
    uint64_t rotate_bytes;
    uint32_t keep;
    char instance[256];
};

/* ------------------------------------------------------------ deployments */

/* What the names in a record stand for, as the sources have it now. */
struct weir__station {
    char name[128];
    char provider[64]; /* gen_ai.provider.name */
    char host[256];
    uint32_t port;
};
struct weir__stations {
    struct weir__station *rows; /* by name */
    size_t count;
    uint64_t publications;
};
/* Takes them anew where another world is in force. */
void weir__stations_follow(struct weir__stations *stations,
                           struct weir_control *control);
/* NULL: not known, or not any more. */
const struct weir__station *
weir__stations_find(const struct weir__stations *stations, weir_span name);
void weir__stations_fini(struct weir__stations *stations);

/* ----------------------------------------------------------- open intents */

/* Intents that have no outcome yet: as many as fit, the rest is read again
 * from where the ledger says it is. */
struct weir__intents {
    struct weir__intent **slots;
    size_t count;
};
void weir__intents_put(struct weir__intents *intents,
                       const struct weir_request_id *id, weir_span payload);
/* NULL: not among them. free() it. */
struct weir__intent *weir__intents_take(struct weir__intents *intents,
                                        const struct weir_request_id *id);
weir_span weir__intent_payload(const struct weir__intent *intent);
void weir__intents_fini(struct weir__intents *intents);

/* ------------------------------------------------------------------ told */

/* One thing that happened; one of the three is there. */
struct weir__told {
    const struct weir_record_intent *intent; /* with outcome; NULL: lost */
    const struct weir_record_outcome *outcome;
    const struct weir_record_refusal *refusal;
    json_t *act; /* borrowed: payload of an ADMIN record */
    weir_time when;
};
/* Whether it was an error, for sampling. */
bool weir__told_failed(const struct weir__told *told);

/* Appends spans, parted by commas. False: out of memory. */
bool weir__otlp_put(const struct weir__told *told,
                    const struct weir__stations *stations,
                    struct weir_buf *out);
/* The trace's id: the caller's, or the request's own. */
void weir__otlp_trace_id(const struct weir__told *told, uint8_t id_out[16]);
/* The request's body around spans. */
bool weir__otlp_wrap(const struct weir__rules *rules, weir_span spans,
                     struct weir_buf *out);

/* One event, no newline; free() it. NULL: out of memory. */
json_t *weir__ocsf_event(const struct weir__told *told,
                         const struct weir__stations *stations,
                         const struct weir__rules *rules);

/* --------------------------------------------------------------- delivery */

enum weir__delivered {
    WEIR__DELIVERED,
    WEIR__UNWANTED, /* refused for good: goes on without it */
    WEIR__LATER,    /* is tried again */
};

/* Items of a batch: texts back to back, and where each ends. */
struct weir__batch {
    struct weir_buf text;
    size_t *ends;
    uint32_t count;
};

/* What is open of a sink between batches; zeroed, `handle` -1. */
struct weir__sink {
    int handle;        /* file or Unix socket */
    void *stream;      /* BIO of syslog over TCP or TLS */
    void *context;     /* SSL_CTX */
    weir_time wait_us; /* that the other side asked for; 0: none */
};
void weir__sink_close(struct weir__sink *sink);

/* Each says in *err why it was not delivered. */
enum weir__delivered weir__file_deliver(struct weir__sink *sink,
                                        const struct weir__rules *rules,
                                        const struct weir__batch *batch,
                                        struct weir_error *err);
enum weir__delivered weir__syslog_deliver(struct weir__sink *sink,
                                          const struct weir__rules *rules,
                                          const struct weir__batch *batch,
                                          struct weir_error *err);
/* Spans and webhooks. *unwanted_out: spans that were taken and dropped. */
enum weir__delivered weir__http_deliver(struct weir__sink *sink,
                                        const struct weir__rules *rules,
                                        const struct weir__batch *batch,
                                        uint64_t *unwanted_out,
                                        struct weir_error *err);

/* --------------------------------------------------------------- exporter */

struct weir__exporter {
    struct weir_beat beat;
    struct weir_control *control;
    struct weir_store *store;
    struct weir__rules rules;
    struct weir_segments segments;
    struct weir__intents intents;
    struct weir__stations stations;
    struct weir__batch batch;
    struct weir__sink sink;
    struct weir_buf record; /* of an intent read again */
    weir_time read_up_to;
    weir_time again_at; /* a delivery failed: not before */
    uint32_t failures;  /* in a row */
    bool is_failing;    /* and was said */
    pthread_mutex_t lock;
    struct weir_telemetry_figures figures;
};

WEIR_MUST_USE weir_status weir__exporter_start(
    struct weir_control *control, const struct weir__rules *rules,
    struct weir__exporter **exporter_out, struct weir_error *err);
void weir__exporter_stop(struct weir__exporter *exporter); /* NULL is fine */

#endif
