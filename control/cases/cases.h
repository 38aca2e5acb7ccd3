/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/cases/cases.h - what a person has to look at, until it is over.
 *
 *            assign          decide             restore (a second person)
 *     open ---------> assigned ------> decided -----------------> closed
 *       \                ^                |  \                       |
 *        `---------------|----------------'   `--- appeal window ----'
 *         decide         |                |         is over
 *                        `-- appealed <---'  appeal
 *
 * A case has a kind, a subject and a cause; the same three are the same case
 * for ever, so that whoever finds something may say so as often as it is
 * found. Its history is append-only: the store refuses to change or remove
 * an event, and every event is an act in the transparency log too.
 *
 * A decision upholds what stands in the way, or clears it. Cleared, it is
 * still in the way: it is restored when somebody else says so too. Two
 * people are two tokens of the admin API with different names.
 *
 * Threads: functions on a store belong to the store's thread; those on
 * control take its lock. Memory: spans are read before a function returns;
 * those handed to a callback are valid until it returns.
 */
#ifndef WEIR_CASES_H
#define WEIR_CASES_H

#include "control/control.h"

enum weir_case_kind {
#define WEIR_CASE_KIND(NAME, number, name, on_restored, title)                 \
    WEIR_CASE_##NAME = number,
#include "control/cases/kinds.def"
#undef WEIR_CASE_KIND
};
/* "screening"; "" when there is no such kind. */
const char *weir_case_kind_name(enum weir_case_kind kind);
bool weir_case_kind_parse(weir_span text, enum weir_case_kind *kind_out);

/* Numbers are permanent. */
enum weir_case_state {
    WEIR_CASE_OPEN = 1,
    WEIR_CASE_ASSIGNED = 2,
    WEIR_CASE_DECIDED = 3,
    WEIR_CASE_APPEALED = 4,
    WEIR_CASE_CLOSED = 5,
};
const char *weir_case_state_name(enum weir_case_state state);
bool weir_case_state_parse(weir_span text, enum weir_case_state *state_out);

enum weir_case_verdict {
    WEIR_CASE_UNDECIDED = 0,
    WEIR_CASE_UPHELD = 1,  /* what stands in the way stays */
    WEIR_CASE_CLEARED = 2, /* it goes, when a second person agrees */
};
const char *weir_case_verdict_name(enum weir_case_verdict verdict);

enum weir_case_action {
    WEIR_CASE_RAISED = 1,
    WEIR_CASE_SEEN = 2, /* raised again, with other evidence */
    WEIR_CASE_ASSIGN = 3,
    WEIR_CASE_DECIDE = 4,
    WEIR_CASE_APPEAL = 5,
    WEIR_CASE_RESTORE = 6,
    WEIR_CASE_EXPIRE = 7, /* the appeal window closed */
};
const char *weir_case_action_name(enum weir_case_action action);

#define WEIR_CASE_ID_MAX       32 /* "case_17" */
#define WEIR_CASE_TEXT_MAX     2000
#define WEIR_CASE_EVIDENCE_MAX 16384
/* Events SEEN of one case; later ones are only counted. */
#define WEIR_CASE_SEEN_MAX 64

/* ------------------------------------------------------------- raising */

struct weir_case_cause {
    enum weir_case_kind kind;
    weir_span subject;      /* a key's id, an organisation, a deployment */
    weir_span cause;        /* policy id, "list:entry", certificate digest */
    weir_span organisation; /* whom it concerns; may be empty */
    weir_span title;        /* one line for people */
    weir_span evidence;     /* JSON object, no secrets, no content of calls;
                               empty: {} */
    weir_time deadline;     /* 0: so long after now as the settings say */
};

/*
 * Raises a case, or finds the one that is there (`is_new_out` false), open
 * or closed. Evidence that differs from the last is kept beside it. Takes
 * part in the caller's transaction where there is one; alone it is one of its
 * own. The act is noted there too, and reaches the log when control's journal
 * thread is rung (weir__control_ring()) or turns.
 * EPARSE: subject or cause is empty, or a text is too long.
 */
WEIR_MUST_USE weir_status weir_case_raise(struct weir_store *store,
                                          const struct weir_case_cause *cause,
                                          weir_time now,
                                          char id_out[WEIR_CASE_ID_MAX],
                                          bool *is_new_out,
                                          struct weir_error *err);

/* True when two people cleared just this, and the clearing is not over. */
WEIR_MUST_USE weir_status weir_case_is_cleared(struct weir_store *store,
                                               enum weir_case_kind kind,
                                               weir_span subject,
                                               weir_span cause, weir_time now,
                                               bool *is_cleared_out,
                                               struct weir_error *err);

/* ------------------------------------------------------------- reading */

struct weir_case {
    int64_t number;
    enum weir_case_kind kind;
    enum weir_case_state state;
    enum weir_case_verdict verdict;
    weir_span subject;
    weir_span cause;
    weir_span organisation;
    weir_span title;
    weir_time opened;
    weir_time changed;
    weir_time deadline; /* to be decided by; of DECIDED: to be appealed by */
    weir_span assignee; /* a person; may be empty */
    weir_span decided_by;
    weir_span restored_by;
    weir_time until; /* of a clearing; WEIR_TIME_MAX: for ever */
    int64_t seen;    /* how often it was raised */
    weir_time seen_last;
};

struct weir_case_event {
    int64_t number;
    weir_time when;
    weir_span actor;  /* token id, "local", "control" */
    weir_span person; /* whose token it was */
    enum weir_case_action action;
    enum weir_case_state state;     /* after it */
    enum weir_case_verdict verdict; /* after it */
    weir_span text;
    weir_span evidence; /* JSON */
};

struct weir_case_filter {
    enum weir_case_state state; /* 0: any */
    enum weir_case_kind kind;   /* 0: any */
    weir_span organisation;     /* empty: any */
    weir_span assignee;         /* empty: any */
    bool is_pending;            /* only those that are not closed */
    bool is_overdue;            /* only those, of whom the deadline is over */
    uint32_t limit;             /* 0: 1000 */
};

typedef bool weir_case_on_row(void *context, const struct weir_case *row);
typedef bool weir_case_on_event(void *context,
                                const struct weir_case_event *event);
/* Newest first; the callback returns false to stop. */
WEIR_MUST_USE weir_status weir_cases(struct weir_store *store,
                                     const struct weir_case_filter *filter,
                                     weir_time now, weir_case_on_row *on_row,
                                     void *context, struct weir_error *err);
/* ENOTFOUND. The row's texts are copied to `arena`. */
WEIR_MUST_USE weir_status weir_case_get(struct weir_store *store,
                                        int64_t number,
                                        struct weir_arena *arena,
                                        struct weir_case *row_out,
                                        struct weir_error *err);
/* In the order they happened. */
WEIR_MUST_USE weir_status weir_case_events(struct weir_store *store,
                                           int64_t number,
                                           weir_case_on_event *on_event,
                                           void *context,
                                           struct weir_error *err);
/* "case_17" or "17". */
bool weir_case_id_parse(weir_span text, int64_t *number_out);
void weir_case_id_format(int64_t number, char id_out[WEIR_CASE_ID_MAX]);

/* --------------------------------------------------------------- deeds */

/*
 * Each is one transaction: the event, the state, the act. ENOTFOUND: no such
 * case; ECONFLICT: not in the state it has, the error says which states it
 * takes; EROLE: not this person.
 */
/* `person` empty: whoever asks. From OPEN, ASSIGNED, APPEALED. */
WEIR_MUST_USE weir_status weir_case_assign(struct weir_control *control,
                                           const struct weir_actor *actor,
                                           int64_t number, weir_span person,
                                           struct weir_error *err);

struct weir_case_decision {
    enum weir_case_verdict verdict; /* UPHELD or CLEARED */
    weir_span reason;               /* required */
    weir_span evidence;             /* JSON; may be empty */
    weir_time until;                /* of a clearing; WEIR_TIME_MAX */
};
/* From OPEN, ASSIGNED, APPEALED. EROLE: assigned to somebody else, or an
 * appeal against the decision of the same person. */
WEIR_MUST_USE weir_status
weir_case_decide(struct weir_control *control, const struct weir_actor *actor,
                 int64_t number, const struct weir_case_decision *decision,
                 struct weir_error *err);
/* Of what was upheld, or of a clearing that a second person does not want.
 * From DECIDED, and from CLOSED unless restored. */
WEIR_MUST_USE weir_status weir_case_appeal(struct weir_control *control,
                                           const struct weir_actor *actor,
                                           int64_t number, weir_span reason,
                                           struct weir_error *err);
/* The second person. From DECIDED, when cleared. EROLE: this person decided,
 * or either of the two is not known by name (the local socket without a
 * token is nobody in particular). Then the kind's on_restored(). */
WEIR_MUST_USE weir_status weir_case_restore(struct weir_control *control,
                                            const struct weir_actor *actor,
                                            int64_t number, weir_span reason,
                                            struct weir_error *err);
/* Closes decided cases whose appeal window is over. */
WEIR_MUST_USE weir_status weir_case_expire(struct weir_control *control,
                                           struct weir_error *err);

#endif
