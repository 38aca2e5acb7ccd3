# SPDX-License-Identifier: Apache-2.0
"""A realtime origin of the tests' own, and a client that sends raw frames."""
import base64
import hashlib
import json
import os
import socket
import ssl
import struct
import threading

import lab
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SOUND = base64.b64encode(bytes(4800)).decode()

# What each answer took: every kind of token that has a price.
USAGE = {"total_tokens": 300, "input_tokens": 200, "output_tokens": 100,
         "input_token_details": {
             "text_tokens": 80, "audio_tokens": 120, "cached_tokens": 100,
             "cached_tokens_details": {"text_tokens": 40,
                                       "audio_tokens": 60}},
         "output_token_details": {"text_tokens": 30, "audio_tokens": 70}}


class Origin:
    """Speaks the realtime API by a small script: what `response.create` says
    in `instructions` is what happens."""

    def __init__(self, tls=None):
        self.seen = []          # events, as text
        self.heads = []         # (path, headers) of handshakes
        self.gone = []          # how sessions ended: close codes
        self.flooded = 0
        self.count = 0
        self.text = ""          # of the last item
        self.written = None     # usage of what is written down
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls["certificate"], tls["key"])
        self.server = serve(
            self.session, "127.0.0.1", 0, ssl=context, compression=None,
            max_size=64 << 20, subprotocols=["realtime"],
            select_subprotocol=lambda connection, offered:
            "realtime" if "realtime" in offered else None,
            process_request=self.greet)
        self.port = self.server.socket.getsockname()[1]
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def greet(self, connection, request):
        self.heads.append((request.path, dict(request.headers)))
        if "refused" in request.path:
            return connection.respond(418, "not here")
        return None

    def answer(self, connection, what):
        self.count += 1
        name = f"resp_{self.count}"
        tell = lambda kind, **more: connection.send(  # noqa: E731
            json.dumps({"type": kind, "event_id": "event_o", **more}))
        tell("response.created", response={"id": name, "usage": None})
        if what.startswith(("say ", "echo")):
            said = what[4:].split("|") if what[0] == "s" else \
                [self.text[:len(self.text) // 2],
                 self.text[len(self.text) // 2:]]
            place = {"response_id": name, "item_id": "item_1",
                     "output_index": 0, "content_index": 0}
            for piece in said:
                tell("response.output_text.delta", **place, delta=piece)
            tell("response.output_text.done", **place, text="".join(said))
            tell("response.done", response={
                "id": name, "status": "completed", "usage": USAGE})
            return
        tell("response.output_text.delta", response_id=name, delta="Hello ")
        tell("response.output_audio.delta", response_id=name, delta=SOUND)
        if what == "die":
            connection.socket.shutdown(socket.SHUT_RDWR)
            return
        if what == "garbage":
            connection.send("{not json")
            return
        if what == "bytes":
            connection.send(b"\0\1")
            return
        if what == "wait":
            return      # and never ends
        if what == "flood":
            for _ in range(1200):
                tell("response.output_text.delta", response_id=name,
                     delta="x" * 65536)
                self.flooded += 1
        if what == "large":
            tell("response.output_text.delta", response_id=name,
                 delta="y" * (2 << 20))
        tell("response.output_text.delta", response_id=name, delta="world")
        tell("response.done", response={"id": name, "status": "completed",
                                        "usage": USAGE})

    def session(self, connection):
        connection.send(json.dumps(
            {"type": "session.created", "event_id": "event_o",
             "session": {"type": "realtime", "model": "talker-9"}}))
        try:
            for text in connection:
                self.seen.append(text)
                event = json.loads(text)
                if event["type"] == "session.update":
                    connection.send(json.dumps(
                        {"type": "session.updated", "event_id": "event_o",
                         "session": event["session"]}))
                elif event["type"] == "conversation.item.create":
                    self.text = event["item"]["content"][0].get("text", "")
                elif event["type"] == "response.create":
                    self.answer(connection, event.get("response", {}).get(
                        "instructions", ""))
                elif event["type"] == "input_audio_buffer.commit":
                    if self.written is not None:
                        connection.send(json.dumps({
                            "type": "conversation.item.input_audio_"
                            "transcription.completed", "item_id": "item_1",
                            "event_id": "event_o", "content_index": 0,
                            "transcript": "well", **self.written}))
                    self.answer(connection, "")
        except ConnectionClosed:
            pass
        self.gone.append(connection.close_code)

    def reset(self):
        self.seen.clear()
        self.heads.clear()
        self.gone.clear()
        self.flooded = 0
        self.written = None

    def stop(self):
        self.server.shutdown()


def frame(opcode, payload=b"", final=True, mask=b"\x11\x22\x33\x44",
          head=None):
    """One frame of a client; `mask` None: without, which is wrong."""
    first = (0x80 if final else 0) | opcode
    size = len(payload)
    flag = 0x80 if mask else 0
    if head is not None:
        return head
    if size < 126:
        start = struct.pack("!BB", first, flag | size)
    elif size < 65536:
        start = struct.pack("!BBH", first, flag | 126, size)
    else:
        start = struct.pack("!BBQ", first, flag | 127, size)
    if not mask:
        return start + payload
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return start + mask + masked


class Raw:
    """A client on a plain socket: sends any bytes, reads frames."""

    def __init__(self, port, path, key, headers=None, timeout=60):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.rest = b""
        nonce = base64.b64encode(os.urandom(16))
        lines = {"Host": "weir", "Upgrade": "websocket",
                 "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": nonce.decode(),
                 "Authorization": "Bearer " + key, **(headers or {})}
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\n".encode() +
            b"".join(f"{name}: {value}\r\n".encode()
                     for name, value in lines.items() if value is not None) +
            b"\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            got = self.socket.recv(65536)
            if not got:
                break
            head += got
        head, _, self.rest = head.partition(b"\r\n\r\n")
        words = head.decode().split("\r\n")
        self.status = int(words[0].split()[1])
        self.headers = {name.lower(): value for name, _, value in
                        (line.partition(": ") for line in words[1:])}
        if self.status == 101:
            proof = base64.b64encode(hashlib.sha1(nonce + GUID).digest())
            assert self.headers["sec-websocket-accept"] == proof.decode()
            assert "sec-websocket-extensions" not in self.headers
        else:
            size = int(self.headers["content-length"])
            self.rest = self.take(size)

    def take(self, size):
        while len(self.rest) < size:
            got = self.socket.recv(65536)
            if not got:
                raise EOFError
            self.rest += got
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def read(self):
        """(opcode, payload) of the next frame; weir sends whole ones."""
        first, size = self.take(2)
        assert first & 0x80 and not first & 0x70 and not size & 0x80
        if size == 126:
            size, = struct.unpack("!H", self.take(2))
        elif size == 127:
            size, = struct.unpack("!Q", self.take(8))
        return first & 15, self.take(size)

    def event(self, kind=None):
        """The next event, or the next of that type."""
        while True:
            opcode, payload = self.read()
            if opcode != 1:
                raise AssertionError((opcode, payload))
            event = json.loads(payload)
            if kind in (None, event["type"]):
                return event

    def closed(self):
        """Events up to the close frame, its code and its reason."""
        events = []
        while True:
            opcode, payload = self.read()
            if opcode == 1:
                events.append(json.loads(payload))
            if opcode == 8:
                code, = struct.unpack("!H", payload[:2])
                return events, code, payload[2:].decode()

    def send(self, event, **more):
        text = event if isinstance(event, bytes) else \
            json.dumps(event).encode()
        self.socket.sendall(frame(1, text, **more))

    def create(self, what="", **more):
        self.send({"type": "response.create",
                   "response": {"instructions": what}, **more})

    def end(self):
        """The proper end: a close frame each way."""
        self.socket.sendall(frame(8, struct.pack("!H", 1000)))
        _, code, _ = self.closed()
        self.socket.close()
        return code

    @property
    def request(self):
        return self.headers["weir-request-id"]


def outcome(weir, request):
    """How the session ended, once it is in the ledger."""
    def found():
        done = weir.cli("explain", request, "--json", check=False)
        said = json.loads(done.stdout) if done.returncode < 2 else {}
        return said.get("outcome")
    return lab.wait_for(found, 60, "the outcome of " + request)
