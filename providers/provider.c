/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of providers, and the calls that go through it. */
#include <weir/provider.h>

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

weir_status
weir_provider_prepare(const struct weir_provider *provider,
                      const struct weir_request *request,
                      const struct weir_target *target,
                      struct weir_arena *arena,
                      struct weir_outgoing *outgoing_out,
                      struct weir_error *err)
{
    return provider->ops->prepare(request, target, arena, outgoing_out, err);
}

struct weir_reply *
weir_reply_new(const struct weir_provider *provider,
               const struct weir_reply_setup *setup, struct weir_arena *arena)
{
    return provider->ops->reply_new(setup, arena);
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
    return reply->facts.has_usage
               ? reply->facts.usage
               : weir_usage_estimate(prompt_bytes, reply->facts.content_bytes);
}
