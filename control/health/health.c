/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file in shared memory, as large as all deployments need; only rows in
 * use take memory. It outlives weir and nginx, not the machine, so a restart
 * does not send every worker back to an origin that is down.
 *
 * WHY IT IS NOT KEPT MAPPED. Control reads it when somebody asks for figures
 * and when a worker has died. Mapping 800 KB costs some microseconds, and no
 * pointer has to be handed from room to room.
 */
#include "control/health/health.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/control.h"
#include "control/log.h"

#define HEALTH_ROWS 4096u

static void
name(const char *run, char path_out[WEIR_PATH_MAX + 16])
{
    snprintf(path_out, WEIR_PATH_MAX + 16, "%s/health", run);
}

void
weir_health_file_close(struct weir_health_file *file)
{
    if (file->map != NULL)
        munmap(file->map, file->bytes);
    *file = (struct weir_health_file){.table = NULL};
}

static bool
map(int file, struct weir_health_file *file_out)
{
    struct stat info;
    if (fstat(file, &info) != 0 || info.st_size <= 0)
        return false;
    void *memory = mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE,
                        MAP_SHARED, file, 0);
    if (memory == MAP_FAILED)
        return false;
    file_out->map = memory;
    file_out->bytes = (size_t)info.st_size;
    return true;
}

bool
weir_health_file_open(const char *run, struct weir_health_file *file_out)
{
    char path[WEIR_PATH_MAX + 16];
    *file_out = (struct weir_health_file){.table = NULL};
    name(run, path);
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return false;
    bool is_good = map(file, file_out) &&
                   weir_health_attach(file_out->map, file_out->bytes,
                                      &file_out->table, NULL) == WEIR_OK;
    close(file);
    if (!is_good)
        weir_health_file_close(file_out);
    return is_good;
}

/* Made beside and renamed: a worker never sees a table half made. */
static bool
make(const char *path, struct weir_error *err)
{
    char beside[WEIR_PATH_MAX + 24];
    struct weir_health_file made = {.table = NULL};
    size_t bytes = weir_health_size(HEALTH_ROWS);
    snprintf(beside, sizeof beside, "%s.new", path);
    int file = open(beside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_good = file >= 0 && ftruncate(file, (off_t)bytes) == 0 &&
                   map(file, &made) &&
                   weir_health_format(made.map, made.bytes, HEALTH_ROWS,
                                      &made.table, err) == WEIR_OK &&
                   rename(beside, path) == 0;
    if (!is_good)
        (void)weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%s", strerror(errno));
    if (file >= 0)
        close(file);
    weir_health_file_close(&made);
    return is_good;
}

void
weir_health_file_make(const char *run)
{
    char path[WEIR_PATH_MAX + 16];
    struct weir_health_file file;
    struct weir_error err = {0};
    if (weir_health_file_open(run, &file)) {
        weir_health_file_close(&file);
        return;
    }
    name(run, path);
    if (!make(path, &err))
        weir_log(WEIR_LOG_WARN,
                 "no table of health (%s): deployments that fail are not "
                 "passed over, and caps on calls do not hold",
                 err.text);
}
