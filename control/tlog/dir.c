/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log as files.
 *
 *    checkpoint               the one file that changes
 *    tile/0/000 ...           leaf hashes, 256 a tile
 *    tile/1/000 ...           roots of full tiles below
 *    tile/entries/000 ...     the leaves themselves
 *    .../000.p/17             the same, 17 wide so far
 *
 * ORDER. Tiles and bundles that fill are written at once, the others at a
 * flush, and the checkpoint after all of them: what it names is there. A
 * crash before it leaves files that no checkpoint names; the next run writes
 * them again, maybe with other leaves, which is no contradiction because
 * nobody signed them.
 *
 * START. The open tiles are read back, their leaves and root computed anew
 * and held against the signed root. So this process never signs a tree whose
 * files it has not seen, and never two trees that disagree.
 *
 * WHAT IT DOES NOT DO. It does not notice a directory put back from a backup
 * older than what others have seen: that is what witnesses are for.
 */
#include "dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static weir_span
origin_of(const struct weir_tlog_dir *log)
{
    return (weir_span){log->origin, log->origin_len};
}

static weir_status
corrupt(struct weir_error *err, const char *what)
{
    return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                     "transparency log: %s", what);
}

/* Reads the not full tile of `level`, or bundle, as of `size`. */
static weir_status
read_open(struct weir_tlog_dir *log, uint32_t level, uint64_t size,
          struct weir_buf *out, struct weir_error *err)
{
    char path[WEIR_TLOG_PATH_BYTES];
    uint32_t shift = level == WEIR_TLOG_ENTRIES ? 0 : level;
    uint64_t nodes = size >> (8 * shift);
    uint32_t width = weir_tlog_tile_partial(shift, size);
    weir_tlog_tile_path(level, nodes / WEIR_TLOG_TILE_WIDTH, width, path);
    int failure = tlog_file_read(log->dir, path, out);
    if (failure == 0)
        return WEIR_OK;
    return weir_fail(err, failure == ENOENT ? WEIR_ECORRUPT : WEIR_EIO,
                     WEIR_OFFSET_NONE, "%s: %s", path, strerror(failure));
}

static weir_status
load_tiles(struct weir_tlog_dir *log, uint64_t size, struct weir_error *err)
{
    for (uint32_t level = 0; level < TLOG_LEVELS; level++) {
        struct weir_buf buf;
        uint32_t width = weir_tlog_tile_partial(level, size);
        if (width == 0)
            continue;
        weir_buf_init(&buf, WEIR_TLOG_TILE_BYTES);
        weir_status status = read_open(log, level, size, &buf, err);
        if (status == WEIR_OK && buf.len < width * WEIR_DIGEST_BYTES)
            status = corrupt(err, "a tile is too short");
        if (status == WEIR_OK)
            memcpy(log->tile[level], buf.ptr, width * WEIR_DIGEST_BYTES);
        weir_buf_fini(&buf);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* The open bundle's leaves must hash to the open tile of level 0. */
static weir_status
load_bundle(struct weir_tlog_dir *log, uint64_t size, struct weir_error *err)
{
    uint32_t width = weir_tlog_tile_partial(0, size);
    if (width == 0)
        return WEIR_OK;
    weir_status status =
        read_open(log, WEIR_TLOG_ENTRIES, size, &log->bundle, err);
    if (status != WEIR_OK)
        return status;
    weir_span rest = weir_buf_span(&log->bundle);
    for (uint32_t i = 0; i < width; i++) {
        weir_digest leaf;
        size_t len = rest.len < 2 ? SIZE_MAX
                                  : (size_t)(uint8_t)rest.ptr[0] << 8 |
                                        (uint8_t)rest.ptr[1];
        if (rest.len < 2 || rest.len - 2 < len)
            return corrupt(err, "an entry bundle is too short");
        weir_tlog_leaf((weir_span){rest.ptr + 2, len}, &leaf);
        if (!weir_digest_equal(&leaf, &log->tile[0][i]))
            return corrupt(err, "an entry differs from its hash");
        rest.ptr += 2 + len;
        rest.len -= 2 + len;
    }
    log->bundle.len -= rest.len; /* what a crash left beyond the checkpoint */
    return WEIR_OK;
}

static weir_status
load_frontier(struct weir_tlog_dir *log, const struct weir_checkpoint *head,
              struct weir_error *err)
{
    weir_digest root;
    log->frontier.size = head->size;
    for (uint32_t height = 0; height < 64; height++) {
        if ((head->size >> height & 1) == 0)
            continue;
        uint32_t rest = height % 8;
        uint64_t index = (head->size >> height) - 1;
        weir_span tile = {(const char *)log->tile[height / 8],
                          WEIR_TLOG_TILE_BYTES};
        bool is_there = weir_tlog_tile_node(
            tile, rest,
            (uint32_t)(index & ((WEIR_TLOG_TILE_WIDTH >> rest) - 1)),
            &log->frontier.peak[height]);
        WEIR_ASSERT(is_there);
    }
    weir_tlog_root(&log->frontier, &root);
    return weir_digest_equal(&root, &head->root)
               ? WEIR_OK
               : corrupt(err, "the tiles do not give the signed root");
}

/* Full tiles and bundles that a crash left beyond the checkpoint. A client
 * may take a full tile where a narrow one is gone, so they must not stay
 * until other leaves fill them. */
static void
remove_unsigned(struct weir_tlog_dir *log, uint64_t size)
{
    char path[WEIR_TLOG_PATH_BYTES];
    for (uint32_t level = 0; level <= TLOG_LEVELS; level++) {
        bool is_bundle = level == TLOG_LEVELS;
        uint64_t number = is_bundle ? size >> 8 : size >> (8 * level) >> 8;
        do
            weir_tlog_tile_path(is_bundle ? WEIR_TLOG_ENTRIES : level, number++,
                                WEIR_TLOG_TILE_WIDTH, path);
        while (unlinkat(log->dir, path, 0) == 0);
    }
}

static weir_status
load(struct weir_tlog_dir *log, struct weir_error *err)
{
    struct weir_note note;
    struct weir_checkpoint head;
    uint64_t verified;

    int failure = tlog_file_read(log->dir, "checkpoint", &log->checkpoint);
    if (failure == ENOENT) { /* a new log */
        remove_unsigned(log, 0);
        return WEIR_OK;
    }
    if (failure != 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "checkpoint: %s",
                         strerror(failure));
    if (weir_note_parse(weir_buf_span(&log->checkpoint), &note, err) !=
            WEIR_OK ||
        weir_checkpoint_parse(note.text, &head, err) != WEIR_OK)
        return corrupt(err, "the checkpoint is malformed");
    if (!weir_span_equal(head.origin, origin_of(log)) ||
        weir_note_verify(&note, &log->key, 1, &verified, NULL) != WEIR_OK)
        return corrupt(err, "the checkpoint is of another log or key");
    weir_status status = load_tiles(log, head.size, err);
    if (status == WEIR_OK)
        status = load_bundle(log, head.size, err);
    if (status == WEIR_OK)
        status = load_frontier(log, &head, err);
    log->flushed = head.size;
    if (status == WEIR_OK)
        remove_unsigned(log, head.size);
    return status;
}

static weir_status
open_files(struct weir_tlog_dir *log, struct weir_error *err)
{
    if (mkdir(log->path, 0755) != 0 && errno != EEXIST)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%s: %s", log->path,
                         strerror(errno));
    log->dir = open(log->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log->dir < 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%s: %s", log->path,
                         strerror(errno));
    log->lock = openat(log->dir, ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (log->lock < 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, ".lock: %s",
                         strerror(errno));
    if (flock(log->lock, LOCK_EX | LOCK_NB) != 0)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "another process holds the transparency log");
    return load(log, err);
}

weir_status
weir_tlog_dir_open(const char *path, weir_span origin,
                   const struct weir_ed25519_secret *secret,
                   struct weir_tlog_dir **log_out, struct weir_error *err)
{
    weir_ed25519_public public;
    struct weir_tlog_dir *log = calloc(1, sizeof(*log));
    if (log == NULL || (log->path = strdup(path)) == NULL) {
        free(log);
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    }
    log->dir = -1;
    log->lock = -1;
    log->write = tlog_file_write;
    weir_buf_init(&log->checkpoint, WEIR_NOTE_BYTES_MAX);
    weir_buf_init(&log->bundle, TLOG_BUNDLE_MAX);
    weir_status status = WEIR_OK;
    if (origin.len == 0 || origin.len > sizeof(log->origin))
        status =
            weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                      "the log's origin has 1 to %d bytes", WEIR_NOTE_NAME_MAX);
    else
        status = weir_ed25519_public_of(secret, &public);
    if (status == WEIR_OK) {
        memcpy(log->origin, origin.ptr, origin.len);
        log->origin_len = origin.len;
        log->secret = *secret;
        weir_note_key_init(&log->key, origin_of(log), WEIR_NOTE_ED25519,
                           &public);
        status = open_files(log, err);
    }
    if (status != WEIR_OK) {
        weir_tlog_dir_close(log);
        return status;
    }
    *log_out = log;
    return WEIR_OK;
}

void
weir_tlog_dir_close(struct weir_tlog_dir *log)
{
    if (log == NULL)
        return;
    weir_tlog_tiles_close(log->tiles);
    if (log->lock >= 0)
        close(log->lock);
    if (log->dir >= 0)
        close(log->dir);
    weir_buf_fini(&log->checkpoint);
    weir_buf_fini(&log->bundle);
    weir_wipe(&log->secret, sizeof(log->secret));
    free(log->path);
    free(log);
}

uint64_t
weir_tlog_dir_size(const struct weir_tlog_dir *log)
{
    return log->flushed;
}

uint64_t
weir_tlog_dir_pending(const struct weir_tlog_dir *log)
{
    return log->frontier.size;
}

weir_span
weir_tlog_dir_checkpoint(const struct weir_tlog_dir *log)
{
    return weir_buf_span(&log->checkpoint);
}

static weir_status
write_tile(struct weir_tlog_dir *log, uint32_t level, uint64_t index,
           uint32_t width, weir_span bytes, struct weir_error *err)
{
    char path[WEIR_TLOG_PATH_BYTES];
    weir_tlog_tile_path(level, index, width, path);
    int failure = log->write(log->dir, path, bytes, false);
    return failure == 0 ? WEIR_OK
                        : weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%s: %s",
                                    path, strerror(failure));
}

/* The leaf at `index` fills tiles: writes each, its root going up. */
static weir_status
write_full(struct weir_tlog_dir *log, uint64_t index, struct weir_error *err)
{
    uint64_t number = index / WEIR_TLOG_TILE_WIDTH;
    weir_status status =
        write_tile(log, WEIR_TLOG_ENTRIES, number, WEIR_TLOG_TILE_WIDTH,
                   weir_buf_span(&log->bundle), err);
    for (uint32_t level = 0; status == WEIR_OK && level < TLOG_LEVELS;
         level++) {
        weir_span tile = {(const char *)log->tile[level], WEIR_TLOG_TILE_BYTES};
        uint32_t above = (uint32_t)(number % WEIR_TLOG_TILE_WIDTH);
        status =
            write_tile(log, level, number, WEIR_TLOG_TILE_WIDTH, tile, err);
        if (level + 1 < TLOG_LEVELS)
            (void)weir_tlog_tile_node(tile, 8, 0, &log->tile[level + 1][above]);
        if (above != WEIR_TLOG_TILE_WIDTH - 1)
            break;
        number /= WEIR_TLOG_TILE_WIDTH;
    }
    return status;
}

weir_status
weir_tlog_dir_append(struct weir_tlog_dir *log, weir_span data,
                     struct weir_error *err)
{
    uint64_t index = log->frontier.size;
    uint32_t place = weir_tlog_tile_partial(0, index);
    size_t before = log->bundle.len;
    char head[2] = {(char)(data.len >> 8), (char)data.len};

    if (data.len > WEIR_TLOG_ENTRY_MAX)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "a leaf of over %d bytes", WEIR_TLOG_ENTRY_MAX);
    weir_buf_add(&log->bundle, head, sizeof(head));
    weir_buf_add_span(&log->bundle, data);
    if (log->bundle.overflow) {
        log->bundle.len = before;
        log->bundle.overflow = false;
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    }
    /* beyond the frontier a tile is scratch: a failure leaves no trace */
    weir_tlog_leaf(data, &log->tile[0][place]);
    if (place == WEIR_TLOG_TILE_WIDTH - 1) {
        weir_status status = write_full(log, index, err);
        if (status != WEIR_OK) {
            log->bundle.len = before;
            return status;
        }
        weir_buf_reset(&log->bundle);
    }
    weir_tlog_append(&log->frontier, &log->tile[0][place]);
    return WEIR_OK;
}

/* The open tiles, but those that are on disk as they are. */
static weir_status
write_open(struct weir_tlog_dir *log, struct weir_error *err)
{
    uint64_t size = log->frontier.size;
    weir_status status = WEIR_OK;
    for (uint32_t level = 0; status == WEIR_OK && level < TLOG_LEVELS;
         level++) {
        uint32_t width = weir_tlog_tile_partial(level, size);
        uint64_t nodes = size >> (8 * level);
        weir_span tile = {(const char *)log->tile[level],
                          width * (size_t)WEIR_DIGEST_BYTES};
        if (width == 0 || nodes == log->flushed >> (8 * level))
            continue;
        if (level == 0)
            status =
                write_tile(log, WEIR_TLOG_ENTRIES, nodes / WEIR_TLOG_TILE_WIDTH,
                           width, weir_buf_span(&log->bundle), err);
        if (status == WEIR_OK)
            status = write_tile(log, level, nodes / WEIR_TLOG_TILE_WIDTH, width,
                                tile, err);
    }
    return status;
}

/* Narrow forms of tiles that are full now serve nobody. */
static void
remove_narrow(struct weir_tlog_dir *log, uint32_t level, uint64_t number)
{
    char path[WEIR_TLOG_PATH_BYTES];
    size_t len = weir_tlog_tile_path(level, number, 1, path);
    len -= 1; /* "/1": the folder stays in front */
    for (uint32_t width = 1; width < WEIR_TLOG_TILE_WIDTH; width++) {
        snprintf(path + len, sizeof(path) - len, "%u", width);
        unlinkat(log->dir, path, 0);
    }
    path[len - 1] = '\0';
    unlinkat(log->dir, path, AT_REMOVEDIR);
}

static void
remove_filled(struct weir_tlog_dir *log, uint64_t before)
{
    for (uint32_t level = 0; level < TLOG_LEVELS; level++) {
        uint64_t number = before >> (8 * level) >> 8;
        /* only the tile open at the last flush had narrow forms */
        if (weir_tlog_tile_partial(level, before) == 0 ||
            number == log->frontier.size >> (8 * level) >> 8)
            continue;
        remove_narrow(log, level, number);
        if (level == 0)
            remove_narrow(log, WEIR_TLOG_ENTRIES, number);
    }
}

/* Beside its own signature the log's by ML-DSA-44, where the machine can.
 * Without a time: it says nothing of what a witness would have seen. */
static weir_status
sign_second(const struct weir_tlog_dir *log, weir_span text,
            struct weir_buf *note, struct weir_error *err)
{
    struct weir_note_secret second;
    weir_status status = weir_note_second_of(&log->secret, &second);
    if (status == WEIR_ENOTFOUND)
        return WEIR_OK;
    if (status == WEIR_OK)
        status = weir_note_cosign(text, origin_of(log), &second, 0, note, err);
    else
        (void)weir_fail(err, status, WEIR_OFFSET_NONE, "the second key");
    weir_wipe(&second, sizeof(second));
    return status;
}

weir_status
weir_tlog_dir_flush(struct weir_tlog_dir *log, struct weir_error *err)
{
    struct weir_buf note;
    struct weir_checkpoint head = {.origin = origin_of(log),
                                   .size = log->frontier.size};
    uint64_t before = log->flushed;

    if (log->checkpoint.len > 0 && before == head.size)
        return WEIR_OK;
    weir_status status = write_open(log, err);
    if (status != WEIR_OK)
        return status;
    weir_tlog_root(&log->frontier, &head.root);
    weir_buf_init(&note, WEIR_NOTE_BYTES_MAX);
    weir_checkpoint_write(&head, &note);
    size_t text_len = note.len;
    weir_buf_add_byte(&note, '\n');
    /* the text is signed from a copy: the buffer grows under it */
    struct weir_buf text;
    weir_buf_init(&text, WEIR_NOTE_BYTES_MAX);
    weir_buf_add(&text, note.ptr, text_len);
    status = weir_note_sign(weir_buf_span(&text), head.origin, &log->secret,
                            &note, err);
    if (status == WEIR_OK)
        status = sign_second(log, weir_buf_span(&text), &note, err);
    weir_buf_fini(&text);
    if (status == WEIR_OK) {
        /* The tiles first, all at once: a flush for each would cost more
         * than everything else that is done with a record. */
        int failure = tlog_file_sync(log->dir);
        if (failure == 0)
            failure =
                log->write(log->dir, "checkpoint", weir_buf_span(&note), true);
        if (failure != 0)
            status = weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                               "checkpoint: %s", strerror(failure));
    }
    if (status != WEIR_OK) {
        weir_buf_fini(&note);
        return status;
    }
    weir_buf_fini(&log->checkpoint);
    log->checkpoint = note;
    log->flushed = head.size;
    weir_tlog_tiles_close(log->tiles);
    log->tiles = NULL;
    remove_filled(log, before);
    return WEIR_OK;
}

weir_status
weir_tlog_dir_receipt(struct weir_tlog_dir *log, uint64_t index,
                      weir_span extra, struct weir_buf *out,
                      struct weir_error *err)
{
    struct weir_tlog_proof proof = {
        .extra = extra,
        .index = index,
        .checkpoint = weir_buf_span(&log->checkpoint),
    };
    if (index >= log->flushed)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "leaf %llu is under no checkpoint yet",
                         (unsigned long long)index);
    if (log->tiles == NULL) {
        weir_status status =
            weir_tlog_tiles_open(log->path, log->flushed, &log->tiles, err);
        if (status != WEIR_OK)
            return status;
    }
    if (weir_tlog_prove_inclusion(index, log->flushed, weir_tlog_tiles_read,
                                  log->tiles, proof.hashes,
                                  &proof.count) != WEIR_OK)
        return corrupt(err, "a tile for the path is not there");
    weir_tlog_proof_write(&proof, out);
    return out->overflow
               ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
               : WEIR_OK;
}
