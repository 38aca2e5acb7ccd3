/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prices: rates, what changes them, and what is not said.
 *
 *    stated rates --each change that fits, in order--> stated rates
 *                 --what nobody stated--> a price
 *
 * WHY CHANGES ARE LAID OVER. Publishers say "twice as much above 200,000
 * tokens" of two rates and nothing of the others. A change therefore has the
 * rates it names, the others stay, and where two changes fit, the later one
 * has the word: a list reads from top to bottom.
 *
 * WHY DEFAULTS COME LAST. "Cached input costs what input costs" is true of
 * the input that the call has, not of that of another tier.
 */
#include <weir/catalog.h>

#include <stddef.h>
#include <string.h>

#define DAY_MINUTES 1440

static const struct {
    const char *name;
    size_t at;
    enum weir_rate as; /* where it is not stated; itself: nothing */
} rates[WEIR_RATES] = {
#define RATE(id, member, as)                                                   \
    [WEIR_RATE_##                                                              \
        id] = {#member, offsetof(struct weir_price, member), WEIR_RATE_##as}
    RATE(INPUT, input, INPUT),
    RATE(CACHED_INPUT, cached_input, INPUT),
    RATE(OUTPUT, output, OUTPUT),
    RATE(REASONING, reasoning, OUTPUT),
    RATE(CACHE_WRITE, cache_write, INPUT),
    RATE(CACHE_WRITE_1H, cache_write_1h, CACHE_WRITE),
    RATE(AUDIO_INPUT, audio_input, INPUT),
    RATE(AUDIO_CACHED, audio_cached, AUDIO_INPUT),
    RATE(AUDIO_OUTPUT, audio_output, OUTPUT),
    RATE(IMAGE_INPUT, image_input, INPUT),
    RATE(IMAGE_OUTPUT, image_output, OUTPUT),
    RATE(PICTURE, picture, PICTURE),
    RATE(REQUEST, request, REQUEST),
#undef RATE
};
_Static_assert(sizeof(struct weir_price) == WEIR_RATES * sizeof(weir_micros),
               "a member for each rate");

const char *
weir_rate_name(enum weir_rate rate)
{
    return rates[rate].name;
}

weir_micros *
weir_rate_of(struct weir_price *price, enum weir_rate rate)
{
    return (weir_micros *)(void *)((char *)price + rates[rate].at);
}

static weir_micros
rate_value(const struct weir_price *price, enum weir_rate rate)
{
    weir_micros value;
    memcpy(&value, (const char *)price + rates[rate].at, sizeof(value));
    return value;
}

bool
weir_rate_is_by_piece(enum weir_rate rate)
{
    return rate == WEIR_RATE_PICTURE || rate == WEIR_RATE_REQUEST;
}

static const char *const services[WEIR_SERVICES] = {
    [WEIR_SERVICE_STANDARD] = "standard",
    [WEIR_SERVICE_BATCH] = "batch",
    [WEIR_SERVICE_FLEX] = "flex",
    [WEIR_SERVICE_PRIORITY] = "priority",
};

const char *
weir_service_name(enum weir_service service)
{
    return (unsigned)service < WEIR_SERVICES ? services[service] : "standard";
}

enum weir_service
weir_service_of(weir_span name)
{
    for (unsigned i = 0; i < WEIR_SERVICES; i++) {
        if (weir_span_equal(name, weir_span_of(services[i])))
            return (enum weir_service)i;
    }
    return WEIR_SERVICE_STANDARD;
}

/* ----------------------------------------------------------- changes */

static bool
fits_hour(const struct weir_price_change *change, weir_time decided)
{
    if (change->minute_from == change->minute_until)
        return true;
    int64_t day = 86400 * WEIR_US_PER_SEC;
    int64_t of_day = ((decided % day) + day) % day;
    uint32_t minute = (uint32_t)(of_day / (60 * WEIR_US_PER_SEC));
    bool is_behind = minute >= change->minute_from;
    bool is_before = minute < change->minute_until;
    return change->minute_from < change->minute_until ? is_behind && is_before
                                                      : is_behind || is_before;
}

bool
weir_price_fits(const struct weir_price_change *change,
                const struct weir_price_when *when)
{
    return when->decided >= change->from && when->decided < change->until &&
           (change->above == 0 || when->input_tokens > change->above) &&
           (change->services == 0 ||
            (change->services >> when->service & 1) != 0) &&
           fits_hour(change, when->decided);
}

void
weir_price_lay(const struct weir_price_change *change, struct weir_price *price,
               uint32_t *stated)
{
    for (unsigned i = 0; i < WEIR_RATES; i++) {
        if ((change->stated & WEIR_RATE_BIT(i)) != 0)
            *weir_rate_of(price, (enum weir_rate)i) =
                rate_value(&change->rates, (enum weir_rate)i);
    }
    *stated |= change->stated;
}

void
weir_price_fill(struct weir_price *price, uint32_t stated)
{
    for (unsigned i = 0; i < WEIR_RATES; i++) {
        enum weir_rate rate = (enum weir_rate)i, as = rates[i].as;
        if ((stated & WEIR_RATE_BIT(i)) != 0)
            continue;
        if (rate == WEIR_RATE_AUDIO_CACHED &&
            (stated & WEIR_RATE_BIT(WEIR_RATE_AUDIO_INPUT)) == 0)
            as = WEIR_RATE_CACHED_INPUT;
        *weir_rate_of(price, rate) = as == rate ? 0 : rate_value(price, as);
    }
}

bool
weir_price_is_sound(const struct weir_price *price)
{
    for (unsigned i = 0; i < WEIR_RATES; i++) {
        weir_micros value = rate_value(price, (enum weir_rate)i);
        if (value < 0 || value > WEIR_MICROS_MAX)
            return false;
    }
    return true;
}

bool
weir_price_change_is_sound(const struct weir_price_change *change)
{
    return weir_price_is_sound(&change->rates) &&
           change->minute_from < DAY_MINUTES &&
           change->minute_until < DAY_MINUTES &&
           change->services >> WEIR_SERVICES == 0 &&
           change->stated >> WEIR_RATES == 0 && change->from < change->until;
}
