/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <test.h>

#include "control/watch/profile.h"
#include "control/watch/rows.h"

static char directory[] = "/tmp/weir-watch-rows-XXXXXX";

static struct weir_store *
open_one(bool is_pools)
{
    struct weir_store *store = NULL;
    struct weir_error err = {0};
    strcpy(directory + sizeof(directory) - 7, "XXXXXX");
    assert_non_null(mkdtemp(directory));
    assert_ok(is_pools ? weir_store_open_pools(directory, true, &store, &err)
                       : weir_store_open(directory, true, &store, &err));
    assert_ok(weir_store_begin(store, &err));
    return store;
}

static void
close_one(struct weir_store *store)
{
    char command[100];
    weir_store_close(store);
    snprintf(command, sizeof(command), "rm -rf '%s'", directory);
    assert_int_equal(system(command), 0);
}

static struct weir_watch_row
sample(uint64_t digest, uint64_t calls, enum weir_watch_action action)
{
    return (struct weir_watch_row){.kind = WEIR_WATCH_OF_TENANT,
                                   .digest = digest,
                                   .name = WEIR_SPAN("acme"),
                                   .tenant = WEIR_SPAN("acme"),
                                   .window_end = 77,
                                   .calls = calls,
                                   .window = 300,
                                   .has_reference = true,
                                   .score = 1.5F,
                                   .plain_score = 0.25F,
                                   .fired = 5,
                                   .kinds = 2,
                                   .action = action,
                                   .detail = WEIR_SPAN("{}")};
}

struct seen {
    uint32_t count;
    struct weir_watch_row last;
};

static bool
on_row(void *context, const struct weir_watch_row *row)
{
    struct seen *seen = context;
    assert_span(row->name, "acme");
    assert_span(row->detail, "{}");
    seen->last = *row;
    seen->count++;
    return true;
}

TEST(watch_rows, verdict_is_kept_once_and_read_in_order)
{
    struct weir_error err = {0};
    struct weir_store *store = open_one(false);
    struct seen seen = {0};
    bool is_new;
    struct weir_watch_row a = sample(UINT64_MAX, 100, WEIR_WATCH_SLOW);
    struct weir_watch_row b = sample(UINT64_MAX, 400, WEIR_WATCH_OBSERVE);
    struct weir_watch_row c = sample(3, 100, WEIR_WATCH_NOTHING);
    assert_ok(weir__watch_verdict_add(store, &a, &is_new, &err));
    assert_true(is_new);
    assert_ok(weir__watch_verdict_add(store, &a, &is_new, &err));
    assert_false(is_new);
    assert_ok(weir__watch_verdict_add(store, &b, &is_new, &err));
    assert_true(is_new);
    assert_ok(weir__watch_verdict_add(store, &c, &is_new, &err));
    assert_ok(weir_watch_verdicts_after(store, 0, 100, on_row, &seen, &err));
    assert_int_equal(seen.count, 3);
    assert_true(seen.last.digest == 3);
    int64_t last = seen.last.number;
    assert_ok(weir_watch_verdicts_after(store, last, 100, on_row, &seen, &err));
    assert_int_equal(seen.count, 3);
    assert_ok(weir_watch_verdict_get(store, 1, on_row, &seen, &err));
    assert_true(seen.last.digest == UINT64_MAX);
    assert_true(seen.last.score == 1.5F && seen.last.has_reference);
    assert_int_equal(seen.last.calls, 100);
    assert_int_equal(weir_watch_verdict_get(store, 99, on_row, &seen, &err),
                     WEIR_ENOTFOUND);
    struct weir_watch_filter filter = {.least = WEIR_WATCH_OBSERVE};
    seen.count = 0;
    assert_ok(weir_watch_verdicts_last(store, &filter, on_row, &seen, &err));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.last.action, WEIR_WATCH_OBSERVE);
    close_one(store);
}

struct pool_seen {
    uint32_t count;
    char pool[sizeof(struct weir_watch_pool)];
    char profile[sizeof(struct weir_watch_account)];
    size_t len;
    size_t profile_len;
};

static void
on_pool(void *context, const struct weir_watch_pool_row *row)
{
    struct pool_seen *seen = context;
    seen->count++;
    seen->len = row->pool.len;
    seen->profile_len = row->profile.len;
    if (row->pool.len > 0)
        memcpy(seen->pool, row->pool.ptr, row->pool.len);
    if (row->profile.len > 0)
        memcpy(seen->profile, row->profile.ptr, row->profile.len);
    assert_true(row->digest == UINT64_MAX - 1 || row->digest == 9);
}

/* Runs of zeros are not on disk; what comes back is what was put. */
TEST(watch_rows, pools_come_back_as_they_were_however_full_they_are)
{
    struct weir_error err = {0};
    struct weir_store *pools = open_one(true);
    static struct pool_seen seen;
    static char pool[sizeof(struct weir_watch_pool)];
    static char profile[sizeof(struct weir_watch_account)];
    uint64_t state = 3;
    struct weir_watch_pool_row row = {.number = 1,
                                      .kind = 1,
                                      .digest = 9,
                                      .name = WEIR_SPAN("k"),
                                      .pool = {pool, sizeof pool},
                                      .profile = {profile, sizeof profile}};
    for (uint32_t round = 0; round < 400; round++) {
        bool is_there;
        /* From nothing to everything, in runs of 1 to 40. */
        for (size_t i = 0; i < sizeof pool;) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            size_t run = 1 + (state >> 40) % 40;
            bool is_full = (state >> 33) % 400 < round;
            for (; run > 0 && i < sizeof pool; run--, i++)
                pool[i] = is_full ? (char)(1 + i % 250) : 0;
        }
        memcpy(profile, pool + round, sizeof profile);
        assert_ok(weir__watch_pool_put(pools, &row, &err));
        assert_ok(weir__watch_pool_find(pools, 1, 9, on_pool, &seen, &is_there,
                                        &err));
        assert_int_equal(seen.len, sizeof pool);
        assert_int_equal(seen.profile_len, sizeof profile);
        assert_memory_equal(seen.pool, pool, sizeof pool);
        assert_memory_equal(seen.profile, profile, sizeof profile);
    }
    /* What is of another size, or damaged, is nothing: its reader says so. */
    static const char *const bad[] = {"\x01", "abcd",
                                      "\x10\x10\x00\x00\xff\xff",
                                      "\x10\x10\x00\x00"
                                      "abcdefgh"};
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        bool is_there;
        row.pool = (weir_span){bad[i], i == 0   ? 1
                                       : i == 1 ? 4
                                       : i == 2 ? 6
                                                : 12};
        row.profile = WEIR_SPAN_NONE;
        assert_ok(weir__watch_pool_put(pools, &row, &err));
        assert_ok(weir__watch_pool_find(pools, 1, 9, on_pool, &seen, &is_there,
                                        &err));
        assert_true(is_there);
        assert_int_equal(seen.len, 0);
        assert_int_equal(seen.profile_len, 0);
    }
    close_one(pools);
}

TEST(watch_rows, pool_is_found_by_its_digest_and_the_oldest_goes)
{
    struct weir_error err = {0};
    struct weir_store *pools = open_one(true);
    static struct pool_seen seen;
    static char pool[sizeof(struct weir_watch_pool)] = "old";
    bool is_there;
    uint64_t count;
    int64_t last;
    struct weir_watch_pool_row row = {.number = 1,
                                      .kind = 1,
                                      .digest = UINT64_MAX - 1,
                                      .name = WEIR_SPAN("k"),
                                      .last = 5,
                                      .pool = {pool, sizeof pool}};
    assert_ok(weir__watch_pool_put(pools, &row, &err));
    memcpy(pool, "newer", 6);
    assert_ok(weir__watch_pool_put(pools, &row, &err));
    row.number = 2;
    row.digest = 9;
    row.last = 6;
    assert_ok(weir__watch_pool_put(pools, &row, &err));
    assert_ok(weir__watch_pool_find(pools, 1, UINT64_MAX - 1, on_pool, &seen,
                                    &is_there, &err));
    assert_true(is_there);
    assert_int_equal(seen.len, sizeof pool);
    assert_memory_equal(seen.pool, pool, sizeof pool);
    assert_ok(weir__watch_pools_count(pools, &count, &last, &err));
    assert_int_equal(count, 2);
    assert_int_equal(last, 2);
    assert_ok(weir__watch_pools_evict(pools, 1, &err));
    assert_ok(weir__watch_pool_find(pools, 1, UINT64_MAX - 1, on_pool, &seen,
                                    &is_there, &err));
    assert_false(is_there);
    struct weir_buf value;
    weir_buf_init(&value, 1000);
    assert_ok(weir__watch_progress_put(pools, "x", WEIR_SPAN("one"), &err));
    assert_ok(weir__watch_progress_put(pools, "x", WEIR_SPAN("two"), &err));
    assert_ok(weir__watch_progress_get(pools, "x", &value, &err));
    assert_span(weir_buf_span(&value), "two");
    assert_ok(weir__watch_progress_get(pools, "y", &value, &err));
    assert_int_equal(value.len, 0);
    weir_buf_fini(&value);
    close_one(pools);
}

static bool
on_cut(void *context, const struct weir_watch_cut *cut)
{
    assert_span(cut->b.name, "b");
    assert_true(cut->b.digest == 8);
    assert_int_equal(cut->why, WEIR_WATCH_WHY_PAYMENT);
    assert_span(cut->reason, "a shared office");
    (*(uint32_t *)context)++;
    return true;
}

static bool
on_link(void *context, const struct weir_watch_party *a,
        const struct weir_watch_party *b, enum weir_watch_why why, double value)
{
    assert_true(a->digest == 7 && b->digest == 8 && value == 0.5);
    assert_span(b->name, "b");
    (*(uint32_t *)context)++;
    return true;
}

static bool
on_found(void *context, const struct weir_watch_found *found)
{
    assert_int_equal(found->members, 2);
    assert_true(found->z == 20.5);
    (*(uint32_t *)context)++;
    return true;
}

TEST(watch_rows, cluster_has_members_links_and_cuts)
{
    struct weir_error err = {0};
    struct weir_store *store = open_one(false);
    struct weir_watch_party a = {3, 7, WEIR_SPAN("a")};
    struct weir_watch_party b = {3, 8, WEIR_SPAN("b")};
    struct weir_watch_found found = {
        .id = WEIR_SPAN("wc_1"), .last = 3, .z = 20.5, .owners = 2};
    char id[WEIR_WATCH_CLUSTER_ID];
    uint32_t count = 0;
    int64_t number = 0;
    assert_ok(weir__watch_cluster_put(store, &found, &err));
    assert_ok(weir__watch_member_add(store, found.id, &a, &err));
    assert_ok(weir__watch_member_add(store, found.id, &b, &err));
    assert_ok(weir__watch_link_add(store, found.id, &a, &b,
                                   WEIR_WATCH_WHY_PAYMENT, 0.5, &err));
    assert_ok(weir_watch_clusters(store, WEIR_SPAN(""), false, on_found, &count,
                                  &err));
    assert_ok(weir_watch_links(store, found.id, on_link, &count, &err));
    assert_int_equal(count, 2);
    assert_ok(weir_watch_cluster_of(store, &b, id, &err));
    assert_string_equal(id, "wc_1");
    struct weir_watch_cut cut = {.a = a,
                                 .b = b,
                                 .why = WEIR_WATCH_WHY_PAYMENT,
                                 .when = 9,
                                 .actor = WEIR_SPAN("local"),
                                 .reason = WEIR_SPAN("a shared office")};
    assert_ok(weir__watch_cut_add(store, &cut, &number, &err));
    assert_ok(weir_watch_cuts(store, false, on_cut, &count, &err));
    assert_int_equal(count, 3);
    assert_ok(weir__watch_cut_end(store, number, 10, WEIR_SPAN("x"), &err));
    assert_int_equal(
        weir__watch_cut_end(store, number, 10, WEIR_SPAN("x"), &err),
        WEIR_ENOTFOUND);
    assert_ok(weir_watch_cuts(store, false, on_cut, &count, &err));
    assert_int_equal(count, 3);
    assert_ok(weir__watch_cluster_lost(store, found.id, 1, &err));
    assert_ok(weir_watch_cluster_of(store, &b, id, &err));
    assert_string_equal(id, "");
    close_one(store);
}

TEST(watch_rows, subject_is_named_as_the_data_plane_digests_it)
{
    struct weir_error err = {0};
    uint32_t kind;
    uint64_t digest;
    weir_span name;
    assert_ok(weir_watch_named(WEIR_SPAN("tenant:acme"), &kind, &digest, &name,
                               &err));
    assert_int_equal(kind, WEIR_WATCH_OF_TENANT);
    assert_true(digest ==
                weir_watch_subject(WEIR_WATCH_OF_TENANT, WEIR_SPAN("acme")));
    assert_ok(weir_watch_named(WEIR_SPAN("end_customer:acme/x/y"), &kind,
                               &digest, &name, &err));
    assert_true(digest ==
                weir_watch_end_customer(
                    weir_watch_subject(WEIR_WATCH_OF_TENANT, WEIR_SPAN("acme")),
                    WEIR_SPAN("x/y")));
    assert_ok(
        weir_watch_named(WEIR_SPAN("key:#00ff"), &kind, &digest, &name, &err));
    assert_true(digest == 255);
    static const char *const bad[] = {"acme", "tenant:", "person:x",
                                      "end_customer:acme", "key:#zz"};
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++)
        assert_int_equal(
            weir_watch_named(weir_span_of(bad[i]), &kind, &digest, &name, &err),
            WEIR_EPARSE);
}
