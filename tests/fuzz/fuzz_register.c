/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a register: read or refused, never more. What was read has
 * shares in order, places that exist, and is the same when it is read again.
 */
#include "control/evidence/register.h"

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
check(const struct weir_facts *facts)
{
    for (uint32_t i = 0; i < facts->count; i++) {
        const struct weir_fact *fact = &facts->rows[i];
        uint32_t row;
        bool is_place = fact->kind == WEIR_FACT_HEADQUARTERS ||
                        fact->kind == WEIR_FACT_INCORPORATED;
        if (fact->organisation.len == 0 || fact->value.len == 0 ||
            fact->share.low > fact->share.high ||
            fact->share.high > WEIR_SHARE_ALL ||
            (is_place && !weir_jurisdiction_find(fact->value, &row)) ||
            (i > 0 && weir_fact_compare(fact - 1, fact) >= 0))
            abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct weir_register_options options = {
        {"s", 1}, WEIR_RANK_REGISTER, 0, 2};
    uint32_t counts[2] = {0, 0};
    for (int pass = 0; pass < 2; pass++) {
        struct weir_register got;
        struct weir_faults faults;
        weir_faults_init(&faults);
        if (weir_register_read(&got, (weir_span){(const char *)bytes, len},
                               WEIR_SPAN("f"), &options, &faults,
                               NULL) == WEIR_OK) {
            check(&got.facts);
            counts[pass] = got.facts.count;
        }
        weir_register_fini(&got);
        weir_faults_fini(&faults);
    }
    if (counts[0] != counts[1])
        abort();
    return 0;
}
