/* SPDX-License-Identifier: Apache-2.0 */
/* weir witness, witness key */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/remote.h"
#include "control/control.h"
#include "control/witness/witness.h"

#define LISTEN_DEFAULT "127.0.0.1:7380"

struct ready {
    struct weir_cli *cli;
    const struct weir_witness *witness;
    const char *host;
};

static void
key_text(const struct weir_note_key *key,
         char text_out[WEIR_NOTE_KEY_TEXT_MAX + 1])
{
    struct weir_buf text;
    weir_buf_init_fixed(&text, text_out, WEIR_NOTE_KEY_TEXT_MAX);
    weir_note_key_write(key, &text);
    text_out[text.len] = '\0';
}

static void
on_ready(void *context, uint32_t port)
{
    struct ready *ready = context;
    FILE *out = ready->cli->out;
    char key[WEIR_NOTE_KEY_TEXT_MAX + 1];
    size_t logs = weir_witness_logs(ready->witness);
    key_text(weir_witness_key(ready->witness), key);
    if (ready->cli->is_json) {
        json_t *line =
            json_pack("{s:s,s:I,s:s,s:I}", "host", ready->host, "port",
                      (json_int_t)port, "key", key, "logs", (json_int_t)logs);
        json_dumpf(line, out, JSON_COMPACT);
        fputc('\n', out);
        json_decref(line);
    } else {
        fprintf(out, "witness of %zu logs on %s port %u\nkey %s\n", logs,
                ready->host, port, key);
    }
    fflush(out);
}

/* "HOST:PORT" or "[v6]:PORT", split in place. */
static bool
split_address(char *text, const char **host_out, uint32_t *port_out)
{
    char *colon = strrchr(text, ':');
    uint64_t port = 0;
    if (colon == NULL || !weir_span_to_u64(weir_span_of(colon + 1), &port) ||
        port > 65535)
        return false;
    *colon = '\0';
    *port_out = (uint32_t)port;
    size_t len = strlen(text);
    if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
        text[len - 1] = '\0';
        text++;
    }
    *host_out = text;
    return text[0] != '\0';
}

/* Every --log, and the lines of --logs. */
static weir_status
gather_logs(struct weir_cli *cli, struct weir_buf *out, struct weir_error *err)
{
    const char *path = weir_cli_option(cli, "logs");
    const char *text;
    char *bytes = NULL;
    size_t len = 0;
    for (size_t i = 0; (text = weir_cli_option_nth(cli, "log", i)) != NULL; i++)
        weir_buf_addf(out, "%s\n", text);
    weir_status status =
        path == NULL ? WEIR_OK : weir_read_file(path, &bytes, &len, err);
    if (status == WEIR_OK)
        weir_buf_add(out, bytes, len);
    free(bytes);
    return status;
}

int
weir_cmd_witness(struct weir_cli *cli)
{
    struct weir_error err = {0};
    struct weir_witness *witness = NULL;
    struct weir_buf logs;
    const char *key_path = weir_cli_option(cli, "key");
    const char *state = weir_cli_option(cli, "state");
    const char *listen = weir_cli_option(cli, "listen");
    const char *host = NULL;
    char address[128];
    char *key = NULL;
    size_t len = 0;
    uint32_t port = 0;
    if (key_path == NULL || state == NULL)
        return weir_cli_usage(cli, "--key and --state are needed");
    snprintf(address, sizeof address, "%s",
             listen == NULL ? LISTEN_DEFAULT : listen);
    if (!split_address(address, &host, &port))
        return weir_cli_usage(cli, "--listen is HOST:PORT");
    weir_buf_init(&logs, (size_t)64 << 20);
    weir_status status = gather_logs(cli, &logs, &err);
    if (status == WEIR_OK)
        status = weir_read_file(key_path, &key, &len, &err);
    if (status == WEIR_OK)
        status = weir_witness_open((weir_span){key, len}, weir_buf_span(&logs),
                                   state, &witness, &err);
    if (key != NULL)
        weir_wipe(key, len);
    free(key);
    weir_buf_fini(&logs);
    if (status == WEIR_OK) {
        struct ready ready = {cli, witness, host};
        status =
            weir_witness_serve(witness, host, port, on_ready, &ready, &err);
    }
    weir_witness_close(witness);
    return status == WEIR_OK ? 0 : weir_cli_fail(cli, &err, NULL);
}

/* A new file of mode 0600, never in place of another. */
static weir_status
write_new(const char *path, weir_span bytes, struct weir_error *err)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return weir_fail(err, errno == EEXIST ? WEIR_ECONFLICT : WEIR_EIO,
                         WEIR_OFFSET_NONE, "%.120s: %s", path, strerror(errno));
    bool is_written = write(file, bytes.ptr, bytes.len) == (ssize_t)bytes.len &&
                      fsync(file) == 0;
    int failure = errno;
    close(file);
    if (is_written)
        return WEIR_OK;
    unlink(path);
    return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%.120s: %s", path,
                     strerror(failure));
}

int
weir_cmd_witness_key(struct weir_cli *cli)
{
    struct weir_error err = {0};
    struct weir_note_secret secret = {.type = WEIR_NOTE_COSIGNATURE};
    struct weir_note_key key;
    struct weir_buf text;
    char line[WEIR_NOTE_KEY_TEXT_MAX + 1], bytes[1024];
    const char *path = weir_cli_option(cli, "key");
    const char *type = weir_cli_option(cli, "type");
    if (path == NULL)
        return weir_cli_usage(cli, "--key FILE is needed");
    if (type != NULL && strcmp(type, "ml-dsa-44") == 0)
        secret.type = WEIR_NOTE_MLDSA44;
    else if (type != NULL && strcmp(type, "ed25519") != 0)
        return weir_cli_usage(cli, "--type is ed25519 or ml-dsa-44");
    if (secret.type == WEIR_NOTE_MLDSA44 && !weir_mldsa44_is_there()) {
        (void)weir_fail(&err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                        "this machine's crypto library has no ML-DSA-44: "
                        "OpenSSL does from 3.5 on");
        return weir_cli_fail(cli, &err, NULL);
    }
    weir_buf_init_fixed(&text, bytes, sizeof bytes);
    weir_status status =
        weir_random(&weir_control_env, secret.ed25519.bytes,
                    sizeof secret.ed25519.bytes); /* a seed of either type */
    if (status != WEIR_OK)
        (void)weir_fail(&err, status, WEIR_OFFSET_NONE, "no randomness");
    if (status == WEIR_OK)
        status = weir_note_secret_write(weir_span_of(cli->arguments[0]),
                                        &secret, &text, &err);
    if (status == WEIR_OK)
        status =
            weir_note_secret_parse(weir_buf_span(&text), &key, &secret, &err);
    if (status == WEIR_OK) {
        key_text(&key, line);
        status = write_new(path, weir_buf_span(&text), &err);
    }
    weir_wipe(&secret, sizeof secret);
    weir_wipe(bytes, sizeof bytes);
    if (status != WEIR_OK)
        return weir_cli_fail(cli, &err, NULL);
    if (cli->is_json) {
        json_t *reply = json_pack("{s:s}", "key", line);
        weir_cli_print_json(cli, reply);
        json_decref(reply);
    } else {
        fprintf(cli->out, "%s\n", line);
    }
    return 0;
}
