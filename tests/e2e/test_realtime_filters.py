# SPDX-License-Identifier: Apache-2.0
"""Realtime sessions where policy has rules over prompts and answers: texts go
through them, both ways and over every split; sound, which nobody could look
at, does not pass."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402

pytest.importorskip("openai")
pytest.importorskip("websockets")
from realtime import SOUND  # noqa: E402
from test_realtime import Setting  # noqa: E402

POLICY = """
@id("seller-quiet")
@title("Texts of this tenant are looked at")
@authority("The seller, service description 2")
@filter("%s")
permit (principal in Tenant::"outcast", action in Action::"infer",
        resource in Model::"talker");
"""

FILTERS = [
    {"name": "people", "rules": [
        {"detector": "mail", "action": "pseudonym", "in": "requests"},
        {"detector": "card", "action": "mask"}]},
    {"name": "secrets", "rules": [{"detector": "key", "action": "block"}]},
    {"name": "later", "rules": [{"terms": ["nightjar"], "name": "project",
                                 "action": "mask"}]}]

SECRET = "ghp_" + "a7Qz2kLm9" * 4


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    made = Setting(tmp_path_factory.mktemp("realtime-filters"),
                   policies={"seller/quiet.cedar":
                             POLICY % "people, secrets"}, filters=FILTERS)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean(setting):
    setting.origin.reset()
    yield


def opened(setting):
    client = setting.open("outcast")
    assert client.status == 101, client.rest
    client.send({"type": "session.update", "session": {
        "type": "realtime", "output_modalities": ["text"]}})
    assert client.event()["type"] == "session.updated"
    return client


def item(text):
    return {"type": "conversation.item.create", "item": {
        "type": "message", "role": "user",
        "content": [{"type": "input_text", "text": text}]}}


def answer(client):
    """The text of the next answer by its deltas, and as a whole."""
    text = ""
    while True:
        event = client.event()
        assert event["type"] != "error", event
        if event["type"] == "response.output_text.delta":
            text += event["delta"]
        if event["type"] == "response.output_text.done":
            whole = event["text"]
        if event["type"] == "response.done":
            return text, whole


@pytest.mark.parametrize("said", [
    "say Pay 4111 1111 1111 1111 now", "say Pay 4111 |1111 1111 |1111 now",
    "say " + "|".join("Pay 4111 1111 1111 1111 now")])
def test_what_is_split_over_deltas_is_one_text(setting, said):
    client = opened(setting)
    client.create(said)
    assert answer(client) == ("Pay [CARD] now",) * 2
    assert client.end() == 1000
    told = setting.outcome(client)
    assert told["ending"] == "complete"
    assert told["output_tokens"] == 100
    assert "card:" in json.dumps(told)


def test_pseudonyms_go_up_and_are_turned_back_over_the_session(setting):
    client = opened(setting)
    for name in ("ann@example.com", "bob@example.org", "ann@example.com"):
        client.send(item(f"Write to {name}, please"))
        client.create("echo")
        assert answer(client) == (f"Write to {name}, please",) * 2
    assert client.end() == 1000
    up = " ".join(setting.origin.seen)
    assert "example" not in up and "Write to" in up
    told = setting.outcome(client)
    assert "mail:3" in json.dumps(told)


def test_a_secret_does_not_reach_the_origin(setting):
    client = opened(setting)
    client.send({**item("my key is " + SECRET), "event_id": "mine"})
    told = client.event("error")["error"]
    assert told["code"] == "content_filtered" and told["event_id"] == "mine"
    assert "key" in told["message"] and SECRET not in json.dumps(told)
    client.send({"type": "session.update", "session": {
        "instructions": "use " + SECRET}})
    assert client.event("error")["error"]["code"] == "content_filtered"
    client.send({"type": "response.create", "response": {
        "instructions": "say " + SECRET}})
    assert client.event("error")["error"]["code"] == "content_filtered"
    client.create("say fine")           # and it goes on
    assert answer(client) == ("fine",) * 2
    assert client.end() == 1000
    assert SECRET not in " ".join(setting.origin.seen)


def test_a_secret_in_an_answer_ends_the_session(setting):
    client = opened(setting)
    client.create("say it is ghp_|" + SECRET[4:] + "| and more")
    events, code, reason = client.closed()
    assert code == 1008
    assert events[-1]["error"]["code"] == "content_filtered"
    assert SECRET[4:] not in json.dumps(events)
    told = setting.outcome(client)
    assert told["ending"] == "filtered"
    assert told["output_tokens"] > 0
    lab.wait_for(lambda: setting.origin.gone, 60, "the origin's side")


@pytest.mark.parametrize("event,param", [
    ({"type": "input_audio_buffer.append", "audio": SOUND}, "audio"),
    ({"type": "conversation.item.create", "item": {
        "type": "message", "role": "user", "content": [
            {"type": "input_audio", "audio": SOUND}]}}, "audio"),
    ({"type": "response.create", "response": {
        "input": [{"type": "message", "role": "user", "content": [
            {"type": "input_audio", "audio": SOUND}]}]}}, "audio"),
    ({"type": "response.create", "response": {
        "output_modalities": ["audio"]}}, "response.output_modalities"),
    ({"type": "response.create", "response": {
        "modalities": ["text", "audio"]}}, "response.output_modalities"),
    ({"type": "session.update", "session": {
        "output_modalities": ["audio"]}}, "session.output_modalities"),
    ({"type": "session.update", "session": {"audio": {"input": {
        "transcription": {"model": "writer"}}}}}, "audio.transcription"),
])
def test_sound_does_not_pass(setting, event, param):
    client = opened(setting)
    client.send(event)
    told = client.event("error")["error"]
    assert told["param"] == param and told["code"] == "content_filtered"
    assert "sound" in told["message"]
    client.create("say fine")
    assert answer(client) == ("fine",) * 2
    assert client.end() == 1000


def test_an_answer_must_be_asked_for_as_text(setting):
    client = setting.open("outcast")
    client.create("say fine")
    told = client.event("error")["error"]
    assert told["param"] == "response.output_modalities"
    client.send({"type": "response.create", "response": {
        "instructions": "say fine", "output_modalities": ["text"]}})
    assert answer(client) == ("fine",) * 2
    assert client.end() == 1000


def test_an_origin_that_speaks_all_the_same_is_cut_off(setting):
    client = opened(setting)
    client.create("")           # "Hello ", and then sound
    events, code, reason = client.closed()
    assert code == 1008 and "sound" in reason
    assert SOUND not in json.dumps(events)
    assert setting.outcome(client)["ending"] == "filtered"


def test_other_rules_end_the_session(setting):
    client = opened(setting)
    client.create("say fine")
    assert answer(client) == ("fine",) * 2
    setting.weir.policy("seller/quiet.cedar", POLICY % "people, later")
    setting.weir.reload()
    events, code, reason = client.closed()
    assert code == 1012 and "connect again" in reason
    client = opened(setting)
    client.create("say a night|jar")
    assert answer(client)[1] == "a [PROJECT]"
    assert client.end() == 1000
    setting.weir.policy("seller/quiet.cedar", POLICY % "people, secrets")
    setting.weir.reload()


def test_every_session_is_on_record(setting):
    assert setting.weir.audit(60).returncode == 0
