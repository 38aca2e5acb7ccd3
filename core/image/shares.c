/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What answers from the cache cost, who waits where, and whose part of what
 * is scarce is how large.
 */
#include "check.h"
#include "compile.h"

#define QUEUE_MAX    65535u
#define WAIT_MS_MAX  600000u
#define WEIGHT_MAX   1000u
#define RESERVED_MAX 90u /* percent, of all tenants together */
#define CACHE_MIN    (UINT64_C(1) << 20)
#define CACHE_MAX    (UINT64_C(64) << 30)
#define ANSWER_MIN   UINT64_C(1024)
#define TTL_MS_MAX   UINT32_C(2592000000)

static void
check_queues(struct weir__check *check)
{
    const struct weir_world *world = check->world;
    for (uint32_t i = 0; i < world->deployment_count; i++) {
        const struct weir_world_deployment *d = &world->deployment_rows[i];
        if (d->queue.length == 0 && d->queue.wait_ms == 0)
            continue;
        if (d->health.concurrency == 0)
            weir_faults_add(check->faults, d->place,
                            "Add `concurrency:`, how many calls it may have.",
                            "deployment \"%.*s\" has a queue and takes any "
                            "number of calls",
                            WEIR_SPAN_ARG(d->name));
        if (d->queue.length == 0 || d->queue.length > QUEUE_MAX ||
            d->queue.wait_ms == 0 || d->queue.wait_ms > WAIT_MS_MAX)
            weir_faults_add(check->faults, d->place,
                            "Write {length: 100, wait: 5 s}: up to 65535 "
                            "calls and 10 min.",
                            "deployment \"%.*s\" has a queue without length "
                            "or wait, or too large ones",
                            WEIR_SPAN_ARG(d->name));
    }
}

static void
check_tenants(struct weir__check *check)
{
    const struct weir_world *world = check->world;
    uint32_t reserved = 0;
    for (uint32_t i = 0; i < world->tenant_count; i++) {
        const struct weir_world_tenant *t = &world->tenant_rows[i];
        reserved += t->share.reserved;
        if (t->share.weight > WEIGHT_MAX || t->share.most > 100 ||
            t->share.reserved > 100 ||
            (t->share.most != 0 && t->share.most < t->share.reserved))
            weir_faults_add(check->faults, t->place,
                            "Write {weight: 1 to 1000, reserved: 10%%, most: "
                            "50%%}, most not below reserved.",
                            "tenant \"%.*s\" has a share out of range",
                            WEIR_SPAN_ARG(t->name));
        else if (reserved > RESERVED_MAX) {
            weir_faults_add(check->faults, t->place,
                            "Leave a tenth for those who reserve nothing.",
                            "more than %u%% are reserved", RESERVED_MAX);
            return;
        }
    }
}

static void
check_cache(struct weir__check *check)
{
    const struct weir_cache_settings *c = &check->world->settings.cache;
    if (c->memory == 0 && (c->tenant != 0 || c->answer != 0 || c->ttl_ms != 0))
        weir_faults_add(check->faults, c->place,
                        "Add `memory: 64 MiB`: without it nothing is cached.",
                        "cache without memory");
    if (c->memory == 0)
        return;
    uint64_t tenant = c->tenant != 0 ? c->tenant : c->memory / 4;
    uint64_t answer = c->answer != 0 ? c->answer : WEIR_CACHE_ANSWER;
    if (c->memory < CACHE_MIN || c->memory > CACHE_MAX || tenant > c->memory ||
        answer < ANSWER_MIN || answer > tenant / 4 || c->ttl_ms > TTL_MS_MAX)
        weir_faults_add(check->faults, c->place,
                        "memory from 1 MiB to 64 GiB, tenant up to memory, "
                        "answer from 1 KiB to a quarter of tenant, ttl up to "
                        "30 d.",
                        "a cache whose numbers do not fit each other");
}

void
weir__check_shares(struct weir__check *check)
{
    check_queues(check);
    check_tenants(check);
    check_cache(check);
}

/* -------------------------------------------------------------- compile */

static void
fill_hits(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_image_hit *rows =
        WEIR__COMPILE_ROWS(c, HIT, struct weir_image_hit, world->model_count);
    for (uint32_t i = 0; i < world->model_count && rows != NULL; i++)
        rows[i] = world->model_rows[i].has_hit
                      ? world->model_rows[i].hit
                      : (struct weir_image_hit){.ppm = 1000000};
}

static void
fill_queues(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_image_queue *rows = WEIR__COMPILE_ROWS(
        c, QUEUE, struct weir_image_queue, world->deployment_count);
    for (uint32_t i = 0; i < world->deployment_count && rows != NULL; i++)
        rows[i] = world->deployment_rows[i].queue;
}

void
weir__compile_shares(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    fill_hits(c);
    fill_queues(c);
    struct weir_image_share *rows = WEIR__COMPILE_ROWS(
        c, SHARE, struct weir_image_share, world->tenant_count);
    for (uint32_t i = 0; i < world->tenant_count && rows != NULL; i++) {
        rows[i] = world->tenant_rows[i].share;
        if (rows[i].weight == 0)
            rows[i].weight = 1;
        if (rows[i].most == 0)
            rows[i].most = 100;
    }
}
