/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <sqlite3.h>
#include <test.h>

#include "control/cases/cases.h"
#include "control/notices/notices.h"
#include "control/steps/parts.h"
#include "control/watch/rows.h"

#define assert_refused(status, wanted) assert_int_equal((status), (wanted))

/* A control on a configuration of its own, with two tenants of one owner
 * and one beside them. */
struct place {
    char directory[64];
    char path[128];
    struct weir_control *control;
    char keys[3][WEIR_STORE_ID_MAX]; /* big/app, small/app, other/app */
};

#define TENANTS                                                                \
    "tenants: [{name: big, organisation: big, projects: [{name: app}]},"       \
    " {name: small, organisation: small, projects: [{name: app}]},"            \
    " {name: other, organisation: other, projects: [{name: app}]}]\n"
static const char config[] =
    "onboarding: {require: none}\n"
    "listen: [{address: '127.0.0.1:9'}]\n"
    "seller: {title: The seller, appeal: appeal@seller.example,"
    " currency: USD}\n"
    "blocs: [{name: hosting, members: [DE]}]\n"
    "providers: [{name: maker, origin: DE}]\n"
    "models: [{name: m, provider: maker, origin: DE, tier: routine,"
    " weights: open, licence: Apache-2.0,"
    " price: {input: '3', output: '15', version: list-1}}]\n"
    "regions: [{name: here, jurisdiction: DE}]\n"
    "origins: [{name: one, dialect: openai, url: 'http://127.0.0.1:9'}]\n"
    "deployments: [{name: m-one, model: m, origin: one, region: here,"
    " stored_in: DE, operator: seller, cloud: own}]\n"
    "organisations: [\n"
    " {name: seller, headquarters: DE, incorporated: DE, category: local,"
    " established: true},\n"
    " {name: big, headquarters: DE, incorporated: DE, category: local,"
    " established: true},\n"
    " {name: small, headquarters: DE, incorporated: DE, category: local,"
    " established: true},\n"
    " {name: other, headquarters: DE, incorporated: DE, category: local,"
    " established: true}]\n" TENANTS;

static const char policy[] = "@id(\"permit\") @title(\"T\") @authority(\"A\")\n"
                             "@monitor(\"%s\")\n"
                             "permit (principal, action in Action::\"infer\","
                             " resource in Bloc::\"hosting\");\n";

static void
write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
}

static void
command(const char *format, const char *directory)
{
    char text[300];
    snprintf(text, sizeof text, format, directory);
    assert_int_equal(system(text), 0);
}

static const struct weir_actor local = {"local", WEIR_ROLE_ADMIN};
static const struct weir_actor ada = {"wt_ada", WEIR_ROLE_OPERATOR};
static const struct weir_actor ada_again = {"wt_ada2", WEIR_ROLE_OPERATOR};
static const struct weir_actor bo = {"wt_bo", WEIR_ROLE_OPERATOR};

static void
start(struct place *place)
{
    struct weir_faults faults;
    struct weir_error err = {0};
    weir_faults_init(&faults);
    if (weir_control_open(place->path, &place->control, &faults, &err) !=
            WEIR_OK ||
        weir_control_publish(place->control, &faults, &err) != WEIR_OK)
        fail_msg("%s %.*s", err.text,
                 faults.count > 0 ? (int)faults.rows[0].text.len : 0,
                 faults.count > 0 ? faults.rows[0].text.ptr : "");
    weir_faults_fini(&faults);
}

static void
add_token(struct weir_store *store, const char *id, const char *name)
{
    struct weir_error err;
    struct weir_store_token token = {.id = weir_span_of(id),
                                     .role = WEIR_ROLE_OPERATOR,
                                     .name = weir_span_of(name),
                                     .not_after = WEIR_TIME_MAX};
    memcpy(token.digest, id, strlen(id));
    assert_ok(weir_store_token_add(store, &token, &err));
}

static void
open_place(struct place *place, const char *rule)
{
    static const char *const projects[] = {"big/app", "small/app", "other/app"};
    char text[2048];
    struct weir_error err = {0};
    struct weir_faults faults;
    memset(place, 0, sizeof *place);
    strcpy(place->directory, "/tmp/weir-steps-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    command("mkdir -p %s/policies/seller", place->directory);
    snprintf(place->path, sizeof place->path, "%s/weir.yaml", place->directory);
    snprintf(text, sizeof text, "state: %s/state\npolicies: %s/policies\n%s",
             place->directory, place->directory, config);
    write_text(place->path, text);
    char path[160];
    snprintf(path, sizeof path, "%s/policies/seller/p.cedar", place->directory);
    snprintf(text, sizeof text, policy, rule);
    write_text(path, text);
    start(place);
    weir_faults_init(&faults);
    add_token(place->control->store, "wt_ada", "Ada");
    add_token(place->control->store, "wt_ada2", "ADA");
    add_token(place->control->store, "wt_bo", "Bo");
    for (size_t i = 0; i < WEIR_COUNTOF(projects); i++) {
        const struct weir_key_wish wish = {.project = weir_span_of(projects[i]),
                                           .purpose = WEIR_SPAN("support"),
                                           .staff = WEIR_SPAN("DE"),
                                           .not_after = WEIR_TIME_MAX};
        struct weir_key_made made;
        size_t at;
        if (weir_control_keys_create(place->control, &local, &wish, 1, &made,
                                     &at, &faults, &err) != WEIR_OK)
            fail_msg("%s", err.text);
        memcpy(place->keys[i], made.id, sizeof made.id);
    }
    weir_faults_fini(&faults);
}

static void
close_place(struct place *place)
{
    char run[WEIR_PATH_MAX];
    memcpy(run, place->control->paths.run, sizeof run);
    weir_control_close(place->control);
    command("rm -rf %s", place->directory);
    command("rm -rf %s", run);
}

/* ------------------------------------------------------------- verdicts */

static const char figures[] =
    "{\"signals\":[{\"signal\":\"departure\",\"value\":9.5,\"line\":3,"
    "\"seen\":41,\"expected\":3.2,\"fired\":true},{\"signal\":\"shape\","
    "\"value\":2,\"line\":1,\"seen\":0,\"expected\":0,\"fired\":true}],"
    "\"evidence\":[\"req_1\"]}";

/* The watch has seen a window; `calls` says which. */
static void
say_looks(struct place *place, const char *subject, uint64_t calls,
          uint32_t kinds, enum weir_watch_action action, uint32_t looks)
{
    struct weir_error err = {0};
    struct weir_watch_row row = {.window_end = weir_control_now(),
                                 .calls = calls,
                                 .window = 300,
                                 .kinds = kinds,
                                 .action = action,
                                 .looks = looks,
                                 .score = 2,
                                 .detail = weir_span_of(figures)};
    bool is_new = false;
    struct weir_store *store = place->control->store;
    assert_ok(weir_watch_named(weir_span_of(subject), &row.kind, &row.digest,
                               &row.name, &err));
    assert_ok(weir_store_begin(store, &err));
    assert_ok(weir__watch_verdict_add(store, &row, &is_new, &err));
    assert_ok(weir_store_commit(store, &err));
    assert_true(is_new);
}

static void
say(struct place *place, const char *subject, uint64_t calls, uint32_t kinds,
    enum weir_watch_action action)
{
    say_looks(place, subject, calls, kinds, action, 1);
}

static uint32_t
turn(struct place *place)
{
    struct weir_error err = {0};
    uint32_t did = 0;
    if (weir_steps_turn(place->control, &did, &err) != WEIR_OK)
        fail_msg("%s", err.text);
    return did;
}

struct found {
    struct weir_step_row row;
    char room[65536];
    struct weir_arena arena;
    bool is_there;
};

static struct weir_step_row
stand(struct place *place, const char *subject)
{
    static struct found found;
    struct weir_error err = {0};
    uint32_t kind;
    uint64_t digest;
    weir_span name;
    weir_arena_init(&found.arena, found.room, sizeof found.room);
    assert_ok(
        weir_watch_named(weir_span_of(subject), &kind, &digest, &name, &err));
    memset(&found.row, 0, sizeof found.row);
    assert_ok(weir__step_get(place->control->store, kind, digest, &found.arena,
                             &found.row, &found.is_there, &err));
    return found.row;
}

static int64_t
case_of(struct place *place, const char *subject)
{
    return stand(place, subject).case_number;
}

static char *
key_subject(const struct place *place, int key)
{
    static char text[2][64];
    static int turn_of;
    turn_of = !turn_of;
    snprintf(text[turn_of], sizeof text[turn_of], "key:%s", place->keys[key]);
    return text[turn_of];
}

/* The step that workers read for a subject; 0: none. */
static struct weir_watch_step
row_in_overlay(struct place *place, uint64_t digest)
{
    struct weir_watch_step found = {0};
    char path[WEIR_PATH_MAX + 48];
    struct weir_overlay overlay;
    struct weir_error err = {0};
    uint32_t count = 0;
    snprintf(path, sizeof path, "%s/overlay-%llu", place->control->paths.run,
             (unsigned long long)place->control->board->overlay);
    assert_ok(weir_overlay_map(path, &overlay, &err));
    const struct weir_watch_step *steps =
        weir_overlay_steps(&overlay, digest, &count);
    if (count > 0) {
        found = steps[0];
        assert_true(steps[0].until > weir_control_now());
        assert_true(weir_watch_step_id(&steps[0]).len > 5);
    }
    weir_overlay_close(&overlay);
    return found;
}

static uint32_t
in_overlay(struct place *place, uint64_t digest)
{
    return row_in_overlay(place, digest).action;
}

static uint32_t
agreed_in_overlay(struct place *place, uint64_t digest)
{
    return row_in_overlay(place, digest).agreed;
}

static bool
count_notice(void *context, const struct weir_notice *row)
{
    assert_span(row->type, "watch.step");
    ++*(uint32_t *)context;
    return true;
}

static uint32_t
notices(struct place *place, const char *tenant)
{
    uint32_t count = 0;
    struct weir_error err = {0};
    const struct weir_notice_filter filter = {.tenant = weir_span_of(tenant)};
    assert_ok(weir_notices(place->control->store, &filter, count_notice, &count,
                           &err));
    return count;
}

TEST(steps, a_verdict_becomes_a_step_a_case_a_notice_and_a_row_for_workers)
{
    struct place place;
    open_place(&place, "steps=observe,slow,strip");
    say(&place, key_subject(&place, 0), 300, 2, WEIR_WATCH_STRIP);
    assert_int_equal(turn(&place), 1);
    struct weir_step_row row = stand(&place, key_subject(&place, 0));
    assert_int_equal(row.stand.step, WEIR_WATCH_OBSERVE);
    assert_span(row.tenant, "big");
    assert_span(row.project, "big/app");
    assert_span(row.owner, "big");
    assert_true(row.case_number > 0);
    assert_int_equal(notices(&place, "big"), 1);
    assert_int_equal(in_overlay(&place, row.digest), WEIR_WATCH_OBSERVE);
    /* A verdict counts once. */
    assert_int_equal(turn(&place), 0);
    say(&place, key_subject(&place, 0), 1500, 2, WEIR_WATCH_STRIP);
    assert_int_equal(turn(&place), 1);
    int64_t first = row.case_number;
    row = stand(&place, key_subject(&place, 0));
    assert_int_equal(row.stand.step, WEIR_WATCH_SLOW);
    assert_int_equal(row.case_number, first);
    assert_int_equal(in_overlay(&place, row.digest), WEIR_WATCH_SLOW);
    assert_int_equal(notices(&place, "big"), 2);
    close_place(&place);
}

TEST(steps, a_step_survives_a_restart_and_acts_at_once)
{
    struct place place;
    open_place(&place, "steps=slow");
    say(&place, "tenant:small", 300, 3, WEIR_WATCH_SLOW);
    assert_int_equal(turn(&place), 1);
    uint64_t digest = stand(&place, "tenant:small").digest;
    weir_control_close(place.control);
    start(&place);
    assert_int_equal(stand(&place, "tenant:small").stand.step, WEIR_WATCH_SLOW);
    assert_int_equal(in_overlay(&place, digest), WEIR_WATCH_SLOW);
    assert_int_equal(turn(&place), 0);
    close_place(&place);
}

TEST(steps, without_a_rule_only_observe_is_automatic)
{
    struct place place;
    open_place(&place, "a label");
    for (uint64_t i = 1; i < 6; i++) {
        say(&place, "tenant:small", 300 * i, 3, WEIR_WATCH_HOLD);
        (void)turn(&place);
    }
    struct weir_step_row row = stand(&place, "tenant:small");
    assert_int_equal(row.stand.step, WEIR_WATCH_OBSERVE);
    assert_int_equal(row.stand.coming, WEIR_WATCH_SLOW);
    assert_int_equal(row.stand.is_asked, 1);
    assert_int_equal(row.stand.agreed, WEIR_WATCH_NOTHING);
    /* A person's yes is what workers need to let it meet a call. */
    struct weir_error err = {0};
    assert_ok(weir_step_answer(place.control, &ada,
                               case_of(&place, "tenant:small"), true,
                               WEIR_SPAN("figures hold"), &err));
    row = stand(&place, "tenant:small");
    assert_int_equal(row.stand.step, WEIR_WATCH_SLOW);
    assert_int_equal(row.stand.agreed, WEIR_WATCH_SLOW);
    assert_int_equal(in_overlay(&place, row.digest), WEIR_WATCH_SLOW);
    assert_int_equal(agreed_in_overlay(&place, row.digest), WEIR_WATCH_SLOW);
    close_place(&place);
}

TEST(steps, quiet_windows_lead_down_however_many_a_verdict_stands_for)
{
    struct place place;
    open_place(&place, "steps=observe,slow;ask=none;clean=3");
    for (uint64_t i = 1; i < 4; i++) {
        say(&place, "tenant:small", 300 * i, 3, WEIR_WATCH_SLOW);
        (void)turn(&place);
    }
    assert_int_equal(stand(&place, "tenant:small").stand.step, WEIR_WATCH_SLOW);
    say_looks(&place, "tenant:small", 1500, 0, WEIR_WATCH_NOTHING, 2);
    (void)turn(&place);
    assert_int_equal(stand(&place, "tenant:small").stand.step, WEIR_WATCH_SLOW);
    say_looks(&place, "tenant:small", 1650, 0, WEIR_WATCH_NOTHING, 1);
    (void)turn(&place);
    assert_int_equal(stand(&place, "tenant:small").stand.step,
                     WEIR_WATCH_OBSERVE);
    say_looks(&place, "tenant:small", 2850, 0, WEIR_WATCH_NOTHING, 8);
    (void)turn(&place);
    assert_int_equal(stand(&place, "tenant:small").stand.step,
                     WEIR_WATCH_NOTHING);
    close_place(&place);
}

TEST(steps, the_narrowest_subject_answers)
{
    struct place place;
    open_place(&place, "steps=observe,slow");
    const char *const wider[] = {"project:big/app", "tenant:big",
                                 "organisation:big", "group:big"};
    say(&place, key_subject(&place, 0), 300, 2, WEIR_WATCH_SLOW);
    for (size_t i = 0; i < WEIR_COUNTOF(wider); i++)
        say(&place, wider[i], 300, 2, WEIR_WATCH_SLOW);
    say(&place, "tenant:other", 300, 2, WEIR_WATCH_SLOW);
    assert_int_equal(turn(&place), 2);
    assert_int_equal(notices(&place, "big"), 1);
    for (size_t i = 0; i < WEIR_COUNTOF(wider); i++)
        assert_int_equal(stand(&place, wider[i]).stand.step, 0);
    assert_int_equal(stand(&place, "tenant:other").stand.step, 1);
    close_place(&place);
}

/* -------------------------------------------------------------- people */

TEST(steps, a_person_answers_what_is_asked_and_nobody_in_particular_does_not)
{
    struct place place;
    struct weir_error err;
    open_place(&place, "steps=none;ask=slow");
    say(&place, "tenant:small", 300, 2, WEIR_WATCH_SLOW);
    assert_int_equal(turn(&place), 1);
    int64_t number = case_of(&place, "tenant:small");
    assert_int_equal(notices(&place, "small"), 0);
    assert_refused(weir_step_answer(place.control, &local, number, true,
                                    WEIR_SPAN("x"), &err),
                   WEIR_EROLE);
    assert_refused(weir_step_answer(place.control, &ada, number, true,
                                    WEIR_SPAN(""), &err),
                   WEIR_EPARSE);
    assert_ok(weir_step_answer(place.control, &ada, number, true,
                               WEIR_SPAN("figures hold"), &err));
    struct weir_step_row row = stand(&place, "tenant:small");
    assert_int_equal(row.stand.step, WEIR_WATCH_SLOW);
    assert_int_equal(in_overlay(&place, row.digest), WEIR_WATCH_SLOW);
    assert_int_equal(notices(&place, "small"), 1);
    assert_refused(weir_step_answer(place.control, &ada, number, false,
                                    WEIR_SPAN("x"), &err),
                   WEIR_ECONFLICT);
    close_place(&place);
}

TEST(steps, hold_is_announced_and_an_explanation_puts_it_off)
{
    struct place place;
    struct weir_error err;
    open_place(&place, "steps=hold;ask=none;explain=48h");
    say(&place, "tenant:small", 300, 2, WEIR_WATCH_HOLD);
    assert_int_equal(turn(&place), 1);
    int64_t number = case_of(&place, "tenant:small");
    struct weir_step_row row = stand(&place, "tenant:small");
    weir_time from = row.stand.from;
    assert_int_equal(row.stand.step, 0);
    assert_int_equal(in_overlay(&place, row.digest), 0);
    /* Nobody alone stops what policy takes, before the customer is heard. */
    assert_refused(weir_step_answer(place.control, &ada, number, false,
                                    WEIR_SPAN("a good customer"), &err),
                   WEIR_ECONFLICT);
    assert_refused(weir_step_explain(place.control, &local, number,
                                     WEIR_SPAN("other"), WEIR_SPAN("x"), &err),
                   WEIR_ENOTFOUND);
    assert_ok(weir_step_explain(place.control, &local, number,
                                WEIR_SPAN("small"), WEIR_SPAN("a test suite"),
                                &err));
    row = stand(&place, "tenant:small");
    assert_int_equal(row.stand.is_explained, 1);
    assert_true(row.stand.from > from);
    assert_ok(weir_step_answer(place.control, &ada, number, false,
                               WEIR_SPAN("it is a test suite"), &err));
    assert_int_equal(stand(&place, "tenant:small").stand.coming, 0);
    assert_int_equal(notices(&place, "small"), 3);
    close_place(&place);
}

static void
make_overdue(struct place *place)
{
    char path[200];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/state/weir.db", place->directory);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE cases SET deadline_us = 1", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
}

TEST(steps, an_appeal_that_nobody_decides_ends_the_step)
{
    struct place place;
    struct weir_error err;
    open_place(&place, "steps=slow");
    say(&place, "tenant:small", 300, 2, WEIR_WATCH_SLOW);
    assert_int_equal(turn(&place), 1);
    int64_t number = case_of(&place, "tenant:small");
    assert_ok(weir_step_appeal(place.control, &local, number,
                               WEIR_SPAN("small"), WEIR_SPAN("not us"), &err));
    assert_int_equal(turn(&place), 0);
    make_overdue(&place);
    assert_int_equal(turn(&place), 1);
    struct weir_step_row row = stand(&place, "tenant:small");
    assert_int_equal(row.stand.step, 0);
    assert_int_equal(in_overlay(&place, row.digest), 0);
    /* What led to it leads to nothing any more. */
    say(&place, "tenant:small", 450, 2, WEIR_WATCH_SLOW);
    assert_int_equal(turn(&place), 0);
    say(&place, "tenant:small", 900, 2, WEIR_WATCH_SLOW);
    assert_int_equal(turn(&place), 1);
    assert_true(case_of(&place, "tenant:small") != number);
    close_place(&place);
}

TEST(steps, a_case_that_two_people_clear_lifts_its_step)
{
    struct place place;
    struct weir_error err;
    const struct weir_case_decision clears = {.verdict = WEIR_CASE_CLEARED,
                                              .reason = WEIR_SPAN("tests"),
                                              .until = WEIR_TIME_MAX};
    open_place(&place, "steps=slow");
    say(&place, "tenant:small", 300, 2, WEIR_WATCH_SLOW);
    assert_int_equal(turn(&place), 1);
    int64_t number = case_of(&place, "tenant:small");
    assert_ok(weir_case_decide(place.control, &ada, number, &clears, &err));
    assert_int_equal(stand(&place, "tenant:small").stand.step, WEIR_WATCH_SLOW);
    assert_refused(weir_case_restore(place.control, &ada_again, number,
                                     WEIR_SPAN("yes"), &err),
                   WEIR_EROLE);
    assert_ok(
        weir_case_restore(place.control, &bo, number, WEIR_SPAN("yes"), &err));
    struct weir_step_row row = stand(&place, "tenant:small");
    assert_int_equal(row.stand.step, 0);
    assert_int_equal(in_overlay(&place, row.digest), 0);
    assert_int_equal(notices(&place, "small"), 2);
    close_place(&place);
}

/* ------------------------------------------------------------ overrides */

static weir_status
ask(struct place *place, const struct weir_actor *who,
    enum weir_override_deed deed, const char *tenant,
    enum weir_watch_action step, char id_out[WEIR_STORE_ID_MAX])
{
    struct weir_error err;
    const struct weir_override wish = {.deed = deed,
                                       .kind = WEIR_WATCH_OF_TENANT,
                                       .name = weir_span_of(tenant),
                                       .step = step,
                                       .until =
                                           weir_control_now() + WEIR_US_PER_DAY,
                                       .reason = WEIR_SPAN("a reason")};
    return weir_override_request(place->control, who, &wish, id_out, &err);
}

TEST(steps, an_override_needs_two_people)
{
    struct place place;
    struct weir_error err;
    char id[WEIR_STORE_ID_MAX];
    open_place(&place, "steps=slow;ask=suspend");
    assert_refused(ask(&place, &ada, WEIR_OVERRIDE_LIFT, "small", 0, id),
                   WEIR_ECONFLICT);
    assert_refused(
        ask(&place, &ada, WEIR_OVERRIDE_RAISE, "small", WEIR_WATCH_HOLD, id),
        WEIR_ECONFLICT);
    assert_refused(ask(&place, &ada, WEIR_OVERRIDE_RAISE, "nobody",
                       WEIR_WATCH_SUSPEND, id),
                   WEIR_ENOTFOUND);
    assert_refused(ask(&place, &local, WEIR_OVERRIDE_EXEMPT, "small", 0, id),
                   WEIR_EROLE);
    assert_ok(ask(&place, &ada, WEIR_OVERRIDE_RAISE, "small",
                  WEIR_WATCH_SUSPEND, id));
    assert_int_equal(stand(&place, "tenant:small").stand.step, 0);
    assert_refused(weir_override_approve(place.control, &ada_again,
                                         weir_span_of(id), &err),
                   WEIR_EROLE);
    assert_refused(
        weir_override_approve(place.control, &local, weir_span_of(id), &err),
        WEIR_EROLE);
    assert_ok(
        weir_override_approve(place.control, &bo, weir_span_of(id), &err));
    struct weir_step_row row = stand(&place, "tenant:small");
    assert_int_equal(row.stand.step, WEIR_WATCH_SUSPEND);
    assert_int_equal(in_overlay(&place, row.digest), WEIR_WATCH_SUSPEND);
    assert_int_equal(notices(&place, "small"), 1);
    assert_true(row.case_number > 0);
    assert_refused(
        weir_override_approve(place.control, &bo, weir_span_of(id), &err),
        WEIR_ECONFLICT);
    assert_ok(weir_override_revoke(place.control, &ada, weir_span_of(id),
                                   WEIR_SPAN("over"), &err));
    assert_int_equal(stand(&place, "tenant:small").stand.step, 0);
    assert_int_equal(in_overlay(&place, row.digest), 0);
    close_place(&place);
}

TEST(steps, an_exempted_customer_is_measured_and_left_alone_until_it_ends)
{
    struct place place;
    struct weir_error err;
    char id[WEIR_STORE_ID_MAX];
    open_place(&place, "steps=slow");
    say(&place, "tenant:small", 300, 2, WEIR_WATCH_SLOW);
    assert_int_equal(turn(&place), 1);
    assert_ok(ask(&place, &ada, WEIR_OVERRIDE_EXEMPT, "small", 0, id));
    assert_ok(
        weir_override_approve(place.control, &bo, weir_span_of(id), &err));
    assert_int_equal(stand(&place, "tenant:small").stand.step, 0);
    say(&place, "tenant:small", 900, 3, WEIR_WATCH_HOLD);
    assert_int_equal(turn(&place), 0);
    assert_int_equal((int)stand(&place, "tenant:small").calls, 900);
    assert_ok(weir_override_revoke(place.control, &bo, weir_span_of(id),
                                   WEIR_SPAN("no longer"), &err));
    say(&place, "tenant:small", 1500, 3, WEIR_WATCH_HOLD);
    assert_int_equal(turn(&place), 1);
    close_place(&place);
}

/* What is written about what was done cannot be changed. */
TEST(steps, the_store_refuses_to_change_what_was_done)
{
    static const char *const deeds[] = {
        "DELETE FROM watch_deed", "UPDATE watch_deed SET person = 'x'",
        "DELETE FROM watch_override", "UPDATE watch_override SET reason = 'x'",
        "UPDATE watch_override SET approved_by = 'x'"};
    struct place place;
    struct weir_error err;
    char id[WEIR_STORE_ID_MAX], path[200];
    sqlite3 *db;
    open_place(&place, "steps=slow");
    say(&place, "tenant:small", 300, 2, WEIR_WATCH_SLOW);
    (void)turn(&place);
    assert_ok(ask(&place, &ada, WEIR_OVERRIDE_LIFT, "small", 0, id));
    assert_ok(
        weir_override_approve(place.control, &bo, weir_span_of(id), &err));
    snprintf(path, sizeof path, "%s/state/weir.db", place.directory);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    for (size_t i = 0; i < WEIR_COUNTOF(deeds); i++)
        assert_int_equal(sqlite3_exec(db, deeds[i], NULL, NULL, NULL),
                         SQLITE_CONSTRAINT);
    sqlite3_close(db);
    close_place(&place);
}

/* ------------------------------------------------------------- equality */

/* Money in the ledger of a tenant: one call of so much. */
static void
pay(struct place *place, const char *tenant, int64_t micros)
{
    struct weir_error err;
    struct weir_store *store = place->control->store;
    const struct weir_store_at at = {.lane = 1, .segment = 1, .leaf = -1};
    struct weir_record_intent intent = {.tenant = weir_span_of(tenant),
                                        .project = WEIR_SPAN("app"),
                                        .organisation = weir_span_of(tenant),
                                        .decided_us = weir_control_now()};
    struct weir_record_outcome outcome = {.ending = WEIR_END_COMPLETE,
                                          .currency = WEIR_SPAN("USD"),
                                          .cost_micros = micros};
    bool is_new;
    memset(intent.request.bytes, tenant[0], sizeof intent.request.bytes);
    outcome.request = intent.request;
    assert_ok(weir_store_begin(store, &err));
    assert_ok(weir_store_put_intent(store, &intent, &at, &is_new, &err));
    assert_ok(
        weir_store_put_outcome(store, &outcome, &at, &is_new, NULL, &err));
    assert_ok(weir_store_flush_totals(store, &err));
    assert_ok(weir_store_commit(store, &err));
}

struct story {
    char text[4096];
    size_t len;
    const char *tenant;
};

static bool
tell_deed(void *context, const struct weir_step_deed *deed)
{
    struct story *story = context;
    story->len += (size_t)snprintf(
        story->text + story->len, sizeof story->text - story->len,
        "%s %u %u %lld;", weir_watch_change_name(deed->change), deed->step,
        deed->coming,
        deed->until == 0
            ? 0
            : (long long)((deed->until - deed->when) / WEIR_US_PER_SEC));
    return true;
}

static struct story
story_of(struct place *place, const char *tenant)
{
    struct story story = {.tenant = tenant};
    struct weir_error err;
    const struct weir_step_filter filter = {.tenant = weir_span_of(tenant)};
    assert_ok(weir_step_deeds(place->control->store, &filter, tell_deed, &story,
                              &err));
    return story;
}

/* The largest payer and the smallest see the same, deed by deed. */
TEST(steps, what_a_customer_pays_changes_nothing)
{
    struct place place;
    char subject[64];
    static const char *const tenants[] = {"big", "small"};
    srand(50);
    for (int world = 0; world < 4; world++) {
        static const char *const rules[] = {
            "steps=observe,slow,strip,hold;explain=0m;clean=1",
            "steps=observe,slow;ask=hold", "a label",
            "steps=hold;ask=none;clean=2;tell=slow"};
        open_place(&place, rules[world]);
        pay(&place, "big", INT64_C(1000000000000));
        pay(&place, "small", 1000);
        for (uint64_t i = 1; i < 25; i++) {
            uint32_t kinds = (uint32_t)rand() % 4;
            enum weir_watch_action action =
                (enum weir_watch_action)(rand() % 5);
            for (size_t t = 0; t < 2; t++) {
                snprintf(subject, sizeof subject, "tenant:%s", tenants[t]);
                say(&place, subject, 300 * i, kinds, action);
            }
            (void)turn(&place);
        }
        struct story big = story_of(&place, "big");
        struct story small = story_of(&place, "small");
        assert_true(big.len > 0);
        assert_string_equal(big.text, small.text);
        assert_int_equal(notices(&place, "big"), notices(&place, "small"));
        close_place(&place);
    }
}

/* One rung a window, two kinds, always an end: over whatever comes. */
TEST(steps, whatever_the_watch_says_a_step_has_two_signals_and_an_end)
{
    struct place place;
    srand(51);
    open_place(&place, "steps=observe,slow,strip,hold;explain=0m;clean=2");
    uint8_t before = 0;
    for (uint64_t i = 1; i < 80; i++) {
        uint32_t kinds = (uint32_t)rand() % 3;
        enum weir_watch_action action = (enum weir_watch_action)(rand() % 6);
        say(&place, "tenant:small", 300 * i, kinds, action);
        (void)turn(&place);
        struct weir_step_row row = stand(&place, "tenant:small");
        assert_true(row.stand.step <= before + 1);
        if (row.stand.step > before && row.stand.step > WEIR_WATCH_OBSERVE)
            assert_true(kinds >= 2 && action >= row.stand.step);
        assert_int_equal(row.stand.step == 0, row.stand.until == 0);
        assert_int_equal(in_overlay(&place, row.digest == 0 ? 1 : row.digest),
                         row.stand.step);
        before = row.stand.step;
    }
    close_place(&place);
}
