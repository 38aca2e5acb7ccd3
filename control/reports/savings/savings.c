/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tiers saved: calls of routes by complexity, held against the same
 * usage at the dearest candidate that was allowed, at the prices of the moment;
 * both numbers are in the record of each call. What discarded answers cost the
 * seller is taken off. How often the cheap answer was not good enough is all
 * that is known of quality here: an answer that nobody minded counts as good.
 */
#include "control/reports/parts.h"

const struct weir_report_section weir__report_savings_sections[] = {
    {"routes", "By route",
     "route currency #calls #escalated #escalated_ppm #cost_micros "
     "#dearest_micros #wasted_micros #saved_micros"},
    {"tiers", "By route and the tier that answered",
     "route tier model #calls #after_escalation #score_sum #cost_micros "
     "#dearest_micros"},
    {"reasons", "Why answers were not passed on", "route reason #calls"},
    {NULL, NULL, NULL}};

struct saving {
    struct weir__report_journal journal;
    struct weir__report_rows routes, tiers, reasons;
    json_int_t calls, unread;
};

static void
add_reasons(struct saving *saving, weir_span route, uint32_t reasons)
{
    static const char *const names[] = {"refusal", "empty", "length", "schema"};
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++) {
        bool is_new;
        if ((reasons >> i & 1) == 0)
            continue;
        json_t *row = weir__report_row(&saving->reasons, &is_new, "%.*s %s",
                                       WEIR_SPAN_ARG(route), names[i]);
        if (is_new) {
            json_object_set_new(row, "route", weir__report_text(route));
            json_object_set_new(row, "reason", json_string(names[i]));
        }
        weir__report_add(row, "calls", 1);
    }
}

static void
add_route(struct saving *saving, const struct weir_store_call *call,
          const struct weir_record_choice *choice)
{
    bool is_new;
    json_t *row = weir__report_row(&saving->routes, &is_new, "%.*s %.*s",
                                   WEIR_SPAN_ARG(call->asked),
                                   WEIR_SPAN_ARG(call->currency));
    if (is_new) {
        json_object_set_new(row, "route", weir__report_text(call->asked));
        json_object_set_new(row, "currency", weir__report_text(call->currency));
    }
    weir__report_add(row, "calls", 1);
    weir__report_add(row, "escalated", choice->escalations > 0);
    weir__report_add(row, "cost_micros", call->cost_micros);
    weir__report_add(row, "dearest_micros", choice->dearest_micros);
    weir__report_add(row, "wasted_micros", choice->wasted_micros);
    weir__report_add(row, "saved_micros",
                     choice->dearest_micros - call->cost_micros -
                         choice->wasted_micros);
}

static void
add_tier(struct saving *saving, const struct weir_store_call *call,
         const struct weir_record_choice *choice)
{
    bool is_new;
    json_t *row = weir__report_row(&saving->tiers, &is_new, "%.*s %u %.*s",
                                   WEIR_SPAN_ARG(call->asked), choice->tier,
                                   WEIR_SPAN_ARG(call->model));
    if (is_new) {
        json_object_set_new(row, "route", weir__report_text(call->asked));
        json_object_set_new(row, "tier", json_integer(choice->tier));
        json_object_set_new(row, "model", weir__report_text(call->model));
    }
    weir__report_add(row, "calls", 1);
    weir__report_add(row, "after_escalation", choice->escalations > 0);
    weir__report_add(row, "score_sum", choice->score);
    weir__report_add(row, "cost_micros", call->cost_micros);
    weir__report_add(row, "dearest_micros", choice->dearest_micros);
}

static weir_status
on_call(void *context, const struct weir_store_call *call,
        struct weir_error *err)
{
    struct saving *saving = context;
    struct weir_record record;
    struct weir_record_outcome outcome;
    (void)err;
    if (call->state != WEIR_CALL_CLOSED || call->model.len == 0)
        return WEIR_OK;
    if (weir__report_record(&saving->journal, &call->last, &record, NULL) !=
            WEIR_OK ||
        weir_record_get_outcome(record.payload, &outcome, NULL) != WEIR_OK) {
        saving->unread++;
        return WEIR_OK;
    }
    if (!outcome.choice.is_scored)
        return WEIR_OK;
    saving->calls++;
    add_route(saving, call, &outcome.choice);
    add_tier(saving, call, &outcome.choice);
    add_reasons(saving, call->asked, outcome.choice.reasons);
    return WEIR_OK;
}

/* Once all calls are counted. */
static void
add_shares(json_t *rows)
{
    json_t *row;
    size_t index;
    json_array_foreach(rows, index, row)
    {
        json_int_t calls = json_integer_value(json_object_get(row, "calls"));
        json_int_t more = json_integer_value(json_object_get(row, "escalated"));
        json_object_set_new(row, "escalated_ppm",
                            json_integer(more * 1000000 / calls));
    }
}

weir_status
weir__report_savings(const struct weir_report_ask *ask, json_t *report,
                     struct weir_error *err)
{
    static const char *const by[] = {"route", "tier", "model"};
    static const char *const by_reason[] = {"route", "reason"};
    struct saving saving = {
        .journal = {.directory = ask->control->paths.journal}};
    weir_status status = weir__report_rows_init(&saving.routes, err);
    if (status == WEIR_OK)
        status = weir__report_rows_init(&saving.tiers, err);
    if (status == WEIR_OK)
        status = weir__report_rows_init(&saving.reasons, err);
    if (status == WEIR_OK)
        status = weir__report_calls(ask, on_call, &saving, err);
    if (status == WEIR_OK) {
        json_object_set_new(report, "summary",
                            json_pack("{s:I,s:I}", "calls", saving.calls,
                                      "records_unread", saving.unread));
        add_shares(saving.routes.list);
        json_object_set_new(report, "routes",
                            weir__report_sorted(&saving.routes, by, 1));
        json_object_set_new(report, "tiers",
                            weir__report_sorted(&saving.tiers, by, 3));
        json_object_set_new(report, "reasons",
                            weir__report_sorted(&saving.reasons, by_reason, 2));
    }
    weir__report_rows_fini(&saving.routes);
    weir__report_rows_fini(&saving.tiers);
    weir__report_rows_fini(&saving.reasons);
    weir__report_journal_fini(&saving.journal);
    return status;
}
