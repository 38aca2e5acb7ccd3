/* SPDX-License-Identifier: Apache-2.0 */
/* weir onboarding ..., weir terms ... */
#include <stdlib.h>
#include <string.h>

#include "cli/remote.h"

static void
print_standing(struct weir_cli *cli, const json_t *row)
{
    char since[32], until[32];
    weir_cli_time(json_object_get(row, "since_us"), since);
    weir_cli_time(json_object_get(row, "until_us"), until);
    fprintf(cli->out, "%-24s %-8s since %s until %s  %s\n",
            weir_cli_text(row, "organisation"), weir_cli_text(row, "state"),
            since, until, weir_cli_text(row, "purposes"));
}

static void
print_whole(struct weir_cli *cli, const json_t *row)
{
    json_t *one;
    size_t index;
    print_standing(cli, row);
    json_array_foreach(json_object_get(row, "shortfalls"), index, one)
    {
        fprintf(cli->out, "  missing  %s\n      next %s\n",
                weir_cli_text(one, "text"), weir_cli_text(one, "next"));
    }
    if (json_is_true(json_object_get(row, "is_eligible")))
        fprintf(cli->out, "  nothing is missing\n");
    json_array_foreach(json_object_get(row, "events"), index, one)
    {
        char when[32];
        const char *person = weir_cli_text(one, "person");
        weir_cli_time(json_object_get(one, "when_us"), when);
        fprintf(cli->out, "  %s  %-7s %-8s by %s: %s\n", when,
                weir_cli_text(one, "id"), weir_cli_text(one, "action"),
                person[0] == '\0' ? weir_cli_text(one, "actor") : person,
                weir_cli_text(one, "reason"));
    }
}

/* Prints one organisation; `reply` is taken. */
static int
print_reply(struct weir_cli *cli, int code, json_t *reply)
{
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0)
        print_whole(cli, reply);
    json_decref(reply);
    return code;
}

/* --purpose may be given several times: joined by commas. */
static void
put_purposes(const struct weir_cli *cli, json_t *body)
{
    struct weir_buf all;
    const char *value;
    weir_buf_init(&all, 65536);
    for (size_t n = 0; (value = weir_cli_option_nth(cli, "purpose", n)) != NULL;
         n++)
        weir_buf_addf(&all, "%s%s", n == 0 ? "" : ",", value);
    value = weir_cli_option(cli, "purposes");
    if (value != NULL)
        weir_buf_addf(&all, "%s%s", all.len == 0 ? "" : ",", value);
    if (all.len > 0)
        json_object_set_new(body, "purposes", json_stringn(all.ptr, all.len));
    weir_buf_fini(&all);
}

int
weir_cmd_onboarding_start(struct weir_cli *cli)
{
    json_t *reply = NULL;
    json_t *body = json_pack("{s:s}", "organisation", cli->arguments[0]);
    if (body == NULL)
        return weir_cli_usage(cli, "the name is not UTF-8");
    put_purposes(cli, body);
    weir_cli_put_option(cli, body, "note", "note");
    if (json_object_get(body, "purposes") == NULL) {
        json_decref(body);
        return weir_cli_usage(cli, "--purpose is needed");
    }
    int code = weir_cli_call(cli, "POST", "/v1/onboarding", NULL, body, &reply);
    return print_reply(cli, code, reply);
}

int
weir_cmd_onboarding_show(struct weir_cli *cli)
{
    char path[1024];
    json_t *reply = NULL;
    char *name = weir_cli_escape(cli->arguments[0]);
    snprintf(path, sizeof path, "/v1/onboarding/%s", name == NULL ? "" : name);
    free(name);
    int code = weir_cli_call(cli, "GET", path, NULL, NULL, &reply);
    bool is_eligible = json_is_true(json_object_get(reply, "is_eligible"));
    code = print_reply(cli, code, reply);
    return code == 0 && !is_eligible ? 1 : code;
}

int
weir_cmd_onboarding_decide(struct weir_cli *cli)
{
    char path[1024];
    json_t *reply = NULL;
    bool approves = weir_cli_flag(cli, "approve");
    bool refuses = weir_cli_flag(cli, "refuse");
    const char *reason = weir_cli_option(cli, "reason");
    if (approves == refuses)
        return weir_cli_usage(cli, "either --approve or --refuse is needed");
    if (reason == NULL)
        return weir_cli_usage(cli, "--reason is needed");
    json_t *body = json_pack("{s:s,s:s}", "verdict",
                             approves ? "approve" : "refuse", "reason", reason);
    if (body == NULL)
        return weir_cli_usage(cli, "the reason is not UTF-8");
    put_purposes(cli, body);
    weir_cli_put_option(cli, body, "until", "until");
    char *name = weir_cli_escape(cli->arguments[0]);
    snprintf(path, sizeof path, "/v1/onboarding/%s/decide",
             name == NULL ? "" : name);
    free(name);
    int code = weir_cli_call(cli, "POST", path, NULL, body, &reply);
    return print_reply(cli, code, reply);
}

int
weir_cmd_onboarding_list(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t index;
    const struct weir_cli_pair query[] = {
        {"state", weir_cli_option(cli, "state")}, {NULL, NULL}};
    int code = weir_cli_call(cli, "GET", "/v1/onboarding", query, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(cli->is_json ? NULL
                                    : json_object_get(reply, "organisations"),
                       index, row)
    {
        print_standing(cli, row);
    }
    if (code == 0 && weir_cli_text(reply, "lists_error")[0] != '\0')
        fprintf(cli->err, "weir onboarding list: %s\n",
                weir_cli_text(reply, "lists_error"));
    json_decref(reply);
    return code;
}

/* -------------------------------------------------------------------- terms */

int
weir_cmd_terms_list(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t index;
    const struct weir_cli_pair query[] = {
        {"organisation", cli->argument_count > 0 ? cli->arguments[0] : NULL},
        {NULL, NULL}};
    int code = weir_cli_call(cli, "GET", "/v1/terms", query, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    if (code != 0 || cli->is_json) {
        json_decref(reply);
        return code;
    }
    json_array_foreach(json_object_get(reply, "terms"), index, row)
    {
        const char *provider = weir_cli_text(row, "provider");
        fprintf(cli->out, "%-24s version %-12s %-16s %s %s\n",
                weir_cli_text(row, "name"), weir_cli_text(row, "version"),
                provider[0] == '\0' ? "(the seller)" : provider,
                weir_cli_text(row, "title"), weir_cli_text(row, "url"));
    }
    json_array_foreach(json_object_get(reply, "acceptances"), index, row)
    {
        char when[32];
        weir_cli_time(json_object_get(row, "accepted_us"), when);
        fprintf(cli->out, "  %s  %s accepted %s %s, by %s  %s\n", when,
                weir_cli_text(row, "organisation"), weir_cli_text(row, "terms"),
                weir_cli_text(row, "version"), weir_cli_text(row, "by"),
                weir_cli_text(row, "document"));
    }
    json_decref(reply);
    return 0;
}

int
weir_cmd_terms_accept(struct weir_cli *cli)
{
    json_t *reply = NULL;
    if (weir_cli_option(cli, "by") == NULL)
        return weir_cli_usage(cli, "--by is needed: who accepted, there?");
    json_t *body = json_pack("{s:s,s:s}", "organisation", cli->arguments[0],
                             "terms", cli->arguments[1]);
    if (body == NULL)
        return weir_cli_usage(cli, "a name is not UTF-8");
    weir_cli_put_option(cli, body, "by", "by");
    weir_cli_put_option(cli, body, "version", "version");
    weir_cli_put_option(cli, body, "document", "document");
    weir_cli_put_option(cli, body, "accepted", "accepted");
    int code =
        weir_cli_call(cli, "POST", "/v1/terms/acceptances", NULL, body, &reply);
    return print_reply(cli, code, reply);
}
