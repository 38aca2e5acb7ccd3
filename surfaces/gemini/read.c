/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A generateContent request in no dialect.
 *
 * Calls of functions need not have ids here, and their results name the
 * function: ids are made up, and a result without one answers the oldest
 * call of that function that has no answer yet.
 */
#include "gemini.h"

#include <weir/pen.h>
#include <weir/raw.h>

#include <stdio.h>

static weir_status
wrong(struct weir_neutral *call, const char *name, const char *reason,
      struct weir_error *err)
{
    return weir_neutral_wrong(call, name, reason, err);
}

/* --------------------------------------------------------------- parts */

static weir_status
read_media(struct weir_neutral *call, struct weir_turn *turn, weir_span raw,
           bool is_inline, struct weir_error *err)
{
    static const char *const names[4] = {"mimeType", "data", "fileUri",
                                         "displayName"};
    weir_span in[4];
    enum weir_part_kind kind = WEIR_PART_DOCUMENT;
    if (!weir_neutral_pick_proto(call, is_inline ? "inlineData" : "fileData",
                                 raw, names, 4, in))
        return wrong(call, is_inline ? "inlineData" : "fileData",
                     "must be an object", err);
    weir_span media = weir_escaped(in[0]);
    if (weir_span_starts(media, WEIR_SPAN("image/")))
        kind = WEIR_PART_IMAGE;
    else if (weir_span_starts(media, WEIR_SPAN("audio/")))
        kind = WEIR_PART_AUDIO;
    else if (weir_span_starts(media, WEIR_SPAN("video/")))
        kind = WEIR_PART_VIDEO;
    struct weir_part *part = weir_neutral_part(
        call, turn, kind, is_inline ? "inlineData" : "fileData");
    if (part == NULL)
        return WEIR_OK;
    part->media = media;
    if (in[3].ptr != NULL)
        part->name = weir_escaped(in[3]);
    if (is_inline)
        part->data = weir_escaped(in[1]);
    else
        part->url = weir_escaped(in[2]);
    return WEIR_OK;
}

static weir_status
read_call(struct weir_neutral *call, struct weir_turn *turn, weir_span raw,
          weir_span signature, struct weir_error *err)
{
    static const char *const names[3] = {"id", "name", "args"};
    weir_span in[3];
    char text[48];
    struct weir_part *part =
        weir_neutral_part(call, turn, WEIR_PART_TOOL_CALL, "functionCall");
    if (part == NULL)
        return WEIR_OK;
    if (!weir_neutral_pick_proto(call, "functionCall", raw, names, 3, in) ||
        weir_raw_kind(in[1]) != WEIR_JSON_STRING)
        return wrong(call, "functionCall", "must name its function", err);
    part->name = weir_escaped(in[1]);
    part->arguments = in[2].ptr != NULL ? in[2] : WEIR_SPAN("{}");
    if (signature.ptr != NULL)
        part->signature = weir_escaped(signature);
    if (in[0].len > 2) {
        part->id = weir_escaped(in[0]);
        return WEIR_OK;
    }
    (void)snprintf(text, sizeof(text), "call_%u_%u", turn->number,
                   part->number);
    part->id = weir_arena_copy(call->arena, weir_span_of(text));
    return WEIR_OK;
}

/* The oldest call that the result may belong to. */
static struct weir_part *
call_of(struct weir_neutral *call, weir_span id, weir_span name)
{
    for (struct weir_turn *turn = call->turns; turn != NULL; turn = turn->next)
        for (struct weir_part *part = turn->parts; part != NULL;
             part = part->next)
            if (part->kind == WEIR_PART_TOOL_CALL && !part->is_answered &&
                (id.len > 0 ? weir_span_equal(part->id, id)
                            : weir_span_equal(part->name, name)))
                return part;
    return NULL;
}

/* RAW as the inside of a JSON string, in the arena. */
static weir_span
quoted(struct weir_neutral *call, weir_span raw)
{
    struct weir_buf buf;
    struct weir_pen pen;
    size_t size = 6 * raw.len + 2;
    void *memory = weir_arena_alloc(call->arena, size);
    if (memory == NULL)
        return WEIR_SPAN_NONE;
    weir_buf_init_fixed(&buf, memory, size);
    weir_pen_init_buf(&pen, &buf);
    weir_pen_quote(&pen, raw);
    return weir_escaped(weir_buf_span(&buf));
}

/* {"result":"text"} says the text; any other object is said as it is. */
static weir_status
read_result(struct weir_neutral *call, struct weir_turn *turn, weir_span raw,
            struct weir_error *err)
{
    static const char *const names[3] = {"id", "name", "response"};
    static const char *const words[3] = {"result", "output", "error"};
    weir_span in[3];
    weir_span of[3] = {{0}};
    struct weir_turn inside = {.role = WEIR_SPEAKER_TOOL};
    struct weir_part *part = weir_neutral_part(
        call, turn, WEIR_PART_TOOL_RESULT, "functionResponse");
    struct weir_part *text =
        weir_neutral_part(call, &inside, WEIR_PART_TEXT, "response");
    if (part == NULL || text == NULL)
        return WEIR_OK;
    if (!weir_neutral_pick_proto(call, "functionResponse", raw, names, 3, in) ||
        weir_raw_kind(in[1]) != WEIR_JSON_STRING)
        return wrong(call, "functionResponse", "must name its function", err);
    part->name = weir_escaped(in[1]);
    struct weir_part *asked = call_of(call, weir_escaped(in[0]), part->name);
    if (asked == NULL)
        return wrong(call, "functionResponse", "answers no call", err);
    asked->is_answered = true;
    part->id = asked->id;
    part->parts = text;
    (void)weir_raw_pick_proto(in[2], words, 3, of, NULL, NULL);
    part->is_error = of[2].ptr != NULL;
    for (unsigned i = 0; i < 3; i++)
        if (weir_raw_kind(of[i]) == WEIR_JSON_STRING) {
            text->text = weir_escaped(of[i]);
            return WEIR_OK;
        }
    text->text = quoted(call, in[2]);
    return WEIR_OK;
}

static weir_status
read_part(struct weir_neutral *call, struct weir_turn *turn, weir_span raw,
          struct weir_error *err)
{
    enum { TEXT, THOUGHT, SIGNATURE, DATA, FILE, CALL, RESULT, COUNT };
    static const char *const names[COUNT] = {
        "text",     "thought",      "thoughtSignature", "inlineData",
        "fileData", "functionCall", "functionResponse"};
    weir_span in[COUNT];
    struct weir_part *part;

    if (!weir_neutral_pick_proto(call, "parts", raw, names, COUNT, in))
        return wrong(call, "parts", "must be objects", err);
    if (in[CALL].ptr != NULL)
        return read_call(call, turn, in[CALL], in[SIGNATURE], err);
    if (in[RESULT].ptr != NULL)
        return read_result(call, turn, in[RESULT], err);
    if (in[DATA].ptr != NULL)
        return read_media(call, turn, in[DATA], true, err);
    if (in[FILE].ptr != NULL)
        return read_media(call, turn, in[FILE], false, err);
    if (in[TEXT].ptr == NULL)
        return weir_neutral_lacks(call, WEIR_SPAN("parts"), err);
    bool is_thought = weir_span_equal(in[THOUGHT], WEIR_SPAN("true"));
    part = weir_neutral_part(call, turn,
                             is_thought ? WEIR_PART_REASONING : WEIR_PART_TEXT,
                             is_thought ? "thought" : "text");
    if (part == NULL)
        return WEIR_OK;
    part->text = weir_escaped(in[TEXT]);
    if (is_thought && in[SIGNATURE].ptr != NULL)
        part->signature = weir_escaped(in[SIGNATURE]);
    return WEIR_OK;
}

static weir_status
read_content(struct weir_neutral *call, weir_span raw, uint32_t number,
             bool is_system, struct weir_error *err)
{
    static const char *const names[2] = {"role", "parts"};
    weir_span in[2];
    weir_span part;
    struct weir_raw_array array;
    weir_status status = WEIR_OK;
    enum weir_speaker role = WEIR_SPEAKER_USER;

    if (!weir_neutral_pick_proto(call, call->turns_name, raw, names, 2, in))
        return wrong(call, is_system ? "systemInstruction" : "contents",
                     "must be objects", err);
    if (is_system)
        role = WEIR_SPEAKER_SYSTEM;
    else if (weir_raw_is(in[0], "model"))
        role = WEIR_SPEAKER_ASSISTANT;
    else if (in[0].ptr != NULL && !weir_raw_is(in[0], "user") &&
             !weir_raw_is(in[0], "function") && !weir_raw_is(in[0], "tool"))
        return wrong(call, "role", "is not one known here", err);
    struct weir_turn *turn = weir_neutral_turn(call, role, number);
    if (turn == NULL)
        return WEIR_OK;
    weir_raw_array_init(&array, in[1]);
    while (status == WEIR_OK && weir_raw_array_next(&array, &part))
        status = read_part(call, turn, part, err);
    return status;
}

/* --------------------------------------------------------------- tools */

static void
read_function(struct weir_neutral *call, weir_span raw)
{
    static const char *const names[5] = {"name", "description", "parameters",
                                         "parametersJsonSchema", "behavior"};
    const char *place = "functionDeclarations";
    weir_span in[5];
    if (!weir_neutral_pick_proto(call, place, raw, names, 5, in))
        return;
    if (!weir_raw_is(in[4], "UNSPECIFIED"))
        weir_neutral_unless(call, place, names[4], in[4], "BLOCKING");
    struct weir_tool *tool = weir_neutral_tool(call);
    if (tool == NULL)
        return;
    tool->name = weir_escaped(in[0]);
    if (in[1].ptr != NULL)
        tool->description = weir_escaped(in[1]);
    tool->parameters =
        in[3].ptr != NULL ? in[3] : weir_gemini_schema(call, in[2]);
}

static void
note_other(void *context, weir_span name, weir_span raw)
{
    weir_span *other = context;
    if (!weir_raw_is_null(raw))
        *other = name;
}

static weir_status
read_tools(struct weir_neutral *call, weir_span raw, struct weir_error *err)
{
    static const char *const names[1] = {"functionDeclarations"};
    struct weir_raw_array tools;
    struct weir_raw_array functions;
    weir_span tool;
    weir_span list;

    weir_raw_array_init(&tools, raw);
    while (weir_raw_array_next(&tools, &tool)) {
        weir_span other = WEIR_SPAN_NONE;
        if (!weir_raw_pick_proto(tool, names, 1, &list, note_other, &other))
            return wrong(call, "tools", "must be objects", err);
        /* The provider's own: searches, code it runs. */
        if (other.ptr != NULL) {
            weir_status status =
                weir_neutral_lacks(call, WEIR_SPAN("tools"), err);
            if (status != WEIR_OK)
                return status;
        }
        weir_raw_array_init(&functions, list);
        while (weir_raw_array_next(&functions, &list))
            read_function(call, list);
    }
    return WEIR_OK;
}

static weir_status
read_tool_config(struct weir_neutral *call, weir_span raw,
                 struct weir_error *err)
{
    static const char *const names[1] = {"functionCallingConfig"};
    static const char *const of[2] = {"mode", "allowedFunctionNames"};
    struct weir_raw_array array;
    weir_span config;
    weir_span in[2];
    weir_span name;
    if (raw.ptr == NULL ||
        !weir_neutral_pick_proto(call, "toolConfig", raw, names, 1, &config) ||
        config.ptr == NULL ||
        !weir_neutral_pick_proto(call, names[0], config, of, 2, in))
        return WEIR_OK;
    if (weir_raw_is(in[0], "NONE"))
        call->choice = WEIR_CHOICE_NONE;
    else if (weir_raw_is(in[0], "ANY"))
        call->choice = WEIR_CHOICE_ANY;
    else if (weir_raw_is(in[0], "AUTO") || weir_raw_is(in[0], "VALIDATED"))
        call->choice = WEIR_CHOICE_AUTO;
    weir_raw_array_init(&array, in[1]);
    while (weir_raw_array_next(&array, &name))
        call->tool_name = weir_escaped(name);
    if (array.count > 1)
        return weir_neutral_lacks(call, WEIR_SPAN("allowedFunctionNames"), err);
    if (array.count == 1)
        call->choice = WEIR_CHOICE_NAMED;
    return WEIR_OK;
}

/* ------------------------------------------------------------ settings */

static void
read_setting(void *context, weir_span name, weir_span raw)
{
    static const struct {
        const char *name;
        enum weir_setting_id id;
    } settings[] = {
        {"maxOutputTokens", WEIR_SETTING_MAX_TOKENS},
        {"temperature", WEIR_SETTING_TEMPERATURE},
        {"topP", WEIR_SETTING_TOP_P},
        {"topK", WEIR_SETTING_TOP_K},
        {"stopSequences", WEIR_SETTING_STOP},
        {"seed", WEIR_SETTING_SEED},
        {"candidateCount", WEIR_SETTING_N},
        {"responseLogprobs", WEIR_SETTING_LOGPROBS},
        {"logprobs", WEIR_SETTING_TOP_LOGPROBS},
        {"frequencyPenalty", WEIR_SETTING_FREQUENCY_PENALTY},
        {"presencePenalty", WEIR_SETTING_PRESENCE_PENALTY},
    };
    struct weir_neutral *call = context;
    for (size_t i = 0; i < WEIR_COUNTOF(settings); i++)
        if (weir_raw_names_proto(name, settings[i].name)) {
            if (!weir_raw_is_null(raw))
                call->settings[settings[i].id] =
                    (struct weir_setting){raw, weir_span_of(settings[i].name)};
            return;
        }
    weir_neutral_extra(call, weir_arena_copy(call->arena, name), raw);
}

static void
read_extra(void *context, weir_span name, weir_span raw)
{
    struct weir_neutral *call = context;
    weir_neutral_extra(call, weir_arena_copy(call->arena, name), raw);
}

static void
read_thinking(struct weir_neutral *call, weir_span raw)
{
    static const char *const names[3] = {"thinkingBudget", "includeThoughts",
                                         "thinkingLevel"};
    static const char *const levels[4] = {"minimal", "low", "medium", "high"};
    weir_span in[3];
    int64_t budget = 0;
    struct weir_reasoning *reasoning = &call->reasoning;
    if (raw.ptr == NULL ||
        !weir_neutral_pick_proto(call, "thinkingConfig", raw, names, 3, in))
        return;
    reasoning->name = WEIR_SPAN("thinkingConfig");
    reasoning->shows = weir_span_equal(in[1], WEIR_SPAN("true"));
    reasoning->is_given = in[0].ptr != NULL || in[2].ptr != NULL;
    if (weir_json_to_int64(in[0], &budget)) {
        reasoning->is_off = budget == 0;
        reasoning->budget = budget > 0 ? (uint64_t)budget : 0;
        if (budget < 0) /* as much as the model thinks fit */
            reasoning->effort = WEIR_SPAN("medium");
    }
    for (unsigned i = 0; i < 4 && in[2].ptr != NULL; i++)
        if (weir_span_equal_nocase(weir_escaped(in[2]),
                                   weir_span_of(levels[i])))
            reasoning->effort = weir_span_of(levels[i]);
}

static weir_status
read_config(struct weir_neutral *call, weir_span raw, struct weir_error *err)
{
    enum { MIME, SCHEMA, SCHEMA2, SCHEMA3, THINKING, MODALITIES, COUNT };
    static const char *const names[COUNT] = {
        "responseMimeType",    "responseSchema", "responseJsonSchema",
        "_responseJsonSchema", "thinkingConfig", "responseModalities"};
    weir_span in[COUNT];
    if (raw.ptr == NULL)
        return WEIR_OK;
    if (!weir_raw_pick_proto(raw, names, COUNT, in, read_setting, call))
        return wrong(call, "generationConfig", "must be an object", err);
    call->format_member = "responseSchema";
    weir_span schema = in[SCHEMA2].ptr != NULL ? in[SCHEMA2] : in[SCHEMA3];
    if (schema.ptr == NULL && in[SCHEMA].ptr != NULL)
        schema = weir_gemini_schema(call, in[SCHEMA]);
    if (schema.ptr != NULL) {
        call->format = WEIR_FORMAT_SCHEMA;
        call->schema = schema;
    } else if (weir_raw_is(in[MIME], "application/json")) {
        call->format = WEIR_FORMAT_JSON;
        call->format_member = "responseMimeType";
    } else if (in[MIME].ptr != NULL && !weir_raw_is(in[MIME], "text/plain")) {
        return weir_neutral_lacks(call, WEIR_SPAN("responseMimeType"), err);
    }
    read_thinking(call, in[THINKING]);
    if (in[MODALITIES].ptr != NULL &&
        !weir_span_equal(in[MODALITIES], WEIR_SPAN("[\"TEXT\"]")))
        return weir_neutral_lacks(call, WEIR_SPAN("responseModalities"), err);
    return WEIR_OK;
}

weir_status
weir_gemini_read_call(const struct weir_request *request,
                      struct weir_neutral *call, struct weir_error *err)
{
    enum { CONTENTS, SYSTEM, TOOLS, CHOICE, CONFIG, COUNT };
    static const char *const names[COUNT] = {"contents", "systemInstruction",
                                             "tools", "toolConfig",
                                             "generationConfig"};
    weir_span in[COUNT];
    weir_span element;
    struct weir_raw_array array;
    weir_status status = WEIR_OK;

    call->turns_name = "contents";
    call->parts_name = "parts";
    call->tools_name = "tools";
    if (!weir_raw_pick_proto(request->body, names, COUNT, in, read_extra, call))
        return wrong(call, "body", "cannot be read", err);
    if (in[SYSTEM].ptr != NULL)
        status = read_content(call, in[SYSTEM], 0, true, err);
    weir_raw_array_init(&array, in[CONTENTS]);
    while (status == WEIR_OK && weir_raw_array_next(&array, &element))
        status = read_content(call, element, array.count - 1, false, err);
    if (status == WEIR_OK)
        status = read_tools(call, in[TOOLS], err);
    if (status == WEIR_OK)
        status = read_tool_config(call, in[CHOICE], err);
    if (status == WEIR_OK)
        status = read_config(call, in[CONFIG], err);
    return status;
}
