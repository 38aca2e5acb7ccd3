/* SPDX-License-Identifier: Apache-2.0 */
/* Makers, models, places, origins, deployments. */
#include "check.h"

#define OUTPUT_TOKENS_MAX 10000000
#define TIMEOUT_MS_MAX    (24u * 3600u * 1000u)

static void
check_providers(struct weir__check *check)
{
    struct weir_world *world = check->world;
    for (uint32_t i = 0; i < world->provider_count; i++) {
        struct weir_world_provider *p = &world->provider_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "provider", p->name);
        weir__check_name(check, &check->providers, p->place, "provider",
                         p->name, i);
        weir__check_jurisdiction(check, "origin", owner, &p->origin);
    }
}

/* A family belongs to one provider, since it is a parent of models. */
static void
check_family(struct weir__check *check, uint32_t row, const char *owner)
{
    const struct weir_world_model *rows = check->world->model_rows;
    const struct weir_world_model *m = &rows[row];
    weir_span family = m->family.len > 0 ? m->family : m->name;
    uint32_t other = weir__names_put(&check->families, family, row);
    if (other == WEIR_INDEX_NONE ||
        weir_span_equal(rows[other].provider.text, m->provider.text))
        return;
    weir_faults_add(check->faults, m->place,
                    "Give the families of different providers different "
                    "names.",
                    "%s puts family \"%.*s\" under provider \"%.*s\", another "
                    "model under \"%.*s\"",
                    owner, WEIR_SPAN_ARG(family),
                    WEIR_SPAN_ARG(m->provider.text),
                    WEIR_SPAN_ARG(rows[other].provider.text));
}

static void
check_amounts(struct weir__check *check, struct weir_place place,
              const char *owner, const struct weir_price *price,
              struct weir_world_range changes, weir_span currency)
{
    bool is_sound = weir_price_is_sound(price);
    for (uint32_t i = 0; i < changes.count; i++)
        is_sound = is_sound &&
                   weir_price_change_is_sound(
                       &check->world->change_rows[changes.first + i].change);
    if (!is_sound)
        weir_faults_add(check->faults, place,
                        "Prices lie between 0 and 1000000000.",
                        "%s has a negative or too large price", owner);
    if (currency.len > 0 && !weir_span_equal(currency, check->world->currency))
        weir_faults_add(check->faults, place,
                        "Convert the price: budgets are kept in one currency.",
                        "%s is priced in %.*s and the seller keeps %.*s", owner,
                        WEIR_SPAN_ARG(currency),
                        WEIR_SPAN_ARG(check->world->currency));
}

static void
check_price(struct weir__check *check, const struct weir_world_model *m,
            const char *owner)
{
    if (!m->has_price)
        weir_faults_add(check->faults, m->place,
                        "Add `price: {input: \"..\", output: \"..\"}` per "
                        "million tokens; \"0\" where it is free.",
                        "%s has no price", owner);
    check_amounts(check, m->place, owner, &m->price, m->changes, m->currency);
}

static void
check_models(struct weir__check *check)
{
    struct weir_world *world = check->world;
    for (uint32_t i = 0; i < world->model_count; i++) {
        struct weir_world_model *m = &world->model_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "model", m->name);
        bool is_new = weir__check_name(check, &check->models, m->place, "model",
                                       m->name, i);
        weir__check_ref(check, &check->providers, "provider", owner,
                        &m->provider);
        weir__check_jurisdiction(check, "origin", owner, &m->origin);
        if (m->licence.len == 0)
            weir_faults_add(check->faults, m->place,
                            "Add `licence:`, the terms under which it is "
                            "served.",
                            "%s has no licence", owner);
        check_price(check, m, owner);
        if (m->output_tokens_max > OUTPUT_TOKENS_MAX)
            weir_faults_add(check->faults, m->place,
                            "It is what is held when a client gives no limit.",
                            "%s has output_tokens_max above %u", owner,
                            OUTPUT_TOKENS_MAX);
        if (is_new)
            check_family(check, i, owner);
    }
}

static void
check_regions(struct weir__check *check)
{
    struct weir_world *world = check->world;
    for (uint32_t i = 0; i < world->region_count; i++) {
        struct weir_world_region *r = &world->region_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "region", r->name);
        weir__check_name(check, &check->regions, r->place, "region", r->name,
                         i);
        weir__check_jurisdiction(check, "jurisdiction", owner,
                                 &r->jurisdiction);
    }
}

static bool
is_loopback(weir_span host)
{
    return weir_span_starts(host, WEIR_SPAN("127.")) ||
           weir_span_equal(host, WEIR_SPAN("::1")) ||
           weir_span_equal(host, WEIR_SPAN("localhost"));
}

static void
check_origin(struct weir__check *check, const struct weir_world_origin *o,
             const char *owner)
{
    bool is_http = weir_span_equal(o->scheme, WEIR_SPAN("http"));
    bool is_https = weir_span_equal(o->scheme, WEIR_SPAN("https"));
    if ((!is_http && !is_https) || o->host.len == 0 || o->port == 0 ||
        o->port > 65535)
        weir_faults_add(check->faults, o->place,
                        "Write `url: https://host[:port][/prefix]`.",
                        "%s has no usable url", owner);
    if (o->dialect.len == 0)
        weir_faults_add(check->faults, o->place, "Write `dialect: openai`.",
                        "%s has no dialect", owner);
    if (is_http && o->credential.kind != WEIR_CREDENTIAL_NONE &&
        !is_loopback(o->host))
        weir_faults_add(check->faults, o->credential.place,
                        "Use https, or an origin on this machine.",
                        "%s would send its credential in clear", owner);
    if (o->connect_ms == 0 || o->first_byte_ms == 0 || o->idle_ms == 0 ||
        o->connect_ms > TIMEOUT_MS_MAX || o->first_byte_ms > TIMEOUT_MS_MAX ||
        o->idle_ms > TIMEOUT_MS_MAX)
        weir_faults_add(
            check->faults, o->place, "Timeouts lie between 1 ms and 24 h.",
            "%s has a timeout of nothing or of more than a day", owner);
}

static void
check_origins(struct weir__check *check)
{
    struct weir_world *world = check->world;
    for (uint32_t i = 0; i < world->origin_count; i++) {
        const struct weir_world_origin *o = &world->origin_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "origin", o->name);
        weir__check_name(check, &check->origins, o->place, "origin", o->name,
                         i);
        check_origin(check, o, owner);
    }
}

static void
check_deployments(struct weir__check *check)
{
    struct weir_world *world = check->world;
    for (uint32_t i = 0; i < world->deployment_count; i++) {
        struct weir_world_deployment *d = &world->deployment_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "deployment", d->name);
        weir__check_name(check, &check->deployments, d->place, "deployment",
                         d->name, i);
        weir__check_ref(check, &check->models, "model", owner, &d->model);
        weir__check_ref(check, &check->origins, "origin", owner, &d->origin);
        weir__check_ref(check, &check->regions, "region", owner, &d->region);
        weir__check_jurisdiction(check, "stored_in", owner, &d->stored_in);
        weir__check_ref(check, &check->organisations, "operator", owner,
                        &d->operated_by);
        weir__check_pins(check, owner, d);
        check_amounts(check, d->place, owner, &d->price, d->changes,
                      d->currency);
        if (!weir_health_rule_is_sound(&d->health))
            weir_faults_add(
                check->faults, d->place,
                "Write {failures: 5, share: 50, calls: 20, window: 30 s, "
                "open: 5 s, open_max: 2 min}: a share of at most 100 percent, "
                "times from 100 ms to 1 h, the longest not below the first.",
                "%s has a breaker that cannot be", owner);
    }
}

void
weir__check_catalogue(struct weir__check *check)
{
    check_providers(check);
    check_models(check);
    check_regions(check);
    check_origins(check);
    check_deployments(check);
}
