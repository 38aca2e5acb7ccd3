/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `weir` program: finds the verb in the rows of commands.def, sorts its
 * words, runs it. Everything a verb does is in cli/cmd_*.c.
 */
#include <string.h>

#include "cli/cli.h"

/* "keys" alone, or a verb that is not there: says what there is. */
static int
unknown_verb(const char *word)
{
    size_t len = strlen(word);
    bool is_group = false;
    for (size_t i = 0; i < weir_cli_row_count; i++) {
        const struct weir_cli_row *row = &weir_cli_rows[i];
        if (row->kind != WEIR_CLI_COMMAND ||
            strncmp(row->name, word, len) != 0 || row->name[len] != ' ')
            continue;
        if (!is_group)
            fprintf(stderr, "weir %s: which one?\n", word);
        is_group = true;
        fputs("  ", stderr);
        weir_cli_print_synopsis(stderr, row);
    }
    if (!is_group)
        fprintf(stderr, "weir: no verb '%.40s'\n  'weir help' lists them.\n",
                word);
    return 2;
}

int
main(int argc, char **argv)
{
    struct weir_cli cli = {.out = stdout, .err = stderr};
    struct weir_error err = {0};
    int used = 0;
    if (argc < 2) {
        weir_cli_print_help(stderr, NULL);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        weir_cli_print_help(stdout, NULL);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0)
        argv[1] += 2;
    cli.command = weir_cli_find(argv + 1, argc - 1, &used);
    if (cli.command == NULL)
        return unknown_verb(argv[1]);
    if (weir_cli_parse(&cli, argv + 1 + used, argc - 1 - used, &err) != WEIR_OK)
        return weir_cli_usage(&cli, "%s", err.text);
    if (cli.wants_help) {
        weir_cli_print_help(stdout, cli.command);
        return 0;
    }
    int exit_code = cli.command->run(&cli);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("weir: standard output cannot be written\n", stderr);
        return 16;
    }
    return exit_code;
}
