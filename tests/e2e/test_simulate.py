# SPDX-License-Identifier: Apache-2.0
"""What-if over the journal that a running weir writes."""
import csv
import io
import json
import shutil

import lab
from house import chat, explained


def simulate(house, *words, code=0):
    done = house.weir.cli("simulate", *words, "--json", check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def calls(house, count, **more):
    """Allowed calls, all settled."""
    last = None
    for _ in range(count):
        status, headers, body = house.call(chat(**more))
        assert status == 200, body
        last = headers["weir-request-id"]
    lab.wait_for(lambda: explained(house, last), 10, "outcome")


def group(report, effect, by, name):
    for row in report["groups"]:
        if (row["effect"], row["by"], row["name"]) == (effect, by, name):
            return row
    return {"calls": 0, "tokens": 0, "revenue_micros": 0}


def test_every_decision_is_as_recorded(house):
    calls(house, 2)
    house.call(chat(model="no-such-model"))
    house.weir.cli("withdraw", "model", "small")
    house.call(chat(model="small"))
    house.weir.cli("restore", "model", "small")
    house.call(chat(model="small"))
    report = simulate(house)
    assert report["is_same"], report.get("difference")
    assert report["effects"]["same"]["calls"] >= 5
    assert report["effects"]["different"]["calls"] == 0
    assert report["effects"]["not_kept"]["calls"] == 0
    text = house.weir.cli("simulate").stdout
    assert "decided again as recorded" in text


def test_a_withdrawn_model_cuts_off_its_calls(house):
    calls(house, 3, model="only-near")
    report = simulate(house, "--withdraw", "model", "large")
    cut = report["effects"]["cut_off"]
    assert cut["calls"] >= 3 and cut["tokens"] > 0
    assert cut["revenue_micros"] > 0
    assert cut["calls"] == group(report, "cut_off", "model", "large")["calls"]
    assert cut["calls"] == group(report, "cut_off", "why",
                                 "withdrawn")["calls"]
    assert report["effects"]["restored"]["calls"] == 0


def test_a_withdrawn_deployment_moves_its_calls(house):
    calls(house, 2, model="first-near")
    report = simulate(house, "--withdraw", "deployment", "large-near")
    moved = {(row["from"], row["to"]): row["calls"]
             for row in report["fallback"]}
    assert moved[("large-near", "large-far")] >= 2
    rows = list(csv.DictReader(io.StringIO(house.weir.cli(
        "simulate", "--withdraw", "deployment", "large-near",
        "--csv").stdout)))
    assert any(row["by"] == "fallback" and row["name"] == "large-near" and
               row["to"] == "large-far" for row in rows)


def test_other_policies_are_tried_without_being_in_force(house, tmp_path):
    calls(house, 1)
    (tmp_path / "seller").mkdir()
    (tmp_path / "seller" / "none.cedar").write_text(
        '@id("seller-only-small") @title("Only the small model")\n'
        '@authority("The seller, draft")\n'
        'permit (principal, action in Action::"infer", resource)\n'
        'when { (resource in Bloc::"hosting" || '
        'resource in Jurisdiction::"AQ") &&\n'
        'resource in Model::"small" };\n')
    report = simulate(house, "--policies", tmp_path)
    assert report["effects"]["cut_off"]["calls"] >= 1
    assert group(report, "cut_off", "organisation", "good")["calls"] >= 1
    assert group(report, "cut_off", "jurisdiction", "DE")["calls"] >= 1
    status, _, body = house.call(chat())
    assert status == 200, body


def test_a_changed_bloc_cuts_off_whom_it_names(house, tmp_path):
    calls(house, 1)
    change = tmp_path / "change.yaml"
    change.write_text("blocs:\n  - {name: excluded, members: [AQ, DE]}\n")
    report = simulate(house, "--change", change)
    cut = group(report, "cut_off", "why", "maker-excluded")
    assert cut["calls"] >= 1
    assert cut["calls"] == group(report, "cut_off", "organisation",
                                 "good")["calls"]


def test_a_list_and_an_ownership_rule_are_tried(house, tmp_path):
    calls(house, 1)
    draft = tmp_path / "policies"
    shutil.copytree(house.weir.where / "policies", draft)
    (draft / "providers" / "maker" / "watch.cedar").write_text(
        '@id("maker-watch") @title("Nobody of the watch list")\n'
        '@authority("The maker, draft") @appeal("sales@maker.example")\n'
        'forbid (principal in OwnershipRule::"watched", '
        'action in Action::"infer", resource in Provider::"maker");\n')
    change = tmp_path / "change.yaml"
    rule = ("lists:\n  - {name: watch, source: a draft, "
            "organisations: [%s]}\n"
            "ownership_rules:\n  - name: watched\n"
            "    seeds: {lists: [watch]}\n    method: cascade\n"
            "    threshold: 50%%\n    strict: true\n    unknown: hold\n")
    change.write_text(rule % "good")
    report = simulate(house, "--policies", draft, "--change", change)
    assert group(report, "cut_off", "why", "maker-watch")["calls"] >= 1
    change.write_text(rule % "outcast")
    report = simulate(house, "--policies", draft, "--change", change)
    assert group(report, "cut_off", "why", "maker-watch")["calls"] == 0


def test_a_change_that_is_faulty_points_at_its_line(house, tmp_path):
    change = tmp_path / "change.yaml"
    for text, what in (("blocs:\n  - {name: x, members: [QQQ]}\n", ":2:"),
                       ("limits:\n  drain: 1 s\n", ":1:1: "),
                       ("blocs:\n  - name: x\n name: y\n", ":3:")):
        change.write_text(text)
        done = house.weir.cli("simulate", "--change", change, check=False)
        assert done.returncode > 2
        assert str(change) + what in done.stderr, done.stderr


def test_a_population_asks_what_nobody_asked(house):
    house.key()
    whole = simulate(house, "--population", "all", "--withdraw", "provider",
                     "maker")
    assert whole["effects"]["cut_off"]["calls"] > 0
    assert whole["decisions"] == sum(
        row["calls"] for row in whole["effects"].values())
    drawn = simulate(house, "--population", "500", "--seed", "9")
    assert drawn["effects"]["same"]["calls"] == 500
    assert simulate(house, "--population", "500", "--seed", "9") == drawn


def test_what_is_not_there_is_refused(house):
    for words, code in ((("--withdraw", "model", "largest"), 6),
                        (("--withdraw", "colour", "red"), 2),
                        (("--at", "tomorrow"), 2),
                        (("--withdraw", "model"), 2),
                        (("--population", "0"), 2)):
        done = house.weir.cli("simulate", *words, check=False)
        assert done.returncode == code, (words, done.stderr)
        assert done.stderr
