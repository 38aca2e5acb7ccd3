/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block loop, included once by each kernel: function pointers in its
 * place are not inlined by every compiler, and cost a third. Before the
 * include, a kernel defines TARGET (attributes) and these:
 *
 *   load(bytes, &block)         the masks that every block needs
 *   outside_of(bytes, &s, &w)   structural bytes, white space
 *   escapes(bytes, &a, &u)      what may follow a backslash, `u`
 *   hex_digits(bytes)
 *   is_plain(bytes)             no quote, backslash, control or high byte
 *   in_string(bytes, &b, &s, &f)  backslashes; quotes, control and high bytes;
 *                               of what escapes() allows, all but `u`
 *   is_utf8(bytes)              as weir__json_block_is_utf8()
 *   prefix_xor(bits)            bit i: parity of bits 0..i
 *
 * WEIR__JSON_BEFORE bytes before `bytes` may be read.
 */
#include "scan.h"

/* Bytes that a backslash escapes: runs of backslashes pair up from their
 * start, so a subtraction carries each odd start to its run's end. */
TARGET static inline uint64_t
escaped_bytes(uint64_t backslash, uint64_t *carry)
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
TARGET static inline void
check_escapes(struct weir__json_scan *scan, const char *bytes, const char *base,
              uint64_t escaped)
{
    uint64_t allowed;
    uint64_t u;
    escapes(bytes, &allowed, &u);
    u &= escaped;
    uint64_t wrong = escaped & ~allowed;
    if ((u | scan->hex_wanted) != 0) {
        uint64_t wanted =
            scan->hex_wanted | (u << 1) | (u << 2) | (u << 3) | (u << 4);
        scan->hex_wanted = (u >> 63) | (u >> 62) | (u >> 61) | (u >> 60);
        wrong |= wanted & ~hex_digits(bytes);
    }
    if (wrong != 0)
        weir__json_set_fault(scan, base + __builtin_ctzll(wrong),
                             "an escape is none of JSON's");
}

/* One block; `bytes` holds it (perhaps a padded copy), `base` is its place
 * in the text. */
TARGET static inline void
scan_block(struct weir__json_scan *scan, const char *bytes, const char *base)
{
    struct weir__json_block block;
    load(bytes, &block);
    uint64_t escaped = escaped_bytes(block.backslash, &scan->is_escaped);
    uint64_t quotes = block.quote & ~escaped;
    uint64_t in_string = scan->in_string;
    if (quotes != 0)
        in_string ^= prefix_xor(quotes);
    scan->is_long = quotes == 0;
    if ((escaped | scan->hex_wanted) != 0)
        check_escapes(scan, bytes, base, escaped);
    if (block.high != 0 || scan->after_high) {
        if (!is_utf8(bytes))
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
    uint64_t outer = ~(in_string | quotes);
    uint64_t tokens = quotes;
    if (outer != 0) {
        uint64_t structural;
        uint64_t white;
        outside_of(bytes, &structural, &white);
        structural &= outer & ~block.control;
        uint64_t scalar = outer & ~structural & ~white;
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

/* Passes blocks of plain characters in a string, of which a prompt mostly
 * consists: there the state before is the state behind. */
TARGET static inline size_t
pass_plain(const struct weir__json_scan *scan, size_t at)
{
    if (scan->in_string == 0 || scan->is_escaped != 0 ||
        scan->hex_wanted != 0 || scan->after_high)
        return at;
    while (scan->len - at >= WEIR__JSON_BLOCK && is_plain(scan->text + at))
        at += WEIR__JSON_BLOCK;
    return at;
}

/* Passes blocks in a string in which it does not end, with escapes of one
 * letter or sign. */
TARGET static inline size_t
pass_escapes(struct weir__json_scan *scan, size_t at)
{
    if (scan->in_string == 0 || scan->hex_wanted != 0 || scan->after_high)
        return at;
    uint64_t is_escaped = scan->is_escaped, last = 0;
    size_t last_at = at;
    for (; scan->len - at >= WEIR__JSON_BLOCK; at += WEIR__JSON_BLOCK) {
        uint64_t backslash, stop, fine, carry = is_escaped;
        in_string(scan->text + at, &backslash, &stop, &fine);
        uint64_t escaped = escaped_bytes(backslash, &carry);
        if (((stop & ~escaped) | (escaped & ~fine)) != 0)
            break;
        is_escaped = carry;
        if (backslash != 0) {
            last = backslash;
            last_at = at;
        }
    }
    scan->is_escaped = is_escaped;
    if (last != 0)
        scan->last_escape = scan->text + last_at + (63 - __builtin_clzll(last));
    return at;
}

/* The same with \u, at half the speed; a block with a fault is left to
 * scan_block(). */
TARGET static inline size_t
pass_hex_escapes(struct weir__json_scan *scan, size_t at)
{
    if (scan->in_string == 0 || scan->after_high)
        return at;
    for (; scan->len - at >= WEIR__JSON_BLOCK; at += WEIR__JSON_BLOCK) {
        const char *bytes = scan->text + at;
        uint64_t backslash, stop, fine, allowed, u, carry = scan->is_escaped;
        in_string(bytes, &backslash, &stop, &fine);
        escapes(bytes, &allowed, &u);
        uint64_t escaped = escaped_bytes(backslash, &carry);
        u &= escaped;
        uint64_t wanted = scan->hex_wanted | u << 1 | u << 2 | u << 3 | u << 4;
        if (((stop & ~escaped) | (escaped & ~allowed) |
             (wanted & ~hex_digits(bytes))) != 0)
            break;
        scan->hex_wanted = u >> 63 | u >> 62 | u >> 61 | u >> 60;
        scan->is_escaped = carry;
        if (backslash != 0)
            scan->last_escape = bytes + (63 - __builtin_clzll(backslash));
    }
    return at;
}

/* The whole text: first and last block by way of a padded copy, so that no
 * load reads outside the text. */
TARGET static inline void
scan_blocks(struct weir__json_scan *scan)
{
    char copy[WEIR__JSON_BEFORE + WEIR__JSON_BLOCK];
    size_t at = 0;
    while (at < scan->len && scan->fault == NULL) {
        at = pass_plain(scan, at);
        if (scan->is_long) {
            at = pass_escapes(scan, at);
            at = pass_hex_escapes(scan, at);
        }
        if (at == scan->len)
            break;
        const char *base = scan->text + at;
        size_t left = scan->len - at;
        if (at == 0 || left < WEIR__JSON_BLOCK) {
            size_t before = at == 0 ? 0 : WEIR__JSON_BEFORE;
            size_t length = left < WEIR__JSON_BLOCK ? left : WEIR__JSON_BLOCK;
            __builtin_memset(copy, ' ', sizeof(copy));
            __builtin_memcpy(copy + WEIR__JSON_BEFORE - before, base - before,
                             before + length);
            scan_block(scan, copy + WEIR__JSON_BEFORE, base);
        } else {
            scan_block(scan, base, base);
        }
        at += WEIR__JSON_BLOCK;
    }
    /* A sequence that the text's end cuts short is only seen from behind. */
    if (scan->fault == NULL && scan->after_high &&
        scan->len % WEIR__JSON_BLOCK == 0) {
        __builtin_memset(copy, ' ', sizeof(copy));
        __builtin_memcpy(copy, scan->text + scan->len - WEIR__JSON_BEFORE,
                         WEIR__JSON_BEFORE);
        if (!is_utf8(copy + WEIR__JSON_BEFORE))
            weir__json_set_utf8_fault(scan, scan->text + scan->len);
    }
}
