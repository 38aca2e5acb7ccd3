/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/cases */
#include <string.h>

#include "control/api/call.h"
#include "control/cases/cases.h"
#include "control/notices/telling.h"

static json_t *
time_json(weir_time when, weir_time none)
{
    return when == none ? json_null() : json_integer(when);
}

static json_t *
case_json(const struct weir_case *row)
{
    char id[WEIR_CASE_ID_MAX];
    weir_case_id_format(row->number, id);
    return json_pack(
        "{s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:b,s:o,s:o,s:o,s:o,s:I,"
        "s:I}",
        "id", id, "kind", weir_case_kind_name(row->kind), "state",
        weir_case_state_name(row->state), "verdict",
        weir_case_verdict_name(row->verdict), "subject",
        weir_api_text(row->subject), "cause", weir_api_text(row->cause),
        "organisation", weir_api_text(row->organisation), "title",
        weir_api_text(row->title), "opened_us", (json_int_t)row->opened,
        "changed_us", (json_int_t)row->changed, "deadline_us",
        (json_int_t)row->deadline, "is_overdue",
        row->state != WEIR_CASE_CLOSED && row->deadline <= weir_control_now(),
        "assignee", weir_api_text(row->assignee), "decided_by",
        weir_api_text(row->decided_by), "restored_by",
        weir_api_text(row->restored_by), "until_us",
        row->until == 0 ? json_null() : time_json(row->until, WEIR_TIME_MAX),
        "seen", (json_int_t)row->seen, "seen_us", (json_int_t)row->seen_last);
}

static bool
add_case(void *context, const struct weir_case *row)
{
    json_array_append_new(context, case_json(row));
    return true;
}

static weir_status
read_filter(const struct weir_api_call *call, struct weir_case_filter *filter,
            struct weir_error *err)
{
    const char *state = weir_api_query(call, "state");
    const char *kind = weir_api_query(call, "kind");
    const char *organisation = weir_api_query(call, "organisation");
    const char *assignee = weir_api_query(call, "assignee");
    const char *pending = weir_api_query(call, "pending");
    const char *overdue = weir_api_query(call, "overdue");
    uint64_t limit = 0;
    if (state != NULL &&
        !weir_case_state_parse(weir_span_of(state), &filter->state))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'state' is open, assigned, decided, appealed or "
                         "closed");
    if (kind != NULL &&
        !weir_case_kind_parse(weir_span_of(kind), &filter->kind))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'kind' is screening, hold, conflict, pin or watch");
    filter->organisation = weir_span_of(organisation ? organisation : "");
    filter->assignee = weir_span_of(assignee ? assignee : "");
    filter->is_pending = pending != NULL && strcmp(pending, "true") == 0;
    filter->is_overdue = overdue != NULL && strcmp(overdue, "true") == 0;
    weir_status status =
        weir_api_query_number(call, "limit", 100, 10000, &limit, err);
    filter->limit = (uint32_t)limit;
    return status;
}

weir_status
weir_api_cases_list(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_case_filter filter = {0};
    weir_status status = read_filter(call, &filter, err);
    if (status != WEIR_OK)
        return status;
    json_t *list = json_array();
    status = weir_cases(call->door->store, &filter, weir_control_now(),
                        add_case, list, err);
    call->reply = json_pack("{s:o}", "cases", list);
    return status;
}

static bool
add_event(void *context, const struct weir_case_event *event)
{
    json_t *evidence =
        json_loadb(event->evidence.ptr, event->evidence.len, 0, NULL);
    json_array_append_new(
        context,
        json_pack("{s:I,s:I,s:o,s:o,s:s,s:s,s:s,s:o,s:o}", "number",
                  (json_int_t)event->number, "when_us", (json_int_t)event->when,
                  "actor", weir_api_text(event->actor), "person",
                  weir_api_text(event->person), "action",
                  weir_case_action_name(event->action), "state",
                  weir_case_state_name(event->state), "verdict",
                  weir_case_verdict_name(event->verdict), "text",
                  weir_api_text(event->text), "evidence",
                  evidence == NULL ? json_null() : evidence));
    return true;
}

static weir_status
read_number(const struct weir_api_call *call, int64_t *number_out,
            struct weir_error *err)
{
    if (weir_case_id_parse(weir_span_of(call->params[0]), number_out))
        return WEIR_OK;
    return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                     "no case '%.40s'; ids are like case_17", call->params[0]);
}

static weir_status
show(struct weir_api_call *call, int64_t number, struct weir_error *err)
{
    struct weir_arena arena;
    struct weir_case row;
    char room[32768];
    weir_arena_init(&arena, room, sizeof room);
    weir_status status =
        weir_case_get(call->door->store, number, &arena, &row, err);
    if (status != WEIR_OK)
        return status;
    json_t *events = json_array();
    status =
        weir_case_events(call->door->store, number, add_event, events, err);
    call->reply = case_json(&row);
    json_object_set_new(call->reply, "events", events);
    return status;
}

weir_status
weir_api_case_show(struct weir_api_call *call, struct weir_error *err)
{
    int64_t number;
    weir_status status = read_number(call, &number, err);
    return status == WEIR_OK ? show(call, number, err) : status;
}

weir_status
weir_api_case_assign(struct weir_api_call *call, struct weir_error *err)
{
    int64_t number;
    weir_status status = read_number(call, &number, err);
    if (status == WEIR_OK)
        status = weir_case_assign(call->door->control, &call->actor, number,
                                  weir_api_body(call, "person"), err);
    return status == WEIR_OK ? show(call, number, err) : status;
}

static weir_status
read_decision(const struct weir_api_call *call,
              struct weir_case_decision *decision, struct weir_error *err)
{
    weir_span verdict = weir_api_body(call, "verdict");
    weir_span until = weir_api_body(call, "until");
    *decision = (struct weir_case_decision){
        .verdict = weir_span_equal(verdict, WEIR_SPAN("clear"))
                       ? WEIR_CASE_CLEARED
                   : weir_span_equal(verdict, WEIR_SPAN("uphold"))
                       ? WEIR_CASE_UPHELD
                       : WEIR_CASE_UNDECIDED,
        .reason = weir_api_body(call, "reason"),
        .until = WEIR_TIME_MAX};
    if (decision->verdict == WEIR_CASE_UNDECIDED)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'verdict' is uphold or clear");
    if (until.len > 0 && (!weir_time_parse(until, &decision->until) ||
                          decision->until <= weir_control_now()))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'until' is a time to come, like 2027-11-10");
    return WEIR_OK;
}

weir_status
weir_api_case_decide(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_case_decision decision;
    int64_t number;
    weir_status status = read_number(call, &number, err);
    if (status == WEIR_OK)
        status = read_decision(call, &decision, err);
    if (status == WEIR_OK)
        status = weir_case_decide(call->door->control, &call->actor, number,
                                  &decision, err);
    return status == WEIR_OK ? show(call, number, err) : status;
}

weir_status
weir_api_case_appeal(struct weir_api_call *call, struct weir_error *err)
{
    int64_t number;
    weir_status status = read_number(call, &number, err);
    if (status == WEIR_OK)
        status = weir_case_appeal(call->door->control, &call->actor, number,
                                  weir_api_body(call, "reason"), err);
    return status == WEIR_OK ? show(call, number, err) : status;
}

weir_status
weir_api_case_restore(struct weir_api_call *call, struct weir_error *err)
{
    int64_t number;
    weir_status status = read_number(call, &number, err);
    if (status == WEIR_OK)
        status = weir_case_restore(call->door->control, &call->actor, number,
                                   weir_api_body(call, "reason"), err);
    /* Of a pin: customers are told that it is back. */
    struct weir_told told;
    if (status == WEIR_OK)
        weir__tell_wait(call->door->control, 0, &told);
    return status == WEIR_OK ? show(call, number, err) : status;
}
