/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include <weir/watch_indicators.h>

#include "control/config/config.h"

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static struct weir_world *
load(const char *exchanges, struct weir_faults *faults)
{
    char text[2048];
    snprintf(text, sizeof text, "watch:\n  exchanges: [%s]\n", exchanges);
    struct weir_world *world = weir_world_new();
    weir_faults_init(faults);
    weir_status status = weir_config_parse(
        weir_span_of(text), WEIR_SPAN("weir.yaml"), world, faults);
    assert_true((status == WEIR_OK) == (faults->total == 0));
    return world;
}

TEST(exchanges, are_read_as_written)
{
    struct weir_faults faults;
    struct weir_world *world = load(
        "{name: north-labs, salt: {env: SALT},"
        " trust: [{issuer: two, key: " KEY "}, {issuer: two, key: " KEY "}],"
        " give: {as: one, sign: {command: pass x}, kinds: [head, system],"
        " last: 30 d}},"
        "{name: b, salt: {file: x.salt}, give: {as: one, sign: {file: k}}}",
        &faults);
    assert_int_equal(faults.total, 0);
    assert_int_equal(world->exchange_count, 2);
    const struct weir_world_exchange *first = &world->exchange_rows[0];
    assert_span(first->name, "north-labs");
    assert_int_equal(first->salt.kind, WEIR_CREDENTIAL_ENV);
    assert_int_equal(first->trusts.count, 2);
    assert_span(world->peer_rows[first->trusts.first].issuer, "two");
    assert_span(first->issuer, "one");
    assert_int_equal(first->signing.kind, WEIR_CREDENTIAL_COMMAND);
    assert_int_equal(first->gives,
                     1u << WEIR_INDICATOR_HEAD | 1u << WEIR_INDICATOR_SYSTEM);
    assert_true(first->lasts_us == 30 * WEIR_US_PER_DAY);
    assert_int_equal(world->exchange_rows[1].gives,
                     (1u << WEIR_INDICATOR_KINDS) - 1);
    assert_true(world->exchange_rows[1].lasts_us == 90 * WEIR_US_PER_DAY);
    weir_world_free(world);
    weir_faults_fini(&faults);
}

#define TRUST "trust: [{issuer: two, key: " KEY "}]"

TEST(exchanges, what_cannot_be_is_a_fault)
{
    static const char *const cases[][2] = {
        {"{name: North, salt: {env: S}, " TRUST "}", "not a name"},
        {"{salt: {env: S}, " TRUST "}", "not a name"},
        {"{name: a, " TRUST "}", "needs its salt"},
        {"{name: a, salt: 00ff, " TRUST "}", "not a reference"},
        {"{name: a, salt: {env: S}}", "neither takes nor gives"},
        {"{name: a, salt: {env: S}, " TRUST "},"
         "{name: a, salt: {env: S}, " TRUST "}",
         "of that name"},
        {"{name: a, salt: {env: S}, trust: [{issuer: two, key: abc}]}",
         "not an Ed25519"},
        {"{name: a, salt: {env: S}, trust: [{issuer: T, key: " KEY "}]}",
         "not a name"},
        {"{name: a, salt: {env: S}, give: {as: one}}", "is signed"},
        {"{name: a, salt: {env: S}, give: {sign: {env: K}}}", "not a name"},
        {"{name: a, salt: {env: S}, give: {as: one, sign: {env: K},"
         " kinds: [text]}}",
         "not a kind"},
        {"{name: a, salt: {env: S}, give: {as: one, sign: {env: K},"
         " last: 1 h}}",
         "too long or too short"},
        {"{name: a, salt: {env: S}, give: {as: one, sign: {env: K},"
         " last: 400 d}}",
         "too long or too short"},
        {"{name: a, salt: {env: S}, " TRUST ", give: {as: two,"
         " sign: {env: K}}}",
         "trusts itself"},
        {"{name: a, salt: {env: S}, issuer: x, " TRUST "}", "has no key"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct weir_faults faults;
        struct weir_world *world = load(cases[i][0], &faults);
        bool is_found = false;
        for (uint32_t f = 0; f < faults.count; f++)
            is_found = is_found ||
                       memmem(faults.rows[f].text.ptr, faults.rows[f].text.len,
                              cases[i][1], strlen(cases[i][1])) != NULL;
        if (!is_found)
            fail_msg("case %zu: %.*s", i,
                     faults.count > 0 ? (int)faults.rows[0].text.len : 0,
                     faults.count > 0 ? faults.rows[0].text.ptr : "");
        weir_world_free(world);
        weir_faults_fini(&faults);
    }
}
