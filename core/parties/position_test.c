/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/parties.h>

#include "test.h"

static uint32_t
apart(const char *a, const char *b)
{
    struct weir_position here = weir_position_of(weir_span_of(a));
    struct weir_position there = weir_position_of(weir_span_of(b));
    uint32_t km = weir_position_distance_km(&here, &there);
    assert_int_equal(km, weir_position_distance_km(&there, &here));
    return km;
}

/* No way between any two towns of the two places may be shorter than what is
 * said, and what is said must not be nothing: km between their nearest
 * coasts, from an atlas. */
TEST(position, distances_are_lower_bounds_and_not_empty)
{
    static const struct {
        const char *a;
        const char *b;
        uint32_t least; /* said at the least */
        uint32_t most;  /* the true way */
    } rows[] = {
        {"DE", "SG", 8500, 9600}, /* Munich - Singapore 9,900 */
        {"NO", "SG", 7500, 9500},   {"GB", "JP", 6500, 8600},
        {"IS", "NZ", 12000, 17000}, {"PT", "KR", 6000, 9800},
        {"CH", "SG", 9000, 10200},  {"ZA", "NL", 5000, 8600},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        uint32_t km = apart(rows[i].a, rows[i].b);
        if (km < rows[i].least || km > rows[i].most)
            fail_msg("%s - %s: %u km", rows[i].a, rows[i].b, km);
    }
}

TEST(position, neighbours_touch_and_so_does_everybody_with_himself)
{
    static const char *const pairs[][2] = {
        {"DE", "FR"}, {"DE", "CH"}, {"CN", "HK"}, {"US", "CA"}, {"ES", "PT"},
        {"RU", "NO"}, {"SG", "MY"}, {"IN", "PK"}, {"BR", "GF"}};
    size_t count;
    const struct weir_jurisdiction *all = weir_jurisdictions(&count);
    for (size_t i = 0; i < WEIR_COUNTOF(pairs); i++)
        assert_int_equal(apart(pairs[i][0], pairs[i][1]), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(apart(all[i].code, all[i].code), 0);
}

TEST(position, every_code_lies_somewhere_but_the_scattered_and_the_unknown)
{
    size_t count;
    const struct weir_jurisdiction *all = weir_jurisdictions(&count);
    for (size_t i = 0; i < count; i++) {
        struct weir_position at = weir_position_of(weir_span_of(all[i].code));
        int64_t square = 0;
        if (weir_span_equal(weir_span_of(all[i].code), WEIR_SPAN("UM")) ||
            weir_span_equal(weir_span_of(all[i].code), WEIR_SPAN("ZZ"))) {
            assert_int_equal(at.reach_km, WEIR_REACH_UNKNOWN);
            continue;
        }
        for (int k = 0; k < 3; k++)
            square += (int64_t)at.centre[k] * at.centre[k];
        /* a vector of length 32767, by one per cent */
        assert_in_range(square, INT64_C(1052000000), INT64_C(1095000000));
        assert_true(at.reach_km < 7000);
    }
    assert_int_equal(apart("UM", "SG"), 0);
    assert_int_equal(apart("ZZ", "SG"), 0);
}
