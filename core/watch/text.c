/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over a prompt: words, frame, keys, MinHash, sketch, cues.
 *
 * Bytes are classed first, sixteen at a time, into bitmaps (word, blank,
 * special); tokens are then found by counting bits. A word costs one digest,
 * one probe of the lexicon and a handful of additions, whatever it is:
 *
 *   digest -> lexicon: classes (verb, artefact...), language, phrase number
 *          -> sketch:  word, stem, pair with the word before: 96 counters
 *          -> MinHash: three words, one minimum
 *          -> frame:   a mask of what varies: "write N w" for "Write Ada a"
 *
 * The frame keeps function words, request verbs and artefacts, and masks the
 * rest: Q quoted, # with digits, I identifier, N name, k character word, w
 * other; runs of one mask collapse. Pairs of frame tokens fill the other 32
 * counters of the sketch.
 *
 * A quoted span is one token. A search for a closing quote that failed is
 * not repeated over the same bytes, so that cost is linear whatever comes.
 */
#include <string.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#include "internal.h"
#include "lexicon.h"
#include "watch_tables.h"

#define TEXT_MAX   (WEIR_WATCH_TEXT_MAX + 1)
#define MAP_WORDS  ((TEXT_MAX + 63) / 64 + 2)
#define QUOTE_MAX  200
#define PAIRS_MAX  200 /* frame tokens that count for the form part */
#define RING       8
#define FORM_DIMS  (WEIR_WATCH_SKETCH - WEIR_WATCH_TOPIC)
#define MIXED_FOLD 64 /* bytes of a word that are folded and hashed */

/* Weights of the topic part, in twentieths. */
enum {
    WEIGHT_FUNCTION = 5,
    WEIGHT_KEEP = 12,
    WEIGHT_WORD = 20,
    WEIGHT_PART = 10
};

/* Frame tokens of what is masked; odd and far apart. */
#define MASK_START UINT64_C(0xA0761D6478BD642F)
#define MASK_QUOTE UINT64_C(0xE7037ED1A0B428DB)
#define MASK_DIGIT UINT64_C(0x8EBC6AF09C88C6E3)
#define MASK_IDENT UINT64_C(0x589965CC75374CC3)
#define MASK_NAME  UINT64_C(0x1D8E4E27C47D124F)
#define MASK_CHAR  UINT64_C(0xEB44ACCAB455D165)
#define MASK_WORD  UINT64_C(0x2D358DCCAA6C78A5)
#define MASK_END   UINT64_C(0x8BB84B93962EACC9)

enum quote { QUOTE_DOUBLE, QUOTE_BACK, QUOTE_SINGLE, QUOTES };

struct pass {
    const char *text;
    size_t len;
    struct watch_text *found;
    struct weir_watch_features *out;
    uint64_t previous; /* digests of the last two words */
    uint64_t before;
    uint64_t frame;      /* running digest */
    uint64_t last_frame; /* token */
    uint64_t frame_ring[RING];
    uint64_t word_ring[RING];
    uint32_t frame_count;
    uint32_t word_count;
    uint32_t state; /* of the phrase automaton */
    uint32_t cues;
    uint32_t classes; /* of all words */
    uint32_t languages[16];
    uint32_t script_words[16];
    uint32_t pair_count;
    size_t searched[QUOTES]; /* no closing quote before this */
    bool is_leading;         /* nothing but lead words so far */
    bool is_sentence;        /* the next word starts one */
    bool after_article;
    uint8_t marks; /* last punctuation and how often */
    char mark;
    int32_t counters[WEIR_WATCH_SKETCH];
    uint64_t word_map[MAP_WORDS];
    uint64_t blank_map[MAP_WORDS];
    uint64_t digit_map[MAP_WORDS];
    uint64_t special_map[MAP_WORDS]; /* digit, upper case, underscore */
};

/* -------------------------------------------------------------- maps */

static inline uint64_t
bits_from(const uint64_t *map, size_t at)
{
    size_t i = at >> 6;
    unsigned shift = at & 63;
    return map[i] >> shift | map[i + 1] << 1 << (63 - shift);
}

/* Bytes from `at` whose bit is set in a row. */
static inline size_t
run_of(const uint64_t *map, size_t at, size_t len)
{
    size_t end = at;
    uint64_t zeros = ~bits_from(map, end);
    while (zeros == 0 && end < len) {
        end += 64;
        if (end >= len)
            return len - at;
        zeros = ~bits_from(map, end);
    }
    end += zeros == 0 ? 0 : (size_t)__builtin_ctzll(zeros);
    return (end < len ? end : len) - at;
}

#if defined(__x86_64__)
static inline __m128i
in_range(__m128i bytes, char first, char count)
{
    /* Signed compare after moving `first` to the lowest value. */
    __m128i moved = _mm_sub_epi8(bytes, _mm_set1_epi8((char)(first + 128)));
    return _mm_cmplt_epi8(moved, _mm_set1_epi8((char)(-128 + count)));
}

static void
classify(struct pass *p)
{
    const __m128i lower = _mm_set1_epi8(0x20);
    for (size_t at = 0; at < p->len; at += 16) {
        __m128i b =
            _mm_loadu_si128((const __m128i *)(const void *)(p->text + at));
        __m128i letter = in_range(_mm_or_si128(b, lower), 'a', 26);
        __m128i digit = in_range(b, '0', 10);
        __m128i under = _mm_cmpeq_epi8(b, _mm_set1_epi8('_'));
        __m128i quote = _mm_cmpeq_epi8(b, _mm_set1_epi8('\''));
        __m128i upper = in_range(b, 'A', 26);
        __m128i blank = in_range(b, 0, 33);
        __m128i word = _mm_or_si128(_mm_or_si128(letter, digit),
                                    _mm_or_si128(under, quote));
        __m128i special = _mm_or_si128(_mm_or_si128(upper, digit), under);
        unsigned shift = at & 63;
        p->word_map[at >> 6] |= (uint64_t)(uint32_t)_mm_movemask_epi8(word)
                                << shift;
        p->blank_map[at >> 6] |= (uint64_t)(uint32_t)_mm_movemask_epi8(blank)
                                 << shift;
        p->digit_map[at >> 6] |= (uint64_t)(uint32_t)_mm_movemask_epi8(digit)
                                 << shift;
        p->special_map[at >> 6] |=
            (uint64_t)(uint32_t)_mm_movemask_epi8(special) << shift;
    }
}
#else
static void
classify(struct pass *p)
{
    for (size_t at = 0; at < p->len; at++) {
        unsigned char b = (unsigned char)p->text[at];
        bool letter = is_between(b | 0x20u, 'a', 'z');
        bool digit = is_between(b, '0', '9');
        bool upper = is_between(b, 'A', 'Z');
        uint64_t bit = UINT64_C(1) << (at & 63);
        if (letter || digit || b == '_' || b == '\'')
            p->word_map[at >> 6] |= bit;
        if (b <= 32)
            p->blank_map[at >> 6] |= bit;
        if (digit)
            p->digit_map[at >> 6] |= bit;
        if (digit || upper || b == '_')
            p->special_map[at >> 6] |= bit;
    }
}
#endif

/* ------------------------------------------------------------- sketch */

static inline void
count_topic(struct pass *p, uint64_t hash, int32_t weight)
{
    uint32_t at =
        (uint32_t)((uint64_t)(uint32_t)(hash >> 32) * WEIR_WATCH_TOPIC >> 32);
    int32_t sign = -(int32_t)(hash & 1);
    p->counters[at] += (weight ^ sign) - sign;
}

static inline void
count_pair(struct pass *p, uint64_t token)
{
    if (p->pair_count >= PAIRS_MAX)
        return;
    p->pair_count++;
    uint64_t m = hash_mix(p->last_frame, token * HASH_SEED);
    int32_t sign = -(int32_t)(m & 1);
    p->counters[WEIR_WATCH_TOPIC + (m >> 59)] += (1 ^ sign) - sign;
}

static inline void
add_frame(struct pass *p, uint64_t token, bool collapses)
{
    if (collapses && token == p->last_frame)
        return;
    count_pair(p, token);
    p->last_frame = token;
    p->frame = hash_mix(p->frame, token);
    p->frame_ring[p->frame_count % RING] = token;
    if (++p->frame_count == 6)
        p->out->head = p->frame;
}

static inline void
add_minhash(struct pass *p, uint64_t hash)
{
    uint64_t m = (p->before << 9 | p->before >> 55) +
                 (p->previous << 4 | p->previous >> 60) + hash;
    m *= HASH_STEP;
    m ^= m >> 29;
    m *= HASH_SEED;
    uint16_t *bin = &p->out->minhash[m >> 60];
    uint16_t value = (uint16_t)(m >> 40);
    *bin = value < *bin ? value : *bin;
}

static void
add_word(struct pass *p, uint64_t hash, int32_t weight)
{
    count_topic(p, hash * HASH_STEP, weight);
    if (p->word_count > 0)
        count_topic(
            p, ((p->previous << 17 | p->previous >> 47) ^ hash) * HASH_SEED,
            WEIGHT_PART);
    if (p->word_count >= 2)
        add_minhash(p, hash);
    p->before = p->previous;
    p->previous = hash;
    p->word_ring[p->word_count % RING] = hash;
    if (p->word_count < 5)
        p->out->first_words = hash_mix(p->out->first_words, hash);
    p->word_count++;
}

/* -------------------------------------------------------------- words */

static inline const struct lexicon_entry *
find(uint64_t hash)
{
    static const struct lexicon_entry none;
    uint32_t tag = (uint32_t)(hash >> 32);
    uint32_t at = (uint32_t)hash & (LEXICON_SLOTS - 1);
    while (lexicon_entries[at].tag != tag) {
        if (lexicon_entries[at].tag == 0)
            return &none;
        at = (at + 1) & (LEXICON_SLOTS - 1);
    }
    return &lexicon_entries[at];
}

static uint32_t
arc_of(uint32_t state, uint32_t word)
{
    uint32_t key = state << 11 | word;
    uint32_t at = (key * 2654435761u) >> 8 & (LEXICON_ARCS - 1);
    while (lexicon_arcs[at].key != key) {
        if (lexicon_arcs[at].key == 0)
            return 0;
        at = (at + 1) & (LEXICON_ARCS - 1);
    }
    return lexicon_arcs[at].target;
}

static inline void
follow(struct pass *p, uint32_t word)
{
    if (word == 0) {
        p->state = 0;
        return;
    }
    uint32_t next = p->state != 0 ? arc_of(p->state, word) : 0;
    p->state = next != 0 ? next : arc_of(0, word);
    p->cues |= lexicon_cues[p->state];
}

/* What the word says about form; all kinds of words come through here. */
static inline void
note_word(struct pass *p, const struct lexicon_entry *entry)
{
    uint32_t classes = entry->classes;
    p->classes |= classes;
    if (p->after_article)
        p->found->bits |= WEIR_WATCH_BIT(INDEFINITE);
    p->after_article = (classes & WORD_INDEFINITE) != 0;
    if (classes & WORD_FUNCTION)
        p->languages[entry->language]++;
    if (p->is_leading && (classes & WORD_LEAD) == 0) {
        p->is_leading = false;
        if (classes & WORD_VERB)
            p->found->bits |= WEIR_WATCH_BIT(IMPERATIVE);
    }
    if (p->word_count == 0 && (classes & WORD_QUESTION) != 0)
        p->found->bits |= WEIR_WATCH_BIT(QUESTION);
    p->is_sentence = false;
    p->mark = 0;
}

static inline int32_t
weight_of(uint32_t classes)
{
    return classes & (WORD_FUNCTION | WORD_PERSON) ? WEIGHT_FUNCTION
           : classes & WORD_KEEP                   ? WEIGHT_KEEP
                                                   : WEIGHT_WORD;
}

/* "i" alone is a person typing, unless it counts in code ("for i in"). */
static bool
is_typed_i(const struct pass *p, size_t at)
{
    const char *next = p->text + at + 1;
    return next[0] == ' ' && is_between((unsigned char)next[1], 'a', 'z') &&
           !(next[1] == 'i' && next[2] == 'n' && next[3] == ' ');
}

static size_t
read_ascii_word(struct pass *p, size_t at, size_t len)
{
    const char *word = p->text + at;
    uint64_t hash = hash_ascii(word, len);
    uint64_t mask = len < 64 ? (UINT64_C(1) << len) - 1 : ~UINT64_C(0);
    uint64_t special = bits_from(p->special_map, at) & mask;
    struct lexicon_entry entry = *find(hash);
    uint64_t token = MASK_WORD;
    if (p->word_count == 0)
        p->found->starts_upper = is_between((unsigned char)*word, 'A', 'Z');
    if (special != 0) {
        uint64_t digits = bits_from(p->digit_map, at) & mask;
        if (digits != 0)
            entry.phrase = 1;
        token = digits != 0                   ? MASK_DIGIT
                : special > 1 || *word == '_' ? MASK_IDENT
                : !p->is_sentence             ? MASK_NAME
                                              : MASK_WORD;
    } else if (len == 1 && *word == 'i') {
        if (is_typed_i(p, at))
            p->found->bits |= WEIR_WATCH_BIT(RAGGED);
        else
            entry.classes = WORD_FUNCTION;
    }
    note_word(p, &entry);
    follow(p, entry.phrase);
    if (entry.classes & WORD_KEEP)
        add_frame(p, hash, false);
    else
        add_frame(p, token, true);
    add_word(p, hash, weight_of(entry.classes));
    if (len > 5) {
        uint64_t stem =
            (load_le64(word) | UINT64_C(0x2020202020)) & UINT64_C(0xFFFFFFFFFF);
        count_topic(p, hash_mix(HASH_SEED, stem) * HASH_SEED, WEIGHT_PART);
    }
    p->script_words[WEIR_WATCH_SCRIPT_LATIN]++;
    return len;
}

/* -------------------------------------------------- beyond ASCII: words */

static size_t
decode(const struct pass *p, size_t at, uint32_t *code_out)
{
    const unsigned char *s = (const unsigned char *)p->text + at;
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    uint32_t code = len == 1 ? s[0] : s[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (s[i] & 0x3F);
    *code_out = code;
    return len;
}

/* Clean text: broken bytes are gone. NONE: not part of a word. */
static enum weir_watch_script
script_of(uint32_t c)
{
    if (c < 0x80)
        return is_between(c | 0x20, 'a', 'z') || is_between(c, '0', '9') ||
                       c == '_' || c == '\''
                   ? WEIR_WATCH_SCRIPT_LATIN
                   : WEIR_WATCH_SCRIPT_NONE;
    if (c < 0x250)
        return c >= 0xC0 && c != 0xD7 && c != 0xF7 ? WEIR_WATCH_SCRIPT_LATIN
                                                   : WEIR_WATCH_SCRIPT_NONE;
    if (is_between(c, 0x300, 0x36F) || is_between(c, 0x1E00, 0x1EFF))
        return WEIR_WATCH_SCRIPT_LATIN;
    if (is_between(c, 0x370, 0x3FF) || is_between(c, 0x1F00, 0x1FFF))
        return WEIR_WATCH_SCRIPT_GREEK;
    if (is_between(c, 0x400, 0x52F))
        return WEIR_WATCH_SCRIPT_CYRILLIC;
    if (is_between(c, 0x591, 0x5F4))
        return WEIR_WATCH_SCRIPT_HEBREW;
    if (is_between(c, 0x610, 0x6FF) || is_between(c, 0x750, 0x77F) ||
        is_between(c, 0xFB50, 0xFEFC))
        return WEIR_WATCH_SCRIPT_ARABIC;
    if (is_between(c, 0x900, 0xDFF))
        return WEIR_WATCH_SCRIPT_INDIC;
    if (is_between(c, 0xE00, 0xE7F))
        return WEIR_WATCH_SCRIPT_THAI;
    if (is_between(c, 0x3041, 0x30FF))
        return WEIR_WATCH_SCRIPT_KANA;
    if (is_between(c, 0x1100, 0x11FF) || is_between(c, 0x3130, 0x318F) ||
        is_between(c, 0xAC00, 0xD7AF))
        return WEIR_WATCH_SCRIPT_HANGUL;
    if (is_character_word(c))
        return WEIR_WATCH_SCRIPT_HAN;
    if (is_between(c, 0x530, 0x58F) || is_between(c, 0xE80, 0x10FF) ||
        is_between(c, 0x1200, 0x1FFF) || is_between(c, 0x2C00, 0x2DFF) ||
        is_between(c, 0xA000, 0xABFF) || is_between(c, 0x10000, 0x1EFFF))
        return WEIR_WATCH_SCRIPT_OTHER;
    return WEIR_WATCH_SCRIPT_NONE;
}

/* The longest word of the lexicon that begins at a character word. */
static size_t
read_characters(struct pass *p, size_t at, size_t first,
                enum weir_watch_script script)
{
    size_t len = first;
    size_t end = first;
    uint64_t hash = hash_bytes(p->text + at, first);
    const struct lexicon_entry *entry = find(hash);
    uint32_t longest = entry->longest;
    for (uint32_t i = 1; i < longest && at + end < p->len; i++) {
        uint32_t code;
        end += decode(p, at + end, &code);
        if (!is_character_word(code))
            break;
        uint64_t longer = hash_bytes(p->text + at, end);
        const struct lexicon_entry *word = find(longer);
        if (word->classes != 0) {
            len = end;
            hash = longer;
            entry = word;
        }
    }
    note_word(p, entry);
    follow(p, entry->phrase);
    if (entry->classes & WORD_KEEP)
        add_frame(p, hash, false);
    else
        add_frame(p, MASK_CHAR, true);
    add_word(p, hash, weight_of(entry->classes));
    p->script_words[script]++;
    return len;
}

static size_t
put_utf8(char *to, uint32_t c)
{
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t leads[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3F));
    to[0] = (char)(len == 1 ? c : leads[len] | c);
    return len;
}

/* A word with letters beyond ASCII: folded, then as any other. */
static size_t
read_wide_word(struct pass *p, size_t at)
{
    char folded[MIXED_FOLD + 8];
    size_t used = 0;
    size_t end = at;
    uint32_t seen = 0;
    bool has_number = false;
    bool is_upper = false;
    while (end < p->len) {
        uint32_t code;
        size_t step = decode(p, end, &code);
        enum weir_watch_script script = script_of(code);
        if (script == WEIR_WATCH_SCRIPT_NONE || is_character_word(code))
            break;
        if (!is_between(code, '0', '9') && code != '_' && code != '\'')
            seen |= UINT32_C(1) << script;
        else
            has_number |= code <= '9' && code >= '0';
        is_upper |= end == at && fold_case(code) != code;
        if (used + step <= MIXED_FOLD)
            used += put_utf8(folded + used, fold_case(code));
        end += step;
    }
    uint64_t hash = hash_bytes(folded, used);
    const struct lexicon_entry *entry = find(hash);
    if ((seen & (seen - 1)) != 0)
        p->found->bits |= WEIR_WATCH_BIT(MIXED);
    if (p->word_count == 0)
        p->found->starts_upper = is_upper;
    bool starts = p->is_sentence;
    note_word(p, entry);
    follow(p, has_number ? 1 : entry->phrase);
    if (entry->classes & WORD_KEEP)
        add_frame(p, hash, false);
    else
        add_frame(p,
                  has_number            ? MASK_DIGIT
                  : is_upper && !starts ? MASK_NAME
                                        : MASK_WORD,
                  true);
    add_word(p, hash, weight_of(entry->classes));
    if (used > 8)
        count_topic(p, hash_bytes(folded, 8) * HASH_SEED, WEIGHT_PART);
    if (seen != 0)
        p->script_words[31 - __builtin_clz(seen)]++;
    return end - at;
}

/* -------------------------------------------------------- punctuation */

/* Bytes of the quoted span at `at`, 0: it is none. */
static size_t
quoted(struct pass *p, size_t at)
{
    char mark = p->text[at];
    enum quote quote = mark == '"'   ? QUOTE_DOUBLE
                       : mark == '`' ? QUOTE_BACK
                                     : QUOTE_SINGLE;
    size_t end = at + 1 + QUOTE_MAX + 1 < p->len ? at + 2 + QUOTE_MAX : p->len;
    size_t i = at + 1;
    if (quote == QUOTE_SINGLE && at > 0 &&
        is_between((unsigned char)p->text[at - 1] | 0x20u, 'a', 'z'))
        return 0;
    if (i < p->searched[quote])
        i = p->searched[quote];
    for (; i < end && p->text[i] != '\n'; i++) {
        if (p->text[i] != mark)
            continue;
        if (quote == QUOTE_SINGLE && i + 1 < p->len &&
            is_between((unsigned char)p->text[i + 1] | 0x20u, 'a', 'z'))
            continue;
        return i + 1 - at;
    }
    /* None up to here. A line's end stays the end for later ones as well. */
    p->searched[quote] = i;
    return 0;
}

static void
note_mark(struct pass *p, size_t at)
{
    char c = p->text[at];
    uint64_t ragged = WEIR_WATCH_BIT(RAGGED);
    if (c == p->mark && (c == '.' || c == '!') && p->text[at - 1] == c)
        p->found->bits |= ragged;
    if (c == ',' && at > 0 && p->text[at - 1] == ' ')
        p->found->bits |= ragged;
    if (c == '.' || c == '?' || c == '!' || c == ':' || c == ';') {
        p->is_sentence = true;
        p->state = 0;
    }
    if (c == '{' || c == '}' || c == ';' || c == '=' || c == '<' || c == '>')
        p->found->code_marks++;
    p->mark = c;
}

/* One character that is no word. */
static size_t
read_mark(struct pass *p, size_t at)
{
    char c = p->text[at];
    if (c == '"' || c == '`' || c == '\'') {
        if (c == '`' && at + 2 < p->len && p->text[at + 1] == '`' &&
            p->text[at + 2] == '`')
            p->found->bits |= WEIR_WATCH_BIT(CODE);
        size_t len = quoted(p, at);
        if (len > 0) {
            add_frame(p, MASK_QUOTE, false);
            p->found->bits |= WEIR_WATCH_BIT(QUOTED);
            p->after_article = false;
            p->is_leading = false;
            p->is_sentence = false;
            p->mark = 0;
            return len;
        }
    }
    uint32_t code;
    size_t len = decode(p, at, &code);
    if (code < 0x80)
        note_mark(p, at);
    add_frame(p, hash_mix(MASK_START, code), false);
    p->after_article = false;
    return len;
}

/* ---------------------------------------------------------------- pass */

/* Whether a list item begins at `at`, the first token of its line. */
static bool
is_item(const struct pass *p, size_t at)
{
    size_t end = at;
    if (p->text[at] == '-' || p->text[at] == '*')
        return at + 1 < p->len && p->text[at + 1] == ' ';
    while (end < p->len && end < at + 4 &&
           is_between((unsigned char)p->text[end], '0', '9'))
        end++;
    return end > at && end < p->len &&
           (p->text[end] == '.' || p->text[end] == ')');
}

/* Over the blanks at `at`; notes the start of a line. */
static size_t
skip_blanks(struct pass *p, size_t at)
{
    size_t run = run_of(p->blank_map, at, p->len);
    for (size_t i = at; i < at + run; i++)
        if (p->text[i] == '\n') {
            p->is_sentence = true;
            p->state = 0;
            if (at + run < p->len && is_item(p, at + run))
                p->found->list_items++;
            break;
        }
    return run;
}

static void
read_tokens(struct pass *p)
{
    size_t at = 0;
    while (at < p->len) {
        unsigned char c = (unsigned char)p->text[at];
        if (c <= 32) {
            at += c == ' ' && at + 1 < p->len && p->text[at + 1] > 32
                      ? 1
                      : skip_blanks(p, at);
            continue;
        }
        size_t run =
            c < 0x80 && c != '\'' ? run_of(p->word_map, at, p->len) : 0;
        if (run > 0 && (unsigned char)p->text[at + run] < 0x80) {
            at += read_ascii_word(p, at, run);
            continue;
        }
        uint32_t code;
        size_t step = decode(p, at, &code);
        enum weir_watch_script script = script_of(code);
        if (script == WEIR_WATCH_SCRIPT_NONE || c == '\'')
            at += read_mark(p, at);
        else if (is_character_word(code))
            at += read_characters(p, at, step, script);
        else
            at += read_wide_word(p, at);
    }
}

/* --------------------------------------------------------------- result */

static inline float
root(float v)
{
#if defined(__x86_64__)
    return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(v)));
#else
    return __builtin_sqrtf(v);
#endif
}

/* Signed square roots, scaled to a length of 127. Their squares sum up to
 * the sum of the counters' sizes. */
static void
put_part(const int32_t *counters, size_t count, int8_t *out)
{
    float sum = 0.0F;
    for (size_t i = 0; i < count; i++)
        sum += (float)(counters[i] < 0 ? -counters[i] : counters[i]);
    float scale = sum > 0.0F ? 127.0F / root(sum) : 0.0F;
#if defined(__x86_64__)
    const __m128 sign = _mm_set1_ps(-0.0F);
    const __m128 factor = _mm_set1_ps(scale);
    for (size_t i = 0; i < count; i += 4) {
        __m128 v = _mm_cvtepi32_ps(
            _mm_loadu_si128((const __m128i *)(const void *)(counters + i)));
        __m128 r = _mm_mul_ps(_mm_sqrt_ps(_mm_andnot_ps(sign, v)), factor);
        __m128i n = _mm_cvtps_epi32(_mm_or_ps(r, _mm_and_ps(sign, v)));
        n = _mm_packs_epi32(n, n);
        n = _mm_packs_epi16(n, n);
        int32_t four = _mm_cvtsi128_si32(n);
        memcpy(out + i, &four, 4);
    }
#else
    for (size_t i = 0; i < count; i++) {
        float v = (float)counters[i];
        float r = root(v < 0 ? -v : v) * scale;
        out[i] = (int8_t)__builtin_lrintf(v < 0 ? -r : r);
    }
#endif
}

static uint64_t
ring_digest(const uint64_t *ring, uint32_t count, uint32_t wanted)
{
    uint64_t h = MASK_END;
    uint32_t kept = count < wanted ? count : wanted;
    for (uint32_t i = count - kept; i < count; i++)
        h = hash_mix(h, ring[i % RING]);
    return count > 0 ? h : 0;
}

static void
fill_bins(uint16_t bins[WEIR_WATCH_BINS], bool is_empty)
{
    uint16_t from[WEIR_WATCH_BINS];
    memcpy(from, bins, sizeof(from));
    for (uint32_t i = 0; i < WEIR_WATCH_BINS && !is_empty; i++)
        for (uint32_t step = 1; bins[i] == UINT16_MAX && step < WEIR_WATCH_BINS;
             step++) {
            uint16_t value = from[(i + step) % WEIR_WATCH_BINS];
            if (value != UINT16_MAX)
                bins[i] = (uint16_t)(value + step * 4051u) & 0x7FFF;
        }
}

static uint8_t
language_of(const struct pass *p)
{
    const uint32_t *scripts = p->script_words;
    uint8_t best = 0;
    if (scripts[WEIR_WATCH_SCRIPT_KANA] > 0 &&
        scripts[WEIR_WATCH_SCRIPT_KANA] * 4 > scripts[WEIR_WATCH_SCRIPT_HAN])
        return WEIR_WATCH_LANGUAGE_JA;
    if (p->found->script == WEIR_WATCH_SCRIPT_HAN)
        return WEIR_WATCH_LANGUAGE_ZH;
    if (p->found->script == WEIR_WATCH_SCRIPT_HANGUL)
        return WEIR_WATCH_LANGUAGE_KO;
    for (uint8_t i = 1; i < WEIR_WATCH_LANGUAGES; i++)
        if (p->languages[i] > (best != 0 ? p->languages[best] : 0))
            best = i;
    if (best == 0 && p->word_count >= 5)
        return WEIR_WATCH_LANGUAGE_OTHER;
    return best;
}

static void
sum_scripts(struct pass *p)
{
    uint8_t best = 0;
    for (uint8_t i = 1; i <= WEIR_WATCH_SCRIPT_OTHER; i++) {
        if (p->script_words[i] == 0)
            continue;
        p->found->scripts |= (uint16_t)(1u << i);
        if (best == 0 || p->script_words[i] > p->script_words[best])
            best = i;
    }
    p->found->script = best;
    p->found->language = language_of(p);
}

static void
finish(struct pass *p)
{
    static const uint32_t bits[][2] = {
        {WORD_ARTEFACT, WEIR_WATCH_ARTEFACT},
        {WORD_PERSON, WEIR_WATCH_PERSON},
        {WORD_RAGGED, WEIR_WATCH_RAGGED},
        {WORD_PLEASE, WEIR_WATCH_PLEASE},
    };
    struct weir_watch_features *out = p->out;
    for (size_t i = 0; i < WEIR_COUNTOF(bits); i++)
        if (p->classes & bits[i][0])
            p->found->bits |= UINT64_C(1) << bits[i][1];
    p->found->bits |= p->cues;
    p->found->words = p->word_count;
    sum_scripts(p);
    count_pair(p, MASK_END);
    if (p->word_count == 1 || p->word_count == 2)
        add_minhash(p, MASK_END);
    fill_bins(out->minhash, p->word_count == 0);
    out->frame = p->frame_count > 0 ? p->frame : 0;
    if (p->frame_count < 6)
        out->head = out->frame;
    out->tail = ring_digest(p->frame_ring, p->frame_count, 6);
    out->last_words = ring_digest(p->word_ring, p->word_count, 5);
    put_part(p->counters, WEIR_WATCH_TOPIC, out->sketch);
    put_part(p->counters + WEIR_WATCH_TOPIC, FORM_DIMS,
             out->sketch + WEIR_WATCH_TOPIC);
}

void
weir__watch_read(char *text, size_t len, struct watch_text *found_out,
                 struct weir_watch_features *out)
{
    struct pass pass;
    WEIR_ASSERT(len <= TEXT_MAX);
    memset(&pass, 0, sizeof(pass));
    memset(found_out, 0, sizeof(*found_out));
    memset(out->minhash, 0xFF, sizeof(out->minhash));
    out->first_words = 0;
    out->head = 0;
    pass.found = found_out;
    pass.out = out;
    len = weir__watch_clean(text, len, &found_out->bits);
    while (len > 0 && (unsigned char)text[len - 1] <= 32)
        len--;
    memset(text + len, 0, WATCH_TEXT_PAD);
    pass.text = text;
    pass.len = len;
    pass.is_leading = true;
    pass.is_sentence = true;
    pass.last_frame = MASK_START;
    classify(&pass);
    read_tokens(&pass);
    found_out->ends_well =
        len > 0 && strchr(".?!:\"')]}`", text[len - 1]) != NULL;
    finish(&pass);
}
