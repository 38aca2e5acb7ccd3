/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring: shared memory between producers and the one writer.
 *
 *    +--------+--------------------+---------+---------+-- ... --+
 *    | header | lane headers (256) | lane 0  | lane 1  |         |
 *    +--------+--------------------+---------+---------+-- ... --+
 *
 * WHY A LANE PER PRODUCER. A producer may be killed between any two
 * instructions. In a ring with many producers a killed one leaves a hole
 * that stalls all others or must be guessed away; in its own lane the
 * record it did not finish is simply not there, because `head` never moved.
 *
 * WHY INCARNATIONS. A lane outlives its producers. Each claim takes a number
 * that never repeats (epoch of the ring, counter in it), so that (lane,
 * sequence) names a record for ever and the writer can tell, after its own
 * death, what it has written already.
 *
 * WHAT IT DOES NOT DO. It knows no process, file or clock: who owns a lane is
 * a number, and whether that owner lives is decided in writer/.
 */
#include "journal.h"

static uint64_t
data_offset(uint32_t lanes)
{
    uint64_t end =
        WEIR__RING_HEADER + (uint64_t)lanes * sizeof(struct weir_shared_lane);
    return (end + 4095) & ~UINT64_C(4095);
}

static bool
is_lane_size(uint32_t bytes)
{
    return bytes >= WEIR_LANE_BYTES_MIN && bytes <= WEIR_LANE_BYTES_MAX &&
           (bytes & (bytes - 1)) == 0;
}

struct weir_shared_lane *
weir__ring_lane(const struct weir_ring *ring, uint32_t lane)
{
    WEIR_ASSERT(lane < ring->lanes);
    char *base = (char *)(uintptr_t)ring + WEIR__RING_HEADER;
    return (struct weir_shared_lane *)(void *)base + lane;
}

uint64_t
weir_ring_bytes(uint32_t lanes, uint32_t lane_bytes)
{
    return data_offset(lanes) + (uint64_t)lanes * lane_bytes;
}

void
weir_ring_init(void *memory, uint32_t lanes, uint32_t lane_bytes,
               uint32_t epoch, const uint8_t boot[16], weir_time now)
{
    struct weir_ring *ring = memory;
    WEIR_ASSERT(lanes >= 1 && lanes <= WEIR_LANES_MAX + 1);
    WEIR_ASSERT(is_lane_size(lane_bytes));
    ring->version = WEIR__RING_VERSION;
    ring->lanes = lanes;
    ring->lane_bytes = lane_bytes;
    ring->epoch = epoch;
    memcpy(ring->boot, boot, sizeof(ring->boot));
    ring->created_at = now;
    atomic_store(&ring->state, WEIR_JOURNAL_STARTING);
    atomic_store(&ring->magic, WEIR__RING_MAGIC);
}

weir_status
weir_ring_check(void *memory, uint64_t size, struct weir_ring **ring_out,
                struct weir_error *err)
{
    struct weir_ring *ring = memory;
    if (size < WEIR__RING_HEADER ||
        atomic_load(&ring->magic) != WEIR__RING_MAGIC)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "not a journal ring");
    if (ring->version != WEIR__RING_VERSION)
        return weir_fail(err, WEIR_EVERSION, WEIR_OFFSET_NONE,
                         "journal ring of version %u, this build has %u",
                         ring->version, WEIR__RING_VERSION);
    if (ring->lanes < 1 || ring->lanes > WEIR_LANES_MAX + 1 ||
        !is_lane_size(ring->lane_bytes) ||
        size != weir_ring_bytes(ring->lanes, ring->lane_bytes))
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "journal ring: sizes do not fit");
    *ring_out = ring;
    return WEIR_OK;
}

uint32_t
weir_ring_lanes(const struct weir_ring *ring)
{
    return ring->lanes;
}

uint32_t
weir_ring_epoch(const struct weir_ring *ring)
{
    return ring->epoch;
}

const uint8_t *
weir_ring_boot(const struct weir_ring *ring)
{
    return ring->boot;
}

uint64_t
weir_ring_lane_offset(const struct weir_ring *ring, uint32_t lane)
{
    return data_offset(ring->lanes) + (uint64_t)lane * ring->lane_bytes;
}

uint32_t
weir_ring_lane_bytes(const struct weir_ring *ring)
{
    return ring->lane_bytes;
}

uint64_t
weir_ring_next_incarnation(struct weir_ring *ring)
{
    uint64_t count = atomic_fetch_add(&ring->counter, 1) + 1;
    return (uint64_t)ring->epoch << 32 | (count & UINT32_MAX);
}

void
weir_ring_set_state(struct weir_ring *ring, enum weir_journal_state state)
{
    atomic_store(&ring->state, state);
}

enum weir_journal_state
weir_journal_state(const struct weir_ring *ring)
{
    return (enum weir_journal_state)atomic_load_explicit(&ring->state,
                                                         memory_order_relaxed);
}

static bool
claim_lane(struct weir_ring *ring, uint32_t index, uint64_t owner,
           struct weir_journal_lane *lane_out)
{
    struct weir_shared_lane *shared = weir__ring_lane(ring, index);
    uint64_t nobody = 0;
    if (!atomic_compare_exchange_strong(&shared->owner, &nobody, owner))
        return false;
    /* A free lane is drained: head == durable, and nobody moves either. */
    uint64_t head = atomic_load(&shared->head);
    uint64_t incarnation = weir_ring_next_incarnation(ring);
    atomic_store(&shared->want, 0);
    atomic_store(&shared->urgent, head);
    atomic_store(&shared->incarnation, incarnation);
    *lane_out = (struct weir_journal_lane){
        .ring = ring,
        .shared = shared,
        .bytes = (char *)ring + weir_ring_lane_offset(ring, index),
        .capacity = ring->lane_bytes,
        .head = head,
        .durable_seen = head,
        .incarnation = incarnation,
        .index = index,
    };
    return true;
}

weir_status
weir_ring_claim(struct weir_ring *ring, uint64_t owner, bool is_control,
                struct weir_journal_lane *lane_out, struct weir_error *err)
{
    WEIR_ASSERT(owner != 0 && (owner & WEIR__OWNER_RELEASED) == 0);
    for (uint32_t i = is_control ? 0 : 1; i < ring->lanes; i++)
        if (claim_lane(ring, i, owner, lane_out))
            return WEIR_OK;
    return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                     "all %u lanes of the journal are taken", ring->lanes);
}

void
weir_ring_release(struct weir_journal_lane *lane)
{
    atomic_fetch_or(&lane->shared->owner, WEIR__OWNER_RELEASED);
    lane->shared = NULL;
}

uint64_t
weir_ring_owner(const struct weir_ring *ring, uint32_t lane,
                bool *is_released_out)
{
    uint64_t owner = atomic_load(&weir__ring_lane(ring, lane)->owner);
    *is_released_out = (owner & WEIR__OWNER_RELEASED) != 0;
    return owner & ~WEIR__OWNER_RELEASED;
}

uint64_t
weir_ring_published(const struct weir_ring *ring, uint32_t lane)
{
    return atomic_load(&weir__ring_lane(ring, lane)->head);
}

/* What is given up will never be there: nobody is to wait for it. */
bool
weir_ring_is_durable(const struct weir_ring *ring, uint32_t lane,
                     uint64_t position)
{
    struct weir_shared_lane *shared = weir__ring_lane(ring, lane);
    return atomic_load(&shared->damaged) != 0 ||
           (int64_t)(atomic_load(&shared->durable) - position) >= 0;
}

uint32_t *
weir_ring_bell(struct weir_ring *ring)
{
    return (uint32_t *)&ring->bell;
}

void
weir_ring_set_sleep(struct weir_ring *ring, enum weir_sleep depth)
{
    atomic_store(&ring->sleep, depth);
}

bool
weir_ring_wake(struct weir_ring *ring)
{
    atomic_fetch_add(&ring->bell, 1);
    return atomic_exchange(&ring->sleep, WEIR_AWAKE) != WEIR_AWAKE;
}

/* A seqlock: one writer, readers that try again. */
void
weir_ring_status_write(struct weir_ring *ring,
                       const struct weir_journal_status *status)
{
    uint64_t words[WEIR__STATUS_WORDS];
    memcpy(words, status, sizeof(words));
    /* A writer killed half-way left an odd turn: start from the even below */
    uint64_t turn = atomic_load(&ring->status_turn) & ~UINT64_C(1);
    atomic_store(&ring->status_turn, turn + 1);
    for (size_t i = 0; i < WEIR__STATUS_WORDS; i++)
        atomic_store_explicit(&ring->status[i], words[i], memory_order_release);
    atomic_store(&ring->status_turn, turn + 2);
}

void
weir_ring_status_read(const struct weir_ring *ring,
                      struct weir_journal_status *status_out)
{
    uint64_t words[WEIR__STATUS_WORDS];
    uint64_t before;
    uint64_t after;
    int tries = 0;
    do {
        before = atomic_load(&ring->status_turn);
        for (size_t i = 0; i < WEIR__STATUS_WORDS; i++)
            words[i] =
                atomic_load_explicit(&ring->status[i], memory_order_acquire);
        after = atomic_load(&ring->status_turn);
        /* a writer killed half-way leaves the turn odd: figures from two
         * moments are better than none */
    } while ((before != after || (before & 1) != 0) && ++tries < 10000);
    memcpy(status_out, words, sizeof(words));
}
