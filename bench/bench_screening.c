/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many disguised names of real lists are found, how many strangers are
 * hit, and how fast is it?
 *
 *   bench_screening [OPTION]... LIST...
 *     --strangers FILE  also names of nobody, one a line (up to four files)
 *     --tune            the halves on which the matcher was tuned
 *     --show KIND       what is missed (a disguise) or hit (companies,
 *                       persons, a file) at 850
 *     --speed N         N generated names instead
 *
 * Lists in the order weir screen takes them; two faulty rows each are left
 * out. A name that a disguise does not change (after case) is not counted.
 * Recall: its entry is among the hits. A stranger whose folded name stands
 * in a list is none and is not counted.
 *
 * WHAT IS LEFT. A typo in a name of three letters and a name without its
 * surname are other names. How much a disguised name still says is counted
 * without the matcher: a word of the listed name says -log2 of the share of
 * listed names that have it, a bit and a half more or less for each letter
 * over or under six; six bits less for each edit. A name that is left with
 * fewer bits than it takes to number the listed names says nothing of whom
 * it means: it is counted in a column of its own, and recall is given with
 * and without it.
 */
#include "control/lists/lists.h"
#include "screening_disguise.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HITS_MAX     512u
#define SAMPLES_MAX  4000u
#define STRANGERS    20000u
#define WORDS_MAX    64u
#define FILES_MAX    4u
#define BITS_EDIT    6.0
#define BITS_LETTER  1.5
#define LETTERS      6.0
#define LETTERS_MORE 8.0
#define SHOWN_BELOW  850u

static void
die(const char *what)
{
    fprintf(stderr, "bench_screening: %s\n", what);
    exit(1);
}

static double
cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* --------------------------------------------------------------- running */

struct bench {
    struct weir_screening_rows rows;
    struct weir_arena arena;
    const struct weir_screening *index;
    struct weir_screening_scratch *scratch;
    struct weir_screening_hit hits[HITS_MAX];
    char **words; /* of all listed names, sorted: each once for each name */
    size_t word_count;
    const char *files[FILES_MAX];
    size_t file_count;
    const char *shown;
    bool is_tuning;
};

static const uint32_t thresholds[] = {700, 750, 775, 800, 825,
                                      850, 875, 900, 950};
#define THRESHOLDS WEIR_COUNTOF(thresholds)

static int
compare_words(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t
folded_words(const char *name, char *bytes, char *words[WORDS_MAX])
{
    char *save = NULL;
    size_t count = 0;
    size_t len =
        weir_screening_fold(weir_span_of(name), bytes, 4 * NAME_BYTES - 1);
    bytes[len] = '\0';
    for (char *word = strtok_r(bytes, " ", &save);
         word != NULL && count < WORDS_MAX; word = strtok_r(NULL, " ", &save))
        words[count++] = word;
    return count;
}

static void
count_words(struct bench *bench)
{
    char bytes[4 * NAME_BYTES];
    char *words[WORDS_MAX];
    bench->words =
        calloc((size_t)bench->rows.name_count * 25 + 1, sizeof(char *));
    if (bench->words == NULL)
        die("no memory");
    for (uint32_t i = 0; i < bench->rows.name_count; i++) {
        size_t count =
            folded_words(bench->rows.name_rows[i].text.ptr, bytes, words);
        for (size_t j = 0; j < count; j++)
            if ((bench->words[bench->word_count++] = strdup(words[j])) == NULL)
                die("no memory");
    }
    qsort(bench->words, bench->word_count, sizeof(char *), compare_words);
}

static void
load(struct bench *bench, char **files, int count)
{
    struct weir_list_options options = {.bad_max = 2};
    struct weir_faults faults;
    struct weir_error err = {0};
    weir_faults_init(&faults);
    weir_screening_rows_init(&bench->rows);
    weir_arena_init_heap(&bench->arena, (size_t)4 << 30);
    for (int i = 0; i < count; i++)
        if (weir_list_load(files[i], &options, &bench->rows, &faults, &err) !=
            WEIR_OK)
            die(err.text);
    double start = cpu_s();
    if (weir_screening_build(&bench->rows, &bench->arena, &bench->index,
                             &err) != WEIR_OK)
        die(err.text);
    bench->scratch = weir_screening_scratch_new(bench->index, &bench->arena);
    printf("%u entries, %u names; index in %.2f s, %.0f MB\n",
           bench->rows.entry_count, bench->rows.name_count, cpu_s() - start,
           (double)bench->arena.total / 1e6);
    weir_faults_fini(&faults);
    count_words(bench);
}

/* --------------------------------------------------------- what is left */

static double
bits_of(const struct bench *bench, const char *word)
{
    size_t low = 0;
    size_t high = bench->word_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(bench->words[middle], word) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    while (end < bench->word_count && strcmp(bench->words[end], word) == 0)
        end++;
    double letters = (double)strlen(word) - LETTERS;
    letters = letters > LETTERS_MORE ? LETTERS_MORE : letters;
    double bits = log2((double)bench->rows.name_count /
                       (double)(end > low ? end - low : 1)) +
                  letters * BITS_LETTER;
    return bits > 0 ? bits : 0;
}

/* Letters added, lost, changed or swapped. */
static size_t
edits(const char *a, const char *b)
{
    static size_t table[3][4 * NAME_BYTES];
    size_t n = strlen(a);
    size_t m = strlen(b);
    for (size_t j = 0; j <= m; j++)
        table[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *here = table[i % 3];
        const size_t *above = table[(i + 2) % 3];
        const size_t *above2 = table[(i + 1) % 3];
        here[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            best = best < above[j] + 1 ? best : above[j] + 1;
            best = best < here[j - 1] + 1 ? best : here[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
                a[i - 2] == b[j - 1] && above2[j - 2] + 1 < best)
                best = above2[j - 2] + 1;
            here[j] = best;
        }
    }
    return table[n % 3][m];
}

static bool
says_too_little(const struct bench *bench, const char *name, const char *out,
                enum damage damage)
{
    char bytes[2][4 * NAME_BYTES];
    char *listed[WORDS_MAX];
    char *left[WORDS_MAX];
    double sum = 0;
    if (damage == DAMAGE_NONE)
        return false;
    size_t listed_count = folded_words(name, bytes[0], listed);
    size_t left_count = folded_words(out, bytes[1], left);
    for (size_t i = 0; i < listed_count; i++) {
        size_t best = SIZE_MAX;
        for (size_t j = 0; j < left_count; j++) {
            size_t distance = edits(listed[i], left[j]);
            best = distance < best ? distance : best;
        }
        double bits = bits_of(bench, listed[i]);
        if (best == 0)
            sum += bits;
        else if (damage == DAMAGE_EDIT && best <= 2 &&
                 bits > BITS_EDIT * (double)best)
            sum += bits - BITS_EDIT * (double)best;
    }
    return sum < log2((double)bench->rows.name_count);
}

/* ---------------------------------------------------------------- recall */

struct tally {
    uint64_t total;
    uint64_t lost; /* say too little */
    uint64_t found[THRESHOLDS];
    uint64_t kept[THRESHOLDS]; /* found, of those that say enough */
};

/* Best score of `entry`, 0 when it is not found. */
static uint32_t
score_of(struct bench *bench, const char *name, uint32_t entry)
{
    struct weir_screening_answer answer =
        weir_screening_query(bench->index, bench->scratch, weir_span_of(name),
                             thresholds[0], bench->hits, HITS_MAX);
    for (uint32_t i = 0; i < answer.count; i++)
        if (bench->hits[i].entry == entry)
            return bench->hits[i].score;
    return 0;
}

static void
print_row(const char *name, const uint64_t *counts, uint64_t total,
          uint64_t lost)
{
    printf("| %s | %llu | %llu |", name, (unsigned long long)total,
           (unsigned long long)lost);
    for (size_t t = 0; t < THRESHOLDS; t++)
        printf(" %.4f |", total == 0 ? 0.0 : (double)counts[t] / (double)total);
    putchar('\n');
}

static bool
is_of_china(const struct bench *bench, uint32_t entry)
{
    weir_span place = bench->rows.entry_rows[entry].place;
    return weir_span_ends(place, WEIR_SPAN("CN")) ||
           weir_span_ends(place, WEIR_SPAN("China")) ||
           weir_span_ends(place, WEIR_SPAN("HK"));
}

static void
recall(struct bench *bench, const struct disguise *kind, struct tally *tally)
{
    uint32_t step =
        kind->of_china ? 2 : bench->rows.name_count / SAMPLES_MAX + 1;
    bool shows = bench->shown != NULL;
    for (uint32_t i = bench->is_tuning ? 0 : step / 2;
         i < bench->rows.name_count; i += step) {
        const struct weir_screening_name *row = &bench->rows.name_rows[i];
        char out[4 * NAME_BYTES];
        if (row->text.len >= NAME_BYTES / 2 ||
            (kind->of_china && !is_of_china(bench, row->entry)) ||
            !kind->apply(row->text.ptr, out) ||
            (kind != disguises && strcasecmp(out, row->text.ptr) == 0))
            continue;
        uint32_t score = score_of(bench, out, row->entry);
        bool is_lost = says_too_little(bench, row->text.ptr, out, kind->damage);
        tally->total++;
        tally->lost += is_lost;
        for (size_t t = 0; t < THRESHOLDS; t++) {
            tally->found[t] += score >= thresholds[t];
            tally->kept[t] += score >= thresholds[t] && !is_lost;
        }
        if (shows && score < SHOWN_BELOW)
            printf("%4u %s %s  <-  %s\n", score, is_lost ? "(lost)" : "", out,
                   row->text.ptr);
    }
}

/* ------------------------------------------------------------ strangers */

static FILE *names_in;

static void
from_file(char *out)
{
    char line[NAME_BYTES];
    out[0] = '\0';
    /* each other line: the halves */
    for (int i = 0; i < 2; i++)
        if (fgets(line, sizeof(line), names_in) == NULL)
            return;
    snprintf(out, NAME_BYTES, "%.*s", (int)strcspn(line, "\n"), line);
}

static void
strangers(struct bench *bench, const char *title, void (*make)(char *))
{
    uint64_t hit[THRESHOLDS] = {0};
    uint64_t total = 0;
    bool shows = bench->shown != NULL;
    char name[NAME_BYTES];
    for (uint32_t i = 0; i < STRANGERS; i++) {
        make(name);
        if (name[0] == '\0')
            break;
        struct weir_screening_answer answer = weir_screening_query(
            bench->index, bench->scratch, weir_span_of(name), thresholds[0],
            bench->hits, 1);
        uint32_t score = answer.count > 0 ? bench->hits[0].score : 0;
        if (score == WEIR_SCREENING_SCORE_MAX)
            continue; /* a listed name */
        total++;
        for (size_t t = 0; t < THRESHOLDS; t++)
            hit[t] += score >= thresholds[t];
        if (shows && score >= SHOWN_BELOW)
            printf("%4u  %s  ->  %s\n", score, name,
                   bench->rows.name_rows[bench->hits[0].name].text.ptr);
    }
    if (!shows)
        print_row(title, hit, total, 0);
}

static void
strangers_of_file(struct bench *bench, const char *path)
{
    char line[NAME_BYTES];
    names_in = fopen(path, "r");
    if (names_in == NULL)
        die("a file of strangers cannot be read");
    if (bench->is_tuning && fgets(line, sizeof(line), names_in) == NULL)
        die("a file of strangers is empty");
    strangers(bench, path, from_file);
    fclose(names_in);
}

/* ----------------------------------------------------------------- modes */

static void
speed(struct bench *bench, uint64_t count)
{
    uint64_t hits = 0;
    double start = cpu_s();
    const struct disguise *typo = disguises;
    while (strcmp(typo->name, "one typo") != 0)
        typo++;
    for (uint64_t i = 0; i < count; i++) {
        char out[4 * NAME_BYTES];
        uint32_t row = disguise_draw(bench->rows.name_count);
        const char *listed = bench->rows.name_rows[row].text.ptr;
        /* one in ten is a listed name with a typo */
        if (i % 10 != 0 || strlen(listed) > 300 || !typo->apply(listed, out)) {
            if (i % 3 == 0)
                stranger_person(out);
            else
                stranger_company(out);
        }
        hits += weir_screening_query(bench->index, bench->scratch,
                                     weir_span_of(out), SHOWN_BELOW,
                                     bench->hits, 10)
                    .total > 0;
    }
    double took = cpu_s() - start;
    printf("%llu names in %.2f s of one core: %.1f us each, %.4f with hits at "
           "850\n",
           (unsigned long long)count, took, took * 1e6 / (double)count,
           (double)hits / (double)count);
}

static void
tables(struct bench *bench)
{
    struct tally all = {0};
    printf("| disguise | names | too little left |");
    for (size_t t = 0; t < THRESHOLDS; t++)
        printf(" %u |", thresholds[t]);
    printf("\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    for (size_t kind = 0; kind < disguise_count; kind++) {
        struct tally one = {0};
        char title[64];
        recall(bench, &disguises[kind], &one);
        print_row(disguises[kind].name, one.found, one.total, one.lost);
        snprintf(title, sizeof(title), "%s, enough left", disguises[kind].name);
        if (one.lost > 0)
            print_row(title, one.kept, one.total - one.lost, 0);
        for (size_t t = 0; t < THRESHOLDS && kind > 0; t++) {
            all.found[t] += one.found[t];
            all.kept[t] += one.kept[t];
        }
        all.total += kind > 0 ? one.total : 0;
        all.lost += kind > 0 ? one.lost : 0;
    }
    print_row("all but unchanged", all.found, all.total, all.lost);
    print_row("all that say enough", all.kept, all.total - all.lost, 0);
    strangers(bench, "strangers: made companies", stranger_company);
    strangers(bench, "strangers: made persons", stranger_person);
    for (size_t i = 0; i < bench->file_count; i++)
        strangers_of_file(bench, bench->files[i]);
}

static void
show(struct bench *bench)
{
    struct tally tally = {0};
    for (size_t kind = 0; kind < disguise_count; kind++)
        if (strcmp(disguises[kind].name, bench->shown) == 0)
            recall(bench, &disguises[kind], &tally);
    if (strcmp(bench->shown, "companies") == 0)
        strangers(bench, "", stranger_company);
    if (strcmp(bench->shown, "persons") == 0)
        strangers(bench, "", stranger_person);
    for (size_t i = 0; i < bench->file_count; i++)
        if (strcmp(bench->files[i], bench->shown) == 0)
            strangers_of_file(bench, bench->shown);
}

int
main(int argc, char **argv)
{
    static struct bench bench;
    uint64_t names = 0;
    int at = 1;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--tune") == 0)
            bench.is_tuning = true;
        else if (strcmp(argv[at], "--speed") == 0)
            names = strtoull(argv[++at], NULL, 10);
        else if (strcmp(argv[at], "--show") == 0)
            bench.shown = argv[++at];
        else if (strcmp(argv[at], "--strangers") == 0 &&
                 bench.file_count < FILES_MAX)
            bench.files[bench.file_count++] = argv[++at];
        else
            die("an option is not known; see the head of bench_screening.c");
    }
    if (at >= argc)
        die("usage: bench_screening [OPTION]... LIST...");
    disguise_seed(bench.is_tuning ? 20260101 : 20261122);
    load(&bench, argv + at, argc - at);
    if (names > 0)
        speed(&bench, names);
    else if (bench.shown != NULL)
        show(&bench);
    else
        tables(&bench);
    for (size_t i = 0; i < bench.word_count; i++)
        free(bench.words[i]);
    free(bench.words);
    weir_arena_fini(&bench.arena);
    weir_screening_rows_fini(&bench.rows);
    return 0;
}
