/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/sharing/parts.h - what the files of this folder share.
 *
 * Threads: the caller holds control->lock unless said. Memory: as rows.h;
 * secrets are the caller's to wipe.
 */
#ifndef WEIR_SHARING_PARTS_H
#define WEIR_SHARING_PARTS_H

#include "control/sharing/rows.h"

/* The exchange of the configuration; NULL: there is none of that name. */
const struct weir_world_exchange *
weir__share_exchange(const struct weir_control *control, weir_span name);
/* Whether it takes bundles of this issuer, signed by this key. */
bool weir__share_trusts(const struct weir_control *control,
                        const struct weir_world_exchange *exchange,
                        weir_span issuer, weir_span key);
/* EPARSE: not 32 hexadecimal digits; else as the reference fails. */
WEIR_MUST_USE weir_status weir__share_salt(
    const struct weir_world_exchange *exchange,
    uint8_t salt_out[WEIR_INDICATOR_SALT_BYTES], struct weir_error *err);
WEIR_MUST_USE weir_status weir__share_secret(
    const struct weir_world_exchange *exchange,
    struct weir_ed25519_secret *secret_out, struct weir_error *err);

/* sharing/N.bundle below the state directory. */
void weir__share_path(const struct weir_control *control, int64_t number,
                      char path_out[WEIR_PATH_MAX + 48]);
/* The bundle of a row, malloc'ed text behind it; ECORRUPT: it is not the one
 * that was taken. */
WEIR_MUST_USE weir_status weir__share_load(const struct weir_control *control,
                                           const struct weir_share_bundle *row,
                                           char **text_out,
                                           struct weir_bundle *bundle_out,
                                           struct weir_error *err);
/* Number of the exchange; false: it has none. */
bool weir__share_number_of(struct weir_control *control, weir_span name,
                           uint32_t *number_out);
/* Publishes, and remembers that it is not owed any more. */
WEIR_MUST_USE weir_status weir__share_publish_owed(struct weir_control *control,
                                                   struct weir_error *err);

/* gather.c, without the lock: what a case's calls had in common, from the
 * ledger and the journal. `found_out` is malloc'ed. */
WEIR_MUST_USE weir_status
weir__share_gather(const struct weir_control *control, struct weir_store *store,
                   int64_t case_number, struct weir__share_gathered *out,
                   struct weir__share_found **found_out, uint32_t *count_out,
                   struct weir_error *err);

#endif
