/* SPDX-License-Identifier: Apache-2.0 */
/* Counts that most calls have none of, as members that most rows lack. */
#include "control/invoices/invoices.h"

#include <weir/gate.h>

void
weir_units_json(json_t *row, const struct weir_record_units *units)
{
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"cache_write_tokens", units->cache_write_tokens},
        {"cache_write_1h_tokens", units->cache_write_1h_tokens},
        {"audio_input_tokens", units->audio_input_tokens},
        {"audio_cached_tokens", units->audio_cached_tokens},
        {"audio_output_tokens", units->audio_output_tokens},
        {"image_input_tokens", units->image_input_tokens},
        {"image_output_tokens", units->image_output_tokens},
        {"pictures", units->pictures},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(counts); i++) {
        if (counts[i].value != 0)
            json_object_set_new(row, counts[i].name,
                                json_integer((json_int_t)counts[i].value));
    }
    if (units->service != 0)
        json_object_set_new(
            row, "service",
            json_string(weir_service_name((enum weir_service)units->service)));
}

void
weir_usage_json(json_t *row, const struct weir_usage *usage)
{
    struct weir_record_units units = weir_record_units_of(usage);
    weir_units_json(row, &units);
}
