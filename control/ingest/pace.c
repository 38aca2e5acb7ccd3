/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WHY NOT NICENESS ALONE. Where the kernel shares processors among sessions
 * (autogroup) or control groups, niceness counts only inside a group, and the
 * workers are in another: a nice thread still got half of a worker's core.
 * Lowering the whole group would starve the admin API with it, and a
 * withdrawal must not wait.
 */
#include "control/ingest/pace.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define NICE      19
#define SHARE     20 /* of one processor, when others want it: one in so many */
#define PAUSE_MAX 500
/* Waiting for less than this part of the time run is chance. */
#define WAIT_PART 4

static void
read_times(const struct weir_pace *pace, uint64_t *ran, uint64_t *waited)
{
    char text[96];
    unsigned long long a = 0, b = 0;
    ssize_t got =
        pace->file < 0 ? -1 : pread(pace->file, text, sizeof text - 1, 0);
    if (got > 0) {
        text[got] = '\0';
        if (sscanf(text, "%llu %llu", &a, &b) != 2)
            a = b = 0;
    }
    *ran = a;
    *waited = b;
}

void
weir_pace_init(struct weir_pace *pace)
{
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    pace->file = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    weir_pace_begin(pace);
}

void
weir_pace_fini(struct weir_pace *pace)
{
    if (pace->file >= 0)
        close(pace->file);
    pace->file = -1;
}

void
weir_pace_begin(struct weir_pace *pace)
{
    read_times(pace, &pace->ran_ns, &pace->waited_ns);
}

int
weir_pace_end(struct weir_pace *pace)
{
    uint64_t ran, waited;
    read_times(pace, &ran, &waited);
    ran -= pace->ran_ns;
    waited -= pace->waited_ns;
    if (waited <= ran / WAIT_PART)
        return 0;
    uint64_t pause = ran * (SHARE - 1) / 1000000;
    return pause > PAUSE_MAX ? PAUSE_MAX : (int)pause;
}
