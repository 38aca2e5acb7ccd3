/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/signals.h - from which countries a key was used lately.
 *
 * One table in memory that all workers share: a row per key with the last
 * countries it was seen in and when. It is a fact for policy, never a
 * decision, and it forgets: a key that nobody uses gives its row to another.
 *
 * Threads: weir_signals_note() from any thread or worker at once, without
 * a lock. Memory: the caller's block, which outlives processes; nothing is
 * allocated. Bytes that another build or a damaged file left there are
 * refused by attach() or read as no sighting.
 */
#ifndef WEIR_SIGNALS_H
#define WEIR_SIGNALS_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_signals;

/* Countries kept of one key. A key seen in more shows this number. */
#define WEIR_SIGHTINGS_MAX 12

/* Two letters, the first in the higher byte; 0: not two capital letters. */
typedef uint16_t weir_country;
weir_country weir_country_of(weir_span code);
/* The two letters of a country that is not 0. */
void weir_country_write(weir_country country, char code_out[2]);

typedef struct {
    weir_time when; /* whole seconds */
    weir_country country;
} weir_sighting;

/* Bytes for `keys` rows: a power of two, 64 at least. */
size_t weir_signals_size(uint32_t keys);
/* Makes an empty table in `size` bytes at a multiple of 64. ELIMIT: `keys`
 * or `size` does not fit. */
WEIR_MUST_USE weir_status weir_signals_format(void *memory, size_t size,
                                              uint32_t keys,
                                              struct weir_signals **table_out,
                                              struct weir_error *err);
/* A table that somebody formatted. ECORRUPT, EVERSION. */
WEIR_MUST_USE weir_status weir_signals_attach(void *memory, size_t size,
                                              struct weir_signals **table_out,
                                              struct weir_error *err);

/*
 * Notes that `key` (any hash but 0) is used from `country` at `now`, and
 * gives the other countries it was used from in the `window` before that,
 * in no order; returns their number. The same country twice is impossible,
 * except for the moment in which two workers note it first.
 */
uint32_t weir_signals_note(struct weir_signals *table, uint64_t key,
                           weir_country country, weir_time now,
                           weir_time window,
                           weir_sighting others_out[WEIR_SIGHTINGS_MAX]);

#ifdef __cplusplus
}
#endif
#endif
