/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many disguised names of real lists are found, how many strangers are
 * hit, and how fast is it?
 *
 *   bench_screening [OPTION]... LIST...
 *     --strangers FILE  also names of nobody, one a line (up to four files)
 *     --learnt          the half on which points were learnt
 *     --show KIND       what is missed (a disguise) or hit (companies,
 *                       persons, mixed, a file) at 850
 *     --speed N         N generated names instead
 *
 * Lists in the order weir screen takes them; two faulty rows each are left
 * out. A name that a disguise does not change (after case) is not counted.
 * Recall: its entry is among the hits. A stranger whose folded name stands
 * in a list is none and is not counted. Mixed persons have the given names
 * of one listed person and the surname of another.
 *
 * WHAT IS LEFT. A typo in a name of three letters and a name without its
 * surname are other names. How much a disguised name still says is counted
 * without the lists and without points: a word says the bits of the table
 * of the world's names; one that the table does not have 14, and a bit and a
 * half more or less for each letter over or under six; six bits less for
 * each edit, three for a word in other letters. Fifteen bits tell 30,000
 * names from each other. To tell them from a thousand strangers takes 25: of
 * a name that is left with fewer, whom it means is not known at one false
 * hit in a thousand. Recall is given for all, and by what is left.
 */
#include "control/lists/lists.h"
#include "screen.h"
#include "screening_disguise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HITS_MAX    512u
#define SAMPLES_MAX 8000u
#define STRANGERS   20000u
#define FILES_MAX   4u
#define SHOWN_BELOW 850u
#define LOWEST      500u

/* Bits. */
#define ENOUGH       25.0
#define SOME         15.0
#define BITS_UNKNOWN 14.0
#define BITS_PLAIN   7.0
#define BITS_EDIT    6.0
#define BITS_SCRIPT  3.0
#define BITS_LETTER  1.5
#define LETTERS      6.0
#define LETTERS_MORE 8.0

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
    uint32_t *first_name; /* [entry]: its first row */
    const char *files[FILES_MAX];
    size_t file_count;
    const char *shown;
    bool is_learnt;
};

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
    bench->first_name =
        weir_arena_array(&bench->arena, uint32_t, bench->rows.entry_count + 1);
    if (bench->scratch == NULL || bench->first_name == NULL)
        die("no memory");
    for (uint32_t i = bench->rows.name_count; i > 0; i--)
        bench->first_name[bench->rows.name_rows[i - 1].entry] = i - 1;
}

static bool
is_mine(const struct bench *bench, uint32_t entry)
{
    const struct weir_screening_name *first =
        &bench->rows.name_rows[bench->first_name[entry]];
    return disguise_is_learnt(first->text) == bench->is_learnt;
}

/* --------------------------------------------------------- what is left */

static double
bits_of(const struct screen_word *word)
{
    uint32_t known = weir__screen_background(word->text);
    double letters = (double)word->text.len - LETTERS;
    if (word->rank >= SCREEN_STOP || word->text.len == 1)
        return 0;
    if (known != UINT32_MAX)
        return (double)known / 8;
    if (word->rank == SCREEN_PLAIN)
        return BITS_PLAIN;
    letters = letters > LETTERS_MORE ? LETTERS_MORE : letters;
    return BITS_UNKNOWN + letters * BITS_LETTER;
}

static double
cost_of(double bits, uint32_t edits, enum damage damage)
{
    if (damage == DAMAGE_SCRIPT)
        return BITS_SCRIPT;
    if (damage == DAMAGE_NONE || edits == 0)
        return 0;
    return damage == DAMAGE_EDIT && edits <= 2 ? BITS_EDIT * edits : bits;
}

/* Bits that the disguised name still says of the listed one. */
static double
bits_left(const char *name, const char *out, enum damage damage)
{
    static struct screen_words listed;
    static struct screen_words left;
    double sum = 0;
    weir__screen_words(weir_span_of(name), &listed);
    weir__screen_words(weir_span_of(out), &left);
    for (uint32_t i = 0; i < listed.count; i++) {
        double bits = bits_of(&listed.words[i]);
        uint32_t best = 3;
        for (uint32_t j = 0; j < left.count; j++) {
            uint32_t distance = weir__screen_distance(listed.words[i].text,
                                                      left.words[j].text, 2);
            best = distance < best ? distance : best;
        }
        double cost = cost_of(bits, best, damage);
        sum += bits > cost ? bits - cost : 0;
    }
    return sum;
}

/* ---------------------------------------------------------------- recall */

/* How many names have each score. */
struct tally {
    uint64_t total;
    uint64_t have[WEIR_SCREENING_SCORE_MAX + 1];
};

enum { ALL, RICH, MIDDLE, POOR, BINS }; /* by what is left */

static void
count(struct tally *tally, uint32_t score)
{
    tally->total++;
    tally->have[score]++;
}

static double
reach(const struct tally *tally, uint32_t threshold)
{
    uint64_t sum = 0;
    for (uint32_t i = threshold; i <= WEIR_SCREENING_SCORE_MAX; i++)
        sum += tally->have[i];
    return tally->total == 0 ? 0 : (double)sum / (double)tally->total;
}

static void
add_tally(struct tally *sum, const struct tally *one)
{
    sum->total += one->total;
    for (uint32_t i = 0; i <= WEIR_SCREENING_SCORE_MAX; i++)
        sum->have[i] += one->have[i];
}

/* Best score of `entry`, 0 when it is not found. */
static uint32_t
score_of(struct bench *bench, const char *name, uint32_t entry)
{
    struct weir_screening_answer answer =
        weir_screening_query(bench->index, bench->scratch, weir_span_of(name),
                             LOWEST, bench->hits, HITS_MAX);
    for (uint32_t i = 0; i < answer.count; i++)
        if (bench->hits[i].entry == entry)
            return bench->hits[i].score;
    return 0;
}

static void
recall(struct bench *bench, const struct disguise *kind,
       struct tally tallies[BINS])
{
    const struct weir_screening_rows *rows = &bench->rows;
    uint32_t step =
        kind->whose == OF_ALL ? rows->name_count / SAMPLES_MAX + 1 : 1;
    for (uint32_t i = 0; i < rows->name_count; i += step) {
        const struct weir_screening_name *row = &rows->name_rows[i];
        char out[4 * NAME_BYTES];
        if (row->text.len >= NAME_BYTES / 2 || !is_mine(bench, row->entry) ||
            !disguise_is_for(kind, rows->entry_rows[row->entry].place) ||
            !kind->apply(row->text.ptr, out) ||
            (kind != disguises && strcasecmp(out, row->text.ptr) == 0))
            continue;
        uint32_t score = score_of(bench, out, row->entry);
        double bits = bits_left(row->text.ptr, out, kind->damage);
        int bin = kind->damage == DAMAGE_NONE || bits >= ENOUGH ? RICH
                  : bits >= SOME                                ? MIDDLE
                                                                : POOR;
        count(&tallies[ALL], score);
        count(&tallies[bin], score);
        if (bench->shown != NULL && score < SHOWN_BELOW)
            printf("%4u %5.1f %s  <-  %s\n", score, bits, out, row->text.ptr);
    }
}

/* ------------------------------------------------------------ strangers */

static void
stranger(struct bench *bench, const char *name, struct tally *tally)
{
    struct weir_screening_answer answer =
        weir_screening_query(bench->index, bench->scratch, weir_span_of(name),
                             LOWEST, bench->hits, 1);
    uint32_t score = answer.count > 0 ? bench->hits[0].score : 0;
    if (score == WEIR_SCREENING_SCORE_MAX)
        return; /* a listed name */
    count(tally, score);
    if (bench->shown != NULL && score >= SHOWN_BELOW)
        printf("%4u  %s  ->  %s\n", score, name,
               bench->rows.name_rows[bench->hits[0].name].text.ptr);
}

static void
made_strangers(struct bench *bench, void (*make)(char *), struct tally *tally)
{
    char name[NAME_BYTES];
    for (uint32_t i = 0; i < STRANGERS; i++) {
        make(name);
        stranger(bench, name, tally);
    }
}

/* "SURNAME, Given" of a listed person; NULL: another kind of row. */
static const char *
comma_of(const struct bench *bench, uint32_t row)
{
    const struct weir_screening_name *name = &bench->rows.name_rows[row];
    if (bench->rows.entry_rows[name->entry].subject != WEIR_SUBJECT_PERSON ||
        name->is_alias || !is_mine(bench, name->entry) || name->text.len > 200)
        return NULL;
    return strstr(name->text.ptr, ", ");
}

static void
mixed_persons(struct bench *bench, struct tally *tally)
{
    for (uint32_t i = 0; i < STRANGERS * 20 && tally->total < STRANGERS; i++) {
        uint32_t a = disguise_draw(bench->rows.name_count);
        uint32_t b = disguise_draw(bench->rows.name_count);
        const char *given = comma_of(bench, a);
        const char *end = comma_of(bench, b);
        char name[NAME_BYTES];
        if (given == NULL || end == NULL || a == b)
            continue;
        const char *surname = bench->rows.name_rows[b].text.ptr;
        snprintf(name, sizeof name, "%s %.*s", given + 2, (int)(end - surname),
                 surname);
        stranger(bench, name, tally);
    }
}

static void
strangers_of_file(struct bench *bench, const char *path, struct tally *tally)
{
    char line[NAME_BYTES];
    FILE *in = fopen(path, "r");
    if (in == NULL)
        die("a file of strangers cannot be read");
    while (fgets(line, sizeof line, in) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (disguise_is_learnt(weir_span_of(line)) == bench->is_learnt)
            stranger(bench, line, tally);
    }
    fclose(in);
}

/* ----------------------------------------------------------------- modes */

static void
speed(struct bench *bench, uint64_t names)
{
    uint64_t hits = 0;
    double start = cpu_s();
    const struct disguise *typo = disguises;
    while (strcmp(typo->name, "one typo") != 0)
        typo++;
    for (uint64_t i = 0; i < names; i++) {
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
           (unsigned long long)names, took, took * 1e6 / (double)names,
           (double)hits / (double)names);
}

static void
print_reach(const struct tally *tally, uint32_t threshold)
{
    if (tally->total == 0)
        printf(" |");
    else
        printf(" %.4f |", reach(tally, threshold));
}

static void
print_recall(const char *title, const struct tally tallies[BINS])
{
    printf("| %s | %llu |", title, (unsigned long long)tallies[ALL].total);
    print_reach(&tallies[ALL], 850);
    print_reach(&tallies[ALL], 800);
    for (int bin = RICH; bin < BINS; bin++) {
        printf(" %llu |", (unsigned long long)tallies[bin].total);
        print_reach(&tallies[bin], 850);
    }
    putchar('\n');
}

enum { ASKED, EVERY, SETS };

static void
recalls(struct bench *bench, struct tally sets[SETS][BINS])
{
    printf("| disguise | names | at 850 | at 800 | 25 bits left | at 850 | 15 "
           "to 25 | at 850 | fewer | at 850 |\n"
           "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    for (size_t kind = 0; kind < disguise_count; kind++) {
        static struct tally one[BINS];
        memset(one, 0, sizeof one);
        recall(bench, &disguises[kind], one);
        print_recall(disguises[kind].name, one);
        for (int bin = 0; bin < BINS && kind > 0; bin++) {
            add_tally(&sets[EVERY][bin], &one[bin]);
            if (disguises[kind].is_asked)
                add_tally(&sets[ASKED][bin], &one[bin]);
        }
    }
    print_recall("**all of the goal**", sets[ASKED]);
    print_recall("**all but unchanged**", sets[EVERY]);
}

/* Of all, and of those with 25 bits left. */
static void
print_curve(const struct bench *bench, const struct tally sets[SETS][BINS],
            const struct tally *hit)
{
    static const uint32_t thresholds[] = {600, 650, 700, 750, 775, 800, 825,
                                          850, 875, 900, 925, 950, 975};
    size_t kinds = 3 + bench->file_count;
    printf("\n| threshold | goal | goal, 25 bits | all | all, 25 bits | made "
           "companies | made persons | mixed persons |");
    for (size_t i = 0; i < bench->file_count; i++)
        printf(" %s |", bench->files[i]);
    printf("\n|---:|---:|---:|---:|---:|");
    for (size_t i = 0; i < kinds; i++)
        printf("---:|");
    printf("\n| names |");
    for (int set = 0; set < SETS; set++)
        for (int bin = ALL; bin <= RICH; bin++)
            printf(" %llu |", (unsigned long long)sets[set][bin].total);
    for (size_t i = 0; i < kinds; i++)
        printf(" %llu |", (unsigned long long)hit[i].total);
    for (size_t t = 0; t < WEIR_COUNTOF(thresholds); t++) {
        printf("\n| %u |", thresholds[t]);
        for (int set = 0; set < SETS; set++)
            for (int bin = ALL; bin <= RICH; bin++)
                print_reach(&sets[set][bin], thresholds[t]);
        for (size_t i = 0; i < kinds; i++)
            printf(" %.2f |", 1000 * reach(&hit[i], thresholds[t]));
    }
    putchar('\n');
}

static void
tables(struct bench *bench)
{
    static struct tally sets[SETS][BINS];
    static struct tally hit[3 + FILES_MAX];
    recalls(bench, sets);
    made_strangers(bench, stranger_company, &hit[0]);
    made_strangers(bench, stranger_person, &hit[1]);
    mixed_persons(bench, &hit[2]);
    for (size_t i = 0; i < bench->file_count; i++)
        strangers_of_file(bench, bench->files[i], &hit[3 + i]);
    print_curve(bench, sets, hit);
}

static void
show(struct bench *bench)
{
    static struct tally tallies[BINS];
    for (size_t kind = 0; kind < disguise_count; kind++)
        if (strcmp(disguises[kind].name, bench->shown) == 0)
            recall(bench, &disguises[kind], tallies);
    if (strcmp(bench->shown, "companies") == 0)
        made_strangers(bench, stranger_company, tallies);
    if (strcmp(bench->shown, "persons") == 0)
        made_strangers(bench, stranger_person, tallies);
    if (strcmp(bench->shown, "mixed") == 0)
        mixed_persons(bench, tallies);
    for (size_t i = 0; i < bench->file_count; i++)
        if (strcmp(bench->files[i], bench->shown) == 0)
            strangers_of_file(bench, bench->shown, tallies);
}

int
main(int argc, char **argv)
{
    static struct bench bench;
    uint64_t names = 0;
    int at = 1;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--learnt") == 0)
            bench.is_learnt = true;
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
    disguise_seed(bench.is_learnt ? 20260101 : 20261122);
    load(&bench, argv + at, argc - at);
    if (names > 0)
        speed(&bench, names);
    else if (bench.shown != NULL)
        show(&bench);
    else
        tables(&bench);
    weir_arena_fini(&bench.arena);
    weir_screening_rows_fini(&bench.rows);
    return 0;
}
