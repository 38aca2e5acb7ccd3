/* SPDX-License-Identifier: Apache-2.0 */
/*
 * screen.h - what the files of name screening share: folded words, keys of
 * sound, similarity, and the layout of the index.
 *
 * Threads: functions are pure; the index is immutable once built.
 */
#ifndef WEIR_CORE_PARTIES_SCREEN_H
#define WEIR_CORE_PARTIES_SCREEN_H

#include <weir/screening.h>

#define SCREEN_WORD_MAX   40u /* bytes of a word; the rest is cut off */
#define SCREEN_FOLDED_MAX (4u * WEIR_SCREENING_NAME_MAX)
#define SCREEN_UNITS_MAX  (4u * WEIR_SCREENING_WORDS_MAX)
#define SCREEN_NONE       UINT32_MAX

/* ------------------------------------------------------------- words */

enum screen_rank {
    SCREEN_NAMES = 0,
    SCREEN_PLAIN = 1,
    SCREEN_STOP = 2,
    SCREEN_TORN = 3
};

struct screen_word {
    weir_span text;   /* into `bytes` or a table */
    weir_span raw;    /* before abbreviations are written out: for joins */
    uint8_t rank;     /* enum screen_rank */
    bool is_foreign;  /* Cyrillic or Greek, read by sound */
    bool is_syllable; /* one character, read as pinyin */
};

struct screen_words {
    uint32_t count;
    bool is_cut;
    bool has_form; /* a legal form was dropped: the name of a firm */
    struct screen_word words[WEIR_SCREENING_WORDS_MAX];
    size_t folded_len; /* of `bytes`: all letters, legal forms too */
    size_t used;
    char bytes[SCREEN_FOLDED_MAX];
};

/* Folds, splits, drops legal forms (unless nothing else is left). */
void weir__screen_words(weir_span text, struct screen_words *words_out);
/* The last step of it alone; for names that are nothing but legal forms
 * the words stay. */
void weir__screen_strip(struct screen_words *words);

/* For the test: the tables are looked up by halves. */
bool weir__screen_words_are_sorted(void);

/* -------------------------------------------------------- similarity */

#define SCREEN_READINGS  2u
#define SCREEN_HEARD_MAX (2u * SCREEN_WORD_MAX)

/* A word as it is heard; spans into a buffer or an index. */
struct screen_heard {
    weir_span text;
    weir_span skeleton; /* without vowels */
    /* what is left when the word has been through another script, once with
     * the consonants of English, once with those of the continent */
    weir_span rough[SCREEN_READINGS];
};

struct screen_sound {
    struct screen_heard heard; /* into `bytes` */
    char bytes[2 + SCREEN_READINGS][SCREEN_HEARD_MAX];
};

void weir__screen_sound(weir_span word, struct screen_sound *sound_out);
/* The first rough reading alone. */
weir_span weir__screen_rough(weir_span word, char bytes[SCREEN_HEARD_MAX]);
/* Letters added, lost, changed, or two neighbours swapped; more than `most`
 * gives most + 1. */
uint32_t weir__screen_distance(weir_span a, weir_span b, uint32_t most);

/* What two words have been compared by. */
enum screen_by {
    BY_LETTERS = 0,
    BY_SOUND = 1,    /* letters of the sound */
    BY_SKELETON = 2, /* the consonants are the same */
    BY_ROUGH = 3     /* what another script leaves of them */
};

struct screen_likeness {
    uint16_t similarity; /* 0 .. 1000 */
    uint8_t how;         /* enum weir_screening_how */
    uint8_t by;          /* enum screen_by */
    uint8_t edits;       /* letters that differ, of what was compared */
};

/* Symmetric. `is_foreign`: one of them was written in Cyrillic or Greek. */
struct screen_likeness weir__screen_likeness(weir_span a,
                                             const struct screen_heard *a_heard,
                                             weir_span b,
                                             const struct screen_heard *b_heard,
                                             bool is_foreign);

/* ------------------------------------------------------------- index */

/* A word of a listed name, or two neighbours written as one. */
struct screen_unit {
    weir_span text;
    uint32_t weight;
    uint32_t name_first; /* its names: postings[name_first ..] */
    uint32_t name_count;
    uint8_t rarity;            /* weir__screen_rarity() */
    bool is_word;              /* stands alone in some name */
    bool is_foreign;           /* of Cyrillic or Greek in some name */
    struct screen_heard heard; /* of words */
};

struct screen_name {
    uint32_t row; /* in the rows */
    uint32_t entry;
    uint32_t unit_first; /* into name_units: words, then joins */
    uint16_t word_count;
    uint16_t weight_sum;
    bool is_person;
    uint8_t subject;  /* enum weir_screening_subject */
    bool has_surname; /* of a person: the first word, before a comma */
};

struct screen_key {
    uint32_t hash;
    uint32_t unit;
};

struct screen_listed_id {
    uint64_t hash;
    uint32_t row;
};

#define SCREEN_SUBJECTS     5u
#define SCREEN_WHOLE_HASHES 3u

/* A name as a whole: of its words in any order, of its letters, or of its
 * letters with those of legal forms. */
struct screen_whole {
    uint64_t hash;
    uint32_t name;
};

struct weir_screening {
    const struct weir_screening_rows *rows;
    struct screen_unit *units;
    uint32_t unit_count;
    uint32_t *unit_table; /* unit_mask + 1 slots, SCREEN_NONE: free */
    uint32_t unit_mask;
    uint32_t *postings;
    struct screen_name *names;
    uint32_t name_count;
    uint32_t *name_units;
    struct screen_key *keys; /* by hash */
    uint32_t key_count;
    uint32_t *key_first; /* by the top key_bits of the hash; + 1 behind */
    uint32_t key_bits;
    struct screen_listed_id *ids; /* by hash */
    uint32_t id_count;
    struct screen_whole *wholes; /* by hash */
    uint32_t whole_count;
    uint32_t weight_max; /* of a word that no list has */
};

#define SCREEN_ID_MAX 64u
/* As it is looked up; WEIR_SPAN_NONE for what identifies nobody: under five
 * characters, without a digit, or too long. */
weir_span weir__screen_identifier(weir_span text, char bytes[SCREEN_ID_MAX]);

void weir__screen_whole_hashes(const struct screen_words *words,
                               uint64_t hashes_out[SCREEN_WHOLE_HASHES]);
void weir__screen_whole_sort(struct weir_screening *index);
/* The first row with this hash or a greater one. */
uint32_t weir__screen_whole_first(const struct weir_screening *index,
                                  uint64_t hash);

enum screen_key_kind {
    KEY_LETTERS = 1,
    KEY_SOUND = 2,
    KEY_SKELETON = 3,
    KEY_ROUGH = 4
};

/* Words of this length are also found with two letters lost. */
#define SCREEN_TWICE_MIN 8u
#define SCREEN_TWICE_MAX 18u

/* The keys under which a word is found, from its letters, each letter (of
 * longer words, each two) lost, its sound, its skeleton and its rough
 * sounds; their number. */
#define SCREEN_KEYS_MAX                                                        \
    (SCREEN_WORD_MAX + SCREEN_TWICE_MAX * (SCREEN_TWICE_MAX - 1) / 2 + 8)
uint32_t weir__screen_keys(weir_span word, const struct screen_heard *heard,
                           uint32_t hashes_out[SCREEN_KEYS_MAX]);
/* The unit with this text, or SCREEN_NONE. */
uint32_t weir__screen_unit(const struct weir_screening *index, weir_span text);
/* Eights of the binary logarithm of all / names. */
uint32_t weir__screen_bits(uint32_t names, uint32_t all);
uint32_t weir__screen_weight(weir_span text, uint8_t rank, uint32_t names,
                             uint32_t all);

/* ------------------------------------------------------------ points */

#define SCREEN_RARITIES 8u
#define SCREEN_LENGTHS  11u

/* How rare a word is, 0 (says nothing) .. 7, by the entries of the lists
 * that have it and by the names of everybody else that do. */
uint8_t weir__screen_rarity(weir_span text, uint8_t rank, uint32_t entries,
                            uint32_t all);
/* Eighths of a bit it takes to name a word of the world's names; UINT32_MAX
 * for one that the table does not have. */
uint32_t weir__screen_background(weir_span text);
bool weir__screen_background_is_sorted(void);

#endif
