/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/onboarding, /v1/terms */
#include <stdlib.h>
#include <string.h>

#include "control/api/call.h"
#include "control/onboarding/parts.h"

static json_t *
time_json(weir_time when, weir_time none)
{
    return when == none ? json_null() : json_integer(when);
}

static json_t *
decision_json(int64_t number)
{
    return number == 0 ? json_null()
                       : json_sprintf("dec_%lld", (long long)number);
}

/* --------------------------------------------------------------- the list */

static bool
add_standing(void *context, const struct weir__standing_row *row)
{
    json_array_append_new(context,
                          json_pack("{s:o,s:s,s:I,s:o,s:o,s:o}", "organisation",
                                    weir_api_text(row->organisation), "state",
                                    weir_standing_name(row->state), "since_us",
                                    (json_int_t)row->since, "purposes",
                                    weir_api_text(row->purposes), "until_us",
                                    row->until == 0
                                        ? json_null()
                                        : time_json(row->until, WEIR_TIME_MAX),
                                    "decision", decision_json(row->decision)));
    return true;
}

static json_t *
lists_json(struct weir_control *control)
{
    json_t *list = json_array();
    weir_control_lock(control);
    const struct weir__screen *screen = weir__onboarding_screen(control);
    for (uint32_t i = 0; screen != NULL && i < screen->rows.list_count; i++) {
        const struct weir_screening_list *row = &screen->rows.list_rows[i];
        json_array_append_new(
            list,
            json_pack("{s:o,s:o,s:o,s:I,s:I}", "name", weir_api_text(row->name),
                      "file", weir_api_text(row->file), "format",
                      weir_api_text(row->format), "entries",
                      (json_int_t)row->entry_count, "loaded_us",
                      (json_int_t)screen->loaded));
    }
    pthread_mutex_unlock(&control->lock);
    return list;
}

weir_status
weir_api_onboarding_list(struct weir_api_call *call, struct weir_error *err)
{
    const char *wanted = weir_api_query(call, "state");
    enum weir_standing_state state = WEIR_STANDING_NONE;
    for (int i = WEIR_STANDING_STARTED;
         wanted != NULL && i <= WEIR_STANDING_HELD; i++) {
        if (strcmp(wanted, weir_standing_name((enum weir_standing_state)i)) ==
            0)
            state = (enum weir_standing_state)i;
    }
    if (wanted != NULL && state == WEIR_STANDING_NONE)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'state' is started, approved, refused or held");
    json_t *rows = json_array();
    weir_status status = weir__standings(call->door->store, state, 10000,
                                         add_standing, rows, err);
    struct weir_control *control = call->door->control;
    json_t *lists = lists_json(control);
    weir_control_lock(control);
    const char *error =
        control->onboarding == NULL ? "" : control->onboarding->screen_error;
    call->reply = json_pack(
        "{s:o,s:o,s:o}", "organisations", rows, "lists", lists, "lists_error",
        error[0] == '\0' ? json_null() : weir_api_text(weir_span_of(error)));
    pthread_mutex_unlock(&control->lock);
    return status;
}

/* -------------------------------------------------------------------- one */

static bool
add_event(void *context, const struct weir__standing_event *event)
{
    json_t *inputs = json_loadb(event->inputs.ptr, event->inputs.len, 0, NULL);
    json_array_append_new(
        context,
        json_pack(
            "{s:o,s:I,s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "id",
            decision_json(event->number), "when_us", (json_int_t)event->when,
            "action", weir__standing_action_name(event->action), "actor",
            weir_api_text(event->actor), "person", weir_api_text(event->person),
            "purposes", weir_api_text(event->purposes), "until_us",
            event->until == 0 ? json_null()
                              : time_json(event->until, WEIR_TIME_MAX),
            "reason", weir_api_text(event->reason), "inputs",
            inputs == NULL ? json_null() : inputs));
    return true;
}

static json_t *
standing_json(const struct weir_standing *standing)
{
    json_t *shortfalls = json_array();
    for (uint32_t i = 0; i < standing->shortfall_count; i++) {
        const struct weir_shortfall *one = &standing->shortfalls[i];
        json_array_append_new(shortfalls,
                              json_pack("{s:s,s:o,s:o,s:o}", "kind",
                                        weir_shortfall_name(one->kind), "code",
                                        weir_api_text(one->code), "text",
                                        weir_api_text(one->text), "next",
                                        weir_api_text(one->next)));
    }
    return json_pack(
        "{s:o,s:s,s:o,s:o,s:o,s:o,s:b,s:o}", "organisation",
        weir_api_text(standing->organisation), "state",
        weir_standing_name(standing->state), "since_us",
        time_json(standing->since, 0), "purposes",
        weir_api_text(standing->purposes), "until_us",
        standing->until == 0 ? json_null()
                             : time_json(standing->until, WEIR_TIME_MAX),
        "decision", decision_json(standing->decision), "is_eligible",
        standing->state == WEIR_STANDING_APPROVED &&
            standing->shortfall_count == 0,
        "shortfalls", shortfalls);
}

static weir_status
show(struct weir_api_call *call, weir_span organisation, struct weir_error *err)
{
    struct weir_arena arena;
    struct weir_standing standing;
    weir_arena_init_heap(&arena, (size_t)16 << 20);
    weir_status status = weir_onboarding_show(call->door->control, organisation,
                                              &arena, &standing, err);
    if (status == WEIR_OK) {
        json_t *events = json_array();
        call->reply = standing_json(&standing);
        status = weir__standing_events(call->door->store, organisation,
                                       add_event, events, err);
        json_object_set_new(call->reply, "events", events);
    }
    weir_arena_fini(&arena);
    return status;
}

weir_status
weir_api_onboarding_show(struct weir_api_call *call, struct weir_error *err)
{
    return show(call, weir_span_of(call->params[0]), err);
}

weir_status
weir_api_onboarding_start(struct weir_api_call *call, struct weir_error *err)
{
    weir_span organisation = weir_api_body(call, "organisation");
    weir_status status = weir_onboarding_start(
        call->door->control, &call->actor, organisation,
        weir_api_body(call, "purposes"), weir_api_body(call, "note"), err);
    if (status != WEIR_OK)
        return status;
    call->status = 201;
    return show(call, organisation, err);
}

weir_status
weir_api_onboarding_decide(struct weir_api_call *call, struct weir_error *err)
{
    char id[WEIR_DECISION_ID_MAX];
    weir_span verdict = weir_api_body(call, "verdict");
    weir_span until = weir_api_body(call, "until");
    struct weir_onboarding_decision decision = {
        .organisation = weir_span_of(call->params[0]),
        .is_approved = weir_span_equal(verdict, WEIR_SPAN("approve")),
        .purposes = weir_api_body(call, "purposes"),
        .reason = weir_api_body(call, "reason")};
    if (!decision.is_approved && !weir_span_equal(verdict, WEIR_SPAN("refuse")))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'verdict' is approve or refuse");
    if (until.len > 0 && !weir_time_parse(until, &decision.until))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'until' is a time like 2027-11-10");
    weir_status status = weir_onboarding_decide(
        call->door->control, &call->actor, &decision, id, &call->faults, err);
    return status == WEIR_OK ? show(call, decision.organisation, err) : status;
}

/* ------------------------------------------------------------------- terms */

static bool
add_acceptance(void *context, const struct weir__acceptance_row *row)
{
    json_array_append_new(
        context,
        json_pack("{s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:o}", "organisation",
                  weir_api_text(row->organisation), "terms",
                  weir_api_text(row->terms), "version",
                  weir_api_text(row->version), "by", weir_api_text(row->by),
                  "document", weir_api_text(row->document), "accepted_us",
                  (json_int_t)row->accepted, "entered_us",
                  (json_int_t)row->entered, "actor",
                  weir_api_text(row->actor)));
    return true;
}

weir_status
weir_api_terms_list(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_control *control = call->door->control;
    const char *organisation = weir_api_query(call, "organisation");
    json_t *terms = json_array(), *acceptances = json_array();
    weir_control_lock(control);
    for (uint32_t i = 0; i < control->world->terms_count; i++) {
        const struct weir_world_terms *t = &control->world->terms_rows[i];
        json_array_append_new(
            terms,
            json_pack("{s:o,s:o,s:o,s:o,s:o}", "name", weir_api_text(t->name),
                      "title", weir_api_text(t->title), "provider",
                      weir_api_text(t->provider.text), "version",
                      weir_api_text(t->version), "url", weir_api_text(t->url)));
    }
    pthread_mutex_unlock(&control->lock);
    weir_status status = weir__acceptances(
        call->door->store, weir_span_of(organisation ? organisation : ""),
        add_acceptance, acceptances, err);
    call->reply =
        json_pack("{s:o,s:o}", "terms", terms, "acceptances", acceptances);
    return status;
}

weir_status
weir_api_terms_accept(struct weir_api_call *call, struct weir_error *err)
{
    weir_span when = weir_api_body(call, "accepted");
    struct weir_terms_acceptance acceptance = {
        .organisation = weir_api_body(call, "organisation"),
        .terms = weir_api_body(call, "terms"),
        .version = weir_api_body(call, "version"),
        .by = weir_api_body(call, "by"),
        .document = weir_api_body(call, "document")};
    if (when.len > 0 && (!weir_time_parse(when, &acceptance.accepted) ||
                         acceptance.accepted > weir_control_now()))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'accepted' is a time that has been");
    weir_status status =
        weir_terms_accept(call->door->control, &call->actor, &acceptance, err);
    if (status != WEIR_OK)
        return status;
    call->status = 201;
    return show(call, acceptance.organisation, err);
}
