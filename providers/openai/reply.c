/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a reply while it passes.
 *
 *    stream: bytes -> events (wire/sse) -> tap on their data -> facts
 *                        `-> raw bytes -> the client, but for hidden events
 *    plain:  bytes -> tap -> facts
 *              `-> the client
 *
 * Nothing is written anew. An event is hidden only when it exists because
 * weir asked for it: usage, no choices, and the client did not ask. Any
 * other event with usage in it (some origins put it into the last chunk, or
 * into each) passes as it came.
 *
 * WHEN IS A STREAM AT ITS END. Chat and completions: at `[DONE]`. Responses:
 * at response.completed, .incomplete or .failed. An error event ends it too,
 * as the origin's own error. All else is a cut, also when the connection was
 * closed in order: a proxy in between that gives up looks just like that.
 *
 * WHICH USAGE COUNTS. The last one that can be read: origins that send it
 * more than once count upwards.
 */
#include "openai.h"

#include <weir/json_tap.h>
#include <weir/raw.h>
#include <weir/sse.h>

#include <stddef.h>
#include <string.h>

#define EACH       WEIR_JSON_EACH
#define ID_MAX     128
#define REASON_MAX 48
#define USAGE_MAX  2048
#define TYPE_MAX   64

enum {
    ID,
    USAGE,
    SIDE_USAGE, /* read where there is no USAGE */
    ERROR,
    REASON,
    CHOICE, /* one for each answer that an event speaks of */
    TYPE,   /* of a Responses event */
    SERVICE,
    TEXT,
    PART_TEXT,
    PART_THINKING,
    REFUSAL,
    ARGUMENTS,
    CALL_ARGUMENTS,
    REASONING,
    REASONING_CONTENT, /* the same text as REASONING where both are there */
    TAPS
};

#define MEMORY_MAX (ID_MAX + 2 * USAGE_MAX + REASON_MAX + 2 * TYPE_MAX)

#define CHOICES_OF(message)                                                    \
    [ID] = {WEIR_JSON_PATH1("id"), ID_MAX},                                    \
    [USAGE] = {WEIR_JSON_PATH1("usage"), USAGE_MAX},                           \
    [SIDE_USAGE] = {WEIR_JSON_PATH2("x_groq", "usage"), USAGE_MAX},            \
    [SERVICE] = {WEIR_JSON_PATH1("service_tier"), TYPE_MAX},                   \
    [ERROR] = {WEIR_JSON_PATH1("error"), 0},                                   \
    [REASON] = {WEIR_JSON_PATH3("choices", EACH, "finish_reason"),             \
                REASON_MAX},                                                   \
    [CHOICE] = {WEIR_JSON_PATH2("choices", EACH), 0},                          \
    [TEXT] = {WEIR_JSON_PATH4("choices", EACH, message, "content"), 0},        \
    [PART_TEXT] = {WEIR_JSON_PATH6("choices", EACH, message, "content", EACH,  \
                                   "text"),                                    \
                   0},                                                         \
    [PART_THINKING] = {WEIR_JSON_PATH8("choices", EACH, message, "content",    \
                                       EACH, "thinking", EACH, "text"),        \
                       0},                                                     \
    [REFUSAL] = {WEIR_JSON_PATH4("choices", EACH, message, "refusal"), 0},     \
    [ARGUMENTS] = {WEIR_JSON_PATH7("choices", EACH, message, "tool_calls",     \
                                   EACH, "function", "arguments"),             \
                   0},                                                         \
    [CALL_ARGUMENTS] = {WEIR_JSON_PATH5("choices", EACH, message,              \
                                        "function_call", "arguments"),         \
                        0},                                                    \
    [REASONING] = {WEIR_JSON_PATH4("choices", EACH, message, "reasoning"), 0}, \
    [REASONING_CONTENT] = {                                                    \
        WEIR_JSON_PATH4("choices", EACH, message, "reasoning_content"), 0}

static const weir_json_wanted chat_event[TAPS] = {CHOICES_OF("delta")};
static const weir_json_wanted chat_body[TAPS] = {CHOICES_OF("message")};

/* Completions, whole and streamed. */
static const weir_json_wanted complete[TAPS] = {
    [ID] = {WEIR_JSON_PATH1("id"), ID_MAX},
    [USAGE] = {WEIR_JSON_PATH1("usage"), USAGE_MAX},
    [ERROR] = {WEIR_JSON_PATH1("error"), 0},
    [REASON] = {WEIR_JSON_PATH3("choices", EACH, "finish_reason"), REASON_MAX},
    [CHOICE] = {WEIR_JSON_PATH2("choices", EACH), 0},
    [TEXT] = {WEIR_JSON_PATH3("choices", EACH, "text"), 0},
};

static const weir_json_wanted responses_event[TAPS] = {
    [ID] = {WEIR_JSON_PATH2("response", "id"), ID_MAX},
    [USAGE] = {WEIR_JSON_PATH2("response", "usage"), USAGE_MAX},
    [ERROR] = {WEIR_JSON_PATH1("error"), 0},
    [REASON] = {WEIR_JSON_PATH2("response", "status"), REASON_MAX},
    [TYPE] = {WEIR_JSON_PATH1("type"), TYPE_MAX},
    [SERVICE] = {WEIR_JSON_PATH2("response", "service_tier"), TYPE_MAX},
    [TEXT] = {WEIR_JSON_PATH1("delta"), 0},
};

static const weir_json_wanted responses_body[TAPS] = {
    [ID] = {WEIR_JSON_PATH1("id"), ID_MAX},
    [USAGE] = {WEIR_JSON_PATH1("usage"), USAGE_MAX},
    [ERROR] = {WEIR_JSON_PATH1("error"), 0},
    [REASON] = {WEIR_JSON_PATH1("status"), REASON_MAX},
    [SERVICE] = {WEIR_JSON_PATH1("service_tier"), TYPE_MAX},
    [TEXT] = {WEIR_JSON_PATH5("output", EACH, "content", EACH, "text"), 0},
    [REFUSAL] = {WEIR_JSON_PATH5("output", EACH, "content", EACH, "refusal"),
                 0},
    [ARGUMENTS] = {WEIR_JSON_PATH3("output", EACH, "arguments"), 0},
    [REASONING] = {WEIR_JSON_PATH5("output", EACH, "summary", EACH, "text"), 0},
};

/* What has no tokens of its own; DURATION stands in REASON's place. */
static const weir_json_wanted other_body[TAPS] = {
    [ID] = {WEIR_JSON_PATH1("id"), ID_MAX},
    [USAGE] = {WEIR_JSON_PATH1("usage"), USAGE_MAX},
    [SIDE_USAGE] = {WEIR_JSON_PATH2("meta", "billed_units"), USAGE_MAX},
    [ERROR] = {WEIR_JSON_PATH1("error"), 0},
    [REASON] = {WEIR_JSON_PATH1("duration"), REASON_MAX},
    [CHOICE] = {WEIR_JSON_PATH2("data", EACH), 0},
};

static const weir_json_wanted other_event[TAPS] = {
    [USAGE] = {WEIR_JSON_PATH1("usage"), USAGE_MAX},
    [ERROR] = {WEIR_JSON_PATH1("error"), 0},
    [TYPE] = {WEIR_JSON_PATH1("type"), TYPE_MAX},
};

static const weir_json_wanted embed_body[TAPS] = {
    [USAGE] = {WEIR_JSON_PATH1("usage"), USAGE_MAX},
    [ERROR] = {WEIR_JSON_PATH1("error"), 0},
};

struct openai_reply {
    struct weir_reply reply; /* first: this is one */
    struct weir_reply_setup setup;
    struct weir_sse sse;
    struct weir_buf held; /* plain body or event without its reasoning */
    bool has_edited;      /* `held` is the next piece */
    bool was_hidden;      /* the last event */
    bool was_withheld;    /* something could not be read: never DONE */
    bool is_begun;        /* some of a plain body was read */
    enum weir_service service;
    /* From here on not zeroed: what is not written is not read. */
    struct weir_json_tap tap;
    char id[ID_MAX];
    char reason[REASON_MAX];
    char memory[MEMORY_MAX];
};

static struct openai_reply *
openai_of(struct weir_reply *reply)
{
    return (struct openai_reply *)(void *)reply;
}

#define KINDS 8 /* tables that wanted_of() may give */

static const weir_json_wanted *
wanted_of(const struct weir_reply_setup *setup)
{
    switch (setup->endpoint) {
    case WEIR_ENDPOINT_RESPONSES:
        return setup->is_streamed ? responses_event : responses_body;
    case WEIR_ENDPOINT_EMBED:
        /* Cohere's own tells its usage where its others do. */
        return setup->request != NULL &&
                       setup->request->dialect == WEIR_DIALECT_OTHER
                   ? other_body
                   : embed_body;
    case WEIR_ENDPOINT_COMPLETE:
        return complete;
    case WEIR_ENDPOINT_MODERATE:
    case WEIR_ENDPOINT_RERANK:
    case WEIR_ENDPOINT_IMAGE:
    case WEIR_ENDPOINT_SPEECH:
    case WEIR_ENDPOINT_TRANSCRIBE:
        return setup->is_streamed ? other_event : other_body;
    default:
        return setup->is_streamed ? chat_event : chat_body;
    }
}

/* Made once by each thread: it takes longer than reading a usual reply. */
static const struct weir_json_tap_plan *
plan_of(const weir_json_wanted *wanted)
{
    static _Thread_local struct weir_json_tap_plan made[KINDS];
    struct weir_json_tap_plan *plan = made;
    while (plan->wanted != wanted && plan->wanted != NULL)
        plan++;
    WEIR_ASSERT(plan < made + KINDS);
    if (plan->wanted == NULL)
        weir_json_tap_plan_init(plan, wanted, TAPS);
    return plan;
}

static bool
is_other(enum weir_endpoint endpoint)
{
    return endpoint >= WEIR_ENDPOINT_MODERATE &&
           endpoint <= WEIR_ENDPOINT_TRANSCRIBE;
}

/* What is known of the work before the reply says more. */
static void
begin_units(struct openai_reply *openai)
{
    struct weir_reply_facts *facts = &openai->reply.facts;
    enum weir_endpoint endpoint = openai->setup.endpoint;
    facts->counts_units = true;
    if (openai->setup.request != NULL)
        facts->units.input_tokens = openai->setup.request->units;
    facts->units.is_estimated = endpoint == WEIR_ENDPOINT_MODERATE ||
                                endpoint == WEIR_ENDPOINT_RERANK ||
                                endpoint == WEIR_ENDPOINT_TRANSCRIBE;
    /* There is no reasoning in these. */
    openai->setup.strips_reasoning = false;
}

struct weir_reply *
weir_openai_reply_new(const struct weir_reply_setup *setup,
                      struct weir_arena *arena)
{
    struct openai_reply *openai = weir_arena_alloc_raw(arena, sizeof(*openai));
    if (openai == NULL)
        return NULL;
    memset(openai, 0, offsetof(struct openai_reply, tap));
    openai->reply.ops = &weir_openai_ops;
    openai->setup = *setup;
    /* Elsewhere usage comes in an event that every client must see. */
    openai->setup.hides_usage =
        setup->hides_usage && (setup->endpoint == WEIR_ENDPOINT_CHAT ||
                               setup->endpoint == WEIR_ENDPOINT_COMPLETE);
    if (is_other(setup->endpoint))
        begin_units(openai);
    weir_json_tap_init(&openai->tap, plan_of(wanted_of(setup)), openai->memory,
                       sizeof(openai->memory));
    size_t held_max =
        setup->held_bytes_max != 0 ? setup->held_bytes_max : WEIR_SSE_HELD_MAX;
    weir_sse_init(&openai->sse, held_max);
    weir_buf_init(&openai->held, held_max);
    return &openai->reply;
}

void
weir_openai_reply_free(struct weir_reply *reply)
{
    weir_sse_fini(&openai_of(reply)->sse);
    weir_buf_fini(&openai_of(reply)->held);
}

/* ------------------------------------------------------------- facts */

/* The inside of a captured string, copied to where it stays. */
static weir_span
keep(const weir_json_tapped *tapped, char *memory)
{
    size_t len = tapped->raw.len - (tapped->is_cut ? 1 : 2);
    memcpy(memory, tapped->raw.ptr + 1, len);
    return (weir_span){memory, len};
}

static bool
is_string(const weir_json_tapped *tapped)
{
    return tapped->kind == WEIR_JSON_STRING &&
           tapped->raw.len >= (tapped->is_cut ? 1u : 2u);
}

static bool
is_there(const weir_json_tapped *tapped)
{
    return tapped->kind != WEIR_JSON_NONE && tapped->kind != WEIR_JSON_NULL;
}

/* The type of a Responses event. */
static weir_span
type_of(const struct openai_reply *openai)
{
    const weir_json_tapped *type = &openai->tap.tapped[TYPE];
    if (!is_string(type) || type->is_cut)
        return WEIR_SPAN_NONE;
    return (weir_span){type->raw.ptr + 1, type->raw.len - 2};
}

static bool
has_content(const struct openai_reply *openai)
{
    /* A Responses event's `delta` can be sound in base64. */
    weir_span type = type_of(openai);
    return type.len == 0 || memmem(type.ptr, type.len, "audio", 5) == NULL;
}

static uint64_t
content_of(const struct openai_reply *openai)
{
    const weir_json_tapped *tapped = openai->tap.tapped;
    uint64_t bytes = 0;
    for (unsigned i = TEXT; i < REASONING; i++)
        bytes += tapped[i].string_bytes;
    bytes +=
        tapped[REASONING].string_bytes > tapped[REASONING_CONTENT].string_bytes
            ? tapped[REASONING].string_bytes
            : tapped[REASONING_CONTENT].string_bytes;
    return bytes;
}

static bool
read_usage(struct weir_reply_facts *facts, const weir_json_tapped *tapped)
{
    if (tapped->kind != WEIR_JSON_OBJECT || tapped->is_cut ||
        weir_usage_read(tapped->raw, &facts->usage, NULL) != WEIR_OK)
        return false;
    facts->has_usage = true;
    return true;
}

/* A whole number, or one with a fraction rounded up. */
static bool
read_number(weir_span raw, uint64_t *value_out)
{
    const char *dot = raw.len > 0 ? memchr(raw.ptr, '.', raw.len) : NULL;
    weir_span whole = {raw.ptr,
                       dot != NULL ? (size_t)(dot - raw.ptr) : raw.len};
    if (!weir_span_to_u64(whole, value_out) || *value_out > UINT32_MAX)
        return false;
    for (const char *at = dot; at != NULL && at < raw.ptr + raw.len; at++)
        if (*at > '0' && *at <= '9') {
            (*value_out)++;
            break;
        }
    return true;
}

/* Pictures, seconds or searches, as the reply says them. */
static void
learn_units(struct openai_reply *openai)
{
    enum { SECONDS, SEARCHES, COUNT };
    static const char *const names[COUNT] = {"seconds", "search_units"};
    struct weir_reply_facts *facts = &openai->reply.facts;
    const weir_json_tapped *tapped = openai->tap.tapped;
    const weir_json_tapped *usage =
        is_there(&tapped[USAGE]) ? &tapped[USAGE] : &tapped[SIDE_USAGE];
    weir_span in[COUNT] = {{0}};
    weir_span number = WEIR_SPAN_NONE;

    if (openai->setup.endpoint == WEIR_ENDPOINT_IMAGE)
        facts->units.output_tokens = tapped[CHOICE].count;
    if (usage->kind == WEIR_JSON_OBJECT && !usage->is_cut)
        (void)weir_raw_pick(usage->raw, names, COUNT, in, NULL, NULL);
    if (openai->setup.endpoint == WEIR_ENDPOINT_TRANSCRIBE)
        number = in[SECONDS].ptr != NULL ? in[SECONDS] : tapped[REASON].raw;
    if (openai->setup.endpoint == WEIR_ENDPOINT_RERANK)
        number = in[SEARCHES];
    if (number.len > 0 && read_number(number, &facts->units.input_tokens))
        facts->units.is_estimated = false;
}

/* Chunks say how they are served; the usage stands in one of them only. */
static void
learn_service(struct openai_reply *openai)
{
    struct weir_reply_facts *facts = &openai->reply.facts;
    const weir_json_tapped *tapped = &openai->tap.tapped[SERVICE];
    if (is_string(tapped) && !tapped->is_cut)
        openai->service = weir_service_of(
            (weir_span){tapped->raw.ptr + 1, tapped->raw.len - 2});
    facts->usage.service = openai->service;
    if (openai->setup.endpoint == WEIR_ENDPOINT_IMAGE &&
        openai->tap.tapped[CHOICE].count > 0)
        facts->usage.pictures = openai->tap.tapped[CHOICE].count;
    facts->units.pictures = facts->usage.pictures;
}

/* What the tap holds at the end of an event or of the body. */
static void
learn(struct openai_reply *openai)
{
    struct weir_reply_facts *facts = &openai->reply.facts;
    const weir_json_tapped *tapped = openai->tap.tapped;

    if (facts->id.len == 0 && is_string(&tapped[ID]))
        facts->id = keep(&tapped[ID], openai->id);
    if (is_string(&tapped[REASON]))
        facts->finish_reason = keep(&tapped[REASON], openai->reason);
    facts->has_refusal |= tapped[REFUSAL].string_bytes > 0;
    if (is_there(&tapped[USAGE]) || is_there(&tapped[SIDE_USAGE]))
        if (!read_usage(facts, &tapped[USAGE]))
            (void)read_usage(facts, &tapped[SIDE_USAGE]);
    learn_service(openai);
    facts->has_error = facts->has_error || is_there(&tapped[ERROR]);
    if (facts->counts_units)
        learn_units(openai);
    if (has_content(openai))
        facts->content_bytes += content_of(openai);
}

static bool
is_usage_only(const struct openai_reply *openai)
{
    const weir_json_tapped *tapped = openai->tap.tapped;
    return tapped[USAGE].kind == WEIR_JSON_OBJECT &&
           tapped[CHOICE].count == 0 && !is_there(&tapped[ERROR]);
}

/* Whether an event with a type ends the stream. */
static bool
is_terminal(weir_span type)
{
    return weir_span_equal(type, WEIR_SPAN("transcript.text.done")) ||
           weir_span_equal(type, WEIR_SPAN("speech.audio.done")) ||
           weir_span_equal(type, WEIR_SPAN("image_generation.completed")) ||
           weir_span_equal(type, WEIR_SPAN("image_edit.completed")) ||
           weir_span_equal(type, WEIR_SPAN("response.completed")) ||
           weir_span_equal(type, WEIR_SPAN("response.incomplete")) ||
           weir_span_equal(type, WEIR_SPAN("response.failed"));
}

static void
set_state(struct openai_reply *openai, const struct weir_sse_event *event)
{
    struct weir_reply_facts *facts = &openai->reply.facts;
    weir_span type = type_of(openai);

    if (weir_span_equal(event->name, WEIR_SPAN("error")) ||
        weir_span_equal(type, WEIR_SPAN("error")))
        facts->has_error = true;
    if (weir_span_equal(type, WEIR_SPAN("response.failed")))
        facts->has_error = true;
    if ((openai->setup.endpoint == WEIR_ENDPOINT_RESPONSES ||
         facts->counts_units) &&
        is_terminal(type)) {
        facts->state = WEIR_REPLY_DONE;
        return;
    }
    /* An error may still be followed by the proper end. */
    if (facts->has_error && facts->state == WEIR_REPLY_OPEN)
        facts->state = WEIR_REPLY_ERROR;
}

/* ------------------------------------------------------------ stream */

/* Copies an event and empties its reasoning; false: it must be kept back. */
static bool
strip_event(struct openai_reply *openai, const struct weir_sse_event *event)
{
    struct weir_openai_reasoning found;
    const char *raw_end = event->raw.ptr + event->raw.len;

    if (event->is_part || !weir_openai_find_reasoning(event->data, &found))
        return false;
    if (found.count == 0)
        return true;
    /* Data of several lines was joined elsewhere. */
    if (event->data.ptr < event->raw.ptr || event->data.ptr >= raw_end)
        return false;
    weir_buf_reset(&openai->held);
    weir_buf_add_span(&openai->held, event->raw);
    if (openai->held.overflow)
        return false;
    weir_openai_empty_reasoning(&found, event->raw.ptr, openai->held.ptr);
    openai->has_edited = true;
    return true;
}

/* At the end of an event with data: whether the client gets it. */
static bool
is_for_client(struct openai_reply *openai, const struct weir_sse_event *event)
{
    if (openai->setup.hides_usage && !event->is_part && is_usage_only(openai))
        return false;
    if (!openai->setup.strips_reasoning)
        return true;
    if (!openai->was_withheld && !strip_event(openai, event))
        openai->was_withheld = true;
    return !openai->was_withheld;
}

/* Reads one event or part; true: the client does not get it. */
static bool
read_event(struct openai_reply *openai, const struct weir_sse_event *event)
{
    struct weir_reply_facts *facts = &openai->reply.facts;

    if (event->is_tail)
        return openai->was_hidden;
    if (event->is_part && openai->setup.strips_reasoning)
        openai->was_withheld = true;
    openai->was_hidden = openai->was_withheld;
    if (event->has_data)
        weir_json_tap_feed(&openai->tap, event->data);
    if (!event->is_last || (!event->has_data && !event->is_part))
        return openai->was_hidden;
    if (!event->is_part && weir_span_starts(event->data, WEIR_SPAN("[DONE]"))) {
        if (!openai->was_withheld)
            facts->state = WEIR_REPLY_DONE;
        weir_json_tap_reset(&openai->tap);
        return openai->was_hidden;
    }
    facts->event_count++;
    /* Half a value, at the stream's end, teaches nothing. */
    if (weir_json_tap_is_done(&openai->tap)) {
        learn(openai);
        openai->was_hidden = !is_for_client(openai, event);
        if (!openai->was_withheld)
            set_state(openai, event);
    }
    weir_json_tap_reset(&openai->tap);
    return openai->was_hidden;
}

static void
give_held(struct openai_reply *openai, struct weir_reply_piece *piece_out)
{
    openai->has_edited = false;
    *piece_out = (struct weir_reply_piece){weir_buf_span(&openai->held), true};
}

static bool
next_of_stream(struct openai_reply *openai, weir_span *input,
               struct weir_reply_piece *piece_out)
{
    struct weir_sse_event event;

    *piece_out = (struct weir_reply_piece){0};
    if (openai->has_edited) {
        give_held(openai, piece_out);
        return true;
    }
    while (weir_sse_next(&openai->sse, input, &event)) {
        bool is_hidden = read_event(openai, &event);
        if (is_hidden || openai->has_edited) {
            /* What came before it goes first. */
            if (piece_out->bytes.len > 0)
                return true;
            if (is_hidden)
                continue;
            give_held(openai, piece_out);
            return true;
        }
        if (event.is_held) {
            /* Only a read's first event can have begun before it. */
            WEIR_ASSERT(piece_out->bytes.len == 0);
            *piece_out = (struct weir_reply_piece){event.raw, true};
            return true;
        }
        if (piece_out->bytes.len == 0)
            piece_out->bytes.ptr = event.raw.ptr;
        piece_out->bytes.len += event.raw.len;
    }
    return piece_out->bytes.len > 0;
}

/* A body that comes at once is checked by the way. */
static void
tap_plain(struct openai_reply *openai, weir_span bytes)
{
    struct weir_reply_facts *facts = &openai->reply.facts;
    if (bytes.len == 0)
        return;
    if (openai->is_begun) {
        facts->text = WEIR_REPLY_UNCHECKED;
        weir_json_tap_feed(&openai->tap, bytes);
    } else {
        facts->text = weir_json_tap_whole(&openai->tap, bytes)
                          ? WEIR_REPLY_JSON
                          : WEIR_REPLY_NO_JSON;
    }
    openai->is_begun = true;
}

bool
weir_openai_reply_next(struct weir_reply *reply, weir_span *input,
                       struct weir_reply_piece *piece_out)
{
    struct openai_reply *openai = openai_of(reply);
    if (openai->setup.is_streamed)
        return next_of_stream(openai, input, piece_out);
    *piece_out = (struct weir_reply_piece){0};
    if (!openai->setup.is_opaque)
        tap_plain(openai, *input);
    if (openai->setup.strips_reasoning)
        weir_buf_add_span(&openai->held, *input);
    else
        piece_out->bytes = *input;
    input->ptr += input->len;
    input->len = 0;
    return piece_out->bytes.len > 0;
}

static bool
finish_plain(struct openai_reply *openai, bool is_whole,
             struct weir_reply_piece *piece_out)
{
    struct weir_reply_facts *facts = &openai->reply.facts;
    struct weir_openai_reasoning found;

    learn(openai);
    facts->state = is_whole && (openai->setup.is_opaque ||
                                weir_json_tap_is_done(&openai->tap))
                       ? WEIR_REPLY_DONE
                       : WEIR_REPLY_CUT;
    if (!openai->setup.strips_reasoning)
        return false;
    if (openai->held.overflow ||
        !weir_openai_find_reasoning(weir_buf_span(&openai->held), &found)) {
        facts->state = WEIR_REPLY_CUT;
        return false;
    }
    weir_openai_empty_reasoning(&found, openai->held.ptr, openai->held.ptr);
    give_held(openai, piece_out);
    return piece_out->bytes.len > 0;
}

bool
weir_openai_reply_finish(struct weir_reply *reply, bool is_whole,
                         struct weir_reply_piece *piece_out)
{
    struct openai_reply *openai = openai_of(reply);
    struct weir_reply_facts *facts = &reply->facts;
    struct weir_sse_event event;

    *piece_out = (struct weir_reply_piece){0};
    if (!openai->setup.is_streamed)
        return finish_plain(openai, is_whole, piece_out);
    uint64_t delivered = facts->content_bytes;
    while (weir_sse_rest(&openai->sse, &event)) {
        bool is_hidden = read_event(openai, &event);
        if (openai->has_edited)
            give_held(openai, piece_out);
        else if (!is_hidden && !event.is_part)
            *piece_out = (struct weir_reply_piece){event.raw, true};
    }
    if (facts->state == WEIR_REPLY_OPEN) {
        facts->state = WEIR_REPLY_CUT;
        facts->content_bytes = delivered;
        *piece_out = (struct weir_reply_piece){0};
    }
    return piece_out->bytes.len > 0;
}
