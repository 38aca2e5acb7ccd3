/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of a world and its defaults. */
#include <weir/world.h>

#include <stdlib.h>
#include <string.h>

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)

static void
set_defaults(struct weir_settings *s)
{
    s->body_bytes_max = 20 * MIB;
    s->buffer_bytes_max = 256 * KIB;
    s->reply_bytes_max = 64 * MIB;
    s->event_bytes_max = MIB;
    s->header_bytes_max = 32 * 1024;
    s->connections_max = 16384;
    s->idle_ms = 75 * 1000;
    s->stream_ms_max = 30 * 60 * 1000;
    s->deadline_ms = 10 * 60 * 1000;
    s->attempts_max = 3;
    s->drain_ms = 30 * 1000;
    s->message_bytes_max = 16 * MIB;
    s->session_ms_max = 60 * 60 * 1000;
    s->session_idle_ms = 5 * 60 * 1000;
    s->batch_look_ms = 10 * 60 * 1000;
    s->import_bytes_max = UINT64_C(2) << 30;
    s->notice_ahead[0] = 30 * WEIR_US_PER_DAY;
    s->notice_ahead[1] = 7 * WEIR_US_PER_DAY;
    s->notice_ahead[2] = WEIR_US_PER_DAY;
    s->notice_ahead_count = 3;
    s->segment_bytes = 64 * MIB;
    s->journal_bytes_free = 64 * MIB;
    s->nginx_path = WEIR_SPAN("/usr/sbin/nginx");
    s->log_level = WEIR_SPAN("info");
    s->client_header = WEIR_SPAN("x-forwarded-for");
}

struct weir_world *
weir_world_new(void)
{
    struct weir_world *world = calloc(1, sizeof(*world));
    if (world == NULL)
        return NULL;
    weir_arena_init_heap(&world->arena, WEIR_WORLD_BYTES_MAX);
    set_defaults(&world->settings);
    world->currency = WEIR_SPAN("USD");
    world->signals_window_us = WEIR_US_PER_DAY;
    world->watch = (struct weir_watch_settings){
        .reference_calls = 600,
        .pools = 65536,
        .subjects = 1000000,
        .cluster_every_us = 600 * WEIR_US_PER_SEC,
        .cluster_bin_us = 1800 * WEIR_US_PER_SEC,
        .calibration = WEIR_SPAN("shipped"),
    };
    /* Who says nothing gets the strictest. */
    world->onboarding = (struct weir_onboarding_rules){
        .needs_decision = true,
        .requires = WEIR_REQUIRE_ALL,
        .valid_us = 365 * WEIR_US_PER_DAY,
        .threshold = 850,
        .shrink_ppm = 100000,
    };
    return world;
}

void
weir_world_free(struct weir_world *world)
{
    if (world == NULL)
        return;
    weir_arena_fini(&world->arena);
    free(world);
}

/* Room for one more row of `size` bytes; the old rows stay in the arena,
 * which at most doubles what a list takes. */
static void *
grow(struct weir_world *world, void *rows, size_t size, uint32_t count,
     uint32_t *capacity)
{
    if (count < *capacity)
        return rows;
    uint32_t wanted = *capacity == 0 ? 16 : *capacity * 2;
    if (wanted <= *capacity) {
        world->arena.overflow = true;
        return NULL;
    }
    void *grown = weir_arena_alloc_array(&world->arena, size, wanted);
    if (grown == NULL)
        return NULL;
    if (count > 0)
        memcpy(grown, rows, size * count);
    *capacity = wanted;
    return grown;
}

#define WEIR_WORLD_LIST(row, type)                                             \
    type *weir_world_add_##row(struct weir_world *world)                       \
    {                                                                          \
        void *rows = grow(world, world->row##_rows, sizeof(type),              \
                          world->row##_count, &world->row##_capacity);         \
        if (rows == NULL)                                                      \
            return NULL;                                                       \
        world->row##_rows = rows;                                              \
        type *added = &world->row##_rows[world->row##_count++];                \
        memset(added, 0, sizeof(*added));                                      \
        return added;                                                          \
    }
WEIR_WORLD_LISTS(WEIR_WORLD_LIST)
#undef WEIR_WORLD_LIST
