/* SPDX-License-Identifier: Apache-2.0 */
/* weir watch steps, cases, override, reviewers, report */
#include <stdlib.h>
#include <string.h>

#include "cli/remote.h"

/* ----------------------------------------------------------------- printing */

static void
print_figures(struct weir_cli *cli, const json_t *row)
{
    json_t *signal;
    size_t index;
    json_array_foreach(
        json_object_get(json_object_get(row, "figures"), "signals"), index,
        signal)
    {
        if (!json_is_true(json_object_get(signal, "fired")))
            continue;
        fprintf(cli->out,
                "    %s: %.2f over %.2f, %.0f calls where %.1f "
                "were expected\n",
                weir_cli_text(signal, "signal"),
                json_number_value(json_object_get(signal, "value")),
                json_number_value(json_object_get(signal, "line")),
                json_number_value(json_object_get(signal, "seen")),
                json_number_value(json_object_get(signal, "expected")));
    }
}

static void
print_step(struct weir_cli *cli, const json_t *row)
{
    char until[32], from[32];
    const char *coming = weir_cli_text(row, "coming");
    weir_cli_time(json_object_get(row, "until_us"), until);
    weir_cli_time(json_object_get(row, "from_us"), from);
    fprintf(cli->out, "%s  %s %s  %s", weir_cli_text(row, "case"),
            weir_cli_text(row, "kind"), weir_cli_text(row, "subject"),
            weir_cli_text(row, "step"));
    if (weir_cli_number(row, "until_us") != 0)
        fprintf(cli->out, " until %s", until);
    if (strcmp(coming, "none") != 0)
        fprintf(cli->out, ", %s %s %s", coming,
                json_is_true(json_object_get(row, "is_asked"))
                    ? "waits for a person until"
                    : "from",
                from);
    if (json_is_true(json_object_get(row, "is_explained")))
        fprintf(cli->out, " (explained)");
    fprintf(cli->out, "\n");
    print_figures(cli, row);
}

static void
print_deeds(struct weir_cli *cli, const json_t *reply)
{
    json_t *deed;
    size_t index;
    json_array_foreach(json_object_get(reply, "deeds"), index, deed)
    {
        char when[32];
        const char *person = weir_cli_text(deed, "person");
        weir_cli_time(json_object_get(deed, "when_us"), when);
        fprintf(cli->out, "  %s  %-10s %s by %s%s%s\n", when,
                weir_cli_text(deed, "change"), weir_cli_text(deed, "step"),
                person[0] == '\0' ? weir_cli_text(deed, "actor") : person,
                weir_cli_text(deed, "text")[0] == '\0' ? "" : ": ",
                weir_cli_text(deed, "text"));
    }
}

/* ------------------------------------------------------------------- asking */

/* Prints a list's rows with `print`, or the reply as JSON. */
static int
list(struct weir_cli *cli, const char *path, const struct weir_cli_pair *query,
     const char *member, void (*print)(struct weir_cli *cli, const json_t *row))
{
    json_t *reply = NULL, *row;
    size_t index;
    int code = weir_cli_call(cli, "GET", path, query, NULL, &reply);
    if (code != 0)
        return code;
    if (cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(cli->is_json ? NULL : json_object_get(reply, member),
                       index, row)
    {
        print(cli, row);
    }
    json_decref(reply);
    return 0;
}

/* "/v1/watch/<room>/<argument>[/<deed>]". */
static void
path_of(const struct weir_cli *cli, const char *room, const char *deed,
        char path_out[1024])
{
    char *id = weir_cli_escape(cli->arguments[0]);
    snprintf(path_out, 1024, "/v1/watch/%s/%s%s%s", room, id == NULL ? "" : id,
             deed == NULL ? "" : "/", deed == NULL ? "" : deed);
    free(id);
}

/* `body` is taken. */
static int
post(struct weir_cli *cli, const char *path, json_t *body, const char *member)
{
    json_t *reply = NULL;
    int code = weir_cli_call(cli, "POST", path, NULL, body, &reply);
    if (code != 0)
        return code;
    if (cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (member != NULL)
        fprintf(cli->out, "%s\n", weir_cli_text(reply, member));
    else
        print_step(cli, reply);
    json_decref(reply);
    return 0;
}

/* A body of one text that has to be given; NULL after saying so. */
static json_t *
text_body(struct weir_cli *cli, const char *option, const char *member)
{
    const char *value = weir_cli_option(cli, option);
    json_t *body = value == NULL ? NULL : json_pack("{s:s}", member, value);
    if (value == NULL)
        (void)weir_cli_usage(cli, "--%s is needed", option);
    else if (body == NULL)
        (void)weir_cli_usage(cli, "--%s is not UTF-8", option);
    return body;
}

/* -------------------------------------------------------------------- steps */

int
weir_cmd_watch_steps(struct weir_cli *cli)
{
    const struct weir_cli_pair query[] = {
        {"tenant", weir_cli_option(cli, "tenant")},
        {"all", weir_cli_flag(cli, "all") ? "true" : NULL},
        {"limit", weir_cli_option(cli, "limit")},
        {NULL, NULL}};
    return list(cli, "/v1/watch/steps", query, "steps", print_step);
}

int
weir_cmd_watch_steps_show(struct weir_cli *cli)
{
    char path[1024];
    json_t *reply = NULL;
    path_of(cli, "steps", NULL, path);
    int code = weir_cli_call(cli, "GET", path, NULL, NULL, &reply);
    if (code != 0)
        return code;
    if (cli->is_json) {
        weir_cli_print_json(cli, reply);
    } else {
        print_step(cli, reply);
        fprintf(cli->out, "    policy: %s\n", weir_cli_text(reply, "rule"));
        print_deeds(cli, reply);
    }
    json_decref(reply);
    return 0;
}

int
weir_cmd_watch_steps_answer(struct weir_cli *cli)
{
    char path[1024];
    json_t *body = text_body(cli, "reason", "reason");
    if (body == NULL)
        return 2;
    json_object_set_new(body, "answer", json_string(cli->arguments[1]));
    path_of(cli, "steps", "answer", path);
    return post(cli, path, body, NULL);
}

int
weir_cmd_watch_steps_explain(struct weir_cli *cli)
{
    char path[1024];
    json_t *body = text_body(cli, "text", "text");
    path_of(cli, "steps", "explain", path);
    return body == NULL ? 2 : post(cli, path, body, NULL);
}

int
weir_cmd_watch_steps_appeal(struct weir_cli *cli)
{
    char path[1024];
    json_t *body = text_body(cli, "text", "text");
    path_of(cli, "steps", "appeal", path);
    return body == NULL ? 2 : post(cli, path, body, NULL);
}

/* -------------------------------------------------------------------- cases */

static void
print_case(struct weir_cli *cli, const json_t *row)
{
    char opened[32], deadline[32];
    weir_cli_time(json_object_get(row, "opened_us"), opened);
    weir_cli_time(json_object_get(row, "deadline_us"), deadline);
    fprintf(cli->out, "%-9s %-8s %s  due %s%s  %s: %s\n",
            weir_cli_text(row, "id"), weir_cli_text(row, "state"), opened,
            deadline,
            json_is_true(json_object_get(row, "is_overdue")) ? " OVERDUE" : "",
            weir_cli_text(row, "subject"), weir_cli_text(row, "title"));
}

int
weir_cmd_watch_cases(struct weir_cli *cli)
{
    const struct weir_cli_pair query[] = {
        {"kind", "watch"},
        {"state", weir_cli_option(cli, "state")},
        {"assignee", weir_cli_option(cli, "assignee")},
        {"pending", weir_cli_flag(cli, "pending") ? "true" : NULL},
        {"overdue", weir_cli_flag(cli, "overdue") ? "true" : NULL},
        {"limit", weir_cli_option(cli, "limit")},
        {NULL, NULL}};
    return list(cli, "/v1/cases", query, "cases", print_case);
}

int
weir_cmd_watch_cases_list(struct weir_cli *cli)
{
    return weir_cmd_watch_cases(cli);
}

/* A case of the watch is a case: the same deeds by their longer name. */
int weir_cmd_cases_show(struct weir_cli *cli);
int weir_cmd_cases_assign(struct weir_cli *cli);
int weir_cmd_cases_decide(struct weir_cli *cli);
int weir_cmd_cases_appeal(struct weir_cli *cli);
int weir_cmd_cases_restore(struct weir_cli *cli);

int
weir_cmd_watch_cases_show(struct weir_cli *cli)
{
    return weir_cmd_cases_show(cli);
}

int
weir_cmd_watch_cases_assign(struct weir_cli *cli)
{
    return weir_cmd_cases_assign(cli);
}

int
weir_cmd_watch_cases_decide(struct weir_cli *cli)
{
    return weir_cmd_cases_decide(cli);
}

int
weir_cmd_watch_cases_appeal(struct weir_cli *cli)
{
    return weir_cmd_cases_appeal(cli);
}

int
weir_cmd_watch_cases_restore(struct weir_cli *cli)
{
    return weir_cmd_cases_restore(cli);
}

static void
print_call(struct weir_cli *cli, const json_t *row)
{
    char when[32];
    const json_t *features = json_object_get(row, "features");
    weir_cli_time(json_object_get(row, "decided_us"), when);
    fprintf(cli->out, "%s  %s  %s  %lld in, %lld out, data in %s, content %s\n",
            weir_cli_text(row, "id"), when, weir_cli_text(row, "model"),
            weir_cli_number(row, "input_tokens"),
            weir_cli_number(row, "output_tokens"),
            weir_cli_text(row, "stored_in"),
            json_is_array(json_object_get(row, "content"))
                ? "below"
                : weir_cli_text(row, "content_refusal"));
    if (json_is_object(features)) {
        char *bits =
            json_dumps(json_object_get(features, "bits"), JSON_COMPACT);
        fprintf(cli->out, "    form %.2f, %lld words, %s\n",
                json_number_value(json_object_get(features, "form")),
                weir_cli_number(features, "words"), bits == NULL ? "" : bits);
        free(bits);
    }
    size_t index;
    const json_t *body;
    json_array_foreach(json_object_get(row, "content"), index, body)
    {
        const json_t *text = json_object_get(body, "text");
        if (text == NULL)
            text = json_object_get(body, "base64");
        /* Quoted: what strangers wrote does not steer a terminal. */
        char *quoted = json_dumps(text, JSON_ENCODE_ANY);
        fprintf(cli->out, "    %s, %lld bytes%s: %s\n",
                weir_cli_text(body, "what"),
                weir_cli_number(body, "whole_bytes"),
                json_is_true(json_object_get(body, "is_cut")) ? " (cut)" : "",
                quoted == NULL ? "" : quoted);
        free(quoted);
    }
}

int
weir_cmd_watch_cases_calls(struct weir_cli *cli)
{
    char path[1024];
    const struct weir_cli_pair query[] = {
        {"count", weir_cli_option(cli, "count")},
        {"until", weir_cli_option(cli, "until")},
        {"content", weir_cli_flag(cli, "content") ? "true" : NULL},
        {"population", weir_cli_flag(cli, "population") ? "true" : NULL},
        {NULL, NULL}};
    path_of(cli, "cases", "calls", path);
    return list(cli, path, query, "calls", print_call);
}

/* ---------------------------------------------------------------- reviewers */

static void
print_reviewer(struct weir_cli *cli, const json_t *row)
{
    char until[32];
    weir_cli_time(json_object_get(row, "until_us"), until);
    fprintf(cli->out, "%s  %s  for %s until %s, named by %s\n",
            weir_cli_text(row, "token"), weir_cli_text(row, "person"),
            weir_cli_text(row, "places"), until, weir_cli_text(row, "by"));
}

int
weir_cmd_watch_reviewers(struct weir_cli *cli)
{
    return list(cli, "/v1/watch/reviewers", NULL, "reviewers", print_reviewer);
}

int
weir_cmd_watch_reviewers_set(struct weir_cli *cli)
{
    json_t *body = text_body(cli, "places", "places");
    if (body == NULL)
        return 2;
    json_object_set_new(body, "token", json_string(cli->arguments[0]));
    weir_cli_put_option(cli, body, "until", "until");
    return post(cli, "/v1/watch/reviewers", body, "token");
}

/* ---------------------------------------------------------------- overrides */

static void
print_override(struct weir_cli *cli, const json_t *row)
{
    char until[32];
    const char *approved = weir_cli_text(row, "approved_by");
    weir_cli_time(json_object_get(row, "until_us"), until);
    fprintf(cli->out, "%s  %s  %s %s %s%s%s", weir_cli_text(row, "id"),
            weir_cli_text(row, "state"), weir_cli_text(row, "deed"),
            weir_cli_text(row, "kind"), weir_cli_text(row, "subject"),
            strcmp(weir_cli_text(row, "deed"), "raise") == 0 ? " to " : "",
            strcmp(weir_cli_text(row, "deed"), "raise") == 0
                ? weir_cli_text(row, "step")
                : "");
    if (weir_cli_number(row, "until_us") != 0)
        fprintf(cli->out, " until %s", until);
    fprintf(cli->out, "\n    asked by %s%s%s: %s\n",
            weir_cli_text(row, "requested_by"),
            approved[0] == '\0' ? "" : ", approved by ", approved,
            weir_cli_text(row, "reason"));
}

int
weir_cmd_watch_override(struct weir_cli *cli)
{
    return list(cli, "/v1/watch/overrides", NULL, "overrides", print_override);
}

int
weir_cmd_watch_override_request(struct weir_cli *cli)
{
    json_t *body = text_body(cli, "reason", "reason");
    if (body == NULL)
        return 2;
    json_object_set_new(body, "deed", json_string(cli->arguments[0]));
    json_object_set_new(body, "subject", json_string(cli->arguments[1]));
    weir_cli_put_option(cli, body, "step", "step");
    weir_cli_put_option(cli, body, "until", "until");
    return post(cli, "/v1/watch/overrides", body, "id");
}

int
weir_cmd_watch_override_approve(struct weir_cli *cli)
{
    char path[1024];
    path_of(cli, "overrides", "approve", path);
    return post(cli, path, json_object(), "approved");
}

int
weir_cmd_watch_override_revoke(struct weir_cli *cli)
{
    char path[1024];
    json_t *body = text_body(cli, "reason", "reason");
    path_of(cli, "overrides", "revoke", path);
    return body == NULL ? 2 : post(cli, path, body, "revoked");
}

/* ------------------------------------------------------------------- report */

static void
print_sums(struct weir_cli *cli, const json_t *row)
{
    const json_t *steps = json_object_get(row, "steps");
    const json_t *overrides = json_object_get(row, "overrides");
    fprintf(cli->out,
            "%-14s %5lld customers, %4lld with steps: %lld observe, %lld slow, "
            "%lld strip, %lld hold, %lld suspend; overrides: %lld lift, "
            "%lld exempt, %lld raise; %lld appeals; %lld grants\n",
            weir_cli_text(row, "size"), weir_cli_number(row, "customers"),
            weir_cli_number(row, "with_steps"),
            weir_cli_number(steps, "observe"), weir_cli_number(steps, "slow"),
            weir_cli_number(steps, "strip"), weir_cli_number(steps, "hold"),
            weir_cli_number(steps, "suspend"),
            weir_cli_number(overrides, "lift"),
            weir_cli_number(overrides, "exempt"),
            weir_cli_number(overrides, "raise"),
            weir_cli_number(row, "appeals"), weir_cli_number(row, "grants"));
}

static void
print_grant(struct weir_cli *cli, const json_t *row)
{
    char until[32];
    const char *name;
    json_t *quantity;
    weir_cli_time(json_object_get(row, "until_us"), until);
    fprintf(cli->out, "%s  %s  %s %s", weir_cli_text(row, "id"),
            weir_cli_text(row, "state"), weir_cli_text(row, "party_kind"),
            weir_cli_text(row, "party"));
    if (weir_cli_text(row, "target")[0] != '\0')
        fprintf(cli->out, " of %s", weir_cli_text(row, "target"));
    json_object_foreach(json_object_get(row, "quantities"), name, quantity)
    {
        fprintf(cli->out, ", %lld of %lld %s used",
                weir_cli_number(quantity, "used"),
                weir_cli_number(quantity, "granted"), name);
    }
    fprintf(cli->out, ", until %s\n    asked by %s, approved by %s: %s\n",
            until, weir_cli_text(row, "requested_by"),
            weir_cli_text(row, "approved_by")[0] == '\0'
                ? "nobody yet"
                : weir_cli_text(row, "approved_by"),
            weir_cli_text(row, "reason"));
}

int
weir_cmd_watch_report(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t index;
    char from[32], to[32];
    const struct weir_cli_pair query[] = {
        {"from", weir_cli_option(cli, "from")},
        {"to", weir_cli_option(cli, "to")},
        {NULL, NULL}};
    int code =
        weir_cli_call(cli, "GET", "/v1/watch/report", query, NULL, &reply);
    if (code != 0)
        return code;
    if (cli->is_json) {
        weir_cli_print_json(cli, reply);
        json_decref(reply);
        return 0;
    }
    weir_cli_time(json_object_get(reply, "from_us"), from);
    weir_cli_time(json_object_get(reply, "to_us"), to);
    fprintf(cli->out, "Steps of the watch, %s to %s, by spend:\n", from, to);
    json_array_foreach(json_object_get(reply, "customers"), index, row)
    {
        print_sums(cli, row);
    }
    fprintf(cli->out, "Overrides of the period:\n");
    json_array_foreach(json_object_get(reply, "overrides"), index, row)
    {
        print_override(cli, row);
    }
    fprintf(cli->out, "Exempt now:\n");
    json_array_foreach(json_object_get(reply, "exempt_now"), index, row)
    {
        print_override(cli, row);
    }
    fprintf(cli->out, "Grants of the period:\n");
    json_array_foreach(json_object_get(reply, "grants"), index, row)
    {
        print_grant(cli, row);
    }
    json_decref(reply);
    return 0;
}
