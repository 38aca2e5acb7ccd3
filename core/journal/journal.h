/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the journal: little-endian access and the layout of the ring. Read
 * docs/formats/journal.md beside it.
 */
#ifndef WEIR_JOURNAL_INTERNAL_H
#define WEIR_JOURNAL_INTERNAL_H

#include <weir/ring.h>

#include <stdatomic.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "formats are little-endian and read in place"
#endif

static inline uint16_t
weir__load16(const char *p)
{
    uint16_t value;
    memcpy(&value, p, sizeof(value));
    return value;
}

static inline uint32_t
weir__load32(const char *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof(value));
    return value;
}

static inline uint64_t
weir__load64(const char *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof(value));
    return value;
}

static inline void
weir__store16(char *p, uint16_t value)
{
    memcpy(p, &value, sizeof(value));
}

static inline void
weir__store32(char *p, uint32_t value)
{
    memcpy(p, &value, sizeof(value));
}

static inline void
weir__store64(char *p, uint64_t value)
{
    memcpy(p, &value, sizeof(value));
}

#define WEIR__RING_MAGIC     UINT64_C(0x474E495252494557) /* "WEIRRING" */
#define WEIR__RING_VERSION   1
#define WEIR__RING_HEADER    4096
#define WEIR__OWNER_RELEASED (UINT64_C(1) << 63)
/* In place of a record's kind: nothing up to the end of the lane's bytes. */
#define WEIR__KIND_PAD     255

#define WEIR__STATUS_WORDS (sizeof(struct weir_journal_status) / 8)
_Static_assert(sizeof(struct weir_journal_status) % 8 == 0,
               "the status is copied word by word");

/* Four cache lines, by who writes: claimer, producer, writer, both. */
struct weir_shared_lane {
    _Atomic uint64_t owner;
    _Atomic uint64_t incarnation;
    _Atomic uint64_t damaged; /* not 0: given up until its owner is gone */
    uint64_t reserved_0[5];
    _Atomic uint64_t head;   /* end of what is published */
    _Atomic uint64_t urgent; /* end of the last durable record */
    uint64_t reserved_1[6];
    _Atomic uint64_t durable; /* end of what is in a segment, flushed */
    uint64_t reserved_2[7];
    _Atomic uint64_t want; /* position somebody waits for; 0: nobody */
    uint64_t reserved_3[7];
};
_Static_assert(sizeof(struct weir_shared_lane) == 256, "four cache lines");

struct weir_ring {
    _Atomic uint64_t magic; /* written last */
    uint32_t version;
    uint32_t lanes;
    uint32_t lane_bytes;
    uint32_t epoch;
    uint8_t boot[16];
    weir_time created_at;
    uint64_t reserved_0[2];
    _Atomic uint64_t counter; /* of incarnations in this epoch */
    uint64_t reserved_1[7];
    _Atomic uint32_t bell;
    _Atomic uint32_t sleep; /* enum weir_sleep */
    _Atomic uint32_t state; /* enum weir_journal_state */
    uint32_t reserved_2[13];
    _Atomic uint64_t status_turn; /* odd: being written */
    _Atomic uint64_t status[WEIR__STATUS_WORDS];
};
_Static_assert(sizeof(struct weir_ring) <= WEIR__RING_HEADER,
               "the ring's header fits its page");
_Static_assert(sizeof(_Atomic uint64_t) == 8 && ATOMIC_LLONG_LOCK_FREE == 2,
               "atomics are plain words, shared between processes");

struct weir_shared_lane *weir__ring_lane(const struct weir_ring *ring,
                                         uint32_t lane);

#endif
