/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A day's learning: cells of the store, one line after the other, into lines
 * of the store; from there into the world, and with it into the image.
 *
 * WHY NOT AT ONCE. Every line in an image makes another image, and calls are
 * explained by the image that decided them. A day's calls say all that an
 * hour's do, and a step a day is what bounds how fast anybody can push.
 */
#include <stdlib.h>
#include <string.h>

#include "control/factors/factors.h"

#define DUE "factors.day"

struct learning {
    struct weir_store *store;
    const struct weir_image *image;
    struct weir_factor_vote *votes;
    size_t count;
    size_t capacity;
    char model[256]; /* whose votes these are, and of which kind */
    uint32_t kind;
    struct weir_factor *lines; /* of every model of the image */
    bool *is_learned;
    weir_status status;
};

static uint32_t
model_row(const struct weir_image *image, weir_span name)
{
    for (uint32_t i = 0; i < image->model_count; i++)
        if (weir_span_equal(weir_image_text(image, image->models[i].name),
                            name))
            return i;
    return WEIR_INDEX_NONE;
}

static void
seed_of(const struct weir_image *image, uint32_t model,
        struct weir_factor *seed_out)
{
    const struct weir_image_model *row = &image->models[model];
    if (!weir_factor_seed(weir_image_text(image, row->family),
                          weir_image_text(image, row->name), seed_out))
        *seed_out = (struct weir_factor){.source = WEIR_FACTOR_NONE};
}

/* The votes gathered are all of one model and kind. */
static void
fit_gathered(struct learning *l)
{
    uint32_t model = model_row(l->image, weir_span_of(l->model));
    if (model != WEIR_INDEX_NONE && l->count > 0) {
        struct weir_factor seed;
        struct weir_factor *factor = &l->lines[model];
        const struct weir_factor_line *before =
            &l->image->factors[model].lines[l->kind];
        seed_of(l->image, model, &seed);
        if (weir_factor_fit(l->votes, l->count, &seed.lines[l->kind], before,
                            &factor->lines[l->kind])) {
            uint32_t tenants = 0;
            uint64_t calls = 0;
            for (size_t i = 0; i < l->count; i++) {
                tenants +=
                    i == 0 || l->votes[i].tenant != l->votes[i - 1].tenant;
                calls += l->votes[i].calls;
            }
            if (tenants > factor->tenants)
                factor->tenants = tenants;
            if (l->kind != WEIR_FACTOR_ANSWER)
                factor->calls +=
                    (uint32_t)(calls > 1u << 30 ? 1u << 30 : calls);
            l->is_learned[model] = true;
        }
    }
    l->count = 0;
}

static bool
take_cell(void *context, const struct weir_factor_cell_row *row)
{
    struct learning *l = context;
    if (row->model.len >= sizeof l->model || row->kind >= WEIR_FACTOR_KINDS)
        return true;
    if (!weir_span_equal(row->model, weir_span_of(l->model)) ||
        row->kind != l->kind) {
        fit_gathered(l);
        memcpy(l->model, row->model.ptr, row->model.len);
        l->model[row->model.len] = '\0';
        l->kind = row->kind;
    }
    if (l->count == l->capacity) {
        size_t capacity = l->capacity == 0 ? 1024 : l->capacity * 2;
        struct weir_factor_vote *more =
            realloc(l->votes, capacity * sizeof *more);
        if (more == NULL) {
            l->status = WEIR_ENOMEM;
            return false;
        }
        l->votes = more;
        l->capacity = capacity;
    }
    l->votes[l->count++] =
        (struct weir_factor_vote){row->tenant, row->cell, row->calls};
    return true;
}

/* What differs from the image's, into the store. */
static weir_status
put_lines(struct learning *l, weir_time now, uint32_t *moved_out,
          struct weir_error *err)
{
    weir_status status = WEIR_OK;
    *moved_out = 0;
    for (uint32_t i = 0; status == WEIR_OK && i < l->image->model_count; i++) {
        struct weir_factor *factor = &l->lines[i];
        const struct weir_factor *old = &l->image->factors[i];
        if (!l->is_learned[i])
            continue;
        factor->source = WEIR_FACTOR_LEARNED;
        if (memcmp(factor->lines, old->lines, sizeof factor->lines) == 0)
            continue;
        (*moved_out)++;
        status = weir__factor_set(
            l->store, weir_image_text(l->image, l->image->models[i].name), now,
            factor, err);
    }
    return status;
}

static weir_status
learn(struct learning *l, weir_time now, uint32_t *moved_out,
      struct weir_error *err)
{
    weir_status status = weir__factor_cells(l->store, take_cell, l, err);
    if (status == WEIR_OK && l->status != WEIR_OK)
        status = weir_fail(err, l->status, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK)
        fit_gathered(l);
    if (status == WEIR_OK)
        status = put_lines(l, now, moved_out, err);
    if (status == WEIR_OK)
        status = weir__factor_forget(l->store, WEIR_FACTOR_FORGET_ABOVE, err);
    if (status == WEIR_OK)
        status =
            weir_store_number_set(l->store, DUE, now / WEIR_US_PER_DAY, err);
    return status;
}

weir_status
weir_factors_learn(struct weir_store *store, const struct weir_image *image,
                   weir_time now, uint32_t *moved_out, struct weir_error *err)
{
    size_t models = image->model_count > 0 ? image->model_count : 1;
    struct learning l = {.store = store, .image = image};
    l.lines = calloc(models, sizeof *l.lines);
    l.is_learned = calloc(models, sizeof *l.is_learned);
    weir_status status = WEIR_OK;
    if (l.lines == NULL || l.is_learned == NULL)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    for (uint32_t i = 0; status == WEIR_OK && i < image->model_count; i++)
        memcpy(l.lines[i].lines, image->factors[i].lines,
               sizeof l.lines[i].lines);
    if (status == WEIR_OK)
        status = weir_store_begin(store, err);
    if (status == WEIR_OK) {
        status = learn(&l, now, moved_out, err);
        if (status == WEIR_OK)
            status = weir_store_commit(store, err);
        if (status != WEIR_OK)
            weir_store_rollback(store);
    }
    free(l.votes);
    free(l.lines);
    free(l.is_learned);
    return status;
}

weir_status
weir_factors_is_due(struct weir_store *store, weir_time now, bool *is_due_out,
                    struct weir_error *err)
{
    int64_t day = 0;
    weir_status status = weir_store_number_get(store, DUE, &day, err);
    if (status == WEIR_OK)
        *is_due_out = day < now / WEIR_US_PER_DAY;
    return status;
}

/* -------------------------------------------------------------- the world */

static bool
join_one(void *context, weir_span model, weir_time learned,
         const struct weir_factor *factor)
{
    struct weir_world *world = context;
    (void)learned;
    for (uint32_t i = 0; i < world->model_count; i++)
        if (weir_span_equal(world->model_rows[i].name, model))
            world->model_rows[i].factor = *factor;
    return true;
}

weir_status
weir_factors_join(struct weir_world *world, struct weir_store *store,
                  struct weir_error *err)
{
    return weir_factors(store, join_one, world, err);
}

/* --------------------------------------------------------------- as shown */

json_t *
weir_factor_json(const struct weir_image *image, uint32_t model)
{
    const struct weir_factor *factor = &image->factors[model];
    weir_span name = weir_image_text(image, image->models[model].name);
    json_t *lines = json_array();
    for (int i = 0; i < WEIR_FACTOR_KINDS; i++) {
        const struct weir_factor_line *line = &factor->lines[i];
        if (line->ppm == 0)
            continue;
        json_array_append_new(
            lines, json_pack("{s:s,s:I,s:I,s:I,s:I}", "of",
                             weir_factor_kind_name((enum weir_factor_kind)i),
                             "base_tokens", (json_int_t)line->base,
                             "tokens_per_million_bytes", (json_int_t)line->ppm,
                             "low_per_mille", (json_int_t)line->low_pm,
                             "high_per_mille", (json_int_t)line->high_pm));
    }
    return json_pack(
        "{s:s%,s:s,s:I,s:I,s:o}", "model", name.ptr, name.len, "source",
        weir_factor_source_name((enum weir_factor_source)factor->source),
        "calls", (json_int_t)factor->calls, "tenants",
        (json_int_t)factor->tenants, "lines", lines);
}

json_t *
weir_factors_json(const struct weir_image *image)
{
    json_t *rows = json_array();
    for (uint32_t i = 0; i < image->model_count; i++)
        json_array_append_new(rows, weir_factor_json(image, i));
    return json_pack("{s:o}", "factors", rows);
}
