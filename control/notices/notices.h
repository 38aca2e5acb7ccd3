/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/notices/notices.h - what customers are told, and whether they
 * have seen it.
 *
 * A notice is a row of the store: whom it concerns, what it says, until when
 * something must be done and where to go. Posting it inside the transaction
 * of the deed it tells of makes both true at once. From there it is read
 * with `weir notices` and the admin API, acknowledged by the customer, and
 * delivered to his webhooks, at least once, until they answer 2xx or the
 * attempts are spent. docs/formats/notices.md has the bytes.
 *
 * Threads: as struct weir_store. Memory: spans are read before a function
 * returns; those given to a callback are valid until it returns.
 */
#ifndef WEIR_NOTICES_H
#define WEIR_NOTICES_H

#include "control/store/store.h"

/* Event types, as webhooks and the API name them. Others may be used: two
 * words of small letters and '_', a dot between. */
#define WEIR_NOTICE_MODEL_SUNSET   "model.sunset"
#define WEIR_NOTICE_MODEL_WITHDRAW "model.withdrawn"
#define WEIR_NOTICE_MODEL_RESTORE  "model.restored"
#define WEIR_NOTICE_RULE_CHANGE    "rule.change"
#define WEIR_NOTICE_KEY_STATE      "key.state"
#define WEIR_NOTICE_TEST           "notice.test"

#define WEIR_NOTICE_TEXT_MAX       2000 /* bytes of `text` */

struct weir_notice {
    weir_span type;     /* one of the above */
    weir_span tenant;   /* whose notice it is; required */
    weir_span key;      /* id of the one key it concerns, or empty: all */
    weir_span subject;  /* what it is about: a model, a key, a rule */
    weir_span text;     /* plain words: what, why, what to do */
    weir_span reason;   /* policy id or reason code, or empty */
    weir_span target;   /* where to go instead (a model), or empty */
    weir_span link;     /* URL with more, or empty */
    weir_time deadline; /* 0: none */
    /*
     * Posting the same reference for the same tenant twice posts nothing
     * the second time; empty: never the same. Name what would make the
     * notice a repetition, as "sunset:aurora-mini:2027-01-01".
     */
    weir_span reference;

    /* Filled by the store when read. */
    weir_span id; /* "ntc_..." */
    weir_time created;
    weir_span created_by;
    weir_time acknowledged; /* 0: not yet */
    weir_span acknowledged_by;
};

/*
 * Posts a notice, and one delivery for each webhook of the tenant. `by` is
 * who causes it ("control", a token id). Takes part in the caller's
 * transaction where there is one; alone it is one of its own. `id_out` (may
 * be NULL) is empty where the reference was posted before. EPARSE: tenant,
 * type or text is missing, not UTF-8 or too long.
 */
WEIR_MUST_USE weir_status weir_notice_post(struct weir_store *store,
                                           const struct weir_notice *notice,
                                           weir_span by, weir_time now,
                                           char id_out[WEIR_STORE_ID_MAX],
                                           struct weir_error *err);

struct weir_notice_filter {
    weir_span tenant; /* empty: all */
    bool is_open;     /* only those not acknowledged */
    uint32_t limit;   /* 0: 1000 */
};
/* Newest first; the callback returns false to stop. */
typedef bool weir_notice_on_row(void *context, const struct weir_notice *row);
WEIR_MUST_USE weir_status weir_notices(struct weir_store *store,
                                       const struct weir_notice_filter *filter,
                                       weir_notice_on_row *on_row,
                                       void *context, struct weir_error *err);

/* ENOTFOUND (also when it is another tenant's; `tenant` empty: any);
 * ECONFLICT: acknowledged before. */
WEIR_MUST_USE weir_status weir_notice_acknowledge(struct weir_store *store,
                                                  weir_span id,
                                                  weir_span tenant,
                                                  weir_span by, weir_time now,
                                                  struct weir_error *err);

/* Who shows a customer's own key, to read his notices. */
struct weir_notice_caller {
    char key[WEIR_STORE_ID_MAX];
    char tenant[256];
};
/* EUNAUTH: unknown, revoked or over. A key on hold may read. */
WEIR_MUST_USE weir_status weir_notice_caller(
    struct weir_store *store, const uint8_t digest[32], weir_time now,
    struct weir_notice_caller *caller_out, struct weir_error *err);

/* -------------------------------------------------------------- webhooks */

#define WEIR_WEBHOOK_SECRET_BYTES 32
#define WEIR_WEBHOOK_SECRET_TEXT  64 /* "whsec_" and base64, and a NUL */
#define WEIR_WEBHOOK_URL_MAX      1024

/* Attempts of a delivery before it is dead; the waits between them are
 * 5 s, 30 s, 2 min, 10 min, 1 h, 4 h, 12 h, each with a jitter of a tenth. */
#define WEIR_DELIVERY_ATTEMPTS_MAX 8
/* A receiver that does not answer (no connection, time over, 408, 429, 5xx)
 * waits as a whole by the same row, at most 10 min, and is then tried with
 * one delivery; what it has not got after three days is dead. */
#define WEIR_RECEIVER_WAIT_MAX (600 * WEIR_US_PER_SEC)
#define WEIR_DELIVERY_AGE_MAX  (3 * WEIR_US_PER_DAY)

struct weir_webhook {
    weir_span id; /* "whk_..." */
    weir_span tenant;
    weir_span url;
    weir_time created;
    weir_span created_by;
    weir_time removed; /* 0: in use */
    uint32_t failures; /* one after the other: it does not answer */
    weir_time next;    /* not tried before */
};

/*
 * https, or http to this machine's loopback; EPARSE otherwise. The secret's
 * text is given out here and nowhere else.
 */
WEIR_MUST_USE weir_status weir_webhook_add(
    struct weir_store *store, const struct weir_webhook *webhook,
    const uint8_t secret[WEIR_WEBHOOK_SECRET_BYTES], struct weir_error *err);
/* The same two as deeds, with the act beside each: control.h. */
struct weir_control;
struct weir_actor;
WEIR_MUST_USE weir_status weir_control_webhook_create(
    struct weir_control *control, const struct weir_actor *actor,
    const struct weir_webhook *webhook,
    const uint8_t secret[WEIR_WEBHOOK_SECRET_BYTES], struct weir_error *err);
WEIR_MUST_USE weir_status weir_control_webhook_remove(
    struct weir_control *control, const struct weir_actor *actor, weir_span id,
    struct weir_error *err);
/* ENOTFOUND; its deliveries that are under way end as dead. */
WEIR_MUST_USE weir_status weir_webhook_remove(struct weir_store *store,
                                              weir_span id, weir_time now,
                                              struct weir_error *err);
typedef bool weir_webhook_on_row(void *context, const struct weir_webhook *row);
WEIR_MUST_USE weir_status weir_webhooks(struct weir_store *store,
                                        weir_webhook_on_row *on_row,
                                        void *context, struct weir_error *err);

/* ------------------------------------------------------------ deliveries */

enum weir_delivery_state {
    WEIR_DELIVERY_WAITING = 1,
    WEIR_DELIVERY_DONE = 2, /* answered 2xx */
    WEIR_DELIVERY_DEAD = 3  /* attempts spent, or the webhook removed */
};
const char *weir_delivery_state_name(enum weir_delivery_state state);

struct weir_delivery {
    int64_t number;
    enum weir_delivery_state state;
    weir_span notice; /* ids */
    weir_span webhook;
    uint32_t attempts;
    weir_time next; /* when it is tried again; of WAITING */
    weir_time last; /* when it was tried last; 0: never */
    uint32_t http_status;
    weir_span error; /* of the last attempt, or empty */
};
typedef bool weir_delivery_on_row(void *context,
                                  const struct weir_delivery *row);
/* Newest first; `state` 0: all. */
WEIR_MUST_USE weir_status weir_deliveries(
    struct weir_store *store, enum weir_delivery_state state, uint32_t limit,
    weir_delivery_on_row *on_row, void *context, struct weir_error *err);
/* A dead delivery waits again, with all its attempts. ENOTFOUND. */
WEIR_MUST_USE weir_status weir_delivery_retry(struct weir_store *store,
                                              int64_t number, weir_time now,
                                              struct weir_error *err);

/*
 * Delivers what is due at `now`, several receivers at once: at most `most`,
 * and waits for all their answers. The number still waiting and the time of
 * the next are given back. Only a failure of the store is an error. Must not
 * be inside a transaction.
 */
struct weir_deliver_result {
    uint32_t tried;
    uint32_t done;
    uint32_t waiting;
    weir_time next; /* WEIR_TIME_MAX: nothing waits */
};
WEIR_MUST_USE weir_status weir_deliver(struct weir_store *store, weir_time now,
                                       uint32_t most,
                                       struct weir_deliver_result *result_out,
                                       struct weir_error *err);

/*
 * The same without an end: what is on its way stays so between two turns. At
 * most 64 at once, 8 to one host, 4 to one receiver, one to a receiver that
 * did not answer last. Threads: one. ENOMEM.
 */
struct weir_sender;
WEIR_MUST_USE weir_status weir_sender_new(struct weir_store *store,
                                          struct weir_sender **sender_out,
                                          struct weir_error *err);
/* Breaks off what is on its way: it is made again. NULL is fine. */
void weir_sender_free(struct weir_sender *sender);
/* Begins what is due, at most `most`, waits at most `wait_ms` for an answer,
 * and writes down those that came. How many were begun, have ended (`tried`,
 * of these `done`), and are on their way. */
struct weir_sender_turn {
    uint32_t begun;
    uint32_t tried;
    uint32_t done;
    uint32_t open;
};
WEIR_MUST_USE weir_status weir_sender_turn(struct weir_sender *sender,
                                           weir_time now, uint32_t most,
                                           int wait_ms,
                                           struct weir_sender_turn *turn_out,
                                           struct weir_error *err);

#endif
