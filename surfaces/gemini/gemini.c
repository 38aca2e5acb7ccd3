/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Gemini API, as google-genai speaks it to Google's own service and to
 * Vertex: the model and the verb stand in the path.
 *
 *    /v1beta/models/MODEL:generateContent
 *    /v1beta1/projects/P/locations/L/publishers/google/models/MODEL:...
 *
 * Project and location of a Vertex path say nothing here: where a call runs
 * is policy's affair. Streams are served as server-sent events (alt=sse, as
 * the SDKs ask); the array that the API gives otherwise is refused.
 */
#include "gemini.h"

#include "common.h"

#include <string.h>

static const struct {
    const char *verb;
    enum weir_endpoint endpoint;
    enum weir_dialect dialect;
    bool is_streamed;
    bool is_batch;
} verbs[] = {
    {"generateContent", WEIR_ENDPOINT_CHAT, WEIR_DIALECT_GEMINI, false, false},
    {"streamGenerateContent", WEIR_ENDPOINT_CHAT, WEIR_DIALECT_GEMINI, true,
     false},
    {"countTokens", WEIR_ENDPOINT_COUNT, WEIR_DIALECT_GEMINI, false, false},
    {"embedContent", WEIR_ENDPOINT_EMBED, WEIR_DIALECT_GEMINI_EMBED, false,
     false},
    {"batchEmbedContents", WEIR_ENDPOINT_EMBED, WEIR_DIALECT_GEMINI_EMBED,
     false, true},
};

static bool
has_word(weir_span query, weir_span word)
{
    while (query.len > 0) {
        const char *mark = memchr(query.ptr, '&', query.len);
        size_t len = mark != NULL ? (size_t)(mark - query.ptr) : query.len;
        if (weir_span_equal((weir_span){query.ptr, len}, word))
            return true;
        len += mark != NULL ? 1 : 0;
        query.ptr += len;
        query.len -= len;
    }
    return false;
}

/* "MODEL:verb" behind "/models/", under one of the versions; empty: not so. */
static weir_span
named_part(weir_span path)
{
    static const char *const starts[] = {"/v1beta/", "/v1beta1/", "/v1alpha/",
                                         "/v1/"};
    const weir_span models = WEIR_SPAN("models/");
    const weir_span publisher = WEIR_SPAN("/publishers/google/models/");
    for (size_t i = 0; i < WEIR_COUNTOF(starts); i++) {
        weir_span start = weir_span_of(starts[i]);
        if (!weir_span_starts(path, start))
            continue;
        weir_span rest = {path.ptr + start.len, path.len - start.len};
        if (weir_span_starts(rest, models))
            return (weir_span){rest.ptr + models.len, rest.len - models.len};
        if (!weir_span_starts(rest, WEIR_SPAN("projects/")) &&
            !weir_span_starts(rest, WEIR_SPAN("publishers/")))
            continue;
        const char *at =
            memmem(path.ptr, path.len, publisher.ptr, publisher.len);
        if (at != NULL)
            return (weir_span){at + publisher.len,
                               (size_t)(path.ptr + path.len - at) -
                                   publisher.len};
    }
    return WEIR_SPAN_NONE;
}

/* GET /v1beta/models, and one of them: a name without a verb. OpenAI's list
 * has the paths under /v1. */
static bool
route_models(weir_span method, weir_span path, weir_span name,
             struct weir_surface_route *route_out)
{
    bool is_list = weir_span_equal(path, WEIR_SPAN("/v1beta/models")) ||
                   weir_span_equal(path, WEIR_SPAN("/v1alpha/models"));
    if (!weir_span_equal(method, WEIR_SPAN("GET")) ||
        (!is_list && (name.len == 0 || memchr(name.ptr, ':', name.len))))
        return false;
    *route_out = (struct weir_surface_route){
        .surface = &weir_gemini_surface,
        .endpoint = is_list ? WEIR_ENDPOINT_MODELS : WEIR_ENDPOINT_MODEL,
        .dialect = WEIR_DIALECT_GEMINI,
        .model = name};
    return true;
}

static weir_status
route(weir_span method, weir_span path, weir_span query,
      struct weir_surface_route *route_out, struct weir_error *err)
{
    weir_span name = named_part(path);
    if (route_models(method, path, name, route_out)) {
        route_out->wants_all = has_word(query, WEIR_SPAN("all=1"));
        return WEIR_OK;
    }
    const char *colon = name.len > 0 ? memrchr(name.ptr, ':', name.len) : NULL;
    if (colon == NULL || colon == name.ptr)
        return weir_fail(err, WEIR_ENOTOURS, WEIR_OFFSET_NONE,
                         "no such endpoint");
    weir_span verb = {colon + 1, (size_t)(name.ptr + name.len - colon - 1)};
    for (size_t i = 0; i < WEIR_COUNTOF(verbs); i++) {
        if (!weir_span_equal(verb, weir_span_of(verbs[i].verb)))
            continue;
        if (!weir_span_equal(method, WEIR_SPAN("POST")))
            return weir_fail(err, WEIR_EMETHOD, WEIR_OFFSET_NONE,
                             "this endpoint takes POST");
        if (verbs[i].is_streamed && !has_word(query, WEIR_SPAN("alt=sse")))
            return weir_fail(err, WEIR_ENOTOURS, WEIR_OFFSET_NONE,
                             "streams are served with alt=sse only");
        *route_out = (struct weir_surface_route){
            .surface = &weir_gemini_surface,
            .endpoint = verbs[i].endpoint,
            .dialect = verbs[i].dialect,
            .is_streamed = verbs[i].is_streamed,
            .is_batch = verbs[i].is_batch,
            .takes_body = true,
            .model = {name.ptr, (size_t)(colon - name.ptr)}};
        return WEIR_OK;
    }
    return weir_fail(err, WEIR_ENOTOURS, WEIR_OFFSET_NONE, "no such endpoint");
}

/* --------------------------------------------------------------- parse */

enum {
    CONTENTS,
    CONTENT,
    SYSTEM,
    TOOLS,
    REQUESTS,
    COUNTED,
    MAX_TOKENS,
    CANDIDATES,
    LOGPROBS,
    TOP_LOGPROBS,
    DATA,
    SYSTEM_SNAKE,
    CONFIG_SNAKE,
    MAX_SNAKE,
    CANDIDATES_SNAKE,
    LOGPROBS_SNAKE,
    METADATA,
    MEMBERS
};

#define EACH WEIR_JSON_EACH

static const weir_json_path members[MEMBERS] = {
    [CONTENTS] = WEIR_JSON_PATH1("contents"),
    [CONTENT] = WEIR_JSON_PATH1("content"),
    [SYSTEM] = WEIR_JSON_PATH1("systemInstruction"),
    [TOOLS] = WEIR_JSON_PATH1("tools"),
    [REQUESTS] = WEIR_JSON_PATH1("requests"),
    [COUNTED] = WEIR_JSON_PATH1("generateContentRequest"),
    [MAX_TOKENS] = WEIR_JSON_PATH2("generationConfig", "maxOutputTokens"),
    [CANDIDATES] = WEIR_JSON_PATH2("generationConfig", "candidateCount"),
    [LOGPROBS] = WEIR_JSON_PATH2("generationConfig", "responseLogprobs"),
    [TOP_LOGPROBS] = WEIR_JSON_PATH2("generationConfig", "logprobs"),
    [DATA] =
        WEIR_JSON_PATH6("contents", EACH, "parts", EACH, "inlineData", "data"),
    [SYSTEM_SNAKE] = WEIR_JSON_PATH1("system_instruction"),
    [CONFIG_SNAKE] = WEIR_JSON_PATH1("generation_config"),
    [MAX_SNAKE] = WEIR_JSON_PATH2("generationConfig", "max_output_tokens"),
    [CANDIDATES_SNAKE] = WEIR_JSON_PATH2("generationConfig", "candidate_count"),
    [LOGPROBS_SNAKE] = WEIR_JSON_PATH2("generationConfig", "response_logprobs"),
    [METADATA] = WEIR_JSON_PATH1("metadata"),
};

static weir_status
parse(const struct weir_surface_route *way, weir_span body,
      struct weir_arena *arena, struct weir_request *request_out,
      struct weir_error *err)
{
    static const uint8_t texts[] = {CONTENTS, CONTENT,  SYSTEM, SYSTEM_SNAKE,
                                    TOOLS,    REQUESTS, COUNTED};
    /* The API knows each name in two spellings; of what policy may have to
     * change, weir takes one. */
    static const uint8_t snakes[] = {CONFIG_SNAKE, MAX_SNAKE, CANDIDATES_SNAKE,
                                     LOGPROBS_SNAKE};
    static const uint8_t media[] = {DATA};
    weir_json_hit hits[MEMBERS];
    struct weir_scanned scanned = {members, hits, request_out, err};
    uint64_t n = 1;

    weir_status status = weir_scan_request(way, body, MEMBERS, &scanned);
    if (status == WEIR_OK)
        status = weir_scan_count(&scanned, MAX_TOKENS,
                                 &request_out->output_tokens_max);
    if (status == WEIR_OK)
        status = weir_scan_count(&scanned, CANDIDATES, &n);
    if (status != WEIR_OK)
        return status;
    request_out->metadata = hits[METADATA].raw;
    for (size_t i = 0; i < sizeof(snakes); i++)
        if (!weir_scan_is_absent(&scanned, snakes[i]))
            return weir_scan_reject(&scanned, snakes[i],
                                    "must be written in camelCase");
    if (n < 1 || n > UINT32_MAX)
        return weir_scan_reject(&scanned, CANDIDATES, "is out of range");
    request_out->n = (uint32_t)n;
    request_out->model = weir_arena_copy(arena, way->model);
    if (arena->overflow)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the model's name is too long");
    request_out->is_streamed = way->is_streamed;
    request_out->wants_usage = true;
    request_out->spots[WEIR_SPOT_N] = hits[CANDIDATES].raw;
    request_out->spots[WEIR_SPOT_LOGPROBS] = hits[LOGPROBS].raw;
    request_out->spots[WEIR_SPOT_TOP_LOGPROBS] = hits[TOP_LOGPROBS].raw;
    request_out->has_logprobs = hits[LOGPROBS].kind == WEIR_JSON_TRUE ||
                                hits[TOP_LOGPROBS].kind == WEIR_JSON_NUMBER;
    request_out->has_tools = hits[TOOLS].kind == WEIR_JSON_ARRAY &&
                             !weir_json_is_empty(hits[TOOLS].raw);
    weir_scan_prompt(&scanned, texts, sizeof(texts), media, sizeof(media));
    return WEIR_OK;
}

/* -------------------------------------------------------------- refusal */

static weir_span
status_of(uint32_t http)
{
    static const struct {
        uint32_t http;
        const char *status;
    } words[] = {
        {400, "INVALID_ARGUMENT"},    {401, "UNAUTHENTICATED"},
        {402, "FAILED_PRECONDITION"}, {403, "PERMISSION_DENIED"},
        {404, "NOT_FOUND"},           {413, "INVALID_ARGUMENT"},
        {429, "RESOURCE_EXHAUSTED"},  {503, "UNAVAILABLE"},
        {504, "DEADLINE_EXCEEDED"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(words); i++)
        if (words[i].http == http)
            return weir_span_of(words[i].status);
    return http >= 500 ? WEIR_SPAN("INTERNAL") : WEIR_SPAN("INVALID_ARGUMENT");
}

static void
put_error(const struct weir_refusal *refusal, struct weir_buf *out)
{
    struct weir_json_writer writer;
    weir_json_writer_init(&writer, out);
    weir_json_begin_object(&writer);
    weir_json_name(&writer, "error");
    weir_json_begin_object(&writer);
    weir_json_name(&writer, "code");
    weir_json_add_uint(&writer, weir_refusal_http(refusal));
    weir_json_name(&writer, "message");
    weir_json_add_string(&writer, weir_refusal_message(refusal));
    weir_json_name(&writer, "status");
    weir_json_add_string(&writer, status_of(weir_refusal_http(refusal)));
    weir_json_name(&writer, "details");
    weir_json_begin_array(&writer);
    weir_json_begin_object(&writer);
    weir_surface_put_details(&writer, refusal, WEIR_DETAILS_ALL);
    weir_json_end_object(&writer);
    weir_json_end_array(&writer);
    weir_json_end_object(&writer);
    weir_json_end_object(&writer);
}

static void
put_refusal(const struct weir_surface_route *way,
            const struct weir_refusal *refusal, struct weir_buf *out)
{
    (void)way;
    put_error(refusal, out);
    weir_buf_add_byte(out, '\n');
}

static void
put_cut(const struct weir_surface_route *way,
        const struct weir_refusal *refusal, struct weir_buf *out)
{
    (void)way;
    weir_buf_add_span(out, WEIR_SPAN("data: "));
    put_error(refusal, out);
    weir_buf_add_span(out, WEIR_SPAN("\r\n\r\n"));
}

static void
put_count(const struct weir_surface_route *way, uint64_t tokens,
          struct weir_buf *out)
{
    (void)way;
    weir_buf_addf(out, "{\"totalTokens\":%llu}\n", (unsigned long long)tokens);
}

static const struct weir_writing_ops *
writing(enum weir_dialect dialect)
{
    return dialect == WEIR_DIALECT_GEMINI ? &weir_gemini_writing : NULL;
}

const struct weir_surface weir_gemini_surface = {
    .route = route,
    .parse = parse,
    .put_refusal = put_refusal,
    .put_cut = put_cut,
    .put_models = weir_gemini_put_models,
    .put_model = weir_gemini_put_model,
    .put_count = put_count,
    .read_call = weir_gemini_read_call,
    .writing = writing,
    .embed = &weir_gemini_embed_surface,
};
