/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/steps/steps.h - what is done about what the watch saw.
 *
 *     verdicts --ladder, policy--> stands --overlay--> workers
 *                                    |  \--> notices, acts of the log
 *                 people: answer ----'   \--> a case for each episode
 *                 explain, appeal, override
 *
 * A stand says which step a subject is under (weir/watch_ladder.h); every
 * change of one is a deed, which is never changed. An episode begins with
 * the first step and ends when nothing stands or comes; it has one case, by
 * whose id customers and reviewers name it. docs/why/watch-steps.md says
 * why.
 *
 * Threads: deeds and weir_steps_turn() take control's lock; reading goes
 * over the caller's store. Memory: spans are read before a function
 * returns; those of a row are valid until the callback returns.
 */
#ifndef WEIR_STEPS_H
#define WEIR_STEPS_H

#include <weir/watch_ladder.h>
#include <weir/watch_step.h>

#include "control/control.h"
#include "control/watch/verdicts.h"

#define WEIR_STEP_TEXT_MAX    2000
#define WEIR_STEP_FIGURES_MAX 16384

struct weir_step_row {
    uint32_t kind;   /* enum weir_watch_subject_kind, or OF_CLUSTER */
    uint64_t digest; /* weir_watch_subject() */
    weir_span name;
    weir_span tenant;       /* empty: several */
    weir_span project;      /* of a key or project: "tenant/project" */
    weir_span organisation; /* empty: several or unknown */
    weir_span owner;        /* ultimate parent; empty: several or unknown */
    struct weir_watch_stand stand;
    uint64_t calls;       /* of the subject, at the last verdict */
    uint64_t fresh_calls; /* windows that reach before it do not count */
    int64_t verdict;      /* number of the last one with evidence */
    weir_time seen;       /* its window's end */
    int64_t case_number;  /* of the episode; 0: never had one */
    weir_span cause;      /* of that case */
    weir_span rule;       /* as policy said at the last verdict */
    weir_span figures;    /* JSON: what was seen */
    weir_time changed;
};

/* What happened to a stand; append-only. */
struct weir_step_deed {
    int64_t number;
    weir_time when;
    uint32_t kind;
    weir_span name;
    weir_span tenant;
    enum weir_watch_change change;
    enum weir_watch_action step;   /* after it */
    enum weir_watch_action coming; /* after it */
    weir_time until;
    weir_time from;
    weir_span actor;  /* token id, "local", "control", key id */
    weir_span person; /* whose token; empty: nobody in particular */
    weir_span text;   /* reason, explanation */
    weir_span override;
    int64_t verdict; /* that led to it; 0: none did */
    int64_t case_number;
    weir_span figures;
};

struct weir_step_filter {
    weir_span tenant;    /* empty: all */
    bool is_standing;    /* only where a step is in force or coming */
    weir_time from;      /* of deeds: [from, to) */
    weir_time to;        /* 0: no end */
    int64_t case_number; /* 0: all */
    uint32_t limit;      /* 0: 1000 */
};
typedef bool weir_step_on_row(void *context, const struct weir_step_row *row);
typedef bool weir_step_on_deed(void *context, const struct weir_step_deed *row);
/* Changed last, first. */
WEIR_MUST_USE weir_status weir_steps(struct weir_store *store,
                                     const struct weir_step_filter *filter,
                                     weir_step_on_row *on_row, void *context,
                                     struct weir_error *err);
/* In the order they happened. */
WEIR_MUST_USE weir_status weir_step_deeds(struct weir_store *store,
                                          const struct weir_step_filter *filter,
                                          weir_step_on_deed *on_row,
                                          void *context,
                                          struct weir_error *err);
/* The stand whose episode has this case. ENOTFOUND. Texts are copied. */
WEIR_MUST_USE weir_status weir_step_of_case(struct weir_store *store,
                                            int64_t case_number,
                                            struct weir_arena *arena,
                                            struct weir_step_row *row_out,
                                            struct weir_error *err);

/* ----------------------------------------------------------------- work */

/*
 * Reads the verdicts that came since the last turn, moves what time moves,
 * posts notices, raises cases and publishes the overlay when a step began,
 * changed or ended. Each verdict counts once, whoever dies. `did_out` (may
 * be NULL): how many stands changed.
 */
WEIR_MUST_USE weir_status weir_steps_turn(struct weir_control *control,
                                          uint32_t *did_out,
                                          struct weir_error *err);

/* A thread that turns once a second. */
struct weir_steps_keeper;
WEIR_MUST_USE weir_status weir_steps_start(struct weir_control *control,
                                           struct weir_steps_keeper **out,
                                           struct weir_error *err);
void weir_steps_stop(struct weir_steps_keeper *keeper); /* NULL is fine */

/* ---------------------------------------------------------------- deeds */

/*
 * A person answers what is coming: yes, it acts (hold and suspend after the
 * time to explain), no, it does not. EROLE: a token of one's own is needed.
 * ECONFLICT: nothing is coming, or it was announced and the customer has
 * not explained yet: only two people lift that.
 */
WEIR_MUST_USE weir_status weir_step_answer(struct weir_control *control,
                                           const struct weir_actor *actor,
                                           int64_t case_number, bool is_yes,
                                           weir_span reason,
                                           struct weir_error *err);
/*
 * What the customer says to what was announced: it is put off once, by the
 * time to explain. Later words are kept with the case and put off nothing.
 * `tenant` empty: any; else ENOTFOUND for another's.
 */
WEIR_MUST_USE weir_status weir_step_explain(struct weir_control *control,
                                            const struct weir_actor *actor,
                                            int64_t case_number,
                                            weir_span tenant, weir_span text,
                                            struct weir_error *err);
/* The case is to be decided (again), by another person than before; a step
 * whose appeal nobody decides in time ends. ENOTFOUND, ECONFLICT. */
WEIR_MUST_USE weir_status weir_step_appeal(struct weir_control *control,
                                           const struct weir_actor *actor,
                                           int64_t case_number,
                                           weir_span tenant, weir_span text,
                                           struct weir_error *err);

/* ------------------------------------------------------------ overrides */

/* Numbers are permanent. */
enum weir_override_deed {
    WEIR_OVERRIDE_LIFT = 1,   /* end what stands or comes */
    WEIR_OVERRIDE_EXEMPT = 2, /* no step until a date */
    WEIR_OVERRIDE_RAISE = 3,  /* a step without signals, until a date */
};
const char *weir_override_deed_name(enum weir_override_deed deed);
bool weir_override_deed_parse(weir_span text, enum weir_override_deed *out);

struct weir_override {
    int64_t number;
    weir_span id; /* "wo_..." */
    enum weir_override_deed deed;
    uint32_t kind;
    weir_span name;
    weir_span tenant;
    enum weir_watch_action step; /* of a raise */
    weir_time until;             /* of an exemption or a raise */
    weir_span reason;
    weir_time requested;
    weir_span requested_by;
    weir_time approved; /* 0: not yet */
    weir_span approved_by;
    weir_time revoked; /* 0: not */
    weir_span revoked_by;
    weir_span revoked_reason;
};
/* "requested", "in force", "done" (a lift), "over", "revoked". A request
 * that nobody approves in WEIR_WATCH_ASK_US is over. */
const char *weir_override_state(const struct weir_override *row, weir_time now);
typedef bool weir_override_on_row(void *context,
                                  const struct weir_override *row);
/* Newest first. */
WEIR_MUST_USE weir_status weir_overrides(struct weir_store *store,
                                         weir_override_on_row *on_row,
                                         void *context, struct weir_error *err);

/* Fields deed to reason of `wish`. EPARSE; ENOTFOUND: no such subject;
 * ECONFLICT: policy does not know the step. */
WEIR_MUST_USE weir_status weir_override_request(
    struct weir_control *control, const struct weir_actor *actor,
    const struct weir_override *wish, char id_out[WEIR_STORE_ID_MAX],
    struct weir_error *err);
/* Another person than who asked: it acts in every worker when this returns.
 * EROLE, ECONFLICT, ENOTFOUND. */
WEIR_MUST_USE weir_status weir_override_approve(struct weir_control *control,
                                                const struct weir_actor *actor,
                                                weir_span id,
                                                struct weir_error *err);
/* Takes a request back, or ends an exemption or what was raised before its
 * date; one person may, for it only brings back the rules. */
WEIR_MUST_USE weir_status weir_override_revoke(struct weir_control *control,
                                               const struct weir_actor *actor,
                                               weir_span id, weir_span reason,
                                               struct weir_error *err);

/* --------------------------------------------------- for control itself */

/* Two people cleared the episode's case: what stands or comes is lifted. */
struct weir_case;
WEIR_MUST_USE weir_status weir__steps_on_restored(
    struct weir_control *control, const struct weir_actor *actor,
    const struct weir_case *row, struct weir_error *err);

/* The steps of the overlay, malloc'ed; *steps_out is the caller's. */
WEIR_MUST_USE weir_status
weir__steps_overlay(struct weir_control *control, weir_time now,
                    struct weir_watch_step **steps_out, size_t *count_out,
                    struct weir_error *err);

#endif
