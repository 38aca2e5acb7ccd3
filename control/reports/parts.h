/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/reports/parts.h - what reports share among themselves.
 *
 * Threads: one caller. Memory: as said.
 */
#ifndef WEIR_REPORTS_PARTS_H
#define WEIR_REPORTS_PARTS_H

#include <weir/record.h>

#include "control/reports/reports.h"

#define WEIR_REPORT(name, title, signers)                                      \
    weir_report_run weir__report_##name;                                       \
    extern const struct weir_report_section weir__report_##name##_sections[];
#include "control/reports/reports.def"
#undef WEIR_REPORT

json_t *weir__report_text(weir_span text); /* never NULL */
json_t *weir__report_time(weir_time when); /* RFC 3339; null for the ends */
json_t *weir__report_hex(const uint8_t *bytes, size_t len);
/* An option's text; empty: not given. */
weir_span weir__report_option(const struct weir_report_ask *ask,
                              const char *name);
/* True when the option's words (by comma) have `word`; or it is not given. */
bool weir__report_wants(const struct weir_report_ask *ask, const char *option,
                        const char *word);

/* -------------------------------------------------------------- records */

/* Records of the journal at known places, one segment mapped at a time. A
 * record's spans live until the next one is asked for. */
struct weir__report_journal {
    const char *directory;
    uint64_t number; /* 0: none */
    const char *map;
    size_t size;
};
void weir__report_journal_fini(struct weir__report_journal *journal);
/* ENOTFOUND: the segment is gone; ECORRUPT. */
WEIR_MUST_USE weir_status weir__report_record(
    struct weir__report_journal *journal, const struct weir_store_at *at,
    struct weir_record *record_out, struct weir_error *err);

/* Calls decided in the period, of the tenant where one is asked for, in the
 * order of their ids. The callback fails to stop. */
typedef weir_status weir__report_on_call(void *context,
                                         const struct weir_store_call *call,
                                         struct weir_error *err);
WEIR_MUST_USE weir_status weir__report_calls(const struct weir_report_ask *ask,
                                             weir__report_on_call *on_call,
                                             void *context,
                                             struct weir_error *err);

/* ------------------------------------------------------------------ sums */

/* Rows by a key of text, made when first asked for: json objects in the
 * order of their first use. */
struct weir__report_rows {
    json_t *list;  /* array */
    json_t *index; /* object: key to the same row */
};
WEIR_MUST_USE weir_status weir__report_rows_init(struct weir__report_rows *rows,
                                                 struct weir_error *err);
void weir__report_rows_fini(struct weir__report_rows *rows);
/* The row; *is_new_out (may be NULL) tells that it is empty. Borrowed. */
json_t *weir__report_row(struct weir__report_rows *rows, bool *is_new_out,
                         const char *format, ...) WEIR_PRINTF(3, 4);
/* Adds to a number of a row; absent is 0. */
void weir__report_add(json_t *row, const char *name, int64_t amount);
/* The list, sorted by its columns in their order as text; ownership moves. */
json_t *weir__report_sorted(struct weir__report_rows *rows,
                            const char *const *columns, size_t count);

/* ----------------------------------------------------------------- sides */

/* Calls of routes, side by side: see sides.c. */
struct weir__report_sides {
    struct weir__report_rows sides;
    struct weir__report_rows finishes;
    struct weir__report_rows findings;
};
#define WEIR__REPORT_SIDES(title)                                              \
    {"sides", title,                                                           \
     "route side currency #calls #errors #refusals #refusals_ppm #cut_short "  \
     "#filtered #fell_back #ttft_mean_us #total_mean_us #input_tokens "        \
     "#output_tokens #output_mean #cost_micros #cost_mean_micros"},            \
        {"finishes", "Why answers ended", "route side finish #calls"},         \
        {"findings", "What filters found",                                     \
         "route side direction rule #calls #findings"},                        \
    {                                                                          \
        NULL, NULL, NULL                                                       \
    }
WEIR_MUST_USE weir_status weir__report_sides_init(
    struct weir__report_sides *sides, struct weir_error *err);
void weir__report_sides_fini(struct weir__report_sides *sides);
void weir__report_sides_add(struct weir__report_sides *sides, weir_span route,
                            const char *side,
                            const struct weir_store_call *call,
                            const struct weir_record_outcome *outcome);
/* Into the report's sections; once. */
void weir__report_sides_put(struct weir__report_sides *sides, json_t *report);

#endif
