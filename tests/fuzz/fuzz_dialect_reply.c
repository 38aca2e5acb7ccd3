/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any reply of an origin of any dialect, to a client of any: the same comes
 * out wherever the reply was split, every event and every whole body of it
 * is JSON, and what is not all there is never called so.
 */
#include <weir/eventstream.h>
#include <weir/json.h>
#include <weir/provider.h>
#include <weir/sse.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char *const names[] = {"compatible", "responses",
                                    "anthropic",  "gemini",
                                    "bedrock",    "bedrock_invoke"};
static const char *const paths[] = {"/v1/chat/completions",
                                    "/v1/responses",
                                    "/v1/messages",
                                    "/v1beta/models/m:generateContent",
                                    "/model/m/converse-stream",
                                    "/model/m/invoke-with-response-stream"};

struct result {
    struct weir_buf sent;
    struct weir_reply_facts facts;
};

static void
run(const struct weir_provider *provider, const struct weir_reply_setup *setup,
    weir_span text, size_t split, struct result *result)
{
    static char memory[16384];
    struct weir_arena arena;
    struct weir_reply_piece piece;
    weir_arena_init(&arena, memory, sizeof(memory));
    weir_buf_init(&result->sent, (size_t)16 << 20);
    struct weir_reply *reply = weir_reply_new(provider, setup, &arena);
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
    (void)weir_reply_usage(reply, 100);
    weir_reply_free(reply);
}

static void
check_json(weir_span text)
{
    struct weir_json_root root;
    struct weir_error err;
    if (weir_json_scan(text, NULL, 0, 0, &root, NULL, &err) != WEIR_OK)
        abort();
}

static void
check_events(weir_span sent)
{
    struct weir_sse sse;
    struct weir_sse_event event;
    weir_sse_init(&sse, (size_t)16 << 20);
    while (weir_sse_next(&sse, &sent, &event))
        if (event.has_data && !weir_span_equal(event.data, WEIR_SPAN("[DONE]")))
            check_json(event.data);
    if (weir_sse_rest(&sse, &event))
        abort(); /* half an event */
    weir_sse_fini(&sse);
}

static void
check_frames(weir_span sent)
{
    struct weir_buf held;
    struct weir_eventstream message;
    bool is_broken = false;
    weir_buf_init(&held, (size_t)16 << 20);
    while (weir_eventstream_next(&held, &sent, &message, &is_broken))
        check_json(message.payload);
    if (is_broken || held.len > 0)
        abort();
    weir_buf_fini(&held);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct weir_surface_route route;
    struct weir_error err;
    struct result whole;
    struct result halves;

    if (len < 4)
        return 0;
    const struct weir_provider *provider =
        weir_provider_find(weir_span_of(names[bytes[0] % WEIR_COUNTOF(names)]));
    if (weir_surface_route(WEIR_SPAN("POST"),
                           weir_span_of(paths[bytes[1] % WEIR_COUNTOF(paths)]),
                           WEIR_SPAN(""), &route, &err) != WEIR_OK)
        abort();
    const struct weir_request request = {.endpoint = route.endpoint,
                                         .dialect = route.dialect,
                                         .surface = route.surface,
                                         .model = WEIR_SPAN("model"),
                                         .is_streamed = (bytes[2] & 1) != 0,
                                         .wants_usage = (bytes[2] & 2) != 0};
    const struct weir_reply_setup setup = {
        .endpoint = route.endpoint,
        .is_translated = true,
        .is_streamed = (bytes[2] & 4) != 0,
        .strips_reasoning = (bytes[2] & 8) != 0,
        .held_bytes_max = (bytes[2] & 16) != 0 ? 256 : 0,
        .http_status = (bytes[2] & 32) != 0 ? 429 : 200,
        .request = &request,
        .request_id = WEIR_SPAN("req_1"),
        .now = 1};
    weir_span text = {(const char *)bytes + 4, len - 4};
    size_t split = text.len * bytes[3] / 255;

    run(provider, &setup, text, text.len, &whole);
    run(provider, &setup, text, split, &halves);
    /* What lies whole in one read need not be held: with little room it
     * depends on the split whether an event can be read. */
    if (setup.held_bytes_max == 0 &&
        (whole.facts.state != halves.facts.state ||
         whole.facts.content_bytes != halves.facts.content_bytes ||
         !weir_span_equal(weir_buf_span(&whole.sent),
                          weir_buf_span(&halves.sent))))
        abort();
    if (whole.facts.state == WEIR_REPLY_OPEN)
        abort();
    if (request.is_streamed && setup.http_status == 200 &&
        (route.dialect == WEIR_DIALECT_CONVERSE ||
         route.dialect == WEIR_DIALECT_INVOKE))
        check_frames(weir_buf_span(&whole.sent));
    else if (request.is_streamed && setup.http_status == 200)
        check_events(weir_buf_span(&whole.sent));
    else if (whole.facts.state == WEIR_REPLY_DONE)
        check_json(weir_buf_span(&whole.sent));
    weir_buf_fini(&whole.sent);
    weir_buf_fini(&halves.sent);
    return 0;
}
