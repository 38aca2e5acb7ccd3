/* SPDX-License-Identifier: Apache-2.0 */
/* The text of an invoice: a book as JSON. */
#include <stdio.h>

#include "control/invoices/book.h"

static json_t *
text(weir_span span)
{
    json_t *value = json_stringn(span.ptr == NULL ? "" : span.ptr, span.len);
    return value == NULL ? json_string("") : value;
}

static json_t *
time_text(weir_time when)
{
    char bytes[WEIR_TIME_TEXT];
    weir_time_format(when, bytes);
    return json_string(bytes);
}

static json_t *
line_json(const struct book *book, const struct book_line *line)
{
    const struct weir_usage *usage = &line->bill.usage;
    json_t *one = json_pack(
        "{s:o,s:o,s:o,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "project",
        text(line->project), "model", text(line->model), "price_version",
        text(line->version), "priced_by",
        line->agreed == NULL ? "list" : "contract", "calls",
        (json_int_t)line->calls, "estimated_calls", (json_int_t)line->estimated,
        "input_tokens", (json_int_t)usage->input_tokens, "cached_tokens",
        (json_int_t)usage->cached_tokens, "output_tokens",
        (json_int_t)usage->output_tokens, "reasoning_tokens",
        (json_int_t)usage->reasoning_tokens, "list_micros",
        (json_int_t)line->bill.list, "converted_micros",
        (json_int_t)line->bill.converted, "discount_micros",
        (json_int_t)line->bill.discount, "net_micros",
        (json_int_t)line->bill.net);
    if (line->agreed != NULL)
        json_object_set_new(one, "contract_price_version",
                            text(line->agreed_version));
    weir_usage_json(one, usage);
    if (book->contract != NULL && book->contract->rates.count > 0) {
        json_object_set_new(one, "rate_micros", json_integer(line->bill.rate));
        json_object_set_new(one, "rate_from", time_text(line->rate_from));
    }
    return one;
}

static json_t *
adjustments_json(const struct book *book)
{
    const struct weir_bill *bill = &book->bill;
    const struct {
        const char *kind;
        weir_micros amount;
        int sign;
    } rows[] = {
        {"free_tier", bill->free, -1},
        {"prepaid_commitment", bill->prepaid, -1},
        {"commitment_shortfall", bill->shortfall, 1},
        {"minimum", bill->top_up, 1},
    };
    json_t *list = json_array();
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        if (rows[i].amount != 0)
            json_array_append_new(
                list, json_pack("{s:s,s:I}", "kind", rows[i].kind, "micros",
                                (json_int_t)(rows[i].amount * rows[i].sign)));
    }
    return list;
}

static json_t *
totals_json(const struct book *book)
{
    const struct weir_bill *bill = &book->bill;
    return json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "calls",
        (json_int_t)book->calls, "estimated_calls", (json_int_t)book->estimated,
        "list_micros", (json_int_t)bill->list, "converted_micros",
        (json_int_t)bill->converted, "discount_micros",
        (json_int_t)bill->discount, "usage_micros", (json_int_t)bill->usage,
        "free_micros", (json_int_t)bill->free, "prepaid_micros",
        (json_int_t)bill->prepaid, "shortfall_micros",
        (json_int_t)bill->shortfall, "minimum_micros", (json_int_t)bill->top_up,
        "total_micros", (json_int_t)bill->total, "payable_micros",
        (json_int_t)weir_money_payable(bill->total, book->currency));
}

static void
set_contract(const struct book *book, json_t *invoice)
{
    const struct weir_world_contract *c = book->contract;
    if (c == NULL)
        return;
    json_object_set_new(invoice, "contract", text(c->name));
    json_object_set_new(
        invoice, "terms",
        json_pack("{s:I,s:I,s:I,s:I,s:I,s:b}", "discount_ppm",
                  (json_int_t)c->discount_ppm, "free_micros",
                  (json_int_t)book->terms.free_amount, "free_tokens",
                  (json_int_t)book->terms.free_tokens, "minimum_micros",
                  (json_int_t)book->terms.minimum, "commitment_micros",
                  (json_int_t)c->commitment, "prepaid", (int)c->is_prepaid));
    if (c->commitment > 0)
        json_object_set_new(
            invoice, "commitment",
            json_pack("{s:I,s:I,s:I}", "drawn_before_micros",
                      (json_int_t)book->terms.drawn_before, "drawn_micros",
                      (json_int_t)book->bill.drawn, "shortfall_micros",
                      (json_int_t)book->bill.shortfall));
}

void
weir__invoice_name(int64_t number, char text_out[WEIR_INVOICE_NAME])
{
    snprintf(text_out, WEIR_INVOICE_NAME, "INV-%06lld", (long long)number);
}

json_t *
weir__book_json(const struct book *book, int64_t number, weir_time issued,
                weir_span issued_by)
{
    char name[WEIR_INVOICE_NAME];
    json_t *lines = json_array();
    for (uint32_t i = 0; i < book->line_count; i++)
        json_array_append_new(lines, line_json(book, &book->lines[i]));
    weir__invoice_name(number, name);
    json_t *invoice = json_pack(
        "{s:s,s:s,s:o,s:o,s:o,s:o,s:{s:o,s:o,s:I,s:I},s:o,s:o,s:o,s:o,s:o}",
        "status", issued == 0 ? "draft" : "issued", "rounding", "half up",
        "seller", text(book->world->seller_title), "tenant",
        text(book->tenant->name), "tenant_title", text(book->tenant->title),
        "organisation", text(book->tenant->organisation.text), "period", "from",
        time_text(book->period.from), "to", time_text(book->period.to),
        "months", (json_int_t)book->period.months, "utc_offset_s",
        (json_int_t)(book->offset_us / WEIR_US_PER_SEC), "list_currency",
        text(book->world->currency), "currency", text(book->currency), "lines",
        lines, "adjustments", adjustments_json(book), "totals",
        totals_json(book));
    if (invoice == NULL)
        return NULL;
    set_contract(book, invoice);
    if (issued == 0) {
        json_object_set_new(invoice, "open_calls",
                            json_integer((json_int_t)book->open));
        return invoice;
    }
    json_object_set_new(invoice, "invoice", json_string(name));
    json_object_set_new(invoice, "issued", time_text(issued));
    json_object_set_new(invoice, "issued_by", text(issued_by));
    return invoice;
}

weir_status
weir_invoice_draft(const struct weir_world *world, struct weir_store *store,
                   weir_span tenant, weir_span period, json_t **invoice_out,
                   struct weir_error *err)
{
    struct book book;
    weir_status status =
        weir__book_open(&book, world, store, tenant, period, 0, err);
    json_t *invoice =
        status != WEIR_OK ? NULL : weir__book_json(&book, 0, 0, WEIR_SPAN(""));
    weir__book_close(&book);
    if (status == WEIR_OK && invoice == NULL)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK)
        *invoice_out = invoice;
    return status;
}
