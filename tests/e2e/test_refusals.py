# SPDX-License-Identifier: Apache-2.0
"""Refusals: the right status, the reasons, and nothing at the origin."""
import json

import pytest

import lab
from house import chat


def refused(house, body, status, tenant="good", **more):
    before = house.origin.stats()["calls"]
    got, headers, reply = house.call(body, tenant, **more)
    assert got == status, (got, reply[:500])
    assert headers["content-type"].startswith("application/json")
    assert headers["weir-request-id"].startswith("req_")
    assert house.origin.stats()["calls"] == before
    return headers, json.loads(reply)["error"], reply.decode()


def test_no_key_unknown_key_and_other_schemes(house):
    for value in (None, "", "Bearer", "Bearer ", "Bearer wr_x", "Basic YTpi",
                  "Bearer " + "x" * 5000, "Bearer wr_\x7f"):
        headers = {"Content-Type": "application/json"}
        if value is not None:
            headers["Authorization"] = value
        status, headers, reply = lab.exchange(
            house.weir.port, "POST", "/v1/chat/completions",
            json.dumps(chat()), headers)
        assert status in (401, 400), (value, status)
        if status == 401:
            assert json.loads(reply)["error"]["type"]
    assert house.origin.stats()["calls"] == 0


def test_denied_names_policy_title_authority_and_appeal(house):
    headers, error, text = refused(house, chat(), 403, "outcast")
    assert headers["weir-decision"] == "deny"
    for said in ("maker-excluded", "The maker, terms, section 4",
                 "sales@maker.example", "are not served to organisations"):
        assert said in text
    assert error["message"]


def test_held_says_that_a_person_decides(house):
    headers, _, text = refused(house, chat(), 403, "doubtful")
    assert headers["weir-decision"] == "hold"
    assert "maker-established" in text


def test_shadow_policy_does_not_refuse(house):
    status, _, _ = house.call(chat(model="small"))
    assert status == 200


def test_place_of_the_deployment_counts(house):
    """small-outside lies where nobody permits; it must never be asked."""
    for _ in range(20):
        assert house.call(chat(model="small"))[0] == 200
    names = {row["name"] for row in house.origin.requests()}
    assert names == {"near"}


def test_unknown_model_and_wrong_operation(house):
    refused(house, chat(model="nothing"), 404)
    status, _, _ = house.call({"model": "embed", "messages": []})
    assert status in (400, 403, 404)
    assert house.origin.stats()["calls"] == 0


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'{"model":}', b'{"model":"small"',
    b'{"model":"small","model":"large","messages":[]}',
    b'{"messages":[]}', b'{"model":7,"messages":[]}',
    b'{"model":"small","messages":[],}', b'{"model":"small"}}',
    b'\xef\xbb\xbf{"model":"small","messages":[]}',
    b'{"model":"small","messages":["\xff"]}',
    b'{"model":"small","messages":[],"stream":"yes"}',
    b'{"model":"small","messages":[],"n":0}',
    b'{"model":"small","messages":[],"x":' + b"[" * 5000 + b"]" * 5000 + b"}",
    b"model=small&messages=hello",
])
def test_bodies_that_are_not_requests(house, body):
    refused(house, body, 400)


def test_body_above_the_limit(house):
    big = b'{"model":"small","messages":["' + b"x" * (25 << 20) + b'"]}'
    before = house.origin.stats()["calls"]
    try:
        status, _, reply = house.call(big, timeout=60)
    except (BrokenPipeError, ConnectionResetError):
        status = 413  # closed while we were still sending
    assert status == 413
    assert house.origin.stats()["calls"] == before


@pytest.mark.parametrize("method,path,wanted", [
    ("GET", "/v1/chat/completions", 405), ("PUT", "/v1/models", 405),
    ("DELETE", "/v1/models/large", 405), ("GET", "/v1/files", 404),
    ("POST", "/v1/fine_tuning/jobs", 404), ("GET", "/", 404),
    ("POST", "/v1/chat/completions/../../weights", 404),
    ("POST", "/v1//chat/completions/x", 404),
    ("GET", "/v1/models/%2e%2e/files", 404), ("POST", "/v1/images", 404),
    ("OPTIONS", "/v1/chat/completions", 405),
    ("TRACE", "/v1/chat/completions", 405),
])
def test_paths_that_are_not_served(house, method, path, wanted):
    status, _, _ = house.call(None, method=method, path=path)
    assert status in (wanted, 404, 405)
    assert house.origin.requests() == []


def test_rate_limit_with_retry_after(house):
    tenant = "limited"
    house.calm_minute()
    statuses = [house.call(chat(), tenant)[0] for _ in range(5)]
    assert statuses.count(200) <= 3 and 429 in statuses
    headers, error, text = refused(house, chat(), 429, tenant)
    assert 1 <= int(headers["retry-after"]) <= 60
    assert "minute" in text


def test_money_is_held_before_it_is_spent(house):
    """A day has 40 micro-units: one call of 16 tokens costs 16 * 2 + input.
    The estimate of a call without a cap is above all of it."""
    headers, error, text = refused(
        house, chat(model="small", max_tokens=1000), 429, "poor")
    assert "day" in text
    small = {"model": "small", "messages": [], "max_tokens": 10}
    assert house.call(small, "poor")[0] == 200
    statuses = [house.call(small, "poor")[0] for _ in range(3)]
    assert statuses[-1] == 429


def test_failed_hop_is_named(house):
    status, headers, reply = house.call(chat(model="only-dead"))
    assert status == 502
    assert "large-dead" in reply.decode() or "dead" in reply.decode()
    assert "connect" in reply.decode()


def test_origin_s_own_error_is_passed_on(house):
    for code in (400, 404, 422):
        status, _, reply = house.call(chat(script=f"status={code}"))
        assert status == code
        assert json.loads(reply)["error"]["message"] == \
            f"scripted status {code}"
    assert house.origin.stats()["calls"] == 3


def test_wrong_content_type_is_no_excuse(house):
    status, _, _ = house.call(chat(), headers={"Content-Type": "text/plain"})
    assert status in (200, 415)
