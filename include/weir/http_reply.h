/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/http_reply.h - one HTTP/1.1 reply, read whole, at any split.
 *
 * For short answers of services that weir itself asks. Strict where two
 * readers could differ: a length beside chunks, two lengths, a folded line, a
 * bare CR are broken. The body is taken up to a bound and no further.
 *
 * Threads: one owner. Memory: the body's buffer, on the heap, freed by
 * weir_http_reply_fini().
 */
#ifndef WEIR_HTTP_REPLY_H
#define WEIR_HTTP_REPLY_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_HTTP_LINE_MAX  4096  /* bytes of a line of the head */
#define WEIR_HTTP_HEAD_MAX  32768 /* of all of them */
#define WEIR_HTTP_VALUE_MAX 128   /* of a value that is wanted; more is cut */

enum weir_http_read {
    WEIR_HTTP_MORE = 0,
    WEIR_HTTP_DONE = 1,
    WEIR_HTTP_BROKEN = 2,
    WEIR_HTTP_TOO_LONG = 3 /* the body, or the head */
};

struct weir_http_reply {
    uint32_t status;    /* 200; 0: not read yet */
    bool is_encoded;    /* compressed: the body is not the text */
    bool may_ask_again; /* on this connection, once done */
    /* Set behind init: the name of a header, its value is copied to `value`,
     * that of the last if there are several. NULL: none is wanted. */
    const char *wanted;
    bool has_value;
    size_t value_len;
    char value[WEIR_HTTP_VALUE_MAX];
    /* inside */
    uint8_t state;
    bool has_length;
    bool is_chunked;
    uint64_t left;
    size_t head_bytes;
    size_t line_len;
    struct weir_buf body;
    char line[WEIR_HTTP_LINE_MAX];
};

void weir_http_reply_init(struct weir_http_reply *reply, size_t body_max);
void weir_http_reply_fini(struct weir_http_reply *reply);
/* Sticky once it is not MORE; bytes behind a reply that is done make its
 * connection unfit for another. */
enum weir_http_read weir_http_reply_feed(struct weir_http_reply *reply,
                                         weir_span bytes);
/* The other side closed. */
enum weir_http_read weir_http_reply_end(struct weir_http_reply *reply);

#ifdef __cplusplus
}
#endif
#endif
