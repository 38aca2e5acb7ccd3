# SPDX-License-Identifier: Apache-2.0
"""What passes through: bytes that weir does not know, great and small."""
import http.client
import json
import socket
import subprocess
import threading
import time

import pytest

import lab
from house import chat, events_of

# A body as nobody's serialiser writes it: spacing, order, escapes, numbers,
# members that weir does not know, and a model name in the middle.
ODD = (b' { "temperature" : 1.0e-01 , "messages":[ {"role":"user",\n'
       b'"content":"\\u00e9\\ud83d\\ude00 \\/ \\"q\\" \xc3\xa9 \xf0\x9f\x98\x80"'
       b',"name" :"n\\u0000x"} ],\t"model" : "%s" ,"seed":12345678901234567890,'
       b'"x_unknown":{"deep":[[[1,2.50,-0.0,1E400]],null,true,{"":""}]},'
       b'"top_p":1.000,"empty":{},"list":[ ] } \r\n')


def test_unknown_members_arrive_byte_for_byte(house):
    sent = ODD.replace(b"%s", b"only-near")
    status, headers, _ = house.call(sent)
    assert status == 200
    assert house.origin.body() == ODD.replace(b"%s", b"large")


def test_a_body_is_not_touched_where_the_name_is_the_same(house):
    sent = ODD.replace(b"%s", b"small")
    status, _, _ = house.call(sent)
    assert status == 200
    assert house.origin.body() == sent


def test_stream_options_are_added_and_nothing_else_changes(house):
    body = b'{"model":"small","stream":true,"messages":[] , "a":[1, 2]}'
    status, _, _ = house.call(body)
    assert status == 200
    arrived = house.origin.body()
    parsed = json.loads(arrived)
    assert parsed.pop("stream_options") == {"include_usage": True}
    assert parsed == json.loads(body)
    assert b'"messages":[] , "a":[1, 2]}' in arrived


def test_usage_that_was_asked_for_otherwise_is_corrected(house):
    body = (b'{"model":"small","stream":true,"messages":[],'
            b'"stream_options":{"include_usage":false,"x":[1 ,2]}}')
    status, _, reply = house.call(body)
    assert status == 200
    arrived = house.origin.body()
    assert b'"x":[1 ,2]' in arrived
    assert json.loads(arrived)["stream_options"]["include_usage"] is True
    assert all("usage" not in json.loads(event) or
               json.loads(event)["usage"] is None
               for event in events_of(reply)[:-1])


def test_the_client_s_credential_stays_here_and_the_origin_sees_one_host(house):
    house.call(chat(), headers={
        "X-Api-Key": "mine", "Cookie": "a=b", "OpenAI-Organization": "org",
        "X-Forwarded-For": "10.1.1.1"})
    head = house.origin.head().decode()
    assert house.key() not in head
    assert head.lower().count("\r\nhost:") == 1
    assert "\r\ncookie:" not in head.lower()
    assert "\r\nx-api-key:" not in head.lower()


def test_origin_connections_are_kept(house):
    for _ in range(30):
        assert house.call(chat())[0] == 200
    # two workers, so at most two connections for calls one after the other
    assert len({row["connection"] for row in house.origin.requests()}) <= 2


@pytest.mark.parametrize("size", [100_000, 1_000_000, 20_000_000])
def test_big_bodies_pass_exactly(house, size):
    content = 'river "\\u00e9" \\n level ' * (size // 25)
    text = ('{"model":"only-near","messages":[{"role":"user","content":'
            + json.dumps(content) + '}]}').encode()
    status, _, reply = house.call(text, timeout=60)
    assert status == 200, reply[:300]
    assert house.origin.body() == text.replace(b'"only-near"', b'"large"', 1)


def chunked(house, pieces, headers=b""):
    """A chunked POST over a raw socket: the whole reply."""
    with socket.create_connection(("127.0.0.1", house.weir.port), 30) as s:
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: weir\r\n"
                  b"Authorization: Bearer " + house.key().encode() +
                  b"\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
                  + headers + b"\r\n")
        for piece in pieces:
            s.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(0.001)
        s.sendall(b"0\r\n\r\n")
        reply = b""
        while True:
            part = s.recv(65536)
            if not part:
                return reply
            reply += part


@pytest.mark.parametrize("size", [1, 7, 1000, 65536])
def test_chunked_bodies_arrive_whole(house, size):
    text = json.dumps(chat("water " * 200)).encode()
    pieces = [text[i:i + size] for i in range(0, len(text), size)]
    reply = chunked(house, pieces[:3000])
    assert reply.startswith(b"HTTP/1.1 200")
    assert json.loads(house.origin.body())["messages"] == \
        json.loads(text)["messages"]
    assert b"transfer-encoding" not in house.origin.head().lower()


def test_a_megabyte_event_passes(house):
    status, _, reply = house.call(chat(
        stream=True, script="events=3;bytes=1048576"), timeout=60)
    assert status == 200
    events = events_of(reply)
    contents = [json.loads(event)["choices"][0]["delta"].get("content", "")
                for event in events[:-1]]
    assert [len(c) for c in contents if c] == [1048576] * 3
    assert events[-1] == b"[DONE]"


def test_an_event_above_the_limit_is_a_cut_and_says_so(house):
    status, headers, reply = house.call(chat(
        stream=True, script="events=2;bytes=6000000"), timeout=60)
    assert status == 200 and "broken" in headers
    assert b"[DONE]" not in reply
    assert b'"error"' in reply


@pytest.mark.parametrize("words", ["piece=1", "piece=7", "split=11",
                                   "split=12", "chunked;split=3", "crlf",
                                   "comments;split=5", "slow_head"])
def test_split_replies_are_the_same_replies(house, words):
    for stream in (False, True):
        body = chat("the same", stream=stream, script="events=4;" + words)
        status, _, split = house.call(body)
        assert status == 200
        if stream:
            data = [json.loads(e) for e in events_of(split)[:-1]]
            text = "".join(d["choices"][0]["delta"].get("content") or ""
                           for d in data)
            assert text == "riverwaterheigh gate"
        else:
            assert json.loads(split)["usage"]["completion_tokens"] == 4


def test_gzip_of_the_origin_is_refused_by_name(house):
    """weir asks for identity. What an origin packs all the same cannot be
    metered or looked at: it is refused, and not asked for again."""
    status, _, reply = house.call(chat(script="gzip"))
    assert status == 502
    assert "encoding" in json.loads(reply)["error"]["message"] + \
        json.dumps(json.loads(reply))
    assert b"accept-encoding: gzip" not in house.origin.head().lower()
    assert house.origin.stats()["calls"] == 1


def test_many_calls_on_one_connection(house):
    connection = http.client.HTTPConnection("127.0.0.1", house.weir.port,
                                            timeout=30)
    for number in range(200):
        stream = number % 3 == 0
        body = json.dumps(chat(f"call {number}", stream=stream,
                               script=f"events={number % 5 + 1}"))
        connection.request("POST", "/v1/chat/completions", body, {
            "Authorization": "Bearer " + house.key("busy"),
            "Content-Type": "application/json"})
        reply = connection.getresponse()
        content = reply.read()
        assert reply.status == 200
        assert content.rstrip().endswith(b"[DONE]" if stream else b"}")
    connection.close()
    assert house.origin.stats()["calls"] == 200


def test_slow_reader_does_not_stop_others_and_gets_everything(house):
    taken = {}

    def read_slowly():
        with socket.create_connection(("127.0.0.1", house.weir.port), 60) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            body = json.dumps(chat(stream=True,
                                   script="events=80;bytes=4000")).encode()
            s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: weir\r\n"
                      b"Authorization: Bearer " + house.key().encode() +
                      b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
                      % len(body) + body)
            reply = b""
            while True:
                part = s.recv(8192)
                if not part:
                    break
                reply += part
                time.sleep(0.002)
            taken["reply"] = reply

    slow = threading.Thread(target=read_slowly)
    slow.start()
    started = time.monotonic()
    for _ in range(20):
        assert house.call(chat())[0] == 200
    assert time.monotonic() - started < lab.PATIENCE
    slow.join(60)
    assert taken["reply"].count(b"chat.completion.chunk") == 82
    assert b"[DONE]" in taken["reply"]


def test_client_that_leaves_cancels_the_origin_call(house):
    for stage in ("before the head", "in the stream"):
        house.origin.reset()
        words = ("delay=10000" if stage == "before the head" else
                 "events=1000;gap=20")
        with socket.create_connection(("127.0.0.1", house.weir.port), 30) as s:
            body = json.dumps(chat(stream=True, script=words)).encode()
            s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: weir\r\n"
                      b"Authorization: Bearer " + house.key().encode() +
                      b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            lab.wait_for(lambda: house.origin.stats()["calls"] == 1)
            if stage == "in the stream":
                s.recv(65536)
        lab.wait_for(lambda: house.origin.stats()["aborted"] == 1, 2,
                     "abort at the origin, " + stage)


@pytest.mark.parametrize("protocol", ["--http1.1", "--http2"])
def test_curl(house, protocol, tmp_path):
    """A client that is no SDK: one connection, plain and streamed, 2 MB."""
    big = tmp_path / "big.json"
    big.write_text(json.dumps(chat("w " * 1_000_000)))
    small = tmp_path / "small.json"
    small.write_text(json.dumps(chat(stream=True, script="events=3")))
    done = subprocess.run(
        ["curl", "-sS", protocol, "--cacert", house.certificates["ca"], "-H",
         "Authorization: Bearer " + house.key(), "-w",
         "\n%{http_code} %{http_version}\n"] +
        [word for name in (small, big, small) for word in
         ("-d", f"@{name}", f"https://localhost:{house.tls_port}"
          "/v1/chat/completions", "--next", "-sS", protocol, "--cacert",
          house.certificates["ca"], "-H",
          "Authorization: Bearer " + house.key(), "-w",
          "\n%{http_code} %{http_version}\n")][:-9],
        capture_output=True, text=True, timeout=30)
    wanted = "200 2" if protocol == "--http2" else "200 1.1"
    assert done.stdout.count(wanted) == 3, done.stdout[-500:] + done.stderr
    assert done.stdout.count("[DONE]") == 2
    assert house.origin.stats()["calls"] == 3


def test_tls_origin_is_verified(house):
    status, _, reply = house.call(chat(model="sealed"))
    assert status == 200, reply
    assert house.sealed.stats()["calls"] == 1
    # the same origin, but its CA is not the system's
    status, _, reply = house.call(chat(model="stranger"))
    assert status == 502
    assert house.sealed.stats()["calls"] == 1
