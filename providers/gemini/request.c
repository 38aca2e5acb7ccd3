/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Gemini or Vertex origin hears. The model stands in the path, so a
 * body of the same dialect passes untouched.
 *
 * From other dialects: results of tools name the function here and not the
 * call, so the name is looked up by the call's id; and they are objects, so
 * a text becomes {"result":"..."} (or {"error":"..."}).
 */
#include "gemini.h"

#include "native.h"

#include <weir/raw.h>

#include <string.h>

/* ---------------------------------------------------------------- path */

static bool
is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
           c == '~' || c == '@' || c == '/';
}

/* The model's name as it may stand in a path. */
weir_span
weir_gemini_path_text(weir_span name, struct weir_arena *arena)
{
    static const char digits[] = "0123456789ABCDEF";
    char *text = weir_arena_alloc(arena, 3 * name.len + 1);
    size_t len = 0;
    if (text == NULL)
        return WEIR_SPAN_NONE;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char byte = (unsigned char)name.ptr[i];
        if (is_plain(name.ptr[i])) {
            text[len++] = name.ptr[i];
            continue;
        }
        text[len++] = '%';
        text[len++] = digits[byte >> 4];
        text[len++] = digits[byte & 15];
    }
    return (weir_span){text, len};
}

static weir_status
set_path(const struct weir_request *request, const struct weir_target *target,
         struct weir_arena *arena, struct weir_outgoing *outgoing,
         struct weir_error *err)
{
    weir_span verb = WEIR_SPAN(":generateContent");
    if (request->is_streamed)
        verb = WEIR_SPAN(":streamGenerateContent?alt=sse");
    const weir_span parts[] = {
        WEIR_SPAN("/models/"),
        weir_gemini_path_text(target->origin_model, arena), verb};
    return weir_native_path(target, parts, WEIR_COUNTOF(parts), arena, outgoing,
                            err);
}

/* ------------------------------------------------------------- content */

static weir_span
media_of_name(weir_span url)
{
    static const struct {
        const char *end;
        const char *media;
    } kinds[] = {
        {".png", "image/png"},   {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"}, {".webp", "image/webp"},
        {".gif", "image/gif"},   {".pdf", "application/pdf"},
        {".mp3", "audio/mp3"},   {".wav", "audio/wav"},
        {".mp4", "video/mp4"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(kinds); i++)
        if (weir_span_ends(url, weir_span_of(kinds[i].end)))
            return weir_span_of(kinds[i].media);
    return WEIR_SPAN_NONE;
}

static weir_status
put_media(struct weir_neutral *call, struct weir_pen *pen,
          const struct weir_turn *turn, const struct weir_part *part,
          struct weir_error *err)
{
    weir_span media =
        part->media.ptr != NULL ? part->media : media_of_name(part->url);
    if (part->file.ptr != NULL || media.ptr == NULL)
        return weir_neutral_lacks_part(call, turn, part, part->member, err);
    weir_pen_open(pen, '{');
    weir_pen_name(pen, part->data.ptr != NULL ? "inlineData" : "fileData");
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(pen, "mimeType", media);
    if (part->data.ptr != NULL)
        weir_pen_member_escaped(pen, "data", part->data);
    else
        weir_pen_member_escaped(pen, "fileUri", part->url);
    weir_pen_lit(pen, "}}");
    return WEIR_OK;
}

static void
put_text(struct weir_pen *pen, weir_span text)
{
    if (text.len == 0)
        return;
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(pen, "text", text);
    weir_pen_close(pen, '}');
}

static void
put_tool_call(struct weir_pen *pen, const struct weir_part *part)
{
    weir_pen_open(pen, '{');
    if (part->signature.len > 0)
        weir_pen_member_escaped(pen, "thoughtSignature", part->signature);
    weir_pen_name(pen, "functionCall");
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(pen, "name", part->name);
    weir_pen_member_raw(pen, "args", part->arguments);
    weir_pen_lit(pen, "}}");
}

/* The name of the function whose call had this id. */
static weir_span
name_of_call(const struct weir_neutral *call, const struct weir_part *result)
{
    if (result->name.ptr != NULL)
        return result->name;
    for (const struct weir_turn *turn = call->turns; turn != NULL;
         turn = turn->next)
        for (const struct weir_part *part = turn->parts; part != NULL;
             part = part->next)
            if (part->kind == WEIR_PART_TOOL_CALL &&
                weir_span_equal(part->id, result->id))
                return part->name;
    return WEIR_SPAN_NONE;
}

static weir_status
put_tool_result(struct weir_neutral *call, struct weir_pen *pen,
                const struct weir_turn *turn, const struct weir_part *part,
                struct weir_error *err)
{
    weir_span name = name_of_call(call, part);
    if (name.ptr == NULL)
        return weir_neutral_wrong(call, "tool_call_id",
                                  "is of no call in the conversation", err);
    for (const struct weir_part *in = part->parts; in != NULL; in = in->next)
        if (in->kind != WEIR_PART_TEXT)
            return weir_neutral_lacks_part(call, turn, part, in->member, err);
    weir_pen_open(pen, '{');
    weir_pen_name(pen, "functionResponse");
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(pen, "name", name);
    weir_pen_name(pen, "response");
    weir_pen_open(pen, '{');
    weir_pen_name(pen, part->is_error ? "error" : "result");
    weir_pen_lit(pen, "\"");
    for (const struct weir_part *in = part->parts; in != NULL; in = in->next)
        weir_pen_put(pen, in->text);
    weir_pen_lit(pen, "\"}}}");
    return WEIR_OK;
}

static weir_status
put_reasoning(struct weir_neutral *call, struct weir_pen *pen,
              const struct weir_turn *turn, const struct weir_part *part,
              struct weir_error *err)
{
    if (part->signature.len == 0)
        return weir_neutral_lacks_part(call, turn, part, part->member, err);
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(
        pen, "text", part->text.ptr != NULL ? part->text : WEIR_SPAN(""));
    weir_pen_member_raw(pen, "thought", WEIR_SPAN("true"));
    weir_pen_member_escaped(pen, "thoughtSignature", part->signature);
    weir_pen_close(pen, '}');
    return WEIR_OK;
}

static weir_status
put_part(struct weir_neutral *call, struct weir_pen *pen,
         const struct weir_turn *turn, const struct weir_part *part,
         struct weir_error *err)
{
    switch (part->kind) {
    case WEIR_PART_TEXT:
    case WEIR_PART_REFUSAL:
        put_text(pen, part->text);
        return WEIR_OK;
    case WEIR_PART_DOCUMENT:
        if (part->text.ptr != NULL) {
            put_text(pen, part->text);
            return WEIR_OK;
        }
        return put_media(call, pen, turn, part, err);
    case WEIR_PART_IMAGE:
    case WEIR_PART_AUDIO:
    case WEIR_PART_VIDEO:
        return put_media(call, pen, turn, part, err);
    case WEIR_PART_TOOL_CALL:
        put_tool_call(pen, part);
        return WEIR_OK;
    case WEIR_PART_TOOL_RESULT:
        return put_tool_result(call, pen, turn, part, err);
    case WEIR_PART_REASONING:
        return put_reasoning(call, pen, turn, part, err);
    }
    return WEIR_OK;
}

/* One object with the parts of all instructions; none without any. */
static weir_status
put_system(struct weir_neutral *call, struct weir_pen *pen,
           struct weir_error *err)
{
    weir_status status = WEIR_OK;
    bool is_open = false;
    for (const struct weir_turn *turn = call->turns;
         turn != NULL && status == WEIR_OK; turn = turn->next) {
        if (!weir_native_is_instruction(turn) || turn->parts == NULL)
            continue;
        if (!is_open) {
            weir_pen_name(pen, "systemInstruction");
            weir_pen_open(pen, '{');
            weir_pen_name(pen, "parts");
            weir_pen_open(pen, '[');
            is_open = true;
        }
        for (const struct weir_part *part = turn->parts;
             part != NULL && status == WEIR_OK; part = part->next)
            status = put_part(call, pen, turn, part, err);
    }
    if (is_open)
        weir_pen_lit(pen, "]}");
    return status;
}

static bool
is_result(const struct weir_part *part)
{
    return part != NULL && part->kind == WEIR_PART_TOOL_RESULT;
}

/* The next result behind `part` of `*turn`, before the model speaks again. */
static struct weir_part *
next_result(struct weir_turn **turn, struct weir_part *part)
{
    part = part != NULL ? part->next : NULL;
    while (!is_result(part)) {
        if (part != NULL) {
            part = part->next;
            continue;
        }
        *turn = (*turn)->next;
        if (*turn == NULL || (*turn)->role == WEIR_SPEAKER_ASSISTANT)
            return NULL;
        part = (*turn)->parts;
    }
    return part;
}

static void
swap(struct weir_part *one, struct weir_part *other)
{
    struct weir_part kept = *one;
    *one = *other;
    one->next = kept.next;
    one->number = kept.number;
    kept.next = other->next;
    kept.number = other->number;
    *other = kept;
}

/* A result names its function alone: of two calls of one function the first
 * result is the first call's. Others match by ids, in any order. */
static void
order_results(struct weir_neutral *call)
{
    for (struct weir_turn *turn = call->turns; turn != NULL;
         turn = turn->next) {
        struct weir_turn *at = turn;
        struct weir_part *slot = NULL;
        if (turn->role != WEIR_SPEAKER_ASSISTANT)
            continue;
        for (struct weir_part *asked = turn->parts; asked != NULL;
             asked = asked->next) {
            if (asked->kind != WEIR_PART_TOOL_CALL)
                continue;
            struct weir_turn *found_at = at;
            struct weir_part *found = slot;
            do
                found = next_result(&found_at, found);
            while (found != NULL && !weir_span_equal(found->id, asked->id));
            if (found == NULL)
                continue;
            slot = next_result(&at, slot);
            if (slot != found)
                swap(slot, found);
        }
    }
}

static weir_status
put_contents(struct weir_neutral *call, struct weir_pen *pen,
             struct weir_error *err)
{
    static const struct weir_native_words words = {.assistant = "model",
                                                   .parts = "parts",
                                                   .skips_empty = true,
                                                   .put_part = put_part};
    return weir_native_put_turns(call, pen, &words, err);
}

/* --------------------------------------------------------------- tools */

static void
put_tools(const struct weir_neutral *call, struct weir_pen *pen)
{
    if (call->tools == NULL)
        return;
    weir_pen_name(pen, "tools");
    weir_pen_lit(pen, "[{\"functionDeclarations\":[");
    for (const struct weir_tool *tool = call->tools; tool != NULL;
         tool = tool->next) {
        weir_pen_open(pen, '{');
        weir_pen_member_escaped(pen, "name", tool->name);
        weir_pen_member_escaped(pen, "description", tool->description);
        weir_pen_member_raw(pen, "parametersJsonSchema", tool->parameters);
        weir_pen_close(pen, '}');
    }
    weir_pen_lit(pen, "]}]");
}

static weir_status
put_tool_choice(struct weir_neutral *call, struct weir_pen *pen,
                struct weir_error *err)
{
    static const char *const modes[] = {[WEIR_CHOICE_UNSAID] = NULL,
                                        [WEIR_CHOICE_AUTO] = "AUTO",
                                        [WEIR_CHOICE_NONE] = "NONE",
                                        [WEIR_CHOICE_ANY] = "ANY",
                                        [WEIR_CHOICE_NAMED] = "ANY"};
    if (call->tools == NULL)
        return WEIR_OK;
    if (call->serial_tools.ptr != NULL) {
        weir_status status =
            weir_neutral_lacks(call,
                               call->dialect == WEIR_DIALECT_MESSAGES ||
                                       call->dialect == WEIR_DIALECT_INVOKE
                                   ? WEIR_SPAN("disable_parallel_tool_use")
                                   : WEIR_SPAN("parallel_tool_calls"),
                               err);
        if (status != WEIR_OK)
            return status;
    }
    if (modes[call->choice] == NULL)
        return WEIR_OK;
    weir_pen_name(pen, "toolConfig");
    weir_pen_lit(pen, "{\"functionCallingConfig\":{");
    weir_pen_member_escaped(pen, "mode", weir_span_of(modes[call->choice]));
    if (call->choice == WEIR_CHOICE_NAMED) {
        weir_pen_name(pen, "allowedFunctionNames");
        weir_pen_open(pen, '[');
        weir_pen_escaped(pen, call->tool_name);
        weir_pen_close(pen, ']');
    }
    weir_pen_lit(pen, "}}");
    return WEIR_OK;
}

/* ------------------------------------------------------------ settings */

static weir_status
put_thinking(struct weir_neutral *call, struct weir_pen *pen,
             struct weir_error *err)
{
    const struct weir_reasoning *reasoning = &call->reasoning;
    if (!reasoning->is_given && !reasoning->shows)
        return WEIR_OK;
    uint64_t budget = reasoning->budget != 0
                          ? reasoning->budget
                          : weir_budget_of_effort(reasoning->effort);
    if (reasoning->is_given && !reasoning->is_off && budget == 0)
        return weir_neutral_lacks(call, reasoning->name, err);
    weir_pen_name(pen, "thinkingConfig");
    weir_pen_open(pen, '{');
    if (reasoning->is_given)
        weir_pen_member_uint(pen, "thinkingBudget",
                             reasoning->is_off ? 0 : budget);
    if (reasoning->shows && !reasoning->is_off)
        weir_pen_member_raw(pen, "includeThoughts", WEIR_SPAN("true"));
    weir_pen_close(pen, '}');
    return WEIR_OK;
}

static weir_status
put_config(struct weir_neutral *call, struct weir_pen *pen,
           struct weir_error *err)
{
    static const char *const names[WEIR_SETTINGS] = {
        [WEIR_SETTING_MAX_TOKENS] = "maxOutputTokens",
        [WEIR_SETTING_TEMPERATURE] = "temperature",
        [WEIR_SETTING_TOP_P] = "topP",
        [WEIR_SETTING_TOP_K] = "topK",
        [WEIR_SETTING_STOP] = "stopSequences",
        [WEIR_SETTING_SEED] = "seed",
        [WEIR_SETTING_N] = "candidateCount",
        [WEIR_SETTING_LOGPROBS] = "responseLogprobs",
        [WEIR_SETTING_TOP_LOGPROBS] = "logprobs",
        [WEIR_SETTING_FREQUENCY_PENALTY] = "frequencyPenalty",
        [WEIR_SETTING_PRESENCE_PENALTY] = "presencePenalty",
    };
    weir_status status = weir_neutral_check(call, names, 0, err);
    if (status != WEIR_OK)
        return status;
    weir_pen_name(pen, "generationConfig");
    weir_pen_open(pen, '{');
    for (unsigned i = 0; i < WEIR_SETTINGS; i++)
        if (names[i] != NULL && i != WEIR_SETTING_STOP)
            weir_pen_member_raw(pen, names[i], call->settings[i].raw);
    weir_native_stop(pen, names[WEIR_SETTING_STOP],
                     call->settings[WEIR_SETTING_STOP].raw);
    if (call->format != WEIR_FORMAT_TEXT)
        weir_pen_member_lit(pen, "responseMimeType", "application/json");
    if (call->format == WEIR_FORMAT_SCHEMA)
        weir_pen_member_raw(pen, "responseJsonSchema", call->schema);
    status = put_thinking(call, pen, err);
    weir_pen_close(pen, '}');
    return status;
}

/* ------------------------------------------------------------- request */

static weir_status
write(struct weir_neutral *call, const struct weir_request *request,
      const struct weir_target *target, struct weir_arena *arena,
      struct weir_outgoing *outgoing_out, struct weir_error *err)
{
    struct weir_pen pen;
    weir_status status;

    weir_pen_init(&pen, arena);
    weir_pen_open(&pen, '{');
    order_results(call);
    status = put_config(call, &pen, err);
    if (status == WEIR_OK)
        status = put_system(call, &pen, err);
    weir_pen_name(&pen, "contents");
    weir_pen_open(&pen, '[');
    if (status == WEIR_OK)
        status = put_contents(call, &pen, err);
    weir_pen_close(&pen, ']');
    put_tools(call, &pen);
    if (status == WEIR_OK)
        status = put_tool_choice(call, &pen, err);
    weir_pen_close(&pen, '}');
    if (status == WEIR_OK)
        status = set_path(request, target, arena, outgoing_out, err);
    return status == WEIR_OK ? weir_native_pieces(&pen, outgoing_out, err)
                             : status;
}

static weir_status
prepare(const struct weir_request *request, const struct weir_target *target,
        struct weir_arena *arena, struct weir_outgoing *outgoing_out,
        struct weir_error *err)
{
    struct weir_outgoing outgoing = {0};
    weir_status status = set_path(request, target, arena, &outgoing, err);
    if (status == WEIR_OK)
        status = weir_native_body(request, target, arena, &outgoing, err);
    if (status == WEIR_OK)
        *outgoing_out = outgoing;
    return status;
}

static struct weir_reply *
reply_new(const struct weir_reply_setup *setup, struct weir_arena *arena)
{
    return weir_passing_new(&weir_gemini_ops, setup, arena);
}

const struct weir_provider_ops weir_gemini_ops = {
    .speaks = WEIR_SPEAKS(WEIR_DIALECT_GEMINI),
    .dialect = WEIR_DIALECT_GEMINI,
    .embed = &weir_gemini_embed,
    .write = write,
    .reading = &weir_gemini_reading,
    .prepare = prepare,
    .reply_new = reply_new,
    .reply_free = weir_passing_free,
    .reply_next = weir_passing_next,
    .reply_finish = weir_passing_finish,
};
