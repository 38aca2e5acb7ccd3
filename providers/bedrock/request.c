/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Bedrock origin hears: Converse, with the model in the path, where
 * every byte but letters, digits and `-_.~` is escaped (names of models hold
 * colons, those of profiles slashes).
 *
 *   - system and developer turns stand in front, wherever they stood;
 *   - turns of one side that follow each other become one message;
 *   - a cache marker is a block of its own behind what it marks;
 *   - images and documents are bytes: a URL cannot be said;
 *   - budgets to think with and top_k are said to Anthropic's models only,
 *     in the words of those: Converse has none;
 *   - a list of tools cannot be forbidden: with a choice of none it is left
 *     out, unless the conversation already holds calls.
 */
#include "bedrock.h"

#include "native.h"

#include <weir/raw.h>

#include <string.h>

#define DEFAULT_TOKENS 4096
#define BUDGET_LEAST   1024
#define NAME_MAX_BYTES 200

/* ---------------------------------------------------------------- path */

static bool
is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

static weir_span
path_text(weir_span name, struct weir_arena *arena)
{
    struct weir_buf text;
    size_t size = 3 * name.len + 1;
    char *memory = weir_arena_alloc(arena, size);
    if (memory == NULL)
        return WEIR_SPAN_NONE;
    weir_buf_init_fixed(&text, memory, size);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (is_word(c) || c == '-' || c == '_' || c == '.' || c == '~')
            weir_buf_add_byte(&text, c);
        else {
            static const char digits[] = "0123456789ABCDEF";
            weir_buf_add_byte(&text, '%');
            weir_buf_add_byte(&text, digits[(uint8_t)c >> 4]);
            weir_buf_add_byte(&text, digits[(uint8_t)c & 15]);
        }
    }
    return weir_buf_span(&text);
}

weir_status
weir_bedrock_set_path(const struct weir_target *target, weir_span verb,
                      struct weir_arena *arena, struct weir_outgoing *outgoing,
                      struct weir_error *err)
{
    const weir_span parts[] = {WEIR_SPAN("/model/"),
                               path_text(target->origin_model, arena), verb};
    return weir_native_path(target, parts, WEIR_COUNTOF(parts), arena, outgoing,
                            err);
}

static weir_status
set_path(const struct weir_request *request, const struct weir_target *target,
         struct weir_arena *arena, struct weir_outgoing *outgoing,
         struct weir_error *err)
{
    return weir_bedrock_set_path(target,
                                 request->is_streamed
                                     ? WEIR_SPAN("/converse-stream")
                                     : WEIR_SPAN("/converse"),
                                 arena, outgoing, err);
}

/* ------------------------------------------------------------- content */

static void
put_cache(struct weir_pen *pen, weir_span cache)
{
    static const char *const names[1] = {"ttl"};
    weir_span ttl = WEIR_SPAN_NONE;
    if (cache.ptr == NULL)
        return;
    (void)weir_raw_pick(cache, names, 1, &ttl, NULL, NULL);
    weir_pen_open(pen, '{');
    weir_pen_name(pen, "cachePoint");
    weir_pen_open(pen, '{');
    weir_pen_member_lit(pen, "type", "default");
    weir_pen_member_raw(pen, "ttl", ttl);
    weir_pen_lit(pen, "}}");
}

static void
put_text(struct weir_pen *pen, weir_span text)
{
    if (text.len == 0)
        return; /* refused by the origin, and says nothing */
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(pen, "text", text);
    weir_pen_close(pen, '}');
}

static const char *
format_of(enum weir_part_kind kind, weir_span media)
{
    static const struct {
        enum weir_part_kind kind;
        const char *media;
        const char *format;
    } formats[] = {
        {WEIR_PART_IMAGE, "image/png", "png"},
        {WEIR_PART_IMAGE, "image/jpeg", "jpeg"},
        {WEIR_PART_IMAGE, "image/jpg", "jpeg"},
        {WEIR_PART_IMAGE, "image/gif", "gif"},
        {WEIR_PART_IMAGE, "image/webp", "webp"},
        {WEIR_PART_DOCUMENT, "application/pdf", "pdf"},
        {WEIR_PART_DOCUMENT, "text/csv", "csv"},
        {WEIR_PART_DOCUMENT, "text/html", "html"},
        {WEIR_PART_DOCUMENT, "text/markdown", "md"},
        {WEIR_PART_DOCUMENT, "text/plain", "txt"},
        {WEIR_PART_DOCUMENT, "application/msword", "doc"},
        {WEIR_PART_DOCUMENT, "application/vnd.ms-excel", "xls"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(formats); i++)
        if (formats[i].kind == kind &&
            weir_span_equal(media, weir_span_of(formats[i].media)))
            return formats[i].format;
    return NULL;
}

/* Names of documents are letters, digits and single blanks here. */
static weir_span
name_text(weir_span name, struct weir_arena *arena)
{
    size_t len = name.len < NAME_MAX_BYTES ? name.len : NAME_MAX_BYTES;
    char *text = len > 0 ? weir_arena_alloc(arena, len) : NULL;
    if (text == NULL)
        return WEIR_SPAN("document");
    for (size_t i = 0; i < len; i++)
        text[i] = is_word(name.ptr[i]) ? name.ptr[i] : '-';
    return (weir_span){text, len};
}

static weir_status
put_media(struct weir_neutral *call, struct weir_pen *pen,
          const struct weir_turn *turn, const struct weir_part *part,
          struct weir_error *err)
{
    bool is_text = part->kind == WEIR_PART_DOCUMENT && part->text.ptr != NULL;
    const char *format = is_text ? "txt" : format_of(part->kind, part->media);
    if (format == NULL || (!is_text && part->data.ptr == NULL))
        return weir_neutral_lacks_part(call, turn, part, part->member, err);
    weir_pen_open(pen, '{');
    weir_pen_name(pen, part->kind == WEIR_PART_IMAGE ? "image" : "document");
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(pen, "format", weir_span_of(format));
    if (part->kind == WEIR_PART_DOCUMENT)
        weir_pen_member_escaped(pen, "name",
                                name_text(part->name, call->arena));
    weir_pen_name(pen, "source");
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(pen, is_text ? "text" : "bytes",
                            is_text ? part->text : part->data);
    weir_pen_lit(pen, "}}}");
    return WEIR_OK;
}

static void
put_tool_call(struct weir_pen *pen, const struct weir_part *part)
{
    weir_pen_open(pen, '{');
    weir_pen_name(pen, "toolUse");
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(pen, "toolUseId", part->id);
    weir_pen_member_escaped(pen, "name", part->name);
    weir_pen_member_raw(pen, "input", part->arguments);
    weir_pen_lit(pen, "}}");
}

static weir_status
put_tool_result(struct weir_neutral *call, struct weir_pen *pen,
                const struct weir_turn *turn, const struct weir_part *part,
                struct weir_error *err)
{
    weir_status status = WEIR_OK;
    weir_pen_open(pen, '{');
    weir_pen_name(pen, "toolResult");
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(pen, "toolUseId", part->id);
    weir_pen_name(pen, "content");
    weir_pen_open(pen, '[');
    for (const struct weir_part *in = part->parts;
         in != NULL && status == WEIR_OK; in = in->next) {
        if (in->kind == WEIR_PART_TEXT)
            put_text(pen, in->text);
        else if (in->kind == WEIR_PART_IMAGE || in->kind == WEIR_PART_DOCUMENT)
            status = put_media(call, pen, turn, in, err);
        else
            status = weir_neutral_lacks_part(call, turn, in, in->member, err);
    }
    weir_pen_close(pen, ']');
    if (part->is_error)
        weir_pen_member_lit(pen, "status", "error");
    weir_pen_lit(pen, "}}");
    return status;
}

static void
put_reasoning(struct weir_pen *pen, const struct weir_part *part)
{
    weir_pen_open(pen, '{');
    weir_pen_name(pen, "reasoningContent");
    weir_pen_open(pen, '{');
    if (part->text.len > 0) {
        weir_pen_name(pen, "reasoningText");
        weir_pen_open(pen, '{');
        weir_pen_member_escaped(pen, "text", part->text);
        weir_pen_member_escaped(pen, "signature", part->signature);
        weir_pen_close(pen, '}');
    } else {
        weir_pen_member_escaped(pen, "redactedContent", part->signature);
    }
    weir_pen_lit(pen, "}}");
}

static weir_status
put_part(struct weir_neutral *call, struct weir_pen *pen,
         const struct weir_turn *turn, const struct weir_part *part,
         struct weir_error *err)
{
    weir_status status = WEIR_OK;
    switch (part->kind) {
    case WEIR_PART_TEXT:
    case WEIR_PART_REFUSAL:
        put_text(pen, part->text);
        break;
    case WEIR_PART_REASONING:
        put_reasoning(pen, part);
        break;
    case WEIR_PART_TOOL_CALL:
        put_tool_call(pen, part);
        break;
    case WEIR_PART_TOOL_RESULT:
        status = put_tool_result(call, pen, turn, part, err);
        break;
    case WEIR_PART_IMAGE:
    case WEIR_PART_DOCUMENT:
        status = put_media(call, pen, turn, part, err);
        break;
    case WEIR_PART_AUDIO:
    case WEIR_PART_VIDEO:
        status = weir_neutral_lacks_part(call, turn, part, part->member, err);
        break;
    }
    put_cache(pen, part->cache);
    return status;
}

static weir_status
put_system(struct weir_neutral *call, struct weir_pen *pen,
           struct weir_error *err)
{
    weir_status status = WEIR_OK;
    weir_pen_name(pen, "system");
    weir_pen_open(pen, '[');
    for (const struct weir_turn *turn = call->turns; turn != NULL;
         turn = turn->next)
        for (const struct weir_part *part = turn->parts;
             weir_native_is_instruction(turn) && part != NULL &&
             status == WEIR_OK;
             part = part->next)
            status = put_part(call, pen, turn, part, err);
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

static bool
has_calls(const struct weir_neutral *call)
{
    for (const struct weir_turn *turn = call->turns; turn != NULL;
         turn = turn->next)
        for (const struct weir_part *part = turn->parts; part != NULL;
             part = part->next)
            if (part->kind == WEIR_PART_TOOL_CALL ||
                part->kind == WEIR_PART_TOOL_RESULT)
                return true;
    return false;
}

static void
put_tool(struct weir_pen *pen, const struct weir_tool *tool)
{
    weir_pen_open(pen, '{');
    weir_pen_name(pen, "toolSpec");
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(pen, "name", tool->name);
    weir_pen_member_escaped(pen, "description", tool->description);
    weir_pen_name(pen, "inputSchema");
    weir_pen_open(pen, '{');
    weir_pen_member_raw(
        pen, "json",
        tool->parameters.ptr != NULL
            ? tool->parameters
            : WEIR_SPAN("{\"type\":\"object\",\"properties\":{}}"));
    weir_pen_lit(pen, "}");
    if (weir_span_equal(tool->strict, WEIR_SPAN("true")))
        weir_pen_member_raw(pen, "strict", tool->strict);
    weir_pen_lit(pen, "}}");
    put_cache(pen, tool->cache);
}

static void
put_tool_choice(const struct weir_neutral *call, struct weir_pen *pen)
{
    if (call->choice == WEIR_CHOICE_UNSAID || call->choice == WEIR_CHOICE_NONE)
        return;
    weir_pen_name(pen, "toolChoice");
    weir_pen_open(pen, '{');
    weir_pen_name(pen, call->choice == WEIR_CHOICE_NAMED ? "tool"
                       : call->choice == WEIR_CHOICE_ANY ? "any"
                                                         : "auto");
    weir_pen_open(pen, '{');
    if (call->choice == WEIR_CHOICE_NAMED)
        weir_pen_member_escaped(pen, "name", call->tool_name);
    weir_pen_lit(pen, "}}");
}

static weir_status
put_tools(struct weir_neutral *call, struct weir_pen *pen,
          struct weir_error *err)
{
    weir_status status = WEIR_OK;
    if (call->tools == NULL)
        return WEIR_OK;
    if (call->choice == WEIR_CHOICE_NONE) {
        if (!has_calls(call))
            return WEIR_OK;
        status = weir_neutral_lacks(call, WEIR_SPAN("tool_choice"), err);
    }
    if (status == WEIR_OK && call->serial_tools.ptr != NULL)
        status = weir_neutral_lacks(call,
                                    call->dialect == WEIR_DIALECT_MESSAGES ||
                                            call->dialect == WEIR_DIALECT_INVOKE
                                        ? WEIR_SPAN("disable_parallel_tool_use")
                                        : WEIR_SPAN("parallel_tool_calls"),
                                    err);
    weir_pen_name(pen, "toolConfig");
    weir_pen_open(pen, '{');
    weir_pen_name(pen, "tools");
    weir_pen_open(pen, '[');
    for (const struct weir_tool *tool = call->tools; tool != NULL;
         tool = tool->next)
        put_tool(pen, tool);
    weir_pen_close(pen, ']');
    put_tool_choice(call, pen);
    weir_pen_close(pen, '}');
    return status;
}

/* ------------------------------------------------------------ settings */

static bool
is_anthropic(const struct weir_target *target)
{
    return memmem(target->origin_model.ptr, target->origin_model.len,
                  "anthropic.", 10) != NULL;
}

/* Tokens to think with, below what may be said in all. */
static weir_status
set_budget(struct weir_neutral *call, const struct weir_target *target,
           uint64_t *budget_out, struct weir_error *err)
{
    const struct weir_reasoning *reasoning = &call->reasoning;
    weir_span raw = call->settings[WEIR_SETTING_MAX_TOKENS].raw;
    uint64_t budget = reasoning->budget != 0
                          ? reasoning->budget
                          : weir_budget_of_effort(reasoning->effort);
    *budget_out = 0;
    if (!reasoning->is_given || reasoning->is_off)
        return WEIR_OK;
    if (budget != 0 && budget < BUDGET_LEAST)
        budget = BUDGET_LEAST;
    if (raw.ptr != NULL && budget >= weir_raw_uint(raw))
        budget = weir_raw_uint(raw) > BUDGET_LEAST ? weir_raw_uint(raw) - 1 : 0;
    if (budget == 0 || !is_anthropic(target))
        return weir_neutral_lacks(call, reasoning->name, err);
    *budget_out = budget;
    return WEIR_OK;
}

static void
put_extras(const struct weir_neutral *call, struct weir_pen *pen,
           uint64_t budget)
{
    weir_span top_k = call->settings[WEIR_SETTING_TOP_K].raw;
    if (budget == 0 && top_k.ptr == NULL)
        return;
    weir_pen_name(pen, "additionalModelRequestFields");
    weir_pen_open(pen, '{');
    weir_pen_member_raw(pen, "top_k", top_k);
    if (budget > 0) {
        weir_pen_name(pen, "thinking");
        weir_pen_open(pen, '{');
        weir_pen_member_lit(pen, "type", "enabled");
        weir_pen_member_uint(pen, "budget_tokens", budget);
        weir_pen_close(pen, '}');
    }
    weir_pen_close(pen, '}');
}

/* The schema is JSON within a string here. */
static void
put_format(const struct weir_neutral *call, struct weir_pen *pen)
{
    if (call->format != WEIR_FORMAT_SCHEMA)
        return;
    weir_pen_name(pen, "outputConfig");
    weir_pen_lit(pen, "{\"textFormat\":{\"type\":\"json_schema\","
                      "\"structure\":{\"jsonSchema\":{");
    weir_pen_name(pen, "schema");
    weir_pen_quote(pen, call->schema);
    weir_pen_member_escaped(pen, "name", call->format_name);
    weir_pen_member_escaped(pen, "description", call->format_description);
    weir_pen_lit(pen, "}}}}");
}

static weir_status
put_settings(struct weir_neutral *call, struct weir_pen *pen,
             const struct weir_target *target, struct weir_error *err)
{
    const char *const names[WEIR_SETTINGS] = {
        [WEIR_SETTING_MAX_TOKENS] = "maxTokens",
        [WEIR_SETTING_TEMPERATURE] = "temperature",
        [WEIR_SETTING_TOP_P] = "topP",
        [WEIR_SETTING_TOP_K] = is_anthropic(target) ? "top_k" : NULL,
        [WEIR_SETTING_STOP] = "stopSequences",
    };
    uint64_t budget = 0;
    const uint32_t says = WEIR_SAYS_TITLE | WEIR_SAYS_TEXT_TITLE |
                          WEIR_SAYS_CACHE | WEIR_SAYS_STRICT | WEIR_SAYS_FORMAT;
    weir_status status = weir_neutral_check(call, names, says, err);
    if (status == WEIR_OK)
        status = set_budget(call, target, &budget, err);
    if (status == WEIR_OK && call->format == WEIR_FORMAT_JSON)
        status =
            weir_neutral_lacks(call, weir_span_of(call->format_member), err);
    if (status != WEIR_OK)
        return status;
    weir_pen_name(pen, "inferenceConfig");
    weir_pen_open(pen, '{');
    if (budget > 0 && call->settings[WEIR_SETTING_MAX_TOKENS].raw.ptr == NULL)
        weir_pen_member_uint(pen, "maxTokens", DEFAULT_TOKENS + budget);
    for (unsigned i = WEIR_SETTING_MAX_TOKENS; i <= WEIR_SETTING_TOP_P; i++)
        weir_pen_member_raw(pen, names[i], call->settings[i].raw);
    weir_native_stop(pen, "stopSequences",
                     call->settings[WEIR_SETTING_STOP].raw);
    weir_pen_close(pen, '}');
    /* One that was not named was dropped by the operator's word. */
    if (!is_anthropic(target))
        call->settings[WEIR_SETTING_TOP_K].raw = WEIR_SPAN_NONE;
    put_extras(call, pen, budget);
    put_format(call, pen);
    return WEIR_OK;
}

/* ------------------------------------------------------------- request */

weir_status
weir_bedrock_finish(struct weir_pen *pen, const struct weir_request *request,
                    const struct weir_target *target,
                    weir_bedrock_path *set_its_path,
                    struct weir_outgoing *outgoing_out, struct weir_error *err)
{
    weir_status status =
        set_its_path(request, target, pen->arena, outgoing_out, err);
    return status == WEIR_OK ? weir_native_pieces(pen, outgoing_out, err)
                             : status;
}

weir_status
weir_bedrock_prepare(const struct weir_request *request,
                     const struct weir_target *target,
                     weir_bedrock_path *set_its_path, struct weir_arena *arena,
                     struct weir_outgoing *outgoing_out, struct weir_error *err)
{
    struct weir_outgoing outgoing = {0};
    weir_status status = set_its_path(request, target, arena, &outgoing, err);
    if (status == WEIR_OK)
        status = weir_native_body(request, target, arena, &outgoing, err);
    if (status == WEIR_OK)
        *outgoing_out = outgoing;
    return status;
}

static weir_status
write(struct weir_neutral *call, const struct weir_request *request,
      const struct weir_target *target, struct weir_arena *arena,
      struct weir_outgoing *outgoing_out, struct weir_error *err)
{
    struct weir_pen pen;

    weir_pen_init(&pen, arena);
    weir_pen_open(&pen, '{');
    weir_status status = put_system(call, &pen, err);
    if (status == WEIR_OK)
        status = put_messages(call, &pen, err);
    if (status == WEIR_OK)
        status = put_tools(call, &pen, err);
    if (status == WEIR_OK)
        status = put_settings(call, &pen, target, err);
    weir_pen_close(&pen, '}');
    return status == WEIR_OK ? weir_bedrock_finish(&pen, request, target,
                                                   set_path, outgoing_out, err)
                             : status;
}

static weir_status
prepare(const struct weir_request *request, const struct weir_target *target,
        struct weir_arena *arena, struct weir_outgoing *outgoing_out,
        struct weir_error *err)
{
    return weir_bedrock_prepare(request, target, set_path, arena, outgoing_out,
                                err);
}

static struct weir_reply *
reply_new(const struct weir_reply_setup *setup, struct weir_arena *arena)
{
    return weir_passing_new(&weir_bedrock_ops, setup, arena);
}

#define OPS                                                                    \
    .speaks = WEIR_SPEAKS(WEIR_DIALECT_CONVERSE),                              \
    .dialect = WEIR_DIALECT_CONVERSE, .write = write,                          \
    .reading = &weir_bedrock_reading, .prepare = prepare,                      \
    .reply_new = reply_new, .reply_free = weir_passing_free,                   \
    .reply_next = weir_passing_next, .reply_finish = weir_passing_finish

const struct weir_provider_ops weir_bedrock_ops = {OPS};
const struct weir_provider_ops weir_bedrock_signed_ops = {
    OPS, .sign = weir_bedrock_sign};
