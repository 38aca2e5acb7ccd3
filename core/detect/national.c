/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers that states give to persons. Each row names the rule it checks;
 * where the sum is weak (a modulus of 10 or 11 over plain digits), the
 * number must stand in its groups or behind a word that says what it is.
 */

#include "internal.h"

#include <string.h>

typedef const struct weir_detect_text text_t;
typedef const struct weir_digits digits_t;

static unsigned
number(const uint8_t *d, size_t count)
{
    unsigned value = 0;
    for (size_t i = 0; i < count; i++)
        value = value * 10 + d[i];
    return value;
}

/* `weights` as digits ("12345"), repeated where the number is longer. */
static unsigned
weighted(const uint8_t *d, size_t count, const char *weights)
{
    size_t n = strlen(weights);
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += d[i] * (unsigned)(weights[i % n] - '0');
    return sum;
}

static bool
are_equal(const uint8_t *d, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (d[i] != d[0])
            return false;
    return true;
}

/* Lengths of groups, as digits: "324". */
static bool
is_grouped(text_t *text, digits_t *digits, const char *groups, char separator)
{
    size_t at = digits->from;
    for (const char *g = groups; *g != '\0'; g++) {
        if (g != groups &&
            (at >= digits->to || text->p[at++] != (unsigned char)separator))
            return false;
        for (int i = 0; i < *g - '0'; i++)
            if (at >= digits->to || !weir__is_digit(text->p[at++]))
                return false;
    }
    return at == digits->to;
}

/* ----------------------------------------------------- North America */

/* Social Security Administration: no area 000, 666 or 900 and above, no
 * group or serial of noughts. */
bool
weir__is_us_ssn(text_t *text, digits_t *n)
{
    unsigned area = number(n->d, 3);
    if (area == 0 || area == 666 || area >= 900 || number(n->d + 3, 2) == 0 ||
        number(n->d + 5, 4) == 0)
        return false;
    return is_grouped(text, n, "324", '-') ||
           ((n->groups == 1 || is_grouped(text, n, "324", ' ')) &&
            weir__near(text, n->from, "ssn|social security"));
}

bool
weir__is_ca_sin(text_t *text, digits_t *n)
{
    if (n->d[0] == 0 || n->d[0] == 8 || !weir__luhn(n->d, 9))
        return false;
    return is_grouped(text, n, "333", '-') || is_grouped(text, n, "333", ' ') ||
           weir__near(text, n->from, "social insurance|sin ");
}

/* Receita Federal: two digits modulo 11. */
bool
weir__is_br_cpf(text_t *text, digits_t *n)
{
    unsigned first = 0, second = 0;
    for (size_t i = 0; i < 9; i++)
        first += n->d[i] * (unsigned)(10 - i);
    for (size_t i = 0; i < 10; i++)
        second += n->d[i] * (unsigned)(11 - i);
    if (are_equal(n->d, 11) || first * 10 % 11 % 10 != n->d[9] ||
        second * 10 % 11 % 10 != n->d[10])
        return false;
    return (n->groups == 4 && text->p[n->to - 3] == '-') ||
           weir__near(text, n->from, "cpf");
}

/* ------------------------------------------------------------- Europe */

/* HMRC: prefixes that are not given out; suffix A to D. */
bool
weir__find_uk_nino(text_t *text, size_t end, struct weir_range *out)
{
    char c[9];
    size_t n = 0, at = end;
    while (at > text->start && n < 9) {
        unsigned char b = text->p[at - 1];
        if (weir__is_alnum(b))
            c[8 - n++] = (char)(weir__is_alpha(b) ? b & 0xdf : b);
        else if (b != ' ' || n == 0)
            break;
        at--;
    }
    if (n < 9 || !weir__edge_before(text, at) || !weir__edge_behind(text, end))
        return false;
    for (size_t i = 2; i < 8; i++)
        if (c[i] < '0' || c[i] > '9')
            return false;
    static const char *const refused[] = {"BG", "GB", "KN", "NK",
                                          "NT", "TN", "ZZ"};
    for (size_t i = 0; i < WEIR_COUNTOF(refused); i++)
        if (memcmp(c, refused[i], 2) == 0)
            return false;
    if (c[0] < 'A' || c[1] < 'A' || strchr("DFIQUV", c[0]) != NULL ||
        strchr("DFIOQUV", c[1]) != NULL || c[8] < 'A' || c[8] > 'D')
        return false;
    *out = (struct weir_range){at, end};
    return true;
}

/* Bundeszentralamt fuer Steuern: of the first ten digits exactly one comes
 * twice or three times; ISO 7064 mod 11,10. */
bool
weir__is_de_steuer_id(text_t *text, digits_t *n)
{
    unsigned seen[10] = {0}, twice = 0, product = 10;
    (void)text;
    for (size_t i = 0; i < 10; i++)
        seen[n->d[i]]++;
    for (size_t i = 0; i < 10; i++) {
        if (seen[i] > 3)
            return false;
        twice += seen[i] > 1;
    }
    for (size_t i = 0; i < 10; i++) {
        unsigned sum = (n->d[i] + product) % 10;
        product = (sum == 0 ? 10 : sum) * 2 % 11;
    }
    return n->d[0] != 0 && twice == 1 && (11 - product) % 10 == n->d[10];
}

/* INSEE: sex, year, month, place, serial; key 97 less the number mod 97.
 * Corsica's 2A and 2B count as 19 and 18. */
static bool
is_nir(const uint8_t *d)
{
    uint64_t value = 0;
    unsigned month = number(d + 3, 2);
    for (size_t i = 0; i < 13; i++)
        value = value * 10 + d[i];
    return d[0] != 0 && d[0] != 5 && d[0] != 6 && d[0] != 9 && month > 0 &&
           (month < 13 || month > 19) && number(d + 13, 2) == 97 - value % 97;
}

bool
weir__is_fr_nir(text_t *text, digits_t *n)
{
    (void)text;
    return is_nir(n->d);
}

bool
weir__find_fr_nir(text_t *text, size_t end, struct weir_range *out)
{
    uint8_t d[15];
    size_t n = 0, at = end;
    while (at > text->start && n < 15) {
        unsigned char b = text->p[at - 1];
        if (n == 8 && (b | 0x20) >= 'a' && (b | 0x20) <= 'b')
            d[14 - n++] = (b | 0x20) == 'a' ? 9 : 8;
        else if (weir__is_digit(b))
            d[14 - n++] = (uint8_t)(b - '0');
        else if (b != ' ' || n == 0)
            break;
        at--;
    }
    if (n < 15 || d[5] != 2 || !weir__edge_before(text, at) ||
        !weir__edge_behind(text, end))
        return false;
    d[5] = 1;
    *out = (struct weir_range){at, end};
    return is_nir(d);
}

/* Ministerio del Interior: the letter of the number modulo 23. */
bool
weir__find_es_dni(text_t *text, size_t end, struct weir_range *out)
{
    static const char letters[] = "TRWAGMYFPDXBNJZSQVHLCKE";
    if (end < text->start + 9 || !weir__edge_behind(text, end))
        return false;
    size_t at = end - 1;
    char letter = (char)(text->p[at] & 0xdf);
    if (text->p[at - 1] == '-' || text->p[at - 1] == ' ')
        at--;
    unsigned value = 0, scale = 1, digits = 0;
    while (at > text->start && digits < 8 && weir__is_digit(text->p[at - 1])) {
        value += (unsigned)(text->p[--at] - '0') * scale;
        scale *= 10;
        digits++;
    }
    if (digits == 7 && at > text->start && text->p[at - 1] == '-' &&
        at > text->start + 1)
        at--;
    if (digits == 7 && at > text->start) {
        unsigned char first = text->p[at - 1] & 0xdf;
        if (first < 'X' || first > 'Z')
            return false;
        value += (unsigned)(first - 'X') * 10000000;
        at--;
    } else if (digits != 8) {
        return false;
    }
    *out = (struct weir_range){at, end};
    return weir__edge_before(text, at) && letters[value % 23] == letter;
}

/* Decreto ministeriale 23/12/1976: odd places have values of their own. */
bool
weir__find_it_codice(text_t *text, size_t end, struct weir_range *out)
{
    static const uint8_t odd[] = {1,  0,  5,  7,  9,  13, 15, 17, 19,
                                  21, 2,  4,  18, 20, 11, 3,  6,  8,
                                  12, 14, 16, 10, 22, 25, 24, 23};
    static const char form[] = "LLLLLLNNLNNLNNNL";
    if (end < text->start + 16)
        return false;
    size_t from = end - 16;
    unsigned sum = 0;
    for (size_t i = 0; i < 16; i++) {
        unsigned char c = text->p[from + i];
        bool is_letter = weir__is_alpha(c);
        unsigned value;
        /* L to V stand for digits where two persons had one code */
        if (form[i] == 'N' && is_letter &&
            memchr("LMNPQRSTUV", c & 0xdf, 10) == NULL)
            return false;
        if (!weir__is_alnum(c) || (form[i] == 'L' && !is_letter))
            return false;
        value = is_letter ? (unsigned)(c & 0xdf) - 'A' : (unsigned)(c - '0');
        if (i == 15)
            sum = sum % 26 == value ? 0 : 1;
        else
            sum += i % 2 == 0 ? odd[value] : value;
    }
    *out = (struct weir_range){from, end};
    return sum == 0 && weir__edge_before(text, from) &&
           weir__edge_behind(text, end);
}

bool
weir__is_nl_bsn(text_t *text, digits_t *n)
{
    unsigned sum = weighted(n->d, 8, "98765432");
    return sum >= n->d[8] && (sum - n->d[8]) % 11 == 0 && !are_equal(n->d, 9) &&
           weir__near(text, n->from, "bsn|burgerservice|sofi");
}

bool
weir__is_be_nn(text_t *text, digits_t *n)
{
    unsigned base = number(n->d, 9), check = number(n->d + 9, 2);
    unsigned month = number(n->d + 2, 2), day = number(n->d + 4, 2);
    (void)text;
    return month <= 12 && day <= 31 && (month > 0 || day == 0) &&
           (n->groups == 5 || n->groups == 1) &&
           (check == 97 - base % 97 ||
            check == 97 - (base + UINT64_C(2000000000)) % 97);
}

/* The month carries the century: 80 for 1800, 20 for 2000 and so on. */
bool
weir__is_pl_pesel(text_t *text, digits_t *n)
{
    unsigned month = number(n->d + 2, 2), century = month / 20;
    static const unsigned years[] = {1900, 2000, 2100, 2200, 1800};
    (void)text;
    return (weighted(n->d, 10, "1379137913") + n->d[10]) % 10 == 0 &&
           weir__is_date(years[century] + number(n->d, 2), month % 20,
                         number(n->d + 4, 2));
}

/* Skatteverket: the day of a co-ordination number is 60 more. */
bool
weir__is_se_pnr(text_t *text, digits_t *n)
{
    const uint8_t *d = n->d + (n->count - 10);
    unsigned day = number(d + 4, 2);
    unsigned char sign = text->p[n->to - 5];
    if (n->count == 11 ||
        (n->count == 12 && (number(n->d, 2) < 18 || number(n->d, 2) > 21)))
        return false;
    return (sign == '-' || sign == '+' ||
            (n->count == 12 && n->groups == 1 &&
             weir__near(text, n->from, "personnummer|pnr"))) &&
           n->groups < 3 && weir__luhn(d, 10) &&
           weir__is_date(0, number(d + 2, 2), day > 60 ? day - 60 : day);
}

bool
weir__is_ch_ahv(text_t *text, digits_t *n)
{
    (void)text;
    return number(n->d, 3) == 756 &&
           (weighted(n->d, 12, "13") + n->d[12]) % 10 == 0;
}

/* --------------------------------------------------------------- Asia */

/* GB 11643-1999. */
bool
weir__find_cn_id(text_t *text, size_t end, struct weir_range *out)
{
    static const uint8_t weights[] = {7, 9, 10, 5,  8, 4, 2, 1, 6,
                                      3, 7, 9,  10, 5, 8, 4, 2};
    static const char checks[] = "10X98765432";
    uint8_t d[17];
    if (end < text->start + 18)
        return false;
    size_t from = end - 18;
    unsigned sum = 0;
    for (size_t i = 0; i < 17; i++) {
        if (!weir__is_digit(text->p[from + i]))
            return false;
        d[i] = (uint8_t)(text->p[from + i] - '0');
        sum += d[i] * (unsigned)weights[i];
    }
    unsigned char last = text->p[end - 1];
    if (last == 'x')
        last = 'X';
    /* ideographs stand next to it without a blank: only digits are no edge */
    bool edges = (from == 0 || !weir__is_alnum(text->p[from - 1])) &&
                 (end >= text->len || !weir__is_alnum(text->p[end]));
    *out = (struct weir_range){from, end};
    return edges && d[0] >= 1 && d[0] <= 8 && checks[sum % 11] == (char)last &&
           number(d + 6, 4) >= 1850 && number(d + 6, 4) <= 2150 &&
           weir__is_date(number(d + 6, 4), number(d + 10, 2),
                         number(d + 12, 2));
}

bool
weir__is_in_aadhaar(text_t *text, digits_t *n)
{
    static const uint8_t product[10][10] = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5},
        {2, 3, 4, 0, 1, 7, 8, 9, 5, 6}, {3, 4, 0, 1, 2, 8, 9, 5, 6, 7},
        {4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
        {6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3},
        {8, 7, 6, 5, 9, 3, 2, 1, 0, 4}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}};
    static const uint8_t turn[10] = {1, 5, 7, 6, 2, 8, 3, 0, 9, 4};
    unsigned check = 0;
    for (size_t i = 0; i < 12; i++) {
        unsigned d = n->d[11 - i];
        for (size_t k = 0; k < i % 8; k++)
            d = turn[d];
        check = product[check][d];
    }
    return check == 0 && n->d[0] >= 2 &&
           (is_grouped(text, n, "444", ' ') ||
            is_grouped(text, n, "444", '-') ||
            weir__near(text, n->from, "aadhaar|aadhar|uidai"));
}

/* Numbers given out since October 2020 have no check digit: a word decides. */
bool
weir__is_kr_rrn(text_t *text, digits_t *n)
{
    unsigned sum = weighted(n->d, 12, "234567892345");
    return weir__is_date(0, number(n->d + 2, 2), number(n->d + 4, 2)) &&
           n->d[6] <= 8 && n->groups == 2 && is_grouped(text, n, "67", '-') &&
           ((11 - sum % 11) % 10 == n->d[12] ||
            weir__near(text, n->from, "rrn|resident registration"));
}

bool
weir__find_sg_nric(text_t *text, size_t end, struct weir_range *out)
{
    if (end < text->start + 9)
        return false;
    size_t from = end - 9;
    uint8_t d[7];
    for (size_t i = 0; i < 7; i++) {
        if (!weir__is_digit(text->p[from + 1 + i]))
            return false;
        d[i] = (uint8_t)(text->p[from + 1 + i] - '0');
    }
    unsigned char kind = text->p[from] & 0xdf;
    char letter = (char)(text->p[end - 1] & 0xdf);
    unsigned sum = weighted(d, 7, "2765432");
    const char *letters;
    switch (kind) {
    case 'S':
        letters = "JZIHGFEDCBA";
        break;
    case 'T':
        letters = "JZIHGFEDCBA";
        sum += 4;
        break;
    case 'F':
        letters = "XWUTRQPNMLK";
        break;
    case 'G':
        letters = "XWUTRQPNMLK";
        sum += 4;
        break;
    default:
        return false;
    }
    *out = (struct weir_range){from, end};
    return letters[sum % 11] == letter && weir__edge_before(text, from) &&
           weir__edge_behind(text, end);
}
