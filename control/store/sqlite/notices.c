/* SPDX-License-Identifier: Apache-2.0 */
/* Notices, webhooks and deliveries as rows. */
#include <stdio.h>
#include <string.h>

#include "control/control.h"
#include "control/notices/parts.h"
#include "control/notices/telling.h"
#include "control/store/sqlite/sql.h"

#define NOTICES_DEFAULT 1000

/* ------------------------------------------------------------------ notices */

static bool
is_type(weir_span text)
{
    size_t dots = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '.')
            dots++;
        else if ((c < 'a' || c > 'z') && c != '_')
            return false;
    }
    return dots == 1 && text.ptr[0] != '.' && text.ptr[text.len - 1] != '.' &&
           text.len <= 64;
}

static weir_status
check_notice(const struct weir_notice *n, struct weir_error *err)
{
    const weir_span texts[] = {n->tenant, n->key,    n->subject, n->text,
                               n->reason, n->target, n->link,    n->reference};
    if (n->tenant.len == 0 || n->text.len == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a notice needs a tenant and a text");
    if (n->type.len == 0 || !is_type(n->type))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a notice's type is two words with a dot between, "
                         "as model.sunset");
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++) {
        if (texts[i].len > WEIR_NOTICE_TEXT_MAX || !weir_utf8_valid(texts[i]))
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "a notice's texts are UTF-8 of at most %d bytes",
                             WEIR_NOTICE_TEXT_MAX);
    }
    return WEIR_OK;
}

static weir_status
add_notice(struct weir_store *store, const struct weir_notice *n, weir_span by,
           weir_time now, char id[WEIR_STORE_ID_MAX], struct weir_error *err)
{
    weir_span name = weir_span_of(id);
    weir_status status =
        weir_sql_run(store, WEIR_SQL_NOTICE_ADD, err, "tttttttttitit", name,
                     n->tenant, n->key, n->type, n->subject, n->text, n->reason,
                     n->target, n->link, n->deadline, n->reference, now, by);
    if (status != WEIR_OK)
        return status;
    if (sqlite3_changes(store->db) == 0) {
        id[0] = '\0'; /* its reference was posted before */
        return WEIR_OK;
    }
    return weir_sql_run(store, WEIR_SQL_NOTICE_DELIVER, err, "ti", name, now);
}

weir_status
weir_notice_post(struct weir_store *store, const struct weir_notice *notice,
                 weir_span by, weir_time now, char id_out[WEIR_STORE_ID_MAX],
                 struct weir_error *err)
{
    char id[WEIR_STORE_ID_MAX] = "";
    bool is_alone = !store->is_inside;
    weir_status status = check_notice(notice, err);
    if (status == WEIR_OK)
        status = weir_control_id("ntc_", id, err);
    if (status == WEIR_OK && is_alone)
        status = weir_store_begin(store, err);
    if (status != WEIR_OK)
        return status;
    status = add_notice(store, notice, by, now, id, err);
    if (status == WEIR_OK && is_alone)
        status = weir_store_commit(store, err);
    if (status != WEIR_OK && is_alone)
        weir_store_rollback(store);
    if (status == WEIR_OK && id_out != NULL)
        memcpy(id_out, id, sizeof id);
    return status;
}

weir_status
weir_notices(struct weir_store *store, const struct weir_notice_filter *filter,
             weir_notice_on_row *on_row, void *context, struct weir_error *err)
{
    int64_t limit = filter->limit == 0 ? NOTICES_DEFAULT : filter->limit;
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_NOTICES, err, "tii", filter->tenant,
                      (int64_t)filter->is_open, limit);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, err)) == 1) {
        const struct weir_notice notice = {
            .id = weir_sql_span(row, 0),
            .tenant = weir_sql_span(row, 1),
            .key = weir_sql_span(row, 2),
            .type = weir_sql_span(row, 3),
            .subject = weir_sql_span(row, 4),
            .text = weir_sql_span(row, 5),
            .reason = weir_sql_span(row, 6),
            .target = weir_sql_span(row, 7),
            .link = weir_sql_span(row, 8),
            .deadline = sqlite3_column_int64(row, 9),
            .reference = weir_sql_span(row, 10),
            .created = sqlite3_column_int64(row, 11),
            .created_by = weir_sql_span(row, 12),
            .acknowledged = sqlite3_column_int64(row, 13),
            .acknowledged_by = weir_sql_span(row, 14),
        };
        if (!on_row(context, &notice)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? (err == NULL ? WEIR_EIO : err->status) : WEIR_OK;
}

weir_status
weir_notice_acknowledge(struct weir_store *store, weir_span id,
                        weir_span tenant, weir_span by, weir_time now,
                        struct weir_error *err)
{
    weir_status status = weir_sql_run(store, WEIR_SQL_NOTICE_ACKNOWLEDGE, err,
                                      "ttit", id, tenant, now, by);
    if (status != WEIR_OK || sqlite3_changes(store->db) == 1)
        return status;
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_NOTICE_GET, err, "tt", id, tenant);
    int step = row == NULL ? -1 : weir_sql_step(store, row, err);
    if (step < 0)
        return WEIR_EIO;
    if (step == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no notice '%.*s'", WEIR_SPAN_ARG(id));
    sqlite3_reset(row);
    return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                     "notice '%.*s' is acknowledged already",
                     WEIR_SPAN_ARG(id));
}

weir_status
weir_notice_caller(struct weir_store *store, const uint8_t digest[32],
                   weir_time now, struct weir_notice_caller *caller_out,
                   struct weir_error *err)
{
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_NOTICE_CALLER, err, "bi",
                      (weir_span){(const char *)digest, 32}, now);
    int step = row == NULL ? -1 : weir_sql_step(store, row, err);
    if (step < 0)
        return WEIR_EIO;
    if (step == 0)
        return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                         "the key is unknown, revoked or over");
    snprintf(caller_out->key, sizeof caller_out->key, "%.*s",
             WEIR_SPAN_ARG(weir_sql_span(row, 0)));
    snprintf(caller_out->tenant, sizeof caller_out->tenant, "%.*s",
             WEIR_SPAN_ARG(weir_sql_span(row, 1)));
    sqlite3_reset(row);
    return WEIR_OK;
}

/* ----------------------------------------------------------------- webhooks */

weir_status
weir_webhook_add(struct weir_store *store, const struct weir_webhook *webhook,
                 const uint8_t secret[WEIR_WEBHOOK_SECRET_BYTES],
                 struct weir_error *err)
{
    const weir_span bytes = {(const char *)secret, WEIR_WEBHOOK_SECRET_BYTES};
    if (!weir__webhook_is_url(webhook->url))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a webhook's url is https://host[:port][/path], or "
                         "http:// on this machine");
    if (webhook->tenant.len == 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a webhook needs a tenant");
    return weir_sql_run(store, WEIR_SQL_WEBHOOK_ADD, err, "tttbit", webhook->id,
                        webhook->tenant, webhook->url, bytes, webhook->created,
                        webhook->created_by);
}

weir_status
weir_webhook_remove(struct weir_store *store, weir_span id, weir_time now,
                    struct weir_error *err)
{
    bool is_alone = !store->is_inside;
    weir_status status = is_alone ? weir_store_begin(store, err) : WEIR_OK;
    if (status != WEIR_OK)
        return status;
    status = weir_sql_run(store, WEIR_SQL_WEBHOOK_REMOVE, err, "ti", id, now);
    if (status == WEIR_OK && sqlite3_changes(store->db) == 0)
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "no webhook '%.*s'", WEIR_SPAN_ARG(id));
    if (status == WEIR_OK)
        status = weir_sql_run(store, WEIR_SQL_WEBHOOK_CANCEL, err, "t", id);
    if (status == WEIR_OK && is_alone)
        status = weir_store_commit(store, err);
    if (status != WEIR_OK && is_alone)
        weir_store_rollback(store);
    return status;
}

weir_status
weir_webhooks(struct weir_store *store, weir_webhook_on_row *on_row,
              void *context, struct weir_error *err)
{
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_WEBHOOKS, err, "");
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, err)) == 1) {
        const struct weir_webhook webhook = {
            .id = weir_sql_span(row, 0),
            .tenant = weir_sql_span(row, 1),
            .url = weir_sql_span(row, 2),
            .created = sqlite3_column_int64(row, 3),
            .created_by = weir_sql_span(row, 4),
            .removed = sqlite3_column_int64(row, 5),
            .failures = (uint32_t)sqlite3_column_int64(row, 6),
            .next = sqlite3_column_int64(row, 7),
        };
        if (!on_row(context, &webhook)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? (err == NULL ? WEIR_EIO : err->status) : WEIR_OK;
}

/* --------------------------------------------------------------- deliveries */

const char *
weir_delivery_state_name(enum weir_delivery_state state)
{
    switch (state) {
    case WEIR_DELIVERY_WAITING:
        return "waiting";
    case WEIR_DELIVERY_DONE:
        return "done";
    case WEIR_DELIVERY_DEAD:
        return "dead";
    }
    return "unknown";
}

weir_status
weir_deliveries(struct weir_store *store, enum weir_delivery_state state,
                uint32_t limit, weir_delivery_on_row *on_row, void *context,
                struct weir_error *err)
{
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_DELIVERIES, err, "ii", (int64_t)state,
                      (int64_t)(limit == 0 ? NOTICES_DEFAULT : limit));
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, err)) == 1) {
        const struct weir_delivery delivery = {
            .number = sqlite3_column_int64(row, 0),
            .state = (enum weir_delivery_state)sqlite3_column_int(row, 1),
            .notice = weir_sql_span(row, 2),
            .webhook = weir_sql_span(row, 3),
            .attempts = (uint32_t)sqlite3_column_int(row, 4),
            .next = sqlite3_column_int64(row, 5),
            .last = sqlite3_column_int64(row, 6),
            .http_status = (uint32_t)sqlite3_column_int(row, 7),
            .error = weir_sql_span(row, 8),
        };
        if (!on_row(context, &delivery)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? (err == NULL ? WEIR_EIO : err->status) : WEIR_OK;
}

weir_status
weir_delivery_retry(struct weir_store *store, int64_t number, weir_time now,
                    struct weir_error *err)
{
    weir_status status =
        weir_sql_run(store, WEIR_SQL_DELIVERY_RETRY, err, "ii", number, now);
    if (status == WEIR_OK && sqlite3_changes(store->db) == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no dead delivery %lld of a webhook in use",
                         (long long)number);
    return status == WEIR_OK
               ? weir_sql_run(store, WEIR_SQL_WEBHOOK_RESUME, err, "i", number)
               : status;
}

weir_status
weir__webhooks_due(struct weir_store *store, int64_t after, weir_time now,
                   uint32_t limit, weir__on_webhook_due *on_webhook,
                   void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_WEBHOOKS_DUE, &own, "iii",
                                      after, now, (int64_t)limit);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        if (!on_webhook(context, sqlite3_column_int64(row, 0),
                        (uint32_t)sqlite3_column_int64(row, 1))) {
            sqlite3_reset(row);
            break;
        }
    }
    if (step < 0 && err != NULL)
        *err = own;
    return step < 0 ? own.status : WEIR_OK;
}

static struct weir_delivery_due
due_of(sqlite3_stmt *row)
{
    struct weir_delivery_due due = {
        .number = sqlite3_column_int64(row, 0),
        .attempts = (uint32_t)sqlite3_column_int(row, 1),
        .url = weir_sql_span(row, 2),
        .notice = {.id = weir_sql_span(row, 4),
                   .tenant = weir_sql_span(row, 5),
                   .key = weir_sql_span(row, 6),
                   .type = weir_sql_span(row, 7),
                   .subject = weir_sql_span(row, 8),
                   .text = weir_sql_span(row, 9),
                   .reason = weir_sql_span(row, 10),
                   .target = weir_sql_span(row, 11),
                   .link = weir_sql_span(row, 12),
                   .deadline = sqlite3_column_int64(row, 13),
                   .reference = weir_sql_span(row, 14),
                   .created = sqlite3_column_int64(row, 15)},
        .failures = (uint32_t)sqlite3_column_int64(row, 16),
        .webhook = sqlite3_column_int64(row, 17),
    };
    weir_span secret = weir_sql_span(row, 3);
    if (secret.len == WEIR_WEBHOOK_SECRET_BYTES)
        memcpy(due.secret, secret.ptr, secret.len);
    return due;
}

weir_status
weir__deliveries_due(struct weir_store *store, int64_t webhook, weir_time now,
                     uint32_t limit, weir__on_delivery_due *on_due,
                     void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_DELIVERIES_DUE, &own,
                                      "iii", webhook, now, (int64_t)limit);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        struct weir_delivery_due due = due_of(row);
        bool goes_on = on_due(context, &due);
        weir_wipe(due.secret, sizeof due.secret);
        if (!goes_on) {
            sqlite3_reset(row);
            break;
        }
    }
    if (step < 0 && err != NULL)
        *err = own;
    return step < 0 ? own.status : WEIR_OK;
}

weir_status
weir__webhook_mark(struct weir_store *store, int64_t webhook, uint32_t failures,
                   weir_time next, weir_time oldest, struct weir_error *err)
{
    weir_status status = weir_sql_run(store, WEIR_SQL_WEBHOOK_MARK, err, "iii",
                                      webhook, (int64_t)failures, next);
    if (status == WEIR_OK && failures > 0)
        status = weir_sql_run(store, WEIR_SQL_DELIVERIES_EXPIRE, err, "ii",
                              webhook, oldest);
    return status;
}

weir_status
weir__delivery_mark(struct weir_store *store, const struct weir_delivery *row,
                    struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_DELIVERY_MARK, err, "iiiiiit",
                        row->number, (int64_t)row->state,
                        (int64_t)row->attempts, row->next, row->last,
                        (int64_t)row->http_status, row->error);
}

weir_status
weir__delivery_next(struct weir_store *store, uint32_t *waiting_out,
                    weir_time *next_out, struct weir_error *err)
{
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_DELIVERY_NEXT, err, "");
    int step = row == NULL ? -1 : weir_sql_step(store, row, err);
    if (step != 1)
        return WEIR_EIO;
    *waiting_out = (uint32_t)sqlite3_column_int64(row, 0);
    *next_out =
        *waiting_out == 0 ? WEIR_TIME_MAX : sqlite3_column_int64(row, 1);
    sqlite3_reset(row);
    return WEIR_OK;
}

/* ----------------------------------------------------------------- tellings */

weir_status
weir__telling_add(struct weir_store *store, const struct weir__telling *telling,
                  int64_t *number_out, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(
        store, WEIR_SQL_TELLING_ADD, &own, "itttitibi", (int64_t)telling->kind,
        telling->name, telling->why, telling->target, telling->deadline,
        telling->by, telling->when,
        (weir_span){(const char *)telling->image, sizeof telling->image},
        (int64_t)telling->overlay);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1)
        *number_out = sqlite3_column_int64(row, 0);
    if (step < 0 && err != NULL)
        *err = own;
    return step < 0 ? own.status : WEIR_OK;
}

weir_status
weir__telling_next(struct weir_store *store, struct weir_arena *arena,
                   struct weir__telling *telling_out, bool *is_there_out,
                   struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_TELLING_NEXT, &own, "");
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    if (step < 0) {
        if (err != NULL)
            *err = own;
        return own.status;
    }
    *is_there_out = step == 1;
    if (step == 0)
        return WEIR_OK;
    struct weir__telling one = {
        .number = sqlite3_column_int64(row, 0),
        .kind = (enum weir_kind)sqlite3_column_int(row, 1),
        .name = weir_arena_copy(arena, weir_sql_span(row, 2)),
        .why = weir_arena_copy(arena, weir_sql_span(row, 3)),
        .target = weir_arena_copy(arena, weir_sql_span(row, 4)),
        .deadline = sqlite3_column_int64(row, 5),
        .by = weir_arena_copy(arena, weir_sql_span(row, 6)),
        .when = sqlite3_column_int64(row, 7),
        .overlay = (uint64_t)sqlite3_column_int64(row, 9),
        .next_key = (uint32_t)sqlite3_column_int64(row, 10),
    };
    weir_span image = weir_sql_span(row, 8);
    memcpy(one.image, image.ptr, image.len < 32 ? image.len : 32);
    sqlite3_reset(row);
    if (arena->overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    *telling_out = one;
    return WEIR_OK;
}

weir_status
weir__telling_step(struct weir_store *store, int64_t number, uint32_t next_key,
                   uint32_t posted, weir_time done, struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_TELLING_STEP, err, "iiii", number,
                        (int64_t)next_key, (int64_t)posted, done);
}

weir_status
weir__telling_get(struct weir_store *store, int64_t number,
                  uint32_t *posted_out, bool *is_done_out,
                  struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_TELLING_GET, &own, "i", number);
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    if (step < 0) {
        if (err != NULL)
            *err = own;
        return own.status;
    }
    *posted_out = step == 1 ? (uint32_t)sqlite3_column_int64(row, 0) : 0;
    *is_done_out = step == 1 && sqlite3_column_int64(row, 1) != 0;
    sqlite3_reset(row);
    return WEIR_OK;
}
