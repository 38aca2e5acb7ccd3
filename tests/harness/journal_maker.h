/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal_maker.h - a journal of calls that the real gate decided.
 *
 * The world of examples/demo, five keys, a writer in this process, and calls
 * drawn by a seed: who, which model, which operation, from where, when.
 * Images and overlays are archived as control does, so that everything that
 * reads a state directory can read this one.
 *
 * Threads: one. Memory: the caller's struct; files below a directory of its
 * own in /tmp, removed by maker_close().
 */
#ifndef WEIR_JOURNAL_MAKER_H
#define WEIR_JOURNAL_MAKER_H

#include <weir/gate.h>
#include <weir/lane.h>
#include <weir/world.h>

#include "control/files.h"
#include "writer.h"

/* Two days before a rule of the demo begins. */
#define MAKER_START (INT64_C(1794268800000000) - 2 * WEIR_US_PER_DAY)

struct maker {
    struct weir_paths paths;
    struct writer writer;
    struct writer_config config;
    struct weir_lane *lane;
    struct weir_env env;
    struct weir_gate gate;
    struct weir_view view;
    struct weir_world *world;
    struct weir_buf image_bytes;
    struct weir_buf overlay_bytes;
    uint64_t overlay;
    uint64_t state; /* of the draw */
    weir_time now;
    weir_time step; /* between two calls */
    uint64_t calls;
    uint64_t admitted;
    uint64_t tokens;
    int64_t micros;
    uint64_t of_model[8]; /* admitted calls that `answered` each model row */
};

/* Policies besides those of the demo: NULL ends the list of file, text. */
void maker_open(struct maker *maker, uint64_t segment_bytes,
                const char *const *policies);
void maker_close(struct maker *maker);
/* Compiles the world again as of now and archives the image. */
void maker_image(struct maker *maker);
/* A new generation of the overlay. */
void maker_withdraw(struct maker *maker, const struct weir_overlay_item *items,
                    size_t count);
/* Calls, each with its outcome or refusal. */
void maker_calls(struct maker *maker, uint64_t count);
/* Everything appended is in segments. */
void maker_drain(struct maker *maker);

#endif
