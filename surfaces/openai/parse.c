/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a request: one scan for the members that weir must know or may
 * replace; all else stays bytes. Members are checked only as far as weir
 * acts on them, the rest is the origin's to refuse.
 *
 * Refused although an origin might take it, because the gate could be
 * walked around: a second way to name models (`models`, `fallbacks`: some
 * routers choose from them), background responses, whose work goes on
 * unmetered after the reply, and stores that lie at the origin.
 */
#include "openai.h"

#include <weir/json.h>
#include <weir/meter.h>

#include <string.h>

enum {
    MODEL,
    STREAM,
    STREAM_OPTIONS,
    INCLUDE_USAGE,
    N,
    BEST_OF,
    LOGPROBS,
    TOP_LOGPROBS,
    INCLUDE,
    MAX_TOKENS,
    MAX_COMPLETION_TOKENS,
    MAX_OUTPUT_TOKENS,
    TOOLS,
    FUNCTIONS,
    MESSAGES,
    INPUT,
    PROMPT,
    INSTRUCTIONS,
    RESPONSE_FORMAT,
    TEXT,
    BACKGROUND,
    MODELS,
    FALLBACKS,
    CHAT_IMAGE,
    CHAT_AUDIO,
    CHAT_FILE,
    INPUT_IMAGE,
    INPUT_FILE,
    ENCODING,
    STORES,
    CONTAINER_FILES,
    METADATA,
    SERVICE,
    PREVIOUS,
    CONVERSATION,
    CONTAINER,
    MEMBERS
};

#define EACH WEIR_JSON_EACH

static const weir_json_path members[MEMBERS] = {
    [MODEL] = WEIR_JSON_PATH1("model"),
    [STREAM] = WEIR_JSON_PATH1("stream"),
    [STREAM_OPTIONS] = WEIR_JSON_PATH1("stream_options"),
    [INCLUDE_USAGE] = WEIR_JSON_PATH2("stream_options", "include_usage"),
    [N] = WEIR_JSON_PATH1("n"),
    [BEST_OF] = WEIR_JSON_PATH1("best_of"),
    [LOGPROBS] = WEIR_JSON_PATH1("logprobs"),
    [TOP_LOGPROBS] = WEIR_JSON_PATH1("top_logprobs"),
    [INCLUDE] = WEIR_JSON_PATH1("include"),
    [MAX_TOKENS] = WEIR_JSON_PATH1("max_tokens"),
    [MAX_COMPLETION_TOKENS] = WEIR_JSON_PATH1("max_completion_tokens"),
    [MAX_OUTPUT_TOKENS] = WEIR_JSON_PATH1("max_output_tokens"),
    [TOOLS] = WEIR_JSON_PATH1("tools"),
    [FUNCTIONS] = WEIR_JSON_PATH1("functions"),
    [MESSAGES] = WEIR_JSON_PATH1("messages"),
    [INPUT] = WEIR_JSON_PATH1("input"),
    [PROMPT] = WEIR_JSON_PATH1("prompt"),
    [INSTRUCTIONS] = WEIR_JSON_PATH1("instructions"),
    [RESPONSE_FORMAT] = WEIR_JSON_PATH1("response_format"),
    [TEXT] = WEIR_JSON_PATH1("text"),
    [BACKGROUND] = WEIR_JSON_PATH1("background"),
    [MODELS] = WEIR_JSON_PATH1("models"),
    [FALLBACKS] = WEIR_JSON_PATH1("fallbacks"),
    [CHAT_IMAGE] =
        WEIR_JSON_PATH6("messages", EACH, "content", EACH, "image_url", "url"),
    [CHAT_AUDIO] = WEIR_JSON_PATH6("messages", EACH, "content", EACH,
                                   "input_audio", "data"),
    [CHAT_FILE] =
        WEIR_JSON_PATH6("messages", EACH, "content", EACH, "file", "file_data"),
    [INPUT_IMAGE] =
        WEIR_JSON_PATH5("input", EACH, "content", EACH, "image_url"),
    [INPUT_FILE] = WEIR_JSON_PATH5("input", EACH, "content", EACH, "file_data"),
    [ENCODING] = WEIR_JSON_PATH1("encoding_format"),
    [STORES] = WEIR_JSON_PATH3("tools", EACH, "vector_store_ids"),
    [CONTAINER_FILES] = WEIR_JSON_PATH4("tools", EACH, "container", "file_ids"),
    [METADATA] = WEIR_JSON_PATH1("metadata"),
    [SERVICE] = WEIR_JSON_PATH1("service_tier"),
    [PREVIOUS] = WEIR_JSON_PATH1("previous_response_id"),
    [CONVERSATION] = WEIR_JSON_PATH1("conversation"),
    [CONTAINER] = WEIR_JSON_PATH3("tools", EACH, "container"),
};

static struct weir_json_plan plan = WEIR_JSON_PLAN(members, MEMBERS);

/* Which hit each replaceable spot is. */
static const uint8_t spots[WEIR_SPOTS] = {
    [WEIR_SPOT_MODEL] = MODEL,
    [WEIR_SPOT_STREAM_OPTIONS] = STREAM_OPTIONS,
    [WEIR_SPOT_INCLUDE_USAGE] = INCLUDE_USAGE,
    [WEIR_SPOT_N] = N,
    [WEIR_SPOT_BEST_OF] = BEST_OF,
    [WEIR_SPOT_LOGPROBS] = LOGPROBS,
    [WEIR_SPOT_TOP_LOGPROBS] = TOP_LOGPROBS,
    [WEIR_SPOT_INCLUDE] = INCLUDE,
};

/* One request being read. */
struct reading {
    const weir_json_hit *hits;
    struct weir_request *request;
    struct weir_error *err;
};

static weir_status
reject(const struct reading *reading, unsigned member, const char *reason)
{
    const weir_json_path *path = &members[member];
    const weir_json_hit *hit = &reading->hits[member];
    /* A nested member is named by its last segment. */
    reading->request->param = path->segment[path->count - 1];
    return weir_fail(reading->err, WEIR_ETYPE,
                     hit->raw.ptr != NULL
                         ? (size_t)(hit->raw.ptr - reading->request->body.ptr)
                         : WEIR_OFFSET_NONE,
                     "%.*s %s", WEIR_SPAN_ARG(reading->request->param), reason);
}

static bool
is_absent(const struct reading *reading, unsigned member)
{
    enum weir_json_kind kind = reading->hits[member].kind;
    return kind == WEIR_JSON_NONE || kind == WEIR_JSON_NULL;
}

static weir_status
read_bool(const struct reading *reading, unsigned member, bool *value_out)
{
    enum weir_json_kind kind = reading->hits[member].kind;
    *value_out = kind == WEIR_JSON_TRUE;
    if (is_absent(reading, member) || kind == WEIR_JSON_TRUE ||
        kind == WEIR_JSON_FALSE)
        return WEIR_OK;
    return reject(reading, member, "must be true or false");
}

/* Absent: `*value_out` stays. */
static weir_status
read_count(const struct reading *reading, unsigned member, uint64_t least,
           uint64_t most, uint64_t *value_out)
{
    uint64_t value;
    if (is_absent(reading, member))
        return WEIR_OK;
    if (reading->hits[member].kind != WEIR_JSON_NUMBER ||
        !weir_json_to_uint64(reading->hits[member].raw, &value))
        return reject(reading, member, "must be a whole number");
    if (value < least || value > most)
        return reject(reading, member, "is out of range");
    *value_out = value;
    return WEIR_OK;
}

static weir_status
read_model(const struct reading *reading, weir_span named,
           struct weir_arena *arena)
{
    const weir_json_hit *hit = &reading->hits[MODEL];
    if (named.len > 0) {
        /* Of Azure's path; what the body says as well is not heard there. */
        reading->request->model = weir_arena_copy(arena, named);
        return arena->overflow
                   ? weir_fail(reading->err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                               "the model's name is too long")
                   : WEIR_OK;
    }
    if (hit->kind == WEIR_JSON_NONE)
        return reject(reading, MODEL, "is missing");
    if (hit->kind != WEIR_JSON_STRING || hit->raw.len == 2)
        return reject(reading, MODEL, "must be a name");
    weir_status status = weir_json_unescape(
        hit->raw, arena, &reading->request->model, reading->err);
    if (status == WEIR_ETOOBIG)
        return weir_fail(reading->err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "the model's name is too long");
    if (status != WEIR_OK)
        reading->request->param = WEIR_SPAN("model");
    return status;
}

static weir_status
read_stream(const struct reading *reading)
{
    struct weir_request *request = reading->request;
    weir_status status = read_bool(reading, STREAM, &request->is_streamed);
    if (status != WEIR_OK)
        return status;
    if (request->endpoint == WEIR_ENDPOINT_EMBED && request->is_streamed)
        return reject(reading, STREAM, "is not for embeddings");
    if (!is_absent(reading, STREAM_OPTIONS) &&
        reading->hits[STREAM_OPTIONS].kind != WEIR_JSON_OBJECT)
        return reject(reading, STREAM_OPTIONS, "must be an object");
    return read_bool(reading, INCLUDE_USAGE, &request->wants_usage);
}

static weir_status
read_amounts(const struct reading *reading)
{
    static const uint8_t limits[] = {MAX_TOKENS, MAX_COMPLETION_TOKENS,
                                     MAX_OUTPUT_TOKENS};
    uint64_t n = 1;
    uint64_t best_of = 1;
    weir_status status = read_count(reading, N, 1, UINT32_MAX, &n);
    if (status == WEIR_OK)
        status = read_count(reading, BEST_OF, 1, UINT32_MAX, &best_of);
    /* Every one of best_of is generated and paid for. */
    reading->request->n = (uint32_t)(n > best_of ? n : best_of);
    for (size_t i = 0; i < sizeof(limits) && status == WEIR_OK; i++) {
        uint64_t limit = 0;
        status = read_count(reading, limits[i], 0, INT64_MAX, &limit);
        /* Of several, origins may follow any: hold for the largest. */
        if (limit > reading->request->output_tokens_max)
            reading->request->output_tokens_max = limit;
    }
    return status;
}

/* An origin keeps files of all tenants in one account, and does not know
 * whose call it is: of what lies there a prompt names files that were sealed
 * for its tenant, and nothing else. See references.c. */
static weir_status
read_files(const struct reading *reading)
{
    static const uint8_t files[] = {STORES, CONTAINER_FILES};
    for (size_t i = 0; i < sizeof(files); i++) {
        const weir_json_hit *hit = &reading->hits[files[i]];
        if (hit->count > 1 || !is_absent(reading, files[i]))
            return reject(reading, files[i],
                          "is not served: send the file's bytes");
    }
    return WEIR_OK;
}

static weir_status
read_loopholes(const struct reading *reading)
{
    bool is_background;
    weir_status status = read_bool(reading, BACKGROUND, &is_background);
    if (status != WEIR_OK)
        return status;
    if (is_background)
        return reject(reading, BACKGROUND, "is not served: nobody meters it");
    if (!is_absent(reading, MODELS))
        return reject(reading, MODELS, "is not served: use a route of weir");
    if (!is_absent(reading, FALLBACKS))
        return reject(reading, FALLBACKS, "is not served: use a route of weir");
    return WEIR_OK;
}

/* What lies at an origin has tokens that weir does not see. */
static weir_status
read_counted(const struct reading *reading)
{
    static const uint8_t elsewhere[] = {PREVIOUS, CONVERSATION};
    for (size_t i = 0; i < sizeof(elsewhere); i++)
        if (!is_absent(reading, elsewhere[i]))
            return reject(reading, elsewhere[i], "cannot be counted here");
    return WEIR_OK;
}

static bool
is_filled(const weir_json_hit *hit)
{
    return hit->kind == WEIR_JSON_ARRAY && !weir_json_is_empty(hit->raw);
}

static bool
has_logprobs(const weir_json_hit hits[MEMBERS])
{
    weir_span include = hits[INCLUDE].raw;
    if (hits[LOGPROBS].kind == WEIR_JSON_TRUE ||
        hits[LOGPROBS].kind == WEIR_JSON_NUMBER ||
        hits[TOP_LOGPROBS].kind == WEIR_JSON_NUMBER)
        return true;
    /* "message.output_text.logprobs", which escapes could disguise. */
    return include.len > 0 &&
           (memmem(include.ptr, include.len, "logprobs", 8) != NULL ||
            memchr(include.ptr, '\\', include.len) != NULL);
}

static bool
is_there(const weir_json_hit *hit)
{
    return hit->kind != WEIR_JSON_NONE && hit->kind != WEIR_JSON_NULL;
}

/* Which level of service is asked for: one in another spelling may be the
 * dear one. */
static void
read_service(const weir_json_hit hits[MEMBERS], struct weir_request *request)
{
    const weir_json_hit *hit = &hits[SERVICE];
    request->knows_service = true;
    request->wants_priority =
        hit->kind == WEIR_JSON_STRING &&
        (hit->has_escapes ||
         weir_span_equal(hit->raw, WEIR_SPAN("\"priority\"")));
}

static uint64_t
prompt_bytes(const weir_json_hit hits[MEMBERS], bool *has_media_out)
{
    static const uint8_t texts[] = {MESSAGES,     INPUT,          PROMPT,
                                    INSTRUCTIONS, TOOLS,          FUNCTIONS,
                                    TEXT,         RESPONSE_FORMAT};
    static const uint8_t media[] = {CHAT_IMAGE, CHAT_AUDIO, CHAT_FILE,
                                    INPUT_IMAGE, INPUT_FILE};
    uint64_t bytes = 0;
    for (size_t i = 0; i < sizeof(texts); i++)
        bytes += hits[texts[i]].raw.len;
    for (size_t i = 0; i < sizeof(media); i++) {
        bytes -= hits[media[i]].bytes_total;
        bytes += hits[media[i]].count * (uint64_t)WEIR_SURFACE_MEDIA_BYTES;
        *has_media_out = *has_media_out || hits[media[i]].count > 0;
    }
    return bytes;
}

weir_status
weir_openai_parse(const struct weir_surface_route *route, weir_span body,
                  struct weir_arena *arena, struct weir_request *request_out,
                  struct weir_error *err)
{
    struct weir_json_root root;
    weir_json_hit hits[MEMBERS];
    struct reading reading = {hits, request_out, err};

    *request_out = (struct weir_request){.endpoint = route->endpoint,
                                         .dialect = route->dialect,
                                         .surface = route->surface,
                                         .body = body};
    weir_status status = weir_json_scan_planned(
        body, &plan, WEIR_JSON_FOLD_NAMES, &root, hits, err);
    if (status != WEIR_OK)
        return status;
    if (root.kind != WEIR_JSON_OBJECT)
        return weir_fail(err, WEIR_ETYPE, 0, "the body must be an object");
    request_out->insert_at = root.insert_at;
    request_out->names = root.names;
    request_out->knows_names = true;
    request_out->metadata = hits[METADATA].raw;
    read_service(hits, request_out);
    request_out->is_stateful = is_there(&hits[PREVIOUS]) ||
                               is_there(&hits[CONVERSATION]) ||
                               hits[CONTAINER].count > 0;
    for (unsigned i = 0; i < WEIR_SPOTS; i++)
        request_out->spots[i] = hits[spots[i]].raw;
    request_out->has_tools =
        is_filled(&hits[TOOLS]) || is_filled(&hits[FUNCTIONS]);
    request_out->has_logprobs = has_logprobs(hits);
    request_out->wants_base64 =
        weir_span_equal(hits[ENCODING].raw, WEIR_SPAN("\"base64\""));
    request_out->prompt_bytes = prompt_bytes(hits, &request_out->has_media);
    request_out->input_tokens = weir_tokens_of_bytes(request_out->prompt_bytes);
    if (root.is_empty)
        return reject(&reading, MODEL, "is missing");
    status = read_model(&reading, route->model, arena);
    if (status == WEIR_OK)
        status = read_stream(&reading);
    if (status == WEIR_OK)
        status = read_amounts(&reading);
    if (status == WEIR_OK)
        status = read_loopholes(&reading);
    if (status == WEIR_OK)
        status = read_files(&reading);
    if (status == WEIR_OK && request_out->endpoint == WEIR_ENDPOINT_COUNT)
        status = read_counted(&reading);
    return status;
}
