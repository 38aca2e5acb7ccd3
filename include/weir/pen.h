/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/pen.h - JSON put together from literals and borrowed spans.
 *
 * A pen writes into a buffer, or makes pieces: short bytes are copied to the
 * arena, long ones (a prompt, an image) stay where they are and only their
 * span is kept, so that a body of megabytes is not copied to be translated.
 * Commas are the pen's affair: it looks at the last byte it wrote.
 *
 * Threads: one owner. Memory: the caller's arena or buffer; when that is
 * full the arena's or the buffer's own overflow says so.
 */
#ifndef WEIR_PEN_H
#define WEIR_PEN_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_pen {
    struct weir_buf *buf; /* or NULL: pieces */
    struct weir_arena *arena;
    weir_span *pieces;
    uint32_t count;
    uint32_t capacity;
    char *ink; /* where short bytes go */
    size_t ink_left;
    uint64_t bytes;
    char last;
};

void weir_pen_init(struct weir_pen *pen, struct weir_arena *arena);
void weir_pen_init_buf(struct weir_pen *pen, struct weir_buf *buf);

/* As it is. A span of WEIR_PEN_BORROW bytes or more must outlive the pieces. */
#define WEIR_PEN_BORROW 512
void weir_pen_put(struct weir_pen *pen, weir_span bytes);
#define weir_pen_lit(pen, text) weir_pen_put((pen), WEIR_SPAN(text))

/* A comma, unless a container has just begun or a name stands open. */
void weir_pen_comma(struct weir_pen *pen);
/* `{` or `[` as the next value; its end. */
void weir_pen_open(struct weir_pen *pen, char bracket);
void weir_pen_close(struct weir_pen *pen, char bracket);
/* "name": with its comma. Names are plain ASCII. */
void weir_pen_name(struct weir_pen *pen, const char *name);

/* Next values. `escaped` is the inside of a JSON string, `plain` any bytes. */
void weir_pen_raw(struct weir_pen *pen, weir_span raw);
void weir_pen_escaped(struct weir_pen *pen, weir_span escaped);
void weir_pen_plain(struct weir_pen *pen, weir_span plain);
void weir_pen_uint(struct weir_pen *pen, uint64_t value);
/* RAW bytes as a JSON string: their quotes and backslashes are escaped. */
void weir_pen_quote(struct weir_pen *pen, weir_span raw);

/* Members; those of an absent span (ptr NULL) are left out. */
void weir_pen_member_raw(struct weir_pen *pen, const char *name, weir_span raw);
void weir_pen_member_escaped(struct weir_pen *pen, const char *name,
                             weir_span escaped);
void weir_pen_member_plain(struct weir_pen *pen, const char *name,
                           weir_span plain);
void weir_pen_member_uint(struct weir_pen *pen, const char *name,
                          uint64_t value);
#define weir_pen_member_lit(pen, name, text)                                   \
    weir_pen_member_escaped((pen), (name), WEIR_SPAN(text))

#ifdef __cplusplus
}
#endif
#endif
