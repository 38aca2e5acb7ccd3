/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/invoices/book.h - the ledger of a period as a contract sees it.
 *
 * Rows are as fine as asked for; lines are those of the invoice: one for
 * each project, model, price version and rate. Every row belongs to one.
 *
 * Threads: as the store. Memory: everything is in the book's arena; names of
 * the world are borrowed from it.
 */
#ifndef WEIR_INVOICES_BOOK_H
#define WEIR_INVOICES_BOOK_H

#include "control/invoices/invoices.h"

struct book_line {
    struct weir_bill_line bill;
    weir_span project;
    weir_span model;
    weir_span version; /* of the list price */
    weir_time rate_from;
    const struct weir_world_contract_price *agreed; /* NULL: list */
    struct weir_price price; /* of `agreed`, as it is for these calls */
    weir_span agreed_version;
    uint64_t calls;
    uint64_t estimated;
    uint32_t first; /* rows first .. first + count - 1 */
    uint32_t count;
};

struct book {
    struct weir_arena arena;
    const struct weir_world *world;
    const struct weir_world_tenant *tenant;
    const struct weir_world_contract *contract; /* NULL: list prices */
    struct weir_period period;
    int64_t offset_us;
    weir_span currency;
    struct weir_money_sum *rows; /* by line, then as the ledger gave them */
    uint32_t row_count;
    struct book_line *lines; /* by project, model, version, rate */
    uint32_t line_count;
    uint64_t calls;
    uint64_t open;
    uint64_t estimated;
    struct weir_bill_terms terms;
    struct weir_bill bill;
};

/* Reads and bills. `by` is added to what lines need. As
 * weir_invoice_draft(). The book is to be closed in any case. */
WEIR_MUST_USE weir_status weir__book_open(struct book *book,
                                          const struct weir_world *world,
                                          struct weir_store *store,
                                          weir_span tenant, weir_span period,
                                          uint32_t by, struct weir_error *err);
void weir__book_close(struct book *book);

/* "INV-000042" */
#define WEIR_INVOICE_NAME 24
void weir__invoice_name(int64_t number, char text_out[WEIR_INVOICE_NAME]);
/* The JSON of a book; `issued` 0: a draft. NULL: out of memory. */
json_t *weir__book_json(const struct book *book, int64_t number,
                        weir_time issued, weir_span issued_by);

#endif
