#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many streams stay open at once, in which memory, and how late are they?

Opens --streams streams through weir whose origin sends an event each --gap ms,
--events of them, and holds them all open together. Twice:

  ample   limits.memory holds them all: none is refused, none breaks, what the
          ledger bills is what the origin sent;
  tight   it holds half of them: the others get 503 `overloaded` with
          retry-after, those that were let in come to their end, and workers
          stay within the limit.

Each worker has two descriptors for a stream: with `ulimit -n` too low for
--workers of them, more workers are started. Prints JSON; exit 1: a fault.

    bench/streams.py --streams 20000 --gap 10000 --events 12
"""
import argparse
import array
import concurrent.futures
import json
import math
import multiprocessing
import pathlib
import re
import resource
import select
import socket
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/harness"))
sys.path.insert(0, str(ROOT / "bench/lib"))
import lab  # noqa: E402
import targets  # noqa: E402

ORIGIN_STREAMS = 8000    # of one origin process
CLIENT_STREAMS = 4000    # of one client process
STREAM_BYTES = 64 << 10  # more than one takes of a worker
BASE_BYTES = 16 << 20    # of a worker without any
GAP_MS_MAX = 60000
ANSWER_PARTS = 64        # so many rounds of asking and waiting for answers


class Stream:
    """One call: its socket, what came of it, and when."""
    __slots__ = ("sock", "sent_at", "last_at", "status", "tail", "events")

    def __init__(self, address, source, request):
        self.sock = socket.socket()
        self.sock.setblocking(False)
        # another address of the loopback: ports for many clients
        self.sock.bind((source, 0))
        self.sock.connect_ex(address)
        self.sent_at = self.last_at = time.monotonic()
        self.status, self.tail, self.events = 0, b"", 0
        self.sock.setblocking(True)
        self.sock.sendall(request)
        self.sock.setblocking(False)


class Client:
    """So many streams of one process, read as their bytes come."""

    def __init__(self, number, count, port, key, script):
        self.source = f"127.0.0.{2 + number}"
        self.address = ("127.0.0.1", port)
        body = json.dumps({
            "model": f"slow{number % script['origins']}", "stream": True,
            "messages": [{"role": "user", "content": "x" * 300}],
            "metadata": {"origin": script["words"]}}).encode()
        self.request = (b"POST /v1/chat/completions HTTP/1.1\r\nHost: w\r\n"
                        b"Authorization: Bearer " + key.encode() +
                        b"\r\nContent-Type: application/json\r\n"
                        b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.left = count
        # a worker weighs its memory ten times a second: not all in one breath
        self.opening = max(4, min(128, count // ANSWER_PARTS))
        self.gap = script["gap"] / 1000
        self.poll = select.epoll()
        self.open = {}
        self.unanswered = 0
        self.first, self.late = array.array("f"), array.array("f")
        self.whole = self.broken = self.peak = 0
        self.refused = {}

    def end(self, fd, stream):
        self.unanswered -= stream.status == 0
        if stream.status == 200:
            if b"[DONE]" in stream.tail:
                self.whole += 1
            else:
                self.broken += 1
        elif stream.status == 0:
            self.broken += 1
        else:
            found = re.search(rb'"code":\s*"(\w+)"', stream.tail)
            name = (f"{stream.status} "
                    f"{found[1].decode() if found else 'without a code'}"
                    f"{'' if b'retry-after' in stream.tail.lower() else '!'}")
            self.refused[name] = self.refused.get(name, 0) + 1
        self.poll.unregister(fd)
        stream.sock.close()
        del self.open[fd]

    def read(self, fd):
        stream, now = self.open[fd], time.monotonic()
        try:
            data = stream.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.end(fd, stream)
            return
        if stream.status == 0:
            stream.status = int(data[9:12])
            self.unanswered -= 1
        stream.tail = (stream.tail + data)[-2048:]
        if stream.status != 200:
            head, is_there, body = stream.tail.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if is_there and (not length or len(body) >= int(length[1])):
                self.end(fd, stream)
            return
        if b"data:" in data:
            if stream.events == 0:
                self.first.append(now - stream.sent_at)
            elif b"[DONE]" not in data:
                self.late.append(now - stream.last_at - self.gap)
            stream.events += 1
            stream.last_at = now
        if b"[DONE]" in stream.tail:
            self.end(fd, stream)

    def run(self):
        while self.left or self.open:
            while self.left and self.unanswered < self.opening:
                stream = Stream(self.address, self.source, self.request)
                self.open[stream.sock.fileno()] = stream
                self.poll.register(stream.sock, select.EPOLLIN)
                self.left -= 1
                self.unanswered += 1
            self.peak = max(self.peak, len(self.open) - self.unanswered)
            for fd, _ in self.poll.poll(1, 512):
                self.read(fd)
        return {"whole": self.whole, "broken": self.broken, "peak": self.peak,
                "refused": self.refused, "first": self.first.tobytes(),
                "late": self.late.tobytes()}


def run_client(*words):
    return Client(*words).run()


class Watch(threading.Thread):
    """Memory of the workers, as the kernel and their allocators count it."""

    def __init__(self, weir, pids):
        super().__init__(daemon=True)
        self.weir, self.pids = weir, pids
        self.rss = self.used = 0
        self.over = threading.Event()

    def now(self):
        if self.weir.token is None:
            self.weir.admin("GET", "/v1/tenants")
        text = lab.exchange(
            self.weir.admin_port, "GET", "/metrics", None,
            {"Authorization": "Bearer " + self.weir.token})[2].decode()
        used = re.search(r"^weir_workers_memory_bytes (\S+)", text, re.M)
        return targets.memory_kib(self.pids) * 1024, int(float(used[1]))

    def run(self):
        while not self.over.wait(0.5):
            rss, used = self.now()
            self.rss, self.used = max(self.rss, rss), max(self.used, used)


def configure(origins, options, workers, memory):
    models = {f"slow{n}": f"slow{n}" for n in range(len(origins))}
    config = targets.weir_config(origins[0].url(), models)
    config["workers"] = workers
    config["watch"] = "off"
    config["limits"] = {"connections": options.streams + 1000,
                        "memory": f"{memory >> 10} KiB"}
    config["origins"] = [{"name": f"o{n}", "dialect": "openai",
                          "url": origin.url()}
                         for n, origin in enumerate(origins)]
    for n, row in enumerate(config["deployments"]):
        row["origin"] = f"o{n}"
    return config


def kept(workers):
    """What workers keep for next calls: of 256 calls, and what the allocator
    gives back only in larger pieces."""
    return workers * (256 * STREAM_BYTES + (48 << 20))


def settled(watch, before, workers):
    """Memory once it came back, or after half a minute."""
    try:
        lab.wait_for(lambda: watch.now()[0] <= before[0] + kept(workers), 30)
    except TimeoutError:
        pass
    return watch.now()


def percentiles(values):
    values = sorted(values)
    return {f"p{p}_ms": round(values[min(len(values) - 1, int(
        len(values) * p / 100))] * 1000, 1) for p in (50, 99, 100)} \
        if values else {}


def gather(found):
    """Figures of all client processes together."""
    refused = {}
    first, late = array.array("f"), array.array("f")
    for one in found:
        first.frombytes(one["first"])
        late.frombytes(one["late"])
        for name, count in one["refused"].items():
            refused[name] = refused.get(name, 0) + count
    return {"whole": sum(one["whole"] for one in found),
            "broken": sum(one["broken"] for one in found),
            "open_at_once": sum(one["peak"] for one in found),
            "refused": refused, "first_event": percentiles(first),
            "event_late": percentiles(late)}


def bill(weir, whole):
    """Calls and output tokens of the ledger, once it has them all."""
    def rows():
        mine = weir.usage()
        return mine if sum(row["calls"] for row in mine) >= whole else None
    try:
        rows = lab.wait_for(rows, 120, "the ledger") if whole else []
    except TimeoutError:
        rows = weir.usage()
    return {"calls": sum(row["calls"] for row in rows),
            "output_tokens": sum(row["output_tokens"] for row in rows)}


def phase(name, options, memory, where):
    where = where / name
    where.mkdir()
    origin_count = math.ceil(options.streams / ORIGIN_STREAMS)
    clients = math.ceil(options.streams / CLIENT_STREAMS)
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    workers = max(options.workers, math.ceil(
        options.streams * 2 * 1.5 / (soft - 200)))
    origins = []
    try:
        for n in range(origin_count):
            (where / f"o{n}").mkdir()
            origins.append(lab.Origin(where / f"o{n}", keep=0))
        weir = lab.Weir(where / "weir",
                        configure(origins, options, workers, memory),
                        {"seller/permit.cedar":
                         targets.PERMIT.format(tier="durable")})
        try:
            weir.start(60)
            key = weir.key("company/bench")
            pids = [pid for pid, _, words in weir.children()
                    if "nginx: worker" in words]
            watch = Watch(weir, pids)
            before = watch.now()
            watch.start()
            share = [options.streams // clients +
                     (n < options.streams % clients) for n in range(clients)]
            script = {"origins": origin_count, "gap": options.gap, "words":
                      f"events={options.events};gap={options.gap};turns"}
            with concurrent.futures.ProcessPoolExecutor(
                    clients, multiprocessing.get_context("fork")) as pool:
                running = [pool.submit(run_client, n, share[n], weir.port,
                                       key, script) for n in range(clients)]
                found = gather([one.result() for one in running])
            watch.over.set()
            watch.join()
            billed = bill(weir, found["whole"])
            after = settled(watch, before, len(pids))
            sent = [origin.stats() for origin in origins]
        finally:
            weir.end()
    finally:
        for origin in origins:
            origin.stop()

    def mib(value):
        return round(value / (1 << 20), 1)
    return {"phase": name, "streams": options.streams, "workers": workers,
            "limit_mib": mib(memory), **found, "ledger": billed,
            "origin": {"calls": sum(one["calls"] for one in sent)},
            "rss_mib": {"before": mib(before[0]), "peak": mib(watch.rss),
                        "after": mib(after[0])},
            "counted_mib": {"before": mib(before[1]), "peak": mib(watch.used),
                            "after": mib(after[1])}}


def faults(options, memory, found):
    """What is not as it should be."""
    said = []
    refused = sum(found["refused"].values())
    if found["broken"]:
        said.append(f"{found['broken']} streams broke")
    if found["whole"] + refused + found["broken"] != options.streams:
        said.append("streams are missing")
    if any(name != "503 overloaded" for name in found["refused"]):
        said.append(f"refused otherwise than by 503 overloaded with "
                    f"retry-after: {found['refused']}")
    if found["ledger"]["calls"] != found["whole"] or \
            found["origin"]["calls"] != found["whole"]:
        said.append("origin, clients and ledger disagree")
    if found["ledger"]["output_tokens"] != found["whole"] * options.events:
        said.append("the ledger's tokens are not the origin's")
    if found["phase"] == "ample" and refused:
        said.append(f"{refused} refused although there was room")
    if found["phase"] == "ample" and found["open_at_once"] < options.streams:
        said.append("they were not all open at once")
    if found["phase"] == "tight" and not (refused and found["whole"]):
        said.append("nothing, or everything, was shed")
    # between two weighings a worker takes in 256 calls at most
    room = found["workers"] * (256 * STREAM_BYTES + BASE_BYTES)
    if found["counted_mib"]["peak"] * (1 << 20) > memory + room:
        said.append("workers took more than the limit")
    if found["rss_mib"]["peak"] * (1 << 20) > memory + 2 * room:
        said.append("workers are larger than the limit")
    for name in ("counted_mib", "rss_mib"):
        if found[name]["after"] > found[name]["before"] + \
                kept(found["workers"]) / (1 << 20):
            said.append(f"memory did not come back: {name}")
    return said


def measure(options, where):
    """Figures and faults of both phases."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    memory = options.streams * STREAM_BYTES + 4 * options.workers * BASE_BYTES
    found = []
    for name in ("ample", "tight"):
        one = phase(name, options, memory, pathlib.Path(where))
        # on a slow machine the first end before the last are open: slower
        while name == "ample" and one["open_at_once"] < options.streams and \
                not one["refused"] and options.gap < GAP_MS_MAX:
            options.gap *= 2
            one = phase(f"{name} {options.gap}", options, memory,
                        pathlib.Path(where))
        one["phase"], one["gap_ms"] = name, options.gap
        one["faults"] = faults(options, memory, one)
        found.append(one)
        # what the workers have without calls, and half of what those took
        counted = one["counted_mib"]
        memory = int((counted["before"] + counted["peak"]) / 2 * (1 << 20))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return found


def parse(words=None):
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("--streams", type=int, default=500)
    ask.add_argument("--gap", type=int, default=1000, help="ms")
    ask.add_argument("--events", type=int, default=8)
    ask.add_argument("--workers", type=int, default=2)
    return ask.parse_args(words)


def main():
    options = parse()
    with tempfile.TemporaryDirectory(prefix="weir-streams-") as where:
        found = measure(options, where)
    print(json.dumps(found, indent=1))
    return 1 if any(one["faults"] for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
