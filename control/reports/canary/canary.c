/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A canary beside what served before: calls of routes with one, by the side
 * their conversation was drawn to. What a side is charged with is what its
 * calls ended as, whoever served them in the end: a canary that fails and is
 * covered by another deployment shows as fallen back. Refusals are the
 * model's own, by the reason that its dialect gives, by the member that is made
 * for it, and in plain replies by how a short answer begins.
 */
#include <string.h>

#include "control/reports/parts.h"

const struct weir_report_section weir__report_canary_sections[] = {
    {"sides", "By route, canary and beside it",
     "route side currency #calls #errors #refusals #refusals_ppm #cut_short "
     "#filtered #fell_back #ttft_mean_us #total_mean_us #input_tokens "
     "#output_tokens #output_mean #cost_micros #cost_mean_micros"},
    {"finishes", "Why answers ended", "route side finish #calls"},
    {"findings", "What filters found",
     "route side direction rule #calls "
     "#findings"},
    {NULL, NULL, NULL}};

struct trial {
    struct weir__report_journal journal;
    struct weir__report_rows sides;
    struct weir__report_rows finishes;
    struct weir__report_rows findings;
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

/* The model's no, in the words of every dialect. */
static bool
is_refusal(weir_span finish)
{
    static const char *const words[] = {"refusal",
                                        "content_filter",
                                        "content_filtered",
                                        "guardrail_intervened",
                                        "SAFETY",
                                        "RECITATION",
                                        "PROHIBITED_CONTENT",
                                        "BLOCKLIST",
                                        "SPII",
                                        "LANGUAGE",
                                        "IMAGE_SAFETY"};
    for (size_t i = 0; i < WEIR_COUNTOF(words); i++)
        if (weir_span_equal(finish, weir_span_of(words[i])))
            return true;
    return false;
}

/* At its length, not at its end. */
static bool
is_cut_short(weir_span finish)
{
    static const char *const words[] = {
        "length",     "max_tokens",
        "MAX_TOKENS", "max_output_tokens",
        "incomplete", "model_context_window_exceeded"};
    for (size_t i = 0; i < WEIR_COUNTOF(words); i++)
        if (weir_span_equal(finish, weir_span_of(words[i])))
            return true;
    return false;
}

static void
add_finish(struct trial *trial, weir_span route, const char *side,
           weir_span finish)
{
    bool is_new;
    if (finish.len == 0)
        finish = WEIR_SPAN("unknown");
    json_t *row =
        weir__report_row(&trial->finishes, &is_new, "%.*s %s %.*s",
                         WEIR_SPAN_ARG(route), side, WEIR_SPAN_ARG(finish));
    if (is_new) {
        json_object_set_new(row, "route", weir__report_text(route));
        json_object_set_new(row, "side", json_string(side));
        json_object_set_new(row, "finish", weir__report_text(finish));
    }
    weir__report_add(row, "calls", 1);
}

/* "mail:2,card:1" of one direction. */
static void
add_findings(struct trial *trial, weir_span route, const char *side,
             const char *direction, weir_span text)
{
    while (text.len > 0) {
        const char *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma == NULL ? text.len : (size_t)(comma - text.ptr);
        const char *colon = memrchr(text.ptr, ':', len);
        weir_span rule = {text.ptr,
                          colon == NULL ? len : (size_t)(colon - text.ptr)};
        uint64_t count = 0;
        if (colon != NULL &&
            weir_span_to_u64((weir_span){colon + 1, len - rule.len - 1},
                             &count)) {
            json_t *row = weir__report_row(
                &trial->findings, NULL, "%.*s %s %s %.*s", WEIR_SPAN_ARG(route),
                side, direction, WEIR_SPAN_ARG(rule));
            json_object_set_new(row, "route", weir__report_text(route));
            json_object_set_new(row, "side", json_string(side));
            json_object_set_new(row, "direction", json_string(direction));
            json_object_set_new(row, "rule", weir__report_text(rule));
            weir__report_add(row, "findings", (int64_t)count);
            weir__report_add(row, "calls", 1);
        }
        len += comma != NULL;
        text = (weir_span){text.ptr + len, text.len - len};
    }
}

static void
add_filtered(struct trial *trial, weir_span route, const char *side,
             weir_span filtered)
{
    const char *part =
        filtered.len == 0 ? NULL : memchr(filtered.ptr, ';', filtered.len);
    size_t len = part == NULL ? filtered.len : (size_t)(part - filtered.ptr);
    add_findings(trial, route, side, "requests",
                 (weir_span){filtered.ptr, len});
    if (part != NULL)
        add_findings(trial, route, side, "replies",
                     (weir_span){part + 1, filtered.len - len - 1});
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
    weir__report_add(row, "refusals", is_refusal(outcome.finish));
    weir__report_add(row, "cut_short", is_cut_short(outcome.finish));
    weir__report_add(row, "filtered", outcome.filtered.len > 0);
    add_finish(trial, call->asked, side, outcome.finish);
    add_filtered(trial, call->asked, side, outcome.filtered);
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

static void
set_share(json_t *row, const char *name, const char *of)
{
    json_int_t calls = json_integer_value(json_object_get(row, "calls"));
    json_int_t part = json_integer_value(json_object_get(row, of));
    json_object_set_new(row, name, json_integer(part * 1000000 / calls));
}

weir_status
weir__report_canary(const struct weir_report_ask *ask, json_t *report,
                    struct weir_error *err)
{
    static const char *const by[] = {"route", "side", "currency"};
    static const char *const ends[] = {"route", "side", "finish"};
    static const char *const rules[] = {"route", "side", "direction", "rule"};
    struct trial trial = {
        .journal = {.directory = ask->control->paths.journal}};
    json_t *row;
    size_t index;
    weir_status status = weir__report_rows_init(&trial.sides, err);
    if (status == WEIR_OK)
        status = weir__report_rows_init(&trial.finishes, err);
    if (status == WEIR_OK)
        status = weir__report_rows_init(&trial.findings, err);
    if (status == WEIR_OK)
        status = weir__report_calls(ask, on_call, &trial, err);
    if (status == WEIR_OK) {
        json_array_foreach(trial.sides.list, index, row)
        {
            set_mean(row, "ttft_mean_us", "ttft_mean_us");
            set_mean(row, "total_mean_us", "total_mean_us");
            set_mean(row, "output_mean", "output_tokens");
            set_mean(row, "cost_mean_micros", "cost_micros");
            set_share(row, "refusals_ppm", "refusals");
        }
        json_object_set_new(report, "summary",
                            json_pack("{s:I,s:I}", "calls", trial.calls,
                                      "records_unread", trial.unread));
        json_object_set_new(report, "sides",
                            weir__report_sorted(&trial.sides, by, 3));
        json_object_set_new(report, "finishes",
                            weir__report_sorted(&trial.finishes, ends, 3));
        json_object_set_new(report, "findings",
                            weir__report_sorted(&trial.findings, rules, 4));
    }
    weir__report_rows_fini(&trial.sides);
    weir__report_rows_fini(&trial.finishes);
    weir__report_rows_fini(&trial.findings);
    weir__report_journal_fini(&trial.journal);
    return status;
}
