# SPDX-License-Identifier: Apache-2.0
"""Exceptions: two persons, exactly so many calls over all workers, gone at
once when revoked or over, and as the ledger after a cold start."""
import collections
import datetime
import json
import threading
import time

import pytest

import lab
from small import POLICIES, config

EXCEPTED = POLICIES["providers/maker/terms.cedar"].replace(
    'when { principal.organization.headquarters == Jurisdiction::"AQ" };',
    'when { principal.organization.headquarters == Jurisdiction::"AQ" }\n'
    'unless { context has exception &&\n'
    '    context.exception == Exception::"polar" };')
CLIENTS = 16


def later(seconds):
    when = (datetime.datetime.now(datetime.timezone.utc) +
            datetime.timedelta(seconds=seconds))
    return when.isoformat(timespec="microseconds").replace("+00:00", "Z")


class Place:
    def __init__(self, where):
        where.mkdir(parents=True, exist_ok=True)
        self.origin = lab.Origin(where)
        world = config(self.origin.url())
        world["workers"] = 4
        self.weir = lab.Weir(where / "weir", world,
                             {**POLICIES,
                              "providers/maker/terms.cedar": EXCEPTED})
        self.weir.start()
        self.key = self.weir.key("south/polar")
        self.tokens = {name: self.token(name) for name in ("Ann", "Ben")}
        self.again = self.token("ann")

    def token(self, name):
        done = self.weir.cli("admins", "create", "--role", "operator",
                             "--name", name, "--json")
        return json.loads(done.stdout)["token"]

    def api(self, method, path, who, body=None):
        token = self.tokens.get(who, who)
        status, _, reply = lab.exchange(
            self.weir.admin_port, method, path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": "Bearer " + token})
        return status, json.loads(reply)

    def ask(self, who="Ann", **more):
        terms = {"name": "polar", "owner": "Sales", "reason": "a licence",
                 "tenant": "south", "until": later(3600), **more}
        return self.api("POST", "/v1/exceptions", who, terms)

    def granted(self, **more):
        status, reply = self.ask(**more)
        assert status == 201, reply
        status, said = self.api(
            "POST", "/v1/exceptions/%s/approve" % reply["id"], "Ben", {})
        assert status == 200, said
        return reply["id"]

    def revoke(self, name):
        status, reply = self.api("POST", "/v1/exceptions/%s/revoke" % name,
                                 "Ben", {"reason": "over"})
        assert status == 200, reply

    def row(self, name):
        rows = self.api("GET", "/v1/exceptions", "Ben")[1]["exceptions"]
        return next(row for row in rows if row["id"] == name)

    def call(self, **more):
        body = {"model": "m", "messages": [], **more}
        status, self.headers, reply = lab.exchange(
            self.weir.port, "POST", "/v1/chat/completions",
            json.dumps(body).encode(),
            {"Authorization": "Bearer " + self.key,
             "Content-Type": "application/json"})
        code = "" if status == 200 else json.loads(reply)["error"]["code"]
        return status, code

    def stop(self):
        self.weir.stop()
        self.origin.stop()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = Place(tmp_path_factory.mktemp("exceptions"))
    yield made
    made.stop()


def storm(place, calls):
    """So many calls by clients beside each other; how they ended."""
    ends = collections.Counter()
    lock = threading.Lock()

    def client(number):
        for _ in range(number, calls, CLIENTS):
            end = place.call()
            with lock:
                ends[end] += 1

    threads = [threading.Thread(target=client, args=(i,))
               for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ends


def test_exactly_as_many_calls_pass_as_were_granted(place):
    assert place.call() == (403, "policy_forbids")
    name = place.granted(calls="37")
    ends = storm(place, 160)
    assert ends == {(200, ""): 37, (403, "exception_spent"): 123}
    row = place.row(name)
    assert row["state"] == "spent"
    assert row["quantities"]["calls"] == {
        "granted": 37, "used": 37, "held": 0, "left": 0}
    # another one goes on where this one ended, to the unit
    second = place.granted(calls="5")
    ends = storm(place, 48)
    assert ends[(200, "")] == 5 and sum(ends.values()) == 48
    place.revoke(name)
    place.revoke(second)
    assert place.call() == (403, "policy_forbids")


def test_tokens_and_money_are_held_before_they_are_spent(place):
    name = place.granted(tokens="100")
    assert place.call(max_tokens=200)[1] == "exception_spent"
    assert place.call(max_tokens=60)[0] == 200
    row = place.row(name)["quantities"]["tokens"]
    assert 0 < row["used"] <= 100 and row["held"] == 0
    assert row["left"] == 100 - row["used"]
    place.revoke(name)
    name = place.granted(money="0.000001")
    assert place.call(max_tokens=1)[1] == "exception_spent"
    place.revoke(name)


def test_the_explanation_names_the_exception_and_decides_the_same(place):
    name = place.granted(calls="1")
    assert place.call()[0] == 200
    request = place.headers["weir-request-id"]
    assert place.call() == (403, "exception_spent")

    def closed():
        done = place.weir.cli("explain", request, "--json", check=False)
        told = json.loads(done.stdout) if done.returncode < 2 else {}
        return told if told.get("state") not in (None, "open") else None

    told = lab.wait_for(closed, 10, "the call in the ledger")
    assert told["who"]["exception"] == name
    assert told["is_same"] is True
    assert "let through by the exception " + name in place.weir.cli(
        "explain", request).stdout
    place.revoke(name)


def test_who_asks_does_not_approve_under_any_token_of_that_name(place):
    status, reply = place.ask(calls="1")
    path = "/v1/exceptions/%s/approve" % reply["id"]
    for who in ("Ann", place.again):
        status, said = place.api("POST", path, who, {})
        assert status == 403, said
        assert "second person" in json.dumps(said)
    done = place.weir.cli("exception", "approve", reply["id"], check=False)
    assert done.returncode != 0 and "token of your own" in done.stderr
    assert place.call() == (403, "policy_forbids")
    assert place.api("POST", path, "Ben", {})[0] == 200
    assert place.api("POST", path, "Ben", {})[0] == 409
    place.revoke(reply["id"])
    # nobody in particular may ask, and then nobody can approve
    done = place.weir.cli(
        "exception", "request", "--name", "polar", "--owner", "Sales",
        "--reason", "r", "--tenant", "south", "--calls", "1", "--until",
        later(60), "--json")
    own = json.loads(done.stdout)["id"]
    status, said = place.api(
        "POST", "/v1/exceptions/%s/approve" % own, "Ben", {})
    assert status == 403 and "nobody in particular" in json.dumps(said)


def test_revoked_acts_when_the_deed_returns(place):
    name = place.granted(calls="1000")
    assert place.call()[0] == 200
    place.revoke(name)
    for _ in range(20):
        assert place.call() == (403, "policy_forbids")
    row = place.row(name)
    assert row["state"] == "revoked" and row["revoked_by"] == "Ben"


def test_expired_acts_by_the_clock_of_the_call(place):
    name = place.granted(calls="1000", until=later(2))
    assert place.call()[0] == 200
    time.sleep(2.1)
    assert place.call() == (403, "policy_forbids")
    assert place.row(name)["state"] == "expired"


def test_terms_that_make_no_sense_are_refused(place):
    for more, status in (
            ({}, 400), ({"calls": "x"}, 400), ({"calls": "-1"}, 400),
            ({"calls": "1", "until": later(-5)}, 400),
            ({"calls": "1", "until": ""}, 400),
            ({"calls": "1", "reason": ""}, 400),
            ({"calls": "1", "name": "a b"}, 400),
            ({"calls": "1", "tenant": "nobody"}, 404),
            ({"calls": "1", "model": "none"}, 404),
            ({"calls": "1", "region": "nowhere"}, 404),
            ({"calls": "1", "project": "south/polar"}, 400),
            ({"calls": "1", "model": "m", "provider": "maker"}, 400)):
        assert place.ask(**more)[0] == status, more


def test_the_report_lists_what_was_asked_for_approved_and_used(place):
    name = place.granted(calls="3", project="south/polar", tenant="",
                         model="m", jurisdiction="DE", licence="L-77")
    assert place.call()[0] == 200
    text = place.weir.cli("exception", "list").stdout
    line = next(part for part in text.split("\nex_") if name[3:] in part)
    for word in ("in force", "polar", "project south/polar", "model m",
                 "jurisdiction DE", "L-77", "2 of 3 left", "asked by Ann",
                 "approved by Ben"):
        assert word in line, line
    listed = json.loads(place.weir.cli("exception", "list", "--state",
                                       "in force", "--json").stdout)
    assert [row["id"] for row in listed["exceptions"]] == [name]
    place.revoke(name)


def test_what_is_left_is_as_the_ledger_after_a_cold_start(place):
    name = place.granted(calls="6")
    assert storm(place, 4) == {(200, ""): 4}
    time.sleep(1.5)
    place.weir.stop()
    (place.weir.run / "quota").unlink()
    place.weir.start()
    assert place.row(name)["quantities"]["calls"]["used"] == 4
    assert storm(place, 32)[(200, "")] == 2
    place.revoke(name)


def test_the_schedule_asks_with_the_exceptions_that_there_are(place):
    from_, until = later(86400), later(2 * 86400)
    name = place.granted(calls="5", **{"from": from_, "until": until})

    def restored():
        told = place.weir.json("schedule", "--days", "7")
        rows = [row for row in told["moments"]
                if row["at"] in (from_, until)]
        return [(row["effects"]["restored"], row["effects"]["cut_off"],
                 [group["tenant"] for group in row["groups"]])
                for row in rows]

    def drawn():
        told = place.weir.json("simulate", "--population", "all", "--at",
                               from_)
        return told["effects"]["restored"]["calls"]

    try:
        assert restored() == [(1, 0, ["south"]), (0, 1, ["south"])]
        status, reply = place.ask(calls="5",
                                  **{"from": from_, "until": until})
        assert status == 201, reply  # asked for and not approved: nothing
        assert restored() == [(1, 0, ["south"]), (0, 1, ["south"])]
        assert drawn() > 0
    finally:
        place.revoke(name)
    assert restored() == [] and drawn() == 0
