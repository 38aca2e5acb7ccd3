# SPDX-License-Identifier: Apache-2.0
"""Streams: what is hidden, what a cut looks like, what never looks whole."""
import json
import time

import pytest

import lab
from house import chat, events_of, explained

PATHS = {"/v1/chat/completions": "messages", "/v1/responses": "input",
         "/v1/completions": "prompt"}


def stream_body(path, script, **more):
    return {"model": "only-near", "stream": True, PATHS[path]: "hello"
            if path != "/v1/chat/completions" else
            [{"role": "user", "content": "hello"}],
            "metadata": {"origin": script}, **more}


def test_usage_chunk_is_hidden_from_who_did_not_ask(house):
    status, _, reply = house.call(chat(stream=True, script="events=3"))
    assert status == 200
    events = events_of(reply)
    assert events[-1] == b"[DONE]"
    for event in events[:-1]:
        assert json.loads(event)["choices"], event
    # but the origin was asked for it
    assert json.loads(house.origin.body())["stream_options"] == {
        "include_usage": True}


def test_usage_chunk_is_shown_to_who_asked(house):
    status, _, reply = house.call(chat(
        stream=True, stream_options={"include_usage": True},
        script="events=3"))
    usage = json.loads(events_of(reply)[-2])
    assert usage["choices"] == [] and usage["usage"]["completion_tokens"] == 3


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("how", ["fin", "rst"])
def test_cut_stream_ends_with_an_error_event(house, path, how):
    status, headers, reply = house.call(
        stream_body(path, f"events=9;cut_after=4;how={how}"), path=path)
    assert status == 200
    # for who reads events, and for who only reads HTTP
    assert "broken" in headers
    assert b"[DONE]" not in reply and b"response.completed" not in reply
    last = json.loads(events_of(reply)[-1])
    assert "error" in last or last.get("type") in ("error", "response.failed")


@pytest.mark.parametrize("path", PATHS)
def test_stream_that_stops_without_its_end_is_a_cut(house, path):
    words = "events=3;nodone" if path != "/v1/responses" else \
        "events=9;cut_after=5"
    status, _, reply = house.call(stream_body(path, words), path=path)
    assert status == 200
    last = json.loads(events_of(reply)[-1])
    assert "error" in last or last.get("type") in ("error", "response.failed")


def test_silent_origin_is_cut_after_the_idle_time(house):
    started = time.monotonic()
    status, _, reply = house.call(chat(
        model="only-slow", stream=True, script="events=3;gap=60000"))
    assert status == 200
    assert time.monotonic() - started < lab.PATIENCE
    assert b"[DONE]" not in reply
    assert "error" in json.loads(events_of(reply)[-1])


def test_origin_s_error_event_reaches_the_client(house):
    status, _, reply = house.call(chat(
        stream=True, script="events=9;cut_after=3;error_event"))
    assert status == 200
    assert b"scripted failure" in reply
    assert b"[DONE]" not in reply


def test_events_come_one_by_one_and_not_at_the_end(house):
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", house.weir.port,
                                            timeout=20)
    connection.request("POST", "/v1/chat/completions", json.dumps(chat(
        stream=True, script="events=5;gap=200")), {
            "Authorization": "Bearer " + house.key()})
    reply = connection.getresponse()
    arrivals = []
    while reply.readline():
        arrivals.append(time.monotonic())
    assert arrivals[-1] - arrivals[0] > 0.8
    connection.close()


def test_one_event_of_garbage_does_not_break_the_stream(house):
    status, _, reply = house.call(chat(stream=True,
                                       script="events=4;malformed"))
    assert status == 200
    assert events_of(reply)[-1] == b"[DONE]"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_reply_that_is_cut_never_looks_whole(house, path):
    body = stream_body(path, "bytes=5000;cut_after=900;how=fin")
    del body["stream"]
    status, headers, _ = house.call(body, path=path)
    assert status in (502, 504) or "broken" in headers


@pytest.mark.parametrize("off", [-5, 5])
def test_wrong_content_length_of_the_origin(house, off):
    status, headers, reply = house.call(chat(script=f"length_off={off}"),
                                        timeout=25)
    if off > 0:  # less came than was said
        assert status >= 500 or "broken" in headers
    else:  # what was said came, and it is not whole as JSON
        assert status >= 500 or len(reply) == int(headers["content-length"])
    assert house.call(chat())[0] == 200  # and nothing is left on the line


def test_cut_calls_are_metered(house):
    status, headers, _ = house.call(chat(
        stream=True, script="events=50;cut_after=20;in=100"))
    request = headers["weir-request-id"]
    row = lab.wait_for(lambda: explained(house, request), 10, "outcome")
    assert row["estimated"] is True
    assert row["output_tokens"] > 0
