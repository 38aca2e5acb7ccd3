/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ladder: where a subject stands, and what moves it.
 *
 *   window: more than now  --> the next rung that policy knows:
 *                                automatic         taken
 *                                hold or more      announced, then taken
 *                                a person's        asked, then as above
 *           as much        --> renewed: its time runs from here
 *           less           --> counted; `clean` in a row: a rung down
 *   time:   until reached  --> over, whatever rung it was
 *   people: answer, explain, lift, exempt, raise
 *
 * WHO AGREED. Policies differ by model: what one takes by itself, another
 * asks a person for. A stand is one for all of them, so it remembers up to
 * which rung a person said yes, and the data plane lets a step meet a call
 * only as far as the policy of that very call goes (core/gate/watch.c).
 *
 * WHY ONE RUNG AT A TIME. Windows come every 150 calls, so who harvests in
 * earnest climbs within minutes, while a customer with one odd batch gets
 * the mildest answer first and a notice before the next.
 *
 * WHY TIME ENDS A STEP AND NOT A RUNG OF IT. A step lives on evidence. A
 * subject that stopped calling produces no clean windows, so nothing but the
 * clock can end what was done to it.
 *
 * WHY FRESH. After people lifted a step, the window that led to it is still
 * being scored for some hundred calls; without `fresh` the watch would
 * answer a decision of two people by the step they just took away.
 *
 * WHAT IT DOES NOT KNOW. Who the subject is, what it pays, what a case says.
 */
#include <weir/watch_ladder.h>

static const char *const changes[] = {
    [WEIR_WATCH_SAME] = "same",
    [WEIR_WATCH_TAKEN] = "taken",
    [WEIR_WATCH_ANNOUNCED] = "announced",
    [WEIR_WATCH_ASKED] = "asked",
    [WEIR_WATCH_RENEWED] = "renewed",
    [WEIR_WATCH_LOWERED] = "lowered",
    [WEIR_WATCH_DROPPED] = "dropped",
    [WEIR_WATCH_EXPIRED] = "expired",
    [WEIR_WATCH_LAPSED] = "lapsed",
    [WEIR_WATCH_REFUSED] = "refused",
    [WEIR_WATCH_EXPLAINED] = "explained",
    [WEIR_WATCH_LIFTED] = "lifted",
    [WEIR_WATCH_EXEMPTED] = "exempted",
    [WEIR_WATCH_RAISED] = "raised",
    [WEIR_WATCH_UNANSWERED] = "unanswered",
};
_Static_assert(WEIR_COUNTOF(changes) == WEIR_WATCH_CHANGES, "a name each");

const char *
weir_watch_change_name(enum weir_watch_change change)
{
    return (unsigned)change < WEIR_WATCH_CHANGES ? changes[change] : "";
}

static bool
knows(const struct weir_watch_rule *rule, unsigned rung)
{
    return ((rule->automatic | rule->asks) & WEIR_WATCH_RUNG(rung)) != 0;
}

/* The first rung above `step` and at most `most` that policy knows; 0. */
static uint8_t
rung_above(const struct weir_watch_rule *rule, uint8_t step, uint8_t most)
{
    for (uint8_t rung = (uint8_t)(step + 1); rung <= most; rung++) {
        if (knows(rule, rung))
            return rung;
    }
    return WEIR_WATCH_NOTHING;
}

static uint8_t
rung_below(const struct weir_watch_rule *rule, uint8_t step)
{
    for (uint8_t rung = step; rung > WEIR_WATCH_OBSERVE;) {
        if (knows(rule, --rung))
            return rung;
    }
    return WEIR_WATCH_NOTHING;
}

static weir_time
bounded(weir_time until, weir_time now)
{
    return until - now > WEIR_WATCH_LAST_US_MAX ? now + WEIR_WATCH_LAST_US_MAX
                                                : until;
}

static void
drop_coming(struct weir_watch_stand *stand)
{
    stand->coming = WEIR_WATCH_NOTHING;
    stand->is_asked = 0;
    stand->is_explained = 0;
    stand->from = 0;
}

/* What was coming does not come: nobody has agreed to more than stands. */
static void
forget_coming(struct weir_watch_stand *stand)
{
    drop_coming(stand);
    if (stand->agreed > stand->step)
        stand->agreed = stand->step;
}

static void
end_step(struct weir_watch_stand *stand, weir_time now)
{
    stand->step = WEIR_WATCH_NOTHING;
    stand->agreed = WEIR_WATCH_NOTHING;
    stand->since = now;
    stand->until = 0;
    stand->raised = 0;
    stand->clean = 0;
}

static enum weir_watch_change
take(const struct weir_watch_rule *rule, struct weir_watch_stand *stand,
     uint8_t step, weir_time now)
{
    drop_coming(stand);
    stand->step = step;
    stand->since = now;
    stand->until = bounded(now + rule->last_us, now);
    if (stand->until < stand->raised)
        stand->until = stand->raised;
    stand->clean = 0;
    return WEIR_WATCH_TAKEN;
}

/* Hold and more are announced where policy gives time to explain. */
static enum weir_watch_change
take_or_announce(const struct weir_watch_rule *rule,
                 struct weir_watch_stand *stand, uint8_t step, weir_time now)
{
    if (step < WEIR_WATCH_HOLD || rule->explain_us == 0)
        return take(rule, stand, step, now);
    stand->coming = step;
    stand->is_asked = 0;
    stand->is_explained = 0;
    stand->from = now + rule->explain_us;
    return WEIR_WATCH_ANNOUNCED;
}

static enum weir_watch_change
climb(const struct weir_watch_rule *rule, struct weir_watch_stand *stand,
      uint8_t rung, weir_time now)
{
    if ((rule->automatic & WEIR_WATCH_RUNG(rung)) != 0)
        return take_or_announce(rule, stand, rung, now);
    stand->coming = rung;
    stand->is_asked = 1;
    stand->is_explained = 0;
    stand->from = now + WEIR_WATCH_ASK_US;
    return WEIR_WATCH_ASKED;
}

/* There is evidence for what is in force. False: it lasts that long anyway. */
static bool
extend(const struct weir_watch_rule *rule, struct weir_watch_stand *stand,
       weir_time now)
{
    weir_time until = bounded(now + rule->last_us, now);
    if (stand->step == WEIR_WATCH_NOTHING || until <= stand->until)
        return false;
    stand->until = until;
    return true;
}

/*
 * Windows that say less than what is in force or coming. Those that are left
 * over when a rung was lowered count for the next one.
 */
static enum weir_watch_change
count_clean(const struct weir_watch_rule *rule, struct weir_watch_stand *stand,
            uint8_t target, uint32_t looks, weir_time now)
{
    if (stand->step == WEIR_WATCH_NOTHING &&
        stand->coming == WEIR_WATCH_NOTHING)
        return WEIR_WATCH_SAME;
    uint32_t clean = stand->clean > WEIR_WATCH_CLEAN_MAX ? WEIR_WATCH_CLEAN_MAX
                                                         : stand->clean;
    clean += looks > WEIR_WATCH_CLEAN_MAX ? WEIR_WATCH_CLEAN_MAX
             : looks == 0                 ? 1
                                          : looks;
    stand->clean = clean;
    if (clean < rule->clean)
        return WEIR_WATCH_SAME;
    stand->clean = clean - rule->clean;
    if (stand->coming > target) {
        forget_coming(stand);
        return WEIR_WATCH_DROPPED;
    }
    if (stand->raised > now)
        return WEIR_WATCH_SAME;
    uint8_t below = rung_below(rule, stand->step);
    uint32_t left = below > target ? stand->clean : 0;
    if (below == WEIR_WATCH_NOTHING)
        end_step(stand, now);
    else
        (void)take(rule, stand, below, now);
    if (stand->agreed > stand->step)
        stand->agreed = stand->step;
    stand->clean = left;
    return WEIR_WATCH_LOWERED;
}

enum weir_watch_change
weir_watch_on_window(const struct weir_watch_rule *rule,
                     struct weir_watch_stand *stand,
                     const struct weir_watch_window *window, weir_time now)
{
    uint8_t target = window->action > WEIR_WATCH_HOLD ? WEIR_WATCH_HOLD
                                                      : (uint8_t)window->action;
    if (window->kinds < 2 && target > WEIR_WATCH_OBSERVE)
        target = WEIR_WATCH_OBSERVE;
    if (window->from < stand->fresh || now < stand->exempt)
        return WEIR_WATCH_SAME;
    if (target < stand->step || target < stand->coming) {
        if (target >= stand->step)
            (void)extend(rule, stand, now);
        return count_clean(rule, stand, target, window->looks, now);
    }
    stand->clean = 0;
    bool is_longer = extend(rule, stand, now);
    uint8_t next = rung_above(rule, stand->step, target);
    if (next != WEIR_WATCH_NOTHING && stand->coming == WEIR_WATCH_NOTHING)
        return climb(rule, stand, next, now);
    return is_longer ? WEIR_WATCH_RENEWED : WEIR_WATCH_SAME;
}

enum weir_watch_change
weir_watch_on_time(const struct weir_watch_rule *rule,
                   struct weir_watch_stand *stand, weir_time now)
{
    if (stand->step != WEIR_WATCH_NOTHING && now >= stand->until) {
        end_step(stand, now);
        stand->fresh = now;
        return WEIR_WATCH_EXPIRED;
    }
    if (stand->coming == WEIR_WATCH_NOTHING || now < stand->from)
        return WEIR_WATCH_SAME;
    if (stand->is_asked) {
        forget_coming(stand);
        return WEIR_WATCH_LAPSED;
    }
    return take(rule, stand, stand->coming, now);
}

weir_time
weir_watch_due(const struct weir_watch_stand *stand)
{
    weir_time due = WEIR_TIME_MAX;
    if (stand->step != WEIR_WATCH_NOTHING)
        due = stand->until;
    if (stand->coming != WEIR_WATCH_NOTHING && stand->from < due)
        due = stand->from;
    return due;
}

/* ------------------------------------------------------------- people */

enum weir_watch_change
weir_watch_on_answer(const struct weir_watch_rule *rule,
                     struct weir_watch_stand *stand, bool is_yes, weir_time now)
{
    if (stand->coming == WEIR_WATCH_NOTHING)
        return WEIR_WATCH_SAME;
    if (!is_yes) {
        /* Policy takes it by itself: no one person stops that unheard. */
        if (!stand->is_asked && !stand->is_explained)
            return WEIR_WATCH_SAME;
        forget_coming(stand);
        stand->fresh = now;
        return WEIR_WATCH_REFUSED;
    }
    /* Announced, and promised until `from`, unless he has explained. */
    if (!stand->is_asked && !stand->is_explained)
        return WEIR_WATCH_SAME;
    stand->agreed = stand->coming;
    return stand->is_asked ? take_or_announce(rule, stand, stand->coming, now)
                           : take(rule, stand, stand->coming, now);
}

enum weir_watch_change
weir_watch_on_explain(const struct weir_watch_rule *rule,
                      struct weir_watch_stand *stand, weir_time now)
{
    if (stand->coming == WEIR_WATCH_NOTHING || stand->is_asked ||
        stand->is_explained)
        return WEIR_WATCH_SAME;
    stand->is_explained = 1;
    if (stand->from < now + rule->explain_us)
        stand->from = now + rule->explain_us;
    return WEIR_WATCH_EXPLAINED;
}

enum weir_watch_change
weir_watch_on_lift(struct weir_watch_stand *stand, weir_time now)
{
    if (stand->step == WEIR_WATCH_NOTHING &&
        stand->coming == WEIR_WATCH_NOTHING)
        return WEIR_WATCH_SAME;
    drop_coming(stand);
    end_step(stand, now);
    stand->fresh = now;
    return WEIR_WATCH_LIFTED;
}

enum weir_watch_change
weir_watch_on_exempt(struct weir_watch_stand *stand, weir_time until,
                     weir_time now)
{
    if (until <= now)
        return WEIR_WATCH_SAME;
    (void)weir_watch_on_lift(stand, now);
    stand->exempt = bounded(until, now);
    stand->fresh = stand->exempt;
    return WEIR_WATCH_EXEMPTED;
}

enum weir_watch_change
weir_watch_on_raise(const struct weir_watch_rule *rule,
                    struct weir_watch_stand *stand, enum weir_watch_action step,
                    weir_time until, weir_time now)
{
    if (!knows(rule, step) || step <= stand->step || until <= now)
        return WEIR_WATCH_SAME;
    drop_coming(stand);
    end_step(stand, now);
    stand->exempt = 0;
    stand->fresh = now;
    stand->step = (uint8_t)step;
    stand->agreed = (uint8_t)step;
    stand->raised = bounded(until, now);
    stand->until = stand->raised;
    return WEIR_WATCH_RAISED;
}
