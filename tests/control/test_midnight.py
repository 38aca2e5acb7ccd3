# SPDX-License-Identifier: Apache-2.0
"""docs/stories/midnight.md: its commands give what it shows, and what the
three companies are told on both sides of midnight is as it says."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
STORY = ROOT / "docs/stories/midnight.md"
MIDNIGHT = "2026-11-10T05:00:00Z"
BEFORE = ["2026-11-10T04:59:59Z", "2026-11-10T04:59:59.999999Z"]
AFTER = [MIDNIGHT, "2026-11-10T05:00:01Z"]


class Night:
    def __init__(self, where):
        shutil.copytree(ROOT / "examples/rules", where,
                        ignore=shutil.ignore_patterns("state"))
        self.where = where / "affiliates-50"
        self.ids = {}
        for tenant in ("fjordline", "halfway", "misty"):
            self.ids[tenant] = self.json(
                "keys", "create", "--project", tenant + "/app", "--purpose",
                "story", "--staff", "NO")["id"]

    def run(self, line):
        path = str(pathlib.Path(lab.program("weir")).parent)
        environment = {**os.environ, "PATH": path + ":" + os.environ["PATH"],
                       **{name.upper(): value
                          for name, value in self.ids.items()}}
        return subprocess.run(["sh", "-c", line], cwd=self.where,
                              capture_output=True, text=True, timeout=60,
                              env=environment)

    def json(self, *words):
        done = self.run("weir " + " ".join(words) + " --json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def told(self, tenant, at):
        entries = self.json("catalogue", "list", "--key", self.ids[tenant],
                            "--country", "NO", "--at", at)["entries"]
        mini, = [row for row in entries if row["name"] == "aurora-mini"]
        return mini["legal"]["verdict"], mini["legal"]["policies"][0]


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    return Night(tmp_path_factory.mktemp("midnight") / "rules")


def commands():
    """Each command of the story with the output shown; "..." is any."""
    for block in re.findall(r"```console\n(.*?)```", STORY.read_text(), re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            line, _, shown = part.partition("\n")
            yield line, shown


@pytest.mark.parametrize("line,shown", list(commands()),
                         ids=lambda text: text[:40].strip())
def test_each_command_gives_what_the_story_shows(night, line, shown):
    done = night.run(line)
    assert done.returncode == 0, done.stderr
    if shown.strip() != "...":
        assert done.stdout == shown
    assert done.stdout.strip()


def test_what_each_company_is_told_before_and_at_midnight(night):
    for at in BEFORE + AFTER:
        halfway = (("allow", "seller-hosting") if at in BEFORE
                   else ("deny", "law-affiliates"))
        assert night.told("fjordline", at) == ("allow", "seller-hosting"), at
        assert night.told("halfway", at) == halfway, at
        assert night.told("misty", at) == ("hold",
                                           "law-affiliates-unknown"), at


def test_simulation_over_midnight_touches_one_company(night):
    sides = [night.json("simulate", "--population", "all", "--at", at)
             for at in (BEFORE[1], MIDNIGHT)]
    assert sides[0]["effects"] != sides[1]["effects"]
    touched = {row["name"] for side in sides for row in side["groups"]
               if row["by"] == "organisation"}
    assert touched == {"halfway"}


def test_only_who_loses_something_gets_notice_and_only_once(night):
    words = ["schedule", "--from", "2026-11-09", "--to", "2026-11-12",
             "--calls", "0", "--notify"]
    assert night.json(*words)["posted"] == 3
    assert night.json(*words)["posted"] == 0
    notices = night.json("notices", "list")["notices"]
    assert {row["tenant"] for row in notices} == {"halfway"}
    assert {row["subject"] for row in notices} == {
        "aurora-large", "aurora-mini", "penguin-open"}
    for row in notices:
        assert row["deadline_us"] == 1794286800000000
        assert row["type"] == "rule.change"
        assert row["reason"] == "law-affiliates"
        assert "2026-11-10T05:00:00Z" in row["text"]


def test_a_key_and_a_model_that_end_are_on_the_schedule(night):
    made = night.json("keys", "create", "--project", "fjordline/app",
                      "--purpose", "trial", "--staff", "NO", "--not-after",
                      "2099-01-01")["id"]
    told = night.json("schedule", "--from", "2098-12-01", "--days", "60")
    event, = told["events"]
    assert (event["kind"], event["name"], event["change"]) == (
        "key", made, "ends")
    moment, = told["moments"]
    assert moment["keys"] == 1
    assert {row["why"] for row in moment["groups"]} == {"expired_key"}
    world = night.where.parent / "world.yaml"
    text = world.read_text()
    try:
        world.write_text(text.replace(
            "{name: aurora-mini, title: Aurora Mini,",
            "{name: aurora-mini, title: Aurora Mini, deprecated: 2098-01-01,"
            " sunset: 2098-06-01, successor: aurora-large,"))
        told = night.json("schedule", "--from", "2098-01-01", "--days", "200")
        assert [(row["kind"], row["change"]) for row in told["events"]] == [
            ("model", "deprecated"), ("model", "ends")]
        groups = told["moments"][1]["groups"]
        assert {row["model"] for row in groups} == {"aurora-mini"}
        assert {row["why"] for row in groups} == {"model_sunset"}
        assert {row["successor"] for row in groups} == {"aurora-large"}
        assert told["moments"][0]["keys"] == 0
    finally:
        world.write_text(text)
