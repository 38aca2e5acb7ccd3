/* SPDX-License-Identifier: Apache-2.0 */
#include "journal_maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/crypto.h>

#include "control/config/config.h"

static const struct {
    const char *key;
    const char *tenant;
    const char *project;
    const char *purpose;
    const char *staff;
} keys[] = {
    {"wk_freight", "fjordline", "freight", "translation", "NO"},
    {"wk_search", "fjordline", "search", "general", "DE"},
    {"wk_robots", "harbour", "robots", "general", "DE"},
    {"wk_subtitles", "lagoon", "subtitles", "general", "SG"},
};
static const char *const models[] = {
    "aurora-large", "aurora-mini", "meridian-open", "meridian-embed",
    "smart",        "cheap",       "no-such-model"};
static const char *const countries[] = {"NO", "DE", "AQ", "", "SG"};

static void
must(weir_status status, const struct weir_error *err)
{
    if (status == WEIR_OK)
        return;
    fprintf(stderr, "journal_maker: %s\n", err->text);
    abort();
}

static uint64_t
draw(struct maker *maker, uint64_t below)
{
    uint64_t z = (maker->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

static weir_time
maker_now(void *context)
{
    return ((struct maker *)context)->now;
}

static bool
maker_random(void *context, void *bytes, size_t len)
{
    unsigned char *to = bytes;
    for (size_t i = 0; i < len; i++)
        to[i] = (unsigned char)draw(context, 256);
    return true;
}

/* ------------------------------------------------------------------ world */

static void
add_keys(struct weir_world *world)
{
    for (size_t i = 0; i < WEIR_COUNTOF(keys); i++) {
        weir_digest digest;
        struct weir_world_key *key = weir_world_add_key(world);
        weir_sha256_of(weir_span_of(keys[i].key), &digest);
        memcpy(key->digest, digest.bytes, sizeof key->digest);
        key->id = weir_span_of(keys[i].key);
        key->tenant = weir_span_of(keys[i].tenant);
        key->project = weir_span_of(keys[i].project);
        key->purpose = weir_span_of(keys[i].purpose);
        key->staff.text = weir_span_of(keys[i].staff);
        key->not_after = WEIR_TIME_MAX;
        key->end_users.first = world->name_count;
        weir_world_add_name(world)->text = weir_span_of(keys[i].staff);
        key->end_users.count = 1;
    }
}

static void
load(struct maker *maker, const char *const *policies)
{
    const char *source = getenv("WEIR_SOURCE");
    struct weir_faults faults;
    struct weir_error err = {.text = "the demo does not load"};
    char path[512];
    snprintf(path, sizeof path, "%s/examples/demo/weir.yaml",
             source == NULL ? "." : source);
    weir_faults_init(&faults);
    must(weir_config_load(path, &maker->world, &faults), &err);
    for (; policies != NULL && *policies != NULL; policies += 2) {
        struct weir_world_policy *row = weir_world_add_policy(maker->world);
        row->file = weir_span_of(policies[0]);
        row->text = weir_span_of(policies[1]);
    }
    add_keys(maker->world);
    weir_faults_fini(&faults);
}

void
maker_image(struct maker *maker)
{
    struct weir_faults faults;
    struct weir_error err = {.text = "the world does not compile"};
    char path[WEIR_PATH_MAX + 80];
    struct weir_buf text;
    weir_faults_init(&faults);
    weir_image_close(&maker->view.image);
    weir_buf_fini(&maker->image_bytes);
    weir_buf_init(&maker->image_bytes, 64u << 20);
    weir_status status = weir_config_compile(maker->world, maker->now, 1,
                                             &maker->image_bytes, &faults);
    weir_buf_init(&text, 1 << 20);
    weir_faults_write(&faults, &text);
    if (text.len > 0)
        fprintf(stderr, "%.*s", (int)text.len, text.ptr);
    must(status, &err);
    must(weir_image_open(weir_buf_span(&maker->image_bytes), &maker->view.image,
                         &err),
         &err);
    weir_archive_path(&maker->paths, maker->view.image.digest, path);
    if (access(path, F_OK) != 0)
        must(weir_write_file(path, weir_buf_span(&maker->image_bytes), 0400,
                             &err),
             &err);
    weir_buf_fini(&text);
    weir_faults_fini(&faults);
}

void
maker_withdraw(struct maker *maker, const struct weir_overlay_item *items,
               size_t count)
{
    struct weir_error err = {0};
    char path[WEIR_PATH_MAX + 48];
    weir_overlay_close(&maker->view.overlay);
    weir_buf_reset(&maker->overlay_bytes);
    weir_overlay_write(items, count, ++maker->overlay, maker->now, false,
                       &maker->overlay_bytes);
    snprintf(path, sizeof path, "%s/%llu", maker->paths.overlays,
             (unsigned long long)maker->overlay);
    must(
        weir_write_file(path, weir_buf_span(&maker->overlay_bytes), 0400, &err),
        &err);
    must(weir_overlay_map(path, &maker->view.overlay, &err), &err);
}

void
maker_open(struct maker *maker, uint64_t segment_bytes,
           const char *const *policies)
{
    struct weir_error err = {0};
    struct weir_paths *paths = &maker->paths;
    memset(maker, 0, sizeof *maker);
    strcpy(paths->state, "/tmp/weir-maker-XXXXXX");
    if (mkdtemp(paths->state) == NULL)
        abort();
    strcpy(paths->run, paths->state);
    snprintf(paths->journal, sizeof paths->journal, "%.200s/journal",
             paths->state);
    snprintf(paths->images, sizeof paths->images, "%.200s/images",
             paths->state);
    snprintf(paths->overlays, sizeof paths->overlays, "%.200s/overlays",
             paths->state);
    snprintf(paths->ring, sizeof paths->ring, "%.200s/ring", paths->state);
    must(weir_make_directory(paths->images, 0700, &err), &err);
    must(weir_make_directory(paths->overlays, 0700, &err), &err);
    must(weir_make_directory(paths->journal, 0700, &err), &err);
    maker->config = (struct writer_config){.ring_path = paths->ring,
                                           .journal_dir = paths->journal,
                                           .run_dir = paths->run,
                                           .lane_bytes = 4 << 20,
                                           .segment_bytes = segment_bytes,
                                           .disk = &writer_disk_system,
                                           .is_inline = true,
                                           .is_quiet = true};
    must(writer_open(&maker->writer, &maker->config, &err), &err);
    must(weir_lane_open(paths->ring, paths->run, WEIR_LANE_WORKER, &maker->lane,
                        &err),
         &err);
    maker->env = (struct weir_env){maker, maker_now, maker_random, NULL};
    maker->gate = (struct weir_gate){.env = &maker->env,
                                     .journal = weir_lane_journal(maker->lane)};
    maker->now = MAKER_START;
    maker->step = WEIR_US_PER_MS;
    weir_buf_init(&maker->image_bytes, 64u << 20);
    weir_buf_init(&maker->overlay_bytes, 1u << 20);
    load(maker, policies);
    maker_image(maker);
    maker_withdraw(maker, NULL, 0);
}

/* ------------------------------------------------------------------ calls */

static void
settle(struct maker *maker, struct weir_call *call)
{
    struct weir_error err;
    struct weir_settlement done = {
        .ending = WEIR_END_COMPLETE,
        .http_status = 200,
        .usage = {.input_tokens = draw(maker, 1000),
                  .output_tokens = draw(maker, 300)}};
    struct weir_step step =
        weir_call_first(call, &maker->view.overlay, maker->now, &err);
    if (step.next != WEIR_NEXT_TRY)
        abort();
    weir_call_answered(call, 200, maker->now);
    maker->admitted++;
    maker->tokens += done.usage.input_tokens + done.usage.output_tokens;
    maker->micros += weir_call_cost(call, &done.usage);
    maker->of_model[maker->view.image.deployments[step.deployment].model]++;
    weir_call_settle(call, &done);
}

static void
one_call(struct maker *maker)
{
    char address[20], room[WEIR_REFUSAL_ROOM];
    struct weir_call call;
    struct weir_error err = {0};
    struct weir_refusal refusal;
    uint64_t position;
    const char *key = keys[draw(maker, WEIR_COUNTOF(keys))].key;
    snprintf(address, sizeof address, "192.0.2.%u", (unsigned)draw(maker, 16));
    const struct weir_client client = {
        weir_span_of(address),
        weir_span_of(countries[draw(maker, WEIR_COUNTOF(countries))])};
    const struct weir_ask ask = {
        .operation = draw(maker, 4) == 0 ? WEIR_OP_EMBED : WEIR_OP_CHAT,
        .model = weir_span_of(models[draw(maker, WEIR_COUNTOF(models))]),
        .is_streamed = draw(maker, 2) == 0,
        .input_tokens = 10,
        .output_tokens_max = 40,
        .n = 1,
        .body_bytes = 100};
    maker->now += maker->step;
    maker->calls++;
    weir_call_begin(&call, &maker->gate, &maker->view, &client, 0);
    must(weir_call_identify(&call, (weir_secret){key, strlen(key)}, &err),
         &err);
    weir_status status = weir_call_decide(&call, &ask, &err);
    if (status == WEIR_OK) {
        must(weir_call_admit(&call, &position, &err), &err);
        settle(maker, &call);
        return;
    }
    weir_call_refusal(&call, status, &err, maker->now, room, &refusal);
    weir_call_refuse(&call, &refusal);
}

void
maker_calls(struct maker *maker, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        one_call(maker);
        if (i % 256 == 0)
            maker_drain(maker);
    }
    if (maker->gate.outcomes_unwritten + maker->gate.refusals_unwritten > 0)
        abort();
}

void
maker_drain(struct maker *maker)
{
    do {
        while (writer_step(&maker->writer))
            ;
    } while (!writer_is_drained(&maker->writer));
}

void
maker_close(struct maker *maker)
{
    char command[300];
    weir_lane_close(maker->lane);
    writer_close(&maker->writer);
    weir_image_close(&maker->view.image);
    weir_overlay_close(&maker->view.overlay);
    weir_buf_fini(&maker->image_bytes);
    weir_buf_fini(&maker->overlay_bytes);
    weir_world_free(maker->world);
    snprintf(command, sizeof command, "rm -rf '%.200s'", maker->paths.state);
    if (system(command) != 0)
        abort();
}
