/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/tlog/check.h - a log's files held against its signed checkpoint,
 * by nobody's word but the files'.
 *
 * Threads: any. Memory: some tiles.
 */
#ifndef WEIR_CONTROL_TLOG_CHECK_H
#define WEIR_CONTROL_TLOG_CHECK_H

#include <weir/tlog_dir.h>

/*
 * Checks leaves [first, end) of the tree that `head` names, and all that
 * leads from them to its root; first 0 and end head->size is the whole log.
 * ECORRUPT: err says what and where, each in words of its own: a file that
 * is missing or short (truncated), bytes that were altered, leaves that
 * stand in each other's place. ELIMIT: not a range of this log; EIO.
 */
WEIR_MUST_USE weir_status weir_tlog_check(const char *path,
                                          const struct weir_checkpoint *head,
                                          uint64_t first, uint64_t end,
                                          struct weir_error *err);

/*
 * That the tree of `old` is the beginning of the tree of `head`. ECORRUPT:
 * the log was truncated (it had more leaves once), or forked.
 */
WEIR_MUST_USE weir_status weir_tlog_check_since(
    const char *path, const struct weir_checkpoint *old,
    const struct weir_checkpoint *head, struct weir_error *err);

#endif
