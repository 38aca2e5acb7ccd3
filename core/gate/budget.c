/* SPDX-License-Identifier: Apache-2.0 */
/* Windows of budgets in their zones, and when one will be full. */
#include <weir/budget.h>
#include <weir/quota.h>

void
weir_budget_window(const struct weir_image *image, uint32_t zone,
                   uint32_t window, weir_time when, weir_time *local_out,
                   weir_time *starts_at_out, weir_time *ends_at_out)
{
    if (window <= WEIR_QUOTA_HOUR)
        zone = 0;
    weir_time local =
        when + weir_zone_offset(image, zone, when) * WEIR_US_PER_SEC;
    weir_quota_window_of((weir_quota_window)window, local, starts_at_out,
                         ends_at_out);
    *starts_at_out = weir_zone_utc(image, zone, *starts_at_out);
    *ends_at_out = weir_zone_utc(image, zone, *ends_at_out);
    if (local_out != NULL)
        *local_out = local;
}

/* a * b / c without overflow of the product; all >= 0, c > 0. */
static int64_t
scale(int64_t a, int64_t b, int64_t c)
{
    __extension__ typedef unsigned __int128 wide;
    wide value = (wide)(uint64_t)a * (uint64_t)b / (uint64_t)c;
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

weir_time
weir_budget_full_at(int64_t used, int64_t limit, weir_time starts_at,
                    weir_time ends_at, weir_time now, int64_t *at_end_out)
{
    int64_t elapsed = now - starts_at;
    WEIR_ASSERT(used >= 0 && limit >= 0 && starts_at < ends_at);
    if (elapsed < 1)
        elapsed = 1;
    if (at_end_out != NULL)
        *at_end_out = scale(used, ends_at - starts_at, elapsed);
    if (used >= limit)
        return now;
    if (used == 0)
        return WEIR_TIME_MAX;
    int64_t left = scale(limit - used, elapsed, used);
    return left >= ends_at - now ? WEIR_TIME_MAX : now + left;
}
