/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate_fixture.h - the gate over a small world, compiled and opened as in
 * production: one maker, two models, three deployments, three customers. The
 * journal is a ring in plain memory, the quota a plain block, the clock a
 * variable.
 *
 * Threads: none. Memory: bench_free().
 */
#ifndef WEIR_GATE_FIXTURE_H
#define WEIR_GATE_FIXTURE_H

#include <weir/crypto.h>
#include <weir/gate.h>
#include <weir/replay.h>
#include <weir/ring.h>
#include <weir/world.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

/* a test need not use all of it */
#pragma GCC diagnostic ignored "-Wunused-function"

#define KEY_NORTH  "wr_north_0123456789"
#define KEY_SOUTH  "wr_south_0123456789"
#define KEY_MIDDLE "wr_middle_0123456789"
#define NOON       INT64_C(1790000000000000)
#define SUNSET     (NOON + 2 * WEIR_US_PER_DAY)

static const char seller_policy[] =
    "@id(\"seller-open\") @title(\"Customers may use what runs in NO and "
    "DE\") @authority(\"Seller\") @max_n(\"4\") @strip(\"logprobs\") "
    "@tier(\"crash\")\n"
    "permit (principal, action in Action::\"infer\", resource) when {\n"
    "    resource in Bloc::\"hosting\" || resource in Jurisdiction::\"AQ\" };\n"
    "@id(\"seller-shadow\") @title(\"A rule\") @authority(\"Seller\") "
    "@mode(\"shadow\")\n"
    "forbid (principal, action, resource) when {\n"
    "    resource.model.tier == \"frontier\" };\n"
    "@id(\"seller-storage\") @title(\"A rule\") @authority(\"Seller\")\n"
    "forbid (principal, action, resource) unless {\n"
    "    resource.stored_in in Bloc::\"hosting\" };\n";
static const char maker_policy[] =
    "@id(\"maker-owned\") @title(\"Not sold to southern owners\")\n"
    "@authority(\"Maker, terms 4.2\") @appeal(\"appeal@maker.example\")\n"
    "forbid (principal in OwnershipRule::\"south\", action, resource)\n"
    "unless { context has exception &&\n"
    "    context.exception == Exception::\"south-owners\" };\n"
    "@id(\"maker-dated\") @title(\"A rule\") @authority(\"Seller\") "
    "@from(\"2026-11-10\") @until(\"2026-12-10\")\n"
    "@effect(\"hold\")\n"
    "forbid (principal, action, resource) when {\n"
    "    context has client_country && context.client_country ==\n"
    "    Jurisdiction::\"BV\" };\n"
    "@id(\"maker-end\") @title(\"Not sold on to the pole\") "
    "@authority(\"Maker\")\n"
    "forbid (principal, action, resource) when {\n"
    "    context has end_customer &&\n"
    "    context.end_customer.headquarters in Bloc::\"polar\" };\n"
    "@id(\"maker-unknown\") @title(\"Who is it?\") @authority(\"Maker\") "
    "@effect(\"hold\")\n"
    "forbid (principal, action, resource) when {\n"
    "    context has end_customer_id && !(context has end_customer) };\n";

struct bench {
    struct weir_world *world;
    struct weir_faults faults;
    struct weir_buf image_bytes;
    struct weir_buf overlay_bytes;
    struct weir_view view;
    struct weir_gate gate;
    struct weir_env env;
    struct weir_quota *quota;
    void *quota_memory;
    void *ring_memory;
    struct weir_ring *ring;
    struct weir_journal_lane lane;
    struct weir_journal_drain drain;
    weir_time now;
    uint8_t seed;
};

static weir_time
test_now(void *context)
{
    return ((struct bench *)context)->now;
}

static bool
test_random(void *context, void *bytes, size_t len)
{
    memset(bytes, ++((struct bench *)context)->seed, len);
    return true;
}

static struct weir_world_name
name_of(const char *text)
{
    return (struct weir_world_name){.text = weir_span_of(text),
                                    .row = WEIR_INDEX_NONE};
}

static void
add_names(struct weir_world *world, struct weir_world_range *range,
          const char *a, const char *b)
{
    range->first = world->name_count;
    *weir_world_add_name(world) = name_of(a);
    range->count = 1;
    if (b != NULL) {
        *weir_world_add_name(world) = name_of(b);
        range->count = 2;
    }
}

static void
add_organisation(struct weir_world *world, const char *name, const char *place,
                 const char *owner)
{
    struct weir_world_range owners = {world->owner_count, 0};
    if (owner != NULL) {
        struct weir_world_owner *row = weir_world_add_owner(world);
        row->name = name_of(owner);
        row->share = (weir_share){600000, 600000};
        owners.count = 1;
    }
    struct weir_world_organisation *row = weir_world_add_organisation(world);
    row->name = weir_span_of(name);
    row->title = weir_span_of(name);
    row->headquarters = name_of(place);
    row->incorporated = name_of(place);
    row->category = WEIR_SPAN("local");
    row->is_established = true;
    row->has_established = true;
    row->verified_until = WEIR_TIME_MAX;
    row->owners = owners;
}

static void
add_model(struct weir_world *world, const char *name, const char *tier,
          bool opens)
{
    struct weir_world_model *row = weir_world_add_model(world);
    row->name = weir_span_of(name);
    row->title = weir_span_of(name);
    row->provider = name_of("maker");
    row->family = WEIR_SPAN("family");
    row->tier = weir_span_of(tier);
    row->weights = WEIR_SPAN("closed");
    row->licence = WEIR_SPAN("terms-1");
    row->origin = name_of("NO");
    row->currency = WEIR_SPAN("USD");
    row->price_version = WEIR_SPAN("1");
    row->price = (struct weir_price){1000000, 500000, 2000000, 2000000};
    row->has_price = true;
    row->opens_when_stale = opens;
    row->output_tokens_max = 100;
}

static void
add_deployment(struct weir_world *world, const char *name, const char *model,
               const char *region, const char *stored)
{
    struct weir_world_deployment *row = weir_world_add_deployment(world);
    row->name = weir_span_of(name);
    row->cloud = WEIR_SPAN("cloud");
    row->model = name_of(model);
    row->origin = name_of("origin");
    row->region = name_of(region);
    row->stored_in = name_of(stored);
    row->operated_by = name_of("seller-co");
}

static void
add_customer(struct weir_world *world, const char *name, const char *key)
{
    struct weir_world_tenant *tenant = weir_world_add_tenant(world);
    tenant->name = weir_span_of(name);
    tenant->title = weir_span_of(name);
    tenant->organisation = name_of(name);
    tenant->hides_address = strcmp(name, "south") == 0;
    struct weir_world_project *project = weir_world_add_project(world);
    project->name = WEIR_SPAN("app");
    project->tenant = name_of(name);
    project->limits.first = world->limit_count;
    project->limits.count = 1;
    struct weir_world_limit *limit = weir_world_add_limit(world);
    limit->metric = WEIR_METRIC_TOKENS;
    limit->window = WEIR_QUOTA_DAY;
    limit->amount = 1000;
    struct weir_world_key *row = weir_world_add_key(world);
    weir_digest digest;
    weir_sha256_of(weir_span_of(key), &digest);
    memcpy(row->digest, digest.bytes, 32);
    row->id = weir_span_of(name); /* distinct is enough */
    row->tenant = weir_span_of(name);
    row->project = WEIR_SPAN("app");
    row->purpose = WEIR_SPAN("general");
    row->staff = name_of("NO");
    add_names(world, &row->end_users, "NO", NULL);
    row->not_after = NOON + WEIR_US_PER_DAY * 365;
}

static void
add_policy(struct weir_world *world, const char *file, const char *text)
{
    struct weir_world_policy *row = weir_world_add_policy(world);
    row->file = weir_span_of(file);
    row->text = weir_span_of(text);
}

static void
fill_world(struct weir_world *world)
{
    static const char *const regions[][2] = {
        {"oslo", "NO"}, {"berlin", "DE"}, {"cold", "AQ"}};
    world->seller_title = WEIR_SPAN("Seller");
    world->seller_appeal = WEIR_SPAN("appeal@seller.example");
    world->currency = WEIR_SPAN("USD");
    world->stale_after_us = WEIR_US_PER_DAY;
    world->settings.state_dir = WEIR_SPAN("/nowhere");
    world->settings.policy_dir = WEIR_SPAN("/nowhere");
    struct weir_world_listen *listen = weir_world_add_listen(world);
    listen->host = WEIR_SPAN("127.0.0.1");
    listen->port = 8080;
    struct weir_world_bloc *bloc = weir_world_add_bloc(world);
    bloc->name = WEIR_SPAN("hosting");
    add_names(world, &bloc->members, "NO", "DE");
    bloc = weir_world_add_bloc(world);
    bloc->name = WEIR_SPAN("polar");
    add_names(world, &bloc->members, "AQ", NULL);
    struct weir_world_provider *provider = weir_world_add_provider(world);
    provider->name = WEIR_SPAN("maker");
    provider->title = WEIR_SPAN("Maker");
    provider->origin = name_of("NO");
    add_model(world, "large", "frontier", false);
    add_model(world, "small", "routine", true);
    world->model_rows[1].sunset = SUNSET;
    struct weir_world_listing *listed = weir_world_add_listing(world);
    listed->name = WEIR_SPAN("listed");
    listed->model = WEIR_INDEX_NONE;
    for (size_t i = 0; i < WEIR_COUNTOF(regions); i++) {
        struct weir_world_region *region = weir_world_add_region(world);
        region->name = weir_span_of(regions[i][0]);
        region->jurisdiction = name_of(regions[i][1]);
    }
    struct weir_world_origin *origin = weir_world_add_origin(world);
    origin->name = WEIR_SPAN("origin");
    origin->dialect = WEIR_SPAN("openai");
    origin->scheme = WEIR_SPAN("http");
    origin->host = WEIR_SPAN("127.0.0.1");
    origin->authority = WEIR_SPAN("127.0.0.1:9");
    origin->prefix = WEIR_SPAN("/v1");
    origin->port = 9;
    origin->connect_ms = 1000;
    origin->first_byte_ms = 1000;
    origin->idle_ms = 1000;
    add_deployment(world, "large-cold", "large", "cold", "AQ");
    add_deployment(world, "large-oslo", "large", "oslo", "NO");
    add_deployment(world, "large-berlin", "large", "berlin", "DE");
    add_deployment(world, "small-oslo", "small", "oslo", "NO");
    add_organisation(world, "seller-co", "NO", NULL);
    add_organisation(world, "pole", "AQ", NULL);
    add_organisation(world, "north", "NO", NULL);
    add_organisation(world, "south", "DE", "pole");
    add_organisation(world, "middle", "NO", NULL);
    world->organisation_rows[world->organisation_count - 1].category =
        WEIR_SPAN(WEIR_CATEGORY_RESELLER);
    struct weir_world_rule *rule = weir_world_add_rule(world);
    rule->name = WEIR_SPAN("south");
    rule->title = WEIR_SPAN("southern owners");
    add_names(world, &rule->headquarters_in, "polar", NULL);
    rule->threshold = (weir_share){500000, 500000};
    rule->has_threshold = true;
    rule->from = WEIR_TIME_MIN;
    rule->until = WEIR_TIME_MAX;
    world->watch.is_on = true;
    add_customer(world, "north", KEY_NORTH);
    add_customer(world, "south", KEY_SOUTH);
    add_customer(world, "middle", KEY_MIDDLE);
    add_policy(world, "seller/open.cedar", seller_policy);
    add_policy(world, "providers/maker/terms.cedar", maker_policy);
}

static void
set_overlay(struct bench *bench, const struct weir_overlay_item *items,
            size_t count, struct weir_overlay *overlay)
{
    weir_buf_reset(&bench->overlay_bytes);
    weir_overlay_write(items, count, 2, bench->now, false,
                       &bench->overlay_bytes);
    assert_ok(
        weir_overlay_open(weir_buf_span(&bench->overlay_bytes), overlay, NULL));
}

static void
open_journal(struct bench *bench)
{
    uint8_t boot[16] = {1};
    uint64_t size = weir_ring_bytes(2, WEIR_LANE_BYTES_MIN);
    size_t quota_size = weir_quota_size(1024, 4, 64);
    bench->ring_memory = aligned_alloc(4096, (size + 4095) & ~UINT64_C(4095));
    memset(bench->ring_memory, 0, size);
    weir_ring_init(bench->ring_memory, 2, WEIR_LANE_BYTES_MIN, 1, boot,
                   bench->now);
    assert_ok(weir_ring_check(bench->ring_memory, size, &bench->ring, NULL));
    weir_ring_set_state(bench->ring, WEIR_JOURNAL_RUNNING);
    assert_ok(weir_ring_claim(bench->ring, 1, false, &bench->lane, NULL));
    weir_drain_init(&bench->drain, bench->ring, bench->lane.index);
    bench->quota_memory = aligned_alloc(64, (quota_size + 63) & ~(size_t)63);
    memset(bench->quota_memory, 0, quota_size);
    assert_ok(weir_quota_format(bench->quota_memory, quota_size, 1024, 4, 64,
                                &bench->quota, NULL));
    weir_quota_rebuild_begin(bench->quota);
    weir_quota_rebuild_end(bench->quota);
    assert_true(weir_quota_lane_open(bench->quota, 1, 1));
}

/* `change` (may be NULL) adds to the world before it is compiled. */
static struct bench *
bench_of(void (*change)(struct weir_world *world))
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct weir_error err = {0};
    bench->now = NOON;
    bench->env = (struct weir_env){bench, test_now, test_random, NULL};
    bench->world = weir_world_new();
    weir_faults_init(&bench->faults);
    weir_buf_init(&bench->image_bytes, 64u << 20);
    weir_buf_init(&bench->overlay_bytes, 1u << 20);
    fill_world(bench->world);
    if (change != NULL)
        change(bench->world);
    if (weir_image_compile(bench->world, bench->now, 1, &bench->image_bytes,
                           &bench->faults) != WEIR_OK) {
        struct weir_buf text;
        weir_buf_init(&text, 1u << 20);
        weir_faults_write(&bench->faults, &text);
        fail_msg("%.*s", (int)text.len, text.ptr);
    }
    if (weir_image_open(weir_buf_span(&bench->image_bytes), &bench->view.image,
                        &err) != WEIR_OK)
        fail_msg("%s", err.text);
    set_overlay(bench, NULL, 0, &bench->view.overlay);
    open_journal(bench);
    bench->gate = (struct weir_gate){.env = &bench->env,
                                     .quota = bench->quota,
                                     .quota_lane = 1,
                                     .journal = &bench->lane};
    return bench;
}

static struct bench *
bench_new(void)
{
    return bench_of(NULL);
}

static void
bench_free(struct bench *bench)
{
    weir_image_close(&bench->view.image);
    weir_overlay_close(&bench->view.overlay);
    weir_buf_fini(&bench->image_bytes);
    weir_buf_fini(&bench->overlay_bytes);
    weir_faults_fini(&bench->faults);
    weir_world_free(bench->world);
    free(bench->ring_memory);
    free(bench->quota_memory);
    free(bench);
}

/* `end_customer` as the header has it. */
static weir_status
begin_for(struct bench *bench, struct weir_call *call, const char *key,
          const char *model, const char *country, const char *end_customer)
{
    struct weir_client client = {WEIR_SPAN("127.0.0.1"), weir_span_of(country),
                                 weir_span_of(end_customer)};
    struct weir_ask ask = {.operation = WEIR_OP_CHAT,
                           .model = weir_span_of(model),
                           .input_tokens = 10,
                           .output_tokens_max = 40,
                           .n = 1,
                           .body_bytes = 100};
    weir_call_begin(call, &bench->gate, &bench->view, &client, bench->now);
    weir_status status =
        weir_call_identify(call, (weir_secret){key, strlen(key)}, NULL);
    return status != WEIR_OK ? status : weir_call_decide(call, &ask, NULL);
}

static weir_status
begin(struct bench *bench, struct weir_call *call, const char *key,
      const char *model, const char *country)
{
    return begin_for(bench, call, key, model, country, "");
}

static int64_t
used_tokens(struct bench *bench, struct weir_call *call)
{
    weir_quota_row row = {0};
    weir_quota_get(bench->quota, bench->view.image.projects[call->project].hash,
                   WEIR_QUOTA_TOKENS, WEIR_QUOTA_DAY, bench->now, &row);
    return row.used + row.held;
}

/* The next record of the lane. */
static weir_span
next_record(struct bench *bench, enum weir_record_kind kind)
{
    struct weir_record record;
    assert_int_equal(weir_drain_next(&bench->drain, &record),
                     WEIR_DRAIN_RECORD);
    assert_int_equal(record.kind, kind);
    return record.payload;
}

#endif
