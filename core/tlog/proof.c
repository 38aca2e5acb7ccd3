/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All proofs are one: that leaves [start, end) form a subtree with a given
 * hash inside the tree of `size` leaves. Inclusion is the subtree of one
 * leaf; consistency is the subtree [0, old size).
 *
 * To prove and to verify walk the same way down from the root, by the split
 * of RFC 6962. At each step the range lies in the left half, in the right,
 * or across both (then it begins at 0, and its left part is whole):
 *
 *     LEFT    the right half's hash goes into the proof
 *     RIGHT   the left half's
 *     ACROSS  the left half's, which belongs to old and new alike
 *
 * Where the walk ends without ACROSS the subtree is a node of the tree, and
 * its hash is what the verifier already has; else the proof begins with the
 * hash of the part that is left.
 *
 * WHY NOT THE LOOPS OF RFC 9162, one for each kind, with bits of two
 * counters: this is one walk for four verifiers, it mirrors the definition,
 * and its number of steps tells the exact length of the proof beforehand.
 */
#include "tlog.h"

enum side { LEFT, RIGHT, ACROSS };

struct walk {
    enum side side[64];
    uint64_t start[64]; /* range of the hash in the proof */
    uint64_t end[64];
    size_t depth;
    uint64_t rest_start; /* where the walk ended */
    uint64_t rest_end;
    bool is_node; /* never ACROSS */
};

static void
step(struct walk *walk, enum side side, uint64_t start, uint64_t end)
{
    walk->side[walk->depth] = side;
    walk->start[walk->depth] = start;
    walk->end[walk->depth] = end;
    walk->depth++;
}

/* Needs start < end <= size and an aligned start. */
static void
walk_down(struct walk *walk, uint64_t start, uint64_t end, uint64_t size)
{
    uint64_t base = 0; /* of the half being looked at */
    walk->depth = 0;
    walk->is_node = true;
    while (start != base || end != base + size) {
        uint64_t half = UINT64_C(1)
                        << (63 - (uint32_t)__builtin_clzll(size - 1));
        uint64_t middle = base + half;
        if (end <= middle) {
            step(walk, LEFT, middle, base + size);
            size = half;
        } else {
            bool is_across = start < middle;
            step(walk, is_across ? ACROSS : RIGHT, base, middle);
            if (is_across) {
                walk->is_node = false;
                start = middle;
            }
            base = middle;
            size -= half;
        }
    }
    walk->rest_start = start;
    walk->rest_end = end;
}

static bool
is_subtree(uint64_t start, uint64_t end)
{
    uint64_t width = end - start;
    if (start >= end)
        return false;
    if (start == 0)
        return true;
    /* the least power of two not below the width divides start */
    uint32_t height =
        width == 1 ? 0 : 64 - (uint32_t)__builtin_clzll(width - 1);
    return height <= (uint32_t)__builtin_ctzll(start);
}

weir_status
weir_tlog_prove_subtree(uint64_t start, uint64_t end, uint64_t size,
                        weir_tlog_read *read, void *context,
                        weir_digest *proof_out, size_t *count_out)
{
    struct walk walk;
    size_t count = 0;
    if (!is_subtree(start, end) || end > size)
        return WEIR_ENOTFOUND;
    walk_down(&walk, start, end, size);
    if (walk.depth + 1 > WEIR_TLOG_PROOF_MAX)
        return WEIR_ENOTFOUND;
    if (!walk.is_node && !weir__tlog_range(walk.rest_start, walk.rest_end, read,
                                           context, &proof_out[count++]))
        return WEIR_ENOTFOUND;
    for (size_t i = walk.depth; i > 0; i--)
        if (!weir__tlog_range(walk.start[i - 1], walk.end[i - 1], read, context,
                              &proof_out[count++]))
            return WEIR_ENOTFOUND;
    *count_out = count;
    return WEIR_OK;
}

weir_status
weir_tlog_prove_inclusion(uint64_t index, uint64_t size, weir_tlog_read *read,
                          void *context, weir_digest *proof_out,
                          size_t *count_out)
{
    if (index >= size)
        return WEIR_ENOTFOUND;
    return weir_tlog_prove_subtree(index, index + 1, size, read, context,
                                   proof_out, count_out);
}

weir_status
weir_tlog_prove_consistency(uint64_t old_size, uint64_t size,
                            weir_tlog_read *read, void *context,
                            weir_digest *proof_out, size_t *count_out)
{
    return weir_tlog_prove_subtree(0, old_size, size, read, context, proof_out,
                                   count_out);
}

bool
weir_tlog_verify_subtree(uint64_t start, uint64_t end,
                         const weir_digest *subtree_root, uint64_t size,
                         const weir_digest *root, const weir_digest *proof,
                         size_t count)
{
    struct walk walk;
    if (start == end && end <= size) {
        /* nothing is in every tree, and has one hash */
        weir_digest empty;
        weir_sha256_of(WEIR_SPAN_NONE, &empty);
        return count == 0 && weir_digest_equal(&empty, subtree_root);
    }
    if (!is_subtree(start, end) || end > size)
        return false;
    walk_down(&walk, start, end, size);
    if (count != walk.depth + (walk.is_node ? 0 : 1))
        return false;
    weir_digest part = walk.is_node ? *subtree_root : *proof++;
    weir_digest whole = part;
    for (size_t i = walk.depth; i > 0; i--, proof++) {
        if (walk.side[i - 1] == LEFT) {
            weir_tlog_node(&whole, proof, &whole);
            continue;
        }
        weir_tlog_node(proof, &whole, &whole);
        if (walk.side[i - 1] == ACROSS)
            weir_tlog_node(proof, &part, &part);
    }
    return weir_digest_equal(&part, subtree_root) &&
           weir_digest_equal(&whole, root);
}

bool
weir_tlog_verify_subtree_inclusion(const weir_digest *leaf, uint64_t index,
                                   uint64_t start, uint64_t end,
                                   const weir_digest *proof, size_t count,
                                   const weir_digest *subtree_root)
{
    return is_subtree(start, end) && index >= start &&
           weir_tlog_verify_inclusion(leaf, index - start, end - start, proof,
                                      count, subtree_root);
}

bool
weir_tlog_verify_inclusion(const weir_digest *leaf, uint64_t index,
                           uint64_t size, const weir_digest *proof,
                           size_t count, const weir_digest *root)
{
    return index < size && weir_tlog_verify_subtree(index, index + 1, leaf,
                                                    size, root, proof, count);
}

bool
weir_tlog_verify_consistency(uint64_t old_size, const weir_digest *old_root,
                             uint64_t size, const weir_digest *root,
                             const weir_digest *proof, size_t count)
{
    return old_size != 0 && weir_tlog_verify_subtree(0, old_size, old_root,
                                                     size, root, proof, count);
}
