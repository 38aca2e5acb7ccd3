# SPDX-License-Identifier: Apache-2.0
"""InvokeModel by boto3, unmodified, with Anthropic's bodies: before origins
of every dialect, and as an origin of clients of every dialect."""
import base64
import binascii
import json
import struct

import pytest

import lab
from test_dialects import (CHAT, MESSAGE, chat_stream, dialects,  # noqa: F401
                           message_stream)

from botocore.exceptions import ClientError, EventStreamError  # noqa: E402

BINARY = "application/vnd.amazon.eventstream"
BODY = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100,
        "messages": [{"role": "user", "content": "weather?"}]}


def frame(payload, kind="event", type_="chunk"):
    headers = b""
    for name, value in ((b":" + kind.encode() + b"-type", type_.encode()),
                        (b":content-type", b"application/json"),
                        (b":message-type", kind.encode())):
        headers += bytes([len(name)]) + name + b"\x07" + struct.pack(
            ">H", len(value)) + value
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + \
        headers + body
    return message + struct.pack(">I", binascii.crc32(message))


def chunk_of(event):
    return frame({"bytes": base64.b64encode(event).decode(), "p": "abcd"})


def chunks():
    """The stream of Messages, as InvokeModel sends it."""
    return [chunk_of(line[6:]) for line in message_stream().split(b"\n")
            if line.startswith(b"data: ")]


def invoke(dialects, model, **changes):  # noqa: F811
    got = dialects.bedrock.invoke_model(
        modelId=model, body=json.dumps({**BODY, **changes}))
    assert got["contentType"].startswith("application/json")
    return json.loads(got["body"].read())


def gathered(got):
    """A stream put together by the rules of Messages."""
    message, parts = None, {}
    for event in got["body"]:
        event = json.loads(event["chunk"]["bytes"])
        if event["type"] == "message_start":
            message = event["message"]
        elif event["type"] == "content_block_start":
            parts[event["index"]] = dict(event["content_block"])
        elif event["type"] == "content_block_delta":
            part, delta = parts[event["index"]], event["delta"]
            for name in ("text", "thinking"):
                if name in delta:
                    part[name] += delta[name]
            if "partial_json" in delta:
                part["json"] = part.get("json", "") + delta["partial_json"]
        elif event["type"] == "message_delta":
            message.update(event["delta"])
            message["usage"].update(event["usage"])
        elif event["type"] == "message_stop":
            message["is_whole"] = True
    assert message.pop("is_whole")
    for part in parts.values():
        if part["type"] == "tool_use":
            text = part.pop("json", "") or "{}"
            try:
                part["input"] = json.loads(text)
            except ValueError:      # that ended amid it
                part["input"] = {"arguments": text}
    message["content"] = [parts[at] for at in sorted(parts)]
    return message


def check(message):
    kinds = [part["type"] for part in message["content"]]
    assert kinds == ["thinking", "text", "tool_use"]
    assert message["content"][1]["text"].startswith("Let me")
    assert message["content"][2]["input"] == {"place": "Bär"}
    assert message["stop_reason"] == "tool_use"
    usage = message["usage"]
    assert usage["output_tokens"] == 9
    assert usage["input_tokens"] + usage["cache_read_input_tokens"] + \
        usage["cache_creation_input_tokens"] == 20


@pytest.mark.parametrize("model, reply", [
    ("to-chat", CHAT), ("to-messages", MESSAGE), ("to-invoke", MESSAGE)])
def test_a_body(dialects, model, reply):  # noqa: F811
    dialects.origin.set(json.dumps(reply).encode())
    check(invoke(dialects, model))
    asked = dialects.origin.last()
    if model == "to-invoke":
        assert asked == BODY
        assert dialects.origin.asked[-1][0].endswith("/invoke")
    else:
        assert "anthropic_version" not in asked
        assert asked["model"]
        assert asked["messages"][0]["role"] == "user"


@pytest.mark.parametrize("size", [None, 1, 700])
@pytest.mark.parametrize("model, stream, kind", [
    ("to-chat", chat_stream(), "text/event-stream"),
    ("to-messages", message_stream(), "text/event-stream"),
    ("to-invoke", b"".join(chunks()), BINARY)])
def test_a_stream(dialects, model, stream, kind, size):  # noqa: F811
    dialects.origin.set(stream, kind, chunk=size)
    check(gathered(dialects.bedrock.invoke_model_with_response_stream(
        modelId=model, body=json.dumps(BODY))))


def test_its_own_dialect_passes_byte_for_byte(dialects):  # noqa: F811
    raw = b'{ "later": 1.50, ' + json.dumps(BODY).encode()[1:]
    reply = b" " + json.dumps({**MESSAGE, "later": [1]}).encode()
    for verb, said, kind in (
            ("invoke", reply, "application/json"),
            ("invoke-with-response-stream", b"".join(chunks()), BINARY)):
        dialects.origin.set(said, kind, chunk=333)
        status, headers, got = lab.exchange(
            dialects.weir.port, "POST", "/model/to-invoke/" + verb, raw,
            {"Authorization": "Bearer " + dialects.key})
        assert (status, got) == (200, said)
        path, _, asked = dialects.origin.asked[-1]
        assert path.endswith("/" + verb)
        assert asked == raw


@pytest.mark.parametrize("is_streamed", [False, True])
def test_clients_of_other_dialects(dialects, is_streamed):  # noqa: F811
    if is_streamed:
        dialects.origin.set(b"".join(chunks()), BINARY, chunk=99)
    else:
        dialects.origin.set(json.dumps(MESSAGE).encode())
    ask = {"model": "to-invoke", "max_tokens": 9,
           "messages": [{"role": "user", "content": "hi"}]}
    if is_streamed:
        with dialects.anthropic.messages.stream(**ask) as events:
            done = events.get_final_message()
    else:
        done = dialects.anthropic.messages.create(**ask)
    check(done.model_dump())
    asked = dialects.origin.last()
    assert asked["anthropic_version"] == BODY["anthropic_version"]
    assert "model" not in asked and "stream" not in asked
    if not is_streamed:
        got = dialects.openai.chat.completions.create(**ask)
        assert got.choices[0].message.content == "Let me \"look\"."
        assert got.usage.prompt_tokens == 20


@pytest.mark.parametrize("body, field", [
    ({"inputText": "hi"}, "inputText"),
    ({"prompt": "hi", "max_gen_len": 9}, "prompt"),
    ({"schemaVersion": "messages-v1", "messages": []}, "schemaVersion"),
    ({"messages": [], "max_tokens": 1}, "anthropic_version"),
    ({**BODY, "anthropic_version": "2"}, "anthropic_version"),
    ({**BODY, "model": "other"}, "model"),
    ({**BODY, "stream": True}, "stream")])
def test_a_wrong_body_is_refused_by_name(dialects, body, field):  # noqa: F811
    before = len(dialects.origin.asked)
    for call in (dialects.bedrock.invoke_model,
                 dialects.bedrock.invoke_model_with_response_stream):
        with pytest.raises(ClientError) as caught:
            call(modelId="to-invoke", body=json.dumps(body))
        assert caught.value.response["Error"]["Code"] == "ValidationException"
        assert field in str(caught.value)
    assert len(dialects.origin.asked) == before


def test_what_another_dialect_lacks_is_refused(dialects):  # noqa: F811
    with pytest.raises(ClientError) as caught:
        invoke(dialects, "to-chat", anthropic_beta=["x"])
    assert "anthropic_beta" in str(caught.value)
    assert "InvokeModel" in str(caught.value)


@pytest.mark.parametrize("model", ["to-chat", "to-invoke"])
def test_an_origin_s_error(dialects, model):  # noqa: F811
    error = {"error": {"message": "too long"}} if model == "to-chat" else \
        {"message": "too long"}
    dialects.origin.set(json.dumps(error).encode(), status=400)
    with pytest.raises(ClientError) as caught:
        invoke(dialects, model)
    assert "too long" in str(caught.value)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize("stream, kind, model, wanted", [
    (chat_stream()[:900], "text/event-stream", "to-chat",
     "modelStreamErrorException"),
    (b"".join(chunks()[:4]), BINARY, "to-invoke", "modelStreamErrorException"),
    (b"".join(chunks()[:4]) + frame({"message": "Too fast"}, "exception",
                                    "throttlingException"),
     BINARY, "to-invoke", "throttlingException")])
def test_a_stream_that_breaks_off_raises(dialects, stream, kind, model,  # noqa: F811
                                         wanted):
    dialects.origin.set(stream, kind, chunk=50)
    got = dialects.bedrock.invoke_model_with_response_stream(
        modelId=model, body=json.dumps(BODY))
    with pytest.raises(EventStreamError) as caught:
        list(got["body"])
    assert wanted in str(caught.value)
