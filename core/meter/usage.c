/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage as the OpenAI family writes it, and what it costs.
 *
 * One object, many hands: Chat says prompt_tokens and completion_tokens,
 * Responses say input_tokens and output_tokens; cached tokens stand in the
 * details, beside them, or under names of a provider's own; one provider
 * counts reasoning beside the output and not in it. All of it is read into
 * one meaning, so that price and ledger never ask who wrote it.
 *
 * WHY FOUR BYTES A TOKEN. Only what nobody counted is estimated: a cut
 * stream, or an origin that sends no usage. Over the tokenizer vectors of
 * the test data (340 KB, o200k) the mean is 4.1 bytes a token, 4.2 as JSON
 * escapes them; 3.3 for SQL, 5 for polite English. The record says that it
 * is an estimate, so nothing finer is claimed.
 */
#include <weir/meter.h>

#include <weir/json.h>

enum {
    PROMPT,
    INPUT,
    COMPLETION,
    OUTPUT,
    TOTAL,
    PROMPT_CACHED,
    INPUT_CACHED,
    CACHED,
    CACHED_NUMBER,
    CACHE_HIT,
    COMPLETION_REASONING,
    OUTPUT_REASONING,
    REASONING,
    COUNTS
};

static const weir_json_path counts[COUNTS] = {
    [PROMPT] = WEIR_JSON_PATH1("prompt_tokens"),
    [INPUT] = WEIR_JSON_PATH1("input_tokens"),
    [COMPLETION] = WEIR_JSON_PATH1("completion_tokens"),
    [OUTPUT] = WEIR_JSON_PATH1("output_tokens"),
    [TOTAL] = WEIR_JSON_PATH1("total_tokens"),
    [PROMPT_CACHED] = WEIR_JSON_PATH2("prompt_tokens_details", "cached_tokens"),
    [INPUT_CACHED] = WEIR_JSON_PATH2("input_tokens_details", "cached_tokens"),
    [CACHED] = WEIR_JSON_PATH1("cached_tokens"),
    [CACHED_NUMBER] = WEIR_JSON_PATH1("num_cached_tokens"),
    [CACHE_HIT] = WEIR_JSON_PATH1("prompt_cache_hit_tokens"),
    [COMPLETION_REASONING] =
        WEIR_JSON_PATH2("completion_tokens_details", "reasoning_tokens"),
    [OUTPUT_REASONING] =
        WEIR_JSON_PATH2("output_tokens_details", "reasoning_tokens"),
    [REASONING] = WEIR_JSON_PATH1("reasoning_tokens"),
};

/* The first of `order` that is there as a count. */
static bool
first_count(const weir_json_hit hits[COUNTS], const uint8_t *order,
            size_t length, uint64_t *value_out)
{
    for (size_t i = 0; i < length; i++) {
        const weir_json_hit *hit = &hits[order[i]];
        if (hit->kind == WEIR_JSON_NUMBER &&
            weir_json_to_uint64(hit->raw, value_out))
            return true;
    }
    *value_out = 0;
    return false;
}

#define FIRST(hits, value_out, ...)                                            \
    first_count((hits), (const uint8_t[]){__VA_ARGS__},                        \
                sizeof((const uint8_t[]){__VA_ARGS__}), (value_out))

static uint64_t
sum(uint64_t a, uint64_t b)
{
    uint64_t total;
    return __builtin_add_overflow(a, b, &total) ? UINT64_MAX : total;
}

weir_status
weir_usage_read(weir_span object, struct weir_usage *usage_out,
                struct weir_error *err)
{
    struct weir_json_root root;
    weir_json_hit hits[COUNTS];
    struct weir_usage usage = {0};
    uint64_t total;

    weir_status status =
        weir_json_scan(object, counts, COUNTS, 0, &root, hits, err);
    if (status != WEIR_OK)
        return status;
    if (!FIRST(hits, &usage.input_tokens, PROMPT, INPUT))
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "usage has no count of input tokens");
    (void)FIRST(hits, &usage.output_tokens, COMPLETION, OUTPUT);
    (void)FIRST(hits, &usage.cached_tokens, PROMPT_CACHED, INPUT_CACHED, CACHED,
                CACHED_NUMBER, CACHE_HIT);
    (void)FIRST(hits, &usage.reasoning_tokens, COMPLETION_REASONING,
                OUTPUT_REASONING, REASONING);
    if (usage.reasoning_tokens > 0 && FIRST(hits, &total, TOTAL) &&
        total == sum(sum(usage.input_tokens, usage.output_tokens),
                     usage.reasoning_tokens))
        usage.output_tokens = sum(usage.output_tokens, usage.reasoning_tokens);
    *usage_out = usage;
    return WEIR_OK;
}

bool
weir_usage_find(weir_span json, struct weir_usage *usage_out)
{
    static const weir_json_path places[] = {
        WEIR_JSON_PATH1("usage"),
        WEIR_JSON_PATH2("response", "usage"),
        WEIR_JSON_PATH2("x_groq", "usage"),
    };
    struct weir_json_root root;
    weir_json_hit hits[WEIR_COUNTOF(places)];

    if (weir_json_scan(json, places, WEIR_COUNTOF(places), 0, &root, hits,
                       NULL) != WEIR_OK)
        return false;
    for (size_t i = 0; i < WEIR_COUNTOF(places); i++)
        if (hits[i].kind == WEIR_JSON_OBJECT &&
            weir_usage_read(hits[i].raw, usage_out, NULL) == WEIR_OK)
            return true;
    return false;
}

/* ---------------------------------------------------------- estimate */

uint64_t
weir_tokens_of_bytes(uint64_t bytes)
{
    return bytes / WEIR_METER_BYTES_PER_TOKEN +
           (bytes % WEIR_METER_BYTES_PER_TOKEN != 0 ? 1 : 0);
}

struct weir_usage
weir_usage_estimate(uint64_t prompt_bytes, uint64_t delivered_bytes)
{
    return (struct weir_usage){
        .input_tokens = weir_tokens_of_bytes(prompt_bytes),
        .output_tokens = weir_tokens_of_bytes(delivered_bytes),
        .is_estimated = true,
    };
}

/* -------------------------------------------------------------- cost */

/* Far above what a weir_micros can hold, far below an overflow of four. */
#define PRODUCT_MAX ((unsigned __int128)1 << 120)

static unsigned __int128
product(uint64_t tokens, weir_micros price)
{
    WEIR_ASSERT(price >= 0);
    unsigned __int128 amount = (unsigned __int128)tokens * (uint64_t)price;
    return amount < PRODUCT_MAX ? amount : PRODUCT_MAX;
}

weir_micros
weir_cost(const struct weir_usage *usage, const struct weir_price *price)
{
    uint64_t cached = usage->cached_tokens < usage->input_tokens
                          ? usage->cached_tokens
                          : usage->input_tokens;
    uint64_t reasoning = usage->reasoning_tokens < usage->output_tokens
                             ? usage->reasoning_tokens
                             : usage->output_tokens;
    unsigned __int128 amount =
        product(usage->input_tokens - cached, price->input) +
        product(cached, price->cached_input) +
        product(usage->output_tokens - reasoning, price->output) +
        product(reasoning, price->reasoning);
    amount = (amount + 500000) / 1000000;
    return amount > INT64_MAX ? INT64_MAX : (weir_micros)amount;
}
