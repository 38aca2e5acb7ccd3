/* SPDX-License-Identifier: Apache-2.0 */
#include "control/sharing/offline.h"

#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/files.h"
#include "control/sharing/bundle.h"

#define MAGIC         "weir-watch-bundle/"
#define SET_BYTES_MAX ((size_t)128 << 20)

static weir_status
read_salt(const char *path, uint8_t salt_out[WEIR_INDICATOR_SALT_BYTES],
          struct weir_error *err)
{
    char *bytes = NULL;
    size_t len = 0, got = 0;
    weir_status status = weir_read_file(path, &bytes, &len, err);
    if (status != WEIR_OK)
        return status;
    size_t digits = len;
    while (digits > 0 &&
           (bytes[digits - 1] == '\n' || bytes[digits - 1] == '\r'))
        digits--;
    bool is_good = digits == 2 * WEIR_INDICATOR_SALT_BYTES &&
                   weir_hex_decode((weir_span){bytes, digits}, salt_out,
                                   WEIR_INDICATOR_SALT_BYTES, &got) &&
                   got == WEIR_INDICATOR_SALT_BYTES;
    weir_wipe(bytes, len);
    free(bytes);
    return is_good
               ? WEIR_OK
               : weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "%s is not a salt of 32 hexadecimal digits", path);
}

/* The set that has this bundle's words and nothing else. */
static weir_status
make_set(const struct weir_bundle *bundle, const char *salt_path,
         struct weir_buf *out, struct weir_error *err)
{
    struct weir_indicator_exchange exchange = {.name = bundle->exchange,
                                               .number = 0,
                                               .until = bundle->expires,
                                               .count = bundle->count};
    weir_span lines = bundle->lines;
    struct weir_bundle_indicator one;
    uint32_t count = 0;
    weir_status status = read_salt(salt_path, exchange.salt, err);
    if (status != WEIR_OK)
        return status;
    uint64_t *words = calloc((size_t)bundle->count + 1, sizeof(*words));
    if (words == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "no memory for %u indicators", bundle->count);
    while (count < bundle->count && weir_bundle_next(&lines, &one))
        words[count++] = one.word;
    exchange.words = words;
    exchange.count = count;
    status = weir_indicators_write(&exchange, 1, 1, bundle->issued, out, err);
    free(words);
    weir_wipe(exchange.salt, sizeof(exchange.salt));
    return status;
}

static weir_status
open_bundle(weir_span text, const char *path, const char *salt_path,
            struct weir_share_offline *out, struct weir_error *err)
{
    struct weir_bundle bundle;
    weir_status status = weir_bundle_read(text, &bundle, err);
    if (status != WEIR_OK)
        return status;
    if (salt_path == NULL)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "%s: a bundle's words cannot be read without the salt "
                         "of its exchange",
                         path);
    weir_buf_init(&out->made, SET_BYTES_MAX);
    status = make_set(&bundle, salt_path, &out->made, err);
    if (status == WEIR_OK)
        status =
            weir_indicators_open(weir_buf_span(&out->made), &out->set, err);
    if (status != WEIR_OK)
        weir_buf_fini(&out->made);
    return status;
}

weir_status
weir_share_offline_open(const char *path, const char *salt_path,
                        struct weir_share_offline *out, struct weir_error *err)
{
    char *bytes = NULL;
    size_t len = 0;
    memset(out, 0, sizeof(*out));
    weir_status status = weir_read_file(path, &bytes, &len, err);
    if (status != WEIR_OK)
        return status;
    bool is_bundle = len >= sizeof(MAGIC) - 1 &&
                     memcmp(bytes, MAGIC, sizeof(MAGIC) - 1) == 0;
    if (is_bundle)
        status =
            open_bundle((weir_span){bytes, len}, path, salt_path, out, err);
    free(bytes);
    if (is_bundle)
        return status;
    if (salt_path != NULL)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "%s is no bundle: a set has its salts in it", path);
    return weir_indicators_map(path, &out->set, err);
}

void
weir_share_offline_close(struct weir_share_offline *offline)
{
    bool is_made = !offline->set.is_mapped && offline->set.bytes.len > 0;
    weir_indicators_close(&offline->set);
    if (is_made)
        weir_buf_fini(&offline->made);
}
