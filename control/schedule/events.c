/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that has a date. */
#include <stdlib.h>
#include <string.h>

#include "control/exceptions/exceptions.h"
#include "control/onboarding/rows.h"
#include "control/schedule/parts.h"

struct event {
    weir_time at;
    const char *kind;
    const char *change;
    weir_span name;
    weir_span title;
    weir_span authority;
    weir_span target;
};

struct collecting {
    const struct weir_schedule_wish *wish;
    struct event *rows;
    size_t count;
    size_t capacity;
    bool is_full;
};

/* For callbacks of the store. */
struct stored {
    struct collecting *collecting;
    struct weir_arena *arena;
};

static void
add(struct collecting *c, struct event event)
{
    if (event.at < c->wish->from || event.at >= c->wish->to)
        return;
    if (c->count == c->capacity) {
        size_t more = c->capacity == 0 ? 64 : c->capacity * 2;
        struct event *grown = realloc(c->rows, more * sizeof *grown);
        if (grown == NULL) {
            c->is_full = true;
            return;
        }
        c->rows = grown;
        c->capacity = more;
    }
    c->rows[c->count++] = event;
}

static void
add_policies(struct collecting *c, const struct weir_image *image)
{
    for (uint32_t i = 0; i < image->policy_count; i++) {
        const struct weir_image_policy *p = &image->policies[i];
        struct event event = {
            .kind = p->is_permit                           ? "permit"
                    : (p->flags & WEIR_POLICY_SHADOW) != 0 ? "shadow"
                    : (p->flags & WEIR_POLICY_HOLD) != 0   ? "hold"
                                                           : "forbid",
            .name = weir_image_text(image, p->id),
            .title = weir_image_text(image, p->title),
            .authority = weir_image_text(image, p->authority)};
        event.at = p->from;
        event.change = "starts";
        add(c, event);
        event.at = p->until;
        event.change = "ends";
        add(c, event);
    }
}

static void
add_rules(struct collecting *c, const struct weir_world *world)
{
    for (uint32_t i = 0; i < world->rule_count; i++) {
        const struct weir_world_rule *r = &world->rule_rows[i];
        struct event event = {
            .kind = "ownership_rule", .name = r->name, .title = r->title};
        event.at = r->from;
        event.change = "starts";
        add(c, event);
        event.at = r->until;
        event.change = "ends";
        add(c, event);
    }
}

static void
add_model(struct collecting *c, const char *kind, weir_span name,
          weir_span title, weir_time deprecated, weir_time sunset,
          weir_span target)
{
    struct event event = {
        .kind = kind, .name = name, .title = title, .target = target};
    event.at = deprecated == 0 ? WEIR_TIME_MIN : deprecated;
    event.change = "deprecated";
    add(c, event);
    event.at = sunset == 0 ? WEIR_TIME_MIN : sunset;
    event.change = "ends";
    add(c, event);
}

static void
add_models(struct collecting *c, const struct weir_world *world)
{
    for (uint32_t i = 0; i < world->model_count; i++) {
        const struct weir_world_model *m = &world->model_rows[i];
        add_model(c, "model", m->name, m->title, m->deprecated, m->sunset,
                  m->successor.text);
    }
    for (uint32_t i = 0; i < world->listing_count; i++) {
        const struct weir_world_listing *l = &world->listing_rows[i];
        if (l->model == WEIR_INDEX_NONE)
            add_model(c, "listed_model", l->name, l->title, l->deprecated,
                      l->sunset, l->successor.text);
    }
}

static void
add_parties(struct collecting *c, const struct weir_world *world)
{
    for (uint32_t i = 0; i < world->organisation_count; i++) {
        const struct weir_world_organisation *o = &world->organisation_rows[i];
        if (o->verified_until != 0)
            add(c, (struct event){.at = o->verified_until,
                                  .kind = "evidence",
                                  .change = "ends",
                                  .name = o->name,
                                  .title = o->title});
    }
    for (uint32_t i = 0; i < world->key_count; i++) {
        const struct weir_world_key *k = &world->key_rows[i];
        add(c, (struct event){.at = k->not_after,
                              .kind = "key",
                              .change = "ends",
                              .name = k->id,
                              .title = k->purpose});
    }
}

/* Exceptions and licences, and approvals of customers. */
static bool
add_exception(void *context, const struct weir_exception *row)
{
    struct stored *stored = context;
    struct event event = {
        .kind = row->licence.len > 0 ? "licence" : "exception",
        .name = weir_arena_copy(stored->arena, row->name),
        .title = weir_arena_copy(stored->arena, row->reason),
        .authority = weir_arena_copy(stored->arena, row->owner)};
    event.at = row->from;
    event.change = "starts";
    add(stored->collecting, event);
    event.at = row->until;
    event.change = "ends";
    add(stored->collecting, event);
    return true;
}

static bool
add_approval(void *context, const struct weir__standing_row *row)
{
    struct stored *stored = context;
    const struct event event = {
        .at = row->until,
        .kind = "approval",
        .change = "ends",
        .name = weir_arena_copy(stored->arena, row->organisation),
        .title = weir_arena_copy(stored->arena, row->purposes)};
    add(stored->collecting, event);
    return true;
}

static weir_status
add_stored(struct stored *stored, const char *state_dir, struct weir_error *err)
{
    struct weir_store *store = NULL;
    weir_status status = weir_store_open(state_dir, false, &store, err);
    if (status == WEIR_ENOTFOUND)
        return WEIR_OK; /* never served */
    if (status == WEIR_OK)
        status = weir_exceptions_in_force(store, stored->collecting->wish->from,
                                          add_exception, stored, err);
    if (status == WEIR_OK)
        status = weir__standings(store, WEIR_STANDING_APPROVED, UINT32_MAX,
                                 add_approval, stored, err);
    weir_store_close(store);
    if (status == WEIR_OK && stored->arena->overflow)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    return status;
}

static int
by_time(const void *a, const void *b)
{
    const struct event *one = a, *two = b;
    if (one->at != two->at)
        return one->at < two->at ? -1 : 1;
    int order = strcmp(one->kind, two->kind);
    return order != 0 ? order : weir_span_compare(one->name, two->name);
}

static json_t *
text(weir_span span)
{
    json_t *json = json_stringn(span.len == 0 ? "" : span.ptr, span.len);
    return json == NULL ? json_string("?") : json;
}

static void
put_events(struct collecting *c, json_t *events)
{
    if (c->count > 0)
        qsort(c->rows, c->count, sizeof *c->rows, by_time);
    for (size_t i = 0; i < c->count; i++) {
        const struct event *e = &c->rows[i];
        char when[WEIR_TIME_TEXT];
        weir_time_format(e->at, when);
        json_array_append_new(
            events,
            json_pack("{s:s,s:I,s:s,s:o,s:s,s:o,s:o,s:o}", "at", when, "at_us",
                      (json_int_t)e->at, "kind", e->kind, "name", text(e->name),
                      "change", e->change, "title", text(e->title), "authority",
                      text(e->authority), "target", text(e->target)));
    }
}

weir_status
weir__schedule_events(const struct weir_simulate_world *world,
                      const struct weir_schedule_wish *wish, json_t *events,
                      struct weir_error *err)
{
    struct collecting c = {.wish = wish};
    struct weir_arena arena;
    struct stored stored = {&c, &arena};
    weir_arena_init_heap(&arena, (size_t)256 << 20);
    add_policies(&c, &world->image);
    add_rules(&c, world->world);
    add_models(&c, world->world);
    add_parties(&c, world->world);
    weir_status status = add_stored(&stored, world->paths.state, err);
    if (status == WEIR_OK && c.is_full)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK)
        put_events(&c, events);
    free(c.rows);
    weir_arena_fini(&arena);
    return status;
}
