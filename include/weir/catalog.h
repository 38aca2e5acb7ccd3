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

/* "3", "0.15", "0.000001": exact, at most six decimals, no sign, no
 * exponent; EPARSE otherwise or when it does not fit. */
WEIR_MUST_USE weir_status weir_micros_parse(weir_span text,
                                            weir_micros *value_out,
                                            struct weir_error *err);

#endif
