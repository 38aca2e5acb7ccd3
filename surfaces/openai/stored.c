/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request names of what an origin keeps:
 *
 *    previous_response_id, conversation     Responses
 *    input[].id, .approval_request_id       Responses, by the item's type
 *    messages[].audio.id                    chat
 *
 * An item with an id may be two things. One that brings what it is (a
 * message, a call, an output) says its id beside, and goes without; one that
 * does not (a reference, a picture made earlier, reasoning that is not
 * sealed) is what lies at the origin. A type that is not known is the latter.
 *
 * WHY IT IS LEFT OUT where it opens nothing. An origin may look for it, and
 * find another tenant's.
 *
 * Names of members count in any case and without underscores, as some origin
 * reads them; those at the root are exact, or the parser has refused them.
 */
#include "openai.h"

#include <weir/json.h>
#include <weir/splice.h>
#include <weir/stored.h>

#include <string.h>

struct walk {
    struct weir_request *request;
    weir_stored_on_name on_name;
    void *context;
    struct weir_arena *arena;  /* for the name of a member at fault */
    struct weir_splice splice; /* .out NULL: only looked at */
    size_t changed;
    struct weir_error *err;
    struct weir_json_reader reader;
    struct weir_arena names; /* of members, where they have escapes */
    char memory[512];
    char text[1024];
};

/* Where a name stands: "input[3].id". */
struct place {
    const char *list; /* NULL: a member of the root */
    uint32_t number;
    const char *member;
};

static weir_status
refuse(struct walk *walk, struct place place, weir_span raw)
{
    char room[64];
    struct weir_buf param;
    weir_buf_init_fixed(&param, room, sizeof(room));
    if (place.list != NULL)
        weir_buf_addf(&param, "%s[%u].%s", place.list, place.number,
                      place.member);
    else
        weir_buf_addf(&param, "%s", place.member);
    walk->request->param = weir_arena_copy(walk->arena, weir_buf_span(&param));
    if (walk->arena->overflow)
        walk->request->param = WEIR_SPAN_NONE;
    return weir_fail(walk->err, WEIR_ETYPE,
                     (size_t)(raw.ptr - walk->request->body.ptr),
                     "%.*s names nothing that is kept for this tenant",
                     WEIR_SPAN_ARG(weir_buf_span(&param)));
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The member with its comma: `before` is where the one before it ended. */
static weir_span
with_comma(const struct walk *walk, size_t before, weir_span raw)
{
    const char *end = walk->request->body.ptr + walk->request->body.len;
    const char *from = walk->request->body.ptr + before;
    const char *to = raw.ptr + raw.len;
    bool is_first = from[-1] == '{';
    /* The one before it was the first, and went with its comma. */
    if (before < walk->splice.taken) {
        from = walk->request->body.ptr + walk->splice.taken;
        is_first = true;
    }
    if (!is_first)
        return (weir_span){from, (size_t)(to - from)};
    while (to < end && is_blank(*to))
        to++;
    if (to < end && *to == ',')
        to++;
    else
        to = raw.ptr + raw.len;
    return (weir_span){from, (size_t)(to - from)};
}

/* RAW is the value, any kind; `before` as above. */
static weir_status
take(struct walk *walk, enum weir_bound_kind kind, enum weir_stored_need need,
     size_t before, weir_span raw, struct place place)
{
    char room[WEIR_BOUND_NAME_MAX];
    struct weir_buf word;
    weir_span text;

    if (weir_span_equal(raw, WEIR_SPAN("null")))
        return WEIR_OK;
    if (*raw.ptr != '"' ||
        !weir_json_unescape_into(raw, walk->text, sizeof(walk->text), &text))
        return refuse(walk, place, raw);
    weir_buf_init_fixed(&word, room, sizeof(room));
    switch (walk->on_name(walk->context, kind, need, text, &word)) {
    case WEIR_STORED_KEEP:
        return WEIR_OK;
    case WEIR_STORED_WRITE:
        walk->changed++;
        if (walk->splice.out == NULL)
            return WEIR_OK;
        weir_splice_to(&walk->splice, raw);
        weir_json_quote(walk->splice.out, weir_buf_span(&word));
        return WEIR_OK;
    case WEIR_STORED_DROP:
        walk->changed++;
        if (walk->splice.out != NULL)
            weir_splice_to(&walk->splice, with_comma(walk, before, raw));
        return WEIR_OK;
    default:
        return refuse(walk, place, raw);
    }
}

/* ----------------------------------------------------------------- names */

/* `small`: in small letters without underscores. */
static bool
is_called(weir_span name, const char *small)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '_')
            continue;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c != *small)
            return false;
        small++;
    }
    return *small == '\0';
}

/* The next member's name and value; where it begins, see with_comma(). */
static bool
next_member(struct walk *walk, size_t *before_out, weir_span *name_out,
            weir_span *raw_out)
{
    walk->names.used = 0;
    *before_out = walk->reader.at;
    return weir_json_member(&walk->reader, name_out) &&
           weir_json_raw(&walk->reader, raw_out);
}

static void
read_at(struct walk *walk, weir_span raw)
{
    weir_span body = walk->request->body;
    /* Of the body, so that places are the body's. */
    weir_json_reader_init(
        &walk->reader,
        (weir_span){body.ptr, (size_t)(raw.ptr + raw.len - body.ptr)},
        &walk->names);
    walk->reader.at = (size_t)(raw.ptr - body.ptr);
}

static weir_status
unread(struct walk *walk)
{
    return weir_fail(walk->err, WEIR_ETYPE, walk->reader.at,
                     "a member's name is longer than any that is known");
}

/* ----------------------------------------------------------------- items */

struct item {
    char type[48];
    bool has_type;
    bool has_content;   /* text that stands here */
    bool has_encrypted; /* sealed by the origin */
    bool has_id;
};

static bool
is_filled(weir_span raw)
{
    return raw.len > 2 && !weir_span_equal(raw, WEIR_SPAN("null")) &&
           !(*raw.ptr == '[' && weir_json_is_empty(raw));
}

/* Said twice, or not read: none that is known. */
static void
note_type(struct item *item, weir_span raw)
{
    weir_span type = WEIR_SPAN_NONE;
    bool is_read =
        !item->has_type && *raw.ptr == '"' &&
        weir_json_unescape_into(raw, item->type, sizeof(item->type), &type) &&
        type.len < sizeof(item->type);
    if (is_read)
        memmove(item->type, type.ptr, type.len);
    item->type[is_read ? type.len : 0] = '\0';
    item->has_type = true;
}

static void
note_member(struct item *item, weir_span name, weir_span raw)
{
    if (is_called(name, "id") || is_called(name, "approvalrequestid")) {
        item->has_id = true;
    } else if (is_called(name, "type") &&
               !weir_span_equal(raw, WEIR_SPAN("null"))) {
        note_type(item, raw);
    } else if (is_called(name, "content") || is_called(name, "summary")) {
        item->has_content |= is_filled(raw);
    } else if (is_called(name, "encryptedcontent")) {
        item->has_encrypted |= *raw.ptr == '"' && raw.len > 2;
    }
}

/* Whether the item is here in full, so that its id is only said beside. */
static enum weir_stored_need
need_of(const struct item *item)
{
    static const char *const whole[] = {
        "function_call",        "function_call_output",
        "custom_tool_call",     "custom_tool_call_output",
        "computer_call_output", "local_shell_call_output",
        "shell_call_output",    "apply_patch_call_output",
        "mcp_approval_response"};
    if (!item->has_type || strcmp(item->type, "message") == 0)
        return item->has_content ? WEIR_STORED_MAY : WEIR_STORED_MUST;
    if (strcmp(item->type, "reasoning") == 0 ||
        strcmp(item->type, "compaction") == 0)
        return item->has_encrypted ? WEIR_STORED_SEALED
               : item->has_content ? WEIR_STORED_MAY
                                   : WEIR_STORED_MUST;
    for (size_t i = 0; i < WEIR_COUNTOF(whole); i++)
        if (strcmp(item->type, whole[i]) == 0)
            return WEIR_STORED_MAY;
    return WEIR_STORED_MUST;
}

static weir_status
take_item(struct walk *walk, weir_span raw, uint32_t number)
{
    struct item item = {.has_type = false};
    weir_status status = WEIR_OK;
    weir_span name, value;
    size_t before;

    if (*raw.ptr != '{')
        return WEIR_OK;
    read_at(walk, raw);
    (void)weir_json_object(&walk->reader);
    while (next_member(walk, &before, &name, &value))
        note_member(&item, name, value);
    if (walk->reader.error.status != WEIR_OK)
        return unread(walk);
    if (!item.has_id)
        return WEIR_OK;
    read_at(walk, raw);
    (void)weir_json_object(&walk->reader);
    while (status == WEIR_OK && next_member(walk, &before, &name, &value))
        if (is_called(name, "id"))
            status = take(walk, WEIR_BOUND_ITEM, need_of(&item), before, value,
                          (struct place){"input", number, "id"});
        else if (is_called(name, "approvalrequestid"))
            status =
                take(walk, WEIR_BOUND_ITEM, WEIR_STORED_MUST, before, value,
                     (struct place){"input", number, "approval_request_id"});
    return status;
}

/* -------------------------------------------------------------- messages */

/* {"audio":{"id":...}}: an answer's sound, said again. */
static weir_status
take_audio(struct walk *walk, weir_span raw, uint32_t number)
{
    weir_status status = WEIR_OK;
    weir_span name, value;
    size_t before;
    if (*raw.ptr != '{')
        return WEIR_OK;
    read_at(walk, raw);
    (void)weir_json_object(&walk->reader);
    while (status == WEIR_OK && next_member(walk, &before, &name, &value))
        if (is_called(name, "id"))
            status =
                take(walk, WEIR_BOUND_ITEM, WEIR_STORED_MUST, before, value,
                     (struct place){"messages", number, "audio.id"});
    if (status == WEIR_OK && walk->reader.error.status != WEIR_OK)
        return unread(walk);
    return status;
}

static weir_status
take_message(struct walk *walk, weir_span raw, uint32_t number)
{
    weir_status status = WEIR_OK;
    weir_span name, value;
    size_t before;
    if (*raw.ptr != '{')
        return WEIR_OK;
    read_at(walk, raw);
    (void)weir_json_object(&walk->reader);
    while (status == WEIR_OK && next_member(walk, &before, &name, &value)) {
        if (!is_called(name, "audio"))
            continue;
        struct weir_json_reader outer = walk->reader;
        status = take_audio(walk, value, number);
        walk->reader = outer;
    }
    if (status == WEIR_OK && walk->reader.error.status != WEIR_OK)
        return unread(walk);
    return status;
}

/* ------------------------------------------------------------------ root */

static weir_status
take_list(struct walk *walk, weir_span raw,
          weir_status (*take_element)(struct walk *walk, weir_span raw,
                                      uint32_t number))
{
    weir_status status = WEIR_OK;
    struct weir_json_reader list;
    weir_span element;
    uint32_t number = 0;
    if (*raw.ptr != '[')
        return WEIR_OK;
    weir_json_reader_init(&list, raw, NULL);
    (void)weir_json_array(&list);
    while (status == WEIR_OK && weir_json_element(&list) &&
           weir_json_raw(&list, &element))
        status = take_element(walk, element, number++);
    return status;
}

/* A name, or {"id": name}. */
static weir_status
take_conversation(struct walk *walk, size_t before, weir_span raw)
{
    const struct place place = {NULL, 0, "conversation"};
    weir_status status = WEIR_OK;
    weir_span name, value;
    if (*raw.ptr != '{')
        return take(walk, WEIR_BOUND_CONVERSATION, WEIR_STORED_MUST, before,
                    raw, place);
    read_at(walk, raw);
    (void)weir_json_object(&walk->reader);
    while (status == WEIR_OK && next_member(walk, &before, &name, &value))
        if (is_called(name, "id"))
            status = take(walk, WEIR_BOUND_CONVERSATION, WEIR_STORED_MUST,
                          before, value, place);
    if (status == WEIR_OK && walk->reader.error.status != WEIR_OK)
        return unread(walk);
    return status;
}

static weir_status
take_member(struct walk *walk, weir_span name, size_t before, weir_span raw)
{
    if (walk->request->dialect == WEIR_DIALECT_CHAT)
        return weir_span_equal(name, WEIR_SPAN("messages"))
                   ? take_list(walk, raw, take_message)
                   : WEIR_OK;
    if (weir_span_equal(name, WEIR_SPAN("previous_response_id")))
        return take(walk, WEIR_BOUND_RESPONSE, WEIR_STORED_MUST, before, raw,
                    (struct place){NULL, 0, "previous_response_id"});
    if (weir_span_equal(name, WEIR_SPAN("conversation")))
        return take_conversation(walk, before, raw);
    if (weir_span_equal(name, WEIR_SPAN("input")))
        return take_list(walk, raw, take_item);
    return WEIR_OK;
}

bool
weir_stored_may_name(const struct weir_request *request)
{
    const struct weir_json_names *names = &request->names;
    if (request->dialect == WEIR_DIALECT_CHAT)
        return !request->knows_names ||
               weir_json_names_may_have(names, WEIR_SPAN("audio"));
    if (request->dialect != WEIR_DIALECT_RESPONSES)
        return false;
    return !request->knows_names || request->is_stateful ||
           weir_json_names_may_have(names, WEIR_SPAN("id")) ||
           weir_json_names_may_have(names, WEIR_SPAN("approval_request_id")) ||
           weir_json_names_may_have(names, WEIR_SPAN("approvalRequestId"));
}

weir_status
weir_stored_names(struct weir_request *request, weir_stored_on_name on_name,
                  void *context, struct weir_arena *arena, struct weir_buf *out,
                  size_t *changed_out, struct weir_error *err)
{
    struct walk walk;
    weir_status status = WEIR_OK;
    weir_span name, value;
    size_t before;

    walk.request = request;
    walk.on_name = on_name;
    walk.context = context;
    walk.arena = arena;
    walk.changed = 0;
    walk.err = err;
    weir_splice_begin(&walk.splice, request->body, out);
    weir_arena_init(&walk.names, walk.memory, sizeof(walk.memory));
    read_at(&walk, request->body);
    (void)weir_json_object(&walk.reader);
    while (status == WEIR_OK && next_member(&walk, &before, &name, &value)) {
        struct weir_json_reader root = walk.reader;
        status = take_member(&walk, name, before, value);
        walk.reader = root;
    }
    if (status == WEIR_OK && walk.reader.error.status != WEIR_OK)
        status = unread(&walk);
    if (status == WEIR_OK && out != NULL && walk.changed > 0 &&
        !weir_splice_end(&walk.splice))
        status = weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                           "the request is too large");
    if (status == WEIR_OK)
        *changed_out = walk.changed;
    return status;
}
