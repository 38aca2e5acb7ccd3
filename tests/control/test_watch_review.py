# SPDX-License-Identifier: Apache-2.0
"""A case of the watch, call by call: what was said is shown where it is
retained, to a reviewer whom somebody else named, of the right role and
region; every view and every refusal is in the log; anybody draws the same
sample again."""
import datetime
import hashlib
import json
import os
import sqlite3

import pytest

import lab
from conftest import Place as Small
from small import POLICIES, config

SAID = "heron-4417-quartz"


def later(days):
    when = datetime.datetime.now(datetime.timezone.utc)
    return (when + datetime.timedelta(days=days)).strftime(
        "%Y-%m-%dT%H:%M:%SZ")


class House(Small):
    """Calls of `good` are kept, for reviewers in DE; those of `south` are
    served and not kept."""

    def __init__(self, where):
        where.mkdir(parents=True, exist_ok=True)
        (where / "master").write_text(os.urandom(32).hex() + "\n")
        (where / "master").chmod(0o600)
        self.origin = lab.Origin(where)
        settings = config(self.origin.url())
        settings["organisations"] = [
            {**row, "headquarters": "DE"} if row["name"] == "south" else row
            for row in settings["organisations"]]
        settings["watch"] = "on"
        settings["content"] = {
            "master": {"file": str(where / "master")}, "free": "1 MiB",
            "classes": [{"name": "kept", "floor": "0 s", "ceiling": "30 d",
                         "bytes": "64 KiB", "when_full": "refuse",
                         "regions": ["DE"]}],
            "reviewers": []}
        permit = POLICIES["seller/permit.cedar"]
        kept = permit.replace('@id("seller-permit")',
                              '@id("seller-kept")\n@retain("kept")').replace(
            "principal,", 'principal in Tenant::"good",')
        self.weir = lab.Weir(where / "weir", settings, {
            **POLICIES, "seller/kept.cedar": kept})
        self.weir.start()
        self.keys, self.ids, self.tokens = {}, {}, {}
        for name, role in (("Ann", "operator"), ("Ben", "operator"),
                           ("Eve", "admin"), ("Rex", "auditor"),
                           ("Fay", "auditor"), ("Vic", "viewer")):
            made = self.weir.json("admins", "create", "--role", role,
                                  "--name", name)
            self.ids[name], self.tokens[name] = made["id"], made["token"]

    def ask(self, who, method, path, body=None):
        return self.api(method, path, self.tokens[who], body)

    def say(self, text, project="good/app"):
        status, headers, body = self.call(
            key=self.key(project),
            messages=[{"role": "user", "content": text}])
        assert status == 200, body
        return headers["weir-request-id"]

    def region(self, name, region):
        """Where content's reviewers sit is configuration."""
        self.weir.config["content"]["reviewers"].append(
            {"name": self.ids[name], "region": region})
        self.weir.write()
        self.weir.cli("reload")

    def case(self, subject):
        """A step of two people opens one; its id."""
        status, made = self.ask("Ann", "POST", "/v1/watch/overrides", {
            "deed": "raise", "subject": subject, "step": "observe",
            "until": later(1), "reason": "a look is needed"})
        assert status == 201, made
        assert self.ask("Ben", "POST",
                        f"/v1/watch/overrides/{made['id']}/approve",
                        {})[0] == 200
        rows = self.ask("Ann", "GET", "/v1/watch/steps?all=true")[1]["steps"]
        kind, name = subject.split(":", 1)
        return next(row["case"] for row in rows
                    if (row["kind"], row["subject"]) == (kind, name))

    def reviewer(self, name, places):
        assert self.ask("Eve", "POST", "/v1/watch/reviewers", {
            "token": self.ids[name], "places": places,
            "until": later(7)})[0] == 200

    def look(self, who, case, *more):
        return self.ask(who, "GET", f"/v1/watch/cases/{case}/calls?until=" +
                        "&".join([later(1), *more]))

    def acts(self, action):
        rows = self.ask("Ann", "GET", "/v1/acts?limit=1000")[1]["acts"]
        return [row for row in rows if row["action"] == action]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("review"))
    try:
        yield made
    finally:
        made.weir.end()
        made.origin.stop()


@pytest.fixture(scope="module")
def asked(house):
    requests = [house.say(f"Write an essay, {SAID} {i}") for i in range(6)]
    for request in requests:
        house.ledgered(request)
        lab.wait_for(lambda: len(house.weir.json(
            "content", "list", "--request", request)["items"]) == 2, 5,
            "the content")
    return requests


@pytest.fixture(scope="module")
def case(house, asked):
    return house.case("tenant:good")


def test_content_is_shown_only_when_asked_for_and_each_view_is_logged(
        house, asked, case):
    house.reviewer("Rex", "DE")
    house.region("Rex", "DE")
    status, quiet = house.look("Rex", case, "count=3")
    assert status == 200, quiet
    assert SAID not in json.dumps(quiet)
    assert {call["content_refusal"] for call in quiet["calls"]} == {
        "retained, and not asked for"}
    assert house.acts("content.view") == []
    status, told = house.look("Rex", case, "count=3", "content=true")
    assert [call["id"] for call in told["calls"]] == [
        call["id"] for call in quiet["calls"]]
    for call in told["calls"]:
        assert call["content_refusal"] is None
        bodies = {body["what"]: body for body in call["content"]}
        assert set(bodies) == {"request", "reply"}
        assert SAID in bodies["request"]["text"]
        assert json.loads(bodies["reply"]["text"])["choices"]
    views = house.acts("content.view")
    assert sorted(row["subject"] for row in views) == sorted(
        2 * [call["id"] for call in told["calls"]])
    for row in views:
        assert row["actor"] == house.ids["Rex"]
        assert row["detail"]["purpose"] == f"review of {case}"
    looks = [row for row in house.acts("watch.look")
             if row["subject"] == case]
    assert looks[0]["detail"]["content"] is True
    assert looks[1]["detail"]["content"] is False


def test_a_reviewer_of_another_region_sees_figures_and_no_word(house, asked,
                                                               case):
    """Fay may look at calls whose data rests in DE, and sits elsewhere."""
    house.reviewer("Fay", "DE")
    house.region("Fay", "AQ")
    before = len(house.acts("content.view"))
    status, told = house.look("Fay", case, "count=2", "content=true")
    assert status == 200, told
    assert SAID not in json.dumps(told)
    for call in told["calls"]:
        assert call["content"] is None and call["features"]["words"] > 0
        assert "other regions" in call["content_refusal"]
    assert len(house.acts("content.view")) == before
    refused = [row for row in house.acts("content.refuse")
               if row["actor"] == house.ids["Fay"]]
    assert {row["subject"] for row in refused} == {
        call["id"] for call in told["calls"]}
    # And who reviews for places where none of the data rests sees nothing.
    house.reviewer("Fay", "AQ")
    status, told = house.look("Fay", case, "content=true")
    assert status == 403 and SAID not in json.dumps(told)
    assert house.acts("watch.look")[0]["detail"]["shown"] == 0


def test_who_is_no_reviewer_or_no_auditor_sees_nothing(house, asked, case):
    for who in ("Ann", "Eve", "Vic"):
        status, told = house.look(who, case, "content=true")
        assert status == 403 and SAID not in json.dumps(told), who


def test_what_is_not_retained_is_not_shown(house, asked):
    request = house.say(f"not kept {SAID}", project="south/polar")
    house.ledgered(request)
    status, told = house.look("Rex", house.case("tenant:south"),
                              "content=true")
    assert status == 200 and [c["id"] for c in told["calls"]] == [request]
    assert told["calls"][0]["content"] is None
    assert told["calls"][0]["content_refusal"] == "not retained"
    assert SAID not in json.dumps(told)


def test_anybody_draws_the_same_sample_again(house, asked, case):
    told = house.look("Rex", case, "count=4", "population=true")[1]
    assert told["seed"] == f"weir watch sample v1\n{case}\n"
    assert set(asked) <= set(told["population"])
    assert told["of"] == len(told["population"])
    drawn = sorted(told["population"], key=lambda request: hashlib.sha256(
        (told["seed"] + request).encode()).digest())[:4]
    assert [call["id"] for call in told["calls"]] == drawn
    again = house.look("Rex", case, "count=4")[1]
    assert [call["id"] for call in again["calls"]] == drawn
    assert "population" not in again


def test_what_was_erased_stays_erased(house, asked, case):
    house.weir.cli("content", "erase", asked[0], "--reason", "asked to")
    told = house.look("Rex", case, "count=200", "content=true")[1]
    gone = next(call for call in told["calls"] if call["id"] == asked[0])
    assert gone["content"] is None and gone["content_refusal"] == "erased"


def test_the_command_shows_it_quoted(house, asked, case):
    house.say("a bell \u0007 and an escape \u001b[2J " + SAID)
    words = ["watch", "cases", "calls", case, "--count", "200", "--until",
             later(1), "--token", house.tokens["Rex"]]
    lab.wait_for(lambda: "[2J" in house.weir.cli(*words, "--content").stdout,
                 10, "the newest call")
    shown = house.weir.cli(*words, "--content").stdout
    assert SAID in shown and "\x1b" not in shown and "\x07" not in shown
    assert SAID not in house.weir.cli(*words).stdout


def test_of_a_cluster_only_its_members_calls_are_shown(house, asked):
    """A reseller's one customer is a member; another one is not."""
    house.say("somebody else's " + SAID, project="south/polar")
    mine = house.say("of the member " + SAID)
    house.ledgered(mine)
    store = sqlite3.connect(house.weir.state / "weir.db", timeout=20)
    with store:
        digest = store.execute("SELECT digest FROM watch_stand WHERE "
                               "kind = 3 AND name = 'good'").fetchone()[0]
        store.execute("INSERT INTO watch_cluster(id, first_us, last_us, "
                      "is_found, z, score, owners, candidates, action) "
                      "VALUES('wc_test', 1, 2, 1, 20, 1, 3, 20, 1)")
        store.execute("INSERT INTO watch_member VALUES('wc_test', 3, ?, "
                      "'good')", (digest,))
    store.close()
    case = house.case("cluster:wc_test")
    told = house.look("Rex", case, "count=200")[1]
    assert mine in [call["id"] for call in told["calls"]]
    assert {call["tenant"] for call in told["calls"]} == {"good"}
