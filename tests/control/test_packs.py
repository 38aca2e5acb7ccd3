# SPDX-License-Identifier: Apache-2.0
"""Packs that leave the house: nothing in them that was not asked for, and
nothing that can be changed unseen. Incidents, from the first deed to the
frozen pack."""
import base64
import csv
import hashlib
import io
import json
import subprocess
import tarfile
import time

import auditor
import lab
import pytest

from conftest import Place


class Packed(Place):
    def __init__(self, where):
        super().__init__(where)
        self.mine = [self.good() for _ in range(6)]
        self.other = self.key("young/start")
        for _ in range(3):
            self.call(self.other)                     # held: not established
        for _ in range(2):
            self.call(self.key("south/polar"))        # refused: AQ
        self.settle()
        self.mark = time.time()
        time.sleep(1.1)
        self.late = [self.good() for _ in range(3)]   # behind the period
        self.settle()

    def disclose(self, out, *words):
        return self.weir.json(
            "report", "disclosure", "--authority", "The authority",
            "--reference", "order 7", "--out", str(out), *words)

    def until(self):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.mark + 1))


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    made = Packed(tmp_path_factory.mktemp("packs"))
    yield made
    made.stop()


def files(path):
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read()
                for member in archive.getmembers()}


def rows(found):
    return list(csv.DictReader(io.StringIO(found["calls.csv"].decode())))


def verify(path, *words):
    return subprocess.run([lab.program("weir"), "report", "disclosure",
                           "--verify", path, *words], capture_output=True,
                          text=True, cwd=path.parent,
                          env={"PATH": "/nonexistent"})


def pdf_text(found, name, where):
    (where / "page.pdf").write_bytes(found[name])
    return subprocess.run(["pdftotext", "-layout", where / "page.pdf", "-"],
                          capture_output=True, text=True).stdout


def test_a_pack_has_what_was_asked_and_nothing_else(packed, tmp_path):
    out = tmp_path / "pack.tar"
    fields = "decided,tenant,key,model,ran_in,output_tokens"
    told = packed.disclose(out, "--tenant", "good", "--to", packed.until(),
                           "--fields", fields)
    assert told["calls"] == 6
    assert told["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    found = files(out)
    assert set(found) == {"manifest.json", "manifest.note", "request.json",
                          "summary.json", "incidents.json", "cover.pdf",
                          "calls.csv", "proofs.csv", "checkpoint"}
    table = rows(found)
    assert set(table[0]) == {"request", *fields.split(",")}
    assert {row["request"] for row in table} == set(packed.mine)
    # no other tenant, no call outside the period, no caller, no address
    key = packed.weir.json("keys", "list")["keys"]
    names = [row["id"] for row in key] + [
        "south", "young", "polar", "127.0.0.1", "app", *packed.late]
    everything = b"".join(
        body for name, body in found.items() if name != "cover.pdf")
    everything += pdf_text(found, "cover.pdf", tmp_path).encode()
    for name in names:
        assert name.encode() not in everything, name
    # the tenant that was asked for is in the request; rows have pseudonyms
    assert all(row["tenant"].startswith("p_") for row in table)
    assert len({row["tenant"] for row in table}) == 1
    again = rows(files_of_another(packed, tmp_path, fields))
    assert again[0]["tenant"] != table[0]["tenant"]
    summary = json.loads(found["summary.json"])
    assert summary["calls"] == 6 and summary["refused"] == 0


def files_of_another(packed, where, fields):
    packed.disclose(where / "again.tar", "--tenant", "good", "--to",
                    packed.until(), "--fields", fields)
    return files(where / "again.tar")


def test_levels_show_more_and_more(packed, tmp_path):
    until = packed.until()
    out = tmp_path / "pack.tar"
    packed.disclose(out, "--level", "counts", "--to", until)
    found = files(out)
    assert "calls.csv" not in found and "proofs.csv" not in found
    assert json.loads(found["incidents.json"])["refusals"]
    assert verify(out).returncode == 0
    packed.disclose(out, "--level", "named", "--to", until)
    table = rows(files(out))
    assert {row["tenant"] for row in table} == {"good", "south", "young"}
    assert "127.0.0.1" not in files(out)["calls.csv"].decode()
    packed.disclose(out, "--level", "records", "--tenant", "good", "--to",
                    until)
    found = files(out)
    lines = [json.loads(line) for line in
             found["records.jsonl"].decode().splitlines()]
    assert {line["request"] for line in lines} == set(packed.mine)
    assert len(lines) == 2 * len(packed.mine)
    done = packed.weir.cli("report", "disclosure", "--authority", "a",
                           "--reference", "b", "--fields", "address",
                           check=False)
    assert done.returncode != 0 and "no field" in done.stderr
    done = packed.weir.cli("report", "disclosure", "--fields", "key",
                           check=False)
    assert done.returncode != 0 and "authority" in done.stderr
    acts = packed.weir.json("report", "controls", "--control", "Art.73",
                            "--from", "2026-01-01")
    assert acts["controls"]


def test_a_pack_is_checked_by_a_stranger(packed, tmp_path):
    """Without weir: digests, the log's leaves, proofs up to the root."""
    out = tmp_path / "pack.tar"
    packed.disclose(out, "--level", "records", "--tenant", "good")
    found = files(out)
    manifest = json.loads(found["manifest.json"])
    for row in manifest["files"]:
        assert hashlib.sha256(found[row["name"]]).hexdigest() == row["sha256"]
    signed = found["manifest.note"].decode().split("\n")
    assert signed[0] == "weir pack v1"
    assert signed[1] == hashlib.sha256(found["manifest.json"]).hexdigest()
    head = found["checkpoint"].decode().split("\n")
    size, root = int(head[1]), base64.b64decode(head[2])
    proofs = list(csv.DictReader(io.StringIO(found["proofs.csv"].decode())))
    records = {json.loads(line)["leaf"]: json.loads(line) for line in
               found["records.jsonl"].decode().splitlines()}
    for proof in proofs:
        leaf = int(proof["leaf"])
        record = records[leaf]
        entry = hashlib.sha256(
            base64.b64decode(record["salt"]) +
            base64.b64decode(record["record"])).hexdigest()
        assert entry == proof["entry"]
        assert climb(leaf, size, bytes.fromhex(entry),
                     [bytes.fromhex(one) for one in
                      proof["hashes"].split()]) == root
    assert auditor.root_of(auditor.leaves(packed.weir.state / "tlog",
                                          size)) == root
    assert len(proofs) == 2 * (len(packed.mine) + len(packed.late))


def climb(index, size, entry, hashes):
    """RFC 9162, 2.1.3.2."""
    node, last = index, size - 1
    value = hashlib.sha256(b"\0" + entry).digest()
    for one in hashes:
        if node & 1 or node == last:
            value = hashlib.sha256(b"\1" + one + value).digest()
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            value = hashlib.sha256(b"\1" + value + one).digest()
        node >>= 1
        last >>= 1
    assert last == 0
    return value


def test_what_was_changed_is_named(packed, tmp_path):
    out = tmp_path / "pack.tar"
    packed.disclose(out, "--level", "records", "--tenant", "good")
    key = packed.weir.json("audit", "verify")["log"]["key"]
    done = verify(out, "--key", key)
    assert done.returncode == 0, done.stderr
    assert "9 calls, 18 proofs, 18 records" in done.stdout
    stranger = key[:-4] + ("AAA=" if not key.endswith("AAA=") else "BBB=")
    assert verify(out, "--key", stranger).returncode != 0
    whole = out.read_bytes()
    found = files(out)
    bad = tmp_path / "bad.tar"

    def changed(old, new):
        assert old in whole and len(old) == len(new)
        bad.write_bytes(whole.replace(old, new, 1))
        return verify(bad, "--key", key)
    row = rows(found)[0]
    first = f"{row['request']},{row['decided']}".encode()
    done = changed(first, first.replace(b"T", b"U", 1)[:len(first)])
    assert done.returncode == 1 and "was altered: calls.csv" in done.stderr
    done = changed(b'"bytes": ', b'"bytes":  '[:9])
    assert done.returncode == 0 or done.returncode == 1
    manifest = found["manifest.json"]
    done = changed(manifest[:200], manifest[:199] + b"#")
    assert done.returncode == 1
    # a file slipped in, and one taken away
    with tarfile.open(bad, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, body in [*found.items(), ("extra.txt", b"x")]:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    done = verify(bad, "--key", key)
    assert done.returncode == 1 and "its manifest" in done.stderr
    with tarfile.open(bad, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, body in found.items():
            if name != "proofs.csv":
                info = tarfile.TarInfo(name)
                info.size = len(body)
                archive.addfile(info, io.BytesIO(body))
    assert verify(bad, "--key", key).returncode == 1
    bad.write_bytes(b"not a tar")
    assert "no pack" in verify(bad).stderr


def test_an_account_taken_over_is_frozen_in_one_verb(packed, tmp_path):
    """The drill: from 'somebody else uses this key' to the frozen pack."""
    text = packed.weir.key("good/shared")
    for _ in range(4):
        assert packed.call(text)[0] == 200
    key = [row["id"] for row in packed.weir.json("keys", "list")["keys"]
           if row["project"].endswith("shared")][-1]
    out = tmp_path / "incident.tar"
    made = packed.weir.json(
        "incident", "open", "key", key, "--reason",
        "calls from a place where nobody of the customer is", "--pack",
        str(out))
    assert packed.call(text)[0] == 401                      # frozen
    deeds = {row["deed"]: row["state"] for row in made["deeds"]}
    assert deeds["key.revoke"] == "done"
    assert deeds["content.hold"] == "done"                  # preserved
    assert deeds["notice"] == "done"                        # told
    notices = packed.weir.json("notices", "list", "--tenant", "good")
    assert any(row["type"] == "incident.opened" and
               row["reason"] == made["incident"]
               for row in notices["notices"])
    assert made["pack"]["calls"] == 4
    done = verify(out)
    assert done.returncode == 0, done.stderr
    found = files(out)
    events = [row["what"] for row in json.loads(found["timeline.json"])]
    assert events[0] == "key.create"
    assert "first call from a place" in events and "key.revoke" in events
    assert "incident.open" in events and "customer is told" in events
    assert events.index("first call from a place") < \
        events.index("key.revoke")
    page = pdf_text(found, "incident.pdf", tmp_path)
    assert key in page and "Who led the answer" in page
    # twice is refused; closing releases the hold; all of it is on record
    again = packed.weir.cli("incident", "open", "key", key, "--reason", "x",
                            check=False)
    assert again.returncode != 0 and "open already" in again.stderr
    closed = packed.weir.json("incident", "close", made["incident"],
                              "--outcome", "key replaced")
    assert closed["released"] is True
    row, = packed.weir.json("incident", "list",
                            made["incident"])["incidents"]
    assert row["state"] == "closed" and row["pack"] == made["pack"]["sha256"]
    assert packed.weir.cli("incident", "pack", made["incident"],
                           check=False).returncode != 0
    assert packed.weir.cli("incident", "close", made["incident"], "--outcome",
                           "y", check=False).returncode != 0
    assert packed.weir.audit().returncode == 0


def test_a_model_in_an_incident_is_withdrawn_and_comes_back(packed, tmp_path):
    made = packed.weir.json("incident", "open", "deployment", "m-one",
                            "--reason", "it answers for somebody else",
                            "--quiet")
    assert packed.call()[0] != 200
    assert [row["deed"] for row in made["deeds"]] == ["withdraw"]
    packed.weir.cli("incident", "close", made["incident"], "--outcome", "z")
    assert packed.call()[0] != 200      # stays until somebody restores it
    packed.weir.cli("restore", "deployment", "m-one")
    assert packed.call()[0] == 200
    for words in (["key", "wk_nobody"], ["tenant", "nobody"],
                  ["model", "nobody"], ["weather", "x"]):
        assert packed.weir.cli("incident", "open", *words, "--reason", "r",
                               check=False).returncode != 0
