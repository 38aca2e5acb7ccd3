/* SPDX-License-Identifier: Apache-2.0 */
/* Contracts: what is read, and what is refused. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "control/config/config.h"

static const char world_text[] =
    "providers: [{name: p, origin: NO}]\n"
    "models:\n"
    "  - {name: m, provider: p, origin: NO, licence: l,\n"
    "     price: {input: \"1\", output: \"2\"}}\n"
    "organisations:\n"
    "  - {name: cust, headquarters: DE, incorporated: DE}\n"
    "tenants:\n"
    "  - {name: t, organisation: cust}\n"
    "contracts:\n";

struct place {
    struct weir_world *world;
    struct weir_faults faults;
};

static void
open_place(struct place *place, const char *contracts)
{
    char text[4096];
    snprintf(text, sizeof text, "%s%s", world_text, contracts);
    weir_faults_init(&place->faults);
    place->world = weir_world_new();
    if (weir_config_parse(weir_span_of(text), WEIR_SPAN("weir.yaml"),
                          place->world, &place->faults) == WEIR_OK)
        (void)weir_world_check(place->world, &place->faults);
}

static void
close_place(struct place *place)
{
    weir_faults_fini(&place->faults);
    weir_world_free(place->world);
}

static bool
has_fault(const struct place *place, const char *text)
{
    for (uint32_t i = 0; i < place->faults.count; i++) {
        weir_span row = place->faults.rows[i].text;
        if (memmem(row.ptr, row.len, text, strlen(text)) != NULL)
            return true;
    }
    return false;
}

TEST(contract, every_term_is_read_exactly)
{
    struct place place;
    open_place(&place,
               "  - name: c\n"
               "    from: 2026-11-01\n"
               "    until: 2027-11-01T00:00:00Z\n"
               "    tenant: t\n"
               "    currency: EUR\n"
               "    discount: \"12.5001%\"\n"
               "    minimum: \"100.5\"\n"
               "    free: {amount: \"1\", tokens: 1000}\n"
               "    commitment: {amount: \"5000\", prepaid: true}\n"
               "    prices:\n"
               "      - {model: m, price: {input: \"0.5\", output: \"1\",\n"
               "         version: agreed-1}}\n"
               "    rates: [{from: 2026-11-01, rate: \"0.92\"},\n"
               "            {from: 2026-11-15, rate: \"0.921234\"}]\n"
               "    utc_offset: \"+01:00\"\n");
    assert_int_equal(place.world->contract_count, 1);
    const struct weir_world_contract *c = place.world->contract_rows;
    weir_time november;
    assert_true(weir_time_parse(WEIR_SPAN("2026-10-31T23:00:00Z"), &november));
    assert_int_equal(c->from, november);
    assert_true(weir_time_parse(WEIR_SPAN("2027-11-01"), &november));
    assert_int_equal(c->until, november);
    assert_int_equal(c->discount_ppm, 125001);
    assert_int_equal(c->minimum, 100500000);
    assert_int_equal(c->free_amount, 1000000);
    assert_int_equal(c->free_tokens, 1000);
    assert_int_equal(c->commitment, 5000000000);
    assert_true(c->is_prepaid);
    assert_int_equal(c->prices.count, 1);
    assert_int_equal(place.world->contract_price_rows[0].price.input, 500000);
    assert_int_equal(c->rates.count, 2);
    assert_int_equal(place.world->rate_rows[0].from, c->from);
    assert_int_equal(place.world->rate_rows[1].rate, 921234);
    /* A world that names no seller is no whole one; of contracts nothing is
     * said against it. */
    assert_false(has_fault(&place, "contract"));
    assert_false(has_fault(&place, "rate"));
    close_place(&place);
}

TEST(contract, what_makes_no_sense_is_refused)
{
    static const struct {
        const char *text, *fault;
    } cases[] = {
        {"{name: c, tenant: t}", "has no beginning"},
        {"{name: c, tenant: t, from: 2026-11-01, until: 2026-11-01}",
         "ends before it begins"},
        {"{name: c, from: 2026-11-01}", "one tenant or one organisation"},
        {"{name: c, tenant: t, organisation: cust, from: 2026-11-01}",
         "one tenant or one organisation"},
        {"{name: c, tenant: u, from: 2026-11-01}", "\"u\""},
        {"{name: c, organisation: other, from: 2026-11-01}", "\"other\""},
        {"{name: c, tenant: t, from: 2026-11-01, currency: EURO}",
         "not a currency"},
        {"{name: c, tenant: t, from: 2026-11-01, currency: EUR}",
         "without a rate"},
        {"{name: c, tenant: t, from: 2026-11-01, currency: EUR,\n"
         "     rates: [{from: 2026-11-02, rate: \"1\"}]}",
         "without a rate"},
        {"{name: c, tenant: t, from: 2026-11-01, currency: EUR,\n"
         "     rates: [{from: 2026-11-01, rate: \"0\"}]}",
         "no value"},
        {"{name: c, tenant: t, from: 2026-11-01, currency: EUR,\n"
         "     rates: [{from: 2026-10-01, rate: \"1\"},\n"
         "       {from: 2026-10-01, rate: \"2\"}]}",
         "before the one above"},
        {"{name: c, tenant: t, from: 2026-11-01,\n"
         "     rates: [{from: 2026-11-01, rate: \"1\"}]}",
         "seller's currency and has rates"},
        {"{name: c, tenant: t, from: 2026-11-01, discount: 10}",
         "not a discount"},
        {"{name: c, tenant: t, from: 2026-11-01, discount: \"101%\"}",
         "not a discount"},
        {"{name: c, tenant: t, from: 2026-11-01, discount: \"1.23456%\"}",
         "not a discount"},
        {"{name: c, tenant: t, from: 2026-11-01, utc_offset: CET}",
         "not an offset"},
        {"{name: c, tenant: t, from: 2026-11-01,\n"
         "     commitment: {amount: \"5\"}}",
         "has no end"},
        {"{name: c, tenant: t, from: 2026-11-01,\n"
         "     prices: [{model: x, price: {input: 1, output: 1}}]}",
         "\"x\""},
        {"{name: c, tenant: t, from: 2026-11-01, prices: [{model: m}]}",
         "without a price"},
        {"{name: c, tenant: t, from: 2026-11-01,\n"
         "     prices: [{model: m, price: {input: 1, output: 1}},\n"
         "       {model: m, price: {input: 1, output: 1}}]}",
         "two prices"},
        {"{name: c, tenant: t, from: 2026-11-01}\n"
         "  - {name: d, tenant: t, from: 2027-11-01}",
         "overlaps"},
        {"{name: c, tenant: t, from: 2026-11-01, rebate: 3}", "rebate"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct place place;
        char text[1024];
        snprintf(text, sizeof text, "  - %s\n", cases[i].text);
        open_place(&place, text);
        if (!has_fault(&place, cases[i].fault))
            fail_msg("case %zu: no fault says '%s'", i, cases[i].fault);
        close_place(&place);
    }
}
