/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From stands to the rows that workers read. A row carries its end, so that
 * a step is over also when nobody is there to take it away. A cluster is
 * nobody a call could name itself by: its step is that of each member.
 *
 * Strictest first: should there be more than an overlay holds, the mildest
 * are left out and said so. Revocations are in the same file, and must not
 * wait for a watch that has too much to say.
 */
#include <stdlib.h>
#include <string.h>

#include "control/cases/cases.h"
#include "control/log.h"
#include "control/overlay.h"
#include "control/steps/parts.h"
#include "control/watch/rows.h"

#define SLOW_DELAY_MS 1000

struct collecting {
    struct weir_store *store;
    struct weir_watch_step *steps;
    size_t count;
    size_t capacity;
    struct weir_watch_step model; /* of the stand under way */
    bool is_full;
    weir_status status;
    struct weir_error *err;
};

static bool
add(struct collecting *all, uint32_t kind, uint64_t digest)
{
    if (all->count == all->capacity) {
        size_t capacity = all->capacity == 0 ? 64 : all->capacity * 2;
        struct weir_watch_step *steps =
            capacity > WEIR_WATCH_STEPS_MAX
                ? NULL
                : realloc(all->steps, capacity * sizeof(*steps));
        all->is_full = steps == NULL;
        if (all->is_full)
            return false;
        all->steps = steps;
        all->capacity = capacity;
    }
    struct weir_watch_step *step = &all->steps[all->count++];
    *step = all->model;
    step->subject = digest;
    step->subject_kind = (uint8_t)kind;
    return true;
}

static bool
add_member(void *context, const struct weir_watch_party *party)
{
    return add(context, party->kind, party->digest);
}

static bool
add_row(void *context, const struct weir_step_row *row)
{
    struct collecting *all = context;
    struct weir_watch_rule rule = weir__step_rule_of(row);
    char id[WEIR_CASE_ID_MAX];
    bool is_slowed = row->stand.step == WEIR_WATCH_SLOW ||
                     row->stand.step == WEIR_WATCH_STRIP;
    all->model = (struct weir_watch_step){
        .until = row->stand.until,
        .delay_ms = is_slowed ? SLOW_DELAY_MS : 0,
        .rate = is_slowed ? rule.rate : 0,
        .action = row->stand.step,
        .strip = row->stand.step == WEIR_WATCH_STRIP ? WEIR_WATCH_STRIP_ALL : 0,
        .agreed = row->stand.agreed,
    };
    weir_case_id_format(row->case_number, id);
    bool is_short = weir_watch_step_set_id(&all->model, weir_span_of(id));
    WEIR_ASSERT(is_short);
    if (row->kind != WEIR_WATCH_OF_CLUSTER)
        return add(all, row->kind, row->digest);
    all->status =
        weir_watch_members(all->store, row->name, add_member, all, all->err);
    return all->status == WEIR_OK && !all->is_full;
}

weir_status
weir__steps_overlay(struct weir_control *control, weir_time now,
                    struct weir_watch_step **steps_out, size_t *count_out,
                    struct weir_error *err)
{
    struct collecting all = {.store = control->store, .err = err};
    weir_status status =
        weir__steps_in_force(control->store, now, add_row, &all, err);
    if (status == WEIR_OK)
        status = all.status;
    if (all.is_full)
        weir_log(WEIR_LOG_ERROR,
                 "over %u steps of the watch: the mildest do not act",
                 WEIR_WATCH_STEPS_MAX);
    if (status != WEIR_OK) {
        free(all.steps);
        return status;
    }
    *steps_out = all.steps;
    *count_out = all.count;
    return WEIR_OK;
}

weir_status
weir__steps_publish(struct weir_control *control, struct weir_error *err)
{
    struct weir__overlay_change nothing;
    weir__overlay_change_init(&nothing);
    weir_status status = weir__control_change_overlay(control, &nothing, err);
    weir__overlay_change_fini(&nothing);
    return status;
}
