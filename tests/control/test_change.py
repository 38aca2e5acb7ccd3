# SPDX-License-Identifier: Apache-2.0
"""What customers see of a change: the end of a model, what is listed and not
served, withdrawals of every kind, notices and their deliveries."""
import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import threading
import time

import pytest

import lab
from small import POLICIES, config

MAKERS = [{"name": "fjord", "title": "Fjord Models", "origin": "DE",
           "terms": "fjord-1", "licence": "fjord-closed"},
          {"name": "fog", "title": "Fog Models", "terms": "fog-1",
           "licence": "fog-closed"}]
ENTRIES = [
    {"name": "fjord-one", "maker": "fjord", "family": "fjord",
     "price": {"input": "1", "output": "2"}, "deprecated": "2026-01-01",
     "sunset": "2099-01-01T00:00:00Z", "successor": "m",
     "more": "https://fjord.example/end"},
    {"name": "fog-one", "maker": "fog",
     "price": {"input": "1", "output": "2"}},
    {"name": "lost-one"},
]


class Receiver(http.server.BaseHTTPRequestHandler):
    seen = []
    answers = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        Receiver.seen.append((dict(self.headers), body))
        self.send_response(Receiver.answers.pop(0) if Receiver.answers
                           else 204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


class Place:
    def __init__(self, where):
        where.mkdir(parents=True, exist_ok=True)
        self.origin = lab.Origin(where)
        world = config(self.origin.url())
        world["makers"] = MAKERS
        world["terms"] = [{"name": "fjord-1", "version": "1"},
                          {"name": "fog-1", "version": "1"}]
        world["catalogue"] = ENTRIES
        world["routes"] = [{"name": "alias", "candidates": ["m-one"]}]
        world["deployments"].append(
            {**world["deployments"][0], "name": "fjord-one-here",
             "model": "fjord-one"})
        self.world = world
        self.weir = lab.Weir(where / "weir", world, POLICIES)
        self.weir.start()
        self.key = self.weir.key("good/app")

    def call(self, model, key=None):
        body = {"model": model, "messages": []}
        return lab.exchange(
            self.weir.port, "POST", "/v1/chat/completions",
            json.dumps(body).encode(),
            {"Authorization": "Bearer " + (key or self.key),
             "Content-Type": "application/json"})

    def models(self, query=""):
        status, _, body = lab.exchange(
            self.weir.port, "GET", "/v1/models" + query, None,
            {"Authorization": "Bearer " + self.key})
        return status, json.loads(body)

    def api(self, method, path, key=None, body=None):
        status, _, reply = lab.exchange(
            self.weir.admin_port, method, path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": "Bearer " + key} if key else {})
        return status, json.loads(reply)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = Place(tmp_path_factory.mktemp("change"))
    yield made
    made.weir.stop()
    made.origin.stop()


# ------------------------------------------------------------ the catalogue

def test_an_entry_with_a_deployment_is_served_and_says_how_it_ends(place):
    status, headers, body = place.call("fjord-one")
    assert status == 200, body
    assert headers["sunset"] == "Thu, 01 Jan 2099 00:00:00 GMT"
    assert headers["deprecation"] == "@1767225600"
    assert headers["link"] == (
        '</v1/models/m>; rel="successor-version", '
        '<https://fjord.example/end>; rel="sunset"')


def test_a_model_without_an_end_says_nothing_of_one(place):
    status, headers, _ = place.call("m")
    assert status == 200
    assert not {"sunset", "deprecation", "link"} & set(headers)


def test_what_is_listed_is_shown_with_what_it_lacks_and_cannot_be_called(
        place):
    names = {row["id"] for row in place.models()[1]["data"]}
    assert names == {"m", "alias", "fjord-one"}
    rows = {row["id"]: row for row in place.models("?all=1")[1]["data"]}
    assert set(rows) == names | {"fog-one", "lost-one"}
    text = json.dumps(rows["fog-one"])
    assert "not_servable" in text
    assert "lacks origin, deployment" in text
    status, one = place.models("/lost-one?all=1")
    assert status == 200
    assert "origin, terms, licence, price, deployment" in json.dumps(one)
    assert place.models("/lost-one")[0] == 404
    status, _, body = place.call("fog-one")
    assert status == 404
    error = json.loads(body)["error"]
    assert error["code"] == "not_servable"
    assert "lacks origin" in error["message"]


def test_the_admin_api_lists_it_too(place):
    token = place.weir.json("admins", "create", "--role", "viewer", "--name",
                            "test")["token"]
    plain = place.api("GET", "/v1/models", token)[1]["models"]
    every = place.api("GET", "/v1/models?all=1", token)[1]["models"]
    assert {row["name"] for row in plain} == {"m", "fjord-one"}
    rows = {row["name"]: row for row in every}
    assert rows["lost-one"]["lacks"] == ["origin", "terms", "licence", "price",
                                         "deployment"]
    assert rows["fog-one"]["is_served"] is False


def test_a_deployment_of_an_incomplete_entry_fails_check_and_reload(place):
    world = json.loads(json.dumps(place.world))
    world["deployments"].append({**world["deployments"][0], "name": "bad",
                                 "model": "fog-one"})
    good = place.weir.file.read_text()
    try:
        place.weir.file.write_text(json.dumps(world))
        done = place.weir.cli("check", check=False)
        assert done.returncode != 0
        assert "lists without origin" in done.stdout + done.stderr
        assert place.weir.cli("reload", check=False).returncode != 0
        assert place.call("m")[0] == 200
    finally:
        place.weir.file.write_text(good)
        place.weir.cli("reload")


def test_list_keeps_what_is_lawful_apart_from_what_is_reliable(place):
    for _ in range(3):
        assert place.call("m")[0] == 200
    south = place.weir.key("south/polar")
    assert place.call("m", south)[0] == 403
    keys = place.weir.json("keys", "list")["keys"]
    ids = {row["tenant"]: row["id"] for row in keys}

    def rows(*words):
        told = place.weir.json("catalogue", "list", *words)
        return {row["name"]: row for row in told["entries"]}
    lab.wait_for(lambda: sum(row["good"] for row in
                             rows()["m"]["reliability"]) >= 3, 10,
                 "the ledger")
    every = rows()
    assert every["m"]["legal"]["keys_denied"] == 1
    assert every["m"]["legal"]["keys_allowed"] >= 1
    assert every["m"]["reliability"][0]["success_ppm"] == 1000000
    assert every["m"]["reliability"][0]["total_us_p95"] > 0
    assert every["fog-one"]["legal"] is None
    assert every["fog-one"]["lacks"] == ["origin", "deployment"]
    theirs = rows("--key", ids["south"])["m"]
    assert theirs["legal"]["verdict"] == "deny"
    assert theirs["legal"]["policies"] == ["maker-places"]
    # reliable all the same
    assert theirs["reliability"][0]["success_ppm"] == 1000000
    assert rows("--key", ids["good"])["m"]["legal"]["verdict"] == "allow"


# -------------------------------------------------------------- withdrawals

@pytest.mark.parametrize("kind,name,left", [
    ("model", "m", {"m": 403, "alias": 403, "fjord-one": 200}),
    ("deployment", "m-one", {"m": 403, "alias": 403, "fjord-one": 200}),
    ("provider", "maker", {"m": 403, "alias": 403, "fjord-one": 200}),
    ("provider", "fjord", {"m": 200, "alias": 200, "fjord-one": 403}),
    ("organisation", "good", {"m": 403, "alias": 403, "fjord-one": 403}),
    ("organisation", "seller", {"m": 403, "alias": 403, "fjord-one": 403}),
    ("jurisdiction", "DE", {"m": 403, "alias": 403, "fjord-one": 403}),
])
def test_each_kind_of_withdrawal_acts_on_names_and_aliases_and_goes(
        place, kind, name, left):
    place.weir.cli("withdraw", kind, name, "--reason", "test")
    try:
        told = {model: place.call(model)[0] for model in left}
        assert told == left
    finally:
        place.weir.cli("restore", kind, name)
    assert {model: place.call(model)[0] for model in left} == dict.fromkeys(
        left, 200)


def test_a_withdrawal_of_something_nobody_knows_is_refused(place):
    for kind, name in (("model", "alias"), ("model", "nothing"),
                       ("provider", "m"), ("jurisdiction", "XX"),
                       ("family", "fjord")):
        assert place.weir.cli("withdraw", kind, name,
                              check=False).returncode != 0


# ------------------------------------------------------------------ notices

@pytest.fixture
def silent(place):
    """Nobody has a notice that waits: what is open then is the test's own."""
    def open_ones(**query):
        return place.weir.json("notices", "list", "--open", *(
            word for name, value in query.items()
            for word in ("--" + name, value)))["notices"]
    for row in open_ones():
        place.weir.cli("notices", "acknowledge", row["id"])
    return open_ones


def test_a_withdrawal_is_told_to_whom_it_touches_and_nobody_else(
        place, silent):
    place.weir.key("south/polar")  # refused by the maker's policy anyway
    done = place.weir.json("withdraw", "model", "fjord-one", "--reason",
                           "its maker stops", "--deadline", "2099-02-01")
    try:
        notice, = silent(tenant="good")
        assert (notice["type"], notice["subject"]) == ("model.withdrawn",
                                                       "fjord-one")
        assert "refused: model fjord-one is withdrawn (its maker stops). " \
            "Use m." in notice["text"]
        assert notice["target"] == "m"  # the catalogue's successor
        assert notice["deadline_us"] == 4073587200000000
        assert notice["reason"] == "withdrawn"
        assert done["notices"] == len(silent())
    finally:
        back = place.weir.json("restore", "model", "fjord-one")
    notice = silent(tenant="good")[0]
    assert (notice["type"], notice["subject"]) == ("model.restored",
                                                   "fjord-one")
    assert notice["deadline_us"] is None and notice["target"] == ""
    assert back["notices"] == done["notices"]


def test_a_provider_is_told_by_name_of_model_and_not_where_policy_refused(
        place, silent):
    place.weir.key("south/polar")
    place.weir.cli("withdraw", "provider", "maker", "--target", "fjord-one")
    try:
        rows = silent(tenant="good")
        assert {row["subject"] for row in rows} == {"m", "alias"}
        assert {row["target"] for row in rows} == {"fjord-one"}
        assert silent(tenant="south") == []
    finally:
        place.weir.cli("restore", "provider", "maker")
    assert silent(tenant="south") == []


def test_an_organisation_is_told_of_each_of_its_models(place, silent):
    place.weir.cli("withdraw", "organisation", "good")
    try:
        assert {row["subject"] for row in silent()} == {"m", "alias",
                                                        "fjord-one"}
        assert {row["tenant"] for row in silent()} == {"good"}
    finally:
        place.weir.cli("restore", "organisation", "good")


def test_a_notice_is_read_and_acknowledged_by_the_customer(place, silent):
    other = place.weir.key("young/start")
    known = {row["id"] for key in (place.key, other)
             for row in place.api("GET", "/v1/my/notices", key)[1]["notices"]}

    def mine(key):
        status, told = place.api("GET", "/v1/my/notices", key)
        assert status == 200
        return [row for row in told["notices"] if row["id"] not in known]
    place.weir.cli("notices", "post", "fjord-one ends", "--tenant", "good",
                   "--type", "model.sunset", "--subject", "fjord-one",
                   "--target", "m", "--deadline", "2099-01-01",
                   "--reference", "sunset:fjord-one")
    again = place.weir.cli("notices", "post", "fjord-one ends", "--tenant",
                           "good", "--reference", "sunset:fjord-one")
    assert "before" in again.stdout
    notice, = mine(place.key)
    assert notice["target"] == "m"
    assert notice["deadline_us"] == 4070908800000000
    path = f"/v1/my/notices/{notice['id']}/acknowledge"
    assert mine(other) == []
    assert place.api("POST", path, other)[0] == 404
    assert place.api("GET", "/v1/my/notices", "wr_wrong")[0] == 401
    assert place.api("GET", "/v1/my/notices")[0] == 401
    assert place.api("POST", path, place.key)[0] == 200
    assert place.api("POST", path, place.key)[0] == 409
    kept = place.weir.json("notices", "list", "--tenant", "good")
    assert kept["notices"][0]["acknowledged_us"] > 0
    assert kept["notices"][0]["acknowledged_by"].startswith("wk_")
    assert silent() == []


def test_a_webhook_gets_each_notice_signed_and_again_when_it_failed(place):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hook"
    Receiver.answers = [503]
    try:
        made = place.weir.json("webhooks", "create", "--tenant", "young",
                               "--to", url)
        secret = base64.b64decode(made["secret"].removeprefix("whsec_"))
        place.weir.cli("notices", "post", "hello", "--tenant", "young")
        lab.wait_for(lambda: len(Receiver.seen) >= 2, 15, "two attempts")
        for headers, body in Receiver.seen[:2]:
            fields = {name.lower(): value for name, value in headers.items()}
            signed = b".".join([fields["webhook-id"].encode(),
                                fields["webhook-timestamp"].encode(), body])
            mac = hmac.new(secret, signed, hashlib.sha256).digest()
            assert fields["webhook-signature"] == (
                "v1," + base64.b64encode(mac).decode())
            assert abs(int(fields["webhook-timestamp"]) - time.time()) < 60
            assert json.loads(body)["data"]["text"] == "hello"
        assert (Receiver.seen[0][0]["webhook-id"]
                == Receiver.seen[1][0]["webhook-id"])
        done = lab.wait_for(
            lambda: place.weir.json("deliveries", "list", "--state",
                                    "done")["deliveries"], 5, "done")
        assert done[0]["attempts"] == 2
        place.weir.cli("webhooks", "remove", made["id"])
        listed = place.weir.json("webhooks", "list")["webhooks"]
        assert listed[0]["removed_us"] > 0
        assert "secret" not in json.dumps(listed)
        token = place.weir.json("admins", "create", "--role", "auditor",
                                "--name", "acts")["token"]
        acts = place.api("GET", "/v1/acts?limit=20", token)[1]["acts"]
        told = [act for act in acts if act["subject"] == made["id"]]
        assert [act["action"] for act in told] == ["webhook.remove",
                                                   "webhook.create"]
        assert url not in json.dumps(told)
    finally:
        server.shutdown()


def test_a_webhook_elsewhere_without_tls_is_refused(place):
    for url in ("http://hook.example/", "ftp://x/", "nothing"):
        assert place.weir.cli("webhooks", "create", "--tenant", "good", "--to",
                              url, check=False).returncode != 0
    assert place.weir.cli("webhooks", "create", "--tenant", "nobody", "--to",
                          "https://hook.example/",
                          check=False).returncode != 0
