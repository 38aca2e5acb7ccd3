/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/invoices/invoices.h - what a tenant owes for a period.
 *
 * A draft is made from the ledger and the contract whenever somebody asks.
 * Issued, it gets a number without gaps, its text is kept with its digest,
 * and the act is in the log; nothing of it changes from then on.
 *
 * Threads: reading goes over the caller's store and the world the caller
 * holds; issuing takes control's lock. Memory: JSON is the caller's.
 */
#ifndef WEIR_INVOICES_H
#define WEIR_INVOICES_H

#include <jansson.h>

#include <weir/bill.h>

#include "control/control.h"

/* ------------------------------------------------------------- ledger */

/* By what the ledger is summed. */
#define WEIR_BY_TENANT     1u
#define WEIR_BY_PROJECT    2u
#define WEIR_BY_KEY        4u
#define WEIR_BY_MODEL      8u
#define WEIR_BY_DEPLOYMENT 16u
#define WEIR_BY_VERSION    32u
#define WEIR_BY_REGION     64u
#define WEIR_BY_PLACE      128u
#define WEIR_BY_COUNTRY    256u
#define WEIR_BY_DAY        512u /* begins `offset_us` before UTC's */
#define WEIR_BY_CUSTOMER   1024u
#define WEIR_BY_TAGS       2048u /* see `tag` */
#define WEIR_BY_BAND       4096u /* as `band` says */

struct weir_money_filter {
    weir_span tenant; /* empty: all */
    weir_time from;   /* of the decision: [from, to) */
    weir_time to;
    int64_t offset_us;
    uint32_t by;
    /* What WEIR_BY_TAGS groups by: the value of this tag; where it is empty,
     * all tags but `task`, which are as many as there are tasks. */
    weir_span tag;
    bool is_exact; /* from the calls themselves, not from sums by day */
    /* Calls of a model that are priced alike have one number. Called while
     * rows are read: not to use the store. */
    uint64_t (*band)(void *context, weir_span model,
                     const struct weir_price_when *when);
    void *band_context;
};

/* What is not grouped by is empty. Currencies are never summed together. */
struct weir_money_sum {
    weir_span currency;
    weir_span tenant;
    weir_span project;
    weir_span key;
    weir_span model;
    weir_span deployment;
    weir_span version; /* of the price */
    weir_span region;
    weir_span place;
    weir_span country;
    weir_span customer; /* end customer of a reseller */
    weir_span tags;     /* weir/tags.h, written; or a value */
    uint64_t band;
    weir_time day;
    uint64_t calls; /* that ended */
    uint64_t open;  /* that did not yet */
    uint64_t estimated;
    uint64_t requests; /* of which something was counted */
    struct weir_usage usage;
    weir_micros cost;
};
typedef weir_status weir_money_on_sum(void *context,
                                      const struct weir_money_sum *sum,
                                      struct weir_error *err);
/*
 * Sums the ledger; refusals are no calls. Whole days of UTC come from the sums
 * by day unless `is_exact`, or grouped by what only calls have (customer,
 * tags, band); calls that are open are then rows of their own, with 0 calls.
 * Stops at the first failure of the callback and returns it.
 */
WEIR_MUST_USE weir_status weir_money_sums(
    struct weir_store *store, const struct weir_money_filter *filter,
    weir_money_on_sum *on_sum, void *context, struct weir_error *err);

/* ----------------------------------------------------------- invoices */

/*
 * The draft for a tenant and a period as text. ENOTFOUND: no such tenant.
 * EPARSE: not a period. ECONFLICT: a contract begins or ends inside it.
 * ECORRUPT: the lines do not add up to the ledger. docs/formats/pricing.md
 * has the members.
 */
WEIR_MUST_USE weir_status weir_invoice_draft(const struct weir_world *world,
                                             struct weir_store *store,
                                             weir_span tenant, weir_span period,
                                             json_t **invoice_out,
                                             struct weir_error *err);
/* As issued with that period, or else the draft. */
WEIR_MUST_USE weir_status weir_invoice_find(const struct weir_world *world,
                                            struct weir_store *store,
                                            weir_span tenant, weir_span period,
                                            json_t **invoice_out,
                                            struct weir_error *err);
/* ECONFLICT: it is issued, or overlaps or precedes one that is; the period
 * is not over; calls of it are still open. */
WEIR_MUST_USE weir_status weir_invoice_issue(struct weir_control *control,
                                             const struct weir_actor *actor,
                                             weir_span tenant, weir_span period,
                                             json_t **invoice_out,
                                             struct weir_error *err);

struct weir_invoice_row {
    int64_t number;
    weir_span tenant;
    weir_span contract; /* empty: list prices */
    weir_time from;
    weir_time to;
    weir_time issued;
    weir_span issued_by;
    weir_span currency;
    weir_micros drawn; /* of the contract's commitment */
    weir_micros total;
    weir_span digest; /* SHA-256 of document, 32 bytes */
    weir_span document;
};
typedef bool weir_invoice_on_row(void *context,
                                 const struct weir_invoice_row *row);
/* By number; tenant empty: all. */
WEIR_MUST_USE weir_status weir_invoices(struct weir_store *store,
                                        weir_span tenant,
                                        weir_invoice_on_row *on_row,
                                        void *context, struct weir_error *err);
/* The text as it was issued, with its digest. ENOTFOUND; ECORRUPT: the
 * digest does not fit. */
WEIR_MUST_USE weir_status weir_invoice_get(struct weir_store *store,
                                           int64_t number, json_t **invoice_out,
                                           struct weir_error *err);
/* `row` without a number; gives it the next one. Inside a transaction. */
WEIR_MUST_USE weir_status weir__invoice_add(struct weir_store *store,
                                            const struct weir_invoice_row *row,
                                            struct weir_error *err);
WEIR_MUST_USE weir_status weir__invoice_number(struct weir_store *store,
                                               int64_t *number_out,
                                               struct weir_error *err);

WEIR_MUST_USE weir_status weir__invoice_one(struct weir_store *store,
                                            int64_t number,
                                            weir_invoice_on_row *on_row,
                                            void *context,
                                            struct weir_error *err);

/* One line for each line and adjustment, with a head; malloc'ed. NULL: out
 * of memory. */
char *weir_invoice_csv(const json_t *invoice);

/* The same as a paper; `out` is a heap buffer. As weir_pdf_write(). */
WEIR_MUST_USE weir_status weir_invoice_pdf(const json_t *invoice,
                                           struct weir_buf *out,
                                           struct weir_error *err);

/* ------------------------------------------------------------- exports */

/* FOCUS `version` ("1.2", "1.3") of a period for a tenant (empty: all) as
 * CSV, malloc'ed. EPARSE: version or period. */
WEIR_MUST_USE weir_status weir_focus_csv(const struct weir_world *world,
                                         struct weir_store *store,
                                         weir_span version, weir_span tenant,
                                         weir_span period, char **text_out,
                                         struct weir_error *err);

/* A period (days of UTC) beside the one before it, at list prices, by
 * "country,model" and so on. JSON: from_us, to_us, rows. EPARSE. */
WEIR_MUST_USE weir_status weir_revenue(struct weir_store *store,
                                       weir_span tenant, weir_span period_text,
                                       weir_span by, json_t **report_out,
                                       struct weir_error *err);

/* Members for those counts that are not 0: cache_write_tokens, pictures and so
 * on, and `service` where it is not standard. */
void weir_units_json(json_t *row, const struct weir_record_units *units);
void weir_usage_json(json_t *row, const struct weir_usage *usage);

/* The ledger by "tag", "tag.NAME" or "task", and tenant, project, key, model,
 * deployment, day. JSON: rows, total, of tasks per_task. EPARSE. */
WEIR_MUST_USE weir_status weir_usage_by_tag(struct weir_store *store,
                                            weir_span tenant, weir_time from,
                                            weir_time to, weir_span by,
                                            json_t **report_out,
                                            struct weir_error *err);
/* Whether the word is one of these; *tag_out empty: every tag by itself. */
bool weir_tag_group(weir_span word, weir_span *tag_out);

/* A field of a CSV file, quoted where it has to be. */
void weir_csv_add(struct weir_buf *out, weir_span field);

#endif
