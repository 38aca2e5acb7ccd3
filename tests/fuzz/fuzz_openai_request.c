/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any body: what is accepted names one model, which any later reading of the
 * body also finds, and every span lies in the body.
 */
#include <weir/json.h>
#include <weir/surface.h>

#include <stdlib.h>
#include <string.h>

static bool
count_name(void *context, weir_span raw)
{
    if (raw.len < 2 || raw.ptr[0] != '"' || raw.ptr[raw.len - 1] != '"')
        abort();
    --*(uint32_t *)context;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char *paths[] = {"/v1/chat/completions", "/v1/responses",
                                  "/v1/embeddings", "/v1/completions"};
    static char memory[1024];
    struct weir_arena arena;
    struct weir_surface_route route;
    struct weir_request request;
    if (len < 1)
        return 0;
    weir_span path = weir_span_of(paths[bytes[0] % WEIR_COUNTOF(paths)]);
    weir_span body = {(const char *)bytes + 1, len - 1};
    weir_arena_init(&arena, memory, sizeof(memory));
    if (weir_surface_route(WEIR_SPAN("POST"), path, WEIR_SPAN_NONE, &route,
                           NULL) != WEIR_OK)
        abort();
    if (weir_surface_parse(&route, body, &arena, &request, NULL) != WEIR_OK)
        return 0;
    if (request.model.len == 0 || request.n == 0 ||
        request.insert_at > body.len || body.ptr[request.insert_at - 1] != '{')
        abort();
    for (unsigned i = 0; i < WEIR_SPOTS; i++) {
        weir_span raw = request.spots[i];
        if (raw.ptr != NULL &&
            (raw.ptr < body.ptr || raw.ptr + raw.len > body.ptr + body.len))
            abort();
    }
    uint32_t files = request.file_count;
    if (!weir_surface_files(&request, count_name, &files) || files != 0)
        abort();
    /* The last member of that name, as most readers would take it. */
    struct weir_json_reader reader;
    struct weir_arena heap;
    weir_span name;
    weir_span last = WEIR_SPAN_NONE;
    weir_arena_init_heap(&heap, (size_t)1 << 24);
    weir_json_reader_init(&reader, body, &heap);
    if (weir_json_object(&reader))
        while (weir_json_member(&reader, &name))
            if (weir_span_equal(name, WEIR_SPAN("model")))
                (void)weir_json_string(&reader, &last);
    /* Lone surrogates in names that nobody reads are the reader's to refuse. */
    if (weir_json_reader_end(&reader, NULL) == WEIR_OK &&
        !weir_span_equal(last, request.model))
        abort();
    weir_arena_fini(&heap);
    return 0;
}
