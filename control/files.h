/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/files.h - places on disk and how files come into being there.
 *
 * Threads: any. Memory: the caller frees what is read.
 */
#ifndef WEIR_CONTROL_FILES_H
#define WEIR_CONTROL_FILES_H

#include <weir/base.h>

struct weir_settings; /* weir/world.h */

#define WEIR_PATH_MAX 1024

/* Places on disk and in shared memory, absolute. */
struct weir_paths {
    char config[4096];
    char state[WEIR_PATH_MAX];
    char run[WEIR_PATH_MAX];      /* board, images, ring, quota, sockets */
    char images[WEIR_PATH_MAX];   /* archive by digest */
    char overlays[WEIR_PATH_MAX]; /* archive by generation */
    char journal[WEIR_PATH_MAX];  /* segments */
    char tlog[WEIR_PATH_MAX];     /* transparency log, served as it is */
    char ring[WEIR_PATH_MAX];
};

/* Where things are, without making anything. */
WEIR_MUST_USE weir_status weir_paths_of(const char *config_path,
                                        const struct weir_settings *settings,
                                        struct weir_paths *paths_out,
                                        struct weir_error *err);
/* Makes the directories. EDENIED: the run directory is somebody else's. */
WEIR_MUST_USE weir_status weir_paths_make(const struct weir_paths *paths,
                                          struct weir_error *err);

WEIR_MUST_USE weir_status weir_make_directory(const char *path, unsigned mode,
                                              struct weir_error *err);
/* Writes bytes beside `path`, flushes, renames. */
WEIR_MUST_USE weir_status weir_write_file(const char *path, weir_span bytes,
                                          unsigned mode,
                                          struct weir_error *err);
/* The whole file, malloc'ed, NUL behind it; ENOTFOUND, EIO. */
WEIR_MUST_USE weir_status weir_read_file(const char *path, char **bytes_out,
                                         size_t *len_out,
                                         struct weir_error *err);
/* images/<hex digest>.image */
void weir_archive_path(const struct weir_paths *paths, const uint8_t digest[32],
                       char path_out[WEIR_PATH_MAX + 80]);

#endif
