/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens from bytes.
 *
 * WHY BYTES. A vocabulary runs at some 22 MB a second and is another one for
 * every maker, most of whom publish none. The bytes of the prompt's JSON are
 * counted already, and escapes, names and brackets stand in them for the
 * framing that a provider puts round each message.
 *
 * WHY QUARTERS OF AN OCTAVE. A call is counted by two small numbers, so what
 * a model is like takes some hundred rows however many calls there were. The
 * middle of a class is at most a tenth off, to both sides alike.
 */
#include <weir/factor.h>

#include <weir/meter.h>

/* ------------------------------------------------------------- a line */

static uint64_t
times(uint64_t value, uint32_t by, uint32_t divisor)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = ((wide)value * by + divisor - 1) / divisor;
    return product > UINT64_MAX ? UINT64_MAX : (uint64_t)product;
}

uint64_t
weir_factor_tokens(const struct weir_factor_line *line, uint64_t bytes)
{
    uint64_t tokens;
    if (line->ppm == 0)
        return weir_tokens_of_bytes(bytes);
    if (bytes == 0)
        return 0; /* nothing was read or written: not even a frame */
    if (__builtin_add_overflow(times(bytes, line->ppm, 1000000), line->base,
                               &tokens))
        return UINT64_MAX;
    return tokens;
}

uint64_t
weir_factor_most(const struct weir_factor_line *line, uint64_t bytes)
{
    uint64_t tokens = weir_factor_tokens(line, bytes);
    return line->ppm == 0 ? tokens : times(tokens, line->high_pm, 1000);
}

bool
weir_factor_is_sound(const struct weir_factor *factor)
{
    for (int i = 0; i < WEIR_FACTOR_KINDS; i++) {
        const struct weir_factor_line *line = &factor->lines[i];
        if (line->ppm == 0 && (line->base | line->low_pm | line->high_pm) != 0)
            return false;
        if (line->ppm != 0 &&
            (line->ppm < WEIR_FACTOR_PPM_MIN ||
             line->ppm > WEIR_FACTOR_PPM_MAX ||
             line->base > WEIR_FACTOR_BASE_MAX || line->low_pm > 1000 ||
             line->high_pm < 1000 || line->high_pm > WEIR_FACTOR_HIGH_MAX))
            return false;
    }
    return factor->source < WEIR_FACTOR_SOURCES;
}

const char *
weir_factor_kind_name(enum weir_factor_kind kind)
{
    static const char *const names[WEIR_FACTOR_KINDS] = {"prompt", "tools",
                                                         "answer"};
    return kind < WEIR_FACTOR_KINDS ? names[kind] : "?";
}

const char *
weir_factor_source_name(enum weir_factor_source source)
{
    static const char *const names[WEIR_FACTOR_SOURCES] = {"none", "seed",
                                                           "learned"};
    return source < WEIR_FACTOR_SOURCES ? names[source] : "?";
}

/* --------------------------------------------------------------- seeds */

struct seed {
    const char *prefix;
    struct weir_factor_line lines[WEIR_FACTOR_KINDS];
};

static const struct seed seeds[] = {
#define WEIR_FACTOR_SEED_ROW(prefix, prompt, tools, answer)                    \
    {prefix, {prompt, tools, answer}},
#define LINE(base, ppm, low, high)                                             \
    {                                                                          \
        base, ppm, low, high                                                   \
    }
#include "factor_seeds.def"
#undef LINE
#undef WEIR_FACTOR_SEED_ROW
};

/* At its beginning, or behind one of "/.:": names of hosts' own. */
static bool
has_prefix(weir_span name, weir_span prefix)
{
    for (size_t i = 0; i + prefix.len <= name.len; i++) {
        bool is_start = i == 0 || name.ptr[i - 1] == '/' ||
                        name.ptr[i - 1] == '.' || name.ptr[i - 1] == ':';
        if (is_start &&
            weir_span_equal((weir_span){name.ptr + i, prefix.len}, prefix))
            return true;
    }
    return false;
}

bool
weir_factor_seed(weir_span family, weir_span model,
                 struct weir_factor *factor_out)
{
    const weir_span names[2] = {family, model};
    for (size_t n = 0; n < WEIR_COUNTOF(names); n++) {
        for (size_t i = 0; i < WEIR_COUNTOF(seeds); i++) {
            if (!has_prefix(names[n], weir_span_of(seeds[i].prefix)))
                continue;
            *factor_out = (struct weir_factor){.source = WEIR_FACTOR_SEED};
            for (int k = 0; k < WEIR_FACTOR_KINDS; k++)
                factor_out->lines[k] = seeds[i].lines[k];
            return true;
        }
    }
    return false;
}

/* --------------------------------------------------------------- cells */

#define FIRST_BYTES 16

/* Thousandths of 2^(n/4) and of its middles 2^(n/4 + 1/8). */
static const uint64_t quarter[4] = {1000, 1189, 1414, 1682};
static const uint64_t middle[4] = {1091, 1297, 1542, 1834};

/* Quarters of octaves in value / first, rounded down; value >= first. */
static uint32_t
class_of(uint64_t value, uint64_t first)
{
    uint32_t octave = 0, part = 3;
    while (octave < 40 && value >> (octave + 1) >= first)
        octave++;
    while (part > 0 && value * 1000 < (first << octave) * quarter[part])
        part--;
    return octave * 4 + part;
}

bool
weir_factor_cell(uint64_t bytes, uint64_t tokens, uint32_t *cell_out)
{
    if (bytes < FIRST_BYTES || tokens == 0 || bytes >> 40 != 0 ||
        tokens >> 40 != 0)
        return false;
    uint32_t x = class_of(bytes, FIRST_BYTES);
    uint32_t y = class_of(tokens, 1);
    if (x >= WEIR_FACTOR_BYTE_CLASSES || y >= WEIR_FACTOR_TOKEN_CLASSES)
        return false;
    *cell_out = x * WEIR_FACTOR_TOKEN_CLASSES + y;
    return true;
}

void
weir_factor_cell_get(uint32_t cell, uint64_t *bytes_milli_out,
                     uint64_t *tokens_milli_out)
{
    uint32_t x = cell / WEIR_FACTOR_TOKEN_CLASSES;
    uint32_t y = cell % WEIR_FACTOR_TOKEN_CLASSES;
    WEIR_ASSERT(x < WEIR_FACTOR_BYTE_CLASSES);
    *bytes_milli_out = ((uint64_t)FIRST_BYTES << x / 4) * middle[x % 4];
    *tokens_milli_out = (UINT64_C(1) << y / 4) * middle[y % 4];
}
