/* SPDX-License-Identifier: Apache-2.0 */
/* Learning in the daemon: due once a day, and in force with an image. */
#include "control/factors/factors.h"
#include "control/log.h"
#include "control/parts.h"

weir_status
weir_control_factors_learn(struct weir_control *control, uint32_t *moved_out,
                           struct weir_error *err)
{
    struct weir_faults faults;
    weir_status status = WEIR_OK;
    weir_control_lock(control);
    weir_faults_init(&faults);
    if (!control->has_image)
        status = weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                           "there is no image yet");
    if (status == WEIR_OK)
        status = weir_factors_learn(control->store, &control->image,
                                    weir_control_now(), moved_out, err);
    if (status == WEIR_OK && *moved_out > 0) {
        status = weir_factors_join(control->world, control->store, err);
        if (status == WEIR_OK)
            status = weir__control_publish_image(control, control->world,
                                                 &faults, err);
    }
    weir_faults_fini(&faults);
    pthread_mutex_unlock(&control->lock);
    return status;
}

void
weir_control_factors_turn(struct weir_control *control)
{
    struct weir_error err = {0};
    bool is_due = false;
    uint32_t moved = 0;
    weir_control_lock(control);
    weir_status status =
        weir_factors_is_due(control->store, weir_control_now(), &is_due, &err);
    pthread_mutex_unlock(&control->lock);
    if (status == WEIR_OK && is_due)
        status = weir_control_factors_learn(control, &moved, &err);
    if (status != WEIR_OK)
        weir_log(WEIR_LOG_WARN, "factors of tokens are not learned: %s",
                 err.text);
    else if (moved > 0)
        weir_log(WEIR_LOG_INFO, "%u models have other factors of tokens",
                 moved);
}
