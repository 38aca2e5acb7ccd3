# SPDX-License-Identifier: Apache-2.0
"""Modes of routes: which allowed candidate comes first, and why."""
import concurrent.futures
import json

import pytest

import lab
from house import House, chat

BOTH = ["large-near", "large-far"]


def configure(config):
    for mode in ("price", "latency", "least_busy", "sticky"):
        config["routes"].append({"name": mode, "mode": mode, "attempts": 2,
                                 "candidates": BOTH})
    config["routes"].append(
        {"name": "cheapest", "mode": "price", "attempts": 2,
         "candidates": ["large-near", "small-near"]})
    for row in config["models"]:
        if row["name"] == "small":
            row["price"]["input"] = row["price"]["output"] = "0.001"


@pytest.fixture(scope="module")
def routed(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("routed"), change=configure)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean(routed):
    routed.origin.reset()


def served(house, **more):
    status, headers, _ = house.call(chat(**more), "busy")
    assert status == 200
    return headers["weir-deployment"], headers["weir-request-id"]


def ordered_by(house, request):
    def said():
        done = house.weir.cli("explain", request, "--json", check=False)
        return json.loads(done.stdout) if done.returncode <= 1 else None
    return lab.wait_for(said, 10, "the call")["ordered_by"]


def test_a_conversation_stays_at_one_deployment(routed):
    homes = set()
    for talk in range(12):
        seen = {served(routed, model="sticky", content=f"turn {turn}",
                       prompt_cache_key=f"talk-{talk}")[0]
                for turn in range(4)}
        assert len(seen) == 1
        homes |= seen
    assert homes == set(BOTH)
    _, request = served(routed, model="sticky", user="somebody")
    assert ordered_by(routed, request) == {"mode": "sticky",
                                           "sticky_by": "user"}


def test_the_cheaper_model_comes_first(routed):
    where, request = served(routed, model="cheapest")
    assert where == "small-near"
    said = ordered_by(routed, request)
    assert said["mode"] == "price" and said["unit"] == "micros"
    assert said["values"][0] < said["values"][1]


def test_the_slower_origin_is_left_after_one_reply(routed):
    routed.origin.next("delay=400", 1)
    first, _ = served(routed, model="latency")
    seen = [served(routed, model="latency") for _ in range(6)]
    other, = set(BOTH) - {first}
    assert [where for where, _ in seen] == [other] * 6
    said = ordered_by(routed, seen[-1][1])
    assert said["unit"] == "us" and said["values"][1] > 200_000


def test_calls_spread_by_how_many_are_there(routed):
    routed.origin.standing("delay=300")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        seen = [one.result()[0] for one in
                [pool.submit(served, routed, model="least_busy")
                 for _ in range(8)]]
    assert 2 <= seen.count("large-near") <= 6
