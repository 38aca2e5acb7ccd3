# SPDX-License-Identifier: Apache-2.0
"""Realtime sessions with origins that do everything wrong that the frames of
a WebSocket allow, byte by byte."""
import base64
import hashlib
import json
import pathlib
import select
import socket
import struct
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import world  # noqa: E402
from realtime import GUID, Raw, frame, outcome  # noqa: E402

CREATED = json.dumps({"type": "session.created", "event_id": "event_o",
                      "session": {"type": "realtime"}}).encode()


def plain(opcode, payload=b"", final=True):
    return frame(opcode, payload, final, mask=None)


class RawOrigin:
    """Answers the handshake with `head`, sends `bytes_sent` in pieces of
    `piece` and then does as `then` says: waits, closes or never reads."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.set()
        threading.Thread(target=self.run, daemon=True).start()

    def set(self, bytes_sent=b"", piece=None, then="wait", head="", proof=True,
            version="HTTP/1.1 101 Switching Protocols"):
        self.script = bytes_sent, piece, then, head, proof, version
        self.heard = b""

    def run(self):
        while True:
            line, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(line,),
                             daemon=True).start()

    def serve(self, line):
        bytes_sent, piece, then, more, proof, version = self.script
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = b""
        while b"\r\n\r\n" not in head:
            got = line.recv(65536)
            if not got:
                return
            head += got
        nonce = next(row.split(b": ", 1)[1] for row in head.split(b"\r\n")
                     if row.lower().startswith(b"sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1(nonce + GUID).digest()) \
            if proof else b"AAAAAAAAAAAAAAAAAAAAAAAAAAA="
        out = (f"{version}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               f"Sec-WebSocket-Accept: {accept.decode()}\r\n{more}\r\n"
               ).encode() + bytes_sent
        try:
            for at in range(0, len(out), piece or len(out)):
                line.sendall(out[at:at + (piece or len(out))])
            if then == "close":
                line.shutdown(socket.SHUT_RDWR)
                return
            if then == "deaf":
                self.held = line
                return
            while True:
                got = line.recv(65536)
                if not got:
                    return
                self.heard += got
        except OSError:
            pass


class Place:
    def __init__(self, where):
        self.origin = RawOrigin()
        config = world.config(
            {name: f"http://127.0.0.1:{self.origin.port}/v1" for name in
             ("near", "far", "slow")}, lab.free_port(), {}, 0)
        config.pop("tls")
        config.pop("listen")
        config["models"].append(
            {**world.model("small", "other", ["realtime"]), "name": "talker",
             "output_tokens_max": 100})
        row = world.deployment("talker-near", "talker", "near")
        row["breaker"] = "none"
        config["deployments"].append(row)
        config["routes"].append({"name": "talker_near", "mode": "order",
                                 "candidates": ["talker-near"]})
        config["limits"]["message"] = "256 KiB"
        self.weir = lab.Weir(where / "weir", config, world.POLICIES)
        self.weir.start()
        self.key = self.weir.key("good/app")

    def open(self):
        return Raw(self.weir.port, "/v1/realtime?model=talker_near", self.key)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = Place(tmp_path_factory.mktemp("raw-origin"))
    yield made
    made.weir.end()


def test_frames_of_an_origin_at_every_split_are_one_event(place):
    middle = len(CREATED) // 2
    for bytes_sent in (
            plain(1, CREATED),
            plain(1, CREATED[:middle], final=False) + plain(9, b"beat") +
            plain(0, b"", final=False) + plain(0, CREATED[middle:])):
        place.origin.set(bytes_sent, piece=1)
        client = place.open()
        if b"beat" in bytes_sent:
            assert client.read() == (9, b"beat")
        assert client.read() == (1, CREATED)
        client.socket.close()


@pytest.mark.parametrize("bytes_sent", [
    frame(1, CREATED),                              # masked
    b"\xc1\x02{}",                                  # a reserved bit
    b"\x83\x00",                                    # an opcode of nobody
    b"\x80\x02{}",                                  # a fragment of nothing
    plain(1, b"{", final=False) + plain(1, b"}"),   # a message amid another
    b"\x09\x00",                                    # a ping in fragments
    b"\x89\x7e\x00\x7e" + bytes(126),               # a ping of 126 bytes
    b"\x81\x7e\x00\x05hello",                       # a length not in short
    b"\x81\x7f" + struct.pack("!Q", 1 << 63),       # below zero
    b"\x81\x7f" + struct.pack("!Q", 1 << 40),       # a terabyte
    b"\x81\x7f" + struct.pack("!Q", 262145) + b"x",     # one more than may be
    plain(1, b"\xff\xfe"),                          # no text
    plain(1, b"{"), plain(1, b"[]"), plain(1, b"1"), plain(1, b""),
    plain(2, CREATED),                              # bytes
    plain(8, b"\x03"),                              # half a code
    plain(8, struct.pack("!H", 1005)),              # a code that is none
    plain(8, struct.pack("!H", 1000) + b"\xff"),    # a reason that is no text
], ids=range(20))
def test_what_no_origin_may_send_ends_the_session(place, bytes_sent):
    place.origin.set(plain(1, CREATED) + bytes_sent)
    client = place.open()
    assert client.event()["type"] == "session.created"
    events, code, _ = client.closed()
    assert code == 1011
    assert events[-1]["error"]["type"] == "upstream_error"
    assert outcome(place.weir, client.request)["ending"] == "cut"


@pytest.mark.parametrize("bytes_sent", [
    b"", plain(1, CREATED)[:7], plain(1, CREATED, final=False), b"\x81\x7e"])
def test_an_origin_that_dies_amid_a_frame(place, bytes_sent):
    place.origin.set(plain(1, CREATED) + bytes_sent, then="close")
    client = place.open()
    assert client.event()["type"] == "session.created"
    assert client.closed()[1] == 1011
    assert outcome(place.weir, client.request)["ending"] == "cut"


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 3000, 4999])
def test_an_origin_s_close_is_passed_on_with_its_code(place, code):
    place.origin.set(plain(1, CREATED) +
                     plain(8, struct.pack("!H", code) + b"so long"))
    client = place.open()
    assert client.event()["type"] == "session.created"
    assert client.closed() == ([], code, "so long")
    client.socket.sendall(frame(8, struct.pack("!H", code)))
    assert outcome(place.weir, client.request)["ending"] == "complete"


@pytest.mark.parametrize("script", [
    {"proof": False},
    {"head": "Sec-WebSocket-Extensions: permessage-deflate\r\n"},
    {"head": "Sec-WebSocket-Protocol: chat\r\n"},
    {"head": "Content-Length: 2\r\n"},
    {"head": "Transfer-Encoding: chunked\r\n"}],
    ids=["proof", "extension", "protocol", "length", "chunks"])
def test_a_handshake_that_was_not_asked_for_is_none(place, script):
    place.origin.set(plain(1, CREATED), **script)
    client = place.open()
    assert client.status == 502
    assert json.loads(client.rest)["error"]["type"] == "upstream_error"


def test_an_origin_that_does_not_read_holds_the_client_back(place):
    place.origin.set(plain(1, CREATED), then="deaf")
    client = place.open()
    assert client.event()["type"] == "session.created"
    packet = frame(1, json.dumps({"type": "conversation.item.create", "item": {
        "type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "x" * 65536}]}}).encode())
    client.socket.setblocking(False)
    sent, rest = 0, b""
    while select.select([], [client.socket], [], 3)[1]:
        rest = rest or packet
        try:
            count = client.socket.send(rest)
        except BlockingIOError:
            continue
        sent, rest = sent + count, rest[count:]
        assert sent < 256 << 20     # sockets hold some MB, weir one message
    # a reset, which is not behind what nobody takes
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
    client.socket.close()
    assert outcome(place.weir, client.request)["ending"] == "client_left"
    place.origin.held.close()


def test_every_session_is_on_record(place):
    assert place.weir.audit(60).returncode == 0
