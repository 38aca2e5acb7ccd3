/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets the stage for the module's tests: fills a run directory as control
 * would, without control.
 *
 *   weir-stage RUN image GENERATION WEIR.YAML   image, credentials, quota
 *   weir-stage RUN withdraw KIND NAME           next overlay (cuts streams)
 *   weir-stage RUN restore                      empty next overlay
 *   weir-stage RUN step KIND NAME ACTION [delay=MS] [rate=N] [for=MS]
 *                                               next overlay with that step
 *   weir-stage RUN indicator FRAME              a set of one, by its digest
 *   weir-stage RUN held                         prints holds that are open
 *
 * Adds two keys to the project `tests` of tenant `buyer`: wr_test, and
 * wr_small with three requests a minute.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <weir/crypto.h>
#include <weir/image.h>
#include <weir/quota.h>
#include <weir/watch_indicators.h>
#include <weir/watch_ladder.h>
#include <weir/world.h>

#include "control/config/config.h"

#define SLOTS   4096
#define ENTRIES 4096

static const char *run_dir;

_Noreturn static void
die(const char *what, const char *why)
{
    fprintf(stderr, "weir-stage: %s: %s\n", what, why);
    exit(2);
}

static weir_time
now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (weir_time)now.tv_sec * WEIR_US_PER_SEC + now.tv_nsec / 1000;
}

static void
put_file(const char *base, uint64_t generation, weir_span bytes, mode_t mode)
{
    char path[4096], next[4200];
    snprintf(path, sizeof(path), "%s/%s-%llu", run_dir, base,
             (unsigned long long)generation);
    snprintf(next, sizeof(next), "%s.new", path);
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (fd == -1 || write(fd, bytes.ptr, bytes.len) != (ssize_t)bytes.len ||
        close(fd) != 0 || rename(next, path) != 0)
        die(path, strerror(errno));
}

static void *
map_file(const char *base, size_t size, bool *is_new_out)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%s", run_dir, base);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd == -1 || fstat(fd, &st) != 0 || ftruncate(fd, (off_t)size) != 0)
        die(path, strerror(errno));
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        die(path, strerror(errno));
    close(fd);
    *is_new_out = st.st_size == 0;
    return map;
}

static struct weir_quota *
open_quota(void)
{
    bool is_new;
    struct weir_quota *quota;
    struct weir_error err;
    size_t size = weir_quota_size(SLOTS, WEIR_LANES_MAX, ENTRIES);
    void *map = map_file("quota", size, &is_new);
    weir_status status =
        is_new ? weir_quota_format(map, size, SLOTS, WEIR_LANES_MAX, ENTRIES,
                                   &quota, &err)
               : weir_quota_attach(map, size, &quota, &err);
    if (status != WEIR_OK)
        die("quota", err.text);
    if (is_new)
        weir_quota_rebuild_end(quota);
    return quota;
}

static void
add_key(struct weir_world *world, const char *id, const char *secret,
        int64_t requests)
{
    weir_digest digest;
    struct weir_world_limit *limit = weir_world_add_limit(world);
    limit->metric = WEIR_METRIC_REQUESTS;
    limit->window = WEIR_QUOTA_MINUTE;
    limit->amount = requests;
    struct weir_world_key *key = weir_world_add_key(world);
    weir_sha256_of(weir_span_of(secret), &digest);
    memcpy(key->digest, digest.bytes, sizeof(key->digest));
    key->id = weir_span_of(id);
    key->tenant = WEIR_SPAN("buyer");
    key->project = WEIR_SPAN("tests");
    key->purpose = WEIR_SPAN("tests");
    key->staff.text = WEIR_SPAN("DE");
    key->limits.first = world->limit_count - 1;
    key->limits.count = 1;
    key->not_after = WEIR_TIME_MAX;
}

static void
put_credentials(struct weir_world *world, uint64_t generation)
{
    struct weir_buf all;
    struct weir_error err;
    weir_buf_init(&all, 1 << 20);
    for (uint32_t i = 0; i < world->origin_count; i++) {
        const struct weir_world_reference reference = {
            world->origin_rows[i].credential.kind,
            world->origin_rows[i].credential.value};
        weir_buf_add_span(&all, world->origin_rows[i].name);
        weir_buf_add_span(&all, WEIR_SPAN("\t0\t0\t"));
        if (weir_config_reference(&reference, false, &all, &err) != WEIR_OK)
            die("credential", err.text);
        weir_buf_add_byte(&all, '\n');
    }
    put_file("credentials", generation, weir_buf_span(&all), 0600);
    weir_buf_fini(&all);
}

static void
stage_image(struct weir_board *board, uint64_t generation, const char *path)
{
    struct weir_world *world;
    struct weir_faults faults;
    struct weir_buf bytes;
    weir_faults_init(&faults);
    weir_buf_init(&bytes, (size_t)1 << 30);
    weir_status status = weir_config_load(path, &world, &faults);
    if (status == WEIR_OK) {
        add_key(world, "wk_test", "wr_test", 1000000000);
        add_key(world, "wk_small", "wr_small", 3);
        status = weir_config_compile(world, now_us(), generation, &bytes,
                                     &faults);
    }
    if (status != WEIR_OK) {
        struct weir_buf said;
        weir_buf_init(&said, 1 << 20);
        weir_faults_write(&faults, &said);
        fwrite(said.ptr, 1, said.len, stderr);
        die(path, "does not compile");
    }
    put_file("image", generation, weir_buf_span(&bytes), 0644);
    put_credentials(world, generation);
    open_quota();
    weir_buf_fini(&bytes);
    weir_faults_fini(&faults);
    weir_world_free(world);
    board->magic = WEIR_BOARD_MAGIC;
    board->confirmed_us = now_us();
    __atomic_store_n(&board->credentials, generation, __ATOMIC_RELEASE);
    __atomic_store_n(&board->image, generation, __ATOMIC_RELEASE);
}

static void
stage_overlay(struct weir_board *board, const struct weir_overlay_item *items,
              size_t count)
{
    struct weir_buf bytes;
    uint64_t generation = board->overlay + 1;
    weir_buf_init(&bytes, 1 << 20);
    weir_overlay_write(items, count, generation, now_us(), true, &bytes);
    put_file("overlay", generation, weir_buf_span(&bytes), 0644);
    weir_buf_fini(&bytes);
    __atomic_store_n(&board->overlay, generation, __ATOMIC_RELEASE);
}

/* One step of the watch, in the words of the overlay. */
static void
stage_step(struct weir_board *board, int argc, char **argv)
{
    struct weir_buf bytes;
    uint64_t generation = board->overlay + 1;
    enum weir_watch_action action;
    struct weir_watch_step step = {.until = now_us() + WEIR_US_PER_DAY};
    for (uint32_t kind = 1; kind <= WEIR_WATCH_SUBJECTS; kind++)
        if (strcmp(argv[0], weir_watch_subject_name(kind)) == 0)
            step.subject_kind = (uint8_t)kind;
    if (step.subject_kind == 0 ||
        !weir_watch_action_parse(weir_span_of(argv[2]), &action) ||
        !weir_watch_step_set_id(&step, WEIR_SPAN("wc_stage")))
        die(argv[0], "no such subject or step");
    step.subject = weir_watch_subject(step.subject_kind, weir_span_of(argv[1]));
    step.action = (uint8_t)action;
    step.agreed = (uint8_t)action; /* no rule says how far: a person did */
    for (int i = 3; i < argc; i++) {
        if (strncmp(argv[i], "delay=", 6) == 0)
            step.delay_ms = (uint32_t)atoi(argv[i] + 6);
        else if (strncmp(argv[i], "rate=", 5) == 0)
            step.rate = (uint32_t)atoi(argv[i] + 5);
        else if (strncmp(argv[i], "for=", 4) == 0)
            step.until = now_us() + atoi(argv[i] + 4) * WEIR_US_PER_MS;
    }
    weir_buf_init(&bytes, 1 << 20);
    weir_overlay_write(NULL, 0, generation, now_us(), true, &bytes);
    weir_overlay_add_steps(&step, 1, &bytes, 0);
    put_file("overlay", generation, weir_buf_span(&bytes), 0644);
    weir_buf_fini(&bytes);
    __atomic_store_n(&board->overlay, generation, __ATOMIC_RELEASE);
}

static void
stage_indicator(struct weir_board *board, const char *frame)
{
    struct weir_buf bytes;
    struct weir_error err;
    uint64_t generation = board->indicators + 1;
    struct weir_indicator_exchange exchange = {
        .name = WEIR_SPAN("tests"), .salt = "salt", .until = WEIR_TIME_MAX};
    uint64_t word = weir_indicator_word(exchange.salt, WEIR_INDICATOR_FRAME,
                                        strtoull(frame, NULL, 16));
    exchange.words = &word;
    exchange.count = 1;
    weir_buf_init(&bytes, 1 << 20);
    if (weir_indicators_write(&exchange, 1, generation, now_us(), &bytes,
                              &err) != WEIR_OK)
        die("indicator", err.text);
    put_file("indicators", generation, weir_buf_span(&bytes), 0644);
    weir_buf_fini(&bytes);
    __atomic_store_n(&board->indicators, generation, __ATOMIC_RELEASE);
}

static void
print_held(void)
{
    uint32_t held = 0;
    struct weir_quota *quota = open_quota();
    for (uint32_t lane = 0; lane < WEIR_LANES_MAX; lane++)
        held += weir_quota_lane_held(quota, lane);
    printf("%u\n", held);
}

int
main(int argc, char **argv)
{
    bool is_new;
    if (argc < 3)
        die("usage", "weir-stage RUN image|withdraw|restore|step|indicator|"
                     "held ...");
    run_dir = argv[1];
    struct weir_board *board = map_file("board", 4096, &is_new);
    if (strcmp(argv[2], "image") == 0 && argc == 5) {
        stage_image(board, strtoull(argv[3], NULL, 10), argv[4]);
    } else if (strcmp(argv[2], "withdraw") == 0 && argc == 5) {
        struct weir_overlay_item item = {.name = weir_span_of(argv[4])};
        if (!weir_kind_parse(weir_span_of(argv[3]), &item.kind))
            die(argv[3], "not a kind");
        stage_overlay(board, &item, 1);
    } else if (strcmp(argv[2], "restore") == 0) {
        stage_overlay(board, NULL, 0);
    } else if (strcmp(argv[2], "step") == 0 && argc >= 6) {
        stage_step(board, argc - 3, argv + 3);
    } else if (strcmp(argv[2], "indicator") == 0 && argc == 4) {
        stage_indicator(board, argv[3]);
    } else if (strcmp(argv[2], "held") == 0) {
        print_held();
    } else {
        die(argv[2], "not a verb");
    }
    return 0;
}
