# SPDX-License-Identifier: Apache-2.0
"""What a second model writes down of a session's sound: asked for like any
call, on record as one, and billed at its own price."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402

openai = pytest.importorskip("openai")
pytest.importorskip("websockets")
from realtime import SOUND, USAGE, frame, outcome  # noqa: E402
from test_realtime import Setting, sdk  # noqa: E402

POLICY = """
@id("seller-no-writer")
@title("What this tenant says is not written down")
@authority("The seller, service description 3")
forbid (principal in Tenant::"insider", action == Action::"transcribe",
        resource in Model::"writer");
"""


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    made = Setting(tmp_path_factory.mktemp("realtime-scribe"),
                   policies={"seller/quiet.cedar": POLICY})
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean(setting):
    setting.origin.reset()
    yield


def naming(model, **more):
    return {"type": "session.update", "event_id": "mine", "session": {
        "type": "realtime", "audio": {"input": {
            "transcription": {"language": "en", "model": model, **more}}}}}


def speak(client):
    client.send({"type": "input_audio_buffer.append", "audio": SOUND})
    client.send({"type": "input_audio_buffer.commit"})
    client.event("conversation.item.input_audio_transcription.completed")
    client.event("response.done")


@pytest.mark.parametrize("usage,units,micros", [
    ({"usage": {"type": "duration", "seconds": 2.5}}, 3, 3000),
    ({"usage": {"type": "tokens", "total_tokens": 9, "input_tokens": 7,
                "input_token_details": {"text_tokens": 0, "audio_tokens": 7},
                "output_tokens": 2}}, 7, 7000),
    # nobody counted: 4,800 bytes of sound
    ({}, 2, 2000),
])
def test_what_is_written_down_is_billed_at_its_own_price(setting, usage,
                                                        units, micros):
    setting.origin.written = usage
    client = setting.open()
    client.send(naming("writer"))
    told = client.event("session.updated")
    assert told["session"]["audio"]["input"]["transcription"] == \
        {"language": "en", "model": 'writer-é"9'}
    speak(client)
    speak(client)
    assert client.end() == 1000
    told = setting.outcome(client)
    assert told["output_tokens"] == 2 * USAGE["output_tokens"]
    assert told["ending"] == "complete"
    scribe = outcome(setting.weir, told["scribe"])
    assert scribe["session_of"] == client.request
    assert scribe["model"] == "writer"
    assert scribe["deployment"] == "writer-near"
    assert scribe["input_tokens"] == 2 * units
    assert scribe["cost_micros"] == 2 * micros
    assert scribe["ending"] == "complete"
    asked = setting.weir.json("explain", told["scribe"])["what"]
    assert asked["operation"] == "transcribe"


@pytest.mark.parametrize("model", [
    "nobody", "large", "far-writer"],   # none; another work; another place
    ids=["unknown", "chat", "elsewhere"])
def test_a_model_that_may_not_write_is_refused(setting, model):
    client = setting.open()
    client.send(naming(model))
    told = client.event("error")["error"]
    assert told["param"] == "session.audio.input.transcription.model"
    assert told["event_id"] == "mine"
    client.send(naming("writer"))       # and another may be named
    client.event("session.updated")
    client.create()
    client.event("response.done")
    assert client.end() == 1000
    up = [event for event in setting.origin.seen if model in event]
    assert not up
    assert setting.outcome(client)["scribe"]


def test_policy_decides_who_may_have_it(setting):
    client = setting.open("insider")
    client.send(naming("writer"))
    told = client.event("error")["error"]
    assert "policy" in told["message"]
    client.create()
    client.event("response.done")
    assert client.end() == 1000
    assert "scribe" not in setting.outcome(client)

    def refused():
        return sum(row["refused"] for row in setting.weir.usage("insider"))
    assert lab.wait_for(refused, 60, "the refusal")


def test_events_behind_it_wait_and_keep_their_order(setting):
    client = setting.open()
    events = [naming("writer")] + [
        {"type": "conversation.item.create", "item": {
            "type": "message", "role": "user", "content": [
                {"type": "input_text", "text": f"number {number}"}]}}
        for number in range(200)]
    client.socket.sendall(b"".join(
        frame(1, json.dumps(event).encode()) for event in events))
    client.create()
    client.event("response.done")
    assert client.end() == 1000
    seen = [json.loads(event)["type"] for event in setting.origin.seen]
    assert seen == ["session.update"] + \
        ["conversation.item.create"] * 200 + ["response.create"]
    assert [json.loads(event)["item"]["content"][0]["text"]
            for event in setting.origin.seen[1:-1]] == \
        [f"number {number}" for number in range(200)]


def test_a_session_keeps_the_model_that_writes(setting):
    client = setting.open()
    client.send(naming("writer"))
    client.event("session.updated")
    client.send(naming("far-writer"))
    assert "keeps the model" in client.event("error")["error"]["message"]
    client.send({"type": "session.update", "session": {
        "type": "realtime", "model": "talker_near",
        "input_audio_transcription": {"model": "writer"}}})
    told = client.event("session.updated")["session"]
    assert told["input_audio_transcription"]["model"] == 'writer-é"9'
    assert told["model"] == "talker-9"
    client.send({"type": "session.update", "session": {"audio": {"input": {
        "transcription": None}}}})
    client.event("session.updated")
    assert client.end() == 1000


def test_an_origin_that_dies_leaves_both_calls_settled(setting):
    setting.origin.written = {"usage": {"type": "duration", "seconds": 1}}
    client = setting.open()
    client.send(naming("writer"))
    client.event("session.updated")
    speak(client)
    client.create("die")
    assert client.closed()[1] == 1011
    told = setting.outcome(client)
    assert told["ending"] == "cut"
    scribe = outcome(setting.weir, told["scribe"])
    assert scribe["ending"] == "cut" and scribe["input_tokens"] == 1


def test_a_budget_that_is_used_up_by_what_is_written_ends_the_session(setting):
    # 1,000 tokens a day: 900 of them as seconds
    setting.origin.written = {"usage": {"type": "duration", "seconds": 590}}
    client = setting.open("thrifty")
    client.send(naming("writer"))
    client.event("session.updated")
    speak(client)
    client.send({"type": "input_audio_buffer.append", "audio": SOUND})
    events, code, _ = client.closed()
    assert code == 1008
    assert events[-1]["error"]["type"] == "insufficient_quota"
    told = setting.outcome(client)
    assert told["ending"] == "stopped"
    assert outcome(setting.weir, told["scribe"])["input_tokens"] == 590
    counter = lab.wait_for(
        lambda: setting.weir.budgets("thrifty")[("tokens", "day")], 60)
    assert counter["used"] == 890 and counter["held"] == 0


def test_the_official_client_hears_what_was_written(setting):
    setting.origin.written = {"usage": {"type": "duration", "seconds": 1}}
    with sdk(setting).realtime.connect(model="talker_near") as session:
        session.session.update(session={
            "type": "realtime", "audio": {"input": {
                "transcription": {"model": "writer"},
                "turn_detection": None}}})
        session.input_audio_buffer.append(audio=SOUND)
        session.input_audio_buffer.commit()
        kinds = []
        for event in session:
            kinds.append(event.type)
            if event.type == "conversation.item." \
                    "input_audio_transcription.completed":
                assert event.transcript == "well"
            if event.type == "response.done":
                break
    assert "conversation.item.input_audio_transcription.completed" in kinds


def test_every_call_is_on_record(setting):
    assert setting.weir.audit(60).returncode == 0
