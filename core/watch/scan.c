/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From bytes to tokens.
 *
 * Bytes are classed first, sixteen at a time, into bitmaps (word, blank,
 * special); words are then found by counting bits. Most of any prompt is
 * ASCII words with a blank between them: those go through one loop that
 * keeps its state in registers and writes three arrays. All else (marks,
 * quotes, lines, other scripts) takes one token at a time.
 *
 * WHY ARRAYS. Counting while reading keeps some twenty running values, more
 * than there are registers; and each word costs several branches that no
 * predictor learns. In two passes either loop is short, and the second has
 * next to no branches.
 *
 * A quoted span is one token. A search for a closing quote that failed is
 * not repeated over the same bytes, so that cost is linear whatever comes.
 */
#include <string.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#include "tokens.h"
#include "watch_tables.h"

#define QUOTE_MAX 200
#define WIDE_MIN  128 /* bytes: shorter ones are read as fast word by word */

enum quote { QUOTE_DOUBLE, QUOTE_BACK, QUOTE_SINGLE };

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

static inline uint64_t
mask_of(__m128i bytes, unsigned shift)
{
    return (uint64_t)(uint32_t)_mm_movemask_epi8(bytes) << shift;
}

static void
classify_plain(struct scan *s)
{
    const __m128i lower = _mm_set1_epi8(0x20);
    size_t at = 0;
    size_t i = 0;
    for (; at < s->len; i++) {
        uint64_t words = 0;
        uint64_t blanks = 0;
        uint64_t digits = 0;
        uint64_t specials = 0;
        for (unsigned shift = 0; shift < 64; shift += 16, at += 16) {
            __m128i b =
                _mm_loadu_si128((const __m128i *)(const void *)(s->text + at));
            __m128i letter = in_range(_mm_or_si128(b, lower), 'a', 26);
            __m128i digit = in_range(b, '0', 10);
            __m128i under = _mm_cmpeq_epi8(b, _mm_set1_epi8('_'));
            __m128i quote = _mm_cmpeq_epi8(b, _mm_set1_epi8('\''));
            __m128i upper = in_range(b, 'A', 26);
            __m128i part = _mm_or_si128(digit, under);
            words |=
                mask_of(_mm_or_si128(_mm_or_si128(letter, quote), part), shift);
            blanks |= mask_of(in_range(b, 0, 33), shift);
            digits |= mask_of(digit, shift);
            specials |= mask_of(_mm_or_si128(upper, part), shift);
        }
        s->word_map[i] = words;
        s->blank_map[i] = blanks;
        s->digit_map[i] = digits;
        s->special_map[i] = specials;
    }
    s->word_map[i] = 0;
    s->blank_map[i] = 0;
    s->digit_map[i] = 0;
    s->special_map[i] = 0;
}
#else
static void
classify_plain(struct scan *s)
{
    memset(s->word_map, 0, sizeof(s->word_map));
    memset(s->blank_map, 0, sizeof(s->blank_map));
    memset(s->digit_map, 0, sizeof(s->digit_map));
    memset(s->special_map, 0, sizeof(s->special_map));
    for (size_t at = 0; at < s->len; at++) {
        unsigned char b = (unsigned char)s->text[at];
        bool letter = is_between(b | 0x20u, 'a', 'z');
        bool digit = is_between(b, '0', '9');
        bool upper = is_between(b, 'A', 'Z');
        uint64_t bit = UINT64_C(1) << (at & 63);
        if (letter || digit || b == '_' || b == '\'')
            s->word_map[at >> 6] |= bit;
        if (b <= 32)
            s->blank_map[at >> 6] |= bit;
        if (digit)
            s->digit_map[at >> 6] |= bit;
        if (digit || upper || b == '_')
            s->special_map[at >> 6] |= bit;
    }
}
#endif

/* -------------------------------------------------------------- words */

/* hash_ascii() of a word of more than eight bytes. */
__attribute__((noinline)) static uint64_t
hash_long(const char *word, size_t len)
{
    return hash_ascii(word, len);
}

/* The first so many bytes of eight. */
static const uint64_t bytes_of[9] = {0,
                                     UINT64_C(0xFF),
                                     UINT64_C(0xFFFF),
                                     UINT64_C(0xFFFFFF),
                                     UINT64_C(0xFFFFFFFF),
                                     UINT64_C(0xFFFFFFFFFF),
                                     UINT64_C(0xFFFFFFFFFFFF),
                                     UINT64_C(0xFFFFFFFFFFFFFF),
                                     UINT64_MAX};

/* Whether a digest is known is a matter of chance that no branch predicts:
 * known or not, it goes the same way. Few have to look a second time. */
static inline uint32_t
note_of(uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32) & ~LEXICON_MORE;
    uint32_t at = (uint32_t)hash & (LEXICON_SLOTS - 1);
    for (;;) {
        struct lexicon_entry entry = lexicon_entries[at];
        bool is_known = (entry.tag & ~LEXICON_MORE) == tag;
        if (is_known < (entry.tag & LEXICON_MORE)) {
            at = (at + 1) & (LEXICON_SLOTS - 1);
            continue;
        }
        return entry.note & (0u - is_known);
    }
}

#if defined(__x86_64__)
_Static_assert(offsetof(struct lexicon_entry, tag) == 0, "in the lower half");
const uint64_t *const weir__watch_entries =
    (const uint64_t *)(const void *)lexicon_entries;
#endif

uint32_t
weir__watch_note(uint64_t hash)
{
    return note_of(hash);
}

uint32_t
weir__watch_as_number(uint32_t note)
{
    return (note & ~(NOTE_OF_PHRASE | NOTE_STARTS)) | LEXICON_NUMBER;
}

/* "i" alone is a person typing, unless it counts in code ("for i in"). */
static bool
is_typed_i(const char *at)
{
    return at[1] == ' ' && is_between((unsigned char)at[2], 'a', 'z') &&
           !(at[2] == 'i' && at[3] == 'n' && at[4] == ' ');
}

/* Mask of a word with digits, upper case or underscores in these places. */
static uint64_t
special_mask(uint64_t special, uint64_t digits, char first, bool is_sentence)
{
    return digits != 0                   ? MASK_DIGIT
           : special > 1 || first == '_' ? MASK_IDENT
           : !is_sentence                ? MASK_NAME
                                         : MASK_WORD;
}

/* Bits from `at`, 57 of them at least. */
static inline uint64_t
some_bits(const uint64_t *map, size_t at)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return load_le64((const char *)map + (at >> 3)) >> (at & 7);
#else
    return bits_from(map, at);
#endif
}

/* Bytes of the ASCII word at `at`; 0: none begins there, or it goes on
 * beyond ASCII. */
static inline size_t
ascii_word(const struct scan *s, size_t at)
{
    /* the last bit stops a search that would find none */
    uint64_t rest = ~some_bits(s->word_map, at) | UINT64_C(1) << 63;
    size_t run = (size_t)__builtin_ctzll(rest);
    if (run > 56)
        run = run_of(s->word_map, at, s->len);
    return s->text[at] != '\'' && (unsigned char)s->text[at + run] < 0x80 ? run
                                                                          : 0;
}

/* What a word with digits, upper case or underscores is. */
static uint64_t
special_word(const struct scan *s, size_t at, size_t run, uint64_t special,
             bool is_sentence, uint32_t *note)
{
    uint64_t bits = run < 64 ? (UINT64_C(1) << run) - 1 : ~UINT64_C(0);
    uint64_t digits = bits_from(s->digit_map, at) & bits;
    if (digits != 0)
        *note = weir__watch_as_number(*note);
    return special_mask(special, digits, s->text[at], is_sentence);
}

/* The note of "i" alone. */
static uint32_t
lone_i(struct scan *s, size_t at, uint32_t note)
{
    if (is_typed_i(s->text + at)) {
        s->found->bits |= WEIR_WATCH_BIT(RAGGED);
        return note;
    }
    return (note & ~(NOTE_CLASSES | NOTE_OF_LIGHTER)) | WORD_FUNCTION |
           note_lighter(WORD_FUNCTION);
}

size_t
weir__watch_next_special(const struct scan *s, size_t at)
{
    while (at < s->len) {
        uint64_t bits = bits_from(s->special_map, at);
        if (bits != 0)
            return at + (size_t)__builtin_ctzll(bits);
        at += 64;
    }
    return s->len;
}

uint32_t
weir__watch_odd_word(struct scan *s, size_t at, size_t run, uint32_t note,
                     bool is_sentence, uint64_t *token)
{
    uint64_t bits = run < 64 ? (UINT64_C(1) << run) - 1 : ~UINT64_C(0);
    uint64_t special = bits_from(s->special_map, at) & bits;
    if (special != 0)
        *token = special_word(s, at, run, special, is_sentence, &note);
    else if (run == 1 && s->text[at] == 'i')
        note = lone_i(s, at, note);
    return note;
}

/*
 * Words of ASCII from `at` on, as long as one blank is between them; the
 * first has `run` bytes. Returns where it stopped.
 */
static size_t
read_words(struct scan *s, size_t at, size_t run)
{
    struct watch_tokens *out = s->out;
    const char *text = s->text;
    const uint32_t first = out->word_count;
    uint32_t words = first;
    uint32_t stems = out->stem_count;
    uint32_t frames = out->frame_count;
    uint64_t last = s->last_frame;
    size_t special =
        s->special >= at ? s->special : weir__watch_next_special(s, at);
    if (first == 0)
        s->found->starts_upper = is_between((unsigned char)text[at], 'A', 'Z');
    for (;;) {
        const char *word = text + at;
        uint64_t front = load_le64(word) | UINT64_C(0x2020202020202020);
        uint64_t hash = __builtin_expect(run > 8, 0)
                            ? hash_long(word, run)
                            : hash_mix(HASH_SEED, front & bytes_of[run]);
        uint32_t note = note_of(hash);
        uint64_t token = MASK_WORD;
        if (at + run > special || (run == 1 && *word == 'i')) {
            note = weir__watch_odd_word(
                s, at, run, note, words == first && s->is_sentence, &token);
            special = weir__watch_next_special(s, at + run);
        }
        out->words[words] = hash;
        out->notes[words] = note;
        words++;
        bool is_kept = (note & WORD_KEEP) != 0;
        token = is_kept ? hash : token;
        out->frames[frames] = token;
        frames += is_kept | (token != last);
        last = token;
        out->stems[stems] = front & bytes_of[5];
        stems += run > 5;
        at += run;
        if (text[at] != ' ')
            break;
        run = ascii_word(s, at + 1);
        if (run == 0)
            break;
        at++;
    }
    out->notes[first] |= s->after;
    out->script_words[WEIR_WATCH_SCRIPT_LATIN] += words - first;
    out->word_count = words;
    out->stem_count = stems;
    out->frame_count = frames;
    s->last_frame = last;
    s->special = special;
    s->after = 0;
    s->is_sentence = false;
    return at;
}

/* -------------------------------------------------------- punctuation */

/* Bytes of the quoted span at `at`, 0: it is none. */
static size_t
quoted(struct scan *s, size_t at)
{
    char mark = s->text[at];
    enum quote quote = mark == '"'   ? QUOTE_DOUBLE
                       : mark == '`' ? QUOTE_BACK
                                     : QUOTE_SINGLE;
    size_t end = at + 1 + QUOTE_MAX + 1 < s->len ? at + 2 + QUOTE_MAX : s->len;
    size_t i = at + 1;
    if (quote == QUOTE_SINGLE && at > 0 &&
        is_between((unsigned char)s->text[at - 1] | 0x20u, 'a', 'z'))
        return 0;
    if (i < s->searched[quote])
        i = s->searched[quote];
    for (; i < end && s->text[i] != '\n'; i++) {
        if (s->text[i] != mark)
            continue;
        if (quote == QUOTE_SINGLE && i + 1 < s->len &&
            is_between((unsigned char)s->text[i + 1] | 0x20u, 'a', 'z'))
            continue;
        return i + 1 - at;
    }
    /* None up to here. A line's end stays the end for later ones as well. */
    s->searched[quote] = i;
    return 0;
}

static void
note_mark(struct scan *s, size_t at)
{
    char c = s->text[at];
    if ((c == '.' || c == '!') && at > 0 && s->text[at - 1] == c)
        s->found->bits |= WEIR_WATCH_BIT(RAGGED);
    if (c == ',' && at > 0 && s->text[at - 1] == ' ')
        s->found->bits |= WEIR_WATCH_BIT(RAGGED);
    if (c == '.' || c == '?' || c == '!' || c == ':' || c == ';') {
        s->is_sentence = true;
        s->after |= AFTER_BREAK;
    }
    if (c == '{' || c == '}' || c == ';' || c == '=' || c == '<' || c == '>')
        s->found->code_marks++;
}

/* One character that is no word. */
static size_t
read_mark(struct scan *s, size_t at)
{
    char c = s->text[at];
    s->after |= AFTER_MARK;
    if (c == '"' || c == '`' || c == '\'') {
        if (c == '`' && at + 2 < s->len && s->text[at + 1] == '`' &&
            s->text[at + 2] == '`')
            s->found->bits |= WEIR_WATCH_BIT(CODE);
        size_t len = quoted(s, at);
        if (len > 0) {
            add_frame(s, MASK_QUOTE, false);
            s->found->bits |= WEIR_WATCH_BIT(QUOTED);
            s->after |= AFTER_QUOTE;
            s->is_sentence = false;
            return len;
        }
    }
    uint32_t code = (unsigned char)c;
    size_t len = 1;
    if (code < 0x80)
        note_mark(s, at);
    else
        len = weir__watch_decode(s->text + at, &code);
    add_frame(s, hash_mix(MASK_START, code), false);
    return len;
}

/* -------------------------------------------------------------- lines */

/* Whether a list item begins at `at`, the first token of its line. */
static bool
is_item(const struct scan *s, size_t at)
{
    size_t end = at;
    if (s->text[at] == '-' || s->text[at] == '*')
        return at + 1 < s->len && s->text[at + 1] == ' ';
    while (end < s->len && end < at + 4 &&
           is_between((unsigned char)s->text[end], '0', '9'))
        end++;
    return end > at && end < s->len &&
           (s->text[end] == '.' || s->text[end] == ')');
}

/* Over the blanks at `at`; notes the start of a line. */
static size_t
skip_blanks(struct scan *s, size_t at)
{
    size_t run = run_of(s->blank_map, at, s->len);
    if (memchr(s->text + at, '\n', run) == NULL)
        return run;
    s->is_sentence = true;
    s->after |= AFTER_BREAK;
    if (at + run < s->len && is_item(s, at + run))
        s->found->list_items++;
    return run;
}

/* A token that begins with no ASCII word. */
static size_t
read_other(struct scan *s, size_t at)
{
    uint32_t code;
    unsigned char c = (unsigned char)s->text[at];
    if (c < 0x80 && (c == '\'' || (bits_from(s->word_map, at) & 1) == 0))
        return read_mark(s, at);
    size_t step = weir__watch_decode(s->text + at, &code);
    enum weir_watch_script script = weir__watch_script_of(code);
    if (script == WEIR_WATCH_SCRIPT_NONE)
        return read_mark(s, at);
    if (is_character_word(code))
        return weir__watch_characters(s, at, step, script);
    return weir__watch_wide_word(s, at);
}

static inline __attribute__((always_inline)) void
scan(const char *text, size_t len, struct watch_text *found_out,
     struct watch_tokens *tokens_out, bool is_wide)
{
    struct scan s;
    s.text = text;
    s.len = len;
    s.found = found_out;
    s.out = tokens_out;
    s.last_frame = MASK_START;
    s.after = 0;
    s.is_sentence = true;
    memset(s.searched, 0, sizeof(s.searched));
    tokens_out->word_count = 0;
    tokens_out->stem_count = 0;
    tokens_out->frame_count = 0;
    memset(tokens_out->script_words, 0, sizeof(tokens_out->script_words));
#if defined(__x86_64__)
    if (is_wide)
        weir__watch_classify_avx512(&s);
    else
#endif
        classify_plain(&s);
    s.special = weir__watch_next_special(&s, 0);
    for (size_t at = 0; at < len;) {
        unsigned char c = (unsigned char)text[at];
        if (c == ' ' && at + 1 < len && text[at + 1] > 32) {
            at++;
            continue;
        }
        if (c <= 32) {
            at += skip_blanks(&s, at);
            continue;
        }
        size_t run = c < 0x80 ? ascii_word(&s, at) : 0;
        if (run == 0)
            at += read_other(&s, at);
#if defined(__x86_64__)
        else if (is_wide)
            at = weir__watch_words_avx512(&s, at);
#endif
        else
            at = read_words(&s, at, run);
    }
}

void
weir__watch_scan_plain(const char *text, size_t len,
                       struct watch_text *found_out,
                       struct watch_tokens *tokens_out)
{
    scan(text, len, found_out, tokens_out, false);
}

void
weir__watch_scan(const char *text, size_t len, struct watch_text *found_out,
                 struct watch_tokens *tokens_out)
{
#if defined(__x86_64__)
    if (len >= WIDE_MIN && weir__watch_has_avx512()) {
        scan(text, len, found_out, tokens_out, true);
        return;
    }
#endif
    scan(text, len, found_out, tokens_out, false);
}
