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
#include <stdlib.h>
#include <string.h>

#include "control/store/sqlite/money_days.h"

struct weir_money_day {
    int64_t day;
    int64_t names[WEIR_MONEY_NAMES];
    int64_t sums[WEIR_MONEY_SUMS];
    bool is_used;
};

void
weir_sql_money_free(struct weir_store *store)
{
    free(store->money);
    store->money = NULL;
    store->money_size = 0;
    store->money_count = 0;
}

static size_t
slot_of(const struct weir_money_day *rows, size_t size,
        const struct weir_money_day *wanted)
{
    const size_t key_bytes = offsetof(struct weir_money_day, sums);
    size_t at = weir_hash64((weir_span){(const char *)wanted, key_bytes}, 0) &
                (size - 1);
    while (rows[at].is_used && memcmp(&rows[at], wanted, key_bytes) != 0)
        at = (at + 1) & (size - 1);
    return at;
}

static bool
grow(struct weir_store *store)
{
    size_t size = store->money_size == 0 ? 256 : store->money_size * 2;
    struct weir_money_day *rows = calloc(size, sizeof *rows);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < store->money_size; i++) {
        if (store->money[i].is_used)
            rows[slot_of(rows, size, &store->money[i])] = store->money[i];
    }
    free(store->money);
    store->money = rows;
    store->money_size = size;
    return true;
}

weir_status
weir_sql_money_add(struct weir_store *store, weir_time decided,
                   const int64_t names[WEIR_MONEY_NAMES],
                   const struct weir_record_outcome *outcome,
                   struct weir_error *err)
{
    struct weir_money_day wanted;
    memset(&wanted, 0, sizeof wanted); /* its bytes are compared */
    wanted.day = decided - decided % WEIR_US_PER_DAY;
    memcpy(wanted.names, names, sizeof wanted.names);
    if (store->money_count * 2 >= store->money_size && !grow(store))
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    struct weir_money_day *row =
        &store->money[slot_of(store->money, store->money_size, &wanted)];
    if (!row->is_used) {
        *row = wanted;
        row->is_used = true;
        store->money_count++;
    }
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
        row->sums[i] += sums[i];
    return WEIR_OK;
}

static weir_status
flush_row(struct weir_store *store, const struct weir_money_day *row,
          struct weir_error *err)
{
    const int64_t *n = row->names, *s = row->sums;
    return weir_sql_run(store, WEIR_SQL_MONEY_DAY_ADD, err,
                        "iiiiiiiiiiiiiiiiiiiiiiiiiii", row->day, n[0], n[1],
                        n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], s[0],
                        s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8], s[9],
                        s[10], s[11], s[12], s[13], s[14], s[15]);
}

weir_status
weir_sql_money_flush(struct weir_store *store, struct weir_error *err)
{
    for (size_t i = 0; i < store->money_size; i++) {
        if (!store->money[i].is_used)
            continue;
        weir_status status = flush_row(store, &store->money[i], err);
        if (status != WEIR_OK)
            return status;
    }
    if (store->money_count > 0)
        memset(store->money, 0, store->money_size * sizeof *store->money);
    store->money_count = 0;
    return WEIR_OK;
}
