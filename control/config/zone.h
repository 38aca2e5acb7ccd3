/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zones of the calendar, from the machine's time zone database (TZif, RFC
 * 8536), as rows of a world.
 *
 * Threads: as the world. Memory: rows and names live in the world.
 */
#ifndef WEIR_CONFIG_ZONE_H
#define WEIR_CONFIG_ZONE_H

#include <weir/world.h>

#define WEIR_ZONE_WHY 96

/* The row plus 1 of that zone, read once; 0 is UTC. Shifts are known until
 * 2100. False: `why_out` says why there is no such zone. */
bool weir_zone_find(struct weir_world *world, weir_span name,
                    uint32_t *zone_out, char why_out[WEIR_ZONE_WHY]);

/* The same from the bytes of a file. */
bool weir_zone_read(struct weir_world *world, weir_span name, weir_span bytes,
                    uint32_t *zone_out);

#endif
