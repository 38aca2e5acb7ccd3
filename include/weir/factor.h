/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/factor.h - tokens from bytes, model by model.
 *
 * Before a call, and where nobody counted, tokens are estimated from the
 * JSON bytes of what the model reads or wrote:
 *
 *     tokens = base + bytes * ppm / 1,000,000
 *
 * A model has three such lines: of prompts, of prompts with tools (makers
 * write those anew in words of their own), and of answers. Control learns
 * them from settled calls (control/factors); until then a family's seed
 * serves, and of a family that nobody measured a quarter of a token a byte.
 *
 * Threads and memory: pure functions on values; nothing is allocated.
 */
#ifndef WEIR_FACTOR_H
#define WEIR_FACTOR_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers are permanent: the store has them. */
enum weir_factor_kind {
    WEIR_FACTOR_PROMPT = 0,
    WEIR_FACTOR_TOOLS = 1, /* a prompt with tools */
    WEIR_FACTOR_ANSWER = 2,
    WEIR_FACTOR_KINDS = 3
};
const char *weir_factor_kind_name(enum weir_factor_kind kind);

/* A line and its error: nine calls in ten took between `low_pm` and
 * `high_pm` thousandths of what it says. */
struct weir_factor_line {
    uint32_t base; /* tokens beside the text, at most WEIR_FACTOR_BASE_MAX */
    uint32_t ppm;  /* tokens of a million bytes; 0: the line is not known */
    uint32_t low_pm;
    uint32_t high_pm; /* 1000 .. WEIR_FACTOR_HIGH_MAX */
};

#define WEIR_FACTOR_BASE_MAX 4096
#define WEIR_FACTOR_PPM_MIN  10000
#define WEIR_FACTOR_PPM_MAX  2000000
#define WEIR_FACTOR_HIGH_MAX 4000

/* Where the lines are from. Numbers are permanent. */
enum weir_factor_source {
    WEIR_FACTOR_NONE = 0,    /* not known: a quarter of a token a byte */
    WEIR_FACTOR_SEED = 1,    /* the family's, measured before */
    WEIR_FACTOR_LEARNED = 2, /* of this seller's own calls */
};
#define WEIR_FACTOR_SOURCES 3
const char *weir_factor_source_name(enum weir_factor_source source);

struct weir_factor {
    struct weir_factor_line lines[WEIR_FACTOR_KINDS];
    uint32_t source;  /* enum weir_factor_source */
    uint32_t calls;   /* that were learned from */
    uint32_t tenants; /* whose they were */
    uint32_t reserved;
};

/* What is expected; of a line that is not known, weir_tokens_of_bytes(). */
uint64_t weir_factor_tokens(const struct weir_factor_line *line,
                            uint64_t bytes);
/* What is held: one call in twenty takes more. */
uint64_t weir_factor_most(const struct weir_factor_line *line, uint64_t bytes);
/* Within the bounds above, or not known and all 0. */
bool weir_factor_is_sound(const struct weir_factor *factor);

/* The lines of a family ("gpt-mini", "claude-sonnet") or, where its name
 * says nothing, of a model's name; false: nobody measured it. */
bool weir_factor_seed(weir_span family, weir_span model,
                      struct weir_factor *factor_out);

/*
 * A settled call as it is counted: bytes and tokens, each by quarters of an
 * octave. False: too small or too large to say anything.
 */
#define WEIR_FACTOR_BYTE_CLASSES  64 /* from 16 bytes, four an octave */
#define WEIR_FACTOR_TOKEN_CLASSES 96 /* from 1 token */
bool weir_factor_cell(uint64_t bytes, uint64_t tokens, uint32_t *cell_out);
/* The middles of the two classes, in thousandths. */
void weir_factor_cell_get(uint32_t cell, uint64_t *bytes_milli_out,
                          uint64_t *tokens_milli_out);

#ifdef __cplusplus
}
#endif
#endif
