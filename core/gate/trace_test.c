/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/trace.h>

#include "test.h"

#define ID   "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static bool
is_read(const char *text)
{
    struct weir_trace trace;
    bool is_good = weir_trace_parse(weir_span_of(text), &trace);
    assert_int_equal(trace.is_there, is_good);
    return is_good;
}

TEST(trace, a_parent_goes_through_a_record_unchanged)
{
    struct weir_trace trace, again;
    uint8_t bytes[WEIR_TRACE_BYTES];
    assert_true(weir_trace_parse(WEIR_SPAN("00-" ID "-" SPAN "-01"), &trace));
    assert_int_equal(trace.id[0], 0x4b);
    assert_int_equal(trace.id[15], 0x36);
    assert_int_equal(trace.span[7], 0xb7);
    assert_int_equal(trace.flags, 1);
    weir_trace_pack(&trace, bytes);
    assert_true(weir_trace_unpack(
        (weir_span){(const char *)bytes, sizeof bytes}, &again));
    assert_memory_equal(again.id, trace.id, sizeof trace.id);
    assert_memory_equal(again.span, trace.span, sizeof trace.span);
    assert_int_equal(again.flags, 1);
}

TEST(trace, what_is_not_of_the_form_is_not_there)
{
    assert_true(is_read("00-" ID "-" SPAN "-00"));
    assert_true(is_read("cc-" ID "-" SPAN "-01-what-the-future-brings"));
    assert_false(is_read(""));
    assert_false(is_read("00-" ID "-" SPAN "-0"));
    assert_false(is_read("00-" ID "-" SPAN "-01-more"));
    assert_false(is_read("cc-" ID "-" SPAN "-01.more"));
    assert_false(is_read("ff-" ID "-" SPAN "-01"));
    assert_false(is_read("00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01"));
    assert_false(is_read("00_" ID "-" SPAN "-01"));
    assert_false(is_read("00-00000000000000000000000000000000-" SPAN "-01"));
    assert_false(is_read("00-" ID "-0000000000000000-01"));
}

TEST(trace, a_record_cut_short_is_refused)
{
    struct weir_trace trace;
    assert_true(weir_trace_unpack(WEIR_SPAN_NONE, &trace));
    assert_false(trace.is_there);
    assert_false(weir_trace_unpack(WEIR_SPAN("short"), &trace));
}
