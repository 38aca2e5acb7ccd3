/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an entry of the catalogue to a model that is served.
 *
 * A catalogue names thousands of models; a seller runs a few dozen. So an
 * entry becomes a model only where a deployment names it: the image, the
 * entities and the routes stay as small as what is served, and the rest is
 * one row each, for lists and for the reason that a caller is told.
 *
 * WHAT MUST BE KNOWN. Origin, terms, licence, price in the seller's currency,
 * and that its maker has not retired it. Terms are known when a row of
 * `terms:` has their name, so that customers can accept them. An entry says
 * each itself or inherits it from its maker (from the provider of that name
 * where one is declared). A deployment of an entry that lacks one is a
 * fault, not a warning: nobody serves what he knows too little of.
 *
 * It runs before the names are counted, and again on every check: a row that
 * was promoted is found by its name then and left alone.
 */
#include "check.h"

#include <stdio.h>
#include <string.h>

static const struct {
    uint32_t bit;
    const char *name;
} lacks_names[] = {
    {WEIR_LACKS_ORIGIN, "origin"},   {WEIR_LACKS_TERMS, "terms"},
    {WEIR_LACKS_LICENCE, "licence"}, {WEIR_LACKS_PRICE, "price"},
    {WEIR_LACKS_LIFE, "support"},    {WEIR_LACKS_DEPLOYMENT, "deployment"},
};

const char *
weir_lack_name(uint32_t lack)
{
    for (size_t i = 0; i < WEIR_COUNTOF(lacks_names); i++) {
        if (lacks_names[i].bit == lack)
            return lacks_names[i].name;
    }
    return "";
}

void
weir_lacks_format(uint32_t lacks, char text_out[WEIR_LACKS_TEXT])
{
    size_t used = 0;
    text_out[0] = '\0';
    for (size_t i = 0; i < WEIR_COUNTOF(lacks_names); i++) {
        if ((lacks & lacks_names[i].bit) == 0 || used >= WEIR_LACKS_TEXT - 1)
            continue;
        used +=
            (size_t)snprintf(text_out + used, WEIR_LACKS_TEXT - used, "%s%s",
                             used > 0 ? ", " : "", lacks_names[i].name);
    }
}

struct promotion {
    struct weir_world *world;
    struct weir_faults *faults;
    struct weir_arena scratch;
    struct weir__names listings;
    struct weir__names makers;
    struct weir__names models;
    struct weir__names providers;
};

/* What an entry does not say, from its maker. */
static void
inherit(struct promotion *p, struct weir_world_listing *l)
{
    const struct weir_world *world = p->world;
    uint32_t maker = weir__names_find(&p->makers, l->maker);
    uint32_t provider = weir__names_find(&p->providers, l->maker);
    if (l->origin.text.len == 0 && provider != WEIR_INDEX_NONE)
        l->origin = world->provider_rows[provider].origin;
    if (maker == WEIR_INDEX_NONE)
        return;
    const struct weir_world_maker *m = &world->maker_rows[maker];
    if (l->origin.text.len == 0)
        l->origin = m->origin;
    if (l->terms.len == 0)
        l->terms = m->terms;
    if (l->licence.len == 0)
        l->licence = weir_span_equal(l->weights, WEIR_SPAN("open"))
                         ? m->open_licence
                         : m->licence;
}

/* Terms that the configuration names, so that customers can accept them. Of
 * a catalogue by itself, beside which nothing is served, nobody can say. */
static bool
are_known(const struct weir_world *world, const struct weir_world_listing *l)
{
    char why[WEIR__TERMS_WHY];
    return (world->terms_count == 0 && world->deployment_count == 0) ||
           weir__terms_find(world, l->terms, l->maker, why) != NULL;
}

static void
note_lacks(struct promotion *p, struct weir_world_listing *l)
{
    weir_span currency = p->world->currency;
    l->lacks = 0;
    if (l->maker.len == 0 || l->origin.text.len == 0)
        l->lacks |= WEIR_LACKS_ORIGIN;
    if (l->terms.len == 0 || !are_known(p->world, l))
        l->lacks |= WEIR_LACKS_TERMS;
    if (l->licence.len == 0)
        l->lacks |= WEIR_LACKS_LICENCE;
    if (!l->has_price ||
        (l->currency.len > 0 && !weir_span_equal(l->currency, currency)))
        l->lacks |= WEIR_LACKS_PRICE;
    if (weir_span_equal(l->status, WEIR_SPAN("retired")))
        l->lacks |= WEIR_LACKS_LIFE;
}

static void
check_listing(struct promotion *p, struct weir_world_listing *l)
{
    static const char *const known[] = {"",     "active",     "alpha",
                                        "beta", "deprecated", "retired"};
    uint32_t row;
    if (l->origin.text.len > 0 && !weir_jurisdiction_find(l->origin.text, &row))
        weir_faults_add(p->faults, l->place,
                        "Use an ISO 3166-1 code of two capital letters, or "
                        "leave the origin out: then it is listed only.",
                        "catalogue entry \"%.*s\" has origin \"%.*s\"",
                        WEIR_SPAN_ARG(l->name), WEIR_SPAN_ARG(l->origin.text));
    for (size_t i = 0; i < WEIR_COUNTOF(known); i++) {
        if (weir_span_equal(l->status, weir_span_of(known[i])))
            return;
    }
    weir_faults_add(p->faults, l->place,
                    "Known are active, alpha, beta, deprecated and retired.",
                    "catalogue entry \"%.*s\" has status \"%.*s\"",
                    WEIR_SPAN_ARG(l->name), WEIR_SPAN_ARG(l->status));
}

static void
add_provider(struct promotion *p, const struct weir_world_listing *l)
{
    if (weir__names_find(&p->providers, l->maker) != WEIR_INDEX_NONE)
        return;
    uint32_t maker = weir__names_find(&p->makers, l->maker);
    struct weir_world_provider *row = weir_world_add_provider(p->world);
    if (row == NULL)
        return;
    const struct weir_world_maker *m =
        maker == WEIR_INDEX_NONE ? NULL : &p->world->maker_rows[maker];
    row->place = l->place;
    row->name = l->maker;
    row->title = m != NULL ? m->title : l->maker;
    row->origin = m != NULL && m->origin.text.len > 0 ? m->origin : l->origin;
    (void)weir__names_put(&p->providers, l->maker,
                          p->world->provider_count - 1);
}

static void
add_model(struct promotion *p, struct weir_world_listing *l)
{
    add_provider(p, l);
    struct weir_world_model *row = weir_world_add_model(p->world);
    if (row == NULL)
        return;
    *row = (struct weir_world_model){
        .place = l->place,
        .name = l->name,
        .title = l->title,
        .provider = {.place = l->place, .text = l->maker},
        .family = l->family,
        .tier = l->tier,
        .weights = l->weights,
        .licence = l->licence,
        .origin = l->origin,
        .currency = l->currency,
        .price_version = l->price_version,
        .price = l->price,
        .stated = l->stated,
        .changes = l->changes,
        .has_price = true,
        .output_tokens_max = l->output_tokens_max,
        .operations = l->operations,
        .created = l->created,
        .terms = l->terms,
        .deprecated = l->deprecated,
        .sunset = l->sunset,
        .successor = l->successor,
        .more = l->more,
    };
    l->model = p->world->model_count - 1;
    (void)weir__names_put(&p->models, l->name, l->model);
}

static void
promote(struct promotion *p, const struct weir_world_deployment *d)
{
    uint32_t row = weir__names_find(&p->listings, d->model.text);
    if (row == WEIR_INDEX_NONE ||
        weir__names_find(&p->models, d->model.text) != WEIR_INDEX_NONE)
        return;
    struct weir_world_listing *l = &p->world->listing_rows[row];
    uint32_t lacks = l->lacks & WEIR_LACKS_FACTS;
    char text[WEIR_LACKS_TEXT], why[WEIR__TERMS_WHY] = "";
    if (lacks == 0) {
        add_model(p, l);
        return;
    }
    weir_lacks_format(lacks, text);
    bool names_terms = (lacks & WEIR_LACKS_TERMS) != 0 && l->terms.len > 0;
    if (names_terms)
        (void)weir__terms_find(p->world, l->terms, l->maker, why);
    weir_faults_add(
        p->faults, d->place,
        names_terms ? "Write the NAME or NAME@VERSION of a row of `terms:`, or "
                      "add the row; until then the model is listed and nobody "
                      "can call it."
                    : "Add it to the entry, or to its maker; until then the "
                      "model is listed and nobody can call it.",
        "deployment \"%.*s\" serves \"%.*s\", which the catalogue lists "
        "without %s%s%.*s%s%s",
        WEIR_SPAN_ARG(d->name), WEIR_SPAN_ARG(l->name), text,
        names_terms ? ": it names \"" : "",
        names_terms ? (int)(l->terms.len < 80 ? l->terms.len : 80) : 0,
        names_terms ? l->terms.ptr : "", names_terms ? "\", " : "", why);
}

static void
put_names(struct promotion *p)
{
    struct weir_world *world = p->world;
    for (uint32_t i = 0; i < world->provider_count; i++)
        (void)weir__names_put(&p->providers, world->provider_rows[i].name, i);
    for (uint32_t i = 0; i < world->model_count; i++)
        (void)weir__names_put(&p->models, world->model_rows[i].name, i);
    for (uint32_t i = 0; i < world->maker_count; i++) {
        const struct weir_world_maker *m = &world->maker_rows[i];
        if (weir__names_put(&p->makers, m->name, i) != WEIR_INDEX_NONE)
            weir_faults_add(p->faults, m->place,
                            "Names are unique: rename or remove one of the "
                            "two.",
                            "maker \"%.*s\" is there twice",
                            WEIR_SPAN_ARG(m->name));
    }
}

static void
read_listings(struct promotion *p)
{
    struct weir_world *world = p->world;
    for (uint32_t i = 0; i < world->listing_count; i++) {
        struct weir_world_listing *l = &world->listing_rows[i];
        if (weir__names_put(&p->listings, l->name, i) != WEIR_INDEX_NONE)
            weir_faults_add(p->faults, l->place,
                            "Names are unique: rename or remove one of the "
                            "two.",
                            "catalogue entry \"%.*s\" is there twice",
                            WEIR_SPAN_ARG(l->name));
        inherit(p, l);
        check_listing(p, l);
        note_lacks(p, l);
        l->model = weir__names_find(&p->models, l->name);
    }
}

void
weir_world_promote(struct weir_world *world, struct weir_faults *faults)
{
    struct promotion p = {.world = world, .faults = faults};
    uint32_t more = world->listing_count;
    if (more == 0 && world->maker_count == 0)
        return;
    weir_arena_init_heap(&p.scratch, WEIR_WORLD_BYTES_MAX);
    if (weir__names_init(&p.listings, &p.scratch, more) &&
        weir__names_init(&p.makers, &p.scratch, world->maker_count) &&
        weir__names_init(&p.models, &p.scratch, world->model_count + more) &&
        weir__names_init(&p.providers, &p.scratch,
                         world->provider_count + more)) {
        put_names(&p);
        read_listings(&p);
        for (uint32_t i = 0; i < world->deployment_count; i++)
            promote(&p, &world->deployment_rows[i]);
    }
    world->arena.overflow = world->arena.overflow || p.scratch.overflow;
    weir_arena_fini(&p.scratch);
}
