/* SPDX-License-Identifier: Apache-2.0 */
#include "control/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/files.h"

static weir_status
failed(const char *what, struct weir_error *err)
{
    return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "the spool: %s: %s", what,
                     strerror(errno));
}

weir_status
weir_spool_open(struct weir_spool *spool, const char *state_dir,
                uint64_t size_max, struct weir_error *err)
{
    char path[WEIR_PATH_MAX + 32];
    *spool = (struct weir_spool){.size_max = size_max};
    snprintf(path, sizeof path, "%s/spool-XXXXXX", state_dir);
    spool->file = mkostemp(path, O_CLOEXEC);
    if (spool->file < 0)
        return failed("cannot be made", err);
    unlink(path);
    return WEIR_OK;
}

void
weir_spool_close(struct weir_spool *spool)
{
    if (spool->map != NULL)
        munmap(spool->map, spool->map_bytes);
    if (spool->file >= 0)
        close(spool->file);
    *spool = (struct weir_spool){.file = -1};
}

weir_status
weir_spool_add(struct weir_spool *spool, const char *bytes, size_t len,
               struct weir_error *err)
{
    if (len > spool->size_max - spool->size)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "over %llu bytes; limits.import says how many may be "
                         "sent",
                         (unsigned long long)spool->size_max);
    while (len > 0) {
        ssize_t done = write(spool->file, bytes, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return failed("cannot be written", err);
        bytes += done;
        len -= (size_t)done;
        spool->size += (uint64_t)done;
    }
    return WEIR_OK;
}

weir_status
weir_spool_add_file(struct weir_spool *spool, const char *path,
                    struct weir_error *err)
{
    char part[65536];
    ssize_t got = 1;
    weir_status status = WEIR_OK;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return weir_fail(err, errno == ENOENT ? WEIR_ENOTFOUND : WEIR_EIO,
                         WEIR_OFFSET_NONE, "cannot read %.120s: %s", path,
                         strerror(errno));
    while (status == WEIR_OK && got > 0) {
        got = read(file, part, sizeof part);
        if (got > 0)
            status = weir_spool_add(spool, part, (size_t)got, err);
        else if (got < 0)
            status = weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                               "cannot read %.120s: %s", path, strerror(errno));
    }
    close(file);
    return status;
}

weir_status
weir_spool_map(struct weir_spool *spool, weir_span *bytes_out,
               struct weir_error *err)
{
    size_t bytes = (size_t)spool->size + 1;
    if (ftruncate(spool->file, (off_t)bytes) != 0)
        return failed("cannot be written", err);
    void *map = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, spool->file, 0);
    if (map == MAP_FAILED)
        return failed("cannot be mapped", err);
    (void)madvise(map, bytes, MADV_SEQUENTIAL);
    spool->map = map;
    spool->map_bytes = bytes;
    *bytes_out = (weir_span){map, bytes - 1};
    return WEIR_OK;
}
