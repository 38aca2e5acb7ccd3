/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.db: pools and progress, for control/watch/rows.h.
 *
 * WHY ZEROS ARE LEFT OUT. A pool is 4 KiB and a profile 1 KiB of plain memory,
 * of which a small account has filled a tenth; and small accounts are those
 * that do not fit into memory, so that their rows come and go. What is read,
 * logged and written back is then a tenth as well. A blob that is shorter than
 * what it is of is packed:
 *
 *     u32 bytes unpacked, then { u16 n, n bytes, u16 zeros }
 */
#include <string.h>

#include "control/store/sqlite/sql.h"
#include "control/watch/profile.h"
#include "control/watch/rows.h"

#define ZEROS_LEAST 8 /* a run of fewer is not worth its four bytes */

struct blobs {
    char pool[sizeof(struct weir_watch_pool)];
    char profile[sizeof(struct weir_watch_account)];
};

static size_t
zeros_at(weir_span bytes, size_t at)
{
    size_t end = at;
    uint64_t word;
    for (; end + sizeof(word) <= bytes.len; end += sizeof(word)) {
        memcpy(&word, bytes.ptr + end, sizeof(word));
        if (word != 0)
            break;
    }
    while (end < bytes.len && bytes.ptr[end] == 0)
        end++;
    return end - at;
}

/* Up to the next run of zeros that is left out. */
static size_t
literals_at(weir_span bytes, size_t at)
{
    size_t end = at;
    while (end < bytes.len) {
        size_t zeros = bytes.ptr[end] == 0 ? zeros_at(bytes, end) : 0;
        if (zeros >= ZEROS_LEAST || (zeros > 0 && end + zeros == bytes.len))
            break;
        end += zeros > 0 ? zeros : 1;
    }
    return end - at;
}

static void
put_u16(char *out, size_t value)
{
    out[0] = (char)(value & 0xFF);
    out[1] = (char)(value >> 8);
}

static size_t
get_u16(const char *in)
{
    return (size_t)(unsigned char)in[0] | (size_t)(unsigned char)in[1] << 8;
}

/* The bytes as they are where packing does not make them shorter. */
static weir_span
pack(weir_span bytes, char *out)
{
    size_t len = sizeof(uint32_t);
    uint32_t whole = (uint32_t)bytes.len;
    if (bytes.len <= len || bytes.len > UINT16_MAX)
        return bytes;
    memcpy(out, &whole, sizeof(whole));
    for (size_t at = 0; at < bytes.len;) {
        size_t literals = literals_at(bytes, at);
        size_t zeros = zeros_at(bytes, at + literals);
        if (len + literals + 4 >= bytes.len)
            return bytes;
        put_u16(out + len, literals);
        memcpy(out + len + 2, bytes.ptr + at, literals);
        put_u16(out + len + 2 + literals, zeros);
        len += literals + 4;
        at += literals + zeros;
    }
    return (weir_span){out, len};
}

/* Empty where it is not of that size: whoever reads it says that it is
 * damaged. */
static weir_span
unpack(weir_span blob, char *out, size_t size)
{
    uint32_t whole = 0;
    size_t len = 0, at = sizeof(whole);
    if (blob.len == size || blob.len < at)
        return blob.len == size ? blob : WEIR_SPAN_NONE;
    memcpy(&whole, blob.ptr, sizeof(whole));
    while (at + 4 <= blob.len && whole == size) {
        size_t literals = get_u16(blob.ptr + at);
        if (literals > blob.len - at - 4 || literals > size - len)
            return WEIR_SPAN_NONE;
        memcpy(out + len, blob.ptr + at + 2, literals);
        len += literals;
        at += literals + 4;
        size_t zeros = get_u16(blob.ptr + at - 2);
        if (zeros > size - len)
            return WEIR_SPAN_NONE;
        memset(out + len, 0, zeros);
        len += zeros;
    }
    return len == size && at == blob.len ? (weir_span){out, len}
                                         : WEIR_SPAN_NONE;
}

static weir_status
failed(const struct weir_error *own, struct weir_error *err)
{
    if (err != NULL)
        *err = *own;
    return own->status == WEIR_OK ? WEIR_EIO : own->status;
}

static struct weir_watch_pool_row
row_of(sqlite3_stmt *s, struct blobs *blobs)
{
    return (struct weir_watch_pool_row){
        .number = sqlite3_column_int64(s, 0),
        .kind = (uint32_t)sqlite3_column_int(s, 1),
        .digest = (uint64_t)sqlite3_column_int64(s, 2),
        .name = weir_sql_span(s, 3),
        .tenant = weir_sql_span(s, 4),
        .provider = weir_sql_span(s, 5),
        .last = sqlite3_column_int64(s, 6),
        .pool = unpack(weir_sql_span(s, 7), blobs->pool, sizeof blobs->pool),
        .learning = weir_sql_span(s, 8),
        .profile =
            unpack(weir_sql_span(s, 9), blobs->profile, sizeof blobs->profile),
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
        struct blobs blobs;
        struct weir_watch_pool_row row = row_of(s, &blobs);
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
    struct blobs blobs;
    weir_span pool = row->pool.len <= sizeof blobs.pool
                         ? pack(row->pool, blobs.pool)
                         : row->pool;
    weir_span profile = row->profile.len <= sizeof blobs.profile
                            ? pack(row->profile, blobs.profile)
                            : row->profile;
    return weir_sql_run(pools, WEIR_SQL_POOL_PUT, err, "iiitttibbb",
                        row->number, (int64_t)row->kind, (int64_t)row->digest,
                        row->name, row->tenant, row->provider, row->last, pool,
                        row->learning, profile);
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
