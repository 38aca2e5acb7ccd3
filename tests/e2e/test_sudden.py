# SPDX-License-Identifier: Apache-2.0
"""Sudden change: revoked keys, withdrawn things, reload; under load."""
import json
import threading
import time

import pytest

import lab
from house import chat


class Load:
    """Calls in threads; remembers when each began and how it ended."""

    def __init__(self, house, key, body, threads=4):
        self.house, self.key, self.body = house, key, json.dumps(body)
        self.rows, self.is_over = [], False
        self.threads = [threading.Thread(target=self.run)
                        for _ in range(threads)]

    def run(self):
        import http.client
        connection = None
        while not self.is_over:
            if connection is None:
                connection = http.client.HTTPConnection(
                    "127.0.0.1", self.house.weir.port, timeout=20)
            began = time.monotonic()
            try:
                connection.request(
                    "POST", "/v1/chat/completions", self.body,
                    {"Authorization": "Bearer " + self.key})
                reply = connection.getresponse()
                reply.read()
                status = reply.status
                if reply.will_close:
                    connection.close()
                    connection = None
            except Exception as fault:
                status = repr(fault)
                connection = None
            self.rows.append((began, status))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        time.sleep(0.3)
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join(30)

    def statuses(self, since=0.0):
        return {status for began, status in self.rows if began >= since}

    def turns(self, wanted):
        """Waits until the last calls ended so, and sees that it stays."""
        lab.wait_for(lambda: len(self.rows) >= 8 and
                     {status for _, status in self.rows[-8:]} <= wanted)
        since = time.monotonic()
        time.sleep(0.5)
        assert self.statuses(since) <= wanted


def test_revoked_key_is_refused(house):
    made = house.weir.json("keys", "create", "--project", "busy/app",
                           "--purpose", "test", "--staff", "DE",
                           "--end-users", "DE")
    with Load(house, made["key"], chat()) as load:
        house.weir.cli("keys", "revoke", made["id"])
        load.turns({401})
    assert 200 in load.statuses()


def test_new_key_serves(house):
    key = house.weir.key("good/app")
    lab.wait_for(lambda: house.call(chat(), key=key)[0] == 200, 1.0, "new key")


@pytest.mark.parametrize("kind,name", [
    ("model", "large"), ("provider", "maker"), ("deployment", "large-near"),
    ("organisation", "good"), ("jurisdiction", "DE")])
def test_withdrawn_thing_serves_nobody(house, kind, name):
    with Load(house, house.key("busy"), chat()) as load:
        house.weir.cli("withdraw", kind, name)
        try:
            load.turns({403, 404})
            calls = house.origin.stats()["calls"]
            time.sleep(0.3)
            assert house.origin.stats()["calls"] == calls
        finally:
            house.weir.cli("restore", kind, name)
        lab.wait_for(lambda: house.call(chat())[0] == 200, 1.0, "restored")


def test_withdrawn_deployment_leaves_the_others(house):
    house.weir.cli("withdraw", "deployment", "large-near")
    try:
        lab.wait_for(lambda: house.call(chat(model="first-near"))[1].get(
            "weir-deployment") == "large-far", 1.0, "fallback")
    finally:
        house.weir.cli("restore", "deployment", "large-near")


def test_reload_changes_policy_without_a_failed_call(house):
    extra = """
@id("seller-pause") @title("Paused") @authority("The seller")
@appeal("appeal@seller.example")
forbid (principal, action in Action::"infer", resource in Model::"small");
"""
    with Load(house, house.key("busy"), chat()) as load:
        house.weir.policy("seller/pause.cedar", extra)
        house.weir.reload()
        lab.wait_for(lambda: house.call(chat(model="small"))[0] == 403, 5,
                     "new policy")
        (house.weir.where / "policies/seller/pause.cedar").unlink()
        house.weir.reload()
        lab.wait_for(lambda: house.call(chat(model="small"))[0] == 200, 5,
                     "old policy")
    assert load.statuses() == {200}


def test_faulty_reload_keeps_the_running_image(house):
    house.weir.policy("seller/broken.cedar", "permit (principal, action")
    try:
        checked = house.weir.cli("check", check=False)
        assert checked.returncode not in (0, 1)
        assert "broken.cedar:1:" in checked.stdout + checked.stderr
        house.weir.reload()
        time.sleep(0.7)
        assert house.call(chat())[0] == 200
    finally:
        (house.weir.where / "policies/seller/broken.cedar").unlink()
    assert house.weir.cli("check").returncode == 0
