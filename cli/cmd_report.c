/* SPDX-License-Identifier: Apache-2.0 */
/* weir report NAME */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/remote.h"
#include "control/reports/inventory/outside.h"

#define ROWS_MAX 1500 /* of one call of the API */

int
weir_cmd_reports(struct weir_cli *cli)
{
    json_t *reply = NULL, *row;
    size_t index;
    int code = weir_cli_call(cli, "GET", "/v1/reports", NULL, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(
        code == 0 && !cli->is_json ? json_object_get(reply, "reports") : NULL,
        index, row)
        fprintf(cli->out, "%-14s %s\n", weir_cli_text(row, "report"),
                weir_cli_text(row, "title"));
    json_decref(reply);
    return code;
}

/* Standard output, or the file of --out; NULL after saying why. */
static FILE *
open_out(struct weir_cli *cli)
{
    const char *path = weir_cli_option(cli, "out");
    FILE *file = path == NULL ? cli->out : fopen(path, "wb");
    if (file == NULL)
        fprintf(cli->err, "weir %s: %s: %s\n", cli->command->name, path,
                strerror(errno));
    return file;
}

/* The last word of the verb is the report's name. */
int
weir_cmd_report(struct weir_cli *cli)
{
    const char *format = weir_cli_option(cli, "format");
    const char *name = strrchr(cli->command->name, ' ') + 1;
    char path[128];
    json_t *reply = NULL;
    if (format == NULL)
        format = cli->is_json ? "json" : "text";
    const struct weir_cli_pair query[] = {
        {"from", weir_cli_option(cli, "from")},
        {"to", weir_cli_option(cli, "to")},
        {"tenant", weir_cli_option(cli, "tenant")},
        {"view", weir_cli_option(cli, "view")},
        {"framework", weir_cli_option(cli, "framework")},
        {"control", weir_cli_option(cli, "control")},
        {"sample", weir_cli_option(cli, "sample")},
        {"format", strcmp(format, "json") == 0 ? NULL : format},
        {NULL, NULL}};
    snprintf(path, sizeof path, "/v1/reports/%s", name);
    FILE *standard = cli->out, *file = open_out(cli);
    if (file == NULL)
        return weir_status_info(WEIR_EIO)->exit;
    cli->out = file;
    int code;
    if (strcmp(format, "json") == 0) {
        code = weir_cli_call(cli, "GET", path, query, NULL, &reply);
        if (code == 0)
            weir_cli_print_json(cli, reply);
        json_decref(reply);
    } else {
        code = weir_cli_fetch(cli, path, query);
    }
    cli->out = standard;
    if (file != standard && fclose(file) != 0 && code == 0)
        code = weir_status_info(WEIR_EIO)->exit;
    return code;
}

/* ----------------------------------------------------------------- outside */

static weir_status
read_options(struct weir_cli *cli, struct weir_endpoints *endpoints,
             struct weir_outside_import *import, struct weir_error *err)
{
    const char *path = weir_cli_option(cli, "endpoints");
    const char *format = weir_cli_option(cli, "log"), *network;
    char *text = NULL;
    size_t len = 0;
    weir_status status = WEIR_OK;
    if (format != NULL && !weir_outside_format_parse(weir_span_of(format),
                                                     &import->reader.format))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "--log is squid, bind, dnsmasq or csv");
    for (size_t i = 0;
         (network = weir_cli_option_nth(cli, "gateway", i)) != NULL; i++) {
        struct weir_world_network *own = &import->own[import->own_count];
        if (import->own_count == WEIR_OUTSIDE_OWN_MAX ||
            !weir_network_parse(weir_span_of(network), own->first, own->last))
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "--gateway is an address or a network, as "
                             "192.0.2.0/24");
        import->own_count++;
    }
    if (path != NULL)
        status = weir_read_file(path, &text, &len, err);
    if (status == WEIR_OK && path != NULL)
        status = weir_endpoints_add(endpoints, (weir_span){text, len}, err);
    free(text);
    return status;
}

/* The rows of one file into the store, a few at a time. */
static int
keep(struct weir_cli *cli, const struct weir_outside_import *import,
     const char *file)
{
    const char *source = weir_cli_option(cli, "source");
    const char *base = strrchr(file, '/');
    size_t count = json_array_size(import->rows.list);
    int code = 0;
    if (source == NULL)
        source = base == NULL ? file : base + 1;
    for (size_t at = 0; code == 0 && at < count; at += ROWS_MAX) {
        json_t *rows = json_array(), *reply = NULL;
        for (size_t i = at; i < count && i < at + ROWS_MAX; i++)
            json_array_append(rows, json_array_get(import->rows.list, i));
        json_t *body = json_pack("{s:s,s:s,s:o}", "import", import->digest,
                                 "source", source, "rows", rows);
        code = weir_cli_call(cli, "POST", "/v1/reports/outside", NULL, body,
                             &reply);
        json_decref(reply);
    }
    return code;
}

static void
print_outside(struct weir_cli *cli, const struct weir_outside_import *import)
{
    const json_t *row;
    size_t index;
    json_array_foreach(import->rows.list, index, row)
        fprintf(cli->out, "%s  %-14s %-8s %-36s %-24s %8lld %12lld\n",
                weir_cli_text(row, "day"), weir_cli_text(row, "provider"),
                weir_cli_text(row, "kind"), weir_cli_text(row, "host"),
                weir_cli_text(row, "client"), weir_cli_number(row, "requests"),
                weir_cli_number(row, "bytes"));
}

static int
import_file(struct weir_cli *cli, const struct weir_endpoints *endpoints,
            const struct weir_outside_import *options, const char *path,
            json_t *files)
{
    struct weir_outside_import import = *options;
    struct weir_error err = {0};
    import.endpoints = endpoints;
    import.reader.now = weir_control_now();
    weir_status status = weir__report_rows_init(&import.rows, &err);
    if (status == WEIR_OK)
        status = weir_outside_file(&import, path, &err);
    int code =
        status == WEIR_OK
            ? 0
            : weir_cli_fail(cli, &err,
                            "Say what it is with --log, or write CSV with "
                            "a head: time,client,host.");
    if (code == 0 && weir_cli_flag(cli, "keep"))
        code = keep(cli, &import, path);
    if (code == 0 && !cli->is_json) {
        print_outside(cli, &import);
        fprintf(cli->err,
                "%s: %llu lines of %s, %llu unreadable, %llu of AI services "
                "(%llu by the gateway itself)\n",
                path, (unsigned long long)import.lines,
                weir_outside_format_name(import.reader.format),
                (unsigned long long)import.bad,
                (unsigned long long)(import.matched + import.ours),
                (unsigned long long)import.ours);
    }
    if (code == 0)
        json_array_append_new(
            files,
            json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:O}", "file", path,
                      "log", weir_outside_format_name(import.reader.format),
                      "sha256", import.digest, "lines",
                      (json_int_t)import.lines, "unreadable",
                      (json_int_t)import.bad, "other", (json_int_t)import.other,
                      "matched", (json_int_t)import.matched, "gateway",
                      (json_int_t)import.ours, "rows", import.rows.list));
    weir__report_rows_fini(&import.rows);
    return code;
}

int
weir_cmd_report_outside(struct weir_cli *cli)
{
    struct weir_outside_import options = {.endpoints = NULL};
    struct weir_endpoints *endpoints = NULL;
    struct weir_error err = {0};
    json_t *files = json_array();
    int code = 0;
    weir_status status = weir_endpoints_new(&endpoints, &err);
    if (status == WEIR_OK)
        status = read_options(cli, endpoints, &options, &err);
    if (status != WEIR_OK)
        code = weir_cli_fail(cli, &err, NULL);
    for (int i = 0; code == 0 && i < cli->argument_count; i++)
        code = import_file(cli, endpoints, &options, cli->arguments[i], files);
    if (code == 0 && cli->is_json) {
        json_t *reply = json_pack("{s:O}", "files", files);
        weir_cli_print_json(cli, reply);
        json_decref(reply);
    }
    weir_endpoints_free(endpoints);
    json_decref(files);
    return code;
}
