/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classifiers of the configuration: services that are asked about texts.
 * Each has an origin row, so that its address, pool, trust and credential are
 * what any origin's are; no deployment names that row.
 */
#include "check.h"
#include "compile.h"
#include "policies.h"

#include <string.h>

#define TIMEOUT_MS_MAX  60000u
#define CONCURRENCY_MAX 1024u
#define TEXT_LEAST      1024u
#define TEXT_MOST       (16u << 20)
#define WINDOW_LEAST    64u

static weir_span
classifier_name(const struct weir_world *world, uint32_t row)
{
    return world->classifier_rows[row].name;
}

uint32_t
weir__classifiers_named(const struct weir_world *world, weir_span names,
                        weir_span *unknown_out)
{
    uint32_t count = world->classifier_count;
    if (count > WEIR_WORLD_CLASSIFIERS_MAX)
        count = WEIR_WORLD_CLASSIFIERS_MAX;
    return weir__named(world, classifier_name, count, names, unknown_out);
}

/* ---------------------------------------------------------------- check */

static void
check_bounds(struct weir__check *check, const struct weir_world_classifier *row,
             const char *owner)
{
    if (row->timeout_ms == 0 || row->timeout_ms > TIMEOUT_MS_MAX)
        weir_faults_add(check->faults, row->place, "Write `timeout: 500 ms`.",
                        "%s has a timeout of nothing or over a minute", owner);
    if (row->concurrency == 0 || row->concurrency > CONCURRENCY_MAX)
        weir_faults_add(check->faults, row->place, "Write `concurrency: 32`.",
                        "%s has a concurrency outside 1 to %u", owner,
                        CONCURRENCY_MAX);
    if (row->text_max < TEXT_LEAST || row->text_max > TEXT_MOST)
        weir_faults_add(check->faults, row->place, "Write `text: 256 KiB`.",
                        "%s takes texts outside 1 KiB to 16 MiB", owner);
    if (row->window < WINDOW_LEAST || row->window > row->text_max / 2)
        weir_faults_add(check->faults, row->place, "Write `window: 1 KiB`.",
                        "%s has a window below %u bytes or above half of its "
                        "text",
                        owner, WINDOW_LEAST);
    if (row->held_max < row->window || row->held_max > 4 * TEXT_MOST)
        weir_faults_add(check->faults, row->place, "Write `held: 1 MiB`.",
                        "%s holds less than a window, or over 64 MiB", owner);
}

void
weir__check_classifiers(struct weir__check *check)
{
    struct weir_world *world = check->world;
    struct weir__names names;
    if (!weir__names_init(&names, &check->scratch, world->classifier_count))
        return;
    if (world->classifier_count > WEIR_WORLD_CLASSIFIERS_MAX)
        weir_faults_add(check->faults, world->classifier_rows[0].place,
                        "One service can answer for several categories.",
                        "more than %d classifiers", WEIR_WORLD_CLASSIFIERS_MAX);
    for (uint32_t i = 0; i < world->classifier_count; i++) {
        struct weir_world_classifier *row = &world->classifier_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "classifier", row->name);
        weir__check_name(check, &names, row->place, "classifier", row->name, i);
        weir__check_ref(check, &check->origins, "origin", owner, &row->origin);
        check_bounds(check, row, owner);
    }
    for (uint32_t i = 0; i < world->deployment_count; i++) {
        const struct weir_world_deployment *d = &world->deployment_rows[i];
        for (uint32_t k = 0; k < world->classifier_count; k++)
            if (weir_span_equal(d->origin.text,
                                world->classifier_rows[k].origin.text))
                weir_faults_add(check->faults, d->origin.place,
                                "A classifier answers for no model.",
                                "a deployment at a classifier");
    }
    for (uint32_t i = 0; i < world->filter_rule_count; i++) {
        struct weir_world_filter_rule *rule = &world->filter_rule_rows[i];
        char owner[WEIR__OWNER_TEXT];
        if (rule->classifier.text.len == 0)
            continue;
        weir__check_owner(owner, "filter rule",
                          rule->name.len > 0 ? rule->name
                                             : rule->classifier.text);
        weir__check_ref(check, &names, "classifier", owner, &rule->classifier);
    }
}

/* -------------------------------------------------------------- compile */

void
weir__compile_classifiers(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_image_classifier *rows = WEIR__COMPILE_ROWS(
        c, CLASSIFIER, struct weir_image_classifier, world->classifier_count);
    for (uint32_t i = 0; i < world->classifier_count && rows != NULL; i++) {
        const struct weir_world_classifier *row = &world->classifier_rows[i];
        rows[i] = (struct weir_image_classifier){
            .name = weir__compile_text(c, row->name),
            .model = weir__compile_text(c, row->model),
            .thresholds = weir__compile_text(c, row->thresholds),
            .origin = row->origin.row,
            .form = row->form,
            .directions = row->directions,
            .timeout_ms = row->timeout_ms,
            .concurrency = row->concurrency,
            .text_max = row->text_max,
            .window = row->window,
            .held_max = row->held_max,
            .holds_streams = row->holds_streams,
            .on_failure = row->on_failure == 0 ? (uint32_t)WEIR_FAILURE_BLOCK
                                               : row->on_failure};
    }
}
