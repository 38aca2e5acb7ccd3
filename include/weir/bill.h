/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/bill.h - from the sums of a ledger and the terms of a contract to
 * the lines and the total of an invoice.
 *
 * Every amount is an integer of micro-units. ONE rounding rule: where a
 * product has to be divided, it is divided once, and half a micro-unit goes
 * up. docs/formats/pricing.md says where the divisions are.
 *
 * Threads and memory: pure functions on values; nothing is allocated.
 */
#ifndef WEIR_BILL_H
#define WEIR_BILL_H

#include <weir/meter.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_PPM INT64_C(1000000)

/*
 * amount * numerator / denominator, half up. False: more than a weir_micros
 * can hold. Amounts and numerators are not negative, the denominator is
 * above zero.
 */
bool weir_money_scale(weir_micros amount, int64_t numerator,
                      int64_t denominator, weir_micros *amount_out);

/* Calls of one project, model and price version, at one rate. */
struct weir_bill_line {
    struct weir_usage usage;        /* sums */
    uint64_t requests;              /* that have a price each */
    weir_micros list;               /* as the ledger has it, list currency */
    weir_micros rate;               /* micro-units of the contract's currency
                                       for one unit of the list's */
    const struct weir_price *fixed; /* contract's currency; NULL: list */
    bool is_hit;                    /* answers from the cache: so much of */
    int64_t hit_ppm;                /* `fixed` */
    weir_micros converted;          /* out: list at the rate */
    weir_micros discount;           /* out: taken off; 0 where fixed */
    weir_micros net;                /* out: what the line comes to */
};

/* All amounts in the contract's currency; 0: the term is not agreed. */
struct weir_bill_terms {
    uint32_t discount_ppm; /* of converted list prices; at most WEIR_PPM */
    weir_micros free_amount;
    uint64_t free_tokens; /* input and output together */
    weir_micros minimum;
    weir_micros commitment;   /* over the whole contract */
    weir_micros drawn_before; /* of it, by earlier invoices */
    bool is_prepaid;          /* the commitment is paid already */
    bool is_last;             /* no invoice of the contract comes after */
};

/* list = sum of lines; total = usage - free - prepaid + shortfall + top_up,
 * exactly. */
struct weir_bill {
    weir_micros list;      /* list currency: equals the ledger */
    weir_micros converted; /* from here on the contract's currency */
    weir_micros discount;
    weir_micros usage;     /* sum of the lines' net amounts */
    weir_micros free;      /* the free tier's credit, at most usage */
    weir_micros drawn;     /* of the commitment, by this bill */
    weir_micros prepaid;   /* of it, paid before */
    weir_micros shortfall; /* of the commitment, on the last bill */
    weir_micros top_up;    /* to the minimum */
    weir_micros total;
};

/*
 * Fills the outputs of every line and the bill. In this order: rate, fixed
 * price or discount, free tokens (at the mean price), free amount,
 * commitment, shortfall, minimum. ETOOBIG: an amount beyond a weir_micros.
 */
WEIR_MUST_USE weir_status weir_bill_make(struct weir_bill_line *lines,
                                         size_t count,
                                         const struct weir_bill_terms *terms,
                                         struct weir_bill *bill_out,
                                         struct weir_error *err);

/* Digits behind the point of a currency (ISO 4217): 0, 2, 3 or 4. */
uint32_t weir_currency_digits(weir_span code);
/* The amount in whole minor units of a currency, half up, as micros. */
weir_micros weir_money_payable(weir_micros amount, weir_span currency);

/*
 * "2026-11", "2026-Q4", "2026", "2026-11-03", "2026-11-01..2026-11-15" (both
 * days are in it) or two RFC 3339 times with ".." between (the second is
 * not); "/" may stand for "..". Days begin `offset_us` before midnight UTC.
 * EPARSE: not a period, or it is empty.
 */
struct weir_period {
    weir_time from;
    weir_time to;    /* exclusive */
    uint32_t months; /* whole calendar months; 0: not made of them */
};
WEIR_MUST_USE weir_status weir_period_parse(weir_span text, int64_t offset_us,
                                            struct weir_period *period_out,
                                            struct weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
