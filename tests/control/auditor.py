# SPDX-License-Identifier: Apache-2.0
"""An auditor with copies of journal and log, and no program of weir's.

Written after docs/formats/journal.md, tlog.md and reports.md: reads segments
and tiles, counts a control's population and draws its sample.
"""
import hashlib
import json
import struct

INTENT, OUTCOME, REFUSAL, ADMIN, IMAGE, GAP, BATCH = range(1, 8)
REASONS = {2: "policy_forbids", 3: "no_policy_permits", 4: "policy_holds",
           9: "no_key", 10: "unknown_key", 11: "revoked_key"}
ENDINGS = {1: "complete", 2: "cut", 3: "client_left", 4: "origin_error",
           5: "failed", 6: "lost"}
CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def records(journal):
    """(kind, time, payload, raw) of every record but batches, in order."""
    paths = sorted(journal.glob("*.journal"), key=lambda path: int(path.stem))
    for number, path in enumerate(paths):
        whole = path.read_bytes()
        if number + 1 < len(paths):
            head = paths[number + 1].read_bytes()[:88]
            counted = struct.unpack_from("<Q", head, 48)[0]
            assert hashlib.sha256(whole[:counted]).digest() == head[56:88]
            whole = whole[:counted]
        at = 4096
        while at + 36 <= len(whole):
            size, kind = struct.unpack_from("<IB", whole, at)
            if size < 36 or at + size > len(whole):
                break
            time = struct.unpack_from("<q", whole, at + 24)[0]
            padded = (size + 7) // 8 * 8
            if kind != BATCH:
                yield (kind, time, whole[at + 32:at + size - 4],
                       whole[at:at + padded])
            at += padded


def request_of(payload):
    """'req_' and 26 letters: 16 bytes behind the head's length."""
    number = int.from_bytes(payload[2:18], "big")
    letters = ""
    for _ in range(26):
        letters = CROCKFORD[number & 31] + letters
        number >>= 5
    return "req_" + letters


def facts(kind, payload):
    """What a selector looks at: name, code, id."""
    if kind in (ADMIN, IMAGE):
        act = json.loads(payload)
        return "acts", act["action"], f"act {act['act']}"
    if kind == GAP:
        return "gaps", "", ""
    name = {INTENT: "calls", OUTCOME: "outcomes", REFUSAL: "refusals"}[kind]
    code = ""
    if kind == OUTCOME:
        code = ENDINGS.get(payload[2 + 16], "?")
    if kind == REFUSAL:
        # request 16, digest 32, overlay 8, decided 8, status 2, reason 2
        reason, = struct.unpack_from("<H", payload, 2 + 16 + 32 + 8 + 8 + 2)
        code = REASONS.get(reason, "?")
    return name, code, request_of(payload)


def selects(selectors, name, code):
    for selector in selectors.split("|"):
        what, _, words = selector.partition(":")
        if what != name:
            continue
        listed = words.split(",")
        if name == "acts":
            if any(code.startswith(word) for word in listed):
                return True
        elif not words or code in listed:
            return True
    return False


# ------------------------------------------------------------------ the log

def leaves(tlog, size):
    """RFC 6962 hashes of the first `size` leaves, from the entry bundles."""
    found = []
    number = 0
    while len(found) < size:
        groups = [f"{number // 1000 ** i % 1000:03}" for i in range(7)]
        while len(groups) > 1 and groups[-1] == "000":
            groups.pop()
        name = "/".join(["x" + group for group in groups[:0:-1]] + groups[:1])
        path = tlog / "tile/entries" / name
        if not path.is_file():
            path = max((tlog / "tile/entries").glob(name + ".p/*"),
                       key=lambda part: int(part.name))
        bundle = path.read_bytes()
        at = 0
        while at < len(bundle):
            length, = struct.unpack_from(">H", bundle, at)
            entry = bundle[at + 2:at + 2 + length]
            found.append(hashlib.sha256(b"\0" + entry).digest())
            at += 2 + length
        number += 1
    return found[:size]


def root_of(hashes):
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root_of(hashes[:half]) +
                          root_of(hashes[half:])).digest()


# ------------------------------------------------------------------- audit

def audit(state, control, selectors, since, until, wanted):
    """Population, N, root and the sample's (leaf, id), by rank."""
    under = int((state / "tlog/checkpoint").read_text().split("\n")[1])
    everything = list(records(state / "journal"))[:under]
    size = max((leaf + 1 for leaf, row in enumerate(everything)
                if row[1] < until), default=0)
    root = root_of(leaves(state / "tlog", size))
    seed = hashlib.sha256(
        f"weir sample v1\n{control}\n{since}\n{until}\n{size}\n{root.hex()}\n"
        .encode()).digest()
    members = []
    for leaf, (kind, time, payload, raw) in enumerate(everything):
        if not since <= time < until:
            continue
        name, code, told = facts(kind, payload)
        if selects(selectors, name, code):
            rank = hashlib.sha256(seed + leaf.to_bytes(8, "big")).digest()
            members.append((rank, leaf, told, hashlib.sha256(raw).hexdigest()))
    members.sort()
    return {"population": len(members), "size": size, "root": root.hex(),
            "seed": seed.hex(), "sample": [row[1:] for row in members[:wanted]]}
