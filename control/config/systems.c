/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which networks an autonomous system announces is in no list of the
 * operator's but in a database of the MMDB kind. It is asked the other way
 * round than such files are made for: the tree is walked once, and every
 * leaf of a number that was asked for becomes a network of the image. So
 * workers look one sorted table up and know nothing of the database; a new
 * edition of it acts with the next reload.
 *
 * IPv4 stands below ::/96 in the tree, and once more wherever its writer put
 * an alias (2002::/16 and others); only the first is taken.
 */
#include "systems.h"

#include <maxminddb.h>
#include <stdlib.h>
#include <string.h>

#define NO_NODE UINT32_MAX

struct walk {
    MMDB_s mmdb;
    struct weir_world *world;
    uint32_t *numbers; /* ascending */
    bool *is_found;    /* of each; of equal ones one */
    uint32_t count;
    uint32_t bits;    /* of an address in the tree */
    uint32_t v4_node; /* where IPv4 begins in a tree of IPv6 */
    uint8_t address[16];
    bool is_corrupt;
};

bool
config_is_system(weir_span text, uint32_t *number_out)
{
    uint64_t number;
    if (text.len < 3 || (text.ptr[0] | 0x20) != 'a' ||
        (text.ptr[1] | 0x20) != 's' ||
        !weir_span_to_u64((weir_span){text.ptr + 2, text.len - 2}, &number) ||
        number == 0 || number > UINT32_MAX)
        return false;
    *number_out = (uint32_t)number;
    return true;
}

static int
by_number(const void *a, const void *b)
{
    uint32_t one = *(const uint32_t *)a, two = *(const uint32_t *)b;
    return (one > two) - (one < two);
}

/* First and last address of the leaf, IPv4 as ::ffff:0:0/96. */
static void
add_leaf(struct walk *w, uint32_t depth)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t zeros[12];
    struct weir_world_network *row = weir_world_add_network(w->world);
    uint32_t shift = w->bits == 32 ? 96 : 0;
    uint32_t length = depth + shift;
    if (row == NULL)
        return; /* said once, when everything is read */
    row->place = w->world->system_rows[0].place;
    memset(row->first, 0, sizeof row->first);
    memcpy(row->first + shift / 8, w->address, sizeof row->first - shift / 8);
    memcpy(row->last, row->first, sizeof row->last);
    for (uint32_t bit = length; bit < 128; bit++)
        row->last[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    if (length >= 96 && memcmp(row->first, zeros, sizeof zeros) == 0) {
        memcpy(row->first, mapped, sizeof mapped);
        memcpy(row->last, mapped, sizeof mapped);
    }
    w->world->hosting.count++;
}

static void
look_at(struct walk *w, MMDB_entry_s *entry, uint32_t depth)
{
    MMDB_entry_data_s data;
    if (MMDB_get_value(entry, &data, "autonomous_system_number", NULL) !=
            MMDB_SUCCESS ||
        !data.has_data)
        return;
    uint32_t number = data.type == MMDB_DATA_TYPE_UINT32   ? data.uint32
                      : data.type == MMDB_DATA_TYPE_UINT16 ? data.uint16
                                                           : 0;
    const uint32_t *asked = number == 0 ? NULL
                                        : bsearch(&number, w->numbers, w->count,
                                                  sizeof number, by_number);
    if (asked == NULL)
        return;
    w->is_found[asked - w->numbers] = true;
    add_leaf(w, depth);
}

/* At most `bits` calls deep: a tree that goes on is corrupt. */
static void
walk_node(struct walk *w, uint32_t node, uint32_t depth)
{
    MMDB_search_node_s found;
    if (depth >= w->bits ||
        MMDB_read_node(&w->mmdb, node, &found) != MMDB_SUCCESS) {
        w->is_corrupt = true;
        return;
    }
    for (uint32_t side = 0; side < 2; side++) {
        uint8_t bit = (uint8_t)(0x80 >> depth % 8);
        uint64_t below = side == 0 ? found.left_record : found.right_record;
        int type = side == 0 ? found.left_record_type : found.right_record_type;
        MMDB_entry_s *entry =
            side == 0 ? &found.left_record_entry : &found.right_record_entry;
        static const uint8_t zeros[12];
        if (side == 1)
            w->address[depth / 8] |= bit;
        bool is_alias = below == w->v4_node &&
                        !(depth == 95 && memcmp(w->address, zeros, 12) == 0);
        if (type == MMDB_RECORD_TYPE_DATA)
            look_at(w, entry, depth + 1);
        else if (type == MMDB_RECORD_TYPE_SEARCH_NODE && !is_alias)
            walk_node(w, (uint32_t)below, depth + 1);
        else if (type == MMDB_RECORD_TYPE_INVALID)
            w->is_corrupt = true;
        w->address[depth / 8] &= (uint8_t)~bit;
    }
}

/* The node of ::/96, or NO_NODE: the tree has none. */
static uint32_t
find_v4(const MMDB_s *mmdb)
{
    uint32_t node = 0;
    for (int depth = 0; depth < 96; depth++) {
        MMDB_search_node_s found;
        if (MMDB_read_node(mmdb, node, &found) != MMDB_SUCCESS ||
            found.left_record_type != MMDB_RECORD_TYPE_SEARCH_NODE)
            return NO_NODE;
        node = (uint32_t)found.left_record;
    }
    return node;
}

/* The rows of world->hosting follow each other: they move to the end. */
static void
move_hosting(struct weir_world *world)
{
    struct weir_world_range before = world->hosting;
    world->hosting.first = world->network_count;
    world->hosting.count = 0;
    for (uint32_t i = 0; i < before.count; i++) {
        struct weir_world_network copy = world->network_rows[before.first + i];
        struct weir_world_network *row = weir_world_add_network(world);
        if (row == NULL)
            return;
        *row = copy;
        world->hosting.count++;
    }
}

static void
walk_file(struct walk *w, weir_span path, struct weir_faults *faults)
{
    struct weir_place place = w->world->system_rows[0].place;
    uint32_t before;
    int error = MMDB_open(path.ptr, MMDB_MODE_MMAP, &w->mmdb);
    if (error != MMDB_SUCCESS) {
        weir_faults_add(faults, place, "Check geo.asn_mmdb.",
                        "%.*s cannot be read: %s", WEIR_SPAN_ARG(path),
                        MMDB_strerror(error));
        return;
    }
    w->bits = w->mmdb.metadata.ip_version == 4 ? 32 : 128;
    w->v4_node = w->bits == 128 ? find_v4(&w->mmdb) : NO_NODE;
    move_hosting(w->world);
    before = w->world->hosting.count;
    walk_node(w, 0, 0);
    if (w->is_corrupt)
        weir_faults_add(faults, place, "Fetch the file again.",
                        "%.*s is damaged", WEIR_SPAN_ARG(path));
    else if (w->world->hosting.count == before)
        weir_faults_add(faults, place,
                        "Name a database with autonomous_system_number in "
                        "geo.asn_mmdb, and numbers that it has.",
                        "%.*s has no network of any of the %u autonomous "
                        "systems named",
                        WEIR_SPAN_ARG(path), w->count);
    MMDB_close(&w->mmdb);
}

void
config_add_systems(struct weir_world *world, struct weir_faults *faults)
{
    struct walk walk = {.world = world, .count = world->system_count};
    weir_span path = world->settings.asn_mmdb_path;
    if (world->system_count == 0)
        return;
    if (path.len == 0) {
        weir_faults_add(faults, world->system_rows[0].place,
                        "Name a database of autonomous systems: "
                        "geo: {asn_mmdb: asn.mmdb}; or write the networks.",
                        "AS%u is known by number alone",
                        world->system_rows[0].number);
        return;
    }
    walk.numbers = calloc(world->system_count, sizeof *walk.numbers);
    walk.is_found = calloc(world->system_count, sizeof *walk.is_found);
    if (walk.numbers == NULL || walk.is_found == NULL) {
        world->arena.overflow = true;
        free(walk.numbers);
        free(walk.is_found);
        return;
    }
    for (uint32_t i = 0; i < walk.count; i++)
        walk.numbers[i] = world->system_rows[i].number;
    qsort(walk.numbers, walk.count, sizeof *walk.numbers, by_number);
    walk_file(&walk, path, faults);
    for (uint32_t i = 0; i < walk.count; i++) {
        struct weir_world_system *row = &world->system_rows[i];
        const uint32_t *at = bsearch(&row->number, walk.numbers, walk.count,
                                     sizeof row->number, by_number);
        row->is_found = at != NULL && walk.is_found[at - walk.numbers];
    }
    free(walk.numbers);
    free(walk.is_found);
}

void
config_doubt_systems(const struct weir_world *world, struct weir_faults *doubts)
{
    for (uint32_t i = 0; i < world->system_count; i++) {
        const struct weir_world_system *row = &world->system_rows[i];
        if (row->is_found)
            continue;
        weir_faults_add(doubts, row->place,
                        "Its clients are not known for machines: fetch a newer "
                        "database, or write the networks.",
                        "%.*s has no network of AS%u",
                        WEIR_SPAN_ARG(world->settings.asn_mmdb_path),
                        row->number);
    }
}
