/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of counters: open addressing with linear probing in shared
 * memory. A key is claimed by one compare-and-swap and never given back, so
 * a probe that ends at a free slot has seen every claim before it, and two
 * workers that claim the same key at once meet at the same slot.
 *
 * WHY NOTHING IS DELETED. A deleted slot in the middle of a chain would let
 * two workers claim one key in two places, and a budget counted twice is a
 * budget passed. There is one slot per subject, metric and window kind, and
 * windows roll over in place, so the table grows with the configured limits
 * and not with time. Subjects that are gone leave with the next rebuild.
 */
#include "quota_internal.h"

#include <string.h>

static bool
is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static size_t
lane_size(uint32_t entries)
{
    return sizeof(struct quota_lane) +
           (size_t)entries * sizeof(struct quota_entry);
}

size_t
weir_quota_size(uint32_t slots, uint32_t lanes, uint32_t entries)
{
    return sizeof(struct weir_quota) +
           (size_t)slots * sizeof(struct quota_slot) +
           (size_t)lanes * lane_size(entries);
}

struct quota_slot *
quota_slots(const struct weir_quota *quota)
{
    return (struct quota_slot *)((char *)quota + sizeof(*quota));
}

struct quota_lane *
quota_lane_at(const struct weir_quota *quota, uint32_t lane)
{
    WEIR_ASSERT(lane < quota->lanes);
    return (struct quota_lane *)((char *)quota_slots(quota) +
                                 (size_t)quota->slots *
                                     sizeof(struct quota_slot) +
                                 (size_t)lane * lane_size(quota->entries));
}

struct quota_entry *
quota_entries(const struct quota_lane *lane)
{
    return (struct quota_entry *)((char *)lane + sizeof(*lane));
}

weir_status
weir_quota_format(void *memory, size_t size, uint32_t slots, uint32_t lanes,
                  uint32_t entries, struct weir_quota **quota_out,
                  struct weir_error *err)
{
    struct weir_quota *quota = memory;

    if ((uintptr_t)memory % 64 != 0)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "quota block is not aligned to 64 bytes");
    if (!is_power_of_two(slots) || slots < 8 || lanes == 0 || entries == 0 ||
        entries > UINT32_C(1) << 20 || lanes > QUOTA_LANES_MAX ||
        slots > UINT32_C(1) << 28)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "quota table of %u slots, %u lanes, %u entries", slots,
                         lanes, entries);
    if (size < weir_quota_size(slots, lanes, entries))
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "quota block needs %zu bytes",
                         weir_quota_size(slots, lanes, entries));
    quota->version = QUOTA_VERSION;
    quota->slots = slots;
    quota->lanes = lanes;
    quota->entries = entries;
    quota->size = weir_quota_size(slots, lanes, entries);
    atomic_store(&quota->is_rebuilding, 1);
    /* last: whoever attaches meanwhile sees no block, not half of one */
    atomic_thread_fence(memory_order_release);
    quota->magic = QUOTA_MAGIC;
    *quota_out = quota;
    return WEIR_OK;
}

weir_status
weir_quota_attach(void *memory, size_t size, struct weir_quota **quota_out,
                  struct weir_error *err)
{
    struct weir_quota *quota = memory;

    if ((uintptr_t)memory % 64 != 0 || size < sizeof(*quota) ||
        quota->magic != QUOTA_MAGIC)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "not a quota block");
    if (quota->version != QUOTA_VERSION)
        return weir_fail(err, WEIR_EVERSION, WEIR_OFFSET_NONE,
                         "quota block of version %u", quota->version);
    if (!is_power_of_two(quota->slots) || quota->lanes == 0 ||
        quota->lanes > QUOTA_LANES_MAX || quota->entries == 0 ||
        quota->size > size ||
        quota->size !=
            weir_quota_size(quota->slots, quota->lanes, quota->entries))
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "quota block contradicts its size");
    *quota_out = quota;
    return WEIR_OK;
}

/* Bijective for one kind; never 0, which means free. */
static uint64_t
key_of(uint64_t subject, uint32_t kind)
{
    uint64_t z = subject + (kind + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    z ^= z >> 31;
    return z == 0 ? 1 : z;
}

static uint32_t
kind_of(weir_quota_metric metric, weir_quota_window window)
{
    WEIR_ASSERT(metric < WEIR_QUOTA_METRICS && window < WEIR_QUOTA_WINDOWS);
    return (uint32_t)metric * WEIR_QUOTA_WINDOWS + (uint32_t)window;
}

/* The slot that holds the key, or the free one where its chain ends. */
static struct quota_slot *
probe(const struct weir_quota *quota, uint64_t key, bool *is_found_out)
{
    struct quota_slot *slots = quota_slots(quota);
    uint32_t mask = quota->slots - 1;
    uint32_t at = (uint32_t)key & mask;

    for (uint32_t i = 0; i < quota->slots; i++, at = (at + 1) & mask) {
        uint64_t there =
            atomic_load_explicit(&slots[at].key, memory_order_acquire);
        if (there == key || there == 0) {
            *is_found_out = there == key;
            return &slots[at];
        }
    }
    return NULL;
}

uint32_t
quota_slot_claim(struct weir_quota *quota, uint64_t subject,
                 weir_quota_metric metric, weir_quota_window window,
                 bool is_minor)
{
    uint32_t kind = kind_of(metric, window);
    /* an eighth stays free, so that chains end */
    uint32_t most =
        is_minor ? quota->slots / 2 : quota->slots - quota->slots / 8;
    uint64_t key = key_of(subject, kind);

    WEIR_ASSERT(subject != 0);
    for (;;) {
        bool is_found;
        struct quota_slot *slot = probe(quota, key, &is_found);
        if (slot == NULL)
            return QUOTA_INDEX_NONE;
        if (!is_found) {
            uint64_t none = 0;
            if (atomic_load_explicit(&quota->slots_used,
                                     memory_order_relaxed) >= most)
                return QUOTA_INDEX_NONE;
            if (!atomic_compare_exchange_strong(&slot->key, &none, key))
                continue; /* taken meanwhile, perhaps by this very key */
            atomic_fetch_add(&quota->slots_used, 1);
        }
        /* also after a claimer that died before it had named the slot */
        if (atomic_load_explicit(&slot->subject, memory_order_relaxed) == 0) {
            atomic_store_explicit(&slot->kind, kind, memory_order_relaxed);
            atomic_store_explicit(&slot->subject, subject,
                                  memory_order_release);
        }
        return (uint32_t)(slot - quota_slots(quota));
    }
}

/* Nobody may have settled in this window yet: then the word itself is of
 * the last one. */
static void
last_of(const struct quota_slot *slot, weir_quota_window window,
        uint32_t number, uint64_t used, weir_quota_row *row_out)
{
    uint64_t last = atomic_load(&slot->last);
    weir_time ends_at;
    if (quota_number_of(window, used) < number)
        last = used;
    row_out->last_starts_at = WEIR_TIME_MIN;
    row_out->last_used = 0;
    if (quota_number_of(window, last) == 0)
        return;
    quota_window_bounds(window, quota_number_of(window, last),
                        &row_out->last_starts_at, &ends_at);
    row_out->last_used = quota_amount_of(window, last);
}

static void
row_of(const struct quota_slot *slot, uint64_t subject, uint32_t kind,
       weir_time now, weir_quota_row *row_out)
{
    weir_quota_window window = (weir_quota_window)(kind % WEIR_QUOTA_WINDOWS);
    uint32_t number = quota_window_number(window, now);
    uint64_t total = atomic_load(&slot->total);
    uint64_t used = atomic_load(&slot->used);
    int64_t total_amount = quota_number_of(window, total) >= number
                               ? quota_amount_of(window, total)
                               : 0;

    row_out->subject = subject;
    row_out->metric = (weir_quota_metric)(kind / WEIR_QUOTA_WINDOWS);
    row_out->window = window;
    quota_window_bounds(window, number, &row_out->starts_at, &row_out->ends_at);
    row_out->used = quota_number_of(window, used) >= number
                        ? quota_amount_of(window, used)
                        : 0;
    /* the two words are read one after the other */
    row_out->held =
        total_amount > row_out->used ? total_amount - row_out->used : 0;
    row_out->refused = atomic_load(&slot->refused);
    last_of(slot, window, number, used, row_out);
}

bool
weir_quota_get(const struct weir_quota *quota, uint64_t subject,
               weir_quota_metric metric, weir_quota_window window,
               weir_time now, weir_quota_row *row_out)
{
    uint32_t kind = kind_of(metric, window);
    bool is_found = false;
    struct quota_slot *slot = probe(quota, key_of(subject, kind), &is_found);
    if (slot == NULL || !is_found)
        return false;
    row_of(slot, subject, kind, now, row_out);
    return true;
}

bool
weir_quota_next(const struct weir_quota *quota, uint32_t *cursor, weir_time now,
                weir_quota_row *row_out)
{
    struct quota_slot *slots = quota_slots(quota);
    while (*cursor < quota->slots) {
        struct quota_slot *slot = &slots[(*cursor)++];
        uint64_t subject =
            atomic_load_explicit(&slot->subject, memory_order_acquire);
        if (subject == 0)
            continue;
        row_of(slot, subject, atomic_load(&slot->kind), now, row_out);
        return true;
    }
    return false;
}

void
weir_quota_rebuild_begin(struct weir_quota *quota)
{
    atomic_store(&quota->is_rebuilding, 1);
    for (uint32_t lane = 0; lane < quota->lanes; lane++) {
        struct quota_lane *head = quota_lane_at(quota, lane);
        struct quota_entry *entries = quota_entries(head);
        uint32_t fresh = atomic_load(&head->fresh);
        for (uint32_t i = 0; i < fresh && i < quota->entries; i++)
            if (atomic_load(&entries[i].progress) != QUOTA_FREE << 16)
                atomic_store(&entries[i].progress, QUOTA_FORGOTTEN << 16);
    }
    /* keys first: a slot without a key is free whatever else it holds */
    struct quota_slot *slots = quota_slots(quota);
    for (uint32_t i = 0; i < quota->slots; i++)
        if (atomic_load_explicit(&slots[i].key, memory_order_relaxed) != 0)
            memset(&slots[i], 0, sizeof(slots[i]));
    atomic_store(&quota->slots_used, 0);
}

void
weir_quota_rebuild_end(struct weir_quota *quota)
{
    atomic_store(&quota->is_rebuilding, 0);
}

bool
weir_quota_is_rebuilding(const struct weir_quota *quota)
{
    return atomic_load(&quota->is_rebuilding) != 0;
}

weir_status
weir_quota_seed(struct weir_quota *quota, uint64_t subject,
                weir_quota_metric metric, weir_quota_window window,
                weir_time when, int64_t used)
{
    WEIR_ASSERT(used >= 0);
    uint32_t index = quota_slot_claim(quota, subject, metric, window, false);
    if (index == QUOTA_INDEX_NONE)
        return WEIR_EUNAVAIL;
    if (used > weir_quota_amount_max(window)) {
        used = weir_quota_amount_max(window);
        atomic_fetch_add(&quota->saturated, 1);
    }
    struct quota_slot *slot = &quota_slots(quota)[index];
    uint64_t word = quota_pack(window, quota_window_number(window, when), used);
    atomic_store(&slot->total, word);
    atomic_store(&slot->used, word);
    return WEIR_OK;
}

/* Both words grow by the same, so that what is held stays held. */
weir_status
weir_quota_raise(struct weir_quota *quota, uint64_t subject,
                 weir_quota_metric metric, weir_quota_window window,
                 weir_time when, int64_t used)
{
    WEIR_ASSERT(used >= 0);
    uint32_t index = quota_slot_claim(quota, subject, metric, window, false);
    if (index == QUOTA_INDEX_NONE)
        return WEIR_EUNAVAIL;
    struct quota_slot *slot = &quota_slots(quota)[index];
    uint32_t number = quota_window_number(window, when);
    uint64_t word = atomic_load(&slot->used);
    int64_t lacking = used;
    if (quota_number_of(window, word) > number)
        return WEIR_OK; /* that window is over already */
    if (quota_number_of(window, word) == number)
        lacking -= quota_amount_of(window, word);
    if (lacking > 0) {
        quota_add(quota, &slot->total, window, number, lacking);
        quota_add(quota, &slot->used, window, number, lacking);
    }
    return WEIR_OK;
}

void
weir_quota_stats_get(const struct weir_quota *quota,
                     weir_quota_stats *stats_out)
{
    memset(stats_out, 0, sizeof(*stats_out));
    stats_out->slots = quota->slots;
    stats_out->slots_used = atomic_load(&quota->slots_used);
    stats_out->lanes = quota->lanes;
    stats_out->entries = quota->entries;
    stats_out->recovered = atomic_load(&quota->recovered);
    stats_out->saturated = atomic_load(&quota->saturated);
    for (uint32_t i = 0; i < quota->lanes; i++) {
        const struct quota_lane *lane = quota_lane_at(quota, i);
        stats_out->holds += atomic_load(&lane->holds);
        stats_out->refused += atomic_load(&lane->refused);
        stats_out->refused_full += atomic_load(&lane->refused_full);
        stats_out->refused_lane += atomic_load(&lane->refused_lane);
        stats_out->stale += atomic_load(&lane->stale);
    }
}
