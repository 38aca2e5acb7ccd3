/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A report in three forms, from its JSON and its sections alone.
 *
 * CSV is one table, so that every reader of CSV reads it: the column
 * "section" names the table that a row is of, the others are the columns of
 * all of them, and a row leaves empty what its section has not. Text aligns
 * columns by their longest value. PDF is for people who sign.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/invoices/invoices.h"
#include "control/pdf/pdf.h"
#include "control/reports/parts.h"

#define COLUMNS_MAX 24
#define ALL_MAX     160
#define VALUE_MAX   4096

struct column {
    char name[40];
    bool is_number;
    bool is_money;
    bool is_wide; /* not on paper */
};

struct columns {
    struct column rows[ALL_MAX];
    uint32_t count;
};

static void
add_columns(struct columns *columns, const char *text)
{
    while (*text != '\0') {
        struct column column = {0};
        size_t len = strcspn(text, " ");
        const char *name = text;
        size_t name_len = len;
        column.is_wide = *name == '-';
        name += column.is_wide;
        name_len -= column.is_wide;
        column.is_money = *name == '$';
        column.is_number = *name == '#' || *name == '$';
        name += column.is_number;
        name_len -= column.is_number;
        WEIR_ASSERT(name_len < sizeof column.name);
        memcpy(column.name, name, name_len);
        bool is_known = false;
        for (uint32_t i = 0; i < columns->count; i++)
            is_known |= strcmp(columns->rows[i].name, column.name) == 0;
        if (!is_known && columns->count < ALL_MAX)
            columns->rows[columns->count++] = column;
        text += len + (text[len] == ' ');
    }
}

/* A value as one line of text. `for_people`: money with its decimals. */
static void
put_value(const json_t *row, const struct column *column, bool for_people,
          struct weir_buf *out)
{
    const json_t *value = json_object_get(row, column->name), *one;
    const char *currency = json_string_value(json_object_get(row, "currency"));
    size_t index;
    if (column->is_money && for_people && json_is_integer(value)) {
        json_int_t micros = json_integer_value(value);
        uint64_t size = micros < 0 ? (uint64_t)-micros : (uint64_t)micros;
        weir_buf_addf(out, "%s%llu.%06llu%s%s", micros < 0 ? "-" : "",
                      (unsigned long long)(size / 1000000),
                      (unsigned long long)(size % 1000000),
                      currency == NULL ? "" : " ",
                      currency == NULL ? "" : currency);
    } else if (json_is_string(value)) {
        weir_buf_add(out, json_string_value(value), json_string_length(value));
    } else if (json_is_integer(value)) {
        weir_buf_addf(out, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        weir_buf_addf(out, "%.6g", json_real_value(value));
    } else if (json_is_boolean(value)) {
        weir_buf_addf(out, "%s", json_is_true(value) ? "yes" : "no");
    }
    json_array_foreach(value, index, one)
    {
        if (json_is_string(one))
            weir_buf_addf(out, "%s%s", index == 0 ? "" : ", ",
                          json_string_value(one));
    }
}

static weir_span
value_of(const json_t *row, const struct column *column, char *memory)
{
    struct weir_buf text;
    weir_buf_init_fixed(&text, memory, VALUE_MAX);
    put_value(row, column, true, &text);
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)memory[i] < 32)
            memory[i] = ' ';
    }
    return (weir_span){memory, text.len};
}

/* -------------------------------------------------------------------- text */

static size_t
letters(weir_span text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return count;
}

static void
put_padded(struct weir_buf *out, weir_span text, size_t width, bool is_right,
           bool is_last)
{
    size_t blanks = letters(text) < width ? width - letters(text) : 0;
    for (size_t i = 0; is_right && i < blanks; i++)
        weir_buf_add_byte(out, ' ');
    weir_buf_add_span(out, text);
    for (size_t i = 0; !is_right && !is_last && i < blanks; i++)
        weir_buf_add_byte(out, ' ');
    weir_buf_add(out, is_last ? "\n" : "  ", is_last ? 1 : 2);
}

static void
write_table(const struct weir_report_section *section, const json_t *rows,
            struct weir_buf *out)
{
    struct columns columns = {.count = 0};
    size_t widths[ALL_MAX];
    char memory[VALUE_MAX];
    const json_t *row;
    size_t index;
    add_columns(&columns, section->columns);
    weir_buf_addf(out, "\n%s\n", section->title);
    if (json_array_size(rows) == 0) {
        weir_buf_addf(out, "  none\n");
        return;
    }
    for (uint32_t i = 0; i < columns.count; i++) {
        widths[i] = strlen(columns.rows[i].name);
        json_array_foreach(rows, index, row)
        {
            size_t width = letters(value_of(row, &columns.rows[i], memory));
            widths[i] = width > widths[i] ? width : widths[i];
        }
        widths[i] = widths[i] > 72 ? 72 : widths[i];
    }
    for (uint32_t i = 0; i < columns.count; i++)
        put_padded(out, weir_span_of(columns.rows[i].name), widths[i],
                   columns.rows[i].is_number, i + 1 == columns.count);
    json_array_foreach(rows, index, row)
    {
        for (uint32_t i = 0; i < columns.count; i++)
            put_padded(out, value_of(row, &columns.rows[i], memory), widths[i],
                       columns.rows[i].is_number, i + 1 == columns.count);
    }
}

static void
write_text(const struct weir_report *report, const json_t *made,
           struct weir_buf *out)
{
    const json_t *summary = json_object_get(made, "summary");
    const char *about = json_string_value(json_object_get(made, "about"));
    const char *from = json_string_value(json_object_get(made, "from"));
    const char *to = json_string_value(json_object_get(made, "to"));
    const char *name;
    json_t *value;
    char memory[VALUE_MAX];
    weir_buf_addf(out, "%s  %.19sZ to %.19sZ (not included)\n", report->title,
                  from == NULL ? "" : from, to == NULL ? "" : to);
    if (about != NULL)
        weir_buf_addf(out, "%s\n", about);
    json_object_foreach((json_t *)(uintptr_t)summary, name, value)
    {
        struct column column = {.is_number = true};
        (void)value;
        snprintf(column.name, sizeof column.name, "%s", name);
        weir_span text = value_of(summary, &column, memory);
        weir_buf_addf(out, "  %-28s %.*s\n", name, WEIR_SPAN_ARG(text));
    }
    for (const struct weir_report_section *s = report->sections;
         s->member != NULL; s++) {
        if (json_object_get(made, s->member) != NULL)
            write_table(s, json_object_get(made, s->member), out);
    }
}

/* --------------------------------------------------------------------- csv */

static void
write_csv(const struct weir_report *report, const json_t *made,
          struct weir_buf *out)
{
    struct columns columns = {.count = 0};
    char memory[VALUE_MAX];
    const json_t *row;
    size_t index;
    for (const struct weir_report_section *s = report->sections;
         s->member != NULL; s++)
        add_columns(&columns, s->columns);
    weir_buf_addf(out, "section");
    for (uint32_t i = 0; i < columns.count; i++)
        weir_buf_addf(out, ",%s", columns.rows[i].name);
    weir_buf_addf(out, "\r\n");
    for (const struct weir_report_section *s = report->sections;
         s->member != NULL; s++) {
        struct columns own = {.count = 0};
        add_columns(&own, s->columns);
        json_array_foreach(json_object_get(made, s->member), index, row)
        {
            weir_buf_addf(out, "%s", s->member);
            for (uint32_t i = 0; i < columns.count; i++) {
                struct weir_buf value;
                bool is_own = false;
                for (uint32_t j = 0; j < own.count; j++)
                    is_own |=
                        strcmp(own.rows[j].name, columns.rows[i].name) == 0;
                weir_buf_init_fixed(&value, memory, sizeof memory);
                if (is_own)
                    put_value(row, &columns.rows[i], false, &value);
                weir_buf_add_byte(out, ',');
                weir_csv_add(out, weir_buf_span(&value));
            }
            weir_buf_addf(out, "\r\n");
        }
    }
}

/* --------------------------------------------------------------------- pdf */

static void
leave_out_wide(struct columns *columns)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < columns->count; i++) {
        if (!columns->rows[i].is_wide)
            columns->rows[kept++] = columns->rows[i];
    }
    columns->count = kept;
}

/* A moment on paper is to the second. */
static weir_span
paper_value(const json_t *row, const struct column *column, char *memory)
{
    weir_span text = value_of(row, column, memory);
    if (text.len == 27 && text.ptr[10] == 'T' && text.ptr[26] == 'Z' &&
        text.ptr[19] == '.') {
        memory[10] = ' ';
        memory[19] = 'Z';
        text.len = 20;
    }
    return text;
}

/* Letters of the paper's width, about; what short columns need they get, and
 * the long ones share what is left. */
#define LINE_LETTERS  96
#define SHORT_LETTERS 15

static void
narrow(struct weir_pdf_column *heads, uint32_t count)
{
    uint32_t fixed = 0, loose = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (heads[i].share <= SHORT_LETTERS)
            fixed += heads[i].share;
        else
            loose += heads[i].share > 60 ? 60 : heads[i].share;
    }
    if (fixed + loose <= LINE_LETTERS || loose == 0)
        return;
    uint32_t left = fixed + 30 < LINE_LETTERS ? LINE_LETTERS - fixed : 30;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t share = heads[i].share > 60 ? 60 : heads[i].share;
        if (heads[i].share > SHORT_LETTERS)
            heads[i].share = share * left / loose + 1;
    }
}

static void
paper_table(struct weir_pdf *pdf, const struct weir_report_section *section,
            const json_t *rows)
{
    struct columns columns = {.count = 0};
    struct weir_pdf_column heads[WEIR_PDF_COLUMNS_MAX];
    weir_span cells[WEIR_PDF_COLUMNS_MAX];
    char *memory = malloc((size_t)WEIR_PDF_COLUMNS_MAX * VALUE_MAX);
    const json_t *row;
    size_t index;
    weir_pdf_heading(pdf, weir_span_of(section->title));
    add_columns(&columns, section->columns);
    leave_out_wide(&columns);
    if (columns.count > WEIR_PDF_COLUMNS_MAX)
        columns.count = WEIR_PDF_COLUMNS_MAX;
    if (memory == NULL || json_array_size(rows) == 0) {
        weir_pdf_text(pdf, WEIR_SPAN("none"));
        free(memory);
        return;
    }
    for (uint32_t i = 0; i < columns.count; i++) {
        size_t widest = strlen(columns.rows[i].name) * 5 / 4 + 1;
        json_array_foreach(rows, index, row)
        {
            size_t width = letters(paper_value(row, &columns.rows[i], memory));
            widest = width > widest ? width : widest;
        }
        heads[i] =
            (struct weir_pdf_column){columns.rows[i].name, (uint32_t)widest + 2,
                                     columns.rows[i].is_number};
    }
    narrow(heads, columns.count);
    weir_pdf_table(pdf, heads, columns.count);
    json_array_foreach(rows, index, row)
    {
        for (uint32_t i = 0; i < columns.count; i++)
            cells[i] = paper_value(row, &columns.rows[i],
                                   memory + (size_t)i * VALUE_MAX);
        weir_pdf_row(pdf, cells);
    }
    free(memory);
}

static void
paper_signers(struct weir_pdf *pdf, const char *signers)
{
    while (signers != NULL && *signers != '\0') {
        size_t len = strcspn(signers, ";");
        weir_pdf_sign(pdf, (weir_span){signers, len});
        signers += len + (signers[len] == ';');
    }
}

static weir_status
write_pdf(const struct weir_report *report, const json_t *made,
          struct weir_buf *out, struct weir_error *err)
{
    struct weir_pdf *pdf = NULL;
    char line[256], memory[VALUE_MAX];
    const json_t *summary = json_object_get(made, "summary");
    const char *about = json_string_value(json_object_get(made, "about"));
    const char *from = json_string_value(json_object_get(made, "from"));
    const char *to = json_string_value(json_object_get(made, "to"));
    const char *name;
    json_t *value;
    snprintf(line, sizeof line, "%.19sZ to %.19sZ (not included)",
             from == NULL ? "" : from, to == NULL ? "" : to);
    weir_status status = weir_pdf_new(weir_span_of(report->title),
                                      weir_span_of(line), &pdf, err);
    if (status != WEIR_OK)
        return status;
    if (about != NULL)
        weir_pdf_text(pdf, weir_span_of(about));
    json_object_foreach((json_t *)(uintptr_t)summary, name, value)
    {
        struct column column = {.is_number = true};
        (void)value;
        snprintf(column.name, sizeof column.name, "%s", name);
        weir_pdf_pair(pdf, weir_span_of(name),
                      value_of(summary, &column, memory));
    }
    for (const struct weir_report_section *s = report->sections;
         s->member != NULL; s++) {
        if (json_object_get(made, s->member) != NULL)
            paper_table(pdf, s, json_object_get(made, s->member));
    }
    paper_signers(pdf, report->signers);
    status = weir_pdf_write(pdf, out, err);
    weir_pdf_free(pdf);
    return status;
}

const char *
weir_report_type(weir_span form)
{
    if (weir_span_equal(form, WEIR_SPAN("text")))
        return "text/plain; charset=utf-8";
    if (weir_span_equal(form, WEIR_SPAN("csv")))
        return "text/csv; charset=utf-8";
    return weir_span_equal(form, WEIR_SPAN("pdf")) ? "application/pdf" : NULL;
}

weir_status
weir_report_write(const struct weir_report *row, const json_t *report,
                  weir_span form, struct weir_buf *out, struct weir_error *err)
{
    const char *type = weir_report_type(form);
    if (type == NULL)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'format' is text, json, csv or pdf");
    if (form.ptr[0] == 'p')
        return write_pdf(row, report, out, err);
    if (form.ptr[0] == 'c')
        write_csv(row, report, out);
    else
        write_text(row, report, out);
    return out->overflow ? weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                                     "the report is too long: ask for less")
                         : WEIR_OK;
}
