/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a bundle.
 *
 *     weir-watch-bundle/1
 *     exchange north-labs
 *     issuer seller-one
 *     serial 7
 *     issued 2026-11-22T12:00:00Z
 *     expires 2027-02-20T12:00:00Z
 *     indicators 2
 *     frame 0a1b2c3d4e5f6071
 *     system 9f8e7d6c5b4a3928
 *
 *     key <base64 of 32 bytes>
 *     signature <base64 of 64 bytes>
 *
 * WHY LINES. One writing only: every byte up to and with the empty line is
 * signed, and a reader takes nothing else than what a writer makes, down to
 * the order of indicators. So there is no room for a remark, and a bundle
 * that was sorted, padded or commented by somebody fails as a whole.
 *
 * WHAT IT DOES NOT DO. It does not say whom to trust: an unknown key is a
 * matter of the exchange.
 */
#include "control/sharing/bundle.h"

#include <stdlib.h>
#include <string.h>

#define HEAD     "weir-watch-bundle/1\n"
#define HEX      "0123456789abcdef"
#define KEY_B64  44
#define SIGN_B64 88

static weir_status
wrong(struct weir_error *err, const char *what)
{
    return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE, "not a bundle: %s",
                     what);
}

/* -------------------------------------------------------------- reading */

/* The value of the line `name value`; NULL pointer: another line. */
static weir_span
take_line(weir_span *text, const char *name)
{
    size_t len = strlen(name);
    const char *end =
        text->len == 0 ? NULL : memchr(text->ptr, '\n', text->len);
    if (end == NULL || (size_t)(end - text->ptr) <= len ||
        memcmp(text->ptr, name, len) != 0 || text->ptr[len] != ' ')
        return (weir_span){NULL, 0};
    weir_span value = {text->ptr + len + 1,
                       (size_t)(end - text->ptr) - len - 1};
    text->len -= (size_t)(end + 1 - text->ptr);
    text->ptr = end + 1;
    return value;
}

static bool
is_name(weir_span text)
{
    bool is_good = text.len > 0 && text.len <= WEIR_BUNDLE_NAME_MAX;
    for (size_t i = 0; is_good && i < text.len; i++) {
        char c = text.ptr[i];
        is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.';
    }
    return is_good;
}

/* Only as format_time() writes: whole seconds, UTC. */
static bool
read_time(weir_span text, weir_time *out)
{
    return text.len == 20 && text.ptr[19] == 'Z' && weir_time_parse(text, out);
}

/* No leading zeros: one writing only. */
static bool
read_number(weir_span text, uint64_t *out)
{
    return text.len > 0 && (text.len == 1 || text.ptr[0] != '0') &&
           weir_span_to_u64(text, out);
}

bool
weir_bundle_next(weir_span *lines, struct weir_bundle_indicator *out)
{
    for (uint32_t kind = 0; kind < WEIR_INDICATOR_KINDS; kind++) {
        weir_span rest = *lines;
        weir_span value = take_line(&rest, weir_indicator_kind_name(kind));
        uint64_t word = 0;
        if (value.ptr == NULL)
            continue;
        if (value.len != 16)
            return false;
        for (size_t i = 0; i < 16; i++) {
            const char *digit =
                value.ptr[i] == '\0' ? NULL : strchr(HEX, value.ptr[i]);
            if (digit == NULL)
                return false;
            word = word << 4 | (uint64_t)(digit - HEX);
        }
        if (word == 0)
            return false;
        *out = (struct weir_bundle_indicator){word, kind};
        *lines = rest;
        return true;
    }
    return false;
}

static int
compare(const void *a, const void *b)
{
    const struct weir_bundle_indicator *left = a, *right = b;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    return (left->word > right->word) - (left->word < right->word);
}

static weir_status
read_head(weir_span *rest, struct weir_bundle *bundle, struct weir_error *err)
{
    uint64_t count = 0;
    if (!weir_span_starts(*rest, WEIR_SPAN(HEAD)))
        return weir_span_starts(*rest, WEIR_SPAN("weir-watch-bundle/"))
                   ? weir_fail(err, WEIR_EVERSION, WEIR_OFFSET_NONE,
                               "a bundle of another version")
                   : wrong(err, "its first line");
    rest->ptr += strlen(HEAD);
    rest->len -= strlen(HEAD);
    bundle->exchange = take_line(rest, "exchange");
    bundle->issuer = take_line(rest, "issuer");
    if (!is_name(bundle->exchange) || !is_name(bundle->issuer))
        return wrong(err, "a name");
    if (!read_number(take_line(rest, "serial"), &bundle->serial) ||
        bundle->serial > INT64_MAX)
        return wrong(err, "its serial");
    if (!read_time(take_line(rest, "issued"), &bundle->issued) ||
        !read_time(take_line(rest, "expires"), &bundle->expires) ||
        bundle->expires <= bundle->issued ||
        bundle->expires - bundle->issued > WEIR_BUNDLE_LAST_US)
        return wrong(err, "its dates");
    if (!read_number(take_line(rest, "indicators"), &count) ||
        count > WEIR_INDICATORS_MAX)
        return wrong(err, "how many indicators it has");
    bundle->count = (uint32_t)count;
    return WEIR_OK;
}

weir_status
weir_bundle_read(weir_span text, struct weir_bundle *bundle_out,
                 struct weir_error *err)
{
    struct weir_bundle bundle = {.count = 0};
    struct weir_bundle_indicator last = {0}, one;
    weir_span rest = text;
    if (text.len > WEIR_BUNDLE_BYTES_MAX)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the bundle is too large");
    weir_status status = read_head(&rest, &bundle, err);
    if (status != WEIR_OK)
        return status;
    bundle.lines = rest;
    for (uint32_t i = 0; i < bundle.count; i++, last = one) {
        if (!weir_bundle_next(&rest, &one) ||
            (i > 0 && compare(&last, &one) >= 0))
            return wrong(err, "an indicator, or their order");
    }
    bundle.lines.len = (size_t)(rest.ptr - bundle.lines.ptr);
    if (rest.len == 0 || rest.ptr[0] != '\n')
        return wrong(err, "the end of the indicators");
    rest.ptr++;
    rest.len--;
    bundle.body = (weir_span){text.ptr, (size_t)(rest.ptr - text.ptr)};
    weir_span key = take_line(&rest, "key");
    weir_span signature = take_line(&rest, "signature");
    size_t key_len = 0, len = 0;
    if (key.len != KEY_B64 || signature.len != SIGN_B64 || rest.len != 0 ||
        !weir_base64_decode(key, bundle.key.bytes, sizeof bundle.key.bytes,
                            &key_len) ||
        !weir_base64_decode(signature, bundle.signature.bytes,
                            sizeof bundle.signature.bytes, &len) ||
        key_len != sizeof bundle.key.bytes ||
        len != sizeof bundle.signature.bytes)
        return wrong(err, "its signature");
    if (!weir_ed25519_verify(&bundle.key, bundle.body,
                             (weir_span){(const char *)bundle.signature.bytes,
                                         sizeof bundle.signature.bytes}))
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "the bundle was not signed by the key it names");
    *bundle_out = bundle;
    return WEIR_OK;
}

/* -------------------------------------------------------------- writing */

static void
add_time(struct weir_buf *out, const char *name, weir_time when)
{
    char text[WEIR_TIME_TEXT];
    weir_time_format(when, text);
    weir_buf_addf(out, "%s %.19sZ\n", name, text);
}

static void
add_base64(struct weir_buf *out, const char *name, const uint8_t *bytes,
           size_t len)
{
    char text[SIGN_B64 + 1];
    size_t used =
        weir_base64_encode((weir_span){(const char *)bytes, len}, text);
    weir_buf_addf(out, "%s %.*s\n", name, (int)used, text);
}

weir_status
weir_bundle_write(const struct weir_bundle *head,
                  struct weir_bundle_indicator *indicators, size_t count,
                  const struct weir_ed25519_secret *secret,
                  struct weir_buf *out, struct weir_error *err)
{
    weir_ed25519_public key;
    weir_ed25519_signature signature;
    size_t kept = 0, start = out->len;
    if (!is_name(head->exchange) || !is_name(head->issuer))
        return wrong(err, "names are of a-z, 0-9, - and ., at most 47");
    if (head->expires <= head->issued ||
        head->expires - head->issued > WEIR_BUNDLE_LAST_US)
        return wrong(err, "it ends, at most 366 days after it was issued");
    if (count > 0)
        qsort(indicators, count, sizeof *indicators, compare);
    for (size_t i = 0; i < count; i++)
        if (indicators[i].word != 0 &&
            (kept == 0 || compare(&indicators[kept - 1], &indicators[i]) != 0))
            indicators[kept++] = indicators[i];
    if (kept > WEIR_INDICATORS_MAX)
        return wrong(err, "too many indicators");
    weir_buf_addf(out, HEAD "exchange %.*s\nissuer %.*s\nserial %llu\n",
                  WEIR_SPAN_ARG(head->exchange), WEIR_SPAN_ARG(head->issuer),
                  (unsigned long long)head->serial);
    add_time(out, "issued", head->issued);
    add_time(out, "expires", head->expires);
    weir_buf_addf(out, "indicators %zu\n", kept);
    for (size_t i = 0; i < kept; i++)
        weir_buf_addf(out, "%s %016llx\n",
                      weir_indicator_kind_name(indicators[i].kind),
                      (unsigned long long)indicators[i].word);
    weir_buf_addf(out, "\n");
    if (out->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the bundle does not fit");
    weir_status status = weir_ed25519_public_of(secret, &key);
    if (status == WEIR_OK)
        status = weir_ed25519_sign(
            secret, (weir_span){out->ptr + start, out->len - start},
            &signature);
    if (status != WEIR_OK)
        return weir_fail(err, status, WEIR_OFFSET_NONE,
                         "the bundle cannot be signed");
    add_base64(out, "key", key.bytes, sizeof key.bytes);
    add_base64(out, "signature", signature.bytes, sizeof signature.bytes);
    return out->overflow ? weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                                     "the bundle does not fit")
                         : WEIR_OK;
}
