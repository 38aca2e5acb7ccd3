/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/watch_indicators.h - digests that other operators have shared,
 * matched against each call.
 *
 * A set is one read-only file, `indicators-<generation>` in the run
 * directory, named by the board and mapped by every worker. Each exchange
 * has a salt; an indicator is a keyed digest of (kind, digest of features),
 * so two exchanges that hold the same indicator hold different numbers, and
 * nobody reads text out of either. docs/formats/indicators.md draws it.
 *
 *     word = siphash24(salt, kind byte, digest as 8 bytes little-endian)
 *
 * Each word has its own end, so what one bundle says lapses in every worker
 * at its time, also when nobody is there to publish another set.
 *
 * Threads: an opened set is immutable; any number of readers.
 * Memory: opening borrows the caller's bytes; matching allocates nothing.
 */
#ifndef WEIR_WATCH_INDICATORS_H
#define WEIR_WATCH_INDICATORS_H

#include <weir/watch.h>

/* What of the features an indicator is about. Numbers are permanent; they
 * are also the bits of weir_watch_pools.matches: 1 << number. */
enum weir_indicator_kind {
    WEIR_INDICATOR_FRAME = 0, /* features.frame, the whole skeleton */
    WEIR_INDICATOR_HEAD = 1,
    WEIR_INDICATOR_TAIL = 2,
    WEIR_INDICATOR_SYSTEM = 3,
    WEIR_INDICATOR_FIRST_WORDS = 4,
    WEIR_INDICATOR_LAST_WORDS = 5,
    WEIR_INDICATOR_KINDS
};
/* "frame", "first_words"; NULL behind the last. */
const char *weir_indicator_kind_name(uint32_t kind);
/* The digest of that kind; 0: the call has none. */
uint64_t weir_indicator_digest(const struct weir_watch_features *features,
                               enum weir_indicator_kind kind);

#define WEIR_INDICATOR_SALT_BYTES 16
#define WEIR_INDICATOR_NAME_BYTES 48 /* of an exchange, with a NUL */
#define WEIR_EXCHANGES_MAX        32
#define WEIR_INDICATORS_MAX       (UINT32_C(1) << 22) /* of one exchange */

/* The word by which an exchange knows an indicator; never 0. */
uint64_t weir_indicator_word(const uint8_t salt[WEIR_INDICATOR_SALT_BYTES],
                             enum weir_indicator_kind kind, uint64_t digest);

/*
 * One exchange as it is written; words in any order. Of doubles the one that
 * lasts longest counts.
 */
struct weir_indicator_exchange {
    weir_span name;
    uint8_t salt[WEIR_INDICATOR_SALT_BYTES];
    uint32_t number; /* its bit in records; stays its own while it is used */
    weir_time until; /* first moment at which nothing of it counts */
    const uint64_t *words;
    /* Of each word, whole seconds since 1970: first moment at which it counts
     * no more. NULL: all end with the exchange. */
    const uint32_t *untils;
    uint32_t count;
};

/* Appends a set to `out` (empty before). ELIMIT: too many exchanges or
 * words, a name that does not fit, a number that is WEIR_EXCHANGES_MAX or
 * more, or another's. ETOOBIG: `out` is full. */
WEIR_MUST_USE weir_status
weir_indicators_write(const struct weir_indicator_exchange *exchanges,
                      uint32_t count, uint64_t generation, weir_time now,
                      struct weir_buf *out, struct weir_error *err);

struct weir_indicator_row; /* core/watch/indicators.c */

struct weir_indicators {
    weir_span bytes;
    bool is_mapped;
    uint32_t version; /* of the file; the one before this build's is read */
    uint64_t generation;
    weir_time created;
    const struct weir_indicator_row *rows;
    uint32_t count; /* exchanges */
};

/* ECORRUPT, EVERSION. What it accepts can be read without leaving it. */
WEIR_MUST_USE weir_status weir_indicators_open(weir_span bytes,
                                               struct weir_indicators *set_out,
                                               struct weir_error *err);
/* Maps the file read-only, then as above; core/image/map.c. */
WEIR_MUST_USE weir_status weir_indicators_map(const char *path,
                                              struct weir_indicators *set_out,
                                              struct weir_error *err);
void weir_indicators_close(struct weir_indicators *set);

/* Name, number and end of the n-th exchange, of `count`. */
weir_span weir_indicators_exchange(const struct weir_indicators *set,
                                   uint32_t nth, uint32_t *number_out,
                                   weir_time *until_out);

struct weir_indicator_match {
    uint32_t kinds;     /* bit per enum weir_indicator_kind */
    uint32_t exchanges; /* bit per exchange, by its number */
};
/* Nothing of an exchange or word whose end is reached. About 25 ns per
 * exchange and kind, twice that where the tables lie in no cache. */
struct weir_indicator_match
weir_indicators_match(const struct weir_indicators *set,
                      const struct weir_watch_features *features,
                      weir_time now);

#endif
