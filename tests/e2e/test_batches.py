# SPDX-License-Identifier: Apache-2.0
"""Files and batches: the official client through their whole life, whose
they are, what is asked of each line, and what they are charged. And the
list of all that an API could do: only what is listed passes."""
import contextlib
import http.server
import io
import json
import pathlib
import re
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import world  # noqa: E402

openai = pytest.importorskip("openai")

FILTERS = [{"name": "personal", "rules": [
    {"detector": "mail", "action": "mask", "in": "requests"},
    {"name": "project", "terms": ["Nightjar"], "action": "block",
     "in": "requests"}]},
    {"name": "answers", "rules": [
        {"name": "mail-out", "detector": "mail", "action": "mask",
         "in": "replies"}]}]
EXTRA = """
@id("only-batches")
@title("This tenant may not chat")
@authority("test")
@appeal("test")
forbid (principal in Tenant::"insider", action == Action::"chat", resource);

@id("no-batches")
@title("This tenant leaves nothing at an origin")
@authority("test")
@appeal("test")
forbid (principal in Tenant::"busy", action == Action::"batch", resource);

@id("filtered")
@title("Rules over what thrifty says")
@authority("test")
@appeal("test")
@filter("personal")
permit (principal in Tenant::"thrifty", action, resource in Bloc::"hosting");

@id("answered")
@title("Rules over what limited hears")
@authority("test")
@appeal("test")
@filter("answers")
permit (principal in Tenant::"limited", action, resource in Bloc::"hosting");
"""


class Store:
    """An origin's files and batches, one account for everybody."""

    def __init__(self):
        self.files, self.batches, self.seen = {}, {}, []
        self.more = ()          # headers of every reply
        store = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                store.seen.append((self.command, self.path,
                                   dict(self.headers), body))
                status, kind, told = store.reply(self.command, self.path, body,
                                                 self.headers)
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

    def add(self, name, data, purpose):
        row = {"id": f"file-{len(self.files)}xyz", "object": "file",
               "bytes": len(data), "created_at": 1, "filename": name,
               "purpose": purpose, "status": "processed", "odd": [1.50, "é"]}
        self.files[row["id"]] = (row, data)
        return row

    def reply(self, method, path, body, headers):
        words = path.removeprefix("/v1/").split("/")
        said = None
        if path == "/v1/files":
            import email.parser
            import email.policy
            form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
                b"Content-Type: " + headers["Content-Type"].encode() +
                b"\r\n\r\n" + body)
            parts = {part.get_param("name", header="content-disposition"):
                     part.get_payload(decode=True)
                     for part in form.iter_parts()}
            said = self.add("in.jsonl", parts["file"],
                            parts["purpose"].decode())
        elif words[0] == "files" and words[1] in self.files:
            row, data = self.files[words[1]]
            if words[2:] == ["content"]:
                return 200, "application/octet-stream", data
            said = row if method == "GET" else {
                "id": words[1], "object": "file", "deleted": True}
        elif path == "/v1/batches":
            asked = json.loads(body)
            if asked["input_file_id"] in self.files:
                said = {"id": f"batch_{len(self.batches)}abc",
                        "object": "batch", "endpoint": asked["endpoint"],
                        "errors": None, "completion_window": "24h",
                        "input_file_id": asked["input_file_id"],
                        "status": "validating", "output_file_id": None,
                        "error_file_id": None, "created_at": 1,
                        "metadata": asked.get("metadata"),
                        "request_counts": {"total": 0, "completed": 0,
                                           "failed": 0}}
                self.batches[said["id"]] = said
        elif words[0] == "batches" and words[1] in self.batches:
            said = self.batches[words[1]]
            if words[2:] == ["cancel"]:
                said["status"] = "cancelling"
        if said is None:
            return 404, "application/json", b'{"error":{"message":"none",' \
                b'"type":"invalid_request_error","param":null,"code":null}}'
        return 200, "application/json", json.dumps(said).encode()

    def finish(self, usage, counts=(2, 2), status="completed"):
        """The newest batch comes to its end."""
        batch = list(self.batches.values())[-1]
        batch["status"] = status
        batch["usage"] = usage
        batch["request_counts"] = {"total": counts[1], "completed": counts[0],
                                   "failed": 0}
        out = self.add("out.jsonl", b'{"custom_id":"a"}\n' * 40000,
                       "batch_output")
        batch["output_file_id"] = out["id"]
        return batch


def lines(*texts, model="large", url="/v1/chat/completions", **more):
    return "".join(json.dumps(
        {"custom_id": f"c{i}", "method": "POST", "url": url,
         "body": {"model": model, "messages": [
             {"role": "user", "content": text}], **more}}) + "\n"
        for i, text in enumerate(texts)).encode()


class Setting:
    def __init__(self, where):
        self.origin = Store()
        config = world.config({name: self.origin.url for name in
                               ("near", "far", "slow")}, lab.free_port(),
                              {}, 0)
        config.pop("tls")
        config.pop("listen")
        config["filters"] = FILTERS
        config["limits"]["body"] = "96 MiB"
        for row in config["models"]:
            if row["name"] == "large":
                row["operations"] = ["chat", "batch"]
                row["price"]["changes"] = [
                    {"service": "batch", "input": "1.5", "output": "7.5",
                     "cached_input": "0.5", "reasoning": "7.5"}]
        for row in config["deployments"]:
            if row["name"] == "large-near":
                row["origin_model"] = "large-9"
        config["routes"] = [{"name": "bulk", "mode": "order", "candidates":
                             ["large-near", "large-far"]}]
        policies = {**world.POLICIES, "seller/extra.cedar": EXTRA}
        self.weir = lab.Weir(where / "weir", config, policies)
        try:
            self.weir.start()
            self.keys = {name: self.weir.key(name + "/app") for name in
                         ("good", "insider", "busy", "thrifty", "poor",
                          "limited")}
        except BaseException:
            self.stop()
            raise

    def client(self, tenant="good"):
        return openai.OpenAI(api_key=self.keys[tenant], max_retries=0,
                             base_url=self.weir.base)

    def call(self, method, path, tenant="good", body=None):
        return lab.exchange(self.weir.port, method, path, body, {
            "Authorization": "Bearer " + self.keys[tenant],
            "Content-Type": "application/json"})

    def held(self, tenant, metric, window):
        row = self.weir.budgets(tenant)[(metric, window)]
        return row["used"], row.get("held", 0)

    def stop(self):
        self.weir.end()
        self.origin.server.shutdown()
        self.origin.server.server_close()


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    made = Setting(tmp_path_factory.mktemp("batches"))
    yield made
    made.stop()


def upload(client, data, purpose="batch"):
    return client.files.create(file=("in.jsonl", io.BytesIO(data)),
                               purpose=purpose)


def begin(client, data, **more):
    put = upload(client, data)
    return put, client.batches.create(
        input_file_id=put.id, endpoint="/v1/chat/completions",
        completion_window="24h", **more)


def ledger(setting, request):
    def found():
        done = setting.weir.cli("explain", request, "--json", check=False)
        said = json.loads(done.stdout) if done.returncode < 2 else {}
        return said.get("outcome")
    return lab.wait_for(found)


def test_life_of_a_batch(setting):
    client = setting.client("thrifty")
    data = lines("hello", "again", model="bulk", max_tokens=100, n=2)
    put = upload(client, data)
    assert put.purpose == "batch" and put.filename == "in.jsonl"
    assert put.id.startswith("file-") and put.id not in setting.origin.files
    there = list(setting.origin.files.values())[-1][1].splitlines()
    assert [json.loads(line)["body"]["model"] for line in there] == \
        ["large-9"] * 2
    assert [json.loads(line)["custom_id"] for line in there] == ["c0", "c1"]
    before = setting.held("thrifty", "tokens", "day")
    raw = client.batches.with_raw_response.create(
        input_file_id=put.id, endpoint="/v1/chat/completions",
        completion_window="24h", metadata={"mine": "yes"})
    batch = raw.parse()
    request = raw.headers["weir-request-id"]
    assert batch.input_file_id == put.id and batch.metadata == {"mine": "yes"}
    assert batch.id.startswith("batch_")
    assert batch.id not in setting.origin.batches
    assert json.loads(setting.origin.seen[-1][3])["input_file_id"] in \
        setting.origin.files
    charged = setting.held("thrifty", "tokens", "day")[0] - before[0]
    assert 400 < charged < 460     # 2 lines, 2 answers, 100 tokens; prompts
    assert client.batches.retrieve(batch.id).status == "validating"
    setting.origin.finish({
        "input_tokens": 20, "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 11, "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 31})
    for _ in range(3):
        done = client.batches.retrieve(batch.id)
    assert done.status == "completed" and done.input_file_id == put.id
    text = client.files.content(done.output_file_id).read()
    assert text == b'{"custom_id":"a"}\n' * 40000
    outcome = ledger(setting, request)
    usage = outcome.get("usage", outcome)
    assert (usage["input_tokens"], usage["output_tokens"]) == (20, 11)
    # 16 of 3, 4 of 1, 11 of 15 micro-units each, and half of that
    whole = (16 * 3 + 4 * 1 + 9 * 15 + 2 * 15) / 1e6
    cost = float(outcome.get("cost", outcome.get("cost_micros")))
    assert cost in (whole / 2 * 1e6, whole / 2, -(-whole * 1e6 // 2),
                    -(-whole * 1e6 // 2) / 1e6)
    lab.wait_for(lambda: setting.held("thrifty", "tokens", "day")[0] -
                 before[0] == 31, what="the correction of the counter")
    assert client.files.delete(put.id).deleted
    row = next(row for row in setting.weir.usage() if
               row.get("tenant") == "thrifty")
    assert row["input_tokens"] + row["output_tokens"] == \
        setting.held("thrifty", "tokens", "day")[0]


def test_another_tenant_sees_nothing(setting):
    put, batch = begin(setting.client(), lines("mine"))
    setting.origin.finish(None)
    out = setting.client().batches.retrieve(batch.id).output_file_id
    seen = len(setting.origin.seen)
    own = list(setting.origin.files)[-2:]
    for tenant, names in (("thrifty", [put.id, out]), ("good", own),
                          ("good", [put.id[:-1] + "_", "file-", "x" * 300])):
        for name in names:
            for method, path in (("GET", f"/v1/files/{name}"),
                                 ("GET", f"/v1/files/{name}/content"),
                                 ("DELETE", f"/v1/files/{name}")):
                status, _, body = setting.call(method, path, tenant)
                assert status == 404 and b"error" in body, (path, body)
            with pytest.raises(openai.NotFoundError):
                setting.client(tenant).batches.create(
                    input_file_id=name, endpoint="/v1/chat/completions",
                    completion_window="24h")
    for name in (batch.id, list(setting.origin.batches)[-1]):
        for method, path in (("GET", f"/v1/batches/{name}"),
                             ("POST", f"/v1/batches/{name}/cancel")):
            assert setting.call(method, path, "thrifty")[0] == 404
    # what a batch made is not what a batch is made of
    with pytest.raises(openai.NotFoundError):
        setting.client().batches.create(
            input_file_id=out, endpoint="/v1/chat/completions",
            completion_window="24h")
    assert len(setting.origin.seen) == seen


@pytest.mark.parametrize("data, said", [
    (lines("a") + lines("b", model="small"), "line 2: every line must ask"),
    (lines("a", stream=True), "line 1: stream"),
    (lines("a", url="/v1/fine_tuning/jobs"), "line 1: url"),
    (lines("a") + b'{"custom_id": "x"', "line 2"),
    (lines("a", background=True), "line 1: background"),
    (lines("a", url="/v1/responses", previous_response_id="resp_1",
           input="x"), "line 1: previous_response_id names what"),
    (lines("a", url="/v1/responses", input=[
        {"id": "msg_1", "role": "user", "content": "x"}]),
     "line 1: input[0].id names what"),
    (lines("a", models=["large"]), "line 1: models"),
    (b"\n  \n", "no lines"),
    (b"", "file"),
])
def test_a_line_that_may_not_be_sent(setting, data, said):
    seen = len(setting.origin.seen)
    with pytest.raises(openai.BadRequestError) as fault:
        upload(setting.client(), data)
    assert said in str(fault.value)
    assert len(setting.origin.seen) == seen


def test_other_purposes_are_not_served(setting):
    seen = len(setting.origin.seen)
    for purpose in ("fine-tune", "assistants", "evals"):
        with pytest.raises(openai.BadRequestError) as fault:
            upload(setting.client(), lines("a"), purpose)
        assert "purpose" in str(fault.value)
    assert len(setting.origin.seen) == seen


def test_lines_are_asked_as_what_they_are(setting):
    """Who may not chat does not by way of a file, nor who may not leave
    files; a model that offers no batches has none."""
    seen = len(setting.origin.seen)
    for tenant, policy in (("insider", "only-batches"), ("busy", "no-batches")):
        with pytest.raises(openai.PermissionDeniedError) as fault:
            upload(setting.client(tenant), lines("a"))
        assert policy in json.dumps(fault.value.body)
    with pytest.raises(openai.BadRequestError):
        upload(setting.client(), lines("a", model="small"))
    with pytest.raises(openai.NotFoundError):
        upload(setting.client(), lines("a", model="nobody"))
    assert len(setting.origin.seen) == seen


def test_rules_over_prompts_hold_for_each_line(setting):
    client = setting.client("thrifty")
    upload(client, lines("write to jo@example.org", "nothing"))
    there = list(setting.origin.files.values())[-1][1]
    assert b"jo@example.org" not in there and b"nothing" in there
    assert len(there.splitlines()) == 2
    seen = len(setting.origin.seen)
    with pytest.raises(openai.PermissionDeniedError) as fault:
        upload(client, lines("fine", "project Nightjar"))
    assert "project" in str(fault.value)
    with pytest.raises(openai.PermissionDeniedError) as fault:
        upload(setting.client("limited"), lines("hello"))
    assert "answers" in str(fault.value)
    assert len(setting.origin.seen) == seen


def test_a_batch_is_held_for_before_it_is_sent(setting):
    """40 micro-units a day: a line of 100 tokens costs 750 at half price."""
    client = setting.client("poor")
    put = upload(client, lines("a", max_tokens=100))
    seen = len(setting.origin.seen)
    with pytest.raises(openai.RateLimitError):
        client.batches.create(input_file_id=put.id, completion_window="24h",
                              endpoint="/v1/chat/completions")
    assert len(setting.origin.seen) == seen


def test_cancelled_without_usage_is_charged_by_what_was_done(setting):
    client = setting.client("thrifty")
    before = setting.held("thrifty", "tokens", "day")[0]
    put, batch = begin(client, lines(*"abcd", max_tokens=100))
    charged = setting.held("thrifty", "tokens", "day")[0] - before
    assert charged > 400
    assert client.batches.cancel(batch.id).status == "cancelling"
    setting.origin.finish(None, counts=(1, 4), status="cancelled")
    assert client.batches.retrieve(batch.id).status == "cancelled"
    lab.wait_for(lambda: 100 <= setting.held("thrifty", "tokens", "day")[0] -
                 before <= charged // 4, what="the correction")


def test_an_origin_that_refuses_costs_nothing(setting):
    client = setting.client("thrifty")
    put = upload(client, lines("a", max_tokens=100))
    before = setting.held("thrifty", "tokens", "day")
    kept = dict(setting.origin.files)
    setting.origin.files.clear()
    try:
        with pytest.raises(openai.NotFoundError):
            client.batches.create(input_file_id=put.id, completion_window="24h",
                                  endpoint="/v1/chat/completions")
    finally:
        setting.origin.files.update(kept)
    assert setting.held("thrifty", "tokens", "day") == before


def test_batches_outlive_workers(setting):
    """A batch goes on when weir does not: its call is not lost, and its
    budget stays charged, also in counters that are made anew."""
    client = setting.client("thrifty")
    before = setting.held("thrifty", "tokens", "day")[0]
    put, batch = begin(client, lines("a", max_tokens=100))
    charged = setting.held("thrifty", "tokens", "day")[0]
    assert charged > before + 100
    setting.weir.kill()
    (setting.weir.run_dir / "quota").unlink()
    setting.weir.start(30)
    lab.wait_for(lambda: setting.held("thrifty", "tokens", "day")[0] ==
                 charged, what="the counter made anew")
    setting.origin.finish({"input_tokens": 5, "output_tokens": 6})
    assert client.batches.retrieve(batch.id).status == "completed"
    lab.wait_for(lambda: setting.held("thrifty", "tokens", "day")[0] ==
                 before + 11, what="the correction")


def anonymous(weir):
    """KiB of memory of their own of all workers."""
    total = 0
    for pid, _, _ in weir.children():
        with contextlib.suppress(OSError):
            place = pathlib.Path(f"/proc/{pid}")
            if "worker process" in (place / "cmdline").read_text():
                total += int(re.search(r"RssAnon:\s+(\d+)", (
                    place / "status").read_text())[1])
    return total


def test_a_large_file_is_not_held_in_memory(setting):
    """64 MB of lines, each filtered and with another model's name: what is
    written anew is the kernel's to put on disk."""
    data = lines(*["x" * 16000 for _ in range(4000)], "jo@example.org",
                 model="bulk")
    assert len(data) > 64_000_000
    upload(setting.client("thrifty"), lines("warm"))
    before, most, over = anonymous(setting.weir), [0], threading.Event()

    def look():
        while not over.is_set():
            most[0] = max(most[0], anonymous(setting.weir))
            over.wait(0.02)
    looker = threading.Thread(target=look)
    looker.start()
    try:
        put = upload(setting.client("thrifty"), data)
    finally:
        over.set()
        looker.join()
    there = setting.origin.files[list(setting.origin.files)[-1]][1]
    rows = there.splitlines()
    assert len(rows) == 4001 and b"jo@example.org" not in rows[-1]
    assert {json.loads(row)["body"]["model"] for row in rows} == {"large-9"}
    print(f"a file of {len(data)} bytes: {most[0] - before} KiB of memory")
    assert before > 0 and most[0] - before < 24 * 1024
    out = setting.client("thrifty").files.content(put.id)
    assert out.read() == there


SERVED = {
    ("POST", "/chat/completions"), ("POST", "/completions"),
    ("POST", "/responses"), ("POST", "/embeddings"), ("POST", "/moderations"),
    ("POST", "/images/generations"), ("POST", "/images/edits"),
    ("POST", "/images/variations"), ("POST", "/audio/speech"),
    ("POST", "/audio/transcriptions"), ("POST", "/audio/translations"),
    ("GET", "/models"), ("GET", "/models/{model}"),
    ("POST", "/files"), ("GET", "/files/{file_id}"),
    ("DELETE", "/files/{file_id}"), ("GET", "/files/{file_id}/content"),
    ("POST", "/batches"), ("GET", "/batches/{batch_id}"),
    ("POST", "/batches/{batch_id}/cancel"),
    ("POST", "/responses/input_tokens"),
    ("GET", "/responses/{response_id}"),
    ("DELETE", "/responses/{response_id}"),
    ("POST", "/responses/{response_id}/cancel"),
    ("GET", "/responses/{response_id}/input_items"),
}
# Made of looks at what the tenant has: tests/e2e/test_lists.py.
LISTS = {("GET", "/files"), ("GET", "/batches")}


def described():
    """(method, path) of each operation of the API's own description."""
    data = lab.data_dir()
    file = data / "api/openai-openapi.yaml.zst" if data else None
    if file is None or not file.is_file():
        pytest.skip("no description of the API in $WEIR_DATA/api")
    text = subprocess.run(["zstd", "-dc", file], capture_output=True,
                          text=True, check=True).stdout
    path = None
    for line in text.splitlines():
        if found := re.fullmatch(r"  (/\S+):", line):
            path = found[1]
        elif re.match(r"\S", line):
            path = None
        elif path and (found := re.fullmatch(
                r"    (get|post|put|patch|delete):", line)):
            yield found[1].upper(), path


def test_only_what_is_listed_passes(setting):
    """Each operation of the API, with ids that the origin has: what is not
    in the list is refused by weir, and no origin hears of it."""
    rows = list(described())
    assert len(rows) > 200 and SERVED <= set(rows)
    file, batch = begin(setting.client(), lines("a"))
    own = {"file": list(setting.origin.files)[-1],
           "batch": list(setting.origin.batches)[-1]}
    seen = len(setting.origin.seen)
    for method, path in rows:
        where = re.sub(r"\{(\w+)\}", lambda name: own.get(
            name[1].split("_")[0], "large"), path)
        status, _, body = setting.call(method, "/v1" + where, body=b"{}")
        if (method, path) == ("GET", "/models") or \
                (method, path) == ("GET", "/models/{model}"):
            assert status == 200
        elif (method, path) in LISTS:
            assert status == 200
            assert {row[0] for row in setting.origin.seen[seen:]} <= {"GET"}
            seen = len(setting.origin.seen)
        elif (method, path.split("?")[0]) in SERVED:
            assert status in (400, 404), (method, path, status, body)
        else:
            assert status in (404, 405), (method, path, status, body)
        assert len(setting.origin.seen) == seen, (method, path)
