/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by live*.c: the live watch itself. Threads and memory: as live.h. */
#ifndef WEIR_WATCH_LIVE_PARTS_H
#define WEIR_WATCH_LIVE_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "control/ingest/pace.h"
#include "control/ingest/segments.h"
#include "control/watch/clusters.h"
#include "control/watch/live_names.h"

struct weir_watch_live {
    struct weir_control *control;
    struct weir_store *store;         /* its own handle on weir.db */
    struct weir_watch_engine *engine; /* NULL: failed, is opened again */
    struct weir_watch_setup setup;
    struct weir_watch_names names;
    struct weir_segments segments;
    struct weir_buf record; /* one that is read again */
    weir_time read_up_to;
    weir_time safe_at; /* next checkpoint */
    uint64_t unreadable;
    uint64_t publications; /* of the settings */
    char calibration[64];
    bool needs_writer;
    bool is_failing;
    /* clusters */
    weir_time cluster_at; /* next look */
    weir_time cluster_every;
    uint64_t cluster_calls; /* counted at the last look */
    atomic_bool wants_clusters;
    /* thread */
    pthread_t thread;
    struct weir_pace pace;
    int event;
    bool is_running;
    atomic_bool is_stopping;
    atomic_bool wants_all;
    weir_watch_on_verdicts *on_verdicts;
    void *on_verdicts_context;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t rounds_changed;
    uint64_t rounds_begun;
    uint64_t rounds_done;
    struct weir_watch_figures figures;
    struct weir_watch_live_shown shown;
};

/* live_settings.c: lines and bounds as the sources give them; the setup
 * points to the calibration's name afterwards. */
void weir__watch_setup_read(struct weir_watch_setup *setup,
                            const struct weir_world *world,
                            char calibration_out[64]);
/* The same where they changed. */
void weir__watch_live_settings(struct weir_watch_live *live);
/* live_clusters.c: looks where it is time, or a link was cut. */
WEIR_MUST_USE weir_status weir__watch_live_look_for_clusters(
    struct weir_watch_live *live, struct weir_error *err);

#endif
