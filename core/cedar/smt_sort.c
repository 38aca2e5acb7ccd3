/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorts, declared when they are first asked for, and constants of them.
 *
 *   Bool Long String     Bool, 64-bit vector, String
 *   decimal .. duration  64-bit vector: terms are typed, so no wrapping
 *   ip                   four constructors; no prefix means full length, so
 *                        that each value has one form
 *   entity               one string field; enums and actions: a constructor
 *                        for each id
 *   record               one constructor, fields in order of keys, an
 *                        optional one as an option
 */
#include "smt.h"

#include <string.h>

/* "A::B" becomes A!B: a symbol of the language as it stands. */
weir_span
weir__smt_symbol(struct smt *s, weir_span name)
{
    char *text = weir_arena_alloc(s->arena, name.len + 1);
    size_t len = 0;
    if (text == NULL)
        return WEIR_SPAN_NONE;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == ':' && i + 1 < name.len)
            i++, text[len++] = '!';
        else
            text[len++] = name.ptr[i];
    }
    return (weir_span){text, len};
}

void
weir__smt_need_ip(struct smt *s)
{
    static const char text[] =
        "(declare-datatypes ((Ip 0)) (((ip4 (ip4.a (_ BitVec 32)))"
        " (net4 (net4.a (_ BitVec 32)) (net4.p (_ BitVec 5)))"
        " (ip6 (ip6.a (_ BitVec 128)))"
        " (net6 (net6.a (_ BitVec 128)) (net6.p (_ BitVec 7))))))\n"
        "(define-fun ip.is4 ((x Ip)) Bool"
        " (or ((_ is ip4) x) ((_ is net4) x)))\n"
        "(define-fun ip.a4 ((x Ip)) (_ BitVec 32)"
        " (ite ((_ is ip4) x) (ip4.a x) (net4.a x)))\n"
        "(define-fun ip.a6 ((x Ip)) (_ BitVec 128)"
        " (ite ((_ is ip6) x) (ip6.a x) (net6.a x)))\n"
        "(define-fun ip.m4 ((x Ip)) (_ BitVec 32)"
        " (ite ((_ is ip4) x) #xffffffff (bvnot (bvlshr #xffffffff"
        " ((_ zero_extend 27) (net4.p x))))))\n"
        "(define-fun ip.m6 ((x Ip)) (_ BitVec 128)"
        " (ite ((_ is ip6) x) (bvnot (_ bv0 128)) (bvnot (bvlshr"
        " (bvnot (_ bv0 128)) ((_ zero_extend 121) (net6.p x))))))\n"
        "(define-fun ip.in ((x Ip) (y Ip)) Bool"
        " (ite (and (ip.is4 x) (ip.is4 y))"
        " (and (= (bvand (ip.m4 x) (ip.m4 y)) (ip.m4 y))"
        " (= (bvand (ip.a4 x) (ip.m4 y)) (bvand (ip.a4 y) (ip.m4 y))))"
        " (and (not (ip.is4 x)) (not (ip.is4 y))"
        " (= (bvand (ip.m6 x) (ip.m6 y)) (ip.m6 y))"
        " (= (bvand (ip.a6 x) (ip.m6 y)) (bvand (ip.a6 y) (ip.m6 y))))))\n";
    if (weir__smt_known(s, WEIR_SPAN("sort Ip")).ptr != NULL)
        return;
    weir__smt_learn(s, WEIR_SPAN("sort Ip"), WEIR_SPAN("Ip"));
    weir_buf_add(s->out, text, sizeof(text) - 1);
}

/* ---------------------------------------------------------- entities */

static void
add_action_constructors(struct smt *s,
                        const struct weir_cedar_entity_type *type)
{
    size_t count = weir_cedar_schema_action_count(s->schema);
    for (size_t i = 0; i < count; i++)
        if (weir_cedar_schema_action(s->schema, i)->type == type)
            weir_buf_addf(s->out, "(a.%zu)", i);
}

weir_span
weir__smt_entity_sort(struct smt *s, const struct weir_cedar_entity_type *type)
{
    weir_span symbol = weir__smt_symbol(s, type->name);
    weir_span sort = weir__smt_format(s, "E.%.*s", WEIR_SPAN_ARG(symbol));
    if (sort.ptr == NULL || weir__smt_known(s, sort).ptr != NULL)
        return sort;
    weir__smt_learn(s, sort, sort);
    weir_buf_addf(s->out, "(declare-datatypes ((%.*s 0)) ((",
                  WEIR_SPAN_ARG(sort));
    if (type->is_action)
        add_action_constructors(s, type);
    for (uint32_t i = 0; i < type->enum_count; i++)
        weir_buf_addf(s->out, "(n.%u.%u)", type->index, i);
    if (!type->is_action && type->enum_ids == NULL)
        weir_buf_addf(s->out, "(e.%.*s (id.%.*s String))",
                      WEIR_SPAN_ARG(symbol), WEIR_SPAN_ARG(symbol));
    weir_buf_addf(s->out, ")))\n");
    return sort;
}

weir_span
weir__smt_uid(struct smt *s, const struct weir_cedar_uid *uid,
              const struct weir_cedar_entity_type *type)
{
    weir_span sort = weir__smt_entity_sort(s, type), id;
    if (type->is_action) {
        const struct weir_cedar_action *action =
            weir_cedar_schema_find_action(s->schema, uid->type, uid->id);
        if (action == NULL)
            return WEIR_SPAN_NONE;
        return weir__smt_format(s, "a.%u", action->index);
    }
    for (uint32_t i = 0; i < type->enum_count; i++)
        if (weir_span_equal(type->enum_ids[i], uid->id))
            return weir__smt_format(s, "n.%u.%u", type->index, i);
    if (type->enum_ids != NULL)
        return WEIR_SPAN_NONE;
    id = weir__smt_string(s, uid->id);
    return weir__smt_name(s, sort,
                          weir__smt_format(s, "(e%.*s %.*s)", (int)sort.len - 1,
                                           sort.ptr + 1, WEIR_SPAN_ARG(id)));
}

/* ------------------------------------------------ records and options */

static struct smt_sort *
find_sort(struct smt *s, const struct weir_cedar_type *type, bool is_option)
{
    for (uint32_t i = 0; i < s->sorts.count; i++)
        if (s->sorts.items[i].is_option == is_option &&
            weir_cedar_type_equal(s->sorts.items[i].type, type))
            return &s->sorts.items[i];
    return NULL;
}

static weir_span
add_sort(struct smt *s, const struct weir_cedar_type *type, bool is_option,
         weir_span symbol)
{
    struct smt_sort *sort = SMT_PUSH(s, s->sorts);
    if (sort != NULL)
        *sort = (struct smt_sort){type, symbol, symbol, is_option};
    return symbol;
}

weir_span
weir__smt_option(struct smt *s, const struct weir_cedar_type *type)
{
    struct smt_sort *known = find_sort(s, type, true);
    weir_span inner, symbol;
    if (known != NULL)
        return known->symbol;
    inner = weir__smt_sort(s, type);
    symbol = weir__smt_format(s, "O.%u", s->next++);
    weir_buf_addf(s->out,
                  "(declare-datatypes ((%.*s 0)) (((none.%.*s)"
                  " (some.%.*s (val.%.*s %.*s)))))\n",
                  WEIR_SPAN_ARG(symbol), WEIR_SPAN_ARG(symbol),
                  WEIR_SPAN_ARG(symbol), WEIR_SPAN_ARG(symbol),
                  WEIR_SPAN_ARG(inner));
    return add_sort(s, type, true, symbol);
}

weir_span
weir__smt_record(struct smt *s, const struct weir_cedar_type *type)
{
    struct smt_sort *known = find_sort(s, type, false);
    weir_span symbol, *sorts;
    if (known != NULL)
        return known->symbol;
    sorts = weir_arena_array(s->arena, weir_span, type->attribute_count + 1);
    if (sorts == NULL)
        return WEIR_SPAN_NONE;
    for (uint32_t i = 0; i < type->attribute_count; i++)
        sorts[i] = type->attributes[i].is_required
                       ? weir__smt_sort(s, type->attributes[i].type)
                       : weir__smt_option(s, type->attributes[i].type);
    symbol = weir__smt_format(s, "R.%u", s->next++);
    weir_buf_addf(s->out, "(declare-datatypes ((%.*s 0)) (((mk.%.*s",
                  WEIR_SPAN_ARG(symbol), WEIR_SPAN_ARG(symbol));
    for (uint32_t i = 0; i < type->attribute_count; i++)
        weir_buf_addf(s->out, " (%.*s.%u %.*s)", WEIR_SPAN_ARG(symbol), i,
                      WEIR_SPAN_ARG(sorts[i]));
    weir_buf_addf(s->out, "))))\n");
    return add_sort(s, type, false, symbol);
}

weir_span
weir__smt_sort(struct smt *s, const struct weir_cedar_type *type)
{
    switch (type->kind) {
    case WEIR_CEDAR_TYPE_TRUE:
    case WEIR_CEDAR_TYPE_FALSE:
    case WEIR_CEDAR_TYPE_BOOL:
        return WEIR_SPAN("Bool");
    case WEIR_CEDAR_TYPE_STRING:
        return WEIR_SPAN("String");
    case WEIR_CEDAR_TYPE_IPADDR:
        weir__smt_need_ip(s);
        return WEIR_SPAN("Ip");
    case WEIR_CEDAR_TYPE_ENTITY:
        return weir__smt_entity_sort(s, type->entity);
    case WEIR_CEDAR_TYPE_SET:
        return weir__smt_set_sort(s, weir__smt_sort(s, type->element));
    case WEIR_CEDAR_TYPE_RECORD:
        return weir__smt_record(s, type);
    default:
        return WEIR_SPAN("(_ BitVec 64)");
    }
}

/* --------------------------------------------------------- constants */

static weir_span
ip_value(struct smt *s, const weir_cedar_value *value)
{
    uint32_t bits = value->is_v6 ? 128 : 32;
    bool is_whole = value->prefix == bits;
    char digits[33];
    weir__smt_need_ip(s);
    for (uint32_t i = 0; i < bits / 4; i++)
        digits[i] = "0123456789abcdef"[value->ip.address[i / 2] >>
                                           (i % 2 == 0 ? 4 : 0) &
                                       15];
    digits[bits / 4] = '\0';
    if (is_whole)
        return weir__smt_format(s, "(ip%c #x%s)", value->is_v6 ? '6' : '4',
                                digits);
    return weir__smt_format(s, "(net%c #x%s (_ bv%u %u))",
                            value->is_v6 ? '6' : '4', digits, value->prefix,
                            value->is_v6 ? 7u : 5u);
}

weir_span
weir__smt_value(struct smt *s, const weir_cedar_value *value)
{
    switch (value->kind) {
    case WEIR_CEDAR_BOOL:
        return weir_span_of(value->boolean ? "true" : "false");
    case WEIR_CEDAR_STRING:
        return weir__smt_string(s, value->string);
    case WEIR_CEDAR_IP:
        return ip_value(s, value);
    default:
        return weir__smt_format(s, "#x%016llx",
                                (unsigned long long)value->number);
    }
}
