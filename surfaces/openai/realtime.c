/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The realtime API: what a session's events may say.
 *
 *    client -> session.update, conversation.item.*, input_audio_buffer.*,
 *              response.create, response.cancel        a closed list
 *    origin -> anything: realtime_heard.c
 *
 * WHAT WOULD WALK ROUND THE GATE is refused by its name: another model in
 * `session.update`, sessions that only write down, tools that an origin calls
 * at a server of the client's choice, and what lies at an origin
 * (surfaces/references.c). A second model, which writes down what is heard,
 * is told to the caller, who asks for it as for any other.
 *
 * WHAT IS NOT READ. Prompts are counted here, not looked at; whether an event
 * brings sound, and what it wants as an answer, is told, as rules over texts
 * cannot hold for sound.
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
    TRANSCRIPTION_MODEL,
    INPUT_TRANSCRIPTION,
    INPUT_TRANSCRIPTION_MODEL,
    SESSION_OUTPUT,
    SESSION_OUTPUT_EACH,
    SESSION_MODES,
    SESSION_MODES_EACH,
    RESPONSE_OUTPUT,
    RESPONSE_OUTPUT_EACH,
    RESPONSE_MODES,
    RESPONSE_MODES_EACH,
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
    [TRANSCRIPTION_MODEL] =
        WEIR_JSON_PATH5("session", "audio", "input", "transcription", "model"),
    [INPUT_TRANSCRIPTION] =
        WEIR_JSON_PATH2("session", "input_audio_transcription"),
    [INPUT_TRANSCRIPTION_MODEL] =
        WEIR_JSON_PATH3("session", "input_audio_transcription", "model"),
    [SESSION_OUTPUT] = WEIR_JSON_PATH2("session", "output_modalities"),
    [SESSION_OUTPUT_EACH] =
        WEIR_JSON_PATH3("session", "output_modalities", EACH),
    [SESSION_MODES] = WEIR_JSON_PATH2("session", "modalities"),
    [SESSION_MODES_EACH] = WEIR_JSON_PATH3("session", "modalities", EACH),
    [RESPONSE_OUTPUT] = WEIR_JSON_PATH2("response", "output_modalities"),
    [RESPONSE_OUTPUT_EACH] =
        WEIR_JSON_PATH3("response", "output_modalities", EACH),
    [RESPONSE_MODES] = WEIR_JSON_PATH2("response", "modalities"),
    [RESPONSE_MODES_EACH] = WEIR_JSON_PATH3("response", "modalities", EACH),
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

enum { ASKS = 1, FEEDS = 2, SETS = 4 };

static const struct {
    const char *type;
    unsigned does;
} sendable[] = {
    {"input_audio_buffer.append", FEEDS},
    {"response.create", ASKS},
    {"conversation.item.create", 0},
    {"input_audio_buffer.commit", FEEDS},
    {"input_audio_buffer.clear", 0},
    {"session.update", SETS},
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
            sent->sets = (sendable[i].does & SETS) != 0;
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
    if (hits[SESSION_SERVER].count > 0 || hits[SESSION_CONNECTOR].count > 0)
        return refuse(sent, WEIR_ETYPE, "session.tools",
                      "may not name servers that the origin calls", err);
    if (hits[RESPONSE_SERVER].count > 0 || hits[RESPONSE_CONNECTOR].count > 0)
        return refuse(sent, WEIR_ETYPE, "response.tools",
                      "may not name servers that the origin calls", err);
    return WEIR_OK;
}

/* The model that is to write down what is heard; it must be named. */
static weir_status
read_scribe(const weir_json_hit hits[SENT_MEMBERS],
            struct weir_realtime_sent *sent, struct weir_error *err)
{
    static const char newer[] = "session.audio.input.transcription.model";
    static const char older[] = "session.input_audio_transcription.model";
    bool is_newer = is_there(&hits[TRANSCRIPTION]);
    bool is_older = is_there(&hits[INPUT_TRANSCRIPTION]);
    const weir_json_hit *name =
        &hits[is_newer ? TRANSCRIPTION_MODEL : INPUT_TRANSCRIPTION_MODEL];
    if (!is_newer && !is_older)
        return WEIR_OK;
    if (is_newer && is_older)
        return refuse(sent, WEIR_ETYPE, older, "is said twice", err);
    if (name->kind != WEIR_JSON_STRING || name->raw.len < 3)
        return refuse(sent, WEIR_ETYPE, is_newer ? newer : older,
                      "must name a model", err);
    sent->scribe = name->raw;
    sent->scribe_param = weir_span_of(is_newer ? newer : older);
    return WEIR_OK;
}

/* Text alone, or anything else; `each` are the elements of `list`. */
static void
read_modes(const weir_json_hit *list, const weir_json_hit *each,
           enum weir_realtime_modes *modes)
{
    if (!is_there(list) || *modes == WEIR_REALTIME_SOUND)
        return;
    *modes = list->kind == WEIR_JSON_ARRAY && each->count == 1 &&
                     is_text(each, WEIR_SPAN("text"))
                 ? WEIR_REALTIME_TEXT
                 : WEIR_REALTIME_SOUND;
}

/* What it names that lies elsewhere, whether it brings sound or wants it. */
static weir_status
read_content(weir_span event, const struct weir_urls *urls,
             const weir_json_hit hits[SENT_MEMBERS],
             struct weir_realtime_sent *sent, struct weir_error *err)
{
    unsigned at = sent->asks ? RESPONSE_OUTPUT : SESSION_OUTPUT;
    sent->has_sound = is_there(&hits[AUDIO]);
    if (sent->asks || sent->sets) {
        read_modes(&hits[at], &hits[at + 1], &sent->modes);
        read_modes(&hits[at + 2], &hits[at + 3], &sent->modes);
    }
    if (!is_there(&hits[ITEM]) && !is_there(&hits[RESPONSE]) &&
        !is_there(&hits[SESSION]))
        return WEIR_OK;
    bool has_sound = false;
    weir_status status =
        weir_surface_check_event(event, urls, &has_sound, &sent->param, err);
    sent->has_sound |= has_sound;
    sent->names_address = status == WEIR_EDENIED;
    return status;
}

static uint64_t
sound_bytes(uint64_t base64)
{
    return base64 / 4 * 3;
}

weir_status
weir_realtime_read_sent(weir_span event, weir_span model,
                        const struct weir_urls *urls,
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
    if (status == WEIR_OK)
        status = read_scribe(hits, sent_out, err);
    if (status == WEIR_OK)
        status = read_content(event, urls, hits, sent_out, err);
    uint64_t sound = hits[AUDIO].bytes_total + hits[ITEM_AUDIO].bytes_total;
    sent_out->audio_bytes = sound_bytes(sound);
    sent_out->text_bytes = hits[SESSION].bytes_total +
                           hits[RESPONSE].bytes_total + hits[ITEM].bytes_total -
                           hits[ITEM_AUDIO].bytes_total;
    return status;
}
