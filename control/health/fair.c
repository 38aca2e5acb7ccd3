/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of shares: made like that of health, kept over restarts, told
 * anew at each reload how much memory there is.
 */
#include "control/health/fair.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/control.h"
#include "control/log.h"

void
weir_fair_file_close(struct weir_fair_file *file)
{
    weir_table_unmap(&file->map);
    file->table = NULL;
}

bool
weir_fair_file_open(const char *run, struct weir_fair_file *file_out)
{
    file_out->table = NULL;
    if (!weir_table_map(run, "fair", &file_out->map))
        return false;
    if (weir_fair_attach(file_out->map.bytes, file_out->map.size,
                         &file_out->table, NULL) == WEIR_OK)
        return true;
    weir_fair_file_close(file_out);
    return false;
}

static weir_status
format(void *bytes, size_t size, struct weir_error *err)
{
    struct weir_fair *table;
    return weir_fair_format(bytes, size, &table, err);
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
    struct weir_fair_file file;
    struct weir_error err = {0};
    if (!weir_fair_file_open(run, &file) &&
        (weir_table_make(run, "fair", weir_fair_size(), format, &err) !=
             WEIR_OK ||
         !weir_fair_file_open(run, &file))) {
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
