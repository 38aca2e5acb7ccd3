/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the tokenizer; nobody else includes it. */
#ifndef WEIR_METER_TOKENS_H
#define WEIR_METER_TOKENS_H

#include <string.h>

#include <weir/tokens.h>

enum class {
    OTHER,
    UPPER,  /* Lu, Lt */
    LOWER,  /* Ll */
    LETTER, /* Lm, Lo */
    MARK,   /* M */
    NUMBER, /* N */
    SPACE,  /* White_Space */
};

#define CODE_POINTS 0x110000u
#define BLOCK       128u
#define BLOCKS      (CODE_POINTS / BLOCK)
#define RANK_NONE   UINT32_MAX
#define COUNT_MAX   0xFFFFFEu /* ranks fill 24 bits of a slot */

/* The first eight bytes as a little-endian number. */
static inline uint64_t
weir__vocabulary_head(const char *bytes, size_t len)
{
    uint64_t head = 0;
    if (len >= 8) {
        memcpy(&head, bytes, 8);
    } else if (len >= 4) {
        uint32_t low;
        uint32_t high;
        memcpy(&low, bytes, 4);
        memcpy(&high, bytes + len - 4, 4);
        head = low | (uint64_t)high << (8 * (len - 4));
    } else {
        for (size_t i = 0; i < len; i++)
            head |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    }
    return head;
}

/*
 * Where a token is looked for: of its head, its last eight bytes and its
 * length, two multiplications at the most. Whoever chooses text to collide
 * gets as far as the longest row of taken slots, which the vocabulary alone
 * decides.
 */
static inline uint64_t
weir__vocabulary_hash(const char *bytes, size_t len, uint64_t head)
{
    uint64_t tail = len;
    if (len > 8) {
        memcpy(&tail, bytes + len - 8, 8);
        tail = (tail ^ len) * UINT64_C(0x9e3779b97f4a7c15);
        tail ^= tail >> 29;
    }
    unsigned __int128 product = (unsigned __int128)(head ^ tail << 1 ^ tail) *
                                UINT64_C(0xa0761d6478bd642f);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The rank of exactly these bytes, or RANK_NONE. */
static inline uint32_t
weir__vocabulary_find(const struct weir_vocabulary *vocabulary,
                      const char *bytes, size_t len)
{
    const unsigned char *p = (const unsigned char *)bytes;
    if (len > vocabulary->length_max ||
        (len > 1 && len > vocabulary->longest[p[0] << 8 | p[1]]))
        return RANK_NONE;
    uint64_t head = weir__vocabulary_head(bytes, len);
    uint64_t hash = weir__vocabulary_hash(bytes, len, head);
    uint32_t tag = (uint32_t)(hash >> 32);
    for (uint32_t at = (uint32_t)hash & vocabulary->mask;;
         at = (at + 1) & vocabulary->mask) {
        const struct weir_token_slot *slot = &vocabulary->slots[at];
        if (slot->rank == 0)
            return RANK_NONE;
        if (slot->head != head || slot->tag != tag || slot->rank >> 24 != len)
            continue;
        uint32_t rank = (slot->rank & 0xFFFFFFu) - 1;
        if (len <= 8 ||
            memcmp(vocabulary->bytes + vocabulary->offsets[rank] + 8, bytes + 8,
                   len - 8) == 0)
            return rank;
    }
}

/* Merges a short piece (2 .. WEIR_TOKENS_PIECE_SHORT bytes) lowest rank
 * first; only ranks below `limit`. Ids go to `ids`; returns their number. */
size_t weir__tokens_merge_short(const struct weir_vocabulary *vocabulary,
                                weir_span piece, uint32_t limit, uint32_t *ids);

#endif
