# SPDX-License-Identifier: Apache-2.0
"""A farm of small accounts among ordinary tenants, through the gateway.

Who: ordinary tenants (support, SQL, labels, a mix; a person's general prompt
now and then), some that are alike (they send the farm's kind of calls, by
their own day), and the farm: accounts that do ordinary work and hide a few
harvesting calls in it, half tenants of their own, half end customers of four
resellers. All prompts are of $WEIR_DATA/prompts.

When: ordinary work arrives as recorded in $WEIR_DATA/traces, at a speed-up;
tokens are the trace's. A trace is one hour of everybody, so each account
draws from it at an offset of its own, as people of many time zones would;
with `in_step` all have the same. The farm's harvesting follows one controller
that switches on and off, with a noise of its own in each account.

The plan is made before the first call; calls go out at their time, or as fast
as the gateway takes them where it cannot keep up.
"""
import collections
import csv
import datetime
import http.client
import json
import math
import random
import select
import socket
import sqlite3
import subprocess
import time

import lab
import small

KINDS = {
    "support": ["benign-bitext-customer-support"],
    "sql": ["benign-text2sql"],
    "labels": ["benign-sms-classification"],
    "people": ["benign-human-instructionwild-user2",
               "benign-human-instructionwild-user3"],
    "harvest": ["attack-codealpaca-new", "attack-codealpaca-2k"],
}
WORKS = [["support"], ["sql"], ["labels"], ["support", "sql", "labels"]]
BINS = 144          # of the plan: the farm's controller moves by these
RESELLERS = 4

PERMIT = """
@id("seller-permit")
@title("Everybody may use what runs in DE")
@authority("The seller")
@appeal("appeal@seller.example")
@monitor("steps=observe; ask=slow,strip,hold,suspend")
permit (principal, action in Action::"infer", resource in Bloc::"hosting");
"""


def unpack(path):
    return subprocess.run(["zstd", "-dc", str(path)], check=True,
                          capture_output=True, text=True).stdout.splitlines()


def read_prompts(data, dice):
    """kind -> prompts as JSON strings, shuffled."""
    found = {}
    for kind, files in KINDS.items():
        rows = [json.dumps(json.loads(line)["prompt"]).encode()
                for name in files
                for line in unpack(data / "prompts" / f"{name}.jsonl.zst")]
        dice.shuffle(rows)
        found[kind] = rows
    return found


def read_traces(data):
    """[(part of the hour, input tokens, output tokens)] of each trace."""
    chat, code, first = [], [], None
    for line in unpack(data / "traces/mooncake-conversation.jsonl.zst"):
        row = json.loads(line)
        chat.append((row["timestamp"] / 1000, row["input_length"],
                     row["output_length"]))
    for row in csv.DictReader(unpack(
            data / "traces/azure-llm-2023-code.csv.zst")):
        when = datetime.datetime.fromisoformat(row["TIMESTAMP"][:26])
        first = first or when
        code.append(((when - first).total_seconds(),
                     int(row["ContextTokens"]), int(row["GeneratedTokens"])))
    return {name: [(at / (rows[-1][0] + 1), i, o) for at, i, o in rows]
            for name, rows in (("chat", chat), ("code", code))}


class Account:
    def __init__(self, name, works, calls, share, is_farm=False,
                 reseller=None):
        self.name = name
        self.works = works
        self.calls = calls
        self.share = share          # of calls that are `harvest`
        self.is_farm = is_farm
        self.reseller = reseller    # an end customer of it
        self.key = None

    @property
    def subject(self):
        return f"{self.reseller}/{self.name}" if self.reseller else self.name


class Size:
    """How much of everything; the whole run's figures by default."""

    def __init__(self, farm=2000, ordinary=1000, alike=100, busy=20,
                 calls=200, busy_calls=1500, seconds=300, share=(0.03, 0.08),
                 in_step=False, seed=1, connections=64):
        self.farm, self.ordinary, self.alike = farm, ordinary, alike
        self.busy, self.calls, self.busy_calls = busy, calls, busy_calls
        self.seconds, self.share, self.in_step = seconds, share, in_step
        self.seed, self.connections = seed, connections


def make_accounts(size, dice):
    made = []
    for i in range(size.ordinary):
        made.append(Account(f"office-{i}", dice.choice(WORKS), size.calls, 0))
    for i in range(size.busy):
        made.append(Account(f"busy-{i}", WORKS[i % len(WORKS)],
                            size.busy_calls, 0))
    for i in range(size.alike):
        made.append(Account(f"alike-{i}", dice.choice(WORKS), size.calls,
                            dice.uniform(*size.share)))
    for i in range(size.farm):
        made.append(Account(
            f"farm-{i}", dice.choice(WORKS), size.calls,
            dice.uniform(*size.share), True,
            f"reseller-{i % RESELLERS}" if i % 2 else None))
    return made


def make_controller(dice):
    """On and off, by bins; each state lasts some eight of them."""
    is_on, bins = True, []
    for _ in range(BINS):
        if dice.random() < 0.12:
            is_on = not is_on
        bins.append(1.0 if is_on else 0.05)
    return bins


def moments(dice, controller, count, noise=0.5):
    """Parts of the run at which a farm's account harvests."""
    weights = [w * math.exp(noise * dice.gauss(0, 1)) for w in controller]
    return [(b + dice.random()) / BINS
            for b in dice.choices(range(BINS), weights, k=count)]


def make_plan(size, accounts, traces, prompts, dice):
    """[(second, account, kind, prompt, input tokens, output tokens)]."""
    controller = make_controller(dice)
    plan = []
    for at, account in enumerate(accounts):
        trace = traces["code" if account.works == ["sql"] else "chat"]
        offset = 0 if size.in_step else dice.random()
        rows = dice.choices(trace, k=account.calls)
        harvests = round(account.calls * account.share)
        when = [(part + offset) % 1 for part, _, _ in rows]
        if account.is_farm:
            when[:harvests] = moments(dice, controller, harvests)
        kinds = [account.works[i % len(account.works)]
                 for i in range(account.calls)]
        kinds[:harvests] = ["harvest"] * harvests
        if not account.is_farm:
            for i in range(harvests, account.calls):
                if dice.random() < 0.05:
                    kinds[i] = "people"
        # No row twice in an account, as far as the corpus reaches.
        starts = {kind: dice.randrange(len(prompts[kind]))
                  for kind in set(kinds)}
        for i, kind in enumerate(kinds):
            place = (starts[kind] + i) % len(prompts[kind])
            plan.append((when[i] * size.seconds, at, kind, place,
                         rows[i][1], rows[i][2]))
    plan.sort()
    return plan


class Line:
    """One connection: at most one call on it at a time."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got = b""

    def is_whole(self):
        end = self.got.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self.got[:end].lower()
        mark = head.find(b"content-length:")
        if mark < 0:
            return self.got.endswith(b"\r\n0\r\n\r\n", end + 4)
        return len(self.got) >= end + 4 + int(head[mark + 15:].split(
            b"\r\n", 1)[0])


class Driver:
    """Plays a plan; counts what came back."""

    def __init__(self, port, size, accounts, prompts):
        self.size, self.accounts, self.prompts = size, accounts, prompts
        self.poll = select.epoll()
        self.lines = {}
        self.idle = collections.deque()
        self.port = port
        for _ in range(size.connections):
            self.open()
        self.statuses = collections.Counter()
        self.behind = 0.0       # at worst, seconds
        self.heads = [(b"POST /v1/chat/completions HTTP/1.1\r\nHost: weir\r\n"
                       b"Content-Type: application/json\r\n"
                       b"Authorization: Bearer " + a.key.encode() +
                       (b"\r\nweir-end-customer: " + a.name.encode()
                        if a.reseller else b"") + b"\r\nContent-Length: ")
                      for a in accounts]

    def open(self):
        line = Line(self.port)
        self.lines[line.socket.fileno()] = line
        self.poll.register(line.socket, select.EPOLLIN)
        self.idle.append(line)

    def close(self, line):
        self.poll.unregister(line.socket)
        del self.lines[line.socket.fileno()]
        line.socket.close()

    def send(self, call):
        _, at, kind, place, tokens_in, tokens_out = call
        text = self.prompts[kind][place]
        stream = tokens_out % 8 == 0
        script = b"in=%d;out=%d;bytes=%d" % (
            tokens_in, tokens_out,
            min(60, tokens_out) if stream else min(2000, tokens_out * 4))
        body = (b'{"model":"m","messages":[{"role":"user","content":' + text +
                b'}],"max_tokens":%d,' % max(1, tokens_out) +
                (b'"stream":true,' if stream else b'') +
                b'"metadata":{"origin":"' + script +
                (b";events=4" if stream else b"") + b'"}}')
        line = self.idle.popleft()
        line.got = b""
        line.socket.sendall(self.heads[at] + b"%d\r\n\r\n" % len(body) + body)

    def receive(self, seconds):
        for number, _ in self.poll.poll(seconds):
            line = self.lines[number]
            got = line.socket.recv(65536)
            if not got and line in self.idle:   # unused for too long
                self.idle.remove(line)
                self.close(line)
                self.open()
                continue
            if not got:
                raise RuntimeError("the gateway closed a connection: " +
                                   repr(line.got[:300]))
            line.got += got
            if not line.is_whole():
                continue
            self.statuses[int(line.got[9:12])] += 1
            # A connection carries so many calls, then nginx ends it.
            if b"\r\nConnection: close" in line.got[:2000]:
                self.close(line)
                self.open()
            else:
                self.idle.append(line)

    def play(self, plan):
        began = time.monotonic()
        done = 0
        while done < len(plan):
            now = time.monotonic() - began
            while done < len(plan) and self.idle and plan[done][0] <= now:
                self.behind = max(self.behind, now - plan[done][0])
                self.send(plan[done])
                done += 1
            wait = 0.0
            if done < len(plan):
                wait = max(0.0, plan[done][0] + began - time.monotonic())
            self.receive(min(wait, 0.05) if self.idle else 1)
        end = time.monotonic() + 60
        while len(self.idle) < len(self.lines) and time.monotonic() < end:
            self.receive(0.1)
        seconds = time.monotonic() - began
        for line in self.lines.values():
            line.socket.close()
        self.poll.close()
        return seconds


class Run:
    """The gateway with its world, the plan, and what came of it."""

    def __init__(self, where, data, size, say=lambda *words: None):
        dice = random.Random(size.seed)
        self.size, self.say = size, say
        self.accounts = make_accounts(size, dice)
        self.prompts = read_prompts(data, dice)
        self.plan = make_plan(size, self.accounts, read_traces(data),
                              self.prompts, dice)
        self.origin = lab.Origin(where, ("one",), keep=0)
        self.weir = lab.Weir(where / "weir", self.config(),
                             {**small.POLICIES,
                              "seller/permit.cedar": PERMIT})
        self.took = {}

    def config(self):
        made = small.config(self.origin.url("one"))
        names = [(a.name, "local") for a in self.accounts if not a.reseller]
        names += [(f"reseller-{i}", "reseller") for i in range(RESELLERS)]
        for name, category in names:
            made["organisations"].append(
                {"name": name, "headquarters": "DE", "incorporated": "DE",
                 "category": category, "established": True})
            made["tenants"].append(
                {"name": name, "organisation": name,
                 "projects": [{"name": "app"}]})
        made["watch"] = {
            "calibration": "live run",
            "clusters": {"every": f"{max(1, min(10, self.size.seconds // 6))} s",
                         "bin": f"{max(100, self.size.seconds * 1000 // BINS)} ms"}}
        return made

    def timed(self, name, began):
        self.took[name] = time.monotonic() - began
        self.say(f"{name}: {self.took[name]:.1f} s")

    def start(self):
        began = time.monotonic()
        self.weir.start(60)
        self.timed("start", began)
        began = time.monotonic()
        token = self.weir.json("admins", "create", "--role", "admin",
                               "--name", "keys")["token"]
        door = http.client.HTTPConnection("127.0.0.1", self.weir.admin_port)
        keys = {}
        names = list(dict.fromkeys(a.reseller or a.name
                                   for a in self.accounts))
        for first in range(0, len(names), 2000):
            door.request("POST", "/v1/keys/batch", json.dumps({"keys": [
                {"project": f"{name}/app", "purpose": "work", "staff": "DE",
                 "end_users": "DE"} for name in names[first:first + 2000]]}),
                {"Authorization": "Bearer " + token})
            reply = door.getresponse()
            body = reply.read()
            if reply.status != 201:
                raise RuntimeError(f"keys: {body!r}")
            for row in json.loads(body)["keys"]:
                keys[row["project"].split("/")[0]] = row["key"]
        door.close()
        for account in self.accounts:
            account.key = keys[account.reseller or account.name]
        self.timed(f"{len(keys)} keys", began)

    def figures(self):
        return self.weir.json("watch", "status", "--limit", 1,
                              timeout=120)["figures"]

    def processor(self, name):
        """Processor seconds and MiB of weir's processes of that name."""
        seconds, memory = 0.0, 0.0
        for pid, process, _ in self.weir.children():
            if process != name:
                continue
            fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
            seconds += (int(fields[11]) + int(fields[12])) / 100
            for line in open(f"/proc/{pid}/status"):
                if line.startswith("VmRSS:"):
                    memory += int(line.split()[1]) / 1024
        return seconds, memory

    def play(self):
        driver = Driver(self.weir.port, self.size, self.accounts,
                        self.prompts)
        self.say(f"{len(self.plan)} calls of {len(self.accounts)} accounts "
                 f"in {self.size.seconds} s")
        before = {name: self.processor(name)[0]
                  for name in ("weir", "nginx", "weir-writer")}
        self.seconds = driver.play(self.plan)
        self.statuses, self.behind = driver.statuses, driver.behind
        began = time.monotonic()
        self.last_figures = {}

        def is_counted():
            self.last_figures = self.figures()
            return self.last_figures["calls"] >= len(self.plan)
        lab.wait_for(is_counted, 300, "every call is counted")
        self.timed("counted after the last call", began)
        self.used = {name: self.processor(name)[0] - was
                     for name, was in before.items()}
        self.memory = self.processor("weir")[1]

    def call(self, account):
        """One call more, of an ordinary kind: status and headers."""
        head = {"Authorization": "Bearer " + account.key,
                "Content-Type": "application/json"}
        if account.reseller:
            head["weir-end-customer"] = account.name
        body = json.dumps({"model": "m", "max_tokens": 9, "messages": [
            {"role": "user", "content": "where is my parcel?"}]})
        status, fields, _ = lab.exchange(
            self.weir.port, "POST", "/v1/chat/completions", body, head)
        return status, fields

    def look(self):
        """Waits for a look at clusters that knows every call: there is one
        only where calls came since the last, so one more is made."""
        began = time.monotonic()
        self.call(self.accounts[0])
        then = time.time_ns() // 1000
        lab.wait_for(
            lambda: self.figures()["clustered_at_us"] > then,
            self.size.seconds + 60, "a look at clusters")
        self.look_figures = self.figures()
        self.timed("the last look at clusters", began)

    def raise_step(self, cluster, step="slow"):
        """Two people put a cluster under a step."""
        tokens = [self.weir.json("admins", "create", "--role", "operator",
                                 "--name", name)["token"]
                  for name in ("Ann", "Ben")]
        until = datetime.datetime.now(datetime.timezone.utc) + \
            datetime.timedelta(days=1)
        made = self.weir.json(
            "watch", "override", "request", "raise", f"cluster:{cluster}",
            "--step", step, "--until", until.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "--reason", "they act as one", "--token", tokens[0])
        self.weir.cli("watch", "override", "approve", made["id"], "--token",
                      tokens[1])

    def met(self, accounts):
        """Of these accounts, those whose next call meets a step; by name."""
        found = {}
        for account in accounts:
            status, fields = self.call(account)
            if "weir-watch" in fields or status != 200:
                found[account.subject] = (status, fields.get("weir-watch"))
        return found

    def rows(self, question, *values):
        with sqlite3.connect(f"file:{self.weir.state}/weir.db?mode=ro",
                             uri=True) as store:
            return store.execute(question, values).fetchall()

    def stop(self):
        self.weir.end()
        self.origin.stop()


def judge(run):
    """What was found, as figures."""
    farm = {a.subject for a in run.accounts if a.is_farm}
    alike = {a.subject for a in run.accounts if not a.is_farm and a.share}
    clusters = []
    for name, z, score, action in run.rows(
            "SELECT id, z, score, action FROM watch_cluster WHERE is_found "
            "ORDER BY z DESC"):
        members = {row[0] for row in run.rows(
            "SELECT name FROM watch_member WHERE cluster = ?", name)}
        clusters.append({
            "id": name, "z": z, "score": score, "action": action,
            "members": len(members), "of_farm": len(members & farm),
            "alike": len(members & alike)})
    named = set().union(*[
        {row[0] for row in run.rows(
            "SELECT name FROM watch_member WHERE cluster = ?", c["id"])}
        for c in clusters])
    # Each account's worst window: of the account, its key, its project.
    worst = dict(run.rows(
        "SELECT name, max(score) FROM watch_verdicts WHERE kind IN (3, 6) "
        "AND action > 0 GROUP BY name"))
    felt = run.rows(
        "SELECT kind, name, calls, fired, score, detail FROM watch_verdicts "
        "WHERE kind IN (1, 2, 3, 5, 6) AND action > 1")
    over = {name for name, score in worst.items() if score >= 1}
    everyone = {a.subject for a in run.accounts}
    benign = everyone - farm
    return {
        "clusters": clusters,
        "named": len(named),
        "precision": len(named & farm) / len(named) if named else None,
        "recall": len(named & farm) / len(farm) if farm else None,
        "alike_named": len(named & alike), "alike": len(alike),
        "farm": len(farm), "benign": len(benign),
        "farm_over_the_line_alone": len(over & farm),
        "benign_over_the_line_alone": len(over & benign),
        "felt_alone": sorted({name for _, name, *_ in felt}),
        "felt_because": [
            (kind, name, calls, round(score, 2),
             {row["signal"]: (round(row["value"], 2), row["line"])
              for row in json.loads(detail)["signals"] if row["fired"]})
            for kind, name, calls, _, score, detail in felt[:20]],
        "ordinary_over": sorted(over & benign - alike),
    }


def costs(run):
    """What it took."""
    total = len(run.plan)
    return {
        "calls": total, "answered": run.statuses[200],
        "other_statuses": {str(status): count for status, count in
                           run.statuses.items() if status != 200},
        "calls_a_second": round(total / run.seconds),
        "behind_the_plan_at_worst_s": round(run.behind, 1),
        "counted_after_s": round(run.took["counted after the last call"], 1),
        "late": run.last_figures["late"], "again": run.last_figures["again"],
        "pools": run.last_figures["subjects"],
        "control_us_a_call": round(run.used["weir"] * 1e6 / total, 1),
        "nginx_us_a_call": round(run.used["nginx"] * 1e6 / total, 1),
        "writer_us_a_call": round(run.used["weir-writer"] * 1e6 / total, 1),
        "control_mib": round(run.memory),
        "look_ms": round(run.look_figures["cluster_us"] / 1000),
    }


def enforce(run, found):
    """Two people slow the first cluster: who feels it."""
    best = found["clusters"][0]
    run.raise_step(best["id"])
    members = {row[0] for row in run.rows(
        "SELECT name FROM watch_member WHERE cluster = ?", best["id"])}
    dice = random.Random(5)
    inside = [a for a in run.accounts if a.subject in members]
    benign = [a for a in run.accounts
              if not a.is_farm and a.subject not in members]
    probes = dice.sample(inside, min(20, len(inside)))
    ordinary = dice.sample(benign, min(200, len(benign)))
    lab.wait_for(lambda: run.met(probes[:1]), 10, "a member meets the step")
    return {"members_probed": len(probes), "members_met": len(run.met(probes)),
            "ordinary_probed": len(ordinary),
            "ordinary_met": len(run.met(ordinary))}
