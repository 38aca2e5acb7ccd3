/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start-time fair queueing over workers, without a queue in shared memory.
 *
 *   deployment: key | virtual time | waiting u16 x 64 | offered u64 x 64
 *   flow:       key | finish       | in flight u16 x 64 | waiting u16 x 64
 *
 *   tag of a tenant's next call = max(virtual time, finish of the tenant)
 *   served: virtual time = tag, finish = tag + COST / weight
 *
 * Every worker holds its own callers (a request lives in one process) and
 * offers the smallest tag among them; a free place is its whose offer is the
 * smallest. A tenant with a thousand calls waiting has one tag like a tenant
 * with one, and after each call it is served its tag moves behind the others:
 * so a flood waits for itself.
 *
 * WHY TAGS ARE NOT GIVEN ON ARRIVAL. Calls give up (their clients leave, they
 * wait too long). A tag spent on one of those would punish its tenant for
 * calls it never had.
 *
 * WHY A CALL COUNTS AS ONE. What it will cost nobody knows before it ends.
 * Whoever wants to bound long calls too gives tenants a `most`.
 *
 * WHY A QUEUE IS NEVER FULL OF ONE TENANT. A flood would fill it, and whoever
 * comes then would be refused, however fair the order is. So a tenant may wait
 * with as many calls as there are places left in the queue: one alone gets
 * half of them, two a third each, and there is room for one who comes new.
 *
 * WHY NO LOCK. A worker may die anywhere; its lane is cleared by the next
 * owner or by control. Two workers may serve two calls of the same tag in
 * either order, and an offer that is out of date delays another lane by one
 * look of its owner, 2 ms.
 */
#include <weir/fair.h>
#include <weir/limits.h>

#include <string.h>

#define MAGIC       UINT64_C(0x3130696166726577) /* "werfai01" */
#define DEPLOYMENTS 1024u
#define FLOWS       16384u
#define WAYS        16u
#define COST        (UINT64_C(1) << 20)

struct deployment {
    uint64_t key;
    uint64_t virtual_time;
    uint64_t offered[WEIR_LANES_MAX]; /* tag + 1; 0: none */
    uint16_t waiting[WEIR_LANES_MAX];
};

struct flow {
    uint64_t key;
    uint64_t finish;
    uint16_t in_flight[WEIR_LANES_MAX];
    uint16_t waiting[WEIR_LANES_MAX];
};

struct weir_fair {
    uint64_t magic;
    uint64_t bytes;
    uint64_t memory_max;
    uint64_t shed;
    uint64_t memory[WEIR_LANES_MAX];
    struct deployment deployment[DEPLOYMENTS];
    struct flow flow[FLOWS];
};

static uint64_t
load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void
store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static bool
swap(uint64_t *word, uint64_t *seen, uint64_t next)
{
    return __atomic_compare_exchange_n(word, seen, next, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* At least `value`. */
static void
raise_to(uint64_t *word, uint64_t value)
{
    uint64_t seen = load(word);
    while (seen < value && !swap(word, &seen, value))
        ;
}

size_t
weir_fair_size(void)
{
    return sizeof(struct weir_fair);
}

weir_status
weir_fair_format(void *memory, size_t size, struct weir_fair **table_out,
                 struct weir_error *err)
{
    struct weir_fair *table = memory;
    if (size < sizeof(*table) || (uintptr_t)memory % 64 != 0)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "no table of shares fits");
    memset(table, 0, sizeof(*table));
    table->bytes = sizeof(*table);
    store(&table->magic, MAGIC);
    *table_out = table;
    return WEIR_OK;
}

weir_status
weir_fair_attach(void *memory, size_t size, struct weir_fair **table_out,
                 struct weir_error *err)
{
    struct weir_fair *table = memory;
    if (size < sizeof(uint64_t) * 2 || (uintptr_t)memory % 64 != 0 ||
        load(&table->magic) != MAGIC)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "not a table of shares");
    if (table->bytes != sizeof(*table) || size < sizeof(*table))
        return weir_fail(err, WEIR_EVERSION, WEIR_OFFSET_NONE,
                         "a table of shares of another build");
    *table_out = table;
    return WEIR_OK;
}

void
weir_fair_clear_lane(struct weir_fair *table, uint32_t lane)
{
    WEIR_ASSERT(lane < WEIR_LANES_MAX);
    store(&table->memory[lane], 0);
    for (uint32_t i = 0; i < DEPLOYMENTS; i++) {
        struct deployment *row = &table->deployment[i];
        /* read first: rows that nobody uses take no memory */
        if (load(&row->key) == 0)
            continue;
        store(&row->offered[lane], 0);
        __atomic_store_n(&row->waiting[lane], 0, __ATOMIC_SEQ_CST);
    }
    for (uint32_t i = 0; i < FLOWS; i++) {
        struct flow *row = &table->flow[i];
        if (load(&row->key) == 0)
            continue;
        __atomic_store_n(&row->in_flight[lane], 0, __ATOMIC_SEQ_CST);
        __atomic_store_n(&row->waiting[lane], 0, __ATOMIC_SEQ_CST);
    }
}

/* -------------------------------------------------------------- rows */

static uint32_t
sum(const uint16_t counts[WEIR_LANES_MAX])
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < WEIR_LANES_MAX; i++)
        all += __atomic_load_n(&counts[i], __ATOMIC_SEQ_CST);
    return all;
}

static struct deployment *
find(const struct weir_fair *table, uint64_t key, bool claims)
{
    struct weir_fair *own = (struct weir_fair *)(uintptr_t)table;
    for (uint32_t i = 0; i < WAYS; i++) {
        struct deployment *row =
            &own->deployment[((key ^ key >> 32) + i) % DEPLOYMENTS];
        uint64_t seen = load(&row->key);
        if (seen == 0 && claims && swap(&row->key, &seen, key))
            return row;
        if (seen == key)
            return row;
        if (seen == 0)
            return NULL;
    }
    return NULL;
}

static uint64_t
flow_key(const struct weir_fair_flow *flow)
{
    uint64_t key = flow->tenant * UINT64_C(0x9e3779b97f4a7c15);
    key = (key ^ key >> 29 ^ flow->deployment) * UINT64_C(0xbf58476d1ce4e5b9);
    key ^= key >> 32;
    return key == 0 ? 1 : key;
}

/* One that has nobody in it and is behind the virtual time of everything is
 * given away: its tenant begins anew then, as every tenant does. */
static struct flow *
find_flow(const struct weir_fair *table, const struct weir_fair_flow *flow,
          bool claims)
{
    struct weir_fair *own = (struct weir_fair *)(uintptr_t)table;
    uint64_t key = flow_key(flow);
    struct flow *spare = NULL;
    for (uint32_t i = 0; i < WAYS; i++) {
        struct flow *row = &own->flow[(key + i) % FLOWS];
        uint64_t seen = load(&row->key);
        if (seen == key)
            return row;
        if (seen == 0 && !claims)
            return NULL;
        if (seen == 0 && swap(&row->key, &seen, key))
            return row;
        if (seen == key)
            return row;
        if (spare == NULL && sum(row->in_flight) == 0 && sum(row->waiting) == 0)
            spare = row;
    }
    if (!claims || spare == NULL)
        return NULL;
    uint64_t seen = load(&spare->key);
    if (!swap(&spare->key, &seen, key))
        return NULL;
    store(&spare->finish, 0);
    return spare;
}

/* ----------------------------------------------------------- waiting */

bool
weir_fair_arrive(struct weir_fair *table, const struct weir_fair_flow *flow,
                 uint32_t lane, uint32_t length)
{
    WEIR_ASSERT(flow->deployment != 0 && lane < WEIR_LANES_MAX);
    struct deployment *row = find(table, flow->deployment, true);
    struct flow *own = find_flow(table, flow, true);
    if (row == NULL || own == NULL)
        return false;
    uint32_t all = sum(row->waiting);
    if (all >= length || sum(own->waiting) >= length - all ||
        __atomic_load_n(&row->waiting[lane], __ATOMIC_RELAXED) == UINT16_MAX)
        return false;
    (void)__atomic_add_fetch(&own->waiting[lane], 1, __ATOMIC_SEQ_CST);
    (void)__atomic_add_fetch(&row->waiting[lane], 1, __ATOMIC_SEQ_CST);
    return true;
}

/* One less, but never below none: a lane may have been cleared meanwhile. */
static void
less(uint16_t *count)
{
    if (__atomic_load_n(count, __ATOMIC_RELAXED) > 0)
        (void)__atomic_sub_fetch(count, 1, __ATOMIC_SEQ_CST);
}

void
weir_fair_depart(struct weir_fair *table, const struct weir_fair_flow *flow,
                 uint32_t lane)
{
    struct deployment *row = find(table, flow->deployment, false);
    struct flow *own = find_flow(table, flow, false);
    if (row != NULL)
        less(&row->waiting[lane]);
    if (own != NULL)
        less(&own->waiting[lane]);
}

uint32_t
weir_fair_waiting(const struct weir_fair *table, uint64_t key)
{
    const struct deployment *row = find(table, key, false);
    return row == NULL ? 0 : sum(row->waiting);
}

uint64_t
weir_fair_tag(const struct weir_fair *table, const struct weir_fair_flow *flow)
{
    const struct deployment *row = find(table, flow->deployment, false);
    const struct flow *own = find_flow(table, flow, false);
    uint64_t now = row == NULL ? 0 : load(&row->virtual_time);
    uint64_t finish = own == NULL ? 0 : load(&own->finish);
    return finish > now ? finish : now;
}

void
weir_fair_offer(struct weir_fair *table, uint64_t key, uint32_t lane,
                uint64_t tag)
{
    struct deployment *row = find(table, key, false);
    if (row != NULL)
        store(&row->offered[lane], tag + 1); /* NONE + 1 is 0 */
}

bool
weir_fair_is_turn(const struct weir_fair *table, uint64_t key, uint32_t lane,
                  uint64_t tag)
{
    const struct deployment *row = find(table, key, false);
    for (uint32_t i = 0; row != NULL && i < WEIR_LANES_MAX; i++) {
        uint64_t offered = load(&row->offered[i]);
        if (i != lane && offered != 0 && offered - 1 < tag &&
            __atomic_load_n(&row->waiting[i], __ATOMIC_RELAXED) > 0)
            return false;
    }
    return true;
}

/* ------------------------------------------------------------ places */

uint32_t
weir_fair_in_flight(const struct weir_fair *table,
                    const struct weir_fair_flow *flow)
{
    const struct flow *own = find_flow(table, flow, false);
    return own == NULL ? 0 : sum(own->in_flight);
}

void
weir_fair_enter(struct weir_fair *table, const struct weir_fair_flow *flow,
                uint32_t weight, uint32_t lane)
{
    WEIR_ASSERT(weight > 0 && lane < WEIR_LANES_MAX);
    uint64_t tag = weir_fair_tag(table, flow);
    struct deployment *row = find(table, flow->deployment, true);
    struct flow *own = find_flow(table, flow, true);
    if (row != NULL)
        raise_to(&row->virtual_time, tag);
    if (own == NULL)
        return;
    raise_to(&own->finish, tag + COST / weight);
    (void)__atomic_add_fetch(&own->in_flight[lane], 1, __ATOMIC_SEQ_CST);
}

void
weir_fair_leave(struct weir_fair *table, const struct weir_fair_flow *flow,
                uint32_t lane)
{
    struct flow *own = find_flow(table, flow, false);
    if (own != NULL)
        less(&own->in_flight[lane]);
}

/* ------------------------------------------------------------ memory */

void
weir_fair_set_memory(struct weir_fair *table, uint64_t bytes_max)
{
    store(&table->memory_max, bytes_max);
}

void
weir_fair_use_memory(struct weir_fair *table, uint32_t lane, uint64_t bytes)
{
    WEIR_ASSERT(lane < WEIR_LANES_MAX);
    store(&table->memory[lane], bytes);
}

void
weir_fair_memory_get(const struct weir_fair *table,
                     struct weir_fair_memory *memory_out)
{
    *memory_out = (struct weir_fair_memory){
        .bytes_max = load(&table->memory_max),
        .shed = load(&table->shed),
    };
    for (uint32_t i = 0; i < WEIR_LANES_MAX; i++)
        memory_out->bytes += load(&table->memory[i]);
}

bool
weir_fair_sheds(struct weir_fair *table)
{
    uint64_t max = load(&table->memory_max);
    uint64_t bytes = 0;
    if (max == 0)
        return false;
    for (uint32_t i = 0; i < WEIR_LANES_MAX; i++)
        bytes += load(&table->memory[i]);
    if (bytes < max)
        return false;
    (void)__atomic_add_fetch(&table->shed, 1, __ATOMIC_RELAXED);
    return true;
}
