/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where places lie, and what two of them are apart at the least.
 *
 * WHY CIRCLES. An address tells a country, not a town: between Basel and
 * Freiburg a traveller needs an hour, between the middles of their countries
 * five. So a place is a circle that holds all of it, and the distance of two
 * circles is never more than the way between any two points in them. A speed
 * made of it is a lower bound: whoever is said to have travelled at 3,000
 * km/h did so at least. Large places touch half the world, and of those
 * nothing is said.
 *
 * WHY NO TRIGONOMETRY. Centres are vectors, the chord between two is a root
 * of a sum of squares, and the arc over a chord is the first terms of a
 * series of positive terms: cut off, it is too short, which is the safe side
 * here (by 18 % for antipodes, by less than 1 % up to 8,000 km). A core
 * without libm, the same number on every machine, 20 ns.
 */
#include <weir/parties.h>

#define EARTH_DIAMETER_KM 12742
#define UNIT              32767

static const struct {
    char code[3];
    struct weir_position position;
} table[] = {
#define WEIR_POSITION(code, x, y, z, reach) {code, {{x, y, z}, reach}},
#include "positions.def"
#undef WEIR_POSITION
};

struct weir_position
weir_position_of(weir_span code)
{
    size_t low = 0;
    size_t high = WEIR_COUNTOF(table);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = weir_span_compare(weir_span_of(table[middle].code), code);
        if (order == 0)
            return table[middle].position;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (struct weir_position){{0, 0, 0}, WEIR_REACH_UNKNOWN};
}

/* The whole root by Newton's steps from above; four are enough for what is
 * below 2^34, and the last is corrected downward. */
static uint32_t
root_of(uint64_t square)
{
    if (square == 0)
        return 0;
    int bits = 64 - __builtin_clzll(square);
    uint64_t root = UINT64_C(1) << (bits + 1) / 2;
    for (int i = 0; i < 4; i++)
        root = (root + square / root) / 2;
    while (root * root > square)
        root--;
    return (uint32_t)root;
}

/* Half a chord of the unit circle, 0 .. UNIT, to half its arc: x + x^3/6 +
 * 3x^5/40 + 15x^7/336, never more than asin(x). */
static uint64_t
arc_of(uint64_t x)
{
    uint64_t square = x * x / UNIT;
    uint64_t third = x * square / UNIT;
    uint64_t fifth = third * square / UNIT;
    uint64_t seventh = fifth * square / UNIT;
    return x + third / 6 + 3 * fifth / 40 + 15 * seventh / 336;
}

uint32_t
weir_position_distance_km(const struct weir_position *a,
                          const struct weir_position *b)
{
    uint64_t square = 0;
    if (a->reach_km == WEIR_REACH_UNKNOWN || b->reach_km == WEIR_REACH_UNKNOWN)
        return 0;
    for (int i = 0; i < 3; i++) {
        int64_t d = (int64_t)a->centre[i] - b->centre[i];
        square += (uint64_t)(d * d);
    }
    uint64_t half = root_of(square) / 2;
    if (half > UNIT)
        half = UNIT;
    uint64_t apart = arc_of(half) * EARTH_DIAMETER_KM / UNIT;
    uint64_t reach = (uint64_t)a->reach_km + b->reach_km;
    return apart > reach ? (uint32_t)(apart - reach) : 0;
}
