/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/parts.h - what the files of control/ share among themselves.
 *
 * Threads: the caller holds control->lock. Memory: as control.h.
 */
#ifndef WEIR_CONTROL_PARTS_H
#define WEIR_CONTROL_PARTS_H

#include "control/control.h"

/* Adds every key of the store that is not revoked. */
WEIR_MUST_USE weir_status weir__control_load_keys(struct weir_control *control,
                                                  struct weir_world *world,
                                                  struct weir_error *err);
/* Adds one; EPARSE: a limit is not readable. */
WEIR_MUST_USE weir_status
weir__control_add_key(struct weir_world *world,
                      const struct weir_store_key *key, struct weir_error *err);

/* The three steps of publishing. */
WEIR_MUST_USE weir_status weir__control_publish_image(
    struct weir_control *control, struct weir_world *world,
    struct weir_faults *faults, struct weir_error *err);
WEIR_MUST_USE weir_status weir__control_publish_overlay(
    struct weir_control *control, struct weir_error *err);
WEIR_MUST_USE weir_status weir__control_publish_credentials(
    struct weir_control *control, struct weir_error *err);
/* What the keyring has now, as a new file where it differs. */
WEIR_MUST_USE weir_status weir__control_write_credentials(
    struct weir_control *control, struct weir_error *err);

/* `prefix` and 48 characters that nobody guesses, and their digest. */
WEIR_MUST_USE weir_status
weir__control_make_secret(const char *prefix, char text_out[WEIR_KEY_TEXT],
                          uint8_t digest_out[32], struct weir_error *err);

/* The next number of `name` in the store, beyond the one on the board. */
WEIR_MUST_USE weir_status weir__control_next_generation(
    struct weir_control *control, const char *name, uint64_t on_board,
    uint64_t *generation_out, struct weir_error *err);
void weir__control_run_path(const struct weir_control *control,
                            const char *name, uint64_t generation,
                            char path_out[WEIR_PATH_MAX + 48]);

/* Notes an act in the store and tells the journal's thread. */
WEIR_MUST_USE weir_status weir__control_note(struct weir_control *control,
                                             const struct weir_actor *actor,
                                             const char *action,
                                             weir_span subject,
                                             const char *detail,
                                             struct weir_error *err);
/* Ends the transaction that a deed began: commits and rings, or rolls back.
 * Returns the first failure. */
WEIR_MUST_USE weir_status weir__control_finish(struct weir_control *control,
                                               weir_status status,
                                               struct weir_error *err);
void weir__control_ring(struct weir_control *control);

/* Inside a deed's transaction: customers are to be told of it, of what it
 * changes in the overlay that is in force now. 0 in *number_out: nobody was
 * served yet. */
WEIR_MUST_USE weir_status weir__control_will_tell(
    struct weir_control *control, const struct weir_actor *actor,
    const struct weir_withdrawal_wish *deed, int64_t *number_out,
    struct weir_error *err);
/* The second half, before the lock is released: the overlay is published,
 * whoever tells is rung. */
WEIR_MUST_USE weir_status weir__control_act_on(
    struct weir_control *control, const struct weir_withdrawal_wish *deed,
    bool is_back, struct weir_error *err);

/* pins.c: two people cleared a case of this kind: its deployment is back. */
struct weir_case;
WEIR_MUST_USE weir_status weir__control_pin_restored(
    struct weir_control *control, const struct weir_actor *actor,
    const struct weir_case *row, struct weir_error *err);

#endif
