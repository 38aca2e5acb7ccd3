/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an Anthropic origin hears.
 *
 * In its own dialect the client's body with another model's name. Else a
 * Messages body from the neutral call, where three things have no
 * counterpart and are made up here:
 *
 *   - system and developer turns stand in front, wherever they stood;
 *   - turns of one side that follow each other become one message, because
 *     the results of all parallel tool calls must stand in the one message
 *     behind the calls;
 *   - max_tokens, which may not be left out, is DEFAULT_TOKENS (and the
 *     budget for thinking on top) where the client gave none.
 */
#include "anthropic.h"

#include "native.h"

#include <weir/raw.h>

#include <stdlib.h>
#include <string.h>

#define DEFAULT_TOKENS 4096
#define BUDGET_LEAST   1024

/* ------------------------------------------------------------- content */

static void
put_cache(struct weir_pen *pen, weir_span cache)
{
    weir_pen_member_raw(pen, "cache_control", cache);
}

static void
put_text(struct weir_pen *pen, weir_span text, weir_span cache)
{
    if (text.len == 0)
        return; /* refused by the origin, and says nothing */
    weir_pen_open(pen, '{');
    weir_pen_member_lit(pen, "type", "text");
    weir_pen_member_escaped(pen, "text", text);
    put_cache(pen, cache);
    weir_pen_close(pen, '}');
}

static void
put_source(struct weir_pen *pen, const struct weir_part *part)
{
    weir_pen_name(pen, "source");
    weir_pen_open(pen, '{');
    if (part->data.ptr != NULL) {
        weir_pen_member_lit(pen, "type", "base64");
        weir_pen_member_escaped(pen, "media_type", part->media);
        weir_pen_member_escaped(pen, "data", part->data);
    } else if (part->text.ptr != NULL) {
        weir_pen_member_lit(pen, "type", "text");
        weir_pen_member_lit(pen, "media_type", "text/plain");
        weir_pen_member_escaped(pen, "data", part->text);
    } else {
        weir_pen_member_lit(pen, "type", "url");
        weir_pen_member_escaped(pen, "url", part->url);
    }
    weir_pen_close(pen, '}');
}

static void
put_media(struct weir_pen *pen, const struct weir_part *part, const char *type)
{
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(pen, "type", weir_span_of(type));
    put_source(pen, part);
    if (part->kind == WEIR_PART_DOCUMENT)
        weir_pen_member_escaped(pen, "title", part->name);
    put_cache(pen, part->cache);
    weir_pen_close(pen, '}');
}

static void
put_tool_call(struct weir_pen *pen, const struct weir_part *part)
{
    weir_pen_open(pen, '{');
    weir_pen_member_lit(pen, "type", "tool_use");
    weir_pen_member_escaped(pen, "id", part->id);
    weir_pen_member_escaped(pen, "name", part->name);
    weir_pen_member_raw(pen, "input", part->arguments);
    put_cache(pen, part->cache);
    weir_pen_close(pen, '}');
}

static void
put_reasoning(struct weir_pen *pen, const struct weir_part *part)
{
    weir_pen_open(pen, '{');
    if (part->text.len > 0) {
        weir_pen_member_lit(pen, "type", "thinking");
        weir_pen_member_escaped(pen, "thinking", part->text);
        weir_pen_member_escaped(pen, "signature", part->signature);
    } else {
        weir_pen_member_lit(pen, "type", "redacted_thinking");
        weir_pen_member_escaped(pen, "data", part->signature);
    }
    weir_pen_close(pen, '}');
}

static weir_status put_part(struct weir_neutral *call, struct weir_pen *pen,
                            const struct weir_turn *turn,
                            const struct weir_part *part,
                            struct weir_error *err);

static weir_status
put_tool_result(struct weir_neutral *call, struct weir_pen *pen,
                const struct weir_turn *turn, const struct weir_part *part,
                struct weir_error *err)
{
    weir_status status = WEIR_OK;
    weir_pen_open(pen, '{');
    weir_pen_member_lit(pen, "type", "tool_result");
    weir_pen_member_escaped(pen, "tool_use_id", part->id);
    weir_pen_name(pen, "content");
    weir_pen_open(pen, '[');
    for (const struct weir_part *in = part->parts;
         in != NULL && status == WEIR_OK; in = in->next)
        /* Not nested any deeper: a reading makes no results in results. */
        if (in->kind != WEIR_PART_TOOL_RESULT)
            status = put_part(call, pen, turn, in, err);
    weir_pen_close(pen, ']');
    if (part->is_error)
        weir_pen_member_raw(pen, "is_error", WEIR_SPAN("true"));
    put_cache(pen, part->cache);
    weir_pen_close(pen, '}');
    return status;
}

static weir_status
put_part(struct weir_neutral *call, struct weir_pen *pen,
         const struct weir_turn *turn, const struct weir_part *part,
         struct weir_error *err)
{
    switch (part->kind) {
    case WEIR_PART_TEXT:
    case WEIR_PART_REFUSAL:
        put_text(pen, part->text, part->cache);
        return WEIR_OK;
    case WEIR_PART_IMAGE:
    case WEIR_PART_DOCUMENT:
        if (part->file.ptr != NULL)
            return weir_neutral_lacks_part(call, turn, part, part->member, err);
        put_media(pen, part,
                  part->kind == WEIR_PART_IMAGE ? "image" : "document");
        return WEIR_OK;
    case WEIR_PART_REASONING:
        if (part->signature.len == 0)
            return weir_neutral_lacks_part(call, turn, part, part->member, err);
        put_reasoning(pen, part);
        return WEIR_OK;
    case WEIR_PART_TOOL_CALL:
        put_tool_call(pen, part);
        return WEIR_OK;
    case WEIR_PART_TOOL_RESULT:
        return put_tool_result(call, pen, turn, part, err);
    default:
        return weir_neutral_lacks_part(call, turn, part, part->member, err);
    }
}

/* ------------------------------------------------------------ messages */

static weir_status
put_system(struct weir_neutral *call, struct weir_pen *pen,
           struct weir_error *err)
{
    bool has_any = false;
    weir_status status = WEIR_OK;
    for (const struct weir_turn *turn = call->turns; turn != NULL;
         turn = turn->next) {
        if (!weir_native_is_instruction(turn) || turn->parts == NULL)
            continue;
        if (!has_any) {
            weir_pen_name(pen, "system");
            weir_pen_open(pen, '[');
            has_any = true;
        }
        for (const struct weir_part *part = turn->parts;
             part != NULL && status == WEIR_OK; part = part->next)
            status = put_part(call, pen, turn, part, err);
    }
    if (has_any)
        weir_pen_close(pen, ']');
    return status;
}

static weir_status
put_messages(struct weir_neutral *call, struct weir_pen *pen,
             struct weir_error *err)
{
    static const struct weir_native_words words = {
        .assistant = "assistant", .parts = "content", .put_part = put_part};
    weir_pen_name(pen, "messages");
    weir_pen_open(pen, '[');
    weir_status status = weir_native_put_turns(call, pen, &words, err);
    weir_pen_close(pen, ']');
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
        weir_pen_member_escaped(pen, "name", tool->name);
        weir_pen_member_escaped(pen, "description", tool->description);
        weir_pen_member_raw(
            pen, "input_schema",
            tool->parameters.ptr != NULL
                ? tool->parameters
                : WEIR_SPAN("{\"type\":\"object\",\"properties\":{}}"));
        if (weir_span_equal(tool->strict, WEIR_SPAN("true")))
            weir_pen_member_raw(pen, "strict", tool->strict);
        put_cache(pen, tool->cache);
        weir_pen_close(pen, '}');
    }
    weir_pen_close(pen, ']');
}

static void
put_tool_choice(const struct weir_neutral *call, struct weir_pen *pen)
{
    static const char *const types[] = {[WEIR_CHOICE_UNSAID] = "auto",
                                        [WEIR_CHOICE_AUTO] = "auto",
                                        [WEIR_CHOICE_NONE] = "none",
                                        [WEIR_CHOICE_ANY] = "any",
                                        [WEIR_CHOICE_NAMED] = "tool"};
    bool is_serial =
        call->serial_tools.ptr != NULL && call->choice != WEIR_CHOICE_NONE;
    if (call->tools == NULL ||
        (call->choice == WEIR_CHOICE_UNSAID && !is_serial))
        return;
    weir_pen_name(pen, "tool_choice");
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(pen, "type", weir_span_of(types[call->choice]));
    if (call->choice == WEIR_CHOICE_NAMED)
        weir_pen_member_escaped(pen, "name", call->tool_name);
    if (is_serial)
        weir_pen_member_raw(pen, "disable_parallel_tool_use",
                            WEIR_SPAN("true"));
    weir_pen_close(pen, '}');
}

/* ------------------------------------------------------------ settings */

static uint64_t
budget_of(const struct weir_neutral *call)
{
    const struct weir_reasoning *reasoning = &call->reasoning;
    if (!reasoning->is_given || reasoning->is_off)
        return 0;
    uint64_t budget = reasoning->budget != 0
                          ? reasoning->budget
                          : weir_budget_of_effort(reasoning->effort);
    return budget != 0 && budget < BUDGET_LEAST ? BUDGET_LEAST : budget;
}

/* max_tokens counts thinking too, and must leave room beside it. */
static weir_status
put_amounts(struct weir_neutral *call, struct weir_pen *pen,
            struct weir_error *err)
{
    uint64_t budget = budget_of(call);
    weir_span raw = call->settings[WEIR_SETTING_MAX_TOKENS].raw;
    uint64_t most = DEFAULT_TOKENS + budget;

    if (call->reasoning.is_given && !call->reasoning.is_off && budget == 0) {
        weir_status status =
            weir_neutral_lacks(call, call->reasoning.name, err);
        if (status != WEIR_OK)
            return status;
    }
    if (raw.ptr != NULL)
        most = weir_raw_uint(raw);
    if (budget >= most)
        budget = most > BUDGET_LEAST ? most - 1 : 0;
    if (budget == 0 && budget_of(call) != 0) {
        weir_status status =
            weir_neutral_lacks(call, call->reasoning.name, err);
        if (status != WEIR_OK)
            return status;
    }
    weir_pen_member_uint(pen, "max_tokens", most);
    if (budget == 0 && !call->reasoning.is_off)
        return WEIR_OK;
    weir_pen_name(pen, "thinking");
    weir_pen_open(pen, '{');
    if (budget > 0) {
        weir_pen_member_lit(pen, "type", "enabled");
        weir_pen_member_uint(pen, "budget_tokens", budget);
    } else {
        weir_pen_member_lit(pen, "type", "disabled");
    }
    weir_pen_close(pen, '}');
    return WEIR_OK;
}

static weir_status
put_temperature(struct weir_neutral *call, struct weir_pen *pen,
                struct weir_error *err)
{
    const struct weir_setting *setting =
        &call->settings[WEIR_SETTING_TEMPERATURE];
    char text[32];
    if (setting->raw.ptr == NULL)
        return WEIR_OK;
    if (setting->raw.len < sizeof(text)) {
        memcpy(text, setting->raw.ptr, setting->raw.len);
        text[setting->raw.len] = '\0';
        /* Others go up to 2, this one to 1. */
        if (strtod(text, NULL) > 1.0)
            return weir_neutral_lacks(call, setting->name, err);
    }
    weir_pen_member_raw(pen, "temperature", setting->raw);
    return WEIR_OK;
}

static weir_status
put_format(struct weir_neutral *call, struct weir_pen *pen,
           struct weir_error *err)
{
    if (call->format == WEIR_FORMAT_TEXT)
        return WEIR_OK;
    if (call->format == WEIR_FORMAT_JSON)
        return weir_neutral_lacks(call, weir_span_of(call->format_member), err);
    weir_pen_name(pen, "output_config");
    weir_pen_lit(pen, "{\"format\":{\"type\":\"json_schema\"");
    weir_pen_member_raw(pen, "schema", call->schema);
    weir_pen_lit(pen, "}}");
    return WEIR_OK;
}

static weir_status
put_settings(struct weir_neutral *call, struct weir_pen *pen,
             struct weir_error *err)
{
    static const char *const names[WEIR_SETTINGS] = {
        [WEIR_SETTING_MAX_TOKENS] = "max_tokens",
        [WEIR_SETTING_TEMPERATURE] = "temperature",
        [WEIR_SETTING_TOP_P] = "top_p",
        [WEIR_SETTING_TOP_K] = "top_k",
        [WEIR_SETTING_STOP] = "stop_sequences",
        [WEIR_SETTING_USER] = "metadata",
    };
    const uint32_t says = WEIR_SAYS_TITLE | WEIR_SAYS_TEXT_TITLE |
                          WEIR_SAYS_CACHE | WEIR_SAYS_CACHE_INSIDE |
                          WEIR_SAYS_STRICT;
    weir_status status = weir_neutral_check(call, names, says, err);
    if (status == WEIR_OK)
        status = put_amounts(call, pen, err);
    if (status == WEIR_OK)
        status = put_temperature(call, pen, err);
    if (status == WEIR_OK)
        status = put_format(call, pen, err);
    weir_pen_member_raw(pen, "top_p", call->settings[WEIR_SETTING_TOP_P].raw);
    weir_pen_member_raw(pen, "top_k", call->settings[WEIR_SETTING_TOP_K].raw);
    weir_native_stop(pen, "stop_sequences",
                     call->settings[WEIR_SETTING_STOP].raw);
    if (call->settings[WEIR_SETTING_USER].raw.ptr != NULL) {
        weir_pen_name(pen, "metadata");
        weir_pen_open(pen, '{');
        weir_pen_member_raw(pen, "user_id",
                            call->settings[WEIR_SETTING_USER].raw);
        weir_pen_close(pen, '}');
    }
    return status;
}

weir_status
weir_anthropic_write_body(struct weir_neutral *call, struct weir_pen *pen,
                          struct weir_error *err)
{
    weir_status status = put_settings(call, pen, err);
    if (status == WEIR_OK)
        status = put_system(call, pen, err);
    if (status == WEIR_OK)
        status = put_messages(call, pen, err);
    put_tools(call, pen);
    put_tool_choice(call, pen);
    return status;
}

static weir_status
write(struct weir_neutral *call, const struct weir_request *request,
      const struct weir_target *target, struct weir_arena *arena,
      struct weir_outgoing *outgoing_out, struct weir_error *err)
{
    struct weir_pen pen;
    const weir_span suffix = WEIR_SPAN("/messages");

    (void)request;
    weir_pen_init(&pen, arena);
    weir_pen_open(&pen, '{');
    weir_pen_member_plain(&pen, "model", target->origin_model);
    weir_status status = weir_anthropic_write_body(call, &pen, err);
    if (call->is_streamed)
        weir_pen_member_raw(&pen, "stream", WEIR_SPAN("true"));
    weir_pen_close(&pen, '}');
    if (status == WEIR_OK)
        status = weir_native_path(target, &suffix, 1, arena, outgoing_out, err);
    return status == WEIR_OK ? weir_native_pieces(&pen, outgoing_out, err)
                             : status;
}

static weir_status
prepare(const struct weir_request *request, const struct weir_target *target,
        struct weir_arena *arena, struct weir_outgoing *outgoing_out,
        struct weir_error *err)
{
    struct weir_outgoing outgoing = {0};
    const weir_span suffix = WEIR_SPAN("/messages");
    weir_status status =
        weir_native_path(target, &suffix, 1, arena, &outgoing, err);
    if (status == WEIR_OK)
        status = weir_native_body(request, target, arena, &outgoing, err);
    if (status == WEIR_OK)
        *outgoing_out = outgoing;
    return status;
}

static struct weir_reply *
reply_new(const struct weir_reply_setup *setup, struct weir_arena *arena)
{
    return weir_passing_new(&weir_anthropic_ops, setup, arena);
}

const struct weir_provider_ops weir_anthropic_ops = {
    .speaks = WEIR_SPEAKS(WEIR_DIALECT_MESSAGES),
    .dialect = WEIR_DIALECT_MESSAGES,
    .headers = "anthropic-version: 2023-06-01\r\n",
    .write = write,
    .reading = &weir_anthropic_reading,
    .prepare = prepare,
    .reply_new = reply_new,
    .reply_free = weir_passing_free,
    .reply_next = weir_passing_next,
    .reply_finish = weir_passing_finish,
};
