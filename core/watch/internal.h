/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside core/watch. */
#ifndef WEIR_WATCH_INTERNAL_H
#define WEIR_WATCH_INTERNAL_H

#include <weir/watch.h>

/* What one pass over the text finds, before it is summed up. */
struct watch_text {
    uint32_t words;
    uint32_t list_items;
    uint32_t code_marks;
    uint64_t bits;
    uint16_t scripts;
    uint8_t script;   /* of most words */
    uint8_t language; /* by function words */
    bool ends_well;
    bool starts_upper;
};

/* Room behind the text that may be read, not used. */
#define WATCH_TEXT_PAD 64

/* Reads `len` bytes (at most WEIR_WATCH_TEXT_MAX + 1; changed in place, with
 * WATCH_TEXT_PAD bytes behind them): keys, MinHash and sketch of `out`, and
 * what form.c weighs. */
void weir__watch_read(char *text, size_t len, struct watch_text *found_out,
                      struct weir_watch_features *out);

/* Drops marks that show nothing, folds wide letters to plain ones, turns
 * broken bytes into '?'. Returns the new length; never longer. */
size_t weir__watch_clean(char *text, size_t len, uint64_t *bits_out);

/* h, in hundredths, with and without the cues. */
int16_t weir__watch_form(uint64_t bits, bool with_cues);

#endif
