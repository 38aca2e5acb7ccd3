/* SPDX-License-Identifier: Apache-2.0 */
/* weir complexity: the score of requests, and what made it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weir/complexity.h>

#include "cli/cli.h"

static void
print_line(struct weir_cli *cli, weir_span body)
{
    struct weir_complexity said;
    weir_complexity_of(body, &said);
    if (cli->is_json) {
        fprintf(cli->out, "{\"score\": %u, \"features\": {", said.score);
        for (uint32_t i = 0; i < WEIR_COMPLEX_FEATURES; i++)
            fprintf(cli->out, "%s\"%s\": %u", i == 0 ? "" : ", ",
                    weir_complexity_feature_name(i), said.of[i]);
        fprintf(cli->out, "}}\n");
        return;
    }
    fprintf(cli->out, "%4u ", said.score);
    for (uint32_t i = 0; i < WEIR_COMPLEX_FEATURES; i++)
        if (said.of[i] > 0)
            fprintf(cli->out, " %s=%u", weir_complexity_feature_name(i),
                    said.of[i]);
    fputc('\n', cli->out);
}

int
weir_cmd_complexity(struct weir_cli *cli)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    FILE *in = stdin;
    if (cli->argument_count > 0 &&
        (in = fopen(cli->arguments[0], "rb")) == NULL) {
        fprintf(cli->err, "%s: %s\n", cli->arguments[0], strerror(errno));
        return 2;
    }
    while ((len = getline(&line, &room, in)) >= 0) {
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            len--;
        print_line(cli, (weir_span){line, (size_t)len});
    }
    free(line);
    if (in != stdin)
        fclose(in);
    return 0;
}
