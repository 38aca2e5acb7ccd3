/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/catalog.h - models and what they cost.
 *
 * Threads and memory: values only.
 */
#ifndef WEIR_CATALOG_H
#define WEIR_CATALOG_H

#include <weir/base.h>

/*
 * Micro-units of the model's currency per million of each kind (tokens,
 * pictures, requests); never negative.
 */
struct weir_price {
    weir_micros input;
    weir_micros cached_input;
    weir_micros output;
    weir_micros reasoning;
    weir_micros cache_write;    /* kept for some minutes */
    weir_micros cache_write_1h; /* kept for an hour */
    weir_micros audio_input;
    weir_micros audio_cached;
    weir_micros audio_output;
    weir_micros image_input;
    weir_micros image_output;
    weir_micros picture; /* made by the model */
    weir_micros request; /* the call itself */
};

/* The members of a price in their order. Numbers are permanent. */
enum weir_rate {
    WEIR_RATE_INPUT = 0,
    WEIR_RATE_CACHED_INPUT = 1,
    WEIR_RATE_OUTPUT = 2,
    WEIR_RATE_REASONING = 3,
    WEIR_RATE_CACHE_WRITE = 4,
    WEIR_RATE_CACHE_WRITE_1H = 5,
    WEIR_RATE_AUDIO_INPUT = 6,
    WEIR_RATE_AUDIO_CACHED = 7,
    WEIR_RATE_AUDIO_OUTPUT = 8,
    WEIR_RATE_IMAGE_INPUT = 9,
    WEIR_RATE_IMAGE_OUTPUT = 10,
    WEIR_RATE_PICTURE = 11,
    WEIR_RATE_REQUEST = 12,
    WEIR_RATES = 13
};
#define WEIR_RATE_BIT(rate) (UINT32_C(1) << (rate))
#define WEIR_RATES_ALL      (WEIR_RATE_BIT(WEIR_RATES) - 1)

/* "input", "cached_input", ... as files and reports say it. */
const char *weir_rate_name(enum weir_rate rate);
weir_micros *weir_rate_of(struct weir_price *price, enum weir_rate rate);
/* Text says tokens by the million, pictures and requests by the piece. */
bool weir_rate_is_by_piece(enum weir_rate rate);

/* At what level a call is served; the reply says it. Permanent. */
enum weir_service {
    WEIR_SERVICE_STANDARD = 0,
    WEIR_SERVICE_BATCH = 1,
    WEIR_SERVICE_FLEX = 2,
    WEIR_SERVICE_PRIORITY = 3,
    WEIR_SERVICES = 4
};
const char *weir_service_name(enum weir_service service);
/* "default", "auto" and what is not known: standard. */
enum weir_service weir_service_of(weir_span name);

/*
 * Rates that are other than the price they are laid over, for the calls that
 * fit all of what it says.
 */
struct weir_price_change {
    weir_time from;        /* decided at or after */
    weir_time until;       /* and before; WEIR_TIME_MAX: no end */
    uint64_t above;        /* more input tokens than this; 0: any number */
    uint32_t services;     /* bit per enum weir_service; 0: all */
    uint32_t minute_from;  /* of the day in UTC, 0..1439 */
    uint32_t minute_until; /* equal: all day; below: over midnight */
    uint32_t stated;       /* WEIR_RATE_BIT each: the rates it has */
    struct weir_price rates;
};
#define WEIR_PRICE_CHANGES_MAX 64 /* of one price */

/* What decides which rates a call has. */
struct weir_price_when {
    weir_time decided;
    uint64_t input_tokens;
    enum weir_service service;
};

bool weir_price_fits(const struct weir_price_change *change,
                     const struct weir_price_when *when);
/* Puts the change's rates over those of `price`; `stated` gets its bits. */
void weir_price_lay(const struct weir_price_change *change,
                    struct weir_price *price, uint32_t *stated);
/*
 * Rates that nobody stated: as their kind. Cached input, audio, images and
 * cache writes cost what input costs (an hour's write: what a write costs;
 * cached audio: what audio costs, or cached input where audio has no price
 * of its own), reasoning, audio and images made what output costs; pictures
 * and requests nothing.
 */
void weir_price_fill(struct weir_price *price, uint32_t stated);
/* No rate below 0 or above WEIR_MICROS_MAX. */
bool weir_price_is_sound(const struct weir_price *price);
bool weir_price_change_is_sound(const struct weir_price_change *change);

/* No price or budget is above this (a billion units): products with token
 * counts then fit 128 bits and sums fit 64. */
#define WEIR_MICROS_MAX INT64_C(1000000000000000)

/* "3", "0.15", "0.000001": exact, at most six decimals, no sign, no
 * exponent, no blanks; EPARSE otherwise or above WEIR_MICROS_MAX. */
WEIR_MUST_USE weir_status weir_micros_parse(weir_span text,
                                            weir_micros *value_out,
                                            struct weir_error *err);

/* Shortest exact text: "3", "0.15"; at most 21 bytes, NUL behind. */
#define WEIR_MICROS_TEXT 24
void weir_micros_format(weir_micros value, char text_out[WEIR_MICROS_TEXT]);

/* ISO 4217: three capital letters of the table of active codes. */
bool weir_currency_known(weir_span code);

#endif
