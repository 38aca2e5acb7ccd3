# SPDX-License-Identifier: Apache-2.0
"""Two origins that keep files, each in an account of its own, and a weir in
front of them: for tests of files that calls name."""
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import world  # noqa: E402
from test_batches import FILTERS, Store, lines  # noqa: E402,F401

EXTRA = """
@id("no-files")
@title("This tenant leaves nothing at an origin")
@authority("test")
@appeal("test")
forbid (principal in Tenant::"busy", action == Action::"batch", resource);

@id("not-near")
@title("This tenant may not use what near has")
@authority("test")
@appeal("test")
forbid (principal in Tenant::"limited", action, resource in Model::"large");

@id("filtered")
@title("Rules over what thrifty says")
@authority("test")
@appeal("test")
@filter("personal")
permit (principal in Tenant::"thrifty", action, resource in Bloc::"hosting");
"""

SAID = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m",
        "status": "completed", "output": [
            {"type": "message", "id": "msg_1", "role": "assistant",
             "status": "completed", "content": [
                 {"type": "output_text", "text": "a file", "annotations": []}]}],
        "usage": {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11,
                  "input_tokens_details": {"cached_tokens": 0},
                  "output_tokens_details": {"reasoning_tokens": 0}}}
CHAT = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1,
        "model": "m", "choices": [
            {"index": 0, "finish_reason": "stop",
             "message": {"role": "assistant", "content": "a file"}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2,
                  "total_tokens": 11}}
NAMED = re.compile(rb'"file_id"\s*:\s*"([^"]*)"')


class Account(Store):
    """Also answers calls: an error that quotes the id where it has no such
    file, and `failing` times a 500."""

    def __init__(self, prefix):
        super().__init__()
        self.prefix = prefix
        self.failing = 0
        self.calls = []

    def add(self, name, data, purpose):
        row = super().add(name, data, purpose)
        del self.files[row["id"]]
        row["id"] = f"file-{self.prefix}{len(self.seen)}xyz"
        self.files[row["id"]] = (row, data)
        return row

    def reply(self, method, path, body, headers):
        if path.startswith("/v1/responses/resp_1/input_items"):
            items = json.loads(self.calls[-1][1])["input"]
            return 200, "application/json", json.dumps(
                {"object": "list", "has_more": False, "data": [
                    {"id": f"msg_{i}", "type": "message", **item}
                    for i, item in enumerate(items)]}).encode()
        if path not in ("/v1/responses", "/v1/chat/completions"):
            return super().reply(method, path, body, headers)
        self.calls.append((path, body))
        if self.failing:
            self.failing -= 1
            return 500, "application/json", b'{"error":{"message":"later"}}'
        for name in NAMED.findall(body):
            if name.decode() not in self.files:
                return 400, "application/json", json.dumps({"error": {
                    "message": f"no file {name.decode()} here, {name.decode()}",
                    "type": "invalid_request_error", "param": "file_id",
                    "code": None}}).encode()
        if json.loads(body).get("stream"):
            return 200, "text/event-stream", stream(path)
        return 200, "application/json", json.dumps(
            SAID if path.endswith("responses") else CHAT).encode()


def stream(path):
    if path.endswith("responses"):
        events = [{"type": "response.created", "sequence_number": 0,
                   "response": {**SAID, "status": "in_progress"}},
                  {"type": "response.completed", "sequence_number": 1,
                   "response": SAID}]
        return b"".join(b"event: " + event["type"].encode() + b"\ndata: " +
                        json.dumps(event).encode() + b"\n\n"
                        for event in events)
    chunk = {**CHAT, "object": "chat.completion.chunk", "choices": [
        {"index": 0, "finish_reason": "stop", "delta": {"content": "a file"}}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n"


class Setting:
    """`large` at near and far, `only` at far, `both` routes over the two."""

    def __init__(self, where, change=None):
        self.near, self.far = Account("near"), Account("far")
        config = world.config({"near": self.near.url, "far": self.far.url,
                               "slow": self.near.url}, lab.free_port(), {}, 0)
        config.pop("tls")
        config.pop("listen")
        config["filters"] = FILTERS
        config["limits"]["body"] = "96 MiB"
        operations = ["chat", "responses", "batch"]
        for row in config["models"]:
            if row["name"] == "large":
                row["operations"] = operations
        config["models"].append(world.model("small", "other") |
                                {"name": "only", "operations": operations})
        config["models"].append(world.model("small", "other") |
                                {"name": "plain", "operations":
                                 ["chat", "responses"]})
        config["deployments"] = [
            row for row in config["deployments"]
            if row["name"] not in ("large-dead", "large-slow")] + [
            world.deployment("only-far", "only", "far", "away", "SG"),
            world.deployment("plain-near", "plain", "near")]
        for row in config["deployments"]:
            row["origin_model"] = row["name"] + "-9"
        config["routes"] = [
            {"name": "both", "mode": "order", "attempts": 3,
             "candidates": ["large-near", "large-far"]},
            {"name": "backwards", "mode": "order", "attempts": 3,
             "candidates": ["large-far", "large-near"]}]
        if change:
            change(config)
        self.weir = lab.Weir(where / "weir", config,
                             {**world.POLICIES, "seller/extra.cedar": EXTRA})
        try:
            self.weir.start()
            self.keys = {name: self.weir.key(name + "/app") for name in
                         ("good", "insider", "busy", "thrifty", "limited")}
        except BaseException:
            self.stop()
            raise

    def client(self, tenant="good", **more):
        import openai
        return openai.OpenAI(api_key=self.keys[tenant], max_retries=0,
                             base_url=self.weir.base, **more)

    def stop(self):
        self.weir.end()
        for origin in (self.near, self.far):
            origin.server.shutdown()
            origin.server.server_close()
