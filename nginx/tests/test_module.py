# SPDX-License-Identifier: Apache-2.0
"""What passes the module, and what does not; nginx's and weir's errors."""
import json
import socket
import threading
import time

import pytest

import lab
from conftest import chat


def error_of(reply):
    return json.loads(reply)["error"]


def raw(module, text, timeout=5):
    """Bytes in, bytes out, until the server closes or falls silent."""
    with socket.create_connection(("127.0.0.1", module.port), timeout) as s:
        s.settimeout(timeout)
        s.sendall(text)
        got = b""
        try:
            while True:
                part = s.recv(65536)
                if not part:
                    return got
                got += part
        except TimeoutError:
            return got


def post(body, *headers):
    body = json.dumps(body).encode()
    return (b"POST /v1/chat/completions HTTP/1.1\r\nHost: weir\r\n"
            b"Authorization: Bearer wr_test\r\n" +
            b"".join(header + b"\r\n" for header in headers) +
            b"Content-Length: %d\r\n\r\n" % len(body) + body)


# ------------------------------------------------------------- passing


def test_plain_reply_names_where_it_ran_and_what_it_cost(module):
    status, headers, reply = module.call(chat("in=10;out=5"))
    assert status == 200
    assert headers["weir-deployment"] == "near-1"
    assert headers["weir-region"] == "eu-1"
    assert headers["weir-decision"] == "allow"
    assert headers["weir-request-id"].startswith("req_")
    assert len(headers["weir-policy"]) == 16  # names the image
    assert headers["weir-cost"] == "0.000060 EUR"  # 10 * 2 + 5 * 8
    assert json.loads(reply)["usage"]["completion_tokens"] == 5


def test_request_to_the_origin_carries_what_is_listed_and_no_more(module):
    _, reply_headers, _ = module.call(chat(), headers={
        "Cookie": "a=b", "X-Forwarded-For": "10.0.0.1", "X-Mine": "1",
        "OpenAI-Beta": "assistants=v2", "Idempotency-Key": "k1",
        "OpenAI-Organization": "org"})
    lines = module.origin.head().decode().split("\r\n")
    fields = {line.split(": ")[0].lower(): line.split(": ")[1]
              for line in lines[1:] if line}
    assert lines[0] == "POST /v1/chat/completions HTTP/1.1"
    assert sorted(fields) == sorted([
        "host", "authorization", "content-type", "content-length", "accept",
        "accept-encoding", "user-agent", "x-client-request-id", "openai-beta",
        "idempotency-key"])
    assert fields["authorization"] == "Bearer origin-secret"
    assert fields["x-client-request-id"] == reply_headers["weir-request-id"]


@pytest.mark.parametrize("header", ["Api-Key", "X-Api-Key"])
def test_key_in_the_headers_of_other_sdks(module, header):
    status, _, _ = module.call(chat(), key=None, headers={header: "wr_test"})
    assert status == 200


@pytest.mark.parametrize("words", [
    "bytes=60000", "bytes=60000;chunked", "bytes=300000",
    "bytes=300000;chunked", "bytes=3000;piece=7", "chunked;piece=1",
    "slow_head", "close_after"])
def test_plain_reply_of_any_size_and_framing_is_whole(module, words):
    status, headers, reply = module.call(chat(words))
    assert status == 200
    wanted = int(words[6:].split(";")[0]) if "bytes" in words else 1
    content = json.loads(reply)["choices"][0]["message"]["content"]
    assert len(content) >= wanted
    assert ("weir-cost" in headers) == (wanted <= 60000)


def test_cost_of_a_stream_is_a_trailer_for_those_who_take_one(module):
    body = chat("events=3;in=10;out=3", stream=True)
    plain = raw(module, post(body, b"Connection: close"))
    assert plain.endswith(b"\r\n0\r\n\r\n")
    asked = raw(module, post(body, b"TE: trailers", b"Connection: close, TE"))
    assert asked.endswith(b"\r\n0\r\nweir-cost: 0.000044 EUR\r\n\r\n")


@pytest.mark.parametrize("size", [5000, 200_000, 300_000, 5_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_body_of_any_size_arrives_as_it_was_sent(module, size, chunked):
    body = json.dumps(chat(content="w\\n" * (size // 3), model="sealed"))
    body = body.encode().replace(b'"model"', b' "model" ')
    if chunked:
        text = (b"POST /v1/chat/completions HTTP/1.1\r\nHost: weir\r\n"
                b"Authorization: Bearer wr_test\r\nConnection: close\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n" +
                b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 9999]),
                                            body[i:i + 9999])
                         for i in range(0, len(body), 9999)) +
                b"0\r\n\r\n")
        assert raw(module, text, 20).startswith(b"HTTP/1.1 200")
    else:
        assert module.call(body)[0] == 200
    assert module.sealed.body() == body.replace(b'"sealed"', b'"large"', 1)


def test_http2_front(module):
    import shutil
    import subprocess
    curl = shutil.which("curl")
    for stream in (False, True):
        done = subprocess.run(
            [curl, "-sS", "--http2", "--cacert", module.certificates["ca"],
             "-w", "\n%{http_version} %{http_code}", "-m", "10",
             "-H", "Authorization: Bearer wr_test", "-d",
             json.dumps(chat("events=3", stream=stream)),
             f"https://localhost:{module.tls_port}/v1/chat/completions"],
            capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("\n2 200")
        assert ("[DONE]" in done.stdout) == stream


# ------------------------------------------------------------- refusals


def test_denied_and_held_quote_the_policy(module):
    status, headers, reply = module.call(chat(model="denied"))
    assert status == 403 and headers["weir-decision"] == "deny"
    for said in ("law-denied", "This model is not for sale",
                 "The law of tests", "law@tests.example"):
        assert said in reply.decode()
    status, headers, reply = module.call(chat(model="held"))
    assert status == 403 and headers["weir-decision"] == "hold"
    assert "law-held" in reply.decode()
    assert module.origin.stats()["calls"] == 0


def test_unknown_caller_is_refused_before_the_body_is_read(module):
    head = (b"POST /v1/chat/completions HTTP/1.1\r\nHost: weir\r\n"
            b"Authorization: Bearer wr_unknown\r\n"
            b"Content-Length: 10000000\r\n\r\n")
    started = time.monotonic()
    got = raw(module, head, 1)
    assert got.startswith(b"HTTP/1.1 401")
    assert time.monotonic() - started < lab.PATIENCE
    assert b'"unknown_key"' in got


def test_rate_window_says_when_it_opens(module):
    statuses = [module.call(chat(), key="wr_small")[0] for _ in range(5)]
    assert 429 in statuses
    status, headers, reply = module.call(chat(), key="wr_small")
    if status == 200:  # a new minute has begun
        pytest.skip("SKIPPED: the minute changed")
    assert 1 <= int(headers["retry-after"]) <= 60
    assert "key requests per minute" in reply.decode()


def test_list_of_models_is_what_the_key_may_use(module):
    status, _, reply = module.call(None, path="/v1/models", method="GET")
    assert status == 200
    names = {row["id"] for row in json.loads(reply)["data"]}
    assert {"near", "far", "fallback"} <= names
    assert not {"denied", "held"} & names
    _, _, reply = module.call(None, path="/v1/models?all=1", method="GET")
    assert b'"denied"' in reply and b'"held"' in reply
    assert b"policy_forbids" in reply
    assert module.call(None, path="/v1/models/near", method="GET")[0] == 200
    assert module.call(None, path="/v1/models/denied", method="GET")[0] == 404
    assert module.call(None, path="/v1/models", method="GET",
                       key=None)[0] == 401


@pytest.mark.parametrize("text,status", [
    (b"GARBAGE\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505),
    (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    (b"PUT /v1/models HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: "
     b"Bearer wr_test\r\nContent-Length: 99999999\r\n\r\n", 413),
    (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: "
     b"Bearer wr_test\r\nTransfer-Encoding: odd\r\n\r\n", 501),
    (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: "
     b"Bearer wr_test\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
])
def test_every_error_has_the_shape_of_the_surface(module, text, status):
    got = raw(module, text, 1)
    assert got.startswith(b"HTTP/1.1 %d " % status), got[:200]
    head, body = got.split(b"\r\n\r\n", 1)
    assert b"Content-Type: application/json" in head
    assert error_of(body)["message"]


# -------------------------------------------------------------- origins


@pytest.mark.parametrize("model,hop", [
    ("dead", "connect"), ("nowhere", "dns"), ("stranger", "tls")])
def test_hop_that_failed_is_named(module, model, hop):
    status, _, reply = module.call(chat(model=model))
    assert status == 502
    assert f"origin {model}: {hop}" in reply.decode()


def test_first_byte_that_does_not_come_is_a_timeout(module):
    status, _, reply = module.call(chat("hang"), timeout=20)
    assert status == 504
    assert "first byte timeout" in reply.decode()


def test_verified_tls_is_kept_open(module):
    for _ in range(5):
        assert module.call(chat(model="sealed"))[0] == 200
    connections = {row["connection"] for row in module.sealed.requests()}
    assert len(connections) == 1, module.sealed.requests()


@pytest.mark.parametrize("code", [429, 500, 503, 529])
def test_connection_is_kept_after_an_error_that_is_retried(module, code):
    """All calls, and the failed ones, over one connection."""
    module.call(chat())
    module.origin.reset()
    for _ in range(3):
        module.origin.next(f"status={code};retry_after_ms=20", 1, "near")
        assert module.call(chat())[0] == 200
    rows = module.origin.requests()
    assert len(rows) == 6
    assert len({row["connection"] for row in rows}) == 1


def test_fallback_passes_over_dead_withdrawn_and_failing_origins(module):
    module.origin.next("status=503", 1, "near")
    status, headers, _ = module.call(chat(model="fallback"))
    assert (status, headers["weir-deployment"]) == (200, "far-1")
    module.stage("withdraw", "deployment", "near-1")
    try:
        lab.wait_for(lambda: module.call(chat())[0] == 403, 1, "withdrawal")
        status, headers, _ = module.call(chat(model="fallback"))
        assert (status, headers["weir-deployment"]) == (200, "far-1")
    finally:
        module.stage("restore")
    lab.wait_for(lambda: module.call(chat())[0] == 200, 1, "restored")


@pytest.mark.parametrize("words", ["bytes=5000;cut_after=900;how=fin",
                                   "bytes=5000;cut_after=900;how=rst",
                                   "length_off=5", "close"])
def test_short_reply_that_breaks_off_is_asked_elsewhere(module, words):
    module.origin.next(words, 1, "near")
    status, headers, _ = module.call(chat(model="fallback"))
    assert (status, headers["weir-deployment"]) == (200, "far-1")


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_long_reply_that_breaks_off_is_not_a_whole_one(module, how):
    _, headers, reply = module.call(
        chat(f"bytes=400000;cut_after=200000;how={how}"))
    assert "broken" in headers and len(reply) < 300000


@pytest.mark.parametrize("words", [
    "events=9;cut_after=4;how=fin", "events=9;cut_after=4;how=rst",
    "events=3;nodone", "events=3;gap=2000"])
def test_cut_stream_says_so_and_has_no_end(module, words):
    got = raw(module, post(chat(words, stream=True),
                           b"Connection: close"), 10)
    head, stream = got.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200")
    assert b"[DONE]" not in stream
    assert b'"stream_cut"' in stream and b"mid-stream" in stream
    assert not stream.endswith(b"0\r\n\r\n")


def test_event_above_the_limit_cuts_the_stream(module):
    got = raw(module, post(chat("events=2;bytes=3000000", stream=True)), 10)
    assert b"[DONE]" not in got and b'"error"' in got
    assert not got.endswith(b"0\r\n\r\n")


def test_interim_replies_and_doubtful_framing(module):
    """Origins that weir-origin does not play: raw replies on one socket."""
    import conftest
    replies = {
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2"
        b"\r\n\r\n{}": 200,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n"
        b"{}": 502,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked"
        b"\r\n\r\n2\r\n{}\r\n0\r\n\r\n": 502,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}": 502,
        b"HTTP/1.1 101 Switching\r\n\r\n": 502,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n": 502,
        b"HTTP/1.0 200 OK\r\n\r\n{}": 200,
        b"no http at all\r\n\r\n": 502,
        b"HTTP/1.1 204 No Content\r\n\r\n": 204,
    }
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        dead = int(module.origins["dead"].split(":")[2].split("/")[0])
        server.close()
        with socket.create_server(("127.0.0.1", dead)) as server:
            for reply, wanted in replies.items():
                stop = threading.Event()

                def serve():
                    server.settimeout(0.2)
                    while not stop.is_set():
                        try:
                            peer, _ = server.accept()
                        except TimeoutError:
                            continue
                        with peer:
                            peer.recv(65536)
                            peer.sendall(reply)
                            conftest.pause(0.02)

                thread = threading.Thread(target=serve)
                thread.start()
                try:
                    status, _, _ = module.call(chat(model="dead"))
                finally:
                    stop.set()
                    thread.join()
                assert status == wanted, reply
    assert port


# ----------------------------------------------------------- leaving


@pytest.mark.parametrize("words,stream", [
    ("hang", False), ("events=500;gap=20", True),
    ("status=503;retry_after=3", False), ("bytes=60000;piece=50", False)])
def test_client_that_leaves_leaves_nothing_behind(module, words, stream):
    with socket.create_connection(("127.0.0.1", module.port), 5) as s:
        s.sendall(post(chat(words, stream=stream)))
        lab.wait_for(lambda: module.origin.stats()["calls"] >= 1, 5)
    lab.wait_for(lambda: module.held() == 0, 0.5, "the hold's end")


def test_open_stream_of_a_withdrawn_model_ends_with_an_event(module):
    ends = {}

    def read(name, body):
        ends[name] = raw(module, post(body, b"Connection: close"), 10)

    threads = [threading.Thread(target=read, args=pair) for pair in (
        ("stream", chat("events=500;gap=20", stream=True)),
        ("waiting", chat("hang")),
        ("pausing", chat("status=503;retry_after=3")))]
    for thread in threads:
        thread.start()
    lab.wait_for(lambda: module.origin.stats()["calls"] >= 3, 5)
    module.stage("withdraw", "model", "near")
    try:
        for thread in threads:
            thread.join(10)
    finally:
        module.stage("restore")
    assert b'"withdrawn"' in ends["stream"]
    assert not ends["stream"].endswith(b"0\r\n\r\n")
    for name in ("waiting", "pausing"):
        assert ends[name].startswith(b"HTTP/1.1 403"), name
    lab.wait_for(lambda: module.call(chat())[0] == 200, 2, "restored")


# ------------------------------------------------------ bodies in pieces


@pytest.mark.parametrize("size", [3000, 5000, 100000, 700000])
@pytest.mark.parametrize("first", [1, 1000, 4000])
def test_body_in_pieces_and_the_request_behind_it(module, size, first):
    """What comes with the head, what comes later, and who waits behind."""
    text = post(chat(content="x" * size))
    head = text.index(b"\r\n\r\n") + 4
    follow = post(chat(content="second"), b"Connection: close")
    with socket.create_connection(("127.0.0.1", module.port), 5) as s:
        s.settimeout(5)
        s.sendall(text[:head + first])
        time.sleep(0.05)
        s.sendall(text[head + first:] + follow)
        got = b""
        while part := s.recv(65536):
            got += part
    assert got.count(b"HTTP/1.1 200 OK") == 2, got[:300]
    contents = [json.loads(module.origin.body(back))["messages"][0]["content"]
                for back in (1, 0)]
    assert contents == ["x" * size, "second"]


def test_client_that_leaves_within_its_body(module):
    text = post(chat(content="x" * 50000))
    head = text.index(b"\r\n\r\n") + 4
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", module.port), 5) as s:
            s.sendall(text[:head + 1500])
    status, _, _ = module.call(chat())
    assert status == 200
