/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic and extension functions on bit vectors. What the evaluator
 * checks, `ok` says: no result that left 64 bits is ever a value.
 *
 * A product with a constant is bounded by two comparisons; only a product
 * of two unknowns needs 128 bits, which solvers are slow at.
 */
#include "smt.h"

#include "extension.h"

#define MS_PER_DAY INT64_C(86400000)

static const struct weir_cedar_type bool_type = {.kind = WEIR_CEDAR_TYPE_BOOL};
const struct weir_cedar_type weir__smt_type_long = {.kind =
                                                        WEIR_CEDAR_TYPE_LONG};

static weir_span
name_bits(struct smt *s, weir_span text)
{
    return weir__smt_name(s, WEIR_SPAN("(_ BitVec 64)"), text);
}

static weir_span
name_bool(struct smt *s, weir_span text)
{
    return weir__smt_name(s, WEIR_SPAN("Bool"), text);
}

static weir_span
apply(struct smt *s, const char *function, weir_span a, weir_span b)
{
    return weir__smt_format(s, "(%s %.*s %.*s)", function, WEIR_SPAN_ARG(a),
                            WEIR_SPAN_ARG(b));
}

static weir_span
constant(struct smt *s, int64_t number)
{
    return weir__smt_format(s, "#x%016llx", (unsigned long long)number);
}

static weir_span
is_negative(struct smt *s, weir_span a)
{
    return name_bool(s, apply(s, "bvslt", a, constant(s, 0)));
}

static bool
literal_number(const struct cedar_expr *expr, int64_t *number_out)
{
    bool is_negated = expr != NULL && expr->kind == CEDAR_EXPR_NEGATE;
    if (is_negated)
        expr = expr->left;
    if (expr == NULL || expr->kind != CEDAR_EXPR_LITERAL ||
        expr->value.kind != WEIR_CEDAR_LONG)
        return false;
    if (is_negated && expr->value.number == INT64_MIN)
        return false;
    *number_out = is_negated ? -expr->value.number : expr->value.number;
    return true;
}

/* low <= a <= high exactly when a * factor fits. */
static weir_span
fits_product(struct smt *s, weir_span a, int64_t factor)
{
    int64_t low, high;
    if (factor == 0 || factor == 1)
        return WEIR_SPAN("true");
    if (factor == -1)
        return weir__smt_not(s, weir__smt_equal(s, a, constant(s, INT64_MIN)));
    low = factor > 0 ? INT64_MIN / factor : INT64_MAX / factor;
    high = factor > 0 ? INT64_MAX / factor : INT64_MIN / factor;
    return weir__smt_and(s,
                         name_bool(s, apply(s, "bvsle", constant(s, low), a)),
                         name_bool(s, apply(s, "bvsle", a, constant(s, high))));
}

static weir_span
multiply_fits(struct smt *s, struct smt_term a, struct smt_term b,
              weir_span product, const struct cedar_expr *left,
              const struct cedar_expr *right)
{
    int64_t factor;
    weir_span wide;
    if (literal_number(right, &factor))
        return fits_product(s, a.value, factor);
    if (literal_number(left, &factor))
        return fits_product(s, b.value, factor);
    wide = weir__smt_format(
        s, "(bvmul ((_ sign_extend 64) %.*s) ((_ sign_extend 64) %.*s))",
        WEIR_SPAN_ARG(a.value), WEIR_SPAN_ARG(b.value));
    return name_bool(s, weir__smt_format(s,
                                         "(= ((_ sign_extend 64) %.*s) "
                                         "%.*s)",
                                         WEIR_SPAN_ARG(product),
                                         WEIR_SPAN_ARG(wide)));
}

/* A sum fits when the operands differ in sign or the result keeps it. */
static weir_span
sum_fits(struct smt *s, weir_span a, weir_span b, weir_span result,
         bool is_difference)
{
    weir_span x = is_negative(s, a), y = is_negative(s, b);
    weir_span z = is_negative(s, result);
    weir_span may = weir__smt_equal(s, x, y);
    if (!is_difference)
        may = weir__smt_not(s, may);
    return weir__smt_or(s, may, weir__smt_equal(s, x, z));
}

struct smt_term
weir__smt_arithmetic(struct smt *s, enum cedar_expr_kind kind,
                     struct smt_term a, struct smt_term b,
                     const struct cedar_expr *left,
                     const struct cedar_expr *right)
{
    struct smt_term out = {.type = &weir__smt_type_long};
    weir_span fits;
    out.ok = weir__smt_and(s, a.ok, b.ok);
    switch (kind) {
    case CEDAR_EXPR_NEGATE:
        out.value = name_bits(
            s, weir__smt_format(s, "(bvneg %.*s)", WEIR_SPAN_ARG(a.value)));
        fits = weir__smt_not(
            s, weir__smt_equal(s, a.value, constant(s, INT64_MIN)));
        break;
    case CEDAR_EXPR_ADD:
        out.value = name_bits(s, apply(s, "bvadd", a.value, b.value));
        fits = sum_fits(s, a.value, b.value, out.value, false);
        break;
    case CEDAR_EXPR_SUBTRACT:
        out.value = name_bits(s, apply(s, "bvsub", a.value, b.value));
        fits = sum_fits(s, a.value, b.value, out.value, true);
        break;
    default:
        out.value = name_bits(s, apply(s, "bvmul", a.value, b.value));
        fits = multiply_fits(s, a, b, out.value, left, right);
        break;
    }
    out.ok = weir__smt_and(s, out.ok, fits);
    return out;
}

/* --------------------------------------------------------- extensions */

static const struct weir_cedar_type *
type_of(enum weir_cedar_kind kind)
{
    static const struct weir_cedar_type types[] = {
        {.kind = WEIR_CEDAR_TYPE_DECIMAL},
        {.kind = WEIR_CEDAR_TYPE_DATETIME},
        {.kind = WEIR_CEDAR_TYPE_DURATION},
        {.kind = WEIR_CEDAR_TYPE_IPADDR},
    };
    switch (kind) {
    case WEIR_CEDAR_BOOL:
        return &bool_type;
    case WEIR_CEDAR_DECIMAL:
        return &types[0];
    case WEIR_CEDAR_DATETIME:
        return &types[1];
    case WEIR_CEDAR_DURATION:
        return &types[2];
    case WEIR_CEDAR_IP:
        return &types[3];
    default:
        return &weir__smt_type_long;
    }
}

/* In a block that is known: its leading bits are compared, no masks. With
 * masks, a hundred blocks on one address take a solver seconds. */
static weir_span
in_known(struct smt *s, weir_span ip, const weir_cedar_value *block)
{
    unsigned width = block->is_v6 ? 128 : 32, prefix = block->prefix;
    char bits[129], of = block->is_v6 ? '6' : '4';
    weir_span text = weir__smt_format(
        s, block->is_v6 ? "(not (ip.is4 %.*s))" : "(ip.is4 %.*s)",
        WEIR_SPAN_ARG(ip));
    if (prefix == 0)
        return name_bool(s, text);
    for (unsigned i = 0; i < prefix; i++)
        bits[i] =
            (block->ip.address[i / 8] >> (7 - i % 8) & 1) != 0 ? '1' : '0';
    if (prefix == width)
        text = weir__smt_format(s, "((_ is ip%c) %.*s)", of, WEIR_SPAN_ARG(ip));
    else
        text = weir__smt_format(
            s,
            "%.*s (or ((_ is ip%c) %.*s) (bvuge (net%c.p %.*s) (_ bv%u %u)))",
            WEIR_SPAN_ARG(text), of, WEIR_SPAN_ARG(ip), of, WEIR_SPAN_ARG(ip),
            prefix, block->is_v6 ? 7u : 5u);
    return name_bool(
        s, weir__smt_format(s,
                            "(and %.*s (= ((_ extract %u %u) (ip.a%c %.*s)) "
                            "#b%.*s))",
                            WEIR_SPAN_ARG(text), width - 1, width - prefix, of,
                            WEIR_SPAN_ARG(ip), (int)prefix, bits));
}

static weir_span
in_block(struct smt *s, weir_span ip, const char *block)
{
    weir_cedar_value value;
    WEIR_ASSERT(
        weir_cedar_extension_parse(WEIR_CEDAR_IP, weir_span_of(block), &value));
    return in_known(s, ip, &value);
}

/* ip("..") as it stands in the text. */
static bool
is_known_block(const struct cedar_expr *expr, weir_cedar_value *block_out)
{
    return expr->kind == CEDAR_EXPR_CALL && expr->function == CEDAR_FN_IP &&
           expr->count == 1 && expr->items[0]->kind == CEDAR_EXPR_LITERAL &&
           expr->items[0]->value.kind == WEIR_CEDAR_STRING &&
           weir_cedar_extension_parse(WEIR_CEDAR_IP,
                                      expr->items[0]->value.string, block_out);
}

static weir_span
ip_call(struct smt *s, enum cedar_function function, weir_span a, weir_span b)
{
    weir_span is4;
    weir__smt_need_ip(s);
    is4 = name_bool(s, weir__smt_format(s, "(ip.is4 %.*s)", WEIR_SPAN_ARG(a)));
    switch (function) {
    case CEDAR_FN_IS_IPV4:
        return is4;
    case CEDAR_FN_IS_IPV6:
        return weir__smt_not(s, is4);
    case CEDAR_FN_IS_LOOPBACK:
        return weir__smt_or(s, in_block(s, a, "127.0.0.0/8"),
                            in_block(s, a, "::1"));
    case CEDAR_FN_IS_MULTICAST:
        return weir__smt_or(s, in_block(s, a, "224.0.0.0/4"),
                            in_block(s, a, "ff00::/8"));
    default:
        return name_bool(s, apply(s, "ip.in", a, b));
    }
}

static int64_t
divisor_of(enum cedar_function function)
{
    switch (function) {
    case CEDAR_FN_TO_SECONDS:
        return 1000;
    case CEDAR_FN_TO_MINUTES:
        return 60000;
    case CEDAR_FN_TO_HOURS:
        return 3600000;
    case CEDAR_FN_TO_DAYS:
        return MS_PER_DAY;
    default:
        return 1;
    }
}

/* The rest of the day, which is said to be one: solvers are slow to see it. */
static weir_span
rest_of_day(struct smt *s, weir_span a)
{
    weir_span rest =
        name_bits(s, apply(s, "bvsmod", a, constant(s, MS_PER_DAY)));
    weir_span key = weir__smt_format(s, "rest %.*s", WEIR_SPAN_ARG(rest));
    if (key.ptr == NULL || weir__smt_known(s, key).ptr != NULL)
        return rest;
    weir__smt_learn(s, key, rest);
    weir__smt_assert(s, apply(s, "bvsle", constant(s, 0), rest));
    weir__smt_assert(s, apply(s, "bvslt", rest, constant(s, MS_PER_DAY)));
    return rest;
}

static void
number_call(struct smt *s, enum cedar_function function, weir_span a,
            weir_span b, struct smt_term *out)
{
    switch (function) {
    case CEDAR_FN_LESS_THAN:
        out->value = name_bool(s, apply(s, "bvslt", a, b));
        return;
    case CEDAR_FN_LESS_THAN_OR_EQUAL:
        out->value = name_bool(s, apply(s, "bvsle", a, b));
        return;
    case CEDAR_FN_GREATER_THAN:
        out->value = name_bool(s, apply(s, "bvsgt", a, b));
        return;
    case CEDAR_FN_GREATER_THAN_OR_EQUAL:
        out->value = name_bool(s, apply(s, "bvsge", a, b));
        return;
    case CEDAR_FN_TO_TIME:
        out->value = rest_of_day(s, a);
        return;
    case CEDAR_FN_OFFSET:
    case CEDAR_FN_DURATION_SINCE:
    case CEDAR_FN_TO_DATE:
        if (function == CEDAR_FN_TO_DATE)
            b = rest_of_day(s, a);
        out->value = name_bits(
            s, apply(s, function == CEDAR_FN_OFFSET ? "bvadd" : "bvsub", a, b));
        out->ok = weir__smt_and(
            s, out->ok,
            sum_fits(s, a, b, out->value, function != CEDAR_FN_OFFSET));
        return;
    default:
        out->value =
            divisor_of(function) == 1
                ? a
                : name_bits(s, apply(s, "bvsdiv", a,
                                     constant(s, divisor_of(function))));
        return;
    }
}

struct smt_term
weir__smt_call(struct smt *s, const struct cedar_expr *expr)
{
    static const struct smt_term poison = {
        WEIR_SPAN("false"), {NULL, 0}, NULL, NULL, 0};
    const struct cedar_function_info *info =
        &weir__cedar_functions[expr->function];
    enum cedar_function function = (enum cedar_function)expr->function;
    struct smt_term a, b = {.ok = WEIR_SPAN("true")}, out = {0};
    weir_cedar_value block;
    if (expr->count != info->arity)
        return poison;
    out.type = type_of((enum weir_cedar_kind)info->result);
    if (!info->is_method) {
        weir_cedar_value value;
        const struct cedar_expr *text = expr->items[0];
        if (text->kind != CEDAR_EXPR_LITERAL ||
            text->value.kind != WEIR_CEDAR_STRING ||
            !weir_cedar_extension_parse((enum weir_cedar_kind)info->result,
                                        text->value.string, &value))
            return poison;
        out.ok = WEIR_SPAN("true");
        out.value = weir__smt_value(s, &value);
        return out;
    }
    a = weir__smt_expr(s, expr->items[0]);
    if (info->arity == 2)
        b = weir__smt_expr(s, expr->items[1]);
    else
        b = a;
    if (a.type == NULL || b.type == NULL ||
        a.type->kind !=
            type_of((enum weir_cedar_kind)info->parameters[0])->kind ||
        (info->arity == 2 &&
         b.type->kind !=
             type_of((enum weir_cedar_kind)info->parameters[1])->kind))
        return poison;
    out.ok = weir__smt_and(s, a.ok, b.ok);
    if (function == CEDAR_FN_IS_IN_RANGE &&
        is_known_block(expr->items[1], &block)) {
        weir__smt_need_ip(s);
        out.value = in_known(s, a.value, &block);
    } else if (a.type->kind == WEIR_CEDAR_TYPE_IPADDR)
        out.value = ip_call(s, function, a.value, b.value);
    else
        number_call(s, function, a.value, b.value, &out);
    return out;
}
