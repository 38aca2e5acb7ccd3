/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The quota table: made, seeded, swept.
 *
 * The file lives in shared memory and outlives every process, so a restart
 * finds the counters as they were. After the machine restarted (or somebody
 * removed the file) it is made anew and filled from the ledger: for every
 * subject and window that a limit of the image names, what the calls decided
 * in the window in force have used. Days and longer come from the daily
 * totals; minutes and hours from the ledger's own rows.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/exceptions/exceptions.h"
#include "control/log.h"
#include "control/serve/house.h"

#define QUOTA_SLOTS 65536u
#define QUOTA_LANES (WEIR_LANES_MAX + 1)
/* Calls of a worker that hold something at a time: as many as may be open.
 * Pages of those that never are take no memory. */
#define QUOTA_ENTRIES_MIN 4096u
#define QUOTA_ENTRIES_MAX 65536u

static uint32_t
entries_of(const struct weir_house *house)
{
    uint32_t calls = house->control->world->settings.connections_max;
    return calls < QUOTA_ENTRIES_MIN   ? QUOTA_ENTRIES_MIN
           : calls > QUOTA_ENTRIES_MAX ? QUOTA_ENTRIES_MAX
                                       : calls;
}

/* A call that was settled a moment before a budget began is in the ledger
 * some time after: the budget is held against it once more. */
#define RAISE_AGAIN_US (10 * WEIR_US_PER_SEC)

static weir_status
map_file(struct weir_house *house, const char *path, bool *is_new_out,
         struct weir_error *err)
{
    size_t size = weir_quota_size(QUOTA_SLOTS, QUOTA_LANES, entries_of(house));
    struct stat info;
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || fstat(file, &info) != 0)
        goto failed;
    *is_new_out = info.st_size == 0;
    if (*is_new_out && ftruncate(file, (off_t)size) != 0)
        goto failed;
    if (!*is_new_out)
        size = (size_t)info.st_size;
    house->quota_map =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (house->quota_map == MAP_FAILED) {
        house->quota_map = NULL;
        goto failed;
    }
    house->quota_bytes = size;
    close(file);
    return WEIR_OK;
failed:
    (void)weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                    "cannot map the quota table: %s", strerror(errno));
    if (file >= 0)
        close(file);
    return WEIR_EIO;
}

void
weir__house_close_quota(struct weir_house *house)
{
    if (house->quota_map != NULL)
        munmap(house->quota_map, house->quota_bytes);
    house->quota_map = NULL;
    house->quota = NULL;
}

weir_status
weir__house_open_quota(struct weir_house *house, bool *is_new_out,
                       struct weir_error *err)
{
    char path[WEIR_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/quota", house->control->paths.run);
    for (int pass = 0;; pass++) {
        weir_status status = map_file(house, path, is_new_out, err);
        if (status != WEIR_OK)
            return status;
        if (*is_new_out)
            return weir_quota_format(house->quota_map, house->quota_bytes,
                                     QUOTA_SLOTS, QUOTA_LANES,
                                     entries_of(house), &house->quota, err);
        status = weir_quota_attach(house->quota_map, house->quota_bytes,
                                   &house->quota, err);
        if (status == WEIR_OK) {
            *is_new_out = weir_quota_is_rebuilding(house->quota);
            return WEIR_OK;
        }
        weir__house_close_quota(house);
        if (pass == 1)
            return status;
        weir_log(WEIR_LOG_WARN,
                 "the quota table is not usable (%s): made "
                 "anew from the ledger",
                 err->text);
        unlink(path);
    }
}

/* ------------------------------------------------------------------ seeding */

struct seeding {
    struct weir_house *house;
    weir_quota_window window;
    weir_time now;
    bool is_live; /* workers hold meanwhile: counters are raised */
    enum weir_metric metric;
    uint64_t subject;
    weir_span tenant; /* what is summed: empty means any */
    weir_span project;
    weir_span key;
    int64_t used;
};

static bool
add_used(void *context, const struct weir_store_sum *sum)
{
    struct seeding *seeding = context;
    if ((seeding->project.len > 0 &&
         !weir_span_equal(seeding->project, sum->project)) ||
        (seeding->key.len > 0 && !weir_span_equal(seeding->key, sum->key)))
        return true;
    if (seeding->metric == WEIR_METRIC_REQUESTS)
        seeding->used += (int64_t)sum->counted;
    else if (seeding->metric == WEIR_METRIC_TOKENS)
        seeding->used += (int64_t)(sum->input_tokens + sum->output_tokens);
    else
        seeding->used += sum->cost_micros;
    return true;
}

struct exceptions {
    struct seeding *seeding;
    struct weir_store *reading;
    struct weir_error *err;
    weir_status status;
};

/* Batches that origins work on keep what was held for them. */
static weir_status
add_batches(struct seeding *seeding, const struct weir_store_filter *filter,
            struct weir_error *err)
{
    const struct weir_store_batches of = {
        .from = filter->from,
        .to = filter->to,
        .tenant = seeding->tenant,
        .project = seeding->project,
        .key = seeding->key,
    };
    int64_t held[WEIR_METRICS];
    weir_status status =
        weir_store_batches_held(seeding->house->control->store, &of, held, err);
    if (status == WEIR_OK)
        seeding->used += held[seeding->metric];
    return status;
}

static weir_status
seed_limit(struct seeding *seeding, const struct weir_image_limit *limit,
           struct weir_error *err)
{
    struct weir_store *store = seeding->house->control->store;
    struct weir_store_filter filter = {.tenant = seeding->tenant,
                                       .by_project = seeding->project.len > 0,
                                       .by_key = seeding->key.len > 0};
    seeding->window = (weir_quota_window)limit->window;
    seeding->metric = (enum weir_metric)limit->metric;
    seeding->used = 0;
    weir_quota_window_of(seeding->window, seeding->now, &filter.from,
                         &filter.to);
    bool is_short = seeding->window == WEIR_QUOTA_MINUTE ||
                    seeding->window == WEIR_QUOTA_HOUR;
    weir_status status =
        is_short ? weir_store_usage(store, &filter, add_used, seeding, err)
                 : weir_store_totals(store, &filter, add_used, seeding, err);
    if (status == WEIR_OK)
        status = add_batches(seeding, &filter, err);
    if (status != WEIR_OK || seeding->used == 0)
        return status;
    return (seeding->is_live ? weir_quota_raise : weir_quota_seed)(
        seeding->house->quota, seeding->subject,
        (weir_quota_metric)seeding->metric, seeding->window, seeding->now,
        seeding->used);
}

/* The same metric and window among those rows. */
static bool
has_limit(const struct weir_image *image, uint32_t first, uint32_t count,
          const struct weir_image_limit *limit)
{
    for (uint32_t i = 0; i < count; i++)
        if (image->limits[first + i].metric == limit->metric &&
            image->limits[first + i].window == limit->window)
            return true;
    return false;
}

/* Limits that the row's own row of the image before did not have. */
static weir_status
raise_new(struct seeding *seeding, const struct weir_image *image,
          const struct weir_image *before, const uint32_t now[2],
          const uint32_t was[2], struct weir_error *err)
{
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; status == WEIR_OK && i < now[1]; i++) {
        const struct weir_image_limit *limit = &image->limits[now[0] + i];
        if (!has_limit(before, was[0], was[1], limit))
            status = seed_limit(seeding, limit, err);
    }
    return status;
}

/* The row of that hash, most often at the place it has now; NONE. */
#define FIND(rows, count, wanted, at, found_out)                               \
    do {                                                                       \
        found_out = (at) < (count) && (rows)[at].hash == (wanted)              \
                        ? (at)                                                 \
                        : WEIR_INDEX_NONE;                                     \
        for (uint32_t j = 0; found_out == WEIR_INDEX_NONE && j < (count); j++) \
            if ((rows)[j].hash == (wanted))                                    \
                found_out = j;                                                 \
    } while (0)

/*
 * A limit of a tenant's or a project's own that begins in the middle of its
 * window counts what was spent in it before. Those of keys are made with
 * their key, before its first call.
 */
static weir_status
raise_own(struct seeding *seeding, const struct weir_image *image,
          const struct weir_image *before, struct weir_error *err)
{
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; status == WEIR_OK && i < image->tenant_count; i++) {
        const struct weir_image_tenant *row = &image->tenants[i];
        const uint32_t now[2] = {row->first_limit, row->limit_count};
        uint32_t was[2] = {0, 0}, found;
        FIND(before->tenants, before->tenant_count, row->hash, i, found);
        if (found != WEIR_INDEX_NONE) {
            was[0] = before->tenants[found].first_limit;
            was[1] = before->tenants[found].limit_count;
        }
        seeding->tenant = weir_image_text(image, row->name);
        seeding->subject = row->hash;
        status = raise_new(seeding, image, before, now, was, err);
    }
    for (uint32_t i = 0; status == WEIR_OK && i < image->project_count; i++) {
        const struct weir_image_project *row = &image->projects[i];
        const uint32_t now[2] = {row->first_limit, row->limit_count};
        uint32_t was[2] = {0, 0}, found;
        FIND(before->projects, before->project_count, row->hash, i, found);
        if (found != WEIR_INDEX_NONE) {
            was[0] = before->projects[found].first_limit;
            was[1] = before->projects[found].limit_count;
        }
        seeding->tenant =
            weir_image_text(image, image->tenants[row->tenant].name);
        seeding->project = weir_image_text(image, row->name);
        seeding->subject = row->hash;
        status = raise_new(seeding, image, before, now, was, err);
    }
    return status;
}

static weir_status
seed_subject(struct seeding *seeding, uint32_t first, uint32_t count,
             struct weir_error *err)
{
    const struct weir_image *image = &seeding->house->control->image;
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; status == WEIR_OK && i < count; i++)
        status = seed_limit(seeding, &image->limits[first + i], err);
    return status;
}

static weir_status
seed_all(struct seeding *seeding, struct weir_error *err)
{
    const struct weir_image *image = &seeding->house->control->image;
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; status == WEIR_OK && i < image->tenant_count; i++) {
        const struct weir_image_tenant *row = &image->tenants[i];
        seeding->tenant = weir_image_text(image, row->name);
        seeding->project = seeding->key = WEIR_SPAN("");
        seeding->subject = row->hash;
        status = seed_subject(seeding, row->first_limit, row->limit_count, err);
    }
    for (uint32_t i = 0; status == WEIR_OK && i < image->project_count; i++) {
        const struct weir_image_project *row = &image->projects[i];
        seeding->tenant =
            weir_image_text(image, image->tenants[row->tenant].name);
        seeding->project = weir_image_text(image, row->name);
        seeding->key = WEIR_SPAN("");
        seeding->subject = row->hash;
        status = seed_subject(seeding, row->first_limit, row->limit_count, err);
    }
    for (uint32_t i = 0; status == WEIR_OK && i < image->key_count; i++) {
        const struct weir_image_key *row = &image->keys[i];
        const struct weir_image_project *project =
            &image->projects[row->project];
        seeding->tenant =
            weir_image_text(image, image->tenants[project->tenant].name);
        seeding->project = WEIR_SPAN("");
        seeding->key = weir_image_text(image, row->id);
        seeding->subject = row->subject_hash;
        status = seed_subject(seeding, row->first_limit, row->limit_count, err);
    }
    return status;
}

/* What an exception has left must not grow by a restart. */
static bool
seed_exception(void *context, const struct weir_exception *row)
{
    struct exceptions *all = context;
    struct weir_grant grant;
    int64_t used[WEIR_METRICS];
    if (!weir_grant_set_id(&grant, row->id))
        return true;
    all->status = weir_exception_used(all->reading, row->id, used, all->err);
    for (uint32_t i = 0; all->status == WEIR_OK && i < WEIR_METRICS; i++)
        if (row->amounts[i] != WEIR_GRANT_UNLIMITED && used[i] > 0)
            all->status = weir_quota_seed(
                all->seeding->house->quota, grant.subject, (weir_quota_metric)i,
                WEIR_QUOTA_EVER, all->seeding->now, used[i]);
    return all->status == WEIR_OK;
}

static weir_status
seed_exceptions(struct seeding *seeding, struct weir_error *err)
{
    struct weir_store *store = seeding->house->control->store;
    struct exceptions all = {
        .seeding = seeding, .reading = store, .err = err, .status = WEIR_OK};
    weir_status status = weir_exceptions_in_force(store, seeding->now,
                                                  seed_exception, &all, err);
    return status == WEIR_OK ? all.status : status;
}

/* Budgets by name: what their calls used, in one pass over the ledger. Of an
 * image that follows another (`before`) also limits of tenants and projects
 * that are new in it. */
weir_status
weir__house_raise_quota(struct weir_house *house,
                        const struct weir_image *image,
                        const struct weir_image *before, struct weir_error *err)
{
    struct weir_budget_sums *sums = NULL;
    struct seeding seeding = {
        .house = house, .now = weir_control_now(), .is_live = true};
    weir_status status = WEIR_OK;
    if (before != NULL)
        status = raise_own(&seeding, image, before, err);
    if (status != WEIR_OK || image->budget_count == 0)
        return status;
    if (before != NULL && weir_budgets_are_new(image, before))
        house->raise_at = weir_control_now() + RAISE_AGAIN_US;
    status = weir_budget_sums_new(image, before, house->control->store,
                                  weir_control_now(), &sums, err);
    if (status == WEIR_OK)
        status = weir_budget_sums_raise(sums, house->quota, err);
    weir_budget_sums_free(sums);
    return status;
}

weir_status
weir__house_seed_quota(struct weir_house *house, struct weir_error *err)
{
    struct seeding seeding = {.house = house, .now = weir_control_now()};
    weir_control_lock(house->control);
    weir_quota_rebuild_begin(house->quota);
    weir_status status = seed_all(&seeding, err);
    if (status == WEIR_OK)
        status =
            weir__house_raise_quota(house, &house->control->image, NULL, err);
    if (status == WEIR_OK)
        status = seed_exceptions(&seeding, err);
    if (status == WEIR_OK)
        weir_quota_rebuild_end(house->quota);
    pthread_mutex_unlock(&house->control->lock);
    return status;
}

void
weir__house_raise_again(struct weir_house *house, weir_time now)
{
    struct weir_error err;
    if (house->raise_at == 0 || now < house->raise_at)
        return;
    house->raise_at = 0;
    weir_control_lock(house->control);
    weir_status status =
        weir__house_raise_quota(house, &house->control->image, NULL, &err);
    pthread_mutex_unlock(&house->control->lock);
    if (status != WEIR_OK)
        weir_log(WEIR_LOG_WARN, "new budgets are not seeded again: %s",
                 err.text);
}
