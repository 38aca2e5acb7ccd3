/* SPDX-License-Identifier: Apache-2.0 */
/* A traceparent of any bytes; what is read goes through a record and back. */
#include <stdlib.h>
#include <string.h>

#include <weir/trace.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_trace trace, again;
    uint8_t bytes[WEIR_TRACE_BYTES];
    if (!weir_trace_parse((weir_span){(const char *)data, size}, &trace))
        return 0;
    weir_trace_pack(&trace, bytes);
    if (!weir_trace_unpack((weir_span){(const char *)bytes, sizeof bytes},
                           &again) ||
        memcmp(again.id, trace.id, sizeof trace.id) != 0 ||
        memcmp(again.span, trace.span, sizeof trace.span) != 0 ||
        again.flags != trace.flags)
        abort();
    return 0;
}
