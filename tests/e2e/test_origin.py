# SPDX-License-Identifier: Apache-2.0
"""The scripted origin is the judge of the other tests: judge it first."""
import base64
import json
import socket

import pytest

import lab
from test_http import cases


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    made = lab.Origin(tmp_path_factory.mktemp("origin"), ("a", "b"))
    yield made
    made.stop()


def raw(origin, sent):
    with socket.create_connection(("127.0.0.1", origin.ports["a"]), 5) as s:
        s.settimeout(0.5)
        s.sendall(sent)
        s.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while True:
                part = s.recv(65536)
                if not part:
                    return got
                got += part
        except (TimeoutError, ConnectionResetError):
            return got


@pytest.mark.parametrize("case", cases())
def test_origin_is_at_least_as_strict_as_llhttp(origin, case):
    if "lenient" in case["type"]:
        return
    got = raw(origin, base64.b64decode(case["input_b64"]))
    if case["error"] is not None and got.startswith(b"HTTP/1.1 "):
        # some cases hold a good request before the bad one
        assert b"HTTP/1.1 400" in got or b"HTTP/1.1 404" in got, got[:200]


def ask(origin, body, path="/v1/chat/completions"):
    status, headers, reply = lab.exchange(
        origin.ports["a"], "POST", path, json.dumps(body))
    return status, headers, reply


def test_usage_follows_its_rule(origin):
    origin.reset()
    messages = [{"role": "user", "content": "four"}]
    _, _, reply = ask(origin, {"model": "m", "messages": messages,
                               "max_tokens": 7})
    usage = json.loads(reply)["usage"]
    assert usage["prompt_tokens"] == (len(json.dumps(messages)) + 3) // 4
    assert usage["completion_tokens"] == 7
    stats = origin.stats()
    assert (stats["calls"], stats["replied"]) == (1, 1)
    assert stats["input_tokens"] == usage["prompt_tokens"]


def test_scripts_come_on_top_of_each_other(origin):
    origin.reset()
    origin.standing("out=3")
    body = {"model": "m", "messages": []}
    assert json.loads(ask(origin, body)[2])["usage"]["completion_tokens"] == 3
    origin.next("status=503;retry_after=2", 2, "a")
    for _ in range(2):
        status, headers, _ = ask(origin, body)
        assert (status, headers["retry-after"]) == (503, "2")
    body["model"] = "m+out=5"
    assert json.loads(ask(origin, body)[2])["usage"]["completion_tokens"] == 5
    body["metadata"] = {"origin": "out=6"}
    assert json.loads(ask(origin, body)[2])["usage"]["completion_tokens"] == 6
    body["metadata"] = {"origin": "nonsense=6"}
    assert ask(origin, body)[0] == 400
    origin.reset()


def test_bodies_are_kept_exactly(origin):
    origin.reset()
    sent = b' {"model" :"m", "messages":[ 1.50, "\xc3\xa9\\u0000" ]}\n'
    lab.exchange(origin.ports["b"], "POST", "/x/chat/completions", sent)
    assert origin.body() == sent
    assert origin.requests()[0]["name"] == "b"


def test_cuts_and_aborts_are_counted(origin):
    origin.reset()
    body = {"model": "m+events=9+cut_after=2+how=rst", "messages": [],
            "stream": True}
    with pytest.raises(Exception):
        ask(origin, body)
    with socket.create_connection(("127.0.0.1", origin.ports["a"]), 5) as s:
        text = b'{"model":"m+delay=5000","messages":[]}'
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(text) + text)
        lab.wait_for(lambda: origin.stats()["calls"] == 2)
    lab.wait_for(lambda: origin.stats()["aborted"] == 1)
    stats = origin.stats()
    assert (stats["cut"], stats["replied"]) == (1, 0)
