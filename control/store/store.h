/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/store/store.h - what control remembers: keys, withdrawals, admin
 * tokens, acts, the ledger and how far the journal was read.
 *
 * The ledger is made from the journal and can be made again; the rest is
 * the only copy. docs/formats/store.md has the schema.
 *
 * Threads: one store object belongs to one thread; several may be open on
 * the same file, in any number of processes. Writers wait for each other.
 * Memory: spans handed to a callback are valid until it returns; spans given
 * to a function are read before it returns.
 */
#ifndef WEIR_STORE_H
#define WEIR_STORE_H

#include <weir/journal.h>
#include <weir/record.h>
#include <weir/tags.h>

struct weir_store;

/*
 * Opens (and makes, with its directory, if `may_create`) the store below
 * `state_dir`, and brings an older schema up to date. ENOTFOUND: there is
 * none; EVERSION: a newer program has written it; EIO, ECORRUPT.
 */
WEIR_MUST_USE weir_status weir_store_open(const char *state_dir,
                                          bool may_create,
                                          struct weir_store **store_out,
                                          struct weir_error *err);
/* The same of watch.db, which holds the watch's pools and nothing else: what
 * stands in it follows from the journal and may be removed. */
WEIR_MUST_USE weir_status weir_store_open_pools(const char *state_dir,
                                                bool may_create,
                                                struct weir_store **store_out,
                                                struct weir_error *err);
void weir_store_close(struct weir_store *store); /* NULL is fine */
/* Relaxed, a commit survives the death of every process, but not always that
 * of the machine: for what can be made again (ingest). A commit that is not
 * relaxed makes those before it safe too. Not inside a transaction. */
WEIR_MUST_USE weir_status weir_store_relax(struct weir_store *store,
                                           bool is_relaxed,
                                           struct weir_error *err);

/* From here on this store's commits leave the write-ahead log as it is: who
 * writes much in many transactions calls weir_store_checkpoint() now and
 * then, where nobody waits for him. */
void weir_store_checkpoint_by_hand(struct weir_store *store);
/* Does what can be done without waiting for others. Not inside a
 * transaction; that it could not is no error. */
void weir_store_checkpoint(struct weir_store *store);

/* Everything between begin and commit becomes true at once, or not at all.
 * Do not nest. */
WEIR_MUST_USE weir_status weir_store_begin(struct weir_store *store,
                                           struct weir_error *err);
WEIR_MUST_USE weir_status weir_store_commit(struct weir_store *store,
                                            struct weir_error *err);
void weir_store_rollback(struct weir_store *store);
/* Whether a transaction was begun on this object and is not over. */
bool weir_store_is_inside(const struct weir_store *store);

/* Until the end, everything is read as of one moment. */
WEIR_MUST_USE weir_status weir_store_read_begin(struct weir_store *store,
                                                struct weir_error *err);
void weir_store_read_end(struct weir_store *store);

/* Named numbers: generations, positions. 0 when never set. */
WEIR_MUST_USE weir_status weir_store_number_get(struct weir_store *store,
                                                const char *name,
                                                int64_t *value_out,
                                                struct weir_error *err);
WEIR_MUST_USE weir_status weir_store_number_set(struct weir_store *store,
                                                const char *name, int64_t value,
                                                struct weir_error *err);
/* Adds one and returns the new value; never the same twice. */
WEIR_MUST_USE weir_status weir_store_number_next(struct weir_store *store,
                                                 const char *name,
                                                 int64_t *value_out,
                                                 struct weir_error *err);

/* Named secrets of control itself (signing key, salts). False in *is_there
 * when there is none. */
WEIR_MUST_USE weir_status weir_store_secret_get(struct weir_store *store,
                                                const char *name,
                                                uint8_t bytes_out[32],
                                                bool *is_there_out,
                                                struct weir_error *err);
WEIR_MUST_USE weir_status weir_store_secret_set(struct weir_store *store,
                                                const char *name,
                                                const uint8_t bytes[32],
                                                struct weir_error *err);

/* -------------------------------------------------------------- leaves */

/* Leaves of the transparency log that its checkpoint may not cover yet:
 * digests of 32 bytes each, back to back, numbered from `first`. */
WEIR_MUST_USE weir_status weir_store_leaves_put(struct weir_store *store,
                                                uint64_t first,
                                                weir_span digests,
                                                struct weir_error *err);
/* Batches that reach to or beyond leaf `from`, in order. */
typedef bool weir_store_on_leaves(void *context, uint64_t first,
                                  weir_span digests);
WEIR_MUST_USE weir_status weir_store_leaves(struct weir_store *store,
                                            uint64_t from,
                                            weir_store_on_leaves *on_leaves,
                                            void *context,
                                            struct weir_error *err);
/* Forgets batches whose leaves are all below `size`. */
WEIR_MUST_USE weir_status weir_store_leaves_drop(struct weir_store *store,
                                                 uint64_t size,
                                                 struct weir_error *err);

/* -------------------------------------------------------------- keys */

#define WEIR_STORE_ID_MAX 40

struct weir_store_key {
    weir_span id; /* "wk_..." */
    uint8_t digest[32];
    weir_span tenant;
    weir_span project;
    weir_span purpose;
    weir_span staff;     /* jurisdiction */
    weir_span end_users; /* jurisdictions, separated by one space */
    weir_span limits;    /* "tokens/day=1000 ...", or empty */
    weir_span scope;     /* "zone:EU", "region:NAME"; empty: global */
    weir_span tags;      /* weir/tags.h, written; or empty */
    weir_time created;
    weir_span created_by;
    weir_time not_after; /* WEIR_TIME_MAX: never */
    weir_time revoked;   /* 0: not */
    weir_span revoked_by;
};

/* ECONFLICT: id or digest is there already. */
WEIR_MUST_USE weir_status weir_store_key_add(struct weir_store *store,
                                             const struct weir_store_key *key,
                                             struct weir_error *err);
/* ENOTFOUND; ECONFLICT: revoked before. */
WEIR_MUST_USE weir_status weir_store_key_revoke(struct weir_store *store,
                                                weir_span id, weir_time now,
                                                weir_span by,
                                                struct weir_error *err);
/* In order of creation; the callback returns false to stop. */
typedef bool weir_store_on_key(void *context, const struct weir_store_key *key);
WEIR_MUST_USE weir_status weir_store_keys(struct weir_store *store,
                                          weir_store_on_key *on_key,
                                          void *context,
                                          struct weir_error *err);

/* Ids of keys that were revoked at `from` or later. */
typedef bool weir_store_on_key_id(void *context, weir_span id);
WEIR_MUST_USE weir_status weir_store_keys_revoked(struct weir_store *store,
                                                  weir_time from,
                                                  weir_store_on_key_id *on_id,
                                                  void *context,
                                                  struct weir_error *err);

/* ------------------------------------------------------- withdrawals */

struct weir_store_withdrawal {
    int kind; /* enum weir_kind */
    weir_span name;
    weir_time since;
    weir_span by;
    weir_span reason;
};

/* ECONFLICT: withdrawn already. */
WEIR_MUST_USE weir_status weir_store_withdraw(
    struct weir_store *store, const struct weir_store_withdrawal *withdrawal,
    struct weir_error *err);
/* ENOTFOUND: it was not withdrawn. */
WEIR_MUST_USE weir_status weir_store_restore(struct weir_store *store, int kind,
                                             weir_span name,
                                             struct weir_error *err);
typedef bool
weir_store_on_withdrawal(void *context,
                         const struct weir_store_withdrawal *withdrawal);
WEIR_MUST_USE weir_status weir_store_withdrawals(
    struct weir_store *store, weir_store_on_withdrawal *on_withdrawal,
    void *context, struct weir_error *err);

/* ------------------------------------------------------ admin tokens */

enum weir_role {
    /* What the watch says of one provider's models, and nothing else. */
    WEIR_ROLE_MODEL_OWNER = 0,
    WEIR_ROLE_VIEWER = 1,   /* figures and the catalogue */
    WEIR_ROLE_AUDITOR = 2,  /* and calls, keys, acts */
    WEIR_ROLE_OPERATOR = 3, /* and withdraw, restore, revoke, reload */
    WEIR_ROLE_ADMIN = 4,    /* and make keys and tokens */
};
const char *weir_role_name(enum weir_role role);
bool weir_role_parse(weir_span text, enum weir_role *role_out);

struct weir_store_token {
    weir_span id; /* "wt_..." */
    uint8_t digest[32];
    enum weir_role role;
    weir_span name; /* whose it is, for people */
    weir_time created;
    weir_time not_after;
    weir_time revoked;
};
WEIR_MUST_USE weir_status weir_store_token_add(
    struct weir_store *store, const struct weir_store_token *token,
    struct weir_error *err);
WEIR_MUST_USE weir_status weir_store_token_revoke(struct weir_store *store,
                                                  weir_span id, weir_time now,
                                                  struct weir_error *err);
/* ENOTFOUND. `id_out` and role: of a token that is neither revoked nor
 * over at `now`. */
WEIR_MUST_USE weir_status weir_store_token_find(struct weir_store *store,
                                                const uint8_t digest[32],
                                                weir_time now,
                                                char id_out[WEIR_STORE_ID_MAX],
                                                enum weir_role *role_out,
                                                struct weir_error *err);
/* Of a model owner's token: whose models. */
WEIR_MUST_USE weir_status
weir_store_token_set_provider(struct weir_store *store, weir_span id,
                              weir_span provider, struct weir_error *err);
#define WEIR_STORE_PROVIDER_MAX 129
/* Empty: the token is of no provider. */
WEIR_MUST_USE weir_status weir_store_token_provider(
    struct weir_store *store, weir_span id,
    char provider_out[WEIR_STORE_PROVIDER_MAX], struct weir_error *err);
typedef bool weir_store_on_token(void *context,
                                 const struct weir_store_token *token);
WEIR_MUST_USE weir_status weir_store_tokens(struct weir_store *store,
                                            weir_store_on_token *on_token,
                                            void *context,
                                            struct weir_error *err);

/* -------------------------------------------------------------- acts */

/* What a person or control did; the same is in the journal. */
struct weir_store_act {
    int64_t number; /* filled by the store */
    weir_time when;
    weir_span actor; /* token id, "local", "control" */
    weir_span role;
    weir_span action;  /* "key.create", "withdraw", ... */
    weir_span subject; /* what it was done to */
    weir_span detail;  /* JSON, no secrets */
};
WEIR_MUST_USE weir_status weir_store_act_add(struct weir_store *store,
                                             const struct weir_store_act *act,
                                             struct weir_error *err);
/* Newest first, at most `limit`. */
typedef bool weir_store_on_act(void *context, const struct weir_store_act *act);
WEIR_MUST_USE weir_status weir_store_acts(struct weir_store *store,
                                          uint32_t limit,
                                          weir_store_on_act *on_act,
                                          void *context,
                                          struct weir_error *err);

/* Acts that no record of the journal tells of yet, from the one behind
 * number `after`, oldest first. */
WEIR_MUST_USE weir_status weir_store_acts_pending(struct weir_store *store,
                                                  int64_t after,
                                                  weir_store_on_act *on_act,
                                                  void *context,
                                                  struct weir_error *err);
/* The act's record was read from the journal. */
WEIR_MUST_USE weir_status weir_store_act_journalled(struct weir_store *store,
                                                    int64_t number,
                                                    struct weir_error *err);

/* ------------------------------------------------------------ ledger */

enum weir_call_state {
    WEIR_CALL_OPEN = 1,
    WEIR_CALL_CLOSED = 2,
    WEIR_CALL_REFUSED = 3,
};

/* Where a record is. Leaf: its place in the transparency log, or -1. */
struct weir_store_at {
    uint64_t lane;
    uint64_t segment;
    uint64_t offset;
    int64_t leaf;
};

/*
 * Each is idempotent: what is there already changes nothing, and
 * *is_new_out says so. An outcome whose call is not open (its intent was
 * lost, or it is closed) adds a row of its own only if there is none.
 */
WEIR_MUST_USE weir_status weir_store_put_intent(
    struct weir_store *store, const struct weir_record_intent *intent,
    const struct weir_store_at *at, bool *is_new_out, struct weir_error *err);
WEIR_MUST_USE weir_status weir_store_put_refusal(
    struct weir_store *store, const struct weir_record_refusal *refusal,
    const struct weir_store_at *at, bool *is_new_out, struct weir_error *err);
/* `tenant_out` (may be NULL): whose call it was; lives as long as the
 * store's cache, until a rollback. */
WEIR_MUST_USE weir_status weir_store_put_outcome(
    struct weir_store *store, const struct weir_record_outcome *outcome,
    const struct weir_store_at *at, bool *is_new_out, weir_span *tenant_out,
    struct weir_error *err);

/* Batches decided in [from, to) that are open: their number, tokens and money
 * held. An empty name is any. */
struct weir_store_batches {
    weir_time from;
    weir_time to;
    weir_span tenant;
    weir_span project;
    weir_span key;
};
WEIR_MUST_USE weir_status weir_store_batches_held(
    struct weir_store *store, const struct weir_store_batches *of,
    int64_t held_out[3], struct weir_error *err);

/* Adds what put_outcome and put_refusal summed per day since the last time;
 * to be called before each commit of ingest. */
WEIR_MUST_USE weir_status weir_store_flush_totals(struct weir_store *store,
                                                  struct weir_error *err);

/* One line of the ledger. */
struct weir_store_call {
    struct weir_request_id request;
    enum weir_call_state state;
    weir_time decided;
    weir_span tenant;
    weir_span project;
    weir_span key;
    weir_span organisation;
    weir_span asked; /* the model's name as asked */
    weir_span country;
    uint32_t operation;
    bool is_streamed;
    bool is_estimated;
    uint32_t tier;
    uint8_t image[32];
    uint64_t overlay;
    uint64_t held_tokens;
    int64_t held_micros;
    struct weir_store_at first; /* intent or refusal */
    struct weir_store_at last;  /* outcome; segment 0: none */
    uint32_t ending;            /* enum weir_ending; 0 while open */
    uint32_t reason;            /* enum weir_reason of a refusal */
    uint32_t http_status;
    weir_span model; /* that answered */
    weir_span deployment;
    weir_span region;
    weir_span place;
    weir_span stored_in;
    weir_span currency;
    weir_span price_version;
    uint64_t input_tokens;
    uint64_t cached_tokens;
    uint64_t output_tokens;
    uint64_t reasoning_tokens;
    struct weir_record_units units;
    int64_t cost_micros;
    weir_time started;
    uint64_t first_byte_us;
    uint64_t total_us;
    uint64_t sent_bytes;
    uint32_t attempts;
};
typedef bool weir_store_on_call(void *context,
                                const struct weir_store_call *call);

/* ENOTFOUND. The spans live until the next call on this store. */
WEIR_MUST_USE weir_status weir_store_call_get(
    struct weir_store *store, const struct weir_request_id *request,
    struct weir_store_call *call_out, struct weir_error *err);
/* Calls that are open; `lane` 0: of every lane. */
WEIR_MUST_USE weir_status weir_store_open_calls(struct weir_store *store,
                                                uint64_t lane,
                                                weir_store_on_call *on_call,
                                                void *context,
                                                struct weir_error *err);
/* Lanes that have open calls. */
typedef bool weir_store_on_lane(void *context, uint64_t lane);
WEIR_MUST_USE weir_status weir_store_open_lanes(struct weir_store *store,
                                                weir_store_on_lane *on_lane,
                                                void *context,
                                                struct weir_error *err);
/* Every call in the order of request ids, from the one behind `after`
 * (NULL: the first). */
WEIR_MUST_USE weir_status weir_store_calls(struct weir_store *store,
                                           const struct weir_request_id *after,
                                           weir_store_on_call *on_call,
                                           void *context,
                                           struct weir_error *err);
/* The newest `limit` calls of a tenant (empty: all), newest first. */
WEIR_MUST_USE weir_status weir_store_calls_newest(
    struct weir_store *store, weir_span tenant, uint32_t limit,
    weir_store_on_call *on_call, void *context, struct weir_error *err);
/* True in *is_used_out when some call was decided by this image. */
WEIR_MUST_USE weir_status weir_store_image_is_used(struct weir_store *store,
                                                   const uint8_t digest[32],
                                                   bool *is_used_out,
                                                   struct weir_error *err);

/* What the call is charged back to (weir/tags.h); its length, 0: nothing. */
WEIR_MUST_USE weir_status weir_store_call_tags(
    struct weir_store *store, const struct weir_request_id *request,
    char text_out[WEIR_TAGS_BYTES], size_t *length_out, struct weir_error *err);

/* For whom a reseller made the call; empty: not said. */
#define WEIR_STORE_END_CUSTOMER_MAX 129
WEIR_MUST_USE weir_status weir_store_call_end_customer(
    struct weir_store *store, const struct weir_request_id *request,
    char name_out[WEIR_STORE_END_CUSTOMER_MAX], struct weir_error *err);

/* What was called for one end customer of a tenant. */
struct weir_store_end_customer {
    weir_span tenant;
    weir_span name;
    weir_span currency;
    uint64_t calls;
    uint64_t refused;
    uint64_t input_tokens;
    uint64_t output_tokens;
    int64_t cost_micros;
    weir_time first;
    weir_time last;
};
typedef bool
weir_store_on_end_customer(void *context,
                           const struct weir_store_end_customer *row);
/* By tenant (empty: all) and name. */
WEIR_MUST_USE weir_status weir_store_end_customers(
    struct weir_store *store, weir_span tenant,
    weir_store_on_end_customer *on_row, void *context, struct weir_error *err);

/* ------------------------------------------------------------- usage */

/* What to sum, and by what. Times are those of the decision: [from, to). */
struct weir_store_filter {
    weir_span tenant; /* empty: all */
    weir_time from;   /* WEIR_TIME_MIN: from the first */
    weir_time to;     /* WEIR_TIME_MAX: to the last */
    bool by_tenant;
    bool by_project;
    bool by_key;
    bool by_model;
    bool by_deployment;
    bool by_day;
};

struct weir_store_sum {
    weir_span tenant;
    weir_span project;
    weir_span key;
    weir_span model;
    weir_span deployment;
    weir_span currency;
    weir_time day;      /* start of the day, when by_day */
    uint64_t calls;     /* admitted and ended */
    uint64_t counted;   /* of these, those that budgets count */
    uint64_t open;      /* admitted, not ended yet */
    uint64_t refused;   /* never admitted */
    uint64_t lost;      /* of calls: a worker died */
    uint64_t estimated; /* of calls: usage was not counted by the origin */
    uint64_t input_tokens;
    uint64_t cached_tokens;
    uint64_t output_tokens;
    uint64_t reasoning_tokens;
    int64_t cost_micros;
};
typedef bool weir_store_on_sum(void *context, const struct weir_store_sum *sum);

/* Sums the ledger itself, row by row. */
WEIR_MUST_USE weir_status weir_store_usage(
    struct weir_store *store, const struct weir_store_filter *filter,
    weir_store_on_sum *on_sum, void *context, struct weir_error *err);
/* The same from the running daily totals; whole days only, no open calls. */
WEIR_MUST_USE weir_status weir_store_totals(
    struct weir_store *store, const struct weir_store_filter *filter,
    weir_store_on_sum *on_sum, void *context, struct weir_error *err);

/* The same grouped by the end customer that calls name, too: by tenant,
 * project, key and model, of calls that have ended. */
typedef bool weir_store_on_end_customer_sum(void *context,
                                            const struct weir_store_sum *sum,
                                            weir_span end_customer);
WEIR_MUST_USE weir_status weir_store_end_customer_usage(
    struct weir_store *store, weir_time from, weir_time to,
    weir_store_on_end_customer_sum *on_sum, void *context,
    struct weir_error *err);

#endif
