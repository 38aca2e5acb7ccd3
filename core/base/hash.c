/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash64 multiplies 8 bytes at a time into 128 bits and folds (the idea of
 * the "mum" family); its values are stored in images and overlays, so the
 * function must never change without a new format version.
 *
 * CRC-32C uses the SSE 4.2 instruction where the processor has it and a
 * 4-bit table elsewhere; both give the same value (see the test).
 */
#include <weir/base.h>

#include <string.h>

#define K0 UINT64_C(0x9E3779B97F4A7C15)
#define K1 UINT64_C(0xD6E8FEB86659FD93)
#define K2 UINT64_C(0xA0761D6478BD642F)

static uint64_t
fold(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The bytes as a little-endian number, 1 <= len <= 8; overlapping loads are
 * several times faster than a copy of variable length. */
static uint64_t
load_up_to_8(const char *p, size_t len)
{
    if (len >= 4) {
        uint32_t low;
        uint32_t high;
        memcpy(&low, p, 4);
        memcpy(&high, p + len - 4, 4);
        return low | (uint64_t)high << (8 * (len - 4));
    }
    const unsigned char *b = (const unsigned char *)p;
    return b[0] | (uint64_t)b[len / 2] << (8 * (len / 2)) |
           (uint64_t)b[len - 1] << (8 * (len - 1));
}

uint64_t
weir_hash64(weir_span s, uint64_t seed)
{
    const char *p = s.ptr;
    size_t left = s.len;
    uint64_t state = seed ^ fold((uint64_t)s.len ^ K0, K1);

    while (left >= 16) {
        uint64_t a;
        uint64_t b;
        memcpy(&a, p, 8);
        memcpy(&b, p + 8, 8);
        state = fold(a ^ state ^ K1, b ^ K2);
        p += 16;
        left -= 16;
    }
    if (left > 8) {
        uint64_t a = load_up_to_8(p, 8);
        uint64_t b = load_up_to_8(p + 8, left - 8);
        state = fold(a ^ state ^ K1, b ^ K2);
    } else if (left > 0) {
        state = fold(load_up_to_8(p, left) ^ state ^ K1, K2);
    }
    return fold(state ^ K0, (uint64_t)s.len ^ K1);
}

static uint32_t
crc_table(uint32_t crc, const unsigned char *p, size_t len)
{
    static const uint32_t nibble[16] = {
        0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3,
        0x61C69362, 0x7198540D, 0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9,
        0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75};
    for (size_t i = 0; i < len; i++) {
        crc = nibble[(crc ^ p[i]) & 15] ^ (crc >> 4);
        crc = nibble[(crc ^ (uint32_t)(p[i] >> 4)) & 15] ^ (crc >> 4);
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
crc_sse(uint32_t crc, const unsigned char *p, size_t len)
{
    uint64_t wide = crc;
    while (len >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        wide = __builtin_ia32_crc32di(wide, word);
        p += 8;
        len -= 8;
    }
    crc = (uint32_t)wide;
    while (len-- > 0)
        crc = __builtin_ia32_crc32qi(crc, *p++);
    return crc;
}
#endif

uint32_t
weir_crc32c(uint32_t crc, const void *bytes, size_t len)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc_sse(crc, bytes, len);
#endif
    return ~crc_table(crc, bytes, len);
}
