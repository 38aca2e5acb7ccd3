/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many disguised names of real lists are found, how many strangers are
 * hit, and how fast is it?
 *
 *   bench_screening FILE...            recall and false hits by threshold
 *   bench_screening --speed N FILE...  N generated names
 *   bench_screening --show KIND FILE...  what is missed at 850
 *
 * Files are lists in the order weir screen takes them; two faulty rows each
 * are left out. A disguise is a function of a listed name; a name that it
 * does not change (after case) is not counted. Recall: its entry is among
 * the hits. Strangers are generated from syllables and common words, with
 * common given names and surnames for persons; a stranger whose folded name
 * stands in a list is not one and is not counted. Everything follows from a
 * fixed seed.
 */
#include "control/lists/lists.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HITS_MAX    512u
#define NAME_BYTES  1200u
#define SAMPLES_MAX 4000u
#define STRANGERS   20000u
#define FIELD_WORDS 24u

static uint64_t seed = 20260101;

static uint32_t
draw(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 20) % below);
}

static const char *
pick(const char *const *words, size_t count)
{
    return words[draw((uint32_t)count)];
}
#define PICK(words) pick(words, WEIR_COUNTOF(words))

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

/* ------------------------------------------------------------ disguises */

struct split {
    char bytes[NAME_BYTES];
    char *words[FIELD_WORDS];
    size_t count;
};

static bool
split_words(const char *name, struct split *split)
{
    char *save = NULL;
    split->count = 0;
    if (snprintf(split->bytes, sizeof(split->bytes), "%s", name) >=
        (int)sizeof(split->bytes))
        return false;
    for (char *word = strtok_r(split->bytes, " ,", &save); word != NULL;
         word = strtok_r(NULL, " ,", &save)) {
        if (split->count == FIELD_WORDS)
            return false;
        split->words[split->count++] = word;
    }
    return true;
}

static void
join_words(const struct split *split, char *out)
{
    out[0] = '\0';
    for (size_t i = 0; i < split->count; i++) {
        if (i > 0)
            strcat(out, " ");
        strcat(out, split->words[i]);
    }
}

/* Each writes the disguised name and says whether it applies. */
typedef bool disguise(const char *name, char *out);

static bool
replace_each(const char *name, char *out, const char *const (*pairs)[2],
             size_t count)
{
    size_t used = 0;
    bool is_changed = false;
    for (const char *c = name; *c != '\0' && used < NAME_BYTES - 16;) {
        size_t i = 0;
        while (i < count &&
               strncasecmp(c, pairs[i][0], strlen(pairs[i][0])) != 0)
            i++;
        if (i == count) {
            out[used++] = *c++;
            continue;
        }
        is_changed = true;
        used += (size_t)sprintf(out + used, "%s", pairs[i][1]);
        c += strlen(pairs[i][0]);
    }
    out[used] = '\0';
    return is_changed;
}

static bool
respelled(const char *name, char *out)
{
    static const char *const pairs[][2] = {
        {"shch", "sch"}, {"kh", "h"},  {"zh", "j"}, {"iy", "y"}, {"ou", "u"},
        {"oo", "u"},     {"ph", "f"},  {"q", "k"},  {"y", "i"},  {"w", "v"},
        {"ks", "x"},     {"ts", "tz"}, {"dh", "d"}, {"gh", "g"}, {"ee", "i"}};
    return replace_each(name, out, pairs, WEIR_COUNTOF(pairs));
}

/* Latin letters as a Russian would write them. */
static bool
cyrillic(const char *name, char *out)
{
    static const char *const pairs[][2] = {
        {"ce", "се"}, {"ci", "си"},  {"cy", "си"}, {"ck", "к"}, {"th", "т"},
        {"ph", "ф"},  {"shch", "щ"}, {"sh", "ш"},  {"ch", "ч"}, {"zh", "ж"},
        {"kh", "х"},  {"ts", "ц"},   {"yu", "ю"},  {"ya", "я"}, {"ye", "е"},
        {"a", "а"},   {"b", "б"},    {"c", "к"},   {"d", "д"},  {"e", "е"},
        {"f", "ф"},   {"g", "г"},    {"h", "х"},   {"i", "и"},  {"j", "дж"},
        {"k", "к"},   {"l", "л"},    {"m", "м"},   {"n", "н"},  {"o", "о"},
        {"p", "п"},   {"q", "к"},    {"r", "р"},   {"s", "с"},  {"t", "т"},
        {"u", "у"},   {"v", "в"},    {"w", "в"},   {"x", "кс"}, {"y", "й"},
        {"z", "з"}};
    return strlen(name) < 250 &&
           replace_each(name, out, pairs, WEIR_COUNTOF(pairs));
}

static bool
greek(const char *name, char *out)
{
    static const char *const pairs[][2] = {
        {"ce", "σε"}, {"ci", "σι"}, {"th", "θ"}, {"ch", "χ"}, {"ps", "ψ"},
        {"ph", "φ"},  {"a", "α"},   {"b", "μπ"}, {"c", "κ"},  {"d", "δ"},
        {"e", "ε"},   {"f", "φ"},   {"g", "γ"},  {"h", "χ"},  {"i", "ι"},
        {"j", "τζ"},  {"k", "κ"},   {"l", "λ"},  {"m", "μ"},  {"n", "ν"},
        {"o", "ο"},   {"p", "π"},   {"q", "κ"},  {"r", "ρ"},  {"s", "σ"},
        {"t", "τ"},   {"u", "ου"},  {"v", "β"},  {"w", "β"},  {"x", "ξ"},
        {"y", "υ"},   {"z", "ζ"}};
    return strlen(name) < 250 &&
           replace_each(name, out, pairs, WEIR_COUNTOF(pairs));
}

static bool
diacritics(const char *name, char *out)
{
    static const char *const pairs[][2] = {{"a", "á"}, {"e", "ë"}, {"o", "ö"},
                                           {"u", "ū"}, {"n", "ñ"}, {"c", "č"},
                                           {"s", "ş"}, {"z", "ž"}, {"i", "ï"}};
    return strlen(name) < 500 &&
           replace_each(name, out, pairs, WEIR_COUNTOF(pairs));
}

static bool
look_alikes(const char *name, char *out)
{
    static const char *const pairs[][2] = {
        {"a", "а"}, {"e", "е"}, {"o", "о"}, {"p", "р"}};
    return strlen(name) < 500 &&
           replace_each(name, out, pairs, WEIR_COUNTOF(pairs));
}

static bool
order(const char *name, char *out)
{
    struct split split;
    if (!split_words(name, &split) || split.count < 2)
        return false;
    for (size_t i = split.count - 1; i > 0; i--) {
        size_t j = draw((uint32_t)i + 1);
        char *word = split.words[i];
        split.words[i] = split.words[j];
        split.words[j] = word;
    }
    join_words(&split, out);
    return true;
}

static bool
drop(const char *name, char *out, size_t least)
{
    struct split split;
    char folded[NAME_BYTES];
    size_t len = weir_screening_fold(weir_span_of(name), folded, NAME_BYTES);
    size_t words = len > 0;
    for (size_t i = 0; i < len; i++)
        words += folded[i] == ' ';
    if (words < least || (least == 2 && words != 2) ||
        !split_words(name, &split) || split.count < 2)
        return false;
    size_t gone = draw((uint32_t)split.count);
    memmove(split.words + gone, split.words + gone + 1,
            (split.count - gone - 1) * sizeof(char *));
    split.count--;
    join_words(&split, out);
    return true;
}

static bool
drop_of_two(const char *name, char *out)
{
    return drop(name, out, 2);
}

static bool
drop_of_three(const char *name, char *out)
{
    return drop(name, out, 3);
}

static bool
blank_lost(const char *name, char *out)
{
    struct split split;
    if (!split_words(name, &split) || split.count < 2)
        return false;
    size_t at = draw((uint32_t)split.count - 1);
    out[0] = '\0';
    for (size_t i = 0; i < split.count; i++) {
        strcat(out, split.words[i]);
        if (i != at)
            strcat(out, " ");
    }
    return true;
}

static bool
one_typo(const char *name, char *out)
{
    size_t len = strlen(name);
    size_t places[NAME_BYTES];
    size_t count = 0;
    for (size_t i = 1; i + 1 < len && len < NAME_BYTES - 2; i++)
        if (isalpha((unsigned char)name[i]) &&
            isalpha((unsigned char)name[i - 1]) &&
            isalpha((unsigned char)name[i + 1]))
            places[count++] = i;
    if (count == 0)
        return false;
    size_t at = places[draw((uint32_t)count)];
    char letter = (char)('a' + draw(26));
    switch (draw(4)) {
    case 0: /* lost */
        sprintf(out, "%.*s%s", (int)at, name, name + at + 1);
        break;
    case 1: /* added */
        sprintf(out, "%.*s%c%s", (int)at, name, letter, name + at);
        break;
    case 2: /* changed */
        sprintf(out, "%.*s%c%s", (int)at, name, letter, name + at + 1);
        break;
    default: /* swapped */
        sprintf(out, "%.*s%c%c%s", (int)at, name, name[at + 1], name[at],
                name + at + 2);
    }
    return true;
}

static bool
two_typos(const char *name, char *out)
{
    char once[NAME_BYTES + 4];
    return strlen(name) < NAME_BYTES - 4 && one_typo(name, once) &&
           one_typo(once, out);
}

static const char *const forms[] = {"Ltd",       "LLC",     "GmbH", "S.A.",
                                    "Co., Ltd.", "OOO",     "Inc.", "S.R.L.",
                                    "有限公司",  "Limited", "PJSC", "Pte Ltd"};

static bool
legal_form(const char *name, char *out)
{
    if (strlen(name) > NAME_BYTES - 40)
        return false;
    sprintf(out, "%s %s", name, PICK(forms));
    return true;
}

static bool
initial(const char *name, char *out)
{
    struct split split;
    if (!split_words(name, &split) || split.count < 3)
        return false;
    char *word = split.words[1 + draw((uint32_t)split.count - 1)];
    if (!isalpha((unsigned char)word[0]) || strlen(word) < 3)
        return false;
    word[1] = '.';
    word[2] = '\0';
    join_words(&split, out);
    return true;
}

static bool
unchanged(const char *name, char *out)
{
    return snprintf(out, NAME_BYTES, "%s", name) < (int)NAME_BYTES;
}

static const struct {
    const char *name;
    disguise *apply;
} kinds[] = {
    {"unchanged", unchanged},
    {"diacritics", diacritics},
    {"look-alikes", look_alikes},
    {"legal form", legal_form},
    {"word order", order},
    {"blank lost", blank_lost},
    {"respelled", respelled},
    {"Cyrillic", cyrillic},
    {"Greek", greek},
    {"one typo", one_typo},
    {"two typos", two_typos},
    {"initial", initial},
    {"word of 3+ lost", drop_of_three},
    {"word of 2 lost", drop_of_two},
};

/* ------------------------------------------------------------ strangers */

static const char *const starts[] = {
    "bra", "ve",  "kol", "mar", "ta",  "ni",  "sto", "fen", "dor", "lu",  "gre",
    "pa",  "ri",  "sol", "tem", "ur",  "wes", "hal", "jo",  "ca",  "del", "ei",
    "fro", "gal", "hin", "ko",  "lan", "mo",  "nor", "or",  "pel", "ran"};
static const char *const ends[] = {
    "dix",  "ran",   "via",  "tec",   "lo",   "nis",  "mar", "dan",
    "ster", "ta",    "vel",  "rix",   "po",   "ling", "ner", "tron",
    "ga",   "lis",   "wood", "field", "berg", "ton",  "ska", "rini",
    "mont", "quist", "ley",  "ford",  "sen",  "o"};
static const char *const trades[] = {
    "Trading",  "Technologies", "Logistics",   "Foods",    "Consulting",
    "Bakery",   "Software",     "Engineering", "Pharma",   "Textiles",
    "Energy",   "Capital",      "Media",       "Motors",   "Construction",
    "Shipping", "Hotels",       "Insurance",   "Robotics", "Semiconductor",
    "Cloud",    "Data",         "Design",      "Dental",   "Plastics",
    "Steel",    "Optics",       "Marine",      "Aviation", "Research"};
static const char *const scopes[] = {
    "Group",    "Holdings", "International", "Global", "Solutions",  "Systems",
    "Services", "Partners", "Industries",    "Works",  "Associates", "Labs"};
static const char *const places[] = {
    "Berlin",  "Shanghai", "Texas",  "Nordic",   "Pacific", "Dubai",   "London",
    "Andes",   "Baltic",   "Iberia", "Shenzhen", "Moscow",  "Lyon",    "Kyoto",
    "Bavaria", "Ontario",  "Gulf",   "Alpine",   "Caspian", "Atlantic"};
static const char *const given[] = {
    "James", "Maria",  "Wei",      "Ahmed", "Olga",   "Juan",   "Fatima",
    "Ivan",  "Anna",   "Mohammed", "Li",    "Carlos", "Elena",  "David",
    "Sofia", "Hassan", "Yuki",     "Peter", "Laura",  "Sergey", "Ali",
    "Jose",  "Priya",  "Thomas",   "Nadia", "Omar",   "Ingrid", "Pedro",
    "Min",   "Karim",  "Julia",    "Dmitri"};
static const char *const family[] = {
    "Smith",  "Garcia",   "Wang",      "Khan",    "Ivanov",   "Silva",
    "Kim",    "Mueller",  "Hernandez", "Rossi",   "Petrov",   "Nguyen",
    "Hassan", "Johnson",  "Chen",      "Lopez",   "Yamamoto", "Sato",
    "Novak",  "Kowalski", "Haddad",    "Osei",    "Larsen",   "Dubois",
    "Patel",  "Okafor",   "Costa",     "Popescu", "Horvat",   "Demir",
    "Sharma", "Lindgren", "Moreau",    "Jansen",  "Rahman",   "Torres"};

static void
coined(char *out)
{
    sprintf(out, "%s%s%s", PICK(starts), draw(3) == 0 ? PICK(starts) : "",
            PICK(ends));
    out[0] = (char)toupper((unsigned char)out[0]);
}

static void
company(char *out)
{
    char name[64];
    coined(name);
    switch (draw(6)) {
    case 0:
        sprintf(out, "%s %s %s", name, PICK(trades), PICK(forms));
        break;
    case 1:
        sprintf(out, "%s %s %s %s", name, PICK(trades), PICK(scopes),
                PICK(forms));
        break;
    case 2:
        sprintf(out, "%s %s %s", PICK(places), name, PICK(trades));
        break;
    case 3:
        sprintf(out, "%s %s", name, PICK(scopes));
        break;
    case 4:
        sprintf(out, "%s & %s %s", PICK(family), PICK(family), PICK(trades));
        break;
    default:
        sprintf(out, "%s %s %s", PICK(places), PICK(trades), PICK(forms));
    }
}

static void
person(char *out)
{
    if (draw(3) == 0)
        sprintf(out, "%s %s %s", PICK(given), PICK(given), PICK(family));
    else
        sprintf(out, "%s %s", PICK(given), PICK(family));
}

/* --------------------------------------------------------------- running */

struct bench {
    struct weir_screening_rows rows;
    struct weir_arena arena;
    const struct weir_screening *index;
    struct weir_screening_scratch *scratch;
    struct weir_screening_hit hits[HITS_MAX];
};

static const uint32_t thresholds[] = {750, 800, 825, 850, 875, 900, 950};
#define THRESHOLDS WEIR_COUNTOF(thresholds)

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
}

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
print_row(const char *name, const uint64_t *counts, uint64_t total)
{
    printf("| %s | %llu |", name, (unsigned long long)total);
    for (size_t t = 0; t < THRESHOLDS; t++)
        printf(" %.4f |", total == 0 ? 0.0 : (double)counts[t] / (double)total);
    putchar('\n');
}

static void
recall(struct bench *bench, size_t kind, bool shows,
       uint64_t sums[THRESHOLDS + 1])
{
    uint64_t found[THRESHOLDS] = {0};
    uint64_t total = 0;
    uint32_t step = bench->rows.name_count / SAMPLES_MAX + 1;
    for (uint32_t i = 0; i < bench->rows.name_count; i += step) {
        const struct weir_screening_name *row = &bench->rows.name_rows[i];
        char out[4 * NAME_BYTES];
        if (row->text.len >= NAME_BYTES / 2 ||
            !kinds[kind].apply(row->text.ptr, out) ||
            (kind != 0 && strcasecmp(out, row->text.ptr) == 0))
            continue;
        uint32_t score = score_of(bench, out, row->entry);
        total++;
        for (size_t t = 0; t < THRESHOLDS; t++)
            found[t] += score >= thresholds[t];
        if (shows && score < 850)
            printf("%4u  %s  <-  %s\n", score, out, row->text.ptr);
    }
    if (!shows)
        print_row(kinds[kind].name, found, total);
    for (size_t t = 0; t < THRESHOLDS && kind > 0; t++)
        sums[t] += found[t];
    sums[THRESHOLDS] += kind > 0 ? total : 0;
}

static void
strangers(struct bench *bench, const char *title, void (*make)(char *),
          bool shows)
{
    uint64_t hit[THRESHOLDS] = {0};
    uint64_t total = 0;
    char name[256];
    for (uint32_t i = 0; i < STRANGERS; i++) {
        make(name);
        struct weir_screening_answer answer = weir_screening_query(
            bench->index, bench->scratch, weir_span_of(name), thresholds[0],
            bench->hits, 1);
        uint32_t score = answer.count > 0 ? bench->hits[0].score : 0;
        if (score == WEIR_SCREENING_SCORE_MAX)
            continue; /* a listed name by chance */
        total++;
        for (size_t t = 0; t < THRESHOLDS; t++)
            hit[t] += score >= thresholds[t];
        if (shows && score >= 850)
            printf("%4u  %s\n", score, name);
    }
    if (!shows)
        print_row(title, hit, total);
}

static void
speed(struct bench *bench, uint64_t count)
{
    uint64_t hits = 0;
    double start = cpu_s();
    for (uint64_t i = 0; i < count; i++) {
        char out[4 * NAME_BYTES];
        uint32_t row = draw(bench->rows.name_count);
        const char *listed = bench->rows.name_rows[row].text.ptr;
        /* one in ten is a listed name with a typo */
        if (i % 10 != 0 || strlen(listed) > 300 || !one_typo(listed, out)) {
            if (i % 3 == 0)
                person(out);
            else
                company(out);
        }
        hits += weir_screening_query(bench->index, bench->scratch,
                                     weir_span_of(out), 850, bench->hits, 10)
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
    uint64_t sums[THRESHOLDS + 1] = {0};
    printf("| disguise | names |");
    for (size_t t = 0; t < THRESHOLDS; t++)
        printf(" %u |", thresholds[t]);
    putchar('\n');
    for (size_t kind = 0; kind < WEIR_COUNTOF(kinds); kind++)
        recall(bench, kind, false, sums);
    print_row("all but unchanged", sums, sums[THRESHOLDS]);
    strangers(bench, "strangers: companies", company, false);
    strangers(bench, "strangers: persons", person, false);
}

int
main(int argc, char **argv)
{
    static struct bench bench;
    if (argc > 3 && strcmp(argv[1], "--speed") == 0) {
        load(&bench, argv + 3, argc - 3);
        speed(&bench, strtoull(argv[2], NULL, 10));
    } else if (argc > 3 && strcmp(argv[1], "--show") == 0) {
        uint64_t sums[THRESHOLDS + 1] = {0};
        load(&bench, argv + 3, argc - 3);
        for (size_t kind = 0; kind < WEIR_COUNTOF(kinds); kind++)
            if (strcmp(kinds[kind].name, argv[2]) == 0)
                recall(&bench, kind, true, sums);
        if (strcmp(argv[2], "companies") == 0)
            strangers(&bench, "", company, true);
        if (strcmp(argv[2], "persons") == 0)
            strangers(&bench, "", person, true);
    } else if (argc > 1) {
        load(&bench, argv + 1, argc - 1);
        tables(&bench);
    } else {
        die("usage: bench_screening [--speed N | --show KIND] FILE...");
    }
    weir_arena_fini(&bench.arena);
    weir_screening_rows_fini(&bench.rows);
    return 0;
}
