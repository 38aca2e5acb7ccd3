/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What do names in place of ids cost a reply, and a request?
 *
 *   bench_stored [ROUNDS]   (200)
 *
 * A stream as the Responses API writes it (a created event, 500 deltas of one
 * item, its end), fed in reads of 4 KB; the same reads copied, for what of it
 * is copying; a plain body of 1 MB that is mostly one string; one id of its
 * own in each event, so that no memo helps; a request with 64 items of
 * history looked through.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/stored.h>

#define DELTAS 500u
#define READ   4096u

static const struct weir_bound_owner owner = {
    {"0123456789abcdef0123456789abcdef", 32}, 7};

static double
cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void
die(const char *what)
{
    fprintf(stderr, "bench_stored: %s\n", what);
    exit(1);
}

static void
write_stream(struct weir_buf *out, bool is_each_new)
{
    weir_buf_addf(
        out,
        "event: response.created\ndata: {\"type\":\"response.created\","
        "\"response\":{\"id\":\"resp_%048u\",\"object\":\"response\","
        "\"output\":[]},\"sequence_number\":0}\n\n",
        1u);
    for (unsigned i = 0; i < DELTAS; i++)
        weir_buf_addf(
            out,
            "event: response.output_text.delta\ndata: {\"type\":"
            "\"response.output_text.delta\",\"item_id\":\"msg_%048u\","
            "\"output_index\":0,\"content_index\":0,\"delta\":\" water\","
            "\"logprobs\":[],\"obfuscation\":\"aZ3kQpL0\","
            "\"sequence_number\":%u}\n\n",
            is_each_new ? i : 2u, i + 1);
    weir_buf_addf(out,
                  "event: response.completed\ndata: {\"type\":"
                  "\"response.completed\",\"response\":{\"id\":\"resp_%048u\","
                  "\"output\":[{\"id\":\"msg_%048u\",\"type\":\"message\"}]}}"
                  "\n\n",
                  1u, 2u);
}

/* Nanoseconds to feed `text` once; `copies`: only to copy it. */
static double
feed(weir_span text, bool is_streamed, bool copies, unsigned rounds)
{
    static struct weir_stored_reply reply;
    struct weir_buf out;
    weir_buf_init(&out, (size_t)64 << 20);
    double from = cpu_ns();
    for (unsigned round = 0; round < rounds; round++) {
        weir_stored_reply_init(&reply, &owner, 9, WEIR_DIALECT_RESPONSES,
                               is_streamed);
        for (size_t at = 0; at < text.len; at += READ) {
            size_t len = text.len - at < READ ? text.len - at : READ;
            weir_buf_reset(&out);
            if (copies)
                weir_buf_add(&out, text.ptr + at, len);
            else if (!weir_stored_reply_feed(
                         &reply, (weir_span){text.ptr + at, len}, &out))
                die("no room");
        }
    }
    double took = (cpu_ns() - from) / rounds;
    weir_buf_fini(&out);
    return took;
}

static enum weir_stored_act
on_name(void *context, enum weir_bound_kind kind, enum weir_stored_need need,
        weir_span text, struct weir_buf *word)
{
    char room[WEIR_BOUND_NAME_MAX];
    uint64_t deployment;
    weir_span found;
    (void)context, (void)need;
    if (!weir_bound_resolve(&owner, kind, text, room, &found, &deployment))
        die("a name does not open");
    weir_buf_add_span(word, found);
    return WEIR_STORED_WRITE;
}

static void
request(unsigned rounds)
{
    char memory[4096];
    struct weir_arena arena;
    struct weir_buf body, out;
    struct weir_request parsed;
    struct weir_surface_route route;
    size_t changed;
    weir_buf_init(&body, (size_t)1 << 20);
    weir_buf_init(&out, (size_t)1 << 20);
    weir_buf_addf(&body, "{\"model\":\"m\",\"input\":[");
    for (unsigned i = 0; i < 64; i++) {
        weir_buf_addf(&body, "%s{\"type\":\"message\",\"id\":\"",
                      i > 0 ? "," : "");
        if (!weir_bound_name(&owner, WEIR_BOUND_ITEM, 9,
                             WEIR_SPAN("msg_68f0a1b2c3d4e5f60718293a4b5c"),
                             &body))
            die("no name");
        weir_buf_addf(&body,
                      "\",\"role\":\"assistant\",\"content\":[{\"type\":"
                      "\"output_text\",\"text\":\"%0200u\"}]}",
                      i);
    }
    weir_buf_addf(&body, "]}");
    weir_arena_init(&arena, memory, sizeof(memory));
    if (weir_surface_route(WEIR_SPAN("POST"), WEIR_SPAN("/v1/responses"),
                           WEIR_SPAN_NONE, &route, NULL) != WEIR_OK ||
        weir_surface_parse(&route, weir_buf_span(&body), &arena, &parsed,
                           NULL) != WEIR_OK)
        die("no request");
    double from = cpu_ns();
    for (unsigned round = 0; round < rounds; round++) {
        weir_buf_reset(&out);
        if (weir_stored_names(&parsed, on_name, NULL, &arena, &out, &changed,
                              NULL) != WEIR_OK ||
            changed != 64)
            die("not all names");
    }
    printf("request of %zu bytes, 64 names opened: %.1f us, %.2f us a name\n",
           body.len, (cpu_ns() - from) / rounds / 1e3,
           (cpu_ns() - from) / rounds / 64e3);
    weir_buf_fini(&body);
    weir_buf_fini(&out);
}

int
main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 200;
    struct weir_buf text;
    if (rounds == 0)
        die("rounds from 1");
    weir_buf_init(&text, (size_t)64 << 20);
    write_stream(&text, false);
    weir_span stream = weir_buf_span(&text);
    double named = feed(stream, true, false, rounds);
    double copied = feed(stream, true, true, rounds);
    printf("stream of %u deltas, %zu bytes each: %.0f ns an event, copying "
           "them %.0f\n",
           DELTAS, text.len / (DELTAS + 2), named / (DELTAS + 2),
           copied / (DELTAS + 2));
    weir_buf_reset(&text);
    write_stream(&text, true);
    named = feed(weir_buf_span(&text), true, false, rounds);
    printf("each with an id of its own: %.0f ns an event\n",
           named / (DELTAS + 2));
    weir_buf_reset(&text);
    weir_buf_addf(&text, "{\"id\":\"resp_1\",\"output\":[{\"id\":\"msg_1\","
                         "\"content\":[{\"text\":\"");
    for (unsigned i = 0; i < 1u << 20; i++)
        weir_buf_add_byte(&text, i % 80 == 0 ? ' ' : 'x');
    weir_buf_addf(&text, "\"}]}]}");
    named = feed(weir_buf_span(&text), false, false, rounds);
    printf("plain body of %zu bytes: %.2f GB/s\n", text.len,
           (double)text.len / named);
    weir_buf_fini(&text);
    request(rounds);
    return 0;
}
