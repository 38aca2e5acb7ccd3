/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/prove/book.h - policies from files, and assertions about them.
 *
 * A book is a policy file or directory as it stands at one time: what is
 * outside its @from/@until and what is in shadow mode is left out, and a
 * hold is a forbid. Assertions are *.prove files, docs/formats/prove.md.
 *
 * Threads: one caller. Memory: a book owns its policies; what is parsed
 * lives in the arena of the call.
 */
#ifndef WEIR_CONTROL_PROVE_BOOK_H
#define WEIR_CONTROL_PROVE_BOOK_H

#include <stdio.h>

#include "prove.h"

struct weir_prove_book {
    struct weir_cedar_policies *policies; /* all that was read */
    struct weir_cedar_smt_set set;        /* those that are there */
    size_t absent;                        /* outside their window */
    size_t shadow;
    size_t holds;
};

/* Where an error is: `path` is in the arena. */
struct weir_prove_place {
    weir_span path;
    weir_span text;
};

/* Reads *.cedar at `path` (a file, or a directory and what is below), in
 * order of names, and validates strictly. Errors carry the offset in
 * place_out->text. */
WEIR_MUST_USE weir_status weir_prove_book_read(
    const struct weir_cedar_schema *schema, const char *path, weir_time at,
    struct weir_arena *arena, struct weir_prove_book *book_out,
    struct weir_prove_place *place_out, struct weir_error *err);
void weir_prove_book_fini(struct weir_prove_book *book);
/* By @id, else by name; NULL: none. */
const struct weir_cedar_policy *
weir_prove_book_find(const struct weir_prove_book *book, weir_span id);
/* @id, or the name. */
weir_span weir_prove_policy_name(const struct weir_cedar_policy *policy);

enum weir_prove_subject {
    WEIR_PROVE_ALL,     /* the whole book */
    WEIR_PROVE_POLICY,  /* one policy, and against another one */
    WEIR_PROVE_DEAD,    /* no policy never matches */
    WEIR_PROVE_SHADOWED /* no policy changes nothing */
};

struct weir_prove_assertion {
    weir_span name;
    uint32_t offset;
    enum weir_prove_subject subject;
    enum weir_cedar_smt_claim claim;
    bool is_reversed; /* implied by */
    weir_span policy; /* POLICY */
    weir_span other;  /* a policy, or a path relative to the file */
    struct weir_prove_scope scope;
    struct weir_cedar_policies *assumed; /* one policy each */
    bool has_time;
    weir_time at;
    struct weir_prove_assertion *next;
};

/* EPARSE, ETYPE with the offset in `text`. */
WEIR_MUST_USE weir_status weir_prove_parse(
    weir_span text, struct weir_arena *arena,
    struct weir_prove_assertion **first_out, struct weir_error *err);
void weir_prove_assertions_free(struct weir_prove_assertion *first);

struct weir_prove_recorded; /* recorded.h */

struct weir_prove_options {
    const struct weir_cedar_schema *schema;
    const char *policies; /* file or directory */
    weir_time at;
    uint32_t timeout_ms;
    bool is_json;
    /* Asked in place of the solver; NULL: the solver. */
    const struct weir_prove_recorded *recorded;
    bool is_smt2; /* print the questions, ask nothing */
    bool is_cvc5; /* in that solver's dialect */
    FILE *out;
    FILE *err;
};

struct weir_prove_tally {
    uint32_t proven;
    uint32_t refuted;
    uint32_t open; /* not proven */
    uint32_t odd;
};

/* Asks one assertion and prints the answer; `folder` is where a path in it
 * starts. Errors have been printed. */
WEIR_MUST_USE weir_status
weir_prove_run(const struct weir_prove_options *options,
               const struct weir_prove_assertion *assertion, weir_span folder,
               struct weir_prove_tally *tally);
/* All of a *.prove file, or of those at and below a directory. */
WEIR_MUST_USE weir_status
weir_prove_run_files(const struct weir_prove_options *options, const char *path,
                     struct weir_prove_tally *tally);
/* What differs between two policy directories, environment by environment:
 * an environment in which they differ counts as refuted. */
WEIR_MUST_USE weir_status
weir_prove_diff(const struct weir_prove_options *options, const char *other,
                const struct weir_prove_assertion *assumptions,
                struct weir_prove_tally *tally);

/* A case for people: request first, then each entity. */
void weir_prove_case_print(FILE *out, const struct weir_cedar_smt_case *found);

#endif
