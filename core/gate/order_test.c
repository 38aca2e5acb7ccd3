/* SPDX-License-Identifier: Apache-2.0 */
/* The order of allowed candidates by each mode, and its reason on record. */
#include "gate_fixture.h"

#define OSLO   1
#define BERLIN 2

/* The image lies in the bench's own buffer: rows are changed by hand. */
static struct weir_image_route *
route_of(struct bench *bench, uint32_t mode)
{
    uint32_t row =
        weir_image_find_route(&bench->view.image, WEIR_SPAN("large"));
    struct weir_image_route *route =
        (struct weir_image_route *)(uintptr_t)&bench->view.image.routes[row];
    route->mode = mode;
    return route;
}

static void *
open_health(struct bench *bench)
{
    size_t size = weir_health_size(64);
    void *memory = aligned_alloc(64, size);
    assert_ok(weir_health_format(memory, size, 64, &bench->gate.health, NULL));
    return memory;
}

static weir_health_slot
take(struct bench *bench, uint32_t deployment)
{
    static const struct weir_health_rule none = {.concurrency = 0};
    weir_health_slot slot;
    assert_int_equal(
        weir_health_take(bench->gate.health,
                         bench->view.image.deployments[deployment].hash, &none,
                         0, bench->now, false, &slot),
        WEIR_HEALTH_FREE);
    return slot;
}

/* Plans a call with that body and gives back its intent as recorded. */
static void
plan(struct bench *bench, const char *body, struct weir_record_intent *intent)
{
    static struct weir_call call;
    struct weir_client client = {.address = WEIR_SPAN("127.0.0.1"),
                                 .country = WEIR_SPAN("NO")};
    struct weir_ask ask = {.operation = WEIR_OP_CHAT,
                           .model = WEIR_SPAN("large"),
                           .input_tokens = 1,
                           .output_tokens_max = 4,
                           .n = 1,
                           .body = weir_span_of(body)};
    struct weir_settlement done = {.ending = WEIR_END_NOT_SENT};
    uint64_t position;
    weir_call_begin(&call, &bench->gate, &bench->view, &client, bench->now);
    assert_ok(weir_call_identify(
        &call, (weir_secret){KEY_NORTH, strlen(KEY_NORTH)}, NULL));
    assert_ok(weir_call_decide(&call, &ask, NULL));
    assert_ok(weir_call_admit(&call, &position, NULL));
    assert_ok(weir_record_get_intent(next_record(bench, WEIR_RECORD_INTENT),
                                     intent, NULL));
    weir_call_settle(&call, &done);
    (void)next_record(bench, WEIR_RECORD_OUTCOME);
    /* policy first: large-cold is denied and in no order */
    assert_int_equal(intent->order_count, 2);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_not_equal(intent->order[i], 0);
}

TEST(gate_order, the_cheapest_goes_first_by_what_the_call_may_cost)
{
    struct bench *bench = bench_new();
    struct weir_record_intent intent;
    const struct weir_image *image = &bench->view.image;
    struct weir_image_deployment *berlin =
        (struct weir_image_deployment *)(uintptr_t)&image->deployments[BERLIN];
    struct weir_image_sheet *small =
        (struct weir_image_sheet *)(uintptr_t)&image->sheets[1];
    route_of(bench, WEIR_ROUTE_PRICE);
    plan(bench, "", &intent); /* one model, one price: as declared */
    assert_int_equal(intent.order[0], OSLO);
    assert_int_equal(intent.order_values[0], intent.order_values[1]);
    berlin->model = 1;
    berlin->sheet = 1;
    small->price.input /= 2;
    small->price.output /= 2;
    small->price.reasoning /= 2; /* it is output too: the dearer is held */
    plan(bench, "", &intent);
    assert_int_equal(intent.order[0], BERLIN);
    assert_int_equal(intent.route_mode, WEIR_ROUTE_PRICE);
    assert_true(intent.order_values[0] < intent.order_values[1]);
    bench_free(bench);
}

TEST(gate_order, the_fastest_goes_first_and_load_counts)
{
    struct bench *bench = bench_new();
    void *memory = open_health(bench);
    struct weir_record_intent intent;
    route_of(bench, WEIR_ROUTE_LATENCY);
    plan(bench, "", &intent);
    assert_int_equal(intent.order[0], OSLO); /* nothing is known of either */
    weir_health_slot oslo = take(bench, OSLO);
    weir_health_slot berlin = take(bench, BERLIN);
    weir_health_time(bench->gate.health, &oslo, 300000, bench->now);
    weir_health_time(bench->gate.health, &berlin, 200000, bench->now);
    plan(bench, "", &intent);
    assert_int_equal(intent.order[0], BERLIN);
    assert_int_equal(intent.order_values[0], 400000); /* with one call there */
    assert_int_equal(intent.order_values[1], 600000);
    weir_health_leave(bench->gate.health, &oslo, 0, bench->now);
    plan(bench, "", &intent);
    assert_int_equal(intent.order[0], OSLO);
    free(memory);
    bench_free(bench);
}

TEST(gate_order, the_least_busy_goes_first_and_equals_as_declared)
{
    struct bench *bench = bench_new();
    void *memory = open_health(bench);
    struct weir_record_intent intent;
    route_of(bench, WEIR_ROUTE_LEAST_BUSY);
    plan(bench, "", &intent);
    assert_int_equal(intent.order[0], OSLO);
    (void)take(bench, OSLO);
    plan(bench, "", &intent);
    assert_int_equal(intent.order[0], BERLIN);
    assert_int_equal(intent.order_values[0], 0);
    assert_int_equal(intent.order_values[1], 1);
    (void)take(bench, BERLIN);
    plan(bench, "", &intent);
    assert_int_equal(intent.order[0], OSLO);
    free(memory);
    bench_free(bench);
}

static uint64_t
home(struct bench *bench, const char *body, enum weir_sticky_by by)
{
    struct weir_record_intent intent;
    plan(bench, body, &intent);
    assert_int_equal(intent.route_mode, WEIR_ROUTE_STICKY);
    assert_int_equal(intent.sticky_by, by);
    return intent.order_values[0];
}

TEST(gate_order, a_conversation_stays_where_it_began)
{
    struct bench *bench = bench_new();
    route_of(bench, WEIR_ROUTE_STICKY);
    uint64_t began =
        home(bench,
             "{\"messages\":[{\"role\":\"system\",\"content\":\"be kind\"},"
             "{\"role\":\"user\",\"content\":\"one\"}]}",
             WEIR_STICKY_BY_BEGINNING);
    assert_true(began == home(bench,
                              "{\"n\":1,\"messages\":[{\"role\":\"system\","
                              "\"content\":\"be kind\"},{\"role\":\"user\","
                              "\"content\":\"one\"},{\"role\":\"assistant\","
                              "\"content\":\"yes\"},{\"role\":\"user\","
                              "\"content\":\"two\"}]}",
                              WEIR_STICKY_BY_BEGINNING));
    assert_true(began != home(bench,
                              "{\"messages\":[{\"role\":\"system\","
                              "\"content\":\"be kind\"},{\"role\":\"user\","
                              "\"content\":\"another\"}]}",
                              WEIR_STICKY_BY_BEGINNING));
    uint64_t keyed = home(bench, "{\"prompt_cache_key\":\"k\",\"input\":\"a\"}",
                          WEIR_STICKY_BY_CACHE_KEY);
    assert_true(keyed == home(bench,
                              "{\"user\":\"u\",\"prompt_cache_key\":\"k\"}",
                              WEIR_STICKY_BY_CACHE_KEY));
    (void)home(bench, "{\"metadata\":{\"user_id\":\"u\"},\"input\":[]}",
               WEIR_STICKY_BY_USER);
    (void)home(bench, "{}", WEIR_STICKY_BY_KEY);
    (void)home(bench, "--form--", WEIR_STICKY_BY_KEY);
    bench_free(bench);
}

TEST(gate_order, conversations_spread_evenly_over_deployments)
{
    struct weir_record_intent intent;
    char body[64];
    int at_oslo = 0;
    for (int i = 0; i < 250; i++) { /* a lane holds some dozens of records */
        static struct bench *bench;
        if (i % 25 == 0) {
            bench = bench_new();
            route_of(bench, WEIR_ROUTE_STICKY);
        }
        snprintf(body, sizeof(body), "{\"prompt_cache_key\":\"c%d\"}", i);
        plan(bench, body, &intent);
        at_oslo += intent.order[0] == OSLO;
        if (i % 25 == 24)
            bench_free(bench);
    }
    assert_in_range(at_oslo, 90, 160); /* 4.4 standard deviations */
}
