/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/lists/lists.h - screening lists from files.
 *
 * Formats are told apart by their first record: the US Consolidated
 * Screening List (CSV), OFAC's SDN, ALT and ADD files (CSV without header;
 * ALT and ADD complete the SDN file read before them), BIS's denied persons
 * (tab separated), the consolidated list of the UN (XML) and weir's own CSV:
 *
 *   name,id,aliases,identifiers,type,programme,date,source,place
 *
 * of which only `name` is needed, in any order; aliases are separated by
 * ";", identifiers are KIND=TEXT separated by ";", type is entity, person,
 * vessel or aircraft.
 *
 * A row that cannot be read is a fault with file and line; more than
 * `bad_max` of them refuse the file. So does a file with far fewer entries
 * than the count that was remembered beside it.
 *
 * Threads: one owner of the rows. Memory: texts are copied to the rows.
 */
#ifndef WEIR_CONTROL_LISTS_LISTS_H
#define WEIR_CONTROL_LISTS_LISTS_H

#include <weir/screening.h>
#include <weir/world.h>

enum weir_list_format {
    WEIR_LIST_UNKNOWN = 0,
    WEIR_LIST_CSL = 1,
    WEIR_LIST_SDN = 2,
    WEIR_LIST_SDN_ALT = 3,
    WEIR_LIST_SDN_ADD = 4,
    WEIR_LIST_DENIED = 5,
    WEIR_LIST_OWN = 6,
    WEIR_LIST_UN = 7
};

const char *weir_list_format_name(enum weir_list_format format);

struct weir_list_options {
    weir_span name; /* empty: the file's */
    enum weir_screening_effect effect;
    uint32_t bad_max;    /* faulty rows that are left out */
    uint32_t shrink_ppm; /* of the remembered count that may be missing */
    bool allows_shrink;  /* confirmed by a person */
    bool remembers;      /* write the count beside the file */
};

/* The default of shrink_ppm. */
#define WEIR_LIST_SHRINK_PPM 100000u

/*
 * Adds what `bytes` say to `rows`. EPARSE: the format is unknown, ALT or
 * ADD without SDN, or over bad_max faulty rows; `rows` then hold part of
 * the file and are of no use. Every faulty row is in `faults`.
 */
WEIR_MUST_USE weir_status weir_list_parse(
    weir_span bytes, weir_span file, const struct weir_list_options *options,
    struct weir_screening_rows *rows, struct weir_faults *faults,
    struct weir_error *err);

/* The same of a file. ECONFLICT: it shrank. ENOTFOUND, EIO. The count is
 * kept in PATH.count. */
WEIR_MUST_USE weir_status
weir_list_load(const char *path, const struct weir_list_options *options,
               struct weir_screening_rows *rows, struct weir_faults *faults,
               struct weir_error *err);

#endif
