/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A neutral call as a Responses body, for origins and models that have no
 * chat completions. Each message, call, result and thought is an item.
 * Nothing is left at the origin (store is false), so reasoning is asked for
 * in the form that can be handed back.
 */
#include "openai.h"

#include "native.h"

#include <weir/raw.h>

/* ------------------------------------------------------------- content */

static void
put_data_url(struct weir_pen *pen, const char *name,
             const struct weir_part *part)
{
    weir_pen_name(pen, name);
    weir_pen_lit(pen, "\"data:");
    weir_pen_put(pen, part->media);
    weir_pen_lit(pen, ";base64,");
    weir_pen_put(pen, part->data);
    weir_pen_lit(pen, "\"");
}

static void
put_text(struct weir_pen *pen, const char *type, const char *name,
         weir_span text)
{
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(pen, "type", weir_span_of(type));
    weir_pen_member_escaped(pen, name, text);
    weir_pen_close(pen, '}');
}

static weir_status
put_part(struct weir_neutral *call, struct weir_pen *pen,
         const struct weir_turn *turn, const struct weir_part *part,
         struct weir_error *err)
{
    bool is_answer = turn->role == WEIR_SPEAKER_ASSISTANT;
    switch (part->kind) {
    case WEIR_PART_TEXT:
        put_text(pen, is_answer ? "output_text" : "input_text", "text",
                 part->text);
        return WEIR_OK;
    case WEIR_PART_REFUSAL:
        put_text(pen, "refusal", "refusal", part->text);
        return WEIR_OK;
    case WEIR_PART_IMAGE:
        weir_pen_open(pen, '{');
        weir_pen_member_lit(pen, "type", "input_image");
        if (part->data.ptr != NULL)
            put_data_url(pen, "image_url", part);
        else
            weir_pen_member_escaped(pen, "image_url", part->url);
        weir_pen_member_escaped(pen, "file_id", part->file);
        weir_pen_member_escaped(pen, "detail",
                                part->detail.ptr != NULL ? part->detail
                                                         : WEIR_SPAN("auto"));
        weir_pen_close(pen, '}');
        return WEIR_OK;
    case WEIR_PART_DOCUMENT:
        if (part->text.ptr != NULL) {
            put_text(pen, "input_text", "text", part->text);
            return WEIR_OK;
        }
        weir_pen_open(pen, '{');
        weir_pen_member_lit(pen, "type", "input_file");
        if (part->data.ptr != NULL) {
            weir_pen_member_escaped(pen, "filename",
                                    part->name.ptr != NULL
                                        ? part->name
                                        : WEIR_SPAN("document.pdf"));
            put_data_url(pen, "file_data", part);
        }
        weir_pen_member_escaped(pen, "file_url", part->url);
        weir_pen_member_escaped(pen, "file_id", part->file);
        weir_pen_close(pen, '}');
        return WEIR_OK;
    default:
        return weir_neutral_lacks_part(call, turn, part, part->member, err);
    }
}

/* --------------------------------------------------------------- items */

static void
put_call(struct weir_pen *pen, const struct weir_part *part)
{
    weir_pen_open(pen, '{');
    weir_pen_member_lit(pen, "type", "function_call");
    weir_pen_member_escaped(pen, "call_id", part->id);
    weir_pen_member_escaped(pen, "name", part->name);
    weir_pen_name(pen, "arguments");
    weir_pen_quote(pen, part->arguments);
    weir_pen_close(pen, '}');
}

static weir_status
put_result(struct weir_neutral *call, struct weir_pen *pen,
           const struct weir_turn *turn, const struct weir_part *part,
           struct weir_error *err)
{
    weir_status status = WEIR_OK;
    if (part->is_error)
        status = weir_neutral_lacks_part(call, turn, part, "is_error", err);
    weir_pen_open(pen, '{');
    weir_pen_member_lit(pen, "type", "function_call_output");
    weir_pen_member_escaped(pen, "call_id", part->id);
    weir_pen_name(pen, "output");
    weir_pen_open(pen, '[');
    for (const struct weir_part *in = part->parts;
         in != NULL && status == WEIR_OK; in = in->next)
        status = put_part(call, pen, turn, in, err);
    weir_pen_lit(pen, "]}");
    return status;
}

static weir_status
put_reasoning(struct weir_neutral *call, struct weir_pen *pen,
              const struct weir_turn *turn, const struct weir_part *part,
              struct weir_error *err)
{
    if (part->signature.len == 0)
        return weir_neutral_lacks_part(call, turn, part, part->member, err);
    weir_pen_open(pen, '{');
    weir_pen_member_lit(pen, "type", "reasoning");
    weir_pen_name(pen, "summary");
    weir_pen_open(pen, '[');
    if (part->text.len > 0)
        put_text(pen, "summary_text", "text", part->text);
    weir_pen_close(pen, ']');
    weir_pen_member_escaped(pen, "encrypted_content", part->signature);
    weir_pen_close(pen, '}');
    return WEIR_OK;
}

static bool
is_content(const struct weir_part *part)
{
    return part->kind != WEIR_PART_TOOL_CALL &&
           part->kind != WEIR_PART_TOOL_RESULT &&
           part->kind != WEIR_PART_REASONING;
}

/* Neighbouring content is one message; all else is an item by itself. */
static weir_status
put_turn(struct weir_neutral *call, struct weir_pen *pen,
         const struct weir_turn *turn, struct weir_error *err)
{
    static const char *const roles[] = {[WEIR_SPEAKER_SYSTEM] = "system",
                                        [WEIR_SPEAKER_DEVELOPER] = "developer",
                                        [WEIR_SPEAKER_USER] = "user",
                                        [WEIR_SPEAKER_ASSISTANT] = "assistant",
                                        [WEIR_SPEAKER_TOOL] = "user"};
    weir_status status = WEIR_OK;
    bool is_open = false;
    for (const struct weir_part *part = turn->parts;
         part != NULL && status == WEIR_OK; part = part->next) {
        bool is_inside = is_content(part);
        if (is_open && !is_inside) {
            weir_pen_lit(pen, "]}");
            is_open = false;
        }
        if (!is_open && is_inside) {
            weir_pen_open(pen, '{');
            weir_pen_member_lit(pen, "type", "message");
            weir_pen_member_escaped(pen, "role",
                                    weir_span_of(roles[turn->role]));
            weir_pen_name(pen, "content");
            weir_pen_open(pen, '[');
            is_open = true;
        }
        if (is_inside)
            status = put_part(call, pen, turn, part, err);
        else if (part->kind == WEIR_PART_TOOL_CALL)
            put_call(pen, part);
        else if (part->kind == WEIR_PART_TOOL_RESULT)
            status = put_result(call, pen, turn, part, err);
        else
            status = put_reasoning(call, pen, turn, part, err);
    }
    if (is_open)
        weir_pen_lit(pen, "]}");
    return status;
}

/* --------------------------------------------------------------- tools */

static void
put_tools(const struct weir_neutral *call, struct weir_pen *pen)
{
    if (call->tools == NULL)
        return;
    weir_pen_name(pen, "tools");
    weir_pen_open(pen, '[');
    for (const struct weir_tool *tool = call->tools; tool != NULL;
         tool = tool->next) {
        weir_pen_open(pen, '{');
        weir_pen_member_lit(pen, "type", "function");
        weir_pen_member_escaped(pen, "name", tool->name);
        weir_pen_member_escaped(pen, "description", tool->description);
        weir_pen_member_raw(pen, "parameters",
                            tool->parameters.ptr != NULL ? tool->parameters
                                                         : WEIR_SPAN("{}"));
        /* Left out it would be true here, and false elsewhere. */
        weir_pen_member_raw(pen, "strict",
                            tool->strict.ptr != NULL ? tool->strict
                                                     : WEIR_SPAN("false"));
        weir_pen_close(pen, '}');
    }
    weir_pen_close(pen, ']');
    if (call->choice == WEIR_CHOICE_AUTO)
        weir_pen_member_lit(pen, "tool_choice", "auto");
    else if (call->choice == WEIR_CHOICE_NONE)
        weir_pen_member_lit(pen, "tool_choice", "none");
    else if (call->choice == WEIR_CHOICE_ANY)
        weir_pen_member_lit(pen, "tool_choice", "required");
    else if (call->choice == WEIR_CHOICE_NAMED) {
        weir_pen_name(pen, "tool_choice");
        weir_pen_open(pen, '{');
        weir_pen_member_lit(pen, "type", "function");
        weir_pen_member_escaped(pen, "name", call->tool_name);
        weir_pen_close(pen, '}');
    }
    if (call->serial_tools.ptr != NULL)
        weir_pen_member_raw(pen, "parallel_tool_calls", WEIR_SPAN("false"));
}

static void
put_text_settings(const struct weir_neutral *call, struct weir_pen *pen)
{
    weir_span verbosity = call->settings[WEIR_SETTING_VERBOSITY].raw;
    if (call->format == WEIR_FORMAT_TEXT && verbosity.ptr == NULL)
        return;
    weir_pen_name(pen, "text");
    weir_pen_open(pen, '{');
    weir_pen_member_raw(pen, "verbosity", verbosity);
    if (call->format == WEIR_FORMAT_JSON)
        weir_pen_member_raw(pen, "format",
                            WEIR_SPAN("{\"type\":\"json_object\"}"));
    if (call->format == WEIR_FORMAT_SCHEMA) {
        weir_pen_name(pen, "format");
        weir_pen_open(pen, '{');
        weir_pen_member_lit(pen, "type", "json_schema");
        weir_pen_member_escaped(pen, "name",
                                call->format_name.len > 0
                                    ? call->format_name
                                    : WEIR_SPAN("answer"));
        weir_pen_member_escaped(pen, "description", call->format_description);
        weir_pen_member_raw(pen, "schema", call->schema);
        weir_pen_member_raw(pen, "strict", call->schema_strict);
        weir_pen_close(pen, '}');
    }
    weir_pen_close(pen, '}');
}

static weir_status
put_settings(struct weir_neutral *call, struct weir_pen *pen,
             struct weir_error *err)
{
    static const char *const names[WEIR_SETTINGS] = {
        [WEIR_SETTING_MAX_TOKENS] = "max_output_tokens",
        [WEIR_SETTING_TEMPERATURE] = "temperature",
        [WEIR_SETTING_TOP_P] = "top_p",
        [WEIR_SETTING_TOP_LOGPROBS] = "top_logprobs",
        [WEIR_SETTING_USER] = "user",
        [WEIR_SETTING_METADATA] = "metadata",
        [WEIR_SETTING_SERVICE_TIER] = "service_tier",
        [WEIR_SETTING_VERBOSITY] = "verbosity",
        [WEIR_SETTING_CACHE_KEY] = "prompt_cache_key",
    };
    const struct weir_reasoning *reasoning = &call->reasoning;
    weir_status status =
        weir_neutral_check(call, names,
                           WEIR_SAYS_DETAIL | WEIR_SAYS_TITLE |
                               WEIR_SAYS_STRICT | WEIR_SAYS_FORMAT,
                           err);
    for (unsigned i = 0; i < WEIR_SETTINGS; i++)
        if (names[i] != NULL && i != WEIR_SETTING_VERBOSITY)
            weir_pen_member_raw(pen, names[i], call->settings[i].raw);
    put_text_settings(call, pen);
    weir_pen_member_raw(pen, "store", WEIR_SPAN("false"));
    if (!reasoning->is_given && !reasoning->shows)
        return status;
    weir_pen_name(pen, "reasoning");
    weir_pen_open(pen, '{');
    if (reasoning->is_given)
        weir_pen_member_escaped(pen, "effort",
                                reasoning->is_off ? WEIR_SPAN("none")
                                : reasoning->effort.len > 0
                                    ? reasoning->effort
                                    : weir_effort_of_budget(reasoning->budget));
    if (reasoning->shows && !reasoning->is_off)
        weir_pen_member_lit(pen, "summary", "auto");
    weir_pen_close(pen, '}');
    if (reasoning->is_off)
        return status;
    weir_pen_member_raw(pen, "include",
                        WEIR_SPAN("[\"reasoning.encrypted_content\"]"));
    return status;
}

weir_status
weir_openai_write_responses(struct weir_neutral *call,
                            const struct weir_request *request,
                            const struct weir_target *target,
                            struct weir_arena *arena,
                            struct weir_outgoing *outgoing_out,
                            struct weir_error *err)
{
    struct weir_pen pen;
    const weir_span suffix = WEIR_SPAN("/responses");

    (void)request;
    weir_pen_init(&pen, arena);
    weir_pen_open(&pen, '{');
    weir_pen_member_plain(&pen, "model", target->origin_model);
    weir_status status = put_settings(call, &pen, err);
    weir_pen_name(&pen, "input");
    weir_pen_open(&pen, '[');
    for (const struct weir_turn *turn = call->turns;
         turn != NULL && status == WEIR_OK; turn = turn->next)
        status = put_turn(call, &pen, turn, err);
    weir_pen_close(&pen, ']');
    put_tools(call, &pen);
    if (call->is_streamed)
        weir_pen_member_raw(&pen, "stream", WEIR_SPAN("true"));
    weir_pen_close(&pen, '}');
    if (status == WEIR_OK)
        status = weir_native_path(target, &suffix, 1, arena, outgoing_out, err);
    return status == WEIR_OK ? weir_native_pieces(&pen, outgoing_out, err)
                             : status;
}
