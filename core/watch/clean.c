/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text made comparable: what a reader would not see, is not there.
 *
 * Zero-width and bidirectional marks are dropped, so that a word broken up by
 * them is the word; fullwidth letters become plain ones, odd blanks a blank,
 * curly quotes and wide punctuation their ASCII counterparts. Broken bytes
 * become '?'. Only bytes from 0x80 on are looked at; a text without any is
 * left as it is.
 */
#include <string.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#include "internal.h"
#include "lexicon.h"

static bool
is_hidden(uint32_t c)
{
    return is_between(c, 0x200B, 0x200F) || is_between(c, 0x202A, 0x202E) ||
           is_between(c, 0x2060, 0x2064) || is_between(c, 0x2066, 0x2069) ||
           c == 0xFEFF || c == 0xAD || c == 0x34F || c == 0x180E ||
           is_between(c, 0xFE00, 0xFE0F) || is_between(c, 0xE0000, 0xE01EF);
}

/* ASCII that stands for it; 0: none. */
static char
plain(uint32_t c)
{
    if (is_between(c, 0xFF01, 0xFF5E))
        return (char)(c - 0xFF01 + '!');
    if (is_between(c, 0x2000, 0x200A))
        return ' ';
    switch (c) {
    case 0xA0:
    case 0x202F:
    case 0x205F:
    case 0x3000:
        return ' ';
    case 0x2028:
    case 0x2029:
    case 0x85:
        return '\n';
    case 0x2018:
    case 0x2019:
    case 0x201B:
    case 0x2032:
        return '\'';
    case 0x201C:
    case 0x201D:
    case 0x201E:
    case 0x201F:
    case 0x300C:
    case 0x300D:
    case 0x300E:
    case 0x300F:
    case 0xAB:
    case 0xBB:
    case 0x2033:
        return '"';
    case 0x3002:
    case 0x0964:
    case 0x06D4:
        return '.';
    case 0x3001:
    case 0x060C:
        return ',';
    case 0x061F:
        return '?';
    case 0x2010:
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2212:
        return '-';
    default:
        return 0;
    }
}

/* Bytes of the character at `at`, 0: not UTF-8. */
static size_t
decode(const unsigned char *at, size_t left, uint32_t *code_out)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = at[0] < 0xC2   ? 0
                 : at[0] < 0xE0 ? 2
                 : at[0] < 0xF0 ? 3
                 : at[0] < 0xF5 ? 4
                                : 0;
    if (len == 0 || len > left)
        return 0;
    uint32_t code = at[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3F);
    }
    if (code < least[len] || code > 0x10FFFF ||
        is_between(code, 0xD800, 0xDFFF))
        return 0;
    *code_out = code;
    return len;
}

static size_t
first_high(const char *text, size_t len)
{
    size_t at = 0;
#if defined(__x86_64__)
    for (; at + 32 <= len; at += 32) {
        const __m128i *two = (const __m128i *)(const void *)(text + at);
        __m128i both =
            _mm_or_si128(_mm_loadu_si128(two), _mm_loadu_si128(two + 1));
        if (_mm_movemask_epi8(both) != 0)
            break;
    }
#endif
    for (; at + 8 <= len; at += 8)
        if ((load_le64(text + at) & UINT64_C(0x8080808080808080)) != 0)
            break;
    while (at < len && (text[at] & 0x80) == 0)
        at++;
    return at;
}

size_t
weir__watch_clean(char *text, size_t len, uint64_t *bits_out)
{
    size_t to = first_high(text, len);
    for (size_t at = to; at < len;) {
        uint32_t code;
        if ((text[at] & 0x80) == 0) {
            text[to++] = text[at++];
            continue;
        }
        size_t step = decode((const unsigned char *)text + at, len - at, &code);
        if (step == 0) {
            *bits_out |= WEIR_WATCH_BIT(INVALID);
            text[to++] = '?';
            at++;
            continue;
        }
        char ascii = plain(code);
        if (is_hidden(code)) {
            *bits_out |= WEIR_WATCH_BIT(HIDDEN);
        } else if (ascii != 0) {
            text[to++] = ascii;
        } else {
            memmove(text + to, text + at, step);
            to += step;
        }
        at += step;
    }
    return to;
}
