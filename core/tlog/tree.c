/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Merkle tree of RFC 6962: leaf H(0x00 || data), node H(0x01 || l || r),
 * and for n leaves the split at the largest power of two below n. So the
 * tree of n leaves is a row of complete subtrees, one for each bit of n,
 * folded from the right; the frontier keeps just their hashes, and to append
 * is to carry in binary.
 */
#include "tlog.h"

#include <string.h>

void
weir_tlog_leaf(weir_span data, weir_digest *hash_out)
{
    struct weir_sha256 hash;
    weir_sha256_init(&hash);
    weir_sha256_add(&hash, "\0", 1);
    weir_sha256_add(&hash, data.ptr, data.len);
    weir_sha256_final(&hash, hash_out);
}

void
weir_tlog_node(const weir_digest *left, const weir_digest *right,
               weir_digest *hash_out)
{
    char bytes[1 + 2 * WEIR_DIGEST_BYTES];
    bytes[0] = 1;
    memcpy(bytes + 1, left->bytes, WEIR_DIGEST_BYTES);
    memcpy(bytes + 1 + WEIR_DIGEST_BYTES, right->bytes, WEIR_DIGEST_BYTES);
    weir_sha256_of((weir_span){bytes, sizeof(bytes)}, hash_out);
}

void
weir_tlog_append(struct weir_tlog_frontier *frontier, const weir_digest *leaf)
{
    weir_digest carry = *leaf;
    uint32_t height = 0;
    for (; (frontier->size >> height & 1) != 0; height++)
        weir_tlog_node(&frontier->peak[height], &carry, &carry);
    frontier->peak[height] = carry;
    frontier->size++;
}

void
weir_tlog_root(const struct weir_tlog_frontier *frontier, weir_digest *root_out)
{
    weir_digest root;
    bool is_any = false;
    for (uint32_t height = 0; height < 64; height++) {
        if ((frontier->size >> height & 1) == 0)
            continue;
        if (is_any)
            weir_tlog_node(&frontier->peak[height], &root, &root);
        else
            root = frontier->peak[height];
        is_any = true;
    }
    if (!is_any)
        weir_sha256_of(WEIR_SPAN_NONE, &root);
    *root_out = root;
}

bool
weir__tlog_range(uint64_t start, uint64_t end, weir_tlog_read *read,
                 void *context, weir_digest *hash_out)
{
    weir_digest row[64];
    size_t count = 0;
    while (start < end) {
        /* the largest complete subtree that begins here and still fits */
        uint32_t height = start == 0 ? 63 : (uint32_t)__builtin_ctzll(start);
        uint32_t fits = 63 - (uint32_t)__builtin_clzll(end - start);
        if (height > fits)
            height = fits;
        if (count == WEIR_COUNTOF(row) ||
            !read(context, height, start >> height, &row[count++]))
            return false;
        start += UINT64_C(1) << height;
    }
    if (count == 0)
        return false;
    *hash_out = row[count - 1];
    for (size_t i = count - 1; i > 0; i--)
        weir_tlog_node(&row[i - 1], hash_out, hash_out);
    return true;
}
