/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the lexicon's tables as C: a program of the build, run once.
 *
 * Words first, so that phrases are split by the same rule as prompts are:
 * blanks, and the longest known word of Chinese or Japanese characters. Each
 * different word of a phrase then gets a number, and the automaton is built
 * over numbers, with the failure links followed here: at run time one lookup
 * finds the next state, or that the present state has no such arc and the
 * root's is taken. To keep the table small, arcs that equal the root's are
 * left out.
 */
#include <stdio.h>
#include <stdlib.h>

#include <weir/watch.h>

#include "lexicon.h"

#define PHRASES_MAX 2000
#define STATES_MAX  8000
#define DEPTH_MAX   24
#define NUMBERS_MAX 2047 /* different words of phrases; 1 is any number */
#define ARCS_MAX    32768
#define NONE        UINT32_MAX

struct slot {
    uint32_t tag;
    uint32_t home; /* where it belongs */
    uint32_t classes : 9;
    uint32_t phrase : 11;
    uint32_t longest : 3;
    uint32_t language : 4;
};
static struct slot slots[LEXICON_SLOTS];
static uint32_t word_count;
static uint16_t number_count = 1;

struct arc {
    uint32_t state;
    uint16_t word;
    uint32_t target;
};
static struct arc trie[STATES_MAX];
static uint32_t trie_count;
static uint32_t fails[STATES_MAX];
static uint32_t cues[STATES_MAX];
static uint32_t state_count = 1;
static struct arc full[ARCS_MAX];
static uint32_t full_count;

static void
die(const char *what)
{
    fprintf(stderr, "tables_make: %s\n", what);
    exit(1);
}

/* ------------------------------------------------------------ words */

static struct slot *
slot_of(uint64_t hash, bool adds)
{
    uint32_t tag = (uint32_t)(hash >> 32) & ~LEXICON_MORE;
    uint32_t home = (uint32_t)hash & (LEXICON_SLOTS - 1);
    uint32_t at = home;
    if (tag == 0)
        die("the digest of a word is that of a free slot");
    while (slots[at].tag != 0 && slots[at].tag != tag)
        at = (at + 1) & (LEXICON_SLOTS - 1);
    if (slots[at].tag == 0) {
        if (!adds)
            return NULL;
        if (++word_count > LEXICON_SLOTS / 2)
            die("too many words for LEXICON_SLOTS");
        slots[at].tag = tag;
        slots[at].home = home;
    }
    return &slots[at];
}

static size_t
decode(const char *at, uint32_t *code_out)
{
    unsigned char lead = (unsigned char)at[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t code = len == 1 ? lead : lead & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)at[i] & 0x3F);
    *code_out = code;
    return len;
}

/* A word that begins with a character word: how many characters lead to it. */
static void
note_length(const char *word, size_t len)
{
    uint32_t code;
    size_t first = decode(word, &code);
    unsigned count = 0;
    if (!is_character_word(code))
        return;
    for (size_t at = 0; at < len; at += decode(word + at, &code))
        count++;
    if (count > LEXICON_CHARACTERS)
        die("a word of more than LEXICON_CHARACTERS characters");
    struct slot *entry = slot_of(hash_bytes(word, first), true);
    if (entry->longest < count)
        entry->longest = count & 7u;
}

static void
add_words(uint8_t language, uint16_t class, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        if (len > 0) {
            struct slot *entry = slot_of(hash_bytes(text, len), true);
            if (entry->classes == 0)
                entry->language = language & 15u;
            entry->classes |= class & 0x1FFu;
            note_length(text, len);
        }
        text += len + (text[len] == ' ');
    }
}

/* ---------------------------------------------------------- phrases */

static uint16_t
number_of(uint64_t hash)
{
    struct slot *entry = slot_of(hash, true);
    if (entry->phrase == 0) {
        if (++number_count > NUMBERS_MAX)
            die("too many different words in phrases");
        entry->phrase = number_count & 0x7FFu;
    }
    return (uint16_t)entry->phrase;
}

/* The longest known word at a run of character words. */
static size_t
characters(const char *at, size_t len)
{
    uint32_t code;
    size_t best = decode(at, &code);
    size_t end = best;
    for (int i = 1; i < LEXICON_CHARACTERS && end < len; i++) {
        end += decode(at + end, &code);
        if (!is_character_word(code))
            break;
        struct slot *entry = slot_of(hash_bytes(at, end), false);
        if (entry != NULL && entry->classes != 0)
            best = end;
    }
    return best;
}

static size_t
split(const char *text, size_t len, uint16_t *numbers)
{
    size_t count = 0;
    for (size_t at = 0; at < len;) {
        uint32_t code;
        size_t word = decode(text + at, &code);
        if (text[at] == ' ') {
            at++;
            continue;
        }
        if (is_character_word(code))
            word = characters(text + at, len - at);
        else
            for (word = 0; at + word < len && text[at + word] != ' ';) {
                size_t step = decode(text + at + word, &code);
                if (is_character_word(code))
                    break;
                word += step;
            }
        if (count == DEPTH_MAX)
            die("a phrase of too many words");
        numbers[count++] =
            text[at] == '#' ? 1 : number_of(hash_bytes(text + at, word));
        at += word;
    }
    return count;
}

static uint32_t
step(uint32_t state, uint16_t word)
{
    for (uint32_t i = 0; i < trie_count; i++)
        if (trie[i].state == state && trie[i].word == word)
            return trie[i].target;
    return NONE;
}

static void
add_phrase(uint32_t cue, const char *text, size_t len)
{
    uint16_t numbers[DEPTH_MAX];
    size_t count = split(text, len, numbers);
    uint32_t state = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t next = step(state, numbers[i]);
        if (next == NONE) {
            if (state_count == STATES_MAX)
                die("too many states");
            next = state_count++;
            trie[trie_count++] = (struct arc){state, numbers[i], next};
        }
        state = next;
    }
    if (state != 0)
        cues[state] |= UINT32_C(1) << cue;
}

static void
add_phrases(uint32_t cue, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, ";");
        add_phrase(cue, text, len);
        text += len + (text[len] == ';');
    }
}

/* States lie in the order they were made, a parent before its child, but a
 * failure link may lead to a later number: depth by depth then. */
static void
complete(void)
{
    static uint32_t order[STATES_MAX];
    uint32_t known = 1;
    for (uint32_t i = 0; i < known; i++)
        for (uint32_t j = 0; j < trie_count; j++) {
            if (trie[j].state != order[i])
                continue;
            uint32_t fail = order[i];
            uint32_t target = NONE;
            while (fail != 0 && target == NONE) {
                fail = fails[fail];
                target = step(fail, trie[j].word);
            }
            fails[trie[j].target] =
                target == NONE || target == trie[j].target ? 0 : target;
            cues[trie[j].target] |= cues[fails[trie[j].target]];
            order[known++] = trie[j].target;
        }
    for (uint32_t state = 0; state < state_count; state++)
        for (uint32_t from = state;; from = fails[from]) {
            for (uint32_t j = 0; j < trie_count; j++) {
                bool is_known =
                    trie[j].state != from || (from == 0 && state != 0);
                for (uint32_t k = full_count; k > 0 && !is_known; k--) {
                    if (full[k - 1].state != state)
                        break;
                    is_known = full[k - 1].word == trie[j].word;
                }
                if (is_known)
                    continue;
                if (full_count == ARCS_MAX)
                    die("too many arcs");
                full[full_count++] =
                    (struct arc){state, trie[j].word, trie[j].target};
            }
            if (from == 0)
                break;
        }
}

/* ------------------------------------------------------------ output */

static uint32_t
starts(uint32_t word)
{
    for (uint32_t i = 0; i < trie_count; i++)
        if (word != 0 && trie[i].state == 0 && trie[i].word == word)
            return NOTE_STARTS;
    return 0;
}

static void
mark_more(void)
{
    for (uint32_t i = 0; i < LEXICON_SLOTS; i++)
        for (uint32_t at = slots[i].home; slots[i].tag != 0 && at != i;
             at = (at + 1) & (LEXICON_SLOTS - 1))
            slots[at].tag |= LEXICON_MORE;
}

static void
write_words(FILE *out)
{
    mark_more();
    fprintf(out, "static const struct lexicon_entry "
                 "lexicon_entries[LEXICON_SLOTS] = {\n");
    for (uint32_t i = 0; i < LEXICON_SLOTS; i++)
        if (slots[i].tag != 0)
            fprintf(out, "[%u] = {%uu, %uu},\n", i, slots[i].tag,
                    slots[i].classes | (uint32_t)slots[i].phrase << 9 |
                        (uint32_t)slots[i].longest << 20 |
                        (uint32_t)slots[i].language << 23 |
                        note_lighter(slots[i].classes) |
                        starts(slots[i].phrase));
    fprintf(out, "};\n#define LEXICON_NUMBER %uu\n", 1u << 9 | starts(1));
}

static void
write_arcs(FILE *out)
{
    static struct lexicon_arc table[65536];
    uint32_t slot_count = 1;
    while (slot_count < full_count * 2)
        slot_count *= 2;
    for (uint32_t i = 0; i < full_count; i++) {
        uint32_t key = full[i].state << 11 | full[i].word;
        uint32_t at = (key * 2654435761u) >> 8 & (slot_count - 1);
        while (table[at].key != 0)
            at = (at + 1) & (slot_count - 1);
        table[at] = (struct lexicon_arc){key, (uint16_t)full[i].target, 0};
    }
    fprintf(out, "#define LEXICON_ARCS %u\n", slot_count);
    fprintf(out,
            "static const struct lexicon_arc lexicon_arcs[LEXICON_ARCS] = {\n");
    for (uint32_t i = 0; i < slot_count; i++)
        if (table[i].key != 0)
            fprintf(out, "[%u] = {%uu, %u, 0},\n", i, table[i].key,
                    table[i].target);
    fprintf(out, "};\nstatic const uint16_t lexicon_starts[2048] = {\n");
    for (uint32_t i = 0; i < full_count; i++)
        if (full[i].state == 0)
            fprintf(out, "[%u] = %u,\n", full[i].word, full[i].target);
    fprintf(out, "};\n#define LEXICON_STATES %u\n", state_count);
    fprintf(out, "static const uint32_t lexicon_cues[LEXICON_STATES] = {\n");
    for (uint32_t i = 0; i < state_count; i++)
        fprintf(out, "%u,\n", cues[i]);
    fprintf(out, "};\n");
}

#define WEIR_WORDS(language, class, text)                                      \
    add_words(WEIR_WATCH_LANGUAGE_##language, WORD_##class, text);
#define WEIR_PHRASES(cue, text)
static void
read_words(void)
{
#include "words.def"
#include "words_more.def"
}
#undef WEIR_WORDS
#undef WEIR_PHRASES

#define WEIR_WORDS(language, class, text)
#define WEIR_PHRASES(cue, text) add_phrases(WEIR_WATCH_##cue, text);
static void
read_phrases(void)
{
#include "words.def"
#include "words_more.def"
}

int
main(int argc, char **argv)
{
    FILE *out = argc == 2 ? fopen(argv[1], "w") : NULL;
    if (out == NULL)
        die("usage: tables_make FILE");
    read_words();
    read_phrases();
    complete();
    fprintf(out, "/* Made by core/watch/tables_make.c from words.def. */\n");
    write_words(out);
    write_arcs(out);
    if (fclose(out) != 0)
        die("cannot write");
    return 0;
}
