# SPDX-License-Identifier: Apache-2.0
"""kill -9 of worker, master, control, writer and all, at random moments.

Under load, again and again. Afterwards: every call that reached the origin
has its intent; what a client got whole stands in the ledger, once, with the
tokens that the reply told; nothing stands there twice; the counters that
admit agree with the ledger; the log verifies; a restart is clean.
"""
import json
import os
import random
import signal
import time

import pytest

import lab
from load import Load

VICTIMS = ("worker", "worker", "master", "control", "writer", "all")


def pids_of(house, victim):
    """Processes by their part, told by their command lines."""
    root = house.weir.process.pid
    family = house.weir.children()
    if victim == "control":
        return [root]
    if victim == "all":
        return [pid for pid, _, _ in family]
    wanted = {"worker": "nginx: worker", "master": "nginx: master",
              "writer": "weir-writer"}[victim]
    return [pid for pid, name, words in family
            if wanted in words and pid != root]


def strike(house, victim, dice):
    """Kills what is there of `victim`; never nothing."""
    pids = lab.wait_for(lambda: pids_of(house, victim), 5, "a " + victim)
    if victim == "worker" and pids:
        pids = [dice.choice(pids)]
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def serves(house, key):
    status, _, _ = house.call(
        {"model": "only-near", "messages": [], "max_tokens": 5}, key=key,
        timeout=5)
    return status == 200


def try_serves(house, key):
    try:
        return serves(house, key)
    except (OSError, Exception):  # noqa: B014 - whatever a dying peer does
        return False


def ledger(house, tenant):
    """Sums of one tenant once nothing is open any more."""
    def closed():
        rows = house.weir.usage(tenant)
        total = {}
        for row in rows:
            for field, value in row.items():
                if isinstance(value, int) and not isinstance(value, bool):
                    total[field] = total.get(field, 0) + value
        return total if total.get("open", 0) == 0 else None
    return lab.wait_for(closed, 30, "an empty list of open calls")


def add_budgets(config):
    """Every window, two calendars, a pool, a counter for each model."""
    config["budgets"] = [
        {"name": "windows", "limits": {
            "requests_per_day": 10**9, "requests_per_year": 10**9,
            "tokens_per_week": 10**12, "money_per_month": "1000000"}},
        {"name": "zoned", "zone": "Asia/Kathmandu", "limits": {
            "tokens_per_day": 10**12, "money_per_year": "1000000"}},
        {"name": "models", "each": "model",
         "limits": {"tokens_per_month": 10**12}},
        {"name": "pool", "limits": {"tokens_per_day": 10**12},
         "reserved": [{"tenant": "busy", "share": "0.0001%"}]}]


def check_budgets(house, strikes):
    """A counter is the ledger's sum, or above it by what a worker had settled
    when it died before the outcome was written: one call for each death. Made
    anew from the ledger it is the sum."""
    def rows():
        return [row for row in
                house.weir.admin("GET", "/v1/budgets?check=1")["budgets"]
                if row["of"] == "budget" and "ledger" in row]

    lab.wait_for(lambda: all(row["held"] == 0 or row["used"] > 0
                             for row in rows()), 10, "settled calls")
    seen = rows()
    assert any(row["used"] > 0 for row in seen)
    for row in seen:
        most = {"requests": 1, "tokens": 700, "money": 20000}[row["metric"]]
        assert 0 <= row["difference"] <= strikes * 2 * most, row
    run = house.weir.run_dir
    house.weir.stop()
    (run / "quota").unlink()
    house.weir.start()
    for row in rows():
        assert row["difference"] == 0 and row["held"] == 0, row


@pytest.mark.parametrize("tier", ["durable", "crash"])
def test_kill_9_at_random_moments(make_house, request, tier):
    rounds = request.config.getoption("--rounds")
    seed = request.config.getoption("--seed") or random.randrange(1 << 30)
    print(f"seed {seed}")
    dice = random.Random(seed)
    house = make_house(tier=tier, change=add_budgets)
    key = house.key("busy")
    house.origin.reset()
    slowest = 0.0
    with Load(house, key, seed=seed) as load:
        for number in range(rounds):
            time.sleep(dice.uniform(0.05, 0.6))
            victim = VICTIMS[number % len(VICTIMS)]
            strike(house, victim, dice)
            began = time.monotonic()
            if victim in ("control", "all"):
                house.weir.process.child.wait()
                house.weir.start(20)
            lab.wait_for(lambda: try_serves(house, key), 15,
                         f"service after kill -9 of {victim}, round {number}"
                         f", seed {seed}\n{house.weir.tail()}")
            slowest = max(slowest, time.monotonic() - began)
    print(f"{rounds} rounds, {load.started} calls, {len(load.whole)} whole, "
          f"{load.broken} broken, refused {load.refused}, slowest recovery "
          f"{slowest:.2f} s")
    assert len(load.whole) > rounds * 5
    check_books(house, load)
    check_budgets(house, rounds)
    house.weir.stop()
    house.weir.start()  # clean
    assert serves(house, key)


def check_books(house, load):
    origin = house.origin.stats()
    total = ledger(house, "busy")
    # every call at the origin has an intent; one attempt per call here, but
    # for those that nginx repeats on a connection that was just closed
    admitted = total["calls"]
    assert origin["calls"] <= admitted, (origin["calls"], total)
    assert admitted <= load.started + 1000  # serves() adds its own
    missing, wrong = [], []
    for request, tokens in list(load.whole.items())[-300:]:
        done = house.weir.cli("explain", request, "--json", check=False)
        if done.returncode != 0:
            missing.append(request)
            continue
        outcome = json.loads(done.stdout).get("outcome")
        if not outcome:
            missing.append(request)
        elif (outcome.get("usage", outcome)["output_tokens"] != tokens and
              outcome.get("ending") != "lost"):
            wrong.append((request, tokens, outcome))
    assert missing == []
    assert wrong == []
    audit = house.weir.audit()
    assert audit.returncode == 0, audit.stdout
    assert house.weir.cli("check").returncode == 0
