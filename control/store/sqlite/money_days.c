/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Money by day: what bills, exports and reports group by, summed as calls
 * end. A year of a hundred million calls is some thousand rows here.
 *
 * Rows are summed in memory while a batch runs and added to their table
 * before it commits, as the daily totals are: the same transaction, so that
 * table and ledger never differ. What is open is counted in the ledger, which
 * has an index of it.
 */
#include <string.h>

#include "control/store/sqlite/money_days.h"

weir_status
weir_sql_money_add(struct weir_store *store, weir_time decided,
                   const int64_t names[WEIR_MONEY_NAMES],
                   const struct weir_record_outcome *outcome,
                   struct weir_error *err)
{
    int64_t key[1 + WEIR_MONEY_NAMES] = {decided - decided % WEIR_US_PER_DAY};
    memcpy(key + 1, names, WEIR_MONEY_NAMES * sizeof *names);
    store->money.keys = WEIR_COUNTOF(key);
    store->money.sums = WEIR_MONEY_SUMS;
    int64_t *row = weir_sums_at(&store->money, key);
    if (row == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    const struct weir_record_units *units = &outcome->units;
    const int64_t sums[WEIR_MONEY_SUMS] = {
        1,
        outcome->is_estimated != 0,
        (int64_t)outcome->input_tokens,
        (int64_t)outcome->cached_tokens,
        (int64_t)outcome->output_tokens,
        (int64_t)outcome->reasoning_tokens,
        outcome->cost_micros,
        (outcome->input_tokens | outcome->output_tokens | units->pictures) != 0,
        (int64_t)units->cache_write_tokens,
        (int64_t)units->cache_write_1h_tokens,
        (int64_t)units->audio_input_tokens,
        (int64_t)units->audio_cached_tokens,
        (int64_t)units->audio_output_tokens,
        (int64_t)units->image_input_tokens,
        (int64_t)units->image_output_tokens,
        (int64_t)units->pictures,
    };
    for (size_t i = 0; i < WEIR_MONEY_SUMS; i++)
        row[i] += sums[i];
    return WEIR_OK;
}
