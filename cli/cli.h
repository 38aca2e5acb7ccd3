/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/cli.h - what a verb of the command line sees.
 *
 * A verb is a row of commands.def and a function here. It writes its answer
 * to cli->out and its talk to cli->err, and returns the exit code: 0 yes,
 * 1 a clean no, 2 usage, above 2 as in errors.def.
 *
 * Threads: one. Memory: everything is borrowed from argv and the rows.
 */
#ifndef WEIR_CLI_H
#define WEIR_CLI_H

#include <stdio.h>

#include <weir/base.h>

#define WEIR_CLI_OPTIONS_MAX 64 /* options given in one command line */

enum weir_cli_row_kind { WEIR_CLI_COMMAND, WEIR_CLI_OPTION, WEIR_CLI_EXIT };

struct weir_cli;
typedef int weir_cli_run(struct weir_cli *cli);

/* One row of commands.def; a command owns the rows up to the next one. */
struct weir_cli_row {
    enum weir_cli_row_kind kind;
    weir_cli_run *run;
    const char *name;
    int fewest;
    int most;
    const char *arguments; /* of a command; value of an option */
    const char *summary;   /* text of an option or exit code */
    const char *text;
    char letter;
    int code;
};

extern const struct weir_cli_row weir_cli_rows[];
extern const size_t weir_cli_row_count;

struct weir_cli_given {
    const struct weir_cli_row *option;
    const char *value;  /* NULL for a flag */
    const char *second; /* of an option of two words, as "KIND NAME" */
};

struct weir_cli {
    const struct weir_cli_row *command;
    char **arguments;
    int argument_count;
    struct weir_cli_given given[WEIR_CLI_OPTIONS_MAX];
    size_t given_count;
    bool is_json;
    bool wants_help;
    FILE *out;
    FILE *err;
};

/* The row of the command that `words` begin with (the longest name wins),
 * or NULL; *used_out is the number of words in its name. */
const struct weir_cli_row *weir_cli_find(char *const *words, int count,
                                         int *used_out);
/* The n-th option (0..) of a command, those of every command last; NULL
 * behind the end. */
const struct weir_cli_row *
weir_cli_option_row(const struct weir_cli_row *command, size_t n);
/* The n-th own exit code of a command. */
const struct weir_cli_row *weir_cli_exit_row(const struct weir_cli_row *command,
                                             size_t n);

/* Sorts the words behind the verb into options and arguments (in place).
 * EPARSE: the error says which word and what would be right. */
WEIR_MUST_USE weir_status weir_cli_parse(struct weir_cli *cli, char **words,
                                         int count, struct weir_error *err);

/* The value of the last --name given, or NULL. */
const char *weir_cli_option(const struct weir_cli *cli, const char *name);
/* The value of the n-th --name given, or NULL. */
const char *weir_cli_option_nth(const struct weir_cli *cli, const char *name,
                                size_t n);
/* The second word of the n-th --name given, or NULL. */
const char *weir_cli_option_second(const struct weir_cli *cli, const char *name,
                                   size_t n);
bool weir_cli_flag(const struct weir_cli *cli, const char *name);

/* Prints "weir VERB: text" and, where given, what to do on the next line;
 * returns the exit code of `err->status`. */
int weir_cli_fail(struct weir_cli *cli, const struct weir_error *err,
                  const char *advice);
/* The same for a misuse: prints the synopsis, returns 2. */
int weir_cli_usage(struct weir_cli *cli, const char *format, ...)
    WEIR_PRINTF(2, 3);

/* Help of one command, or (NULL) of all. */
void weir_cli_print_help(FILE *out, const struct weir_cli_row *command);
void weir_cli_print_synopsis(FILE *out, const struct weir_cli_row *command);

/* The functions of the rows. */
#define WEIR_COMMAND(function, ...) weir_cli_run weir_cmd_##function;
#define WEIR_OPTION(...)
#define WEIR_EXIT(...)
#include "cli/commands.def"
#undef WEIR_COMMAND
#undef WEIR_OPTION
#undef WEIR_EXIT

#endif
