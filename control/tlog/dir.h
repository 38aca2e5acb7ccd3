/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_TLOG_DIR_H
#define WEIR_CONTROL_TLOG_DIR_H

#include <weir/tlog_dir.h>

#include "file.h"

#define TLOG_LEVELS     8 /* of tiles: 256^8 leaves */
#define TLOG_BUNDLE_MAX (WEIR_TLOG_TILE_WIDTH * (2 + WEIR_TLOG_ENTRY_MAX))

struct weir_tlog_dir {
    char *path;
    int dir;
    int lock;
    char origin[WEIR_NOTE_NAME_MAX];
    size_t origin_len;
    struct weir_ed25519_secret secret;
    struct weir_note_key key;
    uint64_t flushed; /* leaves under the checkpoint */
    struct weir_buf checkpoint;
    struct weir_tlog_frontier frontier; /* with what is not flushed */
    /* of each level, the tile that is not full yet */
    weir_digest tile[TLOG_LEVELS][WEIR_TLOG_TILE_WIDTH];
    struct weir_buf bundle;
    struct weir_tlog_tiles *tiles; /* of the flushed tree; NULL: not open */
    /* tlog_file_write, but for tests */
    int (*write)(int dir, const char *path, weir_span bytes, bool is_safe);
};

#endif
