/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/json.h>
#include <weir/tokens.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "tokens.h"

/* The output of a command, malloc'ed. */
static weir_span
output_of(const char *command)
{
    FILE *pipe = popen(command, "r");
    size_t size = 16u << 20;
    char *bytes = malloc(size);
    assert_non_null(pipe);
    size_t len = fread(bytes, 1, size, pipe);
    assert_int_equal(pclose(pipe), 0);
    return (weir_span){bytes, len};
}

/* Compiled once per encoding; NULL when the data is absent. */
static const struct weir_vocabulary *
vocabulary(enum weir_encoding encoding)
{
    static struct weir_buf blocks[3];
    static struct weir_vocabulary opened[3];
    char command[4200];
    struct weir_error err = {0};
    const char *data = weir_test_data();

    if (data == NULL) {
        print_message("skip: no test data for the tokenizer\n");
        return NULL;
    }
    if (opened[encoding].base != NULL)
        return &opened[encoding];
    snprintf(command, sizeof(command), "zstd -qdc %s/tokenizer/%s.tiktoken.zst",
             data, weir_encoding_name(encoding));
    weir_span ranks = output_of(command);
    weir_buf_init(&blocks[encoding], 256u << 20);
    if (weir_vocabulary_compile(encoding, ranks, &blocks[encoding], &err) !=
            WEIR_OK ||
        weir_vocabulary_open(weir_buf_span(&blocks[encoding]),
                             &opened[encoding], &err) != WEIR_OK)
        fail_msg("%s", err.text);
    free((void *)(uintptr_t)ranks.ptr);
    return &opened[encoding];
}

static size_t
encode(const struct weir_vocabulary *words, weir_span text, uint32_t *ids,
       size_t max)
{
    static char memory[8u << 20];
    struct weir_arena scratch;
    size_t count = 0;
    uint64_t counted = 0;
    weir_arena_init(&scratch, memory, sizeof(memory));
    assert_ok(
        weir_tokens_encode(words, text, &scratch, ids, max, &count, NULL));
    weir_arena_init(&scratch, memory, sizeof(memory));
    assert_ok(weir_tokens_count(words, text, &scratch, &counted, NULL));
    assert_int_equal(count, counted);
    return count;
}

#define IDS_MAX (4u << 20)
static uint32_t ids[IDS_MAX];

/* One vector: text, counts, and ids where there are few. */
static void
check_vector(weir_span line)
{
    static char memory[8u << 20];
    struct weir_arena arena;
    struct weir_json_reader in;
    weir_span name;
    weir_span text = WEIR_SPAN_NONE;
    uint64_t want[3] = {0};
    uint32_t few[2][512];
    size_t few_count[2] = {SIZE_MAX, SIZE_MAX};

    weir_arena_init(&arena, memory, sizeof(memory));
    weir_json_reader_init(&in, line, &arena);
    if (weir_json_object(&in))
        while (weir_json_member(&in, &name)) {
            bool is_cl = weir_span_equal(name, WEIR_SPAN("cl100k_ids"));
            if (weir_span_equal(name, WEIR_SPAN("text"))) {
                weir_json_string(&in, &text);
            } else if (weir_span_equal(name, WEIR_SPAN("cl100k_base"))) {
                weir_json_uint64(&in, &want[WEIR_ENCODING_CL100K]);
            } else if (weir_span_equal(name, WEIR_SPAN("o200k_base"))) {
                weir_json_uint64(&in, &want[WEIR_ENCODING_O200K]);
            } else if ((is_cl ||
                        weir_span_equal(name, WEIR_SPAN("o200k_ids"))) &&
                       weir_json_peek(&in) == WEIR_JSON_ARRAY) {
                size_t count = 0;
                uint64_t id;
                weir_json_array(&in);
                while (weir_json_element(&in) && weir_json_uint64(&in, &id))
                    few[!is_cl][count++] = (uint32_t)id;
                few_count[!is_cl] = count;
            }
        }
    assert_ok(weir_json_reader_end(&in, NULL));
    for (int e = WEIR_ENCODING_CL100K; e <= WEIR_ENCODING_O200K; e++) {
        size_t count =
            encode(vocabulary((enum weir_encoding)e), text, ids, IDS_MAX);
        if (count != want[e])
            fail_msg("%s: %zu tokens, not %zu: %.200s",
                     weir_encoding_name((enum weir_encoding)e), count,
                     (size_t)want[e], line.ptr);
        size_t listed = few_count[e - WEIR_ENCODING_CL100K];
        if (listed != SIZE_MAX) {
            assert_int_equal(listed, count);
            assert_memory_equal(ids, few[e - WEIR_ENCODING_CL100K],
                                count * sizeof(ids[0]));
        }
    }
}

TEST(tokens, vectors_are_identical_to_tiktoken)
{
    char command[4200];
    size_t rows = 0;
    if (vocabulary(WEIR_ENCODING_O200K) == NULL ||
        vocabulary(WEIR_ENCODING_CL100K) == NULL)
        skip();
    snprintf(command, sizeof(command),
             "zstd -qdc %s/tokenizer/vectors.jsonl.zst", weir_test_data());
    weir_span text = output_of(command);
    for (size_t at = 0; at < text.len;) {
        const char *line = text.ptr + at;
        const char *end = memchr(line, '\n', text.len - at);
        size_t len = end != NULL ? (size_t)(end - line) : text.len - at;
        check_vector((weir_span){line, len});
        at += len + 1;
        rows++;
    }
    assert_in_range(rows, 1000, 100000);
    free((void *)(uintptr_t)text.ptr);
}

/* Merging as it is defined: quadratic, obviously right. */
static size_t
merge_plainly(const struct weir_vocabulary *words, weir_span piece,
              uint32_t *out)
{
    size_t *starts = malloc((piece.len + 1) * sizeof(*starts));
    size_t parts = piece.len;
    for (size_t i = 0; i <= parts; i++)
        starts[i] = i;
    for (;;) {
        uint32_t best_rank = RANK_NONE;
        size_t best = 0;
        for (size_t i = 0; i + 1 < parts; i++) {
            uint32_t rank = weir__vocabulary_find(words, piece.ptr + starts[i],
                                                  starts[i + 2] - starts[i]);
            if (rank < best_rank) {
                best_rank = rank;
                best = i;
            }
        }
        if (best_rank == RANK_NONE)
            break;
        memmove(starts + best + 1, starts + best + 2,
                (parts - best - 1) * sizeof(*starts));
        parts--;
    }
    for (size_t i = 0; i < parts; i++)
        out[i] = weir__vocabulary_find(words, piece.ptr + starts[i],
                                       starts[i + 1] - starts[i]);
    free(starts);
    return parts;
}

TEST(tokens, long_pieces_merge_as_defined)
{
    static uint32_t plain[4096];
    static const char *const alphabets[] = {
        "a", "ab", "aeinrst", "abcdefghij", "AaBb", "thequickbrown"};
    char text[1200];
    uint32_t state = 12345;
    if (vocabulary(WEIR_ENCODING_O200K) == NULL ||
        vocabulary(WEIR_ENCODING_CL100K) == NULL)
        skip();
    for (int round = 0; round < 120; round++) {
        const char *letters =
            alphabets[(size_t)round % WEIR_COUNTOF(alphabets)];
        size_t len = WEIR_TOKENS_PIECE_SHORT + 1 + (size_t)round * 3;
        for (size_t i = 0; i < len; i++) {
            state = state * 1664525u + 1013904223u;
            text[i] = letters[(state >> 16) % strlen(letters)];
        }
        const struct weir_vocabulary *words = vocabulary(
            round % 2 == 0 ? WEIR_ENCODING_CL100K : WEIR_ENCODING_O200K);
        size_t at = 0;
        weir_span piece;
        assert_true(
            weir_tokens_piece(words, (weir_span){text, len}, &at, &piece));
        size_t want = merge_plainly(words, piece, plain);
        size_t got = encode(words, piece, ids, IDS_MAX);
        assert_int_equal(got, want);
        assert_memory_equal(ids, plain, want * sizeof(plain[0]));
    }
}

TEST(tokens, pieces_join_to_the_text_even_when_it_is_not_utf8)
{
    char text[512];
    uint32_t state = 99;
    const struct weir_vocabulary *words = vocabulary(WEIR_ENCODING_O200K);
    if (words == NULL)
        skip();
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof(text); i++) {
            state = state * 1664525u + 1013904223u;
            text[i] = (char)(state >> (round % 3 == 0 ? 24 : 25));
        }
        size_t at = 0;
        size_t sum = 0;
        weir_span piece;
        while (weir_tokens_piece(words, (weir_span){text, sizeof(text)}, &at,
                                 &piece)) {
            assert_true(piece.len > 0 && piece.ptr == text + sum);
            sum += piece.len;
        }
        assert_int_equal(sum, sizeof(text));
        size_t count =
            encode(words, (weir_span){text, sizeof(text)}, ids, IDS_MAX);
        sum = 0;
        for (size_t i = 0; i < count; i++) {
            weir_span token = weir_vocabulary_token(words, ids[i]);
            assert_memory_equal(token.ptr, text + sum, token.len);
            sum += token.len;
        }
        assert_int_equal(sum, sizeof(text));
    }
}

TEST(tokens, damaged_vocabulary_is_refused_or_harmless)
{
    const struct weir_vocabulary *words = vocabulary(WEIR_ENCODING_CL100K);
    struct weir_vocabulary opened;
    uint32_t state = 7;
    uint32_t refused = 0;
    if (words == NULL)
        skip();
    uint64_t *copy = malloc(words->size);
    for (int round = 0; round < 60; round++) {
        memcpy(copy, words->base, words->size);
        state = state * 1664525u + 1013904223u;
        ((char *)copy)[round < 30 ? (size_t)round * 4 : state % words->size] ^=
            (char)0x55;
        weir_span bytes = {(const char *)copy, words->size};
        if (weir_vocabulary_open(bytes, &opened, NULL) != WEIR_OK)
            refused++;
        else
            encode(&opened, WEIR_SPAN("the same  text, again\n aaaaaaaaaaaa"),
                   ids, IDS_MAX);
    }
    assert_in_range(refused, 20, 60);
    free(copy);
}

TEST(tokens, malformed_ranks_are_refused_with_their_line)
{
    static const char *const bad[] = {
        "IQ== 1\n", "IQ= 0\n",          "!!== 0\n",
        "IQ==0\n",  "IQ== 0\nIg== 0\n", "IQ== 0\n" /* bytes are missing */};
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        struct weir_buf out;
        struct weir_error err = {0};
        weir_buf_init(&out, 64u << 20);
        assert_int_equal(weir_vocabulary_compile(WEIR_ENCODING_CL100K,
                                                 weir_span_of(bad[i]), &out,
                                                 &err),
                         WEIR_EPARSE);
        weir_buf_fini(&out);
    }
}
