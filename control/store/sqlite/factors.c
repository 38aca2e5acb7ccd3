/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What factors are learned from, and the lines that were learned.
 *
 * A call counts when both sides are known: it came to its end, its origin
 * counted, and the prompt was text. Pictures and sound are in no cell, as
 * their tokens have nothing to do with their bytes.
 */
#include "control/store/sqlite/factors.h"

#include <string.h>

#include "control/factors/factors.h"

static weir_status
count_in(struct weir_store *store, int64_t model, int64_t tenant,
         enum weir_factor_kind kind, uint64_t bytes, uint64_t tokens,
         struct weir_error *err)
{
    uint32_t cell;
    if (!weir_factor_cell(bytes, tokens, &cell))
        return WEIR_OK;
    const int64_t key[4] = {model, tenant, (int64_t)kind, (int64_t)cell};
    store->cells.keys = WEIR_COUNTOF(key);
    store->cells.sums = 1;
    int64_t *calls = weir_sums_at(&store->cells, key);
    if (calls == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    (*calls)++;
    return WEIR_OK;
}

weir_status
weir_sql_factor_add(struct weir_store *store, int64_t model, int64_t tenant,
                    const struct weir_record_outcome *outcome,
                    struct weir_error *err)
{
    const struct weir_record_sizes *sizes = &outcome->sizes;
    const struct weir_record_units *units = &outcome->units;
    if (outcome->ending != WEIR_END_COMPLETE || outcome->is_estimated ||
        (sizes->shape & WEIR_SIZES_MEDIA) != 0 || sizes->prompt_bytes == 0 ||
        (units->audio_input_tokens | units->audio_output_tokens |
         units->image_input_tokens | units->image_output_tokens) != 0)
        return WEIR_OK;
    /* Some show what they think and some do not: neither says anything. */
    uint64_t answer =
        outcome->reasoning_tokens == 0 ? outcome->output_tokens : 0;
    weir_status status =
        count_in(store, model, tenant,
                 (sizes->shape & WEIR_SIZES_TOOLS) != 0 ? WEIR_FACTOR_TOOLS
                                                        : WEIR_FACTOR_PROMPT,
                 sizes->prompt_bytes, outcome->input_tokens, err);
    if (status == WEIR_OK)
        status = count_in(store, model, tenant, WEIR_FACTOR_ANSWER,
                          sizes->answer_bytes, answer, err);
    return status;
}

/* ---------------------------------------------------------------- reading */

static weir_status
run_rows(struct weir_store *store, enum weir_sql which,
         bool (*on_row)(sqlite3_stmt *row, void *context), void *context,
         struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, which, &own, "");
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        if (!on_row(row, context)) {
            sqlite3_reset(row);
            return WEIR_OK;
        }
    }
    if (step == 0)
        return WEIR_OK;
    if (err != NULL)
        *err = own;
    return own.status;
}

struct cells {
    weir_factor_on_cell *on_cell;
    void *context;
};

static bool
give_cell(sqlite3_stmt *row, void *context)
{
    const struct cells *cells = context;
    const struct weir_factor_cell_row cell = {
        .model = weir_sql_span(row, 0),
        .tenant = sqlite3_column_int64(row, 1),
        .kind = (uint32_t)sqlite3_column_int64(row, 2),
        .cell = (uint32_t)sqlite3_column_int64(row, 3),
        .calls = (uint64_t)sqlite3_column_int64(row, 4),
    };
    return cells->on_cell(cells->context, &cell);
}

weir_status
weir__factor_cells(struct weir_store *store, weir_factor_on_cell *on_cell,
                   void *context, struct weir_error *err)
{
    struct cells cells = {on_cell, context};
    return run_rows(store, WEIR_SQL_FACTOR_CELLS, give_cell, &cells, err);
}

struct rows {
    weir_factor_on_row *on_row;
    void *context;
};

static bool
give_factor(sqlite3_stmt *row, void *context)
{
    const struct rows *rows = context;
    struct weir_factor factor;
    weir_span lines = weir_sql_span(row, 2);
    if (lines.len != sizeof factor)
        return true; /* of another build: learned anew */
    memcpy(&factor, lines.ptr, sizeof factor);
    return !weir_factor_is_sound(&factor) ||
           rows->on_row(rows->context, weir_sql_span(row, 0),
                        sqlite3_column_int64(row, 1), &factor);
}

weir_status
weir_factors(struct weir_store *store, weir_factor_on_row *on_row,
             void *context, struct weir_error *err)
{
    struct rows rows = {on_row, context};
    return run_rows(store, WEIR_SQL_FACTORS, give_factor, &rows, err);
}

/* ---------------------------------------------------------------- writing */

weir_status
weir__factor_set(struct weir_store *store, weir_span model, weir_time now,
                 const struct weir_factor *factor, struct weir_error *err)
{
    _Static_assert(sizeof *factor == 64, "whole numbers of 32 bits");
    return weir_sql_run(store, WEIR_SQL_FACTOR_SET, err, "tib", model, now,
                        (weir_span){(const char *)factor, sizeof *factor});
}

weir_status
weir__factor_forget(struct weir_store *store, uint32_t above,
                    struct weir_error *err)
{
    weir_status status = weir_sql_run(store, WEIR_SQL_FACTOR_CELLS_HALVE, err,
                                      "i", (int64_t)above);
    if (status == WEIR_OK)
        status = weir_sql_run(store, WEIR_SQL_FACTOR_CELLS_DROP, err, "");
    return status;
}
