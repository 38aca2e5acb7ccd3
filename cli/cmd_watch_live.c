/* SPDX-License-Identifier: Apache-2.0 */
/* weir watch status, show, clusters, reference, cut: what the live watch says,
 * through the admin API. */
#include <stdlib.h>
#include <string.h>

#include "cli/remote.h"

static int
call(struct weir_cli *cli, const char *method, const char *path,
     const struct weir_cli_pair *query, json_t *body, json_t **reply_out)
{
    int code = weir_cli_call(cli, method, path, query, body, reply_out);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, *reply_out);
    return code;
}

/* The path with one of the user's words at its end. */
static int
call_one(struct weir_cli *cli, const char *method, const char *before,
         const char *word, json_t **reply_out)
{
    char path[2000];
    char *name = weir_cli_escape(word);
    snprintf(path, sizeof path, "%s%s", before, name == NULL ? "" : name);
    free(name);
    return call(cli, method, path, NULL, NULL, reply_out);
}

static void
print_fired(struct weir_cli *cli, const json_t *detail)
{
    const json_t *signal;
    size_t i;
    json_array_foreach(json_object_get(detail, "signals"), i, signal)
    {
        if (!json_is_true(json_object_get(signal, "fired")))
            continue;
        fprintf(cli->out, "    %-10s %.3g (line %.3g)",
                weir_cli_text(signal, "signal"),
                json_number_value(json_object_get(signal, "value")),
                json_number_value(json_object_get(signal, "line")));
        if (json_number_value(json_object_get(signal, "expected")) > 0)
            fprintf(cli->out, ", %.0f calls where %.1f were expected",
                    json_number_value(json_object_get(signal, "seen")),
                    json_number_value(json_object_get(signal, "expected")));
        fprintf(cli->out, "\n        %s\n        benign: %s\n",
                weir_cli_text(signal, "meaning"),
                weir_cli_text(signal, "benign"));
    }
}

static void
print_evidence(struct weir_cli *cli, const json_t *detail)
{
    const json_t *list = json_object_get(detail, "evidence");
    const json_t *request;
    size_t i;
    if (json_array_size(list) == 0)
        return;
    fprintf(cli->out, "    calls:");
    json_array_foreach(list, i, request)
        fprintf(cli->out, " %s", json_string_value(request));
    fprintf(cli->out, "\n");
}

static void
print_verdict(struct weir_cli *cli, const json_t *row)
{
    char when[32];
    weir_cli_time(json_object_get(row, "window_end_us"), when);
    fprintf(cli->out, "%-8s %6.2f  %s  %s  after %lld calls%s\n",
            weir_cli_text(row, "action"),
            json_number_value(json_object_get(row, "score")), when,
            weir_cli_text(row, "subject"), weir_cli_number(row, "calls"),
            json_is_true(json_object_get(row, "has_reference"))
                ? ""
                : ", no reference");
}

static void
print_figures(struct weir_cli *cli, const json_t *f)
{
    char when[32];
    if (!json_is_object(f)) {
        fprintf(cli->err, "no daemon counts calls now\n");
        return;
    }
    weir_cli_time(json_object_get(f, "read_up_to_us"), when);
    fprintf(cli->err,
            "%lld calls of %lld subjects counted, up to %s%s; %lld wait for "
            "their turn, %lld came late, %lld twice; %lld references, %lld "
            "clusters of %lld accounts\n",
            weir_cli_number(f, "calls"), weir_cli_number(f, "subjects"), when,
            json_is_true(json_object_get(f, "is_current"))
                ? ""
                : " (the last round failed: see the log)",
            weir_cli_number(f, "waiting"), weir_cli_number(f, "late"),
            weir_cli_number(f, "again"), weir_cli_number(f, "references"),
            weir_cli_number(f, "clusters"), weir_cli_number(f, "members"));
}

int
weir_cmd_watch_status(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t i;
    const struct weir_cli_pair query[] = {
        {"kind", weir_cli_option(cli, "kind")},
        {"tenant", weir_cli_option(cli, "tenant")},
        {"action", weir_cli_option(cli, "action")},
        {"limit", weir_cli_option(cli, "limit")},
        {NULL, NULL}};
    int code = call(cli, "GET", "/v1/watch", query, NULL, &reply);
    if (code == 0 && !cli->is_json) {
        print_figures(cli, json_object_get(reply, "figures"));
        json_array_foreach(json_object_get(reply, "verdicts"), i, row)
            print_verdict(cli, row);
    }
    json_decref(reply);
    return code;
}

static void
print_references(struct weir_cli *cli, const json_t *list)
{
    const json_t *row;
    size_t i;
    json_array_foreach(list, i, row)
    {
        char when[32];
        weir_cli_time(json_object_get(row, "when_us"), when);
        fprintf(cli->out,
                "reference of %lld calls, frozen %s at call %lld by %s (%s)",
                weir_cli_number(row, "learnt"), when,
                weir_cli_number(row, "calls"), weir_cli_text(row, "actor"),
                weir_cli_text(row, "reason"));
        if (i > 0)
            fprintf(cli->out, ", %.3f from the one before",
                    json_number_value(json_object_get(row, "distance")));
        fprintf(cli->out, "\n");
    }
}

int
weir_cmd_watch_show(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t i;
    const struct weir_cli_pair query[] = {{"subject", cli->arguments[0]},
                                          {NULL, NULL}};
    int code = call(cli, "GET", "/v1/watch/subject", query, NULL, &reply);
    if (code != 0 || cli->is_json) {
        json_decref(reply);
        return code;
    }
    fprintf(cli->out, "%s: %lld calls, %s\n", weir_cli_text(reply, "subject"),
            weir_cli_number(reply, "calls"), weir_cli_text(reply, "learning"));
    if (weir_cli_text(reply, "cluster")[0] != '\0')
        fprintf(cli->out, "in cluster %s\n", weir_cli_text(reply, "cluster"));
    print_references(cli, json_object_get(reply, "references"));
    json_array_foreach(json_object_get(reply, "windows"), i, row)
    {
        const json_t *detail = json_object_get(row, "detail");
        fprintf(cli->out,
                "last %lld calls: score %.2f (%.2f without cues), %s\n",
                weir_cli_number(row, "calls"),
                json_number_value(json_object_get(row, "score")),
                json_number_value(json_object_get(row, "score_without_cues")),
                weir_cli_text(row, "action"));
        print_fired(cli, detail);
        print_evidence(cli, detail);
    }
    if (json_array_size(json_object_get(reply, "verdicts")) > 0)
        fprintf(cli->out, "said:\n");
    json_array_foreach(json_object_get(reply, "verdicts"), i, row)
        print_verdict(cli, row);
    json_decref(reply);
    return 0;
}

/* -------------------------------------------------------------- clusters */

static void
print_cluster(struct weir_cli *cli, const json_t *row, long long members)
{
    char since[32];
    weir_cli_time(json_object_get(row, "first_us"), since);
    fprintf(cli->out,
            "%s  %-7s  z %.1f  score %.2f  %lld members of %lld owners, since "
            "%s%s\n",
            weir_cli_text(row, "id"), weir_cli_text(row, "action"),
            json_number_value(json_object_get(row, "z")),
            json_number_value(json_object_get(row, "score")), members,
            weir_cli_number(row, "owners"), since,
            json_is_true(json_object_get(row, "is_found")) ? "" : ", past");
}

static int
show_cluster(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t i;
    int code =
        call_one(cli, "GET", "/v1/watch/clusters/", cli->arguments[0], &reply);
    if (code == 0 && !cli->is_json) {
        print_cluster(cli, reply, weir_cli_number(reply, "member_count"));
        json_array_foreach(json_object_get(reply, "members"), i, row)
            fprintf(cli->out, "    %s\n", json_string_value(row));
        json_array_foreach(json_object_get(reply, "links"), i, row)
            fprintf(cli->out, "    %s - %s  %s %.2f\n", weir_cli_text(row, "a"),
                    weir_cli_text(row, "b"), weir_cli_text(row, "why"),
                    json_number_value(json_object_get(row, "value")));
    }
    json_decref(reply);
    return code;
}

int
weir_cmd_watch_clusters(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t i;
    const struct weir_cli_pair query[] = {
        {"past", weir_cli_flag(cli, "past") ? "true" : NULL}, {NULL, NULL}};
    if (cli->argument_count > 0)
        return show_cluster(cli);
    int code = call(cli, "GET", "/v1/watch/clusters", query, NULL, &reply);
    if (code == 0 && !cli->is_json)
        json_array_foreach(json_object_get(reply, "clusters"), i, row)
            print_cluster(cli, row, weir_cli_number(row, "members"));
    json_decref(reply);
    return code;
}

/* ------------------------------------------------------------------ deeds */

static void
put(json_t *body, const char *name, const char *value)
{
    if (value != NULL)
        json_object_set_new(body, name, json_string(value));
}

int
weir_cmd_watch_reference(struct weir_cli *cli)
{
    json_t *reply = NULL, *body = json_object();
    put(body, "subject", cli->arguments[0]);
    put(body, "deed", cli->arguments[1]);
    put(body, "reason", weir_cli_option(cli, "reason"));
    int code = call(cli, "POST", "/v1/watch/references", NULL, body, &reply);
    if (code == 0 && !cli->is_json)
        fprintf(cli->out, "%s: %s, once the record is counted\n",
                cli->arguments[0], cli->arguments[1]);
    json_decref(reply);
    return code;
}

int
weir_cmd_watch_cut(struct weir_cli *cli)
{
    json_t *reply = NULL, *body = json_object();
    put(body, "a", cli->arguments[0]);
    put(body, "b", cli->arguments[1]);
    put(body, "why", weir_cli_option(cli, "why"));
    put(body, "reason", weir_cli_option(cli, "reason"));
    int code = call(cli, "POST", "/v1/watch/cuts", NULL, body, &reply);
    if (code == 0 && !cli->is_json)
        fprintf(cli->out, "cut %lld; the clusters are looked for again\n",
                weir_cli_number(reply, "number"));
    json_decref(reply);
    return code;
}

int
weir_cmd_watch_uncut(struct weir_cli *cli)
{
    json_t *reply = NULL;
    int code =
        call_one(cli, "DELETE", "/v1/watch/cuts/", cli->arguments[0], &reply);
    if (code == 0 && !cli->is_json)
        fprintf(cli->out, "cut %s is taken back\n", cli->arguments[0]);
    json_decref(reply);
    return code;
}

int
weir_cmd_watch_cuts(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t i;
    const struct weir_cli_pair query[] = {
        {"past", weir_cli_flag(cli, "past") ? "true" : NULL}, {NULL, NULL}};
    int code = call(cli, "GET", "/v1/watch/cuts", query, NULL, &reply);
    if (code == 0 && !cli->is_json)
        json_array_foreach(json_object_get(reply, "cuts"), i, row)
        {
            char when[32], ended[32];
            weir_cli_time(json_object_get(row, "when_us"), when);
            weir_cli_time(json_object_get(row, "ended_us"), ended);
            fprintf(cli->out, "%lld  %s - %s  %s  %s by %s: %s  ended %s\n",
                    weir_cli_number(row, "number"), weir_cli_text(row, "a"),
                    weir_cli_text(row, "b"), weir_cli_text(row, "why"), when,
                    weir_cli_text(row, "actor"), weir_cli_text(row, "reason"),
                    ended);
        }
    json_decref(reply);
    return code;
}
