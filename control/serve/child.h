/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/serve/child.h - a process that control keeps running, and that
 * keeps running when control dies.
 *
 * A child leads a session of its own: no signal of the terminal reaches it,
 * and what a dead child leaves behind (nginx's workers) is found by its
 * session's number. The next control finds it by its pid file and takes it
 * over.
 *
 * Threads: one. Memory: the caller's.
 */
#ifndef WEIR_CHILD_H
#define WEIR_CHILD_H

#include <sys/types.h>

#include <weir/base.h>

#define WEIR_CHILD_WORDS_MAX 24

struct weir_child {
    const char *name;
    char *words[WEIR_CHILD_WORDS_MAX]; /* argv; owned by the caller */
    char pid_file[1100];
    char mark[1100]; /* stands in its command line */
    bool writes_pid_file;
    pid_t pid;  /* 0: not running */
    int handle; /* pidfd; readable when it ended; -1: none */
    weir_time started;
    weir_time start_at; /* not before */
    unsigned delay_ms;
    uint64_t starts;
};

/* Takes over what runs already; true when there is something. A pid file of
 * a dead one leads to what it left: told to finish (SIGQUIT). */
bool weir_child_adopt(struct weir_child *child, weir_time now);
/* EIO: it cannot be run. */
WEIR_MUST_USE weir_status weir_child_start(struct weir_child *child,
                                           weir_time now,
                                           struct weir_error *err);
/* The handle was readable: notes the end and when to start again. */
void weir_child_ended(struct weir_child *child, weir_time now);
void weir_child_signal(struct weir_child *child, int number);
/* Waits for the end; false: it still runs. */
bool weir_child_wait(struct weir_child *child, int timeout_ms);
/* Signals every process of session `leader` but the leader itself; returns
 * how many there are. */
unsigned weir_session_signal(pid_t leader, int number);

#endif
