/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Issuing: a draft becomes a number, a text and a digest, in one transaction
 * with the act that the log then has.
 *
 * The text is the JSON without blanks, members in the order of their names:
 * whoever has an issued invoice can make the bytes again, without the member
 * `digest`, and compare.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>

#include "control/invoices/book.h"
#include "control/parts.h"

#define CANONICAL (JSON_COMPACT | JSON_SORT_KEYS)

struct earlier {
    const struct weir_period *period;
    int64_t clash; /* its number; 0: none */
};

static bool
look_for_clash(void *context, const struct weir_invoice_row *row)
{
    struct earlier *earlier = context;
    if (row->to > earlier->period->from)
        earlier->clash = row->number;
    return earlier->clash == 0;
}

static weir_status
check_order(struct weir_store *store, const struct book *book, weir_time now,
            struct weir_error *err)
{
    struct earlier earlier = {.period = &book->period};
    char name[WEIR_INVOICE_NAME];
    if (book->period.to > now)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "the period is not over");
    if (book->open > 0)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "%llu calls of the period are still open",
                         (unsigned long long)book->open);
    weir_status status =
        weir_invoices(store, book->tenant->name, look_for_clash, &earlier, err);
    if (status != WEIR_OK || earlier.clash == 0)
        return status;
    weir__invoice_name(earlier.clash, name);
    return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                     "%s of this tenant reaches into the period or is later",
                     name);
}

static weir_status
put_digest(json_t *invoice, weir_span document, weir_digest *digest_out)
{
    char hex[2 * WEIR_DIGEST_BYTES + 1];
    weir_sha256_of(document, digest_out);
    for (size_t i = 0; i < WEIR_DIGEST_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest_out->bytes[i]);
    json_object_set_new(invoice, "digest", json_string(hex));
    return WEIR_OK;
}

/* Inside the transaction; `document` is freed by the caller. */
static weir_status
write_row(struct weir_control *control, const struct weir_actor *actor,
          const struct book *book, int64_t number, weir_time now,
          json_t *invoice, weir_span document, struct weir_error *err)
{
    weir_digest digest;
    char name[WEIR_INVOICE_NAME];
    (void)put_digest(invoice, document, &digest);
    const struct weir_invoice_row row = {
        .number = number,
        .tenant = book->tenant->name,
        .contract =
            book->contract == NULL ? WEIR_SPAN("") : book->contract->name,
        .from = book->period.from,
        .to = book->period.to,
        .issued = now,
        .issued_by = weir_span_of(actor->id),
        .currency = book->currency,
        .drawn = book->bill.drawn + book->bill.shortfall,
        .total = book->bill.total,
        .digest = {(const char *)digest.bytes, WEIR_DIGEST_BYTES},
        .document = document,
    };
    weir_status status = weir__invoice_add(control->store, &row, err);
    if (status != WEIR_OK)
        return status;
    weir__invoice_name(number, name);
    json_t *act = json_pack(
        "{s:s%,s:O,s:I,s:s%,s:O}", "tenant", row.tenant.ptr, row.tenant.len,
        "period", json_object_get(invoice, "period"), "total_micros",
        (json_int_t)row.total, "currency", row.currency.ptr, row.currency.len,
        "digest", json_object_get(invoice, "digest"));
    char *detail = act == NULL ? NULL : json_dumps(act, CANONICAL);
    status =
        detail == NULL
            ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
            : weir__control_note(control, actor, "invoice.issue",
                                 weir_span_of(name), detail, err);
    free(detail);
    json_decref(act);
    return status;
}

static weir_status
issue_inside(struct weir_control *control, const struct weir_actor *actor,
             weir_span tenant, weir_span period, json_t **invoice_out,
             struct weir_error *err)
{
    struct book book;
    int64_t number = 0;
    char *document = NULL;
    json_t *invoice = NULL;
    weir_time now = weir_control_now();
    weir_status status = weir__book_open(&book, control->world, control->store,
                                         tenant, period, 0, err);
    if (status == WEIR_OK)
        status = check_order(control->store, &book, now, err);
    if (status == WEIR_OK)
        status = weir__invoice_number(control->store, &number, err);
    if (status == WEIR_OK) {
        invoice = weir__book_json(&book, number, now, weir_span_of(actor->id));
        document = invoice == NULL ? NULL : json_dumps(invoice, CANONICAL);
        if (document == NULL)
            status =
                weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    }
    if (status == WEIR_OK)
        status = write_row(control, actor, &book, number, now, invoice,
                           weir_span_of(document), err);
    weir__book_close(&book);
    free(document);
    if (status == WEIR_OK)
        *invoice_out = invoice;
    else
        json_decref(invoice);
    return status;
}

weir_status
weir_invoice_issue(struct weir_control *control, const struct weir_actor *actor,
                   weir_span tenant, weir_span period, json_t **invoice_out,
                   struct weir_error *err)
{
    json_t *invoice = NULL;
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK)
        status = weir__control_finish(
            control,
            issue_inside(control, actor, tenant, period, &invoice, err), err);
    pthread_mutex_unlock(&control->lock);
    if (status == WEIR_OK)
        *invoice_out = invoice;
    else
        json_decref(invoice);
    return status;
}

/* ------------------------------------------------------------- reading */

struct looking {
    weir_time from;
    weir_time to;
    int64_t number;
    json_t *invoice;
    bool is_altered;
};

static bool
keep_document(void *context, const struct weir_invoice_row *row)
{
    struct looking *looking = context;
    weir_digest digest;
    looking->invoice =
        json_loadb(row->document.ptr, row->document.len, 0, NULL);
    if (looking->invoice == NULL) {
        looking->is_altered = true;
        return false;
    }
    (void)put_digest(looking->invoice, row->document, &digest);
    looking->is_altered =
        row->digest.len != WEIR_DIGEST_BYTES ||
        memcmp(row->digest.ptr, digest.bytes, WEIR_DIGEST_BYTES) != 0;
    return false;
}

weir_status
weir_invoice_get(struct weir_store *store, int64_t number, json_t **invoice_out,
                 struct weir_error *err)
{
    struct looking looking = {.number = number};
    weir_status status =
        weir__invoice_one(store, number, keep_document, &looking, err);
    if (status == WEIR_OK && looking.is_altered)
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "the invoice is not what was issued: its digest "
                           "does not fit");
    else if (status == WEIR_OK && looking.invoice == NULL)
        status =
            weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "no such invoice");
    if (status == WEIR_OK)
        *invoice_out = looking.invoice;
    else
        json_decref(looking.invoice);
    return status;
}

static bool
look_for_period(void *context, const struct weir_invoice_row *row)
{
    struct looking *looking = context;
    if (row->from == looking->from && row->to == looking->to)
        looking->number = row->number;
    return looking->number == 0;
}

weir_status
weir_invoice_find(const struct weir_world *world, struct weir_store *store,
                  weir_span tenant, weir_span period, json_t **invoice_out,
                  struct weir_error *err)
{
    struct book book;
    weir_status status =
        weir__book_open(&book, world, store, tenant, period, 0, err);
    struct looking looking = {.from = book.period.from, .to = book.period.to};
    if (status == WEIR_OK)
        status = weir_invoices(store, tenant, look_for_period, &looking, err);
    json_t *draft = status != WEIR_OK || looking.number != 0
                        ? NULL
                        : weir__book_json(&book, 0, 0, WEIR_SPAN(""));
    weir__book_close(&book);
    if (status == WEIR_OK && looking.number != 0)
        return weir_invoice_get(store, looking.number, invoice_out, err);
    if (status == WEIR_OK && draft == NULL)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK)
        *invoice_out = draft;
    return status;
}
