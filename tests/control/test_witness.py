# SPDX-License-Identifier: Apache-2.0
"""`weir witness` by itself, a log that asks witnesses, and receipts that need
their quorum."""
import base64
import contextlib
import functools
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey, Ed25519PublicKey)

import conftest
import lab
from conftest import Place


# ----------------------------------------------- a log, by other code

def leaf_hash(data):
    return hashlib.sha256(b"\0" + data).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node(root(leaves[:k]), root(leaves[k:]))


def consistency(m, leaves, whole=True):
    """RFC 6962, 2.1.2, as written there."""
    n = len(leaves)
    if m == n:
        return [] if whole else [root(leaves)]
    k = 1
    while k * 2 < n:
        k *= 2
    if m <= k:
        return consistency(m, leaves[:k], whole) + [root(leaves[k:])]
    return consistency(m - k, leaves[k:], False) + [root(leaves[:k])]


def b64(data):
    return base64.b64encode(data).decode()


class Log:
    """Signs checkpoints of any leaves it is told to."""

    def __init__(self, origin, seed):
        self.origin = origin
        self.secret = Ed25519PrivateKey.from_private_bytes(
            hashlib.sha256(seed.encode()).digest())
        self.public = self.secret.public_key().public_bytes_raw()
        self.id = hashlib.sha256(
            f"{origin}\n".encode() + b"\1" + self.public).digest()[:4]
        self.vkey = f"{origin}+{self.id.hex()}+{b64(bytes([1]) + self.public)}"
        self.leaves = []

    def grow(self, count, mark="leaf"):
        for _ in range(count):
            self.leaves.append(
                leaf_hash(f"{mark} {len(self.leaves)}".encode()))

    def text(self, leaves=None):
        leaves = self.leaves if leaves is None else leaves
        return f"{self.origin}\n{len(leaves)}\n{b64(root(leaves))}\n"

    def note(self, text):
        signature = self.secret.sign(text.encode())
        return f"{text}\n\u2014 {self.origin} {b64(self.id + signature)}\n"

    def request(self, old, leaves=None, proof=None):
        leaves = self.leaves if leaves is None else leaves
        if proof is None:
            proof = consistency(old, leaves) if 0 < old <= len(leaves) else []
        return (f"old {old}\n" + "".join(b64(one) + "\n" for one in proof) +
                "\n" + self.note(self.text(leaves))).encode()


def verify_cosignature(vkey, text, line, now):
    """tlog-cosignature, by another Ed25519."""
    name, key_id, key = vkey.split("+", 2)
    key = base64.b64decode(key)
    assert key[0] == 4
    dash, line_name, blob = line.rstrip("\n").split(" ")
    blob = base64.b64decode(blob)
    assert dash == "\u2014" and line_name == name
    assert blob[:4].hex() == key_id
    assert blob[:4] == hashlib.sha256(
        f"{name}\n".encode() + key).digest()[:4]
    seconds = int.from_bytes(blob[4:12], "big")
    assert abs(seconds - now) < 60
    Ed25519PublicKey.from_public_bytes(key[1:]).verify(
        blob[12:], f"cosignature/v1\ntime {seconds}\n{text}".encode())


class Witness:
    def __init__(self, where, name="witness.example/w1", logs=(), port=0):
        self.where = pathlib.Path(where)
        self.where.mkdir(parents=True, exist_ok=True)
        self.key = self.where / "witness.key"
        if not self.key.exists():
            subprocess.run([lab.program("weir"), "witness", "key", name,
                            "--key", self.key], check=True,
                           capture_output=True)
        self.logs = self.where / "logs"
        self.logs.write_text("# logs\n" + "".join(f"{one}\n" for one in logs))
        self.state = self.where / "state"
        self.process = None
        self.port = port

    def start(self):
        self.log = self.where / f"witness-{time.monotonic_ns()}.log"
        self.process = lab.Process(
            [lab.program("weir"), "witness", "--key", self.key, "--logs",
             self.logs, "--state", self.state, "--listen",
             f"127.0.0.1:{self.port}", "--json"], self.log)
        lab.wait_for(lambda: "\n" in self.log.read_text() or
                     self.process.child.poll() is not None, what="witness")
        assert self.process.child.poll() is None, self.process.tail()
        said = json.loads(self.log.read_text().splitlines()[0])
        self.port, self.vkey = said["port"], said["key"]
        return self

    def ask(self, body, path="/add-checkpoint", method="POST"):
        return lab.exchange(self.port, method, path, body)

    def stop(self):
        if self.process:
            assert self.process.stop() == 0


@pytest.fixture
def log():
    return Log("log.example/one", "one")


@pytest.fixture
def witness(tmp_path, log):
    made = Witness(tmp_path / "w", logs=[log.vkey, Log("log.example/two",
                                                       "two").vkey])
    made.start()
    yield made
    made.process.kill()


# -------------------------------------------------------- the witness

def test_a_growing_log_is_cosigned(witness, log):
    old = 0
    for count in (1, 1, 5, 300, 0, 13):
        log.grow(count)
        status, headers, body = witness.ask(log.request(old))
        assert status == 200, body
        verify_cosignature(witness.vkey, log.text(), body.decode(),
                           time.time())
        old = len(log.leaves)


def test_the_wrong_old_size_is_told_the_right_one(witness, log):
    log.grow(7)
    assert witness.ask(log.request(0))[0] == 200
    log.grow(3)
    for old in (0, 5, 8, 10):
        status, headers, body = witness.ask(log.request(old))
        assert (status, body) == (409, b"7\n")
        assert headers["content-type"] == "text/x.tlog.size"
    assert witness.ask(log.request(7))[0] == 200


def test_every_refusal_has_its_status(witness, log):
    stranger = Log("log.example/three", "three")
    stranger.grow(3)
    assert witness.ask(stranger.request(0))[0] == 404
    pretender = Log("log.example/one", "pretender")
    pretender.grow(3)
    assert witness.ask(pretender.request(0))[0] == 403
    log.grow(10)
    assert witness.ask(log.request(11))[0] == 400
    assert witness.ask(b"")[0] == 400
    assert witness.ask(b"old 0\n\nnothing\n")[0] == 400
    assert witness.ask(b"old 0\n\n" + b"x" * 200000)[0] == 413
    assert witness.ask(log.request(0, proof=[b"x" * 32]))[0] == 422
    assert witness.ask(log.request(0))[0] == 200
    good = consistency(10, log.leaves + [leaf_hash(b"a")])
    bad = [good[0][:31] + bytes([good[0][31] ^ 1])] + good[1:]
    log.grow(1, "a")
    assert witness.ask(log.request(10, proof=bad))[0] == 422
    assert witness.ask(log.request(10, proof=good[:-1]))[0] == 422
    assert witness.ask(b"", path="/")[0] == 404
    assert witness.ask(None, method="GET")[0] == 405


def test_a_fork_is_refused_and_kept(witness, log):
    log.grow(20)
    assert witness.ask(log.request(0))[0] == 200
    fork = Log("log.example/one", "one")
    fork.grow(12)
    fork.grow(8, "other")
    status, headers, body = witness.ask(fork.request(20))
    assert status == 409 and headers["content-type"] != "text/x.tlog.size"
    assert b"fork" in body
    fork.grow(5)
    assert witness.ask(fork.request(20))[0] == 422
    kept = [path for path in witness.state.iterdir()
            if path.name.endswith(".refused")]
    assert len(kept) == 1 and kept[0].read_text() == fork.note(fork.text())
    # and the true history goes on
    log.grow(5)
    assert witness.ask(log.request(20))[0] == 200


def test_logs_do_not_touch_each_other(witness, log):
    other = Log("log.example/two", "two")
    log.grow(4)
    other.grow(9, "x")
    assert witness.ask(log.request(0))[0] == 200
    assert witness.ask(other.request(0))[0] == 200
    log.grow(5)
    assert witness.ask(log.request(9))[2] == b"4\n"
    log.grow(1)
    other.grow(1, "x")
    assert witness.ask(other.request(9))[0] == 200
    assert witness.ask(log.request(4))[0] == 200


def test_what_was_answered_is_remembered_after_kill(tmp_path, log):
    """Killed at random moments, it never cosigns less than it answered, nor
    a fork of it."""
    place = Witness(tmp_path / "w", logs=[log.vkey])
    seen = 0
    chance = random.Random(5)
    for _ in range(12):
        place.start()
        done = threading.Event()

        def hammer():
            nonlocal seen
            while not done.is_set():
                log.grow(chance.randint(1, 9))
                with contextlib.suppress(OSError, Exception):
                    status, _, body = place.ask(log.request(seen))
                    if status == 200:
                        seen = len(log.leaves)
                    elif status == 409:
                        # killed after the save: it is one we asked for
                        assert seen < int(body) <= len(log.leaves)
                        seen = int(body)
        thread = threading.Thread(target=hammer)
        thread.start()
        time.sleep(chance.uniform(0.02, 0.25))
        place.process.kill()
        done.set()
        thread.join()
    place.start()
    fork = Log("log.example/one", "one")
    fork.grow(len(log.leaves) + 1, "other")
    status, _, body = place.ask(fork.request(0))
    assert status == 409 and int(body) >= seen > 20
    size = int(body)
    assert place.ask(fork.request(size))[0] == 422
    assert place.ask(log.request(size))[0] == 200
    place.stop()


def test_damage_and_doubles_are_refused_at_the_start(tmp_path, witness, log):
    def start(state, *more):
        return subprocess.run(
            [lab.program("weir"), "witness", "--key", witness.key, "--state",
             state, "--listen", "127.0.0.1:0", *more],
            capture_output=True, text=True, timeout=10)
    assert start(witness.state, "--log", log.vkey).returncode == 19
    log.grow(3)
    assert witness.ask(log.request(0))[0] == 200
    witness.stop()
    file = next(path for path in witness.state.iterdir()
                if len(path.name) == 64)
    file.write_text(file.read_text()[:40])
    done = start(witness.state, "--log", log.vkey)
    assert done.returncode == 14 and "not a checkpoint" in done.stderr
    assert start(tmp_path / "n").returncode == 4
    assert start(tmp_path / "n", "--log", witness.vkey).returncode == 4
    again = subprocess.run([lab.program("weir"), "witness", "key", "x",
                            "--key", witness.key], capture_output=True)
    assert again.returncode == 19
    assert oct(os.stat(witness.key).st_mode & 0o777) == "0o600"


# --------------------------------------------------------- the log's side

def make_tsa(where):
    """A time authority of openssl's: a CA, a certificate, a command."""
    where.mkdir(parents=True, exist_ok=True)
    (where / "tsa.cnf").write_text(f"""
[tsa]
default_tsa = one
[one]
dir = {where}
serial = {where}/serial
crypto_device = builtin
signer_cert = {where}/tsa.pem
certs = {where}/ca.pem
signer_key = {where}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[ext]
extendedKeyUsage = critical,timeStamping
""")
    (where / "serial").write_text("01\n")

    def run(*words):
        subprocess.run(["openssl", *words], cwd=where, check=True,
                       capture_output=True)
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
          "-nodes"]
    run("req", "-x509", *ec, "-days", "30", "-subj", "/CN=time CA",
        "-keyout", "ca.key", "-out", "ca.pem")
    run("req", *ec, "-subj", "/CN=time", "-keyout", "tsa.key", "-out",
        "tsa.csr")
    run("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
        "-CAcreateserial", "-days", "30", "-extfile", "tsa.cnf",
        "-extensions", "ext", "-out", "tsa.pem")
    return (f"f=$(mktemp -p {where}); cat > $f; openssl ts -reply -config "
            f"{where}/tsa.cnf -queryfile $f -chain {where}/ca.pem; rm $f")


@functools.cache
def has_mldsa44():
    """Whether the crypto library has ML-DSA-44; what weir says if not."""
    with tempfile.TemporaryDirectory() as where:
        done = subprocess.run([lab.program("weir"), "witness", "key", "x",
                               "--key", f"{where}/k", "--type", "ml-dsa-44"],
                              capture_output=True, text=True)
        if done.returncode != 0:
            assert done.returncode == 6 and "ML-DSA-44" in done.stderr
            assert "3.5" in done.stderr
            assert not os.path.exists(f"{where}/k")
        return done.returncode == 0


class Watched:
    """A weir whose log asks three witnesses, two of which must agree."""

    def __init__(self, where):
        self.where = pathlib.Path(where)
        self.ports = [lab.free_port() for _ in range(3)]
        self.policy = self.where / "weir" / "witnesses.policy"
        self.policy.parent.mkdir(parents=True)
        self.witnesses = []
        keys = []
        for i, port in enumerate(self.ports):
            one = Witness(self.where / f"w{i}", f"witness.example/w{i}",
                          port=port)
            self.witnesses.append(one)
            # one of them by ML-DSA-44, where OpenSSL has it
            kind = "ml-dsa-44" if i == 1 and has_mldsa44() else "ed25519"
            keys.append(json.loads(subprocess.run(
                [lab.program("weir"), "witness", "key",
                 f"witness.example/w{i}", "--key", one.where / "k", "--type",
                 kind, "--json"], check=True,
                capture_output=True).stdout)["key"])
            one.key = one.where / "k"
        self.policy.write_text("".join(
            f"witness w{i} {key} http://127.0.0.1:{port}\n"
            for i, (key, port) in enumerate(zip(keys, self.ports))) +
            "group two 2 w0 w1 w2\nquorum two\n")
        self.tsa = make_tsa(self.where / "tsa")
        keep = conftest.config

        def watched(url):
            config = keep(url)
            config["transparency"] = {
                "policy": "witnesses.policy",
                "timestamps": {"command": self.tsa,
                               "ca": str(self.where / "tsa/ca.pem"),
                               "every": "1 s"}}
            return config
        conftest.config = watched
        try:
            self.place = Place(self.where)
        finally:
            conftest.config = keep

    @property
    def weir(self):
        return self.place.weir

    def log_key(self):
        return self.weir.json("audit", "verify", check=False)["log"]["key"]

    def start_witness(self, i, *keys):
        one = self.witnesses[i]
        one.logs.write_text("".join(f"{key}\n" for key in keys))
        one.start()

    def receipt(self, request, *more):
        return self.weir.cli("audit", "receipt", request, *more, check=False)

    def stop(self):
        self.place.stop()
        for one in self.witnesses:
            if one.process:
                one.process.kill()


def check(*words):
    return subprocess.run([lab.program("weir"), "audit", "check",
                           *map(str, words)], capture_output=True, text=True)


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    made = Watched(tmp_path_factory.mktemp("watched"))
    yield made
    made.stop()


def test_a_receipt_waits_for_the_quorum(watched, tmp_path):
    place = watched.place
    first = place.good()
    lab.wait_for(lambda: (watched.weir.state / "tlog/checkpoint").exists(),
                 10, "a checkpoint")
    key = watched.log_key()
    done = watched.receipt(first)
    assert done.returncode == 11 and "quorum" in done.stderr
    found = watched.weir.json("audit", "verify", check=False)
    assert not found["is_sound"]
    assert any("no quorum" in row["text"] for row in found["differences"])
    watched.start_witness(0, key)
    time.sleep(2.5)
    assert watched.receipt(first).returncode == 11
    watched.start_witness(1, key)
    lab.wait_for(lambda: watched.receipt(first).returncode == 0, 15,
                 "a quorum")
    assert watched.weir.audit().returncode == 0
    watched.weir.cli("audit", "verify", "--leaves", "0..1")
    assert watched.weir.cli("audit", "verify", "--leaves", "0..9999",
                            check=False).returncode == 17

    proof = tmp_path / "receipt.tlog-proof"
    proof.write_text(watched.receipt(first).stdout)
    assert proof.read_text().startswith("c2sp.org/tlog-proof@v1\nextra ")
    assert check(proof, "--key", key, "--policy", watched.policy
                 ).returncode == 0
    told = json.loads(check(proof, "--key", key, "--policy", watched.policy,
                            "--json").stdout)
    assert told["request"] == first and told["witnesses"] == 2
    whole = tmp_path / "receipt.json"
    whole.write_text(watched.receipt(first, "--json").stdout)
    assert check(whole, "--key", key, "--policy", watched.policy
                 ).returncode == 0
    intent = watched.receipt(first, "--record", "intent").stdout
    assert intent != proof.read_text()
    (tmp_path / "intent").write_text(intent)
    assert check(tmp_path / "intent", "--key", key).returncode == 0

    # the log's own second signature, by ML-DSA-44, where there is one
    second = watched.weir.json("audit", "verify")["log"].get("second_key")
    assert (second is not None) == has_mldsa44()
    if second:
        assert second.startswith(key.split("+")[0] + "+")
        assert check(proof, "--key", second).returncode == 0
        changed = second[:-8] + ("AAAA" if second[-8:-4] != "AAAA" else
                                 "BBBB") + second[-4:]
        assert check(proof, "--key", changed).returncode != 0

    # without the second cosignature it is no quorum
    lines = proof.read_text().splitlines(keepends=True)
    mine = [line for line in lines if line.startswith("\u2014 witness.")]
    assert len(mine) == 2
    bare = tmp_path / "bare"
    bare.write_text("".join(line for line in lines if line != mine[0]))
    done = check(bare, "--key", key, "--policy", watched.policy)
    assert done.returncode == 1 and "no quorum" in done.stderr
    assert check(bare, "--key", key).returncode == 0


def test_a_timestamp_is_verified_offline(watched, tmp_path):
    index = watched.weir.state / "tlog/stamps/index"
    request = watched.place.good()

    def stamped():
        done = watched.receipt(request, "--json")
        return done.returncode == 0 and "timestamp" in done.stdout and done
    receipt = lab.wait_for(stamped, 20, "a stamp").stdout
    path = tmp_path / "receipt.json"
    path.write_text(receipt)
    ca = watched.where / "tsa/ca.pem"
    key = watched.log_key()
    told = json.loads(check(path, "--key", key, "--timestamp-ca", ca,
                            "--policy", watched.policy, "--json").stdout)
    assert told["timestamp_is_trusted"]
    assert abs(told["timestamp_us"] / 1e6 - time.time()) < 60
    other = make_tsa(tmp_path / "other") and tmp_path / "other/ca.pem"
    done = check(path, "--key", key, "--timestamp-ca", other)
    assert done.returncode == 1 and "timestamp" in done.stderr
    # openssl says so too
    size = index.read_text().split()[-1].lstrip("0")
    stamps = watched.weir.state / "tlog/stamps"
    note = (stamps / f"{size}.checkpoint").read_text()
    (tmp_path / "text").write_text(note[:note.rindex("\n\n") + 1])
    subprocess.run(["openssl", "ts", "-verify", "-data", tmp_path / "text",
                    "-in", stamps / f"{size}.tsr", "-CAfile", ca], check=True,
                   capture_output=True)
    proof = tmp_path / "proof"
    proof.write_text(watched.receipt(request).stdout)
    assert check(proof, "--key", key, "--timestamp-ca", ca).returncode == 0


def test_customers_fetch_their_receipts_at_the_gateway(watched, tmp_path):
    place = watched.place
    request = place.good()
    port = watched.weir.port
    path = "/weir/receipts/" + request

    def fetch(key, path=path):
        headers = {"Authorization": "Bearer " + key} if key else {}
        return lab.exchange(port, "GET", path, None, headers)
    status, headers, body = lab.wait_for(
        lambda: (lambda got: got[0] == 200 and got)(fetch(place.key())), 15,
        "the receipt")
    assert headers["content-type"].startswith("text/plain")
    (tmp_path / "r").write_bytes(body)
    assert check(tmp_path / "r", "--key", watched.log_key(), "--policy",
                 watched.policy).returncode == 0
    assert len(json.loads(fetch(place.key(), path + "?format=json")[2])
               ["records"]) == 2
    assert fetch(None)[0] == 401
    assert fetch("wr_nonsense")[0] == 401
    assert fetch(place.key("south/polar"))[0] == 404
    assert fetch(place.key(), "/weir/receipts/req_x")[0] == 400
    # nothing else of the admin API is behind that door
    for other in ("../../v1/keys", "..%2f..%2fkeys", "%2e%2e/%2e%2e/keys",
                  "../notices", "x/../../../calls"):
        assert fetch(place.key(), "/weir/receipts/" + other)[0] in (
            400, 401, 403, 404), other


def test_the_files_are_served_and_checked_from_a_copy(watched, tmp_path):
    key = watched.log_key()
    port = watched.weir.port
    status, headers, served = lab.exchange(port, "GET", "/weir/log/checkpoint")
    assert status == 200 and headers["content-type"].startswith("text/plain")
    assert served.decode().count("\u2014 ") >= 3
    size = int(served.decode().split("\n")[1])
    width = size % 256
    status, headers, tile = lab.exchange(
        port, "GET", f"/weir/log/tile/0/000.p/{width}")
    assert status == 200 and len(tile) == 32 * width
    assert lab.exchange(port, "GET", "/weir/log/")[0] == 404
    assert lab.exchange(port, "GET", "/weir/log/tile/../checkpoint")[0] in (
        200, 404)
    assert lab.exchange(port, "GET", "/weir/log/.lock")[0] == 404
    copy = tmp_path / "copy"
    shutil.copytree(watched.weir.state / "tlog", copy)
    old = tmp_path / "old"
    shutil.copy(copy / "checkpoint", old)
    assert check(copy, "--key", key).returncode == 0
    assert check(copy).returncode == 4
    assert check(copy, "--key", key, "--policy", watched.policy
                 ).returncode == 0
    for _ in range(3):
        watched.place.good()
    lab.wait_for(lambda: (watched.weir.state / "tlog/checkpoint").read_text()
                 != old.read_text(), 10, "growth")
    shutil.rmtree(copy)
    shutil.copytree(watched.weir.state / "tlog", copy)
    done = check(copy, "--key", key, "--since", old, "--leaves", "1..3")
    assert done.returncode == 0, done.stderr
    bundle = max((copy / "tile/entries").rglob("*.p/*"),
                 key=lambda path: int(path.name))
    raw = bytearray(bundle.read_bytes())
    raw[40] ^= 1
    bundle.write_bytes(raw)
    done = check(copy, "--key", key)
    assert done.returncode == 1 and "leaf 1 was altered" in done.stderr


def test_witnesses_refuse_a_log_put_back_from_a_copy(watched):
    """Runs last: it ruins the log's history."""
    weir = watched.weir
    key = watched.log_key()
    copy = watched.where / "older"
    weir.stop()
    shutil.copytree(weir.state, copy, symlinks=True)
    weir.start()
    request = watched.place.good()
    lab.wait_for(lambda: watched.receipt(request).returncode == 0, 15,
                 "a receipt")
    weir.stop()
    shutil.rmtree(weir.state)
    shutil.copytree(copy, weir.state, symlinks=True)
    shutil.rmtree(weir.run_dir, ignore_errors=True)
    weir.start()
    # as many leaves as before, or fewer: what a restart records decides
    lab.wait_for(lambda: "truncated, or put back from a copy" in weir.tail() or
                 "another history of this log" in weir.tail(), 15,
                 "the witness's word")
    for _ in range(8):
        watched.place.good()
    lab.wait_for(lambda: "another history of this log" in weir.tail(), 15,
                 "the fork")
    # nobody gets a receipt of the new history
    time.sleep(2)
    again = watched.place.good()
    time.sleep(2.5)
    assert watched.receipt(again).returncode == 11
    assert watched.log_key() == key
