# SPDX-License-Identifier: Apache-2.0
"""Signals out: spans to a collector, events to a file, syslog and a webhook,
held against the descriptions of those who take them."""
import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import re
import socket
import socketserver
import ssl
import subprocess
import sys
import threading

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "harness")]
import lab  # noqa: E402
from small import POLICIES, config  # noqa: E402

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
SECRET = base64.b64encode(b"a secret of thirty-two bytes....").decode()
IDS = ("traceId", "spanId", "parentSpanId")


class Sink:
    """An HTTP server that keeps what it gets; `answers`: statuses to give
    before 200."""

    def __init__(self):
        self.got, self.answers = [], []
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                status = sink.answers.pop(0) if sink.answers else 200
                if status == 200:
                    sink.got.append((dict(self.headers.items()), body))
                self.send_response(status)
                if status in (429, 503):
                    self.send_header("retry-after", "1")
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def bodies(self):
        return [json.loads(body) for _, body in list(self.got)]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Syslog:
    """RFC 5425: frames over TLS."""

    def __init__(self, certificates):
        self.frames = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates["certificate"],
                                certificates["key"])
        collector = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                stream = context.wrap_socket(self.request, server_side=True)
                read = stream.makefile("rb")
                while True:
                    length = b""
                    while not length.endswith(b" "):
                        byte = read.read(1)
                        if not byte:
                            return
                        length += byte
                    collector.frames.append(read.read(int(length)).decode())

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = allow_reuse_address = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Told:
    """A weir with an exporter of each kind."""

    def __init__(self, where):
        where.mkdir(parents=True, exist_ok=True)
        self.sink, self.hook = Sink(), Sink()
        certificates = lab.make_certificates(where)
        self.syslog = Syslog(certificates)
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", 0))
        self.datagrams.settimeout(10)
        (where / "token").write_text("Bearer of tokens\n")
        (where / "secret").write_text("whsec_" + SECRET + "\n")
        self.file = where / "events.jsonl"
        self.origin = lab.Origin(where)
        world = config(self.origin.url())
        world["tenants"][0]["hide_client_address"] = True
        udp = self.datagrams.getsockname()[1]
        world["telemetry"] = {
            "instance": "weir-test",
            "traces": {"url": self.sink.url("/v1/traces"),
                       "credential": {"file": str(where / "token")}},
            "events": [
                {"name": "all", "file": str(self.file),
                 "of": ["calls", "refusals", "acts", "cases"]},
                {"name": "siem", "syslog": f"tls://localhost:"
                 f"{self.syslog.port}", "ca": certificates["ca"],
                 "of": ["refusals"]},
                {"name": "plain", "syslog": f"udp://127.0.0.1:{udp}",
                 "of": ["refusals"]},
                {"name": "hook", "webhook": self.hook.url("/events"),
                 "secret": {"file": str(where / "secret")},
                 "of": ["refusals", "acts"]}]}
        self.world = world
        self.weir = lab.Weir(where / "weir", world, POLICIES)
        self.weir.start()
        self.good, self.south = (self.weir.key("good/app"),
                                 self.weir.key("south/polar"))
        self.wait("the first act", lambda: self.events())

    def wait(self, what, claim, seconds=20):
        return lab.wait_for(claim, seconds, what)

    def call(self, key, **fields):
        status, headers, body = lab.exchange(
            self.weir.port, "POST", "/v1/chat/completions",
            json.dumps({"model": "m", "messages": [
                {"role": "user", "content": "SECRETPROMPT"}]}).encode(),
            {"Authorization": "Bearer " + key,
             "Content-Type": "application/json", **fields})
        return status, headers.get("weir-request-id"), body

    def spans(self):
        return [span for body in self.sink.bodies()
                for resource in body["resourceSpans"]
                for scope in resource["scopeSpans"]
                for span in scope["spans"]]

    def spans_of(self, request):
        spans = self.spans()
        roots = [s for s in spans
                 if attributes(s).get("weir.request.id") == request]
        return [s for s in spans if roots and
                s["traceId"] == roots[0]["traceId"]]

    def events(self):
        if not self.file.exists():
            return []
        return [json.loads(line) for line in
                self.file.read_text().splitlines()]

    def event_of(self, request):
        return next((e for e in self.events()
                     if e["metadata"]["uid"] == request), None)

    def stop(self):
        self.weir.stop()
        self.origin.stop()
        for server in (self.sink, self.hook, self.syslog):
            server.stop()
        self.datagrams.close()


def attributes(span):
    return {a["key"]: next(iter(a["value"].values()))
            for a in span["attributes"]}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    made = Told(tmp_path_factory.mktemp("telemetry"))
    yield made
    made.stop()


# ------------------------------------------------------------------- spans


def as_proto(body):
    """The message that a collector reads: in JSON its ids are hexadecimal,
    which protobuf's own JSON does not know."""
    def coded(value):
        if isinstance(value, list):
            return [coded(v) for v in value]
        if not isinstance(value, dict):
            return value
        return {k: base64.b64encode(bytes.fromhex(v)).decode()
                if k in IDS else coded(v) for k, v in value.items()}
    return json_format.ParseDict(
        coded(body), trace_service_pb2.ExportTraceServiceRequest())


def test_a_call_is_a_span_with_its_attempt_beneath(told):
    status, request, _ = told.call(
        told.good, traceparent=f"00-{TRACE}-{PARENT}-01")
    assert status == 200
    spans = told.wait("its spans", lambda: told.spans_of(request))
    root = next(s for s in spans if s["kind"] == 2)
    attempt = next(s for s in spans if s["kind"] == 3)
    assert root["traceId"] == TRACE and root["parentSpanId"] == PARENT
    assert attempt["parentSpanId"] == root["spanId"]
    assert root["name"] == "chat m"
    said = attributes(root)
    assert said["gen_ai.operation.name"] == "chat"
    assert said["gen_ai.provider.name"] == "maker"
    assert said["gen_ai.request.model"] == "m"
    assert int(said["gen_ai.usage.input_tokens"]) > 0
    assert said["weir.tenant"] == "good"
    assert "client.address" not in said, "the tenant hides it"
    assert attributes(attempt)["server.address"] == "127.0.0.1"
    assert int(root["startTimeUnixNano"]) <= int(
        attempt["startTimeUnixNano"]) <= int(
        attempt["endTimeUnixNano"]) <= int(root["endTimeUnixNano"])
    fields, body = told.sink.got[0]
    assert {k.lower(): v for k, v in fields.items()}[
        "authorization"] == "Bearer of tokens"
    for body in told.sink.bodies():
        message = as_proto(body)
        assert message.resource_spans[0].scope_spans[0].scope.name == "weir"


def test_a_refusal_is_a_span_with_an_error_in_a_trace_of_its_own(told):
    status, request, _ = told.call(told.south)
    assert status == 403
    root, = told.wait("its span", lambda: told.spans_of(request))
    assert root["status"] == {"code": 2, "message": "policy_forbids"}
    assert attributes(root)["weir.policy"] == "maker-places"
    assert "parentSpanId" not in root
    assert attributes(root)["client.address"] == "127.0.0.1"


def test_the_names_are_those_of_the_conventions(told):
    data = lab.data_dir()
    if data is None:
        pytest.skip("no test data")
    text = subprocess.run(
        ["tar", "--zstd", "-xOf", str(data / "otel/gen-ai-semconv.tar.zst"),
         "--wildcards", "*gen-ai/registry.yaml"],
        check=True, capture_output=True, text=True).stdout
    known = set(re.findall(r"- id: (gen_ai\.[a-z_.]+)", text))
    assert len(known) > 20
    table = (HERE.parents[1] / "control/telemetry/genai.def").read_text()
    names = set(re.findall(r'WEIR_OTEL\([A-Z_]+, "(gen_ai\.[^"]+)"', table))
    assert names and names <= known, names - known
    values = set(re.findall(r'value: "([^"]+)"', text))
    table = (HERE.parents[1] /
             "control/telemetry/operations.def").read_text()
    dialects = set(re.findall(r'WEIR_OTEL_DIALECT\("[^"]+", "([^"]+)"', table))
    assert dialects and dialects <= values, dialects - values


def test_what_a_collector_cannot_take_now_comes_again_in_order(told):
    told.sink.answers = [503, 429]
    asked = [told.call(told.good)[1] for _ in range(3)]
    told.wait("all three", lambda: all(told.spans_of(r) for r in asked), 30)
    assert not told.sink.answers
    spans = [s["spanId"] for s in told.spans()]
    assert len(spans) == len(set(spans)), "nothing twice"


# ------------------------------------------------------------------- events


# Enums that the schema's own compiler makes of its files.
NUMBERED = ("class_uid", "category_uid", "type_uid")


class Schema:
    """Enough of OCSF to hold an event against: names, what is required, at
    least one of, and the values of enums."""

    def __init__(self, folder):
        self.folder = folder
        self.dictionary = self.read("dictionary.json")["attributes"]
        self.objects = {}
        for file in folder.glob("objects/*.json"):
            row = json.loads(file.read_text())
            self.objects[row["name"]] = row
        self.classes = {}
        for file in folder.glob("events/**/*.json"):
            row = json.loads(file.read_text())
            self.classes[row["name"]] = row

    def read(self, name):
        return json.loads((self.folder / name).read_text())

    def attributes(self, row, rows):
        found = {}
        base = row.get("extends")
        if base in rows:
            found.update(self.attributes(rows[base], rows))
        include = row["attributes"].get("$include", [])
        for name in [include] if isinstance(include, str) else include:
            profile = self.read(name)
            found.update({k: {**v, "requirement": "optional"} for k, v in
                          profile["attributes"].items() if k != "$include"})
        for name, value in row["attributes"].items():
            if name != "$include":
                found[name] = {**found.get(name, {}), **value}
        return found

    def constraint(self, row):
        while row is not None:
            if "constraints" in row:
                return row["constraints"]
            row = self.objects.get(row.get("extends"))
        return {}

    def check(self, value, fields, where):
        for name, field in fields.items():
            if field.get("requirement") == "required":
                assert name in value, f"{where}.{name} is required"
        for name, part in value.items():
            assert name in fields, f"{where}.{name} is not in the schema"
            kind = {**self.dictionary.get(name, {}), **fields[name]}
            if "enum" in kind and name not in NUMBERED:
                assert str(part) in {**self.dictionary.get(name, {}).get(
                    "enum", {}), **kind["enum"]}, f"{where}.{name} = {part}"
            for item in part if isinstance(part, list) else [part]:
                self.check_value(item, kind.get("type"), f"{where}.{name}")

    def check_value(self, value, kind, where):
        if kind in self.objects and kind != "object":
            row = self.objects[kind]
            self.check(value, self.attributes(row, self.objects), where)
            some = self.constraint(row).get("at_least_one")
            assert not some or set(some) & set(value), f"{where}: one of"
        elif kind in ("integer_t", "long_t", "timestamp_t", "port_t"):
            assert isinstance(value, int), where
        elif kind and kind.endswith("string_t"):
            assert isinstance(value, str), where

    def event(self, event):
        name = {6003: "api_activity", 2004: "detection_finding"}[
            event["class_uid"]]
        row = self.classes[name]
        assert event["class_uid"] == event["category_uid"] * 1000 + row["uid"]
        assert event["type_uid"] == (event["class_uid"] * 100 +
                                     event["activity_id"])
        fields = self.attributes(row, self.classes)
        for profile in event["metadata"].get("profiles", []):
            fields.update({k: v for k, v in self.read(
                f"profiles/{profile}.json")["attributes"].items()
                if k != "$include"})
        self.check(event, fields, name)


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    data = lab.data_dir()
    if data is None:
        pytest.skip("no test data")
    where = tmp_path_factory.mktemp("ocsf")
    subprocess.run(["tar", "-C", str(where), "--zstd", "-xf",
                    str(next((data / "ocsf").glob("*.zst")))], check=True)
    return Schema(next(p.parent for p in where.rglob("dictionary.json")))


def test_events_are_of_the_schema(told, schema):
    _, good, _ = told.call(told.good, traceparent=f"00-{TRACE}-{PARENT}-01")
    _, bad, _ = told.call(told.south)
    told.weir.cli("withdraw", "model", "m", "--reason", "a test")
    told.weir.cli("restore", "model", "m")
    told.wait("events", lambda: told.event_of(good) and told.event_of(bad))
    told.wait("the deed", lambda: any(
        e["api"]["operation"].startswith("withdraw") for e in told.events()
        if "api" in e))
    for event in told.events():
        schema.event(event)
    call, refusal = told.event_of(good), told.event_of(bad)
    assert call["status"] == "Success" and call["trace"]["uid"] == TRACE
    assert call["ai_model"] == {"name": "m", "ai_provider": "maker"}
    assert "ip" not in call["src_endpoint"]
    assert refusal["status_code"] == "policy_forbids"
    assert refusal["src_endpoint"]["ip"] == "127.0.0.1"
    assert "SECRETPROMPT" not in told.file.read_text()


def test_a_case_is_a_finding(told, schema):
    """A call that policy holds is a case."""
    assert told.call(told.weir.key("young/start"))[0] == 403
    event = told.wait("the finding", lambda: next(
        (e for e in told.events() if e["class_uid"] == 2004), None), 30)
    schema.event(event)
    assert event["finding_info"]["title"] == "case.raised"
    assert event["finding_info"]["types"] == ["hold"]
    assert event["is_alert"] and event["status"] == "New"


def test_syslog_has_frames_over_tls_and_datagrams(told):
    _, request, _ = told.call(told.south)
    frame = told.wait("its frame", lambda: next(
        (f for f in told.syslog.frames if request in f), None))
    head, event = frame.split(" - ocsf - ", 1)
    assert re.fullmatch(r"<110>1 \S+Z weir-test weir", head), head
    assert json.loads(event)["metadata"]["uid"] == request
    while request.encode() not in (datagram := told.datagrams.recv(65536)):
        pass
    assert datagram.startswith(b"<110>1 ")


def test_a_webhook_is_signed_and_tried_until_it_is_taken(told):
    told.hook.answers = [500]
    _, request, _ = told.call(told.south)

    def taken():
        return next(((h, b) for h, b in list(told.hook.got)
                     if request.encode() in b), None)
    fields, body = told.wait("the webhook", taken, 30)
    fields = {k.lower(): v for k, v in fields.items()}
    signed = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.".encode()
    expected = base64.b64encode(hmac.new(
        base64.b64decode(SECRET), signed + body, hashlib.sha256).digest())
    assert fields["webhook-signature"] == "v1," + expected.decode()
    assert json.loads(body)["type"] == "weir.events"


def test_metrics_count_what_was_delivered(told):
    text = weir_metrics(told.weir).decode()
    for name in ("traces", "all", "siem", "plain", "hook"):
        found = re.search(r'weir_telemetry_exported_total\{exporter="%s"\} '
                          r'(\d+)' % name, text)
        assert found and int(found[1]) > 0, name


def test_an_exporter_goes_on_where_it_was(tmp_path):
    """Calls made while the collector is dead, and weir stopped, arrive."""
    sink = Sink()
    origin = lab.Origin(tmp_path)
    world = config(origin.url())
    port = lab.free_port()
    world["telemetry"] = {
        "traces": {"url": f"http://127.0.0.1:{port}/v1/traces"}}
    weir = lab.Weir(tmp_path / "weir", world, POLICIES)
    weir.start()
    try:
        key = weir.key("good/app")

        def call():
            _, headers, _ = lab.exchange(
                weir.port, "POST", "/v1/chat/completions",
                b'{"model":"m","messages":[]}',
                {"Authorization": "Bearer " + key})
            return headers["weir-request-id"]
        lab.wait_for(lambda: b"telemetry" in weir_metrics(weir), 10,
                     "the exporter")
        lost = [call() for _ in range(3)]
        lab.wait_for(lambda: b'failures_total{exporter="traces"} 0' not in
                     weir_metrics(weir), 15, "a failure")
        weir.stop()
        world["telemetry"]["traces"]["url"] = sink.url("/v1/traces")
        weir.config["telemetry"] = world["telemetry"]
        weir.write()
        weir.start()

        def arrived():
            text = b"".join(body for _, body in list(sink.got)).decode()
            return all(r in text for r in lost)
        lab.wait_for(arrived, 20, "what happened before")
    finally:
        weir.stop()
        origin.stop()
        sink.stop()


def weir_metrics(weir):
    if weir.token is None:
        weir.token = weir.json("admins", "create", "--role", "admin",
                               "--name", "lab")["token"]
    status, _, text = lab.exchange(
        weir.admin_port, "GET", "/metrics",
        headers={"Authorization": "Bearer " + weir.token})
    assert status == 200
    return text


@pytest.mark.parametrize("telemetry, says", [
    ({"traces": {"url": "ftp://x/"}}, "not an address of http"),
    ({"traces": {"url": "http://collector.example/",
                 "credential": {"env": "X"}}}, "over plain http"),
    ({"events": [{"name": "x"}]}, "one place to go to"),
    ({"events": [{"name": "x", "file": "a", "syslog": "unix:/dev/log"}]},
     "one place to go to"),
    ({"events": [{"name": "traces", "file": "a"}]}, "usable name"),
    ({"events": [{"name": "x", "file": "a", "of": ["prompts"]}]},
     "not a kind of event"),
    ({"events": [{"name": "x", "webhook": "https://h.example/"}]},
     "without a secret"),
    ({"events": [{"name": "x", "syslog": "carrier:pigeon"}]},
     "not a place for syslog"),
])
def test_what_is_wrong_is_said(tmp_path, telemetry, says):
    world = config("http://127.0.0.1:9")
    world["telemetry"] = telemetry
    weir = lab.Weir(tmp_path / "weir", world, POLICIES)
    done = weir.cli("check", check=False)
    assert done.returncode != 0 and says in done.stdout + done.stderr
