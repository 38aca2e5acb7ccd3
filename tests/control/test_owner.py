# SPDX-License-Identifier: Apache-2.0
"""What the token of a model's owner opens: every route of the admin API is
tried with it, and what opens shows his models' signals and nothing else."""
import json
import re
import sqlite3
import time

import pytest

import lab
from conftest import Place as Small
from small import POLICIES, config

ROUTES = lab.ROOT / "control/api/routes.def"
# What the walk may see, by the role of the row.
STATUS = {"NOBODY": {200}, "MODELS": {200}, "CUSTOMER": {400, 401}}
NAMES = {"maker": "maker", "rival": "rival"}


def routes():
    """(method, path, role) of every row."""
    text = ROUTES.read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return re.findall(r'WEIR_ROUTE\(\s*(\w+),\s*"([^"]+)",\s*(\w+),', text)


def detail(word):
    return json.dumps({"signals": [{"signal": "departure", "value": 9.5,
                                    "line": 3.0, "seen": 41, "expected": 3.2,
                                    "fired": True, "meaning": word,
                                    "benign": "b"}],
                       "evidence": [], "calibration": "1"})


class Place(Small):
    def __init__(self, where):
        where.mkdir(parents=True, exist_ok=True)
        self.origin = lab.Origin(where)
        made = config(self.origin.url())
        made["providers"].append({"name": "rival", "origin": "DE"})
        made["models"].append({**made["models"][0], "name": "n",
                               "provider": "rival"})
        made["deployments"].append({**made["deployments"][0],
                                    "name": "n-one", "model": "n"})
        made["watch"] = "on"
        self.weir = lab.Weir(where / "weir", made, POLICIES)
        self.weir.start()
        self.keys = {}
        self.ids = {}
        self.tokens = {}
        for name in NAMES:
            made = self.weir.json("admins", "create", "--role", "model-owner",
                                  "--provider", name, "--name", name)
            self.ids[name] = made["id"]
            self.tokens[name] = made["token"]
        self.tokens["auditor"] = self.weir.json(
            "admins", "create", "--role", "auditor", "--name", "Rex")["token"]

    def say(self, rows):
        store = sqlite3.connect(self.weir.state / "weir.db", timeout=20)
        with store:
            for at, (kind, name, tenant, provider, word) in enumerate(rows):
                store.execute(
                    "INSERT INTO watch_verdicts(kind, digest, name, tenant,"
                    " provider, window_end_us, calls, window, has_reference,"
                    " score, plain_score, z, fired, kinds, action, detail)"
                    " VALUES(?, ?, ?, ?, ?, ?, 300, 300, 1, 2, 2, 0, 1, 1, 1,"
                    " ?)", (kind, at + 1000, name, tenant, provider,
                            time.time_ns() // 1000 + at, detail(word)))
        store.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = Place(tmp_path_factory.mktemp("owner"))
    request = made.good(model="m")
    made.good(model="n")
    made.ledgered(request)
    made.say([(1, "wk_secret-key", "good", "", "of-key"),
              (3, "good", "good", "", "of-tenant"),
              (6, "good/end", "good", "", "of-customer"),
              (7, "wc_cluster", "", "", "of-cluster"),
              (8, "maker/good", "good", "maker", "of-maker"),
              (8, "rival/good", "good", "rival", "of-rival")])
    yield made
    made.stop()


def fill(path, place):
    """A path with names that are there, so that a refusal is of the role."""
    known = {"{id}": "case_1", "{case}": "case_1", "{name}": "good",
             "{kind}": "model", "{number}": "1", "{organisation}": "good",
             "{tenant}": "good"}
    return re.sub(r"\{\w+\}", lambda found: known.get(found.group(), "x"),
                  path)


def test_every_route_is_closed_to_a_model_owner_but_his_own(place):
    rows = routes()
    assert len(rows) > 100
    assert {role for _, _, role in rows} <= {
        "NOBODY", "CUSTOMER", "MODELS", "VIEWER", "AUDITOR", "OPERATOR",
        "ADMIN"}
    opened = set()
    for method, path, role in rows:
        status, reply = place.api(method, fill(path, place),
                                  place.tokens["maker"],
                                  {} if method in ("POST", "PUT") else None)
        wanted = STATUS.get(role, {403})
        assert status in wanted, (method, path, role, status, reply)
        if status == 403:
            assert "needs the role" in json.dumps(reply), (path, reply)
        if status == 200:
            opened.add(path)
    assert opened == {"/healthz", "/openapi.json", "/v1/watch",
                      "/v1/watch/verdicts", "/v1/watch/subject"}
    # Nothing was done by any of it.
    acts = place.api("GET", "/v1/acts", place.tokens["auditor"])[1]["acts"]
    assert acts and not [act for act in acts
                         if act["actor"] == place.ids["maker"]]


QUERIES = ("/v1/watch?action=none", "/v1/watch?kind=tenant&action=none",
           "/v1/watch?tenant=good&action=none", "/v1/watch/verdicts",
           "/v1/watch/verdicts?limit=1", "/v1/watch/verdicts?after=4",
           "/v1/watch?kind=cluster&action=none&limit=10000")


@pytest.mark.parametrize("name", list(NAMES))
def test_what_opens_shows_his_models_only(place, name):
    other = "rival" if name == "maker" else "maker"
    seen = []
    for path in QUERIES:
        status, reply = place.api("GET", path, place.tokens[name])
        assert status == 200 and "figures" not in reply, (path, reply)
        for row in reply["verdicts"]:
            assert (row["kind"], row["provider"]) == ("models", name), path
        text = json.dumps(reply)
        for word in ("of-key", "of-tenant", "of-customer", "of-cluster",
                     "of-" + other, "wk_secret-key", "wc_cluster"):
            assert word not in text, (path, word)
        seen.append(len(reply["verdicts"]))
    # A page of one is his one, though five rows of others stand before it.
    assert seen[:5] == [1, 1, 1, 1, 1]


def test_an_auditor_sees_them_all(place):
    rows = place.api("GET", "/v1/watch/verdicts",
                     place.tokens["auditor"])[1]["verdicts"]
    assert len(rows) == 6


@pytest.mark.parametrize("subject", [
    "tenant:good", "key:wk_secret-key", "cluster:wc_cluster",
    "models:rival/good", "models:makers/good",
    "models:#00000000000003ec", "end_customer:good/end", "group:good"])
def test_subjects_of_others_are_refused(place, subject):
    status, reply = place.api(
        "GET", "/v1/watch/subject?subject=" + subject.replace("#", "%23"),
        place.tokens["maker"])
    assert status == 403, reply
    assert "of-" not in json.dumps(reply)


def test_his_subject_says_nothing_of_who_decided(place):
    def counted():
        return place.api("GET", "/v1/watch/subject?subject=models:maker/good",
                         place.tokens["maker"])[0] == 200
    lab.wait_for(counted, 10, "the call is counted")
    place.weir.cli("watch", "reference", "models:maker/good", "renew",
                   "--reason", "what the seller thinks of it")
    status, reply = place.api(
        "GET", "/v1/watch/subject?subject=models:maker/good",
        place.tokens["maker"])
    assert status == 200 and "seller thinks" not in json.dumps(reply)
    assert reply["cluster"] == "" and reply["tenant"] == "good"
