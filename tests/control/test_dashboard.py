# SPDX-License-Identifier: Apache-2.0
"""What is scraped is well formed, and the dashboard asks for nothing else:
both read by Prometheus' own tool."""
import json
import pathlib
import re
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
FILE = HERE.parents[1] / "packaging/grafana/weir.json"


def promtool(*words, text=None):
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("no promtool")
    return subprocess.run([tool, *words], input=text, text=True,
                          capture_output=True, check=False)


def scraped(place):
    token = place.weir.json("admins", "create", "--role", "admin", "--name",
                            "scraper")["token"]
    status, text = place.api("GET", "/metrics", token)
    assert status == 200
    return text


def expressions():
    board = json.loads(FILE.read_text())
    return [target["expr"] for panel in board["panels"]
            for target in panel.get("targets", [])]


def test_the_scrape_is_well_formed(place):
    place.good()
    done = promtool("check", "metrics", text=scraped(place))
    # What it says of style, by exit code 3, is not about form.
    assert done.returncode in (0, 3), done.stderr


def test_panels_have_places_of_their_own():
    board = json.loads(FILE.read_text())
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids)) > 15
    taken = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                 for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_panel_asks_for_what_there_is(place):
    place.good()
    text = scraped(place)
    names = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    names |= {name + "_bucket" for name in names}
    # Only while something exports.
    names.add("weir_telemetry_lag_seconds")
    # Only while a deployment, an origin's credential, or the watch is there.
    names |= {"weir_credential_usable", "weir_watch_verdicts_total",
              "weir_watch_clusters"}
    for expr in expressions():
        for name in re.findall(r"\bweir_\w+", expr):
            assert name in names, f"{name} in {expr}"


def test_prometheus_reads_the_expressions(tmp_path):
    rules = [{"record": f"panel:{i}", "expr": expr.replace(
        "$__rate_interval", "5m").replace("$tenant", ".*").replace(
        "$model", ".*")} for i, expr in enumerate(expressions())]
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
    done = promtool("check", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
