/* SPDX-License-Identifier: Apache-2.0 */
/* Payment cards (ISO/IEC 7812-1) and bank accounts (ISO 13616-1). */

#include "internal.h"

#include <string.h>

/* ------------------------------------------------------------- cards */

/* Issuers' ranges by their first four digits, and lengths as bits. */
static const struct {
    uint16_t first, last;
    uint32_t lengths;
} ranges[] = {
#define L(n) (1u << (n))
    {1800, 1800, L(15)},
    {2131, 2131, L(15)},
    {2014, 2014, L(15)},
    {2149, 2149, L(15)},
    {2200, 2204, L(16) | L(17) | L(18) | L(19)},
    {2221, 2720, L(16)},
    {3000, 3059, L(14) | L(16) | L(19)},
    {3088, 3094, L(16)},
    {3095, 3095, L(14) | L(16) | L(19)},
    {3096, 3102, L(16)},
    {3112, 3120, L(16)},
    {3158, 3159, L(16)},
    {3337, 3349, L(16)},
    {3400, 3499, L(15)},
    {3528, 3589, L(16) | L(17) | L(18) | L(19)},
    {3600, 3699, L(14) | L(16) | L(19)},
    {3700, 3799, L(15)},
    {3800, 3999, L(14) | L(16) | L(19)},
    {4000, 4999, L(13) | L(16) | L(19)},
    {5000, 5099, L(12) | L(13) | L(14) | L(15) | L(16) | L(17) | L(18) | L(19)},
    {5100, 5599, L(16)},
    {5600, 6999, L(12) | L(13) | L(14) | L(15) | L(16) | L(17) | L(18) | L(19)},
    {8100, 8171, L(16) | L(17) | L(18) | L(19)},
    {9792, 9792, L(16)},
#undef L
};

bool
weir__is_card(const struct weir_detect_text *text,
              const struct weir_digits *digits)
{
    (void)text;
    unsigned first = digits->d[0] * 1000u + digits->d[1] * 100u +
                     digits->d[2] * 10u + digits->d[3];
    if (digits->groups > 5 || !weir__luhn(digits->d, digits->count))
        return false;
    for (size_t i = 0; i < WEIR_COUNTOF(ranges); i++)
        if (first >= ranges[i].first && first <= ranges[i].last &&
            (ranges[i].lengths >> digits->count & 1u) != 0)
            return true;
    return false;
}

/* -------------------------------------------------------------- IBAN */

/* Letters of the country, and how long its accounts are. */
static const char countries[] =
    "AD24AE23AL28AO25AT20AZ28BA20BE16BF28BG22BH22BI27BJ28BR29BY28CF27CG27CH21"
    "CI28CM27CR22CV25CY28CZ24DE22DJ27DK18DO28DZ26EE20EG29ES24FI18FK18FO18FR27"
    "GA27GB22GE22GI23GL18GQ27GR27GT28GW25HN28HR21HU28IE22IL23IQ23IR26IS26IT27"
    "JO30KM27KW30KZ20LB28LC32LI21LT20LU20LV21LY25MA28MC27MD24ME22MG27MK19ML28"
    "MN20MR27MT31MU30MZ25NE28NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33"
    "SA24SC31SD18SE24SI19SK24SM27SN28SO23ST25SV28TD27TG28TL23TN24TR26UA29VA22"
    "VG24XK20YE30";

static size_t
length_of(unsigned char a, unsigned char b)
{
    for (const char *row = countries; *row != '\0'; row += 4)
        if ((unsigned char)row[0] == (a & 0xdf) &&
            (unsigned char)row[1] == (b & 0xdf))
            return (size_t)(row[2] - '0') * 10 + (size_t)(row[3] - '0');
    return 0;
}

/* The check digits and the country count last. */
static bool
is_modulo_97(const char *text, size_t len)
{
    unsigned rest = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[(i + 4) % len];
        rest = c <= '9' ? rest * 10 + (unsigned)(c - '0')
                        : rest * 100 + (unsigned)(c - 'A') + 10;
        rest %= 97;
    }
    return rest == 1;
}

bool
weir__find_iban(const struct weir_detect_text *text, size_t end,
                struct weir_range *match_out)
{
    char compact[34];
    size_t from = end - 4, at = from, n = 0;
    size_t want = from < text->start || !weir__edge_before(text, from)
                      ? 0
                      : length_of(text->p[from], text->p[from + 1]);
    for (; at < text->len && n < want; at++) {
        unsigned char c = text->p[at];
        if (weir__is_alnum(c))
            compact[n++] = (char)(weir__is_alpha(c) ? c & 0xdf : c);
        else if ((c != ' ' && c != '-') || n == 0 || text->p[at - 1] == c)
            break;
    }
    if (want == 0 || n < want || !weir__edge_behind(text, at) ||
        !is_modulo_97(compact, n))
        return false;
    *match_out = (struct weir_range){from, at};
    return true;
}
