/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/form.h - multipart/form-data, field by field, and its texts.
 *
 * A field is a text where its bytes are UTF-8 without control characters
 * other than white space: what a client says a file is does not count.
 * Pictures and sound are none, and pass as they are.
 *
 * Threads: one owner. Memory: spans borrow from the body.
 */
#ifndef WEIR_FORM_H
#define WEIR_FORM_H

#include <weir/base.h>
#include <weir/detect.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_form {
    weir_span boundary; /* with the two dashes before it */
    weir_span rest;     /* behind the last boundary read */
};

struct weir_form_field {
    weir_span name;
    weir_span value;
    bool is_file;
};

/* False: it does not begin with a boundary. */
bool weir_form_begin(struct weir_form *form, weir_span body);
/* False in *is_there_out: the form is at its end. EPARSE. */
weir_status weir_form_next(struct weir_form *form,
                           struct weir_form_field *field_out,
                           bool *is_there_out, struct weir_error *err);

/* Whether the bytes are a text; nothing is none. */
bool weir_form_is_text(weir_span bytes);

/*
 * The texts of a form through a set: as weir_detect_body() does with strings
 * of JSON. Fields that name things (model, response_format) are read by
 * detectors only. False: it is no form, or out->text was too small.
 */
bool weir_form_detect(const struct weir_detect_set *set, weir_span body,
                      struct weir_detect_out *out);
/* The texts of a form, but for fields that name things. False: it is no form,
 * or `on_text` said so. */
bool weir_form_texts(weir_span body, weir_detect_on_text *on_text,
                     void *context);

#ifdef __cplusplus
}
#endif
#endif
