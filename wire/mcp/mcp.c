/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON-RPC messages of the Model Context Protocol.
 *
 *   client --> initialize, tools/call, ...   asked of policy by operation
 *   server --> answers, sampling, progress   a closed list too
 *
 * WHY THE LIST IS CLOSED. A method that weir does not know may do what no
 * rule was written for: run code, hand out files of another tenant, start
 * work that is fetched later by a name. It is refused by its name, and joins
 * the list when somebody has said which operation it is.
 *
 * WHY EVERY `tools` OF A RESULT IS CUT. Which request an answer belongs to is
 * not always known: a stream that is taken up again repeats what another
 * request was told. No other result has a member of that name at its top.
 */
#include <weir/json.h>
#include <weir/mcp.h>

#include <string.h>

enum direction { FROM_CLIENT = 1, FROM_SERVER = 2 };

static const struct {
    const char *name;
    uint8_t directions;
    bool is_notification;
    enum weir_operation operation;
} methods[] = {
    {"initialize", FROM_CLIENT, false, WEIR_OP_CONNECT},
    {"ping", FROM_CLIENT | FROM_SERVER, false, WEIR_OP_CONNECT},
    {"server/discover", FROM_CLIENT, false, WEIR_OP_CONNECT},
    {"subscriptions/listen", FROM_CLIENT, false, WEIR_OP_CONNECT},
    {"logging/setLevel", FROM_CLIENT, false, WEIR_OP_CONNECT},
    {"tools/list", FROM_CLIENT, false, WEIR_OP_CONNECT},
    {"tools/call", FROM_CLIENT, false, WEIR_OP_CALL_TOOL},
    {"resources/list", FROM_CLIENT, false, WEIR_OP_READ_RESOURCE},
    {"resources/templates/list", FROM_CLIENT, false, WEIR_OP_READ_RESOURCE},
    {"resources/read", FROM_CLIENT, false, WEIR_OP_READ_RESOURCE},
    {"resources/subscribe", FROM_CLIENT, false, WEIR_OP_READ_RESOURCE},
    {"resources/unsubscribe", FROM_CLIENT, false, WEIR_OP_READ_RESOURCE},
    {"prompts/list", FROM_CLIENT, false, WEIR_OP_GET_PROMPT},
    {"prompts/get", FROM_CLIENT, false, WEIR_OP_GET_PROMPT},
    {"completion/complete", FROM_CLIENT, false, WEIR_OP_GET_PROMPT},
    {"notifications/initialized", FROM_CLIENT, true, WEIR_OP_CONNECT},
    {"notifications/cancelled", FROM_CLIENT | FROM_SERVER, true,
     WEIR_OP_CONNECT},
    {"notifications/progress", FROM_CLIENT | FROM_SERVER, true,
     WEIR_OP_CONNECT},
    {"notifications/roots/list_changed", FROM_CLIENT, true, WEIR_OP_CONNECT},
    {"roots/list", FROM_SERVER, false, WEIR_OP_CONNECT},
    {"sampling/createMessage", FROM_SERVER, false, WEIR_OP_CONNECT},
    {"elicitation/create", FROM_SERVER, false, WEIR_OP_CONNECT},
    {"notifications/message", FROM_SERVER, true, WEIR_OP_CONNECT},
    {"notifications/tools/list_changed", FROM_SERVER, true, WEIR_OP_CONNECT},
    {"notifications/prompts/list_changed", FROM_SERVER, true, WEIR_OP_CONNECT},
    {"notifications/resources/list_changed", FROM_SERVER, true,
     WEIR_OP_CONNECT},
    {"notifications/resources/updated", FROM_SERVER, true, WEIR_OP_CONNECT},
    {"notifications/subscriptions/acknowledged", FROM_SERVER, true,
     WEIR_OP_CONNECT},
    {"notifications/elicitation/complete", FROM_SERVER, true, WEIR_OP_CONNECT},
};

enum { JSONRPC, ID, METHOD, PARAMS, NAME, RESULT, ERROR, MEMBERS };

static const weir_json_path members[MEMBERS] = {
    [JSONRPC] = WEIR_JSON_PATH1("jsonrpc"),
    [ID] = WEIR_JSON_PATH1("id"),
    [METHOD] = WEIR_JSON_PATH1("method"),
    [PARAMS] = WEIR_JSON_PATH1("params"),
    [NAME] = WEIR_JSON_PATH2("params", "name"),
    [RESULT] = WEIR_JSON_PATH1("result"),
    [ERROR] = WEIR_JSON_PATH1("error"),
};

#define METHOD_MAX 64

/* -------------------------------------------------------------- reading */

static bool
read_id(const weir_json_hit *hit, struct weir_mcp_message *message)
{
    int64_t number;
    bool is_one = hit->kind == WEIR_JSON_STRING ||
                  (hit->kind == WEIR_JSON_NUMBER &&
                   weir_json_to_int64(hit->raw, &number));
    if (!is_one || hit->raw.len > WEIR_MCP_ID_MAX)
        return false;
    message->id = hit->raw;
    return true;
}

static weir_status
read_method(weir_span raw, uint8_t direction, struct weir_mcp_message *message,
            struct weir_error *err)
{
    char memory[METHOD_MAX];
    weir_span name;
    if (weir_json_unescape_into(raw, memory, sizeof(memory), &name))
        for (size_t i = 0; i < WEIR_COUNTOF(methods); i++) {
            if ((methods[i].directions & direction) == 0 ||
                !weir_span_equal(name, weir_span_of(methods[i].name)))
                continue;
            message->method = weir_span_of(methods[i].name);
            message->operation = methods[i].operation;
            if (methods[i].is_notification !=
                (message->kind == WEIR_MCP_NOTIFICATION))
                return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE, "`%s` %s",
                                 methods[i].name,
                                 methods[i].is_notification
                                     ? "is a notification and has no id"
                                     : "needs an id");
            return WEIR_OK;
        }
    return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                     "this method is not let through here");
}

static weir_status
read_answer(const weir_json_hit *hits, struct weir_mcp_message *message,
            struct weir_error *err)
{
    bool has_result = hits[RESULT].kind != WEIR_JSON_NONE;
    bool has_error = hits[ERROR].kind != WEIR_JSON_NONE;
    message->kind = WEIR_MCP_ANSWER;
    message->operation = WEIR_OP_CONNECT;
    message->is_error = has_error;
    if (has_result == has_error)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "a message has a method, a result or an error");
    if (has_error && hits[ERROR].kind != WEIR_JSON_OBJECT)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "`error` must be an object");
    /* An error about what could not be read has no id. */
    if (message->id.len == 0 &&
        !(has_error &&
          (hits[ID].kind == WEIR_JSON_NONE || hits[ID].kind == WEIR_JSON_NULL)))
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "`id` must be a string or a whole number");
    return WEIR_OK;
}

static weir_status
read_message(weir_span text, uint8_t direction, weir_json_hit *hits,
             struct weir_mcp_message *message, struct weir_error *err)
{
    struct weir_json_root root;
    weir_span version;
    char memory[8];

    *message = (struct weir_mcp_message){.kind = WEIR_MCP_NOTIFICATION};
    weir_status status = weir_json_scan(text, members, MEMBERS,
                                        WEIR_JSON_FOLD_NAMES, &root, hits, err);
    if (status != WEIR_OK)
        return status;
    if (root.kind == WEIR_JSON_ARRAY)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "batches are no part of the protocol: send one "
                         "message");
    if (root.kind != WEIR_JSON_OBJECT ||
        hits[JSONRPC].kind != WEIR_JSON_STRING ||
        !weir_json_unescape_into(hits[JSONRPC].raw, memory, sizeof(memory),
                                 &version) ||
        !weir_span_equal(version, WEIR_SPAN("2.0")))
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "not a message of JSON-RPC 2.0");
    bool has_id = read_id(&hits[ID], message);
    if (hits[METHOD].kind == WEIR_JSON_NONE)
        return read_answer(hits, message, err);
    if (hits[ID].kind != WEIR_JSON_NONE && !has_id)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "`id` must be a string or a whole number");
    if (hits[RESULT].kind != WEIR_JSON_NONE ||
        hits[ERROR].kind != WEIR_JSON_NONE)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "a message has a method, a result or an error");
    if (hits[METHOD].kind != WEIR_JSON_STRING ||
        (hits[PARAMS].kind != WEIR_JSON_NONE &&
         hits[PARAMS].kind != WEIR_JSON_OBJECT))
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "`method` must be a string, `params` an object");
    message->kind = has_id ? WEIR_MCP_REQUEST : WEIR_MCP_NOTIFICATION;
    return read_method(hits[METHOD].raw, direction, message, err);
}

weir_status
weir_mcp_read(weir_span text, struct weir_arena *arena,
              struct weir_mcp_message *message_out, struct weir_error *err)
{
    weir_json_hit hits[MEMBERS];
    weir_status status =
        read_message(text, FROM_CLIENT, hits, message_out, err);
    if (status != WEIR_OK || message_out->operation != WEIR_OP_CALL_TOOL)
        return status;
    if (hits[NAME].kind != WEIR_JSON_STRING ||
        weir_json_unescape(hits[NAME].raw, arena, &message_out->tool, err) !=
            WEIR_OK ||
        message_out->tool.len == 0)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "`params.name` must name a tool");
    return WEIR_OK;
}

weir_status
weir_mcp_read_reply(weir_span text, struct weir_mcp_message *message_out,
                    struct weir_error *err)
{
    weir_json_hit hits[MEMBERS];
    return read_message(text, FROM_SERVER, hits, message_out, err);
}

void
weir_mcp_put_error(weir_span id, enum weir_mcp_code code, weir_span message,
                   struct weir_buf *out)
{
    struct weir_json_writer writer;
    weir_json_writer_init(&writer, out);
    weir_json_begin_object(&writer);
    weir_json_name(&writer, "jsonrpc");
    weir_json_add_string(&writer, WEIR_SPAN("2.0"));
    if (id.len > 0) {
        weir_json_name(&writer, "id");
        weir_json_add_raw(&writer, id);
    }
    weir_json_name(&writer, "error");
    weir_json_begin_object(&writer);
    weir_json_name(&writer, "code");
    weir_json_add_int(&writer, code);
    weir_json_name(&writer, "message");
    weir_json_add_string(&writer, message);
    weir_json_end_object(&writer);
    weir_json_end_object(&writer);
}

bool
weir_mcp_is_version(weir_span text)
{
    static const char *const versions[] = {
        "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"};
    for (size_t i = 0; i < WEIR_COUNTOF(versions); i++)
        if (weir_span_equal(text, weir_span_of(versions[i])))
            return true;
    return false;
}

/* ---------------------------------------------------------------- lists */

struct cutting {
    struct weir_json_reader reader;
    const struct weir_mcp_gate *gate;
    struct weir_arena *arena;
    struct weir_buf *out;
    weir_span text;
    size_t copied; /* of the text, to `out` or left out */
    bool is_changed;
};

/* Its one name; false: none, or several. */
static bool
name_of(weir_span raw, struct weir_arena *arena, weir_span *name_out)
{
    struct weir_json_reader reader;
    struct weir_error err;
    weir_span member, value = WEIR_SPAN_NONE;
    unsigned names = 0;
    weir_json_reader_init(&reader, raw, arena);
    if (!weir_json_object(&reader))
        return false;
    while (weir_json_member(&reader, &member)) {
        if (!weir_span_equal_nocase(member, WEIR_SPAN("name")))
            continue;
        names++;
        if (!weir_json_string(&reader, &value))
            return false;
    }
    *name_out = value;
    return weir_json_reader_end(&reader, &err) == WEIR_OK && names == 1;
}

static void
copy_up_to(struct cutting *cutting, size_t at)
{
    weir_buf_add(cutting->out, cutting->text.ptr + cutting->copied,
                 at - cutting->copied);
    cutting->copied = at;
}

/* The array's elements: those that may be used, with commas between. */
static void
cut_array(struct cutting *cutting)
{
    weir_span raw, name;
    size_t kept = 0;
    bool is_first = true;
    if (!weir_json_array(&cutting->reader))
        return;
    while (weir_json_element(&cutting->reader) &&
           weir_json_raw(&cutting->reader, &raw)) {
        size_t from = (size_t)(raw.ptr - cutting->text.ptr);
        if (is_first)
            copy_up_to(cutting, from);
        is_first = false;
        if (name_of(raw, cutting->arena, &name) &&
            cutting->gate->may_call(cutting->gate->context, name)) {
            if (kept++ > 0)
                weir_buf_add_byte(cutting->out, ',');
            weir_buf_add_span(cutting->out, raw);
        } else {
            cutting->is_changed = true;
        }
        cutting->copied = from + raw.len;
    }
}

static void
cut_result(struct cutting *cutting)
{
    weir_span name;
    if (!weir_json_object(&cutting->reader))
        return;
    while (weir_json_member(&cutting->reader, &name)) {
        if (!weir_span_equal_nocase(name, WEIR_SPAN("tools")))
            continue;
        if (weir_json_peek(&cutting->reader) == WEIR_JSON_ARRAY)
            cut_array(cutting);
        else
            (void)weir_json_reject(&cutting->reader, WEIR_ETYPE,
                                   "`tools` is no list");
    }
}

weir_status
weir_mcp_cut_list(weir_span text, const struct weir_mcp_gate *gate,
                  struct weir_arena *arena, struct weir_buf *out,
                  bool *changed_out, struct weir_error *err)
{
    struct cutting cutting = {
        .gate = gate, .arena = arena, .out = out, .text = text};
    size_t before = out->len;
    weir_span name;
    weir_json_reader_init(&cutting.reader, text, arena);
    if (weir_json_object(&cutting.reader))
        while (weir_json_member(&cutting.reader, &name))
            if (weir_span_equal_nocase(name, WEIR_SPAN("result")) &&
                weir_json_peek(&cutting.reader) == WEIR_JSON_OBJECT)
                cut_result(&cutting);
    weir_status status = weir_json_reader_end(&cutting.reader, err);
    if (status == WEIR_OK && cutting.is_changed)
        copy_up_to(&cutting, text.len);
    if (status == WEIR_OK && (out->overflow || arena->overflow))
        status = weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                           "a list of tools is too long");
    if (status != WEIR_OK || !cutting.is_changed)
        out->len = before;
    *changed_out = cutting.is_changed;
    return status;
}
