/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants: which one lets a refused call through, and what it is charged.
 *
 *   refused  ->  the next grant in force that fits the caller  ->  decided
 *   once more, for the candidates it fits  ->  allowed: charged and through
 *                                          ->  spent: the next one
 *
 * A grant is asked only when policy refused without it, so that nobody's
 * licence is used up by calls that needed none. It says nothing by itself:
 * it is `context.exception`, and a policy that does not read it refuses as
 * before. A candidate it does not fit keeps its refusal.
 *
 * At most WEIR_GRANTS_TRIED_MAX are tried for one call; rows are ordered by
 * their end, so what would lapse first is used first.
 */
#include "internal.h"

#include <string.h>

bool
weir__gate_grant_fits_caller(const struct weir_view *view,
                             const struct weir_question *question,
                             const struct weir_grant *grant)
{
    const struct weir_image *image = &view->image;
    const struct weir_image_key *key = &image->keys[question->key];
    const struct weir_image_project *project = &image->projects[key->project];
    const struct weir_image_tenant *tenant = &image->tenants[project->tenant];
    if (question->now < grant->from || question->now >= grant->until)
        return false;
    if (question->exception.len > 0 &&
        !weir_span_equal(weir_grant_id(grant), question->exception))
        return false;
    if (grant->purpose != 0 &&
        grant->purpose !=
            weir_grant_purpose_hash(weir_image_text(image, key->purpose)))
        return false;
    switch ((enum weir_grant_party)grant->party_kind) {
    case WEIR_GRANT_KEY:
        return grant->party == key->hash;
    case WEIR_GRANT_PROJECT:
        return grant->party == project->hash;
    case WEIR_GRANT_TENANT:
        return grant->party == tenant->hash;
    case WEIR_GRANT_ORGANISATION:
        return grant->party == image->organisations[tenant->organisation].hash;
    }
    return false;
}

static bool
fits_model(const struct weir_image *image, const struct weir_grant *grant,
           const struct weir_image_model *model)
{
    switch ((enum weir_grant_target)grant->target_kind) {
    case WEIR_GRANT_ANY_MODEL:
        return true;
    case WEIR_GRANT_MODEL:
        return grant->target == model->hash;
    case WEIR_GRANT_FAMILY:
        return grant->target ==
               weir_grant_target_hash(WEIR_GRANT_FAMILY,
                                      weir_image_text(image, model->family));
    case WEIR_GRANT_PROVIDER:
        return grant->target == image->providers[model->provider].hash;
    }
    return false;
}

bool
weir__gate_grant_fits(const struct weir_image *image,
                      const struct weir_grant *grant, uint32_t row)
{
    const struct weir_image_deployment *deployment = &image->deployments[row];
    if (!fits_model(image, grant, &image->models[deployment->model]))
        return false;
    switch ((enum weir_grant_place)grant->place_kind) {
    case WEIR_GRANT_ANYWHERE:
        return true;
    case WEIR_GRANT_REGION:
        return grant->place == weir_grant_place_hash(
                                   WEIR_GRANT_REGION,
                                   weir_image_text(image, deployment->region));
    case WEIR_GRANT_JURISDICTION:
        return grant->place == image->jurisdictions[deployment->place].hash;
    }
    return false;
}

weir_span
weir_gate_exception(const struct weir_view *view,
                    const struct weir_answer *answer)
{
    if (answer->exception == WEIR_INDEX_NONE)
        return WEIR_SPAN_NONE;
    WEIR_ASSERT(answer->exception < view->overlay.grant_count);
    return weir_grant_id(&view->overlay.grants[answer->exception]);
}

bool
weir_gate_is_granted(const struct weir_view *view,
                     const struct weir_answer *answer)
{
    if (answer->exception == WEIR_INDEX_NONE)
        return false;
    WEIR_ASSERT(answer->exception < view->overlay.grant_count);
    return view->overlay.grants[answer->exception].use == WEIR_GRANT_FOR_WATCH;
}

size_t
weir__gate_grant_limits(const struct weir_grant *grant,
                        weir_quota_limit *limits, size_t at, size_t max)
{
    for (uint32_t metric = 0; metric < WEIR_METRICS; metric++) {
        if (grant->amounts[metric] == WEIR_GRANT_UNLIMITED)
            continue;
        if (at >= max)
            return max + 1;
        limits[at++] = (weir_quota_limit){
            .subject = grant->subject,
            .amount = grant->amounts[metric],
            .metric = (uint8_t)metric,
            .window = WEIR_QUOTA_EVER,
            .is_hard = true,
        };
    }
    return at;
}
