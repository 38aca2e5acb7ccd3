/* SPDX-License-Identifier: Apache-2.0 */
/* Invoices over a ledger that is written call by call. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "control/config/config.h"
#include "control/invoices/invoices.h"

#define NOVEMBER INT64_C(1793491200000000) /* 2026-11-01 */
#define PAST     INT64_C(1730419200000000) /* 2024-11-01 */

static const char config_text[] =
    "seller: {title: Fjord Access}\n"
    "providers: [{name: p, origin: NO}]\n"
    "models:\n"
    "  - {name: small, provider: p, origin: NO, licence: l,\n"
    "     price: {input: \"1\", output: \"2\", version: v1}}\n"
    "  - {name: big, provider: p, origin: NO, licence: l,\n"
    "     price: {input: \"3\", output: \"9\", version: v1}}\n"
    "organisations:\n"
    "  - {name: north, headquarters: DE, incorporated: DE}\n"
    "tenants:\n"
    "  - {name: plain, organisation: north}\n"
    "  - {name: agreed, organisation: north}\n"
    "  - {name: paid, organisation: north}\n"
    "contracts:\n"
    "  - name: c\n"
    "    tenant: agreed\n"
    "    from: 2026-11-01\n"
    "    until: 2027-11-01\n"
    "    utc_offset: \"+01:00\"\n"
    "    currency: EUR\n"
    "    discount: \"10%\"\n"
    "    minimum: \"0.001\"\n"
    "    rates: [{from: 2026-11-01, rate: \"0.9\"},\n"
    "            {from: 2026-11-15, rate: \"0.8\"}]\n"
    "    prices: [{model: big, price: {input: \"2\", output: \"5\",\n"
    "              version: big-c}}]\n"
    "  - {name: d, tenant: paid, from: 2024-10-01, until: 2024-12-01,\n"
    "     commitment: {amount: \"0.000100\"}}\n";

struct place {
    char directory[64];
    struct weir_control control;
    struct weir_faults faults;
    uint32_t calls;
};

static void
open_place(struct place *place)
{
    memset(place, 0, sizeof *place);
    strcpy(place->directory, "/tmp/weir-money-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    assert_ok(
        weir_store_open(place->directory, true, &place->control.store, NULL));
    pthread_mutex_init(&place->control.lock, NULL);
    place->control.acts_event = -1;
    weir_faults_init(&place->faults);
    place->control.world = weir_world_new();
    assert_ok(weir_config_parse(weir_span_of(config_text),
                                WEIR_SPAN("weir.yaml"), place->control.world,
                                &place->faults));
    /* Fills what the check fills; faults about places it lacks are no
     * matter here. */
    (void)weir_world_check(place->control.world, &place->faults);
}

static void
close_place(struct place *place)
{
    static const char *const files[] = {"weir.db", "weir.db-wal",
                                        "weir.db-shm"};
    weir_store_close(place->control.store);
    weir_faults_fini(&place->faults);
    weir_world_free(place->control.world);
    pthread_mutex_destroy(&place->control.lock);
    for (size_t i = 0; i < WEIR_COUNTOF(files); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", place->directory, files[i]);
        unlink(path);
    }
    rmdir(place->directory);
}

struct call {
    const char *tenant;
    const char *model;
    weir_time when;
    uint64_t input, output;
    weir_micros cost;
    uint32_t ending; /* 0: stays open */
};

static void
put_call(struct place *place, const struct call *call)
{
    uint8_t random[10] = {1, (uint8_t)(place->calls >> 8),
                          (uint8_t)place->calls};
    struct weir_store_at at = {.lane = 1, .segment = 1, .offset = place->calls};
    struct weir_record_intent intent = {
        .decided_us = call->when,
        .tenant = weir_span_of(call->tenant),
        .project = WEIR_SPAN("main, \"one\""),
        .model = weir_span_of(call->model),
        .country = WEIR_SPAN("DE"),
        .key = WEIR_SPAN("wk_1"),
    };
    bool is_new;
    place->calls++;
    weir_request_id_make(call->when, random, &intent.request);
    assert_ok(weir_store_begin(place->control.store, NULL));
    assert_ok(weir_store_put_intent(place->control.store, &intent, &at, &is_new,
                                    NULL));
    struct weir_record_outcome outcome = {
        .request = intent.request,
        .ending = call->ending,
        .input_tokens = call->input,
        .output_tokens = call->output,
        .cost_micros = call->cost,
        .started_us = call->when,
        .currency = WEIR_SPAN("USD"),
        .price_version = WEIR_SPAN("v1"),
        .model = weir_span_of(call->model),
        .deployment = WEIR_SPAN("d1"),
        .region = WEIR_SPAN("eu"),
    };
    if (call->ending != 0)
        assert_ok(weir_store_put_outcome(place->control.store, &outcome, &at,
                                         &is_new, NULL, NULL));
    assert_ok(weir_store_flush_totals(place->control.store, NULL));
    assert_ok(weir_store_commit(place->control.store, NULL));
}

static json_t *
draft(struct place *place, const char *tenant, const char *period)
{
    json_t *invoice = NULL;
    struct weir_error err;
    if (weir_invoice_find(place->control.world, place->control.store,
                          weir_span_of(tenant), weir_span_of(period), &invoice,
                          &err) != WEIR_OK)
        fail_msg("%s", err.text);
    return invoice;
}

static int64_t
total(const json_t *invoice, const char *name)
{
    return json_integer_value(
        json_object_get(json_object_get(invoice, "totals"), name));
}

static void
expect(const json_t *invoice, const char *name, int64_t value)
{
    if (total(invoice, name) != value)
        fail_msg("%s is %lld, not %lld", name, (long long)total(invoice, name),
                 (long long)value);
}

#define DAY WEIR_US_PER_DAY
#define END WEIR_END_COMPLETE

TEST(invoice, without_a_contract_the_ledger_is_the_bill)
{
    struct place place;
    open_place(&place);
    const struct call calls[] = {
        {"plain", "small", NOVEMBER - 1, 1, 1, 1000, END}, /* October */
        {"plain", "small", NOVEMBER, 10, 5, 20, END},
        {"plain", "small", NOVEMBER + 3 * DAY, 100, 0, 101, END},
        {"plain", "big", NOVEMBER + 30 * DAY - 1, 1, 1, 12, END},
        {"plain", "small", NOVEMBER + 30 * DAY, 1, 1, 500, END},
        {"plain", "small", NOVEMBER + DAY, 0, 0, 0, WEIR_END_LOST},
        {"agreed", "small", NOVEMBER + DAY, 1, 1, 77, END},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(calls); i++)
        put_call(&place, &calls[i]);
    json_t *invoice = draft(&place, "plain", "2026-11");
    expect(invoice, "calls", 4);
    expect(invoice, "list_micros", 133);
    expect(invoice, "total_micros", 133);
    expect(invoice, "payable_micros", 0);
    assert_int_equal(json_array_size(json_object_get(invoice, "lines")), 2);
    assert_string_equal(
        json_string_value(json_object_get(
            json_array_get(json_object_get(invoice, "lines"), 1),
            "price_version")),
        "v1");
    json_decref(invoice);
    invoice = draft(&place, "plain", "2026-11-01..2026-11-04");
    expect(invoice, "list_micros", 121);
    json_decref(invoice);
    close_place(&place);
}

TEST(invoice, rates_follow_the_days_of_the_contracts_zone)
{
    struct place place;
    open_place(&place);
    const weir_time change = NOVEMBER + 14 * DAY - DAY / 24;
    const struct call calls[] = {
        /* 23:00 UTC of October 31st is November there */
        {"agreed", "small", NOVEMBER - DAY / 24, 10, 10, 15, END},
        {"agreed", "small", change - 1, 10, 10, 16, END},
        {"agreed", "small", change, 10, 10, 31, END},
        {"agreed", "big", change, 1000, 100, 999, END},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(calls); i++)
        put_call(&place, &calls[i]);
    json_t *invoice = draft(&place, "agreed", "2026-11");
    expect(invoice, "list_micros", 15 + 16 + 31 + 999);
    /* 31 * 0.9 = 27.9: 28, less 2.8: 3; 31 * 0.8 = 24.8: 25, less 2.5: 3;
     * 1000 at 2 and 100 at 5 */
    expect(invoice, "discount_micros", 6);
    expect(invoice, "usage_micros", 25 + 22 + 2500);
    expect(invoice, "total_micros", 2547);
    expect(invoice, "minimum_micros", 0);
    assert_int_equal(json_array_size(json_object_get(invoice, "lines")), 3);
    json_decref(invoice);
    invoice = draft(&place, "agreed", "2026-12");
    expect(invoice, "total_micros", 1000);
    json_decref(invoice);
    invoice = draft(&place, "agreed", "2026-12-01..2026-12-05");
    expect(invoice, "total_micros", 0); /* the minimum is of a month */
    json_decref(invoice);
    close_place(&place);
}

static weir_status
issue(struct place *place, const char *tenant, const char *period,
      json_t **invoice_out)
{
    const struct weir_actor actor = {"local", WEIR_ROLE_ADMIN};
    json_t *invoice = NULL;
    weir_status status =
        weir_invoice_issue(&place->control, &actor, weir_span_of(tenant),
                           weir_span_of(period), &invoice, NULL);
    if (invoice_out != NULL)
        *invoice_out = invoice;
    else
        json_decref(invoice);
    return status;
}

static bool
count_act(void *context, const struct weir_store_act *act)
{
    int *count = context;
    *count += weir_span_equal(act->action, WEIR_SPAN("invoice.issue"));
    return true;
}

#define SEPTEMBER (PAST - 61 * DAY)

TEST(invoice, issued_it_has_a_number_and_never_changes)
{
    struct place place;
    open_place(&place);
    put_call(&place,
             &(struct call){"plain", "small", SEPTEMBER, 9, 9, 50, END});
    json_t *invoice, *again;
    int acts = 0;
    assert_ok(issue(&place, "plain", "2024-09", &invoice));
    assert_string_equal(json_string_value(json_object_get(invoice, "invoice")),
                        "INV-000001");
    /* A call that comes late changes no issued invoice. */
    put_call(&place, &(struct call){"plain", "small", SEPTEMBER, 9, 9, 1, END});
    again = draft(&place, "plain", "2024-09");
    assert_true(json_equal(invoice, again));
    json_decref(again);
    assert_ok(weir_invoice_get(place.control.store, 1, &again, NULL));
    assert_true(json_equal(invoice, again));
    json_decref(again);
    json_decref(invoice);
    assert_int_equal(issue(&place, "plain", "2024-09", NULL), WEIR_ECONFLICT);
    assert_int_equal(issue(&place, "plain", "2024-08", NULL), WEIR_ECONFLICT);
    assert_int_equal(issue(&place, "plain", "2024-Q3", NULL), WEIR_ECONFLICT);
    assert_int_equal(issue(&place, "plain", "2999", NULL), WEIR_ECONFLICT);
    assert_int_equal(issue(&place, "nobody", "2024-09", NULL), WEIR_ENOTFOUND);
    assert_int_equal(issue(&place, "plain", "soon", NULL), WEIR_EPARSE);
    assert_ok(weir_store_acts(place.control.store, 10, count_act, &acts, NULL));
    assert_int_equal(acts, 1);
    close_place(&place);
}

TEST(invoice, open_calls_are_waited_for)
{
    struct place place;
    open_place(&place);
    put_call(&place, &(struct call){"plain", "small", SEPTEMBER, 9, 9, 50, 0});
    assert_int_equal(issue(&place, "plain", "2024-09", NULL), WEIR_ECONFLICT);
    json_t *invoice = draft(&place, "plain", "2024-09");
    assert_int_equal(json_integer_value(json_object_get(invoice, "open_calls")),
                     1);
    json_decref(invoice);
    close_place(&place);
}

static void
change_database(struct place *place, const char *sql, bool is_possible)
{
    char path[128];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/weir.db", place->directory);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK,
                     is_possible);
    sqlite3_close(db);
}

TEST(invoice, an_altered_invoice_is_refused)
{
    struct place place;
    json_t *invoice = NULL;
    open_place(&place);
    put_call(&place,
             &(struct call){"plain", "small", SEPTEMBER, 9, 9, 50, END});
    assert_ok(issue(&place, "plain", "2024-09", NULL));
    change_database(&place, "UPDATE invoice SET total_micros = 1", false);
    change_database(&place, "DELETE FROM invoice", false);
    change_database(&place,
                    "DROP TRIGGER invoice_no_other; UPDATE invoice SET"
                    " document = replace(document, '50', '51')",
                    true);
    assert_int_equal(weir_invoice_get(place.control.store, 1, &invoice, NULL),
                     WEIR_ECORRUPT);
    close_place(&place);
}

TEST(invoice, a_commitment_is_drawn_down_and_its_rest_billed_at_the_end)
{
    struct place place;
    json_t *invoice = NULL;
    open_place(&place);
    put_call(&place,
             &(struct call){"paid", "small", PAST - 9 * DAY, 9, 9, 30, END});
    put_call(&place,
             &(struct call){"paid", "small", PAST + DAY, 9, 9, 20, END});
    assert_ok(issue(&place, "paid", "2024-10", &invoice));
    expect(invoice, "total_micros", 30);
    json_decref(invoice);
    invoice = draft(&place, "paid", "2024-11");
    expect(invoice, "shortfall_micros", 50);
    expect(invoice, "total_micros", 70);
    json_decref(invoice);
    assert_int_equal(issue(&place, "paid", "2024-11-25..2024-12-05", NULL),
                     WEIR_ECONFLICT);
    close_place(&place);
}

/* ------------------------------------------------------------------ FOCUS */

/* Field `column` of a line of CSV without quoted line breaks, unquoted. */
static void
csv_field(const char *line, size_t column, char out[256])
{
    bool is_quoted = false;
    size_t at = 0, len = 0;
    for (; *line != '\0' && !(!is_quoted && *line == '\r'); line++) {
        if (*line == '"') {
            is_quoted = !is_quoted;
            if (line[1] != '"' || !is_quoted)
                continue;
        }
        if (*line == ',' && !is_quoted) {
            at++;
            continue;
        }
        if (at == column && len < 255)
            out[len++] = *line;
    }
    out[len] = '\0';
}

static int64_t
micros_of(const char *text)
{
    weir_micros value;
    bool is_negative = text[0] == '-';
    assert_ok(
        weir_micros_parse(weir_span_of(text + is_negative), &value, NULL));
    return is_negative ? -value : value;
}

TEST(focus, billed_costs_come_to_what_the_invoice_asks_for)
{
    struct place place;
    char *csv = NULL;
    open_place(&place);
    for (int i = 0; i < 60; i++)
        put_call(&place,
                 &(struct call){"agreed", i % 3 == 0 ? "big" : "small",
                                NOVEMBER + i * (DAY / 2), (uint64_t)(7 * i + 1),
                                (uint64_t)(i % 5), 13 * i + 1, END});
    json_t *invoice = draft(&place, "agreed", "2026-11");
    int64_t billed = 0, list = 0;
    assert_ok(weir_focus_csv(place.control.world, place.control.store,
                             WEIR_SPAN("1.3"), WEIR_SPAN("agreed"),
                             WEIR_SPAN("2026-11"), &csv, NULL));
    const char *line = strstr(csv, "\r\n") + 2;
    for (; *line != '\0'; line = strstr(line, "\r\n") + 2) {
        char text[256];
        csv_field(line, 0, text);
        billed += micros_of(text);
        csv_field(line, 6, text);
        bool is_usage = strcmp(text, "Usage") == 0;
        csv_field(line, 18, text);
        list += is_usage ? micros_of(text) : 0;
    }
    assert_int_equal(billed, total(invoice, "payable_micros"));
    assert_int_equal(list, total(invoice, "converted_micros"));
    assert_true(billed > 0);
    free(csv);
    json_decref(invoice);
    assert_int_equal(weir_focus_csv(place.control.world, place.control.store,
                                    WEIR_SPAN("1.1"), WEIR_SPAN("agreed"),
                                    WEIR_SPAN("2026-11"), &csv, NULL),
                     WEIR_EPARSE);
    close_place(&place);
}

TEST(revenue, a_period_stands_beside_the_one_before_it)
{
    struct place place;
    json_t *report = NULL;
    open_place(&place);
    const struct call calls[] = {
        {"plain", "small", NOVEMBER - 32 * DAY, 1, 1, 999, END}, /* not in */
        {"plain", "small", NOVEMBER - 31 * DAY, 1, 1, 100, END}, /* 1 Oct */
        {"plain", "small", NOVEMBER - 1, 1, 1, 100, END},
        {"plain", "small", NOVEMBER, 1, 1, 250, END},
        {"agreed", "big", NOVEMBER, 1, 1, 7, END},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(calls); i++)
        put_call(&place, &calls[i]);
    assert_ok(weir_revenue(place.control.store, WEIR_SPAN(""),
                           WEIR_SPAN("2026-11"), WEIR_SPAN("model,country"),
                           &report, NULL));
    json_t *rows = json_object_get(report, "rows"), *row;
    size_t index;
    assert_int_equal(json_array_size(rows), 2);
    json_array_foreach(rows, index, row)
    {
        bool is_small = strcmp(json_string_value(json_object_get(row, "model")),
                               "small") == 0;
        json_t *growth = json_object_get(row, "growth_ppm");
        assert_string_equal(json_string_value(json_object_get(row, "country")),
                            "DE");
        if (is_small)
            assert_int_equal(json_integer_value(growth), 250000);
        else
            assert_true(json_is_null(growth));
    }
    json_decref(report);
    assert_int_equal(weir_revenue(place.control.store, WEIR_SPAN(""),
                                  WEIR_SPAN("2026-11"), WEIR_SPAN("weather"),
                                  &report, NULL),
                     WEIR_EPARSE);
    close_place(&place);
}

TEST(invoice, csv_quotes_what_has_commas_and_quotes)
{
    struct place place;
    open_place(&place);
    put_call(&place, &(struct call){"plain", "small", NOVEMBER, 9, 9, 50, END});
    json_t *invoice = draft(&place, "plain", "2026-11");
    char *csv = weir_invoice_csv(invoice);
    assert_non_null(strstr(csv, "\r\nline,\"main, \"\"one\"\"\",small,v1,"));
    assert_non_null(strstr(csv, "\r\ntotal,,,,,,,,,,,,,,0.00005\r\n"));
    free(csv);
    json_decref(invoice);
    close_place(&place);
}
