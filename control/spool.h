/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/spool.h - bytes too many for memory, on their way.
 *
 * A file without a name below the state directory: it goes with the process,
 * whatever happens, and nobody else can cut it short while it is mapped.
 *
 * Threads: one owner. Memory: a mapping, which the system may drop.
 */
#ifndef WEIR_SPOOL_H
#define WEIR_SPOOL_H

#include <weir/base.h>

struct weir_spool {
    int file; /* -1: none */
    uint64_t size;
    uint64_t size_max;
    void *map;
    size_t map_bytes;
};

/* EIO. */
WEIR_MUST_USE weir_status weir_spool_open(struct weir_spool *spool,
                                          const char *state_dir,
                                          uint64_t size_max,
                                          struct weir_error *err);
void weir_spool_close(struct weir_spool *spool); /* fine when not open */
/* ETOOBIG: over size_max; EIO: the disk is full. */
WEIR_MUST_USE weir_status weir_spool_add(struct weir_spool *spool,
                                         const char *bytes, size_t len,
                                         struct weir_error *err);
/* All of a file. ENOTFOUND. */
WEIR_MUST_USE weir_status weir_spool_add_file(struct weir_spool *spool,
                                              const char *path,
                                              struct weir_error *err);
/* Everything that was added, a NUL behind; valid until it is closed. Nothing
 * may be added afterwards. */
WEIR_MUST_USE weir_status weir_spool_map(struct weir_spool *spool,
                                         weir_span *bytes_out,
                                         struct weir_error *err);

#endif
