/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch in the life of a call: who it belongs to, which step of a case
 * meets it, and the block of features for its record.
 *
 *   decide:  policy -> exceptions -> steps: hold and suspend take candidates
 *            away, strip and slow are obligations of the answer
 *   reply:   bytes are read as they pass
 *   settle:  features -> indicators -> record
 *
 * WHY STEPS COME BEHIND POLICY AND EXCEPTIONS. A step only takes away. An
 * exception that a person granted from a rule says nothing about what the
 * watch saw since; a grant of the watch itself is a step that is not there.
 *
 * WHY STEPS ARE PART OF THE DECISION. weir_gate_decide() is what explain,
 * simulate, fallback and /v1/models ask too: none of them can see another
 * answer than the call.
 *
 * WHY THE BLOCK IS MADE WHEN THE CALL ENDS. Then it costs the caller no
 * time, and the reply is known. What is kept until then is the part of the
 * prompt that is read, 2.5 KB, wiped afterwards.
 */
#include "internal.h"

#include <string.h>

#include <weir/watch_ladder.h>

_Static_assert((int)WEIR_WATCH_SUSPEND == WEIR_WATCH_STEP_ACTION_MAX,
               "overlays hold every action");

/* ------------------------------------------------------------- who */

void
weir_gate_pools(const struct weir_image *image, uint32_t key,
                weir_span end_customer, struct weir_watch_pools *pools_out)
{
    const struct weir_image_key *row = &image->keys[key];
    const struct weir_image_project *project = &image->projects[row->project];
    const struct weir_image_tenant *tenant = &image->tenants[project->tenant];
    const struct weir_image_organisation *organisation =
        &image->organisations[tenant->organisation];
    const struct weir_image_organisation *top =
        organisation->group == 0
            ? organisation
            : &image->organisations[organisation->group - 1];
    memset(pools_out, 0, sizeof(*pools_out));
    pools_out->of[WEIR_WATCH_OF_KEY] = row->hash;
    pools_out->of[WEIR_WATCH_OF_PROJECT] = project->hash;
    pools_out->of[WEIR_WATCH_OF_TENANT] = tenant->hash;
    pools_out->of[WEIR_WATCH_OF_ORGANISATION] = organisation->hash;
    pools_out->of[WEIR_WATCH_OF_GROUP] = top->hash;
    pools_out->of[WEIR_WATCH_OF_END_CUSTOMER] =
        weir_watch_end_customer(tenant->hash, end_customer);
}

/* ----------------------------------------------------------- steps */

static bool
fits_target(const struct weir_image *image, const struct weir_watch_step *step,
            uint32_t deployment)
{
    const struct weir_image_model *model =
        &image->models[image->deployments[deployment].model];
    switch ((enum weir_grant_target)step->target_kind) {
    case WEIR_GRANT_ANY_MODEL:
        return true;
    case WEIR_GRANT_MODEL:
        return step->target == model->hash;
    case WEIR_GRANT_PROVIDER:
        return step->target == image->providers[model->provider].hash;
    case WEIR_GRANT_FAMILY:
        return step->target ==
               weir_grant_target_hash(WEIR_GRANT_FAMILY,
                                      weir_image_text(image, model->family));
    }
    return false;
}

/*
 * What the deciding permits let the watch do, as image.h keeps it: rungs it
 * takes by itself, and above them those for which a person has to agree. A
 * permit without a rule says nothing; when none has one, the default is what
 * control goes by too: observe by itself, all else by a person's yes.
 */
static uint32_t
known_actions(const struct weir_image *image,
              const struct weir_candidate *candidate)
{
    uint32_t count = candidate->policy_count < WEIR_DECIDING_MAX
                         ? candidate->policy_count
                         : WEIR_DECIDING_MAX;
    uint32_t known = 0;
    uint32_t automatic = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t steps = image->policies[candidate->policies[i]].steps;
        known |= steps;
        automatic |= steps & ~(steps >> WEIR_WATCH_ASKS_SHIFT);
    }
    if (known == 0) {
        struct weir_watch_rule rule = weir_watch_rule_default();
        return rule.automatic | rule.asks | rule.asks << WEIR_WATCH_ASKS_SHIFT;
    }
    /* What one permit takes by itself, no other one asks for. */
    return known & ~((automatic & UINT8_MAX) << WEIR_WATCH_ASKS_SHIFT);
}

static bool
may_act(const struct weir_watch_step *step, uint32_t known)
{
    uint32_t rung = WEIR_WATCH_RUNG(step->action);
    return (known & rung) != 0 &&
           ((known & rung << WEIR_WATCH_ASKS_SHIFT) == 0 ||
            step->agreed >= step->action);
}

/* The stricter one of two rows; of equals the one that lasts longer. */
static uint32_t
stricter(const struct weir_overlay *overlay, uint32_t a, uint32_t b)
{
    if (a == WEIR_INDEX_NONE || b == WEIR_INDEX_NONE)
        return a == WEIR_INDEX_NONE ? b : a;
    const struct weir_watch_step *one = &overlay->steps[a];
    const struct weir_watch_step *two = &overlay->steps[b];
    if (one->action != two->action)
        return one->action > two->action ? a : b;
    return one->until >= two->until ? a : b;
}

/* The strictest step that meets this candidate now. */
static uint32_t
find_step(const struct weir_view *view, const struct weir_watch_pools *pools,
          const struct weir_candidate *candidate, weir_time now)
{
    const struct weir_overlay *overlay = &view->overlay;
    uint32_t known = known_actions(&view->image, candidate);
    uint32_t best = WEIR_INDEX_NONE;
    for (uint32_t kind = 1; kind <= WEIR_WATCH_SUBJECTS; kind++) {
        uint32_t count = 0;
        if (pools->of[kind] == 0)
            continue;
        const struct weir_watch_step *rows =
            weir_overlay_steps(overlay, pools->of[kind], &count);
        for (uint32_t i = 0; i < count; i++) {
            if (rows[i].subject_kind != kind || rows[i].from > now ||
                rows[i].until <= now || !may_act(&rows[i], known) ||
                !fits_target(&view->image, &rows[i], candidate->deployment))
                continue;
            best =
                stricter(overlay, best, (uint32_t)(rows + i - overlay->steps));
        }
    }
    return best;
}

uint32_t
weir__gate_take_steps(const struct weir_view *view,
                      const struct weir_question *question,
                      struct weir_candidate *candidates, uint32_t count)
{
    const struct weir_overlay *overlay = &view->overlay;
    struct weir_watch_pools pools;
    uint32_t taken = WEIR_INDEX_NONE; /* of candidates that stay allowed */
    uint32_t held = WEIR_INDEX_NONE;
    bool is_allowed = false;
    if (overlay->step_count == 0)
        return WEIR_INDEX_NONE;
    weir_gate_pools(&view->image, question->key, question->end_customer,
                    &pools);
    for (uint32_t i = 0; i < count; i++) {
        if (candidates[i].verdict != WEIR_ALLOW)
            continue;
        uint32_t row = find_step(view, &pools, &candidates[i], question->now);
        uint32_t action =
            row == WEIR_INDEX_NONE ? 0 : overlay->steps[row].action;
        if (action < WEIR_WATCH_HOLD) {
            is_allowed = true;
            taken = stricter(overlay, taken, row);
            continue;
        }
        candidates[i].verdict =
            action == WEIR_WATCH_HOLD ? WEIR_HOLD : WEIR_DENY;
        candidates[i].reason = action == WEIR_WATCH_HOLD
                                   ? WEIR_REASON_WATCH_HOLD
                                   : WEIR_REASON_WATCH_SUSPENDED;
        held = stricter(overlay, held, row);
    }
    return is_allowed ? taken : held;
}

void
weir__gate_add_step(const struct weir_watch_step *step,
                    struct weir_obligations *all)
{
    uint32_t strip = step->strip == 0 ? WEIR_WATCH_STRIP_ALL : step->strip;
    if (step->action != WEIR_WATCH_STRIP)
        return;
    if ((strip & WEIR_WATCH_STRIP_REASONING) != 0)
        all->strip |= WEIR_STRIP_REASONING;
    if ((strip & WEIR_WATCH_STRIP_LOGPROBS) != 0)
        all->strip |= WEIR_STRIP_LOGPROBS;
    if ((strip & WEIR_WATCH_STRIP_N) != 0)
        all->max_n = 1;
}

const struct weir_watch_step *
weir_gate_step(const struct weir_view *view, const struct weir_answer *answer)
{
    return answer->step == WEIR_INDEX_NONE ? NULL
                                           : &view->overlay.steps[answer->step];
}

void
weir__gate_note_step(struct weir_call *call)
{
    const struct weir_watch_step *step =
        weir_gate_step(call->view, &call->answer);
    memset(&call->step, 0, sizeof(call->step));
    if (step == NULL)
        return;
    call->step = (struct weir_record_step){
        .action = step->action,
        .subject = step->subject_kind,
        .strip = step->action != WEIR_WATCH_STRIP ? 0
                 : step->strip == 0               ? WEIR_WATCH_STRIP_ALL
                                                  : step->strip,
        .delay_ms = step->action == WEIR_WATCH_SLOW ? step->delay_ms : 0,
        .rate = step->action == WEIR_WATCH_SLOW ? step->rate : 0,
        .until = step->until,
        .id = weir_watch_step_id(step),
    };
}

size_t
weir_call_step_text(const struct weir_record_step *step,
                    char text_out[WEIR_CALL_STEP_TEXT])
{
    char until[WEIR_TIME_TEXT];
    struct weir_buf text;
    text_out[0] = '\0';
    if (step->action == WEIR_WATCH_NOTHING)
        return 0;
    weir_time_format(step->until, until);
    weir_buf_init_fixed(&text, text_out, WEIR_CALL_STEP_TEXT);
    weir_buf_addf(&text, "%s; case=%.*s; until=%s",
                  weir_watch_action_name((enum weir_watch_action)step->action),
                  WEIR_SPAN_ARG(step->id), until);
    return text.overflow ? 0 : text.len;
}

weir_status
weir__gate_fail_stepped(const struct weir_call *call, struct weir_error *err)
{
    bool is_hold = call->step.action == WEIR_WATCH_HOLD;
    char until[WEIR_TIME_TEXT];
    weir_time_format(call->step.until, until);
    return weir_fail(err, is_hold ? WEIR_EHELD : WEIR_EDENIED, WEIR_OFFSET_NONE,
                     "calls of this %s are %s until %s, case %.*s: answer or "
                     "appeal at the address given",
                     weir_watch_subject_name(call->step.subject),
                     is_hold ? "on hold" : "suspended", until,
                     WEIR_SPAN_ARG(call->step.id));
}

bool
weir__gate_step_limit(const struct weir_call *call, weir_quota_limit *limit_out)
{
    const struct weir_watch_step *step =
        weir_gate_step(call->view, &call->answer);
    if (step == NULL || step->action != WEIR_WATCH_SLOW || step->rate == 0)
        return false;
    uint64_t name[2] = {step->subject, step->subject_kind};
    *limit_out = (weir_quota_limit){
        .subject =
            weir_hash64((weir_span){(const char *)name, sizeof(name)}, 0x109) |
            1,
        .amount = step->rate,
        .metric = WEIR_METRIC_REQUESTS,
        .window = WEIR_QUOTA_MINUTE,
        .is_hard = true,
    };
    return true;
}

/* ---------------------------------------------------------- features */

/* Some model that may serve the call is watched, or none is known. */
static bool
is_model_watched(const struct weir_call *call)
{
    const struct weir_image *image = &call->view->image;
    for (uint32_t i = 0; i < call->answer.candidate_count; i++) {
        uint32_t deployment = call->answer.candidates[i].deployment;
        const struct weir_image_model *model =
            &image->models[image->deployments[deployment].model];
        if ((model->flags & WEIR_MODEL_WATCHED) != 0)
            return true;
    }
    return call->answer.candidate_count == 0;
}

bool
weir__gate_watches(const struct weir_call *call)
{
    return call->tenant != WEIR_INDEX_NONE && !weir__gate_is_shadow(call) &&
           (call->view->image.tenants[call->tenant].flags &
            WEIR_TENANT_WATCHED) != 0 &&
           is_model_watched(call);
}

void
weir_call_watch(struct weir_call *call, weir_span body)
{
    if (!weir__gate_watches(call))
        return;
    weir_watch_begin(&call->watching);
    weir_watch_request(&call->watching, body);
    call->is_watched = true;
}

void
weir_call_watch_reply(struct weir_call *call, weir_span bytes)
{
    if (call->is_watched)
        weir_watch_reply(&call->watching, bytes);
}

static uint64_t
model_of(const struct weir_call *call)
{
    const struct weir_image *image = &call->view->image;
    if (call->is_answered) {
        uint32_t deployment = call->answer.candidates[call->current].deployment;
        return image->models[image->deployments[deployment].model].hash;
    }
    if (call->ask.model.len == 0)
        return 0;
    uint32_t route = weir_image_find_route(image, call->ask.model);
    return route != WEIR_INDEX_NONE &&
                   image->routes[route].model != WEIR_INDEX_NONE
               ? image->models[image->routes[route].model].hash
               : weir_kind_hash(WEIR_KIND_MODEL, call->ask.model);
}

void
weir__gate_fill_pools(const struct weir_call *call,
                      struct weir_watch_pools *pools)
{
    const struct weir_image_tenant *tenant =
        &call->view->image.tenants[call->tenant];
    weir_gate_pools(&call->view->image, call->key, call->client.end_customer,
                    pools);
    if (call->client.has_bits &&
        (tenant->flags & WEIR_TENANT_HIDE_ADDRESS) == 0)
        pools->network = weir_watch_network(call->client.bits);
    pools->model = model_of(call);
    pools->action = (uint8_t)call->step.action;
    pools->subject = weir_gate_is_granted(call->view, &call->answer)
                         ? WEIR_WATCH_GRANTED
                         : (uint8_t)call->step.subject;
}

/* Share of the fullest window that calls of this caller have used. */
double
weir__gate_quota_share(struct weir_call *call)
{
    double share = -1.0;
    if (call->gate->quota == NULL ||
        (call->limit_count == 0 && !weir__call_limits(call)))
        return share;
    for (uint32_t i = 0; i < call->limit_count; i++) {
        const weir_quota_limit *limit = &call->limits[i];
        weir_time now = call->started + limit->offset_s * WEIR_US_PER_SEC;
        weir_quota_row row;
        if (limit->amount <= 0 ||
            !weir_quota_get(call->gate->quota, limit->subject, limit->metric,
                            limit->window, now, &row))
            continue;
        double used = (double)row.used / (double)limit->amount;
        share = used > share ? used : share;
    }
    return share;
}

void
weir__gate_watched(struct weir_call *call,
                   const struct weir_settlement *settlement,
                   uint8_t block[WEIR_WATCH_BLOCK_BYTES],
                   struct weir_record_watch *watch_out)
{
    struct weir_watch_features features;
    struct weir_watch_facts facts = {.is_streamed = call->ask.is_streamed};
    if (!call->is_watched)
        return;
    call->is_watched = false; /* its text is gone after this */
    if (settlement != NULL) {
        facts.input_tokens = settlement->usage.input_tokens;
        facts.output_tokens = settlement->usage.output_tokens;
        facts.reply_bytes = settlement->content_bytes;
    } else {
        facts.input_tokens = call->ask.input_tokens;
    }
    facts.quota = weir__gate_quota_share(call);
    weir_watch_finish(&call->watching, &facts, &features);
    weir_watch_pack(&features, block);
    watch_out->classified_count =
        weir_classify(&features, watch_out->classified);
    watch_out->block = (weir_span){(const char *)block, WEIR_WATCH_BLOCK_BYTES};
    weir__gate_fill_pools(call, &watch_out->pools);
    if (call->gate->indicators != NULL && call->gate->indicators->count > 0) {
        struct weir_indicator_match match = weir_indicators_match(
            call->gate->indicators, &features, call->started);
        watch_out->pools.matches = (uint16_t)match.kinds;
        watch_out->pools.exchanges = match.exchanges;
    }
}
