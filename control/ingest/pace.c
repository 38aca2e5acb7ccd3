/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WHY NOT NICENESS ALONE. Where the kernel shares processors among sessions
 * (autogroup) or control groups, niceness counts only inside a group, and the
 * workers are in another: a nice thread still got half of a worker's core.
 * Lowering the whole group would starve the admin API with it, and a
 * withdrawal must not wait.
 *
 * WHY PAUSES SHRINK. At a lag at which they ended all at once the thread took
 * half a processor from what it had just given way to, until it had caught
 * up, and then gave way again. Shorter by and by, they settle where it keeps
 * up.
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
weir_pace_pause(uint64_t ran_ns, uint64_t waited_ns, int64_t lag_us)
{
    const uint64_t whole = WEIR_PACE_LAG_MAX_US - WEIR_PACE_LAG_US;
    uint64_t left = whole; /* of the way to no pause at all */
    if (waited_ns <= ran_ns / WAIT_PART || lag_us >= WEIR_PACE_LAG_MAX_US)
        return 0;
    if (lag_us > WEIR_PACE_LAG_US)
        left = (uint64_t)(WEIR_PACE_LAG_MAX_US - lag_us);
    uint64_t pause = ran_ns / 1000 * (SHARE - 1) / 1000 * left / whole;
    return pause > PAUSE_MAX ? PAUSE_MAX : (int)pause;
}

int
weir_pace_end(struct weir_pace *pace, int64_t lag_us)
{
    uint64_t ran, waited;
    read_times(pace, &ran, &waited);
    return weir_pace_pause(ran - pace->ran_ns, waited - pace->waited_ns,
                           lag_us);
}
