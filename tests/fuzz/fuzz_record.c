/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads of the journal: what reads must write and read again alike. */
#include <weir/record.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char again[65536];

/* The short reading agrees with the whole one wherever that succeeds. */
static void
check_intent_head(weir_span payload, const struct weir_record_intent *intent)
{
    struct weir_record_head head = {0};
    WEIR_ASSERT(weir_record_get_head_of_intent(payload, &head) == WEIR_OK);
    WEIR_ASSERT(memcmp(&head.request, &intent->request, 16) == 0);
    WEIR_ASSERT(memcmp(head.image_digest, intent->image_digest, 32) == 0);
    WEIR_ASSERT(head.overlay == intent->overlay);
    WEIR_ASSERT(head.decided_us == intent->decided_us);
    WEIR_ASSERT(head.operation == intent->operation);
    WEIR_ASSERT(head.is_streamed == intent->is_streamed);
}

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
        check_intent_head(payload, &intent);
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
        struct weir_record_head head = {0};
        WEIR_ASSERT(weir_record_get_head_of_outcome(payload, &head) == WEIR_OK);
        WEIR_ASSERT(head.input_tokens == outcome.input_tokens);
        WEIR_ASSERT(head.output_tokens == outcome.output_tokens);
        WEIR_ASSERT(head.cost_micros == outcome.cost_micros);
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
        struct weir_record_head head = {0};
        WEIR_ASSERT(weir_record_get_head_of_refusal(payload, &head) == WEIR_OK);
        WEIR_ASSERT(head.reason == refusal.reason);
        WEIR_ASSERT(head.decided_us == refusal.decided_us);
        weir_record_put_refusal(&refusal, &buf);
        if (!buf.overflow)
            WEIR_ASSERT(weir_record_get_refusal(weir_buf_span(&buf), &second,
                                                NULL) == WEIR_OK);
    }
    return 0;
}
