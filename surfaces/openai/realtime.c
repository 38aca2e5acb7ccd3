/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The realtime API: what a session's events may say, and what they cost.
 *
 *    client -> session.update, conversation.item.*, input_audio_buffer.*,
 *              response.create, response.cancel        a closed list
 *    origin -> anything; response.created, *.delta and response.done are read
 *
 * WHAT WOULD WALK ROUND THE GATE is refused by its name: another model in
 * `session.update`, a second one to write down what was heard (nobody would
 * meter it at its own price), sessions that only write down, and tools that
 * an origin calls at a server of the client's choice.
 *
 * WHAT IS NOT READ. Prompts and answers are counted, not looked at: rules
 * over them do not act on sessions, and where policy has such rules a session
 * is refused (core/gate/session.c).
 */
#include <weir/realtime.h>

#include "openai.h"

#include "common.h"

#include <string.h>

/* --------------------------------------------------------------- query */

static int
hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes `%41` and `+`; false: a broken escape or a control character. */
static bool
decode(weir_span raw, char *to, size_t *len_out)
{
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i] == '+' ? ' ' : raw.ptr[i];
        if (c == '%') {
            if (raw.len - i < 3 || hex(raw.ptr[i + 1]) < 0 ||
                hex(raw.ptr[i + 2]) < 0)
                return false;
            c = (char)(hex(raw.ptr[i + 1]) << 4 | hex(raw.ptr[i + 2]));
            i += 2;
        }
        if ((uint8_t)c < 0x20 || (uint8_t)c == 0x7f)
            return false;
        to[len++] = c;
    }
    *len_out = len;
    return true;
}

static weir_status
reject_query(struct weir_request *request, weir_span name, const char *why,
             struct weir_error *err)
{
    request->param = name;
    return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE, "%.*s %s",
                     WEIR_SPAN_ARG(name), why);
}

static weir_span
cut(weir_span *rest, char mark)
{
    weir_span first = *rest;
    const char *at = memchr(rest->ptr, mark, rest->len);
    if (at != NULL)
        first.len = (size_t)(at - rest->ptr);
    rest->ptr += first.len + (at != NULL ? 1 : 0);
    rest->len -= first.len + (at != NULL ? 1 : 0);
    return first;
}

static weir_status
read_model(weir_span raw, struct weir_arena *arena,
           struct weir_request *request, struct weir_error *err)
{
    size_t len;
    char *text = weir_arena_alloc_raw(arena, raw.len + 1);
    if (text == NULL)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the model's name is too long");
    if (!decode(raw, text, &len) || len == 0 ||
        !weir_utf8_valid((weir_span){text, len}))
        return reject_query(request, WEIR_SPAN("model"), "must be a name", err);
    if (request->model.ptr != NULL)
        return reject_query(request, WEIR_SPAN("model"), "is named twice", err);
    request->model = (weir_span){text, len};
    return WEIR_OK;
}

weir_status
weir_realtime_read_query(const struct weir_surface_route *route,
                         weir_span query, struct weir_arena *arena,
                         struct weir_request *request_out,
                         struct weir_error *err)
{
    *request_out = (struct weir_request){.endpoint = route->endpoint,
                                         .dialect = route->dialect,
                                         .surface = route->surface,
                                         .end = route->end,
                                         .is_streamed = true,
                                         .n = 1};
    while (query.len > 0) {
        weir_span value = cut(&query, '&');
        weir_span name = cut(&value, '=');
        weir_status status = WEIR_OK;
        if (weir_span_equal(name, WEIR_SPAN("model")) ||
            weir_span_equal(name, WEIR_SPAN("deployment")))
            status = read_model(value, arena, request_out, err);
        else if (name.len > 0 &&
                 !weir_span_equal(name, WEIR_SPAN("api-version")))
            status = reject_query(
                request_out, name.len <= 32 ? name : WEIR_SPAN("the query"),
                "is not served in a session's address", err);
        if (status != WEIR_OK)
            return status;
    }
    if (request_out->model.ptr == NULL)
        return reject_query(request_out, WEIR_SPAN("model"), "is missing", err);
    return WEIR_OK;
}

/* ---------------------------------------------------------------- sent */

enum {
    TYPE,
    EVENT_ID,
    SESSION,
    SESSION_TYPE,
    SESSION_MODEL,
    RESPONSE_MODEL,
    RESPONSE,
    ITEM,
    TRANSCRIPTION,
    INPUT_TRANSCRIPTION,
    SESSION_SERVER,
    SESSION_CONNECTOR,
    RESPONSE_SERVER,
    RESPONSE_CONNECTOR,
    AUDIO,
    ITEM_AUDIO,
    SENT_MEMBERS
};

#define EACH WEIR_JSON_EACH

static const weir_json_path sent_members[SENT_MEMBERS] = {
    [TYPE] = WEIR_JSON_PATH1("type"),
    [EVENT_ID] = WEIR_JSON_PATH1("event_id"),
    [SESSION] = WEIR_JSON_PATH1("session"),
    [SESSION_TYPE] = WEIR_JSON_PATH2("session", "type"),
    [SESSION_MODEL] = WEIR_JSON_PATH2("session", "model"),
    [RESPONSE_MODEL] = WEIR_JSON_PATH2("response", "model"),
    [RESPONSE] = WEIR_JSON_PATH1("response"),
    [ITEM] = WEIR_JSON_PATH1("item"),
    [TRANSCRIPTION] =
        WEIR_JSON_PATH4("session", "audio", "input", "transcription"),
    [INPUT_TRANSCRIPTION] =
        WEIR_JSON_PATH2("session", "input_audio_transcription"),
    [SESSION_SERVER] = WEIR_JSON_PATH4("session", "tools", EACH, "server_url"),
    [SESSION_CONNECTOR] =
        WEIR_JSON_PATH4("session", "tools", EACH, "connector_id"),
    [RESPONSE_SERVER] =
        WEIR_JSON_PATH4("response", "tools", EACH, "server_url"),
    [RESPONSE_CONNECTOR] =
        WEIR_JSON_PATH4("response", "tools", EACH, "connector_id"),
    [AUDIO] = WEIR_JSON_PATH1("audio"),
    [ITEM_AUDIO] = WEIR_JSON_PATH4("item", "content", EACH, "audio"),
};

enum { ASKS = 1, FEEDS = 2 };

static const struct {
    const char *type;
    unsigned does;
} sendable[] = {
    {"input_audio_buffer.append", FEEDS},
    {"response.create", ASKS},
    {"conversation.item.create", 0},
    {"input_audio_buffer.commit", FEEDS},
    {"input_audio_buffer.clear", 0},
    {"session.update", 0},
    {"response.cancel", 0},
    {"conversation.item.truncate", 0},
    {"conversation.item.delete", 0},
    {"conversation.item.retrieve", 0},
    {"output_audio_buffer.clear", 0},
};

static weir_status
refuse(struct weir_realtime_sent *sent, weir_status status, const char *param,
       const char *why, struct weir_error *err)
{
    sent->param = weir_span_of(param);
    return weir_fail(err, status, WEIR_OFFSET_NONE, "%s %s", param, why);
}

static bool
is_there(const weir_json_hit *hit)
{
    return hit->kind != WEIR_JSON_NONE && hit->kind != WEIR_JSON_NULL;
}

/* The text of a JSON string without room for long ones. */
static bool
is_text(const weir_json_hit *hit, weir_span text)
{
    char room[256];
    weir_span said;
    return hit->kind == WEIR_JSON_STRING &&
           weir_json_unescape_into(hit->raw, room, sizeof(room), &said) &&
           weir_span_equal(said, text);
}

static weir_status
read_type(const weir_json_hit *hit, struct weir_realtime_sent *sent,
          struct weir_error *err)
{
    for (size_t i = 0; i < WEIR_COUNTOF(sendable); i++)
        if (is_text(hit, weir_span_of(sendable[i].type))) {
            sent->asks = (sendable[i].does & ASKS) != 0;
            sent->feeds = (sendable[i].does & FEEDS) != 0;
            return WEIR_OK;
        }
    return refuse(sent, WEIR_ETYPE, "type",
                  "names no event that clients may send", err);
}

static weir_status
check_model(const weir_json_hit hits[SENT_MEMBERS], weir_span model,
            struct weir_realtime_sent *sent, struct weir_error *err)
{
    if (is_there(&hits[RESPONSE_MODEL]))
        return refuse(sent, WEIR_EDENIED, "response.model",
                      "is not served: a session keeps its model", err);
    if (!is_there(&hits[SESSION_MODEL]))
        return WEIR_OK;
    if (!is_text(&hits[SESSION_MODEL], model))
        return refuse(sent, WEIR_EDENIED, "session.model",
                      "may not become another: open a session for it", err);
    sent->spot = hits[SESSION_MODEL].raw;
    return WEIR_OK;
}

static weir_status
check_loopholes(const weir_json_hit hits[SENT_MEMBERS],
                struct weir_realtime_sent *sent, struct weir_error *err)
{
    if (is_there(&hits[SESSION_TYPE]) &&
        !is_text(&hits[SESSION_TYPE], WEIR_SPAN("realtime")))
        return refuse(sent, WEIR_ETYPE, "session.type",
                      "must be \"realtime\": no other is served", err);
    if (is_there(&hits[TRANSCRIPTION]))
        return refuse(sent, WEIR_ETYPE, "session.audio.input.transcription",
                      "is not served: it names a second model", err);
    if (is_there(&hits[INPUT_TRANSCRIPTION]))
        return refuse(sent, WEIR_ETYPE, "session.input_audio_transcription",
                      "is not served: it names a second model", err);
    if (hits[SESSION_SERVER].count > 0 || hits[SESSION_CONNECTOR].count > 0)
        return refuse(sent, WEIR_ETYPE, "session.tools",
                      "may not name servers that the origin calls", err);
    if (hits[RESPONSE_SERVER].count > 0 || hits[RESPONSE_CONNECTOR].count > 0)
        return refuse(sent, WEIR_ETYPE, "response.tools",
                      "may not name servers that the origin calls", err);
    return WEIR_OK;
}

static uint64_t
sound_bytes(uint64_t base64)
{
    return base64 / 4 * 3;
}

weir_status
weir_realtime_read_sent(weir_span event, weir_span model,
                        struct weir_realtime_sent *sent_out,
                        struct weir_error *err)
{
    struct weir_json_root root;
    weir_json_hit hits[SENT_MEMBERS];

    *sent_out = (struct weir_realtime_sent){0};
    weir_status status = weir_json_scan(event, sent_members, SENT_MEMBERS,
                                        WEIR_JSON_FOLD_NAMES, &root, hits, err);
    if (status != WEIR_OK)
        return status;
    if (root.kind != WEIR_JSON_OBJECT)
        return refuse(sent_out, WEIR_ETYPE, "type", "is missing", err);
    if (hits[EVENT_ID].kind == WEIR_JSON_STRING)
        sent_out->id = hits[EVENT_ID].raw;
    status = read_type(&hits[TYPE], sent_out, err);
    if (status == WEIR_OK)
        status = check_model(hits, model, sent_out, err);
    if (status == WEIR_OK)
        status = check_loopholes(hits, sent_out, err);
    uint64_t sound = hits[AUDIO].bytes_total + hits[ITEM_AUDIO].bytes_total;
    sent_out->audio_bytes = sound_bytes(sound);
    sent_out->text_bytes = hits[SESSION].bytes_total +
                           hits[RESPONSE].bytes_total + hits[ITEM].bytes_total -
                           hits[ITEM_AUDIO].bytes_total;
    return status;
}

/* --------------------------------------------------------------- heard */

enum {
    HEARD_TYPE,
    DELTA,
    RESPONSE_ID,
    DELTA_RESPONSE_ID,
    USAGE,
    HEARD_MEMBERS
};

static const weir_json_path heard_members[HEARD_MEMBERS] = {
    [HEARD_TYPE] = WEIR_JSON_PATH1("type"),
    [DELTA] = WEIR_JSON_PATH1("delta"),
    [RESPONSE_ID] = WEIR_JSON_PATH2("response", "id"),
    [DELTA_RESPONSE_ID] = WEIR_JSON_PATH1("response_id"),
    [USAGE] = WEIR_JSON_PATH2("response", "usage"),
};

static void
read_delta(weir_span type, const weir_json_hit *delta,
           struct weir_realtime_heard *heard)
{
    uint64_t bytes = delta->raw.len > 2 ? delta->raw.len - 2 : 0;
    heard->kind = WEIR_REALTIME_DELTA;
    if (weir_span_equal(type, WEIR_SPAN("response.output_audio.delta")) ||
        weir_span_equal(type, WEIR_SPAN("response.audio.delta")))
        heard->audio_bytes = sound_bytes(bytes);
    else
        heard->text_bytes = bytes;
}

bool
weir_realtime_read_heard(weir_span event, struct weir_realtime_heard *heard_out)
{
    struct weir_json_root root;
    weir_json_hit hits[HEARD_MEMBERS];
    char room[128];
    weir_span type = WEIR_SPAN_NONE;

    *heard_out = (struct weir_realtime_heard){0};
    if (weir_json_scan(event, heard_members, HEARD_MEMBERS, 0, &root, hits,
                       NULL) != WEIR_OK ||
        root.kind != WEIR_JSON_OBJECT ||
        hits[HEARD_TYPE].kind != WEIR_JSON_STRING)
        return false;
    if (!weir_json_unescape_into(hits[HEARD_TYPE].raw, room, sizeof(room),
                                 &type))
        return true;
    heard_out->answer = weir_hash64(hits[DELTA_RESPONSE_ID].raw.len > 0
                                        ? hits[DELTA_RESPONSE_ID].raw
                                        : hits[RESPONSE_ID].raw,
                                    0);
    if (weir_span_equal(type, WEIR_SPAN("response.created")))
        heard_out->kind = WEIR_REALTIME_BEGUN;
    else if (weir_span_equal(type, WEIR_SPAN("response.done")))
        heard_out->kind = WEIR_REALTIME_DONE;
    else if (weir_span_equal(type, WEIR_SPAN("error")))
        heard_out->kind = WEIR_REALTIME_FAILED;
    else if (weir_span_starts(type, WEIR_SPAN("response.")) &&
             weir_span_ends(type, WEIR_SPAN(".delta")) &&
             hits[DELTA].kind == WEIR_JSON_STRING)
        read_delta(type, &hits[DELTA], heard_out);
    heard_out->has_usage =
        heard_out->kind == WEIR_REALTIME_DONE &&
        hits[USAGE].kind == WEIR_JSON_OBJECT &&
        weir_usage_read(hits[USAGE].raw, &heard_out->usage, NULL) == WEIR_OK;
    return true;
}

/* ------------------------------------------------------------ estimate */

#define SOUND_SECOND 48000 /* bytes: 16 bit at 24 kHz */
#define HEARD_TOKEN  (SOUND_SECOND / 10)
#define SPOKEN_TOKEN (SOUND_SECOND / 20)

static uint64_t
parts(uint64_t bytes, uint64_t each)
{
    return bytes / each + (bytes % each != 0 ? 1 : 0);
}

struct weir_usage
weir_realtime_estimate(uint64_t text_in, uint64_t audio_in, uint64_t text_out,
                       uint64_t audio_out)
{
    struct weir_usage usage = weir_usage_estimate(text_in, text_out);
    usage.audio_input_tokens = parts(audio_in, HEARD_TOKEN);
    usage.audio_output_tokens = parts(audio_out, SPOKEN_TOKEN);
    usage.input_tokens += usage.audio_input_tokens;
    usage.output_tokens += usage.audio_output_tokens;
    return usage;
}
