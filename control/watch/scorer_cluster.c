/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts into profiles, clusters into lines.
 *
 * Bins of time are half an hour, and shorter where the file spans less than
 * three days, so that there are always enough of them; at most a fortnight's,
 * the last. A cluster is named by its first member, so a name stays while
 * that one does.
 */
#include "control/watch/scorer_parts.h"

#include <stdlib.h>
#include <string.h>

#include <weir/json.h>

#define BIN_MINUTES    30
#define BINS_WANTED    144
#define BINS_MAX       672 /* a fortnight */
#define DAY_MINUTES    1440
#define ARENA_MAX      ((size_t)16 << 30)
#define SCAFFOLD_SHARE 33 /* one call in: 3 % */

struct clusters {
    struct weir_scorer *scorer;
    struct weir_watch_cluster_setup setup;
    uint32_t minutes; /* of one bin */
    uint32_t first;   /* minute */
    struct weir_watch_profile *profiles;
    struct weir_arena arena;
};

static int
compare_keys(const void *a, const void *b)
{
    const struct scorer_key *x = a;
    const struct scorer_key *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return (x->key > y->key) - (x->key < y->key);
}

static void
put_sketch(const struct scorer_account *account,
           struct weir_watch_profile *profile)
{
    int32_t most = 1;
    for (uint32_t i = 0; i < WEIR_WATCH_SKETCH; i++)
        if (abs(account->sums[i]) > most)
            most = abs(account->sums[i]);
    for (uint32_t i = 0; i < WEIR_WATCH_SKETCH; i++)
        profile->sketch[i] = (int8_t)((int64_t)account->sums[i] * 127 / most);
}

static bool
put_bins(struct clusters *c, const struct scorer_account *account,
         struct weir_watch_profile *profile)
{
    uint16_t *bins = weir_arena_array(&c->arena, uint16_t, c->setup.bin_count);
    if (bins == NULL)
        return false;
    for (uint32_t i = 0; i < account->minute_count; i++) {
        if (account->minutes[i] < c->first)
            continue;
        uint32_t bin = (account->minutes[i] - c->first) / c->minutes;
        if (bin < c->setup.bin_count && bins[bin] < UINT16_MAX)
            bins[bin]++;
    }
    profile->bins = bins;
    return true;
}

static bool
fill_profile(struct clusters *c, uint32_t number)
{
    struct scorer_account *account = c->scorer->accounts[number];
    struct weir_watch_profile *profile = &c->profiles[number];
    uint32_t kept = 0;
    profile->owner =
        account->owner != UINT32_MAX ? (uint64_t)account->owner + 1 : 0;
    profile->calls = (uint32_t)account->calls;
    profile->form_calls = account->form_calls;
    put_sketch(account, profile);
    memcpy(profile->payments, account->payments, sizeof(profile->payments));
    memcpy(profile->networks, account->networks, sizeof(profile->networks));
    qsort(account->keys, SCORER_KEYS, sizeof(*account->keys), compare_keys);
    for (uint32_t i = 0; i < SCORER_KEYS && kept < WEIR_WATCH_SHARED; i++)
        if (account->keys[i].count >= 3 &&
            (uint64_t)account->keys[i].count * SCAFFOLD_SHARE >= account->calls)
            profile->scaffolds[kept++] = account->keys[i].key;
    return put_bins(c, account, profile);
}

static void
choose_bins(struct clusters *c)
{
    const struct weir_scorer *s = c->scorer;
    uint64_t span = (uint64_t)(s->last_ms - s->first_ms) / 60000 + 1;
    uint64_t minutes = span / BINS_WANTED;
    c->minutes = minutes < 1             ? 1
                 : minutes > BIN_MINUTES ? BIN_MINUTES
                                         : (uint32_t)minutes;
    uint64_t bins = (span + c->minutes - 1) / c->minutes;
    if (bins > BINS_MAX) {
        c->first = (uint32_t)(span - (uint64_t)BINS_MAX * c->minutes);
        bins = BINS_MAX;
    }
    c->setup.bin_count = (uint32_t)bins;
    if (span >= DAY_MINUTES)
        c->setup.bins_per_day = DAY_MINUTES / c->minutes;
}

/* -------------------------------------------------------------- output */

static void
add_score(struct weir_json_writer *json, double score, double z)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%.6g", score);
    weir_json_name(json, "score");
    weir_json_add_raw(json, (weir_span){text, (size_t)len});
    len = snprintf(text, sizeof(text), "%.6g", z);
    weir_json_name(json, "z");
    weir_json_add_raw(json, (weir_span){text, (size_t)len});
}

static void
write_cluster(struct clusters *c, const char *kind, const char *name,
              const struct weir_watch_cluster *cluster, double score,
              const char *action)
{
    struct weir_scorer *s = c->scorer;
    struct weir_json_writer json;
    char title[512];
    weir_buf_reset(&s->text);
    weir_json_writer_init(&json, &s->text);
    snprintf(title, sizeof(title), "%s:%s", kind, name);
    weir_json_begin_object(&json);
    weir_json_name(&json, "cluster");
    weir_json_add_string(&json, weir_span_of(title));
    weir_json_name(&json, "members");
    weir_json_begin_array(&json);
    for (uint32_t i = 0; i < cluster->member_count; i++)
        weir_json_add_string(
            &json, weir_span_of(s->accounts[cluster->members[i]]->name));
    weir_json_end_array(&json);
    add_score(&json, score, (double)cluster->z);
    weir_json_name(&json, "links");
    weir_json_begin_array(&json);
    for (uint32_t i = 0; i < cluster->link_count; i++) {
        const struct weir_watch_link *link = &cluster->links[i];
        weir_json_begin_object(&json);
        weir_json_name(&json, "a");
        weir_json_add_string(&json, weir_span_of(s->accounts[link->a]->name));
        weir_json_name(&json, "b");
        weir_json_add_string(&json, weir_span_of(s->accounts[link->b]->name));
        weir_json_name(&json, "why");
        weir_json_add_string(&json,
                             weir_span_of(weir_watch_why_name(link->why)));
        weir_json_end_object(&json);
    }
    weir_json_end_array(&json);
    weir_json_name(&json, "owners");
    weir_json_add_uint(&json, cluster->owner_count);
    weir_json_name(&json, "action");
    weir_json_add_string(&json, weir_span_of(action));
    weir_json_end_object(&json);
    weir_buf_add_byte(&s->text, '\n');
    fwrite(s->text.ptr, 1, s->text.len, s->setup.out);
    s->summary.clusters++;
}

static bool
write_found(struct clusters *c, const struct weir_watch_cluster *cluster)
{
    struct weir_scorer *s = c->scorer;
    struct weir_watch_verdict verdict;
    const struct weir_watch_pool **pools = weir_arena_array(
        &c->arena, const struct weir_watch_pool *, cluster->member_count);
    if (pools == NULL)
        return false;
    for (uint32_t i = 0; i < cluster->member_count; i++)
        pools[i] = &s->accounts[cluster->members[i]]->pool;
    weir_watch_score_pools(pools, cluster->member_count, WEIR_WATCH_WIDE,
                           &verdict);
    /* Acting together is a kind of its own beside what the calls say. */
    enum weir_watch_action action = WEIR_WATCH_OBSERVE;
    if (verdict.kinds >= 1)
        action = verdict.kinds >= 2 ? WEIR_WATCH_STRIP : WEIR_WATCH_SLOW;
    write_cluster(c, "found", s->accounts[cluster->members[0]]->name, cluster,
                  (double)verdict.score, weir_watch_action_name(action));
    return true;
}

/* An owner's accounts, scored as one over all its calls. */
static bool
write_owner(struct clusters *c, uint32_t number)
{
    struct weir_scorer *s = c->scorer;
    const struct scorer_owner *owner = &s->owners[number];
    struct weir_watch_cluster cluster = {.owner_count = 1};
    uint32_t *members = weir_arena_array(&c->arena, uint32_t, owner->accounts);
    struct weir_watch_link *links =
        weir_arena_array(&c->arena, struct weir_watch_link, owner->accounts);
    if (members == NULL || links == NULL)
        return false;
    for (uint32_t i = owner->first; i < s->account_count; i++) {
        if (s->accounts[i]->owner != number)
            continue;
        if (cluster.member_count > 0)
            links[cluster.link_count++] = (struct weir_watch_link){
                owner->first, i, WEIR_WATCH_WHY_OWNER, 1};
        members[cluster.member_count++] = i;
        if (cluster.member_count == owner->accounts)
            break;
    }
    cluster.members = members;
    cluster.links = links;
    cluster.z = weir_watch_synchrony(c->profiles, members, cluster.member_count,
                                     &c->setup, &c->arena);
    write_cluster(c, "owner", owner->name, &cluster,
                  (double)owner->group->best_score,
                  weir_watch_action_name(owner->group->best_action));
    return true;
}

static weir_status
find(struct clusters *c, struct weir_error *err)
{
    struct weir_scorer *s = c->scorer;
    const struct weir_watch_cluster *found = NULL;
    uint32_t count = 0;
    c->profiles = weir_arena_array(&c->arena, struct weir_watch_profile,
                                   s->account_count + 1);
    for (uint32_t i = 0; i < s->account_count && c->profiles != NULL; i++)
        if (!fill_profile(c, i))
            break;
    if (c->arena.overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "no memory to look for clusters");
    weir_status status =
        weir_watch_find_clusters(c->profiles, s->account_count, &c->setup,
                                 &c->arena, &found, &count, err);
    for (uint32_t i = 0; i < count && status == WEIR_OK; i++)
        if (!write_found(c, &found[i]))
            break;
    for (uint32_t i = 0; i < s->owner_count && status == WEIR_OK; i++)
        if (s->owners[i].group != NULL && !write_owner(c, i))
            break;
    if (status == WEIR_OK && c->arena.overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "no memory to write clusters");
    return status;
}

weir_status
weir__scorer_clusters(struct weir_scorer *scorer, struct weir_error *err)
{
    struct clusters c = {.scorer = scorer};
    if (scorer->account_count == 0)
        return WEIR_OK;
    weir_arena_init_heap(&c.arena, ARENA_MAX);
    choose_bins(&c);
    weir_status status = find(&c, err);
    weir_arena_fini(&c.arena);
    return status;
}
