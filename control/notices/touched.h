/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/notices/touched.h - whom a withdrawal or a restoration touches.
 *
 * Threads: weir__touched_new() under control's lock, the rest without it.
 * Memory: it keeps its own mapping of image and overlays; notices that it
 * finds live in the arena given.
 */
#ifndef WEIR_NOTICES_TOUCHED_H
#define WEIR_NOTICES_TOUCHED_H

#include "control/notices/telling.h"

struct weir__touched;

/* EIO, ENOMEM; ENOTFOUND: image or overlays of then are not there any more. */
WEIR_MUST_USE weir_status weir__touched_new(struct weir_control *control,
                                            const struct weir__telling *telling,
                                            struct weir__touched **touched_out,
                                            struct weir_error *err);
void weir__touched_free(struct weir__touched *touched); /* NULL is fine */

struct weir__findings {
    struct weir_notice *rows;
    uint32_t count;
    uint32_t next_key; /* where to go on */
    bool is_last;      /* all keys were asked */
};
#define WEIR__FINDINGS_MAX 64u

/*
 * Asks keys from `from` on: the notices of those whose answer changed, at
 * most WEIR__FINDINGS_MAX and what one key has more. A tenant comes once for
 * each name of a model. ENOMEM.
 */
WEIR_MUST_USE weir_status weir__touched_ask(struct weir__touched *touched,
                                            uint32_t from,
                                            struct weir_arena *arena,
                                            struct weir__findings *findings_out,
                                            struct weir_error *err);

#endif
