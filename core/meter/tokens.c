/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging pieces into tokens.
 *
 * Byte pair encoding joins, again and again, the two neighbours whose joint
 * bytes have the lowest rank. Three ways, the same result:
 *
 *   - a piece that is a token: done (four of five pieces of ordinary text);
 *   - a short piece: the merges are done as defined, on the stack;
 *   - a long piece: from left to right, the longest token that can stand
 *     beside the one before it. Two tokens can stand side by side when no
 *     merge across their border would have come before the merges that made
 *     them. A choice that leads nowhere is taken back and its end marked, so
 *     each place is given up at most once: linear, where merging as defined
 *     is quadratic (or n log n with a heap, and 24 bytes for each byte).
 *
 * Tokens that merging can never make (a few of each vocabulary) are found at
 * compile time and kept out of the long way.
 */
#include "tokens.h"

#include <string.h>

weir_span
weir_vocabulary_token(const struct weir_vocabulary *vocabulary, uint32_t id)
{
    if (id >= vocabulary->count)
        return WEIR_SPAN_NONE;
    uint32_t offset = vocabulary->offsets[id];
    return (weir_span){vocabulary->bytes + offset,
                       vocabulary->offsets[id + 1] - offset};
}

/* ------------------------------------------------------------- short */

size_t
weir__tokens_merge_short(const struct weir_vocabulary *vocabulary,
                         weir_span piece, uint32_t limit, uint32_t *ids)
{
    /* Part i is bytes starts[i] .. starts[i + 1]; ranks[i] is that of parts
     * i and i + 1 joined. */
    uint8_t starts[WEIR_TOKENS_PIECE_SHORT + 2];
    uint32_t ranks[WEIR_TOKENS_PIECE_SHORT + 1];
    size_t parts = piece.len;

    WEIR_ASSERT(parts >= 1 && parts <= WEIR_TOKENS_PIECE_SHORT);
    for (size_t i = 0; i <= parts; i++)
        starts[i] = (uint8_t)i;
    for (size_t i = 0; i + 1 < parts; i++)
        ranks[i] = weir__vocabulary_find(vocabulary, piece.ptr + i, 2);
    while (parts > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < parts; i++)
            if (ranks[i] < ranks[best])
                best = i;
        if (ranks[best] >= limit)
            break;
        memmove(starts + best + 1, starts + best + 2, parts - best - 1);
        memmove(ranks + best, ranks + best + 1,
                (parts - best - 2) * sizeof(ranks[0]));
        parts--;
        for (size_t i = best > 0 ? best - 1 : best; i <= best; i++)
            if (i + 1 < parts)
                ranks[i] =
                    weir__vocabulary_find(vocabulary, piece.ptr + starts[i],
                                          (size_t)(starts[i + 2] - starts[i]));
    }
    for (size_t i = 0; i < parts; i++)
        ids[i] = weir__vocabulary_find(vocabulary, piece.ptr + starts[i],
                                       (size_t)(starts[i + 1] - starts[i]));
    return parts;
}

/* -------------------------------------------------------------- long */

/*
 * True when merging leaves `left` and `right`, which meet at `border`, as
 * two tokens. Undoes their last merges from the newest on: as long as the
 * parts at the border would join only later than the merges already undone
 * on top of them, the border stands.
 */
static bool
can_meet(const struct weir_vocabulary *vocabulary, const char *border,
         uint32_t left, uint32_t right)
{
    uint32_t limit = UINT32_MAX;
    for (;;) {
        size_t left_len = weir_vocabulary_token(vocabulary, left).len;
        size_t right_len = weir_vocabulary_token(vocabulary, right).len;
        uint32_t joined = weir__vocabulary_find(vocabulary, border - left_len,
                                                left_len + right_len);
        if (joined < limit)
            return false;
        uint32_t left_part = vocabulary->splits[2 * left + 1];
        uint32_t right_part = vocabulary->splits[2 * right];
        bool left_is_newer = left > right;
        if (left_is_newer && left_part == left)
            left_is_newer = false; /* a single byte */
        if (!left_is_newer && right_part == right) {
            if (left_part == left)
                return true;
            left_is_newer = true;
        }
        if (left_is_newer) {
            limit = left;
            left = left_part;
        } else {
            limit = right + 1; /* of two equal joins the left comes first */
            right = right_part;
        }
    }
}

/* The longest mergeable token at `at` of at most `max` bytes. */
static uint32_t
longest(const struct weir_vocabulary *vocabulary, weir_span piece, size_t at,
        size_t max)
{
    size_t left = piece.len - at;
    if (max > left)
        max = left;
    if (left >= 2) {
        const unsigned char *p = (const unsigned char *)piece.ptr + at;
        size_t bound = vocabulary->longest[p[0] << 8 | p[1]];
        if (max > bound)
            max = bound;
    }
    for (size_t len = max; len > 1; len--) {
        uint32_t rank = weir__vocabulary_find(vocabulary, piece.ptr + at, len);
        if (rank != RANK_NONE && vocabulary->splits[2 * rank] != RANK_NONE)
            return rank;
    }
    return weir__vocabulary_find(vocabulary, piece.ptr + at, 1);
}

static weir_status
encode_long(const struct weir_vocabulary *vocabulary, weir_span piece,
            struct weir_arena *scratch, uint32_t **ids_out, size_t *count_out,
            struct weir_error *err)
{
    struct weir_arena work = *scratch; /* given back at the end */
    uint32_t *ids = weir_arena_array(&work, uint32_t, piece.len);
    uint8_t *dead = weir_arena_array(&work, uint8_t, piece.len / 8 + 1);
    size_t count = 0;
    size_t at = 0;

    if (work.overflow)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "a piece of %zu bytes is too long to count",
                         piece.len);
    uint32_t token = longest(vocabulary, piece, 0, piece.len);
    while (at < piece.len) {
        size_t len = weir_vocabulary_token(vocabulary, token).len;
        size_t end = at + len;
        bool stands = (dead[end / 8] >> (end % 8) & 1) == 0 &&
                      (count == 0 || can_meet(vocabulary, piece.ptr + at,
                                              ids[count - 1], token));
        if (stands) {
            ids[count++] = token;
            at = end;
            if (at < piece.len)
                token = longest(vocabulary, piece, at, piece.len);
        } else if (len > 1) {
            token = longest(vocabulary, piece, at, len - 1);
        } else {
            WEIR_ASSERT(count > 0); /* else no encoding at all */
            dead[at / 8] |= (uint8_t)(1u << (at % 8));
            uint32_t last = ids[--count];
            size_t last_len = weir_vocabulary_token(vocabulary, last).len;
            at -= last_len;
            token = last; /* its end is dead now: a shorter one is next */
        }
    }
    *ids_out = ids;
    *count_out = count;
    return WEIR_OK;
}

/* --------------------------------------------------------------- all */

/* One piece: its ids in `*ids_out` (in `few`, or in the scratch). */
static weir_status
encode_piece(const struct weir_vocabulary *vocabulary, weir_span piece,
             struct weir_arena *scratch, uint32_t few[WEIR_TOKENS_PIECE_SHORT],
             uint32_t **ids_out, size_t *count_out, struct weir_error *err)
{
    *ids_out = few;
    few[0] = weir__vocabulary_find(vocabulary, piece.ptr, piece.len);
    *count_out = 1;
    if (few[0] != RANK_NONE)
        return WEIR_OK;
    if (piece.len > WEIR_TOKENS_PIECE_SHORT)
        return encode_long(vocabulary, piece, scratch, ids_out, count_out, err);
    *count_out = weir__tokens_merge_short(vocabulary, piece, RANK_NONE, few);
    return WEIR_OK;
}

weir_status
weir_tokens_count(const struct weir_vocabulary *vocabulary, weir_span text,
                  struct weir_arena *scratch, uint64_t *count_out,
                  struct weir_error *err)
{
    uint32_t few[WEIR_TOKENS_PIECE_SHORT];
    uint32_t *ids;
    size_t at = 0;
    size_t count;
    uint64_t total = 0;
    weir_span piece;
    while (weir_tokens_piece(vocabulary, text, &at, &piece)) {
        weir_status status =
            encode_piece(vocabulary, piece, scratch, few, &ids, &count, err);
        if (status != WEIR_OK)
            return status;
        total += count;
    }
    *count_out = total;
    return WEIR_OK;
}

weir_status
weir_tokens_encode(const struct weir_vocabulary *vocabulary, weir_span text,
                   struct weir_arena *scratch, uint32_t *ids, size_t max,
                   size_t *count_out, struct weir_error *err)
{
    uint32_t few[WEIR_TOKENS_PIECE_SHORT];
    uint32_t *part;
    size_t at = 0;
    size_t count;
    size_t total = 0;
    weir_span piece;
    while (weir_tokens_piece(vocabulary, text, &at, &piece)) {
        weir_status status =
            encode_piece(vocabulary, piece, scratch, few, &part, &count, err);
        if (status != WEIR_OK)
            return status;
        if (count > max - total)
            return weir_fail(err, WEIR_ELIMIT, at, "more than %zu tokens", max);
        memcpy(ids + total, part, count * sizeof(ids[0]));
        total += count;
    }
    *count_out = total;
    return WEIR_OK;
}
