/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/detect/internal.h - what detectors are made of.
 *
 * A detector looks at a text of which [0, start) is only context, and is
 * asked three things: whether a match lies at this anchor, whether one might
 * begin at this byte and not be over yet, and which bytes continue a tail.
 */
#ifndef WEIR_DETECT_INTERNAL_H
#define WEIR_DETECT_INTERNAL_H

#include <weir/detect.h>

struct weir_detect_text {
    const unsigned char *p;
    size_t start; /* first byte that a match may hold */
    size_t len;
};

struct weir_range {
    size_t from;
    size_t to;
};

struct weir_digits;

/* Bytes that part the groups of numbers. */
enum {
    WEIR__BLANK = 1,
    WEIR__DASH = 2,
    WEIR__DOT = 4,
    WEIR__SLASH = 8,
    WEIR__PLUS = 16,
    WEIR__BRACKET = 32 /* of telephone numbers only */
};

/* Where a detector is asked: `end` of find() lies behind ... */
enum {
    WEIR__AT_ANCHOR = 1,    /* its anchor */
    WEIR__AT_RUN = 2,       /* exactly `digits` digits, where a word ends */
    WEIR__AT_LETTER = 4,    /* digits and a letter, where a word ends */
    WEIR__AT_GAP = 8,       /* also with a blank or a dash between these */
    WEIR__AT_COUNTRY = 16,  /* two letters and two digits */
    WEIR__AT_ADDRESS = 32,  /* four groups with dots, or two colons */
    WEIR__AT_PHONE = 64,    /* six digits or more with whatever parts them */
    WEIR__AT_CORSICA = 128, /* eight digits whose group follows an A or B */
    WEIR__AT_NUMBER = 256,  /* check() of a number, in place of find() */
    WEIR__AT_SIGN = 512     /* an '@' */
};

/*
 * find: a match looks at no byte behind its end but the next. may_begin: of
 * the bytes from `at` to the end of the text, all of them `inside`. tail:
 * NULL, or whether byte `c` goes on with a match that find() verified;
 * `state` starts as 0.
 */
struct weir_detector {
    const char *name;
    const char *kind;
    const char *title;
    const char *anchor; /* of the multi-pattern matcher, without case */
    uint16_t max;       /* bytes of the longest match, up to its tail */
    uint16_t at;        /* WEIR__AT_ */
    uint8_t digits;     /* of AT_RUN; of AT_NUMBER, the fewest */
    uint8_t most;       /* of AT_NUMBER, digits */
    uint8_t separators; /* of AT_NUMBER */
    bool (*inside)(unsigned char c);
    bool (*may_begin)(const struct weir_detect_text *text, size_t at);
    bool (*find)(const struct weir_detect_text *text, size_t end,
                 struct weir_range *match_out);
    bool (*check)(const struct weir_detect_text *text,
                  const struct weir_digits *digits);
    bool (*tail)(uint32_t *state, unsigned char c);
};

#define WEIR_DETECTOR(name, kind, max, at, digits, anchor, inside, may_begin,  \
                      find, tail, title)                                       \
    bool find(const struct weir_detect_text *text, size_t end,                 \
              struct weir_range *match_out);
#define WEIR_NUMBER(name, kind, max, at, separators, least, most, check,       \
                    inside, may_begin, find, title)                            \
    bool check(const struct weir_detect_text *text,                            \
               const struct weir_digits *digits);
#include "detectors.def"
#undef WEIR_DETECTOR
#undef WEIR_NUMBER
bool weir__find_fr_nir(const struct weir_detect_text *text, size_t end,
                       struct weir_range *match_out);
bool weir__begins_key(const struct weir_detect_text *text, size_t at);
bool weir__begins_assigned(const struct weir_detect_text *text, size_t at);
bool weir__begins_pem(const struct weir_detect_text *text, size_t at);
bool weir__tail_key(uint32_t *state, unsigned char c);
bool weir__tail_assigned(uint32_t *state, unsigned char c);
bool weir__tail_pem(uint32_t *state, unsigned char c);

/* ---------------------------------------------------- bytes and context */

static inline bool
weir__is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static inline bool
weir__is_alpha(unsigned char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static inline bool
weir__is_alnum(unsigned char c)
{
    return weir__is_digit(c) || weir__is_alpha(c);
}

static inline bool
weir__is_word(unsigned char c)
{
    return weir__is_alnum(c) || c == '_';
}

/* No word goes on across the edge in front of, or behind, a match. Letters
 * of two bytes (Latin, Greek, Cyrillic) make words; ideographs and the like
 * stand next to a number without a blank. */
bool weir__edge_before(const struct weir_detect_text *text, size_t at);
bool weir__edge_behind(const struct weir_detect_text *text, size_t to);

/* Whether one of the words, parted by '|', lower case, stands within the 40
 * bytes in front of `at`. */
bool weir__near(const struct weir_detect_text *text, size_t at,
                const char *words);

/* Bytes of the longest telephone number, and in front of one that a word
 * which announces it may begin. */
#define WEIR__PHONE_MOST 28
#define WEIR__NEAR       40
/* Behind the first byte of the last such word in front of `at`; 0: none. */
size_t weir__announced(const struct weir_detect_text *text, size_t at);
/* "x459" */
bool weir__is_extension(const struct weir_detect_text *text, size_t at);

/* ------------------------------------------------------------- numbers */

/* Digits of the longest number that a check is asked for, and one more. */
#define WEIR__NUMBER_MOST 24

/* Digits of [from, to), without what parts them. */
struct weir_digits {
    uint8_t d[WEIR__NUMBER_MOST];
    size_t count;
    size_t from;
    size_t to;
    size_t groups;
};

bool weir__luhn(const uint8_t *digits, size_t count);
/* A day of the calendar; the year as it is, 0 where unknown (leap). */
bool weir__is_date(unsigned year, unsigned month, unsigned day);

#endif
