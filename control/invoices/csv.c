/* SPDX-License-Identifier: Apache-2.0 */
/* An invoice as CSV (RFC 4180), amounts as exact decimals. */
#include <string.h>

#include "control/invoices/invoices.h"

void
weir_csv_add(struct weir_buf *out, weir_span field)
{
    bool is_plain = true;
    for (size_t i = 0; i < field.len; i++)
        is_plain &=
            strchr("\",\r\n", field.ptr[i]) == NULL || field.ptr[i] == '\0';
    if (is_plain) {
        weir_buf_add_span(out, field);
        return;
    }
    weir_buf_add_byte(out, '"');
    for (size_t i = 0; i < field.len; i++) {
        if (field.ptr[i] == '"')
            weir_buf_add_byte(out, '"');
        weir_buf_add_byte(out, field.ptr[i]);
    }
    weir_buf_add_byte(out, '"');
}

static void
add_text(struct weir_buf *out, const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    weir_csv_add(out, weir_span_of(text == NULL ? "" : text));
    weir_buf_add_byte(out, ',');
}

static void
add_amount(struct weir_buf *out, int64_t micros)
{
    char text[WEIR_MICROS_TEXT];
    if (micros < 0)
        weir_buf_add_byte(out, '-');
    weir_micros_format(micros < 0 ? -micros : micros, text);
    weir_buf_add_span(out, weir_span_of(text));
}

static void
add_line(struct weir_buf *out, const json_t *row)
{
    static const char *const texts[] = {"project", "model", "price_version",
                                        "contract_price_version", "rate_from"};
    static const char *const counts[] = {"calls", "input_tokens",
                                         "cached_tokens", "output_tokens",
                                         "reasoning_tokens"};
    static const char *const amounts[] = {"list_micros", "converted_micros",
                                          "discount_micros", "net_micros"};
    weir_buf_addf(out, "line,");
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++)
        add_text(out, row, texts[i]);
    for (size_t i = 0; i < WEIR_COUNTOF(counts); i++)
        weir_buf_addf(
            out, "%lld,",
            (long long)json_integer_value(json_object_get(row, counts[i])));
    for (size_t i = 0; i < WEIR_COUNTOF(amounts); i++) {
        if (i > 0)
            weir_buf_add_byte(out, ',');
        add_amount(out, json_integer_value(json_object_get(row, amounts[i])));
    }
    weir_buf_addf(out, "\r\n");
}

static void
add_one(struct weir_buf *out, const char *kind, int64_t micros)
{
    weir_buf_addf(out, "%s,,,,,,,,,,,,,,", kind);
    add_amount(out, micros);
    weir_buf_addf(out, "\r\n");
}

char *
weir_invoice_csv(const json_t *invoice)
{
    struct weir_buf out;
    const json_t *totals = json_object_get(invoice, "totals"), *row;
    size_t index;
    weir_buf_init(&out, (size_t)1 << 30);
    weir_buf_addf(&out,
                  "kind,project,model,price_version,contract_price_version,"
                  "rate_from,calls,input_tokens,cached_tokens,output_tokens,"
                  "reasoning_tokens,list,converted,discount,net\r\n");
    json_array_foreach(json_object_get(invoice, "lines"), index, row)
        add_line(&out, row);
    json_array_foreach(json_object_get(invoice, "adjustments"), index, row)
        add_one(&out, json_string_value(json_object_get(row, "kind")),
                json_integer_value(json_object_get(row, "micros")));
    add_one(&out, "total",
            json_integer_value(json_object_get(totals, "total_micros")));
    add_one(&out, "payable",
            json_integer_value(json_object_get(totals, "payable_micros")));
    weir_buf_add_byte(&out, '\0');
    if (out.overflow) {
        weir_buf_fini(&out);
        return NULL;
    }
    return out.ptr; /* a heap buffer's bytes */
}
