/* SPDX-License-Identifier: Apache-2.0 */
/* A neutral call: put together, and held against what a dialect can say. */
#include <weir/neutral.h>

#include <weir/json.h>

#include <string.h>

#define PARAM_MAX 128

const char *
weir_dialect_title(enum weir_dialect dialect)
{
    static const char *const titles[WEIR_DIALECTS] = {
        [WEIR_DIALECT_CHAT] = "OpenAI chat",
        [WEIR_DIALECT_RESPONSES] = "OpenAI Responses",
        [WEIR_DIALECT_COMPLETIONS] = "OpenAI completions",
        [WEIR_DIALECT_EMBEDDINGS] = "OpenAI embeddings",
        [WEIR_DIALECT_MESSAGES] = "Anthropic Messages",
        [WEIR_DIALECT_GEMINI] = "Gemini",
        [WEIR_DIALECT_GEMINI_EMBED] = "Gemini embeddings",
        [WEIR_DIALECT_CONVERSE] = "Bedrock Converse",
        [WEIR_DIALECT_OTHER] = "OpenAI images, audio, moderations or rerank",
        [WEIR_DIALECT_MCP] = "Model Context Protocol",
        [WEIR_DIALECT_INVOKE] = "Bedrock InvokeModel",
    };
    return dialect < WEIR_DIALECTS ? titles[dialect] : "unknown";
}

/* ------------------------------------------------------------ building */

struct weir_turn *
weir_neutral_turn(struct weir_neutral *call, enum weir_speaker role,
                  uint32_t number)
{
    struct weir_turn *turn = weir_arena_alloc(call->arena, sizeof(*turn));
    if (turn == NULL)
        return NULL;
    turn->role = role;
    turn->number = number;
    if (call->last != NULL)
        call->last->next = turn;
    else
        call->turns = turn;
    call->last = turn;
    return turn;
}

struct weir_part *
weir_neutral_part(struct weir_neutral *call, struct weir_turn *turn,
                  enum weir_part_kind kind, const char *member)
{
    struct weir_part *part = weir_arena_alloc(call->arena, sizeof(*part));
    if (part == NULL)
        return NULL;
    part->kind = kind;
    part->member = member;
    if (turn->last != NULL) {
        part->number = turn->last->number + 1;
        turn->last->next = part;
    } else {
        turn->parts = part;
    }
    turn->last = part;
    return part;
}

struct weir_tool *
weir_neutral_tool(struct weir_neutral *call)
{
    struct weir_tool *tool = weir_arena_alloc(call->arena, sizeof(*tool));
    if (tool == NULL)
        return NULL;
    if (call->last_tool != NULL) {
        tool->number = call->last_tool->number + 1;
        call->last_tool->next = tool;
    } else {
        call->tools = tool;
    }
    call->last_tool = tool;
    return tool;
}

void
weir_neutral_extra(struct weir_neutral *call, weir_span name, weir_span raw)
{
    struct weir_extra *extra;
    if (weir_raw_is_null(raw))
        return;
    extra = weir_arena_alloc(call->arena, sizeof(*extra));
    if (extra == NULL)
        return;
    extra->setting = (struct weir_setting){raw, name};
    extra->next = call->extras;
    call->extras = extra;
}

weir_span
weir_escaped(weir_span raw)
{
    if (raw.len < 2 || raw.ptr[0] != '"')
        return (weir_span){"", 0};
    return (weir_span){raw.ptr + 1, raw.len - 2};
}

bool
weir_raw_is_null(weir_span raw)
{
    return raw.ptr == NULL || weir_span_equal(raw, WEIR_SPAN("null"));
}

/* The solidus may be escaped: "data:image\/png". */
static weir_span
without_backslashes(weir_span text, struct weir_arena *arena)
{
    if (memchr(text.ptr, '\\', text.len) == NULL)
        return text;
    char *copy = weir_arena_alloc(arena, text.len);
    size_t len = 0;
    if (copy == NULL)
        return WEIR_SPAN_NONE;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '\\')
            copy[len++] = text.ptr[i];
    return (weir_span){copy, len};
}

bool
weir_data_url(weir_span url, struct weir_arena *arena, weir_span *media_out,
              weir_span *data_out)
{
    const weir_span scheme = WEIR_SPAN("data:");
    const weir_span encoding = WEIR_SPAN(";base64");
    if (!weir_span_starts(url, scheme))
        return false;
    /* A media type is short: the comma is looked for at the beginning. */
    size_t near = url.len < 256 ? url.len : 256;
    const char *comma = memchr(url.ptr, ',', near);
    if (comma == NULL)
        return false;
    weir_span media = {url.ptr + scheme.len,
                       (size_t)(comma - url.ptr) - scheme.len};
    if (!weir_span_ends(media, encoding))
        return false;
    media.len -= encoding.len;
    const char *more = memchr(media.ptr, ';', media.len);
    if (more != NULL)
        media.len = (size_t)(more - media.ptr);
    *media_out = without_backslashes(media, arena);
    *data_out = (weir_span){comma + 1, url.len - (size_t)(comma + 1 - url.ptr)};
    return true;
}

weir_status
weir_object_of_string(weir_span raw, struct weir_arena *arena,
                      weir_span *object_out)
{
    struct weir_json_reader reader;
    weir_span text;
    weir_status status = weir_json_unescape(raw, arena, &text, NULL);
    if (status != WEIR_OK)
        return status;
    if (text.len == 0) {
        *object_out = WEIR_SPAN("{}");
        return WEIR_OK;
    }
    weir_json_reader_init(&reader, text, NULL);
    if (weir_json_peek(&reader) != WEIR_JSON_OBJECT ||
        !weir_json_raw(&reader, object_out) ||
        weir_json_reader_end(&reader, NULL) != WEIR_OK)
        return WEIR_ETYPE;
    return WEIR_OK;
}

/* ---------------------------------------------------------- refusing */

static bool
is_listed(weir_span list, weir_span name)
{
    while (list.len > 0) {
        const char *blank = memchr(list.ptr, ' ', list.len);
        size_t len = blank != NULL ? (size_t)(blank - list.ptr) : list.len;
        if (weir_span_equal((weir_span){list.ptr, len}, name))
            return true;
        len += blank != NULL ? 1 : 0;
        list.ptr += len;
        list.len -= len;
    }
    return false;
}

static bool
is_noted(weir_span noted, weir_span name)
{
    const char *at = noted.len == 0
                         ? NULL
                         : memmem(noted.ptr, noted.len, name.ptr, name.len);
    return at != NULL && (at == noted.ptr || at[-1] == ' ') &&
           (at + name.len == noted.ptr + noted.len || at[name.len] == ',');
}

void
weir_neutral_note(struct weir_neutral *call, weir_span name)
{
    if (is_noted(call->dropped, name))
        return;
    size_t len = call->dropped.len;
    char *text = weir_arena_alloc(call->arena, len + 2 + name.len);
    if (text == NULL)
        return;
    if (len > 0) {
        memcpy(text, call->dropped.ptr, len);
        memcpy(text + len, ", ", 2);
        len += 2;
    }
    memcpy(text + len, name.ptr, name.len);
    call->dropped = (weir_span){text, len + name.len};
}

weir_status
weir_neutral_lacks_field(struct weir_neutral *call, weir_span listed,
                         weir_span field, struct weir_error *err)
{
    if (is_listed(call->drops, listed)) {
        weir_neutral_note(call, listed);
        return WEIR_OK;
    }
    call->param = weir_arena_copy(call->arena, field);
    return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                     "%.*s of %s cannot be said in the %s dialect that "
                     "serves this model",
                     field.len < 80 ? (int)field.len : 80, field.ptr,
                     weir_dialect_title(call->dialect),
                     weir_dialect_title(call->target));
}

weir_status
weir_neutral_lacks(struct weir_neutral *call, weir_span name,
                   struct weir_error *err)
{
    return weir_neutral_lacks_field(call, name, name, err);
}

weir_status
weir_neutral_lacks_part(struct weir_neutral *call, const struct weir_turn *turn,
                        const struct weir_part *part, const char *member,
                        struct weir_error *err)
{
    char field[PARAM_MAX];
    struct weir_buf buf;
    weir_buf_init_fixed(&buf, field, sizeof(field));
    if (turn != NULL)
        weir_buf_addf(&buf, "%s[%u].", call->turns_name, turn->number);
    if (turn != NULL && part != NULL)
        weir_buf_addf(&buf, "%s[%u].", call->parts_name, part->number);
    weir_buf_addf(&buf, "%s", member);
    return weir_neutral_lacks_field(
        call, weir_span_of(member),
        buf.overflow ? weir_span_of(member) : weir_buf_span(&buf), err);
}

weir_status
weir_neutral_wrong(struct weir_neutral *call, const char *name,
                   const char *reason, struct weir_error *err)
{
    call->param = weir_arena_copy(call->arena, weir_span_of(name));
    return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE, "%s %s", name, reason);
}

/* ----------------------------------------------------------- reasoning */

static const struct {
    const char *effort;
    uint64_t budget;
} efforts[] = {
    {"minimal", 1024}, {"low", 1024},    {"medium", 8192},
    {"high", 24576},   {"xhigh", 32768}, {"max", 32768},
};

uint64_t
weir_budget_of_effort(weir_span effort)
{
    for (size_t i = 0; i < WEIR_COUNTOF(efforts); i++)
        if (weir_span_equal(effort, weir_span_of(efforts[i].effort)))
            return efforts[i].budget;
    return 0;
}

weir_span
weir_effort_of_budget(uint64_t budget)
{
    if (budget < 4096)
        return WEIR_SPAN("low");
    return budget < 16384 ? WEIR_SPAN("medium") : WEIR_SPAN("high");
}
