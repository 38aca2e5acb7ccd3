/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/watch/accounts.h - accounts made of labelled prompts.
 *
 * A tenant kind is a mix of benign pools; an attack is a pool that replaces
 * a share of a tenant's calls. Rows of a pool are split in halves: the
 * reference is learnt from one, windows are drawn from the other, no row
 * twice in either. Everything follows from the seed.
 *
 * Threads: one. Memory: heap, freed by weir_accounts_fini().
 */
#ifndef WEIR_CONTROL_WATCH_ACCOUNTS_H
#define WEIR_CONTROL_WATCH_ACCOUNTS_H

#include "control/watch/corpus.h"

#define WEIR_ACCOUNT_POOLS   16
#define WEIR_ACCOUNT_PARTS   5
#define WEIR_ACCOUNT_TENANTS 16

struct weir_account_pool {
    const char *name;
    uint32_t count;
    const struct weir_watch_features **rows;
    uint32_t *order; /* shuffled by weir_accounts_split() */
};

struct weir_account_tenant {
    const char *name;
    bool is_mixed;
    uint32_t part_count;
    uint32_t pools[WEIR_ACCOUNT_PARTS];
    double weights[WEIR_ACCOUNT_PARTS];
};

struct weir_accounts {
    uint64_t seed;
    uint32_t pool_count;
    struct weir_account_pool pools[WEIR_ACCOUNT_POOLS];
    uint32_t tenant_count;
    struct weir_account_tenant tenants[WEIR_ACCOUNT_TENANTS];
    uint32_t attack_count;
    uint32_t attacks[WEIR_ACCOUNT_POOLS]; /* pools */
};

/* Borrows the corpus. ENOTFOUND: it has too few benign rows for any kind. */
WEIR_MUST_USE weir_status weir_accounts_init(struct weir_accounts *accounts,
                                             const struct weir_corpus *corpus,
                                             uint64_t seed,
                                             struct weir_error *err);
void weir_accounts_fini(struct weir_accounts *accounts);

uint32_t weir_accounts_draw(struct weir_accounts *accounts, uint32_t below);
/* New halves of every pool. */
void weir_accounts_split(struct weir_accounts *accounts);
/* How many calls a reference of this tenant can have without repeats. */
uint32_t
weir_accounts_reference_calls(const struct weir_accounts *accounts,
                              const struct weir_account_tenant *tenant);
/* Fills `count` calls of a reference. */
void weir_accounts_reference(struct weir_accounts *accounts,
                             const struct weir_account_tenant *tenant,
                             struct weir_watch_features *calls_out,
                             uint32_t count);
/*
 * Fills `count` calls of a window: `share` of them from the attack's pool
 * (UINT32_MAX: none), the rest of the tenant's, in random order. False: the
 * pools are too small for that without repeats.
 */
bool weir_accounts_window(struct weir_accounts *accounts,
                          const struct weir_account_tenant *tenant,
                          uint32_t attack, double share,
                          const struct weir_watch_features **calls_out,
                          uint32_t count);

#endif
