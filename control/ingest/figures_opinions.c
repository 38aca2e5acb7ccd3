/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What classifiers over HTTP said, counted from records: the data plane keeps
 * no figures of its own, and a restart of control counts on from the next
 * record, as all of /metrics does.
 */
#include <stdlib.h>
#include <string.h>

#include "control/ingest/figures.h"

/* NULL: no memory, or more classifiers than there is room for. */
static struct weir_classifier_figures *
row_of(struct weir_figures *figures, const struct weir_record_opinion *opinion)
{
    if (figures->classifiers == NULL)
        figures->classifiers =
            calloc(WEIR_FIGURES_CLASSIFIERS, sizeof *figures->classifiers);
    if (figures->classifiers == NULL)
        return NULL;
    for (uint32_t i = 0; i < figures->classifier_count; i++) {
        struct weir_classifier_figures *row = &figures->classifiers[i];
        if (row->direction == opinion->direction &&
            weir_span_equal(weir_span_of(row->name), opinion->classifier))
            return row;
    }
    struct weir_classifier_figures *row =
        &figures->classifiers[figures->classifier_count];
    if (figures->classifier_count == WEIR_FIGURES_CLASSIFIERS ||
        opinion->classifier.len == 0 ||
        opinion->classifier.len >= sizeof row->name)
        return NULL;
    memcpy(row->name, opinion->classifier.ptr, opinion->classifier.len);
    row->direction = opinion->direction;
    figures->classifier_count++;
    return row;
}

void
weir_figures_opinions(struct weir_figures *figures,
                      const struct weir_record_opinion *opinions,
                      uint32_t count, bool is_closed)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_record_opinion *one = &opinions[i];
        struct weir_classifier_figures *row = row_of(figures, one);
        if (row == NULL)
            continue;
        row->asks += one->asked;
        row->failed += one->failed;
        if (one->opinion < WEIR_COUNTOF(row->verdicts))
            row->verdicts[one->opinion]++;
        if (one->failed > 0 && one->unheard < WEIR_COUNTOF(row->unheard))
            row->unheard[one->unheard]++;
        /* what the watch asks is never waited for (action 0) */
        bool ends = is_closed && one->action != 0;
        if (one->opinion == WEIR_OPINION_FAILED) {
            row->closed += ends;
            row->open += !ends;
        }
        if (one->asked > 0)
            weir_figures_observe(&row->seconds,
                                 (uint64_t)one->elapsed_ms * 1000);
    }
}
