/* SPDX-License-Identifier: Apache-2.0 */
#include "control/watch/verdicts.h"

static const char *const names[WEIR_WATCH_SUBJECTS] = {
    [WEIR_WATCH_SUBJECT_KEY] = "key",
    [WEIR_WATCH_SUBJECT_PROJECT] = "project",
    [WEIR_WATCH_SUBJECT_TENANT] = "tenant",
    [WEIR_WATCH_SUBJECT_OWNER] = "owner",
    [WEIR_WATCH_SUBJECT_END_CUSTOMER] = "end-customer",
    [WEIR_WATCH_SUBJECT_CLUSTER] = "cluster",
    [WEIR_WATCH_SUBJECT_MODELS] = "models",
};

const char *
weir_watch_subject_name(enum weir_watch_subject subject)
{
    return (size_t)subject < WEIR_COUNTOF(names) ? names[subject] : NULL;
}

bool
weir_watch_subject_parse(weir_span text, enum weir_watch_subject *subject_out)
{
    for (uint32_t i = 1; i < WEIR_COUNTOF(names); i++)
        if (weir_span_equal(text, weir_span_of(names[i]))) {
            *subject_out = (enum weir_watch_subject)i;
            return true;
        }
    return false;
}
