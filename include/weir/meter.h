/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/meter.h - how many tokens a call took, and what they cost.
 *
 * Usage comes from the origin's own count wherever it gives one. Where a
 * reply is cut or carries none, it is estimated from bytes, and says so.
 * One meaning for every dialect: input includes what was cached, output
 * includes reasoning.
 *
 * Threads and memory: pure functions on values; nothing is allocated.
 */
#ifndef WEIR_METER_H
#define WEIR_METER_H

#include <weir/base.h>
#include <weir/catalog.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_usage {
    uint64_t input_tokens;     /* all of the prompt, cached part included */
    uint64_t cached_tokens;    /* of input_tokens: read from a cache */
    uint64_t output_tokens;    /* all that was generated, reasoning included */
    uint64_t reasoning_tokens; /* of output_tokens */
    bool is_estimated;         /* from bytes, not from the origin's count */
    enum weir_service service;
    uint64_t cache_write_tokens;    /* of input_tokens: kept by the origin */
    uint64_t cache_write_1h_tokens; /* of cache_write_tokens */
    uint64_t audio_input_tokens;    /* of input_tokens, not cached */
    uint64_t audio_cached_tokens;   /* of cached_tokens */
    uint64_t audio_output_tokens;   /* of output_tokens */
    uint64_t image_input_tokens;    /* of input_tokens, not cached */
    uint64_t image_output_tokens;   /* of output_tokens */
    uint64_t pictures;              /* made */
};

/*
 * Reads a `usage` object of the OpenAI family: prompt_tokens or
 * input_tokens, completion_tokens or output_tokens, cached and reasoning
 * counts in any of their known places, unknown members ignored. Where the
 * total shows that reasoning was counted beside the output, it is added.
 * ETYPE: not an object, or it has no input count. EPARSE: not JSON.
 */
WEIR_MUST_USE weir_status weir_usage_read(weir_span object,
                                          struct weir_usage *usage_out,
                                          struct weir_error *err);

/*
 * Finds and reads the usage of a whole reply, or of one stream event: the
 * member `usage`, else `response.usage` (Responses events), else
 * `x_groq.usage`. False: there is none (or it is null, or not readable).
 */
bool weir_usage_find(weir_span json, struct weir_usage *usage_out);

/* Tokens that `bytes` of JSON text stand for: a quarter, rounded up. */
#define WEIR_METER_BYTES_PER_TOKEN 4
uint64_t weir_tokens_of_bytes(uint64_t bytes);

/* What passed when nobody counted: prompt bytes as sent, content bytes as
 * delivered (text, reasoning, tool arguments), both as escaped JSON. */
struct weir_usage weir_usage_estimate(uint64_t prompt_bytes,
                                      uint64_t delivered_bytes);

/* `one` on top of what is there; a sum that would be too large stays at the
 * largest. The service level is that of the last. */
void weir_usage_add(struct weir_usage *sum, const struct weir_usage *one);

/*
 * Every kind is counted once, multiplied by its rate, the products are summed
 * exactly and the sum is divided by 1,000,000 once, half up:
 *
 *   input   = written for an hour + written + cached audio + cached
 *             + audio + images + the rest at `input`
 *   output  = reasoning + audio + images + the rest at `output`
 *   pictures, and one request where anything else was counted
 *
 * Kinds are taken off in this order; one that an origin reports larger than
 * what is left of its whole counts as what is left. More than a weir_micros
 * can hold gives INT64_MAX. Rates are not negative.
 */
weir_micros weir_cost(const struct weir_usage *usage,
                      const struct weir_price *price);

/* The counts of usage by enum weir_rate: what each rate is multiplied with. */
void weir_usage_split(const struct weir_usage *usage,
                      uint64_t counts_out[WEIR_RATES]);
/* Of a sum of many calls, or of one: divided once. */
weir_micros weir_cost_of(const uint64_t units[WEIR_RATES],
                         const struct weir_price *price);

#ifdef __cplusplus
}
#endif
#endif
