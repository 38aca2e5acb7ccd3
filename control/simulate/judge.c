/* SPDX-License-Identifier: Apache-2.0 */
/* Two answers to one question, and the class of calls they make. */
#include <string.h>

#include "control/simulate/parts.h"

weir_span
weir__headquarters(const struct weir_image *image, uint32_t key)
{
    const struct weir_image_project *project =
        &image->projects[image->keys[key].project];
    uint32_t row = image->tenants[project->tenant].organisation;
    return weir_image_text(
        image,
        image->jurisdictions[image->organisations[row].headquarters].code);
}

static void
place(const struct weir_image *image, uint32_t deployment,
      struct weir_side *side)
{
    const struct weir_image_model *model =
        &image->models[image->deployments[deployment].model];
    side->model = weir_image_text(image, model->name);
    side->provider =
        weir_image_text(image, image->providers[model->provider].name);
}

void
weir__side_place(const struct weir_image *image, weir_span model,
                 struct weir_side *side)
{
    uint32_t row = weir_image_find_route(image, model);
    if (row == WEIR_INDEX_NONE)
        return;
    const struct weir_image_route *route = &image->routes[row];
    for (uint32_t i = 0; i < route->count; i++) {
        uint32_t deployment = image->candidates[route->first + i].deployment;
        weir_span name =
            weir_image_text(image, image->deployments[deployment].name);
        /* Of a refused call nothing but the model is known. */
        if (side->deployment.len > 0 &&
            !weir_span_starts(name, side->deployment))
            continue;
        place(image, deployment, side);
        return;
    }
}

void
weir__side_refuse(enum weir_reason reason, struct weir_side *side_out)
{
    memset(side_out, 0, sizeof *side_out);
    side_out->verdict = WEIR_DENY;
    side_out->why = weir_span_of(weir_reason_code(reason));
}

static weir_span
why(const struct weir_image *image, const struct weir_answer *answer)
{
    const struct weir_candidate *speaking =
        &answer->candidates[answer->speaking];
    if (answer->candidate_count > 0 && speaking->policy_count > 0)
        return weir_image_text(image,
                               image->policies[speaking->policies[0]].id);
    return weir_span_of(weir_reason_code(answer->reason));
}

static void
choose(const struct weir_image *image, const struct weir_answer *answer,
       const weir_span *was, struct weir_side *side)
{
    bool is_weighted = image->routes[answer->route].mode != WEIR_ROUTE_ORDER;
    for (uint32_t i = 0; i < answer->candidate_count; i++) {
        const struct weir_candidate *candidate = &answer->candidates[i];
        if (candidate->verdict != WEIR_ALLOW)
            continue;
        weir_span name = weir_image_text(
            image, image->deployments[candidate->deployment].name);
        bool is_kept = is_weighted && was != NULL && was->len > 0 &&
                       weir_span_starts(name, *was);
        if (side->deployment.len > 0 && !is_kept)
            continue;
        side->deployment = name;
        place(image, candidate->deployment, side);
    }
}

void
weir__side_ask(const struct weir_view *view,
               const struct weir_question *question, const weir_span *was,
               struct weir_side *side_out)
{
    const struct weir_image *image = &view->image;
    const struct weir_image_key *key = &image->keys[question->key];
    struct weir_answer answer;
    /* As weir_call_identify() does, before anything is decided. */
    if (weir_overlay_has(&view->overlay, key->hash)) {
        weir__side_refuse(WEIR_REASON_REVOKED_KEY, side_out);
        return;
    }
    if (key->not_after <= question->now) {
        weir__side_refuse(WEIR_REASON_EXPIRED_KEY, side_out);
        return;
    }
    weir_gate_decide(view, question, &answer);
    memset(side_out, 0, sizeof *side_out);
    side_out->verdict = answer.verdict;
    if (answer.verdict == WEIR_ALLOW)
        choose(image, &answer, was, side_out);
    else
        side_out->why = why(image, &answer);
}

static enum weir_effect
effect_of(const struct weir_side *before, const struct weir_side *after)
{
    if (before->verdict == WEIR_ALLOW) {
        if (after->verdict == WEIR_DENY)
            return WEIR_EFFECT_CUT_OFF;
        if (after->verdict == WEIR_HOLD)
            return WEIR_EFFECT_HELD;
        /* Records cut long names. */
        return weir_span_starts(after->deployment, before->deployment)
                   ? WEIR_EFFECT_SAME
                   : WEIR_EFFECT_MOVED;
    }
    if (after->verdict == WEIR_ALLOW)
        return WEIR_EFFECT_RESTORED;
    return after->verdict == before->verdict ? WEIR_EFFECT_SAME
                                             : WEIR_EFFECT_OTHERWISE;
}

uint32_t
weir__compare(struct weir_classes *classes, const struct weir_side *before,
              const struct weir_side *after, weir_span organisation,
              weir_span headquarters, weir_span asked)
{
    enum weir_effect effect = effect_of(before, after);
    const struct weir_side *known = before->model.len > 0 ? before : after;
    const weir_span names[WEIR_DIMENSIONS] = {
        [WEIR_BY_ORGANISATION] = organisation,
        [WEIR_BY_JURISDICTION] = headquarters,
        [WEIR_BY_PROVIDER] = known->provider,
        [WEIR_BY_MODEL] = known->model.len > 0 ? known->model : asked,
        [WEIR_BY_WHY] = after->why.len > 0 ? after->why : before->why,
        [WEIR_BY_FROM] = before->deployment,
        [WEIR_BY_TO] = after->deployment,
    };
    return weir__classes_find(classes, effect, names);
}
