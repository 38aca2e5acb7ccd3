/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does it cost to hold and settle a call under six limits, alone and
 * with a second worker beside it?
 *
 * Three limits belong to one of 5,000 keys, three to a tenant that all share:
 * the shared ones are the worst case, a cache line that goes back and forth.
 *
 *     bench_quota [--json]
 */
#include <weir/quota.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALLS 1000000
#define NOW   (INT64_C(1795341630) * WEIR_US_PER_SEC)

static double
clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void
fill(weir_quota_limit limits[6], uint64_t key)
{
    for (uint8_t i = 0; i < 6; i++)
        limits[i] =
            (weir_quota_limit){.subject = i < 3 ? 1000 + key : 7,
                               .amount = INT64_C(1) << 38,
                               .metric = i % 3,
                               .window = i % 3 == 0   ? WEIR_QUOTA_MINUTE
                                         : i % 3 == 1 ? WEIR_QUOTA_DAY
                                                      : WEIR_QUOTA_MONTH,
                               .is_hard = true};
}

static int
work(struct weir_quota *quota, uint32_t lane, double *ns_out)
{
    weir_quota_limit limits[6];
    weir_quota_amounts estimate = {.of = {1, 500, 2000}};
    weir_quota_amounts actual = {.of = {1, 300, 1200}};
    weir_hold hold;

    if (!weir_quota_lane_open(quota, lane, lane + 1))
        return 1;
    double began = clock_ns();
    for (uint64_t call = 1; call <= CALLS; call++) {
        fill(limits, call * 2654435761u % 5000);
        if (weir_quota_hold(quota, lane, call, limits, 6, &estimate, NOW, &hold,
                            NULL, NULL, NULL) != WEIR_OK)
            return 2;
        weir_quota_settle(quota, hold, &actual);
    }
    *ns_out = (clock_ns() - began) / CALLS;
    return 0;
}

/* Mean over the workers, ns per call; negative when one failed. */
static double
run(uint32_t workers)
{
    size_t size = weir_quota_size(1u << 17, 2, 4096);
    void *memory = mmap(NULL, size + 4096, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct weir_quota *quota;
    if (memory == MAP_FAILED ||
        weir_quota_format(memory, size, 1u << 17, 2, 4096, &quota, NULL) !=
            WEIR_OK)
        return -1;
    double *took = (double *)((char *)memory + (size + 63) / 64 * 64);
    double sum = 0;
    bool is_good = true;
    weir_quota_rebuild_end(quota);
    for (uint32_t i = 0; i < workers; i++)
        if (fork() == 0)
            _exit(work(quota, i, &took[i]));
    for (uint32_t i = 0; i < workers; i++) {
        int status;
        wait(&status);
        is_good = is_good && status == 0;
    }
    for (uint32_t i = 0; i < workers; i++)
        sum += took[i];
    munmap(memory, size + 4096);
    return is_good ? sum / workers : -1;
}

int
main(int argc, char **argv)
{
    double alone = run(1);
    double beside = run(2);
    if (alone < 0 || beside < 0) {
        fprintf(stderr, "bench_quota: a worker failed\n");
        return 1;
    }
    if (argc > 1 && strcmp(argv[1], "--json") == 0)
        printf("{\"alone_ns\": %.0f, \"beside_ns\": %.0f}\n", alone, beside);
    else
        printf("hold and settle under 6 limits: %.0f ns alone, %.0f ns with a "
               "second worker\n",
               alone, beside);
    return 0;
}
