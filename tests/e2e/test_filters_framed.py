# SPDX-License-Identifier: Apache-2.0
"""Rules over what is neither JSON nor text events: boto3's binary streams,
and forms with sound and pictures."""
import base64
import binascii
import json
import struct

import pytest

import world
from test_dialects import Dialects
from test_filters import FILTERS, KEY
from test_other import SOUND, Setting

openai = pytest.importorskip("openai")
from botocore.exceptions import ClientError, EventStreamError  # noqa: E402


@pytest.fixture(scope="module")
def policies():
    """Those of every test here, with filters asked for."""
    before, made = world.POLICIES, dict(world.POLICIES)
    made["seller/permit.cedar"] = made["seller/permit.cedar"].replace(
        '@tier("durable")', '@tier("durable")\n@filter("personal, secrets")')
    world.POLICIES = made
    yield made
    world.POLICIES = before


@pytest.fixture(scope="module")
def bedrock(policies, tmp_path_factory):
    made = Dialects(tmp_path_factory.mktemp("framed"),
                    lambda config: config.update(filters=FILTERS))
    yield made
    made.stop()


def frame(kind, payload):
    headers = b""
    for name, value in ((b":message-type", b"event"),
                        (b":event-type", kind.encode()),
                        (b":content-type", b"application/json")):
        headers += bytes([len(name)]) + name + b"\x07" + struct.pack(
            ">H", len(value)) + value
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + \
        headers + body
    return message + struct.pack(">I", binascii.crc32(message))


def stream(pieces):
    events = [("messageStart", {"role": "assistant"})]
    events += [("contentBlockDelta", {"contentBlockIndex": 0, "delta": {
        "text": piece}, "p": "abcd"}) for piece in pieces]
    events += [("contentBlockStop", {"contentBlockIndex": 0}),
               ("messageStop", {"stopReason": "end_turn"}),
               ("metadata", {"usage": {"inputTokens": 3, "outputTokens": 4,
                                       "totalTokens": 7},
                             "metrics": {"latencyMs": 5}})]
    return b"".join(frame(*event) for event in events)


def ask(bedrock, model, text="Mail ann@example.org"):
    got = bedrock.bedrock.converse_stream(
        modelId=model, messages=[
            {"role": "user", "content": [{"text": text}]}])
    seen, usage = "", None
    for event in got["stream"]:
        delta = event.get("contentBlockDelta", {}).get("delta", {})
        seen += delta.get("text", "")
        usage = event.get("metadata", {}).get("usage", usage)
    return seen, usage


@pytest.mark.parametrize("chunk", [None, 1, 11, 200])
def test_a_binary_stream_is_filtered_at_every_split(bedrock, chunk):
    bedrock.origin.set(
        stream(["Wrote to [MA", "IL_1", "]: pay 41", "11 1111 1111 ",
                "1111", ", bye"]), "application/vnd.amazon.eventstream",
        chunk=chunk)
    seen, usage = ask(bedrock, "to-converse")
    assert seen == "Wrote to ann@example.org: pay [CARD], bye"
    assert usage["totalTokens"] == 7
    assert b"[MAIL_1]" in bedrock.origin.asked[-1][2]


def test_another_dialect_s_stream_is_filtered_in_binary_frames(bedrock):
    def event(delta, reason=None):
        return b"data: " + json.dumps({
            "id": "c", "object": "chat.completion.chunk", "created": 5,
            "model": "large", "choices": [
                {"index": 0, "delta": delta, "finish_reason": reason}]}
        ).encode() + b"\n\n"
    bedrock.origin.set(
        event({"role": "assistant", "content": "card 4111 11"}) +
        event({"content": "11 1111 1111"}) + event({}, "stop") +
        b"data: [DONE]\n\n", "text/event-stream")
    assert ask(bedrock, "to-chat")[0] == "card [CARD]"


@pytest.mark.parametrize("size", [3, 40])
def test_a_secret_over_binary_frames_is_cut_before_it_shows(bedrock, size):
    pieces = [KEY[at:at + size] for at in range(0, len(KEY), size)]
    bedrock.origin.set(stream(["The key is "] + pieces + [" there."]),
                       "application/vnd.amazon.eventstream", chunk=64)
    seen = ""
    # cut short or, where nothing was sent yet, refused
    with pytest.raises((EventStreamError, ClientError)) as cut:
        got = bedrock.bedrock.converse_stream(
            modelId="to-converse", messages=[
                {"role": "user", "content": [{"text": "hello"}]}])
        for event in got["stream"]:
            delta = event.get("contentBlockDelta", {}).get("delta", {})
            seen += delta.get("text", "")
    assert "filter" in str(cut.value)
    assert seen in "The key is "


# ------------------------------------------------------------- InvokeModel

def chunks(pieces):
    events = [{"type": "message_start", "message": {
        "id": "m", "usage": {"input_tokens": 3, "output_tokens": 1}}},
              {"type": "content_block_start", "index": 0, "content_block": {
                  "type": "text", "text": ""}}]
    events += [{"type": "content_block_delta", "index": 0, "delta": {
        "type": "text_delta", "text": piece}} for piece in pieces]
    events += [{"type": "content_block_stop", "index": 0},
               {"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                "usage": {"output_tokens": 4}}, {"type": "message_stop"}]
    return b"".join(frame("chunk", {"bytes": base64.b64encode(json.dumps(
        event).encode()).decode(), "p": "abcd"}) for event in events)


def invoke(bedrock, seen):
    got = bedrock.bedrock.invoke_model_with_response_stream(
        modelId="to-invoke", body=json.dumps({
            "anthropic_version": "bedrock-2023-05-31", "max_tokens": 9,
            "messages": [{"role": "user", "content": "Mail ann@example.org"}]}))
    for event in got["body"]:
        event = json.loads(event["chunk"]["bytes"])
        seen.append(event.get("delta", {}).get("text", ""))


@pytest.mark.parametrize("chunk", [None, 1, 200])
def test_what_stands_in_chunks_is_filtered(bedrock, chunk):
    bedrock.origin.set(
        chunks(["Wrote to [MA", "IL_1", "]: pay 41", "11 1111 1111 ",
                "1111", ", bye"]), "application/vnd.amazon.eventstream",
        chunk=chunk)
    seen = []
    invoke(bedrock, seen)
    assert "".join(seen) == "Wrote to ann@example.org: pay [CARD], bye"
    assert b"[MAIL_1]" in bedrock.origin.asked[-1][2]


def test_a_secret_in_chunks_is_cut_before_it_shows(bedrock):
    pieces = [KEY[at:at + 3] for at in range(0, len(KEY), 3)]
    bedrock.origin.set(chunks(["The key is "] + pieces + [" there."]),
                       "application/vnd.amazon.eventstream", chunk=64)
    seen = []
    # cut short or, where nothing was sent yet, refused
    with pytest.raises((EventStreamError, ClientError)) as cut:
        invoke(bedrock, seen)
    assert "filter" in str(cut.value)
    assert "".join(seen) in "The key is "


# ------------------------------------------------------------------- forms

@pytest.fixture(scope="module")
def forms(policies, tmp_path_factory):
    made = Setting(tmp_path_factory.mktemp("forms"),
                   lambda config: config.update(filters=FILTERS))
    yield made
    made.stop()


def test_a_prompt_beside_sound_is_masked_and_the_sound_is_not(forms):
    forms.origin.set("/audio/transcriptions",
                     {"text": "call [MAIL_1], 4111 1111 1111 1111"})
    got = forms.openai.audio.transcriptions.create(
        model="hearer", file=("a.wav", SOUND), language="en",
        prompt="names: ann@example.org, card 4111 1111 1111 1111")
    assert got.text == "call ann@example.org, [CARD]"
    assert dict(forms.origin.fields()) == {
        "model": b"hearer-9", "file": SOUND, "language": b"en",
        "prompt": b"names: [MAIL_1], card [CARD]"}


def test_a_file_that_is_text_is_a_text(forms):
    forms.origin.set("/audio/transcriptions", {"text": "x"})
    forms.openai.audio.transcriptions.create(
        model="hearer", file=("a.wav", b"card 4111 1111 1111 1111",
                              "audio/wav"))
    assert dict(forms.origin.fields())["file"] == b"card [CARD]"


def test_a_secret_beside_a_picture_stops_the_call(forms):
    before = len(forms.origin.seen)
    with pytest.raises(openai.PermissionDeniedError) as refused:
        forms.openai.images.edit(model="painter", image=("a.png", SOUND),
                                 prompt=f"paint {KEY}")
    assert refused.value.code == "content_filtered"
    assert KEY[8:] not in refused.value.message
    assert len(forms.origin.seen) == before


def test_a_transcript_in_plain_text_is_filtered(forms):
    forms.origin.set("/audio/transcriptions",
                     b"call 4111 1111 1111 1111\n", "text/plain")
    assert forms.openai.audio.transcriptions.create(
        model="hearer", file=("a.wav", SOUND),
        response_format="text") == "call [CARD]\n"


def test_a_field_that_is_no_text_is_refused(forms):
    body = (b"--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n"
            b"hearer\r\n--x\r\nContent-Disposition: form-data; "
            b"name=\"prompt\"\r\n\r\na \xff b\r\n--x\r\n"
            b"Content-Disposition: form-data; name=\"file\"; "
            b"filename=\"a\"\r\n\r\n" + base64.b64decode("AAEC") +
            b"\r\n--x--\r\n")
    status, _, said = forms.post("/v1/audio/transcriptions", body,
                                 "multipart/form-data; boundary=x")
    assert status == 403
    assert b"no text" in said
