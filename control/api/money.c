/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/invoices, /v1/exports */
#include <stdlib.h>
#include <string.h>

#include "control/api/call.h"
#include "control/invoices/book.h"
#include "control/invoices/forecast.h"

static weir_span
asked(const struct weir_api_call *call, const char *name)
{
    const char *text = weir_api_query(call, name);
    return weir_span_of(text == NULL ? "" : text);
}

/* What every reader of money needs: the world held still, the ledger up to
 * now, all of it as of one moment. */
static weir_status
begin(struct weir_api_call *call, struct weir_error *err)
{
    weir_ingest_sync(call->door->ingest, WEIR_API_SYNC_MS);
    weir_status status = weir_store_read_begin(call->door->store, err);
    if (status == WEIR_OK)
        weir_control_lock(call->door->control);
    return status;
}

static void
end(struct weir_api_call *call)
{
    pthread_mutex_unlock(&call->door->control->lock);
    weir_store_read_end(call->door->store);
}

/* As CSV or PDF where it was asked for. */
static weir_status
reply_invoice(struct weir_api_call *call, json_t *invoice,
              struct weir_error *err)
{
    weir_span format = asked(call, "format");
    weir_status status = WEIR_OK;
    struct weir_buf out;
    if (format.len == 0 || weir_span_equal(format, WEIR_SPAN("json"))) {
        call->reply = invoice;
        return WEIR_OK;
    }
    if (weir_span_equal(format, WEIR_SPAN("csv"))) {
        call->text = weir_invoice_csv(invoice);
        call->content_type = "text/csv; charset=utf-8";
        if (call->text == NULL)
            status =
                weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    } else if (weir_span_equal(format, WEIR_SPAN("pdf"))) {
        weir_buf_init(&out, (size_t)64 << 20);
        status = weir_invoice_pdf(invoice, &out, err);
        if (status == WEIR_OK) {
            call->text = out.ptr; /* a heap buffer's bytes */
            call->text_len = out.len;
            call->content_type = "application/pdf";
        } else {
            weir_buf_fini(&out);
        }
    } else {
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "'format' is json, csv or pdf");
    }
    json_decref(invoice);
    return status;
}

weir_status
weir_api_invoice(struct weir_api_call *call, struct weir_error *err)
{
    json_t *invoice = NULL;
    weir_status status = begin(call, err);
    if (status != WEIR_OK)
        return status;
    status = weir_invoice_find(call->door->control->world, call->door->store,
                               asked(call, "tenant"), asked(call, "period"),
                               &invoice, err);
    end(call);
    return status == WEIR_OK ? reply_invoice(call, invoice, err) : status;
}

weir_status
weir_api_invoice_issue(struct weir_api_call *call, struct weir_error *err)
{
    weir_ingest_sync(call->door->ingest, WEIR_API_SYNC_MS);
    json_t *invoice = NULL;
    weir_status status = weir_invoice_issue(
        call->door->control, &call->actor, weir_api_body(call, "tenant"),
        weir_api_body(call, "period"), &invoice, err);
    if (status != WEIR_OK)
        return status;
    call->status = 201;
    call->reply = invoice;
    return WEIR_OK;
}

static bool
add_invoice(void *context, const struct weir_invoice_row *row)
{
    char name[WEIR_INVOICE_NAME];
    weir__invoice_name(row->number, name);
    json_array_append_new(
        context,
        json_pack("{s:s,s:o,s:o,s:I,s:I,s:I,s:o,s:o,s:I,s:o}", "invoice", name,
                  "tenant", weir_api_text(row->tenant), "contract",
                  weir_api_text(row->contract), "from_us",
                  (json_int_t)row->from, "to_us", (json_int_t)row->to,
                  "issued_us", (json_int_t)row->issued, "issued_by",
                  weir_api_text(row->issued_by), "currency",
                  weir_api_text(row->currency), "total_micros",
                  (json_int_t)row->total, "digest",
                  weir_api_digest((const uint8_t *)row->digest.ptr)));
    return true;
}

weir_status
weir_api_invoices_list(struct weir_api_call *call, struct weir_error *err)
{
    json_t *list = json_array();
    weir_status status = weir_invoices(call->door->store, asked(call, "tenant"),
                                       add_invoice, list, err);
    call->reply = json_pack("{s:o}", "invoices", list);
    return status;
}

weir_status
weir_api_invoice_show(struct weir_api_call *call, struct weir_error *err)
{
    weir_span name = weir_span_of(call->params[0]);
    uint64_t number = 0;
    json_t *invoice = NULL;
    if (weir_span_starts(name, WEIR_SPAN("INV-")))
        name = (weir_span){name.ptr + 4, name.len - 4};
    if (!weir_span_to_u64(name, &number) || number > INT64_MAX || number == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no such invoice");
    weir_status status =
        weir_invoice_get(call->door->store, (int64_t)number, &invoice, err);
    return status == WEIR_OK ? reply_invoice(call, invoice, err) : status;
}

weir_status
weir_api_export_focus(struct weir_api_call *call, struct weir_error *err)
{
    weir_span version = asked(call, "version");
    weir_status status = begin(call, err);
    if (status != WEIR_OK)
        return status;
    status = weir_focus_csv(call->door->control->world, call->door->store,
                            version.len == 0 ? WEIR_SPAN("1.2") : version,
                            asked(call, "tenant"), asked(call, "period"),
                            &call->text, err);
    end(call);
    call->content_type = "text/csv; charset=utf-8";
    return status;
}

weir_status
weir_api_revenue(struct weir_api_call *call, struct weir_error *err)
{
    weir_span by = asked(call, "by");
    weir_status status = begin(call, err);
    if (status != WEIR_OK)
        return status;
    status = weir_revenue(
        call->door->store, asked(call, "tenant"), asked(call, "period"),
        by.len == 0 ? WEIR_SPAN("tenant") : by, &call->reply, err);
    end(call);
    return status;
}

weir_status
weir_api_forecast(struct weir_api_call *call, struct weir_error *err)
{
    uint64_t days = 30;
    const char *backtest = weir_api_query(call, "backtest");
    weir_status status =
        weir_api_query_number(call, "days", 30, 400, &days, err);
    if (status == WEIR_OK)
        status = begin(call, err);
    if (status != WEIR_OK)
        return status;
    status = weir_forecast_report(
        call->door->store, asked(call, "tenant"), asked(call, "by"),
        weir_control_now(), (size_t)days,
        backtest != NULL && strcmp(backtest, "true") == 0, &call->reply, err);
    end(call);
    return status;
}
