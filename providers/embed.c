/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Embeddings between dialects: the texts are written as the origin's API
 * wants them, and its reply, held to its end, is written as the client's.
 *
 * FAIL CLOSED. A reply that cannot be read, holds another number of vectors
 * than were asked for, or is larger than may be held, is CUT.
 */
#include "gemini/gemini.h"
#include "native.h"

#include <weir/embed.h>
#include <weir/raw.h>

#include <string.h>

/* A vector of 3,072 numbers takes some 64 KB. */
#define HELD_LEAST ((size_t)64 << 20)

/* ---------------------------------------------------------------- openai */

static weir_status
write_openai(struct weir_embed *embed, const struct weir_request *request,
             const struct weir_target *target, struct weir_arena *arena,
             struct weir_outgoing *outgoing_out, struct weir_error *err)
{
    static const char *const names[3] = {"dimensions", NULL, NULL};
    const weir_span end = WEIR_SPAN("/embeddings");
    struct weir_pen pen;
    (void)request;
    weir_status status = weir_embed_check(embed, names, err);
    if (status != WEIR_OK)
        return status;
    weir_pen_init(&pen, arena);
    weir_pen_open(&pen, '{');
    weir_pen_member_plain(&pen, "model", target->origin_model);
    weir_pen_name(&pen, "input");
    weir_pen_open(&pen, '[');
    for (uint32_t i = 0; i < embed->count; i++)
        weir_pen_escaped(&pen, embed->texts[i]);
    weir_pen_close(&pen, ']');
    weir_pen_member_raw(&pen, "dimensions", embed->dimensions.raw);
    weir_pen_member_lit(&pen, "encoding_format", "float");
    weir_pen_close(&pen, '}');
    status = weir_native_path(target, &end, 1, arena, outgoing_out, err);
    return status == WEIR_OK ? weir_native_pieces(&pen, outgoing_out, err)
                             : status;
}

static bool
read_openai(weir_span body,
            void (*on_vector)(void *context, uint32_t index, weir_span raw),
            void *context, struct weir_usage *usage_out, bool *has_usage_out)
{
    static const char *const names[2] = {"data", "usage"};
    static const char *const of[2] = {"embedding", "index"};
    struct weir_raw_array array;
    weir_span in[2], row[2], element;
    uint32_t at = 0;
    if (!weir_raw_pick(body, names, 2, in, NULL, NULL) ||
        weir_raw_kind(in[0]) != WEIR_JSON_ARRAY)
        return false;
    weir_raw_array_init(&array, in[0]);
    while (weir_raw_array_next(&array, &element)) {
        /* In the order that was asked: nobody is known to do otherwise. */
        if (!weir_raw_pick(element, of, 2, row, NULL, NULL) ||
            weir_raw_kind(row[0]) != WEIR_JSON_ARRAY ||
            (row[1].ptr != NULL && weir_raw_uint(row[1]) != at))
            return false;
        on_vector(context, at++, row[0]);
    }
    *has_usage_out =
        in[1].ptr != NULL && weir_usage_read(in[1], usage_out, NULL) == WEIR_OK;
    return true;
}

const struct weir_embed_provider weir_openai_embed = {.write = write_openai,
                                                      .read = read_openai};

/* ---------------------------------------------------------------- gemini */

/* Always as several: one is a list of one. */
static weir_status
write_gemini(struct weir_embed *embed, const struct weir_request *request,
             const struct weir_target *target, struct weir_arena *arena,
             struct weir_outgoing *outgoing_out, struct weir_error *err)
{
    static const char *const names[3] = {"outputDimensionality", "taskType",
                                         "title"};
    const weir_span path[3] = {
        WEIR_SPAN("/models/"),
        weir_gemini_path_text(target->origin_model, arena),
        WEIR_SPAN(":batchEmbedContents")};
    struct weir_buf model;
    size_t size = target->origin_model.len + sizeof("models/");
    char *memory = weir_arena_alloc(arena, size);
    struct weir_pen pen;
    (void)request;
    weir_status status = weir_embed_check(embed, names, err);
    if (status == WEIR_OK && memory == NULL)
        status = weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                           "the model's name is too long");
    if (status != WEIR_OK)
        return status;
    weir_buf_init_fixed(&model, memory, size);
    weir_buf_addf(&model, "models/%.*s", WEIR_SPAN_ARG(target->origin_model));
    weir_pen_init(&pen, arena);
    weir_pen_open(&pen, '{');
    weir_pen_name(&pen, "requests");
    weir_pen_open(&pen, '[');
    for (uint32_t i = 0; i < embed->count; i++) {
        weir_pen_open(&pen, '{');
        weir_pen_member_plain(&pen, "model", weir_buf_span(&model));
        weir_pen_lit(&pen, ",\"content\":{\"parts\":[{");
        weir_pen_member_escaped(&pen, "text", embed->texts[i]);
        weir_pen_lit(&pen, "}]}");
        weir_pen_member_raw(&pen, names[0], embed->dimensions.raw);
        weir_pen_member_raw(&pen, names[1], embed->task.raw);
        weir_pen_member_raw(&pen, names[2], embed->title.raw);
        weir_pen_close(&pen, '}');
    }
    weir_pen_lit(&pen, "]}");
    status = weir_native_path(target, path, 3, arena, outgoing_out, err);
    return status == WEIR_OK ? weir_native_pieces(&pen, outgoing_out, err)
                             : status;
}

static bool
read_gemini(weir_span body,
            void (*on_vector)(void *context, uint32_t index, weir_span raw),
            void *context, struct weir_usage *usage_out, bool *has_usage_out)
{
    static const char *const names[2] = {"embeddings", "usageMetadata"};
    static const char *const values[1] = {"values"};
    static const char *const counts[1] = {"promptTokenCount"};
    struct weir_raw_array array;
    weir_span in[2], element, raw;
    uint32_t at = 0;
    if (!weir_raw_pick(body, names, 2, in, NULL, NULL) ||
        weir_raw_kind(in[0]) != WEIR_JSON_ARRAY)
        return false;
    weir_raw_array_init(&array, in[0]);
    while (weir_raw_array_next(&array, &element)) {
        if (!weir_raw_pick(element, values, 1, &raw, NULL, NULL) ||
            weir_raw_kind(raw) != WEIR_JSON_ARRAY)
            return false;
        on_vector(context, at++, raw);
    }
    *has_usage_out =
        weir_raw_pick(in[1], counts, 1, &raw, NULL, NULL) && raw.ptr != NULL;
    if (*has_usage_out)
        *usage_out = (struct weir_usage){.input_tokens = weir_raw_uint(raw)};
    return true;
}

const struct weir_embed_provider weir_gemini_embed = {.write = write_gemini,
                                                      .read = read_gemini};

/* --------------------------------------------------------------- request */

weir_status
weir_embed_translate(const struct weir_provider *provider,
                     const struct weir_request *request,
                     const struct weir_target *target, struct weir_arena *arena,
                     struct weir_outgoing *outgoing_out, struct weir_error *err)
{
    const struct weir_embed_surface *surface = request->surface->embed;
    struct weir_neutral *call = weir_arena_alloc(arena, sizeof(*call));
    struct weir_embed embed = {.call = call};
    *outgoing_out = (struct weir_outgoing){0};
    if (call == NULL)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the request cannot be translated in %zu bytes",
                         arena->size);
    call->arena = arena;
    call->dialect = request->dialect;
    call->target = provider->ops->dialect;
    call->drops = target->drops;
    if (surface == NULL || provider->ops->embed == NULL)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "%s is not served by an origin that speaks %s",
                         weir_dialect_title(request->dialect),
                         weir_dialect_title(provider->ops->dialect));
    weir_status status = surface->read(request, &embed, err);
    if (status == WEIR_OK && arena->overflow)
        status = weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                           "more texts than can be translated");
    if (status == WEIR_OK)
        status = provider->ops->embed->write(&embed, request, target, arena,
                                             outgoing_out, err);
    outgoing_out->is_translated = true;
    outgoing_out->dropped = call->dropped;
    outgoing_out->param = call->param;
    return status;
}

/* ----------------------------------------------------------------- reply */

struct embedded {
    struct weir_reply reply; /* first: this is one */
    struct weir_reply_setup setup;
    const struct weir_embed_provider *origin;
    struct weir_buf body;
    struct weir_buf out;
    uint32_t count;
};

static const struct weir_provider_ops embedded_ops;

static struct embedded *
embedded_of(struct weir_reply *reply)
{
    return (struct embedded *)(void *)reply;
}

struct weir_reply *
weir_embed_reply_new(const struct weir_provider_ops *ops,
                     const struct weir_reply_setup *setup,
                     struct weir_arena *arena)
{
    struct embedded *made = weir_arena_alloc(arena, sizeof(*made));
    if (made == NULL || ops->embed == NULL ||
        setup->request->surface->embed == NULL)
        return NULL;
    made->reply.ops = &embedded_ops;
    made->reply.content_type = "application/json";
    made->setup = *setup;
    made->origin = ops->embed;
    made->reply.facts.is_free = setup->http_status >= 400;
    weir_buf_init(&made->body, HELD_LEAST);
    weir_buf_init(&made->out, HELD_LEAST);
    return &made->reply;
}

static void
embedded_free(struct weir_reply *reply)
{
    weir_buf_fini(&embedded_of(reply)->body);
    weir_buf_fini(&embedded_of(reply)->out);
}

static bool
embedded_next(struct weir_reply *reply, weir_span *input,
              struct weir_reply_piece *piece_out)
{
    *piece_out = (struct weir_reply_piece){0};
    weir_buf_add_span(&embedded_of(reply)->body, *input);
    input->ptr += input->len;
    input->len = 0;
    return false;
}

static void
on_vector(void *context, uint32_t index, weir_span raw)
{
    struct embedded *made = context;
    const struct weir_request *request = made->setup.request;
    made->count++;
    request->surface->embed->vector(request, index, raw, &made->out);
}

static bool
embedded_finish(struct weir_reply *reply, bool is_whole,
                struct weir_reply_piece *piece_out)
{
    struct embedded *made = embedded_of(reply);
    struct weir_reply_facts *facts = &reply->facts;
    const struct weir_request *request = made->setup.request;
    const struct weir_embed_surface *surface = request->surface->embed;
    struct weir_json_root root;
    weir_span body = weir_buf_span(&made->body);

    *piece_out = (struct weir_reply_piece){0};
    facts->state = WEIR_REPLY_CUT;
    if (facts->is_free) {
        weir_native_put_error(&made->setup, body, &made->out);
        facts->has_error = true;
        facts->state = is_whole ? WEIR_REPLY_DONE : WEIR_REPLY_CUT;
        *piece_out = (struct weir_reply_piece){weir_buf_span(&made->out), true};
        return made->out.len > 0;
    }
    if (!is_whole || made->body.overflow ||
        weir_json_scan(body, NULL, 0, 0, &root, NULL, NULL) != WEIR_OK)
        return false;
    surface->begin(request, &made->out);
    if (!made->origin->read(body, on_vector, made, &facts->usage,
                            &facts->has_usage) ||
        made->count == 0)
        return false;
    struct weir_usage usage =
        facts->has_usage
            ? facts->usage
            : (struct weir_usage){.input_tokens = request->input_tokens};
    surface->end(request, &usage, &made->out);
    if (made->out.overflow)
        return false;
    facts->state = WEIR_REPLY_DONE;
    *piece_out = (struct weir_reply_piece){weir_buf_span(&made->out), true};
    return true;
}

static const struct weir_provider_ops embedded_ops = {
    .reply_free = embedded_free,
    .reply_next = embedded_next,
    .reply_finish = embedded_finish,
};
