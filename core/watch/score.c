/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From figures to a verdict: which signals fired, how many kinds, what next.
 *
 * Signals that read the same bits are one kind, so a window cannot accuse
 * itself twice with one fact. A scaffold is a kind of its own only while the
 * departure stands without the cue bits that the scaffold is made of.
 *
 * One kind over its line is a reason to look (observe). Slow needs two, strip
 * two beyond the strong line or three; hold needs three and the strong line.
 * Suspend is never recommended: that is for a person.
 */
#include <string.h>

#include <weir/watch_cluster.h>

#include "figures.h"

const struct weir_watch_signal_info *
weir_watch_signal_info(uint32_t signal)
{
    static const struct weir_watch_signal_info rows[WEIR_WATCH_SIGNALS] = {
        {"departure", WEIR_WATCH_KIND_CONTENT,
         "calls unlike the accepted ones that also look like free-standing "
         "tasks; -log10 of the chance to see as many",
         "a new workload: ask for its purpose, compare the frames"},
        {"form", WEIR_WATCH_KIND_CONTENT,
         "calls that look like free-standing tasks, against the accepted "
         "share; -log10 of chance",
         "a template in the tenant's own code: see the top frames"},
        {"foreign", WEIR_WATCH_KIND_CONTENT,
         "calls unlike the accepted ones; -log10 of chance; knows no language",
         "a new workload: this signal alone means no more"},
        {"share", WEIR_WATCH_KIND_CONTENT,
         "share of calls that look like free-standing tasks, templates "
         "discounted; for accounts without a reference",
         "people's general prompts look the same: ask for the purpose"},
        {"scaffold", WEIR_WATCH_KIND_SCAFFOLD,
         "share of calls around one constant text that asks for reasoning, "
         "grades, paraphrases or training data",
         "a public template: see how many unrelated owners use it"},
        {"drip", WEIR_WATCH_KIND_CONTENT,
         "foreign task-like calls, few but steady: CUSUM",
         "a workload that grew: compare with an acknowledged case"},
        {"cue", WEIR_WATCH_KIND_CONTENT,
         "calls with a class of cues the accepted ones hardly have; -log10 "
         "of chance",
         "a prompt was changed to ask for reasoning: see the scaffold"},
        {"shape", WEIR_WATCH_KIND_SHAPE,
         "prompts or replies of a size, or output per input, that the accepted "
         "calls hardly have; -log10 of chance",
         "longer documents than before: see the histogram of sizes"},
        {"params", WEIR_WATCH_KIND_PARAMS,
         "temperature, n or logprobs as the accepted calls hardly have; "
         "-log10 of chance",
         "a new release of the tenant's software: one change, all calls"},
        {"sweep", WEIR_WATCH_KIND_LANGUAGE,
         "calls in languages the accepted ones hardly have; -log10 of chance",
         "a new market: one or two languages, not many"},
        {"timing", WEIR_WATCH_KIND_TIMING,
         "how much more even the gaps between calls are than chance",
         "a batch job or load test: ask for its schedule"},
        {"release", WEIR_WATCH_KIND_RELEASE,
         "share of calls to a model in its first 24 hours",
         "an announced migration: see the alias that points to it"},
        {"quota", WEIR_WATCH_KIND_QUOTA,
         "share of calls at 95 % or more of a quota",
         "a quota that is too small: see for how long"},
        {"repeats", WEIR_WATCH_KIND_NONE,
         "share of calls seen before: a test suite or a retry",
         "it explains, and is never a reason to act"},
        {"drift", WEIR_WATCH_KIND_NONE,
         "distance of the reference from the one before it",
         "the acknowledged case that replaced the reference"},
        {"shared", WEIR_WATCH_KIND_SHARED,
         "calls around a text that another operator's reviewer has shared as "
         "extraction's; of other accounts, and never the text itself",
         "a public template: see how many unrelated owners use it"},
        {"judged", WEIR_WATCH_KIND_JUDGED,
         "calls in which a classifier found what it looks for: malware, spam, "
         "theft of credentials, whatever it knows",
         "a classifier that errs, or work on the subject: see its category and "
         "purpose"},
    };
    return signal < WEIR_WATCH_SIGNALS ? &rows[signal] : NULL;
}

const char *
weir_watch_action_name(enum weir_watch_action action)
{
    static const char *const names[] = {"none",  "observe", "slow",
                                        "strip", "hold",    "suspend"};
    return names[action];
}

/* ------------------------------------------------------------- verdict */

/* In units of the line of a case. */
static double
score_of(const struct watch_measure *m, bool has_reference, bool is_plain,
         const struct weir_watch_lines *lines)
{
    const struct watch_surprise *s = m->surprise;
    double departure = 2 * s[WEIR_WATCH_DEPARTURE].value;
    double line = (double)lines->line[WEIR_WATCH_SCAFFOLD];
    if (has_reference)
        return (is_plain ? departure
                         : departure + s[WEIR_WATCH_FORM].value +
                               s[WEIR_WATCH_CUE].value) /
               (double)lines->score;
    double share = s[WEIR_WATCH_SHARE].value / (double)lines->score;
    double scaffold = line > 0 ? s[WEIR_WATCH_SCAFFOLD].value / line : 0;
    return is_plain || scaffold < share ? share : scaffold;
}

static uint32_t
kinds_of(const struct weir_watch_verdict *v)
{
    uint32_t kinds = 0;
    for (uint32_t i = 0; i < WEIR_WATCH_SIGNALS; i++)
        if (v->fired >> i & 1)
            kinds |= 1u << weir_watch_signal_info(i)->kind;
    kinds &= ~(1u << WEIR_WATCH_KIND_NONE);
    /* The same constant text, seen here and seen elsewhere. */
    if ((kinds & 1u << WEIR_WATCH_KIND_SCAFFOLD) != 0)
        kinds &= ~(1u << WEIR_WATCH_KIND_SHARED);
    /* Departure, share and drip know no cues. Content that stands without
     * them, on form or cue alone, reads the scaffold's bits. */
    const uint32_t cueless = 1u << WEIR_WATCH_DEPARTURE |
                             1u << WEIR_WATCH_SHARE | 1u << WEIR_WATCH_DRIP;
    if ((kinds & 1u << WEIR_WATCH_KIND_SCAFFOLD) != 0 &&
        (v->fired & cueless) == 0)
        kinds &= ~(1u << WEIR_WATCH_KIND_CONTENT);
    return (uint32_t)__builtin_popcount(kinds);
}

static enum weir_watch_action
action_of(const struct weir_watch_verdict *v,
          const struct weir_watch_lines *lines)
{
    bool is_strong = v->score * lines->score >= lines->strong;
    if (v->kinds >= 3)
        return is_strong ? WEIR_WATCH_HOLD : WEIR_WATCH_STRIP;
    if (v->kinds == 2)
        return is_strong ? WEIR_WATCH_STRIP : WEIR_WATCH_SLOW;
    return v->kinds == 1 || v->score >= 1 ? WEIR_WATCH_OBSERVE
                                          : WEIR_WATCH_NOTHING;
}

static void
decide(const struct watch_measure *m, bool has_reference,
       const struct weir_watch_lines *lines, struct weir_watch_verdict *v)
{
    v->calls = m->calls;
    v->has_reference = has_reference;
    for (uint32_t i = 0; i < WEIR_WATCH_SIGNALS; i++) {
        v->figures[i].value = (float)m->surprise[i].value;
        v->figures[i].seen = (float)m->surprise[i].seen;
        v->figures[i].expected = (float)m->surprise[i].expected;
        if (lines->line[i] > 0 && v->figures[i].value >= lines->line[i])
            v->fired |= 1u << i;
    }
    v->scaffold = m->scaffold;
    v->cues = m->cues;
    v->score = (float)score_of(m, has_reference, false, lines);
    v->plain_score = (float)score_of(m, has_reference, true, lines);
    v->kinds = kinds_of(v);
    v->action = action_of(v, lines);
}

void
weir_watch_score(const struct weir_watch_pool *pool, uint32_t calls,
                 const struct weir_watch_lines *lines,
                 struct weir_watch_verdict *verdict_out)
{
    struct watch_measure m;
    bool has_reference = pool_in(pool)->has_reference != 0;
    memset(verdict_out, 0, sizeof(*verdict_out));
    weir__watch_measure(pool, calls, &m);
    if (lines == NULL)
        lines = weir_watch_lines_default(calls, has_reference);
    decide(&m, has_reference, lines, verdict_out);
}

void
weir_watch_score_pools(const struct weir_watch_pool *const *pools,
                       uint32_t count, uint32_t calls,
                       struct weir_watch_verdict *verdict_out)
{
    struct watch_measure m;
    bool has_reference = weir__watch_measure_pools(pools, count, calls, &m);
    memset(verdict_out, 0, sizeof(*verdict_out));
    decide(&m, has_reference, weir_watch_lines_default(calls, has_reference),
           verdict_out);
}
