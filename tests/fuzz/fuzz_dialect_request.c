/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any request of any surface, to an origin of any dialect: what is not
 * refused by name is one whole JSON text, made of the pieces that are
 * counted; what is refused says why.
 */
#include <weir/json.h>
#include <weir/provider.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct {
    const char *path;
    const char *query;
} paths[] = {
    {"/v1/chat/completions", ""},
    {"/v1/responses", ""},
    {"/v1/messages", ""},
    {"/v1beta/models/m:generateContent", ""},
    {"/v1beta/models/m:streamGenerateContent", "alt=sse"},
    {"/openai/deployments/m/chat/completions", ""},
    {"/v1/messages/count_tokens", ""},
    {"/v1beta/models/m:embedContent", ""},
    {"/model/m/converse", ""},
    {"/model/m/converse-stream", ""},
    {"/model/m/invoke", ""},
};
static const char *const names[] = {"openai",    "compatible",    "responses",
                                    "anthropic", "gemini",        "mistral",
                                    "bedrock",   "bedrock_invoke"};

static void
check_body(const struct weir_outgoing *outgoing)
{
    struct weir_json_root root;
    struct weir_buf body;
    struct weir_error err;
    weir_buf_init(&body, (size_t)64 << 20);
    for (uint32_t i = 0; i < outgoing->piece_count; i++)
        weir_buf_add_span(&body, WEIR_OUTGOING_PIECE(outgoing, i));
    if (body.overflow || body.len != outgoing->body_bytes)
        abort();
    if (weir_json_scan(weir_buf_span(&body), NULL, 0, 0, &root, NULL, &err) !=
        WEIR_OK)
        abort();
    weir_buf_fini(&body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static char memory[4096];
    struct weir_arena small;
    struct weir_arena large;
    struct weir_surface_route route;
    struct weir_request request;
    struct weir_outgoing outgoing = {0};
    struct weir_error err = {0};

    if (len < 2)
        return 0;
    size_t path = bytes[0] % WEIR_COUNTOF(paths);
    const struct weir_provider *provider = weir_provider_find(
        weir_span_of(names[(bytes[1] & 127) % WEIR_COUNTOF(names)]));
    weir_span body = {(const char *)bytes + 2, len - 2};
    const struct weir_target target = {
        .origin_model = WEIR_SPAN("origin-model"),
        .prefix = WEIR_SPAN("/v1"),
        .n_max = 2,
        .strips_logprobs = (bytes[1] & 128) != 0,
        .drops = WEIR_SPAN("cache_control user metadata thinking strict")};

    weir_arena_init(&small, memory, sizeof(memory));
    if (weir_surface_route(WEIR_SPAN("POST"), weir_span_of(paths[path].path),
                           weir_span_of(paths[path].query), &route,
                           &err) != WEIR_OK)
        abort();
    if (weir_surface_parse(&route, body, &small, &request, &err) != WEIR_OK ||
        route.endpoint == WEIR_ENDPOINT_COUNT)
        return 0;
    size_t size = WEIR_TRANSLATE_ARENA(body.len);
    void *room = malloc(size);
    weir_arena_init(&large, room, size);
    weir_status status = weir_provider_prepare(provider, &request, &target,
                                               &large, &outgoing, &err);
    if (status == WEIR_OK)
        check_body(&outgoing);
    else if (err.text[0] == '\0')
        abort();
    free(room);
    return 0;
}
