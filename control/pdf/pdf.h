/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/pdf/pdf.h - papers that a person reads and signs.
 *
 * A paper is written from top to bottom: title, headings, paragraphs, pairs,
 * tables, places to sign. Pages break by themselves, tables repeat their
 * head, every page names the paper and its number. The same calls give the
 * same bytes: nothing asks the clock.
 *
 * Text is UTF-8. With DejaVu Sans on the machine every letter that the font
 * has is shown; without it letters beyond Western Europe become '?'.
 *
 * Threads: one owner. Memory: the paper's own. Failures are sticky and said
 * by weir_pdf_write(), so that callers check once.
 */
#ifndef WEIR_PDF_H
#define WEIR_PDF_H

#include <weir/base.h>

struct weir_pdf;

/* `title` is on the first page and at the foot of each; `about` (may be
 * empty) stands below it in small letters. ENOMEM, EINTERNAL. */
WEIR_MUST_USE weir_status weir_pdf_new(weir_span title, weir_span about,
                                       struct weir_pdf **pdf_out,
                                       struct weir_error *err);
void weir_pdf_free(struct weir_pdf *pdf); /* NULL is fine */

void weir_pdf_heading(struct weir_pdf *pdf, weir_span text);
/* Line feeds begin new lines. */
void weir_pdf_text(struct weir_pdf *pdf, weir_span text);
/* "name    value", the value wrapped where it stands. */
void weir_pdf_pair(struct weir_pdf *pdf, weir_span name, weir_span value);

#define WEIR_PDF_COLUMNS_MAX 16
struct weir_pdf_column {
    const char *title;
    uint32_t share; /* of the width, beside the others' shares */
    bool is_number; /* set right */
};
/* A table's head; its rows have as many cells. */
void weir_pdf_table(struct weir_pdf *pdf, const struct weir_pdf_column *columns,
                    uint32_t count);
void weir_pdf_row(struct weir_pdf *pdf, const weir_span *cells);
/* The same in bold, for a sum. */
void weir_pdf_sum(struct weir_pdf *pdf, const weir_span *cells);

/* A line each for name, date and signature of whoever signs as `role`. They
 * are not parted from each other by a page. */
void weir_pdf_sign(struct weir_pdf *pdf, weir_span role);

/* Appends the file. EINTERNAL: what went wrong first; ETOOBIG: `out` is full.
 * The paper is done with: free it. */
WEIR_MUST_USE weir_status weir_pdf_write(struct weir_pdf *pdf,
                                         struct weir_buf *out,
                                         struct weir_error *err);

#endif
