# SPDX-License-Identifier: Apache-2.0
"""Deployments that fail, rest or are full are passed over by all workers."""
import concurrent.futures
import json
import time

import pytest

import lab
from house import House, chat

BREAKER = {"failures": 3, "share": 50, "calls": 100, "window": "30 s",
           "open": "2 s", "open_max": "8 s"}


def configure(config):
    for row in config["deployments"]:
        row["breaker"] = dict(BREAKER)
        if row["name"] == "large-slow":
            row["concurrency"] = 2
    config["routes"].append(
        {"name": "dead-then-near", "mode": "order", "attempts": 2,
         "candidates": ["large-dead", "large-near"]})


@pytest.fixture
def shaky(tmp_path):
    made = House(tmp_path, change=configure, breakers=True)
    yield made
    made.stop()


def metrics(house):
    """The figures as a scraper gets them."""
    if house.weir.token is None:
        house.weir.admin("GET", "/v1/tenants")
    status, _, reply = lab.exchange(
        house.weir.admin_port, "GET", "/metrics", None,
        {"Authorization": "Bearer " + house.weir.token})
    assert status == 200
    return reply.decode()


def attempts(house, headers):
    def said():
        done = house.weir.cli("explain", headers["weir-request-id"], "--json",
                              check=False)
        return json.loads(done.stdout).get("outcome") \
            if done.returncode <= 1 else None
    outcome = lab.wait_for(said, 10, "the outcome")
    return [(row["deployment"], row["end"]) for row in outcome["attempts"]]


def test_a_dead_origin_is_left_alone_by_every_worker(shaky):
    seen = []
    for _ in range(12):
        status, headers, _ = shaky.call(chat(model="dead-then-near"))
        assert status == 200
        seen.append(attempts(shaky, headers)[0])
    # three failures over both workers, then nobody connects any more
    assert seen[:3] == [("large-dead", "refused")] * 3
    assert seen[3] == ("large-dead", "ejected")
    assert seen.count(("large-dead", "refused")) <= 5  # and rare probes
    text = shaky.weir.cli("explain", headers["weir-request-id"]).stdout
    assert "large-dead, " in text


def test_a_route_without_another_refuses_at_once_and_says_when(shaky):
    for _ in range(3):
        shaky.call(chat(model="only-dead"))
    status, headers, reply = shaky.call(chat(model="only-dead"))
    assert status == 503
    assert json.loads(reply)["error"]["code"] == "deployments_ejected"
    assert 1 <= int(headers["retry-after"]) <= 4


def test_a_storm_of_429_reaches_the_origin_once_per_pause(shaky):
    shaky.origin.next("status=429;retry_after=60", 1000, "near")
    statuses = [shaky.call(chat(model="first-near"))[0] for _ in range(20)]
    assert statuses == [200] * 20
    near = [row for row in shaky.origin.requests() if row["name"] == "near"]
    assert len(near) == 1
    # alone, its pause is the caller's, cut to the longest time out
    status, headers, reply = shaky.call(chat(model="only-near"))
    assert status == 429
    assert json.loads(reply)["error"]["code"] == "deployments_resting"
    assert 1 <= int(headers["retry-after"]) <= 8


def test_a_storm_of_429_that_names_no_pause(shaky):
    """Each call asks who is left at most once more, and soon nobody: retries
    do not multiply a storm."""
    shaky.origin.standing("status=429")
    seen = [shaky.call(chat(model="first-near")) for _ in range(20)]
    asked = shaky.origin.stats()["calls"]
    told = [json.loads(reply)["error"] for _, _, reply in seen]
    assert {status for status, _, _ in seen} <= {429, 503} and all(told)
    # 3 attempts of a call at most; after 3 failures each is left alone, and
    # is probed by one call for each time out
    assert asked < 20 + 3, asked
    assert told[-1].get("code") in ("deployments_ejected",
                                    "deployments_resting")
    assert "retry-after" in seen[-1][1]
    lab.wait_for(lambda: sum(row["open"] for row in
                             shaky.weir.usage("good")) == 0,
                 what="all calls settled")
    assert sum(row["input_tokens"] + row["output_tokens"]
               for row in shaky.weir.usage("good")) == 0
    shaky.origin.standing("")
    lab.wait_for(lambda: shaky.call(chat(model="first-near"))[0] == 200,
                 what="a probe that finds them well")


def test_a_storm_at_one_leaves_the_other_alone(shaky):
    """A fallback takes the calls of what is storming, each once."""
    shaky.origin.next("status=429", 1000, "near")
    statuses = [shaky.call(chat(model="first-near"))[0] for _ in range(20)]
    assert statuses == [200] * 20
    rows = [row["name"] for row in shaky.origin.requests()]
    assert rows.count("far") == 20 and rows.count("near") < 20


def test_what_healed_is_found_by_one_probe(shaky):
    shaky.origin.next("status=503", 3, "near")
    for _ in range(3):
        assert shaky.call(chat(model="first-near"))[1][
            "weir-deployment"] == "large-far"
    assert shaky.call(chat(model="first-near"))[1][
        "weir-deployment"] == "large-far"
    time.sleep(2.1)
    assert shaky.call(chat(model="first-near"))[1][
        "weir-deployment"] == "large-near"


def test_a_full_deployment_is_passed_over_and_alone_refuses(shaky):
    shaky.origin.next("delay=600", 10, "slow")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(shaky.call, chat(model="slow-then-near"))
                   for _ in range(8)]
        done = [one.result() for one in waiting]
    assert [status for status, _, _ in done] == [200] * 8
    served = [headers["weir-deployment"] for _, headers, _ in done]
    assert 1 <= served.count("large-slow") <= 4
    over = [attempts(shaky, headers) for _, headers, _ in done
            if headers["weir-deployment"] == "large-near"]
    assert [("large-slow", "full"), ("large-near", "replied")] in over
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(shaky.call, chat(model="only-slow"))
                   for _ in range(8)]
        done = [one.result() for one in waiting]
    refused = [json.loads(reply)["error"]["code"]
               for status, _, reply in done if status == 503]
    assert refused and set(refused) == {"deployments_full"}
    # and every place is given back
    assert shaky.call(chat(model="only-slow"))[0] == 200


def test_the_figures_tell_of_it(shaky):
    for _ in range(4):
        shaky.call(chat(model="dead-then-near"))
    text = metrics(shaky)
    assert 'weir_deployment_out{deployment="large-dead"} 1' in text
    assert 'weir_deployment_ejected_total{deployment="large-dead"} 1' in text
    assert 'weir_deployment_in_flight{deployment="large-near"} 0' in text
