/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts into profiles, clusters into rows.
 *
 * An account is whom somebody opened it for: each end customer of a reseller
 * who names them (then the reseller himself is not one: he moves as the sum
 * of his customers does), else the tenant.
 *
 * Time is counted in the profiles' own bins up to the newest of all, so a
 * look says the same whenever it is made. Harmonics of the day are taken out
 * where the bins span a day.
 *
 * A cluster keeps the id of the one it shares most members with, also of one
 * that was lost not long ago; what is not found again stays on file as past.
 * Each look is a window: it has a verdict as the looks at an account have
 * (WEIR_WATCH_LOOKS_*), found or lost, so that what stands is renewed and
 * what is over comes down.
 */
#include "control/watch/clusters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/json.h>

#define ARENA_MAX   ((size_t)8 << 30)
#define SHOWN_MAX   200 /* members and links in a verdict */
#define GROWTH_PART 5   /* a fifth more members is worth another row */
#define DETAIL_MAX  ((size_t)1 << 20)

struct account {
    uint32_t kind;
    uint64_t digest;
    int64_t number;
    weir_span name;
    weir_span tenant;
    weir_time last;
    bool is_reseller;
    struct weir_watch_account profile;
};

struct before {
    weir_span id;
    enum weir_watch_action action;
    uint32_t members;
    uint32_t shared; /* with the cluster at hand */
    uint32_t looks;
    bool is_found;
    bool is_taken;
};

struct looking {
    const struct weir_watch_look *look;
    struct weir_watch_looked *looked;
    struct weir_arena arena;
    struct account *accounts;
    uint32_t count;
    uint32_t room;
    struct weir_watch_profile *profiles;
    struct weir_watch_cluster_setup setup;
    struct weir_watch_link *cuts;
    uint32_t cut_room;
    struct before *before;
    uint32_t before_count;
    uint32_t before_room;
    struct weir_buf text;
    weir_status status;
    struct weir_error *err;
};

static weir_status
no_memory(struct weir_error *err)
{
    return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                     "no memory to look for clusters");
}

/* -------------------------------------------------------------- accounts */

static void
add_account(void *context, const struct weir_watch_pool_row *row)
{
    struct looking *l = context;
    if (row->profile.len != sizeof(struct weir_watch_account))
        return;
    if (l->count == l->room) {
        uint32_t room = l->room * 2 + 1024;
        struct account *moved = realloc(l->accounts, room * sizeof(*moved));
        if (moved == NULL) {
            l->status = no_memory(l->err);
            return;
        }
        l->accounts = moved;
        l->room = room;
    }
    struct account *account = &l->accounts[l->count];
    *account = (struct account){
        .kind = row->kind,
        .digest = row->digest,
        .number = row->number,
        .name = weir_arena_copy(&l->arena, row->name),
        .tenant = weir_arena_copy(&l->arena, row->tenant),
        .last = row->last,
    };
    memcpy(&account->profile, row->profile.ptr, sizeof(account->profile));
    if (account->profile.version == WEIR_WATCH_ACCOUNT_VERSION &&
        account->profile.bin_us > 0)
        l->count++;
}

/* Rows come by kind and digest. */
static struct account *
find_account(const struct looking *l, uint32_t kind, uint64_t digest)
{
    uint32_t low = 0;
    uint32_t high = l->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct account *at = &l->accounts[middle];
        if (at->kind < kind ||
            (at->kind == kind && (int64_t)at->digest < (int64_t)digest))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == l->count || l->accounts[low].kind != kind ||
        l->accounts[low].digest != digest)
        return NULL;
    return &l->accounts[low];
}

static void
drop_resellers(struct looking *l)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->accounts[i].kind != WEIR_WATCH_OF_END_CUSTOMER)
            continue;
        struct account *tenant = find_account(
            l, WEIR_WATCH_OF_TENANT,
            weir_watch_subject(WEIR_WATCH_OF_TENANT, l->accounts[i].tenant));
        if (tenant != NULL)
            tenant->is_reseller = true;
    }
    for (uint32_t i = 0; i < l->count; i++)
        if (!l->accounts[i].is_reseller)
            l->accounts[kept++] = l->accounts[i];
    l->count = kept;
}

/* Bins of the widest profile, up to the newest call of all. */
static void
choose_bins(struct looking *l, int64_t *last_out)
{
    int64_t width = 1;
    int64_t last = 0;
    int64_t first = INT64_MAX;
    for (uint32_t i = 0; i < l->count; i++)
        if (l->accounts[i].profile.bin_us > width)
            width = l->accounts[i].profile.bin_us;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct weir_watch_account *a = &l->accounts[i].profile;
        if (a->bin_us != width)
            continue;
        if (a->bin > last)
            last = a->bin;
        for (int64_t bin = a->bin;
             bin > 0 && a->bin - bin < WEIR_WATCH_BINS_KEPT; bin--)
            if (a->bins[bin % WEIR_WATCH_BINS_KEPT] > 0 && bin < first)
                first = bin;
    }
    if (first > last)
        first = last;
    if (last - first >= WEIR_WATCH_BINS_KEPT)
        first = last - WEIR_WATCH_BINS_KEPT + 1;
    l->setup.bin_count = (uint32_t)(last - first) + 1;
    if ((last - first) * width >= WEIR_US_PER_DAY)
        l->setup.bins_per_day = (uint32_t)(WEIR_US_PER_DAY / width);
    *last_out = last;
}

static weir_status
make_profiles(struct looking *l)
{
    int64_t last;
    choose_bins(l, &last);
    l->profiles =
        weir_arena_array(&l->arena, struct weir_watch_profile, l->count + 1);
    for (uint32_t i = 0; i < l->count && !l->arena.overflow; i++) {
        const struct account *account = &l->accounts[i];
        uint16_t *bins =
            weir_arena_array(&l->arena, uint16_t, l->setup.bin_count);
        if (bins == NULL || l->profiles == NULL)
            break;
        weir_watch_account_profile(&account->profile, last, bins,
                                   l->setup.bin_count, &l->profiles[i]);
        uint64_t tenant =
            weir_watch_subject(WEIR_WATCH_OF_TENANT, account->tenant);
        if (account->kind == WEIR_WATCH_OF_END_CUSTOMER)
            l->profiles[i].owner = 0; /* the reseller's group is not his */
        else if (l->look->payment != NULL)
            l->profiles[i].payments[0] =
                l->look->payment(l->look->context, tenant);
    }
    return l->arena.overflow ? no_memory(l->err) : WEIR_OK;
}

static bool
add_cut(void *context, const struct weir_watch_cut *cut)
{
    struct looking *l = context;
    const struct account *a = find_account(l, cut->a.kind, cut->a.digest);
    const struct account *b = find_account(l, cut->b.kind, cut->b.digest);
    if (a == NULL || b == NULL)
        return true;
    if (l->setup.cut_count == l->cut_room) {
        uint32_t room = l->cut_room * 2 + 64;
        void *moved = realloc(l->cuts, room * sizeof(*l->cuts));
        if (moved == NULL) {
            l->status = no_memory(l->err);
            return false;
        }
        l->cuts = moved;
        l->cut_room = room;
    }
    l->cuts[l->setup.cut_count++] = (struct weir_watch_link){
        (uint32_t)(a - l->accounts), (uint32_t)(b - l->accounts), cut->why, 0};
    l->setup.cuts = l->cuts;
    return true;
}

/* -------------------------------------------------------------- identity */

static bool
add_before(void *context, const struct weir_watch_found *found)
{
    struct looking *l = context;
    if (!found->is_found && found->looks >= WEIR_WATCH_LOOKS_QUIET)
        return true;
    if (l->before_count == l->before_room) {
        uint32_t room = l->before_room * 2 + 64;
        void *moved = realloc(l->before, room * sizeof(*l->before));
        if (moved == NULL) {
            l->status = no_memory(l->err);
            return false;
        }
        l->before = moved;
        l->before_room = room;
    }
    l->before[l->before_count++] =
        (struct before){.id = weir_arena_copy(&l->arena, found->id),
                        .action = found->action,
                        .members = found->members,
                        .looks = found->looks,
                        .is_found = found->is_found};
    return true;
}

struct sharing {
    const struct looking *l;
    const struct weir_watch_cluster *cluster;
    uint32_t shared;
};

static bool
count_shared(void *context, const struct weir_watch_party *party)
{
    struct sharing *sharing = context;
    const struct account *account =
        find_account(sharing->l, party->kind, party->digest);
    for (uint32_t i = 0; account != NULL && i < sharing->cluster->member_count;
         i++)
        if (&sharing->l->accounts[sharing->cluster->members[i]] == account) {
            sharing->shared++;
            break;
        }
    return true;
}

/* The one before that has most of the members; NULL: it is new. */
static struct before *
find_before(struct looking *l, const struct weir_watch_cluster *cluster)
{
    struct before *best = NULL;
    for (uint32_t i = 0; i < l->before_count && l->status == WEIR_OK; i++) {
        struct before *before = &l->before[i];
        struct sharing sharing = {l, cluster, 0};
        if (before->is_taken)
            continue;
        l->status = weir_watch_members(l->look->store, before->id, count_shared,
                                       &sharing, l->err);
        before->shared = sharing.shared;
        if (sharing.shared * 2 >= before->members && sharing.shared > 0 &&
            (best == NULL || sharing.shared > best->shared))
            best = before;
    }
    if (best != NULL)
        best->is_taken = true;
    return best;
}

/* ------------------------------------------------------------------- rows */

static struct weir_watch_party
party_of(const struct looking *l, uint32_t account)
{
    const struct account *a = &l->accounts[account];
    return (struct weir_watch_party){a->kind, a->digest, a->name};
}

static void
write_detail(struct looking *l, const struct weir_watch_cluster *cluster,
             const struct weir_watch_verdict *verdict)
{
    struct weir_json_writer json;
    weir_buf_reset(&l->text);
    weir__watch_put_detail(
        verdict,
        weir_watch_lines_default(WEIR_WATCH_WIDE, verdict->has_reference), NULL,
        NULL, l->look->calibration, &l->text);
    l->text.len--; /* the brace: more members follow */
    weir_buf_addf(&l->text,
                  ",\"member_count\":%u,\"link_count\":%u,"
                  "\"candidates\":%u,\"owners\":%u,\"members\":",
                  cluster->member_count, cluster->link_count,
                  cluster->candidates, cluster->owner_count);
    weir_json_writer_init(&json, &l->text);
    weir_json_begin_array(&json);
    for (uint32_t i = 0; i < cluster->member_count && i < SHOWN_MAX; i++)
        weir_json_add_string(&json, l->accounts[cluster->members[i]].name);
    weir_json_end_array(&json);
    weir_buf_addf(&l->text, ",\"links\":");
    weir_json_writer_init(&json, &l->text);
    weir_json_begin_array(&json);
    for (uint32_t i = 0; i < cluster->link_count && i < SHOWN_MAX; i++) {
        const struct weir_watch_link *link = &cluster->links[i];
        weir_json_begin_object(&json);
        weir_json_name(&json, "a");
        weir_json_add_string(&json, l->accounts[link->a].name);
        weir_json_name(&json, "b");
        weir_json_add_string(&json, l->accounts[link->b].name);
        weir_json_name(&json, "why");
        weir_json_add_string(&json,
                             weir_span_of(weir_watch_why_name(link->why)));
        weir_json_end_object(&json);
    }
    weir_json_end_array(&json);
    weir_buf_addf(&l->text, "}");
}

static weir_status
put_parts(struct looking *l, const struct weir_watch_cluster *cluster,
          weir_span id)
{
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; i < cluster->member_count && status == WEIR_OK; i++) {
        struct weir_watch_party party = party_of(l, cluster->members[i]);
        status = weir__watch_member_add(l->look->store, id, &party, l->err);
    }
    for (uint32_t i = 0; i < cluster->link_count && status == WEIR_OK; i++) {
        const struct weir_watch_link *link = &cluster->links[i];
        struct weir_watch_party a = party_of(l, link->a);
        struct weir_watch_party b = party_of(l, link->b);
        status = weir__watch_link_add(l->look->store, id, &a, &b, link->why,
                                      (double)link->value, l->err);
    }
    return status;
}

static weir_status
say(struct looking *l, weir_span id, const struct weir_watch_cluster *cluster,
    const struct weir_watch_verdict *verdict, enum weir_watch_action action,
    uint32_t looks)
{
    bool is_new = false;
    uint64_t calls = 0;
    weir_time last = 0;
    for (uint32_t i = 0; cluster != NULL && i < cluster->member_count; i++) {
        const struct account *a = &l->accounts[cluster->members[i]];
        calls += a->profile.calls;
        last = a->last > last ? a->last : last;
    }
    struct weir_watch_row row = {
        .kind = WEIR_WATCH_OF_CLUSTER,
        .digest = weir_hash64(id, WEIR_WATCH_OF_CLUSTER) | 1,
        .name = id,
        .window_end = last != 0 ? last : l->look->now,
        .calls = calls,
        .action = action,
        .looks = looks > WEIR_WATCH_LOOKS_EACH ? WEIR_WATCH_LOOKS_STEP : 1,
        .detail = WEIR_SPAN("{\"signals\":[]}"),
    };
    if (cluster != NULL) {
        write_detail(l, cluster, verdict);
        row.window = verdict->calls;
        row.has_reference = verdict->has_reference;
        row.score = verdict->score;
        row.plain_score = verdict->plain_score;
        row.z = cluster->z;
        row.fired = verdict->fired;
        row.kinds = verdict->kinds + 1; /* and that they act together */
        row.detail = weir_buf_span(&l->text);
    }
    weir_status status =
        weir__watch_verdict_add(l->look->store, &row, &is_new, l->err);
    l->looked->verdicts += is_new;
    return status;
}

static void
read_pool(void *context, const struct weir_watch_pool_row *row)
{
    struct weir_watch_pool *pool = context;
    if (row->pool.len == sizeof(*pool))
        memcpy(pool, row->pool.ptr, sizeof(*pool));
}

/* The last calls of all members, as of one account. */
static weir_status
score(struct looking *l, const struct weir_watch_cluster *cluster,
      struct weir_watch_verdict *verdict_out)
{
    uint32_t count = cluster->member_count;
    struct weir_watch_pool *pools = calloc(count, sizeof(*pools));
    const struct weir_watch_pool **list =
        calloc(count, sizeof(const struct weir_watch_pool *));
    weir_status status =
        pools == NULL || list == NULL ? no_memory(l->err) : WEIR_OK;
    for (uint32_t i = 0; i < count && status == WEIR_OK; i++) {
        bool is_there;
        weir_watch_pool_init(&pools[i]);
        list[i] = &pools[i];
        status = weir__watch_pool_get(l->look->pools,
                                      l->accounts[cluster->members[i]].number,
                                      read_pool, &pools[i], &is_there, l->err);
    }
    if (status == WEIR_OK)
        weir_watch_score_pools(list, count, WEIR_WATCH_WIDE, verdict_out);
    free(pools);
    free(list);
    return status;
}

static weir_status
put_cluster(struct looking *l, const struct weir_watch_cluster *cluster)
{
    struct weir_watch_verdict verdict;
    char fresh[WEIR_STORE_ID_MAX];
    struct before *before = find_before(l, cluster);
    weir_status status = l->status;
    weir_span id = before == NULL ? WEIR_SPAN_NONE : before->id;
    if (status == WEIR_OK && before == NULL)
        status = weir_control_id("wc_", fresh, l->err);
    if (status == WEIR_OK && before == NULL)
        id = weir_arena_copy(&l->arena, weir_span_of(fresh));
    if (status == WEIR_OK)
        status = score(l, cluster, &verdict);
    if (status != WEIR_OK)
        return status;
    /* Acting together is a kind of its own beside what the calls say. */
    enum weir_watch_action action = verdict.kinds >= 2   ? WEIR_WATCH_STRIP
                                    : verdict.kinds == 1 ? WEIR_WATCH_SLOW
                                                         : WEIR_WATCH_OBSERVE;
    struct weir_watch_found found = {.id = id,
                                     .last = l->look->now,
                                     .z = (double)cluster->z,
                                     .score = (double)verdict.score,
                                     .owners = cluster->owner_count,
                                     .candidates = cluster->candidates,
                                     .action = action};
    bool is_changed = before == NULL || !before->is_found ||
                      before->action != action ||
                      cluster->member_count >=
                          before->members + before->members / GROWTH_PART + 1;
    found.looks = is_changed ? 0 : before->looks + 1;
    status = weir__watch_cluster_put(l->look->store, &found, l->err);
    if (status == WEIR_OK)
        status = put_parts(l, cluster, id);
    if (status == WEIR_OK && weir_watch_is_told(found.looks))
        status = say(l, id, cluster, &verdict, action, found.looks);
    l->looked->clusters++;
    l->looked->members += cluster->member_count;
    return status;
}

/* One that was not found again, this time or for some time. */
static weir_status
put_lost(struct looking *l, const struct before *before)
{
    uint32_t looks = before->is_found ? 0 : before->looks + 1;
    weir_status status =
        weir__watch_cluster_lost(l->look->store, before->id, looks, l->err);
    if (status != WEIR_OK || !weir_watch_is_told(looks))
        return status;
    return say(l, before->id, NULL, NULL, WEIR_WATCH_NOTHING, looks);
}

static weir_status
put_all(struct looking *l, const struct weir_watch_cluster *found,
        uint32_t count)
{
    weir_status status = weir_store_begin(l->look->store, l->err);
    if (status != WEIR_OK)
        return status;
    status = weir_watch_clusters(l->look->store, WEIR_SPAN_NONE, true,
                                 add_before, l, l->err);
    if (status == WEIR_OK)
        status = l->status;
    for (uint32_t i = 0; i < count && status == WEIR_OK; i++)
        status = put_cluster(l, &found[i]);
    for (uint32_t i = 0; i < l->before_count && status == WEIR_OK; i++) {
        if (!l->before[i].is_taken)
            status = put_lost(l, &l->before[i]);
    }
    if (status == WEIR_OK)
        status = weir_store_commit(l->look->store, l->err);
    if (status != WEIR_OK)
        weir_store_rollback(l->look->store);
    return status;
}

static weir_status
find(struct looking *l)
{
    const struct weir_watch_cluster *found = NULL;
    uint32_t count = 0;
    weir_status status =
        weir__watch_pools_profiled(l->look->pools, add_account, l, l->err);
    if (status == WEIR_OK)
        status = l->status;
    if (status != WEIR_OK)
        return status;
    drop_resellers(l);
    l->looked->accounts = l->count;
    status = weir_watch_cuts(l->look->store, false, add_cut, l, l->err);
    if (status == WEIR_OK)
        status = l->status;
    if (status == WEIR_OK)
        status = make_profiles(l);
    if (status == WEIR_OK && l->count > 0)
        status = weir_watch_find_clusters(l->profiles, l->count, &l->setup,
                                          &l->arena, &found, &count, l->err);
    return status == WEIR_OK ? put_all(l, found, count) : status;
}

weir_status
weir_watch_look_for_clusters(const struct weir_watch_look *look,
                             struct weir_watch_looked *looked_out,
                             struct weir_error *err)
{
    struct weir_error own = {0};
    struct looking l = {.look = look, .looked = looked_out, .err = &own};
    memset(looked_out, 0, sizeof(*looked_out));
    weir_arena_init_heap(&l.arena, ARENA_MAX);
    weir_buf_init(&l.text, DETAIL_MAX);
    weir_status status = find(&l);
    if (status != WEIR_OK && err != NULL)
        *err = own;
    weir_buf_fini(&l.text);
    weir_arena_fini(&l.arena);
    free(l.accounts);
    free(l.cuts);
    free(l.before);
    return status;
}
