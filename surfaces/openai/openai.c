/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenAI REST API as official SDKs speak it: which paths are served.
 *
 * What is not in the table is not passed on: fine-tuning, conversations,
 * lists of files and assistants would reach an origin past the gate. They
 * get their own rows when weir can govern them; see bulk.c for files, and
 * stored_verbs.c for responses that are kept.
 */
#include "openai.h"

#include <weir/json.h>

#include <string.h>

static const struct {
    const char *method;
    const char *path;
    enum weir_endpoint endpoint;
    enum weir_dialect dialect;
    bool takes_body;
    bool is_form;
} endpoints[] = {
    {"POST", "/chat/completions", WEIR_ENDPOINT_CHAT, WEIR_DIALECT_CHAT, true},
    {"POST", "/responses", WEIR_ENDPOINT_RESPONSES, WEIR_DIALECT_RESPONSES,
     true},
    {"POST", "/responses/input_tokens", WEIR_ENDPOINT_COUNT,
     WEIR_DIALECT_RESPONSES, true},
    {"POST", "/embeddings", WEIR_ENDPOINT_EMBED, WEIR_DIALECT_EMBEDDINGS, true},
    {"POST", "/completions", WEIR_ENDPOINT_COMPLETE, WEIR_DIALECT_COMPLETIONS,
     true},
    {"GET", "/models", WEIR_ENDPOINT_MODELS, WEIR_DIALECT_CHAT, false},
    {"POST", "/moderations", WEIR_ENDPOINT_MODERATE, WEIR_DIALECT_OTHER, true},
    {"POST", "/rerank", WEIR_ENDPOINT_RERANK, WEIR_DIALECT_OTHER, true},
    {"POST", "/embed", WEIR_ENDPOINT_EMBED, WEIR_DIALECT_OTHER, true},
    {"POST", "/images/generations", WEIR_ENDPOINT_IMAGE, WEIR_DIALECT_OTHER,
     true},
    {"POST", "/images/edits", WEIR_ENDPOINT_IMAGE, WEIR_DIALECT_OTHER, true,
     true},
    {"POST", "/images/variations", WEIR_ENDPOINT_IMAGE, WEIR_DIALECT_OTHER,
     true, true},
    {"POST", "/audio/speech", WEIR_ENDPOINT_SPEECH, WEIR_DIALECT_OTHER, true},
    {"POST", "/audio/transcriptions", WEIR_ENDPOINT_TRANSCRIBE,
     WEIR_DIALECT_OTHER, true, true},
    {"POST", "/audio/translations", WEIR_ENDPOINT_TRANSCRIBE,
     WEIR_DIALECT_OTHER, true, true},
    {"GET", "/realtime", WEIR_ENDPOINT_REALTIME, WEIR_DIALECT_OTHER, false},
};

static bool
wants_all(weir_span query)
{
    while (query.len > 0) {
        const char *mark = memchr(query.ptr, '&', query.len);
        size_t len = mark != NULL ? (size_t)(mark - query.ptr) : query.len;
        if (weir_span_equal((weir_span){query.ptr, len}, WEIR_SPAN("all=1")))
            return true;
        len += mark != NULL ? 1 : 0;
        query.ptr += len;
        query.len -= len;
    }
    return false;
}

/*
 * The paths of Azure OpenAI are the same behind other beginnings:
 *
 *    /openai/v1/...                  as /v1/...
 *    /openai/deployments/NAME/...    as /v1/..., the model is NAME
 *    /models/chat/completions        Azure AI model inference, and embeddings
 *    /v2/rerank, /v2/embed           Cohere's client
 *    /openai/realtime                a session; the query names the model
 *    /openai/files, /openai/batches  as behind /v1, with an api-version
 *
 * Gives the end to be looked up behind "/v1", and the name.
 */
static weir_span
without_azure(weir_span path, weir_span *name_out)
{
    const weir_span v1 = WEIR_SPAN("/openai/v1/");
    const weir_span named = WEIR_SPAN("/openai/deployments/");
    *name_out = WEIR_SPAN_NONE;
    if (weir_span_equal(path, WEIR_SPAN("/models/chat/completions")) ||
        weir_span_equal(path, WEIR_SPAN("/models/embeddings")))
        return (weir_span){path.ptr + 7, path.len - 7};
    if (weir_span_equal(path, WEIR_SPAN("/openai/realtime")) ||
        weir_span_starts(path, WEIR_SPAN("/openai/files")) ||
        weir_span_starts(path, WEIR_SPAN("/openai/batches")))
        return (weir_span){path.ptr + 7, path.len - 7};
    if (weir_span_equal(path, WEIR_SPAN("/v2/rerank")) ||
        weir_span_equal(path, WEIR_SPAN("/v2/embed")) ||
        weir_span_starts(path, WEIR_SPAN("/v1/")))
        return (weir_span){path.ptr + 3, path.len - 3};
    if (weir_span_starts(path, v1))
        return (weir_span){path.ptr + v1.len - 1, path.len - v1.len + 1};
    if (!weir_span_starts(path, named))
        return WEIR_SPAN_NONE;
    weir_span rest = {path.ptr + named.len, path.len - named.len};
    const char *end = memchr(rest.ptr, '/', rest.len);
    if (end == NULL || end == rest.ptr)
        return WEIR_SPAN_NONE;
    *name_out = (weir_span){rest.ptr, (size_t)(end - rest.ptr)};
    return (weir_span){end, rest.len - name_out->len};
}

static weir_status
route(weir_span method, weir_span path, weir_span query,
      struct weir_surface_route *route_out, struct weir_error *err)
{
    struct weir_surface_route found = {.surface = &weir_openai_surface};
    const weir_span models = WEIR_SPAN("/models/");
    const char *wanted = NULL;

    path = without_azure(path, &found.model);
    for (size_t i = 0; i < WEIR_COUNTOF(endpoints); i++)
        if (weir_span_equal(path, weir_span_of(endpoints[i].path))) {
            wanted = endpoints[i].method;
            found.endpoint = endpoints[i].endpoint;
            found.dialect = endpoints[i].dialect;
            found.takes_body = endpoints[i].takes_body;
            found.is_form = endpoints[i].is_form;
            found.end = found.dialect == WEIR_DIALECT_OTHER
                            ? weir_span_of(endpoints[i].path)
                            : WEIR_SPAN_NONE;
        }
    /* A model's name may hold slashes. */
    if (weir_span_starts(path, models) && path.len > models.len) {
        wanted = "GET";
        found.endpoint = WEIR_ENDPOINT_MODEL;
        found.model = (weir_span){path.ptr + models.len, path.len - models.len};
    }
    if (weir_span_starts(path, WEIR_SPAN("/files")) ||
        weir_span_starts(path, WEIR_SPAN("/batches"))) {
        found.dialect = WEIR_DIALECT_OTHER;
        weir_status status = weir_openai_route_bulk(method, path, &found, err);
        if (status == WEIR_OK)
            *route_out = found;
        return status;
    }
    if (weir_span_starts(path, WEIR_SPAN("/responses/")) && wanted == NULL) {
        weir_status status =
            weir_openai_route_stored(method, path, query, &found, err);
        if (status == WEIR_OK)
            *route_out = found;
        return status;
    }
    if (wanted == NULL)
        return weir_fail(err, WEIR_ENOTOURS, WEIR_OFFSET_NONE,
                         "no such endpoint");
    if (!weir_span_equal(method, weir_span_of(wanted)))
        return weir_fail(err, WEIR_EMETHOD, WEIR_OFFSET_NONE,
                         "this endpoint takes %s", wanted);
    found.wants_all = (found.endpoint == WEIR_ENDPOINT_MODELS ||
                       found.endpoint == WEIR_ENDPOINT_MODEL) &&
                      wants_all(query);
    *route_out = found;
    return WEIR_OK;
}

static weir_status
parse(const struct weir_surface_route *way, weir_span body,
      struct weir_arena *arena, struct weir_request *request_out,
      struct weir_error *err)
{
    if (way->is_form)
        return weir_openai_parse_form(way, body, arena, request_out, err);
    if (way->dialect == WEIR_DIALECT_OTHER)
        return weir_openai_parse_other(way, body, arena, request_out, err);
    return weir_openai_parse(way, body, arena, request_out, err);
}

static weir_status
read_call(const struct weir_request *request, struct weir_neutral *call,
          struct weir_error *err)
{
    if (request->dialect == WEIR_DIALECT_RESPONSES)
        return weir_openai_read_responses(request, call, err);
    return weir_openai_read_chat(request, call, err);
}

static const struct weir_writing_ops *
writing(enum weir_dialect dialect)
{
    if (dialect == WEIR_DIALECT_RESPONSES)
        return &weir_openai_responses_writing;
    return dialect == WEIR_DIALECT_CHAT ? &weir_openai_chat_writing : NULL;
}

static void
put_count(const struct weir_surface_route *way, uint64_t tokens,
          struct weir_buf *out)
{
    struct weir_json_writer writer;
    (void)way;
    weir_json_writer_init(&writer, out);
    weir_json_begin_object(&writer);
    weir_json_name(&writer, "object");
    weir_json_add_string(&writer, WEIR_SPAN("response.input_tokens"));
    weir_json_name(&writer, "input_tokens");
    weir_json_add_uint(&writer, tokens);
    weir_json_end_object(&writer);
}

const struct weir_surface weir_openai_surface = {
    .route = route,
    .put_count = put_count,
    .parse = parse,
    .put_refusal = weir_openai_put_refusal,
    .put_cut = weir_openai_put_cut,
    .put_models = weir_openai_put_models,
    .put_model = weir_openai_put_model,
    .read_call = read_call,
    .writing = writing,
    .embed = &weir_openai_embed_surface,
};
