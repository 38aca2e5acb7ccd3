/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classifiers and the two that are built in.
 *
 * Each reads features, not text, so that it works for tenants whose content
 * is kept nowhere. A score is a statement about one call and means little by
 * itself: what counts is the share of a customer's calls that have one,
 * against its own past, which control sees.
 */
#include <weir/classifier.h>

/*
 * Invisible marks inside the text and words of two scripts are how a filter
 * is passed by text that a person reads as before. Either occurs by accident
 * (copied text, brand names); broken UTF-8 in a text that has one is no
 * accident any more.
 */
static uint32_t
evasion(const struct weir_watch_features *f)
{
    bool is_hidden = (f->bits & WEIR_WATCH_BIT(HIDDEN)) != 0;
    bool is_mixed = (f->bits & WEIR_WATCH_BIT(MIXED)) != 0;
    bool is_broken = (f->bits & WEIR_WATCH_BIT(INVALID)) != 0;
    uint32_t score = (is_hidden ? 40u : 0u) + (is_mixed ? 40u : 0u);
    if (score == 0)
        return 0;
    return score + (is_broken ? 20u : 0u);
}

/*
 * Probing what a model knows or refuses: a short prompt without a task, many
 * answers or the likeliest alternatives of each word asked for, at a high
 * temperature. A person who looks for a good answer has a task.
 */
static uint32_t
probing(const struct weir_watch_features *f)
{
    bool is_hot =
        f->temperature != WEIR_WATCH_ABSENT && f->temperature >= 64; /* 1.0 */
    bool is_short = f->words > 0 && f->words < 10;
    bool has_task =
        (f->bits & (WEIR_WATCH_BIT(IMPERATIVE) | WEIR_WATCH_BIT(ARTEFACT))) !=
        0;
    uint32_t score = 0;
    if (!is_short || has_task)
        return 0;
    score += f->n >= 8 ? 50 : f->n >= 4 ? 30 : 0;
    score += f->logprobs >= 6 ? 30 : f->logprobs > 1 ? 10 : 0;
    return score == 0 ? 0 : score + (is_hot ? 20u : 0u);
}

static const struct weir_classifier rows[] = {
#define WEIR_CLASSIFIER(number, function, text)                                \
    {.id = number, .name = #function, .title = text, .classify = function},
#include "classifiers.def"
#undef WEIR_CLASSIFIER
};
_Static_assert(WEIR_COUNTOF(rows) <= WEIR_CLASSIFIED_MAX,
               "a record has room for all");

const struct weir_classifier *
weir_classifier_get(size_t index)
{
    return index < WEIR_COUNTOF(rows) ? &rows[index] : NULL;
}

const struct weir_classifier *
weir_classifier_find(uint32_t id)
{
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++)
        if (rows[i].id == id)
            return &rows[i];
    return NULL;
}

uint32_t
weir_classify(const struct weir_watch_features *features,
              struct weir_classified out[WEIR_CLASSIFIED_MAX])
{
    uint32_t count = 0;
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        uint32_t score = rows[i].classify(features);
        if (score == 0)
            continue;
        out[count++] = (struct weir_classified){
            rows[i].id, (uint8_t)(score > 100 ? 100 : score)};
    }
    return count;
}
