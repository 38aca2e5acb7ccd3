# SPDX-License-Identifier: Apache-2.0
"""What is measured: each target is a port that answers like the origin.

A target starts pinned to PROXY_CORE and tells which processes do its work;
the origin and the load generator have the other core.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/harness"))
import lab  # noqa: E402

PROXY_CORE = 0
LOAD_CORE = 1


def pin(core):
    return ["taskset", "-c", str(core)]


def schedstat_ns(pids):
    """Time on a processor, of every thread of these processes."""
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
            total += int(task.read_text().split()[0])
    return total


def memory_kib(pids, field="VmRSS"):
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().split("\n"):
            if line.startswith(field + ":"):
                total += int(line.split()[1])
    return total


class Direct:
    """The origin itself: what the load generator can do at most."""
    name = "direct"

    def __init__(self, where, origin):
        self.port = origin.ports["origin"]
        self.pids = [origin.process.pid]
        self.key = None

    def model(self, kind):
        return MODELS[kind]

    def stop(self):
        pass


# What the origin is asked to do, by kind of call.
MODELS = {"plain": "bench+bytes=600", "stream": "bench+events=62+turns"}

NGINX = """daemon off;
worker_processes 1;
pid {where}/nginx.pid;
error_log {where}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {where}/body;
  proxy_temp_path {where}/proxy;
  fastcgi_temp_path {where}/f; uwsgi_temp_path {where}/u; scgi_temp_path {where}/s;
  client_max_body_size 32m;
  client_body_buffer_size 1m;
  keepalive_requests 1000000000;
  upstream origin {{
    server 127.0.0.1:{origin};
    keepalive 256;
    keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


class Nginx:
    """Debian's nginx, proxy_pass with keepalive, one worker."""
    name = "nginx"

    def __init__(self, where, origin):
        where = pathlib.Path(where) / "nginx"
        where.mkdir()
        self.port = lab.free_port()
        (where / "nginx.conf").write_text(NGINX.format(
            where=where, port=self.port, origin=origin.ports["origin"]))
        self.process = lab.Process(
            [*pin(PROXY_CORE), "nginx", "-e", where / "error.log", "-c",
             where / "nginx.conf"], where / "out.log")
        lab.wait_for(lambda: lab.is_open(self.port), what="nginx")
        # the master listens before it has a worker
        self.pids = lab.wait_for(lambda: [
            pid for pid, _, words in lab.descendants(self.process.pid)
            if "worker" in words], what="nginx's worker")
        self.key = None

    def model(self, kind):
        return MODELS[kind]

    def stop(self):
        self.process.stop()


HAPROXY = """global
  nbthread 1
  maxconn 8192
  tune.bufsize {bufsize}
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend front
  bind 127.0.0.1:{port}
  default_backend origin
backend origin
  server origin 127.0.0.1:{origin} pool-max-conn 512
"""


class Haproxy:
    name = "haproxy"

    def __init__(self, where, origin):
        where = pathlib.Path(where) / "haproxy"
        where.mkdir()
        self.port = lab.free_port()
        (where / "haproxy.cfg").write_text(HAPROXY.format(
            port=self.port, origin=origin.ports["origin"], bufsize=16384))
        self.process = lab.Process(
            [*pin(PROXY_CORE), shutil.which("haproxy") or
             "/usr/sbin/haproxy", "-db", "-f", where / "haproxy.cfg"],
            where / "out.log")
        lab.wait_for(lambda: lab.is_open(self.port), what="haproxy")
        self.pids = [self.process.pid]
        self.key = None

    def model(self, kind):
        return MODELS[kind]

    def stop(self):
        self.process.stop()


PERMIT = """@id("bench-permit")
@title("Everything that the bench measures")
@authority("The bench")
@appeal("bench@weir.example")
@tier("{tier}")
permit (principal, action in Action::"infer", resource in Jurisdiction::"DE");
"""


def weir_config(origin_url, deployment_models, price=("0.50", "1.50")):
    """The least world that serves, with every step of a call switched on:
    budgets in three windows at three levels, prices, a policy, a record."""
    names = list(deployment_models)
    budgets = {"requests_per_minute": 100000000,
               "tokens_per_day": 100000000000, "money_per_month": "100000000"}
    return {
        "workers": 1,
        "onboarding": {"require": "none"},
        "seller": {"title": "The bench", "appeal": "bench@weir.example",
                   "currency": "USD"},
        "limits": {"body": "32 MiB", "connections": 8192},
        "providers": [{"name": "maker", "title": "Maker", "origin": "NO"}],
        "models": [{"name": name, "provider": "maker", "origin": "NO",
                    "tier": "routine", "weights": "open",
                    "licence": "Apache-2.0",
                    "price": {"input": price[0], "output": price[1]}}
                   for name in names],
        "regions": [{"name": "here", "jurisdiction": "DE"}],
        "origins": [{"name": "origin", "dialect": "openai",
                     "url": origin_url}],
        "deployments": [{"name": name + "-here", "model": name,
                         "origin": "origin", "region": "here",
                         "stored_in": "DE", "operator": "company",
                         "cloud": "own", "origin_model": at_origin}
                        for name, at_origin in deployment_models.items()],
        "organisations": [{"name": "company", "headquarters": "DE",
                           "incorporated": "DE", "category": "local",
                           "established": True}],
        "tenants": [{"name": "company", "organisation": "company",
                     "budgets": budgets,
                     "projects": [{"name": "bench", "budgets": budgets}]}],
    }


class Weir:
    """weir with everything on, one worker, one tier; watched or not. `cache`:
    "hit" asks the same again, "miss" another question each time."""

    def __init__(self, where, origin, tier, watches=False, cache=None):
        self.name = ("weir-watched" if watches else
                     f"weir-{cache}" if cache else "weir-" + tier)
        self.varies = cache == "miss"
        self.counts_hits = cache is not None
        config = weir_config(origin.url("origin"), MODELS)
        config["watch"] = "on" if watches else "off"
        if cache:
            config["cache"] = {"memory": "64 MiB", "tenant": "64 MiB",
                               "answer": "256 KiB", "ttl": "1 h"}
        self.weir = lab.Weir(
            pathlib.Path(where) / self.name,
            config,
            {"seller/permit.cedar": ('@cache("1 h")\n' if cache else "")
                + PERMIT.format(tier=tier)},
            before=pin(LOAD_CORE))
        self.weir.start()
        # What a call passes through gets the proxy's core. The ledger is made
        # on the other one, beside origin and load.
        for pid, name, _ in self.weir.children():
            if name == "weir":
                continue
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), {PROXY_CORE})
        self.key = self.weir.key("company/bench")
        self.port = self.weir.port
        family = self.weir.children()
        self.workers = [pid for pid, _, words in family if "worker" in words]
        # the writer is part of a call's price; control is not in its way
        self.pids = self.workers + [pid for pid, name, words in family
                                    if "weir-writer" in words]

    def model(self, kind):
        return kind

    def hits(self):
        """How often an answer was given again; None: there is no cache."""
        return self.weir.json("cache", "show")["hits"] \
            if self.counts_hits else None

    def stop(self):
        self.weir.end()


def load(target, body_file, connections, seconds, delay_ms=0):
    """One run of wrk; its result and what the target's processes used."""
    counts_hits = getattr(target, "counts_hits", False)
    hits_before = target.hits() if counts_hits else 0
    before = schedstat_ns(target.pids)
    workers = getattr(target, "workers", target.pids)
    worker_before = schedstat_ns(workers)
    done = subprocess.run(
        [*pin(LOAD_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
         "--timeout", "30s", "-s", str(ROOT / "bench/lib/wrk.lua"),
         f"http://127.0.0.1:{target.port}/v1/chat/completions"],
        env={"PATH": "/usr/bin:/bin", "BENCH_BODY": str(body_file),
             "BENCH_KEY": target.key or "none",
             "BENCH_DELAY_MS": str(delay_ms),
             "BENCH_VARIES": "1" if getattr(target, "varies", False) else "",
             "BENCH_RUN": str(time.monotonic_ns())},
        capture_output=True, text=True, timeout=seconds * 5 + 60, check=True)
    used = schedstat_ns(target.pids) - before
    worker_used = schedstat_ns(workers) - worker_before
    line = [row for row in done.stdout.split("\n")
            if row.startswith("RESULT ")][0]
    result = json.loads(line[7:])
    result["rate"] = result["requests"] / result["seconds"]
    result["cpu_us"] = used / 1000 / max(1, result["requests"])
    result["worker_us"] = worker_used / 1000 / max(1, result["requests"])
    result["rss_kib"] = memory_kib(target.pids)
    if counts_hits:
        result["hits"] = target.hits() - hits_before
    return result
