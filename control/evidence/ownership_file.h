/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/evidence/ownership_file.h - organisations, who owns whom, and
 * rules, in one file for trying: what `weir ownership` answers.
 *
 * docs/formats/ownership-file.md has the format. It takes what people and
 * other tools write: several names for the same key, shares in any unit that
 * can be told, YAML or JSON. What it does not understand it refuses.
 *
 * Threads: one owner. Memory: all in the file's arena; texts may also be
 * borrowed from the bytes that were read, which must live as long.
 */
#ifndef WEIR_OWNERSHIP_FILE_H
#define WEIR_OWNERSHIP_FILE_H

#include <weir/world.h>

struct weir_ownership_party {
    weir_span name;
    weir_span headquarters; /* a code, or any word a rule or bloc names */
    weir_span incorporated;
    uint32_t line;  /* where it is declared; 0: only named by an edge */
    bool is_listed; /* a seed of every rule that names no seeds */
    bool is_person; /* has no headquarters */
};

/* A named set of names: a bloc's places, a list's organisations. */
struct weir_ownership_set {
    weir_span name;
    struct weir_world_range names; /* of `name_rows` */
};

/* A rule; its ranges are of `name_rows`. */
struct weir_ownership_case {
    struct weir_place place;
    weir_span name;
    struct weir_world_range headquarters_in; /* places or blocs */
    struct weir_world_range incorporated_in;
    struct weir_world_range seeds; /* organisations, lists or blocs */
    bool has_seeds;
    enum weir_ownership_method method;
    uint32_t threshold;
    bool has_threshold;
    bool is_strict;
    bool doubts_undisclosed;
    enum weir_unknown_effect unknown;
    weir_time from;
    weir_time until;
};

struct weir_ownership_file {
    struct weir_arena arena;
    weir_span text; /* the bytes that names may be borrowed from */
    weir_span file;
    struct weir_faults *faults;
    struct weir_ownership_party *party_rows;
    struct weir_holding *holding_rows;
    struct weir_ownership_case *rule_rows;
    struct weir_ownership_set *bloc_rows;
    struct weir_ownership_set *list_rows;
    weir_span *name_rows;
    uint32_t party_count, party_capacity;
    uint32_t holding_count, holding_capacity;
    uint32_t rule_count, rule_capacity;
    uint32_t bloc_count, bloc_capacity;
    uint32_t list_count, list_capacity;
    uint32_t name_count, name_capacity;
    uint32_t conflict_count; /* holdings stated twice, and differently */
    uint32_t *slots;         /* party row + 1 by the hash of its name */
    uint32_t slot_count;
    struct weir_ownership_graph graph;
};

/* Reads and checks; EPARSE with faults, ETOOBIG. The graph stands. */
WEIR_MUST_USE weir_status weir_ownership_file_read(
    struct weir_ownership_file *file, weir_span text, weir_span name,
    struct weir_faults *faults, struct weir_error *err);
void weir_ownership_file_fini(struct weir_ownership_file *file);

/* The row of a party, or UINT32_MAX. */
uint32_t weir_ownership_file_find(const struct weir_ownership_file *file,
                                  weir_span name);

/* Whether the rule is in force at `at`. */
bool weir_ownership_case_applies(const struct weir_ownership_case *rule,
                                 weir_time at);
/* Runs rule `row`, whatever the time. Memory from `arena`; `seeds_out` has
 * enum weir_ownership_seed of each party. */
WEIR_MUST_USE weir_status weir_ownership_file_run(
    const struct weir_ownership_file *file, uint32_t row,
    struct weir_arena *arena, struct weir_ownership_result *result_out,
    const uint8_t **seeds_out, struct weir_error *err);

/* ------------------------------------- between the files of this reader */

uint32_t weir__ownership_party(struct weir_ownership_file *file,
                               weir_span name);
/* A text that lives as long as the file. */
weir_span weir__ownership_keep(struct weir_ownership_file *file,
                               weir_span text);
struct yaml_node;
void weir__ownership_rule(struct weir_ownership_file *file,
                          const struct yaml_node *node);
void weir__ownership_edge(struct weir_ownership_file *file,
                          const struct yaml_node *node);
/* An owner of `owned`, as an organisation lists it. */
void weir__ownership_owner(struct weir_ownership_file *file,
                           const struct yaml_node *node, weir_span owned);
void weir__ownership_fault(struct weir_ownership_file *file,
                           const struct yaml_node *node, const char *advice,
                           const char *what);
/* The names of a list, or one name. */
struct weir_world_range weir__ownership_names(struct weir_ownership_file *file,
                                              const struct yaml_node *node);
/* The share that a mapping states under any of its keys; unknown when it
 * states none. False after a fault. */
bool weir__ownership_share(struct weir_ownership_file *file,
                           const struct yaml_node *mapping,
                           weir_share *share_out);
/* One share node in a unit. */
bool weir__ownership_share_of(struct weir_ownership_file *file,
                              const struct yaml_node *node,
                              enum weir_share_unit unit, weir_share *share_out);
bool weir__ownership_grow(struct weir_ownership_file *file, void *rows,
                          uint32_t count, uint32_t *capacity, size_t size);

#endif
