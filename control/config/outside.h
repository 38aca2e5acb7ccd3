/* SPDX-License-Identifier: Apache-2.0 */
/* What only the process can check: files that a world names, and dialects
 * that this build speaks. */
#ifndef WEIR_CONFIG_OUTSIDE_H
#define WEIR_CONFIG_OUTSIDE_H

#include <weir/world.h>

void config_check_outside(const struct weir_world *world,
                          struct weir_faults *faults);

#endif
