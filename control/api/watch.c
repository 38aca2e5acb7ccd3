/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /v1/watch. A model owner sees subjects of kind `models` whose provider is
 * his, and nothing of anybody else's: the kind counts calls to his models
 * alone, so no other model's signals are in what he is shown.
 */
#include <stdlib.h>
#include <string.h>

#include <weir/watch_ladder.h>

#include "control/api/call.h"
#include "control/sharing/sharing.h"
#include "control/watch/deeds.h"
#include "control/watch/engine.h"
#include "control/watch/live_parts.h"

#define ROWS_MOST  10000
#define ROWS_FEW   100
#define SHOWN_ROWS 20

static bool
is_owner(const struct weir_api_call *call)
{
    return call->actor.role == WEIR_ROLE_MODEL_OWNER;
}

static void
sync_watch(const struct weir_api_call *call)
{
    weir_watch_live_sync(call->door->control->watch, WEIR_API_SYNC_MS);
}

static json_t *
subject_json(uint32_t kind, weir_span name)
{
    return json_sprintf("%s:%.*s", weir_watch_kind_name(kind),
                        WEIR_SPAN_ARG(name));
}

static json_t *
fired_json(uint32_t fired)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < WEIR_WATCH_SIGNALS; i++)
        if (fired >> i & 1)
            json_array_append_new(list,
                                  json_string(weir_watch_signal_info(i)->name));
    return list;
}

static json_t *
row_json(const struct weir_watch_row *row)
{
    json_t *detail = json_loadb(row->detail.ptr, row->detail.len, 0, NULL);
    return json_pack(
        "{s:I,s:o,s:s,s:o,s:o,s:o,s:I,s:I,s:I,s:I,s:b,s:f,s:f,s:f,s:o,s:I,s:s,"
        "s:o*}",
        "number", (json_int_t)row->number, "subject",
        subject_json(row->kind, row->name), "kind",
        weir_watch_kind_name(row->kind), "name", weir_api_text(row->name),
        "tenant", weir_api_text(row->tenant), "provider",
        weir_api_text(row->provider), "window_end_us",
        (json_int_t)row->window_end, "calls", (json_int_t)row->calls, "window",
        (json_int_t)row->window, "looks", (json_int_t)row->looks,
        "has_reference", (int)row->has_reference, "score", (double)row->score,
        "score_without_cues", (double)row->plain_score, "z", (double)row->z,
        "fired", fired_json(row->fired), "kinds", (json_int_t)row->kinds,
        "action", weir_watch_action_name(row->action), "detail", detail);
}

struct listing {
    json_t *list;
    const char *provider; /* empty: all */
    uint64_t most;        /* rows of the list; 0: as many as come */
    int64_t last;         /* number of the last row that was looked at */
    uint64_t looked;
};

static bool
add_row(void *context, const struct weir_watch_row *row)
{
    struct listing *listing = context;
    listing->last = row->number;
    listing->looked++;
    if (listing->provider[0] == '\0' ||
        (row->kind == WEIR_WATCH_OF_MODELS &&
         weir_span_equal(row->provider, weir_span_of(listing->provider))))
        json_array_append_new(listing->list, row_json(row));
    return listing->most == 0 || json_array_size(listing->list) < listing->most;
}

/* ---------------------------------------------------------------- status */

static json_t *
figures_json(struct weir_watch_live *live)
{
    struct weir_watch_live_shown s;
    weir_watch_live_figures(live, &s);
    return json_pack(
        "{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}",
        "is_current", (int)s.is_current, "read_up_to_us",
        (json_int_t)s.read_up_to, "calls", (json_int_t)s.calls, "again",
        (json_int_t)s.again, "late", (json_int_t)s.late, "waiting",
        (json_int_t)s.waiting, "verdicts", (json_int_t)s.verdicts, "subjects",
        (json_int_t)s.subjects, "evicted", (json_int_t)s.evicted, "in_memory",
        (json_int_t)s.in_memory, "references", (json_int_t)s.references,
        "clusters", (json_int_t)s.clusters, "members", (json_int_t)s.members,
        "accounts", (json_int_t)s.accounts, "clustered_at_us",
        (json_int_t)s.clustered_at, "cluster_us", (json_int_t)s.cluster_us);
}

static weir_status
read_filter(const struct weir_api_call *call, struct weir_watch_filter *filter,
            struct weir_error *err)
{
    const char *kind = weir_api_query(call, "kind");
    const char *tenant = weir_api_query(call, "tenant");
    const char *action = weir_api_query(call, "action");
    uint64_t limit = 0;
    filter->least = WEIR_WATCH_OBSERVE;
    if (kind != NULL &&
        !weir_watch_kind_parse(weir_span_of(kind), &filter->kind))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'kind' is key, project, tenant, group, "
                         "end_customer, cluster or models");
    if (action != NULL &&
        !weir_watch_action_parse(weir_span_of(action), &filter->least))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'action' is none, observe, slow, strip, hold or "
                         "suspend");
    filter->tenant = weir_span_of(tenant == NULL ? "" : tenant);
    filter->provider = weir_span_of(call->provider);
    if (is_owner(call))
        filter->kind = WEIR_WATCH_OF_MODELS;
    weir_status status =
        weir_api_query_number(call, "limit", ROWS_FEW, ROWS_MOST, &limit, err);
    filter->limit = (uint32_t)limit;
    return status;
}

weir_status
weir_api_watch_status(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_watch_filter filter = {0};
    struct listing listing = {.list = json_array(), .provider = call->provider};
    weir_status status = read_filter(call, &filter, err);
    sync_watch(call);
    if (status == WEIR_OK)
        status = weir_watch_verdicts_last(call->door->store, &filter, add_row,
                                          &listing, err);
    call->reply = json_pack("{s:o}", "verdicts", listing.list);
    if (!is_owner(call) && call->door->control->watch != NULL)
        json_object_set_new(call->reply, "figures",
                            figures_json(call->door->control->watch));
    return status;
}

weir_status
weir_api_watch_verdicts(struct weir_api_call *call, struct weir_error *err)
{
    uint64_t after = 0, limit = 0;
    struct listing listing = {.list = json_array(), .provider = call->provider};
    weir_status status =
        weir_api_query_number(call, "after", 0, INT64_MAX, &after, err);
    if (status == WEIR_OK)
        status = weir_api_query_number(call, "limit", ROWS_FEW, ROWS_MOST,
                                       &limit, err);
    sync_watch(call);
    listing.last = (int64_t)after;
    listing.most = limit;
    /* Rows of others are passed over, so that a model owner's page is full,
     * and empty only when there is nothing more. */
    for (bool is_more = limit > 0; status == WEIR_OK && is_more;) {
        listing.looked = 0;
        status = weir_watch_verdicts_after(call->door->store, listing.last,
                                           ROWS_MOST, add_row, &listing, err);
        is_more = listing.looked > 0 && json_array_size(listing.list) < limit;
    }
    call->reply = json_pack("{s:o}", "verdicts", listing.list);
    return status;
}

/* ------------------------------------------------------------------ show */

struct showing {
    struct weir_api_call *call;
    struct weir_watch_setup setup;
    char calibration[64];
    json_t *reply;
};

static bool
find_peer(void *context, uint32_t number, weir_time when,
          char name_out[WEIR_INDICATOR_NAME_BYTES])
{
    return weir_share_name_at(context, number, when, name_out);
}

static void
add_windows(struct showing *showing, const struct weir_watch_pool *pool)
{
    static const uint32_t widths[WEIR_WATCH_WIDTHS] = {
        WEIR_WATCH_EARLY, WEIR_WATCH_WINDOW, WEIR_WATCH_WIDE};
    json_t *windows = json_array();
    bool is_known = weir_watch_pool_reference(pool) != NULL;
    const struct weir_watch_peers peers = {
        find_peer, showing->call->door->store, weir_control_now()};
    uint32_t before = 0;
    for (uint32_t i = 0; i < WEIR_WATCH_WIDTHS; i++) {
        struct weir_watch_verdict verdict;
        struct weir_buf text;
        const struct weir_watch_lines *lines =
            &showing->setup.lines[is_known][i];
        weir_watch_score(pool, widths[i], lines, &verdict);
        if (verdict.calls == 0 || verdict.calls == before)
            continue;
        before = verdict.calls;
        weir_buf_init(&text, (size_t)1 << 20);
        weir__watch_put_detail(&verdict, lines, weir__watch_notes(pool),
                               is_owner(showing->call) ? NULL : &peers,
                               showing->calibration, &text);
        json_array_append_new(
            windows,
            json_pack("{s:I,s:f,s:f,s:o,s:I,s:s,s:o*}", "calls",
                      (json_int_t)verdict.calls, "score", (double)verdict.score,
                      "score_without_cues", (double)verdict.plain_score,
                      "fired", fired_json(verdict.fired), "kinds",
                      (json_int_t)verdict.kinds, "action",
                      weir_watch_action_name(verdict.action), "detail",
                      json_loadb(text.ptr, text.len, 0, NULL)));
        weir_buf_fini(&text);
    }
    json_object_set_new(showing->reply, "windows", windows);
}

static void
show_pool(void *context, const struct weir_watch_pool_row *row)
{
    static const char *const learning[] = {"learning", "learnt", "waits",
                                           "renews"};
    struct showing *showing = context;
    struct weir_watch_pool pool;
    if (row->pool.len != sizeof(pool))
        return;
    memcpy(&pool, row->pool.ptr, sizeof(pool));
    const struct weir_watch_notes *notes = weir__watch_notes(&pool);
    showing->reply = json_pack(
        "{s:o,s:o,s:o,s:I,s:I,s:s,s:I,s:f}", "subject",
        subject_json(row->kind, row->name), "tenant",
        weir_api_text(row->tenant), "provider", weir_api_text(row->provider),
        "last_us", (json_int_t)row->last, "calls",
        (json_int_t)weir_watch_pool_total(&pool), "learning",
        notes->learning < WEIR_COUNTOF(learning) ? learning[notes->learning]
                                                 : "",
        "learnt", (json_int_t)notes->learnt, "score", (double)notes->score);
    add_windows(showing, &pool);
}

struct owning {
    json_t *list;
    bool is_owner; /* who decided, and what he wrote, is the seller's */
};

static bool
add_frozen(void *context, const struct weir_watch_frozen *frozen)
{
    const struct owning *owning = context;
    weir_span actor = owning->is_owner ? WEIR_SPAN("") : frozen->actor;
    weir_span reason = owning->is_owner ? WEIR_SPAN("") : frozen->reason;
    json_array_append_new(
        owning->list,
        json_pack(
            "{s:I,s:I,s:I,s:o,s:o,s:f}", "calls", (json_int_t)frozen->calls,
            "learnt", (json_int_t)frozen->learnt, "when_us",
            (json_int_t)frozen->when, "actor", weir_api_text(actor), "reason",
            weir_api_text(reason), "distance", frozen->distance));
    return true;
}

static weir_status
find_pool(struct showing *showing, uint32_t kind, uint64_t digest,
          struct weir_error *err)
{
    struct weir_control *control = showing->call->door->control;
    struct weir_store *pools = NULL;
    bool is_there = false;
    pthread_mutex_lock(&control->lock);
    weir__watch_setup_default(&showing->setup);
    weir__watch_setup_read(&showing->setup, control->world,
                           showing->calibration);
    pthread_mutex_unlock(&control->lock);
    weir_status status =
        weir_store_open_pools(control->paths.state, false, &pools, err);
    if (status == WEIR_OK)
        status = weir__watch_pool_find(pools, kind, digest, show_pool, showing,
                                       &is_there, err);
    weir_store_close(pools);
    if (status == WEIR_OK && showing->reply == NULL)
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "the watch has counted no call of '%.200s'",
                           weir_api_query(showing->call, "subject"));
    return status;
}

/* What else is on file of a subject. */
static weir_status
add_history(struct weir_api_call *call, uint32_t kind, uint64_t digest,
            json_t *reply, struct weir_error *err)
{
    char cluster[WEIR_WATCH_CLUSTER_ID] = "";
    json_t *references = json_array();
    struct listing listing = {.list = json_array(), .provider = call->provider};
    struct owning owning = {references, is_owner(call)};
    struct weir_watch_party party = {kind, digest, WEIR_SPAN_NONE};
    weir_status status = weir_watch_references_of(
        call->door->store, kind, digest, add_frozen, &owning, err);
    if (status == WEIR_OK)
        status = weir_watch_verdicts_of(call->door->store, kind, digest,
                                        SHOWN_ROWS, add_row, &listing, err);
    if (status == WEIR_OK && !is_owner(call))
        status = weir_watch_cluster_of(call->door->store, &party, cluster, err);
    json_object_set_new(reply, "references", references);
    json_object_set_new(reply, "verdicts", listing.list);
    json_object_set_new(reply, "cluster", json_string(cluster));
    return status;
}

weir_status
weir_api_watch_show(struct weir_api_call *call, struct weir_error *err)
{
    struct showing showing = {.call = call};
    uint32_t kind;
    uint64_t digest;
    weir_span name;
    const char *subject = weir_api_query(call, "subject");
    if (subject == NULL) { /* what may be asked */
        json_t *kinds = json_array();
        for (kind = 1; kind < WEIR_WATCH_POOLED; kind++)
            if (!is_owner(call) || kind == WEIR_WATCH_OF_MODELS)
                json_array_append_new(kinds,
                                      json_string(weir_watch_kind_name(kind)));
        call->reply = json_pack("{s:o}", "kinds", kinds);
        return WEIR_OK;
    }
    weir_status status =
        weir_watch_named(weir_span_of(subject), &kind, &digest, &name, err);
    if (status != WEIR_OK)
        return status;
    size_t own = strlen(call->provider);
    if (is_owner(call) &&
        (kind != WEIR_WATCH_OF_MODELS || name.len <= own ||
         memcmp(name.ptr, call->provider, own) != 0 || name.ptr[own] != '/'))
        return weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                         "a model owner sees models:%s/TENANT", call->provider);
    sync_watch(call);
    status = find_pool(&showing, kind, digest, err);
    if (status == WEIR_OK)
        status = add_history(call, kind, digest, showing.reply, err);
    call->reply = showing.reply;
    return status;
}

/* -------------------------------------------------------------- clusters */

static json_t *
party_json(const struct weir_watch_party *party)
{
    return subject_json(party->kind, party->name);
}

static bool
add_cluster(void *context, const struct weir_watch_found *f)
{
    json_array_append_new(
        context,
        json_pack("{s:o,s:I,s:I,s:b,s:f,s:f,s:I,s:I,s:I,s:s}", "id",
                  weir_api_text(f->id), "first_us", (json_int_t)f->first,
                  "last_us", (json_int_t)f->last, "is_found", (int)f->is_found,
                  "z", f->z, "score", f->score, "owners", (json_int_t)f->owners,
                  "candidates", (json_int_t)f->candidates, "members",
                  (json_int_t)f->members, "action",
                  weir_watch_action_name(f->action)));
    return true;
}

static bool
wants_past(const struct weir_api_call *call)
{
    const char *past = weir_api_query(call, "past");
    return past != NULL && strcmp(past, "true") == 0;
}

weir_status
weir_api_watch_clusters(struct weir_api_call *call, struct weir_error *err)
{
    json_t *list = json_array();
    sync_watch(call);
    call->reply = json_pack("{s:o}", "clusters", list);
    return weir_watch_clusters(call->door->store, WEIR_SPAN_NONE,
                               wants_past(call), add_cluster, list, err);
}

static bool
add_member(void *context, const struct weir_watch_party *party)
{
    json_array_append_new(context, party_json(party));
    return true;
}

static bool
add_link(void *context, const struct weir_watch_party *a,
         const struct weir_watch_party *b, enum weir_watch_why why,
         double value)
{
    json_array_append_new(context,
                          json_pack("{s:o,s:o,s:s,s:f}", "a", party_json(a),
                                    "b", party_json(b), "why",
                                    weir_watch_why_name(why), "value", value));
    return true;
}

weir_status
weir_api_watch_cluster_show(struct weir_api_call *call, struct weir_error *err)
{
    weir_span id = weir_span_of(call->params[0]);
    json_t *found = json_array(), *members = json_array(),
           *links = json_array();
    sync_watch(call);
    weir_status status = weir_watch_clusters(call->door->store, id, true,
                                             add_cluster, found, err);
    if (status == WEIR_OK && json_array_size(found) == 0)
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "no cluster '%.60s'", call->params[0]);
    if (status == WEIR_OK)
        status =
            weir_watch_members(call->door->store, id, add_member, members, err);
    if (status == WEIR_OK)
        status = weir_watch_links(call->door->store, id, add_link, links, err);
    call->reply = json_array_size(found) == 0
                      ? json_object()
                      : json_incref(json_array_get(found, 0));
    if (json_array_size(found) > 0)
        json_object_set(call->reply, "member_count",
                        json_object_get(call->reply, "members"));
    json_object_set_new(call->reply, "members", members);
    json_object_set_new(call->reply, "links", links);
    json_decref(found);
    return status;
}

/* ------------------------------------------------------------------ deeds */

static bool
add_cut(void *context, const struct weir_watch_cut *cut)
{
    json_array_append_new(
        context,
        json_pack("{s:I,s:o,s:o,s:s,s:I,s:o,s:o,s:o,s:o}", "number",
                  (json_int_t)cut->number, "a", party_json(&cut->a), "b",
                  party_json(&cut->b), "why", weir_watch_why_name(cut->why),
                  "when_us", (json_int_t)cut->when, "actor",
                  weir_api_text(cut->actor), "reason",
                  weir_api_text(cut->reason), "ended_us",
                  cut->ended == 0 ? json_null() : json_integer(cut->ended),
                  "ended_by", weir_api_text(cut->ended_by)));
    return true;
}

weir_status
weir_api_watch_cuts(struct weir_api_call *call, struct weir_error *err)
{
    json_t *list = json_array();
    call->reply = json_pack("{s:o}", "cuts", list);
    return weir_watch_cuts(call->door->store, wants_past(call), add_cut, list,
                           err);
}

weir_status
weir_api_watch_cut(struct weir_api_call *call, struct weir_error *err)
{
    int64_t number = 0;
    weir_status status = weir_watch_cut_link(
        call->door->control, &call->actor, weir_api_body(call, "a"),
        weir_api_body(call, "b"), weir_api_body(call, "why"),
        weir_api_body(call, "reason"), &number, err);
    call->reply = json_pack("{s:I}", "number", (json_int_t)number);
    return status;
}

weir_status
weir_api_watch_uncut(struct weir_api_call *call, struct weir_error *err)
{
    uint64_t number;
    if (!weir_span_to_u64(weir_span_of(call->params[0]), &number) ||
        number > INT64_MAX)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "a cut has a number");
    call->reply = json_pack("{s:I}", "number", (json_int_t)number);
    return weir_watch_uncut_link(call->door->control, &call->actor,
                                 (int64_t)number, err);
}

weir_status
weir_api_watch_reference(struct weir_api_call *call, struct weir_error *err)
{
    weir_span subject = weir_api_body(call, "subject");
    call->reply = json_pack("{s:o}", "subject", weir_api_text(subject));
    return weir_watch_decide_reference(call->door->control, &call->actor,
                                       subject, weir_api_body(call, "deed"),
                                       weir_api_body(call, "reason"), err);
}
