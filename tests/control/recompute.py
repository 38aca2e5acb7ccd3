#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recomputes an invoice from an export of the ledger, without weir.

    recompute.py CONFIG CALLS INVOICE

CONFIG is the configuration (JSON), CALLS the `calls` of /v1/calls, INVOICE
what `weir invoice --json` printed. Follows docs/formats/pricing.md and
nothing else; exact fractions, half up. Exit 1: a figure differs.
"""
import datetime
import decimal
import fractions
import json
import re
import sys

MILLION = 1000000


def half_up(value):
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def micros(text):
    return int(decimal.Decimal(str(text)) * MILLION)


def cost(call, price):
    """One call, or the sums of many: rounded once."""
    cached = min(call["cached_tokens"], call["input_tokens"])
    reasoning = min(call["reasoning_tokens"], call["output_tokens"])
    whole = ((call["input_tokens"] - cached) * micros(price["input"]) +
             cached * micros(price.get("cached_input", price["input"])) +
             (call["output_tokens"] - reasoning) * micros(price["output"]) +
             reasoning * micros(price.get("reasoning", price["output"])))
    return half_up(fractions.Fraction(whole, MILLION))


def offset_of(contract):
    match = re.fullmatch(r"([+-])(\d\d):(\d\d)",
                         contract.get("utc_offset", "+00:00"))
    seconds = int(match[2]) * 3600 + int(match[3]) * 60
    return -seconds if match[1] == "-" else seconds


def begin_of(day, offset):
    at = datetime.datetime.fromisoformat(day).replace(
        tzinfo=datetime.timezone.utc)
    return (int(at.timestamp()) - offset) * MILLION


def moment(text):
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    since = at - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return since // datetime.timedelta(microseconds=1)


def rate_of(contract, when):
    offset = offset_of(contract)
    day = (when + offset * MILLION) // (86400 * MILLION) * 86400 * MILLION
    day -= offset * MILLION
    rates = contract.get("rates") or [{"from": "1970-01-01", "rate": "1"}]
    chosen = rates[0]
    for rate in rates:
        if begin_of(rate["from"], offset) <= day:
            chosen = rate
    return chosen["from"], micros(chosen["rate"])


def recompute(config, calls, invoice):
    """The totals that the invoice should have; and faults of the ledger."""
    tenant = invoice["tenant"]
    start, end = (moment(invoice["period"][name]) for name in ("from", "to"))
    contract = next((row for row in config.get("contracts", [])
                     if row["name"] == invoice.get("contract")), {})
    listed = {row["name"]: row["price"] for row in config["models"]}
    agreed = {row["model"]: row["price"] for row in contract.get("prices", [])}
    lines, faults = {}, []
    for call in calls:
        if call["state"] != "closed" or call["tenant"] != tenant or \
                not start <= call["decided_us"] < end:
            continue
        if call["model"] and call["cost_micros"] != cost(
                call, listed[call["model"]]):
            faults.append(call["request"])
        key = (call["project"], call["model"], call["price_version"],
               rate_of(contract, call["decided_us"]))
        line = lines.setdefault(key, dict.fromkeys(
            ("calls", "cost_micros", "input_tokens", "cached_tokens",
             "output_tokens", "reasoning_tokens"), 0))
        line["calls"] += 1
        for name in line:
            line[name] += call.get(name, 0) if name != "calls" else 0
    percent = decimal.Decimal(contract.get("discount", "0%").rstrip("%"))
    total = dict.fromkeys(("calls", "list_micros", "converted_micros",
                           "discount_micros", "usage_micros"), 0)
    tokens = 0
    for (_, model, _, (_, rate)), line in lines.items():
        converted = half_up(fractions.Fraction(line["cost_micros"] * rate,
                                               MILLION))
        discount = half_up(fractions.Fraction(converted) *
                           fractions.Fraction(percent) / 100)
        net = converted - discount
        if model in agreed:
            discount, net = 0, cost(line, agreed[model])
        total["calls"] += line["calls"]
        total["list_micros"] += line["cost_micros"]
        total["converted_micros"] += converted
        total["discount_micros"] += discount
        total["usage_micros"] += net
        tokens += line["input_tokens"] + line["output_tokens"]
    months = invoice["period"]["months"]
    free = contract.get("free", {})
    given = min(int(free.get("tokens", 0)) * months, tokens)
    usage = total["usage_micros"]
    credit = half_up(fractions.Fraction(usage * given, tokens)) if given else 0
    credit += min(micros(free.get("amount", 0)) * months, usage - credit)
    total["free_micros"] = credit
    minimum = micros(contract.get("minimum", 0)) * months
    total["minimum_micros"] = max(0, minimum - (usage - credit))
    total["total_micros"] = usage - credit + total["minimum_micros"]
    total["payable_micros"] = half_up(
        fractions.Fraction(total["total_micros"], 10000)) * 10000
    return total, faults


def differences(config, calls, invoice):
    total, faults = recompute(config, calls, invoice)
    told = invoice["totals"]
    return [f"{name}: {value}, and the invoice says {told[name]}"
            for name, value in total.items() if told[name] != value] + [
                f"{request}: its cost is not that of its tokens"
                for request in faults]


def main():
    with open(sys.argv[1]) as config, open(sys.argv[2]) as calls, \
            open(sys.argv[3]) as invoice:
        found = differences(json.load(config), json.load(calls)["calls"],
                            json.load(invoice))
    print("\n".join(found) or "equal")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
