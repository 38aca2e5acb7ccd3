/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many recorded decisions per second does one core take again? Makes a
 * journal of CALLS calls by four keys of three tenants in the world of
 * examples/demo, decided by the real gate, each with its outcome or refusal;
 * then replays it without a change and with a model withdrawn, remembering
 * answers and evaluating every one. Goal: 5 million decisions per second.
 *
 *   bench_replay [CALLS]        from the source directory, or WEIR_SOURCE
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "control/simulate/simulate.h"
#include "journal_maker.h"

static struct maker maker;

static double
cpu(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
measure(const char *title, const struct weir_simulate_wish *wish)
{
    double best = 1e9;
    long long decisions = 0, records = 0;
    for (int round = 0; round < 3; round++) {
        struct weir_error err = {0};
        json_t *report = NULL;
        double start = cpu();
        if (weir_simulate_journal(&maker.paths, wish, &report, &err) !=
            WEIR_OK) {
            fprintf(stderr, "bench_replay: %s\n", err.text);
            exit(1);
        }
        double took = cpu() - start;
        best = took < best ? took : best;
        decisions = json_integer_value(json_object_get(report, "decisions"));
        records = json_integer_value(json_object_get(report, "records"));
        if (!json_is_true(json_object_get(report, "is_same")))
            exit(1);
        json_decref(report);
    }
    printf("%-42s %8.3f s %12.0f decisions/s %12.0f records/s\n", title, best,
           (double)decisions / best, (double)records / best);
}

int
main(int argc, char **argv)
{
    uint64_t calls = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000000;
    const struct weir_overlay_item item = {WEIR_KIND_MODEL,
                                           WEIR_SPAN("aurora-mini")};
    struct weir_simulate_wish wish = {.from = WEIR_TIME_MIN,
                                      .to = WEIR_TIME_MAX};
    maker_open(&maker, UINT64_C(256) << 20, NULL);
    maker.step = 100;
    maker_calls(&maker, calls);
    maker_drain(&maker);
    printf("%llu calls, %llu admitted, %.0f bytes of journal per call\n",
           (unsigned long long)maker.calls, (unsigned long long)maker.admitted,
           (double)maker.writer.status.bytes / (double)calls);
    measure("as recorded", &wish);
    wish.is_plain = true;
    measure("as recorded, every one evaluated", &wish);
    wish.is_plain = false;
    wish.withdrawn = &item;
    wish.withdrawn_count = 1;
    measure("a model withdrawn", &wish);
    wish.is_plain = true;
    measure("a model withdrawn, every one evaluated", &wish);
    maker_close(&maker);
    return 0;
}
