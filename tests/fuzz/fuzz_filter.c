/* SPDX-License-Identifier: Apache-2.0 */
/* A stream through rules, whole and in pieces: the same goes on, or both are
 * blocked. The first byte is the size of pieces; with its highest bit each
 * line is the payload of a message in a binary stream. */

#include <stdlib.h>
#include <string.h>

#include <weir/eventstream.h>
#include <weir/filter.h>

static struct weir_detect_set *set;

static void
build(void)
{
    static const char *const names[] = {"mail", "card", "key", "phone"};
    struct weir_detect_rule rules[4] = {{.name = WEIR_SPAN_NONE}};
    for (size_t i = 0; i < 4; i++)
        rules[i] = (struct weir_detect_rule){
            .name = weir_span_of(names[i]),
            .detector = weir_detector_find(weir_span_of(names[i])),
            .action = WEIR_DETECT_MASK};
    if (weir_detect_compile(rules, 4, &set, NULL) != WEIR_OK)
        abort();
}

/* The kind of a line is told by its length. */
static void
frame(weir_span text, struct weir_buf *out)
{
    static const char *const types[] = {"contentBlockDelta", "contentBlockStop",
                                        "contentBlockDelta", "messageStop"};
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t n = end != NULL ? (size_t)(end - text.ptr) : text.len;
        struct weir_buf headers;
        const struct weir_eventstream_header rows[] = {
            {WEIR_SPAN(":message-type"), WEIR_EVENTSTREAM_STRING,
             n % 13 == 7 ? WEIR_SPAN("exception") : WEIR_SPAN("event")},
            {WEIR_SPAN(":event-type"), WEIR_EVENTSTREAM_STRING,
             weir_span_of(types[n % 4])}};
        weir_buf_init(&headers, 4096);
        for (size_t i = 0; i < WEIR_COUNTOF(rows); i++)
            if (weir_eventstream_put_header(&headers, &rows[i]) != WEIR_OK)
                abort();
        if (weir_eventstream_put(out, weir_buf_span(&headers),
                                 (weir_span){text.ptr, n}) != WEIR_OK)
            abort();
        weir_buf_fini(&headers);
        n += end != NULL;
        text = (weir_span){text.ptr + n, text.len - n};
    }
}

static bool
run(weir_span text, bool is_binary, size_t step, struct weir_buf *out)
{
    const struct weir_filter_setup setup = {.set = set,
                                            .is_streamed = true,
                                            .is_binary = is_binary,
                                            .held_max = 1 << 16};
    struct weir_filter *filter = weir_filter_new(&setup);
    bool goes_on = filter != NULL;
    for (size_t at = 0; at < text.len && goes_on; at += step)
        goes_on = weir_filter_take(
            filter,
            (weir_span){text.ptr + at,
                        text.len - at < step ? text.len - at : step},
            out);
    goes_on = goes_on && weir_filter_finish(filter, out);
    weir_filter_free(filter);
    return goes_on;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_buf whole, cut;
    if (set == NULL)
        build();
    if (size < 1 || size > 8192)
        return 0;
    weir_span text = {(const char *)data + 1, size - 1};
    weir_buf_init(&whole, 1 << 20);
    weir_buf_init(&cut, 1 << 20);
    struct weir_buf framed;
    bool is_binary = data[0] >= 128;
    weir_buf_init(&framed, 1 << 21);
    if (is_binary) {
        frame(text, &framed);
        text = weir_buf_span(&framed);
    }
    bool a = run(text, is_binary, text.len + 1, &whole);
    bool b = run(text, is_binary, 1 + data[0] % 64, &cut);
    weir_buf_fini(&framed);
    if (a != b ||
        (a && !weir_span_equal(weir_buf_span(&whole), weir_buf_span(&cut))))
        abort();
    weir_buf_fini(&whole);
    weir_buf_fini(&cut);
    return 0;
}
