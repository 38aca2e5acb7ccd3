/* SPDX-License-Identifier: Apache-2.0 */
/* How a verb says that it failed. */
#include "cli/cli.h"

int
weir_cli_fail(struct weir_cli *cli, const struct weir_error *err,
              const char *advice)
{
    fflush(cli->out);
    fprintf(cli->err, "weir %s: %s\n", cli->command->name, err->text);
    if (advice != NULL)
        fprintf(cli->err, "  %s\n", advice);
    return weir_status_info(err->status)->exit;
}

int
weir_cli_usage(struct weir_cli *cli, const char *format, ...)
{
    va_list arguments;
    fflush(cli->out);
    fprintf(cli->err, "weir %s: ", cli->command->name);
    va_start(arguments, format);
    vfprintf(cli->err, format, arguments);
    va_end(arguments);
    fputs("\n  usage: ", cli->err);
    weir_cli_print_synopsis(cli->err, cli->command);
    return 2;
}
