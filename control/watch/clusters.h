/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/watch/clusters.h - looks for accounts that act together.
 *
 * Compares the profiles of all accounts in watch.db: end customers where a
 * tenant names them, else the tenant itself. What is found is scored as one
 * account and kept with its links; a cluster keeps its id as long as most of
 * its members stay. A link that a person cut links no more.
 *
 * Threads: one owner of both stores. Memory: heap while it looks, about
 * 1.5 KiB per account.
 */
#ifndef WEIR_WATCH_CLUSTERS_H
#define WEIR_WATCH_CLUSTERS_H

#include "control/watch/engine.h"

struct weir_watch_look {
    struct weir_store *pools; /* watch.db */
    struct weir_store *store; /* weir.db */
    weir_time now;
    const char *calibration;
    /* Digest of what a tenant pays with, as declared; 0: not said. */
    uint64_t (*payment)(void *context, uint64_t tenant);
    void *context;
};

struct weir_watch_looked {
    uint32_t accounts;
    uint32_t clusters;
    uint32_t members;
    uint32_t verdicts; /* new rows */
};

WEIR_MUST_USE weir_status weir_watch_look_for_clusters(
    const struct weir_watch_look *look, struct weir_watch_looked *looked_out,
    struct weir_error *err);

#endif
