/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pull reader: for structures of a few kilobytes that are read member
 * by member. It validates what it passes over, value by value, with one bit
 * per level to know objects from arrays; nothing recurses.
 */
#include "scan.h"

#include <string.h>

static bool
fail(struct weir_json_reader *reader, size_t at, weir_status status,
     const char *reason)
{
    if (reader->error.status == WEIR_OK)
        (void)weir_fail(&reader->error, status, at, "%s", reason);
    return false;
}

static bool
has_failed(const struct weir_json_reader *reader)
{
    return reader->error.status != WEIR_OK;
}

static void
skip_white(struct weir_json_reader *reader)
{
    while (reader->at < reader->text.len) {
        char c = reader->text.ptr[reader->at];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            break;
        reader->at++;
    }
}

/* The byte at `at`, or NUL at the end (NUL itself is nowhere allowed). */
static char
here(const struct weir_json_reader *reader)
{
    return reader->at < reader->text.len ? reader->text.ptr[reader->at] : '\0';
}

static bool
is_in_object(const struct weir_json_reader *reader)
{
    if (reader->depth == 0)
        return false;
    uint32_t at = reader->depth - 1u;
    return (reader->is_object[at >> 6] >> (at & 63) & 1) != 0;
}

void
weir_json_reader_init(struct weir_json_reader *reader, weir_span text,
                      struct weir_arena *arena)
{
    memset(reader, 0, sizeof(*reader));
    reader->text = text;
    reader->arena = arena;
    reader->error.offset = WEIR_OFFSET_NONE;
    reader->has_value = true;
}

enum weir_json_kind
weir_json_peek(struct weir_json_reader *reader)
{
    if (has_failed(reader) || !reader->has_value)
        return WEIR_JSON_NONE;
    skip_white(reader);
    switch (here(reader)) {
    case '{':
        return WEIR_JSON_OBJECT;
    case '[':
        return WEIR_JSON_ARRAY;
    case '"':
        return WEIR_JSON_STRING;
    case 't':
        return WEIR_JSON_TRUE;
    case 'f':
        return WEIR_JSON_FALSE;
    case 'n':
        return WEIR_JSON_NULL;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return WEIR_JSON_NUMBER;
    default:
        return WEIR_JSON_NONE;
    }
}

/* The value to come, of this kind or failure. */
static bool
expect(struct weir_json_reader *reader, enum weir_json_kind kind,
       const char *reason)
{
    if (has_failed(reader))
        return false;
    WEIR_ASSERT(reader->has_value);
    enum weir_json_kind found = weir_json_peek(reader);
    if (found == kind)
        return true;
    if (found == WEIR_JSON_NONE)
        return fail(reader, reader->at, WEIR_EPARSE, "a value is missing");
    return fail(reader, reader->at, WEIR_ETYPE, reason);
}

static bool
enter(struct weir_json_reader *reader, bool is_object)
{
    if (reader->depth == WEIR_JSON_DEPTH_MAX)
        return fail(reader, reader->at, WEIR_EPARSE, "nested too deep");
    uint32_t at = reader->depth++;
    uint64_t bit = UINT64_C(1) << (at & 63);
    if (is_object)
        reader->is_object[at >> 6] |= bit;
    else
        reader->is_object[at >> 6] &= ~bit;
    reader->at++;
    reader->is_first = true;
    reader->has_value = false;
    return true;
}

static void
left_container(struct weir_json_reader *reader)
{
    reader->at++;
    reader->depth--;
    reader->is_first = false;
    reader->has_value = false;
}

bool
weir_json_object(struct weir_json_reader *reader)
{
    return expect(reader, WEIR_JSON_OBJECT, "an object belongs here") &&
           enter(reader, true);
}

bool
weir_json_array(struct weir_json_reader *reader)
{
    return expect(reader, WEIR_JSON_ARRAY, "an array belongs here") &&
           enter(reader, false);
}

/* Scans a string at `at` to behind its closing quote. */
static bool
pass_string(struct weir_json_reader *reader)
{
    const char *text = reader->text.ptr;
    size_t start = reader->at;
    size_t at = start + 1;
    for (; at < reader->text.len && text[at] != '"'; at++) {
        if ((unsigned char)text[at] < 0x20)
            return fail(reader, at, WEIR_EPARSE,
                        "a control character in a string");
        if (text[at] != '\\')
            continue;
        if (++at == reader->text.len)
            break;
        if (text[at] == 'u') {
            for (unsigned i = 0; i < 4; i++) {
                char c = ++at < reader->text.len ? text[at] : '\0';
                if (!((c >= '0' && c <= '9') ||
                      ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')))
                    return fail(reader, at, WEIR_EPARSE,
                                "an escape is none of JSON's");
            }
        } else if (text[at] == '\0' || strchr("\"\\/bfnrt", text[at]) == NULL) {
            return fail(reader, at, WEIR_EPARSE, "an escape is none of JSON's");
        }
    }
    if (at >= reader->text.len)
        return fail(reader, start, WEIR_EPARSE, "a string without end");
    if (!weir_utf8_valid((weir_span){text + start, at - start}))
        return fail(reader, start, WEIR_EPARSE, "not UTF-8");
    reader->at = at + 1;
    return true;
}

static bool
take_string(struct weir_json_reader *reader, weir_span *text_out)
{
    size_t start = reader->at;
    if (!pass_string(reader))
        return false;
    weir_span raw = {reader->text.ptr + start, reader->at - start};
    struct weir_error why;
    weir_status status = weir_json_unescape(raw, reader->arena, text_out, &why);
    if (status != WEIR_OK)
        return fail(reader, start, status, why.text);
    return true;
}

/* A scalar or string; containers are weir_json_skip()'s. */
static bool
pass_scalar(struct weir_json_reader *reader)
{
    enum weir_json_kind kind;
    if (here(reader) == '"')
        return pass_string(reader);
    if (reader->at >= reader->text.len)
        return fail(reader, reader->at, WEIR_EPARSE, "the text ends too early");
    const char *end = reader->text.ptr + reader->text.len;
    const char *behind =
        weir__json_scalar_end(reader->text.ptr + reader->at, end, &kind);
    if (behind == NULL)
        return fail(reader, reader->at, WEIR_EPARSE, "not a value");
    reader->at = (size_t)(behind - reader->text.ptr);
    return true;
}

/* Comma or end; with true, an item follows at `at`. */
static bool
next_item(struct weir_json_reader *reader, char end)
{
    if (has_failed(reader))
        return false;
    if (reader->has_value && !weir_json_skip(reader))
        return false;
    skip_white(reader);
    if (here(reader) == end) {
        left_container(reader);
        return false;
    }
    if (!reader->is_first) {
        if (here(reader) != ',')
            return fail(reader, reader->at, WEIR_EPARSE,
                        "a comma or the end belongs here");
        reader->at++;
        skip_white(reader);
    }
    reader->is_first = false;
    return true;
}

/* The name and colon of a member. */
static bool
next_name(struct weir_json_reader *reader, weir_span *name_out)
{
    if (here(reader) != '"')
        return fail(reader, reader->at, WEIR_EPARSE, "a name belongs here");
    if (name_out != NULL ? !take_string(reader, name_out)
                         : !pass_string(reader))
        return false;
    skip_white(reader);
    if (here(reader) != ':')
        return fail(reader, reader->at, WEIR_EPARSE, "a colon belongs here");
    reader->at++;
    reader->has_value = true;
    return true;
}

bool
weir_json_member(struct weir_json_reader *reader, weir_span *name_out)
{
    WEIR_ASSERT(has_failed(reader) || is_in_object(reader));
    return next_item(reader, '}') && next_name(reader, name_out);
}

bool
weir_json_element(struct weir_json_reader *reader)
{
    WEIR_ASSERT(has_failed(reader) ||
                (reader->depth > 0 && !is_in_object(reader)));
    if (!next_item(reader, ']'))
        return false;
    reader->has_value = true;
    return true;
}

/* Goes on until the depth is back at `floor`. */
static bool
pass_until(struct weir_json_reader *reader, uint16_t floor)
{
    while (reader->depth > floor) {
        bool in_object = is_in_object(reader);
        if (reader->has_value) {
            skip_white(reader);
            char c = here(reader);
            if (c == '{' || c == '[') {
                if (!enter(reader, c == '{'))
                    return false;
                continue;
            }
            if (!pass_scalar(reader))
                return false;
            reader->has_value = false;
            continue;
        }
        if (next_item(reader, in_object ? '}' : ']')) {
            if (!in_object)
                reader->has_value = true;
            else if (!next_name(reader, NULL))
                return false;
        } else if (has_failed(reader)) {
            return false;
        }
    }
    return true;
}

bool
weir_json_leave(struct weir_json_reader *reader)
{
    if (has_failed(reader))
        return false;
    WEIR_ASSERT(reader->depth > 0);
    return pass_until(reader, (uint16_t)(reader->depth - 1));
}

bool
weir_json_skip(struct weir_json_reader *reader)
{
    if (has_failed(reader))
        return false;
    WEIR_ASSERT(reader->has_value);
    uint16_t floor = reader->depth;
    skip_white(reader);
    char c = here(reader);
    if (c == '{' || c == '[')
        return enter(reader, c == '{') && pass_until(reader, floor);
    if (!pass_scalar(reader))
        return false;
    reader->has_value = false;
    return true;
}

bool
weir_json_raw(struct weir_json_reader *reader, weir_span *raw_out)
{
    if (has_failed(reader))
        return false;
    skip_white(reader);
    size_t start = reader->at;
    if (!weir_json_skip(reader))
        return false;
    *raw_out = (weir_span){reader->text.ptr + start, reader->at - start};
    return true;
}

/* ------------------------------------------------------------ values */

bool
weir_json_string(struct weir_json_reader *reader, weir_span *text_out)
{
    if (!expect(reader, WEIR_JSON_STRING, "a string belongs here") ||
        !take_string(reader, text_out))
        return false;
    reader->has_value = false;
    return true;
}

bool
weir_json_int64(struct weir_json_reader *reader, int64_t *value_out)
{
    weir_span raw;
    if (!expect(reader, WEIR_JSON_NUMBER, "an integer belongs here"))
        return false;
    size_t start = reader->at;
    if (!weir_json_raw(reader, &raw))
        return false;
    return weir_json_to_int64(raw, value_out) ||
           fail(reader, start, WEIR_ETYPE, "not an integer of 64 bits");
}

bool
weir_json_uint64(struct weir_json_reader *reader, uint64_t *value_out)
{
    weir_span raw;
    if (!expect(reader, WEIR_JSON_NUMBER, "an integer belongs here"))
        return false;
    size_t start = reader->at;
    if (!weir_json_raw(reader, &raw))
        return false;
    return weir_json_to_uint64(raw, value_out) ||
           fail(reader, start, WEIR_ETYPE,
                "not an integer of 64 bits without sign");
}

bool
weir_json_bool(struct weir_json_reader *reader, bool *value_out)
{
    enum weir_json_kind kind = weir_json_peek(reader);
    if (kind != WEIR_JSON_FALSE &&
        !expect(reader, WEIR_JSON_TRUE, "true or false belongs here"))
        return false;
    if (!weir_json_skip(reader))
        return false;
    *value_out = kind == WEIR_JSON_TRUE;
    return true;
}

bool
weir_json_null(struct weir_json_reader *reader)
{
    return expect(reader, WEIR_JSON_NULL, "null belongs here") &&
           weir_json_skip(reader);
}

bool
weir_json_reject(struct weir_json_reader *reader, weir_status status,
                 const char *reason)
{
    return fail(reader, reader->at, status, reason);
}

weir_status
weir_json_reader_end(struct weir_json_reader *reader, struct weir_error *err)
{
    if (!has_failed(reader)) {
        WEIR_ASSERT(reader->depth == 0);
        if (reader->has_value)
            (void)weir_json_skip(reader);
    }
    if (!has_failed(reader)) {
        skip_white(reader);
        if (reader->at != reader->text.len)
            (void)fail(reader, reader->at, WEIR_EPARSE,
                       "something follows the value");
    }
    if (has_failed(reader) && err != NULL)
        *err = reader->error;
    return reader->error.status;
}
