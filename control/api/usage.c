/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/usage and /v1/calls: the ledger, summed and in lines. */
#include <string.h>

#include "control/api/call.h"
#include "control/explain/explain.h"
#include "control/invoices/invoices.h"

struct summing {
    json_t *rows;
    json_t *total;
    const struct weir_store_filter *filter;
};

static json_t *
sum_json(const struct weir_store_sum *sum)
{
    return json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "calls",
        (json_int_t)sum->calls, "open", (json_int_t)sum->open, "refused",
        (json_int_t)sum->refused, "lost", (json_int_t)sum->lost, "estimated",
        (json_int_t)sum->estimated, "input_tokens",
        (json_int_t)sum->input_tokens, "cached_tokens",
        (json_int_t)sum->cached_tokens, "output_tokens",
        (json_int_t)sum->output_tokens, "reasoning_tokens",
        (json_int_t)sum->reasoning_tokens, "cost_micros",
        (json_int_t)sum->cost_micros, "currency", weir_api_text(sum->currency));
}

static void
set_text(json_t *row, const char *name, weir_span text, bool is_wanted)
{
    if (is_wanted)
        json_object_set_new(row, name, weir_api_text(text));
}

/* Adds a row to the total of its currency; what was never priced (refused,
 * open) has none. */
static void
add_total(json_t *total, const json_t *row)
{
    const char *currency = json_string_value(json_object_get(row, "currency"));
    const char *name;
    json_t *value, *into = NULL;
    size_t index;
    json_array_foreach(total, index, value)
    {
        if (strcmp(json_string_value(json_object_get(value, "currency")),
                   currency) == 0)
            into = value;
    }
    if (into == NULL) {
        into = json_object();
        json_object_set_new(into, "currency", json_string(currency));
        json_array_append_new(total, into);
    }
    json_object_foreach((json_t *)row, name, value)
    {
        if (!json_is_integer(value) || strcmp(name, "day_us") == 0)
            continue;
        json_int_t before = json_integer_value(json_object_get(into, name));
        json_object_set_new(into, name,
                            json_integer(before + json_integer_value(value)));
    }
}

/* Where there is but one currency, what has none is counted with it. */
static void
join_totals(json_t *total)
{
    if (json_array_size(total) != 2)
        return;
    for (size_t i = 0; i < 2; i++) {
        json_t *row = json_array_get(total, i);
        json_t *other = json_array_get(total, 1 - i);
        const char *name;
        json_t *value;
        if (json_string_length(json_object_get(row, "currency")) > 0)
            continue;
        json_object_foreach(row, name, value)
        {
            if (json_is_integer(value))
                json_object_set_new(
                    other, name,
                    json_integer(
                        json_integer_value(value) +
                        json_integer_value(json_object_get(other, name))));
        }
        json_array_remove(total, i);
        return;
    }
}

static bool
add_sum(void *context, const struct weir_store_sum *sum)
{
    struct summing *summing = context;
    const struct weir_store_filter *filter = summing->filter;
    json_t *row = sum_json(sum);
    add_total(summing->total, row);
    set_text(row, "tenant", sum->tenant, filter->by_tenant);
    set_text(row, "project", sum->project, filter->by_project);
    set_text(row, "key", sum->key, filter->by_key);
    set_text(row, "model", sum->model, filter->by_model);
    set_text(row, "deployment", sum->deployment, filter->by_deployment);
    if (filter->by_day)
        json_object_set_new(row, "day_us", json_integer(sum->day));
    json_array_append_new(summing->rows, row);
    return true;
}

static weir_status
read_groups(const char *text, struct weir_store_filter *filter,
            struct weir_error *err)
{
    const struct {
        const char *name;
        bool *flag;
    } groups[] = {
        {"tenant", &filter->by_tenant},
        {"project", &filter->by_project},
        {"key", &filter->by_key},
        {"model", &filter->by_model},
        {"deployment", &filter->by_deployment},
        {"day", &filter->by_day},
    };
    while (*text != '\0') {
        size_t len = strcspn(text, ","), i = 0;
        while (i < WEIR_COUNTOF(groups) &&
               !weir_span_equal((weir_span){text, len},
                                weir_span_of(groups[i].name)))
            i++;
        if (i == WEIR_COUNTOF(groups))
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "'by' lists tenant, project, key, model, "
                             "deployment, day, tag, tag.NAME, task");
        *groups[i].flag = true;
        text += len + (text[len] == ',');
    }
    return WEIR_OK;
}

/* "project,tag.team" */
static bool
names_tag(const char *text)
{
    weir_span tag;
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        if (weir_tag_group((weir_span){text, len}, &tag))
            return true;
        text += len + (text[len] == ',');
    }
    return false;
}

weir_status
weir_api_usage(struct weir_api_call *call, struct weir_error *err)
{
    weir_ingest_sync(call->door->ingest, WEIR_API_SYNC_MS);
    struct weir_store_filter filter = {0};
    struct summing summing = {json_array(), json_array(), &filter};
    const char *by = weir_api_query(call, "by");
    const char *tenant = weir_api_query(call, "tenant");
    filter.tenant = weir_span_of(tenant == NULL ? "" : tenant);
    weir_status status =
        weir_api_query_time(call, "from", WEIR_TIME_MIN, &filter.from, err);
    if (status == WEIR_OK)
        status =
            weir_api_query_time(call, "to", WEIR_TIME_MAX, &filter.to, err);
    if (status == WEIR_OK && by != NULL && names_tag(by)) {
        json_decref(summing.rows);
        json_decref(summing.total);
        return weir_usage_by_tag(call->door->store, filter.tenant, filter.from,
                                 filter.to, weir_span_of(by), &call->reply,
                                 err);
    }
    if (status == WEIR_OK)
        status =
            read_groups(by == NULL ? "tenant,project,model" : by, &filter, err);
    if (status == WEIR_OK)
        status = weir_store_usage(call->door->store, &filter, add_sum, &summing,
                                  err);
    join_totals(summing.total);
    call->reply =
        json_pack("{s:o,s:o}", "rows", summing.rows, "total", summing.total);
    return status;
}

/* -------------------------------------------------------------- /v1/calls */

static const char *
state_name(enum weir_call_state state)
{
    return state == WEIR_CALL_OPEN     ? "open"
           : state == WEIR_CALL_CLOSED ? "closed"
                                       : "refused";
}

static json_t *
ledger_line(const struct weir_store_call *call)
{
    char id[WEIR_REQUEST_ID_TEXT];
    weir_request_id_format(&call->request, id);
    json_t *line = json_pack(
        "{s:s,s:s,s:I,s:o,s:o,s:o,s:o,s:o,s:s,s:b,s:i}", "request", id, "state",
        state_name(call->state), "decided_us", (json_int_t)call->decided,
        "tenant", weir_api_text(call->tenant), "project",
        weir_api_text(call->project), "key", weir_api_text(call->key),
        "organisation", weir_api_text(call->organisation), "asked",
        weir_api_text(call->asked), "operation",
        weir_operation_name((enum weir_operation)call->operation),
        "is_streamed", call->is_streamed, "http_status",
        (int)call->http_status);
    if (call->state == WEIR_CALL_REFUSED)
        json_object_set_new(
            line, "reason",
            json_string(weir_reason_code((enum weir_reason)call->reason)));
    if (call->state != WEIR_CALL_CLOSED)
        return line;
    json_t *end = json_pack(
        "{s:s,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:b,s:I,s:I}",
        "ending", weir_ending_name((enum weir_ending)call->ending), "model",
        weir_api_text(call->model), "deployment",
        weir_api_text(call->deployment), "region", weir_api_text(call->region),
        "place", weir_api_text(call->place), "stored_in",
        weir_api_text(call->stored_in), "input_tokens",
        (json_int_t)call->input_tokens, "cached_tokens",
        (json_int_t)call->cached_tokens, "output_tokens",
        (json_int_t)call->output_tokens, "reasoning_tokens",
        (json_int_t)call->reasoning_tokens, "cost_micros",
        (json_int_t)call->cost_micros, "currency",
        weir_api_text(call->currency), "price_version",
        weir_api_text(call->price_version), "is_estimated", call->is_estimated,
        "first_byte_us", (json_int_t)call->first_byte_us, "total_us",
        (json_int_t)call->total_us);
    json_object_update_missing(line, end);
    json_decref(end);
    weir_units_json(line, &call->units);
    return line;
}

struct listing {
    struct weir_store *store;
    json_t *list;
};

static bool
add_call(void *context, const struct weir_store_call *call)
{
    struct listing *listing = context;
    char name[WEIR_STORE_END_CUSTOMER_MAX];
    char tags[WEIR_TAGS_BYTES];
    size_t length;
    json_t *line = ledger_line(call);
    if (weir_store_call_end_customer(listing->store, &call->request, name,
                                     NULL) == WEIR_OK &&
        name[0] != '\0')
        json_object_set_new(line, "end_customer", json_string(name));
    if (weir_store_call_tags(listing->store, &call->request, tags, &length,
                             NULL) == WEIR_OK &&
        length > 0)
        json_object_set_new(line, "tags", json_stringn(tags, length));
    json_array_append_new(listing->list, line);
    return true;
}

weir_status
weir_api_calls_list(struct weir_api_call *call, struct weir_error *err)
{
    weir_ingest_sync(call->door->ingest, WEIR_API_SYNC_MS);
    uint64_t limit;
    const char *tenant = weir_api_query(call, "tenant");
    weir_status status =
        weir_api_query_number(call, "limit", 50, 1000, &limit, err);
    if (status != WEIR_OK)
        return status;
    struct listing listing = {call->door->store, json_array()};
    status = weir_store_calls_newest(call->door->store,
                                     weir_span_of(tenant == NULL ? "" : tenant),
                                     (uint32_t)limit, add_call, &listing, err);
    call->reply = json_pack("{s:o}", "calls", listing.list);
    return status;
}

static bool
add_end_customer(void *context, const struct weir_store_end_customer *row)
{
    json_array_append_new(
        context,
        json_pack("{s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:o,s:I,s:I}", "tenant",
                  weir_api_text(row->tenant), "name", weir_api_text(row->name),
                  "calls", (json_int_t)row->calls, "refused",
                  (json_int_t)row->refused, "input_tokens",
                  (json_int_t)row->input_tokens, "output_tokens",
                  (json_int_t)row->output_tokens, "cost_micros",
                  (json_int_t)row->cost_micros, "currency",
                  weir_api_text(row->currency), "first_us",
                  (json_int_t)row->first, "last_us", (json_int_t)row->last));
    return true;
}

weir_status
weir_api_end_customers(struct weir_api_call *call, struct weir_error *err)
{
    weir_ingest_sync(call->door->ingest, WEIR_API_SYNC_MS);
    const char *tenant = weir_api_query(call, "tenant");
    json_t *list = json_array();
    weir_status status = weir_store_end_customers(
        call->door->store, weir_span_of(tenant == NULL ? "" : tenant),
        add_end_customer, list, err);
    call->reply = json_pack("{s:o}", "end_customers", list);
    return status;
}

weir_status
weir_api_call_explain(struct weir_api_call *call, struct weir_error *err)
{
    weir_ingest_sync(call->door->ingest, WEIR_API_SYNC_MS);
    return weir_explain(call->door->store, &call->door->control->paths,
                        weir_span_of(call->params[0]), &call->reply, err);
}
