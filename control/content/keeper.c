/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The room's thread: gives workers keys and classes, and erases what is over
 * its ceiling. The master key is in its memory alone, from the first time it
 * is fetched until the configuration changes.
 */
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "control/beat.h"
#include "control/content/parts.h"
#include "control/log.h"

#define RULES_BYTES_MAX ((size_t)256 << 20)
#define BYTES_DEFAULT   (UINT64_C(64) << 20)
#define SWEEP_SECONDS   5
#define RETRY_SECONDS   10

static atomic_uint stirred;

struct weir_content_keeper {
    struct weir_beat beat;
    struct weir_control *control;
    struct weir__content_settings settings;
    struct weir__content_master master;
    bool has_master;
    bool is_published;
    unsigned stirred;
    uint64_t edition;
    unsigned wait; /* seconds until the next try after a failure */
    char said[192];
};

void
weir__content_stir(void)
{
    atomic_fetch_add(&stirred, 1);
}

/* ----------------------------------------------------------------- the rules */

struct names {
    char (*rows)[WEIR_CONTENT_TENANT_MAX];
    uint32_t count;
};

static int
compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The tenants' names, sorted; false: out of memory. */
static bool
tenants_of(struct weir_control *control, struct names *names_out)
{
    weir_control_lock(control);
    const struct weir_world *world = control->world;
    names_out->count = 0;
    names_out->rows = calloc(world->tenant_count + 1, sizeof *names_out->rows);
    for (uint32_t i = 0; names_out->rows != NULL && i < world->tenant_count;
         i++)
        snprintf(names_out->rows[names_out->count++], WEIR_CONTENT_TENANT_MAX,
                 "%.*s", WEIR_SPAN_ARG(world->tenant_rows[i].name));
    pthread_mutex_unlock(&control->lock);
    if (names_out->rows == NULL)
        return false;
    qsort(names_out->rows, names_out->count, sizeof *names_out->rows,
          compare_names);
    return true;
}

static void
add_classes(const struct weir__content_settings *settings, struct weir_buf *out)
{
    for (uint32_t i = 0; i < settings->class_count; i++) {
        const struct weir__content_class *row = &settings->classes[i];
        struct weir_content_class class = {.bytes_max = row->bytes_max,
                                           .is_must = !row->is_optional};
        memcpy(class.name, row->name, sizeof class.name);
        weir_buf_add(out, &class, sizeof class);
    }
}

static weir_status
add_tenants(struct weir_content_keeper *keeper, const struct names *names,
            struct weir_buf *out, struct weir_error *err)
{
    const struct weir_paths *paths = &keeper->control->paths;
    for (uint32_t i = 0; i < names->count; i++) {
        struct weir__content_key key;
        struct weir_content_tenant row;
        weir_status status = weir__content_key_get(paths, names->rows[i],
                                                   &keeper->master, &key, err);
        if (status == WEIR_ENOTFOUND)
            status = weir__content_key_make(paths, names->rows[i],
                                            &keeper->master, &key, err);
        if (status != WEIR_OK)
            return status;
        memset(&row, 0, sizeof row);
        memcpy(row.name, names->rows[i], sizeof row.name);
        memcpy(row.key_id, key.id, sizeof row.key_id);
        row.key = key.key;
        weir_buf_add(out, &row, sizeof row);
        weir_wipe(&row, sizeof row);
        weir_wipe(&key, sizeof key);
    }
    return WEIR_OK;
}

static weir_status
make_folders(const struct weir_paths *paths, char path_out[WEIR__CONTENT_PATH],
             struct weir_error *err)
{
    char keys[WEIR__CONTENT_PATH];
    weir__content_path(paths, "keys", keys);
    weir__content_path(paths, "", path_out);
    weir_status status = weir_make_directory(path_out, 0700, err);
    return status == WEIR_OK ? weir_make_directory(keys, 0700, err) : status;
}

/* Without keys (the master cannot be had) every class that must be kept
 * refuses its calls: that is better than serving them unkept. */
static weir_status
write_rules(struct weir_content_keeper *keeper, bool has_keys,
            struct weir_error *err)
{
    const struct weir__content_settings *s = &keeper->settings;
    struct weir_content_rules rules = {
        .magic = WEIR_CONTENT_RULES_MAGIC,
        .class_count = s->class_count,
        .queue_bytes_max =
            s->queue_bytes_max == 0 ? BYTES_DEFAULT : s->queue_bytes_max,
        .free_bytes_min =
            s->free_bytes_min == 0 ? BYTES_DEFAULT : s->free_bytes_min,
    };
    struct names names = {NULL, 0};
    struct weir_buf out;
    char path[WEIR__CONTENT_PATH];
    weir_buf_init(&out, RULES_BYTES_MAX);
    weir_status status = make_folders(&keeper->control->paths, path, err);
    snprintf(rules.directory, sizeof rules.directory, "%.1023s", path);
    if (status == WEIR_OK && has_keys && !tenants_of(keeper->control, &names))
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    rules.tenant_count = names.count;
    weir_buf_add(&out, &rules, sizeof rules);
    add_classes(s, &out);
    if (status == WEIR_OK)
        status = add_tenants(keeper, &names, &out, err);
    if (status == WEIR_OK && out.overflow)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    snprintf(path, sizeof path, "%s/content.rules", keeper->control->paths.run);
    if (status == WEIR_OK)
        status = weir_write_file(path, weir_buf_span(&out), 0600, err);
    if (out.ptr != NULL)
        weir_wipe(out.ptr, out.len);
    weir_buf_fini(&out);
    free(names.rows);
    return status;
}

/* Nothing is kept any more: workers must not have keys. */
static void
remove_rules(struct weir_control *control)
{
    char path[WEIR__CONTENT_PATH];
    snprintf(path, sizeof path, "%s/content.rules", control->paths.run);
    unlink(path);
}

static bool
is_same_master(const struct weir__content_settings *a,
               const struct weir__content_settings *b)
{
    return a->master.kind == b->master.kind &&
           strcmp(a->master_text, b->master_text) == 0;
}

static weir_status
publish(struct weir_content_keeper *keeper, struct weir_error *err)
{
    struct weir__content_settings now;
    unsigned stirs = atomic_load(&stirred);
    bool is_on = weir__content_settings_of(keeper->control, &now);
    if (keeper->is_published && now.edition == keeper->edition &&
        stirs == keeper->stirred)
        return WEIR_OK;
    if (!is_same_master(&now, &keeper->settings)) {
        weir__content_master_drop(&keeper->master);
        keeper->has_master = false;
    }
    keeper->settings = now;
    weir_status status = WEIR_OK;
    if (!is_on) {
        weir__content_master_drop(&keeper->master);
        keeper->has_master = false;
        remove_rules(keeper->control);
    }
    /* What somebody looked at must not stay in memory that was given back. */
    if (is_on)
        (void)mallopt(M_PERTURB, 0x5a);
    if (is_on && !keeper->has_master) {
        status =
            weir__content_master_get(&keeper->settings, &keeper->master, err);
        keeper->has_master = status == WEIR_OK;
    }
    if (is_on && status == WEIR_OK)
        status = write_rules(keeper, true, err);
    if (is_on && status != WEIR_OK)
        (void)!write_rules(keeper, false, NULL);
    if (status == WEIR_OK) {
        keeper->is_published = true;
        keeper->edition = now.edition;
        keeper->stirred = stirs;
    }
    return status;
}

/* ----------------------------------------------------------------- the sweep */

struct sweeping {
    struct weir_content_keeper *keeper;
    weir_time now;
    uint64_t erased;
    weir_status status;
    struct weir_error *err;
};

static bool
sweep_item(void *context, const struct weir_content_item *item)
{
    struct sweeping *sweeping = context;
    const struct weir__content_class *class =
        weir__content_class(&sweeping->keeper->settings, item->meta.class);
    if (item->is_held || class == NULL || item->meta.is_erased ||
        item->meta.when + class->ceiling_us > sweeping->now)
        return true;
    sweeping->status = weir__content_item_erase(
        &sweeping->keeper->control->paths, item, sweeping->err);
    sweeping->erased += sweeping->status == WEIR_OK;
    return sweeping->status == WEIR_OK;
}

struct counting {
    char segment[64];
    uint64_t live;
};

static bool
count_live(void *context, const struct weir_content_item *item)
{
    struct counting *counting = context;
    counting->live +=
        strcmp(item->segment, counting->segment) == 0 && !item->meta.is_erased;
    return counting->live == 0;
}

/* Segments of which nothing is left, and that nobody appends to: full ones
 * and those older than a day. */
static void
remove_empty(const struct weir_paths *paths, weir_time now)
{
    char path[WEIR__CONTENT_PATH];
    struct dirent *entry;
    struct stat info;
    weir__content_path(paths, "", path);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        const struct weir_content_filter all = {.from = WEIR_TIME_MIN};
        struct counting counting = {.live = 0};
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".content") != 0 ||
            strlen(entry->d_name) >= sizeof counting.segment)
            continue;
        weir__content_path(paths, entry->d_name, path);
        if (stat(path, &info) != 0 ||
            (weir_time)info.st_mtime * WEIR_US_PER_SEC + WEIR_US_PER_DAY > now)
            continue;
        snprintf(counting.segment, sizeof counting.segment, "%s",
                 entry->d_name);
        if (weir_content_list(paths, &all, count_live, &counting, NULL) ==
                WEIR_OK &&
            counting.live == 0)
            unlink(path);
    }
    closedir(dir);
}

static weir_status
sweep(struct weir_content_keeper *keeper, weir_time now, struct weir_error *err)
{
    static const struct weir_actor actor = {"control", WEIR_ROLE_ADMIN};
    const struct weir_content_filter all = {.from = WEIR_TIME_MIN};
    struct sweeping sweeping = {.keeper = keeper, .now = now, .err = err};
    weir_status status = weir_content_list(&keeper->control->paths, &all,
                                           sweep_item, &sweeping, err);
    if (status == WEIR_OK)
        status = sweeping.status;
    if (sweeping.erased > 0) {
        weir_status noted = weir__content_note(
            keeper->control, &actor, "content.expire", "ceiling",
            json_pack("{s:I}", "items", (json_int_t)sweeping.erased), err);
        if (status == WEIR_OK)
            status = noted;
        remove_empty(&keeper->control->paths, now);
    }
    return status;
}

/* ---------------------------------------------------------------- the thread */

static void
tell(struct weir_content_keeper *keeper, weir_status status,
     const struct weir_error *err)
{
    if (status == WEIR_OK) {
        keeper->said[0] = '\0';
        return;
    }
    if (strcmp(keeper->said, err->text) != 0)
        weir_log(WEIR_LOG_ERROR, "content: %s", err->text);
    snprintf(keeper->said, sizeof keeper->said, "%s", err->text);
    keeper->wait = RETRY_SECONDS;
}

static void *
run(void *context)
{
    struct weir_content_keeper *keeper = context;
    unsigned seconds = 0;
    do {
        struct weir_error err = {0};
        if (keeper->wait > 0) {
            keeper->wait--;
            continue;
        }
        weir_status status = publish(keeper, &err);
        if (status == WEIR_OK && keeper->settings.class_count > 0 &&
            seconds++ % SWEEP_SECONDS == 0)
            status = sweep(keeper, weir_control_now(), &err);
        tell(keeper, status, &err);
    } while (weir_beat_wait(&keeper->beat, WEIR_US_PER_SEC));
    return NULL;
}

weir_status
weir_content_keeper_start(struct weir_control *control,
                          struct weir_content_keeper **keeper_out,
                          struct weir_error *err)
{
    struct weir_content_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    struct weir_error first = {0};
    keeper->control = control;
    /* Workers that start after this know what must be kept. */
    tell(keeper, publish(keeper, &first), &first);
    weir_status status =
        weir_beat_start(&keeper->beat, run, keeper, "content", err);
    if (status != WEIR_OK) {
        weir_content_keeper_stop(keeper);
        return status;
    }
    *keeper_out = keeper;
    return WEIR_OK;
}

void
weir_content_keeper_stop(struct weir_content_keeper *keeper)
{
    if (keeper == NULL)
        return;
    weir_beat_stop(&keeper->beat);
    weir__content_master_drop(&keeper->master);
    weir_wipe(keeper, sizeof *keeper);
    free(keeper);
}
