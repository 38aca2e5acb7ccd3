/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies in JSON of the endpoints that make no text: moderations, rerank,
 * images, speech. They pass to origins of the same dialect alone; weir reads
 * who is asked, how many answers, and how much there is to do.
 *
 * WHAT IS COUNTED. Where the origin counts tokens, those. Else what such
 * models are sold by: pictures made, characters spoken, seconds heard,
 * searches ranked (a hundred documents each). A model's price is per million
 * of them, and so are its budgets.
 */
#include "openai.h"

#include "common.h"

#include <weir/meter.h>

#define DOCUMENTS_EACH 100 /* of one search */

enum {
    MODEL,
    STREAM,
    N,
    INPUT,
    PROMPT,
    QUERY,
    DOCUMENTS,
    DOCUMENT,
    TEXTS,
    INPUTS,
    IMAGES,
    INSTRUCTIONS,
    MODELS,
    FALLBACKS,
    METADATA,
    MEMBERS
};

#define EACH WEIR_JSON_EACH

static const weir_json_path members[MEMBERS] = {
    [MODEL] = WEIR_JSON_PATH1("model"),
    [STREAM] = WEIR_JSON_PATH1("stream"),
    [N] = WEIR_JSON_PATH1("n"),
    [INPUT] = WEIR_JSON_PATH1("input"),
    [PROMPT] = WEIR_JSON_PATH1("prompt"),
    [QUERY] = WEIR_JSON_PATH1("query"),
    [DOCUMENTS] = WEIR_JSON_PATH1("documents"),
    [DOCUMENT] = WEIR_JSON_PATH2("documents", EACH),
    [TEXTS] = WEIR_JSON_PATH1("texts"),
    [INPUTS] = WEIR_JSON_PATH1("inputs"),
    [IMAGES] = WEIR_JSON_PATH2("images", EACH),
    [INSTRUCTIONS] = WEIR_JSON_PATH1("instructions"),
    [MODELS] = WEIR_JSON_PATH1("models"),
    [FALLBACKS] = WEIR_JSON_PATH1("fallbacks"),
    [METADATA] = WEIR_JSON_PATH1("metadata"),
};

/* Code points of a JSON string; an escape is one (a pair of them: two). */
static uint64_t
characters(weir_span raw)
{
    uint64_t count = 0;
    for (size_t i = 1; i + 1 < raw.len; i++) {
        if (raw.ptr[i] == '\\')
            i += raw.ptr[i + 1] == 'u' ? 5 : 1;
        else if (((uint8_t)raw.ptr[i] & 0xc0) == 0x80)
            continue;
        count++;
    }
    return count;
}

static weir_status
read_model(const struct weir_surface_route *route,
           const struct weir_scanned *scanned, struct weir_arena *arena)
{
    if (route->model.len == 0)
        return weir_scan_model(scanned, MODEL, arena);
    /* Of Azure's path; what the body says as well is not heard there. */
    scanned->request->model = weir_arena_copy(arena, route->model);
    scanned->request->spots[WEIR_SPOT_MODEL] = scanned->hits[MODEL].raw;
    return arena->overflow
               ? weir_fail(scanned->err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                           "the model's name is too long")
               : WEIR_OK;
}

/* What the endpoint cannot do without, and how much of it there is. */
static weir_status
read_work(const struct weir_scanned *scanned)
{
    struct weir_request *request = scanned->request;
    const weir_json_hit *hits = scanned->hits;
    switch (request->endpoint) {
    case WEIR_ENDPOINT_SPEECH:
        if (hits[INPUT].kind != WEIR_JSON_STRING)
            return weir_scan_reject(scanned, INPUT, "must be a string");
        request->units = characters(hits[INPUT].raw);
        request->input_tokens = request->units;
        return WEIR_OK;
    case WEIR_ENDPOINT_RERANK:
        if (hits[DOCUMENTS].kind != WEIR_JSON_ARRAY)
            return weir_scan_reject(scanned, DOCUMENTS, "must be an array");
        request->units =
            (hits[DOCUMENT].count + DOCUMENTS_EACH - 1) / DOCUMENTS_EACH;
        return WEIR_OK;
    case WEIR_ENDPOINT_EMBED: /* Cohere's own */
        if (weir_scan_is_absent(scanned, TEXTS) &&
            weir_scan_is_absent(scanned, INPUTS) && hits[IMAGES].count == 0)
            return weir_scan_reject(scanned, TEXTS, "is missing");
        request->prompt_bytes +=
            hits[IMAGES].count * (uint64_t)WEIR_SURFACE_MEDIA_BYTES;
        request->input_tokens = weir_tokens_of_bytes(request->prompt_bytes);
        return WEIR_OK;
    case WEIR_ENDPOINT_IMAGE:
        if (hits[PROMPT].kind != WEIR_JSON_STRING)
            return weir_scan_reject(scanned, PROMPT, "must be a string");
        return WEIR_OK;
    default:
        if (weir_scan_is_absent(scanned, INPUT))
            return weir_scan_reject(scanned, INPUT, "is missing");
        request->units = request->input_tokens;
        return WEIR_OK;
    }
}

weir_status
weir_openai_parse_other(const struct weir_surface_route *route, weir_span body,
                        struct weir_arena *arena,
                        struct weir_request *request_out,
                        struct weir_error *err)
{
    static const uint8_t texts[] = {INPUT, PROMPT, QUERY,       DOCUMENTS,
                                    TEXTS, INPUTS, INSTRUCTIONS};
    weir_json_hit hits[MEMBERS];
    struct weir_scanned scanned = {members, hits, request_out, err};
    uint64_t n = 1;

    weir_status status = weir_scan_request(route, body, MEMBERS, &scanned);
    if (status == WEIR_OK)
        status = read_model(route, &scanned, arena);
    if (status == WEIR_OK)
        status = weir_scan_bool(&scanned, STREAM, &request_out->is_streamed);
    if (status == WEIR_OK)
        status = weir_scan_count(&scanned, N, &n);
    if (status != WEIR_OK)
        return status;
    if (n < 1 || n > UINT32_MAX)
        return weir_scan_reject(&scanned, N, "is out of range");
    if (!weir_scan_is_absent(&scanned, MODELS))
        return weir_scan_reject(&scanned, MODELS,
                                "is not served: use a route of weir");
    if (!weir_scan_is_absent(&scanned, FALLBACKS))
        return weir_scan_reject(&scanned, FALLBACKS,
                                "is not served: use a route of weir");
    request_out->n = (uint32_t)n;
    request_out->metadata = hits[METADATA].raw;
    request_out->end = route->end;
    request_out->spots[WEIR_SPOT_N] = hits[N].raw;
    weir_scan_prompt(&scanned, texts, sizeof(texts), NULL, 0);
    return read_work(&scanned);
}
