/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/splice.h - a text written again with some of its spans exchanged.
 *
 *     weir_splice_begin(&splice, body, &out);
 *     for each value to exchange, in the order of the text:
 *         weir_splice_to(&splice, raw);    out has all that stood before it
 *         append what stands in its place to `out`
 *     if (!weir_splice_end(&splice)) ...   out has no room
 *
 * What is not exchanged stays byte for byte. A splice that exchanged nothing
 * has written nothing until its end: `count` tells, and the text itself may
 * go on instead.
 *
 * Threads: one owner. Memory: the caller's buffer; `text` is borrowed.
 */
#ifndef WEIR_SPLICE_H
#define WEIR_SPLICE_H

#include <weir/base.h>

struct weir_splice {
    weir_span text;
    struct weir_buf *out;
    size_t taken; /* of `text`: copied, or stood in for */
    size_t count; /* spans exchanged */
};

static inline void
weir_splice_begin(struct weir_splice *splice, weir_span text,
                  struct weir_buf *out)
{
    splice->text = text;
    splice->out = out;
    splice->taken = 0;
    splice->count = 0;
}

/* `old` is a part of the text, behind those before it; it is left out. */
static inline void
weir_splice_to(struct weir_splice *splice, weir_span old)
{
    size_t at = (size_t)(old.ptr - splice->text.ptr);
    WEIR_ASSERT(at >= splice->taken && old.len <= splice->text.len - at);
    weir_buf_add(splice->out, splice->text.ptr + splice->taken,
                 at - splice->taken);
    splice->taken = at + old.len;
    splice->count++;
}

/* Copies the rest; false: the buffer is full. */
static inline bool
weir_splice_end(struct weir_splice *splice)
{
    weir_buf_add(splice->out, splice->text.ptr + splice->taken,
                 splice->text.len - splice->taken);
    splice->taken = splice->text.len;
    return !splice->out->overflow;
}

#endif
