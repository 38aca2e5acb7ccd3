/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From statements to the rows that an image is compiled from.
 *
 *   sources ---> facts ---.
 *                          >-- one choice per kind ---> rows of the world
 *   store   ---> facts ---'
 *
 * WHO IS WHO. The store may hold a whole register under its own ids; the
 * sources name customers in their own words. Two ids mean one organisation
 * when they share an identifier (scheme and number, exactly); names never
 * join anybody. The first name met is kept, so what the sources call it.
 *
 * WHAT COMES IN. The organisations of the sources, and upwards from there
 * whoever owns part of them, generation by generation. A register of two
 * million companies in the store therefore costs an image nothing but the
 * owners of customers.
 *
 * The sources' own rows are kept beside (world->base), so that each merge
 * starts from them.
 */
#include <stdlib.h>
#include <string.h>

#include "control/evidence/merge.h"
#include "control/evidence/store.h"

#define GENERATION  "evidence"
#define SCRATCH_MAX ((size_t)4 << 30)
#define IDS_MAX     64 /* ids of one organisation */
#define OWNERS_MAX  2000

struct node {
    weir_span id;
    uint32_t row; /* of the world; the nodes of the sources come first */
};

struct slot {
    uint64_t hash;
    weir_span id;
    uint32_t node_plus_one;
};

struct merge {
    struct weir_world *world;
    struct weir_store *store;
    struct weir_error *err;
    weir_status status;
    weir_time now;
    weir_time change; /* the next time by itself */
    struct weir_arena arena;
    struct node *nodes;
    uint32_t count;
    uint32_t capacity;
    struct slot *slots; /* every id that is known, to its node */
    uint32_t slot_count;
    uint32_t slot_used;
};

/* ------------------------------------------------------------------ ids */

static struct slot *
find_slot(struct slot *slots, uint32_t count, uint64_t hash, weir_span id)
{
    for (uint32_t at = (uint32_t)hash;; at++) {
        struct slot *slot = &slots[at & (count - 1)];
        if (slot->node_plus_one == 0 ||
            (slot->hash == hash && weir_span_equal(slot->id, id)))
            return slot;
    }
}

static bool
grow_slots(struct merge *m)
{
    uint32_t count = m->slot_count == 0 ? 1024 : m->slot_count * 2;
    struct slot *slots = weir_arena_array(&m->arena, struct slot, count);
    if (slots == NULL)
        return false;
    for (uint32_t i = 0; i < m->slot_count; i++) {
        const struct slot *old = &m->slots[i];
        if (old->node_plus_one != 0)
            *find_slot(slots, count, old->hash, old->id) = *old;
    }
    m->slots = slots;
    m->slot_count = count;
    return true;
}

/* Makes `id` mean a node, unless it means one. The node it means. */
static uint32_t
name_node(struct merge *m, weir_span id, uint32_t node)
{
    uint64_t hash = weir_hash64(id, 0);
    if (2 * m->slot_used >= m->slot_count && !grow_slots(m))
        return node;
    struct slot *slot = find_slot(m->slots, m->slot_count, hash, id);
    if (slot->node_plus_one == 0) {
        *slot = (struct slot){hash, weir_arena_copy(&m->arena, id), node + 1};
        m->slot_used++;
    }
    return slot->node_plus_one - 1;
}

static uint32_t
find_node(const struct merge *m, weir_span id)
{
    if (m->slot_count == 0)
        return UINT32_MAX;
    return find_slot(m->slots, m->slot_count, weir_hash64(id, 0), id)
               ->node_plus_one -
           1; /* none: UINT32_MAX */
}

static uint32_t
add_node(struct merge *m, weir_span id, uint32_t row)
{
    if (m->count == m->capacity) {
        uint32_t capacity = m->capacity == 0 ? 256 : m->capacity * 2;
        struct node *nodes = weir_arena_array(&m->arena, struct node, capacity);
        if (nodes == NULL)
            return UINT32_MAX;
        if (m->count > 0)
            memcpy(nodes, m->nodes, m->count * sizeof *nodes);
        m->nodes = nodes;
        m->capacity = capacity;
    }
    m->nodes[m->count] = (struct node){id, row};
    return m->count++;
}

/* ------------------------------------------------- facts of one node */

struct joining {
    struct merge *merge;
    struct weir_facts *facts;
    weir_span ids[IDS_MAX];
    uint32_t count;
    uint32_t node; /* what one of the ids means already; UINT32_MAX */
};

static bool
on_shared(void *context, weir_span id)
{
    struct joining *j = context;
    for (uint32_t i = 0; i < j->count; i++) {
        if (weir_span_equal(j->ids[i], id))
            return true;
    }
    if (j->count < IDS_MAX)
        j->ids[j->count++] = weir_arena_copy(&j->facts->arena, id);
    return j->count < IDS_MAX;
}

/*
 * Every fact of an organisation: what the sources say (`row`, or NULL), what
 * the store has under its id and under every id that shares an identifier.
 */
static weir_status
gather(struct weir_store *store, const struct weir_world *world,
       const struct weir_world_organisation *row, struct joining *j,
       struct weir_error *err)
{
    weir_status status = WEIR_OK;
    uint32_t looked = 0;
    if (row != NULL && world != NULL)
        weir_evidence_configuration(world, row, j->facts);
    for (uint32_t i = 0; i < j->count && status == WEIR_OK; i++) {
        status = weir_store_facts_of(store, j->ids[i], j->facts, err);
        for (; looked < j->facts->count && status == WEIR_OK; looked++) {
            const struct weir_fact *fact = &j->facts->rows[looked];
            if (fact->kind == WEIR_FACT_IDENTIFIER &&
                fact->ended == WEIR_TIME_MAX)
                status = weir_store_fact_shared(store, fact->value, on_shared,
                                                j, err);
        }
    }
    return status;
}

static void
join_ids(struct merge *m, const struct joining *j, uint32_t node)
{
    for (uint32_t i = 0; i < j->count; i++)
        (void)name_node(m, j->ids[i], node);
}

/* ---------------------------------------------------------- one node */

static weir_span
keep(struct merge *m, weir_span text)
{
    return weir_arena_copy(&m->world->arena, text);
}

static const struct weir_fact *
choose(struct merge *m, const struct weir_facts *facts,
       enum weir_fact_kind kind, weir_span owner,
       struct weir_world_organisation *row)
{
    struct weir_fact_choice choice =
        weir_evidence_choose(facts, kind, owner, m->now);
    if (choice.is_conflicting)
        row->conflicting |= 1u << kind;
    if (choice.is_expired)
        row->expired |= 1u << kind;
    return choice.fact;
}

static void
set_place(struct merge *m, const struct weir_facts *facts,
          enum weir_fact_kind kind, struct weir_world_organisation *row,
          struct weir_world_name *name)
{
    const struct weir_fact *fact = choose(m, facts, kind, WEIR_SPAN_NONE, row);
    name->text = fact == NULL ? WEIR_SPAN_NONE : keep(m, fact->value);
}

static void
set_texts(struct merge *m, const struct weir_facts *facts,
          struct weir_world_organisation *row)
{
    const struct weir_fact *fact;
    weir_time when = 0;
    set_place(m, facts, WEIR_FACT_HEADQUARTERS, row, &row->headquarters);
    set_place(m, facts, WEIR_FACT_INCORPORATED, row, &row->incorporated);
    fact = choose(m, facts, WEIR_FACT_NAME, WEIR_SPAN_NONE, row);
    row->title = fact == NULL ? WEIR_SPAN_NONE : keep(m, fact->value);
    fact = choose(m, facts, WEIR_FACT_CATEGORY, WEIR_SPAN_NONE, row);
    row->category = fact == NULL ? WEIR_SPAN_NONE : keep(m, fact->value);
    fact = choose(m, facts, WEIR_FACT_VERIFIED, WEIR_SPAN_NONE, row);
    row->verified_until =
        fact != NULL && weir_time_parse(fact->value, &when) ? when : 0;
    fact = choose(m, facts, WEIR_FACT_ESTABLISHED, WEIR_SPAN_NONE, row);
    if (fact != NULL && weir_time_parse(fact->value, &when)) {
        row->established_since = when == 0 ? 1 : when;
        row->has_established = true;
        row->is_established = when <= m->now;
        if (when > m->now && when < m->change)
            m->change = when;
    }
}

static struct weir_world_range
set_names(struct merge *m, const struct weir_facts *facts,
          enum weir_fact_kind kind)
{
    struct weir_world_range range = {m->world->name_count, 0};
    for (uint32_t i = 0; i < facts->count; i++) {
        const struct weir_fact *fact = &facts->rows[i];
        bool is_there = fact->kind != kind || fact->ended <= m->now ||
                        fact->valid_until <= m->now;
        for (uint32_t j = 0; j < range.count && !is_there; j++)
            is_there = weir_span_equal(
                m->world->name_rows[range.first + j].text, fact->value);
        if (is_there)
            continue;
        struct weir_world_name *name = weir_world_add_name(m->world);
        if (name == NULL)
            return range;
        name->text = keep(m, fact->value);
        name->row = WEIR_INDEX_NONE;
        range.count++;
    }
    return range;
}

/* The node that an owner's id means, made (and joined) where it is new. */
static uint32_t
owner_node(struct merge *m, weir_span id)
{
    uint32_t node = find_node(m, id);
    if (node != UINT32_MAX)
        return node;
    struct weir_facts facts;
    struct joining j = {.merge = m, .facts = &facts, .node = UINT32_MAX};
    weir_facts_init(&facts);
    (void)on_shared(&j, id);
    m->status = gather(m->store, NULL, NULL, &j, m->err);
    for (uint32_t i = 0; i < j.count && node == UINT32_MAX; i++)
        node = find_node(m, j.ids[i]);
    if (node == UINT32_MAX) {
        struct weir_world_organisation *row =
            weir_world_add_organisation(m->world);
        if (row != NULL) {
            row->name = keep(m, id);
            node = add_node(m, row->name, m->world->organisation_count - 1);
        }
    }
    if (node != UINT32_MAX) {
        (void)name_node(m, id, node);
        join_ids(m, &j, node);
    }
    weir_facts_fini(&facts);
    return node;
}

/* Owners' ids become the names of nodes: one owner under two ids is one. */
static void
canonise(struct merge *m, struct weir_facts *facts)
{
    for (uint32_t i = 0; i < facts->count && m->status == WEIR_OK; i++) {
        struct weir_fact *fact = &facts->rows[i];
        if (fact->kind != WEIR_FACT_OWNER || fact->ended <= m->now)
            continue;
        uint32_t node = owner_node(m, fact->value);
        if (node != UINT32_MAX)
            fact->value = m->nodes[node].id;
    }
}

static void
set_owners(struct merge *m, const struct weir_facts *facts,
           struct weir_world_organisation *row)
{
    struct weir_world *world = m->world;
    uint64_t sum = 0;
    row->owners = (struct weir_world_range){world->owner_count, 0};
    for (uint32_t i = 0; i < facts->count; i++) {
        const struct weir_fact *fact = &facts->rows[i];
        bool is_there = fact->kind != WEIR_FACT_OWNER;
        for (uint32_t j = 0; j < row->owners.count && !is_there; j++)
            is_there = weir_span_equal(
                world->owner_rows[row->owners.first + j].name.text,
                fact->value);
        if (is_there)
            continue;
        const struct weir_fact *chosen =
            choose(m, facts, WEIR_FACT_OWNER, fact->value, row);
        struct weir_world_owner *owner =
            chosen == NULL || row->owners.count == OWNERS_MAX
                ? NULL
                : weir_world_add_owner(world);
        if (owner == NULL)
            continue;
        owner->name = (struct weir_world_name){
            row->place, keep(m, chosen->value), WEIR_INDEX_NONE};
        owner->share = chosen->share;
        owner->source = keep(m, chosen->source);
        sum += chosen->share.low;
        row->owners.count++;
    }
    if (sum > WEIR_SHARE_ALL)
        row->conflicting |= 1u << WEIR_FACT_OWNER;
}

static void
note_change(struct merge *m, const struct weir_facts *facts)
{
    for (uint32_t i = 0; i < facts->count; i++) {
        weir_time until = facts->rows[i].valid_until;
        if (until > m->now && until < m->change)
            m->change = until;
    }
}

/* `row` is a copy: adding owners moves the world's lists. */
static void
settle(struct merge *m, uint32_t node)
{
    struct weir_facts facts;
    struct joining j = {.merge = m, .facts = &facts, .node = node};
    uint32_t at = m->nodes[node].row;
    bool is_configured = at < m->world->base.count;
    const struct weir_world_organisation *base =
        is_configured ? &m->world->base.rows[at] : NULL;
    weir_facts_init(&facts);
    (void)on_shared(&j, m->nodes[node].id);
    m->status = gather(m->store, m->world, base, &j, m->err);
    bool has_store = false;
    for (uint32_t i = 0; i < facts.count; i++)
        has_store = has_store || facts.rows[i].number != 0;
    if (m->status == WEIR_OK && has_store) {
        struct weir_world_organisation row = m->world->organisation_rows[at];
        note_change(m, &facts);
        canonise(m, &facts);
        set_texts(m, &facts, &row);
        row.aliases = set_names(m, &facts, WEIR_FACT_ALIAS);
        row.identifiers = set_names(m, &facts, WEIR_FACT_IDENTIFIER);
        row.purposes = set_names(m, &facts, WEIR_FACT_PURPOSE);
        set_owners(m, &facts, &row);
        m->world->organisation_rows[at] = row;
    }
    weir_facts_fini(&facts);
}

/* ----------------------------------------------------------- the whole */

/* The sources' rows as they were loaded: kept once, put back each time. */
static bool
restore_base(struct weir_world *world)
{
    struct weir_world_base *base = &world->base;
    if (base->rows == NULL) {
        base->count = world->organisation_count;
        base->owner_count = world->owner_count;
        base->rows = weir_arena_array(
            &world->arena, struct weir_world_organisation, base->count);
        base->owner_rows = weir_arena_array(
            &world->arena, struct weir_world_owner, base->owner_count);
        if (world->arena.overflow)
            return false;
        if (base->count > 0)
            memcpy(base->rows, world->organisation_rows,
                   base->count * sizeof *base->rows);
        if (base->owner_count > 0)
            memcpy(base->owner_rows, world->owner_rows,
                   base->owner_count * sizeof *base->owner_rows);
        return true;
    }
    if (base->count > 0)
        memcpy(world->organisation_rows, base->rows,
               base->count * sizeof *base->rows);
    if (base->owner_count > 0)
        memcpy(world->owner_rows, base->owner_rows,
               base->owner_count * sizeof *base->owner_rows);
    world->organisation_count = base->count;
    world->owner_count = base->owner_count;
    return true;
}

static weir_status
merge_all(struct merge *m)
{
    struct weir_world *world = m->world;
    /* Everybody of the sources is known before any owner is looked up. */
    for (uint32_t i = 0; i < world->base.count; i++) {
        weir_span name = world->base.rows[i].name;
        (void)name_node(m, name, add_node(m, name, i));
    }
    for (uint32_t i = 0; i < world->base.count && m->status == WEIR_OK; i++) {
        struct weir_facts facts;
        struct joining j = {.merge = m, .facts = &facts, .node = i};
        weir_facts_init(&facts);
        (void)on_shared(&j, world->base.rows[i].name);
        m->status = gather(m->store, world, &world->base.rows[i], &j, m->err);
        join_ids(m, &j, i);
        weir_facts_fini(&facts);
    }
    for (uint32_t i = 0; i < m->count && m->status == WEIR_OK; i++)
        settle(m, i);
    if (m->status == WEIR_OK && (m->arena.overflow || world->arena.overflow))
        return weir_fail(m->err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the evidence does not fit in memory");
    return m->status;
}

weir_status
weir_evidence_merge(struct weir_world *world, struct weir_store *store,
                    weir_time now, struct weir_error *err)
{
    int64_t generation = 0;
    weir_status status =
        weir_store_number_get(store, GENERATION, &generation, err);
    if (status != WEIR_OK || (generation == 0 && world->base.rows == NULL))
        return status;
    if (world->base.rows != NULL && world->base.generation == generation &&
        now < world->base.change)
        return WEIR_OK;
    if (!restore_base(world))
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    struct merge m = {.world = world,
                      .store = store,
                      .err = err,
                      .now = now,
                      .change = WEIR_TIME_MAX};
    weir_arena_init_heap(&m.arena, SCRATCH_MAX);
    status = merge_all(&m);
    weir_arena_fini(&m.arena);
    if (status == WEIR_OK) {
        world->base.generation = generation;
        world->base.change = m.change;
    }
    return status;
}

weir_status
weir_evidence_changed(struct weir_store *store, struct weir_error *err)
{
    int64_t generation;
    return weir_store_number_next(store, GENERATION, &generation, err);
}

/* ------------------------------------------------------------ explaining */

weir_status
weir_evidence_of(struct weir_store *store, const struct weir_world *world,
                 weir_span organisation, weir_time at, struct weir_facts *facts,
                 struct weir_error *err)
{
    struct joining j = {.facts = facts, .node = UINT32_MAX};
    const struct weir_world_organisation *row =
        world == NULL ? NULL : weir_evidence_configured(world, organisation);
    (void)on_shared(&j, organisation);
    weir_status status = gather(store, world, row, &j, err);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < facts->count; i++) {
        if (facts->rows[i].entered <= at)
            facts->rows[kept++] = facts->rows[i];
    }
    facts->count = kept;
    if (status == WEIR_OK && kept == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "nobody says anything of '%.*s'",
                         (int)(organisation.len & 0x7f), organisation.ptr);
    return status;
}

weir_status
weir_evidence_attribute(struct weir_store *store,
                        const struct weir_world *world, weir_span organisation,
                        weir_span attribute, weir_time at,
                        struct weir_facts *facts,
                        struct weir_fact_choice *choice_out,
                        struct weir_error *err)
{
    enum weir_fact_kind kind;
    if (weir_span_equal(attribute, WEIR_SPAN("established")))
        attribute = WEIR_SPAN("established_since");
    if (!weir_fact_kind_parse(attribute, &kind) || kind == WEIR_FACT_OWNER)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no fact is behind this attribute");
    weir_status status =
        weir_evidence_of(store, world, organisation, at, facts, err);
    if (status != WEIR_OK)
        return status;
    *choice_out = weir_evidence_choose(facts, kind, WEIR_SPAN_NONE, at);
    return choice_out->fact != NULL
               ? WEIR_OK
               : weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "no live fact is behind this attribute");
}
