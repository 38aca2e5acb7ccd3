/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bills: the arithmetic of an invoice, without ledger or configuration.
 *
 *    list --rate--> converted --discount or fixed price--> net of a line
 *    sum of nets --free tokens, free amount--> due
 *    due --prepaid commitment, shortfall, minimum--> total
 *
 * WHY DIVISIONS ARE PER LINE. A reader of an invoice adds its lines. Were
 * the discount taken from the sum, lines and total would differ by some
 * micro-units that nobody could explain.
 *
 * WHY FREE TOKENS AT THE MEAN PRICE. Which tokens of a month are the free
 * ones has no answer that does not depend on order. The mean does not.
 */
#include <weir/bill.h>

bool
weir_money_scale(weir_micros amount, int64_t numerator, int64_t denominator,
                 weir_micros *amount_out)
{
    WEIR_ASSERT(amount >= 0 && numerator >= 0 && denominator > 0);
    unsigned __int128 product =
        (unsigned __int128)(uint64_t)amount * (uint64_t)numerator;
    uint64_t by = (uint64_t)denominator;
    unsigned __int128 whole = product / by;
    uint64_t rest = (uint64_t)(product - whole * by);
    whole += rest >= by - rest; /* twice the rest, without overflow */
    if (whole > INT64_MAX)
        return false;
    *amount_out = (weir_micros)whole;
    return true;
}

static weir_status
too_much(struct weir_error *err)
{
    return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                     "an amount of the bill is beyond 64 bits");
}

static bool
price_line(struct weir_bill_line *line, const struct weir_bill_terms *terms)
{
    line->discount = 0;
    if (!weir_money_scale(line->list, line->rate, WEIR_PPM, &line->converted))
        return false;
    if (line->fixed != NULL) {
        uint64_t units[WEIR_RATES];
        weir_usage_split(&line->usage, units);
        units[WEIR_RATE_REQUEST] = line->requests;
        line->net = weir_cost_of(units, line->fixed);
        return line->net < INT64_MAX &&
               (!line->is_hit || weir_money_scale(line->net, line->hit_ppm,
                                                  WEIR_PPM, &line->net));
    }
    if (!weir_money_scale(line->converted, terms->discount_ppm, WEIR_PPM,
                          &line->discount))
        return false;
    line->net = line->converted - line->discount;
    return true;
}

static weir_micros
least(weir_micros a, weir_micros b)
{
    return a < b ? a : b;
}

/* The credit of the free tier; never more than the usage. */
static bool
take_free(const struct weir_bill_terms *terms, uint64_t tokens,
          weir_micros usage, weir_micros *free_out)
{
    weir_micros credit = 0;
    uint64_t given = terms->free_tokens < tokens ? terms->free_tokens : tokens;
    if (tokens > INT64_MAX)
        return false;
    if (given > 0 &&
        !weir_money_scale(usage, (int64_t)given, (int64_t)tokens, &credit))
        return false;
    credit += least(terms->free_amount, usage - credit);
    *free_out = credit;
    return true;
}

static bool
settle(struct weir_bill *bill, const struct weir_bill_terms *terms)
{
    weir_micros due = bill->usage - bill->free;
    weir_micros left = terms->commitment > terms->drawn_before
                           ? terms->commitment - terms->drawn_before
                           : 0;
    bill->drawn = least(due, left);
    bill->prepaid = terms->is_prepaid ? bill->drawn : 0;
    bill->shortfall =
        terms->is_last && !terms->is_prepaid ? left - bill->drawn : 0;
    if (__builtin_add_overflow(due - bill->prepaid, bill->shortfall,
                               &bill->total))
        return false;
    /* What was paid before counts towards the minimum. */
    weir_micros worth;
    if (__builtin_add_overflow(bill->total, bill->prepaid, &worth))
        return false;
    bill->top_up = terms->minimum > worth ? terms->minimum - worth : 0;
    return !__builtin_add_overflow(bill->total, bill->top_up, &bill->total);
}

weir_status
weir_bill_make(struct weir_bill_line *lines, size_t count,
               const struct weir_bill_terms *terms, struct weir_bill *bill_out,
               struct weir_error *err)
{
    struct weir_bill bill = {0};
    uint64_t tokens = 0;
    WEIR_ASSERT(terms->discount_ppm <= WEIR_PPM);
    for (size_t i = 0; i < count; i++) {
        struct weir_bill_line *line = &lines[i];
        if (!price_line(line, terms) ||
            __builtin_add_overflow(bill.list, line->list, &bill.list) ||
            __builtin_add_overflow(bill.converted, line->converted,
                                   &bill.converted) ||
            __builtin_add_overflow(bill.usage, line->net, &bill.usage) ||
            __builtin_add_overflow(tokens, line->usage.input_tokens, &tokens) ||
            __builtin_add_overflow(tokens, line->usage.output_tokens, &tokens))
            return too_much(err);
        bill.discount += line->discount; /* never above converted */
    }
    if (!take_free(terms, tokens, bill.usage, &bill.free) ||
        !settle(&bill, terms))
        return too_much(err);
    *bill_out = bill;
    return WEIR_OK;
}

/* ---------------------------------------------------------- currencies */

uint32_t
weir_currency_digits(weir_span code)
{
    static const char none[] =
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF ";
    static const char three[] = "BHD IQD JOD KWD LYD OMR TND ";
    static const char four[] = "CLF UYW ";
    static const struct {
        const char *codes;
        uint32_t digits;
    } rows[] = {{none, 0}, {three, 3}, {four, 4}};
    for (size_t i = 0; code.len == 3 && i < WEIR_COUNTOF(rows); i++) {
        for (const char *at = rows[i].codes; *at != '\0'; at += 4) {
            if (weir_span_equal((weir_span){at, 3}, code))
                return rows[i].digits;
        }
    }
    return 2;
}

weir_micros
weir_money_payable(weir_micros amount, weir_span currency)
{
    int64_t unit = WEIR_PPM;
    for (uint32_t i = weir_currency_digits(currency); i > 0; i--)
        unit /= 10;
    WEIR_ASSERT(amount >= 0);
    int64_t rest = amount % unit;
    int64_t up = rest >= unit - rest ? unit - rest : -rest;
    return rest == 0 || amount > INT64_MAX - unit ? amount - rest : amount + up;
}
