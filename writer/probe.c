/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one durable write costs here. A disk that lies is fast and one
 * without a protected cache is slow: the figure explains every other one,
 * so it is measured at the first start and shown with them.
 */
#include "writer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROBES    101
#define BUDGET_US 100000

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

void
writer_probe(const struct writer_disk *disk, int dir, uint64_t *p50_out,
             uint64_t *p99_out)
{
    uint64_t took[PROBES];
    char bytes[256];
    size_t count = 0;
    int64_t begin = writer_clock_us();
    int fd = openat(dir, "probe", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    *p50_out = 0;
    *p99_out = 0;
    if (fd < 0)
        return;
    memset(bytes, 'p', sizeof(bytes));
    int failure = disk->allocate(fd, sizeof(bytes) * PROBES);
    for (; failure == 0 && count < PROBES; count++) {
        int64_t start = writer_clock_us();
        if (start - begin > BUDGET_US)
            break;
        failure = disk->write(fd, bytes, sizeof(bytes), count * sizeof(bytes));
        if (failure == 0)
            failure = disk->sync(fd);
        took[count] = (uint64_t)(writer_clock_us() - start);
    }
    close(fd);
    unlinkat(dir, "probe", 0);
    if (count == 0)
        return;
    qsort(took, count, sizeof(took[0]), compare);
    *p50_out = took[count / 2];
    *p99_out = took[count * 99 / 100];
}
