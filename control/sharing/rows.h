/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/sharing/rows.h - sharing as rows; control/store/sqlite/sharing.c.
 *
 * Threads and memory: as control/store/store.h; spans live until the callback
 * returns. What writes needs a transaction.
 */
#ifndef WEIR_SHARING_ROWS_H
#define WEIR_SHARING_ROWS_H

#include "control/sharing/sharing.h"

/* `number` is filled. ECONFLICT: that serial of that issuer is there. */
WEIR_MUST_USE weir_status weir__share_add(struct weir_store *store,
                                          struct weir_share_bundle *row,
                                          struct weir_error *err);
/* Imported and not ended, by exchange. */
WEIR_MUST_USE weir_status weir__share_live(struct weir_store *store,
                                           weir_share_on_bundle *on_row,
                                           void *context,
                                           struct weir_error *err);
/* At most one row. */
WEIR_MUST_USE weir_status weir__share_get(struct weir_store *store,
                                          int64_t number,
                                          weir_share_on_bundle *on_row,
                                          void *context,
                                          struct weir_error *err);
/* The greatest serial that was there, ended or not; 0: none. */
WEIR_MUST_USE weir_status weir__share_serial(struct weir_store *store,
                                             bool is_ours, weir_span exchange,
                                             weir_span issuer,
                                             uint64_t *serial_out,
                                             struct weir_error *err);
WEIR_MUST_USE weir_status weir__share_end(struct weir_store *store,
                                          int64_t number, weir_time now,
                                          weir_span by, weir_span reason,
                                          struct weir_error *err);
/* Those of the same issuer with a smaller serial. */
WEIR_MUST_USE weir_status
weir__share_replace(struct weir_store *store,
                    const struct weir_share_bundle *by, struct weir_error *err);
WEIR_MUST_USE weir_status weir__share_expire(struct weir_store *store,
                                             weir_time now,
                                             struct weir_error *err);

/* Numbers that exchanges have and had; those in use last. */
typedef bool weir__share_on_number(void *context, uint32_t number,
                                   weir_span name, weir_time since,
                                   weir_time until);
WEIR_MUST_USE weir_status weir__share_numbers(struct weir_store *store,
                                              weir__share_on_number *on_row,
                                              void *context,
                                              struct weir_error *err);
WEIR_MUST_USE weir_status weir__share_number_add(struct weir_store *store,
                                                 uint32_t number,
                                                 weir_span name, weir_time now,
                                                 struct weir_error *err);
WEIR_MUST_USE weir_status weir__share_number_end(struct weir_store *store,
                                                 weir_span name, weir_time now,
                                                 struct weir_error *err);

/* ------------------------------------------------------------ own finds */

struct weir__share_found {
    uint32_t kind; /* enum weir_indicator_kind */
    uint64_t digest;
    uint32_t calls;
};
struct weir__share_gathered {
    weir_time when; /* 0: not yet */
    uint32_t calls;
    uint32_t common; /* digests left out because others have them as well */
};
WEIR_MUST_USE weir_status weir__share_case_get(struct weir_store *store,
                                               int64_t case_number,
                                               struct weir__share_gathered *out,
                                               struct weir_error *err);
WEIR_MUST_USE weir_status
weir__share_case_add(struct weir_store *store, int64_t case_number,
                     const struct weir__share_gathered *gathered,
                     const struct weir__share_found *found, uint32_t count,
                     struct weir_error *err);
typedef bool weir__share_on_found(void *context,
                                  const struct weir__share_found *found);
WEIR_MUST_USE weir_status weir__share_found(struct weir_store *store,
                                            int64_t case_number,
                                            weir__share_on_found *on_row,
                                            void *context,
                                            struct weir_error *err);
WEIR_MUST_USE weir_status weir__share_withhold(
    struct weir_store *store, weir_span exchange, int64_t case_number,
    weir_time now, weir_span person, weir_span reason, struct weir_error *err);
WEIR_MUST_USE weir_status weir__share_is_withheld(struct weir_store *store,
                                                  weir_span exchange,
                                                  int64_t case_number,
                                                  bool *is_withheld_out,
                                                  struct weir_error *err);

#endif
