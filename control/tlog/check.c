/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the signed root down to the leaves.
 *
 *    checkpoint   root of the whole tree
 *        |        must be that of the nodes at the tree's right edge, which
 *        v        the tiles that are not full hold
 *    tile/2       each entry the root of a full tile below it
 *    tile/1
 *    tile/0       each entry the hash of a leaf
 *    entries      the leaves
 *
 * WHY DOWNWARD. A tile that was found to have the root that stands above it
 * is authentic, so the first that has not is the one that was changed, and
 * can be named. At the right edge several tiles give the root together;
 * where they do not, they are compared with what lies below them, which
 * finds the one that disagrees.
 *
 * LEAVES OUT OF ORDER. When a leaf's hash is not the one in its place, but
 * another's of the same tile, two were exchanged; and when bundle and tile
 * were both rewritten so, exchanging them back gives the root again. This
 * costs only where something is wrong.
 *
 * WHY NO PROOFS. A proof a leaf would hash the same tiles again and again.
 * Here every node of the range is hashed once, which is what makes a million
 * leaves a second of it.
 */
#include "check.h"

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WIDTH      WEIR_TLOG_TILE_WIDTH
#define LEVELS     8
#define BUNDLE_MAX (WIDTH * (2 + WEIR_TLOG_ENTRY_MAX))

struct checking {
    int dir;
    uint64_t size;
    uint64_t first;
    uint64_t end;
    struct weir_buf bundle;
    struct weir_error *err;
};

static weir_status
wrong(struct checking *checking, const char *format, const char *path,
      uint64_t number)
{
    /* Formats are of this file; each takes the path, then the number. */
    char text[160];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof(text), format, path, (unsigned long long)number);
#pragma GCC diagnostic pop
    return weir_fail(checking->err, WEIR_ECORRUPT, WEIR_OFFSET_NONE, "%s",
                     text);
}

/* Nodes of `level` in this tree. */
static uint64_t
nodes_of(const struct checking *checking, uint32_t level)
{
    return level * 8 < 64 ? checking->size >> (8 * level) : 0;
}

static uint32_t
width_of(const struct checking *checking, uint32_t level, uint64_t index)
{
    uint64_t left = nodes_of(checking, level) - index * WIDTH;
    return left < WIDTH ? (uint32_t)left : WIDTH;
}

/* Reads a tile or bundle as wide as this tree has it; where the log has
 * grown, the full one serves. */
static weir_status
read_file(struct checking *checking, uint32_t level, uint64_t index,
          uint32_t width, struct weir_buf *out)
{
    char path[WEIR_TLOG_PATH_BYTES];
    weir_tlog_tile_path(level, index, width, path);
    weir_buf_reset(out);
    int failure = tlog_file_read(checking->dir, path, out);
    if (failure == ENOENT && width < WIDTH) {
        weir_tlog_tile_path(level, index, WIDTH, path);
        weir_buf_reset(out);
        failure = tlog_file_read(checking->dir, path, out);
    }
    if (failure == ENOENT)
        return wrong(checking, "the log is truncated: %s is not there", path,
                     0);
    return failure == 0 ? WEIR_OK
                        : weir_fail(checking->err, WEIR_EIO, WEIR_OFFSET_NONE,
                                    "%s: %s", path, strerror(failure));
}

static weir_status
read_tile(struct checking *checking, uint32_t level, uint64_t index,
          weir_digest tile_out[WIDTH])
{
    struct weir_buf buf;
    char path[WEIR_TLOG_PATH_BYTES];
    uint32_t width = width_of(checking, level, index);
    weir_buf_init_fixed(&buf, tile_out, WEIR_TLOG_TILE_BYTES);
    weir_status status = read_file(checking, level, index, width, &buf);
    weir_tlog_tile_path(level, index, width, path);
    if (status == WEIR_OK && buf.len < width * (size_t)WEIR_DIGEST_BYTES)
        status =
            wrong(checking, "the log is truncated: %s is too short", path, 0);
    return status;
}

/* The hashes of a bundle's leaves. */
static weir_status
read_leaves(struct checking *checking, uint64_t index,
            weir_digest leaves_out[WIDTH])
{
    char path[WEIR_TLOG_PATH_BYTES];
    uint32_t width = width_of(checking, 0, index);
    weir_status status =
        read_file(checking, WEIR_TLOG_ENTRIES, index, width, &checking->bundle);
    weir_span rest = weir_buf_span(&checking->bundle);
    weir_tlog_tile_path(WEIR_TLOG_ENTRIES, index, width, path);
    for (uint32_t i = 0; status == WEIR_OK && i < width; i++) {
        size_t len = rest.len < 2 ? 0
                                  : (size_t)(uint8_t)rest.ptr[0] << 8 |
                                        (uint8_t)rest.ptr[1];
        if (rest.len < 2 || rest.len - 2 < len)
            return wrong(checking,
                         "the log is truncated: %s ends before leaf %llu", path,
                         index * WIDTH + i);
        weir_tlog_leaf((weir_span){rest.ptr + 2, len}, &leaves_out[i]);
        rest.ptr += 2 + len;
        rest.len -= 2 + len;
    }
    return status;
}

/* The root of a full tile. */
static void
root_of(const weir_digest tile[WIDTH], weir_digest *root_out)
{
    weir_digest nodes[WIDTH / 2];
    for (uint32_t i = 0; i < WIDTH / 2; i++)
        weir_tlog_node(&tile[2 * i], &tile[2 * i + 1], &nodes[i]);
    for (uint32_t count = WIDTH / 4; count > 0; count /= 2)
        for (uint32_t i = 0; i < count; i++)
            weir_tlog_node(&nodes[2 * i], &nodes[2 * i + 1], &nodes[i]);
    *root_out = nodes[0];
}

/* -------------------------------------------------------------- diagnosis */

/* Leaf `i` of the tile does not have the hash that stands in its place. */
static weir_status
say_leaf(struct checking *checking, uint64_t index, uint32_t width, uint32_t i,
         const weir_digest *leaves, const weir_digest *tile)
{
    for (uint32_t k = 0; k < width; k++) {
        if (k == i || !weir_digest_equal(&leaves[i], &tile[k]))
            continue;
        return weir_fail(checking->err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "leaves were re-ordered: in the place of leaf %llu "
                         "stands leaf %llu",
                         (unsigned long long)(index * WIDTH + i),
                         (unsigned long long)(index * WIDTH + k));
    }
    return weir_fail(checking->err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                     "leaf %llu was altered: its bytes do not have its hash",
                     (unsigned long long)(index * WIDTH + i));
}

/* The root of a tile with two entries exchanged, from its inner nodes. */
static bool
swap_gives(const weir_digest tile[WIDTH], uint32_t a, uint32_t b,
           const weir_digest *root)
{
    weir_digest other[WIDTH], found;
    memcpy(other, tile, sizeof(other));
    other[a] = tile[b];
    other[b] = tile[a];
    root_of(other, &found);
    return weir_digest_equal(&found, root);
}

static weir_status
say_swapped(struct checking *checking, uint64_t index, uint32_t a, uint32_t b)
{
    return weir_fail(checking->err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                     "leaves were re-ordered: %llu and %llu stand in each "
                     "other's place",
                     (unsigned long long)(index * WIDTH + a),
                     (unsigned long long)(index * WIDTH + b));
}

/* A full tile whose root is not `root`, while its leaves agree with it. */
static weir_status
say_tile(struct checking *checking, uint32_t level, uint64_t index,
         const weir_digest tile[WIDTH], const weir_digest *root)
{
    char path[WEIR_TLOG_PATH_BYTES];
    for (uint32_t a = 0; level == 0 && a < WIDTH; a++)
        for (uint32_t b = a + 1; b < WIDTH; b++)
            if (swap_gives(tile, a, b, root))
                return say_swapped(checking, index, a, b);
    weir_tlog_tile_path(level, index, WIDTH, path);
    return wrong(checking,
                 level == 0
                     ? "%s was altered, and its leaves with it: it has not the "
                       "hash that stands above it"
                     : "%s was altered: it has not the hash that stands above "
                       "it",
                 path, 0);
}

/* ---------------------------------------------------------------- the walk */

static bool
is_outside(const struct checking *checking, uint32_t level, uint64_t index)
{
    uint32_t shift = 8 * (level + 1);
    uint64_t from = index << shift;
    uint64_t upto = shift < 64 ? (index + 1) << shift : UINT64_MAX;
    return from >= checking->end || upto <= checking->first;
}

/* The leaves below a tile of level 0 whose entries are authentic. */
static weir_status
check_leaves(struct checking *checking, uint64_t index,
             const weir_digest tile[WIDTH])
{
    weir_digest leaves[WIDTH];
    uint32_t width = width_of(checking, 0, index);
    weir_status status = read_leaves(checking, index, leaves);
    if (status != WEIR_OK ||
        memcmp(leaves, tile, width * sizeof(leaves[0])) == 0)
        return status;
    uint32_t i = 0;
    while (weir_digest_equal(&leaves[i], &tile[i]))
        i++;
    return say_leaf(checking, index, width, i, leaves, tile);
}

/* Where a tile is read and found wanting: is it the tile, or are the leaves
 * as it says? */
static weir_status
blame(struct checking *checking, uint32_t level, uint64_t index,
      const weir_digest tile[WIDTH], const weir_digest *root)
{
    if (level == 0) {
        weir_digest leaves[WIDTH], found;
        weir_status status = read_leaves(checking, index, leaves);
        if (status != WEIR_OK)
            return status;
        root_of(leaves, &found);
        if (weir_digest_equal(&found, root)) { /* the leaves are sound */
            char path[WEIR_TLOG_PATH_BYTES];
            weir_tlog_tile_path(0, index, WIDTH, path);
            return wrong(checking,
                         "%s was altered: it has not the hashes of its leaves",
                         path, 0);
        }
    }
    return say_tile(checking, level, index, tile, root);
}

/* One level of the way down; the depth is that of the tiles. */
struct step {
    weir_digest tile[WIDTH];
    uint64_t index;
    uint32_t next; /* entry to go down into */
    uint32_t width;
};

/* All below the open tile of `level`, whose entries are authentic. */
static weir_status
walk(struct checking *checking, uint32_t level, struct step steps[LEVELS])
{
    uint32_t at = level;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK) {
        struct step *step = &steps[at];
        if (at == 0) {
            status = is_outside(checking, 0, step->index)
                         ? WEIR_OK
                         : check_leaves(checking, step->index, step->tile);
        } else if (step->next < step->width) {
            uint64_t index = step->index * WIDTH + step->next;
            const weir_digest *root = &step->tile[step->next++];
            struct step *below = &steps[at - 1];
            weir_digest found;
            if (is_outside(checking, at - 1, index))
                continue;
            status = read_tile(checking, at - 1, index, below->tile);
            if (status != WEIR_OK)
                break;
            root_of(below->tile, &found);
            if (!weir_digest_equal(&found, root)) {
                status = blame(checking, at - 1, index, below->tile, root);
                break;
            }
            below->index = index;
            below->next = 0;
            below->width = WIDTH;
            at--;
            continue;
        }
        if (at == level)
            break;
        at++;
    }
    return status;
}

/* The root that the open tiles give together. */
static bool
edge_root(struct checking *checking, const struct step edge[LEVELS],
          weir_digest *root_out)
{
    struct weir_tlog_frontier frontier;
    memset(&frontier, 0, sizeof(frontier));
    frontier.size = checking->size;
    for (uint32_t height = 0; height < 64; height++) {
        if ((checking->size >> height & 1) == 0)
            continue;
        uint32_t rest = height % 8;
        uint64_t index = (checking->size >> height) - 1;
        weir_span tile = {(const char *)edge[height / 8].tile,
                          WEIR_TLOG_TILE_BYTES};
        if (!weir_tlog_tile_node(tile, rest,
                                 (uint32_t)(index & ((WIDTH >> rest) - 1)),
                                 &frontier.peak[height]))
            return false;
    }
    weir_tlog_root(&frontier, root_out);
    return true;
}

/* True when two leaves of the open tile stand in each other's place. */
static bool
say_edge_swap(struct checking *checking, struct step edge[LEVELS],
              const weir_digest *root)
{
    weir_digest *tile = edge[0].tile, found;
    for (uint32_t a = 0; a < edge[0].width; a++) {
        for (uint32_t b = a + 1; b < edge[0].width; b++) {
            weir_digest kept = tile[a];
            tile[a] = tile[b];
            tile[b] = kept;
            bool is_it = edge_root(checking, edge, &found) &&
                         weir_digest_equal(&found, root);
            tile[b] = tile[a];
            tile[a] = kept;
            if (!is_it)
                continue;
            (void)say_swapped(checking, edge[0].index, a, b);
            return true;
        }
    }
    return false;
}

/* The open tiles do not give the root: which of them, or what below? */
static weir_status
blame_edge(struct checking *checking, struct step edge[LEVELS],
           const weir_digest *root)
{
    char path[WEIR_TLOG_PATH_BYTES];
    weir_digest below[WIDTH], found;
    weir_status status = WEIR_OK;
    if (edge[0].width > 0) {
        status = check_leaves(checking, edge[0].index, edge[0].tile);
        if (status != WEIR_OK)
            return status;
    }
    for (uint32_t level = 1; level < LEVELS; level++) {
        const struct step *step = &edge[level];
        for (uint32_t i = 0; i < step->width; i++) {
            status =
                read_tile(checking, level - 1, step->index * WIDTH + i, below);
            if (status != WEIR_OK)
                return status;
            root_of(below, &found);
            if (weir_digest_equal(&found, &step->tile[i]))
                continue;
            weir_tlog_tile_path(level, step->index, step->width, path);
            return wrong(checking,
                         "%s was altered: entry %llu is not the hash of the "
                         "tile below it",
                         path, i);
        }
    }
    if (edge[0].width > 0 && say_edge_swap(checking, edge, root))
        return WEIR_ECORRUPT;
    return weir_fail(checking->err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                     "the leaves do not have the root of the signed "
                     "checkpoint: they were rewritten together with all that "
                     "stands above them");
}

static weir_status
check(struct checking *checking, const weir_digest *root)
{
    struct step edge[LEVELS], steps[LEVELS];
    weir_digest found;
    weir_status status = WEIR_OK;
    for (uint32_t level = 0; level < LEVELS; level++) {
        edge[level].index = nodes_of(checking, level) / WIDTH;
        edge[level].width = (uint32_t)(nodes_of(checking, level) % WIDTH);
        edge[level].next = 0;
        if (status == WEIR_OK && edge[level].width > 0)
            status =
                read_tile(checking, level, edge[level].index, edge[level].tile);
    }
    if (status != WEIR_OK)
        return status;
    if (!edge_root(checking, edge, &found) || !weir_digest_equal(&found, root))
        return blame_edge(checking, edge, root);
    /* From the top: earlier leaves stand below higher levels. */
    for (uint32_t level = LEVELS; status == WEIR_OK && level-- > 0;) {
        if (edge[level].width == 0)
            continue;
        steps[level] = edge[level];
        status = walk(checking, level, steps);
    }
    return status;
}

weir_status
weir_tlog_check(const char *path, const struct weir_checkpoint *head,
                uint64_t first, uint64_t end, struct weir_error *err)
{
    struct checking checking = {
        .size = head->size, .first = first, .end = end, .err = err};
    weir_digest empty;
    if (first > end || end > head->size)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the log has %llu leaves",
                         (unsigned long long)head->size);
    if (head->size == 0) {
        weir_sha256_of(WEIR_SPAN(""), &empty);
        return weir_digest_equal(&empty, &head->root)
                   ? WEIR_OK
                   : weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                               "an empty log with a root of its own");
    }
    checking.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (checking.dir < 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%.120s: %s", path,
                         strerror(errno));
    weir_buf_init(&checking.bundle, BUNDLE_MAX);
    weir_status status = check(&checking, &head->root);
    weir_buf_fini(&checking.bundle);
    close(checking.dir);
    return status;
}

weir_status
weir_tlog_check_since(const char *path, const struct weir_checkpoint *old,
                      const struct weir_checkpoint *head,
                      struct weir_error *err)
{
    struct weir_tlog_tiles *tiles = NULL;
    weir_digest proof[WEIR_TLOG_PROOF_MAX];
    size_t count = 0;
    if (old->size > head->size)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "the log was truncated: it has %llu leaves and had "
                         "%llu",
                         (unsigned long long)head->size,
                         (unsigned long long)old->size);
    if (old->size == 0)
        return WEIR_OK;
    weir_status status = weir_tlog_tiles_open(path, head->size, &tiles, err);
    if (status != WEIR_OK)
        return status;
    if (weir_tlog_prove_consistency(old->size, head->size, weir_tlog_tiles_read,
                                    tiles, proof, &count) != WEIR_OK)
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "the log is truncated: a tile for the proof is not "
                           "there");
    else if (!weir_tlog_verify_consistency(old->size, &old->root, head->size,
                                           &head->root, proof, count))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "the log was forked: its first %llu leaves are not "
                           "those of the earlier checkpoint",
                           (unsigned long long)old->size);
    weir_tlog_tiles_close(tiles);
    return status;
}
