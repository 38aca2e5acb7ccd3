/* SPDX-License-Identifier: Apache-2.0 */
/* weir content list, show, erase, hold */
#include <stdlib.h>
#include <string.h>

#include "cli/remote.h"

static void
print_item(struct weir_cli *cli, const json_t *row)
{
    char when[32];
    weir_cli_time(json_object_get(row, "when_us"), when);
    fprintf(cli->out, "%s  %-7s  %s  %s  %s  %lld of %lld bytes%s%s\n", when,
            weir_cli_text(row, "what"), weir_cli_text(row, "request"),
            weir_cli_text(row, "tenant"), weir_cli_text(row, "class"),
            weir_cli_number(row, "kept_bytes"),
            weir_cli_number(row, "whole_bytes"),
            json_is_true(json_object_get(row, "is_held")) ? "  held" : "",
            json_is_true(json_object_get(row, "is_erased")) ? "  erased" : "");
}

int
weir_cmd_content_list(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t index;
    const struct weir_cli_pair query[] = {
        {"tenant", weir_cli_option(cli, "tenant")},
        {"request", weir_cli_option(cli, "request")},
        {"erased", weir_cli_flag(cli, "erased") ? "1" : NULL},
        {"limit", weir_cli_option(cli, "limit")},
        {NULL, NULL}};
    int code = weir_cli_call(cli, "GET", "/v1/content", query, NULL, &reply);
    if (code != 0)
        return code;
    if (cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(cli->is_json ? NULL : json_object_get(reply, "items"),
                       index, row)
    {
        print_item(cli, row);
    }
    json_decref(reply);
    return 0;
}

int
weir_cmd_content_show(struct weir_cli *cli)
{
    char path[512];
    json_t *reply = NULL, *row;
    size_t index;
    const char *purpose = weir_cli_option(cli, "purpose");
    const struct weir_cli_pair query[] = {
        {"purpose", purpose},
        {"what", weir_cli_option(cli, "what")},
        {NULL, NULL}};
    if (purpose == NULL)
        return weir_cli_usage(cli, "--purpose is needed: the record keeps it");
    char *id = weir_cli_escape(cli->arguments[0]);
    snprintf(path, sizeof path, "/v1/content/%s", id == NULL ? "" : id);
    free(id);
    int code = weir_cli_call(cli, "GET", path, query, NULL, &reply);
    if (code != 0)
        return code;
    if (cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(cli->is_json ? NULL : json_object_get(reply, "bodies"),
                       index, row)
    {
        const char *text = json_string_value(json_object_get(row, "text"));
        print_item(cli, row);
        fprintf(cli->out, "%s\n",
                text != NULL ? text : weir_cli_text(row, "base64"));
    }
    json_decref(reply);
    return 0;
}

/* POST with a reason; prints what `member` counts. */
static int
deed(struct weir_cli *cli, const char *path, json_t *body, const char *member)
{
    json_t *reply = NULL;
    const char *reason = weir_cli_option(cli, "reason");
    if (reason == NULL) {
        json_decref(body);
        return weir_cli_usage(cli, "--reason is needed: the record keeps it");
    }
    json_object_set_new(body, "reason", json_string(reason));
    int code = weir_cli_call(cli, "POST", path, NULL, body, &reply);
    if (code != 0)
        return code;
    if (cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (member != NULL)
        fprintf(cli->out, "%lld %s erased\n", weir_cli_number(reply, member),
                member);
    json_decref(reply);
    return 0;
}

int
weir_cmd_content_erase(struct weir_cli *cli)
{
    char path[512];
    const char *tenant = weir_cli_option(cli, "tenant");
    if ((tenant != NULL) == (cli->argument_count > 0))
        return weir_cli_usage(cli, "give a REQUEST, or --tenant");
    char *id = weir_cli_escape(tenant != NULL ? tenant : cli->arguments[0]);
    snprintf(path, sizeof path, "/v1/content%s/%s/erase",
             tenant != NULL ? "-tenants" : "", id == NULL ? "" : id);
    free(id);
    return deed(cli, path, json_object(), "items");
}

static int
list_holds(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t index;
    int code =
        weir_cli_call(cli, "GET", "/v1/content-holds", NULL, NULL, &reply);
    if (code != 0)
        return code;
    if (cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(cli->is_json ? NULL : json_object_get(reply, "holds"),
                       index, row)
    {
        char since[32];
        weir_cli_time(json_object_get(row, "since_us"), since);
        fprintf(cli->out, "%s  %s %s  by %s: %s\n", since,
                weir_cli_text(row, "kind"), weir_cli_text(row, "name"),
                weir_cli_text(row, "by"), weir_cli_text(row, "reason"));
    }
    json_decref(reply);
    return 0;
}

int
weir_cmd_content_hold(struct weir_cli *cli)
{
    const char *tenant = weir_cli_option(cli, "tenant");
    if (tenant == NULL && cli->argument_count == 0)
        return list_holds(cli);
    if (tenant != NULL && cli->argument_count > 0)
        return weir_cli_usage(cli, "give a REQUEST, or --tenant");
    json_t *body = json_pack("{s:s,s:s,s:b}", "kind",
                             tenant != NULL ? "tenant" : "request", "name",
                             tenant != NULL ? tenant : cli->arguments[0],
                             "release", weir_cli_flag(cli, "release"));
    return deed(cli, "/v1/content-holds", body, NULL);
}
