/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/reports */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/api/call.h"
#include "control/parts.h"
#include "control/reports/disclosure/pack.h"
#include "control/reports/incident/incident.h"
#include "control/reports/inventory/outside.h"
#include "control/reports/reports.h"

#define REPORT_BYTES_MAX ((size_t)256 << 20)

static const char *
option_of(const void *context, const char *name)
{
    return weir_api_query(context, name);
}

static weir_status
ask_of(struct weir_api_call *call, struct weir_report_ask *ask_out,
       struct weir_error *err)
{
    const char *tenant = weir_api_query(call, "tenant");
    weir_time now = weir_control_now();
    *ask_out = (struct weir_report_ask){
        .control = call->door->control,
        .store = call->door->store,
        .now = now,
        .tenant = weir_span_of(tenant == NULL ? "" : tenant),
        .option = option_of,
        .context = call};
    weir_status status =
        weir_api_query_time(call, "to", now, &ask_out->to, err);
    if (status != WEIR_OK)
        return status;
    weir_time back = WEIR_REPORT_DAYS * WEIR_US_PER_DAY;
    return weir_api_query_time(call, "from",
                               ask_out->to < back ? 0 : ask_out->to - back,
                               &ask_out->from, err);
}

weir_status
weir_api_reports_list(struct weir_api_call *call, struct weir_error *err)
{
    json_t *list = json_array();
    (void)err;
    for (size_t i = 0; i < weir_report_count; i++)
        json_array_append_new(list, json_pack("{s:s,s:s}", "report",
                                              weir_reports[i].name, "title",
                                              weir_reports[i].title));
    call->reply = json_pack("{s:o}", "reports", list);
    return WEIR_OK;
}

static weir_status
write_form(struct weir_api_call *call, const struct weir_report *row,
           weir_span form, struct weir_error *err)
{
    struct weir_buf text;
    weir_buf_init(&text, REPORT_BYTES_MAX);
    weir_status status = weir_report_write(row, call->reply, form, &text, err);
    if (status == WEIR_OK) {
        weir_buf_add_byte(&text, '\0');
        call->text = text.overflow ? NULL : malloc(text.len);
        call->text_len = text.len - 1;
        call->content_type = weir_report_type(form);
        if (call->text == NULL)
            status =
                weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
        else
            memcpy(call->text, text.ptr, text.len);
    }
    weir_buf_fini(&text);
    return status;
}

/* The last word of the path is the report's name. */
weir_status
weir_api_report(struct weir_api_call *call, struct weir_error *err)
{
    const char *format = weir_api_query(call, "format");
    const char *name = strrchr(call->request->path, '/');
    const struct weir_report *row =
        weir_report_find(weir_span_of(name == NULL ? "" : name + 1));
    weir_span form = weir_span_of(format == NULL ? "json" : format);
    bool is_json = weir_span_equal(form, WEIR_SPAN("json"));
    struct weir_report_ask ask;
    if (row == NULL)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no such report");
    if (!is_json && weir_report_type(form) == NULL)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'format' is text, json, csv or pdf");
    weir_ingest_sync(call->door->ingest, WEIR_API_SYNC_MS);
    weir_status status = ask_of(call, &ask, err);
    if (status == WEIR_OK)
        status = weir_store_read_begin(call->door->store, err);
    if (status != WEIR_OK)
        return status;
    status = weir_report_make(row, &ask, &call->reply, err);
    weir_store_read_end(call->door->store);
    return status == WEIR_OK && !is_json ? write_form(call, row, form, err)
                                         : status;
}

/* ----------------------------------------------------------------- outside */

static weir_span
text_of(const json_t *row, const char *name)
{
    const json_t *value = json_object_get(row, name);
    return json_is_string(value) ? (weir_span){json_string_value(value),
                                               json_string_length(value)}
                                 : WEIR_SPAN("");
}

static weir_status
keep_row(struct weir_api_call *call, const json_t *row, struct weir_error *err)
{
    struct weir_outside_row one = {
        .import = weir_api_body(call, "import"),
        .source = weir_api_body(call, "source"),
        .client = text_of(row, "client"),
        .host = text_of(row, "host"),
        .provider = text_of(row, "provider"),
        .kind = text_of(row, "kind"),
        .requests = json_integer_value(json_object_get(row, "requests")),
        .bytes = json_integer_value(json_object_get(row, "bytes")),
        .first = json_integer_value(json_object_get(row, "first_us")),
        .last = json_integer_value(json_object_get(row, "last_us"))};
    if (!weir_time_parse(text_of(row, "day"), &one.day) ||
        one.client.len == 0 || one.host.len == 0 ||
        one.host.len > WEIR_HOST_MAX || one.client.len > 128 ||
        one.provider.len == 0 || one.requests < 0 || one.bytes < 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a row has day, client, host, provider, kind, "
                         "requests, bytes, first_us, last_us");
    return weir_store_outside_add(call->door->control->store, &one, err);
}

weir_status
weir_api_outside_add(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_control *control = call->door->control;
    const json_t *rows = json_object_get(call->body, "rows"), *row;
    size_t index;
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    bool is_begun = status == WEIR_OK;
    json_array_foreach(rows, index, row)
    {
        if (status == WEIR_OK)
            status = keep_row(call, row, err);
    }
    if (is_begun) {
        if (status == WEIR_OK)
            status =
                weir__control_note(control, &call->actor, "report.outside",
                                   weir_api_body(call, "import"), "{}", err);
        status = weir__control_finish(control, status, err);
    }
    pthread_mutex_unlock(&control->lock);
    if (status == WEIR_OK)
        call->reply =
            json_pack("{s:I}", "rows", (json_int_t)json_array_size(rows));
    return status;
}

/* ------------------------------------------------------------------- packs */

/* The newest calls come under a checkpoint within a second or two. */
#define COVER_TRIES 25

static void
wait_for_cover(void)
{
    const struct timespec pause = {0, 200 * 1000 * 1000};
    nanosleep(&pause, NULL);
}

static weir_status
body_time(const struct weir_api_call *call, const char *name,
          weir_time fallback, weir_time *when_out, struct weir_error *err)
{
    weir_span text = weir_api_body(call, name);
    *when_out = fallback;
    return text.len == 0 || weir_time_parse(text, when_out)
               ? WEIR_OK
               : weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "'%s' is a time like 2026-11-10 or "
                           "2026-11-10T08:00:00Z",
                           name);
}

weir_status
weir_api_disclosure(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_disclosure_wish wish = {
        .authority = weir_api_body(call, "authority"),
        .reference = weir_api_body(call, "reference"),
        .level = weir_api_body(call, "level"),
        .fields = weir_api_body(call, "fields"),
        .tenant = weir_api_body(call, "tenant")};
    weir_ingest_sync(call->door->ingest, WEIR_API_SYNC_MS);
    weir_status status = body_time(call, "from", 0, &wish.from, err);
    if (status == WEIR_OK)
        status = body_time(call, "to", weir_control_now(), &wish.to, err);
    if (status != WEIR_OK)
        return status;
    for (int tries = 0; tries < COVER_TRIES; tries++) {
        status = weir_disclosure_make(call->door->control, call->door->store,
                                      &call->actor, &wish, &call->reply, err);
        if (status != WEIR_EUNAVAIL)
            break;
        wait_for_cover();
    }
    return status;
}

weir_status
weir_api_incidents_list(struct weir_api_call *call, struct weir_error *err)
{
    const char *id = weir_api_query(call, "incident");
    json_t *list = NULL;
    weir_status status = weir_incident_list(
        call->door->store, weir_span_of(id == NULL ? "" : id), &list, err);
    if (status == WEIR_OK)
        call->reply = json_pack("{s:o}", "incidents", list);
    return status;
}

weir_status
weir_api_incident_open(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_incident_wish wish = {
        .kind = weir_api_body(call, "kind"),
        .subject = weir_api_body(call, "subject"),
        .reason = weir_api_body(call, "reason"),
        .is_told = !json_is_true(json_object_get(call->body, "quiet"))};
    weir_status status = body_time(call, "since", 0, &wish.since, err);
    if (status == WEIR_OK)
        status = weir_incident_open(call->door->control, &call->actor, &wish,
                                    &call->reply, err);
    if (status == WEIR_OK)
        call->status = 201;
    return status;
}

weir_status
weir_api_incident_pack(struct weir_api_call *call, struct weir_error *err)
{
    weir_ingest_sync(call->door->ingest, WEIR_API_SYNC_MS);
    weir_status status = WEIR_OK;
    for (int tries = 0; tries < COVER_TRIES; tries++) {
        status = weir_incident_pack(call->door->control, call->door->store,
                                    &call->actor, weir_span_of(call->params[0]),
                                    &call->reply, err);
        if (status != WEIR_EUNAVAIL)
            break;
        wait_for_cover();
    }
    return status;
}

weir_status
weir_api_incident_close(struct weir_api_call *call, struct weir_error *err)
{
    return weir_incident_close(
        call->door->control, &call->actor, weir_span_of(call->params[0]),
        weir_api_body(call, "outcome"), &call->reply, err);
}
