/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of the store become rows of the world.
 *
 * A key is added to the loaded world once, when it is made or when the
 * sources are read. A revoked key stays in the world, and so in the image,
 * until the sources are read again: its revocation is in the overlay, which
 * acts at once and says "revoked" where a missing row could only say
 * "unknown".
 */
#include <stdio.h>
#include <string.h>

#include <weir/quota.h>

#include "control/budgets/clusters.h"
#include "control/factors/factors.h"
#include "control/parts.h"

static const char *const metric_names[WEIR_METRICS] = {"requests", "tokens",
                                                       "money"};
static const char *const window_names[WEIR_QUOTA_CALENDAR] = {
    "minute", "hour", "day", "week", "month", "year"};

/* "tokens_per_day=1000" */
static weir_status
read_limit(weir_span text, struct weir_world_limit *limit_out,
           struct weir_error *err)
{
    const char *equals = memchr(text.ptr, '=', text.len);
    weir_span name = {text.ptr,
                      equals == NULL ? text.len : (size_t)(equals - text.ptr)};
    weir_span value = {equals == NULL ? "" : equals + 1,
                       equals == NULL ? 0 : text.len - name.len - 1};
    for (uint32_t m = 0; m < WEIR_METRICS; m++) {
        for (uint32_t w = 0; w < WEIR_QUOTA_CALENDAR; w++) {
            char known[40];
            uint64_t amount;
            snprintf(known, sizeof known, "%s_per_%s", metric_names[m],
                     window_names[w]);
            if (!weir_span_equal(name, weir_span_of(known)))
                continue;
            limit_out->metric = (enum weir_metric)m;
            limit_out->window = w;
            if (m == WEIR_METRIC_MICROS)
                return weir_micros_parse(value, &limit_out->amount, err);
            if (!weir_span_to_u64(value, &amount) || amount > INT64_MAX)
                return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                                 "the limit %s needs a whole number", known);
            limit_out->amount = (int64_t)amount;
            return WEIR_OK;
        }
    }
    return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                     "no limit '%.*s': it is requests, tokens or money, "
                     "'_per_', a window, '=', an amount",
                     (int)(name.len < 40 ? name.len : 40), name.ptr);
}

/* The next word of a list separated by blanks or commas. */
static bool
next_word(weir_span *rest, weir_span *word_out)
{
    while (rest->len > 0 && (*rest->ptr == ' ' || *rest->ptr == ',')) {
        rest->ptr++;
        rest->len--;
    }
    if (rest->len == 0)
        return false;
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != ' ' && rest->ptr[len] != ',')
        len++;
    *word_out = (weir_span){rest->ptr, len};
    rest->ptr += len;
    rest->len -= len;
    return len > 0;
}

static weir_status
out_of_memory(struct weir_error *err)
{
    return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
}

static weir_status
add_lists(struct weir_world *world, const struct weir_store_key *key,
          struct weir_world_range *users_out,
          struct weir_world_range *limits_out, struct weir_error *err)
{
    weir_span rest = key->end_users, word;
    users_out->first = world->name_count;
    while (next_word(&rest, &word)) {
        struct weir_world_name *name = weir_world_add_name(world);
        if (name == NULL)
            return out_of_memory(err);
        name->text = weir_arena_copy(&world->arena, word);
        name->row = WEIR_INDEX_NONE;
    }
    users_out->count = world->name_count - users_out->first;
    rest = key->limits;
    limits_out->first = world->limit_count;
    while (next_word(&rest, &word)) {
        struct weir_world_limit limit = {0};
        weir_status status = read_limit(word, &limit, err);
        if (status != WEIR_OK)
            return status;
        struct weir_world_limit *row = weir_world_add_limit(world);
        if (row == NULL)
            return out_of_memory(err);
        *row = limit;
    }
    limits_out->count = world->limit_count - limits_out->first;
    return WEIR_OK;
}

weir_status
weir__control_add_key(struct weir_world *world,
                      const struct weir_store_key *key, struct weir_error *err)
{
    struct weir_world_range users, limits;
    weir_status status = add_lists(world, key, &users, &limits, err);
    if (status != WEIR_OK)
        return status;
    struct weir_world_key *row = weir_world_add_key(world);
    if (row == NULL)
        return out_of_memory(err);
    row->id = weir_arena_copy(&world->arena, key->id);
    memcpy(row->digest, key->digest, sizeof row->digest);
    row->tenant = weir_arena_copy(&world->arena, key->tenant);
    row->project = weir_arena_copy(&world->arena, key->project);
    row->project_row = WEIR_INDEX_NONE;
    row->purpose = weir_arena_copy(&world->arena, key->purpose);
    row->staff.text = weir_arena_copy(&world->arena, key->staff);
    row->staff.row = WEIR_INDEX_NONE;
    row->end_users = users;
    row->limits = limits;
    row->not_after = key->not_after;
    row->scope = weir_arena_copy(&world->arena, key->scope);
    row->tags = weir_arena_copy(&world->arena, key->tags);
    return world->arena.overflow ? out_of_memory(err) : WEIR_OK;
}

struct loading {
    struct weir_world *world;
    struct weir_error *err;
    weir_status status;
};

static bool
load_one(void *context, const struct weir_store_key *key)
{
    struct loading *loading = context;
    if (key->revoked == 0)
        loading->status =
            weir__control_add_key(loading->world, key, loading->err);
    return loading->status == WEIR_OK;
}

weir_status
weir_control_keys_join(struct weir_world *world, struct weir_store *store,
                       struct weir_error *err)
{
    struct loading loading = {world, err, WEIR_OK};
    weir_status status = weir_store_keys(store, load_one, &loading, err);
    return status == WEIR_OK ? loading.status : status;
}

weir_status
weir__control_load_keys(struct weir_control *control, struct weir_world *world,
                        struct weir_error *err)
{
    weir_status status = weir_factors_join(world, control->store, err);
    if (status == WEIR_OK)
        status = weir_clusters_join(world, control->store, err);
    return status == WEIR_OK
               ? weir_control_keys_join(world, control->store, err)
               : status;
}
