/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/keyring/keyring.h - what weir shows origins, kept fresh.
 *
 * A slot for each origin with a credential: what its references give, the
 * key that signs, or a token that a server gave for it. A thread reads files
 * that changed, runs commands again and fetches tokens ahead of their end;
 * workers follow the credentials file and never wait for any of it.
 *
 * WHAT CANNOT BE HAD ANEW keeps what was there until that ends. Then the
 * origin has no credential: workers pass on to the next candidate, or say
 * 503, and /metrics says so.
 *
 * Threads: functions with two underscores want control->lock; the thread
 * takes it for moments, never over a command or a server's answer. Memory:
 * secrets lie in blocks of their own, wiped before they are freed.
 */
#ifndef WEIR_CONTROL_KEYRING_H
#define WEIR_CONTROL_KEYRING_H

#include <weir/world.h>

struct weir_control;
struct weir_keyring;
struct weir_keeper;

void weir__keyring_free(struct weir_keyring *keyring); /* NULL is fine */

/*
 * Makes the slots those of the world in force and appends the lines that
 * workers read: name, end in microseconds (0: none), what it was made from
 * (16 hex digits), secret; parted by tabs. `before`: the file in force, from
 * which tokens are taken over after a restart. What cannot be had is logged
 * and left out.
 */
WEIR_MUST_USE weir_status weir__keyring_follow(struct weir_control *control,
                                               weir_span before,
                                               struct weir_error *err);
void weir__keyring_put(struct weir_control *control, struct weir_buf *out);

/* One slot, for /metrics; false behind the last. */
struct weir_keyring_state {
    weir_span origin;
    bool has_secret;   /* and it has not ended */
    weir_time until;   /* 0: no end */
    uint64_t renewals; /* since control started */
    uint64_t failures;
};
bool weir__keyring_state(const struct weir_control *control, size_t index,
                         weir_time now, struct weir_keyring_state *state_out);

WEIR_MUST_USE weir_status weir_keeper_start(struct weir_control *control,
                                            struct weir_keeper **keeper_out,
                                            struct weir_error *err);
void weir_keeper_stop(struct weir_keeper *keeper); /* NULL is fine */

#endif
