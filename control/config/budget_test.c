/* SPDX-License-Identifier: Apache-2.0 */
/* Budgets, groups and zones: what is read, and what is refused. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include <weir/budget.h>
#include <weir/quota.h>

#include "control/config/config.h"
#include "control/config/zone.h"

static const char world_text[] =
    "providers: [{name: p, origin: NO}]\n"
    "models:\n"
    "  - {name: m, provider: p, origin: NO, licence: l,\n"
    "     price: {input: \"1\", output: \"2\"}}\n"
    "  - {name: n, provider: p, origin: NO, licence: l,\n"
    "     price: {input: \"1\", output: \"2\"}}\n"
    "organisations:\n"
    "  - {name: cust, headquarters: DE, incorporated: DE}\n"
    "tenants:\n"
    "  - {name: t, organisation: cust, projects: [{name: a}, {name: b}]}\n"
    "  - {name: u, organisation: cust, projects: [{name: a}]}\n";

struct place {
    struct weir_world *world;
    struct weir_faults faults;
};

static void
open_place(struct place *place, const char *more)
{
    static char text[16384];
    snprintf(text, sizeof text, "%s%s", world_text, more);
    weir_faults_init(&place->faults);
    place->world = weir_world_new();
    if (weir_config_parse(weir_span_of(text), WEIR_SPAN("weir.yaml"),
                          place->world, &place->faults) != WEIR_OK)
        return;
    /* a part of a configuration: what settings lack is not looked at here */
    (void)weir_world_check(place->world, &place->faults);
}

static void
close_place(struct place *place)
{
    weir_faults_fini(&place->faults);
    weir_world_free(place->world);
}

static bool
has_fault(const struct place *place, const char *text)
{
    for (uint32_t i = 0; i < place->faults.count; i++) {
        weir_span row = place->faults.rows[i].text;
        if (memmem(row.ptr, row.len, text, strlen(text)) != NULL)
            return true;
    }
    return false;
}

TEST(budget_config, every_part_of_a_budget_is_read)
{
    struct place place;
    open_place(&place,
               "groups: [{name: g, tenants: [t], projects: [u/a]}]\n"
               "budgets:\n"
               "  - name: pool\n"
               "    of: {group: g}\n"
               "    models: [m]\n"
               "    zone: UTC\n"
               "    enforce: soft\n"
               "    limits: {money_per_month: \"500\", tokens_per_day: 7}\n"
               "    alerts: [50%, 80%, 100%]\n"
               "    reserved: [{tenant: t, share: 20%},\n"
               "               {project: u/a, share: 12.5%}]\n"
               "  - {name: all, each: end_customer,\n"
               "     limits: {requests_per_year: 3}}\n");
    const struct weir_world *world = place.world;
    assert_false(has_fault(&place, "budget"));
    assert_false(has_fault(&place, "group"));
    assert_int_equal(world->budget_count, 2);
    const struct weir_world_budget *b = &world->budget_rows[0];
    assert_int_equal(b->of, WEIR_BUDGET_GROUP);
    assert_int_equal(b->of_name.row, 0);
    assert_true(b->is_soft);
    assert_int_equal(b->limits.count, 2);
    assert_int_equal(world->limit_rows[b->limits.first].amount, 500000000);
    assert_int_equal(world->alert_rows[b->alerts.first + 1].ppm, 800000);
    assert_int_equal(b->reserves.count, 2);
    assert_int_equal(world->reserve_rows[b->reserves.first + 1].ppm, 125000);
    assert_int_equal(world->reserve_rows[b->reserves.first + 1].of,
                     WEIR_BUDGET_PROJECT);
    assert_int_equal(world->budget_rows[1].each, WEIR_BUDGET_EACH_END_CUSTOMER);
    close_place(&place);
}

TEST(budget_config, what_makes_no_sense_is_a_fault)
{
    static const struct {
        const char *row;
        const char *says;
    } rows[] = {
        {"{name: b, of: {tenant: nobody}, limits: {tokens_per_day: 1}}",
         "nobody"},
        {"{name: b, of: {planet: t}, limits: {tokens_per_day: 1}}",
         "does not say over whom"},
        {"{name: b, limits: {tokens_per_day: 0}}", "a budget of 0"},
        {"{name: b}", "limits nothing"},
        {"{name: b, models: [x], limits: {tokens_per_day: 1}}", "\"x\""},
        {"{name: b, zone: Nowhere/Town, limits: {tokens_per_day: 1}}",
         "no zone"},
        {"{name: b, zone: ../../etc/passwd, limits: {tokens_per_day: 1}}",
         "not the name of a zone"},
        {"{name: b, enforce: maybe, limits: {tokens_per_day: 1}}",
         "neither hard nor soft"},
        {"{name: b, alerts: [80%, 50%], limits: {tokens_per_day: 1}}",
         "out of order"},
        {"{name: b, reserved: [{tenant: t, share: 60%},"
         " {tenant: u, share: 50%}], limits: {tokens_per_day: 1}}",
         "more than there is"},
        {"{name: b, each: tenant, reserved: [{tenant: t, share: 60%}],"
         " limits: {tokens_per_day: 1}}",
         "parts its pool"},
        {"{name: b, each: moon, limits: {tokens_per_day: 1}}",
         "nothing that can be counted"},
        {"{name: b, reserved: [{share: 60%}], limits: {tokens_per_day: 1}}",
         "whose share"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct place place;
        char more[512];
        snprintf(more, sizeof more, "budgets: [%s]\n", rows[i].row);
        open_place(&place, more);
        if (!has_fault(&place, rows[i].says))
            fail_msg("%s: no fault says \"%s\"", rows[i].row, rows[i].says);
        close_place(&place);
    }
}

/* ------------------------------------------------------------- zones */

static weir_time
at(const char *text)
{
    weir_time when;
    assert_true(weir_time_parse(weir_span_of(text), &when));
    return when;
}

/* The world's zone as an image would have it. */
static void
as_image(const struct weir_world *world, struct weir_image *image,
         struct weir_image_zone *zone, struct weir_image_shift *shifts)
{
    memset(image, 0, sizeof(*image));
    zone->first = world->zone_rows[0].shifts.first;
    zone->count = world->zone_rows[0].shifts.count;
    assert_true(zone->count <= 512);
    for (uint32_t i = 0; i < zone->count; i++)
        shifts[i] = (struct weir_image_shift){world->shift_rows[i].from,
                                              world->shift_rows[i].offset_s};
    image->zones = zone;
    image->shifts = shifts;
}

/* A zone of nothing but a rule, as slim files have it. */
static void
slim(const char *rule, char *bytes, size_t *len_out)
{
    static const char head[44] = {'T', 'Z', 'i', 'f', '2', [39] = 1, [43] = 4};
    size_t at = 0;
    for (int i = 0; i < 2; i++) {
        memcpy(bytes + at, head, sizeof(head));
        at += sizeof(head);
        memcpy(bytes + at, "\0\0\0\0\0\0LMT", 10);
        at += 10;
    }
    *len_out = at + (size_t)sprintf(bytes + at, "\n%s\n", rule);
}

TEST(budget_config, a_zone_s_rule_is_written_out_in_either_hemisphere)
{
    static const struct {
        const char *rule;
        const char *when;
        int32_t offset;
    } rows[] = {
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T00:59:59Z", 3600},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", 7200},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T00:59:59Z", 7200},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:00:00Z", 3600},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2099-07-01", 7200},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-15", 39600},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-06-15", 36000},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-10-03T16:00:00Z", 39600},
        {"<+0545>-5:45", "2026-06-15", 20700},
        {"EST5EDT,J60,J300", "2028-03-01T07:00:00Z", -14400},
        {"EST5EDT,59/2,299/2", "2028-02-29T07:00:00Z", -14400},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_world *world = weir_world_new();
        struct weir_image image;
        struct weir_image_zone zone = {0};
        struct weir_image_shift shifts[512];
        char bytes[256];
        uint32_t row;
        size_t len;
        slim(rows[i].rule, bytes, &len);
        assert_true(weir_zone_read(world, WEIR_SPAN("z"),
                                   (weir_span){bytes, len}, &row));
        as_image(world, &image, &zone, shifts);
        if (weir_zone_offset(&image, row, at(rows[i].when)) != rows[i].offset)
            fail_msg("%s at %s: %d", rows[i].rule, rows[i].when,
                     weir_zone_offset(&image, row, at(rows[i].when)));
        for (size_t cut = 0; cut < len; cut++) {
            uint32_t other;
            (void)weir_zone_read(world, WEIR_SPAN("y"), (weir_span){bytes, cut},
                                 &other);
        }
        weir_world_free(world);
    }
}

TEST(budget_config, days_of_a_zone_follow_each_other_without_gap_or_overlap)
{
    struct weir_world *world = weir_world_new();
    struct weir_image image;
    struct weir_image_zone zone = {0};
    struct weir_image_shift shifts[512];
    char bytes[256];
    uint32_t row;
    size_t len;
    slim("CET-1CEST,M3.5.0,M10.5.0/3", bytes, &len);
    assert_true(
        weir_zone_read(world, WEIR_SPAN("z"), (weir_span){bytes, len}, &row));
    as_image(world, &image, &zone, shifts);
    static const struct {
        uint32_t window;
        int most; /* hours */
    } kinds[] = {{WEIR_QUOTA_DAY, 25},
                 {WEIR_QUOTA_WEEK, 169},
                 {WEIR_QUOTA_MONTH, 745},
                 {WEIR_QUOTA_YEAR, 8784}};
    for (size_t k = 0; k < WEIR_COUNTOF(kinds); k++) {
        weir_time last = 0;
        for (weir_time when = at("2026-01-01T12:00:00Z");
             when < at("2028-12-31"); when += 3600 * WEIR_US_PER_SEC) {
            weir_time starts, ends;
            weir_budget_window(&image, row, kinds[k].window, when, NULL,
                               &starts, &ends);
            assert_true(starts <= when && when < ends);
            assert_true(last == 0 || starts == last || ends == last);
            assert_true(ends - starts <=
                        kinds[k].most * INT64_C(3600) * WEIR_US_PER_SEC);
            last = ends;
        }
    }
    weir_time starts, ends;
    weir_budget_window(&image, row, WEIR_QUOTA_DAY, at("2026-11-22T12:00:00Z"),
                       NULL, &starts, &ends);
    assert_int_equal(starts, at("2026-11-21T23:00:00Z"));
    weir_world_free(world);
}

TEST(budget_config, files_of_this_machine_are_read)
{
    static const char *const names[] = {"Europe/Berlin", "America/New_York",
                                        "Asia/Kathmandu", "Australia/Sydney",
                                        "America/Asuncion"};
    static const int32_t offsets[] = {7200, -14400, 20700, 36000};
    struct weir_world *world = weir_world_new();
    char why[WEIR_ZONE_WHY];
    uint32_t row;
    if (!weir_zone_find(world, weir_span_of(names[0]), &row, why)) {
        weir_world_free(world);
        print_message("SKIPPED: no time zone database here\n");
        skip();
    }
    weir_world_free(world);
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++) {
        struct weir_image image;
        struct weir_image_zone zone = {0};
        struct weir_image_shift shifts[512];
        world = weir_world_new();
        assert_true(weir_zone_find(world, weir_span_of(names[i]), &row, why));
        as_image(world, &image, &zone, shifts);
        if (i < WEIR_COUNTOF(offsets))
            assert_int_equal(weir_zone_offset(&image, row, at("2026-07-01")),
                             offsets[i]);
        weir_world_free(world);
    }
}

/* ---------------------------------------------------------- forecast */

TEST(budget_config, forecast_goes_on_as_the_window_went)
{
    weir_time start = at("2026-11-01"), end = at("2026-12-01");
    int64_t at_end;
    /* a third of the month, half of the limit: full after two thirds */
    assert_int_equal(
        weir_budget_full_at(500, 1000, start, end, at("2026-11-11"), &at_end),
        at("2026-11-21"));
    assert_int_equal(at_end, 1500);
    assert_int_equal(
        weir_budget_full_at(100, 1000, start, end, at("2026-11-11"), &at_end),
        WEIR_TIME_MAX);
    assert_int_equal(at_end, 300);
    assert_int_equal(weir_budget_full_at(0, 1000, start, end, start, NULL),
                     WEIR_TIME_MAX);
    assert_int_equal(
        weir_budget_full_at(1000, 1000, start, end, at("2026-11-11"), NULL),
        at("2026-11-11"));
    /* sums as great as a counter's do not overflow */
    assert_true(weir_budget_full_at((INT64_C(1) << 52) - 2,
                                    (INT64_C(1) << 52) - 1, start, end, end - 1,
                                    &at_end) < end);
    assert_true(at_end >= (INT64_C(1) << 52) - 2);
}
