/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the ROC tables do not show: benign change, slow drips, clusters, cost.
 */
#include "control/watch/evaluate_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/watch_cluster.h>

#define FEW 5 /* attack windows: a small sample, for tests */

/* -------------------------------------------------------- benign change */

/* A workload that the tenant never had takes a tenth to a third of the window:
 * the same as an attack, drawn from a benign pool. */
void
evaluate_change(struct evaluation *e, const struct trial *trial)
{
    static const char *const names[] = {"new workload", "windows",
                                        "score at 0.3 %", "departure at 0.3 %",
                                        "foreign at 0.3 %"};
    static const uint32_t by[] = {BY_SCORE, WEIR_WATCH_DEPARTURE,
                                  WEIR_WATCH_FOREIGN};
    struct weir_accounts *a = &e->accounts;
    evaluate_begin(e, "Benign change, W = 300",
                   "10 to 30 % of the window is a workload the tenant never "
                   "had; share of windows over the line.",
                   WEIR_COUNTOF(names), names);
    for (uint32_t pool = 0; pool < a->pool_count; pool++) {
        struct windows windows = {0};
        bool is_attack = false;
        for (uint32_t i = 0; i < a->attack_count; i++)
            is_attack |= a->attacks[i] == pool;
        if (is_attack || a->pools[pool].count < 100)
            continue;
        for (uint32_t t = 0; t < a->tenant_count; t++) {
            const struct weir_account_tenant *tenant = &a->tenants[t];
            struct weir_watch_pool reference;
            bool is_own = false;
            for (uint32_t i = 0; i < tenant->part_count; i++)
                is_own |= tenant->pools[i] == pool ||
                          strstr(a->pools[pool].name, "courses") != NULL;
            weir_accounts_split(a);
            if (is_own || !evaluate_learn(e, tenant, 600, &reference))
                continue;
            for (uint32_t i = 0; i < e->setup.attacks * 2; i++) {
                const struct weir_watch_features *calls[WEIR_WATCH_WIDE];
                window_figures figures;
                double share = 0.1 + 0.1 * (i % 3);
                if (!weir_accounts_window(a, tenant, pool, share, calls,
                                          WEIR_WATCH_WINDOW))
                    break;
                evaluate_window(&reference, calls, WEIR_WATCH_WINDOW, figures);
                if (!evaluate_keep(&windows, figures))
                    e->is_failed = true;
            }
        }
        char texts[4][32];
        snprintf(texts[0], 32, "%u", windows.count);
        for (uint32_t i = 0; i < WEIR_COUNTOF(by); i++)
            snprintf(
                texts[1 + i], 32, "%.2f",
                evaluate_share_over(&windows, by[i],
                                    evaluate_line(e, trial, by[i], 0.003,
                                                  UINT32_MAX, UINT32_MAX)));
        if (windows.count > 0)
            evaluate_row(e,
                         (const char *const[]){a->pools[pool].name, texts[0],
                                               texts[1], texts[2], texts[3]});
        free(windows.rows);
    }
}

/* ---------------------------------------------------------- slow drips */

#define DRIP_CALLS 6000
#define DRIP_LINES 2
static const double drip_lines[DRIP_LINES] = {13.3, 18};

/* How many calls until each line is passed, 0: never. Rows come again in
 * six thousand calls: the CUSUM does not mind, a window would. */
static void
drip_once(struct evaluation *e, const struct weir_account_tenant *tenant,
          const struct weir_watch_pool *reference, uint32_t attack,
          double share, uint32_t passed_out[DRIP_LINES])
{
    const struct weir_watch_features *calls[100];
    struct weir_watch_pool pool = *reference;
    struct weir_watch_lines raw = {.score = 1, .strong = 1};
    struct weir_watch_verdict verdict;
    memset(passed_out, 0, DRIP_LINES * sizeof(*passed_out));
    for (uint32_t at = 0; at < DRIP_CALLS; at += 100) {
        if (!weir_accounts_window(&e->accounts, tenant, attack, share, calls,
                                  100))
            return;
        for (uint32_t i = 0; i < 100; i++) {
            struct weir_watch_at where = {
                .position = weir_watch_pool_position(&pool) + 1};
            (void)weir_watch_pool_add(&pool, calls[i], &where);
        }
        weir_watch_score(&pool, 100, &raw, &verdict);
        for (uint32_t l = 0; l < DRIP_LINES; l++)
            if (passed_out[l] == 0 &&
                (double)verdict.figures[WEIR_WATCH_DRIP].value >= drip_lines[l])
                passed_out[l] = at + 100;
    }
}

static int
compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void
drip_row(struct evaluation *e, uint32_t attack, double share, bool is_mixed)
{
    uint32_t delays[DRIP_LINES][512];
    uint32_t found[DRIP_LINES] = {0};
    uint32_t runs = 0;
    struct weir_accounts *a = &e->accounts;
    uint32_t each = e->setup.attacks < FEW ? 1 : 6;
    /* One reference with a rate too low fails in all its runs: so false alarms
     * are counted over many references. */
    uint32_t splits = e->setup.splits * (each > 1 ? 4 : 1);
    for (uint32_t split = 0; split < splits; split++) {
        weir_accounts_split(a);
        for (uint32_t t = 0; t < a->tenant_count; t++) {
            struct weir_watch_pool pool;
            uint32_t passed[DRIP_LINES];
            if (a->tenants[t].is_mixed != is_mixed ||
                !evaluate_learn(e, &a->tenants[t], 600, &pool))
                continue;
            for (uint32_t i = 0; i < each && runs < 512; i++, runs++) {
                drip_once(e, &a->tenants[t], &pool, attack, share, passed);
                for (uint32_t l = 0; l < DRIP_LINES; l++)
                    if (passed[l] > 0)
                        delays[l][found[l]++] = passed[l];
            }
        }
    }
    char texts[2 + 2 * DRIP_LINES][32];
    snprintf(texts[0], 32, "%.0f %%", share * 100);
    snprintf(texts[1], 32, "%u", runs);
    for (uint32_t l = 0; l < DRIP_LINES; l++) {
        qsort(delays[l], found[l], sizeof(uint32_t), compare_u32);
        snprintf(texts[2 + 2 * l], 32, "%.2f",
                 runs > 0 ? (double)found[l] / runs : 0);
        snprintf(texts[3 + 2 * l], 32, "%u",
                 found[l] > 0 ? delays[l][found[l] / 2] : 0);
    }
    evaluate_row(e, (const char *const[]){is_mixed ? "mixed" : "single",
                                          texts[0], texts[1], texts[2],
                                          texts[3], texts[4], texts[5]});
}

void
evaluate_drip(struct evaluation *e)
{
    static const char *const names[] = {"tenants",     "share", "runs",
                                        "passed 13.3", "calls", "passed 18",
                                        "calls"};
    static const double shares[] = {0, 0.02, 0.05, 0.1};
    evaluate_begin(e, "Slow drips: CUSUM over 6,000 calls",
                   "Share of runs that pass each line and the median number of "
                   "calls until then. Attack: instructions. 0 %: false alarms.",
                   WEIR_COUNTOF(names), names);
    for (uint32_t mixed = 0; mixed < 2; mixed++)
        for (size_t i = 0; i < WEIR_COUNTOF(shares); i++)
            drip_row(e, shares[i] > 0 ? e->accounts.attacks[0] : UINT32_MAX,
                     shares[i], mixed != 0);
}

/* ------------------------------------------------------------ clusters */

#define BINS    144 /* three days of half hours */
#define PER_DAY 48

struct crowd {
    struct evaluation *e;
    uint32_t benign;
    uint32_t hostile;
    uint32_t alike; /* of the benign: with the attack's kind of calls */
    uint32_t calls;
    double least; /* share of the attack */
    double most;
    double noise; /* sd of log activity per bin */
    double day[BINS];
    double control[BINS];
    struct weir_watch_profile *profiles;
    uint16_t (*bins)[BINS];
};

static double
uniform(struct evaluation *e)
{
    return (weir_accounts_draw(&e->accounts, 1u << 30) + 0.5) / (1u << 30);
}

static double
normal(struct evaluation *e)
{
    double size = sqrt(-2 * log(uniform(e)));
    return size * cos(6.283185307179586 * uniform(e));
}

static void
make_activity(struct crowd *c)
{
    bool is_on = true;
    for (uint32_t b = 0; b < BINS; b++) {
        double hour = (b % PER_DAY) / 2.0;
        c->day[b] =
            0.3 + (hour > 7 && hour < 20 ? sin((hour - 7) / 13 * 3.14159) : 0);
        if (uniform(c->e) < 0.12)
            is_on = !is_on;
        c->control[b] = is_on ? 1 : 0.05;
    }
}

static void
draw_calls(struct crowd *c, uint32_t account, const double *activity,
           uint32_t pool, uint32_t calls, int32_t *sums)
{
    double weights[BINS];
    double total = 0;
    struct weir_watch_profile *profile = &c->profiles[account];
    const struct weir_account_pool *rows = &c->e->accounts.pools[pool];
    for (uint32_t b = 0; b < BINS; b++)
        total += weights[b] = activity[b] * exp(c->noise * normal(c->e));
    for (uint32_t i = 0; i < calls; i++) {
        const struct weir_watch_features *f =
            rows->rows[weir_accounts_draw(&c->e->accounts, rows->count)];
        double left = uniform(c->e) * total;
        uint32_t bin = 0;
        while (bin + 1 < BINS && (left -= weights[bin]) > 0)
            bin++;
        profile->calls++;
        if (f->form < 300)
            continue;
        profile->form_calls++;
        c->bins[account][bin]++;
        for (uint32_t d = 0; d < WEIR_WATCH_SKETCH; d++)
            sums[d] += f->sketch[d];
    }
}

static void
make_account(struct crowd *c, uint32_t i)
{
    static const char *const works[] = {"support", "sql", "labels"};
    struct weir_accounts *a = &c->e->accounts;
    int32_t sums[WEIR_WATCH_SKETCH] = {0};
    int32_t largest = 1;
    bool is_hostile = i >= c->benign;
    const char *work = works[weir_accounts_draw(a, 3)];
    uint32_t own = 0;
    uint32_t people = 0;
    for (uint32_t p = 0; p < a->pool_count; p++) {
        if (strcmp(a->pools[p].name, work) == 0)
            own = p;
        if (strcmp(a->pools[p].name, "people") == 0)
            people = p;
    }
    double share = c->least + (c->most - c->least) * uniform(c->e);
    bool is_alike = !is_hostile && i < c->alike;
    uint32_t foreign =
        is_hostile || is_alike ? (uint32_t)(share * c->calls) : c->calls / 20;
    if (a->pools[people].count == 0 && !is_hostile && !is_alike)
        foreign = 0;
    c->profiles[i].owner = is_hostile ? 1000000 + i : i * 5 / 8 + 1;
    c->profiles[i].bins = c->bins[i];
    draw_calls(c, i, c->day, own, c->calls - foreign, sums);
    if (is_hostile)
        draw_calls(c, i, c->control, a->attacks[0], foreign, sums);
    else if (is_alike)
        draw_calls(c, i, c->day, a->attacks[0], foreign, sums);
    else if (foreign > 0)
        draw_calls(c, i, c->day, people, foreign, sums);
    for (uint32_t d = 0; d < WEIR_WATCH_SKETCH; d++)
        if (abs(sums[d]) > largest)
            largest = abs(sums[d]);
    for (uint32_t d = 0; d < WEIR_WATCH_SKETCH; d++)
        c->profiles[i].sketch[d] = (int8_t)(sums[d] * 127 / largest);
}

static void
crowd_row(struct evaluation *e, struct crowd *c)
{
    struct weir_watch_cluster_setup setup = {.bin_count = BINS,
                                             .bins_per_day = PER_DAY};
    const struct weir_watch_cluster *found = NULL;
    struct weir_arena arena;
    uint32_t count = 0;
    uint32_t right = 0;
    uint32_t wrong = 0;
    uint32_t all = c->benign + c->hostile;
    c->profiles = calloc(all, sizeof(*c->profiles));
    c->bins = calloc(all, sizeof(*c->bins));
    weir_arena_init_heap(&arena, (size_t)1 << 30);
    if (c->profiles == NULL || c->bins == NULL) {
        e->is_failed = true;
    } else {
        make_activity(c);
        for (uint32_t i = 0; i < all; i++)
            make_account(c, i);
        if (weir_watch_find_clusters(c->profiles, all, &setup, &arena, &found,
                                     &count, NULL) != WEIR_OK)
            e->is_failed = true;
    }
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < found[i].member_count; j++)
            *(found[i].members[j] >= c->benign ? &right : &wrong) += 1;
    char texts[7][32];
    snprintf(texts[0], 32, "%u (%u alike) + %u", c->benign, c->alike,
             c->hostile);
    snprintf(texts[1], 32, "%.0f-%.0f %%", c->least * 100, c->most * 100);
    snprintf(texts[2], 32, "%u", c->calls);
    snprintf(texts[3], 32, "%.1f", c->noise);
    snprintf(texts[4], 32, "%u, z %.0f", count,
             count > 0 ? (double)found[0].z : 0);
    snprintf(texts[5], 32, right + wrong > 0 ? "%.3f" : "-",
             (double)right / (right + wrong + 1e-9));
    snprintf(texts[6], 32, c->hostile > 0 ? "%.2f" : "-",
             (double)right / (c->hostile + 1e-9));
    evaluate_row(e,
                 (const char *const[]){texts[0], texts[1], texts[2], texts[3],
                                       texts[4], texts[5], texts[6]});
    weir_arena_fini(&arena);
    free(c->profiles);
    free(c->bins);
}

void
evaluate_clusters(struct evaluation *e)
{
    static const char *const names[] = {
        "accounts: benign + sybil", "attack share", "calls", "noise",
        "clusters, best z",         "precision",    "recall"};
    static const struct crowd rows[] = {
        {.benign = 1000, .hostile = 0, .calls = 600, .noise = 0.5},
        {.benign = 2000, .hostile = 0, .calls = 400, .noise = 1.2},
        {.benign = 1000,
         .alike = 500,
         .calls = 600,
         .noise = 1.2,
         .least = 0.05,
         .most = 0.7},
        {.benign = 1000,
         .hostile = 500,
         .alike = 500,
         .calls = 200,
         .noise = 0.5,
         .least = 0.03,
         .most = 0.15},
        {.benign = 1000,
         .hostile = 500,
         .alike = 500,
         .calls = 600,
         .noise = 1.2,
         .least = 0.03,
         .most = 0.15},
        {.benign = 1000,
         .hostile = 150,
         .alike = 500,
         .calls = 600,
         .noise = 1.2,
         .least = 0.05,
         .most = 0.7},
        {.benign = 1000,
         .hostile = 500,
         .calls = 200,
         .noise = 0.5,
         .least = 0.03,
         .most = 0.15},
        {.benign = 1000,
         .hostile = 500,
         .calls = 400,
         .noise = 0.5,
         .least = 0.03,
         .most = 0.15},
        {.benign = 1000,
         .hostile = 500,
         .calls = 600,
         .noise = 0.5,
         .least = 0.03,
         .most = 0.15},
        {.benign = 1000,
         .hostile = 500,
         .calls = 600,
         .noise = 1.2,
         .least = 0.03,
         .most = 0.15},
        {.benign = 1000,
         .hostile = 500,
         .calls = 400,
         .noise = 1.2,
         .least = 0.05,
         .most = 0.7},
        {.benign = 1000,
         .hostile = 500,
         .calls = 600,
         .noise = 1.2,
         .least = 0.05,
         .most = 0.7},
    };
    evaluate_begin(e, "Clusters [ours]",
                   "One controller that switches on and off, three days; no "
                   "shared facts or scaffolds. One benign call in twenty is a "
                   "person's general prompt; of those that are alike the same "
                   "share as of sybils is of the attack's kind, by day.",
                   WEIR_COUNTOF(names), names);
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct crowd crowd = rows[i];
        if (e->setup.attacks < FEW && i != 0 && i + 1 != WEIR_COUNTOF(rows))
            continue;
        if (e->setup.attacks < FEW) {
            crowd.benign /= 10;
            crowd.hostile /= 10;
            crowd.alike /= 10;
        }
        crowd.e = e;
        crowd_row(e, &crowd);
    }
}

/* ---------------------------------------------------------------- cost */

static double
now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

void
evaluate_cost(struct evaluation *e, const struct weir_corpus *corpus)
{
    static const char *const names[] = {"prompt bytes", "prompts", "us each"};
    static const size_t sizes[] = {64, 256, 768, 2560, 100000};
    evaluate_begin(e, "Cost of the features of one call",
                   "Processor time over the prompts of the corpora, by size; "
                   "one pass, cold caches included.",
                   WEIR_COUNTOF(names), names);
    for (size_t s = 0; s < WEIR_COUNTOF(sizes); s++) {
        struct weir_watch_features features;
        struct weir_watch_call call;
        uint32_t count = 0;
        double start = now_us();
        for (uint32_t i = 0; i < corpus->count; i++)
            for (uint32_t j = 0; j < corpus->sources[i].count; j++) {
                const struct weir_corpus_row *row = &corpus->sources[i].rows[j];
                size_t len = row->features.prompt_bytes;
                if (len > sizes[s] || (s > 0 && len <= sizes[s - 1]))
                    continue;
                weir_watch_begin(&call);
                weir_watch_prompt(&call, (weir_span){row->prompt, len});
                weir_watch_finish(&call, NULL, &features);
                count++;
            }
        char texts[3][32];
        snprintf(texts[0], 32, "up to %zu", sizes[s]);
        snprintf(texts[1], 32, "%u", count);
        snprintf(texts[2], 32, "%.2f",
                 count > 0 ? (now_us() - start) / count : 0);
        evaluate_row(e, (const char *const[]){texts[0], texts[1], texts[2]});
    }
}
