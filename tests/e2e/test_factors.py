# SPDX-License-Identifier: Apache-2.0
"""Tokens from bytes: learned of settled calls, used before the next."""
import json

import pytest

import lab
from house import House, chat


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("factors"))
    yield made
    made.stop()


def factor(place, model="large"):
    rows = json.loads(place.weir.cli("factors", "--json").stdout)["factors"]
    return next(row for row in rows if row["model"] == model)


def line(place, of, model="large"):
    return next(row for row in factor(place, model)["lines"]
                if row["of"] == of)


def call(place, words, tokens, script="", **more):
    """A prompt of so many words, of which the origin says so many tokens."""
    status, headers, _ = place.call(chat(
        "word " * words, script=f"in={tokens};out=40{script}", **more))
    assert status == 200
    return headers["weir-request-id"]


def explain(place, request):
    return json.loads(place.weir.cli("explain", request, "--json").stdout)


def count(place, words, model="large"):
    status, _, reply = place.call(
        {"model": model, "max_tokens": 9,
         "messages": [{"role": "user", "content": "word " * words}]},
        path="/v1/messages/count_tokens")
    assert status == 200
    return json.loads(reply)["input_tokens"]


def test_a_day_of_calls_moves_what_is_held_counted_and_shown(place):
    model = next(row["model"] for row in explain(
        place, call(place, 100, 250))["candidates"])
    assert factor(place, model)["source"] == "none"
    before = explain(place, call(place, 1000, 2500))["what"]["held_tokens"]
    counted = count(place, 1000, model)
    for n in range(40):
        call(place, 100 + 50 * n, (100 + 50 * n) * 5 // 2)
    done = json.loads(place.weir.cli("factors", "learn", "--json").stdout)
    assert done["moved"] == 1
    assert factor(place, model)["source"] == "learned"
    assert factor(place, model)["calls"] >= 40
    # half a token a byte is what came, a tenth above a quarter what is learned
    assert line(place, "prompt", model)["tokens_per_million_bytes"] == 275000
    held = explain(place, call(place, 1000, 2500))
    assert held["what"]["held_tokens"] > before
    shown = held["candidates"][0]["estimated_by"]
    assert shown["source"] == "learned"
    assert held["outcome"]["sizes"]["prompt_bytes"] > 5000
    assert count(place, 1000, model) > counted * 1.05
    place.weir.admin("GET", "/v1/factors")
    _, _, metrics = lab.exchange(
        place.weir.admin_port, "GET", "/metrics", None,
        {"Authorization": "Bearer " + place.weir.token})
    assert (f'weir_tokens_per_million_bytes{{model="{model}",of="prompt",'
            'source="learned"} 275000').encode() in metrics


def test_what_was_learned_outlives_a_restart(place):
    model = explain(place, call(place, 10, 25))["candidates"][0]["model"]
    before = factor(place, model)
    assert before["source"] == "learned"
    place.weir.stop()
    place.weir.start()
    assert factor(place, model) == before


def test_a_cut_reply_is_metered_by_the_model_that_wrote_it(place):
    request = call(place, 1000, 2500)
    model = explain(place, request)["candidates"][0]["model"]
    status, headers, _ = place.call(chat(
        "word " * 1000, stream=True, script="events=50;cut_after=20"))
    lab.wait_for(lambda: "outcome" in explain(place,
                                              headers["weir-request-id"]), 30)
    said = explain(place, headers["weir-request-id"])["outcome"]
    assert said["is_estimated"]
    base, slope = (line(place, "prompt", model)[name] for name in
                   ("base_tokens", "tokens_per_million_bytes"))
    size = said["sizes"]["prompt_bytes"]
    assert said["input_tokens"] == base + -(-size * slope // 1000000)
