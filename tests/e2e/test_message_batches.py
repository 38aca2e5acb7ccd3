# SPDX-License-Identifier: Apache-2.0
"""Message batches: the official client through their whole life, whose they
are, what is asked of each request, and that they are paid once, from their
results."""
import http.server
import json
import pathlib
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import world  # noqa: E402

anthropic = pytest.importorskip("anthropic")

FILTERS = [{"name": "personal", "rules": [
    {"detector": "mail", "action": "mask", "in": "requests"},
    {"name": "project", "terms": ["Nightjar"], "action": "block",
     "in": "requests"}]}]
EXTRA = """
@id("only-batches")
@title("This tenant may not chat")
@authority("test")
@appeal("test")
forbid (principal in Tenant::"insider", action == Action::"chat", resource);

@id("filtered")
@title("Rules over what thrifty says")
@authority("test")
@appeal("test")
@filter("personal")
permit (principal in Tenant::"thrifty", action, resource in Bloc::"hosting");
"""
ROOT = "/v1/messages/batches"


class Store:
    """An origin's message batches, one account for everybody."""

    def __init__(self):
        self.batches, self.results, self.seen = {}, {}, []
        self.breaks = False
        self.more = ()          # headers of every reply
        store = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                store.seen.append((self.command, self.path,
                                   dict(self.headers), body))
                if store.breaks:
                    self.close_connection = True
                    self.connection.close()
                    return
                status, kind, told = store.reply(self.command, self.path, body)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                for line in store.more:
                    self.send_header(*line)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def reply(self, method, path, body):
        if path == ROOT and method == "POST":
            asked = json.loads(body)["requests"]
            name = f"msgbatch_{len(self.batches)}abc"
            self.batches[name] = {
                "id": name, "type": "message_batch",
                "processing_status": "in_progress", "request_counts": {
                    "processing": len(asked), "succeeded": 0, "errored": 0,
                    "canceled": 0, "expired": 0},
                "created_at": "2026-11-22T10:00:00Z", "ended_at": None,
                "expires_at": "2026-11-23T10:00:00Z", "archived_at": None,
                "cancel_initiated_at": None, "results_url": None}
            return 200, "application/json", json.dumps(
                self.batches[name]).encode()
        name, _, verb = path.removeprefix(ROOT + "/").partition("/")
        batch = self.batches.get(name)
        if batch is None:
            return 404, "application/json", b'{"type":"error","error":{' \
                b'"type":"not_found_error","message":"none"}}'
        if verb == "results":
            return 200, "application/x-jsonl", self.results[name]
        if verb == "cancel":
            batch["processing_status"] = "canceling"
        if method == "DELETE":
            del self.batches[name]
            batch = {"id": name, "type": "message_batch_deleted"}
        return 200, "application/json", json.dumps(batch).encode()

    def finish(self, succeeded=2, errored=0, usage=None, pad=""):
        """The newest batch comes to its end."""
        name, batch = list(self.batches.items())[-1]
        batch["processing_status"] = "ended"
        batch["ended_at"] = "2026-11-22T11:00:00Z"
        batch["request_counts"].update(processing=0, succeeded=succeeded,
                                       errored=errored)
        batch["results_url"] = f"https://origin.example{ROOT}/{name}/results"
        message = {"id": "msg_1", "type": "message", "role": "assistant",
                   "model": "claude-9", "content": [
                       {"type": "text", "text": "well \\ \" é" + pad}],
                   "stop_reason": "end_turn", "stop_sequence": None,
                   "usage": usage or {"input_tokens": 6, "output_tokens": 5,
                                      "cache_read_input_tokens": 2,
                                      "cache_creation_input_tokens": 0}}
        rows = [{"custom_id": f"c{n}", "result": {
            "type": "succeeded", "message": message}}
            for n in range(succeeded)]
        rows += [{"custom_id": f"e{n}", "result": {"type": "errored", "error": {
            "type": "error", "error": {"type": "invalid_request_error",
                                       "message": "no"}}}}
            for n in range(errored)]
        self.results[name] = "".join(json.dumps(row) + "\n"
                                     for row in rows).encode()


def requests(*texts, model="large", **more):
    return [{"custom_id": f"c{n}", "params": {
        "model": model, "max_tokens": 100, **more,
        "messages": [{"role": "user", "content": text}]}}
        for n, text in enumerate(texts)]


class Setting:
    def __init__(self, where):
        self.origin = Store()
        config = world.config({name: self.origin.url for name in
                               ("near", "far", "slow")}, lab.free_port(),
                              {}, 0)
        config.pop("tls")
        config.pop("listen")
        config["filters"] = FILTERS
        for row in config["origins"]:
            if row["name"] == "near":
                row["dialect"] = "anthropic"
        for row in config["models"]:
            if row["name"] == "large":
                row["operations"] = ["chat", "batch"]
                row["price"]["changes"] = [
                    {"service": "batch", "input": "1.5", "output": "7.5",
                     "cached_input": "0.5", "reasoning": "7.5"}]
        for row in config["deployments"]:
            if row["name"] == "large-near":
                row["origin_model"] = "claude-9"
        config["routes"] = [{"name": "bulk", "mode": "order", "candidates":
                             ["large-near", "large-far"]}]
        self.weir = lab.Weir(where / "weir", config, {
            **world.POLICIES, "seller/extra.cedar": EXTRA})
        try:
            self.weir.start()
            self.keys = {name: self.weir.key(name + "/app") for name in
                         ("good", "insider", "thrifty", "poor")}
        except BaseException:
            self.stop()
            raise

    def client(self, tenant="good"):
        return anthropic.Anthropic(
            api_key=self.keys[tenant], max_retries=0,
            base_url=f"http://127.0.0.1:{self.weir.port}")

    def batches(self, tenant="good"):
        return self.client(tenant).messages.batches

    def call(self, method, path, tenant="good", body=None, **headers):
        return lab.exchange(self.weir.port, method, path, body, {
            "x-api-key": self.keys[tenant],
            "Content-Type": "application/json", **headers})

    def used(self, tenant="thrifty"):
        return self.weir.budgets(tenant)[("tokens", "day")]["used"]

    def ledger(self, request):
        def found():
            done = self.weir.cli("explain", request, "--json", check=False)
            said = json.loads(done.stdout) if done.returncode < 2 else {}
            return said.get("outcome")
        return lab.wait_for(found, 40, "the outcome")

    def stop(self):
        self.weir.end()
        self.origin.server.shutdown()
        self.origin.server.server_close()


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    made = Setting(tmp_path_factory.mktemp("message-batches"))
    yield made
    made.stop()


def test_life_of_a_message_batch(setting):
    batches = setting.batches("thrifty")
    before = setting.used()
    raw = batches.with_raw_response.create(
        requests=requests("write to jo@example.org", "again", model="bulk"))
    made, request = raw.parse(), raw.headers["weir-request-id"]
    assert made.id.startswith("msgbatch_")
    assert made.id not in setting.origin.batches
    assert made.processing_status == "in_progress"
    assert made.results_url is None
    # as the origin got it: its model's name, and what filters left
    method, path, headers, body = setting.origin.seen[-1]
    sent = json.loads(body)["requests"]
    assert (method, path) == ("POST", ROOT)
    assert headers["anthropic-version"]
    assert [row["custom_id"] for row in sent] == ["c0", "c1"]
    assert {row["params"]["model"] for row in sent} == {"claude-9"}
    assert b"jo@example.org" not in body and b"again" in body
    charged = setting.used() - before
    assert 200 < charged < 260      # 2 answers of 100 tokens, and prompts
    assert batches.retrieve(made.id).id == made.id
    setting.origin.finish(errored=1, pad="x" * 70000)
    for _ in range(3):
        done = batches.retrieve(made.id)
    assert done.processing_status == "ended"
    assert done.request_counts.succeeded == 2
    assert done.results_url == \
        f"http://127.0.0.1:{setting.weir.port}{ROOT}/{made.id}/results"
    assert setting.used() - before == charged   # nobody knows yet
    for _ in range(2):
        rows = list(batches.results(made.id))
    assert [row.custom_id for row in rows] == ["c0", "c1", "e0"]
    assert rows[0].result.message.usage.output_tokens == 5
    assert rows[2].result.type == "errored"
    outcome = setting.ledger(request)
    usage = outcome.get("usage", outcome)
    assert (usage["input_tokens"], usage["output_tokens"]) == (16, 10)
    # 12 of 1.5, 4 of 0.5, 10 of 7.5 micro-units each
    cost = outcome.get("cost", outcome.get("cost_micros"))
    assert float(cost) in (95.0, 95 / 1e6)
    lab.wait_for(lambda: setting.used() - before == 26, 40, "the correction")
    assert batches.delete(made.id).type == "message_batch_deleted"
    with pytest.raises(anthropic.NotFoundError):
        batches.retrieve(made.id)
    assert setting.ledger(request) == outcome
    row = next(row for row in setting.weir.usage() if
               row.get("tenant") == "thrifty")
    assert row["input_tokens"] + row["output_tokens"] == setting.used()


def test_another_tenant_sees_nothing(setting):
    made = setting.batches().create(requests=requests("mine"))
    setting.origin.finish(1)
    own = list(setting.origin.batches)[-1]
    seen = len(setting.origin.seen)
    for tenant, name in (("thrifty", made.id), ("good", own),
                         ("good", made.id[:-1] + "_"), ("good", "msgbatch_"),
                         ("good", "batch_" + made.id[9:])):
        for method, end in (("GET", ""), ("GET", "/results"), ("DELETE", ""),
                            ("POST", "/cancel")):
            status, _, body = setting.call(method, f"{ROOT}/{name}{end}",
                                           tenant)
            assert status == 404, (method, name, body)
            assert json.loads(body)["type"] == "error"
    # nor is it a batch of another API
    assert setting.call("GET", f"/v1/batches/{made.id}")[0] == 404
    assert len(setting.origin.seen) == seen


@pytest.mark.parametrize("asked, said", [
    (requests("a") + requests("b", model="small"), "request 2: every line"),
    (requests("a", stream=True), "request 1: stream"),
    (requests("a", max_tokens=None), "request 1: max_tokens"),
    (requests("a", fallbacks=["large"]), "request 1: fallbacks"),
    ([{"custom_id": "c"}], "request 1: params"), ([], "requests"), ({}, "array"),
])
def test_a_request_that_may_not_be_sent(setting, asked, said):
    seen = len(setting.origin.seen)
    status, _, body = setting.call("POST", ROOT, body=json.dumps(
        {"requests": asked}))
    fault = json.loads(body)
    assert status == 400 and fault["type"] == "error"
    assert said in fault["error"]["message"]
    assert len(setting.origin.seen) == seen


def test_requests_are_asked_as_what_they_are(setting):
    seen = len(setting.origin.seen)
    with pytest.raises(anthropic.PermissionDeniedError) as fault:
        setting.batches("insider").create(requests=requests("a"))
    assert "only-batches" in json.dumps(fault.value.body)
    with pytest.raises(anthropic.PermissionDeniedError) as fault:
        setting.batches("thrifty").create(
            requests=requests("fine", "project Nightjar"))
    assert "project" in str(fault.value)
    with pytest.raises(anthropic.RateLimitError):    # 40 micro-units a day
        setting.batches("poor").create(requests=requests("a"))
    with pytest.raises(anthropic.NotFoundError):
        setting.batches().create(requests=requests("a", model="nobody"))
    with pytest.raises(anthropic.BadRequestError):
        setting.batches().create(requests=requests("a", model="small"))
    assert len(setting.origin.seen) == seen


def test_a_batch_of_which_nothing_succeeded_costs_nothing(setting):
    before = setting.used()
    made = setting.batches("thrifty").create(requests=requests("a", "b"))
    assert setting.used() > before
    assert setting.batches("thrifty").cancel(
        made.id).processing_status == "canceling"
    setting.origin.finish(0, 2)
    assert setting.batches("thrifty").retrieve(
        made.id).processing_status == "ended"
    lab.wait_for(lambda: setting.used() == before, 40, "the correction")


def test_results_that_nobody_read_are_charged_as_held(setting):
    before = setting.used()
    raw = setting.batches("thrifty").with_raw_response.create(
        requests=requests("a"))
    charged = setting.used()
    setting.origin.finish(1)
    setting.batches("thrifty").delete(raw.parse().id)
    outcome = setting.ledger(raw.headers["weir-request-id"])
    usage = outcome.get("usage", outcome)
    assert usage.get("estimated", usage.get("is_estimated")) is True
    assert usage["input_tokens"] + usage["output_tokens"] == charged - before
    assert setting.used() == charged


def test_a_batch_that_may_have_been_made_is_not_made_again(setting):
    before, seen = setting.used(), len(setting.origin.seen)
    setting.origin.breaks = True
    try:
        with pytest.raises(anthropic.APIStatusError) as fault:
            setting.batches("thrifty").create(requests=requests("a"))
    finally:
        setting.origin.breaks = False
    assert fault.value.status_code == 502
    assert len(setting.origin.seen) == seen + 1
    lab.wait_for(lambda: setting.used() == before, 40, "the hold given back")


def test_message_batches_outlive_workers(setting):
    before = setting.used()
    made = setting.batches("thrifty").create(requests=requests("a"))
    charged = setting.used()
    assert charged > before + 100
    setting.weir.kill()
    (setting.weir.run_dir / "quota").unlink()
    setting.weir.start(60)
    lab.wait_for(lambda: setting.used() == charged, 40, "the counter made anew")
    setting.origin.finish(1)
    assert len(list(setting.batches("thrifty").results(made.id))) == 1
    lab.wait_for(lambda: setting.used() == before + 13, 40, "the correction")


def test_who_ends_tls_in_front_is_believed_about_the_scheme(setting):
    made = setting.batches().create(requests=requests("mine"))
    setting.origin.finish(1)
    for headers, start in (
            ({"x-forwarded-proto": "https", "Host": "gate.example:8443"},
             "https://gate.example:8443/v1/"),
            ({"Host": 'a"b'}, "/v1/messages/")):
        _, _, body = setting.call("GET", f"{ROOT}/{made.id}", **headers)
        told = json.loads(body)
        assert told["results_url"].startswith(start), told
