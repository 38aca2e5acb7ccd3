# SPDX-License-Identifier: Apache-2.0
"""Realtime sessions: the official client, the one gate, what is counted, and
everything that either side of a WebSocket can do wrong."""
import json
import pathlib
import socket
import struct
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import world  # noqa: E402

openai = pytest.importorskip("openai")
pytest.importorskip("websockets")
from realtime import Origin, Raw, SOUND, USAGE, frame, outcome  # noqa: E402

class Setting:
    def __init__(self, where, limits=None, policies=None, filters=None,
                 tls=False):
        self.certificates = lab.make_certificates(where)
        self.origin = Origin()
        self.sealed = Origin(self.certificates)
        config = world.config({name: self.origin.url for name in
                               ("near", "far", "slow")}, lab.free_port(),
                              self.certificates, 0, self.sealed.url)
        config.pop("tls")
        config.pop("listen")
        config["limits"].update(limits or {})
        # An answer of 100 tokens at the most costs 0.0002 or less.
        talker = {**world.model("small", "other", ["realtime"]),
                  "name": "talker", "output_tokens_max": 100,
                  "price": {"input": "1", "cached_input": "0.5", "output": "4",
                            "audio_input": "10", "audio_cached": "0.25",
                            "audio_output": "20"}}
        config["models"].append(talker)
        # What writes down is sold by the second: a thousandth of a unit each.
        config["models"].append({
            **world.model("small", "other", ["transcribe"]), "name": "writer",
            "output_tokens_max": 50,
            "price": {"input": "1000", "output": "0"}})
        config["models"].append({
            **world.model("small", "other", ["transcribe"]),
            "name": "far-writer"})
        for name, origin, called, model in (
                ("talker-near", "near", "talker-9", "talker"),
                ("talker-sealed", "sealed", "talker/9 é", "talker"),
                ("talker-refused", "near", "refused-9", "talker"),
                ("writer-near", "near", "writer-é\"9", "writer"),
                ("writer-far", "far", "writer-8", "far-writer")):
            row = world.deployment(name, model, origin)
            row["origin_model"] = called
            row["breaker"] = "none"
            config["deployments"].append(row)
            config["routes"].append({"name": name.replace("-", "_"),
                                     "mode": "order", "candidates": [name]})
        for origin in config["origins"]:
            if origin["name"] == "near":
                origin["credential"] = {"env": "UPSTREAM"}
        config["filters"] = filters or []
        for tenant in config["tenants"]:
            if tenant["name"] == "thrifty":
                tenant["budgets"] = {"tokens_per_day": 1000}
        self.weir = lab.Weir(where / "weir", config, {
            **world.POLICIES, **(policies or {})},
            environment={"UPSTREAM": "sk-upstream"})
        self.keys = {}
        self.port = lab.free_port() if tls else None
        if tls:
            self.weir.config["listen"].append(
                {"address": f"127.0.0.1:{self.port}",
                 "tls": {"certificate": self.certificates["certificate"],
                         "key": self.certificates["key"]}})
            self.weir.write()
        try:
            self.weir.start()
        except BaseException:
            self.stop()
            raise

    def key(self, tenant="good"):
        if tenant not in self.keys:
            self.keys[tenant] = self.weir.key(f"{tenant}/app")
        return self.keys[tenant]

    def open(self, tenant="good", model="talker_near", key=None, **more):
        client = Raw(self.weir.port, f"/v1/realtime?model={model}",
                     key or self.key(tenant), **more)
        if client.status == 101:
            assert client.event()["type"] == "session.created"
        return client

    def outcome(self, client):
        return outcome(self.weir, client.request)

    def stop(self):
        self.weir.end()
        self.origin.stop()
        self.sealed.stop()


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    made = Setting(tmp_path_factory.mktemp("realtime"))
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean(request):
    if "setting" in request.fixturenames:
        request.getfixturevalue("setting").origin.reset()
    yield


def sdk(setting, **more):
    return openai.OpenAI(
        base_url=setting.weir.base, api_key=setting.key(), max_retries=0,
        websocket_base_url=f"ws://127.0.0.1:{setting.weir.port}/v1", **more)


# ------------------------------------------------------------ the client

def test_the_official_client_talks(setting):
    events = []
    with sdk(setting).realtime.connect(model="talker_near") as session:
        session.session.update(session={"type": "realtime",
                                        "model": "talker_near",
                                        "instructions": "be short"})
        session.conversation.item.create(item={
            "type": "message", "role": "user",
            "content": [{"type": "input_text", "text": "Say hello"}]})
        for _ in range(2):
            session.response.create()
            for event in session:
                events.append(event)
                if event.type == "response.done":
                    break
    text = "".join(event.delta for event in events
                   if event.type == "response.output_text.delta")
    assert text == "Hello world" * 2
    assert events[-1].response.usage.output_tokens == 100
    path, headers = setting.origin.heads[0]
    assert path == "/v1/realtime?model=talker-9"
    headers = {name.lower(): value for name, value in headers.items()}
    assert setting.key() not in json.dumps(setting.origin.heads)
    assert headers["authorization"] == "Bearer sk-upstream"
    assert "sec-websocket-extensions" not in headers
    update = json.loads(setting.origin.seen[0])
    assert update["session"] == {"type": "realtime", "model": "talker-9",
                                 "instructions": "be short"}


def test_usage_is_that_of_every_answer(setting):
    client = setting.open()
    for _ in range(3):
        client.create()
        client.event("response.done")
    assert client.end() == 1000
    told = setting.outcome(client)
    usage = told.get("usage", told)
    assert usage["input_tokens"] == 3 * USAGE["input_tokens"]
    assert usage["output_tokens"] == 3 * USAGE["output_tokens"]
    assert usage["cached_tokens"] == 300
    assert not usage.get("estimated", usage.get("is_estimated"))
    assert told["ending"] == "complete"
    # 40 plain, 40 cached, 60 sound and 60 of it cached; 30 and 70 out
    micros = 3 * (40 * 1 + 60 * 10 + 30 * 4 + 70 * 20) + 3 * 40 // 2 + \
        3 * 60 // 4
    assert told["cost_micros"] == micros


def test_azure_paths_and_a_browser_s_key(setting):
    client = Raw(setting.weir.port, "/openai/realtime?api-version=2025-04-01"
                 "-preview&deployment=talker_near", "", {
                     "Authorization": None, "api-key": setting.key()})
    assert client.status == 101
    client.event("session.created")
    assert client.end() == 1000
    client = Raw(setting.weir.port, "/openai/v1/realtime?model=talker_near",
                 "", {"Authorization": None, "Sec-WebSocket-Protocol":
                      "realtime, openai-insecure-api-key." + setting.key()})
    assert client.status == 101
    assert client.headers["sec-websocket-protocol"] == "realtime"
    client.event("session.created")
    assert client.end() == 1000
    assert setting.key() not in json.dumps(setting.origin.heads)


def test_an_origin_behind_tls(setting):
    client = setting.open(model="talker_sealed")
    client.create("large")
    client.event("response.done")
    assert client.end() == 1000
    assert setting.sealed.heads[-1][0] == \
        "/v1/realtime?model=talker%2F9%20%C3%A9"


def test_large_messages_pass_both_ways(setting):
    client = setting.open()
    sound = SOUND * 200         # 1.3 MB
    client.send({"type": "input_audio_buffer.append", "audio": sound})
    client.create("large")
    client.event("response.done")
    assert client.end() == 1000
    assert json.loads(setting.origin.seen[0])["audio"] == sound


def test_sound_may_ask_by_itself(setting):
    client = setting.open()
    client.send({"type": "input_audio_buffer.append", "audio": SOUND})
    client.send({"type": "input_audio_buffer.commit"})
    client.event("response.done")
    assert client.end() == 1000
    assert setting.outcome(client)["ending"] == "complete"


# -------------------------------------------------------------- the gate

@pytest.mark.parametrize("query,headers,status,word", [
    ("?model=talker_near", {"Upgrade": None}, 400, "Upgrade"),
    ("?model=talker_near", {"Sec-WebSocket-Version": "8"}, 400, "13"),
    ("?model=talker_near", {"Sec-WebSocket-Key": "short"}, 400, "base64"),
    ("?model=talker_near", {"Content-Length": "3"}, 400, "body"),
    ("", {}, 400, "model"),
    ("?model=talker_near&intent=transcription", {}, 400, "intent"),
    ("?call_id=rtc_1&model=talker_near", {}, 400, "call_id"),
    ("?model=nobody", {}, 404, "model"),
    ("?model=large", {}, 400, "operation"),
    ("?model=talker_near", {"Authorization": "Bearer wr_no"}, 401, "key"),
])
def test_what_is_refused_before_it_begins(setting, query, headers, status,
                                          word):
    client = Raw(setting.weir.port, "/v1/realtime" + query, setting.key(),
                 headers)
    assert (client.status, word in client.rest.decode()) == (status, True), \
        client.rest
    assert not setting.origin.heads


def test_an_origin_s_refusal_is_passed_on(setting):
    client = setting.open(model="talker_refused")
    assert client.status == 418
    assert outcome(setting.weir, client.request)["ending"] == "origin_error"


@pytest.mark.parametrize("event,param", [
    ({"type": "session.update", "session": {"model": "large"}},
     "session.model"),
    ({"type": "session.update", "session": {"type": "transcription"}},
     "session.type"),
    ({"type": "session.update", "session": {"audio": {"input": {
        "transcription": {"model": "whisper-1"}}}}},
     "session.audio.input.transcription.model"),
    ({"type": "conversation.item.create", "item": {
        "type": "message", "role": "user", "content": [
            {"type": "input_image", "image_url": "file-of-somebody"}]}},
     "image_url"),
    ({"type": "response.create", "response": {"input": [{
        "type": "message", "role": "user", "content": [
            {"type": "input_image", "file_id": "file-of-somebody"}]}]}},
     "file_id"),
    ({"type": "transcription_session.update"}, "type"),
    ({"type": "response.create", "response": {"tools": [
        {"type": "mcp", "server_url": "http://127.0.0.1:1"}]}},
     "response.tools"),
    (b"{not json", None),
    (b"[]", "type"),
])
def test_events_that_do_not_pass(setting, event, param):
    client = setting.open()
    if isinstance(event, dict):
        event = {**event, "event_id": "mine"}
    client.send(event)
    told = client.event("error")["error"]
    assert told["param"] == param
    assert told["event_id"] == ("mine" if isinstance(event, dict) else None)
    client.create()             # and it goes on
    client.event("response.done")
    assert client.end() == 1000
    assert len(setting.origin.seen) == 1


def test_too_many_of_them_end_it(setting):
    client = setting.open()
    for _ in range(40):
        client.send({"type": "nothing"})
    events, code, _ = client.closed()
    assert code == 1008 and 32 <= len(events) <= 40
    assert setting.outcome(client)["ending"] == "stopped"


def test_a_revoked_key_ends_its_session(setting):
    key = setting.weir.json("keys", "create", "--project", "good/app",
                            "--purpose", "test", "--staff", "DE",
                            "--end-users", "DE")
    client = setting.open(key=key["key"])
    client.create("wait")
    client.event("response.output_audio.delta")
    setting.weir.cli("keys", "revoke", key["id"])
    events, code, reason = client.closed()
    assert code == 1008 and "revoked" in reason
    assert events[-1]["error"]["code"] == "revoked_key"
    told = setting.outcome(client)
    usage = told.get("usage", told)
    assert told["ending"] == "stopped"
    assert usage["output_tokens"] > 0
    assert usage.get("estimated", usage.get("is_estimated"))
    lab.wait_for(lambda: setting.origin.gone, 60, "the origin's side")


def test_a_budget_that_is_used_up_ends_the_session(setting):
    client = setting.open("thrifty")
    for _ in range(3):          # 300 of 1,000 each, and 400 held for one more
        client.create()
        if client.event()["type"] == "error":
            break
        client.event("response.done")
    client.create()
    events, code, _ = client.closed()
    assert code == 1008
    assert events[-1]["error"]["type"] == "insufficient_quota"
    told = setting.outcome(client)
    usage = told.get("usage", told)
    used = usage["input_tokens"] + usage["output_tokens"]
    assert told["ending"] == "stopped" and used in (600, 900)
    counter = lab.wait_for(lambda: setting.weir.budgets("thrifty")[
        ("tokens", "day")], 60)
    assert counter["used"] == used and counter["held"] == 0
    assert setting.open("thrifty").end() == 1000    # 100 are left to hold


# ------------------------------------------------------------ the frames

def test_frames_at_every_split_are_one_event(setting):
    client = setting.open()
    event = {"type": "conversation.item.create", "item": {
        "type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "caf\u00e9"}]}}
    text = json.dumps(event, ensure_ascii=False).encode()
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in frame(1, text):
        client.socket.sendall(bytes([byte]))
    # in fragments, one of them empty and one amid a letter, a ping between
    middle = text.index(b"\xc3") + 1
    client.socket.sendall(frame(1, text[:middle], final=False) +
                          frame(9, b"are you there") +
                          frame(0, b"", final=False) + frame(0, text[middle:]))
    assert client.read() == (10, b"are you there")
    client.create()
    client.event("response.done")
    assert client.end() == 1000
    assert setting.origin.seen[:2] == [text.decode()] * 2


@pytest.mark.parametrize("bytes_sent,code", [
    (frame(1, b"{}", mask=None), 1002),
    (b"\xc1\x80\0\0\0\0", 1002),                    # a reserved bit
    (b"\x83\x80\0\0\0\0", 1002),                    # an opcode of nobody
    (b"\x80\x80\0\0\0\0", 1002),                    # a fragment of nothing
    (b"\x81\xfe\x00\x05\0\0\0\0hello", 1002),       # a length not in short
    (b"\x82\xff\x7f" + b"\xff" * 7 + bytes(4), 1009),
    (frame(1, b"\xff\xfe"), 1007),
    (frame(8, b"\x03"), 1002),
])
def test_what_is_no_websocket_is_closed(setting, bytes_sent, code):
    client = setting.open()
    client.socket.sendall(bytes_sent)
    _, said, _ = client.closed()
    assert said == code
    assert setting.outcome(client)["ending"] == "stopped"
    assert not setting.origin.seen


def test_a_client_that_only_closes_its_side(setting):
    client = setting.open()
    client.create("wait")
    client.event("response.output_audio.delta")
    client.socket.shutdown(socket.SHUT_WR)
    told = setting.outcome(client)
    assert told["ending"] == "client_left"
    lab.wait_for(lambda: setting.origin.gone, 60, "the origin's side")


@pytest.mark.parametrize("how", ["die", "garbage", "bytes"])
def test_an_origin_that_fails_in_an_answer(setting, how):
    client = setting.open()
    client.create()
    client.event("response.done")
    client.create(how)
    events, code, _ = client.closed()
    assert code == 1011
    assert events[-1]["error"]["type"] == "upstream_error"
    assert "near" in json.dumps(events[-1])     # which hop it was
    told = setting.outcome(client)
    usage = told.get("usage", told)
    assert told["ending"] == "cut"
    assert usage.get("estimated", usage.get("is_estimated"))
    # the first as it was counted, the other by what passed of it: "Hello "
    # and a tenth of a second of sound
    assert usage["output_tokens"] == 100 + 2 + 2
    assert usage["input_tokens"] > 200


def test_a_client_that_does_not_read_holds_the_origin_back(setting):
    client = setting.open()
    client.create("flood")      # 1,200 times 64 KiB: sockets take some MB
    lab.wait_for(lambda: setting.origin.flooded > 10, 60)
    seen = -1

    def stands():
        nonlocal seen
        before, seen = seen, setting.origin.flooded
        return before == seen
    threading.Event().wait(0.5)
    lab.wait_for(stands, 60)
    assert setting.origin.flooded < 1200
    total = 0
    while True:
        event = client.event()
        total += len(event.get("delta", ""))
        if event["type"] == "response.done":
            break
    assert total == 1200 * 65536 + len("Hello world") + len(SOUND)
    assert client.end() == 1000


def test_limits_of_time_and_of_messages(tmp_path):
    setting = Setting(tmp_path, {"session_idle": "1 s", "session": "3 s",
                                 "message": "8 KiB"})
    try:
        client = setting.open()
        events, code, reason = client.closed()
        assert code == 1001 and "too long" in reason
        assert events[-1]["error"]["type"] == "timeout_error"
        assert setting.outcome(client)["ending"] == "stopped"

        client = setting.open()
        client.create("wait")   # an answer is under way: not idle
        events, code, reason = client.closed()
        assert code == 1001 and "as long as it may" in reason

        client = setting.open()
        client.socket.sendall(frame(2, b"", head=struct.pack(
            "!BBH", 0x82, 0xfe, 8193) + bytes(4)))
        assert client.closed()[1] == 1009
    finally:
        setting.stop()


def test_every_session_is_on_record(setting):
    assert setting.weir.audit(60).returncode == 0
