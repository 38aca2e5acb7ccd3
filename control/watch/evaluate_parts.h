/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by evaluate*.c. */
#ifndef WEIR_CONTROL_WATCH_EVALUATE_PARTS_H
#define WEIR_CONTROL_WATCH_EVALUATE_PARTS_H

#include "control/watch/accounts.h"
#include "control/watch/evaluate.h"

#define SHARES 5 /* of the attack in a window */
#define RATES  3 /* of false alarms: 0.1, 0.3, 1 % */
#define WIDTHS 3

/* What a window is ranked by: a signal, or one of these. */
#define BY_SCORE (WEIR_WATCH_SIGNALS)
#define BY_PLAIN (WEIR_WATCH_SIGNALS + 1)
#define MEASURES (WEIR_WATCH_SIGNALS + 2)

typedef float window_figures[MEASURES];

/* A growing list of windows' figures. */
struct windows {
    uint32_t count;
    uint32_t capacity;
    window_figures *rows;
};

/* All windows of one width, with or without references. */
struct trial {
    uint32_t calls;
    bool has_reference;
    struct windows benign[WEIR_ACCOUNT_TENANTS];
    struct windows hostile[WEIR_ACCOUNT_TENANTS][WEIR_ACCOUNT_POOLS][SHARES];
};

struct evaluation {
    struct weir_evaluate_setup setup;
    struct weir_accounts accounts;
    bool is_failed;              /* no memory */
    struct trial *known[WIDTHS]; /* with a reference */
    struct trial *fresh[WIDTHS];
    const struct evaluation *other; /* whose benign windows set the lines */
    const char *table;
    uint32_t columns;
    const char *names[32];
};

extern const double evaluate_shares[SHARES];
extern const uint32_t evaluate_widths[WIDTHS];

/* A reference of this tenant out of the present halves; false: too few. */
bool evaluate_learn(struct evaluation *e,
                    const struct weir_account_tenant *tenant, uint32_t least,
                    struct weir_watch_pool *pool_out);
/* Scores `count` calls on a copy of the pool. */
void evaluate_window(const struct weir_watch_pool *pool,
                     const struct weir_watch_features *const *calls,
                     uint32_t count, window_figures figures_out);
bool evaluate_run(struct evaluation *e, struct trial *trial);
void evaluate_free(struct trial *trial);
bool evaluate_keep(struct windows *windows, const window_figures figures);
/* The value that `rate` of the benign windows reach; `only` or all but
 * `without` of the tenant kinds (UINT32_MAX: none). */
double evaluate_line(const struct evaluation *e, const struct trial *trial,
                     uint32_t by, double rate, uint32_t only, uint32_t without);
double evaluate_share_over(const struct windows *windows, uint32_t by,
                           double line);

/* Tables: markdown, or one object per row. */
void evaluate_begin(struct evaluation *e, const char *title, const char *note,
                    uint32_t columns, const char *const *names);
void evaluate_row(struct evaluation *e, const char *const *cells);

void evaluate_drip(struct evaluation *e);
void evaluate_change(struct evaluation *e, const struct trial *trial);
void evaluate_cost(struct evaluation *e, const struct weir_corpus *corpus);
void evaluate_clusters(struct evaluation *e);

#endif
