/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report that shows favours.
 *
 * Customers are ranked by what they spent in the period and put into three
 * classes; steps, overrides and appeals are counted for each. Were the
 * largest payers spared, it would stand there as a column of zeros beside a
 * column of overrides. Every override and every grant of the period is listed
 * with both names, and every exemption that is in force now, however old.
 */
#include "control/steps/report_grants.h"

#include <stdlib.h>
#include <string.h>

#include "control/cases/cases.h"

#define CLASSES   3
#define DEEDS_MAX 1000000
#define CASES_MAX 100000

struct customer {
    weir_span name;
    int64_t micros;
    uint32_t class_of;
    uint32_t with_steps; /* 0 or 1 */
    uint32_t steps[WEIR_WATCH_SUSPEND + 1];
    uint32_t changes[WEIR_WATCH_CHANGES];
    uint32_t overrides[4];
    uint32_t appeals;
    uint32_t grants; /* in force in the period */
};

struct report {
    struct weir_store *store;
    const struct weir_image *image;
    weir_time from, to, now;
    struct customer *customers;
    size_t count;
    struct customer several; /* deeds about groups and clusters */
    json_t *overrides;
    json_t *exempt;
    json_t *grants;
    weir_span case_tenant; /* of the case under way */
    char tenant_bytes[256];
    weir_status status;
    struct weir_error *err;
};

static struct customer *
find(struct report *report, weir_span name)
{
    for (size_t i = 0; i < report->count; i++)
        if (weir_span_equal(report->customers[i].name, name))
            return &report->customers[i];
    return &report->several;
}

static bool
add_sum(void *context, const struct weir_store_sum *sum)
{
    struct customer *customer = find(context, sum->tenant);
    customer->micros += sum->cost_micros;
    return true;
}

static int
by_micros(const void *a, const void *b)
{
    const struct customer *left = a, *right = b;
    if (left->micros != right->micros)
        return left->micros > right->micros ? -1 : 1;
    return weir_span_compare(left->name, right->name);
}

static void
classify(struct report *report)
{
    size_t tenth = (report->count + 9) / 10, half = (report->count + 1) / 2;
    if (report->count > 0)
        qsort(report->customers, report->count, sizeof report->customers[0],
              by_micros);
    for (size_t i = 0; i < report->count; i++)
        report->customers[i].class_of = i < tenth ? 0 : i < half ? 1 : 2;
}

static bool
add_deed(void *context, const struct weir_step_deed *deed)
{
    struct customer *customer = find(context, deed->tenant);
    if ((unsigned)deed->change < WEIR_WATCH_CHANGES)
        customer->changes[deed->change]++;
    if (deed->change == WEIR_WATCH_TAKEN || deed->change == WEIR_WATCH_RAISED) {
        customer->with_steps = 1;
        if ((unsigned)deed->step <= WEIR_WATCH_SUSPEND)
            customer->steps[deed->step]++;
    }
    return true;
}

static bool
is_within(const struct report *report, weir_time when)
{
    return when != 0 && when >= report->from && when < report->to;
}

static bool
add_override(void *context, const struct weir_override *row)
{
    struct report *report = context;
    if (row->approved != 0 && is_within(report, row->approved) &&
        (unsigned)row->deed < 4)
        find(report, row->tenant)->overrides[row->deed]++;
    if (is_within(report, row->requested) || is_within(report, row->approved) ||
        is_within(report, row->revoked))
        json_array_append_new(report->overrides,
                              weir_override_json(row, report->now));
    if (row->deed == WEIR_OVERRIDE_EXEMPT &&
        strcmp(weir_override_state(row, report->now), "in force") == 0)
        json_array_append_new(report->exempt,
                              weir_override_json(row, report->now));
    return true;
}

static bool
add_event(void *context, const struct weir_case_event *event)
{
    struct report *report = context;
    if (event->action == WEIR_CASE_APPEAL && is_within(report, event->when))
        find(report, report->case_tenant)->appeals++;
    return true;
}

/* Whose an episode was: its first deed says so for ever. */
static bool
keep_tenant(void *context, const struct weir_step_deed *deed)
{
    struct report *report = context;
    size_t len =
        deed->tenant.len < sizeof report->tenant_bytes ? deed->tenant.len : 0;
    if (len > 0)
        memcpy(report->tenant_bytes, deed->tenant.ptr, len);
    report->case_tenant = (weir_span){report->tenant_bytes, len};
    return false;
}

static bool
add_case(void *context, const struct weir_case *row)
{
    struct report *report = context;
    const struct weir_step_filter filter = {.case_number = row->number,
                                            .limit = 1};
    report->case_tenant = WEIR_SPAN("");
    report->status = weir_step_deeds(report->store, &filter, keep_tenant,
                                     report, report->err);
    if (report->status == WEIR_OK)
        report->status = weir_case_events(report->store, row->number, add_event,
                                          report, report->err);
    return report->status == WEIR_OK;
}

/* ---------------------------------------------------------------- reply */

json_t *
weir_override_json(const struct weir_override *row, weir_time now)
{
    return json_pack(
        "{s:s#,s:s,s:s,s:s,s:s#,s:s#,s:s,s:I,s:s#,s:I,s:s#,s:I,s:s#,s:I,s:s#,"
        "s:s#}",
        "id", row->id.ptr, (int)row->id.len, "state",
        weir_override_state(row, now), "deed",
        weir_override_deed_name(row->deed), "kind",
        weir_watch_kind_name(row->kind), "subject", row->name.ptr,
        (int)row->name.len, "tenant", row->tenant.ptr, (int)row->tenant.len,
        "step", weir_watch_action_name(row->step), "until_us",
        (json_int_t)row->until, "reason", row->reason.ptr, (int)row->reason.len,
        "requested_us", (json_int_t)row->requested, "requested_by",
        row->requested_by.ptr, (int)row->requested_by.len, "approved_us",
        (json_int_t)row->approved, "approved_by", row->approved_by.ptr,
        (int)row->approved_by.len, "revoked_us", (json_int_t)row->revoked,
        "revoked_by", row->revoked_by.ptr, (int)row->revoked_by.len,
        "revoked_reason", row->revoked_reason.ptr,
        (int)row->revoked_reason.len);
}

static void
add_to(struct customer *sum, const struct customer *one)
{
    sum->micros += one->micros;
    sum->with_steps += one->with_steps;
    sum->appeals += one->appeals;
    sum->grants += one->grants;
    for (size_t i = 0; i < WEIR_COUNTOF(sum->steps); i++)
        sum->steps[i] += one->steps[i];
    for (size_t i = 0; i < WEIR_COUNTOF(sum->changes); i++)
        sum->changes[i] += one->changes[i];
    for (size_t i = 0; i < WEIR_COUNTOF(sum->overrides); i++)
        sum->overrides[i] += one->overrides[i];
}

static json_t *
sums_json(const char *title, size_t count, const struct customer *sum)
{
    json_t *steps = json_object(), *changes = json_object();
    json_t *overrides = json_object();
    for (unsigned i = WEIR_WATCH_OBSERVE; i <= WEIR_WATCH_SUSPEND; i++)
        json_object_set_new(steps,
                            weir_watch_action_name((enum weir_watch_action)i),
                            json_integer(sum->steps[i]));
    for (unsigned i = 1; i < WEIR_WATCH_CHANGES; i++)
        json_object_set_new(changes,
                            weir_watch_change_name((enum weir_watch_change)i),
                            json_integer(sum->changes[i]));
    for (unsigned i = WEIR_OVERRIDE_LIFT; i <= WEIR_OVERRIDE_RAISE; i++)
        json_object_set_new(overrides,
                            weir_override_deed_name((enum weir_override_deed)i),
                            json_integer(sum->overrides[i]));
    return json_pack(
        "{s:s,s:I,s:I,s:I,s:o,s:o,s:o,s:I,s:I}", "size", title, "customers",
        (json_int_t)count, "spend_micros", (json_int_t)sum->micros,
        "with_steps", (json_int_t)sum->with_steps, "steps", steps, "changes",
        changes, "overrides", overrides, "appeals", (json_int_t)sum->appeals,
        "grants", (json_int_t)sum->grants);
}

static json_t *
classes_json(const struct report *report)
{
    static const char *const titles[CLASSES] = {"largest 10 %", "next 40 %",
                                                "smallest 50 %"};
    json_t *list = json_array();
    for (uint32_t class_of = 0; class_of < CLASSES; class_of++) {
        struct customer sum = {0};
        size_t count = 0;
        for (size_t i = 0; i < report->count; i++) {
            if (report->customers[i].class_of != class_of)
                continue;
            add_to(&sum, &report->customers[i]);
            count++;
        }
        json_array_append_new(list, sums_json(titles[class_of], count, &sum));
    }
    json_array_append_new(list, sums_json("of several", 0, &report->several));
    return list;
}

static void
count_grant(void *context, weir_span tenant)
{
    find(context, tenant)->grants++;
}

static weir_status
collect(struct report *report, struct weir_error *err)
{
    const struct weir_store_filter spend = {
        .from = report->from, .to = report->to, .by_tenant = true};
    const struct weir_step_filter deeds = {
        .from = report->from, .to = report->to, .limit = DEEDS_MAX};
    const struct weir_case_filter cases = {.kind = WEIR_CASE_WATCH,
                                           .limit = CASES_MAX};
    weir_status status =
        weir_store_totals(report->store, &spend, add_sum, report, err);
    if (status != WEIR_OK)
        return status;
    report->several.micros = 0; /* of customers who have left */
    classify(report);
    status = weir_step_deeds(report->store, &deeds, add_deed, report, err);
    if (status == WEIR_OK)
        status = weir_overrides(report->store, add_override, report, err);
    const weir_time period[2] = {report->from, report->to};
    if (status == WEIR_OK)
        status = weir__report_grants(report->store, report->image, period,
                                     report->now, report->grants, count_grant,
                                     report, err);
    if (status == WEIR_OK)
        status = weir_cases(report->store, &cases, report->now, add_case,
                            report, err);
    return status == WEIR_OK ? report->status : status;
}

weir_status
weir_steps_report(struct weir_store *store, const struct weir_image *image,
                  weir_time from, weir_time to, weir_time now,
                  json_t **report_out, struct weir_error *err)
{
    struct report report = {.store = store,
                            .image = image,
                            .from = from,
                            .to = to,
                            .now = now,
                            .count = image->tenant_count,
                            .overrides = json_array(),
                            .exempt = json_array(),
                            .grants = json_array(),
                            .err = err};
    report.customers = calloc(report.count + 1, sizeof *report.customers);
    weir_status status =
        report.customers == NULL
            ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
            : WEIR_OK;
    for (size_t i = 0; status == WEIR_OK && i < report.count; i++)
        report.customers[i].name =
            weir_image_text(image, image->tenants[i].name);
    if (status == WEIR_OK)
        status = collect(&report, err);
    if (status == WEIR_OK)
        *report_out =
            json_pack("{s:I,s:I,s:o,s:O,s:O,s:O}", "from_us", (json_int_t)from,
                      "to_us", (json_int_t)to, "customers",
                      classes_json(&report), "overrides", report.overrides,
                      "exempt_now", report.exempt, "grants", report.grants);
    json_decref(report.overrides);
    json_decref(report.exempt);
    json_decref(report.grants);
    free(report.customers);
    return status;
}
