# SPDX-License-Identifier: Apache-2.0
"""One small weir for most tests of the command line and the admin API, and
a maker for those that break theirs."""
import json
import pathlib
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "harness")]
import lab  # noqa: E402

from small import POLICIES, config  # noqa: E402


class Place:
    """An origin, a weir, keys by project."""

    def __init__(self, where):
        where.mkdir(parents=True, exist_ok=True)
        self.origin = lab.Origin(where)
        self.weir = lab.Weir(where / "weir", config(self.origin.url()),
                             POLICIES)
        self.weir.start()
        self.keys = {}

    def key(self, project="good/app"):
        if project not in self.keys:
            self.keys[project] = self.weir.key(project)
        return self.keys[project]

    def call(self, key=None, model="m", path="/v1/chat/completions", **more):
        body = {"model": model, "messages": [], **more}
        return lab.exchange(
            self.weir.port, "POST", path, json.dumps(body).encode(),
            {"Authorization": "Bearer " + (key or self.key()),
             "Content-Type": "application/json"})

    def good(self, **more):
        """A call that must be answered; its request id."""
        status, headers, body = self.call(**more)
        assert status == 200, body
        return headers["weir-request-id"]

    def ledgered(self, request, seconds=10):
        """The explanation, once the call is in the ledger and closed."""
        def closed():
            done = self.weir.cli("explain", request, "--json", check=False)
            if done.returncode > 1:
                return None
            told = json.loads(done.stdout)
            return told if told["state"] != "open" else None
        return lab.wait_for(closed, seconds, "the call in the ledger")

    def api(self, method, path, token=None, body=None):
        """The TCP door: status and reply (JSON where it is)."""
        headers = {}
        if token:
            headers["Authorization"] = "Bearer " + token
        raw = None if body is None else (
            body if isinstance(body, bytes) else json.dumps(body).encode())
        status, fields, reply = lab.exchange(self.weir.admin_port, method,
                                             path, raw, headers)
        if fields.get("content-type", "").startswith("application/json"):
            return status, json.loads(reply)
        return status, reply.decode()

    def settle(self):
        """Everything is ingested and under a checkpoint."""
        time.sleep(1.5)

    def stop(self):
        self.weir.stop()
        self.origin.stop()


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    made = Place(tmp_path_factory.mktemp("control"))
    yield made
    made.stop()


@pytest.fixture
def own_place(tmp_path):
    """A weir that the test may break."""
    made = Place(tmp_path / "own")
    yield made
    made.stop()
