/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as weir.yaml: it is read or refused with a place, never more. A
 * text without fault is checked and compiled too.
 */
#include "control/config/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7 forgets a buffer after some syntax errors: a page for each
 * refused reload, which is not ours to mend and not worth refusing. */
const char *
__lsan_default_suppressions(void)
{
    return "leak:libfyaml.so";
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct weir_faults faults;
    struct weir_buf out;
    struct weir_buf text;
    char *copy = malloc(len > 0 ? len : 1);
    struct weir_world *world = weir_world_new();
    if (copy == NULL || world == NULL)
        abort();
    for (size_t i = 0; i < len; i++)
        copy[i] = (char)bytes[i];
    weir_faults_init(&faults);
    weir_status status = weir_config_parse((weir_span){copy, len},
                                           WEIR_SPAN("f"), world, &faults);
    if ((status == WEIR_OK) != (faults.total == 0))
        abort();
    if (status == WEIR_OK && weir_world_check(world, &faults)) {
        status = weir_config_compile(world, 0, 1, &out, &faults);
        if ((status == WEIR_OK) != (faults.total == 0))
            abort();
        weir_buf_fini(&out);
    }
    for (uint32_t i = 0; i < faults.count; i++) {
        if (faults.rows[i].text.len == 0)
            abort();
    }
    weir_buf_init(&text, 16 << 20);
    weir_faults_write(&faults, &text);
    weir_buf_fini(&text);
    weir_world_free(world);
    weir_faults_fini(&faults);
    free(copy);
    return 0;
}
