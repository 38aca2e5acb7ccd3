/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of a route, side by side: what a trial is held against. Refusals are
 * the model's own, by the reason that its dialect gives, by the member that is
 * made for it, and in plain replies by how a short answer begins.
 */
#include <string.h>

#include "control/reports/parts.h"

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
add_finish(struct weir__report_sides *sides, weir_span route, const char *side,
           weir_span finish)
{
    bool is_new;
    if (finish.len == 0)
        finish = WEIR_SPAN("unknown");
    json_t *row =
        weir__report_row(&sides->finishes, &is_new, "%.*s %s %.*s",
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
add_findings(struct weir__report_sides *sides, weir_span route,
             const char *side, const char *direction, weir_span text)
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
                &sides->findings, NULL, "%.*s %s %s %.*s", WEIR_SPAN_ARG(route),
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
add_filtered(struct weir__report_sides *sides, weir_span route,
             const char *side, weir_span filtered)
{
    const char *part =
        filtered.len == 0 ? NULL : memchr(filtered.ptr, ';', filtered.len);
    size_t len = part == NULL ? filtered.len : (size_t)(part - filtered.ptr);
    add_findings(sides, route, side, "requests",
                 (weir_span){filtered.ptr, len});
    if (part != NULL)
        add_findings(sides, route, side, "replies",
                     (weir_span){part + 1, filtered.len - len - 1});
}

void
weir__report_sides_add(struct weir__report_sides *sides, weir_span route,
                       const char *side, const struct weir_store_call *call,
                       const struct weir_record_outcome *outcome)
{
    bool is_new;
    json_t *row = weir__report_row(&sides->sides, &is_new, "%.*s %s %.*s",
                                   WEIR_SPAN_ARG(route), side,
                                   WEIR_SPAN_ARG(call->currency));
    if (is_new) {
        json_object_set_new(row, "route", weir__report_text(route));
        json_object_set_new(row, "side", json_string(side));
        json_object_set_new(row, "currency", weir__report_text(call->currency));
    }
    weir__report_add(row, "calls", 1);
    weir__report_add(row, "errors", is_error(call));
    weir__report_add(row, "refusals", is_refusal(outcome->finish));
    weir__report_add(row, "cut_short", is_cut_short(outcome->finish));
    weir__report_add(row, "filtered", outcome->filtered.len > 0);
    weir__report_add(row, "fell_back", fell_back(outcome));
    weir__report_add(row, "ttft_mean_us", (int64_t)outcome->first_byte_us);
    weir__report_add(row, "total_mean_us", (int64_t)outcome->total_us);
    weir__report_add(row, "input_tokens", (int64_t)call->input_tokens);
    weir__report_add(row, "output_tokens", (int64_t)call->output_tokens);
    weir__report_add(row, "cost_micros", call->cost_micros);
    add_finish(sides, route, side, outcome->finish);
    add_filtered(sides, route, side, outcome->filtered);
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
weir__report_sides_init(struct weir__report_sides *sides,
                        struct weir_error *err)
{
    *sides = (struct weir__report_sides){.sides = {0}};
    weir_status status = weir__report_rows_init(&sides->sides, err);
    if (status == WEIR_OK)
        status = weir__report_rows_init(&sides->finishes, err);
    if (status == WEIR_OK)
        status = weir__report_rows_init(&sides->findings, err);
    return status;
}

void
weir__report_sides_fini(struct weir__report_sides *sides)
{
    weir__report_rows_fini(&sides->sides);
    weir__report_rows_fini(&sides->finishes);
    weir__report_rows_fini(&sides->findings);
}

void
weir__report_sides_put(struct weir__report_sides *sides, json_t *report)
{
    static const char *const by[] = {"route", "side", "currency"};
    static const char *const ends[] = {"route", "side", "finish"};
    static const char *const rules[] = {"route", "side", "direction", "rule"};
    json_t *row;
    size_t index;
    json_array_foreach(sides->sides.list, index, row)
    {
        set_mean(row, "ttft_mean_us", "ttft_mean_us");
        set_mean(row, "total_mean_us", "total_mean_us");
        set_mean(row, "output_mean", "output_tokens");
        set_mean(row, "cost_mean_micros", "cost_micros");
        set_share(row, "refusals_ppm", "refusals");
    }
    json_object_set_new(report, "sides",
                        weir__report_sorted(&sides->sides, by, 3));
    json_object_set_new(report, "finishes",
                        weir__report_sorted(&sides->finishes, ends, 3));
    json_object_set_new(report, "findings",
                        weir__report_sorted(&sides->findings, rules, 4));
}
