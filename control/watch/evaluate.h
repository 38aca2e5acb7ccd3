/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/watch/evaluate.h - every figure of docs/measured/watch.md.
 *
 * Builds accounts from labelled corpora with a fixed seed, scores windows with
 * the code that scores customers, and prints tables.
 *
 * Threads: one. Memory: heap.
 */
#ifndef WEIR_CONTROL_WATCH_EVALUATE_H
#define WEIR_CONTROL_WATCH_EVALUATE_H

#include <stdio.h>

#include <weir/watch_score.h>

struct weir_evaluate_setup {
    const char *directory;
    const char *lines; /* directory whose benign prompts set the lines, NULL:
                        * the same */
    uint64_t seed;
    uint32_t splits;  /* references of each tenant kind */
    uint32_t windows; /* benign windows of each split */
    uint32_t attacks; /* windows of each split, attack and share */
    bool is_json;     /* one object per row in place of tables */
    bool calibrates;  /* only the lines */
    FILE *out;
};

/* As weir_corpus_read() and weir_accounts_init() fail. */
WEIR_MUST_USE weir_status weir_evaluate(const struct weir_evaluate_setup *setup,
                                        struct weir_error *err);

#endif
