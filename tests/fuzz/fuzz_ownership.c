/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an ownership file. What is read is run, and every answer that
 * is not no leads up to a seed, without walking in a circle.
 */
#include "control/evidence/ownership_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7 forgets a buffer after some syntax errors. */
const char *
__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

static void
run(const struct weir_ownership_file *file, uint32_t row)
{
    static uint32_t chain[4096];
    struct weir_ownership_result result;
    struct weir_arena arena;
    const uint8_t *seeds;
    weir_arena_init_heap(&arena, (size_t)1 << 28);
    if (weir_ownership_file_run(file, row, &arena, &result, &seeds, NULL) ==
        WEIR_OK) {
        for (uint32_t i = 0; i < file->party_count && i < 4096; i++) {
            size_t len = weir_ownership_chain(&file->graph, &result, i, chain,
                                              WEIR_COUNTOF(chain));
            bool is_no = result.answers[i] == WEIR_ANSWER_NO;
            if ((is_no && len > 0) || len > file->party_count ||
                result.held[i].low > result.held[i].high ||
                (seeds[i] == WEIR_SEED_YES &&
                 result.answers[i] != WEIR_ANSWER_YES))
                abort();
            if (len > 0 && len < WEIR_COUNTOF(chain) &&
                seeds[file->graph.holdings[chain[len - 1]].owner] ==
                    WEIR_SEED_NO &&
                !file->rule_rows[row].doubts_undisclosed)
                abort();
        }
    }
    weir_arena_fini(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct weir_ownership_file file;
    struct weir_faults faults;
    weir_faults_init(&faults);
    if (weir_ownership_file_read(&file, (weir_span){(const char *)bytes, len},
                                 WEIR_SPAN("f"), &faults, NULL) == WEIR_OK) {
        for (uint32_t i = 0; i < file.rule_count && i < 4; i++)
            run(&file, i);
    } else if (faults.total == 0 && !file.arena.overflow) {
        abort();
    }
    weir_ownership_file_fini(&file);
    weir_faults_fini(&faults);
    return 0;
}
