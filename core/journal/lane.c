/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ends of a lane.
 *
 *        durable            cursor             head
 *    -------+------------------+----------------+--------> positions
 *     free  | being flushed    | published      | free
 *
 * Positions count bytes and never wrap; the place in memory is the position
 * modulo the lane's size. A record is never split: where the rest of the
 * memory is too short for it, a pad marker fills that rest.
 *
 * ORDER OF WRITES. The producer fills a record and then stores `head`; the
 * writer flushes a batch and then stores `durable`. Whoever dies between the
 * two has done nothing.
 *
 * WAKING, both ways, is the same protocol: say what you wait for, then look
 * once more; the other side acts, then looks whether somebody waits. Both
 * use sequentially consistent stores and loads, so one of the two sees the
 * other. `want` holds the position of the longest waiter, so that a batch
 * that does not contain it wakes nobody.
 */
#include "journal.h"

static bool
is_reached(uint64_t position, uint64_t wanted)
{
    return (int64_t)(position - wanted) >= 0;
}

/* The others are the writer's. */
static bool
is_of_lanes(enum weir_record_kind kind)
{
    return (kind >= WEIR_RECORD_INTENT && kind <= WEIR_RECORD_IMAGE) ||
           kind == WEIR_RECORD_KEPT || kind == WEIR_RECORD_LINES;
}

static bool
is_new_work(enum weir_record_kind kind)
{
    return kind == WEIR_RECORD_INTENT || kind == WEIR_RECORD_REFUSAL ||
           kind == WEIR_RECORD_ADMIN || kind == WEIR_RECORD_LINES;
}

/* Room for `need` bytes, `kept` of which stay free? Asks the writer's side
 * only when the position seen last is not enough. */
static bool
has_room(struct weir_journal_lane *lane, uint64_t need, uint64_t kept)
{
    if (need + kept <= lane->capacity - (lane->head - lane->durable_seen))
        return true;
    lane->durable_seen = atomic_load(&lane->shared->durable);
    return need + kept <= lane->capacity - (lane->head - lane->durable_seen);
}

static bool
wants_writer(const struct weir_journal_lane *lane, enum weir_tier tier)
{
    uint32_t depth = atomic_load(&lane->ring->sleep);
    if (depth == WEIR_AWAKE)
        return false;
    return depth == WEIR_SLEEPING || tier == WEIR_TIER_DURABLE ||
           lane->head - lane->durable_seen >= lane->capacity / 4;
}

weir_status
weir_journal_append(struct weir_journal_lane *lane, enum weir_record_kind kind,
                    uint8_t version, const weir_span *parts, size_t part_count,
                    enum weir_tier tier, weir_time now,
                    weir_journal_mark *mark_out, struct weir_error *err)
{
    WEIR_ASSERT(lane->shared != NULL);
    WEIR_ASSERT(is_of_lanes(kind));
    size_t payload = 0;
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].len > WEIR_RECORD_PAYLOAD_MAX - payload)
            return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                             "a journal record of over %u bytes",
                             WEIR_RECORD_PAYLOAD_MAX);
        payload += parts[i].len;
    }
    if (weir_journal_is_damaged(lane))
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "the journal's lane is damaged");
    enum weir_journal_state state = weir_journal_state(lane->ring);
    if (is_new_work(kind) &&
        (state == WEIR_JOURNAL_NO_SPACE || state == WEIR_JOURNAL_IO_ERROR))
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         state == WEIR_JOURNAL_NO_SPACE
                             ? "the journal has no space on its disk"
                             : "the journal cannot write to its disk");

    uint64_t bytes = WEIR_RECORD_BYTES(payload);
    uint64_t offset = lane->head & (lane->capacity - 1);
    uint64_t to_end = lane->capacity - offset;
    uint64_t pad = to_end < bytes ? to_end : 0;
    if (!has_room(lane, pad + bytes,
                  is_new_work(kind) ? lane->capacity / 4 : 0))
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "the journal's lane is full: its writer is behind");
    if (pad > 0) {
        weir__store32(lane->bytes + offset, (uint32_t)pad);
        weir__store32(lane->bytes + offset + 4, WEIR__KIND_PAD);
        offset = 0;
    }
    struct weir_record header = {.kind = kind,
                                 .version = version,
                                 .lane = lane->incarnation,
                                 .sequence = lane->sequence + 1,
                                 .time = now};
    weir_record_write(lane->bytes + offset, &header, parts, part_count);
    lane->sequence++;
    lane->head += pad + bytes;
    if (tier == WEIR_TIER_DURABLE)
        atomic_store_explicit(&lane->shared->urgent, lane->head,
                              memory_order_relaxed);
    atomic_store(&lane->shared->head, lane->head);
    *mark_out = (weir_journal_mark){
        .position = lane->head,
        .lane = lane->incarnation,
        .sequence = lane->sequence,
        .wake_writer = wants_writer(lane, tier),
    };
    return WEIR_OK;
}

bool
weir_journal_is_damaged(const struct weir_journal_lane *lane)
{
    return atomic_load_explicit(&lane->shared->damaged, memory_order_relaxed) !=
           0;
}

bool
weir_journal_is_durable(const struct weir_journal_lane *lane, uint64_t position)
{
    return is_reached(
        atomic_load_explicit(&lane->shared->durable, memory_order_acquire),
        position);
}

bool
weir_journal_want(struct weir_journal_lane *lane, uint64_t position)
{
    atomic_store(&lane->shared->want, position);
    if (!is_reached(atomic_load(&lane->shared->durable), position))
        return false;
    /* The writer may have taken the wish already; its byte then comes
     * without need, which callers allow. */
    uint64_t mine = position;
    atomic_compare_exchange_strong(&lane->shared->want, &mine, 0);
    return true;
}

void
weir_drain_init(struct weir_journal_drain *drain, struct weir_ring *ring,
                uint32_t lane)
{
    struct weir_shared_lane *shared = weir__ring_lane(ring, lane);
    *drain = (struct weir_journal_drain){
        .shared = shared,
        .bytes = (const char *)ring + weir_ring_lane_offset(ring, lane),
        .capacity = ring->lane_bytes,
        .ring = ring,
        .cursor = atomic_load(&shared->durable),
        .incarnation = atomic_load(&shared->incarnation),
        .is_any_sequence = true,
        .is_given_up = atomic_load(&shared->damaged) != 0,
    };
}

/* The record at the cursor, after any pad. A worker gone wild can have
 * written anything here, so everything is checked. */
static enum weir_drain_result
read_at_cursor(struct weir_journal_drain *drain, uint64_t head,
               struct weir_record *record_out, uint64_t *end_out)
{
    uint64_t left = head - drain->cursor;
    uint64_t offset = drain->cursor & (drain->capacity - 1);
    uint64_t to_end = drain->capacity - offset;

    if (left > drain->capacity || left % 8 != 0 || offset % 8 != 0)
        return WEIR_DRAIN_DAMAGED;
    if ((uint8_t)drain->bytes[offset + 4] == WEIR__KIND_PAD) {
        if (weir__load32(drain->bytes + offset) != to_end || to_end >= left)
            return WEIR_DRAIN_DAMAGED;
        left -= to_end;
        offset = 0;
        to_end = drain->capacity;
    }
    weir_span bytes = {drain->bytes + offset, left < to_end ? left : to_end};
    if (weir_record_read(bytes, record_out) != WEIR_OK ||
        !is_of_lanes(record_out->kind) ||
        record_out->lane != drain->incarnation)
        return WEIR_DRAIN_DAMAGED;
    record_out->offset = head - left;
    *end_out = head - left + record_out->raw.len;
    return WEIR_DRAIN_RECORD;
}

enum weir_drain_result
weir_drain_next(struct weir_journal_drain *drain,
                struct weir_record *record_out)
{
    uint64_t end;
    uint64_t head = atomic_load(&drain->shared->head);
    if (head == drain->cursor || drain->is_given_up)
        return WEIR_DRAIN_EMPTY;
    /* A claimer stores its incarnation before the first head, and claims only
     * what is drained: a new number here means a new start of sequences. */
    uint64_t incarnation = atomic_load(&drain->shared->incarnation);
    if (incarnation != drain->incarnation) {
        drain->incarnation = incarnation;
        drain->sequence = 0;
        drain->is_any_sequence = false;
    }
    struct weir_record record;
    if (read_at_cursor(drain, head, &record, &end) != WEIR_DRAIN_RECORD)
        return WEIR_DRAIN_DAMAGED;
    if (drain->is_any_sequence ? record.sequence <= drain->sequence
                               : record.sequence != drain->sequence + 1)
        return WEIR_DRAIN_DAMAGED;
    drain->is_any_sequence = false;
    drain->sequence = record.sequence;
    drain->cursor = end;
    *record_out = record;
    return WEIR_DRAIN_RECORD;
}

void
weir_drain_give_up(struct weir_journal_drain *drain, weir_gap *gap_out)
{
    uint64_t head = atomic_load(&drain->shared->head);
    *gap_out = (weir_gap){
        .reason = WEIR_GAP_LANE_DAMAGED,
        .lane = drain->incarnation,
        .sequence_first = drain->is_any_sequence ? 0 : drain->sequence + 1,
        .bytes = head - drain->cursor,
    };
    drain->is_given_up = true;
}

void
weir_drain_pass(struct weir_journal_drain *drain, uint64_t incarnation,
                uint64_t sequence)
{
    struct weir_record record;
    if (drain->incarnation != incarnation)
        return;
    for (;;) {
        struct weir_journal_drain here = *drain;
        if (weir_drain_next(drain, &record) != WEIR_DRAIN_RECORD ||
            record.sequence > sequence) {
            *drain = here;
            break;
        }
    }
    if (drain->sequence < sequence) {
        drain->sequence = sequence;
        drain->is_any_sequence = false;
    }
}

bool
weir_drain_is_urgent(const struct weir_journal_drain *drain)
{
    if (drain->is_given_up)
        return false;
    uint64_t head = atomic_load(&drain->shared->head);
    uint64_t urgent =
        atomic_load_explicit(&drain->shared->urgent, memory_order_relaxed);
    return (head != drain->cursor && !is_reached(drain->cursor, urgent)) ||
           head - drain->cursor >= drain->capacity / 4;
}

bool
weir_drain_commit(struct weir_journal_drain *drain)
{
    if (drain->is_given_up)
        atomic_store(&drain->shared->damaged, 1);
    atomic_store(&drain->shared->durable, drain->cursor);
    uint64_t wanted = atomic_load(&drain->shared->want);
    return wanted != 0 && is_reached(drain->cursor, wanted) &&
           atomic_compare_exchange_strong(&drain->shared->want, &wanted, 0);
}

bool
weir_drain_free(struct weir_journal_drain *drain)
{
    uint64_t head = atomic_load(&drain->shared->head);
    if (drain->is_given_up) {
        /* a number nobody holds: late readers of the old one see a change */
        atomic_store(&drain->shared->incarnation, 0);
        drain->cursor = head & ~UINT64_C(7);
        atomic_store(&drain->shared->head, drain->cursor);
        atomic_store(&drain->shared->durable, drain->cursor);
        atomic_store(&drain->shared->damaged, 0);
        drain->is_given_up = false;
    } else if (head != drain->cursor ||
               head != atomic_load(&drain->shared->durable)) {
        return false;
    }
    atomic_store(&drain->shared->want, 0);
    atomic_store(&drain->shared->owner, 0);
    return true;
}
