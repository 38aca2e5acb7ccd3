/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of an ownership file: how they are written, and run. */
#include <string.h>

#include "control/evidence/ownership_file.h"
#include "control/evidence/tree.h"

struct word {
    const char *word;
    int value;
};

/* The value of a word; a fault where there is none. */
static void
read_word(struct weir_ownership_file *file, const struct yaml_node *node,
          const struct word *words, size_t count, const char *advice,
          int *value_out)
{
    weir_span text = weir_tree_text(node);
    if (node == NULL)
        return;
    for (size_t i = 0; i < count; i++) {
        if (weir_tree_is(text, words[i].word)) {
            *value_out = words[i].value;
            return;
        }
    }
    weir__ownership_fault(file, node, advice, "not one of the known words");
}

static const struct word methods[] = {
    {"cascade", WEIR_OWNERSHIP_CASCADE},
    {"threshold_cascade", WEIR_OWNERSHIP_CASCADE},
    {"threshold", WEIR_OWNERSHIP_CASCADE},
    {"aggregate", WEIR_OWNERSHIP_CASCADE},
    {"multiply", WEIR_OWNERSHIP_MULTIPLY},
    {"multiplicative", WEIR_OWNERSHIP_MULTIPLY},
    {"multiplied", WEIR_OWNERSHIP_MULTIPLY},
    {"product", WEIR_OWNERSHIP_MULTIPLY},
    {"look_through", WEIR_OWNERSHIP_MULTIPLY},
    {"multiplicative_look_through", WEIR_OWNERSHIP_MULTIPLY},
};
static const struct word booleans[] = {{"true", 1},  {"yes", 1}, {"1", 1},
                                       {"false", 0}, {"no", 0},  {"0", 0}};
static const struct word operators[] = {
    {">", 1},     {"gt", 1},       {"more_than", 1}, {"over", 1},
    {"above", 1}, {"strict", 1},   {">=", 0},        {"ge", 0},
    {"gte", 0},   {"at_least", 0}, {"from", 0},      {"inclusive", 0}};
static const struct word effects[] = {
    {"hold", WEIR_UNKNOWN_HOLD},      {"unknown", WEIR_UNKNOWN_HOLD},
    {"review", WEIR_UNKNOWN_HOLD},    {"member", WEIR_UNKNOWN_YES},
    {"yes", WEIR_UNKNOWN_YES},        {"deny", WEIR_UNKNOWN_YES},
    {"restricted", WEIR_UNKNOWN_YES}, {"ignore", WEIR_UNKNOWN_NO},
    {"no", WEIR_UNKNOWN_NO},          {"allow", WEIR_UNKNOWN_NO}};
static const struct word undisclosed[] = {
    {"ignore", 0}, {"no", 0},    {"false", 0}, {"unknown", 1},
    {"hold", 1},   {"doubt", 1}, {"yes", 1},   {"true", 1}};

/* "50%", 0.5, 500000, ">50%", {ppm: 500000, strict: true} */
static void
read_threshold(struct weir_ownership_file *file, const struct yaml_node *node,
               enum weir_share_unit unit, struct weir_ownership_case *rule)
{
    static const char *const strict_keys[] = {"strict", NULL};
    weir_share share;
    struct yaml_node bare = *node;
    int is_strict = rule->is_strict;
    if (node->kind == YAML_MAPPING) {
        read_word(file, weir_tree_any(node, strict_keys), booleans,
                  WEIR_COUNTOF(booleans), "Write true or false.", &is_strict);
        rule->is_strict = is_strict != 0;
        if (!weir__ownership_share(file, node, &share))
            return;
    } else {
        weir_span text = weir_tree_text(node);
        bool has_sign = text.len > 0 && text.ptr[0] == '>';
        bool has_equals = has_sign && text.len > 1 && text.ptr[1] == '=';
        size_t skip = (size_t)has_sign + (size_t)has_equals;
        if (has_sign)
            rule->is_strict = !has_equals;
        if (skip > 0)
            bare.text = (weir_span){text.ptr + skip, text.len - skip};
        if (!weir__ownership_share_of(file, &bare, unit, &share))
            return;
    }
    rule->has_threshold = true;
    rule->threshold = share.low;
    uint32_t least = rule->is_strict ? 0 : 1;
    if (share.low != share.high || share.low < least)
        weir__ownership_fault(file, node, "Write one share: threshold: 50%.",
                              "not a threshold");
}

static void
read_seeds(struct weir_ownership_file *file, const struct yaml_node *node,
           struct weir_ownership_case *rule)
{
    static const char *const headquarters[] = {"headquarters_in",
                                               "headquarters",
                                               "headquarters_bloc",
                                               "bloc",
                                               "blocs",
                                               "hq",
                                               "headquartered_in",
                                               "hq_in",
                                               "hq_bloc",
                                               "regions",
                                               NULL};
    static const char *const incorporated[] = {
        "incorporated_in", "incorporated", "incorporation", NULL};
    static const char *const names[] = {
        "organisations", "organizations", "list",  "lists",
        "names",         "listed",        "seeds", "parties",
        "entities",      "seed_list",     NULL};
    const struct yaml_node *found;
    rule->has_seeds = true;
    if (node->kind != YAML_MAPPING) {
        rule->seeds = weir__ownership_names(file, node);
        return;
    }
    if ((found = weir_tree_any(node, headquarters)) != NULL)
        rule->headquarters_in = weir__ownership_names(file, found);
    if ((found = weir_tree_any(node, incorporated)) != NULL)
        rule->incorporated_in = weir__ownership_names(file, found);
    struct weir_world_range seeds = {file->name_count, 0};
    /* organisations and lists may both be there: one range of names */
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        bool is_known = false;
        for (const char *const *name = names; *name != NULL; name++)
            is_known = is_known || weir_tree_is(n->key, *name);
        if (is_known)
            seeds.count += weir__ownership_names(file, n).count;
    }
    rule->seeds = seeds;
    if (seeds.count + rule->headquarters_in.count +
            rule->incorporated_in.count ==
        0)
        weir__ownership_fault(file, node,
                              "Write headquarters_in, incorporated_in, "
                              "organisations or lists.",
                              "seeds without a set that is known");
}

static void
read_time(struct weir_ownership_file *file, const struct yaml_node *node,
          weir_time *when_out)
{
    weir_span text = weir_tree_text(node);
    if (text.len > 0 && !weir_time_parse(text, when_out))
        weir__ownership_fault(file, node,
                              "Write 2026-11-10 or 2026-11-10T00:00:00Z.",
                              "not a date or time");
}

static void
read_words(struct weir_ownership_file *file, const struct yaml_node *node,
           struct weir_ownership_case *rule)
{
    static const char *const method[] = {"method",       "arithmetic",  "mode",
                                         "look_through", "aggregation", NULL};
    static const char *const strict[] = {"strict", "is_strict", NULL};
    static const char *const inclusive[] = {"inclusive", NULL};
    static const char *const compare[] = {"operator", "comparison", "compare",
                                          "op", NULL};
    static const char *const unknown[] = {"unknown", "effect_of_unknown",
                                          "on_unknown", "unknown_effect", NULL};
    static const char *const hidden[] = {"undisclosed", NULL};
    int value = (int)rule->method;
    const struct yaml_node *found = weir_tree_any(node, method);
    const struct yaml_node *including = weir_tree_any(node, inclusive);
    read_word(file, found, methods, WEIR_COUNTOF(methods),
              "Write cascade or multiply.", &value);
    rule->method = (enum weir_ownership_method)value;
    value = rule->is_strict;
    read_word(file, weir_tree_any(node, strict), booleans,
              WEIR_COUNTOF(booleans), "Write true or false.", &value);
    read_word(file, weir_tree_any(node, compare), operators,
              WEIR_COUNTOF(operators), "Write >= or >.", &value);
    if (including != NULL) {
        int is_inclusive = 1;
        read_word(file, including, booleans, WEIR_COUNTOF(booleans),
                  "Write true or false.", &is_inclusive);
        value = !is_inclusive;
    }
    rule->is_strict = value != 0;
    value = (int)rule->unknown;
    read_word(file, weir_tree_any(node, unknown), effects,
              WEIR_COUNTOF(effects), "Write hold, member or ignore.", &value);
    rule->unknown = (enum weir_unknown_effect)value;
    value = rule->doubts_undisclosed;
    read_word(file, weir_tree_any(node, hidden), undisclosed,
              WEIR_COUNTOF(undisclosed), "Write ignore or unknown.", &value);
    rule->doubts_undisclosed = value != 0;
}

static void
read_thresholds(struct weir_ownership_file *file, const struct yaml_node *node,
                struct weir_ownership_case *rule)
{
    static const struct {
        const char *names[4];
        enum weir_share_unit unit;
    } keys[] = {
        {{"threshold_ppm", "ppm", NULL}, WEIR_SHARE_PPM},
        {{"threshold_percent", "percent", NULL}, WEIR_SHARE_PERCENT},
        {{"threshold", "at_least", "share", NULL}, WEIR_SHARE_GUESS},
    };
    static const char *const above[] = {"more_than", "above", "over", NULL};
    const struct yaml_node *found = weir_tree_any(node, above);
    if (found != NULL) {
        rule->is_strict = true;
        read_threshold(file, found, WEIR_SHARE_GUESS, rule);
        return;
    }
    for (size_t i = 0; i < WEIR_COUNTOF(keys) && found == NULL; i++) {
        found = weir_tree_any(node, keys[i].names);
        if (found != NULL)
            read_threshold(file, found, keys[i].unit, rule);
    }
    if (found == NULL)
        weir__ownership_fault(file, node, "Write threshold: 50%.",
                              "a rule without threshold");
}

/* Keys that only people read, and those read above. */
static const char *const known[] = {"name",
                                    "id",
                                    "rule",
                                    "title",
                                    "description",
                                    "comment",
                                    "note",
                                    "source",
                                    "as_of",
                                    "authority",
                                    "version",
                                    "method",
                                    "arithmetic",
                                    "mode",
                                    "look_through",
                                    "aggregation",
                                    "strict",
                                    "is_strict",
                                    "inclusive",
                                    "operator",
                                    "comparison",
                                    "compare",
                                    "op",
                                    "unknown",
                                    "effect_of_unknown",
                                    "on_unknown",
                                    "unknown_effect",
                                    "undisclosed",
                                    "threshold",
                                    "threshold_ppm",
                                    "ppm",
                                    "threshold_percent",
                                    "percent",
                                    "at_least",
                                    "share",
                                    "more_than",
                                    "above",
                                    "over",
                                    "seeds",
                                    "seed",
                                    "from",
                                    "effective_from",
                                    "start",
                                    "since",
                                    "until",
                                    "effective_until",
                                    "end",
                                    "to",
                                    NULL};

/* Seeds that stand beside the other keys of a rule. */
static const char *const beside[] = {"headquarters_in",
                                     "headquarters",
                                     "headquarters_bloc",
                                     "bloc",
                                     "blocs",
                                     "hq",
                                     "headquartered_in",
                                     "hq_in",
                                     "hq_bloc",
                                     "regions",
                                     "incorporated_in",
                                     "incorporated",
                                     "incorporation",
                                     "organisations",
                                     "organizations",
                                     "list",
                                     "lists",
                                     "names",
                                     "listed",
                                     "parties",
                                     "entities",
                                     "seed_list",
                                     NULL};

static bool
is_one_of(weir_span key, const char *const *names)
{
    while (*names != NULL && !weir_tree_is(key, *names))
        names++;
    return *names != NULL;
}

static void
refuse_unknown(struct weir_ownership_file *file, const struct yaml_node *node)
{
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        if (!(n->key.len > 0 && n->key.ptr[0] == '_') &&
            !is_one_of(n->key, known) && !is_one_of(n->key, beside))
            weir__ownership_fault(file, n,
                                  "See docs/formats/ownership-file.md.",
                                  "an unknown key of a rule");
    }
}

void
weir__ownership_rule(struct weir_ownership_file *file,
                     const struct yaml_node *node)
{
    static const char *const names[] = {"name", "id", "rule", NULL};
    static const char *const seeds[] = {"seeds", "seed", NULL};
    static const char *const from[] = {"from", "effective_from", "start",
                                       "since", NULL};
    static const char *const until[] = {"until", "effective_until", "end", "to",
                                        NULL};
    struct weir_ownership_case rule = {.place = node->place,
                                       .name = node->key,
                                       .from = WEIR_TIME_MIN,
                                       .until = WEIR_TIME_MAX};
    if (node->kind != YAML_MAPPING) {
        weir__ownership_fault(file, node,
                              "Write {name: .., threshold: 50%, seeds: ..}.",
                              "not a rule");
        return;
    }
    if (weir_tree_any(node, names) != NULL)
        rule.name = weir_tree_text(weir_tree_any(node, names));
    if (rule.name.len == 0)
        rule.name = WEIR_SPAN("rule");
    rule.name = weir__ownership_keep(file, rule.name);
    refuse_unknown(file, node);
    read_words(file, node, &rule);
    read_thresholds(file, node, &rule);
    const struct yaml_node *found = weir_tree_any(node, seeds);
    if (found != NULL)
        read_seeds(file, found, &rule);
    else {
        /* or beside the other keys */
        if (weir_tree_any(node, beside) != NULL)
            read_seeds(file, node, &rule);
    }
    read_time(file, weir_tree_any(node, from), &rule.from);
    read_time(file, weir_tree_any(node, until), &rule.until);
    if (rule.from >= rule.until)
        weir__ownership_fault(file, node,
                              "`until` is the first moment without the rule.",
                              "a rule that ends before it begins");
    for (uint32_t i = 0; i < file->rule_count; i++) {
        if (weir_span_equal(file->rule_rows[i].name, rule.name))
            weir__ownership_fault(file, node, "Give each rule a name.",
                                  "two rules of one name");
    }
    if (weir__ownership_grow(file, &file->rule_rows, file->rule_count,
                             &file->rule_capacity, sizeof *file->rule_rows))
        file->rule_rows[file->rule_count++] = rule;
}

/* -------------------------------------------------------------- running */

bool
weir_ownership_case_applies(const struct weir_ownership_case *rule,
                            weir_time at)
{
    return at >= rule->from && at < rule->until;
}

static const struct weir_ownership_set *
find_set(const struct weir_ownership_set *rows, uint32_t count, weir_span name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (weir_span_equal(rows[i].name, name))
            return &rows[i];
    }
    return NULL;
}

static bool
has_place(const struct weir_ownership_file *file,
          struct weir_world_range places, weir_span place)
{
    for (uint32_t i = 0; i < places.count; i++) {
        weir_span name = file->name_rows[places.first + i];
        const struct weir_ownership_set *bloc =
            find_set(file->bloc_rows, file->bloc_count, name);
        if (weir_span_equal_nocase(name, place))
            return true;
        for (uint32_t j = 0; bloc != NULL && j < bloc->names.count; j++) {
            if (weir_span_equal_nocase(file->name_rows[bloc->names.first + j],
                                       place))
                return true;
        }
    }
    return false;
}

/* Places are few and repeat: what the last one meant is remembered. */
static void
mark_places(const struct weir_ownership_file *file,
            struct weir_world_range places, bool is_headquarters,
            uint8_t *seeds)
{
    weir_span last = WEIR_SPAN_NONE;
    bool is_in = false;
    if (places.count == 0)
        return;
    for (uint32_t row = 0; row < file->party_count; row++) {
        const struct weir_ownership_party *party = &file->party_rows[row];
        weir_span place =
            is_headquarters ? party->headquarters : party->incorporated;
        if (place.len == 0 || weir_tree_is(place, "unknown") ||
            weir_span_equal(place, WEIR_SPAN("ZZ"))) {
            /* Nobody says where: it may be one of them. */
            if (seeds[row] == WEIR_SEED_NO && !party->is_person)
                seeds[row] = WEIR_SEED_MAYBE;
            continue;
        }
        if (!weir_span_equal(place, last)) {
            is_in = has_place(file, places, place);
            last = place;
        }
        if (is_in)
            seeds[row] = WEIR_SEED_YES;
    }
}

static void
mark_party(const struct weir_ownership_file *file, weir_span name,
           uint8_t *seeds)
{
    uint32_t row = weir_ownership_file_find(file, name);
    if (row != UINT32_MAX)
        seeds[row] = WEIR_SEED_YES;
}

static void
mark_names(const struct weir_ownership_file *file,
           struct weir_world_range names, uint8_t *seeds)
{
    for (uint32_t i = 0; i < names.count; i++) {
        weir_span name = file->name_rows[names.first + i];
        const struct weir_ownership_set *list =
            find_set(file->list_rows, file->list_count, name);
        struct weir_world_range one = {names.first + i, 1};
        for (uint32_t j = 0; list != NULL && j < list->names.count; j++)
            mark_party(file, file->name_rows[list->names.first + j], seeds);
        if (find_set(file->bloc_rows, file->bloc_count, name) != NULL)
            mark_places(file, one, true, seeds);
        else if (list == NULL)
            mark_party(file, name, seeds);
    }
}

weir_status
weir_ownership_file_run(const struct weir_ownership_file *file, uint32_t row,
                        struct weir_arena *arena,
                        struct weir_ownership_result *result_out,
                        const uint8_t **seeds_out, struct weir_error *err)
{
    const struct weir_ownership_case *rule = &file->rule_rows[row];
    uint8_t *seeds = weir_arena_array(arena, uint8_t, file->party_count);
    if (seeds == NULL)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "%u organisations do not fit in memory",
                         file->party_count);
    mark_places(file, rule->headquarters_in, true, seeds);
    mark_places(file, rule->incorporated_in, false, seeds);
    mark_names(file, rule->seeds, seeds);
    for (uint32_t i = 0; !rule->has_seeds && i < file->party_count; i++) {
        if (file->party_rows[i].is_listed)
            seeds[i] = WEIR_SEED_YES;
    }
    const struct weir_ownership_rule run = {
        .method = rule->method,
        .threshold = rule->threshold,
        .is_strict = rule->is_strict,
        .doubts_undisclosed = rule->doubts_undisclosed,
        .seeds = seeds,
    };
    *seeds_out = seeds;
    return weir_ownership_run(&file->graph, &run, arena, result_out, err);
}
