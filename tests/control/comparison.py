# SPDX-License-Identifier: Apache-2.0
"""The same calls through a bare proxy and through weir: what each reveals.

`measure(where)` starts an origin, stock nginx with proxy_pass and a combined
log, and a weir in front of the same origin; sends one scripted attack through
both; and asks both the same questions afterwards, of what they kept. An
answer counts when it is right, and the origin's own record says what is.
Run by itself it prints the table of docs/measured/comparison.md.
"""
import json
import pathlib
import re
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "harness")]
import lab  # noqa: E402

from small import POLICIES, config  # noqa: E402

FILTER = """
@id("seller-filter")
@title("What runs in DE is looked through")
@authority("The seller")
@appeal("appeal@seller.example")
@filter("personal")
permit (principal, action in Action::"infer", resource in Bloc::"hosting");
"""
CONF = """daemon off; master_process off; error_log {dir}/error.log;
pid {dir}/nginx.pid;
events {{ worker_connections 256; }}
http {{
  access_log {dir}/access.log combined;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p;
  fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 16; }}
  server {{ listen 127.0.0.1:{port};
    location / {{ proxy_pass http://origin; proxy_http_version 1.1;
      proxy_set_header Connection ""; }} }}
}}
"""
SECRET = "ann@aurora.example"

# who, model, what is said; the attack is in the middle of ordinary use
ORDINARY = [("good", "m", f"question {i}") for i in range(10)]
ATTACK = ([("stranger", "m", "let me in")] * 3 +
          [("south", "m", "from a place that is not served")] * 3 +
          [("good", "m", f"write to {SECRET}")] * 2 +
          [("good", "other", "a model nobody offered")] * 2 +
          [("stolen", "m", f"list row {i} of the table") for i in range(6)])


class Bare:
    """nginx with proxy_pass: who knows the origin's key may call."""

    def __init__(self, where, origin):
        where.mkdir(parents=True)
        self.where, self.port = where, lab.free_port()
        (where / "nginx.conf").write_text(CONF.format(
            dir=where, origin=origin, port=self.port))
        self.process = lab.Process(
            [shutil.which("nginx") or "/usr/sbin/nginx", "-e",
             where / "error.log", "-c", where / "nginx.conf"],
            where / "nginx.log")
        lab.wait_for(lambda: lab.is_open(self.port), what="nginx")

    def log(self):
        return (self.where / "access.log").read_text()

    def stop(self):
        self.process.stop()


def send(port, key, model, text):
    body = json.dumps({"model": model, "messages": [
        {"role": "user", "content": text}]}).encode()
    started = time.perf_counter()
    status, headers, _ = lab.exchange(
        port, "POST", "/v1/chat/completions", body,
        {"Authorization": "Bearer " + key,
         "Content-Type": "application/json"})
    return status, headers, time.perf_counter() - started


def run(port, keys, origin):
    """Everything through one door: statuses, times, what the origin saw."""
    origin.reset()
    times, statuses, leaked = [], [], 0
    for who, model, text in ORDINARY + ATTACK + ORDINARY:
        before = origin.stats()
        status, _, took = send(port, keys.get(who, "nobody"), model, text)
        statuses.append((who, model, status))
        if (who, model, status) == ("good", "m", 200):
            times.append(took)
        if origin.stats() != before and SECRET in text:
            leaked += SECRET.encode() in origin.body()
    return {"statuses": statuses, "leaked": leaked,
            "p50_ms": 1000 * statistics.median(times)}


def count(seen, who, passed):
    return sum(1 for name, _, status in seen["statuses"]
               if name == who and (status == 200) == passed)


def yes(claim):
    return "yes" if claim else "no"


def answers_of_bare(bare, seen, shared):
    """From the access log alone: address, time, path, status, bytes."""
    lines = bare.log().splitlines()
    # what is left of a line without its moment, bytes and status: the caller
    faces = {re.sub(r"\[.*?\]|\" \d+ \d+", "", line) for line in lines}
    has = lambda pattern: any(re.search(pattern, line)  # noqa: E731
                              for line in lines)
    return {
        "calls counted": str(len(lines)),
        "caller (key, project, purpose)":
            yes(has(r"wk_|good|south|stolen")),
        "model that answered": yes(has(r"\bm\b.*\bother\b")),
        "where it ran, where data rests": yes(has(r"\bDE\b")),
        "tokens and cost": yes(has(r"tokens|cost|USD")),
        "strangers kept out": f"{count(seen, 'stranger', False)} of 3",
        "place that may not be served, refused":
            f"{count(seen, 'south', False)} of 3",
        "personal data that reached the origin": f"{seen['leaked']} of 2",
        "stolen key told apart from its owner": yes(len(faces) > 1),
        "stolen key stopped, owner goes on":
            yes(shared["good"] != shared["stolen"]),
        "record that a call was refused, and why":
            yes(has(r"polic|forbid|reason")),
        "a line changed afterwards is noticed": yes(altered(bare)),
    }


def altered(bare):
    """Whether anything beside the log says that a byte of it was changed."""
    path = bare.where / "access.log"
    text = path.read_text()
    path.write_text(text.replace('" 200 ', '" 500 ', 1))
    others = [file for file in bare.where.iterdir()
              if file.is_file() and file.name not in
              ("access.log", "nginx.conf", "nginx.pid") and
              file.stat().st_size > 0]
    return bool(others)


def answers_of_weir(weir, seen, keys):
    inventory = weir.json("report", "inventory")
    services = {row["key"]: row for row in inventory["services"]}
    jurisdiction = weir.json("report", "jurisdiction")
    stolen = [row for row in services.values() if row["project"] == "shared"]
    refused = weir.json("usage", "--by", "tenant")["rows"]
    weir.json("incident", "open", "key", stolen[0]["key"], "--reason",
              "used by somebody else")
    after = send(weir.port, keys["stolen"], "m", "again")[0]
    owner = send(weir.port, keys["good"], "m", "still here")[0]
    business = [row for row in jurisdiction["business"] if row["model"] == "m"]
    total = inventory["summary"]
    procurement = jurisdiction["procurement"]
    return {
        # who shows no key of weir's is refused before anything is recorded
        "calls counted": f"{total['calls'] + total['refused']}, "
                         "strangers not among them",
        "caller (key, project, purpose)":
            "yes" if all(row["purpose"] for row in services.values())
            else "no",
        "model that answered": "yes" if business else "no",
        "where it ran, where data rests":
            "yes" if all(row["ran_in"] and row["stored_in"] for row in
                         jurisdiction["map"] if row["calls"]) else "no",
        "tokens and cost":
            "yes" if sum(row["cost_micros"] for row in procurement) > 0
            else "no",
        "strangers kept out": f"{count(seen, 'stranger', False)} of 3",
        "place that may not be served, refused":
            f"{count(seen, 'south', False)} of 3",
        "personal data that reached the origin": f"{seen['leaked']} of 2",
        "stolen key told apart from its owner":
            "yes" if stolen and stolen[0]["calls"] == 6 else "no",
        "stolen key stopped, owner goes on":
            "yes" if after == 401 and owner == 200 else "no",
        "record that a call was refused, and why":
            "yes" if any(row["refused"] for row in refused) else "no",
        "a line changed afterwards is noticed": yes(notices_change(weir)),
    }


def notices_change(weir):
    sound = weir.audit().returncode == 0
    weir.stop()
    store = sqlite3.connect(weir.state / "weir.db")
    with store:
        store.execute("UPDATE call SET cost_micros = cost_micros + 1 WHERE "
                      "request = (SELECT max(request) FROM call "
                      "WHERE state = 2)")
    store.close()
    return sound and weir.cli("audit", "verify", check=False).returncode == 1


def measure(where):
    where = pathlib.Path(where)
    where.mkdir(parents=True, exist_ok=True)
    origin = lab.Origin(where)
    made = config(origin.url())
    made["filters"] = [{"name": "personal", "rules": [
        {"detector": "mail", "action": "mask"}]}]
    weir = lab.Weir(where / "weir", made,
                    {**POLICIES, "seller/filter.cedar": FILTER})
    bare = Bare(where / "bare", origin.ports["origin"])
    try:
        weir.start()
        keys = {"good": weir.key("good/app"), "south": weir.key("south/polar"),
                "stolen": weir.key("good/shared")}
        # the bare proxy has no keys of its own: everybody sends the origin's
        shared = dict.fromkeys(("good", "south", "stolen", "stranger"), "one")
        open_door = run(bare.port, shared, origin)
        governed = run(weir.port, keys, origin)
        time.sleep(2)
        return {"bare": answers_of_bare(bare, open_door, shared),
                "weir": answers_of_weir(weir, governed, keys),
                "p50_ms": (open_door["p50_ms"], governed["p50_ms"]),
                "calls": len(ORDINARY) * 2 + len(ATTACK)}
    finally:
        bare.stop()
        weir.end()
        origin.stop()


def table(told):
    lines = ["| question, answered from what was kept | bare proxy | weir |",
             "|---|---|---|"]
    lines += [f"| {name} | {told['bare'][name]} | {told['weir'][name]} |"
              for name in told["bare"]]
    bare, weir = told["p50_ms"]
    lines.append(f"| p50 of an ordinary call, ms, one after the other "
                 f"| {bare:.2f} | {weir:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(table(measure(folder)))
