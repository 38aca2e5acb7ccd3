/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of shares: made like that of health, kept over restarts, told
 * anew at each reload how much memory there is.
 */
#include "control/health/fair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/control.h"
#include "control/log.h"

static void
name(const char *run, char path_out[WEIR_PATH_MAX + 16])
{
    snprintf(path_out, WEIR_PATH_MAX + 16, "%s/fair", run);
}

void
weir_fair_file_close(struct weir_fair_file *file)
{
    if (file->map != NULL)
        munmap(file->map, file->bytes);
    *file = (struct weir_fair_file){.table = NULL};
}

static bool
map(int handle, struct weir_fair_file *file_out)
{
    struct stat info;
    if (fstat(handle, &info) != 0 || info.st_size <= 0)
        return false;
    void *memory = mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE,
                        MAP_SHARED, handle, 0);
    if (memory == MAP_FAILED)
        return false;
    file_out->map = memory;
    file_out->bytes = (size_t)info.st_size;
    return true;
}

bool
weir_fair_file_open(const char *run, struct weir_fair_file *file_out)
{
    char path[WEIR_PATH_MAX + 16];
    *file_out = (struct weir_fair_file){.table = NULL};
    name(run, path);
    int handle = open(path, O_RDWR | O_CLOEXEC);
    if (handle < 0)
        return false;
    bool is_good = map(handle, file_out) &&
                   weir_fair_attach(file_out->map, file_out->bytes,
                                    &file_out->table, NULL) == WEIR_OK;
    close(handle);
    if (!is_good)
        weir_fair_file_close(file_out);
    return is_good;
}

/* Made beside and renamed: a worker never sees a table half made. */
static bool
make(const char *path, struct weir_error *err)
{
    char beside[WEIR_PATH_MAX + 24];
    struct weir_fair_file made = {.table = NULL};
    snprintf(beside, sizeof beside, "%s.new", path);
    int handle = open(beside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_good =
        handle >= 0 && ftruncate(handle, (off_t)weir_fair_size()) == 0 &&
        map(handle, &made) &&
        weir_fair_format(made.map, made.bytes, &made.table, err) == WEIR_OK &&
        rename(beside, path) == 0;
    if (!is_good)
        (void)weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%s", strerror(errno));
    if (handle >= 0)
        close(handle);
    weir_fair_file_close(&made);
    return is_good;
}

/* A number of bytes in a file; 0: none ("max", or no such file). */
static uint64_t
read_number(const char *path)
{
    char text[64] = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t len = read(file, text, sizeof text - 1);
    close(file);
    return len <= 0 ? 0 : strtoull(text, NULL, 10);
}

/* The control group's bound where it has one below the machine's memory. */
static uint64_t
memory_of_machine(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);
    uint64_t all = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
    char line[512], path[600];
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "0::/", 4) != 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", line + 3);
        uint64_t max = read_number(path);
        if (max != 0 && (all == 0 || max < all))
            all = max;
    }
    if (file != NULL)
        fclose(file);
    return all;
}

void
weir_fair_file_make(const char *run, uint64_t memory_max)
{
    char path[WEIR_PATH_MAX + 16];
    struct weir_fair_file file;
    struct weir_error err = {0};
    name(run, path);
    if (!weir_fair_file_open(run, &file) &&
        (!make(path, &err) || !weir_fair_file_open(run, &file))) {
        weir_log(WEIR_LOG_WARN,
                 "no table of shares (%s): full deployments have no queues, "
                 "and nothing is shed",
                 err.text);
        return;
    }
    weir_fair_set_memory(
        file.table, memory_max != 0 ? memory_max : memory_of_machine() / 5 * 4);
    weir_fair_file_close(&file);
}
