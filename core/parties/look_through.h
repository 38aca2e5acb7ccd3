/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of looking through share: multiply.c numbers and
 * tells, look_through.c computes. */
#ifndef WEIR_PARTIES_LOOK_THROUGH_H
#define WEIR_PARTIES_LOOK_THROUGH_H

#include "ownership.h"

#define WEIR__LOOK_SEED          1u /* holds all of itself */
#define WEIR__LOOK_MAYBE         2u /* may do so */
#define WEIR__LOOK_REACHED       4u /* by a seed, through any chain */
#define WEIR__LOOK_EXACT         8u /* every share that is held of it is exact */
#define WEIR__LOOK_DIRTY         16u

#define WEIR__LOOK_CONTRADICTION UINT32_MAX

/* Stakes that are fetched before they are needed. */
#define WEIR__LOOK_AHEAD 24u

struct weir__stake {
    uint32_t owner; /* new number */
    uint32_t low;
    uint32_t high;
};

struct weir__worth {
    uint64_t low; /* 10^-12 */
    uint64_t high;
};

/* The same in 2^-31: half the memory, no division of 128 bits. */
struct weir__rough {
    uint32_t low;
    uint32_t high;
};

struct weir__look {
    const struct weir_ownership_graph *graph;
    const struct weir_ownership_rule *rule;
    struct weir__ownership_order order;
    uint32_t *number;           /* by row: its new number */
    struct weir__worth *worths; /* by new number, as all below */
    struct weir__rough *rough;
    uint64_t *above; /* upper ends as found from above */
    uint32_t *free;  /* what the lower ends leave, or CONTRADICTION */
    uint8_t *flags;  /* WEIR__LOOK_* */
    uint32_t *first; /* [count + 1] into stakes */
    struct weir__stake *stakes; /* and WEIR__LOOK_AHEAD empty ones behind */
};

/* Computes one row from its owners as they stand; true when it moved by
 * more than `tolerance`. */
bool weir__look_improve(struct weir__look *m, uint32_t number,
                        uint64_t tolerance);
/* A component with a cycle. */
void weir__look_settle(struct weir__look *m, uint32_t first, uint32_t end);

#endif
