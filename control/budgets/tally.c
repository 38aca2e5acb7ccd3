/* SPDX-License-Identifier: Apache-2.0 */
#include "control/budgets/parts.h"

#include <stdlib.h>

uint64_t
weir__tally_key(uint64_t subject, uint32_t kind)
{
    uint64_t parts[2] = {subject, kind};
    uint64_t hash =
        weir_hash64((weir_span){(const char *)parts, sizeof parts}, 0x7461);
    return hash == 0 ? 1 : hash;
}

static struct weir__tally_slot *
probe(const struct weir__tally *tally, uint64_t key)
{
    uint32_t at = (uint32_t)key & tally->mask;
    while (tally->slots[at].key != 0 && tally->slots[at].key != key)
        at = (at + 1) & tally->mask;
    return &tally->slots[at];
}

static bool
grow(struct weir__tally *tally)
{
    struct weir__tally old = *tally;
    uint32_t size = old.slots == NULL ? 256 : (old.mask + 1) * 2;
    struct weir__tally_slot *slots = calloc(size, sizeof *slots);
    if (slots == NULL)
        return false;
    *tally = (struct weir__tally){slots, size - 1, old.count};
    for (uint32_t i = 0; old.slots != NULL && i <= old.mask; i++)
        if (old.slots[i].key != 0)
            *probe(tally, old.slots[i].key) = old.slots[i];
    free(old.slots);
    return true;
}

struct weir__tally_slot *
weir__tally_at(struct weir__tally *tally, uint64_t key)
{
    if ((tally->slots == NULL || tally->count > tally->mask / 2) &&
        !grow(tally))
        return NULL;
    struct weir__tally_slot *slot = probe(tally, key);
    if (slot->key == 0) {
        slot->key = key;
        tally->count++;
    }
    return slot;
}

const struct weir__tally_slot *
weir__tally_find(const struct weir__tally *tally, uint64_t key)
{
    if (tally->slots == NULL)
        return NULL;
    const struct weir__tally_slot *slot = probe(tally, key);
    return slot->key == 0 ? NULL : slot;
}

void
weir__tally_fini(struct weir__tally *tally)
{
    free(tally->slots);
    *tally = (struct weir__tally){0};
}
