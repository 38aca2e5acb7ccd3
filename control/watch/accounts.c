/* SPDX-License-Identifier: Apache-2.0 */
#include "control/watch/accounts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WANDER         150.0 /* concentration of the mix of one window */
#define REFERENCE_MOST 1500
#define TAKEN_MAX      1024

static const struct {
    const char *name;
    const char *prefixes[2]; /* of sources */
    bool is_attack;
} pools[] = {
    {"support", {"bitext", NULL}, false},
    {"sql", {"text2sql", NULL}, false},
    {"labels", {"uci-sms", NULL}, false},
    {"people", {"instructionwild", NULL}, false},
    {"tests", {"humaneval", NULL}, false},
    {"courses", {"text2sql-advising", NULL}, false},
    {"support zh [ours]", {"ours-support-zh", NULL}, false},
    {"instructions", {"codealpaca-2k", "codealpaca-new"}, true},
    {"generator", {"codealpaca-generator", NULL}, true},
    {"reasoning [ours]", {"ours-reasoning", NULL}, true},
    {"rubric [ours]", {"ours-rubric", NULL}, true},
    {"instructions zh [ours]", {"ours-instructions-zh", NULL}, true},
};

static const struct {
    const char *name;
    struct {
        const char *pool;
        double weight;
    } parts[WEIR_ACCOUNT_PARTS];
} tenants[] = {
    {"support", {{"support", 1}}},
    {"sql", {{"sql", 1}}},
    {"labels", {{"labels", 1}}},
    {"courses", {{"courses", 1}}},
    {"people", {{"people", 1}}},
    {"support zh [ours]", {{"support zh [ours]", 1}}},
    {"support+sql+labels", {{"support", 1}, {"sql", 1}, {"labels", 1}}},
    {"support+labels+people",
     {{"support", .4}, {"labels", .4}, {"people", .1}, {"sql", .1}}},
    {"sql+labels+people", {{"sql", .6}, {"labels", .32}, {"people", .08}}},
    {"support+sql+people+tests",
     {{"support", .5}, {"sql", .42}, {"people", .05}, {"tests", .03}}},
};

/* ------------------------------------------------------------- drawing */

static uint64_t
next(struct weir_accounts *accounts)
{
    uint64_t z = accounts->seed += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

uint32_t
weir_accounts_draw(struct weir_accounts *accounts, uint32_t below)
{
    return (uint32_t)((next(accounts) >> 32) * below >> 32);
}

static double
uniform(struct weir_accounts *accounts)
{
    return ((double)(next(accounts) >> 11) + 0.5) / 9007199254740992.0;
}

static double
normal(struct weir_accounts *accounts)
{
    return sqrt(-2 * log(uniform(accounts))) *
           cos(6.283185307179586 * uniform(accounts));
}

/* Marsaglia and Tsang; shapes below 1 are raised by one. */
static double
gamma_of(struct weir_accounts *accounts, double shape)
{
    double boost = 1;
    if (shape < 1) {
        boost = pow(uniform(accounts), 1 / shape);
        shape += 1;
    }
    double d = shape - 1.0 / 3;
    double c = 1 / sqrt(9 * d);
    for (;;) {
        double x = normal(accounts);
        double v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        if (log(uniform(accounts)) < 0.5 * x * x + d - d * v + d * log(v))
            return boost * d * v;
    }
}

static void
shuffle(struct weir_accounts *accounts, uint32_t *values, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = weir_accounts_draw(accounts, i);
        uint32_t value = values[i - 1];
        values[i - 1] = values[j];
        values[j] = value;
    }
}

/* -------------------------------------------------------------- set up */

static bool
is_of_pool(size_t pool, const char *source)
{
    for (size_t i = 0; i < 2 && pools[pool].prefixes[i] != NULL; i++) {
        const char *prefix = pools[pool].prefixes[i];
        if (strncmp(source, prefix, strlen(prefix)) == 0)
            return true;
    }
    return false;
}

static weir_status
fill_pool(struct weir_account_pool *pool, size_t which,
          const struct weir_corpus *corpus, struct weir_error *err)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < corpus->count; i++)
        if (is_of_pool(which, corpus->sources[i].name))
            count += corpus->sources[i].count;
    pool->name = pools[which].name;
    pool->rows = calloc(count + 1, sizeof(*pool->rows));
    pool->order = calloc(count + 1, sizeof(*pool->order));
    if (pool->rows == NULL || pool->order == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "no memory for accounts");
    for (uint32_t i = 0; i < corpus->count; i++) {
        const struct weir_corpus_source *source = &corpus->sources[i];
        if (!is_of_pool(which, source->name))
            continue;
        for (uint32_t j = 0; j < source->count; j++) {
            pool->order[pool->count] = pool->count;
            pool->rows[pool->count++] = &source->rows[j].features;
        }
    }
    return WEIR_OK;
}

static uint32_t
pool_named(const struct weir_accounts *accounts, const char *name)
{
    for (uint32_t i = 0; i < accounts->pool_count; i++)
        if (strcmp(accounts->pools[i].name, name) == 0)
            return i;
    return UINT32_MAX;
}

static void
add_tenant(struct weir_accounts *accounts, size_t which)
{
    struct weir_account_tenant *tenant =
        &accounts->tenants[accounts->tenant_count];
    double sum = 0;
    *tenant = (struct weir_account_tenant){.name = tenants[which].name};
    for (size_t i = 0; i < WEIR_ACCOUNT_PARTS; i++) {
        if (tenants[which].parts[i].pool == NULL)
            break;
        uint32_t pool = pool_named(accounts, tenants[which].parts[i].pool);
        if (accounts->pools[pool].count < 80)
            return;
        tenant->pools[i] = pool;
        tenant->weights[i] = tenants[which].parts[i].weight;
        sum += tenant->weights[i];
        tenant->part_count++;
    }
    for (uint32_t i = 0; i < tenant->part_count; i++)
        tenant->weights[i] /= sum;
    tenant->is_mixed = tenant->part_count > 1;
    if (weir_accounts_reference_calls(accounts, tenant) >= WEIR_WATCH_LEARN_MIN)
        accounts->tenant_count++;
}

weir_status
weir_accounts_init(struct weir_accounts *accounts,
                   const struct weir_corpus *corpus, uint64_t seed,
                   struct weir_error *err)
{
    memset(accounts, 0, sizeof(*accounts));
    accounts->seed = seed;
    for (size_t i = 0; i < WEIR_COUNTOF(pools); i++) {
        weir_status status =
            fill_pool(&accounts->pools[accounts->pool_count++], i, corpus, err);
        if (status != WEIR_OK)
            return status;
        if (pools[i].is_attack && accounts->pools[i].count >= 100)
            accounts->attacks[accounts->attack_count++] = (uint32_t)i;
    }
    for (size_t i = 0; i < WEIR_COUNTOF(tenants); i++)
        add_tenant(accounts, i);
    if (accounts->tenant_count == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "too few benign prompts to build an account");
    return WEIR_OK;
}

void
weir_accounts_fini(struct weir_accounts *accounts)
{
    for (uint32_t i = 0; i < accounts->pool_count; i++) {
        free(accounts->pools[i].rows);
        free(accounts->pools[i].order);
    }
}

void
weir_accounts_split(struct weir_accounts *accounts)
{
    for (uint32_t i = 0; i < accounts->pool_count; i++)
        shuffle(accounts, accounts->pools[i].order, accounts->pools[i].count);
}

/* -------------------------------------------------------------- windows */

uint32_t
weir_accounts_reference_calls(const struct weir_accounts *accounts,
                              const struct weir_account_tenant *tenant)
{
    double most = REFERENCE_MOST;
    for (uint32_t i = 0; i < tenant->part_count; i++) {
        double half = accounts->pools[tenant->pools[i]].count / 2;
        if (half / tenant->weights[i] < most)
            most = half / tenant->weights[i];
    }
    return (uint32_t)most;
}

void
weir_accounts_reference(struct weir_accounts *accounts,
                        const struct weir_account_tenant *tenant,
                        struct weir_watch_features *calls_out, uint32_t count)
{
    uint32_t filled = 0;
    for (uint32_t i = 0; i < tenant->part_count; i++) {
        const struct weir_account_pool *pool =
            &accounts->pools[tenant->pools[i]];
        uint32_t wanted = i + 1 == tenant->part_count
                              ? count - filled
                              : (uint32_t)(tenant->weights[i] * count);
        for (uint32_t j = 0; j < wanted && j < pool->count / 2; j++)
            calls_out[filled++] = *pool->rows[pool->order[j]];
    }
    /* A pool at its end: repeat nothing, take from the first. */
    const struct weir_account_pool *first = &accounts->pools[tenant->pools[0]];
    for (uint32_t j = 0; filled < count; j++)
        calls_out[filled++] = *first->rows[first->order[j]];
}

/* Distinct rows of order[from..to). */
static bool
take(struct weir_accounts *accounts, const struct weir_account_pool *pool,
     uint32_t from, uint32_t wanted, const struct weir_watch_features **out)
{
    uint32_t taken[TAKEN_MAX];
    uint32_t rows = pool->count - from;
    if (wanted > rows || wanted > TAKEN_MAX)
        return false;
    /* Floyd: each subset as likely, no list of what is left. */
    for (uint32_t i = 0; i < wanted; i++) {
        uint32_t last = rows - wanted + i;
        uint32_t row = weir_accounts_draw(accounts, last + 1);
        for (uint32_t j = 0; j < i; j++)
            if (taken[j] == row) {
                row = last;
                break;
            }
        taken[i] = row;
        out[i] = pool->rows[pool->order[from + row]];
    }
    return true;
}

static void
choose_mix(struct weir_accounts *accounts,
           const struct weir_account_tenant *tenant, uint32_t count,
           uint32_t wanted[WEIR_ACCOUNT_PARTS])
{
    double drawn[WEIR_ACCOUNT_PARTS];
    double sum = 0;
    uint32_t left = count;
    for (uint32_t i = 0; i < tenant->part_count; i++) {
        drawn[i] = tenant->part_count == 1
                       ? 1
                       : gamma_of(accounts, WANDER * tenant->weights[i]);
        sum += drawn[i];
    }
    for (uint32_t i = tenant->part_count; i-- > 1;) {
        wanted[i] = (uint32_t)lround(drawn[i] / sum * count);
        if (wanted[i] > left)
            wanted[i] = left;
        left -= wanted[i];
    }
    wanted[0] = left;
}

bool
weir_accounts_window(struct weir_accounts *accounts,
                     const struct weir_account_tenant *tenant, uint32_t attack,
                     double share, const struct weir_watch_features **calls_out,
                     uint32_t count)
{
    uint32_t wanted[WEIR_ACCOUNT_PARTS];
    uint32_t hostile =
        attack == UINT32_MAX ? 0 : (uint32_t)lround(share * count);
    uint32_t filled = 0;
    if (hostile > 0 &&
        !take(accounts, &accounts->pools[attack], 0, hostile, calls_out))
        return false;
    filled = hostile;
    choose_mix(accounts, tenant, count - hostile, wanted);
    for (uint32_t i = 0; i < tenant->part_count; i++) {
        const struct weir_account_pool *pool =
            &accounts->pools[tenant->pools[i]];
        if (!take(accounts, pool, pool->count / 2, wanted[i],
                  calls_out + filled))
            return false;
        filled += wanted[i];
    }
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = weir_accounts_draw(accounts, i);
        const struct weir_watch_features *row = calls_out[i - 1];
        calls_out[i - 1] = calls_out[j];
        calls_out[j] = row;
    }
    return true;
}
