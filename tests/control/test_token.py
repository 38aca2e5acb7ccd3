# SPDX-License-Identifier: Apache-2.0
"""The master key of content in a token: SoftHSM stands for one."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

import lab
from conftest import Place
from small import config
from test_content import RETAIN

MODULE = pathlib.Path("/usr/lib/softhsm/libsofthsm2.so")
SECRET = "zanzibar-heron-4417-quartz"


class Token(Place):
    """A weir whose master key is the AES key `content` of a token."""

    def __init__(self, where):
        if not MODULE.is_file() or shutil.which("pkcs11-tool") is None:
            pytest.skip("SKIPPED: no SoftHSM and pkcs11-tool here")
        where.mkdir(parents=True, exist_ok=True)
        self.where = where
        (where / "tokens").mkdir()
        (where / "softhsm2.conf").write_text(
            f"directories.tokendir = {where}/tokens\nlog.level = ERROR\n")
        self.environment = {"SOFTHSM2_CONF": str(where / "softhsm2.conf")}
        self.tool("--init-token", "--slot-index", "0", "--label", "weir",
                  "--so-pin", "87654321")
        self.tool("--token-label", "weir", "--login", "--login-type", "so",
                  "--so-pin", "87654321", "--init-pin", "--pin", "4321")
        self.make_key("content", "01")
        (where / "pin").write_text("4321\n")
        self.origin = lab.Origin(where)
        self.settings = config(self.origin.url())
        self.settings["content"] = {
            "master": {"pkcs11": self.uri("content")}, "free": "1 MiB",
            "classes": [{"name": "kept", "floor": "0 s", "ceiling": "30 d"}],
            "reviewers": [{"name": "local", "region": "DE"}]}
        self.weir = lab.Weir(where / "weir", self.settings, RETAIN,
                             environment=self.environment)
        self.keys = {}

    def tool(self, *words):
        subprocess.run(["pkcs11-tool", "--module", str(MODULE), *words],
                       check=True, capture_output=True,
                       env={**os.environ, **self.environment})

    def make_key(self, label, number):
        self.tool("--token-label", "weir", "--login", "--pin", "4321",
                  "--keygen", "--key-type", "AES:32", "--label", label,
                  "--id", number)

    def uri(self, label, pin="pin"):
        return (f"pkcs11:token=weir;object={label}?module-path={MODULE}"
                f"&pin-source=file:{self.where}/{pin}")

    def ask(self):
        status, headers, body = self.call(
            messages=[{"role": "user", "content": SECRET}])
        return status, headers.get("weir-request-id"), body

    def shown(self, request):
        done = self.weir.cli("content", "show", request, "--purpose", "test",
                             "--json", check=False)
        return done.returncode, done.stdout + done.stderr

    def kept(self, request):
        return lab.wait_for(
            lambda: len(self.weir.json("content", "list", "--request",
                                       request)["items"]) == 2, 10,
            "the content")


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    made = Token(tmp_path_factory.mktemp("token"))
    made.weir.start()
    yield made
    made.stop()


def test_content_is_sealed_and_read_by_a_key_in_a_token(token):
    status, request, body = token.ask()
    assert status == 200, body
    token.kept(request)
    code, text = token.shown(request)
    assert code == 0 and SECRET in text
    state = token.weir.state / "content"
    assert list(state.glob("keys/*.key"))
    assert not any(SECRET.encode() in file.read_bytes()
                   for file in state.rglob("*") if file.is_file())


def test_it_is_read_after_a_restart(token):
    _, request, _ = token.ask()
    token.kept(request)
    token.weir.stop()
    token.weir.start()
    code, text = token.shown(request)
    assert code == 0 and SECRET in text


def change(token, **master):
    token.weir.config["content"]["master"] = master
    token.weir.write()
    token.weir.reload()


@pytest.mark.parametrize("label, pin, says", [
    ("other", "pin", "another master key"),
    ("content", "wrong", "login"),
    ("nowhere", "pin", "0 AES keys"),
])
def test_without_the_key_nothing_is_kept_and_nothing_is_passed(
        token, label, pin, says):
    """Fails closed: a class that must be kept and cannot be refuses."""
    (token.where / "wrong").write_text("1111\n")
    if label == "other":
        token.make_key("other", "02")
    _, request, _ = token.ask()
    token.kept(request)
    try:
        change(token, pkcs11=token.uri(label, pin))
        lab.wait_for(lambda: token.ask()[0] == 503, 15, "a refusal")
        code, text = token.shown(request)
        assert code != 0 and says in text, text
        assert "1111" not in text
    finally:
        change(token, pkcs11=token.uri("content"))
        lab.wait_for(lambda: token.ask()[0] == 200, 15, "service again")
    code, text = token.shown(request)
    assert code == 0 and SECRET in text


@pytest.mark.parametrize("uri, says", [
    ("token:weir", "not a URI of a token"),
])
def test_what_is_no_uri_is_said(tmp_path, uri, says):
    world = config("http://127.0.0.1:9")
    world["content"] = {"master": {"pkcs11": uri}, "classes": [
        {"name": "kept", "ceiling": "30 d"}]}
    weir = lab.Weir(tmp_path / "weir", world, RETAIN)
    done = weir.cli("check", "--json", check=False)
    assert done.returncode != 0
    assert says in json.dumps(done.stdout + done.stderr)
