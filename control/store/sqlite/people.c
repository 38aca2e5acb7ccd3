/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, withdrawals, admin tokens and acts: what people did. */
#include <stdio.h>
#include <string.h>

#include "control/store/sqlite/sql.h"

static const char *const role_names[] = {"model-owner", "viewer", "auditor",
                                         "operator", "admin"};

const char *
weir_role_name(enum weir_role role)
{
    return (size_t)role < WEIR_COUNTOF(role_names) ? role_names[role] : "";
}

bool
weir_role_parse(weir_span text, enum weir_role *role_out)
{
    for (size_t i = 0; i < WEIR_COUNTOF(role_names); i++) {
        if (weir_span_equal(text, weir_span_of(role_names[i]))) {
            *role_out = (enum weir_role)i;
            return true;
        }
    }
    return false;
}

static weir_span
digest_span(const uint8_t digest[32])
{
    return (weir_span){(const char *)digest, 32};
}

static void
digest_column(sqlite3_stmt *statement, int column, uint8_t digest_out[32])
{
    weir_span bytes = weir_sql_span(statement, column);
    memset(digest_out, 0, 32);
    memcpy(digest_out, bytes.ptr, bytes.len < 32 ? bytes.len : 32);
}

/* -------------------------------------------------------------------- keys */

weir_status
weir_store_key_add(struct weir_store *store, const struct weir_store_key *key,
                   struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_KEY_ADD, err, "tbttttttititt", key->id,
                        digest_span(key->digest), key->tenant, key->project,
                        key->purpose, key->staff, key->end_users, key->limits,
                        key->created, key->created_by, key->not_after,
                        key->scope, key->tags);
}

weir_status
weir_store_key_revoke(struct weir_store *store, weir_span id, weir_time now,
                      weir_span by, struct weir_error *err)
{
    weir_status status =
        weir_sql_run(store, WEIR_SQL_KEY_REVOKE, err, "tit", id, now, by);
    if (status != WEIR_OK || sqlite3_changes(store->db) == 1)
        return status;
    sqlite3_stmt *statement =
        weir_sql_bind(store, WEIR_SQL_KEY_GET, err, "t", id);
    int step = statement == NULL ? -1 : weir_sql_step(store, statement, err);
    if (step < 0)
        return WEIR_EIO;
    if (step == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "no key '%.*s'",
                         WEIR_SPAN_ARG(id));
    sqlite3_reset(statement);
    return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                     "key '%.*s' is revoked already", WEIR_SPAN_ARG(id));
}

weir_status
weir_store_keys(struct weir_store *store, weir_store_on_key *on_key,
                void *context, struct weir_error *err)
{
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_KEYS, err, "");
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, err)) == 1) {
        struct weir_store_key key = {
            .id = weir_sql_span(row, 0),
            .tenant = weir_sql_span(row, 2),
            .project = weir_sql_span(row, 3),
            .purpose = weir_sql_span(row, 4),
            .staff = weir_sql_span(row, 5),
            .end_users = weir_sql_span(row, 6),
            .limits = weir_sql_span(row, 7),
            .created = sqlite3_column_int64(row, 8),
            .created_by = weir_sql_span(row, 9),
            .not_after = sqlite3_column_int64(row, 10),
            .revoked = sqlite3_column_int64(row, 11),
            .revoked_by = weir_sql_span(row, 12),
            .scope = weir_sql_span(row, 13),
            .tags = weir_sql_span(row, 14),
        };
        digest_column(row, 1, key.digest);
        if (!on_key(context, &key)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? (err == NULL ? WEIR_EIO : err->status) : WEIR_OK;
}

weir_status
weir_store_keys_revoked(struct weir_store *store, weir_time from,
                        weir_store_on_key_id *on_id, void *context,
                        struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_KEYS_REVOKED, &own, "i", from);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        if (!on_id(context, weir_sql_span(row, 0))) {
            sqlite3_reset(row);
            break;
        }
    }
    if (step < 0 && err != NULL)
        *err = own;
    return step < 0 ? own.status : WEIR_OK;
}

/* ------------------------------------------------------------- withdrawals */

weir_status
weir_store_withdraw(struct weir_store *store,
                    const struct weir_store_withdrawal *withdrawal,
                    struct weir_error *err)
{
    weir_status status =
        weir_sql_run(store, WEIR_SQL_WITHDRAW, err, "ititt",
                     (int64_t)withdrawal->kind, withdrawal->name,
                     withdrawal->since, withdrawal->by, withdrawal->reason);
    if (status == WEIR_ECONFLICT)
        return weir_fail(err, status, WEIR_OFFSET_NONE,
                         "'%.*s' is withdrawn already",
                         WEIR_SPAN_ARG(withdrawal->name));
    return status;
}

weir_status
weir_store_restore(struct weir_store *store, int kind, weir_span name,
                   struct weir_error *err)
{
    weir_status status =
        weir_sql_run(store, WEIR_SQL_RESTORE, err, "it", (int64_t)kind, name);
    if (status == WEIR_OK && sqlite3_changes(store->db) == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "'%.*s' is not withdrawn", WEIR_SPAN_ARG(name));
    return status;
}

weir_status
weir_store_withdrawals(struct weir_store *store,
                       weir_store_on_withdrawal *on_withdrawal, void *context,
                       struct weir_error *err)
{
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_WITHDRAWALS, err, "");
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, err)) == 1) {
        struct weir_store_withdrawal withdrawal = {
            .kind = sqlite3_column_int(row, 0),
            .name = weir_sql_span(row, 1),
            .since = sqlite3_column_int64(row, 2),
            .by = weir_sql_span(row, 3),
            .reason = weir_sql_span(row, 4),
        };
        if (!on_withdrawal(context, &withdrawal)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? (err == NULL ? WEIR_EIO : err->status) : WEIR_OK;
}

/* ------------------------------------------------------------ admin tokens */

weir_status
weir_store_token_add(struct weir_store *store,
                     const struct weir_store_token *token,
                     struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_TOKEN_ADD, err, "tbitii", token->id,
                        digest_span(token->digest), (int64_t)token->role,
                        token->name, token->created, token->not_after);
}

weir_status
weir_store_token_set_provider(struct weir_store *store, weir_span id,
                              weir_span provider, struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_TOKEN_PROVIDER_ADD, err, "tt", id,
                        provider);
}

weir_status
weir_store_token_provider(struct weir_store *store, weir_span id,
                          char provider_out[WEIR_STORE_PROVIDER_MAX],
                          struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_TOKEN_PROVIDER, &own, "t", id);
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    provider_out[0] = '\0';
    if (step < 0) {
        if (err != NULL)
            *err = own;
        return own.status;
    }
    if (step == 1) {
        snprintf(provider_out, WEIR_STORE_PROVIDER_MAX, "%.*s",
                 WEIR_SPAN_ARG(weir_sql_span(row, 0)));
        sqlite3_reset(row);
    }
    return WEIR_OK;
}

weir_status
weir_store_token_revoke(struct weir_store *store, weir_span id, weir_time now,
                        struct weir_error *err)
{
    weir_status status =
        weir_sql_run(store, WEIR_SQL_TOKEN_REVOKE, err, "ti", id, now);
    if (status == WEIR_OK && sqlite3_changes(store->db) == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no token '%.*s' that is still good",
                         WEIR_SPAN_ARG(id));
    return status;
}

weir_status
weir_store_token_find(struct weir_store *store, const uint8_t digest[32],
                      weir_time now, char id_out[WEIR_STORE_ID_MAX],
                      enum weir_role *role_out, struct weir_error *err)
{
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_TOKEN_FIND, err, "bi",
                                      digest_span(digest), now);
    int step = row == NULL ? -1 : weir_sql_step(store, row, err);
    if (step < 0)
        return err == NULL ? WEIR_EIO : err->status;
    if (step == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "the token is not known");
    weir_span id = weir_sql_span(row, 0);
    snprintf(id_out, WEIR_STORE_ID_MAX, "%.*s", WEIR_SPAN_ARG(id));
    *role_out = (enum weir_role)sqlite3_column_int(row, 1);
    sqlite3_reset(row);
    return WEIR_OK;
}

weir_status
weir_store_tokens(struct weir_store *store, weir_store_on_token *on_token,
                  void *context, struct weir_error *err)
{
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_TOKENS, err, "");
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, err)) == 1) {
        struct weir_store_token token = {
            .id = weir_sql_span(row, 0),
            .role = (enum weir_role)sqlite3_column_int(row, 2),
            .name = weir_sql_span(row, 3),
            .created = sqlite3_column_int64(row, 4),
            .not_after = sqlite3_column_int64(row, 5),
            .revoked = sqlite3_column_int64(row, 6),
        };
        digest_column(row, 1, token.digest);
        if (!on_token(context, &token)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? (err == NULL ? WEIR_EIO : err->status) : WEIR_OK;
}

/* -------------------------------------------------------------------- acts */

weir_status
weir_store_act_add(struct weir_store *store, const struct weir_store_act *act,
                   struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_ACT_ADD, err, "ittttt", act->when,
                        act->actor, act->role, act->action, act->subject,
                        act->detail);
}

static weir_status
each_act(struct weir_store *store, sqlite3_stmt *row, weir_store_on_act *on_act,
         void *context, struct weir_error *err)
{
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, err)) == 1) {
        struct weir_store_act act = {
            .number = sqlite3_column_int64(row, 0),
            .when = sqlite3_column_int64(row, 1),
            .actor = weir_sql_span(row, 2),
            .role = weir_sql_span(row, 3),
            .action = weir_sql_span(row, 4),
            .subject = weir_sql_span(row, 5),
            .detail = weir_sql_span(row, 6),
        };
        if (!on_act(context, &act)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? (err == NULL ? WEIR_EIO : err->status) : WEIR_OK;
}

weir_status
weir_store_acts(struct weir_store *store, uint32_t limit,
                weir_store_on_act *on_act, void *context,
                struct weir_error *err)
{
    return each_act(
        store, weir_sql_bind(store, WEIR_SQL_ACTS, err, "i", (int64_t)limit),
        on_act, context, err);
}

weir_status
weir_store_acts_pending(struct weir_store *store, int64_t after,
                        weir_store_on_act *on_act, void *context,
                        struct weir_error *err)
{
    return each_act(
        store, weir_sql_bind(store, WEIR_SQL_ACTS_PENDING, err, "i", after),
        on_act, context, err);
}

weir_status
weir_store_act_journalled(struct weir_store *store, int64_t number,
                          struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_ACT_JOURNALLED, err, "i", number);
}
