/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of the shared block, for the files of this folder.
 *
 *    +--------+---------------------+---------------------------+-----
 *    | header | slots (64 B each)   | lane 0: head, entries ... | lane 1
 *    +--------+---------------------+---------------------------+-----
 *
 * A slot's two sums are packed words: the window's number in the high bits,
 * the amount in the low ones, so that one compare-and-swap both rolls the
 * window over and counts.
 */
#ifndef WEIR_QUOTA_INTERNAL_H
#define WEIR_QUOTA_INTERNAL_H

#include <stdatomic.h>

#include <weir/quota.h>

#define QUOTA_MAGIC      UINT64_C(0x313061746f757177) /* "wquota01" */
#define QUOTA_VERSION    3u
#define QUOTA_INDEX_NONE UINT32_MAX
#define QUOTA_LANES_MAX  1024u /* more is a mistake, not a machine */
#define QUOTA_RECOVERING UINT32_C(0x80000000) /* in a lane's owner */

struct quota_slot {
    _Atomic uint64_t key;     /* 0 = free; claimed once, never given back */
    _Atomic uint64_t subject; /* written after the claim */
    _Atomic uint32_t kind;    /* metric * WEIR_QUOTA_WINDOWS + window */
    uint32_t reserved;
    _Atomic uint64_t total; /* packed: used and held; what admits */
    _Atomic uint64_t used;  /* packed: settled only; what is reported */
    _Atomic uint64_t refused;
    _Atomic uint64_t last; /* `used` as it was when its window was left */
    uint64_t pad[1];
};
_Static_assert(sizeof(struct quota_slot) == 64, "one cache line");

/* Phase and step of an entry share a word, so that they change together. */
enum quota_phase {
    QUOTA_FREE = 0,
    QUOTA_HELD = 1,     /* items below `step` are in their totals */
    QUOTA_SETTLING = 2, /* 2 i: total of item i next, 2 i + 1: used next */
    QUOTA_FORGOTTEN = 3 /* a rebuild took the counters away */
};

struct quota_item {
    uint32_t slot;
    uint32_t number; /* of the window */
    int64_t reserve; /* with `pool` */
    uint32_t pool;   /* slot of its rest; QUOTA_INDEX_NONE: none */
    uint8_t metric;
    uint8_t window;
    bool is_rest; /* counted by its members */
    uint8_t reserved[1];
};

struct quota_entry {
    _Atomic uint32_t progress; /* phase << 16 | step */
    uint32_t count;
    uint32_t next;    /* free list; the owner's alone */
    uint32_t applies; /* bit per item: settled with `actual`, else with 0 */
    uint64_t call;
    weir_time held_at;
    weir_quota_amounts estimate;
    weir_quota_amounts actual;
    struct quota_item items[WEIR_QUOTA_LIMITS_MAX];
    uint64_t pad[6];
};
_Static_assert(sizeof(struct quota_entry) % 64 == 0, "whole cache lines");

struct quota_lane {
    _Atomic uint32_t owner; /* process id, or that and QUOTA_RECOVERING */
    _Atomic uint32_t fresh; /* entries ever used since open */
    _Atomic uint32_t live;
    uint32_t free_head;
    _Atomic uint64_t holds;
    _Atomic uint64_t refused;
    _Atomic uint64_t refused_full;
    _Atomic uint64_t refused_lane;
    _Atomic uint64_t stale;
    uint64_t pad[1];
};
_Static_assert(sizeof(struct quota_lane) == 64, "one cache line");

struct weir_quota {
    uint64_t magic;
    uint32_t version;
    uint32_t slots; /* power of two */
    uint32_t lanes;
    uint32_t entries;
    uint64_t size;
    _Atomic uint32_t is_rebuilding;
    _Atomic uint32_t slots_used;
    _Atomic uint64_t recovered;
    _Atomic uint64_t saturated;
    uint64_t pad[9];
};
_Static_assert(sizeof(struct weir_quota) == 128, "two cache lines");

/* ------------------------------------------------ window.c: packed words */

/* The number of the window that contains `when`: 1 is the first one that
 * can be counted (2020), 0 is none; clipped at both ends. */
uint32_t quota_window_number(weir_quota_window kind, weir_time when);
void quota_window_bounds(weir_quota_window kind, uint32_t number,
                         weir_time *starts_at_out, weir_time *ends_at_out);

uint64_t quota_pack(weir_quota_window kind, uint32_t number, int64_t amount);
uint32_t quota_number_of(weir_quota_window kind, uint64_t word);
int64_t quota_amount_of(weir_quota_window kind, uint64_t word);

/* Adds to a sum of that window, which begins if need be. hold.c */
void quota_add(struct weir_quota *quota, _Atomic uint64_t *word,
               weir_quota_window window, uint32_t number, int64_t delta);

/* --------------------------------------------------- table.c: the slots */

struct quota_slot *quota_slots(const struct weir_quota *quota);
struct quota_lane *quota_lane_at(const struct weir_quota *quota, uint32_t lane);
struct quota_entry *quota_entries(const struct quota_lane *lane);

/* Index of the counter, claimed if need be; QUOTA_INDEX_NONE: full. A minor
 * one finds it full at half. */
uint32_t quota_slot_claim(struct weir_quota *quota, uint64_t subject,
                          weir_quota_metric metric, weir_quota_window window,
                          bool is_minor);

#endif
