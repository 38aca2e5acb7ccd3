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
    {100, true, {{3, 4, 4, 0, .1F, 30, 4, 4, 4, 4, 6, .5F, .5F, 0, 0}, 9, 12}},
    {300, true, {{3, 6, 6, 0, .1F, 30, 4, 4, 4, 4, 6, .5F, .5F, 0, 0}, 11, 14}},
    {600, true, {{4, 7, 6, 0, .1F, 30, 4, 4, 4, 4, 6, .5F, .5F, 0, 0}, 14, 18}},
    {100,
     false,
     {{0, 0, 0, .27F, .1F, 0, 0, 0, 0, 0, 6, .5F, .5F, 0, 0}, .27F, .3F}},
    {300,
     false,
     {{0, 0, 0, .18F, .1F, 0, 0, 0, 0, 0, 6, .5F, .5F, 0, 0}, .18F, .2F}},
    {600,
     false,
     {{0, 0, 0, .13F, .1F, 0, 0, 0, 0, 0, 6, .5F, .5F, 0, 0}, .13F, .16F}},
};

const struct weir_watch_lines *
weir_watch_lines_default(uint32_t calls, bool has_reference)
{
    size_t row = calls < WEIR_WATCH_WINDOW ? 0
                 : calls < WEIR_WATCH_WIDE ? 1
                                           : 2;
    return &rows[row + (has_reference ? 0 : 3)].lines;
}
