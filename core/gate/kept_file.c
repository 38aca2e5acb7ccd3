/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that lie at an origin and are named in calls.
 *
 *   upload -> [asked as chat and as batch] -> origin -> name of tenant, origin
 *   call that has the name -> [asked as itself] -> candidates at that origin
 *
 * WHY THE OPERATION `batch`. It is what a rule says that wants nothing to lie
 * at an origin, and what a model lists whose origin keeps files. A file for
 * prompts lies there as long as one of lines does. WHY ALSO `chat`: nobody
 * should leave a file where he may not ask about it.
 *
 * WHY THE ORIGIN'S NAME, and not its address: two origins at one address may
 * have different credentials, thus accounts. Who renames an origin has to
 * send the files again.
 */
#include "internal.h"

#include <weir/kept_file.h>

#define BIT(operation) (UINT32_C(1) << (operation))

/* Away from what other hashes of names are. */
#define ORIGIN_SEED 0x6f726967

static uint64_t
origin_hash(const struct weir_image *image, uint32_t row)
{
    return weir_hash64(weir_image_text(image, image->origins[row].name),
                       ORIGIN_SEED) |
           1;
}

uint64_t
weir_kept_file_origin(const struct weir_image *image, uint32_t deployment)
{
    return origin_hash(image, image->deployments[deployment].origin);
}

uint32_t
weir_kept_file_deployment(const struct weir_image *image, uint64_t origin,
                          uint64_t deployment)
{
    uint32_t found = WEIR_INDEX_NONE;
    for (uint32_t i = 0; i < image->deployment_count; i++) {
        if (weir_kept_file_origin(image, i) != origin)
            continue;
        if (image->deployments[i].hash == deployment)
            return i;
        if (found == WEIR_INDEX_NONE)
            found = i;
    }
    return found;
}

static enum weir_operation
line_of(uint32_t operations)
{
    return (operations & BIT(WEIR_OP_CHAT)) != 0 ||
                   (operations & BIT(WEIR_OP_RESPONSES)) == 0
               ? WEIR_OP_CHAT
               : WEIR_OP_RESPONSES;
}

static uint32_t
operations_of(const struct weir_image *image, weir_span name)
{
    uint32_t route = weir_image_find_route(image, name);
    if (route == WEIR_INDEX_NONE || image->routes[route].count == 0)
        return 0;
    uint32_t deployment =
        image->candidates[image->routes[route].first].deployment;
    return image->models[image->deployments[deployment].model].operations;
}

weir_status
weir_call_decide_file(struct weir_call *call, const struct weir_ask *ask,
                      struct weir_error *err)
{
    weir_status status = weir__call_decide_twice(
        call, ask, line_of(operations_of(&call->view->image, ask->model)), err);
    if (status != WEIR_OK || call->barred != UINT32_MAX)
        return status;
    call->reason = WEIR_REASON_FORBIDDEN;
    return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                     "nothing may serve calls and keep files for them");
}

static bool
may_use(const struct weir_call *call, uint32_t deployment)
{
    const struct weir_image *image = &call->view->image;
    const struct weir_image_model *model =
        &image->models[image->deployments[deployment].model];
    const enum weir_operation operations[] = {line_of(model->operations),
                                              WEIR_OP_BATCH};
    struct weir_question question = {
        .key = call->key,
        .address = call->client.address,
        .country = call->client.country,
        .end_customer = call->client.end_customer,
        .now = call->started,
        .confirmed_us = call->confirmed_us,
        .model = weir_image_text(image, model->name),
        .signals = call->signals,
    };
    for (size_t i = 0; i < WEIR_COUNTOF(operations); i++) {
        struct weir_candidate candidate;
        question.operation = operations[i];
        if ((model->operations & BIT(operations[i])) == 0)
            return false;
        weir_gate_decide_one(call->view, &question, deployment, &candidate);
        if (candidate.verdict != WEIR_ALLOW)
            return false;
    }
    return true;
}

weir_status
weir_kept_file_model(struct weir_call *call, weir_kept_file_keeps *keeps,
                     void *context, weir_span *model_out,
                     struct weir_error *err)
{
    const struct weir_image *image = &call->view->image;
    uint32_t found = WEIR_INDEX_NONE;
    weir__gate_see(call);
    for (uint32_t i = 0; i < image->deployment_count; i++) {
        uint32_t origin = image->deployments[i].origin;
        if (found != WEIR_INDEX_NONE &&
            image->deployments[found].origin == origin)
            continue;
        if (!keeps(context, origin) || !may_use(call, i))
            continue;
        if (found != WEIR_INDEX_NONE) {
            call->reason = WEIR_REASON_BAD_REQUEST;
            return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                             "several origins keep files for this key: name "
                             "a model in the field `model` of the form or in "
                             "the header x-weir-model");
        }
        found = i;
    }
    if (found == WEIR_INDEX_NONE) {
        call->reason = WEIR_REASON_OPERATION;
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "no origin keeps files for this key: a model that "
                         "lists the operations chat and batch must be allowed "
                         "both");
    }
    *model_out = weir_image_text(
        image, image->models[image->deployments[found].model].name);
    return WEIR_OK;
}

weir_status
weir_call_stay_at(struct weir_call *call, uint64_t origin,
                  struct weir_error *err)
{
    const struct weir_image *image = &call->view->image;
    struct weir_answer *answer = &call->answer;
    const struct weir_candidate *refused = NULL;
    bool is_open = false;
    for (uint32_t i = 0; i < answer->candidate_count; i++) {
        const struct weir_candidate *candidate = &answer->candidates[i];
        if (weir_kept_file_origin(image, candidate->deployment) != origin) {
            call->barred |= UINT32_C(1) << i;
            continue;
        }
        if (candidate->verdict != WEIR_ALLOW)
            refused = candidate;
        else if ((call->barred >> i & 1) == 0)
            is_open = true;
    }
    if (is_open)
        return WEIR_OK;
    if (refused == NULL) {
        call->reason = WEIR_REASON_BAD_REQUEST;
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "the file lies at an origin that does not serve this "
                         "model");
    }
    answer->speaking = (uint32_t)(refused - answer->candidates);
    answer->verdict = refused->verdict;
    call->reason = refused->reason;
    return weir_fail(
        err, refused->verdict == WEIR_HOLD ? WEIR_EHELD : WEIR_EDENIED,
        WEIR_OFFSET_NONE, "policy refuses the origin that has the file");
}
