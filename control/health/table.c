/* SPDX-License-Identifier: Apache-2.0 */
#include "control/health/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/files.h"

#define PATH_ROOM (WEIR_PATH_MAX + 32)

static bool
map_file(int file, struct weir_table_map *map_out)
{
    struct stat info;
    if (fstat(file, &info) != 0 || info.st_size <= 0)
        return false;
    void *memory = mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE,
                        MAP_SHARED, file, 0);
    if (memory == MAP_FAILED)
        return false;
    *map_out = (struct weir_table_map){memory, (size_t)info.st_size};
    return true;
}

bool
weir_table_map(const char *run, const char *name,
               struct weir_table_map *map_out)
{
    char path[PATH_ROOM];
    *map_out = (struct weir_table_map){NULL, 0};
    snprintf(path, sizeof path, "%s/%s", run, name);
    int file = open(path, O_RDWR | O_CLOEXEC);
    bool is_good = file >= 0 && map_file(file, map_out);
    if (file >= 0)
        close(file);
    return is_good;
}

void
weir_table_unmap(struct weir_table_map *map)
{
    if (map->bytes != NULL)
        munmap(map->bytes, map->size);
    *map = (struct weir_table_map){NULL, 0};
}

weir_status
weir_table_make(const char *run, const char *name, size_t size,
                weir_table_format *format, struct weir_error *err)
{
    char path[PATH_ROOM], beside[PATH_ROOM + 4];
    struct weir_table_map made = {NULL, 0};
    weir_status status = WEIR_OK;
    snprintf(path, sizeof path, "%s/%s", run, name);
    snprintf(beside, sizeof beside, "%s.new", path);
    int file = open(beside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_there =
        file >= 0 && ftruncate(file, (off_t)size) == 0 && map_file(file, &made);
    if (is_there)
        status = format(made.bytes, made.size, err);
    if (!is_there || (status == WEIR_OK && rename(beside, path) != 0))
        status = weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%s: %s", path,
                           strerror(errno));
    if (file >= 0)
        close(file);
    weir_table_unmap(&made);
    return status;
}
