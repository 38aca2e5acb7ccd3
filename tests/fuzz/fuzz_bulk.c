/* SPDX-License-Identifier: Apache-2.0 */
/* Forms with files of lines, orders and what origins tell: never a crash, and
 * what was summed can be prepared within the room that is promised. */
#include <weir/bulk.h>

#include <stdlib.h>

static bool
name_it(void *context, weir_span member, weir_span id, struct weir_buf *out)
{
    (void)context;
    (void)member;
    weir_buf_addf(out, "\"%zu\"", id.len);
    return true;
}

static void
put_lines(weir_span file, const struct weir_bulk_sum *sum)
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
        weir_provider_find(WEIR_SPAN("openai")), &target, file, &out, NULL);
    if (status != WEIR_OK && out.overflow)
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
    weir_span param;
    weir_arena_init(&arena, memory, sizeof(memory));
    if (weir_bulk_read_form(body, &form, NULL) == WEIR_OK)
        body = form.file;
    if (weir_bulk_sum(body, &arena, &sum, &param, NULL) == WEIR_OK)
        put_lines(body, &sum);
    (void)weir_bulk_read_order(body, &order, NULL);
    weir_buf_init_fixed(&out, told_memory, sizeof(told_memory));
    (void)weir_bulk_retell(body, name_it, NULL, &out, &told, NULL);
    return 0;
}
