/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets in the two dialects: arrays to Bool, or the theory of finite sets.
 * An array may hold an infinite set, which no Cedar value is: where a model
 * may choose one, its default is said to be false.
 */
#include "smt.h"

static bool
is_array(const struct smt *s)
{
    return s->dialect == WEIR_CEDAR_SMT_Z3;
}

static weir_span
name_bool(struct smt *s, weir_span text)
{
    return weir__smt_name(s, WEIR_SPAN("Bool"), text);
}

weir_span
weir__smt_set_sort(struct smt *s, weir_span element)
{
    return weir__smt_format(s, is_array(s) ? "(Array %.*s Bool)" : "(Set %.*s)",
                            WEIR_SPAN_ARG(element));
}

weir_span
weir__smt_set_empty(struct smt *s, weir_span element)
{
    return weir__smt_format(s,
                            is_array(s) ? "((as const (Array %.*s Bool)) false)"
                                        : "(as set.empty (Set %.*s))",
                            WEIR_SPAN_ARG(element));
}

weir_span
weir__smt_set_insert(struct smt *s, weir_span set, weir_span item)
{
    if (is_array(s))
        return weir__smt_format(s, "(store %.*s %.*s true)", WEIR_SPAN_ARG(set),
                                WEIR_SPAN_ARG(item));
    return weir__smt_format(s, "(set.insert %.*s %.*s)", WEIR_SPAN_ARG(item),
                            WEIR_SPAN_ARG(set));
}

weir_span
weir__smt_set_has(struct smt *s, weir_span set, weir_span item)
{
    if (is_array(s))
        return name_bool(s, weir__smt_format(s, "(select %.*s %.*s)",
                                             WEIR_SPAN_ARG(set),
                                             WEIR_SPAN_ARG(item)));
    return name_bool(s,
                     weir__smt_format(s, "(set.member %.*s %.*s)",
                                      WEIR_SPAN_ARG(item), WEIR_SPAN_ARG(set)));
}

weir_span
weir__smt_set_subset(struct smt *s, weir_span a, weir_span b)
{
    if (is_array(s))
        return name_bool(s,
                         weir__smt_format(s, "(= ((_ map or) %.*s %.*s) %.*s)",
                                          WEIR_SPAN_ARG(a), WEIR_SPAN_ARG(b),
                                          WEIR_SPAN_ARG(b)));
    return name_bool(s, weir__smt_format(s, "(set.subset %.*s %.*s)",
                                         WEIR_SPAN_ARG(a), WEIR_SPAN_ARG(b)));
}

weir_span
weir__smt_set_meets(struct smt *s, weir_span a, weir_span b, weir_span element)
{
    weir_span empty = weir__smt_set_empty(s, element);
    weir_span both = weir__smt_format(
        s, is_array(s) ? "((_ map and) %.*s %.*s)" : "(set.inter %.*s %.*s)",
        WEIR_SPAN_ARG(a), WEIR_SPAN_ARG(b));
    return weir__smt_not(s, weir__smt_equal(s, both, empty));
}

void
weir__smt_set_finite(struct smt *s, weir_span set)
{
    weir_span key = weir__smt_format(s, "finite %.*s", WEIR_SPAN_ARG(set));
    if (!is_array(s) || key.ptr == NULL || weir__smt_known(s, key).ptr != NULL)
        return;
    weir__smt_learn(s, key, set);
    weir__smt_assert(
        s, weir__smt_format(s, "(not (default %.*s))", WEIR_SPAN_ARG(set)));
}
