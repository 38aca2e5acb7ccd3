#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What do calls of tools and frames of realtime sessions cost beside plain
nginx, which passes the same bytes to the same origins?

  tools      POST of one message by wrk; the origin is an nginx that answers
             by itself. weir reads the message, asks, records, reads the answer
  frames up  a client's events (input_audio_buffer.append), as fast as they go
  frames down deltas of one answer, the same

Each in rounds, nginx and weir in turn; the medians are told. CPU is that of
the proxy's workers - weir: with the journal's writer -, by /proc, so that it
holds on a busy machine where throughput does not. Prints a table.

    bench/live.py --rounds 5 --seconds 3 --messages 200000
"""
import argparse
import base64
import hashlib
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests/harness"), str(ROOT / "tests/e2e")]
import lab  # noqa: E402
import world  # noqa: E402
from realtime import GUID, Raw, frame  # noqa: E402

CALL = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                   "params": {"name": "search", "arguments": {
                       "text": "x" * 300}}})
ANSWER = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"content": [
    {"type": "text", "text": "y" * 300}], "isError": False}})
PERMIT = """
@id("tools") @title("Tools") @authority("The seller")
permit (principal, action in [Action::"connect", Action::"call_tool"],
        resource in Bloc::"hosting");
"""
NGINX = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; default_type text/plain;
    client_body_temp_path {dir}; proxy_temp_path {dir};
    fastcgi_temp_path {dir}; uwsgi_temp_path {dir}; scgi_temp_path {dir};
    {servers}
}}
"""
PROXY = """
    upstream tools {{ server 127.0.0.1:{tools}; keepalive 64;
                      keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port};
        location /mcp {{ proxy_pass http://tools; proxy_http_version 1.1;
                         proxy_set_header Connection ""; }}
        location /v1/realtime {{
            proxy_pass http://127.0.0.1:{sessions}; proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade; }}
    }}
"""
TOOLS = """
    server {{ listen 127.0.0.1:{tools};
        location / {{ default_type application/json; return 200 '{answer}'; }} }}
"""


def event(kind, **more):
    return json.dumps({"type": kind, "event_id": "event_o", **more}).encode()


class Sessions(threading.Thread):
    """An origin of frames made beforehand: what it does is send and count."""

    def __init__(self, messages, size):
        super().__init__(daemon=True)
        delta = frame(1, event("response.output_text.delta",
                               response_id="resp_1", delta="x" * size),
                      mask=None)
        self.count, self.block = messages, delta * 100
        self.begin = frame(1, event("response.created", response={
            "id": "resp_1", "usage": None}), mask=None)
        self.end = frame(1, event("response.done", response={
            "id": "resp_1", "status": "completed", "usage": {
                "input_tokens": 1, "output_tokens": 1,
                "total_tokens": 2}}), mask=None)
        self.down = len(self.begin) + len(delta) * messages + len(self.end)
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]

    def run(self):
        while True:
            line, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(line,),
                             daemon=True).start()

    def serve(self, line):
        head = b""
        while b"\r\n\r\n" not in head:
            head += line.recv(65536)
        nonce = next(row.split(b": ", 1)[1] for row in head.split(b"\r\n")
                     if row.lower().startswith(b"sec-websocket-key"))
        proof = base64.b64encode(hashlib.sha1(nonce + GUID).digest())
        line.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket"
                     b"\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
                     proof + b"\r\n\r\n")
        line.sendall(frame(1, event("session.created"), mask=None))
        while True:
            got = b""           # the head of a frame says what is wanted
            while len(got) < 4:
                more = line.recv(4 - len(got))
                if not more:
                    return
                got += more
            if got[0] & 15 == 8:
                return
            size = got[1] & 127
            if size == 126:
                size = int.from_bytes(got[2:4], "big") + 4
            else:
                size += 2       # two bytes of the mask are read
            while size:
                size -= len(line.recv(size))
            if got[1] & 127 < 126:      # short: an answer is asked for
                line.sendall(self.begin)
                for _ in range(self.count // 100):
                    line.sendall(self.block)
                line.sendall(self.end)
                continue
            left = self.up - (int.from_bytes(got[2:4], "big") + 8)
            while left > 0:
                left -= len(line.recv(min(left, 1 << 20)))
            line.sendall(frame(1, event("session.updated"), mask=None))


def cpu(pids):
    """Seconds, by the scheduler's own count."""
    return sum(int((task / "schedstat").read_text().split()[0])
               for pid in pids
               for task in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e9


class Target:
    def __init__(self, name, port, key, pids):
        self.name, self.port, self.key, self.pids = name, port, key, pids

    def tools(self, seconds, script):
        begun = cpu(self.pids)
        done = subprocess.run(
            ["wrk", "-t1", "-c32", f"-d{seconds}s", "-s", script,
             f"http://127.0.0.1:{self.port}/mcp/tickets"],
            capture_output=True, text=True, check=True,
            env={**os.environ, "BENCH_KEY": self.key})
        count, wrong, seconds = map(float, done.stdout.split("RESULT ")[
            1].split())
        assert wrong == 0 and count > 0, done.stdout
        return count / seconds, (cpu(self.pids) - begun) / count * 1e6

    def open(self):
        client = Raw(self.port, "/v1/realtime?model=talker_near", self.key,
                     timeout=600)
        assert client.status == 101, client.rest
        assert client.event()["type"] == "session.created"
        return client

    def down(self, origin):
        client = self.open()
        begun, since = cpu(self.pids), time.monotonic()
        client.send({"type": "response.create"})
        left = origin.down - len(client.rest)
        while left > 0:
            left -= len(client.socket.recv(1 << 20))
        took = time.monotonic() - since
        used = cpu(self.pids) - begun
        assert left == 0
        client.socket.close()
        return origin.count / took, used / origin.count * 1e6

    def up(self, origin, sound):
        client = self.open()
        begun, since = cpu(self.pids), time.monotonic()
        for _ in range(origin.count // 100):
            client.socket.sendall(sound)
        assert client.event()["type"] == "session.updated"
        took = time.monotonic() - since
        used = cpu(self.pids) - begun
        client.socket.close()
        return origin.count / took, used / origin.count * 1e6


def start_nginx(where, servers):
    where.mkdir()
    (where / "nginx.conf").write_text(NGINX.format(dir=where, servers=servers))
    return lab.Process(["nginx", "-p", where, "-c", where / "nginx.conf"],
                       where / "log")


def start_weir(where, tools, sessions):
    config = world.config({name: f"http://127.0.0.1:{sessions}/v1" for name in
                           ("near", "far", "slow")}, lab.free_port(), {}, 0)
    for name in ("tls", "listen"):
        config.pop(name)
    config["workers"] = 1
    config["models"].append({**world.model("small", "other", ["realtime"]),
                             "name": "talker", "output_tokens_max": 100})
    config["deployments"].append(
        world.deployment("talker-near", "talker", "near"))
    config["routes"].append({"name": "talker_near", "mode": "order",
                             "candidates": ["talker-near"]})
    config["tool_servers"] = [
        {"name": "tickets", "url": f"http://127.0.0.1:{tools}/mcp",
         "provider": "other", "origin": "SG", "region": "here",
         "stored_in": "DE", "operator": "seller", "tools": ["search"]}]
    weir = lab.Weir(where, config, {**world.POLICIES,
                                    "seller/tools.cedar": PERMIT})
    weir.start()
    return weir


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=200000)
    parser.add_argument("--bytes", type=int, default=300)
    args = parser.parse_args()
    args.messages -= args.messages % 100
    assert args.bytes > 126     # short frames ask for an answer
    where = pathlib.Path(tempfile.mkdtemp())
    script = where / "call.lua"
    script.write_text(
        'wrk.method = "POST"\n'
        f"wrk.body = [==[{CALL}]==]\n"
        'wrk.headers["Content-Type"] = "application/json"\n'
        'wrk.headers["Accept"] = "application/json, text/event-stream"\n'
        'wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_KEY")\n'
        "function done(s, l, r)\n"
        '  print("RESULT " .. s.requests .. " " .. s.errors.status + '
        's.errors.connect + s.errors.read + s.errors.timeout .. " " .. '
        "s.duration / 1e6)\nend\n")
    origin = Sessions(args.messages, args.bytes)
    sound = frame(1, json.dumps({
        "type": "input_audio_buffer.append",
        "audio": base64.b64encode(bytes(args.bytes)).decode()}).encode())
    origin.up = len(sound) * args.messages
    origin.start()
    tools, proxy = lab.free_port(), lab.free_port()
    running = [start_nginx(where / "tools",
                           TOOLS.format(tools=tools, answer=ANSWER)),
               start_nginx(where / "proxy",
                           PROXY.format(tools=tools, port=proxy,
                                        sessions=origin.port))]
    weir = start_weir(where / "weir", tools, origin.port)
    try:
        for port in (tools, proxy):
            lab.wait_for(lambda: lab.is_open(port), 30, "nginx")
        workers = [pid for pid, _, words in lab.descendants(running[1].pid)
                   if "worker process" in words]
        mine = [pid for pid, name, words in weir.children()
                if "worker process" in words or name == "weir-writer"]
        targets = [Target("nginx", proxy, "none", workers),
                   Target("weir", weir.port, weir.key("good/app"), mine)]
        rows = {}
        for number in range(args.rounds + 1):
            for target in targets:
                for cell, work in (
                        ("tools, 32 connections",
                         lambda: target.tools(args.seconds, script)),
                        ("frames up", lambda: target.up(origin, sound * 100)),
                        ("frames down", lambda: target.down(origin))):
                    got = work()
                    if number:      # the first warms up
                        rows.setdefault((cell, target.name), []).append(got)
        print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} "
              f"processors, {args.rounds} rounds, frames of {args.bytes} "
              "bytes of text or sound")
        print(f"{'cell':24}{'target':8}{'a second':>10}{'CPU us':>9}"
              f"{'ratio':>8}{'CPU x':>8}")
        for cell in dict.fromkeys(cell for cell, _ in rows):
            base = rows[cell, "nginx"]
            for target in targets:
                got = rows[cell, target.name]
                print(f"{cell:24}{target.name:8}"
                      f"{statistics.median(r for r, _ in got):10.0f}"
                      f"{statistics.median(c for _, c in got):9.2f}"
                      f"{statistics.median(a[0] / b[0] for a, b in zip(got, base)):8.2f}"
                      f"{statistics.median(c for _, c in got) / max(1e-9, statistics.median(c for _, c in base)):8.2f}")
    finally:
        weir.end()
        for process in running:
            process.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
