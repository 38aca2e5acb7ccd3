/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any message: what is read is on the list, and a list that was cut is JSON
 * and holds no tool that the gate would cut again.
 */
#include <weir/json.h>
#include <weir/mcp.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool
is_short(void *context, weir_span tool)
{
    (void)context;
    return tool.len < 3;
}

static bool
seal_event(void *context, weir_span id, struct weir_buf *out)
{
    (void)context;
    weir_buf_add_span(out, id);
    return true;
}

static void
check(const struct weir_mcp_message *message)
{
    if ((message->kind == WEIR_MCP_REQUEST) !=
            (message->method.len > 0 && message->id.len > 0) ||
        (message->kind == WEIR_MCP_ANSWER && message->method.len > 0) ||
        message->id.len > WEIR_MCP_ID_MAX ||
        !weir_operation_is_of_tools(message->operation))
        abort();
}

static void
cut(weir_span text, struct weir_arena *arena)
{
    static const struct weir_mcp_gate gate = {.may_call = is_short,
                                              .seal_event = seal_event};
    struct weir_buf once, twice;
    struct weir_error err;
    struct weir_mcp_message before, after;
    bool is_changed, is_changed_again;
    weir_buf_init(&once, 1 << 20);
    weir_buf_init(&twice, 1 << 20);
    if (weir_mcp_read_reply(text, &before, &err) == WEIR_OK &&
        weir_mcp_cut_list(text, &gate, arena, &once, &is_changed, &err) ==
            WEIR_OK &&
        is_changed) {
        if (weir_mcp_read_reply(weir_buf_span(&once), &after, &err) !=
                WEIR_OK ||
            after.kind != before.kind ||
            weir_mcp_cut_list(weir_buf_span(&once), &gate, arena, &twice,
                              &is_changed_again, &err) != WEIR_OK ||
            is_changed_again)
            abort();
    }
    weir_buf_fini(&once);
    weir_buf_fini(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    weir_span text = {(const char *)bytes, len};
    struct weir_mcp_message message;
    struct weir_arena arena;
    struct weir_error err;
    weir_arena_init_heap(&arena, 4 << 20);
    if (weir_mcp_read(text, &arena, &message, &err) == WEIR_OK) {
        check(&message);
        if ((message.operation == WEIR_OP_CALL_TOOL) != (message.tool.len > 0))
            abort();
    }
    cut(text, &arena);
    weir_arena_fini(&arena);
    return 0;
}
