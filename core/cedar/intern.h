/* SPDX-License-Identifier: Apache-2.0 */
/* Strings to small numbers: each text once, numbered from 0 in order. */
#ifndef WEIR_CORE_CEDAR_INTERN_H
#define WEIR_CORE_CEDAR_INTERN_H

#include <weir/base.h>

#define CEDAR_INTERN_NONE UINT32_MAX

struct cedar_intern {
    weir_span *texts; /* borrowed from whoever interned them */
    uint32_t *slots;  /* number + 1; 0: free */
    uint32_t count;
    uint32_t capacity;
    size_t slot_count;
};

void weir__cedar_intern_fini(struct cedar_intern *intern);
/* CEDAR_INTERN_NONE when it is not there. */
uint32_t weir__cedar_intern_find(const struct cedar_intern *intern,
                                 weir_span text);
/* Keeps `text` by reference, or a copy in `arena` where that is not NULL;
 * CEDAR_INTERN_NONE when memory ran out. */
uint32_t weir__cedar_intern_add(struct cedar_intern *intern,
                                struct weir_arena *arena, weir_span text);

#endif
