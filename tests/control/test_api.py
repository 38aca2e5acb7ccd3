# SPDX-License-Identifier: Apache-2.0
"""The admin API over TCP: roles, errors, description, figures."""
import re

import pytest

import lab

READS = {"viewer": ["/v1/image", "/v1/withdrawals", "/v1/usage",
                    "/v1/tenants", "/v1/models", "/metrics"],
         "auditor": ["/v1/keys", "/v1/calls", "/v1/acts", "/v1/audit"],
         "admin": ["/v1/tokens"]}
# paths that answer about one tenant only
QUERIES = {"/v1/invoice": "?tenant=good&period=2026-10",
           "/v1/exports/focus": "?period=2026-10",
           "/v1/revenue": "?period=2026-10"}
ROLES = ["viewer", "auditor", "operator", "admin"]


@pytest.fixture(scope="module")
def tokens(place):
    return {role: place.weir.json("admins", "create", "--role", role,
                                  "--name", role)["token"] for role in ROLES}


def test_each_role_reads_what_it_may_and_no_more(place, tokens):
    for least, paths in READS.items():
        for path in paths:
            for role in ROLES:
                status, reply = place.api("GET", path, tokens[role])
                if ROLES.index(role) >= ROLES.index(least):
                    assert status == 200, (role, path, reply)
                else:
                    assert status == 403, (role, path)
                    assert reply["error"]["code"] == "EROLE"


def test_deeds_need_their_role(place, tokens):
    key = {"project": "good/app", "purpose": "api", "staff": "DE"}
    for role in ROLES:
        status, reply = place.api("POST", "/v1/keys", tokens[role], key)
        assert status == (201 if role == "admin" else 403)
    made = reply["key"]
    assert place.call(made)[0] == 200
    for role in ROLES:
        status, _ = place.api("POST", "/v1/withdrawals", tokens[role],
                              {"kind": "model", "name": "m"})
        may = role in ("operator", "admin")
        assert status == (201 if may else 403)
        if may:
            assert place.api("DELETE", "/v1/withdrawals/model/m",
                             tokens[role])[0] == 200
    listed = place.api("GET", "/v1/keys", tokens["admin"])[1]["keys"]
    identity, = [row["id"] for row in listed if row["purpose"] == "api"]
    assert place.api("DELETE", "/v1/keys/" + identity,
                     tokens["operator"])[0] == 200


def test_no_token_and_a_wrong_one_are_401(place):
    for token in (None, "wa_wrong", ""):
        status, reply = place.api("GET", "/v1/usage", token)
        assert status == 401
        assert reply["error"]["type"] == "authentication_error"


def test_a_revoked_token_is_refused(place, tokens):
    made = place.api("POST", "/v1/tokens", tokens["admin"],
                     {"role": "viewer", "name": "short"})[1]
    assert place.api("GET", "/v1/usage", made["token"])[0] == 200
    assert place.api("DELETE", "/v1/tokens/" + made["id"],
                     tokens["admin"])[0] == 200
    assert place.api("GET", "/v1/usage", made["token"])[0] == 401


def test_bad_requests_have_one_shape(place, tokens):
    admin = tokens["admin"]
    cases = [
        ("GET", "/v1/nothing", None, 404, "ENOTFOUND"),
        ("PUT", "/v1/keys", None, 405, "EMETHOD"),
        ("POST", "/v1/keys", b"{", 400, "EPARSE"),
        ("POST", "/v1/keys", b"[]", 400, "ETYPE"),
        ("POST", "/v1/keys", {"project": "good/app"}, 400, "EPARSE"),
        ("POST", "/v1/keys", {"project": 1, "purpose": "x", "staff": "DE"},
         400, "ETYPE"),
        ("POST", "/v1/keys", {"project": "good/app", "purpose": "x",
                              "staff": "DE", "colour": "red"}, 400, "ETYPE"),
        ("GET", "/v1/usage?from=yesterday", None, 400, "EPARSE"),
        ("GET", "/v1/calls?limit=0", None, 400, "EPARSE"),
        ("GET", "/v1/calls/req_none", None, 400, "EPARSE"),
        ("DELETE", "/v1/keys/wk_none", None, 404, "ENOTFOUND"),
    ]
    for method, path, body, status, code in cases:
        got, reply = place.api(method, path, admin, body)
        assert (got, reply["error"]["code"]) == (status, code), path
        assert set(reply["error"]) >= {"type", "code", "message"}


def test_the_description_names_every_path_and_each_answers(place, tokens):
    status, told = place.api("GET", "/openapi.json")
    assert status == 200 and told["openapi"].startswith("3.")
    assert len(told["paths"]) > 15
    # some reports stand on a checkpoint of the log
    lab.wait_for(lambda: place.api("GET", "/v1/reports/controls",
                                   tokens["admin"])[0] == 200, 10,
                 "a checkpoint")
    # what each kind of caller shows; no path takes two of them
    shown = {"token": tokens["admin"], "key": place.key()}
    assert set(told["components"]["securitySchemes"]) == set(shown)
    for path, methods in told["paths"].items():
        for method, about in methods.items():
            assert about["summary"] and about["responses"]
            names = re.findall(r"{(\w+)}", path)
            given = [row["name"] for row in about["parameters"]
                     if row["in"] == "path"]
            assert given == names
            if method == "get" and not names:
                needed = [name for row in about["security"] for name in row]
                given = shown[needed[0]] if needed else None
                asked = path + QUERIES.get(path, "")
                status, reply = place.api("GET", asked, given)
                assert status == 200, (asked, reply)
                for name, other in shown.items():
                    if needed and name not in needed:
                        assert place.api("GET", path, other)[0] == 401
    own = [path for path, methods in told["paths"].items()
           if methods.get("get", {}).get("security") == [{"key": []}]]
    assert sorted(own) == ["/v1/my/kept", "/v1/my/notices",
                           "/v1/my/receipts/{id}",
                           "/v1/my/watch"]


def test_health_needs_no_token(place):
    status, reply = place.api("GET", "/healthz")
    assert status == 200 and reply["status"] == "ok"


def test_metrics_count_calls_tokens_and_cost(place, tokens):
    def figures():
        text = place.api("GET", "/metrics", tokens["viewer"])[1]
        rows = {}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name, value = line.rsplit(" ", 1)
            rows[name] = float(value)
        return rows
    name = 'weir_calls_total{tenant="good",model="m",result="complete"}'
    before = figures()
    place.ledgered(place.good())
    after = figures()
    assert after[name] == before.get(name, 0) + 1
    assert after["weir_call_seconds_count"] > before.get(
        "weir_call_seconds_count", 0)
    assert after["weir_journal_state"] == 1
    used = ('weir_budget{tenant="good",project="",key="",metric="requests",'
            'window="day",part="used"}')
    assert after[used] == before.get(used, 0) + 1
    # every sample has its HELP and TYPE
    text = place.api("GET", "/metrics", tokens["viewer"])[1]
    typed = set(re.findall(r"^# TYPE (\w+)", text, re.M))
    for line in text.splitlines():
        if not line.startswith("#"):
            base = re.match(r"\w+", line).group()
            base = re.sub(r"_(bucket|sum|count)$", "", base) \
                if base not in typed else base
            assert base in typed, line


def test_acts_are_noted_with_who_did_them(place, tokens):
    place.api("POST", "/v1/withdrawals", tokens["operator"],
              {"kind": "model", "name": "m", "reason": "acts"})
    place.api("DELETE", "/v1/withdrawals/model/m", tokens["operator"])
    acts = place.api("GET", "/v1/acts?limit=2", tokens["auditor"])[1]["acts"]
    assert [act["action"] for act in acts] == ["restore", "withdraw"]
    assert all(act["actor"].startswith("wt_") for act in acts)
    assert all(act["role"] == "operator" for act in acts)
