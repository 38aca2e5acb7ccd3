/* SPDX-License-Identifier: Apache-2.0 */
/* weir exception ... */
#include <stdlib.h>

#include "cli/remote.h"

static void
print_quantities(struct weir_cli *cli, const json_t *row)
{
    static const char *const names[][2] = {
        {"calls", "calls"}, {"tokens", "tokens"}, {"money_micros", "money"}};
    const json_t *all = json_object_get(row, "quantities");
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++) {
        const json_t *one = json_object_get(all, names[i][0]);
        if (one == NULL)
            continue;
        fprintf(cli->out,
                "    %s: %lld of %lld left (%lld used, %lld held)%s\n",
                names[i][1], weir_cli_number(one, "left"),
                weir_cli_number(one, "granted"), weir_cli_number(one, "used"),
                weir_cli_number(one, "held"), i == 2 ? " micro-units" : "");
    }
}

static void
print_exception(struct weir_cli *cli, const json_t *row)
{
    char from[32], until[32];
    const char *target = weir_cli_text(row, "target");
    const char *place = weir_cli_text(row, "place");
    const char *approved = weir_cli_text(row, "approved_by");
    weir_cli_time(json_object_get(row, "from_us"), from);
    weir_cli_time(json_object_get(row, "until_us"), until);
    fprintf(cli->out, "%s  %s  %s  for %s %s", weir_cli_text(row, "id"),
            weir_cli_text(row, "state"), weir_cli_text(row, "name"),
            weir_cli_text(row, "party_kind"), weir_cli_text(row, "party"));
    if (target[0] != '\0')
        fprintf(cli->out, ", %s %s", weir_cli_text(row, "target_kind"), target);
    if (place[0] != '\0')
        fprintf(cli->out, ", in %s %s", weir_cli_text(row, "place_kind"),
                place);
    fprintf(cli->out, "\n    %s to %s, owner %s%s%s\n", from, until,
            weir_cli_text(row, "owner"),
            weir_cli_text(row, "licence")[0] == '\0' ? "" : ", licence ",
            weir_cli_text(row, "licence"));
    print_quantities(cli, row);
    fprintf(cli->out, "    asked by %s%s%s: %s\n",
            weir_cli_text(row, "requested_by"),
            approved[0] == '\0' ? "" : ", approved by ", approved,
            weir_cli_text(row, "reason"));
}

static int
list(struct weir_cli *cli, const char *path, const char *member)
{
    json_t *reply = NULL, *row;
    size_t index;
    const struct weir_cli_pair query[] = {
        {"state", weir_cli_option(cli, "state")}, {NULL, NULL}};
    int code = weir_cli_call(cli, "GET", path, query, NULL, &reply);
    if (code != 0)
        return code;
    if (cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(cli->is_json ? NULL : json_object_get(reply, member),
                       index, row)
    {
        print_exception(cli, row);
    }
    json_decref(reply);
    return 0;
}

int
weir_cmd_exception_list(struct weir_cli *cli)
{
    return list(cli, "/v1/exceptions", "exceptions");
}

int
weir_cmd_watch_grant(struct weir_cli *cli)
{
    return list(cli, "/v1/watch/grants", "grants");
}

/* `body` is taken. */
static int
deed(struct weir_cli *cli, const char *path, json_t *body, const char *member)
{
    json_t *reply = NULL;
    int code = weir_cli_call(cli, "POST", path, NULL, body, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0)
        fprintf(cli->out, "%s\n", weir_cli_text(reply, member));
    json_decref(reply);
    return code;
}

/* What was given of the options becomes the body. */
static int
request(struct weir_cli *cli, const char *path, const char *const *options,
        size_t count)
{
    json_t *body = json_object();
    for (size_t i = 0; i < count; i++) {
        const char *value = weir_cli_option(cli, options[i]);
        json_t *text = value == NULL ? NULL : json_string(value);
        if (value != NULL && text == NULL) {
            json_decref(body);
            return weir_cli_usage(cli, "--%s is not UTF-8", options[i]);
        }
        if (text != NULL)
            json_object_set_new(body, options[i], text);
    }
    return deed(cli, path, body, "id");
}

int
weir_cmd_exception_request(struct weir_cli *cli)
{
    static const char *const options[] = {
        "name",         "licence", "owner",  "reason", "organisation", "tenant",
        "project",      "key",     "model",  "family", "provider",     "region",
        "jurisdiction", "calls",   "tokens", "money",  "from",         "until"};
    return request(cli, "/v1/exceptions", options, WEIR_COUNTOF(options));
}

int
weir_cmd_watch_grant_request(struct weir_cli *cli)
{
    static const char *const options[] = {
        "licence",  "owner", "reason",  "organisation", "tenant",
        "project",  "key",   "purpose", "model",        "family",
        "provider", "calls", "tokens",  "from",         "until"};
    return request(cli, "/v1/watch/grants", options, WEIR_COUNTOF(options));
}

static int
one(struct weir_cli *cli, const char *what, json_t *body, const char *member)
{
    char path[1024];
    char *id = weir_cli_escape(cli->arguments[0]);
    snprintf(path, sizeof path, "/v1/exceptions/%s/%s", id == NULL ? "" : id,
             what);
    free(id);
    return deed(cli, path, body, member);
}

int
weir_cmd_exception_approve(struct weir_cli *cli)
{
    return one(cli, "approve", json_object(), "approved");
}

int
weir_cmd_exception_revoke(struct weir_cli *cli)
{
    const char *reason = weir_cli_option(cli, "reason");
    if (reason == NULL)
        return weir_cli_usage(cli, "--reason is needed");
    json_t *body = json_pack("{s:s}", "reason", reason);
    if (body == NULL)
        return weir_cli_usage(cli, "the reason is not UTF-8");
    return one(cli, "revoke", body, "revoked");
}

int
weir_cmd_watch_grant_approve(struct weir_cli *cli)
{
    return weir_cmd_exception_approve(cli);
}

int
weir_cmd_watch_grant_revoke(struct weir_cli *cli)
{
    return weir_cmd_exception_revoke(cli);
}
