/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of content: one data key for each tenant, in a file of its own,
 * wrapped by the master key.
 *
 *    0        8         16        32        160     172          220
 *    +--------+---------+---------+---------+-------+------------+
 *    | magic  | master  | key id  | tenant  | nonce | wrapped, tag|
 *    +--------+---------+---------+---------+-------+------------+
 *
 * WHY A FILE AND NOT A ROW. Destroying it must leave nothing behind: a
 * database keeps old pages in its log and free list. The file is written
 * over in place, flushed, and removed. On media that never write in place,
 * what is left is 32 bytes wrapped by the master key; changing that destroys
 * them for good.
 *
 * THE MASTER KEY is fetched when it is needed (a file, a variable or a
 * command, such as a key store's program) and kept in memory by the keeper
 * only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/config/config.h"
#include "control/content/parts.h"
#include "control/tlog/file.h"

#define MAGIC     "WCKEY001"
#define NONCE_AT  160
#define WRAP_AT   (NONCE_AT + WEIR_AES_NONCE_BYTES)
#define KEY_BYTES (WRAP_AT + WEIR_AES_KEY_BYTES + WEIR_AES_TAG_BYTES)

void
weir__content_path(const struct weir_paths *paths, const char *name,
                   char path_out[WEIR__CONTENT_PATH])
{
    snprintf(path_out, WEIR__CONTENT_PATH, "%s/content%s%s", paths->state,
             name[0] == '\0' ? "" : "/", name);
}

static void
key_path(const struct weir_paths *paths, const char *tenant,
         char path_out[WEIR__CONTENT_PATH])
{
    char name[16 + WEIR_HEX_LEN(16)];
    char hex[WEIR_HEX_LEN(16)];
    weir_digest digest;
    weir_sha256_of(weir_span_of(tenant), &digest);
    weir_hex_encode((weir_span){(const char *)digest.bytes, 16}, hex);
    snprintf(name, sizeof name, "keys/%.*s.key", (int)sizeof hex, hex);
    weir__content_path(paths, name, path_out);
}

/* ------------------------------------------------------------------ master */

weir_status
weir__content_master_get(const struct weir__content_settings *settings,
                         struct weir__content_master *master_out,
                         struct weir_error *err)
{
    char text[4096];
    struct weir_buf buf;
    struct weir_sha256 hash;
    weir_digest digest;
    size_t len = 0;
    struct weir_world_reference reference = {
        settings->master.kind, weir_span_of(settings->master_text)};
    *master_out = (struct weir__content_master){.token = NULL};
    if (settings->master.kind == WEIR_CREDENTIAL_TOKEN)
        return weir__token_open(settings->master_text, &master_out->token,
                                master_out->id, err);
    weir_buf_init_fixed(&buf, text, sizeof text);
    weir_status status = weir_config_reference(&reference, false, &buf, err);
    weir_span line = weir_buf_span(&buf);
    if (status == WEIR_OK &&
        !(weir_hex_decode(line, master_out->key.bytes, 32, &len) &&
          len == 32) &&
        !(weir_base64_decode(line, master_out->key.bytes, 32, &len) &&
          len == 32))
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "the master key of content is 32 bytes, in hex or "
                           "base64");
    weir_wipe(text, sizeof text);
    if (status != WEIR_OK)
        return status;
    weir_sha256_init(&hash);
    weir_sha256_add(&hash, "weir content master\n", 20);
    weir_sha256_add(&hash, master_out->key.bytes, 32);
    weir_sha256_final(&hash, &digest);
    memcpy(master_out->id, digest.bytes, sizeof master_out->id);
    return WEIR_OK;
}

void
weir__content_master_drop(struct weir__content_master *master)
{
    weir__token_close(master->token);
    weir_wipe(master, sizeof *master);
}

/* The wrapped key of a file of `bytes`, in and out. */
static weir_status
wrap(const struct weir__content_master *master, uint8_t bytes[KEY_BYTES],
     const struct weir__content_key *key, struct weir_error *err)
{
    weir_span head = {(const char *)bytes, NONCE_AT};
    weir_private plain = {(const char *)key->key.bytes, 32};
    if (master->token != NULL)
        return weir__token_seal(master->token, bytes + NONCE_AT, head, plain,
                                bytes + WRAP_AT, err);
    return weir_aes_seal(&master->key, bytes + NONCE_AT, head, plain,
                         bytes + WRAP_AT)
               ? WEIR_OK
               : weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                           "a data key could not be wrapped");
}

static weir_status
unwrap(const struct weir__content_master *master, const uint8_t *bytes,
       const char *tenant, struct weir__content_key *key_out,
       struct weir_error *err)
{
    weir_span head = {(const char *)bytes, NONCE_AT};
    weir_span wrapped = {(const char *)bytes + WRAP_AT, KEY_BYTES - WRAP_AT};
    if (master->token != NULL)
        return weir__token_unseal(master->token, bytes + NONCE_AT, head,
                                  wrapped, key_out->key.bytes, err);
    return weir_aes_open(&master->key, bytes + NONCE_AT, head, wrapped,
                         key_out->key.bytes)
               ? WEIR_OK
               : weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "the data key of %.60s was altered", tenant);
}

/* --------------------------------------------------------------- data keys */

static weir_status
missing(const char *tenant, struct weir_error *err)
{
    return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                     "tenant %.60s has no data key: it was destroyed, or "
                     "never made",
                     tenant);
}

weir_status
weir__content_key_get(const struct weir_paths *paths, const char *tenant,
                      const struct weir__content_master *master,
                      struct weir__content_key *key_out, struct weir_error *err)
{
    char path[WEIR__CONTENT_PATH];
    uint8_t bytes[KEY_BYTES + 1];
    key_path(paths, tenant, path);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, bytes, sizeof bytes);
    int failure = errno;
    if (file >= 0)
        close(file);
    if (file < 0 && failure == ENOENT)
        return missing(tenant, err);
    if (got < 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%.120s: %s", path,
                         strerror(failure));
    if (got != KEY_BYTES || memcmp(bytes, MAGIC, 8) != 0)
        return missing(tenant, err);
    memcpy(key_out->id, bytes + 16, WEIR_CONTENT_KEY_ID);
    if (master == NULL)
        return WEIR_OK;
    if (memcmp(bytes + 8, master->id, sizeof master->id) != 0)
        return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                         "the data key of %.60s is under another master key",
                         tenant);
    return unwrap(master, bytes, tenant, key_out, err);
}

weir_status
weir__content_key_make(const struct weir_paths *paths, const char *tenant,
                       const struct weir__content_master *master,
                       struct weir__content_key *key_out,
                       struct weir_error *err)
{
    char path[WEIR__CONTENT_PATH];
    uint8_t bytes[KEY_BYTES] = {0};
    if (weir_random(&weir_control_env, key_out->id, sizeof key_out->id) !=
            WEIR_OK ||
        weir_random(&weir_control_env, key_out->key.bytes, 32) != WEIR_OK ||
        weir_random(&weir_control_env, bytes + NONCE_AT,
                    WEIR_AES_NONCE_BYTES) != WEIR_OK)
        return weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                         "no randomness");
    memcpy(bytes, MAGIC, 8);
    memcpy(bytes + 8, master->id, sizeof master->id);
    memcpy(bytes + 16, key_out->id, WEIR_CONTENT_KEY_ID);
    memcpy(bytes + 32, tenant, strnlen(tenant, 127));
    weir_status status = wrap(master, bytes, key_out, err);
    if (status != WEIR_OK)
        return status;
    key_path(paths, tenant, path);
    return weir_write_file(path, (weir_span){(const char *)bytes, KEY_BYTES},
                           0600, err);
}

weir_status
weir__content_key_destroy(const struct weir_paths *paths, const char *tenant,
                          struct weir_error *err)
{
    char path[WEIR__CONTENT_PATH], folder[WEIR__CONTENT_PATH];
    uint8_t zeros[KEY_BYTES] = {0};
    key_path(paths, tenant, path);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? missing(tenant, err)
                               : weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                                           "%.120s: %s", path, strerror(errno));
    bool is_over =
        pwrite(file, zeros, sizeof zeros, 0) == KEY_BYTES && fsync(file) == 0;
    is_over = close(file) == 0 && is_over && unlink(path) == 0;
    weir__content_path(paths, "keys", folder);
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    is_over = is_over && dir >= 0 && fsync(dir) == 0;
    if (dir >= 0)
        close(dir);
    weir__content_stir();
    return is_over ? WEIR_OK
                   : weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                               "%.120s could not be destroyed: %s", path,
                               strerror(errno));
}
