/* SPDX-License-Identifier: Apache-2.0 */
/* weir watch bundle key, list, import, remove, export, withhold */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/crypto.h>

#include "cli/remote.h"
#include "control/control.h"

/* ------------------------------------------------------------------ list */

static void
print_exchange(struct weir_cli *cli, const json_t *row)
{
    json_t *kind;
    size_t index;
    fprintf(cli->out,
            "%s: %lld indicators of %lld bundles, %lld issuers "
            "trusted",
            weir_cli_text(row, "exchange"), weir_cli_number(row, "indicators"),
            weir_cli_number(row, "bundles"), weir_cli_number(row, "trusts"));
    if (weir_cli_text(row, "gives_as")[0] != '\0') {
        fprintf(cli->out, "; gives as %s:", weir_cli_text(row, "gives_as"));
        json_array_foreach(json_object_get(row, "gives"), index, kind)
            fprintf(cli->out, " %s", json_string_value(kind));
    }
    fprintf(cli->out, "\n");
    if (weir_cli_text(row, "problem")[0] != '\0')
        fprintf(cli->out, "    %s\n", weir_cli_text(row, "problem"));
}

static void
print_bundle(struct weir_cli *cli, const json_t *row)
{
    char at[32], expires[32], ended[32];
    weir_cli_time(json_object_get(row, "at_us"), at);
    weir_cli_time(json_object_get(row, "expires_us"), expires);
    weir_cli_time(json_object_get(row, "ended_us"), ended);
    fprintf(cli->out,
            "%lld  %s  %s  %s, number %lld of %s: %lld indicators until %s, "
            "by %s\n",
            weir_cli_number(row, "number"), at, weir_cli_text(row, "direction"),
            weir_cli_text(row, "exchange"), weir_cli_number(row, "serial"),
            weir_cli_text(row, "issuer"), weir_cli_number(row, "indicators"),
            expires,
            weir_cli_text(row, "person")[0] == '\0'
                ? weir_cli_text(row, "actor")
                : weir_cli_text(row, "person"));
    if (weir_cli_text(row, "ended_reason")[0] != '\0')
        fprintf(cli->out, "    ended %s: %s\n", ended,
                weir_cli_text(row, "ended_reason"));
}

int
weir_cmd_watch_bundle_list(struct weir_cli *cli)
{
    json_t *bundles = NULL, *exchanges = NULL, *row;
    size_t index;
    const struct weir_cli_pair query[] = {
        {"exchange", weir_cli_option(cli, "exchange")},
        {"all", weir_cli_flag(cli, "all") ? "true" : NULL},
        {"limit", weir_cli_option(cli, "limit")},
        {NULL, NULL}};
    int code =
        weir_cli_call(cli, "GET", "/v1/watch/bundles", query, NULL, &bundles);
    if (code == 0)
        code = weir_cli_call(cli, "GET", "/v1/watch/exchanges", NULL, NULL,
                             &exchanges);
    if (code == 0 && cli->is_json) {
        json_object_update(bundles, exchanges);
        weir_cli_print_json(cli, bundles);
    } else if (code == 0) {
        json_array_foreach(json_object_get(exchanges, "exchanges"), index, row)
            print_exchange(cli, row);
        json_array_foreach(json_object_get(bundles, "bundles"), index, row)
            print_bundle(cli, row);
    }
    json_decref(bundles);
    json_decref(exchanges);
    return code;
}

/* ----------------------------------------------------------------- import */

/* Over the network as it is read, whatever its size; to a daemon of this
 * machine by its path. */
static int
take(struct weir_cli *cli, const char *path, json_t **reply_out)
{
    if (weir_cli_is_remote(cli))
        return weir_cli_send(cli, "/v1/watch/bundles", json_object(), path,
                             reply_out);
    json_t *body = json_object();
    char *real = realpath(path, NULL);
    json_object_set_new(body, "path", json_string(real == NULL ? path : real));
    free(real);
    return weir_cli_call(cli, "POST", "/v1/watch/bundles", NULL, body,
                         reply_out);
}

int
weir_cmd_watch_bundle_import(struct weir_cli *cli)
{
    json_t *reply = NULL;
    char until[32];
    int code = take(cli, cli->arguments[0], &reply);
    if (code != 0)
        return code;
    weir_cli_time(json_object_get(reply, "expires_us"), until);
    if (cli->is_json)
        weir_cli_print_json(cli, reply);
    else
        fprintf(cli->out,
                "%s: number %lld of %s is matched, %lld indicators until %s\n",
                weir_cli_text(reply, "exchange"),
                weir_cli_number(reply, "serial"),
                weir_cli_text(reply, "issuer"),
                weir_cli_number(reply, "indicators"), until);
    json_decref(reply);
    return 0;
}

int
weir_cmd_watch_bundle_remove(struct weir_cli *cli)
{
    char path[1024];
    json_t *reply = NULL;
    const struct weir_cli_pair query[] = {
        {"reason", weir_cli_option(cli, "reason")}, {NULL, NULL}};
    char *number = weir_cli_escape(cli->arguments[0]);
    snprintf(path, sizeof path, "/v1/watch/bundles/%s",
             number == NULL ? "" : number);
    free(number);
    int code = weir_cli_call(cli, "DELETE", path, query, NULL, &reply);
    if (code != 0)
        return code;
    if (cli->is_json)
        weir_cli_print_json(cli, reply);
    else
        fprintf(cli->out, "bundle %s is matched no more\n", cli->arguments[0]);
    json_decref(reply);
    return 0;
}

/* ----------------------------------------------------------------- export */

/* Beside `path`, then renamed: a reader never sees half of it. */
static int
write_out(struct weir_cli *cli, const json_t *reply, const char *path)
{
    const json_t *text = json_object_get(reply, "text");
    struct weir_error err = {0};
    if (path == NULL)
        return fwrite(json_string_value(text), 1, json_string_length(text),
                      cli->out) == json_string_length(text)
                   ? 0
                   : 16;
    return weir_write_file(
               path,
               (weir_span){json_string_value(text), json_string_length(text)},
               0644, &err) == WEIR_OK
               ? 0
               : weir_cli_fail(cli, &err, NULL);
}

static void
share_path(const struct weir_cli *cli, const char *deed, char path_out[1024])
{
    char *name = weir_cli_escape(cli->arguments[0]);
    snprintf(path_out, 1024, "/v1/watch/exchanges/%s/%s",
             name == NULL ? "" : name, deed);
    free(name);
}

int
weir_cmd_watch_bundle_export(struct weir_cli *cli)
{
    char path[1024], until[32];
    json_t *reply = NULL;
    const char *out = weir_cli_option(cli, "output");
    share_path(cli, "export", path);
    int code = weir_cli_call(cli, "POST", path, NULL, json_object(), &reply);
    if (code != 0)
        return code;
    if (!cli->is_json || out != NULL)
        code = write_out(cli, reply, out);
    if (code == 0 && cli->is_json) {
        if (out != NULL)
            json_object_del(reply, "text");
        weir_cli_print_json(cli, reply);
    }
    weir_cli_time(json_object_get(reply, "expires_us"), until);
    if (code == 0)
        fprintf(cli->err,
                "number %lld: %lld indicators of %lld cases until %s; %lld "
                "cases withheld, %lld digests that others have too\n",
                weir_cli_number(reply, "serial"),
                weir_cli_number(reply, "indicators"),
                weir_cli_number(reply, "cases"), until,
                weir_cli_number(reply, "withheld"),
                weir_cli_number(reply, "common"));
    json_decref(reply);
    return code;
}

int
weir_cmd_watch_bundle_withhold(struct weir_cli *cli)
{
    char path[1024];
    json_t *body = json_object(), *reply = NULL;
    json_object_set_new(body, "case", json_string(cli->arguments[1]));
    weir_cli_put_option(cli, body, "reason", "reason");
    share_path(cli, "withhold", path);
    int code = weir_cli_call(cli, "POST", path, NULL, body, &reply);
    if (code != 0)
        return code;
    if (cli->is_json)
        weir_cli_print_json(cli, reply);
    else
        fprintf(cli->out,
                "%s is left out from the next bundle on: export it to tell "
                "the others\n",
                cli->arguments[1]);
    json_decref(reply);
    return 0;
}

/* -------------------------------------------------------------------- key */

/* A new file, never over another. */
static weir_status
write_key(const char *path, weir_span text, struct weir_error *err)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return weir_fail(err, errno == EEXIST ? WEIR_ECONFLICT : WEIR_EIO,
                         WEIR_OFFSET_NONE, "%.120s: %s", path, strerror(errno));
    bool is_written = write(file, text.ptr, text.len) == (ssize_t)text.len &&
                      fsync(file) == 0;
    close(file);
    if (is_written)
        return WEIR_OK;
    unlink(path);
    return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%.120s: cannot write",
                     path);
}

int
weir_cmd_watch_bundle_key(struct weir_cli *cli)
{
    struct weir_error err = {0};
    struct weir_ed25519_secret secret;
    weir_ed25519_public key;
    char text[64], public[64];
    weir_status status = weir_ed25519_generate(&weir_control_env, &secret);
    if (status == WEIR_OK)
        status = weir_ed25519_public_of(&secret, &key);
    if (status != WEIR_OK)
        (void)weir_fail(&err, status, WEIR_OFFSET_NONE, "no key can be made");
    if (status == WEIR_OK) {
        size_t len = weir_base64_encode(
            (weir_span){(const char *)secret.bytes, sizeof secret.bytes}, text);
        text[len++] = '\n';
        public[weir_base64_encode(
            (weir_span){(const char *)key.bytes, sizeof key.bytes}, public)] =
            '\0';
        status = write_key(cli->arguments[0], (weir_span){text, len}, &err);
    }
    weir_wipe(&secret, sizeof secret);
    weir_wipe(text, sizeof text);
    if (status != WEIR_OK)
        return weir_cli_fail(cli, &err, NULL);
    if (cli->is_json) {
        json_t *reply = json_pack("{s:s}", "key", public);
        weir_cli_print_json(cli, reply);
        json_decref(reply);
    } else {
        fprintf(cli->out, "%s\n", public);
    }
    return 0;
}
