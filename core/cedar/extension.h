/* SPDX-License-Identifier: Apache-2.0 */
/* What the methods of extension types compute, for both evaluators. */
#ifndef WEIR_CORE_CEDAR_EXTENSION_H
#define WEIR_CORE_CEDAR_EXTENSION_H

#include "ast.h"

struct cedar_ip_view {
    const uint8_t *address; /* 16 bytes */
    bool is_v6;
    uint8_t prefix;
};

/* Methods of decimal, datetime and duration; a Bool comes back as 0 or 1.
 * `b` is not looked at where there is no argument. */
enum weir_cedar_fault weir__cedar_number_call(enum cedar_function function,
                                              int64_t a, int64_t b,
                                              int64_t *result_out);
/* Methods of ip; `b` is looked at by isInRange alone. */
bool weir__cedar_ip_call(enum cedar_function function, struct cedar_ip_view a,
                         struct cedar_ip_view b);

#endif
