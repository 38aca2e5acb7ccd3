/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call may cost, and what it did.
 *
 * Settling is exact: the rates that fit the moment of the decision, the
 * input that was counted and the service that the reply names. Before the
 * call nobody knows these, so a hold takes the dearer of what may come:
 *
 *    context tier    one that begins at less than 5/4 of the estimate
 *    service         standard, or priority where the request says the word
 *    input           cache writes, sound and pictures at their rates where
 *                    the request speaks of them; all of it at the dearest
 *    output          reasoning too; sound where the request speaks of it
 *    sessions        sound both ways; the smallest context tier, as the
 *                    sum of many answers reaches one that none of them did
 *
 * WHY THE BODY IS SEARCHED FOR WORDS. A word in a text that only looks like
 * the request's own holds too much for the length of one call. A rate that
 * nobody held for is a budget that does not hold. And it is searched only
 * where such a rate differs from that of plain input, and where the parser met
 * the name of a member that may hold it, be it in another surface's form. The
 * level of service stands in one place: a surface whose parser looks there
 * says it; and a word that is a member's name is looked for among the names.
 */
#include "internal.h"

#include <string.h>

static bool
speaks_of(const struct weir_call *call, const char *word)
{
    weir_span body = call->ask.body;
    return body.len > 0 &&
           memmem(body.ptr, body.len, word, strlen(word)) != NULL;
}

/* A word that means something as a member's name only. */
static bool
has_member(const struct weir_call *call, const char *name)
{
    return call->ask.knows_names
               ? weir_json_names_may_have(&call->ask.names, weir_span_of(name))
               : speaks_of(call, name);
}

/* A word that means something below one of these names only. */
static bool
speaks_below(const struct weir_call *call, const char *word,
             const char *const names[])
{
    if (!call->ask.knows_names)
        return speaks_of(call, word);
    for (; *names != NULL; names++)
        if (has_member(call, *names))
            return speaks_of(call, word);
    return false;
}

static bool
may_be_priority(const struct weir_call *call)
{
    static const char *const names[] = {"service_tier", "serviceTier", NULL};
    return call->ask.knows_service ? call->ask.wants_priority
                                   : speaks_below(call, "\"priority\"", names);
}

/* Names below which sound and pictures stand, or are asked for; `tools` may
 * make pictures. */
#define MEDIA                                                                  \
    "source", "inlineData", "inline_data", "fileData", "file_data", "file_id", \
        "file", "url", "modalities", "responseModalities",                     \
        "response_modalities", "tools"

static bool
speaks_of_sound(const struct weir_call *call)
{
    static const char *const names[] = {
        "audio",        "audios",        "audio_url", "input_audio", "voice",
        "speechConfig", "speech_config", MEDIA,       NULL};
    return speaks_below(call, "audio", names);
}

static bool
speaks_of_pictures(const struct weir_call *call)
{
    static const char *const names[] = {
        "image",       "images",       "image_url", "input_image",
        "imageConfig", "image_config", MEDIA,       NULL};
    return speaks_below(call, "image", names);
}

static void
raise(weir_micros *rate, weir_micros other)
{
    if (other > *rate)
        *rate = other;
}

/* Rates of what the call may turn out to be, as those of plain tokens. */
static void
expect(const struct weir_call *call, struct weir_price *price)
{
    weir_micros input = price->input;
    if (call->ask.operation == WEIR_OP_REALTIME) {
        raise(&price->input, price->audio_input);
        raise(&price->input, price->image_input);
        raise(&price->output, price->audio_output);
    }
    if ((price->cache_write > input || price->cache_write_1h > input) &&
        (has_member(call, "cache_control") || has_member(call, "cachePoint"))) {
        raise(&price->input, price->cache_write);
        if (speaks_of(call, "\"1h\""))
            raise(&price->input, price->cache_write_1h);
    }
    if (price->audio_input > input && speaks_of_sound(call))
        raise(&price->input, price->audio_input);
    if (price->image_input > input && speaks_of_pictures(call))
        raise(&price->input, price->image_input);
    if (price->audio_output > price->output && speaks_of_sound(call))
        raise(&price->output, price->audio_output);
    if (price->image_output > price->output &&
        (call->ask.operation == WEIR_OP_IMAGE || speaks_of_pictures(call)))
        raise(&price->output, price->image_output);
    raise(&price->output, price->reasoning);
}

/* Lines are priced one by one, and which of them reaches a tier nobody knows:
 * the rates of the smallest, of the service that batches are. */
weir_micros
weir__call_batch_price(const struct weir_call *call, uint32_t deployment,
                       const struct weir_usage *usage)
{
    const struct weir_price_when when = {.decided = call->started,
                                         .service = WEIR_SERVICE_BATCH};
    struct weir_price price;
    (void)weir_image_price(&call->view->image, deployment, &when, &price);
    raise(&price.output, price.reasoning);
    return weir_cost(usage, &price);
}

weir_micros
weir__call_price(const struct weir_call *call, uint32_t deployment,
                 const struct weir_usage *usage)
{
    const struct weir_image *image = &call->view->image;
    struct weir_usage expected = *usage;
    uint64_t near;
    weir_micros most = 0;
    if (call->ask.operation == WEIR_OP_BATCH)
        return weir__call_batch_price(call, deployment, usage);
    if (call->ask.operation == WEIR_OP_IMAGE)
        expected.pictures = call->ask.n > 0 ? call->ask.n : 1;
    if (__builtin_add_overflow(usage->input_tokens, usage->input_tokens / 4,
                               &near))
        near = UINT64_MAX;
    /* Standard, then priority; as estimated, then a little above. */
    for (unsigned i = 0; i < 4; i++) {
        struct weir_price_when when = {
            .decided = call->started,
            .input_tokens = i % 2 == 0 ? usage->input_tokens : near,
            .service = i < 2 ? WEIR_SERVICE_STANDARD : WEIR_SERVICE_PRIORITY,
        };
        struct weir_price price;
        uint32_t sheet = image->deployments[deployment].sheet;
        if (i == 1 && image->sheets[sheet].change_count == 0)
            break;
        if (i == 2 && !may_be_priority(call))
            break;
        (void)weir_image_price(image, deployment, &when, &price);
        expect(call, &price);
        weir_micros micros = weir_cost(&expected, &price);
        if (micros > most)
            most = micros;
    }
    return most;
}

weir_micros
weir__call_cost_at(const struct weir_call *call, uint32_t deployment,
                   const struct weir_usage *usage, weir_ref *version_out)
{
    const struct weir_price_when when = {
        .decided = call->started,
        /* The sum of many answers reaches a tier that none of them did. */
        .input_tokens =
            call->ask.operation == WEIR_OP_REALTIME ? 0 : usage->input_tokens,
        .service = usage->service,
    };
    struct weir_price price;
    *version_out =
        weir_image_price(&call->view->image, deployment, &when, &price);
    return weir_cost(usage, &price);
}

weir_micros
weir__call_cost(const struct weir_call *call, const struct weir_usage *usage,
                weir_ref *version_out)
{
    *version_out = (weir_ref){0};
    if (call->attempt_count == 0 && !call->is_hit)
        return 0;
    uint32_t deployment = call->answer.candidates[call->current].deployment;
    weir_micros cost = weir__call_cost_at(call, deployment, usage, version_out);
    return call->is_hit ? weir__gate_hit_cost(call, cost) : cost;
}

weir_micros
weir_call_cost(const struct weir_call *call, const struct weir_usage *usage)
{
    weir_ref version;
    return weir__call_cost(call, usage, &version);
}

struct weir_record_units
weir_record_units_of(const struct weir_usage *usage)
{
    return (struct weir_record_units){
        .cache_write_tokens = usage->cache_write_tokens,
        .cache_write_1h_tokens = usage->cache_write_1h_tokens,
        .audio_input_tokens = usage->audio_input_tokens,
        .audio_cached_tokens = usage->audio_cached_tokens,
        .audio_output_tokens = usage->audio_output_tokens,
        .image_input_tokens = usage->image_input_tokens,
        .image_output_tokens = usage->image_output_tokens,
        .pictures = usage->pictures,
        .service = (uint64_t)usage->service,
    };
}
