/* SPDX-License-Identifier: Apache-2.0 */
/* Budgets by name, over a world of three customers and three deployments. */
#include "gate_fixture.h"

#include <weir/budget.h>

static struct weir_world_budget *
add_budget(struct weir_world *world, const char *name, uint32_t window,
           int64_t tokens)
{
    struct weir_world_limit *limit = weir_world_add_limit(world);
    struct weir_world_budget *budget = weir_world_add_budget(world);
    limit->metric = WEIR_METRIC_TOKENS;
    limit->window = window;
    limit->amount = tokens;
    budget->name = weir_span_of(name);
    budget->limits.first = world->limit_count - 1;
    budget->limits.count = 1;
    return budget;
}

static void
end_call(struct weir_call *call, uint64_t input, uint64_t output)
{
    const struct weir_settlement settlement = {
        .ending = WEIR_END_COMPLETE,
        .http_status = 200,
        .usage = {.input_tokens = input, .output_tokens = output},
    };
    const struct weir_overlay *overlay = &call->view->overlay;
    struct weir_step step = weir_call_first(call, overlay, call->started, NULL);
    assert_int_equal(step.next, WEIR_NEXT_TRY);
    weir_call_answered(call, 200, call->started);
    weir_call_settle(call, &settlement);
}

static weir_status
admit(struct bench *bench, struct weir_call *call, const char *key,
      const char *model, const char *end_customer)
{
    uint64_t position;
    assert_ok(begin_for(bench, call, key, model, "NO", end_customer));
    return weir_call_admit(call, &position, NULL);
}

static weir_quota_row
row_of(struct bench *bench, uint64_t subject, weir_quota_window window)
{
    weir_quota_row row = {0};
    (void)weir_quota_get(bench->quota, subject, WEIR_QUOTA_TOKENS, window,
                         bench->now, &row);
    return row;
}

/* ------------------------------------------------------------ over whom */

static void
with_group(struct weir_world *world)
{
    struct weir_world_group *group = weir_world_add_group(world);
    group->name = WEIR_SPAN("both");
    add_names(world, &group->tenants, "north", "middle");
    struct weir_world_budget *budget =
        add_budget(world, "shared", WEIR_QUOTA_MONTH, 120);
    budget->of = WEIR_BUDGET_GROUP;
    budget->of_name = name_of("both");
}

TEST(gate_budget, group_is_one_counter_and_others_are_not_in_it)
{
    struct bench *bench = bench_of(with_group);
    const struct weir_image_budget *budget = &bench->view.image.budgets[0];
    struct weir_call one, two, three;
    struct weir_refusal refusal;
    char room[WEIR_REFUSAL_ROOM];
    assert_ok(admit(bench, &one, KEY_NORTH, "large", ""));
    assert_ok(admit(bench, &two, KEY_MIDDLE, "large", "north"));
    assert_int_equal(row_of(bench, budget->hash, WEIR_QUOTA_MONTH).held, 100);
    assert_int_equal(admit(bench, &three, KEY_NORTH, "large", ""),
                     WEIR_EBUDGET);
    assert_int_equal(three.reason, WEIR_REASON_BUDGET);
    weir_call_refusal(&three, WEIR_EBUDGET, NULL, bench->now, room, &refusal);
    assert_span(refusal.window, "shared tokens per month");
    end_call(&one, 10, 5);
    end_call(&two, 10, 5);
    assert_int_equal(row_of(bench, budget->hash, WEIR_QUOTA_MONTH).used, 30);
    assert_ok(admit(bench, &three, KEY_NORTH, "large", ""));
    end_call(&three, 1, 1);
    bench_free(bench);
}

static void
with_owners(struct weir_world *world)
{
    struct weir_world_budget *budget =
        add_budget(world, "roof", WEIR_QUOTA_DAY, 500);
    budget->of = WEIR_BUDGET_OWNERS;
    budget->of_name = name_of("north");
    budget = add_budget(world, "firm", WEIR_QUOTA_DAY, 500);
    budget->of = WEIR_BUDGET_ORGANISATION;
    budget->of_name = name_of("north");
    budget = add_budget(world, "one-key", WEIR_QUOTA_DAY, 500);
    budget->of = WEIR_BUDGET_KEY;
    budget->of_name = name_of("middle");
}

TEST(gate_budget, organisations_owners_and_keys_are_reached_and_no_others)
{
    struct bench *bench = bench_of(with_owners);
    const struct weir_image *image = &bench->view.image;
    struct weir_call call;
    assert_ok(admit(bench, &call, KEY_NORTH, "large", ""));
    end_call(&call, 3, 4);
    assert_int_equal(row_of(bench, image->budgets[0].hash, WEIR_QUOTA_DAY).used,
                     7);
    assert_int_equal(row_of(bench, image->budgets[1].hash, WEIR_QUOTA_DAY).used,
                     7);
    assert_int_equal(row_of(bench, image->budgets[2].hash, WEIR_QUOTA_DAY).used,
                     0);
    assert_ok(admit(bench, &call, KEY_MIDDLE, "large", "north"));
    end_call(&call, 1, 1);
    assert_int_equal(row_of(bench, image->budgets[1].hash, WEIR_QUOTA_DAY).used,
                     7);
    assert_int_equal(row_of(bench, image->budgets[2].hash, WEIR_QUOTA_DAY).used,
                     2);
    bench_free(bench);
}

static void
with_end_customers(struct weir_world *world)
{
    struct weir_world_budget *budget =
        add_budget(world, "each", WEIR_QUOTA_DAY, 60);
    budget->each = WEIR_BUDGET_EACH_END_CUSTOMER;
    budget = add_budget(world, "shop", WEIR_QUOTA_DAY, 200);
    budget->end_customer = WEIR_SPAN("south");
}

TEST(gate_budget, end_customers_have_their_own_counters)
{
    struct bench *bench = bench_of(with_end_customers);
    const struct weir_image_budget *shop = &bench->view.image.budgets[1];
    struct weir_call call;
    assert_ok(admit(bench, &call, KEY_NORTH, "large", "south"));
    assert_int_equal(admit(bench, &call, KEY_NORTH, "large", "south"),
                     WEIR_EBUDGET);
    assert_ok(admit(bench, &call, KEY_NORTH, "large", "north"));
    assert_ok(admit(bench, &call, KEY_MIDDLE, "large", "south"));
    assert_ok(admit(bench, &call, KEY_NORTH, "large", ""));
    assert_int_equal(row_of(bench, shop->hash, WEIR_QUOTA_DAY).held, 100);
    bench_free(bench);
}

/* -------------------------------------------------------------- models */

/* A route over both models, and a budget over one of them. */
static void
with_models(struct weir_world *world)
{
    struct weir_world_route *route = weir_world_add_route(world);
    route->name = WEIR_SPAN("either");
    route->candidates.first = world->candidate_count;
    route->candidates.count = 2;
    for (int i = 0; i < 2; i++) {
        struct weir_world_candidate *row = weir_world_add_candidate(world);
        row->name = name_of(i == 0 ? "large" : "small");
        row->is_model = true;
    }
    struct weir_world_budget *budget =
        add_budget(world, "of-large", WEIR_QUOTA_DAY, 60);
    add_names(world, &budget->models, "large", NULL);
    budget = add_budget(world, "per-model", WEIR_QUOTA_DAY, 200);
    budget->each = WEIR_BUDGET_EACH_MODEL;
}

TEST(gate_budget, full_model_is_left_out_and_the_others_serve)
{
    struct bench *bench = bench_of(with_models);
    const struct weir_image *image = &bench->view.image;
    const struct weir_image_budget *each = &image->budgets[1];
    struct weir_call one, two, three;
    assert_ok(admit(bench, &one, KEY_NORTH, "either", ""));
    assert_int_equal(one.unaffordable, 0);
    assert_ok(admit(bench, &two, KEY_NORTH, "either", ""));
    assert_true(two.unaffordable != 0);
    for (uint32_t i = 0; i < two.plan.count; i++) {
        uint32_t model =
            image
                ->deployments[two.answer.candidates[two.plan.order[i]]
                                  .deployment]
                .model;
        assert_true(
            weir_span_equal(weir_image_text(image, image->models[model].name),
                            WEIR_SPAN("small")));
    }
    assert_int_equal(admit(bench, &three, KEY_NORTH, "large", ""),
                     WEIR_EBUDGET);
    end_call(&one, 10, 10); /* by large */
    end_call(&two, 10, 20); /* by small */
    assert_int_equal(row_of(bench, image->budgets[0].hash, WEIR_QUOTA_DAY).used,
                     20);
    assert_int_equal(row_of(bench, image->budgets[0].hash, WEIR_QUOTA_DAY).held,
                     0);
    for (uint32_t i = 0; i < image->model_count; i++) {
        bool is_large = weir_span_equal(
            weir_image_text(image, image->models[i].name), WEIR_SPAN("large"));
        weir_quota_row row = row_of(
            bench, weir_budget_subject(each->hash, image->models[i].hash),
            WEIR_QUOTA_DAY);
        assert_int_equal(row.used, is_large ? 20 : 30);
        assert_int_equal(row.held, 0);
    }
    bench_free(bench);
}

TEST(gate_budget, call_that_nobody_answered_is_of_no_model)
{
    struct bench *bench = bench_of(with_models);
    const struct weir_image *image = &bench->view.image;
    const struct weir_settlement failed = {.ending = WEIR_END_FAILED,
                                           .http_status = 502};
    struct weir_call call;
    assert_ok(admit(bench, &call, KEY_NORTH, "either", ""));
    weir_call_settle(&call, &failed);
    weir_quota_row row = row_of(bench, image->budgets[0].hash, WEIR_QUOTA_DAY);
    assert_int_equal(row.used + row.held, 0);
    bench_free(bench);
}

/* ------------------------------------------------------ pools, soft, zones */

static void
with_pool(struct weir_world *world)
{
    struct weir_world_reserve *share = weir_world_add_reserve(world);
    struct weir_world_budget *budget =
        add_budget(world, "pool", WEIR_QUOTA_DAY, 200);
    share->of = WEIR_BUDGET_TENANT;
    share->name = name_of("middle");
    share->ppm = 500000;
    budget->reserves.first = 0;
    budget->reserves.count = 1;
    budget = add_budget(world, "soft", WEIR_QUOTA_DAY, 10);
    budget->is_soft = true;
}

TEST(gate_budget, reserved_share_stays_when_others_have_used_the_rest)
{
    struct bench *bench = bench_of(with_pool);
    struct weir_call call;
    assert_ok(admit(bench, &call, KEY_NORTH, "large", ""));
    assert_ok(admit(bench, &call, KEY_NORTH, "large", ""));
    assert_int_equal(admit(bench, &call, KEY_NORTH, "large", ""), WEIR_EBUDGET);
    assert_ok(admit(bench, &call, KEY_MIDDLE, "large", "north"));
    assert_ok(admit(bench, &call, KEY_MIDDLE, "large", "north"));
    assert_int_equal(admit(bench, &call, KEY_MIDDLE, "large", "north"),
                     WEIR_EBUDGET);
    assert_true(
        row_of(bench, bench->view.image.budgets[1].hash, WEIR_QUOTA_DAY).held >
        10); /* soft: counted, never in the way */
    bench_free(bench);
}

static void
with_zone(struct weir_world *world)
{
    struct weir_world_shift *shift = weir_world_add_shift(world);
    struct weir_world_zone *zone = weir_world_add_zone(world);
    shift->from = WEIR_TIME_MIN;
    shift->offset_s = 9 * 3600;
    zone->name = WEIR_SPAN("Far/East");
    zone->shifts.count = 1;
    add_budget(world, "eastern", WEIR_QUOTA_DAY, 60)->zone = 1;
}

TEST(gate_budget, refusal_says_when_the_zone_s_day_ends)
{
    struct bench *bench = bench_of(with_zone);
    struct weir_refusal refusal;
    char room[WEIR_REFUSAL_ROOM];
    struct weir_call call;
    weir_time starts, ends;
    assert_ok(admit(bench, &call, KEY_NORTH, "large", ""));
    assert_int_equal(admit(bench, &call, KEY_NORTH, "large", ""), WEIR_EBUDGET);
    weir_call_refusal(&call, WEIR_EBUDGET, NULL, bench->now, room, &refusal);
    assert_span(refusal.window, "eastern tokens per day");
    weir_budget_window(&bench->view.image, 1, WEIR_QUOTA_DAY, bench->now, NULL,
                       &starts, &ends);
    assert_int_equal(refusal.reopens_at, ends);
    assert_int_equal((ends + 9 * 3600 * WEIR_US_PER_SEC) % WEIR_US_PER_DAY, 0);
    bench->now = ends;
    assert_ok(admit(bench, &call, KEY_NORTH, "large", ""));
    bench_free(bench);
}
