/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chat completions request in no dialect.
 *
 * Beside what the API documents, two widespread habits are understood, since
 * there is no other way to hand reasoning back: `reasoning_content` of an
 * assistant's message, and `reasoning_details` (reasoning.text with its
 * signature, reasoning.encrypted), which weir's own chat replies carry.
 */
#include "openai.h"

#include <weir/raw.h>

#include <string.h>

/* ------------------------------------------------------------ content */

static weir_status
wrong(struct weir_neutral *call, const char *name, const char *reason,
      struct weir_error *err)
{
    return weir_neutral_wrong(call, name, reason, err);
}

static weir_status
read_image(struct weir_neutral *call, struct weir_part *part, weir_span raw,
           struct weir_error *err)
{
    enum { URL, DETAIL, COUNT };
    static const char *const names[COUNT] = {"url", "detail"};
    weir_span in[COUNT];
    if (!weir_neutral_pick(call, "image_url", raw, names, COUNT, in) ||
        weir_raw_kind(in[URL]) != WEIR_JSON_STRING)
        return wrong(call, "image_url", "must be an object with a url", err);
    weir_span url = weir_escaped(in[URL]);
    if (!weir_data_url(url, call->arena, &part->media, &part->data))
        part->url = url;
    if (in[DETAIL].ptr != NULL)
        part->detail = weir_escaped(in[DETAIL]);
    return WEIR_OK;
}

static weir_status
read_audio(struct weir_neutral *call, struct weir_part *part, weir_span raw,
           struct weir_error *err)
{
    enum { DATA, FORMAT, COUNT };
    static const char *const names[COUNT] = {"data", "format"};
    weir_span in[COUNT];
    if (!weir_neutral_pick(call, "input_audio", raw, names, COUNT, in) ||
        weir_raw_kind(in[DATA]) != WEIR_JSON_STRING)
        return wrong(call, "input_audio", "must be an object with data", err);
    part->data = weir_escaped(in[DATA]);
    if (weir_raw_is(in[FORMAT], "mp3"))
        part->media = WEIR_SPAN("audio/mp3");
    else if (weir_raw_is(in[FORMAT], "wav"))
        part->media = WEIR_SPAN("audio/wav");
    else
        return wrong(call, "format", "must be wav or mp3", err);
    return WEIR_OK;
}

static weir_status
read_file(struct weir_neutral *call, struct weir_part *part, weir_span raw,
          struct weir_error *err)
{
    enum { ID, DATA, NAME, COUNT };
    static const char *const names[COUNT] = {"file_id", "file_data",
                                             "filename"};
    weir_span in[COUNT];
    if (!weir_neutral_pick(call, "file", raw, names, COUNT, in))
        return wrong(call, "file", "must be an object", err);
    if (in[NAME].ptr != NULL)
        part->name = weir_escaped(in[NAME]);
    if (in[ID].ptr != NULL)
        part->file = weir_escaped(in[ID]);
    else if (!weir_data_url(weir_escaped(in[DATA]), call->arena, &part->media,
                            &part->data)) {
        part->media = WEIR_SPAN("application/pdf");
        part->data = weir_escaped(in[DATA]);
    }
    return WEIR_OK;
}

static weir_status
read_part(struct weir_neutral *call, struct weir_turn *turn, weir_span raw,
          struct weir_error *err)
{
    enum { TYPE, TEXT, REFUSAL, IMAGE, AUDIO, FILE, CACHE, COUNT };
    static const char *const names[COUNT] = {
        "type",        "text", "refusal",      "image_url",
        "input_audio", "file", "cache_control"};
    weir_span in[COUNT];
    weir_status status = WEIR_OK;
    struct weir_part *part = NULL;

    if (!weir_neutral_pick(call, "content", raw, names, COUNT, in))
        return wrong(call, "content", "must be a string or parts", err);
    if (weir_raw_is(in[TYPE], "text")) {
        part = weir_neutral_part(call, turn, WEIR_PART_TEXT, "text");
        if (part != NULL)
            part->text = weir_escaped(in[TEXT]);
    } else if (weir_raw_is(in[TYPE], "refusal")) {
        part = weir_neutral_part(call, turn, WEIR_PART_REFUSAL, "refusal");
        if (part != NULL)
            part->text = weir_escaped(in[REFUSAL]);
    } else if (weir_raw_is(in[TYPE], "image_url")) {
        part = weir_neutral_part(call, turn, WEIR_PART_IMAGE, "image_url");
        if (part != NULL)
            status = read_image(call, part, in[IMAGE], err);
    } else if (weir_raw_is(in[TYPE], "input_audio")) {
        part = weir_neutral_part(call, turn, WEIR_PART_AUDIO, "input_audio");
        if (part != NULL)
            status = read_audio(call, part, in[AUDIO], err);
    } else if (weir_raw_is(in[TYPE], "file")) {
        part = weir_neutral_part(call, turn, WEIR_PART_DOCUMENT, "file");
        if (part != NULL)
            status = read_file(call, part, in[FILE], err);
    } else {
        return wrong(call, "type", "is not a kind of content known here", err);
    }
    if (part != NULL)
        part->cache = in[CACHE];
    return status;
}

/* Of a stream only whether it tells its usage is heard here, by the parser. */
void
weir_openai_read_stream_options(struct weir_neutral *call, weir_span raw)
{
    static const char *const names[1] = {"include_usage"};
    weir_span usage;
    if (raw.ptr != NULL)
        (void)weir_neutral_pick(call, "stream_options", raw, names, 1, &usage);
}

/* A string, or an array of parts. */
static weir_status
read_content(struct weir_neutral *call, struct weir_turn *turn, weir_span raw,
             struct weir_error *err)
{
    struct weir_raw_array array;
    weir_status status = WEIR_OK;
    weir_span element;

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
        return wrong(call, "content", "must be a string or parts", err);
    weir_raw_array_init(&array, raw);
    while (status == WEIR_OK && weir_raw_array_next(&array, &element))
        status = read_part(call, turn, element, err);
    return status;
}

/* ------------------------------------------------------------ messages */

static void
read_reasoning_details(struct weir_neutral *call, struct weir_turn *turn,
                       weir_span raw, weir_span thought)
{
    enum { TYPE, TEXT, SIGNATURE, DATA, COUNT };
    static const char *const names[COUNT] = {"type", "text", "signature",
                                             "data"};
    struct weir_raw_array array;
    weir_span element;
    weir_span in[COUNT];
    weir_raw_array_init(&array, raw);
    while (weir_raw_array_next(&array, &element)) {
        struct weir_part *part;
        if (!weir_raw_pick(element, names, COUNT, in, NULL, NULL))
            continue;
        bool is_encrypted = weir_raw_is(in[TYPE], "reasoning.encrypted");
        if (!is_encrypted && !weir_raw_is(in[TYPE], "reasoning.text"))
            continue;
        part = weir_neutral_part(call, turn, WEIR_PART_REASONING,
                                 "reasoning_details");
        if (part == NULL)
            return;
        weir_span seal = in[is_encrypted ? DATA : SIGNATURE];
        /* Streams give text and signature apart. */
        if (!is_encrypted)
            part->text = weir_escaped(in[TEXT].len > 2 ? in[TEXT] : thought);
        if (seal.ptr != NULL)
            part->signature = weir_escaped(seal);
    }
}

static weir_status
read_tool_call(struct weir_neutral *call, struct weir_turn *turn, weir_span raw,
               struct weir_error *err)
{
    enum { ID, FUNCTION, EXTRA, TYPE, INDEX, COUNT };
    enum { NAME, ARGUMENTS, PARTS };
    /* The place of a call in a stream's deltas comes back from some clients. */
    static const char *const names[COUNT] = {"id", "function", "extra_content",
                                             "type", "index"};
    static const char *const parts[PARTS] = {"name", "arguments"};
    static const char *const google[1] = {"google"};
    static const char *const signature[1] = {"thought_signature"};
    weir_span in[COUNT];
    weir_span of[PARTS];
    weir_span found;
    struct weir_part *part =
        weir_neutral_part(call, turn, WEIR_PART_TOOL_CALL, "tool_calls");

    if (part == NULL)
        return WEIR_OK;
    if (!weir_neutral_pick(call, "tool_calls", raw, names, COUNT, in) ||
        !weir_neutral_pick(call, "function", in[FUNCTION], parts, PARTS, of))
        return wrong(call, "tool_calls", "must be calls of functions", err);
    part->id = weir_escaped(in[ID]);
    part->name = weir_escaped(of[NAME]);
    if (weir_raw_pick(in[EXTRA], google, 1, &found, NULL, NULL) &&
        weir_raw_pick(found, signature, 1, &found, NULL, NULL) &&
        found.ptr != NULL)
        part->signature = weir_escaped(found);
    part->arguments = WEIR_SPAN("{}");
    if (of[ARGUMENTS].ptr != NULL &&
        weir_object_of_string(of[ARGUMENTS], call->arena, &part->arguments) !=
            WEIR_OK)
        return wrong(call, "arguments", "must be an object, as a string", err);
    return WEIR_OK;
}

/* The answer of a tool: one part that holds what the content held. */
static weir_status
read_tool_message(struct weir_neutral *call, struct weir_turn *turn,
                  weir_span id, weir_span content, struct weir_error *err)
{
    struct weir_part *part;
    weir_status status = read_content(call, turn, content, err);
    struct weir_part *inside = turn->parts;
    turn->parts = NULL;
    turn->last = NULL;
    part = weir_neutral_part(call, turn, WEIR_PART_TOOL_RESULT, "content");
    if (part == NULL || status != WEIR_OK)
        return status;
    part->id = weir_escaped(id);
    part->parts = inside;
    for (; inside != NULL; inside = inside->next) {
        /* A marker inside ends the same prefix as one behind the result. */
        if (inside->cache.ptr != NULL)
            part->cache = inside->cache;
        inside->cache = WEIR_SPAN_NONE;
    }
    if (part->id.len == 0)
        return wrong(call, "tool_call_id", "is missing", err);
    return WEIR_OK;
}

static bool
read_role(weir_span raw, enum weir_speaker *role_out)
{
    static const char *const roles[] = {[WEIR_SPEAKER_SYSTEM] = "system",
                                        [WEIR_SPEAKER_DEVELOPER] = "developer",
                                        [WEIR_SPEAKER_USER] = "user",
                                        [WEIR_SPEAKER_ASSISTANT] = "assistant",
                                        [WEIR_SPEAKER_TOOL] = "tool"};
    for (unsigned i = 0; i < WEIR_COUNTOF(roles); i++)
        if (weir_raw_is(raw, roles[i])) {
            *role_out = (enum weir_speaker)i;
            return true;
        }
    return false;
}

static weir_status
read_message(struct weir_neutral *call, weir_span raw, uint32_t number,
             struct weir_error *err)
{
    enum {
        ROLE,
        CONTENT,
        NAME,
        CALLS,
        CALL_ID,
        REFUSAL,
        THOUGHT,
        THOUGHT2,
        DETAILS,
        FUNCTION,
        ANNOTATIONS, /* what an answer says about itself */
        COUNT
    };
    static const char *const names[COUNT] = {"role",
                                             "content",
                                             "name",
                                             "tool_calls",
                                             "tool_call_id",
                                             "refusal",
                                             "reasoning_content",
                                             "reasoning",
                                             "reasoning_details",
                                             "function_call",
                                             "annotations"};
    weir_span in[COUNT];
    weir_span element;
    enum weir_speaker role;
    struct weir_raw_array array;
    weir_status status;

    if (!weir_neutral_pick(call, "messages", raw, names, COUNT, in))
        return wrong(call, "messages", "must be objects", err);
    if (weir_raw_is(in[ROLE], "function"))
        return wrong(call, "role", "function is not served: use tools", err);
    if (!read_role(in[ROLE], &role))
        return wrong(call, "role", "is not one known here", err);
    if (in[FUNCTION].ptr != NULL)
        return weir_neutral_lacks(call, WEIR_SPAN("function_call"), err);
    struct weir_turn *turn = weir_neutral_turn(call, role, number);
    if (turn == NULL)
        return WEIR_OK;
    if (in[NAME].ptr != NULL)
        turn->name = weir_escaped(in[NAME]);
    if (role == WEIR_SPEAKER_TOOL)
        return read_tool_message(call, turn, in[CALL_ID], in[CONTENT], err);
    weir_span thought = in[THOUGHT].ptr != NULL ? in[THOUGHT] : in[THOUGHT2];
    if (in[DETAILS].ptr != NULL)
        read_reasoning_details(call, turn, in[DETAILS], thought);
    else if (thought.len > 2) {
        struct weir_part *part = weir_neutral_part(
            call, turn, WEIR_PART_REASONING, "reasoning_content");
        if (part != NULL)
            part->text = weir_escaped(thought);
    }
    status = read_content(call, turn, in[CONTENT], err);
    if (status == WEIR_OK && in[REFUSAL].len > 2) {
        struct weir_part *part =
            weir_neutral_part(call, turn, WEIR_PART_REFUSAL, "refusal");
        if (part != NULL)
            part->text = weir_escaped(in[REFUSAL]);
    }
    weir_raw_array_init(&array, in[CALLS]);
    while (status == WEIR_OK && weir_raw_array_next(&array, &element))
        status = read_tool_call(call, turn, element, err);
    return status;
}

/* --------------------------------------------------------------- tools */

static weir_status
read_tools(struct weir_neutral *call, weir_span raw, struct weir_error *err)
{
    enum { TYPE, FUNCTION, CACHE, COUNT };
    enum { NAME, DESCRIPTION, PARAMETERS, STRICT, PARTS };
    static const char *const names[COUNT] = {"type", "function",
                                             "cache_control"};
    static const char *const parts[PARTS] = {"name", "description",
                                             "parameters", "strict"};
    struct weir_raw_array array;
    weir_span element;
    weir_span in[COUNT];
    weir_span of[PARTS];

    weir_raw_array_init(&array, raw);
    while (weir_raw_array_next(&array, &element)) {
        if (!weir_neutral_pick(call, "tools", element, names, COUNT, in))
            return wrong(call, "tools", "must be objects", err);
        if (!weir_raw_is(in[TYPE], "function")) {
            weir_status status =
                weir_neutral_lacks(call, WEIR_SPAN("tools"), err);
            if (status != WEIR_OK)
                return status;
            continue;
        }
        if (!weir_neutral_pick(call, "function", in[FUNCTION], parts, PARTS,
                               of) ||
            weir_raw_kind(of[NAME]) != WEIR_JSON_STRING)
            return wrong(call, "tools", "must name their function", err);
        struct weir_tool *tool = weir_neutral_tool(call);
        if (tool == NULL)
            return WEIR_OK;
        tool->name = weir_escaped(of[NAME]);
        if (of[DESCRIPTION].ptr != NULL)
            tool->description = weir_escaped(of[DESCRIPTION]);
        tool->parameters = of[PARAMETERS];
        tool->strict = of[STRICT];
        tool->cache = in[CACHE];
    }
    return WEIR_OK;
}

static weir_status
read_tool_choice(struct weir_neutral *call, weir_span raw,
                 struct weir_error *err)
{
    static const char *const names[1] = {"function"};
    static const char *const parts[1] = {"name"};
    weir_span function;
    weir_span name;

    if (raw.ptr == NULL)
        return WEIR_OK;
    if (weir_raw_is(raw, "auto"))
        call->choice = WEIR_CHOICE_AUTO;
    else if (weir_raw_is(raw, "none"))
        call->choice = WEIR_CHOICE_NONE;
    else if (weir_raw_is(raw, "required"))
        call->choice = WEIR_CHOICE_ANY;
    else if (weir_raw_pick(raw, names, 1, &function, NULL, NULL) &&
             weir_raw_pick(function, parts, 1, &name, NULL, NULL) &&
             weir_raw_kind(name) == WEIR_JSON_STRING) {
        call->choice = WEIR_CHOICE_NAMED;
        call->tool_name = weir_escaped(name);
    } else {
        return weir_neutral_lacks(call, WEIR_SPAN("tool_choice"), err);
    }
    return WEIR_OK;
}

static weir_status
read_format(struct weir_neutral *call, weir_span raw, struct weir_error *err)
{
    enum { TYPE, SCHEMA, COUNT };
    static const char *const names[COUNT] = {"type", "json_schema"};
    weir_span in[COUNT];

    call->format_member = "response_format";
    if (raw.ptr == NULL)
        return WEIR_OK;
    if (!weir_neutral_pick(call, "response_format", raw, names, COUNT, in))
        return wrong(call, "response_format", "must be an object", err);
    if (weir_raw_is(in[TYPE], "text"))
        return WEIR_OK;
    if (weir_raw_is(in[TYPE], "json_object")) {
        call->format = WEIR_FORMAT_JSON;
        return WEIR_OK;
    }
    if (!weir_raw_is(in[TYPE], "json_schema"))
        return weir_neutral_lacks(call, WEIR_SPAN("response_format"), err);
    return weir_openai_read_schema(call, in[SCHEMA], err);
}

weir_status
weir_openai_read_schema(struct weir_neutral *call, weir_span raw,
                        struct weir_error *err)
{
    enum { NAME, DESCRIPTION, SCHEMA, STRICT, TYPE, COUNT };
    static const char *const names[COUNT] = {"name", "description", "schema",
                                             "strict", "type"};
    weir_span in[COUNT];
    if (!weir_neutral_pick(call, call->format_member, raw, names, COUNT, in) ||
        weir_raw_kind(in[SCHEMA]) != WEIR_JSON_OBJECT)
        return wrong(call, call->format_member, "must have a schema", err);
    call->format = WEIR_FORMAT_SCHEMA;
    call->format_name = weir_escaped(in[NAME]);
    if (in[DESCRIPTION].ptr != NULL)
        call->format_description = weir_escaped(in[DESCRIPTION]);
    call->schema = in[SCHEMA];
    call->schema_strict = in[STRICT];
    return WEIR_OK;
}

/* ------------------------------------------------------------- request */

static const struct {
    const char *name;
    enum weir_setting_id id;
} settings[] = {
    {"max_tokens", WEIR_SETTING_MAX_TOKENS},
    {"max_completion_tokens", WEIR_SETTING_MAX_TOKENS},
    {"max_output_tokens", WEIR_SETTING_MAX_TOKENS},
    {"temperature", WEIR_SETTING_TEMPERATURE},
    {"top_p", WEIR_SETTING_TOP_P},
    {"top_k", WEIR_SETTING_TOP_K},
    {"stop", WEIR_SETTING_STOP},
    {"seed", WEIR_SETTING_SEED},
    {"n", WEIR_SETTING_N},
    {"logprobs", WEIR_SETTING_LOGPROBS},
    {"top_logprobs", WEIR_SETTING_TOP_LOGPROBS},
    {"frequency_penalty", WEIR_SETTING_FREQUENCY_PENALTY},
    {"presence_penalty", WEIR_SETTING_PRESENCE_PENALTY},
    {"logit_bias", WEIR_SETTING_LOGIT_BIAS},
    {"user", WEIR_SETTING_USER},
    {"safety_identifier", WEIR_SETTING_USER},
    {"metadata", WEIR_SETTING_METADATA},
    {"service_tier", WEIR_SETTING_SERVICE_TIER},
    {"store", WEIR_SETTING_STORE},
    {"verbosity", WEIR_SETTING_VERBOSITY},
    {"prompt_cache_key", WEIR_SETTING_CACHE_KEY},
};

void
weir_openai_read_setting(void *context, weir_span name, weir_span raw)
{
    struct weir_neutral *call = context;
    for (size_t i = 0; i < WEIR_COUNTOF(settings); i++)
        if (weir_span_equal(name, weir_span_of(settings[i].name))) {
            if (!weir_raw_is_null(raw))
                call->settings[settings[i].id] =
                    (struct weir_setting){raw, weir_span_of(settings[i].name)};
            return;
        }
    /* The name may lie in the picker's memory. */
    weir_neutral_extra(call, weir_arena_copy(call->arena, name), raw);
}

weir_status
weir_openai_read_chat(const struct weir_request *request,
                      struct weir_neutral *call, struct weir_error *err)
{
    enum {
        MODEL,
        STREAM,
        STREAM_OPTIONS,
        MESSAGES,
        TOOLS,
        CHOICE,
        PARALLEL,
        FORMAT,
        EFFORT,
        MODALITIES,
        COUNT
    };
    static const char *const names[COUNT] = {"model",
                                             "stream",
                                             "stream_options",
                                             "messages",
                                             "tools",
                                             "tool_choice",
                                             "parallel_tool_calls",
                                             "response_format",
                                             "reasoning_effort",
                                             "modalities"};
    weir_span in[COUNT];
    weir_span element;
    struct weir_raw_array array;
    weir_status status = WEIR_OK;

    call->turns_name = "messages";
    call->parts_name = "content";
    call->tools_name = "tools";
    if (!weir_raw_pick(request->body, names, COUNT, in,
                       weir_openai_read_setting, call))
        return wrong(call, "body", "cannot be read", err);
    if (weir_raw_kind(in[MESSAGES]) != WEIR_JSON_ARRAY)
        return wrong(call, "messages", "is missing", err);
    weir_raw_array_init(&array, in[MESSAGES]);
    while (status == WEIR_OK && weir_raw_array_next(&array, &element))
        status = read_message(call, element, array.count - 1, err);
    if (status == WEIR_OK)
        status = read_tools(call, in[TOOLS], err);
    if (status == WEIR_OK)
        status = read_tool_choice(call, in[CHOICE], err);
    if (status == WEIR_OK)
        status = read_format(call, in[FORMAT], err);
    weir_openai_read_stream_options(call, in[STREAM_OPTIONS]);
    if (weir_span_equal(in[PARALLEL], WEIR_SPAN("false")))
        call->serial_tools = WEIR_SPAN("true");
    if (in[EFFORT].ptr != NULL) {
        call->reasoning =
            (struct weir_reasoning){.is_given = true,
                                    .is_off = weir_raw_is(in[EFFORT], "none"),
                                    .shows = true,
                                    .effort = weir_escaped(in[EFFORT]),
                                    .name = WEIR_SPAN("reasoning_effort")};
    }
    if (in[MODALITIES].ptr != NULL &&
        memmem(in[MODALITIES].ptr, in[MODALITIES].len, "audio", 5) != NULL)
        weir_neutral_extra(call, WEIR_SPAN("modalities"), in[MODALITIES]);
    return status;
}
