/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/detect/set.h - a compiled set: the matcher's database and its rules.
 */
#ifndef WEIR_DETECT_SET_H
#define WEIR_DETECT_SET_H

#include <hs/hs.h>

#include "maps.h"

/* Candidates of one slice; see slice() for what happens beyond. */
#define WEIR__CANDIDATES 2048
/* Bytes looked at in one go. */
#define WEIR__SLICE 8192

struct weir_candidate_range {
    uint32_t from;
    uint32_t to;
    uint8_t rule;
    bool has_tail;
};

struct weir_compiled_rule {
    weir_span name;
    weir_span replacement;
    weir_span placeholder; /* "MAIL", between "[" and "_1]" */
    const struct weir_detector *detector;
    enum weir_detect_action action;
    uint32_t max;        /* bytes of the longest match */
    uint32_t hold;       /* of detectors, bytes that may have to wait; 0: an
                            equal one before it sees to it */
    uint8_t inside[256]; /* may a match hold the byte? */
    uint8_t first[256];  /* may it begin with the byte? */
    weir_span *terms;    /* folded where the rule is, sorted by bytes */
    uint32_t term_count;
    bool is_caseless;
};

/* What an id of the matcher means: an anchor of several rules, or an
 * expression or a term of one. */
struct weir_pattern {
    const char *anchor; /* NULL: not an anchor */
    uint64_t rules;     /* of an anchor, as bits */
    uint32_t term_len;  /* 0: not a term */
    uint8_t rule;
};

/* Rules, as bits, by where scan.c asks them. */
struct weir_numbers {
    uint64_t by_run[WEIR__NUMBER_MOST + 1];   /* digits without a break */
    uint64_t by_count[WEIR__NUMBER_MOST + 1]; /* digits of all groups */
    uint64_t by_separators[WEIR__BRACKET];    /* these, or some of them */
    uint64_t at_letter, at_gap, at_country, at_address, at_phone, at_corsica;
    uint64_t at_sign;
    weir_map_block *map;
    uint32_t least; /* digits of the shortest number */
    bool has_some;
    bool has_digits; /* not only at_sign */
};

struct weir_detect_set {
    struct weir_arena arena; /* names, terms, tables */
    struct weir_compiled_rule *rules;
    size_t count;
    struct weir_pattern *patterns;
    size_t pattern_count;
    struct weir_numbers numbers;
    hs_database_t *database;
    hs_scratch_t *scratch;
    struct weir_candidate_range candidates[2 * WEIR__CANDIDATES]; /* and room to
                                                                     sort */
};

/* What was found in one slice, while it is looked through. */
struct weir_gathering {
    const struct weir_detect_set *set;
    struct weir_candidate_range *all;
    const struct weir_detect_text *text;
    size_t base; /* where reading began */
    size_t count;
    bool is_full;
    bool is_broken; /* the matcher failed */
    bool detectors_only;
    int16_t last[WEIR_DETECT_RULES_MAX]; /* candidate; -1: none */
};

/* core/detect/stream.c: asks a rule's detector; takes what one found. */
void weir__ask(struct weir_gathering *g, uint8_t rule, size_t end);
void weir__found(struct weir_gathering *g, uint8_t rule, size_t from,
                 size_t to);
/* core/detect/scan.c: asks the rules of `numbers` from `base` on. */
void weir__scan_numbers(struct weir_gathering *g, size_t base);

/* Rule number of a region that is a placeholder of the vault. */
#define WEIR__RESTORE 255

/* core/detect/vault.c */

/* The placeholder's text for this original into `text_out` (at least 64
 * bytes): its length; 0: the vault is full. */
size_t weir__vault_put(struct weir_vault *vault, uint8_t rule,
                       weir_span original, char *text_out);
/* Whether `text` is one of its placeholders. */
bool weir__vault_get(const struct weir_vault *vault, weir_span text,
                     weir_span *original_out);
/* Whether a placeholder may begin with these bytes. */
bool weir__vault_may_begin(weir_span text);
#define WEIR__PLACEHOLDER_MAX 64

#endif
