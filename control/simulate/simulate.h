/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/simulate/simulate.h - decisions taken again, as they were or under
 * a changed world, and whom the change touches.
 *
 * Without a change every recorded decision is asked of the image and the
 * withdrawals then in force, at its recorded time, and must equal its
 * record. With a change (another image, withdrawals taken or given back,
 * another date) the answer is compared with the recorded one, and the calls
 * that it would have met differently are summed with their tokens and
 * revenue. A generated population asks the same of calls nobody made.
 *
 * Threads: one caller. Memory: the report is the caller's (json_decref).
 */
#ifndef WEIR_SIMULATE_H
#define WEIR_SIMULATE_H

#include <jansson.h>
#include <weir/image.h>
#include <weir/world.h>

#include "control/files.h"

/* ------------------------------------------------------------- worlds */

struct weir_simulate_sources {
    const char *config;         /* weir.yaml: state and keys are found by it */
    const char *with;           /* another weir.yaml in its place; NULL: none */
    const char *policies;       /* another policy directory; NULL: its own */
    const char *const *changes; /* weir_config_change(), in this order */
    uint32_t change_count;
    weir_time at; /* ownership rules act as of then */
};

/* Sources and the keys of the store, compiled. Nothing on disk changes. */
struct weir_simulate_world {
    struct weir_paths paths; /* of `config`, whatever `with` says */
    struct weir_world *world;
    struct weir_buf bytes;
    struct weir_image image;
    bool is_open;
    struct weir_arena arena;
    struct weir_overlay_item *withdrawn; /* now in force, by the store */
    uint32_t withdrawn_count;
    struct weir_grant *grants; /* approved, not over as of `at`, not spent */
    size_t grant_count;
};

/*
 * Keys whose project the sources do not declare are left out: their calls
 * are then those of an unknown key. Revoked keys take part, for the calls
 * they made. EPARSE with faults; EIO.
 */
WEIR_MUST_USE weir_status
weir_simulate_world_open(const struct weir_simulate_sources *sources,
                         struct weir_simulate_world *world,
                         struct weir_faults *faults, struct weir_error *err);
/* Only finds the places on disk. */
WEIR_MUST_USE weir_status weir_simulate_paths(const char *config,
                                              struct weir_paths *paths_out,
                                              struct weir_faults *faults,
                                              struct weir_error *err);
void weir_simulate_world_close(struct weir_simulate_world *world);

/* --------------------------------------------------------------- asking */

/* Called every 2^16 records; how many were read. */
typedef void weir_simulate_on_progress(void *context, uint64_t records);

struct weir_simulate_wish {
    const struct weir_image *changed; /* NULL: the images as they were */
    const struct weir_overlay_item *withdrawn; /* besides those of the record */
    uint32_t withdrawn_count;
    const struct weir_overlay_item *restored; /* left out of them */
    uint32_t restored_count;
    bool has_at; /* decide as of `at`, not as of the recorded time */
    weir_time at;
    weir_time from; /* calls decided from .. before `to` */
    weir_time to;
    weir_span tenant; /* empty: all */
    bool is_plain;    /* every question is evaluated: for tests and benches */
    weir_simulate_on_progress *on_progress; /* may be NULL */
    void *context;
};

/*
 * Reads the journal below `paths`. The report's member "is_same" is false
 * when a decision could not be repeated; "difference" names the first.
 * EIO, ENOMEM; ENOTFOUND when a name in the wish does not occur.
 */
WEIR_MUST_USE weir_status weir_simulate_journal(
    const struct weir_paths *paths, const struct weir_simulate_wish *wish,
    json_t **report_out, struct weir_error *err);

/* Calls nobody made: `count` of them drawn by `seed`, or, with 0, every key
 * with every name of a model and every operation, once. */
struct weir_simulate_population {
    const struct weir_image *image; /* before */
    const struct weir_overlay_item *withdrawn;
    uint32_t withdrawn_count;
    const struct weir_grant *grants; /* in force before and after */
    size_t grant_count;
    uint64_t count;
    uint64_t seed;
    weir_time now;
};
WEIR_MUST_USE weir_status
weir_simulate_population(const struct weir_simulate_population *population,
                         const struct weir_simulate_wish *wish,
                         json_t **report_out, struct weir_error *err);

/* The report for people, and as CSV for other programs. */
void weir_simulate_write_text(const json_t *report, struct weir_buf *out);
void weir_simulate_write_csv(const json_t *report, struct weir_buf *out);

#endif
