# SPDX-License-Identifier: Apache-2.0
"""What explain says of the watch, for every surface, streamed and not."""
import json

import pytest

import lab
from small import POLICIES, config

ESSAY = "Write a detailed essay about the history of rivers in Europe."
PATHS = {
    "chat": ("/v1/chat/completions",
             {"messages": [{"role": "user", "content": ESSAY}]}),
    "responses": ("/v1/responses", {"input": ESSAY}),
    "parts": ("/v1/responses", {"input": [
        {"role": "user", "content": [{"type": "input_text",
                                      "text": ESSAY}]}]}),
    "messages": ("/v1/messages",
                 {"max_tokens": 99,
                  "messages": [{"role": "user", "content": ESSAY}]}),
    "completions": ("/v1/completions", {"prompt": ESSAY}),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    where = tmp_path_factory.mktemp("watched")
    origin = lab.Origin(where)
    made = config(origin.url())
    made["watch"] = "on"
    made["tenants"][1]["watch"] = False
    weir = lab.Weir(where / "weir", made, POLICIES)
    try:
        weir.start()
        yield weir
    finally:
        weir.stop()
        origin.stop()


def explained(weir, name, key, stream=False):
    path, body = PATHS[name]
    status, headers, reply = lab.exchange(
        weir.port, "POST", path,
        json.dumps({"model": "m", "stream": stream, **body}).encode(),
        {"Authorization": "Bearer " + key,
         "Content-Type": "application/json"})
    told = []

    def look():
        done = weir.cli("explain", headers["weir-request-id"], "--json",
                        check=False)
        told[:] = [json.loads(done.stdout)] if done.returncode == 0 else []
        return told and told[0]["state"] != "open"
    lab.wait_for(look, 10, "the ledger")
    return status, told[0], reply


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", list(PATHS))
def test_the_same_prompt_has_the_same_features_by_every_surface(house, name,
                                                                stream):
    key = house.key("good/app")
    status, told, reply = explained(house, name, key, stream)
    assert status == 200, reply
    watch = told["watch"]
    assert watch["version"] == 1 and watch["language"] == "en"
    assert watch["words"] == 11 and watch["form"] == 4.2
    bits = set(watch["bits"])
    assert {"imperative", "artefact", "capital", "ends", "medium",
            "replied"} <= bits
    assert ("streamed" in bits) == stream
    assert watch["indicators"] == [] and watch["classified"] == {}
    assert "step" not in told and told["is_same"]


def test_a_tenant_that_is_not_watched_has_nothing(house):
    status, told, _ = explained(house, "chat", house.key("south/polar"))
    assert status == 403 and "watch" not in told


def test_a_refused_call_says_what_was_asked(house):
    status, told, _ = explained(house, "chat", house.key("young/start"))
    assert status == 403 and told["watch"]["words"] == 11
    assert "replied" not in told["watch"]["bits"]
