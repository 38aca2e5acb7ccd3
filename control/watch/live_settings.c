/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources say of the watch: taken anew with every publication. */
#include <stdio.h>
#include <string.h>

#include "control/watch/live_parts.h"

static struct weir_watch_lines *
lines_of(struct weir_watch_setup *setup, uint32_t window, bool has_reference)
{
    uint32_t width = window < WEIR_WATCH_WINDOW ? 0
                     : window < WEIR_WATCH_WIDE ? 1
                                                : 2;
    return &setup->lines[has_reference][width];
}

static void
take_lines(struct weir_watch_setup *setup, const struct weir_world *world)
{
    for (uint32_t i = 0; i < world->watch_line_count; i++) {
        const struct weir_world_watch_line *row = &world->watch_line_rows[i];
        struct weir_watch_lines *lines =
            lines_of(setup, row->window, row->has_reference);
        for (uint32_t s = 0; s < WEIR_WATCH_SIGNALS; s++)
            if (row->given >> s & 1)
                lines->line[s] = row->values[s];
        if (row->given >> WEIR_WATCH_SIGNALS & 1)
            lines->score = row->values[WEIR_WATCH_SIGNALS];
        if (row->given >> (WEIR_WATCH_SIGNALS + 1) & 1)
            lines->strong = row->values[WEIR_WATCH_SIGNALS + 1];
    }
}

void
weir__watch_setup_read(struct weir_watch_setup *setup,
                       const struct weir_world *world, char calibration_out[64])
{
    struct weir_watch_setup fresh;
    const struct weir_watch_settings *settings = &world->watch;
    weir__watch_setup_default(&fresh);
    memcpy(setup->lines, fresh.lines, sizeof(setup->lines));
    take_lines(setup, world);
    setup->pools_max = settings->pools;
    setup->subjects_max = settings->subjects;
    setup->reference_calls = settings->reference_calls;
    setup->bin_us = settings->cluster_bin_us;
    snprintf(calibration_out, 64, "%.*s", WEIR_SPAN_ARG(settings->calibration));
    setup->calibration = calibration_out;
}

void
weir__watch_live_settings(struct weir_watch_live *live)
{
    struct weir_control *control = live->control;
    bool is_new = false;
    pthread_mutex_lock(&control->lock);
    if (control->world != NULL && live->publications != control->publications) {
        weir__watch_setup_read(&live->setup, control->world, live->calibration);
        live->cluster_every = control->world->watch.cluster_every_us;
        live->publications = control->publications;
        is_new = true;
    }
    pthread_mutex_unlock(&control->lock);
    if (is_new && live->engine != NULL)
        weir__watch_engine_renew(live->engine, &live->setup);
}
