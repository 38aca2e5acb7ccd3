/* SPDX-License-Identifier: Apache-2.0 */
/* The table of detectors, and the alphabets that several share. */

#include "internal.h"

#include <string.h>

static bool
in_mail(unsigned char c)
{
    return weir__is_alnum(c) || (c >= 0x80 && c < 0xe0) ||
           (c != '\0' && strchr("@.!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool
begins_mail(const struct weir_detect_text *text, size_t at)
{
    unsigned char c = text->p[at];
    return weir__is_word(c) || (c >= 0x80 && c < 0xe0);
}

static bool
in_phone(unsigned char c)
{
    return weir__is_digit(c) || (c != '\0' && strchr(" -./()+x", c) != NULL);
}

static bool
begins_phone(const struct weir_detect_text *text, size_t at)
{
    return weir__is_digit(text->p[at]) || text->p[at] == '+' ||
           text->p[at] == '(';
}

static bool
in_number(unsigned char c)
{
    return weir__is_digit(c) || c == ' ' || c == '-' || c == '.' || c == '/' ||
           c == '+';
}

static bool
begins_digit(const struct weir_detect_text *text, size_t at)
{
    return weir__is_digit(text->p[at]) && weir__edge_before(text, at);
}

/* Letters and digits, in groups. */
static bool
in_code(unsigned char c)
{
    return weir__is_alnum(c) || c == ' ' || c == '-';
}

/*
 * Are the bytes from `at` on the beginning of a code of this form? L: letter,
 * D: digit, A: either; single blanks and dashes lie between.
 */
static bool
fits(const struct weir_detect_text *text, size_t at, const char *form)
{
    bool was_gap = true;
    if (!weir__edge_before(text, at))
        return false;
    for (size_t i = at; i < text->len; i++) {
        unsigned char c = text->p[i];
        if (c == ' ' || c == '-') {
            if (was_gap)
                return false;
            was_gap = true;
            continue;
        }
        was_gap = false;
        if (*form == '\0' || (*form == 'L' && !weir__is_alpha(c)) ||
            (*form == 'D' && !weir__is_digit(c)))
            return false;
        form++;
    }
    return true;
}

static bool
begins_nino(const struct weir_detect_text *text, size_t at)
{
    return fits(text, at, "LLDDDDDDL");
}

static bool
begins_nir(const struct weir_detect_text *text, size_t at)
{
    return fits(text, at, "DDDDDDADDDDDDDD");
}

static bool
begins_dni(const struct weir_detect_text *text, size_t at)
{
    return fits(text, at, "ADDDDDDDL") || fits(text, at, "ADDDDDDL");
}

static bool
begins_codice(const struct weir_detect_text *text, size_t at)
{
    return fits(text, at, "LLLLLLAALAALAAAL");
}

static bool
begins_cn_id(const struct weir_detect_text *text, size_t at)
{
    return fits(text, at, "DDDDDDDDDDDDDDDDDA");
}

static bool
begins_nric(const struct weir_detect_text *text, size_t at)
{
    return fits(text, at, "LDDDDDDDL");
}

static bool
in_iban(unsigned char c)
{
    return in_code(c);
}

static bool
begins_iban(const struct weir_detect_text *text, size_t at)
{
    size_t left = text->len - at;
    return weir__is_alpha(text->p[at]) && weir__edge_before(text, at) &&
           (left < 2 || weir__is_alpha(text->p[at + 1])) &&
           (left < 3 || weir__is_digit(text->p[at + 2])) &&
           (left < 4 || weir__is_digit(text->p[at + 3]));
}

static bool
in_ip(unsigned char c)
{
    return weir__is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') ||
           c == '.' || c == ':';
}

static bool
begins_ip(const struct weir_detect_text *text, size_t at)
{
    return weir__edge_before(text, at);
}

static bool
in_key(unsigned char c)
{
    return weir__is_word(c) || c == '-' || c == '.';
}

static bool
in_assigned(unsigned char c)
{
    return c >= ' ' || c == '\t';
}

static bool
in_pem(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || c == ' ' || c == '-';
}

/* clang-format off */
static const struct weir_detector detectors[] = {
#define WEIR_DETECTOR(name, kind, max, at, digits, anchor, inside, may_begin, \
                      find, tail, title)                                      \
    {name, kind, title, anchor, max, at, digits, 0, 0, inside, may_begin,     \
     find, NULL, tail},
#define WEIR_NUMBER(name, kind, max, at, separators, least, most, check,      \
                    inside, may_begin, find, title)                           \
    {name, kind, title, NULL, max, (at) | WEIR__AT_NUMBER, least, most,       \
     separators, inside, may_begin, find, check, NULL},
#include "detectors.def"
#undef WEIR_DETECTOR
#undef WEIR_NUMBER
};
/* clang-format on */

const struct weir_detector *
weir_detector_at(size_t index)
{
    return index < WEIR_COUNTOF(detectors) ? &detectors[index] : NULL;
}

const struct weir_detector *
weir_detector_find(weir_span name)
{
    for (size_t i = 0; i < WEIR_COUNTOF(detectors); i++)
        if (weir_span_equal(weir_span_of(detectors[i].name), name))
            return &detectors[i];
    return NULL;
}

weir_span
weir_detector_name(const struct weir_detector *detector)
{
    return weir_span_of(detector->name);
}

weir_span
weir_detector_kind(const struct weir_detector *detector)
{
    return weir_span_of(detector->kind);
}

weir_span
weir_detector_title(const struct weir_detector *detector)
{
    return weir_span_of(detector->title);
}
