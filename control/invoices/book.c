/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From ledger to lines.
 *
 *    ledger --sums--> rows --sorted, run by run--> lines --contract--> bill
 *
 * WHY THE LEDGER IS SUMMED TWICE. Lines are groups, and a group that is lost
 * is lost silently. So the whole is summed once more without groups, in the
 * same transaction, and a bill that differs by one micro-unit is none.
 */
#include "control/invoices/book.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 2000000u
#define ROOM_MAX ((size_t)2 << 30)

/* --------------------------------------------------------------- contract */

static bool
binds(const struct weir_world_contract *c,
      const struct weir_world_tenant *tenant, bool is_own)
{
    return is_own ? weir_span_equal(c->tenant.text, tenant->name)
                  : c->organisation.text.len > 0 &&
                        weir_span_equal(c->organisation.text,
                                        tenant->organisation.text);
}

/* The contract in force when the period begins, as its own zone has it; a
 * tenant's own goes before that of his organisation. */
static weir_status
find_contract(struct book *book, weir_span period, struct weir_error *err)
{
    const struct weir_world *world = book->world;
    for (int own = 1; own >= 0 && book->contract == NULL; own--) {
        for (uint32_t i = 0; i < world->contract_count; i++) {
            const struct weir_world_contract *c = &world->contract_rows[i];
            weir_status status =
                weir_period_parse(period, c->offset_us, &book->period, err);
            if (status != WEIR_OK)
                return status;
            if (!binds(c, book->tenant, own == 1) ||
                book->period.from < c->from || book->period.from >= c->until)
                continue;
            book->contract = c;
            break;
        }
    }
    book->offset_us = book->contract == NULL ? 0 : book->contract->offset_us;
    weir_status status =
        weir_period_parse(period, book->offset_us, &book->period, err);
    for (uint32_t i = 0; i < world->contract_count && status == WEIR_OK; i++) {
        const struct weir_world_contract *c = &world->contract_rows[i];
        const struct weir_period *p = &book->period;
        bool is_own = binds(c, book->tenant, true);
        bool is_inside = (c->from > p->from && c->from < p->to) ||
                         (c->until > p->from && c->until < p->to);
        bool is_covered = !is_own && book->contract != NULL &&
                          book->contract->tenant.text.len > 0;
        if (is_inside && !is_covered &&
            (is_own || binds(c, book->tenant, false)))
            return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                             "contract \"%.*s\" begins or ends inside the "
                             "period: bill its parts",
                             WEIR_SPAN_ARG(c->name));
    }
    return status;
}

static weir_status
find_tenant(struct book *book, weir_span tenant, struct weir_error *err)
{
    const struct weir_world *world = book->world;
    for (uint32_t i = 0; i < world->tenant_count; i++) {
        if (weir_span_equal(world->tenant_rows[i].name, tenant)) {
            book->tenant = &world->tenant_rows[i];
            return WEIR_OK;
        }
    }
    return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "no tenant '%.*s'",
                     (int)(tenant.len < 64 ? tenant.len : 64), tenant.ptr);
}

/* The rate of the day: that in force when it begins. */
static const struct weir_world_rate *
rate_of(const struct book *book, weir_time day)
{
    const struct weir_world_contract *c = book->contract;
    if (c == NULL || c->rates.count == 0)
        return NULL;
    const struct weir_world_rate *rows =
        book->world->rate_rows + c->rates.first;
    uint32_t at = 0;
    while (at + 1 < c->rates.count && rows[at + 1].from <= day)
        at++;
    return &rows[at];
}

static const struct weir_world_contract_price *
agreed_price(const struct book *book, weir_span model)
{
    const struct weir_world_contract *c = book->contract;
    for (uint32_t i = 0; c != NULL && i < c->prices.count; i++) {
        const struct weir_world_contract_price *row =
            &book->world->contract_price_rows[c->prices.first + i];
        if (weir_span_equal(row->model.text, model))
            return row;
    }
    return NULL;
}

/* Which changes of an agreed price fit, a bit each: what fits alike is priced
 * alike. Other models have 0. */
static uint64_t
band_of(void *context, weir_span model, const struct weir_price_when *when)
{
    const struct book *book = context;
    const struct weir_world_contract_price *agreed = agreed_price(book, model);
    uint64_t band = 0;
    _Static_assert(WEIR_PRICE_CHANGES_MAX <= 64, "a bit for each change");
    for (uint32_t i = 0; agreed != NULL && i < agreed->changes.count; i++) {
        if (weir_price_fits(
                &book->world->change_rows[agreed->changes.first + i].change,
                when))
            band |= UINT64_C(1) << i;
    }
    return band;
}

static bool
has_changes(const struct book *book)
{
    const struct weir_world_contract *c = book->contract;
    for (uint32_t i = 0; c != NULL && i < c->prices.count; i++) {
        if (book->world->contract_price_rows[c->prices.first + i]
                .changes.count > 0)
            return true;
    }
    return false;
}

/* The agreed price of a band. */
static void
set_agreed(const struct book *book, uint64_t band, struct book_line *line)
{
    const struct weir_world_contract_price *agreed = line->agreed;
    uint32_t stated = agreed->stated != 0 ? agreed->stated : WEIR_RATES_ALL;
    line->price = agreed->price;
    line->agreed_version = agreed->version;
    for (uint32_t i = 0; i < agreed->changes.count; i++) {
        const struct weir_world_change *row =
            &book->world->change_rows[agreed->changes.first + i];
        if ((band >> i & 1) == 0)
            continue;
        weir_price_lay(&row->change, &line->price, &stated);
        if (row->version.len > 0)
            line->agreed_version = row->version;
    }
    weir_price_fill(&line->price, stated);
    line->bill.fixed = &line->price;
}

/* ------------------------------------------------------------------- rows */

struct reading {
    struct book *book;
    uint32_t capacity;
};

static weir_status
add_row(void *context, const struct weir_money_sum *sum, struct weir_error *err)
{
    struct reading *reading = context;
    struct book *book = reading->book;
    if (book->row_count == reading->capacity) {
        uint32_t size = reading->capacity == 0 ? 256 : reading->capacity * 2;
        struct weir_money_sum *rows =
            size > ROWS_MAX ? NULL : realloc(book->rows, size * sizeof *rows);
        if (rows == NULL)
            return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                             "the period has more than %u rows", ROWS_MAX);
        book->rows = rows;
        reading->capacity = size;
    }
    struct weir_money_sum row = *sum;
    weir_span *texts[] = {&row.currency, &row.tenant,   &row.project,
                          &row.key,      &row.model,    &row.deployment,
                          &row.version,  &row.region,   &row.place,
                          &row.country,  &row.customer, &row.tags};
    if (row.cost != 0 && !weir_span_equal(row.currency, book->world->currency))
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "the ledger has calls in %.*s, prices are in %.*s",
                         WEIR_SPAN_ARG(row.currency),
                         WEIR_SPAN_ARG(book->world->currency));
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++)
        *texts[i] = weir_arena_copy(&book->arena, *texts[i]);
    if (book->arena.overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    book->open += row.open;
    if (row.calls > 0)
        book->rows[book->row_count++] = row;
    return WEIR_OK;
}

static weir_status
add_whole(void *context, const struct weir_money_sum *sum,
          struct weir_error *err)
{
    struct weir_money_sum *whole = context;
    if (__builtin_add_overflow(whole->cost, sum->cost, &whole->cost))
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the ledger's sum is beyond 64 bits");
    whole->calls += sum->calls;
    return WEIR_OK;
}

/* -------------------------------------------------------------- lines */

static int
by_line(const void *left, const void *right, void *context)
{
    const struct book *book = context;
    const struct weir_money_sum *a = left;
    const struct weir_money_sum *b = right;
    int order = weir_span_compare(a->project, b->project);
    if (order == 0)
        order = weir_span_compare(a->model, b->model);
    if (order == 0)
        order = weir_span_compare(a->version, b->version);
    if (order == 0)
        order = (a->band > b->band) - (a->band < b->band);
    if (order != 0)
        return order;
    const struct weir_world_rate *one = rate_of(book, a->day);
    const struct weir_world_rate *two = rate_of(book, b->day);
    if (one != two)
        return one < two ? -1 : 1;
    if (a->day != b->day)
        return a->day < b->day ? -1 : 1;
    order = weir_span_compare(a->key, b->key);
    if (order == 0)
        order = weir_span_compare(a->deployment, b->deployment);
    return order != 0 ? order : weir_span_compare(a->region, b->region);
}

static bool
is_same_line(const struct book *book, const struct weir_money_sum *a,
             const struct weir_money_sum *b)
{
    return weir_span_equal(a->project, b->project) &&
           weir_span_equal(a->model, b->model) &&
           weir_span_equal(a->version, b->version) && a->band == b->band &&
           rate_of(book, a->day) == rate_of(book, b->day);
}

/* What answers from the cache cost is said behind the version's name
 * (core/gate/hit.c): a part of the agreed price too, or an amount of its own
 * in place of any. */
static void
price_hits(struct book_line *line)
{
    const char *at = line->version.len == 0
                         ? NULL
                         : memrchr(line->version.ptr, ';', line->version.len);
    uint64_t ppm;
    if (at == NULL)
        return;
    weir_span mark = {at, line->version.len - (size_t)(at - line->version.ptr)};
    if (weir_span_equal(mark, WEIR_SPAN(";hit"))) {
        line->agreed = NULL;
        line->bill.fixed = NULL;
    } else if (weir_span_starts(mark, WEIR_SPAN(";hit=")) &&
               weir_span_to_u64((weir_span){mark.ptr + 5, mark.len - 5},
                                &ppm) &&
               ppm <= WEIR_PPM) {
        line->bill.is_hit = true;
        line->bill.hit_ppm = (int64_t)ppm;
    }
}

static void
begin_line(struct book *book, uint32_t row)
{
    const struct weir_money_sum *sum = &book->rows[row];
    const struct weir_world_rate *rate = rate_of(book, sum->day);
    struct book_line *line = &book->lines[book->line_count++];
    *line = (struct book_line){
        .bill.rate = rate == NULL ? WEIR_PPM : rate->rate,
        .project = sum->project,
        .model = sum->model,
        .version = sum->version,
        .rate_from = rate == NULL ? 0 : rate->from,
        .agreed = agreed_price(book, sum->model),
        .first = row,
    };
    if (line->agreed != NULL)
        set_agreed(book, sum->band, line);
    price_hits(line);
}

static weir_status
make_lines(struct book *book, struct weir_error *err)
{
    if (book->row_count > 0)
        qsort_r(book->rows, book->row_count, sizeof *book->rows, by_line, book);
    book->lines = calloc((size_t)book->row_count + 1, sizeof *book->lines);
    if (book->lines == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    for (uint32_t i = 0; i < book->row_count; i++) {
        const struct weir_money_sum *row = &book->rows[i];
        if (i == 0 || !is_same_line(book, row, row - 1))
            begin_line(book, i);
        struct book_line *line = &book->lines[book->line_count - 1];
        struct weir_usage *usage = &line->bill.usage;
        line->count++;
        line->calls += row->calls;
        line->estimated += row->estimated;
        weir_usage_add(usage, &row->usage);
        line->bill.requests += row->requests;
        if (__builtin_add_overflow(line->bill.list, row->cost,
                                   &line->bill.list))
            return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                             "a line is beyond 64 bits");
        book->calls += row->calls;
        book->estimated += row->estimated;
    }
    return WEIR_OK;
}

/* --------------------------------------------------------------- terms */

struct drawing {
    weir_span contract;
    weir_micros drawn;
};

static bool
add_drawn(void *context, const struct weir_invoice_row *row)
{
    struct drawing *drawing = context;
    if (weir_span_equal(row->contract, drawing->contract))
        drawing->drawn += row->drawn;
    return true;
}

/* Free tier and minimum are of a month; a period that is not made of months
 * has neither. */
static weir_status
fill_terms(struct book *book, struct weir_store *store, struct weir_error *err)
{
    const struct weir_world_contract *c = book->contract;
    struct weir_bill_terms *terms = &book->terms;
    int64_t months = book->period.months;
    if (c == NULL)
        return WEIR_OK;
    if (__builtin_mul_overflow(c->free_amount, months, &terms->free_amount) ||
        __builtin_mul_overflow(c->free_tokens, (uint64_t)months,
                               &terms->free_tokens) ||
        __builtin_mul_overflow(c->minimum, months, &terms->minimum))
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the period is too long");
    struct drawing drawing = {.contract = c->name};
    terms->discount_ppm = c->discount_ppm;
    terms->commitment = c->commitment;
    terms->is_prepaid = c->is_prepaid;
    terms->is_last = book->period.to >= c->until;
    if (c->commitment == 0)
        return WEIR_OK;
    weir_status status =
        weir_invoices(store, WEIR_SPAN(""), add_drawn, &drawing, err);
    terms->drawn_before = drawing.drawn;
    return status;
}

static weir_status
make_bill(struct book *book, struct weir_error *err)
{
    struct weir_bill_line *lines =
        calloc((size_t)book->line_count + 1, sizeof *lines);
    if (lines == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    for (uint32_t i = 0; i < book->line_count; i++)
        lines[i] = book->lines[i].bill;
    weir_status status =
        weir_bill_make(lines, book->line_count, &book->terms, &book->bill, err);
    for (uint32_t i = 0; i < book->line_count; i++)
        book->lines[i].bill = lines[i];
    free(lines);
    return status;
}

weir_status
weir__book_open(struct book *book, const struct weir_world *world,
                struct weir_store *store, weir_span tenant, weir_span period,
                uint32_t by, struct weir_error *err)
{
    struct reading reading = {.book = book};
    struct weir_money_sum whole = {.cost = 0};
    memset(book, 0, sizeof *book);
    weir_arena_init_heap(&book->arena, ROOM_MAX);
    book->world = world;
    weir_status status = find_tenant(book, tenant, err);
    if (status == WEIR_OK)
        status = find_contract(book, period, err);
    if (status != WEIR_OK)
        return status;
    book->currency =
        book->contract == NULL ? world->currency : book->contract->currency;
    struct weir_money_filter filter = {.tenant = tenant,
                                       .from = book->period.from,
                                       .to = book->period.to,
                                       .offset_us = book->offset_us,
                                       .by = by | WEIR_BY_PROJECT |
                                             WEIR_BY_MODEL | WEIR_BY_VERSION};
    if (book->contract != NULL && book->contract->rates.count > 1)
        filter.by |= WEIR_BY_DAY;
    if (has_changes(book)) {
        filter.by |= WEIR_BY_BAND;
        filter.band = band_of;
        filter.band_context = book;
    }
    status = weir_money_sums(store, &filter, add_row, &reading, err);
    filter.by = 0; /* the whole, from the calls themselves */
    filter.is_exact = true;
    if (status == WEIR_OK)
        status = weir_money_sums(store, &filter, add_whole, &whole, err);
    if (status == WEIR_OK)
        status = make_lines(book, err);
    if (status == WEIR_OK)
        status = fill_terms(book, store, err);
    if (status == WEIR_OK)
        status = make_bill(book, err);
    if (status == WEIR_OK &&
        (book->bill.list != whole.cost || book->calls != whole.calls))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "the lines do not add up to the ledger");
    return status;
}

void
weir__book_close(struct book *book)
{
    free(book->rows);
    free(book->lines);
    weir_arena_fini(&book->arena);
    book->rows = NULL;
    book->lines = NULL;
}
