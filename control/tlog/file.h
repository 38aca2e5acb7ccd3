/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole files, or none: written beside their place, flushed, renamed; or
 * many of them, flushed at once.
 */
#ifndef WEIR_CONTROL_TLOG_FILE_H
#define WEIR_CONTROL_TLOG_FILE_H

#include <weir/base.h>

/* Makes missing folders of `path` below `dir`. 0 or an errno; when 0 and
 * `is_safe`, a crash of the machine leaves either the old file or the new
 * one. Not safe: that holds after tlog_file_sync(), until then the file may
 * be anything after a crash. */
int tlog_file_write(int dir, const char *path, weir_span bytes, bool is_safe);
/* Everything written before is on disk. 0 or an errno. */
int tlog_file_sync(int dir);

/* Appends the file's bytes to `out`. 0 or an errno; EFBIG: over its max. */
int tlog_file_read(int dir, const char *path, struct weir_buf *out);

#endif
