/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripts: what the origin does with one call.
 *
 * Words are separated by ';', '+' or ',' and come, each on top of the one
 * before, from the standing default, from a default for the next N calls,
 * from the model's name behind its first '+', from the header
 * `x-origin-script` and from the body's `metadata.origin`. A value is
 * percent-decoded where it is text.
 *
 *     model:    "m+status=503+retry_after=2"
 *     metadata: {"origin": "events=64;gap=10;cut_after=7;how=rst"}
 */
#include "origin.h"

#include <stdlib.h>
#include <string.h>

void
script_init(struct script *script)
{
    memset(script, 0, sizeof(*script));
    script->status = 200;
    script->retry_after_ms = -1;
    script->events = -1;
    script->event_bytes = -1;
    script->tokens_in = -1;
    script->tokens_out = -1;
    script->cut_after = -1;
}

static long
number_of(text value)
{
    char digits[24] = {0};
    memcpy(digits, value.ptr,
           value.len < sizeof(digits) ? value.len : sizeof(digits) - 1);
    return strtol(digits, NULL, 10);
}

static int
hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
copy_decoded(char *to, size_t size, text value)
{
    size_t len = 0;
    for (size_t i = 0; i < value.len && len + 1 < size; i++) {
        char c = value.ptr[i];
        if (c == '%' && i + 2 < value.len && hex_of(value.ptr[i + 1]) >= 0 &&
            hex_of(value.ptr[i + 2]) >= 0) {
            c = (char)(hex_of(value.ptr[i + 1]) * 16 +
                       hex_of(value.ptr[i + 2]));
            i += 2;
        }
        to[len++] = c;
    }
    to[len] = '\0';
}

/* "name" or "name:arguments" */
static void
set_tool(struct script *script, text value)
{
    const char *colon = memchr(value.ptr, ':', value.len);
    text name = value;
    strcpy(script->tool_arguments, "{}");
    if (colon != NULL) {
        name.len = (size_t)(colon - value.ptr);
        text arguments = {colon + 1, value.len - name.len - 1};
        copy_decoded(script->tool_arguments, sizeof(script->tool_arguments),
                     arguments);
    }
    copy_decoded(script->tool, sizeof(script->tool), name);
}

static long *
number_word(struct script *s, text word)
{
    const struct {
        const char *word;
        long *at;
    } rows[] = {
        {"delay", &s->delay_ms},       /* ms before the head */
        {"gap", &s->gap_ms},           /* ms between events */
        {"events", &s->events},        /* content events of a stream */
        {"bytes", &s->event_bytes},    /* of content, per event or whole */
        {"in", &s->tokens_in},         /* usage: input tokens */
        {"out", &s->tokens_out},       /* usage: output tokens */
        {"cached", &s->tokens_cached}, /* usage: of the input */
        {"reasoning", &s->tokens_reasoning}, /* usage: of the output */
        {"cut_after", &s->cut_after},        /* events, or bytes when plain */
        {"piece", &s->piece},                /* bytes per write at most */
        {"length_off", &s->length_off},      /* added to Content-Length */
        {"retry_after_ms", &s->retry_after_ms},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (text_is(word, rows[i].word))
            return rows[i].at;
    return NULL;
}

static bool *
flag_word(struct script *s, text word)
{
    const struct {
        const char *word;
        bool *at;
    } rows[] = {
        {"nousage", &s->no_usage},        /* leave `usage` out */
        {"gzip", &s->gzip},               /* plain replies only */
        {"malformed", &s->malformed},     /* JSON that ends too early */
        {"hang", &s->hang},               /* never answer */
        {"close", &s->close_now},         /* close without an answer */
        {"chunked", &s->chunked},         /* plain reply without a length */
        {"crlf", &s->crlf},               /* event lines end with CR LF */
        {"nodone", &s->no_done},          /* no [DONE] */
        {"error_event", &s->error_event}, /* an error ends the events */
        {"comments", &s->comments},       /* ": ping" between events */
        {"close_after", &s->close_after}, /* Connection: close */
        {"slow_head", &s->slow_head},     /* the head byte by byte */
        {"turns", &s->turns},             /* one event, then the others */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (text_is(word, rows[i].word))
            return rows[i].at;
    return NULL;
}

static bool
apply_word(struct script *s, text word, text value, bool has_value)
{
    long *number = number_word(s, word);
    bool *flag = flag_word(s, word);
    if (flag != NULL) {
        *flag = !has_value || !text_is(value, "0");
        return true;
    }
    if (!has_value)
        return false;
    if (number != NULL)
        *number = number_of(value);
    else if (text_is(word, "status"))
        s->status = (int)number_of(value);
    else if (text_is(word, "retry_after"))
        s->retry_after_ms = number_of(value) * 1000;
    else if (text_is(word, "split"))
        s->split = (uint64_t)number_of(value);
    else if (text_is(word, "how"))
        s->cut_how = text_is(value, "rst") ? CUT_RST : CUT_FIN;
    else if (text_is(word, "content"))
        copy_decoded(s->content, sizeof(s->content), value);
    else if (text_is(word, "tool"))
        set_tool(s, value);
    else if (text_is(word, "replay"))
        copy_decoded(s->replay, sizeof(s->replay), value);
    else
        return false;
    return true;
}

bool
script_apply(struct script *script, text words, text *bad_out)
{
    if (words.len == 0)
        return true;
    const char *at = words.ptr;
    const char *end = words.ptr + words.len;
    while (at < end) {
        const char *stop = at;
        while (stop < end && *stop != ';' && *stop != '+' && *stop != ',')
            stop++;
        const char *equal = memchr(at, '=', (size_t)(stop - at));
        text word = {at, (size_t)((equal ? equal : stop) - at)};
        text value = {equal ? equal + 1 : stop,
                      equal ? (size_t)(stop - equal - 1) : 0};
        if (word.len > 0 && !apply_word(script, word, value, equal != NULL)) {
            *bad_out = word;
            return false;
        }
        at = stop + 1;
    }
    return true;
}
