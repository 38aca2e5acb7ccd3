/* SPDX-License-Identifier: Apache-2.0 */
/* weir cases ... */
#include <stdlib.h>
#include <string.h>

#include "cli/remote.h"

static void
print_line(struct weir_cli *cli, const json_t *row)
{
    char opened[32], deadline[32];
    weir_cli_time(json_object_get(row, "opened_us"), opened);
    weir_cli_time(json_object_get(row, "deadline_us"), deadline);
    fprintf(cli->out, "%-9s %-9s %-8s %s  due %s%s  %s  %s: %s\n",
            weir_cli_text(row, "id"), weir_cli_text(row, "kind"),
            weir_cli_text(row, "state"), opened, deadline,
            json_is_true(json_object_get(row, "is_overdue")) ? " OVERDUE" : "",
            weir_cli_text(row, "assignee")[0] == '\0'
                ? "-"
                : weir_cli_text(row, "assignee"),
            weir_cli_text(row, "subject"), weir_cli_text(row, "title"));
}

int
weir_cmd_cases_list(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t index;
    const struct weir_cli_pair query[] = {
        {"state", weir_cli_option(cli, "state")},
        {"kind", weir_cli_option(cli, "kind")},
        {"organisation", weir_cli_option(cli, "organisation")},
        {"assignee", weir_cli_option(cli, "assignee")},
        {"pending", weir_cli_flag(cli, "pending") ? "true" : NULL},
        {"overdue", weir_cli_flag(cli, "overdue") ? "true" : NULL},
        {"limit", weir_cli_option(cli, "limit")},
        {NULL, NULL}};
    int code = weir_cli_call(cli, "GET", "/v1/cases", query, NULL, &reply);
    if (code != 0)
        return code;
    if (cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(cli->is_json ? NULL : json_object_get(reply, "cases"),
                       index, row)
    {
        print_line(cli, row);
    }
    json_decref(reply);
    return 0;
}

static void
print_event(struct weir_cli *cli, const json_t *event)
{
    char when[32];
    const json_t *evidence = json_object_get(event, "evidence");
    weir_cli_time(json_object_get(event, "when_us"), when);
    const char *person = weir_cli_text(event, "person");
    fprintf(cli->out, "  %s  %-8s by %s%s%s%s: %s\n", when,
            weir_cli_text(event, "action"),
            person[0] == '\0' ? weir_cli_text(event, "actor") : person,
            person[0] == '\0' ? "" : " (",
            person[0] == '\0' ? "" : weir_cli_text(event, "actor"),
            person[0] == '\0' ? "" : ")", weir_cli_text(event, "text"));
    if (json_object_size(evidence) > 0) {
        char *text = json_dumps(evidence, JSON_COMPACT);
        fprintf(cli->out, "      evidence %s\n", text == NULL ? "" : text);
        free(text);
    }
}

static void
print_case(struct weir_cli *cli, const json_t *row)
{
    char deadline[32];
    json_t *event;
    size_t index;
    weir_cli_time(json_object_get(row, "deadline_us"), deadline);
    fprintf(cli->out,
            "%s  %s  %s\n  subject  %s\n  cause    %s\n  state    %s, %s\n"
            "  deadline %s%s\n  seen     %lld times\n",
            weir_cli_text(row, "id"), weir_cli_text(row, "kind"),
            weir_cli_text(row, "title"), weir_cli_text(row, "subject"),
            weir_cli_text(row, "cause"), weir_cli_text(row, "state"),
            weir_cli_text(row, "verdict"), deadline,
            json_is_true(json_object_get(row, "is_overdue")) ? " (overdue)"
                                                             : "",
            weir_cli_number(row, "seen"));
    json_array_foreach(json_object_get(row, "events"), index, event)
    {
        print_event(cli, event);
    }
}

/* One path below a case; `deed` NULL: the case itself. `body` is taken. */
static int
one_case(struct weir_cli *cli, const char *method, const char *deed,
         json_t *body)
{
    char path[1024];
    json_t *reply = NULL;
    char *id = weir_cli_escape(cli->arguments[0]);
    snprintf(path, sizeof path, "/v1/cases/%s%s%s", id == NULL ? "" : id,
             deed == NULL ? "" : "/", deed == NULL ? "" : deed);
    free(id);
    int code = weir_cli_call(cli, method, path, NULL, body, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0 && deed == NULL)
        print_case(cli, reply);
    else if (code == 0)
        print_line(cli, reply);
    json_decref(reply);
    return code;
}

int
weir_cmd_cases_show(struct weir_cli *cli)
{
    return one_case(cli, "GET", NULL, NULL);
}

int
weir_cmd_cases_assign(struct weir_cli *cli)
{
    json_t *body = json_object();
    if (cli->argument_count > 1)
        json_object_set_new(body, "person", json_string(cli->arguments[1]));
    return one_case(cli, "POST", "assign", body);
}

int
weir_cmd_cases_decide(struct weir_cli *cli)
{
    bool upholds = weir_cli_flag(cli, "uphold");
    bool clears = weir_cli_flag(cli, "clear");
    const char *reason = weir_cli_option(cli, "reason");
    const char *until = weir_cli_option(cli, "until");
    if (upholds == clears)
        return weir_cli_usage(cli, "either --uphold or --clear is needed");
    if (reason == NULL)
        return weir_cli_usage(cli, "--reason is needed");
    json_t *body = json_pack("{s:s,s:s}", "verdict",
                             clears ? "clear" : "uphold", "reason", reason);
    if (body == NULL)
        return weir_cli_usage(cli, "the reason is not UTF-8");
    if (until != NULL)
        json_object_set_new(body, "until", json_string(until));
    return one_case(cli, "POST", "decide", body);
}

static int
with_reason(struct weir_cli *cli, const char *deed)
{
    const char *reason = weir_cli_option(cli, "reason");
    if (reason == NULL)
        return weir_cli_usage(cli, "--reason is needed");
    json_t *body = json_pack("{s:s}", "reason", reason);
    if (body == NULL)
        return weir_cli_usage(cli, "the reason is not UTF-8");
    return one_case(cli, "POST", deed, body);
}

int
weir_cmd_cases_appeal(struct weir_cli *cli)
{
    return with_reason(cli, "appeal");
}

int
weir_cmd_cases_restore(struct weir_cli *cli)
{
    return with_reason(cli, "restore");
}
