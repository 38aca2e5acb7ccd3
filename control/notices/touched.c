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
 * hundred thousand keys do not delay a withdrawal. Both overlays are read
 * from the archive, as workers read them: withdrawals, revocations, holds
 * and granted exceptions all take part.
 *
 * The client is taken to be where the key's staff is, as weir schedule does.
 */
#include "control/notices/touched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/simulate/parts.h"

struct touching {
    struct weir_control *control;
    const struct weir_touching_deed *deed;
    struct weir_view views[2]; /* before and after */
    uint64_t hash;             /* of what was withdrawn or restored */
    uint8_t *reached;          /* by route: a candidate is under the hash */
    uint8_t *told;             /* by tenant and route */
    uint32_t posted;
};

/* ------------------------------------------------------------------- asking */

static weir_status
open_overlay(struct touching *t, uint64_t generation,
             struct weir_overlay *overlay_out, struct weir_error *err)
{
    char path[WEIR_PATH_MAX + 48];
    if (generation == 0)
        return WEIR_OK;
    snprintf(path, sizeof path, "%s/%llu", t->control->paths.overlays,
             (unsigned long long)generation);
    return weir_overlay_map(path, overlay_out, err);
}

static void
find_reached(struct touching *t)
{
    const struct weir_image *image = &t->control->image;
    const struct weir_overlay only = {.hashes = &t->hash, .count = 1};
    for (uint32_t row = 0; row < image->route_count; row++) {
        const struct weir_image_route *route = &image->routes[row];
        for (uint32_t i = 0; i < route->count; i++)
            t->reached[row] |= weir_gate_is_withdrawn(
                image, &only, image->candidates[route->first + i].deployment);
    }
}

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
question_of(const struct touching *t, uint32_t key, uint32_t route)
{
    const struct weir_image *image = &t->control->image;
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
        .now = t->deed->when};
}

/* ------------------------------------------------------------------ telling */

/* What was said, else the model's successor if this key may call it. */
static weir_span
target_of(const struct touching *t, uint32_t key, uint32_t route)
{
    const struct weir_world *world = t->control->world;
    const struct weir_image *image = &t->control->image;
    uint32_t model = image->routes[route].model;
    struct weir_side side;
    if (t->deed->target.len > 0 || model >= world->model_count)
        return t->deed->target;
    weir_span successor = world->model_rows[model].successor.text;
    uint32_t there = successor.len > 0 ? weir_image_find_route(image, successor)
                                       : WEIR_INDEX_NONE;
    if (there == WEIR_INDEX_NONE)
        return WEIR_SPAN("");
    const struct weir_question question = question_of(t, key, there);
    weir__side_ask(&t->views[1], &question, NULL, &side);
    return side.verdict == WEIR_ALLOW ? successor : WEIR_SPAN("");
}

static void
say(const struct touching *t, enum weir_effect effect, weir_span name,
    const struct weir_side *after, weir_span target, struct weir_buf *text)
{
    const struct weir_touching_deed *deed = t->deed;
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
        weir_span region = region_of(&t->control->image, after->deployment);
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

static weir_status
tell(struct touching *t, uint32_t key, uint32_t route, enum weir_effect effect,
     const struct weir_side *after, struct weir_error *err)
{
    const struct weir_image *image = &t->control->image;
    const struct weir_touching_deed *deed = t->deed;
    char bytes[WEIR_NOTICE_TEXT_MAX], id[WEIR_STORE_ID_MAX];
    bool is_back = effect == WEIR_EFFECT_RESTORED;
    uint32_t tenant = image->projects[image->keys[key].project].tenant;
    weir_span name = weir_image_text(image, image->routes[route].name);
    weir_span target = is_back ? WEIR_SPAN("") : target_of(t, key, route);
    struct weir_buf text;
    weir_buf_init_fixed(&text, bytes, sizeof bytes);
    say(t, effect, name, after, target, &text);
    const struct weir_notice notice = {
        .type = is_back ? WEIR_SPAN(WEIR_NOTICE_MODEL_RESTORE)
                        : WEIR_SPAN(WEIR_NOTICE_MODEL_WITHDRAW),
        .tenant = weir_image_text(image, image->tenants[tenant].name),
        .subject = name,
        .text = weir_buf_span(&text),
        .reason =
            is_back || effect == WEIR_EFFECT_MOVED ? WEIR_SPAN("") : after->why,
        .target = target,
        .deadline = is_back ? 0 : deed->deadline};
    weir_status status = weir_notice_post(t->control->store, &notice, deed->by,
                                          deed->when, id, err);
    t->posted += status == WEIR_OK && id[0] != '\0';
    return status;
}

/* -------------------------------------------------------------------- whole */

static bool
is_held_or_over(const struct touching *t, uint32_t key)
{
    const struct weir_image *image = &t->control->image;
    const struct weir_image_key *row = &image->keys[key];
    uint64_t hold =
        weir_kind_hash(WEIR_KIND_KEY_HOLD, weir_image_text(image, row->id));
    return row->not_after <= t->deed->when ||
           weir_overlay_has(&t->views[1].overlay, row->hash) ||
           weir_overlay_has(&t->views[1].overlay, hold);
}

static weir_status
ask_key(struct touching *t, uint32_t key, struct weir_error *err)
{
    const struct weir_image *image = &t->control->image;
    uint32_t tenant = image->projects[image->keys[key].project].tenant;
    uint32_t organisation = image->tenants[tenant].organisation;
    bool is_its_own = image->organisations[organisation].hash == t->hash;
    uint8_t *told = t->told + (size_t)tenant * image->route_count;
    weir_status status = WEIR_OK;
    for (uint32_t route = 0; route < image->route_count && status == WEIR_OK;
         route++) {
        struct weir_side sides[2];
        if (told[route] != 0 || (!is_its_own && t->reached[route] == 0))
            continue;
        const struct weir_question question = question_of(t, key, route);
        weir__side_ask(&t->views[0], &question, NULL, &sides[0]);
        weir__side_ask(&t->views[1], &question, &sides[0].deployment,
                       &sides[1]);
        enum weir_effect effect = effect_of(image, sides);
        if (effect == WEIR_EFFECT_SAME)
            continue;
        told[route] = 1;
        status = tell(t, key, route, effect, &sides[1], err);
    }
    return status;
}

static weir_status
ask_all(struct touching *t, struct weir_error *err)
{
    const struct weir_image *image = &t->control->image;
    weir_status status = weir_store_begin(t->control->store, err);
    if (status != WEIR_OK)
        return status;
    for (uint32_t key = 0; key < image->key_count && status == WEIR_OK; key++)
        if (!is_held_or_over(t, key))
            status = ask_key(t, key, err);
    if (status == WEIR_OK)
        status = weir_store_commit(t->control->store, err);
    if (status != WEIR_OK)
        weir_store_rollback(t->control->store);
    return status;
}

weir_status
weir__notices_of_deed(struct weir_control *control,
                      const struct weir_touching_deed *deed,
                      uint32_t *posted_out, struct weir_error *err)
{
    struct touching t = {.control = control,
                         .deed = deed,
                         .hash = weir_kind_hash(deed->kind, deed->name)};
    *posted_out = 0;
    if (!control->has_image)
        return WEIR_OK; /* nobody was served yet */
    const struct weir_image *image = &control->image;
    t.views[0].image = t.views[1].image = *image;
    t.reached = calloc(image->route_count + 1u, 1);
    t.told = calloc((size_t)image->tenant_count * image->route_count + 1u, 1);
    weir_status status =
        t.reached == NULL || t.told == NULL
            ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
            : open_overlay(&t, deed->overlay, &t.views[0].overlay, err);
    if (status == WEIR_OK)
        status =
            open_overlay(&t, control->board->overlay, &t.views[1].overlay, err);
    if (status == WEIR_OK) {
        find_reached(&t);
        status = ask_all(&t, err);
    }
    if (status == WEIR_OK)
        *posted_out = t.posted;
    weir_overlay_close(&t.views[1].overlay);
    weir_overlay_close(&t.views[0].overlay);
    free(t.told);
    free(t.reached);
    return status;
}
