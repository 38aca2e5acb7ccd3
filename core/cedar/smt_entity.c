/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entities: attributes, tags and the hierarchy.
 *
 *   at.E.k    (E) T                 a required attribute
 *             (E) option of T       an optional one
 *   tag.E     (E String) option     a tag, or none
 *   in.E.A    (E A) Bool            ancestors, asked one by one
 *   anc.E.A   (E) set of A          ancestors, where sets of them are asked
 *
 * A function for each attribute, not one to a record of them: an entity is
 * never compared by its attributes, and most are not asked for.
 *
 * THE HIERARCHY is said to be one (no cycle, transitive) for the footprint
 * alone, all entity-valued terms of the question: what lies outside can be
 * cut off without changing any answer; and of the footprint, for the
 * memberships that are spoken of (close_chains()). Membership functions that neither
 * the question nor transitivity needs are taken as empty and not declared.
 * A set of ancestors is tied to the single questions over the footprint; it
 * may hold more, entities that have no ancestors themselves.
 */
#include "smt.h"

static weir_span
name_bool(struct smt *s, weir_span text)
{
    return weir__smt_name(s, WEIR_SPAN("Bool"), text);
}

void
weir__smt_foot(struct smt *s, weir_span value,
               const struct weir_cedar_entity_type *type, bool is_literal)
{
    struct smt_foot *foot;
    weir_span key;
    if (type->is_action || value.ptr == NULL)
        return;
    /* A quantifier-free term; each text stands for one. */
    key =
        weir__smt_format(s, "foot %u %.*s", type->index, WEIR_SPAN_ARG(value));
    if (key.ptr == NULL || weir__smt_known(s, key).ptr != NULL)
        return;
    weir__smt_learn(s, key, weir__smt_format(s, "%u", s->feet.count));
    foot = SMT_PUSH(s, s->feet);
    if (foot != NULL)
        *foot = (struct smt_foot){value, type, is_literal};
}

/* Its number in the footprint, which it joins where it is not in it yet. */
static uint32_t
foot_of(struct smt *s, weir_span value,
        const struct weir_cedar_entity_type *type)
{
    weir_span key =
        weir__smt_format(s, "foot %u %.*s", type->index, WEIR_SPAN_ARG(value));
    uint64_t number = 0;
    if (key.ptr == NULL)
        return 0;
    if (weir__smt_known(s, key).ptr == NULL)
        weir__smt_foot(s, value, type, false);
    (void)weir_span_to_u64(weir__smt_known(s, key), &number);
    return (uint32_t)number;
}

/* ------------------------------------------------- attributes and tags */

static bool
is_plain(weir_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return name.len > 0;
}

static weir_span
attribute_function(struct smt *s, const struct weir_cedar_entity_type *type,
                   const struct weir_cedar_attribute *attribute)
{
    weir_span symbol = weir__smt_symbol(s, type->name);
    weir_span entity = weir__smt_entity_sort(s, type), sort, function;
    struct smt_attribute *used;
    uint32_t index = (uint32_t)(attribute - type->shape->attributes);
    function =
        is_plain(attribute->name)
            ? weir__smt_format(s, "at.%.*s.%.*s", WEIR_SPAN_ARG(symbol),
                               WEIR_SPAN_ARG(attribute->name))
            : weir__smt_format(s, "at.%.*s.$%u", WEIR_SPAN_ARG(symbol), index);
    if (function.ptr == NULL || weir__smt_known(s, function).ptr != NULL)
        return function;
    sort = attribute->is_required ? weir__smt_sort(s, attribute->type)
                                  : weir__smt_option(s, attribute->type);
    weir__smt_learn(s, function, function);
    weir_buf_addf(s->out, "(declare-fun %.*s (%.*s) %.*s)\n",
                  WEIR_SPAN_ARG(function), WEIR_SPAN_ARG(entity),
                  WEIR_SPAN_ARG(sort));
    used = SMT_PUSH(s, s->attributes);
    if (used != NULL)
        *used = (struct smt_attribute){type, attribute, function};
    return function;
}

weir_span
weir__smt_attribute(struct smt *s, weir_span entity,
                    const struct weir_cedar_entity_type *type,
                    const struct weir_cedar_attribute *attribute)
{
    weir_span function = attribute_function(s, type, attribute);
    weir_span sort = attribute->is_required
                         ? weir__smt_sort(s, attribute->type)
                         : weir__smt_option(s, attribute->type);
    return weir__smt_name(s, sort,
                          weir__smt_format(s, "(%.*s %.*s)",
                                           WEIR_SPAN_ARG(function),
                                           WEIR_SPAN_ARG(entity)));
}

static void
add_tag_key(struct smt *s, const struct weir_cedar_entity_type *type,
            weir_span key)
{
    struct smt_tag *tag;
    for (uint32_t i = 0; i < s->tags.count; i++)
        if (s->tags.items[i].type == type &&
            weir_span_equal(s->tags.items[i].key, key))
            return;
    tag = SMT_PUSH(s, s->tags);
    if (tag != NULL)
        *tag = (struct smt_tag){type, key};
}

weir_span
weir__smt_tag(struct smt *s, weir_span entity,
              const struct weir_cedar_entity_type *type, weir_span key)
{
    weir_span symbol = weir__smt_symbol(s, type->name);
    weir_span sort = weir__smt_entity_sort(s, type);
    weir_span option = weir__smt_option(s, type->tags);
    weir_span function = weir__smt_format(s, "tag.%.*s", WEIR_SPAN_ARG(symbol));
    if (function.ptr == NULL)
        return function;
    if (weir__smt_known(s, function).ptr == NULL) {
        weir__smt_learn(s, function, function);
        weir_buf_addf(s->out, "(declare-fun %.*s (%.*s String) %.*s)\n",
                      WEIR_SPAN_ARG(function), WEIR_SPAN_ARG(sort),
                      WEIR_SPAN_ARG(option));
    }
    add_tag_key(s, type, key);
    return weir__smt_name(
        s, option,
        weir__smt_format(s, "(%.*s %.*s %.*s)", WEIR_SPAN_ARG(function),
                         WEIR_SPAN_ARG(entity), WEIR_SPAN_ARG(key)));
}

/* ------------------------------------------------------------ actions */

static bool
action_in(const struct weir_cedar_action *a, const struct weir_cedar_action *b)
{
    if (a == b)
        return true;
    for (uint32_t i = 0; i < a->ancestor_count; i++)
        if (a->ancestors[i] == b)
            return true;
    return false;
}

/* The schema knows all actions: `a in b` is the list of pairs that are. */
static weir_span
in_actions(struct smt *s, weir_span a,
           const struct weir_cedar_entity_type *a_type, weir_span b,
           const struct weir_cedar_entity_type *b_type, bool is_set)
{
    size_t count = weir_cedar_schema_action_count(s->schema);
    weir_span all = WEIR_SPAN("false");
    for (size_t i = 0; i < count; i++) {
        const struct weir_cedar_action *x =
            weir_cedar_schema_action(s->schema, i);
        weir_span x_is, x_name = weir__smt_format(s, "a.%zu", i);
        if (x->type != a_type)
            continue;
        x_is = a.len > 2 && a.ptr[0] == 'a' && a.ptr[1] == '.'
                   ? weir_span_of(weir_span_equal(a, x_name) ? "true" : "false")
                   : weir__smt_equal(s, a, x_name);
        for (size_t k = 0; k < count && !weir__smt_is(x_is, "false"); k++) {
            const struct weir_cedar_action *y =
                weir_cedar_schema_action(s->schema, k);
            weir_span y_name = weir__smt_format(s, "a.%zu", k), y_is;
            if (y->type != b_type || !action_in(x, y))
                continue;
            if (is_set)
                y_is = weir__smt_set_has(s, b, y_name);
            else if (b.len > 2 && b.ptr[0] == 'a' && b.ptr[1] == '.')
                y_is =
                    weir_span_of(weir_span_equal(b, y_name) ? "true" : "false");
            else
                y_is = weir__smt_equal(s, b, y_name);
            all = weir__smt_or(s, all, weir__smt_and(s, x_is, y_is));
        }
    }
    return all;
}

/* --------------------------------------------------------- membership */

static weir_span
pair_function(struct smt *s, const char *prefix,
              const struct weir_cedar_entity_type *e,
              const struct weir_cedar_entity_type *a)
{
    weir_span x = weir__smt_symbol(s, e->name);
    weir_span y = weir__smt_symbol(s, a->name);
    return weir__smt_format(s, "%s.%.*s.%.*s", prefix, WEIR_SPAN_ARG(x),
                            WEIR_SPAN_ARG(y));
}

weir_span
weir__smt_member_function(struct smt *s, const struct weir_cedar_entity_type *e,
                          const struct weir_cedar_entity_type *a)
{
    weir_span function = pair_function(s, "in", e, a), x, y;
    s->memberships[e->index * s->type_count + a->index] = 1;
    if (function.ptr == NULL || weir__smt_known(s, function).ptr != NULL)
        return function;
    weir__smt_learn(s, function, function);
    x = weir__smt_entity_sort(s, e);
    y = weir__smt_entity_sort(s, a);
    weir_buf_addf(s->out, "(declare-fun %.*s (%.*s %.*s) Bool)\n",
                  WEIR_SPAN_ARG(function), WEIR_SPAN_ARG(x), WEIR_SPAN_ARG(y));
    return function;
}

weir_span
weir__smt_array_function(struct smt *s, const struct weir_cedar_entity_type *e,
                         const struct weir_cedar_entity_type *a)
{
    weir_span function = pair_function(s, "anc", e, a), x, y;
    s->memberships[e->index * s->type_count + a->index] = 1;
    s->arrays[e->index * s->type_count + a->index] = 1;
    if (function.ptr == NULL || weir__smt_known(s, function).ptr != NULL)
        return function;
    weir__smt_learn(s, function, function);
    x = weir__smt_entity_sort(s, e);
    y = weir__smt_set_sort(s, weir__smt_entity_sort(s, a));
    weir_buf_addf(s->out, "(declare-fun %.*s (%.*s) %.*s)\n",
                  WEIR_SPAN_ARG(function), WEIR_SPAN_ARG(x), WEIR_SPAN_ARG(y));
    return function;
}

static weir_span
member(struct smt *s, weir_span a, const struct weir_cedar_entity_type *e,
       weir_span b, const struct weir_cedar_entity_type *f)
{
    weir_span function = weir__smt_member_function(s, e, f);
    return name_bool(s, weir__smt_format(s, "(%.*s %.*s %.*s)",
                                         WEIR_SPAN_ARG(function),
                                         WEIR_SPAN_ARG(a), WEIR_SPAN_ARG(b)));
}

/* `a in.E.F b`, and from now on it is spoken of. */
static weir_span
is_member(struct smt *s, weir_span a, const struct weir_cedar_entity_type *e,
          weir_span b, const struct weir_cedar_entity_type *f)
{
    struct smt_atom atom = {foot_of(s, a, e), foot_of(s, b, f)}, *slot;
    weir_span key = weir__smt_format(s, "atom %u %u", atom.low, atom.high);
    if (key.ptr != NULL && weir__smt_known(s, key).ptr == NULL) {
        weir__smt_learn(s, key, WEIR_SPAN("true"));
        slot = SMT_PUSH(s, s->atoms);
        if (slot != NULL)
            *slot = atom;
    }
    return member(s, a, e, b, f);
}

static weir_span
ancestors_of(struct smt *s, weir_span a, const struct weir_cedar_entity_type *e,
             const struct weir_cedar_entity_type *f)
{
    weir_span function = weir__smt_array_function(s, e, f);
    return weir__smt_name(s, weir__smt_set_sort(s, weir__smt_entity_sort(s, f)),
                          weir__smt_format(s, "(%.*s %.*s)",
                                           WEIR_SPAN_ARG(function),
                                           WEIR_SPAN_ARG(a)));
}

weir_span
weir__smt_in(struct smt *s, weir_span a,
             const struct weir_cedar_entity_type *a_type, weir_span b,
             const struct weir_cedar_entity_type *b_type)
{
    weir_span all = WEIR_SPAN("false");
    if (a_type->is_action)
        return b_type->is_action ? in_actions(s, a, a_type, b, b_type, false)
                                 : all;
    if (a_type == b_type)
        all = weir__smt_equal(s, a, b);
    if (!weir__smt_is(all, "true") &&
        weir_cedar_type_may_descend(a_type, b_type))
        all = weir__smt_or(s, all, is_member(s, a, a_type, b, b_type));
    return all;
}

/* Where two sets meet, an element of both: in the footprint, so that a
 * model's sets can be told by what is asked of them. */
static void
name_witness(struct smt *s, weir_span meets, weir_span a, weir_span b,
             const struct weir_cedar_entity_type *type)
{
    weir_span key = weir__smt_format(s, "witness %.*s", WEIR_SPAN_ARG(meets));
    weir_span name, sort, in_a, in_b;
    if (key.ptr == NULL || weir__smt_known(s, key).ptr != NULL)
        return;
    sort = weir__smt_entity_sort(s, type);
    name = weir__smt_format(s, "w%u", s->next++);
    weir__smt_learn(s, key, name);
    weir_buf_addf(s->out, "(declare-const %.*s %.*s)\n", WEIR_SPAN_ARG(name),
                  WEIR_SPAN_ARG(sort));
    in_a = weir__smt_set_has(s, a, name);
    in_b = weir__smt_set_has(s, b, name);
    weir__smt_assert(s,
                     weir__smt_format(s, "(=> %.*s (and %.*s %.*s))",
                                      WEIR_SPAN_ARG(meets), WEIR_SPAN_ARG(in_a),
                                      WEIR_SPAN_ARG(in_b)));
    weir__smt_foot(s, name, type, false);
}

weir_span
weir__smt_in_set(struct smt *s, const struct smt_term *a,
                 const struct smt_term *set)
{
    const struct weir_cedar_entity_type *e = a->type->entity;
    const struct weir_cedar_entity_type *f = set->type->element->entity;
    weir_span all = WEIR_SPAN("false"), sort, up, meets;
    if (set->elements != NULL) {
        for (uint32_t i = 0; i < set->element_count; i++)
            all = weir__smt_or(
                s, all, weir__smt_in(s, a->value, e, set->elements[i], f));
        return all;
    }
    if (e->is_action)
        return f->is_action ? in_actions(s, a->value, e, set->value, f, true)
                            : all;
    if (e == f)
        all = weir__smt_set_has(s, set->value, a->value);
    if (!weir_cedar_type_may_descend(e, f))
        return all;
    sort = weir__smt_entity_sort(s, f);
    up = ancestors_of(s, a->value, e, f);
    meets = weir__smt_set_meets(s, up, set->value, sort);
    name_witness(s, meets, up, set->value, f);
    return weir__smt_or(s, all, meets);
}

/* ---------------------------------------------------------- hierarchy */

/* Used functions, closed under composition over types in the footprint. */
static void
close_uses(struct smt *s)
{
    uint32_t n = s->type_count;
    bool has_changed = true;
    while (has_changed) {
        has_changed = false;
        for (uint32_t e = 0; e < n; e++)
            for (uint32_t m = 0; m < n; m++) {
                if (!s->memberships[e * n + m])
                    continue;
                for (uint32_t a = 0; a < n; a++) {
                    uint8_t *direct = &s->arrays[e * n + a];
                    if (s->memberships[m * n + a] &&
                        !s->memberships[e * n + a]) {
                        s->memberships[e * n + a] = 1;
                        has_changed = true;
                    }
                    if (s->arrays[m * n + a] && !*direct) {
                        *direct = 1;
                        has_changed = true;
                    }
                }
            }
    }
}

static bool
uses(const struct smt *s, const uint8_t *table, const struct smt_foot *a,
     const struct smt_foot *b)
{
    return table[a->type->index * s->type_count + b->type->index] != 0;
}

/* t2 in anc(t1): the set above t2 is in the set above t1. */
static void
assert_subsets(struct smt *s, const struct smt_foot *t1,
               const struct smt_foot *t2)
{
    uint32_t n = s->type_count;
    for (uint32_t a = 0; a < n; a++) {
        const struct weir_cedar_entity_type *top =
            weir_cedar_schema_entity_type(s->schema, a);
        weir_span first, inner, outer, subset;
        if (!s->arrays[t2->type->index * n + a])
            continue;
        first = is_member(s, t1->value, t1->type, t2->value, t2->type);
        inner = ancestors_of(s, t2->value, t2->type, top);
        outer = ancestors_of(s, t1->value, t1->type, top);
        subset = weir__smt_set_subset(s, inner, outer);
        weir__smt_assert(s, weir__smt_format(s, "(=> %.*s %.*s)",
                                             WEIR_SPAN_ARG(first),
                                             WEIR_SPAN_ARG(subset)));
    }
}

/* The set of ancestors says what the single questions say. */
static void
tie_sets(struct smt *s, const struct smt_foot *t1)
{
    uint32_t n = s->type_count;
    for (uint32_t a = 0; a < n; a++)
        if (s->arrays[t1->type->index * n + a])
            weir__smt_set_finite(
                s, ancestors_of(s, t1->value, t1->type,
                                weir_cedar_schema_entity_type(s->schema, a)));
    for (uint32_t i = 0; i < s->feet.count; i++) {
        const struct smt_foot *t2 = &s->feet.items[i];
        weir_span one, set;
        if (!uses(s, s->arrays, t1, t2))
            continue;
        one = is_member(s, t1->value, t1->type, t2->value, t2->type);
        set = weir__smt_set_has(
            s, ancestors_of(s, t1->value, t1->type, t2->type), t2->value);
        weir__smt_assert(s, weir__smt_format(s, "(= %.*s %.*s)",
                                             WEIR_SPAN_ARG(one),
                                             WEIR_SPAN_ARG(set)));
    }
}

/* (low in middle) and (middle in high): then low in high, which is spoken of
 * from now on. */
static void
assert_chain(struct smt *s, uint32_t low, uint32_t middle, uint32_t high)
{
    const struct smt_foot t1 = s->feet.items[low];
    const struct smt_foot t2 = s->feet.items[middle];
    const struct smt_foot t3 = s->feet.items[high];
    weir_span key = weir__smt_format(s, "chain %u %u %u", low, middle, high);
    weir_span first, second, whole;
    if (middle == high || key.ptr == NULL ||
        weir__smt_known(s, key).ptr != NULL)
        return;
    weir__smt_learn(s, key, WEIR_SPAN("true"));
    first = member(s, t1.value, t1.type, t2.value, t2.type);
    second = member(s, t2.value, t2.type, t3.value, t3.type);
    whole = is_member(s, t1.value, t1.type, t3.value, t3.type);
    weir__smt_assert(s, weir__smt_format(s, "(=> (and %.*s %.*s) %.*s)",
                                         WEIR_SPAN_ARG(first),
                                         WEIR_SPAN_ARG(second),
                                         WEIR_SPAN_ARG(whole)));
}

static bool
may_equal(const struct smt *s, uint32_t a, uint32_t b)
{
    const struct smt_foot *x = &s->feet.items[a], *y = &s->feet.items[b];
    return a == b || (x->type == y->type && !(x->is_literal && y->is_literal));
}

/*
 * Transitive, over what is spoken of. Of memberships that nobody speaks of
 * and nothing forces, the solver may take all as false; so a chain needs
 * saying only where both its links are spoken of: as the same entity, or as
 * two terms that may turn out to be one (congruence does the rest). Its end
 * is then spoken of as well. What 80 models and 60 families would make 4,800
 * chains of is thus a few hundred.
 */
static void
close_chains(struct smt *s)
{
    for (uint32_t i = 0; i < s->atoms.count && !weir__smt_failed(s); i++) {
        for (uint32_t k = 0; k <= i && !weir__smt_failed(s); k++) {
            const struct smt_atom x = s->atoms.items[i], y = s->atoms.items[k];
            if (may_equal(s, x.high, y.low))
                assert_chain(s, x.low, x.high, y.high);
            if (may_equal(s, y.high, x.low))
                assert_chain(s, y.low, y.high, x.high);
        }
    }
}

void
weir__smt_hierarchy(struct smt *s)
{
    uint32_t n = s->type_count;
    close_uses(s);
    for (uint32_t i = 0; i < s->feet.count && !weir__smt_failed(s); i++) {
        const struct smt_foot t1 = s->feet.items[i];
        tie_sets(s, &t1);
        if (s->memberships[t1.type->index * n + t1.type->index])
            weir__smt_assert(s, weir__smt_not(s, member(s, t1.value, t1.type,
                                                        t1.value, t1.type)));
        for (uint32_t k = 0; k < s->feet.count && !weir__smt_failed(s); k++) {
            const struct smt_foot t2 = s->feet.items[k];
            if (k != i && uses(s, s->memberships, &t1, &t2))
                assert_subsets(s, &t1, &t2);
        }
    }
    close_chains(s);
}
