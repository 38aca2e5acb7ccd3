/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What workers follow: images, overlays, credentials, and the board.
 *
 *     compile -> image-8 (renamed into place) -> archive -> board.image = 8
 *
 * The board's word is stored with release order after the file is in place,
 * so a worker that sees 8 finds image-8 whole. A worker that still reads 7
 * while 8 appears opens image-7: run files of old generations therefore stay
 * for KEEP_US after they were replaced. Mapped files outlive their names.
 *
 * ORDER. Image before overlay: a worker reads the overlay's word first, so
 * it never joins a new overlay, from which a revocation may have been
 * dropped, with an old image that still has the key.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weir/crypto.h>

#include "control/config/config.h"
#include "control/egress/egress.h"
#include "control/evidence/merge.h"
#include "control/explain/sources.h"
#include "control/keyring/keyring.h"
#include "control/log.h"
#include "control/onboarding/onboarding.h"
#include "control/parts.h"
#include "control/sharing/sharing.h"

#define LOG_DOUBTS_MAX 20

#define KEEP_US        (30 * WEIR_US_PER_SEC)

/* How long an image that decided nothing stays in the archive after it was
 * replaced: longer than any call waits between its decision and its record. */
#define ARCHIVE_KEEP_US (600 * WEIR_US_PER_SEC)

weir_status
weir__control_next_generation(struct weir_control *control, const char *name,
                              uint64_t on_board, uint64_t *generation_out,
                              struct weir_error *err)
{
    int64_t value = 0;
    weir_status status =
        weir_store_number_next(control->store, name, &value, err);
    /* A board can be ahead of a store that was restored from a copy. */
    if (status == WEIR_OK && (uint64_t)value <= on_board) {
        value = (int64_t)on_board + 1;
        status = weir_store_number_set(control->store, name, value, err);
    }
    if (status == WEIR_OK)
        *generation_out = (uint64_t)value;
    return status;
}

void
weir__control_run_path(const struct weir_control *control, const char *name,
                       uint64_t generation, char path_out[WEIR_PATH_MAX + 48])
{
    snprintf(path_out, WEIR_PATH_MAX + 48, "%s/%s-%llu", control->paths.run,
             name, (unsigned long long)generation);
}

/* ------------------------------------------------------------------- image */

static weir_status
put_image(struct weir_control *control, weir_span bytes,
          const struct weir_image *image, uint64_t generation,
          struct weir_error *err)
{
    char run[WEIR_PATH_MAX + 48], archive[WEIR_PATH_MAX + 80], hex[65];
    struct weir_image mapped;
    const struct weir_actor self = {"control", WEIR_ROLE_ADMIN};
    char detail[80];
    weir_archive_path(&control->paths, image->digest, archive);
    weir__control_run_path(control, "image", generation, run);
    weir_status status = WEIR_OK;
    if (access(archive, F_OK) != 0)
        status = weir_write_file(archive, bytes, 0400, err);
    if (status == WEIR_OK)
        status = weir_write_file(run, bytes, 0400, err);
    if (status == WEIR_OK)
        status = weir_image_map(run, &mapped, err);
    if (status != WEIR_OK)
        return status;
    hex[weir_hex_encode((weir_span){(const char *)image->digest, 32}, hex)] =
        '\0';
    snprintf(detail, sizeof detail, "{\"generation\":%llu}",
             (unsigned long long)generation);
    status = weir__control_note(control, &self, "image.publish",
                                weir_span_of(hex), detail, err);
    if (status != WEIR_OK) {
        weir_image_close(&mapped);
        return status;
    }
    if (control->has_image) {
        /* Its time is now that of its end. */
        weir_archive_path(&control->paths, control->image.digest, archive);
        (void)utimensat(AT_FDCWD, archive, NULL, 0);
        weir_sources_path(&control->paths, control->image.digest, archive);
        (void)utimensat(AT_FDCWD, archive, NULL, 0);
        weir_image_close(&control->image);
    }
    control->edition++;
    control->image = mapped;
    control->has_image = true;
    __atomic_store_n(&control->board->image, generation, __ATOMIC_RELEASE);
    return WEIR_OK;
}

/*
 * Beside the archived image: which line said what. The lines are those of
 * the sources, so an image that differs by its keys alone links to the file
 * of the one before. Explanations without it lack the lines and nothing
 * else, so a failure is said and publishing goes on.
 */
static void
put_sources(struct weir_control *control, const struct weir_world *world,
            const struct weir_image *image, const uint8_t before[32])
{
    char path[WEIR_PATH_MAX + 80], old[WEIR_PATH_MAX + 80];
    struct weir_error err = {0};
    struct weir_buf bytes;
    weir_sources_path(&control->paths, image->digest, path);
    if (control->sources_of == world && before != NULL) {
        weir_sources_path(&control->paths, before, old);
        if (link(old, path) == 0 || errno == EEXIST)
            return;
    }
    weir_buf_init(&bytes, WEIR_WORLD_BYTES_MAX);
    weir_sources_write(world, &bytes);
    weir_status status =
        bytes.overflow
            ? weir_fail(&err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                        "they pass the memory given")
            : weir_write_file(path, weir_buf_span(&bytes), 0400, &err);
    weir_buf_fini(&bytes);
    control->sources_of = status == WEIR_OK ? world : NULL;
    if (status != WEIR_OK)
        weir_log(WEIR_LOG_WARN, "the sources of the image are not kept: %s",
                 err.text);
}

weir_status
weir__control_publish_image(struct weir_control *control,
                            struct weir_world *world,
                            struct weir_faults *faults, struct weir_error *err)
{
    struct weir_buf bytes;
    struct weir_image image;
    uint64_t generation;
    control->edition++; /* the merge changes the world */
    weir_status status = weir__control_next_generation(
        control, "image", control->board->image, &generation, err);
    if (status != WEIR_OK)
        return status;
    status =
        weir_evidence_merge(world, control->store, weir_control_now(), err);
    if (status != WEIR_OK)
        return status;
    weir_buf_init(&bytes, WEIR_WORLD_BYTES_MAX);
    status = weir_config_compile(world, weir_control_now(), generation, &bytes,
                                 faults);
    if (status != WEIR_OK)
        status = weir_fail(err, status, WEIR_OFFSET_NONE,
                           "the sources do not compile");
    else
        status = weir_image_open(weir_buf_span(&bytes), &image, err);
    if (status == WEIR_OK) {
        bool is_same = control->has_image && control->board->image != 0 &&
                       memcmp(image.digest, control->image.digest, 32) == 0;
        if (control->accept != NULL)
            status =
                control->accept(control->accept_context, world, &image, err);
        uint8_t before[32] = {0};
        bool had_image = control->has_image;
        if (had_image)
            memcpy(before, control->image.digest, sizeof before);
        if (status == WEIR_OK && !is_same)
            status = put_image(control, weir_buf_span(&bytes), &image,
                               generation, err);
        if (status == WEIR_OK && !(is_same && control->sources_of == world))
            put_sources(control, world, &image,
                        had_image && !is_same ? before : NULL);
        if (status == WEIR_OK) {
            control->publications++;
            weir_onboarding_ring(control);
        }
        weir_image_close(&image);
    }
    weir_buf_fini(&bytes);
    return status;
}

/* ------------------------------------------------------------- credentials */

/* The file in force, malloc'ed; false: there is none. Wipe it. */
static bool
read_credentials(struct weir_control *control, char **bytes_out,
                 size_t *len_out)
{
    char path[WEIR_PATH_MAX + 48];
    if (control->board->credentials == 0)
        return false;
    weir__control_run_path(control, "credentials", control->board->credentials,
                           path);
    return weir_read_file(path, bytes_out, len_out, NULL) == WEIR_OK;
}

static bool
credentials_changed(struct weir_control *control, weir_span bytes)
{
    char *before = NULL;
    size_t len = 0;
    if (!read_credentials(control, &before, &len))
        return true;
    bool is_same = weir_span_equal((weir_span){before, len}, bytes);
    weir_wipe(before, len);
    free(before);
    return !is_same;
}

/* The key that names of files and batches are sealed with: the store's, so
 * that all nodes on it agree. No origin has a name that begins with a dot. */
static weir_status
put_seal(struct weir_control *control, struct weir_buf *out,
         struct weir_error *err)
{
    uint8_t key[32];
    char text[WEIR_HEX_LEN(sizeof key)];
    bool is_there = false;
    if (control->store == NULL)
        return WEIR_OK;
    weir_status status =
        weir_store_secret_get(control->store, "seal", key, &is_there, err);
    if (status == WEIR_OK && !is_there) {
        status = weir_random(&weir_control_env, key, sizeof key);
        if (status == WEIR_OK)
            status = weir_store_secret_set(control->store, "seal", key, err);
    }
    if (status == WEIR_OK) {
        (void)weir_hex_encode((weir_span){(const char *)key, sizeof key}, text);
        weir_buf_addf(out, ".seal\t0\t0\t");
        weir_buf_add(out, text, sizeof text);
        weir_buf_add_byte(out, '\n');
    }
    weir_wipe(key, sizeof key);
    weir_wipe(text, sizeof text);
    return status;
}

weir_status
weir__control_write_credentials(struct weir_control *control,
                                struct weir_error *err)
{
    struct weir_buf bytes;
    char path[WEIR_PATH_MAX + 48];
    uint64_t generation;
    weir_status status = WEIR_OK;
    /* Fixed memory: a growing buffer would leave copies behind. */
    size_t size = (size_t)1 << 20;
    char *memory = malloc(size);
    if (memory == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    weir_buf_init_fixed(&bytes, memory, size);
    /* Never empty: an empty file cannot be mapped. */
    weir_buf_addf(&bytes, "# name, end, made from, secret\n");
    weir__keyring_put(control, &bytes);
    status = put_seal(control, &bytes, err);
    if (status == WEIR_OK && bytes.overflow)
        status = weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                           "the credentials of all origins pass 1 MiB");
    else if (status == WEIR_OK &&
             credentials_changed(control, weir_buf_span(&bytes))) {
        status = weir__control_next_generation(control, "credentials",
                                               control->board->credentials,
                                               &generation, err);
        if (status == WEIR_OK) {
            weir__control_run_path(control, "credentials", generation, path);
            status = weir_write_file(path, weir_buf_span(&bytes), 0600, err);
        }
        if (status == WEIR_OK)
            __atomic_store_n(&control->board->credentials, generation,
                             __ATOMIC_RELEASE);
    }
    weir_wipe(memory, size);
    free(memory);
    return status;
}

weir_status
weir__control_publish_credentials(struct weir_control *control,
                                  struct weir_error *err)
{
    char *before = NULL;
    size_t len = 0;
    bool had_one = read_credentials(control, &before, &len);
    weir_status status =
        weir__keyring_follow(control, (weir_span){before, len}, err);
    if (had_one) {
        weir_wipe(before, len);
        free(before);
    }
    return status == WEIR_OK ? weir__control_write_credentials(control, err)
                             : status;
}

/* ------------------------------------------------------------------- whole */

weir_status
weir_control_publish(struct weir_control *control, struct weir_faults *faults,
                     struct weir_error *err)
{
    weir_control_lock(control);
    weir_status status =
        weir__control_publish_image(control, control->world, faults, err);
    if (status == WEIR_OK)
        status = weir__control_publish_overlay(control, err);
    if (status == WEIR_OK)
        status = weir__control_publish_credentials(control, err);
    if (status == WEIR_OK)
        status = weir__share_publish(control, err);
    pthread_mutex_unlock(&control->lock);
    if (status == WEIR_OK)
        weir_control_confirm(control);
    return status;
}

void
weir_control_say_doubts(const struct weir_control *control)
{
    struct weir_faults doubts;
    weir_faults_init(&doubts);
    weir_config_doubts(control->world, weir_control_now(), &doubts);
    for (uint32_t i = 0; i < doubts.count && i < LOG_DOUBTS_MAX; i++) {
        const struct weir_fault *row = &doubts.rows[i];
        weir_log(WEIR_LOG_WARN, "%.*s:%u:%u: %.*s",
                 WEIR_SPAN_ARG(row->place.file), row->place.line,
                 row->place.column, WEIR_SPAN_ARG(row->text));
    }
    if (doubts.total > LOG_DOUBTS_MAX)
        weir_log(WEIR_LOG_WARN, "and %u doubts more: weir check",
                 doubts.total - LOG_DOUBTS_MAX);
    weir_faults_fini(&doubts);
}

/* Holds go before the image that they are for, and neither lasts without the
 * other. */
static weir_status
publish_world(struct weir_control *control, struct weir_world *world,
              struct weir_faults *faults, struct weir_error *err)
{
    bool is_held = false;
    weir_status status = weir_store_begin(control->store, err);
    if (status != WEIR_OK)
        return status;
    status =
        weir_evidence_merge(world, control->store, weir_control_now(), err);
    if (status == WEIR_OK)
        status = weir_onboarding_ahead(control, world, &is_held, err);
    if (status == WEIR_OK)
        status = weir__control_load_keys(control, world, err);
    if (status == WEIR_OK)
        status = weir__control_publish_image(control, world, faults, err);
    status = weir__control_finish(control, status, err);
    if (status == WEIR_OK)
        return WEIR_OK;
    control->sources_of = NULL; /* the world goes */
    if (is_held && weir__control_publish_overlay(control, NULL) != WEIR_OK)
        weir_log(WEIR_LOG_WARN, "keys held for refused sources stay on hold");
    return status;
}

/* The new world takes the old one's place only when its image is in force. */
weir_status
weir_control_reload(struct weir_control *control, struct weir_faults *faults,
                    struct weir_error *err)
{
    struct weir_world *world = NULL, *before;
    weir_status status =
        weir_config_load(control->paths.config, &world, faults);
    if (status != WEIR_OK) {
        control->reload_failures++;
        control->reload_failed_last = true;
        weir_world_free(world);
        return weir_fail(err, status, WEIR_OFFSET_NONE,
                         "the configuration is faulty");
    }
    if (control->complete != NULL)
        control->complete(world);
    weir_control_lock(control);
    if (!weir_span_equal(world->settings.state_dir,
                         control->world->settings.state_dir))
        status = weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                           "the state directory cannot change in a reload");
    if (status == WEIR_OK)
        status = publish_world(control, world, faults, err);
    before = status == WEIR_OK ? control->world : world;
    if (status == WEIR_OK) {
        control->edition++;
        control->world = world;
        status = weir_egress_follow(world, err);
        control->reloads++;
        control->reload_failed_last = false;
        weir_control_say_doubts(control);
        if (status == WEIR_OK)
            status = weir__control_publish_overlay(control, err);
    } else {
        control->reload_failures++;
        control->reload_failed_last = true;
    }
    if (status == WEIR_OK)
        status = weir__control_publish_credentials(control, err);
    if (status == WEIR_OK)
        status = weir__share_publish(control, err);
    pthread_mutex_unlock(&control->lock);
    weir_world_free(before);
    if (status == WEIR_OK)
        weir_control_confirm(control);
    return status;
}

void
weir_control_confirm(struct weir_control *control)
{
    __atomic_store_n(&control->board->confirmed_us, weir_control_now(),
                     __ATOMIC_RELEASE);
}

/* ------------------------------------------------------------------- sweep */

/* "image-7" -> 7 for name "image"; 0: something else. */
static uint64_t
generation_in(const char *file, const char *name)
{
    size_t len = strlen(name);
    uint64_t value;
    if (strncmp(file, name, len) != 0 || file[len] != '-' ||
        !weir_span_to_u64(weir_span_of(file + len + 1), &value))
        return 0;
    return value;
}

static bool
is_old(int directory, const char *name, weir_time keep_us)
{
    struct stat info;
    return fstatat(directory, name, &info, 0) == 0 &&
           (weir_time)info.st_mtime * WEIR_US_PER_SEC + keep_us <
               weir_control_now();
}

static void
sweep_run(struct weir_control *control)
{
    DIR *directory = opendir(control->paths.run);
    const struct dirent *entry;
    const struct weir_board *board = control->board;
    /* The file's own age counts, not its successor's: what was replaced a
     * moment ago and is older than that may still be being opened, so the
     * generation just before the newest stays too. */
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        uint64_t image = generation_in(entry->d_name, "image");
        uint64_t overlay = generation_in(entry->d_name, "overlay");
        uint64_t secrets = generation_in(entry->d_name, "credentials");
        uint64_t shared = generation_in(entry->d_name, "indicators");
        bool is_past = (image != 0 && image + 2 < board->image) ||
                       (overlay != 0 && overlay + 2 < board->overlay) ||
                       (secrets != 0 && secrets < board->credentials) ||
                       (shared != 0 && shared + 2 < board->indicators);
        if (is_past && is_old(dirfd(directory), entry->d_name, KEEP_US))
            unlinkat(dirfd(directory), entry->d_name, 0);
    }
    if (directory != NULL)
        closedir(directory);
}

static void
sweep_archive(struct weir_control *control)
{
    DIR *directory = opendir(control->paths.images);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        weir_span name = weir_span_of(entry->d_name);
        uint8_t digest[32];
        size_t len = 0;
        bool is_used = true;
        if ((name.len != 64 + sizeof ".image" - 1 &&
             name.len != 64 + sizeof ".sources" - 1) ||
            !weir_hex_decode((weir_span){name.ptr, 64}, digest, 32, &len))
            continue;
        if (control->has_image &&
            memcmp(digest, control->image.digest, 32) == 0)
            continue;
        /* An image is named by calls that the journal may still hold. */
        if (weir_store_image_is_used(control->store, digest, &is_used, NULL) ==
                WEIR_OK &&
            !is_used &&
            is_old(dirfd(directory), entry->d_name, ARCHIVE_KEEP_US))
            unlinkat(dirfd(directory), entry->d_name, 0);
    }
    if (directory != NULL)
        closedir(directory);
}

void
weir_control_sweep(struct weir_control *control, bool is_current)
{
    weir_control_lock(control);
    sweep_run(control);
    if (is_current)
        sweep_archive(control);
    pthread_mutex_unlock(&control->lock);
}
