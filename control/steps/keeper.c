/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "control/beat.h"
#include "control/log.h"
#include "control/steps/steps.h"

struct weir_steps_keeper {
    struct weir_beat beat;
    struct weir_control *control;
};

static void *
run(void *context)
{
    struct weir_steps_keeper *keeper = context;
    bool failed_last = false;
    while (weir_beat_wait(&keeper->beat, WEIR_US_PER_SEC)) {
        struct weir_error err = {0};
        weir_status status = weir_steps_turn(keeper->control, NULL, &err);
        if (status != WEIR_OK && !failed_last)
            weir_log(WEIR_LOG_ERROR, "steps of the watch cannot be taken: %s",
                     err.text);
        failed_last = status != WEIR_OK;
    }
    return NULL;
}

weir_status
weir_steps_start(struct weir_control *control, struct weir_steps_keeper **out,
                 struct weir_error *err)
{
    struct weir_steps_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    keeper->control = control;
    weir_status status = weir_beat_start(&keeper->beat, run, keeper,
                                         "the steps of the watch", err);
    if (status != WEIR_OK) {
        free(keeper);
        return status;
    }
    *out = keeper;
    return WEIR_OK;
}

void
weir_steps_stop(struct weir_steps_keeper *keeper)
{
    if (keeper == NULL)
        return;
    weir_beat_stop(&keeper->beat);
    free(keeper);
}
