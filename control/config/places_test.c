/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/image.h>

#include "test.h"

static const char head[] =
    "listen: [{address: 127.0.0.1:8080}]\nstate: /s\npolicies: /p\n"
    "seller: {title: S, appeal: a@s.example}\n"
    "providers: [{name: m, title: M, origin: DE}]\n"
    "models: [{name: large, provider: m, origin: DE, tier: t, weights: w,"
    " licence: l, price: {input: \"1\", output: \"1\"}}]\n"
    "regions: [{name: here, jurisdiction: DE}]\n"
    "origins: [{name: one, dialect: openai, url: https://one.example/v1},"
    " {name: clear, dialect: openai, url: http://127.0.0.1:9/v1}]\n"
    "organisations: [{name: s, title: S, headquarters: DE, incorporated: DE,"
    " category: c}]\n";

/* Faults of the head with `more` behind it. */
static uint32_t
faults_of(const char *more, struct weir_world **world_out, char text[512])
{
    struct weir_faults faults;
    struct weir_buf buf, said;
    struct weir_world *world = weir_world_new();
    weir_faults_init(&faults);
    weir_buf_init(&buf, 65536);
    weir_buf_init_fixed(&said, text, 511);
    weir_buf_addf(&buf, "%s%s", head, more);
    if (weir_config_parse(weir_buf_span(&buf), WEIR_SPAN("x.yaml"), world,
                          &faults) == WEIR_OK)
        (void)weir_world_check(world, &faults);
    weir_faults_write(&faults, &said);
    text[said.len] = '\0';
    uint32_t total = faults.total;
    weir_buf_fini(&buf);
    weir_faults_fini(&faults);
    if (world_out != NULL)
        *world_out = world;
    else
        weir_world_free(world);
    return total;
}

TEST(places, pins_are_read_whole)
{
    struct weir_world *world;
    char text[512];
    uint8_t inside[16], outside[16], last[16];
    assert_int_equal(
        faults_of(
            "deployments: [{name: d, model: large, origin: one, region: here,"
            " stored_in: DE, operator: s, cloud: c, pins: {"
            "region: {header: x-region, value: here, must: true},"
            "operator: {header: x-op, value: s},"
            "certificates: [sha256/"
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=],"
            "authorities: [\"sha256:"
            "00112233445566778899aabbccddeeff"
            "00112233445566778899aabbccddeeff\"],"
            "addresses: [192.0.2.0/25, \"2001:db8::/33\"]}}]\n",
            &world, text),
        0);
    const struct weir_world_pins *pins = &world->deployment_rows[0].pins;
    assert_span(pins->region.header, "x-region");
    assert_true(pins->region.must);
    assert_false(pins->operated_by.must);
    assert_int_equal(pins->certificates.count, 1);
    assert_int_equal(pins->authorities.count, 1);
    assert_int_equal(world->digest_rows[pins->authorities.first].bytes[1],
                     0x11);
    assert_int_equal(pins->networks.count, 2);
    const struct weir_world_network *v4 =
        &world->network_rows[pins->networks.first];
    assert_true(weir_network_parse(WEIR_SPAN("192.0.2.127"), inside, last));
    assert_memory_equal(inside, v4->last, 16);
    assert_true(weir_network_parse(WEIR_SPAN("192.0.2.0"), outside, last));
    assert_memory_equal(outside, v4->first, 16);
    weir_world_free(world);
}

TEST(places, what_can_never_hold_is_a_fault)
{
    static const struct {
        const char *pins;
        const char *says;
    } rows[] = {
        {"origin: one, pins: {certificates: [sha256/AAAA]}", "not a pin"},
        {"origin: one, pins: {certificates: [md5/AAAA]}", "not a pin"},
        {"origin: one, pins: {addresses: [192.0.2.0/33]}", "not a network"},
        {"origin: one, pins: {region: {value: here}}", "names no header"},
        {"origin: one, pins: {region: {header: x-region}}",
         "without its value"},
        {"origin: one, pins: {region: {header: X-Region, value: here}}",
         "cannot be one"},
        {"origin: one, pins: {authorities: [{file: /nowhere/ca.pem}]}",
         "/nowhere/ca.pem"},
        {"origin: clear, pins: {certificates: [sha256/"
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]}",
         "that has none"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        char more[512], text[512];
        snprintf(more, sizeof more,
                 "deployments: [{name: d, model: large, region: here,"
                 " stored_in: DE, operator: s, cloud: c, %s}]\n",
                 rows[i].pins);
        assert_true(faults_of(more, NULL, text) > 0);
        if (strstr(text, rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].pins, text);
    }
}

TEST(places, proxies_and_networks_of_machines)
{
    struct weir_world *world;
    char text[512];
    assert_int_equal(
        faults_of("clients: {trusted_proxies: [10.0.0.0/8, \"::1\"],"
                  " header: X-Real-IP}\n"
                  "signals: {window: 2 h, hosting: [198.51.100.0/24]}\n",
                  &world, text),
        0);
    assert_int_equal(world->settings.proxies.count, 2);
    assert_span(world->settings.client_header, "X-Real-IP");
    assert_int_equal(world->signals_window_us, 7200 * WEIR_US_PER_SEC);
    assert_int_equal(world->hosting.count, 1);
    weir_world_free(world);
    assert_true(
        faults_of("clients: {trusted_proxies: [everybody]}\n", NULL, text) > 0);
    assert_true(
        faults_of("clients: {header: \"x y; deny all\"}\n", NULL, text) > 0);
    assert_int_equal(
        faults_of("signals: {hosting: [AS64500, as64501]}\n", &world, text), 0);
    assert_int_equal(world->system_count, 2);
    assert_int_equal(world->system_rows[1].number, 64501);
    weir_world_free(world);
    assert_true(faults_of("signals: {hosting: [ASX]}\n", NULL, text) > 0);
    assert_true(faults_of("signals: {hosting: [AS0]}\n", NULL, text) > 0);
    assert_true(faults_of("signals: {hosting: [AS4294967296]}\n", NULL, text) >
                0);
}
