/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signature Version 4 of a request to Bedrock. The credential is five fields
 * parted by tabs: key id, secret, region, service, and a session token where
 * the key is a passing one.
 *
 * Signed are host, content-type, the time and the session token, and the
 * body by its digest: whatever else stands in the head may change on the
 * way.
 */
#include "bedrock.h"

#include <weir/crypto.h>
#include <weir/sigv4.h>

#include <string.h>

#define ROOM 6144 /* of a canonical request: token and path */

enum { KEY_ID, SECRET, REGION, SERVICE, SESSION, FIELDS };

static size_t
split(weir_secret secret, weir_span fields[FIELDS])
{
    size_t count = 0;
    const char *at = secret.ptr;
    size_t left = secret.len;
    while (left > 0 && count < FIELDS) {
        const char *tab = memchr(at, '\t', left);
        size_t len = tab != NULL ? (size_t)(tab - at) : left;
        fields[count++] = (weir_span){at, len};
        len += tab != NULL ? 1 : 0;
        at += len;
        left -= len;
    }
    return count;
}

static void
hash_body(const struct weir_outgoing *outgoing, char hex_out[WEIR_HEX_LEN(32)])
{
    struct weir_sha256 hash;
    weir_digest digest;
    weir_sha256_init(&hash);
    for (uint32_t i = 0; i < outgoing->piece_count; i++) {
        const weir_span *piece = &WEIR_OUTGOING_PIECE(outgoing, i);
        weir_sha256_add(&hash, piece->ptr, piece->len);
    }
    weir_sha256_final(&hash, &digest);
    (void)weir_hex_encode(
        (weir_span){(const char *)digest.bytes, sizeof digest.bytes}, hex_out);
}

static void
add_line(struct weir_buf *lines, const char *name, weir_span value)
{
    weir_buf_add_span(lines, weir_span_of(name));
    weir_buf_add(lines, ": ", 2);
    weir_buf_add_span(lines, value);
    weir_buf_add(lines, "\r\n", 2);
}

weir_status
weir_bedrock_sign(const struct weir_signing *signing, struct weir_buf *lines,
                  struct weir_error *err)
{
    weir_span fields[FIELDS] = {{0}};
    char date[WEIR_SIGV4_DATE], hash[WEIR_HEX_LEN(32)];
    char memory[ROOM], value[512];
    struct weir_buf room, authorization;
    if (split(signing->secret, fields) < SESSION)
        return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                         "the origin's credential is not one that signs");
    weir_sigv4_date(signing->now, date);
    hash_body(signing->outgoing, hash);
    const struct weir_sigv4_header headers[] = {
        {WEIR_SPAN("host"), signing->authority},
        {WEIR_SPAN("content-type"), signing->content_type},
        {WEIR_SPAN("x-amz-date"), weir_span_of(date)},
        {WEIR_SPAN("x-amz-security-token"), fields[SESSION]}};
    const struct weir_sigv4_request request = {
        .method = signing->outgoing->method,
        .path = signing->outgoing->path,
        .headers = headers,
        .header_count = fields[SESSION].len > 0 ? 4 : 3,
        .body_hash = {hash, sizeof hash}};
    const struct weir_sigv4_scope scope = {
        .key_id = fields[KEY_ID],
        .secret = {fields[SECRET].ptr, fields[SECRET].len},
        .region = fields[REGION],
        .service = fields[SERVICE],
        .date = weir_span_of(date)};
    weir_buf_init_fixed(&room, memory, sizeof memory);
    weir_buf_init_fixed(&authorization, value, sizeof value);
    weir_status status =
        weir_sigv4_authorize(&authorization, &room, &scope, &request);
    if (status == WEIR_OK) {
        add_line(lines, "X-Amz-Date", weir_span_of(date));
        if (fields[SESSION].len > 0)
            add_line(lines, "X-Amz-Security-Token", fields[SESSION]);
        add_line(lines, "Authorization", weir_buf_span(&authorization));
    }
    weir_wipe(memory, sizeof memory);
    if (status != WEIR_OK || lines->overflow)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the request is too long to be signed");
    return WEIR_OK;
}
