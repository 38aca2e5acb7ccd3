# SPDX-License-Identifier: Apache-2.0
"""Origins that compress although only `identity` was asked for: whatever is
asked, nothing of it is passed on, and the call is settled."""
import gzip
import json

import lab
import pytest
import world

pytest.importorskip("websockets")
pytest.importorskip("openai")
pytest.importorskip("anthropic")

from file_lab import Account, lines  # noqa: E402
from realtime import Raw  # noqa: E402
from test_message_batches import Store as Batches, requests  # noqa: E402
from test_realtime_origin import RawOrigin  # noqa: E402
from test_tools import call, tool_server  # noqa: E402

EXTRA = """
@id("tools")
@title("Customers may search")
@authority("The seller")
permit (principal, action == Action::"call_tool", resource in Bloc::"hosting");

@id("permit-judged")
@title("What is said here is looked at")
@authority("The seller")
@filter("judged")
permit (principal in Project::"good/judged", action in Action::"infer",
        resource in Bloc::"hosting");
"""
SAID = b"encoding that was not asked for"


def packing(kind):
    """`kind` of origin, which compresses while `more` says so."""
    class Packing(kind):
        def reply(self, method, path, *rest):
            odd = {"/v1/judge": {"categories": {"malware": 0.02}},
                   "/mcp": {"jsonrpc": "2.0", "id": 1,
                            "result": {"content": []}}}.get(path)
            told = (200, "application/json", json.dumps(odd).encode()) \
                if odd else super().reply(method, path, *rest)
            return (*told[:2], gzip.compress(told[2])) if self.more else told
    return Packing


class Place:
    def __init__(self, where):
        self.near = packing(Account)("near")
        self.far = packing(Account)("far")
        self.keeper = packing(Batches)()
        self.talker = RawOrigin()
        config = world.config(
            {"near": self.near.url, "far": self.far.url,
             "slow": f"http://127.0.0.1:{self.talker.port}/v1"},
            lab.free_port(), {}, 0)
        config.pop("tls")
        config.pop("listen")
        config["origins"].append({"name": "keeper", "dialect": "anthropic",
                                  "url": self.keeper.url})
        for row in config["models"]:
            if row["name"] == "large":
                row["operations"] = ["chat", "responses", "batch"]
        for name, operations in (("claude", ["chat", "batch"]),
                                 ("talker", ["realtime"])):
            config["models"].append(
                {**world.model("small", "other", operations), "name": name,
                 "output_tokens_max": 100})
        config["deployments"] += [
            world.deployment("claude-keeper", "claude", "keeper"),
            world.deployment("talker-slow", "talker", "slow")]
        for row in config["deployments"]:
            row["breaker"] = "none"
        config["routes"] = [
            {"name": name, "mode": "order", "attempts": 1,
             "candidates": [candidate], **more} for name, candidate, more in (
                 ("near", "large-near", {}), ("claudes", "claude-keeper", {}),
                 ("talkers", "talker-slow", {}),
                 ("copied", "large-near", {"shadow": {
                     "deployment": "large-far", "share": "100%"}}))]
        server = self.far.server.server_address[1]
        config["tool_servers"] = [tool_server("tools", server)]
        config["classifiers"] = [{
            "name": "judge", "url": self.far.url + "/judge",
            "timeout": "30 s", "thresholds": {"malware": "0.5"}}]
        config["filters"] = [{"name": "judged", "rules": [
            {"classifier": "judge", "action": "block"}]}]
        config["tenants"][0]["projects"] = [{"name": "app"},
                                            {"name": "judged"}]
        self.weir = lab.Weir(where / "weir", config, {
            **world.POLICIES, "seller/extra.cedar": EXTRA})
        try:
            self.weir.start()
            self.key = self.weir.key("good/app")
            self.judged = self.weir.key("good/judged")
        except BaseException:
            self.stop()
            raise

    def call(self, method, path, body=None, key=None):
        if isinstance(body, dict | list):
            body = json.dumps(body).encode()
        return lab.exchange(self.weir.port, method, path, body, {
            "Authorization": "Bearer " + (key or self.key),
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json"}, lab.PATIENCE)

    def chat(self, model, key=None, path="/v1/chat/completions", **more):
        return self.call("POST", path, {
            "model": model, "max_tokens": 9, **more,
            "messages": [{"role": "user", "content": "hi"}]}, key)

    def upload(self, wanted=200):
        form = b"--b\r\nContent-Disposition: form-data; name=\"purpose\"" \
            b"\r\n\r\nbatch\r\n--b\r\nContent-Disposition: form-data; " \
            b"name=\"file\"; filename=\"in.jsonl\"\r\n\r\n" + \
            lines("one", model="near") + b"\r\n--b--\r\n"
        status, _, reply = lab.exchange(
            self.weir.port, "POST", "/v1/files", form,
            {"Authorization": "Bearer " + self.key,
             "Content-Type": "multipart/form-data; boundary=b"}, lab.PATIENCE)
        assert status == wanted, reply
        assert wanted == 200 or SAID in reply
        return json.loads(reply)["id"] if wanted == 200 else None

    def made(self, path, body):
        status, _, reply = self.call("POST", path, body)
        assert status == 200, reply
        return json.loads(reply)["id"]

    def outcome(self, request):
        def found():
            done = self.weir.cli("explain", request, "--json", check=False)
            said = json.loads(done.stdout) if done.returncode < 2 else {}
            return said.get("outcome")
        return lab.wait_for(found, lab.PATIENCE, "the outcome")

    def stop(self):
        self.weir.end()
        self.talker.socket.close()
        for origin in (self.near, self.far, self.keeper):
            origin.server.shutdown()
            origin.server.server_close()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = Place(tmp_path_factory.mktemp("encodings"))
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean(place):
    yield
    place.near.more = place.far.more = place.keeper.more = ()


def unread(place, reply):
    """502 in the client's dialect; on record as what did not come."""
    status, headers, body = reply
    assert status == 502 and SAID in body, (status, body[:300])
    assert "content-encoding" not in {name.lower() for name in headers}
    assert b"a reply that cannot be read" in body
    assert "error" in json.loads(body)
    return headers["weir-request-id"]


def unanswered(place, reply):
    outcome = place.outcome(unread(place, reply))
    assert outcome["ending"] != "complete"
    usage = outcome.get("usage", outcome)
    assert usage["output_tokens"] == 0


def plain(place, more):
    place.near.more = more
    unanswered(place, place.chat("near"))


def streamed(place, more):
    place.near.more = more
    unanswered(place, place.chat("near", stream=True))


def translated(place, more):
    place.near.more = more
    for stream in (False, True):
        unanswered(place, place.chat("near", path="/v1/messages",
                                     stream=stream))


def responses(place, more):
    place.near.more = more
    unanswered(place, place.call("POST", "/v1/responses",
                                 {"model": "near", "input": "hi"}))


def uploaded(place, more):
    """What a file is, and what is in it."""
    name = place.upload()
    place.near.more = more
    for path in ("", "/content"):
        unread(place, place.call("GET", f"/v1/files/{name}{path}"))


def uploading(place, more):
    """An upload and a batch, whose ids nobody can read."""
    name = place.upload()
    place.near.more = more
    assert place.upload(502) is None
    unread(place, place.call("POST", "/v1/batches", {
        "input_file_id": name, "completion_window": "24h",
        "endpoint": "/v1/chat/completions"}))


def listed(place, more):
    """A list is made of what the origin tells of each."""
    name = place.upload()
    status, _, reply = place.call("GET", "/v1/files")
    assert status == 200 and name.encode() in reply
    place.near.more = more
    status, _, reply = place.call("GET", "/v1/files")
    assert status == 502 and b"reply that cannot be read" in reply


def batch_results(place, more):
    batch = place.made("/v1/batches", {
        "input_file_id": place.upload(), "completion_window": "24h",
        "endpoint": "/v1/chat/completions"})
    place.near.finish(None)
    status, _, reply = place.call("GET", "/v1/batches/" + batch)
    assert status == 200, reply
    out = json.loads(reply)["output_file_id"]
    place.near.more = more
    unread(place, place.call("GET", f"/v1/files/{out}/content"))
    unread(place, place.call("GET", "/v1/batches/" + batch))
    place.near.more = ()
    assert place.call("POST", f"/v1/batches/{batch}/cancel")[0] == 200


def message_batch_results(place, more):
    batch = place.made("/v1/messages/batches", {
        "requests": requests("one", "two", model="claudes")})
    place.keeper.finish()
    path = "/v1/messages/batches/" + batch
    assert place.call("GET", path)[0] == 200
    place.keeper.more = more
    unread(place, place.call("GET", path + "/results"))
    place.keeper.more = ()
    status, _, reply = place.call("GET", path + "/results")
    assert status == 200 and b"msg_1" in reply


def tool(place, more):
    place.far.more = more
    status, headers, reply = place.call("POST", "/mcp/tools", call("search"))
    assert status == 200 and SAID in reply, reply
    assert json.loads(reply)["error"]["code"] == -32013
    assert place.outcome(headers["weir-request-id"])["ending"] != "complete"


def realtime(place, more):
    """A session's bytes, and a reply that begins none."""
    head = "".join(f"{name}: {value}\r\n" for name, value in more)
    for version in ("HTTP/1.1 101 Switching Protocols", "HTTP/1.1 200 OK"):
        place.talker.set(head=head, version=version)
        client = Raw(place.weir.port, "/v1/realtime?model=talkers", place.key)
        assert client.status == 502
        assert json.loads(client.rest)["error"]["type"] == "upstream_error"
        assert place.outcome(
            client.headers["weir-request-id"])["ending"] != "complete"


def classifier(place, more):
    """Nobody has looked: the call goes nowhere."""
    asked = len(place.near.calls)
    assert place.chat("near", place.judged)[0] == 200
    place.far.more = more
    status, _, reply = place.chat("near", place.judged)
    assert status == 503
    assert json.loads(reply)["error"]["code"] == "classifier_unavailable"
    assert len(place.near.calls) == asked + 1


def shadow(place, more):
    """The client has its answer, the copy an error."""
    def sides():
        rows = place.weir.json("report", "shadow")["sides"]
        return {row["side"]: row for row in rows if row["route"] == "copied"}
    errors = sides().get("shadow", {"errors": 0})["errors"]
    place.far.more = more
    status, _, reply = place.chat("copied")
    assert status == 200 and b"a file" in reply
    after = lab.wait_for(lambda: (lambda now: now if now.get(
        "shadow", {"errors": 0})["errors"] > errors else None)(sides()),
        lab.PATIENCE, "the copy")
    assert after["main"]["errors"] == 0


@pytest.mark.parametrize("more", [
    [("Content-Encoding", "gzip")],
    [("Content-Encoding", "gzip"), ("Content-Encoding", "identity")]],
    ids=["once", "and taken back"])
@pytest.mark.parametrize("ask", [
    plain, streamed, translated, responses, uploaded, uploading, listed,
    batch_results, message_batch_results, tool, realtime, classifier, shadow],
    ids=lambda ask: ask.__name__)
def test_an_encoding_that_was_not_asked_for(place, ask, more):
    ask(place, more)
    lab.wait_for(lambda: sum(row["open"] for row in place.weir.usage("good"))
                 == 0, lab.PATIENCE, "all calls settled")
