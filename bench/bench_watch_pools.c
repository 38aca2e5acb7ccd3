/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many calls per second does one core count from the journal into the
 * watch's pools? Makes a journal of intents and outcomes with features of
 * CALLS calls by TENANTS tenants (a key, a project and a group each: five
 * pools), as workers would, then follows it; goal: 10,000 calls per second
 * of CPU, ingest's own work apart (bench_ingest).
 *
 *   bench_watch_pools [CALLS [TENANTS [REFERENCE_CALLS [POOLS_IN_MEMORY]]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <weir/lane.h>

#include "control/watch/live.h"
#include "writer.h"

#define BLOCKS 4096

static struct weir_control control;
static struct writer writer;
static struct weir_lane *lane;
static uint8_t blocks[BLOCKS][WEIR_WATCH_BLOCK_BYTES];

static void
must(weir_status status, const struct weir_error *err)
{
    if (status == WEIR_OK)
        return;
    fprintf(stderr, "bench_watch_pools: %s\n", err->text);
    exit(1);
}

static double
clock_of(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Requests of an office: different enough to learn a reference from. */
static void
make_blocks(void)
{
    static const char *const asks[] = {
        "please check my",        "hi, what about the",
        "can you look at our",    "i still miss the",
        "Write a summary of the", "List the columns of the",
        "which of these is the",  "translate the"};
    static const char *const things[] = {
        "order",    "invoice", "table of rates", "delivery note",
        "contract", "query",   "ticket",         "report on returns"};
    for (uint32_t i = 0; i < BLOCKS; i++) {
        struct weir_watch_call call;
        struct weir_watch_features features;
        char text[300];
        uint32_t mixed = i * 2654435761u;
        snprintf(text, sizeof text,
                 "%s %s number %u, it was sent to %s on day %u",
                 asks[mixed >> 8 & 7], things[mixed >> 12 & 7], mixed >> 20,
                 things[mixed >> 16 & 7], i % 31);
        weir_watch_begin(&call);
        weir_watch_prompt(&call, weir_span_of(text));
        weir_watch_finish(&call, NULL, &features);
        weir_watch_pack(&features, blocks[i]);
    }
}

static void
append(enum weir_record_kind kind, const struct weir_buf *payload,
       weir_time when)
{
    weir_journal_mark mark;
    struct weir_error err;
    weir_span part = weir_buf_span(payload);
    while (weir_lane_append(lane, kind, 1, &part, 1, WEIR_TIER_CRASH, when,
                            &mark, &err) != WEIR_OK)
        while (writer_step(&writer))
            ;
}

static void
append_call(uint32_t number, uint32_t tenants)
{
    char memory[4096], tenant[24], key[24], project[48];
    uint8_t random[10] = {0};
    struct weir_buf payload;
    struct weir_record_intent intent = {.project = WEIR_SPAN("app"),
                                        .model = WEIR_SPAN("large"),
                                        .country = WEIR_SPAN("NO"),
                                        .address = WEIR_SPAN("192.0.2.77"),
                                        .candidate_count = 2,
                                        .order_count = 2};
    uint32_t who = number * 2654435761u % tenants;
    weir_time when = INT64_C(1700000000000000) + number * INT64_C(100);
    snprintf(tenant, sizeof tenant, "tenant-%u", who);
    snprintf(key, sizeof key, "wk_%u", who);
    snprintf(project, sizeof project, "%s/app", tenant);
    memcpy(random, &number, sizeof number);
    weir_request_id_make(when, random, &intent.request);
    intent.tenant = intent.organisation = weir_span_of(tenant);
    intent.key = weir_span_of(key);
    intent.decided_us = when;
    for (uint32_t i = 0; i < 2; i++) {
        intent.candidates[i].deployment = WEIR_SPAN("aurora-large-frankfurt");
        intent.candidates[i].verdict = WEIR_ALLOW;
        intent.candidates[i].policies = WEIR_SPAN("seller-hosting");
        intent.order[i] = (uint8_t)i;
    }
    weir_buf_init_fixed(&payload, memory, sizeof memory);
    weir_record_put_intent(&intent, &payload);
    append(WEIR_RECORD_INTENT, &payload, when);

    struct weir_record_outcome outcome = {.request = intent.request,
                                          .ending = WEIR_END_COMPLETE,
                                          .input_tokens = 3,
                                          .output_tokens = 5,
                                          .model = WEIR_SPAN("large")};
    struct weir_watch_pools *pools = &outcome.watch.pools;
    pools->of[WEIR_WATCH_OF_KEY] =
        weir_watch_subject(WEIR_WATCH_OF_KEY, intent.key);
    pools->of[WEIR_WATCH_OF_PROJECT] =
        weir_watch_subject(WEIR_WATCH_OF_PROJECT, weir_span_of(project));
    pools->of[WEIR_WATCH_OF_TENANT] =
        weir_watch_subject(WEIR_WATCH_OF_TENANT, intent.tenant);
    pools->of[WEIR_WATCH_OF_GROUP] =
        weir_watch_subject(WEIR_WATCH_OF_GROUP, intent.tenant);
    pools->model = weir_kind_hash(WEIR_KIND_MODEL, WEIR_SPAN("large"));
    outcome.watch.block =
        (weir_span){(const char *)blocks[(number * 40503u + who) % BLOCKS],
                    WEIR_WATCH_BLOCK_BYTES};
    weir_buf_init_fixed(&payload, memory, sizeof memory);
    weir_record_put_outcome(&outcome, &payload);
    append(WEIR_RECORD_OUTCOME, &payload, when + 50);
}

static void
open_places(void)
{
    struct weir_error err = {0};
    struct weir_paths *paths = &control.paths;
    snprintf(paths->state, 200, "%s/weir-bench-XXXXXX",
             getenv("TMPDIR") == NULL ? "/tmp" : getenv("TMPDIR"));
    if (mkdtemp(paths->state) == NULL)
        exit(1);
    snprintf(paths->journal, 256, "%.200s", paths->state);
    snprintf(paths->run, 256, "%.200s", paths->state);
    snprintf(paths->ring, 256, "%.200s/ring", paths->state);
    must(weir_store_open(paths->state, true, &control.store, &err), &err);
    control.world = weir_world_new();
    struct weir_world_model *model = weir_world_add_model(control.world);
    model->name = WEIR_SPAN("large");
    model->provider.text = WEIR_SPAN("maker");
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
}

int
main(int argc, char **argv)
{
    struct weir_error err = {0};
    struct weir_watch_live *live = NULL;
    struct weir_watch_live_shown shown;
    uint32_t calls = argc > 1 ? (uint32_t)atoi(argv[1]) : 300000;
    uint32_t tenants = argc > 2 ? (uint32_t)atoi(argv[2]) : 100;
    char command[300];
    open_places();
    if (argc > 3)
        control.world->watch.reference_calls = (uint32_t)atoi(argv[3]);
    if (argc > 4)
        control.world->watch.pools = (uint32_t)atoi(argv[4]);
    make_blocks();
    for (uint32_t i = 0; i < calls; i++)
        append_call(i, tenants);
    do {
        while (writer_step(&writer))
            ;
    } while (!writer_is_drained(&writer));
    must(weir_watch_live_open(&control, &live, &err), &err);
    double wall = clock_of(CLOCK_MONOTONIC);
    double cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    must(weir_watch_live_catch_up(live, &err), &err);
    wall = clock_of(CLOCK_MONOTONIC) - wall;
    cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    weir_watch_live_figures(live, &shown);
    printf("watch: %u calls of %u tenants in %.2f s, %.2f s of CPU (%.0f per "
           "CPU second); %llu references, %llu subjects, %llu verdicts\n",
           calls, tenants, wall, cpu, calls / cpu,
           (unsigned long long)shown.references,
           (unsigned long long)shown.subjects,
           (unsigned long long)shown.verdicts);
    weir_watch_live_close(live);
    weir_lane_close(lane);
    writer_close(&writer);
    weir_store_close(control.store);
    weir_world_free(control.world);
    snprintf(command, sizeof command, "rm -rf '%.200s'", control.paths.state);
    return system(command) == 0 ? 0 : 1;
}
