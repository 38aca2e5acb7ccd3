/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir organisation add, show, history, import, diff, end: evidence of who a
 * company is, by way of the admin API.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/remote.h"
#include "control/control.h"

static char *
path_of(const char *name, const char *suffix)
{
    char *escaped = weir_cli_escape(name);
    size_t size = (escaped == NULL ? 0 : strlen(escaped)) + strlen(suffix) + 32;
    char *path = malloc(size);
    if (path != NULL && escaped != NULL)
        snprintf(path, size, "/v1/organisations/%s%s", escaped, suffix);
    free(escaped);
    return path;
}

/* "2026-11-10" of a time; the text as it is when it is short. */
static const char *
day_of(const json_t *row, const char *name, char text[16])
{
    const char *when = weir_cli_text(row, name);
    snprintf(text, 16, "%.10s", when[0] == '\0' ? "-" : when);
    return text;
}

static void
print_fact(struct weir_cli *cli, const json_t *row)
{
    char as_of[16], until[16], entered[16], ended[16];
    const char *share = weir_cli_text(row, "share");
    fprintf(cli->out, "%6lld  %-17s  %s%s%s\n", weir_cli_number(row, "number"),
            weir_cli_text(row, "fact"), weir_cli_text(row, "value"),
            share[0] == '\0' ? "" : "  ", share);
    fprintf(cli->out, "        %s, %s, as of %s, valid until %s, by %s on %s",
            weir_cli_text(row, "source"), weir_cli_text(row, "rank"),
            day_of(row, "as_of", as_of), day_of(row, "valid_until", until),
            weir_cli_text(row, "entered_by"), day_of(row, "entered", entered));
    if (weir_cli_text(row, "place")[0] != '\0')
        fprintf(cli->out, ", %s", weir_cli_text(row, "place"));
    if (weir_cli_text(row, "ended")[0] != '\0')
        fprintf(cli->out, "; ended %s by %s: %s", day_of(row, "ended", ended),
                weir_cli_text(row, "ended_by"),
                weir_cli_text(row, "end_reason"));
    fputc('\n', cli->out);
}

static void
print_facts(struct weir_cli *cli, const json_t *list)
{
    const json_t *row;
    size_t index;
    json_array_foreach(list, index, row)
    {
        print_fact(cli, row);
    }
}

static void
print_words(struct weir_cli *cli, const json_t *reply, const char *name)
{
    const json_t *list = json_object_get(reply, name);
    const json_t *word;
    size_t index;
    if (json_array_size(list) == 0)
        return;
    fprintf(cli->out, "%s:", name);
    json_array_foreach(list, index, word)
    {
        fprintf(cli->out, " %s", json_string_value(word));
    }
    fputc('\n', cli->out);
}

/* ------------------------------------------------------------------- show */

static int
list_all(struct weir_cli *cli)
{
    json_t *reply = NULL, *name;
    size_t index;
    int code =
        weir_cli_call(cli, "GET", "/v1/organisations", NULL, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0) {
        json_array_foreach(json_object_get(reply, "configured"), index, name)
        {
            fprintf(cli->out, "%s\n", json_string_value(name));
        }
        json_array_foreach(json_object_get(reply, "evidence"), index, name)
        {
            fprintf(cli->out, "%s  (evidence)\n", json_string_value(name));
        }
    }
    json_decref(reply);
    return code;
}

int
weir_cmd_organisation_show(struct weir_cli *cli)
{
    size_t index;
    json_t *reply = NULL, *row;
    const char *kind;
    const struct weir_cli_pair query[] = {{"at", weir_cli_option(cli, "at")},
                                          {NULL, NULL}};
    if (cli->argument_count == 0)
        return list_all(cli);
    char *path = path_of(cli->arguments[0], "");
    int code = weir_cli_call(cli, "GET", path == NULL ? "" : path, query, NULL,
                             &reply);
    free(path);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0) {
        fprintf(cli->out, "%s\n", weir_cli_text(reply, "organisation"));
        json_object_foreach(json_object_get(reply, "values"), kind, row)
        {
            print_fact(cli, row);
        }
        print_facts(cli, json_object_get(reply, "owners"));
        json_array_foreach(json_object_get(reply, "facts"), index, row)
        {
            const char *fact = weir_cli_text(row, "fact");
            if (strcmp(fact, "alias") == 0 || strcmp(fact, "identifier") == 0 ||
                strcmp(fact, "purpose") == 0)
                print_fact(cli, row);
        }
        code = 0;
        print_words(cli, reply, "unknown");
        print_words(cli, reply, "conflicting");
        print_words(cli, reply, "expired");
    }
    json_decref(reply);
    return code;
}

int
weir_cmd_organisation_history(struct weir_cli *cli)
{
    json_t *reply = NULL;
    char *path = path_of(cli->arguments[0], "/history");
    int code =
        weir_cli_call(cli, "GET", path == NULL ? "" : path, NULL, NULL, &reply);
    free(path);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0)
        print_facts(cli, json_object_get(reply, "facts"));
    json_decref(reply);
    return code;
}

/* -------------------------------------------------------------------- add */

/* Options and the facts they are. */
static const struct {
    const char *option;
    const char *fact;
} fact_options[] = {{"title", "name"},
                    {"alias", "alias"},
                    {"identifier", "identifier"},
                    {"incorporated", "incorporated"},
                    {"headquarters", "headquarters"},
                    {"category", "category"},
                    {"established-since", "established_since"},
                    {"verified-until", "verified_until"},
                    {"purpose", "purpose"}};

/* --owner NAME=SHARE; the share is unknown when it is left out. */
static json_t *
owner_json(const char *text)
{
    const char *equals = strrchr(text, '=');
    if (equals == NULL)
        return json_pack("{s:s,s:s,s:s}", "fact", "owner", "value", text,
                         "share", "unknown");
    return json_pack("{s:s,s:s#,s:s}", "fact", "owner", "value", text,
                     (int)(equals - text), "share", equals + 1);
}

static json_t *
facts_json(const struct weir_cli *cli)
{
    json_t *list = json_array();
    const char *value;
    for (size_t i = 0; i < WEIR_COUNTOF(fact_options); i++) {
        for (size_t n = 0;
             (value = weir_cli_option_nth(cli, fact_options[i].option, n)) !=
             NULL;
             n++)
            json_array_append_new(list, json_pack("{s:s,s:s}", "fact",
                                                  fact_options[i].fact, "value",
                                                  value));
    }
    for (size_t n = 0; (value = weir_cli_option_nth(cli, "owner", n)) != NULL;
         n++)
        json_array_append_new(list, owner_json(value));
    return list;
}

static void
set_text(json_t *body, const char *name, const char *value)
{
    if (value != NULL)
        json_object_set_new(body, name, json_string(value));
}

int
weir_cmd_organisation_add(struct weir_cli *cli)
{
    json_t *reply = NULL;
    const char *source = weir_cli_option(cli, "source");
    json_t *facts = facts_json(cli);
    if (source == NULL || json_array_size(facts) == 0) {
        json_decref(facts);
        return weir_cli_usage(cli, source == NULL ? "--source is needed"
                                                  : "no fact is given");
    }
    json_t *body = json_pack("{s:s,s:o}", "source", source, "facts", facts);
    if (body == NULL)
        return weir_cli_usage(cli, "the source is not UTF-8");
    set_text(body, "rank", weir_cli_option(cli, "rank"));
    set_text(body, "as_of", weir_cli_option(cli, "as-of"));
    set_text(body, "valid_until", weir_cli_option(cli, "valid-until"));
    char *path = path_of(cli->arguments[0], "/facts");
    int code = weir_cli_call(cli, "POST", path == NULL ? "" : path, NULL, body,
                             &reply);
    free(path);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0)
        fprintf(cli->out, "%s: %zu facts added\n", cli->arguments[0],
                json_array_size(json_object_get(reply, "numbers")));
    json_decref(reply);
    return code;
}

int
weir_cmd_organisation_end(struct weir_cli *cli)
{
    char suffix[64];
    json_t *reply = NULL;
    const struct weir_cli_pair query[] = {
        {"reason", weir_cli_option(cli, "reason")}, {NULL, NULL}};
    char *number = weir_cli_escape(cli->arguments[1]);
    snprintf(suffix, sizeof suffix, "/facts/%.40s",
             number == NULL ? "" : number);
    free(number);
    char *path = path_of(cli->arguments[0], suffix);
    int code = weir_cli_call(cli, "DELETE", path == NULL ? "" : path, query,
                             NULL, &reply);
    free(path);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0)
        fprintf(cli->out, "fact %s is ended\n", cli->arguments[1]);
    json_decref(reply);
    return code;
}

/* ----------------------------------------------------------------- import */

/* The path, for a daemon of this machine; any other is sent the file. */
static int
set_register(struct weir_cli *cli, json_t *body, const char *path)
{
    struct weir_error err = {0};
    char *whole = realpath(path, NULL);
    if (whole == NULL) {
        (void)weir_fail(&err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "%.150s: %s",
                        path, strerror(errno));
        return weir_cli_fail(cli, &err, NULL);
    }
    set_text(body, "file", path);
    if (!weir_cli_is_remote(cli))
        set_text(body, "path", whole);
    free(whole);
    return 0;
}

/* A percentage such as 10% as parts per million. */
static int
set_shrink(struct weir_cli *cli, json_t *body)
{
    const char *text = weir_cli_option(cli, "shrink");
    weir_share share;
    if (text == NULL)
        return 0;
    if (weir_share_parse(weir_span_of(text), &share, NULL) != WEIR_OK ||
        share.low != share.high)
        return weir_cli_usage(cli, "--shrink: '%s' is no share, as 10%%", text);
    json_object_set_new(body, "shrink_ppm", json_integer(share.low));
    return 0;
}

static void
print_change(struct weir_cli *cli, const json_t *reply)
{
    const json_t *row;
    size_t index;
    json_array_foreach(json_object_get(reply, "added_facts"), index, row)
    {
        fprintf(cli->out, "+ %s  %s  %s  %s\n",
                weir_cli_text(row, "organisation"), weir_cli_text(row, "fact"),
                weir_cli_text(row, "value"), weir_cli_text(row, "share"));
    }
    json_array_foreach(json_object_get(reply, "ended_facts"), index, row)
    {
        fprintf(cli->out, "- %s  %s  %s  %s\n",
                weir_cli_text(row, "organisation"), weir_cli_text(row, "fact"),
                weir_cli_text(row, "value"), weir_cli_text(row, "share"));
    }
}

struct telling {
    struct weir_cli *cli;
    bool is_terminal;
    bool has_line; /* begun and not ended */
};

/* One line on a terminal; with --json an object a line, beside the answer. */
static void
tell_progress(void *context, const json_t *reply)
{
    struct telling *telling = context;
    FILE *err = telling->cli->err;
    const char *stage = weir_cli_text(reply, "stage");
    long long done = weir_cli_number(reply, "done");
    long long total = weir_cli_number(reply, "total");
    if (strcmp(stage, "none") == 0)
        return;
    if (telling->cli->is_json)
        fprintf(err, "{\"stage\": \"%s\", \"done\": %lld, \"total\": %lld}\n",
                stage, done, total);
    else if (total > 0)
        fprintf(err, "\r%-10s %lld of %lld facts, %lld %%   ", stage, done,
                total, done * 100 / total);
    else
        fprintf(err, "\r%-50s", stage);
    telling->has_line = !telling->cli->is_json;
    fflush(err);
}

static int
import_file(struct weir_cli *cli, bool is_only_compared)
{
    json_t *reply = NULL;
    const char *path = cli->arguments[0];
    const char *source = weir_cli_option(cli, "source");
    const char *bad = weir_cli_option(cli, "allow-bad");
    const char *base = strrchr(path, '/');
    uint64_t bad_max = 0;
    if (bad != NULL && !weir_span_to_u64(weir_span_of(bad), &bad_max))
        return weir_cli_usage(cli, "--allow-bad: '%s' is no number", bad);
    json_t *body =
        json_pack("{s:s,s:I,s:b,s:b,s:b}", "source",
                  source != NULL ? source : (base == NULL ? path : base + 1),
                  "allow_bad", (json_int_t)bad_max, "confirm_shrink",
                  weir_cli_flag(cli, "confirm-shrink"), "partial",
                  weir_cli_flag(cli, "partial"), "compare", is_only_compared);
    if (body == NULL)
        return weir_cli_usage(cli, "the source is not UTF-8");
    set_text(body, "rank", weir_cli_option(cli, "rank"));
    set_text(body, "as_of", weir_cli_option(cli, "as-of"));
    int code = set_shrink(cli, body);
    if (code == 0)
        code = set_register(cli, body, path);
    if (code != 0) {
        json_decref(body);
        return code;
    }
    struct telling telling = {.cli = cli, .is_terminal = isatty(STDERR_FILENO)};
    struct weir_cli_watch watch = {.cli = cli,
                                   .path = "/v1/imports/progress",
                                   .on_reply = tell_progress,
                                   .context = &telling};
    if (telling.is_terminal || cli->is_json)
        weir_cli_watch_start(&watch);
    code = weir_cli_is_remote(cli)
               ? weir_cli_send(cli, "/v1/imports", body, path, &reply)
               : weir_cli_call(cli, "POST", "/v1/imports", NULL, body, &reply);
    weir_cli_watch_stop(&watch);
    if (telling.has_line)
        fputc('\n', cli->err);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0) {
        if (is_only_compared)
            print_change(cli, reply);
        fprintf(cli->out,
                "%s: %lld facts in %lld rows; %lld added, %lld ended, %lld "
                "faulty rows%s\n",
                weir_cli_text(reply, "format"),
                weir_cli_number(reply, "stated"),
                weir_cli_number(reply, "rows"), weir_cli_number(reply, "added"),
                weir_cli_number(reply, "ended"), weir_cli_number(reply, "bad"),
                json_is_true(json_object_get(reply, "shrinks")) ? "; it shrinks"
                                                                : "");
    }
    json_decref(reply);
    return code;
}

int
weir_cmd_organisation_import(struct weir_cli *cli)
{
    return import_file(cli, false);
}

int
weir_cmd_organisation_diff(struct weir_cli *cli)
{
    return import_file(cli, true);
}
