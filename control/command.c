/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input lies in a file without a name and in memory only, complete
 * before the program starts: whoever does not read it, or reads it late,
 * cannot make this process wait.
 */
#include "control/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int64_t
now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads until the command closes its output; false: time is up. */
static bool
drain(int fd, int timeout_ms, struct weir_buf *out)
{
    char bytes[4096];
    int64_t end = now_ms() + timeout_ms;
    bool is_done = false;
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int64_t left = end - now_ms();
        if (left <= 0)
            break;
        int ready = poll(&wait, 1, (int)left);
        if (ready < 0 && errno != EINTR)
            break;
        if (ready <= 0)
            continue;
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got <= 0) {
            is_done = true;
            break;
        }
        weir_buf_add(out, bytes, (size_t)got);
    }
    explicit_bzero(bytes, sizeof bytes);
    return is_done;
}

/* The input as an open file, at its beginning; -1 with errno. */
static int
hold_input(weir_span input)
{
    int file = memfd_create("input", MFD_CLOEXEC);
    if (file >= 0 && (write(file, input.ptr == NULL ? "" : input.ptr,
                            input.len) != (ssize_t)input.len ||
                      lseek(file, 0, SEEK_SET) != 0)) {
        close(file);
        return -1;
    }
    return file;
}

static bool
start(const char *command, weir_span input, int *fd_out, pid_t *child_out)
{
    int ends[2];
    posix_spawn_file_actions_t actions;
    char *const argv[] = {"sh", "-c", (char *)(uintptr_t)command, NULL};
    int file = hold_input(input);
    if (file < 0)
        return false;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        close(file);
        return false;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, file, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    /* A group of its own, so that a command with children ends whole. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
    int failed =
        posix_spawn(child_out, "/bin/sh", &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    close(file);
    if (failed != 0) {
        close(ends[0]);
        errno = failed;
        return false;
    }
    *fd_out = ends[0];
    return true;
}

weir_status
weir_command_run(const char *command, weir_span input, int timeout_ms,
                 const char *what, struct weir_buf *out, struct weir_error *err)
{
    int fd, how = 0;
    pid_t child;
    if (!start(command, input, &fd, &child))
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "%s cannot be run: %s", what, strerror(errno));
    bool is_done = drain(fd, timeout_ms, out);
    close(fd);
    if (!is_done)
        kill(-child, SIGKILL);
    while (waitpid(child, &how, 0) < 0 && errno == EINTR)
        ;
    if (!is_done)
        return weir_fail(err, WEIR_ETIMEOUT, WEIR_OFFSET_NONE,
                         "%s took over %d s", what, timeout_ms / 1000);
    if (!WIFEXITED(how) || WEXITSTATUS(how) != 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%s failed", what);
    return out->overflow ? weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                                     "%s says more than is taken", what)
                         : WEIR_OK;
}
