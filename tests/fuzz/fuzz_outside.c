/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a log: the first says in which format (or as a list of
 * endpoints), the others are its lines. Whatever is read lies in the line and
 * is within its bounds.
 */
#include <stdlib.h>
#include <string.h>

#include "control/reports/inventory/outside.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool
lies_in(weir_span part, weir_span whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr &&
                             part.ptr + part.len <= whole.ptr + whole.len);
}

static void
read_lines(struct weir_outside_reader *reader, weir_span text)
{
    while (text.len > 0) {
        const char *feed = memchr(text.ptr, '\n', text.len);
        size_t len = feed == NULL ? text.len : (size_t)(feed - text.ptr) + 1;
        weir_span line = {text.ptr, len};
        struct weir_outside_line out;
        if (weir_outside_read(reader, line, &out) == WEIR_OUTSIDE_LINE &&
            (!lies_in(out.host, line) || !lies_in(out.client, line) ||
             out.host.len == 0 || out.host.len > WEIR_HOST_MAX ||
             out.client.len == 0 || out.client.len > 128))
            abort();
        text = (weir_span){text.ptr + len, text.len - len};
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct weir_endpoints *endpoints;
    if (len < 1)
        return 0;
    /* A copy of its own size, so that a byte read behind it is seen. */
    char *copy = malloc(len > 1 ? len - 1 : 1);
    if (copy == NULL)
        return 0;
    memcpy(copy, bytes + 1, len - 1);
    weir_span text = {copy, len - 1};
    struct weir_outside_reader reader = {
        .format = (enum weir_outside_format)(bytes[0] % 5),
        .now = INT64_C(1795000000) * WEIR_US_PER_SEC};
    if (bytes[0] % 6 == 5) {
        struct weir_endpoints *own;
        if (weir_endpoints_new(&own, NULL) != WEIR_OK)
            abort();
        (void)weir_endpoints_add(own, text, NULL);
        weir_endpoints_free(own);
    } else {
        if (endpoints == NULL &&
            weir_endpoints_new(&endpoints, NULL) != WEIR_OK)
            abort();
        (void)weir_endpoints_find(endpoints, text);
        read_lines(&reader, text);
    }
    free(copy);
    return 0;
}
