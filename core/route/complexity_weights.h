/* SPDX-License-Identifier: Apache-2.0 */
/* Made by bench/complexity_train.py; do not edit. */
#ifndef WEIR_COMPLEXITY_WEIGHTS_H
#define WEIR_COMPLEXITY_WEIGHTS_H

#include <stdint.h>

/* Log-odds of 2.5 are half way from 500 to either end. */
#define COMPLEXITY_SOFT 25000
static const int32_t complexity_bias = -52134;
static const int32_t complexity_weights[16] = {455,  2092, 392, 1038, 754, 1614,
                                               -285, -299, 743, -356, 118, 0,
                                               50,   150,  50,  300};

#endif
