/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/steps/review.h - a case of the watch, looked at call by call.
 *
 * Who reviews was named by somebody else, for some places and for a time. A
 * reviewer sees a sample of the calls a case rests on, and of these only
 * such whose data rests in one of his places. Every look is an act of the
 * log. The sample follows from the case's id and the calls alone:
 * docs/formats/watch-steps.md.
 *
 * Threads and memory: as steps.h.
 */
#ifndef WEIR_STEPS_REVIEW_H
#define WEIR_STEPS_REVIEW_H

#include <jansson.h>

#include "control/steps/steps.h"

struct weir_reviewer_row {
    weir_span token;
    weir_span person; /* whose token it is */
    weir_span places; /* jurisdictions, by one blank */
    weir_time until;
    weir_time since;
    weir_span by; /* who named him */
};
typedef bool weir_reviewer_on_row(void *context,
                                  const struct weir_reviewer_row *row);
WEIR_MUST_USE weir_status weir_reviewers(struct weir_store *store,
                                         weir_reviewer_on_row *on_row,
                                         void *context, struct weir_error *err);
/* Names a token as a reviewer (again: other places, another end); `places`
 * empty ends it. EROLE: for oneself. EPARSE: no such place, or no end
 * within 90 days. ENOTFOUND: no such token. */
WEIR_MUST_USE weir_status weir_reviewer_set(struct weir_control *control,
                                            const struct weir_actor *actor,
                                            weir_span token, weir_span places,
                                            weir_time until,
                                            struct weir_error *err);

#define WEIR_SAMPLE_CALLS 20 /* shown, where nothing else is asked for */
#define WEIR_SAMPLE_MAX   200
#define WEIR_SAMPLE_OF    600 /* calls of the subject it is drawn from */

struct weir_sample_wish {
    uint32_t count;      /* calls shown */
    weir_time until;     /* 0: when the last window with evidence ended; naming
                            it draws the same sample for ever */
    bool has_content;    /* what was said, where it is retained and he may */
    bool has_population; /* ids of all calls it was drawn from */
};
/*
 * The sample, and the act that says who looked. EROLE: no reviewer, or none of
 * the sample rests in his places.
 */
WEIR_MUST_USE weir_status weir_case_sample(struct weir_control *control,
                                           struct weir_store *store,
                                           const struct weir_actor *actor,
                                           int64_t case_number,
                                           const struct weir_sample_wish *wish,
                                           json_t **reply_out,
                                           struct weir_error *err);

#endif
