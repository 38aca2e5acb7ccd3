/* SPDX-License-Identifier: Apache-2.0 */
/* Tree, proofs and tiles against the definition, written out recursively. */
#include <weir/tlog.h>

#include "test.h"

#include <stdlib.h>
#include <string.h>

#define LEAVES 70

static weir_digest leaves[LEAVES];

static void
make_leaves(void)
{
    for (uint32_t i = 0; i < LEAVES; i++)
        weir_tlog_leaf((weir_span){(const char *)&i, i % 5}, &leaves[i]);
}

/* MTH of leaves [start, end), word for word after RFC 6962. */
static weir_digest
tree_hash(uint64_t start, uint64_t end)
{
    weir_digest hash;
    uint64_t split = 1;
    if (start == end) {
        weir_sha256_of(WEIR_SPAN_NONE, &hash);
        return hash;
    }
    if (end - start == 1)
        return leaves[start];
    while (split * 2 < end - start)
        split *= 2;
    weir_digest left = tree_hash(start, start + split);
    weir_digest right = tree_hash(start + split, end);
    weir_tlog_node(&left, &right, &hash);
    return hash;
}

static bool
read_node(void *context, uint32_t height, uint64_t index, weir_digest *hash_out)
{
    uint64_t *limit = context;
    uint64_t start = index << height;
    uint64_t end = start + (UINT64_C(1) << height);
    if (end > *limit)
        return false;
    *hash_out = tree_hash(start, end);
    return true;
}

TEST(tlog, roots_of_the_frontier_are_those_of_the_definition)
{
    struct weir_tlog_frontier frontier = {0};
    make_leaves();
    for (uint64_t size = 0; size <= LEAVES; size++) {
        weir_digest root;
        weir_digest expected = tree_hash(0, size);
        weir_tlog_root(&frontier, &root);
        assert_true(weir_digest_equal(&root, &expected));
        if (size < LEAVES)
            weir_tlog_append(&frontier, &leaves[size]);
    }
}

TEST(tlog, the_empty_tree_and_one_leaf_have_the_published_hashes)
{
    struct weir_tlog_frontier frontier = {0};
    weir_digest hash;
    char text[65] = {0};
    weir_tlog_root(&frontier, &hash);
    weir_hex_encode((weir_span){(char *)hash.bytes, 32}, text);
    assert_string_equal(text, "e3b0c44298fc1c149afbf4c8996fb924"
                              "27ae41e4649b934ca495991b7852b855");
    weir_tlog_leaf(WEIR_SPAN_NONE, &hash);
    weir_hex_encode((weir_span){(char *)hash.bytes, 32}, text);
    assert_string_equal(text, "6e340b9cffb37a989ca544e6bb780a2c"
                              "78901d3fb33738768511a30617afa01d");
}

/* Every leaf of every tree: proved, verified; wrong in each part: refused. */
TEST(tlog, inclusion_of_every_leaf_is_proved_and_nothing_else_is)
{
    weir_digest proof[WEIR_TLOG_PROOF_MAX];
    size_t count;
    make_leaves();
    for (uint64_t size = 1; size <= LEAVES; size++) {
        weir_digest root = tree_hash(0, size);
        for (uint64_t index = 0; index < size; index++) {
            assert_ok(weir_tlog_prove_inclusion(index, size, read_node, &size,
                                                proof, &count));
            assert_true(weir_tlog_verify_inclusion(&leaves[index], index, size,
                                                   proof, count, &root));
            weir_digest other = leaves[index];
            other.bytes[7] ^= 1;
            assert_false(weir_tlog_verify_inclusion(&other, index, size, proof,
                                                    count, &root));
            assert_false(weir_tlog_verify_inclusion(&leaves[index], index, size,
                                                    proof, count, &other));
            assert_false(weir_tlog_verify_inclusion(&leaves[index], index ^ 1,
                                                    size, proof, count, &root));
            assert_false(weir_tlog_verify_inclusion(&leaves[index], index, size,
                                                    proof, count + 1, &root));
            for (size_t i = 0; i < count; i++) {
                assert_false(weir_tlog_verify_inclusion(&leaves[index], index,
                                                        size, proof, i, &root));
                proof[i].bytes[i] ^= 0x80;
                assert_false(weir_tlog_verify_inclusion(
                    &leaves[index], index, size, proof, count, &root));
                proof[i].bytes[i] ^= 0x80;
            }
        }
        assert_int_equal(weir_tlog_prove_inclusion(size, size, read_node, &size,
                                                   proof, &count),
                         WEIR_ENOTFOUND);
    }
}

TEST(tlog, consistency_of_every_pair_of_sizes_is_proved_and_nothing_else_is)
{
    weir_digest proof[WEIR_TLOG_PROOF_MAX];
    size_t count;
    make_leaves();
    for (uint64_t size = 1; size <= LEAVES; size++) {
        weir_digest root = tree_hash(0, size);
        for (uint64_t old = 1; old <= size; old++) {
            weir_digest old_root = tree_hash(0, old);
            assert_ok(weir_tlog_prove_consistency(old, size, read_node, &size,
                                                  proof, &count));
            assert_true(weir_tlog_verify_consistency(old, &old_root, size,
                                                     &root, proof, count));
            weir_digest other = old_root;
            other.bytes[0] ^= 1;
            assert_false(weir_tlog_verify_consistency(old, &other, size, &root,
                                                      proof, count));
            assert_false(weir_tlog_verify_consistency(old, &old_root, size,
                                                      &other, proof, count));
            assert_false(weir_tlog_verify_consistency(old, &old_root, size,
                                                      &root, proof, count + 1));
            for (size_t i = 0; i < count; i++) {
                assert_false(weir_tlog_verify_consistency(old, &old_root, size,
                                                          &root, proof, i));
                proof[i].bytes[31 - i] ^= 1;
                assert_false(weir_tlog_verify_consistency(old, &old_root, size,
                                                          &root, proof, count));
                proof[i].bytes[31 - i] ^= 1;
            }
        }
        assert_false(
            weir_tlog_verify_consistency(0, &root, size, &root, proof, 0));
        assert_false(weir_tlog_verify_consistency(size + 1, &root, size, &root,
                                                  proof, 0));
    }
}

TEST(tlog, every_subtree_is_proved_and_other_ranges_are_refused)
{
    weir_digest proof[WEIR_TLOG_PROOF_MAX];
    size_t count;
    uint64_t size = 43;
    uint64_t good = 0;
    make_leaves();
    weir_digest root = tree_hash(0, size);
    for (uint64_t start = 0; start <= size; start++)
        for (uint64_t end = start + 1; end <= size; end++) {
            uint64_t width = 1;
            while (width < end - start)
                width *= 2;
            weir_digest hash = tree_hash(start, end);
            weir_status status = weir_tlog_prove_subtree(
                start, end, size, read_node, &size, proof, &count);
            if (start % width != 0) {
                assert_int_equal(status, WEIR_ENOTFOUND);
                assert_false(weir_tlog_verify_subtree(start, end, &hash, size,
                                                      &root, proof, 0));
                continue;
            }
            assert_ok(status);
            assert_true(weir_tlog_verify_subtree(start, end, &hash, size, &root,
                                                 proof, count));
            hash.bytes[5] ^= 4;
            assert_false(weir_tlog_verify_subtree(start, end, &hash, size,
                                                  &root, proof, count));
            good++;
        }
    assert_in_range(good, 100, 400);
}

TEST(tlog, a_proof_fails_when_a_node_is_not_to_be_had)
{
    weir_digest proof[WEIR_TLOG_PROOF_MAX];
    size_t count;
    uint64_t known = 20;
    make_leaves();
    assert_int_equal(
        weir_tlog_prove_inclusion(3, 33, read_node, &known, proof, &count),
        WEIR_ENOTFOUND);
    assert_int_equal(
        weir_tlog_prove_consistency(17, 33, read_node, &known, proof, &count),
        WEIR_ENOTFOUND);
}

static bool
count_nodes(void *context, uint32_t height, uint64_t index,
            weir_digest *hash_out)
{
    uint64_t *nodes = context;
    (void)height;
    (void)index;
    (*nodes)++;
    memset(hash_out, 1, sizeof(*hash_out));
    return true;
}

TEST(tlog, proofs_in_the_largest_trees_end_and_stay_in_bounds)
{
    static const uint64_t sizes[] = {
        UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1};
    weir_digest proof[WEIR_TLOG_PROOF_MAX];
    weir_digest root = {{0}};
    size_t count;
    for (size_t i = 0; i < WEIR_COUNTOF(sizes); i++) {
        uint64_t size = sizes[i];
        uint64_t nodes = 0;
        uint64_t index[] = {0, 1, size / 2, size - 2, size - 1};
        for (size_t k = 0; k < WEIR_COUNTOF(index); k++) {
            count = 0;
            weir_status status = weir_tlog_prove_consistency(
                index[k], size, count_nodes, &nodes, proof, &count);
            assert_true(status == WEIR_OK || status == WEIR_ENOTFOUND);
            status = weir_tlog_prove_inclusion(index[k], size, count_nodes,
                                               &nodes, proof, &count);
            assert_true(status == WEIR_OK || status == WEIR_ENOTFOUND);
            assert_false(weir_tlog_verify_inclusion(&root, index[k], size,
                                                    proof, count, &root));
        }
        assert_in_range(nodes, 1, 10000);
    }
}

TEST(tlog, tile_paths_have_one_form)
{
    static const struct {
        uint32_t level;
        uint64_t index;
        uint32_t width;
        const char *path;
    } cases[] = {
        {0, 0, 256, "tile/0/000"},
        {0, 1234067, 256, "tile/0/x001/x234/067"},
        {3, 999, 17, "tile/3/999.p/17"},
        {63, 1000, 255, "tile/63/x001/000.p/255"},
        {WEIR_TLOG_ENTRIES, 273, 112, "tile/entries/273.p/112"},
        {0, UINT64_MAX, 1, "tile/0/x018/x446/x744/x073/x709/x551/615.p/1"},
    };
    static const char *const bad[] = {
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x000/001",
        "tile/0/x001",
        "tile/0/001/002",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/001.p",
        "tile/0/001.p/",
        "tile/0/001/",
        "tile/0/xx01/002",
        "/tile/0/001",
        "tile/entriess/001",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x001/x018/x446/x744/x073/x709/x551/615"};
    char path[WEIR_TLOG_PATH_BYTES];
    uint32_t level = 77;
    uint64_t index = 77;
    uint32_t width = 77;
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++)
        if (weir_tlog_tile_parse(weir_span_of(bad[i]), &level, &index, &width))
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(level, 77);
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        size_t len = weir_tlog_tile_path(cases[i].level, cases[i].index,
                                         cases[i].width, path);
        assert_string_equal(path, cases[i].path);
        assert_int_equal(len, strlen(path));
        assert_true(
            weir_tlog_tile_parse(weir_span_of(path), &level, &index, &width));
        assert_int_equal(level, cases[i].level);
        assert_true(index == cases[i].index);
        assert_int_equal(width, cases[i].width);
    }
}

TEST(tlog, partial_tiles_of_a_tree_of_70000_are_those_of_the_specification)
{
    assert_int_equal(weir_tlog_tile_partial(0, 70000), 112);
    assert_int_equal(weir_tlog_tile_partial(1, 70000), 17);
    assert_int_equal(weir_tlog_tile_partial(2, 70000), 1);
    assert_int_equal(weir_tlog_tile_partial(3, 70000), 0);
    assert_int_equal(weir_tlog_tile_partial(0, 256), 0);
    assert_int_equal(weir_tlog_tile_partial(1, 256), 1);
    assert_int_equal(weir_tlog_tile_partial(63, UINT64_MAX), 0);
}

TEST(tlog, nodes_inside_a_tile_are_those_of_the_tree)
{
    weir_digest hash;
    make_leaves();
    weir_span tile = {(const char *)leaves, sizeof(leaves)};
    for (uint32_t height = 0; height <= 6; height++)
        for (uint32_t index = 0; index << height < LEAVES; index++) {
            uint64_t start = (uint64_t)index << height;
            uint64_t end = start + (UINT64_C(1) << height);
            bool is_there = weir_tlog_tile_node(tile, height, index, &hash);
            assert_int_equal(is_there, end <= LEAVES);
            if (!is_there)
                continue;
            weir_digest expected = tree_hash(start, end);
            assert_true(weir_digest_equal(&hash, &expected));
        }
    assert_false(weir_tlog_tile_node(tile, 9, 0, &hash));
    assert_false(weir_tlog_tile_node(tile, 0, 256, &hash));
}
