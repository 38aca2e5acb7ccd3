/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The figures of a window: what was seen, what was expected, how surprising.
 *
 * Most are tails of a beta-binomial, as -log10 of a probability. How many
 * calls are expected to be form-like, or foreign, follows from the centroids
 * that the window's calls at home lie at; calls that are at home nowhere are
 * expected to be as the account's calls are on the whole. A window full of
 * foreign calls therefore does not excuse itself, and a day with more of one
 * workload does not accuse. The departure, foreign and form-like on the same
 * call, is rare in any workload: there this only added noise (measured).
 *
 * A pool without reference has only shares: of form-like calls, after the
 * constant wrapper of a template is discounted (else a tenant scores on every
 * call for its own imperative), and of scaffolds that carry cues.
 */
#include <math.h>
#include <string.h>

#include "figures.h"
#include "internal.h"

#define SHRINK      8.0  /* calls of the whole account in each rate */
#define SHARE_STEP  400  /* h, in hundredths */
#define GROUP_SHARE 10   /* a template: one call in ten */
#define GROUP_SLOTS 1024 /* power of two, over WEIR_WATCH_WIDE */
#define POSITIVE_BITS                                                          \
    ((1u << WEIR_WATCH_IMPERATIVE) | (1u << WEIR_WATCH_ARTEFACT) |             \
     (1u << WEIR_WATCH_INDEFINITE) | (1u << WEIR_WATCH_CAPITAL) |              \
     (1u << WEIR_WATCH_ENDS) | (1u << WEIR_WATCH_MEDIUM))

/* ------------------------------------------------------------- sums */

static void
add_bytes(uint32_t *to, const uint8_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}

void
weir__watch_sum(const struct watch_pool *p, uint32_t calls,
                struct watch_sum *sum_out)
{
    struct watch_sum *s = sum_out;
    memset(s, 0, sizeof(*s));
    uint64_t last = p->calls == 0 ? 0 : (p->calls - 1) / WEIR_WATCH_BUCKET;
    for (uint32_t i = 0; i < BUCKETS && i <= last; i++) {
        const struct watch_bucket *b = &p->buckets[(last - i) % BUCKETS];
        if (s->calls + b->calls > calls)
            break;
        s->calls += b->calls;
        s->foreign += b->foreign;
        add_bytes(s->form, b->form, STEPS);
        add_bytes(s->both, b->both, STEPS);
        add_bytes(s->cues, b->cues, CUES);
        add_bytes(s->at, b->at, CENTROIDS);
        s->sizes += b->sizes;
        s->shapes += b->shapes;
        s->shaped += b->shaped;
        s->settings += b->settings;
        s->languages += b->languages;
        s->pressed += b->pressed;
        s->metered += b->metered;
        s->repeats += b->repeats;
        s->fresh += b->fresh;
        s->shared += b->shared;
        s->judged += b->judged;
    }
}

/* ----------------------------------------------------- against reference */

/* How many of the window's calls are taken to be of each centroid's kind;
 * returns what is left, of no kind. */
static double
share_out(const struct watch_reference *r, const struct watch_sum *s,
          double calls_out[CENTROIDS])
{
    double left = s->calls;
    for (uint32_t c = 0; c < r->centroids; c++) {
        double home = r->count[c] - r->foreign[c] + 0.5;
        calls_out[c] = s->at[c] * (r->count[c] + 0.5) / home;
        left -= calls_out[c];
    }
    if (left >= 0)
        return left;
    for (uint32_t c = 0; c < r->centroids; c++)
        calls_out[c] *= s->calls / (s->calls - left);
    return 0;
}

static void
surprise(struct watch_surprise *out, double seen, const uint16_t *counts,
         const struct watch_reference *r, const struct watch_sum *s,
         const double *calls, double left)
{
    double all = 0;
    double mean = 0;
    double variance = 0;
    for (uint32_t c = 0; c < r->centroids; c++)
        all += counts[c];
    double rate = (all + 0.5) / (r->calls + 1.0);
    mean = left * rate;
    variance = left * rate * (1 - rate) * (1 + left / (r->calls + 2.0));
    for (uint32_t c = 0; c < r->centroids; c++) {
        double weight = r->count[c] + SHRINK;
        double own = (counts[c] + SHRINK * rate) / weight;
        mean += calls[c] * own;
        variance += calls[c] * own * (1 - own) * (1 + calls[c] / (weight + 1));
    }
    double value = weir__watch_tail(seen, s->calls, mean, variance);
    if (value > out->value)
        *out = (struct watch_surprise){value, seen, mean};
}

static void
plain_surprise(struct watch_surprise *out, double seen, double of, double known,
               double calls)
{
    if (of < 1)
        return;
    double value = weir__watch_surprise(seen, of, known, calls);
    if (value > out->value)
        *out = (struct watch_surprise){value, seen,
                                       of * (known + 0.5) / (calls + 1)};
}

static uint32_t
rare_calls(const uint16_t *counts, uint32_t classes, uint32_t calls)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < classes; i++)
        if (weir__watch_is_rare(counts, classes, i, calls))
            sum += counts[i];
    return sum;
}

static void
measure_content(const struct watch_reference *r, const struct watch_sum *s,
                struct watch_surprise out[WEIR_WATCH_SIGNALS])
{
    double calls[CENTROIDS];
    double left = share_out(r, s, calls);
    for (uint32_t i = 0; i < STEPS; i++) {
        plain_surprise(&out[WEIR_WATCH_DEPARTURE], s->both[i], s->calls,
                       r->both[i], r->calls);
        surprise(&out[WEIR_WATCH_FORM], s->form[i], r->form[i], r, s, calls,
                 left);
    }
    surprise(&out[WEIR_WATCH_FOREIGN], s->foreign, r->foreign, r, s, calls,
             left);
}

static void
measure_rest(const struct watch_reference *r, const struct watch_sum *s,
             struct watch_surprise out[WEIR_WATCH_SIGNALS])
{
    for (uint32_t cue = 0; cue + 1 < CUES; cue++)
        plain_surprise(&out[WEIR_WATCH_CUE], s->cues[cue], s->calls,
                       r->cues[cue], r->calls);
    plain_surprise(&out[WEIR_WATCH_SHAPE], s->sizes, s->calls,
                   rare_calls(r->sizes, SIZES, r->calls), r->calls);
    if (r->shaped >= WEIR_WATCH_LEARN_MIN)
        plain_surprise(&out[WEIR_WATCH_SHAPE], s->shapes, s->shaped,
                       rare_calls(r->shapes, SHAPES, r->shaped), r->shaped);
    plain_surprise(&out[WEIR_WATCH_PARAMS], s->settings, s->calls,
                   rare_calls(r->settings, SETTINGS, r->calls), r->calls);
    plain_surprise(&out[WEIR_WATCH_SWEEP], s->languages, s->calls,
                   rare_calls(r->languages, LANGUAGES, r->calls), r->calls);
}

/* ----------------------------------------------------- without reference */

struct group {
    uint16_t head;
    uint16_t count;
    uint16_t bits[WEIR_WATCH_MEDIUM + 1];
};

static struct group *
group_of(struct group groups[GROUP_SLOTS], uint16_t head)
{
    uint32_t at = (head * 40503u >> 3) & (GROUP_SLOTS - 1);
    while (groups[at].count != 0 && groups[at].head != head)
        at = (at + 1) & (GROUP_SLOTS - 1);
    groups[at].head = head;
    return &groups[at];
}

/* Bits that a template has on nearly every call say nothing of the call. */
static uint16_t
constant_bits(const struct group *group, uint32_t calls)
{
    uint16_t bits = 0;
    if (group->count * GROUP_SHARE < calls)
        return 0;
    for (uint32_t i = 0; i <= WEIR_WATCH_MEDIUM; i++)
        if (group->bits[i] * 5u >= group->count * 4u)
            bits = (uint16_t)(bits | 1u << i);
    return bits & POSITIVE_BITS;
}

static uint32_t
discounted(const struct watch_recent *recent, uint64_t end, uint32_t calls)
{
    struct group groups[GROUP_SLOTS];
    uint32_t found = 0;
    memset(groups, 0, sizeof(groups));
    for (uint64_t i = end - calls; i < end; i++) {
        const struct watch_recent *row = &recent[i % WEIR_WATCH_WIDE];
        struct group *group = group_of(groups, row->head);
        group->count++;
        for (uint32_t bit = 0; bit <= WEIR_WATCH_MEDIUM; bit++)
            group->bits[bit] =
                (uint16_t)(group->bits[bit] + (row->bits >> bit & 1));
    }
    for (uint64_t i = end - calls; i < end; i++) {
        const struct watch_recent *row = &recent[i % WEIR_WATCH_WIDE];
        uint16_t constant = constant_bits(group_of(groups, row->head), calls);
        uint64_t bits = (uint64_t)(row->bits & ~constant);
        found += weir__watch_form(bits, false) >= SHARE_STEP;
    }
    return found;
}

/* ------------------------------------------------------------ scaffolds */

/* Share of the accepted calls that carry one of the cues. */
static double
accepted_share(const struct watch_reference *r, uint32_t cues)
{
    uint32_t most = 0;
    for (uint32_t cue = 0; cue < CUES && r != NULL; cue++)
        if ((cues >> (WEIR_WATCH_COT + cue) & 1) != 0 && r->cues[cue] > most)
            most = r->cues[cue];
    return r != NULL ? (double)most / r->calls : 0;
}

/* A key of many calls that nearly all carry the same cue: the cue is in the
 * constant text. GENERATE alone is in too many harmless templates, and what
 * the accepted calls carry as well is accepted. */
static void
measure_scaffold(const struct watch_pool *p, const struct watch_reference *r,
                 struct watch_measure *out)
{
    for (uint32_t k = 0; k < KEYS; k++)
        for (uint32_t i = 0; i < HEAVY; i++) {
            const struct watch_heavy *row = &p->heavy[k][i];
            double share = (double)row->count / (p->heavy_calls + 1.0);
            uint32_t cues = 0;
            if (row->count < 10 || share < 0.03)
                continue;
            for (uint32_t cue = 0; cue < CUES - 1; cue++)
                if (row->cues[cue] * 5u >= row->count * 4u)
                    cues |= 1u << (WEIR_WATCH_COT + cue);
            cues &= ~(1u << WEIR_WATCH_GENERATE);
            share -= 1.5 * accepted_share(r, cues);
            if (cues == 0 || share <= out->surprise[WEIR_WATCH_SCAFFOLD].value)
                continue;
            out->surprise[WEIR_WATCH_SCAFFOLD] =
                (struct watch_surprise){share, row->count, 0};
            out->scaffold = row->key;
            out->cues = cues;
        }
}

static void
measure_rhythm(const struct watch_pool *p, const struct watch_sum *s,
               struct watch_measure *out)
{
    const struct watch_timing *t = &p->timing;
    if (t->gaps >= 200) {
        double mean = (double)t->log_sum / t->gaps;
        double variance = (double)t->log_squares / t->gaps - mean * mean;
        /* Calls by chance have a spread of 1.28; a clock's have none. */
        out->surprise[WEIR_WATCH_TIMING] = (struct watch_surprise){
            1.2825 / sqrt(variance > 1e-4 ? variance : 1e-4), t->gaps, 0};
    }
    out->surprise[WEIR_WATCH_RELEASE] = (struct watch_surprise){
        s->calls > 0 ? (double)s->fresh / s->calls : 0, s->fresh, 0};
    if (s->metered >= WEIR_WATCH_BUCKET)
        out->surprise[WEIR_WATCH_QUOTA] = (struct watch_surprise){
            (double)s->pressed / s->metered, s->pressed, 0};
    out->surprise[WEIR_WATCH_REPEATS] = (struct watch_surprise){
        s->calls > 0 ? (double)s->repeats / s->calls : 0, s->repeats, 0};
    out->surprise[WEIR_WATCH_PEERS] =
        (struct watch_surprise){s->shared, s->shared, 0};
    out->surprise[WEIR_WATCH_JUDGED] =
        (struct watch_surprise){s->judged, s->judged, 0};
}

/* Shares of few calls are not trusted: of a hundred at least. */
static double
at_least(uint32_t calls)
{
    return calls > WEIR_WATCH_EARLY ? calls : WEIR_WATCH_EARLY;
}

void
weir__watch_measure(const struct weir_watch_pool *pool, uint32_t calls,
                    struct watch_measure *out)
{
    const struct watch_pool *p = pool_in(pool);
    struct watch_sum sum;
    memset(out, 0, sizeof(*out));
    weir__watch_sum(p, calls, &sum);
    out->calls = sum.calls;
    if (sum.calls == 0)
        return;
    if (p->has_reference) {
        const struct watch_reference *r = reference_in(pool);
        measure_content(r, &sum, out->surprise);
        measure_rest(r, &sum, out->surprise);
        out->surprise[WEIR_WATCH_DRIP] =
            (struct watch_surprise){p->drip, p->drip_since, 0};
        out->surprise[WEIR_WATCH_DRIFT] =
            (struct watch_surprise){p->drift, 0, 0};
    } else {
        uint32_t found = discounted(recent_in(pool), p->calls, sum.calls);
        out->surprise[WEIR_WATCH_SHARE] =
            (struct watch_surprise){(double)found / sum.calls, found, 0};
    }
    measure_scaffold(p, p->has_reference ? reference_in(pool) : NULL, out);
    measure_rhythm(p, &sum, out);
}

/* ----------------------------------------------------------- many pools */

/* Counts of pools with different references: means and variances add up. */
struct tally {
    double seen;
    double mean;
    double variance;
};

static void
add_tally(struct tally *tally, double seen, double n, double known, double of)
{
    double rate = (known + 0.5) / (of + 1);
    tally->seen += seen;
    tally->mean += n * rate;
    tally->variance += n * rate * (1 - rate) * (1 + (n - 1) / (of + 2));
}

static void
take_tally(struct watch_surprise *out, const struct tally *tally, double calls)
{
    double value =
        weir__watch_tail(tally->seen, calls, tally->mean, tally->variance);
    if (value > out->value)
        *out = (struct watch_surprise){value, tally->seen, tally->mean};
}

struct tallies {
    struct tally both[STEPS];
    struct tally form[STEPS];
    struct tally foreign;
    struct tally cues[CUES];
};

static void
add_pool(struct tallies *t, const struct watch_reference *r,
         const struct watch_sum *s)
{
    double foreign = 0;
    for (uint32_t c = 0; c < r->centroids; c++)
        foreign += r->foreign[c];
    add_tally(&t->foreign, s->foreign, s->calls, foreign, r->calls);
    for (uint32_t i = 0; i < STEPS; i++) {
        double form = 0;
        for (uint32_t c = 0; c < r->centroids; c++)
            form += r->form[i][c];
        add_tally(&t->both[i], s->both[i], s->calls, r->both[i], r->calls);
        add_tally(&t->form[i], s->form[i], s->calls, form, r->calls);
    }
    for (uint32_t i = 0; i + 1 < CUES; i++)
        add_tally(&t->cues[i], s->cues[i], s->calls, r->cues[i], r->calls);
}

/* Calls a window: three in a hundred thousand would be chance. */
static void
measure_rare(uint32_t signal, double seen, uint32_t calls,
             struct watch_measure *out)
{
    double windows = (double)calls / WEIR_WATCH_WINDOW;
    out->surprise[signal] =
        (struct watch_surprise){windows > 1 ? seen / windows : seen, seen, 0};
}

bool
weir__watch_measure_pools(const struct weir_watch_pool *const *pools,
                          uint32_t count, uint32_t calls,
                          struct watch_measure *out)
{
    struct tallies tallies;
    uint32_t known = 0;
    uint32_t unknown = 0;
    double shares = 0;
    double shared = 0;
    double judged = 0;
    memset(out, 0, sizeof(*out));
    memset(&tallies, 0, sizeof(tallies));
    for (uint32_t i = 0; i < count; i++) {
        const struct watch_pool *p = pool_in(pools[i]);
        struct watch_sum sum;
        weir__watch_sum(p, calls, &sum);
        shared += sum.shared;
        judged += sum.judged;
        measure_scaffold(p, p->has_reference ? reference_in(pools[i]) : NULL,
                         out);
        if (p->has_reference) {
            add_pool(&tallies, reference_in(pools[i]), &sum);
            known += sum.calls;
        } else {
            shares += discounted(recent_in(pools[i]), p->calls, sum.calls);
            unknown += sum.calls;
        }
    }
    bool has_reference = known >= unknown && known > 0;
    out->calls = has_reference ? known : unknown;
    for (uint32_t i = 0; i < STEPS && has_reference; i++) {
        take_tally(&out->surprise[WEIR_WATCH_DEPARTURE], &tallies.both[i],
                   known);
        take_tally(&out->surprise[WEIR_WATCH_FORM], &tallies.form[i], known);
    }
    for (uint32_t i = 0; i + 1 < CUES && has_reference; i++)
        take_tally(&out->surprise[WEIR_WATCH_CUE], &tallies.cues[i], known);
    if (has_reference)
        take_tally(&out->surprise[WEIR_WATCH_FOREIGN], &tallies.foreign, known);
    else
        out->surprise[WEIR_WATCH_SHARE] =
            (struct watch_surprise){shares / at_least(unknown), shares, 0};
    measure_rare(WEIR_WATCH_PEERS, shared, known + unknown, out);
    measure_rare(WEIR_WATCH_JUDGED, judged, known + unknown, out);
    return has_reference;
}
