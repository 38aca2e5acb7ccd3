/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests whose names are opened: what comes out is a request still, and
 * says the same names. The first byte is the dialect and what is done with
 * each name.
 */
#include <weir/stored.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct opener {
    unsigned how;
    unsigned count;
};

static enum weir_stored_act
on_name(void *context, enum weir_bound_kind kind, enum weir_stored_need need,
        weir_span text, struct weir_buf *word)
{
    struct opener *opener = context;
    unsigned act = (opener->how >> 1) + opener->count++;
    (void)kind;
    if (act % 3 == 0 && text.len < WEIR_BOUND_NAME_MAX) {
        weir_buf_add_span(word, text);
        return WEIR_STORED_WRITE;
    }
    return act % 3 == 1 || need == WEIR_STORED_MUST ? WEIR_STORED_KEEP
                                                    : WEIR_STORED_DROP;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char memory[4096];
    struct weir_arena arena;
    struct weir_surface_route route;
    struct weir_request request;
    struct weir_error err;
    struct weir_buf out;
    size_t looked = 0, changed = 0;
    if (size < 2)
        return 0;
    struct opener opener = {.how = data[0]};
    weir_span body = {(const char *)data + 1, size - 1};
    if (weir_surface_route(WEIR_SPAN("POST"),
                           (data[0] & 1) != 0
                               ? WEIR_SPAN("/v1/chat/completions")
                               : WEIR_SPAN("/v1/responses"),
                           WEIR_SPAN_NONE, &route, &err) != WEIR_OK)
        abort();
    weir_arena_init(&arena, memory, sizeof(memory));
    if (weir_surface_parse(&route, body, &arena, &request, &err) != WEIR_OK)
        return 0;
    if (weir_stored_names(&request, on_name, &opener, &arena, NULL, &looked,
                          &err) != WEIR_OK)
        return 0;
    if (opener.count > 0 && !weir_stored_may_name(&request))
        abort();
    opener.count = 0;
    weir_buf_init(&out, (size_t)8 << 20);
    if (weir_stored_names(&request, on_name, &opener, &arena, &out, &changed,
                          &err) != WEIR_OK ||
        changed != looked)
        abort();
    if (changed > 0) {
        weir_arena_init(&arena, memory, sizeof(memory));
        if (weir_surface_parse(&route, weir_buf_span(&out), &arena, &request,
                               &err) != WEIR_OK)
            abort();
    }
    weir_buf_fini(&out);
    return 0;
}
