/* SPDX-License-Identifier: Apache-2.0 */
/* watch.db: pools and progress, for control/watch/rows.h. */
#include "control/store/sqlite/sql.h"
#include "control/watch/rows.h"

static weir_status
failed(const struct weir_error *own, struct weir_error *err)
{
    if (err != NULL)
        *err = *own;
    return own->status == WEIR_OK ? WEIR_EIO : own->status;
}

static struct weir_watch_pool_row
row_of(sqlite3_stmt *s)
{
    return (struct weir_watch_pool_row){
        .number = sqlite3_column_int64(s, 0),
        .kind = (uint32_t)sqlite3_column_int(s, 1),
        .digest = (uint64_t)sqlite3_column_int64(s, 2),
        .name = weir_sql_span(s, 3),
        .tenant = weir_sql_span(s, 4),
        .provider = weir_sql_span(s, 5),
        .last = sqlite3_column_int64(s, 6),
        .pool = weir_sql_span(s, 7),
        .learning = weir_sql_span(s, 8),
        .profile = weir_sql_span(s, 9),
    };
}

static weir_status
each(struct weir_store *pools, sqlite3_stmt *s, weir_watch_on_pool *on_pool,
     void *context, bool *is_there_out, struct weir_error *own,
     struct weir_error *err)
{
    int step = s == NULL ? -1 : 1;
    *is_there_out = false;
    while (step == 1 && (step = weir_sql_step(pools, s, own)) == 1) {
        struct weir_watch_pool_row row = row_of(s);
        on_pool(context, &row);
        *is_there_out = true;
    }
    return step < 0 ? failed(own, err) : WEIR_OK;
}

weir_status
weir__watch_pool_find(struct weir_store *pools, uint32_t kind, uint64_t digest,
                      weir_watch_on_pool *on_pool, void *context,
                      bool *is_there_out, struct weir_error *err)
{
    struct weir_error own = {0};
    return each(pools,
                weir_sql_bind(pools, WEIR_SQL_POOL_FIND, &own, "ii",
                              (int64_t)kind, (int64_t)digest),
                on_pool, context, is_there_out, &own, err);
}

weir_status
weir__watch_pool_get(struct weir_store *pools, int64_t number,
                     weir_watch_on_pool *on_pool, void *context,
                     bool *is_there_out, struct weir_error *err)
{
    struct weir_error own = {0};
    return each(pools,
                weir_sql_bind(pools, WEIR_SQL_POOL_GET, &own, "i", number),
                on_pool, context, is_there_out, &own, err);
}

weir_status
weir__watch_pools(struct weir_store *pools, uint32_t kind,
                  weir_watch_on_pool *on_pool, void *context,
                  struct weir_error *err)
{
    struct weir_error own = {0};
    bool is_there;
    return each(
        pools,
        weir_sql_bind(pools, WEIR_SQL_POOLS_ALL, &own, "i", (int64_t)kind),
        on_pool, context, &is_there, &own, err);
}

weir_status
weir__watch_pools_profiled(struct weir_store *pools,
                           weir_watch_on_pool *on_pool, void *context,
                           struct weir_error *err)
{
    struct weir_error own = {0};
    bool is_there;
    return each(pools, weir_sql_bind(pools, WEIR_SQL_POOLS_PROFILED, &own, ""),
                on_pool, context, &is_there, &own, err);
}

weir_status
weir__watch_pool_put(struct weir_store *pools,
                     const struct weir_watch_pool_row *row,
                     struct weir_error *err)
{
    return weir_sql_run(pools, WEIR_SQL_POOL_PUT, err, "iiitttibbb",
                        row->number, (int64_t)row->kind, (int64_t)row->digest,
                        row->name, row->tenant, row->provider, row->last,
                        row->pool, row->learning, row->profile);
}

weir_status
weir__watch_pools_count(struct weir_store *pools, uint64_t *count_out,
                        int64_t *last_out, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *s = weir_sql_bind(pools, WEIR_SQL_POOLS_COUNT, &own, "");
    int step = s == NULL ? -1 : weir_sql_step(pools, s, &own);
    if (step != 1)
        return failed(&own, err);
    *count_out = (uint64_t)sqlite3_column_int64(s, 0);
    *last_out = sqlite3_column_int64(s, 1);
    sqlite3_reset(s);
    return WEIR_OK;
}

weir_status
weir__watch_pools_evict(struct weir_store *pools, uint64_t count,
                        struct weir_error *err)
{
    return weir_sql_run(pools, WEIR_SQL_POOLS_EVICT, err, "i", (int64_t)count);
}

weir_status
weir__watch_progress_get(struct weir_store *pools, const char *name,
                         struct weir_buf *out, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *s = weir_sql_bind(pools, WEIR_SQL_PROGRESS_GET, &own, "t",
                                    weir_span_of(name));
    int step = s == NULL ? -1 : weir_sql_step(pools, s, &own);
    if (step < 0)
        return failed(&own, err);
    weir_buf_reset(out);
    if (step == 1) {
        weir_span value = weir_sql_span(s, 0);
        weir_buf_add(out, value.ptr, value.len);
        sqlite3_reset(s);
    }
    return WEIR_OK;
}

weir_status
weir__watch_progress_put(struct weir_store *pools, const char *name,
                         weir_span value, struct weir_error *err)
{
    return weir_sql_run(pools, WEIR_SQL_PROGRESS_PUT, err, "tb",
                        weir_span_of(name), value);
}
