/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any reply of a tool server: the client gets the same wherever it was split,
 * and no tool in a list that the gate does not let through.
 */
#include <weir/provider.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool
never(void *context, weir_span tool)
{
    (void)context;
    (void)tool;
    return false;
}

static bool
seal_event(void *context, weir_span id, struct weir_buf *out)
{
    (void)context;
    weir_buf_add_byte(out, '~');
    weir_buf_add_span(out, id);
    return true;
}

static const struct weir_mcp_gate gate = {.may_call = never,
                                          .seal_event = seal_event};

struct result {
    struct weir_buf sent;
    enum weir_reply_state state;
};

static void
run(const struct weir_reply_setup *setup, weir_span text, size_t step,
    struct result *result)
{
    static _Alignas(16) char memory[8192];
    struct weir_arena arena;
    struct weir_reply_piece piece;
    weir_arena_init(&arena, memory, sizeof(memory));
    weir_buf_init(&result->sent, 1 << 22);
    struct weir_reply *reply =
        weir_reply_new(weir_provider_find(WEIR_SPAN("mcp")), setup, &arena);
    if (reply == NULL)
        abort();
    for (size_t at = 0; at < text.len; at += step) {
        weir_span input = {text.ptr + at,
                           text.len - at < step ? text.len - at : step};
        while (weir_reply_next(reply, &input, &piece))
            weir_buf_add_span(&result->sent, piece.bytes);
    }
    if (weir_reply_finish(reply, true, &piece))
        weir_buf_add_span(&result->sent, piece.bytes);
    result->state = weir_reply_facts(reply)->state;
    weir_reply_free(reply);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct result whole, parts;
    struct weir_request request = {
        .mcp = {.kind = WEIR_MCP_REQUEST, .id = {"1", 1}}};
    if (len < 2)
        return 0;
    weir_span text = {(const char *)bytes + 2, len - 2};
    const struct weir_reply_setup setup = {.endpoint = WEIR_ENDPOINT_TOOLS,
                                           .is_streamed = (bytes[0] & 1) != 0,
                                           .held_bytes_max = 1 << 18,
                                           .http_status = 200,
                                           .request = &request,
                                           .tools = &gate};
    run(&setup, text, text.len + 1, &whole);
    run(&setup, text, (size_t)bytes[1] % 7 + 1, &parts);
    if (whole.sent.overflow || whole.state != parts.state ||
        whole.sent.len != parts.sent.len ||
        (whole.sent.len > 0 &&
         memcmp(whole.sent.ptr, parts.sent.ptr, whole.sent.len) != 0) ||
        whole.state == WEIR_REPLY_OPEN)
        abort();
    weir_buf_fini(&whole.sent);
    weir_buf_fini(&parts.sent);
    return 0;
}
