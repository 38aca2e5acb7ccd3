/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many records per second does one core bring from the journal into
 * ledger and log? Makes a journal of intents and outcomes of RECORDS/2 calls
 * by 8 keys of 4 tenants, as workers would with 64 calls open at a time,
 * then reads it; goal: 50,000 records per second of CPU.
 *
 *   bench_ingest [RECORDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <weir/lane.h>

#include "control/ingest/figures.h"
#include "control/ingest/ingest.h"
#include "writer.h"

static struct weir_control control;
static struct writer writer;
static struct weir_lane *lane;

static void
must(weir_status status, const struct weir_error *err)
{
    if (status == WEIR_OK)
        return;
    fprintf(stderr, "bench_ingest: %s\n", err->text);
    exit(1);
}

static double
clock_of(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct weir_request_id
request(uint32_t number)
{
    struct weir_request_id id;
    uint8_t random[10];
    uint64_t mixed =
        weir_hash64((weir_span){(const char *)&number, sizeof number}, 1);
    memcpy(random, &mixed, 8);
    memset(random + 8, 0, 2);
    weir_request_id_make(INT64_C(1700000000000000) + number * INT64_C(100),
                         random, &id);
    return id;
}

static void
append(enum weir_record_kind kind, const struct weir_buf *payload)
{
    weir_journal_mark mark;
    struct weir_error err;
    weir_span part = weir_buf_span(payload);
    while (weir_lane_append(lane, kind, 1, &part, 1, WEIR_TIER_CRASH, 7, &mark,
                            &err) != WEIR_OK)
        while (writer_step(&writer))
            ;
}

static void
append_intent(uint32_t number)
{
    static const char *const tenants[] = {"fjord", "harbour", "lagoon", "mill"};
    char memory[4096], key[16];
    struct weir_buf payload;
    snprintf(key, sizeof key, "wk_%u", number % 8);
    struct weir_record_intent intent = {
        .request = request(number),
        .decided_us = INT64_C(1700000000000000) + number * INT64_C(100),
        .tenant = weir_span_of(tenants[number % 4]),
        .project = WEIR_SPAN("freight"),
        .organisation = WEIR_SPAN("organisation of some name"),
        .key = weir_span_of(key),
        .model = WEIR_SPAN("aurora-large"),
        .country = WEIR_SPAN("NO"),
        .address = WEIR_SPAN("192.0.2.77"),
        .candidate_count = 2,
        .order_count = 2,
    };
    for (uint32_t i = 0; i < 2; i++) {
        intent.candidates[i].deployment = WEIR_SPAN("aurora-large-frankfurt");
        intent.candidates[i].verdict = WEIR_ALLOW;
        intent.candidates[i].policies = WEIR_SPAN("seller-hosting");
        intent.order[i] = (uint8_t)i;
    }
    weir_buf_init_fixed(&payload, memory, sizeof memory);
    weir_record_put_intent(&intent, &payload);
    append(WEIR_RECORD_INTENT, &payload);
}

static void
append_outcome(uint32_t number)
{
    char memory[4096];
    struct weir_buf payload;
    struct weir_record_outcome outcome = {
        .request = request(number),
        .ending = WEIR_END_COMPLETE,
        .http_status = 200,
        .input_tokens = 300,
        .output_tokens = 90,
        .cost_micros = 1234,
        .started_us = INT64_C(1700000000000000) + number * INT64_C(100),
        .total_us = 90000,
        .currency = WEIR_SPAN("USD"),
        .price_version = WEIR_SPAN("2026-11"),
        .model = WEIR_SPAN("aurora-large"),
        .deployment = WEIR_SPAN("aurora-large-frankfurt"),
        .region = WEIR_SPAN("frankfurt"),
        .place = WEIR_SPAN("DE"),
        .stored_in = WEIR_SPAN("DE"),
        .attempt_count = 1,
    };
    outcome.attempts[0].deployment = outcome.deployment;
    outcome.attempts[0].http_status = 200;
    weir_buf_init_fixed(&payload, memory, sizeof memory);
    weir_record_put_outcome(&outcome, &payload);
    append(WEIR_RECORD_OUTCOME, &payload);
}

static void
make_journal(uint32_t records)
{
    const uint32_t open = 64;
    for (uint32_t i = 0; i < records / 2 + open; i++) {
        if (i < records / 2)
            append_intent(i);
        if (i >= open)
            append_outcome(i - open);
    }
    do {
        while (writer_step(&writer))
            ;
    } while (!writer_is_drained(&writer));
}

int
main(int argc, char **argv)
{
    struct weir_error err = {0};
    struct weir_paths *paths = &control.paths;
    struct weir_ingest *ingest = NULL;
    uint32_t records = argc > 1 ? (uint32_t)atoi(argv[1]) : 200000;
    char command[300];
    snprintf(paths->state, 200, "%s/weir-bench-XXXXXX",
             getenv("TMPDIR") == NULL ? "/tmp" : getenv("TMPDIR"));
    if (mkdtemp(paths->state) == NULL)
        return 1;
    snprintf(paths->journal, 256, "%.200s", paths->state);
    snprintf(paths->run, 256, "%.200s", paths->state);
    snprintf(paths->tlog, 256, "%.200s/tlog", paths->state);
    snprintf(paths->ring, 256, "%.200s/ring", paths->state);
    must(weir_store_open(paths->state, true, &control.store, &err), &err);
    struct writer_config config = {
        .ring_path = paths->ring,
        .journal_dir = paths->journal,
        .run_dir = paths->run,
        .lane_bytes = WEIR_LANE_BYTES_DEFAULT,
        .segment_bytes = WEIR_SEGMENT_BYTES_DEFAULT,
        .disk = &writer_disk_system,
        .is_quiet = true,
    };
    must(writer_open(&writer, &config, &err), &err);
    must(weir_lane_open(paths->ring, paths->run, WEIR_LANE_WORKER, &lane, &err),
         &err);
    make_journal(records);
    must(weir_ingest_open(&control, &ingest, &err), &err);
    double wall = clock_of(CLOCK_MONOTONIC);
    double cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    must(weir_ingest_catch_up(ingest, &err), &err);
    wall = clock_of(CLOCK_MONOTONIC) - wall;
    cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf("ingest: %llu records in %.2f s (%.0f/s), %.2f s of CPU (%.0f per "
           "CPU second)\n",
           (unsigned long long)weir_ingest_figures(ingest)->records, wall,
           records / wall, cpu, records / cpu);
    weir_ingest_close(ingest);
    weir_lane_close(lane);
    writer_close(&writer);
    weir_store_close(control.store);
    snprintf(command, sizeof command, "rm -rf '%.200s'", paths->state);
    return system(command) == 0 ? 0 : 1;
}
