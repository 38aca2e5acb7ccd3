/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir-writer: the process that makes records durable. Started, and started
 * again when it dies, by `weir serve`. SIGTERM and SIGINT: drain and leave.
 * Exit: 0 after draining, 2 usage, above 2 as in errors.def.
 */
#include "writer.h"

#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DRAIN_US 2000000

static volatile sig_atomic_t is_stopping;

static void
on_signal(int number)
{
    (void)number;
    is_stopping = 1;
}

static int
usage(void)
{
    fputs("usage: weir-writer --ring FILE --dir JOURNALDIR --run RUNDIR\n"
          "                   [--segment-bytes N] [--lane-bytes N]\n"
          "                   [--free-bytes N]\n",
          stderr);
    return 2;
}

static bool
parse(int argc, char **argv, struct writer_config *config)
{
    static const struct option options[] = {
        {"ring", required_argument, NULL, 'r'},
        {"dir", required_argument, NULL, 'd'},
        {"run", required_argument, NULL, 'u'},
        {"segment-bytes", required_argument, NULL, 's'},
        {"lane-bytes", required_argument, NULL, 'l'},
        {"free-bytes", required_argument, NULL, 'f'},
        {0}};
    uint64_t number = 0;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if ((option == 's' || option == 'l' || option == 'f') &&
            !weir_span_to_u64(weir_span_of(optarg), &number))
            return false;
        if (option == 'r')
            config->ring_path = optarg;
        else if (option == 'd')
            config->journal_dir = optarg;
        else if (option == 'u')
            config->run_dir = optarg;
        else if (option == 's')
            config->segment_bytes = number;
        else if (option == 'f')
            config->free_bytes = number;
        else if (option == 'l' && number <= WEIR_LANE_BYTES_MAX)
            config->lane_bytes = (uint32_t)number;
        else
            return false;
    }
    return optind == argc && config->ring_path != NULL &&
           config->journal_dir != NULL && config->run_dir != NULL &&
           config->segment_bytes >= WEIR_SEGMENT_BYTES_MIN &&
           config->segment_bytes <= WEIR_SEGMENT_BYTES_MAX &&
           config->segment_bytes % 4096 == 0 &&
           config->lane_bytes >= WEIR_LANE_BYTES_MIN &&
           (config->lane_bytes & (config->lane_bytes - 1)) == 0;
}

/*
 * The writer runs for some microseconds and then waits for the disk, while
 * calls wait for it. On a busy core the kernel lets whoever runs finish its
 * slice, 3 ms by default; whoever asks for short slices is let in at once
 * (Linux 6.12 and later; older ones pay no heed and favour sleepers anyway).
 * Needs no privilege and gives no larger share.
 */
#define SLICE_NS 100000

static void
ask_for_short_slices(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {.size = 48, .policy = SCHED_OTHER, .runtime = SLICE_NS};
    (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

int
main(int argc, char **argv)
{
    static struct writer writer;
    struct weir_error err;
    struct writer_config config = {
        .segment_bytes = WEIR_SEGMENT_BYTES_DEFAULT,
        .lane_bytes = WEIR_LANE_BYTES_DEFAULT,
        .disk = &writer_disk_system,
    };
    if (!parse(argc, argv, &config))
        return usage();

    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    ask_for_short_slices();
    if (writer_open(&writer, &config, &err) != WEIR_OK) {
        fprintf(stderr, "weir-writer: %s\n", err.text);
        return weir_status_info(err.status)->exit;
    }
    int64_t stop_at = 0;
    for (;;) {
        while (writer_step(&writer))
            ;
        if (is_stopping && stop_at == 0)
            stop_at = writer_clock_us() + DRAIN_US;
        /* Producers that go on for ever must not keep it for ever. */
        if (is_stopping &&
            (writer_is_drained(&writer) || writer_clock_us() >= stop_at))
            break;
        writer_sleep(&writer);
    }
    writer_close(&writer);
    return 0;
}
