# SPDX-License-Identifier: Apache-2.0
"""Reports against a weir that works: what they say is what was called."""
import base64
import csv
import io
import json
import subprocess
import time

import auditor
import lab
import pytest

from small import POLICIES, config
from conftest import Place

TERMS = [{"name": "maker-terms", "provider": "maker", "version": "2026-05",
          "inputs": "may_not_train", "outputs": "may_not_train"},
         {"name": "open-terms", "provider": "maker", "version": "1",
          "inputs": "may_train", "outputs": "may_train"}]

FILTER = """
@id("seller-filter")
@title("What runs in DE is looked through")
@authority("The seller")
@appeal("appeal@seller.example")
@filter("personal")
permit (principal, action in Action::"infer", resource in Bloc::"hosting");
"""


def reports_config(url, down):
    made = config(url)
    made["terms"] = TERMS
    made["models"][0]["terms"] = "maker-terms"
    made["models"].append({**made["models"][0], "name": "free",
                           "terms": "open-terms@1"})
    made["origins"].append({"name": "two", "dialect": "openai", "url": down,
                            "timeouts": {"connect": "500 ms"}})
    made["deployments"] += [
        {**made["deployments"][0], "name": "free-one", "model": "free"},
        {**made["deployments"][0], "name": "free-down", "model": "free",
         "origin": "two"}]
    made["routes"] = [{"name": "wise", "mode": "order", "attempts": 3,
                       "candidates": ["free-down", "free-one"]}]
    made["filters"] = [{"name": "personal", "rules": [
        {"detector": "mail", "action": "mask"}]}]
    made["objectives"] = [
        {"name": "of-wise", "route": "wise", "availability": "99.9%",
         "p95": "10 s"},
        {"name": "of-down", "deployment": "free-down",
         "availability": "99%"},
        {"name": "of-one", "deployment": "m-one", "availability": "99.5%",
         "ttft_p95": "5 s"},
        {"name": "of-nobody", "tenant": "young", "availability": "90%"}]
    return made


class Told(Place):
    def __init__(self, where):
        where.mkdir(parents=True, exist_ok=True)
        self.origin = lab.Origin(where, names=("origin", "second"))
        self.weir = lab.Weir(
            where / "weir", reports_config(self.origin.url(),
                                           self.origin.url("second")),
            {**POLICIES, "seller/filter.cedar": FILTER})
        self.weir.start()
        self.keys = {}
        self.began = time.time()
        self.good_ids = [self.good() for _ in range(8)]
        self.good(messages=[{"role": "user",
                             "content": "write to ann@aurora.example"}])
        self.origin.next("status=503", count=12, name="second")
        self.wise = [self.call(model="wise") for _ in range(6)]
        for _ in range(3):
            self.call(self.key("south/polar"))
        self.settle()

    def report(self, name, *words):
        return self.weir.json("report", name, *words)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    made = Told(tmp_path_factory.mktemp("reports"))
    yield made
    made.stop()


def by(rows, *names):
    return {tuple(row.get(name) for name in names): row for row in rows}


def test_inventory_answers_the_six_questions(told):
    made = told.report("inventory")
    services = by(made["services"], "tenant", "project")
    assert services["good", "app"]["calls"] == 15
    assert services["good", "app"]["state"] == "active"
    assert services["good", "app"]["purpose"] == "test"
    assert services["south", "polar"]["refused"] == 3
    models = by(made["models"], "model")
    assert models["m",]["state"] == "selectable"
    assert models["m",]["calls"] == 9
    assert models["m",]["terms"].startswith("maker-terms@2026-05 ")
    regions = by(made["regions"], "deployment")
    assert regions["m-one",]["country"] == "DE"
    assert regions["m-one",]["calls"] == 9
    data = by(made["data"], "tenant", "class", "direction")
    assert data["good", "mail", "prompts"]["findings"] == 1, made["data"]
    logs = by(made["logs"], "log")
    assert logs["journal",]["bytes"] > 0
    assert made["summary"]["calls"] == 15
    assert made["summary"]["records_unread"] == 0


def test_every_form_says_the_same(told):
    day = "2000-01-01"
    made = told.report("jurisdiction", "--from", day)
    text = told.weir.cli("report", "jurisdiction", "--from", day).stdout
    rows = list(csv.DictReader(io.StringIO(told.weir.cli(
        "report", "jurisdiction", "--from", day, "--format", "csv").stdout)))
    assert "Map of jurisdictions" in text and "For Procurement" in text
    for section in ("map", "legal", "security", "procurement", "business"):
        assert len([row for row in rows if row["section"] == section]) == \
            len(made[section])
    sums = [sum(int(row["cost_micros"]) for row in rows
                if row["section"] == section)
            for section in ("map", "procurement")]
    assert sums == [made["summary"]["cost_micros"]] * 2
    assert sum(row["calls"] for row in made["legal"]) == \
        sum(row["calls"] for row in made["map"]) == 15
    row, = [row for row in made["security"] if row["tenant"] == "south"]
    assert row["refused"] == 3 and "answered" not in row
    usage = told.weir.usage("good")
    assert sum(row["cost_micros"] for row in usage) == \
        made["summary"]["cost_micros"]


def test_terms_are_in_record_statement_and_report(told):
    made = told.report("terms")
    terms = by(made["terms"], "terms")
    assert terms["maker-terms@2026-05",]["calls"] == 9
    assert terms["maker-terms@2026-05",]["outputs"] == "may_not_train"
    assert terms["open-terms@1",]["calls"] == 6
    assert terms["open-terms@1",]["inputs"] == "may_train"
    assert made["summary"]["without_terms"] == 0
    said = told.weir.json("statement", told.good_ids[0])["statement"]
    answers = said["answers"]
    assert answers["model"] == {"name": "m", "provider": "maker",
                                "origin": "DE"}
    assert answers["hosted"]["country"] == "DE"
    assert answers["hosted"]["operated_by"] == "seller"
    assert answers["for_whom"]["tenant"] == "good"
    assert answers["trained_on"] == {
        "terms": "maker-terms@2026-05", "inputs": "may_not_train",
        "outputs": "may_not_train"}
    assert answers["jurisdictions"]["inference"] == "DE"
    assert answers["exceptions"] == []
    assert all(len(row["text_sha256"]) == 64 for row in said["policies"])
    # in the receipt's signed bytes, too
    receipt = told.weir.json("audit", "receipt", told.good_ids[0])
    assert any(b"maker-terms@2026-05 inputs=may_not_train" in
               base64.b64decode(row["record"]) for row in receipt["records"])


def test_an_injected_outage_shows_where_it_was(told):
    assert all(status == 200 for status, _, _ in told.wise)
    made = told.report("levels")
    levels = by(made["levels"], "scope", "name")
    # callers of the route saw nothing of it; the deployment was down
    assert levels["route", "wise"]["availability"] == "100.0000%"
    down = levels["deployment", "free-down"]
    assert down["good"] == 0 and down["bad"] > 0
    assert levels["deployment", "m-one"]["bad"] == 0
    assert levels["deployment", "m-one"]["good"] == 9
    assert levels["tenant", "south"]["excluded"] == 3
    assert levels["tenant", "south"]["availability"] == "-"
    objectives = by(made["objectives"], "objective", "measure")
    assert objectives["of-wise", "availability"]["state"] == "met"
    assert objectives["of-wise", "p95"]["state"] == "met"
    assert objectives["of-down", "availability"]["state"] == "missed"
    assert objectives["of-down", "availability"]["budget_left"] < 0
    assert objectives["of-one", "ttft p95"]["state"] == "met"
    assert objectives["of-nobody", "availability"]["state"] == "no calls"
    outages = by(made["outages"], "scope", "name")
    assert ("deployment", "free-down") in outages
    assert ("route", "wise") not in outages


SQUID = """\
1794996000.123 145 10.0.0.7 TCP_TUNNEL/200 4520 CONNECT x.aurora.example:443 - H/- -
1794996060.123 145 10.0.0.8 TCP_TUNNEL/200 10 CONNECT x.aurora.example:443 - H/- -
1794996060.123 145 10.0.0.8 TCP_TUNNEL/200 10 CONNECT other.example:443 - H/- -
1794996060.123 145 10.9.0.1 TCP_TUNNEL/200 10 CONNECT x.aurora.example:443 - H/- -
"""


def test_use_outside_is_found_and_kept_once(told, tmp_path):
    log = tmp_path / "access.log"
    log.write_text(SQUID)
    (tmp_path / "list.csv").write_text("*.aurora.example,aurora,api\n")
    words = ["report", "outside", str(log), "--endpoints",
             str(tmp_path / "list.csv"), "--gateway", "10.9.0.0/16"]
    # with neither daemon nor configuration
    alone = subprocess.run([lab.program("weir"), *words, "--json"],
                           capture_output=True, text=True, cwd=tmp_path,
                           env={"PATH": "/nonexistent"})
    assert alone.returncode == 0, alone.stderr
    found, = json.loads(alone.stdout)["files"]
    assert (found["matched"], found["gateway"], found["lines"]) == (2, 1, 4)
    assert {row["client"] for row in found["rows"]} == {"10.0.0.7",
                                                        "10.0.0.8"}
    for _ in range(2):
        told.weir.cli(*words, "--keep", "--source", "proxy")
    row, = told.report("inventory", "--from", "2026-11-01", "--to",
                       "2026-12-01")["outside"]
    assert (row["provider"], row["clients"], row["requests"], row["bytes"],
            row["source"]) == ("aurora", 2, 2, 4530, "proxy")
    assert told.report("inventory", "--from", "2026-12-01", "--to",
                       "2026-12-02")["outside"] == []
    assert told.weir.cli("report", "outside", told.weir.file,
                         check=False).returncode != 0


def test_a_period_that_ends_before_it_begins_is_refused(told):
    done = told.weir.cli("report", "terms", "--from", "2026-02-01", "--to",
                         "2026-01-01", check=False)
    assert done.returncode != 0 and "ends before it begins" in done.stderr
    done = told.weir.cli("report", "terms", "--format", "xml", check=False)
    assert done.returncode != 0 and "csv or pdf" in done.stderr


def test_a_report_as_pdf_is_a_pdf(told, tmp_path):
    told.weir.cli("report", "levels", "--format", "pdf", "--out",
                  str(tmp_path / "levels.pdf"))
    text = subprocess.run(["pdftotext", "-layout", tmp_path / "levels.pdf",
                           "-"], capture_output=True, text=True)
    assert "Service levels" in text.stdout and "free-down" in text.stdout


def test_roles_of_reports(told):
    tokens = {role: told.weir.json("admins", "create", "--role", role,
                                   "--name", role)["token"]
              for role in ("viewer", "auditor")}
    assert told.api("GET", "/v1/reports/levels",
                    tokens["viewer"])[0] == 200
    assert told.api("GET", "/v1/reports/inventory",
                    tokens["viewer"])[0] == 403
    assert told.api("GET", "/v1/reports/inventory",
                    tokens["auditor"])[0] == 200
    assert told.api("POST", "/v1/reports/outside", tokens["auditor"],
                    {"import": "a", "source": "b", "rows": []})[0] == 403


def test_an_auditor_draws_population_and_sample_from_the_log_alone(told):
    until = int((time.time() - 0.5) * 1000000)
    iso = time.strftime("%Y-%m-%dT%H:%M:%S",
                        time.gmtime(until // 1000000)) + \
        f".{until % 1000000:06}Z"
    made = told.report("controls", "--from", "2026-01-01", "--to", iso,
                       "--sample", "7")
    samples = {}
    for row in made["samples"]:
        samples.setdefault(row["control"], []).append(
            (row["leaf"], row["id"], row["record_sha256"]))
    seen = set()
    for row in made["controls"]:
        if "filtered" in row["evidence"] or "findings" in row["evidence"]:
            continue    # fields deep in a record, which auditor.py skips
        found = auditor.audit(told.weir.state, row["control"],
                              row["evidence"], made["from_us"],
                              made["to_us"], 7)
        assert found["population"] == row["population"], row
        assert found["seed"] == row["seed"]
        assert found["size"] == made["summary"]["log_size"]
        assert found["root"] == made["summary"]["log_root"]
        assert found["sample"] == samples.get(row["control"], []), row
        seen.add(row["population"] > 0)
    assert seen == {True, False}
    rows = by(made["controls"], "control")
    assert rows["CC8.1",]["population"] >= 1
    assert rows["CC6.2",]["population"] >= 2    # two keys were made
    assert rows["Art.12",]["population"] > rows["CC6.1",]["population"]
    # a period of which nothing is recorded has nothing
    empty = told.report("controls", "--from", "2025-01-01", "--to",
                        "2025-02-01", "--framework", "aiact")
    assert {row["population"] for row in empty["controls"]} == {0}
    assert {row["framework"] for row in empty["controls"]} == {"aiact"}
    # asked again, the same is said
    again = told.report("controls", "--from", "2026-01-01", "--to", iso,
                        "--sample", "7")
    again["made_us"] = made["made_us"]
    assert again == made


def test_what_controls_have_is_signed_by_two(told, tmp_path):
    told.weir.cli("report", "controls", "--framework", "soc2", "--sample",
                  "3", "--format", "pdf", "--out",
                  str(tmp_path / "controls.pdf"))
    text = subprocess.run(["pdftotext", "-layout", tmp_path / "controls.pdf",
                           "-"], capture_output=True, text=True).stdout
    assert "For the auditee" in text and "The auditor" in text
    assert "CC8.1" in text and "Signature" in text
    done = told.weir.cli("report", "controls", "--control", "CC99",
                         check=False)
    assert done.returncode != 0 and "no control" in done.stderr
