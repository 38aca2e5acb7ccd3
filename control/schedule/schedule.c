/* SPDX-License-Identifier: Apache-2.0 */
/* The report, and the notices that follow from it. */
#include "control/schedule/schedule.h"

#include <stdio.h>
#include <string.h>

#include "control/notices/notices.h"
#include "control/schedule/parts.h"

#define FEW 64 /* notices of one transaction */

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
    if (status == WEIR_OK && wish->sources_hash != 0 &&
        world.world->sources_hash != wish->sources_hash)
        status = weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                           "the sources are not those in force");
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
     weir_time lead, weir_span by, weir_time now, uint32_t *posted,
     struct weir_error *err)
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
    size_t len = strlen(reference);
    if (lead > 0)
        snprintf(reference + len, sizeof reference - len, ":%lld",
                 (long long)(lead / WEIR_US_PER_SEC));
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

/* The shortest of the times that has come; false: none. The longest is the
 * first notice and has no mark of its own, so that it is the one that
 * --notify posts. */
static bool
lead_of(weir_time at, const weir_time *ahead, uint32_t ahead_count,
        weir_time now, weir_time *mark_out)
{
    bool has_come = ahead_count == 0;
    *mark_out = 0;
    for (uint32_t i = 0; i < ahead_count; i++) {
        if (at - ahead[i] > now)
            break;
        has_come = true;
        *mark_out = i == 0 ? 0 : ahead[i];
    }
    return has_come;
}

weir_time
weir_schedule_next(const json_t *report, const weir_time *ahead,
                   uint32_t ahead_count, weir_time now)
{
    weir_time next = WEIR_TIME_MAX;
    const json_t *event;
    size_t index;
    json_array_foreach(json_object_get(report, "events"), index, event)
    {
        weir_time at = json_integer_value(json_object_get(event, "at_us"));
        for (uint32_t i = 0; i < ahead_count; i++) {
            if (at - ahead[i] > now && at - ahead[i] < next)
                next = at - ahead[i];
        }
    }
    return next;
}

struct posting {
    struct weir_store *store;
    weir_span by;
    weir_time now;
    uint32_t posted;
    uint32_t open; /* in the transaction */
    struct weir_error *err;
};

/* Others write between two transactions. */
static weir_status
post_in_few(struct posting *posting, const json_t *moment, const json_t *group,
            weir_time lead)
{
    weir_status status = WEIR_OK;
    if (posting->open == 0)
        status = weir_store_begin(posting->store, posting->err);
    if (status == WEIR_OK)
        status = post(posting->store, moment, group, lead, posting->by,
                      posting->now, &posting->posted, posting->err);
    if (status == WEIR_OK && ++posting->open == FEW) {
        posting->open = 0;
        status = weir_store_commit(posting->store, posting->err);
    }
    return status;
}

weir_status
weir_schedule_notify(struct weir_store *store, const json_t *report,
                     const weir_time *ahead, uint32_t ahead_count, weir_span by,
                     weir_time now, uint32_t *posted_out,
                     struct weir_error *err)
{
    const json_t *moment, *group;
    size_t i, j;
    struct posting posting = {.store = store, .by = by, .now = now, .err = err};
    weir_status status = WEIR_OK;
    json_array_foreach(json_object_get(report, "moments"), i, moment)
    {
        weir_time at = json_integer_value(json_object_get(moment, "at_us"));
        weir_time lead;
        if (!lead_of(at, ahead, ahead_count, now, &lead))
            continue;
        json_array_foreach(json_object_get(moment, "groups"), j, group)
        {
            if (status == WEIR_OK)
                status = post_in_few(&posting, moment, group, lead);
        }
    }
    if (status == WEIR_OK && posting.open > 0)
        status = weir_store_commit(store, err);
    if (status != WEIR_OK)
        weir_store_rollback(store);
    *posted_out = posting.posted;
    return status;
}
