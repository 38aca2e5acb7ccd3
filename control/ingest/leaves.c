/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two places that must agree: the ledger, which says which number a record's
 * leaf has, and the log, which has the leaf.
 *
 *     rows, numbers, digests --commit--> store --then--> log --flush--> disk
 *
 * The store goes first and keeps the digests until a checkpoint covers them.
 * Killed in between, the log is behind and is given the rest at the next
 * start; it is never ahead, because a flush waits for a commit that is safe
 * on disk. Should it be ahead all the same (a store restored from a copy),
 * the leaves it has are compared with those that come, and nothing is
 * appended twice.
 */
#include "control/ingest/leaves.h"

#include <stdio.h>
#include <string.h>

#include "control/control.h"
#include "control/log.h"

#define BATCH_BYTES_MAX ((size_t)64 << 20)

/* ------------------------------------------------------------------- salts */

static weir_status
load_key(struct weir_salts *salts, struct weir_store *store, bool may_create,
         uint64_t segment, struct weir_error *err)
{
    char name[48];
    uint8_t key[32];
    bool is_there = false;
    snprintf(name, sizeof name, "salt.%llu", (unsigned long long)segment);
    weir_status status =
        weir_store_secret_get(store, name, key, &is_there, err);
    if (status == WEIR_OK && !is_there) {
        if (!may_create)
            return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                             "the salt of segment %llu is not there",
                             (unsigned long long)segment);
        status = weir_random(&weir_control_env, key, sizeof key);
        if (status == WEIR_OK)
            status = weir_store_secret_set(store, name, key, err);
    }
    if (status != WEIR_OK)
        return status;
    weir_hmac_init(&salts->keyed, (weir_secret){(const char *)key, 32});
    salts->segment = segment;
    weir_wipe(key, sizeof key);
    return WEIR_OK;
}

weir_status
weir_salts_leaf(struct weir_salts *salts, struct weir_store *store,
                bool may_create, uint64_t segment,
                const struct weir_record *record, weir_digest *salt_out,
                weir_digest *leaf_out, struct weir_error *err)
{
    uint8_t place[16];
    struct weir_sha256 hash;
    if (salts->segment != segment) {
        weir_status status = load_key(salts, store, may_create, segment, err);
        if (status != WEIR_OK)
            return status;
    }
    for (int i = 0; i < 8; i++) {
        place[i] = (uint8_t)(record->lane >> (8 * i));
        place[8 + i] = (uint8_t)(record->sequence >> (8 * i));
    }
    struct weir_hmac hmac = salts->keyed;
    weir_hmac_add(&hmac, place, sizeof place);
    weir_hmac_final(&hmac, salt_out);
    weir_sha256_init(&hash);
    weir_sha256_add(&hash, salt_out->bytes, sizeof salt_out->bytes);
    weir_sha256_add(&hash, record->raw.ptr, record->raw.len);
    weir_sha256_final(&hash, leaf_out);
    return WEIR_OK;
}

weir_status
weir_tlog_identity(struct weir_store *store, bool may_create,
                   struct weir_ed25519_secret *secret_out, char origin_out[64],
                   struct weir_error *err)
{
    bool is_there = false;
    weir_ed25519_public key;
    weir_digest digest;
    char hex[17];
    weir_status status = weir_store_secret_get(
        store, "tlog.key", secret_out->bytes, &is_there, err);
    if (status == WEIR_OK && !is_there) {
        if (!may_create)
            return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                             "the log has no key yet");
        status = weir_ed25519_generate(&weir_control_env, secret_out);
        if (status == WEIR_OK)
            status = weir_store_secret_set(store, "tlog.key", secret_out->bytes,
                                           err);
    }
    if (status == WEIR_OK)
        status = weir_ed25519_public_of(secret_out, &key);
    if (status != WEIR_OK)
        return status;
    weir_sha256_of((weir_span){(const char *)key.bytes, sizeof key.bytes},
                   &digest);
    hex[weir_hex_encode((weir_span){(const char *)digest.bytes, 8}, hex)] =
        '\0';
    snprintf(origin_out, 64, "weir.log/%s", hex);
    return WEIR_OK;
}

/* ------------------------------------------------------------------ the log */

struct giving {
    struct weir_leaves *leaves;
    struct weir_error *err;
    weir_status status;
};

/* The leaf is in the log already: it must be the same. */
static void
compare(struct weir_leaves *leaves, uint64_t number, const char *digest)
{
    struct weir_tlog_tiles *tiles = NULL;
    weir_span data = {NULL, 0};
    bool is_same =
        weir_tlog_tiles_open(leaves->path, weir_tlog_dir_size(leaves->log),
                             &tiles, NULL) == WEIR_OK &&
        weir_tlog_tiles_entry(tiles, number, &data, NULL) == WEIR_OK &&
        data.len == 32 && memcmp(data.ptr, digest, 32) == 0;
    weir_tlog_tiles_close(tiles);
    if (is_same)
        return;
    leaves->mismatches++;
    weir_log(WEIR_LOG_ERROR, "the transparency log has another leaf %llu",
             (unsigned long long)number);
}

static weir_status
give(struct weir_leaves *leaves, uint64_t first, weir_span digests,
     struct weir_error *err)
{
    uint64_t has = weir_tlog_dir_pending(leaves->log);
    for (size_t at = 0; at + 32 <= digests.len; at += 32) {
        uint64_t number = first + at / 32;
        if (number < has) {
            compare(leaves, number, digests.ptr + at);
            continue;
        }
        if (number > has)
            return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                             "leaf %llu of the transparency log is missing",
                             (unsigned long long)has);
        weir_status status = weir_tlog_dir_append(
            leaves->log, (weir_span){digests.ptr + at, 32}, err);
        if (status != WEIR_OK)
            return status;
        has++;
    }
    return WEIR_OK;
}

static bool
give_again(void *context, uint64_t first, weir_span digests)
{
    struct giving *giving = context;
    giving->status = give(giving->leaves, first, digests, giving->err);
    return giving->status == WEIR_OK;
}

/* What the store keeps and the log does not have. */
static weir_status
give_rest(struct weir_leaves *leaves, struct weir_store *store,
          struct weir_error *err)
{
    struct giving giving = {leaves, err, WEIR_OK};
    weir_status status = weir_store_leaves(
        store, weir_tlog_dir_pending(leaves->log), give_again, &giving, err);
    if (status == WEIR_OK)
        status = giving.status;
    leaves->is_behind = status != WEIR_OK;
    return status;
}

weir_status
weir_leaves_open(struct weir_leaves *leaves, struct weir_store *store,
                 const struct weir_paths *paths, struct weir_error *err)
{
    struct weir_ed25519_secret secret;
    char origin[64];
    int64_t next = 0;
    memset(leaves, 0, sizeof *leaves);
    snprintf(leaves->path, sizeof leaves->path, "%s", paths->tlog);
    weir_buf_init(&leaves->batch, BATCH_BYTES_MAX);
    weir_status status = weir_tlog_identity(store, true, &secret, origin, err);
    if (status == WEIR_OK)
        status = weir_tlog_dir_open(paths->tlog, weir_span_of(origin), &secret,
                                    &leaves->log, err);
    weir_wipe(&secret, sizeof secret);
    if (status == WEIR_OK)
        status = weir_store_number_get(store, "tlog.next", &next, err);
    if (status != WEIR_OK)
        return status;
    leaves->next = leaves->batch_first = (uint64_t)next;
    if (weir_tlog_dir_size(leaves->log) > leaves->next)
        weir_log(WEIR_LOG_ERROR,
                 "the transparency log has %llu leaves, the ledger knows of "
                 "%llu: is the store an old copy?",
                 (unsigned long long)weir_tlog_dir_size(leaves->log),
                 (unsigned long long)leaves->next);
    return give_rest(leaves, store, err);
}

void
weir_leaves_close(struct weir_leaves *leaves)
{
    weir_tlog_dir_close(leaves->log);
    leaves->log = NULL;
    weir_buf_fini(&leaves->batch);
    weir_wipe(&leaves->salts, sizeof leaves->salts);
}

weir_status
weir_leaves_add(struct weir_leaves *leaves, struct weir_store *store,
                uint64_t segment, const struct weir_record *record,
                int64_t *number_out, struct weir_error *err)
{
    weir_digest salt, leaf;
    weir_status status = weir_salts_leaf(&leaves->salts, store, true, segment,
                                         record, &salt, &leaf, err);
    if (status != WEIR_OK)
        return status;
    weir_buf_add(&leaves->batch, leaf.bytes, sizeof leaf.bytes);
    if (leaves->batch.overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    *number_out = (int64_t)leaves->next++;
    return WEIR_OK;
}

weir_status
weir_leaves_save(struct weir_leaves *leaves, struct weir_store *store,
                 struct weir_error *err)
{
    if (leaves->batch.len == 0)
        return WEIR_OK;
    weir_status status = weir_store_leaves_put(
        store, leaves->batch_first, weir_buf_span(&leaves->batch), err);
    if (status == WEIR_OK)
        status = weir_store_number_set(store, "tlog.next",
                                       (int64_t)leaves->next, err);
    return status;
}

weir_status
weir_leaves_commit(struct weir_leaves *leaves, struct weir_error *err)
{
    weir_status status = WEIR_OK;
    /* A disk that failed once is tried again before the next checkpoint. */
    if (!leaves->is_behind)
        status = give(leaves, leaves->batch_first,
                      weir_buf_span(&leaves->batch), err);
    if (status != WEIR_OK)
        leaves->is_behind = true;
    leaves->batch_first = leaves->next;
    weir_buf_reset(&leaves->batch);
    return status;
}

void
weir_leaves_rollback(struct weir_leaves *leaves)
{
    leaves->next = leaves->batch_first;
    weir_buf_reset(&leaves->batch);
    /* A key made inside the transaction is gone. */
    leaves->salts.segment = 0;
}

bool
weir_leaves_wait(const struct weir_leaves *leaves)
{
    return leaves->is_behind ||
           weir_tlog_dir_pending(leaves->log) > weir_tlog_dir_size(leaves->log);
}

weir_status
weir_leaves_flush(struct weir_leaves *leaves, struct weir_store *store,
                  struct weir_error *err)
{
    weir_status status = WEIR_OK;
    if (leaves->is_behind)
        status = give_rest(leaves, store, err);
    if (status == WEIR_OK)
        status = weir_tlog_dir_flush(leaves->log, err);
    if (status == WEIR_OK)
        status =
            weir_store_leaves_drop(store, weir_tlog_dir_size(leaves->log), err);
    return status;
}
