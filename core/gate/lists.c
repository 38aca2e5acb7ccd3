/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of what a tenant keeps, and calls that weir makes of itself.
 *
 * WHOM A LIST ASKS. Nobody: what it tells is asked for one by one, each as a
 * call. Whether a key may have lists is a question all the same, and policy
 * knows only questions about models: it may when there is any model of which
 * it may use batches. The record names the model that decided, so that the
 * decision can be made again.
 */
#include "internal.h"

/* A route whose models offer batches, and that clients may name. */
static bool
has_batches(const struct weir_image *image, uint32_t row)
{
    const struct weir_image_route *route = &image->routes[row];
    if (route->count == 0 ||
        (image->trials[row].shadow & WEIR_SHADOW_ROUTE) != 0)
        return false;
    const struct weir_image_deployment *deployment =
        &image->deployments[image->candidates[route->first].deployment];
    return (image->models[deployment->model].operations >> WEIR_OP_BATCH & 1) !=
           0;
}

static weir_status
ask_for(struct weir_call *call, uint32_t row, struct weir_error *err)
{
    const struct weir_image *image = &call->view->image;
    const struct weir_ask ask = {
        .operation = WEIR_OP_BATCH,
        .model = weir_image_text(image, image->routes[row].name),
        .is_lookup = true,
        .n = 1,
    };
    return weir_call_decide(call, &ask, err);
}

weir_status
weir_call_decide_list(struct weir_call *call, struct weir_error *err)
{
    const struct weir_image *image = &call->view->image;
    uint32_t refused = WEIR_INDEX_NONE;
    for (uint32_t i = 0; i < image->route_count; i++) {
        if (!has_batches(image, i))
            continue;
        weir_status status = ask_for(call, i, err);
        /* No other model would change what is wrong with the caller. */
        if (status == WEIR_OK || call->reason == WEIR_REASON_END_CUSTOMER ||
            call->reason == WEIR_REASON_BAD_REQUEST)
            return status;
        if (refused == WEIR_INDEX_NONE ||
            (status == WEIR_EHELD && call->answer.verdict == WEIR_HOLD))
            refused = i;
    }
    if (refused == WEIR_INDEX_NONE) {
        call->ask.operation = WEIR_OP_BATCH;
        call->reason = WEIR_REASON_OPERATION;
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no model that is offered here has files and batches");
    }
    /* The no that is told is recorded with what it was about. */
    return ask_for(call, refused, err);
}
