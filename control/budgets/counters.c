/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every counter of an image.
 *
 * Limits that a tenant, a project or a key has by itself have one counter.
 * A budget by name has one; or one for each member that some key leads to
 * (of end customers, that the ledger names); or, as a pool, one for each
 * reserved share and one for all. Of a pool the table has what goes beyond
 * the reserves; people are told of all that was used.
 */
#include <stdio.h>
#include <string.h>

#include <weir/watch_step.h>

#include "control/budgets/budgets.h"
#include "control/budgets/parts.h"
#include "control/store/store.h"

struct walk {
    const struct weir_image *image;
    struct weir_store *store;
    const struct weir_quota *quota;
    weir_time now;
    weir_on_counter *on_counter;
    void *context;
    struct weir__tally seen;
    uint32_t budget; /* of the end customers that are read */
    bool is_over;
    weir_status status;
};

static void
read_row(const struct walk *walk, const struct weir_budget_counter *counter,
         uint64_t subject, weir_quota_row *row_out)
{
    weir_time local, starts, ends;
    *row_out = (weir_quota_row){.last_starts_at = WEIR_TIME_MIN};
    if (walk->quota == NULL)
        return;
    weir_budget_window(walk->image, counter->zone, counter->window, walk->now,
                       &local, &starts, &ends);
    if (!weir_quota_get(walk->quota, subject, counter->metric, counter->window,
                        local, row_out))
        row_out->last_starts_at = WEIR_TIME_MIN;
}

/* The rest is what is above the reserves; what is below them is added. */
static void
add_members(const struct walk *walk, struct weir_budget_counter *counter)
{
    const struct weir_image_budget *budget =
        &walk->image->budgets[counter->budget];
    for (uint32_t i = 0; i < budget->share_count; i++) {
        const struct weir_image_reserve *share =
            &walk->image->reserves[budget->first_share + i];
        int64_t reserve = weir_budget_reserve(counter->limit, share->ppm);
        weir_quota_row row;
        read_row(walk, counter, weir_budget_subject(budget->hash, share->hash),
                 &row);
        int64_t used = row.used < reserve ? row.used : reserve;
        int64_t total = row.used + row.held;
        counter->used += used;
        counter->held += (total < reserve ? total : reserve) - used;
        if (row.last_starts_at == counter->last_starts_at)
            counter->last_used +=
                row.last_used < reserve ? row.last_used : reserve;
    }
}

static void
give(struct walk *walk, struct weir_budget_counter *counter)
{
    weir_quota_row row;
    if (walk->is_over)
        return;
    weir_budget_window(walk->image, counter->zone, counter->window, walk->now,
                       NULL, &counter->starts_at, &counter->reopens_at);
    read_row(walk, counter, counter->subject, &row);
    counter->used = row.used;
    counter->held = row.held;
    counter->refused = row.refused;
    counter->last_starts_at = row.last_starts_at;
    counter->last_used = row.last_used;
    if (counter->is_pool)
        add_members(walk, counter);
    counter->full_at =
        weir_budget_full_at(counter->used, counter->limit, counter->starts_at,
                            counter->reopens_at, walk->now, &counter->at_end);
    walk->is_over = !walk->on_counter(walk->context, counter);
}

/* ------------------------------------------------------ limits of their own */

static void
give_own(struct walk *walk, const char *of, weir_span name, uint64_t subject,
         uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_image_limit *limit = &walk->image->limits[first + i];
        struct weir_budget_counter counter = {
            .name = name,
            .of = of,
            .budget = WEIR_INDEX_NONE,
            .subject = subject,
            .metric = (weir_quota_metric)limit->metric,
            .window = (weir_quota_window)limit->window,
            .limit = limit->amount};
        give(walk, &counter);
    }
}

static void
give_all_own(struct walk *walk)
{
    const struct weir_image *image = walk->image;
    char whole[300];
    for (uint32_t i = 0; i < image->tenant_count; i++) {
        const struct weir_image_tenant *row = &image->tenants[i];
        give_own(walk, "tenant", weir_image_text(image, row->name), row->hash,
                 row->first_limit, row->limit_count);
    }
    for (uint32_t i = 0; i < image->project_count; i++) {
        const struct weir_image_project *row = &image->projects[i];
        weir_span tenant =
            weir_image_text(image, image->tenants[row->tenant].name);
        snprintf(whole, sizeof whole, "%.*s/%.*s", WEIR_SPAN_ARG(tenant),
                 WEIR_SPAN_ARG(weir_image_text(image, row->name)));
        give_own(walk, "project", weir_span_of(whole), row->hash,
                 row->first_limit, row->limit_count);
    }
    for (uint32_t i = 0; i < image->key_count; i++) {
        const struct weir_image_key *row = &image->keys[i];
        give_own(walk, "key", weir_image_text(image, row->id),
                 row->subject_hash, row->first_limit, row->limit_count);
    }
}

/* --------------------------------------------------------------- by name */

static void
give_budget(struct walk *walk, uint32_t row, uint64_t member,
            const char *member_name)
{
    const struct weir_image *image = walk->image;
    const struct weir_image_budget *budget = &image->budgets[row];
    for (uint32_t i = 0; i < budget->limit_count; i++) {
        const struct weir_image_limit *limit =
            &image->limits[budget->first_limit + i];
        struct weir_budget_counter counter = {
            .name = weir_image_text(image, budget->name),
            .of = "budget",
            .budget = row,
            .zone = budget->zone,
            .is_soft = (budget->flags & WEIR_BUDGET_SOFT) != 0,
            .is_pool = budget->share_count > 0,
            .subject = weir_budget_subject(budget->hash, member),
            .metric = (weir_quota_metric)limit->metric,
            .window = (weir_quota_window)limit->window,
            .limit = limit->amount};
        snprintf(counter.member, sizeof counter.member, "%s", member_name);
        give(walk, &counter);
        for (uint32_t s = 0; s < budget->share_count; s++) {
            const struct weir_image_reserve *share =
                &image->reserves[budget->first_share + s];
            struct weir_budget_counter one = counter;
            one.is_pool = false;
            one.reserve = budget->first_share + s + 1;
            one.reserved = weir_budget_reserve(limit->amount, share->ppm);
            one.limit =
                one.reserved + weir_budget_rest(image, budget, limit->amount);
            one.subject = weir_budget_subject(budget->hash, share->hash);
            snprintf(one.member, sizeof one.member, "reserved %s %.*s",
                     weir_budget_of_name(share->of),
                     WEIR_SPAN_ARG(weir_image_text(image, share->name)));
            give(walk, &one);
        }
    }
}

/* Once for each subject. */
static bool
is_new(struct walk *walk, uint64_t subject)
{
    struct weir__tally_slot *slot = weir__tally_at(&walk->seen, subject);
    if (slot == NULL)
        walk->status = WEIR_ENOMEM;
    return slot != NULL && slot->row++ == 0;
}

static void
name_member(const struct weir_image *image, uint32_t each, uint32_t key,
            char text[288])
{
    const struct weir_image_key *k = &image->keys[key];
    const struct weir_image_project *p = &image->projects[k->project];
    const struct weir_image_tenant *t = &image->tenants[p->tenant];
    weir_span tenant = weir_image_text(image, t->name);
    weir_span name = tenant;
    if (each == WEIR_BUDGET_EACH_ORGANISATION)
        name =
            weir_image_text(image, image->organisations[t->organisation].name);
    if (each == WEIR_BUDGET_EACH_KEY)
        name = weir_image_text(image, k->id);
    if (each == WEIR_BUDGET_EACH_PROJECT)
        snprintf(text, 288, "project %.*s/%.*s", WEIR_SPAN_ARG(tenant),
                 WEIR_SPAN_ARG(weir_image_text(image, p->name)));
    else
        snprintf(text, 288, "%s %.*s", weir_budget_each_name(each),
                 WEIR_SPAN_ARG(name));
}

/* Members that some key leads to. */
static void
give_members(struct walk *walk, uint32_t key)
{
    const struct weir_image *image = walk->image;
    struct weir_image_key_uses uses = image->key_budgets[key];
    for (uint32_t i = 0; i < uses.count; i++) {
        uint32_t row = image->uses[uses.first + i].budget;
        const struct weir_image_budget *budget = &image->budgets[row];
        char text[288];
        uint64_t member;
        if (budget->each == WEIR_BUDGET_ONE ||
            budget->each == WEIR_BUDGET_EACH_MODEL ||
            budget->each == WEIR_BUDGET_EACH_END_CUSTOMER)
            continue;
        member = weir_budget_member(image, budget, key, WEIR_SPAN(""),
                                    WEIR_INDEX_NONE);
        if (!is_new(walk, weir_budget_subject(budget->hash, member)))
            continue;
        name_member(image, budget->each, key, text);
        give_budget(walk, row, member, text);
    }
}

static void
give_models(struct walk *walk, uint32_t row)
{
    const struct weir_image *image = walk->image;
    for (uint32_t i = 0; i < image->model_count; i++) {
        char text[288];
        if (!weir_budget_has_model(image, &image->budgets[row], i))
            continue;
        snprintf(text, sizeof text, "model %.*s",
                 WEIR_SPAN_ARG(weir_image_text(image, image->models[i].name)));
        give_budget(walk, row, image->models[i].hash, text);
    }
}

/* Who has spent or was refused; others of that name are another tenant's. */
static bool
on_end_customer(void *context, const struct weir_store_end_customer *row)
{
    struct walk *walk = context;
    const struct weir_image *image = walk->image;
    for (uint32_t i = 0; i < image->tenant_count; i++) {
        const struct weir_image_tenant *t = &image->tenants[i];
        char text[288];
        if (!weir_span_equal(weir_image_text(image, t->name), row->tenant))
            continue;
        uint64_t member = weir_watch_end_customer(t->hash, row->name);
        snprintf(text, sizeof text, "end_customer %.*s/%.*s",
                 WEIR_SPAN_ARG(row->tenant), WEIR_SPAN_ARG(row->name));
        if (weir_budget_reaches_tenant(image, walk->budget, i))
            give_budget(walk, walk->budget, member, text);
    }
    return !walk->is_over;
}

weir_status
weir_budget_counters(const struct weir_image *image, struct weir_store *store,
                     const struct weir_quota *quota, weir_time now,
                     weir_on_counter *on_counter, void *context,
                     struct weir_error *err)
{
    struct walk walk = {.image = image,
                        .store = store,
                        .quota = quota,
                        .now = now,
                        .on_counter = on_counter,
                        .context = context};
    weir_status status = WEIR_OK;
    give_all_own(&walk);
    for (uint32_t i = 0; i < image->budget_count && status == WEIR_OK; i++) {
        walk.budget = i;
        if (image->budgets[i].each == WEIR_BUDGET_ONE)
            give_budget(&walk, i, 0, "");
        else if (image->budgets[i].each == WEIR_BUDGET_EACH_MODEL)
            give_models(&walk, i);
        else if (image->budgets[i].each == WEIR_BUDGET_EACH_END_CUSTOMER &&
                 store != NULL)
            status = weir_store_end_customers(store, WEIR_SPAN(""),
                                              on_end_customer, &walk, err);
    }
    for (uint32_t i = 0; i < image->key_count && !walk.is_over; i++)
        give_members(&walk, i);
    weir__tally_fini(&walk.seen);
    if (status == WEIR_OK && walk.status != WEIR_OK)
        status = weir_fail(err, walk.status, WEIR_OFFSET_NONE, "out of memory");
    return status;
}

/* A key of that tenant is under the budget. */
bool
weir_budget_reaches_tenant(const struct weir_image *image, uint32_t budget,
                           uint32_t tenant)
{
    for (uint32_t i = 0; i < image->key_count; i++) {
        struct weir_image_key_uses uses = image->key_budgets[i];
        if (image->projects[image->keys[i].project].tenant != tenant)
            continue;
        for (uint32_t j = 0; j < uses.count; j++)
            if (image->uses[uses.first + j].budget == budget)
                return true;
    }
    return false;
}
