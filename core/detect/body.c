/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON body, string by string.
 *
 * A body of any dialect is strings in members. Rather than know each
 * dialect's paths, every string value is a text, so that nothing that a
 * client sends to a model - tools, their results, metadata - goes round the
 * filter.
 *
 * Most bodies change nowhere: a string is only looked at, and written anew
 * where something was found.
 */

#include "set.h"

#include <weir/json.h>

#include <string.h>

/* Members whose values are names of the protocol's. Of these only what a
 * built-in detector finds is taken: an operator's term "user" must not change
 * a role. */
static const char *const named[] = {
    "model",        "role",        "type",          "id",
    "object",       "status",      "format",        "detail",
    "effort",       "event",       "provider",      "tool_choice",
    "tool_call_id", "tool_use_id", "call_id",       "item_id",
    "response_id",  "file_id",     "finish_reason", "finishReason",
    "stop_reason",  "stopReason",  "mime_type",     "mimeType",
    "media_type",   "mediaType",   "service_tier",  "encoding_format",
    "modelVersion", "responseId",  "modelId",       "toolUseId",
};

/* Members that hold an image, sound or a file, or a provider's sealed notes,
 * as base64. */
static const char *const binary[] = {
    "data",
    "url",
    "b64_json",
    "file_data",
    "bytes",
    "image",
    "audio",
    "image_url",
    "signature",
    "encrypted_content",
    "thoughtSignature",
};

static bool
is_one_of(weir_span name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == name.len &&
            memcmp(names[i], name.ptr, name.len) == 0)
            return true;
    return false;
}

/* Long, and nothing but base64 behind a possible "data:...;base64,". */
static bool
is_base64(weir_span s)
{
    static const char marker[] = ";base64,";
    size_t at = 0;
    if (s.len < 256)
        return false;
    if (weir_span_starts(s, WEIR_SPAN("data:"))) {
        const char *found = memmem(s.ptr, 128, marker, sizeof marker - 1);
        if (found == NULL)
            return false;
        at = (size_t)(found - s.ptr) + sizeof marker - 1;
    }
    for (; at < s.len; at++) {
        unsigned char c = (unsigned char)s.ptr[at];
        if (!weir__is_alnum(c) && c != '+' && c != '/' && c != '=' &&
            c != '-' && c != '_')
            return false;
    }
    return true;
}

/* The end of the string whose opening quote is at `at`: behind its quote. */
static size_t
string_end(weir_span body, size_t at, bool *has_escapes_out)
{
    size_t start = at + 1;
    size_t end = body.len;
    for (at = start; at < body.len;) {
        const char *quote = memchr(body.ptr + at, '"', body.len - at);
        if (quote == NULL)
            break;
        size_t slashes = 0;
        size_t here = (size_t)(quote - body.ptr);
        while (here - slashes > at && body.ptr[here - slashes - 1] == '\\')
            slashes++;
        at = here + 1;
        if (slashes % 2 == 0) {
            end = at;
            break;
        }
    }
    *has_escapes_out = memchr(body.ptr + start, '\\', end - start) != NULL;
    return end;
}

struct walk {
    const struct weir_detect_set *set;
    const struct weir_vault *restores;
    weir_span body;
    struct weir_arena *room;
    struct weir_detect_out *out;
    size_t copied; /* of the body, into out->text */
};

/* Looks at one string value [from, end), quotes included. */
static bool
look_at(struct walk *walk, size_t from, size_t end, bool has_escapes,
        bool is_name)
{
    struct weir_detect_out *out = walk->out;
    weir_span raw = {walk->body.ptr + from, end - from}, text;
    struct weir_arena mark = *walk->room;
    struct weir_error err;
    text = (weir_span){raw.ptr + 1, raw.len - 2};
    if (has_escapes &&
        weir_json_unescape(raw, walk->room, &text, &err) != WEIR_OK)
        return false;
    struct weir_detect_stream stream;
    struct weir_detect_out probe = {.vault = out->vault};
    memcpy(probe.found, out->found, sizeof probe.found);
    weir_detect_stream_init(&stream, walk->set, walk->restores);
    stream.detectors_only = is_name;
    bool is_done = weir_detect_feed(&stream, text, true, &probe);
    out->is_vault_full |= probe.is_vault_full;
    if (probe.is_blocked) {
        out->is_blocked = true;
        out->blocked_by = probe.blocked_by;
    } else if (is_done && probe.is_changed) {
        /* once more, with its text written */
        struct weir_buf changed;
        size_t most = 2 * text.len + 4096;
        char *memory = weir_arena_alloc_raw(walk->room, most);
        if (memory == NULL)
            return false;
        weir_buf_init_fixed(&changed, memory, most);
        struct weir_detect_out again = {.text = &changed, .vault = out->vault};
        weir_detect_stream_init(&stream, walk->set, walk->restores);
        stream.detectors_only = is_name;
        is_done = weir_detect_feed(&stream, text, true, &again);
        weir_buf_add(out->text, walk->body.ptr + walk->copied,
                     from - walk->copied);
        weir_json_quote(out->text, weir_buf_span(&changed));
        walk->copied = end;
        out->is_changed = true;
    }
    memcpy(out->found, probe.found, sizeof probe.found);
    weir_detect_stream_fini(&stream);
    if (walk->room->blocks == mark.blocks)
        *walk->room = mark; /* no block was added: all of it is free again */
    return is_done;
}

/* One string value: its text with quotes and what kind of member it is. */
struct value {
    size_t from, end; /* quotes included */
    bool has_escapes;
    bool is_name;
};

/* The next value at or behind `*at` that is a text, or names something.
 * False: none; `*is_broken` where the body ends inside a string. */
static bool
next_value(weir_span body, size_t *at, weir_span *name, struct value *out,
           bool *is_broken)
{
    while (*at < body.len) {
        size_t from = *at;
        bool has_escapes;
        if (body.ptr[from] != '"') {
            (*at)++;
            continue;
        }
        size_t end = string_end(body, from, &has_escapes);
        if (end < from + 2) {
            *is_broken = true;
            return false;
        }
        weir_span inner = {body.ptr + from + 1, end - from - 2};
        size_t next = end;
        while (next < body.len &&
               (body.ptr[next] == ' ' || body.ptr[next] == '\n' ||
                body.ptr[next] == '\t' || body.ptr[next] == '\r'))
            next++;
        *at = end;
        if (next < body.len && body.ptr[next] == ':') {
            *name = inner;
            continue;
        }
        if (inner.len == 0 || (is_one_of(*name, binary, WEIR_COUNTOF(binary)) &&
                               is_base64(inner)))
            continue;
        *out = (struct value){from, end, has_escapes,
                              is_one_of(*name, named, WEIR_COUNTOF(named))};
        return true;
    }
    return false;
}

bool
weir_detect_body(const struct weir_detect_set *set,
                 const struct weir_vault *restores, weir_span body,
                 struct weir_arena *room, struct weir_detect_out *out)
{
    struct walk walk = {set, restores, body, room, out, 0};
    weir_span name = WEIR_SPAN_NONE;
    struct value value;
    size_t at = 0;
    bool is_broken = false;
    while (!out->is_blocked && next_value(body, &at, &name, &value, &is_broken))
        if (!look_at(&walk, value.from, value.end, value.has_escapes,
                     value.is_name))
            return false;
    if (is_broken)
        return false;
    if (out->is_changed && !out->is_blocked)
        weir_buf_add(out->text, body.ptr + walk.copied, body.len - walk.copied);
    return !out->text->overflow;
}

bool
weir_detect_texts(weir_span body, struct weir_arena *room,
                  weir_detect_on_text *on_text, void *context)
{
    weir_span name = WEIR_SPAN_NONE;
    struct value value;
    size_t at = 0;
    bool is_broken = false;
    while (next_value(body, &at, &name, &value, &is_broken)) {
        struct weir_arena mark = *room;
        struct weir_error err;
        weir_span raw = {body.ptr + value.from, value.end - value.from};
        weir_span text = {raw.ptr + 1, raw.len - 2};
        if (value.is_name)
            continue;
        if (value.has_escapes &&
            weir_json_unescape(raw, room, &text, &err) != WEIR_OK)
            return false;
        if (!on_text(context, text))
            return false;
        if (room->blocks == mark.blocks)
            *room = mark;
    }
    return !is_broken;
}

/* ---------------------------------------------------------------- tokens */

/* Where embeddings, completions and rankings have their texts. */
static const char *const prompts[] = {
    "input", "inputs", "prompt", "texts", "documents", "prompt_token_ids",
};

/* The reader stands before an array: at one of numbers, or of arrays of
 * them? Nobody takes them any deeper. */
static bool
holds_numbers(struct weir_json_reader *reader, bool is_inner)
{
    bool is_found = false;
    if (!weir_json_array(reader))
        return false;
    while (weir_json_element(reader)) {
        enum weir_json_kind kind = weir_json_peek(reader);
        if (kind == WEIR_JSON_ARRAY && !is_inner) {
            is_found |= holds_numbers(reader, true);
            continue;
        }
        is_found |= kind == WEIR_JSON_NUMBER;
        if (!weir_json_skip(reader))
            break;
    }
    return is_found;
}

static bool
has_tokens(struct weir_json_reader *reader, bool is_line)
{
    weir_span name;
    bool is_found = false;
    if (weir_json_peek(reader) != WEIR_JSON_OBJECT || !weir_json_object(reader))
        return false;
    while (!is_found && weir_json_member(reader, &name)) {
        enum weir_json_kind kind = weir_json_peek(reader);
        if (kind == WEIR_JSON_ARRAY &&
            is_one_of(name, prompts, WEIR_COUNTOF(prompts)))
            is_found = holds_numbers(reader, false);
        else if (kind == WEIR_JSON_OBJECT && is_line &&
                 weir_span_equal(name, WEIR_SPAN("body")))
            is_found = has_tokens(reader, false);
        else if (!weir_json_skip(reader))
            break;
    }
    return is_found;
}

bool
weir_detect_has_tokens(weir_span body, struct weir_arena *room)
{
    struct weir_json_reader reader;
    weir_json_reader_init(&reader, body, room);
    return has_tokens(&reader, true);
}
