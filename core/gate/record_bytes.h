/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian numbers and lengths, of which short records are made. */
#ifndef WEIR_GATE_RECORD_BYTES_H
#define WEIR_GATE_RECORD_BYTES_H

#include <weir/base.h>

static inline void
weir__record_put(struct weir_buf *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        weir_buf_add_byte(out, (char)(value >> (8 * i)));
}

/* Off the front, at most four bytes; false: there are fewer. */
static inline bool
weir__record_take(weir_span *in, size_t bytes, uint32_t *value_out)
{
    *value_out = 0;
    if (in->len < bytes)
        return false;
    for (size_t i = 0; i < bytes; i++)
        *value_out |= (uint32_t)(uint8_t)in->ptr[i] << (8 * i);
    in->ptr += bytes;
    in->len -= bytes;
    return true;
}

/* Two bytes of length, and what they count. */
static inline bool
weir__record_take_text(weir_span *in, weir_span *text_out)
{
    uint32_t len;
    if (!weir__record_take(in, 2, &len) || in->len < len)
        return false;
    *text_out = (weir_span){in->ptr, len};
    in->ptr += len;
    in->len -= len;
    return true;
}

#endif
