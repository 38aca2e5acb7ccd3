/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much the model wrote, and in what shape, read off the bytes that pass.
 *
 * A reply is JSON or a stream of events with JSON, in one of several
 * dialects. What they share is that generated text stands in strings with a
 * few names: content, text, delta, reasoning_content, thinking, arguments.
 * So strings are followed (name, colon, value) at any split, and the rest is
 * passed over. Inside such a string only backslashes, quotes and backticks
 * are stopped at. A dialect with other names counts as a reply without text;
 * its tokens still come from the meter.
 */
#include <string.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#include "internal.h"

enum state {
    OUTSIDE,
    AFTER_COLON,
    IN_NAME,
    IN_NAME_ESCAPE,
    IN_VALUE,
    IN_ESCAPE
};
enum kind { KIND_OTHER, KIND_TEXT, KIND_REASONING, KIND_ARGUMENTS };

#define FENCE       3
#define STEPS_LEAST 3    /* list items that make steps */
#define LINE_START  0x80 /* of reply_run: the next byte begins a line */

static enum kind
kind_of(const char *name, size_t len)
{
    static const struct {
        const char *name;
        enum kind kind;
    } rows[] = {
        {"content", KIND_TEXT},
        {"text", KIND_TEXT},
        {"delta", KIND_TEXT},
        {"refusal", KIND_TEXT},
        {"reasoning_content", KIND_REASONING},
        {"reasoning", KIND_REASONING},
        {"thinking", KIND_REASONING},
        {"arguments", KIND_ARGUMENTS},
        {"partial_json", KIND_ARGUMENTS},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++)
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0)
            return rows[i].kind;
    return KIND_OTHER;
}

/* First quote, backslash or (where wanted) backtick; `end`: none. */
static const char *
stop_at(const char *at, const char *end)
{
#if defined(__x86_64__)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i slash = _mm_set1_epi8('\\');
    const __m128i tick = _mm_set1_epi8('`');
    for (; end - at >= 16; at += 16) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)at);
        int found = _mm_movemask_epi8(_mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(b, quote), _mm_cmpeq_epi8(b, slash)),
            _mm_cmpeq_epi8(b, tick)));
        if (found != 0)
            return at + __builtin_ctz((unsigned)found);
    }
#endif
    while (at < end && *at != '"' && *at != '\\' && *at != '`')
        at++;
    return at;
}

static void
note_text(struct weir_watch_call *call, const char *at, size_t len)
{
    if (len == 0)
        return;
    call->reply_bytes += len;
    if ((call->reply_run & LINE_START) != 0 &&
        (*at == '-' || *at == '*' || (*at >= '0' && *at <= '9')) &&
        ++call->reply_items >= STEPS_LEAST)
        call->bits |= WEIR_WATCH_BIT(STEPS);
    call->reply_run = 0;
}

static void
begin_value(struct weir_watch_call *call)
{
    enum kind kind = KIND_OTHER;
    if (call->reply_name_len <= sizeof(call->reply_name))
        kind = kind_of(call->reply_name, call->reply_name_len);
    /* A dialect with deltas says the whole text again in its last events. */
    if (kind == KIND_TEXT && call->reply_name_len == 5)
        call->reply_has_deltas = true; /* "delta": the others have 4, 7 */
    else if (call->reply_has_deltas && kind == KIND_TEXT)
        kind = KIND_OTHER;
    call->reply_kind = (uint8_t)kind;
    call->reply_state = IN_VALUE;
    if (kind == KIND_REASONING)
        call->bits |= WEIR_WATCH_BIT(REASONED);
    if (kind == KIND_ARGUMENTS)
        call->bits |= WEIR_WATCH_BIT(CALLED);
}

/* Reads on in a value; returns where it stopped. */
static const char *
read_value(struct weir_watch_call *call, const char *at, const char *end)
{
    bool counts = call->reply_kind != KIND_OTHER;
    const char *stop = stop_at(at, end);
    if (counts)
        note_text(call, at, (size_t)(stop - at));
    if (stop == end)
        return end;
    if (*stop == '"') {
        call->reply_state = OUTSIDE;
        call->reply_name_len = 0;
    } else if (*stop == '\\') {
        call->reply_state = IN_ESCAPE;
    } else if (counts) {
        call->reply_bytes++;
        if (++call->reply_run == FENCE)
            call->bits |= WEIR_WATCH_BIT(FENCED);
    }
    return stop + 1;
}

static const char *
read_name(struct weir_watch_call *call, const char *at, const char *end)
{
    const char *stop = at;
    while (stop < end && *stop != '"' && *stop != '\\')
        stop++;
    size_t len = (size_t)(stop - at);
    size_t used = call->reply_name_len;
    if (used + len <= sizeof(call->reply_name)) {
        memcpy(call->reply_name + used, at, len);
        call->reply_name_len = (uint8_t)(used + len);
    } else {
        call->reply_name_len = sizeof(call->reply_name) + 1;
    }
    if (stop == end)
        return end;
    call->reply_state = *stop == '"' ? OUTSIDE : IN_NAME_ESCAPE;
    return stop + 1;
}

static void
read_outside(struct weir_watch_call *call, char c)
{
    if (c == '"') {
        if (call->reply_state == AFTER_COLON) {
            begin_value(call);
            return;
        }
        call->reply_state = IN_NAME;
        call->reply_name_len = 0;
    } else if (c == ':') {
        call->reply_state = AFTER_COLON;
    } else if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
        call->reply_state = OUTSIDE;
        call->reply_name_len = 0;
    }
}

void
weir_watch_reply(struct weir_watch_call *call, weir_span bytes)
{
    if (bytes.len == 0)
        return;
    const char *at = bytes.ptr;
    const char *end = at + bytes.len;
    while (at < end)
        switch ((enum state)call->reply_state) {
        case IN_VALUE:
            at = read_value(call, at, end);
            break;
        case IN_ESCAPE:
            if (call->reply_kind != KIND_OTHER) {
                call->reply_bytes += 2;
                call->reply_run = *at == 'n' ? LINE_START : 0;
            }
            call->reply_state = IN_VALUE;
            at++;
            break;
        case IN_NAME:
            at = read_name(call, at, end);
            break;
        case IN_NAME_ESCAPE:
            call->reply_name_len = sizeof(call->reply_name) + 1;
            call->reply_state = IN_NAME;
            at++;
            break;
        case OUTSIDE:
        case AFTER_COLON:
            read_outside(call, *at++);
            break;
        }
}

void
weir_watch_reply_text(struct weir_watch_call *call, weir_span text)
{
    if (text.len == 0)
        return;
    const char *at = text.ptr;
    const char *end = at + text.len;
    while (at < end) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        const char *stop = line != NULL ? line : end;
        if (memmem(at, (size_t)(stop - at), "```", FENCE) != NULL)
            call->bits |= WEIR_WATCH_BIT(FENCED);
        note_text(call, at, (size_t)(stop - at));
        if (line != NULL) {
            call->reply_bytes++;
            call->reply_run = LINE_START;
            stop++;
        }
        at = stop;
    }
}
