/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <test.h>

#include "control/factors/factors.h"

#define VOTES_MAX 60000

/* Votes of calls as they come: one vote a call, tenants in order. */
struct poll {
    struct weir_factor_vote votes[VOTES_MAX];
    size_t count;
    uint64_t state;
};

static const struct weir_factor_line unknown;
static const struct weir_factor_line seed_line = {20, 250000, 700, 1400};

static double
draw(struct poll *poll)
{
    poll->state ^= poll->state << 13;
    poll->state ^= poll->state >> 7;
    poll->state ^= poll->state << 17;
    return (double)(poll->state % 1000000) / 1e6;
}

/* `calls` of a tenant whose tokens are base + slope * bytes, a fifth off to
 * either side. */
static void
add_tenant(struct poll *poll, int64_t tenant, uint32_t calls, double base,
           double slope)
{
    for (uint32_t i = 0; i < calls; i++) {
        double bytes = 100;
        for (double octaves = draw(poll) * 9; octaves > 0; octaves -= 0.05)
            bytes *= 1.0353;
        double tokens = (base + slope * bytes) * (0.8 + 0.4 * draw(poll));
        uint32_t cell;
        assert_true(weir_factor_cell((uint64_t)bytes, (uint64_t)tokens, &cell));
        assert_true(poll->count < VOTES_MAX);
        poll->votes[poll->count++] = (struct weir_factor_vote){tenant, cell, 1};
    }
}

static struct poll *
poll_new(void)
{
    struct poll *poll = calloc(1, sizeof *poll);
    assert_non_null(poll);
    poll->state = 88172645463325252u;
    return poll;
}

static double
said(const struct weir_factor_line *line, double bytes)
{
    return line->base + bytes * line->ppm / 1e6;
}

TEST(factors, a_line_is_found_within_a_twentieth)
{
    struct poll *poll = poll_new();
    struct weir_factor_line line;
    for (int64_t i = 0; i < 5; i++)
        add_tenant(poll, i, 1000, 350, 0.19);
    assert_true(weir_factor_fit_freely(poll->votes, poll->count, &line));
    assert_in_range((long)said(&line, 500), 423, 467);     /* 445 */
    assert_in_range((long)said(&line, 30000), 5738, 6342); /* 6050 */
    assert_in_range(line.low_pm, 700, 900);
    assert_in_range(line.high_pm, 1100, 1320);
    free(poll);
}

TEST(factors, too_few_calls_teach_nothing)
{
    struct poll *poll = poll_new();
    struct weir_factor_line line = {1, 2, 3, 4};
    add_tenant(poll, 1, WEIR_FACTOR_CALLS_MIN - 1, 10, 0.2);
    assert_false(
        weir_factor_fit(poll->votes, poll->count, &unknown, &unknown, &line));
    assert_int_equal(line.ppm, 2);
    free(poll);
}

TEST(factors, a_line_moves_by_a_tenth_a_day_and_arrives)
{
    struct poll *poll = poll_new();
    struct weir_factor_line line = seed_line;
    for (int64_t i = 0; i < 4; i++)
        add_tenant(poll, i, 400, 20, 0.4);
    for (int day = 0; day < 12; day++) {
        struct weir_factor_line before = line;
        assert_true(weir_factor_fit(poll->votes, poll->count, &seed_line,
                                    &before, &line));
        assert_true(line.ppm <= (uint64_t)before.ppm * 1101 / 1000);
        assert_true(line.ppm >= (uint64_t)before.ppm * 899 / 1000);
        assert_true(line.base <= before.base + 17 + before.base / 4);
    }
    assert_in_range(line.ppm, 380000, 420000);
    free(poll);
}

TEST(factors, no_line_leaves_half_or_twice_its_seed)
{
    struct poll *poll = poll_new();
    struct weir_factor_line line = seed_line;
    for (int64_t i = 0; i < 4; i++)
        add_tenant(poll, i, 400, 2000, 1.9);
    for (int day = 0; day < 60; day++)
        assert_true(weir_factor_fit(poll->votes, poll->count, &seed_line, &line,
                                    &line));
    assert_true(line.ppm <= 2 * seed_line.ppm);
    assert_true(line.base <= WEIR_FACTOR_BASE_MAX);
    free(poll);
}

/* What one of five does that sends fifty times the calls, each of ten times
 * the tokens. */
TEST(factors, one_tenant_of_five_does_not_move_a_line_by_a_tenth)
{
    struct poll *honest = poll_new(), *poisoned = poll_new();
    struct weir_factor_line fair = seed_line, spoilt = seed_line;
    for (int64_t i = 0; i < 4; i++) {
        add_tenant(honest, i, 400, 20, 0.25);
        add_tenant(poisoned, i, 400, 20, 0.25);
    }
    add_tenant(poisoned, 4, 20000, 200, 2.5);
    for (int day = 0; day < 30; day++) {
        assert_true(weir_factor_fit(honest->votes, honest->count, &seed_line,
                                    &fair, &fair));
        assert_true(weir_factor_fit(poisoned->votes, poisoned->count,
                                    &seed_line, &spoilt, &spoilt));
    }
    for (double bytes = 500; bytes < 50000; bytes *= 2) {
        double share = said(&spoilt, bytes) / said(&fair, bytes);
        assert_true(share < 1.1 && share > 0.9);
    }
    free(honest);
    free(poisoned);
}

TEST(factors, sizes_that_one_tenant_alone_sends_are_not_heard)
{
    struct poll *poll = poll_new();
    struct weir_factor_line line = seed_line, before = seed_line;
    for (int64_t i = 0; i < 4; i++)
        add_tenant(poll, i, 400, 20, 0.25);
    size_t honest = poll->count;
    assert_true(
        weir_factor_fit(poll->votes, honest, &seed_line, &before, &line));
    for (int i = 0; i < 150; i++) {
        uint32_t cell;
        assert_true(weir_factor_cell(600000, 900000, &cell));
        poll->votes[poll->count++] = (struct weir_factor_vote){9, cell, 1};
    }
    struct weir_factor_line other;
    assert_true(
        weir_factor_fit(poll->votes, poll->count, &seed_line, &before, &other));
    assert_int_equal(other.ppm, line.ppm);
    assert_int_equal(other.base, line.base);
    free(poll);
}

/* -------------------------------------------------------------- the store */

static void
put_call(struct weir_store *store, uint32_t number, const char *tenant,
         uint32_t shape, bool is_estimated)
{
    struct weir_error err = {0};
    struct weir_store_at at = {.lane = 9, .segment = 1, .offset = number};
    uint8_t random[10] = {(uint8_t)(number >> 8), (uint8_t)number};
    struct weir_record_intent intent = {.decided_us = 1000,
                                        .tenant = weir_span_of(tenant),
                                        .project = WEIR_SPAN("p"),
                                        .key = WEIR_SPAN("k"),
                                        .organisation = WEIR_SPAN("o"),
                                        .model = WEIR_SPAN("m")};
    bool is_new;
    weir_request_id_make(1000, random, &intent.request);
    assert_ok(weir_store_put_intent(store, &intent, &at, &is_new, &err));
    const struct weir_record_outcome outcome = {.request = intent.request,
                                                .ending = WEIR_END_COMPLETE,
                                                .is_estimated = is_estimated,
                                                .input_tokens = 400,
                                                .output_tokens = 130,
                                                .sizes = {2000, 500, shape},
                                                .currency = WEIR_SPAN("USD"),
                                                .model = WEIR_SPAN("m"),
                                                .deployment = WEIR_SPAN("d")};
    assert_ok(
        weir_store_put_outcome(store, &outcome, &at, &is_new, NULL, &err));
}

struct seen {
    uint64_t calls[WEIR_FACTOR_KINDS];
    uint32_t rows;
};

static bool
see(void *context, const struct weir_factor_cell_row *row)
{
    struct seen *seen = context;
    assert_span(row->model, "m");
    seen->calls[row->kind] += row->calls;
    seen->rows++;
    return true;
}

static bool
find_line(void *context, weir_span model, weir_time learned,
          const struct weir_factor *factor)
{
    assert_span(model, "m");
    assert_int_equal(learned, 7);
    *(struct weir_factor *)context = *factor;
    return true;
}

static void
open_store(char directory[64], struct weir_store **store_out)
{
    struct weir_error err;
    strcpy(directory, "/tmp/weir-factors-XXXXXX");
    assert_non_null(mkdtemp(directory));
    assert_ok(weir_store_open(directory, true, store_out, &err));
}

static void
remove_store(const char *directory)
{
    static const char *const files[] = {"weir.db", "weir.db-wal",
                                        "weir.db-shm"};
    for (size_t i = 0; i < WEIR_COUNTOF(files); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", directory, files[i]);
        unlink(path);
    }
    rmdir(directory);
}

TEST(factors, calls_are_counted_once_and_not_those_that_say_nothing)
{
    char directory[64];
    struct weir_store *store;
    struct weir_error err;
    struct seen seen = {0};
    open_store(directory, &store);
    assert_ok(weir_store_begin(store, &err));
    for (uint32_t i = 0; i < 10; i++)
        put_call(store, i, i % 2 ? "a" : "b", 0, false);
    put_call(store, 0, "b", 0, false); /* read twice */
    put_call(store, 20, "a", WEIR_SIZES_TOOLS, false);
    put_call(store, 21, "a", WEIR_SIZES_MEDIA, false);
    put_call(store, 22, "a", 0, true);
    assert_ok(weir_store_flush_totals(store, &err));
    assert_ok(weir_store_commit(store, &err));
    assert_ok(weir__factor_cells(store, see, &seen, &err));
    assert_int_equal(seen.calls[WEIR_FACTOR_PROMPT], 10);
    assert_int_equal(seen.calls[WEIR_FACTOR_TOOLS], 1);
    assert_int_equal(seen.calls[WEIR_FACTOR_ANSWER], 11);
    assert_int_equal(seen.rows, 5);
    weir_store_close(store);
    remove_store(directory);
}

TEST(factors, what_was_learned_outlives_a_restart_and_old_calls_fade)
{
    char directory[64];
    struct weir_store *store;
    struct weir_error err;
    struct weir_factor found = {0};
    struct seen seen = {0};
    const struct weir_factor factor = {.lines = {{10, 200000, 500, 1500}},
                                       .source = WEIR_FACTOR_LEARNED,
                                       .calls = 99};
    open_store(directory, &store);
    assert_ok(weir_store_begin(store, &err));
    for (uint32_t i = 0; i < 11; i++)
        put_call(store, i, "a", 0, false);
    assert_ok(weir_store_flush_totals(store, &err));
    assert_ok(weir__factor_set(store, WEIR_SPAN("m"), 7, &factor, &err));
    assert_ok(weir__factor_forget(store, 10, &err));
    assert_ok(weir_store_commit(store, &err));
    weir_store_close(store);
    assert_ok(weir_store_open(directory, false, &store, &err));
    assert_ok(weir_factors(store, find_line, &found, &err));
    assert_memory_equal(&found, &factor, sizeof factor);
    assert_ok(weir__factor_cells(store, see, &seen, &err));
    assert_int_equal(seen.calls[WEIR_FACTOR_PROMPT], 5);
    weir_store_close(store);
    remove_store(directory);
}
