/* SPDX-License-Identifier: Apache-2.0 */
/* core/gate/record_tags.h - what stands behind the head of a payload, between
 * who writes it (record.c) and who reads it (record_read.c). Numbers are
 * permanent: journals have them. */
#ifndef WEIR_GATE_RECORD_TAGS_H
#define WEIR_GATE_RECORD_TAGS_H

#include <weir/record.h>

enum tag {
    TAG_KEY = 1,
    TAG_PROJECT = 2,
    TAG_TENANT = 3,
    TAG_ORGANISATION = 4,
    TAG_MODEL = 5,
    TAG_COUNTRY = 6,
    TAG_ADDRESS = 7,
    TAG_POLICY = 8,
    TAG_CANDIDATE = 9,
    TAG_ORDER = 10,
    TAG_ATTEMPT = 11,
    TAG_DEPLOYMENT = 12,
    TAG_REGION = 13,
    TAG_PLACE = 14,
    TAG_STORED_IN = 15,
    TAG_CURRENCY = 16,
    TAG_PRICE_VERSION = 17,
    TAG_ORIGIN_REQUEST = 18,
    TAG_SIGNALS = 19,
    TAG_FINDING = 20,
    TAG_END_CUSTOMER = 21,
    TAG_EXCEPTION = 22,
    TAG_WATCH = 23,
    TAG_POOLS = 24,
    TAG_STEP = 25,
    TAG_CLASSIFIED = 26,
    TAG_FILTERED = 27,
    TAG_ROUTED = 28,
    TAG_TERMS = 29,
    TAG_TRACE = 30,
    TAG_HIT = 31,
    TAG_QUEUED = 32,
    TAG_OPINIONS = 33,
    TAG_UNITS = 34,
    TAG_TAGS = 35,
    TAG_CHOICE = 36,
    TAG_TOOL = 37,
    TAG_SIZES = 38,
    TAG_FINISH = 39,
    TAG_SHADOW = 40,
    TAG_KEPT = 41,    /* of a kept record: weir/kept.h */
    TAG_SESSION = 43, /* of a scribe's call: its session; and the reverse */
    TAG_LINES = 45,   /* of lines: weir/lines.h */
    TAG_COUNT = 46,
};

/* Whose a block is, and what it matched. */
void weir__record_put_pools(struct weir_buf *out,
                            const struct weir_watch_pools *pools);
/* False: it is cut off. Absent: all stays as it is. */
bool weir__record_get_pools(weir_span value,
                            struct weir_watch_pools *pools_out);

#endif
