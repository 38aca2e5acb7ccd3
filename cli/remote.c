/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a verb's call goes. The daemon holds the lock of its state
 * directory, so "no daemon" is certain when the lock can be taken, and the
 * call then runs here, under that lock.
 */
#include "cli/remote.h"

#include <curl/curl.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/api/call.h"
#include "control/config/config.h"

#define REPLY_BYTES_MAX ((size_t)1 << 30)

const char *
weir_cli_config(const struct weir_cli *cli)
{
    const char *given = weir_cli_option(cli, "config");
    if (given == NULL)
        given = getenv("WEIR_CONFIG");
    return given == NULL ? "weir.yaml" : given;
}

void
weir_cli_print_faults(struct weir_cli *cli, const struct weir_faults *faults)
{
    struct weir_buf text;
    weir_buf_init(&text, (size_t)16 << 20);
    weir_faults_write(faults, &text);
    fwrite(text.ptr, 1, text.len, cli->err);
    weir_buf_fini(&text);
}

char *
weir_cli_escape(const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t len = strlen(text), at = 0;
    char *out = malloc(len * 3 + 1);
    for (size_t i = 0; out != NULL && i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                        (c >= 'a' && c <= 'z') || strchr("-_.~", c) != NULL;
        if (is_plain) {
            out[at++] = (char)c;
            continue;
        }
        out[at++] = '%';
        out[at++] = hex[c >> 4];
        out[at++] = hex[c & 15];
    }
    if (out != NULL)
        out[at] = '\0';
    return out;
}

/* --------------------------------------------------------------- over HTTP */

static size_t
on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct weir_buf *into = context;
    weir_buf_add(into, bytes, size * count);
    return into->overflow ? 0 : size * count;
}

/* base + path + query, escaped; free() it. */
static char *
whole_url(const char *base, const char *path, const struct weir_cli_pair *query)
{
    struct weir_buf url;
    const char *joint = "?";
    weir_buf_init(&url, 65536);
    weir_buf_addf(&url, "%s%s", base, path);
    for (; query != NULL && query->name != NULL; query++) {
        char *value =
            query->value == NULL ? NULL : weir_cli_escape(query->value);
        if (value != NULL)
            weir_buf_addf(&url, "%s%s=%s", joint, query->name, value);
        joint = value == NULL ? joint : "&";
        free(value);
    }
    weir_buf_add_byte(&url, '\0');
    return url.ptr; /* a heap buffer's bytes */
}

struct answer {
    long status;
    struct weir_buf bytes;
};

enum heard {
    HEARD,  /* a whole answer */
    NOBODY, /* no connection: nothing was asked */
    BROKEN, /* asked, and no answer: it may have been done */
};

static enum heard
ask_http(const char *base, const char *socket, const char *token,
         const char *method, const char *path,
         const struct weir_cli_pair *query, const char *body, FILE *upload,
         struct answer *answer, char why_out[CURL_ERROR_SIZE])
{
    CURL *curl = curl_easy_init();
    char *url = whole_url(base, path, query);
    struct curl_slist *headers = curl_slist_append(
        NULL, upload != NULL ? "Content-Type: application/octet-stream"
                             : "Content-Type: application/json");
    if (token != NULL) {
        char line[256];
        snprintf(line, sizeof line, "Authorization: Bearer %s", token);
        headers = curl_slist_append(headers, line);
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer->bytes);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why_out);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 600L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (socket != NULL) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    }
    if (body != NULL)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    if (upload != NULL) {
        fseeko(upload, 0, SEEK_END);
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)ftello(upload));
        curl_easy_setopt(curl, CURLOPT_READDATA, upload);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, 7200L);
        rewind(upload);
    }
    why_out[0] = '\0';
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    if (code != CURLE_OK && why_out[0] == '\0')
        snprintf(why_out, CURL_ERROR_SIZE, "%s", curl_easy_strerror(code));
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    free(url);
    return code == CURLE_OK ? HEARD
           : code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST
               ? NOBODY
               : BROKEN;
}

/* ----------------------------------------------------------------- in here */

static void
unescape(char *path)
{
    char *out = path;
    for (; *path != '\0'; path++) {
        unsigned value;
        if (*path == '%' && sscanf(path + 1, "%2x", &value) == 1) {
            *out++ = (char)value;
            path += 2;
        } else {
            *out++ = *path;
        }
    }
    *out = '\0';
}

/* No daemon: the handlers run in this process. *is_taken_out: but there is
 * one, which said nothing yet; with `is_last`, that is an error. */
static int
ask_here(struct weir_cli *cli, const char *token, const char *method,
         const char *path, const struct weir_cli_pair *query, const char *body,
         bool is_last, bool *is_taken_out, struct answer *answer)
{
    char bearer[256];
    struct weir_faults faults;
    struct weir_error err = {0};
    struct weir_control *control = NULL;
    weir_faults_init(&faults);
    weir_status status =
        weir_control_open(weir_cli_config(cli), &control, &faults, &err);
    *is_taken_out = status == WEIR_ECONFLICT;
    if (*is_taken_out && !is_last) {
        weir_faults_fini(&faults);
        return 0;
    }
    if (status != WEIR_OK) {
        weir_cli_print_faults(cli, &faults);
        weir_faults_fini(&faults);
        return weir_cli_fail(
            cli, &err,
            status == WEIR_ECONFLICT
                ? "A daemon holds the state but does not answer: look at its "
                  "log."
                : NULL);
    }
    struct weir_api_door door = {.control = control, .nudge = -1};
    struct weir_api_request request = {.method = method,
                                       .body = weir_span_of(body ? body : ""),
                                       .is_local = true};
    char *plain = strdup(path);
    struct weir_api_reply reply;
    unescape(plain);
    request.path = plain;
    snprintf(bearer, sizeof bearer, "Bearer %s", token == NULL ? "" : token);
    request.authorization = token == NULL ? NULL : bearer;
    for (; query != NULL && query->name != NULL; query++) {
        if (query->value != NULL)
            request.query[request.query_count++] =
                (struct weir_api_pair){query->name, query->value};
    }
    status = weir_store_open(control->paths.state, false, &door.store, &err);
    if (status == WEIR_OK) {
        weir_api_dispatch(&door, &request, &reply);
        answer->status = (long)reply.status;
        weir_buf_add(&answer->bytes, reply.bytes, reply.len);
        free(reply.bytes);
    }
    weir_store_close(door.store);
    weir_control_close(control);
    weir_faults_fini(&faults);
    free(plain);
    return status == WEIR_OK ? 0 : weir_cli_fail(cli, &err, NULL);
}

/* The state directory as the configuration's own file says it, whatever is
 * wrong elsewhere in it: a daemon that runs must be reachable also when its
 * sources are being edited. False: it says none. */
static bool
read_state_dir(const char *config, struct weir_settings *settings_out,
               char path_out[WEIR_PATH_MAX])
{
    char whole[4096], *bytes = NULL;
    size_t len = 0;
    struct weir_faults faults;
    struct weir_world *world = weir_world_new();
    bool is_found = false;
    weir_faults_init(&faults);
    if (world != NULL && realpath(config, whole) != NULL &&
        weir_read_file(whole, &bytes, &len, NULL) == WEIR_OK) {
        (void)!weir_config_parse((weir_span){bytes, len}, weir_span_of(whole),
                                 world, &faults);
        weir_span state = world->settings.state_dir;
        is_found = state.len > 0;
        if (is_found && state.ptr[0] == '/')
            snprintf(path_out, WEIR_PATH_MAX, "%.*s", WEIR_SPAN_ARG(state));
        else if (is_found)
            snprintf(path_out, WEIR_PATH_MAX, "%.500s/%.*s", dirname(whole),
                     (int)(state.len < 400 ? state.len : 400), state.ptr);
        settings_out->state_dir = weir_span_of(path_out);
    }
    weir_world_free(world);
    weir_faults_fini(&faults);
    free(bytes);
    return is_found;
}

/* The socket of the daemon that would serve this configuration; empty: the
 * file does not say where its state is. */
static void
find_socket(struct weir_cli *cli, char path_out[WEIR_PATH_MAX + 16])
{
    struct weir_settings settings = {0};
    struct weir_paths paths;
    char state[WEIR_PATH_MAX];
    const char *config = weir_cli_config(cli);
    path_out[0] = '\0';
    if (read_state_dir(config, &settings, state) &&
        weir_paths_of(config, &settings, &paths, NULL) == WEIR_OK)
        snprintf(path_out, WEIR_PATH_MAX + 16, "%s/admin.sock", paths.run);
}

/* ------------------------------------------------------------------ answers */

static int
exit_of(const char *code)
{
    static const struct {
        const char *name;
        weir_status status;
    } names[] = {
#define WEIR_ERROR(name, number, http, exit, type, meaning)                    \
    {#name, WEIR_##name},
#include <weir/errors.def>
#undef WEIR_ERROR
    };
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++) {
        if (strcmp(names[i].name, code) == 0)
            return weir_status_info(names[i].status)->exit;
    }
    return weir_status_info(WEIR_EINTERNAL)->exit;
}

static int
say_error(struct weir_cli *cli, const json_t *reply, long status)
{
    const json_t *error = json_object_get(reply, "error");
    const json_t *faults = json_object_get(error, "faults"), *fault;
    size_t index;
    fflush(cli->out);
    json_array_foreach(faults, index, fault)
    {
        const char *file = weir_cli_text(fault, "file");
        if (file[0] != '\0')
            fprintf(cli->err, "%s:%lld:%lld: ", file,
                    weir_cli_number(fault, "line"),
                    weir_cli_number(fault, "column"));
        fprintf(cli->err, "%s\n  %s\n", weir_cli_text(fault, "text"),
                weir_cli_text(fault, "advice"));
    }
    if (error == NULL) {
        fprintf(cli->err, "weir %s: the daemon answered %ld\n",
                cli->command->name, status);
        return weir_status_info(WEIR_EINTERNAL)->exit;
    }
    fprintf(cli->err, "weir %s: %s\n", cli->command->name,
            weir_cli_text(error, "message"));
    return exit_of(weir_cli_text(error, "code"));
}

static int
read_answer(struct weir_cli *cli, const struct answer *answer,
            json_t **reply_out)
{
    json_t *reply = json_loadb(answer->bytes.ptr, answer->bytes.len, 0, NULL);
    if (answer->status >= 400 || reply == NULL) {
        int code = say_error(cli, reply, answer->status);
        json_decref(reply);
        return code;
    }
    *reply_out = reply;
    return 0;
}

static int
nobody(struct weir_cli *cli, const char *url, const char *why)
{
    struct weir_error err;
    (void)weir_fail(&err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE, "%.80s: %.80s", url,
                    why);
    return weir_cli_fail(cli, &err, NULL);
}

#define STARTING_MS      5000
#define STARTING_STEP_MS 50

static int
ask(struct weir_cli *cli, const char *method, const char *path,
    const struct weir_cli_pair *query, const char *body, struct answer *answer)
{
    char why[CURL_ERROR_SIZE], socket[WEIR_PATH_MAX + 16];
    const char *url = weir_cli_option(cli, "url");
    const char *token = weir_cli_option(cli, "token");
    url = url == NULL ? getenv("WEIR_URL") : url;
    token = token == NULL ? getenv("WEIR_TOKEN") : token;
    if (url != NULL)
        return ask_http(url, NULL, token, method, path, query, body, NULL,
                        answer, why) == HEARD
                   ? 0
                   : nobody(cli, url, why);
    find_socket(cli, socket);
    /* A daemon that is just starting, or stopping, has the state and does
     * not answer: neither lasts. */
    for (int left = STARTING_MS;; left -= STARTING_STEP_MS) {
        bool is_taken = false;
        enum heard heard =
            access(socket, W_OK) != 0
                ? NOBODY
                : ask_http("http://localhost", socket, token, method, path,
                           query, body, NULL, answer, why);
        if (heard != NOBODY)
            return heard == HEARD ? 0 : nobody(cli, socket, why);
        int code = ask_here(cli, token, method, path, query, body, left <= 0,
                            &is_taken, answer);
        if (!is_taken || left <= 0)
            return code;
        usleep(STARTING_STEP_MS * 1000);
    }
}

int
weir_cli_fetch(struct weir_cli *cli, const char *path,
               const struct weir_cli_pair *query)
{
    struct answer answer = {0};
    weir_buf_init(&answer.bytes, REPLY_BYTES_MAX);
    int code = ask(cli, "GET", path, query, NULL, &answer);
    if (code == 0 && answer.status >= 400) {
        json_t *refusal = NULL;
        code = read_answer(cli, &answer, &refusal);
        json_decref(refusal);
    } else if (code == 0) {
        fwrite(answer.bytes.ptr, 1, answer.bytes.len, cli->out);
    }
    weir_buf_fini(&answer.bytes);
    return code;
}

int
weir_cli_call(struct weir_cli *cli, const char *method, const char *path,
              const struct weir_cli_pair *query, json_t *body,
              json_t **reply_out)
{
    struct answer answer = {0};
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    json_decref(body);
    weir_buf_init(&answer.bytes, REPLY_BYTES_MAX);
    int code = ask(cli, method, path, query, text, &answer);
    if (code == 0)
        code = read_answer(cli, &answer, reply_out);
    weir_buf_fini(&answer.bytes);
    free(text);
    return code;
}

#define MEMBERS_MAX 15

/* Members of an object as pairs of a query; numbers live in `room`. */
static void
pairs_of(const json_t *object, struct weir_cli_pair pairs_out[MEMBERS_MAX + 1],
         char room[MEMBERS_MAX][24])
{
    const char *name;
    json_t *value;
    size_t count = 0;
    json_object_foreach((json_t *)object, name, value)
    {
        if (count == MEMBERS_MAX)
            break;
        const char *text = json_is_boolean(value)
                               ? (json_is_true(value) ? "true" : "false")
                               : json_string_value(value);
        if (json_is_integer(value)) {
            snprintf(room[count], sizeof room[count], "%lld",
                     (long long)json_integer_value(value));
            text = room[count];
        }
        pairs_out[count++] = (struct weir_cli_pair){name, text};
    }
    pairs_out[count] = (struct weir_cli_pair){NULL, NULL};
}

bool
weir_cli_is_remote(const struct weir_cli *cli)
{
    return weir_cli_option(cli, "url") != NULL || getenv("WEIR_URL") != NULL;
}

int
weir_cli_send(struct weir_cli *cli, const char *path, json_t *members,
              const char *file, json_t **reply_out)
{
    char why[CURL_ERROR_SIZE], room[MEMBERS_MAX][24];
    struct weir_cli_pair query[MEMBERS_MAX + 1];
    struct answer answer = {0};
    const char *url = weir_cli_option(cli, "url");
    const char *token = weir_cli_option(cli, "token");
    FILE *upload = fopen(file, "rb");
    int code;
    url = url == NULL ? getenv("WEIR_URL") : url;
    token = token == NULL ? getenv("WEIR_TOKEN") : token;
    pairs_of(members, query, room);
    weir_buf_init(&answer.bytes, REPLY_BYTES_MAX);
    if (upload == NULL) {
        struct weir_error err;
        (void)weir_fail(&err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "%.150s: %s",
                        file, strerror(errno));
        code = weir_cli_fail(cli, &err, NULL);
    } else if (ask_http(url, NULL, token, "POST", path, query, NULL, upload,
                        &answer, why) == HEARD) {
        code = read_answer(cli, &answer, reply_out);
    } else {
        code = nobody(cli, url, why);
    }
    if (upload != NULL)
        fclose(upload);
    json_decref(members);
    weir_buf_fini(&answer.bytes);
    return code;
}

#define WATCH_MS      500
#define WATCH_STEP_MS 20

static void *
run_watch(void *context)
{
    struct weir_cli_watch *watch = context;
    char why[CURL_ERROR_SIZE];
    const char *url = weir_cli_option(watch->cli, "url");
    const char *token = weir_cli_option(watch->cli, "token");
    bool is_local = watch->socket[0] != '\0';
    url = is_local      ? "http://localhost"
          : url == NULL ? getenv("WEIR_URL")
                        : url;
    token = token == NULL ? getenv("WEIR_TOKEN") : token;
    for (int waited = 0; !atomic_load(&watch->is_over);
         waited += WATCH_STEP_MS) {
        usleep(WATCH_STEP_MS * 1000);
        if (waited % WATCH_MS != WATCH_MS - WATCH_STEP_MS)
            continue;
        struct answer answer = {0};
        weir_buf_init(&answer.bytes, 65536);
        bool is_heard =
            ask_http(url, is_local ? watch->socket : NULL, token, "GET",
                     watch->path, NULL, NULL, NULL, &answer, why) == HEARD &&
            answer.status == 200;
        json_t *reply =
            is_heard ? json_loadb(answer.bytes.ptr, answer.bytes.len, 0, NULL)
                     : NULL;
        if (reply != NULL && !atomic_load(&watch->is_over))
            watch->on_reply(watch->context, reply);
        json_decref(reply);
        weir_buf_fini(&answer.bytes);
    }
    return NULL;
}

void
weir_cli_watch_start(struct weir_cli_watch *watch)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    watch->socket[0] = '\0';
    if (!weir_cli_is_remote(watch->cli)) {
        find_socket(watch->cli, watch->socket);
        if (watch->socket[0] == '\0')
            return;
    }
    atomic_init(&watch->is_over, false);
    watch->is_running =
        pthread_create(&watch->thread, NULL, run_watch, watch) == 0;
}

void
weir_cli_watch_stop(struct weir_cli_watch *watch)
{
    if (!watch->is_running)
        return;
    atomic_store(&watch->is_over, true);
    pthread_join(watch->thread, NULL);
    watch->is_running = false;
}

void
weir_cli_put_option(const struct weir_cli *cli, json_t *body,
                    const char *option, const char *member)
{
    const char *value = weir_cli_option(cli, option);
    if (value != NULL)
        json_object_set_new(body, member, json_string(value));
}

int
weir_cli_print_of_call(struct weir_cli *cli, const char *what)
{
    char path[512];
    json_t *reply = NULL;
    char *id = weir_cli_escape(cli->arguments[0]);
    snprintf(path, sizeof path, "/v1/calls/%s/%s", id == NULL ? "" : id, what);
    free(id);
    int code = weir_cli_call(cli, "GET", path, NULL, NULL, &reply);
    if (code == 0)
        weir_cli_print_json(cli, reply);
    json_decref(reply);
    return code;
}

/* ------------------------------------------------------------------ showing */

void
weir_cli_print_json(struct weir_cli *cli, const json_t *value)
{
    json_dumpf(value, cli->out, JSON_INDENT(2));
    fputc('\n', cli->out);
}

const char *
weir_cli_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

long long
weir_cli_number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

void
weir_cli_time(const json_t *value, char text_out[32])
{
    char when[WEIR_TIME_TEXT];
    memcpy(text_out, "-", 2);
    if (!json_is_integer(value))
        return;
    weir_time_format(json_integer_value(value), when);
    snprintf(text_out, 32, "%.19sZ", when);
}

void
weir_cli_money(long long micros, const char *currency, char text_out[48])
{
    unsigned long long size = micros < 0 ? 0 - (unsigned long long)micros
                                         : (unsigned long long)micros;
    snprintf(text_out, 48, "%s%llu.%06llu%s%s", micros < 0 ? "-" : "",
             size / 1000000, size % 1000000, currency[0] == '\0' ? "" : " ",
             currency);
}
