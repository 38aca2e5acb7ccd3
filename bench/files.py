#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What does a large file cost a worker, in memory and in time?

Uploads --mib MiB end to end, client to weir to a scripted origin that counts
the bytes and forgets them: a document (no text, passes as it is), a text
(every byte through a filter, a mail in each kilobyte masked) and lines of a
batch (every line read, filtered, renamed). Prints JSON: seconds from the
first byte to the answer, the workers' processor time, and the most memory of
their own beyond what they had. Exit 1: an upload failed or bytes are missing.

    bench/files.py --mib 512
"""
import argparse
import http.client
import http.server
import json
import os
import pathlib
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/harness"))
sys.path.insert(0, str(ROOT / "tests/e2e"))
import lab  # noqa: E402
import world  # noqa: E402
from file_lab import EXTRA, FILTERS  # noqa: E402
from test_batches import anonymous  # noqa: E402

BOUNDARY = b"a-boundary-of-its-own"
MIB = 1 << 20


class Counter:
    """An origin that keeps nothing of a file but how long it was."""

    def __init__(self):
        self.bytes = 0
        counter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                left = int(self.headers["Content-Length"])
                while left:
                    left -= len(self.rfile.read(min(left, MIB)))
                counter.bytes = int(self.headers["Content-Length"])
                said = json.dumps({"id": "file-1", "object": "file"}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def start(where, url, mib):
    config = world.config({name: url for name in ("near", "far", "slow")},
                          lab.free_port(), {}, 0)
    for name in ("tls", "listen"):
        config.pop(name)
    config["filters"] = FILTERS
    config["limits"]["body"] = f"{mib + 16} MiB"
    for row in config["models"]:
        if row["name"] == "large":
            row["operations"] = ["chat", "batch"]
    for row in config["origins"]:
        row["timeouts"] = {"connect": "1 s", "first_byte": "120 s",
                           "idle": "120 s"}
    config["limits"]["deadline"] = "300 s"
    weir = lab.Weir(where / "weir", config,
                    {**world.POLICIES, "seller/extra.cedar": EXTRA})
    weir.start()
    return weir


def block_of(kind):
    """A MiB of it: whole rows."""
    if kind == "document":
        return os.urandom(MIB)
    text = "Write to jo@example.org, he knows. " + "word " * 197
    if kind == "text":
        return (text[:1023] + "\n").encode() * 1024
    line = json.dumps({"custom_id": "c", "method": "POST",
                       "url": "/v1/chat/completions",
                       "body": {"model": "large", "messages": [
                           {"role": "user", "content": text * 16}]}}) + "\n"
    return line.encode() * (MIB // len(line))


def busy(weir):
    """Processor seconds of all its children."""
    total = 0
    for pid, _, _ in weir.children():
        try:
            words = pathlib.Path(f"/proc/{pid}/stat").read_text().split()
            total += int(words[13]) + int(words[14])
        except OSError:
            pass
    return total / os.sysconf("SC_CLK_TCK")


def send(weir, key, kind, mib):
    purpose = b"batch" if kind == "lines" else b"user_data"
    head = (b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; '
            b'name="purpose"\r\n\r\n' + purpose + b"\r\n--" + BOUNDARY +
            b'\r\nContent-Disposition: form-data; name="file"; '
            b'filename="f"\r\n\r\n')
    tail = b"\r\n--" + BOUNDARY + b"--\r\n"
    block = block_of(kind)
    connection = http.client.HTTPConnection("127.0.0.1", weir.port,
                                            timeout=300)
    begun = time.monotonic()
    connection.putrequest("POST", "/v1/files")
    for name, value in (
            ("Authorization", "Bearer " + key), ("x-weir-model", "large"),
            ("Content-Type", "multipart/form-data; boundary=" +
             BOUNDARY.decode()),
            ("Content-Length", str(len(head) + len(block) * mib + len(tail)))):
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(head)
    for _ in range(mib):
        connection.send(block)
    connection.send(tail)
    sent = time.monotonic()
    reply = connection.getresponse()
    said = reply.read()
    connection.close()
    return reply.status, said, len(block) * mib, sent - begun, \
        time.monotonic() - begun


def measure(weir, key, kind, mib, counter):
    before, most, over = anonymous(weir), [0], threading.Event()
    worked = busy(weir)

    def look():
        while not over.is_set():
            most[0] = max(most[0], anonymous(weir))
            over.wait(0.02)
    looker = threading.Thread(target=look)
    looker.start()
    try:
        status, said, size, sending, whole = send(weir, key, kind, mib)
    finally:
        over.set()
        looker.join()
    return {"kind": kind, "bytes": size, "status": status,
            "arrived": counter.bytes, "sending_s": round(sending, 2),
            "whole_s": round(whole, 2),
            "processor_s": round(busy(weir) - worked, 2),
            "memory_kib": most[0] - before,
            "said": said[:60].decode() if status == 200 else said.decode()}


def run(mib, kinds=("document", "text", "lines")):
    counter = Counter()
    with tempfile.TemporaryDirectory() as where:
        weir = start(pathlib.Path(where), counter.url, mib)
        try:
            key = weir.key("thrifty/app")
            send(weir, key, "document", 1)  # warm
            return [measure(weir, key, kind, mib, counter) for kind in kinds]
        finally:
            weir.end()
            counter.server.shutdown()
            counter.server.server_close()


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--mib", type=int, default=512)
    rows = run(words.parse_args().mib)
    print(json.dumps(rows, indent=1))
    return any(row["status"] != 200 or row["arrived"] == 0 or
               (row["kind"] == "document" and row["arrived"] < row["bytes"])
               for row in rows)


if __name__ == "__main__":
    sys.exit(main())
