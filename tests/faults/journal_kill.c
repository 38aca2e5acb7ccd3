/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 of producers and writer at random moments under load.
 *
 *   journal_kill WEIR-WRITER [ROUNDS [SEED]]
 *
 * Producers note, in memory shared with the parent, what they appended and
 * what was acknowledged as durable. After the rounds the journal must hold,
 * of every incarnation of every lane, sequences 1 to n exactly once, n not
 * below what was noted: for `durable` because it was acknowledged, for
 * `crash` because append had returned. No gap record may appear, but of a
 * batch torn by the kill, whose records the next writer writes again.
 */
#include "journal_check.h"

#include <weir/lane.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PRODUCERS 4
#define NOTES_MAX CHECK_LANES_MAX

/* One line per incarnation; its producer alone writes it. */
struct note {
    _Atomic uint64_t incarnation;
    _Atomic uint64_t appended; /* sequence */
    _Atomic uint64_t acknowledged;
    _Atomic uint64_t refused;
};

static struct {
    _Atomic uint32_t count;
    struct note notes[NOTES_MAX];
} * shared;

static char folder[64];
static char ring_path[128];
static const char *writer_path;
static uint32_t seed = 1;

static uint32_t
random_below(uint32_t limit)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)seed * limit >> 32);
}

static void
pause_us(uint32_t us)
{
    nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

/* Appends until the lane is stale; bursts of both tiers, one wait a burst. */
static void
produce_on(struct weir_lane *lane, struct note *note)
{
    static char text[WEIR_RECORD_PAYLOAD_MAX];
    weir_journal_mark mark = {0};
    uint64_t bursts = 0;

    while (bursts++ % 64 != 0 || !weir_lane_is_stale(lane)) {
        uint32_t burst = 1 + random_below(20);
        enum weir_tier tier =
            random_below(2) == 0 ? WEIR_TIER_CRASH : WEIR_TIER_DURABLE;
        for (uint32_t i = 0; i < burst; i++) {
            weir_span part = {text, random_below(i == 0 ? 4000 : 400)};
            if (weir_lane_append(lane, WEIR_RECORD_INTENT, 1, &part, 1, tier, 1,
                                 &mark, NULL) != WEIR_OK) {
                atomic_fetch_add(&note->refused, 1);
                pause_us(1000);
                continue;
            }
            atomic_store(&note->incarnation, mark.lane);
            atomic_store(&note->appended, mark.sequence);
        }
        if (tier == WEIR_TIER_DURABLE &&
            weir_lane_wait(lane, mark.position, 1000, NULL) == WEIR_OK)
            atomic_store(&note->acknowledged, mark.sequence);
        else if (tier == WEIR_TIER_CRASH)
            pause_us(200);
    }
}

static void
produce(uint32_t number)
{
    struct weir_lane *lane;
    seed += number * 7919 + (uint32_t)getpid();
    for (;;) {
        if (weir_lane_open(ring_path, folder, WEIR_LANE_WORKER, &lane, NULL) !=
            WEIR_OK) {
            pause_us(2000);
            continue;
        }
        uint32_t line = atomic_fetch_add(&shared->count, 1);
        if (line >= NOTES_MAX)
            _exit(3);
        produce_on(lane, &shared->notes[line]);
        weir_lane_close(lane);
    }
}

static pid_t
start_producer(uint32_t number)
{
    pid_t pid = fork();
    if (pid == 0) {
        produce(number);
        _exit(0);
    }
    return pid;
}

static pid_t
start_writer(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(126);
        execl(writer_path, "weir-writer", "--ring", ring_path, "--dir", folder,
              "--run", folder, "--segment-bytes", "4194304", "--lane-bytes",
              "1048576", (char *)NULL);
        _exit(127);
    }
    return pid;
}

static void
kill_and_wait(pid_t pid, int number)
{
    int status;
    kill(pid, number);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (number == SIGKILL &&
        !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) {
        printf("process %ld had left by itself, status %x\n", (long)pid,
               (unsigned)status);
        exit(1);
    }
}

static uint64_t
compare(const struct check *check)
{
    uint64_t faults = 0;
    uint64_t acknowledged = 0;
    uint64_t refused = 0;
    uint32_t lines = atomic_load(&shared->count);
    for (uint32_t i = 0; i < lines; i++) {
        struct note *note = &shared->notes[i];
        refused += note->refused;
        if (note->appended == 0)
            continue;
        const struct check_lane *lane = check_lane(check, note->incarnation);
        uint64_t last = lane != NULL ? lane->last : 0;
        acknowledged += note->acknowledged;
        if (last >= note->appended)
            continue;
        faults++;
        printf("lane %llx: %llu appended, %llu acknowledged, %llu in the "
               "segments\n",
               (unsigned long long)note->incarnation,
               (unsigned long long)note->appended,
               (unsigned long long)note->acknowledged,
               (unsigned long long)last);
    }
    printf("%u lanes, %llu records in %llu segments, %llu acknowledged, %llu "
           "refused, %llu torn, %llu gaps\n",
           lines, (unsigned long long)check->records,
           (unsigned long long)check->segments,
           (unsigned long long)acknowledged, (unsigned long long)refused,
           (unsigned long long)check->torn, (unsigned long long)check->gaps);
    if (acknowledged == 0) {
        printf("nothing was acknowledged: the test tested nothing\n");
        faults++;
    }
    return faults;
}

static void
clean(void)
{
    struct dirent *entry;
    DIR *list = opendir(folder);
    while (list != NULL && (entry = readdir(list)) != NULL)
        unlinkat(dirfd(list), entry->d_name, 0);
    if (list != NULL)
        closedir(list);
    rmdir(folder);
}

static void
run_rounds(unsigned rounds, pid_t *writer, pid_t *producer)
{
    for (unsigned round = 0; round < rounds; round++) {
        pause_us(20000 + random_below(200000));
        uint32_t what = random_below(4);
        if (what != 1) {
            kill_and_wait(*writer, SIGKILL);
            if (random_below(2) == 0)
                pause_us(random_below(20000));
        }
        if (what != 0) {
            uint32_t victims = what == 3 ? PRODUCERS : 1;
            uint32_t first = random_below(PRODUCERS);
            for (uint32_t i = 0; i < victims; i++) {
                uint32_t victim = (first + i) % PRODUCERS;
                kill_and_wait(producer[victim], SIGKILL);
                producer[victim] = start_producer(victim);
            }
        }
        if (what != 1)
            *writer = start_writer();
    }
}

int
main(int argc, char **argv)
{
    static struct check check;
    pid_t producer[PRODUCERS];

    if (argc < 2)
        return 2;
    writer_path = argv[1];
    unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 10;
    seed = argc > 3 ? (uint32_t)atoi(argv[3]) : (uint32_t)time(NULL);
    printf("%u rounds, seed %u\n", rounds, seed);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(folder, sizeof(folder), "/tmp/weir-journal-kill-XXXXXX");
    if (shared == MAP_FAILED || mkdtemp(folder) == NULL)
        return 2;
    snprintf(ring_path, sizeof(ring_path), "%s/journal.ring", folder);
    fflush(stdout);

    pid_t writer = start_writer();
    for (uint32_t i = 0; i < PRODUCERS; i++)
        producer[i] = start_producer(i);
    run_rounds(rounds, &writer, producer);
    pause_us(300000);
    for (uint32_t i = 0; i < PRODUCERS; i++)
        kill_and_wait(producer[i], SIGKILL);
    kill_and_wait(writer, SIGTERM);
    check_journal(&check, folder);
    uint64_t faults = compare(&check) + check.faults + check.gaps;
    if (faults == 0)
        clean();
    else
        printf("%llu faults; kept: %s\n", (unsigned long long)faults, folder);
    return faults == 0 ? 0 : 1;
}
