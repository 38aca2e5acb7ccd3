/* SPDX-License-Identifier: Apache-2.0 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int
disk_write(int fd, const void *bytes, size_t len, uint64_t offset)
{
    const char *p = bytes;
    while (len > 0) {
        ssize_t done = pwrite(fd, p, len, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done == 0 ? ENOSPC : errno;
        p += done;
        len -= (size_t)done;
        offset += (uint64_t)done;
    }
    return 0;
}

static int
disk_sync(int fd)
{
    return fdatasync(fd) == 0 ? 0 : errno;
}

static int
disk_allocate(int fd, uint64_t len)
{
    return posix_fallocate(fd, 0, (off_t)len);
}

static int
disk_truncate(int fd, uint64_t len)
{
    return ftruncate(fd, (off_t)len) == 0 ? 0 : errno;
}

static int
disk_release(int fd, uint64_t from, uint64_t len)
{
    int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    return from >= len ||
                   fallocate(fd, mode, (off_t)from, (off_t)(len - from)) == 0
               ? 0
               : errno;
}

static int
disk_rename(int dir, const char *from, const char *to)
{
    return renameat(dir, from, dir, to) == 0 ? 0 : errno;
}

static int
disk_sync_dir(int dir)
{
    return fsync(dir) == 0 ? 0 : errno;
}

static int
disk_room(int dir, uint64_t *bytes_out)
{
    struct statvfs about;
    if (fstatvfs(dir, &about) != 0)
        return errno;
    *bytes_out = (uint64_t)about.f_bavail * about.f_frsize;
    return 0;
}

const struct writer_disk writer_disk_system = {
    .write = disk_write,
    .sync = disk_sync,
    .allocate = disk_allocate,
    .truncate = disk_truncate,
    .release = disk_release,
    .rename = disk_rename,
    .sync_dir = disk_sync_dir,
    .room = disk_room,
};
