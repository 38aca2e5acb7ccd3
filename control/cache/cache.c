/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file in shared memory beside the table of health. It is made anew when
 * the settings ask for another size: the old one is marked as retired, and
 * each worker lets go of it within a second.
 *
 * WHY A WITHDRAWAL PURGES EVERYTHING. A hit asks whether the deployment that
 * made an answer may serve this caller now, so nothing withdrawn is given
 * anyway. But who withdraws expects that it is gone, and withdrawals are
 * rare.
 */
#include "control/cache/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/log.h"
#include "control/parts.h"

#define TTL_MS 3600000u

struct file {
    void *map;
    size_t bytes;
    struct weir_cache *cache;
};

static void
name(const char *run, char path_out[WEIR_PATH_MAX + 16])
{
    snprintf(path_out, WEIR_PATH_MAX + 16, "%s/cache", run);
}

static void
close_file(struct file *file)
{
    if (file->map != NULL)
        munmap(file->map, file->bytes);
    *file = (struct file){.map = NULL};
}

static bool
map(int handle, struct file *file_out)
{
    struct stat info;
    if (fstat(handle, &info) != 0 || info.st_size <= 0)
        return false;
    void *memory = mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE,
                        MAP_SHARED, handle, 0);
    if (memory == MAP_FAILED)
        return false;
    *file_out = (struct file){.map = memory, .bytes = (size_t)info.st_size};
    return true;
}

static bool
open_file(const char *run, struct file *file_out)
{
    char path[WEIR_PATH_MAX + 16];
    *file_out = (struct file){.map = NULL};
    name(run, path);
    int handle = open(path, O_RDWR | O_CLOEXEC);
    if (handle < 0)
        return false;
    bool is_good = map(handle, file_out) &&
                   weir_cache_attach(file_out->map, file_out->bytes,
                                     &file_out->cache, NULL) == WEIR_OK;
    close(handle);
    if (!is_good)
        close_file(file_out);
    return is_good;
}

static struct weir_cache_setup
setup_of(const struct weir_cache_settings *s)
{
    struct weir_cache_setup setup = {
        .memory = s->memory,
        .tenant_max = s->tenant != 0 ? s->tenant : s->memory / 4,
        .answer_max = s->answer != 0 ? s->answer : WEIR_CACHE_ANSWER,
        .ttl_s = (s->ttl_ms != 0 ? s->ttl_ms : TTL_MS) / 1000,
    };
    if (s->answer == 0 && setup.answer_max > setup.tenant_max / 4)
        setup.answer_max = setup.tenant_max / 4;
    setup.ttl_s += setup.ttl_s == 0;
    return setup;
}

static bool
make(const char *path, const struct weir_cache_setup *setup,
     struct weir_error *err)
{
    char beside[WEIR_PATH_MAX + 24];
    uint8_t secret[WEIR_DIGEST_BYTES];
    struct file made = {.map = NULL};
    size_t bytes = weir_cache_size(setup);
    snprintf(beside, sizeof beside, "%s.new", path);
    int handle = open(beside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_good = bytes > 0 && handle >= 0 &&
                   weir_random_system(NULL, secret, sizeof secret) &&
                   ftruncate(handle, (off_t)bytes) == 0 && map(handle, &made) &&
                   weir_cache_format(made.map, made.bytes, setup, secret,
                                     &made.cache, err) == WEIR_OK &&
                   rename(beside, path) == 0;
    if (!is_good)
        (void)weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%s",
                        bytes == 0 ? "its sizes do not fit each other"
                                   : strerror(errno));
    weir_wipe(secret, sizeof secret);
    if (handle >= 0)
        close(handle);
    close_file(&made);
    return is_good;
}

void
weir_cache_file_make(const char *run,
                     const struct weir_cache_settings *settings)
{
    char path[WEIR_PATH_MAX + 16];
    struct weir_error err = {0};
    struct file file;
    struct weir_cache_setup setup = setup_of(settings);
    name(run, path);
    if (open_file(run, &file)) {
        const struct weir_cache_setup *now = weir_cache_setup_get(file.cache);
        bool is_same = settings->memory == now->memory &&
                       setup.tenant_max == now->tenant_max &&
                       setup.answer_max == now->answer_max &&
                       setup.ttl_s == now->ttl_s;
        if (!is_same) {
            weir_cache_retire(file.cache);
            unlink(path);
        }
        close_file(&file);
        if (is_same)
            return;
    }
    if (settings->memory != 0 && !make(path, &setup, &err))
        weir_log(WEIR_LOG_WARN,
                 "no cache of answers (%s): every call goes to "
                 "its origin",
                 err.text);
}

static bool
is_tenant(const struct weir_image *image, weir_span tenant)
{
    for (uint32_t i = 0; i < image->tenant_count; i++)
        if (weir_span_equal(weir_image_text(image, image->tenants[i].name),
                            tenant))
            return true;
    return false;
}

void
weir_cache_file_purge(const char *run, weir_span tenant)
{
    uint8_t secret[WEIR_DIGEST_BYTES];
    struct file file;
    if (!open_file(run, &file))
        return;
    if (!weir_random_system(NULL, secret, sizeof secret))
        weir_log(WEIR_LOG_ERROR, "no randomness: the cache is not purged");
    else if (tenant.len == 0)
        weir_cache_purge_all(file.cache, secret);
    else
        weir_cache_purge(file.cache, weir_image_tenant_hash(tenant), secret);
    weir_wipe(secret, sizeof secret);
    close_file(&file);
}

static weir_status
note(struct weir_control *control, const struct weir_actor *actor,
     weir_span tenant, struct weir_error *err)
{
    weir_status status = weir_store_begin(control->store, err);
    if (status != WEIR_OK)
        return status;
    status = weir__control_note(control, actor, "cache.purge",
                                tenant.len > 0 ? tenant : WEIR_SPAN("all"),
                                "{}", err);
    return weir__control_finish(control, status, err);
}

weir_status
weir_cache_purge_noted(struct weir_control *control,
                       const struct weir_actor *actor, weir_span tenant,
                       struct weir_error *err)
{
    weir_status status = WEIR_OK;
    weir_control_lock(control);
    if (tenant.len > 0 && control->has_image &&
        !is_tenant(&control->image, tenant))
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "no tenant '%.*s'", WEIR_SPAN_ARG(tenant));
    if (status == WEIR_OK)
        status = note(control, actor, tenant, err);
    pthread_mutex_unlock(&control->lock);
    if (status == WEIR_OK)
        weir_cache_file_purge(control->paths.run, tenant);
    return status;
}

bool
weir_cache_file_stats(const char *run, struct weir_cache_setup *setup_out,
                      struct weir_cache_stats *stats_out)
{
    struct file file;
    if (!open_file(run, &file))
        return false;
    *setup_out = *weir_cache_setup_get(file.cache);
    weir_cache_stats_get(file.cache, stats_out);
    close_file(&file);
    return true;
}

uint64_t
weir_cache_file_bytes(const char *run, weir_span tenant)
{
    struct file file;
    if (!open_file(run, &file))
        return 0;
    uint64_t bytes =
        weir_cache_bytes(file.cache, weir_image_tenant_hash(tenant));
    close_file(&file);
    return bytes;
}
