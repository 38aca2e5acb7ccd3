/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scanner's kernels share: the masks of one block, the state of a
 * scan, and the token automaton. See scan.c for the design.
 */
#ifndef WEIR_JSON_SCAN_INTERNAL_H
#define WEIR_JSON_SCAN_INTERNAL_H

#include <weir/json.h>

#define WEIR__JSON_BLOCK 64u

/* Bytes that a block load may read before its first: the UTF-8 check looks
 * three back. */
#define WEIR__JSON_BEFORE 3u

/* Bit i describes byte i of the block. */
struct weir__json_block {
    uint64_t quote;
    uint64_t backslash;
    uint64_t control; /* below 0x20 */
    uint64_t high;    /* from 0x80 */
};

enum weir__json_expect {
    WEIR__JSON_VALUE,
    WEIR__JSON_VALUE_OR_END, /* just behind `[` */
    WEIR__JSON_KEY_OR_END,   /* just behind `{` */
    WEIR__JSON_KEY,
    WEIR__JSON_COLON,
    WEIR__JSON_COMMA_OR_END,
    WEIR__JSON_FINISHED,
    WEIR__JSON_IN_KEY,
    WEIR__JSON_IN_VALUE
};

/* One container on a wanted path. */
struct weir__json_level {
    uint64_t mask;      /* paths that lead through it */
    uint64_t seen;      /* of them: member already met */
    uint64_t open;      /* hits whose container value is open inside it */
    weir_span open_raw; /* ptr: where that value begins */
};

struct weir__json_scan {
    const char *text;
    size_t len;
    const weir_json_path *paths;
    size_t path_count;
    const struct weir_json_plan *plan; /* NULL: the table is of one use */
    unsigned flags;
    weir_json_hit *hits;
    struct weir_json_root root;

    /* automaton */
    enum weir__json_expect expect;
    uint32_t depth;
    uint32_t tracked;      /* outermost containers on a path */
    bool is_in_object;     /* of the innermost container */
    const char *string_at; /* opening quote */
    uint64_t pending;      /* paths that the last name matched */
    struct weir__json_level level[WEIR_JSON_PATH_SEGMENTS_MAX + 1];
    const uint64_t *terminal; /* of paths, by their length */
    const uint64_t *each;     /* of paths whose segment is [] */
    uint64_t is_object[WEIR_JSON_DEPTH_MAX / 64];

    /* carried from block to block */
    uint64_t in_string;      /* all ones: the block begins inside a string */
    uint64_t is_escaped;     /* 1: its first byte is escaped */
    uint64_t hex_wanted;     /* low bits: it must begin with hex digits */
    uint64_t after_scalar;   /* 1: a number or literal ran into it */
    bool after_high;         /* the last block held bytes from 0x80 */
    bool is_long;            /* no string began or ended in it */
    const char *last_escape; /* last backslash before the block, or NULL */

    const char *fault; /* NULL: none */
    const char *fault_at;
    bool is_utf8_fault;
};

/* Validates and records; the kernels differ in how they fill masks (see
 * scan_loop.h). Each returns with `fault` set or the automaton at the text's
 * end. */
typedef void (*weir__json_kernel)(struct weir__json_scan *scan);

void weir__json_scan_plain(struct weir__json_scan *scan);
#if defined(__x86_64__)
void weir__json_scan_sse2(struct weir__json_scan *scan);
void weir__json_scan_avx2(struct weir__json_scan *scan);
void weir__json_scan_avx512(struct weir__json_scan *scan);
#endif

/* Where a plan keeps names like this one: most that differ do so in length
 * or first letter, whose case does not count. */
static inline size_t
weir__json_plan_slot(size_t length, char first)
{
    return (length * 5 + (unsigned char)(first | 0x20)) % WEIR_JSON_PLAN_NAMES;
}

/* False: another thread is at it just now. */
bool weir__json_plan_is_filled(struct weir_json_plan *plan);

/* Fills one bit per path: which end at this length, which have [] there. */
void weir__json_places(const weir_json_path *paths, size_t count,
                       uint64_t terminal_out[WEIR_JSON_PATH_SEGMENTS_MAX + 1],
                       uint64_t each_out[WEIR_JSON_PATH_SEGMENTS_MAX]);

/* One token (bit set in `tokens`) of the block at `base` after another. */
void weir__json_tokens(struct weir__json_scan *scan, const char *base,
                       uint64_t tokens, uint64_t in_string, uint64_t backslash);

/* First byte that is not well-formed UTF-8; the end where all is. */
const char *weir__json_utf8_fault(const char *text, size_t len);

/* Whether the block, with the three bytes before it, is well-formed; a
 * sequence may run on into the next block. Slow but any machine. */
bool weir__json_block_is_utf8(const char *bytes);

/* End of the number or literal at `at`, or NULL where it is not one. */
const char *weir__json_scalar_end(const char *at, const char *end,
                                  enum weir_json_kind *kind_out);

static inline void
weir__json_set_fault(struct weir__json_scan *scan, const char *at,
                     const char *fault)
{
    if (scan->fault == NULL) {
        scan->fault = fault;
        scan->fault_at = at;
    }
}

static inline void
weir__json_set_utf8_fault(struct weir__json_scan *scan, const char *at)
{
    scan->is_utf8_fault = scan->fault == NULL || scan->is_utf8_fault;
    weir__json_set_fault(scan, at, "not UTF-8");
}

#endif
