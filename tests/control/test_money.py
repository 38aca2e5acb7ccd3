# SPDX-License-Identifier: Apache-2.0
"""Invoices of a ledger with aborts, failures and killed workers, against a
recomputation that shares no code; FOCUS against its own rules."""
import csv
import datetime
import io
import json
import os
import re
import signal
import subprocess
import threading

import pytest

import lab
import recompute
from small import POLICIES, config

CONTRACT = {
    "name": "frame", "tenant": "good", "from": "2020-01-01",
    "utc_offset": "+05:30", "currency": "EUR", "discount": "12.3457%",
    "minimum": "0.05", "free": {"amount": "0.000011", "tokens": 7},
    "rates": [{"from": "2020-01-01", "rate": "0.913377"}]}
AGREED = {
    "name": "fixed", "tenant": "young", "from": "2020-01-01",
    "prices": [{"model": "m", "price": {"input": "1.7", "output": "7.3",
                                        "version": "agreed-1"}}]}


class Place:
    def __init__(self, where):
        where.mkdir(parents=True, exist_ok=True)
        self.origin = lab.Origin(where)
        world = config(self.origin.url())
        world["contracts"] = [CONTRACT, AGREED]
        for row in world["organisations"]:
            row["established"] = True
        self.weir = lab.Weir(where / "weir", world, POLICIES)
        self.weir.start()
        self.keys = [self.weir.key(name)
                     for name in ("good/app", "good/shared", "young/start")]

    def call(self, number, timeout=30):
        body = {"model": "m", "messages": [
            {"role": "user", "content": "x" * (number * 37 % 900)}],
            "stream": number % 2 == 0}
        try:
            return lab.exchange(
                self.weir.port, "POST", "/v1/chat/completions",
                json.dumps(body).encode(),
                {"Authorization": "Bearer " + self.keys[number % 3],
                 "Content-Type": "application/json"}, timeout)[0]
        except OSError:
            return 0

    def is_settled(self):
        rows = self.weir.usage()
        return rows and sum(row["open"] for row in rows) == 0

    def workers(self):
        return [pid for pid, _, words in self.weir.children()
                if "nginx: worker" in words]


def month():
    """Of both zones, so that no test falls between two of them."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return (f"{(now - datetime.timedelta(days=1)):%Y-%m-%d}.."
            f"{(now + datetime.timedelta(days=1)):%Y-%m-%d}")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = Place(tmp_path_factory.mktemp("money"))
    for number in range(40):
        assert made.call(number) == 200
    made.origin.next("status=500", count=3)
    for number in range(40, 46):
        made.call(number)
    made.origin.next("delay=3000", count=4)
    for number in range(46, 50):            # the client leaves first
        made.call(number, timeout=0.3)
    made.origin.next("delay=6000", count=2)
    slow = [threading.Thread(target=made.call, args=(n,)) for n in (50, 51)]
    for thread in slow:
        thread.start()
    lab.wait_for(lambda: sum(row["open"] for row in made.weir.usage()) >= 2,
                 10, "two open calls")
    for pid in made.workers():
        os.kill(pid, signal.SIGKILL)
    for thread in slow:
        thread.join()
    for number in range(52, 60):
        lab.wait_for(lambda: made.call(number) == 200, 10, "a call")
    lab.wait_for(made.is_settled, 30, "no open call")
    yield made
    made.weir.stop()
    made.origin.stop()


def calls_of(place):
    return place.weir.admin("GET", "/v1/calls?limit=1000")["calls"]


@pytest.mark.parametrize("tenant", ["good", "young", "south"])
def test_an_invoice_is_what_others_compute(place, tenant):
    invoice = place.weir.json("invoice", tenant, month())
    calls = calls_of(place)
    assert recompute.differences(place.weir.config, calls, invoice) == []
    mine = [call for call in calls
            if call["tenant"] == tenant and call["state"] == "closed"]
    assert invoice["totals"]["calls"] == len(mine)
    assert invoice["totals"]["list_micros"] == sum(
        call["cost_micros"] for call in mine)
    if tenant == "good":
        assert {call["ending"] for call in mine} > {"complete"}
        assert invoice["totals"]["total_micros"] > 0
    if tenant == "young":
        assert {line["contract_price_version"] for line in invoice["lines"]
                if line["model"] == "m"} == {"agreed-1"}


def test_ledger_counters_and_invoices_are_equal(place):
    rows = {row["tenant"]: row for row in place.weir.usage(by="tenant")}
    invoice = place.weir.json("invoice", "good", month())
    assert invoice["totals"]["list_micros"] == rows["good"]["cost_micros"]
    counter = place.weir.budgets("good")["money", "month"]
    assert counter["used"] == rows["good"]["cost_micros"]


def test_a_wrong_figure_is_found(place):
    invoice = place.weir.json("invoice", "good", month())
    invoice["totals"]["discount_micros"] += 1
    assert recompute.differences(place.weir.config, calls_of(place), invoice)


def test_an_invoice_of_a_month_that_is_not_over_is_not_issued(place):
    done = place.weir.cli("invoice", "good", month(), "--issue", check=False)
    assert done.returncode == 19
    assert "not over" in done.stderr


def test_an_issued_invoice_is_numbered_and_in_the_log(place):
    told = place.weir.json("invoice", "south", "2021-03", "--issue")
    assert told["invoice"] == "INV-000001"
    assert place.weir.json("invoice", "south", "2021-03") == told
    assert place.weir.json("invoices", "show", "INV-000001") == told
    listed = place.weir.json("invoices", "south")["invoices"]
    assert [row["digest"] for row in listed] == [told["digest"]]
    again = place.weir.cli("invoice", "south", "2021-03", "--issue",
                           check=False)
    assert again.returncode == 19


def test_revenue_is_the_ledger_by_any_group(place):
    for by in ("tenant", "model,country", "customer", "project,price_version"):
        rows = place.weir.json("revenue", month(), "--by", by)["rows"]
        told = place.weir.usage()
        for name, member in (("calls", "calls"),
                             ("cost_micros", "cost_micros")):
            assert sum(row[name] for row in rows) == sum(
                row[member] for row in told), by
        assert all(row["calls_before"] == 0 and row["growth_ppm"] is None
                   for row in rows)
    done = place.weir.cli("revenue", month(), "--by", "weather", check=False)
    assert done.returncode > 2


# ------------------------------------------------------------------ FOCUS

def rules():
    path = lab.data_dir() / "focus" / "requirements-model-1.2.json.zst"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return json.loads(subprocess.run(["zstd", "-dc", str(path)], check=True,
                                     stdout=subprocess.PIPE).stdout)


def rows_of(place, version):
    text = place.weir.cli("export", "focus", "--version", version,
                          month()).stdout
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_focus_keeps_the_rules(place, version):
    rows = rows_of(place, version)
    assert rows
    checked = 0
    for name, rule in rules()["ModelRules"].items():
        column, want = rule["Reference"], rule["ValidationCriteria"]
        if want["Keyword"] != "MUST" or rule["ApplicabilityCriteria"]:
            continue
        text = want["MustSatisfy"]
        if rule["Function"] == "Presence":
            assert column in rows[0], name
        elif column not in rows[0]:
            continue
        elif text == f"{column} MUST NOT be null.":
            assert all(row[column] != "" for row in rows), name
        elif text == f"{column} MUST be of type Decimal.":
            assert all(re.fullmatch(r"-?\d+(\.\d+)?|", row[column])
                       for row in rows), name
        elif text == f"{column} MUST be of type Date/Time.":
            assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                                    row[column]) for row in rows), name
        elif "MUST be one of the allowed values" in text:
            allowed = [item.get("Value") for item in
                       want["Requirement"].get("Items", [])]
            assert not any(allowed) or all(
                row[column] in allowed + [""] for row in rows), name
        else:
            continue
        checked += 1
    assert checked >= 35, checked
    if version == "1.3":
        assert all(row["ServiceProviderName"] == "The seller" and
                   row["HostProviderName"] for row in rows)


def test_focus_comes_to_what_is_invoiced(place):
    rows = rows_of(place, "1.2")
    for tenant in ("good", "young"):
        invoice = place.weir.json("invoice", tenant, month())
        billed = sum(recompute.decimal.Decimal(row["BilledCost"])
                     for row in rows if row["BillingAccountId"] == tenant)
        assert billed * 1000000 == invoice["totals"]["payable_micros"]
        calls = sum(int(row["x_Calls"]) for row in rows
                    if row["BillingAccountId"] == tenant)
        assert calls == invoice["totals"]["calls"]
