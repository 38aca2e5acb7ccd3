/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls nobody made, asked of the world before and after. The whole product
 * takes each key's clients to be where its staff is; a draw takes any place,
 * or none, so that policies on the client's country are met too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/simulate/parts.h"

struct draw {
    const struct weir_simulate_population *all;
    const struct weir_simulate_wish *wish;
    struct weir_asked_image after;
    struct weir_view before_view;
    struct weir_view after_view;
    struct weir_classes classes;
    struct weir_simulate_counts counts;
};

/* splitmix64: the same draws on every machine. */
static uint64_t
next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void
ask(struct draw *draw, struct weir_question question)
{
    const struct weir_image *image = draw->all->image;
    const struct weir_image_key *key = &image->keys[question.key];
    uint32_t tenant = image->projects[key->project].tenant;
    uint32_t organisation = image->tenants[tenant].organisation;
    struct weir_side before, after;
    question.now = draw->all->now;
    weir__side_ask(&draw->before_view, &question, NULL, &before);
    if (before.verdict != WEIR_ALLOW)
        weir__side_place(image, question.model, &before);
    struct weir_question again = question;
    again.key =
        weir_replay_key(&draw->after.keys, weir_image_text(image, key->id));
    if (draw->wish->has_at)
        again.now = draw->wish->at;
    if (again.key == WEIR_INDEX_NONE)
        weir__side_refuse(WEIR_REASON_UNKNOWN_KEY, &after);
    else
        weir__side_ask(&draw->after_view, &again, &before.deployment, &after);
    uint32_t row = weir__compare(
        &draw->classes, &before, &after,
        weir_image_text(image, image->organisations[organisation].name),
        weir__headquarters(image, question.key), question.model);
    if (draw->classes.is_full)
        return;
    draw->classes.rows[row].decisions++;
    draw->classes.rows[row].admitted += before.verdict == WEIR_ALLOW;
    if ((++draw->counts.records & 0xffff) == 0 &&
        draw->wish->on_progress != NULL)
        draw->wish->on_progress(draw->wish->context, draw->counts.records);
}

static bool
is_chosen(const struct draw *draw, uint32_t key)
{
    const struct weir_image *image = draw->all->image;
    uint32_t tenant = image->projects[image->keys[key].project].tenant;
    return draw->wish->tenant.len == 0 ||
           weir_span_equal(weir_image_text(image, image->tenants[tenant].name),
                           draw->wish->tenant);
}

/* A tool server's tools each, where one is called. */
static void
ask_one(struct draw *draw, struct weir_question question)
{
    const struct weir_image *image = draw->all->image;
    if (question.operation != WEIR_OP_CALL_TOOL) {
        ask(draw, question);
        return;
    }
    uint32_t server = weir_image_find_server(image, question.model);
    if (server == WEIR_INDEX_NONE)
        return;
    for (uint32_t i = 0; i < image->servers[server].count; i++) {
        question.tool = weir_image_text(
            image, image->tools[image->servers[server].first + i].name);
        ask(draw, question);
    }
}

static void
ask_all(struct draw *draw)
{
    const struct weir_image *image = draw->all->image;
    struct weir_question question = {0};
    for (uint32_t key = 0; key < image->key_count; key++) {
        if (!is_chosen(draw, key))
            continue;
        question.key = key;
        question.country = weir_image_text(
            image, image->jurisdictions[image->keys[key].staff].code);
        uint32_t served = (UINT32_C(1) << WEIR_OP_MODERATE) - 1;
        for (uint32_t i = 0; i < image->model_count; i++)
            served |= image->models[i].operations;
        for (uint32_t route = 0; route < image->route_count; route++) {
            question.model = weir_image_text(image, image->routes[route].name);
            for (int i = 0; i < WEIR_OPERATIONS; i++) {
                question.operation = (enum weir_operation)i;
                if ((served >> i & 1) != 0)
                    ask_one(draw, question);
            }
        }
    }
}

static void
ask_some(struct draw *draw)
{
    const struct weir_image *image = draw->all->image;
    uint64_t state = draw->all->seed;
    char address[32];
    if (image->key_count == 0 || image->route_count == 0)
        return;
    for (uint64_t i = 0; i < draw->all->count; i++) {
        uint32_t key = (uint32_t)(next(&state) % image->key_count);
        uint64_t route = next(&state) % image->route_count;
        uint64_t place = next(&state) % (image->jurisdiction_count + 1);
        uint64_t more = next(&state);
        snprintf(address, sizeof address, "%u.%u.%u.%u",
                 (unsigned)(more >> 8 & 255), (unsigned)(more >> 16 & 255),
                 (unsigned)(more >> 24 & 255), (unsigned)(more >> 32 & 255));
        struct weir_question question = {
            .key = key,
            .operation = (enum weir_operation)(more >> 40 & 3),
            .is_streamed = (more & 1) != 0,
            .model = weir_image_text(image, image->routes[route].name),
            .address = weir_span_of(address),
        };
        if (place < image->jurisdiction_count)
            question.country =
                weir_image_text(image, image->jurisdictions[place].code);
        if (is_chosen(draw, key))
            ask(draw, question);
    }
}

weir_status
weir_simulate_population(const struct weir_simulate_population *population,
                         const struct weir_simulate_wish *wish,
                         json_t **report_out, struct weir_error *err)
{
    const struct weir_image *changed =
        wish->changed != NULL ? wish->changed : population->image;
    const struct weir_simulate_wish as_it_is = {
        .withdrawn = population->withdrawn,
        .withdrawn_count = population->withdrawn_count};
    const struct weir_overlay none = {.grants = population->grants,
                                      .grant_count =
                                          (uint32_t)population->grant_count};
    uint64_t *hashes[2] = {NULL, NULL};
    struct draw *draw = calloc(1, sizeof *draw);
    if (draw == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    draw->all = population;
    draw->wish = wish;
    draw->counts.is_population = true;
    draw->counts.is_change = true;
    draw->counts.is_whole = population->count == 0;
    draw->counts.seed = population->seed;
    draw->before_view.image = *population->image;
    draw->after_view.image = *changed;
    weir__classes_init(&draw->classes);
    weir_status status = weir__asked_init(&draw->after, changed, err);
    if (status == WEIR_OK)
        status = weir__wished_overlay(
            &none, &as_it_is, &draw->before_view.overlay, &hashes[0], err);
    if (status == WEIR_OK)
        status =
            weir__wished_overlay(&draw->before_view.overlay, wish,
                                 &draw->after_view.overlay, &hashes[1], err);
    if (status == WEIR_OK) {
        if (population->count == 0)
            ask_all(draw);
        else
            ask_some(draw);
        if (draw->classes.is_full)
            status = weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                               "too many different outcomes to hold");
    }
    if (status == WEIR_OK) {
        draw->counts.currency =
            weir_image_text(population->image, population->image->currency);
        *report_out = weir__simulate_report(&draw->classes, &draw->counts);
    }
    free(hashes[0]);
    free(hashes[1]);
    weir__asked_fini(&draw->after);
    weir__classes_fini(&draw->classes);
    free(draw);
    return status;
}
