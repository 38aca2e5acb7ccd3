/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/config/systems.h - networks of machines by AS number.
 *
 * Threads: one caller. Memory: rows go to the world.
 */
#ifndef WEIR_CONFIG_SYSTEMS_H
#define WEIR_CONFIG_SYSTEMS_H

#include <weir/world.h>

/* "AS64500", in either case; false: another text. */
bool config_is_system(weir_span text, uint32_t *number_out);

/* Adds the networks of world->system_rows to world->hosting, as the file
 * geo.asn_mmdb has them. A fault where there is no such file, where it cannot
 * be read, and where it knows none of them. */
void config_add_systems(struct weir_world *world, struct weir_faults *faults);

/* Each number of which the file has no network, where it has one of
 * another: said, and no fault, as systems come and go with its editions. */
void config_doubt_systems(const struct weir_world *world,
                          struct weir_faults *doubts);

#endif
