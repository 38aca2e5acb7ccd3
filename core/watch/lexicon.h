/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lexicon's shape: what tables_make.c writes at build time from words.def
 * and text.c reads. One open-addressed table of word digests, and one
 * automaton of cue phrases over word numbers (Aho-Corasick, complete: no
 * failure links are followed at run time).
 */
#ifndef WEIR_WATCH_LEXICON_H
#define WEIR_WATCH_LEXICON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Classes of a word. */
enum {
    WORD_FUNCTION = 1 << 0,
    WORD_VERB = 1 << 1,
    WORD_ARTEFACT = 1 << 2,
    WORD_PERSON = 1 << 3,
    WORD_LEAD = 1 << 4, /* may stand before the verb of a request */
    WORD_INDEFINITE = 1 << 5,
    WORD_RAGGED = 1 << 6,
    WORD_PLEASE = 1 << 7,
    WORD_QUESTION = 1 << 8
};
/* Kept in a frame as itself. */
#define WORD_KEEP                                                              \
    (WORD_FUNCTION | WORD_VERB | WORD_ARTEFACT | WORD_PERSON | WORD_INDEFINITE)

#define LEXICON_SLOTS 8192
/* Most characters of a Chinese or Japanese word. */
#define LEXICON_CHARACTERS 4

/*
 * What the lexicon knows of a word, in one number:
 *
 *   0        9         20         23         27        31
 *   | classes | phrase | longest  | language | lighter | starts
 *
 * phrase: its number in the automaton, 0: in none. longest: most characters
 * of a word that begins so (scan.c keeps there what stood before a word).
 * starts: a phrase begins with it. lighter: by how many twentieths it counts less than a word nobody knows,
 * which is therefore all zeros.
 */
#define NOTE_CLASSES       0x1FFu
#define NOTE_PHRASE(note)  ((note) >> 9 & 0x7FFu)
#define NOTE_LONGEST(note) ((note) >> 20 & 7u)
#define NOTE_LANGUAGE(n)   ((n) >> 23 & 15u)
#define NOTE_LIGHTER(note) ((note) >> 27 & 15u)
#define NOTE_OF_PHRASE     (0x7FFu << 9)
#define NOTE_OF_LONGEST    (7u << 20)
#define NOTE_OF_LIGHTER    (15u << 27)
#define NOTE_STARTS        (1u << 31)

/* Weights in the sketch's topic part, in twentieths. */
enum {
    WEIGHT_FUNCTION = 5,
    WEIGHT_KEEP = 12,
    WEIGHT_WORD = 20,
    WEIGHT_PART = 10
};

static inline uint32_t
note_lighter(uint32_t classes)
{
    uint32_t weight = classes & (WORD_FUNCTION | WORD_PERSON) ? WEIGHT_FUNCTION
                      : classes & WORD_KEEP                   ? WEIGHT_KEEP
                                                              : WEIGHT_WORD;
    return (WEIGHT_WORD - weight) << 27;
}

/* A digest's words lie in the slot of its lower bits or behind it; whether
 * one does lie behind, the slot says: most digests need one look. */
struct lexicon_entry {
    uint32_t tag; /* upper half of the digest but for bit 0: LEXICON_MORE */
    uint32_t note;
};
#define LEXICON_MORE 1u /* a word that belongs here or before lies behind */
_Static_assert(sizeof(struct lexicon_entry) == 8, "eight to a cache line");

/* One arc of the automaton, in an open-addressed table by (state, word). */
struct lexicon_arc {
    uint32_t key;    /* state << 11 | word; 0: free (no arc has it) */
    uint16_t target; /* state */
    uint16_t padding;
};

#define HASH_SEED UINT64_C(0x9E3779B97F4A7C15)
#define HASH_STEP UINT64_C(0xD6E8FEB86659FD93)

static inline uint64_t
hash_mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * HASH_STEP;
    return h ^ (h >> 32);
}

static inline uint64_t
load_le64(const char *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* Digest of a word of ASCII word bytes; case is folded by one OR, which
 * leaves digits, apostrophes and underscores apart from each other. Eight
 * bytes behind the word must be readable. */
static inline uint64_t
hash_ascii(const char *at, size_t len)
{
    const uint64_t lower = UINT64_C(0x2020202020202020);
    uint64_t h = HASH_SEED;
    for (; len > 8; len -= 8, at += 8)
        h = hash_mix(h, load_le64(at) | lower);
    uint64_t v = (load_le64(at) | lower) & (~UINT64_C(0) >> (64 - 8 * len));
    return hash_mix(h, v);
}

/* The same of any bytes, folded by the caller; equal to hash_ascii() on what
 * both take. */
static inline uint64_t
hash_bytes(const char *at, size_t len)
{
    uint64_t h = HASH_SEED;
    char last[8] = {0};
    for (; len > 8; len -= 8, at += 8)
        h = hash_mix(h, load_le64(at));
    memcpy(last, at, len);
    return hash_mix(h, load_le64(last));
}

static inline bool
is_between(uint32_t c, uint32_t first, uint32_t last)
{
    return c - first <= last - first;
}

/* Han and kana: every character is a word. */
static inline bool
is_character_word(uint32_t c)
{
    return is_between(c, 0x3041, 0x30FF) || is_between(c, 0x3400, 0x4DBF) ||
           is_between(c, 0x4E00, 0x9FFF) || is_between(c, 0xF900, 0xFAFF) ||
           is_between(c, 0x20000, 0x3134F);
}

/* Simple case folding of the scripts that the tables hold. */
static inline uint32_t
fold_case(uint32_t c)
{
    if (is_between(c, 'A', 'Z') || (is_between(c, 0xC0, 0xDE) && c != 0xD7) ||
        is_between(c, 0x391, 0x3A9) || is_between(c, 0x410, 0x42F))
        return c + 32;
    if (is_between(c, 0x400, 0x40F))
        return c + 80;
    if (is_between(c, 0x100, 0x137) || is_between(c, 0x14A, 0x177))
        return c | 1;
    return c;
}

#endif
