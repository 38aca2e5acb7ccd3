/* SPDX-License-Identifier: Apache-2.0 */
/* What scan.c finds in a text and text.c counts. */
#ifndef WEIR_WATCH_TOKENS_H
#define WEIR_WATCH_TOKENS_H

#include "internal.h"
#include "lexicon.h"

#define WATCH_TOKENS_MAX (WEIR_WATCH_TEXT_MAX + 1)
#define WATCH_MAP_WORDS  ((WATCH_TOKENS_MAX + 63) / 64 + 2)

/* Frame tokens of what is masked; odd and far apart. */
#define MASK_START UINT64_C(0xA0761D6478BD642F)
#define MASK_QUOTE UINT64_C(0xE7037ED1A0B428DB)
#define MASK_DIGIT UINT64_C(0x8EBC6AF09C88C6E3)
#define MASK_IDENT UINT64_C(0x589965CC75374CC3)
#define MASK_NAME  UINT64_C(0x1D8E4E27C47D124F)
#define MASK_CHAR  UINT64_C(0xEB44ACCAB455D165)
#define MASK_WORD  UINT64_C(0x2D358DCCAA6C78A5)
#define MASK_END   UINT64_C(0x8BB84B93962EACC9)

/* What stood between a word and the one before it: in its note, where the
 * lexicon has the longest word. */
#define AFTER_MARK  (1u << 20) /* punctuation, or a quoted span */
#define AFTER_QUOTE (1u << 21) /* a quoted span */
#define AFTER_BREAK (1u << 22) /* the end of a sentence or line */

/* In the order of the text. A few KB of it are touched by a usual prompt. */
struct watch_tokens {
    uint32_t word_count;
    uint32_t stem_count;
    uint32_t frame_count;
    uint32_t script_words[16];
    uint64_t words[WATCH_TOKENS_MAX]; /* digests */
    uint64_t stems[WATCH_TOKENS_MAX]; /* of longer words: their first letters */
    uint64_t frames[WATCH_TOKENS_MAX]; /* runs of one mask are one */
    uint32_t notes[WATCH_TOKENS_MAX];  /* of words: lexicon.h */
};

/* Reading goes on here. */
struct scan {
    const char *text;
    size_t len;
    struct watch_text *found;
    struct watch_tokens *out;
    uint64_t last_frame;
    size_t special;     /* the next one as far as words were read */
    uint32_t after;     /* of the next word */
    bool is_sentence;   /* the next word starts one */
    size_t searched[3]; /* by quote: no closing one before this */
    uint64_t word_map[WATCH_MAP_WORDS];
    uint64_t blank_map[WATCH_MAP_WORDS];
    uint64_t digit_map[WATCH_MAP_WORDS];
    uint64_t special_map[WATCH_MAP_WORDS]; /* digit, upper case, underscore */
};

/* Finds the tokens of clean text with WATCH_TEXT_PAD zeros behind it. */
void weir__watch_scan(const char *text, size_t len,
                      struct watch_text *found_out,
                      struct watch_tokens *tokens_out);

/* The note of one digest; 0: nobody knows it. */
uint32_t weir__watch_note(uint64_t hash);
/* The same of a word with digits: phrases know it as any number. */
uint32_t weir__watch_as_number(uint32_t note);

/* wide.c: text beyond ASCII. The character at `at`, its bytes and script
 * (NONE: no part of a word). */
size_t weir__watch_decode(const char *at, uint32_t *code_out);
enum weir_watch_script weir__watch_script_of(uint32_t code);
/* The word that begins at `at`; returns its bytes. */
size_t weir__watch_wide_word(struct scan *s, size_t at);
/* The same where every character is a word; the first has `first` bytes. */
size_t weir__watch_characters(struct scan *s, size_t at, size_t first,
                              enum weir_watch_script script);

/* ----------------------------------------------------------- adding */

static inline void
add_frame(struct scan *s, uint64_t token, bool collapses)
{
    struct watch_tokens *out = s->out;
    if (collapses && token == s->last_frame)
        return;
    out->frames[out->frame_count++] = token;
    s->last_frame = token;
}

/* `note` as the lexicon has it; `mask` where the frame does not keep it. */
static inline void
add_word(struct scan *s, uint64_t hash, uint32_t note, uint64_t mask)
{
    struct watch_tokens *out = s->out;
    uint32_t at = out->word_count++;
    out->words[at] = hash;
    out->notes[at] = (note & ~NOTE_OF_LONGEST) | s->after;
    s->after = 0;
    s->is_sentence = false;
    if (note & WORD_KEEP)
        add_frame(s, hash, false);
    else
        add_frame(s, mask, true);
}

#endif
