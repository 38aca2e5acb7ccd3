/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists as loaded, and names asked of them.
 *
 * A screen is immutable and counted: a review asks it for seconds without
 * control's lock, while a deed may already have loaded the next one. Files
 * are told apart by what the file system says of them (size, time of change,
 * number), so that looking four times a second costs a few system calls.
 *
 * A list that cannot be read, or that shrank by more than the operator
 * allows, takes nobody off a list: the screen before it stays.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/lists/lists.h"
#include "control/onboarding/parts.h"

/* -------------------------------------------------------------------- lists */

void
weir__lists_free(struct weir__lists *lists)
{
    free(lists->rows);
    *lists = (struct weir__lists){0};
}

void
weir__lists_stamp(struct weir__lists *lists)
{
    uint64_t stamp = lists->count + 1;
    for (uint32_t i = 0; i < lists->count; i++) {
        const struct weir__list *list = &lists->rows[i];
        struct stat info;
        int64_t seen[6] = {list->effect, -1, -1, -1, -1, list->bad_max};
        if (stat(list->path, &info) == 0) {
            seen[1] = (int64_t)info.st_size;
            seen[2] = (int64_t)info.st_mtim.tv_sec;
            seen[3] = (int64_t)info.st_mtim.tv_nsec;
            seen[4] = (int64_t)info.st_ino;
        }
        stamp = weir_hash64(weir_span_of(list->path), stamp);
        stamp = weir_hash64(weir_span_of(list->name), stamp);
        stamp =
            weir_hash64((weir_span){(const char *)seen, sizeof seen}, stamp);
    }
    lists->stamp = stamp;
}

weir_status
weir__lists_take(const struct weir_world *world, struct weir__lists *lists,
                 struct weir_error *err)
{
    weir__lists_free(lists);
    lists->rows = calloc(world->watchlist_count + 1, sizeof *lists->rows);
    if (lists->rows == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    lists->count = world->watchlist_count;
    lists->threshold = world->onboarding.threshold;
    lists->shrink_ppm = world->onboarding.shrink_ppm;
    for (uint32_t i = 0; i < lists->count; i++) {
        const struct weir_world_watchlist *row = &world->watchlist_rows[i];
        struct weir__list *list = &lists->rows[i];
        if (row->path.len >= sizeof list->path ||
            row->name.len >= sizeof list->name)
            return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                             "the path of list '%.100s' is too long",
                             row->name.ptr);
        memcpy(list->path, row->path.ptr, row->path.len);
        memcpy(list->name, row->name.ptr, row->name.len);
        list->effect = row->effect;
        list->bad_max = row->bad_max;
    }
    weir__lists_stamp(lists);
    return WEIR_OK;
}

/* ------------------------------------------------------------------ loading */

/* The count of entries is kept beside the file, where that can be. */
static bool
is_writable(const char *path)
{
    char directory[WEIR_PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    if (len == 0 || len >= sizeof directory)
        return false;
    memcpy(directory, path, len);
    directory[len] = '\0';
    return access(directory, W_OK) == 0;
}

static weir_status
load_rows(const struct weir__lists *lists, struct weir__screen *screen,
          struct weir_error *err)
{
    struct weir_faults faults;
    weir_status status = WEIR_OK;
    weir_faults_init(&faults);
    for (uint32_t i = 0; status == WEIR_OK && i < lists->count; i++) {
        const struct weir__list *list = &lists->rows[i];
        const struct weir_list_options options = {
            .name = weir_span_of(list->name),
            .effect = (enum weir_screening_effect)list->effect,
            .bad_max = list->bad_max,
            .shrink_ppm = lists->shrink_ppm,
            .remembers = is_writable(list->path),
        };
        struct weir_error own = {0};
        status =
            weir_list_load(list->path, &options, &screen->rows, &faults, &own);
        if (status != WEIR_OK)
            (void)weir_fail(err, status, WEIR_OFFSET_NONE,
                            "screening list '%.40s': %.130s", list->name,
                            own.text);
    }
    weir_faults_fini(&faults);
    return status;
}

weir_status
weir__screen_load(const struct weir__lists *lists,
                  struct weir__screen **screen_out, struct weir_error *err)
{
    struct weir__screen *screen = calloc(1, sizeof *screen);
    if (screen == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    atomic_init(&screen->references, 1);
    weir_screening_rows_init(&screen->rows);
    weir_arena_init_heap(&screen->arena, WEIR_SCREENING_BYTES_MAX);
    screen->stamp = lists->stamp;
    screen->loaded = weir_control_now();
    weir_status status = load_rows(lists, screen, err);
    if (status == WEIR_OK)
        status = weir_screening_build(&screen->rows, &screen->arena,
                                      &screen->index, err);
    if (status != WEIR_OK) {
        weir__screen_unref(screen);
        return status;
    }
    *screen_out = screen;
    return WEIR_OK;
}

struct weir__screen *
weir__screen_ref(struct weir__screen *screen)
{
    if (screen != NULL)
        atomic_fetch_add(&screen->references, 1);
    return screen;
}

void
weir__screen_unref(struct weir__screen *screen)
{
    if (screen == NULL || atomic_fetch_sub(&screen->references, 1) != 1)
        return;
    weir_arena_fini(&screen->arena);
    weir_screening_rows_fini(&screen->rows);
    free(screen);
}

/* ------------------------------------------------------------------- asking */

static void
keep(struct weir__hit hits[WEIR__HITS_MAX], uint32_t *count,
     struct weir__hit one)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (hits[i].entry != one.entry)
            continue;
        if (hits[i].score < one.score)
            hits[i] = one;
        return;
    }
    if (*count < WEIR__HITS_MAX)
        hits[(*count)++] = one;
}

static weir_status
put_hits(const struct weir__hit *hits, uint32_t count, struct weir_arena *arena,
         struct weir__hits *hits_out, struct weir_error *err)
{
    struct weir__hit *rows = weir_arena_array(arena, struct weir__hit, count);
    for (uint32_t i = 0; i < count && rows != NULL; i++) {
        rows[i] = hits[i];
        rows[i].query = weir_arena_copy(arena, hits[i].query);
    }
    if (arena->overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    *hits_out = (struct weir__hits){rows, count};
    return WEIR_OK;
}

weir_status
weir__hits_merge(const struct weir__hits *all, uint32_t count,
                 struct weir_arena *arena, struct weir__hits *hits_out,
                 struct weir_error *err)
{
    struct weir__hit hits[WEIR__HITS_MAX];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < all[i].count; j++)
            keep(hits, &kept, all[i].rows[j]);
    }
    return put_hits(hits, kept, arena, hits_out, err);
}

weir_status
weir__screen_ask(const struct weir__screen *screen,
                 struct weir_screening_scratch *scratch, const weir_span *names,
                 uint32_t name_count, uint32_t threshold,
                 struct weir_arena *arena, struct weir__hits *hits_out,
                 struct weir_error *err)
{
    struct weir__hit hits[WEIR__HITS_MAX];
    struct weir_screening_hit found[8];
    uint32_t count = 0;
    for (uint32_t i = 0; i < name_count; i++) {
        struct weir_screening_answer answer =
            weir_screening_query(screen->index, scratch, names[i], threshold,
                                 found, WEIR_COUNTOF(found));
        for (uint32_t j = 0; j < answer.count; j++)
            keep(hits, &count,
                 (struct weir__hit){found[j].entry, found[j].name,
                                    found[j].score, names[i]});
    }
    return put_hits(hits, count, arena, hits_out, err);
}
