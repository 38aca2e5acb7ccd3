/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/image.h>

#include <string.h>

#include "test.h"

#define NOW INT64_C(1750000000000000)

static uint64_t memory[16384];

static struct weir_watch_step
step_of(enum weir_watch_subject_kind kind, const char *name, uint8_t action)
{
    struct weir_watch_step step = {
        .subject = weir_watch_subject(kind, weir_span_of(name)),
        .subject_kind = (uint8_t)kind,
        .action = action,
        .until = NOW + WEIR_US_PER_DAY,
    };
    assert_true(weir_watch_step_set_id(&step, WEIR_SPAN("wc_1")));
    return step;
}

static weir_span
write_overlay(const struct weir_watch_step *steps, size_t count)
{
    const struct weir_overlay_item items[] = {
        {WEIR_KIND_MODEL, WEIR_SPAN("large")}};
    struct weir_buf out;
    weir_buf_init_fixed(&out, (char *)memory, sizeof(memory));
    weir_overlay_write(items, 1, 7, NOW, false, &out);
    weir_overlay_add_steps(steps, count, &out, 0);
    assert_false(out.overflow);
    return weir_buf_span(&out);
}

TEST(steps, rows_are_found_by_their_subject_the_stricter_first)
{
    const struct weir_watch_step steps[] = {
        step_of(WEIR_WATCH_OF_KEY, "wk_1", 2),
        step_of(WEIR_WATCH_OF_TENANT, "acme", 1),
        step_of(WEIR_WATCH_OF_KEY, "wk_1", 4),
        step_of(WEIR_WATCH_OF_KEY, "wk_2", 3),
    };
    struct weir_overlay overlay;
    uint32_t count;
    assert_ok(weir_overlay_open(write_overlay(steps, 4), &overlay, NULL));
    assert_int_equal(overlay.step_count, 4);
    assert_true(weir_overlay_has(
        &overlay, weir_kind_hash(WEIR_KIND_MODEL, WEIR_SPAN("large"))));
    const struct weir_watch_step *rows =
        weir_overlay_steps(&overlay, steps[0].subject, &count);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].action, 4);
    assert_int_equal(rows[1].action, 2);
    assert_span(weir_watch_step_id(&rows[0]), "wc_1");
    weir_overlay_steps(&overlay,
                       weir_watch_subject(WEIR_WATCH_OF_KEY, WEIR_SPAN("wk_3")),
                       &count);
    assert_int_equal(count, 0);
}

TEST(steps, an_overlay_without_steps_has_none)
{
    struct weir_overlay overlay;
    uint32_t count = 1;
    assert_ok(weir_overlay_open(write_overlay(NULL, 0), &overlay, NULL));
    assert_int_equal(overlay.step_count, 0);
    weir_overlay_steps(&overlay, 5, &count);
    assert_int_equal(count, 0);
}

TEST(steps, a_row_that_cannot_be_one_is_refused)
{
    struct weir_watch_step good = step_of(WEIR_WATCH_OF_KEY, "wk_1", 2);
    struct weir_overlay overlay;
    for (int i = 0; i < 7; i++) {
        struct weir_watch_step bad = good;
        switch (i) {
        case 0:
            bad.subject = 0;
            break;
        case 1:
            bad.subject_kind = 0;
            break;
        case 2:
            bad.subject_kind = WEIR_WATCH_SUBJECTS + 1;
            break;
        case 3:
            bad.action = 6;
            break;
        case 4:
            bad.delay_ms = WEIR_WATCH_DELAY_MS_MAX + 1;
            break;
        case 5:
            memset(bad.id, 'x', sizeof(bad.id));
            break;
        default:
            bad.strip = WEIR_WATCH_STRIP_ALL + 1;
        }
        assert_int_equal(
            weir_overlay_open(write_overlay(&bad, 1), &overlay, NULL),
            WEIR_ECORRUPT);
    }
    assert_ok(weir_overlay_open(write_overlay(&good, 1), &overlay, NULL));
}

TEST(steps, one_end_customer_of_two_tenants_is_two_subjects)
{
    uint64_t a = weir_watch_subject(WEIR_WATCH_OF_TENANT, WEIR_SPAN("a"));
    uint64_t b = weir_watch_subject(WEIR_WATCH_OF_TENANT, WEIR_SPAN("b"));
    assert_true(weir_watch_end_customer(a, WEIR_SPAN("shop")) !=
                weir_watch_end_customer(b, WEIR_SPAN("shop")));
    assert_true(weir_watch_end_customer(a, WEIR_SPAN_NONE) == 0);
}

TEST(steps, a_network_is_a_24_or_a_48)
{
    uint8_t a[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 7};
    uint8_t b[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 9};
    uint8_t c[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 1};
    uint8_t d[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2};
    assert_true(weir_watch_network(a) == weir_watch_network(b));
    assert_true(weir_watch_network(c) == weir_watch_network(d));
    b[14] = 3;
    d[5] = 2;
    assert_true(weir_watch_network(a) != weir_watch_network(b));
    assert_true(weir_watch_network(c) != weir_watch_network(d));
}
