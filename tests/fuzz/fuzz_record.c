/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads of the journal: what reads must write and read again alike. */
#include <weir/record.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char again[65536];

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weir_span payload = {(const char *)data, size};
    struct weir_record_intent intent;
    struct weir_record_outcome outcome;
    struct weir_record_refusal refusal;
    struct weir_buf buf;

    weir_buf_init_fixed(&buf, again, sizeof(again));
    if (weir_record_get_intent(payload, &intent, NULL) == WEIR_OK) {
        struct weir_record_intent second;
        weir_record_put_intent(&intent, &buf);
        if (!buf.overflow) {
            WEIR_ASSERT(weir_record_get_intent(weir_buf_span(&buf), &second,
                                               NULL) == WEIR_OK);
            WEIR_ASSERT(second.candidate_count == intent.candidate_count);
            WEIR_ASSERT(second.held_micros == intent.held_micros);
        }
    }
    weir_buf_reset(&buf);
    if (weir_record_get_outcome(payload, &outcome, NULL) == WEIR_OK) {
        struct weir_record_outcome second;
        weir_record_put_outcome(&outcome, &buf);
        if (!buf.overflow) {
            WEIR_ASSERT(weir_record_get_outcome(weir_buf_span(&buf), &second,
                                                NULL) == WEIR_OK);
            WEIR_ASSERT(second.attempt_count == outcome.attempt_count);
            WEIR_ASSERT(second.cost_micros == outcome.cost_micros);
        }
    }
    weir_buf_reset(&buf);
    if (weir_record_get_refusal(payload, &refusal, NULL) == WEIR_OK) {
        struct weir_record_refusal second;
        weir_record_put_refusal(&refusal, &buf);
        if (!buf.overflow)
            WEIR_ASSERT(weir_record_get_refusal(weir_buf_span(&buf), &second,
                                                NULL) == WEIR_OK);
    }
    return 0;
}
