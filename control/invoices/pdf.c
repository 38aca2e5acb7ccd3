/* SPDX-License-Identifier: Apache-2.0 */
/* An invoice as a paper: what its JSON says, in the words of its reader. */
#include <stdio.h>
#include <string.h>

#include "control/invoices/invoices.h"
#include "control/pdf/pdf.h"

#define COLUMNS 6

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

static int64_t
number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

struct paper {
    struct weir_pdf *pdf;
    const char *currency;
};

/* With `digits` decimals, so that amounts stand below each other. */
#define AMOUNT_TEXT 32
static void
amount(int64_t micros, uint32_t digits, char out[AMOUNT_TEXT])
{
    uint64_t all = micros < 0 ? (uint64_t)-micros : (uint64_t)micros;
    int len = snprintf(out, AMOUNT_TEXT, "%s%llu.%06llu", micros < 0 ? "-" : "",
                       (unsigned long long)(all / 1000000),
                       (unsigned long long)(all % 1000000));
    if (digits < 6)
        out[(uint32_t)len - 6 + digits - (digits == 0)] = '\0';
}

static void
money(int64_t micros, char out[AMOUNT_TEXT])
{
    amount(micros, 6, out);
}

static void
pair(const struct paper *paper, const char *name, const char *value)
{
    if (value[0] != '\0')
        weir_pdf_pair(paper->pdf, weir_span_of(name), weir_span_of(value));
}

static void
put_head(const struct paper *paper, const json_t *invoice)
{
    const json_t *period = json_object_get(invoice, "period");
    char text[96];
    pair(paper, "Seller", text_of(invoice, "seller"));
    pair(paper, "Customer",
         text_of(invoice, "tenant_title")[0] != '\0'
             ? text_of(invoice, "tenant_title")
             : text_of(invoice, "tenant"));
    pair(paper, "Tenant", text_of(invoice, "tenant"));
    pair(paper, "Organisation", text_of(invoice, "organisation"));
    pair(paper, "Contract", text_of(invoice, "contract"));
    snprintf(text, sizeof text, "%.19s to %.19s, the end is not in it",
             text_of(period, "from"), text_of(period, "to"));
    pair(paper, "Period", text);
    pair(paper, "Currency", paper->currency);
    if (text_of(invoice, "issued")[0] != '\0') {
        snprintf(text, sizeof text, "%.19s by %.60s",
                 text_of(invoice, "issued"), text_of(invoice, "issued_by"));
        pair(paper, "Issued", text);
    } else {
        pair(paper, "Status", "DRAFT: not an invoice, and it may change");
    }
}

static void
put_lines(const struct paper *paper, const json_t *invoice)
{
    static const struct weir_pdf_column columns[COLUMNS] = {
        {"Project", 16, false}, {"Model", 24, false}, {"Price", 22, false},
        {"Calls", 9, true},     {"Tokens", 13, true}, {"Amount", 16, true}};
    const json_t *line, *totals = json_object_get(invoice, "totals");
    size_t index;
    char calls[24], tokens[24], net[AMOUNT_TEXT], price[160];
    weir_span cells[COLUMNS];
    weir_pdf_heading(paper->pdf, WEIR_SPAN("Usage"));
    weir_pdf_table(paper->pdf, columns, COLUMNS);
    json_array_foreach(json_object_get(invoice, "lines"), index, line)
    {
        const char *agreed = text_of(line, "contract_price_version");
        const char *rate = text_of(line, "rate_from");
        bool is_agreed = strcmp(text_of(line, "priced_by"), "contract") == 0;
        snprintf(price, sizeof price, "%.60s%s%.60s%s%.10s",
                 is_agreed && agreed[0] == '\0' ? "agreed"
                 : is_agreed                    ? agreed
                             : text_of(line, "price_version"),
                 is_agreed ? " (contract)" : "", "",
                 rate[0] != '\0' ? ", rate of " : "", rate);
        snprintf(calls, sizeof calls, "%lld",
                 (long long)number_of(line, "calls"));
        snprintf(tokens, sizeof tokens, "%lld",
                 (long long)(number_of(line, "input_tokens") +
                             number_of(line, "output_tokens")));
        money(number_of(line, "net_micros"), net);
        const char *texts[COLUMNS] = {text_of(line, "project"),
                                      text_of(line, "model"),
                                      price,
                                      calls,
                                      tokens,
                                      net};
        for (size_t i = 0; i < COLUMNS; i++)
            cells[i] = weir_span_of(texts[i]);
        weir_pdf_row(paper->pdf, cells);
    }
    snprintf(calls, sizeof calls, "%lld",
             (long long)number_of(totals, "calls"));
    money(number_of(totals, "usage_micros"), net);
    const char *sums[COLUMNS] = {"Usage", "", "", calls, "", net};
    for (size_t i = 0; i < COLUMNS; i++)
        cells[i] = weir_span_of(sums[i]);
    weir_pdf_sum(paper->pdf, cells);
}

/* From usage to what is to be paid; what is 0 is left out. */
static void
put_totals(const struct paper *paper, const json_t *invoice)
{
    static const struct {
        const char *what;
        const char *name;
        int sign;
        bool is_always;
    } rows[] = {
        {"Usage after discounts", "usage_micros", 1, true},
        {"Free tier", "free_micros", -1, false},
        {"Paid before under the commitment", "prepaid_micros", -1, false},
        {"Shortfall of the commitment", "shortfall_micros", 1, false},
        {"Added to the minimum", "minimum_micros", 1, false},
        {"Total", "total_micros", 1, true},
    };
    static const struct weir_pdf_column columns[2] = {{"", 70, false},
                                                      {"Amount", 30, true}};
    const json_t *totals = json_object_get(invoice, "totals");
    char text[AMOUNT_TEXT + 8];
    weir_span cells[2];
    weir_pdf_heading(paper->pdf, WEIR_SPAN("To pay"));
    weir_pdf_table(paper->pdf, columns, 2);
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        int64_t micros = number_of(totals, rows[i].name);
        if (micros == 0 && !rows[i].is_always)
            continue;
        money(micros * rows[i].sign, text);
        cells[0] = weir_span_of(rows[i].what);
        cells[1] = weir_span_of(text);
        weir_pdf_row(paper->pdf, cells);
    }
    amount(number_of(totals, "payable_micros"),
           weir_currency_digits(weir_span_of(paper->currency)), text);
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, " %.4s", paper->currency);
    cells[0] = WEIR_SPAN("To pay");
    cells[1] = weir_span_of(text);
    weir_pdf_sum(paper->pdf, cells);
}

static void
put_notes(const struct paper *paper, const json_t *invoice)
{
    const json_t *totals = json_object_get(invoice, "totals");
    char text[256], of[AMOUNT_TEXT];
    weir_pdf_heading(paper->pdf, WEIR_SPAN("How it was computed"));
    money(number_of(totals, "list_micros"), of);
    snprintf(text, sizeof text,
             "At list prices the ledger has %s %.4s for this period; lines "
             "add up to it, to the millionth. Where a product is divided it "
             "is divided once, and half a millionth goes up.",
             of, text_of(invoice, "list_currency"));
    weir_pdf_text(paper->pdf, weir_span_of(text));
    if (number_of(totals, "discount_micros") != 0) {
        money(number_of(totals, "discount_micros"), of);
        snprintf(text, sizeof text, "Discounts of %s %.4s are taken off.", of,
                 paper->currency);
        weir_pdf_text(paper->pdf, weir_span_of(text));
    }
    if (number_of(totals, "estimated_calls") > 0) {
        snprintf(text, sizeof text,
                 "Of %lld calls the tokens were estimated: they were cut off, "
                 "or the origin did not count.",
                 (long long)number_of(totals, "estimated_calls"));
        weir_pdf_text(paper->pdf, weir_span_of(text));
    }
    pair(paper, "SHA-256", text_of(invoice, "digest"));
}

weir_status
weir_invoice_pdf(const json_t *invoice, struct weir_buf *out,
                 struct weir_error *err)
{
    struct paper paper = {.currency = text_of(invoice, "currency")};
    const char *number = text_of(invoice, "invoice");
    char title[64], about[96];
    snprintf(title, sizeof title, "Invoice %.40s",
             number[0] == '\0' ? "(draft)" : number);
    snprintf(about, sizeof about, "Use of AI models, %.40s",
             text_of(invoice, "tenant"));
    weir_status status =
        weir_pdf_new(weir_span_of(title), weir_span_of(about), &paper.pdf, err);
    if (status != WEIR_OK)
        return status;
    put_head(&paper, invoice);
    put_lines(&paper, invoice);
    put_totals(&paper, invoice);
    put_notes(&paper, invoice);
    status = weir_pdf_write(paper.pdf, out, err);
    weir_pdf_free(paper.pdf);
    return status;
}
