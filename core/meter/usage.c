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
    PROMPT_WRITTEN,
    INPUT_WRITTEN,
    PROMPT_AUDIO,
    INPUT_AUDIO,
    PROMPT_AUDIO_CACHED,
    INPUT_AUDIO_CACHED,
    PROMPT_IMAGE,
    INPUT_IMAGE,
    COMPLETION_AUDIO,
    OUTPUT_AUDIO,
    COMPLETION_IMAGE,
    OUTPUT_IMAGE,
    SAID_CACHED,
    SAID_AUDIO,
    SAID_AUDIO_CACHED,
    SAID_IMAGE,
    SAID_IMAGE_CACHED,
    SPOKEN_AUDIO,
    SPOKEN_REASONING,
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
#define OF(prompt, input, name)                                                \
    [prompt] = WEIR_JSON_PATH2("prompt_tokens_details", name),                 \
    [input] = WEIR_JSON_PATH2("input_tokens_details", name)
    OF(PROMPT_WRITTEN, INPUT_WRITTEN, "cache_write_tokens"),
    OF(PROMPT_AUDIO, INPUT_AUDIO, "audio_tokens"),
    OF(PROMPT_IMAGE, INPUT_IMAGE, "image_tokens"),
#undef OF
    [PROMPT_AUDIO_CACHED] = WEIR_JSON_PATH3(
        "prompt_tokens_details", "cached_tokens_details", "audio_tokens"),
    [INPUT_AUDIO_CACHED] = WEIR_JSON_PATH3(
        "input_tokens_details", "cached_tokens_details", "audio_tokens"),
#define OF(completion, output, name)                                           \
    [completion] = WEIR_JSON_PATH2("completion_tokens_details", name),         \
    [output] = WEIR_JSON_PATH2("output_tokens_details", name)
    OF(COMPLETION_AUDIO, OUTPUT_AUDIO, "audio_tokens"),
    OF(COMPLETION_IMAGE, OUTPUT_IMAGE, "image_tokens"),
#undef OF
    /* Realtime sessions. */
    [SAID_CACHED] = WEIR_JSON_PATH2("input_token_details", "cached_tokens"),
    [SAID_AUDIO] = WEIR_JSON_PATH2("input_token_details", "audio_tokens"),
    [SAID_AUDIO_CACHED] = WEIR_JSON_PATH3(
        "input_token_details", "cached_tokens_details", "audio_tokens"),
    [SAID_IMAGE] = WEIR_JSON_PATH2("input_token_details", "image_tokens"),
    [SAID_IMAGE_CACHED] = WEIR_JSON_PATH3(
        "input_token_details", "cached_tokens_details", "image_tokens"),
    [SPOKEN_AUDIO] = WEIR_JSON_PATH2("output_token_details", "audio_tokens"),
    [SPOKEN_REASONING] =
        WEIR_JSON_PATH2("output_token_details", "reasoning_tokens"),
};

static struct weir_json_plan plan = WEIR_JSON_PLAN(counts, COUNTS);

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

/* Parts that have rates of their own. */
static void
read_kinds(const weir_json_hit hits[COUNTS], struct weir_usage *usage)
{
    (void)FIRST(hits, &usage->cache_write_tokens, PROMPT_WRITTEN,
                INPUT_WRITTEN);
    (void)FIRST(hits, &usage->audio_input_tokens, PROMPT_AUDIO, INPUT_AUDIO,
                SAID_AUDIO);
    (void)FIRST(hits, &usage->audio_cached_tokens, PROMPT_AUDIO_CACHED,
                INPUT_AUDIO_CACHED, SAID_AUDIO_CACHED);
    (void)FIRST(hits, &usage->image_input_tokens, PROMPT_IMAGE, INPUT_IMAGE,
                SAID_IMAGE);
    (void)FIRST(hits, &usage->audio_output_tokens, COMPLETION_AUDIO,
                OUTPUT_AUDIO, SPOKEN_AUDIO);
    (void)FIRST(hits, &usage->image_output_tokens, COMPLETION_IMAGE,
                OUTPUT_IMAGE);
    /* The origin counts cached sound among the sound, too. */
    usage->audio_input_tokens -=
        usage->audio_cached_tokens < usage->audio_input_tokens
            ? usage->audio_cached_tokens
            : usage->audio_input_tokens;
    uint64_t seen_before;
    (void)FIRST(hits, &seen_before, SAID_IMAGE_CACHED);
    usage->image_input_tokens -= seen_before < usage->image_input_tokens
                                     ? seen_before
                                     : usage->image_input_tokens;
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
        weir_json_scan_planned(object, &plan, 0, &root, hits, err);
    if (status != WEIR_OK)
        return status;
    if (!FIRST(hits, &usage.input_tokens, PROMPT, INPUT))
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "usage has no count of input tokens");
    (void)FIRST(hits, &usage.output_tokens, COMPLETION, OUTPUT);
    (void)FIRST(hits, &usage.cached_tokens, PROMPT_CACHED, INPUT_CACHED, CACHED,
                CACHED_NUMBER, CACHE_HIT, SAID_CACHED);
    (void)FIRST(hits, &usage.reasoning_tokens, COMPLETION_REASONING,
                OUTPUT_REASONING, REASONING, SPOKEN_REASONING);
    read_kinds(hits, &usage);
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

static void
add(uint64_t *sum, uint64_t count)
{
    if (__builtin_add_overflow(*sum, count, sum))
        *sum = UINT64_MAX;
}

void
weir_usage_add(struct weir_usage *sum, const struct weir_usage *one)
{
    add(&sum->input_tokens, one->input_tokens);
    add(&sum->cached_tokens, one->cached_tokens);
    add(&sum->output_tokens, one->output_tokens);
    add(&sum->reasoning_tokens, one->reasoning_tokens);
    add(&sum->cache_write_tokens, one->cache_write_tokens);
    add(&sum->cache_write_1h_tokens, one->cache_write_1h_tokens);
    add(&sum->audio_input_tokens, one->audio_input_tokens);
    add(&sum->audio_cached_tokens, one->audio_cached_tokens);
    add(&sum->audio_output_tokens, one->audio_output_tokens);
    add(&sum->image_input_tokens, one->image_input_tokens);
    add(&sum->image_output_tokens, one->image_output_tokens);
    add(&sum->pictures, one->pictures);
    sum->is_estimated = sum->is_estimated || one->is_estimated;
    sum->service = one->service;
}

/* -------------------------------------------------------------- cost */

/* Far above what a weir_micros can hold; thirteen of them do not overflow. */
#define PRODUCT_MAX ((unsigned __int128)1 << 120)

static unsigned __int128
product(uint64_t tokens, weir_micros price)
{
    WEIR_ASSERT(price >= 0);
    unsigned __int128 amount = (unsigned __int128)tokens * (uint64_t)price;
    return amount < PRODUCT_MAX ? amount : PRODUCT_MAX;
}

/* Takes `count` off what is left, or all of it. */
static uint64_t
take(uint64_t *left, uint64_t count)
{
    uint64_t taken = count < *left ? count : *left;
    *left -= taken;
    return taken;
}

void
weir_usage_split(const struct weir_usage *usage,
                 uint64_t counts_out[WEIR_RATES])
{
    uint64_t input = usage->input_tokens;
    uint64_t output = usage->output_tokens;
    uint64_t written = take(&input, usage->cache_write_tokens);
    uint64_t cached = take(&input, usage->cached_tokens);

    counts_out[WEIR_RATE_CACHE_WRITE_1H] =
        take(&written, usage->cache_write_1h_tokens);
    counts_out[WEIR_RATE_CACHE_WRITE] = written;
    counts_out[WEIR_RATE_AUDIO_CACHED] =
        take(&cached, usage->audio_cached_tokens);
    counts_out[WEIR_RATE_CACHED_INPUT] = cached;
    counts_out[WEIR_RATE_AUDIO_INPUT] = take(&input, usage->audio_input_tokens);
    counts_out[WEIR_RATE_IMAGE_INPUT] = take(&input, usage->image_input_tokens);
    counts_out[WEIR_RATE_INPUT] = input;
    counts_out[WEIR_RATE_REASONING] = take(&output, usage->reasoning_tokens);
    counts_out[WEIR_RATE_AUDIO_OUTPUT] =
        take(&output, usage->audio_output_tokens);
    counts_out[WEIR_RATE_IMAGE_OUTPUT] =
        take(&output, usage->image_output_tokens);
    counts_out[WEIR_RATE_OUTPUT] = output;
    counts_out[WEIR_RATE_PICTURE] = usage->pictures;
    counts_out[WEIR_RATE_REQUEST] =
        (usage->input_tokens | usage->output_tokens | usage->pictures) != 0;
}

weir_micros
weir_cost_of(const uint64_t units[WEIR_RATES], const struct weir_price *price)
{
    const weir_micros of[WEIR_RATES] = {
        [WEIR_RATE_INPUT] = price->input,
        [WEIR_RATE_CACHED_INPUT] = price->cached_input,
        [WEIR_RATE_OUTPUT] = price->output,
        [WEIR_RATE_REASONING] = price->reasoning,
        [WEIR_RATE_CACHE_WRITE] = price->cache_write,
        [WEIR_RATE_CACHE_WRITE_1H] = price->cache_write_1h,
        [WEIR_RATE_AUDIO_INPUT] = price->audio_input,
        [WEIR_RATE_AUDIO_CACHED] = price->audio_cached,
        [WEIR_RATE_AUDIO_OUTPUT] = price->audio_output,
        [WEIR_RATE_IMAGE_INPUT] = price->image_input,
        [WEIR_RATE_IMAGE_OUTPUT] = price->image_output,
        [WEIR_RATE_PICTURE] = price->picture,
        [WEIR_RATE_REQUEST] = price->request,
    };
    unsigned __int128 amount = 500000;
    for (unsigned i = 0; i < WEIR_RATES; i++)
        if (units[i] != 0) /* of most kinds a call has none */
            amount += product(units[i], of[i]);
    amount /= 1000000;
    return amount > INT64_MAX ? INT64_MAX : (weir_micros)amount;
}

weir_micros
weir_cost(const struct weir_usage *usage, const struct weir_price *price)
{
    uint64_t units[WEIR_RATES];
    weir_usage_split(usage, units);
    return weir_cost_of(units, price);
}
