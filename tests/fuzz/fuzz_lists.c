/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a list: read or refused, never more. What was read is indexed
 * and asked for its own names, which must be found with the full score.
 */
#include "control/lists/lists.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
ask(const struct weir_screening_rows *rows)
{
    struct weir_arena arena;
    const struct weir_screening *index;
    struct weir_screening_hit hit;
    weir_arena_init_heap(&arena, (size_t)1 << 28);
    if (weir_screening_build(rows, &arena, &index, NULL) != WEIR_OK)
        abort();
    struct weir_screening_scratch *scratch =
        weir_screening_scratch_new(index, &arena);
    if (scratch == NULL)
        abort();
    for (uint32_t i = 0; i < rows->name_count && i < 16; i++) {
        struct weir_screening_answer answer = weir_screening_query(
            index, scratch, rows->name_rows[i].text, 1000, &hit, 1);
        if (!answer.is_empty && (answer.count != 1 || hit.score != 1000))
            abort();
    }
    weir_arena_fini(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct weir_screening_rows rows;
    struct weir_faults faults;
    struct weir_list_options options = {.bad_max = 3};
    weir_span text = {(const char *)bytes, len};
    weir_screening_rows_init(&rows);
    weir_faults_init(&faults);
    if (weir_list_parse(text, WEIR_SPAN("f"), &options, &rows, &faults, NULL) ==
        WEIR_OK) {
        /* ALT and ADD need entries before them: once more, as their own */
        (void)weir_list_parse(text, WEIR_SPAN("g"), &options, &rows, &faults,
                              NULL);
        ask(&rows);
    }
    weir_faults_fini(&faults);
    weir_screening_rows_fini(&rows);
    return 0;
}
