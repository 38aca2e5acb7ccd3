/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/sse.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

/* What came out: names and data of events as text, and all raw bytes. */
struct seen {
    struct weir_buf text;
    struct weir_buf raw;
    unsigned events;
    unsigned parts;
};

static void
take(struct seen *seen, const struct weir_sse_event *event)
{
    weir_buf_add_span(&seen->raw, event->raw);
    if (event->is_part)
        seen->parts++;
    if (event->is_tail)
        return;
    if (event->has_data || event->is_part) {
        if (!event->is_part)
            weir_buf_addf(&seen->text, "[%.*s]", WEIR_SPAN_ARG(event->name));
        weir_buf_add_span(&seen->text, event->data);
    }
    if (event->is_last) {
        weir_buf_add_byte(&seen->text, event->has_data ? '\n' : '#');
        seen->events++;
    }
}

static void
feed(struct weir_sse *sse, struct seen *seen, weir_span input)
{
    struct weir_sse_event event;
    /* A copy of its own: reading past it is seen, keeping it is too. */
    char *copy = malloc(input.len + 1);
    assert_non_null(copy);
    if (input.len > 0)
        memcpy(copy, input.ptr, input.len);
    weir_span span = {copy, input.len};
    while (weir_sse_next(sse, &span, &event))
        take(seen, &event);
    assert_int_equal(span.len, 0);
    memset(copy, '!', input.len);
    free(copy);
}

static void
finish(struct weir_sse *sse, struct seen *seen)
{
    struct weir_sse_event event;
    while (weir_sse_rest(sse, &event))
        take(seen, &event);
    weir_sse_fini(sse);
}

static void
seen_init(struct seen *seen)
{
    memset(seen, 0, sizeof(*seen));
    weir_buf_init(&seen->text, (size_t)8 << 20);
    weir_buf_init(&seen->raw, (size_t)8 << 20);
}

static void
seen_fini(struct seen *seen)
{
    weir_buf_fini(&seen->text);
    weir_buf_fini(&seen->raw);
}

/* Whole, byte by byte, and at each split: `wanted`, and all bytes. */
static void
check(weir_span stream, size_t held_max, const char *wanted)
{
    for (size_t split = 0; split <= stream.len + 1; split++) {
        struct weir_sse sse;
        struct seen seen;
        seen_init(&seen);
        weir_sse_init(&sse, held_max);
        if (split > stream.len) {
            for (size_t i = 0; i < stream.len; i++)
                feed(&sse, &seen, (weir_span){stream.ptr + i, 1});
        } else {
            feed(&sse, &seen, (weir_span){stream.ptr, split});
            feed(&sse, &seen,
                 (weir_span){stream.ptr + split, stream.len - split});
        }
        finish(&sse, &seen);
        weir_buf_add_byte(&seen.text, '\0');
        assert_string_equal(seen.text.ptr, wanted);
        assert_int_equal(seen.raw.len, stream.len);
        assert_memory_equal(seen.raw.ptr, stream.ptr, stream.len);
        seen_fini(&seen);
    }
}

static const struct {
    const char *stream;
    const char *wanted;
} cases[] = {
    {"data: a\n\ndata: b\n\n", "[]a\n[]b\n"},
    {"data: a\r\n\r\ndata:b\r\n\r\n", "[]a\n[]b\n"},
    {"data: a\r\rdata: b\r\r", "[]a\n[]b\n"},
    {"data: a\n\r\ndata: b\r\n\n", "[]a\n[]b\n"},
    {"\xEF\xBB\xBF"
     "data: a\n\n\xEF\xBB\xBF"
     "data: b\n\n",
     "[]a\n#"},
    {"\xEF\xBB\xBF\n\ndata: a\n\n", "[]a\n"},
    {"event: x\ndata: 1\ndata: 2\ndata\ndata:\n\n", "[x]1\n2\n\n\n"},
    {": hello\n\ndata: a\n: in it\n\n", "#[]a\n"},
    {"\n\n\ndata:  two\n\n\n\n", "[] two\n#"},
    {"id: 1\nretry: 5\n\ndata: a\nid: 2\nunknown\n\n", "#[]a\n"},
    {"dat: no\ndatax: no\ndata: yes\nDATA: no\n\n", "[]yes\n"},
    {"event: a\nevent: b\ndata: x: y\n\n", "[b]x: y\n"},
    {"data: a\n\ndata: [DONE]\n", "[]a\n[][DONE]\n"},
    {"data: a\n\ndata: [DONE]", "[]a\n[][DONE]\n"},
    {"data: a\r\n\r\n\r\ndata: b\r\n\r\n", "[]a\n[]b\n"},
    {"data", "[]\n"},
    {"", ""},
};

TEST(sse, event_split_at_every_byte_yields_same_events)
{
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++)
        check(weir_span_of(cases[i].stream), 4096, cases[i].wanted);
}

TEST(sse, whole_event_is_not_copied)
{
    struct weir_sse sse;
    struct weir_sse_event event;
    weir_span stream = WEIR_SPAN("event: n\ndata: {}\n\ndata: x");
    weir_span input = stream;
    weir_sse_init(&sse, 64);
    assert_true(weir_sse_next(&sse, &input, &event));
    assert_ptr_equal(event.raw.ptr, stream.ptr);
    assert_ptr_equal(event.data.ptr, stream.ptr + 15);
    assert_span(event.name, "n");
    assert_false(event.is_held);
    assert_false(weir_sse_next(&sse, &input, &event));
    input = WEIR_SPAN("\n\n");
    assert_true(weir_sse_next(&sse, &input, &event));
    assert_true(event.is_held);
    assert_span(event.data, "x");
    weir_sse_fini(&sse);
}

TEST(sse, event_larger_than_buffer_comes_in_parts)
{
    /* Every buffer size: the data is the same, only its pieces differ. */
    for (size_t i = 0; i < 3; i++) {
        static const char *ends[] = {"\n", "\r\n", "\r"};
        char stream[256];
        snprintf(stream, sizeof(stream),
                 "data: first%s%s: c%sevent: n%sdata: 0123456789%sid: 4%s"
                 "data:abcdefgh%s%sdata: last%s%s",
                 ends[i], ends[i], ends[i], ends[i], ends[i], ends[i], ends[i],
                 ends[i], ends[i], ends[i]);
        for (size_t max = 16; max < 80; max++) {
            for (size_t split = 0; split <= strlen(stream); split++) {
                struct weir_sse sse;
                struct seen seen;
                seen_init(&seen);
                weir_sse_init(&sse, max);
                feed(&sse, &seen, (weir_span){stream, split});
                feed(&sse, &seen, weir_span_of(stream + split));
                finish(&sse, &seen);
                weir_buf_add_byte(&seen.text, '\0');
                assert_int_equal(seen.raw.len, strlen(stream));
                assert_memory_equal(seen.raw.ptr, stream, seen.raw.len);
                assert_int_equal(seen.events, 3);
                assert_non_null(strstr(seen.text.ptr, "[]first\n"));
                assert_non_null(strstr(seen.text.ptr, "0123456789\nabcdefgh"));
                assert_non_null(strstr(seen.text.ptr, "[]last\n"));
                seen_fini(&seen);
            }
        }
    }
}

TEST(sse, megabyte_event_passes_in_bounded_memory)
{
    size_t len = (size_t)1 << 20;
    char *stream = malloc(len);
    assert_non_null(stream);
    memset(stream, 'x', len);
    memcpy(stream, "data: {", 7);
    memcpy(stream + len - 3, "}\n\n", 3);
    for (unsigned i = 0; i < 2; i++) {
        size_t max = i == 0 ? (size_t)64 << 10 : (size_t)2 << 20;
        struct weir_sse sse;
        struct seen seen;
        seen_init(&seen);
        weir_sse_init(&sse, max);
        for (size_t at = 0; at < len; at += 4096)
            feed(&sse, &seen, (weir_span){stream + at, 4096});
        assert_true(sse.held.capacity <= max);
        assert_int_equal(seen.events, 1);
        assert_int_equal(seen.parts > 0, i == 0);
        assert_int_equal(seen.raw.len, len);
        finish(&sse, &seen);
        seen_fini(&seen);
    }
    free(stream);
}
