/* SPDX-License-Identifier: Apache-2.0 */
/*
 * InvokeModel of Bedrock, for the models whose bodies are Anthropic
 * Messages: everything of a Messages body but `model`, which stands in the
 * path, and `stream`, which the verb says; `anthropic_version` in front.
 *
 *    data of an SSE event  ->  base64  ->  {"bytes":"..."}  ->  frame `chunk`
 *
 * Bodies in another maker's form are refused by the field that shows it, or
 * the one they lack: they have no reader here, and what cannot be read cannot
 * be governed.
 */
#include "bedrock.h"

#include "anthropic/anthropic.h"
#include "common.h"

#include <weir/eventstream.h>
#include <weir/raw.h>

#include <string.h>

/* --------------------------------------------------------------- parse */

enum {
    VERSION,
    MODEL,
    STREAM,
    MAX_TOKENS,
    SYSTEM,
    MESSAGES,
    TOOLS,
    MEDIA,
    RESULT_MEDIA,
    FILE_ID,
    RESULT_FILE_ID,
    METADATA,
    MODELS,
    FALLBACKS,
    /* Of other makers' forms. */
    PROMPT,
    INPUT_TEXT,
    INFERENCE,
    TASK,
    TEXTS,
    SCHEMA,
    MEMBERS
};

#define EACH           WEIR_JSON_EACH
#define VERSION_SERVED "bedrock-2023-05-31"

static const weir_json_path members[MEMBERS] = {
    [VERSION] = WEIR_JSON_PATH1("anthropic_version"),
    [MODEL] = WEIR_JSON_PATH1("model"),
    [STREAM] = WEIR_JSON_PATH1("stream"),
    [MAX_TOKENS] = WEIR_JSON_PATH1("max_tokens"),
    [SYSTEM] = WEIR_JSON_PATH1("system"),
    [MESSAGES] = WEIR_JSON_PATH1("messages"),
    [TOOLS] = WEIR_JSON_PATH1("tools"),
    [MEDIA] =
        WEIR_JSON_PATH6("messages", EACH, "content", EACH, "source", "data"),
    [RESULT_MEDIA] = WEIR_JSON_PATH8("messages", EACH, "content", EACH,
                                     "content", EACH, "source", "data"),
    [FILE_ID] =
        WEIR_JSON_PATH6("messages", EACH, "content", EACH, "source", "file_id"),
    [RESULT_FILE_ID] = WEIR_JSON_PATH8("messages", EACH, "content", EACH,
                                       "content", EACH, "source", "file_id"),
    [METADATA] = WEIR_JSON_PATH1("metadata"),
    [MODELS] = WEIR_JSON_PATH1("models"),
    [FALLBACKS] = WEIR_JSON_PATH1("fallbacks"),
    [PROMPT] = WEIR_JSON_PATH1("prompt"),
    [INPUT_TEXT] = WEIR_JSON_PATH1("inputText"),
    [INFERENCE] = WEIR_JSON_PATH1("inferenceConfig"),
    [TASK] = WEIR_JSON_PATH1("taskType"),
    [TEXTS] = WEIR_JSON_PATH1("texts"),
    [SCHEMA] = WEIR_JSON_PATH1("schemaVersion"),
};

static weir_status
check_version(const struct weir_scanned *scanned)
{
    const weir_json_hit *hits = scanned->hits;
    for (unsigned i = PROMPT; i <= SCHEMA; i++)
        if (hits[i].kind != WEIR_JSON_NONE)
            return weir_scan_reject(scanned, i,
                                    "is not of the Anthropic Messages form, "
                                    "which alone is served here");
    if (hits[VERSION].kind == WEIR_JSON_NONE)
        return weir_scan_reject(scanned, VERSION,
                                "is missing: bodies of the Anthropic Messages "
                                "form alone are served here");
    if (!weir_raw_is(hits[VERSION].raw, VERSION_SERVED))
        return weir_scan_reject(scanned, VERSION,
                                "must be \"" VERSION_SERVED "\"");
    return WEIR_OK;
}

static weir_status
check(const struct weir_scanned *scanned)
{
    static const struct {
        uint8_t member;
        const char *reason;
    } rows[] = {
        {MODEL, "stands in the path"},
        {STREAM, "is said by the path"},
        /* Other models would be asked past the gate. */
        {MODELS, "is not served: use a route of weir"},
        {FALLBACKS, "is not served: use a route of weir"},
        /* Nor whose file it is that lies at an origin. */
        {FILE_ID, "is not served: send the file's bytes"},
        {RESULT_FILE_ID, "is not served: send the file's bytes"},
    };
    weir_status status = check_version(scanned);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++)
        if (scanned->hits[rows[i].member].count > 0)
            return weir_scan_reject(scanned, rows[i].member, rows[i].reason);
    if (scanned->hits[MESSAGES].kind != WEIR_JSON_ARRAY)
        return weir_scan_reject(scanned, MESSAGES, "must be an array");
    if (weir_scan_is_absent(scanned, MAX_TOKENS))
        return weir_scan_reject(scanned, MAX_TOKENS, "is missing");
    return WEIR_OK;
}

weir_status
weir_bedrock_parse_invoke(const struct weir_surface_route *route,
                          weir_span body, struct weir_arena *arena,
                          struct weir_request *request_out,
                          struct weir_error *err)
{
    static const uint8_t texts[] = {SYSTEM, MESSAGES, TOOLS};
    static const uint8_t media[] = {MEDIA, RESULT_MEDIA};
    weir_json_hit hits[MEMBERS];
    struct weir_scanned scanned = {members, hits, request_out, err};

    weir_status status = weir_scan_request(route, body, MEMBERS, &scanned);
    if (status == WEIR_OK)
        status = check(&scanned);
    if (status == WEIR_OK)
        status = weir_scan_count(&scanned, MAX_TOKENS,
                                 &request_out->output_tokens_max);
    if (status != WEIR_OK)
        return status;
    request_out->model = weir_arena_copy(arena, route->model);
    if (arena->overflow)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the model's name is too long");
    request_out->metadata = hits[METADATA].raw;
    request_out->is_streamed = route->is_streamed;
    request_out->wants_usage = true;
    request_out->has_tools = hits[TOOLS].kind == WEIR_JSON_ARRAY &&
                             !weir_json_is_empty(hits[TOOLS].raw);
    weir_scan_prompt(&scanned, texts, sizeof(texts), media, sizeof(media));
    return WEIR_OK;
}

/* --------------------------------------------------------------- write */

/* `room` is free while a stream is written: bodies alone need it. */
static void
put_chunk(struct weir_writing *writing, weir_span data)
{
    struct weir_buf *payload = &writing->room;
    weir_buf_reset(payload);
    weir_eventstream_put_chunk(payload, data);
    if (payload->overflow)
        writing->is_broken = true;
    else
        weir_bedrock_put_frame(writing->out, "chunk", false,
                               weir_buf_span(payload));
}

/* What an event is as SSE, put together in `text`; each data is a chunk. */
static void
put_event(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_buf *out = writing->out;
    const weir_span mark = WEIR_SPAN("data: ");

    if (event->kind == WEIR_EVENT_ERROR) { /* has a frame of its own */
        weir_bedrock_writing.event(writing, event);
        return;
    }
    weir_buf_reset(&writing->text);
    writing->out = &writing->text;
    weir_anthropic_writing.event(writing, event);
    writing->out = out;
    if (writing->text.overflow)
        writing->is_broken = true;
    weir_span rest = weir_buf_span(&writing->text);
    while (rest.len > 0 && !writing->is_broken) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end != NULL ? (size_t)(end - rest.ptr) : rest.len;
        weir_span line = {rest.ptr, len};
        if (weir_span_starts(line, mark))
            put_chunk(writing,
                      (weir_span){line.ptr + mark.len, line.len - mark.len});
        len += end != NULL ? 1 : 0;
        rest.ptr += len;
        rest.len -= len;
    }
}

static void
put_whole(struct weir_writing *writing, const struct weir_event *events,
          size_t count)
{
    weir_anthropic_writing.whole(writing, events, count);
}

const struct weir_writing_ops weir_bedrock_invoke_writing = {
    .event = put_event,
    .whole = put_whole,
    .stream_type = "application/vnd.amazon.eventstream",
};
