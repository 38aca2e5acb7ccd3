# SPDX-License-Identifier: Apache-2.0
"""Retry and fallback, and the limits of both."""
import json
import time

import lab

from house import chat, events_of


def names(house):
    return [row["name"] for row in reversed(house.origin.requests())]


def test_dead_origin_is_passed_over(house):
    status, headers, _ = house.call(chat(model="resilient"))
    assert status == 200
    assert headers["weir-deployment"] == "large-near"


def test_failure_goes_to_the_next_with_its_own_host_and_body(house):
    for code in (429, 500, 502, 503, 529):
        house.origin.reset()
        house.origin.next(f"status={code}", 1, "near")
        status, headers, _ = house.call(chat(model="first-near"))
        assert status == 200
        assert headers["weir-deployment"] == "large-far"
        assert headers["weir-region"] == "away"
        assert names(house) == ["near", "far"]
        near, far = house.origin.head(1), house.origin.head(0)
        assert b":%d\r\n" % house.origin.ports["near"] in near
        assert b":%d\r\n" % house.origin.ports["far"] in far
        assert house.origin.body(0) == house.origin.body(1)


def test_streams_fall_back_before_the_first_byte(house):
    house.origin.next("status=503", 1, "near")
    status, headers, reply = house.call(chat(model="first-near", stream=True))
    assert status == 200
    assert headers["weir-deployment"] == "large-far"
    assert events_of(reply)[-1] == b"[DONE]"


def test_retry_after_is_waited_for_when_there_is_no_other(house):
    house.origin.next("status=429;retry_after=1", 1)
    started = time.monotonic()
    status, _, _ = house.call(chat())
    assert status == 200
    assert 0.95 <= time.monotonic() - started < lab.PATIENCE
    assert names(house) == ["near", "near"]


def test_long_retry_after_is_the_client_s(house):
    house.origin.next("status=429;retry_after=60", 5)
    started = time.monotonic()
    status, headers, _ = house.call(chat())
    assert status == 429
    assert headers["retry-after"] == "60"
    assert time.monotonic() - started < lab.PATIENCE  # of 60


def test_attempts_are_bounded(house):
    house.origin.next("status=500", 50)
    status, _, _ = house.call(chat())
    assert status in (500, 502)
    assert house.origin.stats()["calls"] <= 4


def test_slow_origin_is_left_for_another(house):
    house.origin.next("delay=60000", 1, "slow")
    started = time.monotonic()
    status, headers, _ = house.call(chat(model="slow-then-near"))
    assert status == 200
    assert headers["weir-deployment"] == "large-near"
    assert 0.6 < time.monotonic() - started < lab.PATIENCE


def test_slow_origin_without_another_is_a_timeout(house):
    house.origin.next("hang", 1, "slow")
    status, _, reply = house.call(chat(model="only-slow"))
    assert status == 504
    assert "slow" in reply.decode()


def test_client_error_is_not_tried_elsewhere(house):
    house.origin.next("status=400", 1, "near")
    assert house.call(chat(model="first-near"))[0] == 400
    assert names(house) == ["near"]


def test_connection_closed_without_an_answer(house):
    house.origin.next("close", 1, "near")
    status, headers, _ = house.call(chat(model="first-near"))
    assert status == 200
    assert headers["weir-deployment"] == "large-far"


def test_weights_are_met(house):
    for _ in range(200):
        assert house.call(chat(model="weighted"), "busy")[0] == 200
    models = house.origin.stats()
    assert models["calls"] == 200
    # kept requests are the last 64
    share = sum(n == "near" for n in names(house)) / len(names(house))
    assert 0.55 < share < 0.93


def test_fallback_body_is_large_too(house):
    text = json.dumps(chat("w " * 400_000, model="first-near")).encode()
    house.origin.next("status=503", 1, "near")
    status, headers, _ = house.call(text)
    assert status == 200
    assert headers["weir-deployment"] == "large-far"
    assert house.origin.body(0) == house.origin.body(1)
