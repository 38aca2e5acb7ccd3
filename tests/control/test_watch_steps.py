# SPDX-License-Identifier: Apache-2.0
"""Steps of the watch: from a verdict to what workers do, two people for what
goes past the ladder, reviewers of a place, the report."""
import concurrent.futures
import datetime
import hashlib
import json
import sqlite3
import time

import pytest

import lab
from conftest import Place as Small
from small import POLICIES, config

MONITORED = POLICIES["seller/permit.cedar"].replace(
    'permit (', '@monitor("steps=observe,slow,strip,hold; ask=suspend; '
    'explain=0m; clean=1; slow=60000")\npermit (')
DETAIL = json.dumps({
    "signals": [{"signal": "departure", "value": 9.5, "line": 3.0, "seen": 41,
                 "expected": 3.2, "fired": True, "meaning": "m",
                 "benign": "b"}], "evidence": [], "calibration": "1"})


def later(days):
    when = datetime.datetime.now(datetime.timezone.utc)
    return (when + datetime.timedelta(days=days)).isoformat(
        timespec="seconds").replace("+00:00", "Z")


class Place(Small):
    def __init__(self, where):
        where.mkdir(parents=True, exist_ok=True)
        self.origin = lab.Origin(where)
        self.weir = lab.Weir(where / "weir", config(self.origin.url()),
                             {**POLICIES, "seller/permit.cedar": MONITORED})
        self.weir.start()
        self.keys = {}
        self.ids = {}
        self.tokens = {name: self.token(name, role) for name, role in
                       (("Ann", "operator"), ("Ben", "operator"),
                        ("ann", "operator"), ("Eve", "admin"),
                        ("Rex", "auditor"))}

    def token(self, name, role):
        made = self.weir.json("admins", "create", "--role", role, "--name",
                              name)
        self.ids[name] = made["id"]
        return made["token"]

    def ask(self, who, method, path, body=None):
        return self.api(method, path, self.tokens[who], body)

    def override(self, deed, subject, **more):
        """Ann asks, Ben approves; the id."""
        status, reply = self.ask("Ann", "POST", "/v1/watch/overrides",
                                 {"deed": deed, "subject": subject,
                                  "reason": "a reason", **more})
        assert status == 201, reply
        status, said = self.ask("Ben", "POST", "/v1/watch/overrides/%s/approve"
                                % reply["id"], {})
        assert status == 200, said
        return reply["id"]

    def stand(self, subject):
        rows = self.ask("Ann", "GET", "/v1/watch/steps?all=true")[1]["steps"]
        kind, name = subject.split(":", 1)
        return next(row for row in rows
                    if (row["kind"], row["subject"]) == (kind, name))

    def say(self, subject, calls, kinds, action):
        """The watch has scored a window: a row of its own table."""
        kind, name = {"tenant": 3, "key": 1}[subject.split(":")[0]], \
            subject.split(":", 1)[1]
        store = sqlite3.connect(self.weir.state / "weir.db", timeout=20)
        with store:
            digest = store.execute(
                "SELECT digest FROM watch_stand WHERE kind = ? AND name = ?",
                (kind, name)).fetchone()[0]
            store.execute(
                "INSERT INTO watch_verdicts(kind, digest, name, tenant,"
                " provider, window_end_us, calls, window, has_reference,"
                " score, plain_score, z, fired, kinds, action, detail)"
                " VALUES(?, ?, ?, '', '', ?, ?, 300, 1, 2, 2, 0, 1, ?, ?, ?)",
                (kind, digest, name, time.time_ns() // 1000, calls, kinds,
                 action, DETAIL))
        store.close()

    def known(self, subject):
        """A stand is there, and nothing stands."""
        self.ask("Ben", "POST", "/v1/watch/overrides/%s/revoke"
                 % self.override("exempt", subject, until=later(1)),
                 {"reason": "over"})

    def tries(self):
        status, _, body = self.call()
        return status, body.decode(errors="replace")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = Place(tmp_path_factory.mktemp("watch_steps"))
    yield made
    made.stop()


def test_a_raise_needs_two_people_and_acts_in_every_worker(place):
    status, reply = place.ask("Ann", "POST", "/v1/watch/overrides",
                              {"deed": "raise", "subject": "tenant:good",
                               "step": "suspend", "until": later(1),
                               "reason": "a court"})
    assert status == 201, reply
    approve = "/v1/watch/overrides/%s/approve" % reply["id"]
    assert place.tries()[0] == 200
    for who in ("Ann", "ann"):
        assert place.ask(who, "POST", approve, {})[0] == 403
    assert place.ask("Ben", "POST", approve, {})[0] == 200
    case = place.stand("tenant:good")["case"]
    for _ in range(8):
        status, body = place.tries()
        assert status != 200
        assert case in body
    # It is in the log with both names, and the customer was told.
    acts = place.ask("Ann", "GET", "/v1/acts")[1]["acts"]
    assert [act["action"] for act in acts if act["subject"] in
            (reply["id"], case)][:4] == [
                "watch.step", "case.raised", "watch.override.approve",
                "watch.override.request"]
    told = place.api("GET", "/v1/my/watch", place.key())[1]["steps"]
    assert [row["case"] for row in told] == [case]
    notices = place.api("GET", "/v1/my/notices", place.key())[1]["notices"]
    assert any(case in notice["text"] and notice["type"] == "watch.step"
               for notice in notices)
    # One person may bring the rules back.
    status, said = place.ask("Ann", "POST", "/v1/watch/overrides/%s/revoke"
                             % reply["id"], {"reason": "the court said no"})
    assert status == 200, said
    assert place.tries()[0] == 200


def test_a_verdict_is_enforced_within_five_seconds(place):
    place.known("tenant:good")
    seen = []
    for number, step in ((1, "observe"), (2, "slow"), (3, "strip"),
                         (4, "hold")):
        started = time.monotonic()
        place.say("tenant:good", 10000 * number, 2, 4)
        lab.wait_for(lambda: place.stand("tenant:good")["step"] == step, 5,
                     step)
        seen.append(time.monotonic() - started)
    status, body = place.tries()
    assert status != 200 and place.stand("tenant:good")["case"] in body
    assert max(seen) < 5
    # Clean windows lead down again, a rung each.
    for number, step in ((5, "strip"), (6, "slow"), (7, "observe"),
                         (8, "none")):
        place.say("tenant:good", 10000 * number, 0, 0)
        lab.wait_for(lambda: place.stand("tenant:good")["step"] == step, 5,
                     step)
    assert place.tries()[0] == 200


def test_a_step_survives_the_death_of_control(place):
    place.known("tenant:good")
    place.say("tenant:good", 200000, 2, 4)
    lab.wait_for(lambda: place.stand("tenant:good")["step"] == "observe", 5,
                 "observe")
    identifier = place.override("raise", "tenant:good", step="hold",
                                until=later(1))
    assert place.tries()[0] != 200
    place.weir.process.child.kill()
    place.weir.process.child.wait()
    assert place.tries()[0] != 200
    place.weir.start()
    assert place.tries()[0] != 200
    assert place.stand("tenant:good")["step"] == "hold"
    place.ask("Ann", "POST", "/v1/watch/overrides/%s/revoke" % identifier,
              {"reason": "over"})
    assert place.tries()[0] == 200


def test_appeal_and_the_second_person(place):
    place.override("raise", "tenant:good", step="hold", until=later(1))
    case = place.stand("tenant:good")["case"]
    status, said = place.api("POST", "/v1/my/watch/%s/appeal" % case,
                             place.key(), {"text": "we test our own product"})
    assert status == 200, said
    other = place.key("young/start")
    assert place.api("POST", "/v1/my/watch/%s/appeal" % case, other,
                     {"text": "x"})[0] == 404
    words = ["watch", "cases", "decide", case, "--clear", "--reason", "tests"]
    assert place.weir.cli(*words, "--token",
                          place.tokens["Ann"]).returncode == 0
    assert place.tries()[0] != 200
    again = ["watch", "cases", "restore", case, "--reason", "agreed"]
    assert place.weir.cli(*again, "--token", place.tokens["ann"],
                          check=False).returncode > 2
    place.weir.cli(*again, "--token", place.tokens["Ben"])
    assert place.tries()[0] == 200
    shown = place.weir.json("watch", "steps", "show", case)
    assert shown["step"] == "none"
    assert [deed["change"] for deed in shown["deeds"]] == ["raised", "lifted"]


def rank(case, request):
    return hashlib.sha256(b"weir watch sample v1\n" + case.encode() + b"\n" +
                          request.encode()).digest()


def test_a_reviewer_sees_a_sample_of_his_places_and_every_look_is_logged(
        place):
    requests = [place.good() for _ in range(12)]
    for request in requests:
        place.ledgered(request)
    place.override("raise", "tenant:good", step="observe", until=later(1))
    case = place.stand("tenant:good")["case"]
    path = "/v1/watch/cases/%s/calls?count=5&until=%s" % (case, later(1))
    assert place.ask("Rex", "GET", path)[0] == 403

    def name(who, places, by="Eve", until=later(7)):
        return place.ask(by, "POST", "/v1/watch/reviewers",
                         {"token": place.ids[who], "places": places,
                          "until": until})[0]
    assert name("Eve", "DE") == 403
    assert name("Rex", "DE", until=later(100)) == 400
    assert name("Rex", "XX") == 400
    assert name("Rex", "AQ") == 200
    assert place.ask("Rex", "GET", path)[0] == 403
    assert name("Rex", "AQ DE") == 200
    status, reply = place.ask("Rex", "GET", path)
    assert status == 200, reply
    again = place.ask("Rex", "GET", path)[1]
    assert reply["calls"] == again["calls"]
    drawn = [call["id"] for call in reply["calls"]]
    every = place.ask("Rex", "GET", path.replace("count=5", "count=200"))[1]
    population = [call["id"] for call in every["calls"]]
    assert set(requests) <= set(population)
    assert drawn == sorted(population, key=lambda r: rank(case, r))[:5]
    for call in reply["calls"]:
        assert call["content"] is None
        assert call["content_refusal"] == "not retained"
        assert call["stored_in"] == ("DE" if call["http_status"] == 200
                                     else "")
    looks = [act for act in place.ask("Ann", "GET", "/v1/acts")[1]["acts"]
             if act["action"] == "watch.look" and act["subject"] == case]
    assert len(looks) == 4
    assert looks[-1]["detail"]["shown"] == 0
    assert name("Rex", "") == 200
    assert place.ask("Rex", "GET", path)[0] == 403


def test_every_override_is_in_the_report(place):
    identifier = place.override("exempt", "tenant:good", until=later(3))
    report = place.weir.json("watch", "report")
    rows = {row["id"]: row for row in report["overrides"]}
    assert rows[identifier]["requested_by"] == "Ann"
    assert rows[identifier]["approved_by"] == "Ben"
    assert [row["id"] for row in report["exempt_now"]] == [identifier]
    sizes = {row["size"]: row for row in report["customers"]}
    assert sum(row["customers"] for row in report["customers"]) == 3
    largest = sizes["largest 10 %"]
    assert largest["spend_micros"] > 0
    assert largest["steps"]["hold"] >= 2 and largest["appeals"] >= 1
    assert sum(row["overrides"]["exempt"]
               for row in report["customers"]) >= 1
    # An empty period has no overrides, and still what is in force.
    empty = place.weir.json("watch", "report", "--from", "2020-01-01", "--to",
                            "2020-02-01")
    assert empty["overrides"] == []
    assert [row["id"] for row in empty["exempt_now"]] == [identifier]
    text = place.weir.cli("watch", "report").stdout
    assert identifier in text and "largest 10 %" in text


def granted(place, **more):
    status, reply = place.ask("Ann", "POST", "/v1/watch/grants", {
        "tenant": "good", "owner": "Sales", "reason": "contract 7",
        "until": later(1), **more})
    assert status == 201, reply
    approve = "/v1/exceptions/%s/approve" % reply["id"]
    assert place.ask("ann", "POST", approve, {})[0] == 403
    status, said = place.ask("Ben", "POST", approve, {})
    assert status == 200, said
    return reply["id"]


def storm(place, calls, clients=6):
    """How calls beside each other ended."""
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        ends = list(pool.map(lambda _: place.call(), range(calls)))
    return [end for end in ends if end[0] == 200], \
        [end for end in ends if end[0] != 200]


def test_a_grant_lets_exactly_so_many_outputs_through_a_step(place):
    hold = place.override("raise", "tenant:good", step="hold", until=later(1))
    assert storm(place, 4)[0] == []
    # Another purpose, another tenant: not in its scope.
    granted(place, calls="5", purpose="resale")
    granted(place, calls="5", tenant="young")
    assert storm(place, 4)[0] == []
    grant = granted(place, calls="7", purpose="test", model="m")
    good, bad = storm(place, 24)
    assert len(good) == 7 and len(bad) == 17
    for end in good:
        place.ledgered(end[1]["weir-request-id"])
    rows = {row["id"]: row for row in
            place.weir.json("watch", "grant")["grants"]}
    assert rows[grant]["state"] == "spent"
    assert rows[grant]["quantities"]["calls"]["left"] == 0
    assert rows[grant]["purpose"] == "test"
    assert grant not in str(place.weir.json("exception", "list"))
    # Revoked, it ends at once, with something left.
    other = granted(place, calls="100")
    assert place.tries()[0] == 200
    place.weir.cli("watch", "grant", "revoke", other, "--reason", "over")
    assert place.tries()[0] != 200
    place.ask("Ann", "POST", "/v1/watch/overrides/%s/revoke" % hold,
              {"reason": "over"})
    # Nothing is charged to what is spent: calls go on as before.
    assert place.tries()[0] == 200


def test_the_report_lists_grants_with_both_names_and_what_was_used(place):
    def report():
        return place.ask("Rex", "GET", "/v1/watch/report")[1]

    def granted(said):
        return sum(row["grants"] for row in said["customers"])
    before = report()
    status, made = place.ask("Ann", "POST", "/v1/watch/grants",
                             {"owner": "legal", "reason": "a licence of ours",
                              "licence": "D-9", "tenant": "good",
                              "model": "m", "calls": "7", "until": later(2)})
    assert status == 201, made
    asked = next(row for row in report()["grants"] if row["id"] == made["id"])
    assert (asked["state"], asked["requested_by"], asked["approved_by"]) == (
        "requested", "Ann", "")
    assert granted(report()) == granted(before)
    status, said = place.ask("Ben", "POST", "/v1/exceptions/%s/approve"
                             % made["id"], {})
    assert status == 200, said
    for _ in range(3):
        assert place.tries()[0] == 200

    def used():
        rows = [row for row in report()["grants"] if row["id"] == made["id"]]
        return rows[0] if rows[0]["quantities"]["calls"]["used"] == 3 else None
    row = lab.wait_for(used, 10, "the ledger")
    assert row["quantities"] == {"calls": {"granted": 7, "used": 3}}
    assert (row["state"], row["approved_by"], row["party"], row["target"],
            row["licence"]) == ("in force", "Ben", "good", "m", "D-9")
    said = report()
    assert granted(said) == granted(before) + 1
    # In the class of the customer whose calls they are.
    assert not [row for row in said["customers"]
                if row["size"] == "of several" and row["grants"]]
    text = place.weir.cli("watch", "report", "--token",
                          place.tokens["Rex"]).stdout
    assert "3 of 7 calls used" in text and "approved by Ben" in text
    past = place.ask("Rex", "GET", "/v1/watch/report?from=2020-01-01"
                     "&to=2020-02-01")[1]
    assert past["grants"] == [] and granted(past) == 0
    place.ask("Ann", "POST", "/v1/exceptions/%s/revoke" % made["id"],
              {"reason": "over"})
    assert next(row for row in report()["grants"]
                if row["id"] == made["id"])["revoked_by"] == "Ann"
