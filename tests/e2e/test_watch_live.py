# SPDX-License-Identifier: Apache-2.0
"""The watch over its whole path: calls through the gateway, features in the
journal, pools in control, verdicts, clusters, and what people decide."""
import json
import os
import pathlib
import signal
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] /
                       "control"))
import lab  # noqa: E402
import watching  # noqa: E402
from small import POLICIES, config  # noqa: E402
from watching import Account  # noqa: E402


def accounts():
    return [Account("helpdesk", ["support"], 700),
            Account("analysts", ["sql"], 700),
            Account("sorters", ["labels"], 700),
            Account("broad", ["support", "sql", "labels"], 700),
            Account("sly", ["support"], 700, begins=400, share=0.3),
            Account("fresh", ["harvest"], 200, begins=0, share=1.0),
            *[Account(f"small-{i}", ["support"], 30, begins=0, share=0.4,
                      payment="card 7") for i in range(4)],
            Account("neighbour", ["support"], 30, payment="card 8")]


class Watched:
    def __init__(self, where, data):
        self.data = data
        self.accounts = accounts()
        self.origin = lab.Origin(where, ("one",))
        made = config(self.origin.url("one"))
        organisations, tenants = watching.tenants_of(self.accounts)
        made["organisations"] += organisations
        made["tenants"] += tenants
        made["watch"] = {"reference_calls": 300, "calibration": "test",
                         "clusters": {"every": "1 s", "bin": "1 s"}}
        self.weir = lab.Weir(where / "weir", made, POLICIES)
        self.weir.start()
        self.keys = {a.name: self.weir.key(f"{a.name}/app")
                     for a in self.accounts}
        self.answered = watching.send(self.weir.port, self.keys,
                                      self.accounts, data)
        self.total = sum(a.calls for a in self.accounts)
        lab.wait_for(lambda: self.figures()["calls"] == self.total, 20,
                     "every call is counted")

    def figures(self):
        return self.weir.json("watch", "status")["figures"]

    def account(self, name):
        return next(a for a in self.accounts if a.name == name)

    def verdicts(self, kind="tenant", action="observe"):
        rows = self.weir.json("watch", "status", "--kind", kind, "--action",
                              action, "--limit", 1000)["verdicts"]
        return {row["name"]: row for row in rows}

    def show(self, subject):
        return self.weir.json("watch", "show", subject)

    def stop(self):
        self.weir.end()
        self.origin.stop()


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    data = lab.data_dir()
    if data is None:
        pytest.skip("WEIR_DATA is absent: no labelled prompts")
    made = Watched(tmp_path_factory.mktemp("watched"), data)
    yield made
    made.stop()


BENIGN = ("helpdesk", "analysts", "sorters", "broad", "neighbour")


def test_every_call_was_answered_and_counted_once(watched):
    assert watched.answered == watched.total
    figures = watched.figures()
    assert figures["again"] == 0 and figures["is_current"]


def test_who_harvests_is_named_with_the_calls_that_show_it(watched):
    flagged = watched.verdicts()
    for name in ("sly", "fresh"):
        row = flagged[name]
        assert row["score"] >= 1, row
        assert set(row["detail"]["evidence"]) & set(
            watched.account(name).harvested)
        assert row["detail"]["calibration"] == "test"
    assert flagged["sly"]["has_reference"]
    assert not flagged["fresh"]["has_reference"]
    said = [row for row in watched.show("tenant:sly")["verdicts"]
            if row["score"] >= 1]
    # It began at its call 400.
    assert 400 < said[-1]["calls"] <= 550


def test_benign_accounts_are_left_alone(watched):
    loud = {name: row for name, row in watched.verdicts(action="none").items()
            if name in BENIGN and (row["score"] >= 1 or
                                   row["action"] not in ("none", "observe"))}
    assert loud == {}


def test_accounts_of_one_payment_are_one_cluster_until_a_link_is_cut(watched):
    weir = watched.weir
    lab.wait_for(lambda: weir.json("watch", "clusters")["clusters"], 10,
                 "a cluster")
    found = weir.json("watch", "clusters")["clusters"][0]
    shown = weir.json("watch", "clusters", found["id"])
    assert sorted(shown["members"]) == [f"tenant:small-{i}" for i in range(4)]
    assert {link["why"] for link in shown["links"]} == {"payment"}
    assert watched.show("tenant:small-2")["cluster"] == found["id"]
    link = shown["links"][0]
    cut = weir.json("watch", "cut", link["a"], link["b"], "--why", "payment",
                    "--reason", "they share an accountant")

    def members():
        return weir.json("watch", "clusters", found["id"])["members"]
    lab.wait_for(lambda: link["b"] not in members(), 10, "the cut")
    assert len(members()) == 3
    assert [row["number"] for row in weir.json("watch", "cuts")["cuts"]] == [
        cut["number"]]
    again = weir.cli("watch", "cut", link["a"], "tenant:helpdesk", "--why",
                     "payment", "--reason", "no", check=False)
    assert again.returncode != 0 and "no cluster has that link" in again.stderr
    weir.cli("watch", "uncut", cut["number"])
    lab.wait_for(lambda: len(members()) == 4, 10, "the cut is taken back")


def test_a_person_accepts_what_a_new_account_does(watched):
    weir = watched.weir
    before = watched.show("tenant:fresh")
    assert before["learning"] == "learning" and before["references"] == []
    weir.cli("watch", "reference", "tenant:fresh", "accept", "--reason",
             "it is what they told us")
    lab.wait_for(
        lambda: watched.show("tenant:fresh")["learning"] == "learnt", 10,
        "the reference")
    row = watched.show("tenant:fresh")["references"][0]
    assert row["learnt"] == 200 and row["actor"] == "local"


def test_a_model_owner_sees_calls_to_his_models_only(watched):
    weir = watched.weir
    token = weir.json("admins", "create", "--role", "model-owner",
                      "--provider", "maker", "--name", "the maker")["token"]
    other = weir.json("admins", "create", "--role", "model-owner",
                      "--provider", "another", "--name", "another")["token"]

    def ask(path, token):
        status, _, reply = lab.exchange(
            weir.admin_port, "GET", path, None,
            {"Authorization": "Bearer " + token})
        return status, json.loads(reply)
    status, said = ask("/v1/watch?action=none", token)
    assert status == 200 and "figures" not in said
    assert {row["kind"] for row in said["verdicts"]} == {"models"}
    assert "maker/sly" in {row["name"] for row in said["verdicts"]}
    assert ask("/v1/watch?action=none", other)[1]["verdicts"] == []
    assert ask("/v1/watch/subject?subject=models:maker/sly", token)[0] == 200
    assert ask("/v1/watch/subject?subject=models:maker/sly", other)[0] == 403
    for path in ("/v1/watch/subject?subject=tenant:sly", "/v1/watch/clusters",
                 "/v1/calls", "/v1/keys", "/metrics", "/v1/usage"):
        assert ask(path, token)[0] == 403, path


def test_figures_are_metrics(watched):
    text = lab.exchange(
        watched.weir.admin_port, "GET", "/metrics", None,
        {"Authorization": "Bearer " + watched.weir.json(
            "admins", "create", "--role", "viewer", "--name", "m")["token"]})[2]
    assert f"weir_watch_calls_total {watched.total}".encode() in text


def test_killed_and_made_again_it_says_the_same(watched):
    weir = watched.weir

    def state():
        return {name: {key: value for key, value in
                       watched.show(f"tenant:{name}").items()
                       if key != "cluster"}
                for name in ("sly", "helpdesk", "broad")}
    before = state()
    for removes in (False, True):
        os.kill(weir.process.pid, signal.SIGKILL)
        weir.process.child.wait()
        weir.process.output.close()
        if removes:
            for file in weir.state.glob("watch.db*"):
                file.unlink()
        weir.start()
        lab.wait_for(lambda: watched.figures()["calls"] == watched.total, 20,
                     "every call is counted again")
        time.sleep(0.3)
        assert state() == before
