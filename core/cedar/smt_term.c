/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terms as text. Every term beyond a symbol gets a name by define-fun, and
 * the same text the same name, so that a condition shared by five hundred
 * policies is written once and text grows with the tree, not with the paths
 * through it.
 */
#include "smt.h"

#include <stdio.h>
#include <string.h>

bool
weir__smt_failed(struct smt *s)
{
    if (s->error.status == WEIR_OK && (s->arena->overflow || s->out->overflow))
        weir__smt_refuse(s, WEIR_ETOOBIG, "the question is too large");
    return s->error.status != WEIR_OK;
}

void
weir__smt_refuse(struct smt *s, weir_status status, const char *format, ...)
{
    va_list args;
    if (s->error.status != WEIR_OK)
        return;
    s->error.status = status;
    s->error.offset = WEIR_OFFSET_NONE;
    va_start(args, format);
    vsnprintf(s->error.text, sizeof(s->error.text), format, args);
    va_end(args);
}

/* All lists begin alike. */
bool
weir__smt_grow(struct smt *s, void *list, size_t size)
{
    SMT_LIST(char) *l = list;
    uint32_t capacity;
    void *items;
    if (l->count < l->capacity)
        return true;
    capacity = l->capacity == 0 ? 8 : l->capacity * 2;
    items = weir_arena_alloc_array(s->arena, size, capacity);
    if (items == NULL)
        return false;
    if (l->count > 0)
        memcpy(items, l->items, l->count * size);
    l->items = items;
    l->capacity = capacity;
    return true;
}

weir_span
weir__smt_format(struct smt *s, const char *format, ...)
{
    va_list args, again;
    char *text;
    int len;
    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text = weir_arena_alloc(s->arena, (size_t)len + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text == NULL ? WEIR_SPAN_NONE : (weir_span){text, (size_t)len};
}

/* ------------------------------------------------------------- names */

static struct smt_slot *
slot_of(struct smt_slot *slots, uint32_t count, weir_span key)
{
    uint32_t at = (uint32_t)weir_hash64(key, 0) & (count - 1);
    while (slots[at].key.ptr != NULL && !weir_span_equal(slots[at].key, key))
        at = (at + 1) & (count - 1);
    return &slots[at];
}

weir_span
weir__smt_known(const struct smt *s, weir_span key)
{
    if (s->slot_count == 0)
        return WEIR_SPAN_NONE;
    return slot_of(s->slots, s->slot_count, key)->name;
}

void
weir__smt_learn(struct smt *s, weir_span key, weir_span name)
{
    struct smt_slot *slot;
    if ((s->slots_used + 1) * 2 > s->slot_count) {
        uint32_t count = s->slot_count == 0 ? 1024 : s->slot_count * 2;
        struct smt_slot *slots =
            weir_arena_array(s->arena, struct smt_slot, count);
        if (slots == NULL)
            return;
        for (uint32_t i = 0; i < s->slot_count; i++)
            if (s->slots[i].key.ptr != NULL)
                *slot_of(slots, count, s->slots[i].key) = s->slots[i];
        s->slots = slots;
        s->slot_count = count;
    }
    slot = slot_of(s->slots, s->slot_count, key);
    if (slot->key.ptr == NULL)
        s->slots_used++;
    *slot = (struct smt_slot){key, name};
}

weir_span
weir__smt_name(struct smt *s, weir_span sort, weir_span text)
{
    weir_span name;
    if (text.ptr == NULL || text.len == 0 || text.ptr[0] != '(')
        return text;
    name = weir__smt_known(s, text);
    if (name.ptr != NULL)
        return name;
    name = weir__smt_format(s, "t%u", s->next++);
    weir__smt_learn(s, text, name);
    weir_buf_addf(s->out, "(define-fun %.*s () %.*s ", WEIR_SPAN_ARG(name),
                  WEIR_SPAN_ARG(sort));
    weir_buf_add_span(s->out, text);
    weir_buf_add(s->out, ")\n", 2);
    return name;
}

void
weir__smt_assert(struct smt *s, weir_span text)
{
    if (weir__smt_is(text, "true"))
        return;
    weir_buf_add(s->out, "(assert ", 8);
    weir_buf_add_span(s->out, text);
    weir_buf_add(s->out, ")\n", 2);
}

/* ---------------------------------------------------------- booleans */

#define TRUE_TEXT  WEIR_SPAN("true")
#define FALSE_TEXT WEIR_SPAN("false")

bool
weir__smt_is(weir_span text, const char *constant)
{
    return weir_span_equal(text, weir_span_of(constant));
}

static weir_span
name_bool(struct smt *s, weir_span text)
{
    return weir__smt_name(s, WEIR_SPAN("Bool"), text);
}

weir_span
weir__smt_and(struct smt *s, weir_span a, weir_span b)
{
    if (weir__smt_is(a, "true") || weir_span_equal(a, b))
        return b;
    if (weir__smt_is(b, "true"))
        return a;
    if (weir__smt_is(a, "false") || weir__smt_is(b, "false"))
        return FALSE_TEXT;
    return name_bool(s, weir__smt_format(s, "(and %.*s %.*s)", WEIR_SPAN_ARG(a),
                                         WEIR_SPAN_ARG(b)));
}

weir_span
weir__smt_or(struct smt *s, weir_span a, weir_span b)
{
    if (weir__smt_is(a, "false") || weir_span_equal(a, b))
        return b;
    if (weir__smt_is(b, "false"))
        return a;
    if (weir__smt_is(a, "true") || weir__smt_is(b, "true"))
        return TRUE_TEXT;
    return name_bool(s, weir__smt_format(s, "(or %.*s %.*s)", WEIR_SPAN_ARG(a),
                                         WEIR_SPAN_ARG(b)));
}

weir_span
weir__smt_not(struct smt *s, weir_span a)
{
    if (weir__smt_is(a, "true"))
        return FALSE_TEXT;
    if (weir__smt_is(a, "false"))
        return TRUE_TEXT;
    return name_bool(s, weir__smt_format(s, "(not %.*s)", WEIR_SPAN_ARG(a)));
}

weir_span
weir__smt_equal(struct smt *s, weir_span a, weir_span b)
{
    if (weir_span_equal(a, b))
        return TRUE_TEXT;
    return name_bool(s, weir__smt_format(s, "(= %.*s %.*s)", WEIR_SPAN_ARG(a),
                                         WEIR_SPAN_ARG(b)));
}

/* ----------------------------------------------------------- strings */

/* One code point of well-formed UTF-8. */
static uint32_t
next_code_point(weir_span *text)
{
    const unsigned char *p = (const unsigned char *)text->ptr;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    uint32_t code = len == 1 ? p[0] : p[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len && i < text->len; i++)
        code = code << 6 | (p[i] & 0x3F);
    len = len > text->len ? text->len : len;
    text->ptr += len;
    text->len -= len;
    return code;
}

weir_span
weir__smt_string(struct smt *s, weir_span text)
{
    char *start = weir_arena_alloc(s->arena, text.len * 9 + 3);
    char *at = start;
    if (start == NULL)
        return WEIR_SPAN_NONE;
    *at++ = '"';
    while (text.len > 0) {
        uint32_t code = next_code_point(&text);
        if (code > SMT_CODE_POINT_MAX)
            weir__smt_refuse(s, WEIR_ELIMIT,
                             "a string has a code point above U+%X, which "
                             "solvers do not know",
                             SMT_CODE_POINT_MAX);
        if (code == '"')
            *at++ = '"';
        if (code >= 0x20 && code < 0x7F && code != '\\')
            *at++ = (char)code;
        else
            at += snprintf(at, 11, "\\u{%x}", code);
    }
    *at++ = '"';
    return (weir_span){start, (size_t)(at - start)};
}
