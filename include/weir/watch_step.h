/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/watch_step.h - what the watch tells the data plane, and what a record
 * tells the watch.
 *
 * A step says what is done with the calls of one subject until a moment:
 * rows of fixed size in the overlay, so that a step, its end and its
 * withdrawal act within a second and without a new image. The end is held
 * by the data plane: it comes also when control is dead. Control decides
 * which steps there are (cases, people, grants); the data plane does not ask
 * why. Policy says which may apply: `@monitor` of a permit (weir/gate.h).
 *
 * Pools are who a call belongs to, as digests: control need not join a
 * record with anything to count it.
 *
 * Threads and memory: values; rows of an overlay are read-only.
 */
#ifndef WEIR_WATCH_STEP_H
#define WEIR_WATCH_STEP_H

#include <weir/base.h>

/* Whose calls. Numbers are permanent: overlays and stores keep them. */
enum weir_watch_subject_kind {
    WEIR_WATCH_OF_KEY = 1,     /* its public id */
    WEIR_WATCH_OF_PROJECT = 2, /* "tenant/project" */
    WEIR_WATCH_OF_TENANT = 3,
    WEIR_WATCH_OF_ORGANISATION = 4,
    WEIR_WATCH_OF_GROUP = 5,       /* name of its ultimate parent */
    WEIR_WATCH_OF_END_CUSTOMER = 6 /* weir_watch_end_customer() */
};
#define WEIR_WATCH_SUBJECTS 6
/* In place of a kind: a grant of the watch was charged, no step applied. */
#define WEIR_WATCH_GRANTED 255
/* "key", "end_customer"; NULL of any other number. */
const char *weir_watch_subject_name(uint32_t kind);

/*
 * The digest by which overlays and records name a subject, never 0. Those of
 * key, project, tenant and organisation are `hash` of the image's rows; a
 * group has that of the organisation at its top.
 */
uint64_t weir_watch_subject(enum weir_watch_subject_kind kind, weir_span name);
/* The end customer `name` of one tenant; 0 of an empty name. */
uint64_t weir_watch_end_customer(uint64_t tenant, weir_span name);
/* The network of an address (IPv4 mapped into IPv6): /24, or /48. */
uint64_t weir_watch_network(const uint8_t address[16]);

/* Who and what a call was, beside its features. Digests; 0: unknown, none,
 * or (network) kept out of records by the tenant. */
struct weir_watch_pools {
    uint64_t of[WEIR_WATCH_SUBJECTS + 1]; /* by enum; [0] is not used */
    uint64_t network;
    uint64_t model;     /* that answered, or was asked for: hash of its row */
    uint8_t action;     /* enum weir_watch_action that was applied */
    uint8_t subject;    /* enum weir_watch_subject_kind it was applied to */
    uint16_t matches;   /* WEIR_INDICATOR_*: what matched a shared indicator */
    uint32_t exchanges; /* bit per exchange that it matched, of the first 32 */
};

/* What `strip` takes away; 0 in a row means all of them. */
#define WEIR_WATCH_STRIP_REASONING 1u
#define WEIR_WATCH_STRIP_LOGPROBS  2u
#define WEIR_WATCH_STRIP_N         4u /* one answer, whatever was asked */
#define WEIR_WATCH_STRIP_ALL       7u

#define WEIR_WATCH_STEPS_MAX       65536u /* of one overlay */
#define WEIR_WATCH_CASE_BYTES      40u    /* with a NUL */
#define WEIR_WATCH_DELAY_MS_MAX    30000u
/* The greatest enum weir_watch_action. */
#define WEIR_WATCH_STEP_ACTION_MAX 5

/* One row; 88 bytes, docs/formats/image.md. */
struct weir_watch_step {
    uint64_t subject;  /* weir_watch_subject() */
    uint64_t target;   /* weir_grant_target_hash(); 0: every model */
    weir_time from;    /* 0: from now on */
    weir_time until;   /* first moment at which it is over */
    uint32_t delay_ms; /* slow: before a call goes on; 0: none */
    uint32_t rate;     /* slow: calls a minute, all workers; 0: no cap */
    uint8_t subject_kind;
    uint8_t target_kind; /* enum weir_grant_target */
    uint8_t action;      /* enum weir_watch_action */
    uint8_t strip;       /* WEIR_WATCH_STRIP_* */
    uint8_t agreed;      /* enum weir_watch_action a person said yes to: where
                            policy asks for one, no more than that acts */
    uint8_t reserved[3];
    char id[WEIR_WATCH_CASE_BYTES]; /* of the case, NUL-padded; is shown to
                                       the caller */
};
_Static_assert(sizeof(struct weir_watch_step) == 88, "docs/formats/image.md");

weir_span weir_watch_step_id(const struct weir_watch_step *step);
/* False: empty, too long, or not of letters, digits and `_-.` alone. */
bool weir_watch_step_set_id(struct weir_watch_step *step, weir_span id);

/* As a decision's record tells it: the step that was applied. */
struct weir_record_step {
    uint32_t action;  /* 0: none was */
    uint32_t subject; /* enum weir_watch_subject_kind */
    uint32_t strip;
    uint32_t delay_ms;
    uint32_t rate;
    weir_time until;
    weir_span id; /* of the case */
};

#endif
