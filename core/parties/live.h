/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a rule that is kept up to date share: live.c holds the
 * graph, live_cascade.c and live_multiply.c answer, live_close.c decides what
 * is next to the threshold. */
#ifndef WEIR_PARTIES_LIVE_H
#define WEIR_PARTIES_LIVE_H

#include "ownership.h"

struct weir__live_edge {
    uint32_t owner;
    uint32_t owned;
    weir_share share;
    uint32_t next_in; /* edge + 1; 0: the last */
    uint32_t next_out;
};

/* One of the two sets of a cascade, certain and possible. */
struct weir__live_side {
    uint32_t *order; /* of entry; 0: no member */
    uint32_t clock;
};

/* Multiplication counts in 10^-9. */
#define WEIR__LIVE_ONE UINT32_C(1000000000)

/* Between which values the two ends of what seeds hold of a row lie. */
struct weir__live_worth {
    uint32_t low_from;
    uint32_t low_to;
    uint32_t high_from;
    uint32_t high_to;
};

#define WEIR__LIVE_QUEUED  1u
#define WEIR__LIVE_TOUCHED 2u  /* may have another answer */
#define WEIR__LIVE_CLOSE   4u  /* the bounds do not decide */
#define WEIR__LIVE_PENDING 8u  /* only a whole run does */
#define WEIR__LIVE_LOOKED  16u /* in the loosening of this change */
#define WEIR__LIVE_HEAVY   32u /* it or an owner is held by over 100 % */

struct weir_ownership_live {
    uint32_t count;
    enum weir_ownership_method method;
    uint32_t threshold;
    bool is_strict;
    bool doubts_undisclosed;
    uint8_t *seeds;
    struct weir__live_edge *edges;
    uint32_t edge_count;
    uint32_t edge_max;
    uint32_t *first_in; /* edge + 1 */
    uint32_t *first_out;
    uint8_t *flags;
    uint8_t *answers;
    uint32_t *queue; /* a ring of rows to look at; each at most once */
    uint32_t queue_head;
    uint32_t queue_len;
    uint32_t *touched; /* and, when a change is done, who has changed */
    uint32_t touched_len;
    /* A cascade. */
    struct weir__live_side sides[2];
    uint32_t *left; /* rows that left; multiply: rows that were looked at */
    uint32_t left_len;
    /* Multiplication. */
    struct weir__live_worth *worths;
    struct weir__live_side exact; /* rows without a cycle above them */
    uint64_t *shares;             /* lower ends of all that is held of a row */
    uint8_t *hits;                /* how often loosened in this change */
    uint32_t *close;              /* rows that the bounds do not decide */
    uint32_t close_len;
    uint32_t pending;
    uint32_t *marks; /* stamps of the last search that met the row */
    uint32_t *local; /* its number there */
    uint32_t *found; /* [count]: the rows of that search */
    uint32_t stamp;
};

static inline void
weir__live_look_at(struct weir_ownership_live *l, uint32_t row)
{
    if ((l->flags[row] & WEIR__LIVE_QUEUED) != 0)
        return;
    uint64_t tail = (uint64_t)l->queue_head + l->queue_len++;
    l->flags[row] |= WEIR__LIVE_QUEUED;
    l->queue[tail >= l->count ? tail - l->count : tail] = row;
}

static inline uint32_t
weir__live_next(struct weir_ownership_live *l)
{
    uint32_t row = l->queue[l->queue_head];
    l->queue_head = l->queue_head + 1 == l->count ? 0 : l->queue_head + 1;
    l->queue_len--;
    l->flags[row] &= (uint8_t)~WEIR__LIVE_QUEUED;
    return row;
}

static inline void
weir__live_look_at_owned(struct weir_ownership_live *l, uint32_t row)
{
    for (uint32_t e = l->first_out[row]; e != 0; e = l->edges[e - 1].next_out)
        weir__live_look_at(l, l->edges[e - 1].owned);
}

static inline void
weir__live_touch(struct weir_ownership_live *l, uint32_t row)
{
    if ((l->flags[row] & WEIR__LIVE_TOUCHED) != 0)
        return;
    l->flags[row] |= WEIR__LIVE_TOUCHED;
    l->touched[l->touched_len++] = row;
}

weir_status weir__live_cascade_init(struct weir_ownership_live *l,
                                    struct weir_arena *arena,
                                    struct weir_error *err);
/* What is held of `row`, or its seed, is another. */
void weir__live_cascade_change(struct weir_ownership_live *l, uint32_t row);
uint8_t weir__live_cascade_answer(const struct weir_ownership_live *l,
                                  uint32_t row);

/* From a whole run. */
weir_status weir__live_multiply_init(struct weir_ownership_live *l,
                                     const struct weir_ownership_result *whole,
                                     struct weir_arena *arena,
                                     struct weir_error *err);
void weir__live_multiply_change(struct weir_ownership_live *l, uint32_t row);
/* Tightens one row as far as `slack` allows; true when it moved. */
bool weir__live_multiply_tighten(struct weir_ownership_live *l, uint32_t row,
                                 uint32_t slack);
/* The answer, where the bounds give it. */
bool weir__live_multiply_tells(const struct weir_ownership_live *l,
                               uint32_t row, uint8_t *answer_out);

/* The answer of a row that the bounds do not decide, from all above it;
 * UNKNOWN and flagged PENDING when that is too much. */
uint8_t weir__live_close_answer(struct weir_ownership_live *l, uint32_t row);
/* Stamps those below `row`; false: too many, nobody is told apart. */
bool weir__live_mark_below(struct weir_ownership_live *l, uint32_t row);

#endif
