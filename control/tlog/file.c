/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 256

static int
sync_folder(int dir, const char *path)
{
    int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failure = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return failure;
}

/* The folder of `path` into `folder_out`; "." for a bare name. */
static void
folder_of(const char *path, char folder_out[PATH_BYTES])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash != NULL ? (size_t)(slash - path) : 1;
    memcpy(folder_out, slash != NULL ? path : ".", len);
    folder_out[len] = '\0';
}

static int
make_folders(int dir, const char *path)
{
    char folder[PATH_BYTES];
    char parent[PATH_BYTES];
    for (const char *slash = strchr(path, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        size_t len = (size_t)(slash - path);
        memcpy(folder, path, len);
        folder[len] = '\0';
        if (mkdirat(dir, folder, 0755) == 0) {
            /* a new folder is on disk when its parent is */
            folder_of(folder, parent);
            int failure = sync_folder(dir, parent);
            if (failure != 0)
                return failure;
        } else if (errno != EEXIST) {
            return errno;
        }
    }
    return 0;
}

static int
write_all(int fd, weir_span bytes, bool is_safe)
{
    while (bytes.len > 0) {
        ssize_t done = write(fd, bytes.ptr, bytes.len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done == 0 ? ENOSPC : errno;
        bytes.ptr += done;
        bytes.len -= (size_t)done;
    }
    return !is_safe || fsync(fd) == 0 ? 0 : errno;
}

int
tlog_file_write(int dir, const char *path, weir_span bytes, bool is_safe)
{
    char beside[PATH_BYTES];
    char folder[PATH_BYTES];
    int len = snprintf(beside, sizeof(beside), "%s.new", path);
    WEIR_ASSERT(len > 0 && (size_t)len < sizeof(beside));

    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    int fd = openat(dir, beside, flags, 0644);
    if (fd < 0 && errno == ENOENT) {
        int failure = make_folders(dir, path);
        if (failure != 0)
            return failure;
        fd = openat(dir, beside, flags, 0644);
    }
    if (fd < 0)
        return errno;
    int failure = write_all(fd, bytes, is_safe);
    close(fd);
    if (failure == 0 && renameat(dir, beside, dir, path) != 0)
        failure = errno;
    if (failure != 0) {
        unlinkat(dir, beside, 0);
        return failure;
    }
    if (!is_safe)
        return 0;
    folder_of(path, folder);
    return sync_folder(dir, folder);
}

int
tlog_file_sync(int dir)
{
    return syncfs(dir) == 0 ? 0 : errno;
}

int
tlog_file_read(int dir, const char *path, struct weir_buf *out)
{
    char bytes[16384];
    ssize_t got;
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    while ((got = read(fd, bytes, sizeof(bytes))) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        weir_buf_add(out, bytes, (size_t)got);
    }
    int failure = got < 0 ? errno : 0;
    close(fd);
    return failure != 0 ? failure : out->overflow ? EFBIG : 0;
}
