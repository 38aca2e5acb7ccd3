/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>
#include <test.h>

#include "control/store/store.h"

static const uint8_t IMAGE[32] = {1, 2, 3};

struct place {
    char directory[64];
    struct weir_store *store;
};

static void
open_place(struct place *place)
{
    struct weir_error err;
    strcpy(place->directory, "/tmp/weir-store-XXXXXX");
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

static struct weir_request_id
request(weir_time when, uint32_t number)
{
    struct weir_request_id id;
    uint8_t random[10] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16),
                          (uint8_t)(number >> 8), (uint8_t)number};
    weir_request_id_make(when, random, &id);
    return id;
}

static struct weir_record_intent
intent_of(weir_time when, uint32_t number)
{
    struct weir_record_intent intent = {
        .request = request(when, number),
        .overlay = 3,
        .decided_us = when,
        .is_streamed = 1,
        .tier = 1,
        .held_tokens = 500,
        .held_micros = 70,
        .key = WEIR_SPAN("wk_1"),
        .project = WEIR_SPAN("research"),
        .tenant = WEIR_SPAN("fjord"),
        .organisation = WEIR_SPAN("Fjord AS"),
        .model = WEIR_SPAN("fast"),
        .country = WEIR_SPAN("NO"),
    };
    memcpy(intent.image_digest, IMAGE, sizeof IMAGE);
    return intent;
}

static struct weir_record_outcome
outcome_of(const struct weir_record_intent *intent, uint32_t ending)
{
    return (struct weir_record_outcome){
        .request = intent->request,
        .ending = ending,
        .http_status = 200,
        .input_tokens = 10,
        .cached_tokens = 4,
        .output_tokens = 7,
        .reasoning_tokens = 2,
        .cost_micros = 33,
        .started_us = intent->decided_us,
        .total_us = 1000,
        .currency = WEIR_SPAN("USD"),
        .model = WEIR_SPAN("small-1"),
        .deployment = WEIR_SPAN("small-eu"),
        .region = WEIR_SPAN("eu-north"),
        .place = WEIR_SPAN("SE"),
        .stored_in = WEIR_SPAN("SE"),
        .attempt_count = 1,
    };
}

static void
put_call(struct weir_store *store, weir_time when, uint32_t number,
         uint32_t ending)
{
    struct weir_error err = {0};
    struct weir_store_at at = {.lane = 9, .segment = 1, .offset = number};
    struct weir_record_intent intent = intent_of(when, number);
    bool is_new = false;
    assert_ok(weir_store_put_intent(store, &intent, &at, &is_new, &err));
    assert_true(is_new);
    if (ending == 0)
        return;
    struct weir_record_outcome outcome = outcome_of(&intent, ending);
    assert_ok(
        weir_store_put_outcome(store, &outcome, &at, &is_new, NULL, &err));
    assert_true(is_new);
}

TEST(store, a_store_that_is_not_there_is_not_found)
{
    struct weir_store *store = NULL;
    struct weir_error err;
    assert_int_equal(weir_store_open("/tmp/weir-no-such", false, &store, &err),
                     WEIR_ENOTFOUND);
    assert_null(store);
}

TEST(store, a_newer_schema_is_refused)
{
    struct place place;
    struct weir_error err;
    char path[128];
    sqlite3 *db;
    open_place(&place);
    snprintf(path, sizeof path, "%s/weir.db", place.directory);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "INSERT INTO migration VALUES('base', 99)", NULL, NULL,
                 NULL);
    sqlite3_close(db);
    struct weir_store *second = NULL;
    assert_int_equal(weir_store_open(place.directory, true, &second, &err),
                     WEIR_EVERSION);
    close_place(&place);
}

/* Takes away all that came after the first program. */
static void
drop_rooms(sqlite3 *db)
{
    static const char find[] =
        "SELECT 'DROP TABLE ' || name FROM sqlite_master WHERE type = 'table'"
        " AND name NOT LIKE 'sqlite_%' AND name NOT IN ('number', 'secret',"
        " 'name', 'image', 'key', 'withdrawal', 'token', 'act', 'call',"
        " 'total') LIMIT 1";
    sqlite3_stmt *row;
    char drop[128];
    for (;;) {
        assert_int_equal(sqlite3_prepare_v2(db, find, -1, &row, NULL),
                         SQLITE_OK);
        bool is_found = sqlite3_step(row) == SQLITE_ROW;
        if (is_found)
            snprintf(drop, sizeof drop, "%s",
                     (const char *)sqlite3_column_text(row, 0));
        sqlite3_finalize(row);
        if (!is_found)
            return;
        assert_int_equal(sqlite3_exec(db, drop, NULL, NULL, NULL), SQLITE_OK);
    }
}

/* As the first program left them: no table of steps, no leaves. */
TEST(store, an_older_store_is_brought_up_to_date_and_keeps_its_rows)
{
    struct place place;
    struct weir_error err;
    char path[128];
    sqlite3 *db;
    int64_t value = -1;
    open_place(&place);
    assert_ok(weir_store_number_set(place.store, "generation", 7, &err));
    snprintf(path, sizeof path, "%s/weir.db", place.directory);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    drop_rooms(db);
    /* Columns that rooms added to tables of the base. */
    static const char *const columns[] = {
        "key DROP COLUMN scope",
        "key DROP COLUMN tags",
        "call DROP COLUMN cache_write_tokens",
        "call DROP COLUMN cache_write_1h_tokens",
        "call DROP COLUMN audio_input_tokens",
        "call DROP COLUMN audio_cached_tokens",
        "call DROP COLUMN audio_output_tokens",
        "call DROP COLUMN image_input_tokens",
        "call DROP COLUMN image_output_tokens",
        "call DROP COLUMN pictures",
        "call DROP COLUMN service",
    };
    for (size_t i = 0; i < WEIR_COUNTOF(columns); i++) {
        char alter[128];
        snprintf(alter, sizeof alter, "ALTER TABLE %s", columns[i]);
        assert_int_equal(sqlite3_exec(db, alter, NULL, NULL, NULL), SQLITE_OK);
    }
    sqlite3_close(db);
    struct weir_store *second = NULL;
    assert_ok(weir_store_open(place.directory, true, &second, &err));
    assert_ok(weir_store_number_get(second, "generation", &value, &err));
    assert_int_equal(value, 7);
    assert_ok(weir_store_leaves_drop(second, 1, &err));
    weir_store_close(second);
    close_place(&place);
}

TEST(store, numbers_never_come_twice)
{
    struct place place;
    struct weir_error err;
    int64_t value = -1;
    open_place(&place);
    assert_ok(weir_store_number_get(place.store, "generation", &value, &err));
    assert_int_equal(value, 0);
    for (int64_t i = 1; i < 5; i++) {
        assert_ok(
            weir_store_number_next(place.store, "generation", &value, &err));
        assert_int_equal(value, i);
    }
    assert_ok(weir_store_number_set(place.store, "generation", 40, &err));
    assert_ok(weir_store_number_next(place.store, "generation", &value, &err));
    assert_int_equal(value, 41);
    close_place(&place);
}

static bool
count_live_keys(void *context, const struct weir_store_key *key)
{
    int *counts = context;
    counts[key->revoked != 0]++;
    return true;
}

TEST(store, a_key_is_revoked_once)
{
    struct place place;
    struct weir_error err;
    open_place(&place);
    struct weir_store_key key = {.id = WEIR_SPAN("wk_1"),
                                 .digest = {7},
                                 .project = WEIR_SPAN("p"),
                                 .created = 5,
                                 .not_after = WEIR_TIME_MAX};
    assert_ok(weir_store_key_add(place.store, &key, &err));
    assert_int_equal(weir_store_key_add(place.store, &key, &err),
                     WEIR_ECONFLICT);
    key.id = WEIR_SPAN("wk_2");
    key.digest[0] = 8;
    assert_ok(weir_store_key_add(place.store, &key, &err));
    assert_ok(weir_store_key_revoke(place.store, WEIR_SPAN("wk_1"), 9,
                                    WEIR_SPAN("local"), &err));
    assert_int_equal(weir_store_key_revoke(place.store, WEIR_SPAN("wk_1"), 9,
                                           WEIR_SPAN("local"), &err),
                     WEIR_ECONFLICT);
    assert_int_equal(weir_store_key_revoke(place.store, WEIR_SPAN("wk_3"), 9,
                                           WEIR_SPAN("local"), &err),
                     WEIR_ENOTFOUND);
    int counts[2] = {0, 0};
    assert_ok(weir_store_keys(place.store, count_live_keys, counts, &err));
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 1);
    close_place(&place);
}

TEST(store, a_token_is_found_while_it_is_good)
{
    struct place place;
    struct weir_error err;
    char id[WEIR_STORE_ID_MAX];
    enum weir_role role;
    open_place(&place);
    struct weir_store_token token = {.id = WEIR_SPAN("wt_1"),
                                     .digest = {3},
                                     .role = WEIR_ROLE_AUDITOR,
                                     .name = WEIR_SPAN("anna"),
                                     .not_after = 100};
    assert_ok(weir_store_token_add(place.store, &token, &err));
    assert_ok(
        weir_store_token_find(place.store, token.digest, 50, id, &role, &err));
    assert_string_equal(id, "wt_1");
    assert_int_equal(role, WEIR_ROLE_AUDITOR);
    assert_int_equal(
        weir_store_token_find(place.store, token.digest, 100, id, &role, &err),
        WEIR_ENOTFOUND);
    assert_ok(
        weir_store_token_revoke(place.store, WEIR_SPAN("wt_1"), 60, &err));
    assert_int_equal(
        weir_store_token_find(place.store, token.digest, 50, id, &role, &err),
        WEIR_ENOTFOUND);
    close_place(&place);
}

TEST(store, a_withdrawal_is_restored_once)
{
    struct place place;
    struct weir_error err;
    open_place(&place);
    struct weir_store_withdrawal w = {.kind = 1, .name = WEIR_SPAN("m")};
    assert_ok(weir_store_withdraw(place.store, &w, &err));
    assert_int_equal(weir_store_withdraw(place.store, &w, &err),
                     WEIR_ECONFLICT);
    assert_ok(weir_store_restore(place.store, 1, WEIR_SPAN("m"), &err));
    assert_int_equal(weir_store_restore(place.store, 1, WEIR_SPAN("m"), &err),
                     WEIR_ENOTFOUND);
    close_place(&place);
}

TEST(store, a_call_reads_back_as_it_was_written)
{
    struct place place;
    struct weir_error err;
    struct weir_store_call call;
    open_place(&place);
    assert_ok(weir_store_begin(place.store, &err));
    put_call(place.store, 1000000, 1, WEIR_END_COMPLETE);
    assert_ok(weir_store_commit(place.store, &err));
    struct weir_request_id id = request(1000000, 1);
    assert_ok(weir_store_call_get(place.store, &id, &call, &err));
    assert_int_equal(call.state, WEIR_CALL_CLOSED);
    assert_span(call.tenant, "fjord");
    assert_span(call.project, "research");
    assert_span(call.asked, "fast");
    assert_span(call.country, "NO");
    assert_span(call.model, "small-1");
    assert_span(call.deployment, "small-eu");
    assert_span(call.place, "SE");
    assert_span(call.currency, "USD");
    assert_memory_equal(call.image, IMAGE, 32);
    assert_int_equal(call.overlay, 3);
    assert_int_equal(call.held_micros, 70);
    assert_int_equal(call.cost_micros, 33);
    assert_int_equal(call.input_tokens, 10);
    assert_int_equal(call.reasoning_tokens, 2);
    assert_true(call.is_streamed);
    id = request(1000000, 2);
    assert_int_equal(weir_store_call_get(place.store, &id, &call, &err),
                     WEIR_ENOTFOUND);
    close_place(&place);
}

TEST(store, a_record_read_twice_counts_once)
{
    struct place place;
    struct weir_error err;
    open_place(&place);
    struct weir_store_at at = {.lane = 1, .segment = 1, .offset = 4};
    struct weir_record_intent intent = intent_of(5000000, 1);
    struct weir_record_outcome outcome = outcome_of(&intent, WEIR_END_COMPLETE);
    struct weir_record_refusal refusal = {.request = request(5000000, 2),
                                          .decided_us = 5000000,
                                          .reason = WEIR_REASON_BUDGET,
                                          .tenant = WEIR_SPAN("fjord"),
                                          .key = WEIR_SPAN("wk_1")};
    assert_ok(weir_store_begin(place.store, &err));
    for (int pass = 0; pass < 2; pass++) {
        bool is_new = pass == 1;
        assert_ok(
            weir_store_put_intent(place.store, &intent, &at, &is_new, &err));
        assert_int_equal(is_new, pass == 0);
        is_new = pass == 1;
        assert_ok(weir_store_put_outcome(place.store, &outcome, &at, &is_new,
                                         NULL, &err));
        assert_int_equal(is_new, pass == 0);
        is_new = pass == 1;
        assert_ok(
            weir_store_put_refusal(place.store, &refusal, &at, &is_new, &err));
        assert_int_equal(is_new, pass == 0);
    }
    assert_ok(weir_store_flush_totals(place.store, &err));
    assert_ok(weir_store_commit(place.store, &err));
    close_place(&place);
}

static bool
add_sum(void *context, const struct weir_store_sum *sum)
{
    struct weir_store_sum *all = context;
    all->calls += sum->calls;
    all->counted += sum->counted;
    all->open += sum->open;
    all->refused += sum->refused;
    all->lost += sum->lost;
    all->input_tokens += sum->input_tokens;
    all->output_tokens += sum->output_tokens;
    all->cost_micros += sum->cost_micros;
    return true;
}

TEST(store, daily_totals_equal_the_ledger)
{
    struct place place;
    struct weir_error err;
    open_place(&place);
    assert_ok(weir_store_begin(place.store, &err));
    for (uint32_t i = 0; i < 300; i++) {
        weir_time when = WEIR_US_PER_DAY * (1 + i % 3) + i;
        static const uint32_t endings[] = {WEIR_END_COMPLETE, WEIR_END_CUT,
                                           WEIR_END_LOST, WEIR_END_NOT_SENT, 0};
        put_call(place.store, when, i, endings[i % 5]);
        if (i % 50 == 49)
            assert_ok(weir_store_flush_totals(place.store, &err));
    }
    assert_ok(weir_store_commit(place.store, &err));
    struct weir_store_filter filter = {.from = WEIR_US_PER_DAY,
                                       .to = WEIR_US_PER_DAY * 3,
                                       .by_tenant = true,
                                       .by_model = true,
                                       .by_day = true};
    struct weir_store_sum ledger = {0}, totals = {0};
    assert_ok(weir_store_usage(place.store, &filter, add_sum, &ledger, &err));
    assert_ok(weir_store_totals(place.store, &filter, add_sum, &totals, &err));
    assert_int_equal(ledger.calls, 160);
    assert_int_equal(ledger.open, 40);
    assert_int_equal(ledger.lost, 40);
    assert_int_equal(ledger.counted, 80);
    assert_int_equal(ledger.cost_micros, 160 * 33);
    ledger.open = 0;
    assert_memory_equal(&ledger, &totals, sizeof ledger);
    filter.tenant = WEIR_SPAN("nobody");
    struct weir_store_sum none = {0};
    assert_ok(weir_store_usage(place.store, &filter, add_sum, &none, &err));
    assert_int_equal(none.calls, 0);
    close_place(&place);
}

static bool
count_calls(void *context, const struct weir_store_call *call)
{
    assert_int_equal(call->state, WEIR_CALL_OPEN);
    (*(int *)context)++;
    return true;
}

TEST(store, an_outcome_without_intent_is_kept)
{
    struct place place;
    struct weir_error err;
    struct weir_store_call call;
    bool is_new = false;
    open_place(&place);
    struct weir_store_at at = {.lane = 1, .segment = 2, .offset = 4};
    struct weir_record_intent intent = intent_of(5000000, 1);
    struct weir_record_outcome outcome = outcome_of(&intent, WEIR_END_CUT);
    assert_ok(weir_store_put_outcome(place.store, &outcome, &at, &is_new, NULL,
                                     &err));
    assert_true(is_new);
    assert_ok(weir_store_call_get(place.store, &intent.request, &call, &err));
    assert_int_equal(call.state, WEIR_CALL_CLOSED);
    assert_int_equal(call.first.segment, 0);
    assert_int_equal(call.last.segment, 2);
    assert_span(call.tenant, "");
    close_place(&place);
}

TEST(store, a_rolled_back_batch_leaves_nothing)
{
    struct place place;
    struct weir_error err;
    open_place(&place);
    assert_ok(weir_store_begin(place.store, &err));
    put_call(place.store, 7, 1, WEIR_END_COMPLETE);
    weir_store_rollback(place.store);
    assert_ok(weir_store_begin(place.store, &err));
    put_call(place.store, 7, 1, 0);
    assert_ok(weir_store_flush_totals(place.store, &err));
    assert_ok(weir_store_commit(place.store, &err));
    int count = 0;
    assert_ok(weir_store_open_calls(place.store, 9, count_calls, &count, &err));
    assert_int_equal(count, 1);
    assert_ok(weir_store_open_calls(place.store, 8, count_calls, &count, &err));
    assert_int_equal(count, 1);
    assert_ok(weir_store_open_calls(place.store, 0, count_calls, &count, &err));
    assert_int_equal(count, 2);
    struct weir_store_filter filter = {.from = WEIR_TIME_MIN,
                                       .to = WEIR_TIME_MAX};
    struct weir_store_sum totals = {0};
    assert_ok(weir_store_totals(place.store, &filter, add_sum, &totals, &err));
    assert_int_equal(totals.calls, 0);
    close_place(&place);
}
