/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of sightings that workers share: made when it is not there.
 *
 * It outlives weir and nginx, not the machine: sightings are signs for
 * policy, and after a restart a key is a stranger for a while. Without the
 * table calls go on and context.signals lacks what it would tell.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weir/signals.h>

#include "control/log.h"
#include "control/serve/house.h"

/* 8 MiB, of which only rows in use take memory. */
#define SIGNALS_KEYS 65536u

static bool
make(const char *path, bool is_new, struct weir_error *err)
{
    size_t size = weir_signals_size(SIGNALS_KEYS);
    struct weir_signals *table;
    bool is_good = false;
    int file =
        open(path, O_RDWR | (is_new ? O_CREAT | O_EXCL : 0) | O_CLOEXEC, 0600);
    if (file < 0 || (is_new && ftruncate(file, (off_t)size) != 0)) {
        (void)weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%s", strerror(errno));
        if (file >= 0)
            close(file);
        return false;
    }
    struct stat info = {0};
    void *map = MAP_FAILED;
    if (fstat(file, &info) == 0 && info.st_size >= (off_t)size)
        map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (map == MAP_FAILED) {
        (void)weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE, "cut off");
        return false;
    }
    is_good = is_new ? weir_signals_format(map, size, SIGNALS_KEYS, &table,
                                           err) == WEIR_OK
                     : weir_signals_attach(map, size, &table, err) == WEIR_OK;
    munmap(map, size);
    return is_good;
}

void
weir__house_open_signals(struct weir_house *house)
{
    char path[WEIR_PATH_MAX + 16];
    struct weir_error err = {0};
    snprintf(path, sizeof path, "%s/signals", house->control->paths.run);
    if (make(path, false, &err))
        return;
    (void)unlink(path);
    if (!make(path, true, &err))
        weir_log(WEIR_LOG_WARN,
                 "no table of signals (%s): policy is not told where keys "
                 "were used before",
                 err.text);
}
