/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte chooses where to split, the second what the rest is: a
 * stream as it is, or headers and payload of a message to be made. A stream
 * says the same at every split; a message made is read as it was written.
 */
#include <weir/eventstream.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool
run(weir_span text, size_t split, struct weir_buf *seen)
{
    struct weir_buf held;
    struct weir_eventstream message;
    bool is_broken = false;
    weir_buf_init(&held, WEIR_EVENTSTREAM_MOST);
    for (unsigned half = 0; half < 2 && !is_broken; half++) {
        weir_span input = {text.ptr + (half == 0 ? 0 : split),
                           half == 0 ? split : text.len - split};
        while (weir_eventstream_next(&held, &input, &message, &is_broken)) {
            struct weir_eventstream_header header;
            weir_span rest = message.headers;
            weir_buf_add_span(seen, message.raw);
            while (weir_eventstream_header(&rest, &header))
                (void)weir_eventstream_number(&header);
            if (rest.len > 0 || is_broken)
                abort();
        }
        if (!is_broken && input.len > 0)
            abort();
    }
    weir_buf_fini(&held);
    return is_broken;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct weir_buf made;
    struct weir_buf whole;
    struct weir_buf halves;
    if (len < 2)
        return 0;
    weir_span text = {(const char *)bytes + 2, len - 2};
    weir_buf_init(&made, (size_t)2 << 20);
    weir_buf_init(&whole, (size_t)2 << 20);
    weir_buf_init(&halves, (size_t)2 << 20);
    if (bytes[1] != 0) {
        size_t headers = (size_t)(bytes[1] - 1) % (text.len + 1);
        weir_span first = {text.ptr, headers};
        weir_span second = {text.ptr + headers, text.len - headers};
        for (unsigned i = 0; i < 2; i++)
            if (weir_eventstream_put(&made, first, second) != WEIR_OK)
                abort();
        text = weir_buf_span(&made);
    }
    size_t split = text.len * bytes[0] / 255;
    bool is_broken = run(text, text.len, &whole);
    if (is_broken != run(text, split, &halves) ||
        !weir_span_equal(weir_buf_span(&whole), weir_buf_span(&halves)))
        abort();
    if (bytes[1] == 1 && (is_broken || whole.len != text.len))
        abort(); /* no headers, and not read */
    weir_buf_fini(&made);
    weir_buf_fini(&whole);
    weir_buf_fini(&halves);
    return 0;
}
