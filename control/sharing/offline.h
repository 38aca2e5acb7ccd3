/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/sharing/offline.h - shared indicators without a daemon: a bundle
 * and its exchange's salt, or a set as workers map it, for `weir watch score`.
 *
 * Threads: one opens; matching as weir/watch_indicators.h says.
 * Memory: heap or a mapping, given back by weir_share_offline_close().
 */
#ifndef WEIR_SHARING_OFFLINE_H
#define WEIR_SHARING_OFFLINE_H

#include <weir/watch_indicators.h>

struct weir_share_offline {
    struct weir_indicators set;
    struct weir_buf made; /* of a bundle; a set is mapped */
};

/*
 * `path` is a bundle (docs/formats/watch-bundle.md), whose words end when it
 * expires, or a set (docs/formats/indicators.md), which brings its salts.
 * `salt_path` holds 32 hexadecimal digits: needed for a bundle, refused for a
 * set. EPARSE, EVERSION, ECORRUPT (a bundle that its key did not sign),
 * ENOTFOUND, EIO, ENOMEM. On failure there is nothing to close.
 */
WEIR_MUST_USE weir_status
weir_share_offline_open(const char *path, const char *salt_path,
                        struct weir_share_offline *out, struct weir_error *err);
void weir_share_offline_close(struct weir_share_offline *offline);

#endif
