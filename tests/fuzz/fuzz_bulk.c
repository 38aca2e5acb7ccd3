/* SPDX-License-Identifier: Apache-2.0 */
/* Forms with files of lines, orders and what origins tell: never a crash, and
 * what was summed can be prepared within the room that is promised. */
#include <weir/bulk.h>

#include <stdlib.h>
#include <string.h>

static bool
name_it(void *context, weir_span member, weir_span id, struct weir_buf *out)
{
    (void)context;
    (void)member;
    weir_buf_addf(out, "\"%zu\"", id.len);
    return true;
}

static void
put_lines(enum weir_bulk_shape shape, weir_span file,
          const struct weir_bulk_sum *sum)
{
    const struct weir_target target = {.origin_model = WEIR_SPAN("other"),
                                       .n_max = 1,
                                       .strips_logprobs = true};
    size_t size = file.len + 1 + sum->lines * (30 + WEIR_BULK_LINE_MORE);
    struct weir_buf out;
    char *memory = malloc(size);
    if (memory == NULL)
        return;
    weir_buf_init_fixed(&out, memory, size);
    weir_status status = weir_bulk_put_lines(
        weir_provider_find(shape == WEIR_BULK_LINES ? WEIR_SPAN("openai")
                                                    : WEIR_SPAN("anthropic")),
        &target, shape, file, &out, NULL);
    if (status != WEIR_OK && out.overflow)
        abort();
    free(memory);
}

/* The same at every split. */
static void
read_results(weir_span body)
{
    static struct weir_bulk_results whole, split;
    size_t half = body.len / 2;
    weir_bulk_results_init(&whole);
    weir_bulk_results_feed(&whole, body);
    weir_bulk_results_init(&split);
    weir_bulk_results_feed(&split, (weir_span){body.ptr, half});
    weir_bulk_results_feed(&split,
                           (weir_span){body.ptr + half, body.len - half});
    if (weir_bulk_results_finish(&whole) != weir_bulk_results_finish(&split) ||
        whole.lines != split.lines ||
        whole.usage.input_tokens != split.usage.input_tokens)
        abort();
}

/* Without weir's own field it is the same form, and says nothing of it. */
static void
cut_model(weir_span body, const struct weir_bulk_form *form)
{
    struct weir_bulk_form again;
    if (form->part.ptr == NULL)
        return;
    size_t front = (size_t)(form->part.ptr - body.ptr);
    size_t back = body.len - front - form->part.len;
    char *memory = malloc(front + back + 1);
    if (memory == NULL)
        return;
    memcpy(memory, body.ptr, front);
    memcpy(memory + front, form->part.ptr + form->part.len, back);
    if (weir_bulk_read_form((weir_span){memory, front + back}, &again, NULL) !=
            WEIR_OK ||
        again.purpose != form->purpose || again.part.ptr != NULL ||
        !weir_span_equal(again.file, form->file))
        abort();
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _Alignas(16) static char memory[4096];
    static char told_memory[8192];
    weir_span body = {(const char *)data, size};
    struct weir_bulk_form form;
    struct weir_bulk_order order;
    struct weir_bulk_sum sum;
    struct weir_bulk_told told;
    struct weir_arena arena;
    struct weir_buf out;
    weir_span param, file;
    weir_arena_init(&arena, memory, sizeof(memory));
    if (weir_bulk_read_form(body, &form, NULL) == WEIR_OK) {
        cut_model(body, &form);
        body = form.file;
    }
    if (weir_bulk_sum(WEIR_BULK_LINES, body, NULL, &arena, &sum, &param,
                      NULL) == WEIR_OK)
        put_lines(WEIR_BULK_LINES, body, &sum);
    if (weir_bulk_read_requests(body, &file, &param, NULL) == WEIR_OK &&
        weir_bulk_sum(WEIR_BULK_REQUESTS, file, NULL, &arena, &sum, &param,
                      NULL) == WEIR_OK)
        put_lines(WEIR_BULK_REQUESTS, file, &sum);
    (void)weir_bulk_read_order(body, &order, NULL);
    for (int shape = WEIR_BULK_LINES; shape <= WEIR_BULK_REQUESTS; shape++) {
        weir_buf_init_fixed(&out, told_memory, sizeof(told_memory));
        (void)weir_bulk_retell((enum weir_bulk_shape)shape, body, name_it, NULL,
                               &out, &told, NULL);
    }
    read_results(body);
    return 0;
}
