/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the origin hears: the client's body with a few values exchanged.
 *
 *    client:  {"model":"fast","stream":true, ...}
 *    pieces:  {  "stream_options":{"include_usage":true},  "model":
 *                "gpt-x"  ,"stream":true, ...}
 *
 * Edits are gathered in any order, sorted by their place, and cut the body
 * into pieces. Nothing is parsed or written anew, so a member that weir has
 * never heard of arrives as it was sent.
 *
 * A value is taken back by writing null, not by removing its member: the
 * interface documents null as `not asked for` for each of them, and commas
 * stay where they are.
 */
#include "openai.h"

#include "native.h"

#include <weir/json.h>

#include <string.h>

struct edit {
    size_t at; /* in the body */
    size_t len;
    weir_span text;
};

struct edits {
    const struct weir_request *request;
    struct weir_arena *arena;
    struct edit edit[WEIR_SPOTS + 1];
    size_t count;
};

/* Keeps them sorted; their places differ. */
static void
add(struct edits *edits, size_t at, size_t len, weir_span text)
{
    size_t i = edits->count++;
    WEIR_ASSERT(i < WEIR_COUNTOF(edits->edit));
    for (; i > 0 && edits->edit[i - 1].at > at; i--)
        edits->edit[i] = edits->edit[i - 1];
    edits->edit[i] = (struct edit){at, len, text};
}

static void
replace(struct edits *edits, enum weir_spot spot, weir_span text)
{
    weir_span raw = edits->request->spots[spot];
    if (raw.ptr != NULL)
        add(edits, (size_t)(raw.ptr - edits->request->body.ptr), raw.len, text);
}

/* The field of a form, or a new one in front. */
static void
replace_field(struct edits *edits, weir_span origin_model)
{
    const struct weir_request *request = edits->request;
    struct weir_buf field;
    if (request->spots[WEIR_SPOT_MODEL].ptr != NULL) {
        replace(edits, WEIR_SPOT_MODEL, origin_model);
        return;
    }
    size_t size = request->boundary.len + origin_model.len + 80;
    void *memory = weir_arena_alloc(edits->arena, size);
    if (memory == NULL)
        return; /* the arena's overflow is looked at once, at the end */
    weir_buf_init_fixed(&field, memory, size);
    weir_buf_addf(&field,
                  "--%.*s\r\nContent-Disposition: form-data; "
                  "name=\"model\"\r\n\r\n%.*s\r\n",
                  WEIR_SPAN_ARG(request->boundary),
                  WEIR_SPAN_ARG(origin_model));
    add(edits, 0, 0, weir_buf_span(&field));
}

static void
replace_model(struct edits *edits, weir_span origin_model)
{
    weir_span raw = edits->request->spots[WEIR_SPOT_MODEL];
    weir_span said;
    char plain[256];
    struct weir_buf quoted;
    bool is_named = raw.ptr != NULL;
    if (edits->request->boundary.len > 0) {
        replace_field(edits, origin_model);
        return;
    }
    /* What stands in the body counts: a path may have named the model. */
    if (is_named && *raw.ptr == '"' &&
        weir_json_unescape_into(raw, plain, sizeof plain, &said) &&
        weir_span_equal(said, origin_model))
        return;
    /* At most six bytes for each: \u00xx. */
    size_t size = 6 * origin_model.len + sizeof("\"model\":\"\",");
    void *memory = weir_arena_alloc(edits->arena, size);
    if (memory == NULL)
        return; /* the arena's overflow is looked at once, at the end */
    weir_buf_init_fixed(&quoted, memory, size);
    if (!is_named)
        weir_buf_add_span(&quoted, WEIR_SPAN("\"model\":"));
    weir_json_quote(&quoted, origin_model);
    if (!is_named)
        weir_buf_add_byte(&quoted, ',');
    if (is_named)
        replace(edits, WEIR_SPOT_MODEL, weir_buf_span(&quoted));
    else /* the client's path named it; the body has other members */
        add(edits, edits->request->insert_at, 0, weir_buf_span(&quoted));
}

/* Asks for the usage event of a stream; true: the client did not. */
static bool
ask_for_usage(struct edits *edits)
{
    const struct weir_request *request = edits->request;
    weir_span options = request->spots[WEIR_SPOT_STREAM_OPTIONS];

    if (!request->is_streamed || request->wants_usage ||
        (request->endpoint != WEIR_ENDPOINT_CHAT &&
         request->endpoint != WEIR_ENDPOINT_COMPLETE))
        return false;
    if (request->spots[WEIR_SPOT_INCLUDE_USAGE].ptr != NULL) {
        replace(edits, WEIR_SPOT_INCLUDE_USAGE, WEIR_SPAN("true"));
    } else if (options.ptr == NULL) {
        /* The body is not empty: it names the model. */
        add(edits, request->insert_at, 0,
            WEIR_SPAN("\"stream_options\":{\"include_usage\":true},"));
    } else if (*options.ptr != '{') {
        replace(edits, WEIR_SPOT_STREAM_OPTIONS,
                WEIR_SPAN("{\"include_usage\":true}"));
    } else {
        add(edits, (size_t)(options.ptr + 1 - request->body.ptr), 0,
            weir_json_is_empty(options) ? WEIR_SPAN("\"include_usage\":true")
                                        : WEIR_SPAN("\"include_usage\":true,"));
    }
    return true;
}

static void
cap(struct edits *edits, enum weir_spot spot, uint32_t n_max)
{
    weir_span raw = edits->request->spots[spot];
    uint64_t value;
    char text[16];

    if (!weir_json_to_uint64(raw, &value) || value <= n_max)
        return;
    struct weir_buf number;
    weir_buf_init_fixed(&number, text, sizeof(text));
    weir_buf_addf(&number, "%u", n_max);
    replace(edits, spot, weir_arena_copy(edits->arena, weir_buf_span(&number)));
}

/* The array of extras without those that name log probabilities. */
static void
strip_include(struct edits *edits)
{
    weir_span raw = edits->request->spots[WEIR_SPOT_INCLUDE];
    struct weir_json_reader reader;
    struct weir_buf kept;
    bool has_stripped = false;

    if (raw.ptr == NULL || *raw.ptr != '[')
        return;
    void *memory = weir_arena_alloc(edits->arena, raw.len);
    if (memory == NULL)
        return;
    weir_buf_init_fixed(&kept, memory, raw.len);
    weir_buf_add_byte(&kept, '[');
    weir_json_reader_init(&reader, raw, NULL);
    if (weir_json_array(&reader))
        while (weir_json_element(&reader)) {
            weir_span element;
            weir_span name;
            char plain[64];
            if (!weir_json_raw(&reader, &element))
                break;
            /* Longer than any extra there is: not one of ours. */
            if (weir_json_unescape_into(element, plain, sizeof(plain), &name) &&
                memmem(name.ptr, name.len, "logprobs", 8) != NULL) {
                has_stripped = true;
                continue;
            }
            if (kept.len > 1)
                weir_buf_add_byte(&kept, ',');
            weir_buf_add_span(&kept, element);
        }
    weir_buf_add_byte(&kept, ']');
    if (has_stripped)
        replace(edits, WEIR_SPOT_INCLUDE, weir_buf_span(&kept));
}

static void
put_piece(struct weir_outgoing *outgoing, weir_span piece)
{
    if (piece.len == 0)
        return;
    outgoing->pieces[outgoing->piece_count++] = piece;
    outgoing->body_bytes += piece.len;
}

static void
cut_pieces(const struct edits *edits, struct weir_outgoing *outgoing)
{
    weir_span body = edits->request->body;
    size_t at = 0;
    for (size_t i = 0; i < edits->count; i++) {
        const struct edit *edit = &edits->edit[i];
        put_piece(outgoing, (weir_span){body.ptr + at, edit->at - at});
        put_piece(outgoing, edit->text);
        at = edit->at + edit->len;
    }
    put_piece(outgoing, (weir_span){body.ptr + at, body.len - at});
}

static weir_span
endpoint_path(enum weir_endpoint endpoint)
{
    switch (endpoint) {
    case WEIR_ENDPOINT_CHAT:
        return WEIR_SPAN("/chat/completions");
    case WEIR_ENDPOINT_RESPONSES:
        return WEIR_SPAN("/responses");
    case WEIR_ENDPOINT_EMBED:
        return WEIR_SPAN("/embeddings");
    case WEIR_ENDPOINT_COMPLETE:
        return WEIR_SPAN("/completions");
    default:
        return WEIR_SPAN_NONE;
    }
}

/* A form names the boundary that weir read it by. */
static bool
set_type(const struct weir_request *request, struct weir_arena *arena,
         struct weir_outgoing *outgoing)
{
    const weir_span form = WEIR_SPAN("multipart/form-data; boundary=\"");
    struct weir_buf type;
    size_t size = form.len + request->boundary.len + 1;
    if (request->boundary.len == 0)
        return true;
    char *memory = weir_arena_alloc(arena, size);
    if (memory == NULL)
        return false;
    weir_buf_init_fixed(&type, memory, size);
    weir_buf_add_span(&type, form);
    weir_buf_add_span(&type, request->boundary);
    weir_buf_add_byte(&type, '"');
    outgoing->content_type = weir_buf_span(&type);
    return true;
}

/* `is_asked`: the origin counts a stream's tokens only when asked. */
static weir_status
prepare(const struct weir_request *request, const struct weir_target *target,
        bool is_asked, struct weir_arena *arena,
        struct weir_outgoing *outgoing_out, struct weir_error *err)
{
    struct edits edits = {.request = request, .arena = arena};
    struct weir_outgoing outgoing = {.method = WEIR_SPAN("POST")};
    weir_span suffix =
        request->end.len > 0 ? request->end : endpoint_path(request->endpoint);

    if (request->endpoint == WEIR_ENDPOINT_REALTIME)
        return weir_openai_prepare_realtime(target, arena, outgoing_out, err);
    if (suffix.len == 0)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "the dialect has no such endpoint");
    replace_model(&edits, target->origin_model);
    if (is_asked)
        outgoing.hides_usage = ask_for_usage(&edits);
    else
        replace(&edits, WEIR_SPOT_STREAM_OPTIONS, WEIR_SPAN("null"));
    if (target->n_max > 0) {
        cap(&edits, WEIR_SPOT_N, target->n_max);
        cap(&edits, WEIR_SPOT_BEST_OF, target->n_max);
    }
    if (target->strips_logprobs && request->has_logprobs) {
        replace(&edits, WEIR_SPOT_LOGPROBS, WEIR_SPAN("null"));
        replace(&edits, WEIR_SPOT_TOP_LOGPROBS, WEIR_SPAN("null"));
        strip_include(&edits);
    }
    size_t len = target->prefix.len + suffix.len;
    char *path = weir_arena_alloc(arena, len);
    if (arena->overflow)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the attempt needs over %zu bytes", arena->size);
    if (target->prefix.len > 0)
        memcpy(path, target->prefix.ptr, target->prefix.len);
    memcpy(path + target->prefix.len, suffix.ptr, suffix.len);
    outgoing.path = (weir_span){path, len};
    if (!set_type(request, arena, &outgoing))
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the attempt needs over %zu bytes", arena->size);
    cut_pieces(&edits, &outgoing);
    *outgoing_out = outgoing;
    return WEIR_OK;
}

static weir_status
prepare_asking(const struct weir_request *request,
               const struct weir_target *target, struct weir_arena *arena,
               struct weir_outgoing *outgoing_out, struct weir_error *err)
{
    return prepare(request, target, true, arena, outgoing_out, err);
}

static weir_status
prepare_unasked(const struct weir_request *request,
                const struct weir_target *target, struct weir_arena *arena,
                struct weir_outgoing *outgoing_out, struct weir_error *err)
{
    return prepare(request, target, false, arena, outgoing_out, err);
}

static weir_status
write_openai(struct weir_neutral *call, const struct weir_request *request,
             const struct weir_target *target, struct weir_arena *arena,
             struct weir_outgoing *outgoing_out, struct weir_error *err)
{
    static const struct weir_openai_habits habits = {
        .tokens_name = "max_completion_tokens", .is_asked = true};
    (void)request;
    return weir_openai_write_chat(call, target, &habits, arena, outgoing_out,
                                  err);
}

static weir_status
write_unasked(struct weir_neutral *call, const struct weir_request *request,
              const struct weir_target *target, struct weir_arena *arena,
              struct weir_outgoing *outgoing_out, struct weir_error *err)
{
    static const struct weir_openai_habits habits = {.tokens_name =
                                                         "max_tokens"};
    (void)request;
    return weir_openai_write_chat(call, target, &habits, arena, outgoing_out,
                                  err);
}

static weir_status
write_compatible(struct weir_neutral *call, const struct weir_request *request,
                 const struct weir_target *target, struct weir_arena *arena,
                 struct weir_outgoing *outgoing_out, struct weir_error *err)
{
    static const struct weir_openai_habits habits = {
        .tokens_name = "max_tokens", .is_asked = true, .takes_top_k = true};
    (void)request;
    return weir_openai_write_chat(call, target, &habits, arena, outgoing_out,
                                  err);
}

#define SPEAKS_CHAT                                                            \
    (WEIR_SPEAKS(WEIR_DIALECT_CHAT) | WEIR_SPEAKS(WEIR_DIALECT_COMPLETIONS) |  \
     WEIR_SPEAKS(WEIR_DIALECT_EMBEDDINGS) | WEIR_SPEAKS(WEIR_DIALECT_OTHER))

#define REPLIES                                                                \
    .dialect = WEIR_DIALECT_CHAT, .reading = &weir_openai_chat_reading,        \
    .embed = &weir_openai_embed, .strips_in_place = true,                      \
    .reply_new = weir_openai_reply_new, .reply_free = weir_openai_reply_free,  \
    .reply_next = weir_openai_reply_next,                                      \
    .reply_finish = weir_openai_reply_finish

/* Origins that count streams of their own accord and refuse to be asked. */
const struct weir_provider_ops weir_openai_unasked_ops = {
    .speaks = SPEAKS_CHAT,
    .write = write_unasked,
    .prepare = prepare_unasked,
    REPLIES,
};

/* Origins without the Responses API. */
const struct weir_provider_ops weir_openai_chat_ops = {
    .speaks = SPEAKS_CHAT,
    .write = write_compatible,
    .prepare = prepare_asking,
    REPLIES,
};

const struct weir_provider_ops weir_openai_ops = {
    .speaks = SPEAKS_CHAT | WEIR_SPEAKS(WEIR_DIALECT_RESPONSES),
    .write = write_openai,
    .prepare = prepare_asking,
    REPLIES,
};

/* Origins, or models of one, that have the Responses API alone. */
const struct weir_provider_ops weir_openai_responses_ops = {
    .speaks = WEIR_SPEAKS(WEIR_DIALECT_RESPONSES),
    .dialect = WEIR_DIALECT_RESPONSES,
    .reading = &weir_openai_responses_reading,
    .write = weir_openai_write_responses,
    .prepare = prepare_asking,
    .strips_in_place = true,
    .reply_new = weir_openai_reply_new,
    .reply_free = weir_openai_reply_free,
    .reply_next = weir_openai_reply_next,
    .reply_finish = weir_openai_reply_finish,
};
