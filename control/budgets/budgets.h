/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/budgets/budgets.h - every counter there is: what it may, what it
 * has, when it will be full; and what the ledger says it should have.
 *
 * Counters are in the table that workers share (weir/quota.h). The ledger is
 * their truth: a counter that is new, or lost with the machine, begins at the
 * ledger's sum, and `weir budgets --check` holds the two against each other.
 *
 * Threads: as the store and the image given. Memory: spans in a row are the
 * image's or last until the callback returns.
 */
#ifndef WEIR_BUDGETS_H
#define WEIR_BUDGETS_H

#include <weir/budget.h>
#include <weir/quota.h>

#include "control/control.h"

struct weir_budget_counter {
    weir_span name;   /* of the budget, the tenant, tenant/project, key */
    const char *of;   /* "budget", "tenant", "project", "key" */
    char member[288]; /* "tenant fjordline"; "reserved tenant fjordline";
                           empty: one for all */
    uint32_t budget;  /* row; WEIR_INDEX_NONE: a limit of its own */
    uint32_t reserve; /* row plus 1: a member of a pool */
    uint32_t zone;    /* row plus 1; 0: UTC */
    bool is_soft;
    bool is_pool; /* the sum of a pool: used and held are all members' */
    uint64_t subject;
    weir_quota_metric metric;
    weir_quota_window window;
    int64_t limit;
    int64_t reserved; /* of a member: never refused up to this */
    weir_time starts_at;
    weir_time reopens_at;
    int64_t used;
    int64_t held;
    uint64_t refused;         /* ever */
    weir_time last_starts_at; /* the window before, as the table knows it */
    int64_t last_used;
    weir_time full_at; /* at this window's rate; WEIR_TIME_MAX: not in it */
    int64_t at_end;    /* what it would come to */
};

/* The callback returns false to stop. */
typedef bool weir_on_counter(void *context,
                             const struct weir_budget_counter *counter);

/*
 * Every counter of the image: of end customers those that the ledger names
 * (`store` NULL: none). `quota` NULL: used and held are 0. ENOMEM.
 */
WEIR_MUST_USE weir_status weir_budget_counters(
    const struct weir_image *image, struct weir_store *store,
    const struct weir_quota *quota, weir_time now, weir_on_counter *on_counter,
    void *context, struct weir_error *err);

/* A key of that tenant is under the budget. */
bool weir_budget_reaches_tenant(const struct weir_image *image, uint32_t budget,
                                uint32_t tenant);

/* ------------------------------------------------- what the ledger says */

struct weir_budget_sums;

/*
 * Sums of the windows in force at `now`, for the budgets of `image` that
 * `before` (NULL: none) does not have alike. ENOMEM.
 */
WEIR_MUST_USE weir_status weir_budget_sums_new(
    const struct weir_image *image, const struct weir_image *before,
    struct weir_store *store, weir_time now, struct weir_budget_sums **sums_out,
    struct weir_error *err);
/* A budget, or a window of one, that `before` does not have. */
bool weir_budgets_are_new(const struct weir_image *image,
                          const struct weir_image *before);
void weir_budget_sums_free(struct weir_budget_sums *sums); /* NULL is fine */
/* 0 where nothing was counted. */
int64_t weir_budget_sums_get(const struct weir_budget_sums *sums,
                             uint64_t subject, weir_quota_metric metric,
                             weir_quota_window window);
/* Counters become at least that. EUNAVAIL: the table is full. */
WEIR_MUST_USE weir_status
weir_budget_sums_raise(const struct weir_budget_sums *sums,
                       struct weir_quota *quota, struct weir_error *err);

/* --------------------------------------------------------------- alerts */

/*
 * A thread that looks at the counters of budgets with `alerts` once a second
 * and posts one notice for each window, limit and share, to every tenant
 * that spends under the counter. A limit counts as reached in full, too, when
 * it has refused a call with nine tenths used.
 */
struct weir_budget_watch;
WEIR_MUST_USE weir_status weir_budget_watch_start(
    struct weir_control *control, const struct weir_quota *quota,
    struct weir_budget_watch **watch_out, struct weir_error *err);
void weir_budget_watch_stop(struct weir_budget_watch *watch); /* NULL is fine */

/* Alerts since this process began. Any thread. */
uint64_t weir_budget_alerts(void);

#define WEIR_NOTICE_BUDGET "budget.alert"

#endif
