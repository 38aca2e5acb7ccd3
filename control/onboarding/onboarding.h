/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/onboarding/onboarding.h - who may have a key, and who still may.
 *
 * No key without a recorded decision: a person approved an organisation for
 * purposes, on the evidence, the screening and the accepted terms of that
 * day, all of which the record names. The configuration says what is
 * required (`onboarding.require`); said nothing, everything is.
 *
 * An approval is looked at again whenever lists, ownership, evidence, rules
 * or terms change, and when one of its dates comes. What then falls short
 * puts the organisation's keys on hold, in every worker, with a notice and
 * (where a person has to look) a case; what is put right releases them.
 *
 * Threads: functions take control's lock themselves unless they say
 * otherwise. Memory: spans of a result live in the arena that is passed in.
 */
#ifndef WEIR_ONBOARDING_H
#define WEIR_ONBOARDING_H

#include "control/control.h"

/* What an organisation falls short of. Numbers are permanent. */
enum weir_shortfall_kind {
    WEIR_SHORT_DECISION = 1,  /* none, refused, or over */
    WEIR_SHORT_EVIDENCE = 2,  /* a fact is missing or its date is over */
    WEIR_SHORT_SCREENING = 3, /* a hit that nobody cleared, or not screened */
    WEIR_SHORT_TERMS = 4,     /* not accepted in the current version */
    WEIR_SHORT_PURPOSE = 5,   /* not approved */
    WEIR_SHORT_OWNERSHIP = 6, /* a rule says yes or unknown */
    WEIR_SHORT_CHANGED = 7,   /* the facts are not those decided on */
};
/* "decision", "evidence", ... */
const char *weir_shortfall_name(enum weir_shortfall_kind kind);

struct weir_shortfall {
    enum weir_shortfall_kind kind;
    weir_span code; /* "evidence:owners", "terms:aurora-aup", "list:entry" */
    weir_span text; /* what is missing */
    weir_span next; /* what to do, a command where there is one */
};

/* Numbers are permanent. */
enum weir_standing_state {
    WEIR_STANDING_NONE = 0, /* never asked */
    WEIR_STANDING_STARTED = 1,
    WEIR_STANDING_APPROVED = 2,
    WEIR_STANDING_REFUSED = 3,
    WEIR_STANDING_HELD = 4, /* approved, and something changed */
};
const char *weir_standing_name(enum weir_standing_state state);

struct weir_standing {
    weir_span organisation;
    enum weir_standing_state state;
    weir_time since;
    weir_span purposes; /* asked for or approved, by comma */
    weir_time until;    /* of an approval; WEIR_TIME_MAX: for ever */
    int64_t decision;   /* its event's number; 0: none */
    struct weir_shortfall *shortfalls;
    uint32_t shortfall_count;
};

#define WEIR_DECISION_ID_MAX 32 /* "dec_17" */

/* ---------------------------------------------------------------- deeds */

/* Asks for `purposes`; the organisation is screened now. ENOTFOUND: no such
 * organisation in the sources; EPARSE: no purpose. */
WEIR_MUST_USE weir_status weir_onboarding_start(struct weir_control *control,
                                                const struct weir_actor *actor,
                                                weir_span organisation,
                                                weir_span purposes,
                                                weir_span note,
                                                struct weir_error *err);

struct weir_onboarding_decision {
    weir_span organisation;
    bool is_approved;
    weir_span purposes; /* empty: those asked for */
    weir_span reason;   /* required */
    weir_time until;    /* 0: as long as the settings say */
};
/* EDENIED: it falls short of something (each is a fault); ENOTFOUND: not
 * started. Keys on hold for an earlier decision are released at once. */
WEIR_MUST_USE weir_status weir_onboarding_decide(
    struct weir_control *control, const struct weir_actor *actor,
    const struct weir_onboarding_decision *decision,
    char id_out[WEIR_DECISION_ID_MAX], struct weir_faults *faults,
    struct weir_error *err);

/* As of now, with everything it falls short of. ENOTFOUND. */
WEIR_MUST_USE weir_status weir_onboarding_show(
    struct weir_control *control, weir_span organisation,
    struct weir_arena *arena, struct weir_standing *standing_out,
    struct weir_error *err);

struct weir_terms_acceptance {
    weir_span organisation;
    weir_span terms;    /* name in the sources */
    weir_span version;  /* empty: the current one */
    weir_span by;       /* who accepted, at the customer; required */
    weir_span document; /* where it is written; may be empty */
    weir_time accepted; /* 0: now */
};
/* ENOTFOUND: no such terms or organisation; ECONFLICT: another version is
 * current. */
WEIR_MUST_USE weir_status weir_terms_accept(
    struct weir_control *control, const struct weir_actor *actor,
    const struct weir_terms_acceptance *acceptance, struct weir_error *err);

/* ----------------------------------------------------------- the door */

/*
 * Whether a key may be made now for this organisation and purpose; its
 * decision's number (0: the configuration requires none). EDENIED: each
 * shortfall is a fault with the next command as advice. The caller holds
 * control's lock.
 */
WEIR_MUST_USE weir_status weir__onboarding_door(
    struct weir_control *control, weir_span organisation, weir_span purpose,
    int64_t *decision_out, struct weir_faults *faults, struct weir_error *err);

/*
 * A fact of this organisation was merged into the world: where it falls
 * short now its keys are held in every worker when this returns, before the
 * image that follows. The caller holds control's lock and a transaction; if
 * that is rolled back, `is_held_out` (left alone otherwise) tells that the
 * overlay has to be published anew.
 */
WEIR_MUST_USE weir_status weir_onboarding_first(struct weir_control *control,
                                                weir_span organisation,
                                                bool *is_held_out,
                                                struct weir_error *err);

/*
 * The same of everybody, under sources that are about to be in force: their
 * world, read and merged, or control's own after a merge. Whoever falls
 * short of what it says (facts, terms, requirements, ownership rules, but
 * not lists) has his keys held when this returns. A world that is not sound
 * holds nobody. Locks, transaction and `is_held_out` as above.
 */
WEIR_MUST_USE weir_status weir_onboarding_ahead(struct weir_control *control,
                                                struct weir_world *world,
                                                bool *is_held_out,
                                                struct weir_error *err);

struct weir_case;
/* Two people cleared what held an organisation; the caller holds control's
 * lock. */
WEIR_MUST_USE weir_status weir__onboarding_on_restored(
    struct weir_control *control, const struct weir_actor *actor,
    const struct weir_case *row, struct weir_error *err);

/* ---------------------------------------------------------- re-screening */

struct weir_review {
    uint32_t organisations; /* looked at */
    uint32_t screened;      /* of these, names asked of the lists anew */
    uint32_t keys;          /* looked at */
    uint32_t held;          /* keys put on hold */
    uint32_t released;      /* keys released */
    uint64_t screen_us;
    uint64_t overlay_us; /* until the workers know */
    uint64_t total_us;   /* until it is told, too */
    uint64_t turn_us;    /* the longest time in which the lock was held */
    uint32_t attempts;   /* over 1: the sources changed meanwhile */
};

/*
 * Looks at every organisation that has keys or an approval, and makes the
 * workers know what follows. Lists that cannot be read are said in the log,
 * the last good ones stay. `review_out` may be NULL.
 */
WEIR_MUST_USE weir_status weir_onboarding_review(struct weir_control *control,
                                                 const char *why,
                                                 struct weir_review *review_out,
                                                 struct weir_error *err);

/* A thread that does so when images or list files change, when a date comes,
 * and when it is rung. */
WEIR_MUST_USE weir_status weir_reviewer_start(struct weir_control *control,
                                              struct weir_error *err);
void weir_reviewer_stop(struct weir_control *control); /* fine without one */
/* Facts changed: from any thread, cheap, any number of times. */
void weir_onboarding_ring(struct weir_control *control);

#endif
