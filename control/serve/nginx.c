/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two children: what to run, and nginx's configuration on disk.
 *
 * A new configuration is tried by `nginx -t` under another name before it
 * replaces the old one, so that a certificate that is gone is a message and
 * not an outage.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/log.h"
#include "control/serve/house.h"
#include "control/serve/nginx_conf.h"
#include "control/serve/serve.h"

#define CONF_BYTES_MAX ((size_t)16 << 20)

/* ------------------------------------------------------------------ programs */

/* The first of the places where a part of weir may be that has it. */
static weir_span
find_part(struct weir_world *world, const char *const *places, size_t count)
{
    char program[4096], path[4200];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    program[len > 0 ? len : 0] = '\0';
    const char *directory = dirname(program);
    for (size_t i = 0; i < count; i++) {
        if (places[i][0] == '/')
            snprintf(path, sizeof path, "%s", places[i]);
        else
            snprintf(path, sizeof path, "%s/%s", directory, places[i]);
        if (access(path, R_OK) == 0) {
            char whole[4096];
            const char *real = realpath(path, whole);
            return weir_arena_copy(&world->arena,
                                   weir_span_of(real == NULL ? path : real));
        }
    }
    return WEIR_SPAN("");
}

void
weir__house_find_programs(struct weir_world *world)
{
    static const char *const modules[] = {
        "../nginx/ngx_http_weir_module.so", "ngx_http_weir_module.so",
        "/usr/lib/nginx/modules/ngx_http_weir_module.so"};
    static const char *const writers[] = {
        "../writer/weir-writer", "weir-writer", "/usr/lib/weir/weir-writer"};
    static const char *const servers[] = {"/usr/sbin/nginx",
                                          "/usr/local/sbin/nginx"};
    struct weir_settings *settings = &world->settings;
    if (settings->module_path.len == 0)
        settings->module_path =
            find_part(world, modules, WEIR_COUNTOF(modules));
    if (settings->writer_path.len == 0)
        settings->writer_path =
            find_part(world, writers, WEIR_COUNTOF(writers));
    if (settings->nginx_path.len == 0)
        settings->nginx_path = find_part(world, servers, WEIR_COUNTOF(servers));
}

static weir_status
missing(const char *what, struct weir_error *err)
{
    return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                     "%s is not there: set its path in the configuration",
                     what);
}

weir_status
weir__house_children(struct weir_house *house, struct weir_error *err)
{
    const struct weir_settings *settings = &house->control->world->settings;
    const struct weir_paths *paths = &house->control->paths;
    if (settings->nginx_path.len == 0)
        return missing("nginx", err);
    if (settings->writer_path.len == 0)
        return missing("weir-writer", err);
    if (settings->module_path.len == 0)
        return missing("ngx_http_weir_module.so", err);

    struct weir_child *nginx = &house->nginx;
    nginx->name = "nginx";
    nginx->handle = -1;
    nginx->writes_pid_file = true;
    snprintf(house->nginx_words[0], 1100, "%.*s",
             WEIR_SPAN_ARG(settings->nginx_path));
    snprintf(house->nginx_words[1], 1100, "%s/", paths->run);
    snprintf(house->nginx_words[2], 1100, "%s/nginx.conf", paths->run);
    snprintf(nginx->pid_file, sizeof nginx->pid_file, "%s/nginx.pid",
             paths->run);
    snprintf(nginx->mark, sizeof nginx->mark, "%s", paths->run);
    char *const words[] = {house->nginx_words[0],
                           "-p",
                           house->nginx_words[1],
                           "-c",
                           house->nginx_words[2],
                           "-e",
                           "stderr",
                           NULL};
    memcpy(nginx->words, words, sizeof words);

    struct weir_child *writer = &house->writer;
    writer->name = "weir-writer";
    writer->handle = -1;
    snprintf(house->writer_words[0], 1100, "%.*s",
             WEIR_SPAN_ARG(settings->writer_path));
    snprintf(house->writer_words[1], 1100, "%s", paths->ring);
    snprintf(house->writer_words[2], 1100, "%s", paths->journal);
    snprintf(house->writer_words[3], 1100, "%s", paths->run);
    snprintf(house->writer_words[4], 1100, "%llu",
             (unsigned long long)settings->segment_bytes);
    snprintf(house->writer_words[5], 1100, "%llu",
             (unsigned long long)settings->journal_bytes_free);
    snprintf(writer->pid_file, sizeof writer->pid_file, "%s/writer.pid",
             paths->run);
    snprintf(writer->mark, sizeof writer->mark, "%s", paths->run);
    char *const writer_words[] = {house->writer_words[0], "--ring",
                                  house->writer_words[1], "--dir",
                                  house->writer_words[2], "--run",
                                  house->writer_words[3], "--segment-bytes",
                                  house->writer_words[4], "--free-bytes",
                                  house->writer_words[5], NULL};
    memcpy(writer->words, writer_words, sizeof writer_words);
    return WEIR_OK;
}

/* -------------------------------------------------------------- configuration */

/* Runs `nginx -t`; what it says goes into the error. */
static weir_status
try_conf(const char *program, const char *prefix, const char *path,
         struct weir_error *err)
{
    int said[2];
    char text[2048];
    size_t len = 0;
    int state = 0;
    if (pipe2(said, O_CLOEXEC) != 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "no pipe: %s",
                         strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        dup2(said[1], STDERR_FILENO);
        dup2(said[1], STDOUT_FILENO);
        execl(program, program, "-t", "-q", "-p", prefix, "-c", path, "-e",
              "stderr", (char *)NULL);
        _exit(127);
    }
    close(said[1]);
    while (pid > 0 && len < sizeof text - 1) {
        ssize_t got = read(said[0], text + len, sizeof text - 1 - len);
        if (got <= 0 && errno != EINTR)
            break;
        len += got > 0 ? (size_t)got : 0;
        if (got == 0)
            break;
    }
    close(said[0]);
    text[len] = '\0';
    if (pid < 0 || waitpid(pid, &state, 0) != pid)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "cannot run nginx");
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0)
        return WEIR_OK;
    const char *fault = strstr(text, "[emerg]");
    fault = fault == NULL ? text : fault + sizeof "[emerg]";
    return weir_fail(
        err, WEIR_ETYPE, WEIR_OFFSET_NONE,
        "nginx refuses its configuration: %.*s",
        (int)(strcspn(fault, "\n") < 140 ? strcspn(fault, "\n") : 140), fault);
}

static uint64_t
files_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
        limit.rlim_max == RLIM_INFINITY)
        return 1 << 20;
    return limit.rlim_max;
}

/* What an nginx that was taken over runs with. */
static void
read_conf(struct weir_house *house)
{
    if (house->conf == NULL)
        (void)!weir_read_file(house->nginx_words[2], &house->conf,
                              &house->conf_len, NULL);
}

/* The text, tried under another name. */
static weir_status
try_text(const struct weir_house *house, weir_span text, char trial_out[1200],
         struct weir_error *err)
{
    snprintf(trial_out, 1200, "%s.trial", house->nginx_words[2]);
    weir_status status = weir_write_file(trial_out, text, 0600, err);
    return status == WEIR_OK ? try_conf(house->nginx_words[0],
                                        house->nginx_words[1], trial_out, err)
                             : status;
}

static weir_status
replace_conf(struct weir_house *house, weir_span text, struct weir_error *err)
{
    char trial[1200];
    weir_status status = try_text(house, text, trial, err);
    if (status == WEIR_OK && rename(trial, house->nginx_words[2]) != 0)
        status = weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                           "cannot rename nginx.conf: %s", strerror(errno));
    char *copy = status == WEIR_OK ? malloc(text.len + 1) : NULL;
    if (copy != NULL) {
        memcpy(copy, text.ptr, text.len);
        free(house->conf);
        house->conf = copy;
        house->conf_len = text.len;
    }
    return status;
}

static bool
is_in_force(const struct weir_house *house, weir_span text)
{
    return house->conf != NULL &&
           weir_span_equal((weir_span){house->conf, house->conf_len}, text);
}

weir_status
weir__house_accept(void *context, const struct weir_world *world,
                   const struct weir_image *image, struct weir_error *err)
{
    struct weir_house *house = context;
    struct weir_buf text;
    char trial[1200];
    weir_buf_init(&text, CONF_BYTES_MAX);
    pthread_mutex_lock(&house->lock);
    weir_status status =
        weir_nginx_conf(world, image, &house->control->paths, &house->addresses,
                        files_max(), &text, err);
    if (status == WEIR_OK && !is_in_force(house, weir_buf_span(&text)))
        status = try_text(house, weir_buf_span(&text), trial, err);
    pthread_mutex_unlock(&house->lock);
    weir_buf_fini(&text);
    if (status == WEIR_OK && house->quota != NULL)
        status = weir__house_raise_quota(
            house, image,
            house->control->has_image ? &house->control->image : NULL, err);
    return status;
}

weir_status
weir__house_write_conf(struct weir_house *house, bool *changed_out,
                       struct weir_error *err)
{
    struct weir_control *control = house->control;
    struct weir_buf text;
    weir_buf_init(&text, CONF_BYTES_MAX);
    weir_control_lock(control);
    pthread_mutex_lock(&house->lock);
    read_conf(house);
    weir_status status =
        weir_nginx_conf(control->world, &control->image, &control->paths,
                        &house->addresses, files_max(), &text, err);
    *changed_out =
        status == WEIR_OK && !is_in_force(house, weir_buf_span(&text));
    if (*changed_out)
        status = replace_conf(house, weir_buf_span(&text), err);
    pthread_mutex_unlock(&house->lock);
    pthread_mutex_unlock(&control->lock);
    weir_buf_fini(&text);
    return status;
}

void
weir__house_clear(struct weir_house *house)
{
    static const char *const names[] = {"shadow.sock", "inner.sock"};
    char path[WEIR_PATH_MAX + 32];
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++) {
        snprintf(path, sizeof path, "%s/%s", house->control->paths.run,
                 names[i]);
        (void)unlink(path);
    }
}

/* ---------------------------------------------------------------- weir check */

weir_status
weir_serve_check(struct weir_world *world, weir_span image_bytes,
                 bool *was_tried_out, struct weir_error *err)
{
    struct weir_paths paths = {.config = "weir.yaml"};
    struct weir_addresses none = {0};
    struct weir_image image;
    struct weir_buf text;
    char program[1100], prefix[64] = "/tmp/weir-check-XXXXXX";
    char path[128], command[128];
    weir__house_find_programs(world);
    snprintf(program, sizeof program, "%.*s",
             WEIR_SPAN_ARG(world->settings.nginx_path));
    *was_tried_out = false;
    if (world->settings.nginx_path.len == 0 || access(program, X_OK) != 0 ||
        world->settings.module_path.len == 0)
        return WEIR_OK;
    weir_status status = weir_image_open(image_bytes, &image, err);
    if (status != WEIR_OK)
        return status;
    if (mkdtemp(prefix) == NULL) {
        weir_image_close(&image);
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "cannot make a directory in /tmp: %s",
                         strerror(errno));
    }
    snprintf(paths.run, sizeof paths.run, "%s", prefix);
    snprintf(path, sizeof path, "%s/nginx.conf", prefix);
    weir_buf_init(&text, CONF_BYTES_MAX);
    status =
        weir_nginx_conf(world, &image, &paths, &none, files_max(), &text, err);
    if (status == WEIR_OK)
        status = weir_write_file(path, weir_buf_span(&text), 0600, err);
    if (status == WEIR_OK)
        status = try_conf(program, prefix, path, err);
    *was_tried_out = true;
    weir_buf_fini(&text);
    weir_image_close(&image);
    snprintf(command, sizeof command, "rm -rf %s", prefix);
    (void)!system(command);
    return status;
}

void
weir__house_resolve(struct weir_house *house, unsigned deadline_ms)
{
    uint32_t count = 0;
    struct weir_addresses found;
    weir_control_lock(house->control);
    struct weir_address_wish *wishes =
        weir_address_wishes(house->control->world, &count);
    pthread_mutex_unlock(&house->control->lock);
    if (wishes == NULL)
        return;
    if (weir_addresses_resolve(wishes, count, &house->addresses, deadline_ms,
                               &found)) {
        for (uint32_t i = 0; i < found.count; i++) {
            const struct weir_address_row *row = &found.rows[i];
            if (row->count == 0)
                weir_log(WEIR_LOG_WARN, "origin %s: '%s' does not resolve",
                         row->name, wishes[i].host);
        }
        pthread_mutex_lock(&house->lock);
        weir_addresses_free(&house->addresses);
        house->addresses = found;
        pthread_mutex_unlock(&house->lock);
    }
    free(wishes);
}
