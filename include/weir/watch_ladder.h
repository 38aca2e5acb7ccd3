/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/watch_ladder.h - from what the watch saw to what is done about it.
 *
 *     nothing < observe < slow < strip < hold < suspend
 *
 * A subject (key, project, tenant, owner group, end customer, cluster)
 * stands on one rung. A window of calls moves it up by at most one rung that
 * policy allows, clean windows move it down, time always ends it. Some rungs
 * wait for a person, some are announced before they act. What a customer
 * pays is no argument of any function here.
 *
 * Threads and memory: pure functions over the caller's values.
 */
#ifndef WEIR_WATCH_LADDER_H
#define WEIR_WATCH_LADDER_H

#include <weir/watch_score.h>

#ifdef __cplusplus
extern "C" {
#endif

/* No step and no exemption reaches further than this from when it was set. */
#define WEIR_WATCH_LAST_US_MAX (90 * WEIR_US_PER_DAY)
/* A step that waits for a person lapses when nobody answers for so long. */
#define WEIR_WATCH_ASK_US       (7 * WEIR_US_PER_DAY)
#define WEIR_WATCH_CLEAN_MAX    100u
#define WEIR_WATCH_RATE_MAX     60000u

#define WEIR_WATCH_RUNG(action) (1u << (unsigned)(action))
/* Where an image keeps the rungs that a rule asks a person for. */
#define WEIR_WATCH_ASKS_SHIFT 8u

/*
 * What policy says, by the obligation @monitor on the permits that let the
 * subject's calls through:
 *     @monitor("steps=observe,slow; ask=strip,hold,suspend; explain=72h;
 *               last=7d; clean=3; tell=slow; slow=60")
 * Every part may be left out. A text without `=` is a label for people and
 * no rule.
 */
struct weir_watch_rule {
    uint32_t automatic;   /* WEIR_WATCH_RUNG() bits: taken at once */
    uint32_t asks;        /* taken when a person says so */
    uint32_t tells;       /* the customer gets a notice */
    uint32_t clean;       /* windows in a row before one rung less, 1.. */
    uint32_t rate;        /* of slow: calls a minute, over all workers */
    uint32_t reserved;    /* 0 */
    weir_time explain_us; /* from the notice of hold or suspend to its act */
    weir_time last_us;    /* a step's life after the last evidence for it */
};

/* Observe by itself, the rest by a person; 72 h, 7 days, 3 windows, 60
 * calls a minute. */
struct weir_watch_rule weir_watch_rule_default(void);
bool weir_watch_rule_is(weir_span text); /* a rule, not a label */
/* Its part "classify": names of classifiers, parted by commas; or empty. */
weir_span weir_watch_rule_classify(weir_span text);
/* EPARSE: err says which part. */
WEIR_MUST_USE weir_status weir_watch_rule_parse(
    weir_span text, struct weir_watch_rule *rule_out, struct weir_error *err);
/* The strictest of both: more rungs, automatic before asked; the longer
 * life; the shorter time to explain. */
void weir_watch_rule_join(struct weir_watch_rule *rule,
                          const struct weir_watch_rule *other);
void weir_watch_rule_write(const struct weir_watch_rule *rule,
                           struct weir_buf *out);
/* False: no such rung. NOTHING has a name too. */
bool weir_watch_action_parse(weir_span text, enum weir_watch_action *out);

/* Where a subject stands. All zero: nothing was ever done about it. */
struct weir_watch_stand {
    uint8_t step;         /* enum weir_watch_action, in force */
    uint8_t coming;       /* above step: announced or asked for; or NOTHING */
    uint8_t is_asked;     /* coming waits for a person */
    uint8_t is_explained; /* the customer answered the announcement */
    uint8_t agreed;       /* the highest rung of this episode that a person
                             said yes to; what is above it policy took */
    uint32_t clean;       /* windows in a row that said less */
    weir_time since;      /* of step */
    weir_time until;      /* of step: over at this moment; 0: no step */
    weir_time from;       /* coming acts; asked: lapses */
    weir_time fresh;      /* calls before it are no evidence any more */
    weir_time raised;     /* two people set the step: until then it stays */
    weir_time exempt;     /* two people exempted it: until then, no step */
};

/* What one window says. */
struct weir_watch_window {
    weir_time from;                /* its first call */
    uint32_t kinds;                /* independent kinds that fired */
    enum weir_watch_action action; /* as weir_watch_score() recommends */
    uint32_t looks; /* windows in a row that it stands for; 0: one. They
                       count where it says less than what is in force */
};

/* What happened to a stand. Numbers are permanent: the store keeps them. */
enum weir_watch_change {
    WEIR_WATCH_SAME = 0,
    WEIR_WATCH_TAKEN = 1,     /* a step is in force */
    WEIR_WATCH_ANNOUNCED = 2, /* it will be, unless a person says no */
    WEIR_WATCH_ASKED = 3,     /* it would be, if a person said yes */
    WEIR_WATCH_RENEWED = 4,   /* there is evidence still */
    WEIR_WATCH_LOWERED = 5,   /* clean windows: a rung less, or none */
    WEIR_WATCH_DROPPED = 6,   /* what was coming is not: clean windows */
    WEIR_WATCH_EXPIRED = 7,   /* its time is over */
    WEIR_WATCH_LAPSED = 8,    /* nobody answered what was asked */
    WEIR_WATCH_REFUSED = 9,   /* a person said no to what was coming */
    WEIR_WATCH_EXPLAINED = 10,
    WEIR_WATCH_LIFTED = 11,     /* two people, or a case that was cleared */
    WEIR_WATCH_EXEMPTED = 12,   /* two people, until a date */
    WEIR_WATCH_RAISED = 13,     /* two people */
    WEIR_WATCH_UNANSWERED = 14, /* an appeal that nobody decided in time */
    WEIR_WATCH_CHANGES
};
const char *weir_watch_change_name(enum weir_watch_change change);

/*
 * A window was scored. At most one change; fewer than two kinds never move
 * a subject above OBSERVE, and none but a person moves it to SUSPEND.
 */
enum weir_watch_change
weir_watch_on_window(const struct weir_watch_rule *rule,
                     struct weir_watch_stand *stand,
                     const struct weir_watch_window *window, weir_time now);
/* Time passed. One change; call again until SAME. */
enum weir_watch_change weir_watch_on_time(const struct weir_watch_rule *rule,
                                          struct weir_watch_stand *stand,
                                          weir_time now);
/* The next moment at which weir_watch_on_time() has something to do;
 * WEIR_TIME_MAX: none. */
weir_time weir_watch_due(const struct weir_watch_stand *stand);

/* A person says yes or no to what is coming. SAME: nothing is. */
enum weir_watch_change weir_watch_on_answer(const struct weir_watch_rule *rule,
                                            struct weir_watch_stand *stand,
                                            bool is_yes, weir_time now);
/* The customer explains what was announced: once, it is put off by as long
 * again. SAME: nothing is announced, or he explained before. */
enum weir_watch_change weir_watch_on_explain(const struct weir_watch_rule *rule,
                                             struct weir_watch_stand *stand,
                                             weir_time now);

/* Two people. `until` is cut to WEIR_WATCH_LAST_US_MAX. */
enum weir_watch_change weir_watch_on_lift(struct weir_watch_stand *stand,
                                          weir_time now);
enum weir_watch_change weir_watch_on_exempt(struct weir_watch_stand *stand,
                                            weir_time until, weir_time now);
/* SAME: policy does not know the rung, or it stands there already. */
enum weir_watch_change weir_watch_on_raise(const struct weir_watch_rule *rule,
                                           struct weir_watch_stand *stand,
                                           enum weir_watch_action step,
                                           weir_time until, weir_time now);

#ifdef __cplusplus
}
#endif
#endif
