/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of accounts: candidates by facts and by content, members by rhythm.
 *
 *   payment, network,   \
 *   rare scaffold        > candidate groups -> rhythm -> members, z, links
 *   same kind of calls  /
 *
 * WHY NOT PAIRS. Two accounts of a few hundred calls share so few bins of
 * time that no correlation between them means anything. An account is
 * compared with the sum of all others of its group, and judged against what
 * its own activity, moved by nine hours and more, would have given.
 *
 * WHY LEADERS. Content groups are found by passes over leaders (the first
 * account unlike all leaders so far becomes one; then each leader becomes the
 * mean of its group), not by comparing all pairs: the mean of ten calls is
 * noisy, the mean of many accounts is not. Groups are rough on purpose:
 * content alone is right in seven cases of ten, so it only proposes.
 *
 * A fact that many unrelated owners share (a public template, the network of
 * a large cloud) proposes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include <weir/watch_cluster.h>

#include "cluster.h"

#define LEADERS_MAX      256
#define SIMILAR          0.7
#define SIMILAR_TO_GROUP 0.5 /* of an account to the mean of a group */
#define SAME_GROUP       0.8 /* of two such means */
#define SETTLE_ROUNDS    4
#define COMMON_SHARE     0.02 /* of owners: a fact of more is nobody's */
#define COMMON_LEAST     50 /* owners; below, a fact of COMMON_FEW is common */
#define COMMON_FEW       8

struct fact {
    uint64_t key;
    uint32_t account;
    uint8_t why;
};

struct finder {
    const struct weir_watch_profile *accounts;
    uint32_t count;
    uint32_t owner_count;
    const struct weir_watch_cluster_setup *setup;
    struct weir_arena *arena;
    struct weir_watch_cluster *found;
    uint32_t found_count;
    uint32_t found_max;
};

const char *
weir_watch_why_name(enum weir_watch_why why)
{
    static const char *const names[] = {"owner", "payment", "network",
                                        "scaffold", "timing"};
    return names[why];
}

static uint64_t
owner_of(const struct finder *f, uint32_t account)
{
    uint64_t owner = f->accounts[account].owner;
    return owner != 0 ? owner : (UINT64_C(1) << 63) + account;
}

static int
compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint32_t
count_owners(const struct finder *f, const uint32_t *members, uint32_t count)
{
    uint64_t *owners = weir_arena_array(f->arena, uint64_t, count + 1);
    uint32_t different = 0;
    if (owners == NULL)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        owners[i] = owner_of(f, members[i]);
    qsort(owners, count, sizeof(*owners), compare_u64);
    for (uint32_t i = 0; i < count; i++)
        different += i == 0 || owners[i] != owners[i - 1];
    return different;
}

/*
 * A person cut the link between `account` and one of the others: it does not
 * belong to them by this any more. So it stays out also when the one that
 * all are linked to, the first, is another one next time.
 */
static bool
is_cut_off(const struct finder *f, const uint32_t *others, uint32_t count,
           uint32_t account, uint32_t why)
{
    for (uint32_t i = 0; i < f->setup->cut_count; i++) {
        const struct weir_watch_link *cut = &f->setup->cuts[i];
        if (cut->why != why || cut->b != account)
            continue;
        for (uint32_t j = 0; j < count; j++)
            if (others[j] == cut->a)
                return true;
    }
    return false;
}

static void
add_cluster(struct finder *f, const struct weir_watch_cluster *cluster)
{
    if (f->found_count < f->found_max)
        f->found[f->found_count++] = *cluster;
}

static bool
is_member(const struct weir_watch_cluster *cluster, uint32_t account)
{
    uint32_t low = 0;
    uint32_t high = cluster->member_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (cluster->members[middle] < account)
            low = middle + 1;
        else
            high = middle;
    }
    return low < cluster->member_count && cluster->members[low] == account;
}

/* Where most of a group is in a cluster already, the rest joins it, with its
 * links: one cluster, seen two ways. Members are in ascending order. */
static bool
joins(struct finder *f, struct weir_watch_cluster *old, const uint32_t *members,
      uint32_t count, const struct weir_watch_link *links, uint32_t link_count)
{
    uint32_t shared = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        shared += is_member(old, members[i]);
    if (shared * 2 < count)
        return false;
    uint32_t total = old->member_count + count - shared;
    uint32_t *all = weir_arena_array(f->arena, uint32_t, total + 1);
    struct weir_watch_link *both = weir_arena_array(
        f->arena, struct weir_watch_link, old->link_count + link_count + 1);
    if (all == NULL || both == NULL)
        return true;
    for (uint32_t i = 0, j = 0; kept < total; kept++) {
        bool is_old = j == count ||
                      (i < old->member_count && old->members[i] <= members[j]);
        all[kept] = is_old ? old->members[i] : members[j];
        j += j < count && all[kept] == members[j];
        i += is_old;
    }
    memcpy(both, old->links, old->link_count * sizeof(*both));
    memcpy(both + old->link_count, links, link_count * sizeof(*both));
    old->members = all;
    old->member_count = total;
    old->links = both;
    old->link_count += link_count;
    old->owner_count = count_owners(f, all, total);
    return true;
}

/* ------------------------------------------------------------- content */

/* A group of like accounts, judged by rhythm. */
static void
judge_content(struct finder *f, uint32_t *group, uint32_t count)
{
    struct watch_rhythm rhythm;
    if (count < WEIR_WATCH_MEMBERS ||
        !weir__watch_rhythm(f->accounts, group, count, f->setup, f->arena,
                            &rhythm))
        return;
    uint32_t kept = 0;
    struct weir_watch_link *links =
        weir_arena_array(f->arena, struct weir_watch_link, count);
    uint32_t *members = weir_arena_array(f->arena, uint32_t, count);
    if (links == NULL || members == NULL)
        return;
    uint32_t links_kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t first = kept > 0 ? members[0] : group[i];
        if (!rhythm.is_member[i] ||
            is_cut_off(f, group, count, group[i], WEIR_WATCH_WHY_TIMING))
            continue;
        if (kept > 0)
            links[links_kept++] = (struct weir_watch_link){
                first, group[i], WEIR_WATCH_WHY_TIMING, rhythm.correlation[i]};
        members[kept++] = group[i];
    }
    uint32_t owners = count_owners(f, members, kept);
    if (rhythm.z <= WEIR_WATCH_Z || kept < WEIR_WATCH_MEMBERS ||
        owners < WEIR_WATCH_OWNERS)
        return;
    add_cluster(f, &(struct weir_watch_cluster){kept, owners, links_kept, count,
                                                rhythm.z, members, links});
}

struct leaders {
    uint32_t count;
    uint32_t *leader_of; /* of each account; UINT32_MAX: none */
    uint32_t sizes[LEADERS_MAX];
    int32_t sums[LEADERS_MAX][WEIR_WATCH_SKETCH];
    int8_t sketch[LEADERS_MAX][WEIR_WATCH_SKETCH];
};

/* The nearest leader over `least`, UINT32_MAX: none is. */
static uint32_t
nearest(const struct leaders *l, const int8_t *sketch, double least)
{
    uint32_t leader = UINT32_MAX;
    for (uint32_t j = 0; j < l->count; j++) {
        double s = weir__watch_mean_similarity(sketch, l->sketch[j]);
        if (s > least) {
            least = s;
            leader = j;
        }
    }
    return leader;
}

static void
assign(const struct finder *f, struct leaders *l, bool may_add)
{
    memset(l->sizes, 0, sizeof(l->sizes));
    memset(l->sums, 0, sizeof(l->sums));
    for (uint32_t i = 0; i < f->count; i++) {
        const struct weir_watch_profile *account = &f->accounts[i];
        l->leader_of[i] = UINT32_MAX;
        if (account->form_calls < WEIR_WATCH_FORM_CALLS)
            continue;
        uint32_t leader = nearest(l, account->sketch, SIMILAR_TO_GROUP);
        if (leader == UINT32_MAX && may_add && l->count < LEADERS_MAX) {
            leader = l->count++;
            memcpy(l->sketch[leader], account->sketch, WEIR_WATCH_SKETCH);
        }
        l->leader_of[i] = leader;
        if (leader == UINT32_MAX)
            continue;
        l->sizes[leader]++;
        for (uint32_t d = 0; d < WEIR_WATCH_SKETCH; d++)
            l->sums[leader][d] += account->sketch[d];
    }
}

/* Leaders become the mean of their groups; those that then are alike, and
 * those that lead nobody, go. */
static void
settle(struct leaders *l)
{
    uint32_t kept = 0;
    for (uint32_t j = 0; j < l->count; j++) {
        int8_t mean[WEIR_WATCH_SKETCH];
        int32_t most = 1;
        bool is_known = l->sizes[j] < 2;
        for (uint32_t d = 0; d < WEIR_WATCH_SKETCH; d++)
            most = abs(l->sums[j][d]) > most ? abs(l->sums[j][d]) : most;
        for (uint32_t d = 0; d < WEIR_WATCH_SKETCH; d++)
            mean[d] = (int8_t)((int64_t)l->sums[j][d] * 127 / most);
        for (uint32_t k = 0; k < kept && !is_known; k++)
            is_known =
                weir__watch_mean_similarity(mean, l->sketch[k]) > SAME_GROUP;
        if (!is_known)
            memcpy(l->sketch[kept++], mean, sizeof(mean));
    }
    l->count = kept;
}

static void
find_by_content(struct finder *f)
{
    struct leaders *l = weir_arena_array(f->arena, struct leaders, 1);
    uint32_t *leader_of = weir_arena_array(f->arena, uint32_t, f->count + 1);
    uint32_t *group = weir_arena_array(f->arena, uint32_t, f->count + 1);
    if (l == NULL || leader_of == NULL || group == NULL)
        return;
    l->leader_of = leader_of;
    assign(f, l, true);
    for (uint32_t round = 0; round < SETTLE_ROUNDS; round++) {
        settle(l);
        assign(f, l, false);
    }
    for (uint32_t j = 0; j < l->count; j++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < f->count; i++)
            if (l->leader_of[i] == j)
                group[count++] = i;
        judge_content(f, group, count);
    }
}

/* --------------------------------------------------------------- facts */

static int
compare_facts(const void *a, const void *b)
{
    const struct fact *x = a;
    const struct fact *y = b;
    if (x->why != y->why)
        return (x->why > y->why) - (x->why < y->why);
    if (x->key != y->key)
        return (x->key > y->key) - (x->key < y->key);
    return (x->account > y->account) - (x->account < y->account);
}

static uint32_t
list_facts(const struct finder *f, struct fact *facts)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        const struct weir_watch_profile *a = &f->accounts[i];
        for (uint32_t j = 0; j < WEIR_WATCH_FACTS; j++) {
            if (a->payments[j] != 0)
                facts[n++] =
                    (struct fact){a->payments[j], i, WEIR_WATCH_WHY_PAYMENT};
            if (a->networks[j] != 0)
                facts[n++] =
                    (struct fact){a->networks[j], i, WEIR_WATCH_WHY_NETWORK};
        }
        for (uint32_t j = 0; j < WEIR_WATCH_SHARED; j++)
            if (a->scaffolds[j] != 0)
                facts[n++] =
                    (struct fact){a->scaffolds[j], i, WEIR_WATCH_WHY_SCAFFOLD};
    }
    qsort(facts, n, sizeof(*facts), compare_facts);
    return n;
}

static uint32_t
root_of(uint32_t *parents, uint32_t i)
{
    while (parents[i] != i) {
        parents[i] = parents[parents[i]];
        i = parents[i];
    }
    return i;
}

/* Networks and scaffolds only propose accounts that also do alike work. */
static bool
may_link(const struct finder *f, uint32_t a, uint32_t b, uint32_t why)
{
    const struct weir_watch_profile *x = &f->accounts[a];
    const struct weir_watch_profile *y = &f->accounts[b];
    return why == WEIR_WATCH_WHY_PAYMENT ||
           (x->form_calls >= WEIR_WATCH_FORM_CALLS &&
            y->form_calls >= WEIR_WATCH_FORM_CALLS &&
            weir__watch_mean_similarity(x->sketch, y->sketch) > SIMILAR);
}

/* Links the accounts of one fact to its first; common facts link nobody. */
static uint32_t
link_fact(struct finder *f, const struct fact *facts, uint32_t count,
          uint32_t *scratch, uint32_t *parents, struct weir_watch_link *links)
{
    uint32_t made = 0;
    for (uint32_t i = 0; i < count; i++)
        scratch[i] = facts[i].account;
    double owners = count_owners(f, scratch, count);
    double most = f->owner_count < COMMON_LEAST ? COMMON_FEW
                                                : COMMON_SHARE * f->owner_count;
    if (facts[0].why != WEIR_WATCH_WHY_PAYMENT && owners > most &&
        owners > COMMON_FEW)
        return 0;
    double share = owners / (f->owner_count + 1.0);
    uint32_t first = 0;
    while (first < count &&
           is_cut_off(f, scratch, count, scratch[first], facts[0].why))
        first++;
    for (uint32_t i = first + 1; i < count; i++) {
        uint32_t a = facts[first].account;
        uint32_t b = facts[i].account;
        if (a == b || !may_link(f, a, b, facts[0].why) ||
            is_cut_off(f, scratch, count, b, facts[0].why))
            continue;
        links[made++] = (struct weir_watch_link){a, b, facts[0].why,
                                                 weir__watch_rarity(share)};
        parents[root_of(parents, b)] = root_of(parents, a);
    }
    return made;
}

static void
judge_facts(struct finder *f, const uint32_t *members, uint32_t count,
            const struct weir_watch_link *links, uint32_t link_count)
{
    uint32_t owners = count_owners(f, members, count);
    bool has_payment = false;
    for (uint32_t i = 0; i < f->found_count; i++)
        if (joins(f, &f->found[i], members, count, links, link_count))
            return;
    for (uint32_t i = 0; i < link_count; i++)
        has_payment |= links[i].why == WEIR_WATCH_WHY_PAYMENT;
    if (owners < 2 || count < (has_payment ? 3 : WEIR_WATCH_OWNERS + 1))
        return;
    float z =
        weir_watch_synchrony(f->accounts, members, count, f->setup, f->arena);
    /* Without a payment fact in common, the rhythm must speak as well. */
    if (!has_payment && z < WEIR_WATCH_Z)
        return;
    add_cluster(f, &(struct weir_watch_cluster){count, owners, link_count,
                                                count, z, members, links});
}

static void
collect(struct finder *f, uint32_t *parents,
        const struct weir_watch_link *links, uint32_t link_count)
{
    uint32_t *sizes = weir_arena_array(f->arena, uint32_t, f->count + 1);
    if (sizes == NULL)
        return;
    for (uint32_t i = 0; i < f->count; i++)
        sizes[root_of(parents, i)]++;
    for (uint32_t root = 0; root < f->count; root++) {
        if (sizes[root] < 3)
            continue;
        uint32_t own_links = 0;
        uint32_t count = 0;
        for (uint32_t i = 0; i < link_count; i++)
            own_links += root_of(parents, links[i].a) == root;
        uint32_t *members = weir_arena_array(f->arena, uint32_t, sizes[root]);
        struct weir_watch_link *own =
            weir_arena_array(f->arena, struct weir_watch_link, own_links + 1);
        if (members == NULL || own == NULL)
            return;
        for (uint32_t i = 0; i < f->count; i++)
            if (root_of(parents, i) == root)
                members[count++] = i;
        own_links = 0;
        for (uint32_t i = 0; i < link_count; i++)
            if (root_of(parents, links[i].a) == root)
                own[own_links++] = links[i];
        judge_facts(f, members, count, own, own_links);
    }
}

static void
find_by_facts(struct finder *f)
{
    const uint32_t each = 2 * WEIR_WATCH_FACTS + WEIR_WATCH_SHARED;
    struct fact *facts =
        weir_arena_array(f->arena, struct fact, f->count * each + 1);
    uint32_t *parents = weir_arena_array(f->arena, uint32_t, f->count + 1);
    uint32_t *scratch =
        weir_arena_array(f->arena, uint32_t, f->count * each + 1);
    if (facts == NULL || parents == NULL || scratch == NULL)
        return;
    uint32_t fact_count = list_facts(f, facts);
    struct weir_watch_link *links =
        weir_arena_array(f->arena, struct weir_watch_link, fact_count + 1);
    uint32_t link_count = 0;
    if (links == NULL)
        return;
    for (uint32_t i = 0; i < f->count; i++)
        parents[i] = i;
    for (uint32_t i = 0; i < fact_count;) {
        uint32_t end = i;
        while (end < fact_count && facts[end].key == facts[i].key &&
               facts[end].why == facts[i].why)
            end++;
        if (end - i > 1)
            link_count += link_fact(f, facts + i, end - i, scratch, parents,
                                    links + link_count);
        i = end;
    }
    collect(f, parents, links, link_count);
}

/* ---------------------------------------------------------------- find */

static int
compare_clusters(const void *a, const void *b)
{
    const struct weir_watch_cluster *x = a;
    const struct weir_watch_cluster *y = b;
    if (x->z != y->z)
        return x->z < y->z ? 1 : -1;
    return (x->members[0] > y->members[0]) - (x->members[0] < y->members[0]);
}

weir_status
weir_watch_find_clusters(const struct weir_watch_profile *accounts,
                         uint32_t count,
                         const struct weir_watch_cluster_setup *setup,
                         struct weir_arena *arena,
                         const struct weir_watch_cluster **clusters_out,
                         uint32_t *count_out, struct weir_error *err)
{
    struct finder f = {.accounts = accounts,
                       .count = count,
                       .setup = setup,
                       .arena = arena,
                       .found_max = LEADERS_MAX + count / 3};
    f.found =
        weir_arena_array(arena, struct weir_watch_cluster, f.found_max + 1);
    uint32_t *all = weir_arena_array(arena, uint32_t, count + 1);
    if (f.found != NULL && all != NULL) {
        for (uint32_t i = 0; i < count; i++)
            all[i] = i;
        f.owner_count = count_owners(&f, all, count);
        find_by_content(&f);
        find_by_facts(&f);
    }
    if (arena->overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "no memory to look for clusters in %u accounts",
                         count);
    qsort(f.found, f.found_count, sizeof(*f.found), compare_clusters);
    *clusters_out = f.found;
    *count_out = f.found_count;
    return WEIR_OK;
}
