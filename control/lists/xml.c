/* SPDX-License-Identifier: Apache-2.0 */
/* A pull reader: one element opened or closed at a time. Text is gathered
 * from the last tag on; an element with elements inside has none of its
 * own, which is how lists are written. */
#include "control/lists/xml.h"

#include <string.h>

void
xml_init(struct xml *xml, weir_span source)
{
    memset(xml, 0, sizeof(*xml));
    if (weir_span_starts(source, WEIR_SPAN("\xEF\xBB\xBF")))
        source = (weir_span){source.ptr + 3, source.len - 3};
    xml->source = source;
    xml->counted_line = 1;
    weir_buf_init(&xml->buf, XML_TEXT_MAX);
}

void
xml_fini(struct xml *xml)
{
    weir_buf_fini(&xml->buf);
}

static enum xml_event
fail(struct xml *xml, const char *fault)
{
    xml->fault = fault;
    return XML_BAD;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
starts(const struct xml *xml, const char *text)
{
    weir_span rest = {xml->source.ptr + xml->at, xml->source.len - xml->at};
    return weir_span_starts(rest, weir_span_of(text));
}

static void
count_lines(struct xml *xml)
{
    for (; xml->counted < xml->at; xml->counted++)
        xml->counted_line += xml->source.ptr[xml->counted] == '\n';
    xml->line = xml->counted_line;
}

/* Behind `end`, or false when it is not there. */
static bool
skip_past(struct xml *xml, const char *end)
{
    size_t len = strlen(end);
    const char *at = xml->source.ptr + xml->at;
    const char *found = memmem(at, xml->source.len - xml->at, end, len);
    if (found == NULL)
        return false;
    xml->at = (size_t)(found - xml->source.ptr) + len;
    return true;
}

static bool
read_name(struct xml *xml, weir_span *name_out)
{
    size_t first = xml->at;
    for (; xml->at < xml->source.len; xml->at++) {
        char c = xml->source.ptr[xml->at];
        bool is_first = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        c == '_' || c == ':' || (unsigned char)c >= 0x80;
        bool is_later = (c >= '0' && c <= '9') || c == '-' || c == '.';
        if (!is_first && (!is_later || xml->at == first))
            break;
    }
    *name_out = (weir_span){xml->source.ptr + first, xml->at - first};
    return xml->at > first;
}

static void
skip_blanks(struct xml *xml)
{
    while (xml->at < xml->source.len && is_blank(xml->source.ptr[xml->at]))
        xml->at++;
}

/* ---------------------------------------------------------------- text */

static bool
add_point(struct xml *xml, uint32_t point)
{
    char bytes[4];
    size_t size = point < 0x80      ? 1
                  : point < 0x800   ? 2
                  : point < 0x10000 ? 3
                                    : 4;
    uint32_t rest = point;
    if (point == 0 || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
        return false;
    for (size_t i = size - 1; i > 0; i--, rest >>= 6)
        bytes[i] = (char)(0x80 | (rest & 0x3F));
    bytes[0] = (char)(size == 1 ? rest : ((0xF00u >> size) | rest) & 0xFF);
    weir_buf_add(&xml->buf, bytes, size);
    return true;
}

static bool
read_number(struct xml *xml, weir_span digits)
{
    uint32_t point = 0;
    uint32_t base = 10;
    if (digits.len > 0 && digits.ptr[0] == 'x') {
        digits = (weir_span){digits.ptr + 1, digits.len - 1};
        base = 16;
    }
    if (digits.len == 0 || digits.len > 7)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.ptr[i];
        uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0')
                         : (c | 32) >= 'a' && (c | 32) <= 'f'
                             ? (uint32_t)((c | 32) - 'a') + 10
                             : 99;
        if (digit >= base)
            return false;
        point = point * base + digit;
    }
    return add_point(xml, point);
}

static bool
read_reference(struct xml *xml)
{
    static const struct {
        const char *name;
        char value;
    } named[] = {
        {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    const char *from = xml->source.ptr + xml->at + 1;
    size_t left = xml->source.len - xml->at - 1;
    const char *end = memchr(from, ';', left < 12 ? left : 12);
    if (end == NULL)
        return false;
    weir_span name = {from, (size_t)(end - from)};
    xml->at += name.len + 2;
    if (name.len > 1 && name.ptr[0] == '#')
        return read_number(xml, (weir_span){name.ptr + 1, name.len - 1});
    for (size_t i = 0; i < WEIR_COUNTOF(named); i++)
        if (weir_span_equal(name, weir_span_of(named[i].name))) {
            weir_buf_add_byte(&xml->buf, named[i].value);
            return true;
        }
    return false;
}

/* Up to the next tag; false: a fault is set. */
static bool
read_text(struct xml *xml)
{
    while (xml->at < xml->source.len && xml->source.ptr[xml->at] != '<') {
        if (xml->source.ptr[xml->at] == '&') {
            if (!read_reference(xml)) {
                xml->fault = "a reference is none of XML's own";
                return false;
            }
            continue;
        }
        weir_buf_add_byte(&xml->buf, xml->source.ptr[xml->at++]);
    }
    if (xml->buf.overflow)
        xml->fault = "the text of an element is too long";
    return xml->fault == NULL;
}

/* ---------------------------------------------------------------- tags */

static bool
skip_attributes(struct xml *xml)
{
    weir_span name;
    for (;;) {
        size_t before = xml->at;
        skip_blanks(xml);
        if (xml->at >= xml->source.len)
            return false;
        char c = xml->source.ptr[xml->at];
        if (c == '>' || c == '/')
            return true;
        if (xml->at == before || !read_name(xml, &name))
            return false;
        skip_blanks(xml);
        if (!starts(xml, "="))
            return false;
        xml->at++;
        skip_blanks(xml);
        if (!starts(xml, "\"") && !starts(xml, "'"))
            return false;
        char quote[2] = {xml->source.ptr[xml->at++], '\0'};
        if (!skip_past(xml, quote))
            return false;
    }
}

static enum xml_event
open_element(struct xml *xml)
{
    xml->at++;
    if (!read_name(xml, &xml->name) || !skip_attributes(xml))
        return fail(xml, "a tag is not well formed");
    if (xml->depth == XML_DEPTH_MAX)
        return fail(xml, "elements are nested too deep");
    if (xml->depth == 0 && xml->has_root)
        return fail(xml, "a document has one root");
    xml->has_root = true;
    xml->is_closing = starts(xml, "/>");
    if (!xml->is_closing && !starts(xml, ">"))
        return fail(xml, "a tag is not well formed");
    xml->at += xml->is_closing ? 2 : 1;
    xml->open[xml->depth++] = xml->name;
    weir_buf_reset(&xml->buf);
    return XML_OPEN;
}

static enum xml_event
close_element(struct xml *xml)
{
    weir_span text = weir_buf_span(&xml->buf);
    while (text.len > 0 && is_blank(text.ptr[0]))
        text = (weir_span){text.ptr + 1, text.len - 1};
    while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
        text.len--;
    xml->text = text;
    xml->name = xml->open[--xml->depth];
    xml->is_closing = false;
    return XML_CLOSE;
}

static enum xml_event
read_close(struct xml *xml)
{
    weir_span name;
    xml->at += 2;
    if (!read_name(xml, &name))
        return fail(xml, "a tag is not well formed");
    skip_blanks(xml);
    if (!starts(xml, ">"))
        return fail(xml, "a tag is not well formed");
    xml->at++;
    if (xml->depth == 0 || !weir_span_equal(name, xml->open[xml->depth - 1]))
        return fail(xml, "an element is closed that is not open");
    return close_element(xml);
}

/* What is neither text nor an element; true: go on. */
static bool
skip_other(struct xml *xml)
{
    size_t from = xml->at + 9;
    if (starts(xml, "<!--")) {
        xml->at += 4;
        if (skip_past(xml, "-->"))
            return true;
        xml->fault = "a comment has no end";
    } else if (starts(xml, "<?")) {
        if (skip_past(xml, "?>"))
            return true;
        xml->fault = "an instruction has no end";
    } else if (starts(xml, "<![CDATA[") && xml->depth > 0) {
        if (skip_past(xml, "]]>")) {
            weir_buf_add(&xml->buf, xml->source.ptr + from, xml->at - 3 - from);
            return true;
        }
        xml->fault = "CDATA has no end";
    } else {
        xml->fault = "a document type is not read";
    }
    return false;
}

enum xml_event
xml_next(struct xml *xml)
{
    if (xml->fault != NULL)
        return XML_BAD;
    if (xml->is_closing)
        return close_element(xml);
    if (xml->depth == 0 || xml->at == 0)
        weir_buf_reset(&xml->buf);
    for (;;) {
        if (xml->depth > 0 && !read_text(xml))
            return XML_BAD;
        if (xml->depth == 0)
            skip_blanks(xml);
        count_lines(xml);
        if (xml->at >= xml->source.len)
            return xml->depth == 0 && xml->has_root
                       ? XML_END
                       : fail(xml, "the document ends inside an element");
        if (starts(xml, "</"))
            return read_close(xml);
        if (starts(xml, "<!") || starts(xml, "<?")) {
            if (!skip_other(xml))
                return XML_BAD;
            continue;
        }
        if (!starts(xml, "<"))
            return fail(xml, "text stands outside the document");
        return open_element(xml);
    }
}
