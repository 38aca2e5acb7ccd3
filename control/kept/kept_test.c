/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <test.h>

#include "control/kept/kept.h"

#define FILES (1u << WEIR_SEALED_INPUT | 1u << WEIR_SEALED_RESULT)
#define HOUR  (3600 * WEIR_US_PER_SEC)

struct place {
    char directory[64];
    struct weir_store *store;
};

static void
open_place(struct place *place)
{
    struct weir_error err;
    strcpy(place->directory, "/tmp/weir-kept-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    assert_ok(weir_store_open(place->directory, true, &place->store, &err));
}

static void
close_place(struct place *place)
{
    static const char *const files[] = {"weir.db", "weir.db-wal",
                                        "weir.db-shm"};
    weir_store_close(place->store);
    for (size_t i = 0; i < WEIR_COUNTOF(files); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", place->directory, files[i]);
        unlink(path);
    }
    rmdir(place->directory);
}

/* Whether the registry is another for it. */
static bool
note(struct place *place, const char *tenant, enum weir_sealed_kind kind,
     enum weir_kept_deed deed, const char *name, weir_time at)
{
    struct weir_error err = {0};
    bool is_new = false;
    const struct weir_record_kept kept = {
        .kind = kind,
        .deed = deed,
        .operation = 0,
        .tenant = weir_span_of(tenant),
        .key = WEIR_SPAN("wk_1"),
        .name = weir_span_of(name),
    };
    assert_ok(weir_store_begin(place->store, &err));
    assert_ok(weir_kept_note(place->store, &kept, at, &is_new, &err));
    assert_ok(weir_store_commit(place->store, &err));
    return is_new;
}

static bool
add_name(void *context, const struct weir_kept_row *row)
{
    char *text = context;
    size_t len = strlen(text);
    snprintf(text + len, 256 - len, "%s%.*s%s", len > 0 ? " " : "",
             WEIR_SPAN_ARG(row->name), row->missed != 0 ? "?" : "");
    return true;
}

static const char *
page(struct place *place, const struct weir_kept_ask *ask)
{
    static char text[256];
    struct weir_error err = {0};
    text[0] = '\0';
    assert_ok(weir_kept_page(place->store, ask, add_name, text, &err));
    return text;
}

static struct weir_kept_ask
ask_of(const char *tenant)
{
    return (struct weir_kept_ask){.tenant = weir_span_of(tenant),
                                  .list = WEIR_KEPT_FILES,
                                  .kinds = FILES,
                                  .limit = 10};
}

TEST(registry, a_tenant_sees_its_own_newest_first)
{
    struct place place;
    struct weir_kept_ask fjord = ask_of("fjord"), other = ask_of("other");
    open_place(&place);
    assert_true(
        note(&place, "fjord", WEIR_SEALED_INPUT, WEIR_KEPT_MADE, "a", 1));
    assert_true(
        note(&place, "other", WEIR_SEALED_INPUT, WEIR_KEPT_MADE, "b", 2));
    assert_true(
        note(&place, "fjord", WEIR_SEALED_RESULT, WEIR_KEPT_MADE, "c", 3));
    assert_true(
        note(&place, "fjord", WEIR_SEALED_BATCH, WEIR_KEPT_MADE, "d", 4));
    assert_string_equal(page(&place, &fjord), "c a");
    assert_string_equal(page(&place, &other), "b");
    fjord.is_ascending = true;
    assert_string_equal(page(&place, &fjord), "a c");
    fjord.kinds = 1u << WEIR_SEALED_RESULT;
    assert_string_equal(page(&place, &fjord), "c");
    fjord.list = WEIR_KEPT_BATCHES;
    fjord.kinds = 1u << WEIR_SEALED_BATCH;
    assert_string_equal(page(&place, &fjord), "d");
    close_place(&place);
}

TEST(registry, pages_go_on_behind_a_name_even_an_erased_one)
{
    struct place place;
    struct weir_kept_ask ask = ask_of("fjord");
    struct weir_error err;
    char text[256] = "";
    open_place(&place);
    for (char name[2] = "a"; name[0] <= 'e'; name[0]++)
        (void)note(&place, "fjord", WEIR_SEALED_INPUT, WEIR_KEPT_MADE, name,
                   name[0]);
    ask.limit = 2;
    assert_string_equal(page(&place, &ask), "e d");
    ask.from = WEIR_SPAN("d");
    assert_string_equal(page(&place, &ask), "c b");
    (void)note(&place, "fjord", WEIR_SEALED_INPUT, WEIR_KEPT_ERASED, "b", 9);
    ask.from = WEIR_SPAN("b");
    assert_string_equal(page(&place, &ask), "a");
    ask.is_ascending = true;
    assert_string_equal(page(&place, &ask), "c d");
    ask.from = WEIR_SPAN("never");
    assert_int_equal(weir_kept_page(place.store, &ask, add_name, text, &err),
                     WEIR_ENOTFOUND);
    ask = ask_of("other");
    ask.from = WEIR_SPAN("c"); /* another tenant's */
    assert_int_equal(weir_kept_page(place.store, &ask, add_name, text, &err),
                     WEIR_ENOTFOUND);
    close_place(&place);
}

TEST(registry, what_was_read_before_changes_nothing)
{
    struct place place;
    struct weir_kept_ask ask = ask_of("fjord");
    open_place(&place);
    assert_true(
        note(&place, "fjord", WEIR_SEALED_RESULT, WEIR_KEPT_MADE, "a", 1));
    assert_false(
        note(&place, "fjord", WEIR_SEALED_RESULT, WEIR_KEPT_MADE, "a", 1));
    assert_true(
        note(&place, "fjord", WEIR_SEALED_RESULT, WEIR_KEPT_ERASED, "a", 2));
    assert_false(
        note(&place, "fjord", WEIR_SEALED_RESULT, WEIR_KEPT_ERASED, "a", 2));
    /* a batch tells of its file again, which was erased */
    assert_false(
        note(&place, "fjord", WEIR_SEALED_RESULT, WEIR_KEPT_MADE, "a", 3));
    assert_string_equal(page(&place, &ask), "");
    close_place(&place);
}

TEST(registry, an_erasure_read_before_the_making_holds)
{
    struct place place;
    struct weir_kept_ask ask = ask_of("fjord");
    open_place(&place);
    assert_true(
        note(&place, "fjord", WEIR_SEALED_INPUT, WEIR_KEPT_ERASED, "a", 2));
    assert_false(
        note(&place, "fjord", WEIR_SEALED_INPUT, WEIR_KEPT_MADE, "a", 1));
    assert_string_equal(page(&place, &ask), "");
    close_place(&place);
}

TEST(registry, what_is_missed_for_a_day_is_gone)
{
    struct place place;
    struct weir_kept_ask ask = ask_of("fjord");
    open_place(&place);
    (void)note(&place, "fjord", WEIR_SEALED_INPUT, WEIR_KEPT_MADE, "a", 1);
    assert_true(
        note(&place, "fjord", WEIR_SEALED_INPUT, WEIR_KEPT_MISSED, "a", HOUR));
    assert_string_equal(page(&place, &ask), "a?");
    assert_false(note(&place, "fjord", WEIR_SEALED_INPUT, WEIR_KEPT_MISSED, "a",
                      20 * HOUR));
    assert_string_equal(page(&place, &ask), "a?");
    /* it was there all the time */
    assert_true(note(&place, "fjord", WEIR_SEALED_INPUT, WEIR_KEPT_FOUND, "a",
                     21 * HOUR));
    assert_string_equal(page(&place, &ask), "a");
    (void)note(&place, "fjord", WEIR_SEALED_INPUT, WEIR_KEPT_MISSED, "a",
               22 * HOUR);
    assert_string_equal(page(&place, &ask), "a?");
    assert_true(note(&place, "fjord", WEIR_SEALED_INPUT, WEIR_KEPT_MISSED, "a",
                     46 * HOUR));
    assert_string_equal(page(&place, &ask), "");
    close_place(&place);
}

static bool
add_open(void *context, const struct weir_kept_open *row)
{
    char *text = context;
    size_t len = strlen(text);
    snprintf(text + len, 256 - len, "%.*s ", WEIR_SPAN_ARG(row->name));
    return true;
}

TEST(registry, batches_are_open_while_their_calls_are)
{
    struct place place;
    struct weir_error err = {0};
    struct weir_store_at at = {.lane = 9, .segment = 1};
    const uint8_t random[10] = {7};
    struct weir_record_intent intent = {.operation = 9, .held_tokens = 5};
    struct weir_record_kept kept = {.kind = WEIR_SEALED_BATCH,
                                    .deed = WEIR_KEPT_MADE,
                                    .tenant = WEIR_SPAN("fjord"),
                                    .key = WEIR_SPAN("wk_1"),
                                    .name = WEIR_SPAN("batch_1")};
    struct weir_record_outcome outcome = {.ending = WEIR_END_COMPLETE,
                                          .operation = 9};
    weir_span tenant;
    bool is_new;
    char text[256] = "";
    open_place(&place);
    weir_request_id_make(5 * HOUR, random, &intent.request);
    intent.decided_us = 5 * HOUR;
    kept.request = outcome.request = intent.request;
    assert_ok(weir_store_begin(place.store, &err));
    assert_ok(weir_store_put_intent(place.store, &intent, &at, &is_new, &err));
    assert_ok(weir_kept_note(place.store, &kept, 5 * HOUR, &is_new, &err));
    assert_ok(weir_kept_open(place.store, add_open, text, &err));
    assert_string_equal(text, "batch_1 ");
    assert_ok(weir_store_put_outcome(place.store, &outcome, &at, &is_new,
                                     &tenant, &err));
    text[0] = '\0';
    assert_ok(weir_kept_open(place.store, add_open, text, &err));
    assert_string_equal(text, "");
    assert_ok(weir_store_flush_totals(place.store, &err));
    assert_ok(weir_store_commit(place.store, &err));
    close_place(&place);
}
