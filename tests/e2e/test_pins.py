# SPDX-License-Identifier: Apache-2.0
"""Pins: an origin that is another is asked nothing, and is taken out."""
import base64
import hashlib
import json
import pathlib
import subprocess

import pytest

import lab
import world
from house import House, chat


def spki(certificate):
    """The pin of a certificate's key, by OpenSSL alone."""
    key = subprocess.run(["openssl", "x509", "-in", certificate, "-noout",
                          "-pubkey"], capture_output=True, check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"],
                         input=key, capture_output=True, check=True).stdout
    return "sha256/" + base64.b64encode(hashlib.sha256(der).digest()).decode()


def other_certificate(where, by):
    """Another key for the same name, by the same authority."""
    run = lambda *words: subprocess.run(  # noqa: E731
        ["openssl", *words], cwd=where, check=True, capture_output=True)
    run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-subj", "/CN=localhost", "-keyout", "other.key", "-out",
        "other.csr")
    run("x509", "-req", "-in", "other.csr", "-CA", by["ca"], "-CAkey",
        str(pathlib.Path(by["ca"]).parent / "ca.key"), "-CAcreateserial",
        "-days", "30", "-extfile", "server.ext", "-out", "other.pem")
    return {"ca": by["ca"], "certificate": str(where / "other.pem"),
            "key": str(where / "other.key")}


class Pinned(House):
    """A house whose sealed deployments are pinned in every way."""

    def __init__(self, where):
        def change(config):
            certificates = self.certificates
            pins = {
                "by-key": {"certificates": [spki(certificates["certificate"])]},
                "by-next": {"certificates": [
                    "sha256/" + base64.b64encode(bytes(32)).decode(),
                    spki(certificates["certificate"])]},
                "by-ca": {"authorities": [{"file": certificates["ca"]}],
                          "addresses": ["127.0.0.0/8"]},
                "by-other-ca": {"authorities": [
                    "sha256/" + base64.b64encode(bytes(32)).decode()]},
                "by-address": {"addresses": ["10.0.0.0/8", "2001:db8::/32"]}}
            for name, pin in pins.items():
                config["deployments"].append(
                    {**world.deployment(name, "large", "sealed"),
                     "pins": pin})
            pins = {
                "said": {"region": {"header": "x-region", "value": "here",
                                    "must": True}},
                "perhaps": {"region": {"header": "x-region", "value": "here"},
                            "operator": {"header": "x-operator",
                                         "value": "seller"}},
                "plain-address": {"addresses": ["127.0.0.1"]},
                "wrong-address": {"addresses": ["192.0.2.0/24"]}}
            for name, pin in pins.items():
                config["deployments"].append(
                    {**world.deployment(name, "large", "far"), "pins": pin})
            for name in [*(row["name"] for row in config["deployments"])]:
                config["routes"].append(
                    {"name": "r-" + name, "mode": "order",
                     "candidates": [name]})
                config["routes"].append(
                    {"name": "f-" + name, "mode": "order", "attempts": 3,
                     "candidates": [name, "large-near"]
                     if name != "large-near" else [name]})
        super().__init__(where, change=change)

    def swap(self, certificates):
        """The sealed origin with another certificate, on the same port."""
        port = self.sealed.ports["sealed"]
        self.sealed.stop()
        self.sealed = lab.Origin(self.where / "tls", ("sealed",),
                                 tls=certificates, ports=[port])

    def withdrawn(self):
        rows = self.weir.admin("GET", "/v1/withdrawals")
        return {row["name"]: row["reason"]
                for row in rows["withdrawals"]}


@pytest.fixture(scope="module")
def pinned(tmp_path_factory):
    made = Pinned(tmp_path_factory.mktemp("pinned"))
    yield made
    made.stop()


def error_of(reply):
    return json.loads(reply)["error"]


@pytest.mark.parametrize("name", ["by-key", "by-next", "by-ca",
                                  "plain-address"])
def test_an_origin_that_is_what_it_is_pinned_to_serves(pinned, name):
    for _ in range(3):  # the second comes from the pool
        status, headers, reply = pinned.call(chat(model="r-" + name))
        assert status == 200, reply
        assert headers["weir-deployment"] == name


@pytest.mark.parametrize("name, hop", [
    ("by-address", "pin: address"), ("wrong-address", "pin: address"),
    ("by-other-ca", "pin: authority")])
def test_a_pin_that_does_not_hold_sends_nothing(pinned, name, hop):
    before = pinned.sealed.stats()["calls"], pinned.origin.stats()["calls"]
    status, _, reply = pinned.call(chat("secret words", model="r-" + name))
    assert status == 502, reply
    assert hop in reply.decode()
    assert (pinned.sealed.stats()["calls"],
            pinned.origin.stats()["calls"]) == before
    lab.wait_for(lambda: name in pinned.withdrawn(), 10, "the withdrawal")
    assert pinned.withdrawn()[name].startswith("pin: " + name + ": " +
                                               hop.split(": ")[1])
    # told a moment before the workers know
    lab.wait_for(lambda: pinned.call(chat(model="r-" + name))[0] == 403)
    status, _, reply = pinned.call(chat(model="r-" + name))
    assert status == 403 and b"withdrawn" in reply
    status, headers, reply = pinned.call(chat(model="f-" + name))
    assert status == 200 and headers["weir-deployment"] == "large-near"


def test_the_first_call_falls_back_within_itself(pinned):
    name = "said"  # the origin says no region at all
    status, headers, reply = pinned.call(chat(model="f-" + name))
    assert status == 200, reply
    assert headers["weir-deployment"] == "large-near"
    told = lab.wait_for(
        lambda: pinned.weir.json("explain", headers["weir-request-id"])
        if pinned.weir.cli("explain", headers["weir-request-id"],
                           check=False).returncode == 0 else None)
    first = told["outcome"]["attempts"][0]
    assert first["deployment"] == name and first["http_status"] == 0
    assert told["outcome"]["finding"].startswith(name + ": region: not said")
    lab.wait_for(lambda: name in pinned.withdrawn(), 10, "the withdrawal")


def test_a_header_that_is_not_sent_and_need_not_be_is_no_finding(pinned):
    assert pinned.call(chat(model="r-perhaps"))[0] == 200


def test_a_case_is_raised_with_its_cause(pinned):
    def case():
        rows = pinned.weir.admin("GET", "/v1/cases")["cases"]
        return next((row for row in rows if row["kind"] == "pin" and
                     row["subject"] == "by-address"), None)
    raised = lab.wait_for(case, 10, "the case")
    assert raised["state"] == "open"
    assert raised["cause"] == "address"


def test_a_certificate_swapped_while_running_stops_traffic(pinned):
    other = other_certificate(pinned.where, pinned.certificates)
    status, headers, _ = pinned.call(chat(model="f-by-key"))
    assert (status, headers["weir-deployment"]) == (200, "by-key")
    pinned.swap(other)
    try:
        statuses = []
        for _ in range(12):
            status, headers, reply = pinned.call(chat("planted secret",
                                                      model="f-by-key"))
            statuses.append((status, headers.get("weir-deployment")))
        assert set(statuses) == {(200, "large-near")}
        assert pinned.sealed.stats()["calls"] == 0
        lab.wait_for(lambda: "by-key" in pinned.withdrawn(), 10,
                     "the withdrawal")
        finding = pinned.withdrawn()["by-key"]
        assert spki(other["certificate"]) in finding
        # the authority is the same: that pin still holds
        status, headers, reply = pinned.call(chat(model="r-by-ca"))
        assert status == 200, reply
    finally:
        pinned.swap(pinned.certificates)
    assert pinned.call(chat(model="r-by-key"))[0] == 403  # until a person
    pinned.weir.cli("restore", "deployment", "by-key")
    assert lab.wait_for(
        lambda: pinned.call(chat(model="r-by-key"))[0] == 200, 10,
        "the restored deployment")


def test_two_people_bring_a_deployment_back(pinned):
    people = {name: pinned.weir.json("admins", "create", "--role", "operator",
                                     "--name", name)["token"]
              for name in ("Ada", "Bo")}

    def person(name, *words, check=True):
        return pinned.weir.cli("cases", *words, "--token", people[name],
                               check=check)

    def case():
        rows = pinned.weir.admin("GET", "/v1/cases")["cases"]
        return next((row["id"] for row in rows if row["kind"] == "pin" and
                     row["subject"] == "by-next" and
                     row["state"] == "open"), None)

    def notices(kind):
        rows = pinned.weir.json("notices", "list", "--tenant",
                                "good")["notices"]
        return [row for row in rows if row["type"] == kind and
                row["subject"] == "r-by-next"]

    assert pinned.call(chat(model="r-by-next"))[0] == 200
    pinned.swap(other_certificate(pinned.where, pinned.certificates))
    try:
        pinned.call(chat(model="r-by-next"))
        number = lab.wait_for(case, 10, "the case")
    finally:
        pinned.swap(pinned.certificates)
    assert "by-next" in pinned.withdrawn()
    told, = lab.wait_for(lambda: notices("model.withdrawn"), 5, "the notice")
    assert "its origin is being looked into" in told["text"]
    assert "sha256" not in told["text"]  # the finding is the seller's
    person("Ada", "assign", number)
    person("Ada", "decide", number, "--clear", "--reason", "renewed by us")
    assert "by-next" in pinned.withdrawn()  # one person is not enough
    assert pinned.call(chat(model="r-by-next"))[0] == 403
    assert person("Ada", "restore", number, "--reason", "me again",
                  check=False).returncode != 0
    assert "by-next" in pinned.withdrawn()
    person("Bo", "restore", number, "--reason", "agreed")
    assert "by-next" not in pinned.withdrawn()
    assert lab.wait_for(
        lambda: pinned.call(chat(model="r-by-next"))[0] == 200, 5,
        "the deployment")
    assert len(notices("model.restored")) == 1
