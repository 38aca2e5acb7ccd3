/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle of indicators from anywhere: read without a fault, and what is
 * taken is written again byte for byte but for its signature. */
#include <stdlib.h>

#include "control/sharing/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_bundle bundle;
    struct weir_bundle_indicator one;
    struct weir_error err;
    weir_span text = {(const char *)data, size}, lines = text;
    for (uint32_t i = 0; i < 1000 && weir_bundle_next(&lines, &one); i++)
        if (one.word == 0 || one.kind >= WEIR_INDICATOR_KINDS)
            abort();
    if (weir_bundle_read(text, &bundle, &err) != WEIR_OK)
        return 0;
    uint32_t count = 0;
    for (lines = bundle.lines; weir_bundle_next(&lines, &one);)
        count++;
    if (count != bundle.count || lines.len != 0)
        abort();
    return 0;
}
