/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks are stored and compared over years, so whatever makes reading a
 * prompt faster must not change one bit of one block. The digests below were
 * computed by the first build that wrote blocks of this version, token by
 * token; a new value here needs a new WEIR_WATCH_VERSION.
 */
#include <weir/watch.h>

#include <stdio.h>
#include <string.h>

#include "count.h"
#include "test.h"

static const char *const english[] = {
    "write",      "a",        "short",
    "essay",      "about",    "the",
    "history",    "of",       "Ottoman",
    "routes",     "and",      "explain",
    "please",     "can",      "you",
    "I",          "i",        "my",
    "we",         "list",     "10",
    "examples",   "step",     "by",
    "think",      "aloud",    "rubric",
    "score",      "from",     "1",
    "to",         "5",        "generate",
    "diverse",    "prompts",  "dataset",
    "act",        "as",       "rewrite",
    "paraphrase", "in",       "ways",
    "u",          "pls",      "dont",
    "it's",       "O'Brien",  "x_1",
    "fooBar",     "__init__", "i in x",
    "for i in",   "which",    "is",
    "better",     "what",     "internationalisation",
    "Ada",        "table",    "an"};
static const char *const marks[] = {".",
                                    "?",
                                    "!",
                                    "..",
                                    "!!!",
                                    ":",
                                    ";",
                                    ",",
                                    " ,",
                                    "\n",
                                    "\n\n",
                                    "\n- ",
                                    "\n1. ",
                                    "\n* ",
                                    "\"quoted span\"",
                                    "`code`",
                                    "```c\nint x;\n```",
                                    "'single one'",
                                    "\"open",
                                    "`",
                                    "'",
                                    "(",
                                    ")",
                                    "{",
                                    "}",
                                    "=",
                                    "<",
                                    ">",
                                    "\t",
                                    "  ",
                                    "-",
                                    "@",
                                    "#",
                                    "$%",
                                    "\r\n",
                                    "\x01",
                                    "~",
                                    "\"\"",
                                    "''"};
static const char *const wide[] = {"请写一篇",
                                   "关于丝绸之路",
                                   "历史的短文",
                                   "。",
                                   "，",
                                   "日本語で",
                                   "書いてください",
                                   "カタカナ",
                                   "한국어로",
                                   "써주세요",
                                   "напиши",
                                   "Эссе",
                                   "о",
                                   "пожалуйста",
                                   "γράψε",
                                   "Ελλάδα",
                                   "اكتب",
                                   "مقالا",
                                   "כתוב",
                                   "हिन्दी",
                                   "ไทย",
                                   "größe",
                                   "Ärger",
                                   "été",
                                   "señor",
                                   "naïve",
                                   "Zürich1",
                                   "d\xd0\xb0ta",
                                   "\xe2\x80\x9cquoted\xe2\x80\x9d",
                                   "\xe2\x80\x8b",
                                   "\xef\xbc\xa1\xef\xbd\x82",
                                   "\xff\xfe",
                                   "\xc3",
                                   "\xe4\xb8",
                                   "\xf0\x9f\x98\x80",
                                   "\xf0\xa0\x80\x80",
                                   "\xe2\x80\x94",
                                   "\xc2\xa0",
                                   "\xef\xbb\xbf",
                                   "՞հայ",
                                   "ქართ",
                                   "\xf4\x90\x80\x80",
                                   "\xcc\x81",
                                   "e\xcc\x81",
                                   "\xe3\x80\x8c\xe5\xbc\x95\xe3\x80\x8d",
                                   "\xc2\xad"};

struct kind {
    const char *name;
    unsigned of_english; /* of 100 pieces */
    unsigned of_marks;
    uint64_t digest;
};

static uint64_t
next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * UINT64_C(0x2545F4914F6CDD1D);
}

static const char *
piece_of(const struct kind *kind, uint64_t random)
{
    unsigned part = (unsigned)(random >> 8) % 100;
    unsigned pick = (unsigned)(random >> 32);
    if (part < kind->of_english)
        return english[pick % WEIR_COUNTOF(english)];
    if (part < kind->of_english + kind->of_marks)
        return marks[pick % WEIR_COUNTOF(marks)];
    return wide[pick % WEIR_COUNTOF(wide)];
}

static size_t
make(const struct kind *kind, uint64_t *state, char *text, size_t size)
{
    static const char *const gaps[] = {" ", " ", " ", " ", " ", "", ", ", "  "};
    size_t wanted = next(state) % size;
    size_t len = 0;
    while (len < wanted) {
        uint64_t random = next(state);
        int took = snprintf(text + len, size - len, "%s%s",
                            piece_of(kind, random), gaps[random % 8]);
        len += (size_t)took < size - len ? (size_t)took : size - len - 1;
        if (len >= size - 1)
            break;
    }
    if (len > 0 && next(state) % 4 == 0)
        text[next(state) % len] = (char)next(state);
    if (len > 0 && next(state) % 4 == 0)
        text[0] = (char)(text[0] & ~0x20);
    return len;
}

TEST(watch_golden, blocks_are_those_of_the_first_build)
{
    static char text[4000];
    static const struct kind kinds[] = {
        {"prose", 85, 15, UINT64_C(0x970647e337276e37)},
        {"marks", 30, 70, UINT64_C(0xc15d476695df7870)},
        {"mixed", 40, 20, UINT64_C(0x9ad7893664afd970)},
        {"wide", 10, 10, UINT64_C(0xf4f0247818d035ec)},
        {"words", 100, 0, UINT64_C(0x4ee5af2b18b23c9d)},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(kinds); i++) {
        uint64_t state = 88172645463325252u + i;
        uint64_t digest = 0;
        for (int n = 0; n < 4000; n++) {
            static struct weir_watch_call call;
            struct weir_watch_features features;
            uint8_t block[WEIR_WATCH_BLOCK_BYTES];
            size_t size = n % 3 == 0 ? sizeof(text) : 300;
            size_t len = make(&kinds[i], &state, text, size);
            weir_watch_begin(&call);
            weir_watch_prompt(&call, (weir_span){text, len});
            weir_watch_finish(&call, NULL, &features);
            weir_watch_pack(&features, block);
            digest = weir_hash64(
                (weir_span){(const char *)block, sizeof(block)}, digest);
        }
        if (digest != kinds[i].digest)
            fail_msg("%s: 0x%016llx", kinds[i].name,
                     (unsigned long long)digest);
    }
}

/* The texts of all kinds, cut anywhere, by the machine's own scan and the
 * plain one. */
TEST(watch_golden, every_scan_finds_the_same_tokens)
{
    static char text[WATCH_TOKENS_MAX + WATCH_TEXT_PAD];
    static struct watch_tokens plain;
    static struct watch_tokens other;
    static const struct kind kinds[] = {{.of_english = 85, .of_marks = 15},
                                        {.of_english = 30, .of_marks = 70},
                                        {.of_english = 40, .of_marks = 20},
                                        {.of_english = 10, .of_marks = 10},
                                        {.of_english = 100}};
    uint64_t state = 987654321;
    for (uint32_t round = 0; round < 20000; round++) {
        struct watch_text a = {.words = 0};
        struct watch_text b = {.words = 0};
        size_t size = round % 8 == 0 ? WATCH_TOKENS_MAX : 300;
        size_t len = make(&kinds[round % 5], &state, text, size);
        if (next(&state) % 3 == 0)
            len = next(&state) % (len + 1); /* short of blocks and lanes */
        len = weir__watch_clean(text, len, &a.bits);
        memset(text + len, 0, WATCH_TEXT_PAD);
        b.bits = a.bits;
        weir__watch_scan_plain(text, len, &a, &plain);
        weir__watch_scan(text, len, &b, &other);
        assert_memory_equal(&a, &b, sizeof(a));
        assert_int_equal(plain.word_count, other.word_count);
        assert_int_equal(plain.stem_count, other.stem_count);
        assert_int_equal(plain.frame_count, other.frame_count);
        assert_memory_equal(plain.words, other.words,
                            plain.word_count * sizeof(plain.words[0]));
        assert_memory_equal(plain.notes, other.notes,
                            plain.word_count * sizeof(plain.notes[0]));
        assert_memory_equal(plain.stems, other.stems,
                            plain.stem_count * sizeof(plain.stems[0]));
        assert_memory_equal(plain.frames, other.frames,
                            plain.frame_count * sizeof(plain.frames[0]));
        assert_memory_equal(plain.script_words, other.script_words,
                            sizeof(plain.script_words));
    }
}

/* Kernels differ in how they count and in nothing else. */
TEST(watch_golden, every_kernel_counts_the_same)
{
#if defined(__x86_64__)
    static struct watch_tokens tokens;
    uint64_t state = 1234567;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2"))
        skip();
    for (uint32_t round = 0; round < 3000; round++) {
        struct watch_counts plain = {.bins = {0}};
        uint32_t most = round % 10 == 0 ? 2000 : 30;
        tokens.word_count = (uint32_t)(next(&state) % most);
        tokens.stem_count = (uint32_t)(next(&state) % (most / 2));
        tokens.frame_count = (uint32_t)(next(&state) % most);
        for (uint32_t i = 0; i < most + 8; i++) {
            tokens.words[i] = next(&state);
            tokens.stems[i] = next(&state);
            tokens.frames[i] = next(&state);
            tokens.notes[i] = (uint32_t)next(&state);
        }
        for (uint32_t i = 0; i < WEIR_WATCH_BINS; i++)
            plain.bins[i] = UINT16_MAX;
        struct watch_counts other = plain;
        struct watch_counts third = plain;
        weir__watch_count_plain(&tokens, &plain);
        weir__watch_count_avx2(&tokens, &other);
        if (weir__watch_has_avx512())
            weir__watch_count_avx512(&tokens, &third);
        else
            third = other;
        /* no word says which language 0 is */
        plain.languages[0] = other.languages[0] = third.languages[0] = 0;
        assert_memory_equal(&plain, &other, sizeof(plain));
        assert_memory_equal(&plain, &third, sizeof(plain));
    }
#else
    skip();
#endif
}
