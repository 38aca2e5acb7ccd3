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
    struct screen_word words[WEIR_SCREENING_WORDS_MAX];
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
/* Letters added, lost, changed, or two neighbours swapped; more than `most`
 * gives most + 1. */
uint32_t weir__screen_distance(weir_span a, weir_span b, uint32_t most);
/* 0 .. 1000, symmetric; how in *how_out. `is_foreign`: one of them was
 * written in Cyrillic or Greek. */
uint32_t
weir__screen_similarity(weir_span a, const struct screen_heard *a_heard,
                        weir_span b, const struct screen_heard *b_heard,
                        bool is_foreign, enum weir_screening_how *how_out);

/* ------------------------------------------------------------- index */

/* A word of a listed name, or two neighbours written as one. */
struct screen_unit {
    weir_span text;
    uint32_t weight;
    uint32_t name_first; /* its names: postings[name_first ..] */
    uint32_t name_count;
    uint16_t evidence; /* eighths of a bit: see weir__screen_evidence() */
    bool is_word;      /* stands alone in some name */
    bool is_foreign;   /* of Cyrillic or Greek in some name */
    struct screen_heard heard; /* of words */
};

struct screen_name {
    uint32_t row; /* in the rows */
    uint32_t entry;
    uint32_t unit_first; /* into name_units: words, then joins */
    uint16_t word_count;
    uint16_t weight_sum;
    uint16_t evidence; /* of all its words */
    bool has_initial;  /* a word of one letter */
};

struct screen_key {
    uint32_t hash;
    uint32_t unit;
};

struct screen_listed_id {
    uint64_t hash;
    uint32_t row;
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
    uint32_t weight_max; /* of a word that no list has */
};

#define SCREEN_ID_MAX 64u
/* As it is looked up; WEIR_SPAN_NONE for what identifies nobody: under five
 * characters, without a digit, or too long. */
weir_span weir__screen_identifier(weir_span text, char bytes[SCREEN_ID_MAX]);

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
uint32_t weir__screen_weight(weir_span text, uint8_t rank, uint32_t names,
                             uint32_t all);
/* How much it says that a stranger's name has this word, too, in eighths of
 * a bit: much for a long one that few names have. */
uint32_t weir__screen_evidence(weir_span text, uint8_t rank, uint32_t names,
                               uint32_t all);

#endif
