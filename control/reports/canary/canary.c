/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A canary beside what served before: calls of routes with one, by the side
 * their conversation was drawn to. What a side is charged with is what its
 * calls ended as, whoever served them in the end: a canary that fails and is
 * covered by another deployment shows as fallen back.
 */
#include "control/reports/parts.h"

const struct weir_report_section weir__report_canary_sections[] = {
    WEIR__REPORT_SIDES("By route, canary and beside it")};

struct trial {
    struct weir__report_journal journal;
    struct weir__report_sides sides;
    json_int_t calls, unread;
};

static weir_status
on_call(void *context, const struct weir_store_call *call,
        struct weir_error *err)
{
    struct trial *trial = context;
    struct weir_record record;
    struct weir_record_outcome outcome;
    (void)err;
    if (call->state != WEIR_CALL_CLOSED)
        return WEIR_OK;
    if (weir__report_record(&trial->journal, &call->last, &record, NULL) !=
            WEIR_OK ||
        weir_record_get_outcome(record.payload, &outcome, NULL) != WEIR_OK) {
        trial->unread++;
        return WEIR_OK;
    }
    if (outcome.choice.trial == WEIR_TRIAL_NONE)
        return WEIR_OK;
    trial->calls++;
    weir__report_sides_add(&trial->sides, call->asked,
                           outcome.choice.trial == WEIR_TRIAL_CANARY ? "canary"
                                                                     : "beside",
                           call, &outcome);
    return WEIR_OK;
}

weir_status
weir__report_canary(const struct weir_report_ask *ask, json_t *report,
                    struct weir_error *err)
{
    struct trial trial = {
        .journal = {.directory = ask->control->paths.journal}};
    weir_status status = weir__report_sides_init(&trial.sides, err);
    if (status == WEIR_OK)
        status = weir__report_calls(ask, on_call, &trial, err);
    if (status == WEIR_OK) {
        json_object_set_new(report, "summary",
                            json_pack("{s:I,s:I}", "calls", trial.calls,
                                      "records_unread", trial.unread));
        weir__report_sides_put(&trial.sides, report);
    }
    weir__report_sides_fini(&trial.sides);
    weir__report_journal_fini(&trial.journal);
    return status;
}
