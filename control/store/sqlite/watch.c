/* SPDX-License-Identifier: Apache-2.0 */
/* The watch as rows: control/watch/rows.h and the reading part of
 * verdicts.h. Pools are in control/store/sqlite/pools.c. */
#include <stdio.h>

#include "control/store/sqlite/sql.h"
#include "control/watch/rows.h"

static weir_status
failed(const struct weir_error *own, struct weir_error *err)
{
    if (err != NULL)
        *err = *own;
    return own->status == WEIR_OK ? WEIR_EIO : own->status;
}

/* -------------------------------------------------------------- verdicts */

weir_status
weir__watch_verdict_add(struct weir_store *store,
                        const struct weir_watch_row *row, bool *is_new_out,
                        struct weir_error *err)
{
    weir_status status = weir_sql_run(
        store, WEIR_SQL_WATCH_VERDICT_ADD, err, "iitttiiiidddiiiit",
        (int64_t)row->kind, (int64_t)row->digest, row->name, row->tenant,
        row->provider, row->window_end, (int64_t)row->calls,
        (int64_t)row->window, (int64_t)row->has_reference, (double)row->score,
        (double)row->plain_score, (double)row->z, (int64_t)row->fired,
        (int64_t)row->kinds, (int64_t)row->action,
        (int64_t)(row->looks == 0 ? 1 : row->looks), row->detail);
    *is_new_out = status == WEIR_OK && sqlite3_changes(store->db) > 0;
    return status;
}

static struct weir_watch_row
row_of(sqlite3_stmt *s)
{
    return (struct weir_watch_row){
        .number = sqlite3_column_int64(s, 0),
        .kind = (uint32_t)sqlite3_column_int(s, 1),
        .digest = (uint64_t)sqlite3_column_int64(s, 2),
        .name = weir_sql_span(s, 3),
        .tenant = weir_sql_span(s, 4),
        .provider = weir_sql_span(s, 5),
        .window_end = sqlite3_column_int64(s, 6),
        .calls = (uint64_t)sqlite3_column_int64(s, 7),
        .window = (uint32_t)sqlite3_column_int(s, 8),
        .has_reference = sqlite3_column_int(s, 9) != 0,
        .score = (float)sqlite3_column_double(s, 10),
        .plain_score = (float)sqlite3_column_double(s, 11),
        .z = (float)sqlite3_column_double(s, 12),
        .fired = (uint32_t)sqlite3_column_int(s, 13),
        .kinds = (uint32_t)sqlite3_column_int(s, 14),
        .action = (enum weir_watch_action)sqlite3_column_int(s, 15),
        .detail = weir_sql_span(s, 16),
        .looks = (uint32_t)sqlite3_column_int(s, 17),
    };
}

static weir_status
each_row(struct weir_store *store, sqlite3_stmt *s, weir_watch_on_row *on_row,
         void *context, uint32_t *count_out, struct weir_error *own,
         struct weir_error *err)
{
    int step = s == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, s, own)) == 1) {
        struct weir_watch_row row = row_of(s);
        (*count_out)++;
        if (!on_row(context, &row)) {
            sqlite3_reset(s);
            break;
        }
    }
    return step < 0 ? failed(own, err) : WEIR_OK;
}

weir_status
weir_watch_verdicts_after(struct weir_store *store, int64_t after,
                          uint32_t limit, weir_watch_on_row *on_row,
                          void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    uint32_t count = 0;
    return each_row(store,
                    weir_sql_bind(store, WEIR_SQL_WATCH_VERDICTS_AFTER, &own,
                                  "ii", after, (int64_t)limit),
                    on_row, context, &count, &own, err);
}

weir_status
weir_watch_verdict_get(struct weir_store *store, int64_t number,
                       weir_watch_on_row *on_row, void *context,
                       struct weir_error *err)
{
    struct weir_error own = {0};
    uint32_t count = 0;
    weir_status status = each_row(
        store,
        weir_sql_bind(store, WEIR_SQL_WATCH_VERDICT_GET, &own, "i", number),
        on_row, context, &count, &own, err);
    if (status == WEIR_OK && count == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no verdict %lld", (long long)number);
    return status;
}

weir_status
weir_watch_verdicts_of(struct weir_store *store, uint32_t kind, uint64_t digest,
                       uint32_t limit, weir_watch_on_row *on_row, void *context,
                       struct weir_error *err)
{
    struct weir_error own = {0};
    uint32_t count = 0;
    return each_row(store,
                    weir_sql_bind(store, WEIR_SQL_WATCH_VERDICTS_OF, &own,
                                  "iii", (int64_t)kind, (int64_t)digest,
                                  (int64_t)limit),
                    on_row, context, &count, &own, err);
}

weir_status
weir_watch_verdicts_last(struct weir_store *store,
                         const struct weir_watch_filter *filter,
                         weir_watch_on_row *on_row, void *context,
                         struct weir_error *err)
{
    struct weir_error own = {0};
    uint32_t count = 0;
    return each_row(
        store,
        weir_sql_bind(store, WEIR_SQL_WATCH_VERDICTS_LAST, &own, "ittii",
                      (int64_t)filter->kind, filter->tenant, filter->provider,
                      (int64_t)filter->least,
                      (int64_t)(filter->limit == 0 ? 1000 : filter->limit)),
        on_row, context, &count, &own, err);
}

/* ----------------------------------------------------- facts, references */

weir_status
weir__watch_facts(struct weir_store *store, weir_watch_on_fact *on_fact,
                  void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *s = weir_sql_bind(store, WEIR_SQL_WATCH_FACTS, &own, "");
    int step = s == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, s, &own)) == 1)
        if (!on_fact(context, (enum weir_watch_fact)sqlite3_column_int(s, 0),
                     weir_sql_span(s, 1), (uint64_t)sqlite3_column_int64(s, 2),
                     weir_sql_span(s, 3))) {
            sqlite3_reset(s);
            break;
        }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

weir_status
weir__watch_fact_add(struct weir_store *store, enum weir_watch_fact kind,
                     weir_span name, uint64_t position, weir_span value,
                     struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_WATCH_FACT_ADD, err, "itit",
                        (int64_t)kind, name, (int64_t)position, value);
}

weir_status
weir__watch_reference_add(struct weir_store *store,
                          const struct weir_watch_frozen *frozen,
                          struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_WATCH_REFERENCE_ADD, err, "iiiiittdb",
                        (int64_t)frozen->kind, (int64_t)frozen->digest,
                        (int64_t)frozen->calls, (int64_t)frozen->learnt,
                        frozen->when, frozen->actor, frozen->reason,
                        frozen->distance, frozen->reference);
}

weir_status
weir_watch_references_of(struct weir_store *store, uint32_t kind,
                         uint64_t digest, weir_watch_on_frozen *on_frozen,
                         void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *s = weir_sql_bind(store, WEIR_SQL_WATCH_REFERENCES_OF, &own,
                                    "ii", (int64_t)kind, (int64_t)digest);
    int step = s == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, s, &own)) == 1) {
        struct weir_watch_frozen row = {
            .kind = kind,
            .digest = digest,
            .calls = (uint64_t)sqlite3_column_int64(s, 0),
            .learnt = (uint32_t)sqlite3_column_int(s, 1),
            .when = sqlite3_column_int64(s, 2),
            .actor = weir_sql_span(s, 3),
            .reason = weir_sql_span(s, 4),
            .distance = sqlite3_column_double(s, 5),
            .reference = weir_sql_span(s, 6)};
        if (!on_frozen(context, &row)) {
            sqlite3_reset(s);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

/* -------------------------------------------------------------- clusters */

weir_status
weir__watch_cluster_put(struct weir_store *store,
                        const struct weir_watch_found *found,
                        struct weir_error *err)
{
    weir_status status =
        weir_sql_run(store, WEIR_SQL_WATCH_CLUSTER_PUT, err, "tiddiiii",
                     found->id, found->last, found->z, found->score,
                     (int64_t)found->owners, (int64_t)found->candidates,
                     (int64_t)found->action, (int64_t)found->looks);
    if (status == WEIR_OK)
        status = weir_sql_run(store, WEIR_SQL_WATCH_MEMBERS_CLEAR, err, "t",
                              found->id);
    if (status == WEIR_OK)
        status = weir_sql_run(store, WEIR_SQL_WATCH_LINKS_CLEAR, err, "t",
                              found->id);
    return status;
}

weir_status
weir__watch_cluster_lost(struct weir_store *store, weir_span id, uint32_t looks,
                         struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_WATCH_CLUSTER_LOST, err, "ti", id,
                        (int64_t)looks);
}

weir_status
weir__watch_member_add(struct weir_store *store, weir_span id,
                       const struct weir_watch_party *party,
                       struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_WATCH_MEMBER_ADD, err, "tiit", id,
                        (int64_t)party->kind, (int64_t)party->digest,
                        party->name);
}

weir_status
weir__watch_link_add(struct weir_store *store, weir_span id,
                     const struct weir_watch_party *a,
                     const struct weir_watch_party *b, enum weir_watch_why why,
                     double value, struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_WATCH_LINK_ADD, err, "tiitiitid", id,
                        (int64_t)a->kind, (int64_t)a->digest, a->name,
                        (int64_t)b->kind, (int64_t)b->digest, b->name,
                        (int64_t)why, value);
}

weir_status
weir_watch_clusters(struct weir_store *store, weir_span id, bool past,
                    weir_watch_on_found *on_found, void *context,
                    struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *s = weir_sql_bind(store, WEIR_SQL_WATCH_CLUSTERS, &own, "ti",
                                    id, (int64_t)past);
    int step = s == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, s, &own)) == 1) {
        struct weir_watch_found row = {
            .id = weir_sql_span(s, 0),
            .first = sqlite3_column_int64(s, 1),
            .last = sqlite3_column_int64(s, 2),
            .is_found = sqlite3_column_int(s, 3) != 0,
            .z = sqlite3_column_double(s, 4),
            .score = sqlite3_column_double(s, 5),
            .owners = (uint32_t)sqlite3_column_int(s, 6),
            .candidates = (uint32_t)sqlite3_column_int(s, 7),
            .action = (enum weir_watch_action)sqlite3_column_int(s, 8),
            .members = (uint32_t)sqlite3_column_int(s, 9),
            .looks = (uint32_t)sqlite3_column_int(s, 10)};
        if (!on_found(context, &row)) {
            sqlite3_reset(s);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

static struct weir_watch_party
party_of(sqlite3_stmt *s, int column)
{
    return (struct weir_watch_party){
        (uint32_t)sqlite3_column_int(s, column),
        (uint64_t)sqlite3_column_int64(s, column + 1),
        weir_sql_span(s, column + 2)};
}

weir_status
weir_watch_members(struct weir_store *store, weir_span id,
                   weir_watch_on_party *on_party, void *context,
                   struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *s =
        weir_sql_bind(store, WEIR_SQL_WATCH_MEMBERS, &own, "t", id);
    int step = s == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, s, &own)) == 1) {
        struct weir_watch_party party = party_of(s, 0);
        if (!on_party(context, &party)) {
            sqlite3_reset(s);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

weir_status
weir_watch_links(struct weir_store *store, weir_span id,
                 weir_watch_on_link *on_link, void *context,
                 struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *s = weir_sql_bind(store, WEIR_SQL_WATCH_LINKS, &own, "t", id);
    int step = s == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, s, &own)) == 1) {
        struct weir_watch_party a = party_of(s, 0);
        struct weir_watch_party b = party_of(s, 3);
        if (!on_link(context, &a, &b,
                     (enum weir_watch_why)sqlite3_column_int(s, 6),
                     sqlite3_column_double(s, 7))) {
            sqlite3_reset(s);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

weir_status
weir_watch_cluster_of(struct weir_store *store,
                      const struct weir_watch_party *party,
                      char id_out[WEIR_WATCH_CLUSTER_ID],
                      struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *s =
        weir_sql_bind(store, WEIR_SQL_WATCH_MEMBER_OF, &own, "ii",
                      (int64_t)party->kind, (int64_t)party->digest);
    int step = s == NULL ? -1 : weir_sql_step(store, s, &own);
    if (step < 0)
        return failed(&own, err);
    id_out[0] = '\0';
    if (step == 1) {
        weir_span id = weir_sql_span(s, 0);
        snprintf(id_out, WEIR_WATCH_CLUSTER_ID, "%.*s", WEIR_SPAN_ARG(id));
        sqlite3_reset(s);
    }
    return WEIR_OK;
}

/* ------------------------------------------------------------------ cuts */

weir_status
weir_watch_cuts(struct weir_store *store, bool past, weir_watch_on_cut *on_cut,
                void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *s =
        weir_sql_bind(store, WEIR_SQL_WATCH_CUTS, &own, "i", (int64_t)past);
    int step = s == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, s, &own)) == 1) {
        struct weir_watch_cut row = {
            .number = sqlite3_column_int64(s, 0),
            .a = party_of(s, 1),
            .b = party_of(s, 4),
            .why = (enum weir_watch_why)sqlite3_column_int(s, 7),
            .when = sqlite3_column_int64(s, 8),
            .actor = weir_sql_span(s, 9),
            .reason = weir_sql_span(s, 10),
            .ended = sqlite3_column_int64(s, 11),
            .ended_by = weir_sql_span(s, 12)};
        if (!on_cut(context, &row)) {
            sqlite3_reset(s);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

weir_status
weir__watch_cut_add(struct weir_store *store, const struct weir_watch_cut *cut,
                    int64_t *number_out, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *s =
        weir_sql_bind(store, WEIR_SQL_WATCH_CUT_ADD, &own, "iitiitiitt",
                      (int64_t)cut->a.kind, (int64_t)cut->a.digest, cut->a.name,
                      (int64_t)cut->b.kind, (int64_t)cut->b.digest, cut->b.name,
                      (int64_t)cut->why, cut->when, cut->actor, cut->reason);
    int step = s == NULL ? -1 : weir_sql_step(store, s, &own);
    if (step == 1)
        *number_out = sqlite3_column_int64(s, 0);
    while (step == 1)
        step = weir_sql_step(store, s, &own);
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

weir_status
weir__watch_cut_end(struct weir_store *store, int64_t number, weir_time now,
                    weir_span actor, struct weir_error *err)
{
    struct weir_error own = {0};
    bool is_there = false;
    sqlite3_stmt *s = weir_sql_bind(store, WEIR_SQL_WATCH_CUT_END, &own, "iit",
                                    number, now, actor);
    int step = s == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, s, &own)) == 1)
        is_there = true;
    if (step < 0)
        return failed(&own, err);
    if (!is_there)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no cut %lld holds", (long long)number);
    return WEIR_OK;
}
