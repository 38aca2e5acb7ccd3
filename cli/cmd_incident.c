/* SPDX-License-Identifier: Apache-2.0 */
/* weir report disclosure; weir incident open, pack, close, list */
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "cli/remote.h"
#include "control/reports/disclosure/pack.h"

#define ADVICE_KEY                                                             \
    "The key is the file's own claim: compare it with the one you were told, " \
    "or give it by --key.\n"

/* The reply's archive into a file; takes it out of the reply. */
static int
save(struct weir_cli *cli, json_t *reply, const char *path, const char *name)
{
    char fallback[WEIR_STORE_ID_MAX + 8];
    const char *text = weir_cli_text(reply, "archive");
    size_t len = strlen(text), size = 0;
    char *bytes = malloc(len + 1);
    struct weir_error err = {0};
    if (path == NULL) {
        snprintf(fallback, sizeof fallback, "%.40s.tar",
                 weir_cli_text(reply, name));
        path = fallback;
    }
    weir_status status =
        bytes != NULL &&
                weir_base64_decode((weir_span){text, len}, bytes, len, &size)
            ? weir_write_file(path, (weir_span){bytes, size}, 0600, &err)
            : weir_fail(&err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                        "the reply has no archive");
    free(bytes);
    if (status != WEIR_OK)
        return weir_cli_fail(cli, &err, NULL);
    json_object_del(reply, "archive");
    json_object_set_new(reply, "file", json_string(path));
    return 0;
}

static void
print_pack(struct weir_cli *cli, const json_t *reply)
{
    fprintf(cli->out, "%s: %lld calls, sha256 %s\n",
            weir_cli_text(reply, "file"), weir_cli_number(reply, "calls"),
            weir_cli_text(reply, "sha256"));
}

/* -------------------------------------------------------------- disclosure */

static int
verify(struct weir_cli *cli, const char *path)
{
    const char *key = weir_cli_option(cli, "key");
    struct weir_error err = {0};
    char *bytes = NULL;
    size_t len = 0;
    json_t *reply = NULL;
    weir_status status = weir_read_file(path, &bytes, &len, &err);
    if (status == WEIR_OK)
        status =
            weir_pack_check((weir_span){bytes, len},
                            weir_span_of(key == NULL ? "" : key), &reply, &err);
    free(bytes);
    if (status != WEIR_OK) {
        int code = weir_cli_fail(cli, &err, NULL);
        return status == WEIR_EUNAUTH || status == WEIR_ECORRUPT ? 1 : code;
    }
    if (cli->is_json)
        weir_cli_print_json(cli, reply);
    else
        fprintf(cli->out,
                "%s %s is as %s signed it: %lld files, %lld calls, %lld "
                "proofs, %lld records\n",
                weir_cli_text(reply, "kind"), weir_cli_text(reply, "pack"),
                weir_cli_text(reply, "key"), weir_cli_number(reply, "files"),
                weir_cli_number(reply, "calls"),
                weir_cli_number(reply, "proofs"),
                weir_cli_number(reply, "records"));
    if (key == NULL)
        fputs(ADVICE_KEY, cli->err);
    json_decref(reply);
    return 0;
}

int
weir_cmd_report_disclosure(struct weir_cli *cli)
{
    static const char *const members[] = {
        "authority", "reference", "level", "fields", "tenant", "from", "to"};
    const char *file = weir_cli_option(cli, "verify");
    json_t *body = json_object(), *reply = NULL;
    if (file != NULL) {
        json_decref(body);
        return verify(cli, file);
    }
    for (size_t i = 0; i < WEIR_COUNTOF(members); i++)
        weir_cli_put_option(cli, body, members[i], members[i]);
    int code = weir_cli_call(cli, "POST", "/v1/reports/disclosure", NULL, body,
                             &reply);
    if (code == 0)
        code = save(cli, reply, weir_cli_option(cli, "out"), "pack");
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0)
        print_pack(cli, reply);
    json_decref(reply);
    return code;
}

/* --------------------------------------------------------------- incidents */

static int
make_pack(struct weir_cli *cli, const char *id, const char *out,
          json_t **reply_out)
{
    char path[512];
    char *name = weir_cli_escape(id);
    snprintf(path, sizeof path, "/v1/incidents/%s/pack",
             name == NULL ? "" : name);
    free(name);
    int code = weir_cli_call(cli, "POST", path, NULL, NULL, reply_out);
    return code == 0 ? save(cli, *reply_out, out, "incident") : code;
}

static void
print_deeds(struct weir_cli *cli, const json_t *row)
{
    const json_t *deed;
    size_t index;
    json_array_foreach(json_object_get(row, "deeds"), index, deed)
        fprintf(cli->out, "  %.19sZ  %-14s %-24s %s%s%s\n",
                weir_cli_text(deed, "when"), weir_cli_text(deed, "deed"),
                weir_cli_text(deed, "subject"), weir_cli_text(deed, "state"),
                json_object_get(deed, "why") == NULL ? "" : ": ",
                weir_cli_text(deed, "why"));
}

int
weir_cmd_incident_open(struct weir_cli *cli)
{
    const char *out = weir_cli_option(cli, "pack");
    json_t *reply = NULL, *pack = NULL;
    json_t *body = json_pack("{s:s,s:s}", "kind", cli->arguments[0], "subject",
                             cli->arguments[1]);
    if (body == NULL)
        return weir_cli_usage(cli, "the subject is not UTF-8");
    weir_cli_put_option(cli, body, "reason", "reason");
    weir_cli_put_option(cli, body, "since", "since");
    if (weir_cli_flag(cli, "quiet"))
        json_object_set_new(body, "quiet", json_true());
    int code = weir_cli_call(cli, "POST", "/v1/incidents", NULL, body, &reply);
    if (code == 0 && out != NULL)
        code = make_pack(cli, weir_cli_text(reply, "incident"), out, &pack);
    if (code == 0 && pack != NULL)
        json_object_set(reply, "pack", pack);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (reply != NULL && !cli->is_json) {
        fprintf(cli->out, "%s\n", weir_cli_text(reply, "incident"));
        print_deeds(cli, reply);
        if (code == 0 && pack != NULL)
            print_pack(cli, pack);
    }
    json_decref(pack);
    json_decref(reply);
    return code;
}

int
weir_cmd_incident_pack(struct weir_cli *cli)
{
    json_t *reply = NULL;
    int code =
        make_pack(cli, cli->arguments[0], weir_cli_option(cli, "out"), &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0)
        print_pack(cli, reply);
    json_decref(reply);
    return code;
}

int
weir_cmd_incident_close(struct weir_cli *cli)
{
    char path[512];
    json_t *reply = NULL, *body = json_object();
    char *name = weir_cli_escape(cli->arguments[0]);
    snprintf(path, sizeof path, "/v1/incidents/%s/close",
             name == NULL ? "" : name);
    free(name);
    weir_cli_put_option(cli, body, "outcome", "outcome");
    int code = weir_cli_call(cli, "POST", path, NULL, body, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0)
        fprintf(cli->out, "closed; the hold is %s\n",
                json_is_true(json_object_get(reply, "released"))
                    ? "released"
                    : "not released");
    json_decref(reply);
    return code;
}

int
weir_cmd_incident_list(struct weir_cli *cli)
{
    const struct weir_cli_pair query[] = {
        {"incident", cli->argument_count > 0 ? cli->arguments[0] : NULL},
        {NULL, NULL}};
    json_t *reply = NULL, *row;
    size_t index;
    int code = weir_cli_call(cli, "GET", "/v1/incidents", query, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(
        code == 0 && !cli->is_json ? json_object_get(reply, "incidents") : NULL,
        index, row)
    {
        char opened[32];
        weir_cli_time(json_object_get(row, "opened_us"), opened);
        fprintf(cli->out, "%s  %-6s  %s  %s %s  %s\n",
                weir_cli_text(row, "incident"), weir_cli_text(row, "state"),
                opened, weir_cli_text(row, "kind"),
                weir_cli_text(row, "subject"), weir_cli_text(row, "reason"));
        print_deeds(cli, row);
    }
    json_decref(reply);
    return code;
}
