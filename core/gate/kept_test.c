/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <weir/kept.h>

#include <string.h>

static const struct weir_record_kept sample = {
    .request = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
    .kind = WEIR_SEALED_BATCH,
    .deed = WEIR_KEPT_MADE,
    .operation = 7,
    .tenant = {"acme", sizeof("acme") - 1},
    .key = {"key_1", sizeof("key_1") - 1},
    .name = {"batch_AQMHAAIA", sizeof("batch_AQMHAAIA") - 1},
};

TEST(kept, a_record_reads_back_as_it_was_written)
{
    char bytes[512];
    struct weir_buf out;
    struct weir_record_kept read;
    weir_buf_init_fixed(&out, bytes, sizeof(bytes));
    weir_record_put_kept(&sample, &out);
    assert_int_equal(weir_record_get_kept(weir_buf_span(&out), &read, NULL),
                     WEIR_OK);
    assert_memory_equal(read.request.bytes, sample.request.bytes, 16);
    assert_int_equal(read.kind, sample.kind);
    assert_int_equal(read.deed, sample.deed);
    assert_int_equal(read.operation, sample.operation);
    assert_true(weir_span_equal(read.tenant, sample.tenant));
    assert_true(weir_span_equal(read.key, sample.key));
    assert_true(weir_span_equal(read.name, sample.name));
}

TEST(kept, a_record_cut_anywhere_is_refused)
{
    char bytes[512];
    struct weir_buf out;
    struct weir_record_kept read;
    weir_buf_init_fixed(&out, bytes, sizeof(bytes));
    weir_record_put_kept(&sample, &out);
    for (size_t len = 0; len < out.len; len++)
        assert_int_equal(
            weir_record_get_kept((weir_span){bytes, len}, &read, NULL),
            WEIR_ECORRUPT);
}

TEST(kept, unknown_tags_and_a_longer_head_are_passed_over)
{
    char bytes[512];
    struct weir_buf out;
    struct weir_record_kept read;
    weir_buf_init_fixed(&out, bytes, sizeof(bytes));
    weir_record_put_kept(&sample, &out);
    memmove(bytes + 26, bytes + 22, out.len - 22);
    memcpy(bytes + 22, "more", 4);
    bytes[0] = 24;
    out.len += 4;
    weir_buf_add(&out, "\xff\x7f\x02\x00xy", 6);
    assert_int_equal(weir_record_get_kept(weir_buf_span(&out), &read, NULL),
                     WEIR_OK);
    assert_true(weir_span_equal(read.name, sample.name));
}

TEST(kept, each_sealed_kind_is_of_one_list)
{
    assert_int_equal(weir_kept_list_of(WEIR_SEALED_INPUT), WEIR_KEPT_FILES);
    assert_int_equal(weir_kept_list_of(WEIR_SEALED_RESULT), WEIR_KEPT_FILES);
    assert_int_equal(weir_kept_list_of(WEIR_SEALED_BATCH), WEIR_KEPT_BATCHES);
    assert_int_equal(weir_kept_list_of(WEIR_SEALED_MESSAGES),
                     WEIR_KEPT_MESSAGES);
    assert_int_equal(weir_kept_list_of((enum weir_sealed_kind)31),
                     WEIR_KEPT_NONE);
    assert_true(weir_span_equal(weir_kept_purpose(WEIR_SEALED_RESULT),
                                WEIR_SPAN("batch_output")));
}
