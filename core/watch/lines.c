/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines that ship: `weir watch calibrate` over the labelled corpora
 * (docs/measured/watch.md): the 0.3 % quantile, rounded up; `strong` that of
 * 0.1 %. Those of new accounts allow for a person's general prompts, which the
 * corpora have too few of for windows of 300 and 600: their share of 6.5 %,
 * and three standard deviations. Shape, parameters and languages are set by
 * hand: few corpora carry them. A site sets its own from its own traffic.
 */
#include "pool.h"

/* Calls: one may be chance (a public template), a person looks at three. */
#define SHARED 3
/* Calls: a classifier is wrong now and then; a person looks at three. */
#define JUDGED 3

static const struct {
    uint32_t calls;
    bool has_reference;
    struct weir_watch_lines lines;
} rows[] = {
    /* departure form foreign share scaffold drip cue shape params sweep
     * timing release quota repeats drift shared judged, then score, strong */
    {100,
     true,
     {{3.1F, 3, 4.3F, 0, .1F, 18, 2.2F, 3, 3, 3, 6, .5F, .5F, 0, 0, SHARED,
       JUDGED},
      8.6F,
      9.6F}},
    {300,
     true,
     {{2.4F, 2.9F, 3.4F, 0, .1F, 18, 2.2F, 3, 3, 3, 6, .5F, .5F, 0, 0, SHARED,
       JUDGED},
      7.3F,
      7.9F}},
    {600,
     true,
     {{2.5F, 2.9F, 2.8F, 0, .1F, 18, 2, 3, 3, 3, 6, .5F, .5F, 0, 0, SHARED,
       JUDGED},
      7.3F,
      8.3F}},
    {100,
     false,
     {{0, 0, 0, .12F, .1F, 0, 0, 0, 0, 0, 6, .5F, .5F, 0, 0, SHARED, JUDGED},
      .12F,
      .16F}},
    {300,
     false,
     {{0, 0, 0, .11F, .1F, 0, 0, 0, 0, 0, 6, .5F, .5F, 0, 0, SHARED, JUDGED},
      .11F,
      .14F}},
    {600,
     false,
     {{0, 0, 0, .1F, .1F, 0, 0, 0, 0, 0, 6, .5F, .5F, 0, 0, SHARED, JUDGED},
      .1F,
      .12F}},
};

const struct weir_watch_lines *
weir_watch_lines_default(uint32_t calls, bool has_reference)
{
    size_t row = calls < WEIR_WATCH_WINDOW ? 0
                 : calls < WEIR_WATCH_WIDE ? 1
                                           : 2;
    return &rows[row + (has_reference ? 0 : 3)].lines;
}
