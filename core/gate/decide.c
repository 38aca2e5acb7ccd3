/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy, asked for every candidate.
 *
 *   withdrawn?  ->  does the model do this at all?  ->  is the policy data
 *   young enough?  ->  Cedar over (key, action, deployment, context)
 *
 * WHERE IT FAILS CLOSED. Here and nowhere else: a failing forbid, a scratch
 * that is too small, an entity the program does not know become a deny with
 * the reason policy_error. The caller cannot mistake an error for a yes,
 * because there is no error to look at: only verdicts.
 *
 * WHAT A WITHDRAWAL OF A PLACE MEANS. A jurisdiction takes away deployments
 * that run or store there; an organisation takes away its own calls and the
 * deployments it operates. Everything else about places is policy.
 */
#include "internal.h"

#include <string.h>

/* Failures looked at for the forbid to blame. */
#define FAILED_MAX    16
#define SATISFIED_MAX 64
#define CONTEXT_MAX   10
#define SIGNALS_MAX   7

bool
weir_gate_is_withdrawn(const struct weir_image *image,
                       const struct weir_overlay *overlay, uint32_t row)
{
    if (overlay->count == 0)
        return false;
    const struct weir_image_deployment *deployment = &image->deployments[row];
    const struct weir_image_model *model = &image->models[deployment->model];
    return weir_overlay_has(overlay, deployment->hash) ||
           weir_overlay_has(overlay, model->hash) ||
           weir_overlay_has(overlay, image->providers[model->provider].hash) ||
           weir_overlay_has(
               overlay, image->organisations[deployment->operated_by].hash) ||
           weir_overlay_has(overlay,
                            image->jurisdictions[deployment->place].hash) ||
           weir_overlay_has(overlay,
                            image->jurisdictions[deployment->stored_in].hash);
}

bool
weir__gate_is_inside(const struct weir_image *image, uint32_t key, uint32_t row)
{
    const struct weir_image_scope *scope =
        &image->scopes[image->keys[key].scope];
    const struct weir_image_deployment *deployment = &image->deployments[row];
    if (scope->kind == WEIR_SCOPE_GLOBAL)
        return true;
    /* The region itself, where one is meant; then both places. What the
     * scope does not list is outside, and so is what it does not know. */
    if (scope->kind == WEIR_SCOPE_REGION &&
        !weir_span_equal(weir_image_text(image, scope->region),
                         weir_image_text(image, deployment->region)))
        return false;
    return weir_image_has_place(image, scope->places, deployment->place) &&
           weir_image_has_place(image, scope->places, deployment->stored_in);
}

/* What is the same for all candidates of one call. */
struct asked {
    struct weir_cedar_request request;
    struct weir_cedar_binding context[CONTEXT_MAX];
    struct weir_cedar_binding signals[SIGNALS_MAX];
    weir_cedar_value address;
};

static void
bind(const struct weir_cedar_program *program, struct asked *asked,
     const char *name, weir_cedar_arg value)
{
    uint32_t attribute =
        weir_cedar_program_attribute(program, weir_span_of(name));
    if (attribute == WEIR_CEDAR_NONE)
        return; /* no policy reads it */
    asked->context[asked->request.context_count++] =
        (struct weir_cedar_binding){attribute, value};
}

static void
add_signal(const struct weir_cedar_program *program, struct asked *asked,
           uint32_t *count, const char *name, weir_cedar_arg value)
{
    uint32_t attribute =
        weir_cedar_program_attribute(program, weir_span_of(name));
    if (attribute != WEIR_CEDAR_NONE)
        asked->signals[(*count)++] =
            (struct weir_cedar_binding){attribute, value};
}

/* context.signals: what is not known is not there, but that it is not. */
static void
bind_signals(const struct weir_cedar_program *program, struct asked *asked,
             const struct weir_signal_facts *facts)
{
    uint32_t count = 0;
    uint32_t attribute =
        weir_cedar_program_attribute(program, WEIR_SPAN("signals"));
    if (attribute == WEIR_CEDAR_NONE)
        return;
    if ((facts->known & WEIR_SIGNAL_PLACE) != 0)
        add_signal(program, asked, &count, "undeclared_place",
                   weir_cedar_arg_bool(facts->is_undeclared));
    if ((facts->known & WEIR_SIGNAL_SEEN) != 0) {
        add_signal(program, asked, &count, "countries",
                   weir_cedar_arg_long(facts->countries));
        add_signal(program, asked, &count, "travel_kmh",
                   weir_cedar_arg_long(facts->travel_kmh));
    }
    if ((facts->known & WEIR_SIGNAL_HOSTING) != 0)
        add_signal(program, asked, &count, "hosting_network",
                   weir_cedar_arg_bool(facts->is_hosting));
    add_signal(program, asked, &count, "place_unknown",
               weir_cedar_arg_bool((facts->known & WEIR_SIGNAL_PLACE) == 0));
    add_signal(program, asked, &count, "network_unknown",
               weir_cedar_arg_bool(facts->system == 0));
    if (facts->system != 0)
        add_signal(program, asked, &count, "network",
                   weir_cedar_arg_long(facts->system));
    asked->context[asked->request.context_count++] =
        (struct weir_cedar_binding){
            attribute, weir_cedar_arg_record(asked->signals, count)};
}

/* Milliseconds, toward the past. */
int64_t
weir__gate_milliseconds(weir_time when)
{
    int64_t ms = when / WEIR_US_PER_MS;
    return when % WEIR_US_PER_MS < 0 ? ms - 1 : ms;
}

/* A name that no policy speaks of is no entity, and changes nothing. */
static bool
bind_exception(const struct weir_cedar_program *program, weir_span name,
               struct asked *asked)
{
    const struct weir_cedar_uid uid = {WEIR_SPAN("Exception"), name};
    uint32_t entity = weir_cedar_program_entity(program, &uid);
    uint32_t before = asked->request.context_count;
    if (entity == WEIR_CEDAR_NONE)
        return false;
    bind(program, asked, "exception", weir_cedar_arg_entity(entity));
    return asked->request.context_count > before;
}

/* Whom a reseller sells to: the name as sent and, when an organisation is
 * registered under it, that organisation. */
static void
bind_end_customer(const struct weir_cedar_program *program, weir_span named,
                  struct asked *asked)
{
    const struct weir_cedar_uid uid = {WEIR_SPAN("Organization"), named};
    if (named.len == 0)
        return;
    bind(program, asked, "end_customer_id", weir_cedar_arg_string(named));
    uint32_t entity = weir_cedar_program_entity(program, &uid);
    if (entity != WEIR_CEDAR_NONE && weir_cedar_program_has(program, entity))
        bind(program, asked, "end_customer", weir_cedar_arg_entity(entity));
}

static void
ask(const struct weir_image *image, const struct weir_question *question,
    struct asked *asked)
{
    const struct weir_cedar_program *program = &image->program;

    memset(&asked->request, 0, sizeof(asked->request));
    asked->request.principal =
        weir_cedar_arg_entity(image->keys[question->key].entity);
    asked->request.action =
        weir_cedar_arg_entity(image->actions[question->operation]);
    asked->request.context = asked->context;
    asked->request.now = question->now;
    if (question->address.len > 0 &&
        weir_cedar_extension_parse(WEIR_CEDAR_IP, question->address,
                                   &asked->address))
        bind(program, asked, "client",
             weir_cedar_arg_ip(&asked->address.ip, asked->address.is_v6,
                               asked->address.prefix));
    uint32_t country = weir_image_find_jurisdiction(image, question->country);
    if (country != WEIR_INDEX_NONE)
        bind(program, asked, "client_country",
             weir_cedar_arg_entity(image->jurisdictions[country].entity));
    bind_end_customer(program, question->end_customer, asked);
    if (question->operation == WEIR_OP_CALL_TOOL)
        bind(program, asked, "tool", weir_cedar_arg_string(question->tool));
    bind(program, asked, "now",
         weir_cedar_arg_datetime(weir__gate_milliseconds(question->now)));
    bind(program, asked, "is_streamed",
         weir_cedar_arg_bool(question->is_streamed));
    bind_signals(program, asked, &question->signals);
}

/* Sorts the satisfied policies into deciding ones and shadows. */
static void
keep_policies(const struct weir_image *image,
              const struct weir_cedar_answer *cedar,
              struct weir_candidate *candidate)
{
    uint32_t listed = cedar->satisfied_count < cedar->satisfied_max
                          ? cedar->satisfied_count
                          : cedar->satisfied_max;
    for (uint32_t i = 0; i < listed; i++) {
        uint32_t row = cedar->satisfied[i];
        const struct weir_image_policy *policy = &image->policies[row];
        bool is_hold = (policy->flags & WEIR_POLICY_HOLD) != 0;
        if ((policy->flags & WEIR_POLICY_SHADOW) != 0) {
            if (candidate->shadow_count < WEIR_DECIDING_MAX)
                candidate->shadows[candidate->shadow_count] = row;
            candidate->shadow_count++;
            continue;
        }
        bool decides = candidate->verdict == WEIR_ALLOW ? policy->is_permit
                       : candidate->verdict == WEIR_HOLD
                           ? is_hold
                           : !policy->is_permit && !is_hold;
        if (!decides)
            continue;
        if (candidate->policy_count < WEIR_DECIDING_MAX)
            candidate->policies[candidate->policy_count] = row;
        candidate->policy_count++;
    }
}

/* A failed permit only permits nothing; the failed forbid is the reason. */
static void
blame_forbid(const struct weir_image *image,
             const struct weir_cedar_failure *failed,
             const struct weir_cedar_answer *cedar,
             struct weir_candidate *candidate)
{
    for (uint32_t i = 0; i < cedar->failed_count && i < cedar->failed_max;
         i++) {
        const struct weir_image_policy *policy =
            &image->policies[failed[i].policy];
        if (policy->is_permit || (policy->flags & WEIR_POLICY_SHADOW) != 0)
            continue;
        candidate->policies[0] = failed[i].policy;
        candidate->policy_count = 1;
        return;
    }
}

static void
decide(const struct weir_image *image, struct asked *asked,
       struct weir_candidate *candidate)
{
    _Alignas(16) char scratch[WEIR_DECIDE_SCRATCH_MAX];
    uint32_t satisfied[SATISFIED_MAX];
    struct weir_cedar_failure failed[FAILED_MAX];
    struct weir_cedar_answer cedar = {
        .satisfied = satisfied,
        .satisfied_max = SATISFIED_MAX,
        .failed = failed,
        .failed_max = WEIR_COUNTOF(failed),
    };

    candidate->verdict = WEIR_DENY;
    candidate->reason = WEIR_REASON_POLICY_ERROR;
    if (weir_cedar_program_scratch_size(&image->program) > sizeof(scratch))
        return;
    asked->request.resource =
        weir_cedar_arg_entity(image->deployments[candidate->deployment].entity);
    weir_cedar_decide(&image->program, &asked->request, WEIR_CEDAR_FULL,
                      scratch, &cedar);
    if (cedar.failed_forbid_count > 0) {
        blame_forbid(image, failed, &cedar, candidate);
        return;
    }
    switch (cedar.outcome) {
    case WEIR_CEDAR_ALLOW:
        candidate->verdict = WEIR_ALLOW;
        candidate->reason = WEIR_REASON_PERMITTED;
        break;
    case WEIR_CEDAR_HELD:
        candidate->verdict = WEIR_HOLD;
        candidate->reason = WEIR_REASON_HELD;
        break;
    case WEIR_CEDAR_DENY:
        candidate->reason = cedar.forbid_count > 0 ? WEIR_REASON_FORBIDDEN
                                                   : WEIR_REASON_NO_PERMIT;
        break;
    }
    keep_policies(image, &cedar, candidate);
}

/* Selling through somebody else is no way round a withdrawal. */
static bool
is_end_customer_withdrawn(const struct weir_view *view, weir_span named)
{
    return view->overlay.count > 0 && named.len > 0 &&
           weir_overlay_has(&view->overlay,
                            weir_kind_hash(WEIR_KIND_ORGANISATION, named));
}

/* Too old by the seller's limit, or known to be damaged. */
static bool
is_stale(const struct weir_image *image, const struct weir_question *question)
{
    if (question->confirmed_us <= 0)
        return question->confirmed_us < 0;
    return image->stale_after_us != 0 &&
           question->now - question->confirmed_us > image->stale_after_us;
}

static void
judge(const struct weir_view *view, const struct weir_question *question,
      struct asked *asked, struct weir_candidate *candidate)
{
    const struct weir_image *image = &view->image;
    const struct weir_image_model *model =
        &image->models[image->deployments[candidate->deployment].model];
    const struct weir_image_project *project =
        &image->projects[image->keys[question->key].project];
    uint32_t organisation = image->tenants[project->tenant].organisation;

    candidate->verdict = WEIR_DENY;
    candidate->policy_count = 0;
    candidate->shadow_count = 0;
    if (weir_gate_is_withdrawn(image, &view->overlay, candidate->deployment) ||
        weir_overlay_has(&view->overlay,
                         image->organisations[organisation].hash) ||
        is_end_customer_withdrawn(view, question->end_customer)) {
        candidate->reason = WEIR_REASON_WITHDRAWN;
        return;
    }
    if (!weir__gate_is_inside(image, question->key, candidate->deployment)) {
        candidate->reason = WEIR_REASON_SCOPE;
        return;
    }
    if ((model->operations & UINT32_C(1) << question->operation) == 0) {
        candidate->reason = WEIR_REASON_OPERATION;
        return;
    }
    if ((model->flags & WEIR_MODEL_HAS_END) != 0 &&
        question->now >= image->lifes[model - image->models].sunset_us) {
        candidate->reason = WEIR_REASON_SUNSET;
        return;
    }
    if (is_stale(image, question) &&
        (model->flags & WEIR_MODEL_OPEN_WHEN_STALE) == 0) {
        candidate->reason = WEIR_REASON_STALE;
        return;
    }
    decide(image, asked, candidate);
}

/* Asks again for the candidates that `grant` fits; true: one is allowed. The
 * rows are left as they were when none is. */
static bool
try_grant(const struct weir_view *view, const struct weir_question *question,
          const struct weir_grant *grant, struct weir_candidate *candidates,
          uint32_t count)
{
    struct weir_candidate tried[WEIR_CANDIDATES_MAX];
    struct asked asked;
    bool is_allowed = false;
    if (!weir__gate_grant_fits_caller(view, question, grant))
        return false;
    ask(&view->image, question, &asked);
    if (!bind_exception(&view->image.program, weir_grant_name(grant), &asked))
        return false;
    memcpy(tried, candidates, count * sizeof(tried[0]));
    for (uint32_t i = 0; i < count; i++) {
        if (!weir__gate_grant_fits(&view->image, grant, tried[i].deployment))
            continue;
        judge(view, question, &asked, &tried[i]);
        is_allowed |= tried[i].verdict == WEIR_ALLOW;
    }
    if (is_allowed)
        memcpy(candidates, tried, count * sizeof(tried[0]));
    return is_allowed;
}

/*
 * The first grant of the watch whose scope holds every candidate that may
 * serve the call: which one will is not known yet, and a grant for one model
 * must not be charged for another.
 */
static uint32_t
find_watch_grant(const struct weir_view *view,
                 const struct weir_question *question,
                 const struct weir_candidate *candidates, uint32_t count)
{
    const struct weir_overlay *overlay = &view->overlay;
    if (overlay->watch_grant_count == 0)
        return WEIR_INDEX_NONE;
    for (uint32_t row = question->first_grant; row < overlay->grant_count;
         row++) {
        const struct weir_grant *grant = &overlay->grants[row];
        bool fits = grant->use == WEIR_GRANT_FOR_WATCH &&
                    weir__gate_grant_fits_caller(view, question, grant);
        for (uint32_t i = 0; fits && i < count; i++)
            fits = candidates[i].verdict != WEIR_ALLOW ||
                   weir__gate_grant_fits(&view->image, grant,
                                         candidates[i].deployment);
        if (fits)
            return row;
    }
    return WEIR_INDEX_NONE;
}

static bool
is_watch_grant(const struct weir_view *view, uint32_t row)
{
    return row != WEIR_INDEX_NONE &&
           view->overlay.grants[row].use == WEIR_GRANT_FOR_WATCH;
}

/* The first grant that lets a candidate through, or keeps the watch from a
 * call that is let through anyway; WEIR_INDEX_NONE: none. */
static uint32_t
find_grant(const struct weir_view *view, const struct weir_question *question,
           struct weir_candidate *candidates, uint32_t count)
{
    uint32_t tried = 0;
    for (uint32_t i = 0; i < count; i++)
        if (candidates[i].verdict == WEIR_ALLOW)
            return find_watch_grant(view, question, candidates, count);
    for (uint32_t row = question->first_grant;
         row < view->overlay.grant_count && tried < WEIR_GRANTS_TRIED_MAX;
         row++) {
        const struct weir_grant *grant = &view->overlay.grants[row];
        if (grant->use != WEIR_GRANT_FOR_POLICY)
            continue;
        if (try_grant(view, question, grant, candidates, count))
            return row;
        tried += weir__gate_grant_fits_caller(view, question, grant);
    }
    return WEIR_INDEX_NONE;
}

void
weir_gate_decide_one(const struct weir_view *view,
                     const struct weir_question *question, uint32_t deployment,
                     struct weir_candidate *candidate_out)
{
    struct asked asked;
    WEIR_ASSERT(deployment < view->image.deployment_count);
    WEIR_ASSERT(question->key < view->image.key_count);
    ask(&view->image, question, &asked);
    candidate_out->deployment = deployment;
    candidate_out->weight = 0;
    judge(view, question, &asked, candidate_out);
    if (!is_watch_grant(view, find_grant(view, question, candidate_out, 1)))
        (void)weir__gate_take_steps(view, question, candidate_out, 1);
}

/* Keeping nothing is stricter than any class; which of two classes is, only
 * their names can say here, so that the answer does not hang on the order of
 * files. */
static void
add_retention(const struct weir_image *image,
              const struct weir_image_policy *policy,
              struct weir_obligations *all)
{
    weir_span retain = weir_image_text(image, policy->retain);
    weir_span monitor = weir_image_text(image, policy->monitor);
    if (weir_span_equal(retain, WEIR_SPAN("none")) ||
        weir_span_equal(monitor, WEIR_SPAN("modified")))
        all->keeps_nothing = true;
    if (retain.len > 0 &&
        (all->retain.len == 0 ||
         weir_span_compare(retain, weir_image_text(image, all->retain)) < 0))
        all->retain = policy->retain;
    if (monitor.len > 0)
        all->monitor = policy->monitor;
}

/* The strictest of what the deciding permits of allowed candidates ask. */
static void
add_obligations(const struct weir_image *image,
                const struct weir_candidate *candidate,
                struct weir_obligations *all)
{
    uint32_t count = candidate->policy_count < WEIR_DECIDING_MAX
                         ? candidate->policy_count
                         : WEIR_DECIDING_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_image_policy *policy =
            &image->policies[candidate->policies[i]];
        all->strip |= policy->strip;
        if (policy->max_n != 0 &&
            (all->max_n == 0 || policy->max_n < all->max_n))
            all->max_n = policy->max_n;
        if (policy->tier > all->tier)
            all->tier = policy->tier;
        add_retention(image, policy, all);
        all->filters |= policy->filters;
        if (policy->cache_s != 0)
            all->cache_s = weir__gate_shorter(all->cache_s, policy->cache_s);
        all->classifiers |= policy->classifiers;
    }
}

static uint32_t
rank(const struct weir_candidate *candidate)
{
    if (candidate->verdict == WEIR_ALLOW)
        return 0;
    if (candidate->reason == WEIR_REASON_WATCH_SUSPENDED)
        return 1; /* allowed but for that */
    if (candidate->verdict == WEIR_HOLD)
        return 2;
    return candidate->reason == WEIR_REASON_FORBIDDEN ? 3 : 4;
}

/* How many candidates of the same rank the same policy speaks for. */
static uint32_t
weight_of(const struct weir_answer *answer, const struct weir_candidate *one)
{
    uint32_t same = 0;
    for (uint32_t i = 0; i < answer->candidate_count; i++) {
        const struct weir_candidate *other = &answer->candidates[i];
        same += rank(other) == rank(one) && other->policy_count > 0 &&
                one->policy_count > 0 && other->policies[0] == one->policies[0];
    }
    return same;
}

/*
 * Which candidate a refusal quotes: a suspension, then a hold before a forbid
 * before the rest;
 * among equals the policy that stands in the way most often (the customer
 * wants the rule that concerns him, not that of one odd deployment); then
 * the declared order.
 */
static void
conclude(const struct weir_image *image, struct weir_answer *answer)
{
    const struct weir_candidate *best = &answer->candidates[0];
    for (uint32_t i = 0; i < answer->candidate_count; i++) {
        const struct weir_candidate *candidate = &answer->candidates[i];
        if (rank(candidate) < rank(best) ||
            (rank(candidate) == rank(best) && rank(best) > 0 &&
             weight_of(answer, candidate) > weight_of(answer, best)))
            best = candidate;
        if (candidate->verdict == WEIR_ALLOW)
            add_obligations(image, candidate, &answer->obligations);
    }
    answer->speaking = (uint32_t)(best - answer->candidates);
    answer->verdict = best->verdict;
    answer->reason = best->reason;
}

void
weir_gate_decide(const struct weir_view *view,
                 const struct weir_question *question,
                 struct weir_answer *answer_out)
{
    const struct weir_image *image = &view->image;
    struct asked asked;

    WEIR_ASSERT(question->key < image->key_count);
    answer_out->verdict = WEIR_DENY;
    answer_out->reason = WEIR_REASON_UNKNOWN_MODEL;
    answer_out->candidate_count = 0;
    answer_out->exception = WEIR_INDEX_NONE;
    answer_out->step = WEIR_INDEX_NONE;
    answer_out->speaking = 0;
    memset(&answer_out->obligations, 0, sizeof(answer_out->obligations));
    answer_out->route = weir_image_find_route(image, question->model);
    if (answer_out->route == WEIR_INDEX_NONE) {
        if (weir_image_find_listing(image, question->model) != WEIR_INDEX_NONE)
            answer_out->reason = WEIR_REASON_NOT_SERVABLE;
        return;
    }
    /* What is made for copies is there for copies alone. */
    if (((image->trials[answer_out->route].shadow & WEIR_SHADOW_ROUTE) != 0) !=
        question->is_shadow) {
        answer_out->route = WEIR_INDEX_NONE;
        return;
    }
    const struct weir_image_route *route = &image->routes[answer_out->route];
    ask(image, question, &asked);
    for (uint32_t i = 0; i < route->count; i++) {
        const struct weir_image_candidate *row =
            &image->candidates[route->first + i];
        struct weir_candidate *candidate =
            &answer_out->candidates[answer_out->candidate_count++];
        candidate->deployment = row->deployment;
        candidate->weight = row->weight;
        judge(view, question, &asked, candidate);
    }
    answer_out->exception = find_grant(view, question, answer_out->candidates,
                                       answer_out->candidate_count);
    if (!is_watch_grant(view, answer_out->exception))
        answer_out->step =
            weir__gate_take_steps(view, question, answer_out->candidates,
                                  answer_out->candidate_count);
    if (answer_out->candidate_count > 0)
        conclude(image, answer_out);
    if (answer_out->step != WEIR_INDEX_NONE)
        weir__gate_add_step(&view->overlay.steps[answer_out->step],
                            &answer_out->obligations);
}

enum weir_cedar_result
weir_gate_trace(const struct weir_view *view,
                const struct weir_question *question, uint32_t deployment,
                uint32_t policy, weir_cedar_on_read *on_read, void *context)
{
    const struct weir_image *image = &view->image;
    _Alignas(16) char scratch[WEIR_DECIDE_SCRATCH_MAX];
    struct asked asked;
    WEIR_ASSERT(deployment < image->deployment_count);
    WEIR_ASSERT(question->key < image->key_count);
    WEIR_ASSERT(policy < image->policy_count);
    if (weir_cedar_program_scratch_size(&image->program) > sizeof(scratch))
        return WEIR_CEDAR_FAILED;
    ask(image, question, &asked);
    if (question->exception_name.len > 0)
        (void)bind_exception(&image->program, question->exception_name, &asked);
    asked.request.resource =
        weir_cedar_arg_entity(image->deployments[deployment].entity);
    return weir_cedar_trace(&image->program, &asked.request, policy, scratch,
                            on_read, context, NULL);
}

/* What one can do something about: not which action was asked for. */
static bool
may_differ(void *context, const struct weir_cedar_read *read)
{
    const struct weir_cedar_request *request = context;
    return read->subject.kind != WEIR_CEDAR_ENTITY ||
           read->subject.count != request->action.count;
}

weir_status
weir_gate_whatif(const struct weir_view *view,
                 const struct weir_question *question, uint32_t deployment,
                 uint32_t trial_max, struct weir_arena *arena,
                 struct weir_cedar_whatif *whatif_out, struct weir_error *err)
{
    const struct weir_image *image = &view->image;
    _Alignas(16) char scratch[WEIR_DECIDE_SCRATCH_MAX];
    struct asked *asked = weir_arena_alloc(arena, sizeof(*asked));
    struct weir_cedar_whatif_bounds bounds = {
        .change_max = WEIR_CEDAR_CHANGES_MAX,
        .trial_max = trial_max,
        .fails_closed = true,
        .may_change = may_differ,
    };
    WEIR_ASSERT(deployment < image->deployment_count);
    WEIR_ASSERT(question->key < image->key_count);
    if (asked == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (weir_cedar_program_scratch_size(&image->program) > sizeof(scratch))
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the policies are nested too deep");
    ask(image, question, asked);
    if (question->exception_name.len > 0)
        (void)bind_exception(&image->program, question->exception_name, asked);
    asked->request.resource =
        weir_cedar_arg_entity(image->deployments[deployment].entity);
    bounds.context = &asked->request;
    return weir_cedar_whatif(&image->program, &asked->request, &bounds, scratch,
                             arena, whatif_out, err);
}
