/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records.h - records of separated fields, after RFC 4180, strictly: a
 * quote opens a field or is doubled inside a quoted one, a record ends with
 * its line. The blanks around fields are dropped.
 *
 * Threads: one owner. Memory: fields are valid to the next record.
 */
#ifndef WEIR_CONTROL_LISTS_RECORDS_H
#define WEIR_CONTROL_LISTS_RECORDS_H

#include <weir/base.h>

#define RECORD_FIELDS_MAX 64u

struct records {
    weir_span text;
    size_t at;
    char separator;
    uint32_t next_line;
    uint32_t line; /* where the record begins */
    uint32_t count;
    weir_span fields[RECORD_FIELDS_MAX];
    const char *fault; /* of this record, or NULL */
    struct weir_buf unquoted;
};

void records_init(struct records *records, weir_span text, char separator);
void records_fini(struct records *records);
/* False behind the last one. Empty lines are skipped. After a fault the
 * next record begins on the next line. */
bool records_next(struct records *records);

#endif
