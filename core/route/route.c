/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The router walks one list: the candidates that policy allowed, in declared
 * order or drawn by weight. A failure goes to the next that was not tried;
 * when all were, to the one that is ready soonest, after its pause.
 *
 * WHY FALLBACK BEFORE REPETITION. Another origin is idle now; the one that
 * failed has just asked for less. Only when the list is used up does waiting
 * beat giving up, and only for failures that cost nothing at the origin.
 *
 * WHY A TIMEOUT IS NOT REPEATED AT THE SAME ORIGIN. It may have been working
 * on the call all the time; asking again doubles the bill. Another candidate
 * is asked, because the client still waits for an answer.
 *
 * WHAT IT DOES NOT DO. No memory between calls: what is ejected is the
 * caller's to say (`out`), so that a plan can be replayed from its record.
 */
#include <weir/route.h>

#include <string.h>

/* The next value of a splitmix64 sequence: any seed is a good one. */
static uint64_t
draw(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* Uniform below `bound`; the bias of one in 2^32 does not show. */
static uint64_t
draw_below(uint64_t *state, uint64_t bound)
{
    return (uint64_t)(((__uint128_t)draw(state) * bound) >> 64);
}

static void
order_by_weight(struct weir_route_plan *plan, const uint32_t *weights)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < plan->count; i++)
        total += weights[plan->order[i]];
    for (uint32_t i = 0; i + 1 < plan->count && total > 0; i++) {
        uint64_t at = draw_below(&plan->random, total);
        uint32_t pick = i;
        while (pick + 1u < plan->count && at >= weights[plan->order[pick]]) {
            at -= weights[plan->order[pick]];
            pick++;
        }
        uint8_t chosen = plan->order[pick];
        /* shift, not swap: the rest stays in declared order */
        memmove(&plan->order[i + 1], &plan->order[i], pick - i);
        plan->order[i] = chosen;
        total -= weights[chosen];
    }
}

void
weir_route_plan_init(struct weir_route_plan *plan, uint32_t count,
                     const uint32_t *weights, uint32_t allowed, uint64_t random,
                     weir_time now, uint32_t deadline_ms, uint32_t attempts_max)
{
    WEIR_ASSERT(count <= WEIR_CANDIDATES_MAX);
    memset(plan, 0, sizeof(*plan));
    plan->random = random;
    plan->deadline = deadline_ms == 0
                         ? WEIR_TIME_MAX
                         : now + (int64_t)deadline_ms * WEIR_US_PER_MS;
    plan->attempts_max = attempts_max == 0 || attempts_max > WEIR_ATTEMPTS_MAX
                             ? WEIR_ATTEMPTS_MAX
                             : (uint8_t)attempts_max;
    for (uint32_t i = 0; i < count; i++)
        if ((allowed >> i & 1u) != 0)
            plan->order[plan->count++] = (uint8_t)i;
    if (weights != NULL)
        order_by_weight(plan, weights);
}

void
weir_route_plan_sort(struct weir_route_plan *plan,
                     const uint64_t values[WEIR_CANDIDATES_MAX])
{
    for (uint32_t i = 1; i < plan->count; i++) {
        uint8_t moved = plan->order[i];
        uint32_t at = i;
        for (; at > 0 && values[plan->order[at - 1]] > values[moved]; at--)
            plan->order[at] = plan->order[at - 1];
        plan->order[at] = moved;
    }
}

bool
weir_route_is_retryable(uint16_t status)
{
    if (status == 501 || status == 505)
        return false;
    return status == 408 || status == 425 || status == 429 ||
           (status >= 500 && status <= 599);
}

static struct weir_route_step
give_up(enum weir_route_reason reason)
{
    return (struct weir_route_step){.action = WEIR_ROUTE_GIVE_UP,
                                    .reason = reason};
}

static struct weir_route_step
try_candidate(struct weir_route_plan *plan, uint32_t candidate,
              enum weir_route_reason reason, int64_t wait_us)
{
    plan->current = (uint8_t)candidate;
    plan->tried |= 1u << candidate;
    plan->attempts++;
    return (struct weir_route_step){.action = WEIR_ROUTE_TRY,
                                    .reason = reason,
                                    .candidate = candidate,
                                    .wait_us = wait_us};
}

/* The first in order that was neither tried nor taken out. */
static bool
find_fresh(const struct weir_route_plan *plan, uint32_t out,
           uint32_t *candidate_out)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        uint32_t bit = 1u << plan->order[i];
        if ((plan->tried & bit) == 0 && (out & bit) == 0) {
            *candidate_out = plan->order[i];
            return true;
        }
    }
    return false;
}

/* Of those that failed without harm, the one ready soonest. */
static bool
find_again(const struct weir_route_plan *plan, uint32_t out,
           uint32_t *candidate_out)
{
    bool found = false;
    for (uint32_t i = 0; i < plan->count; i++) {
        uint32_t candidate = plan->order[i];
        uint32_t bit = 1u << candidate;
        if ((plan->spent & bit) != 0 || (out & bit) != 0)
            continue;
        if (!found ||
            plan->ready_at[candidate] < plan->ready_at[*candidate_out])
            *candidate_out = candidate;
        found = true;
    }
    return found;
}

struct weir_route_step
weir_route_first(struct weir_route_plan *plan, uint32_t out, weir_time now)
{
    uint32_t candidate;
    WEIR_ASSERT(plan->attempts == 0);
    if (!find_fresh(plan, out, &candidate))
        return give_up(WEIR_ROUTE_EXHAUSTED);
    if (now >= plan->deadline)
        return give_up(WEIR_ROUTE_DEADLINE);
    return try_candidate(plan, candidate, WEIR_ROUTE_FIRST, 0);
}

/* Notes the failure of the current candidate: when, and whether at all, it
 * may be asked again. */
static void
note_failure(struct weir_route_plan *plan,
             const struct weir_attempt_result *result, weir_time now)
{
    uint32_t candidate = plan->current;
    uint32_t bit = 1u << candidate;
    int64_t wait_ms;

    if (result->end == WEIR_ATTEMPT_SLOW_HEAD ||
        result->end == WEIR_ATTEMPT_BROKEN ||
        result->end == WEIR_ATTEMPT_WITHDRAWN ||
        result->end == WEIR_ATTEMPT_ESCALATED ||
        result->end == WEIR_ATTEMPT_PINNED ||
        result->end == WEIR_ATTEMPT_NO_CREDENTIAL) {
        plan->spent |= bit;
        return;
    }
    if (result->end == WEIR_ATTEMPT_REPLIED && result->retry_after_ms >= 0) {
        wait_ms = result->retry_after_ms;
    } else {
        unsigned doublings =
            plan->failures[candidate] < 6 ? plan->failures[candidate] : 6;
        int64_t base_ms = (int64_t)WEIR_ROUTE_BACKOFF_MS << doublings;
        wait_ms = base_ms * 3 / 4 +
                  (int64_t)draw_below(&plan->random, (uint64_t)base_ms / 2);
    }
    plan->failures[candidate]++;
    if (wait_ms > WEIR_ROUTE_WAIT_MS_MAX)
        plan->spent |= bit;
    else
        plan->ready_at[candidate] = now + wait_ms * WEIR_US_PER_MS;
}

struct weir_route_step
weir_route_next(struct weir_route_plan *plan,
                const struct weir_attempt_result *result, uint32_t out,
                weir_time now)
{
    uint32_t candidate = 0;

    WEIR_ASSERT(plan->attempts > 0);
    if (result->is_started)
        return give_up(WEIR_ROUTE_STARTED);
    if (result->end == WEIR_ATTEMPT_REPLIED &&
        !weir_route_is_retryable(result->status))
        return give_up(WEIR_ROUTE_FINAL);
    note_failure(plan, result, now);
    if (plan->attempts >= plan->attempts_max)
        return give_up(WEIR_ROUTE_ATTEMPTS);
    if (now >= plan->deadline)
        return give_up(WEIR_ROUTE_DEADLINE);
    if (find_fresh(plan, out, &candidate))
        return try_candidate(plan, candidate, WEIR_ROUTE_NEXT, 0);
    if (!find_again(plan, out, &candidate))
        return give_up(WEIR_ROUTE_EXHAUSTED);
    int64_t wait_us = plan->ready_at[candidate] - now;
    if (wait_us < 0)
        wait_us = 0;
    if (wait_us >= plan->deadline - now)
        return give_up(WEIR_ROUTE_DEADLINE);
    return try_candidate(plan, candidate, WEIR_ROUTE_AGAIN, wait_us);
}

const char *
weir_route_reason_name(enum weir_route_reason reason)
{
    static const char *const names[] = {
        [WEIR_ROUTE_FIRST] = "first",
        [WEIR_ROUTE_NEXT] = "next",
        [WEIR_ROUTE_AGAIN] = "again",
        [WEIR_ROUTE_FINAL] = "final",
        [WEIR_ROUTE_STARTED] = "started",
        [WEIR_ROUTE_ATTEMPTS] = "attempts",
        [WEIR_ROUTE_DEADLINE] = "deadline",
        [WEIR_ROUTE_EXHAUSTED] = "exhausted",
    };
    return (size_t)reason < WEIR_COUNTOF(names) ? names[reason] : "unknown";
}

const char *
weir_attempt_end_name(enum weir_attempt_end end)
{
    static const char *const names[] = {
        [WEIR_ATTEMPT_REPLIED] = "replied",
        [WEIR_ATTEMPT_REFUSED] = "refused",
        [WEIR_ATTEMPT_SLOW_OPEN] = "slow_open",
        [WEIR_ATTEMPT_SLOW_HEAD] = "slow_head",
        [WEIR_ATTEMPT_BROKEN] = "broken",
        [WEIR_ATTEMPT_WITHDRAWN] = "withdrawn",
        [WEIR_ATTEMPT_PINNED] = "pinned",
        [WEIR_ATTEMPT_NO_CREDENTIAL] = "no_credential",
        [WEIR_ATTEMPT_EJECTED] = "ejected",
        [WEIR_ATTEMPT_RESTING] = "resting",
        [WEIR_ATTEMPT_FULL] = "full",
        [WEIR_ATTEMPT_ESCALATED] = "escalated",
    };
    return (size_t)end < WEIR_COUNTOF(names) ? names[end] : "unknown";
}
