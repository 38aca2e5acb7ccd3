/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte chooses where to split and how large the buffer is. Raw
 * bytes come out as they went in; with room enough, so do the same events
 * as without a split.
 */
#include <weir/sse.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
run(const char *text, size_t len, size_t split, size_t held_max,
    struct weir_buf *raw, struct weir_buf *seen)
{
    struct weir_sse sse;
    struct weir_sse_event event;
    weir_sse_init(&sse, held_max);
    for (unsigned half = 0; half < 3; half++) {
        weir_span input = {text + (half == 0 ? 0 : split),
                           half == 0 ? split : len - split};
        while (half < 2 ? weir_sse_next(&sse, &input, &event)
                        : weir_sse_rest(&sse, &event)) {
            weir_buf_add_span(raw, event.raw);
            if (event.is_tail || event.is_part)
                continue;
            weir_buf_add_span(seen, event.name);
            weir_buf_add_byte(seen, event.has_data ? '=' : '#');
            weir_buf_add_span(seen, event.data);
            weir_buf_add_byte(seen, '\0');
        }
    }
    weir_sse_fini(&sse);
    if (raw->len != len || (len > 0 && memcmp(raw->ptr, text, len) != 0))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 1)
        return 0;
    struct weir_buf raw;
    struct weir_buf whole;
    struct weir_buf halves;
    const char *text = (const char *)bytes + 1;
    len--;
    size_t split = len > 0 ? bytes[0] % (len + 1) : 0;
    weir_buf_init(&raw, 1 << 20);
    weir_buf_init(&whole, 1 << 20);
    weir_buf_init(&halves, 1 << 20);
    run(text, len, len, 1 << 16, &raw, &whole);
    weir_buf_reset(&raw);
    run(text, len, split, 1 << 16, &raw, &halves);
    if (!weir_span_equal(weir_buf_span(&whole), weir_buf_span(&halves)))
        abort();
    weir_buf_reset(&raw);
    weir_buf_reset(&halves);
    run(text, len, split, 1 + bytes[0] % 32, &raw, &halves);
    weir_buf_fini(&raw);
    weir_buf_fini(&whole);
    weir_buf_fini(&halves);
    return 0;
}
