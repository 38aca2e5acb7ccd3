/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Converse request in no dialect. A cache point stands behind what it
 * marks and becomes a mark of that; what Converse hands on to a model as it
 * is (additionalModelRequestFields) is read where it says what others can
 * say too.
 */
#include "bedrock.h"

#include <weir/crypto.h>
#include <weir/raw.h>

static weir_status
wrong(struct weir_neutral *call, const char *name, const char *reason,
      struct weir_error *err)
{
    return weir_neutral_wrong(call, name, reason, err);
}

/* -------------------------------------------------------------- blocks */

enum {
    TEXT,
    IMAGE,
    DOCUMENT,
    VIDEO,
    TOOL_USE,
    TOOL_RESULT,
    REASONING,
    CACHE,
    COUNT
};
static const char *const names[COUNT] = {
    "text",    "image",      "document",         "video",
    "toolUse", "toolResult", "reasoningContent", "cachePoint"};

/* RAW cachePoint as the marker of a prefix. */
static weir_span
cache_of(struct weir_neutral *call, weir_span raw)
{
    static const char *const of[2] = {"ttl", "type"};
    weir_span in[2] = {{0}};
    char text[64];
    struct weir_buf marker;
    (void)weir_neutral_pick(call, "cachePoint", raw, of, 2, in);
    const weir_span ttl = in[0];
    weir_buf_init_fixed(&marker, text, sizeof text);
    weir_buf_addf(&marker, "{\"type\":\"ephemeral\"");
    if (ttl.len > 0 && ttl.len < 16)
        weir_buf_addf(&marker, ",\"ttl\":%.*s", WEIR_SPAN_ARG(ttl));
    weir_buf_addf(&marker, "}");
    return weir_arena_copy(call->arena, weir_buf_span(&marker));
}

/* "png" and "jpeg", "pdf" and "txt" as media types. */
static weir_span
media_of(enum weir_part_kind kind, weir_span format)
{
    static const struct {
        const char *format;
        const char *media;
    } rows[] = {
        {"png", "image/png"},
        {"jpeg", "image/jpeg"},
        {"gif", "image/gif"},
        {"webp", "image/webp"},
        {"pdf", "application/pdf"},
        {"csv", "text/csv"},
        {"html", "text/html"},
        {"md", "text/markdown"},
        {"txt", "text/plain"},
        {"doc", "application/msword"},
        {"xls", "application/vnd.ms-excel"},
        {"docx", "application/"
                 "vnd.openxmlformats-officedocument.wordprocessingml.document"},
        {"xlsx", "application/"
                 "vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
        {"mp4", "video/mp4"},
        {"mov", "video/quicktime"},
        {"webm", "video/webm"},
        {"mkv", "video/x-matroska"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++)
        if (weir_raw_is(format, rows[i].format))
            return weir_span_of(rows[i].media);
    return kind == WEIR_PART_DOCUMENT && format.ptr == NULL
               ? WEIR_SPAN("text/plain")
               : WEIR_SPAN_NONE;
}

static weir_status
read_media(struct weir_neutral *call, struct weir_part *part, weir_span raw,
           struct weir_error *err)
{
    enum { FORMAT, NAME, SOURCE, MEDIA };
    enum { BYTES, SAID, CONTENT, S3, SOURCES };
    static const char *const of[MEDIA] = {"format", "name", "source"};
    static const char *const in_source[SOURCES] = {"bytes", "text", "content",
                                                   "s3Location"};
    weir_span in[MEDIA];
    weir_span source[SOURCES];
    if (!weir_neutral_pick(call, part->member, raw, of, MEDIA, in) ||
        !weir_neutral_pick(call, "source", in[SOURCE], in_source, SOURCES,
                           source))
        return wrong(call, part->member, "must be an object with a source",
                     err);
    part->media = media_of(part->kind, in[FORMAT]);
    if (in[NAME].ptr != NULL)
        part->name = weir_escaped(in[NAME]);
    if (source[BYTES].ptr != NULL)
        part->data = weir_escaped(source[BYTES]);
    else if (source[SAID].ptr != NULL && part->kind == WEIR_PART_DOCUMENT)
        part->text = weir_escaped(source[SAID]);
    else if (source[S3].ptr != NULL)
        return weir_neutral_lacks_part(call, call->last, part, "s3Location",
                                       err);
    else
        return weir_neutral_lacks_part(call, call->last, part, "source", err);
    if (part->media.ptr == NULL)
        return weir_neutral_lacks_part(call, call->last, part, "format", err);
    return WEIR_OK;
}

static weir_status
read_tool_use(struct weir_neutral *call, struct weir_part *part, weir_span raw,
              struct weir_error *err)
{
    static const char *const of[3] = {"toolUseId", "name", "input"};
    weir_span in[3];
    if (!weir_neutral_pick(call, "toolUse", raw, of, 3, in) ||
        weir_raw_kind(in[2]) != WEIR_JSON_OBJECT)
        return wrong(call, "toolUse", "must have an object as input", err);
    part->id = weir_escaped(in[0]);
    part->name = weir_escaped(in[1]);
    part->arguments = in[2];
    return WEIR_OK;
}

static weir_status read_blocks(struct weir_neutral *call,
                               struct weir_turn *turn, weir_span raw,
                               bool is_inside, struct weir_error *err);

static weir_status
read_tool_result(struct weir_neutral *call, struct weir_part *part,
                 weir_span raw, struct weir_error *err)
{
    static const char *const of[3] = {"toolUseId", "content", "status"};
    struct weir_turn inside = {.role = WEIR_SPEAKER_TOOL};
    weir_span in[3];
    if (!weir_neutral_pick(call, "toolResult", raw, of, 3, in) ||
        in[0].ptr == NULL)
        return wrong(call, "toolUseId", "is missing", err);
    weir_status status = read_blocks(call, &inside, in[1], true, err);
    part->id = weir_escaped(in[0]);
    part->is_error = weir_raw_is(in[2], "error");
    part->parts = inside.parts;
    return status;
}

/* What was wrapped on its way out must be the inside of a JSON string again,
 * or a client could write members of its own into the origin's request. */
static weir_span
unwrap(struct weir_neutral *call, weir_span seal)
{
    const weir_span mark = WEIR_SPAN(WEIR_BEDROCK_WRAPPED);
    struct weir_json_root root;
    size_t len = 0;
    if (!weir_span_starts(seal, mark))
        return seal;
    weir_span inner = {seal.ptr + mark.len, seal.len - mark.len};
    char *memory = weir_arena_alloc(call->arena, inner.len + 2);
    if (memory == NULL ||
        !weir_base64_decode(inner, memory + 1, inner.len, &len))
        return seal;
    memory[0] = memory[len + 1] = '"';
    weir_span quoted = {memory, len + 2};
    return weir_json_scan(quoted, NULL, 0, 0, &root, NULL, NULL) == WEIR_OK &&
                   root.kind == WEIR_JSON_STRING
               ? weir_escaped(quoted)
               : seal;
}

static weir_status
read_reasoning(struct weir_neutral *call, struct weir_part *part, weir_span raw,
               struct weir_error *err)
{
    static const char *const of[2] = {"reasoningText", "redactedContent"};
    static const char *const said[2] = {"text", "signature"};
    weir_span in[2];
    weir_span text[2];
    if (!weir_neutral_pick(call, "reasoningContent", raw, of, 2, in))
        return wrong(call, "reasoningContent", "must be an object", err);
    if (in[1].ptr != NULL)
        part->signature = unwrap(call, weir_escaped(in[1]));
    if (in[0].ptr == NULL ||
        !weir_neutral_pick(call, "reasoningText", in[0], said, 2, text))
        return WEIR_OK;
    part->text = weir_escaped(text[0]);
    if (text[1].ptr != NULL)
        part->signature = weir_escaped(text[1]);
    return WEIR_OK;
}

/* JSON as a result: there are dialects with text only. */
static weir_status
read_json(struct weir_neutral *call, struct weir_turn *turn, weir_span raw)
{
    struct weir_part *part =
        weir_neutral_part(call, turn, WEIR_PART_TEXT, "json");
    struct weir_buf quoted;
    size_t size = 2 * raw.len + 2;
    char *memory = part != NULL ? weir_arena_alloc(call->arena, size) : NULL;
    if (memory == NULL)
        return WEIR_OK; /* the arena's overflow says so */
    weir_buf_init_fixed(&quoted, memory, size);
    weir_json_quote(&quoted, raw);
    part->text = weir_escaped(weir_buf_span(&quoted));
    return WEIR_OK;
}

static weir_status
fill(struct weir_neutral *call, struct weir_part *part, weir_span raw,
     struct weir_error *err)
{
    switch (part->kind) {
    case WEIR_PART_TEXT:
        part->text = weir_escaped(raw);
        return WEIR_OK;
    case WEIR_PART_TOOL_CALL:
        return read_tool_use(call, part, raw, err);
    case WEIR_PART_TOOL_RESULT:
        return read_tool_result(call, part, raw, err);
    case WEIR_PART_REASONING:
        return read_reasoning(call, part, raw, err);
    default:
        return read_media(call, part, raw, err);
    }
}

/* A block has one member, which says what it is. */
struct other {
    struct weir_neutral *call;
    weir_span name;
    weir_span raw;
};

static void
note_other(void *context, weir_span name, weir_span raw)
{
    struct other *other = context;
    if (other->name.len > 0)
        return;
    other->name = weir_arena_copy(other->call->arena, name);
    other->raw = raw;
}

static weir_status
read_block(struct weir_neutral *call, struct weir_turn *turn, weir_span raw,
           bool is_inside, struct weir_error *err)
{
    static const enum weir_part_kind kinds[COUNT] = {
        [TEXT] = WEIR_PART_TEXT,
        [IMAGE] = WEIR_PART_IMAGE,
        [DOCUMENT] = WEIR_PART_DOCUMENT,
        [VIDEO] = WEIR_PART_VIDEO,
        [TOOL_USE] = WEIR_PART_TOOL_CALL,
        [TOOL_RESULT] = WEIR_PART_TOOL_RESULT,
        [REASONING] = WEIR_PART_REASONING,
    };
    weir_span in[COUNT];
    struct other other = {.call = call};
    size_t i = 0;
    if (!weir_raw_pick(raw, names, COUNT, in, note_other, &other))
        return wrong(call, "content", "must be blocks", err);
    if (in[CACHE].ptr != NULL) {
        if (turn->last == NULL) /* there is nothing that it could end */
            return weir_neutral_lacks_field(call, WEIR_SPAN("cache_control"),
                                            WEIR_SPAN("cachePoint"), err);
        turn->last->cache = cache_of(call, in[CACHE]);
        return WEIR_OK;
    }
    while (i < CACHE && in[i].ptr == NULL)
        i++;
    if (is_inside && weir_span_equal(other.name, WEIR_SPAN("json")))
        return read_json(call, turn, other.raw);
    if (i == CACHE)
        return other.name.len > 0 ? weir_neutral_lacks(call, other.name, err)
                                  : wrong(call, "content", "is empty", err);
    if (is_inside && i >= TOOL_USE)
        return wrong(call, "content", "of a tool's result cannot hold that",
                     err);
    struct weir_part *part = weir_neutral_part(call, turn, kinds[i], names[i]);
    return part == NULL ? WEIR_OK : fill(call, part, in[i], err);
}

static weir_status
read_blocks(struct weir_neutral *call, struct weir_turn *turn, weir_span raw,
            bool is_inside, struct weir_error *err)
{
    struct weir_raw_array array;
    weir_status status = WEIR_OK;
    weir_span block;
    if (weir_raw_kind(raw) != WEIR_JSON_ARRAY)
        return raw.ptr == NULL ? WEIR_OK
                               : wrong(call, "content", "must be a list", err);
    weir_raw_array_init(&array, raw);
    while (status == WEIR_OK && weir_raw_array_next(&array, &block))
        status = read_block(call, turn, block, is_inside, err);
    return status;
}

static weir_status
read_message(struct weir_neutral *call, weir_span raw, uint32_t number,
             struct weir_error *err)
{
    static const char *const of[2] = {"role", "content"};
    weir_span in[2];
    bool is_assistant;
    if (!weir_neutral_pick(call, "messages", raw, of, 2, in))
        return wrong(call, "messages", "must be objects", err);
    is_assistant = weir_raw_is(in[0], "assistant");
    if (!is_assistant && !weir_raw_is(in[0], "user"))
        return wrong(call, "role", "is not one known here", err);
    struct weir_turn *turn = weir_neutral_turn(
        call, is_assistant ? WEIR_SPEAKER_ASSISTANT : WEIR_SPEAKER_USER,
        number);
    return turn == NULL ? WEIR_OK : read_blocks(call, turn, in[1], false, err);
}

/* --------------------------------------------------------------- tools */

static weir_status
read_tool(struct weir_neutral *call, weir_span raw, struct weir_error *err)
{
    enum { SPEC, MARK, SYSTEM, KINDS };
    enum { NAME, DESCRIPTION, SCHEMA, STRICT, PARTS };
    static const char *const kinds[KINDS] = {"toolSpec", "cachePoint",
                                             "systemTool"};
    static const char *const of[PARTS] = {"name", "description", "inputSchema",
                                          "strict"};
    static const char *const json[1] = {"json"};
    weir_span kind[KINDS];
    weir_span in[PARTS];
    weir_span schema = WEIR_SPAN_NONE;
    if (!weir_neutral_pick(call, "tools", raw, kinds, KINDS, kind))
        return wrong(call, "tools", "must be objects", err);
    if (kind[MARK].ptr != NULL) {
        if (call->last_tool == NULL)
            return weir_neutral_lacks_field(call, WEIR_SPAN("cache_control"),
                                            WEIR_SPAN("cachePoint"), err);
        call->last_tool->cache = cache_of(call, kind[MARK]);
        return WEIR_OK;
    }
    if (!weir_neutral_pick(call, "toolSpec", kind[SPEC], of, PARTS, in))
        return weir_neutral_lacks(call, WEIR_SPAN("systemTool"), err);
    struct weir_tool *tool = weir_neutral_tool(call);
    if (tool == NULL)
        return WEIR_OK;
    (void)weir_raw_pick(in[SCHEMA], json, 1, &schema, NULL, NULL);
    tool->name = weir_escaped(in[NAME]);
    if (in[DESCRIPTION].ptr != NULL)
        tool->description = weir_escaped(in[DESCRIPTION]);
    tool->parameters = schema;
    tool->strict = in[STRICT];
    return WEIR_OK;
}

static weir_status
read_tool_choice(struct weir_neutral *call, weir_span raw,
                 struct weir_error *err)
{
    static const char *const of[3] = {"auto", "any", "tool"};
    static const char *const name[1] = {"name"};
    weir_span in[3];
    weir_span named = WEIR_SPAN_NONE;
    if (raw.ptr == NULL)
        return WEIR_OK;
    if (!weir_neutral_pick(call, "toolChoice", raw, of, 3, in))
        return wrong(call, "toolChoice", "must be an object", err);
    if (in[0].ptr != NULL)
        call->choice = WEIR_CHOICE_AUTO;
    else if (in[1].ptr != NULL)
        call->choice = WEIR_CHOICE_ANY;
    else if (weir_raw_pick(in[2], name, 1, &named, NULL, NULL) &&
             named.ptr != NULL) {
        call->choice = WEIR_CHOICE_NAMED;
        call->tool_name = weir_escaped(named);
    } else {
        return weir_neutral_lacks(call, WEIR_SPAN("toolChoice"), err);
    }
    return WEIR_OK;
}

static weir_status
read_tools(struct weir_neutral *call, weir_span raw, struct weir_error *err)
{
    static const char *const of[2] = {"tools", "toolChoice"};
    struct weir_raw_array array;
    weir_status status = WEIR_OK;
    weir_span in[2];
    weir_span tool;
    if (raw.ptr == NULL)
        return WEIR_OK;
    if (!weir_neutral_pick(call, "toolConfig", raw, of, 2, in))
        return wrong(call, "toolConfig", "must be an object", err);
    weir_raw_array_init(&array, in[0]);
    while (status == WEIR_OK && weir_raw_array_next(&array, &tool))
        status = read_tool(call, tool, err);
    return status == WEIR_OK ? read_tool_choice(call, in[1], err) : status;
}

/* ------------------------------------------------------------ settings */

struct named_setting {
    const char *name;
    enum weir_setting_id id;
};

static void
read_named(struct weir_neutral *call, const struct named_setting *rows,
           size_t count, weir_span name, weir_span raw)
{
    for (size_t i = 0; i < count; i++)
        if (weir_span_equal(name, weir_span_of(rows[i].name))) {
            if (!weir_raw_is_null(raw))
                call->settings[rows[i].id] =
                    (struct weir_setting){raw, weir_span_of(rows[i].name)};
            return;
        }
    weir_neutral_extra(call, weir_arena_copy(call->arena, name), raw);
}

static void
read_inference(void *context, weir_span name, weir_span raw)
{
    static const struct named_setting rows[] = {
        {"maxTokens", WEIR_SETTING_MAX_TOKENS},
        {"temperature", WEIR_SETTING_TEMPERATURE},
        {"topP", WEIR_SETTING_TOP_P},
        {"stopSequences", WEIR_SETTING_STOP},
    };
    read_named(context, rows, WEIR_COUNTOF(rows), name, raw);
}

static void
read_additional(void *context, weir_span name, weir_span raw)
{
    static const struct named_setting rows[] = {
        {"top_k", WEIR_SETTING_TOP_K},
    };
    read_named(context, rows, WEIR_COUNTOF(rows), name, raw);
}

static void
read_root(void *context, weir_span name, weir_span raw)
{
    static const struct named_setting rows[] = {
        {"requestMetadata", WEIR_SETTING_METADATA},
    };
    read_named(context, rows, WEIR_COUNTOF(rows), name, raw);
}

static void
read_thinking(struct weir_neutral *call, weir_span raw)
{
    static const char *const of[2] = {"type", "budget_tokens"};
    weir_span in[2];
    if (raw.ptr == NULL || !weir_neutral_pick(call, "thinking", raw, of, 2, in))
        return;
    call->reasoning.is_given = true;
    call->reasoning.shows = true;
    call->reasoning.is_off = weir_raw_is(in[0], "disabled");
    call->reasoning.budget = weir_raw_uint(in[1]);
    call->reasoning.name = WEIR_SPAN("thinking");
}

/* {"textFormat": {"type": "json_schema", "structure": {"jsonSchema":
 * {"schema": "{..}", "name", "description"}}}}: the schema is a string. */
static weir_status
read_output(struct weir_neutral *call, weir_span raw, struct weir_error *err)
{
    static const char *const format[1] = {"textFormat"};
    static const char *const structure[2] = {"structure", "type"};
    static const char *const json[1] = {"jsonSchema"};
    static const char *const of[3] = {"schema", "name", "description"};
    weir_span in[3];
    weir_span text[2];
    weir_span inner;
    call->format_member = "outputConfig";
    if (raw.ptr == NULL)
        return WEIR_OK;
    if (!weir_neutral_pick(call, "outputConfig", raw, format, 1, &inner))
        return wrong(call, "outputConfig", "must be an object", err);
    if (inner.ptr == NULL)
        return WEIR_OK;
    if (!weir_neutral_pick(call, format[0], inner, structure, 2, text) ||
        !weir_neutral_pick(call, structure[0], text[0], json, 1, &inner) ||
        !weir_neutral_pick(call, json[0], inner, of, 3, in) ||
        weir_object_of_string(in[0], call->arena, &call->schema) != WEIR_OK)
        return wrong(call, "outputConfig", "must have a JSON schema", err);
    call->format = WEIR_FORMAT_SCHEMA;
    if (in[1].ptr != NULL)
        call->format_name = weir_escaped(in[1]);
    if (in[2].ptr != NULL)
        call->format_description = weir_escaped(in[2]);
    return WEIR_OK;
}

weir_status
weir_bedrock_read_call(const struct weir_request *request,
                       struct weir_neutral *call, struct weir_error *err)
{
    enum { MESSAGES, SYSTEM, INFERENCE, TOOLS, ADDITIONAL, OUTPUT, ROOT };
    static const char *const of[ROOT] = {"messages",
                                         "system",
                                         "inferenceConfig",
                                         "toolConfig",
                                         "additionalModelRequestFields",
                                         "outputConfig"};
    static const char *const thinking[1] = {"thinking"};
    struct weir_raw_array array;
    weir_status status = WEIR_OK;
    weir_span in[ROOT];
    weir_span element = WEIR_SPAN_NONE;

    call->turns_name = "messages";
    call->parts_name = "content";
    call->tools_name = "tools";
    if (!weir_raw_pick(request->body, of, ROOT, in, read_root, call))
        return wrong(call, "body", "cannot be read", err);
    (void)weir_raw_pick(in[INFERENCE], NULL, 0, NULL, read_inference, call);
    if (weir_raw_pick(in[ADDITIONAL], thinking, 1, &element, read_additional,
                      call))
        read_thinking(call, element);
    if (in[SYSTEM].ptr != NULL) {
        struct weir_turn *turn =
            weir_neutral_turn(call, WEIR_SPEAKER_SYSTEM, 0);
        if (turn != NULL)
            status = read_blocks(call, turn, in[SYSTEM], false, err);
    }
    weir_raw_array_init(&array, in[MESSAGES]);
    while (status == WEIR_OK && weir_raw_array_next(&array, &element))
        status = read_message(call, element, array.count - 1, err);
    if (status == WEIR_OK)
        status = read_output(call, in[OUTPUT], err);
    return status == WEIR_OK ? read_tools(call, in[TOOLS], err) : status;
}
