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
    uint64_t terminal[WEIR_JSON_PATH_SEGMENTS_MAX + 1]; /* by path length */
    uint64_t each[WEIR_JSON_PATH_SEGMENTS_MAX];         /* segment is [] */
    uint64_t is_object[WEIR_JSON_DEPTH_MAX / 64];

    /* carried from block to block */
    uint64_t in_string;      /* all ones: the block begins inside a string */
    uint64_t is_escaped;     /* 1: its first byte is escaped */
    uint64_t hex_wanted;     /* low bits: it must begin with hex digits */
    uint64_t after_scalar;   /* 1: a number or literal ran into it */
    bool after_high;         /* the last block held bytes from 0x80 */
    const char *last_escape; /* last backslash before the block, or NULL */

    const char *fault; /* NULL: none */
    const char *fault_at;
    bool is_utf8_fault;
};

/* Validates and records; the kernels differ in how they fill masks. Each
 * returns with `fault` set or the automaton at the text's end. */
typedef void (*weir__json_kernel)(struct weir__json_scan *scan);

void weir__json_scan_plain(struct weir__json_scan *scan);
#if defined(__x86_64__)
void weir__json_scan_sse2(struct weir__json_scan *scan);
void weir__json_scan_avx2(struct weir__json_scan *scan);
#endif

/* One token (bit set in `tokens`) of the block at `base` after another. */
void weir__json_tokens(struct weir__json_scan *scan, const char *base,
                       uint64_t tokens, uint64_t in_string, uint64_t backslash);

/* First byte that is not well-formed UTF-8; the end where all is. */
const char *weir__json_utf8_fault(const char *text, size_t len);

/* Slow but any machine: see struct weir__json_masks. */
bool weir__json_block_is_utf8(const char *bytes);

/* End of the number or literal at `at`, or NULL where it is not one. */
const char *weir__json_scalar_end(const char *at, const char *end,
                                  enum weir_json_kind *kind_out);

/* ---------------------------------------------------- the block loop */

/*
 * What a kernel brings. `before` bytes in front of `bytes` may be read.
 *   load:    the masks that every block needs
 *   outside: structural bytes and white space, for bytes out of strings
 *   escapes: bytes that may follow a backslash, `u`, hex digits
 *   is_utf8: whether the block, with the three bytes before, is well-formed
 *            (a sequence may run on into the next block)
 */
struct weir__json_masks {
    void (*load)(const char *bytes, struct weir__json_block *block_out);
    void (*outside)(const char *bytes, uint64_t *structural_out,
                    uint64_t *white_out);
    void (*escapes)(const char *bytes, uint64_t *allowed_out, uint64_t *u_out,
                    uint64_t *hex_out);
    bool (*is_utf8)(const char *bytes);
    uint64_t (*prefix_xor)(uint64_t bits);
};

#define WEIR__JSON_INLINE static inline __attribute__((always_inline))

WEIR__JSON_INLINE void
weir__json_set_fault(struct weir__json_scan *scan, const char *at,
                     const char *fault)
{
    if (scan->fault == NULL) {
        scan->fault = fault;
        scan->fault_at = at;
    }
}

WEIR__JSON_INLINE void
weir__json_set_utf8_fault(struct weir__json_scan *scan, const char *at)
{
    scan->is_utf8_fault = scan->fault == NULL || scan->is_utf8_fault;
    weir__json_set_fault(scan, at, "not UTF-8");
}

/* Bytes that a backslash escapes: runs of backslashes pair up from their
 * start, so a subtraction carries each odd start to its run's end. */
WEIR__JSON_INLINE uint64_t
weir__json_escaped(uint64_t backslash, uint64_t *carry)
{
    const uint64_t odd = UINT64_C(0xAAAAAAAAAAAAAAAA);
    if (backslash == 0) {
        uint64_t escaped = *carry;
        *carry = 0;
        return escaped;
    }
    uint64_t start = backslash & ~*carry;
    uint64_t ends = (((start << 1) | odd) - start) ^ odd;
    uint64_t escaped = ends ^ (backslash | *carry);
    *carry = (ends & backslash) >> 63;
    return escaped;
}

/* Every escape is one of the eight, \u with four hex digits behind it. */
WEIR__JSON_INLINE void
weir__json_check_escapes(struct weir__json_scan *scan,
                         const struct weir__json_masks *masks,
                         const char *bytes, const char *base, uint64_t escaped)
{
    uint64_t allowed;
    uint64_t u;
    uint64_t hex;
    masks->escapes(bytes, &allowed, &u, &hex);
    u &= escaped;
    uint64_t wanted =
        scan->hex_wanted | (u << 1) | (u << 2) | (u << 3) | (u << 4);
    scan->hex_wanted = (u >> 63) | (u >> 62) | (u >> 61) | (u >> 60);
    uint64_t wrong = (escaped & ~allowed) | (wanted & ~hex);
    if (wrong != 0)
        weir__json_set_fault(scan, base + __builtin_ctzll(wrong),
                             "an escape is none of JSON's");
}

/* One block; `bytes` holds it (perhaps a padded copy), `base` is its place
 * in the text. */
WEIR__JSON_INLINE void
weir__json_scan_block(struct weir__json_scan *scan,
                      const struct weir__json_masks *masks, const char *bytes,
                      const char *base)
{
    struct weir__json_block block;
    masks->load(bytes, &block);
    uint64_t escaped = weir__json_escaped(block.backslash, &scan->is_escaped);
    uint64_t quotes = block.quote & ~escaped;
    uint64_t in_string = scan->in_string;
    if (quotes != 0)
        in_string ^= masks->prefix_xor(quotes);
    if ((escaped | scan->hex_wanted) != 0)
        weir__json_check_escapes(scan, masks, bytes, base, escaped);
    if (block.high != 0 || scan->after_high) {
        if (!masks->is_utf8(bytes))
            weir__json_set_utf8_fault(scan, base);
        scan->after_high = block.high != 0;
    }
    uint64_t wrong =
        (block.control & in_string) | (block.backslash & ~in_string);
    if (wrong != 0)
        weir__json_set_fault(scan, base + __builtin_ctzll(wrong),
                             (block.control & in_string) != 0
                                 ? "a control character in a string"
                                 : "a backslash outside a string");
    if (scan->fault != NULL)
        return;
    uint64_t outside = ~(in_string | quotes);
    uint64_t tokens = quotes;
    if (outside != 0) {
        uint64_t structural;
        uint64_t white;
        masks->outside(bytes, &structural, &white);
        structural &= outside & ~block.control;
        uint64_t scalar = outside & ~structural & ~white;
        tokens |= structural | (scalar & ~((scalar << 1) | scan->after_scalar));
        scan->after_scalar = scalar >> 63;
    } else {
        scan->after_scalar = 0;
    }
    if (tokens != 0)
        weir__json_tokens(scan, base, tokens, in_string, block.backslash);
    scan->in_string = (uint64_t)((int64_t)in_string >> 63);
    if (block.backslash != 0)
        scan->last_escape = base + (63 - __builtin_clzll(block.backslash));
}

/* The whole text: first and last block by way of a padded copy, so that no
 * load reads outside the text. */
WEIR__JSON_INLINE void
weir__json_scan_blocks(struct weir__json_scan *scan,
                       const struct weir__json_masks *masks)
{
    char copy[WEIR__JSON_BEFORE + WEIR__JSON_BLOCK];
    size_t at = 0;
    while (at < scan->len && scan->fault == NULL) {
        const char *base = scan->text + at;
        size_t left = scan->len - at;
        if (at == 0 || left < WEIR__JSON_BLOCK) {
            size_t before = at == 0 ? 0 : WEIR__JSON_BEFORE;
            size_t length = left < WEIR__JSON_BLOCK ? left : WEIR__JSON_BLOCK;
            __builtin_memset(copy, ' ', sizeof(copy));
            __builtin_memcpy(copy + WEIR__JSON_BEFORE - before, base - before,
                             before + length);
            weir__json_scan_block(scan, masks, copy + WEIR__JSON_BEFORE, base);
        } else {
            weir__json_scan_block(scan, masks, base, base);
        }
        at += WEIR__JSON_BLOCK;
    }
    /* A sequence that the text's end cuts short is only seen from behind. */
    if (scan->fault == NULL && scan->after_high &&
        scan->len % WEIR__JSON_BLOCK == 0) {
        __builtin_memset(copy, ' ', sizeof(copy));
        __builtin_memcpy(copy, scan->text + scan->len - WEIR__JSON_BEFORE,
                         WEIR__JSON_BEFORE);
        if (!masks->is_utf8(copy + WEIR__JSON_BEFORE))
            weir__json_set_utf8_fault(scan, scan->text + scan->len);
    }
}

#endif
