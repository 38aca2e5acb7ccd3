/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/trace.h>

#include <string.h>

#define TEXT_BYTES 55

/* Small letters only, as the Recommendation has them. */
static int
digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
read_hex(const char *text, uint8_t *bytes_out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes_out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool
is_zero(const uint8_t *bytes, size_t count)
{
    uint8_t any = 0;
    for (size_t i = 0; i < count; i++)
        any |= bytes[i];
    return any == 0;
}

bool
weir_trace_parse(weir_span traceparent, struct weir_trace *trace_out)
{
    struct weir_trace trace = {.is_there = true};
    uint8_t version;
    const char *text = traceparent.ptr;
    *trace_out = (struct weir_trace){.is_there = false};
    if (traceparent.len < TEXT_BYTES || text[2] != '-' || text[35] != '-' ||
        text[52] != '-' || !read_hex(text, &version, 1) || version == 0xff ||
        !read_hex(text + 3, trace.id, sizeof trace.id) ||
        !read_hex(text + 36, trace.span, sizeof trace.span) ||
        !read_hex(text + 53, &trace.flags, 1))
        return false;
    if (traceparent.len > TEXT_BYTES && (version == 0 || text[55] != '-'))
        return false;
    if (is_zero(trace.id, sizeof trace.id) ||
        is_zero(trace.span, sizeof trace.span))
        return false;
    *trace_out = trace;
    return true;
}

void
weir_trace_pack(const struct weir_trace *trace,
                uint8_t bytes_out[WEIR_TRACE_BYTES])
{
    memcpy(bytes_out, trace->id, sizeof trace->id);
    memcpy(bytes_out + sizeof trace->id, trace->span, sizeof trace->span);
    bytes_out[WEIR_TRACE_BYTES - 1] = trace->flags;
}

bool
weir_trace_unpack(weir_span bytes, struct weir_trace *trace_out)
{
    *trace_out = (struct weir_trace){.is_there = bytes.len > 0};
    if (bytes.len == 0)
        return true;
    if (bytes.len != WEIR_TRACE_BYTES)
        return false;
    memcpy(trace_out->id, bytes.ptr, sizeof trace_out->id);
    memcpy(trace_out->span, bytes.ptr + sizeof trace_out->id,
           sizeof trace_out->span);
    trace_out->flags = (uint8_t)bytes.ptr[WEIR_TRACE_BYTES - 1];
    return true;
}
