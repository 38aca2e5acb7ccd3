# SPDX-License-Identifier: Apache-2.0
"""Routes by complexity, escalation of poor answers, canaries."""
import json
import urllib.parse

import pytest

import lab
import world
from house import House, chat

EASY = "hello, please help me cancel my order"
HARD = ("Write a Python function that implements a red-black tree, prove step "
        "by step that insert is O(log n) and optimise it.\n\ndef insert(node):"
        "\n    return node.parent[0]; # algorithm {x}\n")


FLAGGED = """
@id("permit-flagged")
@title("The insider's tickets are counted")
@authority("The seller, service description 1")
@filter("numbers")
permit (principal in Tenant::"insider", action in Action::"infer",
        resource in Bloc::"hosting");
"""


def configure(config):
    for row in config["models"]:
        if row["name"] == "small":
            row["price"]["input"], row["price"]["output"] = "0.1", "0.4"
    tiers = [{"deployment": "small-near", "upto": 500}, "large-near"]
    config["routes"] += [
        {"name": "smart", "mode": "complexity", "attempts": 3,
         "candidates": tiers},
        {"name": "strict", "mode": "complexity", "attempts": 3,
         "candidates": tiers,
         "escalate": ["refusal", "empty", "length", "schema"]},
        {"name": "placed", "mode": "complexity", "attempts": 4,
         "escalate": ["refusal", "empty"],
         "candidates": [{"deployment": "small-near", "upto": 500},
                        {"deployment": "small-outside", "upto": 900},
                        "large-near"]},
        {"name": "trying", "mode": "order", "attempts": 3,
         "candidates": ["large-near", "large-far"],
         "canary": {"deployment": "large-far", "share": "30%"}},
        {"name": "unwilling", "mode": "order", "attempts": 3,
         "candidates": ["large-near", "large-far"],
         "canary": {"deployment": "large-far", "share": "50%"}}]
    config["filters"] = [{"name": "numbers", "rules": [
        {"name": "ticket", "expression": "T-[0-9]{3}", "action": "flag"}]}]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(world.POLICIES, "seller/flagged.cedar", FLAGGED)
        made = House(tmp_path_factory.mktemp("tiers"), change=configure)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean(place):
    place.origin.reset()


def served(place, content, tenant="good", **more):
    status, headers, reply = place.call(chat(content, **more), tenant)
    assert status == 200, reply
    return headers["weir-deployment"], headers["weir-request-id"]


def explained(place, request):
    def said():
        done = place.weir.cli("explain", request, "--json", check=False)
        got = json.loads(done.stdout) if done.returncode <= 1 else {}
        return got if got.get("outcome") else None
    return lab.wait_for(said, 10, "the call")


def test_easy_calls_go_to_the_cheap_tier_and_hard_ones_do_not(place):
    where, easy = served(place, EASY, model="smart")
    assert where == "small-near"
    where, hard = served(place, HARD, model="smart")
    assert where == "large-near"
    low, high = (explained(place, one)["outcome"]["choice"]
                 for one in (easy, hard))
    assert low["score"] <= 500 < high["score"]
    assert (low["tier"], high["tier"], low["tiers"]) == (1, 2, 2)
    assert high["features"]["code_words"] > 0
    assert low["dearest_micros"] > 0
    said = explained(place, easy)["ordered_by"]
    assert said["mode"] == "complexity" and said["values"][0] == 500


def test_the_next_tier_serves_when_the_cheap_one_is_down(place):
    place.origin.next("status=500", 1)
    where, _ = served(place, EASY, model="smart")
    assert where == "large-near"


@pytest.mark.parametrize("text,reason,more", [
    ("I'm sorry, but I can't help with that.", "refusal", {}),
    ("not json", "schema", {"response_format": {
        "type": "json_schema", "json_schema": {"name": "x", "schema": {
            "type": "object", "required": ["answer"]}}}}),
    ('{"other": 1}', "schema", {"response_format": {
        "type": "json_schema", "json_schema": {"name": "x", "schema": {
            "type": "object", "required": ["answer"]}}}})])
def test_a_poor_answer_is_never_seen(place, text, reason, more):
    place.origin.next("content=" + urllib.parse.quote(text), 1)
    status, headers, reply = place.call(
        chat(EASY, model="strict", **more), "busy")
    assert status == 200 and text not in reply.decode()
    assert headers["weir-deployment"] == "large-near"
    said = explained(place, headers["weir-request-id"])["outcome"]
    assert said["choice"]["escalations"] == 1
    assert said["choice"]["escalated_for"] == [reason]
    assert [one["end"] for one in said["attempts"]] == ["escalated", "replied"]
    assert said["choice"]["wasted_micros"] > 0


def test_an_answer_that_is_good_is_passed_on_as_it_is(place):
    where, request = served(place, EASY, model="strict", tenant="busy")
    assert where == "small-near"
    assert explained(place, request)["outcome"]["choice"]["escalations"] == 0


def test_escalation_never_leaves_what_policy_allows(place):
    """The middle tier runs where the maker forbids it: it is never asked."""
    for _ in range(20):
        place.origin.next("content=I%20cannot%20help", 1)
        where, _ = served(place, EASY, model="placed")
        assert where == "large-near"


def test_savings_are_reported(place):
    def routes():
        rows = place.weir.json("report", "savings")["routes"]
        return {row["route"]: row for row in rows}

    lab.wait_for(lambda: routes().get("strict", {}).get("calls", 0) >= 4, 10,
                 "the calls")
    smart, strict = routes()["smart"], routes()["strict"]
    assert strict["escalated"] == 3 and strict["wasted_micros"] > 0
    assert smart["saved_micros"] == (smart["dearest_micros"] -
                                     smart["cost_micros"])
    assert smart["saved_micros"] > 0


def test_a_canary_has_its_share_of_conversations_and_they_stay(place):
    first = {}
    for talk in range(60):
        seen = {served(place, "turn", model="trying", tenant="busy",
                       prompt_cache_key=f"talk-{talk}")[0]
                for _ in range(2)}
        assert len(seen) == 1
        first[talk] = seen.pop()
    canary = list(first.values()).count("large-far")
    assert 8 <= canary <= 30

    def sides():
        return {row["side"]: row for row in
                place.weir.json("report", "canary")["sides"]}

    lab.wait_for(lambda: sum(row["calls"] for row in sides().values()) == 120,
                 10, "the calls")
    assert sides()["canary"]["calls"] == 2 * canary
    assert sides()["canary"]["errors"] == 0


def test_a_canary_report_counts_refusals_ends_and_findings(place):
    """Half of the talks are refused, in words or streamed and answered."""
    where = {}
    for talk in range(24):
        no = talk % 2 == 0
        status, headers, reply = place.call(chat(
            "ticket T-123", model="unwilling", prompt_cache_key=f"no-{talk}",
            stream=talk % 4 == 3,
            **({"script": "content=I%20cannot%20help%20with%20that."} if no
               else {})), "insider")
        assert status == 200, reply
        side = ("canary" if headers["weir-deployment"] == "large-far"
                else "beside")
        calls, refused = where.get(side, (0, 0))
        where[side] = calls + 1, refused + no

    def rows(section):
        return [row for row in
                place.weir.json("report", "canary")[section]
                if row["route"] == "unwilling"]

    lab.wait_for(lambda: sum(row["calls"] for row in rows("sides")) == 24, 60,
                 "the calls")
    assert {row["side"]: (row["calls"], row["refusals"])
            for row in rows("sides")} == where
    for row in rows("sides"):
        assert row["refusals_ppm"] == row["refusals"] * 1000000 // row["calls"]
        assert row["filtered"] == row["calls"]
    ends = {}
    for row in rows("finishes"):
        ends[row["finish"]] = ends.get(row["finish"], 0) + row["calls"]
    assert ends == {"refusal": 12, "stop": 12}
    found = [row for row in rows("findings") if row["direction"] == "requests"]
    assert {row["rule"] for row in found} == {"ticket"}
    assert sum(row["findings"] for row in found) == 24
    table = place.weir.cli("report", "canary", "--format",
                           "csv").stdout
    assert "refusals" in table and "unwilling" in table
