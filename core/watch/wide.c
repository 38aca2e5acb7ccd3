/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words beyond ASCII: letters of other scripts are folded and read as any
 * word; of Han and kana, which have no blanks, the longest word that the
 * lexicon knows is one, else the character.
 */
#include "tokens.h"

#define MIXED_FOLD 64 /* bytes of a word that are folded and hashed */

size_t
weir__watch_decode(const char *at, uint32_t *code_out)
{
    const unsigned char *s = (const unsigned char *)at;
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    uint32_t code = len == 1 ? s[0] : s[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (s[i] & 0x3F);
    *code_out = code;
    return len;
}

/* Clean text: broken bytes are gone. */
enum weir_watch_script
weir__watch_script_of(uint32_t c)
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
size_t
weir__watch_characters(struct scan *s, size_t at, size_t first,
                       enum weir_watch_script script)
{
    const char *text = s->text + at;
    size_t len = first;
    size_t end = first;
    uint64_t hash = hash_bytes(text, first);
    uint32_t note = weir__watch_note(hash);
    uint32_t longest = NOTE_LONGEST(note);
    for (uint32_t i = 1; i < longest && at + end < s->len; i++) {
        uint32_t code;
        end += weir__watch_decode(text + end, &code);
        if (!is_character_word(code))
            break;
        uint64_t longer = hash_bytes(text, end);
        uint32_t word = weir__watch_note(longer);
        if ((word & NOTE_CLASSES) != 0) {
            len = end;
            hash = longer;
            note = word;
        }
    }
    add_word(s, hash, note, MASK_CHAR);
    s->out->script_words[script]++;
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
size_t
weir__watch_wide_word(struct scan *s, size_t at)
{
    char folded[MIXED_FOLD + 8];
    size_t used = 0;
    size_t end = at;
    uint32_t seen = 0;
    bool has_number = false;
    bool is_upper = false;
    while (end < s->len) {
        uint32_t code;
        size_t step = weir__watch_decode(s->text + end, &code);
        enum weir_watch_script script = weir__watch_script_of(code);
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
    uint32_t note = weir__watch_note(hash);
    if (has_number)
        note = weir__watch_as_number(note);
    if ((seen & (seen - 1)) != 0)
        s->found->bits |= WEIR_WATCH_BIT(MIXED);
    if (s->out->word_count == 0)
        s->found->starts_upper = is_upper;
    add_word(s, hash, note,
             has_number                    ? MASK_DIGIT
             : is_upper && !s->is_sentence ? MASK_NAME
                                           : MASK_WORD);
    if (used > 8)
        s->out->stems[s->out->stem_count++] = load_le64(folded);
    if (seen != 0)
        s->out->script_words[31 - __builtin_clz(seen)]++;
    return end - at;
}
