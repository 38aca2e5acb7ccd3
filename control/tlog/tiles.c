/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes and leaves out of tile files, for proofs. A proof in a tree of a
 * million leaves touches about three tiles, and those near the root are
 * always the same ones; so a few tiles are kept, found by (level, index) and
 * replaced in turn.
 */
#include <weir/tlog_dir.h>

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT       32
#define BUNDLE_MAX (WEIR_TLOG_TILE_WIDTH * (2 + WEIR_TLOG_ENTRY_MAX))

struct kept_tile {
    bool is_used;
    uint32_t level;
    uint64_t index;
    size_t len;
    char bytes[WEIR_TLOG_TILE_BYTES];
};

struct weir_tlog_tiles {
    int dir;
    uint64_t size;
    size_t turn;
    struct weir_buf bundle;
    uint64_t bundle_index;
    struct kept_tile kept[KEPT];
};

weir_status
weir_tlog_tiles_open(const char *path, uint64_t size,
                     struct weir_tlog_tiles **tiles_out, struct weir_error *err)
{
    struct weir_tlog_tiles *tiles = calloc(1, sizeof(*tiles));
    if (tiles == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    tiles->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tiles->dir < 0) {
        free(tiles);
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%s: %s", path,
                         strerror(errno));
    }
    tiles->size = size;
    weir_buf_init(&tiles->bundle, BUNDLE_MAX);
    *tiles_out = tiles;
    return WEIR_OK;
}

void
weir_tlog_tiles_close(struct weir_tlog_tiles *tiles)
{
    if (tiles == NULL)
        return;
    close(tiles->dir);
    weir_buf_fini(&tiles->bundle);
    free(tiles);
}

/* The file of a tile of this tree: whole, or as wide as the tree has it, or
 * (since the log grew) whole after all. */
static bool
read_tile(const struct weir_tlog_tiles *tiles, uint32_t level, uint64_t index,
          struct weir_buf *out)
{
    char path[WEIR_TLOG_PATH_BYTES];
    uint32_t shift = level == WEIR_TLOG_ENTRIES ? 0 : 8 * level;
    uint64_t nodes = shift < 64 ? tiles->size >> shift : 0;
    uint64_t first = index * WEIR_TLOG_TILE_WIDTH;

    if (index > UINT64_MAX / WEIR_TLOG_TILE_WIDTH || first >= nodes)
        return false;
    if (nodes - first < WEIR_TLOG_TILE_WIDTH) {
        weir_tlog_tile_path(level, index, (uint32_t)(nodes - first), path);
        if (tlog_file_read(tiles->dir, path, out) == 0)
            return true;
        weir_buf_reset(out);
    }
    weir_tlog_tile_path(level, index, WEIR_TLOG_TILE_WIDTH, path);
    return tlog_file_read(tiles->dir, path, out) == 0;
}

static const struct kept_tile *
tile_of(struct weir_tlog_tiles *tiles, uint32_t level, uint64_t index)
{
    for (size_t i = 0; i < KEPT; i++)
        if (tiles->kept[i].is_used && tiles->kept[i].level == level &&
            tiles->kept[i].index == index)
            return &tiles->kept[i];
    struct kept_tile *tile = &tiles->kept[tiles->turn];
    struct weir_buf buf;
    weir_buf_init_fixed(&buf, tile->bytes, sizeof(tile->bytes));
    tile->is_used = read_tile(tiles, level, index, &buf);
    if (!tile->is_used)
        return NULL;
    tile->level = level;
    tile->index = index;
    tile->len = buf.len;
    tiles->turn = (tiles->turn + 1) % KEPT;
    return tile;
}

bool
weir_tlog_tiles_read(void *context, uint32_t height, uint64_t index,
                     weir_digest *hash_out)
{
    uint32_t rest = height % 8;
    uint64_t per_tile = WEIR_TLOG_TILE_WIDTH >> rest;
    const struct kept_tile *tile =
        tile_of(context, height / 8, index / per_tile);
    return tile != NULL &&
           weir_tlog_tile_node((weir_span){tile->bytes, tile->len}, rest,
                               (uint32_t)(index % per_tile), hash_out);
}

weir_status
weir_tlog_tiles_entry(struct weir_tlog_tiles *tiles, uint64_t index,
                      weir_span *data_out, struct weir_error *err)
{
    uint64_t bundle = index / WEIR_TLOG_TILE_WIDTH;
    if (index >= tiles->size)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "the log has %llu leaves",
                         (unsigned long long)tiles->size);
    if (tiles->bundle.len == 0 || tiles->bundle_index != bundle) {
        weir_buf_reset(&tiles->bundle);
        if (!read_tile(tiles, WEIR_TLOG_ENTRIES, bundle, &tiles->bundle)) {
            weir_buf_reset(&tiles->bundle);
            return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                             "entry bundle %llu is not there",
                             (unsigned long long)bundle);
        }
        tiles->bundle_index = bundle;
    }
    weir_span rest = weir_buf_span(&tiles->bundle);
    for (uint64_t i = index % WEIR_TLOG_TILE_WIDTH;; i--) {
        size_t len = rest.len < 2 ? 0
                                  : (size_t)(uint8_t)rest.ptr[0] << 8 |
                                        (uint8_t)rest.ptr[1];
        if (rest.len < 2 || rest.len - 2 < len)
            return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                             "entry bundle %llu is too short",
                             (unsigned long long)bundle);
        if (i == 0) {
            *data_out = (weir_span){rest.ptr + 2, len};
            return WEIR_OK;
        }
        rest.ptr += 2 + len;
        rest.len -= 2 + len;
    }
}
