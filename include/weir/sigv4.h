/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/sigv4.h - Signature Version 4 of AWS, in a header.
 *
 * Threads: any; no object is shared. Memory: nothing is allocated; what is
 * written goes to the caller's buffers, whose overflow says ELIMIT. Derived
 * keys are wiped.
 */
#ifndef WEIR_SIGV4_H
#define WEIR_SIGV4_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_SIGV4_HEADERS_MAX 32
#define WEIR_SIGV4_QUERY_MAX   64

/* "20150830T123600Z" and a NUL. */
#define WEIR_SIGV4_DATE 17
void weir_sigv4_date(weir_time when, char date_out[WEIR_SIGV4_DATE]);

struct weir_sigv4_header {
    weir_span name; /* in any case */
    weir_span value;
};

struct weir_sigv4_request {
    weir_span method;
    weir_span path;  /* as sent, without query: it is encoded once more */
    weir_span query; /* behind the '?', as sent */
    const struct weir_sigv4_header *headers; /* all of them are signed */
    size_t header_count;
    weir_span body_hash; /* hex SHA-256 of the body, or AWS' word for none */
    bool keeps_path;     /* dots and double slashes stay (S3) */
};

struct weir_sigv4_scope {
    weir_span key_id;
    weir_secret secret;
    weir_span region;
    weir_span service;
    weir_span date; /* as weir_sigv4_date() wrote it */
};

/* Appends the canonical request. ELIMIT: more headers or parameters than
 * above, or no room. EPARSE: a header's name is empty. */
WEIR_MUST_USE weir_status weir_sigv4_canonical(
    struct weir_buf *out, const struct weir_sigv4_request *request);
/* Appends what is signed, for a canonical request. */
void weir_sigv4_string(struct weir_buf *out,
                       const struct weir_sigv4_scope *scope,
                       weir_span canonical);
/*
 * Appends the value of the Authorization header; `room` is emptied and used
 * for the canonical request. As weir_sigv4_canonical(); EPARSE also where
 * the date is not one or the secret is longer than 128 bytes.
 */
WEIR_MUST_USE weir_status
weir_sigv4_authorize(struct weir_buf *out, struct weir_buf *room,
                     const struct weir_sigv4_scope *scope,
                     const struct weir_sigv4_request *request);

#ifdef __cplusplus
}
#endif
#endif
