/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A canary beside what served before: calls of routes with one, by the side
 * their conversation was drawn to. What a side is charged with is what its
 * calls ended as, whoever served them in the end: a canary that fails and is
 * covered by another deployment shows as fallen back.
 */
#include <string.h>

#include "control/reports/parts.h"

const struct weir_report_section weir__report_canary_sections[] = {
    {"sides", "By route, canary and beside it",
     "route side currency #calls #errors #fell_back #ttft_mean_us "
     "#total_mean_us #input_tokens #output_tokens #output_mean #cost_micros "
     "#cost_mean_micros"},
    {NULL, NULL, NULL}};

struct trial {
    struct weir__report_journal journal;
    struct weir__report_rows sides;
    json_int_t calls, unread;
};

static bool
is_error(const struct weir_store_call *call)
{
    return call->http_status >= 400 || call->ending == WEIR_END_CUT ||
           call->ending == WEIR_END_FAILED || call->ending == WEIR_END_LOST;
}

/* Somebody failed before: the call was not served by whom it began with. */
static bool
fell_back(const struct weir_record_outcome *outcome)
{
    return outcome->attempt_count > 1;
}

static weir_status
on_call(void *context, const struct weir_store_call *call,
        struct weir_error *err)
{
    struct trial *trial = context;
    struct weir_record record;
    struct weir_record_outcome outcome;
    bool is_new;
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
    const char *side =
        outcome.choice.trial == WEIR_TRIAL_CANARY ? "canary" : "beside";
    json_t *row = weir__report_row(&trial->sides, &is_new, "%.*s %s %.*s",
                                   WEIR_SPAN_ARG(call->asked), side,
                                   WEIR_SPAN_ARG(call->currency));
    if (is_new) {
        json_object_set_new(row, "route", weir__report_text(call->asked));
        json_object_set_new(row, "side", json_string(side));
        json_object_set_new(row, "currency", weir__report_text(call->currency));
    }
    trial->calls++;
    weir__report_add(row, "calls", 1);
    weir__report_add(row, "errors", is_error(call));
    weir__report_add(row, "fell_back", fell_back(&outcome));
    weir__report_add(row, "ttft_mean_us", (int64_t)outcome.first_byte_us);
    weir__report_add(row, "total_mean_us", (int64_t)outcome.total_us);
    weir__report_add(row, "input_tokens", (int64_t)call->input_tokens);
    weir__report_add(row, "output_tokens", (int64_t)call->output_tokens);
    weir__report_add(row, "cost_micros", call->cost_micros);
    return WEIR_OK;
}

static void
set_mean(json_t *row, const char *name, const char *of)
{
    json_int_t calls = json_integer_value(json_object_get(row, "calls"));
    json_int_t sum = json_integer_value(json_object_get(row, of));
    json_object_set_new(row, name, json_integer(sum / calls));
}

weir_status
weir__report_canary(const struct weir_report_ask *ask, json_t *report,
                    struct weir_error *err)
{
    static const char *const by[] = {"route", "side", "currency"};
    struct trial trial = {
        .journal = {.directory = ask->control->paths.journal}};
    json_t *row;
    size_t index;
    weir_status status = weir__report_rows_init(&trial.sides, err);
    if (status == WEIR_OK)
        status = weir__report_calls(ask, on_call, &trial, err);
    if (status == WEIR_OK) {
        json_array_foreach(trial.sides.list, index, row)
        {
            set_mean(row, "ttft_mean_us", "ttft_mean_us");
            set_mean(row, "total_mean_us", "total_mean_us");
            set_mean(row, "output_mean", "output_tokens");
            set_mean(row, "cost_mean_micros", "cost_micros");
        }
        json_object_set_new(report, "summary",
                            json_pack("{s:I,s:I}", "calls", trial.calls,
                                      "records_unread", trial.unread));
        json_object_set_new(report, "sides",
                            weir__report_sorted(&trial.sides, by, 3));
    }
    weir__report_rows_fini(&trial.sides);
    weir__report_journal_fini(&trial.journal);
    return status;
}
