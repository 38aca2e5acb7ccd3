/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form score h: does a call look like a free-standing task, made to be
 * answered and kept?
 *
 * The weights are stated, not learned. Weights learned from corpora tell the
 * corpora apart, and fail on the next one; these can be read, argued about
 * and explained to the customer they concern.
 */
#include "internal.h"

#define CUE_MAX 300

static const struct {
    uint8_t bit;
    int16_t weight; /* hundredths */
} weights[] = {
    {WEIR_WATCH_IMPERATIVE, 100}, {WEIR_WATCH_ARTEFACT, 100},
    {WEIR_WATCH_INDEFINITE, 70},  {WEIR_WATCH_CAPITAL, 50},
    {WEIR_WATCH_ENDS, 50},        {WEIR_WATCH_MEDIUM, 50},
    {WEIR_WATCH_PERSON, -100},    {WEIR_WATCH_RAGGED, -80},
    {WEIR_WATCH_SHORT, -40},      {WEIR_WATCH_PLEASE, -30},
};

static const struct {
    uint8_t bit;
    int16_t weight;
} cues[] = {
    {WEIR_WATCH_COT, 150},        {WEIR_WATCH_GRADE, 150},
    {WEIR_WATCH_META, 150},       {WEIR_WATCH_GENERATE, 100},
    {WEIR_WATCH_PARAPHRASE, 100}, {WEIR_WATCH_ROLE, 50},
};

int16_t
weir__watch_form(uint64_t bits, bool with_cues)
{
    int sum = 0;
    int cue = 0;
    for (size_t i = 0; i < WEIR_COUNTOF(weights); i++)
        if (bits >> weights[i].bit & 1)
            sum += weights[i].weight;
    for (size_t i = 0; i < WEIR_COUNTOF(cues) && with_cues; i++)
        if (bits >> cues[i].bit & 1)
            cue += cues[i].weight;
    return (int16_t)(sum + (cue < CUE_MAX ? cue : CUE_MAX));
}
