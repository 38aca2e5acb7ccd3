/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue: what is listed, what is served, and how a model ends. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/image.h>

#include "control/config/config.h"

#define NOW INT64_C(1795000000000000) /* 2026-11-18 */

#define MAKERS                                                                 \
    "terms:\n"                                                                 \
    "  - {name: fjord-1, version: \"2\"}\n"                                    \
    "  - {name: fog-1, version: \"1\"}\n"                                      \
    "makers:\n"                                                                \
    "  - {name: fjord, title: Fjord Models, origin: \"NO\", terms: fjord-1,\n" \
    "     licence: fjord-closed, open_licence: fjord-open, source: "           \
    "register,\n"                                                              \
    "     as_of: 2026-10-01, matches: [fjord/, fjord-*]}\n"                    \
    "  - {name: fog, title: Fog Models, terms: fog-1, licence: fog-closed}\n"

#define ENTRIES                                                                \
    "catalogue:\n"                                                             \
    "  - {name: fjord-one, title: Fjord One, maker: fjord, weights: open,\n"   \
    "     price: {input: \"1\", output: \"2\"}, created: 2026-01-02,\n"        \
    "     hosts: [{name: cloud-a, id: fjord/one, status: beta},\n"             \
    "             {name: cloud-b, id: one, price: {input: \"3\",\n"            \
    "              output: \"4\"}}]}\n"                                        \
    "  - {name: fog-one, maker: fog, price: {input: \"1\", output: \"2\"}}\n"  \
    "  - {name: lost-one}\n"

struct place {
    struct weir_world *world;
    struct weir_faults faults;
    struct weir_buf bytes;
    struct weir_image image;
};

static void
open_place(struct place *place, const char *text)
{
    char path[512];
    const char *source = getenv("WEIR_SOURCE");
    memset(place, 0, sizeof *place);
    weir_faults_init(&place->faults);
    snprintf(path, sizeof path, "%s/examples/minimal/weir.yaml",
             source == NULL ? "." : source);
    assert_int_equal(weir_config_load(path, &place->world, &place->faults),
                     WEIR_OK);
    assert_int_equal(weir_config_parse(weir_span_of(text),
                                       WEIR_SPAN("more.yaml"), place->world,
                                       &place->faults),
                     WEIR_OK);
}

static void
compile(struct place *place)
{
    struct weir_error err;
    if (weir_config_compile(place->world, NOW, 1, &place->bytes,
                            &place->faults) != WEIR_OK) {
        struct weir_buf out;
        weir_buf_init(&out, 1 << 16);
        weir_faults_write(&place->faults, &out);
        print_message("%.*s", (int)out.len, out.ptr);
        weir_buf_fini(&out);
    }
    assert_int_equal(place->faults.total, 0);
    if (weir_image_open(weir_buf_span(&place->bytes), &place->image, &err) !=
        WEIR_OK)
        fail_msg("%s", err.text);
}

static void
close_place(struct place *place)
{
    weir_buf_fini(&place->bytes);
    weir_faults_fini(&place->faults);
    weir_world_free(place->world);
}

static uint32_t
lacks_of(const struct place *place, const char *name)
{
    uint32_t row = weir_image_find_listing(&place->image, weir_span_of(name));
    assert_int_not_equal(row, WEIR_INDEX_NONE);
    return place->image.listings[row].lacks;
}

static void
assert_fault(const struct place *place, const char *text)
{
    for (uint32_t i = 0; i < place->faults.count; i++) {
        weir_span row = place->faults.rows[i].text;
        if (memmem(row.ptr, row.len, text, strlen(text)) != NULL)
            return;
    }
    fail_msg("no fault says '%s'", text);
}

TEST(catalogue, entries_are_listed_with_what_they_lack)
{
    struct place place;
    open_place(&place, MAKERS ENTRIES);
    compile(&place);
    assert_int_equal(place.image.listing_count, 3);
    assert_int_equal(lacks_of(&place, "fjord-one"), WEIR_LACKS_DEPLOYMENT);
    assert_int_equal(lacks_of(&place, "fog-one"),
                     WEIR_LACKS_ORIGIN | WEIR_LACKS_DEPLOYMENT);
    assert_int_equal(lacks_of(&place, "lost-one"),
                     WEIR_LACKS_ORIGIN | WEIR_LACKS_TERMS | WEIR_LACKS_LICENCE |
                         WEIR_LACKS_PRICE | WEIR_LACKS_DEPLOYMENT);
    assert_int_equal(weir_image_find_listing(&place.image, WEIR_SPAN("none")),
                     WEIR_INDEX_NONE);
    char text[WEIR_LACKS_TEXT];
    weir_lacks_format(WEIR_LACKS_ALL, text);
    assert_string_equal(text,
                        "origin, terms, licence, price, support, deployment");
    assert_int_equal(place.world->host_count, 2);
    close_place(&place);
}

static void
deploy(struct place *place, const char *model)
{
    struct weir_world *world = place->world;
    const struct weir_world_deployment first = world->deployment_rows[0];
    struct weir_world_deployment *row = weir_world_add_deployment(world);
    *row = first;
    row->name = WEIR_SPAN("extra");
    row->origin_model = WEIR_SPAN_NONE;
    row->model.text = weir_span_of(model);
}

TEST(catalogue, an_entry_is_served_when_a_deployment_names_it)
{
    struct place place;
    open_place(&place, MAKERS ENTRIES);
    deploy(&place, "fjord-one");
    for (int i = 0; i < 2; i++) { /* a world is compiled again and again */
        weir_buf_fini(&place.bytes);
        compile(&place);
        const struct weir_image *m = &place.image;
        uint32_t route = weir_image_find_route(m, WEIR_SPAN("fjord-one"));
        assert_int_not_equal(route, WEIR_INDEX_NONE);
        const struct weir_image_model *model =
            &m->models[m->routes[route].model];
        assert_span(weir_image_text(m, model->licence), "fjord-open");
        assert_span(weir_image_text(m, m->jurisdictions[model->origin].code),
                    "NO");
        assert_span(weir_image_text(m, m->providers[model->provider].name),
                    "fjord");
        assert_int_equal(model->price.output, 2000000);
        assert_int_equal(m->listing_count, 2);
    }
    close_place(&place);
}

TEST(catalogue, a_deployment_of_an_entry_that_lacks_something_is_a_fault)
{
    struct place place;
    open_place(&place, MAKERS ENTRIES);
    deploy(&place, "fog-one");
    assert_false(weir_world_check(place.world, &place.faults));
    assert_fault(&place, "lists without origin");
    close_place(&place);
    open_place(&place, MAKERS ENTRIES);
    deploy(&place, "lost-one");
    assert_false(weir_world_check(place.world, &place.faults));
    assert_fault(&place, "without origin, terms, licence, price");
    close_place(&place);
}

TEST(catalogue, a_retired_entry_and_another_currency_are_not_served)
{
    struct place place;
    open_place(&place, MAKERS "catalogue:\n"
                              "  - {name: a, maker: fjord, status: retired,\n"
                              "     price: {input: \"1\", output: \"2\"}}\n"
                              "  - {name: b, maker: fjord,\n"
                              "     price: {input: \"1\", output: \"2\","
                              " currency: CHF}}\n");
    compile(&place);
    assert_int_equal(lacks_of(&place, "a"),
                     WEIR_LACKS_LIFE | WEIR_LACKS_DEPLOYMENT);
    assert_int_equal(lacks_of(&place, "b"),
                     WEIR_LACKS_PRICE | WEIR_LACKS_DEPLOYMENT);
    close_place(&place);
}

TEST(catalogue, terms_are_a_row_of_their_own_in_its_current_version)
{
    static const struct {
        const char *terms;
        const char *fault; /* NULL: served */
    } cases[] = {
        {"fjord-1", NULL},
        {"fjord-1@2", NULL},
        {"fjord-1@1", "of which version \"2\" is current"},
        {"fjord-2", "which `terms:` does not name"},
        {"maker-use", "which are those of \"maker\""},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct place place;
        char text[2048];
        snprintf(text, sizeof text,
                 MAKERS "catalogue:\n"
                        "  - {name: a, maker: fjord, weights: open,\n"
                        "     terms: \"%s\",\n"
                        "     price: {input: \"1\", output: \"2\"}}\n",
                 cases[i].terms);
        char *found = strstr(text, "makers:");
        char rest[2048];
        snprintf(rest, sizeof rest, "%s", found);
        snprintf(found, sizeof text - (size_t)(found - text),
                 "  - {name: maker-use, provider: maker,"
                 " version: \"1\"}\n%s",
                 rest);
        open_place(&place, text);
        deploy(&place, "a");
        assert_int_equal(weir_world_check(place.world, &place.faults),
                         cases[i].fault == NULL);
        if (cases[i].fault != NULL)
            assert_fault(&place, cases[i].fault);
        close_place(&place);
    }
}

TEST(catalogue, doubled_names_and_unknown_words_are_faults)
{
    struct place place;
    open_place(&place, "makers: [{name: fjord}, {name: fjord}]\n");
    assert_false(weir_world_check(place.world, &place.faults));
    assert_fault(&place, "maker \"fjord\" is there twice");
    close_place(&place);
    open_place(&place, "catalogue:\n  - {name: a, status: gone}\n"
                       "  - {name: a, origin: XX}\n");
    assert_false(weir_world_check(place.world, &place.faults));
    assert_fault(&place, "status \"gone\"");
    assert_fault(&place, "entry \"a\" is there twice");
    assert_fault(&place, "origin \"XX\"");
    close_place(&place);
}

TEST(catalogue, the_end_of_a_model_is_made_into_header_texts)
{
    struct place place;
    open_place(&place, MAKERS
               "catalogue:\n"
               "  - {name: a, maker: fjord, deprecated: 2026-12-01,\n"
               "     sunset: 2027-01-01T12:30:05Z, successor: b,\n"
               "     more: \"https://fjord.example/end\",\n"
               "     price: {input: \"1\", output: \"2\"}}\n"
               "models:\n"
               "  - {name: b, provider: fjord, origin: \"NO\", licence: x,\n"
               "     price: {input: \"1\", output: \"2\"}}\n"
               "providers: [{name: fjord, origin: \"NO\"}]\n");
    deploy(&place, "a");
    compile(&place);
    const struct weir_image *m = &place.image;
    uint32_t route = weir_image_find_route(m, WEIR_SPAN("a"));
    uint32_t row = m->routes[route].model;
    const struct weir_image_life *life = &m->lifes[row];
    assert_int_equal(m->models[row].flags, WEIR_MODEL_HAS_END);
    assert_span(weir_image_text(m, life->deprecation), "@1796083200");
    assert_span(weir_image_text(m, life->sunset),
                "Fri, 01 Jan 2027 12:30:05 GMT");
    assert_span(weir_image_text(m, life->link),
                "</v1/models/b>; rel=\"successor-version\", "
                "<https://fjord.example/end>; rel=\"sunset\"");
    assert_int_equal(lacks_of(&place, "b"), WEIR_LACKS_DEPLOYMENT);
    close_place(&place);
}

TEST(catalogue, a_model_cannot_end_before_it_is_deprecated_or_go_nowhere)
{
    struct place place;
    open_place(&place,
               "models:\n"
               "  - {name: a, provider: fjord, origin: \"NO\", licence: x,\n"
               "     price: {input: \"1\", output: \"2\"},\n"
               "     deprecated: 2027-02-01, sunset: 2027-01-01,\n"
               "     successor: zebra, more: \"a b\"}\n"
               "  - {name: c, provider: fjord, origin: \"NO\", licence: x,\n"
               "     price: {input: \"1\", output: \"2\"}, successor: a}\n"
               "providers: [{name: fjord, origin: \"NO\"}]\n");
    assert_false(weir_world_check(place.world, &place.faults));
    assert_fault(&place, "ends before it is deprecated");
    assert_fault(&place, "successor \"zebra\"");
    assert_fault(&place, "cannot stand in a header");
    assert_fault(&place, "has a successor and no end");
    close_place(&place);
}
