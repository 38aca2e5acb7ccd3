# SPDX-License-Identifier: Apache-2.0
"""Who may have a key, and what takes it away again: told as the story of
three fictional companies and a reseller, before, at and after each change."""
import datetime
import json
import pathlib
import sqlite3
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "harness")]
import lab  # noqa: E402
from small import POLICIES, config, organisation  # noqa: E402

LIST = ("name,id,aliases,type,programme\n"
        "Grey Heron Logistics Ltd,W-1,Garza Gris,entity,test\n"
        "Ulverston Quill,W-2,,person,test\n")
END_CUSTOMERS = {
    "providers/maker/resale.cedar": """
@id("maker-resale")
@title("The maker is not sold on to AQ")
@authority("The maker, terms")
@appeal("sales@maker.example")
forbid (principal, action in Action::"infer", resource in Provider::"maker")
when { context has end_customer &&
       context.end_customer.headquarters == Jurisdiction::"AQ" };

@id("maker-unknown-customer")
@title("An end customer that nobody knows waits for a person")
@authority("The maker, terms")
@appeal("sales@maker.example")
@effect("hold")
forbid (principal, action in Action::"infer", resource in Provider::"maker")
when { context has end_customer_id && !(context has end_customer) };
"""}


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def later(**more):
    return stamp(datetime.datetime.now(datetime.timezone.utc) +
                 datetime.timedelta(**more))


def on_file(name, title, place="DE", **more):
    return {**organisation(name, place), "title": title,
            "source": "company register", "as_of": "2026-10-01",
            "verified_until": later(days=300), **more}


class House:
    """A weir that requires everything, its origin, and three people."""

    def __init__(self, where):
        where.mkdir(parents=True, exist_ok=True)
        self.origin = lab.Origin(where)
        self.list = where / "watch.csv"
        self.list.write_text(LIST)
        world = config(self.origin.url())
        world["onboarding"] = {
            "valid_for": "365 d", "shrink": "60%",
            "lists": [{"name": "watch", "path": str(self.list),
                       "effect": "hold"}]}
        world["terms"] = [
            {"name": "service", "version": "1", "title": "Service"},
            {"name": "maker-use", "provider": "maker", "version": "2026-01"}]
        world["organisations"] += [
            on_file("acorn", "Acorn Bindery GmbH"),
            on_file("heron", "Grey Heron Logistics"),
            on_file("middle", "Middle Resale KG", category="reseller"),
            on_file("parent", "Quiet Parent Holding")]
        for name in ("acorn", "heron", "middle"):
            world["tenants"].append({"name": name, "organisation": name,
                                     "projects": [{"name": name + "-app"}]})
        self.weir = lab.Weir(where / "weir", world,
                             {**POLICIES, **END_CUSTOMERS})
        self.weir.start()
        self.people = {
            name: self.weir.json("admins", "create", "--role", "operator",
                                 "--name", name)["token"]
            for name in ("Ada", "Bo", "Cy")}

    def row(self, name):
        return next(row for row in self.weir.config["organisations"]
                    if row["name"] == name)

    def reload(self):
        self.weir.write()
        self.weir.cli("reload")

    def as_person(self, person, *words, check=True):
        return self.weir.cli(*words, "--token", self.people[person],
                             check=check)

    def onboard(self, name, *purposes):
        words = [word for purpose in purposes or ("support",)
                 for word in ("--purpose", purpose)]
        self.weir.cli("onboarding", "start", name, *words)
        for terms in ("service", "maker-use"):
            self.weir.cli("terms", "accept", name, terms, "--by", "Counsel")
        return self.weir.json("onboarding", "decide", name, "--approve",
                              "--reason", "looked at everything")

    def key(self, name, purpose="support"):
        return self.weir.key(f"{name}/{name}-app", purpose)

    def no_key(self, name, purpose="support"):
        """What is said when a key is refused."""
        done = self.weir.cli("keys", "create", "--project",
                             f"{name}/{name}-app", "--purpose", purpose,
                             "--staff", "DE", check=False)
        assert done.returncode == 1, done
        return done.stderr

    def call(self, key, **headers):
        status, fields, body = lab.exchange(
            self.weir.port, "POST", "/v1/chat/completions",
            json.dumps({"model": "m", "messages": []}).encode(),
            {"Authorization": "Bearer " + key,
             "Content-Type": "application/json", **headers})
        return status, json.loads(body)

    def code(self, key, **headers):
        status, body = self.call(key, **headers)
        return status if status == 200 else (status, body["error"]["code"])

    def await_code(self, key, code, seconds=5):
        lab.wait_for(lambda: self.code(key) == code, seconds,
                     f"{code}, not {self.code(key)}")

    def show(self, name):
        done = self.weir.cli("onboarding", "show", name, "--json",
                             check=False)
        assert done.returncode in (0, 1), done
        return json.loads(done.stdout)

    def codes(self, name):
        return [row["code"] for row in self.show(name)["shortfalls"]]

    def cases(self, **query):
        words = [word for name, value in query.items()
                 for word in (f"--{name}", value)]
        return self.weir.json("cases", "list", *words)["cases"]

    def notices(self, tenant):
        """Newest first, as the store has them."""
        with sqlite3.connect(self.weir.state / "weir.db") as store:
            store.row_factory = sqlite3.Row
            return store.execute("SELECT * FROM notice WHERE tenant = ?"
                                 " ORDER BY rowid DESC", [tenant]).fetchall()

    def acts(self):
        status, _, body = lab.exchange(
            self.weir.admin_port, "GET", "/v1/acts?limit=10000", b"",
            {"Authorization": "Bearer " + self.auditor})
        assert status == 200
        return json.loads(body)["acts"]

    @property
    def auditor(self):
        if "auditor" not in self.people:
            self.people["auditor"] = self.weir.json(
                "admins", "create", "--role", "auditor", "--name",
                "Auditor")["token"]
        return self.people["auditor"]

    def stop(self):
        self.weir.stop()
        self.origin.stop()


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.stop()


HELD = (403, "key_on_hold")


def test_no_key_without_a_decision_and_each_refusal_says_what_comes_next(
        house):
    said = house.no_key("acorn")
    assert "weir onboarding start acorn" in said
    # an unfinished file is told fact by fact
    house.row("acorn").pop("source")
    house.row("acorn").pop("verified_until")
    house.reload()
    house.weir.cli("onboarding", "start", "acorn", "--purpose", "support")
    assert {"decision:started", "evidence:source", "evidence:verified_until",
            "terms:service", "terms:maker-use"} == set(house.codes("acorn"))
    done = house.weir.cli("onboarding", "decide", "acorn", "--approve",
                          "--reason", "in a hurry", check=False)
    assert done.returncode == 1 and "has no `source` on file" in done.stderr
    assert "weir onboarding" in house.no_key("acorn")
    house.row("acorn").update(source="register", verified_until=later(days=9))
    house.reload()
    for terms in ("service", "maker-use"):
        assert "terms" in house.no_key("acorn") or terms == "maker-use"
        house.weir.cli("terms", "accept", "acorn", terms, "--by", "Counsel")
    assert house.codes("acorn") == ["decision:started"]
    decided = house.weir.json("onboarding", "decide", "acorn", "--approve",
                              "--reason", "complete", "--until",
                              later(days=30))
    assert decided["is_eligible"] and decided["decision"].startswith("dec_")
    key = house.key("acorn")
    assert house.code(key) == 200
    # the key names its decision, the decision what it rests on
    listed = house.weir.json("keys", "list")["keys"][-1]
    assert listed["decision"] == decided["decision"]
    event = next(row for row in house.show("acorn")["events"]
                 if row["id"] == decided["decision"])
    inputs = event["inputs"]
    assert inputs["facts"]["source"] == "register"
    assert inputs["lists"][0]["entries"] == 2
    assert len(inputs["lists"][0]["digest"]) == 16
    assert {row["name"]: row["version"] for row in inputs["terms"]} == {
        "service": "1", "maker-use": "2026-01"}
    assert inputs["threshold"] == 850 and len(inputs["image"]) == 64
    # and the log has the act
    acts = {row["action"]: row for row in house.acts()}
    assert acts["onboarding.approve"]["subject"] == "acorn"
    assert acts["key.create"]["subject"] == listed["id"]


def test_a_purpose_that_was_not_approved_gets_no_key(house):
    house.onboard("acorn", "support", "contract review")
    assert house.code(house.key("acorn", "contract review")) == 200
    said = house.no_key("acorn", "weapons")
    assert "not approved" in said and "--purposes" in said
    # a narrower decision holds the keys it leaves out
    key = house.key("acorn")
    house.weir.cli("onboarding", "decide", "acorn", "--approve", "--purposes",
                   "contract review", "--reason", "support has moved away")
    assert house.code(key) == HELD
    house.weir.cli("onboarding", "decide", "acorn", "--approve", "--purposes",
                   "support, contract review", "--reason", "and came back")
    assert house.code(key) == 200


def test_three_companies_and_one_list(house):
    """heron is listed from the start, acorn becomes listed, parent's owner
    becomes listed; each is cleared by two people, and by nobody else."""
    house.onboard("acorn")
    acorn = house.key("acorn")
    # heron never gets so far
    house.weir.cli("onboarding", "start", "heron", "--purpose", "support")
    assert "watch:W-1" in house.codes("heron")
    case = house.cases(organisation="heron")[0]
    assert (case["kind"], case["state"]) == ("screening", "open")
    for terms in ("service", "maker-use"):
        house.weir.cli("terms", "accept", "heron", terms, "--by", "Counsel")
    assert "scores" in house.no_key("heron")
    done = house.weir.cli("onboarding", "decide", "heron", "--approve",
                          "--reason", "please", check=False)
    assert done.returncode == 1

    # a new list: acorn's keys are on hold in seconds, others' are not
    house.list.write_text(LIST + "Acorn Bindery,W-3,,entity,test\n")
    house.await_code(acorn, HELD)
    assert house.show("acorn")["state"] == "held"
    assert house.codes("acorn") == ["watch:W-3"]
    notice = house.notices("acorn")[0]
    assert notice["type"] == "key.state" and "W-3" in notice["text"]
    assert notice["reason"] == "watch:W-3"
    listed = house.weir.json("keys", "list")["keys"][0]
    assert listed["hold"] == "watch:W-3"
    assert "W-3" in house.no_key("acorn")

    # one person clears: nothing changes; the same person cannot restore
    case = house.cases(organisation="acorn")[0]["id"]
    house.as_person("Ada", "cases", "assign", case)
    refused = house.as_person("Bo", "cases", "decide", case, "--clear",
                              "--reason", "x", check=False)
    assert refused.returncode == 23
    house.as_person("Ada", "cases", "decide", case, "--clear", "--reason",
                    "another company: other register number")
    assert house.code(acorn) == HELD
    for words in (["--token", house.people["Ada"]], []):
        refused = house.weir.cli("cases", "restore", case, "--reason", "me",
                                 *words, check=False)
        assert refused.returncode == 23, refused
    assert house.code(acorn) == HELD
    # the second person restores: at once
    house.as_person("Bo", "cases", "restore", case, "--reason", "agreed")
    assert house.code(acorn) == 200
    assert house.notices("acorn")[0]["reason"] == "released"
    # the list is written again, the same entry: it stays cleared
    house.list.write_text(house.list.read_text() + "Nobody Here,W-9,,entity,\n")
    time.sleep(1.5)
    assert house.code(acorn) == 200
    # but another entry is another case
    house.list.write_text(LIST + "Acorn Bindery,W-3,,entity,test\n"
                          "Acorn Bindery GmbH,W-4,,entity,other\n")
    house.await_code(acorn, HELD)
    assert house.codes("acorn") == ["watch:W-4"]
    # and off the list is off hold
    house.list.write_text(LIST)
    house.await_code(acorn, 200)
    history = house.weir.json("cases", "show", case)["events"]
    assert [row["action"] for row in history if row["action"] != "seen"] == [
        "raised", "assign", "decide", "restore"]
    assert [row["person"] for row in history if row["action"] != "seen"] == [
        "", "Ada", "Ada", "Bo"]
    house.weir.cli("audit", "verify")


def test_a_new_owner_is_screened_and_a_changed_fact_is_decided_anew(house):
    house.onboard("acorn")
    key = house.key("acorn")
    house.row("acorn")["owners"] = [
        {"name": "parent", "share": "30%", "source": "register"}]
    house.reload()
    house.await_code(key, HELD)
    assert house.codes("acorn") == ["changed:facts"]
    assert "decide anew" not in house.no_key("acorn")
    house.weir.cli("onboarding", "decide", "acorn", "--approve", "--reason",
                   "a minority owner")
    assert house.code(key) == 200
    # two links up, and not a fact of acorn's own
    house.weir.config["organisations"].append(
        on_file("far", "Ulverston Quill"))
    house.row("parent")["owners"] = [
        {"name": "far", "share": "5%", "source": "register"}]
    house.reload()
    house.await_code(key, HELD)
    assert house.codes("acorn") == ["watch:W-2"]
    assert house.cases(organisation="acorn")[0]["subject"] == "acorn"


def test_an_ownership_rule_of_the_seller_stands_in_the_way(house):
    house.onboard("acorn")
    key = house.key("acorn")
    house.weir.config["blocs"].append({"name": "cold", "members": ["AQ"]})
    house.weir.config["ownership_rules"] = [
        {"name": "cold-half", "title": "Half or more", "threshold": "50%",
         "seeds": {"headquarters_in": ["cold"]}}]
    house.row("parent")["owners"] = [
        {"name": "south", "share": "80%", "source": "register"}]
    house.row("acorn")["owners"] = [
        {"name": "parent", "share": "55%", "source": "register"}]
    house.reload()
    house.await_code(key, HELD)
    house.weir.cli("onboarding", "decide", "acorn", "--approve", "--reason",
                   "no rule of ours stands in the way")
    assert house.code(key) == 200
    house.weir.config["onboarding"]["ownership"] = ["cold-half"]
    house.reload()
    # in force when the command returns, before everybody is reviewed
    assert house.code(key) == HELD
    assert house.codes("acorn") == ["ownership:cold-half:yes"]
    assert house.cases(organisation="acorn")[0]["kind"] == "hold"
    house.row("parent")["owners"] = [
        {"name": "south", "share": "40%", "source": "register"}]
    house.reload()
    house.await_code(key, 200)


def test_terms_in_a_new_version_hold_until_they_are_accepted(house):
    house.onboard("acorn")
    key = house.key("acorn")
    assert house.code(key) == 200
    house.weir.config["terms"][1]["version"] = "2026-12"
    house.reload()
    assert house.code(key) == HELD  # no review of all is waited for
    lab.wait_for(lambda: house.notices("acorn"), 5, "the notice")
    assert [row["reason"] for row in house.notices("acorn")] == [
        "terms:maker-use"]
    done = house.weir.cli("terms", "accept", "acorn", "maker-use", "--by",
                          "Counsel", "--version", "2026-01", check=False)
    assert done.returncode == 19 and "2026-12" in done.stderr
    house.weir.cli("terms", "accept", "acorn", "maker-use", "--by", "Counsel",
                   "--document", "minutes 12")
    assert house.code(key) == 200
    versions = [row["version"] for row in
                house.weir.json("terms", "list", "acorn")["acceptances"]
                if row["terms"] == "maker-use"]
    assert versions == ["2026-01", "2026-12"]


def test_refused_sources_leave_nobody_on_hold(house):
    """Holds go before the image, and are gone with it."""
    house.onboard("acorn")
    key = house.key("acorn")
    faulty = house.weir.file.parent / "policies" / "providers" / "faulty.cedar"
    faulty.write_text("permit (principal, action, resource) when { 1 };\n")
    house.weir.config["terms"][1]["version"] = "2026-12"
    house.weir.write()
    assert house.weir.cli("reload", check=False).returncode != 0
    assert house.code(key) == 200
    assert house.notices("acorn") == []
    faulty.unlink()
    house.reload()
    assert house.code(key) == HELD


def test_a_fact_far_above_holds_before_the_review(house, tmp_path):
    """A register says who owns the owner; then that it was wrong."""
    house.weir.config["blocs"].append({"name": "cold", "members": ["AQ"]})
    house.weir.config["ownership_rules"] = [
        {"name": "cold-half", "title": "Half or more", "threshold": "50%",
         "seeds": {"headquarters_in": ["cold"]}}]
    house.weir.config["onboarding"]["ownership"] = ["cold-half"]
    house.row("acorn")["owners"] = [
        {"name": "parent", "share": "55%", "source": "register"}]
    house.reload()
    house.onboard("acorn")
    key = house.key("acorn")
    assert house.code(key) == 200
    register = tmp_path / "register.csv"
    register.write_text("organisation,fact,value,share\n"
                        "parent,owner,south,80%\n")
    house.weir.cli("organisation", "import", register, "--source", "owners")
    assert house.code(key) == HELD
    assert house.codes("acorn") == ["ownership:cold-half:yes"]
    lab.wait_for(lambda: len(house.notices("acorn")) == 1, 5, "the notice")
    register.write_text("organisation,fact,value,share\n"
                        "parent,owner,south,8%\n")
    house.weir.cli("organisation", "import", register, "--source", "owners",
                   "--confirm-shrink")
    house.await_code(key, 200)
    lab.wait_for(lambda: len(house.notices("acorn")) == 2, 5, "the release")


def test_of_many_the_keys_come_first_and_each_is_told_once(house):
    """So many organisations that a review holds all keys before it tells
    anybody; a stop in between leaves nobody untold."""
    def reasons():
        return [(row["reason"], row["text"].split(":")[0])
                for row in house.notices("acorn")]

    house.onboard("acorn")
    key = house.key("acorn")
    house.weir.config["organisations"] += [
        on_file(f"other-{i}", f"Other Number {i} AG") for i in range(100)]
    with sqlite3.connect(house.weir.state / "weir.db", timeout=5) as store:
        store.executemany(
            "INSERT INTO standing SELECT ?, state, since_us, purposes,"
            " until_us, decision, facts FROM standing"
            " WHERE organisation = 'acorn'",
            [[f"other-{i}"] for i in range(100)])
    house.weir.config["terms"][1]["version"] = "2026-12"
    house.reload()
    house.await_code(key, HELD)
    held = [("terms:maker-use", "1 key is on hold")]
    lab.wait_for(lambda: reasons() == held, 5, "the notice")
    assert house.show("acorn")["state"] == "held"
    house.weir.stop()
    with sqlite3.connect(house.weir.state / "weir.db") as store:
        store.execute("UPDATE standing SET state = 2"
                      " WHERE organisation = 'acorn'")
    house.weir.start()
    lab.wait_for(lambda: reasons() == 2 * held, 5, "what was not told yet")
    house.weir.config["terms"][1]["version"] = "2026-01"
    house.reload()
    house.await_code(key, 200)
    lab.wait_for(lambda: reasons()[0] == ("released", "1 key is released"), 5,
                 "the release")
    assert len(reasons()) == 3


def test_an_approval_and_an_extract_end_on_their_moment(house):
    house.onboard("acorn")
    key = house.key("acorn")
    end = datetime.datetime.now(datetime.timezone.utc) + \
        datetime.timedelta(seconds=4)
    house.row("acorn")["verified_until"] = stamp(end)
    house.reload()
    while datetime.datetime.now(datetime.timezone.utc) < \
            end.replace(microsecond=0) - datetime.timedelta(seconds=0.3):
        assert house.code(key) == 200
        time.sleep(0.1)
    house.await_code(key, HELD, 3)
    assert house.codes("acorn") == ["evidence:verified_until"]
    house.row("acorn")["verified_until"] = later(days=100)
    house.reload()
    house.await_code(key, 200)
    house.weir.cli("onboarding", "decide", "acorn", "--approve", "--until",
                   later(seconds=3), "--reason", "for the trial")
    assert house.code(key) == 200
    house.await_code(key, HELD, 6)
    assert house.codes("acorn") == ["decision:over"]


def test_a_list_that_cannot_be_read_takes_nobody_off_it(house):
    house.onboard("acorn")
    house.list.write_text(LIST + "Acorn Bindery,W-3,,entity,test\n")
    lab.wait_for(lambda: "watch:W-3" in house.codes("acorn"), 5, "the hit")
    house.list.write_text("no such\nformat\n")
    time.sleep(1)
    assert "watch:W-3" in house.codes("acorn")
    told = house.weir.json("onboarding", "list")
    assert "watch" in told["lists_error"]
    # one that lost most of its entries is a mistake, too
    house.list.write_text("name,id\nOnly One,W-8\n")
    time.sleep(1)
    assert "watch:W-3" in house.codes("acorn")
    assert "entries" in house.weir.json("onboarding", "list")["lists_error"]


def test_who_refuses_takes_the_keys_and_a_restart_forgets_nothing(house):
    house.onboard("acorn")
    key = house.key("acorn")
    house.weir.cli("onboarding", "decide", "acorn", "--refuse", "--reason",
                   "the address does not exist")
    assert house.code(key) == HELD
    house.weir.stop()
    house.weir.start()
    assert house.code(key) == HELD
    house.weir.cli("onboarding", "decide", "acorn", "--approve", "--reason",
                   "it does, after all")
    assert house.code(key) == 200


def test_a_reseller_names_whom_it_sells_to(house):
    house.onboard("middle")
    key = house.key("middle")
    assert house.code(key) == (400, "end_customer")
    assert house.code(key, **{"weir-end-customer": "acorn"}) == 200
    assert house.code(key, **{"weir-end-customer": "south"}) == (
        403, "policy_forbids")
    assert house.code(key, **{"weir-end-customer": "stranger"}) == (
        403, "policy_holds")
    assert house.code(key, **{"weir-end-customer": "two words"}) == (
        400, "end_customer")
    # not a secret side channel for the others
    house.onboard("acorn")
    assert house.code(house.key("acorn")) == 200
    rows = {row["name"]: row for row in
            house.weir.json("end-customers")["end_customers"]}
    assert set(rows) == {"acorn", "south", "stranger"}
    assert (rows["acorn"]["calls"], rows["acorn"]["refused"]) == (1, 0)
    assert (rows["south"]["calls"], rows["south"]["refused"]) == (0, 1)
    # withdrawn, it is not served through anybody
    house.weir.cli("withdraw", "organisation", "acorn")
    assert house.code(key, **{"weir-end-customer": "acorn"}) == (
        403, "withdrawn")


def test_held_calls_raise_one_case_for_each_key_and_policy(house):
    house.row("acorn")["established"] = False
    house.weir.config["onboarding"]["require"] = ["decision"]
    house.reload()
    house.weir.cli("onboarding", "start", "acorn", "--purpose", "support")
    house.weir.cli("onboarding", "decide", "acorn", "--approve", "--reason",
                   "policy looks at its age")
    key = house.key("acorn")
    for _ in range(3):
        assert house.code(key) == (403, "policy_holds")
    lab.wait_for(lambda: [row for row in house.cases(kind="hold")
                          if row["seen"] == 3], 10, "the case")
    cases = house.cases(kind="hold")
    assert len(cases) == 1 and cases[0]["cause"] == "maker-established"
    assert cases[0]["subject"].startswith("wk_")
    assert "req_" in cases[0]["title"]


def test_without_the_requirement_nothing_of_this_is_asked(house):
    house.weir.config["onboarding"] = {"require": "none"}
    house.reload()
    key = house.key("heron")
    assert house.code(key) == 200
    # switched on later, what was made without a decision is on hold
    house.weir.config["onboarding"] = {"require": ["decision"]}
    house.reload()
    house.await_code(key, HELD)
    house.weir.config["onboarding"] = {"require": "none"}
    house.reload()
    house.await_code(key, 200)


def test_facts_of_the_store_are_screened_and_conflicts_become_cases(house):
    """An alias, then an identifier, then a second headquarters: entered at
    run time, not in the sources."""
    house.list.write_text(
        "name,id,identifiers\nGrey Heron Logistics Ltd,W-1,\n"
        "Whoever It Is,W-5,LEI=529900T8BM49AURSDO55\n")
    house.onboard("acorn")
    key = house.key("acorn")
    assert house.code(key) == 200
    add = ["organisation", "add", "acorn", "--source", "register"]
    house.weir.cli(*add, "--alias", "Grey Heron Logistics")
    # in force when the command returns, before everybody is reviewed
    assert house.code(key) == HELD
    assert house.codes("acorn") == ["watch:W-1"]
    lab.wait_for(lambda: len(house.notices("acorn")) == 1, 5, "the notice")
    house.weir.cli(*add, "--identifier", "LEI:529900T8BM49AURSDO55")
    lab.wait_for(lambda: "watch:W-5" in house.codes("acorn"), 5, "the LEI")
    house.weir.cli(*add, "--headquarters", "NO")
    lab.wait_for(lambda: house.cases(kind="conflict"), 5, "the conflict")
    case, = house.cases(kind="conflict")
    assert (case["subject"], case["cause"]) == ("acorn",
                                                "conflict:headquarters")
