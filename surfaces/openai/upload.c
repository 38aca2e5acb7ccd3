/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form that brings a file.
 *
 *    purpose   batch: lines of calls; user_data, vision: named in prompts
 *    file      once
 *    model     of the last two: by which model it is decided, and so at which
 *              origin it lies. No API has this field: it is cut out
 *
 * WHAT IS NOT SERVED. Fine-tuning: no route leads to weights. `assistants`
 * and `evals`: what they are for is not served either, and a file that
 * nothing may name is only something that lies there.
 */
#include "openai.h"

#include <weir/bulk.h>
#include <weir/form.h>

#define MODEL_MAX 512

struct upload {
    struct weir_bulk_form *form;
    weir_span purpose;
    struct weir_error *err;
};

static weir_status
refuse(const struct upload *upload, const char *name, const char *reason)
{
    upload->form->param = weir_span_of(name);
    return weir_fail(upload->err, WEIR_ETYPE, WEIR_OFFSET_NONE, "%s %s", name,
                     reason);
}

/* `part`: from the field's boundary to the next. */
static weir_status
take(struct upload *upload, const struct weir_form_field *field, weir_span part)
{
    struct weir_bulk_form *form = upload->form;
    if (weir_span_equal_nocase(field->name, WEIR_SPAN("purpose"))) {
        if (upload->purpose.ptr != NULL || field->is_file)
            return refuse(upload, "purpose", "must be said once");
        upload->purpose = field->value;
    }
    if (weir_span_equal_nocase(field->name, WEIR_SPAN("model"))) {
        if (form->part.ptr != NULL || field->is_file || field->value.len == 0 ||
            field->value.len > MODEL_MAX)
            return refuse(upload, "model", "must be a name, said once");
        form->model = field->value;
        form->part = part;
    }
    if (!field->is_file)
        return WEIR_OK;
    if (!weir_span_equal(field->name, WEIR_SPAN("file")) ||
        form->file.ptr != NULL)
        return refuse(upload, "file", "must be one file");
    form->file = field->value;
    return WEIR_OK;
}

static weir_status
judge_purpose(const struct upload *upload)
{
    static const struct {
        const char *name;
        enum weir_bulk_purpose purpose;
    } rows[] = {{"batch", WEIR_BULK_FOR_BATCH},
                {"user_data", WEIR_BULK_FOR_DATA},
                {"vision", WEIR_BULK_FOR_VISION}};
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        if (!weir_span_equal(upload->purpose, weir_span_of(rows[i].name)))
            continue;
        upload->form->purpose = rows[i].purpose;
        return WEIR_OK;
    }
    if (weir_span_equal(upload->purpose, WEIR_SPAN("fine-tune")))
        return refuse(upload, "purpose",
                      "fine-tune is not served: no route leads to weights");
    return refuse(upload, "purpose",
                  "must be batch, user_data or vision: files for other "
                  "purposes are not served");
}

weir_status
weir_bulk_read_form(weir_span body, struct weir_bulk_form *form_out,
                    struct weir_error *err)
{
    struct upload upload = {form_out, WEIR_SPAN_NONE, err};
    struct weir_form form;
    struct weir_form_field field;
    bool is_there = true;
    *form_out = (struct weir_bulk_form){0};
    if (!weir_form_begin(&form, body))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the form does not begin with a boundary");
    form_out->boundary =
        (weir_span){form.boundary.ptr + 2, form.boundary.len - 2};
    for (;;) {
        const char *start = form.rest.ptr - form.boundary.len;
        weir_status status = weir_form_next(&form, &field, &is_there, err);
        if (status != WEIR_OK)
            return status;
        if (!is_there)
            break;
        const char *end = form.rest.ptr - form.boundary.len;
        status =
            take(&upload, &field, (weir_span){start, (size_t)(end - start)});
        if (status != WEIR_OK)
            return status;
    }
    weir_status status = judge_purpose(&upload);
    if (status == WEIR_OK && form_out->file.len == 0)
        return refuse(&upload, "file", "is missing");
    return status;
}
