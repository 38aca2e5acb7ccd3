/* SPDX-License-Identifier: Apache-2.0 */
/* Sections, parties and names; edges and rules have files of their own. */
#include "control/evidence/ownership_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/evidence/tree.h"

#define FILE_BYTES_MAX ((size_t)8 << 30) /* of the arena */

/* -------------------------------------------------------------- storage */

void
weir__ownership_fault(struct weir_ownership_file *file,
                      const struct yaml_node *node, const char *advice,
                      const char *what)
{
    weir_faults_add(file->faults, node->place, advice, "%s", what);
}

/* Room for one more row; the old rows stay in the arena. */
bool
weir__ownership_grow(struct weir_ownership_file *file, void *rows,
                     uint32_t count, uint32_t *capacity, size_t size)
{
    void **pointer = rows;
    if (count < *capacity)
        return true;
    uint32_t more = *capacity == 0 ? 64 : *capacity * 2;
    void *bigger =
        more <= count ? NULL : weir_arena_alloc_array(&file->arena, size, more);
    if (bigger == NULL) {
        file->arena.overflow = true;
        return false;
    }
    if (count > 0)
        memcpy(bigger, *pointer, size * count);
    *pointer = bigger;
    *capacity = more;
    return true;
}

weir_span
weir__ownership_keep(struct weir_ownership_file *file, weir_span text)
{
    uintptr_t first = (uintptr_t)file->text.ptr;
    uintptr_t at = (uintptr_t)text.ptr;
    if (at >= first && at + text.len <= first + file->text.len)
        return text;
    return weir_arena_copy(&file->arena, text);
}

static bool
rehash(struct weir_ownership_file *file)
{
    uint32_t count = file->slot_count == 0 ? 1024 : file->slot_count * 2;
    uint32_t *slots = weir_arena_array(&file->arena, uint32_t, count);
    if (slots == NULL)
        return false;
    for (uint32_t row = 0; row < file->party_count; row++) {
        uint32_t at = (uint32_t)weir_hash64(file->party_rows[row].name, 0);
        while (slots[at & (count - 1)] != 0)
            at++;
        slots[at & (count - 1)] = row + 1;
    }
    file->slots = slots;
    file->slot_count = count;
    return true;
}

static uint32_t *
slot_of(const struct weir_ownership_file *file, weir_span name)
{
    uint32_t at = (uint32_t)weir_hash64(name, 0);
    for (;; at++) {
        uint32_t *slot = &file->slots[at & (file->slot_count - 1)];
        if (*slot == 0 ||
            weir_span_equal(file->party_rows[*slot - 1].name, name))
            return slot;
    }
}

uint32_t
weir_ownership_file_find(const struct weir_ownership_file *file, weir_span name)
{
    uint32_t slot = file->slot_count == 0 ? 0 : *slot_of(file, name);
    return slot == 0 ? UINT32_MAX : slot - 1;
}

/* The row of a name, made where it is new; UINT32_MAX: memory is full. */
uint32_t
weir__ownership_party(struct weir_ownership_file *file, weir_span name)
{
    if (2 * (uint64_t)file->party_count >= file->slot_count && !rehash(file))
        return UINT32_MAX;
    uint32_t *slot = slot_of(file, name);
    if (*slot != 0)
        return *slot - 1;
    if (!weir__ownership_grow(file, &file->party_rows, file->party_count,
                              &file->party_capacity, sizeof *file->party_rows))
        return UINT32_MAX;
    struct weir_ownership_party *row = &file->party_rows[file->party_count];
    *row =
        (struct weir_ownership_party){.name = weir__ownership_keep(file, name)};
    *slot = ++file->party_count;
    return file->party_count - 1;
}

static void
add_name(struct weir_ownership_file *file, const struct yaml_node *node,
         struct weir_world_range *range)
{
    static const char *const keys[] = {"name", "id", "organisation",
                                       "organization", NULL};
    weir_span text = weir_tree_text(
        node->kind == YAML_MAPPING ? weir_tree_any(node, keys) : node);
    if (text.len == 0) {
        weir__ownership_fault(file, node, "Write a name.", "not a name");
        return;
    }
    if (!weir__ownership_grow(file, &file->name_rows, file->name_count,
                              &file->name_capacity, sizeof *file->name_rows))
        return;
    file->name_rows[file->name_count++] = weir__ownership_keep(file, text);
    range->count++;
}

struct weir_world_range
weir__ownership_names(struct weir_ownership_file *file,
                      const struct yaml_node *node)
{
    struct weir_world_range range = {file->name_count, 0};
    if (node->kind != YAML_SEQUENCE) {
        add_name(file, node, &range);
        return range;
    }
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        add_name(file, n, &range);
    return range;
}

/* ------------------------------------------------------------- sections */

static const char *const party_name_keys[] = {
    "name",  "id",     "organisation", "organization",
    "party", "entity", "company",      NULL};

static bool
is_true(const struct yaml_node *node)
{
    weir_span text = weir_tree_text(node);
    return weir_span_equal_nocase(text, WEIR_SPAN("true")) ||
           weir_span_equal_nocase(text, WEIR_SPAN("yes")) ||
           weir_span_equal(text, WEIR_SPAN("1"));
}

static weir_span
text_of(struct weir_ownership_file *file, const struct yaml_node *node,
        const char *const *keys)
{
    const struct yaml_node *found = weir_tree_any(node, keys);
    weir_span text = weir_tree_text(found);
    return text.len == 0 ? WEIR_SPAN_NONE : weir__ownership_keep(file, text);
}

static void
describe(struct weir_ownership_file *file, const struct yaml_node *node,
         uint32_t row)
{
    static const char *const headquarters[] = {
        "headquarters", "hq", "headquartered_in", "headquarters_in", "seat",
        "country",      NULL};
    static const char *const incorporated[] = {
        "incorporated", "incorporated_in", "incorporation", "jurisdiction",
        NULL};
    static const char *const listed[] = {"listed",  "seed",       "is_seed",
                                         "blocked", "restricted", NULL};
    static const char *const kinds[] = {"category", "type", "kind", NULL};
    static const char *const owners[] = {"owners", "owned_by", "shareholders",
                                         "holders", NULL};
    weir_span name = file->party_rows[row].name;
    weir_span head = text_of(file, node, headquarters);
    weir_span incorporation = text_of(file, node, incorporated);
    weir_span kind = weir_tree_text(weir_tree_any(node, kinds));
    struct weir_ownership_party *party = &file->party_rows[row];
    party->headquarters = head;
    party->incorporated = incorporation;
    party->is_listed = is_true(weir_tree_any(node, listed));
    party->is_person = weir_span_equal_nocase(kind, WEIR_SPAN("person")) ||
                       weir_span_equal_nocase(kind, WEIR_SPAN("individual"));
    const struct yaml_node *list = weir_tree_any(node, owners);
    if (list == NULL || list->kind == YAML_TEXT)
        return;
    for (const struct yaml_node *n = list->first; n != NULL; n = n->next)
        weir__ownership_owner(file, n, name);
}

static void
read_party(struct weir_ownership_file *file, const struct yaml_node *node)
{
    weir_span name = node->kind == YAML_TEXT
                         ? weir_tree_text(node)
                         : text_of(file, node, party_name_keys);
    /* {A: {headquarters: NO}} or {A: "NO"} */
    if (node->key.len > 0)
        name = node->key;
    if (name.len == 0 || node->kind == YAML_SEQUENCE) {
        weir__ownership_fault(file, node,
                              "Write a name, or a mapping with a "
                              "name.",
                              "an organisation without a name");
        return;
    }
    uint32_t row = weir__ownership_party(file, name);
    if (row == UINT32_MAX)
        return;
    if (file->party_rows[row].line != 0)
        weir_faults_add(file->faults, node->place, "Remove one of them.",
                        "organisation \"%.*s\" is there twice",
                        (int)(name.len < 64 ? name.len : 64), name.ptr);
    file->party_rows[row].line = node->place.line == 0 ? 1 : node->place.line;
    if (node->kind == YAML_MAPPING)
        describe(file, node, row);
    else if (node->key.len > 0 && weir_tree_text(node).len > 0)
        file->party_rows[row].headquarters =
            weir__ownership_keep(file, weir_tree_text(node));
}

/* {name: polar, members: [..]}, or in a mapping polar: [..] */
static void
read_set(struct weir_ownership_file *file, const struct yaml_node *node,
         struct weir_ownership_set **rows, uint32_t *count, uint32_t *capacity)
{
    static const char *const members[] = {
        "members",       "organisations", "organizations",
        "jurisdictions", "places",        "countries",
        "names",         "entries",       NULL};
    const struct yaml_node *list = node;
    weir_span name = node->key;
    if (node->kind == YAML_MAPPING) {
        name = name.len > 0 ? name : text_of(file, node, party_name_keys);
        list = weir_tree_any(node, members);
    }
    if (name.len == 0 || list == NULL) {
        weir__ownership_fault(file, node, "Write {name: .., members: [..]}.",
                              "a set without name or members");
        return;
    }
    if (!weir__ownership_grow(file, rows, *count, capacity, sizeof **rows))
        return;
    struct weir_ownership_set set = {weir__ownership_keep(file, name),
                                     weir__ownership_names(file, list)};
    (*rows)[(*count)++] = set;
}

enum section {
    SECTION_PARTIES,
    SECTION_EDGES,
    SECTION_RULES,
    SECTION_RULE,
    SECTION_BLOCS,
    SECTION_LISTS,
    SECTION_SEEDS,
    SECTION_IGNORED,
    SECTION_UNKNOWN
};

static enum section
section_of(weir_span key)
{
    static const struct {
        const char *key;
        enum section section;
    } known[] = {{"organisations", SECTION_PARTIES},
                 {"organizations", SECTION_PARTIES},
                 {"entities", SECTION_PARTIES},
                 {"companies", SECTION_PARTIES},
                 {"parties", SECTION_PARTIES},
                 {"nodes", SECTION_PARTIES},
                 {"edges", SECTION_EDGES},
                 {"holdings", SECTION_EDGES},
                 {"ownership", SECTION_EDGES},
                 {"owners", SECTION_EDGES},
                 {"relationships", SECTION_EDGES},
                 {"stakes", SECTION_EDGES},
                 {"shareholdings", SECTION_EDGES},
                 {"rules", SECTION_RULES},
                 {"ownership_rules", SECTION_RULES},
                 {"rule", SECTION_RULE},
                 {"ownership_rule", SECTION_RULE},
                 {"blocs", SECTION_BLOCS},
                 {"bloc", SECTION_BLOCS},
                 {"regions", SECTION_BLOCS},
                 {"lists", SECTION_LISTS},
                 {"seeds", SECTION_SEEDS},
                 {"listed", SECTION_SEEDS},
                 {"blocked", SECTION_SEEDS},
                 {"restricted", SECTION_SEEDS},
                 {"title", SECTION_IGNORED},
                 {"description", SECTION_IGNORED},
                 {"comment", SECTION_IGNORED},
                 {"notes", SECTION_IGNORED},
                 {"note", SECTION_IGNORED},
                 {"name", SECTION_IGNORED},
                 {"version", SECTION_IGNORED},
                 {"source", SECTION_IGNORED},
                 {"as_of", SECTION_IGNORED},
                 {"case", SECTION_IGNORED},
                 {"expected", SECTION_IGNORED},
                 {"expect", SECTION_IGNORED}};
    if (key.len > 0 && (key.ptr[0] == '$' || key.ptr[0] == '_'))
        return SECTION_IGNORED;
    for (size_t i = 0; i < WEIR_COUNTOF(known); i++) {
        if (weir_tree_is(key, known[i].key))
            return known[i].section;
    }
    return SECTION_UNKNOWN;
}

static bool
streams(void *context, weir_span section)
{
    enum section kind = section_of(section);
    (void)context;
    return kind != SECTION_RULE && kind != SECTION_SEEDS &&
           kind != SECTION_IGNORED && kind != SECTION_UNKNOWN;
}

static void
visit(void *context, weir_span section, const struct yaml_node *node)
{
    struct weir_ownership_file *file = context;
    struct weir_world_range names;
    switch (section_of(section)) {
    case SECTION_PARTIES:
        read_party(file, node);
        break;
    case SECTION_EDGES:
        weir__ownership_edge(file, node);
        break;
    case SECTION_RULES:
    case SECTION_RULE:
        weir__ownership_rule(file, node);
        break;
    case SECTION_BLOCS:
        read_set(file, node, &file->bloc_rows, &file->bloc_count,
                 &file->bloc_capacity);
        break;
    case SECTION_LISTS:
        read_set(file, node, &file->list_rows, &file->list_count,
                 &file->list_capacity);
        break;
    case SECTION_SEEDS:
        names = weir__ownership_names(file, node);
        for (uint32_t i = 0; i < names.count; i++) {
            uint32_t row =
                weir__ownership_party(file, file->name_rows[names.first + i]);
            if (row != UINT32_MAX)
                file->party_rows[row].is_listed = true;
        }
        break;
    case SECTION_IGNORED:
        break;
    case SECTION_UNKNOWN:
        weir__ownership_fault(file, node,
                              "Write organisations, edges, rules, blocs or "
                              "lists.",
                              "an unknown section");
        break;
    }
}

/* ------------------------------------------------------------ the whole */

/*
 * One holding stated twice: what both allow; where they exclude each other,
 * all between them, so that the answer is unknown where it depends on who
 * is right. `seen` has the number behind the holding that was kept.
 */
static bool
merge_twice(struct weir_ownership_file *file)
{
    struct weir_ownership_graph *g = &file->graph;
    uint32_t *seen = weir_arena_array(&file->arena, uint32_t, g->count);
    uint32_t kept = 0;
    if (seen == NULL)
        return false;
    for (uint32_t row = 0; row < g->count; row++) {
        uint32_t first = kept;
        for (uint32_t at = g->in_first[row]; at < g->in_first[row + 1]; at++) {
            struct weir_holding *h = &file->holding_rows[g->in_list[at]];
            uint32_t before = seen[h->owner];
            if (before > first) {
                struct weir_holding *one =
                    &file->holding_rows[g->in_list[before - 1]];
                weir_share both = {
                    h->share.low > one->share.low ? h->share.low
                                                  : one->share.low,
                    h->share.high < one->share.high ? h->share.high
                                                    : one->share.high};
                bool is_conflict = both.low > both.high;
                file->conflict_count += is_conflict;
                one->share =
                    is_conflict ? (weir_share){both.high, both.low} : both;
                continue;
            }
            g->in_list[kept++] = g->in_list[at];
            seen[h->owner] = kept;
        }
        g->in_first[row] = first;
    }
    g->in_first[g->count] = kept;
    return kept == g->holding_count;
}

/* The holdings in the order of `in_list`, without the doubles. */
static weir_status
settle_graph(struct weir_ownership_file *file, struct weir_error *err)
{
    weir_status status =
        weir_ownership_graph_init(&file->graph, &file->arena, file->party_count,
                                  file->holding_rows, file->holding_count, err);
    if (status != WEIR_OK || merge_twice(file))
        return status;
    uint32_t kept = file->graph.in_first[file->graph.count];
    struct weir_holding *rows =
        weir_arena_array(&file->arena, struct weir_holding, kept);
    if (rows == NULL)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the file does not fit in memory");
    for (uint32_t i = 0; i < kept; i++)
        rows[i] = file->holding_rows[file->graph.in_list[i]];
    file->holding_rows = rows;
    file->holding_count = kept;
    return weir_ownership_graph_init(&file->graph, &file->arena,
                                     file->party_count, rows, kept, err);
}

/* Seeds that nothing else names are organisations, too. */
static void
declare_seeds(struct weir_ownership_file *file)
{
    for (uint32_t i = 0; i < file->list_count; i++) {
        struct weir_world_range names = file->list_rows[i].names;
        for (uint32_t j = 0; j < names.count; j++)
            (void)weir__ownership_party(file, file->name_rows[names.first + j]);
    }
    for (uint32_t i = 0; i < file->rule_count; i++) {
        struct weir_world_range seeds = file->rule_rows[i].seeds;
        for (uint32_t j = 0; j < seeds.count; j++) {
            weir_span name = file->name_rows[seeds.first + j];
            bool is_set = false;
            for (uint32_t k = 0; k < file->bloc_count; k++)
                is_set |= weir_span_equal(file->bloc_rows[k].name, name);
            for (uint32_t k = 0; k < file->list_count; k++)
                is_set |= weir_span_equal(file->list_rows[k].name, name);
            if (!is_set)
                (void)weir__ownership_party(file, name);
        }
    }
}

weir_status
weir_ownership_file_read(struct weir_ownership_file *file, weir_span text,
                         weir_span name, struct weir_faults *faults,
                         struct weir_error *err)
{
    const struct weir_tree_visitor visitor = {file, streams, visit};
    uint32_t before = faults->total;
    memset(file, 0, sizeof *file);
    weir_arena_init_heap(&file->arena, FILE_BYTES_MAX);
    file->text = text;
    file->file = name;
    file->faults = faults;
    weir_status status = weir_tree_walk(text, name, &visitor, faults);
    if (status == WEIR_OK && file->rule_count == 0 && faults->total == before)
        weir_faults_add(faults, (struct weir_place){name, 0, 0},
                        "Write rules: [{name: .., threshold: 50%, "
                        "seeds: ..}].",
                        "there is no rule");
    declare_seeds(file);
    if (file->arena.overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the file does not fit in memory");
    if (status != WEIR_OK || faults->total != before)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the file is faulty");
    return settle_graph(file, err);
}

void
weir_ownership_file_fini(struct weir_ownership_file *file)
{
    weir_arena_fini(&file->arena);
}
