/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>
#include <test.h>

#include "control/cases/cases.h"

/* A control with a store and nothing else: deeds need no more. */
struct place {
    char directory[64];
    struct weir_control control;
};

static void
add_token(struct weir_store *store, const char *id, const char *name)
{
    struct weir_error err;
    struct weir_store_token token = {.id = weir_span_of(id),
                                     .role = WEIR_ROLE_OPERATOR,
                                     .name = weir_span_of(name),
                                     .not_after = WEIR_TIME_MAX};
    memcpy(token.digest, id, strlen(id) < 32 ? strlen(id) : 32);
    assert_ok(weir_store_token_add(store, &token, &err));
}

static void
open_place(struct place *place)
{
    struct weir_error err;
    memset(place, 0, sizeof *place);
    strcpy(place->directory, "/tmp/weir-cases-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    pthread_mutex_init(&place->control.lock, NULL);
    place->control.acts_event = -1;
    assert_ok(
        weir_store_open(place->directory, true, &place->control.store, &err));
    add_token(place->control.store, "wt_ada", "Ada");
    add_token(place->control.store, "wt_ada2", "ADA");
    add_token(place->control.store, "wt_bo", "Bo");
    add_token(place->control.store, "wt_cy", "Cy");
}

static void
close_place(struct place *place)
{
    static const char *const files[] = {"weir.db", "weir.db-wal",
                                        "weir.db-shm"};
    weir_store_close(place->control.store);
    for (size_t i = 0; i < WEIR_COUNTOF(files); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", place->directory, files[i]);
        unlink(path);
    }
    rmdir(place->directory);
}

static const struct weir_actor ada = {"wt_ada", WEIR_ROLE_OPERATOR};
static const struct weir_actor ada_again = {"wt_ada2", WEIR_ROLE_OPERATOR};
static const struct weir_actor bo = {"wt_bo", WEIR_ROLE_OPERATOR};
static const struct weir_actor cy = {"wt_cy", WEIR_ROLE_OPERATOR};
static const struct weir_actor local = {"local", WEIR_ROLE_ADMIN};

static int64_t
raise_one(struct place *place, const char *subject, const char *cause,
          const char *evidence, bool *is_new_out)
{
    struct weir_error err = {0};
    char id[WEIR_CASE_ID_MAX];
    int64_t number = 0;
    const struct weir_case_cause one = {
        .kind = WEIR_CASE_SCREENING,
        .subject = weir_span_of(subject),
        .cause = weir_span_of(cause),
        .organisation = weir_span_of(subject),
        .title = WEIR_SPAN("a name on a list"),
        .evidence = weir_span_of(evidence),
    };
    assert_ok(weir_case_raise(place->control.store, &one, weir_control_now(),
                              id, is_new_out, &err));
    assert_true(weir_case_id_parse(weir_span_of(id), &number));
    return number;
}

static struct weir_case
row_of(struct place *place, int64_t number, char room[4096])
{
    struct weir_arena arena;
    struct weir_case row;
    struct weir_error err = {0};
    weir_arena_init(&arena, room, 4096);
    assert_ok(weir_case_get(place->control.store, number, &arena, &row, &err));
    return row;
}

static bool
count_event(void *context, const struct weir_case_event *event)
{
    (*(int *)context)++;
    return true;
}

static int
events_of(struct place *place, int64_t number)
{
    int count = 0;
    struct weir_error err = {0};
    assert_ok(weir_case_events(place->control.store, number, count_event,
                               &count, &err));
    return count;
}

static const struct weir_case_decision clears = {
    .verdict = WEIR_CASE_CLEARED,
    .reason = {"another company", 15},
    .until = WEIR_TIME_MAX};
static const struct weir_case_decision upholds = {
    .verdict = WEIR_CASE_UPHELD, .reason = {"the same company", 16}};

TEST(cases, same_kind_subject_and_cause_is_the_same_case)
{
    struct place place;
    bool is_new = false;
    char room[4096];
    open_place(&place);
    int64_t first = raise_one(&place, "acme", "l:1", "{\"s\":1}", &is_new);
    assert_true(is_new);
    assert_int_equal(raise_one(&place, "acme", "l:1", "{\"s\":1}", &is_new),
                     first);
    assert_false(is_new);
    assert_int_equal(events_of(&place, first), 1);
    /* other evidence is kept beside it */
    assert_int_equal(raise_one(&place, "acme", "l:1", "{\"s\":2}", &is_new),
                     first);
    assert_int_equal(events_of(&place, first), 2);
    assert_int_equal(row_of(&place, first, room).seen, 3);
    assert_int_not_equal(raise_one(&place, "acme", "l:2", "{}", &is_new),
                         first);
    assert_true(is_new);
    assert_int_not_equal(raise_one(&place, "other", "l:1", "{}", &is_new),
                         first);
    close_place(&place);
}

TEST(cases, evidence_of_a_hammering_client_is_bounded)
{
    struct place place;
    bool is_new;
    char evidence[64], room[4096];
    int64_t number = 0;
    open_place(&place);
    for (int i = 0; i < 3 * WEIR_CASE_SEEN_MAX; i++) {
        snprintf(evidence, sizeof evidence, "{\"n\":%d}", i);
        number = raise_one(&place, "acme", "l:1", evidence, &is_new);
    }
    assert_int_equal(events_of(&place, number), 1 + WEIR_CASE_SEEN_MAX);
    assert_int_equal(row_of(&place, number, room).seen, 3 * WEIR_CASE_SEEN_MAX);
    close_place(&place);
}

TEST(cases, what_is_no_case_is_refused)
{
    struct place place;
    struct weir_error err = {0};
    struct weir_case_cause cause = {.kind = WEIR_CASE_HOLD,
                                    .subject = WEIR_SPAN("k"),
                                    .cause = WEIR_SPAN("")};
    open_place(&place);
    assert_int_equal(
        weir_case_raise(place.control.store, &cause, 1, NULL, NULL, &err),
        WEIR_EPARSE);
    cause.cause = WEIR_SPAN("p");
    cause.evidence = WEIR_SPAN("[1]");
    assert_int_equal(
        weir_case_raise(place.control.store, &cause, 1, NULL, NULL, &err),
        WEIR_EPARSE);
    cause.kind = (enum weir_case_kind)77;
    assert_int_equal(
        weir_case_raise(place.control.store, &cause, 1, NULL, NULL, &err),
        WEIR_EPARSE);
    close_place(&place);
}

static bool
is_cleared(struct place *place, const char *subject, const char *cause)
{
    bool answer = false;
    struct weir_error err = {0};
    assert_ok(weir_case_is_cleared(place->control.store, WEIR_CASE_SCREENING,
                                   weir_span_of(subject), weir_span_of(cause),
                                   weir_control_now(), &answer, &err));
    return answer;
}

TEST(cases, restoring_takes_two_known_people)
{
    struct place place;
    bool is_new;
    struct weir_error err = {0};
    const weir_span why = WEIR_SPAN("checked again");
    open_place(&place);
    int64_t number = raise_one(&place, "acme", "l:1", "{}", &is_new);
    assert_int_equal(weir_case_restore(&place.control, &bo, number, why, &err),
                     WEIR_ECONFLICT);
    assert_ok(weir_case_decide(&place.control, &ada, number, &clears, &err));
    assert_false(is_cleared(&place, "acme", "l:1"));
    /* the same person, the same person's other token, nobody */
    assert_int_equal(weir_case_restore(&place.control, &ada, number, why, &err),
                     WEIR_EROLE);
    assert_int_equal(
        weir_case_restore(&place.control, &ada_again, number, why, &err),
        WEIR_EROLE);
    assert_int_equal(
        weir_case_restore(&place.control, &local, number, why, &err),
        WEIR_EROLE);
    assert_false(is_cleared(&place, "acme", "l:1"));
    assert_ok(weir_case_restore(&place.control, &bo, number, why, &err));
    assert_true(is_cleared(&place, "acme", "l:1"));
    assert_false(is_cleared(&place, "acme", "l:2"));
    assert_int_equal(weir_case_appeal(&place.control, &cy, number, why, &err),
                     WEIR_ECONFLICT);
    close_place(&place);
}

TEST(cases, what_nobody_in_particular_cleared_is_not_restored)
{
    struct place place;
    bool is_new;
    struct weir_error err = {0};
    open_place(&place);
    int64_t number = raise_one(&place, "acme", "l:1", "{}", &is_new);
    assert_ok(weir_case_decide(&place.control, &local, number, &clears, &err));
    assert_int_equal(
        weir_case_restore(&place.control, &bo, number, WEIR_SPAN("yes"), &err),
        WEIR_EROLE);
    close_place(&place);
}

TEST(cases, a_clearing_ends_on_its_day)
{
    struct place place;
    bool is_new, answer = true;
    struct weir_error err = {0};
    struct weir_case_decision for_a_day = clears;
    open_place(&place);
    int64_t number = raise_one(&place, "acme", "l:1", "{}", &is_new);
    for_a_day.until = weir_control_now() + WEIR_US_PER_DAY;
    assert_ok(weir_case_decide(&place.control, &ada, number, &for_a_day, &err));
    assert_ok(
        weir_case_restore(&place.control, &bo, number, WEIR_SPAN("yes"), &err));
    assert_true(is_cleared(&place, "acme", "l:1"));
    assert_ok(weir_case_is_cleared(place.control.store, WEIR_CASE_SCREENING,
                                   WEIR_SPAN("acme"), WEIR_SPAN("l:1"),
                                   for_a_day.until, &answer, &err));
    assert_false(answer);
    close_place(&place);
}

TEST(cases, only_the_assignee_decides_and_an_appeal_goes_to_another)
{
    struct place place;
    bool is_new;
    char room[4096];
    struct weir_error err = {0};
    open_place(&place);
    int64_t number = raise_one(&place, "acme", "l:1", "{}", &is_new);
    assert_ok(
        weir_case_assign(&place.control, &bo, number, WEIR_SPAN("Ada"), &err));
    assert_int_equal(
        weir_case_decide(&place.control, &bo, number, &upholds, &err),
        WEIR_EROLE);
    assert_ok(weir_case_decide(&place.control, &ada, number, &upholds, &err));
    assert_int_equal(
        weir_case_assign(&place.control, &bo, number, WEIR_SPAN(""), &err),
        WEIR_ECONFLICT);
    assert_ok(weir_case_appeal(&place.control, &bo, number,
                               WEIR_SPAN("another address"), &err));
    assert_int_equal(
        weir_case_decide(&place.control, &ada, number, &clears, &err),
        WEIR_EROLE);
    assert_ok(weir_case_decide(&place.control, &bo, number, &clears, &err));
    assert_ok(weir_case_restore(&place.control, &cy, number,
                                WEIR_SPAN("agreed"), &err));
    assert_int_equal(row_of(&place, number, room).state, WEIR_CASE_CLOSED);
    close_place(&place);
}

static bool
add_act(void *context, const struct weir_store_act *act)
{
    if (weir_span_starts(act->action, WEIR_SPAN("case.")))
        (*(int *)context)++;
    return true;
}

TEST(cases, every_event_is_an_act_too)
{
    struct place place;
    bool is_new;
    int acts = 0;
    struct weir_error err = {0};
    open_place(&place);
    int64_t number = raise_one(&place, "acme", "l:1", "{}", &is_new);
    assert_ok(weir_case_decide(&place.control, &ada, number, &clears, &err));
    assert_ok(
        weir_case_restore(&place.control, &bo, number, WEIR_SPAN("yes"), &err));
    assert_ok(weir_store_acts(place.control.store, 100, add_act, &acts, &err));
    assert_int_equal(acts, events_of(&place, number));
    close_place(&place);
}

TEST(cases, the_store_refuses_to_change_history)
{
    static const char *const attempts[] = {
        "UPDATE case_event SET text = 'nothing happened'",
        "DELETE FROM case_event",
        "DELETE FROM cases",
        "UPDATE cases SET cause = 'other'",
        "UPDATE cases SET organisation = 'other'",
    };
    struct place place;
    bool is_new;
    char path[128];
    sqlite3 *db;
    open_place(&place);
    int64_t number = raise_one(&place, "acme", "l:1", "{}", &is_new);
    snprintf(path, sizeof path, "%s/weir.db", place.directory);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    for (size_t i = 0; i < WEIR_COUNTOF(attempts); i++)
        assert_int_equal(sqlite3_exec(db, attempts[i], NULL, NULL, NULL),
                         SQLITE_CONSTRAINT);
    sqlite3_close(db);
    assert_int_equal(events_of(&place, number), 1);
    close_place(&place);
}

/* --------------------------------------------------------------- property */

#define HISTORY_MAX 4096

struct history {
    struct weir_case_event events[HISTORY_MAX];
    char texts[HISTORY_MAX][40];
    int count;
};

static bool
keep_event(void *context, const struct weir_case_event *event)
{
    struct history *history = context;
    struct weir_case_event *kept = &history->events[history->count];
    snprintf(history->texts[history->count], sizeof history->texts[0], "%.*s",
             WEIR_SPAN_ARG(event->text));
    *kept = *event;
    history->count++;
    return history->count < HISTORY_MAX;
}

static weir_status
random_deed(struct place *place, int64_t number)
{
    static const struct weir_actor *const people[] = {&ada, &ada_again, &bo,
                                                      &cy, &local};
    const struct weir_actor *who = people[rand() % 5];
    struct weir_error err;
    bool is_new;
    char text[32];
    snprintf(text, sizeof text, "{\"n\":%d}", rand() % 3);
    switch (rand() % 6) {
    case 0:
        (void)raise_one(place, "acme", "l:1", text, &is_new);
        return WEIR_OK;
    case 1:
        return weir_case_assign(&place->control, who, number,
                                rand() % 2 ? WEIR_SPAN("Bo") : WEIR_SPAN(""),
                                &err);
    case 2:
        return weir_case_decide(&place->control, who, number,
                                rand() % 2 ? &clears : &upholds, &err);
    case 3:
        return weir_case_appeal(&place->control, who, number,
                                weir_span_of(text), &err);
    default:
        return weir_case_restore(&place->control, who, number,
                                 weir_span_of(text), &err);
    }
}

/* Whatever is tried: what was in the history stays there, byte for byte and
 * in its place; only what succeeded is added; the last event is the row. */
TEST(cases, a_history_only_grows_and_its_end_is_the_case)
{
    static struct history before, after;
    struct place place;
    bool is_new;
    char room[4096];
    struct weir_error err = {0};
    srand(20261110);
    for (int world = 0; world < 12; world++) {
        open_place(&place);
        int64_t number = raise_one(&place, "acme", "l:1", "{}", &is_new);
        before.count = 0;
        assert_ok(weir_case_events(place.control.store, number, keep_event,
                                   &before, &err));
        for (int i = 0; i < 60; i++) {
            weir_status status = random_deed(&place, number);
            after.count = 0;
            assert_ok(weir_case_events(place.control.store, number, keep_event,
                                       &after, &err));
            assert_true(after.count >= before.count);
            assert_true(status == WEIR_OK || after.count == before.count);
            for (int e = 0; e < before.count; e++) {
                assert_int_equal(after.events[e].number,
                                 before.events[e].number);
                assert_int_equal(after.events[e].when, before.events[e].when);
                assert_int_equal(after.events[e].action,
                                 before.events[e].action);
                assert_string_equal(after.texts[e], before.texts[e]);
            }
            struct weir_case row = row_of(&place, number, room);
            assert_int_equal(row.state, after.events[after.count - 1].state);
            assert_int_equal(row.verdict,
                             after.events[after.count - 1].verdict);
            assert_int_equal(is_cleared(&place, "acme", "l:1"),
                             row.restored_by.len > 0);
            memcpy(&before, &after, sizeof before);
        }
        close_place(&place);
    }
}
