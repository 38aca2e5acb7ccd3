/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel without vector instructions: any machine, and the yardstick
 * that the others are tested against.
 */
#include "scan.h"

#include <string.h>

#define TARGET

static void
load(const char *bytes, struct weir__json_block *block_out)
{
    memset(block_out, 0, sizeof(*block_out));
    for (unsigned i = 0; i < WEIR__JSON_BLOCK; i++) {
        unsigned char c = (unsigned char)bytes[i];
        uint64_t bit = UINT64_C(1) << i;
        block_out->quote |= c == '"' ? bit : 0;
        block_out->backslash |= c == '\\' ? bit : 0;
        block_out->control |= c < 0x20 ? bit : 0;
        block_out->high |= c >= 0x80 ? bit : 0;
    }
}

static void
outside_of(const char *bytes, uint64_t *structural_out, uint64_t *white_out)
{
    uint64_t structural = 0;
    uint64_t white = 0;
    for (unsigned i = 0; i < WEIR__JSON_BLOCK; i++) {
        char c = bytes[i];
        uint64_t bit = UINT64_C(1) << i;
        if (c == '{' || c == '}' || c == '[' || c == ']' || c == ':' ||
            c == ',')
            structural |= bit;
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            white |= bit;
    }
    *structural_out = structural;
    *white_out = white;
}

static bool
is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static void
escapes(const char *bytes, uint64_t *allowed_out, uint64_t *u_out)
{
    uint64_t allowed = 0;
    uint64_t u = 0;
    for (unsigned i = 0; i < WEIR__JSON_BLOCK; i++) {
        char c = bytes[i];
        uint64_t bit = UINT64_C(1) << i;
        if (c != '\0' && strchr("\"\\/bfnrtu", c) != NULL)
            allowed |= bit;
        u |= c == 'u' ? bit : 0;
    }
    *allowed_out = allowed;
    *u_out = u;
}

static uint64_t
hex_digits(const char *bytes)
{
    uint64_t hex = 0;
    for (unsigned i = 0; i < WEIR__JSON_BLOCK; i++)
        hex |= is_hex(bytes[i]) ? UINT64_C(1) << i : 0;
    return hex;
}

static bool
is_plain(const char *bytes)
{
    for (unsigned i = 0; i < WEIR__JSON_BLOCK; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            return false;
    }
    return true;
}

/* Here for the kernels without a vector form. From a sequence's start at most
 * three bytes before the block, up to the last that begins early enough to
 * end in it. */
bool
weir__json_block_is_utf8(const char *bytes)
{
    const char *at = bytes - WEIR__JSON_BEFORE;
    const char *end = bytes + WEIR__JSON_BLOCK;
    /* The bytes before belong to sequences that began further back; what
     * they lead into is checked here, they themselves were before. */
    while (at < bytes && ((unsigned char)*at & 0xC0) == 0x80)
        at++;
    while (at < end) {
        unsigned char c = (unsigned char)*at;
        size_t length = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        if ((size_t)(end - at) < length) {
            /* It runs on, and the next block's check begins with it; but
             * what is here of it may be the text's end and padding. */
            while (++at < end)
                if (((unsigned char)*at & 0xC0) != 0x80)
                    return false;
            return true;
        }
        if (!weir_utf8_valid((weir_span){at, length}))
            return false;
        at += length;
    }
    return true;
}

static uint64_t
prefix_xor(uint64_t bits)
{
    for (unsigned shift = 1; shift < 64; shift <<= 1)
        bits ^= bits << shift;
    return bits;
}

static inline bool
is_utf8(const char *bytes)
{
    return weir__json_block_is_utf8(bytes);
}

TARGET static inline void
in_string(const char *bytes, uint64_t *backslash_out, uint64_t *stop_out,
          uint64_t *fine_out)
{
    struct weir__json_block block;
    uint64_t allowed, u;
    load(bytes, &block);
    escapes(bytes, &allowed, &u);
    *backslash_out = block.backslash;
    *stop_out = block.quote | block.control | block.high;
    *fine_out = allowed & ~u;
}

#include "scan_loop.h"

void
weir__json_scan_plain(struct weir__json_scan *scan)
{
    scan_blocks(scan);
}
