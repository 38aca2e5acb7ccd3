/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does it cost to put one event of a stream in other words?
 *
 *   bench_dialects        ns an event, by origin's and client's dialect
 *
 * Streams of 1,000 text events, fed in reads of 4 KB; the least of 200
 * rounds. Goal: under 5 us. Figures: docs/measured/dialects.md.
 */
#include <weir/provider.h>
#include <weir/surface.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define EVENTS 1000
#define ROUNDS 200
#define READ   4096

static const struct {
    const char *provider;
    const char *title;
    const char *start;
    const char *event;
    const char *end;
} origins[] = {
    {"compatible", "OpenAI chat", "",
     "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\","
     "\"created\":5,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":"
     "{\"content\":\" word\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
     "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\","
     "\"created\":5,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},"
     "\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"},
    {"responses", "OpenAI Responses",
     "event: response.created\ndata: {\"type\":\"response.created\","
     "\"response\":{\"id\":\"r\",\"created_at\":5}}\n\n",
     "event: response.output_text.delta\ndata: {\"type\":\"response.output_"
     "text.delta\",\"content_index\":0,\"delta\":\" word\",\"item_id\":"
     "\"msg_060f468708eb0ff90069f3\",\"logprobs\":[],\"output_index\":0,"
     "\"sequence_number\":7}\n\n",
     "event: response.completed\ndata: {\"type\":\"response.completed\","
     "\"response\":{\"id\":\"r\",\"status\":\"completed\"}}\n\n"},
    {"anthropic", "Anthropic Messages",
     "event: message_start\ndata: {\"type\":\"message_start\",\"message\":"
     "{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":9}}}\n\n",
     "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
     "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" word\"}}\n\n",
     "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"},
    {"gemini", "Gemini", "",
     "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \" word\"}"
     "],\"role\": \"model\"},\"index\": 0,\"finishReason\": \"STOP\"}],"
     "\"usageMetadata\": {\"promptTokenCount\": 9,\"candidatesTokenCount\": 3,"
     "\"totalTokenCount\": 12,\"promptTokensDetails\": [{\"modality\": "
     "\"TEXT\",\"tokenCount\": 9}]},\"modelVersion\": \"m\","
     "\"responseId\": \"r\"}\r\n\r\n",
     ""},
};

static const struct {
    const char *path;
    const char *title;
} clients[] = {
    {"/v1/chat/completions", "chat"},
    {"/v1/responses", "Responses"},
    {"/v1/messages", "Messages"},
    {"/v1beta/models/m:generateContent", "Gemini"},
    {"/model/m/converse-stream", "Converse"},
};

static double
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Nanoseconds to translate the stream once. */
static double
run(const struct weir_provider *provider, const char *path, weir_span stream)
{
    static char memory[WEIR_TRANSLATE_READER];
    struct weir_surface_route route;
    struct weir_arena arena;
    struct weir_reply_piece piece;
    struct weir_error err;

    if (weir_surface_route(WEIR_SPAN("POST"), weir_span_of(path), WEIR_SPAN(""),
                           &route, &err) != WEIR_OK)
        abort();
    const struct weir_request request = {.endpoint = route.endpoint,
                                         .dialect = route.dialect,
                                         .surface = route.surface,
                                         .model = WEIR_SPAN("m"),
                                         .is_streamed = true};
    const struct weir_reply_setup setup = {.endpoint = route.endpoint,
                                           .is_streamed = true,
                                           .is_translated = true,
                                           .http_status = 200,
                                           .request = &request,
                                           .request_id = WEIR_SPAN("req_1")};
    double start = now_ns();
    weir_arena_init(&arena, memory, sizeof(memory));
    struct weir_reply *reply = weir_reply_new(provider, &setup, &arena);
    if (reply == NULL)
        abort();
    while (stream.len > 0) {
        size_t len = stream.len < READ ? stream.len : READ;
        weir_span input = {stream.ptr, len};
        while (weir_reply_next(reply, &input, &piece))
            continue;
        stream.ptr += len;
        stream.len -= len;
    }
    (void)weir_reply_finish(reply, true, &piece);
    if (weir_reply_facts(reply)->state != WEIR_REPLY_DONE)
        abort();
    weir_reply_free(reply);
    return now_ns() - start;
}

int
main(void)
{
    printf("%-20s", "ns an event");
    for (size_t c = 0; c < WEIR_COUNTOF(clients); c++)
        printf("%12s", clients[c].title);
    printf("\n");
    for (size_t o = 0; o < WEIR_COUNTOF(origins); o++) {
        struct weir_buf stream;
        const struct weir_provider *provider =
            weir_provider_find(weir_span_of(origins[o].provider));
        weir_buf_init(&stream, (size_t)4 << 20);
        weir_buf_add_span(&stream, weir_span_of(origins[o].start));
        for (int i = 0; i < EVENTS; i++)
            weir_buf_add_span(&stream, weir_span_of(origins[o].event));
        weir_buf_add_span(&stream, weir_span_of(origins[o].end));
        printf("%-20s", origins[o].title);
        for (size_t c = 0; c < WEIR_COUNTOF(clients); c++) {
            double least = 1e18;
            for (int round = 0; round < ROUNDS; round++) {
                double took =
                    run(provider, clients[c].path, weir_buf_span(&stream));
                least = took < least ? took : least;
            }
            printf("%12.0f", least / EVENTS);
        }
        printf("\n");
        weir_buf_fini(&stream);
    }
    return 0;
}
