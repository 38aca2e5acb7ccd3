/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last user message of a request's body, without reading all of it.
 *
 *   {"model": ..., "messages": [ {...}, {...}, {"role":"user","content":"?"} ]}
 *                                 <------------------------------- from here
 *
 * The body was validated before (weir_surface_parse). In valid JSON a string
 * can be walked backwards: a quote ends or starts one unless an odd number of
 * backslashes stands before it. So the list of messages is walked from its
 * end, and a conversation of a hundred turns costs what its last one costs.
 * The members of the root object are walked backwards as well, for the same
 * reason.
 *
 * Known lists: `messages` (chat, Anthropic), `input` (Responses), `contents`
 * (Gemini), `prompt` (completions). Text of a message: `content` or `parts`, a
 * string or a list of objects with `text`. System prompts: messages with role
 * system or developer at the front of the list, `system`, `instructions`,
 * `systemInstruction`. Whatever the bytes are, walking stays inside them and
 * is linear; what is no such body gives an empty prompt.
 */
#include <string.h>

#include <weir/json.h>

#include "internal.h"

#define NESTING_MAX  64
#define SYSTEM_MAX   8 /* messages at the front that are looked at */
#define UNESCAPE_MAX 6 /* bytes of the longest escape */
#define MESSAGES_MAX 65536
#define TURNS_BYTES  16384 /* of the list in which turns are counted */

/* ------------------------------------------------------- walking forward */

static size_t
blanks(weir_span s, size_t at)
{
    while (at < s.len && (s.ptr[at] == ' ' || s.ptr[at] == '\n' ||
                          s.ptr[at] == '\t' || s.ptr[at] == '\r'))
        at++;
    return at;
}

/* Behind the string that begins at `at`; s.len where it does not end. */
static size_t
string_end(weir_span s, size_t at)
{
    for (at++; at < s.len;) {
        const char *quote = memchr(s.ptr + at, '"', s.len - at);
        if (quote == NULL)
            return s.len;
        size_t end = (size_t)(quote - s.ptr);
        size_t slashes = 0;
        while (end - slashes > at && s.ptr[end - slashes - 1] == '\\')
            slashes++;
        at = end + 1;
        if (slashes % 2 == 0)
            return at;
    }
    return s.len;
}

/* Behind the value at `at`. */
static size_t
value_end(weir_span s, size_t at)
{
    size_t depth = 0;
    while (at < s.len) {
        char c = s.ptr[at];
        if (c == '"') {
            at = string_end(s, at);
        } else if (c == '{' || c == '[') {
            depth++;
            at++;
            continue;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return at;
            depth--;
            at++;
        } else if (depth == 0 && (c == ',' || c == ':')) {
            return at;
        } else {
            at++;
            if (depth == 0)
                continue;
        }
        if (depth == 0 && (c == '"' || c == '}' || c == ']'))
            return at;
    }
    return s.len;
}

/* ------------------------------------------------------ walking backward */

/* Where the string begins whose closing quote is at `at`; 0 where nowhere. */
static size_t
string_start(weir_span s, size_t at)
{
    while (at > 0) {
        const char *quote = memrchr(s.ptr, '"', at);
        if (quote == NULL)
            return 0;
        at = (size_t)(quote - s.ptr);
        size_t slashes = 0;
        while (at > slashes && s.ptr[at - slashes - 1] == '\\')
            slashes++;
        if (slashes % 2 == 0)
            return at;
        at -= slashes;
    }
    return 0;
}

/* Start of the value that ends just before `end` (no blank before it). */
static size_t
value_start(weir_span s, size_t end)
{
    size_t depth = 0;
    size_t at = end;
    while (at > 0) {
        char c = s.ptr[--at];
        if (c == '"') {
            at = string_start(s, at);
        } else if (c == '}' || c == ']') {
            depth++;
            continue;
        } else if (c == '{' || c == '[') {
            if (depth <= 1)
                return depth == 1 ? at : at + 1;
            depth--;
            continue;
        } else if (depth == 0 && (c == ',' || c == ':' || c == ' ' ||
                                  c == '\n' || c == '\t' || c == '\r')) {
            return at + 1;
        }
        if (depth == 0 && c == '"')
            return at;
    }
    return 0;
}

static size_t
blanks_before(weir_span s, size_t end)
{
    while (end > 0 && (s.ptr[end - 1] == ' ' || s.ptr[end - 1] == '\n' ||
                       s.ptr[end - 1] == '\t' || s.ptr[end - 1] == '\r'))
        end--;
    return end;
}

/* The value before `*end` in a container that opened at 0; moves `*end` before
 * it and its comma or colon. False: the container's start. */
static bool
previous(weir_span s, size_t *end, weir_span *value_out)
{
    size_t stop = blanks_before(s, *end);
    if (stop <= 1)
        return false;
    size_t start = value_start(s, stop);
    if (start == 0 || start >= stop)
        return false;
    *value_out = (weir_span){s.ptr + start, stop - start};
    size_t before = blanks_before(s, start);
    if (before > 0 && (s.ptr[before - 1] == ',' || s.ptr[before - 1] == ':'))
        before--;
    *end = before;
    return true;
}

/* The last member of an object: its name (raw) and value. */
static bool
previous_member(weir_span object, size_t *end, weir_span *name_out,
                weir_span *value_out)
{
    return previous(object, end, value_out) &&
           previous(object, end, name_out) && name_out->len >= 2 &&
           name_out->ptr[0] == '"';
}

static bool
is_name(weir_span raw, const char *name)
{
    size_t len = strlen(name);
    return raw.len == len + 2 && memcmp(raw.ptr + 1, name, len) == 0;
}

static bool
find_member(weir_span object, const char *name, weir_span *value_out)
{
    size_t end = object.len > 0 ? object.len - 1 : 0;
    weir_span key;
    weir_span value;
    if (object.len < 2 || object.ptr[0] != '{')
        return false;
    while (previous_member(object, &end, &key, &value))
        if (is_name(key, name)) {
            *value_out = value;
            return true;
        }
    return false;
}

/* ---------------------------------------------------------------- text */

typedef void take_text(struct weir_watch_call *call, weir_span text);

/* Decodes up to `most` bytes of the string's inside from its front; returns
 * how many raw bytes were used. */
static size_t
take_front(struct weir_watch_call *call, weir_span inner, size_t most,
           take_text *take)
{
    size_t at = 0;
    size_t taken = 0;
    while (at < inner.len && taken < most) {
        const char *slash = memchr(inner.ptr + at, '\\', inner.len - at);
        size_t run =
            (slash != NULL ? (size_t)(slash - inner.ptr) : inner.len) - at;
        if (run > most - taken)
            run = most - taken;
        if (run > 0) {
            take(call, (weir_span){inner.ptr + at, run});
            at += run;
            taken += run;
            continue;
        }
        char quoted[16];
        char plain[8];
        weir_span text;
        size_t len = inner.len - at > 1 && inner.ptr[at + 1] == 'u' ? 6 : 2;
        if (len == 6 && inner.len - at >= 12 && inner.ptr[at + 6] == '\\' &&
            inner.ptr[at + 7] == 'u' && (inner.ptr[at + 2] | 0x20) == 'd' &&
            strchr("89abAB", inner.ptr[at + 3]) != NULL)
            len = 12;
        if (len > inner.len - at)
            return inner.len;
        quoted[0] = '"';
        memcpy(quoted + 1, inner.ptr + at, len);
        quoted[len + 1] = '"';
        if (weir_json_unescape_into((weir_span){quoted, len + 2}, plain,
                                    sizeof(plain), &text))
            take(call, text);
        else
            take(call, WEIR_SPAN("?"));
        taken += text.len;
        at += len;
    }
    return at;
}

/* A place at or behind `from` that is not inside an escape. */
static size_t
escape_border(weir_span inner, size_t from)
{
    size_t start = from > UNESCAPE_MAX * 2 ? from - UNESCAPE_MAX * 2 : 0;
    /* Back to where a run of backslashes begins, then forward by escapes. */
    while (start > 0 && inner.ptr[start - 1] == '\\')
        start--;
    while (start < from) {
        size_t len = inner.ptr[start] != '\\'                               ? 1
                     : start + 1 < inner.len && inner.ptr[start + 1] == 'u' ? 6
                                                                            : 2;
        start += len;
    }
    return start < inner.len ? start : inner.len;
}

static void
take_string(struct weir_watch_call *call, weir_span raw, take_text *take)
{
    weir_span inner = {raw.ptr + 1, raw.len - 2};
    size_t room = WEIR_WATCH_HEAD_MAX;
    size_t used = take_front(call, inner, room, take);
    size_t left = inner.len - used;
    /* What is neither head nor tail is counted, not decoded. */
    size_t tail = WEIR_WATCH_TAIL_MAX * UNESCAPE_MAX;
    if (left > tail) {
        size_t border = escape_border(inner, inner.len - tail);
        if (take == weir_watch_prompt)
            call->prompt_bytes += border - used;
        used = border;
    }
    inner.ptr += used;
    inner.len -= used;
    take_front(call, inner, SIZE_MAX, take);
}

/* A string, or a list of parts with `text`. */
static void
take_content(struct weir_watch_call *call, weir_span value, take_text *take)
{
    size_t at = 1;
    if (value.len >= 2 && value.ptr[0] == '"') {
        take_string(call, value, take);
        return;
    }
    if (value.len < 2 || value.ptr[0] != '[')
        return;
    while (at < value.len) {
        at = blanks(value, at);
        size_t end = value_end(value, at);
        weir_span part = {value.ptr + at, end - at};
        weir_span text;
        if (part.len >= 2 && part.ptr[0] == '"')
            take_string(call, part, take);
        else if (find_member(part, "text", &text) && text.len >= 2 &&
                 text.ptr[0] == '"')
            take_string(call, text, take);
        else if (part.len > 2 && part.ptr[0] == '{')
            call->params.has_media = true;
        end = blanks(value, end);
        if (end >= value.len || value.ptr[end] != ',')
            break;
        at = end + 1;
    }
}

/* ------------------------------------------------------------ messages */

/* As far as the last `most` bytes tell. */
static uint32_t
count_elements(weir_span list, size_t most)
{
    size_t end = list.len > 0 ? list.len - 1 : 0;
    weir_span value;
    uint32_t count = 0;
    if (list.len < 2 || list.ptr[0] != '[')
        return 0;
    while (count < 255 && list.len - end <= most &&
           previous(list, &end, &value))
        count++;
    return count;
}

static void
take_message(struct weir_watch_call *call, weir_span message, take_text *take)
{
    weir_span value;
    if (find_member(message, "content", &value) ||
        find_member(message, "parts", &value))
        take_content(call, value, take);
}

static bool
is_user(weir_span message)
{
    weir_span role;
    return find_member(message, "role", &role) && is_name(role, "user");
}

static void
take_systems(struct weir_watch_call *call, weir_span list)
{
    size_t at = 1;
    for (int i = 0; i < SYSTEM_MAX && at < list.len; i++) {
        at = blanks(list, at);
        size_t end = value_end(list, at);
        weir_span message = {list.ptr + at, end - at};
        weir_span role;
        if (!find_member(message, "role", &role) ||
            !(is_name(role, "system") || is_name(role, "developer")))
            return;
        take_message(call, message, weir_watch_system);
        end = blanks(list, end);
        if (end >= list.len || list.ptr[end] != ',')
            return;
        at = end + 1;
    }
}

/* The last message of the user; what stands behind it are tool results. */
void
weir_watch_messages(struct weir_watch_call *call, weir_span list)
{
    size_t end = list.len > 0 ? list.len - 1 : 0;
    weir_span message;
    if (list.len < 2)
        return;
    call->params.turns = count_elements(list, TURNS_BYTES);
    if (list.ptr[0] == '"') {
        take_string(call, list, weir_watch_prompt);
        return;
    }
    if (list.ptr[0] != '[')
        return;
    for (int i = 0; i < MESSAGES_MAX && previous(list, &end, &message); i++) {
        if (message.ptr[0] == '"') { /* a list of prompts: the last */
            take_string(call, message, weir_watch_prompt);
            break;
        }
        if (is_user(message)) {
            take_message(call, message, weir_watch_prompt);
            break;
        }
    }
    take_systems(call, list);
}

/* ---------------------------------------------------------------- root */

static double
number(weir_span raw)
{
    double value = 0;
    double scale = 1;
    bool has_point = false;
    for (size_t i = 0; i < raw.len && i < 18; i++) {
        char c = raw.ptr[i];
        if (c == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (c < '0' || c > '9')
            return i == 0 ? -1 : value;
        value = has_point ? value : value * 10;
        scale = has_point ? scale / 10 : 1;
        value += (c - '0') * scale;
    }
    return raw.len > 0 ? value : -1;
}

static void
take_param(struct weir_watch_params *params, weir_span name, weir_span value)
{
    if (is_name(name, "temperature"))
        params->temperature = number(value);
    else if (is_name(name, "n") || is_name(name, "candidateCount"))
        params->n = (int32_t)number(value);
    else if (is_name(name, "max_tokens") ||
             is_name(name, "max_completion_tokens") ||
             is_name(name, "max_output_tokens") ||
             is_name(name, "maxOutputTokens"))
        params->max_tokens = (int64_t)number(value);
    else if (is_name(name, "logprobs") || is_name(name, "responseLogprobs"))
        params->logprobs = value.ptr[0] == 't'  ? 1
                           : number(value) >= 0 ? 1 + (int32_t)number(value)
                                                : 0;
    else if (is_name(name, "top_logprobs") && number(value) >= 0)
        params->logprobs = 1 + (int32_t)number(value);
    else if (is_name(name, "tools"))
        params->tools = count_elements(value, TURNS_BYTES);
    else if (is_name(name, "response_format") ||
             is_name(name, "responseSchema"))
        params->wants_json = value.ptr[0] == '{';
}

/* Who the client says its user is: a digest, as of the facts. */
static bool
take_user(struct weir_watch_call *call, weir_span name, weir_span value)
{
    if (!is_name(name, "user") && !is_name(name, "safety_identifier"))
        return false;
    if (value.len > 2 && value.ptr[0] == '"')
        call->end_user = (uint32_t)weir_hash64(
                             (weir_span){value.ptr + 1, value.len - 2}, 1) |
                         1;
    return true;
}

static bool
is_list_name(weir_span name)
{
    return is_name(name, "messages") || is_name(name, "input") ||
           is_name(name, "contents") || is_name(name, "prompt");
}

static bool
is_system_name(weir_span name)
{
    return is_name(name, "system") || is_name(name, "instructions") ||
           is_name(name, "systemInstruction") ||
           is_name(name, "system_instruction");
}

static void
take_system(struct weir_watch_call *call, weir_span value)
{
    if (value.ptr[0] == '{')
        take_message(call, value, weir_watch_system);
    else
        take_content(call, value, weir_watch_system);
}

void
weir_watch_request(struct weir_watch_call *call, weir_span body)
{
    weir_span name;
    weir_span value;
    weir_span list = WEIR_SPAN_NONE;
    size_t start = blanks(body, 0);
    size_t stop = blanks_before(body, body.len);
    if (stop < start + 2 || body.ptr[start] != '{' || body.ptr[stop - 1] != '}')
        return;
    weir_span root = {body.ptr + start, stop - start};
    size_t end = root.len - 1;
    while (previous_member(root, &end, &name, &value)) {
        weir_span config_name;
        weir_span config_value;
        if (is_list_name(name))
            list = value;
        else if (is_system_name(name))
            take_system(call, value);
        else if (is_name(name, "generationConfig") && value.ptr[0] == '{')
            for (size_t inner = value.len - 1;
                 previous_member(value, &inner, &config_name, &config_value);)
                take_param(&call->params, config_name, config_value);
        else if (!take_user(call, name, value))
            take_param(&call->params, name, value);
    }
    weir_watch_messages(call, list);
}
