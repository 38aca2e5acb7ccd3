/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches that came to their end: budgets were charged what was held when
 * the batch began, and are put right by what it took.
 *
 * WHY HERE. Any worker may see the end, several may, and each writes an
 * outcome; the ledger takes the first. Whoever asks the ledger whether an
 * outcome is new therefore corrects once. A control that dies between the
 * commit and the correction leaves counters too high until their windows end
 * or the table is made anew: the safe side.
 *
 * A create that an origin refused was settled by its worker: such an outcome
 * has attempts. That of an end has none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/gate.h>

#include "control/ingest/parts.h"

static void
copy(char *to, size_t size, weir_span text)
{
    snprintf(to, size, "%.*s", WEIR_SPAN_ARG(text));
}

weir_status
weir__ingest_note_batch(struct weir_ingest *ingest,
                        const struct weir_record_outcome *outcome,
                        struct weir_error *err)
{
    struct weir_store_call call;
    struct weir_correction *rows;
    if (outcome->operation != WEIR_OP_BATCH || outcome->attempt_count != 0 ||
        (outcome->ending != WEIR_END_COMPLETE &&
         outcome->ending != WEIR_END_ORIGIN_ERROR))
        return WEIR_OK;
    weir_status status =
        weir_store_call_get(ingest->store, &outcome->request, &call, err);
    if (status != WEIR_OK || call.held_tokens == 0)
        return status == WEIR_ENOTFOUND ? WEIR_OK : status;
    pthread_mutex_lock(&ingest->corrections_lock);
    rows = realloc(ingest->corrections,
                   (ingest->correction_count + 1) * sizeof *rows);
    if (rows != NULL) {
        struct weir_correction *row = &rows[ingest->correction_count++];
        ingest->corrections = rows;
        copy(row->key, sizeof row->key, call.key);
        copy(row->deployment, sizeof row->deployment, outcome->deployment);
        copy(row->end_customer, sizeof row->end_customer,
             outcome->end_customer);
        row->decided = call.decided;
        row->tokens =
            (int64_t)(outcome->input_tokens + outcome->output_tokens) -
            (int64_t)call.held_tokens;
        row->micros = outcome->cost_micros - call.held_micros;
    }
    pthread_mutex_unlock(&ingest->corrections_lock);
    return rows != NULL
               ? WEIR_OK
               : weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
}

/* By the limits of the image in force, as the counters are. */
static void
correct(struct weir_control *control, struct weir_quota *quota,
        const struct weir_correction *row)
{
    weir_quota_limit limits[WEIR_QUOTA_LIMITS_MAX];
    const weir_quota_amounts delta = {.of = {0, row->tokens, row->micros}};
    const struct weir_view view = {.image = control->image};
    struct weir_charged of = {.key = WEIR_INDEX_NONE,
                              .deployment = WEIR_INDEX_NONE,
                              .end_customer = weir_span_of(row->end_customer),
                              .decided = row->decided};
    for (uint32_t i = 0; i < view.image.key_count; i++)
        if (weir_span_equal(weir_image_text(&view.image, view.image.keys[i].id),
                            weir_span_of(row->key)))
            of.key = i;
    for (uint32_t i = 0; i < view.image.deployment_count; i++)
        if (weir_span_equal(
                weir_image_text(&view.image, view.image.deployments[i].name),
                weir_span_of(row->deployment)))
            of.deployment = i;
    /* A key that is gone: its tenant's counters stay too high till their
     * windows end. */
    if (of.key == WEIR_INDEX_NONE || of.deployment == WEIR_INDEX_NONE)
        return;
    weir_quota_correct(quota, limits, weir_gate_limits(&view, &of, limits),
                       row->decided, &delta);
}

void
weir_ingest_correct(struct weir_ingest *ingest, struct weir_quota *quota)
{
    if (ingest == NULL || quota == NULL)
        return;
    pthread_mutex_lock(&ingest->corrections_lock);
    struct weir_correction *rows = ingest->corrections;
    size_t count = ingest->correction_count;
    ingest->corrections = NULL;
    ingest->correction_count = 0;
    pthread_mutex_unlock(&ingest->corrections_lock);
    if (count > 0) {
        weir_control_lock(ingest->control);
        for (size_t i = 0; i < count; i++)
            correct(ingest->control, quota, &rows[i]);
        pthread_mutex_unlock(&ingest->control->lock);
    }
    free(rows);
}

void
weir__ingest_free_batches(struct weir_ingest *ingest)
{
    free(ingest->corrections);
    ingest->corrections = NULL;
    pthread_mutex_destroy(&ingest->corrections_lock);
}
