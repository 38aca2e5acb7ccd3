/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What budgets should have used, from the ledger.
 *
 *     ledger, by caller and model --> budgets of that caller --> counters
 *
 * For each window in force that some budget has, the ledger is read once,
 * grouped by tenant, project, key and model, and every group is given to the
 * counters that its calls were held under. Whole days of UTC come from the
 * daily totals, the hours before and behind them from the ledger's rows.
 * Budgets of end customers read the calls that name one.
 *
 * A key that is gone has no row in the image: its calls count as its
 * project's. What it spent by itself, or as a member of a group that lists
 * keys, is over with it.
 */
#include <stdlib.h>
#include <string.h>

#include <weir/watch_step.h>

#include "control/budgets/budgets.h"
#include "control/budgets/parts.h"
#include "control/store/store.h"

#define WINDOWS_MAX 64

struct span_of_time {
    weir_time from;
    weir_time to;
};

struct weir_budget_sums {
    const struct weir_image *image;
    const struct weir_image *before;
    struct weir_store *store;
    weir_time now;
    struct weir__tally counters; /* value: used, more: of a pool, free use */
    struct weir__tally names;    /* of keys and projects: row */
    struct span_of_time current; /* the window that is read */
    bool is_of_end_customers;    /* this pass */
    weir_status status;
};

enum { NAME_KEY = 1, NAME_PROJECT = 2, NAME_MODEL = 3 };

static uint32_t
kind_of(uint32_t metric, uint32_t window)
{
    return metric * WEIR_QUOTA_WINDOWS + window;
}

static void
add(struct weir_budget_sums *sums, uint64_t subject,
    const struct weir_image_limit *limit, int64_t used)
{
    uint32_t kind = kind_of(limit->metric, limit->window);
    struct weir__tally_slot *slot =
        weir__tally_at(&sums->counters, weir__tally_key(subject, kind));
    if (slot == NULL) {
        sums->status = WEIR_ENOMEM;
        return;
    }
    slot->subject = subject;
    slot->kind = kind;
    slot->value += used;
}

static void
window_of(const struct weir_budget_sums *sums,
          const struct weir_image_budget *budget,
          const struct weir_image_limit *limit, struct span_of_time *out)
{
    weir_budget_window(sums->image, budget->zone, limit->window, sums->now,
                       NULL, &out->from, &out->to);
}

static bool
is_read_by_name(const struct weir_image_budget *budget)
{
    return budget->each == WEIR_BUDGET_EACH_END_CUSTOMER ||
           budget->end_customer.len > 0;
}

/* A counter of that kind was in force before: it has counted all along. */
static bool
is_old(const struct weir_budget_sums *sums,
       const struct weir_image_budget *budget,
       const struct weir_image_limit *limit)
{
    const struct weir_image *before = sums->before;
    for (uint32_t i = 0; before != NULL && i < before->budget_count; i++) {
        const struct weir_image_budget *b = &before->budgets[i];
        if (b->hash != budget->hash)
            continue;
        for (uint32_t j = 0; j < b->limit_count; j++) {
            const struct weir_image_limit *l =
                &before->limits[b->first_limit + j];
            if (l->metric == limit->metric && l->window == limit->window)
                return true;
        }
    }
    return false;
}

bool
weir_budgets_are_new(const struct weir_image *image,
                     const struct weir_image *before)
{
    const struct weir_budget_sums sums = {.image = image, .before = before};
    for (uint32_t b = 0; b < image->budget_count; b++) {
        const struct weir_image_budget *budget = &image->budgets[b];
        for (uint32_t i = 0; i < budget->limit_count; i++)
            if (!is_old(&sums, budget, &image->limits[budget->first_limit + i]))
                return true;
    }
    return false;
}

/* ------------------------------------------------------- one group's sum */

struct group {
    weir_span tenant;
    weir_span project;
    weir_span key;
    weir_span model;
    weir_span end_customer;
    int64_t of[WEIR_METRICS];
};

static uint64_t
name_key(uint32_t kind, weir_span a, weir_span b)
{
    uint64_t hash = weir_hash64(b, weir_hash64(a, kind));
    return hash == 0 ? 1 : hash;
}

static uint32_t
row_of(const struct weir_budget_sums *sums, uint32_t kind, weir_span a,
       weir_span b)
{
    const struct weir__tally_slot *slot =
        weir__tally_find(&sums->names, name_key(kind, a, b));
    return slot == NULL ? WEIR_INDEX_NONE : slot->row;
}

/* The hash of the member that `each` means; 0: none. */
static uint64_t
member_of(const struct weir_image *image,
          const struct weir_image_budget *budget, uint32_t key,
          uint32_t project, const struct group *group, uint32_t model)
{
    const struct weir_image_project *p = &image->projects[project];
    const struct weir_image_tenant *t = &image->tenants[p->tenant];
    switch ((enum weir_budget_each)budget->each) {
    case WEIR_BUDGET_EACH_ORGANISATION:
        return image->organisations[t->organisation].hash;
    case WEIR_BUDGET_EACH_TENANT:
        return t->hash;
    case WEIR_BUDGET_EACH_PROJECT:
        return p->hash;
    case WEIR_BUDGET_EACH_KEY:
        return key == WEIR_INDEX_NONE ? 0 : image->keys[key].subject_hash;
    case WEIR_BUDGET_EACH_END_CUSTOMER:
        return weir_watch_end_customer(t->hash, group->end_customer);
    case WEIR_BUDGET_EACH_MODEL:
        return model == WEIR_INDEX_NONE ? 0 : image->models[model].hash;
    case WEIR_BUDGET_ONE:
    case WEIR_BUDGET_EACHES:
        break;
    }
    return 0;
}

static void
add_limit(struct weir_budget_sums *sums, const struct weir_image_budget *budget,
          uint32_t reserve, const struct weir_image_limit *limit,
          uint64_t subject, const struct group *group)
{
    struct span_of_time window;
    window_of(sums, budget, limit, &window);
    if (window.from != sums->current.from || window.to != sums->current.to ||
        is_old(sums, budget, limit))
        return;
    if (reserve != 0)
        subject = weir_budget_subject(subject,
                                      sums->image->reserves[reserve - 1].hash);
    add(sums, subject, limit, group->of[limit->metric]);
}

static void
add_to(struct weir_budget_sums *sums, const struct weir_image_use *use,
       uint32_t key, uint32_t project, const struct group *group,
       uint32_t model)
{
    const struct weir_image *image = sums->image;
    const struct weir_image_budget *budget = &image->budgets[use->budget];
    uint64_t member = member_of(image, budget, key, project, group, model);
    if (is_read_by_name(budget) != sums->is_of_end_customers ||
        (budget->each != WEIR_BUDGET_ONE && member == 0) ||
        (budget->model_count > 0 &&
         (model == WEIR_INDEX_NONE ||
          !weir_budget_has_model(image, budget, model))) ||
        (budget->end_customer.len > 0 &&
         !weir_span_equal(weir_image_text(image, budget->end_customer),
                          group->end_customer)))
        return;
    uint64_t subject = weir_budget_subject(budget->hash, member);
    for (uint32_t i = 0; i < budget->limit_count; i++)
        add_limit(sums, budget, use->share,
                  &image->limits[budget->first_limit + i], subject, group);
}

static bool
add_group(struct weir_budget_sums *sums, const struct group *group)
{
    const struct weir_image *image = sums->image;
    uint32_t key = row_of(sums, NAME_KEY, group->key, WEIR_SPAN(""));
    uint32_t project =
        key != WEIR_INDEX_NONE
            ? image->keys[key].project
            : row_of(sums, NAME_PROJECT, group->tenant, group->project);
    uint32_t model =
        group->model.len == 0
            ? WEIR_INDEX_NONE
            : row_of(sums, NAME_MODEL, group->model, WEIR_SPAN(""));
    if (project == WEIR_INDEX_NONE)
        return true; /* it is not declared any more */
    struct weir_image_key_uses uses = key != WEIR_INDEX_NONE
                                          ? image->key_budgets[key]
                                          : image->project_budgets[project];
    for (uint32_t i = 0; i < uses.count; i++)
        add_to(sums, &image->uses[uses.first + i], key, project, group, model);
    return sums->status == WEIR_OK;
}

static bool
on_sum(void *context, const struct weir_store_sum *row)
{
    const struct group group = {
        .tenant = row->tenant,
        .project = row->project,
        .key = row->key,
        .model = row->model,
        .of = {(int64_t)row->counted,
               (int64_t)(row->input_tokens + row->output_tokens),
               row->cost_micros}};
    return add_group(context, &group);
}

static bool
on_end_customer(void *context, const struct weir_store_sum *row,
                weir_span end_customer)
{
    const struct group group = {
        .tenant = row->tenant,
        .project = row->project,
        .key = row->key,
        .model = row->model,
        .end_customer = end_customer,
        .of = {(int64_t)row->counted,
               (int64_t)(row->input_tokens + row->output_tokens),
               row->cost_micros}};
    return add_group(context, &group);
}

/* -------------------------------------------------------------- windows */

static weir_status
read_rows(struct weir_budget_sums *sums, weir_time from, weir_time to,
          bool is_total, struct weir_error *err)
{
    struct weir_store_filter filter = {.from = from,
                                       .to = to,
                                       .by_tenant = true,
                                       .by_project = true,
                                       .by_key = true,
                                       .by_model = true};
    if (from >= to)
        return WEIR_OK;
    return is_total ? weir_store_totals(sums->store, &filter, on_sum, sums, err)
                    : weir_store_usage(sums->store, &filter, on_sum, sums, err);
}

static weir_status
read_window(struct weir_budget_sums *sums, struct span_of_time window,
            bool is_of_end_customers, struct weir_error *err)
{
    weir_time to = window.to <= sums->now ? window.to : sums->now + 1;
    weir_time first =
        (window.from + WEIR_US_PER_DAY - 1) / WEIR_US_PER_DAY * WEIR_US_PER_DAY;
    weir_time last = window.to / WEIR_US_PER_DAY * WEIR_US_PER_DAY;
    sums->current = window;
    sums->is_of_end_customers = is_of_end_customers;
    if (is_of_end_customers)
        return weir_store_end_customer_usage(sums->store, window.from, to,
                                             on_end_customer, sums, err);
    if (first >= last) /* no whole day of UTC is in it */
        return read_rows(sums, window.from, window.to, false, err);
    weir_status status = read_rows(sums, window.from, first, false, err);
    if (status == WEIR_OK)
        status = read_rows(sums, first, last, true, err);
    if (status == WEIR_OK)
        status = read_rows(sums, last, window.to, false, err);
    return status;
}

static weir_status
read_windows(struct weir_budget_sums *sums, bool is_of_end_customers,
             struct weir_error *err)
{
    const struct weir_image *image = sums->image;
    struct span_of_time seen[WINDOWS_MAX];
    uint32_t count = 0;
    weir_status status = WEIR_OK;
    for (uint32_t b = 0; status == WEIR_OK && b < image->budget_count; b++) {
        const struct weir_image_budget *budget = &image->budgets[b];
        if (is_read_by_name(budget) != is_of_end_customers)
            continue;
        for (uint32_t i = 0; status == WEIR_OK && i < budget->limit_count;
             i++) {
            const struct weir_image_limit *limit =
                &image->limits[budget->first_limit + i];
            struct span_of_time window;
            uint32_t j = 0;
            if (is_old(sums, budget, limit))
                continue;
            window_of(sums, budget, limit, &window);
            while (j < count && memcmp(&seen[j], &window, sizeof window) != 0)
                j++;
            if (j < count)
                continue;
            if (count == WINDOWS_MAX)
                return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                                 "budgets have more than %d windows at once",
                                 WINDOWS_MAX);
            seen[count++] = window;
            status = read_window(sums, window, is_of_end_customers, err);
        }
    }
    return status != WEIR_OK ? status : sums->status;
}

/* ------------------------------------------------------------- the pools */

/* The rest of a pool: what those without a reserve used, which is there
 * already, and what the others used above theirs. */
static void
add_rests(struct weir_budget_sums *sums)
{
    const struct weir_image *image = sums->image;
    for (uint32_t b = 0; b < image->budget_count; b++) {
        const struct weir_image_budget *budget = &image->budgets[b];
        for (uint32_t i = 0; i < budget->limit_count; i++) {
            const struct weir_image_limit *limit =
                &image->limits[budget->first_limit + i];
            for (uint32_t s = 0; s < budget->share_count; s++) {
                const struct weir_image_reserve *share =
                    &image->reserves[budget->first_share + s];
                int64_t used = weir_budget_sums_get(
                    sums, weir_budget_subject(budget->hash, share->hash),
                    (weir_quota_metric)limit->metric,
                    (weir_quota_window)limit->window);
                int64_t reserve =
                    weir_budget_reserve(limit->amount, share->ppm);
                if (used > reserve)
                    add(sums, budget->hash, limit, used - reserve);
            }
        }
    }
}

static weir_status
add_names(struct weir_budget_sums *sums)
{
    const struct weir_image *image = sums->image;
    uint32_t all = image->key_count + image->project_count + image->model_count;
    for (uint32_t i = 0; i < all; i++) {
        uint32_t row = i;
        uint64_t key;
        if (row < image->key_count) {
            key =
                name_key(NAME_KEY, weir_image_text(image, image->keys[row].id),
                         WEIR_SPAN(""));
        } else if ((row -= image->key_count) < image->project_count) {
            const struct weir_image_project *p = &image->projects[row];
            key =
                name_key(NAME_PROJECT,
                         weir_image_text(image, image->tenants[p->tenant].name),
                         weir_image_text(image, p->name));
        } else {
            row -= image->project_count;
            key = name_key(NAME_MODEL,
                           weir_image_text(image, image->models[row].name),
                           WEIR_SPAN(""));
        }
        struct weir__tally_slot *slot = weir__tally_at(&sums->names, key);
        if (slot == NULL)
            return WEIR_ENOMEM;
        slot->row = row;
    }
    return WEIR_OK;
}

weir_status
weir_budget_sums_new(const struct weir_image *image,
                     const struct weir_image *before, struct weir_store *store,
                     weir_time now, struct weir_budget_sums **sums_out,
                     struct weir_error *err)
{
    struct weir_budget_sums *sums = calloc(1, sizeof *sums);
    if (sums == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    sums->image = image;
    sums->before = before;
    sums->store = store;
    sums->now = now;
    weir_status status = add_names(sums);
    if (status == WEIR_ENOMEM)
        (void)weir_fail(err, status, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK)
        status = read_windows(sums, false, err);
    if (status == WEIR_OK)
        status = read_windows(sums, true, err);
    if (status == WEIR_OK) {
        add_rests(sums);
        *sums_out = sums;
        return WEIR_OK;
    }
    weir_budget_sums_free(sums);
    return status;
}

void
weir_budget_sums_free(struct weir_budget_sums *sums)
{
    if (sums == NULL)
        return;
    weir__tally_fini(&sums->counters);
    weir__tally_fini(&sums->names);
    free(sums);
}

int64_t
weir_budget_sums_get(const struct weir_budget_sums *sums, uint64_t subject,
                     weir_quota_metric metric, weir_quota_window window)
{
    const struct weir__tally_slot *slot = weir__tally_find(
        &sums->counters, weir__tally_key(subject, kind_of(metric, window)));
    return slot == NULL ? 0 : slot->value;
}

static weir_status
raise_one(const struct weir_budget_sums *sums, struct weir_quota *quota,
          const struct weir_image_budget *budget, uint64_t subject,
          const struct weir_image_limit *limit)
{
    weir_time local, starts, ends;
    int64_t used =
        weir_budget_sums_get(sums, subject, (weir_quota_metric)limit->metric,
                             (weir_quota_window)limit->window);
    if (used == 0)
        return WEIR_OK;
    weir_budget_window(sums->image, budget->zone, limit->window, sums->now,
                       &local, &starts, &ends);
    return weir_quota_raise(quota, subject, (weir_quota_metric)limit->metric,
                            (weir_quota_window)limit->window, local, used);
}

struct raising {
    const struct weir_budget_sums *sums;
    struct weir_quota *quota;
    weir_status status;
};

static bool
on_counter(void *context, const struct weir_budget_counter *counter)
{
    struct raising *raising = context;
    const struct weir_image *image = raising->sums->image;
    if (counter->budget == WEIR_INDEX_NONE)
        return true;
    const struct weir_image_limit limit = {.metric = counter->metric,
                                           .window = counter->window};
    raising->status =
        raise_one(raising->sums, raising->quota,
                  &image->budgets[counter->budget], counter->subject, &limit);
    return raising->status == WEIR_OK;
}

weir_status
weir_budget_sums_raise(const struct weir_budget_sums *sums,
                       struct weir_quota *quota, struct weir_error *err)
{
    struct raising raising = {sums, quota, WEIR_OK};
    weir_status status = weir_budget_counters(
        sums->image, sums->store, NULL, sums->now, on_counter, &raising, err);
    if (status != WEIR_OK)
        return status;
    return raising.status == WEIR_OK
               ? WEIR_OK
               : weir_fail(err, raising.status, WEIR_OFFSET_NONE,
                           "no counter is free for a budget");
}
