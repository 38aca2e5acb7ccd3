/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a pack: refused, whatever they are, as nobody here has the
 * key; and read within their bounds. The key is in the corpus, so that the
 * parts behind the signature of the manifest are reached with its own packs.
 */
#include <stdlib.h>
#include <string.h>

#include "control/reports/disclosure/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    json_t *reply = NULL;
    char *copy = malloc(len > 0 ? len : 1);
    if (copy == NULL)
        return 0;
    memcpy(copy, bytes, len);
    if (weir_pack_check((weir_span){copy, len}, WEIR_SPAN(""), &reply, NULL) ==
            WEIR_OK &&
        !json_is_true(json_object_get(reply, "is_valid")))
        abort();
    json_decref(reply);
    free(copy);
    return 0;
}
