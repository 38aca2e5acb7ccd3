/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people do with a case.
 *
 * Every deed is the same five steps under control's lock: read the row, ask
 * whether its state takes the deed, ask whether this person may, write state
 * and event and act in one transaction, ring. The table below is the whole
 * state machine.
 *
 * WHO A PERSON IS. A token of the admin API has the name of whom it was made
 * for. Two tokens of one name are one person, whatever their ids; names are
 * compared without case. The local socket without a token is nobody in
 * particular: it may look, assign, decide and appeal, but it is never one of
 * the two who restore.
 */
#include <string.h>

#include "control/cases/parts.h"
#include "control/onboarding/onboarding.h"
#include "control/parts.h"
#include "control/steps/steps.h"

/* How long a decision may be appealed against, and how long one who has to
 * decide has after an appeal. */
#define APPEAL_US  (30 * WEIR_US_PER_DAY)
#define ANSWER_US  (7 * WEIR_US_PER_DAY)
#define ROOM_BYTES 65536

#define IN(state)  (1u << WEIR_CASE_##state)
static const unsigned taken_from[] = {
    [WEIR_CASE_ASSIGN] = IN(OPEN) | IN(ASSIGNED) | IN(APPEALED),
    [WEIR_CASE_DECIDE] = IN(OPEN) | IN(ASSIGNED) | IN(APPEALED),
    [WEIR_CASE_APPEAL] = IN(DECIDED) | IN(CLOSED),
    [WEIR_CASE_RESTORE] = IN(DECIDED),
    [WEIR_CASE_EXPIRE] = IN(DECIDED),
};

struct deed {
    struct weir_control *control;
    const struct weir_actor *actor;
    enum weir_case_action action;
    int64_t number;
    weir_span text;
    weir_span evidence;
    weir_span assignee;
    enum weir_case_verdict verdict;
    weir_time until;
    /* Filled on the way. */
    weir_time now;
    struct weir_case row;
    struct weir__case_person person;
    char person_bytes[WEIR_CASE_PERSON_MAX];
    struct weir_arena arena;
};

static weir_status
check_state(const struct deed *deed, struct weir_error *err)
{
    const struct weir_case *row = &deed->row;
    unsigned taken = taken_from[deed->action];
    /* What the watch does by itself is a decision before any person's. */
    if (row->kind == WEIR_CASE_WATCH && deed->action == WEIR_CASE_APPEAL)
        taken |= IN(OPEN) | IN(ASSIGNED);
    if ((taken & 1u << row->state) == 0)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "case_%lld is %s: it cannot be %s now",
                         (long long)row->number,
                         weir_case_state_name(row->state),
                         deed->action == WEIR_CASE_ASSIGN    ? "assigned"
                         : deed->action == WEIR_CASE_DECIDE  ? "decided"
                         : deed->action == WEIR_CASE_APPEAL  ? "appealed"
                         : deed->action == WEIR_CASE_RESTORE ? "restored"
                                                             : "closed");
    if (deed->action == WEIR_CASE_APPEAL && row->restored_by.len > 0)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "case_%lld was restored: nothing stands in the way",
                         (long long)row->number);
    if (deed->action == WEIR_CASE_RESTORE && row->verdict != WEIR_CASE_CLEARED)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "case_%lld was upheld: only what was cleared is "
                         "restored; an appeal comes first",
                         (long long)row->number);
    return WEIR_OK;
}

static bool
is_other(weir_span a, weir_span b)
{
    return a.len > 0 && b.len > 0 && !weir_span_equal_nocase(a, b);
}

static weir_status
check_person(const struct deed *deed, struct weir_error *err)
{
    const struct weir_case *row = &deed->row;
    weir_span me = deed->person.name;
    if (deed->action == WEIR_CASE_DECIDE && row->state == WEIR_CASE_ASSIGNED &&
        !weir_span_equal_nocase(row->assignee, me))
        return weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                         "case_%lld is assigned to '%.60s': only that person "
                         "decides it",
                         (long long)row->number, row->assignee.ptr);
    if (deed->action == WEIR_CASE_DECIDE && row->decided_by.len > 0 &&
        !is_other(row->decided_by, me))
        return weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                         "an appeal is decided by a known person other than "
                         "'%.60s', who decided first",
                         row->decided_by.ptr);
    if (deed->action != WEIR_CASE_RESTORE)
        return WEIR_OK;
    if (row->decided_by.len == 0)
        return weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                         "case_%lld was cleared by nobody in particular: two "
                         "persons with tokens of their own restore",
                         (long long)row->number);
    if (me.len == 0)
        return weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                         "a token of your own is needed to restore: it says "
                         "who you are");
    if (!is_other(row->decided_by, me))
        return weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                         "'%.60s' cleared case_%lld: a second person "
                         "restores it",
                         row->decided_by.ptr, (long long)row->number);
    return WEIR_OK;
}

/* The row as it is after the deed. */
static void
advance(struct deed *deed)
{
    struct weir_case *row = &deed->row;
    row->changed = deed->now;
    switch (deed->action) {
    case WEIR_CASE_ASSIGN:
        row->state = WEIR_CASE_ASSIGNED;
        row->assignee = deed->assignee;
        break;
    case WEIR_CASE_DECIDE:
        row->state = WEIR_CASE_DECIDED;
        row->verdict = deed->verdict;
        row->decided_by = deed->person.name;
        row->until = deed->until;
        row->deadline = deed->now + APPEAL_US;
        break;
    case WEIR_CASE_APPEAL:
        row->state = WEIR_CASE_APPEALED;
        row->assignee = WEIR_SPAN("");
        row->deadline = deed->now + ANSWER_US;
        break;
    case WEIR_CASE_RESTORE:
        row->state = WEIR_CASE_CLOSED;
        row->restored_by = deed->person.name;
        break;
    case WEIR_CASE_EXPIRE:
        row->state = WEIR_CASE_CLOSED;
        break;
    case WEIR_CASE_RAISED:
    case WEIR_CASE_SEEN:
        break; /* raise.c */
    }
}

static weir_status
read_person(struct deed *deed, struct weir_error *err)
{
    weir_span id = weir_span_of(deed->actor->id);
    weir_status status =
        weir__token_person(deed->control->store, id, deed->person_bytes, err);
    deed->person = (struct weir__case_person){
        id, weir_span_of(weir_role_name(deed->actor->role)),
        weir_span_of(deed->person_bytes)};
    if (deed->action == WEIR_CASE_ASSIGN && deed->assignee.len == 0)
        deed->assignee = deed->person.name;
    return status;
}

static weir_status
run_inside(struct deed *deed, struct weir_error *err)
{
    struct weir_store *store = deed->control->store;
    weir_status status =
        weir_case_get(store, deed->number, &deed->arena, &deed->row, err);
    if (status == WEIR_OK)
        status = read_person(deed, err);
    if (status == WEIR_OK)
        status = check_state(deed, err);
    if (status == WEIR_OK)
        status = check_person(deed, err);
    if (status == WEIR_OK && deed->action == WEIR_CASE_ASSIGN &&
        deed->assignee.len == 0)
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "to whom? name a person, or use a token of your "
                           "own");
    if (status != WEIR_OK)
        return status;
    advance(deed);
    status = weir__case_set(store, &deed->row, err);
    if (status == WEIR_OK)
        status = weir__case_note(store, &deed->row, &deed->person, deed->action,
                                 deed->text, deed->evidence, deed->now, err);
    return status;
}

typedef weir_status on_restored_fn(struct weir_control *control,
                                   const struct weir_actor *actor,
                                   const struct weir_case *row,
                                   struct weir_error *err);
static on_restored_fn *const on_restored[] = {
#define WEIR_CASE_KIND(NAME, number, name, function, title) [number] = function,
#include "control/cases/kinds.def"
#undef WEIR_CASE_KIND
};

static weir_status
run(struct deed *deed, struct weir_error *err)
{
    struct weir_control *control = deed->control;
    char room[ROOM_BYTES];
    deed->now = weir_control_now();
    weir_arena_init(&deed->arena, room, sizeof room);
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK)
        status = weir__control_finish(control, run_inside(deed, err), err);
    if (status == WEIR_OK && deed->action == WEIR_CASE_RESTORE &&
        on_restored[deed->row.kind] != NULL)
        status =
            on_restored[deed->row.kind](control, deed->actor, &deed->row, err);
    pthread_mutex_unlock(&control->lock);
    return status;
}

static weir_status
check_text(weir_span text, bool is_required, struct weir_error *err)
{
    if (is_required && text.len == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a reason is needed: it is read by who comes after");
    if (text.len > WEIR_CASE_TEXT_MAX || !weir_utf8_valid(text))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the text is not UTF-8 or longer than %d bytes",
                         WEIR_CASE_TEXT_MAX);
    return WEIR_OK;
}

weir_status
weir_case_assign(struct weir_control *control, const struct weir_actor *actor,
                 int64_t number, weir_span person, struct weir_error *err)
{
    struct deed deed = {.control = control,
                        .actor = actor,
                        .action = WEIR_CASE_ASSIGN,
                        .number = number,
                        .assignee = person,
                        .text = person};
    weir_status status = check_text(person, false, err);
    if (status == WEIR_OK && person.len >= WEIR_CASE_PERSON_MAX)
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "the person's name is too long");
    return status == WEIR_OK ? run(&deed, err) : status;
}

weir_status
weir_case_decide(struct weir_control *control, const struct weir_actor *actor,
                 int64_t number, const struct weir_case_decision *decision,
                 struct weir_error *err)
{
    struct deed deed = {
        .control = control,
        .actor = actor,
        .action = WEIR_CASE_DECIDE,
        .number = number,
        .text = decision->reason,
        .evidence = decision->evidence,
        .verdict = decision->verdict,
        .until = decision->verdict == WEIR_CASE_CLEARED ? decision->until : 0};
    weir_status status = check_text(decision->reason, true, err);
    if (status == WEIR_OK && decision->verdict != WEIR_CASE_UPHELD &&
        decision->verdict != WEIR_CASE_CLEARED)
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "a decision upholds or clears");
    if (status == WEIR_OK && decision->evidence.len > WEIR_CASE_EVIDENCE_MAX)
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "the evidence is too long");
    return status == WEIR_OK ? run(&deed, err) : status;
}

/* A deed that is a reason and no more. */
static weir_status
say(struct weir_control *control, const struct weir_actor *actor,
    enum weir_case_action action, int64_t number, weir_span reason,
    struct weir_error *err)
{
    struct deed deed = {.control = control,
                        .actor = actor,
                        .action = action,
                        .number = number,
                        .text = reason};
    weir_status status = check_text(reason, true, err);
    return status == WEIR_OK ? run(&deed, err) : status;
}

weir_status
weir_case_appeal(struct weir_control *control, const struct weir_actor *actor,
                 int64_t number, weir_span reason, struct weir_error *err)
{
    return say(control, actor, WEIR_CASE_APPEAL, number, reason, err);
}

weir_status
weir_case_restore(struct weir_control *control, const struct weir_actor *actor,
                  int64_t number, weir_span reason, struct weir_error *err)
{
    return say(control, actor, WEIR_CASE_RESTORE, number, reason, err);
}

/* ------------------------------------------------------------------- expiry */

struct over {
    int64_t numbers[256];
    uint32_t count;
};

static bool
collect_over(void *context, const struct weir_case *row)
{
    struct over *over = context;
    over->numbers[over->count++] = row->number;
    return over->count < WEIR_COUNTOF(over->numbers);
}

weir_status
weir_case_expire(struct weir_control *control, struct weir_error *err)
{
    static const struct weir_actor control_actor = {"control", WEIR_ROLE_ADMIN};
    struct over over = {.count = 0};
    weir_control_lock(control);
    weir_status status = weir__cases_over(control->store, weir_control_now(),
                                          collect_over, &over, err);
    pthread_mutex_unlock(&control->lock);
    for (uint32_t i = 0; status == WEIR_OK && i < over.count; i++) {
        struct deed deed = {.control = control,
                            .actor = &control_actor,
                            .action = WEIR_CASE_EXPIRE,
                            .number = over.numbers[i],
                            .text = WEIR_SPAN("nobody appealed in time")};
        status = run(&deed, err);
        /* Somebody appealed meanwhile. */
        if (status == WEIR_ECONFLICT)
            status = WEIR_OK;
    }
    return status;
}
