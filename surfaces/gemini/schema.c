/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API's own Schema object as JSON Schema. They differ in three things:
 * types are written in capitals, `nullable` stands for a type of null, and
 * counts may be strings. The first two are put right; all else is copied.
 */
#include "gemini.h"

#include <weir/pen.h>
#include <weir/raw.h>

#include <string.h>

struct frame {
    struct weir_json_reader reader;
    bool is_object;
    bool is_names; /* members are names of the schema's own */
};

/* Deeper than anybody's schema; what is deeper is copied as it is. */
#define DEPTH 24

static void
put_type(struct weir_pen *pen, weir_span raw)
{
    char text[16];
    size_t len = raw.len < sizeof(text) ? raw.len : sizeof(text);
    for (size_t i = 0; i < len; i++)
        text[i] = raw.ptr[i] >= 'A' && raw.ptr[i] <= 'Z'
                      ? (char)(raw.ptr[i] - 'A' + 'a')
                      : raw.ptr[i];
    weir_pen_raw(pen, len == raw.len ? (weir_span){text, len} : raw);
}

/* Is a schema's `type` to allow null too? */
static bool
is_nullable(weir_span object)
{
    static const char *const names[1] = {"nullable"};
    weir_span raw;
    return weir_raw_pick(object, names, 1, &raw, NULL, NULL) &&
           weir_span_equal(raw, WEIR_SPAN("true"));
}

static void
put_scalar(struct weir_pen *pen, const struct frame *frame, weir_span name,
           weir_span raw, bool may_be_null)
{
    bool is_type = frame->is_object && !frame->is_names &&
                   weir_span_equal(name, WEIR_SPAN("type")) &&
                   weir_raw_kind(raw) == WEIR_JSON_STRING;
    if (!is_type) {
        weir_pen_raw(pen, raw);
        return;
    }
    if (may_be_null)
        weir_pen_open(pen, '[');
    put_type(pen, raw);
    if (may_be_null)
        weir_pen_lit(pen, ",\"null\"]");
}

static void
put_name(struct weir_pen *pen, weir_span name)
{
    weir_pen_plain(pen, name);
    weir_pen_lit(pen, ":");
}

static bool
enter(struct frame *frame, weir_span raw, struct weir_arena *arena,
      bool is_names)
{
    weir_json_reader_init(&frame->reader, raw, arena);
    frame->is_object = weir_raw_kind(raw) == WEIR_JSON_OBJECT;
    frame->is_names = is_names;
    return frame->is_object ? weir_json_object(&frame->reader)
                            : weir_json_array(&frame->reader);
}

static void
convert(struct weir_pen *pen, weir_span root, struct weir_arena *arena)
{
    struct frame frames[DEPTH];
    bool may_be_null[DEPTH];
    uint32_t depth = 1;

    may_be_null[0] = is_nullable(root);
    if (!enter(&frames[0], root, arena, false))
        return;
    weir_pen_open(pen, '{');
    while (depth > 0) {
        struct frame *frame = &frames[depth - 1];
        weir_span name = WEIR_SPAN_NONE;
        weir_span raw;
        if (!(frame->is_object ? weir_json_member(&frame->reader, &name)
                               : weir_json_element(&frame->reader)) ||
            !weir_json_raw(&frame->reader, &raw)) {
            weir_pen_close(pen, frame->is_object ? '}' : ']');
            depth--;
            continue;
        }
        bool is_own = frame->is_object && !frame->is_names;
        if (is_own && weir_span_equal(name, WEIR_SPAN("nullable")))
            continue;
        if (frame->is_object)
            put_name(pen, name);
        enum weir_json_kind kind = weir_raw_kind(raw);
        if ((kind != WEIR_JSON_OBJECT && kind != WEIR_JSON_ARRAY) ||
            depth == DEPTH) {
            put_scalar(pen, frame, name, raw, may_be_null[depth - 1]);
            continue;
        }
        bool is_names =
            is_own && weir_span_equal(name, WEIR_SPAN("properties"));
        may_be_null[depth] = kind == WEIR_JSON_OBJECT && is_nullable(raw);
        if (!enter(&frames[depth], raw, arena, is_names))
            return;
        weir_pen_open(pen, kind == WEIR_JSON_OBJECT ? '{' : '[');
        depth++;
    }
}

weir_span
weir_gemini_schema(struct weir_neutral *call, weir_span raw)
{
    struct weir_buf buf;
    struct weir_pen pen;
    if (weir_raw_kind(raw) != WEIR_JSON_OBJECT)
        return raw;
    /* Each "type" may grow by brackets and null. */
    size_t size = 3 * raw.len + 64;
    void *memory = weir_arena_alloc(call->arena, size);
    if (memory == NULL)
        return raw;
    weir_buf_init_fixed(&buf, memory, size);
    weir_pen_init_buf(&pen, &buf);
    convert(&pen, raw, call->arena);
    return buf.overflow ? raw : weir_buf_span(&buf);
}
