# SPDX-License-Identifier: Apache-2.0
"""llhttp's request cases against the running gateway.

The gateway may refuse more than llhttp, never less in a way that matters:
whatever it forwards must be one request to the origin too, and a connection
that served a case must not be out of step afterwards.
"""
import base64
import json
import socket
import subprocess

import pytest

import lab
from house import chat

MARK = b"in-step-"


def cases():
    data = lab.data_dir()
    if data is None:
        return [pytest.param(None, marks=pytest.mark.skip(
            reason="SKIPPED: no test data (WEIR_DATA)"))]
    packed = data / "vectors/http/llhttp-cases.jsonl.zst"
    text = subprocess.run(["zstd", "-dc", str(packed)], check=True,
                          capture_output=True).stdout
    rows = [json.loads(line) for line in text.splitlines()]
    rows = [row for row in rows if row["kind"] == "http" and
            row["type"].startswith("request")]
    return [pytest.param(row, id=f"{number}-{row['case']}"[:60])
            for number, row in enumerate(rows)]


def replies_of(raw):
    """Status codes of the replies in a byte stream, split as a strict
    client would; stops at the first that does not parse."""
    found = []
    while raw.startswith(b"HTTP/1."):
        end = raw.find(b"\r\n\r\n")
        if end < 0:
            break
        head, raw = raw[:end].split(b"\r\n"), raw[end + 4:]
        found.append(int(head[0].split()[1]))
        fields = {line.split(b":")[0].lower(): line.split(b":", 1)[1].strip()
                  for line in head[1:]}
        if fields.get(b"transfer-encoding") == b"chunked":
            while True:
                line = raw.find(b"\r\n")
                size = int(raw[:line].split(b";")[0] or b"0", 16)
                raw = raw[line + 2 + size + 2:] if size else raw[line + 2:]
                if size == 0:
                    raw = raw[raw.find(b"\r\n") + 2:]
                    break
        elif b"content-length" in fields:
            raw = raw[int(fields[b"content-length"]):]
    return found


def talk(house, raw, tail):
    """Sends the case and, behind it on the same connection, a good call."""
    with socket.create_connection(("127.0.0.1", house.weir.port), 5) as s:
        s.settimeout(1.0)
        got = b""
        try:
            s.sendall(raw + tail)
            s.shutdown(socket.SHUT_WR)
            while True:
                part = s.recv(65536)
                if not part:
                    break
                got += part
        except (TimeoutError, ConnectionResetError, BrokenPipeError):
            pass
        return got


@pytest.mark.parametrize("case", cases())
def test_case(house, case):
    raw = base64.b64decode(case["input_b64"])
    body = json.dumps(chat(MARK.decode())).encode()
    tail = (b"POST /v1/chat/completions HTTP/1.1\r\nHost: weir\r\n"
            b"Authorization: Bearer " + house.key("busy").encode() +
            b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            % len(body) + body)
    got = talk(house, raw, tail)
    statuses = replies_of(got)
    stats = house.origin.stats()
    # what the origin could not read is a finding whatever the status
    assert stats["bad_requests"] == 0, (case["case"], got[:300])
    # at most the good call went through: no case carries a key
    assert stats["calls"] <= 1, (case["case"], statuses)
    if stats["calls"] == 1:
        assert MARK in house.origin.body()
    if case["error"] is not None and statuses:
        # a case that llhttp refuses is not answered as served
        assert statuses[0] >= 400, (case["case"], statuses)
    # and the gateway is still there
    assert house.call(chat(), "busy")[0] == 200


def smuggle(house, head, body):
    """A keyed request whose framing is in doubt; (statuses, calls)."""
    raw = (b"POST /v1/chat/completions HTTP/1.1\r\nHost: weir\r\n"
           b"Authorization: Bearer " + house.key("busy").encode() + b"\r\n" +
           head + b"\r\n\r\n" + body)
    got = talk(house, raw, b"")
    return replies_of(got), house.origin.stats()


INNER = json.dumps(chat("inner")).encode()
SMUGGLED = (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: 2\r\n\r\n{}")


@pytest.mark.parametrize("head,body", [
    (b"Content-Length: %d\r\nTransfer-Encoding: chunked" % len(INNER),
     b"%x\r\n%s\r\n0\r\n\r\n" % (len(INNER), INNER)),
    (b"Transfer-Encoding: chunked\r\nContent-Length: 4",
     b"0\r\n\r\n" + SMUGGLED),
    (b"Content-Length: %d\r\nContent-Length: %d" % (len(INNER),
                                                    len(INNER) + 5),
     INNER + b"GET /"),
    (b"Content-Length: +%d" % len(INNER), INNER),
    (b"Content-Length: %d, %d" % (len(INNER), len(INNER)), INNER),
    (b"Content-Length: 0x10", INNER),
    (b"Transfer-Encoding: xchunked", INNER),
    (b"Transfer-Encoding: chunked, identity", INNER),
    (b"Transfer-Encoding : chunked", b"0\r\n\r\n"),
    (b"Transfer-Encoding:\x0bchunked", b"0\r\n\r\n"),
    (b"X: y\r\n Content-Length: 5", INNER),
    (b"Transfer-Encoding: chunked", b"-1\r\n" + INNER),
    (b"Transfer-Encoding: chunked", b"ffffffffffffffff1\r\n" + INNER),
    (b"Transfer-Encoding: chunked", b"5 \r\n" + INNER),
    (b"Transfer-Encoding: chunked", b"5;x\n" + INNER),
])
def test_doubtful_framing_is_refused_or_read_once(house, head, body):
    statuses, stats = smuggle(house, head, body)
    assert stats["bad_requests"] == 0
    assert stats["calls"] <= 1
    # one request, one answer at most that served it
    assert sum(status == 200 for status in statuses) <= 1
    if stats["calls"] == 1:
        assert b"inner" in house.origin.body()


def test_limits_of_the_head(house):
    for head in (b"X-Long: " + b"a" * 200_000,
                 b"\r\n".join(b"X-%d: y" % n for n in range(5000))):
        statuses, stats = smuggle(house, head, b"")
        assert stats["calls"] == 0
        assert not statuses or statuses[0] in (400, 414, 431, 494)
