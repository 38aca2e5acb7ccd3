/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite behind store.h: opening, migrations, statements, interned names.
 *
 * WAL, synchronous FULL: a commit is on disk when it returns, because keys,
 * withdrawals and tokens are nowhere else. Ingest relaxes that for itself:
 * the ledger and the position in the journal are lost together or not at
 * all, and the journal is on disk.
 *
 * Names are interned because a ledger row repeats a dozen of them; rows stay
 * near 150 bytes and grouping compares integers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "control/store/sqlite/sql.h"

static const char *const statement_texts[] = {
#define WEIR_SQL(name, text) text,
#include "control/store/sqlite/statements.def"
#undef WEIR_SQL
};

/* One step of the schema. Steps are done in the order of schema.def, each
 * once in the life of a store; `migration` has a row for each done. */
static const struct migration {
    const char *room;
    int step;
    const char *text;
} migrations[] = {
#define WEIR_MIGRATION(room, step, text) {#room, step, text},
#include "control/store/sqlite/schema.def"
#undef WEIR_MIGRATION
};
#define MIGRATION_COUNT (sizeof migrations / sizeof migrations[0])

/* The room that has a file of its own: it is bulk, and can be made again. */
#define DERIVED_ROOM "pools"

static bool
is_of_store(const struct weir_store *store, const struct migration *migration)
{
    return (strcmp(migration->room, DERIVED_ROOM) == 0) == store->is_derived;
}

/* How long a writer waits for another one, ms. Ingest commits in batches of
 * a fraction of this. */
#define BUSY_MS 10000

weir_status
weir_sql_fail(struct weir_store *store, struct weir_error *err)
{
    int code = sqlite3_errcode(store->db);
    weir_status status = WEIR_EIO;
    if ((code & 0xff) == SQLITE_CONSTRAINT)
        status = WEIR_ECONFLICT;
    else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        status = WEIR_ECORRUPT;
    else if (code == SQLITE_NOMEM)
        status = WEIR_ENOMEM;
    else if (code == SQLITE_BUSY || code == SQLITE_FULL)
        status = WEIR_EUNAVAIL;
    return weir_fail(err, status, WEIR_OFFSET_NONE, "store: %.150s",
                     sqlite3_errmsg(store->db));
}

static sqlite3_stmt *
bind_list(struct weir_store *store, enum weir_sql which, struct weir_error *err,
          const char *format, va_list values)
{
    sqlite3_stmt *statement = store->statements[which];
    if (statement == NULL) {
        if (sqlite3_prepare_v3(store->db, statement_texts[which], -1,
                               SQLITE_PREPARE_PERSISTENT, &statement,
                               NULL) != SQLITE_OK) {
            (void)weir_sql_fail(store, err);
            return NULL;
        }
        store->statements[which] = statement;
    }
    sqlite3_reset(statement);
    int failed = SQLITE_OK;
    for (int i = 1; *format != '\0'; format++, i++) {
        int code;
        if (*format == 'i') {
            code = sqlite3_bind_int64(statement, i, va_arg(values, int64_t));
        } else if (*format == 'd') {
            code = sqlite3_bind_double(statement, i, va_arg(values, double));
        } else {
            weir_span span = va_arg(values, weir_span);
            const char *ptr = span.ptr == NULL ? "" : span.ptr;
            code = *format == 't'
                       ? sqlite3_bind_text64(statement, i, ptr, span.len,
                                             SQLITE_STATIC, SQLITE_UTF8)
                       : sqlite3_bind_blob64(statement, i, ptr, span.len,
                                             SQLITE_STATIC);
        }
        if (code != SQLITE_OK)
            failed = code;
    }
    if (failed != SQLITE_OK) {
        (void)weir_sql_fail(store, err);
        return NULL;
    }
    return statement;
}

sqlite3_stmt *
weir_sql_bind(struct weir_store *store, enum weir_sql which,
              struct weir_error *err, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    sqlite3_stmt *statement = bind_list(store, which, err, format, values);
    va_end(values);
    return statement;
}

int
weir_sql_step(struct weir_store *store, sqlite3_stmt *statement,
              struct weir_error *err)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return 1;
    if (code != SQLITE_DONE)
        (void)weir_sql_fail(store, err);
    sqlite3_reset(statement);
    return code == SQLITE_DONE ? 0 : -1;
}

weir_status
weir_sql_run(struct weir_store *store, enum weir_sql which,
             struct weir_error *err, const char *format, ...)
{
    struct weir_error own = {0};
    va_list values;
    va_start(values, format);
    sqlite3_stmt *statement = bind_list(store, which, &own, format, values);
    va_end(values);
    int step = statement == NULL ? -1 : 1;
    while (step == 1)
        step = weir_sql_step(store, statement, &own);
    if (step == 0)
        return WEIR_OK;
    if (err != NULL)
        *err = own;
    return own.status;
}

weir_status
weir_sql_flush(struct weir_store *store, struct weir_sums *sums,
               enum weir_sql which, struct weir_error *err)
{
    const int64_t *row;
    size_t at = 0;
    while ((row = weir_sums_next(sums, &at)) != NULL) {
        sqlite3_stmt *statement = weir_sql_bind(store, which, err, "");
        if (statement == NULL)
            return err == NULL ? WEIR_EIO : err->status;
        for (size_t i = 0; i < sums->keys + sums->sums; i++)
            sqlite3_bind_int64(statement, (int)i + 1, row[i]);
        struct weir_error own = {0};
        if (weir_sql_step(store, statement, &own) < 0) {
            if (err != NULL)
                *err = own;
            return own.status;
        }
    }
    weir_sums_clear(sums);
    return WEIR_OK;
}

weir_span
weir_sql_span(sqlite3_stmt *statement, int column)
{
    const void *bytes = sqlite3_column_blob(statement, column);
    return (weir_span){bytes == NULL ? "" : bytes,
                       (size_t)sqlite3_column_bytes(statement, column)};
}

/* ------------------------------------------------------------- interning */

static struct weir_intern_entry *
intern_slot(struct weir_intern *table, weir_span text)
{
    size_t at = weir_hash64(text, 0) & (table->size - 1);
    while (table->entries[at].text != NULL) {
        struct weir_intern_entry *entry = &table->entries[at];
        if (entry->len == text.len &&
            memcmp(entry->text, text.ptr, text.len) == 0)
            return entry;
        at = (at + 1) & (table->size - 1);
    }
    return &table->entries[at];
}

static void
intern_free(struct weir_intern *table)
{
    for (size_t i = 0; i < table->size; i++)
        free(table->entries[i].text);
    free(table->entries);
    *table = (struct weir_intern){0};
}

static bool
intern_grow(struct weir_intern *table)
{
    struct weir_intern bigger = {.size =
                                     table->size == 0 ? 256 : table->size * 2};
    bigger.entries = calloc(bigger.size, sizeof *bigger.entries);
    if (bigger.entries == NULL)
        return false;
    for (size_t i = 0; i < table->size; i++) {
        struct weir_intern_entry *entry = &table->entries[i];
        if (entry->text != NULL)
            *intern_slot(&bigger, (weir_span){entry->text, entry->len}) =
                *entry;
    }
    bigger.count = table->count;
    free(table->entries);
    *table = bigger;
    return true;
}

/* The id of `text`, from the cache, the table, or made now. */
static int64_t
intern(struct weir_store *store, struct weir_intern *table, weir_span text,
       enum weir_sql get, enum weir_sql add, const char *format,
       struct weir_error *err)
{
    if (table->count * 2 >= table->size && !intern_grow(table)) {
        (void)weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
        return -1;
    }
    struct weir_intern_entry *entry = intern_slot(table, text);
    if (entry->text != NULL)
        return entry->id;
    int64_t id = -1;
    for (int pass = 0; pass < 2 && id < 0; pass++) {
        sqlite3_stmt *statement =
            weir_sql_bind(store, pass == 0 ? get : add, err, format, text);
        int step = statement == NULL ? -1 : 1;
        while ((step = step < 0 ? -1 : weir_sql_step(store, statement, err)) ==
               1)
            id = sqlite3_column_int64(statement, 0);
        if (step < 0)
            return -1;
    }
    entry->text = malloc(text.len + 1);
    if (entry->text == NULL) {
        (void)weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
        return -1;
    }
    memcpy(entry->text, text.ptr == NULL ? "" : text.ptr, text.len);
    entry->len = text.len;
    entry->id = id;
    table->count++;
    return id;
}

int64_t
weir_sql_name(struct weir_store *store, weir_span text, struct weir_error *err)
{
    if (text.len == 0)
        return 0;
    return intern(store, &store->names, text, WEIR_SQL_NAME_GET,
                  WEIR_SQL_NAME_ADD, "t", err);
}

int64_t
weir_sql_image(struct weir_store *store, const uint8_t digest[32],
               struct weir_error *err)
{
    return intern(store, &store->images, (weir_span){(const char *)digest, 32},
                  WEIR_SQL_IMAGE_GET, WEIR_SQL_IMAGE_ADD, "b", err);
}

void
weir_sql_forget(struct weir_store *store)
{
    intern_free(&store->names);
    intern_free(&store->images);
    for (size_t i = 0; i < store->text_count; i++)
        free(store->texts[i]);
    free(store->texts);
    store->texts = NULL;
    store->text_count = 0;
}

static bool
texts_grow(struct weir_store *store, size_t id)
{
    size_t count = store->text_count == 0 ? 256 : store->text_count;
    while (count <= id)
        count *= 2;
    char **texts = realloc(store->texts, count * sizeof *texts);
    if (texts == NULL)
        return false;
    memset(texts + store->text_count, 0,
           (count - store->text_count) * sizeof *texts);
    store->texts = texts;
    store->text_count = count;
    return true;
}

weir_span
weir_sql_text(struct weir_store *store, int64_t id)
{
    if (id <= 0 || id > INT32_MAX)
        return WEIR_SPAN("");
    size_t at = (size_t)id;
    if (at >= store->text_count && !texts_grow(store, at))
        return WEIR_SPAN("");
    if (store->texts[at] == NULL) {
        sqlite3_stmt *statement =
            weir_sql_bind(store, WEIR_SQL_NAME_TEXT, NULL, "i", id);
        if (statement == NULL || weir_sql_step(store, statement, NULL) != 1)
            return WEIR_SPAN("");
        weir_span text = weir_sql_span(statement, 0);
        store->texts[at] = strndup(text.ptr, text.len);
        sqlite3_reset(statement);
    }
    return store->texts[at] == NULL ? WEIR_SPAN("")
                                    : weir_span_of(store->texts[at]);
}

/* ------------------------------------------------------- open and close */

static weir_status
run_text(struct weir_store *store, const char *text, struct weir_error *err)
{
    if (sqlite3_exec(store->db, text, NULL, NULL, NULL) != SQLITE_OK)
        return weir_sql_fail(store, err);
    return WEIR_OK;
}

/* Marks in `is_done` the steps that this store has behind it. EVERSION: it
 * has one that this program does not know. */
static weir_status
read_done(struct weir_store *store, bool is_done[MIGRATION_COUNT],
          struct weir_error *err)
{
    sqlite3_stmt *statement;
    for (size_t i = 0; i < MIGRATION_COUNT; i++)
        is_done[i] = !is_of_store(store, &migrations[i]);
    if (sqlite3_prepare_v2(store->db, "SELECT room, step FROM migration", -1,
                           &statement, NULL) != SQLITE_OK)
        return weir_sql_fail(store, err);
    weir_status status = WEIR_OK;
    int step;
    while ((step = weir_sql_step(store, statement, err)) == 1) {
        weir_span room = weir_sql_span(statement, 0);
        int number = sqlite3_column_int(statement, 1);
        size_t at = 0;
        while (at < MIGRATION_COUNT &&
               (migrations[at].step != number ||
                !weir_span_equal(room, weir_span_of(migrations[at].room))))
            at++;
        if (at < MIGRATION_COUNT)
            is_done[at] = true;
        else if (status == WEIR_OK)
            status = weir_fail(err, WEIR_EVERSION, WEIR_OFFSET_NONE,
                               "store: written by a newer weir (this one "
                               "does not know step %d of %.*s)",
                               number, (int)room.len, room.ptr);
    }
    sqlite3_finalize(statement);
    return step < 0 ? err->status : status;
}

static weir_status
do_step(struct weir_store *store, const struct migration *migration,
        struct weir_error *err)
{
    char done[128];
    snprintf(done, sizeof done, "INSERT INTO migration VALUES('%s', %d)",
             migration->room, migration->step);
    weir_status status = run_text(store, migration->text, err);
    return status == WEIR_OK ? run_text(store, done, err) : status;
}

/* Stores of schema version 1 had no table of steps, but the first of them. */
static weir_status
begin_steps(struct weir_store *store, struct weir_error *err)
{
    return run_text(
        store,
        "CREATE TABLE IF NOT EXISTS migration(room TEXT NOT NULL,"
        " step INTEGER NOT NULL, PRIMARY KEY(room, step)) WITHOUT ROWID;"
        "INSERT OR IGNORE INTO migration SELECT 'base', 1"
        " FROM sqlite_master WHERE type = 'table' AND name = 'call'",
        err);
}

static weir_status
migrate(struct weir_store *store, struct weir_error *err)
{
    bool is_done[MIGRATION_COUNT];
    struct weir_error none = {0};
    /* Most opens find nothing to do, and wait for no writer. */
    weir_status status = read_done(store, is_done, &none);
    if (status == WEIR_EVERSION) {
        *err = none;
        return status;
    }
    if (status == WEIR_OK && memchr(is_done, false, sizeof is_done) == NULL)
        return WEIR_OK;
    status = weir_store_begin(store, err);
    if (status == WEIR_OK)
        status = begin_steps(store, err);
    if (status == WEIR_OK) /* another process may have done some meanwhile */
        status = read_done(store, is_done, err);
    for (size_t i = 0; status == WEIR_OK && i < MIGRATION_COUNT; i++)
        if (!is_done[i])
            status = do_step(store, &migrations[i], err);
    if (status == WEIR_OK)
        return weir_store_commit(store, err);
    weir_store_rollback(store);
    return status;
}

static weir_status
open_database(struct weir_store *store, const char *path, bool may_create,
              struct weir_error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                (may_create ? SQLITE_OPEN_CREATE : 0);
    int code = sqlite3_open_v2(path, &store->db, flags, NULL);
    if (code == SQLITE_CANTOPEN && !may_create)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no store at %.150s", path);
    if (store->db == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (code != SQLITE_OK)
        return weir_sql_fail(store, err);
    sqlite3_extended_result_codes(store->db, 0);
    sqlite3_busy_timeout(store->db, BUSY_MS);
    /* A pool and what goes with it is one page then, not a chain of them. */
    weir_status status = store->is_derived
                             ? run_text(store, "PRAGMA page_size = 8192;", err)
                             : WEIR_OK;
    if (status != WEIR_OK)
        return status;
    status = run_text(store,
                      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                      "PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384;"
                      "PRAGMA wal_autocheckpoint = 4000;",
                      err);
    return status == WEIR_OK ? migrate(store, err) : status;
}

static weir_status
open_store(const char *state_dir, const char *file, bool is_derived,
           bool may_create, struct weir_store **store_out,
           struct weir_error *err)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", state_dir, file) >=
        (int)sizeof path)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the state directory's path is too long");
    if (may_create && mkdir(state_dir, 0700) != 0 && errno != EEXIST)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "cannot make %.100s: %s", state_dir, strerror(errno));
    struct weir_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    store->is_derived = is_derived;
    mode_t mask = umask(077);
    weir_status status = open_database(store, path, may_create, err);
    umask(mask);
    if (status != WEIR_OK) {
        weir_store_close(store);
        return status;
    }
    *store_out = store;
    return WEIR_OK;
}

weir_status
weir_store_open(const char *state_dir, bool may_create,
                struct weir_store **store_out, struct weir_error *err)
{
    return open_store(state_dir, "weir.db", false, may_create, store_out, err);
}

weir_status
weir_store_open_pools(const char *state_dir, bool may_create,
                      struct weir_store **store_out, struct weir_error *err)
{
    return open_store(state_dir, "watch.db", true, may_create, store_out, err);
}

void
weir_store_close(struct weir_store *store)
{
    if (store == NULL)
        return;
    for (size_t i = 0; i < WEIR_SQL_COUNT; i++)
        sqlite3_finalize(store->statements[i]);
    weir_sql_forget(store);
    weir_sums_fini(&store->totals);
    weir_sums_fini(&store->money);
    weir_sums_fini(&store->cells);
    sqlite3_close(store->db);
    free(store);
}

weir_status
weir_store_relax(struct weir_store *store, bool is_relaxed,
                 struct weir_error *err)
{
    WEIR_ASSERT(!store->is_inside);
    return run_text(store,
                    is_relaxed ? "PRAGMA synchronous = NORMAL"
                               : "PRAGMA synchronous = FULL",
                    err);
}

void
weir_store_checkpoint_by_hand(struct weir_store *store)
{
    (void)sqlite3_wal_autocheckpoint(store->db, 0);
}

void
weir_store_checkpoint(struct weir_store *store)
{
    WEIR_ASSERT(!store->is_inside);
    (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                    NULL, NULL);
}

/* ---------------------------------------------------------- transactions */

weir_status
weir_store_begin(struct weir_store *store, struct weir_error *err)
{
    WEIR_ASSERT(!store->is_inside);
    weir_status status = weir_sql_run(store, WEIR_SQL_BEGIN, err, "");
    store->is_inside = status == WEIR_OK;
    return status;
}

bool
weir_store_is_inside(const struct weir_store *store)
{
    return store->is_inside;
}

weir_status
weir_store_commit(struct weir_store *store, struct weir_error *err)
{
    WEIR_ASSERT(store->is_inside);
    weir_status status = weir_sql_run(store, WEIR_SQL_COMMIT, err, "");
    if (status == WEIR_OK)
        store->is_inside = false;
    return status;
}

void
weir_store_rollback(struct weir_store *store)
{
    if (store->is_inside && !sqlite3_get_autocommit(store->db))
        (void)weir_sql_run(store, WEIR_SQL_ROLLBACK, NULL, "");
    store->is_inside = false;
    /* Ids made inside are gone: the cache must not remember them. */
    weir_sql_forget(store);
    weir_sums_fini(&store->totals);
    weir_sums_fini(&store->money);
    weir_sums_fini(&store->cells);
}

weir_status
weir_store_read_begin(struct weir_store *store, struct weir_error *err)
{
    int64_t value;
    weir_status status = run_text(store, "BEGIN", err);
    /* The moment is that of the first read. */
    if (status == WEIR_OK)
        status = weir_store_number_get(store, "journal.segment", &value, err);
    return status;
}

void
weir_store_read_end(struct weir_store *store)
{
    (void)run_text(store, "COMMIT", NULL);
}

/* --------------------------------------------------------------- numbers */

static weir_status
read_number(struct weir_store *store, sqlite3_stmt *statement,
            int64_t *value_out, struct weir_error *err)
{
    struct weir_error own = {0};
    int step = statement == NULL ? -1 : weir_sql_step(store, statement, &own);
    int64_t value = step == 1 ? sqlite3_column_int64(statement, 0) : 0;
    while (step == 1)
        step = weir_sql_step(store, statement, &own);
    if (step < 0) {
        if (err != NULL && own.status != WEIR_OK)
            *err = own;
        return own.status == WEIR_OK ? WEIR_EIO : own.status;
    }
    *value_out = value;
    return WEIR_OK;
}

weir_status
weir_store_number_get(struct weir_store *store, const char *name,
                      int64_t *value_out, struct weir_error *err)
{
    return read_number(
        store,
        weir_sql_bind(store, WEIR_SQL_NUMBER_GET, err, "t", weir_span_of(name)),
        value_out, err);
}

weir_status
weir_store_number_set(struct weir_store *store, const char *name, int64_t value,
                      struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_NUMBER_SET, err, "ti",
                        weir_span_of(name), value);
}

weir_status
weir_store_number_next(struct weir_store *store, const char *name,
                       int64_t *value_out, struct weir_error *err)
{
    return read_number(store,
                       weir_sql_bind(store, WEIR_SQL_NUMBER_NEXT, err, "t",
                                     weir_span_of(name)),
                       value_out, err);
}

weir_status
weir_store_secret_get(struct weir_store *store, const char *name,
                      uint8_t bytes_out[32], bool *is_there_out,
                      struct weir_error *err)
{
    sqlite3_stmt *statement =
        weir_sql_bind(store, WEIR_SQL_SECRET_GET, err, "t", weir_span_of(name));
    int step = statement == NULL ? -1 : weir_sql_step(store, statement, err);
    if (step < 0)
        return err == NULL ? WEIR_EIO : err->status;
    *is_there_out = false;
    if (step == 1) {
        weir_span value = weir_sql_span(statement, 0);
        if (value.len == 32) {
            memcpy(bytes_out, value.ptr, 32);
            *is_there_out = true;
        }
        sqlite3_reset(statement);
    }
    return WEIR_OK;
}

weir_status
weir_store_secret_set(struct weir_store *store, const char *name,
                      const uint8_t bytes[32], struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_SECRET_SET, err, "tb",
                        weir_span_of(name),
                        (weir_span){(const char *)bytes, 32});
}

/* ---------------------------------------------------------------- leaves */

weir_status
weir_store_leaves_put(struct weir_store *store, uint64_t first,
                      weir_span digests, struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_LEAVES_PUT, err, "ib", (int64_t)first,
                        digests);
}

weir_status
weir_store_leaves(struct weir_store *store, uint64_t from,
                  weir_store_on_leaves *on_leaves, void *context,
                  struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_LEAVES, &own, "i", (int64_t)from);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        if (!on_leaves(context, (uint64_t)sqlite3_column_int64(row, 0),
                       weir_sql_span(row, 1))) {
            sqlite3_reset(row);
            break;
        }
    }
    if (step < 0 && err != NULL)
        *err = own;
    return step < 0 ? own.status : WEIR_OK;
}

weir_status
weir_store_leaves_drop(struct weir_store *store, uint64_t size,
                       struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_LEAVES_DROP, err, "i", (int64_t)size);
}
