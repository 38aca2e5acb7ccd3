/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/budgets/clusters.h - groups that follow a cluster of the watch.
 *
 * A group with `cluster: wc_...` has, beside what it lists, the tenants that
 * the watch finds in that cluster now. Members that are end customers of a
 * reseller are not in it: their reseller's calls for others would count.
 *
 * Threads: as the world and the store given.
 */
#ifndef WEIR_BUDGET_CLUSTERS_H
#define WEIR_BUDGET_CLUSTERS_H

#include "control/control.h"

/* Sets the groups' tenants; as often as called. ENOMEM. */
WEIR_MUST_USE weir_status weir_clusters_join(struct weir_world *world,
                                             struct weir_store *store,
                                             struct weir_error *err);
/* Publishes where members came or went since the world was joined. Takes
 * control's lock; failures are logged. */
void weir_control_clusters_turn(struct weir_control *control);

#endif
