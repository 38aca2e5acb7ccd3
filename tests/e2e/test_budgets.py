# SPDX-License-Identifier: Apache-2.0
"""Budgets by name: over groups, pools, models and end customers, in zones,
with alerts, and equal to the ledger after everything that can happen."""
import concurrent.futures
import http.server
import json
import random
import threading
import time

import pytest

import lab
from house import House, chat

TENANTS = ("good", "insider", "thrifty", "busy")


def configure(config):
    config["groups"] = [
        {"name": "lab", "title": "One cluster of accounts",
         "tenants": ["good", "insider"]}]
    config["budgets"] = [
        {"name": "lab-pool", "of": {"group": "lab"},
         "limits": {"tokens_per_day": 4000},
         "reserved": [{"tenant": "insider", "share": "25%"}]},
        {"name": "heed", "of": {"tenant": "thrifty"}, "enforce": "soft",
         "limits": {"requests_per_day": 10}, "alerts": ["50%", "80%", "100%"]},
        {"name": "large-only", "of": {"tenant": "poor"}, "models": ["large"],
         "zone": "Asia/Tokyo", "limits": {"requests_per_day": 1}},
        {"name": "all", "limits": {
            "requests_per_hour": 1000000, "tokens_per_week": 1000000000,
            "money_per_month": "100000", "tokens_per_year": 10000000000}},
        {"name": "each-model", "each": "model", "zone": "Europe/Berlin",
         "limits": {"tokens_per_day": 1000000000}},
        {"name": "each-tenant", "each": "tenant",
         "limits": {"money_per_day": "100000"}},
        {"name": "each-customer", "each": "end_customer",
         "of": {"tenant": "busy"}, "limits": {"requests_per_day": 1000}}]
    config["routes"].append(
        {"name": "either", "mode": "order", "attempts": 2,
         "candidates": ["large-near", "small-near"]})
    # their own limits are another test's matter
    for tenant in config["tenants"]:
        tenant.pop("budgets", None)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("budgets"), change=configure)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean(place):
    place.origin.reset()


def rows(place, check=False, **query):
    path = "/v1/budgets?" + "&".join(
        f"{name}={value}" for name, value in
        {**query, **({"check": 1} if check else {})}.items())
    return place.weir.admin("GET", path)


def row(place, name, member="", **more):
    return next(one for one in rows(place, name=name)["budgets"]
                if one["member"] == member and
                all(one[key] == value for key, value in more.items()))


def spend(place, tenant, tokens, **more):
    more.setdefault("max_tokens", tokens)
    return place.call(chat(script=f"in=10;out={tokens - 10}", **more), tenant)


def test_a_pool_keeps_what_is_reserved(place):
    while spend(place, "good", 1000)[0] == 200:
        pass
    status, _, reply = spend(place, "good", 1000)
    assert status == 429
    error = json.loads(reply)["error"]
    assert "lab-pool tokens per day" in error["message"]
    taken = row(place, "lab-pool")
    assert 1000 <= taken["used"] <= 3000 and taken["limit"] == 4000
    # the other member's quarter is untouched, and is all it has now
    assert spend(place, "insider", 900)[0] == 200
    own = row(place, "lab-pool", "reserved tenant insider")
    assert own["reserved"] == 1000 and own["used"] == 900
    assert row(place, "lab-pool")["used"] == taken["used"] + 900


def test_a_model_whose_budget_is_full_leaves_the_route_to_the_other(place):
    seen = [place.call(chat(model="either", max_tokens=20), "poor")
            for _ in range(3)]
    assert {status for status, _, _ in seen} == {200}
    assert seen[-1][1]["weir-deployment"] == "small-near"
    status, _, reply = place.call(chat(max_tokens=20), "poor")
    assert status == 429
    assert "large-only requests per day" in reply.decode()
    said = row(place, "large-only")
    assert said["zone"] == "Asia/Tokyo" and said["used"] == 1
    assert said["reopens_us"] % 86_400_000_000 == 15 * 3_600_000_000
    assert said["reopens_us"] > time.time() * 1e6


class Hook(http.server.BaseHTTPRequestHandler):
    failures = 1

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if Hook.failures > 0:
            Hook.failures -= 1
            self.send_error(503)
            return
        self.server.seen.append(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *words):
        pass


def metrics(place):
    return lab.exchange(place.weir.admin_port, "GET", "/metrics", None,
                        {"Authorization": "Bearer " + place.weir.token}
                        )[2].decode()


def test_a_soft_limit_tells_each_share_once_and_refuses_nobody(place):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place.weir.cli("webhooks", "create", "--tenant", "thrifty", "--to",
                   f"http://127.0.0.1:{server.server_port}/hook")

    def told():
        return [notice for notice in place.weir.admin(
            "GET", "/v1/notices?tenant=thrifty")["notices"]
            if notice["type"] == "budget.alert"]

    before = row(place, "heed")["used"]
    try:
        for _ in range(5 - before):
            assert spend(place, "thrifty", 20)[0] == 200
        lab.wait_for(lambda: len(told()) == 1, 10, "the alert at 50 %")
        for _ in range(7):
            assert spend(place, "thrifty", 20)[0] == 200
        lab.wait_for(lambda: "100.00 %" in told()[0]["text"], 10,
                     "the alert at 100 %")
        time.sleep(1.5)
        texts = [notice["text"] for notice in told()]
        assert len(texts) == len(set(texts)) <= 3
        assert "50.00 %" in texts[-1] and "5 of 10" in texts[-1]
        assert all("not refused" in text for text in texts)
        # the receiver failed once: the courier came again
        lab.wait_for(lambda: len(server.seen) >= 2, 20, "the webhook")
        assert "weir_budget_alerts_total" in metrics(place)
    finally:
        server.shutdown()
        server.server_close()


def is_equal(place):
    said = rows(place, check=True)
    named = [one for one in said["budgets"] if one["of"] == "budget"]
    assert len(named) > 10
    return said["unequal"] == 0 and all(one["held"] == 0 for one in named)


def test_counters_equal_the_ledger_after_aborts_retries_and_fallbacks(place):
    dice = random.Random(7)
    routes = ["only-near", "resilient", "either", "only-dead", "large"]

    def one(number):
        script = dice.choice(["in=50;out=20", "in=5;events=30;gap=1",
                              "status=500", "in=9;events=8;cut=4"])
        body = chat(model=routes[number % len(routes)], max_tokens=60,
                    stream="events" in script, script=script)
        headers = {}
        try:
            return place.call(body, "busy", headers=headers,
                              timeout=0.05 if number % 9 == 0 else 30)[0]
        except OSError:
            return 0  # gone in the middle

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ends = set(pool.map(one, range(160)))
    assert 200 in ends
    lab.wait_for(lambda: is_equal(place), 20, "counter equals ledger")
    total = row(place, "all", metric="tokens", window="year")["used"]
    ledger = place.weir.usage()
    assert total > 0
    assert total == sum(one["input_tokens"] + one["output_tokens"]
                        for one in ledger)


def test_a_budget_that_is_new_begins_at_the_ledger_s_sum(place):
    used = row(place, "all", metric="money", window="month")["used"]
    assert used > 0
    place.weir.config["budgets"].append(
        {"name": "late", "zone": "America/New_York",
         "limits": {"money_per_year": "5000", "requests_per_day": 100000}})
    place.weir.write()
    place.weir.cli("reload")
    assert row(place, "late", metric="money")["used"] == used
    lab.wait_for(lambda: is_equal(place), 20, "counter equals ledger")
    done = place.weir.cli("budgets", "--check", "--name", "late")
    assert "difference 0" in done.stdout and "America/New_York" in done.stdout
    assert "at this rate" in done.stdout


def test_the_table_is_made_again_from_the_ledger(place):
    def counters():
        return {(one["name"], one["member"], one["metric"], one["window"]):
                one["used"] for one in rows(place)["budgets"]
                if one["of"] == "budget" and one["window"] != "hour"}

    lab.wait_for(lambda: is_equal(place), 20, "counter equals ledger")
    before = counters()
    run = place.weir.run_dir
    place.weir.stop()
    (run / "quota").unlink()
    place.weir.start()
    assert counters() == before
    assert is_equal(place)
