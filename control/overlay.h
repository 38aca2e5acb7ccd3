/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/overlay.h - changing the overlay in force.
 *
 * Threads: a change belongs to one; publishing holds control's lock.
 * Memory: names are copied into the change.
 */
#ifndef WEIR_CONTROL_OVERLAY_H
#define WEIR_CONTROL_OVERLAY_H

#include "control/control.h"

struct weir__overlay_step {
    uint64_t hash;
    uint32_t order; /* in which it was added: the last of a name counts */
    bool is_gone;
    struct weir_overlay_item item;
};

/* What an overlay gains and loses. */
struct weir__overlay_change {
    struct weir_arena arena;
    struct weir__overlay_step *rows;
    uint32_t count;
    uint32_t capacity;
    bool is_full; /* out of memory: the store is read instead */
};

void weir__overlay_change_init(struct weir__overlay_change *change);
void weir__overlay_change_fini(struct weir__overlay_change *change);
void weir__overlay_change_add(struct weir__overlay_change *change,
                              enum weir_kind kind, weir_span name,
                              bool is_gone);

/* The overlay in force and the change, as the next one. Reads the whole
 * store instead where there is none in force. Sorts the change. EIO. */
WEIR_MUST_USE weir_status weir__control_change_overlay(
    struct weir_control *control, struct weir__overlay_change *change,
    struct weir_error *err);
/* The same of one name. */
WEIR_MUST_USE weir_status weir__control_change_overlay_by(
    struct weir_control *control, enum weir_kind kind, weir_span name,
    bool is_gone, struct weir_error *err);

#endif
