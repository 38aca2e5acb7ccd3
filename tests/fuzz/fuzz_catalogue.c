/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an export: refused, or entries whose text reads back without
 * a difference.
 */
#include "control/catalogue/catalogue.h"

#include <stdlib.h>

#include "control/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char makers[] =
    "makers:\n"
    "  - {name: a, origin: DE, matches: [a/, a-*, \"=h\"]}\n"
    "  - {name: b, origin: DE, matches: [b/, b*]}\n";

static void
on_change(void *context, enum weir_catalogue_change change, weir_span name,
          const char *field, weir_span before, weir_span after)
{
    abort();
}

static void
write_and_read(const struct weir_world *world, struct weir_faults *faults)
{
    static const char *const names[] = {"", "a", "b"};
    struct weir_world *again = weir_world_new();
    struct weir_buf text;
    weir_buf_init(&text, (size_t)1 << 26);
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++) {
        weir_buf_reset(&text);
        weir_catalogue_write(world, weir_span_of(names[i]), WEIR_SPAN("f"),
                             &text);
        if (!text.overflow &&
            weir_config_parse(weir_buf_span(&text), WEIR_SPAN("w"), again,
                              faults) != WEIR_OK)
            abort();
    }
    if (weir_catalogue_diff(world, again, on_change, NULL, NULL) != WEIR_OK)
        abort();
    weir_buf_fini(&text);
    weir_world_free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct weir_faults faults;
    struct weir_catalogue_counts counts;
    struct weir_world *world = weir_world_new();
    weir_faults_init(&faults);
    if (weir_config_parse(WEIR_SPAN(makers), WEIR_SPAN("m"), world, &faults) !=
        WEIR_OK)
        abort();
    if (weir_catalogue_import((weir_span){(const char *)bytes, len},
                              WEIR_SPAN("f"), 1000, world, &counts, &faults,
                              NULL) == WEIR_OK)
        write_and_read(world, &faults);
    weir_world_free(world);
    weir_faults_fini(&faults);
    return 0;
}
