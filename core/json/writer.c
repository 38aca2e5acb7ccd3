/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/json.h>

#include <string.h>

void
weir_json_writer_init(struct weir_json_writer *writer, struct weir_buf *buf)
{
    memset(writer, 0, sizeof(*writer));
    writer->buf = buf;
    writer->is_first = true;
}

static bool
is_in_object(const struct weir_json_writer *writer)
{
    if (writer->depth == 0)
        return false;
    uint32_t at = writer->depth - 1u;
    return (writer->is_object[at >> 6] >> (at & 63) & 1) != 0;
}

/* What goes before a value: a comma between elements and root values. */
static void
before_value(struct weir_json_writer *writer)
{
    if (is_in_object(writer)) {
        WEIR_ASSERT(writer->has_name || writer->buf->overflow);
        writer->has_name = false;
        return;
    }
    if (!writer->is_first)
        weir_buf_add_byte(writer->buf, ',');
    writer->is_first = false;
}

static void
begin(struct weir_json_writer *writer, bool is_object)
{
    before_value(writer);
    if (writer->depth == WEIR_JSON_DEPTH_MAX) {
        writer->buf->overflow = true;
        return;
    }
    uint32_t at = writer->depth++;
    uint64_t bit = UINT64_C(1) << (at & 63);
    if (is_object)
        writer->is_object[at >> 6] |= bit;
    else
        writer->is_object[at >> 6] &= ~bit;
    writer->is_first = true;
    weir_buf_add_byte(writer->buf, is_object ? '{' : '[');
}

static void
end(struct weir_json_writer *writer, bool is_object)
{
    WEIR_ASSERT(writer->buf->overflow ||
                (writer->depth > 0 && is_in_object(writer) == is_object &&
                 !writer->has_name));
    if (writer->depth > 0)
        writer->depth--;
    writer->is_first = false;
    weir_buf_add_byte(writer->buf, is_object ? '}' : ']');
}

void
weir_json_begin_object(struct weir_json_writer *writer)
{
    begin(writer, true);
}

void
weir_json_end_object(struct weir_json_writer *writer)
{
    end(writer, true);
}

void
weir_json_begin_array(struct weir_json_writer *writer)
{
    begin(writer, false);
}

void
weir_json_end_array(struct weir_json_writer *writer)
{
    end(writer, false);
}

void
weir_json_name_span(struct weir_json_writer *writer, weir_span name)
{
    WEIR_ASSERT(writer->buf->overflow ||
                (is_in_object(writer) && !writer->has_name));
    if (!writer->is_first)
        weir_buf_add_byte(writer->buf, ',');
    writer->is_first = false;
    writer->has_name = true;
    weir_json_quote(writer->buf, name);
    weir_buf_add_byte(writer->buf, ':');
}

void
weir_json_name(struct weir_json_writer *writer, const char *name)
{
    weir_json_name_span(writer, weir_span_of(name));
}

void
weir_json_add_string(struct weir_json_writer *writer, weir_span text)
{
    before_value(writer);
    weir_json_quote(writer->buf, text);
}

void
weir_json_add_int(struct weir_json_writer *writer, int64_t value)
{
    before_value(writer);
    weir_buf_addf(writer->buf, "%lld", (long long)value);
}

void
weir_json_add_uint(struct weir_json_writer *writer, uint64_t value)
{
    before_value(writer);
    weir_buf_addf(writer->buf, "%llu", (unsigned long long)value);
}

void
weir_json_add_bool(struct weir_json_writer *writer, bool value)
{
    before_value(writer);
    weir_buf_add_span(writer->buf,
                      value ? WEIR_SPAN("true") : WEIR_SPAN("false"));
}

void
weir_json_add_null(struct weir_json_writer *writer)
{
    before_value(writer);
    weir_buf_add_span(writer->buf, WEIR_SPAN("null"));
}

void
weir_json_add_raw(struct weir_json_writer *writer, weir_span raw)
{
    before_value(writer);
    weir_buf_add_span(writer->buf, raw);
}

/* ----------------------------------------------------------- strings */

static void
quote_byte(struct weir_buf *buf, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char escape[6] = {'\\', 'u', '0', '0'};
    const char *from = "\"\\\b\f\n\r\t";
    const char *to = "\"\\bfnrt";
    const char *found = c != 0 ? strchr(from, c) : NULL;
    if (found != NULL) {
        escape[1] = to[found - from];
        weir_buf_add(buf, escape, 2);
        return;
    }
    escape[4] = hex[c >> 4];
    escape[5] = hex[c & 15];
    weir_buf_add(buf, escape, 6);
}

void
weir_json_quote(struct weir_buf *buf, weir_span text)
{
    size_t start = 0; /* of the bytes that need nothing */
    size_t at = 0;
    bool is_utf8 = weir_utf8_valid(text);

    weir_buf_add_byte(buf, '"');
    while (at < text.len) {
        unsigned char c = (unsigned char)text.ptr[at];
        size_t length = 1;
        bool is_broken = false;
        if (c >= 0x80 && !is_utf8) {
            length = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
            is_broken = length > text.len - at ||
                        !weir_utf8_valid((weir_span){text.ptr + at, length});
            if (is_broken)
                length = 1;
        }
        if (c >= 0x20 && c != '"' && c != '\\' && !is_broken) {
            at += length;
            continue;
        }
        weir_buf_add(buf, text.ptr + start, at - start);
        if (is_broken)
            weir_buf_add_span(buf, WEIR_SPAN("\xEF\xBF\xBD"));
        else
            quote_byte(buf, c);
        at++;
        start = at;
    }
    if (at > start)
        weir_buf_add(buf, text.ptr + start, at - start);
    weir_buf_add_byte(buf, '"');
}
