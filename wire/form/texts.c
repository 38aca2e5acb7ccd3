/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of a form: each field is one, and a file that holds text. The
 * body is written anew only where something was replaced, between the same
 * boundaries; a replacement that held the boundary would end its field, so
 * that such a form is refused.
 */
#include <weir/form.h>

#include <string.h>

/* Fields whose values are names or numbers of the protocol's: an operator's
 * term must not change them. */
static bool
is_naming(const struct weir_form_field *field)
{
    static const char *const names[] = {"model",
                                        "stream",
                                        "n",
                                        "language",
                                        "response_format",
                                        "temperature",
                                        "size",
                                        "quality",
                                        "style",
                                        "background",
                                        "output_format",
                                        "include[]",
                                        "moderation",
                                        "user",
                                        "timestamp_granularities[]",
                                        "input_fidelity"};
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++)
        if (!field->is_file &&
            weir_span_equal_nocase(field->name, weir_span_of(names[i])))
            return true;
    return false;
}

bool
weir_form_is_text(weir_span value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c < ' ' && (c < '\t' || c > '\r') && c != 0x1b) || c == 0x7f)
            return false;
    }
    return value.len > 0 && weir_utf8_valid(value);
}

/* Where a field came from counts as little as its type: only bytes that no
 * reader of text could read are left alone in a field that is no file. */
static bool
detect_field(const struct weir_detect_set *set,
             const struct weir_form_field *field, struct weir_detect_out *out,
             struct weir_buf *text)
{
    struct weir_detect_stream stream;
    struct weir_detect_out one = *out;
    one.text = text;
    one.is_changed = false;
    weir_detect_stream_init(&stream, set, NULL);
    stream.detectors_only = is_naming(field);
    bool is_done = weir_detect_feed(&stream, field->value, true, &one);
    weir_detect_stream_fini(&stream);
    one.text = out->text;
    bool is_changed = one.is_changed;
    one.is_changed |= out->is_changed;
    *out = one;
    if (!is_changed)
        weir_buf_reset(text);
    return is_done;
}

bool
weir_form_detect(const struct weir_detect_set *set, weir_span body,
                 struct weir_detect_out *out)
{
    struct weir_form form;
    struct weir_form_field field;
    struct weir_buf text;
    struct weir_error err;
    size_t copied = 0;
    bool is_there = true, is_done = weir_form_begin(&form, body);
    weir_buf_init(&text, 2 * body.len + 4096);
    while (is_done && !out->is_blocked) {
        is_done = weir_form_next(&form, &field, &is_there, &err) == WEIR_OK;
        if (!is_done || !is_there)
            break;
        if (!weir_form_is_text(field.value)) {
            /* a field that is not even text has no meaning to look for */
            is_done = field.is_file || field.value.len == 0;
            continue;
        }
        weir_buf_reset(&text);
        is_done = detect_field(set, &field, out, &text);
        if (text.len == 0)
            continue;
        size_t at = (size_t)(field.value.ptr - body.ptr);
        weir_buf_add(out->text, body.ptr + copied, at - copied);
        weir_buf_add_span(out->text, weir_buf_span(&text));
        copied = at + field.value.len;
        is_done = is_done && memmem(text.ptr, text.len, form.boundary.ptr,
                                    form.boundary.len) == NULL;
    }
    if (text.ptr != NULL)
        explicit_bzero(text.ptr, text.len);
    weir_buf_fini(&text);
    if (is_done && out->is_changed && !out->is_blocked)
        weir_buf_add(out->text, body.ptr + copied, body.len - copied);
    return is_done && !out->text->overflow;
}

bool
weir_form_texts(weir_span body, weir_detect_on_text *on_text, void *context)
{
    struct weir_form form;
    struct weir_form_field field;
    struct weir_error err;
    bool is_there = true, is_done = weir_form_begin(&form, body);
    while (is_done) {
        is_done = weir_form_next(&form, &field, &is_there, &err) == WEIR_OK;
        if (!is_done || !is_there)
            break;
        if (!weir_form_is_text(field.value))
            is_done = field.is_file || field.value.len == 0;
        else if (!is_naming(&field))
            is_done = on_text(context, field.value);
    }
    return is_done;
}
