/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any form: what is taken names a model that stands in it once, and what
 * goes to the origin is the same bytes but for that name; read again, it
 * asks for the origin's model.
 */
#include <weir/provider.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static weir_status
read_form(weir_span body, void *memory, size_t size,
          struct weir_request *request_out)
{
    struct weir_arena arena;
    struct weir_surface_route route;
    struct weir_error err = {0};
    weir_arena_init(&arena, memory, size);
    if (weir_surface_route(WEIR_SPAN("POST"),
                           WEIR_SPAN("/v1/audio/transcriptions"),
                           WEIR_SPAN_NONE, &route, &err) != WEIR_OK)
        abort();
    weir_status status =
        weir_surface_parse(&route, body, &arena, request_out, &err);
    if (status != WEIR_OK && err.text[0] == '\0')
        abort();
    return status;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static char first[4096], second[4096], room[8192];
    struct weir_request request, again;
    struct weir_outgoing outgoing;
    struct weir_arena arena;
    struct weir_buf sent;
    struct weir_error err;
    const struct weir_target target = {.origin_model = WEIR_SPAN("origin"),
                                       .prefix = WEIR_SPAN("/v1")};
    weir_span body = {(const char *)bytes, len};
    if (read_form(body, first, sizeof first, &request) != WEIR_OK)
        return 0;
    if (request.model.len == 0 || request.boundary.len == 0)
        abort();
    weir_arena_init(&arena, room, sizeof room);
    if (weir_provider_prepare(weir_provider_get(0), &request, &target, &arena,
                              &outgoing, &err) != WEIR_OK)
        abort();
    weir_buf_init(&sent, len + 4096);
    for (uint32_t i = 0; i < outgoing.piece_count; i++)
        weir_buf_add_span(&sent, WEIR_OUTGOING_PIECE(&outgoing, i));
    if (sent.len != outgoing.body_bytes ||
        read_form(weir_buf_span(&sent), second, sizeof second, &again) !=
            WEIR_OK ||
        !weir_span_equal(again.model, target.origin_model) ||
        again.file_bytes != request.file_bytes)
        abort();
    weir_buf_fini(&sent);
    return 0;
}
