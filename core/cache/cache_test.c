/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/cache.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#define NOW   INT64_C(1700000000000000)
#define TTL_S 60

static const uint8_t secret[WEIR_DIGEST_BYTES] =
    "a secret drawn for one table...";
static const uint8_t other[WEIR_DIGEST_BYTES] =
    "another one, after a purge.....";

struct fixture {
    void *memory;
    void *scratch;
    void *buffer;
    struct weir_cache *cache;
    size_t size;
};

static const struct weir_cache_setup small = {.memory = 1 << 20,
                                              .tenant_max = 256 << 10,
                                              .answer_max = 32 << 10,
                                              .ttl_s = TTL_S};

static void
begin(struct fixture *f)
{
    struct weir_error err;
    f->size = weir_cache_size(&small);
    assert_true(f->size > small.memory && f->size < 2 * small.memory);
    f->memory = aligned_alloc(4096, (f->size + 4095) / 4096 * 4096);
    assert_non_null(f->memory);
    assert_int_equal(
        weir_cache_format(f->memory, f->size, &small, secret, &f->cache, &err),
        WEIR_OK);
    f->scratch = malloc(weir_cache_scratch(f->cache));
    f->buffer = malloc(weir_cache_scratch(f->cache));
    assert_true(f->scratch != NULL && f->buffer != NULL);
}

static void
end(struct fixture *f)
{
    free(f->memory);
    free(f->scratch);
    free(f->buffer);
}

static struct weir_cache_key
key_of(struct fixture *f, uint64_t tenant, const char *json)
{
    struct weir_cache_asking asking;
    struct weir_cache_key key;
    assert_true(weir_cache_begin(f->cache, tenant, &asking));
    weir_cache_add(&asking, "chat", 4);
    weir_cache_add_json(&asking, weir_span_of(json));
    weir_cache_end(&asking, &key);
    return key;
}

static bool
put(struct fixture *f, const struct weir_cache_key *key, weir_span body,
    weir_time expires)
{
    static uint64_t drawn;
    uint8_t nonce[WEIR_AES_NONCE_BYTES] = {0};
    struct weir_cache_answer answer = {
        .source = 7,
        .usage = {.input_tokens = 11, .output_tokens = 22},
        .stored = NOW,
        .expires = expires,
        .type = WEIR_SPAN("application/json"),
        .body = body,
    };
    drawn++;
    memcpy(nonce, &drawn, sizeof(drawn));
    return weir_cache_put(f->cache, key, &answer, nonce, f->scratch);
}

static bool
get(struct fixture *f, const struct weir_cache_key *key, weir_time now,
    struct weir_cache_answer *answer)
{
    struct weir_cache_place place;
    if (!weir_cache_look(f->cache, key, now, &place))
        return false;
    assert_true(place.bytes <= weir_cache_scratch(f->cache));
    return weir_cache_take(f->cache, key, &place, now, f->buffer, answer);
}

TEST(cache, an_answer_comes_back_as_it_was)
{
    struct fixture f;
    struct weir_cache_answer answer;
    begin(&f);
    struct weir_cache_key key = key_of(&f, 1, "{\"q\":1}");
    assert_false(get(&f, &key, NOW, &answer));
    assert_true(put(&f, &key, WEIR_SPAN("the answer"), NOW + 1000));
    assert_true(get(&f, &key, NOW, &answer));
    assert_true(weir_span_equal(answer.body, WEIR_SPAN("the answer")));
    assert_true(weir_span_equal(answer.type, WEIR_SPAN("application/json")));
    assert_int_equal(answer.source, 7);
    assert_int_equal(answer.usage.output_tokens, 22);
    assert_int_equal(answer.stored, NOW);
    /* the newest of one key counts */
    assert_true(put(&f, &key, WEIR_SPAN("a later one"), NOW + 1000));
    assert_true(get(&f, &key, NOW, &answer));
    assert_true(weir_span_equal(answer.body, WEIR_SPAN("a later one")));
    end(&f);
}

TEST(cache, an_answer_is_gone_when_its_time_is_over)
{
    struct fixture f;
    struct weir_cache_answer answer;
    begin(&f);
    struct weir_cache_key key = key_of(&f, 1, "{}");
    assert_true(put(&f, &key, WEIR_SPAN("x"), NOW + 1000));
    assert_true(get(&f, &key, NOW + 999, &answer));
    assert_false(get(&f, &key, NOW + 1000, &answer));
    /* and no later than the table allows */
    assert_true(put(&f, &key, WEIR_SPAN("x"), WEIR_TIME_MAX));
    weir_time last = NOW + TTL_S * WEIR_US_PER_SEC;
    assert_true(get(&f, &key, last - 1, &answer));
    assert_false(get(&f, &key, last, &answer));
    end(&f);
}

TEST(cache, the_same_request_of_another_tenant_finds_nothing)
{
    struct fixture f;
    struct weir_cache_answer answer;
    begin(&f);
    struct weir_cache_key mine = key_of(&f, 1, "{\"q\":1}");
    assert_true(put(&f, &mine, WEIR_SPAN("mine"), NOW + 1000));
    for (uint64_t tenant = 2; tenant < 500; tenant++) {
        struct weir_cache_key theirs = key_of(&f, tenant, "{\"q\":1}");
        assert_false(get(&f, &theirs, NOW, &answer));
        /* not even where two prints are the same */
        theirs.print = mine.print;
        theirs.partition = mine.partition;
        assert_false(get(&f, &theirs, NOW, &answer));
    }
    end(&f);
}

TEST(cache, blanks_between_tokens_do_not_make_another_request)
{
    static const struct {
        const char *a;
        const char *b;
        bool is_same;
    } cases[] = {
        {"{\"a\":1,\"b\":[1,2]}", "{ \"a\" : 1,\n\t\"b\": [ 1 , 2 ] }\r\n",
         true},
        {"{\"a\":\"x y\"}", "{\"a\":\"xy\"}", false},
        {"{\"a\":\"x\\\" y\"}", "{\"a\":\"x\\\"y\"}", false},
        {"{\"a\":\"\\\\\", \"b\":1}", "{\"a\":\"\\\\\",\"b\":1}", true},
        {"{\"a\":1}", "{\"a\":2}", false},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", false}, /* says so */
        {"[]", "{}", false},
    };
    struct fixture f;
    begin(&f);
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct weir_cache_key a = key_of(&f, 1, cases[i].a);
        struct weir_cache_key b = key_of(&f, 1, cases[i].b);
        assert_int_equal(memcmp(&a.seal, &b.seal, sizeof(a.seal)) == 0,
                         cases[i].is_same);
    }
    end(&f);
}

TEST(cache, parts_of_a_request_do_not_run_into_each_other)
{
    struct fixture f;
    struct weir_cache_asking asking;
    struct weir_cache_key keys[2];
    static const char *const parts[2][2] = {{"ab", "c"}, {"a", "bc"}};
    begin(&f);
    for (int i = 0; i < 2; i++) {
        assert_true(weir_cache_begin(f.cache, 1, &asking));
        for (int j = 0; j < 2; j++)
            weir_cache_add(&asking, parts[i][j], strlen(parts[i][j]));
        weir_cache_end(&asking, &keys[i]);
    }
    assert_memory_not_equal(&keys[0].seal, &keys[1].seal, sizeof(keys[0].seal));
    end(&f);
}

static void
fill(struct fixture *f, uint64_t tenant, int count)
{
    char json[32];
    char body[8192];
    memset(body, 'b', sizeof(body));
    for (int i = 0; i < count; i++) {
        snprintf(json, sizeof(json), "{\"q\":%d}", i);
        struct weir_cache_key key = key_of(f, tenant, json);
        assert_true(put(f, &key, (weir_span){body, sizeof(body)}, NOW + 1000));
    }
}

TEST(cache, a_tenants_flood_turns_over_its_own_part_only)
{
    struct fixture f;
    struct weir_cache_answer answer;
    struct weir_cache_stats stats;
    begin(&f);
    struct weir_cache_key quiet = key_of(&f, 1, "{\"quiet\":1}");
    assert_true(put(&f, &quiet, WEIR_SPAN("stays"), NOW + 1000));
    fill(&f, 2, 1000);
    assert_true(get(&f, &quiet, NOW, &answer));
    assert_true(weir_cache_bytes(f.cache, 2) <= small.tenant_max);
    /* its newest are there, its oldest are not */
    struct weir_cache_key last = key_of(&f, 2, "{\"q\":999}");
    struct weir_cache_key first = key_of(&f, 2, "{\"q\":0}");
    assert_true(get(&f, &last, NOW, &answer));
    assert_false(get(&f, &first, NOW, &answer));
    weir_cache_stats_get(f.cache, &stats);
    assert_true(stats.evicted > 0);
    assert_true(stats.bytes <= small.memory);
    end(&f);
}

TEST(cache, where_memory_is_full_the_largest_partition_gives_way)
{
    struct fixture f;
    struct weir_cache_answer answer;
    struct weir_cache_stats stats;
    begin(&f);
    for (uint64_t tenant = 1; tenant <= 4; tenant++)
        fill(&f, tenant, 40);
    struct weir_cache_key small_one = key_of(&f, 9, "{}");
    assert_true(put(&f, &small_one, WEIR_SPAN("small"), NOW + 1000));
    fill(&f, 1, 200);
    fill(&f, 2, 200);
    assert_true(get(&f, &small_one, NOW, &answer));
    weir_cache_stats_get(f.cache, &stats);
    assert_true(stats.bytes <= small.memory);
    end(&f);
}

TEST(cache, a_purge_leaves_nothing_to_find_or_to_read)
{
    struct fixture f;
    struct weir_cache_answer answer;
    begin(&f);
    struct weir_cache_key mine = key_of(&f, 1, "{}");
    struct weir_cache_key theirs = key_of(&f, 2, "{}");
    assert_true(put(&f, &mine, WEIR_SPAN("mine"), NOW + 1000));
    assert_true(put(&f, &theirs, WEIR_SPAN("theirs"), NOW + 1000));
    weir_cache_purge(f.cache, 1, other);
    assert_false(get(&f, &mine, NOW, &answer));
    assert_true(get(&f, &theirs, NOW, &answer));
    assert_int_equal(weir_cache_bytes(f.cache, 1), 0);
    /* an answer on its way in is stored under the old secret: lost */
    assert_true(put(&f, &mine, WEIR_SPAN("late"), NOW + 1000));
    struct weir_cache_key anew = key_of(&f, 1, "{}");
    assert_false(get(&f, &anew, NOW, &answer));
    weir_cache_purge_all(f.cache, other);
    anew = key_of(&f, 2, "{}");
    assert_false(get(&f, &anew, NOW, &answer));
    assert_false(get(&f, &theirs, NOW, &answer));
    end(&f);
}

TEST(cache, nothing_lies_in_clear)
{
    static const char text[] = "the-very-private-question-and-answer";
    struct fixture f;
    begin(&f);
    struct weir_cache_key key =
        key_of(&f, 1, "{\"q\":\"the-very-private-question-and-answer\"}");
    assert_true(put(&f, &key, WEIR_SPAN(text), NOW + 1000));
    assert_null(memmem(f.memory, f.size, text, sizeof(text) - 1));
    assert_null(
        memmem(f.scratch, weir_cache_scratch(f.cache), text, sizeof(text) - 1));
    end(&f);
}

TEST(cache, what_is_damaged_is_a_miss)
{
    struct fixture f;
    struct weir_cache_answer answer;
    struct weir_cache_stats stats;
    begin(&f);
    struct weir_cache_key key = key_of(&f, 1, "{}");
    assert_true(
        put(&f, &key, WEIR_SPAN("an answer of some length"), NOW + 1000));
    struct weir_cache_place place;
    assert_true(weir_cache_look(f.cache, &key, NOW, &place));
    /* the log is the end of the table: flip each byte of the entry */
    char *log = (char *)f.memory + f.size - small.memory;
    for (size_t i = 0; i < place.bytes; i++) {
        log[i] = (char)(log[i] ^ 1);
        bool is_found = get(&f, &key, NOW, &answer);
        log[i] = (char)(log[i] ^ 1);
        if (is_found) /* padding behind the tag, nothing else */
            assert_true(i >= place.bytes - 16);
    }
    assert_true(get(&f, &key, NOW, &answer));
    weir_cache_stats_get(f.cache, &stats);
    assert_true(stats.torn > 0);
    end(&f);
}

TEST(cache, an_answer_that_is_too_large_is_not_kept)
{
    struct fixture f;
    struct weir_cache_stats stats;
    begin(&f);
    char *body = calloc(1, small.answer_max + 1);
    assert_non_null(body);
    struct weir_cache_key key = key_of(&f, 1, "{}");
    assert_false(
        put(&f, &key, (weir_span){body, small.answer_max + 1}, NOW + 1000));
    size_t fits = small.answer_max - sizeof("application/json") + 1;
    assert_true(put(&f, &key, (weir_span){body, fits}, NOW + 1000));
    weir_cache_stats_get(f.cache, &stats);
    assert_int_equal(stats.refused, 1);
    free(body);
    end(&f);
}

TEST(cache, a_table_of_another_shape_is_refused)
{
    struct fixture f;
    struct weir_error err;
    struct weir_cache *cache;
    struct weir_cache_setup bad = small;
    begin(&f);
    assert_int_equal(weir_cache_attach(f.memory, f.size, &cache, &err),
                     WEIR_OK);
    assert_int_equal(weir_cache_attach(f.memory, f.size - 1, &cache, &err),
                     WEIR_ECORRUPT);
    memset(f.memory, 0, 8);
    assert_int_equal(weir_cache_attach(f.memory, f.size, &cache, &err),
                     WEIR_ECORRUPT);
    bad.tenant_max = bad.memory + 1;
    assert_int_equal(weir_cache_size(&bad), 0);
    bad = small;
    bad.answer_max = bad.tenant_max / 2;
    assert_int_equal(weir_cache_size(&bad), 0);
    end(&f);
}

/* --------------------------------------------------- many at the same time */

struct hammer {
    struct fixture *f;
    unsigned seed;
    long hits;
    bool is_wrong;
};

/* Body and key say the same: whoever gets another body has crossed over. */
static void *
pound(void *context)
{
    struct hammer *h = context;
    struct fixture own = *h->f;
    own.scratch = malloc(weir_cache_scratch(own.cache));
    own.buffer = malloc(weir_cache_scratch(own.cache));
    for (int i = 0; i < 4000; i++) {
        char json[64];
        char body[4096];
        unsigned tenant = (unsigned)rand_r(&h->seed) % 5 + 1;
        unsigned asked = (unsigned)rand_r(&h->seed) % 200;
        struct weir_cache_answer answer;
        snprintf(json, sizeof(json), "{\"t\":%u,\"q\":%u}", tenant, asked);
        memset(body, 'a' + (int)(asked % 26), sizeof(body));
        memcpy(body, json, strlen(json));
        struct weir_cache_key key = key_of(&own, tenant, json);
        if (get(&own, &key, NOW, &answer)) {
            h->hits++;
            h->is_wrong |=
                !weir_span_equal(answer.body, (weir_span){body, sizeof(body)});
        } else {
            (void)put(&own, &key, (weir_span){body, sizeof(body)}, NOW + 1000);
        }
        if (i % 1000 == 999)
            weir_cache_purge(own.cache, tenant, other);
    }
    free(own.scratch);
    free(own.buffer);
    return NULL;
}

TEST(cache, many_at_once_never_get_what_is_not_theirs)
{
    struct fixture f;
    pthread_t threads[4];
    struct hammer hammers[4];
    long hits = 0;
    begin(&f);
    for (unsigned i = 0; i < 4; i++) {
        hammers[i] = (struct hammer){.f = &f, .seed = i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, pound, &hammers[i]),
                         0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_false(hammers[i].is_wrong);
        hits += hammers[i].hits;
    }
    assert_true(hits > 0);
    end(&f);
}
