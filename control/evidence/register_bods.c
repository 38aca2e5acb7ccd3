/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open Ownership's Beneficial Ownership Data Standard, version 0.4.
 *
 * A file is a list of statements about records: entities, persons and
 * relationships. Of one record the latest statement counts (by date, then by
 * place in the file); one whose status is "closed" says that there is no
 * such record any more. Records name each other by recordId, in any order,
 * so what they say is collected first and named at the end.
 *
 * OWNERSHIP is what interests of the type shareholding say, summed where one
 * party has several; other interests are control, not ownership, and an
 * interest of unknown type or without share leaves the share unknown. An
 * interest that ended says nothing. Where a relationship lists its component
 * records, these tell the same holding step by step: what it says of
 * indirect interests is then left out, or it would count twice.
 */
#include <stdlib.h>
#include <string.h>

#include "control/evidence/register.h"
#include "control/evidence/tree.h"

enum record_type { RECORD_ENTITY, RECORD_PERSON, RECORD_RELATIONSHIP };

struct record {
    weir_span id;
    weir_span name; /* "LEI:..", "SCHEME:ID", or made of the id */
    weir_time date;
    uint32_t order;
    uint32_t first; /* its facts */
    uint32_t count;
    bool is_closed;
};

struct bods {
    struct record *rows;
    uint32_t count;
    uint32_t capacity;
};

static const struct yaml_node *
get(const struct yaml_node *node, const char *key)
{
    return node != NULL && node->kind == YAML_MAPPING ? yaml_get(node, key)
                                                      : NULL;
}

static weir_span
text_of(const struct yaml_node *node, const char *key)
{
    return weir_tree_text(get(node, key));
}

/* ---------------------------------------------------------------- shares */

static bool
read_end(const struct yaml_node *share, const char *key, weir_share *end_out,
         bool *has_out, const char **fault_out)
{
    struct weir_error why;
    const struct yaml_node *node = get(share, key);
    *has_out = node != NULL;
    if (node == NULL)
        return true;
    if (node->kind == YAML_TEXT && node->is_plain &&
        weir_share_read(node->text, WEIR_SHARE_PERCENT, end_out, &why) ==
            WEIR_OK)
        return true;
    *fault_out = "a share that is no percentage";
    return false;
}

/* {exact}, or {minimum | exclusiveMinimum, maximum | exclusiveMaximum} */
static bool
read_share(const struct yaml_node *share, weir_share *share_out,
           const char **fault_out)
{
    weir_share result = {0, WEIR_SHARE_ALL};
    weir_share end;
    bool has;
    *share_out = result;
    if (share == NULL)
        return true;
    if (share->kind != YAML_MAPPING) {
        *fault_out = "a share that is no object";
        return false;
    }
    if (!read_end(share, "minimum", &end, &has, fault_out))
        return false;
    result.low = has ? end.low : result.low;
    if (!read_end(share, "exclusiveMinimum", &end, &has, fault_out))
        return false;
    if (has && end.low + 1 > result.low)
        result.low = end.low + 1;
    if (!read_end(share, "maximum", &end, &has, fault_out))
        return false;
    result.high = has ? end.high : result.high;
    if (!read_end(share, "exclusiveMaximum", &end, &has, fault_out))
        return false;
    if (has && end.high < result.high + 1)
        result.high = end.high == 0 ? 0 : end.high - 1;
    if (!read_end(share, "exact", &end, &has, fault_out))
        return false;
    if (has)
        result = end;
    if (result.low > result.high) {
        *fault_out = "a share band with nothing in it";
        return false;
    }
    *share_out = result;
    return true;
}

/* What the interests sum up to; false: they are of other kinds only, or
 * faulty. */
static bool
read_interests(const struct yaml_node *interests, bool has_components,
               weir_share *share_out, const char **fault_out)
{
    uint64_t low = 0;
    uint64_t high = 0;
    bool has_any = false;
    if (interests == NULL || interests->count == 0) {
        *share_out = (weir_share){0, WEIR_SHARE_ALL};
        return true;
    }
    if (interests->kind != YAML_SEQUENCE) {
        *fault_out = "interests that are no array";
        return false;
    }
    for (const struct yaml_node *n = interests->first; n != NULL; n = n->next) {
        weir_share share;
        weir_span type = text_of(n, "type");
        if (n->kind != YAML_MAPPING) {
            *fault_out = "an interest that is no object";
            return false;
        }
        if (!read_share(get(n, "share"), &share, fault_out))
            return false;
        bool is_owned = weir_span_equal(type, WEIR_SPAN("shareholding"));
        bool is_open = type.len == 0 ||
                       weir_span_equal(type, WEIR_SPAN("unknownInterest")) ||
                       weir_span_equal(type, WEIR_SPAN("unpublishedInterest"));
        bool is_told =
            has_components && weir_span_equal(text_of(n, "directOrIndirect"),
                                              WEIR_SPAN("indirect"));
        if ((!is_owned && !is_open) || is_told || text_of(n, "endDate").len > 0)
            continue;
        low += is_owned ? share.low : 0;
        high += is_owned ? share.high : WEIR_SHARE_ALL;
        has_any = true;
    }
    *share_out =
        (weir_share){low > WEIR_SHARE_ALL ? WEIR_SHARE_ALL : (uint32_t)low,
                     high > WEIR_SHARE_ALL ? WEIR_SHARE_ALL : (uint32_t)high};
    return has_any;
}

/* --------------------------------------------------------------- records */

struct reading {
    struct weir_register *r;
    const struct yaml_node *details;
    struct weir_place place;
    weir_span id; /* of the record */
    weir_time date;
    const char *fault;
};

static void
say(struct reading *in, enum weir_fact_kind kind, weir_span value)
{
    struct weir_fact *fact =
        weir__register_say(in->r, in->place, in->id, kind, value);
    if (fact != NULL && in->date != WEIR_TIME_MIN)
        fact->as_of = in->date;
}

static void
say_place(struct reading *in, enum weir_fact_kind kind, weir_span code)
{
    struct weir_fact *fact =
        weir__register_say_place(in->r, in->place, in->id, kind, code);
    if (fact != NULL && in->date != WEIR_TIME_MIN)
        fact->as_of = in->date;
}

/* The name that the record gets: of its LEI, or of its first identifier. */
static weir_span
say_identifiers(struct reading *in)
{
    weir_span first = WEIR_SPAN_NONE;
    const struct yaml_node *list = get(in->details, "identifiers");
    for (const struct yaml_node *n = list == NULL ? NULL : list->first;
         n != NULL; n = n->next) {
        weir_span scheme = text_of(n, "scheme");
        if (scheme.len == 0)
            scheme = text_of(n, "schemeName");
        weir_span text =
            weir__register_identifier(in->r, scheme, text_of(n, "id"));
        say(in, WEIR_FACT_IDENTIFIER, text);
        if (first.len == 0 || weir_span_starts(text, WEIR_SPAN("LEI:")))
            first = text;
    }
    return first;
}

static void
read_entity(struct reading *in)
{
    const struct yaml_node *names = get(in->details, "alternateNames");
    const struct yaml_node *addresses = get(in->details, "addresses");
    const struct yaml_node *kind = get(in->details, "entityType");
    if (kind == NULL || kind->kind != YAML_MAPPING)
        in->fault = "an entity without type";
    say(in, WEIR_FACT_NAME, text_of(in->details, "name"));
    if (names != NULL && names->kind != YAML_SEQUENCE)
        in->fault = "alternate names that are no array";
    for (const struct yaml_node *n = names == NULL ? NULL : names->first;
         n != NULL; n = n->next)
        say(in, WEIR_FACT_ALIAS, weir_tree_text(n));
    say_place(in, WEIR_FACT_INCORPORATED,
              text_of(get(in->details, "jurisdiction"), "code"));
    weir_span founded = text_of(in->details, "foundingDate");
    weir_time when;
    if (founded.len > 0 && weir_time_parse(founded, &when))
        say(in, WEIR_FACT_ESTABLISHED, founded);
    for (const struct yaml_node *n = addresses == NULL ? NULL
                                                       : addresses->first;
         n != NULL; n = n->next) {
        if (weir_span_equal(text_of(n, "type"), WEIR_SPAN("business")))
            say_place(in, WEIR_FACT_HEADQUARTERS,
                      text_of(get(n, "country"), "code"));
    }
}

static void
read_person(struct reading *in)
{
    const struct yaml_node *names = get(in->details, "names");
    if (names != NULL && names->kind != YAML_SEQUENCE)
        in->fault = "names that are no array";
    for (const struct yaml_node *n = names == NULL ? NULL : names->first;
         n != NULL; n = n->next)
        say(in, n == names->first ? WEIR_FACT_NAME : WEIR_FACT_ALIAS,
            text_of(n, "fullName"));
    say(in, WEIR_FACT_CATEGORY, WEIR_SPAN("person"));
}

/* A party is a recordId, or {reason: ..}: somebody who is not named. */
static weir_span
party_of(struct reading *in, const char *key)
{
    const struct yaml_node *node = get(in->details, key);
    weir_span text = weir_tree_text(node);
    struct weir_buf buf;
    char memory[512];
    if (text.len > 0)
        return text;
    if (node == NULL || node->kind != YAML_MAPPING) {
        in->fault = "a relationship without its two parties";
        return WEIR_SPAN_NONE;
    }
    weir_buf_init_fixed(&buf, memory, sizeof memory);
    weir_buf_addf(&buf, "unnamed:");
    weir_buf_add_span(&buf, in->id);
    return buf.overflow ? WEIR_SPAN_NONE
                        : weir__register_copy(in->r, weir_buf_span(&buf));
}

static void
read_relationship(struct reading *in)
{
    const struct yaml_node *components = get(in->details, "componentRecords");
    weir_share share = {0, 0};
    weir_span owner = party_of(in, "interestedParty");
    weir_span owned = party_of(in, "subject");
    bool has_components = components != NULL && components->count > 0;
    if (in->fault != NULL ||
        !read_interests(get(in->details, "interests"), has_components, &share,
                        &in->fault))
        return;
    /* A company that nobody names owns nothing that anybody asks about. */
    if (weir_span_starts(owned, WEIR_SPAN("unnamed:")))
        return;
    struct weir_fact *fact =
        weir__register_say(in->r, in->place, owned, WEIR_FACT_OWNER, owner);
    if (fact == NULL)
        return;
    fact->share = share;
    if (in->date != WEIR_TIME_MIN)
        fact->as_of = in->date;
}

static struct record *
add_record(struct weir_register *r)
{
    struct bods *b = r->state;
    if (b == NULL)
        b = r->state = weir_arena_array(&r->facts.arena, struct bods, 1);
    if (b == NULL)
        return NULL;
    if (b->count == b->capacity) {
        uint32_t capacity = b->capacity == 0 ? 64 : b->capacity * 2;
        struct record *rows =
            weir_arena_array(&r->facts.arena, struct record, capacity);
        if (rows == NULL)
            return NULL;
        if (b->count > 0)
            memcpy(rows, b->rows, b->count * sizeof *rows);
        b->rows = rows;
        b->capacity = capacity;
    }
    return &b->rows[b->count++];
}

static bool
read_type(weir_span text, enum record_type *type_out)
{
    static const char *const types[] = {"entity", "person", "relationship"};
    for (size_t i = 0; i < WEIR_COUNTOF(types); i++) {
        if (weir_span_equal(text, weir_span_of(types[i]))) {
            *type_out = (enum record_type)i;
            return true;
        }
    }
    return false;
}

void
weir__register_bods(struct weir_register *r, const struct yaml_node *node)
{
    struct reading in = {.r = r,
                         .place = node->place,
                         .details = get(node, "recordDetails"),
                         .date = WEIR_TIME_MIN};
    enum record_type type = RECORD_ENTITY;
    uint32_t before = r->facts.count;
    weir_span date = text_of(node, "statementDate");
    weir_span status = text_of(node, "recordStatus");
    weir_span name = WEIR_SPAN_NONE;
    in.id = text_of(node, "recordId");
    if (text_of(node, "statementId").len == 0 || in.id.len == 0)
        in.fault = "no statement of BODS 0.4: it has no statementId or "
                   "recordId";
    else if (!read_type(text_of(node, "recordType"), &type))
        in.fault = "a record that is no entity, person or relationship";
    else if (in.details == NULL || in.details->kind != YAML_MAPPING)
        in.fault = "a statement without recordDetails";
    else if (date.len > 0 && !weir_time_parse(date, &in.date))
        in.fault = "a statementDate that is no date";
    in.id = weir__register_copy(r, in.id);
    if (in.fault == NULL && type != RECORD_RELATIONSHIP)
        name = say_identifiers(&in);
    if (in.fault == NULL)
        (type == RECORD_ENTITY   ? read_entity
         : type == RECORD_PERSON ? read_person
                                 : read_relationship)(&in);
    if (in.fault != NULL) {
        weir__register_bad(r, node->place, before, in.fault);
        return;
    }
    struct record *record = add_record(r);
    if (record == NULL)
        return;
    *record = (struct record){.id = in.id,
                              .name = name,
                              .date = in.date,
                              .order = r->rows,
                              .first = before,
                              .count = r->facts.count - before,
                              .is_closed =
                                  weir_span_equal(status, WEIR_SPAN("closed"))};
}

/* ------------------------------------------------------------------- end */

static int
by_record(const void *a, const void *b)
{
    const struct record *x = a;
    const struct record *y = b;
    int order = weir_span_compare(x->id, y->id);
    if (order == 0)
        order = (x->date > y->date) - (x->date < y->date);
    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

/* Of each record its latest statement; the others' facts are no more. */
static void
keep_latest(struct weir_register *r, struct bods *b)
{
    uint32_t kept = 0;
    if (b->count > 1)
        qsort(b->rows, b->count, sizeof *b->rows, by_record);
    for (uint32_t i = 0; i < b->count; i++) {
        struct record *row = &b->rows[i];
        bool is_latest =
            i + 1 == b->count || !weir_span_equal(row->id, b->rows[i + 1].id);
        if (is_latest && !row->is_closed) {
            b->rows[kept++] = *row;
            continue;
        }
        for (uint32_t j = 0; j < row->count; j++)
            r->facts.rows[row->first + j].organisation = WEIR_SPAN_NONE;
    }
    b->count = kept;
}

static weir_span
name_of(struct weir_register *r, const struct bods *b, weir_span id)
{
    const struct record wanted = {.id = id, .date = WEIR_TIME_MAX};
    uint32_t low = 0;
    uint32_t high = b->count;
    struct weir_buf buf;
    char memory[600];
    while (low < high) { /* the first that is not before */
        uint32_t middle = (low + high) / 2;
        if (weir_span_compare(b->rows[middle].id, wanted.id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < b->count && weir_span_equal(b->rows[low].id, id) &&
        b->rows[low].name.len > 0)
        return b->rows[low].name;
    weir_buf_init_fixed(&buf, memory, sizeof memory);
    weir_buf_addf(&buf, "bods:");
    weir_buf_add_span(&buf, r->options->source);
    weir_buf_add_byte(&buf, ':');
    weir_buf_add_span(&buf, id);
    return buf.overflow ? id : weir__register_copy(r, weir_buf_span(&buf));
}

weir_status
weir__register_bods_end(struct weir_register *r, struct weir_error *err)
{
    struct bods *b = r->state;
    uint32_t kept = 0;
    if (b == NULL)
        return WEIR_OK;
    keep_latest(r, b);
    for (uint32_t i = 0; i < r->facts.count; i++) {
        struct weir_fact *fact = &r->facts.rows[i];
        if (fact->organisation.len == 0)
            continue;
        fact->organisation = name_of(r, b, fact->organisation);
        if (fact->kind == WEIR_FACT_OWNER)
            fact->value = name_of(r, b, fact->value);
        r->facts.rows[kept++] = *fact;
    }
    r->facts.count = kept;
    r->state = NULL;
    return r->facts.arena.overflow
               ? weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                           "the register does not fit in memory")
               : WEIR_OK;
}
