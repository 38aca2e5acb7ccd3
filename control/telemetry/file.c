/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to a file, a line each, flushed before the place in the journal
 * moves. A file that has grown becomes NAME.1, that NAME.2 and so on, whole
 * lines in each; somebody else's rotation (a file that was moved away) is
 * noticed with the next batch.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/telemetry/parts.h"

static enum weir__delivered
fail(const struct weir__rules *rules, struct weir_error *err)
{
    (void)weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%.300s: %s",
                    rules->target, strerror(errno));
    return WEIR__LATER;
}

static bool
is_same(int handle, const char *path)
{
    struct stat open_one, named;
    return fstat(handle, &open_one) == 0 && stat(path, &named) == 0 &&
           open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

static bool
open_file(struct weir__sink *sink, const char *path)
{
    if (sink->handle >= 0 && !is_same(sink->handle, path)) {
        close(sink->handle);
        sink->handle = -1;
    }
    if (sink->handle < 0)
        sink->handle =
            open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    return sink->handle >= 0;
}

static void
rotate(struct weir__sink *sink, const struct weir__rules *rules)
{
    char from[WEIR__TEXT_MAX + 16], to[WEIR__TEXT_MAX + 16];
    if (rules->keep == 0) {
        (void)unlink(rules->target);
    }
    for (uint32_t i = rules->keep; i > 0; i--) {
        snprintf(to, sizeof to, "%s.%u", rules->target, i);
        if (i > 1)
            snprintf(from, sizeof from, "%s.%u", rules->target, i - 1);
        else
            snprintf(from, sizeof from, "%s", rules->target);
        (void)rename(from, to); /* the oldest is written over */
    }
    close(sink->handle);
    sink->handle = -1;
}

/* A line that was cut by a full disk is taken back. */
static bool
write_lines(int handle, const struct weir__batch *batch)
{
    struct stat before;
    size_t done = 0;
    if (fstat(handle, &before) != 0)
        return false;
    while (done < batch->text.len) {
        ssize_t n =
            write(handle, batch->text.ptr + done, batch->text.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int reason = errno;
            if (ftruncate(handle, before.st_size) != 0)
                errno = 0;
            errno = reason;
            return false;
        }
        done += (size_t)n;
    }
    return fdatasync(handle) == 0;
}

enum weir__delivered
weir__file_deliver(struct weir__sink *sink, const struct weir__rules *rules,
                   const struct weir__batch *batch, struct weir_error *err)
{
    struct stat now;
    if (!open_file(sink, rules->target))
        return fail(rules, err);
    if (fstat(sink->handle, &now) == 0 && now.st_size > 0 &&
        (uint64_t)now.st_size + batch->text.len > rules->rotate_bytes) {
        rotate(sink, rules);
        if (!open_file(sink, rules->target))
            return fail(rules, err);
    }
    return write_lines(sink->handle, batch) ? WEIR__DELIVERED
                                            : fail(rules, err);
}
