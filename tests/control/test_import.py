# SPDX-License-Identifier: Apache-2.0
"""Registers of real size: sent to the admin API as a file, over a cap, by
somebody who may not, with faulty rows."""
import pathlib
import sqlite3
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "harness"),
                str(HERE.parent.parent / "bench")]
import gleif_made  # noqa: E402
import lab  # noqa: E402
from small import POLICIES, config  # noqa: E402

RECORDS = 3000  # 3.6 MB, beyond what a JSON body may have


@pytest.fixture
def place(tmp_path):
    origin = lab.Origin(tmp_path)
    world = config(origin.url())
    world["limits"]["import"] = "8 MiB"
    weir = lab.Weir(tmp_path / "weir", world, POLICIES)
    weir.start()
    weir.auditor = weir.json("admins", "create", "--role", "auditor",
                             "--name", "reads")["token"]
    weir.operator = weir.json("admins", "create", "--role", "operator",
                              "--name", "acts")["token"]
    yield weir
    weir.stop()
    origin.stop()


def send(weir, token, *words):
    return subprocess.run(
        [lab.program("weir"), "organisation", *map(str, words), "--url",
         f"http://127.0.0.1:{weir.admin_port}", "--token", token, "--json"],
        capture_output=True, text=True, timeout=60)


def test_a_large_register_is_sent_as_a_file(place, tmp_path):
    file = tmp_path / "lei.xml"
    gleif_made.write(RECORDS, file)
    assert file.stat().st_size > 3 << 20
    compared = send(place, place.operator, "diff", file, "--source", "gleif")
    assert compared.returncode == 0, compared.stderr
    done = send(place, place.operator, "import", file, "--source", "gleif")
    assert done.returncode == 0, done.stderr
    assert f'"rows": {RECORDS}' in done.stdout
    again = send(place, place.operator, "import", file, "--source", "gleif")
    assert '"added": 0' in again.stdout and '"ended": 0' in again.stdout
    # the same by path, as this machine's own user
    local = place.json("organisation", "import", str(file), "--source",
                       "gleif")
    assert local["rows"] == RECORDS and local["added"] == 0
    assert not list(place.state.glob("spool-*"))


def test_faulty_rows_are_told_by_line_and_refuse_the_file(place, tmp_path):
    file = tmp_path / "lei.xml"
    gleif_made.write(RECORDS, file, every=1000)
    done = send(place, place.operator, "import", file, "--source", "gleif")
    assert done.returncode != 0
    assert "lei.xml:1003:" in done.stderr, done.stderr[:300]
    assert "3 of 3000 rows are faulty, 0 are allowed" in done.stderr
    done = send(place, place.operator, "import", file, "--source", "gleif",
                "--allow-bad", 3)
    assert done.returncode == 0, done.stderr
    assert '"bad": 3' in done.stdout


def test_who_may_not_and_what_is_too_large_is_not_taken(place, tmp_path):
    file = tmp_path / "lei.xml"
    gleif_made.write(RECORDS, file)
    done = send(place, place.auditor, "import", file, "--source", "gleif")
    assert "needs the role operator" in done.stderr
    done = send(place, "wa_nobody", "import", file, "--source", "gleif")
    assert "the token is not known" in done.stderr
    with open(file, "ab") as more:
        more.write(b" " * (9 << 20))
    done = send(place, place.operator, "import", file, "--source", "gleif")
    assert done.returncode != 0 and "limits.import" in done.stderr
    # a body without a length is cut off at the same size
    chunked = subprocess.run(
        ["curl", "-s", "-o", "-", "-w", "%{http_code}", "-X", "POST",
         "-H", f"Authorization: Bearer {place.operator}",
         "-H", "Content-Type: application/octet-stream",
         "-H", "Transfer-Encoding: chunked", "-T", str(file),
         f"http://127.0.0.1:{place.admin_port}/v1/imports?source=gleif"],
        capture_output=True, text=True, timeout=60)
    assert chunked.stdout.endswith("413"), chunked.stdout
    status, _, body = lab.exchange(
        place.admin_port, "POST", "/v1/withdrawals", b"x",
        {"Authorization": "Bearer " + place.operator,
         "Content-Type": "application/octet-stream"})
    assert status == 400 and b"takes JSON" in body


# ------------------------------------------------------------------ staged

def facts(weir):
    """(facts, of them staged, imports that are open) of the store's file."""
    with sqlite3.connect(f"file:{weir.state}/weir.db?mode=ro", uri=True) as db:
        return db.execute(
            "SELECT (SELECT count(*) FROM fact),"
            " (SELECT count(*) FROM fact WHERE import NOT IN"
            "  (SELECT number FROM import)),"
            " (SELECT count(*) FROM import_open)").fetchone()


def start(weir, file):
    return subprocess.Popen(
        [lab.program("weir"), "organisation", "import", str(file), "--source",
         "gleif", "--json", "-c", str(weir.file)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)


def test_a_killed_import_leaves_nothing_to_be_seen(place, tmp_path):
    """Staged facts are there, unseen, and are taken out; then it is whole."""
    file = tmp_path / "lei.xml"
    gleif_made.write(6000, file)
    child = start(place, file)
    lab.wait_for(lambda: facts(place)[1] > 500, 20, "staged facts")
    seen = place.admin("GET", "/v1/organisations")["evidence"]
    assert seen == []
    now = place.admin("GET", "/v1/imports/progress")
    place.kill()
    child.communicate()
    assert now["stage"] == "writing" and 0 < now["done"] < now["total"]
    assert facts(place)[2] == 1
    place.start()
    assert place.admin("GET", "/v1/organisations")["evidence"] == []
    assert place.admin("GET", "/v1/imports")["imports"] == []
    # the daemon's sweep takes some out every few seconds, an import the rest
    before = facts(place)[1]
    lab.wait_for(lambda: facts(place)[1] < before, 20, "the sweep")
    done = place.json("organisation", "import", str(file), "--source", "gleif",
                      timeout=60)
    assert done["added"] == done["stated"]
    assert facts(place) == (done["stated"], 0, 0)
    assert len(place.admin("GET", "/v1/organisations")["evidence"]) > 900
    # entered: when all of it was, for explanations of decisions before
    row = place.admin("GET", "/v1/imports")["imports"][0]
    name = place.admin("GET", "/v1/organisations")["evidence"][0]
    shown = place.admin("GET", f"/v1/organisations/{name}")
    assert {fact["entered"] for fact in shown["facts"]} == {row["entered"]}
