/* SPDX-License-Identifier: Apache-2.0 */
/* weir version */
#include "cli/cli.h"

int
weir_cmd_version(struct weir_cli *cli)
{
    if (cli->is_json)
        fputs("{\"version\": \"" WEIR_VERSION "\"}\n", cli->out);
    else
        fputs("weir " WEIR_VERSION "\n", cli->out);
    return 0;
}
