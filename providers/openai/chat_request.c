/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A neutral call as a chat completions body.
 *
 * Results of tools are messages of their own here, and must follow the call:
 * a turn that mixes results and text becomes the results first, then the
 * text. Reasoning of earlier turns has no place in this dialect.
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
put_image(struct weir_pen *pen, const struct weir_part *part)
{
    weir_pen_lit(pen, "{\"type\":\"image_url\",\"image_url\":{");
    pen->last = '{';
    if (part->data.ptr != NULL)
        put_data_url(pen, "url", part);
    else
        weir_pen_member_escaped(pen, "url", part->url);
    weir_pen_member_escaped(pen, "detail", part->detail);
    weir_pen_lit(pen, "}}");
}

static void
put_text(struct weir_pen *pen, weir_span text)
{
    weir_pen_open(pen, '{');
    weir_pen_member_lit(pen, "type", "text");
    weir_pen_member_escaped(pen, "text", text);
    weir_pen_close(pen, '}');
}

static void
put_file(struct weir_pen *pen, const struct weir_part *part)
{
    weir_pen_lit(pen, "{\"type\":\"file\",\"file\":{");
    if (part->file.ptr != NULL) {
        weir_pen_member_escaped(pen, "file_id", part->file);
    } else {
        weir_pen_member_escaped(
            pen, "filename",
            part->name.ptr != NULL ? part->name : WEIR_SPAN("document.pdf"));
        put_data_url(pen, "file_data", part);
    }
    weir_pen_lit(pen, "}}");
}

static weir_status
put_part(struct weir_neutral *call, struct weir_pen *pen,
         const struct weir_turn *turn, const struct weir_part *part,
         struct weir_error *err)
{
    switch (part->kind) {
    case WEIR_PART_TEXT:
    case WEIR_PART_REFUSAL:
        weir_pen_comma(pen);
        put_text(pen, part->text);
        return WEIR_OK;
    case WEIR_PART_IMAGE:
        if (part->file.ptr != NULL)
            break;
        weir_pen_comma(pen);
        put_image(pen, part);
        return WEIR_OK;
    case WEIR_PART_DOCUMENT:
        if (part->text.ptr != NULL) {
            put_text(pen, part->text);
            return WEIR_OK;
        }
        if (part->data.ptr == NULL && part->file.ptr == NULL)
            break;
        weir_pen_comma(pen);
        put_file(pen, part);
        return WEIR_OK;
    case WEIR_PART_AUDIO:
        if (part->data.ptr == NULL)
            break;
        weir_pen_comma(pen);
        weir_pen_lit(pen, "{\"type\":\"input_audio\",\"input_audio\":{");
        weir_pen_member_escaped(pen, "data", part->data);
        weir_pen_member_escaped(pen, "format",
                                weir_span_ends(part->media, WEIR_SPAN("wav"))
                                    ? WEIR_SPAN("wav")
                                    : WEIR_SPAN("mp3"));
        weir_pen_lit(pen, "}}");
        return WEIR_OK;
    default:
        break;
    }
    return weir_neutral_lacks_part(call, turn, part, part->member, err);
}

static bool
is_content(const struct weir_part *part)
{
    return part->kind != WEIR_PART_TOOL_CALL &&
           part->kind != WEIR_PART_TOOL_RESULT &&
           part->kind != WEIR_PART_REASONING;
}

/* "content": a string where it is but one text, which every origin takes. */
static weir_status
put_content(struct weir_neutral *call, struct weir_pen *pen,
            const struct weir_turn *turn, const struct weir_part *parts,
            struct weir_error *err)
{
    const struct weir_part *only = NULL;
    uint32_t count = 0;
    weir_status status = WEIR_OK;
    for (const struct weir_part *part = parts; part != NULL; part = part->next)
        if (is_content(part)) {
            only = part;
            count++;
        }
    weir_pen_name(pen, "content");
    if (count == 0) {
        weir_pen_raw(pen, turn->role == WEIR_SPEAKER_ASSISTANT
                              ? WEIR_SPAN("null")
                              : WEIR_SPAN("\"\""));
        return WEIR_OK;
    }
    if (count == 1 && only->kind == WEIR_PART_TEXT && only->cache.ptr == NULL) {
        weir_pen_escaped(pen, only->text);
        return WEIR_OK;
    }
    weir_pen_open(pen, '[');
    for (const struct weir_part *part = parts;
         part != NULL && status == WEIR_OK; part = part->next)
        if (is_content(part))
            status = put_part(call, pen, turn, part, err);
    weir_pen_close(pen, ']');
    return status;
}

/* ------------------------------------------------------------ messages */

static weir_status
put_tool_result(struct weir_neutral *call, struct weir_pen *pen,
                const struct weir_turn *turn, const struct weir_part *part,
                struct weir_error *err)
{
    weir_status status = WEIR_OK;
    /* An error is told by its text; that it is one has no member here. */
    if (part->is_error)
        status = weir_neutral_lacks_part(call, turn, part, "is_error", err);
    for (const struct weir_part *in = part->parts;
         in != NULL && status == WEIR_OK; in = in->next)
        if (in->kind != WEIR_PART_TEXT)
            status = weir_neutral_lacks_part(call, turn, part, in->member, err);
    if (status != WEIR_OK)
        return status;
    weir_pen_open(pen, '{');
    weir_pen_member_lit(pen, "role", "tool");
    weir_pen_member_escaped(pen, "tool_call_id", part->id);
    weir_pen_name(pen, "content");
    weir_pen_lit(pen, "\"");
    for (const struct weir_part *in = part->parts; in != NULL; in = in->next)
        weir_pen_put(pen, in->text);
    weir_pen_lit(pen, "\"");
    weir_pen_close(pen, '}');
    return WEIR_OK;
}

static void
put_tool_calls(struct weir_pen *pen, const struct weir_turn *turn)
{
    bool has_any = false;
    for (const struct weir_part *part = turn->parts; part != NULL;
         part = part->next) {
        if (part->kind != WEIR_PART_TOOL_CALL)
            continue;
        if (!has_any) {
            weir_pen_name(pen, "tool_calls");
            weir_pen_open(pen, '[');
            has_any = true;
        }
        weir_pen_open(pen, '{');
        weir_pen_member_escaped(pen, "id", part->id);
        weir_pen_member_lit(pen, "type", "function");
        weir_pen_name(pen, "function");
        weir_pen_open(pen, '{');
        weir_pen_member_escaped(pen, "name", part->name);
        weir_pen_name(pen, "arguments");
        weir_pen_quote(pen, part->arguments);
        weir_pen_close(pen, '}');
        if (part->signature.len > 0) {
            weir_pen_name(pen, "extra_content");
            weir_pen_lit(pen, "{\"google\":{");
            weir_pen_member_escaped(pen, "thought_signature", part->signature);
            weir_pen_lit(pen, "}}");
        }
        weir_pen_close(pen, '}');
    }
    if (has_any)
        weir_pen_close(pen, ']');
}

static weir_status
put_reasoning(struct weir_neutral *call, const struct weir_turn *turn,
              struct weir_error *err)
{
    for (const struct weir_part *part = turn->parts; part != NULL;
         part = part->next)
        if (part->kind == WEIR_PART_REASONING) {
            weir_status status =
                weir_neutral_lacks_part(call, turn, part, part->member, err);
            if (status != WEIR_OK)
                return status;
        }
    return WEIR_OK;
}

static weir_status
put_turn(struct weir_neutral *call, struct weir_pen *pen,
         const struct weir_turn *turn, struct weir_error *err)
{
    static const char *const roles[] = {
        [WEIR_SPEAKER_SYSTEM] = "system",
        [WEIR_SPEAKER_DEVELOPER] = "system", /* the newer name; not all know */
        [WEIR_SPEAKER_USER] = "user",
        [WEIR_SPEAKER_ASSISTANT] = "assistant",
        [WEIR_SPEAKER_TOOL] = "user"};
    bool has_content = false;
    bool has_results = false;
    weir_status status = put_reasoning(call, turn, err);

    for (const struct weir_part *part = turn->parts;
         part != NULL && status == WEIR_OK; part = part->next) {
        has_content = has_content || is_content(part);
        if (part->kind == WEIR_PART_TOOL_RESULT) {
            has_results = true;
            status = put_tool_result(call, pen, turn, part, err);
        }
    }
    if (status != WEIR_OK || (has_results && !has_content))
        return status;
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(pen, "role", weir_span_of(roles[turn->role]));
    weir_pen_member_escaped(pen, "name", turn->name);
    status = put_content(call, pen, turn, turn->parts, err);
    put_tool_calls(pen, turn);
    weir_pen_close(pen, '}');
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
        weir_pen_name(pen, "function");
        weir_pen_open(pen, '{');
        weir_pen_member_escaped(pen, "name", tool->name);
        weir_pen_member_escaped(pen, "description", tool->description);
        weir_pen_member_raw(pen, "parameters", tool->parameters);
        weir_pen_member_raw(pen, "strict", tool->strict);
        weir_pen_lit(pen, "}}");
    }
    weir_pen_close(pen, ']');
}

static void
put_tool_choice(const struct weir_neutral *call, struct weir_pen *pen)
{
    if (call->tools == NULL)
        return;
    if (call->choice == WEIR_CHOICE_AUTO)
        weir_pen_member_lit(pen, "tool_choice", "auto");
    else if (call->choice == WEIR_CHOICE_NONE)
        weir_pen_member_lit(pen, "tool_choice", "none");
    else if (call->choice == WEIR_CHOICE_ANY)
        weir_pen_member_lit(pen, "tool_choice", "required");
    else if (call->choice == WEIR_CHOICE_NAMED) {
        weir_pen_name(pen, "tool_choice");
        weir_pen_lit(pen, "{\"type\":\"function\",\"function\":{");
        weir_pen_member_escaped(pen, "name", call->tool_name);
        weir_pen_lit(pen, "}}");
    }
    if (call->serial_tools.ptr != NULL)
        weir_pen_member_raw(pen, "parallel_tool_calls", WEIR_SPAN("false"));
}

static void
put_format(const struct weir_neutral *call, struct weir_pen *pen)
{
    if (call->format == WEIR_FORMAT_JSON) {
        weir_pen_name(pen, "response_format");
        weir_pen_lit(pen, "{\"type\":\"json_object\"}");
    } else if (call->format == WEIR_FORMAT_SCHEMA) {
        weir_pen_name(pen, "response_format");
        weir_pen_lit(pen, "{\"type\":\"json_schema\",\"json_schema\":{");
        weir_pen_member_escaped(pen, "name",
                                call->format_name.len > 0
                                    ? call->format_name
                                    : WEIR_SPAN("answer"));
        weir_pen_member_escaped(pen, "description", call->format_description);
        weir_pen_member_raw(pen, "schema", call->schema);
        weir_pen_member_raw(pen, "strict", call->schema_strict);
        weir_pen_lit(pen, "}}");
    }
}

/* ------------------------------------------------------------ settings */

static weir_status
put_settings(struct weir_neutral *call, struct weir_pen *pen,
             const struct weir_openai_habits *habits, struct weir_error *err)
{
    const char *names[WEIR_SETTINGS] = {
        [WEIR_SETTING_MAX_TOKENS] = habits->tokens_name,
        [WEIR_SETTING_TEMPERATURE] = "temperature",
        [WEIR_SETTING_TOP_P] = "top_p",
        [WEIR_SETTING_TOP_K] = habits->takes_top_k ? "top_k" : NULL,
        [WEIR_SETTING_STOP] = "stop",
        [WEIR_SETTING_SEED] = "seed",
        [WEIR_SETTING_N] = "n",
        [WEIR_SETTING_LOGPROBS] = "logprobs",
        [WEIR_SETTING_TOP_LOGPROBS] = "top_logprobs",
        [WEIR_SETTING_FREQUENCY_PENALTY] = "frequency_penalty",
        [WEIR_SETTING_PRESENCE_PENALTY] = "presence_penalty",
        [WEIR_SETTING_LOGIT_BIAS] = "logit_bias",
        [WEIR_SETTING_USER] = "user",
        [WEIR_SETTING_METADATA] = "metadata",
        [WEIR_SETTING_SERVICE_TIER] = "service_tier",
        [WEIR_SETTING_STORE] = "store",
        [WEIR_SETTING_VERBOSITY] = "verbosity",
        [WEIR_SETTING_CACHE_KEY] = "prompt_cache_key",
    };
    const struct weir_reasoning *reasoning = &call->reasoning;
    const uint32_t says = WEIR_SAYS_NAME | WEIR_SAYS_DETAIL | WEIR_SAYS_TITLE |
                          WEIR_SAYS_STRICT | WEIR_SAYS_FORMAT;
    weir_status status = weir_neutral_check(call, names, says, err);
    for (unsigned i = 0; i < WEIR_SETTINGS; i++)
        if (names[i] != NULL)
            weir_pen_member_raw(pen, names[i], call->settings[i].raw);
    if (reasoning->is_given)
        weir_pen_member_escaped(pen, "reasoning_effort",
                                reasoning->is_off ? WEIR_SPAN("none")
                                : reasoning->effort.len > 0
                                    ? reasoning->effort
                                    : weir_effort_of_budget(reasoning->budget));
    return status;
}

weir_status
weir_openai_write_chat(struct weir_neutral *call,
                       const struct weir_target *target,
                       const struct weir_openai_habits *habits,
                       struct weir_arena *arena,
                       struct weir_outgoing *outgoing_out,
                       struct weir_error *err)
{
    struct weir_pen pen;
    const weir_span suffix = WEIR_SPAN("/chat/completions");

    weir_pen_init(&pen, arena);
    weir_pen_open(&pen, '{');
    weir_pen_member_plain(&pen, "model", target->origin_model);
    weir_status status = put_settings(call, &pen, habits, err);
    weir_pen_name(&pen, "messages");
    weir_pen_open(&pen, '[');
    for (const struct weir_turn *turn = call->turns;
         turn != NULL && status == WEIR_OK; turn = turn->next)
        if (turn->parts != NULL || turn->role == WEIR_SPEAKER_ASSISTANT)
            status = put_turn(call, &pen, turn, err);
    weir_pen_close(&pen, ']');
    put_tools(call, &pen);
    put_tool_choice(call, &pen);
    put_format(call, &pen);
    if (call->is_streamed) {
        weir_pen_member_raw(&pen, "stream", WEIR_SPAN("true"));
        if (habits->is_asked)
            weir_pen_member_raw(&pen, "stream_options",
                                WEIR_SPAN("{\"include_usage\":true}"));
    }
    weir_pen_close(&pen, '}');
    if (status == WEIR_OK)
        status = weir_native_path(target, &suffix, 1, arena, outgoing_out, err);
    return status == WEIR_OK ? weir_native_pieces(&pen, outgoing_out, err)
                             : status;
}
