/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the live watch looks for clusters: every so often where calls came in
 * between, and soon after a link was cut.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/watch/live_parts.h"

static uint64_t
find_payment(void *context, uint64_t tenant)
{
    struct weir_watch_live *live = context;
    return weir_watch_names_payment(&live->names, tenant);
}

void
weir_watch_live_cluster(struct weir_watch_live *live)
{
    uint64_t one = 1;
    if (live == NULL)
        return;
    atomic_store(&live->wants_clusters, true);
    (void)!write(live->event, &one, sizeof one);
}

static int64_t
processor_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

weir_status
weir__watch_live_look_for_clusters(struct weir_watch_live *live,
                                   struct weir_error *err)
{
    struct weir_watch_figures figures;
    struct weir_watch_looked looked;
    weir_time now = weir_control_now();
    bool is_wanted = atomic_exchange(&live->wants_clusters, false);
    weir__watch_engine_figures(live->engine, &figures);
    bool is_due =
        now >= live->cluster_at && figures.calls != live->cluster_calls;
    if (!is_wanted && !is_due)
        return WEIR_OK;
    uint64_t segment = live->segments.number, offset = live->segments.offset;
    weir_status status =
        weir__watch_engine_checkpoint(live->engine, segment, offset, err);
    struct weir_watch_look look = {
        .pools = weir__watch_engine_pools(live->engine),
        .store = live->store,
        .now = now,
        .calibration = live->calibration,
        .payment = find_payment,
        .context = live,
    };
    int64_t started = processor_us();
    if (status == WEIR_OK)
        status = weir_watch_look_for_clusters(&look, &looked, err);
    if (status != WEIR_OK)
        return status;
    live->cluster_at = now + live->cluster_every;
    live->cluster_calls = figures.calls;
    pthread_mutex_lock(&live->lock);
    live->shown.clusters = looked.clusters;
    live->shown.members = looked.members;
    live->shown.accounts = looked.accounts;
    live->shown.cluster_us = (uint64_t)(processor_us() - started);
    live->shown.clustered_at = now;
    pthread_mutex_unlock(&live->lock);
    if (looked.verdicts > 0 && live->on_verdicts != NULL)
        live->on_verdicts(live->on_verdicts_context);
    return WEIR_OK;
}
