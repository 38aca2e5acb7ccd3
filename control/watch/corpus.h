/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/watch/corpus.h - labelled prompts, read and turned into features.
 *
 * Files are JSON lines, plain or .zst, each with `prompt` and, where known,
 * `source`, `label` (attack or benign), `kind`, `response`. Nothing of the
 * text is kept but what a generator of attacks needs.
 *
 * Threads: one. Memory: heap, freed by weir_corpus_fini().
 */
#ifndef WEIR_CONTROL_WATCH_CORPUS_H
#define WEIR_CONTROL_WATCH_CORPUS_H

#include <weir/watch_score.h>

struct weir_corpus_row {
    struct weir_watch_features features;
    char *prompt;
};

/* Rows of one source, in the order of the file. */
struct weir_corpus_source {
    char name[48];
    bool is_attack;
    uint32_t count;
    uint32_t capacity;
    struct weir_corpus_row *rows;
};

#define WEIR_CORPUS_SOURCES_MAX 64

struct weir_corpus {
    uint32_t count;
    struct weir_corpus_source sources[WEIR_CORPUS_SOURCES_MAX];
};

void weir_corpus_init(struct weir_corpus *corpus);
void weir_corpus_fini(struct weir_corpus *corpus);
/* Every *.jsonl and *.jsonl.zst of a directory, in order of their names.
 * EIO, ENOTFOUND; EPARSE: a line is not such an object. */
WEIR_MUST_USE weir_status weir_corpus_read(struct weir_corpus *corpus,
                                           const char *directory,
                                           struct weir_error *err);
/* Adds a row to the source of this name. ENOMEM, ELIMIT: too many sources. */
WEIR_MUST_USE weir_status weir_corpus_add(struct weir_corpus *corpus,
                                          const char *source, bool is_attack,
                                          weir_span prompt,
                                          struct weir_error *err);
/* Prompts made here, where the corpora have none: ours-*. */
WEIR_MUST_USE weir_status weir_corpus_add_ours(struct weir_corpus *corpus,
                                               struct weir_error *err);
/* NULL: no such source. */
const struct weir_corpus_source *
weir_corpus_find(const struct weir_corpus *corpus, const char *name);

#endif
