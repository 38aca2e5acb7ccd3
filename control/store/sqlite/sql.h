/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/store/sqlite/sql.h - what the files of this folder share.
 *
 * Threads: as weir_store. Memory: a column's span lives until the statement
 * is stepped or reset.
 */
#ifndef WEIR_SQL_H
#define WEIR_SQL_H

#include <sqlite3.h>

#include "control/store/sqlite/sums.h"
#include "control/store/store.h"

enum weir_sql {
#define WEIR_SQL(name, text) WEIR_SQL_##name,
#include "control/store/sqlite/statements.def"
#undef WEIR_SQL
    WEIR_SQL_COUNT
};

/* A cache from text (or digest) to its id. Open addressing; entries own
 * their text. */
struct weir_intern_entry {
    char *text;
    size_t len;
    int64_t id;
};
struct weir_intern {
    struct weir_intern_entry *entries;
    size_t size; /* power of two */
    size_t count;
};

struct weir_store {
    sqlite3 *db;
    sqlite3_stmt *statements[WEIR_SQL_COUNT];
    struct weir_intern names;
    struct weir_intern images;
    char **texts; /* by name id; NULL: not read yet */
    size_t text_count;
    struct weir_sums totals; /* ledger.c */
    struct weir_sums money;  /* money_days.c */
    struct weir_sums cells;  /* factors.c */
    bool is_inside;          /* of a transaction */
    bool is_derived;         /* watch.db */
};

/* The statement, reset, with values bound by `format`: i int64_t,
 * d double, t weir_span as text, b weir_span as blob. NULL: err says why. */
sqlite3_stmt *weir_sql_bind(struct weir_store *store, enum weir_sql which,
                            struct weir_error *err, const char *format, ...);
/* Binds, runs to the end, resets. SQLITE_CONSTRAINT gives ECONFLICT. */
weir_status weir_sql_run(struct weir_store *store, enum weir_sql which,
                         struct weir_error *err, const char *format, ...);
/* One step: 1 a row, 0 the end (reset), -1 failed (reset, err filled). */
int weir_sql_step(struct weir_store *store, sqlite3_stmt *statement,
                  struct weir_error *err);
weir_status weir_sql_fail(struct weir_store *store, struct weir_error *err);
weir_span weir_sql_span(sqlite3_stmt *statement, int column);

/* Ids of texts and digests, made where they are new. Must be inside a
 * transaction. -1: err says why. */
int64_t weir_sql_name(struct weir_store *store, weir_span text,
                      struct weir_error *err);
int64_t weir_sql_image(struct weir_store *store, const uint8_t digest[32],
                       struct weir_error *err);
/* Notes for whom a reseller called. */
weir_status weir_sql_end_customer(struct weir_store *store,
                                  const struct weir_request_id *request,
                                  weir_span name, struct weir_error *err);
/* The text of a name id; empty when there is none. */
weir_span weir_sql_text(struct weir_store *store, int64_t id);
void weir_sql_forget(struct weir_store *store); /* after a rollback */
/* Adds every row by `which`, whose parameters are its keys and sums, and
 * forgets them. */
WEIR_MUST_USE weir_status weir_sql_flush(struct weir_store *store,
                                         struct weir_sums *sums,
                                         enum weir_sql which,
                                         struct weir_error *err);

#endif
