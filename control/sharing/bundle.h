/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/sharing/bundle.h - indicators on paper: what operators give to each
 * other, docs/formats/watch-bundle.md.
 *
 * A bundle belongs to one exchange, whose members know its salt and whose
 * public keys they know. It holds words (weir/watch_indicators.h) and dates;
 * there is no field that a text of a customer could stand in.
 *
 * Threads and memory: values; a bundle that was read borrows its bytes.
 */
#ifndef WEIR_SHARING_BUNDLE_H
#define WEIR_SHARING_BUNDLE_H

#include <weir/crypto.h>
#include <weir/watch_indicators.h>

#define WEIR_BUNDLE_BYTES_MAX ((size_t)64 << 20)
#define WEIR_BUNDLE_NAME_MAX  47 /* of exchange and issuer: [a-z0-9.-] */
/* No bundle lasts longer from when it was issued. */
#define WEIR_BUNDLE_LAST_US (366 * WEIR_US_PER_DAY)

struct weir_bundle_indicator {
    uint64_t word;
    uint32_t kind; /* enum weir_indicator_kind */
};

struct weir_bundle {
    weir_span exchange;
    weir_span issuer;
    uint64_t serial; /* grows with each bundle of an issuer */
    weir_time issued;
    weir_time expires;
    uint32_t count;
    weir_span lines; /* of the indicators: weir_bundle_next() */
    weir_span body;  /* what is signed */
    weir_ed25519_public key;
    weir_ed25519_signature signature;
};

/* EPARSE, EVERSION; ECORRUPT: the signature is not that of its key. Whether
 * the key is known is the caller's business. */
WEIR_MUST_USE weir_status weir_bundle_read(weir_span text,
                                           struct weir_bundle *bundle_out,
                                           struct weir_error *err);
/* The next indicator of `lines`, which moves on; false behind the last. */
bool weir_bundle_next(weir_span *lines, struct weir_bundle_indicator *out);

/* Sorts `indicators` and drops doubles; then signs. EPARSE: a name or date
 * that no reader would take. */
WEIR_MUST_USE weir_status weir_bundle_write(
    const struct weir_bundle *head, struct weir_bundle_indicator *indicators,
    size_t count, const struct weir_ed25519_secret *secret,
    struct weir_buf *out, struct weir_error *err);

#endif
