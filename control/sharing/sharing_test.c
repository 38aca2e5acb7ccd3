/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <test.h>

#include "control/cases/cases.h"
#include "control/parts.h"
#include "control/sharing/parts.h"

#define DAY  WEIR_US_PER_DAY
#define TAIL UINT64_C(0x2222)

static const struct weir_actor ada = {"wt_ada", WEIR_ROLE_ADMIN};
static const struct weir_actor bo = {"wt_bo", WEIR_ROLE_ADMIN};
static const struct weir_actor local = {"local", WEIR_ROLE_ADMIN};
static const struct weir_ed25519_secret peer = {{1, 2, 3}};
static const struct weir_ed25519_secret stranger = {{4}};

/* A control with two exchanges that have the same issuer. */
struct place {
    char directory[64];
    char path[128];
    struct weir_control *control;
};

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
    "organisations: [{name: seller, headquarters: DE, incorporated: DE,"
    " category: local, established: true}]\n";

static void
write_text(const struct place *place, const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", place->directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
}

static void
write_config(const struct place *place, const char *watch)
{
    char text[4096];
    int len = snprintf(text, sizeof text,
                       "state: %s/state\npolicies: %s/policies\n%s%s",
                       place->directory, place->directory, config, watch);
    assert_true(len > 0 && (size_t)len < sizeof text);
    write_text(place, "weir.yaml", text);
}

static void
public_key(const struct weir_ed25519_secret *secret, char text_out[64])
{
    weir_ed25519_public key;
    assert_ok(weir_ed25519_public_of(secret, &key));
    text_out[weir_base64_encode(
        (weir_span){(const char *)key.bytes, sizeof key.bytes}, text_out)] =
        '\0';
}

static void
write_exchanges(const struct place *place)
{
    char watch[1024], key[64];
    public_key(&peer, key);
    snprintf(watch, sizeof watch,
             "watch:\n  exchanges:\n"
             "  - {name: north, salt: {file: north.salt},"
             " trust: [{issuer: peer, key: %s}],"
             " give: {as: us, sign: {file: sign.key}, kinds: [head],"
             " last: 10 d}}\n"
             "  - {name: south, salt: {file: south.salt},"
             " trust: [{issuer: peer, key: %s}]}\n",
             key, key);
    write_config(place, watch);
    write_text(place, "north.salt", "00112233445566778899aabbccddeeff\n");
    write_text(place, "south.salt", "ffeeddccbbaa99887766554433221100\n");
    write_text(place, "sign.key",
               "BQYHCAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
}

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
                                     .role = WEIR_ROLE_ADMIN,
                                     .name = weir_span_of(name),
                                     .not_after = WEIR_TIME_MAX};
    memcpy(token.digest, id, strlen(id));
    assert_ok(weir_store_token_add(store, &token, &err));
}

static void
open_place(struct place *place)
{
    char command[128];
    memset(place, 0, sizeof *place);
    strcpy(place->directory, "/tmp/weir-sharing-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    snprintf(command, sizeof command, "mkdir -p %s/policies/seller",
             place->directory);
    assert_int_equal(system(command), 0);
    snprintf(place->path, sizeof place->path, "%s/weir.yaml", place->directory);
    write_text(place, "policies/seller/p.cedar",
               "@id(\"permit\") @title(\"T\") @authority(\"A\")\n"
               "permit (principal, action in Action::\"infer\","
               " resource in Bloc::\"hosting\");\n");
    write_exchanges(place);
    start(place);
    add_token(place->control->store, "wt_ada", "Ada");
    add_token(place->control->store, "wt_bo", "Bo");
}

static void
close_place(struct place *place)
{
    char command[WEIR_PATH_MAX + 128], run[WEIR_PATH_MAX];
    memcpy(run, place->control->paths.run, sizeof run);
    weir_control_close(place->control);
    snprintf(command, sizeof command, "rm -rf '%s' '%s'", place->directory,
             run);
    assert_int_equal(system(command), 0);
}

/* ---------------------------------------------------------------- bundles */

struct wish {
    const char *exchange;
    const char *issuer;
    const struct weir_ed25519_secret *secret;
    uint64_t serial;
    weir_time issued; /* from now */
    weir_time lasts;
    uint64_t digest; /* of one head */
};

static weir_time
whole(weir_time when)
{
    return when / WEIR_US_PER_SEC * WEIR_US_PER_SEC;
}

static weir_span
make(const struct wish *wish)
{
    static char memory[4096];
    uint8_t salt[16];
    size_t len = 0;
    struct weir_buf out;
    struct weir_error err = {0};
    bool is_north = strcmp(wish->exchange, "north") == 0;
    assert_true(weir_hex_decode(
        weir_span_of(is_north ? "00112233445566778899aabbccddeeff"
                              : "ffeeddccbbaa99887766554433221100"),
        salt, sizeof salt, &len));
    struct weir_bundle_indicator one = {
        weir_indicator_word(salt, WEIR_INDICATOR_HEAD, wish->digest),
        WEIR_INDICATOR_HEAD};
    const struct weir_bundle head = {
        .exchange = weir_span_of(wish->exchange),
        .issuer = weir_span_of(wish->issuer),
        .serial = wish->serial,
        .issued = whole(weir_control_now() + wish->issued),
        .expires = whole(weir_control_now() + wish->issued) + wish->lasts};
    weir_buf_init_fixed(&out, memory, sizeof memory);
    assert_ok(weir_bundle_write(&head, &one, 1, wish->secret, &out, &err));
    return weir_buf_span(&out);
}

static weir_status
take(struct place *place, const struct wish *wish)
{
    struct weir_share_taken taken;
    struct weir_error err = {0};
    return weir_share_import(place->control, &ada, make(wish), &taken, &err);
}

/* Exchanges, by bits, that a call with this head matches. */
static uint32_t
matched(const struct place *place, uint64_t head)
{
    char path[WEIR_PATH_MAX + 48];
    struct weir_indicators set;
    const struct weir_watch_features call = {.head = head};
    weir__control_run_path(place->control, "indicators",
                           place->control->board->indicators, path);
    assert_ok(weir_indicators_map(path, &set, NULL));
    uint32_t exchanges =
        weir_indicators_match(&set, &call, weir_control_now()).exchanges;
    weir_indicators_close(&set);
    return exchanges;
}

static bool
has_file(const struct place *place, int64_t number)
{
    char path[WEIR_PATH_MAX + 48];
    weir__share_path(place->control, number, path);
    return access(path, F_OK) == 0;
}

TEST(sharing, bundle_is_matched_under_the_exchange_it_belongs_to)
{
    struct place place;
    char name[WEIR_INDICATOR_NAME_BYTES];
    open_place(&place);
    assert_int_equal(matched(&place, 5), 0);
    assert_ok(
        take(&place, &(struct wish){"north", "peer", &peer, 1, 0, DAY, 5}));
    assert_int_equal(matched(&place, 5), 1);
    assert_int_equal(matched(&place, 6), 0);
    assert_ok(
        take(&place, &(struct wish){"south", "peer", &peer, 1, 0, DAY, 5}));
    assert_int_equal(matched(&place, 5), 3);
    /* A word of one salt says nothing under another. */
    assert_ok(
        take(&place, &(struct wish){"north", "peer", &peer, 2, 0, DAY, 6}));
    assert_int_equal(matched(&place, 5), 2);
    assert_int_equal(matched(&place, 6), 1);
    assert_true(
        weir_share_name_at(place.control->store, 1, weir_control_now(), name));
    assert_string_equal(name, "south");
    close_place(&place);
}

TEST(sharing, what_nobody_should_take_is_refused)
{
    static const struct {
        struct wish wish;
        weir_status status;
    } cases[] = {
        {{"west", "peer", &peer, 9, 0, DAY, 5}, WEIR_ENOTFOUND},
        {{"north", "other", &peer, 9, 0, DAY, 5}, WEIR_EROLE},
        {{"north", "peer", &stranger, 9, 0, DAY, 5}, WEIR_EROLE},
        {{"north", "peer", &peer, 9, -2 * DAY, DAY, 5}, WEIR_ECONFLICT},
        {{"north", "peer", &peer, 9, DAY, DAY, 5}, WEIR_ECONFLICT},
        {{"north", "peer", &peer, 3, 0, DAY, 5}, WEIR_ECONFLICT},
        {{"north", "peer", &peer, 2, 0, DAY, 5}, WEIR_ECONFLICT},
        {{"north", "peer", &peer, 4, 0, DAY, 5}, WEIR_OK},
    };
    struct place place;
    open_place(&place);
    assert_ok(
        take(&place, &(struct wish){"north", "peer", &peer, 3, 0, DAY, 7}));
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        if (take(&place, &cases[i].wish) != cases[i].status)
            fail_msg("case %zu", i);
        if (cases[i].status != WEIR_OK)
            assert_int_equal(matched(&place, 7), 1);
    }
    close_place(&place);
}

TEST(sharing, what_is_over_ends_and_its_text_goes)
{
    struct place place;
    struct weir_error err = {0};
    open_place(&place);
    assert_ok(take(&place, &(struct wish){"north", "peer", &peer, 1,
                                          -10 * WEIR_US_PER_SEC,
                                          12 * WEIR_US_PER_SEC, 5}));
    assert_ok(
        take(&place, &(struct wish){"south", "peer", &peer, 1, 0, DAY, 5}));
    assert_int_equal(matched(&place, 5), 3);
    assert_true(has_file(&place, 1));
    uint64_t generation = place.control->board->indicators;
    weir_time end = weir_control_now() + 10 * WEIR_US_PER_SEC;
    while (matched(&place, 5) == 3 && weir_control_now() < end)
        usleep(20000);
    /* The set in force says so by itself; then it is made anew. */
    assert_int_equal(matched(&place, 5), 2);
    assert_ok(weir_share_turn(place.control, &err));
    assert_true(place.control->board->indicators > generation);
    assert_int_equal(matched(&place, 5), 2);
    assert_false(has_file(&place, 1));
    assert_true(has_file(&place, 2));
    /* An ended serial does not come back. */
    assert_int_equal(
        take(&place, &(struct wish){"north", "peer", &peer, 1, 0, DAY, 5}),
        WEIR_ECONFLICT);
    generation = place.control->board->indicators;
    assert_ok(weir_share_turn(place.control, &err));
    assert_int_equal(place.control->board->indicators, generation);
    close_place(&place);
}

TEST(sharing, a_changed_file_is_left_out_and_the_rest_stays)
{
    struct place place;
    struct weir_error err = {0};
    char path[WEIR_PATH_MAX + 48];
    open_place(&place);
    assert_ok(
        take(&place, &(struct wish){"north", "peer", &peer, 1, 0, DAY, 5}));
    assert_ok(
        take(&place, &(struct wish){"south", "peer", &peer, 1, 0, DAY, 5}));
    weir__share_path(place.control, 1, path);
    assert_ok(weir_write_file(
        path, make(&(struct wish){"north", "peer", &peer, 2, 0, DAY, 6}), 0400,
        &err));
    weir_control_lock(place.control);
    assert_ok(weir__share_publish(place.control, &err));
    pthread_mutex_unlock(&place.control->lock);
    assert_int_equal(matched(&place, 5), 2);
    assert_int_equal(matched(&place, 6), 0);
    close_place(&place);
}

static bool
see_problem(void *context, const struct weir_share_state *state)
{
    char *problem = context;
    if (weir_span_equal(state->name, WEIR_SPAN("north")))
        strcpy(problem, state->problem);
    return true;
}

TEST(sharing,
     an_exchange_that_leaves_gives_its_number_up_and_one_without_salt_says_so)
{
    struct place place;
    struct weir_faults faults;
    struct weir_error err = {0};
    char problem[192] = "";
    uint32_t number = 9;
    open_place(&place);
    assert_ok(
        take(&place, &(struct wish){"south", "peer", &peer, 1, 0, DAY, 5}));
    write_text(&place, "north.salt", "salt\n");
    weir_faults_init(&faults);
    assert_ok(weir_control_reload(place.control, &faults, &err));
    assert_ok(
        weir_share_states(place.control, true, see_problem, problem, &err));
    assert_non_null(strstr(problem, "32 hexadecimal digits"));
    assert_int_equal(matched(&place, 5), 2);
    weir_time before = weir_control_now();
    write_config(&place, "");
    assert_ok(weir_control_reload(place.control, &faults, &err));
    assert_int_equal(matched(&place, 5), 0);
    assert_false(
        weir__share_number_of(place.control, WEIR_SPAN("south"), &number));
    /* Records of that time still find it. */
    assert_true(weir_share_name_at(place.control->store, 1, before, problem));
    assert_string_equal(problem, "south");
    weir_faults_fini(&faults);
    close_place(&place);
}

/* ----------------------------------------------------------------- export */

static int64_t
raise(struct place *place, const char *subject)
{
    char id[WEIR_CASE_ID_MAX];
    int64_t number;
    bool is_new;
    struct weir_error err = {0};
    const struct weir_case_cause cause = {.kind = WEIR_CASE_WATCH,
                                          .subject = weir_span_of(subject),
                                          .cause = WEIR_SPAN("verdict:1"),
                                          .title = WEIR_SPAN("t")};
    assert_ok(weir_case_raise(place->control->store, &cause, weir_control_now(),
                              id, &is_new, &err));
    assert_true(weir_case_id_parse(weir_span_of(id), &number));
    return number;
}

static void
decide(struct place *place, const struct weir_actor *actor, int64_t number,
       enum weir_case_verdict verdict)
{
    struct weir_error err = {0};
    const struct weir_case_decision decision = {
        .verdict = verdict, .reason = WEIR_SPAN("r"), .until = WEIR_TIME_MAX};
    if (weir_case_decide(place->control, actor, number, &decision, &err) !=
        WEIR_OK)
        fail_msg("%s", err.text);
}

/* What its calls had in common, as if they had been read. */
static void
put_found(struct place *place, int64_t number, uint64_t head)
{
    struct weir_error err = {0};
    const struct weir__share_gathered gathered = {.when = 1, .calls = 50};
    const struct weir__share_found found[] = {{WEIR_INDICATOR_HEAD, head, 40},
                                              {WEIR_INDICATOR_TAIL, TAIL, 40}};
    assert_ok(weir__share_case_add(place->control->store, number, &gathered,
                                   found, 2, &err));
}

/* How many indicators went out; -1: refused. */
static int
export_count(struct place *place, const struct weir_actor *actor,
             weir_status *status_out)
{
    struct weir_share_given given;
    struct weir_buf text;
    struct weir_error err = {0};
    weir_buf_init(&text, 1 << 20);
    *status_out =
        weir_share_export(place->control, place->control->store, actor,
                          WEIR_SPAN("north"), &text, &given, &err);
    /* One kind is given: a tail is in no bundle. */
    if (*status_out == WEIR_OK)
        assert_null(memmem(text.ptr, text.len, "\ntail ", 6));
    weir_buf_fini(&text);
    return *status_out == WEIR_OK ? (int)given.bundle.indicators : -1;
}

TEST(sharing, only_what_a_person_upheld_goes_out)
{
    struct place place;
    weir_status status;
    struct weir_error err = {0};
    open_place(&place);
    int64_t upheld = raise(&place, "a"), cleared = raise(&place, "b");
    int64_t open = raise(&place, "c"), hidden = raise(&place, "d");
    put_found(&place, upheld, 1);
    put_found(&place, cleared, 2);
    put_found(&place, open, 3);
    put_found(&place, hidden, 4);
    assert_int_equal(export_count(&place, &ada, &status), -1);
    assert_int_equal(status, WEIR_ENOTFOUND);
    decide(&place, &ada, upheld, WEIR_CASE_UPHELD);
    decide(&place, &ada, cleared, WEIR_CASE_CLEARED);
    decide(&place, &ada, hidden, WEIR_CASE_UPHELD);
    assert_int_equal(export_count(&place, &local, &status), -1);
    assert_int_equal(status, WEIR_EROLE);
    assert_int_equal(export_count(&place, &ada, &status), 2);
    assert_ok(weir_share_withhold(place.control, &ada, WEIR_SPAN("north"),
                                  hidden, WEIR_SPAN("asked to"), &err));
    assert_int_equal(export_count(&place, &ada, &status), 1);
    /* Under appeal it is open again; decided again, it is back. */
    assert_ok(
        weir_case_appeal(place.control, &ada, upheld, WEIR_SPAN("no"), &err));
    assert_int_equal(export_count(&place, &ada, &status), 0);
    decide(&place, &bo, upheld, WEIR_CASE_UPHELD);
    assert_int_equal(export_count(&place, &ada, &status), 1);
    assert_ok(
        weir_case_appeal(place.control, &ada, upheld, WEIR_SPAN("no"), &err));
    decide(&place, &ada, upheld, WEIR_CASE_CLEARED);
    assert_int_equal(export_count(&place, &ada, &status), 0);
    close_place(&place);
}

TEST(sharing, what_the_configuration_does_not_give_stays)
{
    struct place place;
    struct weir_share_given given;
    struct weir_buf text;
    struct weir_error err = {0};
    open_place(&place);
    int64_t number = raise(&place, "a");
    put_found(&place, number, 1);
    decide(&place, &ada, number, WEIR_CASE_UPHELD);
    weir_buf_init(&text, 1 << 20);
    assert_int_equal(weir_share_export(place.control, place.control->store,
                                       &ada, WEIR_SPAN("south"), &text, &given,
                                       &err),
                     WEIR_ECONFLICT);
    assert_int_equal(weir_share_export(place.control, place.control->store,
                                       &ada, WEIR_SPAN("west"), &text, &given,
                                       &err),
                     WEIR_ENOTFOUND);
    assert_int_equal((int)text.len, 0);
    weir_buf_fini(&text);
    close_place(&place);
}
