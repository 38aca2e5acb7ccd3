/* SPDX-License-Identifier: Apache-2.0 */
/* Journals of real decisions, decided again as they were and otherwise. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <test.h>

#include "control/config/config.h"
#include "control/simulate/simulate.h"
#include "journal_maker.h"

static struct maker maker;

static const struct weir_simulate_wish nothing = {.from = WEIR_TIME_MIN,
                                                  .to = WEIR_TIME_MAX};

static json_t *
simulate(const struct weir_simulate_wish *wish)
{
    struct weir_error err = {0};
    json_t *report = NULL;
    maker_drain(&maker);
    if (weir_simulate_journal(&maker.paths, wish, &report, &err) != WEIR_OK)
        fail_msg("%s", err.text);
    return report;
}

static long long
number(const json_t *report, const char *name)
{
    return (long long)json_integer_value(json_object_get(report, name));
}

static long long
effect(const json_t *report, const char *name, const char *figure)
{
    return number(json_object_get(json_object_get(report, "effects"), name),
                  figure);
}

static long long
group(const json_t *report, const char *effect_name, const char *by,
      const char *name)
{
    const json_t *row;
    size_t i;
    json_array_foreach(json_object_get(report, "groups"), i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "effect")),
                   effect_name) == 0 &&
            strcmp(json_string_value(json_object_get(row, "by")), by) == 0 &&
            strcmp(json_string_value(json_object_get(row, "name")), name) == 0)
            return number(row, "calls");
    }
    return 0;
}

/* Withdrawals come and go, a dated rule begins, the image changes. */
static void
fill(uint64_t count)
{
    const struct weir_overlay_item items[] = {
        {WEIR_KIND_DEPLOYMENT, WEIR_SPAN("aurora-large-oslo")},
        {WEIR_KIND_PROVIDER, WEIR_SPAN("meridian")}};
    maker_calls(&maker, count);
    maker_withdraw(&maker, items, 2);
    maker_calls(&maker, count);
    maker_withdraw(&maker, items, 1);
    maker.now += 3 * WEIR_US_PER_DAY;
    maker_image(&maker);
    maker_calls(&maker, count);
    maker_withdraw(&maker, NULL, 0);
    maker_calls(&maker, count);
}

static void
assert_repeats(const json_t *report)
{
    const json_t *difference = json_object_get(report, "difference");
    if (difference != NULL)
        fail_msg("%s: %s",
                 json_string_value(json_object_get(difference, "request")),
                 json_string_value(json_object_get(difference, "text")));
    assert_true(json_is_true(json_object_get(report, "is_same")));
    assert_int_equal(effect(report, "not_policy", "calls"), 0);
    assert_int_equal(effect(report, "not_kept", "calls"), 0);
    assert_int_equal(number(report, "decisions"), maker.calls);
    assert_int_equal(number(report, "admitted"), maker.admitted);
    assert_int_equal(number(report, "open"), 0);
    assert_int_equal(number(report, "tokens"), maker.tokens);
    assert_int_equal(number(report, "revenue_micros"), maker.micros);
}

/* Remembered answers are those that evaluation gives, figure for figure. */
static void
assert_plain_agrees(const struct weir_simulate_wish *wish)
{
    struct weir_simulate_wish plain = *wish;
    plain.is_plain = true;
    json_t *one = simulate(wish), *two = simulate(&plain);
    if (!json_equal(one, two))
        fail_msg("remembered: %s\nevaluated: %s", json_dumps(one, 0),
                 json_dumps(two, 0));
    json_decref(one);
    json_decref(two);
}

TEST(simulate, without_a_change_every_decision_is_as_recorded)
{
    maker_open(&maker, WEIR_SEGMENT_BYTES_MIN, NULL);
    fill(1500);
    json_t *report = simulate(&nothing);
    assert_repeats(report);
    assert_int_equal(effect(report, "same", "calls"), maker.calls);
    assert_true(maker.writer.status.segment > 1);
    json_decref(report);
    assert_plain_agrees(&nothing);
    maker_close(&maker);
}

TEST(simulate, a_record_of_another_answer_is_found_and_named)
{
    maker_open(&maker, WEIR_SEGMENT_BYTES_MIN, NULL);
    maker_calls(&maker, 300);
    /* The same generation with something withdrawn: what the archive now
     * says is not what decided. */
    const struct weir_overlay_item item = {WEIR_KIND_MODEL,
                                           WEIR_SPAN("aurora-mini")};
    maker.overlay--;
    maker_withdraw(&maker, &item, 1);
    json_t *report = simulate(&nothing);
    assert_false(json_is_true(json_object_get(report, "is_same")));
    assert_true(effect(report, "different", "calls") > 0);
    const char *text = json_string_value(
        json_object_get(json_object_get(report, "difference"), "text"));
    assert_non_null(strstr(text, "replayed deny (withdrawn)"));
    json_decref(report);
    assert_plain_agrees(&nothing);
    maker_close(&maker);
}

TEST(simulate, an_image_that_is_not_kept_is_no_proof)
{
    char path[WEIR_PATH_MAX + 80];
    maker_open(&maker, WEIR_SEGMENT_BYTES_MIN, NULL);
    maker_calls(&maker, 50);
    weir_archive_path(&maker.paths, maker.view.image.digest, path);
    assert_int_equal(unlink(path), 0);
    json_t *report = simulate(&nothing);
    assert_false(json_is_true(json_object_get(report, "is_same")));
    assert_int_equal(effect(report, "not_kept", "calls"), 50);
    json_decref(report);
    maker_close(&maker);
}

TEST(simulate, hidden_addresses_are_told_apart_from_differences)
{
    static const char *const policies[] = {
        "tenants/harbour/office.cedar",
        "@id(\"harbour-office\") @title(\"Only from the office\") "
        "@authority(\"Harbour\")\n"
        "forbid (principal in Tenant::\"harbour\", action in "
        "Action::\"infer\", resource) unless {\n"
        "  context has client && context.client.isInRange("
        "ip(\"192.0.2.0/29\")) };\n",
        NULL};
    maker_open(&maker, WEIR_SEGMENT_BYTES_MIN, policies);
    fill(500);
    json_t *report = simulate(&nothing);
    assert_repeats(report);
    long long hidden = effect(report, "not_repeatable", "calls");
    assert_true(hidden > 300 && hidden < 700);
    assert_int_equal(effect(report, "same", "calls") + hidden, maker.calls);
    json_decref(report);
    assert_plain_agrees(&nothing);
    maker_close(&maker);
}

TEST(simulate, policies_that_read_the_time_are_asked_every_time)
{
    static const char *const policies[] = {
        "seller/night.cedar",
        "@id(\"seller-night\") @title(\"Not in the odd seconds\") "
        "@authority(\"Seller\")\n"
        "forbid (principal, action in Action::\"infer\", resource) when {\n"
        "  context.now.toTime() > duration(\"12h\") };\n",
        NULL};
    maker_open(&maker, WEIR_SEGMENT_BYTES_MIN, policies);
    maker.step = 97 * WEIR_US_PER_SEC;
    fill(700);
    json_t *report = simulate(&nothing);
    assert_repeats(report);
    json_decref(report);
    assert_plain_agrees(&nothing);
    maker_close(&maker);
}

TEST(simulate, a_withdrawn_model_takes_exactly_its_calls)
{
    const struct weir_overlay_item item = {WEIR_KIND_MODEL,
                                           WEIR_SPAN("aurora-mini")};
    struct weir_simulate_wish wish = nothing;
    maker_open(&maker, WEIR_SEGMENT_BYTES_MIN, NULL);
    fill(800);
    wish.withdrawn = &item;
    wish.withdrawn_count = 1;
    json_t *report = simulate(&wish);
    uint64_t of_mini = 0, others = 0;
    for (uint32_t i = 0; i < maker.view.image.model_count; i++) {
        bool is_mini = weir_span_equal(
            weir_image_text(&maker.view.image, maker.view.image.models[i].name),
            item.name);
        *(is_mini ? &of_mini : &others) += maker.of_model[i];
    }
    assert_true(of_mini > 50 && others > 50);
    assert_int_equal(effect(report, "cut_off", "calls") +
                         effect(report, "moved", "calls"),
                     of_mini);
    assert_int_equal(group(report, "cut_off", "model", "aurora-mini") +
                         group(report, "moved", "model", "aurora-mini"),
                     of_mini);
    assert_int_equal(group(report, "cut_off", "why", "withdrawn"),
                     effect(report, "cut_off", "calls"));
    assert_int_equal(effect(report, "held", "calls"), 0);
    assert_int_equal(effect(report, "restored", "calls"), 0);
    /* Who was held is denied now: refused before and after. */
    assert_int_equal(effect(report, "same", "calls") +
                         effect(report, "refused_otherwise", "calls"),
                     maker.calls - of_mini);
    json_decref(report);
    assert_plain_agrees(&wish);
    maker_close(&maker);
}

TEST(simulate, what_is_given_back_restores)
{
    const struct weir_overlay_item item = {WEIR_KIND_MODEL,
                                           WEIR_SPAN("aurora-mini")};
    struct weir_simulate_wish wish = nothing;
    maker_open(&maker, WEIR_SEGMENT_BYTES_MIN, NULL);
    maker_withdraw(&maker, &item, 1);
    maker_calls(&maker, 500);
    wish.restored = &item;
    wish.restored_count = 1;
    json_t *report = simulate(&wish);
    assert_true(effect(report, "restored", "calls") > 10);
    assert_int_equal(effect(report, "restored", "calls"),
                     group(report, "restored", "model", "aurora-mini"));
    assert_int_equal(effect(report, "cut_off", "calls"), 0);
    json_decref(report);
    assert_plain_agrees(&wish);
    maker_close(&maker);
}

TEST(simulate, a_date_brings_the_dated_rules_into_force)
{
    struct weir_faults faults;
    struct weir_buf bytes;
    struct weir_image image;
    struct weir_simulate_wish wish = nothing;
    maker_open(&maker, WEIR_SEGMENT_BYTES_MIN, NULL);
    maker_calls(&maker, 600);
    weir_faults_init(&faults);
    weir_buf_init(&bytes, 64u << 20);
    wish.has_at = true;
    wish.at = maker.now + 30 * WEIR_US_PER_DAY;
    assert_ok(weir_config_compile(maker.world, wish.at, 2, &bytes, &faults));
    assert_ok(weir_image_open(weir_buf_span(&bytes), &image, NULL));
    wish.changed = &image;
    json_t *report = simulate(&wish);
    long long dated =
        group(report, "cut_off", "why", "law-affiliates") +
        group(report, "refused_otherwise", "why", "law-affiliates") +
        group(report, "moved", "model", "aurora-large");
    assert_int_equal(dated, effect(report, "cut_off", "calls") +
                                effect(report, "moved", "calls") +
                                effect(report, "refused_otherwise", "calls"));
    assert_int_equal(effect(report, "restored", "calls"), 0);
    json_decref(report);
    assert_plain_agrees(&wish);
    /* And at the recorded time, an equal image touches nobody. */
    wish.has_at = false;
    report = simulate(&wish);
    assert_int_equal(effect(report, "same", "calls"), maker.calls);
    json_decref(report);
    weir_image_close(&image);
    weir_buf_fini(&bytes);
    weir_faults_fini(&faults);
    maker_close(&maker);
}

TEST(simulate, tenant_and_time_choose_the_calls)
{
    struct weir_simulate_wish wish = nothing;
    maker_open(&maker, WEIR_SEGMENT_BYTES_MIN, NULL);
    maker_calls(&maker, 400);
    wish.from = MAKER_START + 100 * WEIR_US_PER_MS + 1;
    wish.to = MAKER_START + 300 * WEIR_US_PER_MS + 1;
    json_t *report = simulate(&wish);
    assert_int_equal(number(report, "decisions"), 200);
    json_decref(report);
    long long sum = 0;
    static const char *const tenants[] = {"fjordline", "harbour", "lagoon"};
    for (size_t i = 0; i < WEIR_COUNTOF(tenants); i++) {
        wish.tenant = weir_span_of(tenants[i]);
        report = simulate(&wish);
        sum += number(report, "decisions");
        json_decref(report);
    }
    assert_int_equal(sum, 200);
    maker_close(&maker);
}

TEST(simulate, a_population_is_drawn_alike_and_meets_the_change)
{
    struct weir_simulate_wish wish = nothing;
    const struct weir_overlay_item item = {WEIR_KIND_PROVIDER,
                                           WEIR_SPAN("aurora")};
    struct weir_error err = {0};
    json_t *reports[3];
    maker_open(&maker, WEIR_SEGMENT_BYTES_MIN, NULL);
    struct weir_simulate_population population = {
        .image = &maker.view.image, .count = 5000, .seed = 7, .now = maker.now};
    assert_ok(weir_simulate_population(&population, &wish, &reports[0], &err));
    assert_int_equal(effect(reports[0], "same", "calls"), 5000);
    wish.withdrawn = &item;
    wish.withdrawn_count = 1;
    assert_ok(weir_simulate_population(&population, &wish, &reports[1], &err));
    assert_ok(weir_simulate_population(&population, &wish, &reports[2], &err));
    assert_true(json_equal(reports[1], reports[2]));
    assert_true(group(reports[1], "cut_off", "provider", "aurora") > 50);
    assert_int_equal(group(reports[1], "cut_off", "provider", "aurora"),
                     effect(reports[1], "cut_off", "calls"));
    json_decref(reports[2]);
    population.count = 0; /* all keys, names, operations in use */
    assert_ok(weir_simulate_population(&population, &wish, &reports[2], &err));
    assert_int_equal(number(reports[2], "decisions"),
                     maker.view.image.key_count * maker.view.image.route_count *
                         WEIR_OP_MODERATE);
    for (int i = 0; i < 3; i++)
        json_decref(reports[i]);
    maker_close(&maker);
}

TEST(simulate, csv_cells_cannot_become_formulas)
{
    json_t *report = json_pack(
        "{s:s,s:{},s:[{s:s,s:s,s:s,s:i,s:i,s:i}]}", "currency", "USD",
        "effects", "groups", "effect", "cut_off", "by", "organisation", "name",
        "=cmd(\"x\")", "calls", 3, "tokens", 4, "revenue_micros", -1500000);
    struct weir_buf out;
    weir_buf_init(&out, 1 << 16);
    weir_simulate_write_csv(report, &out);
    assert_span(weir_buf_span(&out),
                "effect,by,name,to,calls,tokens,revenue,currency\r\n"
                "\"cut_off\",\"organisation\",\"'=cmd(\"\"x\"\")\",\"\",3,4,"
                "-1.500000,\"USD\"\r\n");
    weir_buf_fini(&out);
    json_decref(report);
}
