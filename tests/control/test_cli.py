# SPDX-License-Identifier: Apache-2.0
"""The verbs of `weir` against a running daemon."""
import json
import os
import subprocess

import lab
from small import POLICIES, config


def test_a_key_works_at_once_and_not_after_its_revocation(place):
    made = place.weir.json("keys", "create", "--project", "good/app",
                           "--purpose", "test", "--staff", "DE")
    assert made["key"].startswith("wr_") and len(made["key"]) == 51
    assert place.call(made["key"])[0] == 200
    place.weir.cli("keys", "revoke", made["id"])
    lab.wait_for(lambda: place.call(made["key"])[0] == 401)
    again = place.weir.cli("keys", "revoke", made["id"], check=False)
    assert again.returncode == 19
    rows = {row["id"]: row for row in place.weir.json("keys", "list")["keys"]}
    assert rows[made["id"]]["revoked_us"] > rows[made["id"]]["created_us"]
    assert made["key"] not in json.dumps(rows)


def test_a_keys_text_is_nowhere_on_disk(place):
    key = place.key().encode()
    place.good()
    for folder in (place.weir.state, os.path.realpath(place.weir.state / "run")):
        for root, _, files in os.walk(folder):
            for name in files:
                path = os.path.join(root, name)
                if not os.path.isfile(path):
                    continue
                with open(path, "rb") as file:
                    assert key not in file.read(), path


def test_a_key_may_have_budgets_of_its_own(place):
    made = place.weir.json("keys", "create", "--project", "good/app",
                           "--purpose", "test", "--staff", "DE", "--limit",
                           "requests_per_hour=2")
    assert [place.call(made["key"])[0] for _ in range(3)] == [200, 200, 429]


def test_a_key_needs_an_unambiguous_project(place):
    def create(project, *more):
        return place.weir.cli("keys", "create", "--project", project,
                              "--purpose", "test", "--staff", "DE", *more,
                              check=False)
    assert create("app").returncode == 0
    assert create("polar").returncode == 0
    done = create("shared")
    assert done.returncode == 19 and "TENANT/PROJECT" in done.stderr
    assert create("nowhere").returncode == 6
    done = create("good/app", "--limit", "tokens=5")
    assert done.returncode == 4 and "no limit 'tokens'" in done.stderr
    done = create("good/app", "--not-after", "2020-01-01")
    assert done.returncode == 4 and "past" in done.stderr


def test_a_key_with_an_unknown_place_is_refused_and_the_next_one_works(place):
    done = place.weir.cli("keys", "create", "--project", "good/app",
                          "--purpose", "test", "--staff", "XX", check=False)
    assert done.returncode == 4 and "XX" in done.stderr
    made = place.weir.json("keys", "create", "--project", "good/app",
                           "--purpose", "test", "--staff", "DE")
    assert place.call(made["key"])[0] == 200


def test_withdraw_and_restore_act(place):
    key = place.key()
    for kind, name in (("model", "m"), ("deployment", "m-one"),
                       ("provider", "maker"), ("organisation", "good"),
                       ("jurisdiction", "DE")):
        place.weir.cli("withdraw", kind, name, "--reason", "test")
        lab.wait_for(lambda: place.call(key)[0] == 403, what=kind)
        listed = place.weir.json("withdraw")["withdrawals"]
        assert [(row["kind"], row["name"], row["reason"])
                for row in listed] == [(kind, name, "test")]
        place.weir.cli("restore", kind, name)
        lab.wait_for(lambda: place.call(key)[0] == 200, what=kind)
    assert place.weir.cli("withdraw", "model", "nothing",
                          check=False).returncode == 6
    assert place.weir.cli("restore", "model", "m",
                          check=False).returncode == 6
    assert place.weir.cli("withdraw", "flavour", "m",
                          check=False).returncode == 4


def test_an_allowed_call_is_explained(place):
    request = place.good()
    told = place.ledgered(request)
    assert told["state"] == "closed" and told["is_same"]
    assert told["verdict"] == "allow"
    assert told["who"]["tenant"] == "good"
    assert told["who"]["organisation"] == "good"
    assert told["who"]["purpose"] == "test"
    assert told["order"] == ["m-one"]
    candidate, = told["candidates"]
    policy, = candidate["policies"]
    assert policy["id"] == "seller-permit"
    assert policy["file"] == "seller/permit.cedar" and policy["line"] > 0
    assert policy["reads"]
    outcome = told["outcome"]
    assert outcome["ran_in"] == outcome["stored_in"] == "DE"
    assert outcome["price_version"] == "list-1"
    usage = outcome["input_tokens"] * 3 + outcome["output_tokens"] * 15
    assert outcome["cost_micros"] == usage
    text = place.weir.cli("explain", request).stdout
    for word in ("seller-permit", "data rests in DE", "list-1",
                 "decided again: the same", told["image"]["digest"]):
        assert word in text


def test_a_denied_and_a_held_call_are_explained(place):
    for project, status, verdict, policy in (
            ("south/polar", 403, "deny", "maker-places"),
            ("young/start", 403, "hold", "maker-established")):
        code, headers, _ = place.call(place.key(project))
        assert code == status
        told = place.ledgered(headers["weir-request-id"])
        assert told["state"] == "refused" and told["verdict"] == verdict
        assert told["is_same"] and told["refusal"]["policy"] == policy
        decided = told["candidates"][0]["policies"][0]
        assert decided["id"] == policy
        reads = {read["expression"]: read for read in decided["reads"]}
        assert any("organization" in name for name in reads)
        text = place.weir.cli("explain", headers["weir-request-id"]).stdout
        assert "would allow it (searched" in text and "weir.yaml:" in text


def test_a_refusal_says_what_it_would_take_and_who_said_what_it_rests_on(
        place):
    code, headers, _ = place.call(place.key("south/polar"))
    assert code == 403
    told = place.ledgered(headers["weir-request-id"])
    whatif = told["candidates"][0]["whatif"]
    assert whatif["is_found"] and whatif["is_exhausted"]
    assert whatif["bounds"] == {"changes": 4, "trials": 20000}
    change, = whatif["changes"]
    assert change["policy"] == "maker-places"
    assert change["expression"] == "principal.organization.headquarters"
    assert change["was"] == 'Jurisdiction::"AQ"' != change["value"]
    assert change["is_any_other"]
    source = change["came_from"][0]
    assert (source["type"], source["id"]) == ("Organization", "south")
    assert source["file"] == str(place.weir.file)
    lines = place.weir.file.read_text().splitlines()[source["line"] - 1:]
    assert '"name": "south"' in "".join(lines[:2])
    key = [source for read in told["candidates"][0]["policies"][0]["reads"]
           for source in read["came_from"] if source.get("type") == "Key"]
    assert key and key[0]["id"] == told["who"]["key"] and key[0]["by"]
    allowed = place.ledgered(place.good())
    assert "whatif" not in allowed["candidates"][0]


def test_an_attribute_that_came_from_evidence_says_who_entered_it(place):
    """Verified evidence outranks the configuration; a register's does not."""
    key = place.key("south/polar")
    add = ["organisation", "add", "south", "--as-of", "2026-11-01"]
    place.weir.cli(*add, "--source", "an extract seen", "--rank", "verified",
                   "--headquarters", "AQ")
    place.weir.cli(*add, "--source", "a register", "--rank", "register",
                   "--headquarters", "DE")

    def said():
        code, headers, _ = place.call(key)
        assert code == 403
        request = headers["weir-request-id"]
        change, = place.ledgered(request)["candidates"][0]["whatif"]["changes"]
        assert change["was"] == 'Jurisdiction::"AQ"'
        return request, change["came_from"]
    request, sources = said()
    fact, line = sources[0], sources[1]
    assert (fact["type"], fact["id"]) == ("Evidence", "south")
    assert fact["source"] == "an extract seen" and fact["rank"] == "verified"
    assert fact["as_of"] == "2026-11-01" and fact["stated"] == "AQ"
    assert fact["by"] and fact["made_us"] > 0 and fact["is_conflicting"]
    assert line["type"] == "Organization" and line["file"]
    text = place.weir.cli("explain", request).stdout
    assert "source: an extract seen, as of 2026-11-01" in text
    assert "entered by " in text and "a register" not in text


def test_a_request_that_is_not_known_is_said_so(place):
    assert place.weir.cli("explain", "req_" + "0" * 26,
                          check=False).returncode == 6
    assert place.weir.cli("explain", "nonsense", check=False).returncode == 4


def test_usage_sums_what_was_called(place):
    key = place.weir.json("keys", "create", "--project", "good/app",
                          "--purpose", "sums", "--staff", "DE")
    for _ in range(5):
        assert place.call(key["key"])[0] == 200
    requests = [place.call(key["key"])[1]["weir-request-id"]]
    place.ledgered(requests[0])
    told = place.weir.json("usage", "--by", "key,model,day")
    row, = [row for row in told["rows"] if row["key"] == key["id"]]
    assert row["calls"] == 6 and row["model"] == "m"
    assert row["cost_micros"] == (row["input_tokens"] * 3 +
                                  row["output_tokens"] * 15)
    assert told["total"][0]["currency"] == "USD"
    none = place.weir.json("usage", "--to", "2020-01-01")
    assert none["rows"] == []
    assert place.weir.cli("usage", "--by", "colour",
                          check=False).returncode == 4


def test_help_names_every_verb_and_wrong_use_is_2(place):
    weir = lab.program("weir")
    listed = subprocess.run([weir, "help"], capture_output=True, text=True)
    assert listed.returncode == 0
    for verb in ("serve", "keys create", "explain", "audit verify"):
        assert verb in listed.stdout
        told = subprocess.run([weir, "help", *verb.split()],
                              capture_output=True, text=True)
        assert told.returncode == 0 and "usage: weir " + verb in told.stdout
    for words in ([], ["nothing"], ["keys"], ["explain"], ["explain", "--zz"],
                  ["keys", "create", "extra"]):
        done = subprocess.run([weir, *words], capture_output=True, text=True)
        assert done.returncode == 2 and done.stdout == ""


def test_check_says_where_and_what_to_do(place, tmp_path):
    good = place.weir.cli("check")
    assert "no faults" in good.stdout
    faulty = json.loads(place.weir.file.read_text())
    faulty["models"][0].pop("licence")
    path = tmp_path / "weir.yaml"
    faulty["policies"] = str(place.weir.where / "policies")
    path.write_text(json.dumps(faulty, indent=1))
    done = subprocess.run([lab.program("weir"), "check", path],
                          capture_output=True, text=True)
    assert done.returncode == 4
    first, advice = done.stderr.splitlines()[:2]
    assert first.startswith(str(path) + ":") and "licence" in first
    assert advice.startswith("  ")


def test_claims_are_tried_on_what_is_on_record(place):
    place.key("south/polar")
    request = place.good()
    place.ledgered(request)

    def ask(claim, *more, code=0):
        done = place.weir.cli("prove", "--recorded", "--json", "--timeout",
                              "60", "--claim", claim, *more, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[0])

    proven = ask("always denies", "--assume",
                 "principal.organization.headquarters == Jurisdiction::\"AQ\"")
    assert proven["answer"] == "proven" and proven["requests"] >= 3
    found = ask("always denies", code=1)
    assert found["answer"] == "counterexample"
    who = found["counterexample"]["request"]["principal"]
    assert who["type"] == "Key" and who["id"].startswith("wk_")
    # The counterexample is an ordinary request, for the evaluator too.
    where = place.weir.where
    for name in ("request", "entities"):
        (where / f"found.{name}.json").write_text(
            json.dumps(found["counterexample"][name]))
    policies = where / "found.cedar"
    policies.write_text("".join(
        path.read_text() for path in sorted(
            (place.weir.where / "policies").glob("*/**/*.cedar"))))
    assert subprocess.run(
        [lab.program("weir"), "cedar", "authorize",
         "--policies", str(policies),
         "--schema", str(lab.ROOT / "policies" / "weir.cedarschema"),
         "--entities", str(where / "found.entities.json"),
         "--request", str(where / "found.request.json")]).returncode == 0
    # What could be is not what is: nobody on record lives in XK.
    assert ask("always denies", "--assume",
               "principal.organization.headquarters == Jurisdiction::\"XK\""
               )["requests"] == 0
    dead = place.weir.cli("prove", "--recorded", "--claim",
                          "no dead policies", "--action", 'Action::"chat"',
                          "--assume", 'principal in Organization::"good"',
                          check=False)
    assert dead.returncode == 1
    assert "  maker-places never matches" in dead.stdout
    assert "  maker-established never matches" in dead.stdout
    assert "seller-permit never matches" not in dead.stdout
    assert place.weir.cli("prove", "--recorded", "--smt2",
                          check=False).returncode == 2


def test_check_refuses_what_the_store_does_not_go_with(tmp_path):
    """A project that a key belongs to cannot go: a reload says no, and so
    does check, also while nobody runs."""
    origin = lab.Origin(tmp_path)
    world = config(origin.url())
    weir = lab.Weir(tmp_path / "weir", world, POLICIES)
    assert weir.json("check")["store"] is False
    weir.start()
    weir.key("good/shared")
    assert weir.json("check")["store"] is True
    good = next(row for row in world["tenants"] if row["name"] == "good")
    good["projects"] = [{"name": "app"}]
    weir.write()
    refused = weir.cli("check", check=False)
    reload = weir.cli("reload", check=False)
    assert refused.returncode != 0 and reload.returncode != 0
    assert "good/shared" in refused.stderr or "shared" in refused.stderr
    weir.stop()
    assert weir.cli("check", check=False).returncode != 0
    origin.stop()
