/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of rows laid over a loaded world. What is read comes to the end of
 * the lists; a row whose name was there before then takes the older one's
 * place. Two rows of one name in the file itself stay two, for the check of
 * the world to refuse.
 */
#include "config.h"
#include "read.h"

#include <stdlib.h>
#include <string.h>

#include "control/files.h"

static const struct {
    const char *key;
    read_fn *read;
} sections[] = {
    {"blocs", read_blocs},
    {"organisations", read_organisations},
    {"lists", read_lists},
    {"ownership_rules", read_rules},
};

struct counts {
    uint32_t bloc;
    uint32_t organisation;
    uint32_t list;
    uint32_t rule;
};

#define REPLACE(world, row, before)                                            \
    for (uint32_t i = (before); i < (world)->row##_count;) {                   \
        uint32_t old = 0;                                                      \
        while (old < (before) &&                                               \
               !weir_span_equal((world)->row##_rows[old].name,                 \
                                (world)->row##_rows[i].name))                  \
            old++;                                                             \
        if (old == (before)) {                                                 \
            i++;                                                               \
            continue;                                                          \
        }                                                                      \
        (world)->row##_rows[old] = (world)->row##_rows[i];                     \
        (world)->row##_count--;                                                \
        memmove(&(world)->row##_rows[i], &(world)->row##_rows[i + 1],          \
                ((world)->row##_count - i) * sizeof(*(world)->row##_rows));    \
    }

static void
replace(struct weir_world *world, const struct counts *before)
{
    REPLACE(world, bloc, before->bloc)
    REPLACE(world, organisation, before->organisation)
    REPLACE(world, list, before->list)
    REPLACE(world, rule, before->rule)
}

static void
read_section(struct reader *r, const struct yaml_node *node)
{
    for (size_t i = 0; i < WEIR_COUNTOF(sections); i++)
        if (weir_span_equal(node->key, weir_span_of(sections[i].key))) {
            sections[i].read(r, node, NULL);
            return;
        }
    weir_faults_add(r->faults, node->key_place,
                    "A change holds blocs, organisations, lists and "
                    "ownership_rules; lay anything else out as a "
                    "configuration of its own.",
                    "\"%.*s\" cannot be changed so", WEIR_SPAN_ARG(node->key));
}

weir_status
weir_config_change(struct weir_world *world, const char *path,
                   struct weir_faults *faults)
{
    const struct counts before = {world->bloc_count, world->organisation_count,
                                  world->list_count, world->rule_count};
    uint32_t faults_before = faults->total;
    struct reader r = {.world = world, .faults = faults};
    const struct yaml_node *root;
    struct weir_arena nodes;
    struct weir_error err;
    char *text = NULL;
    size_t len = 0;
    if (weir_read_file(path, &text, &len, &err) != WEIR_OK) {
        weir_faults_add(faults, (struct weir_place){.file = weir_span_of(path)},
                        "Check the path and who may read it.",
                        "it cannot be read: %s", err.text);
        return WEIR_EPARSE;
    }
    weir_arena_init_heap(&nodes, WEIR_WORLD_BYTES_MAX);
    root =
        yaml_parse(&nodes, (weir_span){text, len},
                   weir_arena_copy(&world->arena, weir_span_of(path)), faults);
    if (root != NULL && root->kind == YAML_MAPPING)
        for (const struct yaml_node *n = root->first; n != NULL; n = n->next)
            read_section(&r, n);
    else if (root != NULL)
        read_fault(&r, root, "Begin with `section:` lines.", "not a mapping");
    weir_arena_fini(&nodes);
    free(text);
    replace(world, &before);
    return faults->total == faults_before ? WEIR_OK : WEIR_EPARSE;
}
