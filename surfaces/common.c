/* SPDX-License-Identifier: Apache-2.0 */
#include "common.h"

#include <weir/meter.h>

/* ------------------------------------------------------------- refusal */

weir_span
weir_refusal_message(const struct weir_refusal *refusal)
{
    return refusal->message.len > 0
               ? refusal->message
               : weir_span_of(weir_status_info(refusal->status)->meaning);
}

static void
put_span(struct weir_json_writer *writer, const char *name, weir_span text)
{
    if (text.len == 0)
        return;
    weir_json_name(writer, name);
    weir_json_add_string(writer, text);
}

void
weir_surface_put_details(struct weir_json_writer *writer,
                         const struct weir_refusal *refusal,
                         enum weir_details details)
{
    weir_json_name(writer, "weir");
    weir_json_begin_object(writer);
    put_span(writer, "request", refusal->request);
    if (details == WEIR_DETAILS_ALL) {
        put_span(writer, "code", refusal->code);
        put_span(writer, "param", refusal->param);
    }
    put_span(writer, "decision", refusal->decision);
    put_span(writer, "policy", refusal->policy);
    put_span(writer, "title", refusal->title);
    put_span(writer, "authority", refusal->authority);
    put_span(writer, "appeal", refusal->appeal);
    put_span(writer, "case", refusal->watch_case);
    if (refusal->ends_at != 0) {
        char text[WEIR_TIME_TEXT];
        weir_time_format(refusal->ends_at, text);
        put_span(writer, "ends_at", weir_span_of(text));
    }
    put_span(writer, "window", refusal->window);
    put_span(writer, "hop", refusal->hop);
    if (refusal->reopens_at != 0) {
        char text[WEIR_TIME_TEXT];
        weir_time_format(refusal->reopens_at, text);
        put_span(writer, "reopens_at", weir_span_of(text));
    }
    if (refusal->retry_after_s != 0) {
        weir_json_name(writer, "retry_after_s");
        weir_json_add_uint(writer, refusal->retry_after_s);
    }
    weir_json_end_object(writer);
}

void
weir_surface_put_reason(struct weir_json_writer *writer,
                        const struct weir_surface_model *model)
{
    if (model->is_allowed)
        return;
    weir_json_name(writer, "weir");
    weir_json_begin_object(writer);
    weir_json_name(writer, "allowed");
    weir_json_add_bool(writer, false);
    if (model->reason.len > 0) {
        weir_json_name(writer, "reason");
        weir_json_add_string(writer, model->reason);
    }
    if (model->message.len > 0) {
        weir_json_name(writer, "message");
        weir_json_add_string(writer, model->message);
    }
    weir_json_end_object(writer);
}

void
weir_surface_put_prefixed(struct weir_json_writer *writer, const char *prefix,
                          weir_span name)
{
    char text[512];
    struct weir_buf whole;
    weir_buf_init_fixed(&whole, text, sizeof(text));
    weir_buf_add_span(&whole, weir_span_of(prefix));
    weir_buf_add_span(&whole, name);
    if (whole.overflow)
        writer->buf->overflow = true; /* names are far shorter */
    weir_json_add_string(writer, weir_buf_span(&whole));
}

/* -------------------------------------------------------------- reading */

weir_status
weir_scan_request(const struct weir_surface_route *route, weir_span body,
                  size_t count, struct weir_scanned *scanned)
{
    struct weir_json_root root;
    struct weir_request *request = scanned->request;

    *request = (struct weir_request){.endpoint = route->endpoint,
                                     .dialect = route->dialect,
                                     .surface = route->surface,
                                     .is_batch = route->is_batch,
                                     .n = 1,
                                     .body = body};
    weir_status status =
        weir_json_scan(body, scanned->members, count, WEIR_JSON_FOLD_NAMES,
                       &root, scanned->hits, scanned->err);
    if (status != WEIR_OK)
        return status;
    if (root.kind != WEIR_JSON_OBJECT)
        return weir_fail(scanned->err, WEIR_ETYPE, 0,
                         "the body must be an object");
    request->insert_at = root.insert_at;
    request->names = root.names;
    request->knows_names = true;
    return WEIR_OK;
}

weir_status
weir_scan_reject(const struct weir_scanned *scanned, unsigned member,
                 const char *reason)
{
    const weir_json_path *path = &scanned->members[member];
    const weir_json_hit *hit = &scanned->hits[member];
    scanned->request->param = path->segment[path->count - 1];
    return weir_fail(scanned->err, WEIR_ETYPE,
                     hit->raw.ptr != NULL
                         ? (size_t)(hit->raw.ptr - scanned->request->body.ptr)
                         : WEIR_OFFSET_NONE,
                     "%.*s %s", WEIR_SPAN_ARG(scanned->request->param), reason);
}

bool
weir_scan_is_absent(const struct weir_scanned *scanned, unsigned member)
{
    enum weir_json_kind kind = scanned->hits[member].kind;
    return kind == WEIR_JSON_NONE || kind == WEIR_JSON_NULL;
}

weir_status
weir_scan_bool(const struct weir_scanned *scanned, unsigned member,
               bool *value_out)
{
    enum weir_json_kind kind = scanned->hits[member].kind;
    *value_out = kind == WEIR_JSON_TRUE;
    if (weir_scan_is_absent(scanned, member) || kind == WEIR_JSON_TRUE ||
        kind == WEIR_JSON_FALSE)
        return WEIR_OK;
    return weir_scan_reject(scanned, member, "must be true or false");
}

weir_status
weir_scan_count(const struct weir_scanned *scanned, unsigned member,
                uint64_t *value_out)
{
    uint64_t value;
    if (weir_scan_is_absent(scanned, member))
        return WEIR_OK;
    if (scanned->hits[member].kind != WEIR_JSON_NUMBER ||
        !weir_json_to_uint64(scanned->hits[member].raw, &value) ||
        value > INT64_MAX)
        return weir_scan_reject(scanned, member, "must be a whole number");
    *value_out = value;
    return WEIR_OK;
}

weir_status
weir_scan_model(const struct weir_scanned *scanned, unsigned member,
                struct weir_arena *arena)
{
    const weir_json_hit *hit = &scanned->hits[member];
    if (hit->kind == WEIR_JSON_NONE)
        return weir_scan_reject(scanned, member, "is missing");
    if (hit->kind != WEIR_JSON_STRING || hit->raw.len == 2)
        return weir_scan_reject(scanned, member, "must be a name");
    weir_status status = weir_json_unescape(
        hit->raw, arena, &scanned->request->model, scanned->err);
    if (status == WEIR_ETOOBIG)
        return weir_fail(scanned->err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the model's name is too long");
    if (status != WEIR_OK)
        scanned->request->param = WEIR_SPAN("model");
    scanned->request->spots[WEIR_SPOT_MODEL] = hit->raw;
    return status;
}

void
weir_scan_prompt(const struct weir_scanned *scanned, const uint8_t *texts,
                 size_t text_count, const uint8_t *media, size_t media_count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < text_count; i++)
        bytes += scanned->hits[texts[i]].raw.len;
    for (size_t i = 0; i < media_count; i++) {
        bytes -= scanned->hits[media[i]].bytes_total;
        bytes +=
            scanned->hits[media[i]].count * (uint64_t)WEIR_SURFACE_MEDIA_BYTES;
        if (scanned->hits[media[i]].count > 0)
            scanned->request->has_media = true;
    }
    scanned->request->prompt_bytes = bytes;
    scanned->request->input_tokens = weir_tokens_of_bytes(bytes);
}
