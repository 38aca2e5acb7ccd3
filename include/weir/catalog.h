/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/catalog.h - models and what they cost.
 *
 * Threads and memory: values only.
 */
#ifndef WEIR_CATALOG_H
#define WEIR_CATALOG_H

#include <weir/base.h>

/* Micro-units of the model's currency per million tokens; never negative. */
struct weir_price {
    weir_micros input;
    weir_micros cached_input;
    weir_micros output;
    weir_micros reasoning;
};

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
