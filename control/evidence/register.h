/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/evidence/register.h - facts from files: registers and own lists.
 *
 * Formats are told apart by what stands in them: Open Ownership BODS 0.4
 * (JSON), GLEIF Level 1 and Level 2 (XML or JSON of the CDF), and weir's own
 * YAML, JSON and CSV. docs/formats/evidence.md says what each becomes.
 *
 * A row that cannot be read is a fault with file and line; more than
 * `bad_max` of them refuse the file.
 *
 * Threads: one owner. Memory: texts are copied into the facts.
 */
#ifndef WEIR_EVIDENCE_REGISTER_H
#define WEIR_EVIDENCE_REGISTER_H

#include "control/evidence/evidence.h"

struct yaml_node;

enum weir_register_format {
    WEIR_REGISTER_UNKNOWN = 0,
    WEIR_REGISTER_OWN = 1, /* YAML or JSON */
    WEIR_REGISTER_CSV = 2,
    WEIR_REGISTER_BODS = 3,
    WEIR_REGISTER_LEI = 4,      /* GLEIF Level 1 */
    WEIR_REGISTER_RELATIONS = 5 /* GLEIF Level 2 */
};
/* "own", "csv", "bods", "gleif-1", "gleif-2". */
const char *weir_register_format_name(enum weir_register_format format);

struct weir_register_options {
    weir_span source; /* what every fact names; not empty */
    enum weir_fact_rank rank;
    weir_time as_of;  /* where a row has no date; WEIR_TIME_MIN: none */
    uint32_t bad_max; /* faulty rows that are left out */
};

struct weir_register {
    struct weir_facts facts;
    enum weir_register_format format;
    uint32_t rows; /* records read, faulty ones included */
    uint32_t bad;
    /* while reading */
    const struct weir_register_options *options;
    struct weir_faults *faults;
    weir_span file;
    void *state; /* of the format's reader */
};

/* EPARSE: not a register, or over bad_max faulty rows; all faults are in
 * `faults`. Equal statements count once. */
WEIR_MUST_USE weir_status
weir_register_read(struct weir_register *out, weir_span bytes, weir_span file,
                   const struct weir_register_options *options,
                   struct weir_faults *faults, struct weir_error *err);
void weir_register_fini(struct weir_register *out);

/* ------------------------------------------------- for the formats */

/* A fact with the options' source and rank, at a place; texts are copied.
 * NULL: memory is full, or the value is empty. */
struct weir_fact *weir__register_say(struct weir_register *r,
                                     struct weir_place place,
                                     weir_span organisation,
                                     enum weir_fact_kind kind, weir_span value);
/* The same with a jurisdiction: its first two letters, if they are one. */
struct weir_fact *weir__register_say_place(struct weir_register *r,
                                           struct weir_place place,
                                           weir_span organisation,
                                           enum weir_fact_kind kind,
                                           weir_span code);
/* What the row said so far is taken back, and the row is a fault. */
void weir__register_bad(struct weir_register *r, struct weir_place place,
                        uint32_t facts_before, const char *why);
weir_span weir__register_copy(struct weir_register *r, weir_span text);
/* "SCHEME:ID" with the LEI's schemes as "LEI"; empty when one is missing. */
weir_span weir__register_identifier(struct weir_register *r, weir_span scheme,
                                    weir_span id);

/* One element of a file's list. */
typedef void weir_register_visit(struct weir_register *r,
                                 const struct yaml_node *node);
weir_register_visit weir__register_own, weir__register_bods, weir__register_lei,
    weir__register_relation;
/* What can be said only when all of BODS was read. */
weir_status weir__register_bods_end(struct weir_register *r,
                                    struct weir_error *err);
void weir__register_csv(struct weir_register *r, weir_span bytes);

/* Elements of XML named `record` (without prefix), as nodes. EPARSE. */
typedef void weir_xml_visit(void *context, const struct yaml_node *node);
WEIR_MUST_USE weir_status weir_xml_walk(weir_span bytes, weir_span file,
                                        const char *const *records,
                                        weir_xml_visit *visit, void *context,
                                        struct weir_faults *faults);

#endif
