/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pid alone is reused; pid and start time are not, within one run of the
 * kernel. Both fit one word (22 bits of pid are the kernel's maximum, 41
 * bits of ticks last 697 years), so a lane is claimed by one exchange.
 */
#include "process.h"

#include <weir/base.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PID_BITS 22

static size_t
read_small(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, out, size - 1);
    if (fd >= 0)
        close(fd);
    out[got > 0 ? got : 0] = '\0';
    return got > 0 ? (size_t)got : 0;
}

uint64_t
process_owner(pid_t pid)
{
    char path[64];
    char text[1024];

    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    if (read_small(path, text, sizeof(text)) == 0)
        return 0;
    /* the name, field 2, may hold blanks and brackets: go from its end */
    char *p = strrchr(text, ')');
    if (p == NULL || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X')
        return 0;
    for (int field = 2; field < 22; field++) {
        p = strchr(p + 1, ' ');
        if (p == NULL)
            return 0;
    }
    uint64_t ticks = strtoull(p + 1, NULL, 10);
    return (ticks << PID_BITS | (uint64_t)pid) & (UINT64_MAX >> 1);
}

bool
process_is_alive(uint64_t owner)
{
    pid_t pid = (pid_t)(owner & ((1u << PID_BITS) - 1));
    uint64_t seen = process_owner(pid);
    if (seen != 0)
        return seen == owner;
    /* /proc may hide other users' processes: then it is not certain */
    return kill(pid, 0) != 0 && errno == EPERM;
}

void
process_run(uint8_t run_out[16])
{
    char text[128];
    struct stat info;
    size_t len =
        read_small("/proc/sys/kernel/random/boot_id", text, sizeof(text));
    uint64_t boot = weir_hash64((weir_span){text, len}, 0);
    uint64_t space = stat("/proc/self/ns/pid", &info) == 0 ? info.st_ino : 0;
    memcpy(run_out, &boot, 8);
    memcpy(run_out + 8, &space, 8);
}
