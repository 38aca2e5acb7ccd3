/* SPDX-License-Identifier: Apache-2.0 */
/* Facts and imports. Triggers refuse whoever would change one. */
#include <string.h>

#include "control/evidence/store.h"
#include "control/store/sqlite/sql.h"

weir_status
weir_store_fact_add(struct weir_store *store, const struct weir_fact *fact,
                    int64_t *number_out, struct weir_error *err)
{
    weir_status status = weir_sql_run(
        store, WEIR_SQL_FACT_ADD, err, "titiittiiiiti", fact->organisation,
        (int64_t)fact->kind, fact->value, (int64_t)fact->share.low,
        (int64_t)fact->share.high, fact->source, fact->place,
        (int64_t)fact->rank, fact->as_of, fact->valid_until, fact->entered,
        fact->entered_by, fact->import);
    if (status == WEIR_OK)
        *number_out = sqlite3_last_insert_rowid(store->db);
    return status;
}

weir_status
weir_store_fact_end(struct weir_store *store, int64_t number, weir_time when,
                    weir_span by, weir_span reason, int64_t import,
                    struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_FACT_END, err, "iitti", number, when,
                        by, reason, import);
}

static bool
take_fact(sqlite3_stmt *row, struct weir_facts *facts)
{
    struct weir_fact *fact = weir_facts_add(facts);
    if (fact == NULL)
        return false;
    struct weir_arena *arena = &facts->arena;
    fact->number = sqlite3_column_int64(row, 0);
    fact->organisation = weir_arena_copy(arena, weir_sql_span(row, 1));
    fact->kind = (enum weir_fact_kind)sqlite3_column_int(row, 2);
    fact->value = weir_arena_copy(arena, weir_sql_span(row, 3));
    fact->share.low = (uint32_t)sqlite3_column_int64(row, 4);
    fact->share.high = (uint32_t)sqlite3_column_int64(row, 5);
    fact->source = weir_arena_copy(arena, weir_sql_span(row, 6));
    fact->place = weir_arena_copy(arena, weir_sql_span(row, 7));
    fact->rank = (enum weir_fact_rank)sqlite3_column_int(row, 8);
    fact->as_of = sqlite3_column_int64(row, 9);
    fact->valid_until = sqlite3_column_int64(row, 10);
    fact->entered = sqlite3_column_int64(row, 11);
    fact->entered_by = weir_arena_copy(arena, weir_sql_span(row, 12));
    fact->import = sqlite3_column_int64(row, 13);
    if (sqlite3_column_type(row, 14) != SQLITE_NULL) {
        fact->ended = sqlite3_column_int64(row, 14);
        fact->ended_by = weir_arena_copy(arena, weir_sql_span(row, 15));
        fact->end_reason = weir_arena_copy(arena, weir_sql_span(row, 16));
    }
    return !arena->overflow;
}

static weir_status
take_facts(struct weir_store *store, enum weir_sql which, weir_span key,
           struct weir_facts *facts, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, which, &own, "t", key);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        if (take_fact(row, facts))
            continue;
        sqlite3_reset(row);
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the facts do not fit in memory");
    }
    if (step < 0 && err != NULL)
        *err = own;
    return step < 0 ? own.status : WEIR_OK;
}

weir_status
weir_store_facts_of(struct weir_store *store, weir_span organisation,
                    struct weir_facts *facts, struct weir_error *err)
{
    return take_facts(store, WEIR_SQL_FACTS_OF, organisation, facts, err);
}

weir_status
weir_store_facts_live(struct weir_store *store, weir_span source,
                      struct weir_facts *facts, struct weir_error *err)
{
    return take_facts(store, WEIR_SQL_FACTS_LIVE, source, facts, err);
}

/* Texts of one column, until the callback has enough. */
static weir_status
take_texts(struct weir_store *store, sqlite3_stmt *row,
           weir_store_on_text *on_text, void *context, struct weir_error *own)
{
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, own)) == 1) {
        if (on_text(context, weir_sql_span(row, 0)))
            continue;
        sqlite3_reset(row);
        return WEIR_OK;
    }
    return step < 0 ? own->status : WEIR_OK;
}

weir_status
weir_store_fact_shared(struct weir_store *store, weir_span identifier,
                       weir_store_on_text *on_text, void *context,
                       struct weir_error *err)
{
    struct weir_error own = {0};
    weir_status status = take_texts(
        store,
        weir_sql_bind(store, WEIR_SQL_FACT_SHARED, &own, "t", identifier),
        on_text, context, &own);
    if (status != WEIR_OK && err != NULL)
        *err = own;
    return status;
}

weir_status
weir_store_fact_organisations(struct weir_store *store, weir_span after,
                              uint32_t limit, weir_store_on_text *on_text,
                              void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    weir_status status =
        take_texts(store,
                   weir_sql_bind(store, WEIR_SQL_FACT_ORGANISATIONS, &own, "ti",
                                 after, (int64_t)limit),
                   on_text, context, &own);
    if (status != WEIR_OK && err != NULL)
        *err = own;
    return status;
}

/* A statement whose one row is one number. */
static weir_status
take_number(struct weir_store *store, sqlite3_stmt *row, int64_t *number_out,
            struct weir_error *own, struct weir_error *err)
{
    int step = row == NULL ? -1 : weir_sql_step(store, row, own);
    if (step == 1) {
        *number_out = sqlite3_column_int64(row, 0);
        sqlite3_reset(row);
    }
    if (step < 0 && err != NULL)
        *err = *own;
    return step < 0 ? own->status : WEIR_OK;
}

weir_status
weir_store_fact_last(struct weir_store *store, int64_t *number_out,
                     struct weir_error *err)
{
    struct weir_error own = {0};
    *number_out = 0;
    return take_number(store,
                       weir_sql_bind(store, WEIR_SQL_FACT_LAST, &own, ""),
                       number_out, &own, err);
}

weir_status
weir_store_import_next(struct weir_store *store, int64_t *number_out,
                       struct weir_error *err)
{
    struct weir_error own = {0};
    weir_status status =
        take_number(store, weir_sql_bind(store, WEIR_SQL_IMPORT_LAST, &own, ""),
                    number_out, &own, err);
    (*number_out)++;
    return status;
}

weir_status
weir_store_import_add(struct weir_store *store, const struct weir_import *row,
                      struct weir_error *err)
{
    weir_status status = weir_sql_run(
        store, WEIR_SQL_IMPORT_ADD, err, "itttbiiiiit", row->number,
        row->source, row->file, row->format,
        (weir_span){(const char *)row->digest, 32}, row->stated, row->added,
        row->ended, row->bad, row->entered, row->entered_by);
    return status == WEIR_OK ? weir_sql_run(store, WEIR_SQL_IMPORT_FORGET, err,
                                            "i", row->number)
                             : status;
}

weir_status
weir_store_import_begin(struct weir_store *store, const struct weir_import *row,
                        struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_IMPORT_BEGIN, err, "ittit", row->number,
                        row->source, row->file, row->entered, row->entered_by);
}

/* 0: none is open. */
static weir_status
find_open(struct weir_store *store, int64_t *number_out, int64_t *first_out,
          struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_IMPORT_OPEN, &own, "");
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    *number_out = step == 1 ? sqlite3_column_int64(row, 0) : 0;
    *first_out = step == 1 ? sqlite3_column_int64(row, 1) : 0;
    if (step == 1)
        sqlite3_reset(row);
    if (step < 0 && err != NULL)
        *err = own;
    return step < 0 ? own.status : WEIR_OK;
}

weir_status
weir_store_import_drop(struct weir_store *store, uint32_t limit,
                       bool *is_over_out, struct weir_error *err)
{
    int64_t number, first;
    *is_over_out = true;
    weir_status status = find_open(store, &number, &first, err);
    if (status != WEIR_OK || number == 0)
        return status;
    status = weir_sql_run(store, WEIR_SQL_IMPORT_DROP_ENDS, err, "ii", number,
                          (int64_t)limit);
    if (status == WEIR_OK && sqlite3_changes(store->db) == 0)
        status = weir_sql_run(store, WEIR_SQL_IMPORT_DROP_FACTS, err, "iii",
                              first, number, (int64_t)limit);
    if (status != WEIR_OK)
        return status;
    *is_over_out = sqlite3_changes(store->db) == 0;
    return *is_over_out
               ? weir_sql_run(store, WEIR_SQL_IMPORT_FORGET, err, "i", number)
               : WEIR_OK;
}

weir_status
weir_store_is_import_open(struct weir_store *store, bool *is_open_out,
                          struct weir_error *err)
{
    int64_t number, first;
    weir_status status = find_open(store, &number, &first, err);
    *is_open_out = status == WEIR_OK && number != 0;
    return status;
}

weir_status
weir_store_imports(struct weir_store *store, uint32_t limit,
                   weir_store_on_import *on_import, void *context,
                   struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_IMPORTS, &own, "i", (int64_t)limit);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        struct weir_import import = {
            .number = sqlite3_column_int64(row, 0),
            .source = weir_sql_span(row, 1),
            .file = weir_sql_span(row, 2),
            .format = weir_sql_span(row, 3),
            .stated = sqlite3_column_int64(row, 5),
            .added = sqlite3_column_int64(row, 6),
            .ended = sqlite3_column_int64(row, 7),
            .bad = sqlite3_column_int64(row, 8),
            .entered = sqlite3_column_int64(row, 9),
            .entered_by = weir_sql_span(row, 10),
        };
        weir_span digest = weir_sql_span(row, 4);
        if (digest.len == sizeof import.digest)
            memcpy(import.digest, digest.ptr, sizeof import.digest);
        if (!on_import(context, &import)) {
            sqlite3_reset(row);
            return WEIR_OK;
        }
    }
    if (step < 0 && err != NULL)
        *err = own;
    return step < 0 ? own.status : WEIR_OK;
}
