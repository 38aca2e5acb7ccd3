# SPDX-License-Identifier: Apache-2.0
"""What weir writes, verified by code that is not weir's: Go's sumdb packages
and another witness project's cosignatures (tests/outside)."""
import os
import pathlib
import shutil
import subprocess
import time

import pytest

import lab
from test_witness import Log, Watched, Witness

OUTSIDE = lab.ROOT / "tests/outside"


def build(folder, where, name):
    """The program, or a skip that says why."""
    if shutil.which("go") is None:
        pytest.skip("no go: nothing outside verifies the log")
    target = where / name
    done = subprocess.run(
        ["go", "build", "-o", target, "."], cwd=folder, timeout=300,
        capture_output=True, text=True,
        env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"})
    if done.returncode != 0:
        pytest.skip(f"{name} cannot be built here: {done.stderr.strip()[-200:]}")
    return target


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    return build(OUTSIDE, tmp_path_factory.mktemp("go"), "outside")


@pytest.fixture(scope="module")
def watched(outside, tmp_path_factory):
    made = Watched(tmp_path_factory.mktemp("watched"))
    requests = [made.place.good() for _ in range(3)]
    lab.wait_for(lambda: (made.weir.state / "tlog/checkpoint").exists(), 10,
                 "a checkpoint")
    key = made.log_key()
    for i in range(3):
        made.start_witness(i, key)
    lab.wait_for(lambda: made.receipt(requests[-1]).returncode == 0, 15,
                 "a quorum")
    made.requests = requests
    yield made
    made.stop()


def run(program, *words):
    return subprocess.run([program, *map(str, words)], capture_output=True,
                          text=True, timeout=60)


def copied(watched, where):
    """Files that belong together, as of one moment."""
    shutil.copytree(watched.weir.state / "tlog", where)
    return where


def test_go_verifies_checkpoint_tiles_leaves_and_receipts(outside, watched,
                                                          tmp_path):
    key = watched.log_key()
    first = copied(watched, tmp_path / "first")
    for _ in range(150):
        request = watched.place.good()
    lab.wait_for(lambda: watched.receipt(request).returncode == 0, 15,
                 "a receipt")
    receipts = []
    for i, one in enumerate([*watched.requests, request]):
        for record in ("intent", "outcome"):
            path = tmp_path / f"{i}-{record}"
            path.write_text(watched.receipt(one, "--record", record).stdout)
            receipts.append(path)
    now = copied(watched, tmp_path / "now")
    done = run(outside, now, key, "-since", first / "checkpoint", *receipts)
    assert done.returncode == 0, done.stderr
    assert '"receipts":8' in done.stdout
    # and refuses what weir refuses
    bundle = max((now / "tile/entries").rglob("*"),
                 key=lambda path: path.stat().st_size if path.is_file() else 0)
    raw = bytearray(bundle.read_bytes())
    raw[50] ^= 1
    bundle.write_bytes(raw)
    assert run(outside, now, key).returncode == 1
    assert run(lab.program("weir"), "audit", "check", now, "--key",
               key).returncode == 1
    text = receipts[0].read_text().split("\n")
    text[-4] = ("B" if text[-4][0] == "A" else "A") + text[-4][1:]
    receipts[0].write_text("\n".join(text))
    assert run(outside, first, key, receipts[0]).returncode == 1


def test_another_witness_project_verifies_our_cosignatures(watched, tmp_path):
    program = build(OUTSIDE / "cosignature", tmp_path, "cosignature")
    keys = [line.split()[2] for line in watched.policy.read_text().split("\n")
            if line.startswith("witness ")]
    checkpoint = tmp_path / "checkpoint"

    def all_three():
        shutil.copy(watched.weir.state / "tlog/checkpoint.witnessed",
                    checkpoint)
        return checkpoint.read_text().count("witness.example/") == 3
    lab.wait_for(all_three, 15, "three cosignatures")
    done = run(program, checkpoint, watched.log_key(), *keys)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        assert abs(int(line.split()[1]) - time.time()) < 120
    text = checkpoint.read_text()
    size = text.split("\n")[1]
    checkpoint.write_text(text.replace(f"\n{size}\n", f"\n{int(size) + 1}\n"))
    assert run(program, checkpoint, watched.log_key(), *keys).returncode == 1


def test_the_witness_key_file_is_what_go_reads(outside, tmp_path):
    """A key of Go's note package serves as a witness's, and the other way
    round the file's form is theirs."""
    log = Log("log.example/go", "go")
    one = Witness(tmp_path, "witness.example/go", [log.vkey])
    text = pathlib.Path(one.key).read_text()
    assert text.startswith("PRIVATE+KEY+witness.example/go+")
    # the example key of the note package's own documentation
    one.key.write_text("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1"
                       "QIDr+Y7hfZx09iUvxdXHKDFz\n")
    one.start()
    log.grow(3)
    status, _, body = one.ask(log.request(0))
    assert status == 200 and body.decode().startswith("\u2014 PeterNeumann ")
    one.stop()
