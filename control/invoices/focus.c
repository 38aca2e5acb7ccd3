/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FOCUS: the ledger as the FinOps Open Cost and Usage Specification has it.
 *
 * One row for each day, project, model, price version, deployment and region
 * of a tenant, and one for each credit and adjustment of his invoice.
 *
 * WHY AMOUNTS ARE SHARED OUT. Lines of an invoice are coarser than rows. Were
 * each row rounded by itself, the rows of an invoice would not come to what
 * it says; so a line's amount is divided among its rows, and the differences
 * of the rounded running sums add up to it exactly.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/tags.h>

#include "control/invoices/book.h"

static const char *const columns[] = {"BilledCost",
                                      "BillingAccountId",
                                      "BillingAccountName",
                                      "BillingCurrency",
                                      "BillingPeriodStart",
                                      "BillingPeriodEnd",
                                      "ChargeCategory",
                                      "ChargeClass",
                                      "ChargeDescription",
                                      "ChargeFrequency",
                                      "ChargePeriodStart",
                                      "ChargePeriodEnd",
                                      "ConsumedQuantity",
                                      "ConsumedUnit",
                                      "ContractedCost",
                                      "EffectiveCost",
                                      "InvoiceId",
                                      "InvoiceIssuerName",
                                      "ListCost",
                                      "PricingQuantity",
                                      "PricingUnit",
                                      "ProviderName",
                                      "PublisherName",
                                      "RegionId",
                                      "RegionName",
                                      "ServiceCategory",
                                      "ServiceName",
                                      "ServiceSubcategory",
                                      "SubAccountId",
                                      "SubAccountName",
                                      "SkuId",
                                      "SkuPriceId",
                                      "Tags",
                                      "x_Calls",
                                      "x_InputTokens",
                                      "x_CachedInputTokens",
                                      "x_OutputTokens",
                                      "x_ReasoningTokens",
                                      "x_Deployment",
                                      "x_Country"};
static const char *const columns_1_3[] = {"ServiceProviderName",
                                          "HostProviderName"};

struct sheet {
    struct weir_buf out;
    bool is_1_3;
    bool is_begun; /* a field of the row is written */
    const struct book *book;
    char invoice[WEIR_INVOICE_NAME]; /* empty: not issued */
};

static void
put(struct sheet *sheet, weir_span field)
{
    if (sheet->is_begun)
        weir_buf_add_byte(&sheet->out, ',');
    sheet->is_begun = true;
    weir_csv_add(&sheet->out, field);
}

static void
put_text(struct sheet *sheet, const char *text)
{
    put(sheet, weir_span_of(text));
}

static void
put_money(struct sheet *sheet, int64_t micros)
{
    char text[WEIR_MICROS_TEXT + 1];
    text[0] = '-';
    weir_micros_format(micros < 0 ? -micros : micros, text + 1);
    put_text(sheet, micros < 0 ? text : text + 1);
}

static void
put_count(struct sheet *sheet, uint64_t count)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)count);
    put_text(sheet, text);
}

/* "2026-11-01T00:00:00Z" */
static void
put_time(struct sheet *sheet, weir_time when)
{
    char text[WEIR_TIME_TEXT];
    weir_time_format(when, text);
    memcpy(text + 19, "Z", 2);
    put_text(sheet, text);
}

static void
end_row(struct sheet *sheet)
{
    weir_buf_addf(&sheet->out, "\r\n");
    sheet->is_begun = false;
}

/* One charge; a usage has a row of the book, an adjustment has none. */
struct charge {
    const struct weir_money_sum *row;
    const char *category;
    const char *description;
    const char *frequency;
    weir_micros billed;
    weir_micros list;
};

static weir_span
or_text(weir_span text, weir_span otherwise)
{
    return text.len > 0 ? text : otherwise;
}

static const struct weir_world_deployment *
find_deployment(const struct weir_world *world, weir_span name)
{
    for (uint32_t i = 0; i < world->deployment_count; i++) {
        if (weir_span_equal(world->deployment_rows[i].name, name))
            return &world->deployment_rows[i];
    }
    return NULL;
}

/* Who made the model. */
static weir_span
publisher_of(const struct weir_world *world, weir_span model)
{
    for (uint32_t i = 0; i < world->model_count; i++) {
        const struct weir_world_model *m = &world->model_rows[i];
        if (weir_span_equal(m->name, model))
            return m->provider.text;
    }
    return WEIR_SPAN_NONE;
}

static weir_span
issuer_of(const struct sheet *sheet)
{
    return or_text(sheet->book->world->seller_title, WEIR_SPAN("weir"));
}

static weir_span
host_of(const struct sheet *sheet, const struct weir_money_sum *row)
{
    const struct weir_world_deployment *d =
        row == NULL ? NULL
                    : find_deployment(sheet->book->world, row->deployment);
    if (d == NULL)
        return issuer_of(sheet);
    return or_text(d->operated_by.text, or_text(d->cloud, issuer_of(sheet)));
}

static void
put_charge_head(struct sheet *sheet, const struct charge *charge)
{
    const struct book *book = sheet->book;
    const struct weir_money_sum *row = charge->row;
    weir_time from = book->period.from;
    weir_time to = book->period.to;
    if (row != NULL && row->day > from)
        from = row->day;
    if (row != NULL && row->day + WEIR_US_PER_DAY < to)
        to = row->day + WEIR_US_PER_DAY;
    put_money(sheet, charge->billed);
    put(sheet, book->tenant->name);
    put(sheet, or_text(book->tenant->title, book->tenant->name));
    put(sheet, book->currency);
    put_time(sheet, book->period.from);
    put_time(sheet, book->period.to);
    put_text(sheet, charge->category);
    put_text(sheet, ""); /* ChargeClass: no row corrects an earlier period */
    put_text(sheet, charge->description);
    put_text(sheet, charge->frequency);
    put_time(sheet, from);
    put_time(sheet, to);
}

/* {"team": "search"}; names and values have no character to escape. */
static void
put_tags(struct sheet *sheet, weir_span tags)
{
    char memory[WEIR_TAGS_BYTES + WEIR_TAGS_MAX * 8];
    struct weir_buf out;
    struct weir_tag tag;
    const char *between = "{";
    weir_buf_init_fixed(&out, memory, sizeof memory);
    while (weir_tags_next(&tags, &tag)) {
        weir_buf_addf(&out, "%s\"%.*s\": \"%.*s\"", between,
                      WEIR_SPAN_ARG(tag.name), WEIR_SPAN_ARG(tag.value));
        between = ", ";
    }
    if (out.len > 0)
        weir_buf_add_byte(&out, '}');
    put(sheet, weir_buf_span(&out));
}

static void
put_charge_tail(struct sheet *sheet, const struct charge *charge)
{
    const struct weir_money_sum *row = charge->row;
    static const struct weir_money_sum nothing;
    const struct weir_money_sum *sum = row == NULL ? &nothing : row;
    char sku[400];
    put(sheet, publisher_of(sheet->book->world, sum->model).len > 0
                   ? publisher_of(sheet->book->world, sum->model)
                   : issuer_of(sheet));
    put(sheet, sum->region);
    put(sheet, sum->region);
    put_text(sheet, "AI and Machine Learning");
    put(sheet, or_text(sum->model, WEIR_SPAN("Model access")));
    put_text(sheet, "Generative AI");
    put(sheet, sum->project);
    put(sheet, sum->project);
    put(sheet, sum->model);
    snprintf(sku, sizeof sku, "%.*s%s%.*s", WEIR_SPAN_ARG(sum->model),
             sum->version.len > 0 ? "@" : "", WEIR_SPAN_ARG(sum->version));
    put_text(sheet, sku);
    put_tags(sheet, sum->tags);
    put_count(sheet, sum->calls);
    put_count(sheet, sum->usage.input_tokens);
    put_count(sheet, sum->usage.cached_tokens);
    put_count(sheet, sum->usage.output_tokens);
    put_count(sheet, sum->usage.reasoning_tokens);
    put(sheet, sum->deployment);
    put(sheet, sum->country);
    if (sheet->is_1_3) {
        put(sheet, issuer_of(sheet));
        put(sheet, host_of(sheet, row));
    }
    end_row(sheet);
}

static void
put_charge(struct sheet *sheet, const struct charge *charge)
{
    const struct weir_money_sum *row = charge->row;
    put_charge_head(sheet, charge);
    if (row != NULL) {
        put_count(sheet, row->usage.input_tokens + row->usage.output_tokens);
        put_text(sheet, "Tokens");
    } else {
        put_text(sheet, "");
        put_text(sheet, "");
    }
    put_money(sheet, charge->billed); /* ContractedCost */
    put_money(sheet, charge->billed); /* EffectiveCost */
    put_text(sheet, sheet->invoice);
    put(sheet, issuer_of(sheet));
    put_money(sheet, charge->list);
    if (row != NULL) {
        put_count(sheet, row->usage.input_tokens + row->usage.output_tokens);
        put_text(sheet, "Tokens");
    } else {
        put_text(sheet, "");
        put_text(sheet, "");
    }
    put(sheet, issuer_of(sheet)); /* ProviderName */
    put_charge_tail(sheet, charge);
}

/* What rows weigh in their line: list cost, or tokens where that is free. */
static int64_t
weight_of(const struct book_line *line, const struct weir_money_sum *row)
{
    uint64_t tokens = row->usage.input_tokens + row->usage.output_tokens;
    return line->bill.list > 0 ? row->cost : (int64_t)(tokens + row->calls);
}

static weir_status
put_line(struct sheet *sheet, const struct book_line *line,
         struct weir_error *err)
{
    const struct weir_money_sum *rows = &sheet->book->rows[line->first];
    int64_t whole = 0, passed = 0;
    weir_micros net_before = 0, list_before = 0;
    for (uint32_t i = 0; i < line->count; i++)
        whole += weight_of(line, &rows[i]);
    for (uint32_t i = 0; i < line->count; i++) {
        weir_micros net, list;
        passed += weight_of(line, &rows[i]);
        if (!weir_money_scale(line->bill.net, passed, whole, &net) ||
            !weir_money_scale(line->bill.converted, passed, whole, &list))
            return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                             "a charge is beyond 64 bits");
        put_charge(sheet,
                   &(struct charge){.row = &rows[i],
                                    .category = "Usage",
                                    .description = "Tokens of model calls",
                                    .frequency = "Usage-Based",
                                    .billed = net - net_before,
                                    .list = list - list_before});
        net_before = net;
        list_before = list;
    }
    return WEIR_OK;
}

static void
put_adjustments(struct sheet *sheet)
{
    const struct book *book = sheet->book;
    const struct weir_bill *bill = &book->bill;
    const struct {
        const char *category;
        const char *description;
        weir_micros amount;
    } rows[] = {
        {"Credit", "Free tier", -bill->free},
        {"Credit", "Paid before under the commitment", -bill->prepaid},
        {"Adjustment", "Shortfall of the commitment", bill->shortfall},
        {"Adjustment", "Minimum of the period", bill->top_up},
        {"Adjustment", "Rounding to the currency's smallest unit",
         weir_money_payable(bill->total, book->currency) - bill->total},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        if (rows[i].amount != 0)
            put_charge(sheet,
                       &(struct charge){.category = rows[i].category,
                                        .description = rows[i].description,
                                        .frequency = "One-Time",
                                        .billed = rows[i].amount,
                                        .list = rows[i].amount});
    }
}

/* ----------------------------------------------------------------- export */

static bool
keep_number(void *context, const struct weir_invoice_row *row)
{
    struct sheet *sheet = context;
    if (row->from == sheet->book->period.from &&
        row->to == sheet->book->period.to)
        weir__invoice_name(row->number, sheet->invoice);
    return true;
}

static weir_status
put_tenant(struct sheet *sheet, const struct weir_world *world,
           struct weir_store *store, weir_span tenant, weir_span period,
           struct weir_error *err)
{
    struct book book;
    weir_status status =
        weir__book_open(&book, world, store, tenant, period,
                        WEIR_BY_DAY | WEIR_BY_DEPLOYMENT | WEIR_BY_REGION |
                            WEIR_BY_COUNTRY | WEIR_BY_TAGS,
                        err);
    sheet->book = &book;
    sheet->invoice[0] = '\0';
    if (status == WEIR_OK)
        status = weir_invoices(store, tenant, keep_number, sheet, err);
    for (uint32_t i = 0; status == WEIR_OK && i < book.line_count; i++)
        status = put_line(sheet, &book.lines[i], err);
    if (status == WEIR_OK)
        put_adjustments(sheet);
    weir__book_close(&book);
    return status;
}

weir_status
weir_focus_csv(const struct weir_world *world, struct weir_store *store,
               weir_span version, weir_span tenant, weir_span period,
               char **text_out, struct weir_error *err)
{
    struct sheet sheet = {.is_1_3 = weir_span_equal(version, WEIR_SPAN("1.3"))};
    weir_status status = WEIR_OK;
    if (!sheet.is_1_3 && !weir_span_equal(version, WEIR_SPAN("1.2")))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the version is 1.2 or 1.3");
    weir_buf_init(&sheet.out, (size_t)1 << 30);
    for (size_t i = 0; i < WEIR_COUNTOF(columns); i++)
        put_text(&sheet, columns[i]);
    for (size_t i = 0; sheet.is_1_3 && i < WEIR_COUNTOF(columns_1_3); i++)
        put_text(&sheet, columns_1_3[i]);
    end_row(&sheet);
    if (tenant.len > 0)
        status = put_tenant(&sheet, world, store, tenant, period, err);
    for (uint32_t i = 0;
         tenant.len == 0 && status == WEIR_OK && i < world->tenant_count; i++)
        status = put_tenant(&sheet, world, store, world->tenant_rows[i].name,
                            period, err);
    weir_buf_add_byte(&sheet.out, '\0');
    if (status == WEIR_OK && sheet.out.overflow)
        status = weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                           "the export is too large: take shorter periods");
    if (status == WEIR_OK)
        *text_out = sheet.out.ptr;
    else
        weir_buf_fini(&sheet.out);
    return status;
}
