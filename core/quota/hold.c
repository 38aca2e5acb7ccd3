/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holding, settling and releasing, so that a worker may be killed anywhere.
 *
 * Each counter has two words: `total` (used and held), which alone admits,
 * and `used`, which is reported. A hold adds to `total`; settling adds the
 * difference to `total` and the actual amount to `used`; releasing takes it
 * out of `total` again. One word admits, so a limit cannot be passed between
 * two reads.
 *
 * A live call has an entry in its worker's lane: which counters, how much,
 * and how far the walk over them has come. The order of writes:
 *
 *     hold      entry, HELD 0;  total[0] +;  HELD 1;  total[1] +;  HELD 2 ...
 *     release   HELD n-1;  total[n-1] -;  HELD n-2; ...  FREE
 *     settle    SETTLING 0;  total[0];  SETTLING 1;  used[0];  SETTLING 2 ...
 *
 * WHY THIS ORDER. A kill between two writes leaves exactly one counter of
 * which the entry does not know whether it was changed. On the way up the
 * step comes after the sum, on the way down before it: in doubt nothing is
 * taken out, so the error is one hold too much, never one too little. When
 * settling, a sum that had to grow is grown in doubt; one that had to shrink
 * is left.
 *
 * POOLS. A member's sum is its own word; the pool's rest is another, which
 * follows from the members' words by what each compare-and-swap of theirs
 * moved above the reserve. The entry lists the member alone: whoever walks it
 * back finds the rest's part again by the same rule. A kill between the two
 * words leaves the rest too full by one call at most, until its window ends.
 *
 * WHAT IT DOES NOT DO. It does not find out who is dead: control does. It
 * does not expire holds by age: a stream may be long, and a live worker
 * always ends its holds.
 */
#include "quota_internal.h"

#include <string.h>

static uint32_t
progress_of(enum quota_phase phase, uint32_t step)
{
    return (uint32_t)phase << 16 | step;
}

static void
set_progress(struct quota_entry *entry, enum quota_phase phase, uint32_t step)
{
    /* every change of a counter is a full barrier on both sides */
    atomic_store_explicit(&entry->progress, progress_of(phase, step),
                          memory_order_release);
}

static void
count_up(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* ------------------------------------------------------- one counter */

static struct quota_slot *
slot_of(const struct weir_quota *quota, const struct quota_item *item)
{
    return &quota_slots(quota)[item->slot & (quota->slots - 1)];
}

/* Adds within the window of `item`, which moves on to a later one that
 * another worker has begun: its clock is ahead of ours by a moment. */
static bool
reserve(struct weir_quota *quota, struct quota_item *item, int64_t amount,
        const weir_quota_limit *limit, int64_t *sum_out)
{
    _Atomic uint64_t *total = &slot_of(quota, item)->total;
    weir_quota_window window = item->window;
    uint64_t old = atomic_load(total);

    for (;;) {
        uint32_t number = quota_number_of(window, old);
        int64_t sum = 0;
        if (number >= item->number) {
            sum = quota_amount_of(window, old);
            item->number = number;
        }
        *sum_out = sum;
        if (limit->is_hard && amount > 0 && amount > limit->amount - sum)
            return false;
        if (amount > weir_quota_amount_max(window) - sum)
            return false; /* a soft limit's window that cannot count it */
        if (atomic_compare_exchange_weak(
                total, &old, quota_pack(window, item->number, sum + amount)))
            return true;
    }
}

/* What of a member's sum is above its reserve: the pool's rest has it. */
static int64_t
above(int64_t sum, int64_t reserve)
{
    return sum > reserve ? sum - reserve : 0;
}

/*
 * Changes a sum by `delta` if it still belongs to the window of `item`.
 * Returns by how much what is above `reserve` has changed: a sum that grows
 * from one compare-and-swap to the next tells each of them its own part, and
 * the parts add up to the whole, whoever made them.
 */
static int64_t
adjust(struct weir_quota *quota, const struct quota_item *item,
       _Atomic uint64_t *word, _Atomic uint64_t *last, int64_t delta,
       bool is_begun)
{
    weir_quota_window window = item->window;
    int64_t max = weir_quota_amount_max(window);
    uint64_t old = atomic_load(word);
    uint32_t number;
    bool is_clipped;
    int64_t before;
    int64_t sum;

    do {
        number = quota_number_of(window, old);
        before = quota_amount_of(window, old);
        if (number > item->number || (number < item->number && !is_begun))
            return 0;
        if (number < item->number)
            before = 0;
        is_clipped = delta > max - before || delta < -before;
        sum = delta > max - before ? max : delta < -before ? 0 : before + delta;
    } while (!atomic_compare_exchange_weak(
        word, &old, quota_pack(window, item->number, sum)));
    if (is_clipped)
        count_up(&quota->saturated);
    if (last != NULL && number < item->number && number > 0)
        atomic_store_explicit(last, old, memory_order_relaxed);
    return above(sum, item->reserve) - above(before, item->reserve);
}

void
quota_add(struct weir_quota *quota, _Atomic uint64_t *word,
          weir_quota_window window, uint32_t number, int64_t delta)
{
    const struct quota_item item = {.number = number,
                                    .window = (uint8_t)window};
    adjust(quota, &item, word, NULL, delta, true);
}

/* The rest of the member's pool, in the member's window. */
static struct quota_item
rest_of(const struct quota_item *item)
{
    return (struct quota_item){.slot = item->pool,
                               .number = item->number,
                               .pool = QUOTA_INDEX_NONE,
                               .metric = item->metric,
                               .window = item->window};
}

static void
adjust_total(struct weir_quota *quota, const struct quota_item *item,
             int64_t delta)
{
    struct quota_slot *slot = slot_of(quota, item);
    int64_t part = adjust(quota, item, &slot->total, NULL, delta, false);
    if (item->pool == QUOTA_INDEX_NONE || part == 0)
        return;
    const struct quota_item rest = rest_of(item);
    adjust(quota, &rest, &slot_of(quota, &rest)->total, NULL, part, true);
}

static void
adjust_used_of(struct weir_quota *quota, const struct quota_item *item,
               int64_t delta, bool is_begun)
{
    struct quota_slot *slot = slot_of(quota, item);
    int64_t part =
        adjust(quota, item, &slot->used, &slot->last, delta, is_begun);
    if (item->pool == QUOTA_INDEX_NONE || part == 0)
        return;
    const struct quota_item rest = rest_of(item);
    slot = slot_of(quota, &rest);
    adjust(quota, &rest, &slot->used, &slot->last, part, is_begun);
}

static void
adjust_used(struct weir_quota *quota, const struct quota_item *item,
            int64_t delta)
{
    adjust_used_of(quota, item, delta, true);
}

/*
 * A member of a pool: what goes above its reserve is taken from the rest
 * before the member's own sum changes, so that a kill in between leaves the
 * rest too small, never too large.
 */
static bool
reserve_member(struct weir_quota *quota, struct quota_item *item,
               int64_t amount, const weir_quota_limit *limit,
               const weir_quota_limit *shared, int64_t *sum_out)
{
    _Atomic uint64_t *total = &slot_of(quota, item)->total;
    weir_quota_window window = item->window;
    struct quota_item rest = rest_of(item);
    uint64_t old = atomic_load(total);
    int64_t taken = 0;

    for (;;) {
        uint32_t number = quota_number_of(window, old);
        int64_t sum = 0;
        int64_t ignored;
        if (number >= item->number) {
            sum = quota_amount_of(window, old);
            item->number = number;
        }
        *sum_out = sum;
        if (amount > weir_quota_amount_max(window) - sum)
            break;
        int64_t part =
            above(sum + amount, limit->reserve) - above(sum, limit->reserve);
        if (part > taken) {
            rest.number = item->number;
            if (!reserve(quota, &rest, part - taken, shared, &ignored))
                break;
            taken = part;
            if (rest.number > item->number) {
                item->number = rest.number; /* a later window has begun */
                continue;
            }
        } else if (part < taken) {
            adjust(quota, &rest, &slot_of(quota, &rest)->total, NULL,
                   part - taken, false);
            taken = part;
        }
        if (atomic_compare_exchange_weak(
                total, &old, quota_pack(window, item->number, sum + amount)))
            return true;
    }
    if (taken > 0)
        adjust(quota, &rest, &slot_of(quota, &rest)->total, NULL, -taken,
               false);
    return false;
}

/* ---------------------------------------------------- walks of an entry */

/* Takes items [0, step) out of their totals. */
static void
walk_back(struct weir_quota *quota, struct quota_entry *entry, uint32_t step)
{
    while (step > 0) {
        const struct quota_item *item = &entry->items[--step];
        set_progress(entry, QUOTA_HELD, step);
        if (!item->is_rest)
            adjust_total(quota, item, -entry->estimate.of[item->metric]);
    }
}

/* What the call took of this counter. */
static int64_t
actual_of(const struct quota_entry *entry, uint32_t index)
{
    return (entry->applies >> index & 1) != 0
               ? entry->actual.of[entry->items[index].metric]
               : 0;
}

static void
walk_settle(struct weir_quota *quota, struct quota_entry *entry, uint32_t step)
{
    for (; step < 2 * entry->count; step++) {
        const struct quota_item *item = &entry->items[step / 2];
        int64_t actual = actual_of(entry, step / 2);
        if (item->is_rest)
            ; /* its members' steps count it */
        else if (step % 2 == 0)
            adjust_total(quota, item,
                         actual - entry->estimate.of[item->metric]);
        else
            adjust_used(quota, item, actual);
        set_progress(entry, QUOTA_SETTLING, step + 1);
    }
}

/* ------------------------------------------------------------- lanes */

static struct quota_entry *
entry_take(struct weir_quota *quota, struct quota_lane *lane,
           uint32_t *index_out)
{
    struct quota_entry *entries = quota_entries(lane);
    uint32_t index = lane->free_head;
    if (index != QUOTA_INDEX_NONE) {
        lane->free_head = entries[index].next;
    } else {
        index = atomic_load_explicit(&lane->fresh, memory_order_relaxed);
        if (index >= quota->entries)
            return NULL;
        /* before the entry is written: recovery looks below `fresh` */
        atomic_store(&lane->fresh, index + 1);
    }
    *index_out = index;
    atomic_fetch_add_explicit(&lane->live, 1, memory_order_relaxed);
    return &entries[index];
}

static void
entry_give(struct quota_lane *lane, struct quota_entry *entry)
{
    set_progress(entry, QUOTA_FREE, 0);
    entry->next = lane->free_head;
    lane->free_head = (uint32_t)(entry - quota_entries(lane));
    atomic_fetch_sub_explicit(&lane->live, 1, memory_order_relaxed);
}

static bool
recover_entry(struct weir_quota *quota, struct quota_entry *entry,
              weir_quota_on_hold *on_hold, void *context)
{
    uint32_t progress = atomic_load(&entry->progress);
    uint32_t step = progress & 0xFFFF;

    switch ((enum quota_phase)(progress >> 16)) {
    case QUOTA_HELD:
        entry->actual = entry->estimate;
        entry->applies = UINT32_MAX;
        /* with fewer steps the call was not yet, or no longer, admitted */
        if (step == entry->count && on_hold != NULL &&
            on_hold(context, entry->call, entry->held_at, &entry->actual)) {
            set_progress(entry, QUOTA_SETTLING, 0);
            walk_settle(quota, entry, 0);
        } else {
            walk_back(quota, entry, step);
        }
        break;
    case QUOTA_SETTLING:
        if (step < 2 * entry->count) {
            const struct quota_item *item = &entry->items[step / 2];
            int64_t delta =
                actual_of(entry, step / 2) - entry->estimate.of[item->metric];
            if (step % 2 == 0 && delta > 0 && !item->is_rest)
                adjust_total(quota, item, delta);
            step++;
            set_progress(entry, QUOTA_SETTLING, step);
        }
        walk_settle(quota, entry, step);
        break;
    case QUOTA_FREE:
    case QUOTA_FORGOTTEN:
    default:
        set_progress(entry, QUOTA_FREE, 0);
        return false;
    }
    set_progress(entry, QUOTA_FREE, 0);
    count_up(&quota->recovered);
    return true;
}

static uint32_t
recover_entries(struct weir_quota *quota, struct quota_lane *lane,
                weir_quota_on_hold *on_hold, void *context)
{
    struct quota_entry *entries = quota_entries(lane);
    uint32_t fresh = atomic_load(&lane->fresh);
    uint32_t ended = 0;

    for (uint32_t i = 0; i < fresh && i < quota->entries; i++)
        if (recover_entry(quota, &entries[i], on_hold, context))
            ended++;
    lane->free_head = QUOTA_INDEX_NONE;
    atomic_store(&lane->fresh, 0);
    atomic_store(&lane->live, 0);
    return ended;
}

bool
weir_quota_lane_open(struct weir_quota *quota, uint32_t lane, uint32_t owner)
{
    struct quota_lane *head = quota_lane_at(quota, lane);
    uint32_t former = atomic_load(&head->owner);

    WEIR_ASSERT(owner != 0 && (owner & QUOTA_RECOVERING) == 0);
    if ((former & QUOTA_RECOVERING) != 0 &&
        former != (owner | QUOTA_RECOVERING))
        return false;
    if (!atomic_compare_exchange_strong(&head->owner, &former,
                                        owner | QUOTA_RECOVERING))
        return false;
    recover_entries(quota, head, NULL, NULL);
    atomic_store(&head->owner, owner);
    return true;
}

uint32_t
weir_quota_lane_owner(const struct weir_quota *quota, uint32_t lane)
{
    return atomic_load(&quota_lane_at(quota, lane)->owner) & ~QUOTA_RECOVERING;
}

void
weir_quota_lane_close(struct weir_quota *quota, uint32_t lane)
{
    struct quota_lane *head = quota_lane_at(quota, lane);
    recover_entries(quota, head, NULL, NULL);
    atomic_store(&head->owner, 0);
}

uint32_t
weir_quota_recover_lane(struct weir_quota *quota, uint32_t lane, uint32_t dead,
                        uint32_t self, weir_quota_on_hold *on_hold,
                        void *context)
{
    struct quota_lane *head = quota_lane_at(quota, lane);
    uint32_t former = atomic_load(&head->owner);

    WEIR_ASSERT(self != 0 && (self & QUOTA_RECOVERING) == 0);
    if (dead == 0 || (former & ~QUOTA_RECOVERING) != dead ||
        !atomic_compare_exchange_strong(&head->owner, &former,
                                        self | QUOTA_RECOVERING))
        return 0;
    uint32_t ended = recover_entries(quota, head, on_hold, context);
    atomic_store(&head->owner, 0);
    return ended;
}

uint32_t
weir_quota_lane_held(const struct weir_quota *quota, uint32_t lane)
{
    return atomic_load(&quota_lane_at(quota, lane)->live);
}

/* ------------------------------------------------------- a call's way */

static bool
take(struct weir_quota *quota, struct quota_item *item,
     const weir_quota_limit *limits, size_t index, int64_t amount,
     int64_t *sum_out)
{
    const weir_quota_limit *limit = &limits[index];
    *sum_out = 0;
    if (limit->is_rest)
        return true; /* its members take from it */
    if (limit->pool != 0)
        return reserve_member(quota, item, amount, limit,
                              &limits[limit->pool - 1], sum_out);
    return reserve(quota, item, amount, limit, sum_out);
}

static weir_status
refuse(struct weir_quota *quota, const struct quota_item *item,
       const weir_quota_limit *limits, size_t index, int64_t amount,
       int64_t sum, weir_quota_refusal *refusal_out, struct weir_error *err)
{
    const weir_quota_limit *limit = &limits[index];
    struct quota_slot *slot = slot_of(quota, item);
    weir_time starts_at;
    weir_time ends_at;
    uint64_t used = atomic_load(&slot->used);
    int64_t used_amount = quota_number_of(item->window, used) == item->number
                              ? quota_amount_of(item->window, used)
                              : 0;

    count_up(&slot->refused);
    if (item->pool != QUOTA_INDEX_NONE) {
        const struct quota_item rest = rest_of(item);
        count_up(&slot_of(quota, &rest)->refused);
    }
    quota_window_bounds(item->window, item->number, &starts_at, &ends_at);
    if (refusal_out != NULL) {
        refusal_out->limit = (uint32_t)index;
        refusal_out->is_never =
            limit->pool == 0
                ? amount > limit->amount
                : amount - limit->reserve > limits[limit->pool - 1].amount;
        refusal_out->used = used_amount < sum ? used_amount : sum;
        refusal_out->held = sum - refusal_out->used;
        refusal_out->reopens_at = ends_at;
    }
    bool is_rate =
        item->window == WEIR_QUOTA_MINUTE || item->window == WEIR_QUOTA_HOUR;
    return weir_fail(err, is_rate ? WEIR_ERATE : WEIR_EBUDGET, WEIR_OFFSET_NONE,
                     "%s of this %s are used up",
                     weir_quota_metric_name(item->metric),
                     weir_quota_window_name(item->window));
}

/* Writes what the entry will hold; nothing is counted yet. */
static bool
prepare(struct weir_quota *quota, struct quota_entry *entry, uint64_t call,
        const weir_quota_limit *limits, size_t count,
        const weir_quota_amounts *estimate, weir_time now)
{
    for (size_t i = 0; i < count; i++) {
        struct quota_item *item = &entry->items[i];
        item->metric = limits[i].metric;
        item->window = limits[i].window;
        item->slot =
            quota_slot_claim(quota, limits[i].subject, limits[i].metric,
                             limits[i].window, limits[i].is_minor);
        if (item->slot == QUOTA_INDEX_NONE)
            return false;
        item->number = quota_window_number(
            item->window, now + limits[i].offset_s * WEIR_US_PER_SEC);
        item->reserve = limits[i].reserve;
        item->is_rest = limits[i].is_rest;
        item->pool = QUOTA_INDEX_NONE;
    }
    for (size_t i = 0; i < count; i++) {
        if (limits[i].pool == 0)
            continue;
        WEIR_ASSERT(limits[i].pool <= count &&
                    limits[limits[i].pool - 1].is_rest);
        entry->items[i].pool = entry->items[limits[i].pool - 1].slot;
    }
    entry->applies = UINT32_MAX;
    entry->count = (uint32_t)count;
    entry->call = call;
    entry->held_at = now;
    entry->estimate = *estimate;
    set_progress(entry, QUOTA_HELD, 0);
    return true;
}

weir_status
weir_quota_hold(struct weir_quota *quota, uint32_t lane, uint64_t call,
                const weir_quota_limit *limits, size_t count,
                const weir_quota_amounts *estimate, weir_time now,
                weir_hold *hold_out, uint32_t *passed_out,
                weir_quota_refusal *refusal_out, struct weir_error *err)
{
    struct quota_lane *head = quota_lane_at(quota, lane);
    struct quota_entry *entry;
    uint32_t index;
    uint32_t passed = 0;

    WEIR_ASSERT(count <= WEIR_QUOTA_LIMITS_MAX && call != 0);
    if (weir_quota_is_rebuilding(quota))
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "the budget counters are being rebuilt");
    entry = entry_take(quota, head, &index);
    if (entry == NULL) {
        count_up(&head->refused_lane);
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "this worker has %u calls under way", quota->entries);
    }
    if (!prepare(quota, entry, call, limits, count, estimate, now)) {
        entry_give(head, entry);
        count_up(&head->refused_full);
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "no counter is free for a new budget");
    }
    for (uint32_t i = 0; i < count; i++) {
        int64_t amount = estimate->of[limits[i].metric];
        int64_t sum;
        WEIR_ASSERT(amount >= 0);
        if (!take(quota, &entry->items[i], limits, i, amount, &sum)) {
            weir_status status = refuse(quota, &entry->items[i], limits, i,
                                        amount, sum, refusal_out, err);
            walk_back(quota, entry, i);
            entry_give(head, entry);
            count_up(&head->refused);
            return status;
        }
        set_progress(entry, QUOTA_HELD, i + 1);
        if (!limits[i].is_rest && limits[i].pool == 0 &&
            amount > limits[i].amount - sum)
            passed |= UINT32_C(1) << i;
    }
    count_up(&head->holds);
    *hold_out = (weir_hold){.call = call, .lane = lane, .entry = index};
    if (passed_out != NULL)
        *passed_out = passed;
    return WEIR_OK;
}

/* The entry of a live hold, or NULL (counted) when it is no longer that. */
static struct quota_entry *
entry_of(struct weir_quota *quota, weir_hold hold, struct quota_lane **lane_out)
{
    struct quota_lane *lane = quota_lane_at(quota, hold.lane);
    struct quota_entry *entry;
    *lane_out = lane;
    if (hold.entry < quota->entries) {
        entry = &quota_entries(lane)[hold.entry];
        uint32_t phase = atomic_load(&entry->progress) >> 16;
        if (entry->call == hold.call && phase == QUOTA_HELD)
            return entry;
        if (entry->call == hold.call && phase == QUOTA_FORGOTTEN)
            entry_give(lane, entry);
    }
    count_up(&lane->stale);
    return NULL;
}

void
weir_quota_settle(struct weir_quota *quota, weir_hold hold,
                  const weir_quota_amounts *actual)
{
    weir_quota_settle_some(quota, hold, actual, UINT32_MAX);
}

void
weir_quota_settle_some(struct weir_quota *quota, weir_hold hold,
                       const weir_quota_amounts *actual, uint32_t applies)
{
    struct quota_lane *lane;
    struct quota_entry *entry = entry_of(quota, hold, &lane);
    if (entry == NULL)
        return;
    for (size_t i = 0; i < WEIR_QUOTA_METRICS; i++)
        WEIR_ASSERT(actual->of[i] >= 0);
    entry->actual = *actual;
    entry->applies = applies;
    set_progress(entry, QUOTA_SETTLING, 0);
    walk_settle(quota, entry, 0);
    entry_give(lane, entry);
}

void
weir_quota_release(struct weir_quota *quota, weir_hold hold)
{
    struct quota_lane *lane;
    struct quota_entry *entry = entry_of(quota, hold, &lane);
    if (entry == NULL)
        return;
    walk_back(quota, entry, entry->count);
    entry_give(lane, entry);
}

void
weir_quota_correct(struct weir_quota *quota, const weir_quota_limit *limits,
                   size_t count, weir_time when,
                   const weir_quota_amounts *delta)
{
    struct quota_item items[WEIR_QUOTA_LIMITS_MAX];
    WEIR_ASSERT(count <= WEIR_QUOTA_LIMITS_MAX);
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct quota_item){
            .slot = quota_slot_claim(quota, limits[i].subject, limits[i].metric,
                                     limits[i].window, limits[i].is_minor),
            .number = quota_window_number(
                limits[i].window, when + limits[i].offset_s * WEIR_US_PER_SEC),
            .metric = limits[i].metric,
            .window = limits[i].window,
            .reserve = limits[i].reserve,
            .pool = QUOTA_INDEX_NONE,
            .is_rest = limits[i].is_rest,
        };
    }
    for (size_t i = 0; i < count; i++) {
        int64_t change = delta->of[limits[i].metric];
        if (limits[i].pool != 0)
            items[i].pool = items[limits[i].pool - 1].slot;
        if (change == 0 || items[i].is_rest ||
            items[i].slot == QUOTA_INDEX_NONE)
            continue;
        adjust_total(quota, &items[i], change);
        adjust_used_of(quota, &items[i], change, false);
    }
}
