/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long does a durable record take, from append to the wake-up that says
 * it is on disk, at a given rate? And how many leaves per second does the
 * transparency log take?
 *
 *   bench_journal WEIR-WRITER [DIR [SECONDS]]    (--check fails on the goal)
 *
 * One producer, paced as an event loop would be (all that is due, then a
 * sleep of 50 us or until its descriptor is readable), records of 256 bytes,
 * the real writer beside it. DIR decides which disk. The goal: 200,000
 * records/s at p50 below 300 us.
 */
#include <weir/lane.h>
#include <weir/tlog_dir.h>

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAYLOAD_BYTES                                                          \
    (256 - WEIR_RECORD_HEADER_BYTES - WEIR_RECORD_TRAILER_BYTES)
#define TICK_NS     50000
#define PENDING_MAX (1 << 16)
#define SAMPLES_MAX 4000000
#define GOAL_RATE   200000
#define GOAL_P50_US 300.0

struct pending {
    uint64_t position;
    int64_t at;
};

static struct pending pending[PENDING_MAX];
static float *samples;
static char folder[256];
static char ring_path[300];

static int64_t
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static int
remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static double
cpu_of(pid_t pid)
{
    char path[64];
    unsigned long long ns = 0;
    snprintf(path, sizeof(path), "/proc/%ld/schedstat", (long)pid);
    FILE *file = fopen(path, "r");
    if (file != NULL && fscanf(file, "%llu", &ns) != 1)
        ns = 0;
    if (file != NULL)
        fclose(file);
    return (double)ns;
}

/* One rate for `seconds`; returns the median in us. */
static double
run(struct weir_lane *lane, pid_t writer, uint64_t rate, double seconds)
{
    static char text[PAYLOAD_BYTES];
    weir_span part = {text, sizeof(text)};
    struct weir_journal_status before;
    struct weir_journal_status after;
    struct pollfd wait = {.fd = weir_lane_fd(lane), .events = POLLIN};
    uint64_t total = (uint64_t)((double)rate * seconds);
    uint64_t sent = 0;
    uint64_t done = 0;
    uint64_t refused = 0;
    size_t count = 0;
    bool is_armed = false;
    double cpu = cpu_of(writer);
    int64_t start = now_ns();

    if (total > SAMPLES_MAX)
        total = SAMPLES_MAX;
    weir_lane_status(lane, &before);
    while (done < total) {
        int64_t now = now_ns();
        uint64_t due = (uint64_t)((double)(now - start) * (double)rate / 1e9);
        for (; sent < total && sent < due && sent - done < PENDING_MAX;
             sent++) {
            weir_journal_mark mark;
            if (weir_lane_append(lane, WEIR_RECORD_INTENT, 1, &part, 1,
                                 WEIR_TIER_DURABLE, now / 1000, &mark,
                                 NULL) != WEIR_OK) {
                refused++;
                break;
            }
            pending[sent % PENDING_MAX] =
                (struct pending){mark.position, now_ns()};
        }
        if (!is_armed && sent > done)
            is_armed =
                !weir_lane_want(lane, pending[done % PENDING_MAX].position);
        struct timespec tick = {0, TICK_NS};
        if (sent == done || is_armed)
            if (ppoll(&wait, 1, &tick, NULL) > 0) {
                weir_lane_clear(lane);
                is_armed = false;
            }
        if (is_armed)
            continue; /* as a worker: it looks when it is woken */
        now = now_ns();
        for (; done < sent &&
               weir_lane_is_durable(lane, pending[done % PENDING_MAX].position);
             done++)
            samples[count++] =
                (float)((double)(now - pending[done % PENDING_MAX].at) / 1e3);
    }
    double took = (double)(now_ns() - start) / 1e9;
    cpu = (cpu_of(writer) - cpu) / 1e9 / took;
    weir_lane_status(lane, &after);
    qsort(samples, count, sizeof(samples[0]), compare);
    printf("%9llu %9.0f %8.0f %8.1f %7.0f %7.0f %7.0f %7.0f %6.0f%% %llu\n",
           (unsigned long long)rate, (double)count / took,
           (double)(after.batches - before.batches) / took,
           (double)(after.records - before.records) /
               (double)(after.batches - before.batches),
           (double)samples[count / 2], (double)samples[count * 9 / 10],
           (double)samples[count * 99 / 100],
           (double)samples[count * 999 / 1000], cpu * 100,
           (unsigned long long)refused);
    fflush(stdout);
    return (double)samples[count / 2];
}

static pid_t
start_writer(const char *path)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(126);
        execl(path, "weir-writer", "--ring", ring_path, "--dir", folder,
              "--run", folder, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static struct weir_lane *
open_lane(void)
{
    struct weir_lane *lane;
    struct weir_error err;
    for (int i = 0; i < 300; i++) {
        if (weir_lane_open(ring_path, folder, WEIR_LANE_WORKER, &lane, &err) ==
            WEIR_OK)
            return lane;
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    fprintf(stderr, "no lane: %s\n", err.text);
    exit(1);
}

static void
bench_tlog(void)
{
    static const struct weir_ed25519_secret secret = {{1}};
    struct weir_tlog_frontier frontier = {0};
    struct weir_tlog_dir *log;
    struct weir_error err;
    char path[300];
    char text[64] = "a salted digest";
    weir_digest leaf;

    int64_t start = now_ns();
    for (uint64_t i = 0; i < 1000000; i++) {
        memcpy(text + 32, &i, sizeof(i));
        weir_tlog_leaf((weir_span){text, sizeof(text)}, &leaf);
        weir_tlog_append(&frontier, &leaf);
    }
    printf("tree in memory      %9.0f leaves/s\n",
           1e15 / (double)(now_ns() - start));
    snprintf(path, sizeof(path), "%s/tlog", folder);
    if (weir_tlog_dir_open(path, WEIR_SPAN("example.org/bench"), &secret, &log,
                           &err) != WEIR_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    start = now_ns();
    for (uint64_t i = 0; i < 100000; i++) {
        memcpy(text + 32, &i, sizeof(i));
        if (weir_tlog_dir_append(log, (weir_span){text, sizeof(text)}, &err) !=
                WEIR_OK ||
            (i % 10000 == 9999 && weir_tlog_dir_flush(log, &err) != WEIR_OK)) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
    }
    printf("tiles on disk       %9.0f leaves/s (10 checkpoints)\n",
           1e14 / (double)(now_ns() - start));
    struct weir_buf out;
    weir_buf_init(&out, 1 << 16);
    start = now_ns();
    for (uint64_t i = 0; i < 2000; i++) {
        weir_buf_reset(&out);
        if (weir_tlog_dir_receipt(log, i * 47 % 100000, WEIR_SPAN_NONE, &out,
                                  &err) != WEIR_OK)
            exit(1);
    }
    printf("receipts            %9.0f /s\n", 2e12 / (double)(now_ns() - start));
    weir_buf_fini(&out);
    weir_tlog_dir_close(log);
}

int
main(int argc, char **argv)
{
    static const uint64_t rates[] = {1000, 5000, 20000, GOAL_RATE};
    struct weir_journal_status status;
    bool is_check = false;
    double median = 0;
    if (argc > 1 && strcmp(argv[argc - 1], "--check") == 0) {
        is_check = true;
        argc--;
    }
    if (argc < 2) {
        fprintf(stderr, "usage: bench_journal WEIR-WRITER [DIR [SECONDS]] "
                        "[--check]\n");
        return 2;
    }
    double seconds = argc > 3 ? atof(argv[3]) : 4;
    snprintf(folder, sizeof(folder), "%s/weir-bench-XXXXXX",
             argc > 2 ? argv[2] : "/tmp");
    samples = malloc(SAMPLES_MAX * sizeof(samples[0]));
    if (samples == NULL || mkdtemp(folder) == NULL)
        return 2;
    snprintf(ring_path, sizeof(ring_path), "%s/journal.ring", folder);
    pid_t writer = start_writer(argv[1]);
    struct weir_lane *lane = open_lane();
    while (weir_lane_state(lane) != WEIR_JOURNAL_RUNNING)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    weir_lane_status(lane, &status);
    printf("one flushed write: p50 %llu us, p99 %llu us\n",
           (unsigned long long)status.disk_us_p50,
           (unsigned long long)status.disk_us_p99);
    printf("%9s %9s %8s %8s %7s %7s %7s %7s %7s %s\n", "asked/s", "done/s",
           "flush/s", "rec/fl", "p50 us", "p90", "p99", "p99.9", "writer",
           "refused");
    for (size_t i = 0; i < WEIR_COUNTOF(rates); i++)
        median = run(lane, writer, rates[i], seconds);
    weir_lane_close(lane);
    kill(writer, SIGTERM);
    waitpid(writer, NULL, 0);
    bench_tlog();
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (is_check && median >= GOAL_P50_US) {
        printf("FAILED: p50 %.0f us at %d records/s, the goal is %.0f\n",
               median, GOAL_RATE, GOAL_P50_US);
        return 1;
    }
    return 0;
}
