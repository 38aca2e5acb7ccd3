/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies that are forms (multipart/form-data, RFC 7578).
 *
 *    --BOUNDARY CRLF headers CRLF CRLF value CRLF --BOUNDARY ... --BOUNDARY--
 *
 * THE BOUNDARY IS THE BODY'S OWN first line, and the request to the origin
 * says that one: a header of the client's that named another would let an
 * origin see other fields than weir did. For the same reason what readers of
 * forms differ in is refused: folded headers, names in quotes within quotes,
 * `name*`, a field twice, anything before the first boundary.
 */
#include <weir/form.h>

#include <string.h>

#define BOUNDARY_MAX 70

static weir_status
broken(struct weir_error *err, const char *what)
{
    return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                     "the form cannot be read: %s", what);
}

static bool
is_boundary_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("'()+_,-./:=?", c) != NULL);
}

bool
weir_form_begin(struct weir_form *form, weir_span body)
{
    const char *end = body.len > 2 ? memchr(body.ptr, '\r', body.len) : NULL;
    size_t len = end != NULL ? (size_t)(end - body.ptr) : 0;
    if (len < 3 || len > BOUNDARY_MAX + 2 || body.ptr[0] != '-' ||
        body.ptr[1] != '-')
        return false;
    for (size_t i = 2; i < len; i++)
        if (!is_boundary_byte(body.ptr[i]))
            return false;
    form->boundary = (weir_span){body.ptr, len};
    form->rest = (weir_span){body.ptr + len, body.len - len};
    return true;
}

static void
skip(weir_span *rest, size_t len)
{
    rest->ptr += len;
    rest->len -= len;
}

/* `name*`, but not the `filename*` of a file. */
static bool
has_coded_name(weir_span line)
{
    const char *end = line.ptr + line.len;
    const char *at = line.ptr;
    while ((at = memmem(at, (size_t)(end - at), "name*", 5)) != NULL) {
        if (at - line.ptr < 4 ||
            !weir_span_equal_nocase((weir_span){at - 4, 4}, WEIR_SPAN("file")))
            return true;
        at += 5;
    }
    return false;
}

/* name="model" or name=model out of a Content-Disposition; false: another
 * reader might see another name. */
static bool
read_name(weir_span line, struct weir_form_field *field)
{
    const weir_span name = WEIR_SPAN("name=");
    field->is_file = memmem(line.ptr, line.len, "filename", 8) != NULL;
    if (memchr(line.ptr, '\\', line.len) != NULL || has_coded_name(line))
        return false;
    for (size_t i = 1; i + name.len < line.len; i++) {
        weir_span at = {line.ptr + i, name.len};
        char before = line.ptr[i - 1];
        if (!weir_span_equal_nocase(at, name) ||
            (before != ' ' && before != ';' && before != '\t'))
            continue;
        if (field->name.ptr != NULL)
            return false;
        const char *start = at.ptr + name.len;
        size_t left = line.len - i - name.len;
        bool is_quoted = *start == '"';
        const char *end = is_quoted ? memchr(start + 1, '"', left - 1) : NULL;
        if (is_quoted && end == NULL)
            return false;
        if (!is_quoted) {
            end = start;
            while (end < start + left && *end != ';' && *end != ' ')
                end++;
        }
        start += is_quoted ? 1 : 0;
        field->name = (weir_span){start, (size_t)(end - start)};
        i = (size_t)(end - line.ptr);
    }
    return field->name.len > 0;
}

/* Headers of a part up to their blank line. */
static weir_status
read_headers(struct weir_form *form, struct weir_form_field *field,
             struct weir_error *err)
{
    const weir_span wanted = WEIR_SPAN("content-disposition:");
    for (;;) {
        weir_span *rest = &form->rest;
        const char *end = memmem(rest->ptr, rest->len, "\r\n", 2);
        if (end == NULL)
            return broken(err, "a part has no end of its headers");
        weir_span line = {rest->ptr, (size_t)(end - rest->ptr)};
        skip(rest, line.len + 2);
        if (line.len == 0)
            return field->name.ptr != NULL ? WEIR_OK
                                           : broken(err, "a part has no name");
        if (line.ptr[0] == ' ' || line.ptr[0] == '\t' ||
            memchr(line.ptr, '\n', line.len) != NULL ||
            memchr(line.ptr, '\0', line.len) != NULL)
            return broken(err, "a header is folded");
        if (line.len < wanted.len ||
            !weir_span_equal_nocase((weir_span){line.ptr, wanted.len}, wanted))
            continue;
        if (field->name.ptr != NULL || !read_name(line, field))
            return broken(err, "a part's name is not plain");
    }
}

weir_status
weir_form_next(struct weir_form *form, struct weir_form_field *field_out,
               bool *is_there_out, struct weir_error *err)
{
    weir_span *rest = &form->rest;
    *field_out = (struct weir_form_field){0};
    *is_there_out = false;
    if (weir_span_starts(*rest, WEIR_SPAN("--")))
        return rest->len == 2 || weir_span_equal(*rest, WEIR_SPAN("--\r\n"))
                   ? WEIR_OK
                   : broken(err, "something stands behind its end");
    if (!weir_span_starts(*rest, WEIR_SPAN("\r\n")))
        return broken(err, "a boundary is not a line of its own");
    skip(rest, 2);
    weir_status status = read_headers(form, field_out, err);
    if (status != WEIR_OK)
        return status;
    const char *at = rest->ptr;
    size_t left = rest->len;
    for (;;) {
        const char *end =
            memmem(at, left, form->boundary.ptr, form->boundary.len);
        if (end == NULL)
            return broken(err, "its last boundary is missing");
        if (end - rest->ptr >= 2 && end[-1] == '\n' && end[-2] == '\r') {
            field_out->value =
                (weir_span){rest->ptr, (size_t)(end - 2 - rest->ptr)};
            skip(rest, (size_t)(end - rest->ptr) + form->boundary.len);
            *is_there_out = true;
            return WEIR_OK;
        }
        left -= (size_t)(end - at) + form->boundary.len;
        at = end + form->boundary.len;
    }
}
