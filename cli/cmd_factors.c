/* SPDX-License-Identifier: Apache-2.0 */
/* weir factors, weir factors learn */
#include "cli/remote.h"

static void
print_line(struct weir_cli *cli, const json_t *line)
{
    fprintf(cli->out,
            "    %-7s %lld + %lld for a million bytes; nine in ten "
            "calls %lld.%01lld%% to %lld.%01lld%% of it\n",
            weir_cli_text(line, "of"), weir_cli_number(line, "base_tokens"),
            weir_cli_number(line, "tokens_per_million_bytes"),
            weir_cli_number(line, "low_per_mille") / 10,
            weir_cli_number(line, "low_per_mille") % 10,
            weir_cli_number(line, "high_per_mille") / 10,
            weir_cli_number(line, "high_per_mille") % 10);
}

int
weir_cmd_factors(struct weir_cli *cli)
{
    json_t *reply = NULL, *row, *line;
    size_t i, j;
    int code = weir_cli_call(cli, "GET", "/v1/factors", NULL, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(cli->is_json ? NULL : json_object_get(reply, "factors"),
                       i, row)
    {
        const char *source = weir_cli_text(row, "source");
        fprintf(cli->out, "%s  %s", weir_cli_text(row, "model"),
                source[0] == 'n' ? "a quarter of a token a byte" : source);
        if (source[0] == 'l')
            fprintf(cli->out, " of %lld calls of %lld tenants",
                    weir_cli_number(row, "calls"),
                    weir_cli_number(row, "tenants"));
        fputc('\n', cli->out);
        json_array_foreach(json_object_get(row, "lines"), j, line)
            print_line(cli, line);
    }
    json_decref(reply);
    return code;
}

int
weir_cmd_factors_learn(struct weir_cli *cli)
{
    json_t *reply = NULL;
    int code =
        weir_cli_call(cli, "POST", "/v1/factors/learn", NULL, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0)
        fprintf(cli->out, "%lld models have other factors\n",
                weir_cli_number(reply, "moved"));
    json_decref(reply);
    return code;
}
