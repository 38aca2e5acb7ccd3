/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir cedar check | authorize | validate | format | translate: the policy
 * language by itself, without a gateway. Answers go to standard output,
 * what is wrong with a file to standard error.
 */
#include "cli/cedar_files.h"

#include <stdlib.h>
#include <string.h>

#include <weir/cedar_format.h>
#include <weir/cedar_json.h>
#include <weir/cedar_validate.h>
#include <weir/json.h>

#define OUTPUT_BYTES_MAX ((size_t)2 << 30)

/* Every --name given, in order; 0 or an exit code. */
static int
read_each(struct weir_cli_cedar *cedar, const char *name,
          int (*reader)(struct weir_cli_cedar *, const char *))
{
    const char *path;
    int code = 0;
    for (size_t i = 0; code == 0; i++) {
        path = weir_cli_option_nth(cedar->cli, name, i);
        if (path == NULL)
            break;
        code = reader(cedar, path);
    }
    return code;
}

static int
read_schema(struct weir_cli_cedar *cedar)
{
    const char *path = weir_cli_option(cedar->cli, "schema");
    return path == NULL ? 0 : weir_cli_cedar_schema(cedar, path);
}

static weir_span
id_of(const struct weir_cli_cedar *cedar, size_t index)
{
    return weir_cedar_policy_info(
               weir_cedar_policies_at(cedar->policies, index))
        .id;
}

static int
print(struct weir_cli *cli, struct weir_buf *buf)
{
    bool is_written =
        !buf->overflow && fwrite(buf->ptr, 1, buf->len, cli->out) == buf->len;
    weir_buf_fini(buf);
    if (is_written)
        return 0;
    fprintf(cli->err, "weir %s: the output is too long\n", cli->command->name);
    return weir_status_info(WEIR_ETOOBIG)->exit;
}

/* --------------------------------------------------------------- check */

static int
check_file(struct weir_cli_cedar *cedar, const char *path)
{
    switch (weir_cli_cedar_kind(path)) {
    case CEDAR_FILE_SCHEMA:
    case CEDAR_FILE_SCHEMA_JSON:
        return weir_cli_cedar_schema(cedar, path);
    case CEDAR_FILE_ENTITIES:
        return weir_cli_cedar_entities(cedar, path);
    default:
        return weir_cli_cedar_policies(cedar, path);
    }
}

int
weir_cmd_cedar_check(struct weir_cli *cli)
{
    int worst = 0;
    for (int i = 0; i < cli->argument_count; i++) {
        struct weir_cli_cedar cedar;
        int code;
        weir_cli_cedar_init(&cedar, cli);
        code = read_schema(&cedar);
        if (code == 0)
            code = check_file(&cedar, cli->arguments[i]);
        if (code > worst)
            worst = code;
        if (cli->is_json)
            fprintf(cli->out, "{\"file\":%d,\"ok\":%s}\n", i,
                    code == 0 ? "true" : "false");
        weir_cli_cedar_fini(&cedar);
    }
    return worst;
}

/* ----------------------------------------------------------- authorize */

static int
compare_spans(const void *a, const void *b)
{
    return weir_span_compare(*(const weir_span *)a, *(const weir_span *)b);
}

static void
put_ids(struct weir_json_writer *w, const char *name, weir_span *ids,
        size_t count)
{
    if (count > 0)
        qsort(ids, count, sizeof(*ids), compare_spans);
    weir_json_name(w, name);
    weir_json_begin_array(w);
    for (size_t i = 0; i < count; i++)
        weir_json_add_string(w, ids[i]);
    weir_json_end_array(w);
}

static int
print_response(struct weir_cli_cedar *cedar,
               const struct weir_cedar_response *response)
{
    size_t most = response->reason_count > response->error_count
                      ? response->reason_count
                      : response->error_count;
    weir_span *ids = weir_arena_array(&cedar->arena, weir_span, most + 1);
    struct weir_json_writer w;
    struct weir_buf buf;
    int code;
    if (ids == NULL)
        return weir_status_info(WEIR_ENOMEM)->exit;
    weir_buf_init(&buf, OUTPUT_BYTES_MAX);
    weir_json_writer_init(&w, &buf);
    weir_json_begin_object(&w);
    weir_json_name(&w, "decision");
    weir_json_add_string(&w, response->is_allowed ? WEIR_SPAN("allow")
                                                  : WEIR_SPAN("deny"));
    for (size_t i = 0; i < response->reason_count; i++)
        ids[i] = id_of(cedar, response->reasons[i]);
    put_ids(&w, "reasons", ids, response->reason_count);
    for (size_t i = 0; i < response->error_count; i++)
        ids[i] = id_of(cedar, response->errors[i].policy);
    put_ids(&w, "errors", ids, response->error_count);
    weir_json_end_object(&w);
    weir_buf_add_byte(&buf, '\n');
    code = print(cedar->cli, &buf);
    return code != 0 ? code : !response->is_allowed;
}

static int
authorize(struct weir_cli_cedar *cedar)
{
    const char *path = weir_cli_option(cedar->cli, "request");
    struct weir_cedar_response response;
    struct weir_cedar_query query;
    struct weir_error err = {0};
    weir_status status;
    weir_span text;
    int code = read_schema(cedar);
    if (code == 0)
        code = read_each(cedar, "policies", weir_cli_cedar_policies);
    if (code == 0)
        code = weir_cli_cedar_entities(cedar,
                                       weir_cli_option(cedar->cli, "entities"));
    if (code == 0)
        code = weir_cli_cedar_text(cedar, path, &text);
    if (code != 0)
        return code;
    status = weir_cedar_request_read(&cedar->arena, cedar->schema, text, &query,
                                     &err);
    if (status == WEIR_OK)
        status = weir_cedar_authorize(cedar->policies, cedar->store, &query,
                                      &cedar->arena, &response, &err);
    if (status != WEIR_OK)
        return weir_cli_cedar_refuse(cedar, path, text, &err);
    return print_response(cedar, &response);
}

int
weir_cmd_cedar_authorize(struct weir_cli *cli)
{
    struct weir_cli_cedar cedar;
    int code;
    if (weir_cli_option(cli, "policies") == NULL ||
        weir_cli_option(cli, "request") == NULL)
        return weir_cli_usage(cli, "--policies and --request are needed");
    weir_cli_cedar_init(&cedar, cli);
    code = authorize(&cedar);
    weir_cli_cedar_fini(&cedar);
    return code;
}

/* ------------------------------------------------------------ validate */

static void
print_finding(struct weir_cli_cedar *cedar,
              const struct weir_cedar_finding *finding)
{
    struct weir_cedar_policy_info info = weir_cedar_policy_info(
        weir_cedar_policies_at(cedar->policies, finding->policy));
    weir_span source = WEIR_SPAN_NONE;
    char file[4096];
    char what[512];
    snprintf(file, sizeof(file), "%.*s", WEIR_SPAN_ARG(info.file));
    snprintf(what, sizeof(what), "%s%.*s (%.*s)",
             finding->is_warning ? "warning: " : "",
             WEIR_SPAN_ARG(finding->text), WEIR_SPAN_ARG(info.id));
    for (size_t i = 0; i < WEIR_CLI_OPTIONS_MAX; i++) {
        const char *path = weir_cli_option_nth(cedar->cli, "policies", i);
        if (path == NULL)
            break;
        if (strcmp(path, file) == 0) /* the schema is text 0 */
            source = weir_span_of(cedar->texts[i + 1]);
    }
    weir_cli_point(cedar->cli->err, file, source, finding->offset,
                   weir_span_of(what));
}

static void
put_findings(struct weir_cli_cedar *cedar, struct weir_json_writer *w,
             const struct weir_cedar_findings *findings, bool warnings)
{
    weir_json_name(w, warnings ? "warnings" : "errors");
    weir_json_begin_array(w);
    for (size_t i = 0; i < findings->count; i++) {
        const struct weir_cedar_finding *f = &findings->items[i];
        if (f->is_warning != warnings)
            continue;
        weir_json_begin_object(w);
        weir_json_name(w, "policy");
        weir_json_add_string(w, id_of(cedar, f->policy));
        weir_json_name(w, "offset");
        if (f->offset == WEIR_OFFSET_NONE)
            weir_json_add_null(w);
        else
            weir_json_add_uint(w, f->offset);
        weir_json_name(w, "text");
        weir_json_add_string(w, f->text);
        weir_json_end_object(w);
    }
    weir_json_end_array(w);
}

static int
print_findings(struct weir_cli_cedar *cedar,
               const struct weir_cedar_findings *findings)
{
    struct weir_cli *cli = cedar->cli;
    struct weir_json_writer w;
    struct weir_buf buf;
    int code;
    if (!cli->is_json) {
        for (size_t i = 0; i < findings->count; i++)
            print_finding(cedar, &findings->items[i]);
        fprintf(cli->out, "%zu policies, %zu errors, %zu warnings\n",
                weir_cedar_policies_count(cedar->policies),
                findings->error_count, findings->count - findings->error_count);
        return findings->error_count > 0;
    }
    weir_buf_init(&buf, OUTPUT_BYTES_MAX);
    weir_json_writer_init(&w, &buf);
    weir_json_begin_object(&w);
    weir_json_name(&w, "valid");
    weir_json_add_bool(&w, findings->error_count == 0);
    put_findings(cedar, &w, findings, false);
    put_findings(cedar, &w, findings, true);
    weir_json_end_object(&w);
    weir_buf_add_byte(&buf, '\n');
    code = print(cli, &buf);
    return code != 0 ? code : findings->error_count > 0;
}

static int
validate(struct weir_cli_cedar *cedar, enum weir_cedar_dialect dialect)
{
    struct weir_cedar_findings findings;
    struct weir_error err = {0};
    int code = read_schema(cedar);
    if (code == 0)
        code = read_each(cedar, "policies", weir_cli_cedar_policies);
    if (code != 0)
        return code;
    if (weir_cedar_validate(cedar->policies, cedar->schema, dialect,
                            &cedar->arena, &findings, &err) != WEIR_OK)
        return weir_cli_fail(cedar->cli, &err, NULL);
    return print_findings(cedar, &findings);
}

int
weir_cmd_cedar_validate(struct weir_cli *cli)
{
    const char *name = weir_cli_option(cli, "dialect");
    enum weir_cedar_dialect dialect = WEIR_CEDAR_4_12;
    struct weir_cli_cedar cedar;
    int code;
    if (weir_cli_option(cli, "policies") == NULL ||
        weir_cli_option(cli, "schema") == NULL)
        return weir_cli_usage(cli, "--policies and --schema are needed");
    if (name != NULL && strcmp(name, "4.13") == 0)
        dialect = WEIR_CEDAR_4_13;
    else if (name != NULL && strcmp(name, "4.12") != 0)
        return weir_cli_usage(cli, "the dialect is 4.12 or 4.13");
    weir_cli_cedar_init(&cedar, cli);
    code = validate(&cedar, dialect);
    weir_cli_cedar_fini(&cedar);
    return code;
}

/* ------------------------------------------------------ format, translate */

static int
write_back(struct weir_cli_cedar *cedar, const char *path,
           const struct weir_buf *buf)
{
    FILE *file = fopen(path, "wb");
    bool is_written =
        file != NULL && fwrite(buf->ptr, 1, buf->len, file) == buf->len;
    if (file != NULL && fclose(file) != 0)
        is_written = false;
    if (is_written)
        return 0;
    fprintf(cedar->cli->err, "%s: can not be written\n", path);
    return weir_status_info(WEIR_EIO)->exit;
}

static int
format_file(struct weir_cli_cedar *cedar, const char *path)
{
    struct weir_cli *cli = cedar->cli;
    struct weir_error err = {0};
    struct weir_buf buf;
    weir_span text;
    int code = weir_cli_cedar_text(cedar, path, &text);
    if (code != 0)
        return code;
    weir_buf_init(&buf, OUTPUT_BYTES_MAX);
    if (weir_cedar_format(text, &buf, &err) != WEIR_OK) {
        weir_buf_fini(&buf);
        return weir_cli_cedar_refuse(cedar, path, text, &err);
    }
    if (weir_cli_flag(cli, "check")) {
        code = !weir_span_equal(weir_buf_span(&buf), text);
        if (code != 0)
            fprintf(cli->out, "%s\n", path);
    } else if (!weir_cli_flag(cli, "write")) {
        return print(cli, &buf);
    } else if (!weir_span_equal(weir_buf_span(&buf), text)) {
        code = write_back(cedar, path, &buf);
    }
    weir_buf_fini(&buf);
    return code;
}

int
weir_cmd_cedar_format(struct weir_cli *cli)
{
    int worst = 0;
    for (int i = 0; i < cli->argument_count; i++) {
        struct weir_cli_cedar cedar;
        int code;
        weir_cli_cedar_init(&cedar, cli);
        code = format_file(&cedar, cli->arguments[i]);
        if (code > worst)
            worst = code;
        weir_cli_cedar_fini(&cedar);
    }
    return worst;
}

static int
translate(struct weir_cli_cedar *cedar, const char *path,
          enum weir_cedar_form to)
{
    enum cedar_file_kind kind = weir_cli_cedar_kind(path);
    struct weir_error err = {0};
    weir_status status;
    struct weir_buf buf;
    weir_span text;
    int code;
    if (kind == CEDAR_FILE_ENTITIES)
        return weir_cli_usage(cedar->cli, "entities have one form, JSON");
    weir_buf_init(&buf, OUTPUT_BYTES_MAX);
    if (kind == CEDAR_FILE_SCHEMA || kind == CEDAR_FILE_SCHEMA_JSON) {
        code = weir_cli_cedar_text(cedar, path, &text);
        if (code != 0)
            return code;
        status = weir_cedar_schema_translate(
            &cedar->arena, text,
            kind == CEDAR_FILE_SCHEMA ? WEIR_CEDAR_TEXT : WEIR_CEDAR_JSON, to,
            &buf, &err);
    } else {
        code = weir_cli_cedar_policies(cedar, path);
        if (code != 0)
            return code;
        text = weir_span_of(cedar->texts[0]);
        status =
            to == WEIR_CEDAR_JSON
                ? weir_cedar_policies_write_json(cedar->policies, &buf, &err)
                : weir_cedar_policies_write_text(cedar->policies, &buf, &err);
    }
    if (status != WEIR_OK) {
        weir_buf_fini(&buf);
        return weir_cli_cedar_refuse(cedar, path, text, &err);
    }
    if (to == WEIR_CEDAR_JSON)
        weir_buf_add_byte(&buf, '\n');
    return print(cedar->cli, &buf);
}

int
weir_cmd_cedar_translate(struct weir_cli *cli)
{
    const char *to = weir_cli_option(cli, "to");
    struct weir_cli_cedar cedar;
    int code;
    if (to == NULL || (strcmp(to, "json") != 0 && strcmp(to, "text") != 0))
        return weir_cli_usage(cli, "--to json or --to text is needed");
    weir_cli_cedar_init(&cedar, cli);
    code =
        translate(&cedar, cli->arguments[0],
                  strcmp(to, "json") == 0 ? WEIR_CEDAR_JSON : WEIR_CEDAR_TEXT);
    weir_cli_cedar_fini(&cedar);
    return code;
}
