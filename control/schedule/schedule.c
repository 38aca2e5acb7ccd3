/* SPDX-License-Identifier: Apache-2.0 */
/* The report, and the notices that follow from it. */
#include "control/schedule/schedule.h"

#include <stdio.h>
#include <string.h>

#include "control/notices/notices.h"
#include "control/schedule/parts.h"

static weir_status
ask_moments(struct weir_simulate_world *world,
            const struct weir_schedule_wish *wish, const json_t *events,
            json_t *moments, struct weir_error *err)
{
    weir_time last = WEIR_TIME_MIN;
    const json_t *event;
    size_t index;
    json_array_foreach(events, index, event)
    {
        json_t *moment = NULL;
        weir_time at = json_integer_value(json_object_get(event, "at_us"));
        if (at == last)
            continue;
        last = at;
        weir_status status =
            weir__schedule_moment(world, wish, at, &moment, err);
        if (status != WEIR_OK)
            return status;
        json_array_append_new(moments, moment);
    }
    return WEIR_OK;
}

weir_status
weir_schedule(const struct weir_schedule_wish *wish, json_t **report_out,
              struct weir_faults *faults, struct weir_error *err)
{
    struct weir_simulate_world world;
    char from[WEIR_TIME_TEXT], to[WEIR_TIME_TEXT];
    const struct weir_simulate_sources sources = {.config = wish->config,
                                                  .at = wish->from};
    weir_status status =
        weir_simulate_world_open(&sources, &world, faults, err);
    json_t *events = json_array(), *moments = json_array();
    if (status == WEIR_OK)
        status = weir__schedule_events(&world, wish, events, err);
    if (status == WEIR_OK && !wish->is_list_only)
        status = ask_moments(&world, wish, events, moments, err);
    if (status == WEIR_OK) {
        weir_time_format(wish->from, from);
        weir_time_format(wish->to, to);
        *report_out = json_pack("{s:s,s:s,s:i,s:O,s:O}", "from", from, "to", to,
                                "keys", (int)world.image.key_count, "events",
                                events, "moments", moments);
    }
    json_decref(events);
    json_decref(moments);
    weir_simulate_world_close(&world);
    return status;
}

/* ------------------------------------------------------------------- notices */

static weir_span
member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return (weir_span){json_string_value(value), json_string_length(value)};
}

static weir_status
post(struct weir_store *store, const json_t *moment, const json_t *group,
     weir_span by, weir_time now, uint32_t *posted, struct weir_error *err)
{
    char text[WEIR_NOTICE_TEXT_MAX], reference[600], id[WEIR_STORE_ID_MAX];
    weir_span effect = member(group, "effect");
    weir_span model = member(group, "model"), why = member(group, "why");
    weir_span title = member(group, "title"), at = member(moment, "at");
    weir_span target = member(group, "successor");
    bool is_cut = weir_span_equal(effect, WEIR_SPAN("cut_off"));
    bool is_sunset = weir_span_equal(why, WEIR_SPAN("model_sunset"));
    if (!is_cut && !weir_span_equal(effect, WEIR_SPAN("held")))
        return WEIR_OK;
    snprintf(
        text, sizeof text,
        "From %.19sZ on calls of %.*s with %lld of your keys are %s%s%.*s%s"
        "%s%.*s%s",
        at.ptr, (int)(model.len < 128 ? model.len : 128), model.ptr,
        (long long)json_integer_value(json_object_get(group, "keys")),
        is_cut ? "refused" : "held until a person decides",
        title.len > 0 ? ": " : "", (int)(title.len < 500 ? title.len : 500),
        title.ptr, is_sunset ? ": its last day is over" : "",
        target.len > 0 ? ". Use " : "", (int)target.len,
        target.len > 0 ? target.ptr : "", ".");
    snprintf(reference, sizeof reference, "schedule:%.*s:%.*s:%.*s",
             WEIR_SPAN_ARG(effect), WEIR_SPAN_ARG(model), WEIR_SPAN_ARG(at));
    const struct weir_notice notice = {
        .type = is_sunset ? WEIR_SPAN(WEIR_NOTICE_MODEL_SUNSET)
                          : WEIR_SPAN(WEIR_NOTICE_RULE_CHANGE),
        .tenant = member(group, "tenant"),
        .subject = model,
        .text = weir_span_of(text),
        .reason = why,
        .target = target,
        .deadline = json_integer_value(json_object_get(moment, "at_us")),
        .reference = weir_span_of(reference)};
    weir_status status = weir_notice_post(store, &notice, by, now, id, err);
    *posted += status == WEIR_OK && id[0] != '\0';
    return status;
}

weir_status
weir_schedule_notify(struct weir_store *store, const json_t *report,
                     weir_span by, weir_time now, uint32_t *posted_out,
                     struct weir_error *err)
{
    const json_t *moment, *group;
    size_t i, j;
    uint32_t posted = 0;
    weir_status status = weir_store_begin(store, err);
    if (status != WEIR_OK)
        return status;
    json_array_foreach(json_object_get(report, "moments"), i, moment)
    {
        json_array_foreach(json_object_get(moment, "groups"), j, group)
        {
            if (status == WEIR_OK)
                status = post(store, moment, group, by, now, &posted, err);
        }
    }
    if (status == WEIR_OK)
        status = weir_store_commit(store, err);
    if (status != WEIR_OK)
        weir_store_rollback(store);
    else
        *posted_out = posted;
    return status;
}
