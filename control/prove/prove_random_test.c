/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encoder against the evaluator, on policies drawn at random.
 *
 * What a solver calls proven must hold in every world; so worlds are drawn
 * too, and one that shows the claim wrong shows the encoder wrong. What it
 * calls a counterexample was confirmed by the evaluator before; a model that
 * was not is counted, and there may be none. Then laws that hold of any
 * policy whatever it says. WEIR_RANDOM_POLICIES and WEIR_RANDOM_SEED ask
 * for more, or for others.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/cedar_validate.h>

#include "control/prove/prove.h"

#define POLICIES 24
#define WORLDS   60
#define DEPTH    3

static const char schema_text[] =
    "entity Bloc; entity Place in [Bloc]; entity Rule;"
    "entity Org in [Rule] { home: Place, old: Bool };"
    "entity Tenant in [Org]; entity Key in [Tenant] { org: Org, n: Long,"
    " users: Set<Place>, note?: String } tags String;"
    "entity Color enum [\"red\", \"green\"];"
    "entity Thing in [Place, Thing] { owner: Key, color: Color, cost: decimal,"
    " groups: Set<Rule> };"
    "action use; action look, take in [use] appliesTo { principal: [Key],"
    " resource: [Thing], context: { ip: ipaddr, now: datetime, span: duration,"
    " s: String, t: String, n: Long, where?: Place,"
    " more: { deep?: { x: Long }, flag: Bool }, tags: Set<String> } };";

static uint64_t state;

static uint32_t
roll(uint32_t sides)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16) % sides;
}

static const char *
any(const char *const *of, size_t count)
{
    return of[roll((uint32_t)count)];
}
#define ANY(list) any(list, WEIR_COUNTOF(list))

static const int64_t numbers[] = {INT64_MIN, -1, 0, 1, 2, 3, 7, INT64_MAX};
static const char *const strings[] = {"", "a", "b", "ab", "xay", "a*b", "\\"};
static const char *const quoted[] = {"\"\"",    "\"a\"",   "\"b\"",   "\"ab\"",
                                     "\"xay\"", "\"a*b\"", "\"\\\\\""};

/* ---------------------------------------------------------- expressions */

static void put_bool(struct weir_buf *out, int depth);

static void
put_long(struct weir_buf *out, int depth)
{
    static const char *const leaves[] = {"0",
                                         "1",
                                         "3",
                                         "7",
                                         "9223372036854775807",
                                         "context.n",
                                         "context.n",
                                         "principal.n",
                                         "resource.owner.n",
                                         "context.span.toMilliseconds()",
                                         "context.span.toSeconds()"};
    uint32_t which = depth <= 0 ? 9 : roll(6);
    if (which > 2) {
        weir_buf_addf(out, "%s", ANY(leaves));
        return;
    }
    weir_buf_addf(out, which == 2 ? "(-" : "(");
    put_long(out, depth - 1);
    if (which == 0)
        weir_buf_addf(out, " * %u)", roll(4));
    else if (which == 1) {
        weir_buf_addf(out, roll(2) ? " + " : " - ");
        put_long(out, depth - 1);
    }
    if (which != 0)
        weir_buf_addf(out, ")");
}

static void
put_compare(struct weir_buf *out, int depth)
{
    static const char *const relations[] = {" < ", " <= ", " == ", " != "};
    weir_buf_addf(out, "(");
    put_long(out, depth);
    weir_buf_addf(out, "%s", ANY(relations));
    put_long(out, depth);
    weir_buf_addf(out, ")");
}

static void
put_text(struct weir_buf *out)
{
    static const char *const patterns[] = {"\"*a*\"", "\"a*\"",    "\"*b\"",
                                           "\"a*b\"", "\"*a*b*\"", "\"\\*\"",
                                           "\"*\"",   "\"a\\*b\"", "\"x*y\""};
    const char *which = roll(2) ? "context.s" : "context.t";
    switch (roll(4)) {
    case 0:
        weir_buf_addf(out, "%s == %s", which, ANY(quoted));
        return;
    case 1:
        weir_buf_addf(out, "context.s == context.t");
        return;
    default:
        weir_buf_addf(out, "%s like %s", which, ANY(patterns));
        return;
    }
}

/* Of the hierarchy: what may be in what. */
static void
put_member(struct weir_buf *out)
{
    static const char *const rows[] = {
        "principal in Tenant::\"t%u\"",
        "principal in Org::\"o%u\"",
        "principal in Rule::\"r%u\"",
        "principal.org in Rule::\"r%u\"",
        "resource in Thing::\"x%u\"",
        "resource in Place::\"p%u\"",
        "resource in Bloc::\"b%u\"",
        "Place::\"p%u\" in Bloc::\"b0\"",
        "Thing::\"x%u\" in resource",
        "resource.owner in Org::\"o%u\"",
        "principal.org.home in Bloc::\"b%u\"",
        "principal in [Tenant::\"t%u\", Tenant::\"t1\"]",
        "context has where && context.where in Bloc::\"b%u\"",
        "Tenant::\"t%u\" in principal.org",
        "resource == Thing::\"x%u\"",
        "Thing::\"x%u\" in Place::\"p0\"",
        "Org::\"o%u\" in resource.groups"};
    static const char *const others[] = {"principal in principal.org",
                                         "principal in resource.groups",
                                         "principal == resource.owner",
                                         "resource.owner.org == principal.org",
                                         "resource in principal.org.home",
                                         "principal.org in resource.groups",
                                         "resource.owner in principal.org",
                                         "action in Action::\"use\"",
                                         "action == Action::\"look\""};
    if (roll(3) == 0)
        weir_buf_addf(out, "%s", ANY(others));
    else {
        char text[128];
        /* The rows are of this file. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof(text), ANY(rows), roll(2));
#pragma GCC diagnostic pop
        weir_buf_addf(out, "(%s)", text);
    }
}

static void
put_other(struct weir_buf *out)
{
    static const char *const rows[] = {
        "(principal.hasTag(\"a\") && principal.getTag(\"a\") == context.s)",
        "principal.hasTag(context.s)",
        "(principal has note && principal.note like \"a*\")",
        "(context.more has deep && context.more.deep.x < 3)",
        "(context has more.deep.x && context.more.deep.x == context.n)",
        "context.more.flag",
        "principal.org.old",
        "resource.color == Color::\"red\"",
        "context.tags.contains(\"a\")",
        "context.tags.contains(context.s)",
        "context.tags.containsAll([\"a\", \"b\"])",
        "context.tags.containsAny([\"b\", context.t])",
        "context.tags.isEmpty()",
        "context.tags == [\"a\"]",
        "principal.users.contains(Place::\"p0\")",
        "principal.users.containsAny(resource.owner.users)",
        "principal.users.containsAll(resource.owner.users)",
        "principal.users.isEmpty()",
        "resource.groups.contains(Rule::\"r0\")",
        "context.ip.isInRange(ip(\"10.0.0.0/8\"))",
        "context.ip.isInRange(ip(\"10.1.0.0/16\"))",
        "context.ip.isInRange(ip(\"fe80::/10\"))",
        "context.ip.isInRange(ip(\"0.0.0.0/0\"))",
        "context.ip == ip(\"10.1.2.3\")",
        "context.ip.isLoopback()",
        "context.ip.isMulticast()",
        "context.ip.isIpv6()",
        "resource.cost.lessThan(decimal(\"1.5\"))",
        "resource.cost == decimal(\"1.5\")",
        "context.now < datetime(\"2026-01-01\")",
        "context.now.offset(context.span) <= datetime(\"2026-01-02\")",
        "context.now.toDate() == datetime(\"2026-01-01\")",
        "context.now.toTime() < duration(\"12h\")",
        "context.span >= duration(\"2s\")",
        "context.now.durationSince(datetime(\"2026-01-01\")) < context.span",
        "{a: context.n, b: context.s} == {a: 1, b: \"a\"}",
        "principal is Key",
        "resource is Key",
        "true",
        "false"};
    weir_buf_addf(out, "%s", ANY(rows));
}

static void
put_bool(struct weir_buf *out, int depth)
{
    uint32_t which = depth <= 0 ? 4 + roll(6) : roll(10);
    if (which == 0) {
        weir_buf_addf(out, "(if ");
        put_bool(out, depth - 1);
        weir_buf_addf(out, " then ");
        put_bool(out, depth - 1);
        weir_buf_addf(out, " else ");
        put_bool(out, depth - 1);
        weir_buf_addf(out, ")");
    } else if (which == 1) {
        weir_buf_addf(out, "!(");
        put_bool(out, depth - 1);
        weir_buf_addf(out, ")");
    } else if (which < 4) {
        weir_buf_addf(out, "((");
        put_bool(out, depth - 1);
        weir_buf_addf(out, which == 2 ? ") && (" : ") || (");
        put_bool(out, depth - 1);
        weir_buf_addf(out, "))");
    } else if (which == 4) {
        put_compare(out, depth > 2 ? 2 : depth);
    } else if (which == 5) {
        put_text(out);
    } else if (which < 8) {
        put_member(out);
    } else {
        put_other(out);
    }
}

/* -------------------------------------------------------------- worlds */

#define ENTITIES_MAX 24

struct world {
    struct weir_cedar_smt_case found;
    struct weir_cedar_entity entities[ENTITIES_MAX];
    struct weir_arena *arena;
};

static struct weir_cedar_uid
uid(struct world *w, const char *type, char letter, uint32_t number)
{
    char text[3] = {letter, (char)('0' + number), '\0'};
    return (struct weir_cedar_uid){
        weir_span_of(type), weir_arena_copy(w->arena, weir_span_of(text))};
}

static weir_cedar_value
entity_value(struct world *w, struct weir_cedar_uid of)
{
    struct weir_cedar_uid *kept = weir_arena_alloc(w->arena, sizeof(*kept));
    weir_cedar_value value = {.kind = WEIR_CEDAR_ENTITY};
    *kept = of;
    value.uid = kept;
    return value;
}

static weir_cedar_value
number_value(enum weir_cedar_kind kind, int64_t number)
{
    weir_cedar_value value = {.kind = (uint8_t)kind};
    if (kind == WEIR_CEDAR_BOOL)
        value.boolean = number != 0;
    else
        value.number = number;
    return value;
}

static weir_cedar_value
text_value(void)
{
    weir_cedar_value value = {.kind = WEIR_CEDAR_STRING};
    value.string = weir_span_of(ANY(strings));
    return value;
}

/* Each of `count` with even chance. */
static weir_cedar_value
some_entities(struct world *w, const char *type, char letter, uint32_t count)
{
    weir_cedar_value *items =
        weir_arena_array(w->arena, weir_cedar_value, count);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (roll(2))
            items[kept++] = entity_value(w, uid(w, type, letter, i));
    return weir_cedar_value_set(items, kept);
}

static void
parent(struct world *w, struct weir_cedar_entity *e, struct weir_cedar_uid up)
{
    struct weir_cedar_uid *parents =
        weir_arena_array(w->arena, struct weir_cedar_uid, e->parent_count + 1);
    if (e->parent_count > 0)
        memcpy(parents, e->parents, e->parent_count * sizeof(*parents));
    parents[e->parent_count++] = up;
    e->parents = parents;
}

static void
attribute(struct world *w, struct weir_cedar_entity *e, const char *key,
          weir_cedar_value value)
{
    struct weir_cedar_field *fields = weir_arena_array(
        w->arena, struct weir_cedar_field, e->attribute_count + 1);
    if (e->attribute_count > 0)
        memcpy(fields, e->attributes, e->attribute_count * sizeof(*fields));
    fields[e->attribute_count++] =
        (struct weir_cedar_field){weir_span_of(key), value};
    e->attributes = fields;
}

static struct weir_cedar_entity *
entity(struct world *w, const char *type, char letter, uint32_t number)
{
    struct weir_cedar_entity *e = &w->entities[w->found.entity_count++];
    assert_true(w->found.entity_count <= ENTITIES_MAX);
    memset(e, 0, sizeof(*e));
    e->uid = uid(w, type, letter, number);
    return e;
}

static void
draw_parties(struct world *w)
{
    struct weir_cedar_entity *e;
    for (uint32_t i = 0; i < 2; i++) {
        (void)entity(w, "Bloc", 'b', i);
        (void)entity(w, "Rule", 'r', i);
        e = entity(w, "Place", 'p', i);
        for (uint32_t k = 0; k < 2; k++)
            if (roll(2))
                parent(w, e, uid(w, "Bloc", 'b', k));
    }
    for (uint32_t i = 0; i < 2; i++) {
        e = entity(w, "Org", 'o', i);
        attribute(w, e, "home", entity_value(w, uid(w, "Place", 'p', roll(2))));
        attribute(w, e, "old", number_value(WEIR_CEDAR_BOOL, roll(2)));
        for (uint32_t k = 0; k < 2; k++)
            if (roll(2))
                parent(w, e, uid(w, "Rule", 'r', k));
        e = entity(w, "Tenant", 't', i);
        if (roll(3))
            parent(w, e, uid(w, "Org", 'o', roll(2)));
    }
}

static void
draw_keys(struct world *w)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct weir_cedar_entity *e = entity(w, "Key", 'k', i);
        attribute(w, e, "org", entity_value(w, uid(w, "Org", 'o', roll(2))));
        attribute(w, e, "n",
                  number_value(WEIR_CEDAR_LONG,
                               numbers[roll(WEIR_COUNTOF(numbers))]));
        attribute(w, e, "users", some_entities(w, "Place", 'p', 2));
        if (roll(2))
            attribute(w, e, "note", text_value());
        if (roll(2)) {
            struct weir_cedar_field *tag =
                weir_arena_alloc(w->arena, sizeof(*tag));
            tag->key = weir_span_of(ANY(strings));
            tag->value = text_value();
            e->tags = tag;
            e->tag_count = 1;
        }
        if (roll(3))
            parent(w, e, uid(w, "Tenant", 't', roll(2)));
    }
}

static void
draw_things(struct world *w)
{
    for (uint32_t i = 0; i < 3; i++) {
        struct weir_cedar_entity *e = entity(w, "Thing", 'x', i);
        struct weir_cedar_uid color = {WEIR_SPAN("Color"),
                                       roll(2) ? WEIR_SPAN("red")
                                               : WEIR_SPAN("green")};
        attribute(w, e, "owner", entity_value(w, uid(w, "Key", 'k', roll(2))));
        attribute(w, e, "color", entity_value(w, color));
        attribute(w, e, "cost",
                  number_value(WEIR_CEDAR_DECIMAL,
                               roll(2) ? 15000 : (int64_t)roll(30000)));
        attribute(w, e, "groups", some_entities(w, "Rule", 'r', 2));
        if (i > 0 && roll(2))
            parent(w, e, uid(w, "Thing", 'x', roll(i)));
        if (roll(2))
            parent(w, e, uid(w, "Place", 'p', roll(2)));
    }
}

static weir_cedar_value
record(struct world *w, struct weir_cedar_field *fields, size_t count)
{
    struct weir_cedar_field *kept =
        weir_arena_array(w->arena, struct weir_cedar_field, count + 1);
    weir_cedar_value value;
    struct weir_error err;
    memcpy(kept, fields, count * sizeof(*kept));
    assert_int_equal(weir_cedar_value_record(kept, count, &value, &err),
                     WEIR_OK);
    return value;
}

static weir_cedar_value
draw_context(struct world *w)
{
    static const char *const ips[] = {"10.1.2.3",  "10.9.0.0/16", "127.0.0.1",
                                      "224.0.0.7", "fe80::1",     "::1",
                                      "10.0.0.0/7"};
    static const int64_t days[] = {INT64_C(1767225600000),
                                   INT64_C(1767225600000) - 1,
                                   INT64_C(1767280000000), INT64_MIN, 0};
    static const int64_t spans[] = {0, 2000, -1500, 86400000, INT64_MAX};
    struct weir_cedar_field fields[9], more[2], deep;
    weir_cedar_value *tags = weir_arena_array(w->arena, weir_cedar_value, 2);
    weir_cedar_value ip;
    size_t count = 0, within = 0;
    uint32_t tag_count = roll(3);
    assert_true(
        weir_cedar_extension_parse(WEIR_CEDAR_IP, weir_span_of(ANY(ips)), &ip));
    for (uint32_t i = 0; i < tag_count; i++)
        tags[i] = text_value();
    deep = (struct weir_cedar_field){
        WEIR_SPAN("x"),
        number_value(WEIR_CEDAR_LONG, numbers[roll(WEIR_COUNTOF(numbers))])};
    if (roll(2))
        more[within++] =
            (struct weir_cedar_field){WEIR_SPAN("deep"), record(w, &deep, 1)};
    more[within++] = (struct weir_cedar_field){
        WEIR_SPAN("flag"), number_value(WEIR_CEDAR_BOOL, roll(2))};
    fields[count++] = (struct weir_cedar_field){WEIR_SPAN("ip"), ip};
    fields[count++] = (struct weir_cedar_field){
        WEIR_SPAN("now"),
        number_value(WEIR_CEDAR_DATETIME, days[roll(WEIR_COUNTOF(days))])};
    fields[count++] = (struct weir_cedar_field){
        WEIR_SPAN("span"),
        number_value(WEIR_CEDAR_DURATION, spans[roll(WEIR_COUNTOF(spans))])};
    fields[count++] = (struct weir_cedar_field){WEIR_SPAN("s"), text_value()};
    fields[count++] = (struct weir_cedar_field){WEIR_SPAN("t"), text_value()};
    fields[count++] = (struct weir_cedar_field){
        WEIR_SPAN("n"),
        number_value(WEIR_CEDAR_LONG, numbers[roll(WEIR_COUNTOF(numbers))])};
    if (roll(2))
        fields[count++] = (struct weir_cedar_field){
            WEIR_SPAN("where"), entity_value(w, uid(w, "Place", 'p', roll(2)))};
    fields[count++] =
        (struct weir_cedar_field){WEIR_SPAN("more"), record(w, more, within)};
    fields[count++] = (struct weir_cedar_field){
        WEIR_SPAN("tags"), weir_cedar_value_set(tags, tag_count)};
    return record(w, fields, count);
}

static void
draw_world(struct world *w, struct weir_arena *arena)
{
    memset(w, 0, sizeof(*w));
    w->arena = arena;
    w->found.entities = w->entities;
    draw_parties(w);
    draw_keys(w);
    draw_things(w);
    w->found.query.principal = uid(w, "Key", 'k', roll(2));
    w->found.query.action = (struct weir_cedar_uid){
        WEIR_SPAN("Action"), roll(2) ? WEIR_SPAN("look") : WEIR_SPAN("take")};
    w->found.query.resource = uid(w, "Thing", 'x', roll(3));
    w->found.query.context = draw_context(w);
    assert_false(arena->overflow);
}

/* -------------------------------------------------------------- asking */

struct drawn {
    struct weir_arena arena;
    const struct weir_cedar_schema *schema;
    struct weir_cedar_policies *set;
    const struct weir_cedar_policy *policies[4];
    struct weir_buf text;
};

static size_t odd, asked, refuted, unknown;

static void
drawn_fini(struct drawn *d)
{
    weir_cedar_policies_free(d->set);
    weir_buf_fini(&d->text);
    weir_arena_fini(&d->arena);
}

/* Up to four policies from `d->text`; false: they do not validate. */
static bool
drawn_parse(struct drawn *d)
{
    struct weir_cedar_findings findings;
    struct weir_error err = {0};
    d->set = weir_cedar_policies_new();
    if (weir_cedar_policies_add_text(d->set, weir_buf_span(&d->text),
                                     WEIR_SPAN("drawn"), &err) != WEIR_OK)
        fail_msg("%.*s: %s", (int)d->text.len, d->text.ptr, err.text);
    assert_int_equal(weir_cedar_validate(d->set, d->schema, WEIR_CEDAR_4_12,
                                         &d->arena, &findings, &err),
                     WEIR_OK);
    for (size_t i = 0; i < weir_cedar_policies_count(d->set) && i < 4; i++)
        d->policies[i] = weir_cedar_policies_at(d->set, i);
    return findings.error_count == 0;
}

static struct weir_prove_question
question_of(const struct drawn *d, enum weir_cedar_smt_claim claim, size_t a,
            size_t a_count, size_t b, size_t b_count)
{
    return (struct weir_prove_question){
        .smt = {.schema = d->schema,
                .claim = claim,
                .a = {&d->policies[a], a_count},
                .b = {&d->policies[b], b_count}},
        .timeout_ms = 4000};
}

static enum weir_prove_answer
ask(struct drawn *d, const struct weir_prove_question *q)
{
    struct weir_prove_result result;
    struct weir_error err = {0};
    if (weir_prove_ask(q, &d->arena, &result, &err) != WEIR_OK)
        fail_msg("%.*s: %s", (int)d->text.len, d->text.ptr, err.text);
    asked++;
    odd += result.odd;
    refuted += result.answer == WEIR_PROVE_COUNTEREXAMPLE;
    unknown += result.answer == WEIR_PROVE_NOT_PROVEN;
    if (result.odd > 0)
        print_message("claim %d of %.*s: %s\n", q->smt.claim, (int)d->text.len,
                      d->text.ptr, result.reason);
    return result.answer;
}

/* Worlds that a proof must survive. */
static void
try_worlds(struct drawn *d, const struct weir_prove_question *q)
{
    struct weir_cedar_smt_question asked_of = q->smt;
    for (int i = 0; i < WORLDS; i++) {
        struct weir_arena arena;
        struct weir_error err = {0};
        struct world w;
        bool is_refuted = false;
        weir_arena_init_heap(&arena, (size_t)1 << 26);
        draw_world(&w, &arena);
        if (weir_cedar_smt_replay(&asked_of, &w.found, &arena, &is_refuted,
                                  &err) != WEIR_OK)
            fail_msg("a world that does not conform: %s", err.text);
        if (is_refuted) {
            struct weir_buf json;
            weir_buf_init(&json, 1 << 20);
            weir_cedar_smt_case_write(&w.found, &json);
            fail_msg("claim %d is called proven of\n%.*s\nbut here it is "
                     "wrong: %.*s",
                     q->smt.claim, (int)d->text.len, d->text.ptr, (int)json.len,
                     json.ptr);
        }
        weir_arena_fini(&arena);
    }
}

static uint64_t
number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t value;
    return text != NULL && weir_span_to_u64(weir_span_of(text), &value)
               ? value
               : otherwise;
}

static void
begin(struct drawn *d)
{
    struct weir_error err = {0};
    memset(d, 0, sizeof(*d));
    weir_arena_init_heap(&d->arena, (size_t)512 << 20);
    weir_buf_init(&d->text, 1 << 16);
    assert_int_equal(weir_cedar_schema_parse(&d->arena,
                                             weir_span_of(schema_text),
                                             WEIR_CEDAR_TEXT, &d->schema, &err),
                     WEIR_OK);
}

TEST(prove_random, what_is_proven_holds_in_every_world_that_is_drawn)
{
    static const enum weir_cedar_smt_claim claims[] = {
        WEIR_CEDAR_SMT_NEVER_ERRORS,   WEIR_CEDAR_SMT_ALWAYS_ALLOWS,
        WEIR_CEDAR_SMT_ALWAYS_DENIES,  WEIR_CEDAR_SMT_IMPLIES,
        WEIR_CEDAR_SMT_EQUIVALENT,     WEIR_CEDAR_SMT_DISJOINT,
        WEIR_CEDAR_SMT_ALWAYS_MATCHES, WEIR_CEDAR_SMT_NEVER_MATCHES,
        WEIR_CEDAR_SMT_MATCH_IMPLIES,  WEIR_CEDAR_SMT_MATCH_EQUIVALENT,
        WEIR_CEDAR_SMT_MATCH_DISJOINT};
    uint64_t wanted = number_from("WEIR_RANDOM_POLICIES", POLICIES);
    size_t proven = 0;
    state = number_from("WEIR_RANDOM_SEED", 1) * UINT64_C(0x9E3779B97F4A7C15);
    odd = asked = refuted = unknown = 0;
    for (uint64_t i = 0; i < wanted;) {
        struct drawn d;
        begin(&d);
        for (int k = 0; k < 2; k++) {
            weir_buf_addf(&d.text, "%s(principal, action, resource) when { ",
                          k == 1 && roll(3) == 0 ? "forbid" : "permit");
            put_bool(&d.text, DEPTH);
            weir_buf_addf(&d.text, " };\n");
        }
        if (drawn_parse(&d)) {
            i++;
            for (size_t c = 0; c < WEIR_COUNTOF(claims); c++) {
                struct weir_prove_question q =
                    question_of(&d, claims[c], 0, 1, 1, 1);
                if (ask(&d, &q) != WEIR_PROVE_PROVEN)
                    continue;
                proven++;
                try_worlds(&d, &q);
            }
        }
        drawn_fini(&d);
    }
    print_message("%zu questions: %zu proven, %zu refuted, %zu not proven\n",
                  asked, proven, refuted, unknown);
    assert_int_equal(odd, 0);
    /* Both answers occur, and few questions stay open. */
    assert_true(proven > 0 && refuted > 0 && unknown * 20 <= asked);
}

/* Whatever c says: the same in other words, and what follows from it. */
TEST(prove_random, laws_hold_of_policies_that_are_drawn)
{
    static const struct {
        const char *second; /* %s is the condition */
        enum weir_cedar_smt_claim claim;
    } laws[] = {
        {"permit(principal, action, resource) when { !(!(%.*s)) };",
         WEIR_CEDAR_SMT_MATCH_EQUIVALENT},
        {"permit(principal, action, resource) when { if %.*s then true else "
         "false };",
         WEIR_CEDAR_SMT_MATCH_EQUIVALENT},
        {"permit(principal, action, resource) when { (%.*s) == true };",
         WEIR_CEDAR_SMT_MATCH_EQUIVALENT},
        {"permit(principal, action, resource) unless { !(%.*s) };",
         WEIR_CEDAR_SMT_EQUIVALENT},
        {"permit(principal, action, resource) unless { %.*s };",
         WEIR_CEDAR_SMT_DISJOINT},
        {"permit(principal, action, resource) when { (%.*s) || context.n == "
         "1 };",
         WEIR_CEDAR_SMT_IMPLIES},
        {"permit(principal, action, resource) when { %.*s } unless { context "
         "has nothing };",
         WEIR_CEDAR_SMT_EQUIVALENT},
    };
    uint64_t wanted = number_from("WEIR_RANDOM_POLICIES", POLICIES) / 2;
    state = number_from("WEIR_RANDOM_SEED", 2) * UINT64_C(0xD1B54A32D192ED03);
    odd = asked = refuted = unknown = 0;
    for (uint64_t i = 0; i < wanted; i++) {
        struct weir_buf condition;
        weir_buf_init(&condition, 1 << 16);
        put_bool(&condition, DEPTH);
        for (size_t k = 0; k < WEIR_COUNTOF(laws); k++) {
            struct weir_prove_question q;
            enum weir_prove_answer answer;
            struct drawn d;
            begin(&d);
            weir_buf_addf(&d.text,
                          "permit(principal, action, resource) when { %.*s "
                          "};\n",
                          (int)condition.len, condition.ptr);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            weir_buf_addf(&d.text, laws[k].second, (int)condition.len,
                          condition.ptr);
#pragma GCC diagnostic pop
            if (drawn_parse(&d)) {
                q = question_of(&d, laws[k].claim, 0, 1, 1, 1);
                answer = ask(&d, &q);
                if (answer == WEIR_PROVE_COUNTEREXAMPLE)
                    fail_msg("law %zu does not hold of %.*s", k,
                             (int)d.text.len, d.text.ptr);
            }
            drawn_fini(&d);
        }
        weir_buf_fini(&condition);
    }
    print_message("%zu laws asked, %zu not proven\n", asked, unknown);
    assert_true(asked > 0);
    assert_int_equal(odd, 0);
    assert_true(unknown * 20 <= asked);
}
