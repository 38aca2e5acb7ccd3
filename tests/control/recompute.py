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


# Where a rate is not stated: what its kind costs.
KINDS = {"input": None, "cached_input": "input", "output": None,
         "reasoning": "output", "cache_write": "input",
         "cache_write_1h": "cache_write", "audio_input": "input",
         "audio_output": "output", "image_input": "input",
         "image_output": "output", "picture": None, "request": None}
EACH = ("picture", "request")
UNITS = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens",
         "cache_write_tokens", "cache_write_1h_tokens", "audio_input_tokens",
         "audio_cached_tokens", "audio_output_tokens", "image_input_tokens",
         "image_output_tokens", "pictures")


def fitting(price, call):
    """Numbers of the changes that this call has."""
    when = call["decided_us"]
    minute = when // (60 * MILLION) % 1440
    found = []
    for number, change in enumerate(price.get("changes", [])):
        services = change.get("service", [])
        services = [services] if isinstance(services, str) else services
        if "from" in change and when < begin_of(change["from"], 0) or \
                "until" in change and when >= begin_of(change["until"], 0) or \
                call.get("input_tokens", 0) <= change.get("above", -1) or \
                services and call.get("service", "standard") not in services:
            continue
        if "hours" in change:
            start, end = (int(text[:2]) * 60 + int(text[3:])
                          for text in change["hours"].split("-"))
            inside = start <= minute < end if start < end else \
                minute >= start or minute < end
            if not inside:
                continue
        found.append(number)
    return tuple(found)


def rates_of(price, changes):
    """Micro-units for one of each kind, as fractions; and the version."""
    stated, version = dict(price), price.get("version", "")
    for number in changes:
        stated.update(price["changes"][number])
        version = price["changes"][number].get("version", version)
    rates = {}
    for name, kind in KINDS.items():
        if name in stated:
            rates[name] = fractions.Fraction(
                micros(stated[name]), 1 if name in EACH else MILLION)
        else:
            rates[name] = rates[kind] if kind else fractions.Fraction(0)
    if "audio_cached" in stated:
        rates["audio_cached"] = fractions.Fraction(
            micros(stated["audio_cached"]), MILLION)
    else:
        rates["audio_cached"] = rates["audio_input"] \
            if "audio_input" in stated else rates["cached_input"]
    return rates, version


def cost(call, rates, requests=None):
    """One call, or the sums of many: rounded once."""
    def count(name):
        return call.get(name, 0)
    left = {"in": count("input_tokens"), "out": count("output_tokens")}

    def take(side, number):
        number = min(number, left[side])
        left[side] -= number
        return number
    written = take("in", count("cache_write_tokens"))
    cached = take("in", count("cached_tokens"))
    hour = min(written, count("cache_write_1h_tokens"))
    sound = min(cached, count("audio_cached_tokens"))
    if requests is None:
        requests = int(any(count(name) for name in (
            "input_tokens", "output_tokens", "pictures")))
    whole = (hour * rates["cache_write_1h"] +
             (written - hour) * rates["cache_write"] +
             sound * rates["audio_cached"] +
             (cached - sound) * rates["cached_input"] +
             take("in", count("audio_input_tokens")) * rates["audio_input"] +
             take("in", count("image_input_tokens")) * rates["image_input"] +
             left["in"] * rates["input"] +
             take("out", count("reasoning_tokens")) * rates["reasoning"] +
             take("out", count("audio_output_tokens")) *
             rates["audio_output"] +
             take("out", count("image_output_tokens")) *
             rates["image_output"] +
             left["out"] * rates["output"] +
             count("pictures") * rates["picture"] +
             requests * rates["request"])
    return half_up(whole)


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
    own = {row["name"]: row["price"] for row in config["deployments"]
           if "price" in row}
    agreed = {row["model"]: row["price"] for row in contract.get("prices", [])}
    lines, faults = {}, []
    for call in calls:
        if call["state"] != "closed" or call["tenant"] != tenant or \
                not start <= call["decided_us"] < end:
            continue
        if call["model"]:
            price = own.get(call["deployment"], listed[call["model"]])
            rates, version = rates_of(price, fitting(price, call))
            if call["cost_micros"] != cost(call, rates) or \
                    call["price_version"] != version:
                faults.append(call["request"])
        band = fitting(agreed.get(call["model"], {}), call)
        key = (call["project"], call["model"], call["price_version"],
               rate_of(contract, call["decided_us"]), band)
        line = lines.setdefault(key, dict.fromkeys(
            ("calls", "requests", "cost_micros") + UNITS, 0))
        line["calls"] += 1
        line["requests"] += any(call.get(name, 0) for name in (
            "input_tokens", "output_tokens", "pictures"))
        for name in ("cost_micros",) + UNITS:
            line[name] += call.get(name, 0)
    percent = decimal.Decimal(contract.get("discount", "0%").rstrip("%"))
    total = dict.fromkeys(("calls", "list_micros", "converted_micros",
                           "discount_micros", "usage_micros"), 0)
    tokens = 0
    for (_, model, _, (_, rate), band), line in lines.items():
        converted = half_up(fractions.Fraction(line["cost_micros"] * rate,
                                               MILLION))
        discount = half_up(fractions.Fraction(converted) *
                           fractions.Fraction(percent) / 100)
        net = converted - discount
        if model in agreed:
            discount, net = 0, cost(
                line, rates_of(agreed[model], band)[0], line["requests"])
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
