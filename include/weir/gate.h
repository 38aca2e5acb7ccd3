/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/gate.h - the life of one call: decide, admit, attempt, settle.
 *
 * Every route to a model goes through these functions in this order:
 *
 *   begin -> identify -> decide -> admit -> (wait until durable)
 *         -> first -> [next]... -> answered -> settle
 *
 * or ends early with refuse. A call that was admitted is settled exactly
 * once, whatever happens. The same decide() serves the data plane,
 * `weir explain`, `weir simulate` and the tests: it takes its time and its
 * facts as arguments.
 *
 * Fail closed: an error while deciding is turned into a deny in
 * weir_gate_decide() and nowhere else.
 *
 * Threads: a gate belongs to one thread (one worker). A view is shared by
 * the calls of that thread. Quota and lane are shared memory.
 * Memory: nothing is allocated from the heap; a call keeps spans of the
 * request and of its view, which the caller keeps until settle().
 */
#ifndef WEIR_GATE_H
#define WEIR_GATE_H

#include <weir/base.h>
#include <weir/cedar_whatif.h>
#include <weir/fair.h>
#include <weir/health.h>
#include <weir/image.h>
#include <weir/journal.h>
#include <weir/meter.h>
#include <weir/quota.h>
#include <weir/record.h>
#include <weir/route.h>
#include <weir/seal.h>
#include <weir/signals.h>
#include <weir/surface.h>
#include <weir/tags.h>
#include <weir/watch_indicators.h>
#include <weir/watch_score.h>

/* One consistent policy: a call takes one view and keeps it to its end. */
struct weir_view {
    struct weir_image image;
    struct weir_overlay overlay;
    uint32_t references; /* of one thread: not atomic */
};

struct weir_gate {
    const struct weir_env *env;
    struct weir_quota *quota; /* NULL in tools: no budgets */
    uint32_t quota_lane;
    struct weir_signals *signals; /* NULL: nobody is seen travelling */
    const struct weir_indicators *indicators; /* NULL: none are shared */
    /* NULL: no deployment is ever passed over. Calls in flight are counted
     * in quota_lane, which is cleared before this is set. */
    struct weir_health *health;
    struct weir_fair *fair;            /* NULL: nobody waits for a place */
    struct weir_journal_lane *journal; /* NULL: no call is admitted */
    void (*ring_bell)(void *context);  /* weir_lane_ring_bell() */
    void *bell_context;
    uint64_t outcomes_unwritten; /* the journal was full: must stay 0 */
    uint64_t refusals_unwritten;
    uint64_t lines_unwritten; /* of batches, that the watch does not see */
};

/* ----------------------------------------------------------- decide */

/* Of policy data that could not be read: stale whatever the image says. */
#define WEIR_CONFIRMED_NEVER (-1)

struct weir_question {
    uint32_t key; /* row of the image */
    enum weir_operation operation;
    weir_span model; /* as asked: a model's name or an alias */
    bool is_streamed;
    bool is_shadow;         /* a copy: only routes for these are there */
    weir_span address;      /* text of the client's address, or empty */
    weir_span country;      /* ISO 3166-1 alpha-2, or empty: unknown */
    weir_span end_customer; /* as named by the caller, or empty */
    weir_span tool;         /* of WEIR_OP_CALL_TOOL: one that is declared */
    weir_time now;
    weir_time confirmed_us; /* of the board; 0 = do not check age */
    struct weir_signal_facts signals;
    /* Grants of the overlay that may be tried, from this row on;
     * WEIR_INDEX_NONE: none of them. */
    uint32_t first_grant;
    weir_span exception; /* only the grant of this id; empty: any */
    /* Its name, where it is known to have let the call through: traces and
     * queries have it as context.exception. */
    weir_span exception_name;
};

#define WEIR_DECIDING_MAX 8 /* policy ids kept per candidate; more: counted */

struct weir_candidate {
    uint32_t deployment; /* row of the image */
    uint32_t weight;
    enum weir_verdict verdict;
    enum weir_reason reason;
    uint32_t policies[WEIR_DECIDING_MAX]; /* deciding policies */
    uint32_t policy_count;                /* all, may exceed */
    uint32_t shadows[WEIR_DECIDING_MAX];
    uint32_t shadow_count;
};

struct weir_obligations {
    uint32_t strip;  /* WEIR_STRIP_* */
    uint32_t max_n;  /* 0 = no cap */
    uint32_t tier;   /* enum weir_tier */
    weir_ref retain; /* class of content; of several the first by name */
    weir_ref monitor;
    bool keeps_nothing; /* @retain("none") or @monitor("modified"): no content,
                           whatever else asks */
    uint32_t filters;   /* rows of the image, as bits: all of them act */
    uint32_t cache_s;   /* the shortest; 0: not said; WEIR_CACHE_NEVER */
    uint32_t classifiers; /* the same: asked for the watch alone */
};

struct weir_answer {
    enum weir_verdict verdict; /* of the call */
    enum weir_reason reason;
    uint32_t route;     /* row, or WEIR_INDEX_NONE */
    uint32_t speaking;  /* candidate a refusal quotes */
    uint32_t exception; /* grant that let it through, a row of the overlay;
                           WEIR_INDEX_NONE: none was needed, or none helps */
    uint32_t step; /* of the watch, a row of the overlay: the strictest that
                           meets the call; WEIR_INDEX_NONE: none does */
    struct weir_obligations obligations; /* strictest over the allowed */
    uint32_t candidate_count;
    struct weir_candidate candidates[WEIR_CANDIDATES_MAX];
};

/*
 * Asks the policy for every candidate of the model. Never fails: an unknown
 * model, a withdrawal, stale data and an error while deciding are verdicts
 * with their reason. The call is allowed when any candidate is; held when
 * none is allowed and any is held; else denied.
 */
void weir_gate_decide(const struct weir_view *view,
                      const struct weir_question *question,
                      struct weir_answer *answer_out);

/* The step of the watch that was taken; NULL: none. Hold and suspend are in
 * the verdict, strip in the obligations, slow is in weir_call.step. */
const struct weir_watch_step *weir_gate_step(const struct weir_view *view,
                                             const struct weir_answer *answer);

/* "strip; case=wc_12; until=2026-12-01T00:00:00Z", for a header; its length.
 * 0: no step was taken. */
#define WEIR_CALL_STEP_TEXT 128
size_t weir_call_step_text(const struct weir_record_step *step,
                           char text_out[WEIR_CALL_STEP_TEXT]);

/* Whom the key's calls belong to: subjects only, the rest is 0. */
void weir_gate_pools(const struct weir_image *image, uint32_t key,
                     weir_span end_customer,
                     struct weir_watch_pools *pools_out);

/* The id of that grant; empty where there is none. */
weir_span weir_gate_exception(const struct weir_view *view,
                              const struct weir_answer *answer);

/* Whether that grant is one of the watch: no step meets the call. */
bool weir_gate_is_granted(const struct weir_view *view,
                          const struct weir_answer *answer);

/* True when the overlay withdraws the deployment, its model, its provider,
 * who operates it, or the place where it runs or stores. */
bool weir_gate_is_withdrawn(const struct weir_image *image,
                            const struct weir_overlay *overlay,
                            uint32_t deployment);

/* One deployment only, as /v1/models and reports ask. */
void weir_gate_decide_one(const struct weir_view *view,
                          const struct weir_question *question,
                          uint32_t deployment,
                          struct weir_candidate *candidate_out);

/* -------------------------------------------------------------- key */

/* Longest key that is looked at; weir's own have 3 + 43 + 6 characters. */
#define WEIR_KEY_BYTES_MAX 256

/*
 * The key in the value of an Authorization header ("Bearer wr_...", the
 * scheme in any case, one blank or more behind it), or, with
 * `is_bare`, in a header that holds only the key (api-key, x-api-key).
 * Blanks round it are dropped. Empty: there is none, or it holds anything
 * but letters, digits, `_`, `-`, `.` (so that no odd byte travels further).
 */
weir_secret weir_key_read(weir_span value, bool is_bare);

/*
 * What one policy reads and finds in the request that decide() asks about
 * this deployment: for explanations. An image whose expressions are nested
 * too deep to evaluate gives WEIR_CEDAR_FAILED.
 */
enum weir_cedar_result weir_gate_trace(const struct weir_view *view,
                                       const struct weir_question *question,
                                       uint32_t deployment, uint32_t policy,
                                       weir_cedar_on_read *on_read,
                                       void *context);

/*
 * The question about this deployment as a query of the language, with the
 * facts that decide() goes by; names are borrowed, the rest is in `arena`.
 * ENOMEM.
 */
WEIR_MUST_USE weir_status weir_gate_query(const struct weir_image *image,
                                          const struct weir_question *question,
                                          uint32_t deployment,
                                          struct weir_arena *arena,
                                          struct weir_cedar_query *query_out,
                                          struct weir_error *err);

/*
 * The smallest change of facts, among those searched, under which policy
 * would allow this deployment; for explanations, never to decide by. A
 * forbid that fails denies here too. Withdrawals, operations and stale data
 * are outside it: they are no facts that a policy reads. `trial_max`: how
 * many decisions may be tried. ENOMEM: the arena is full; ELIMIT: an image
 * whose expressions are nested too deep to evaluate.
 */
WEIR_MUST_USE weir_status weir_gate_whatif(
    const struct weir_view *view, const struct weir_question *question,
    uint32_t deployment, uint32_t trial_max, struct weir_arena *arena,
    struct weir_cedar_whatif *whatif_out, struct weir_error *err);

/* ------------------------------------------------------------- call */

/* What the surface read from the request; spans borrowed. */
struct weir_ask {
    enum weir_operation operation;
    weir_span model;
    bool is_streamed;
    uint64_t input_tokens;      /* estimate of the prompt */
    uint64_t output_tokens_max; /* 0: the model's own maximum */
    uint32_t n;                 /* answers asked for, 1.. */
    uint64_t body_bytes;
    weir_span body;      /* for sticky routes, until admitted; may be empty */
    weir_span metadata;  /* its member of that name, as JSON; may be empty */
    bool knows_service;  /* false: the word is searched for in `body` */
    bool wants_priority; /* of levels of service; where it is known */
    bool knows_names;    /* `names` was filled */
    struct weir_json_names names; /* of the body's members */
    bool is_lookup; /* asks no model for anything: nothing is held */
    /* Of tool servers: the method, and behind a blank the tool where one is
     * called: weir_record_tool(). Borrowed until the call is settled. */
    weir_span tool;
    uint64_t prompt_bytes; /* that factors estimate; 0: input_tokens stands */
    uint32_t shape;        /* WEIR_SIZES_* */
};

struct weir_client {
    weir_span address;      /* text, IPv4 or IPv6 */
    weir_span country;      /* as the database has it; empty: unknown */
    weir_span end_customer; /* of the header weir-end-customer; or empty */
    weir_span tags;         /* of the header weir-tags; or empty */
    uint32_t system;        /* autonomous system's number; 0: unknown */
    /* Why, where either is; 0 counts as WEIR_UNKNOWN_NO_DATABASE. */
    enum weir_unknown country_unknown;
    enum weir_unknown system_unknown;
    uint8_t bits[16]; /* of the address, IPv4 mapped into IPv6 */
    bool has_bits;
    struct weir_trace trace; /* of the header traceparent */
    /* The call this is a copy of, its id as text; empty: it is none. Set by
     * who makes copies, never by a client. */
    weir_span shadow_of;
    /* The session this is a part of, its id as text; as above. */
    weir_span session_of;
    /* A look that weir itself takes for a list, or in its own time: it is
     * decided and recorded, and holds nothing of a budget. */
    bool is_part;
    weir_span key_id; /* on whose behalf, where no key was shown; or empty */
};

/* Who stands in records of copies that the operator pays for. */
#define WEIR_OPERATOR "(operator)"

/* Whose limit it is. */
enum weir_limit_kind {
    WEIR_LIMIT_KEY = 0,
    WEIR_LIMIT_PROJECT = 1,
    WEIR_LIMIT_TENANT = 2,
    WEIR_LIMIT_BUDGET = 3, /* by name: weir/budget.h */
    WEIR_LIMIT_STEP = 4,   /* a step of the watch */
    WEIR_LIMIT_GRANT = 5   /* of an exception */
};

#define WEIR_LIMIT_SOME_MODELS (UINT32_MAX - 1)

struct weir_call_limit {
    uint32_t kind;  /* enum weir_limit_kind */
    uint32_t row;   /* of the budget */
    uint32_t model; /* it counts only this model's answers: a row;
                       WEIR_LIMIT_SOME_MODELS: those of the budget's models;
                       WEIR_INDEX_NONE: all */
};

struct weir_call {
    struct weir_gate *gate;
    const struct weir_view *view;
    struct weir_request_id id;
    weir_time started;
    weir_time confirmed_us;
    uint32_t key; /* rows; WEIR_INDEX_NONE until identified */
    uint32_t project;
    uint32_t tenant;
    uint32_t organisation;
    struct weir_client client;
    struct weir_ask ask;
    struct weir_signal_facts signals; /* as decide was told */
    struct weir_record_step step;     /* of the watch, that is applied */
    /* What classifiers said, set before refuse() or settle(); borrowed. */
    const struct weir_record_opinion *opinions;
    uint32_t opinion_count;
    enum weir_reason reason;  /* of a refusal */
    bool is_end_customer_bad; /* the header was given and is no name */
    bool is_admitted;
    bool is_settled;
    bool is_answered;
    bool is_watched; /* `watching` is in use */
    bool has_hold;
    uint32_t barred; /* candidates that are not tried: a bit each */
    uint64_t held_tokens;
    weir_micros held_micros;
    weir_hold hold;
    weir_quota_refusal full;  /* which window, when EBUDGET */
    uint64_t intent_position; /* in the lane */
    uint32_t current;         /* candidate number of the attempt under way */
    uint32_t attempt_count;
    weir_time attempt_started;
    weir_health_slot slot; /* in the deployment that is tried */
    uint32_t tags_bytes;
    bool is_heard; /* how this attempt went is noted */
    bool is_hit;   /* answered by one that was kept */
    uint32_t hit_age_s;
    uint32_t queued_ms; /* waited for a place, in all */
    bool is_queued;     /* waits for a place in `queue_candidate` */
    bool is_turn;       /* is being given one */
    uint32_t queue_candidate;
    weir_time queued_at;
    bool is_retry; /* what waits is another attempt, after `retried` */
    struct weir_attempt_result retried;
    uint64_t fair_deployment; /* whose place is counted; 0: none */
    uint32_t said_over;       /* bit per candidate: passed over, recorded */
    weir_time asked_again_at; /* soonest of those passed over; 0: not known */
    struct weir_record_choice choice; /* so far */
    bool wants_json;                  /* an answer by a schema, or JSON */
    uint32_t required_bytes;          /* of `required` */
    uint32_t limit_count;             /* of `limits`, as held */
    uint32_t unaffordable; /* bit per candidate: its model's budget is full */
    /* Not zeroed by begin(), some kilobytes: counts say what is there. */
    struct weir_watch_call watching;
    uint8_t standing[WEIR_CANDIDATES_MAX];      /* enum weir_health_state */
    uint64_t order_values[WEIR_CANDIDATES_MAX]; /* of modes that sort */
    enum weir_sticky_by sticky_by;
    char tags[WEIR_TAGS_BYTES]; /* written */
    char required[512];         /* the schema's `required`, as JSON */
    weir_quota_limit limits[WEIR_QUOTA_LIMITS_MAX];
    struct weir_call_limit limits_of[WEIR_QUOTA_LIMITS_MAX];
    struct weir_route_plan plan;
    struct weir_record_attempt attempts[WEIR_ATTEMPTS_MAX];
    struct weir_answer answer;
};

void weir_call_begin(struct weir_call *call, struct weir_gate *gate,
                     const struct weir_view *view,
                     const struct weir_client *client, weir_time confirmed_us);

/* EUNAUTH: no key, unknown, revoked or expired (call->reason says which);
 * EHELD: the key is on hold. */
WEIR_MUST_USE weir_status weir_call_identify(struct weir_call *call,
                                             weir_secret key,
                                             struct weir_error *err);

/* The same for weir's own looks, which show no key: call->client.key_id. */
WEIR_MUST_USE weir_status weir_call_identify_as(struct weir_call *call,
                                                struct weir_error *err);

/* EDENIED, EHELD, ENOTFOUND (unknown model), ESTALE; EPARSE: the caller has to
 * name an end customer and did not, or what he named is no name; or his tags
 * are none. */
WEIR_MUST_USE weir_status weir_call_decide(struct weir_call *call,
                                           const struct weir_ask *ask,
                                           struct weir_error *err);

/*
 * Watches the call, where its tenant and a model that may serve it are
 * watched: reads the features of the request. `body` is one that
 * weir_surface_parse() accepted. After weir_call_decide(), whatever that
 * said: a refusal is recorded with what was asked.
 */
void weir_call_watch(struct weir_call *call, weir_span body);
/* And of the reply, as the client gets it: at any split, any dialect. */
void weir_call_watch_reply(struct weir_call *call, weir_span bytes);

/*
 * Holds budget, orders the candidates, appends the intent. When the tier is
 * durable, `*position_out` is what weir_journal_is_durable() must reach
 * before the first attempt; 0 when there is nothing to wait for.
 * EBUDGET, ERATE (call->full), EUNAVAIL (no room in the journal). EDENIED:
 * what a grant had left is gone, and no other grant helps.
 */
WEIR_MUST_USE weir_status weir_call_admit(struct weir_call *call,
                                          uint64_t *position_out,
                                          struct weir_error *err);

enum weir_next {
    WEIR_NEXT_TRY,    /* send to `deployment`, after `wait_us` */
    WEIR_NEXT_ANSWER, /* pass the last reply on, whatever it is */
    WEIR_NEXT_REFUSE, /* nothing to pass on: refuse with err */
    WEIR_NEXT_WAIT,   /* for a place in `deployment`, `wait_us` at most */
};

struct weir_step {
    enum weir_next next;
    uint32_t deployment; /* row of the image */
    int64_t wait_us;
};

/*
 * The first attempt. Candidates withdrawn since the decision are passed
 * over: `overlay` is the newest one, not that of the view; so are those
 * that are out, resting or full (weir/health.h), and the attempts say so.
 * When none is left: WEIR_NEXT_REFUSE with EDENIED in err; EUNAVAIL, ERATE
 * where only their health stands in the way.
 */
struct weir_step weir_call_first(struct weir_call *call,
                                 const struct weir_overlay *overlay,
                                 weir_time now, struct weir_error *err);

/* ------------------------------------------------------------- queues */

/*
 * Where deployments that may serve the call are full and one of them has a
 * queue with room, weir_call_first() says WEIR_NEXT_WAIT. The caller holds
 * the call and asks of those that wait whose turn it is; the one with the
 * smallest tag that is ready resumes.
 */

/* Whether it could have a place now, the turn apart. */
bool weir_call_is_ready(const struct weir_call *call, weir_time now);
/* Where it stands among those that wait: weir_fair_tag(); 0 where a place is
 * reserved for it, WEIR_FAIR_NONE while its tenant has all it may have. */
uint64_t weir_call_tag(const struct weir_call *call);
/* What it waits for: the deployment's hash. */
uint64_t weir_call_queue(const struct weir_call *call);
/* Its turn has come: as what said WEIR_NEXT_WAIT, or that again. */
struct weir_step weir_call_resume(struct weir_call *call,
                                  const struct weir_overlay *overlay,
                                  weir_time now, struct weir_error *err);
/* It has waited too long: EUNAVAIL in err. */
void weir_call_give_up(struct weir_call *call, weir_time now,
                       struct weir_error *err);

/*
 * The attempt ended as `result` before any byte reached the client.
 * Another one (with its own host, path, key and body), or its reply is the
 * answer, or EUPSTREAM / ETIMEOUT in err naming the hop that failed. WAIT, as
 * weir_call_first(): all that is left to try is full and has a queue; the
 * reply, if there is one, is thrown away then.
 */
struct weir_step weir_call_next(struct weir_call *call,
                                const struct weir_attempt_result *result,
                                const struct weir_overlay *overlay,
                                weir_time now, struct weir_error *err);

/*
 * An answer that is whole and of which the client has nothing yet: whether the
 * route minds what is in it, and then, whether it goes to the next tier.
 * `body` is the origin's. True: `step_out` is the next attempt, the answer is
 * to be thrown away; what it cost is in the record and on nobody's bill.
 */
bool weir_call_minds_answer(const struct weir_call *call);
/* Whether a call of a trial was answered with a no, by the reason or by how
 * a short answer begins; false also where `body` is no answer of a chat. */
bool weir_call_is_refused(const struct weir_call *call, weir_span body);
bool weir_call_escalate(struct weir_call *call, weir_span body,
                        const struct weir_overlay *overlay, weir_time now,
                        struct weir_step *step_out);

/* The current attempt is the answer: its head is on its way. */
void weir_call_answered(struct weir_call *call, uint32_t http_status,
                        weir_time now);

/* -------------------------------------------------------------- cache */

/*
 * So long the answer to this call may be kept and given again, in seconds; 0:
 * not at all. What a policy that let it through says, or its route, the
 * shorter; never for a tenant that is not to be cached, nor where an
 * obligation keeps nothing unless the tenant has agreed; never for sound and
 * images. After decide().
 */
uint32_t weir_call_cache_s(const struct weir_call *call);

/* What made an answer: deployment, its model's name there, its origin. An
 * answer is given again only while this is the same. */
uint64_t weir_call_source(const struct weir_image *image, uint32_t deployment);

/*
 * A kept answer of `source`, `age_s` old, is about to be given in place of
 * a first attempt. False: no candidate of this call is that deployment, is
 * allowed and not withdrawn by `overlay`, the newest; nothing has changed
 * then. After true the call is answered and costs what a hit costs.
 */
bool weir_call_hit(struct weir_call *call, uint64_t source, uint32_t age_s,
                   const struct weir_overlay *overlay);

/* True when `overlay` withdraws what serves this call, or its caller. */
bool weir_call_is_withdrawn(const struct weir_call *call,
                            const struct weir_overlay *overlay);

struct weir_settlement {
    enum weir_ending ending;
    uint32_t http_status;
    struct weir_usage usage;
    uint64_t first_byte_us; /* after start; 0 = none */
    uint64_t sent_bytes;
    uint64_t content_bytes; /* text the model wrote; 0: not known */
    weir_span origin_request;
    weir_span finding;  /* what a pin found instead; empty = all held */
    weir_span filtered; /* what filters found: see the record */
    weir_span finish;   /* why the answer ended; empty: nobody said */
};

/* The parts of usage that a record keeps beside its four counts. */
struct weir_record_units weir_record_units_of(const struct weir_usage *usage);

/* What passed when nobody counted, by the factors of the model that answered
 * (weir/factor.h); `answer_bytes` as in weir_usage_estimate(). */
struct weir_usage weir_call_estimate(const struct weir_call *call,
                                     uint64_t answer_bytes);

/* Tokens of a prompt for the model that this name stands for first: what
 * count_tokens answers. */
uint64_t weir_gate_count(const struct weir_image *image, weir_span model,
                         uint64_t prompt_bytes, uint32_t shape);

/* What the usage costs at the answering deployment's price. */
weir_micros weir_call_cost(const struct weir_call *call,
                           const struct weir_usage *usage);

/* Settles budgets and appends the outcome; cannot fail and acts once. A
 * journal that cannot take the outcome is counted (WEIR_ODD). */
void weir_call_settle(struct weir_call *call,
                      const struct weir_settlement *settlement);

/* ------------------------------------------------- work done later */

/*
 * As weir_call_decide(), for a batch: asked twice, as what its lines are and
 * as WEIR_OP_BATCH; a candidate serves when both say so, and obligations are
 * those of both. `deployment`: hash of the one that has it already, the
 * others are barred; 0: any. ENOTFOUND: that one is no candidate any more.
 * EDENIED too where policy wants of a reply what cannot be done to a file.
 */
WEIR_MUST_USE weir_status weir_call_decide_batch(struct weir_call *call,
                                                 const struct weir_ask *ask,
                                                 enum weir_operation line,
                                                 uint64_t deployment,
                                                 struct weir_error *err);

/*
 * In place of weir_call_decide(), for a list of files or batches: allowed
 * where batches of any model are. ENOTFOUND: no model here has them.
 */
WEIR_MUST_USE weir_status weir_call_decide_list(struct weir_call *call,
                                                struct weir_error *err);

/* The same for one operation, `ask`'s own: of what lies at a deployment. */
WEIR_MUST_USE weir_status weir_call_decide_there(struct weir_call *call,
                                                 const struct weir_ask *ask,
                                                 uint64_t deployment,
                                                 struct weir_error *err);

/* The origin took the batch and works on: budgets keep what was held, the
 * call stays open in the ledger until it is concluded. In place of settle. */
void weir_call_commit(struct weir_call *call);

/* The limits that a call of these facts is charged under, as it was held. */
struct weir_charged {
    uint32_t key; /* rows */
    uint32_t deployment;
    weir_span end_customer;
    weir_time decided;
};
size_t weir_gate_limits(const struct weir_view *view,
                        const struct weir_charged *of,
                        weir_quota_limit limits_out[WEIR_QUOTA_LIMITS_MAX]);

/* Ends that call, of whatever worker and year, by this one's view: appends
 * its outcome. The ledger takes the first outcome of a call, and control
 * corrects the budgets then; to say it again changes nothing. */
void weir_call_conclude(struct weir_call *call, const struct weir_sealed *batch,
                        enum weir_ending ending,
                        const struct weir_usage *usage);

/*
 * Says no in neutral words: `status` and `err` are what the step above
 * returned. Spans point into the call, the image, `err` or `room`, which
 * must live until the refusal is rendered.
 */
#define WEIR_REFUSAL_ROOM 768
void weir_call_refusal(const struct weir_call *call, weir_status status,
                       const struct weir_error *err, weir_time now,
                       char room[WEIR_REFUSAL_ROOM],
                       struct weir_refusal *refusal_out);

/* Records the refusal of an identified caller who was not admitted; acts
 * once. (An admitted call is settled.) Calls without a known key are not
 * recorded: anybody could fill the disk with them. */
void weir_call_refuse(struct weir_call *call,
                      const struct weir_refusal *refusal);

#endif
