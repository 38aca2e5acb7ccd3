/* SPDX-License-Identifier: Apache-2.0 */
/* A session's address, what clients say in it and what origins do: never a
 * crash, spans lie in the event, and an error about it can be written. */
#include <weir/json.h>
#include <weir/realtime.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_inside(weir_span part, weir_span whole)
{
    if (part.len > 0 &&
        (part.ptr < whole.ptr || part.ptr + part.len > whole.ptr + whole.len))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const weir_span text = {(const char *)bytes, len};
    const struct weir_surface_route route = {.endpoint = WEIR_ENDPOINT_REALTIME,
                                             .dialect = WEIR_DIALECT_OTHER};
    struct weir_realtime_sent sent;
    struct weir_realtime_heard heard;
    struct weir_request request;
    struct weir_error err;
    struct weir_arena arena;
    struct weir_buf out;
    struct weir_json_root root;
    char memory[1024];

    weir_arena_init(&arena, memory, sizeof(memory));
    if (weir_realtime_read_query(&route, text, &arena, &request, &err) ==
            WEIR_OK &&
        !weir_utf8_valid(request.model))
        abort();
    (void)weir_realtime_read_heard(text, &heard);
    weir_status status =
        weir_realtime_read_sent(text, WEIR_SPAN("fast"), NULL, &sent, &err);
    check_inside(sent.id, text);
    check_inside(sent.spot, text);
    check_inside(sent.scribe, text);
    if (status == WEIR_OK && sent.asks && sent.feeds)
        abort();
    const struct weir_refusal refusal = {.status = WEIR_ETYPE,
                                         .param = sent.param,
                                         .message = weir_span_of("no")};
    weir_buf_init(&out, (size_t)1 << 20);
    weir_realtime_put_error(&refusal, sent.id, &out);
    if (!out.overflow && weir_json_scan(weir_buf_span(&out), NULL, 0, 0, &root,
                                        NULL, &err) != WEIR_OK)
        abort();
    weir_buf_fini(&out);
    return 0;
}
