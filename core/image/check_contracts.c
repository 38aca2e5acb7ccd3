/* SPDX-License-Identifier: Apache-2.0 */
/* Contracts: whose, for how long, in which money. */
#include "check.h"

#include <weir/catalog.h>

#include <string.h>

static bool
is_same_party(const struct weir_world_contract *a,
              const struct weir_world_contract *b)
{
    return weir_span_equal(a->tenant.text, b->tenant.text) &&
           weir_span_equal(a->organisation.text, b->organisation.text);
}

static void
check_term(struct weir__check *check, const char *owner,
           const struct weir_world_contract *c)
{
    const struct weir_world *world = check->world;
    const struct weir_world_contract *rows = world->contract_rows;
    if (c->from == WEIR_TIME_MIN)
        weir_faults_add(check->faults, c->place, "Add `from:`, a date.",
                        "%s has no beginning", owner);
    else if (c->from >= c->until)
        weir_faults_add(check->faults, c->place, "Write a later `until:`.",
                        "%s ends before it begins", owner);
    if (c->commitment > 0 && !c->is_prepaid && c->until == WEIR_TIME_MAX)
        weir_faults_add(check->faults, c->place,
                        "Add `until:`; what is left of the commitment is "
                        "billed then.",
                        "%s commits to an amount and has no end", owner);
    for (const struct weir_world_contract *o = rows; o < c; o++) {
        if (is_same_party(o, c) && o->from < c->until && c->from < o->until)
            weir_faults_add(
                check->faults, c->place, "End one before the other begins.",
                "%s overlaps contract \"%.*s\"", owner, WEIR_SPAN_ARG(o->name));
    }
}

static void
check_prices(struct weir__check *check, const char *owner,
             const struct weir_world_contract *c)
{
    if (c->prices.count == 0)
        return; /* and perhaps no table */
    struct weir_world_contract_price *rows =
        check->world->contract_price_rows + c->prices.first;
    for (uint32_t i = 0; i < c->prices.count; i++) {
        weir__check_ref(check, &check->models, "model", owner, &rows[i].model);
        if (rows[i].price.input < 0) {
            weir_faults_add(check->faults, rows[i].place,
                            "Add `price: {input: ..., output: ...}`.",
                            "%s names a model without a price", owner);
            rows[i].price = (struct weir_price){0};
        }
        for (uint32_t j = 0; j < i; j++) {
            if (weir_span_equal(rows[i].model.text, rows[j].model.text))
                weir_faults_add(check->faults, rows[i].place,
                                "Keep one of them.",
                                "%s has two prices of one model", owner);
        }
    }
}

static void
check_rates(struct weir__check *check, const char *owner,
            const struct weir_world_contract *c)
{
    const struct weir_world *world = check->world;
    /* without rates there is perhaps no table */
    const struct weir_world_rate *rows =
        c->rates.count == 0 ? NULL : world->rate_rows + c->rates.first;
    bool is_foreign = !weir_span_equal(c->currency, world->currency);
    if (!is_foreign && c->rates.count > 0)
        weir_faults_add(check->faults, rows[0].place, "Remove `rates:`.",
                        "%s is in the seller's currency and has rates", owner);
    if (is_foreign && (c->rates.count == 0 || rows[0].from > c->from))
        weir_faults_add(check->faults, c->place,
                        "Add a rate from the first day of the contract on: "
                        "{from: ..., rate: \"...\"}.",
                        "%s begins without a rate from %.*s to %.*s", owner,
                        WEIR_SPAN_ARG(world->currency),
                        WEIR_SPAN_ARG(c->currency));
    for (uint32_t i = 0; i < c->rates.count; i++) {
        if (rows[i].from == WEIR_TIME_MIN || rows[i].rate == 0)
            weir_faults_add(check->faults, rows[i].place,
                            "Write {from: 2026-11-01, rate: \"0.92\"}.",
                            "a rate of %s has no beginning or no value", owner);
        else if (i > 0 && rows[i].from <= rows[i - 1].from)
            weir_faults_add(check->faults, rows[i].place,
                            "Write rates in the order of their dates.",
                            "a rate of %s begins before the one above it",
                            owner);
    }
}

void
weir__check_contracts(struct weir__check *check)
{
    struct weir_world *world = check->world;
    struct weir__names names;
    if (!weir__names_init(&names, &check->scratch, world->contract_count))
        return;
    for (uint32_t i = 0; i < world->contract_count; i++) {
        struct weir_world_contract *c = &world->contract_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "contract", c->name);
        weir__check_name(check, &names, c->place, "contract", c->name, i);
        if (c->currency.len == 0)
            c->currency = world->currency;
        else if (!weir_currency_known(c->currency))
            weir_faults_add(
                check->faults, c->place, "Use the three letters of ISO 4217.",
                "\"%.*s\" is not a currency", WEIR_SPAN_ARG(c->currency));
        if ((c->tenant.text.len > 0) == (c->organisation.text.len > 0))
            weir_faults_add(check->faults, c->place,
                            "Write `tenant:` or `organisation:`.",
                            "%s is with one tenant or one organisation", owner);
        else if (c->tenant.text.len > 0)
            weir__check_ref(check, &check->tenants, "tenant", owner,
                            &c->tenant);
        else
            weir__check_ref(check, &check->organisations, "organisation", owner,
                            &c->organisation);
        check_term(check, owner, c);
        check_prices(check, owner, c);
        check_rates(check, owner, c);
    }
}
