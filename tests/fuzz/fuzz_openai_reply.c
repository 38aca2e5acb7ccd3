/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any reply at any split: no bytes are made up or reordered, nothing is lost
 * unless it may be hidden or was cut, and the facts do not depend on where
 * the reply was split.
 */
#include <weir/provider.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct result {
    struct weir_buf sent;
    struct weir_reply_facts facts;
};

static void
run(const struct weir_reply_setup *setup, weir_span text, size_t split,
    struct result *result)
{
    static char memory[16384];
    struct weir_arena arena;
    struct weir_reply_piece piece;
    weir_arena_init(&arena, memory, sizeof(memory));
    weir_buf_init(&result->sent, 1 << 20);
    struct weir_reply *reply =
        weir_reply_new(weir_provider_get(0), setup, &arena);
    if (reply == NULL)
        abort();
    weir_span first = {text.ptr, split};
    weir_span second = {text.ptr + split, text.len - split};
    while (weir_reply_next(reply, &first, &piece))
        weir_buf_add_span(&result->sent, piece.bytes);
    while (weir_reply_next(reply, &second, &piece))
        weir_buf_add_span(&result->sent, piece.bytes);
    if (weir_reply_finish(reply, true, &piece))
        weir_buf_add_span(&result->sent, piece.bytes);
    result->facts = *weir_reply_facts(reply);
    weir_reply_free(reply);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2)
        return 0;
    struct result whole;
    struct result halves;
    weir_span text = {(const char *)bytes + 2, len - 2};
    const bool is_streamed = (bytes[0] & 4) != 0;
    const bool hides = (bytes[0] & 8) != 0;
    const bool is_tight = (bytes[0] & 16) != 0;
    const bool strips = (bytes[0] & 32) != 0;
    const struct weir_reply_setup setup = {
        .endpoint = (enum weir_endpoint)(bytes[0] & 3),
        .is_streamed = is_streamed,
        .hides_usage = hides,
        .strips_reasoning = strips,
        .held_bytes_max = is_tight ? 24 : 0};
    size_t split = text.len > 0 ? bytes[1] % (text.len + 1) : 0;
    run(&setup, text, text.len, &whole);
    run(&setup, text, split, &halves);
    /* A buffer too small for an event changes what can be hidden. */
    if (!is_tight) {
        if (!weir_span_equal(weir_buf_span(&whole.sent),
                             weir_buf_span(&halves.sent)) ||
            whole.facts.state != halves.facts.state ||
            whole.facts.content_bytes != halves.facts.content_bytes ||
            whole.facts.has_usage != halves.facts.has_usage ||
            whole.facts.event_count != halves.facts.event_count)
            abort();
    }
    if (!hides && !strips && whole.facts.state == WEIR_REPLY_DONE &&
        !weir_span_equal(weir_buf_span(&whole.sent), text))
        abort();
    if (whole.sent.len > text.len)
        abort();
    weir_buf_fini(&whole.sent);
    weir_buf_fini(&halves.sent);
    return 0;
}
