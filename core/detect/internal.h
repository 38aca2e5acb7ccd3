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

/*
 * find: `end` is where the anchor ended; a match looks at no byte behind its
 * end but the next. may_begin: of the bytes from `at` to the end of the text,
 * all of them `inside`. tail: NULL, or whether byte `c` goes on with a match
 * that find() verified; `state` starts as 0.
 */
struct weir_detector {
    const char *name;
    const char *kind;
    const char *title;
    const char *anchor; /* of the multi-pattern matcher, without case */
    uint16_t max;       /* bytes of the longest match, up to its tail */
    uint16_t digits;    /* at least so many end at the anchor */
    bool (*inside)(unsigned char c);
    bool (*may_begin)(const struct weir_detect_text *text, size_t at);
    bool (*find)(const struct weir_detect_text *text, size_t end,
                 struct weir_range *match_out);
    bool (*tail)(uint32_t *state, unsigned char c);
};

#define WEIR_DETECTOR(name, kind, max, digits, anchor, inside, may_begin,      \
                      find, tail, title)                                       \
    bool find(const struct weir_detect_text *text, size_t end,                 \
              struct weir_range *match_out);
#include "detectors.def"
#undef WEIR_DETECTOR
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

/* ------------------------------------------------------------- numbers */

#define WEIR_DIGITS_MAX 24

/* Digits of [from, to), without what parts them. */
struct weir_digits {
    uint8_t d[WEIR_DIGITS_MAX];
    size_t count;
    size_t from;
    size_t to;
    size_t groups;
};

/*
 * Calls `check` for the numbers that end at `end`, the longest first, of
 * `min` to `max` digits parted by single bytes of `separators`; a number
 * begins where no word or digit stands in front.
 */
bool weir__number(const struct weir_detect_text *text, size_t end,
                  const char *separators, size_t min, size_t max,
                  bool (*check)(const struct weir_detect_text *text,
                                const struct weir_digits *digits),
                  struct weir_range *match_out);

bool weir__luhn(const uint8_t *digits, size_t count);
/* A day of the calendar; the year as it is, 0 where unknown (leap). */
bool weir__is_date(unsigned year, unsigned month, unsigned day);

#endif
