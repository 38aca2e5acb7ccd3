/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/kept/kept.h - the registry of what tenants keep at origins.
 *
 * Rows of names, made from the journal by ingest; lists are answered from
 * them, by name, and what the names stand for is asked of the origins each
 * time. control/store/sqlite/kept.c holds the rows.
 *
 * Threads and memory: as control/store/store.h; spans live until the callback
 * returns.
 */
#ifndef WEIR_KEPT_ROWS_H
#define WEIR_KEPT_ROWS_H

#include <weir/kept.h>

#include "control/store/store.h"

/* Names of one page at most. */
#define WEIR_KEPT_PAGE_MAX 100
/* Missed twice, so far apart, a thing is gone. */
#define WEIR_KEPT_GONE_US (24 * 3600 * WEIR_US_PER_SEC)

/*
 * Ingest's, inside its transaction. A record that was read before changes
 * nothing; of records of two lanes either may come first: what was erased
 * stays so.
 */
WEIR_MUST_USE weir_status weir_kept_note(struct weir_store *store,
                                         const struct weir_record_kept *kept,
                                         weir_time at, bool *is_new_out,
                                         struct weir_error *err);

struct weir_kept_ask {
    weir_span tenant;
    enum weir_kept_list list;
    uint32_t kinds;    /* bits: 1 << enum weir_sealed_kind; 0: none of them */
    weir_span from;    /* behind this name, in that order; empty: the start */
    bool is_ascending; /* else what was made last comes first */
    uint32_t limit;
};
struct weir_kept_row {
    weir_span name;
    enum weir_sealed_kind kind;
    weir_time made;
    weir_time missed; /* 0: its origin has it, as far as is known */
};
/* False: no more are wanted. */
typedef bool weir_kept_on_row(void *context, const struct weir_kept_row *row);
/* ENOTFOUND: `from` was never a name of that tenant's in that list. */
WEIR_MUST_USE weir_status weir_kept_page(struct weir_store *store,
                                         const struct weir_kept_ask *ask,
                                         weir_kept_on_row *on_row,
                                         void *context, struct weir_error *err);

/* Batches whose calls are open in the ledger, oldest first. */
struct weir_kept_open {
    weir_span name;
    weir_span key; /* public id, of who made it */
    enum weir_kept_list list;
    weir_time made;
};
typedef bool weir_kept_on_open(void *context, const struct weir_kept_open *row);
WEIR_MUST_USE weir_status weir_kept_open(struct weir_store *store,
                                         weir_kept_on_open *on_row,
                                         void *context, struct weir_error *err);

#endif
