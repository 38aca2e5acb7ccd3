/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Responses request in no dialect.
 *
 * Input is a list of items here: what others write as one assistant message
 * (reasoning, text, calls) stands in several, which become one turn again.
 * What lives at the origin (previous responses, conversations, references to
 * items) cannot be had from another one and is refused by its name.
 */
#include "openai.h"

#include <weir/raw.h>

#include <string.h>

static weir_status
wrong(struct weir_neutral *call, const char *name, const char *reason,
      struct weir_error *err)
{
    return weir_neutral_wrong(call, name, reason, err);
}

/* ------------------------------------------------------------- content */

static weir_status
read_part(struct weir_neutral *call, struct weir_turn *turn, weir_span raw,
          struct weir_error *err)
{
    enum {
        TYPE,
        TEXT,
        REFUSAL,
        URL,
        DETAIL,
        ID,
        DATA,
        FILE_URL,
        NAME,
        ANNOTATIONS, /* what an answer says about itself */
        LOGPROBS,
        COUNT
    };
    static const char *const names[COUNT] = {
        "type",     "text",        "refusal",   "image_url",
        "detail",   "file_id",     "file_data", "file_url",
        "filename", "annotations", "logprobs"};
    weir_span in[COUNT];
    struct weir_part *part;

    if (!weir_neutral_pick(call, "content", raw, names, COUNT, in))
        return wrong(call, "content", "must be a string or parts", err);
    if (weir_raw_is(in[TYPE], "input_text") ||
        weir_raw_is(in[TYPE], "output_text") || weir_raw_is(in[TYPE], "text")) {
        part = weir_neutral_part(call, turn, WEIR_PART_TEXT, "text");
        if (part != NULL)
            part->text = weir_escaped(in[TEXT]);
    } else if (weir_raw_is(in[TYPE], "refusal")) {
        part = weir_neutral_part(call, turn, WEIR_PART_REFUSAL, "refusal");
        if (part != NULL)
            part->text = weir_escaped(in[REFUSAL]);
    } else if (weir_raw_is(in[TYPE], "input_image")) {
        part = weir_neutral_part(call, turn, WEIR_PART_IMAGE, "image_url");
        if (part == NULL)
            return WEIR_OK;
        if (in[DETAIL].ptr != NULL)
            part->detail = weir_escaped(in[DETAIL]);
        if (in[ID].ptr != NULL)
            part->file = weir_escaped(in[ID]);
        else if (!weir_data_url(weir_escaped(in[URL]), call->arena,
                                &part->media, &part->data))
            part->url = weir_escaped(in[URL]);
    } else if (weir_raw_is(in[TYPE], "input_file")) {
        part = weir_neutral_part(call, turn, WEIR_PART_DOCUMENT, "input_file");
        if (part == NULL)
            return WEIR_OK;
        weir_neutral_unless(call, "input_file", "detail", in[DETAIL], "auto");
        if (in[NAME].ptr != NULL)
            part->name = weir_escaped(in[NAME]);
        if (in[ID].ptr != NULL)
            part->file = weir_escaped(in[ID]);
        else if (in[FILE_URL].ptr != NULL)
            part->url = weir_escaped(in[FILE_URL]);
        else if (!weir_data_url(weir_escaped(in[DATA]), call->arena,
                                &part->media, &part->data)) {
            part->media = WEIR_SPAN("application/pdf");
            part->data = weir_escaped(in[DATA]);
        }
    } else {
        return weir_neutral_lacks(call, WEIR_SPAN("content"), err);
    }
    return WEIR_OK;
}

static weir_status
read_content(struct weir_neutral *call, struct weir_turn *turn, weir_span raw,
             struct weir_error *err)
{
    struct weir_raw_array array;
    weir_status status = WEIR_OK;
    weir_span element;
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

/* --------------------------------------------------------------- items */

enum {
    TYPE,
    ROLE,
    CONTENT,
    CALL_ID,
    NAME,
    ARGUMENTS,
    OUTPUT,
    SUMMARY,
    ENCRYPTED,
    ID,
    CALLER,
    /* What an answer says about itself, when it comes back. */
    STATUS,
    PHASE,
    MAKER,
    COUNT
};
static const char *const names[COUNT] = {
    "type",      "role",   "content", "call_id",           "name",
    "arguments", "output", "summary", "encrypted_content", "id",
    "caller",    "status", "phase",   "created_by"};

/* The assistant's turn that the last items belong to. */
static struct weir_turn *
answer_turn(struct weir_neutral *call, uint32_t number)
{
    if (call->last != NULL && call->last->role == WEIR_SPEAKER_ASSISTANT)
        return call->last;
    return weir_neutral_turn(call, WEIR_SPEAKER_ASSISTANT, number);
}

static weir_status
read_message(struct weir_neutral *call, const weir_span in[COUNT],
             uint32_t number, struct weir_error *err)
{
    static const struct {
        const char *word;
        enum weir_speaker role;
    } roles[] = {{"user", WEIR_SPEAKER_USER},
                 {"assistant", WEIR_SPEAKER_ASSISTANT},
                 {"system", WEIR_SPEAKER_SYSTEM},
                 {"developer", WEIR_SPEAKER_DEVELOPER}};
    size_t i = 0;
    while (i < WEIR_COUNTOF(roles) && !weir_raw_is(in[ROLE], roles[i].word))
        i++;
    if (i == WEIR_COUNTOF(roles))
        return wrong(call, "role", "is not one known here", err);
    struct weir_turn *turn =
        roles[i].role == WEIR_SPEAKER_ASSISTANT
            ? answer_turn(call, number)
            : weir_neutral_turn(call, roles[i].role, number);
    return turn == NULL ? WEIR_OK : read_content(call, turn, in[CONTENT], err);
}

static weir_status
read_function_call(struct weir_neutral *call, const weir_span in[COUNT],
                   uint32_t number, struct weir_error *err)
{
    struct weir_turn *turn = answer_turn(call, number);
    struct weir_part *part =
        turn == NULL ? NULL
                     : weir_neutral_part(call, turn, WEIR_PART_TOOL_CALL,
                                         "function_call");
    if (part == NULL)
        return WEIR_OK;
    part->id = weir_escaped(in[CALL_ID]);
    part->name = weir_escaped(in[NAME]);
    part->arguments = WEIR_SPAN("{}");
    if (in[ARGUMENTS].ptr != NULL &&
        weir_object_of_string(in[ARGUMENTS], call->arena, &part->arguments) !=
            WEIR_OK)
        return wrong(call, "arguments", "must be an object, as a string", err);
    return WEIR_OK;
}

static weir_status
read_function_output(struct weir_neutral *call, const weir_span in[COUNT],
                     uint32_t number, struct weir_error *err)
{
    struct weir_turn inside = {.role = WEIR_SPEAKER_TOOL};
    weir_status status = read_content(call, &inside, in[OUTPUT], err);
    struct weir_turn *turn =
        call->last != NULL && call->last->role == WEIR_SPEAKER_TOOL
            ? call->last
            : weir_neutral_turn(call, WEIR_SPEAKER_TOOL, number);
    struct weir_part *part =
        turn == NULL || status != WEIR_OK
            ? NULL
            : weir_neutral_part(call, turn, WEIR_PART_TOOL_RESULT, "output");
    if (part == NULL)
        return status;
    part->id = weir_escaped(in[CALL_ID]);
    if (in[NAME].ptr != NULL)
        part->name = weir_escaped(in[NAME]);
    part->parts = inside.parts;
    return part->id.len > 0 ? WEIR_OK
                            : wrong(call, "call_id", "is missing", err);
}

/* Texts of {"text":...} elements, one behind the other. */
static weir_span
joined_texts(struct weir_neutral *call, weir_span raw)
{
    static const char *const of[1] = {"text"};
    struct weir_raw_array array;
    weir_span element;
    weir_span text;
    char *joined = weir_arena_alloc(call->arena, raw.len + 1);
    size_t len = 0;
    if (joined == NULL)
        return WEIR_SPAN_NONE;
    weir_raw_array_init(&array, raw);
    while (weir_raw_array_next(&array, &element)) {
        if (!weir_raw_pick(element, of, 1, &text, NULL, NULL) || text.len <= 2)
            continue;
        memcpy(joined + len, text.ptr + 1, text.len - 2);
        len += text.len - 2;
    }
    return (weir_span){joined, len};
}

static void
read_reasoning(struct weir_neutral *call, const weir_span in[COUNT],
               uint32_t number)
{
    struct weir_turn *turn = answer_turn(call, number);
    struct weir_part *part =
        turn == NULL
            ? NULL
            : weir_neutral_part(call, turn, WEIR_PART_REASONING, "reasoning");
    if (part == NULL)
        return;
    part->text =
        joined_texts(call, in[CONTENT].len > 2 ? in[CONTENT] : in[SUMMARY]);
    if (in[ENCRYPTED].ptr != NULL)
        part->signature = weir_escaped(in[ENCRYPTED]);
}

/* Items of other kinds are refused by their kind, whatever is in them. */
static bool
is_read(weir_span type)
{
    return type.ptr == NULL || weir_raw_is(type, "message") ||
           weir_raw_is(type, "function_call") ||
           weir_raw_is(type, "function_call_output") ||
           weir_raw_is(type, "reasoning");
}

static weir_status
read_item(struct weir_neutral *call, weir_span raw, uint32_t number,
          struct weir_error *err)
{
    weir_span in[COUNT];
    static const char *const type[1] = {"type"};
    if (!weir_raw_pick(raw, type, 1, in, NULL, NULL))
        return wrong(call, "input", "must be a string or items", err);
    if (!is_read(in[TYPE]))
        return weir_neutral_lacks(call, weir_escaped(in[TYPE]), err);
    if (!weir_neutral_pick(call, "input", raw, names, COUNT, in))
        return wrong(call, "input", "must be a string or items", err);
    weir_neutral_callers(call, "input", "caller", in[CALLER]);
    if (in[TYPE].ptr == NULL && in[ROLE].ptr == NULL && in[ID].ptr != NULL)
        return weir_neutral_lacks(call, WEIR_SPAN("item_reference"), err);
    if (in[TYPE].ptr == NULL || weir_raw_is(in[TYPE], "message"))
        return read_message(call, in, number, err);
    if (weir_raw_is(in[TYPE], "function_call"))
        return read_function_call(call, in, number, err);
    if (weir_raw_is(in[TYPE], "function_call_output"))
        return read_function_output(call, in, number, err);
    read_reasoning(call, in, number);
    return WEIR_OK;
}

static weir_status
read_input(struct weir_neutral *call, weir_span input, weir_span instructions,
           struct weir_error *err)
{
    struct weir_raw_array array;
    weir_status status = WEIR_OK;
    weir_span item;

    if (instructions.ptr != NULL) {
        struct weir_turn *turn =
            weir_neutral_turn(call, WEIR_SPEAKER_DEVELOPER, 0);
        if (turn != NULL)
            status = read_content(call, turn, instructions, err);
    }
    if (weir_raw_kind(input) == WEIR_JSON_STRING) {
        struct weir_turn *turn = weir_neutral_turn(call, WEIR_SPEAKER_USER, 0);
        return turn == NULL || status != WEIR_OK
                   ? status
                   : read_content(call, turn, input, err);
    }
    if (weir_raw_kind(input) != WEIR_JSON_ARRAY)
        return wrong(call, "input", "must be a string or items", err);
    weir_raw_array_init(&array, input);
    while (status == WEIR_OK && weir_raw_array_next(&array, &item))
        status = read_item(call, item, array.count - 1, err);
    return status;
}

/* --------------------------------------------------------------- tools */

static weir_status
read_tools(struct weir_neutral *call, weir_span raw, struct weir_error *err)
{
    static const char *const of[6] = {"type",        "name",
                                      "description", "parameters",
                                      "strict",      "allowed_callers"};
    struct weir_raw_array array;
    weir_span element;
    weir_span in[6];

    weir_raw_array_init(&array, raw);
    while (weir_raw_array_next(&array, &element)) {
        if (!weir_raw_pick(element, of, 1, in, NULL, NULL))
            return wrong(call, "tools", "must be objects", err);
        if (!weir_raw_is(in[0], "function")) {
            weir_status status =
                weir_neutral_lacks(call, WEIR_SPAN("tools"), err);
            if (status != WEIR_OK)
                return status;
            continue;
        }
        if (!weir_neutral_pick(call, "tools", element, of, 6, in))
            return wrong(call, "tools", "must be objects", err);
        weir_neutral_callers(call, "tools", of[5], in[5]);
        struct weir_tool *tool = weir_neutral_tool(call);
        if (tool == NULL)
            return WEIR_OK;
        tool->name = weir_escaped(in[1]);
        if (in[2].ptr != NULL)
            tool->description = weir_escaped(in[2]);
        tool->parameters = in[3];
        tool->strict = in[4];
    }
    return WEIR_OK;
}

static weir_status
read_tool_choice(struct weir_neutral *call, weir_span raw,
                 struct weir_error *err)
{
    static const char *const of[2] = {"type", "name"};
    weir_span in[2];
    if (raw.ptr == NULL)
        return WEIR_OK;
    if (weir_raw_is(raw, "auto"))
        call->choice = WEIR_CHOICE_AUTO;
    else if (weir_raw_is(raw, "none"))
        call->choice = WEIR_CHOICE_NONE;
    else if (weir_raw_is(raw, "required"))
        call->choice = WEIR_CHOICE_ANY;
    else if (weir_raw_pick(raw, of, 2, in, NULL, NULL) &&
             weir_raw_is(in[0], "function") &&
             weir_raw_kind(in[1]) == WEIR_JSON_STRING) {
        call->choice = WEIR_CHOICE_NAMED;
        call->tool_name = weir_escaped(in[1]);
    } else {
        return weir_neutral_lacks(call, WEIR_SPAN("tool_choice"), err);
    }
    return WEIR_OK;
}

/* ------------------------------------------------------------ settings */

static weir_status
read_text(struct weir_neutral *call, weir_span raw, struct weir_error *err)
{
    static const char *const of[2] = {"format", "verbosity"};
    static const char *const type[1] = {"type"};
    weir_span in[2];
    weir_span kind;
    call->format_member = "text";
    if (raw.ptr == NULL)
        return WEIR_OK;
    if (!weir_neutral_pick(call, "text", raw, of, 2, in))
        return wrong(call, "text", "must be an object", err);
    if (in[1].ptr != NULL && !weir_raw_is(in[1], "medium"))
        call->settings[WEIR_SETTING_VERBOSITY] =
            (struct weir_setting){in[1], WEIR_SPAN("verbosity")};
    if (!weir_raw_pick(in[0], type, 1, &kind, NULL, NULL))
        return WEIR_OK;
    if (weir_raw_is(kind, "json_schema"))
        return weir_openai_read_schema(call, in[0], err);
    if (weir_raw_is(kind, "json_object"))
        call->format = WEIR_FORMAT_JSON;
    else if (!weir_raw_is(kind, "text"))
        return weir_neutral_lacks(call, WEIR_SPAN("text"), err);
    return WEIR_OK;
}

static void
read_effort(struct weir_neutral *call, weir_span raw)
{
    enum { AMOUNT, SHOWN, SHOWN2, MODE, CONTEXT, MEMBERS };
    static const char *const of[MEMBERS] = {
        "effort", "summary", "generate_summary", "mode", "context"};
    weir_span in[MEMBERS];
    if (raw.ptr == NULL ||
        !weir_neutral_pick(call, "reasoning", raw, of, MEMBERS, in))
        return;
    call->reasoning.name = WEIR_SPAN("reasoning");
    call->reasoning.shows = in[SHOWN].ptr != NULL || in[SHOWN2].ptr != NULL;
    weir_neutral_unless(call, "reasoning", of[SHOWN], in[SHOWN], "auto");
    weir_neutral_unless(call, "reasoning", of[SHOWN2], in[SHOWN2], "auto");
    weir_neutral_unless(call, "reasoning", of[MODE], in[MODE], "standard");
    weir_neutral_unless(call, "reasoning", of[CONTEXT], in[CONTEXT], "auto");
    if (in[AMOUNT].ptr == NULL)
        return;
    call->reasoning.is_given = true;
    call->reasoning.is_off = weir_raw_is(in[AMOUNT], "none");
    call->reasoning.effort = weir_escaped(in[AMOUNT]);
}

/* Extras of the reply: of one the reply has all there is to have. */
static void
read_include(struct weir_neutral *call, weir_span raw)
{
    struct weir_raw_array array;
    weir_span element;
    weir_raw_array_init(&array, raw);
    while (weir_raw_array_next(&array, &element))
        if (weir_raw_is(element, "reasoning.encrypted_content"))
            call->has_signatures = true;
        else if (weir_raw_is(element, "message.output_text.logprobs"))
            call->settings[WEIR_SETTING_LOGPROBS] =
                (struct weir_setting){WEIR_SPAN("true"), WEIR_SPAN("include")};
        else
            weir_neutral_extra(call, WEIR_SPAN("include"), raw);
}

weir_status
weir_openai_read_responses(const struct weir_request *request,
                           struct weir_neutral *call, struct weir_error *err)
{
    enum {
        MODEL,
        STREAM,
        STREAM_OPTIONS,
        INPUT,
        INSTRUCTIONS,
        TOOLS,
        CHOICE,
        PARALLEL,
        TEXT,
        REASONING,
        INCLUDE,
        BACKGROUND,
        TRUNCATION,
        ROOT
    };
    static const char *const of[ROOT] = {
        "model",        "stream",    "stream_options", "input",
        "instructions", "tools",     "tool_choice",    "parallel_tool_calls",
        "text",         "reasoning", "include",        "background",
        "truncation"};
    weir_span in[ROOT];

    call->turns_name = "input";
    call->parts_name = "content";
    call->tools_name = "tools";
    if (!weir_raw_pick(request->body, of, ROOT, in, weir_openai_read_setting,
                       call))
        return wrong(call, "body", "cannot be read", err);
    weir_status status = read_input(call, in[INPUT], in[INSTRUCTIONS], err);
    if (status == WEIR_OK)
        status = read_tools(call, in[TOOLS], err);
    if (status == WEIR_OK)
        status = read_tool_choice(call, in[CHOICE], err);
    if (status == WEIR_OK)
        status = read_text(call, in[TEXT], err);
    weir_openai_read_stream_options(call, in[STREAM_OPTIONS]);
    read_effort(call, in[REASONING]);
    read_include(call, in[INCLUDE]);
    if (weir_span_equal(in[PARALLEL], WEIR_SPAN("false")))
        call->serial_tools = WEIR_SPAN("true");
    if (in[TRUNCATION].ptr != NULL && !weir_raw_is(in[TRUNCATION], "disabled"))
        weir_neutral_extra(call, WEIR_SPAN("truncation"), in[TRUNCATION]);
    return status;
}
