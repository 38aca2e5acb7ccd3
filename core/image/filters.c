/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters of the configuration: checked by compiling them, and carried in the
 * image as text. The matcher's own form depends on the machine; a worker makes
 * it from these rows, and keeps it while they do not change.
 */
#include "check.h"
#include "compile.h"
#include "policies.h"

#include <weir/detect.h>

#include <string.h>

/* Bytes of the terms of one rule, with what parts them. */
#define TERMS_MAX ((size_t)4 << 20)

static weir_span
filter_name(const struct weir_world *world, uint32_t row)
{
    return world->filter_rows[row].name;
}

uint32_t
weir__filters_named(const struct weir_world *world, weir_span names,
                    weir_span *unknown_out)
{
    uint32_t count = world->filter_count;
    if (count > WEIR_WORLD_FILTERS_MAX)
        count = WEIR_WORLD_FILTERS_MAX;
    return weir__named(world, filter_name, count, names, unknown_out);
}

/* ---------------------------------------------------------------- check */

static weir_span
name_of(const struct weir_world_filter_rule *rule)
{
    return rule->name.len > 0       ? rule->name
           : rule->detector.len > 0 ? rule->detector
                                    : rule->classifier.text;
}

/* A rule that asks a service: nothing to compile, and nothing that it could
 * put in a text's place. */
static void
check_asking(struct weir__check *check, struct weir_world_filter_rule *row)
{
    const struct weir_world_classifier *classifier =
        row->classifier.row < check->world->classifier_count
            ? &check->world->classifier_rows[row->classifier.row]
            : NULL;
    if (row->detector.len > 0 || row->expression.len > 0 ||
        row->terms.count > 0 || row->replacement.len > 0)
        weir_faults_add(check->faults, row->place,
                        "Write two rules: all of a filter's rules act.",
                        "a rule with a classifier and a pattern");
    if (row->action == 0)
        row->action = WEIR_DETECT_BLOCK;
    if (row->action != WEIR_DETECT_BLOCK && row->action != WEIR_DETECT_FLAG)
        weir_faults_add(check->faults, row->place, "Write block or flag.",
                        "a classifier judges a text and replaces nothing");
    if (row->directions == 0)
        row->directions = WEIR_FILTER_REQUESTS | WEIR_FILTER_REPLIES;
    if (classifier != NULL && (row->directions & classifier->directions) == 0)
        weir_faults_add(check->faults, row->place,
                        "Change its `sends`, or the rule's `in`.",
                        "the classifier is sent nothing that the rule is for");
}

/* One rule alone: what is wrong with it is said at its own place. */
static void
check_rule(struct weir__check *check, struct weir_world_filter_rule *row)
{
    const struct weir_world *world = check->world;
    if (row->classifier.text.len > 0) {
        check_asking(check, row);
        return;
    }
    if (row->on_failure != 0)
        weir_faults_add(check->faults, row->place, "Leave it out.",
                        "on_failure is for rules with a classifier");
    struct weir_detect_set *set = NULL;
    struct weir_error err = {0};
    weir_span *terms =
        weir_arena_array(&check->scratch, weir_span, row->terms.count + 1);
    if (terms == NULL)
        return;
    for (uint32_t i = 0; i < row->terms.count; i++)
        terms[i] = world->name_rows[row->terms.first + i].text;
    const struct weir_detect_rule rule = {
        .name = name_of(row),
        .detector = weir_detector_find(row->detector),
        .expression = row->expression,
        .terms = terms,
        .term_count = row->terms.count,
        .is_caseless = !row->is_case_sensitive,
        .action = row->action == 0 ? WEIR_DETECT_MASK
                                   : (enum weir_detect_action)row->action,
        .replacement = row->replacement,
    };
    if (row->detector.len > 0 && rule.detector == NULL)
        weir_faults_add(check->faults, row->place,
                        "`weir filter detectors` lists those there are.",
                        "\"%.*s\" is no detector",
                        (int)(row->detector.len < 64 ? row->detector.len : 64),
                        row->detector.ptr);
    else if (weir_detect_compile(&rule, 1, &set, &err) != WEIR_OK)
        weir_faults_add(check->faults, row->place,
                        "A rule has one of detector, expression and terms, "
                        "and an action.",
                        "filter rule \"%.*s\": %s",
                        (int)(rule.name.len < 64 ? rule.name.len : 64),
                        rule.name.len > 0 ? rule.name.ptr : "", err.text);
    weir_detect_free(set);
    if (row->action == 0)
        row->action = WEIR_DETECT_MASK;
    if (row->directions == 0)
        row->directions = WEIR_FILTER_REQUESTS | WEIR_FILTER_REPLIES;
}

void
weir__check_filters(struct weir__check *check)
{
    struct weir_world *world = check->world;
    struct weir__names filters, rules;
    if (!weir__names_init(&filters, &check->scratch, world->filter_count) ||
        !weir__names_init(&rules, &check->scratch, world->filter_rule_count))
        return;
    if (world->filter_count > WEIR_WORLD_FILTERS_MAX)
        weir_faults_add(check->faults, world->filter_rows[0].place,
                        "Put rules of several into one.",
                        "more than %d filters", WEIR_WORLD_FILTERS_MAX);
    if (world->filter_rule_count > WEIR_DETECT_RULES_MAX)
        weir_faults_add(check->faults, world->filter_rule_rows[0].place,
                        "Dictionaries may be long: put terms together.",
                        "more than %d rules in all filters",
                        WEIR_DETECT_RULES_MAX);
    for (uint32_t i = 0; i < world->filter_count; i++) {
        struct weir_world_filter *filter = &world->filter_rows[i];
        weir__check_name(check, &filters, filter->place, "filter", filter->name,
                         i);
        if (filter->rules.count == 0)
            weir_faults_add(check->faults, filter->place, "Add `rules:`.",
                            "a filter without rules");
    }
    for (uint32_t i = 0; i < world->filter_rule_count; i++) {
        struct weir_world_filter_rule *rule = &world->filter_rule_rows[i];
        weir__check_name(check, &rules, rule->place, "filter rule",
                         name_of(rule), i);
        check_rule(check, rule);
    }
}

/* -------------------------------------------------------------- compile */

static weir_ref
join_terms(struct weir__compiler *c, struct weir_world_range terms)
{
    struct weir_buf text;
    weir_buf_init(&text, TERMS_MAX);
    for (uint32_t i = 0; i < terms.count; i++) {
        if (i > 0)
            weir_buf_add_byte(&text, '\n');
        weir_buf_add_span(&text, c->world->name_rows[terms.first + i].text);
    }
    c->arena.overflow |= text.overflow;
    weir_ref ref = weir__compile_text(c, weir_buf_span(&text));
    weir_buf_fini(&text);
    return ref;
}

void
weir__compile_filters(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_image_filter *filters = WEIR__COMPILE_ROWS(
        c, FILTER, struct weir_image_filter, world->filter_count);
    struct weir_image_filter_rule *rules =
        WEIR__COMPILE_ROWS(c, FILTER_RULE, struct weir_image_filter_rule,
                           world->filter_rule_count);
    for (uint32_t i = 0; i < world->filter_count && filters != NULL; i++)
        filters[i] = (struct weir_image_filter){
            .name = weir__compile_text(c, world->filter_rows[i].name),
            .first = world->filter_rows[i].rules.first,
            .count = world->filter_rows[i].rules.count};
    for (uint32_t i = 0; i < world->filter_rule_count && rules != NULL; i++) {
        const struct weir_world_filter_rule *row = &world->filter_rule_rows[i];
        rules[i] = (struct weir_image_filter_rule){
            .name = weir__compile_text(c, name_of(row)),
            .detector = weir__compile_text(c, row->detector),
            .expression = weir__compile_text(c, row->expression),
            .terms = join_terms(c, row->terms),
            .replacement = weir__compile_text(c, row->replacement),
            .action = row->action,
            .directions = row->directions,
            .is_caseless = !row->is_case_sensitive,
            .classifier = row->classifier.text.len > 0
                              ? (uint16_t)(row->classifier.row + 1)
                              : 0,
            .on_failure = (uint16_t)row->on_failure};
    }
}
