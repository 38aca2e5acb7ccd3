/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/tlog_dir.h - a transparency log in a directory of static files.
 *
 * The directory may be served as it is (checkpoint, tile/...). Leaves are
 * buffered until a flush, which writes entry bundles and tiles, each whole
 * or not at all, and last the checkpoint that names them. Killed anywhere,
 * the log is that of the last checkpoint; leaves after it are given again by
 * the caller, who therefore keeps them until weir_tlog_dir_size() covers
 * them. Library `weir_tlog_dir` in control/tlog/.
 *
 * Threads: one owner; one process per directory (a lock file sees to it).
 * Memory: allocates. Never signs two checkpoints that are not consistent:
 * it only ever appends to what its last one said.
 */
#ifndef WEIR_TLOG_DIR_H
#define WEIR_TLOG_DIR_H

#include <weir/tlog.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_tlog_dir;

/*
 * Opens or begins the log in `path` (made if missing). `origin` names it and
 * its key. WEIR_ECORRUPT: checkpoint and tiles do not agree, or it is
 * another log's; WEIR_ECONFLICT: another process holds it; WEIR_EIO.
 */
WEIR_MUST_USE weir_status
weir_tlog_dir_open(const char *path, weir_span origin,
                   const struct weir_ed25519_secret *secret,
                   struct weir_tlog_dir **log_out, struct weir_error *err);
/* What was not flushed is dropped. NULL is fine. */
void weir_tlog_dir_close(struct weir_tlog_dir *log);

/* Leaves under the last checkpoint, and with those not flushed yet. */
uint64_t weir_tlog_dir_size(const struct weir_tlog_dir *log);
uint64_t weir_tlog_dir_pending(const struct weir_tlog_dir *log);

/* The leaf gets the index that pending had before. WEIR_ETOOBIG: over
 * WEIR_TLOG_ENTRY_MAX bytes. WEIR_EIO: a full tile could not be written;
 * the leaf is not taken. */
WEIR_MUST_USE weir_status weir_tlog_dir_append(struct weir_tlog_dir *log,
                                               weir_span data,
                                               struct weir_error *err);
/* Tiles, then the signed checkpoint. WEIR_EIO: the checkpoint is still the
 * one before (or, if only its directory could not be flushed, in doubt);
 * may be tried again. */
WEIR_MUST_USE weir_status weir_tlog_dir_flush(struct weir_tlog_dir *log,
                                              struct weir_error *err);

/* The signed note of the last flush; borrowed until the next. */
weir_span weir_tlog_dir_checkpoint(const struct weir_tlog_dir *log);

/* A receipt (tlog-proof) of leaf `index` under the last checkpoint.
 * WEIR_ENOTFOUND: not under it. `extra`: base64, or ptr NULL. */
WEIR_MUST_USE weir_status weir_tlog_dir_receipt(struct weir_tlog_dir *log,
                                                uint64_t index, weir_span extra,
                                                struct weir_buf *out,
                                                struct weir_error *err);

/* --- reading a directory without its key: verifiers --- */

/* For weir_tlog_prove_*: reads nodes of the tiles below `path`. */
struct weir_tlog_tiles;
WEIR_MUST_USE weir_status weir_tlog_tiles_open(
    const char *path, uint64_t size, struct weir_tlog_tiles **tiles_out,
    struct weir_error *err);
void weir_tlog_tiles_close(struct weir_tlog_tiles *tiles);
weir_tlog_read weir_tlog_tiles_read; /* context: struct weir_tlog_tiles */
/* The data of one leaf; borrowed until the next call. WEIR_ENOTFOUND. */
WEIR_MUST_USE weir_status weir_tlog_tiles_entry(struct weir_tlog_tiles *tiles,
                                                uint64_t index,
                                                weir_span *data_out,
                                                struct weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
