/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ingest against a real ring and a real writer in one process; workers are
 * children that can die.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <test.h>
#include <weir/lane.h>

#include "control/ingest/figures.h"
#include "control/ingest/ingest.h"
#include "control/ingest/pace.h"
#include "control/ingest/segments.h"
#include "writer.h"

struct bench {
    struct weir_control control;
    struct writer writer;
    struct writer_config config;
};

static void
open_bench(struct bench *bench, uint64_t segment_bytes)
{
    struct weir_error err = {0};
    struct weir_paths *paths = &bench->control.paths;
    memset(bench, 0, sizeof *bench);
    strcpy(paths->state, "/tmp/weir-ingest-XXXXXX");
    assert_non_null(mkdtemp(paths->state));
    strcpy(paths->journal, paths->state);
    strcpy(paths->run, paths->state);
    snprintf(paths->tlog, sizeof paths->tlog, "%.200s/tlog", paths->state);
    snprintf(paths->ring, sizeof paths->ring, "%.200s/ring", paths->state);
    assert_ok(weir_store_open(paths->state, true, &bench->control.store, &err));
    bench->config = (struct writer_config){
        .ring_path = paths->ring,
        .journal_dir = paths->journal,
        .run_dir = paths->run,
        .lane_bytes = WEIR_LANE_BYTES_MIN,
        .segment_bytes = segment_bytes,
        .disk = &writer_disk_system,
        .is_inline = true,
        .is_quiet = true,
    };
    assert_ok(writer_open(&bench->writer, &bench->config, &err));
}

static void
drain(struct bench *bench)
{
    do {
        while (writer_step(&bench->writer))
            ;
    } while (!writer_is_drained(&bench->writer));
}

static void
close_bench(struct bench *bench)
{
    char command[300];
    writer_close(&bench->writer);
    weir_store_close(bench->control.store);
    snprintf(command, sizeof command, "rm -rf '%.200s'",
             bench->control.paths.state);
    assert_int_equal(system(command), 0);
}

static struct weir_request_id
request(uint32_t number)
{
    struct weir_request_id id;
    uint8_t random[10] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16),
                          (uint8_t)(number >> 8), (uint8_t)number};
    weir_request_id_make(1000000, random, &id);
    return id;
}

static void
append(struct bench *bench, struct weir_lane *lane, enum weir_record_kind kind,
       const struct weir_buf *payload)
{
    weir_journal_mark mark;
    struct weir_error err;
    weir_span part = weir_buf_span(payload);
    while (weir_lane_append(lane, kind, 1, &part, 1, WEIR_TIER_DURABLE, 7,
                            &mark, &err) != WEIR_OK) {
        assert_non_null(bench);
        drain(bench);
    }
}

static void
append_intent(struct bench *bench, struct weir_lane *lane, uint32_t number)
{
    char memory[4096];
    struct weir_buf payload;
    struct weir_record_intent intent = {.request = request(number),
                                        .decided_us = 1000000,
                                        .tenant = WEIR_SPAN("t"),
                                        .project = WEIR_SPAN("p"),
                                        .key = WEIR_SPAN("wk_1"),
                                        .model = WEIR_SPAN("m")};
    weir_buf_init_fixed(&payload, memory, sizeof memory);
    weir_record_put_intent(&intent, &payload);
    append(bench, lane, WEIR_RECORD_INTENT, &payload);
}

static void
append_outcome(struct bench *bench, struct weir_lane *lane, uint32_t number)
{
    char memory[4096];
    struct weir_buf payload;
    struct weir_record_outcome outcome = {.request = request(number),
                                          .ending = WEIR_END_COMPLETE,
                                          .input_tokens = 3,
                                          .output_tokens = 5,
                                          .cost_micros = 11,
                                          .currency = WEIR_SPAN("USD"),
                                          .model = WEIR_SPAN("m")};
    weir_buf_init_fixed(&payload, memory, sizeof memory);
    weir_record_put_outcome(&outcome, &payload);
    append(bench, lane, WEIR_RECORD_OUTCOME, &payload);
}

static void
append_refusal(struct bench *bench, struct weir_lane *lane, uint32_t number)
{
    char memory[4096];
    struct weir_buf payload;
    struct weir_record_refusal refusal = {.request = request(number),
                                          .decided_us = 1000000,
                                          .reason = WEIR_REASON_FORBIDDEN,
                                          .tenant = WEIR_SPAN("t"),
                                          .key = WEIR_SPAN("wk_1"),
                                          .model = WEIR_SPAN("m")};
    weir_buf_init_fixed(&payload, memory, sizeof memory);
    weir_record_put_refusal(&refusal, &payload);
    append(bench, lane, WEIR_RECORD_REFUSAL, &payload);
}

static struct weir_lane *
open_lane(struct bench *bench)
{
    struct weir_lane *lane = NULL;
    struct weir_error err = {0};
    assert_ok(weir_lane_open(bench->control.paths.ring,
                             bench->control.paths.run, WEIR_LANE_WORKER, &lane,
                             &err));
    return lane;
}

static bool
add_sum(void *context, const struct weir_store_sum *sum)
{
    struct weir_store_sum *all = context;
    all->calls += sum->calls;
    all->open += sum->open;
    all->refused += sum->refused;
    all->lost += sum->lost;
    all->input_tokens += sum->input_tokens;
    all->cost_micros += sum->cost_micros;
    return true;
}

static struct weir_store_sum
sums(struct bench *bench, bool is_total)
{
    const struct weir_store_filter all = {.from = WEIR_TIME_MIN,
                                          .to = WEIR_TIME_MAX};
    struct weir_store_sum sum = {0};
    struct weir_error err;
    assert_ok((is_total ? weir_store_totals : weir_store_usage)(
        bench->control.store, &all, add_sum, &sum, &err));
    return sum;
}

static void
catch_up(struct bench *bench)
{
    struct weir_ingest *ingest = NULL;
    struct weir_error err = {0};
    assert_ok(weir_ingest_open(&bench->control, &ingest, &err));
    assert_ok(weir_ingest_catch_up(ingest, &err));
    weir_ingest_close(ingest);
}

TEST(ingest, records_over_many_segments_become_rows_once)
{
    static struct bench bench;
    struct weir_error err;
    open_bench(&bench, WEIR_SEGMENT_BYTES_MIN);
    struct weir_lane *lane = open_lane(&bench);
    for (uint32_t i = 0; i < 6000; i++) {
        append_intent(&bench, lane, i);
        if (i % 10 != 9)
            append_outcome(&bench, lane, i);
        if (i % 20 == 0)
            append_refusal(&bench, lane, 100000 + i);
        if (i % 1000 == 500) {
            drain(&bench);
            catch_up(&bench);
        }
    }
    drain(&bench);
    catch_up(&bench);
    struct weir_store_sum sum = sums(&bench, false);
    assert_int_equal(sum.calls, 5400);
    assert_int_equal(sum.open, 600);
    assert_int_equal(sum.refused, 300);
    assert_int_equal(sum.input_tokens, 5400 * 3);
    assert_int_equal(sum.cost_micros, 5400 * 11);
    assert_true(bench.writer.status.segment > 1);

    /* The whole journal again, from its beginning: nothing changes. */
    assert_ok(
        weir_store_number_set(bench.control.store, "journal.segment", 0, &err));
    assert_ok(
        weir_store_number_set(bench.control.store, "journal.offset", 0, &err));
    catch_up(&bench);
    struct weir_store_sum again = sums(&bench, false);
    struct weir_store_sum totals = sums(&bench, true);
    assert_memory_equal(&sum, &again, sizeof sum);
    sum.open = 0;
    assert_memory_equal(&sum, &totals, sizeof sum);
    weir_lane_close(lane);
    close_bench(&bench);
}

TEST(ingest, a_journal_is_read_without_its_writer)
{
    static struct bench bench;
    open_bench(&bench, WEIR_SEGMENT_BYTES_MIN);
    struct weir_lane *lane = open_lane(&bench);
    for (uint32_t i = 0; i < 100; i++)
        append_intent(&bench, lane, i);
    drain(&bench);
    weir_lane_close(lane);
    unlink(bench.control.paths.ring);
    catch_up(&bench);
    assert_int_equal(sums(&bench, false).open, 100);
    catch_up(&bench);
    assert_int_equal(sums(&bench, false).open, 100);
    close_bench(&bench);
}

/* Steps the writer while ingest's own thread works, until `is_done`. */
static void
run_until(struct bench *bench, bool (*is_done)(struct bench *bench))
{
    struct weir_ingest *ingest = NULL;
    struct weir_error err = {0};
    assert_ok(weir_ingest_open(&bench->control, &ingest, &err));
    assert_ok(weir_ingest_start(ingest, &err));
    for (int i = 0; i < 1000 && !is_done(bench); i++) {
        while (writer_step(&bench->writer))
            ;
        usleep(10000);
    }
    weir_ingest_let_go(ingest);
    drain(bench);
    weir_ingest_close(ingest);
    assert_true(is_done(bench));
}

static bool
nothing_is_open(struct bench *bench)
{
    return sums(bench, false).open == 0;
}

TEST(ingest, calls_of_a_dead_worker_are_closed_as_lost)
{
    static struct bench bench;
    open_bench(&bench, WEIR_SEGMENT_BYTES_MIN * 4);
    struct weir_lane *living = open_lane(&bench);
    pid_t child = fork();
    if (child == 0) {
        struct weir_lane *lane = open_lane(&bench);
        for (uint32_t i = 0; i < 40; i++)
            append_intent(NULL, lane, i);
        for (uint32_t i = 0; i < 10; i++)
            append_outcome(NULL, lane, i);
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    append_intent(&bench, living, 1000);
    append_outcome(&bench, living, 1000);
    drain(&bench);
    catch_up(&bench);
    assert_int_equal(sums(&bench, false).open, 30);
    run_until(&bench, nothing_is_open);
    struct weir_store_sum sum = sums(&bench, false);
    assert_int_equal(sum.lost, 30);
    assert_int_equal(sum.calls, 41);
    assert_int_equal(sum.cost_micros, 11 * 11);
    weir_lane_close(living);
    close_bench(&bench);
}

static bool
acts_are_journalled(struct bench *bench)
{
    struct weir_error err;
    int64_t value = 0;
    /* The position moves when the records of acts were read. */
    assert_ok(weir_store_number_get(bench->control.store, "journal.offset",
                                    &value, &err));
    return value > 0;
}

static bool
count_acts(void *context, const struct weir_store_act *act)
{
    (*(int *)context)++;
    return true;
}

TEST(ingest, acts_reach_the_journal_and_are_marked)
{
    static struct bench bench;
    struct weir_error err;
    int pending = 0;
    const struct weir_store_act act = {.when = 5,
                                       .actor = WEIR_SPAN("local"),
                                       .role = WEIR_SPAN("admin"),
                                       .action = WEIR_SPAN("key.revoke"),
                                       .subject = WEIR_SPAN("wk_1"),
                                       .detail = WEIR_SPAN("{}")};
    open_bench(&bench, WEIR_SEGMENT_BYTES_MIN * 4);
    for (int i = 0; i < 3; i++)
        assert_ok(weir_store_act_add(bench.control.store, &act, &err));
    run_until(&bench, acts_are_journalled);
    assert_ok(weir_store_acts_pending(bench.control.store, 0, count_acts,
                                      &pending, &err));
    assert_int_equal(pending, 0);
    close_bench(&bench);
}

TEST(pace, pauses_shrink_with_the_lag_and_end)
{
    const uint64_t ran = 10 * 1000000;
    assert_int_equal(weir_pace_pause(ran, 0, 0), 0);       /* nobody else ran */
    assert_int_equal(weir_pace_pause(ran, ran / 4, 0), 0); /* chance */
    assert_int_equal(weir_pace_pause(ran, ran, 0), 190);
    assert_int_equal(weir_pace_pause(ran, ran, WEIR_PACE_LAG_US), 190);
    assert_int_equal(
        weir_pace_pause(ran, ran,
                        (WEIR_PACE_LAG_US + WEIR_PACE_LAG_MAX_US) / 2),
        95);
    assert_int_equal(weir_pace_pause(ran, ran, WEIR_PACE_LAG_MAX_US), 0);
    assert_int_equal(weir_pace_pause(100 * ran, ran * 100, 0), 500);
}
