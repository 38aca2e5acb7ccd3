/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the matcher sees, for bench/screening_learn, which learns from it
 * what each thing is worth.
 *
 *   screening_seen [OPTION]... LIST...
 *     --strangers FILE  names of nobody, one a line (up to four files)
 *     --test            the half that nothing is learnt on
 *     --fold            instead: names of stdin, folded, those of the half
 *
 * A line for a name and a listed name beside it:
 *
 *   QUERY KIND TRUE SCORE FEATURE...
 *
 * KIND is the row of the disguise, or 100 and up for strangers; TRUE is 1
 * for the entry that was disguised, else 0. Of strangers the listed names
 * that come nearest are written. A name that is whole is not: it is found
 * without points.
 */
#include "control/lists/lists.h"
#include "screen_query.h"
#include "screening_disguise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX     4u
#define SAMPLES_MAX   6000u
#define STRANGERS_MAX 20000u
#define NEAREST       12u
#define SCORE_LEAST   500u
#define LOWEST        200u /* a score of what is laid beside at all */

static void
die(const char *what)
{
    fprintf(stderr, "screening_seen: %s\n", what);
    exit(1);
}

struct seen {
    struct weir_screening_rows rows;
    struct weir_arena arena;
    const struct weir_screening *index;
    struct weir_screening_scratch *scratch;
    struct weir_screening_hit hits[NEAREST];
    uint32_t *first_name; /* [entry]: its first row */
    uint32_t query;
    bool is_test;
};

static void
print(struct seen *seen, uint32_t kind, bool is_true, uint32_t name)
{
    struct screen_seen features = {0};
    uint32_t score = weir__screen_align(seen->scratch, name, NULL, &features);
    printf("%u %u %d %u", seen->query, kind, is_true, score);
    for (uint32_t i = 0; i < features.count; i++)
        printf(" %u", features.features[i]);
    putchar('\n');
}

/* The best name of the entry, retrieved or not. */
static void
disguised(struct seen *seen, uint32_t kind, const char *text, uint32_t entry)
{
    uint32_t best = SCREEN_NONE;
    uint32_t most = 0;
    struct weir_screening_answer answer =
        weir_screening_query(seen->index, seen->scratch, weir_span_of(text),
                             LOWEST, seen->hits, NEAREST);
    seen->query++;
    for (uint32_t i = 0; i < answer.total; i++) {
        const struct screen_found *found = &seen->scratch->found[i];
        if (found->entry != entry || found->name == SCREEN_NONE)
            continue;
        most = found->score;
        best = found->name;
    }
    if (most == WEIR_SCREENING_SCORE_MAX)
        printf("%u %u 1 1000\n", seen->query, kind);
    else if (best == SCREEN_NONE)
        printf("%u %u 1 0\n", seen->query, kind);
    else
        print(seen, kind, true, best);
}

static void
stranger(struct seen *seen, uint32_t kind, const char *text)
{
    struct weir_screening_answer answer =
        weir_screening_query(seen->index, seen->scratch, weir_span_of(text),
                             SCORE_LEAST, seen->hits, NEAREST);
    if (answer.count > 0 && seen->hits[0].score == WEIR_SCREENING_SCORE_MAX)
        return; /* a listed name */
    seen->query++;
    printf("%u %u 0 0\n", seen->query, kind);
    for (uint32_t i = 0; i < answer.count; i++)
        print(seen, kind, false, seen->scratch->found[i].name);
}

static void
all_disguises(struct seen *seen)
{
    const struct weir_screening_rows *rows = &seen->rows;
    for (size_t kind = 1; kind < disguise_count; kind++) {
        uint32_t step = disguises[kind].whose == OF_ALL
                            ? rows->name_count / SAMPLES_MAX + 1
                            : 1;
        for (uint32_t i = 0; i < rows->name_count; i += step) {
            const struct weir_screening_name *row = &rows->name_rows[i];
            const struct weir_screening_name *first =
                &rows->name_rows[seen->first_name[row->entry]];
            char out[4 * NAME_BYTES];
            if (row->text.len >= NAME_BYTES / 2 ||
                disguise_is_learnt(first->text) == seen->is_test ||
                !disguise_is_for(&disguises[kind],
                                 rows->entry_rows[row->entry].place) ||
                !disguises[kind].apply(row->text.ptr, out) ||
                strcasecmp(out, row->text.ptr) == 0)
                continue;
            disguised(seen, (uint32_t)kind, out, row->entry);
        }
    }
}

static void
strangers_of(struct seen *seen, const char *path, uint32_t kind)
{
    char line[NAME_BYTES];
    FILE *in = fopen(path, "r");
    if (in == NULL)
        die("a file of strangers cannot be read");
    while (fgets(line, sizeof line, in) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (disguise_is_learnt(weir_span_of(line)) != seen->is_test)
            stranger(seen, kind, line);
    }
    fclose(in);
}

static void
load(struct seen *seen, char **files, int count)
{
    struct weir_list_options options = {.bad_max = 2};
    struct weir_faults faults;
    struct weir_error err = {0};
    weir_faults_init(&faults);
    weir_screening_rows_init(&seen->rows);
    weir_arena_init_heap(&seen->arena, (size_t)4 << 30);
    for (int i = 0; i < count; i++)
        if (weir_list_load(files[i], &options, &seen->rows, &faults, &err) !=
            WEIR_OK)
            die(err.text);
    if (weir_screening_build(&seen->rows, &seen->arena, &seen->index, &err) !=
        WEIR_OK)
        die(err.text);
    seen->scratch = weir_screening_scratch_new(seen->index, &seen->arena);
    seen->first_name =
        weir_arena_array(&seen->arena, uint32_t, seen->rows.entry_count + 1);
    if (seen->scratch == NULL || seen->first_name == NULL)
        die("no memory");
    for (uint32_t i = seen->rows.name_count; i > 0; i--)
        seen->first_name[seen->rows.name_rows[i - 1].entry] = i - 1;
    weir_faults_fini(&faults);
}

static void
fold(bool is_test)
{
    char line[NAME_BYTES];
    char folded[4 * NAME_BYTES];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        weir_span name = weir_span_of(line);
        if (disguise_is_learnt(name) == is_test)
            continue;
        size_t len = weir_screening_fold(name, folded, sizeof folded);
        printf("%.*s\n", (int)len, folded);
    }
}

int
main(int argc, char **argv)
{
    static struct seen seen;
    const char *files[FILES_MAX];
    uint32_t file_count = 0;
    bool folds = false;
    int at = 1;
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--test") == 0)
            seen.is_test = true;
        else if (strcmp(argv[at], "--fold") == 0)
            folds = true;
        else if (strcmp(argv[at], "--strangers") == 0 && at + 1 < argc &&
                 file_count < FILES_MAX)
            files[file_count++] = argv[++at];
        else
            die("an option is not known; see the head of screening_seen.c");
    }
    if (folds) {
        fold(seen.is_test);
        return 0;
    }
    if (at >= argc)
        die("usage: screening_seen [OPTION]... LIST...");
    disguise_seed(seen.is_test ? 20261122 : 20260101);
    load(&seen, argv + at, argc - at);
    all_disguises(&seen);
    for (uint32_t i = 0; i < STRANGERS_MAX; i++) {
        char name[NAME_BYTES];
        if (i % 2 == 0)
            stranger_company(name);
        else
            stranger_person(name);
        stranger(&seen, 100 + i % 2, name);
    }
    for (uint32_t i = 0; i < file_count; i++)
        strangers_of(&seen, files[i], 102 + i);
    weir_arena_fini(&seen.arena);
    weir_screening_rows_fini(&seen.rows);
    return 0;
}
