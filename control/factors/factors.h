/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/factors/factors.h - tokens from bytes, learned of settled calls.
 *
 * Ingest counts calls into cells (model, tenant, kind, bytes, tokens). Once a
 * day control fits a line to each model's cells, and publishes an image with
 * it where a line moved:
 *
 *   - a tenant has at most FACTOR_TENANT_CALLS votes, so that many agree;
 *   - a class of sizes is heard by its median, so that few outliers do not;
 *   - what was known before counts as FACTOR_PRIOR_CALLS calls;
 *   - a line stays within half and twice its family's seed (a quarter and
 *     four times a quarter of a token a byte, where there is no seed);
 *   - and moves by a tenth a day at most.
 *
 * Threads: as the store given. Memory: the callback's rows last until it
 * returns.
 */
#ifndef WEIR_FACTORS_H
#define WEIR_FACTORS_H

#include <jansson.h>

#include <weir/factor.h>

#include "control/control.h"

#define WEIR_FACTOR_TENANT_CALLS 200
#define WEIR_FACTOR_PRIOR_CALLS  20
#define WEIR_FACTOR_CALLS_MIN    30   /* fewer teach nothing */
#define WEIR_FACTOR_FORGET_ABOVE 2000 /* calls of a tenant: they are halved */

/* ---------------------------------------------------------- the store's */

struct weir_factor_cell_row {
    weir_span model;
    int64_t tenant; /* the store's number for it */
    uint32_t kind;
    uint32_t cell;
    uint64_t calls;
};
/* By model, kind, tenant, cell. False stops. */
typedef bool weir_factor_on_cell(void *context,
                                 const struct weir_factor_cell_row *row);
WEIR_MUST_USE weir_status weir__factor_cells(struct weir_store *store,
                                             weir_factor_on_cell *on_cell,
                                             void *context,
                                             struct weir_error *err);
/* The lines that were learned, by model. */
typedef bool weir_factor_on_row(void *context, weir_span model,
                                weir_time learned,
                                const struct weir_factor *factor);
WEIR_MUST_USE weir_status weir_factors(struct weir_store *store,
                                       weir_factor_on_row *on_row,
                                       void *context, struct weir_error *err);
WEIR_MUST_USE weir_status weir__factor_set(struct weir_store *store,
                                           weir_span model, weir_time now,
                                           const struct weir_factor *factor,
                                           struct weir_error *err);
WEIR_MUST_USE weir_status weir__factor_forget(struct weir_store *store,
                                              uint32_t above,
                                              struct weir_error *err);

/* ------------------------------------------------------------- learning */

/* Calls of one tenant in one cell. */
struct weir_factor_vote {
    int64_t tenant;
    uint32_t cell;
    uint64_t calls;
};

/*
 * One line from the votes on it (by tenant). `seed` is the family's line, or
 * not known; `before` the one in force. False: too few, `line_out` is left.
 */
bool weir_factor_fit(const struct weir_factor_vote *votes, size_t count,
                     const struct weir_factor_line *seed,
                     const struct weir_factor_line *before,
                     struct weir_factor_line *line_out);
/* Without a bound on how far it moves: what a seed is made by. */
bool weir_factor_fit_freely(const struct weir_factor_vote *votes, size_t count,
                            struct weir_factor_line *line_out);

/* Learns every model's lines and forgets half of what is old, in one
 * transaction. `*moved_out`: how many models have other lines now. */
WEIR_MUST_USE weir_status weir_factors_learn(struct weir_store *store,
                                             const struct weir_image *image,
                                             weir_time now, uint32_t *moved_out,
                                             struct weir_error *err);

/* The learned lines into the models of a world. */
WEIR_MUST_USE weir_status weir_factors_join(struct weir_world *world,
                                            struct weir_store *store,
                                            struct weir_error *err);

/* True once a day of UTC: the day's learning is due. */
WEIR_MUST_USE weir_status weir_factors_is_due(struct weir_store *store,
                                              weir_time now, bool *is_due_out,
                                              struct weir_error *err);

/* Learns now, and publishes where something moved. Takes the lock. */
WEIR_MUST_USE weir_status weir_control_factors_learn(
    struct weir_control *control, uint32_t *moved_out, struct weir_error *err);
/* The same once a day; failures are logged. */
void weir_control_factors_turn(struct weir_control *control);

/* {"factors":[{"model":..,"source":..,"calls":..,"tenants":..,"lines":[..]}]}
 * of what an image has; also in explanations. */
json_t *weir_factors_json(const struct weir_image *image);
json_t *weir_factor_json(const struct weir_image *image, uint32_t model);

#endif
