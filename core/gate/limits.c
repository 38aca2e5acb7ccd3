/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits a call is held under, and which of them it is settled under.
 *
 *     key's, project's, tenant's own | budgets by name | slow | grant
 *
 * WHY BUDGETS OVER MODELS ARE HELD FOR ALL. Which model will answer is known
 * when it has. Until then the call is held under the budgets of every model
 * that may; those of the others are settled with nothing. A model whose
 * budget is full leaves the candidates and the call goes on with the rest:
 * only when none is left the budget refuses.
 *
 * WHAT A CALL THAT NOBODY ANSWERED COUNTS. For its callers one request, for
 * no model anything: the ledger's line has no model either.
 */
#include "internal.h"

static bool
push(struct weir_call *call, const weir_quota_limit *limit,
     enum weir_limit_kind kind, uint32_t row, uint32_t model)
{
    if (call->limit_count == WEIR_QUOTA_LIMITS_MAX)
        return false;
    call->limits[call->limit_count] = *limit;
    call->limits_of[call->limit_count++] =
        (struct weir_call_limit){.kind = kind, .row = row, .model = model};
    return true;
}

static bool
push_own(struct weir_call *call, enum weir_limit_kind kind, uint64_t subject,
         uint32_t first, uint32_t count)
{
    const struct weir_image *image = &call->view->image;
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_image_limit *own = &image->limits[first + i];
        const weir_quota_limit limit = {.subject = subject,
                                        .amount = own->amount,
                                        .metric = (uint8_t)own->metric,
                                        .window = (uint8_t)own->window,
                                        .is_hard = true};
        if (!push(call, &limit, kind, 0, WEIR_INDEX_NONE))
            return false;
    }
    return true;
}

/* --------------------------------------------------------- by name */

struct use {
    const struct weir_image_budget *budget;
    uint32_t row;
    uint32_t share; /* plus 1 */
};

/* One limit of a budget; in a pool the member's and the rest. */
static bool
push_limit(struct weir_call *call, const struct use *use,
           const struct weir_image_limit *of, uint64_t subject, uint32_t model)
{
    const struct weir_image *image = &call->view->image;
    const struct weir_image_budget *budget = use->budget;
    weir_quota_limit limit = {
        .subject = subject,
        .amount = weir_budget_rest(image, budget, of->amount),
        .metric = (uint8_t)of->metric,
        .window = (uint8_t)of->window,
        .is_hard = (budget->flags & WEIR_BUDGET_SOFT) == 0,
        .is_minor = budget->each == WEIR_BUDGET_EACH_END_CUSTOMER,
    };
    if (of->window > WEIR_QUOTA_HOUR)
        limit.offset_s = weir_zone_offset(image, budget->zone, call->started);
    if (use->share == 0)
        return push(call, &limit, WEIR_LIMIT_BUDGET, use->row, model);
    const struct weir_image_reserve *share = &image->reserves[use->share - 1];
    limit.is_rest = true;
    if (!push(call, &limit, WEIR_LIMIT_BUDGET, use->row, model))
        return false;
    limit.is_rest = false;
    limit.pool = (uint8_t)call->limit_count;
    limit.reserve = weir_budget_reserve(of->amount, share->ppm);
    limit.subject = weir_budget_subject(subject, share->hash);
    limit.amount += limit.reserve;
    return push(call, &limit, WEIR_LIMIT_BUDGET, use->row, model);
}

static bool
push_counter(struct weir_call *call, const struct use *use, uint32_t model)
{
    const struct weir_image *image = &call->view->image;
    uint64_t member = weir_budget_member(image, use->budget, call->key,
                                         call->client.end_customer, model);
    if (use->budget->each != WEIR_BUDGET_ONE && member == 0)
        return true; /* names no end customer */
    uint64_t subject = weir_budget_subject(use->budget->hash, member);
    for (uint32_t i = 0; i < use->budget->limit_count; i++)
        if (!push_limit(call, use, &image->limits[use->budget->first_limit + i],
                        subject, model))
            return false;
    return true;
}

static uint32_t
model_of(const struct weir_call *call, uint32_t candidate)
{
    return call->view->image
        .deployments[call->answer.candidates[candidate].deployment]
        .model;
}

static bool
is_in_question(const struct weir_call *call, uint32_t candidate)
{
    return call->answer.candidates[candidate].verdict == WEIR_ALLOW &&
           (call->unaffordable >> candidate & 1) == 0;
}

/* A model comes once, with its first candidate. */
static bool
is_first_of(const struct weir_call *call, uint32_t candidate)
{
    uint32_t model = model_of(call, candidate);
    for (uint32_t i = 0; i < candidate; i++)
        if (is_in_question(call, i) && model_of(call, i) == model)
            return false;
    return true;
}

static bool
push_budget(struct weir_call *call, const struct use *use)
{
    const struct weir_image *image = &call->view->image;
    const struct weir_image_budget *budget = use->budget;
    bool is_each = budget->each == WEIR_BUDGET_EACH_MODEL;
    if (budget->end_customer.len > 0 &&
        !weir_span_equal(weir_image_text(image, budget->end_customer),
                         call->client.end_customer))
        return true;
    if (!is_each && budget->model_count == 0)
        return push_counter(call, use, WEIR_INDEX_NONE);
    for (uint32_t i = 0; i < call->answer.candidate_count; i++) {
        if (!is_in_question(call, i) || !is_first_of(call, i) ||
            !weir_budget_has_model(image, budget, model_of(call, i)))
            continue;
        if (!is_each)
            return push_counter(call, use, WEIR_LIMIT_SOME_MODELS);
        if (!push_counter(call, use, model_of(call, i)))
            return false;
    }
    return true;
}

static bool
push_budgets(struct weir_call *call)
{
    const struct weir_image *image = &call->view->image;
    struct weir_image_key_uses uses = image->key_budgets[call->key];
    for (uint32_t i = 0; i < uses.count; i++) {
        const struct weir_image_use *row = &image->uses[uses.first + i];
        const struct use use = {.budget = &image->budgets[row->budget],
                                .row = row->budget,
                                .share = row->share};
        if (!push_budget(call, &use))
            return false;
    }
    return true;
}

bool
weir__call_limits(struct weir_call *call)
{
    const struct weir_image *image = &call->view->image;
    const struct weir_image_key *key = &image->keys[call->key];
    const struct weir_image_project *project = &image->projects[call->project];
    const struct weir_image_tenant *tenant = &image->tenants[call->tenant];
    weir_quota_limit limits[WEIR_METRICS];
    call->limit_count = 0;
    if (!push_own(call, WEIR_LIMIT_KEY, key->subject_hash, key->first_limit,
                  key->limit_count) ||
        !push_own(call, WEIR_LIMIT_PROJECT, project->hash, project->first_limit,
                  project->limit_count) ||
        !push_own(call, WEIR_LIMIT_TENANT, tenant->hash, tenant->first_limit,
                  tenant->limit_count) ||
        !push_budgets(call))
        return false;
    if (weir__gate_step_limit(call, limits) &&
        !push(call, limits, WEIR_LIMIT_STEP, 0, WEIR_INDEX_NONE))
        return false;
    if (call->answer.exception == WEIR_INDEX_NONE)
        return true;
    size_t count = weir__gate_grant_limits(
        &call->view->overlay.grants[call->answer.exception], limits, 0,
        WEIR_METRICS);
    for (size_t i = 0; i < count; i++)
        if (!push(call, &limits[i], WEIR_LIMIT_GRANT, 0, WEIR_INDEX_NONE))
            return false;
    return true;
}

/* ------------------------------------------------------ what is full */

bool
weir__call_is_full(const struct weir_call *call, weir_status status,
                   enum weir_limit_kind kind)
{
    return (status == WEIR_EBUDGET || status == WEIR_ERATE) &&
           call->full.limit < call->limit_count &&
           call->limits_of[call->full.limit].kind == (uint32_t)kind;
}

bool
weir__call_leave_model(struct weir_call *call, weir_status status)
{
    const struct weir_image *image = &call->view->image;
    bool is_any_left = false;
    if (!weir__call_is_full(call, status, WEIR_LIMIT_BUDGET))
        return false;
    struct weir_call_limit of = call->limits_of[call->full.limit];
    if (of.model == WEIR_INDEX_NONE)
        return false;
    uint32_t before = call->unaffordable;
    for (uint32_t i = 0; i < call->answer.candidate_count; i++) {
        uint32_t model = model_of(call, i);
        bool is_full =
            of.model == WEIR_LIMIT_SOME_MODELS
                ? weir_budget_has_model(image, &image->budgets[of.row], model)
                : of.model == model;
        if (is_full)
            call->unaffordable |= UINT32_C(1) << i;
        is_any_left = is_any_left || is_in_question(call, i);
    }
    if (!is_any_left)
        call->unaffordable = before; /* the refusal quotes what is full */
    return is_any_left;
}

uint32_t
weir__call_applies(const struct weir_call *call)
{
    const struct weir_image *image = &call->view->image;
    uint32_t answered =
        call->is_answered ? model_of(call, call->current) : WEIR_INDEX_NONE;
    uint32_t applies = 0;
    for (uint32_t i = 0; i < call->limit_count; i++) {
        const struct weir_call_limit *of = &call->limits_of[i];
        if (of->model == WEIR_INDEX_NONE ||
            (of->model == WEIR_LIMIT_SOME_MODELS &&
             answered != WEIR_INDEX_NONE &&
             weir_budget_has_model(image, &image->budgets[of->row],
                                   answered)) ||
            (of->model == answered && answered != WEIR_INDEX_NONE))
            applies |= UINT32_C(1) << i;
    }
    return applies;
}

weir_span
weir__call_limit_name(const struct weir_call *call, uint32_t limit)
{
    const struct weir_image *image = &call->view->image;
    static const char *const names[] = {
        [WEIR_LIMIT_KEY] = "key",       [WEIR_LIMIT_PROJECT] = "project",
        [WEIR_LIMIT_TENANT] = "tenant", [WEIR_LIMIT_BUDGET] = "budget",
        [WEIR_LIMIT_STEP] = "watch",    [WEIR_LIMIT_GRANT] = "exception",
    };
    const struct weir_call_limit *of = &call->limits_of[limit];
    if (of->kind == WEIR_LIMIT_BUDGET)
        return weir_image_text(image, image->budgets[of->row].name);
    return weir_span_of(names[of->kind]);
}

weir_time
weir__call_reopens_at(const struct weir_call *call)
{
    const struct weir_image *image = &call->view->image;
    const struct weir_call_limit *of = &call->limits_of[call->full.limit];
    if (of->kind != WEIR_LIMIT_BUDGET ||
        call->limits[call->full.limit].window <= WEIR_QUOTA_HOUR)
        return call->full.reopens_at;
    return weir_zone_utc(image, image->budgets[of->row].zone,
                         call->full.reopens_at);
}
