# SPDX-License-Identifier: Apache-2.0
"""What `weir audit` and `weir explain` find when something was changed."""
import base64
import json
import os
import sqlite3
import subprocess

import lab
import pytest


@pytest.fixture
def stopped(own_place):
    """Twenty calls, a refusal, and no daemon: the files are ours."""
    own_place.requests = [own_place.good() for _ in range(20)]
    own_place.call(own_place.key("south/polar"))
    own_place.settle()
    own_place.weir.stop()
    assert own_place.weir.cli("audit", "verify").returncode == 0
    return own_place


def differences(place):
    done = place.weir.cli("audit", "verify", "--json", check=False)
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["is_sound"] else 1)
    assert len(told["differences"]) == told["difference_count"]
    return told["differences"]


def change_row(place, statement, *values):
    store = sqlite3.connect(place.weir.state / "weir.db")
    with store:
        assert store.execute(statement, values).rowcount > 0
    store.close()


def named(found, kind, *words):
    return any(row["kind"] == kind and all(word in row["text"]
                                           for word in words)
               for row in found)


def test_a_changed_cost_is_named(stopped):
    change_row(stopped, "UPDATE call SET cost_micros = cost_micros + 1 WHERE "
               "request = (SELECT min(request) FROM call WHERE state = 2)")
    found = differences(stopped)
    assert named(found, "ledger", "the cost")
    assert named(found, "ledger", "sums to")


def test_a_removed_row_is_named(stopped):
    change_row(stopped, "DELETE FROM call WHERE request ="
               " (SELECT max(request) FROM call)")
    assert named(differences(stopped), "ledger", "not in the ledger")


def test_a_row_too_many_is_named(stopped):
    store = sqlite3.connect(stopped.weir.state / "weir.db")
    columns = [row[1] for row in store.execute("PRAGMA table_info(call)")]
    others = ", ".join(columns[1:])
    with store:
        store.execute(f"INSERT INTO call(request, {others}) SELECT "
                      f"zeroblob(16), {others} FROM call LIMIT 1")
    store.close()
    assert named(differences(stopped), "ledger", "the journal has")


def test_a_changed_total_is_named(stopped):
    change_row(stopped, "UPDATE total SET calls = calls + 1")
    assert named(differences(stopped), "ledger", "daily total")


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))


def test_a_changed_byte_of_the_journal_is_named(stopped):
    told = stopped.weir.cli("explain", stopped.requests[5], "--json").stdout
    place = json.loads(told)["journal"]["first"]
    path, = stopped.weir.state.glob(f"journal/*{place['segment']:010}*")
    flip(path, place["offset"] + 60)
    assert named(differences(stopped), "journal")
    done = stopped.weir.cli("explain", stopped.requests[5], check=False)
    assert done.returncode == 14


def test_a_changed_leaf_is_named(stopped):
    entries = [path for path in
               (stopped.weir.state / "tlog/tile/entries").rglob("*")
               if path.is_file()]
    flip(max(entries, key=lambda path: path.stat().st_size), 40)
    found = differences(stopped)
    assert named(found, "log", "was altered")
    assert named(found, "log", "is not that of the record")


def test_a_changed_checkpoint_is_named(stopped):
    path = stopped.weir.state / "tlog/checkpoint"
    lines = path.read_text().split("\n")
    lines[1] = str(int(lines[1]) - 1)
    path.write_text("\n".join(lines))
    assert named(differences(stopped), "log", "checkpoint")


def test_a_missing_image_is_said_and_a_changed_one_refused(stopped):
    told = json.loads(stopped.weir.cli("explain", stopped.requests[0],
                                       "--json").stdout)
    assert told["is_same"]
    path = stopped.weir.state / "images" / (told["image"]["digest"] +
                                            ".image")
    os.chmod(path, 0o600)
    flip(path, path.stat().st_size // 2)
    done = stopped.weir.cli("explain", stopped.requests[0], "--json",
                            check=False)
    assert done.returncode == 1
    assert "cannot be loaded" in json.loads(done.stdout)["differences"][0]
    path.unlink()
    done = stopped.weir.cli("explain", stopped.requests[0], "--json",
                            check=False)
    assert done.returncode == 1
    # what the record says is there all the same
    assert json.loads(done.stdout)["outcome"]["deployment"] == "m-one"


def test_a_receipt_is_checked_with_nothing_but_the_key(stopped, tmp_path):
    receipt = stopped.weir.json("audit", "receipt", stopped.requests[7])
    key = stopped.weir.json("audit", "verify")["log"]["key"]

    def check(changed, *words):
        path = tmp_path / "receipt.json"
        path.write_text(json.dumps(changed))
        return subprocess.run([lab.program("weir"), "audit", "check", path,
                               *words], capture_output=True, text=True,
                              cwd=tmp_path, env={"PATH": "/nonexistent"})
    assert check(receipt, "--key", key).returncode == 0
    assert len(receipt["records"]) == 2

    def changed(member, edit):
        copy = json.loads(json.dumps(receipt))
        copy["records"][0][member] = edit(copy["records"][0][member])
        return copy

    def flipped(text):
        raw = bytearray(base64.b64decode(text))
        raw[20] ^= 1
        return base64.b64encode(raw).decode()
    assert check(changed("record", flipped), "--key", key).returncode == 1
    assert check(changed("salt", flipped), "--key", key).returncode == 1
    other = {**receipt, "request": stopped.requests[8]}
    assert check(other, "--key", key).returncode == 1
    hashes = changed("proof", lambda text: text.replace("index ", "index 1"))
    assert check(hashes, "--key", key).returncode != 0
    stranger = key[:-4] + ("AAA=" if not key.endswith("AAA=") else "BBB=")
    assert check(receipt, "--key", stranger).returncode != 0
