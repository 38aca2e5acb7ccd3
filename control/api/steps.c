/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/watch/steps, overrides, reviewers, report, and the customer's part. */
#include <string.h>

#include "control/api/call.h"
#include "control/cases/cases.h"
#include "control/notices/notices.h"
#include "control/steps/report.h"
#include "control/steps/review.h"

static weir_status
read_case(const struct weir_api_call *call, int64_t *number_out,
          struct weir_error *err)
{
    if (weir_case_id_parse(weir_span_of(call->params[0]), number_out))
        return WEIR_OK;
    return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                     "no case '%.40s'; ids are like case_17", call->params[0]);
}

static json_t *
figures_json(weir_span text)
{
    json_t *value = json_loadb(text.ptr, text.len, 0, NULL);
    return value == NULL ? json_object() : value;
}

static json_t *
rung_json(unsigned rung)
{
    return json_string(weir_watch_action_name((enum weir_watch_action)rung));
}

/* What the customer sees too. */
static json_t *
step_json(const struct weir_step_row *row)
{
    const struct weir_watch_stand *s = &row->stand;
    char id[WEIR_CASE_ID_MAX];
    weir_case_id_format(row->case_number, id);
    return json_pack("{s:s,s:s,s:o,s:o,s:o,s:I,s:I,s:I,s:o}", "case", id,
                     "kind", weir_watch_kind_name(row->kind), "subject",
                     weir_api_text(row->name), "step", rung_json(s->step),
                     "coming", rung_json(s->is_asked ? 0 : s->coming),
                     "since_us", (json_int_t)s->since, "until_us",
                     (json_int_t)s->until, "from_us",
                     (json_int_t)(s->is_asked ? 0 : s->from), "figures",
                     figures_json(row->figures));
}

static json_t *
stand_json(const struct weir_step_row *row)
{
    const struct weir_watch_stand *s = &row->stand;
    json_t *object = step_json(row);
    json_object_set_new(object, "coming", rung_json(s->coming));
    json_object_set_new(object, "from_us", json_integer(s->from));
    json_object_set_new(object, "tenant", weir_api_text(row->tenant));
    json_object_set_new(object, "is_asked", json_boolean(s->is_asked));
    json_object_set_new(object, "is_explained", json_boolean(s->is_explained));
    json_object_set_new(object, "exempt_us", json_integer(s->exempt));
    json_object_set_new(object, "clean", json_integer(s->clean));
    json_object_set_new(object, "rule", weir_api_text(row->rule));
    json_object_set_new(object, "seen_us", json_integer(row->seen));
    json_object_set_new(object, "changed_us", json_integer(row->changed));
    return object;
}

static bool
add_stand(void *context, const struct weir_step_row *row)
{
    json_array_append_new(context, stand_json(row));
    return true;
}

weir_status
weir_api_steps_list(struct weir_api_call *call, struct weir_error *err)
{
    const char *tenant = weir_api_query(call, "tenant");
    const char *all = weir_api_query(call, "all");
    uint64_t limit;
    weir_status status =
        weir_api_query_number(call, "limit", 100, 10000, &limit, err);
    const struct weir_step_filter filter = {
        .tenant = weir_span_of(tenant == NULL ? "" : tenant),
        .is_standing = all == NULL || strcmp(all, "true") != 0,
        .limit = (uint32_t)limit};
    json_t *list = json_array();
    if (status == WEIR_OK)
        status = weir_steps(call->door->store, &filter, add_stand, list, err);
    call->reply = json_pack("{s:o}", "steps", list);
    return status;
}

static bool
add_deed(void *context, const struct weir_step_deed *deed)
{
    json_array_append_new(
        context,
        json_pack(
            "{s:I,s:I,s:s,s:o,s:o,s:I,s:I,s:o,s:o,s:o,s:o,s:I,s:o}", "number",
            (json_int_t)deed->number, "when_us", (json_int_t)deed->when,
            "change", weir_watch_change_name(deed->change), "step",
            rung_json(deed->step), "coming", rung_json(deed->coming),
            "until_us", (json_int_t)deed->until, "from_us",
            (json_int_t)deed->from, "actor", weir_api_text(deed->actor),
            "person", weir_api_text(deed->person), "text",
            weir_api_text(deed->text), "override",
            weir_api_text(deed->override), "verdict", (json_int_t)deed->verdict,
            "figures", figures_json(deed->figures)));
    return true;
}

static weir_status
show(struct weir_api_call *call, int64_t number, struct weir_error *err)
{
    struct weir_step_row row;
    struct weir_arena arena;
    const struct weir_step_filter filter = {.case_number = number,
                                            .limit = 100000};
    json_t *deeds = json_array();
    weir_arena_init_heap(&arena, 131072);
    weir_status status =
        weir_step_of_case(call->door->store, number, &arena, &row, err);
    if (status == WEIR_OK)
        status =
            weir_step_deeds(call->door->store, &filter, add_deed, deeds, err);
    if (status == WEIR_OK) {
        call->reply = stand_json(&row);
        json_object_set(call->reply, "deeds", deeds);
    }
    json_decref(deeds);
    weir_arena_fini(&arena);
    return status;
}

weir_status
weir_api_step_show(struct weir_api_call *call, struct weir_error *err)
{
    int64_t number;
    weir_status status = read_case(call, &number, err);
    return status == WEIR_OK ? show(call, number, err) : status;
}

/* ---------------------------------------------------------------- deeds */

weir_status
weir_api_step_answer(struct weir_api_call *call, struct weir_error *err)
{
    weir_span answer = weir_api_body(call, "answer");
    bool is_yes = weir_span_equal(answer, WEIR_SPAN("yes"));
    int64_t number;
    if (!is_yes && !weir_span_equal(answer, WEIR_SPAN("no")))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'answer' is yes or no");
    weir_status status = read_case(call, &number, err);
    if (status == WEIR_OK)
        status = weir_step_answer(call->door->control, &call->actor, number,
                                  is_yes, weir_api_body(call, "reason"), err);
    return status == WEIR_OK ? show(call, number, err) : status;
}

weir_status
weir_api_step_explain(struct weir_api_call *call, struct weir_error *err)
{
    int64_t number;
    weir_status status = read_case(call, &number, err);
    if (status == WEIR_OK)
        status =
            weir_step_explain(call->door->control, &call->actor, number,
                              WEIR_SPAN(""), weir_api_body(call, "text"), err);
    return status == WEIR_OK ? show(call, number, err) : status;
}

weir_status
weir_api_step_appeal(struct weir_api_call *call, struct weir_error *err)
{
    int64_t number;
    weir_status status = read_case(call, &number, err);
    if (status == WEIR_OK)
        status =
            weir_step_appeal(call->door->control, &call->actor, number,
                             WEIR_SPAN(""), weir_api_body(call, "text"), err);
    return status == WEIR_OK ? show(call, number, err) : status;
}

/* ------------------------------------------------------------- customers */

static bool
add_own(void *context, const struct weir_step_row *row)
{
    json_array_append_new(context, step_json(row));
    return true;
}

weir_status
weir_api_my_steps(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_notice_caller caller;
    weir_status status = weir_api_customer(call, &caller, err);
    if (status != WEIR_OK)
        return status;
    const struct weir_step_filter filter = {
        .tenant = weir_span_of(caller.tenant), .is_standing = true};
    json_t *list = json_array();
    status = weir_steps(call->door->store, &filter, add_own, list, err);
    call->reply = json_pack("{s:o}", "steps", list);
    return status;
}

typedef weir_status say_fn(struct weir_control *control,
                           const struct weir_actor *actor, int64_t case_number,
                           weir_span tenant, weir_span text,
                           struct weir_error *err);

static weir_status
say(struct weir_api_call *call, say_fn *function, const char *done,
    struct weir_error *err)
{
    struct weir_notice_caller caller;
    int64_t number;
    weir_status status = weir_api_customer(call, &caller, err);
    if (status == WEIR_OK)
        status = read_case(call, &number, err);
    if (status != WEIR_OK)
        return status;
    const struct weir_actor actor = {caller.key, WEIR_ROLE_VIEWER};
    call->reply = json_pack("{s:s}", done, call->params[0]);
    return function(call->door->control, &actor, number,
                    weir_span_of(caller.tenant), weir_api_body(call, "text"),
                    err);
}

weir_status
weir_api_my_step_explain(struct weir_api_call *call, struct weir_error *err)
{
    return say(call, weir_step_explain, "explained", err);
}

weir_status
weir_api_my_step_appeal(struct weir_api_call *call, struct weir_error *err)
{
    return say(call, weir_step_appeal, "appealed", err);
}

/* ---------------------------------------------------------------- review */

static bool
is_true(const struct weir_api_call *call, const char *name)
{
    const char *value = weir_api_query(call, name);
    return value != NULL && strcmp(value, "true") == 0;
}

weir_status
weir_api_step_calls(struct weir_api_call *call, struct weir_error *err)
{
    uint64_t count = 0;
    int64_t number;
    struct weir_sample_wish wish = {.has_content = is_true(call, "content"),
                                    .has_population =
                                        is_true(call, "population")};
    weir_status status = read_case(call, &number, err);
    if (status == WEIR_OK)
        status = weir_api_query_number(call, "count", WEIR_SAMPLE_CALLS,
                                       WEIR_SAMPLE_MAX, &count, err);
    if (status == WEIR_OK)
        status = weir_api_query_time(call, "until", 0, &wish.until, err);
    wish.count = (uint32_t)count;
    if (status == WEIR_OK)
        status =
            weir_case_sample(call->door->control, call->door->store,
                             &call->actor, number, &wish, &call->reply, err);
    return status;
}

static bool
add_reviewer(void *context, const struct weir_reviewer_row *row)
{
    json_array_append_new(
        context,
        json_pack(
            "{s:o,s:o,s:o,s:I,s:I,s:o}", "token", weir_api_text(row->token),
            "person", weir_api_text(row->person), "places",
            weir_api_text(row->places), "until_us", (json_int_t)row->until,
            "since_us", (json_int_t)row->since, "by", weir_api_text(row->by)));
    return true;
}

weir_status
weir_api_reviewers_list(struct weir_api_call *call, struct weir_error *err)
{
    json_t *list = json_array();
    weir_status status =
        weir_reviewers(call->door->store, add_reviewer, list, err);
    call->reply = json_pack("{s:o}", "reviewers", list);
    return status;
}

static weir_status
read_until(const struct weir_api_call *call, weir_time *until_out,
           struct weir_error *err)
{
    weir_span text = weir_api_body(call, "until");
    *until_out = 0;
    if (text.len == 0 || weir_time_parse(text, until_out))
        return WEIR_OK;
    return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                     "'until' is a time like 2026-11-10 or "
                     "2026-11-10T08:00:00Z");
}

weir_status
weir_api_reviewer_set(struct weir_api_call *call, struct weir_error *err)
{
    weir_time until;
    weir_status status = read_until(call, &until, err);
    if (status == WEIR_OK)
        status = weir_reviewer_set(call->door->control, &call->actor,
                                   weir_api_body(call, "token"),
                                   weir_api_body(call, "places"), until, err);
    call->reply = json_pack("{s:o}", "token",
                            weir_api_text(weir_api_body(call, "token")));
    return status;
}

/* ------------------------------------------------------------- overrides */

struct overrides {
    json_t *list;
    weir_time now;
};

static bool
add_override(void *context, const struct weir_override *row)
{
    struct overrides *all = context;
    json_array_append_new(all->list, weir_override_json(row, all->now));
    return true;
}

weir_status
weir_api_overrides_list(struct weir_api_call *call, struct weir_error *err)
{
    struct overrides all = {json_array(), weir_control_now()};
    weir_status status =
        weir_overrides(call->door->store, add_override, &all, err);
    call->reply = json_pack("{s:o}", "overrides", all.list);
    return status;
}

weir_status
weir_api_override_request(struct weir_api_call *call, struct weir_error *err)
{
    char id[WEIR_STORE_ID_MAX];
    struct weir_override wish = {.reason = weir_api_body(call, "reason")};
    weir_span step = weir_api_body(call, "step");
    uint64_t digest;
    if (!weir_override_deed_parse(weir_api_body(call, "deed"), &wish.deed))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'deed' is lift, exempt or raise");
    if (step.len > 0 && !weir_watch_action_parse(step, &wish.step))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'step' is observe, slow, strip, hold or suspend");
    weir_status status = read_until(call, &wish.until, err);
    if (status == WEIR_OK)
        status = weir_watch_named(weir_api_body(call, "subject"), &wish.kind,
                                  &digest, &wish.name, err);
    if (status == WEIR_OK)
        status = weir_override_request(call->door->control, &call->actor, &wish,
                                       id, err);
    if (status != WEIR_OK)
        return status;
    call->status = 201;
    call->reply = json_pack("{s:s,s:s}", "id", id, "state", "requested");
    return WEIR_OK;
}

weir_status
weir_api_override_approve(struct weir_api_call *call, struct weir_error *err)
{
    weir_status status = weir_override_approve(
        call->door->control, &call->actor, weir_span_of(call->params[0]), err);
    call->reply = json_pack("{s:s}", "approved", call->params[0]);
    return status;
}

weir_status
weir_api_override_revoke(struct weir_api_call *call, struct weir_error *err)
{
    weir_status status = weir_override_revoke(
        call->door->control, &call->actor, weir_span_of(call->params[0]),
        weir_api_body(call, "reason"), err);
    call->reply = json_pack("{s:s}", "revoked", call->params[0]);
    return status;
}

/* ---------------------------------------------------------------- report */

weir_status
weir_api_steps_report(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_control *control = call->door->control;
    weir_time now = weir_control_now(), from, to;
    weir_status status = weir_api_query_time(
        call, "from", now - 30 * WEIR_US_PER_DAY, &from, err);
    if (status == WEIR_OK)
        status = weir_api_query_time(call, "to", now, &to, err);
    if (status != WEIR_OK)
        return status;
    weir_control_lock(control);
    status = control->has_image
                 ? weir_steps_report(call->door->store, &control->image, from,
                                     to, now, &call->reply, err)
                 : weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                             "no image is in force yet");
    pthread_mutex_unlock(&control->lock);
    return status;
}
