/* SPDX-License-Identifier: Apache-2.0 */
/* Names to rows, for checking and compiling: open addressing in an arena. */
#ifndef WEIR_IMAGE_NAMES_H
#define WEIR_IMAGE_NAMES_H

#include <weir/world.h>

struct weir__name_slot {
    uint64_t hash;
    weir_span name;
    uint32_t row_plus_one; /* 0: empty */
};

struct weir__names {
    struct weir__name_slot *slots;
    uint32_t mask;
    uint32_t count;
};

/* Room for `count` names; false when the arena is full. */
bool weir__names_init(struct weir__names *names, struct weir_arena *arena,
                      uint32_t count);
/* The row that has the name already, or WEIR_INDEX_NONE when it was put.
 * `name` is borrowed. */
uint32_t weir__names_put(struct weir__names *names, weir_span name,
                         uint32_t row);
uint32_t weir__names_find(const struct weir__names *names, weir_span name);
/* The known name with the fewest edits, at most a third of it; else empty.
 * Looks at all of them: for messages only. */
weir_span weir__names_nearest(const struct weir__names *names, weir_span name);

#endif
