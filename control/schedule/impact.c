/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One moment, tried on everybody.
 *
 * Two images of the same sources, as of a microsecond before and as of the
 * moment: keys and routes have the same rows in both, so each pair is asked
 * twice and compared. What differs is what the moment does, and nothing
 * else: not what changed since a call was recorded, not another event.
 *
 * Exceptions that were approved take part, each between its dates; one that
 * is spent does not, and what is left of the others is not used up by asking.
 *
 * The client is taken to be where the key's staff is, as in the population
 * of weir simulate.
 */
#include <stdlib.h>
#include <string.h>

#include "control/config/config.h"
#include "control/schedule/parts.h"
#include "control/simulate/parts.h"

/* Pairs that are alike: one line of the report. */
struct group {
    enum weir_effect effect;
    uint32_t tenant;
    uint32_t route;
    weir_span why;
    weir_span from;
    weir_span to;
    uint32_t keys;
};

struct impact {
    struct weir_simulate_world *world;
    struct weir_view views[2]; /* before and at */
    struct weir_buf bytes[2];
    struct weir_buf overlay;
    struct weir_overlay withdrawn;
    weir_time at;
    struct group *groups;
    size_t count;
    size_t capacity;
    uint32_t *index; /* open addressing over twice the room: row + 1 */
    uint64_t effects[WEIR_EFFECTS_SHOWN];
    uint32_t touched; /* keys */
    bool is_full;
};

/* ------------------------------------------------------------------- asking */

static enum weir_effect
effect_of(const struct weir_side *before, const struct weir_side *after)
{
    if (before->verdict == WEIR_ALLOW && after->verdict == WEIR_ALLOW)
        return weir_span_equal(before->deployment, after->deployment)
                   ? WEIR_EFFECT_SAME
                   : WEIR_EFFECT_MOVED;
    if (before->verdict == WEIR_ALLOW)
        return after->verdict == WEIR_HOLD ? WEIR_EFFECT_HELD
                                           : WEIR_EFFECT_CUT_OFF;
    if (after->verdict == WEIR_ALLOW)
        return WEIR_EFFECT_RESTORED;
    return before->verdict == after->verdict ? WEIR_EFFECT_SAME
                                             : WEIR_EFFECT_OTHERWISE;
}

static uint64_t
hash_of(const struct group *g)
{
    uint64_t numbers[] = {(uint64_t)g->effect, g->tenant, g->route};
    uint64_t hash =
        weir_hash64((weir_span){(const char *)numbers, sizeof numbers}, 0);
    return weir_hash64(g->to, weir_hash64(g->from, weir_hash64(g->why, hash)));
}

static bool
is_alike(const struct group *a, const struct group *b)
{
    return a->effect == b->effect && a->tenant == b->tenant &&
           a->route == b->route && weir_span_equal(a->why, b->why) &&
           weir_span_equal(a->from, b->from) && weir_span_equal(a->to, b->to);
}

/* Room for twice as many; false: no memory. */
static bool
grow(struct impact *impact)
{
    size_t more = impact->capacity == 0 ? 64 : impact->capacity * 2;
    struct group *groups = realloc(impact->groups, more * sizeof *groups);
    if (groups == NULL)
        return false;
    impact->groups = groups;
    uint32_t *index = calloc(2 * more, sizeof *index);
    if (index == NULL)
        return false;
    free(impact->index);
    impact->index = index;
    impact->capacity = more;
    for (size_t i = 0; i < impact->count; i++) {
        size_t at = hash_of(&groups[i]) & (2 * more - 1);
        while (index[at] != 0)
            at = (at + 1) & (2 * more - 1);
        index[at] = (uint32_t)i + 1;
    }
    return true;
}

static void
add_pair(struct impact *impact, const struct group *found)
{
    if (impact->count == impact->capacity && !grow(impact)) {
        impact->is_full = true;
        return;
    }
    size_t mask = 2 * impact->capacity - 1;
    size_t at = hash_of(found) & mask;
    for (; impact->index[at] != 0; at = (at + 1) & mask) {
        struct group *g = &impact->groups[impact->index[at] - 1];
        if (is_alike(g, found)) {
            g->keys++;
            return;
        }
    }
    impact->groups[impact->count++] = *found;
    impact->index[at] = (uint32_t)impact->count;
}

static bool
ask_pair(struct impact *impact, uint32_t key, uint32_t route)
{
    const struct weir_image *image = &impact->views[0].image;
    const struct weir_image_key *row = &image->keys[key];
    const struct weir_image_route *r = &image->routes[route];
    const struct weir_image_deployment *first =
        &image->deployments[image->candidates[r->first].deployment];
    struct weir_side sides[2];
    struct weir_question question = {
        .key = key,
        .operation = (enum weir_operation)__builtin_ctz(
            image->models[first->model].operations),
        .model = weir_image_text(image, r->name),
        .country =
            weir_image_text(image, image->jurisdictions[row->staff].code),
        .now = impact->at - 1};
    weir__side_ask(&impact->views[0], &question, NULL, &sides[0]);
    question.now = impact->at;
    weir__side_ask(&impact->views[1], &question, &sides[0].deployment,
                   &sides[1]);
    enum weir_effect effect = effect_of(&sides[0], &sides[1]);
    if (effect == WEIR_EFFECT_SAME)
        return false;
    const struct group found = {
        .effect = effect,
        .tenant = image->projects[row->project].tenant,
        .route = route,
        .why = sides[1].verdict == WEIR_ALLOW ? sides[0].why : sides[1].why,
        .from = sides[0].deployment,
        .to = sides[1].deployment,
        .keys = 1};
    impact->effects[effect]++;
    add_pair(impact, &found);
    return true;
}

static void
ask_all(struct impact *impact)
{
    const struct weir_image *image = &impact->views[0].image;
    for (uint32_t key = 0; key < image->key_count; key++) {
        bool is_touched = false;
        for (uint32_t route = 0; route < image->route_count; route++)
            is_touched = ask_pair(impact, key, route) || is_touched;
        impact->touched += is_touched;
    }
}

/* ------------------------------------------------------------------ recorded */

/* Calls and revenue by effect of a report of weir_simulate_journal(). */
static json_int_t
sum_of(const json_t *report, const char *effect, const char *member)
{
    const json_t *effects = json_object_get(report, "effects");
    return json_integer_value(
        json_object_get(json_object_get(effects, effect), member));
}

/* What the recorded calls lose or gain by the moment alone: the same calls
 * on both sides of it, one subtracted from the other. */
static weir_status
ask_recorded(struct impact *impact, const struct weir_schedule_wish *wish,
             json_t *moment, struct weir_error *err)
{
    static const char *const effects[] = {"cut_off", "held", "restored",
                                          "moved"};
    static const char *const members[] = {"calls", "tokens", "revenue_micros"};
    json_t *reports[2] = {NULL, NULL};
    weir_status status = WEIR_OK;
    for (int i = 0; i < 2 && status == WEIR_OK; i++) {
        const struct weir_simulate_wish ask = {.changed =
                                                   &impact->views[i].image,
                                               .has_at = true,
                                               .at = impact->at - 1 + i,
                                               .from = wish->calls_since,
                                               .to = WEIR_TIME_MAX};
        status = weir_simulate_journal(&impact->world->paths, &ask, &reports[i],
                                       err);
    }
    if (status == WEIR_OK) {
        json_t *recorded = json_object();
        for (size_t i = 0; i < WEIR_COUNTOF(effects); i++) {
            json_t *sums = json_object();
            for (size_t j = 0; j < WEIR_COUNTOF(members); j++)
                json_object_set_new(
                    sums, members[j],
                    json_integer(sum_of(reports[1], effects[i], members[j]) -
                                 sum_of(reports[0], effects[i], members[j])));
            json_object_set_new(recorded, effects[i], sums);
        }
        json_object_set_new(moment, "recorded", recorded);
    }
    json_decref(reports[0]);
    json_decref(reports[1]);
    return status;
}

/* -------------------------------------------------------------------- report */

static json_t *
text(weir_span span)
{
    json_t *json = json_stringn(span.len == 0 ? "" : span.ptr, span.len);
    return json == NULL ? json_string("?") : json;
}

/* The model's successor, for who loses it. */
static weir_span
successor_of(const struct impact *impact, uint32_t route)
{
    const struct weir_world *world = impact->world->world;
    uint32_t model = impact->views[0].image.routes[route].model;
    return model < world->model_count ? world->model_rows[model].successor.text
                                      : WEIR_SPAN_NONE;
}

/* The title of the policy that refuses, or nothing. */
static weir_span
title_of(const struct impact *impact, weir_span why)
{
    const struct weir_image *image = &impact->views[1].image;
    for (uint32_t i = 0; i < image->policy_count; i++) {
        if (weir_span_equal(weir_image_text(image, image->policies[i].id), why))
            return weir_image_text(image, image->policies[i].title);
    }
    return WEIR_SPAN_NONE;
}

static int
by_weight(const void *a, const void *b)
{
    const struct group *one = a, *two = b;
    if (one->effect != two->effect)
        return one->effect < two->effect ? -1 : 1;
    if (one->tenant != two->tenant)
        return one->tenant < two->tenant ? -1 : 1;
    return (one->route > two->route) - (one->route < two->route);
}

static json_t *
group_json(const struct impact *impact, const struct group *g)
{
    const struct weir_image *image = &impact->views[0].image;
    const struct weir_image_tenant *tenant = &image->tenants[g->tenant];
    return json_pack(
        "{s:s,s:o,s:o,s:o,s:i,s:o,s:o,s:o,s:o,s:o}", "effect",
        weir__effect_name(g->effect), "tenant",
        text(weir_image_text(image, tenant->name)), "organisation",
        text(weir_image_text(image,
                             image->organisations[tenant->organisation].name)),
        "model", text(weir_image_text(image, image->routes[g->route].name)),
        "keys", (int)g->keys, "why", text(g->why), "title",
        text(title_of(impact, g->why)), "from", text(g->from), "to",
        text(g->to), "successor", text(successor_of(impact, g->route)));
}

static json_t *
moment_json(struct impact *impact)
{
    char when[WEIR_TIME_TEXT];
    json_t *groups = json_array();
    json_t *effects = json_object();
    weir_time_format(impact->at, when);
    if (impact->count > 0)
        qsort(impact->groups, impact->count, sizeof *impact->groups, by_weight);
    for (size_t i = 0; i < impact->count; i++)
        json_array_append_new(groups, group_json(impact, &impact->groups[i]));
    for (int e = WEIR_EFFECT_CUT_OFF; e < WEIR_EFFECTS_SHOWN; e++)
        json_object_set_new(effects, weir__effect_name((enum weir_effect)e),
                            json_integer((json_int_t)impact->effects[e]));
    return json_pack("{s:s,s:I,s:i,s:o,s:o}", "at", when, "at_us",
                     (json_int_t)impact->at, "keys", (int)impact->touched,
                     "effects", effects, "groups", groups);
}

/* ------------------------------------------------------------------ one moment */

static weir_status
open_views(struct impact *impact, struct weir_error *err)
{
    struct weir_simulate_world *world = impact->world;
    weir_status status;
    weir_overlay_write(world->withdrawn, world->withdrawn_count, 1, impact->at,
                       false, &impact->overlay);
    weir_overlay_add_grants(world->grants, world->grant_count, &impact->overlay,
                            0);
    status = weir_overlay_open(weir_buf_span(&impact->overlay),
                               &impact->withdrawn, err);
    for (int i = 0; i < 2 && status == WEIR_OK; i++) {
        struct weir_faults faults;
        weir_faults_init(&faults);
        status = weir_config_compile(world->world, impact->at - 1 + i, 1,
                                     &impact->bytes[i], &faults);
        if (status != WEIR_OK)
            status = weir_fail(err, status, WEIR_OFFSET_NONE,
                               "the sources do not compile as of then");
        weir_faults_fini(&faults);
        impact->views[i].overlay = impact->withdrawn;
        if (status == WEIR_OK)
            status = weir_image_open(weir_buf_span(&impact->bytes[i]),
                                     &impact->views[i].image, err);
    }
    return status;
}

weir_status
weir__schedule_moment(struct weir_simulate_world *world,
                      const struct weir_schedule_wish *wish, weir_time at,
                      json_t **moment_out, struct weir_error *err)
{
    struct impact impact = {.world = world, .at = at};
    json_t *moment = NULL;
    weir_buf_init(&impact.bytes[0], WEIR_WORLD_BYTES_MAX);
    weir_buf_init(&impact.bytes[1], WEIR_WORLD_BYTES_MAX);
    weir_buf_init(&impact.overlay, (size_t)256 << 20);
    weir_status status = open_views(&impact, err);
    if (status == WEIR_OK) {
        ask_all(&impact);
        moment = moment_json(&impact);
        if (impact.is_full || moment == NULL)
            status =
                weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    }
    if (status == WEIR_OK && wish->calls_since != 0)
        status = ask_recorded(&impact, wish, moment, err);
    if (status == WEIR_OK)
        *moment_out = moment;
    else
        json_decref(moment);
    free(impact.index);
    free(impact.groups);
    weir_buf_fini(&impact.overlay);
    weir_buf_fini(&impact.bytes[1]);
    weir_buf_fini(&impact.bytes[0]);
    return status;
}
