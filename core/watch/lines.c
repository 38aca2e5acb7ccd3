/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines that ship: `weir watch calibrate` over the labelled corpora
 * (docs/measured/watch.md). A site sets its own from its own benign traffic.
 */
#include "pool.h"

static const struct {
    uint32_t calls;
    bool has_reference;
    struct weir_watch_lines lines;
} rows[] = {
    {100,
     true,
     {{2.6F, 2.7F, 3, 0, .1F, 30, 2.5F, 4, 4, 4, 6, .5F, .5F, 0, 0}, 7, 8.2F}},
    {300,
     true,
     {{2.6F, 3, 3.2F, 0, .1F, 30, 2.5F, 4, 4, 4, 6, .5F, .5F, 0, 0}, 6.8F, 8}},
    {600,
     true,
     {{2.5F, 3.1F, 3.3F, 0, .1F, 30, 2.5F, 4, 4, 4, 6, .5F, .5F, 0, 0},
      7.2F,
      8.7F}},
    {100,
     false,
     {{0, 0, 0, .13F, .1F, 0, 0, 0, 0, 0, 6, .5F, .5F, 0, 0}, .13F, .18F}},
    {300,
     false,
     {{0, 0, 0, .11F, .1F, 0, 0, 0, 0, 0, 6, .5F, .5F, 0, 0}, .11F, .15F}},
    {600,
     false,
     {{0, 0, 0, .1F, .1F, 0, 0, 0, 0, 0, 6, .5F, .5F, 0, 0}, .1F, .13F}},
};

const struct weir_watch_lines *
weir_watch_lines_default(uint32_t calls, bool has_reference)
{
    size_t row = calls < WEIR_WATCH_WINDOW ? 0
                 : calls < WEIR_WATCH_WIDE ? 1
                                           : 2;
    return &rows[row + (has_reference ? 0 : 3)].lines;
}
