/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.h - what the readers of the formats share.
 *
 * Threads: one owner. Memory: the rows'.
 */
#ifndef WEIR_CONTROL_LISTS_PARSE_H
#define WEIR_CONTROL_LISTS_PARSE_H

#include "control/lists/lists.h"
#include "control/lists/records.h"

#define OWN_COLUMNS 9u
#define COLUMN_NONE UINT32_MAX

struct parse {
    struct records records;
    struct weir_screening_rows *rows;
    uint32_t list;
    uint32_t entry_first; /* of the SDN file, for ALT and ADD */
    uint32_t entry_end;
    uint32_t *by_id;               /* those entries, by their id */
    uint32_t columns[OWN_COLUMNS]; /* own CSV: field of each column */
};

/* Each adds what one record says, or returns what is wrong with it and adds
 * nothing. */
typedef const char *list_reader(struct parse *parse);
list_reader list_read_csl, list_read_sdn, list_read_alt, list_read_add,
    list_read_denied, list_read_own;

/* The whole list of the UN; the number of faulty records, UINT32_MAX when
 * the file cannot be read to its end. */
uint32_t list_read_un(struct parse *parse, weir_span bytes, weir_span file,
                      struct weir_faults *faults);

/* The header of an own CSV. */
const char *list_read_own_header(struct parse *parse);
/* Sorts the SDN entries by id; false: no memory. */
bool list_sort_entries(struct parse *parse);

/* A copy in the rows' arena. */
weir_span list_keep(struct parse *parse, weir_span text);
struct weir_screening_entry *list_add_entry(struct parse *parse, weir_span id);
void list_add_name(struct parse *parse, uint32_t entry, weir_span text,
                   bool is_alias, bool is_weak);
void list_add_identifier(struct parse *parse, uint32_t entry, weir_span kind,
                         weir_span text);
/* The part up to `separator`, trimmed; *rest moves behind it. False at the
 * end. */
bool list_part(weir_span *rest, const char *separator, weir_span *part_out);
enum weir_screening_subject list_subject(weir_span word);

#endif
