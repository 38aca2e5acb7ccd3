/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items in segments. Workers append, nobody moves what is there; a reader
 * goes from head to head and stops where there is none: that is the end, or
 * what a worker is just writing, or what one left that was killed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/content/parts.h"

#define HELD_MAX 4096

struct held {
    struct weir_content_hold rows[HELD_MAX];
    uint32_t count;
};

struct listing {
    const struct weir_paths *paths;
    const struct weir_content_filter *filter;
    weir_content_on_item *on_item;
    void *context;
    struct held *held;
    char tenant[WEIR_CONTENT_TENANT_MAX]; /* whose key id is below */
    struct weir__content_key key;
    bool has_key;
    bool is_enough;
};

static bool
keep_hold(void *context, const struct weir_content_hold *hold)
{
    struct held *held = context;
    if (held->count < HELD_MAX)
        held->rows[held->count++] = *hold;
    return true;
}

static bool
is_held(const struct held *held, const struct weir_content_item *item)
{
    for (uint32_t i = 0; i < held->count; i++) {
        const struct weir_content_hold *row = &held->rows[i];
        const char *name = strcmp(row->kind, "tenant") == 0 ? item->meta.tenant
                                                            : item->request;
        if (strcmp(row->name, name) == 0)
            return true;
    }
    return false;
}

/* Its tenant's key may be gone, or be another by now. */
static void
look_at_key(struct listing *listing, struct weir_content_item *item)
{
    if (item->meta.is_erased)
        return;
    if (strcmp(listing->tenant, item->meta.tenant) != 0) {
        memcpy(listing->tenant, item->meta.tenant, sizeof listing->tenant);
        listing->has_key =
            weir__content_key_get(listing->paths, listing->tenant, NULL,
                                  &listing->key, NULL) == WEIR_OK;
    }
    item->meta.is_erased =
        !listing->has_key ||
        memcmp(listing->key.id, item->meta.key, WEIR_CONTENT_KEY_ID) != 0;
}

static bool
fits(const struct weir_content_filter *filter,
     const struct weir_content_item *item)
{
    return (filter->tenant == NULL ||
            strcmp(filter->tenant, item->meta.tenant) == 0) &&
           (filter->request == NULL ||
            strcmp(filter->request, item->request) == 0) &&
           item->meta.when >= filter->from &&
           (filter->to == 0 || item->meta.when < filter->to);
}

static void
list_segment(struct listing *listing, const char *name)
{
    char path[WEIR__CONTENT_PATH], head[WEIR_CONTENT_HEAD_BYTES];
    struct weir_content_item item;
    uint64_t bytes;
    struct stat info;
    weir__content_path(listing->paths, name, path);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &info) != 0)
        info.st_size = 0;
    memset(&item, 0, sizeof item);
    snprintf(item.segment, sizeof item.segment, "%.63s", name);
    for (uint64_t at = 0; !listing->is_enough; at += bytes) {
        ssize_t got = file < 0 ? 0 : pread(file, head, sizeof head, (off_t)at);
        if (got < (ssize_t)sizeof head ||
            weir_content_read((weir_span){head, sizeof head}, &item.meta,
                              &bytes) != WEIR_OK ||
            at + bytes > (uint64_t)info.st_size)
            break;
        struct weir_request_id id;
        memcpy(id.bytes, item.meta.request, sizeof id.bytes);
        weir_request_id_format(&id, item.request);
        item.offset = at;
        if (!fits(listing->filter, &item))
            continue;
        look_at_key(listing, &item);
        item.is_held = is_held(listing->held, &item);
        if (!item.meta.is_erased || listing->filter->with_erased)
            listing->is_enough = !listing->on_item(listing->context, &item);
    }
    if (file >= 0)
        close(file);
}

static int
is_segment(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot != NULL && strcmp(dot, ".content") == 0 &&
           strlen(entry->d_name) <
               sizeof(((struct weir_content_item *)0)->segment);
}

weir_status
weir_content_list(const struct weir_paths *paths,
                  const struct weir_content_filter *filter,
                  weir_content_on_item *on_item, void *context,
                  struct weir_error *err)
{
    char path[WEIR__CONTENT_PATH];
    struct dirent **names = NULL;
    struct listing listing = {.paths = paths,
                              .filter = filter,
                              .on_item = on_item,
                              .context = context};
    weir__content_path(paths, "", path);
    int count = scandir(path, &names, is_segment, alphasort);
    if (count < 0 && errno == ENOENT)
        return WEIR_OK; /* nothing was ever kept */
    if (count < 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%.120s: %s", path,
                         strerror(errno));
    listing.held = calloc(1, sizeof *listing.held);
    weir_status status =
        listing.held == NULL
            ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
            : weir_content_holds(paths, keep_hold, listing.held, err);
    for (int i = 0; i < count; i++) {
        if (status == WEIR_OK && !listing.is_enough)
            list_segment(&listing, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    free(listing.held);
    return status;
}

static int
open_item(const struct weir_paths *paths, const struct weir_content_item *item,
          int flags, struct weir_error *err)
{
    char path[WEIR__CONTENT_PATH];
    weir__content_path(paths, item->segment, path);
    int file = open(path, flags | O_CLOEXEC);
    if (file < 0)
        (void)weir_fail(err, errno == ENOENT ? WEIR_ENOTFOUND : WEIR_EIO,
                        WEIR_OFFSET_NONE, "%.120s: %s", path, strerror(errno));
    return file;
}

weir_status
weir__content_item_erase(const struct weir_paths *paths,
                         const struct weir_content_item *item,
                         struct weir_error *err)
{
    static const char zeros[WEIR_CONTENT_ERASE_BYTES];
    int file = open_item(paths, item, O_WRONLY, err);
    if (file < 0)
        return WEIR_EIO;
    off_t at = (off_t)(item->offset + WEIR_CONTENT_ERASE_AT);
    bool is_over =
        pwrite(file, zeros, sizeof zeros, at) == (ssize_t)sizeof zeros &&
        fsync(file) == 0;
    int failure = errno;
    close(file);
    return is_over ? WEIR_OK
                   : weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                               "%s could not be erased: %s", item->request,
                               strerror(failure));
}

weir_status
weir__content_item_read(const struct weir_paths *paths,
                        const struct weir_content_item *item,
                        struct weir_buf *out, struct weir_error *err)
{
    size_t size = WEIR_CONTENT_BYTES((size_t)item->meta.kept_bytes);
    char *bytes = malloc(size);
    int file = bytes == NULL ? -1 : open_item(paths, item, O_RDONLY, err);
    bool is_read = file >= 0 && pread(file, bytes, size, (off_t)item->offset) ==
                                    (ssize_t)size;
    if (file >= 0)
        close(file);
    if (is_read)
        weir_buf_add(out, bytes, size);
    free(bytes);
    return is_read && !out->overflow
               ? WEIR_OK
               : weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                           "%s cannot be read from %s", item->request,
                           item->segment);
}
