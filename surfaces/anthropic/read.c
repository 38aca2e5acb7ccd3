/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Messages request in no dialect. Blocks that only this provider's own
 * tools make (searches, code it ran, containers) have no neutral form and
 * are refused by their type.
 */
#include "anthropic.h"

#include <weir/raw.h>

static weir_status
wrong(struct weir_neutral *call, const char *name, const char *reason,
      struct weir_error *err)
{
    return weir_neutral_wrong(call, name, reason, err);
}

/* -------------------------------------------------------------- blocks */

enum {
    TYPE,
    TEXT,
    SOURCE,
    TITLE,
    ID,
    NAME,
    INPUT,
    CALL_ID,
    CONTENT,
    IS_ERROR,
    THINKING,
    SIGNATURE,
    DATA,
    CACHE,
    CITATIONS,
    CALLER,
    COUNT
};
static const char *const names[COUNT] = {
    "type",  "text",          "source",    "title",    "id",       "name",
    "input", "tool_use_id",   "content",   "is_error", "thinking", "signature",
    "data",  "cache_control", "citations", "caller"};

static weir_status
read_source(struct weir_neutral *call, struct weir_part *part, weir_span raw,
            struct weir_error *err)
{
    enum { KIND, MEDIA, BYTES, URL, FILE, SOURCES };
    static const char *const of[SOURCES] = {"type", "media_type", "data", "url",
                                            "file_id"};
    weir_span in[SOURCES];
    if (!weir_neutral_pick(call, "source", raw, of, SOURCES, in))
        return wrong(call, "source", "must be an object", err);
    if (weir_raw_is(in[KIND], "base64")) {
        part->media = weir_escaped(in[MEDIA]);
        part->data = weir_escaped(in[BYTES]);
    } else if (weir_raw_is(in[KIND], "url")) {
        part->url = weir_escaped(in[URL]);
    } else if (weir_raw_is(in[KIND], "file")) {
        part->file = weir_escaped(in[FILE]);
    } else if (weir_raw_is(in[KIND], "text") &&
               part->kind == WEIR_PART_DOCUMENT) {
        part->text = weir_escaped(in[BYTES]);
    } else {
        return weir_neutral_lacks_part(call, call->last, part, "source", err);
    }
    return WEIR_OK;
}

static weir_status read_blocks(struct weir_neutral *call,
                               struct weir_turn *turn, weir_span raw,
                               bool is_inside, struct weir_error *err);

/* What a tool said: blocks of its own, kept apart from the turn's. */
static weir_status
read_result(struct weir_neutral *call, struct weir_part *part,
            const weir_span in[COUNT], struct weir_error *err)
{
    struct weir_turn inside = {.role = WEIR_SPEAKER_TOOL};
    weir_status status = read_blocks(call, &inside, in[CONTENT], true, err);
    part->id = weir_escaped(in[CALL_ID]);
    part->is_error = weir_span_equal(in[IS_ERROR], WEIR_SPAN("true"));
    part->parts = inside.parts;
    if (status == WEIR_OK && part->id.len == 0)
        status = wrong(call, "tool_use_id", "is missing", err);
    return status;
}

static const struct {
    const char *type;
    enum weir_part_kind kind;
} kinds[] = {
    {"text", WEIR_PART_TEXT},
    {"image", WEIR_PART_IMAGE},
    {"document", WEIR_PART_DOCUMENT},
    {"tool_use", WEIR_PART_TOOL_CALL},
    {"tool_result", WEIR_PART_TOOL_RESULT},
    {"thinking", WEIR_PART_REASONING},
    {"redacted_thinking", WEIR_PART_REASONING},
};

static weir_status
fill(struct weir_neutral *call, struct weir_part *part,
     const weir_span in[COUNT], struct weir_error *err)
{
    switch (part->kind) {
    case WEIR_PART_TEXT:
        part->text = weir_escaped(in[TEXT]);
        return WEIR_OK;
    case WEIR_PART_DOCUMENT:
        if (in[TITLE].ptr != NULL)
            part->name = weir_escaped(in[TITLE]);
        return read_source(call, part, in[SOURCE], err);
    case WEIR_PART_IMAGE:
        return read_source(call, part, in[SOURCE], err);
    case WEIR_PART_TOOL_CALL:
        part->id = weir_escaped(in[ID]);
        part->name = weir_escaped(in[NAME]);
        part->arguments = in[INPUT];
        if (weir_raw_kind(in[INPUT]) != WEIR_JSON_OBJECT)
            return wrong(call, "input", "must be an object", err);
        return WEIR_OK;
    case WEIR_PART_TOOL_RESULT:
        return read_result(call, part, in, err);
    default:
        if (in[DATA].ptr != NULL)
            part->signature = weir_escaped(in[DATA]);
        else
            part->text = weir_escaped(in[THINKING]);
        if (in[SIGNATURE].ptr != NULL)
            part->signature = weir_escaped(in[SIGNATURE]);
        return WEIR_OK;
    }
}

static weir_status
read_block(struct weir_neutral *call, struct weir_turn *turn, weir_span raw,
           bool is_inside, struct weir_error *err)
{
    weir_span in[COUNT];
    size_t i = 0;
    if (!weir_raw_pick(raw, names, 1, in, NULL, NULL))
        return wrong(call, "content", "must be a string or blocks", err);
    while (i < WEIR_COUNTOF(kinds) && !weir_raw_is(in[TYPE], kinds[i].type))
        i++;
    if (i == WEIR_COUNTOF(kinds)) {
        weir_span type = weir_escaped(in[TYPE]);
        return type.len > 0 ? weir_neutral_lacks(call, type, err)
                            : wrong(call, "type", "is missing", err);
    }
    if (is_inside && kinds[i].kind > WEIR_PART_DOCUMENT)
        return wrong(call, "content", "of a tool's result cannot hold that",
                     err);
    if (!weir_neutral_pick(call, kinds[i].type, raw, names, COUNT, in))
        return wrong(call, "content", "must be a string or blocks", err);
    weir_neutral_callers(call, kinds[i].type, "caller", in[CALLER]);
    /* Those of a text are what an answer says about itself; of a document
     * they are asked for. */
    if (kinds[i].kind == WEIR_PART_DOCUMENT)
        weir_neutral_ask(call, kinds[i].type, "citations", in[CITATIONS]);
    struct weir_part *part =
        weir_neutral_part(call, turn, kinds[i].kind, kinds[i].type);
    if (part == NULL)
        return WEIR_OK;
    part->cache = in[CACHE];
    return fill(call, part, in, err);
}

static weir_status
read_blocks(struct weir_neutral *call, struct weir_turn *turn, weir_span raw,
            bool is_inside, struct weir_error *err)
{
    struct weir_raw_array array;
    weir_status status = WEIR_OK;
    weir_span block;

    if (raw.ptr == NULL)
        return WEIR_OK;
    if (weir_raw_kind(raw) == WEIR_JSON_STRING) {
        struct weir_part *part =
            weir_neutral_part(call, turn, WEIR_PART_TEXT, "content");
        if (part != NULL)
            part->text = weir_escaped(raw);
        return WEIR_OK;
    }
    if (weir_raw_kind(raw) != WEIR_JSON_ARRAY)
        return wrong(call, "content", "must be a string or blocks", err);
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
    enum weir_speaker role;

    if (!weir_neutral_pick(call, "messages", raw, of, 2, in))
        return wrong(call, "messages", "must be objects", err);
    if (weir_raw_is(in[0], "user"))
        role = WEIR_SPEAKER_USER;
    else if (weir_raw_is(in[0], "assistant"))
        role = WEIR_SPEAKER_ASSISTANT;
    else if (weir_raw_is(in[0], "system"))
        role = WEIR_SPEAKER_SYSTEM;
    else
        return wrong(call, "role", "is not one known here", err);
    struct weir_turn *turn = weir_neutral_turn(call, role, number);
    if (turn == NULL)
        return WEIR_OK;
    return read_blocks(call, turn, in[1], false, err);
}

/* --------------------------------------------------------------- tools */

static weir_status
read_tools(struct weir_neutral *call, weir_span raw, struct weir_error *err)
{
    enum {
        KIND,
        TOOL,
        DESCRIPTION,
        SCHEMA,
        STRICT,
        MARK,
        CALLERS,
        EAGER, /* what comes is streamed as it comes, whoever asks */
        PARTS
    };
    static const char *const of[PARTS] = {
        "type",   "name",          "description",     "input_schema",
        "strict", "cache_control", "allowed_callers", "eager_input_streaming"};
    struct weir_raw_array array;
    weir_span element;
    weir_span in[PARTS];

    weir_raw_array_init(&array, raw);
    while (weir_raw_array_next(&array, &element)) {
        if (!weir_raw_pick(element, of, 1, in, NULL, NULL))
            return wrong(call, "tools", "must be objects", err);
        if (in[KIND].ptr != NULL && !weir_raw_is(in[KIND], "custom")) {
            weir_status status =
                weir_neutral_lacks(call, WEIR_SPAN("tools"), err);
            if (status != WEIR_OK)
                return status;
            continue;
        }
        if (!weir_neutral_pick(call, "tools", element, of, PARTS, in))
            return wrong(call, "tools", "must be objects", err);
        weir_neutral_callers(call, "tools", of[CALLERS], in[CALLERS]);
        struct weir_tool *tool = weir_neutral_tool(call);
        if (tool == NULL)
            return WEIR_OK;
        tool->name = weir_escaped(in[TOOL]);
        if (in[DESCRIPTION].ptr != NULL)
            tool->description = weir_escaped(in[DESCRIPTION]);
        tool->parameters = in[SCHEMA];
        tool->strict = in[STRICT];
        tool->cache = in[MARK];
    }
    return WEIR_OK;
}

static weir_status
read_tool_choice(struct weir_neutral *call, weir_span raw,
                 struct weir_error *err)
{
    static const char *const of[3] = {"type", "name",
                                      "disable_parallel_tool_use"};
    weir_span in[3];
    if (raw.ptr == NULL)
        return WEIR_OK;
    if (!weir_neutral_pick(call, "tool_choice", raw, of, 3, in))
        return wrong(call, "tool_choice", "must be an object", err);
    if (weir_raw_is(in[0], "auto"))
        call->choice = WEIR_CHOICE_AUTO;
    else if (weir_raw_is(in[0], "any"))
        call->choice = WEIR_CHOICE_ANY;
    else if (weir_raw_is(in[0], "none"))
        call->choice = WEIR_CHOICE_NONE;
    else if (weir_raw_is(in[0], "tool") &&
             weir_raw_kind(in[1]) == WEIR_JSON_STRING) {
        call->choice = WEIR_CHOICE_NAMED;
        call->tool_name = weir_escaped(in[1]);
    } else {
        return weir_neutral_lacks(call, WEIR_SPAN("tool_choice"), err);
    }
    if (weir_span_equal(in[2], WEIR_SPAN("true")))
        call->serial_tools = WEIR_SPAN("true");
    return WEIR_OK;
}

/* ------------------------------------------------------------ settings */

static void
read_thinking(struct weir_neutral *call, weir_span raw)
{
    static const char *const of[3] = {"type", "budget_tokens", "display"};
    weir_span in[3];
    if (raw.ptr == NULL || !weir_neutral_pick(call, "thinking", raw, of, 3, in))
        return;
    weir_neutral_unless(call, "thinking", of[2], in[2], "summarized");
    call->reasoning.is_given = true;
    call->reasoning.shows = true;
    call->reasoning.is_off = weir_raw_is(in[0], "disabled");
    call->reasoning.budget = weir_raw_uint(in[1]);
    call->reasoning.name = WEIR_SPAN("thinking");
    if (weir_raw_is(in[0], "adaptive"))
        call->reasoning.effort = WEIR_SPAN("medium");
}

static weir_status
read_output(struct weir_neutral *call, weir_span raw, struct weir_error *err)
{
    static const char *const of[2] = {"effort", "format"};
    static const char *const format[2] = {"type", "schema"};
    weir_span in[2];
    weir_span form[2];
    call->format_member = "output_config";
    if (raw.ptr == NULL)
        return WEIR_OK;
    if (!weir_neutral_pick(call, "output_config", raw, of, 2, in))
        return wrong(call, "output_config", "must be an object", err);
    if (in[0].ptr != NULL) {
        call->reasoning.is_given = true;
        call->reasoning.effort = weir_escaped(in[0]);
        call->reasoning.name = WEIR_SPAN("output_config");
    }
    if (in[1].ptr == NULL)
        return WEIR_OK;
    if (!weir_neutral_pick(call, "format", in[1], format, 2, form) ||
        !weir_raw_is(form[0], "json_schema") ||
        weir_raw_kind(form[1]) != WEIR_JSON_OBJECT)
        return wrong(call, "output_config", "must have a schema", err);
    call->format = WEIR_FORMAT_SCHEMA;
    call->schema = form[1];
    return WEIR_OK;
}

static void
read_setting(void *context, weir_span name, weir_span raw)
{
    static const struct {
        const char *name;
        enum weir_setting_id id;
    } settings[] = {
        {"max_tokens", WEIR_SETTING_MAX_TOKENS},
        {"temperature", WEIR_SETTING_TEMPERATURE},
        {"top_p", WEIR_SETTING_TOP_P},
        {"top_k", WEIR_SETTING_TOP_K},
        {"stop_sequences", WEIR_SETTING_STOP},
        {"service_tier", WEIR_SETTING_SERVICE_TIER},
    };
    struct weir_neutral *call = context;
    for (size_t i = 0; i < WEIR_COUNTOF(settings); i++)
        if (weir_span_equal(name, weir_span_of(settings[i].name))) {
            if (!weir_raw_is_null(raw))
                call->settings[settings[i].id] =
                    (struct weir_setting){raw, weir_span_of(settings[i].name)};
            return;
        }
    /* Of InvokeModel, whose parser has looked at it. */
    if (call->dialect == WEIR_DIALECT_INVOKE &&
        weir_span_equal(name, WEIR_SPAN("anthropic_version")))
        return;
    weir_neutral_extra(call, weir_arena_copy(call->arena, name), raw);
}

static void
read_metadata(struct weir_neutral *call, weir_span raw)
{
    static const char *const of[1] = {"user_id"};
    weir_span user;
    if (raw.ptr != NULL &&
        weir_neutral_pick(call, "metadata", raw, of, 1, &user) &&
        user.ptr != NULL)
        call->settings[WEIR_SETTING_USER] =
            (struct weir_setting){user, WEIR_SPAN("metadata")};
}

weir_status
weir_anthropic_read_call(const struct weir_request *request,
                         struct weir_neutral *call, struct weir_error *err)
{
    enum {
        MODEL,
        STREAM,
        SYSTEM,
        MESSAGES,
        TOOLS,
        CHOICE,
        THOUGHT,
        OUTPUT,
        METADATA,
        ROOT
    };
    static const char *const of[ROOT] = {
        "model",       "stream",   "system",        "messages", "tools",
        "tool_choice", "thinking", "output_config", "metadata"};
    weir_span in[ROOT];
    weir_span element;
    struct weir_raw_array array;
    weir_status status = WEIR_OK;

    call->turns_name = "messages";
    call->parts_name = "content";
    call->tools_name = "tools";
    if (!weir_raw_pick(request->body, of, ROOT, in, read_setting, call))
        return wrong(call, "body", "cannot be read", err);
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
        status = read_tools(call, in[TOOLS], err);
    if (status == WEIR_OK)
        status = read_tool_choice(call, in[CHOICE], err);
    read_thinking(call, in[THOUGHT]);
    if (status == WEIR_OK)
        status = read_output(call, in[OUTPUT], err);
    read_metadata(call, in[METADATA]);
    return status;
}
