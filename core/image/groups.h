/* SPDX-License-Identifier: Apache-2.0 */
/* Owner groups of a world's organisations, for the watch. */
#ifndef WEIR_IMAGE_GROUPS_H
#define WEIR_IMAGE_GROUPS_H

#include <weir/world.h>

/* [organisation_count]: the row at the top of each organisation's group, in
 * the arena. `world` is checked. False: the arena is full. */
bool weir__groups_find(const struct weir_world *world, struct weir_arena *arena,
                       uint32_t **group_out);

#endif
