/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of the watch's operating curve.
 *
 * Lines are quantiles of benign windows only, of single and mixed tenants
 * together; mixed ones wander in their mix and set them. What is then caught
 * is counted per tenant kind and averaged over kinds. Nothing is learnt from
 * an attack.
 */
#include "control/watch/evaluate_parts.h"

#include <stdlib.h>
#include <string.h>

#include <weir/json.h>

const double evaluate_shares[SHARES] = {1, .5, .25, .1, .05};
const uint32_t evaluate_widths[WIDTHS] = {WEIR_WATCH_EARLY, WEIR_WATCH_WINDOW,
                                          WEIR_WATCH_WIDE};
static const double rates[RATES] = {0.001, 0.003, 0.01};

/* ---------------------------------------------------------------- trial */

bool
evaluate_keep(struct windows *windows, const window_figures figures)
{
    if (windows->count == windows->capacity) {
        uint32_t capacity = windows->capacity * 2 + 64;
        window_figures *rows = realloc(windows->rows, capacity * sizeof(*rows));
        if (rows == NULL)
            return false;
        windows->rows = rows;
        windows->capacity = capacity;
    }
    memcpy(windows->rows[windows->count++], figures, sizeof(window_figures));
    return true;
}

void
evaluate_free(struct trial *trial)
{
    for (uint32_t t = 0; t < WEIR_ACCOUNT_TENANTS; t++) {
        free(trial->benign[t].rows);
        for (uint32_t a = 0; a < WEIR_ACCOUNT_POOLS; a++)
            for (uint32_t s = 0; s < SHARES; s++)
                free(trial->hostile[t][a][s].rows);
    }
    free(trial);
}

bool
evaluate_learn(struct evaluation *e, const struct weir_account_tenant *tenant,
               uint32_t least, struct weir_watch_pool *pool_out)
{
    uint32_t count = weir_accounts_reference_calls(&e->accounts, tenant);
    struct weir_watch_reference reference;
    struct weir_arena arena;
    if (count < least)
        return false;
    struct weir_watch_features *calls = calloc(count, sizeof(*calls));
    if (calls == NULL)
        return false;
    weir_accounts_reference(&e->accounts, tenant, calls, count);
    weir_arena_init_heap(&arena, (size_t)64 << 20);
    weir_status status =
        weir_watch_learn(calls, count, &arena, &reference, NULL);
    weir_arena_fini(&arena);
    free(calls);
    weir_watch_pool_init(pool_out);
    if (status == WEIR_OK)
        weir_watch_pool_accept(pool_out, &reference);
    return status == WEIR_OK;
}

void
evaluate_window(const struct weir_watch_pool *pool,
                const struct weir_watch_features *const *calls, uint32_t count,
                window_figures figures_out)
{
    struct weir_watch_lines raw = {.score = 1, .strong = 1};
    struct weir_watch_pool copy = *pool;
    struct weir_watch_verdict verdict;
    for (uint32_t i = 0; i < count; i++) {
        struct weir_watch_at at = {.position =
                                       weir_watch_pool_position(&copy) + 1};
        (void)weir_watch_pool_add(&copy, calls[i], &at);
    }
    weir_watch_score(&copy, count, &raw, &verdict);
    for (uint32_t i = 0; i < WEIR_WATCH_SIGNALS; i++)
        figures_out[i] = verdict.figures[i].value;
    figures_out[BY_SCORE] = verdict.score;
    figures_out[BY_PLAIN] = verdict.plain_score;
}

static bool
run_windows(struct evaluation *e, struct trial *trial, uint32_t t,
            const struct weir_watch_pool *pool, uint32_t attack, double share,
            uint32_t count, struct windows *to)
{
    const struct weir_watch_features *calls[WEIR_WATCH_WIDE];
    window_figures figures;
    for (uint32_t i = 0; i < count; i++) {
        if (!weir_accounts_window(&e->accounts, &e->accounts.tenants[t], attack,
                                  share, calls, trial->calls))
            return true;
        evaluate_window(pool, calls, trial->calls, figures);
        if (!evaluate_keep(to, figures))
            return false;
    }
    return true;
}

bool
evaluate_run(struct evaluation *e, struct trial *trial)
{
    struct weir_accounts *a = &e->accounts;
    uint32_t least = trial->calls == WEIR_WATCH_EARLY ? 100 : 600;
    a->seed = e->setup.seed;
    for (uint32_t split = 0; split < e->setup.splits; split++) {
        weir_accounts_split(a);
        for (uint32_t t = 0; t < a->tenant_count; t++) {
            struct weir_watch_pool pool;
            weir_watch_pool_init(&pool);
            if (trial->has_reference &&
                !evaluate_learn(e, &a->tenants[t], least, &pool))
                continue;
            if (!run_windows(e, trial, t, &pool, UINT32_MAX, 0,
                             e->setup.windows, &trial->benign[t]))
                return false;
            for (uint32_t i = 0; i < a->attack_count; i++)
                for (uint32_t s = 0; s < SHARES && e->setup.attacks > 0; s++)
                    if (!run_windows(e, trial, t, &pool, a->attacks[i],
                                     evaluate_shares[s], e->setup.attacks,
                                     &trial->hostile[t][i][s]))
                        return false;
        }
    }
    return true;
}

/* ---------------------------------------------------------------- lines */

static int
compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

double
evaluate_line(const struct evaluation *e, const struct trial *trial,
              uint32_t by, double rate, uint32_t only, uint32_t without)
{
    uint32_t count = 0;
    if (e->other != NULL && only == UINT32_MAX && without == UINT32_MAX) {
        for (uint32_t w = 0; w < WIDTHS; w++)
            if (evaluate_widths[w] == trial->calls)
                trial = trial->has_reference ? e->other->known[w]
                                             : e->other->fresh[w];
        e = e->other;
    }
    for (uint32_t t = 0; t < e->accounts.tenant_count; t++)
        count += trial->benign[t].count;
    float *values = calloc(count + 1, sizeof(*values));
    double line = 1e9;
    count = 0;
    for (uint32_t t = 0; t < e->accounts.tenant_count && values != NULL; t++)
        for (uint32_t i = 0; i < trial->benign[t].count; i++)
            if (t != without && (only == UINT32_MAX || t == only))
                values[count++] = trial->benign[t].rows[i][by];
    if (count > 0) {
        qsort(values, count, sizeof(*values), compare_floats);
        uint32_t at = (uint32_t)((1 - rate) * count);
        line = (double)values[at < count ? at : count - 1];
        line = line > 1e-6 ? line : 1e-6;
    }
    free(values);
    return line;
}

double
evaluate_share_over(const struct windows *windows, uint32_t by, double line)
{
    uint32_t over = 0;
    for (uint32_t i = 0; i < windows->count; i++)
        over += (double)windows->rows[i][by] >= line;
    return windows->count > 0 ? (double)over / windows->count : 0;
}

/* --------------------------------------------------------------- tables */

static void
print_cell(FILE *out, bool is_json, const char *name, const char *cell)
{
    if (!is_json) {
        fprintf(out, " %s |", cell);
        return;
    }
    struct weir_buf text;
    weir_buf_init(&text, 4096);
    weir_json_quote(&text, weir_span_of(name));
    weir_buf_add_byte(&text, ':');
    weir_json_quote(&text, weir_span_of(cell));
    fprintf(out, ",%.*s", (int)text.len, text.ptr);
    weir_buf_fini(&text);
}

void
evaluate_begin(struct evaluation *e, const char *title, const char *note,
               uint32_t columns, const char *const *names)
{
    e->table = title;
    e->columns = columns;
    memcpy(e->names, names, columns * sizeof(*names));
    if (e->setup.is_json)
        return;
    fprintf(e->setup.out, "\n### %s\n\n%s\n\n|", title, note);
    for (uint32_t i = 0; i < columns; i++)
        fprintf(e->setup.out, " %s |", names[i]);
    fprintf(e->setup.out, "\n|");
    for (uint32_t i = 0; i < columns; i++)
        fprintf(e->setup.out, "---|");
    fprintf(e->setup.out, "\n");
}

void
evaluate_row(struct evaluation *e, const char *const *cells)
{
    FILE *out = e->setup.out;
    if (e->setup.is_json)
        fprintf(out, "{\"table\":\"%s\"", e->table);
    else
        fprintf(out, "|");
    for (uint32_t i = 0; i < e->columns; i++)
        print_cell(out, e->setup.is_json, e->names[i], cells[i]);
    fprintf(out, e->setup.is_json ? "}\n" : "\n");
}

/* Caught at the three rates, mean over the tenant kinds; "-": no windows. */
static uint32_t
print_caught(const struct evaluation *e, const struct trial *trial,
             uint32_t attack, uint32_t share, bool is_mixed, uint32_t by,
             const double lines[RATES], char cell[32])
{
    double caught[RATES] = {0};
    uint32_t kinds = 0;
    uint32_t windows = 0;
    for (uint32_t t = 0; t < e->accounts.tenant_count; t++) {
        const struct windows *w = &trial->hostile[t][attack][share];
        if (e->accounts.tenants[t].is_mixed != is_mixed || w->count == 0)
            continue;
        for (uint32_t r = 0; r < RATES; r++)
            caught[r] += evaluate_share_over(w, by, lines[r]);
        windows += w->count;
        kinds++;
    }
    if (kinds == 0)
        snprintf(cell, 32, "-");
    else
        snprintf(cell, 32, "%.2f/%.2f/%.2f", caught[0] / kinds,
                 caught[1] / kinds, caught[2] / kinds);
    return windows;
}

static void
print_roc(struct evaluation *e, struct trial *const trials[WIDTHS], uint32_t by,
          const char *title, const char *note)
{
    static const char *const names[] = {"attack", "tenants", "W",
                                        "100 %",  "50 %",    "25 %",
                                        "10 %",   "5 %",     "windows"};
    const char *cells[WEIR_COUNTOF(names)];
    char texts[SHARES + 2][32];
    evaluate_begin(e, title, note, WEIR_COUNTOF(names), names);
    for (uint32_t a = 0; a < e->accounts.attack_count; a++)
        for (uint32_t mixed = 0; mixed < 2; mixed++)
            for (uint32_t w = 0; w < WIDTHS; w++) {
                double lines[RATES];
                uint32_t windows = 0;
                for (uint32_t r = 0; r < RATES; r++)
                    lines[r] = evaluate_line(e, trials[w], by, rates[r],
                                             UINT32_MAX, UINT32_MAX);
                cells[0] = e->accounts.pools[e->accounts.attacks[a]].name;
                cells[1] = mixed ? "mixed" : "single";
                snprintf(texts[SHARES], 32, "%u", trials[w]->calls);
                cells[2] = texts[SHARES];
                for (uint32_t s = 0; s < SHARES; s++) {
                    windows += print_caught(e, trials[w], a, s, mixed != 0, by,
                                            lines, texts[s]);
                    cells[3 + s] = texts[s];
                }
                snprintf(texts[SHARES + 1], 32, "%u", windows);
                cells[3 + SHARES] = texts[SHARES + 1];
                evaluate_row(e, cells);
            }
}

/* Lines, false alarms by kind, and those at the others' 1 % line. */
static void
print_alarms(struct evaluation *e, const struct trial *trial, uint32_t by,
             const char *title)
{
    static const char *const names[] = {"tenant kind", "windows",
                                        "at 0.3 % (all)", "own 1 % line",
                                        "at the others' 1 % line"};
    char texts[4][32];
    double all = evaluate_line(e, trial, by, 0.003, UINT32_MAX, UINT32_MAX);
    char note[160];
    snprintf(note, sizeof(note),
             "Lines at 0.1 / 0.3 / 1 %%: %.3g / %.3g / %.3g.",
             evaluate_line(e, trial, by, 0.001, UINT32_MAX, UINT32_MAX), all,
             evaluate_line(e, trial, by, 0.01, UINT32_MAX, UINT32_MAX));
    evaluate_begin(e, title, note, WEIR_COUNTOF(names), names);
    for (uint32_t t = 0; t < e->accounts.tenant_count; t++) {
        const struct windows *w = &trial->benign[t];
        if (w->count == 0)
            continue;
        snprintf(texts[0], 32, "%u", w->count);
        snprintf(texts[1], 32, "%.4f", evaluate_share_over(w, by, all));
        snprintf(texts[2], 32, "%.3g",
                 evaluate_line(e, trial, by, 0.01, t, UINT32_MAX));
        snprintf(texts[3], 32, "%.4f",
                 evaluate_share_over(
                     w, by, evaluate_line(e, trial, by, 0.01, UINT32_MAX, t)));
        evaluate_row(e, (const char *const[]){e->accounts.tenants[t].name,
                                              texts[0], texts[1], texts[2],
                                              texts[3]});
    }
}

/* What to write into core/watch/lines.c: 0.3 % for most, 0.1 % as strong. */
static void
print_lines(struct evaluation *e, struct trial *const trials[WIDTHS],
            bool has_reference)
{
    static const char *const names[] = {"W",     "signal", "0.1 %",
                                        "0.3 %", "1 %",    "windows"};
    char texts[5][32];
    evaluate_begin(e, has_reference ? "Lines" : "Lines of new accounts",
                   "Quantiles of benign windows.", WEIR_COUNTOF(names), names);
    for (uint32_t w = 0; w < WIDTHS; w++)
        for (uint32_t by = 0; by < MEASURES; by++) {
            uint32_t windows = 0;
            const char *name = by == BY_SCORE ? "score"
                               : by == BY_PLAIN
                                   ? "score without cues"
                                   : weir_watch_signal_info(by)->name;
            double most =
                evaluate_line(e, trials[w], by, 0, UINT32_MAX, UINT32_MAX);
            if (most <= 1e-6)
                continue;
            for (uint32_t t = 0; t < e->accounts.tenant_count; t++)
                windows += trials[w]->benign[t].count;
            snprintf(texts[0], 32, "%u", trials[w]->calls);
            for (uint32_t r = 0; r < RATES; r++)
                snprintf(texts[1 + r], 32, "%.3g",
                         evaluate_line(e, trials[w], by, rates[r], UINT32_MAX,
                                       UINT32_MAX));
            snprintf(texts[4], 32, "%u", windows);
            evaluate_row(e,
                         (const char *const[]){texts[0], name, texts[1],
                                               texts[2], texts[3], texts[4]});
        }
}

/* ------------------------------------------------------------------ all */

static bool
run_trials(struct evaluation *e, struct trial *trials[WIDTHS],
           bool has_reference)
{
    for (uint32_t w = 0; w < WIDTHS; w++) {
        trials[w] = calloc(1, sizeof(struct trial));
        if (trials[w] == NULL)
            return false;
        trials[w]->calls = evaluate_widths[w];
        trials[w]->has_reference = has_reference;
        if (!evaluate_run(e, trials[w]))
            return false;
    }
    return true;
}

static void
print_all(struct evaluation *e, struct trial *const known[WIDTHS],
          struct trial *const fresh[WIDTHS], const struct weir_corpus *corpus)
{
    print_lines(e, known, true);
    print_lines(e, fresh, false);
    if (e->setup.calibrates)
        return;
    print_roc(e, known, BY_SCORE, "Caught by the score",
              "Share of windows over the line at 0.1 / 0.3 / 1 % of false "
              "alarms per window.");
    print_roc(e, known, WEIR_WATCH_DEPARTURE,
              "Caught by the departure, which reads no cues",
              "The same without any cue bit.");
    print_alarms(e, known[1], BY_SCORE, "False alarms of the score, W = 300");
    print_alarms(e, known[1], WEIR_WATCH_DEPARTURE,
                 "False alarms of the departure, W = 300");
    print_roc(e, fresh, WEIR_WATCH_SHARE, "New accounts: share",
              "No reference, templates discounted, no cue bits.");
    print_roc(e, fresh, WEIR_WATCH_SCAFFOLD, "New accounts: scaffold",
              "Constant text with cues.");
    print_alarms(e, fresh[0], WEIR_WATCH_SHARE,
                 "False alarms of new accounts, W = 100");
    evaluate_change(e, known[1]);
    evaluate_drip(e);
    evaluate_clusters(e);
    evaluate_cost(e, corpus);
}

static weir_status
prepare(struct evaluation *e, struct weir_corpus *corpus, const char *directory,
        struct weir_error *err)
{
    weir_corpus_init(corpus);
    weir_status status = weir_corpus_read(corpus, directory, err);
    if (status == WEIR_OK)
        status = weir_corpus_add_ours(corpus, err);
    if (status == WEIR_OK)
        status = weir_accounts_init(&e->accounts, corpus, e->setup.seed, err);
    if (status == WEIR_OK &&
        (!run_trials(e, e->known, true) || !run_trials(e, e->fresh, false)))
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    return status;
}

static void
finish(struct evaluation *e, struct weir_corpus *corpus)
{
    for (uint32_t w = 0; w < WIDTHS; w++) {
        if (e->known[w] != NULL)
            evaluate_free(e->known[w]);
        if (e->fresh[w] != NULL)
            evaluate_free(e->fresh[w]);
    }
    weir_accounts_fini(&e->accounts);
    weir_corpus_fini(corpus);
    free(e);
}

weir_status
weir_evaluate(const struct weir_evaluate_setup *setup, struct weir_error *err)
{
    struct weir_corpus corpus = {0};
    struct weir_corpus other_corpus = {0};
    weir_status status = WEIR_OK;
    struct evaluation *e = calloc(1, sizeof(*e));
    struct evaluation *other = calloc(1, sizeof(*other));
    if (e == NULL || other == NULL) {
        free(e);
        free(other);
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    }
    e->setup = *setup;
    if (setup->calibrates)
        e->setup.attacks = 0;
    other->setup = *setup;
    other->setup.attacks = 0;
    if (setup->lines != NULL) {
        status = prepare(other, &other_corpus, setup->lines, err);
        e->other = other;
    }
    if (status == WEIR_OK)
        status = prepare(e, &corpus, setup->directory, err);
    if (status == WEIR_OK)
        print_all(e, e->known, e->fresh, &corpus);
    if (status == WEIR_OK && e->is_failed)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    finish(e, &corpus);
    finish(other, &other_corpus);
    return status;
}
