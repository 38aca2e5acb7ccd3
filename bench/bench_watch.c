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
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/watch.h>

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
    return bad > 0;
}
