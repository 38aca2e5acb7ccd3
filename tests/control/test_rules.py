# SPDX-License-Identifier: Apache-2.0
"""Every rule pack: checked, proven, and asked what its table says, at its
dates, by the gate itself; and simulated over everybody."""
import json
import pathlib
import shutil
import subprocess

import pytest

import lab

RULES = pathlib.Path(__file__).resolve().parents[2] / "examples/rules"
PACKS = sorted(path.parent.name for path in RULES.glob("*/weir.yaml"))
STAFF = {"southpole": "AQ", "quarterdeck": "SE", "lagoon": "PT"}


class Pack:
    def __init__(self, name, where):
        shutil.copytree(RULES, where, ignore=shutil.ignore_patterns("state"))
        self.file = where / name / "weir.yaml"
        self.table = json.loads((RULES / name / "expect.json").read_text())
        self.keys = {}

    def weir(self, *words, check=True):
        done = subprocess.run(
            [lab.program("weir"), *words, "-c", str(self.file)],
            capture_output=True, text=True, timeout=120)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def json(self, *words):
        return json.loads(self.weir(*words, "--json").stdout)

    def key(self, tenant):
        """The public id of a key of that tenant, made when first asked."""
        if tenant not in self.keys:
            self.keys[tenant] = self.json(
                "keys", "create", "--project", f"{tenant}/app", "--purpose",
                "test", "--staff", STAFF.get(tenant, "DE"))["id"]
        return self.keys[tenant]


@pytest.fixture(scope="module", params=PACKS)
def pack(request, tmp_path_factory):
    return Pack(request.param, tmp_path_factory.mktemp("rules") / "all")


def test_there_are_packs_and_each_says_its_sources():
    assert PACKS == ["affiliates-50", "deny-unless-approved",
                     "in-region-only", "majority-headquarters",
                     "no-models-from", "supported-countries"]
    for name in PACKS:
        text = (RULES / name / "README.md").read_text()
        for word in ("Modelled on", "Read", "2026-11-01", "Not legal advice"):
            assert word in text, (name, word)


def test_pack_is_accepted_and_its_claims_are_proven(pack):
    done = pack.weir("check")
    said = done.stdout + done.stderr
    assert "no faults" in said
    assert "proven" in said
    assert "counterexample" not in said and "not proven" not in said


def test_pack_decides_as_its_table_says(pack):
    asked = {}
    for row in pack.table:
        place = (row["tenant"], row["at"], row["country"])
        if place not in asked:
            words = ["catalogue", "list", "--key", pack.key(row["tenant"]),
                     "--at", row["at"]]
            if row["country"]:
                words += ["--country", row["country"]]
            asked[place] = {entry["name"]: entry["legal"] for entry
                            in pack.json(*words)["entries"]}
        told = asked[place][row["model"]]
        assert (told["verdict"], told["policies"][:1]) == (
            row["verdict"], [row["policy"]]), row
    assert {row["verdict"] for row in pack.table} >= {"allow", "deny"}


def test_simulation_over_everybody_finds_the_refusals_of_the_pack(pack):
    """Against the seller's permit alone, the pack takes away what its table
    refuses from somebody, and gives nobody anything."""
    for row in pack.table:
        pack.key(row["tenant"])
    bare = pack.file.parent / "bare"
    (bare / "seller").mkdir(parents=True, exist_ok=True)
    shutil.copy(pack.file.parent / "policies/seller/permit.cedar",
                bare / "seller/permit.cedar")
    told = pack.json("simulate", "--population", "all", "--policies",
                     str(bare), "--at", "2026-11-22")
    assert told["effects"]["restored"]["calls"] > 0
    assert told["effects"]["cut_off"]["calls"] == 0
    assert told["effects"]["held"]["calls"] == 0


def test_the_policies_decide_alone_through_cedar(tmp_path):
    """The pack's text is Cedar and nothing else: the same refusals from the
    language's own command, over entities of three lines."""
    def ask(category, origin):
        uid = lambda kind, name: {"type": kind, "id": name}  # noqa: E731
        ref = lambda kind, name: {"__entity": uid(kind, name)}  # noqa: E731
        entities = [
            {"uid": uid("Key", "k"), "attrs": {
                "organization": ref("Organization", "o")}, "parents": []},
            {"uid": uid("Organization", "o"), "attrs": {
                "category": category}, "parents": []},
            {"uid": uid("Deployment", "d"), "attrs": {
                "model": ref("Model", "m")},
             "parents": [uid("Bloc", "hosting")]},
            {"uid": uid("Model", "m"), "attrs": {
                "origin": ref("Jurisdiction", origin)}, "parents": []},
            {"uid": uid("Jurisdiction", "AQ"), "attrs": {},
             "parents": [uid("Bloc", "restricted")]},
            {"uid": uid("Action", "chat"), "attrs": {},
             "parents": [uid("Action", "infer")]}]
        request = {"principal": uid("Key", "k"), "action": uid(
            "Action", "chat"), "resource": uid("Deployment", "d"),
            "context": {}}
        (tmp_path / "entities.json").write_text(json.dumps(entities))
        (tmp_path / "request.json").write_text(json.dumps(request))
        words = []
        for path in sorted((RULES / "no-models-from/policies/seller").glob(
                "*.cedar")):
            words += ["--policies", str(path)]
        done = subprocess.run(
            [lab.program("weir"), "cedar", "authorize", *words, "--entities",
             str(tmp_path / "entities.json"), "--request",
             str(tmp_path / "request.json")],
            capture_output=True, text=True, timeout=60)
        told = json.loads(done.stdout)
        assert done.returncode == (told["decision"] != "allow"), done.stderr
        assert told["errors"] == []
        return told["decision"], told["reasons"]

    decision, reasons = ask("government", "AQ")
    assert decision == "deny" and len(reasons) == 1
    permitted = ask("government", "DE")
    assert permitted[0] == "allow" and permitted[1] != reasons
    assert ask("local", "AQ") == permitted
