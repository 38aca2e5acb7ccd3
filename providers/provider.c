/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of providers, and the calls that go through it. */
#include <weir/provider.h>

#include <weir/json.h>

#include "anthropic/anthropic.h"
#include "bedrock/bedrock.h"
#include "gemini/gemini.h"
#include "mcp/mcp.h"
#include "native.h"
#include "openai/openai.h"

static const struct weir_provider providers[] = {
#define WEIR_PROVIDER(name, title, header, prefix, ops)                        \
    {#name, title, header, prefix, &ops},
#include "providers.def"
#undef WEIR_PROVIDER
};

const struct weir_provider *
weir_provider_get(size_t index)
{
    return index < WEIR_COUNTOF(providers) ? &providers[index] : NULL;
}

const struct weir_provider *
weir_provider_find(weir_span name)
{
    for (size_t i = 0; i < WEIR_COUNTOF(providers); i++)
        if (weir_span_equal(name, weir_span_of(providers[i].name)))
            return &providers[i];
    return NULL;
}

weir_span
weir_provider_auth_header(const struct weir_provider *provider)
{
    return weir_span_of(provider->auth_header);
}

weir_span
weir_provider_auth_prefix(const struct weir_provider *provider)
{
    return weir_span_of(provider->auth_prefix);
}

bool
weir_provider_signs(const struct weir_provider *provider)
{
    return provider->ops->sign != NULL;
}

weir_status
weir_provider_sign(const struct weir_provider *provider,
                   const struct weir_signing *signing, struct weir_buf *lines,
                   struct weir_error *err)
{
    WEIR_ASSERT(provider->ops->sign != NULL);
    return provider->ops->sign(signing, lines, err);
}

weir_span
weir_provider_headers(const struct weir_provider *provider)
{
    return provider->ops->headers != NULL ? weir_span_of(provider->ops->headers)
                                          : WEIR_SPAN_NONE;
}

weir_span
weir_provider_stream_type(const struct weir_provider *provider)
{
    const struct weir_reading_ops *reading = provider->ops->reading;
    return weir_span_of(reading != NULL && reading->stream_type != NULL
                            ? reading->stream_type
                            : "text/event-stream");
}

bool
weir_provider_translates(const struct weir_provider *provider,
                         const struct weir_request *request)
{
    return (provider->ops->speaks & WEIR_SPEAKS(request->dialect)) == 0;
}

/* What policy takes from a call, whatever its dialect. */
static void
limit(struct weir_neutral *call, const struct weir_target *target)
{
    struct weir_setting *n = &call->settings[WEIR_SETTING_N];
    char text[16];
    struct weir_buf number;
    uint64_t value;

    if (target->strips_logprobs) {
        call->settings[WEIR_SETTING_LOGPROBS].raw = WEIR_SPAN_NONE;
        call->settings[WEIR_SETTING_TOP_LOGPROBS].raw = WEIR_SPAN_NONE;
    }
    if (target->n_max == 0 || !weir_json_to_uint64(n->raw, &value) ||
        value <= target->n_max)
        return;
    weir_buf_init_fixed(&number, text, sizeof(text));
    weir_buf_addf(&number, "%u", target->n_max);
    n->raw = weir_arena_copy(call->arena, weir_buf_span(&number));
}

/* Reads the call out of the client's dialect and writes it in the origin's. */
static weir_status
translate(const struct weir_provider *provider,
          const struct weir_request *request, const struct weir_target *target,
          struct weir_arena *arena, struct weir_outgoing *outgoing_out,
          struct weir_error *err)
{
    struct weir_neutral *call = weir_arena_alloc(arena, sizeof(*call));
    *outgoing_out = (struct weir_outgoing){0};
    if (call == NULL)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the request cannot be translated in %zu bytes",
                         arena->size);
    call->arena = arena;
    call->dialect = request->dialect;
    call->target = provider->ops->dialect;
    call->drops = target->drops;
    call->is_streamed = request->is_streamed;
    if (provider->ops->write == NULL || request->surface == NULL ||
        request->surface->read_call == NULL ||
        request->surface->writing == NULL ||
        request->surface->writing(request->dialect) == NULL)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "%s is not served by an origin that speaks %s",
                         weir_dialect_title(request->dialect),
                         weir_dialect_title(provider->ops->dialect));
    weir_status status = request->surface->read_call(request, call, err);
    limit(call, target);
    if (status == WEIR_OK)
        status = provider->ops->write(call, request, target, arena,
                                      outgoing_out, err);
    if (status == WEIR_OK && arena->overflow)
        status = weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                           "the request has more parts than can be "
                           "translated");
    outgoing_out->is_translated = true;
    outgoing_out->dropped = call->dropped;
    outgoing_out->param = call->param;
    return status;
}

weir_status
weir_provider_prepare(const struct weir_provider *provider,
                      const struct weir_request *request,
                      const struct weir_target *target,
                      struct weir_arena *arena,
                      struct weir_outgoing *outgoing_out,
                      struct weir_error *err)
{
    if (weir_provider_translates(provider, request) &&
        request->endpoint == WEIR_ENDPOINT_EMBED &&
        request->dialect != WEIR_DIALECT_OTHER)
        return weir_embed_translate(provider, request, target, arena,
                                    outgoing_out, err);
    if (weir_provider_translates(provider, request))
        return translate(provider, request, target, arena, outgoing_out, err);
    return provider->ops->prepare(request, target, arena, outgoing_out, err);
}

struct weir_reply *
weir_reply_new(const struct weir_provider *provider,
               const struct weir_reply_setup *setup, struct weir_arena *arena)
{
    if (setup->is_translated && setup->endpoint == WEIR_ENDPOINT_EMBED)
        return weir_embed_reply_new(provider->ops, setup, arena);
    if (setup->is_translated ||
        (setup->strips_reasoning && !provider->ops->strips_in_place))
        return weir_translated_new(provider->ops, setup, arena);
    return provider->ops->reply_new(setup, arena);
}

weir_span
weir_reply_content_type(const struct weir_reply *reply)
{
    return reply->content_type != NULL ? weir_span_of(reply->content_type)
                                       : WEIR_SPAN_NONE;
}

void
weir_reply_free(struct weir_reply *reply)
{
    if (reply != NULL)
        reply->ops->reply_free(reply);
}

bool
weir_reply_next(struct weir_reply *reply, weir_span *input,
                struct weir_reply_piece *piece_out)
{
    return reply->ops->reply_next(reply, input, piece_out);
}

bool
weir_reply_finish(struct weir_reply *reply, bool is_whole,
                  struct weir_reply_piece *piece_out)
{
    return reply->ops->reply_finish(reply, is_whole, piece_out);
}

const struct weir_reply_facts *
weir_reply_facts(const struct weir_reply *reply)
{
    return &reply->facts;
}

struct weir_usage
weir_reply_usage(const struct weir_reply *reply, uint64_t prompt_bytes)
{
    if (reply->facts.is_free)
        return (struct weir_usage){0};
    if (reply->facts.has_usage)
        return reply->facts.usage;
    if (reply->facts.counts_units)
        return reply->facts.units;
    struct weir_usage usage =
        weir_usage_estimate(prompt_bytes, reply->facts.content_bytes);
    usage.service = reply->facts.usage.service;
    return usage;
}
