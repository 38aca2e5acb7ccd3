/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/watch_ladder.h>

#include <stdlib.h>
#include <string.h>

#include "test.h"

#define HOUR (INT64_C(3600) * WEIR_US_PER_SEC)
#define T0   (INT64_C(1767225600) * WEIR_US_PER_SEC)

static struct weir_watch_rule
rule_of(const char *text)
{
    struct weir_watch_rule rule;
    struct weir_error err = {0};
    if (weir_watch_rule_parse(weir_span_of(text), &rule, &err) != WEIR_OK)
        fail_msg("%s: %s", text, err.text);
    return rule;
}

TEST(ladder, a_rule_says_what_it_names_and_keeps_the_rest)
{
    struct weir_watch_rule rule =
        rule_of("steps=observe, slow; ask=hold; explain=24h; last=2d");
    assert_int_equal(rule.automatic,
                     1u << WEIR_WATCH_OBSERVE | 1u << WEIR_WATCH_SLOW);
    assert_int_equal(rule.asks, 1u << WEIR_WATCH_HOLD);
    assert_int_equal(rule.explain_us, 24 * HOUR);
    assert_int_equal(rule.last_us, 48 * HOUR);
    assert_int_equal(rule.clean, 3);
    assert_int_equal(rule.tells, 62);
    assert_int_equal(rule_of("tell=slow").tells, 60);
    /* What is automatic asks nobody, what is asked is not automatic. */
    assert_int_equal(rule_of("steps=strip,slow").asks,
                     1u << WEIR_WATCH_HOLD | 1u << WEIR_WATCH_SUSPEND);
    assert_int_equal(rule_of("ask=observe").automatic, 0);
    assert_int_equal(rule_of("steps=none;ask=none").automatic, 0);
    assert_false(weir_watch_rule_is(weir_span_of("modified")));
    assert_true(weir_watch_rule_is(weir_span_of("steps=slow")));
}

TEST(ladder, a_rule_that_is_misspelt_is_refused)
{
    static const char *const bad[] = {
        "steps",
        "steps=fast",
        "asks=slow",
        "steps=suspend",
        "explain=91d",
        "explain=72",
        "last=0h",
        "clean=0",
        "clean=101",
        "tell=hold",
        "tell=none",
        "steps=slow;steps=strip",
        "last=7d7d",
        "explain=h",
        "=slow",
        "last=99999999999999999999d",
        "steps=slow,,strip",
        "slow=0",
    };
    struct weir_watch_rule rule = {0};
    struct weir_error err;
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        if (weir_watch_rule_parse(weir_span_of(bad[i]), &rule, &err) !=
            WEIR_EPARSE)
            fail_msg("%s was taken", bad[i]);
    }
    assert_int_equal(rule.automatic, 0);
}

TEST(ladder, a_rule_written_reads_as_itself)
{
    static const char *const texts[] = {
        "", "steps=observe,slow,strip,hold;ask=suspend;explain=0m;tell=slow",
        "steps=none;ask=none;clean=100;last=90d", "ask=observe;last=30s"};
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++) {
        char bytes[256];
        struct weir_buf out;
        struct weir_watch_rule rule = rule_of(texts[i]), again;
        struct weir_error err;
        weir_buf_init_fixed(&out, bytes, sizeof bytes);
        weir_watch_rule_write(&rule, &out);
        assert_false(out.overflow);
        assert_int_equal(
            weir_watch_rule_parse(weir_buf_span(&out), &again, &err), WEIR_OK);
        assert_memory_equal(&rule, &again, sizeof rule);
    }
}

TEST(ladder, of_two_rules_the_strictest_counts)
{
    struct weir_watch_rule a = rule_of("steps=slow;ask=hold;explain=24h;"
                                       "last=1d;clean=2;tell=slow");
    struct weir_watch_rule b =
        rule_of("steps=hold;ask=slow,strip;explain=48h;slow=9;"
                "last=9d;clean=5");
    struct weir_watch_rule ab = a, ba = b;
    weir_watch_rule_join(&ab, &b);
    weir_watch_rule_join(&ba, &a);
    assert_memory_equal(&ab, &ba, sizeof ab);
    assert_int_equal(ab.automatic,
                     1u << WEIR_WATCH_SLOW | 1u << WEIR_WATCH_HOLD);
    assert_int_equal(ab.asks, 1u << WEIR_WATCH_STRIP);
    assert_int_equal(ab.explain_us, 24 * HOUR);
    assert_int_equal(ab.last_us, 9 * 24 * HOUR);
    assert_int_equal(ab.clean, 5);
    assert_int_equal(ab.rate, 9);
}

/* One deed or moment after the other, and what is there afterwards. */
enum deed { WINDOW, TIME, YES, NO, EXPLAIN, LIFT, EXEMPT, RAISE };
struct line {
    weir_time hour;
    enum deed deed;
    uint32_t kinds;
    uint8_t action; /* recommended, or raised to */
    enum weir_watch_change change;
    uint8_t step;
    uint8_t coming;
    weir_time until; /* hours; 0: no step */
};

static void
play(const char *text, const struct line *lines, size_t count)
{
    struct weir_watch_rule rule = rule_of(text);
    struct weir_watch_stand stand = {0};
    for (size_t i = 0; i < count; i++) {
        const struct line *line = &lines[i];
        weir_time now = T0 + line->hour * HOUR;
        enum weir_watch_action action = (enum weir_watch_action)line->action;
        const struct weir_watch_window window = {
            .from = now - HOUR / 2, .kinds = line->kinds, .action = action};
        enum weir_watch_change change = WEIR_WATCH_SAME;
        switch (line->deed) {
        case WINDOW:
            change = weir_watch_on_window(&rule, &stand, &window, now);
            break;
        case TIME:
            change = weir_watch_on_time(&rule, &stand, now);
            break;
        case YES:
        case NO:
            change =
                weir_watch_on_answer(&rule, &stand, line->deed == YES, now);
            break;
        case EXPLAIN:
            change = weir_watch_on_explain(&rule, &stand, now);
            break;
        case LIFT:
            change = weir_watch_on_lift(&stand, now);
            break;
        case EXEMPT:
            change = weir_watch_on_exempt(&stand, now + 100 * HOUR, now);
            break;
        case RAISE:
            change = weir_watch_on_raise(&rule, &stand, action, now + 10 * HOUR,
                                         now);
            break;
        }
        weir_time until = stand.until == 0 ? 0 : (stand.until - T0) / HOUR;
        if (change != line->change || stand.step != line->step ||
            stand.coming != line->coming || until != line->until)
            fail_msg("line %zu: %s, step %u, coming %u, until %lld", i,
                     weir_watch_change_name(change), stand.step, stand.coming,
                     (long long)until);
    }
}
#define PLAY(text, ...)                                                        \
    do {                                                                       \
        static const struct line lines[] = {__VA_ARGS__};                      \
        play(text, lines, WEIR_COUNTOF(lines));                                \
    } while (0)

TEST(ladder, windows_climb_one_rung_each_and_hold_is_announced)
{
    PLAY("steps=observe,slow,strip,hold;explain=24h;last=2d",
         {0, WINDOW, 2, 4, WEIR_WATCH_TAKEN, 1, 0, 48},
         {1, WINDOW, 2, 4, WEIR_WATCH_TAKEN, 2, 0, 49},
         {2, WINDOW, 3, 4, WEIR_WATCH_TAKEN, 3, 0, 50},
         {3, WINDOW, 2, 4, WEIR_WATCH_ANNOUNCED, 3, 4, 51},
         {4, WINDOW, 2, 4, WEIR_WATCH_RENEWED, 3, 4, 52},
         {26, TIME, 0, 0, WEIR_WATCH_SAME, 3, 4, 52},
         {27, TIME, 0, 0, WEIR_WATCH_TAKEN, 4, 0, 75},
         {28, WINDOW, 3, 5, WEIR_WATCH_RENEWED, 4, 0, 76},
         {76, TIME, 0, 0, WEIR_WATCH_EXPIRED, 0, 0, 0},
         {76, TIME, 0, 0, WEIR_WATCH_SAME, 0, 0, 0});
}

TEST(ladder, one_kind_of_signal_never_leads_beyond_observe)
{
    PLAY("steps=observe,slow,strip,hold",
         {0, WINDOW, 1, 4, WEIR_WATCH_TAKEN, 1, 0, 168},
         {1, WINDOW, 1, 4, WEIR_WATCH_RENEWED, 1, 0, 169},
         {2, WINDOW, 0, 3, WEIR_WATCH_RENEWED, 1, 0, 170});
    PLAY("steps=slow", {0, WINDOW, 1, 4, WEIR_WATCH_SAME, 0, 0, 0});
}

TEST(ladder, rungs_that_policy_does_not_know_are_skipped)
{
    PLAY("steps=slow;ask=suspend;clean=1;last=1d",
         {0, WINDOW, 2, 1, WEIR_WATCH_SAME, 0, 0, 0},
         {1, WINDOW, 2, 4, WEIR_WATCH_TAKEN, 2, 0, 25},
         {2, WINDOW, 2, 4, WEIR_WATCH_RENEWED, 2, 0, 26},
         {3, WINDOW, 2, 1, WEIR_WATCH_LOWERED, 0, 0, 0});
}

TEST(ladder, clean_windows_lower_one_rung_at_a_time)
{
    PLAY("steps=observe,slow;clean=2;last=1d",
         {0, WINDOW, 2, 2, WEIR_WATCH_TAKEN, 1, 0, 24},
         {1, WINDOW, 2, 2, WEIR_WATCH_TAKEN, 2, 0, 25},
         {2, WINDOW, 0, 0, WEIR_WATCH_SAME, 2, 0, 25},
         {3, WINDOW, 2, 2, WEIR_WATCH_RENEWED, 2, 0, 27},
         {4, WINDOW, 0, 0, WEIR_WATCH_SAME, 2, 0, 27},
         {5, WINDOW, 0, 0, WEIR_WATCH_LOWERED, 1, 0, 29},
         {6, WINDOW, 0, 0, WEIR_WATCH_SAME, 1, 0, 29},
         {7, WINDOW, 0, 0, WEIR_WATCH_LOWERED, 0, 0, 0});
}

/* A row of the watch stands for several quiet windows. */
TEST(ladder, quiet_windows_count_one_by_one_however_they_are_told)
{
    struct weir_watch_rule rule =
        rule_of("steps=observe,slow,strip;clean=3;last=1d");
    static const uint32_t parts[][8] = {
        {1, 1, 1, 1, 1, 1, 1, 1}, {2, 1, 3, 2}, {3, 3, 3}, {8}, {2, 8}};
    static const struct {
        uint32_t windows;
        uint8_t step; /* after the last part */
        uint32_t clean;
    } want[] = {{8, WEIR_WATCH_OBSERVE, 2},
                {8, WEIR_WATCH_OBSERVE, 2},
                {9, WEIR_WATCH_NOTHING, 0},
                {8, WEIR_WATCH_SLOW, 5},
                {10, WEIR_WATCH_SLOW, 7}};
    for (size_t i = 0; i < WEIR_COUNTOF(parts); i++) {
        struct weir_watch_stand stand = {.step = WEIR_WATCH_STRIP,
                                         .until = T0 + 24 * HOUR};
        struct weir_watch_window window = {.from = T0};
        uint32_t windows = 0;
        for (uint32_t k = 0; k < 8 && parts[i][k] > 0; k++) {
            window.looks = parts[i][k];
            windows += window.looks;
            (void)weir_watch_on_window(&rule, &stand, &window, T0 + k);
        }
        assert_int_equal(windows, want[i].windows);
        assert_int_equal(stand.step, want[i].step);
        assert_int_equal(stand.clean, want[i].clean);
    }
    /* One loud window, and it begins anew. */
    struct weir_watch_stand stand = {
        .step = WEIR_WATCH_SLOW, .until = T0 + 24 * HOUR, .clean = 2};
    const struct weir_watch_window loud = {T0, 2, WEIR_WATCH_SLOW, 8};
    (void)weir_watch_on_window(&rule, &stand, &loud, T0);
    assert_int_equal(stand.clean, 0);
}

TEST(ladder, it_is_known_up_to_which_rung_a_person_agreed)
{
    struct weir_watch_rule rule =
        rule_of("steps=observe,slow;ask=strip,hold;explain=24h;clean=1");
    struct weir_watch_stand stand = {0};
    const struct weir_watch_window loud = {T0, 2, WEIR_WATCH_HOLD, 1};
    const struct weir_watch_window quiet = {T0, 0, WEIR_WATCH_NOTHING, 1};
    for (int i = 0; i < 3; i++)
        (void)weir_watch_on_window(&rule, &stand, &loud, T0 + i);
    assert_int_equal(stand.step, WEIR_WATCH_SLOW);
    assert_int_equal(stand.agreed, WEIR_WATCH_NOTHING);
    assert_int_equal(weir_watch_on_answer(&rule, &stand, true, T0 + 4),
                     WEIR_WATCH_TAKEN);
    assert_int_equal(stand.agreed, WEIR_WATCH_STRIP);
    /* Agreed to and announced, then dropped: it was agreed to for nothing. */
    (void)weir_watch_on_window(&rule, &stand, &loud, T0 + 5);
    assert_int_equal(weir_watch_on_answer(&rule, &stand, true, T0 + 6),
                     WEIR_WATCH_ANNOUNCED);
    assert_int_equal(stand.agreed, WEIR_WATCH_HOLD);
    assert_int_equal(weir_watch_on_window(&rule, &stand, &quiet, T0 + 7),
                     WEIR_WATCH_DROPPED);
    assert_int_equal(stand.agreed, WEIR_WATCH_STRIP);
    assert_int_equal(weir_watch_on_window(&rule, &stand, &quiet, T0 + 8),
                     WEIR_WATCH_LOWERED);
    assert_int_equal(stand.agreed, WEIR_WATCH_SLOW);
    assert_int_equal(
        weir_watch_on_raise(&rule, &stand, WEIR_WATCH_HOLD, T0 + HOUR, T0 + 9),
        WEIR_WATCH_RAISED);
    assert_int_equal(stand.agreed, WEIR_WATCH_HOLD);
    (void)weir_watch_on_lift(&stand, T0 + 10);
    assert_int_equal(stand.agreed, WEIR_WATCH_NOTHING);
}

TEST(ladder, what_a_person_is_asked_waits_for_the_answer)
{
    PLAY("steps=observe;ask=slow,strip,hold,suspend;explain=24h;last=20d",
         {0, WINDOW, 2, 3, WEIR_WATCH_TAKEN, 1, 0, 480},
         {1, WINDOW, 2, 3, WEIR_WATCH_ASKED, 1, 2, 481},
         {2, YES, 0, 0, WEIR_WATCH_TAKEN, 2, 0, 482},
         {2, YES, 0, 0, WEIR_WATCH_SAME, 2, 0, 482},
         {3, WINDOW, 2, 3, WEIR_WATCH_ASKED, 2, 3, 483},
         {4, NO, 0, 0, WEIR_WATCH_REFUSED, 2, 0, 483},
         {5, WINDOW, 2, 4, WEIR_WATCH_ASKED, 2, 3, 485},
         {172, TIME, 0, 0, WEIR_WATCH_SAME, 2, 3, 485},
         {173, TIME, 0, 0, WEIR_WATCH_LAPSED, 2, 0, 485},
         {174, WINDOW, 2, 4, WEIR_WATCH_ASKED, 2, 3, 654},
         {175, YES, 0, 0, WEIR_WATCH_TAKEN, 3, 0, 655},
         {176, WINDOW, 2, 4, WEIR_WATCH_ASKED, 3, 4, 656},
         {177, YES, 0, 0, WEIR_WATCH_ANNOUNCED, 3, 4, 656},
         {178, YES, 0, 0, WEIR_WATCH_SAME, 3, 4, 656},
         {179, EXPLAIN, 0, 0, WEIR_WATCH_EXPLAINED, 3, 4, 656},
         {180, EXPLAIN, 0, 0, WEIR_WATCH_SAME, 3, 4, 656},
         {202, TIME, 0, 0, WEIR_WATCH_SAME, 3, 4, 656},
         {202, NO, 0, 0, WEIR_WATCH_REFUSED, 3, 0, 656});
}

TEST(ladder, an_explanation_nobody_answers_does_not_stop_the_step)
{
    PLAY("steps=hold;ask=none;explain=24h;last=2d",
         {0, WINDOW, 2, 4, WEIR_WATCH_ANNOUNCED, 0, 4, 0},
         {20, EXPLAIN, 0, 0, WEIR_WATCH_EXPLAINED, 0, 4, 0},
         {43, TIME, 0, 0, WEIR_WATCH_SAME, 0, 4, 0},
         {44, TIME, 0, 0, WEIR_WATCH_TAKEN, 4, 0, 92});
    PLAY("steps=hold;ask=none;explain=24h;last=2d;clean=2",
         {0, WINDOW, 2, 4, WEIR_WATCH_ANNOUNCED, 0, 4, 0},
         {1, WINDOW, 2, 3, WEIR_WATCH_SAME, 0, 4, 0},
         {2, WINDOW, 0, 0, WEIR_WATCH_DROPPED, 0, 0, 0});
}

TEST(ladder, what_two_people_lift_needs_fresh_calls_to_come_back)
{
    PLAY("steps=observe,slow", {0, WINDOW, 2, 2, WEIR_WATCH_TAKEN, 1, 0, 168},
         {1, LIFT, 0, 0, WEIR_WATCH_LIFTED, 0, 0, 0},
         {1, WINDOW, 2, 2, WEIR_WATCH_SAME, 0, 0, 0},
         {2, WINDOW, 2, 2, WEIR_WATCH_TAKEN, 1, 0, 170},
         {3, EXEMPT, 0, 0, WEIR_WATCH_EXEMPTED, 0, 0, 0},
         {50, WINDOW, 2, 4, WEIR_WATCH_SAME, 0, 0, 0},
         {103, WINDOW, 2, 4, WEIR_WATCH_SAME, 0, 0, 0},
         {104, WINDOW, 2, 4, WEIR_WATCH_TAKEN, 1, 0, 272});
}

TEST(ladder, what_two_people_raised_stays_until_their_date)
{
    PLAY("steps=observe;ask=suspend;clean=1",
         {0, RAISE, 0, 2, WEIR_WATCH_SAME, 0, 0, 0},
         {0, RAISE, 0, 5, WEIR_WATCH_RAISED, 5, 0, 10},
         {1, WINDOW, 0, 0, WEIR_WATCH_SAME, 5, 0, 10},
         {2, WINDOW, 0, 0, WEIR_WATCH_SAME, 5, 0, 10},
         {10, TIME, 0, 0, WEIR_WATCH_EXPIRED, 0, 0, 0});
}

/* ---------------------------------------------------------- properties */

static struct weir_watch_rule
random_rule(void)
{
    struct weir_watch_rule rule = weir_watch_rule_default();
    rule.automatic = (uint32_t)rand() & 30u;
    rule.asks = (uint32_t)rand() & 62u & ~rule.automatic;
    rule.clean = 1 + (uint32_t)rand() % 4;
    rule.explain_us = rand() % 3 * 24 * HOUR;
    rule.last_us = (1 + rand() % 2000) * HOUR;
    return rule;
}

static struct weir_watch_window
random_window(weir_time now)
{
    return (struct weir_watch_window){.from = now - rand() % 10 * HOUR,
                                      .kinds = (uint32_t)rand() % 4,
                                      .action =
                                          (enum weir_watch_action)(rand() % 6)};
}

static enum weir_watch_change
random_deed(const struct weir_watch_rule *rule, struct weir_watch_stand *stand,
            weir_time now)
{
    struct weir_watch_window window = random_window(now);
    switch (rand() % 12) {
    case 0:
        return weir_watch_on_answer(rule, stand, rand() % 2 == 0, now);
    case 1:
        return weir_watch_on_explain(rule, stand, now);
    case 2:
        return rand() % 4 ? WEIR_WATCH_SAME : weir_watch_on_lift(stand, now);
    case 3:
        return rand() % 8 ? WEIR_WATCH_SAME
                          : weir_watch_on_exempt(
                                stand, now + rand() % 5000 * HOUR, now);
    case 4:
        return rand() % 8
                   ? WEIR_WATCH_SAME
                   : weir_watch_on_raise(rule, stand, window.action,
                                         now + rand() % 5000 * HOUR, now);
    case 5:
    case 6:
        return weir_watch_on_time(rule, stand, now);
    default:
        return weir_watch_on_window(rule, stand, &window, now);
    }
}

static void
check_stand(const struct weir_watch_rule *rule,
            const struct weir_watch_stand *stand, weir_time now)
{
    assert_true(stand->step <= WEIR_WATCH_SUSPEND);
    assert_int_equal(stand->step == 0, stand->until == 0);
    /* It ends, and in time. */
    if (stand->step != 0) {
        assert_true(stand->until <= now + WEIR_WATCH_LAST_US_MAX);
        assert_true(((rule->automatic | rule->asks) >> stand->step & 1) != 0);
    }
    assert_true(stand->exempt <= now + WEIR_WATCH_LAST_US_MAX);
    if (stand->coming != 0) {
        assert_true(stand->coming > stand->step);
        assert_true(stand->from <=
                    now + WEIR_WATCH_ASK_US + 2 * rule->explain_us);
    }
}

TEST(ladder, whatever_happens_a_step_ends_by_itself)
{
    srand(20261122);
    for (int world = 0; world < 400; world++) {
        struct weir_watch_rule rule = random_rule();
        struct weir_watch_stand stand = {0};
        weir_time now = T0;
        for (int i = 0; i < 200; i++) {
            (void)random_deed(&rule, &stand, now);
            check_stand(&rule, &stand, now);
            now += rand() % 30 * HOUR;
        }
        /* Nothing but time from here on. */
        for (int i = 0; i < 4; i++) {
            weir_time due = weir_watch_due(&stand);
            if (due == WEIR_TIME_MAX)
                break;
            if (due > now)
                now = due;
            assert_int_not_equal(weir_watch_on_time(&rule, &stand, now),
                                 WEIR_WATCH_SAME);
        }
        assert_int_equal(stand.step, WEIR_WATCH_NOTHING);
        assert_int_equal(stand.coming, WEIR_WATCH_NOTHING);
    }
}

TEST(ladder, no_window_alone_leads_beyond_what_two_signals_and_policy_say)
{
    srand(7);
    for (int world = 0; world < 400; world++) {
        struct weir_watch_rule rule = random_rule();
        struct weir_watch_stand stand = {0};
        uint8_t asked = 0;
        weir_time now = T0;
        for (int i = 0; i < 200; i++) {
            struct weir_watch_window window = random_window(now);
            uint8_t before = stand.step;
            enum weir_watch_change change =
                rand() % 4 == 0
                    ? weir_watch_on_time(&rule, &stand, now)
                    : weir_watch_on_window(&rule, &stand, &window, now);
            if (stand.step > before) {
                assert_int_equal(change, WEIR_WATCH_TAKEN);
                assert_true((rule.automatic >> stand.step & 1) != 0);
                assert_true(stand.step < WEIR_WATCH_HOLD ||
                            rule.explain_us == 0 || asked == stand.step);
            }
            if (window.kinds < 2 && change != WEIR_WATCH_TAKEN &&
                stand.coming > WEIR_WATCH_OBSERVE)
                assert_true(stand.coming == asked);
            asked = stand.coming;
            assert_true(stand.step != WEIR_WATCH_SUSPEND);
            now += rand() % 20 * HOUR;
        }
    }
}

TEST(ladder, more_evidence_never_leads_to_less)
{
    srand(11);
    for (int i = 0; i < 20000; i++) {
        struct weir_watch_rule rule = random_rule();
        struct weir_watch_stand stand = {0};
        weir_time now = T0;
        for (int k = rand() % 20; k > 0; k--) {
            (void)random_deed(&rule, &stand, now);
            now += rand() % 30 * HOUR;
        }
        struct weir_watch_window less = random_window(now), more = less;
        struct weir_watch_stand a = stand, b = stand;
        more.kinds += (uint32_t)rand() % 3;
        if (rand() % 2 && more.action < WEIR_WATCH_SUSPEND)
            more.action++;
        (void)weir_watch_on_window(&rule, &a, &less, now);
        (void)weir_watch_on_window(&rule, &b, &more, now);
        assert_true(b.step >= a.step);
        assert_true((b.step > b.coming ? b.step : b.coming) >=
                    (a.step > a.coming ? a.step : a.coming));
        assert_true(b.until >= a.until);
    }
}
