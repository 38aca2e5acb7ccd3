/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What time does to bundles. A word ends in every worker by itself; here its
 * row is closed, its text removed and the set made smaller. Texts of bundles
 * that no longer count are not kept: the row and its digest are.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/beat.h"
#include "control/log.h"
#include "control/parts.h"
#include "control/sharing/parts.h"

struct weir_share_keeper {
    struct weir_beat beat;
    struct weir_control *control;
};

struct looking {
    weir_time now;
    int64_t *numbers; /* that count */
    size_t count;
    bool is_over; /* one is */
    bool is_full;
};

static bool
look(void *context, const struct weir_share_bundle *row)
{
    struct looking *looking = context;
    looking->is_over = looking->is_over || row->expires <= looking->now;
    int64_t *more = realloc(looking->numbers,
                            (looking->count + 1) * sizeof *looking->numbers);
    if (more == NULL) {
        looking->is_full = true;
        return false;
    }
    looking->numbers = more;
    more[looking->count++] = row->number;
    return true;
}

static bool
counts(const struct looking *looking, int64_t number)
{
    for (size_t i = 0; i < looking->count; i++)
        if (looking->numbers[i] == number)
            return true;
    return false;
}

/* Texts of bundles that count no more, and of imports that died. */
static void
sweep(const struct weir_control *control, const struct looking *looking)
{
    char path[WEIR_PATH_MAX + 48];
    snprintf(path, sizeof path, "%s/sharing", control->paths.state);
    DIR *directory = opendir(path);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        weir_span name = weir_span_of(entry->d_name);
        uint64_t number = 0;
        if (!weir_span_ends(name, WEIR_SPAN(".bundle")))
            continue;
        name.len -= sizeof ".bundle" - 1;
        if (weir_span_to_u64(name, &number) &&
            !counts(looking, (int64_t)number))
            unlinkat(dirfd(directory), entry->d_name, 0);
    }
    if (directory != NULL)
        closedir(directory);
}

static weir_status
end_those_over(struct weir_control *control, weir_time now,
               struct weir_error *err)
{
    int64_t changed = 0;
    weir_status status = weir_store_begin(control->store, err);
    if (status != WEIR_OK)
        return status;
    status = weir__share_expire(control->store, now, err);
    if (status == WEIR_OK)
        status = weir_store_number_next(control->store, "sharing.changed",
                                        &changed, err);
    return weir__control_finish(control, status, err);
}

weir_status
weir_share_turn(struct weir_control *control, struct weir_error *err)
{
    struct looking looking = {.now = weir_control_now()};
    int64_t changed = 0, published = 0, swept = 0;
    weir_control_lock(control);
    struct weir_store *store = control->store;
    weir_status status = weir__share_live(store, look, &looking, err);
    if (status == WEIR_OK && looking.is_over) {
        status = end_those_over(control, looking.now, err);
        looking.count = 0;
        if (status == WEIR_OK)
            status = weir__share_live(store, look, &looking, err);
    }
    if (status == WEIR_OK)
        status = weir_store_number_get(store, "sharing.changed", &changed, err);
    if (status == WEIR_OK)
        status =
            weir_store_number_get(store, "sharing.published", &published, err);
    if (status == WEIR_OK && changed != published)
        status = weir__share_publish_owed(control, err);
    if (status == WEIR_OK)
        status = weir_store_number_get(store, "sharing.swept", &swept, err);
    if (status == WEIR_OK && swept != changed && !looking.is_full) {
        sweep(control, &looking);
        status = weir_store_number_set(store, "sharing.swept", changed, err);
    }
    pthread_mutex_unlock(&control->lock);
    free(looking.numbers);
    return status;
}

static void *
run(void *context)
{
    struct weir_share_keeper *keeper = context;
    bool failed_last = false;
    while (weir_beat_wait(&keeper->beat, WEIR_US_PER_SEC)) {
        struct weir_error err = {0};
        weir_status status = weir_share_turn(keeper->control, &err);
        if (status != WEIR_OK && !failed_last)
            weir_log(WEIR_LOG_ERROR, "shared indicators are not kept: %s",
                     err.text);
        failed_last = status != WEIR_OK;
    }
    return NULL;
}

weir_status
weir_share_start(struct weir_control *control, struct weir_share_keeper **out,
                 struct weir_error *err)
{
    struct weir_share_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    keeper->control = control;
    weir_status status =
        weir_beat_start(&keeper->beat, run, keeper, "shared indicators", err);
    if (status != WEIR_OK) {
        free(keeper);
        return status;
    }
    *out = keeper;
    return WEIR_OK;
}

void
weir_share_stop(struct weir_share_keeper *keeper)
{
    if (keeper == NULL)
        return;
    weir_beat_stop(&keeper->beat);
    free(keeper);
}
