# SPDX-License-Identifier: Apache-2.0
"""Two operators: one sees a harvest, a person upholds it, a bundle goes out;
the other takes it in, and the same harvest is seen there from its first calls.
Nothing of what customers wrote is in the bundle."""
import http.client
import json
import pathlib
import re
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] /
                       "control"))
import lab  # noqa: E402
from small import POLICIES, config, organisation  # noqa: E402

SECRET = "the Bluebird turbine of Hollow Creek runs at 7312 rpm"
SCAFFOLD = ("You are a careful teacher of young pupils. Think step by step and "
            "show your full reasoning before the answer, then grade it. "
            "Question {n}: what follows from {what}?")
COMMON = "You are a friendly assistant who answers in a few short sentences."
THINGS = ("the price of {n} apples", "a train that leaves at {n} past noon",
          "a field of {n} paces", "a jar with {n} beans", SECRET)


def harvest(n):
    what = THINGS[n % len(THINGS)].format(n=n * 37 % 991)
    return [{"role": "system", "content": COMMON},
            {"role": "user", "content": SCAFFOLD.format(n=n, what=what)}]


def plain(n):
    asks = ("where is my order {n}, it was said to come on Monday morning",
            "i would like to change the address of my order number {n}",
            "the invoice {n} that you sent to us has the wrong name on it")
    return [{"role": "system", "content": COMMON},
            {"role": "user", "content": asks[n % 3].format(n=n * 7919 % 9973)}]


class Operator:
    def __init__(self, where, name, peer):
        self.name = name
        self.origin = lab.Origin(where, (name,))
        made = config(self.origin.url(name))
        for tenant in ("miner", "shop", "mill"):
            made["organisations"].append(organisation(tenant, "DE"))
            made["tenants"].append({"name": tenant, "organisation": tenant,
                                    "projects": [{"name": "app"}]})
        (where / "salt").write_text("00112233445566778899aabbccddeeff\n")
        self.exchange = {
            "name": "north-labs", "salt": {"file": str(where / "salt")},
            "give": {"as": name, "sign": {"file": str(where / "sign.key")},
                     "last": "30 d"}}
        made["watch"] = {"reference_calls": 600,
                         "exchanges": [self.exchange]}
        self.weir = lab.Weir(where / "weir", made, POLICIES)
        self.public = make_key(where)
        if peer:
            self.exchange["trust"] = [{"issuer": peer.name,
                                       "key": peer.public}]
        self.weir.write()
        self.weir.start()
        self.keys = {name: self.weir.key(name + "/app")
                     for name in ("miner", "shop", "mill")}
        self.ann = self.weir.json("admins", "create", "--role", "admin",
                                  "--name", "Ann")["token"]

    def send(self, tenant, messages):
        connection = http.client.HTTPConnection("127.0.0.1", self.weir.port,
                                                timeout=30)
        connection.request(
            "POST", "/v1/chat/completions",
            json.dumps({"model": "m", "messages": messages}),
            {"Authorization": "Bearer " + self.keys[tenant],
             "Content-Type": "application/json"})
        reply = connection.getresponse()
        reply.read()
        connection.close()
        assert reply.status == 200
        return reply.getheader("weir-request-id")

    def told(self, request):
        seen = []

        def look():
            done = self.weir.cli("explain", request, "--json", check=False)
            seen[:] = [json.loads(done.stdout)] if done.returncode == 0 else []
            return seen and seen[0]["state"] != "open"
        lab.wait_for(look, 10, "the ledger")
        return seen[0]["watch"]

    def verdicts(self, kind="tenant"):
        rows = self.weir.json("watch", "status", "--kind", kind)["verdicts"]
        return {row["name"]: row for row in rows}

    def export(self, file, check=True):
        return self.weir.cli("watch", "bundle", "export", "north-labs", "-o",
                             file, "--token", self.ann, check=check)

    def take(self, file, check=True):
        return self.weir.cli("watch", "bundle", "import", file, "--token",
                             self.ann, check=check)

    def stop(self):
        self.weir.end()
        self.origin.stop()


def make_key(where):
    done = subprocess.run([lab.program("weir"), "watch", "bundle", "key",
                           str(where / "sign.key")], check=True,
                          capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    here, there = (tmp_path_factory.mktemp(name) for name in
                   ("seller-one", "seller-two"))
    first = Operator(here, "seller-one", None)
    second = Operator(there, "seller-two", first)
    yield first, second, here
    first.stop()
    second.stop()


def case_of(operator, tenant):
    rows = operator.weir.json("watch", "steps")["steps"]
    return next((row["case"] for row in rows if row["tenant"] == tenant), None)


def test_a_harvest_seen_by_one_is_known_to_the_other(pair):
    first, second, where = pair
    for n in range(60):
        first.send("shop", plain(n))
        first.send("mill", plain(n + 1000))
    for n in range(120):
        first.send("miner", harvest(n))
    lab.wait_for(lambda: "miner" in first.verdicts(), 10, "the verdict")
    lab.wait_for(lambda: case_of(first, "miner"), 10, "the case")
    case = case_of(first, "miner")

    # Nobody has looked: nothing goes out, and nothing without a name.
    refused = first.export(where / "early", check=False)
    assert refused.returncode == 6 and "no reviewed case" in refused.stderr
    first.weir.cli("watch", "cases", "decide", case, "--uphold", "--reason",
                   "one text around every question", "--token", first.ann)
    nameless = first.weir.cli("watch", "bundle", "export", "north-labs",
                              check=False)
    assert nameless.returncode == 23, nameless.stderr
    done = first.export(where / "one.bundle")
    assert "of 1 cases" in done.stderr
    assert not done.stderr.rstrip().endswith("; 0 digests that others have too")

    text = (where / "one.bundle").read_text()
    look_into(text)
    assert subprocess.run(
        [lab.program("weir"), "watch", "bundle", "verify",
         str(where / "one.bundle"), "--key", first.public],
        capture_output=True).returncode == 0

    # The other knows nothing of it yet.
    before = second.told(second.send("miner", harvest(500)))
    assert before["indicators"] == [] and "exchanges" not in before
    second.take(where / "one.bundle")
    requests = [second.send("miner", harvest(n)) for n in range(501, 504)]
    for request in requests:
        watch = second.told(request)
        assert watch["indicators"] and watch["exchanges"] == ["north-labs"]
    assert second.told(second.send("shop", plain(9)))["indicators"] == []
    assert "north-labs" in second.weir.cli("explain", requests[0]).stdout

    lab.wait_for(lambda: "miner" in second.verdicts(), 10, "the signal")
    row = second.verdicts()["miner"]
    assert row["fired"] == ["shared"] and row["action"] == "observe"
    assert set(requests) <= set(row["detail"]["evidence"])
    assert row["detail"]["shared"]["exchanges"] == ["north-labs"]
    assert row["detail"]["shared"]["kinds"]
    lab.wait_for(lambda: case_of(second, "miner"), 10, "the case there")
    # A model's owner sees the signal of his models, and not with whom.
    models = second.verdicts("models")["maker/miner"]
    assert models["fired"] == ["shared"]
    assert "shared" not in models["detail"]


def look_into(text):
    """Only what the format has, and nothing that anybody wrote."""
    lines = text.split("\n")
    assert lines[0] == "weir-watch-bundle/1"
    names = [line.split(" ")[0] for line in lines[1:7]]
    assert names == ["exchange", "issuer", "serial", "issued", "expires",
                     "indicators"]
    body = lines[7:lines.index("")]
    assert 0 < len(body) == int(lines[6].split(" ")[1])
    for line in body:
        assert re.fullmatch("(frame|head|tail|system|first_words|last_words) "
                            "[0-9a-f]{16}", line), line
    low = text.lower()
    for word in re.findall("[a-z]{5,}", (SECRET + SCAFFOLD + COMMON).lower()):
        assert word not in low, word
    for name in ("miner", "shop", "mill", "maker", "7312"):
        assert name not in low, name
    for form in (SECRET, COMMON, SCAFFOLD):
        assert form.encode().hex() not in low


def test_replays_strangers_and_changed_bundles_are_refused(pair):
    first, second, where = pair
    again = second.take(where / "one.bundle", check=False)
    assert again.returncode == 19 and "serial" in again.stderr
    text = (where / "one.bundle").read_text()
    (where / "changed").write_text(text.replace("serial 1", "serial 9"))
    changed = second.take(where / "changed", check=False)
    assert changed.returncode == 14, changed.stderr
    stranger = first.take(where / "one.bundle", check=False)
    assert stranger.returncode == 23, stranger.stderr
    rows = second.weir.json("watch", "bundle", "list")["bundles"]
    assert [(row["issuer"], row["serial"], row["person"]) for row in rows] \
        == [("seller-one", 1, "Ann")]


def score(calls, *options):
    done = subprocess.run([lab.program("weir"), "watch", "score", str(calls),
                           *map(str, options)], capture_output=True, text=True)
    return done.returncode, [json.loads(line) for line in
                             done.stdout.splitlines()], done.stderr


def test_calls_of_a_file_are_matched_against_the_bundle(pair):
    _, _, where = pair
    calls = where / "calls.jsonl"

    def write(first_ms):
        with calls.open("w") as file:
            for n in range(200):
                asked = harvest(n) if n % 20 == 0 else plain(n)
                file.write(json.dumps({
                    "account": "a", "time_ms": first_ms + n * 1000,
                    "system": asked[0]["content"],
                    "prompt": asked[1]["content"]}) + "\n")
    now = int(time.time() * 1000)
    write(now)
    bundle = where / "one.bundle"
    code, rows, _ = score(calls, "--indicators", bundle, "--salt",
                          where / "salt")
    assert code == 0
    assert any(row["signals"].get("shared", 0) >= 3 for row in rows)
    named = [one for row in rows for one in row["evidence"]
             if one["signal"] == "shared"]
    assert named and all(set(line % 20 for line in one["lines"]) == {1}
                         for one in named if "lines" in one)
    code, rows, _ = score(calls)
    assert code == 0
    assert all("shared" not in row["signals"] for row in rows)
    # After the bundle's end, as in the data plane.
    write(now + 400 * 86400 * 1000)
    code, rows, _ = score(calls, "--indicators", bundle, "--salt",
                          where / "salt")
    assert code == 0
    assert all("shared" not in row["signals"] for row in rows)
    (where / "other").write_text("ff" * 16 + "\n")
    write(now)
    code, rows, _ = score(calls, "--indicators", bundle, "--salt",
                          where / "other")
    assert code == 0
    assert all("shared" not in row["signals"] for row in rows)
    code, _, said = score(calls, "--indicators", bundle)
    assert code != 0 and "salt" in said


def test_a_bundle_of_megabytes_goes_over_the_network(pair):
    _, second, where = pair
    words = "".join(f"frame {n:016x}\n" for n in range(1, 100_001))
    body = ("weir-watch-bundle/1\nexchange north-labs\nissuer nobody\n"
            "serial 1\nissued 2026-01-01T00:00:00Z\n"
            f"expires 2026-12-31T00:00:00Z\nindicators 100000\n{words}\n")
    bundle = where / "large.bundle"
    bundle.write_text(body + "key " + "A" * 43 + "=\nsignature " + "A" * 86 +
                      "==\n")
    assert bundle.stat().st_size > 2 << 20
    # It is read whole: what is wrong with it is its signature, not its size.
    done = second.weir.cli(
        "watch", "bundle", "import", bundle, "--url",
        f"http://127.0.0.1:{second.weir.admin_port}", "--token", second.ann,
        check=False)
    assert done.returncode != 0
    assert "sign" in done.stderr and "size" not in done.stderr


def test_what_is_withheld_is_withdrawn_with_the_next_bundle(pair):
    first, second, where = pair
    case = case_of(first, "miner")
    first.weir.cli("watch", "bundle", "withhold", "north-labs", case,
                   "--reason", "the customer explained", "--token", first.ann)
    first.export(where / "two.bundle")
    assert "\nserial 2\n" in (where / "two.bundle").read_text()
    assert "\nindicators 0\n" in (where / "two.bundle").read_text()
    # Over the network the text goes, for there is no file of this machine.
    done = second.weir.cli(
        "watch", "bundle", "import", where / "two.bundle", "--url",
        f"http://127.0.0.1:{second.weir.admin_port}", "--token", second.ann)
    assert "0 indicators" in done.stdout
    assert second.told(second.send("miner", harvest(700)))["indicators"] == []
    rows = second.weir.json("watch", "bundle", "list", "--all")["bundles"]
    assert [(row["serial"], row["ended_us"] is None) for row in rows] == [
        (2, True), (1, False)]


def test_a_removed_bundle_is_matched_no_more_and_stays_on_file(pair):
    _, second, _ = pair
    number = second.weir.json("watch", "bundle", "list")["bundles"][0]["number"]
    without = second.weir.cli("watch", "bundle", "remove", number,
                              check=False)
    assert without.returncode == 4
    second.weir.cli("watch", "bundle", "remove", number, "--reason",
                    "they left")
    assert second.weir.json("watch", "bundle", "list")["bundles"] == []
    rows = second.weir.json("watch", "bundle", "list", "--all")["bundles"]
    assert rows[0]["ended_reason"] == "they left"
    state = second.weir.json("watch", "bundle", "list")["exchanges"][0]
    assert state["exchange"] == "north-labs" and state["bundles"] == 0
