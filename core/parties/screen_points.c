/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points: what a thing seen says for or against, in hundredths of the
 * natural logarithm of its odds.
 *
 *   points = ln P(seen | the name is a listed one, written differently)
 *          - ln P(seen | it is a stranger's)
 *
 * summed over all that is seen, as Fellegi and Sunter do, with weights
 * learnt together so that what comes in company is not counted twice
 * (bench/screening_learn). A score is the sum read off a straight line.
 */
#include "screen_points.h"

#define CONSTANT(name, value)
#define GROUP(name, size, ...) __VA_ARGS__,
static const int16_t points[] = {
#include "screen_points.def"
};
#undef GROUP
#undef CONSTANT
_Static_assert(WEIR_COUNTOF(points) == SCREEN_FEATURES,
               "a group has as many points as it says");

int32_t
weir__screen_points(uint32_t feature)
{
    return points[feature];
}

uint32_t
weir__screen_length(size_t len)
{
    return (uint32_t)(len < SCREEN_LENGTHS ? len : SCREEN_LENGTHS) - 1;
}

/* Of the groups that tell three lengths apart. */
uint32_t
weir__screen_length_class(weir_span text)
{
    return text.len <= 3 ? 0 : text.len <= 5 ? 1 : 2;
}

uint32_t
weir__screen_query_left(weir_span text, uint8_t rarity, bool is_person)
{
    return SEE_QUERY_LEFT + (is_person * SCREEN_RARITIES + rarity) * 3 +
           weir__screen_length_class(text);
}

uint32_t
weir__screen_pair(const struct screen_unit *listed, weir_span query,
                  const struct screen_likeness *likeness,
                  uint32_t features_out[SCREEN_PAIR_FEATURES])
{
    size_t longest =
        query.len > listed->text.len ? query.len : listed->text.len;
    uint32_t len = weir__screen_length(longest);
    uint32_t edits = likeness->edits < 3 ? likeness->edits : 3;
    features_out[0] = SEE_EQUAL + listed->rarity * SCREEN_LENGTHS +
                      weir__screen_length(listed->text.len);
    if (likeness->how == WEIR_HOW_EQUAL)
        return 1;
    switch (likeness->by) {
    case BY_SOUND:
        features_out[1] = SEE_SOUND + edits * SCREEN_LENGTHS + len;
        break;
    case BY_SKELETON:
        features_out[1] = SEE_SKELETON + len;
        break;
    case BY_ROUGH:
        features_out[1] = SEE_ROUGH + edits * SCREEN_LENGTHS + len;
        break;
    default:
        features_out[1] = SEE_TYPO + edits * SCREEN_LENGTHS + len;
    }
    return 2;
}

uint32_t
weir__screen_score(int32_t sum)
{
    int64_t score =
        850 + ((int64_t)sum - SCREEN_POINTS_AT_850) * SCREEN_SLOPE / 1000;
    return score < 0 ? 0 : score > 999 ? 999 : (uint32_t)score;
}

int32_t
weir__screen_needed(uint32_t score)
{
    int64_t over = ((int64_t)score - 850) * 1000;
    /* the line rounds towards 850 */
    return (int32_t)(over / SCREEN_SLOPE) + SCREEN_POINTS_AT_850 - 1;
}
