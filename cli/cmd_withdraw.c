/* SPDX-License-Identifier: Apache-2.0 */
/* weir withdraw, restore, reload, usage, end-customers */
#include <stdlib.h>
#include <string.h>

#include "cli/remote.h"

static int
list_withdrawals(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t index;
    int code = weir_cli_call(cli, "GET", "/v1/withdrawals", NULL, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(
        cli->is_json ? NULL : json_object_get(reply, "withdrawals"), index, row)
    {
        char since[32];
        weir_cli_time(json_object_get(row, "since_us"), since);
        fprintf(cli->out, "%s %s  since %s  by %s  %s\n",
                weir_cli_text(row, "kind"), weir_cli_text(row, "name"), since,
                weir_cli_text(row, "by"), weir_cli_text(row, "reason"));
    }
    json_decref(reply);
    return code;
}

static const char *
goes_on(const json_t *reply)
{
    return json_is_false(json_object_get(reply, "told"))
               ? " so far, others are being told"
               : "";
}

int
weir_cmd_withdraw(struct weir_cli *cli)
{
    json_t *reply = NULL;
    static const char *const texts[] = {"reason", "target", "deadline"};
    if (cli->argument_count == 0)
        return list_withdrawals(cli);
    if (cli->argument_count != 2)
        return weir_cli_usage(cli, "a kind and a name are needed");
    json_t *body = json_pack("{s:s,s:s}", "kind", cli->arguments[0], "name",
                             cli->arguments[1]);
    if (body == NULL)
        return weir_cli_usage(cli, "the name is not UTF-8");
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++) {
        const char *text = weir_cli_option(cli, texts[i]);
        if (text != NULL)
            json_object_set_new(body, texts[i], json_string(text));
    }
    int code =
        weir_cli_call(cli, "POST", "/v1/withdrawals", NULL, body, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0)
        fprintf(cli->out, "%s %s is withdrawn; %lld notices to customers%s\n",
                cli->arguments[0], cli->arguments[1],
                weir_cli_number(reply, "notices"), goes_on(reply));
    json_decref(reply);
    return code;
}

int
weir_cmd_restore(struct weir_cli *cli)
{
    char path[2048];
    json_t *reply = NULL;
    char *kind = weir_cli_escape(cli->arguments[0]);
    char *name = weir_cli_escape(cli->arguments[1]);
    snprintf(path, sizeof path, "/v1/withdrawals/%s/%s", kind ? kind : "",
             name ? name : "");
    free(kind);
    free(name);
    int code = weir_cli_call(cli, "DELETE", path, NULL, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0)
        fprintf(cli->out, "%s %s is restored; %lld notices to customers%s\n",
                cli->arguments[0], cli->arguments[1],
                weir_cli_number(reply, "notices"), goes_on(reply));
    json_decref(reply);
    return code;
}

int
weir_cmd_reload(struct weir_cli *cli)
{
    json_t *reply = NULL;
    int code = weir_cli_call(cli, "POST", "/v1/reload", NULL, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0)
        fprintf(cli->out, "image %lld is in force\n",
                weir_cli_number(reply, "generation"));
    json_decref(reply);
    return code;
}

/* -------------------------------------------------------------------- usage */

static void
print_sum(struct weir_cli *cli, const json_t *row)
{
    char cost[48];
    weir_cli_money(weir_cli_number(row, "cost_micros"),
                   weir_cli_text(row, "currency"), cost);
    fprintf(cli->out, "%8lld calls %8lld refused %12lld in %12lld out  %s\n",
            weir_cli_number(row, "calls"), weir_cli_number(row, "refused"),
            weir_cli_number(row, "input_tokens"),
            weir_cli_number(row, "output_tokens"), cost);
}

static void
print_usage(struct weir_cli *cli, const json_t *reply)
{
    static const char *const names[] = {"tenant",     "project", "key", "model",
                                        "deployment", "task",    "tag"};
    const json_t *row;
    size_t index;
    json_array_foreach(json_object_get(reply, "rows"), index, row)
    {
        char label[400] = "", day[32];
        size_t used = 0;
        weir_cli_time(json_object_get(row, "day_us"), day);
        if (strcmp(day, "-") != 0)
            used = (size_t)snprintf(label, sizeof label, "%.10s ", day);
        for (size_t i = 0; i < WEIR_COUNTOF(names); i++) {
            if (json_object_get(row, names[i]) == NULL ||
                used >= sizeof label - 1)
                continue;
            const char *text = weir_cli_text(row, names[i]);
            used += (size_t)snprintf(label + used, sizeof label - used, "%s ",
                                     text[0] == '\0' ? "-" : text);
        }
        fprintf(cli->out, "%-48s", label);
        print_sum(cli, row);
    }
    json_array_foreach(json_object_get(reply, "total"), index, row)
    {
        fprintf(cli->out, "%-48s", "total");
        print_sum(cli, row);
    }
    const json_t *tasks = json_object_get(reply, "per_task");
    if (tasks != NULL) {
        char mean[48], middle[48], high[48];
        weir_cli_money(weir_cli_number(tasks, "mean_micros"), "", mean);
        weir_cli_money(weir_cli_number(tasks, "middle_micros"), "", middle);
        weir_cli_money(weir_cli_number(tasks, "p95_micros"), "", high);
        fprintf(cli->out,
                "%lld tasks: %s on the average, the middle one %s, 95 of 100 "
                "at most %s\n",
                weir_cli_number(tasks, "tasks"), mean, middle, high);
    }
}

int
weir_cmd_usage(struct weir_cli *cli)
{
    json_t *reply = NULL;
    const struct weir_cli_pair query[] = {
        {"tenant", weir_cli_option(cli, "tenant")},
        {"from", weir_cli_option(cli, "from")},
        {"to", weir_cli_option(cli, "to")},
        {"by", weir_cli_option(cli, "by")},
        {NULL, NULL}};
    int code = weir_cli_call(cli, "GET", "/v1/usage", query, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0)
        print_usage(cli, reply);
    json_decref(reply);
    return code;
}

int
weir_cmd_end_customers(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t index;
    const struct weir_cli_pair query[] = {
        {"tenant", weir_cli_option(cli, "tenant")}, {NULL, NULL}};
    int code =
        weir_cli_call(cli, "GET", "/v1/end-customers", query, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(cli->is_json ? NULL
                                    : json_object_get(reply, "end_customers"),
                       index, row)
    {
        fprintf(cli->out, "%-20s %-28s", weir_cli_text(row, "tenant"),
                weir_cli_text(row, "name"));
        print_sum(cli, row);
    }
    json_decref(reply);
    return code;
}
