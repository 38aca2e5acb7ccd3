/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting, adopting and restarting.
 *
 * WHY PIDFDS. An adopted process is nobody's child, so waitpid() knows
 * nothing of it; a pidfd becomes readable when any process ends, and names
 * it even if its number is used again.
 *
 * WHY SESSIONS. kill -9 of nginx's master leaves workers that hold the
 * listening sockets; a new master could not bind. Their session still has
 * the dead master's number: they are asked to finish their calls and to
 * close the sockets, and the new master takes over.
 */
#include "control/serve/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/log.h"

#define DELAY_MS_FIRST 50
#define DELAY_MS_MAX   5000
/* One that ran this long was well; its next start is not delayed. */
#define WELL_US (10 * WEIR_US_PER_SEC)

static int
open_handle(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static bool
read_small(const char *path, char *text_out, size_t size, size_t *len_out)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t len = read(file, text_out, size - 1);
    close(file);
    if (len < 0)
        return false;
    text_out[len] = '\0';
    *len_out = (size_t)len;
    return true;
}

/* True when the process has `mark` in its command line: numbers are used
 * again, and a stale pid file must not lead to a stranger. */
static bool
is_ours(pid_t pid, const char *mark)
{
    char path[64], line[8192];
    size_t len = 0;
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    return read_small(path, line, sizeof line, &len) &&
           memmem(line, len, mark, strlen(mark)) != NULL;
}

static pid_t
session_of(pid_t pid)
{
    char path[64], line[512];
    size_t len = 0;
    int session = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!read_small(path, line, sizeof line, &len))
        return 0;
    /* The name in parentheses may hold anything; the last ')' ends it. */
    const char *end = strrchr(line, ')');
    if (end == NULL || sscanf(end + 1, " %*c %*d %*d %d", &session) != 1)
        return 0;
    return session;
}

unsigned
weir_session_signal(pid_t leader, int number)
{
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    unsigned count = 0;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        int pid = atoi(entry->d_name);
        if (pid <= 1 || pid == (int)leader || session_of(pid) != leader)
            continue;
        count++;
        if (number != 0)
            kill(pid, number);
    }
    if (directory != NULL)
        closedir(directory);
    return count;
}

bool
weir_child_adopt(struct weir_child *child, weir_time now)
{
    char text[32];
    size_t len = 0;
    child->handle = -1;
    if (!read_small(child->pid_file, text, sizeof text, &len))
        return false;
    pid_t pid = (pid_t)atoi(text);
    if (pid <= 1)
        return false;
    int handle = open_handle(pid);
    if (handle >= 0 && is_ours(pid, child->mark)) {
        child->pid = pid;
        child->handle = handle;
        child->started = now;
        fcntl(handle, F_SETFD, FD_CLOEXEC);
        weir_log(WEIR_LOG_INFO, "%s is running (process %d): taken over",
                 child->name, (int)pid);
        return true;
    }
    if (handle >= 0)
        close(handle);
    unsigned left = weir_session_signal(pid, SIGQUIT);
    if (left > 0)
        weir_log(WEIR_LOG_WARN, "%s left %u processes: told to finish",
                 child->name, left);
    unlink(child->pid_file);
    return false;
}

/* In the child: nothing of control's but stderr goes along. */
static _Noreturn void
become(const struct weir_child *child)
{
    sigset_t none;
    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    int null = open("/dev/null", O_RDWR);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    closefrom(3);
    execv(child->words[0], child->words);
    dprintf(STDERR_FILENO, "weir: cannot run %s: %s\n", child->words[0],
            strerror(errno));
    _exit(127);
}

static void
write_pid_file(const struct weir_child *child)
{
    FILE *file = fopen(child->pid_file, "we");
    if (file == NULL)
        return;
    fprintf(file, "%d\n", (int)child->pid);
    fclose(file);
}

weir_status
weir_child_start(struct weir_child *child, weir_time now,
                 struct weir_error *err)
{
    WEIR_ASSERT(child->pid == 0);
    pid_t pid = fork();
    if (pid == 0)
        become(child);
    if (pid < 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "cannot start %s: %s",
                         child->name, strerror(errno));
    child->pid = pid;
    child->handle = open_handle(pid);
    child->started = now;
    child->starts++;
    fcntl(child->handle, F_SETFD, FD_CLOEXEC);
    if (!child->writes_pid_file)
        write_pid_file(child);
    return WEIR_OK;
}

void
weir_child_ended(struct weir_child *child, weir_time now)
{
    int state = 0;
    bool is_ours_to_reap = waitpid(child->pid, &state, WNOHANG) == child->pid;
    const char *how = "ended";
    int number = 0;
    if (is_ours_to_reap && WIFSIGNALED(state)) {
        how = "was killed by signal";
        number = WTERMSIG(state);
    } else if (is_ours_to_reap && WIFEXITED(state)) {
        how = "ended with code";
        number = WEXITSTATUS(state);
    }
    unsigned left = weir_session_signal(child->pid, SIGQUIT);
    if (now - child->started > WELL_US)
        child->delay_ms = 0;
    child->start_at = now + (weir_time)child->delay_ms * WEIR_US_PER_MS;
    weir_log(WEIR_LOG_ERROR,
             "%s (process %d) %s %d; %u of its processes "
             "finish; next start in %u ms",
             child->name, (int)child->pid, how, number, left, child->delay_ms);
    child->delay_ms =
        child->delay_ms == 0 ? DELAY_MS_FIRST : child->delay_ms * 2;
    if (child->delay_ms > DELAY_MS_MAX)
        child->delay_ms = DELAY_MS_MAX;
    if (child->handle >= 0)
        close(child->handle);
    child->handle = -1;
    child->pid = 0;
}

void
weir_child_signal(struct weir_child *child, int number)
{
    if (child->pid > 0 && child->handle >= 0)
        (void)syscall(SYS_pidfd_send_signal, child->handle, number, NULL, 0);
}

bool
weir_child_wait(struct weir_child *child, int timeout_ms)
{
    if (child->pid == 0)
        return true;
    struct pollfd wait = {.fd = child->handle, .events = POLLIN};
    int ready;
    do {
        ready = poll(&wait, 1, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    if (ready != 1)
        return false;
    (void)waitpid(child->pid, NULL, WNOHANG);
    close(child->handle);
    child->handle = -1;
    child->pid = 0;
    unlink(child->pid_file);
    return true;
}
