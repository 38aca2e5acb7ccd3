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

/* Eight at a time are written: up to seven behind the last. */
#define WATCH_TOKENS_ROOM (WATCH_TOKENS_MAX + 8)

/* In the order of the text. A few KB of it are touched by a usual prompt. */
struct watch_tokens {
    uint32_t word_count;
    uint32_t stem_count;
    uint32_t frame_count;
    uint32_t script_words[16];
    uint64_t words[WATCH_TOKENS_ROOM];  /* digests */
    uint64_t stems[WATCH_TOKENS_ROOM];  /* of longer words: first letters */
    uint64_t frames[WATCH_TOKENS_ROOM]; /* runs of one mask are one */
    uint32_t notes[WATCH_TOKENS_ROOM];  /* of words: lexicon.h */
};

/* Word bytes in a row. */
struct row {
    uint32_t start;
    uint32_t end;
};
/* One byte each and one between them, and what steps write behind them. */
#define WATCH_ROWS_MAX (WATCH_TOKENS_MAX / 2 + 64)

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
    /* scan_avx512.c alone: */
    uint64_t start_map[WATCH_MAP_WORDS]; /* what a word may start with */
    uint64_t space_map[WATCH_MAP_WORDS];
    uint64_t end_map[WATCH_MAP_WORDS];  /* the byte behind a word */
    uint64_t stop_map[WATCH_MAP_WORDS]; /* no blank and next word follow */
    uint32_t row_base[WATCH_MAP_WORDS]; /* rows that ended in blocks before */
    uint32_t row_count;
    size_t block_count;
    bool has_lone; /* an "i" alone */
    struct row rows[WATCH_ROWS_MAX];
    uint64_t row_words[WATCH_ROWS_MAX]; /* digests */
    uint64_t row_stems[WATCH_ROWS_MAX]; /* 0: five letters at most */
    uint64_t row_masks[WATCH_ROWS_MAX]; /* what stands for it in the frame */
    uint32_t row_notes[WATCH_ROWS_MAX];
};

/* Finds the tokens of clean text with WATCH_TEXT_PAD zeros behind it. */
void weir__watch_scan(const char *text, size_t len,
                      struct watch_text *found_out,
                      struct watch_tokens *tokens_out);

/* The same without the machine's own kernels. */
void weir__watch_scan_plain(const char *text, size_t len,
                            struct watch_text *found_out,
                            struct watch_tokens *tokens_out);
#if defined(__x86_64__)
/* What the widest kernels need, and whether this machine has it. */
#define WATCH_AVX512                                                           \
    "avx2,bmi,bmi2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,"      \
    "avx512vbmi2"
static inline bool
weir__watch_has_avx512(void)
{
    return __builtin_cpu_supports("avx512vbmi2") &&
           __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2");
}
/* All maps and rows of the text. */
void weir__watch_classify_avx512(struct scan *s);
/* Words of ASCII from `at` on, where one begins, as long as one blank is
 * between them. Returns where it stopped. */
size_t weir__watch_words_avx512(struct scan *s, size_t at);
#endif
/* The first byte at or behind `at` that is special; s->len: none. */
size_t weir__watch_next_special(const struct scan *s, size_t at);
/* The note of a word with a special byte or of a lone "i", given the
 * lexicon's; in `*token` what stands for it in the frame. */
uint32_t weir__watch_odd_word(struct scan *s, size_t at, size_t run,
                              uint32_t note, bool is_sentence, uint64_t *token);

#if defined(__x86_64__)
/* The lexicon's entries: tag in the lower half, note in the upper. */
extern const uint64_t *const weir__watch_entries;
#endif
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
