/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forms of OpenAI's: a file of sound or pictures, and fields beside it, of
 * which weir reads `model`, `stream` and `n`. The file passes as it is.
 */
#include "openai.h"

#include <weir/form.h>
#include <weir/meter.h>

#define VALUE_MAX 512

static weir_status
broken(struct weir_error *err, const char *what)
{
    return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                     "the form cannot be read: %s", what);
}

static weir_status
wrong(struct weir_request *request, const char *name, const char *reason,
      struct weir_error *err)
{
    request->param = weir_span_of(name);
    return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE, "%s %s", name, reason);
}

/* Bits of fields that may stand once. */
enum { HAS_MODEL = 1, HAS_STREAM = 2, HAS_N = 4 };

static bool
is_named(const struct weir_form_field *field, const char *name)
{
    return weir_span_equal_nocase(field->name, weir_span_of(name));
}

static weir_status
take(struct weir_request *request, const struct weir_form_field *field,
     uint32_t *seen, struct weir_error *err)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } rows[] = {{"model", HAS_MODEL}, {"stream", HAS_STREAM}, {"n", HAS_N}};
    uint64_t n;
    if (field->is_file) {
        request->file_bytes += field->value.len;
        if (is_named(field, "model") || is_named(field, "stream"))
            return wrong(request, "model", "must be a field, not a file", err);
        return WEIR_OK;
    }
    if (is_named(field, "prompt"))
        request->prompt_bytes += field->value.len;
    if (is_named(field, "models") || is_named(field, "fallbacks"))
        return wrong(request, "models", "is not served: use a route of weir",
                     err);
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        if (!is_named(field, rows[i].name))
            continue;
        if ((*seen & rows[i].bit) != 0 || field->value.len > VALUE_MAX)
            return wrong(request, rows[i].name, "must be said once", err);
        *seen |= rows[i].bit;
        if (rows[i].bit == HAS_MODEL) {
            request->spots[WEIR_SPOT_MODEL] = field->value;
            request->model = field->value;
        } else if (rows[i].bit == HAS_STREAM) {
            request->is_streamed =
                weir_span_equal_nocase(field->value, WEIR_SPAN("true")) ||
                weir_span_equal(field->value, WEIR_SPAN("1"));
        } else if (weir_span_to_u64(field->value, &n) && n >= 1 &&
                   n <= UINT32_MAX) {
            request->n = (uint32_t)n;
            request->spots[WEIR_SPOT_N] = field->value;
        } else {
            return wrong(request, "n", "must be a whole number", err);
        }
    }
    return WEIR_OK;
}

weir_status
weir_openai_parse_form(const struct weir_surface_route *route, weir_span body,
                       struct weir_arena *arena,
                       struct weir_request *request_out, struct weir_error *err)
{
    struct weir_form form;
    struct weir_form_field field;
    bool is_there = true;
    uint32_t seen = 0;
    weir_status status = WEIR_OK;
    *request_out = (struct weir_request){.endpoint = route->endpoint,
                                         .dialect = route->dialect,
                                         .surface = route->surface,
                                         .end = route->end,
                                         .n = 1,
                                         .body = body};
    if (!weir_form_begin(&form, body))
        return broken(err, "it does not begin with a boundary");
    request_out->boundary =
        (weir_span){form.boundary.ptr + 2, form.boundary.len - 2};
    while (status == WEIR_OK && is_there) {
        status = weir_form_next(&form, &field, &is_there, err);
        if (status == WEIR_OK && is_there)
            status = take(request_out, &field, &seen, err);
    }
    if (status != WEIR_OK)
        return status;
    if (route->model.len > 0)
        request_out->model = route->model;
    if (request_out->model.len == 0)
        return wrong(request_out, "model", "is missing", err);
    request_out->model = weir_arena_copy(arena, request_out->model);
    if (arena->overflow)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the model's name is too long");
    if (route->endpoint == WEIR_ENDPOINT_TRANSCRIBE)
        request_out->units =
            request_out->file_bytes / WEIR_SURFACE_SOUND_BYTES + 1;
    request_out->input_tokens =
        request_out->units + weir_tokens_of_bytes(request_out->prompt_bytes);
    if (route->endpoint == WEIR_ENDPOINT_IMAGE)
        request_out->input_tokens +=
            weir_tokens_of_bytes(WEIR_SURFACE_MEDIA_BYTES);
    return WEIR_OK;
}
