/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/complexity.h - how much a request asks of a model, from 0 to 1000.
 *
 * A few counts of the request's bytes, each on a scale of its own, weighed by
 * integers that bench/complexity_train.py found in labelled prompts. It reads
 * the request once, keeps nothing and asks nobody; the same request has the
 * same score everywhere. What it is worth: docs/measured/routing.md.
 *
 * Threads and memory: pure functions over the caller's bytes.
 */
#ifndef WEIR_COMPLEXITY_H
#define WEIR_COMPLEXITY_H

#include <weir/base.h>

/* Numbers are permanent; names are shown by `weir complexity`. */
enum weir_complexity_feature {
    WEIR_COMPLEX_LENGTH = 0,     /* bytes of text, a logarithm */
    WEIR_COMPLEX_LINES = 1,      /* line breaks in it */
    WEIR_COMPLEX_CODE = 2,       /* marks of programs: fences, braces, calls */
    WEIR_COMPLEX_CODE_WORDS = 3, /* function, class, algorithm, SQL .. */
    WEIR_COMPLEX_REASONING = 4,  /* prove, derive, compare, step by step .. */
    WEIR_COMPLEX_TASKS = 5,      /* write, create, implement, design .. */
    WEIR_COMPLEX_ROUTINE = 6,    /* order, refund, cancel, hi, thanks .. */
    WEIR_COMPLEX_NUMBERS = 7,    /* digits, share of the text */
    WEIR_COMPLEX_MATHS = 8,      /* =, +, <, >, ^ and the like */
    WEIR_COMPLEX_QUESTIONS = 9,  /* question marks */
    WEIR_COMPLEX_LETTERS = 10,   /* length of words */
    WEIR_COMPLEX_FOREIGN = 11,   /* bytes above ASCII, share of the text */
    WEIR_COMPLEX_TURNS = 12,     /* messages */
    WEIR_COMPLEX_TOOLS = 13,     /* tools offered */
    WEIR_COMPLEX_SCHEMA = 14,    /* an answer by a schema is asked for */
    WEIR_COMPLEX_EFFORT = 15,    /* reasoning is asked for, by how much */
    WEIR_COMPLEX_FEATURES = 16
};
const char *weir_complexity_feature_name(uint32_t feature);

struct weir_complexity {
    uint16_t of[WEIR_COMPLEX_FEATURES]; /* 0 .. 100 */
    uint32_t score;                     /* 0 .. WEIR_COMPLEXITY_MAX */
};

/* Bytes of text that are looked at: the last ones, where the task is. */
#define WEIR_COMPLEX_TEXT_MAX (64u << 10)

/* A chat request of any surface, as JSON. What is not JSON, or has no text,
 * has the features of an empty text. */
void weir_complexity_of(weir_span body, struct weir_complexity *out);

#endif
