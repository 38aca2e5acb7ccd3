# SPDX-License-Identifier: Apache-2.0
"""Content where an obligation asks for it: sealed, seen by few, erased for
good; and nowhere in plain, on disk or in memory."""
import base64
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest

import conftest
import lab
from conftest import Place
from small import POLICIES, config

SECRET = "zanzibar-heron-4417-quartz"
PERMIT = POLICIES["seller/permit.cedar"]

RETAIN = {**POLICIES, "seller/permit.cedar": PERMIT.replace(
    '@id("seller-permit")', '@id("seller-permit")\n@retain("kept")'),
    "seller/modified.cedar": """
@id("south-modified")
@title("South's content is not kept")
@authority("The seller, on South's approved request")
@appeal("appeal@seller.example")
@retain("none") @monitor("modified")
permit (principal in Tenant::"south", action in Action::"infer",
        resource in Bloc::"hosting");
"""}


class Keeping(Place):
    def __init__(self, where, **classes):
        where.mkdir(parents=True, exist_ok=True)
        (where / "master").write_text(os.urandom(32).hex() + "\n")
        (where / "master").chmod(0o600)
        self.origin = lab.Origin(where)
        settings = config(self.origin.url())
        settings["organisations"] = [
            {**row, "headquarters": "DE"} if row["name"] == "south" else row
            for row in settings["organisations"]]
        row = {"name": "kept", "floor": "0 s", "ceiling": "30 d",
               "bytes": "64 KiB", "when_full": "refuse", **classes}
        settings["content"] = {
            "master": {"file": str(where / "master")}, "free": "1 MiB",
            "classes": [row],
            "reviewers": [{"name": "local", "region": "DE"}]}
        policies = dict(RETAIN)
        policies["seller/permit.cedar"] = policies["seller/permit.cedar"]
        self.weir = lab.Weir(where / "weir", settings, policies)
        self.keys = {}
        self.weir.start()

    def ask(self, text, project="good/app", **more):
        status, headers, body = self.call(
            key=self.key(project),
            messages=[{"role": "user", "content": text}], **more)
        assert status == 200, body
        return headers["weir-request-id"]

    def items(self, *more):
        return self.weir.json("content", "list", *more)["items"]

    def kept(self, request):
        """Both bodies are on disk."""
        return lab.wait_for(
            lambda: (lambda got: len(got) == 2 and got)(
                self.items("--request", request)), 5, "the content")

    def show(self, request, *more, **keywords):
        return self.weir.cli("content", "show", request, "--purpose", "test",
                             "--json", *more, **keywords)

    def acts(self, action):
        rows = self.weir.admin("GET", "/v1/acts?limit=100")["acts"]
        return [row for row in rows if row["action"] == action]


@pytest.fixture(scope="module")
def keeping(tmp_path_factory):
    made = Keeping(tmp_path_factory.mktemp("keeping"))
    yield made
    made.stop()


def test_what_was_asked_and_answered_is_kept_and_seen(keeping):
    request = keeping.ask("what is the " + SECRET)
    keeping.kept(request)
    told = json.loads(keeping.show(request).stdout)
    asked, answered = told["bodies"]
    assert SECRET in asked["text"] and asked["what"] == "request"
    assert json.loads(answered["text"])["choices"]
    views = [row for row in keeping.acts("content.view")
             if row["subject"] == request]
    assert len(views) == 2
    detail = views[0]["detail"]
    detail = json.loads(detail) if isinstance(detail, str) else detail
    assert detail["purpose"] == "test" and detail["region"] == "DE"
    # a stream too
    request = keeping.ask("stream " + SECRET, stream=True)
    keeping.kept(request)
    answered = json.loads(keeping.show(request, "--what", "reply")
                          .stdout)["bodies"][0]
    assert "data: [DONE]" in answered["text"]


def test_modified_mode_keeps_figures_and_no_content(keeping):
    request = keeping.ask("modified " + SECRET, project="south/polar")
    keeping.ledgered(request)
    time.sleep(0.5)
    assert keeping.items("--request", request) == []
    assert keeping.weir.cli("content", "show", request, "--purpose", "x",
                            check=False).returncode == 6
    told = keeping.weir.json("explain", request)
    assert told["outcome"]["input_tokens"] > 0


def test_a_long_body_is_cut_and_says_so(keeping):
    request = keeping.ask("x" * 100000)
    item = keeping.kept(request)[0]
    assert item["kept_bytes"] == 65536 and item["whole_bytes"] > 100000


def test_who_may_not_look_is_refused_and_named(keeping):
    request = keeping.ask("hidden " + SECRET)
    keeping.kept(request)
    viewer = keeping.weir.json("admins", "create", "--role", "viewer",
                               "--name", "v")
    auditor = keeping.weir.json("admins", "create", "--role", "auditor",
                                "--name", "a")
    path = f"/v1/content/{request}?purpose=look"
    assert keeping.api("GET", path, viewer["token"])[0] == 403
    assert keeping.api("GET", path)[0] == 401
    assert keeping.api("GET", path, auditor["token"])[0] == 200
    assert keeping.api("GET", f"/v1/content/{request}",
                       auditor["token"])[0] == 400
    # a class that is for reviewers of one region
    row = keeping.weir.config["content"]["classes"][0]
    row["regions"] = ["DE"]
    keeping.weir.write()
    keeping.weir.cli("reload")
    try:
        status, reply = keeping.api("GET", path, auditor["token"])
        assert status == 403 and SECRET not in json.dumps(reply)
        refusals = [one for one in keeping.acts("content.refuse")
                    if one["actor"] == auditor["id"]]
        assert refusals and refusals[0]["subject"] == request
        assert keeping.show(request).returncode == 0     # local is in DE
        keeping.weir.config["content"]["reviewers"].append(
            {"name": auditor["id"], "region": "DE", "until": "2020-01-01"})
        keeping.weir.write()
        keeping.weir.cli("reload")
        assert keeping.api("GET", path, auditor["token"])[0] == 403
        keeping.weir.config["content"]["reviewers"][-1].pop("until")
        keeping.weir.write()
        keeping.weir.cli("reload")
        assert keeping.api("GET", path, auditor["token"])[0] == 200
    finally:
        row.pop("regions")
        keeping.weir.write()
        keeping.weir.cli("reload")


def test_erased_it_is_gone_and_every_proof_still_verifies(keeping, tmp_path):
    request = keeping.ask("erase " + SECRET)
    other = keeping.ask("keep " + SECRET)
    keeping.kept(request)
    keeping.kept(other)
    erase = ["content", "erase", request, "--reason", "asked to"]
    held = keeping.weir.cli("content", "hold", request, "--reason", "court")
    assert held.returncode == 0
    assert keeping.weir.cli(*erase, check=False).returncode == 19
    assert len(keeping.weir.json("content", "hold")["holds"]) == 1
    keeping.weir.cli("content", "hold", request, "--release", "--reason",
                     "over")
    assert keeping.weir.json(*erase)["items"] == 2
    assert keeping.show(request, check=False).returncode == 6
    assert keeping.items("--request", request) == []
    gone = keeping.items("--request", request, "--erased")
    assert len(gone) == 2 and all(row["is_erased"] for row in gone)
    assert keeping.show(other).returncode == 0
    assert keeping.weir.cli(*erase, check=False).returncode == 6
    assert keeping.acts("content.erase")[0]["subject"] == request
    assert keeping.weir.audit().returncode == 0
    receipt = tmp_path / "r"
    # once a checkpoint covers the call
    receipt.write_text(lab.wait_for(
        lambda: keeping.weir.cli("audit", "receipt", request,
                                 check=False).stdout, 15, "a receipt"))
    keeping.weir.cli("explain", request)
    assert subprocess.run([lab.program("weir"), "audit", "check", receipt],
                          capture_output=True).returncode == 0


def grep(path, secret):
    done = subprocess.run(["grep", "-a", "-r", "-l", "-F", "--devices=skip",
                           secret, path], capture_output=True, text=True)
    return [line for line in done.stdout.splitlines()]


def test_a_planted_secret_is_nowhere_in_plain(keeping, tmp_path):
    """Every file of weir's, and the memory of each of its processes."""
    mark = "xylograph-pelican-90210-umber"
    for stream in (False, True):
        for _ in range(3):
            request = keeping.ask(mark + " " + "y" * 3000, stream=stream)
    keeping.kept(request)
    keeping.ledgered(request)
    time.sleep(0.5)
    assert grep(keeping.weir.where, mark) == []
    assert grep(keeping.weir.run_dir, mark) == []
    if shutil.which("gcore") is None:
        pytest.skip("no gcore: memory is not looked at")
    found = []
    for pid, name, words in keeping.weir.children():
        subprocess.run(["gcore", "-o", tmp_path / f"core-{name}", str(pid)],
                       capture_output=True, timeout=120)
    cores = list(tmp_path.glob("core-*"))
    assert len(cores) >= 3
    assert any(grep(core, "content.rules") for core in cores)
    for core in cores:
        if grep(core, mark):
            found.append(core.name)
        core.unlink()
    assert found == []


def test_a_destroyed_tenant_key_takes_all_with_it(keeping):
    request = keeping.ask("tenant " + SECRET)
    keeping.kept(request)
    keys = set((keeping.weir.state / "content/keys").iterdir())
    before = {path: path.read_bytes() for path in keys}
    done = keeping.weir.json("content", "erase", "--tenant", "good",
                             "--reason", "contract over")
    assert done["items"] >= 2
    assert keeping.items("--tenant", "good") == []
    assert keeping.show(request, check=False).returncode == 6
    # what comes later is kept under a new key
    lab.wait_for(lambda: {path: path.read_bytes() for path in keys
                          if path.exists()} != before and
                 all(path.exists() for path in keys), 5, "a new key")
    time.sleep(1.3)
    later = keeping.ask("later " + SECRET)
    keeping.kept(later)
    assert keeping.show(later).returncode == 0
    assert keeping.weir.audit().returncode == 0


def test_over_its_ceiling_it_is_erased_by_itself(tmp_path):
    place = Keeping(tmp_path, floor="1 s", ceiling="3 s")
    try:
        request = place.ask("short " + SECRET)
        held = place.ask("held " + SECRET)
        place.kept(request)
        assert place.weir.cli(
            "content", "erase", request, "--reason", "x",
            check=False).returncode in (0, 19)
        place.weir.cli("content", "hold", held, "--reason", "court")
        lab.wait_for(lambda: place.items("--request", request) == [], 15,
                     "the ceiling")
        time.sleep(6)
        assert len(place.items("--request", held)) == 2
        place.weir.cli("content", "hold", held, "--release", "--reason", "o")
        lab.wait_for(lambda: place.items("--request", held) == [], 15,
                     "the ceiling after the hold")
        assert place.acts("content.expire")
        assert place.weir.audit().returncode == 0
    finally:
        place.stop()


@pytest.mark.parametrize("rule, status", [("refuse", 503), ("go on", 200)])
def test_a_full_disk_refuses_or_goes_on_as_the_class_says(tmp_path, rule,
                                                          status):
    place = Keeping(tmp_path, when_full=rule)
    try:
        place.kept(place.ask("before"))
        place.weir.config["content"]["free"] = "9000 GiB"
        place.weir.write()
        place.weir.cli("reload")
        time.sleep(3.5)
        got, _, body = place.call(messages=[{"role": "user",
                                             "content": "full"}])
        assert got == status, body
        if rule == "refuse":
            assert b"content must be kept" in body
        place.weir.config["content"]["free"] = "1 MiB"
        place.weir.write()
        place.weir.cli("reload")
        time.sleep(3.5)
        place.kept(place.ask("after"))
    finally:
        place.stop()


def test_what_a_worker_had_when_it_was_killed_is_whole_or_not_there(tmp_path):
    place = Keeping(tmp_path)
    try:
        for round in range(3):
            requests = [place.ask(f"round {round} {i}") for i in range(20)]
            for pid, name, words in place.weir.children():
                if "worker process" in words or name == "nginx":
                    with contextlib.suppress(ProcessLookupError):
                        status = pathlib.Path(f"/proc/{pid}/status")
                        os.kill(pid, 9)
            lab.wait_for(place.weir.is_ready, 15, "nginx again")
            time.sleep(1.5)
        for row in place.items():
            done = place.show(row["request"], "--what", row["what"])
            assert done.returncode == 0
        assert len(place.items()) > 10
    finally:
        place.stop()


def test_a_wrong_master_key_opens_nothing(tmp_path):
    place = Keeping(tmp_path)
    try:
        request = place.ask("master " + SECRET)
        place.kept(request)
        place.weir.stop()
        (tmp_path / "master").write_text(
            base64.b64encode(os.urandom(32)).decode())
        done = place.show(request, check=False)
        assert done.returncode == 1
        assert "another master key" in done.stderr
        (tmp_path / "master").write_text("short")
        assert place.show(request, check=False).returncode == 4
    finally:
        place.stop()


def test_the_first_call_is_kept_and_without_a_master_it_is_refused(tmp_path):
    place = Keeping(tmp_path)
    try:
        key = place.key()
        place.kept(place.ask("first"))
        place.weir.stop()
        (tmp_path / "master").rename(tmp_path / "gone")
        place.weir.start()
        status, _, body = place.call(key=key)
        assert status == 503 and b"content must be kept" in body
        (tmp_path / "gone").rename(tmp_path / "master")
        lab.wait_for(lambda: place.call(key=key)[0] == 200, 20,
                     "the master key again")
    finally:
        place.stop()
