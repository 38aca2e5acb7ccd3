/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much JSON as a reply depends on: the members of the outermost object,
 * two members one level down, everything else skipped. Strings are skipped
 * 64 bytes at a time, because prompts are long and the bench runs the
 * origin on one core.
 */
#include "origin.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

struct cursor {
    const char *at;
    const char *end;
};

static void
skip_blanks(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' ||
                              *c->at == '\r' || *c->at == '\t'))
        c->at++;
}

#if defined(__SSE2__)
static uint64_t
mask_of(const char *at, char wanted)
{
    const __m128i pattern = _mm_set1_epi8(wanted);
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++) {
        __m128i block =
            _mm_loadu_si128((const __m128i *)(const void *)(at + 16 * i));
        mask |= (uint64_t)(unsigned)_mm_movemask_epi8(
                    _mm_cmpeq_epi8(block, pattern))
                << (16 * i);
    }
    return mask;
}

/* Of 64 bytes, those behind an odd run of backslashes; `*carry` goes from
 * block to block. Runs are added up: a carry ripples through each. */
static uint64_t
escaped_of(uint64_t slashes, uint64_t *carry)
{
    const uint64_t even = UINT64_C(0x5555555555555555);
    uint64_t runs;
    slashes &= ~*carry;
    uint64_t follows = slashes << 1 | *carry;
    uint64_t odd_starts = slashes & ~even & ~follows;
    *carry = __builtin_add_overflow(odd_starts, slashes, &runs) ? 1 : 0;
    return (even ^ (runs << 1)) & follows;
}

/* Whole blocks up to the one with the closing quote. */
static void
skip_blocks(struct cursor *c)
{
    uint64_t carry = 0;
    while (c->end - c->at >= 64) {
        uint64_t quotes = mask_of(c->at, '"');
        quotes &= ~escaped_of(mask_of(c->at, '\\'), &carry);
        if (quotes != 0) {
            c->at += __builtin_ctzll(quotes);
            return;
        }
        c->at += 64;
    }
    c->at += carry;
}
#endif

/* At '"'; the inside goes to `inside_out`. */
static bool
skip_string(struct cursor *c, text *inside_out)
{
    const char *first = ++c->at;
#if defined(__SSE2__)
    skip_blocks(c);
#endif
    while (c->at < c->end && *c->at != '"')
        c->at += *c->at == '\\' ? 2 : 1;
    if (c->at >= c->end)
        return false;
    *inside_out = (text){first, (size_t)(c->at - first)};
    c->at++;
    return true;
}

static bool
skip_value(struct cursor *c, text *raw_out)
{
    const char *first = c->at;
    text inside;
    long depth = 0;

    do {
        skip_blanks(c);
        if (c->at >= c->end)
            return false;
        switch (*c->at) {
        case '"':
            if (!skip_string(c, &inside))
                return false;
            break;
        case '{':
        case '[':
            depth++;
            c->at++;
            break;
        case '}':
        case ']':
            depth--;
            c->at++;
            break;
        case ',':
        case ':':
            if (depth == 0)
                return false;
            c->at++;
            break;
        default:
            while (c->at < c->end && strchr("{}[],:\" \t\r\n", *c->at) == NULL)
                c->at++;
        }
    } while (depth > 0);
    *raw_out = (text){first, (size_t)(c->at - first)};
    return depth == 0;
}

/* The next member of an object whose '{' has been passed. */
static int
next_member(struct cursor *c, text *name_out, text *raw_out)
{
    skip_blanks(c);
    if (c->at < c->end && *c->at == ',') {
        c->at++;
        skip_blanks(c);
    }
    if (c->at < c->end && *c->at == '}') {
        c->at++;
        return 0;
    }
    if (c->at >= c->end || *c->at != '"' || !skip_string(c, name_out))
        return -1;
    skip_blanks(c);
    if (c->at >= c->end || *c->at != ':')
        return -1;
    c->at++;
    skip_blanks(c);
    return skip_value(c, raw_out) ? 1 : -1;
}

static text
member_of(text object, const char *wanted)
{
    struct cursor c = {object.ptr, object.ptr + object.len};
    text name;
    text raw;
    text found = {NULL, 0};

    if (object.len == 0 || *c.at != '{')
        return found;
    c.at++;
    while (next_member(&c, &name, &raw) == 1)
        if (text_is(name, wanted))
            found = raw;
    return found;
}

static text
unquoted(text raw)
{
    if (raw.len < 2 || raw.ptr[0] != '"')
        return (text){NULL, 0};
    return (text){raw.ptr + 1, raw.len - 2};
}

static long
integer_of(text raw)
{
    char digits[24] = {0};
    if (raw.len == 0 || raw.len >= sizeof(digits))
        return -1;
    memcpy(digits, raw.ptr, raw.len);
    char *end;
    long value = strtol(digits, &end, 10);
    return *end == '\0' && value >= 0 ? value : -1;
}

/* Strings, or arrays of integers, in an array; 1 for anything else. */
static long
count_inputs(text raw)
{
    struct cursor c = {raw.ptr, raw.ptr + raw.len};
    text element;
    long count = 0;

    if (raw.len == 0 || raw.ptr[0] != '[')
        return 1;
    c.at++;
    skip_blanks(&c);
    if (c.at < c.end && *c.at != '"' && *c.at != '[')
        return 1; /* one input, as integers */
    while (c.at < c.end && *c.at != ']' && skip_value(&c, &element)) {
        count++;
        skip_blanks(&c);
        if (c.at < c.end && *c.at == ',')
            c.at++;
        skip_blanks(&c);
    }
    return count;
}

bool
call_body_parse(text body, struct call_body *out)
{
    struct cursor c = {body.ptr, body.ptr + body.len};
    text name;
    text raw;
    int more;

    memset(out, 0, sizeof(*out));
    out->max_tokens = -1;
    skip_blanks(&c);
    if (c.at >= c.end || *c.at != '{')
        return false;
    c.at++;
    while ((more = next_member(&c, &name, &raw)) == 1) {
        if (text_is(name, "model"))
            out->model = unquoted(raw);
        else if (text_is(name, "stream"))
            out->is_stream = text_is(raw, "true");
        else if (text_is(name, "stream_options"))
            out->wants_usage = text_is(member_of(raw, "include_usage"), "true");
        else if (text_is(name, "metadata"))
            out->metadata_origin = unquoted(member_of(raw, "origin"));
        else if (text_is(name, "messages") || text_is(name, "input") ||
                 text_is(name, "prompt"))
            out->input_raw = raw;
        else if (text_is(name, "tools"))
            out->tools_raw = raw;
        else if (text_is(name, "encoding_format"))
            out->encoding_format = unquoted(raw);
        else if (text_is(name, "max_tokens") ||
                 text_is(name, "max_completion_tokens") ||
                 text_is(name, "max_output_tokens"))
            out->max_tokens = integer_of(raw);
    }
    skip_blanks(&c);
    out->inputs = count_inputs(out->input_raw);
    return more == 0 && c.at == c.end;
}
