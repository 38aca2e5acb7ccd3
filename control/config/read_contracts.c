/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contracts: what a customer pays instead of the list prices.
 *
 * A date means the beginning of that day where the contract counts its days,
 * so `utc_offset` is read before everything else of its row.
 */
#include "read.h"

#define HOUR_US   (INT64_C(3600) * WEIR_US_PER_SEC)
#define MINUTE_US (INT64_C(60) * WEIR_US_PER_SEC)

/* "+01:00", "-05:30", "UTC". */
static bool
parse_offset(weir_span text, int64_t *offset_out)
{
    uint64_t hours, minutes;
    if (weir_span_equal(text, WEIR_SPAN("UTC"))) {
        *offset_out = 0;
        return true;
    }
    if (text.len != 6 || (text.ptr[0] != '+' && text.ptr[0] != '-') ||
        text.ptr[3] != ':' ||
        !weir_span_to_u64((weir_span){text.ptr + 1, 2}, &hours) ||
        !weir_span_to_u64((weir_span){text.ptr + 4, 2}, &minutes) ||
        hours > 14 || minutes > 59)
        return false;
    int64_t offset = (int64_t)hours * HOUR_US + (int64_t)minutes * MINUTE_US;
    *offset_out = text.ptr[0] == '-' ? -offset : offset;
    return true;
}

static void
read_offset(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    if (read_text_value(r, node, &text) && !parse_offset(text, member))
        read_fault(r, node, "Write \"+01:00\", \"-05:30\" or UTC.",
                   "not an offset from UTC");
}

/* A date is the beginning of that day in the contract's own zone. */
static void
read_day(struct reader *r, const struct yaml_node *node, int64_t offset_us,
         weir_time *when_out)
{
    weir_time when = WEIR_TIME_MIN;
    read_time(r, node, &when);
    if (when != WEIR_TIME_MIN)
        *when_out = node->text.len == 10 ? when - offset_us : when;
}

static void
read_from(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_contract *contract = member;
    read_day(r, node, contract->offset_us, &contract->from);
}

static void
read_until(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_contract *contract = member;
    read_day(r, node, contract->offset_us, &contract->until);
}

/* "12.5%" with at most four decimals: exact in parts per million. */
static void
read_percent(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    weir_micros percent;
    if (!read_text_value(r, node, &text))
        return;
    bool is_percent = weir_span_ends(text, WEIR_SPAN("%"));
    if (is_percent)
        text.len--;
    if (!is_percent || weir_micros_parse(text, &percent, NULL) != WEIR_OK ||
        percent > 100 * INT64_C(1000000) || percent % 100 != 0)
        read_fault(r, node,
                   "Write \"12.5%\": 0% to 100%, at most four decimals.",
                   "not a discount");
    else
        *(uint32_t *)member = (uint32_t)(percent / 100);
}

static void
read_count(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    uint64_t value;
    if (!read_text_value(r, node, &text))
        return;
    if (!weir_span_to_u64(text, &value) || value > (uint64_t)WEIR_MICROS_MAX)
        read_fault(r, node, "Write a whole number.", "not a count of tokens");
    else
        *(uint64_t *)member = value;
}

static void
read_free(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_contract row;
    static const struct field fields[] = {
        FIELD("amount", read_money, row, free_amount),
        FIELD("tokens", read_count, row, free_tokens),
    };
    read_fields(r, node, "a free tier", fields, WEIR_COUNTOF(fields), member);
}

static void
read_commitment(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_contract row;
    static const struct field fields[] = {
        FIELD("amount", read_money, row, commitment),
        FIELD("prepaid", read_bool, row, is_prepaid),
    };
    read_fields(r, node, "a commitment", fields, WEIR_COUNTOF(fields), member);
}

static void
read_agreed_price(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_contract_price *row = member;
    struct read_price_row price = {.has_price = false};
    read_price_into(r, node, &price);
    row->price = price.price;
    row->stated = price.stated;
    row->changes = price.changes;
    row->version = price.version;
    if (price.currency.len > 0)
        read_fault(r, node, "Leave `currency` to the contract.",
                   "a contract's prices are in its own currency");
}

static void
read_prices(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_contract_price row;
    static const struct field fields[] = {
        FIELD("model", read_name, row, model),
        {"price", read_agreed_price, 0},
    };
    struct weir_world_contract *contract = member;
    if (!is_list(r, node, "prices"))
        return;
    contract->prices.first = r->world->contract_price_count;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        row *price = weir_world_add_contract_price(r->world);
        if (price == NULL)
            return;
        price->price.input = -1; /* not said */
        read_row(r, n, "a price", fields, WEIR_COUNTOF(fields), price);
        contract->prices.count++;
    }
}

/* {from: ..., rate: "0.92"} */
static void
read_rate(struct reader *r, const struct yaml_node *node,
          const struct weir_world_contract *contract,
          struct weir_world_rate *rate)
{
    static const struct field fields[] = {
        FIELD("from", read_time, struct weir_world_rate, from),
        FIELD("rate", read_money, struct weir_world_rate, rate),
    };
    rate->from = WEIR_TIME_MIN;
    read_row(r, node, "a rate", fields, WEIR_COUNTOF(fields), rate);
    if (node->kind != YAML_MAPPING)
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        if (weir_span_equal(n->key, WEIR_SPAN("from")) &&
            rate->from != WEIR_TIME_MIN && n->text.len == 10)
            rate->from -= contract->offset_us;
    }
}

static void
read_rates(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_contract *contract = member;
    if (!is_list(r, node, "rates"))
        return;
    contract->rates.first = r->world->rate_count;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        struct weir_world_rate *rate = weir_world_add_rate(r->world);
        if (rate == NULL)
            return;
        read_rate(r, n, contract, rate);
        contract->rates.count++;
    }
}

void
read_contracts(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_contract row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("tenant", read_name, row, tenant),
        FIELD("organisation", read_name, row, organisation),
        FIELD("utc_offset", read_offset, row, offset_us),
        {"from", read_from, 0},
        {"until", read_until, 0},
        FIELD("currency", read_text, row, currency),
        FIELD("discount", read_percent, row, discount_ppm),
        FIELD("minimum", read_money, row, minimum),
        {"free", read_free, 0},
        {"commitment", read_commitment, 0},
        {"prices", read_prices, 0},
        {"rates", read_rates, 0},
    };
    (void)member;
    if (!is_list(r, node, "contracts"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        row *contract = weir_world_add_contract(r->world);
        if (contract == NULL)
            return;
        contract->from = WEIR_TIME_MIN;
        contract->until = WEIR_TIME_MAX;
        const struct yaml_node *key = n->kind == YAML_MAPPING ? n->first : NULL;
        for (; key != NULL; key = key->next) {
            if (weir_span_equal(key->key, WEIR_SPAN("utc_offset")) &&
                key->kind == YAML_TEXT)
                (void)parse_offset(key->text, &contract->offset_us);
        }
        read_row(r, n, "a contract", fields, WEIR_COUNTOF(fields), contract);
    }
}
