/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers: compared exactly, after blanks, dashes and case are gone. */
#include "screen.h"

#include <string.h>

weir_span
weir_screening_identifier_fold(weir_span text, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 32);
        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
            continue;
        if (used == size)
            return WEIR_SPAN_NONE;
        out[used++] = c;
    }
    return used == 0 ? WEIR_SPAN_NONE : (weir_span){out, used};
}

bool
weir_screening_is_lei(weir_span text)
{
    char bytes[20];
    uint32_t rest = 0;
    weir_span folded = weir_screening_identifier_fold(text, bytes, 20);
    if (folded.len != 20)
        return false;
    for (size_t i = 0; i < 20; i++) {
        bool is_digit = bytes[i] <= '9';
        if (i >= 18 && !is_digit)
            return false;
        rest = is_digit ? (rest * 10 + (uint32_t)(bytes[i] - '0')) % 97
                        : (rest * 100 + (uint32_t)(bytes[i] - 'A' + 10)) % 97;
    }
    return rest == 1;
}

bool
weir_screening_is_uscc(weir_span text)
{
    /* GB 32100: the alphabet leaves out I, O, S, V and Z; weights are the
     * powers of 3 modulo 31. */
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    char bytes[18];
    uint32_t sum = 0;
    uint32_t power = 1;
    weir_span folded = weir_screening_identifier_fold(text, bytes, 18);
    if (folded.len != 18)
        return false;
    for (size_t i = 0; i < 18; i++) {
        const char *at = strchr(alphabet, bytes[i]);
        if (at == NULL)
            return false;
        sum = (sum + (uint32_t)(at - alphabet) * (i < 17 ? power : 1)) % 31;
        power = power * 3 % 31;
    }
    return sum == 0;
}

#define ID_LEAST 5u

weir_span
weir__screen_identifier(weir_span text, char bytes[SCREEN_ID_MAX])
{
    bool has_digit = false;
    weir_span id = weir_screening_identifier_fold(text, bytes, SCREEN_ID_MAX);
    for (size_t i = 0; i < id.len; i++)
        has_digit |= id.ptr[i] <= '9';
    return has_digit && id.len >= ID_LEAST ? id : WEIR_SPAN_NONE;
}
