# SPDX-License-Identifier: Apache-2.0
"""Shadows: copies of permitted calls for a deployment on trial."""
import json
import re

import pytest

import lab
import world
from house import House, chat, events_of

MASKED = """
@id("permit-masked")
@title("The insider's tickets are masked")
@authority("The seller, service description 1")
@filter("numbers")
permit (principal in Tenant::"insider", action in Action::"infer",
        resource in Bloc::"hosting");
"""


def configure(config):
    config["filters"] = [{"name": "numbers", "rules": [
        {"name": "ticket", "expression": "T-[0-9]{3}", "action": "mask"}]}]
    for name, shadow in [
            ("copied", {"deployment": "large-far"}),
            ("charged", {"deployment": "large-far", "pays": "tenant"}),
            ("outside", {"deployment": "small-outside"}),
            ("dead", {"deployment": "large-dead"}),
            ("some", {"deployment": "large-far", "share": "30%"})]:
        config["routes"].append(
            {"name": name, "mode": "order", "candidates": ["large-near"],
             "shadow": {"share": "100%", **shadow}})


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(world.POLICIES, "seller/masked.cedar", MASKED)
        made = House(tmp_path_factory.mktemp("shadow"), change=configure)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean(place):
    place.origin.reset()


def served(place, model, content="hello", tenant="good", **more):
    status, headers, reply = place.call(chat(content, model=model, **more),
                                        tenant)
    assert status == 200, reply
    assert headers["weir-deployment"] == "large-near"
    return headers["weir-request-id"], reply


def pairs(place, route):
    """side -> row, once both have been written."""
    rows = place.weir.json("report", "shadow")["sides"]
    return {row["side"]: row for row in rows if row["route"] == route}


def arrived(place, name="far"):
    return [row for row in place.origin.requests() if row["name"] == name]


def usage(place, tenant):
    return sum(row["calls"] for row in place.weir.usage(by="tenant")
               if row["tenant"] == tenant)


def test_a_copy_goes_to_the_shadow_and_the_client_hears_nothing_of_it(place):
    before = usage(place, "good")
    first = pairs(place, "copied").get("main", {"calls": 0})["calls"]
    content = "a talk that is copied"
    request, reply = served(place, "copied", content)
    lab.wait_for(lambda: len(arrived(place)) == 1, 60, "the copy")
    sent = json.loads(place.origin.body())
    assert sent["messages"][0]["content"] == content
    sides = lab.wait_for(
        lambda: (lambda rows: rows if rows.get("shadow", {}).get("calls") ==
                 first + 1 else None)(pairs(place, "copied")), 60, "the pair")
    assert sides["main"]["calls"] == first + 1
    assert sides["shadow"]["input_tokens"] == sides["main"]["input_tokens"]
    assert sides["shadow"]["cost_micros"] == sides["main"]["cost_micros"] > 0
    lab.wait_for(lambda: usage(place, "good") == before + 1, 60, "the ledger")
    assert usage(place, "(operator)") >= 1
    assert usage(place, "good") == before + 1


def test_a_pair_is_one_whatever_came_first(place):
    """Within a millisecond, ids do not tell which of two was first."""
    for _ in range(6):
        for _ in range(10):
            served(place, "copied")
        lab.wait_for(lambda: len(arrived(place)) == 10, 60, "the copies")
        place.origin.reset()
    lab.wait_for(
        lambda: (lambda rows: rows["shadow"]["calls"] ==
                 rows["main"]["calls"] >= 61)(pairs(place, "copied")),
        60, "both sides of each pair")


def test_streams_are_copied(place):
    _, reply = served(place, "copied", stream=True)
    assert events_of(reply)[-1] == b"[DONE]"
    lab.wait_for(lambda: len(arrived(place)) == 1, 60, "the copy")
    assert json.loads(place.origin.body())["stream"] is True


def test_a_copy_takes_nothing_of_budgets_unless_the_tenant_pays(place):
    place.calm_minute(30)
    for _ in range(3):
        served(place, "copied", tenant="limited")
    assert place.call(chat(model="copied"), "limited")[0] == 429
    lab.wait_for(lambda: len(arrived(place)) == 3, 60, "the copies")
    served(place, "charged", tenant="scarce")
    lab.wait_for(lambda: len(arrived(place)) == 4, 60, "a copy that is paid")
    lab.wait_for(lambda: usage(place, "scarce") == 2, 60, "the ledger")
    served(place, "charged", tenant="scarce")
    assert place.call(chat(model="only-near"), "scarce")[0] == 429
    assert place.weir.cli("budgets", "--check", check=False).returncode == 0


def test_what_policy_refuses_is_not_copied(place):
    for _ in range(5):
        served(place, "outside")
    assert arrived(place) == []
    served(place, "outside", "mine", tenant="insider")
    lab.wait_for(lambda: arrived(place), 60, "the insider's copy")
    assert len(arrived(place)) == 1
    assert json.loads(place.origin.body())["messages"][0]["content"] == "mine"


def test_filters_mask_the_copy_as_they_mask_the_call(place):
    served(place, "copied", "ticket T-123", tenant="insider")
    lab.wait_for(lambda: len(arrived(place)) == 1, 60, "the copy")
    for back in range(2):
        assert "T-123" not in place.origin.body(back).decode()


def test_nobody_else_takes_a_shadows_route(place):
    said = {"weir-shadow": "req_01m82b84tr6cnqnkpyqf7nhezg shadow/copied",
            "weir-shadow-client": "192.0.2.1"}
    assert place.call(chat(model="shadow/copied"))[0] == 404
    assert place.call(chat(model="shadow/copied"), headers=said)[0] == 404
    status, headers, _ = place.call(chat(model="only-near"), headers=said)
    assert status == 200 and headers["weir-deployment"] == "large-near"
    listed = place.call(None, path="/v1/models", method="GET")[2]
    assert b"shadow/" not in listed and b'"copied"' in listed


def test_a_shadow_that_is_dead_is_an_error_on_its_side_alone(place):
    for _ in range(3):
        served(place, "dead")
    # copies are dropped while what failed rests: how many come is not said
    sides = lab.wait_for(
        lambda: (lambda rows: rows if rows.get("shadow", {}).get("calls")
                 else None)(pairs(place, "dead")), 60, "the pairs")
    assert sides["main"]["errors"] == 0
    assert sides["shadow"]["errors"] == sides["shadow"]["calls"] <= 3


def test_a_share_is_a_share(place):
    for _ in range(60):
        served(place, "some", tenant="busy")
    place.origin.reset()
    served(place, "copied", "the last one", tenant="busy")
    lab.wait_for(lambda: arrived(place), 60, "the last copy")
    lab.wait_for(lambda: pairs(place, "some").get(
        "shadow", {"calls": 0})["calls"] >= 3, 60, "some copies")
    assert pairs(place, "some")["shadow"]["calls"] <= 50


def test_the_record_says_what_a_copy_is(place):
    request, _ = served(place, "copied", tenant="busy")

    def copy():
        rows = place.weir.admin("GET", "/v1/calls?tenant=(operator)&limit=50")
        for row in rows.get("calls", []):
            said = place.weir.json("explain", row["request"])
            if said["outcome"]["shadow_of"] == request:
                return said
        return None
    said = lab.wait_for(copy, 60, "the copy's record")
    assert said["is_same"], said["differences"]
    assert said["who"]["tenant"] == "(operator)"


def copies(place):
    """Copies made, and those not made by why."""
    if place.weir.token is None:
        place.weir.admin("GET", "/v1/tenants")
    status, _, reply = lab.exchange(
        place.weir.admin_port, "GET", "/metrics", None,
        {"Authorization": "Bearer " + place.weir.token})
    assert status == 200
    made, = re.findall(r"^weir_shadow_copies_total (\d+)$", reply.decode(),
                       re.M)
    dropped = re.findall(r"^weir_shadow_copies_dropped_total"
                         r'\{reason="(\w+)"\} (\d+)$', reply.decode(), re.M)
    return {"made": int(made), **{why: int(count) for why, count in dropped}}


def counted(place, before, what):
    """What became more, once `what` has; a call before may still be made."""
    def change():
        now = copies(place)
        more = {why for why in now if now[why] > before[why]}
        return more if what in more else None
    return lab.wait_for(change, 60, f"a copy that is {what}") - {"made"}


def test_copies_are_counted_and_those_that_are_not_made_by_why(place):
    before = copies(place)
    served(place, "copied")
    assert counted(place, before, "made") == set()
    before = copies(place)
    served(place, "copied", "x " * 600_000, tenant="busy")
    assert counted(place, before, "too_large") == {"too_large"}
    sock = place.weir.run_dir / "shadow.sock"
    before = copies(place)
    aside = sock.rename(sock.with_suffix(".aside"))
    try:
        served(place, "copied")
        assert counted(place, before, "no_connection") == {"no_connection"}
    finally:
        aside.rename(sock)
    before = copies(place)
    served(place, "copied")
    assert counted(place, before, "made") == set()


def test_more_copies_than_a_worker_may_have_are_not_made(place):
    """Two workers, each copy half a minute under way."""
    place.origin.next("events=30;gap=1000", 500, "far")
    before = copies(place)
    for _ in range(40):
        for _ in range(10):
            served(place, "copied", tenant="busy", stream=True)
        if copies(place)["too_many"] > before["too_many"]:
            break
    assert counted(place, before, "too_many") == {"too_many"}
    assert copies(place)["made"] >= before["made"] + 32
