/* SPDX-License-Identifier: Apache-2.0 */
/* weir notices, webhooks and deliveries */
#include <stdlib.h>
#include <string.h>

#include "cli/remote.h"

/* Calls, prints the reply as JSON where asked; the reply is the caller's. */
static int
call(struct weir_cli *cli, const char *method, const char *path,
     const struct weir_cli_pair *query, json_t *body, json_t **reply_out)
{
    int code = weir_cli_call(cli, method, path, query, body, reply_out);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, *reply_out);
    return code;
}

/* The path with one user's word in it, escaped. */
static int
call_one(struct weir_cli *cli, const char *method, const char *before,
         const char *word, const char *behind, const char *done)
{
    char path[1200];
    json_t *reply = NULL;
    char *name = weir_cli_escape(word);
    snprintf(path, sizeof path, "%s%s%s", before, name == NULL ? "" : name,
             behind);
    free(name);
    int code = call(cli, method, path, NULL, NULL, &reply);
    if (code == 0 && !cli->is_json)
        fprintf(cli->out, "%s is %s\n", word, done);
    json_decref(reply);
    return code;
}

static void
add_option(const struct weir_cli *cli, json_t *body, const char *name)
{
    const char *value = weir_cli_option(cli, name);
    if (value != NULL)
        json_object_set_new(body, name, json_string(value));
}

/* ------------------------------------------------------------------ notices */

static void
print_notice(struct weir_cli *cli, const json_t *row)
{
    char created[32], deadline[32], seen[32];
    weir_cli_time(json_object_get(row, "created_us"), created);
    weir_cli_time(json_object_get(row, "deadline_us"), deadline);
    weir_cli_time(json_object_get(row, "acknowledged_us"), seen);
    fprintf(cli->out, "%s  %s  %s  %s  %s\n", weir_cli_text(row, "id"), created,
            weir_cli_text(row, "tenant"), weir_cli_text(row, "type"),
            weir_cli_text(row, "subject"));
    fprintf(cli->out, "    %s\n", weir_cli_text(row, "text"));
    fprintf(
        cli->out, "    deadline %s  target %s  acknowledged %s %s\n", deadline,
        weir_cli_text(row, "target")[0] == '\0' ? "-"
                                                : weir_cli_text(row, "target"),
        seen, weir_cli_text(row, "acknowledged_by"));
}

int
weir_cmd_notices_list(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t index;
    const struct weir_cli_pair query[] = {
        {"tenant", weir_cli_option(cli, "tenant")},
        {"open", weir_cli_flag(cli, "open") ? "1" : NULL},
        {"limit", weir_cli_option(cli, "limit")},
        {NULL, NULL}};
    int code = call(cli, "GET", "/v1/notices", query, NULL, &reply);
    json_array_foreach(
        code != 0 || cli->is_json ? NULL : json_object_get(reply, "notices"),
        index, row) print_notice(cli, row);
    json_decref(reply);
    return code;
}

int
weir_cmd_notices_post(struct weir_cli *cli)
{
    static const char *const names[] = {"tenant", "type",     "subject",
                                        "target", "link",     "deadline",
                                        "key",    "reference"};
    json_t *reply = NULL, *body = json_object();
    json_object_set_new(body, "text", json_string(cli->arguments[0]));
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++)
        add_option(cli, body, names[i]);
    if (json_object_get(body, "type") == NULL)
        json_object_set_new(body, "type", json_string("notice.general"));
    int code = call(cli, "POST", "/v1/notices", NULL, body, &reply);
    if (code == 0 && !cli->is_json)
        fprintf(cli->out, "%s\n",
                json_is_true(json_object_get(reply, "is_new"))
                    ? weir_cli_text(reply, "id")
                    : "this reference was posted before");
    json_decref(reply);
    return code;
}

int
weir_cmd_notices_acknowledge(struct weir_cli *cli)
{
    return call_one(cli, "POST", "/v1/notices/", cli->arguments[0],
                    "/acknowledge", "acknowledged");
}

/* ----------------------------------------------------------------- webhooks */

int
weir_cmd_webhooks_create(struct weir_cli *cli)
{
    json_t *reply = NULL, *body = json_object();
    add_option(cli, body, "tenant");
    if (weir_cli_option(cli, "to") != NULL)
        json_object_set_new(body, "url",
                            json_string(weir_cli_option(cli, "to")));
    int code = call(cli, "POST", "/v1/webhooks", NULL, body, &reply);
    if (code == 0 && !cli->is_json) {
        fprintf(cli->out, "%s\n", weir_cli_text(reply, "secret"));
        fprintf(cli->err, "webhook %s; the secret is shown this once\n",
                weir_cli_text(reply, "id"));
    }
    json_decref(reply);
    return code;
}

int
weir_cmd_webhooks_list(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t index;
    int code = call(cli, "GET", "/v1/webhooks", NULL, NULL, &reply);
    json_array_foreach(
        code != 0 || cli->is_json ? NULL : json_object_get(reply, "webhooks"),
        index, row)
    {
        char removed[32];
        weir_cli_time(json_object_get(row, "removed_us"), removed);
        fprintf(cli->out, "%s  %s  %s  removed %s\n", weir_cli_text(row, "id"),
                weir_cli_text(row, "tenant"), weir_cli_text(row, "url"),
                removed);
    }
    json_decref(reply);
    return code;
}

int
weir_cmd_webhooks_remove(struct weir_cli *cli)
{
    return call_one(cli, "DELETE", "/v1/webhooks/", cli->arguments[0], "",
                    "removed");
}

/* --------------------------------------------------------------- deliveries */

int
weir_cmd_deliveries_list(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t index;
    const struct weir_cli_pair query[] = {
        {"state", weir_cli_option(cli, "state")},
        {"limit", weir_cli_option(cli, "limit")},
        {NULL, NULL}};
    int code = call(cli, "GET", "/v1/deliveries", query, NULL, &reply);
    json_array_foreach(
        code != 0 || cli->is_json ? NULL : json_object_get(reply, "deliveries"),
        index, row)
    {
        char last[32], next[32];
        weir_cli_time(json_object_get(row, "last_us"), last);
        weir_cli_time(json_object_get(row, "next_us"), next);
        fprintf(cli->out,
                "%lld  %-7s  %s  %s  %lld attempts, last %s (%lld %s), next "
                "%s\n",
                weir_cli_number(row, "number"), weir_cli_text(row, "state"),
                weir_cli_text(row, "notice"), weir_cli_text(row, "webhook"),
                weir_cli_number(row, "attempts"), last,
                weir_cli_number(row, "http_status"),
                weir_cli_text(row, "error"), next);
    }
    json_decref(reply);
    return code;
}

int
weir_cmd_deliveries_retry(struct weir_cli *cli)
{
    return call_one(cli, "POST", "/v1/deliveries/", cli->arguments[0], "/retry",
                    "waiting again");
}
