/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/factors: what a byte of each model's prompts and answers comes to. */
#include "control/factors/factors.h"

#include "control/api/call.h"

weir_status
weir_api_factors(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_control *control = call->door->control;
    weir_control_lock(control);
    if (control->has_image)
        call->reply = weir_factors_json(&control->image);
    pthread_mutex_unlock(&control->lock);
    return call->reply != NULL ? WEIR_OK
                               : weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                                           "there is no image yet");
}

weir_status
weir_api_factors_learn(struct weir_api_call *call, struct weir_error *err)
{
    uint32_t moved = 0;
    weir_ingest_sync(call->door->ingest, WEIR_API_SYNC_MS);
    weir_status status =
        weir_control_factors_learn(call->door->control, &moved, err);
    if (status == WEIR_OK)
        call->reply = json_pack("{s:I}", "moved", (json_int_t)moved);
    return status;
}

/* For /metrics; the caller holds control's lock. */
void
weir_api_factor_metrics(const struct weir_image *image, struct weir_buf *out)
{
    weir_buf_addf(out, "# HELP weir_tokens_per_million_bytes what prompts and "
                       "answers of a model are estimated by\n"
                       "# TYPE weir_tokens_per_million_bytes gauge\n");
    for (uint32_t i = 0; i < image->model_count; i++) {
        const struct weir_factor *factor = &image->factors[i];
        weir_span name = weir_image_text(image, image->models[i].name);
        for (int k = 0; k < WEIR_FACTOR_KINDS; k++) {
            if (factor->lines[k].ppm == 0)
                continue;
            weir_buf_addf(out,
                          "weir_tokens_per_million_bytes{model=\"%.*s\","
                          "of=\"%s\",source=\"%s\"} %u\n",
                          WEIR_SPAN_ARG(name),
                          weir_factor_kind_name((enum weir_factor_kind)k),
                          weir_factor_source_name(
                              (enum weir_factor_source)factor->source),
                          factor->lines[k].ppm);
        }
    }
}
