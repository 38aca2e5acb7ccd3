/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/config/config.h"
#include "control/evidence/deeds.h"
#include "control/evidence/merge.h"
#include "control/evidence/store.h"

#define DAY(n) ((weir_time)(n)*WEIR_US_PER_DAY)

static struct weir_fact *
say(struct weir_facts *facts, enum weir_fact_kind kind, const char *value,
    const char *source, enum weir_fact_rank rank, weir_time as_of)
{
    struct weir_fact *fact = weir_facts_add(facts);
    assert_non_null(fact);
    fact->number = facts->count;
    fact->organisation = WEIR_SPAN("acme");
    fact->kind = kind;
    fact->value = weir_span_of(value);
    fact->source = weir_span_of(source);
    fact->rank = rank;
    fact->as_of = as_of;
    return fact;
}

static void
expect_choice(const struct weir_facts *facts, weir_time at, const char *value,
              bool is_conflicting, bool is_expired)
{
    struct weir_fact_choice choice =
        weir_evidence_choose(facts, WEIR_FACT_HEADQUARTERS, WEIR_SPAN_NONE, at);
    if (value == NULL)
        assert_null(choice.fact);
    else
        assert_memory_equal(choice.fact->value.ptr, value, 2);
    assert_int_equal(choice.is_conflicting, is_conflicting);
    assert_int_equal(choice.is_expired, is_expired);
}

TEST(evidence, rank_goes_before_date_and_date_before_entry)
{
    struct weir_facts facts;
    weir_facts_init(&facts);
    expect_choice(&facts, DAY(100), NULL, false, false);
    say(&facts, WEIR_FACT_HEADQUARTERS, "DE", "a", WEIR_RANK_DECLARED, DAY(9));
    expect_choice(&facts, DAY(100), "DE", false, false);
    say(&facts, WEIR_FACT_HEADQUARTERS, "NO", "b", WEIR_RANK_REGISTER, DAY(5));
    expect_choice(&facts, DAY(100), "NO", true, false);
    say(&facts, WEIR_FACT_HEADQUARTERS, "SG", "c", WEIR_RANK_REGISTER, DAY(6));
    expect_choice(&facts, DAY(100), "SG", true, false);
    say(&facts, WEIR_FACT_HEADQUARTERS, "PT", "d", WEIR_RANK_REGISTER, DAY(6));
    expect_choice(&facts, DAY(100), "PT", true, false);
    say(&facts, WEIR_FACT_HEADQUARTERS, "IS", "e", WEIR_RANK_VERIFIED, DAY(1));
    expect_choice(&facts, DAY(100), "IS", true, false);
    weir_facts_fini(&facts);
}

TEST(evidence, a_source_speaks_with_its_latest_statement)
{
    struct weir_facts facts;
    weir_facts_init(&facts);
    say(&facts, WEIR_FACT_HEADQUARTERS, "DE", "a", WEIR_RANK_REGISTER, DAY(9));
    say(&facts, WEIR_FACT_HEADQUARTERS, "NO", "a", WEIR_RANK_REGISTER, DAY(3));
    expect_choice(&facts, DAY(100), "NO", false, false);
    /* ... and what is taken back counts no more. */
    facts.rows[1].ended = DAY(50);
    expect_choice(&facts, DAY(49), "NO", false, false);
    expect_choice(&facts, DAY(50), "DE", false, false);
    weir_facts_fini(&facts);
}

TEST(evidence, what_is_over_is_unknown_and_says_so)
{
    struct weir_facts facts;
    weir_facts_init(&facts);
    say(&facts, WEIR_FACT_HEADQUARTERS, "DE", "a", WEIR_RANK_VERIFIED, DAY(9))
        ->valid_until = DAY(20);
    expect_choice(&facts, DAY(19), "DE", false, false);
    expect_choice(&facts, DAY(20), NULL, false, true);
    say(&facts, WEIR_FACT_HEADQUARTERS, "NO", "b", WEIR_RANK_DECLARED, DAY(1));
    expect_choice(&facts, DAY(19), "DE", true, false);
    expect_choice(&facts, DAY(20), "NO", false, false);
    weir_facts_fini(&facts);
}

/* -------------------------------------------------------------- registers */

struct reading {
    struct weir_register got;
    struct weir_faults faults;
    struct weir_error err;
    weir_status status;
};

static void
read_text(struct reading *r, const char *text, uint32_t bad_max)
{
    static struct weir_register_options options;
    options = (struct weir_register_options){.source = WEIR_SPAN("reg"),
                                             .rank = WEIR_RANK_REGISTER,
                                             .as_of = WEIR_TIME_MIN,
                                             .bad_max = bad_max};
    memset(r, 0, sizeof *r);
    weir_faults_init(&r->faults);
    r->status = weir_register_read(&r->got, weir_span_of(text), WEIR_SPAN("f"),
                                   &options, &r->faults, &r->err);
}

static void
end_reading(struct reading *r)
{
    weir_register_fini(&r->got);
    weir_faults_fini(&r->faults);
}

static const struct weir_fact *
find(const struct reading *r, const char *organisation,
     enum weir_fact_kind kind, const char *value)
{
    for (uint32_t i = 0; i < r->got.facts.count; i++) {
        const struct weir_fact *fact = &r->got.facts.rows[i];
        if (fact->kind == kind &&
            weir_span_equal(fact->organisation, weir_span_of(organisation)) &&
            weir_span_equal(fact->value, weir_span_of(value)))
            return fact;
    }
    return NULL;
}

static const char own_yaml[] =
    "organisations:\n"
    "  - name: acme\n"
    "    title: Acme Sarl\n"
    "    aliases: [Acme, Akme]\n"
    "    identifiers: [\"LEI:529900ABCDEFGHIJ1234\", {scheme: RCS, id: 7}]\n"
    "    headquarters: DE\n"
    "    established_since: 2001-02-03\n"
    "    as_of: 2026-01-01\n"
    "    owners:\n"
    "      - {name: holding, share: \">25-50\", as_of: 2026-02-01}\n"
    "      - {name: other, share: [10%, 20%]}\n";

TEST(evidence, own_yaml_and_both_forms_of_csv_say_the_same)
{
    static const char wide[] =
        "organisation,title,aliases,identifiers,headquarters,"
        "established_since,owner,share,as_of\n"
        "acme,Acme Sarl,Acme; Akme,LEI:529900ABCDEFGHIJ1234;RCS:7,DE,"
        "2001-02-03,,,2026-01-01\n"
        "acme,,,,,,holding,>25-50,2026-02-01\n"
        "acme,,,,,,other,10%-20%,2026-01-01\n";
    static const char *const texts[] = {own_yaml, wide};
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++) {
        struct reading r;
        read_text(&r, texts[i], 0);
        assert_ok(r.status);
        assert_int_equal(r.got.facts.count, 9);
        const struct weir_fact *fact =
            find(&r, "acme", WEIR_FACT_OWNER, "holding");
        assert_non_null(fact);
        assert_int_equal(fact->share.low, 250001);
        assert_int_equal(fact->share.high, 500000);
        assert_non_null(find(&r, "acme", WEIR_FACT_IDENTIFIER, "RCS:7"));
        assert_non_null(find(&r, "acme", WEIR_FACT_ALIAS, "Akme"));
        assert_non_null(find(&r, "acme", WEIR_FACT_ESTABLISHED, "2001-02-03"));
        end_reading(&r);
    }
}

TEST(evidence, faulty_rows_are_told_by_line_and_refused_unless_allowed)
{
    static const char text[] = "organisation,fact,value,share\n"
                               "acme,headquarters,DE,\n"
                               "acme,headquarters,XX,\n"
                               "acme,owner,b,51\n"
                               "acme,colour,red,\n"
                               "b,owner,c,0.51\n";
    struct reading r;
    read_text(&r, text, 2);
    assert_int_equal(r.status, WEIR_EPARSE);
    assert_int_equal(r.got.bad, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(r.faults.rows[i].place.line, 3 + i);
    end_reading(&r);
    read_text(&r, text, 3);
    assert_ok(r.status);
    assert_int_equal(r.got.facts.count, 2);
    end_reading(&r);
}

#define STATEMENT(id, type, status, date, details)                             \
    "{\"statementId\":\"s\",\"recordId\":\"" id "\",\"recordType\":\"" type    \
    "\",\"recordStatus\":\"" status "\",\"statementDate\":\"" date             \
    "\",\"recordDetails\":" details "}"

TEST(evidence, bods_replaces_records_and_counts_components_once)
{
    static const char
        text[] = "[" STATEMENT("c", "entity", "new", "2020-01-01",
                               "{\"entityType\":{\"type\":\"registeredEntity\"}"
                               ","
                               "\"name\":\"Cee\",\"identifiers\":[{\"scheme\":"
                               "\"XI-LEI\",\"id\":\"529900ABCDEFGHIJ1234\"}]}") "," STATEMENT("b",
                                                                                              "entity",
                                                                                              "new",
                                                                                              "2020-01-01",
                                                                                              "{\"entityType\":{\"type\":\"registeredEntity\"},"
                                                                                              "\"name\":\"Bee\"}") "," STATEMENT("r1",
                                                                                                                                 "relationship",
                                                                                                                                 "new",
                                                                                                                                 "2020-01-01",
                                                                                                                                 "{\"isComponent\":true,\"subject\":\"c\","
                                                                                                                                 "\"interestedParty\":\"b\",\"interests\":[{\"type\":"
                                                                                                                                 "\"shareholding\",\"directOrIndirect\":\"direct\","
                                                                                                                                 "\"share\":{\"exact\":33.333333}},{\"type\":"
                                                                                                                                 "\"votingRights\",\"share\":{\"exact\":90}}]}") "," STATEMENT("r2",
                                                                                                                                                                                               "relationship",
                                                                                                                                                                                               "new",
                                                                                                                                                                                               "2020-01-01",
                                                                                                                                                                                               "{\"isComponent\":false,\"subject\":\"c\","
                                                                                                                                                                                               "\"interestedParty\":\"p\",\"componentRecords\":[\"r1\"],"
                                                                                                                                                                                               "\"interests\":[{\"type\":\"shareholding\","
                                                                                                                                                                                               "\"directOrIndirect\":\"indirect\",\"share\":{\"exact\":50}},"
                                                                                                                                                                                               "{\"type\":\"shareholding\",\"directOrIndirect\":\"direct\","
                                                                                                                                                                                               "\"share\":{\"minimum\":5,\"exclusiveMaximum\":10}}]}") "," STATEMENT("r3",
                                                                                                                                                                                                                                                                     "relationship",
                                                                                                                                                                                                                                                                     "new",
                                                                                                                                                                                                                                                                     "2020-01-01",
                                                                                                                                                                                                                                                                     "{\"isComponent\":false,\"subject\":\"b\","
                                                                                                                                                                                                                                                                     "\"interestedParty\":{\"reason\":\"subjectUnable\"},"
                                                                                                                                                                                                                                                                     "\"interests\":[]}") "," STATEMENT("r4",
                                                                                                                                                                                                                                                                                                        "relationship",
                                                                                                                                                                                                                                                                                                        "new",
                                                                                                                                                                                                                                                                                                        "2020-01-01",
                                                                                                                                                                                                                                                                                                        "{\"isComponent\":false,\"subject\":\"b\","
                                                                                                                                                                                                                                                                                                        "\"interestedParty\":\"c\",\"interests\":[]}") "," STATEMENT("r4",
                                                                                                                                                                                                                                                                                                                                                                     "relationship",
                                                                                                                                                                                                                                                                                                                                                                     "closed",
                                                                                                                                                                                                                                                                                                                                                                     "2021-01-01",
                                                                                                                                                                                                                                                                                                                                                                     "{\"isComponent\":false,\"subject\":\"b\","
                                                                                                                                                                                                                                                                                                                                                                     "\"interestedParty\":\"c\",\"interests\":[]}") "]";
    struct reading r;
    read_text(&r, text, 0);
    assert_ok(r.status);
    const char *c = "LEI:529900ABCDEFGHIJ1234";
    const struct weir_fact *fact = find(&r, c, WEIR_FACT_OWNER, "bods:reg:b");
    assert_non_null(fact);
    assert_int_equal(fact->share.low, 333333);
    assert_int_equal(fact->share.high, 333334);
    fact = find(&r, c, WEIR_FACT_OWNER, "bods:reg:p");
    assert_non_null(fact);
    assert_int_equal(fact->share.low, 50000);
    assert_int_equal(fact->share.high, 99999);
    fact = find(&r, "bods:reg:b", WEIR_FACT_OWNER, "bods:reg:unnamed:r3");
    assert_non_null(fact);
    assert_int_equal(fact->share.high, WEIR_SHARE_ALL);
    assert_null(find(&r, "bods:reg:b", WEIR_FACT_OWNER, c));
    end_reading(&r);
}

static const char lei_xml[] =
    "<?xml version=\"1.0\"?>\n<!-- > -->\n"
    "<lei:LEIData xmlns:lei=\"u\"><lei:LEIRecords>\n<lei:LEIRecord>"
    "<lei:LEI>529900ABCDEFGHIJ1234</lei:LEI><lei:Entity>"
    "<lei:LegalName xml:lang=\"fr\">Acme &amp; Fils &#233;</lei:LegalName>"
    "<lei:OtherEntityNames><lei:OtherEntityName type=\"T\">Acme"
    "</lei:OtherEntityName></lei:OtherEntityNames>"
    "<lei:HeadquartersAddress><lei:Country>DE</lei:Country>"
    "</lei:HeadquartersAddress><lei:LegalJurisdiction>US-DE"
    "</lei:LegalJurisdiction></lei:Entity><lei:Registration>"
    "<lei:LastUpdateDate>2026-01-02T00:00:00Z</lei:LastUpdateDate>"
    "<lei:NextRenewalDate>2027-01-02T00:00:00Z</lei:NextRenewalDate>"
    "</lei:Registration></lei:LEIRecord>\n<lei:LEIRecord><lei:LEI>short"
    "</lei:LEI></lei:LEIRecord></lei:LEIRecords></lei:LEIData>";

static const char lei_json[] =
    "{\"records\":[{\"LEI\":{\"$\":\"529900ABCDEFGHIJ1234\"},\"Entity\":{"
    "\"LegalName\":{\"@xml:lang\":\"fr\",\"$\":\"Acme & Fils \\u00e9\"},"
    "\"OtherEntityNames\":{\"OtherEntityName\":[{\"$\":\"Acme\"}]},"
    "\"HeadquartersAddress\":{\"Country\":{\"$\":\"DE\"}},"
    "\"LegalJurisdiction\":{\"$\":\"US-DE\"}},\"Registration\":{"
    "\"LastUpdateDate\":{\"$\":\"2026-01-02T00:00:00Z\"},"
    "\"NextRenewalDate\":{\"$\":\"2027-01-02T00:00:00Z\"}}},{\"LEI\":{\"$\":"
    "\"x\"}}]}";

TEST(evidence, gleif_level_1_is_read_from_xml_and_json_alike)
{
    static const char *const texts[] = {lei_xml, lei_json};
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++) {
        struct reading r;
        read_text(&r, texts[i], 1);
        assert_ok(r.status);
        const char *id = "LEI:529900ABCDEFGHIJ1234";
        assert_int_equal(r.got.bad, 1);
        assert_int_equal(r.got.facts.count, 5);
        assert_non_null(find(&r, id, WEIR_FACT_NAME, "Acme & Fils \xC3\xA9"));
        assert_non_null(find(&r, id, WEIR_FACT_ALIAS, "Acme"));
        assert_non_null(find(&r, id, WEIR_FACT_INCORPORATED, "US"));
        const struct weir_fact *fact =
            find(&r, id, WEIR_FACT_HEADQUARTERS, "DE");
        weir_time until;
        assert_non_null(fact);
        assert_true(weir_time_parse(WEIR_SPAN("2027-01-02"), &until));
        assert_int_equal(fact->valid_until, until);
        end_reading(&r);
    }
}

TEST(evidence, gleif_level_2_tells_owners_and_seldom_shares)
{
#define NODE(name, id)                                                         \
    "<rr:" name "><rr:NodeID>" id "</rr:NodeID></rr:" name ">"
#define RELATION(type, status, more)                                           \
    "<rr:RelationshipRecord><rr:Relationship>" NODE("StartNode",               \
                                                    "529900ABCDEFGHIJ1234")    \
        NODE("EndNode",                                                        \
             "529900ABCDEFGHIJ5678") "<rr:RelationshipType>" type              \
                                     "</rr:RelationshipType>"                  \
                                     "<rr:RelationshipStatus>" status          \
                                     "</rr:RelationshipStatus>" more           \
                                     "</rr:Relationship></"                    \
                                     "rr:RelationshipRecord>"
    static const struct {
        const char *text;
        uint32_t count;
        uint32_t low;
    } cases[] = {
        {"<a>" RELATION("IS_DIRECTLY_CONSOLIDATED_BY", "ACTIVE", "") "</a>", 1,
         0},
        {"<a>" RELATION("IS_DIRECTLY_CONSOLIDATED_BY", "INACTIVE", "") "</a>",
         0, 0},
        {"<a>" RELATION("IS_INTERNATIONAL_BRANCH_OF", "ACTIVE", "") "</a>", 1,
         1000000},
        {"<a>" RELATION("IS_FUND-MANAGED_BY", "ACTIVE", "") "</a>", 0, 0},
        {"<a>" RELATION(
             "IS_DIRECTLY_CONSOLIDATED_BY", "ACTIVE",
             "<rr:RelationshipQuantifiers><rr:RelationshipQuantifier>"
             "<rr:QuantifierAmount>61.5</rr:QuantifierAmount>"
             "<rr:QuantifierUnits>PERCENTAGE</rr:QuantifierUnits>"
             "</rr:RelationshipQuantifier></rr:RelationshipQuantifiers>") "</"
                                                                          "a>",
         1, 615000},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct reading r;
        read_text(&r, cases[i].text, 0);
        assert_ok(r.status);
        assert_int_equal(r.got.facts.count, cases[i].count);
        if (cases[i].count > 0)
            assert_int_equal(r.got.facts.rows[0].share.low, cases[i].low);
        end_reading(&r);
    }
}

TEST(evidence, xml_that_could_unfold_or_does_not_close_is_refused)
{
    static const char *const bad[] = {
        "<!DOCTYPE a [<!ENTITY b \"c\">]><LEIRecord/>",
        "<LEIRecord><LEI>&b;</LEI></LEIRecord>",
        "<LEIRecord><LEI>",
        "<LEIRecord></LEI>",
        "<LEIRecord",
        "<LEIRecord>&#0;</LEIRecord>",
    };
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        struct reading r;
        read_text(&r, bad[i], 10);
        assert_int_equal(r.status, WEIR_EPARSE);
        assert_int_equal(r.faults.count, 1);
        end_reading(&r);
    }
}

/* ------------------------------------------------------- store and world */

struct place {
    char directory[64];
    struct weir_store *store;
};

static void
open_place(struct place *place)
{
    strcpy(place->directory, "/tmp/weir-evidence-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    assert_ok(weir_store_open(place->directory, true, &place->store, NULL));
}

static void
close_place(struct place *place)
{
    static const char *const files[] = {"weir.db", "weir.db-wal",
                                        "weir.db-shm"};
    weir_store_close(place->store);
    for (size_t i = 0; i < WEIR_COUNTOF(files); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", place->directory, files[i]);
        unlink(path);
    }
    rmdir(place->directory);
}

static int64_t
enter(struct place *place, const char *organisation, enum weir_fact_kind kind,
      const char *value, const char *source, uint32_t low)
{
    int64_t number = 0;
    const struct weir_fact fact = {.organisation = weir_span_of(organisation),
                                   .kind = kind,
                                   .value = weir_span_of(value),
                                   .share = {low, low},
                                   .source = weir_span_of(source),
                                   .rank = WEIR_RANK_REGISTER,
                                   .as_of = DAY(1),
                                   .valid_until = WEIR_TIME_MAX,
                                   .entered = DAY(10),
                                   .entered_by = WEIR_SPAN("t")};
    assert_ok(weir_store_fact_add(place->store, &fact, &number, NULL));
    assert_ok(weir_evidence_changed(place->store, NULL));
    return number;
}

static const char sources[] =
    "organisations:\n"
    "  - {name: acme, identifiers: [\"LEI:529900ABCDEFGHIJ1234\"]}\n"
    "  - {name: far, headquarters: AQ, incorporated: AQ}\n"
    "  - {name: near, headquarters: DE, incorporated: DE,"
    " owners: [{name: acme, share: 30%}]}\n";

static const struct weir_world_organisation *
row_of(const struct weir_world *world, const char *name)
{
    for (uint32_t i = 0; i < world->organisation_count; i++) {
        if (weir_span_equal(world->organisation_rows[i].name,
                            weir_span_of(name)))
            return &world->organisation_rows[i];
    }
    return NULL;
}

TEST(evidence, a_merge_joins_by_identifier_and_brings_owners_of_owners)
{
    struct place place;
    struct weir_faults faults;
    struct weir_world *world = weir_world_new();
    open_place(&place);
    weir_faults_init(&faults);
    assert_ok(weir_config_parse(weir_span_of(sources), WEIR_SPAN("w"), world,
                                &faults));
    assert_ok(weir_evidence_merge(world, place.store, DAY(20), NULL));
    assert_int_equal(world->organisation_count, 3);
    const char *lei = "LEI:529900ABCDEFGHIJ1234";
    enter(&place, lei, WEIR_FACT_IDENTIFIER, lei, "reg", 0);
    enter(&place, lei, WEIR_FACT_HEADQUARTERS, "NO", "reg", 0);
    enter(&place, lei, WEIR_FACT_OWNER, "mid", "reg", 600000);
    enter(&place, "mid", WEIR_FACT_OWNER, "far", "reg", 700000);
    enter(&place, "nobody", WEIR_FACT_OWNER, "near", "reg", 700000);
    assert_ok(weir_evidence_merge(world, place.store, DAY(20), NULL));
    /* mid comes in as an owner's owner; nobody's own holdings do not. */
    assert_int_equal(world->organisation_count, 4);
    const struct weir_world_organisation *row = row_of(world, "acme");
    assert_memory_equal(row->headquarters.text.ptr, "NO", 2);
    assert_int_equal(row->owners.count, 1);
    row = row_of(world, "mid");
    assert_non_null(row);
    assert_int_equal(row->owners.count, 1);
    assert_memory_equal(world->owner_rows[row->owners.first].name.text.ptr,
                        "far", 3);
    /* A second source that says otherwise is kept, and flagged. */
    int64_t other = enter(&place, "acme", WEIR_FACT_HEADQUARTERS, "SG", "b", 0);
    assert_ok(weir_evidence_merge(world, place.store, DAY(20), NULL));
    row = row_of(world, "acme");
    assert_memory_equal(row->headquarters.text.ptr, "SG", 2);
    assert_true((row->conflicting & 1u << WEIR_FACT_HEADQUARTERS) != 0);
    assert_ok(weir_store_fact_end(place.store, other, DAY(15), WEIR_SPAN("t"),
                                  WEIR_SPAN("wrong"), 0, NULL));
    assert_ok(weir_evidence_changed(place.store, NULL));
    assert_ok(weir_evidence_merge(world, place.store, DAY(20), NULL));
    row = row_of(world, "acme");
    assert_memory_equal(row->headquarters.text.ptr, "NO", 2);
    assert_int_equal(row->conflicting, 0);
    weir_world_free(world);
    weir_faults_fini(&faults);
    close_place(&place);
}

TEST(evidence, the_source_of_an_attribute_is_told_as_of_a_time)
{
    struct place place;
    struct weir_facts facts;
    struct weir_fact_choice choice;
    open_place(&place);
    enter(&place, "acme", WEIR_FACT_HEADQUARTERS, "NO", "reg", 0);
    weir_facts_init(&facts);
    assert_ok(weir_evidence_attribute(place.store, NULL, WEIR_SPAN("acme"),
                                      WEIR_SPAN("headquarters"), DAY(10),
                                      &facts, &choice, NULL));
    assert_true(weir_span_equal(choice.fact->source, WEIR_SPAN("reg")));
    weir_facts_fini(&facts);
    weir_facts_init(&facts);
    assert_int_equal(weir_evidence_attribute(place.store, NULL,
                                             WEIR_SPAN("acme"),
                                             WEIR_SPAN("headquarters"), DAY(9),
                                             &facts, &choice, NULL),
                     WEIR_ENOTFOUND);
    weir_facts_fini(&facts);
    close_place(&place);
}

TEST(evidence, an_import_adds_ends_and_sees_that_its_source_shrinks)
{
    struct place place;
    struct weir_import_change change;
    struct weir_faults faults;
    struct weir_import_wish wish = {
        .bytes = WEIR_SPAN("organisation,fact,value\nacme,headquarters,DE\n"
                           "acme,category,local\n"),
        .file = WEIR_SPAN("f"),
        .options = {WEIR_SPAN("reg"), WEIR_RANK_REGISTER, DAY(1), 0},
        .shrink_ppm = WEIR_IMPORT_SHRINK_PPM};
    open_place(&place);
    weir_faults_init(&faults);
    enter(&place, "acme", WEIR_FACT_HEADQUARTERS, "DE", "reg", 0);
    enter(&place, "acme", WEIR_FACT_CATEGORY, "government", "reg", 0);
    enter(&place, "acme", WEIR_FACT_CATEGORY, "local", "another", 0);
    assert_ok(weir_import_compare(place.store, &wish, &change, &faults, NULL));
    assert_int_equal(change.known.count, 2);
    assert_int_equal(change.added_count, 1);
    assert_int_equal(change.ended_count, 1);
    assert_false(change.shrinks);
    weir_import_change_fini(&change);
    wish.bytes = WEIR_SPAN("organisation,fact,value\nacme,headquarters,DE\n");
    assert_ok(weir_import_compare(place.store, &wish, &change, &faults, NULL));
    assert_int_equal(change.ended_count, 1);
    assert_true(change.shrinks);
    weir_import_change_fini(&change);
    wish.is_partial = true;
    assert_ok(weir_import_compare(place.store, &wish, &change, &faults, NULL));
    assert_int_equal(change.ended_count, 0);
    weir_import_change_fini(&change);
    weir_faults_fini(&faults);
    close_place(&place);
}

/* ------------------------------------------------------------ real files */

/* How many files of a folder are read; those that are not, are told. */
static uint32_t
read_folder(const char *folder, uint32_t *files_out)
{
    struct dirent *entry;
    uint32_t good = 0;
    DIR *dir = opendir(folder);
    *files_out = 0;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char path[1024];
        size_t len = 0;
        struct reading r;
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        char *bytes = weir_test_read(path, &len);
        read_text(&r, bytes, 0);
        (*files_out)++;
        good += r.status == WEIR_OK;
        end_reading(&r);
        free(bytes);
    }
    closedir(dir);
    return good;
}

TEST(evidence, the_standards_own_examples_are_read)
{
    const char *data = weir_test_data();
    char directory[] = "/tmp/weir-bods-XXXXXX";
    char command[1024], folder[256];
    uint32_t files, good;
    snprintf(command, sizeof command,
             "%s/ownership/"
             "bods-examples-schema-tests.tar.zst",
             data == NULL ? "" : data);
    if (data == NULL || access(command, R_OK) != 0) {
        print_message("no WEIR_DATA/ownership: BODS examples not read\n");
        skip();
    }
    assert_non_null(mkdtemp(directory));
    snprintf(command, sizeof command,
             "tar --zstd -xf '%s/ownership/bods-examples-schema-tests.tar.zst' "
             "-C %s",
             data, directory);
    assert_int_equal(system(command), 0);
    snprintf(folder, sizeof folder, "%s/examples", directory);
    good = read_folder(folder, &files);
    assert_int_equal(files, 19);
    assert_int_equal(good, files);
    snprintf(folder, sizeof folder, "%s/tests/data/valid-statements",
             directory);
    good = read_folder(folder, &files);
    assert_int_equal(files, 84);
    assert_int_equal(good, files);
    snprintf(folder, sizeof folder, "%s/tests/data/invalid-statements",
             directory);
    good = read_folder(folder, &files);
    print_message("of %u invalid statements %u are refused\n", files,
                  files - good);
    assert_true(files - good > 15);
    snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}
