/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places on disk, and how files come into being there.
 *
 *     state directory                 run directory (shared memory)
 *     weir.db      store              board            generations in force
 *     images/      archive            image-N ...      mapped by workers
 *     overlays/    archive            ring, quota      shared by workers
 *     journal/     segments           nginx.conf, *.pid, admin.sock
 *     tlog/        transparency log
 *     run -> run directory
 *
 * WHY THE RUN DIRECTORY IS IN SHARED MEMORY. Ring and quota are written by
 * every call; on a disk file system the kernel would write those pages back
 * all the time. What must survive the machine is in the state directory.
 * Its name is made from the user and the state directory, so that the
 * command line finds it without asking anybody; it is refused when somebody
 * else owns it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/control.h"
#include "control/files.h"

weir_status
weir_write_file(const char *path, weir_span bytes, unsigned mode,
                struct weir_error *err)
{
    char beside[WEIR_PATH_MAX + 100];
    snprintf(beside, sizeof beside, "%s.new", path);
    int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    bool is_good = file >= 0;
    size_t done = 0;
    while (is_good && done < bytes.len) {
        ssize_t written = write(file, bytes.ptr + done, bytes.len - done);
        if (written > 0)
            done += (size_t)written;
        else if (errno != EINTR)
            is_good = false;
    }
    is_good = is_good && fchmod(file, (mode_t)mode) == 0 && fsync(file) == 0;
    int failure = errno;
    if (file >= 0 && close(file) != 0 && is_good) {
        is_good = false;
        failure = errno;
    }
    if (is_good && rename(beside, path) != 0) {
        is_good = false;
        failure = errno;
    }
    if (is_good)
        return WEIR_OK;
    unlink(beside);
    return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "cannot write %.120s: %s",
                     path, strerror(failure));
}

weir_status
weir_read_file(const char *path, char **bytes_out, size_t *len_out,
               struct weir_error *err)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (file < 0 || fstat(file, &info) != 0) {
        int failure = errno;
        if (file >= 0)
            close(file);
        return weir_fail(err, failure == ENOENT ? WEIR_ENOTFOUND : WEIR_EIO,
                         WEIR_OFFSET_NONE, "cannot read %.120s: %s", path,
                         strerror(failure));
    }
    size_t size = (size_t)info.st_size, done = 0;
    char *bytes = malloc(size + 1);
    while (bytes != NULL && done < size) {
        ssize_t got = read(file, bytes + done, size - done);
        if (got <= 0 && errno != EINTR)
            break;
        done += got > 0 ? (size_t)got : 0;
    }
    close(file);
    if (bytes == NULL || done < size) {
        free(bytes);
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "cannot read %.120s whole", path);
    }
    bytes[size] = '\0';
    *bytes_out = bytes;
    *len_out = size;
    return WEIR_OK;
}

weir_status
weir_make_directory(const char *path, unsigned mode, struct weir_error *err)
{
    struct stat info;
    if (mkdir(path, mode) != 0 && errno != EEXIST)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "cannot make %.120s: %s", path, strerror(errno));
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "%.120s is not a directory", path);
    return WEIR_OK;
}

/* A directory that is the user's own, and nobody else may look into. */
static weir_status
make_private(const char *path, struct weir_error *err)
{
    struct stat info;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "cannot make %.120s: %s", path, strerror(errno));
    if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode) ||
        info.st_uid != geteuid() || (info.st_mode & 022) != 0)
        return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                         "%.120s is not a directory of this user alone", path);
    return WEIR_OK;
}

static bool
join(char path_out[WEIR_PATH_MAX], const char *directory, const char *name)
{
    return snprintf(path_out, WEIR_PATH_MAX, "%s/%s", directory, name) <
           WEIR_PATH_MAX;
}

weir_status
weir_paths_of(const char *config_path, const struct weir_settings *settings,
              struct weir_paths *paths_out, struct weir_error *err)
{
    struct weir_paths *paths = paths_out;
    weir_span state = settings->state_dir;
    weir_span journal = settings->journal_dir;
    bool fits =
        state.len < WEIR_PATH_MAX - 100 && journal.len < WEIR_PATH_MAX - 100;
    if (realpath(config_path, paths->config) == NULL)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "cannot find %.120s", config_path);
    if (fits)
        snprintf(paths->state, sizeof paths->state, "%.*s",
                 WEIR_SPAN_ARG(state));
    if (access("/dev/shm", W_OK | X_OK) == 0)
        snprintf(paths->run, sizeof paths->run, "/dev/shm/weir-%u-%016llx",
                 (unsigned)geteuid(),
                 (unsigned long long)weir_hash64(state, 0));
    else
        fits = fits && join(paths->run, paths->state, "rundir");
    fits = fits && join(paths->images, paths->state, "images") &&
           join(paths->overlays, paths->state, "overlays") &&
           join(paths->tlog, paths->state, "tlog") &&
           join(paths->ring, paths->run, "ring");
    if (fits && journal.len > 0)
        snprintf(paths->journal, sizeof paths->journal, "%.*s",
                 WEIR_SPAN_ARG(journal));
    else
        fits = fits && join(paths->journal, paths->state, "journal");
    if (!fits)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "a path of the configuration is too long");
    return WEIR_OK;
}

weir_status
weir_paths_make(const struct weir_paths *paths, struct weir_error *err)
{
    char link[WEIR_PATH_MAX];
    weir_status status = weir_make_directory(paths->state, 0700, err);
    if (status == WEIR_OK)
        status = weir_make_directory(paths->images, 0700, err);
    if (status == WEIR_OK)
        status = weir_make_directory(paths->overlays, 0700, err);
    if (status == WEIR_OK)
        status = weir_make_directory(paths->journal, 0700, err);
    if (status == WEIR_OK)
        status = make_private(paths->run, err);
    if (status != WEIR_OK || !join(link, paths->state, "run"))
        return status;
    /* For people; nothing of weir reads it. */
    unlink(link);
    (void)!symlink(paths->run, link);
    return WEIR_OK;
}

void
weir_archive_path(const struct weir_paths *paths, const uint8_t digest[32],
                  char path_out[WEIR_PATH_MAX + 80])
{
    char hex[65];
    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    snprintf(path_out, WEIR_PATH_MAX + 80, "%s/%s.image", paths->images, hex);
}
