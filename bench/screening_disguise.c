/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disguises are functions of a listed name, as people, forms and other
 * scripts make them. None asks the matcher what it can read, but for the
 * words that are left out as legal forms and the readings of characters.
 *
 * Strangers are made of syllables and common words, persons of common given
 * names and surnames.
 */
#include "screening_disguise.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/screening.h>

#define FIELD_WORDS 24u

static uint64_t state = 1;

void
disguise_seed(uint64_t seed)
{
    state = seed;
}

uint32_t
disguise_draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 20) % below);
}

static const char *
pick(const char *const *words, size_t count)
{
    return words[disguise_draw((uint32_t)count)];
}
#define PICK(words) pick(words, WEIR_COUNTOF(words))

bool
disguise_is_learnt(weir_span name)
{
    char folded[4 * NAME_BYTES];
    size_t len = weir_screening_fold(name, folded, sizeof(folded));
    return (weir_hash64((weir_span){folded, len}, 20261122) & 1) == 0;
}

/* ------------------------------------------------------------ disguises */

struct split {
    char bytes[NAME_BYTES];
    char *words[FIELD_WORDS];
    size_t count;
};

static bool
split_words(const char *name, struct split *split)
{
    char *save = NULL;
    split->count = 0;
    if (snprintf(split->bytes, sizeof(split->bytes), "%s", name) >=
        (int)sizeof(split->bytes))
        return false;
    for (char *word = strtok_r(split->bytes, " ,", &save); word != NULL;
         word = strtok_r(NULL, " ,", &save)) {
        if (split->count == FIELD_WORDS)
            return false;
        split->words[split->count++] = word;
    }
    return true;
}

static void
join_words(const struct split *split, char *out)
{
    out[0] = '\0';
    for (size_t i = 0; i < split->count; i++) {
        if (i > 0)
            strcat(out, " ");
        strcat(out, split->words[i]);
    }
}

static bool
replace_each(const char *name, char *out, const char *const (*pairs)[2],
             size_t count)
{
    size_t used = 0;
    bool is_changed = false;
    for (const char *c = name; *c != '\0' && used < NAME_BYTES - 16;) {
        size_t i = 0;
        while (i < count &&
               strncasecmp(c, pairs[i][0], strlen(pairs[i][0])) != 0)
            i++;
        if (i == count) {
            out[used++] = *c++;
            continue;
        }
        is_changed = true;
        used += (size_t)sprintf(out + used, "%s", pairs[i][1]);
        c += strlen(pairs[i][0]);
    }
    out[used] = '\0';
    return is_changed;
}

static bool
respelled(const char *name, char *out)
{
    static const char *const pairs[][2] = {
        {"shch", "sch"}, {"kh", "h"},  {"zh", "j"}, {"iy", "y"}, {"ou", "u"},
        {"oo", "u"},     {"ph", "f"},  {"q", "k"},  {"y", "i"},  {"w", "v"},
        {"ks", "x"},     {"ts", "tz"}, {"dh", "d"}, {"gh", "g"}, {"ee", "i"}};
    return replace_each(name, out, pairs, WEIR_COUNTOF(pairs));
}

/* Latin letters as a Russian would write them. */
static bool
cyrillic(const char *name, char *out)
{
    static const char *const pairs[][2] = {
        {"ce", "се"}, {"ci", "си"},  {"cy", "си"}, {"ck", "к"}, {"th", "т"},
        {"ph", "ф"},  {"shch", "щ"}, {"sh", "ш"},  {"ch", "ч"}, {"zh", "ж"},
        {"kh", "х"},  {"ts", "ц"},   {"yu", "ю"},  {"ya", "я"}, {"ye", "е"},
        {"a", "а"},   {"b", "б"},    {"c", "к"},   {"d", "д"},  {"e", "е"},
        {"f", "ф"},   {"g", "г"},    {"h", "х"},   {"i", "и"},  {"j", "дж"},
        {"k", "к"},   {"l", "л"},    {"m", "м"},   {"n", "н"},  {"o", "о"},
        {"p", "п"},   {"q", "к"},    {"r", "р"},   {"s", "с"},  {"t", "т"},
        {"u", "у"},   {"v", "в"},    {"w", "в"},   {"x", "кс"}, {"y", "й"},
        {"z", "з"}};
    return strlen(name) < 250 &&
           replace_each(name, out, pairs, WEIR_COUNTOF(pairs));
}

static bool
greek(const char *name, char *out)
{
    static const char *const pairs[][2] = {
        {"ce", "σε"}, {"ci", "σι"}, {"th", "θ"}, {"ch", "τσ"}, {"ps", "ψ"},
        {"sh", "σ"},  {"zh", "ζ"},  {"kh", "χ"}, {"gh", "γ"},  {"ck", "κ"},
        {"ph", "φ"},  {"a", "α"},   {"b", "μπ"}, {"c", "κ"},   {"d", "δ"},
        {"e", "ε"},   {"f", "φ"},   {"g", "γ"},  {"h", "χ"},   {"i", "ι"},
        {"j", "τζ"},  {"k", "κ"},   {"l", "λ"},  {"m", "μ"},   {"n", "ν"},
        {"o", "ο"},   {"p", "π"},   {"q", "κ"},  {"r", "ρ"},   {"s", "σ"},
        {"t", "τ"},   {"u", "ου"},  {"v", "β"},  {"w", "β"},   {"x", "ξ"},
        {"y", "υ"},   {"z", "ζ"}};
    return strlen(name) < 250 &&
           replace_each(name, out, pairs, WEIR_COUNTOF(pairs));
}

static bool
diacritics(const char *name, char *out)
{
    static const char *const pairs[][2] = {{"a", "á"}, {"e", "ë"}, {"o", "ö"},
                                           {"u", "ū"}, {"n", "ñ"}, {"c", "č"},
                                           {"s", "ş"}, {"z", "ž"}, {"i", "ï"}};
    return strlen(name) < 500 &&
           replace_each(name, out, pairs, WEIR_COUNTOF(pairs));
}

static bool
look_alikes(const char *name, char *out)
{
    static const char *const pairs[][2] = {
        {"a", "а"}, {"e", "е"}, {"o", "о"}, {"p", "р"}};
    return strlen(name) < 500 &&
           replace_each(name, out, pairs, WEIR_COUNTOF(pairs));
}

static bool
order(const char *name, char *out)
{
    struct split split;
    if (!split_words(name, &split) || split.count < 2)
        return false;
    for (size_t i = split.count - 1; i > 0; i--) {
        size_t j = disguise_draw((uint32_t)i + 1);
        char *word = split.words[i];
        split.words[i] = split.words[j];
        split.words[j] = word;
    }
    join_words(&split, out);
    return true;
}

static bool
drop(const char *name, char *out, size_t least)
{
    struct split split;
    char folded[NAME_BYTES];
    size_t len = weir_screening_fold(weir_span_of(name), folded, NAME_BYTES);
    size_t words = len > 0;
    for (size_t i = 0; i < len; i++)
        words += folded[i] == ' ';
    if (words < least || (least == 2 && words != 2) ||
        !split_words(name, &split) || split.count < 2)
        return false;
    size_t gone = disguise_draw((uint32_t)split.count);
    memmove(split.words + gone, split.words + gone + 1,
            (split.count - gone - 1) * sizeof(char *));
    split.count--;
    join_words(&split, out);
    return true;
}

static bool
drop_of_two(const char *name, char *out)
{
    return drop(name, out, 2);
}

static bool
drop_of_three(const char *name, char *out)
{
    return drop(name, out, 3);
}

static bool
blank_lost(const char *name, char *out)
{
    struct split split;
    if (!split_words(name, &split) || split.count < 2)
        return false;
    size_t at = disguise_draw((uint32_t)split.count - 1);
    out[0] = '\0';
    for (size_t i = 0; i < split.count; i++) {
        strcat(out, split.words[i]);
        if (i != at)
            strcat(out, " ");
    }
    return true;
}

static bool
one_typo(const char *name, char *out)
{
    size_t len = strlen(name);
    size_t places[NAME_BYTES];
    size_t count = 0;
    for (size_t i = 1; i + 1 < len && len < NAME_BYTES - 2; i++)
        if (isalpha((unsigned char)name[i]) &&
            isalpha((unsigned char)name[i - 1]) &&
            isalpha((unsigned char)name[i + 1]))
            places[count++] = i;
    if (count == 0)
        return false;
    size_t at = places[disguise_draw((uint32_t)count)];
    char letter = (char)('a' + disguise_draw(26));
    switch (disguise_draw(4)) {
    case 0: /* lost */
        sprintf(out, "%.*s%s", (int)at, name, name + at + 1);
        break;
    case 1: /* added */
        sprintf(out, "%.*s%c%s", (int)at, name, letter, name + at);
        break;
    case 2: /* changed */
        sprintf(out, "%.*s%c%s", (int)at, name, letter, name + at + 1);
        break;
    default: /* swapped */
        sprintf(out, "%.*s%c%c%s", (int)at, name, name[at + 1], name[at],
                name + at + 2);
    }
    return true;
}

static bool
two_typos(const char *name, char *out)
{
    char once[NAME_BYTES + 4];
    return strlen(name) < NAME_BYTES - 4 && one_typo(name, once) &&
           one_typo(once, out);
}

static const char *const forms[] = {"Ltd",       "LLC",     "GmbH", "S.A.",
                                    "Co., Ltd.", "OOO",     "Inc.", "S.R.L.",
                                    "有限公司",  "Limited", "PJSC", "Pte Ltd"};

static bool
legal_form(const char *name, char *out)
{
    if (strlen(name) > NAME_BYTES - 40)
        return false;
    sprintf(out, "%s %s", name, PICK(forms));
    return true;
}

static bool
initial(const char *name, char *out)
{
    struct split split;
    if (!split_words(name, &split) || split.count < 3)
        return false;
    char *word = split.words[1 + disguise_draw((uint32_t)split.count - 1)];
    if (!isalpha((unsigned char)word[0]) || strlen(word) < 3)
        return false;
    word[1] = '.';
    word[2] = '\0';
    join_words(&split, out);
    return true;
}

static bool
unchanged(const char *name, char *out)
{
    return snprintf(out, NAME_BYTES, "%s", name) < (int)NAME_BYTES;
}

/* A character for each syllable of pinyin, found by folding them all. */
struct reading {
    char syllable[8];
    uint32_t point;
};

static struct reading readings[512];
static size_t reading_count;

static size_t
put_point(char *out, uint32_t point)
{
    out[0] = (char)(0xE0 | point >> 12);
    out[1] = (char)(0x80 | (point >> 6 & 0x3F));
    out[2] = (char)(0x80 | (point & 0x3F));
    return 3;
}

static void
find_readings(void)
{
    for (uint32_t point = 0x4E00; point <= 0x9FFF; point++) {
        char bytes[4];
        char folded[8];
        size_t size = put_point(bytes, point);
        size_t len = weir_screening_fold((weir_span){bytes, size}, folded, 7);
        size_t i = 0;
        folded[len] = '\0';
        while (i < reading_count && strcmp(readings[i].syllable, folded) != 0)
            i++;
        if (i < reading_count || len < 2 || (unsigned char)folded[0] >= 0x80 ||
            strpbrk(folded, "aeiou") == NULL)
            continue;
        if (reading_count == WEIR_COUNTOF(readings))
            return;
        strcpy(readings[i].syllable, folded);
        readings[reading_count++].point = point;
    }
}

/* The longest syllable that lets the rest of the word be read, too. */
static bool
write_pinyin(const char *word, char *out)
{
    if (*word == '\0') {
        *out = '\0';
        return true;
    }
    for (size_t len = 6; len > 0; len--)
        for (size_t i = 0; i < reading_count; i++)
            if (strlen(readings[i].syllable) == len &&
                strncasecmp(readings[i].syllable, word, len) == 0 &&
                write_pinyin(word + len, out + 3)) {
                put_point(out, readings[i].point);
                return true;
            }
    return false;
}

/* Names of two or more words of pinyin, legal forms aside. */
static bool
chinese(const char *name, char *out)
{
    char folded[NAME_BYTES];
    char *save = NULL;
    size_t words = 0;
    size_t len =
        weir_screening_fold(weir_span_of(name), folded, NAME_BYTES - 1);
    if (reading_count == 0)
        find_readings();
    folded[len] = '\0';
    for (char *word = strtok_r(folded, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save)) {
        if (strlen(word) < 2 || strlen(word) > 24 || !write_pinyin(word, out))
            return false;
        out += strlen(out);
        words++;
    }
    return words >= 2;
}

/* From the romanisation of lists (BGN/PCGN) to ISO 9, to those of German
 * and French papers, and to passports. */
static bool
russian(const char *name, char *out)
{
    static const char *const iso9[][2] = {
        {"shch", "šč"}, {"zh", "ž"}, {"kh", "h"},  {"ts", "c"},
        {"ch", "č"},    {"sh", "š"}, {"yu", "û"},  {"ya", "â"},
        {"ye", "e"},    {"yo", "ë"}, {"iy", "ij"}, {"yy", "yj"}};
    static const char *const german[][2] = {
        {"shch", "schtsch"}, {"zh", "sch"}, {"kh", "ch"}, {"ts", "z"},
        {"ch", "tsch"},      {"sh", "sch"}, {"yu", "ju"}, {"ya", "ja"},
        {"ye", "je"},        {"yo", "jo"},  {"iy", "i"},  {"yy", "y"},
        {"v", "w"}};
    static const char *const french[][2] = {
        {"shch", "chtch"}, {"zh", "j"},  {"ch", "tch"}, {"sh", "ch"},
        {"yu", "iou"},     {"ya", "ia"}, {"ye", "ie"},  {"yo", "io"},
        {"iy", "i"},       {"yy", "y"},  {"u", "ou"}};
    static const char *const passport[][2] = {
        {"yu", "iu"}, {"ya", "ia"}, {"ye", "e"}, {"yo", "e"},
        {"iy", "ii"}, {"yy", "yi"}, {"y", "i"}};
    switch (disguise_draw(4)) {
    case 0:
        return replace_each(name, out, iso9, WEIR_COUNTOF(iso9));
    case 1:
        return replace_each(name, out, german, WEIR_COUNTOF(german));
    case 2:
        return replace_each(name, out, french, WEIR_COUNTOF(french));
    default:
        return replace_each(name, out, passport, WEIR_COUNTOF(passport));
    }
}

/* As passports of the Maghreb, of Egypt and of the Gulf have it. */
static bool
arabic(const char *name, char *out)
{
    static const char *const maghreb[][2] = {{"muhammad", "mohamed"},
                                             {"abd al-", "abdel "},
                                             {"sh", "ch"},
                                             {"kh", "kh"},
                                             {"aw", "ao"},
                                             {"ay", "ai"},
                                             {"j", "dj"},
                                             {"w", "ou"},
                                             {"u", "ou"},
                                             {"q", "k"},
                                             {"iy", "i"},
                                             {"'", ""}};
    static const char *const egypt[][2] = {{"muhammad", "mohamed"},
                                           {"al-", "el-"},
                                           {"j", "g"},
                                           {"ay", "ei"},
                                           {"aw", "ou"},
                                           {"u", "o"},
                                           {"q", "k"},
                                           {"dh", "z"},
                                           {"iy", "y"},
                                           {"'", ""}};
    static const char *const gulf[][2] = {{"muhammad", "mohammed"},
                                          {"al-", "al "},
                                          {"ay", "ai"},
                                          {"aw", "au"},
                                          {"iy", "i"},
                                          {"yu", "yo"},
                                          {"q", "q"},
                                          {"h ", "h "},
                                          {"hussein", "husain"},
                                          {"'", ""}};
    switch (disguise_draw(3)) {
    case 0:
        return replace_each(name, out, maghreb, WEIR_COUNTOF(maghreb));
    case 1:
        return replace_each(name, out, egypt, WEIR_COUNTOF(egypt));
    default:
        return replace_each(name, out, gulf, WEIR_COUNTOF(gulf));
    }
}

const struct disguise disguises[] = {
    {"unchanged", DAMAGE_NONE, OF_ALL, false, unchanged},
    {"diacritics", DAMAGE_NONE, OF_ALL, true, diacritics},
    {"look-alikes", DAMAGE_NONE, OF_ALL, false, look_alikes},
    {"legal form", DAMAGE_NONE, OF_ALL, true, legal_form},
    {"word order", DAMAGE_NONE, OF_ALL, true, order},
    {"blank lost", DAMAGE_NONE, OF_ALL, false, blank_lost},
    {"respelled", DAMAGE_SCRIPT, OF_ALL, true, respelled},
    {"Cyrillic", DAMAGE_SCRIPT, OF_ALL, true, cyrillic},
    {"Greek", DAMAGE_SCRIPT, OF_ALL, true, greek},
    {"Chinese", DAMAGE_NONE, OF_CHINA, true, chinese},
    {"initial", DAMAGE_LOSS, OF_ALL, false, initial},
    {"one typo", DAMAGE_EDIT, OF_ALL, true, one_typo},
    {"two typos", DAMAGE_EDIT, OF_ALL, false, two_typos},
    {"word of 3+ lost", DAMAGE_LOSS, OF_ALL, true, drop_of_three},
    {"word of 2 lost", DAMAGE_LOSS, OF_ALL, true, drop_of_two},
    {"Russian, other standard", DAMAGE_SCRIPT, OF_RUSSIA, true, russian},
    {"Arabic, other country", DAMAGE_SCRIPT, OF_ARABIA, true, arabic},
};
const size_t disguise_count = WEIR_COUNTOF(disguises);

static bool
ends_with_any(weir_span place, const char *const *ends_in, size_t count)
{
    bool does = false;
    for (size_t i = 0; i < count; i++)
        does |= weir_span_ends(place, weir_span_of(ends_in[i]));
    return does;
}

bool
disguise_is_for(const struct disguise *disguise, weir_span place)
{
    static const char *const china[] = {"CN", "China", "HK"};
    static const char *const russia[] = {"RU",      "Russia", "UA",
                                         "Ukraine", "BY",     "Belarus"};
    static const char *const arabia[] = {
        "SY",      "Syria",  "IQ",           "Iraq",    "LB",
        "Lebanon", "YE",     "Yemen",        "EG",      "Egypt",
        "LY",      "Libya",  "DZ",           "Algeria", "TN",
        "Tunisia", "SA",     "Saudi Arabia", "AE",      "United Arab Emirates",
        "JO",      "Jordan", "KW",           "Kuwait",  "QA",
        "Qatar",   "SD",     "Sudan"};
    switch (disguise->whose) {
    case OF_CHINA:
        return ends_with_any(place, china, WEIR_COUNTOF(china));
    case OF_RUSSIA:
        return ends_with_any(place, russia, WEIR_COUNTOF(russia));
    case OF_ARABIA:
        return ends_with_any(place, arabia, WEIR_COUNTOF(arabia));
    default:
        return true;
    }
}

/* ------------------------------------------------------------ strangers */

static const char *const starts[] = {
    "bra", "ve",  "kol", "mar", "ta",  "ni",  "sto", "fen", "dor", "lu",  "gre",
    "pa",  "ri",  "sol", "tem", "ur",  "wes", "hal", "jo",  "ca",  "del", "ei",
    "fro", "gal", "hin", "ko",  "lan", "mo",  "nor", "or",  "pel", "ran"};
static const char *const ends[] = {
    "dix",  "ran",   "via",  "tec",   "lo",   "nis",  "mar", "dan",
    "ster", "ta",    "vel",  "rix",   "po",   "ling", "ner", "tron",
    "ga",   "lis",   "wood", "field", "berg", "ton",  "ska", "rini",
    "mont", "quist", "ley",  "ford",  "sen",  "o"};
static const char *const trades[] = {
    "Trading",  "Technologies", "Logistics",   "Foods",    "Consulting",
    "Bakery",   "Software",     "Engineering", "Pharma",   "Textiles",
    "Energy",   "Capital",      "Media",       "Motors",   "Construction",
    "Shipping", "Hotels",       "Insurance",   "Robotics", "Semiconductor",
    "Cloud",    "Data",         "Design",      "Dental",   "Plastics",
    "Steel",    "Optics",       "Marine",      "Aviation", "Research"};
static const char *const scopes[] = {
    "Group",    "Holdings", "International", "Global", "Solutions",  "Systems",
    "Services", "Partners", "Industries",    "Works",  "Associates", "Labs"};
static const char *const places[] = {
    "Berlin",  "Shanghai", "Texas",  "Nordic",   "Pacific", "Dubai",   "London",
    "Andes",   "Baltic",   "Iberia", "Shenzhen", "Moscow",  "Lyon",    "Kyoto",
    "Bavaria", "Ontario",  "Gulf",   "Alpine",   "Caspian", "Atlantic"};
static const char *const given[] = {
    "James", "Maria",  "Wei",      "Ahmed", "Olga",   "Juan",   "Fatima",
    "Ivan",  "Anna",   "Mohammed", "Li",    "Carlos", "Elena",  "David",
    "Sofia", "Hassan", "Yuki",     "Peter", "Laura",  "Sergey", "Ali",
    "Jose",  "Priya",  "Thomas",   "Nadia", "Omar",   "Ingrid", "Pedro",
    "Min",   "Karim",  "Julia",    "Dmitri"};
static const char *const family[] = {
    "Smith",  "Garcia",   "Wang",      "Khan",    "Ivanov",   "Silva",
    "Kim",    "Mueller",  "Hernandez", "Rossi",   "Petrov",   "Nguyen",
    "Hassan", "Johnson",  "Chen",      "Lopez",   "Yamamoto", "Sato",
    "Novak",  "Kowalski", "Haddad",    "Osei",    "Larsen",   "Dubois",
    "Patel",  "Okafor",   "Costa",     "Popescu", "Horvat",   "Demir",
    "Sharma", "Lindgren", "Moreau",    "Jansen",  "Rahman",   "Torres"};

static void
coined(char *out)
{
    sprintf(out, "%s%s%s", PICK(starts),
            disguise_draw(3) == 0 ? PICK(starts) : "", PICK(ends));
    out[0] = (char)toupper((unsigned char)out[0]);
}

void
stranger_company(char *out)
{
    char name[64];
    coined(name);
    switch (disguise_draw(6)) {
    case 0:
        sprintf(out, "%s %s %s", name, PICK(trades), PICK(forms));
        break;
    case 1:
        sprintf(out, "%s %s %s %s", name, PICK(trades), PICK(scopes),
                PICK(forms));
        break;
    case 2:
        sprintf(out, "%s %s %s", PICK(places), name, PICK(trades));
        break;
    case 3:
        sprintf(out, "%s %s", name, PICK(scopes));
        break;
    case 4:
        sprintf(out, "%s & %s %s", PICK(family), PICK(family), PICK(trades));
        break;
    default:
        sprintf(out, "%s %s %s", PICK(places), PICK(trades), PICK(forms));
    }
}

void
stranger_person(char *out)
{
    if (disguise_draw(3) == 0)
        sprintf(out, "%s %s %s", PICK(given), PICK(given), PICK(family));
    else
        sprintf(out, "%s %s", PICK(given), PICK(family));
}
