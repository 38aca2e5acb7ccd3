/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/watch/live_names.h - what the digests of records stand for.
 *
 * Names come from intents as they are read, models and their makers from the
 * sources. Bounded: when it is full it begins anew, and names come again
 * with the next intents.
 *
 * Threads: one owner; `models` takes control's lock. Memory: its own.
 */
#ifndef WEIR_WATCH_LIVE_NAMES_H
#define WEIR_WATCH_LIVE_NAMES_H

#include "control/watch/engine.h"

#define WEIR_WATCH_NAMES_MAX 131072

struct weir_watch_name {
    char *text; /* NULL: free slot */
    uint64_t digest;
    uint32_t kind;
};

struct weir_watch_model_row {
    uint64_t digest;
    struct weir_watch_model model;
};

struct weir_watch_payment {
    uint64_t tenant;
    uint64_t payment; /* digest of what is declared */
};

struct weir_watch_names {
    struct weir_watch_name *rows; /* [2 * WEIR_WATCH_NAMES_MAX] */
    uint32_t count;
    struct weir_watch_model_row *models; /* by digest */
    uint32_t model_count;
    struct weir_watch_payment *payments; /* by tenant */
    uint32_t payment_count;
    uint64_t publications; /* of the sources that both are from */
};

WEIR_MUST_USE weir_status weir_watch_names_init(struct weir_watch_names *names,
                                                struct weir_error *err);
void weir_watch_names_fini(struct weir_watch_names *names);
void weir_watch_names_intent(struct weir_watch_names *names,
                             const struct weir_record_intent *intent);
/* The sources again, if they changed. */
void weir_watch_names_sources(struct weir_watch_names *names,
                              struct weir_control *control);
bool weir_watch_names_model(const struct weir_watch_names *names,
                            uint64_t digest,
                            struct weir_watch_model *model_out);
/* 0: the tenant declares none. */
uint64_t weir_watch_names_payment(const struct weir_watch_names *names,
                                  uint64_t tenant);
/* Groups that no intent named are looked up in the sources. */
bool weir_watch_names_find(struct weir_watch_names *names,
                           struct weir_control *control, uint32_t kind,
                           uint64_t digest, char *name_out, size_t size);

#endif
