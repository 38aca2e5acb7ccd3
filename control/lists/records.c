/* SPDX-License-Identifier: Apache-2.0 */
#include "control/lists/records.h"

#include <string.h>

void
records_init(struct records *records, weir_span text, char separator)
{
    *records =
        (struct records){.text = text, .separator = separator, .next_line = 1};
    if (weir_span_starts(text, WEIR_SPAN("\xEF\xBB\xBF")))
        records->at = 3;
    /* a field can be no longer than the text */
    weir_buf_init(&records->unquoted, text.len + 1);
}

void
records_fini(struct records *records)
{
    weir_buf_fini(&records->unquoted);
}

static bool
is_end(const struct records *records, size_t at)
{
    return at >= records->text.len || records->text.ptr[at] == '\n' ||
           (records->text.ptr[at] == '\r' &&
            (at + 1 == records->text.len || records->text.ptr[at + 1] == '\n'));
}

static bool
ends_field(const struct records *records, size_t at)
{
    return is_end(records, at) || records->text.ptr[at] == records->separator;
}

static weir_span
trim(weir_span s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = (weir_span){s.ptr + 1, s.len - 1};
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Field as offset and length in `unquoted`, which may still move. */
struct place {
    size_t at;
    size_t len;
};

static struct place
read_quoted(struct records *records)
{
    weir_span text = records->text;
    size_t start = records->unquoted.len;
    size_t at = records->at + 1;
    for (;;) {
        const char *quote =
            at < text.len ? memchr(text.ptr + at, '"', text.len - at) : NULL;
        if (quote == NULL) {
            records->fault = "a quoted field has no end";
            return (struct place){start, 0};
        }
        size_t end = (size_t)(quote - text.ptr);
        weir_buf_add(&records->unquoted, text.ptr + at, end - at);
        at = end + 1;
        if (at >= text.len || text.ptr[at] != '"')
            break;
        weir_buf_add_byte(&records->unquoted, '"');
        at++;
    }
    while (at < text.len && text.ptr[at] == ' ')
        at++;
    if (!ends_field(records, at))
        records->fault = "something stands behind a closing quote";
    for (size_t i = records->at; i < at && i < text.len; i++)
        records->next_line += text.ptr[i] == '\n';
    records->at = at;
    return (struct place){start, records->unquoted.len - start};
}

static struct place
read_plain(struct records *records)
{
    size_t start = records->unquoted.len;
    size_t first = records->at;
    while (!ends_field(records, records->at)) {
        if (records->text.ptr[records->at] == '"')
            records->fault = "a quote inside a field that is not quoted";
        records->at++;
    }
    weir_buf_add(&records->unquoted, records->text.ptr + first,
                 records->at - first);
    return (struct place){start, records->unquoted.len - start};
}

static void
skip_line(struct records *records)
{
    const char *rest = records->text.ptr + records->at;
    size_t left = records->text.len - records->at;
    const char *end = left > 0 ? memchr(rest, '\n', left) : NULL;
    records->at =
        end == NULL ? records->text.len : (size_t)(end + 1 - records->text.ptr);
    records->next_line++;
}

static void
read_fields(struct records *records)
{
    struct place places[RECORD_FIELDS_MAX];
    for (;;) {
        if (records->count == RECORD_FIELDS_MAX) {
            records->fault = "too many fields";
            break;
        }
        size_t at = records->at;
        while (at < records->text.len && records->text.ptr[at] == ' ')
            at++;
        bool is_quoted = at < records->text.len && records->text.ptr[at] == '"';
        if (is_quoted)
            records->at = at;
        places[records->count++] =
            is_quoted ? read_quoted(records) : read_plain(records);
        if (records->fault != NULL || is_end(records, records->at))
            break;
        records->at++;
    }
    for (uint32_t i = 0; i < records->count; i++)
        records->fields[i] = trim((weir_span){
            places[i].len > 0 ? records->unquoted.ptr + places[i].at : "",
            places[i].len});
}

bool
records_next(struct records *records)
{
    while (records->at < records->text.len && is_end(records, records->at))
        skip_line(records);
    /* OFAC ends its files as CP/M did */
    if (records->at + 1 == records->text.len &&
        records->text.ptr[records->at] == 0x1A)
        records->at++;
    if (records->at >= records->text.len)
        return false;
    records->line = records->next_line;
    records->count = 0;
    records->fault = NULL;
    weir_buf_reset(&records->unquoted);
    read_fields(records);
    if (records->unquoted.overflow)
        records->fault = "no memory for a record";
    skip_line(records);
    return true;
}
