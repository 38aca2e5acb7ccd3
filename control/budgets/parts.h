/* SPDX-License-Identifier: Apache-2.0 */
/* A table of 64-bit hashes with a number each, for the files of this folder.
 * Memory: calloc'ed, grows; keys are not 0. */
#ifndef WEIR_BUDGETS_PARTS_H
#define WEIR_BUDGETS_PARTS_H

#include <weir/base.h>

struct weir__tally_slot {
    uint64_t key;
    uint64_t subject; /* what the key was made of, for who walks the table */
    uint32_t kind;
    uint32_t row;
    int64_t value;
    int64_t more;
};

struct weir__tally {
    struct weir__tally_slot *slots;
    uint32_t mask;
    uint32_t count;
};

/* The slot of the key, claimed if need be; NULL: no memory. Adding moves the
 * slots. */
struct weir__tally_slot *weir__tally_at(struct weir__tally *tally,
                                        uint64_t key);
/* NULL: not there. */
const struct weir__tally_slot *weir__tally_find(const struct weir__tally *tally,
                                                uint64_t key);
void weir__tally_fini(struct weir__tally *tally);

/* A key of a subject and a kind. */
uint64_t weir__tally_key(uint64_t subject, uint32_t kind);

#endif
