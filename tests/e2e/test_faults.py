# SPDX-License-Identifier: Apache-2.0
"""Origins that fail: at every event of a stream, with replies that are none,
in storms. A client is told in its own dialect, and each call is settled. The
table of docs/measured/faults.md names these tests."""
import gzip
import json
import os
import pathlib
import socket
import struct
import sys
import threading
import time
import zlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
from test_dialects import (CHAT, GEMINI, MESSAGE, RESPONSE,  # noqa: E402
                           Dialects, chat_stream, gemini_stream,
                           message_stream)


def configure(config):
    """Failures of one test do not matter in the next; one attempt each."""
    for row in config["deployments"]:
        row["breaker"] = "none"
    for row in config["routes"]:
        row["attempts"] = 1
    config["limits"]["body"] = "64 MiB"


@pytest.fixture(scope="module")
def dialects(tmp_path_factory):
    made = Dialects(tmp_path_factory.mktemp("faults"), configure)
    yield made
    made.stop()


def frame(kind, payload):
    """One message of the binary event stream."""
    heads = b""
    for name, value in ((":event-type", kind), (":message-type", "event"),
                        (":content-type", "application/json")):
        heads += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(
            ">H", len(value)) + value.encode()
    body = json.dumps(payload).encode()
    raw = struct.pack(">II", 16 + len(heads) + len(body), len(heads))
    raw += struct.pack(">I", zlib.crc32(raw)) + heads + body
    return raw + struct.pack(">I", zlib.crc32(raw))


def converse_events():
    usage = {"inputTokens": 20, "outputTokens": 9, "totalTokens": 29}
    return [frame(kind, payload) for kind, payload in (
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0,
                               "delta": {"text": "Let me "}}),
        ("contentBlockDelta", {"contentBlockIndex": 0,
                               "delta": {"text": "look."}}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "end_turn"}),
        ("metadata", {"usage": usage, "metrics": {"latencyMs": 5}}))]


def responses_events():
    message = {"type": "message", "id": "m1", "role": "assistant",
               "status": "in_progress", "content": []}
    part = {"type": "output_text", "text": "", "annotations": []}
    at = {"output_index": 0, "item_id": "m1", "content_index": 0}
    rows = [
        {"type": "response.created", "response":
         {**RESPONSE, "status": "in_progress", "output": [], "usage": None}},
        {"type": "response.output_item.added", "output_index": 0,
         "item": message},
        {"type": "response.content_part.added", **at, "part": part},
        {"type": "response.output_text.delta", **at, "delta": "Let me "},
        {"type": "response.output_text.delta", **at, "delta": "look."},
        {"type": "response.output_text.done", **at, "text": "Let me look."},
        {"type": "response.completed", "response": RESPONSE}]
    return [f"event: {row['type']}\ndata: {json.dumps(row)}\n\n".encode()
            for row in rows]


def parted(stream, end=b"\n\n"):
    return [event + end for event in stream.split(end) if event]


# Events of each origin's dialect, and how many it takes until they are whole.
STREAMS = {"chat": parted(chat_stream()), "compatible": parted(chat_stream()),
           "responses": responses_events(),
           "messages": parted(message_stream()),
           "gemini": parted(gemini_stream(), b"\r\n\r\n"),
           "converse": converse_events()}
ENOUGH = {"chat": -1, "compatible": -1, "responses": -1, "messages": -1,
          "gemini": -1, "converse": -1}
ASKS = {
    "chat": ("/v1/chat/completions", {"stream": True}),
    "responses": ("/v1/responses", {"stream": True}),
    "messages": ("/v1/messages", {"stream": True, "max_tokens": 9}),
    "gemini": ("/v1beta/models/{}:streamGenerateContent?alt=sse", {}),
    "converse": ("/model/{}/converse-stream", {})}


def question(surface, model, stream=True):
    path, more = ASKS[surface]
    text = "hi"
    body = {"model": model, **more}
    if surface in ("chat", "messages"):
        body["messages"] = [{"role": "user", "content": text}]
    elif surface == "responses":
        body["input"] = text
    elif surface == "gemini":
        body = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    else:
        body = {"messages": [{"role": "user", "content": [{"text": text}]}]}
    if not stream:
        body.pop("stream", None)
        path = path.replace(":streamGenerateContent?alt=sse",
                            ":generateContent").replace("-stream", "")
    return path.format(model), body


def ask(dialects, surface, model, stream=True):
    path, body = question(surface, model, stream)
    return lab.exchange(dialects.weir.port, "POST", path,
                        json.dumps(body).encode(),
                        {"Authorization": "Bearer " + dialects.key,
                         "Content-Type": "application/json"}, lab.PATIENCE)


def raw_reply(dialects, head, *parts):
    """The origin sends these bytes and closes."""
    def answer(handler):
        handler.wfile.write(head.replace(b"\n", b"\r\n") + b"\r\n\r\n")
        for part in parts:
            handler.wfile.write(part)
        handler.close_connection = True
    dialects.origin.answer = answer


def chunks(parts):
    return [b"%x\r\n%s\r\n" % (len(part), part) for part in parts]


@pytest.fixture(autouse=True)
def clean(request):
    yield
    if "dialects" in request.fixturenames:
        origin = request.getfixturevalue("dialects").origin
        origin.__dict__.pop("answer", None)


def last_event(reply):
    text = reply.replace(b"\r\n", b"\n").strip().split(b"\n\n")[-1]
    data = [line[5:].strip() for line in text.split(b"\n")
            if line.startswith(b"data:")]
    return json.loads(b"\n".join(data))


def is_told(surface, status, reply):
    """Whether the client's own dialect says that it failed."""
    if status >= 400:
        fault = json.loads(reply)
        return "error" in fault or "message" in fault
    if surface == "converse":
        return b":exception-type" in reply
    fault = last_event(reply)
    if surface == "responses":
        return fault.get("type") in ("error", "response.failed")
    if surface == "messages":
        return fault.get("type") == "error"
    return "error" in fault


def outcomes(dialects, requests):
    """What `explain` says of each, once it is settled."""
    def one(request):
        done = dialects.weir.cli("explain", request, "--json", check=False)
        said = json.loads(done.stdout) if done.returncode < 2 else {}
        return said.get("outcome")
    return [lab.wait_for(lambda name=name: one(name), lab.PATIENCE,
                         "the outcome") for name in requests]


def nothing_is_open(dialects):
    def sums():
        rows = dialects.weir.usage("good")
        return sum(row["open"] for row in rows) == 0
    lab.wait_for(sums, lab.PATIENCE, "all calls settled")


@pytest.mark.parametrize("surface", ASKS)
@pytest.mark.parametrize("dialect", STREAMS)
def test_an_origin_that_dies_at_an_event(dialects, dialect, surface):
    """At each event, between two and in the middle of one."""
    events = STREAMS[dialect]
    kind = b"application/vnd.amazon.eventstream" if dialect == "converse" \
        else b"text/event-stream"
    head = b"HTTP/1.1 200 OK\nContent-Type: " + kind + \
        b"\nTransfer-Encoding: chunked"
    checked, wanted = [], len(events) + ENOUGH[dialect]
    for count in range(wanted + 1):
        halves = (False, True) if count < wanted else (False,)
        for half in halves:
            sent = events[:count]
            if half:
                sent = [*sent, events[count][:len(events[count]) // 2]]
            raw_reply(dialects, head, *chunks(sent))
            status, headers, reply = ask(dialects, surface, f"to-{dialect}")
            assert is_told(surface, status, reply), (count, half, reply)
            if status == 200:
                assert "broken" in headers
            checked.append((count, headers["weir-request-id"]))
    for (count, _), outcome in zip(checked[::7], outcomes(
            dialects, [request for _, request in checked[::7]])):
        assert outcome["ending"] != "complete", (count, outcome)
    nothing_is_open(dialects)


def test_what_was_said_before_the_cut_is_paid_and_the_log_is_good(dialects):
    events = STREAMS["chat"]
    raw_reply(dialects, b"HTTP/1.1 200 OK\nContent-Type: text/event-stream\n"
              b"Transfer-Encoding: chunked", *chunks(events[:5]))
    _, headers, _ = ask(dialects, "messages", "to-chat")
    outcome, = outcomes(dialects, [headers["weir-request-id"]])
    usage = outcome.get("usage", outcome)
    assert usage.get("estimated", usage.get("is_estimated")) is True
    assert usage["input_tokens"] > 0 and usage["output_tokens"] > 0
    nothing_is_open(dialects)
    done = dialects.weir.audit(lab.PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr


BODIES = {"chat": CHAT, "compatible": CHAT, "responses": RESPONSE,
          "messages": MESSAGE, "gemini": GEMINI,
          "converse": {"output": {"message": {"role": "assistant", "content": [
              {"text": "Let me look."}]}}, "stopReason": "end_turn",
              "usage": {"inputTokens": 20, "outputTokens": 9,
                        "totalTokens": 29}, "metrics": {"latencyMs": 1}}}


def packed(dialect, coding):
    raw = json.dumps(BODIES[dialect]).encode()
    return {"gzip": gzip.compress, "deflate": zlib.compress,
            "br": lambda data: b"\x0b\x02\x80" + data}[coding](raw)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
@pytest.mark.parametrize("surface, dialect", [
    ("chat", "chat"), ("messages", "chat"), ("chat", "messages"),
    ("gemini", "gemini"), ("converse", "converse"),
    ("responses", "compatible")])
def test_an_encoding_that_was_not_asked_for(dialects, surface, dialect,
                                            coding):
    """It is refused by name, asked for once, and costs nothing."""
    body = packed(dialect, coding)
    asked = len(dialects.origin.asked)
    raw_reply(dialects, b"HTTP/1.1 200 OK\nContent-Type: application/json\n"
              b"Content-Encoding: " + coding.encode() +
              b"\nContent-Length: %d" % len(body), body)
    for stream in (False, True):
        status, headers, reply = ask(dialects, surface, f"to-{dialect}",
                                     stream)
        assert status == 502 and "content-encoding" not in headers
        assert is_told(surface, status, reply)
        assert b"encoding that was not asked for" in reply
    assert len(dialects.origin.asked) == asked + 2
    assert dialects.origin.asked[-1][1]["Accept-Encoding"] == "identity"
    outcome, = outcomes(dialects, [headers["weir-request-id"]])
    assert outcome["ending"] != "complete"
    nothing_is_open(dialects)


HTML = b"<html><body><h1>502</h1></body></html>"
MALFORMED = {
    "html": (b"text/html", HTML), "html as json": (b"application/json", HTML),
    "empty": (b"application/json", b""), "half": (b"application/json", None),
    "text": (b"text/plain", b"OK"), "number": (b"application/json", b"3"),
    "deep": (b"application/json", b"[" * 10000)}


@pytest.mark.parametrize("what", MALFORMED)
@pytest.mark.parametrize("surface, dialect", [
    ("messages", "chat"), ("chat", "messages"), ("chat", "gemini"),
    ("gemini", "converse"), ("converse", "chat"), ("responses", "messages"),
    ("chat", "chat"), ("messages", "messages"), ("gemini", "gemini"),
    ("converse", "converse")])
def test_replies_that_are_none(dialects, surface, dialect, what):
    """Translated or not: nothing that looks like an answer."""
    kind, body = MALFORMED[what]
    if body is None:
        body = json.dumps(BODIES[dialect]).encode()[:-20]
    raw_reply(dialects, b"HTTP/1.1 200 OK\nContent-Type: " + kind +
              b"\nContent-Length: %d" % len(body), body)
    status, headers, reply = ask(dialects, surface, f"to-{dialect}", False)
    assert status == 502 and is_told(surface, status, reply), (
        status, reply[:200])
    outcome, = outcomes(dialects, [headers["weir-request-id"]])
    assert outcome["ending"] != "complete"
    usage = outcome.get("usage", outcome)
    assert usage["output_tokens"] == 0


@pytest.mark.parametrize("surface, dialect", [
    ("chat", "chat"), ("messages", "chat"), ("chat", "messages"),
    ("gemini", "gemini"), ("converse", "converse")])
@pytest.mark.parametrize("framing", ["length", "chunks", "bad chunk",
                                     "both", "no status"])
def test_framing_that_is_broken(dialects, surface, dialect, framing):
    body = json.dumps(BODIES[dialect]).encode()
    head = b"HTTP/1.1 200 OK\nContent-Type: application/json\n"
    if framing == "length":
        raw_reply(dialects, head + b"Content-Length: %d" % len(body),
                  body[:-30])
    elif framing == "chunks":
        raw_reply(dialects, head + b"Transfer-Encoding: chunked",
                  b"%x\r\n" % len(body) + body[:-30])
    elif framing == "bad chunk":
        raw_reply(dialects, head + b"Transfer-Encoding: chunked",
                  b"zz\r\n" + body + b"\r\n0\r\n\r\n")
    elif framing == "both":
        raw_reply(dialects, head + b"Transfer-Encoding: chunked\n"
                  b"Content-Length: 3", b"0\r\n\r\n")
    else:
        raw_reply(dialects, b"nonsense", body)
    status, headers, reply = ask(dialects, surface, f"to-{dialect}", False)
    assert status == 502 and is_told(surface, status, reply), (status, reply)
    outcome, = outcomes(dialects, [headers["weir-request-id"]])
    assert outcome["ending"] != "complete"


@pytest.mark.parametrize("surface, dialect", [
    ("chat", "chat"), ("messages", "chat"), ("responses", "compatible"),
    ("chat", "messages"), ("gemini", "chat"), ("chat", "gemini"),
    ("converse", "chat")])
def test_an_event_of_a_megabyte(dialects, surface, dialect):
    """Passed or translated, in small pieces, it arrives whole."""
    text = "é\\\"x" * 200_000
    events = {
        "chat": [{"id": "c", "object": "chat.completion.chunk", "created": 5,
                  "model": "m", "choices": [{"index": 0, "delta": {
                      "role": "assistant", "content": text},
                      "finish_reason": None}]},
                 {"id": "c", "object": "chat.completion.chunk", "created": 5,
                  "model": "m", "choices": [{"index": 0, "delta": {},
                                             "finish_reason": "stop"}],
                  "usage": {"prompt_tokens": 1, "completion_tokens": 2,
                            "total_tokens": 3}}, "[DONE]"],
        "gemini": [{**GEMINI, "candidates": [{"content": {
            "role": "model", "parts": [{"text": text}]}, "index": 0,
            "finishReason": "STOP"}]}],
        "messages": [
            {"type": "message_start", "message": {
                **MESSAGE, "content": [], "stop_reason": None}},
            {"type": "content_block_start", "index": 0, "content_block": {
                "type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {
                "type": "text_delta", "text": text}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"},
             "usage": {"output_tokens": 9}}, {"type": "message_stop"}]}
    rows = events.get(dialect, events["chat"])
    stream = b"".join(
        (f"event: {row['type']}\n".encode() if dialect == "messages" else b"")
        + b"data: " + (row if isinstance(row, str) else
                       json.dumps(row, ensure_ascii=False)).encode() + b"\n\n"
        for row in rows)
    assert len(stream) > 1_000_000
    dialects.origin.set(stream, "text/event-stream", chunk=40_000)
    status, headers, reply = ask(dialects, surface, f"to-{dialect}")
    assert status == 200 and "broken" not in headers, reply[-300:]
    if surface == "converse":
        assert b":exception-type" not in reply and len(reply) > 1_000_000
    else:
        inner = json.dumps(text, ensure_ascii=False)[1:-1].encode()
        whole = reply.replace(b"\\u00e9", "é".encode())
        assert inner in whole, reply[:300]
        assert b'"error"' not in whole.replace(b'"error":null', b"")


def test_an_event_over_the_limit_is_cut(dialects):
    """Of 4 MiB an event is refused where weir has to hold it."""
    row = {"id": "c", "object": "chat.completion.chunk", "created": 5,
           "model": "m", "choices": [{"index": 0, "delta": {
               "content": "x" * 5_000_000}, "finish_reason": None}]}
    dialects.origin.set(b"data: " + json.dumps(row).encode() + b"\n\n",
                        "text/event-stream", chunk=60_000)
    status, headers, reply = ask(dialects, "messages", "to-chat")
    assert is_told("messages", status, reply) and len(reply) < 100_000
    outcome, = outcomes(dialects, [headers["weir-request-id"]])
    assert outcome["ending"] != "complete"


IMAGE = "QUJD" * 5_000_000     # 20 MB of base64, 15 MB of image


@pytest.mark.parametrize("surface, dialect", [
    ("chat", "chat"), ("chat", "messages"), ("messages", "chat"),
    ("gemini", "gemini"), ("chat", "gemini"), ("converse", "converse"),
    ("messages", "converse")])
def test_an_image_of_20_megabytes(dialects, surface, dialect):
    """Plain and translated: the origin has every byte of it."""
    dialects.origin.set(json.dumps(BODIES[dialect]).encode())
    path, body = question(surface, f"to-{dialect}", False)
    if surface == "chat":
        body["messages"][0]["content"] = [
            {"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {
                "url": "data:image/png;base64," + IMAGE}}]
    elif surface == "messages":
        body["messages"][0]["content"] = [{"type": "image", "source": {
            "type": "base64", "media_type": "image/png", "data": IMAGE}}]
    elif surface == "gemini":
        body["contents"][0]["parts"].append({"inlineData": {
            "mimeType": "image/png", "data": IMAGE}})
    else:
        body["messages"][0]["content"].append({"image": {
            "format": "png", "source": {"bytes": IMAGE}}})
    status, headers, reply = lab.exchange(
        dialects.weir.port, "POST", path, json.dumps(body).encode(),
        {"Authorization": "Bearer " + dialects.key,
         "Content-Type": "application/json"}, lab.PATIENCE)
    assert status == 200, reply[:500]
    sent = dialects.origin.asked.pop()[2]
    assert IMAGE.encode() in sent
    outcome, = outcomes(dialects, [headers["weir-request-id"]])
    # an image counts as one, not as the text that it is written in
    usage = outcome.get("usage", outcome)
    assert usage["input_tokens"] < 100_000


def resident(pid):
    """KiB of anonymous memory."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1])
    return 0


def workers(weir):
    return [pid for pid, name, line in weir.children() if name == "nginx" and
            "worker" in pathlib.Path(f"/proc/{pid}/cmdline").read_text()]


def test_a_reader_that_stands_still_holds_a_bounded_buffer(dialects):
    """100 MB for each of 6 clients that read nothing: what the kernel's
    buffers do not take stays at the origin."""
    event = b"data: " + json.dumps(
        {"id": "c", "object": "chat.completion.chunk", "created": 5,
         "model": "m", "choices": [{"index": 0, "delta": {
             "content": "x" * 100_000}, "finish_reason": None}]}).encode() + \
        b"\n\n"
    sent, over = [0] * 6, threading.Event()

    def answer(handler):
        index = next(n for n, done in enumerate(sent) if done == 0)
        sent[index] = 1
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: "
                            b"text/event-stream\r\n\r\n")
        handler.connection.settimeout(0.2)
        handler.close_connection = True
        while sent[index] < 100_000_000 and not over.is_set():
            try:
                sent[index] += handler.connection.send(event)
            except TimeoutError:
                continue
            except OSError:
                return
    dialects.origin.answer = answer
    before = {pid: resident(pid) for pid in workers(dialects.weir)}
    assert before
    clients = []
    try:
        for surface in ("chat", "messages") * 3:
            path, body = question(surface, "to-compatible")
            raw = json.dumps(body).encode()
            sock = socket.create_connection(
                ("127.0.0.1", dialects.weir.port), lab.PATIENCE)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(b"POST %s HTTP/1.1\r\nHost: w\r\nAuthorization: "
                         b"Bearer %s\r\nContent-Type: application/json\r\n"
                         b"Content-Length: %d\r\n\r\n" % (
                             path.encode(), dialects.key.encode(),
                             len(raw)) + raw)
            clients.append(sock)
            lab.wait_for(lambda: sum(1 for n in sent if n) == len(clients),
                         lab.PATIENCE, "the origin was asked")
        # until nothing moves any more: three looks that agree
        looks = []

        def stands():
            looks.append(list(sent))
            time.sleep(0.3)
            return len(looks) > 3 and looks[-1] == looks[-2] == looks[-3]
        lab.wait_for(stands, lab.PATIENCE, "the streams to stand")
        assert max(sent) < 50_000_000
        grown = sum(resident(pid) - before.get(pid, 0)
                    for pid in workers(dialects.weir))
        print(f"6 readers that stand still: {grown} KiB of memory, at most "
              f"{max(sent)} bytes taken from an origin")
        # 6 x one event held (4 MiB at most), and its translation
        assert grown < 6 * 2 * 4096, grown
    finally:
        over.set()
        for sock in clients:
            sock.close()
    nothing_is_open(dialects)
