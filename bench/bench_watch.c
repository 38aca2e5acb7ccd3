/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What do the features of one call cost, by size and kind of prompt?
 *
 *   bench_watch [ROUNDS]
 *
 * Each row: nanoseconds for begin, prompt, finish and pack of one call, the
 * least of several runs (the machine is shared). Kinds beside prose are what
 * an adversary sends. Fails beyond the budget: 1.5 us for 600 bytes of prose
 * and 8 us at the input cap, times the slack given by WATCH_SLACK (1).
 *
 * And what does matching against shared indicators add, by exchanges that
 * hold up to a million words together: at most 400 ns each; and how long does a
 * worker check a set when it maps it: at most 20 ms?
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/watch_indicators.h>

#define RUNS 15

static const char prose[] =
    "Write a short essay about the history of the Ottoman trade routes, and "
    "explain which goods were carried from the coast to the inner provinces. "
    "Give at least three examples with the year, compare them with the routes "
    "of the Venetian merchants, and finish with a table that lists the goods, "
    "their origin and the price that a buyer had to pay in silver. If a price "
    "is not known, estimate it from the wages of a mason and say how you got "
    "there. Do not use more than 400 words, and keep the tone of a museum "
    "guide who speaks to visitors that have never heard about it before. ";

static const char chinese[] =
    "请写一篇关于丝绸之路历史的短文，并解释哪些货物从沿海运到内陆省份。"
    "至少给出三个带有年份的例子，把它们与威尼斯商人的路线进行比较，最后用一个"
    "表格列出货物、产地和买家需要支付的价格。";

static double
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void
fill(char *text, size_t len, const char *pattern, size_t pattern_len)
{
    for (size_t i = 0; i < len; i++)
        text[i] = pattern[i % pattern_len];
}

static double
measure(const char *text, size_t len, int rounds)
{
    static struct weir_watch_call call;
    struct weir_watch_features features;
    uint8_t block[WEIR_WATCH_BLOCK_BYTES];
    double best = 1e300;
    unsigned sum = 0;
    for (int run = 0; run < RUNS; run++) {
        double start = now_ns();
        for (int i = 0; i < rounds; i++) {
            weir_watch_begin(&call);
            weir_watch_prompt(&call, (weir_span){text, len});
            weir_watch_finish(&call, NULL, &features);
            weir_watch_pack(&features, block);
            sum += block[i % WEIR_WATCH_BLOCK_BYTES];
        }
        double each = (now_ns() - start) / rounds;
        best = each < best ? each : best;
    }
    if (sum == 1)
        printf(" ");
    return best;
}

/* ---------------------------------------------------------- indicators */

#define WORDS (1u << 20)

static struct weir_buf
make_set(uint32_t exchanges, uint32_t count, uint64_t *words)
{
    struct weir_indicator_exchange rows[WEIR_EXCHANGES_MAX];
    struct weir_buf out;
    for (uint32_t i = 0; i < WORDS; i++)
        words[i] = weir_hash64((weir_span){(const char *)&i, sizeof(i)}, 7) | 1;
    for (uint32_t i = 0; i < exchanges; i++)
        rows[i] = (struct weir_indicator_exchange){
            .name = weir_span_of("exchange"),
            .salt = {(uint8_t)i, 3},
            .number = i,
            .until = WEIR_TIME_MAX,
            .words = words + i * (count / exchanges),
            .count = count / exchanges};
    weir_buf_init(&out, (size_t)256 << 20);
    if (weir_indicators_write(rows, exchanges, 1, 1, &out, NULL) != WEIR_OK)
        exit(2);
    return out;
}

/* A call that matches nothing: every table is asked for every kind. */
static double
match_ns(const struct weir_indicators *set, int rounds)
{
    struct weir_watch_features f = {.frame = 1};
    double best = 1e300;
    uint32_t sum = 0;
    for (int run = 0; run < RUNS; run++) {
        double start = now_ns();
        for (int i = 0; i < rounds; i++) {
            f.frame = f.head = f.tail = f.system = f.first_words =
                f.last_words = (uint64_t)(run * rounds + i) * 2654435761u + 1;
            sum += weir_indicators_match(set, &f, 1).exchanges;
        }
        double each = (now_ns() - start) / rounds;
        best = each < best ? each : best;
    }
    if (sum != 0)
        printf(" ");
    return best;
}

static int
bench_indicators(int rounds, double slack)
{
    static const struct {
        uint32_t exchanges;
        uint32_t words; /* together; 20,000 lie in a cache */
    } rows[] = {{2, 20000}, {1, WORDS}, {4, WORDS}, {32, WORDS}};
    uint64_t *words = malloc(WORDS * sizeof(*words));
    int bad = 0;
    if (words == NULL)
        return 1;
    printf("%-14s %9s %9s %9s\n", "exchanges", "words", "ns", "open us");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_buf bytes =
            make_set(rows[i].exchanges, rows[i].words, words);
        struct weir_indicators set;
        double open_ns = 1e300;
        for (int run = 0; run < 5; run++) {
            double start = now_ns();
            if (weir_indicators_open(weir_buf_span(&bytes), &set, NULL) !=
                WEIR_OK)
                exit(2);
            double took = now_ns() - start;
            open_ns = took < open_ns ? took : open_ns;
        }
        double ns = match_ns(&set, rounds);
        bool is_over =
            ns > 400 * rows[i].exchanges * slack || open_ns > 20e6 * slack;
        bad += is_over;
        printf("%-14u %9u %9.0f %9.0f%s\n", rows[i].exchanges, rows[i].words,
               ns, open_ns / 1000, is_over ? "  OVER BUDGET" : "");
        weir_buf_fini(&bytes);
    }
    free(words);
    return bad;
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        const char *pattern;
        size_t pattern_len;
        size_t len;
        double budget_ns; /* 0: shown only */
    } rows[] = {
        {"prose", prose, sizeof(prose) - 1, 60, 0},
        {"prose", prose, sizeof(prose) - 1, 600, 1500},
        {"prose", prose, sizeof(prose) - 1, 2560, 8000},
        {"prose", prose, sizeof(prose) - 1, 130000, 8000},
        {"Chinese", chinese, sizeof(chinese) - 1, 600, 0},
        {"Chinese", chinese, sizeof(chinese) - 1, 2560, 0},
        {"one letter", "a", 1, 2560, 8000},
        {"one letter", "a", 1, 8 << 20, 0},
        {"one blank", " ", 1, 2560, 8000},
        {"letters apart", "a ", 2, 2560, 0},
        {"marks", "!", 1, 2560, 0},
        {"quotes", "\"", 1, 2560, 0},
        {"open quotes", " 'a", 3, 2560, 0},
        {"broken bytes", "\xff\xfe\x80", 3, 2560, 0},
        {"zero-width", "a\xe2\x80\x8b", 4, 2560, 0},
        {"scripts", "a\xd0\xb1\xce\xb3\xd7\x93\xe0\xa4\x95\xe4\xb8\x80", 13,
         2560, 0},
        {"code", "if (x_1 == 3) { y += f(x); }\n", 29, 2560, 0},
    };
    int rounds = argc > 1 ? atoi(argv[1]) : 2000;
    const char *slack_text = getenv("WATCH_SLACK");
    double slack = slack_text != NULL ? atof(slack_text) : 1.0;
    int bad = 0;
    char *text = malloc((8 << 20) + 1);
    if (text == NULL || rounds < 1)
        return 2;
    printf("%-14s %9s %9s\n", "prompt", "bytes", "ns");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fill(text, rows[i].len, rows[i].pattern, rows[i].pattern_len);
        double ns = measure(text, rows[i].len, rounds);
        bool is_over = rows[i].budget_ns > 0 && ns > rows[i].budget_ns * slack;
        bad += is_over;
        printf("%-14s %9zu %9.0f%s\n", rows[i].name, rows[i].len, ns,
               is_over ? "  OVER BUDGET" : "");
    }
    free(text);
    bad += bench_indicators(rounds, slack);
    return bad > 0;
}
