/* SPDX-License-Identifier: Apache-2.0 */
#include "control/watch/profile.h"

#include <stdlib.h>
#include <string.h>

#define SUM_FULL       16000
#define CALLS_FULL     (UINT32_MAX / 2)
#define SCAFFOLD_SHARE 33 /* one call in: 3 % */
#define SCAFFOLD_LEAST 3

void
weir_watch_account_init(struct weir_watch_account *account, weir_time bin_us)
{
    memset(account, 0, sizeof(*account));
    account->version = WEIR_WATCH_ACCOUNT_VERSION;
    account->bin_us = bin_us;
}

static void
note_network(struct weir_watch_account *account, uint64_t network)
{
    for (uint32_t i = 0; i < WEIR_WATCH_FACTS && network != 0; i++) {
        if (account->networks[i] == 0)
            account->networks[i] = network;
        if (account->networks[i] == network)
            return;
    }
}

/* The keys that come most (space saving: the rarest gives way). */
static void
note_key(struct weir_watch_account *account, uint64_t key)
{
    uint32_t least = 0;
    if (key == 0)
        return;
    for (uint32_t i = 0; i < WEIR_WATCH_KEYS_KEPT; i++) {
        if (account->keys[i] == key) {
            account->key_counts[i]++;
            return;
        }
        if (account->key_counts[i] < account->key_counts[least])
            least = i;
    }
    account->keys[least] = key;
    account->key_counts[least]++;
}

static void
note_sketch(struct weir_watch_account *account, const int8_t *sketch)
{
    bool is_full = false;
    for (uint32_t i = 0; i < WEIR_WATCH_SKETCH; i++) {
        account->sums[i] = (int16_t)(account->sums[i] + sketch[i]);
        is_full |= abs(account->sums[i]) > SUM_FULL;
    }
    for (uint32_t i = 0; i < WEIR_WATCH_SKETCH && is_full; i++)
        account->sums[i] = (int16_t)(account->sums[i] / 2);
}

/* A bin of the past counts where it is still kept; the ring only moves on. */
static void
note_time(struct weir_watch_account *account, weir_time when)
{
    int64_t bin = when / account->bin_us;
    int64_t ahead = bin - account->bin;
    if (account->bin == 0 || ahead >= WEIR_WATCH_BINS_KEPT) {
        memset(account->bins, 0, sizeof(account->bins));
        account->bin = bin;
    }
    for (; account->bin < bin; account->bin++)
        account->bins[(account->bin + 1) % WEIR_WATCH_BINS_KEPT] = 0;
    if (bin < 0 || account->bin - bin >= WEIR_WATCH_BINS_KEPT)
        return;
    uint8_t *count = &account->bins[bin % WEIR_WATCH_BINS_KEPT];
    if (*count < UINT8_MAX)
        (*count)++;
}

void
weir_watch_account_add(struct weir_watch_account *account,
                       const struct weir_watch_features *f, weir_time when,
                       uint64_t network, uint64_t group)
{
    if (++account->calls == CALLS_FULL) {
        account->calls /= 2;
        account->form_calls /= 2;
        for (uint32_t i = 0; i < WEIR_WATCH_KEYS_KEPT; i++)
            account->key_counts[i] /= 2;
    }
    account->group = group;
    note_network(account, network);
    if (f->form < WEIR_WATCH_FORM_LINE)
        return;
    account->form_calls++;
    note_key(account, f->first_words);
    note_key(account, f->last_words);
    note_key(account, f->system);
    note_sketch(account, f->sketch);
    note_time(account, when);
}

static void
put_scaffolds(const struct weir_watch_account *account,
              struct weir_watch_profile *profile)
{
    bool is_taken[WEIR_WATCH_KEYS_KEPT] = {false};
    for (uint32_t kept = 0; kept < WEIR_WATCH_SHARED; kept++) {
        uint32_t best = WEIR_WATCH_KEYS_KEPT;
        for (uint32_t i = 0; i < WEIR_WATCH_KEYS_KEPT; i++) {
            uint32_t count = account->key_counts[i];
            if (is_taken[i] || count < SCAFFOLD_LEAST ||
                (uint64_t)count * SCAFFOLD_SHARE < account->calls)
                continue;
            if (best == WEIR_WATCH_KEYS_KEPT ||
                count > account->key_counts[best] ||
                (count == account->key_counts[best] &&
                 account->keys[i] < account->keys[best]))
                best = i;
        }
        if (best == WEIR_WATCH_KEYS_KEPT)
            return;
        is_taken[best] = true;
        profile->scaffolds[kept] = account->keys[best];
    }
}

void
weir_watch_account_profile(const struct weir_watch_account *account,
                           int64_t last, uint16_t *bins_out, uint32_t count,
                           struct weir_watch_profile *profile_out)
{
    int32_t most = 1;
    *profile_out = (struct weir_watch_profile){
        .owner = account->group,
        .calls = account->calls,
        .form_calls = account->form_calls,
        .bins = bins_out,
    };
    for (uint32_t i = 0; i < WEIR_WATCH_SKETCH; i++)
        most = abs(account->sums[i]) > most ? abs(account->sums[i]) : most;
    for (uint32_t i = 0; i < WEIR_WATCH_SKETCH; i++)
        profile_out->sketch[i] = (int8_t)(account->sums[i] * 127 / most);
    memcpy(profile_out->networks, account->networks,
           sizeof(profile_out->networks));
    put_scaffolds(account, profile_out);
    for (uint32_t i = 0; i < count; i++) {
        int64_t bin = last - (int64_t)(count - 1 - i);
        bool is_kept = bin >= 0 && bin <= account->bin &&
                       account->bin - bin < WEIR_WATCH_BINS_KEPT;
        bins_out[i] = is_kept ? account->bins[bin % WEIR_WATCH_BINS_KEPT] : 0;
    }
}
