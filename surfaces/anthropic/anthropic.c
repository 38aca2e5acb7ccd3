/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Anthropic Messages API: which paths are served, how a body is read for
 * the gate, and what weir says by itself.
 *
 * Served are messages, batches of them (batches.c) and the count of a
 * prompt's tokens, which weir answers by its own estimate, the same that a
 * budget is held by: no origin is asked and nothing is paid.
 */
#include "anthropic.h"

#include "common.h"

static weir_status
route(weir_span method, weir_span path, weir_span query,
      struct weir_surface_route *route_out, struct weir_error *err)
{
    struct weir_surface_route found = {.surface = &weir_anthropic_surface,
                                       .dialect = WEIR_DIALECT_MESSAGES,
                                       .takes_body = true};
    const weir_span batches = WEIR_SPAN("/v1/messages/batches");
    (void)query; /* SDKs add beta=true: the header says the same */
    if (weir_span_starts(path, batches)) {
        weir_span rest = {path.ptr + batches.len, path.len - batches.len};
        weir_status status =
            weir_anthropic_route_batches(method, rest, &found, err);
        if (status == WEIR_OK)
            *route_out = found;
        return status;
    }
    if (weir_span_equal(path, WEIR_SPAN("/v1/messages")))
        found.endpoint = WEIR_ENDPOINT_CHAT;
    else if (weir_span_equal(path, WEIR_SPAN("/v1/messages/count_tokens")))
        found.endpoint = WEIR_ENDPOINT_COUNT;
    else
        return weir_fail(err, WEIR_ENOTOURS, WEIR_OFFSET_NONE,
                         "no such endpoint");
    if (!weir_span_equal(method, WEIR_SPAN("POST")))
        return weir_fail(err, WEIR_EMETHOD, WEIR_OFFSET_NONE,
                         "this endpoint takes POST");
    *route_out = found;
    return WEIR_OK;
}

/* --------------------------------------------------------------- parse */

enum {
    MODEL,
    STREAM,
    MAX_TOKENS,
    SYSTEM,
    MESSAGES,
    TOOLS,
    MODELS,
    FALLBACKS,
    MEDIA,
    RESULT_MEDIA,
    FILE_ID,
    RESULT_FILE_ID,
    METADATA,
    MEMBERS
};

#define EACH WEIR_JSON_EACH

static const weir_json_path members[MEMBERS] = {
    [MODEL] = WEIR_JSON_PATH1("model"),
    [STREAM] = WEIR_JSON_PATH1("stream"),
    [MAX_TOKENS] = WEIR_JSON_PATH1("max_tokens"),
    [SYSTEM] = WEIR_JSON_PATH1("system"),
    [MESSAGES] = WEIR_JSON_PATH1("messages"),
    [TOOLS] = WEIR_JSON_PATH1("tools"),
    [MODELS] = WEIR_JSON_PATH1("models"),
    [FALLBACKS] = WEIR_JSON_PATH1("fallbacks"),
    [MEDIA] =
        WEIR_JSON_PATH6("messages", EACH, "content", EACH, "source", "data"),
    [RESULT_MEDIA] = WEIR_JSON_PATH8("messages", EACH, "content", EACH,
                                     "content", EACH, "source", "data"),
    [FILE_ID] =
        WEIR_JSON_PATH6("messages", EACH, "content", EACH, "source", "file_id"),
    [RESULT_FILE_ID] = WEIR_JSON_PATH8("messages", EACH, "content", EACH,
                                       "content", EACH, "source", "file_id"),
    [METADATA] = WEIR_JSON_PATH1("metadata"),
};

weir_status
weir_anthropic_parse(const struct weir_surface_route *route, weir_span body,
                     struct weir_arena *arena, struct weir_request *request_out,
                     struct weir_error *err)
{
    static const uint8_t texts[] = {SYSTEM, MESSAGES, TOOLS};
    static const uint8_t media[] = {MEDIA, RESULT_MEDIA};
    weir_json_hit hits[MEMBERS];
    struct weir_scanned scanned = {members, hits, request_out, err};

    weir_status status = weir_scan_request(route, body, MEMBERS, &scanned);
    if (status == WEIR_OK)
        status = weir_scan_model(&scanned, MODEL, arena);
    if (status == WEIR_OK)
        status = weir_scan_bool(&scanned, STREAM, &request_out->is_streamed);
    if (status == WEIR_OK)
        status = weir_scan_count(&scanned, MAX_TOKENS,
                                 &request_out->output_tokens_max);
    if (status != WEIR_OK)
        return status;
    request_out->metadata = hits[METADATA].raw;
    if (hits[MESSAGES].kind != WEIR_JSON_ARRAY)
        return weir_scan_reject(&scanned, MESSAGES, "must be an array");
    /* Other models would be asked past the gate. */
    if (!weir_scan_is_absent(&scanned, MODELS))
        return weir_scan_reject(&scanned, MODELS,
                                "is not served: use a route of weir");
    if (!weir_scan_is_absent(&scanned, FALLBACKS))
        return weir_scan_reject(&scanned, FALLBACKS,
                                "is not served: use a route of weir");
    /* Nor whose file it is that lies at an origin. */
    if (hits[FILE_ID].count > 0)
        return weir_scan_reject(&scanned, FILE_ID,
                                "is not served: send the file's bytes");
    if (hits[RESULT_FILE_ID].count > 0)
        return weir_scan_reject(&scanned, RESULT_FILE_ID,
                                "is not served: send the file's bytes");
    request_out->has_tools = hits[TOOLS].kind == WEIR_JSON_ARRAY &&
                             !weir_json_is_empty(hits[TOOLS].raw);
    weir_scan_prompt(&scanned, texts, sizeof(texts), media, sizeof(media));
    return WEIR_OK;
}

/* -------------------------------------------------------------- refusal */

static weir_span
type_of(uint32_t http)
{
    static const struct {
        uint32_t http;
        const char *type;
    } types[] = {
        {401, "authentication_error"}, {402, "billing_error"},
        {403, "permission_error"},     {404, "not_found_error"},
        {413, "request_too_large"},    {429, "rate_limit_error"},
        {503, "overloaded_error"},     {529, "overloaded_error"},
        {504, "timeout_error"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(types); i++)
        if (types[i].http == http)
            return weir_span_of(types[i].type);
    return http >= 500 ? WEIR_SPAN("api_error")
                       : WEIR_SPAN("invalid_request_error");
}

static void
put_error(const struct weir_refusal *refusal, struct weir_buf *out)
{
    struct weir_json_writer writer;
    weir_json_writer_init(&writer, out);
    weir_json_begin_object(&writer);
    weir_json_name(&writer, "type");
    weir_json_add_string(&writer, WEIR_SPAN("error"));
    weir_json_name(&writer, "error");
    weir_json_begin_object(&writer);
    weir_json_name(&writer, "type");
    weir_json_add_string(&writer, type_of(weir_refusal_http(refusal)));
    weir_json_name(&writer, "message");
    weir_json_add_string(&writer, weir_refusal_message(refusal));
    weir_surface_put_details(&writer, refusal, WEIR_DETAILS_ALL);
    weir_json_end_object(&writer);
    if (refusal->request.len > 0) {
        weir_json_name(&writer, "request_id");
        weir_json_add_string(&writer, refusal->request);
    }
    weir_json_end_object(&writer);
}

static void
put_refusal(const struct weir_surface_route *route,
            const struct weir_refusal *refusal, struct weir_buf *out)
{
    (void)route;
    put_error(refusal, out);
    weir_buf_add_byte(out, '\n');
}

static void
put_cut(const struct weir_surface_route *route,
        const struct weir_refusal *refusal, struct weir_buf *out)
{
    (void)route;
    weir_buf_add_span(out, WEIR_SPAN("event: error\ndata: "));
    put_error(refusal, out);
    weir_buf_add_span(out, WEIR_SPAN("\n\n"));
}

static void
put_count(const struct weir_surface_route *route, uint64_t tokens,
          struct weir_buf *out)
{
    (void)route;
    weir_buf_addf(out, "{\"input_tokens\":%llu}\n", (unsigned long long)tokens);
}

static const struct weir_writing_ops *
writing(enum weir_dialect dialect)
{
    return dialect == WEIR_DIALECT_MESSAGES ? &weir_anthropic_writing : NULL;
}

const struct weir_surface weir_anthropic_surface = {
    .route = route,
    .parse = weir_anthropic_parse,
    .put_refusal = put_refusal,
    .put_cut = put_cut,
    .put_models = weir_anthropic_put_models,
    .put_model = weir_anthropic_put_model,
    .put_count = put_count,
    .read_call = weir_anthropic_read_call,
    .writing = writing,
};
