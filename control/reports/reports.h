/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/reports/reports.h - what is shown to people who were not there.
 *
 * A report is a folder and a row of reports.def. It computes one JSON object
 * from ledger, journal, log, store and the world in force: scalars under
 * "summary" and tables of flat rows, named by its sections. Text, CSV and
 * PDF are made from that object alone, so the four forms cannot differ.
 * docs/formats/reports.md has the members.
 *
 * Threads: a report runs over the caller's store; it takes control's lock
 * for as long as it copies from the world. Memory: JSON and texts are the
 * caller's.
 */
#ifndef WEIR_REPORTS_H
#define WEIR_REPORTS_H

#include <jansson.h>

#include "control/control.h"

/* -------------------------------------------------------------- asking */

struct weir_report_ask {
    struct weir_control *control;
    struct weir_store *store;
    weir_time from; /* [from, to), of the decision */
    weir_time to;
    weir_time now;
    weir_span tenant; /* empty: all */
    /* Further options by name; NULL: not given. */
    const char *(*option)(const void *context, const char *name);
    const void *context;
};

/* A table of the reply. `columns`: members of its rows, by blanks; "#" before
 * a name sets it right, "$" shows micro-units with the row's "currency"; "-"
 * before either leaves it off paper. */
struct weir_report_section {
    const char *member;
    const char *title;
    const char *columns;
};

/* Fills `report`, which has the head already. */
typedef weir_status weir_report_run(const struct weir_report_ask *ask,
                                    json_t *report, struct weir_error *err);

struct weir_report {
    const char *name;
    const char *title;
    const char *signers; /* of the PDF, by ";"; NULL: nobody signs */
    weir_report_run *run;
    const struct weir_report_section *sections; /* ends with member NULL */
};
extern const struct weir_report weir_reports[];
extern const size_t weir_report_count;

/* NULL: there is none of that name. */
const struct weir_report *weir_report_find(weir_span name);
/* The ledger's days before `to` that a report looks at unless said. */
#define WEIR_REPORT_DAYS 30
/* EPARSE: the period is none, or an option is not what it should be. */
WEIR_MUST_USE weir_status weir_report_make(const struct weir_report *row,
                                           const struct weir_report_ask *ask,
                                           json_t **report_out,
                                           struct weir_error *err);

/* -------------------------------------------------------------- forms */

/* "text", "csv", "pdf" of a made report, appended. EPARSE: no such form;
 * ETOOBIG; EINTERNAL. */
WEIR_MUST_USE weir_status weir_report_write(const struct weir_report *row,
                                            const json_t *report,
                                            weir_span form,
                                            struct weir_buf *out,
                                            struct weir_error *err);
/* The content type of a form; NULL: no such form. */
const char *weir_report_type(weir_span form);

#endif
