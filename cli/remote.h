/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/remote.h - verbs reach control through its API, whoever answers.
 *
 * With --url (or WEIR_URL) a daemon over TCP, with a token; else the daemon
 * that serves the configuration, over the socket in its run directory; else,
 * when none runs, the same handlers in this process, on the state directory.
 *
 * Threads: one. Memory: replies are the caller's (json_decref).
 */
#ifndef WEIR_CLI_REMOTE_H
#define WEIR_CLI_REMOTE_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

#include "cli/cli.h"

struct weir_cli_pair {
    const char *name;
    const char *value; /* NULL: left out */
};

/*
 * Calls one path of the API. `path` segments that come from the user must be
 * escaped with weir_cli_escape(). 0 and the reply (NULL when it was not
 * JSON, then *text_out), or the exit code after saying what is wrong.
 * `body` is taken.
 */
int weir_cli_call(struct weir_cli *cli, const char *method, const char *path,
                  const struct weir_cli_pair *query, json_t *body,
                  json_t **reply_out);
/* Whether --url or WEIR_URL names the daemon. */
bool weir_cli_is_remote(const struct weir_cli *cli);
/* Sends a file to such a daemon, as it is read; what else the path takes as
 * members of a body (at most 15) goes into the query. They are taken. */
int weir_cli_send(struct weir_cli *cli, const char *path, json_t *members,
                  const char *file, json_t **reply_out);
/*
 * Asks a daemon for `path` twice a second, beside a call that takes long,
 * until stop(); `on_reply` is called by a thread of its own, and gets what
 * the daemon says. Where none answers it is not called. One at a time.
 */
struct weir_cli_watch {
    struct weir_cli *cli;
    const char *path;
    void (*on_reply)(void *context, const json_t *reply);
    void *context;
    char socket[4096 + 16]; /* empty: over --url */
    pthread_t thread;
    atomic_bool is_over;
    bool is_running;
};
void weir_cli_watch_start(struct weir_cli_watch *watch);
void weir_cli_watch_stop(struct weir_cli_watch *watch);
/* The same for a path that answers with text: prints it as it comes. */
int weir_cli_fetch(struct weir_cli *cli, const char *path,
                   const struct weir_cli_pair *query);
/* One path segment, percent-escaped; free() it. NULL: out of memory. */
char *weir_cli_escape(const char *text);

/* --config, WEIR_CONFIG, or weir.yaml. */
const char *weir_cli_config(const struct weir_cli *cli);
/* The reply as JSON, indented, and a newline. */
void weir_cli_print_json(struct weir_cli *cli, const json_t *value);
/* Adds a member to `body` where the option was given. */
void weir_cli_put_option(const struct weir_cli *cli, json_t *body,
                         const char *option, const char *member);
/* Prints what /v1/calls/{first argument}/`what` answers; the exit code. */
int weir_cli_print_of_call(struct weir_cli *cli, const char *what);
/* "2026-11-10 08:00:00" of a *_us member; "-" for null or nothing. */
void weir_cli_time(const json_t *value, char text_out[32]);
/* A string member; "" when not there. */
const char *weir_cli_text(const json_t *object, const char *name);
long long weir_cli_number(const json_t *object, const char *name);
/* "12.345678 USD" from micros. */
void weir_cli_money(long long micros, const char *currency, char text_out[48]);
/* file:line:col: text, then the advice, on cli->err. */
struct weir_faults;
void weir_cli_print_faults(struct weir_cli *cli,
                           const struct weir_faults *faults);

/* cmd_statement.c: the six places, scope and signals of an explained call. */
void weir_cli_print_places(FILE *out, const json_t *told);

#endif
