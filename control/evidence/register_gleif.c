/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GLEIF's Common Data File formats: Level 1 (who is who) and Level 2 (who
 * owns whom), in XML or in the JSON that is made of it, where a value is
 * {"$": ..}.
 *
 * What a record says holds until its next renewal is due: a lapsed LEI is
 * evidence that is over. Level 2 tells that one company consolidates
 * another, seldom how much of it it holds: without a quantifier the share is
 * unknown, for a branch it is all. Records that are no longer active say
 * nothing.
 */
#include <string.h>

#include "control/evidence/register.h"
#include "control/evidence/tree.h"

static bool
has_name(weir_span key, const char *name)
{
    const char *colon = memchr(key.ptr, ':', key.len);
    if (colon != NULL)
        key = (weir_span){colon + 1, key.len - (size_t)(colon - key.ptr) - 1};
    return weir_span_equal(key, weir_span_of(name));
}

/* The member of this name, whatever its prefix; lists give their first. */
static const struct yaml_node *
get(const struct yaml_node *node, const char *name)
{
    if (node != NULL && node->kind == YAML_SEQUENCE)
        node = node->first;
    if (node == NULL || node->kind != YAML_MAPPING)
        return NULL;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        if (has_name(n->key, name))
            return n;
    }
    return NULL;
}

/* A value, also as {"$": ..}. */
static weir_span
value_of(const struct yaml_node *node)
{
    if (node != NULL && node->kind == YAML_MAPPING)
        node = yaml_get(node, "$");
    return weir_tree_text(node);
}

static weir_span
text_of(const struct yaml_node *node, const char *name)
{
    return value_of(get(node, name));
}

struct reading {
    struct weir_register *r;
    struct weir_place place;
    weir_span id;
    weir_time as_of;
    weir_time valid_until;
};

static void
date(struct reading *in, struct weir_fact *fact)
{
    if (fact == NULL)
        return;
    if (in->as_of != WEIR_TIME_MIN)
        fact->as_of = in->as_of;
    fact->valid_until = in->valid_until;
}

static void
say(struct reading *in, enum weir_fact_kind kind, weir_span value)
{
    date(in, weir__register_say(in->r, in->place, in->id, kind, value));
}

/* Every value below `list` whose member is called `name`: one, or several. */
static void
say_names(struct reading *in, const struct yaml_node *list, const char *name)
{
    if (list == NULL || list->kind == YAML_TEXT)
        return;
    for (const struct yaml_node *n = list->first; n != NULL; n = n->next) {
        if (list->kind == YAML_MAPPING && !has_name(n->key, name))
            continue;
        if (n->kind == YAML_SEQUENCE) {
            for (const struct yaml_node *e = n->first; e != NULL; e = e->next)
                say(in, WEIR_FACT_ALIAS, value_of(e));
            continue;
        }
        say(in, WEIR_FACT_ALIAS, value_of(n));
    }
}

static bool
is_lei(weir_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')))
            return false;
    }
    return text.len == 20;
}

static weir_time
time_of(weir_span text, weir_time otherwise)
{
    weir_time when;
    return text.len > 0 && weir_time_parse(text, &when) ? when : otherwise;
}

static const struct yaml_node *
inside(const struct yaml_node *node, const char *name)
{
    const struct yaml_node *found = get(node, name);
    return found == NULL ? node : found;
}

static void
read_entity(struct reading *in, const struct yaml_node *entity)
{
    const struct yaml_node *authority = get(entity, "RegistrationAuthority");
    weir_span home = text_of(entity, "LegalJurisdiction");
    weir_span born = text_of(entity, "EntityCreationDate");
    weir_time when;
    if (home.len == 0)
        home = text_of(get(entity, "LegalAddress"), "Country");
    say(in, WEIR_FACT_NAME, text_of(entity, "LegalName"));
    say_names(in, get(entity, "OtherEntityNames"), "OtherEntityName");
    say_names(in, get(entity, "TransliteratedOtherEntityNames"),
              "TransliteratedOtherEntityName");
    say(in, WEIR_FACT_IDENTIFIER, in->id);
    say(in, WEIR_FACT_IDENTIFIER,
        weir__register_identifier(
            in->r, text_of(authority, "RegistrationAuthorityID"),
            text_of(authority, "RegistrationAuthorityEntityID")));
    date(in, weir__register_say_place(in->r, in->place, in->id,
                                      WEIR_FACT_INCORPORATED, home));
    date(in, weir__register_say_place(
                 in->r, in->place, in->id, WEIR_FACT_HEADQUARTERS,
                 text_of(get(entity, "HeadquartersAddress"), "Country")));
    if (born.len > 0 && weir_time_parse(born, &when))
        say(in, WEIR_FACT_ESTABLISHED, born);
}

void
weir__register_lei(struct weir_register *r, const struct yaml_node *node)
{
    const struct yaml_node *record = inside(node, "LEIRecord");
    const struct yaml_node *entity = get(record, "Entity");
    const struct yaml_node *registration = get(record, "Registration");
    weir_span lei = text_of(record, "LEI");
    uint32_t before = r->facts.count;
    if (!is_lei(lei) || entity == NULL) {
        weir__register_bad(r, node->place, before,
                           "no LEI of 20 letters and digits, or no entity");
        return;
    }
    struct reading in = {
        .r = r,
        .place = node->place,
        .id = weir__register_identifier(r, WEIR_SPAN("LEI"), lei),
        .as_of =
            time_of(text_of(registration, "LastUpdateDate"), WEIR_TIME_MIN),
        .valid_until =
            time_of(text_of(registration, "NextRenewalDate"), WEIR_TIME_MAX),
    };
    if (text_of(entity, "LegalName").len == 0) {
        weir__register_bad(r, node->place, before, "an entity without name");
        return;
    }
    read_entity(&in, entity);
}

/* ---------------------------------------------------------------- level 2 */

/* {MeasurementMethod, QuantifierAmount, QuantifierUnits: PERCENTAGE} */
static bool
read_quantifier(const struct yaml_node *relationship, weir_share *share_out,
                const char **fault_out)
{
    struct weir_error why;
    const struct yaml_node *list = get(relationship, "RelationshipQuantifiers");
    const struct yaml_node *one = inside(list, "RelationshipQuantifier");
    weir_span amount = text_of(one, "QuantifierAmount");
    weir_span unit = text_of(one, "QuantifierUnits");
    if (amount.len == 0 || !weir_span_equal(unit, WEIR_SPAN("PERCENTAGE")))
        return true;
    if (weir_share_read(amount, WEIR_SHARE_PERCENT, share_out, &why) == WEIR_OK)
        return true;
    *fault_out = "a quantifier that is no percentage";
    return false;
}

void
weir__register_relation(struct weir_register *r, const struct yaml_node *node)
{
    const struct yaml_node *record = inside(node, "RelationshipRecord");
    const struct yaml_node *relationship = get(record, "Relationship");
    const struct yaml_node *registration = get(record, "Registration");
    weir_span child = text_of(get(relationship, "StartNode"), "NodeID");
    weir_span parent = text_of(get(relationship, "EndNode"), "NodeID");
    weir_span type = text_of(relationship, "RelationshipType");
    weir_span status = text_of(relationship, "RelationshipStatus");
    weir_share share = {0, WEIR_SHARE_ALL};
    const char *fault = NULL;
    uint32_t before = r->facts.count;
    if (!is_lei(child) || !is_lei(parent))
        fault = "a relationship without two LEIs";
    else if (type.len == 0)
        fault = "a relationship without type";
    else if (!weir_span_equal(status, WEIR_SPAN("INACTIVE")))
        (void)read_quantifier(relationship, &share, &fault);
    if (fault != NULL) {
        weir__register_bad(r, node->place, before, fault);
        return;
    }
    bool is_branch =
        weir_span_equal(type, WEIR_SPAN("IS_INTERNATIONAL_BRANCH_OF"));
    /* Funds are managed, not owned. */
    bool is_owned =
        is_branch ||
        weir_span_equal(type, WEIR_SPAN("IS_DIRECTLY_CONSOLIDATED_BY")) ||
        weir_span_equal(type, WEIR_SPAN("IS_ULTIMATELY_CONSOLIDATED_BY"));
    if (!is_owned || weir_span_equal(status, WEIR_SPAN("INACTIVE")))
        return;
    struct reading in = {
        .r = r,
        .place = node->place,
        .id = weir__register_identifier(r, WEIR_SPAN("LEI"), child),
        .as_of =
            time_of(text_of(registration, "LastUpdateDate"), WEIR_TIME_MIN),
        .valid_until =
            time_of(text_of(registration, "NextRenewalDate"), WEIR_TIME_MAX),
    };
    struct weir_fact *fact = weir__register_say(
        r, in.place, in.id, WEIR_FACT_OWNER,
        weir__register_identifier(r, WEIR_SPAN("LEI"), parent));
    if (fact == NULL)
        return;
    fact->share = is_branch && share.low == 0
                      ? (weir_share){WEIR_SHARE_ALL, WEIR_SHARE_ALL}
                      : share;
    date(&in, fact);
}
