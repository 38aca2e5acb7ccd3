/* SPDX-License-Identifier: Apache-2.0 */
/* weir keys ..., weir admins ... */
#include <stdlib.h>
#include <string.h>

#include "cli/remote.h"

/* An option that may be given several times, joined by commas. */
static void
put_all(const struct weir_cli *cli, json_t *body, const char *option,
        const char *member)
{
    struct weir_buf all;
    const char *value;
    weir_buf_init(&all, 65536);
    for (size_t n = 0; (value = weir_cli_option_nth(cli, option, n)) != NULL;
         n++)
        weir_buf_addf(&all, "%s%s", n == 0 ? "" : ",", value);
    if (all.len > 0)
        json_object_set_new(body, member, json_stringn(all.ptr, all.len));
    weir_buf_fini(&all);
}

/* A list of the objects in a file of lines; NULL: said why, and the code. */
static json_t *
read_wishes(struct weir_cli *cli, const char *path, int *code_out)
{
    char *line = NULL;
    size_t size = 0, number = 0;
    json_t *list = json_array();
    FILE *in = fopen(path, "r");
    *code_out = 0;
    if (in == NULL)
        *code_out = weir_cli_usage(cli, "cannot read the file of --from");
    while (*code_out == 0 && getline(&line, &size, in) >= 0) {
        number++;
        if (line[strspn(line, " \t\r\n")] == '\0')
            continue;
        json_t *wish = json_loads(line, 0, NULL);
        if (json_is_object(wish)) {
            json_array_append_new(list, wish);
            continue;
        }
        json_decref(wish);
        fprintf(cli->err, "%s:%zu: this is no JSON object\n", path, number);
        *code_out = 2;
    }
    free(line);
    if (in != NULL)
        fclose(in);
    if (*code_out == 0)
        return list;
    json_decref(list);
    return NULL;
}

static int
create_many(struct weir_cli *cli, const char *path)
{
    int code;
    size_t i;
    json_t *list = read_wishes(cli, path, &code), *reply = NULL, *key;
    if (list == NULL)
        return code;
    code = weir_cli_call(cli, "POST", "/v1/keys/batch", NULL,
                         json_pack("{s:o}", "keys", list), &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(cli->is_json ? NULL : json_object_get(reply, "keys"), i,
                       key)
        fprintf(cli->out, "%s  %s  %s\n", weir_cli_text(key, "id"),
                weir_cli_text(key, "key"), weir_cli_text(key, "project"));
    json_decref(reply);
    return code;
}

int
weir_cmd_keys_create(struct weir_cli *cli)
{
    if (weir_cli_option(cli, "from") != NULL)
        return create_many(cli, weir_cli_option(cli, "from"));
    json_t *body = json_object(), *reply = NULL;
    if (weir_cli_option(cli, "project") == NULL ||
        weir_cli_option(cli, "purpose") == NULL ||
        weir_cli_option(cli, "staff") == NULL) {
        json_decref(body);
        return weir_cli_usage(cli,
                              "--project, --purpose and --staff are needed");
    }
    weir_cli_put_option(cli, body, "project", "project");
    weir_cli_put_option(cli, body, "purpose", "purpose");
    weir_cli_put_option(cli, body, "staff", "staff");
    weir_cli_put_option(cli, body, "end-users", "end_users");
    weir_cli_put_option(cli, body, "scope", "scope");
    weir_cli_put_option(cli, body, "not-after", "not_after");
    put_all(cli, body, "limit", "limits");
    put_all(cli, body, "tag", "tags");
    int code = weir_cli_call(cli, "POST", "/v1/keys", NULL, body, &reply);
    if (code != 0)
        return code;
    if (cli->is_json) {
        weir_cli_print_json(cli, reply);
    } else {
        fprintf(cli->out, "%s\n", weir_cli_text(reply, "key"));
        fprintf(cli->err, "key %s is in force; its text is shown this once.\n",
                weir_cli_text(reply, "id"));
    }
    json_decref(reply);
    return 0;
}

int
weir_cmd_keys_list(struct weir_cli *cli)
{
    json_t *reply = NULL, *key;
    size_t index;
    int code = weir_cli_call(cli, "GET", "/v1/keys", NULL, NULL, &reply);
    if (code != 0)
        return code;
    if (cli->is_json) {
        weir_cli_print_json(cli, reply);
        json_decref(reply);
        return 0;
    }
    json_array_foreach(json_object_get(reply, "keys"), index, key)
    {
        char created[32], revoked[32], over[32];
        weir_cli_time(json_object_get(key, "created_us"), created);
        weir_cli_time(json_object_get(key, "revoked_us"), revoked);
        weir_cli_time(json_object_get(key, "not_after_us"), over);
        fprintf(cli->out, "%s  %s/%s  %s  staff %s  users %s  %s  made %s",
                weir_cli_text(key, "id"), weir_cli_text(key, "tenant"),
                weir_cli_text(key, "project"), weir_cli_text(key, "purpose"),
                weir_cli_text(key, "staff"), weir_cli_text(key, "end_users"),
                weir_cli_text(key, "scope"), created);
        if (weir_cli_text(key, "tags")[0] != '\0')
            fprintf(cli->out, "  tags %s", weir_cli_text(key, "tags"));
        if (strcmp(over, "-") != 0)
            fprintf(cli->out, "  until %s", over);
        if (strcmp(revoked, "-") != 0)
            fprintf(cli->out, "  revoked %s", revoked);
        else if (weir_cli_text(key, "hold")[0] != '\0')
            fprintf(cli->out, "  ON HOLD: %s", weir_cli_text(key, "hold"));
        fputc('\n', cli->out);
    }
    json_decref(reply);
    return 0;
}

/* DELETE of one thing by its id. */
static int
delete_one(struct weir_cli *cli, const char *under, const char *id,
           const char *done)
{
    char path[1024];
    json_t *reply = NULL;
    char *escaped = weir_cli_escape(id);
    snprintf(path, sizeof path, "%s/%s", under, escaped == NULL ? "" : escaped);
    free(escaped);
    int code = weir_cli_call(cli, "DELETE", path, NULL, NULL, &reply);
    if (code == 0 && cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (code == 0)
        fprintf(cli->out, "%s %s\n", id, done);
    json_decref(reply);
    return code;
}

int
weir_cmd_keys_revoke(struct weir_cli *cli)
{
    int code = 0;
    for (int i = 0; code == 0 && i < cli->argument_count; i++)
        code = delete_one(cli, "/v1/keys", cli->arguments[i], "revoked");
    return code;
}

/* ------------------------------------------------------------------- admins */

int
weir_cmd_admins_create(struct weir_cli *cli)
{
    json_t *body = json_object(), *reply = NULL;
    if (weir_cli_option(cli, "role") == NULL ||
        weir_cli_option(cli, "name") == NULL) {
        json_decref(body);
        return weir_cli_usage(cli, "--role and --name are needed");
    }
    weir_cli_put_option(cli, body, "role", "role");
    weir_cli_put_option(cli, body, "name", "name");
    weir_cli_put_option(cli, body, "provider", "provider");
    weir_cli_put_option(cli, body, "not-after", "not_after");
    int code = weir_cli_call(cli, "POST", "/v1/tokens", NULL, body, &reply);
    if (code != 0)
        return code;
    if (cli->is_json) {
        weir_cli_print_json(cli, reply);
    } else {
        fprintf(cli->out, "%s\n", weir_cli_text(reply, "token"));
        fprintf(cli->err,
                "token %s is in force; its text is shown this once.\n",
                weir_cli_text(reply, "id"));
    }
    json_decref(reply);
    return 0;
}

int
weir_cmd_admins_list(struct weir_cli *cli)
{
    json_t *reply = NULL, *token;
    size_t index;
    int code = weir_cli_call(cli, "GET", "/v1/tokens", NULL, NULL, &reply);
    if (code != 0)
        return code;
    if (cli->is_json)
        weir_cli_print_json(cli, reply);
    json_array_foreach(cli->is_json ? NULL : json_object_get(reply, "tokens"),
                       index, token)
    {
        char created[32], revoked[32];
        weir_cli_time(json_object_get(token, "created_us"), created);
        weir_cli_time(json_object_get(token, "revoked_us"), revoked);
        fprintf(cli->out, "%s  %-8s  %s  made %s%s%s\n",
                weir_cli_text(token, "id"), weir_cli_text(token, "role"),
                weir_cli_text(token, "name"), created,
                strcmp(revoked, "-") == 0 ? "" : "  revoked ",
                strcmp(revoked, "-") == 0 ? "" : revoked);
    }
    json_decref(reply);
    return 0;
}

int
weir_cmd_admins_revoke(struct weir_cli *cli)
{
    int code = 0;
    for (int i = 0; code == 0 && i < cli->argument_count; i++)
        code = delete_one(cli, "/v1/tokens", cli->arguments[i], "revoked");
    return code;
}
