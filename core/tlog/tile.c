/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog.h"

#include <stdio.h>
#include <string.h>

/* 2^64 - 1 has seven groups of three digits. */
#define GROUPS_MAX 7

size_t
weir_tlog_tile_path(uint32_t level, uint64_t index, uint32_t width,
                    char path_out[WEIR_TLOG_PATH_BYTES])
{
    uint32_t groups[GROUPS_MAX];
    size_t count = 0;
    size_t len;

    WEIR_ASSERT(width >= 1 && width <= WEIR_TLOG_TILE_WIDTH);
    WEIR_ASSERT(level < 64 || level == WEIR_TLOG_ENTRIES);
    do {
        groups[count++] = (uint32_t)(index % 1000);
        index /= 1000;
    } while (index > 0);
    if (level == WEIR_TLOG_ENTRIES)
        len = (size_t)snprintf(path_out, WEIR_TLOG_PATH_BYTES, "tile/entries");
    else
        len =
            (size_t)snprintf(path_out, WEIR_TLOG_PATH_BYTES, "tile/%u", level);
    while (count-- > 0)
        len += (size_t)snprintf(path_out + len, WEIR_TLOG_PATH_BYTES - len,
                                count > 0 ? "/x%03u" : "/%03u", groups[count]);
    if (width < WEIR_TLOG_TILE_WIDTH)
        len += (size_t)snprintf(path_out + len, WEIR_TLOG_PATH_BYTES - len,
                                ".p/%u", width);
    return len;
}

/* Takes the part up to the next '/' off `path`. */
static weir_span
take_part(weir_span *path)
{
    const char *slash = memchr(path->ptr, '/', path->len);
    size_t len = slash != NULL ? (size_t)(slash - path->ptr) : path->len;
    weir_span part = {path->ptr, len};
    size_t skip = slash != NULL ? len + 1 : len;
    path->ptr += skip;
    path->len -= skip;
    return part;
}

bool
weir_tlog_tile_parse(weir_span path, uint32_t *level_out, uint64_t *index_out,
                     uint32_t *width_out)
{
    char back[WEIR_TLOG_PATH_BYTES];
    weir_span rest = path;
    uint64_t level = WEIR_TLOG_ENTRIES;
    uint64_t index = 0;
    uint64_t width = WEIR_TLOG_TILE_WIDTH;
    uint64_t group;
    bool is_last = false;

    if (path.len == 0 || path.len >= sizeof(back) ||
        !weir_span_equal(take_part(&rest), WEIR_SPAN("tile")))
        return false;
    weir_span part = take_part(&rest);
    if (!weir_span_equal(part, WEIR_SPAN("entries")) &&
        (!weir_span_to_u64(part, &level) || level > 63))
        return false;
    for (int i = 0; i < GROUPS_MAX && !is_last; i++) {
        part = take_part(&rest);
        is_last = part.len == 0 || part.ptr[0] != 'x';
        if (!is_last) {
            part.ptr++;
            part.len--;
        } else if (weir_span_ends(part, WEIR_SPAN(".p"))) {
            part.len -= 2;
            if (!weir_span_to_u64(rest, &width) || width < 1 || width > 255)
                return false;
        }
        if (!weir_span_to_u64(part, &group) || group > 999 ||
            __builtin_mul_overflow(index, 1000, &index) ||
            __builtin_add_overflow(index, group, &index))
            return false;
    }
    if (!is_last)
        return false;
    /* one path per tile: whatever else it says, it must read back the same */
    size_t len =
        weir_tlog_tile_path((uint32_t)level, index, (uint32_t)width, back);
    if (!weir_span_equal(path, (weir_span){back, len}))
        return false;
    *level_out = (uint32_t)level;
    *index_out = index;
    *width_out = (uint32_t)width;
    return true;
}

uint32_t
weir_tlog_tile_partial(uint32_t level, uint64_t size)
{
    return level >= 8 ? 0 : (uint32_t)(size >> (8 * level) & 255);
}

bool
weir_tlog_tile_node(weir_span tile, uint32_t height, uint32_t index,
                    weir_digest *hash_out)
{
    weir_digest row[WEIR_TLOG_TILE_WIDTH];
    if (height > 8 || index >= WEIR_TLOG_TILE_WIDTH)
        return false;
    size_t width = (size_t)1 << height;
    size_t first = (size_t)index << height;
    if ((first + width) * WEIR_DIGEST_BYTES > tile.len)
        return false;
    memcpy(row, tile.ptr + first * WEIR_DIGEST_BYTES,
           width * WEIR_DIGEST_BYTES);
    for (; width > 1; width /= 2)
        for (size_t i = 0; i < width / 2; i++)
            weir_tlog_node(&row[2 * i], &row[2 * i + 1], &row[i]);
    *hash_out = row[0];
    return true;
}
