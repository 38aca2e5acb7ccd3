/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate over a small world, compiled and opened as in production: one
 * maker, two models, three deployments, two customers. The journal is a ring
 * in plain memory, the quota a plain block, the clock a variable.
 */
#include <weir/crypto.h>
#include <weir/gate.h>
#include <weir/replay.h>
#include <weir/ring.h>
#include <weir/world.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

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
    "forbid (principal in OwnershipRule::\"south\", action, resource);\n"
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

static struct bench *
bench_new(void)
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

TEST(gate, allowed_call_has_intent_outcome_and_exact_budget)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_record_intent intent;
    struct weir_record_outcome outcome;
    uint64_t position = 99;

    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_ok(weir_call_admit(&call, &position, NULL));
    assert_int_equal(position, 0); /* the permit asks for tier crash */
    assert_int_equal(used_tokens(bench, &call), 50);
    assert_ok(weir_record_get_intent(next_record(bench, WEIR_RECORD_INTENT),
                                     &intent, NULL));
    assert_int_equal(intent.candidate_count, 3);
    assert_span(intent.address, "127.0.0.1");
    assert_int_equal(intent.candidates[0].verdict, WEIR_DENY);
    assert_span(intent.candidates[0].policies, "seller-storage");
    assert_span(intent.candidates[1].policies, "seller-open");
    assert_span(intent.candidates[1].shadows, "seller-shadow");
    assert_int_equal(intent.order_count, 2);
    assert_int_equal(call.answer.obligations.max_n, 4);
    assert_int_equal(call.answer.obligations.strip, WEIR_STRIP_LOGPROBS);

    struct weir_step step =
        weir_call_first(&call, &bench->view.overlay, bench->now, NULL);
    assert_int_equal(step.next, WEIR_NEXT_TRY);
    weir_call_answered(&call, 200, bench->now);
    struct weir_settlement done = {
        .ending = WEIR_END_COMPLETE,
        .http_status = 200,
        .usage = {.input_tokens = 7, .output_tokens = 5}};
    weir_call_settle(&call, &done);
    weir_call_settle(&call, &done); /* once */
    assert_int_equal(used_tokens(bench, &call), 12);
    assert_ok(weir_record_get_outcome(next_record(bench, WEIR_RECORD_OUTCOME),
                                      &outcome, NULL));
    assert_int_equal(outcome.cost_micros, 17); /* 7 * 1 + 5 * 2 */
    assert_span(outcome.deployment, "large-oslo");
    assert_span(outcome.place, "NO");
    assert_int_equal(outcome.attempt_count, 1);
    struct weir_record extra;
    assert_int_equal(weir_drain_next(&bench->drain, &extra), WEIR_DRAIN_EMPTY);
    bench_free(bench);
}

TEST(gate, owned_customer_is_refused_with_policy_authority_and_appeal)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_refusal refusal;
    struct weir_record_refusal record;
    char room[WEIR_REFUSAL_ROOM];

    assert_int_equal(begin(bench, &call, KEY_SOUTH, "large", "NO"),
                     WEIR_EDENIED);
    weir_call_refusal(&call, WEIR_EDENIED, NULL, bench->now, room, &refusal);
    assert_span(refusal.policy, "maker-owned");
    assert_span(refusal.authority, "Maker, terms 4.2");
    assert_span(refusal.appeal, "appeal@maker.example");
    assert_span(refusal.code, "policy_forbids");
    weir_call_refuse(&call, &refusal);
    assert_ok(weir_record_get_refusal(next_record(bench, WEIR_RECORD_REFUSAL),
                                      &record, NULL));
    assert_int_equal(record.http_status, 403);
    assert_span(record.policy, "maker-owned");
    assert_int_equal(record.address.len, 0); /* this tenant hides it */
    bench_free(bench);
}

TEST(gate, hold_begins_and_ends_with_its_dates)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    weir_time from;
    weir_time until;

    assert_true(weir_time_parse(WEIR_SPAN("2026-11-10"), &from));
    assert_true(weir_time_parse(WEIR_SPAN("2026-12-10"), &until));
    bench->now = from - 1;
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "BV"));
    bench->now = from;
    assert_int_equal(begin(bench, &call, KEY_NORTH, "large", "BV"), WEIR_EHELD);
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    bench->now = until - 1;
    assert_int_equal(begin(bench, &call, KEY_NORTH, "large", "BV"), WEIR_EHELD);
    bench->now = until;
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "BV"));
    bench_free(bench);
}

TEST(gate, unknown_revoked_and_expired_keys_are_told_apart)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_overlay_item item = {WEIR_KIND_KEY, WEIR_SPAN("north")};

    assert_int_equal(begin(bench, &call, "wr_nobody", "large", "NO"),
                     WEIR_EUNAUTH);
    assert_int_equal(call.reason, WEIR_REASON_UNKNOWN_KEY);
    assert_int_equal(begin(bench, &call, "", "large", "NO"), WEIR_EUNAUTH);
    assert_int_equal(call.reason, WEIR_REASON_NO_KEY);
    set_overlay(bench, &item, 1, &bench->view.overlay);
    assert_int_equal(begin(bench, &call, KEY_NORTH, "large", "NO"),
                     WEIR_EUNAUTH);
    assert_int_equal(call.reason, WEIR_REASON_REVOKED_KEY);
    set_overlay(bench, NULL, 0, &bench->view.overlay);
    bench->now = NOON + WEIR_US_PER_DAY * 366;
    assert_int_equal(begin(bench, &call, KEY_NORTH, "large", "NO"),
                     WEIR_EUNAUTH);
    assert_int_equal(call.reason, WEIR_REASON_EXPIRED_KEY);
    bench_free(bench);
}

TEST(gate, each_kind_of_withdrawal_acts)
{
    static const struct {
        enum weir_kind kind;
        const char *name;
        weir_status large;
        weir_status small;
    } rows[] = {
        {WEIR_KIND_MODEL, "large", WEIR_EDENIED, WEIR_OK},
        {WEIR_KIND_DEPLOYMENT, "large-oslo", WEIR_OK, WEIR_OK},
        {WEIR_KIND_DEPLOYMENT, "small-oslo", WEIR_OK, WEIR_EDENIED},
        {WEIR_KIND_PROVIDER, "maker", WEIR_EDENIED, WEIR_EDENIED},
        {WEIR_KIND_ORGANISATION, "north", WEIR_EDENIED, WEIR_EDENIED},
        {WEIR_KIND_ORGANISATION, "seller-co", WEIR_EDENIED, WEIR_EDENIED},
        {WEIR_KIND_ORGANISATION, "south", WEIR_OK, WEIR_OK},
        {WEIR_KIND_JURISDICTION, "NO", WEIR_OK, WEIR_EDENIED},
        {WEIR_KIND_JURISDICTION, "DE", WEIR_OK, WEIR_OK},
    };
    struct bench *bench = bench_new();
    struct weir_call call;
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_overlay_item item = {rows[i].kind,
                                         weir_span_of(rows[i].name)};
        set_overlay(bench, &item, 1, &bench->view.overlay);
        assert_int_equal(begin(bench, &call, KEY_NORTH, "large", "NO"),
                         rows[i].large);
        assert_int_equal(begin(bench, &call, KEY_NORTH, "small", "NO"),
                         rows[i].small);
    }
    bench_free(bench);
}

TEST(gate, stale_policy_closes_all_but_the_listed_models)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_client client = {WEIR_SPAN("127.0.0.1"), WEIR_SPAN("NO")};
    struct weir_ask ask = {.operation = WEIR_OP_CHAT, .n = 1};
    weir_time old = bench->now - 2 * WEIR_US_PER_DAY;

    weir_call_begin(&call, &bench->gate, &bench->view, &client, old);
    assert_ok(weir_call_identify(
        &call, (weir_secret){KEY_NORTH, sizeof(KEY_NORTH) - 1}, NULL));
    ask.model = WEIR_SPAN("large");
    assert_int_equal(weir_call_decide(&call, &ask, NULL), WEIR_ESTALE);
    ask.model = WEIR_SPAN("small");
    assert_ok(weir_call_decide(&call, &ask, NULL));
    bench_free(bench);
}

TEST(gate, full_budget_refuses_and_names_window_and_reopening)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_refusal refusal;
    char room[WEIR_REFUSAL_ROOM];
    uint64_t position;

    for (int i = 0; i < 20; i++) { /* 20 * 50 = 1000 tokens held */
        assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
        assert_ok(weir_call_admit(&call, &position, NULL));
    }
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_int_equal(weir_call_admit(&call, &position, NULL), WEIR_EBUDGET);
    weir_call_refusal(&call, WEIR_EBUDGET, NULL, bench->now, room, &refusal);
    assert_span(refusal.window, "project tokens per day");
    assert_true(refusal.reopens_at > bench->now);
    assert_true(refusal.retry_after_s > 0);
    assert_int_equal(weir_status_info(refusal.status)->http, 429);
    bench_free(bench);
}

TEST(gate, no_record_no_call_and_the_hold_is_given_back)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    uint64_t position;

    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    weir_ring_set_state(bench->ring, WEIR_JOURNAL_NO_SPACE);
    assert_int_equal(weir_call_admit(&call, &position, NULL), WEIR_EUNAVAIL);
    assert_int_equal(call.reason, WEIR_REASON_NO_RECORD);
    assert_int_equal(used_tokens(bench, &call), 0);
    bench_free(bench);
}

TEST(gate, fallback_walks_allowed_candidates_only)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_attempt_result failed = {.end = WEIR_ATTEMPT_REFUSED,
                                         .retry_after_ms = -1};
    struct weir_error err = {0};
    uint64_t position;

    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_ok(weir_call_admit(&call, &position, NULL));
    struct weir_step step =
        weir_call_first(&call, &bench->view.overlay, bench->now, &err);
    const struct weir_image *image = &bench->view.image;
    for (int i = 0; i < WEIR_ATTEMPTS_MAX + 1; i++) {
        if (step.next != WEIR_NEXT_TRY)
            break;
        weir_span name =
            weir_image_text(image, image->deployments[step.deployment].name);
        assert_false(weir_span_equal(name, WEIR_SPAN("large-cold")));
        bench->now += step.wait_us + 1000;
        step = weir_call_next(&call, &failed, &bench->view.overlay, bench->now,
                              &err);
    }
    assert_int_equal(step.next, WEIR_NEXT_REFUSE);
    assert_int_equal(err.status, WEIR_EUPSTREAM);
    assert_true(strstr(err.text, "no connection to the origin") != NULL);
    bench_free(bench);
}

TEST(gate, withdrawal_between_attempts_takes_the_candidate_away)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_overlay newest;
    struct weir_overlay_item item = {WEIR_KIND_MODEL, WEIR_SPAN("large")};
    struct weir_error err = {0};
    uint64_t position;

    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_ok(weir_call_admit(&call, &position, NULL));
    set_overlay(bench, &item, 1, &newest);
    struct weir_step step = weir_call_first(&call, &newest, bench->now, &err);
    assert_int_equal(step.next, WEIR_NEXT_REFUSE);
    assert_int_equal(err.status, WEIR_EDENIED);
    bench_free(bench);
}

TEST(gate, replay_repeats_the_record_and_sees_a_withdrawal)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_record_intent intent;
    struct weir_replay replay;
    struct weir_replay_case recorded;
    struct weir_answer answer;
    struct weir_arena arena;
    struct weir_overlay_item item = {WEIR_KIND_DEPLOYMENT,
                                     WEIR_SPAN("large-oslo")};
    struct weir_error difference = {0};
    uint64_t position;

    weir_arena_init_heap(&arena, 1u << 20);
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_ok(weir_call_admit(&call, &position, NULL));
    assert_ok(weir_record_get_intent(next_record(bench, WEIR_RECORD_INTENT),
                                     &intent, NULL));
    assert_ok(weir_replay_init(&replay, &bench->view, &arena, NULL));
    weir_replay_of_intent(&intent, &recorded);
    assert_true(weir_replay_is_decision(&recorded));
    assert_ok(
        weir_replay_decide(&replay, &recorded, recorded.decided_us, &answer));
    assert_true(
        weir_replay_equal(&bench->view.image, &recorded, &answer, &difference));
    set_overlay(bench, &item, 1, &bench->view.overlay);
    assert_ok(
        weir_replay_decide(&replay, &recorded, recorded.decided_us, &answer));
    assert_false(
        weir_replay_equal(&bench->view.image, &recorded, &answer, &difference));
    assert_string_equal(difference.text, "large-oslo: recorded allow "
                                         "(permitted), replayed deny "
                                         "(withdrawn)");
    recorded.key = WEIR_SPAN("nobody");
    assert_int_equal(weir_replay_decide(&replay, &recorded, 0, &answer),
                     WEIR_ENOTFOUND);
    weir_arena_fini(&arena);
    bench_free(bench);
}

TEST(gate, unknown_model_and_wrong_operation_are_not_policy)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_ask ask = {
        .operation = WEIR_OP_EMBED, .model = WEIR_SPAN("large"), .n = 1};
    assert_int_equal(begin(bench, &call, KEY_NORTH, "none", "NO"),
                     WEIR_ENOTFOUND);
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_int_equal(weir_call_decide(&call, &ask, NULL), WEIR_EPARSE);
    assert_int_equal(call.reason, WEIR_REASON_OPERATION);
    bench_free(bench);
}

TEST(gate, a_model_is_served_until_its_last_microsecond)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    bench->now = SUNSET - 1;
    assert_ok(begin(bench, &call, KEY_NORTH, "small", "NO"));
    bench->now++;
    assert_int_equal(begin(bench, &call, KEY_NORTH, "small", "NO"),
                     WEIR_ENOTFOUND);
    assert_int_equal(call.reason, WEIR_REASON_SUNSET);
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    bench_free(bench);
}

TEST(gate, a_listed_model_is_refused_with_what_it_lacks)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_error err = {0};
    struct weir_ask ask = {
        .operation = WEIR_OP_CHAT, .model = WEIR_SPAN("listed"), .n = 1};
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_int_equal(weir_call_decide(&call, &ask, &err), WEIR_ENOTFOUND);
    assert_int_equal(call.reason, WEIR_REASON_NOT_SERVABLE);
    assert_non_null(strstr(err.text, "lacks origin, terms, licence, price"));
    bench_free(bench);
}

TEST(gate, a_key_on_hold_is_refused_and_released)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_record_refusal refusal;
    struct weir_refusal said;
    char room[WEIR_REFUSAL_ROOM];
    const struct weir_overlay_item held = {WEIR_KIND_KEY_HOLD,
                                           WEIR_SPAN("north")};
    set_overlay(bench, &held, 1, &bench->view.overlay);
    weir_status status = begin(bench, &call, KEY_NORTH, "large", "NO");
    assert_int_equal(status, WEIR_EHELD);
    assert_int_equal(call.reason, WEIR_REASON_KEY_ON_HOLD);
    weir_call_refusal(&call, status, NULL, bench->now, room, &said);
    assert_span(said.code, "key_on_hold");
    assert_span(said.appeal, "appeal@seller.example");
    weir_call_refuse(&call, &said);
    assert_ok(weir_record_get_refusal(next_record(bench, WEIR_RECORD_REFUSAL),
                                      &refusal, NULL));
    assert_int_equal(refusal.reason, WEIR_REASON_KEY_ON_HOLD);
    assert_int_equal(refusal.http_status, 403);
    assert_span(refusal.key, "north");
    /* its name as a revocation is another thing */
    assert_int_equal(begin(bench, &call, KEY_MIDDLE, "large", "NO"),
                     WEIR_EPARSE);
    set_overlay(bench, NULL, 0, &bench->view.overlay);
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    bench_free(bench);
}

TEST(gate, a_reseller_names_whom_it_sells_to)
{
    static const struct {
        const char *named;
        weir_status status;
        enum weir_reason reason;
    } cases[] = {
        {"", WEIR_EPARSE, WEIR_REASON_END_CUSTOMER},
        {"north", WEIR_OK, WEIR_REASON_PERMITTED},
        {"pole", WEIR_EDENIED, WEIR_REASON_FORBIDDEN},
        {"nobody-knows", WEIR_EHELD, WEIR_REASON_HELD},
        {"two words", WEIR_EPARSE, WEIR_REASON_END_CUSTOMER},
        {"-north", WEIR_EPARSE, WEIR_REASON_END_CUSTOMER},
        {"north\xc3\xa9", WEIR_EPARSE, WEIR_REASON_END_CUSTOMER},
    };
    struct bench *bench = bench_new();
    struct weir_call call;
    char longest[WEIR_END_CUSTOMER_MAX + 2];
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        assert_int_equal(
            begin_for(bench, &call, KEY_MIDDLE, "large", "NO", cases[i].named),
            cases[i].status);
        assert_int_equal(call.reason, cases[i].reason);
    }
    memset(longest, 'a', sizeof(longest));
    longest[WEIR_END_CUSTOMER_MAX + 1] = '\0';
    assert_int_equal(
        begin_for(bench, &call, KEY_MIDDLE, "large", "NO", longest),
        WEIR_EPARSE);
    longest[WEIR_END_CUSTOMER_MAX] = '\0';
    assert_int_equal(
        begin_for(bench, &call, KEY_MIDDLE, "large", "NO", longest),
        WEIR_EHELD);
    /* who is no reseller need not, but may, and then it counts */
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_int_equal(begin_for(bench, &call, KEY_NORTH, "large", "NO", "pole"),
                     WEIR_EDENIED);
    bench_free(bench);
}

TEST(gate, the_end_customer_is_in_every_record_and_replays)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_record_intent intent;
    struct weir_record_outcome outcome;
    struct weir_replay replay;
    struct weir_replay_case recorded;
    struct weir_answer answer;
    struct weir_arena arena;
    uint64_t position;
    struct weir_settlement done = {.ending = WEIR_END_COMPLETE,
                                   .http_status = 200};

    assert_ok(begin_for(bench, &call, KEY_MIDDLE, "large", "NO", "north"));
    assert_ok(weir_call_admit(&call, &position, NULL));
    assert_ok(weir_record_get_intent(next_record(bench, WEIR_RECORD_INTENT),
                                     &intent, NULL));
    assert_span(intent.end_customer, "north");
    (void)weir_call_first(&call, &bench->view.overlay, bench->now, NULL);
    weir_call_answered(&call, 200, bench->now);
    weir_call_settle(&call, &done);
    assert_ok(weir_record_get_outcome(next_record(bench, WEIR_RECORD_OUTCOME),
                                      &outcome, NULL));
    assert_span(outcome.end_customer, "north");
    /* the same question gets the same answer; for another one, another */
    weir_arena_init_heap(&arena, 1u << 20);
    assert_ok(weir_replay_init(&replay, &bench->view, &arena, NULL));
    weir_replay_of_intent(&intent, &recorded);
    assert_ok(weir_replay_decide(&replay, &recorded, bench->now, &answer));
    assert_int_equal(answer.verdict, WEIR_ALLOW);
    recorded.end_customer = WEIR_SPAN("pole");
    assert_ok(weir_replay_decide(&replay, &recorded, bench->now, &answer));
    assert_int_equal(answer.verdict, WEIR_DENY);
    weir_arena_fini(&arena);
    bench_free(bench);
}

TEST(gate, a_withdrawn_end_customer_is_not_served_through_a_reseller)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    const struct weir_overlay_item withdrawn = {WEIR_KIND_ORGANISATION,
                                                WEIR_SPAN("north")};
    set_overlay(bench, &withdrawn, 1, &bench->view.overlay);
    assert_int_equal(
        begin_for(bench, &call, KEY_MIDDLE, "large", "NO", "north"),
        WEIR_EDENIED);
    assert_int_equal(call.reason, WEIR_REASON_WITHDRAWN);
    assert_ok(begin_for(bench, &call, KEY_MIDDLE, "large", "NO", "seller-co"));
    bench_free(bench);
}
