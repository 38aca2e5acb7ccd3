/* SPDX-License-Identifier: Apache-2.0 */
/* weir cache purge, weir cache show */
#include "cli/remote.h"

int
weir_cmd_cache_show(struct weir_cli *cli)
{
    json_t *reply = NULL;
    int code = weir_cli_call(cli, "GET", "/v1/cache", NULL, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0 && !json_is_true(json_object_get(reply, "is_on")))
        fprintf(cli->out, "nothing is cached\n");
    else if (code == 0)
        fprintf(
            cli->out,
            "%lld of %lld bytes, %lld tenants; %lld hits, %lld misses, "
            "%lld kept, %lld turned over\n",
            weir_cli_number(reply, "used_bytes"),
            weir_cli_number(reply, "memory_bytes"),
            weir_cli_number(reply, "tenants"), weir_cli_number(reply, "hits"),
            weir_cli_number(reply, "misses"), weir_cli_number(reply, "stored"),
            weir_cli_number(reply, "evicted"));
    json_decref(reply);
    return code;
}

int
weir_cmd_cache_purge(struct weir_cli *cli)
{
    json_t *reply = NULL;
    bool all = weir_cli_flag(cli, "all");
    if (all == (cli->argument_count > 0))
        return weir_cli_usage(cli, "a tenant or --all is needed");
    json_t *body = all ? json_pack("{s:b}", "all", 1)
                       : json_pack("{s:s}", "tenant", cli->arguments[0]);
    if (body == NULL)
        return weir_cli_usage(cli, "the name is not UTF-8");
    int code =
        weir_cli_call(cli, "POST", "/v1/cache/purge", NULL, body, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0)
        fprintf(cli->out, "no kept answer of %s is given any more\n",
                all ? "any tenant" : cli->arguments[0]);
    json_decref(reply);
    return code;
}
