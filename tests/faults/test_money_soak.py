# SPDX-License-Identifier: Apache-2.0
"""Counter, ledger and the sum of all invoices are one number, to the
micro-unit, after aborts, retries, fallbacks, cut streams, cache hits, batches
and kills of workers: 40 calls for every other one of --rounds (10; the soak
takes 200)."""
import concurrent.futures
import datetime
import json
import pathlib
import random
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import lab  # noqa: E402
from house import chat  # noqa: E402
from test_kill import strike  # noqa: E402

CACHED = """
@id("soak-cached") @title("May be cached") @authority("The seller")
@appeal("appeal@seller.example") @cache("60 s")
permit (principal, action in Action::"infer", resource in Bloc::"hosting");
"""
TENANTS = ("good", "busy", "thrifty")
ROUTES = ("only-near", "resilient", "either", "only-dead", "large")
SCRIPTS = ("in=50;out=20", "in=7;out=3", "in=5;events=30;gap=1", "status=500",
           "in=9;events=8;cut_after=4", "status=429")


def configure(store):
    def change(config):
        config["cache"] = {"memory": "4 MiB", "ttl": "10 min"}
        config["budgets"] = [
            {"name": "all", "limits": {
                "requests_per_year": 10000000, "money_per_year": "1000000",
                "tokens_per_year": 10000000000}},
            {"name": "each", "each": "tenant",
             "limits": {"money_per_year": "1000000"}}]
        for tenant in config["tenants"]:
            tenant.pop("budgets", None)
        config["routes"] += [
            {"name": "either", "mode": "order", "attempts": 2,
             "candidates": ["large-near", "small-near"]},
            {"name": "kept", "candidates": ["large-near"], "cache": "5 min"},
            {"name": "bulk", "candidates": ["large-bulk"]}]
        like = next(row for row in config["deployments"]
                    if row["name"] == "large-near")
        config["origins"].append({**next(
            row for row in config["origins"] if row["name"] == like["origin"]),
            "name": "bulk-origin", "url": store.url})
        config["deployments"].append(
            {**like, "name": "large-bulk", "origin": "bulk-origin"})
        for row in config["models"]:
            if row["name"] == "large":
                row["operations"] = ["chat", "batch"]
    return change


def one(house, number, dice):
    script = dice.choice(SCRIPTS)
    if number % 5 == 1:
        body = chat("the same", model="kept", script="in=7;out=3")
        return ask(house, body, "good", 30)
    body = chat(f"question {number % 40}", model=dice.choice(ROUTES),
                max_tokens=60, stream="events" in script, script=script)
    return ask(house, body, dice.choice(TENANTS),
               0.03 if number % 9 == 0 else 30)


def ask(house, body, tenant, timeout):
    try:
        status, headers, _ = house.call(body, tenant, timeout=timeout)
        return status, headers.get("weir-cache")
    except OSError:
        return 0, None  # gone in the middle


def batch(house, store, lines, usage):
    """A batch from its file to its end."""
    def call(method, path, body=None, kind="application/json"):
        status, headers, reply = lab.exchange(
            house.weir.port, method, path, body,
            {"Authorization": "Bearer " + house.key("thrifty"),
             "Content-Type": kind})
        assert status == 200, reply
        return json.loads(reply)
    form = ("--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n"
            "batch\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; "
            "filename=\"in.jsonl\"\r\n\r\n").encode() + lines + b"\r\n--b--\r\n"
    put = call("POST", "/v1/files", form, "multipart/form-data; boundary=b")
    made = call("POST", "/v1/batches", json.dumps(
        {"input_file_id": put["id"], "endpoint": "/v1/chat/completions",
         "completion_window": "24h"}).encode())
    store.finish(usage)
    assert call("GET", f"/v1/batches/{made['id']}")["status"] == "completed"


def counters(house):
    return {(row["name"], row["member"], row["metric"]): row["used"]
            for row in house.weir.admin("GET", "/v1/budgets")["budgets"]
            if row["of"] == "budget"}


def is_equal(house):
    rows = house.weir.admin("GET", "/v1/budgets?check=1")["budgets"]
    return all(row["difference"] == 0 and row["held"] == 0 for row in rows
               if row["of"] == "budget" and "ledger" in row)


def invoiced(house, year):
    """Micro-units of every tenant's invoice at list prices."""
    told = {}
    for tenant in house.weir.config["tenants"]:
        bill = json.loads(house.weir.cli("invoice", tenant["name"], year,
                                         "--json").stdout)
        told[tenant["name"]] = bill["totals"]["list_micros"]
    return told


def check(house, year):
    lab.wait_for(lambda: is_equal(house), 60, "counter equals ledger")
    ledger = {}
    for row in house.weir.usage():
        ledger[row["tenant"]] = ledger.get(row["tenant"], 0) + \
            row["cost_micros"]
    used, bills = counters(house), invoiced(house, year)
    assert used["all", "", "money"] == sum(ledger.values()) == \
        sum(bills.values()) > 0
    for tenant, micros in ledger.items():
        assert bills[tenant] == micros
        assert used["each", "tenant " + tenant, "money"] == micros
    return sum(ledger.values())


def test_counter_is_ledger_is_the_sum_of_invoices(make_house, request):
    pytest.importorskip("openai")
    from test_batches import Store, lines
    rounds = max(5, request.config.getoption("--rounds") // 2)
    seed = request.config.getoption("--seed") or random.randrange(1 << 30)
    print(f"seed {seed}")
    dice, store = random.Random(seed), Store()
    house = make_house(change=configure(store))
    house.weir.policy("seller/soak.cedar", CACHED)
    house.weir.cli("reload")
    for tenant in TENANTS:
        house.key(tenant)
    year = str(datetime.datetime.now(datetime.timezone.utc).year)
    ends, hits = set(), 0
    for number in range(rounds):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            done = [pool.submit(one, house, number * 40 + n,
                                random.Random(seed + number * 40 + n))
                    for n in range(40)]
            if number % 5 == 4:
                time.sleep(dice.uniform(0.0, 0.1))
                strike(house, "worker", dice)
            for future in done:
                status, cache = future.result()
                ends.add(status)
                hits += cache == "hit"
        if number % 3 == 0:
            lab.wait_for(lambda: house.call(chat(), "good")[0] == 200, 30)
            batch(house, store, lines("one", "two", model="bulk",
                                      max_tokens=50),
                  {"input_tokens": 20 + number, "output_tokens": 11,
                   "total_tokens": 31 + number})
    assert 200 in ends and hits > 0
    # a dead worker leaves at most its hold behind, on the safe side, until
    # the table is made again from the ledger
    run = house.weir.run_dir
    lab.wait_for(lambda: all(row["held"] == 0 for row in house.weir.admin(
        "GET", "/v1/budgets")["budgets"]), 60, "no hold is left")
    house.weir.stop()
    (run / "quota").unlink()
    house.weir.start()
    spent = check(house, year)
    # and without kills it is equal as it stands
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: one(house, n, random.Random(seed + n)),
                      range(80)))
    assert check(house, year) > spent
    store.server.shutdown()
    store.server.server_close()
