/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/record.h - what the journal says of a call: payloads of intent,
 * outcome and refusal. Names and numbers only, never prompts or answers.
 *
 * A payload is a fixed little-endian head and a tail of
 * { u16 tag, u16 length, bytes }. Unknown tags are skipped, so a new writer
 * does not break an old reader. docs/formats/record.md draws it.
 *
 * Threads and memory: pure functions; spans of a decoded record point into
 * the payload.
 */
#ifndef WEIR_RECORD_H
#define WEIR_RECORD_H

#include <weir/base.h>
#include <weir/classifier.h>
#include <weir/limits.h>
#include <weir/trace.h>
#include <weir/watch_step.h>

#define WEIR_REQUEST_ID_BYTES 16
/* "req_" and 26 characters of Crockford base32, and a NUL. */
#define WEIR_REQUEST_ID_TEXT 31

/* 48 bits of milliseconds, 80 random bits: sorts by time. */
struct weir_request_id {
    uint8_t bytes[WEIR_REQUEST_ID_BYTES];
};
void weir_request_id_make(weir_time now, const uint8_t random[10],
                          struct weir_request_id *id_out);
void weir_request_id_format(const struct weir_request_id *id,
                            char text_out[WEIR_REQUEST_ID_TEXT]);
bool weir_request_id_parse(weir_span text, struct weir_request_id *id_out);

/* What was said about one candidate. Numbers are permanent. */
enum weir_verdict {
    WEIR_ALLOW = 1,
    WEIR_DENY = 2,
    WEIR_HOLD = 3,
};

/* Why. Numbers are permanent; names are the `code` of a refusal. */
enum weir_reason {
    WEIR_REASON_NONE = 0,
    WEIR_REASON_PERMITTED = 1,    /* policy: permit */
    WEIR_REASON_FORBIDDEN = 2,    /* policy: forbid */
    WEIR_REASON_NO_PERMIT = 3,    /* policy: default deny */
    WEIR_REASON_HELD = 4,         /* policy: only holds forbid */
    WEIR_REASON_POLICY_ERROR = 5, /* a policy failed: denied */
    WEIR_REASON_WITHDRAWN = 6,    /* overlay */
    WEIR_REASON_STALE = 7,        /* policy data too old */
    WEIR_REASON_OPERATION = 8,    /* the model does not do this operation */
    WEIR_REASON_NO_KEY = 9,       /* no credential */
    WEIR_REASON_UNKNOWN_KEY = 10,
    WEIR_REASON_REVOKED_KEY = 11,
    WEIR_REASON_EXPIRED_KEY = 12,
    WEIR_REASON_UNKNOWN_MODEL = 13,
    WEIR_REASON_BUDGET = 14,
    WEIR_REASON_NO_RECORD = 15, /* the journal cannot take it */
    WEIR_REASON_BAD_REQUEST = 16,
    WEIR_REASON_TOO_LARGE = 17,
    WEIR_REASON_OVERLOADED = 18,
    WEIR_REASON_SUNSET = 19,       /* the model's last day is over */
    WEIR_REASON_NOT_SERVABLE = 20, /* listed, but something is lacking */
    WEIR_REASON_KEY_ON_HOLD = 21,  /* overlay: eligibility is in doubt */
    WEIR_REASON_END_CUSTOMER = 22, /* not named, or no name */
    WEIR_REASON_SCOPE = 23,        /* outside the places the key may use */
    WEIR_REASON_SPENT = 24,        /* the exception has nothing left */
    WEIR_REASON_WATCH_SLOW = 25,   /* a step of the watch: over its rate */
    WEIR_REASON_WATCH_HOLD = 26,
    WEIR_REASON_WATCH_SUSPENDED = 27,
    WEIR_REASON_FILTERED = 28, /* a rule of a filter blocks it */
    WEIR_REASON_EJECTED = 29,  /* all that may serve it failed of late */
    WEIR_REASON_RESTING = 30,  /* their origins asked for a pause */
    WEIR_REASON_FULL = 31,     /* they have as many calls as they may have */
    WEIR_REASON_UNCLASSIFIED = 32, /* no verdict of a classifier that counts */
    WEIR_REASON_ADDRESS = 33, /* it names an address that may not be named */
};
const char *weir_reason_code(enum weir_reason reason); /* "policy_forbids" */
const char *weir_verdict_name(enum weir_verdict verdict);

/* How a call ended. Numbers are permanent. */
enum weir_ending {
    WEIR_END_COMPLETE = 1,     /* the origin finished its reply */
    WEIR_END_CUT = 2,          /* the origin broke off; client was told */
    WEIR_END_CLIENT_LEFT = 3,  /* the client went away first */
    WEIR_END_ORIGIN_ERROR = 4, /* the origin's own error, passed on */
    WEIR_END_FAILED = 5,       /* no origin could be reached in time */
    WEIR_END_LOST = 6,         /* a worker died: found by control */
    WEIR_END_NOT_SENT = 7,     /* admitted, but nothing went upstream */
    WEIR_END_WITHDRAWN = 8,    /* an open stream cut by a withdrawal */
    WEIR_END_FILTERED = 9,     /* a rule of a filter stopped the reply */
    WEIR_END_STOPPED = 10,     /* weir ended a session: policy, budget, time */
};
const char *weir_ending_name(enum weir_ending ending);

struct weir_record_candidate {
    weir_span deployment;
    uint32_t verdict;   /* enum weir_verdict */
    uint32_t reason;    /* enum weir_reason */
    weir_span policies; /* deciding ids, separated by one space */
    weir_span shadows;  /* shadow policies that would have refused */
};

/*
 * What a worker saw of where a key is used from, as policy was told it:
 * `context.signals`. Only what `known` names is a fact.
 */
#define WEIR_SIGNAL_PLACE   1u /* `is_undeclared` is known */
#define WEIR_SIGNAL_SEEN    2u /* `countries` and `travel_kmh` are */
#define WEIR_SIGNAL_HOSTING 4u /* `is_hosting` is */

/* Why nobody can say where a client is, or in whose network. Numbers are
 * permanent; names are shown and counted. */
enum weir_unknown {
    WEIR_UNKNOWN_UNRECORDED = 0,  /* a record of before this was looked at */
    WEIR_UNKNOWN_NO_DATABASE = 1, /* none is configured */
    WEIR_UNKNOWN_UNREADABLE = 2,  /* it cannot be read or is damaged */
    WEIR_UNKNOWN_NO_ADDRESS = 3,  /* of the internet: a Unix socket */
    WEIR_UNKNOWN_NOT_LISTED = 4,  /* the database lacks the address */
    WEIR_UNKNOWN_NOT_NAMED = 5,   /* has it, with no country or number */
    WEIR_UNKNOWN_NO_PLACE = 6,    /* says what is no jurisdiction: ZZ, EU */
};
#define WEIR_UNKNOWNS 7
/* "no_database"; of another number "unrecorded". */
const char *weir_unknown_name(uint32_t unknown);

/*
 * Policy is told `place_unknown` and `network_unknown` of every call: the
 * first unless WEIR_SIGNAL_PLACE is known, the second unless `system` is. So
 * facts that are all 0 say that nothing is known.
 */
struct weir_signal_facts {
    uint8_t known;
    bool is_undeclared;      /* neither staff's place nor one of end users' */
    bool is_hosting;         /* in the operator's list of networks */
    uint8_t countries;       /* that used the key in the window, this one too */
    uint16_t travel_kmh;     /* least speed between two of them, saturating */
    uint8_t place_unknown;   /* enum weir_unknown; 0 where it is known */
    uint8_t network_unknown; /* enum weir_unknown; 0 where it is known */
    uint32_t system;         /* number of the client's network; 0: not known */
};

/* What a sticky route took for the conversation. Numbers are permanent. */
enum weir_sticky_by {
    WEIR_STICKY_BY_KEY = 0,       /* the caller's key: nothing else was said */
    WEIR_STICKY_BY_CACHE_KEY = 1, /* prompt_cache_key */
    WEIR_STICKY_BY_USER = 2,      /* user, metadata.user_id */
    WEIR_STICKY_BY_BEGINNING = 3, /* system text and first turn */
};
const char *weir_sticky_by_name(enum weir_sticky_by by);

struct weir_record_intent {
    struct weir_request_id request;
    uint8_t image_digest[32];
    uint64_t overlay;
    weir_time decided_us; /* the time the decision took as `now` */
    uint32_t operation;   /* enum weir_operation */
    uint32_t is_streamed;
    uint32_t tier;        /* enum weir_tier */
    uint32_t is_resident; /* reserved, 0 */
    uint64_t held_tokens;
    int64_t held_micros;
    uint64_t body_bytes;
    weir_span key; /* public id */
    weir_span project;
    weir_span tenant;
    weir_span organisation;
    weir_span model;        /* as asked */
    weir_span country;      /* of the client's address; may be empty */
    weir_span address;      /* text; empty where the tenant hides it */
    weir_span shadow_of;    /* a copy, of the call of this id; of one that the
                            operator pays for also its key, behind a blank */
    weir_span session_of;   /* a part of the session of this id; or empty */
    weir_span end_customer; /* as the caller named it; may be empty */
    weir_span exception;    /* id of the grant it was let through by */
    weir_span tags;         /* weir/tags.h, written; may be empty */
    weir_span tool;         /* of a tool server: see weir_record_tool() */
    struct weir_signal_facts signals;
    struct weir_record_step step; /* of the watch, that was applied */
    uint32_t candidate_count;
    struct weir_record_candidate candidates[WEIR_CANDIDATES_MAX];
    /* Indexes into candidates, in the order they may be tried. */
    uint32_t order_count;
    uint8_t order[WEIR_CANDIDATES_MAX];
    /* Why in that order: the route's mode (weir/image.h) and, of modes that
     * sort, the number of each candidate of `order`: micro-units of money,
     * microseconds, calls, a hash. Older records have 0. */
    uint32_t route_mode;
    uint32_t sticky_by; /* enum weir_sticky_by */
    uint64_t order_values[WEIR_CANDIDATES_MAX];
};

struct weir_record_attempt {
    weir_span deployment;
    uint32_t http_status; /* 0: no reply */
    uint32_t failure;     /* enum weir_attempt_end of weir/route.h */
    uint32_t elapsed_ms;
};

/* What the watch saw of a call: numbers and digests, no text. */
struct weir_record_watch {
    weir_span block; /* weir_watch_unpack(); empty: the call was not watched */
    struct weir_watch_pools pools; /* all 0 where there is no block */
    uint32_t classified_count;     /* classifiers that said something */
    struct weir_classified classified[WEIR_CLASSIFIED_MAX];
};

/*
 * What a classifier over HTTP said of one direction of a call, over all that
 * it was asked. Numbers are permanent. Its category is one that the operator
 * or the form names: never words of a caller's.
 */
enum weir_opinion {
    WEIR_OPINION_NONE = 0,   /* not asked, or not heard when the call ended */
    WEIR_OPINION_ALLOW = 1,  /* nothing found */
    WEIR_OPINION_FLAG = 2,   /* to be counted */
    WEIR_OPINION_BLOCK = 3,  /* what its rule acts on */
    WEIR_OPINION_FAILED = 4, /* no answer that counts: the rule's on_failure */
};
const char *weir_opinion_name(enum weir_opinion opinion);

/* Why there was no answer. Numbers are permanent. */
enum weir_unheard {
    WEIR_UNHEARD_NO = 0,         /* there was one */
    WEIR_UNHEARD_TIMEOUT = 1,    /* not in time, waiting for a turn included */
    WEIR_UNHEARD_CONNECT = 2,    /* refused, unreachable, no address */
    WEIR_UNHEARD_TLS = 3,        /* not who it should be */
    WEIR_UNHEARD_STATUS = 4,     /* not 200 */
    WEIR_UNHEARD_BROKEN = 5,     /* not HTTP, or broken off */
    WEIR_UNHEARD_TOO_LONG = 6,   /* its answer */
    WEIR_UNHEARD_MALFORMED = 7,  /* its answer is not of the form */
    WEIR_UNHEARD_BUSY = 8,       /* too many asks wait already */
    WEIR_UNHEARD_CREDENTIAL = 9, /* none that can be shown */
    WEIR_UNHEARD_TEXT = 10,      /* more than may be sent, or not readable */
    WEIR_UNHEARD_RESTING = 11,   /* it failed several times in a row */
};
const char *weir_unheard_name(enum weir_unheard unheard);

struct weir_record_opinion {
    weir_span classifier;
    weir_span category;  /* that weighed most; may be empty */
    uint8_t direction;   /* WEIR_IMAGE_REQUESTS or WEIR_IMAGE_REPLIES */
    uint8_t opinion;     /* enum weir_opinion */
    uint8_t unheard;     /* enum weir_unheard, of the last that failed */
    uint8_t score;       /* 0 to 100; 0 also where it gives none */
    uint8_t action;      /* of the rule: 0 the watch's, else as filters' */
    uint16_t asked;      /* how many times */
    uint16_t failed;     /* of them */
    uint32_t elapsed_ms; /* the longest */
};
#define WEIR_OPINIONS_MAX 16

/* Counts that have rates of their own: parts of input and output as in
 * struct weir_usage. */
struct weir_record_units {
    uint64_t cache_write_tokens;
    uint64_t cache_write_1h_tokens;
    uint64_t audio_input_tokens;
    uint64_t audio_cached_tokens;
    uint64_t audio_output_tokens;
    uint64_t image_input_tokens;
    uint64_t image_output_tokens;
    uint64_t pictures;
    uint64_t service; /* enum weir_service */
};
#define WEIR_RECORD_UNITS 9

/* JSON bytes, for weir/factor.h to be learned from; 0: not known. */
#define WEIR_SIZES_TOOLS 1u /* the prompt has tools */
#define WEIR_SIZES_MEDIA 2u /* or pictures, sound, files */
struct weir_record_sizes {
    uint64_t prompt_bytes;
    uint64_t answer_bytes;
    uint32_t shape; /* WEIR_SIZES_* */
};

/* Which side of a trial a call was on. Numbers are permanent. */
enum weir_trial {
    WEIR_TRIAL_NONE = 0,
    WEIR_TRIAL_CANARY = 1, /* the canary came first */
    WEIR_TRIAL_BESIDE = 2, /* it came last: what the canary is held against */
};

#define WEIR_CHOICE_FEATURES 16

/* How tiers and trials of the route chose; all 0 where there are none. */
struct weir_record_choice {
    bool is_scored; /* by complexity: what follows up to `dearest` */
    uint32_t score;
    uint8_t features[WEIR_CHOICE_FEATURES]; /* weir/complexity.h */
    uint32_t tier;                          /* that answered, from 1 on */
    uint32_t tiers;
    uint32_t escalations;   /* answers that were not passed on */
    uint32_t reasons;       /* WEIR_ESCALATE_* */
    int64_t wasted_micros;  /* what those cost the seller */
    int64_t dearest_micros; /* this answer at the dearest candidate's price */
    uint32_t trial;         /* enum weir_trial */
};

struct weir_record_outcome {
    struct weir_request_id request;
    uint32_t ending;      /* enum weir_ending */
    uint32_t http_status; /* as sent to the client */
    uint32_t is_estimated;
    uint32_t operation;
    uint64_t input_tokens;
    uint64_t cached_tokens;
    uint64_t output_tokens;
    uint64_t reasoning_tokens;
    struct weir_record_units units;
    struct weir_record_sizes sizes;
    int64_t cost_micros;
    weir_time started_us;
    uint64_t first_byte_us; /* after start; 0 = none */
    uint64_t total_us;
    uint64_t sent_bytes;
    weir_span currency;
    weir_span price_version;
    weir_span model;      /* that answered */
    weir_span deployment; /* that answered; empty = none */
    weir_span region;
    weir_span place;          /* jurisdiction where it ran */
    weir_span stored_in;      /* jurisdiction where data rests */
    weir_span origin_request; /* the origin's own request id, if any */
    weir_span end_customer;   /* as in the intent */
    weir_span tool;           /* as in the intent */
    weir_span finding;        /* of the last pin that did not hold, or what
                                 closed the way to an origin */
    weir_span shadow_of;      /* a copy, of the call of this id */
    weir_span session_of;     /* as in the intent; of a session: the call of
                                 what wrote down its sound, or empty */
    weir_span finish;         /* why the answer ended, in the word of its
                                 dialect; "refusal": the model would not */
    weir_span filtered;       /* rules that found something, and how often:
                                 of the request, ";", of the reply */
    weir_span terms;          /* of the model that answered, in the words of
                                 weir_image_model.terms */
    struct weir_trace trace;  /* the caller's own, where he sent one */
    struct weir_record_watch watch;
    bool is_hit;        /* the answer is one that was kept */
    uint32_t hit_age_s; /* for so long */
    uint32_t queued_ms; /* waited for a place in a deployment */
    uint32_t opinion_count;
    struct weir_record_opinion opinions[WEIR_OPINIONS_MAX];
    struct weir_record_choice choice;
    uint32_t attempt_count;
    struct weir_record_attempt attempts[WEIR_ATTEMPTS_MAX];
};

struct weir_record_refusal {
    struct weir_request_id request;
    uint8_t image_digest[32];
    uint64_t overlay;
    weir_time decided_us;
    uint32_t http_status;
    uint32_t reason; /* enum weir_reason */
    uint32_t operation;
    uint32_t is_streamed;
    weir_span key; /* empty when unknown */
    weir_span project;
    weir_span tenant;
    weir_span organisation;
    weir_span model;
    weir_span country;
    weir_span address;
    weir_span end_customer;
    weir_span policy; /* the id shown to the client */
    weir_span tool;   /* as an intent's */
    struct weir_signal_facts signals;
    struct weir_record_step step;   /* of the watch, that was applied */
    struct weir_trace trace;        /* the caller's own, where he sent one */
    struct weir_record_watch watch; /* of the request alone */
    uint32_t opinion_count;
    struct weir_record_opinion opinions[WEIR_OPINIONS_MAX];
    uint32_t candidate_count;
    struct weir_record_candidate candidates[WEIR_CANDIDATES_MAX];
};

/*
 * The numbers of a payload and where its names are, for readers of millions:
 * two decisions whose `names` agree were asked the same by the same caller
 * and told the same. The client's address is kept apart.
 */
struct weir_record_head {
    struct weir_request_id request;
    /* intent and refusal */
    const uint8_t *image_digest; /* 32 bytes in the payload; else NULL */
    uint64_t overlay;
    weir_time decided_us;
    uint32_t reason; /* of a refusal */
    uint32_t operation;
    uint32_t is_streamed;
    weir_span names[2]; /* the tags before and behind the address's */
    weir_span address;
    /* outcome */
    uint64_t input_tokens;
    uint64_t output_tokens;
    int64_t cost_micros;
};

/* What was asked of a tool server is recorded as its method and, where a tool
 * is called, a blank and the tool's declared name: "tools/call search". What
 * was done to an answer that is kept is one word: "responses.retrieve". These
 * are the tool and the method in it; empty: none. */
weir_span weir_record_tool(weir_span recorded);
weir_span weir_record_method(weir_span recorded);

/* Append the payload to `out`; overflow shows there. */
void weir_record_put_intent(const struct weir_record_intent *intent,
                            struct weir_buf *out);
void weir_record_put_outcome(const struct weir_record_outcome *outcome,
                             struct weir_buf *out);
void weir_record_put_refusal(const struct weir_record_refusal *refusal,
                             struct weir_buf *out);

/* ECORRUPT when a length points outside or the head is short. */
WEIR_MUST_USE weir_status
weir_record_get_intent(weir_span payload, struct weir_record_intent *intent_out,
                       struct weir_error *err);
WEIR_MUST_USE weir_status weir_record_get_outcome(
    weir_span payload, struct weir_record_outcome *outcome_out,
    struct weir_error *err);
WEIR_MUST_USE weir_status weir_record_get_refusal(
    weir_span payload, struct weir_record_refusal *refusal_out,
    struct weir_error *err);

WEIR_MUST_USE weir_status weir_record_get_head_of_intent(
    weir_span payload, struct weir_record_head *head_out);
WEIR_MUST_USE weir_status weir_record_get_head_of_refusal(
    weir_span payload, struct weir_record_head *head_out);
/* Its names are not looked at. */
WEIR_MUST_USE weir_status weir_record_get_head_of_outcome(
    weir_span payload, struct weir_record_head *head_out);

#endif
