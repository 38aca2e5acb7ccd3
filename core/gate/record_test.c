/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/record.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static char memory[16384];

static void
fill_candidates(struct weir_record_candidate *candidates, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        candidates[i].deployment = WEIR_SPAN("large-sg");
        candidates[i].verdict = WEIR_ALLOW;
        candidates[i].reason = WEIR_REASON_PERMITTED;
        candidates[i].policies = WEIR_SPAN("seller.open law.one");
        candidates[i].shadows = WEIR_SPAN("seller.next");
    }
}

static struct weir_record_intent
sample_intent(void)
{
    struct weir_record_intent intent = {
        .overlay = 7,
        .decided_us = -5,
        .operation = 2,
        .is_streamed = 1,
        .tier = 1,
        .held_tokens = UINT64_MAX,
        .held_micros = 123456789012345,
        .body_bytes = 20u << 20,
        .key = WEIR_SPAN("wk_1"),
        .project = WEIR_SPAN("p"),
        .tenant = WEIR_SPAN("t"),
        .organisation = WEIR_SPAN("o"),
        .model = WEIR_SPAN("smart"),
        .country = WEIR_SPAN("SG"),
        .address = WEIR_SPAN("127.0.0.1"),
        .candidate_count = 2,
        .order_count = 2,
        .order = {1, 0},
    };
    memset(intent.request.bytes, 0xA5, WEIR_REQUEST_ID_BYTES);
    memset(intent.image_digest, 0x5A, 32);
    fill_candidates(intent.candidates, 2);
    return intent;
}

TEST(record, what_could_not_be_placed_reads_back_and_may_be_absent)
{
    struct weir_record_intent in = sample_intent(), out;
    const uint8_t tag[4] = {19, 0, 11, 0};
    struct weir_buf buf;
    in.signals = (struct weir_signal_facts){
        .known = WEIR_SIGNAL_SEEN,
        .countries = 3,
        .travel_kmh = 900,
        .place_unknown = WEIR_UNKNOWN_NOT_LISTED,
        .network_unknown = WEIR_UNKNOWN_NO_DATABASE,
        .system = 4200000000,
    };
    weir_buf_init_fixed(&buf, memory, sizeof(memory));
    weir_record_put_intent(&in, &buf);
    assert_ok(weir_record_get_intent(weir_buf_span(&buf), &out, NULL));
    assert_int_equal(out.signals.place_unknown, WEIR_UNKNOWN_NOT_LISTED);
    assert_int_equal(out.signals.network_unknown, WEIR_UNKNOWN_NO_DATABASE);
    assert_int_equal(out.signals.system, 4200000000);
    /* An earlier build's value ends behind the speed. */
    char *at = memmem(buf.ptr, buf.len, tag, sizeof(tag));
    assert_non_null(at);
    at[2] = 5;
    memmove(at + 9, at + 15, (size_t)(buf.ptr + buf.len - (at + 15)));
    buf.len -= 6;
    assert_ok(weir_record_get_intent(weir_buf_span(&buf), &out, NULL));
    assert_int_equal(out.signals.travel_kmh, 900);
    assert_int_equal(out.signals.place_unknown, WEIR_UNKNOWN_UNRECORDED);
    assert_int_equal(out.signals.system, 0);
    /* One that ends inside of what was added is damage. */
    at[2] = 6;
    assert_int_equal(
        weir_record_get_intent((weir_span){buf.ptr, buf.len}, &out, NULL),
        WEIR_ECORRUPT);
}

TEST(record, intent_reads_back_as_written)
{
    struct weir_record_intent in = sample_intent();
    struct weir_record_intent out;
    struct weir_buf buf;
    in.tags = WEIR_SPAN("task=T-1,team=search");
    weir_buf_init_fixed(&buf, memory, sizeof(memory));
    weir_record_put_intent(&in, &buf);
    assert_false(buf.overflow);
    assert_ok(weir_record_get_intent(weir_buf_span(&buf), &out, NULL));
    assert_memory_equal(out.request.bytes, in.request.bytes, 16);
    assert_memory_equal(out.image_digest, in.image_digest, 32);
    assert_span(out.tags, "task=T-1,team=search");
    assert_true(out.decided_us == -5 && out.held_tokens == UINT64_MAX);
    assert_true(out.held_micros == in.held_micros);
    assert_span(out.model, "smart");
    assert_span(out.country, "SG");
    assert_int_equal(out.candidate_count, 2);
    assert_span(out.candidates[1].policies, "seller.open law.one");
    assert_span(out.candidates[1].shadows, "seller.next");
    assert_int_equal(out.order[0], 1);
    assert_int_equal(out.order_count, 2);
}

TEST(record, every_truncation_is_refused_or_reads_a_prefix)
{
    struct weir_record_intent in = sample_intent();
    struct weir_record_intent out;
    struct weir_buf buf;
    weir_buf_init_fixed(&buf, memory, sizeof(memory));
    weir_record_put_intent(&in, &buf);
    size_t refused = 0;
    for (size_t len = 0; len < buf.len; len++) {
        char *copy = malloc(len + 1); /* exact size: ASan sees overreads */
        memcpy(copy, buf.ptr, len);
        weir_span part = {copy, len};
        refused += weir_record_get_intent(part, &out, NULL) != WEIR_OK;
        free(copy);
    }
    /* Only a cut between two fields can pass, and the order needs both. */
    assert_in_range(refused, buf.len - 16, buf.len);
}

TEST(record, full_intent_fits_a_journal_payload)
{
    struct weir_record_intent in = sample_intent();
    struct weir_buf buf;
    char long_text[4096];
    memset(long_text, 'x', sizeof(long_text));
    in.model = (weir_span){long_text, sizeof(long_text)};
    in.candidate_count = WEIR_CANDIDATES_MAX;
    fill_candidates(in.candidates, WEIR_CANDIDATES_MAX);
    for (uint32_t i = 0; i < WEIR_CANDIDATES_MAX; i++) {
        in.candidates[i].policies = in.model;
        in.candidates[i].shadows = in.model;
        in.candidates[i].deployment = in.model;
    }
    weir_buf_init_fixed(&buf, memory, WEIR_RECORD_PAYLOAD_MAX);
    weir_record_put_intent(&in, &buf);
    assert_false(buf.overflow);
}

TEST(record, outcome_reads_back_as_written)
{
    struct weir_record_outcome in = {
        .ending = WEIR_END_CUT,
        .http_status = 200,
        .is_estimated = 1,
        .input_tokens = 1,
        .cached_tokens = 2,
        .output_tokens = 3,
        .reasoning_tokens = 4,
        .cost_micros = 5,
        .started_us = 6,
        .first_byte_us = 7,
        .total_us = 8,
        .sent_bytes = 9,
        .currency = WEIR_SPAN("USD"),
        .deployment = WEIR_SPAN("d"),
        .finish = WEIR_SPAN("end_turn"),
        .session_of = WEIR_SPAN("req_session"),
        .terms = WEIR_SPAN("t@1 inputs=may_not_train outputs=unsaid"),
        .units = {.cache_write_tokens = 10, .pictures = 11, .service = 2},
        .sizes = {.prompt_bytes = 12, .answer_bytes = 13, .shape = 3},
        .attempt_count = 1,
        .attempts = {{WEIR_SPAN("d0"), 429, 3, 17}},
        .trace = {.id = {1, 2}, .span = {3}, .flags = 1, .is_there = true},
    };
    struct weir_record_outcome out;
    struct weir_buf buf;
    weir_buf_init_fixed(&buf, memory, sizeof(memory));
    weir_record_put_outcome(&in, &buf);
    assert_ok(weir_record_get_outcome(weir_buf_span(&buf), &out, NULL));
    assert_int_equal(out.ending, WEIR_END_CUT);
    assert_true(out.reasoning_tokens == 4 && out.cost_micros == 5);
    assert_true(out.sent_bytes == 9);
    assert_span(out.currency, "USD");
    assert_memory_equal(&out.units, &in.units, sizeof in.units);
    assert_memory_equal(&out.sizes, &in.sizes, sizeof in.sizes);
    assert_span(out.terms, "t@1 inputs=may_not_train outputs=unsaid");
    assert_span(out.finish, "end_turn");
    assert_span(out.session_of, "req_session");
    assert_int_equal(out.attempt_count, 1);
    assert_int_equal(out.attempts[0].http_status, 429);
    assert_int_equal(out.attempts[0].elapsed_ms, 17);
    assert_span(out.attempts[0].deployment, "d0");
    assert_true(out.trace.is_there && out.trace.flags == 1);
    assert_memory_equal(out.trace.id, in.trace.id, sizeof(in.trace.id));
    assert_memory_equal(out.trace.span, in.trace.span, sizeof(in.trace.span));
}

TEST(record, watch_and_step_read_back_and_may_be_absent)
{
    char block[256];
    memset(block, 7, sizeof(block));
    struct weir_record_outcome in = {
        .http_status = 200,
        .watch = {.block = {block, sizeof(block)},
                  .pools = {.of = {0, 1, 2, 3, 4, 5, 6},
                            .network = 7,
                            .model = 8,
                            .action = 3,
                            .subject = 5,
                            .matches = 9,
                            .exchanges = 10},
                  .classified_count = 2,
                  .classified = {{1, 40}, {2, 100}}}};
    struct weir_record_outcome out;
    struct weir_buf buf;
    weir_buf_init_fixed(&buf, memory, sizeof(memory));
    weir_record_put_outcome(&in, &buf);
    assert_ok(weir_record_get_outcome(weir_buf_span(&buf), &out, NULL));
    assert_int_equal(out.watch.block.len, 256);
    assert_memory_equal(out.watch.block.ptr, block, 256);
    assert_memory_equal(&out.watch.pools, &in.watch.pools,
                        sizeof(in.watch.pools));
    assert_int_equal(out.watch.classified_count, 2);
    assert_int_equal(out.watch.classified[1].id, 2);
    assert_int_equal(out.watch.classified[1].score, 100);
    in.watch = (struct weir_record_watch){0};
    weir_buf_reset(&buf);
    weir_record_put_outcome(&in, &buf);
    assert_ok(weir_record_get_outcome(weir_buf_span(&buf), &out, NULL));
    assert_int_equal(out.watch.block.len, 0);

    struct weir_record_intent intent = sample_intent();
    struct weir_record_intent back;
    intent.step =
        (struct weir_record_step){3, 1, 7, 250, 60, 99, WEIR_SPAN("wc_7")};
    weir_buf_reset(&buf);
    weir_record_put_intent(&intent, &buf);
    assert_ok(weir_record_get_intent(weir_buf_span(&buf), &back, NULL));
    assert_int_equal(back.step.action, 3);
    assert_int_equal(back.step.delay_ms, 250);
    assert_int_equal(back.step.rate, 60);
    assert_true(back.step.until == 99);
    assert_span(back.step.id, "wc_7");
}

TEST(record, names_of_a_refusal_end_before_what_the_watch_saw)
{
    char block[256] = {1};
    struct weir_record_refusal in = {
        .key = WEIR_SPAN("wk_1"),
        .address = WEIR_SPAN("192.0.2.1"),
        .policy = WEIR_SPAN("law.hold"),
    };
    struct weir_record_head bare = {0};
    struct weir_record_head seen = {0};
    struct weir_buf one;
    struct weir_buf two;
    weir_buf_init_fixed(&one, memory, 4096);
    weir_buf_init_fixed(&two, memory + 4096, 4096);
    weir_record_put_refusal(&in, &one);
    in.watch.block = (weir_span){block, sizeof(block)};
    in.trace = (struct weir_trace){.id = {7}, .span = {8}, .is_there = true};
    weir_record_put_refusal(&in, &two);
    assert_ok(weir_record_get_head_of_refusal(weir_buf_span(&one), &bare));
    assert_ok(weir_record_get_head_of_refusal(weir_buf_span(&two), &seen));
    for (int i = 0; i < 2; i++)
        assert_true(weir_span_equal(bare.names[i], seen.names[i]));
    assert_true(weir_span_equal(bare.address, seen.address));
}

TEST(record, refusal_reads_back_as_written)
{
    struct weir_record_refusal in = {
        .http_status = 403,
        .reason = WEIR_REASON_HELD,
        .policy = WEIR_SPAN("law.hold"),
        .candidate_count = 1,
    };
    struct weir_record_refusal out;
    struct weir_buf buf;
    fill_candidates(in.candidates, 1);
    weir_buf_init_fixed(&buf, memory, sizeof(memory));
    weir_record_put_refusal(&in, &buf);
    assert_ok(weir_record_get_refusal(weir_buf_span(&buf), &out, NULL));
    assert_int_equal(out.http_status, 403);
    assert_int_equal(out.reason, WEIR_REASON_HELD);
    assert_span(out.policy, "law.hold");
    assert_span(out.candidates[0].deployment, "large-sg");
}

TEST(record, request_ids_sort_by_time_and_read_back)
{
    uint8_t zeros[10] = {0};
    uint8_t ones[10];
    struct weir_request_id early;
    struct weir_request_id late;
    struct weir_request_id back;
    char early_text[WEIR_REQUEST_ID_TEXT];
    char late_text[WEIR_REQUEST_ID_TEXT];
    memset(ones, 0xFF, sizeof(ones));
    weir_request_id_make(INT64_C(1700000000000000), ones, &early);
    weir_request_id_make(INT64_C(1700000000001000), zeros, &late);
    weir_request_id_format(&early, early_text);
    weir_request_id_format(&late, late_text);
    assert_true(strcmp(early_text, late_text) < 0);
    assert_true(weir_request_id_parse(weir_span_of(early_text), &back));
    assert_memory_equal(back.bytes, early.bytes, 16);
    early_text[4] = '8'; /* more than 128 bits */
    assert_false(weir_request_id_parse(weir_span_of(early_text), &back));
    assert_false(weir_request_id_parse(WEIR_SPAN("req_"), &back));
}
