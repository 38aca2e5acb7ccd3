/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/classifier.h - plug-ins that look for other abuse than harvesting.
 *
 * A classifier is one row of core/watch/classifiers.def and one function: it
 * gets the features of a call that ended and says how sure it is. What it
 * says stands in the record beside the features, so pools, cases and steps
 * treat it like any signal of the watch; it never decides about a call.
 *
 * Threads: pure functions. Memory: nothing is allocated; a classifier must
 * take less than a microsecond, as it runs in the worker.
 */
#ifndef WEIR_CLASSIFIER_H
#define WEIR_CLASSIFIER_H

#include <weir/watch.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_classifier {
    uint8_t id; /* permanent: records keep it; never 0 */
    const char *name;
    const char *title;
    /* 0: nothing; 100: sure. More counts as 100. */
    uint32_t (*classify)(const struct weir_watch_features *features);
};

/* Row by number; NULL behind the last. By id; NULL: none. */
const struct weir_classifier *weir_classifier_get(size_t index);
const struct weir_classifier *weir_classifier_find(uint32_t id);

/* What a record has of them: those that said something. */
#define WEIR_CLASSIFIED_MAX 8
struct weir_classified {
    uint8_t id;
    uint8_t score; /* 1 to 100 */
};

/* Asks every classifier; returns how many said something. */
uint32_t weir_classify(const struct weir_watch_features *features,
                       struct weir_classified out[WEIR_CLASSIFIED_MAX]);

#ifdef __cplusplus
}
#endif
#endif
