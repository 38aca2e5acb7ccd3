/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a withdrawal touches, found by asking the gate.
 *
 * Which customers lose something cannot be read off a catalogue: another
 * deployment may take the calls over, and policy may have refused them
 * anyway. So every key is asked, under the overlay before the deed and under
 * the one after it, for each name of a model with a candidate that the deed
 * reaches. The first key of a tenant whose answer changes stands for the
 * tenant: a tenant that is told is not asked for that name again.
 *
 * Acting comes before telling: the overlay is in force when this runs, so a
 * hundred thousand keys do not delay a withdrawal. Image and both overlays
 * are read from the archive, as workers read them: withdrawals, revocations,
 * holds and granted exceptions all take part, and nothing that changes while
 * this runs. The overlay after the deed is the first one behind the one
 * before it, as the deed holds the lock until its own is written.
 *
 * An image that the archive has no more is replaced by the one in force: who
 * is told then is who loses something today.
 *
 * The client is taken to be where the key's staff is, as weir schedule does.
 */
#include "control/notices/touched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/simulate/parts.h"

#define TOUCHED_BYTES_MAX ((size_t)512 << 20)

struct weir__touched {
    struct weir_image image; /* a mapping of its own */
    struct weir_arena arena; /* texts of the deed, successors */
    struct weir__telling deed;
    struct weir_view views[2]; /* before and after */
    uint64_t hash;             /* of what was withdrawn or restored */
    uint32_t *routes;          /* those whose answer can have changed */
    uint32_t route_count;
    bool *is_reached;      /* by these: a candidate is under the hash */
    weir_span *successors; /* by these; empty: none */
    uint64_t *told;        /* bits by tenant and these routes */
};

/* ------------------------------------------------------------------ opening */

static weir_status
out_of_memory(struct weir_error *err)
{
    return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
}

static weir_status
open_image(struct weir__touched *t, const struct weir_control *control,
           struct weir_error *err)
{
    char path[WEIR_PATH_MAX + 80];
    weir_archive_path(&control->paths, t->deed.image, path);
    if (weir_image_map(path, &t->image, NULL) == WEIR_OK)
        return WEIR_OK;
    weir_archive_path(&control->paths, control->image.digest, path);
    return weir_image_map(path, &t->image, err);
}

static weir_status
open_overlay(const struct weir_control *control, uint64_t generation,
             struct weir_overlay *overlay_out, struct weir_error *err)
{
    char path[WEIR_PATH_MAX + 48];
    snprintf(path, sizeof path, "%s/%llu", control->paths.overlays,
             (unsigned long long)generation);
    return weir_overlay_map(path, overlay_out, err);
}

static weir_status
open_overlays(struct weir__touched *t, const struct weir_control *control,
              struct weir_error *err)
{
    uint64_t newest = control->board->overlay;
    weir_status status = WEIR_OK;
    if (t->deed.overlay != 0)
        status =
            open_overlay(control, t->deed.overlay, &t->views[0].overlay, err);
    if (status != WEIR_OK)
        return status;
    for (uint64_t i = t->deed.overlay + 1; i <= newest; i++) {
        status = open_overlay(control, i, &t->views[1].overlay, err);
        if (status == WEIR_OK)
            return WEIR_OK;
    }
    return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                     "no overlay behind %llu is in the archive",
                     (unsigned long long)t->deed.overlay);
}

/* The model's successor as the sources have it; the caller holds the lock. */
static weir_span
successor_of(struct weir__touched *t, const struct weir_control *control,
             uint32_t route)
{
    uint32_t model = t->image.routes[route].model;
    if (!control->has_image || model >= control->world->model_count ||
        memcmp(control->image.digest, t->image.digest, 32) != 0)
        return WEIR_SPAN("");
    return weir_arena_copy(&t->arena,
                           control->world->model_rows[model].successor.text);
}

/* An organisation's own keys lose every model; what else runs at it, others
 * lose, too. */
static weir_status
find_routes(struct weir__touched *t, const struct weir_control *control,
            struct weir_error *err)
{
    const struct weir_image *image = &t->image;
    const struct weir_overlay only = {.hashes = &t->hash, .count = 1};
    t->routes = weir_arena_array(&t->arena, uint32_t, image->route_count + 1);
    t->is_reached = weir_arena_array(&t->arena, bool, image->route_count + 1);
    t->successors =
        weir_arena_array(&t->arena, weir_span, image->route_count + 1);
    if (t->arena.overflow)
        return out_of_memory(err);
    for (uint32_t row = 0; row < image->route_count; row++) {
        const struct weir_image_route *route = &image->routes[row];
        bool is_reached = false;
        for (uint32_t i = 0; i < route->count; i++)
            is_reached = is_reached ||
                         weir_gate_is_withdrawn(
                             image, &only,
                             image->candidates[route->first + i].deployment);
        if (!is_reached && t->deed.kind != WEIR_KIND_ORGANISATION)
            continue;
        t->routes[t->route_count] = row;
        t->is_reached[t->route_count] = is_reached;
        t->successors[t->route_count] = successor_of(t, control, row);
        t->route_count++;
    }
    size_t bits = (size_t)image->tenant_count * t->route_count;
    t->told = weir_arena_array(&t->arena, uint64_t, bits / 64 + 1);
    return t->arena.overflow ? out_of_memory(err) : WEIR_OK;
}

weir_status
weir__touched_new(struct weir_control *control,
                  const struct weir__telling *telling,
                  struct weir__touched **touched_out, struct weir_error *err)
{
    struct weir__touched *t = calloc(1, sizeof *t);
    if (t == NULL)
        return out_of_memory(err);
    weir_arena_init_heap(&t->arena, TOUCHED_BYTES_MAX);
    t->deed = *telling;
    t->deed.name = weir_arena_copy(&t->arena, telling->name);
    t->deed.why = weir_arena_copy(&t->arena, telling->why);
    t->deed.target = weir_arena_copy(&t->arena, telling->target);
    t->hash = weir_kind_hash(telling->kind, telling->name);
    weir_status status = open_image(t, control, err);
    if (status == WEIR_OK)
        status = open_overlays(t, control, err);
    t->views[0].image = t->views[1].image = t->image;
    if (status == WEIR_OK)
        status = find_routes(t, control, err);
    if (status == WEIR_OK)
        *touched_out = t;
    else
        weir__touched_free(t);
    return status;
}

void
weir__touched_free(struct weir__touched *t)
{
    if (t == NULL)
        return;
    weir_overlay_close(&t->views[1].overlay);
    weir_overlay_close(&t->views[0].overlay);
    weir_image_close(&t->image);
    weir_arena_fini(&t->arena);
    free(t);
}

/* ------------------------------------------------------------------- asking */

/* Where its calls are decided: another place is another matter. */
static weir_span
region_of(const struct weir_image *image, weir_span deployment)
{
    for (uint32_t i = 0; i < image->deployment_count; i++)
        if (weir_span_equal(weir_image_text(image, image->deployments[i].name),
                            deployment))
            return weir_image_text(image, image->deployments[i].region);
    return WEIR_SPAN("");
}

static enum weir_effect
effect_of(const struct weir_image *image, const struct weir_side sides[2])
{
    bool was = sides[0].verdict == WEIR_ALLOW;
    bool is = sides[1].verdict == WEIR_ALLOW;
    if (was && !is)
        return sides[1].verdict == WEIR_HOLD ? WEIR_EFFECT_HELD
                                             : WEIR_EFFECT_CUT_OFF;
    if (!was)
        return is ? WEIR_EFFECT_RESTORED : WEIR_EFFECT_SAME;
    if (weir_span_equal(sides[0].model, sides[1].model) &&
        weir_span_equal(region_of(image, sides[0].deployment),
                        region_of(image, sides[1].deployment)))
        return WEIR_EFFECT_SAME; /* another machine of the same sort */
    return WEIR_EFFECT_MOVED;
}

static struct weir_question
question_of(const struct weir__touched *t, uint32_t key, uint32_t route)
{
    const struct weir_image *image = &t->image;
    const struct weir_image_route *r = &image->routes[route];
    const struct weir_image_deployment *first =
        &image->deployments[image->candidates[r->first].deployment];
    return (struct weir_question){
        .key = key,
        .operation = (enum weir_operation)__builtin_ctz(
            image->models[first->model].operations),
        .model = weir_image_text(image, r->name),
        .country = weir_image_text(
            image, image->jurisdictions[image->keys[key].staff].code),
        .now = t->deed.when};
}

/* ------------------------------------------------------------------ finding */

/* What was said, else the model's successor if this key may call it. */
static weir_span
target_of(const struct weir__touched *t, uint32_t key, uint32_t at)
{
    struct weir_side side;
    weir_span successor = t->successors[at];
    if (t->deed.target.len > 0)
        return t->deed.target;
    uint32_t there = successor.len > 0
                         ? weir_image_find_route(&t->image, successor)
                         : WEIR_INDEX_NONE;
    if (there == WEIR_INDEX_NONE)
        return WEIR_SPAN("");
    const struct weir_question question = question_of(t, key, there);
    weir__side_ask(&t->views[1], &question, NULL, &side);
    return side.verdict == WEIR_ALLOW ? successor : WEIR_SPAN("");
}

static void
say(const struct weir__touched *t, enum weir_effect effect, weir_span name,
    const struct weir_side *after, weir_span target, struct weir_buf *text)
{
    const struct weir__telling *deed = &t->deed;
    bool is_back = effect == WEIR_EFFECT_RESTORED;
    char when[WEIR_TIME_TEXT];
    weir_time_format(deed->when, when);
    weir_buf_addf(text, "Since %.19sZ calls of %.*s are ", when,
                  WEIR_SPAN_ARG(name));
    if (is_back)
        weir_buf_addf(text, "answered again");
    else if (effect == WEIR_EFFECT_MOVED)
        weir_buf_addf(text, "answered by %.*s", WEIR_SPAN_ARG(after->model));
    else
        weir_buf_addf(text, effect == WEIR_EFFECT_HELD
                                ? "held until a person decides"
                                : "refused");
    if (effect == WEIR_EFFECT_MOVED) {
        weir_span region = region_of(&t->image, after->deployment);
        weir_buf_addf(text, " in %.*s", WEIR_SPAN_ARG(region));
    }
    weir_buf_addf(text, ": %s %.*s is %s", weir_kind_name(deed->kind),
                  WEIR_SPAN_ARG(deed->name),
                  weir_overlay_has(&t->views[1].overlay, t->hash)
                      ? "withdrawn"
                      : "no longer withdrawn");
    if (deed->why.len > 0)
        weir_buf_addf(text, " (%.*s)",
                      (int)(deed->why.len < 800 ? deed->why.len : 800),
                      deed->why.ptr);
    if (target.len > 0 && !is_back)
        weir_buf_addf(text, ". Use %.*s", WEIR_SPAN_ARG(target));
    weir_buf_addf(text, ".");
}

/* The reference makes a repetition after a stop no second notice. */
static weir_status
find(const struct weir__touched *t, uint32_t key, uint32_t at,
     enum weir_effect effect, const struct weir_side *after,
     struct weir_arena *arena, struct weir__findings *found,
     struct weir_error *err)
{
    const struct weir_image *image = &t->image;
    char bytes[WEIR_NOTICE_TEXT_MAX], reference[600];
    bool is_back = effect == WEIR_EFFECT_RESTORED;
    uint32_t tenant = image->projects[image->keys[key].project].tenant;
    weir_span name = weir_image_text(image, image->routes[t->routes[at]].name);
    weir_span target = is_back ? WEIR_SPAN("") : target_of(t, key, at);
    struct weir_buf text;
    weir_buf_init_fixed(&text, bytes, sizeof bytes);
    say(t, effect, name, after, target, &text);
    snprintf(reference, sizeof reference, "deed:%lld:%.*s",
             (long long)t->deed.number, WEIR_SPAN_ARG(name));
    weir_span why =
        is_back || effect == WEIR_EFFECT_MOVED ? WEIR_SPAN("") : after->why;
    found->rows[found->count++] = (struct weir_notice){
        .type = is_back ? WEIR_SPAN(WEIR_NOTICE_MODEL_RESTORE)
                        : WEIR_SPAN(WEIR_NOTICE_MODEL_WITHDRAW),
        .tenant = weir_image_text(image, image->tenants[tenant].name),
        .subject = name,
        .text = weir_arena_copy(arena, weir_buf_span(&text)),
        .reason = weir_arena_copy(arena, why),
        .target = weir_arena_copy(arena, target),
        .deadline = is_back ? 0 : t->deed.deadline,
        .reference = weir_arena_copy(arena, weir_span_of(reference))};
    return arena->overflow ? out_of_memory(err) : WEIR_OK;
}

/* -------------------------------------------------------------------- whole */

static bool
is_held_or_over(const struct weir__touched *t, uint32_t key)
{
    const struct weir_image *image = &t->image;
    const struct weir_image_key *row = &image->keys[key];
    uint64_t hold =
        weir_kind_hash(WEIR_KIND_KEY_HOLD, weir_image_text(image, row->id));
    return row->not_after <= t->deed.when ||
           weir_overlay_has(&t->views[1].overlay, row->hash) ||
           weir_overlay_has(&t->views[1].overlay, hold);
}

static weir_status
ask_key(struct weir__touched *t, uint32_t key, struct weir_arena *arena,
        struct weir__findings *found, struct weir_error *err)
{
    const struct weir_image *image = &t->image;
    uint32_t tenant = image->projects[image->keys[key].project].tenant;
    uint32_t organisation = image->tenants[tenant].organisation;
    bool is_its_own = image->organisations[organisation].hash == t->hash;
    weir_status status = WEIR_OK;
    for (uint32_t at = 0; at < t->route_count && status == WEIR_OK; at++) {
        struct weir_side sides[2];
        size_t bit = (size_t)tenant * t->route_count + at;
        if ((t->told[bit / 64] >> bit % 64 & 1) != 0 ||
            (!is_its_own && !t->is_reached[at]))
            continue;
        const struct weir_question question =
            question_of(t, key, t->routes[at]);
        weir__side_ask(&t->views[0], &question, NULL, &sides[0]);
        weir__side_ask(&t->views[1], &question, &sides[0].deployment,
                       &sides[1]);
        enum weir_effect effect = effect_of(image, sides);
        if (effect == WEIR_EFFECT_SAME)
            continue;
        t->told[bit / 64] |= UINT64_C(1) << bit % 64;
        status = find(t, key, at, effect, &sides[1], arena, found, err);
    }
    return status;
}

weir_status
weir__touched_ask(struct weir__touched *t, uint32_t from,
                  struct weir_arena *arena, struct weir__findings *findings_out,
                  struct weir_error *err)
{
    struct weir__findings found = {.next_key = from};
    weir_status status = WEIR_OK;
    found.rows = weir_arena_array(arena, struct weir_notice,
                                  WEIR__FINDINGS_MAX + t->route_count);
    if (found.rows == NULL)
        return out_of_memory(err);
    while (status == WEIR_OK && found.next_key < t->image.key_count &&
           found.count < WEIR__FINDINGS_MAX) {
        if (!is_held_or_over(t, found.next_key))
            status = ask_key(t, found.next_key, arena, &found, err);
        found.next_key++;
    }
    found.is_last = found.next_key >= t->image.key_count;
    if (status == WEIR_OK)
        *findings_out = found;
    return status;
}
