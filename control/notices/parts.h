/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/notices/parts.h - what delivering needs of the store, and the two
 * halves of a delivery that tests look at apart.
 *
 * Threads: as the store. Memory: the caller's buffers.
 */
#ifndef WEIR_NOTICES_PARTS_H
#define WEIR_NOTICES_PARTS_H

#include "control/notices/notices.h"

/* One delivery that is due. */
struct weir_delivery_due {
    int64_t number;
    int64_t webhook;
    uint32_t attempts; /* made so far */
    uint32_t failures; /* of the receiver, one after the other */
    struct weir_notice notice;
    weir_span url;
    uint8_t secret[WEIR_WEBHOOK_SECRET_BYTES];
};

/* Receivers behind row `after` that have something due and do not wait. */
typedef bool weir__on_webhook_due(void *context, int64_t webhook,
                                  uint32_t failures);
WEIR_MUST_USE weir_status weir__webhooks_due(
    struct weir_store *store, int64_t after, weir_time now, uint32_t limit,
    weir__on_webhook_due *on_webhook, void *context, struct weir_error *err);
/* What is due to one of them, the longest first; spans are valid until the
 * callback returns. */
typedef bool weir__on_delivery_due(void *context,
                                   const struct weir_delivery_due *due);
WEIR_MUST_USE weir_status weir__deliveries_due(
    struct weir_store *store, int64_t webhook, weir_time now, uint32_t limit,
    weir__on_delivery_due *on_due, void *context, struct weir_error *err);
/* 0 failures: it answers. Else it waits until `next`, and what was posted to
 * it before `oldest` is dead. */
WEIR_MUST_USE weir_status weir__webhook_mark(struct weir_store *store,
                                             int64_t webhook, uint32_t failures,
                                             weir_time next, weir_time oldest,
                                             struct weir_error *err);
WEIR_MUST_USE weir_status weir__delivery_mark(struct weir_store *store,
                                              const struct weir_delivery *row,
                                              struct weir_error *err);
/* How many wait, and for when the next is. */
WEIR_MUST_USE weir_status weir__delivery_next(struct weir_store *store,
                                              uint32_t *waiting_out,
                                              weir_time *next_out,
                                              struct weir_error *err);

/* https, or http to 127.0.0.0/8, ::1 or localhost; no user, no fragment. */
bool weir__webhook_is_url(weir_span url);

/* The body that is posted, the same for every attempt. */
void weir__notice_body(const struct weir_notice *notice, struct weir_buf *out);

/* "v1," and the base64 HMAC-SHA256 over "id.seconds.body". */
#define WEIR__SIGNATURE_TEXT 64
void weir__webhook_sign(weir_secret secret, weir_span id, int64_t seconds,
                        weir_span body, char text_out[WEIR__SIGNATURE_TEXT]);

/* Wait before attempt number `attempts` + 1, from 1 on. */
weir_time weir__delivery_wait(uint32_t attempts, uint32_t random);

#endif
