/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/screening.h - names and identifiers against lists.
 *
 * Rows (what the lists say, from any reader) are collected, then indexed
 * once. A query gives the entries whose best name scores at least the
 * caller's threshold, each with the words that matched and how. A score is
 * 0 .. 1000, integer, and depends on nothing but name, lists and version
 * of the tables; what it means is the operator's to say.
 *
 * Threads: rows have one owner. A finished index is immutable and may be
 * read by any number of threads, each with a scratch of its own.
 * Memory: rows live in a heap arena of theirs. An index lives in the arena
 * it was built in and borrows from the rows: free the rows last.
 */
#ifndef WEIR_SCREENING_H
#define WEIR_SCREENING_H

#include <weir/base.h>

#define WEIR_SCREENING_SCORE_MAX 1000u
/* Arena of all rows together: far above every list there is (ETOOBIG). */
#define WEIR_SCREENING_BYTES_MAX ((size_t)2 << 30)
/* Bytes of one name that are looked at; the rest is ignored and told. */
#define WEIR_SCREENING_NAME_MAX 1024u
/* Words of one name that are looked at, likewise. */
#define WEIR_SCREENING_WORDS_MAX 24u

/* ------------------------------------------------------------- rows */

enum weir_screening_subject {
    WEIR_SUBJECT_UNKNOWN = 0,
    WEIR_SUBJECT_ENTITY = 1,
    WEIR_SUBJECT_PERSON = 2,
    WEIR_SUBJECT_VESSEL = 3,
    WEIR_SUBJECT_AIRCRAFT = 4
};

/* What a list does to whom it names; policy reads it. */
enum weir_screening_effect {
    WEIR_SCREENING_HOLD = 0,
    WEIR_SCREENING_DENY = 1,
    WEIR_SCREENING_FLAG = 2
};

/* One file that was read. */
struct weir_screening_list {
    weir_span name;   /* the operator's, else the file's */
    weir_span format; /* "csl", "ofac-sdn", ... */
    weir_span file;   /* as opened */
    enum weir_screening_effect effect;
    uint64_t digest; /* weir_hash64 of the bytes, seed 0 */
    uint32_t entry_count;
};

struct weir_screening_entry {
    uint32_t list;       /* row of its list */
    uint32_t line;       /* in the file, one-based */
    weir_span id;        /* the list's own; else "line N" */
    weir_span source;    /* issuing list within the file */
    weir_span programme; /* as written there; may be empty */
    weir_span date;      /* listed or last changed, as written; may be empty */
    weir_span place;     /* of the first address; may be empty */
    enum weir_screening_subject subject;
};

struct weir_screening_name {
    uint32_t entry;
    weir_span text;
    bool is_alias;
    bool is_weak; /* the list itself calls the alias weak */
};

struct weir_screening_identifier {
    uint32_t entry;
    weir_span kind; /* as written there; may be empty */
    weir_span text; /* as written there */
};

#define WEIR_SCREENING_LISTS(X)                                                \
    X(list, struct weir_screening_list)                                        \
    X(entry, struct weir_screening_entry)                                      \
    X(name, struct weir_screening_name)                                        \
    X(identifier, struct weir_screening_identifier)

struct weir_screening_rows {
    struct weir_arena arena;
#define WEIR_SCREENING_ROWS(row, type)                                         \
    type *row##_rows;                                                          \
    uint32_t row##_count;                                                      \
    uint32_t row##_capacity;
    WEIR_SCREENING_LISTS(WEIR_SCREENING_ROWS)
#undef WEIR_SCREENING_ROWS
};

void weir_screening_rows_init(struct weir_screening_rows *rows);
void weir_screening_rows_fini(struct weir_screening_rows *rows);

/* weir_screening_add_entry(rows) ...: a zeroed row at the end of its list;
 * NULL (and rows->arena.overflow) when memory is full. Adding moves a list:
 * pointers to its rows do not survive the next add. */
#define WEIR_SCREENING_ROWS(row, type)                                         \
    type *weir_screening_add_##row(struct weir_screening_rows *rows);
WEIR_SCREENING_LISTS(WEIR_SCREENING_ROWS)
#undef WEIR_SCREENING_ROWS

/* ------------------------------------------------------------ index */

struct weir_screening; /* opaque, immutable */

/* ETOOBIG: the arena is full. EPARSE: a row names an entry or list that
 * is not there. A name without a letter or digit is left out. */
WEIR_MUST_USE weir_status weir_screening_build(
    const struct weir_screening_rows *rows, struct weir_arena *arena,
    const struct weir_screening **index_out, struct weir_error *err);

struct weir_screening_scratch; /* one for each thread */

/* Allocated in `arena`, proportional to the index; NULL: full. */
struct weir_screening_scratch *
weir_screening_scratch_new(const struct weir_screening *index,
                           struct weir_arena *arena);

/* ------------------------------------------------------------ query */

enum weir_screening_how {
    WEIR_HOW_EQUAL = 1,      /* after folding */
    WEIR_HOW_SOUND = 2,      /* another spelling of the same sound */
    WEIR_HOW_TYPO = 3,       /* letters added, lost, changed or swapped */
    WEIR_HOW_INITIAL = 4,    /* first letter for the word */
    WEIR_HOW_JOINED = 5,     /* two words written as one, or one as two */
    WEIR_HOW_IDENTIFIER = 6, /* the whole query is a listed identifier */
};

/* "equal", "sound", ...; never NULL. */
const char *weir_screening_how_name(enum weir_screening_how how);

/* Words are folded: lower case, Latin, without marks. */
struct weir_screening_match {
    weir_span query; /* in the scratch: valid to its next query */
    weir_span listed;
    enum weir_screening_how how;
    uint32_t similarity; /* 0 .. 1000 */
    uint32_t weight;     /* rare words weigh more */
    int32_t points;      /* for the score: hundredths of ln of the odds */
};

struct weir_screening_hit {
    uint32_t score;
    uint32_t entry;      /* rows */
    uint32_t name;       /* the best one; UINT32_MAX: an identifier */
    uint32_t identifier; /* UINT32_MAX: a name */
    uint32_t match_count;
    struct weir_screening_match matches[WEIR_SCREENING_WORDS_MAX];
};

struct weir_screening_answer {
    uint32_t count; /* filled, best first; ties in order of entries */
    uint32_t total; /* entries at or over the threshold */
    bool is_cut;    /* name longer than what is looked at */
    bool is_empty;  /* nothing to look for: no letter and no digit */
};

/*
 * The entries that `text` may mean, as a name and as an identifier (score
 * 1000). `threshold` 1 .. 1000; `max` bounds what is filled, not what is
 * counted. Cannot fail: any bytes are a name; ill-formed UTF-8 is skipped.
 */
struct weir_screening_answer
weir_screening_query(const struct weir_screening *index,
                     struct weir_screening_scratch *scratch, weir_span text,
                     uint32_t threshold, struct weir_screening_hit *hits_out,
                     uint32_t max);

/* ------------------------------------------------------ identifiers */

/* A legal entity identifier (ISO 17442): 20 letters and digits whose check
 * digits (ISO 7064 mod 97-10) are right. Blanks and dashes are skipped. */
bool weir_screening_is_lei(weir_span text);
/* A Chinese unified social credit code (GB 32100): 18 characters whose
 * check character is right. */
bool weir_screening_is_uscc(weir_span text);
/* Upper-case letters and digits of `text`, as identifiers are compared;
 * WEIR_SPAN_NONE when none is left or it takes more than `size`. */
weir_span weir_screening_identifier_fold(weir_span text, char *out,
                                         size_t size);

/* ---------------------------------------------------------- folding */

/*
 * A name as it is compared: words of a-z and 0-9 with one blank between,
 * legal forms left out, abbreviations written out. Returns the length, cut
 * at `size`. For tests and explanations.
 */
size_t weir_screening_fold(weir_span text, char *out, size_t size);

#endif
