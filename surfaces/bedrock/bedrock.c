/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bedrock's runtime API as boto3 speaks it: Converse, ConverseStream,
 * InvokeModel with bodies of the Anthropic Messages form, and the count of a
 * prompt's tokens. The model stands in the path and may be a name, a profile
 * or an ARN with slashes.
 *
 *    /model/MODEL/converse
 *    /model/MODEL/converse-stream     binary frames
 *    /model/MODEL/invoke              see invoke.c
 *    /model/MODEL/invoke-with-response-stream
 *    /model/MODEL/count-tokens        answered by weir's own estimate
 *
 * WHAT IS NOT SERVED. InvokeModel with bodies in another maker's form.
 * Guardrails, asynchronous calls and
 * prompts stored with AWS would act past the gate where the origin is
 * another one, and are refused by their names.
 */
#include "bedrock.h"

#include "anthropic/anthropic.h"
#include "common.h"

#include <weir/eventstream.h>

#include <string.h>

/* --------------------------------------------------------------- route */

static const struct {
    const char *end;
    enum weir_endpoint endpoint;
    enum weir_dialect dialect;
    bool is_streamed;
} verbs[] = {
    {"/converse", WEIR_ENDPOINT_CHAT, WEIR_DIALECT_CONVERSE, false},
    {"/converse-stream", WEIR_ENDPOINT_CHAT, WEIR_DIALECT_CONVERSE, true},
    {"/invoke", WEIR_ENDPOINT_CHAT, WEIR_DIALECT_INVOKE, false},
    {"/invoke-with-response-stream", WEIR_ENDPOINT_CHAT, WEIR_DIALECT_INVOKE,
     true},
    {"/count-tokens", WEIR_ENDPOINT_COUNT, WEIR_DIALECT_CONVERSE, false},
};

static weir_status
route(weir_span method, weir_span path, weir_span query,
      struct weir_surface_route *route_out, struct weir_error *err)
{
    const weir_span start = WEIR_SPAN("/model/");
    (void)query;
    for (size_t i = 0; i < WEIR_COUNTOF(verbs); i++) {
        weir_span end = weir_span_of(verbs[i].end);
        if (!weir_span_starts(path, start) || !weir_span_ends(path, end) ||
            path.len <= start.len + end.len)
            continue;
        if (!weir_span_equal(method, WEIR_SPAN("POST")))
            return weir_fail(err, WEIR_EMETHOD, WEIR_OFFSET_NONE,
                             "this endpoint takes POST");
        *route_out = (struct weir_surface_route){
            .surface = &weir_bedrock_surface,
            .endpoint = verbs[i].endpoint,
            .dialect = verbs[i].dialect,
            .takes_body = true,
            .is_streamed = verbs[i].is_streamed,
            .model = {path.ptr + start.len, path.len - start.len - end.len}};
        return WEIR_OK;
    }
    return weir_fail(err, WEIR_ENOTOURS, WEIR_OFFSET_NONE, "no such endpoint");
}

/* --------------------------------------------------------------- parse */

enum {
    MESSAGES,
    SYSTEM,
    TOOLS,
    TOOL_LIST,
    MAX_TOKENS,
    COUNTED_MESSAGES,
    COUNTED_SYSTEM,
    COUNTED_TOOLS,
    IMAGE,
    DOCUMENT,
    METADATA,
    MEMBERS
};

#define EACH WEIR_JSON_EACH

static const weir_json_path members[MEMBERS] = {
    [MESSAGES] = WEIR_JSON_PATH1("messages"),
    [SYSTEM] = WEIR_JSON_PATH1("system"),
    [TOOLS] = WEIR_JSON_PATH1("toolConfig"),
    [TOOL_LIST] = WEIR_JSON_PATH2("toolConfig", "tools"),
    [MAX_TOKENS] = WEIR_JSON_PATH2("inferenceConfig", "maxTokens"),
    [COUNTED_MESSAGES] = WEIR_JSON_PATH3("input", "converse", "messages"),
    [COUNTED_SYSTEM] = WEIR_JSON_PATH3("input", "converse", "system"),
    [COUNTED_TOOLS] = WEIR_JSON_PATH3("input", "converse", "toolConfig"),
    [IMAGE] = WEIR_JSON_PATH7("messages", EACH, "content", EACH, "image",
                              "source", "bytes"),
    [DOCUMENT] = WEIR_JSON_PATH7("messages", EACH, "content", EACH, "document",
                                 "source", "bytes"),
    [METADATA] = WEIR_JSON_PATH1("metadata"),
};

static weir_status
parse(const struct weir_surface_route *way, weir_span body,
      struct weir_arena *arena, struct weir_request *request_out,
      struct weir_error *err)
{
    static const uint8_t texts[] = {MESSAGES,       SYSTEM,
                                    TOOLS,          COUNTED_MESSAGES,
                                    COUNTED_SYSTEM, COUNTED_TOOLS};
    static const uint8_t media[] = {IMAGE, DOCUMENT};
    weir_json_hit hits[MEMBERS];
    struct weir_scanned scanned = {members, hits, request_out, err};
    bool is_count = way->endpoint == WEIR_ENDPOINT_COUNT;
    unsigned wanted = is_count ? COUNTED_MESSAGES : MESSAGES;

    if (way->dialect == WEIR_DIALECT_INVOKE)
        return weir_bedrock_parse_invoke(way, body, arena, request_out, err);
    weir_status status = weir_scan_request(way, body, MEMBERS, &scanned);
    if (status == WEIR_OK)
        status = weir_scan_count(&scanned, MAX_TOKENS,
                                 &request_out->output_tokens_max);
    if (status != WEIR_OK)
        return status;
    request_out->metadata = hits[METADATA].raw;
    if (hits[wanted].kind != WEIR_JSON_ARRAY)
        return weir_scan_reject(&scanned, wanted, "must be an array");
    request_out->model = weir_arena_copy(arena, way->model);
    if (arena->overflow)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the model's name is too long");
    request_out->is_streamed = way->is_streamed;
    request_out->wants_usage = true;
    request_out->has_tools = hits[TOOL_LIST].kind == WEIR_JSON_ARRAY &&
                             !weir_json_is_empty(hits[TOOL_LIST].raw);
    weir_scan_prompt(&scanned, texts, sizeof(texts), media, sizeof(media));
    return WEIR_OK;
}

/* -------------------------------------------------------------- refusal */

/* The names that SDKs have exceptions for. */
static const char *
type_of(uint32_t http)
{
    static const struct {
        uint32_t http;
        const char *type;
    } types[] = {
        {401, "UnrecognizedClientException"},
        {402, "ServiceQuotaExceededException"},
        {403, "AccessDeniedException"},
        {404, "ResourceNotFoundException"},
        {409, "ConflictException"},
        {429, "ThrottlingException"},
        {500, "InternalServerException"},
        {502, "ModelErrorException"},
        {503, "ServiceUnavailableException"},
        {504, "ModelTimeoutException"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(types); i++)
        if (types[i].http == http)
            return types[i].type;
    return http >= 500 ? "InternalServerException" : "ValidationException";
}

static void
put_error(const struct weir_refusal *refusal, const char *type,
          struct weir_buf *out)
{
    struct weir_json_writer writer;
    weir_json_writer_init(&writer, out);
    weir_json_begin_object(&writer);
    weir_json_name(&writer, "message");
    weir_json_add_string(&writer, weir_refusal_message(refusal));
    if (type != NULL) {
        /* SDKs look for one of these where no header names the error. */
        weir_json_name(&writer, "code");
        weir_json_add_string(&writer, weir_span_of(type));
        weir_json_name(&writer, "__type");
        weir_json_add_string(&writer, weir_span_of(type));
    }
    weir_surface_put_details(&writer, refusal, WEIR_DETAILS_ALL);
    weir_json_end_object(&writer);
}

static void
put_refusal(const struct weir_surface_route *way,
            const struct weir_refusal *refusal, struct weir_buf *out)
{
    (void)way;
    put_error(refusal, type_of(weir_refusal_http(refusal)), out);
    weir_buf_add_byte(out, '\n');
}

static void
put_cut(const struct weir_surface_route *way,
        const struct weir_refusal *refusal, struct weir_buf *out)
{
    char memory[4096];
    struct weir_buf payload;
    (void)way;
    weir_buf_init_fixed(&payload, memory, sizeof memory);
    put_error(refusal, NULL, &payload);
    weir_bedrock_put_frame(out, "modelStreamErrorException", true,
                           payload.overflow ? WEIR_SPAN("{\"message\":\"cut\"}")
                                            : weir_buf_span(&payload));
}

static void
put_count(const struct weir_surface_route *way, uint64_t tokens,
          struct weir_buf *out)
{
    (void)way;
    weir_buf_addf(out, "{\"inputTokens\":%llu}\n", (unsigned long long)tokens);
}

static const struct weir_writing_ops *
writing(enum weir_dialect dialect)
{
    if (dialect == WEIR_DIALECT_INVOKE)
        return &weir_bedrock_invoke_writing;
    return dialect == WEIR_DIALECT_CONVERSE ? &weir_bedrock_writing : NULL;
}

static weir_status
read_call(const struct weir_request *request, struct weir_neutral *call,
          struct weir_error *err)
{
    return request->dialect == WEIR_DIALECT_INVOKE
               ? weir_anthropic_read_call(request, call, err)
               : weir_bedrock_read_call(request, call, err);
}

const struct weir_surface weir_bedrock_surface = {
    .route = route,
    .parse = parse,
    .put_refusal = put_refusal,
    .put_cut = put_cut,
    .put_count = put_count,
    .read_call = read_call,
    .writing = writing,
};
