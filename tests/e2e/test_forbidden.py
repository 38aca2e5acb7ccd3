# SPDX-License-Identifier: Apache-2.0
"""A model that policy forbids is never called, however it is asked for; and
of all paths and methods only the listed ones pass. What origins were sent is
counted by the origins themselves. WEIR_TRIES says how often it is tried."""
import http.client
import json
import os
import pathlib
import random
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import world  # noqa: E402

TRIES = int(os.environ.get("WEIR_TRIES", "10000"))
WORKERS = 4


class Walled:
    """The maker's model lies at an origin of its own, and in every route
    beside one that is allowed; the tenant is one that the maker excludes."""

    def __init__(self, where):
        (where / "secret").mkdir()
        self.open = lab.Origin(where)
        self.secret = lab.Origin(where / "secret")
        config = world.config(
            {"near": self.secret.url(), "far": self.open.url(),
             "slow": self.secret.url()}, lab.free_port(), {}, 0)
        config.pop("tls")
        config.pop("listen")
        config["deployments"] = [
            world.deployment("large-near", "large", "near"),
            world.deployment("large-far", "large", "slow", "away", "SG"),
            world.deployment("small-far", "small", "far")]
        for row in config["deployments"]:
            row["breaker"] = "none"
        both = ["large-near", "small-far", "large-far"]
        config["routes"] = [
            {"name": mode, "mode": mode, "attempts": 2, "candidates": both}
            for mode in ("order", "price", "latency", "least_busy")]
        config["routes"] += [
            {"name": "weight", "mode": "weight", "candidates": [
                {"deployment": name, "weight": 5} for name in both]},
            {"name": "only", "mode": "order", "candidates": ["large-near"]}]
        policies = {path: text.replace('@tier("durable")', '@tier("crash")')
                    for path, text in world.POLICIES.items()}
        self.weir = lab.Weir(where / "weir", config, policies)
        try:
            self.weir.start()
            self.key = self.weir.key("outcast/app")
        except BaseException:
            self.stop()
            raise

    def stop(self):
        self.weir.end()
        self.open.stop()
        self.secret.stop()

    def calls(self, draw, count, told):
        """`count` requests that `draw` makes, over one connection; statuses
        are counted in `told`."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.weir.port, timeout=60)
        for _ in range(count):
            method, path, body, headers = draw()
            for attempt in range(2):    # a kept connection may be closed
                try:
                    connection.request(method, path, body, {
                        "Authorization": "Bearer " + self.key, **headers})
                    reply = connection.getresponse()
                    reply.read()
                    break
                except (http.client.HTTPException, OSError):
                    connection.close()
                    if attempt:
                        raise
            told[reply.status] = told.get(reply.status, 0) + 1
        connection.close()

    def spread(self, draw_of, count):
        """The same by several at once; how often each status was told."""
        totals = [{} for _ in range(WORKERS)]
        faults = []

        def work(number):
            try:
                self.calls(draw_of(random.Random(number)), count // WORKERS,
                           totals[number])
            except BaseException as fault:  # told below, by the test itself
                faults.append(fault)

        threads = [threading.Thread(target=work, args=(number,))
                   for number in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not faults, faults[0]
        return {status: sum(total.get(status, 0) for total in totals)
                for status in set().union(*totals)}


@pytest.fixture(scope="module")
def walled(tmp_path_factory):
    made = Walled(tmp_path_factory.mktemp("walled"))
    yield made
    made.stop()


NAMES = ["large", "only", "large-near", "large-far", "order", "weight",
         "price", "latency", "least_busy", *["small"] * 3, "LARGE", "large ",
         "maker/large", "large:latest", "l\u0430rge", "large\u0000"]


def asking(random_):
    """A request for a model, in any dialect, by any of its names."""
    def draw():
        name = random_.choice(NAMES)
        text = json.dumps(name)
        if random_.random() < 0.2:      # the same name, in escapes
            text = '"' + "".join(f"\\u{ord(c):04x}" for c in name) + '"'
        say = {"role": "user", "content": "x"}
        more = {"stream": random_.random() < 0.3}
        if random_.random() < 0.02:     # what is allowed fails
            more["metadata"] = {"origin": "status=500"}
        kind = random_.randrange(6)
        if kind == 0:
            body = {**more, "messages": [say]}
            path = "/v1/chat/completions"
        elif kind == 1:
            path, body = "/v1/responses", {**more, "input": "x"}
        elif kind == 2:
            path, body = "/v1/messages", {"max_tokens": 9, "messages": [say]}
        elif kind == 3:
            path, body = "/v1/completions", {**more, "prompt": "x"}
        elif kind == 4:
            path = "/openai/deployments/" + random_.choice(
                ["large", "order", "small", "only"]) + "/chat/completions"
            body = {**more, "messages": [say]}
        else:
            path = "/v1beta/models/" + random_.choice(
                ["large", "order", "small", "only"]) + ":generateContent"
            body = {"contents": [{"parts": [{"text": "x"}]}]}
        raw = json.dumps(body)
        if kind < 5:
            place = random_.choice(["first", "first", "last", "twice"])
            if place == "last":
                raw = raw[:-1] + ', "model": ' + text + "}"
            else:
                raw = '{"model": ' + text + ", " + raw[1:]
            if place == "twice":
                raw = raw[:-1] + ', "model": "large"}'
        headers = {"Content-Type": "application/json"}
        if random_.random() < 0.1:
            headers["weir-model"] = headers["x-model"] = "large"
        return "POST", path, raw.encode(), headers
    return draw


def test_a_forbidden_model_is_never_called(walled):
    walled.open.reset()
    asked = walled.secret.stats()["connections"] + 1    # the next of these
    told = walled.spread(asking, TRIES)
    assert sum(told.values()) >= TRIES - WORKERS
    assert walled.secret.stats()["connections"] == asked, told
    # It was no silence: some calls were served, others were denied.
    assert walled.open.stats()["calls"] > TRIES // 20, told
    assert told[200] > TRIES // 20 and told[403] > TRIES // 20, told
    assert set(told) <= {200, 400, 403, 404, 500, 502, 503}, told


METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE",
           "LINK", "PROPFIND", "COPY"]
WORDS = ["v1", "v1beta", "openai", "models", "small", "files", "file-1",
         "content", "fine_tuning", "jobs", "checkpoints", "weights",
         "uploads", "parts", "vector_stores", "assistants", "threads",
         "containers", "evals", "batches", "chat", "completions",
         "responses", "input_items", "conversations", "organization",
         "admin", "api_keys", "usage", "deployments", "messages",
         "embeddings", "images", "audio", "videos", "model",
         "invoke", "converse", "async-invoke", "guardrail", "tunedModels",
         "cachedContents", "corpora", "operations", "%2e%2e", "..", "",
         "small:generateContent", "small:tuneModel", "small:export",
         "small:predict", "small:batchGenerateContent", ".", "%00", "download"]


def wandering(random_):
    """Any path of the words that APIs are made of, with any method."""
    def draw():
        path = "/" + "/".join(random_.choices(
            WORDS, k=random_.randrange(1, 6)))
        if random_.random() < 0.5:
            path = "/v1" + path
        if random_.random() < 0.2:
            path += "?" + random_.choice(["api-version=1", "alt=media",
                                          "purpose=fine-tune", "all=1"])
        method = random_.choice(METHODS)
        body = None
        if method in ("POST", "PUT", "PATCH"):
            body = b'{"model":"small","messages":[],"input":"x"}'
        return method, path, body, {"Content-Type": "application/json"}
    return draw


# What origins may be asked by whoever walks so: POST, and one of these.
LISTED = {"/v1/chat/completions", "/v1/responses", "/v1/completions",
          "/v1/embeddings"}


def test_only_listed_verbs_pass(walled):
    walled.open.reset()
    told = walled.spread(wandering, TRIES)
    assert walled.secret.stats()["calls"] == 0
    for row in walled.open.requests():
        method, path = row["head"].split()[:2]
        assert method == "POST" and path in LISTED, row
    # The origin keeps the newest requests and counts them all.
    assert walled.open.stats()["calls"] <= TRIES // 10
    assert told[404] > TRIES // 2
    assert set(told) <= {200, 400, 403, 404, 405, 500, 501, 502, 503}, told
