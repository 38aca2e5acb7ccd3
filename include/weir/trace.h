/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/trace.h - the caller's place in his own distributed trace, as W3C
 * Trace Context (Recommendation of 23 November 2021) writes it:
 *
 *     traceparent: 00-<32 hex>-<16 hex>-<2 hex>
 *
 * Threads and memory: pure functions.
 */
#ifndef WEIR_TRACE_H
#define WEIR_TRACE_H

#include <weir/base.h>

#define WEIR_TRACE_BYTES 25 /* id, span, flags: as records have it */

struct weir_trace {
    uint8_t id[16];
    uint8_t span[8]; /* of the caller */
    uint8_t flags;   /* bit 0: sampled */
    bool is_there;
};

/*
 * False, and nothing is there: not of this form, all zeros, or of version
 * ff. Later versions are read as far as they are like 00, as the
 * Recommendation asks.
 */
bool weir_trace_parse(weir_span traceparent, struct weir_trace *trace_out);

void weir_trace_pack(const struct weir_trace *trace,
                     uint8_t bytes_out[WEIR_TRACE_BYTES]);
/* False: not so many bytes. None at all is "not there" and true. */
bool weir_trace_unpack(weir_span bytes, struct weir_trace *trace_out);

#endif
