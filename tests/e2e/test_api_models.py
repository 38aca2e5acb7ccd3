# SPDX-License-Identifier: Apache-2.0
"""What weir writes, held against the descriptions that the makers publish:
OpenAI's OpenAPI file and AWS' model of the Bedrock runtime."""
import base64
import json
import subprocess

import pytest

import lab
from test_dialects import (CHAT, GEMINI, MESSAGE, chat_stream, dialects,
                           message_stream)  # noqa: F401

jsonschema = pytest.importorskip("jsonschema")
yaml = pytest.importorskip("yaml")
from botocore.model import ServiceModel  # noqa: E402
from botocore.validate import ParamValidator  # noqa: E402

ASK = [{"role": "user", "content": "weather?"}]
TOOLS = [{"type": "function", "function": {
    "name": "weather", "description": "d", "parameters": {
        "type": "object", "properties": {"place": {"type": "string"}}}}}]


def nullable(schema):
    """OpenAPI's word for null, as JSON Schema has it."""
    if isinstance(schema, list):
        return [nullable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: nullable(part) for name, part in schema.items()}
    if made.pop("nullable", None) is True:
        return {"anyOf": [made, {"type": "null"}]}
    return made


def named(model):
    """The model is minified: shapes that are used once have no name, and
    those that are strings no type."""
    shapes = {}

    def shape_of(spec):
        if "shape" in spec:
            return spec
        name = f"Unnamed{len(shapes)}"
        shapes[name] = None
        shapes[name] = fixed(spec)
        place = {word: spec[word] for word in
                 ("location", "locationName", "eventpayload", "event")
                 if word in spec}
        return {**place, "shape": name}

    def fixed(shape):
        made = {"type": "string", **shape}
        if "members" in shape:
            made["members"] = {name: shape_of(member)
                               for name, member in shape["members"].items()}
        for word in ("member", "key", "value"):
            if word in shape:
                made[word] = shape_of(shape[word])
        return made

    for name, shape in model["shapes"].items():
        shapes[name] = fixed(shape)
    for name, operation in model["operations"].items():
        operation.setdefault("name", name)
        for word in ("input", "output"):
            if word in operation:
                operation[word] = shape_of(operation[word])
    return {**model, "shapes": shapes}


@pytest.fixture(scope="module")
def described():
    data = lab.data_dir()
    if data is None:
        pytest.skip("WEIR_DATA is absent: no API descriptions")
    text = subprocess.run(
        ["zstd", "-dc", data / "api/openai-openapi.yaml.zst"],
        capture_output=True, check=True).stdout
    return nullable(yaml.load(text, Loader=getattr(yaml, "CSafeLoader",
                                                   yaml.SafeLoader)))


@pytest.fixture(scope="module")
def bedrock():
    data = lab.data_dir()
    if data is None:
        pytest.skip("WEIR_DATA is absent: no API descriptions")
    model = json.loads(
        (data / "api/aws-bedrock-runtime-2023-09-30.json").read_text())
    return ServiceModel(named(model))


def check(described, name, value):
    schema = {"$ref": f"#/components/schemas/{name}",
              "components": described["components"]}
    faults = sorted(jsonschema.Draft202012Validator(schema).iter_errors(value),
                    key=lambda fault: -len(list(fault.path)))
    assert not faults, [(list(fault.path), fault.message[:200])
                        for fault in faults[:3]]


def exchange(dialects, path, body):  # noqa: F811
    status, _, told = lab.exchange(
        dialects.weir.port, "POST", path, json.dumps(body).encode(),
        {"Authorization": "Bearer " + dialects.key})
    assert status == 200, told
    return told


def events_of(raw):
    return [json.loads(line[5:]) for line in raw.splitlines()
            if line.startswith(b"data:") and b"[DONE]" not in line]


def replies():
    return [("messages", json.dumps(MESSAGE).encode(), None),
            ("gemini", json.dumps(GEMINI).encode(), None),
            ("messages", None, message_stream())]


@pytest.mark.parametrize("origin, whole, stream", replies())
def test_chat_replies_are_as_described(dialects, described, origin, whole,
                                       stream):  # noqa: F811
    body = {"model": f"to-{origin}", "messages": ASK}
    if whole:
        dialects.origin.set(whole)
        check(described, "CreateChatCompletionResponse",
              json.loads(exchange(dialects, "/v1/chat/completions", body)))
        return
    dialects.origin.set(stream, "text/event-stream")
    events = events_of(exchange(
        dialects, "/v1/chat/completions",
        {**body, "stream": True, "stream_options": {"include_usage": True}}))
    assert len(events) > 4
    for event in events:
        check(described, "CreateChatCompletionStreamResponse", event)


@pytest.mark.parametrize("origin, whole, stream", [
    *replies(), ("chat", json.dumps(CHAT).encode(), None),
    ("chat", None, chat_stream())])
def test_responses_are_as_described(dialects, described, origin, whole,
                                    stream):  # noqa: F811
    body = {"model": f"to-{'compatible' if origin == 'chat' else origin}",
            "input": "weather?"}
    if whole:
        dialects.origin.set(whole)
        check(described, "Response",
              json.loads(exchange(dialects, "/v1/responses", body)))
        return
    dialects.origin.set(stream, "text/event-stream")
    events = events_of(exchange(dialects, "/v1/responses",
                                {**body, "stream": True}))
    assert events[-1]["type"] == "response.completed"
    for event in events:
        # as the origin itself says that it has not counted yet
        if event.get("response", {}).get("usage", 0) is None:
            del event["response"]["usage"]
        check(described, "ResponseStreamEvent", event)


def test_requests_to_openai_are_as_described(dialects, described):  # noqa: F811
    dialects.origin.set(json.dumps(CHAT).encode())
    dialects.anthropic.messages.create(
        model="to-chat", max_tokens=100, system="Be kind.",
        tools=[{"name": "weather", "input_schema": {"type": "object"}}],
        tool_choice={"type": "any"}, stop_sequences=["END"],
        messages=[{"role": "user", "content": [
            {"type": "text", "text": "hi"},
            {"type": "image", "source": {"type": "base64", "data": "aGk=",
                                         "media_type": "image/png"}}]},
                  {"role": "assistant", "content": [
                      {"type": "tool_use", "id": "t1", "name": "weather",
                       "input": {"place": "x"}}]},
                  {"role": "user", "content": [
                      {"type": "tool_result", "tool_use_id": "t1",
                       "content": "rain"}]}])
    check(described, "CreateChatCompletionRequest", dialects.origin.last())


def faults_of(report):
    """What is newer than the model is not a fault."""
    return [fault for fault in report._errors if fault[0] != "unknown field"]


def with_bytes(value, key=None):
    """As the SDK would have it: blobs are bytes."""
    if isinstance(value, dict):
        return {name: with_bytes(member, name)
                for name, member in value.items()}
    if isinstance(value, list):
        return [with_bytes(member) for member in value]
    return base64.b64decode(value, validate=True) if key in (
        "bytes", "redactedContent") else value


def test_requests_to_bedrock_are_as_described(dialects, bedrock):  # noqa: F811
    dialects.origin.set(json.dumps(
        {"output": {"message": {"role": "assistant", "content": [
            {"text": "ok"}]}}, "stopReason": "end_turn", "usage": {
                "inputTokens": 1, "outputTokens": 1}}).encode())
    dialects.openai.chat.completions.create(
        model="to-converse", max_completion_tokens=9, temperature=0.5,
        stop=["END"], tools=TOOLS, tool_choice="required", messages=[
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [
                {"type": "text", "text": "hi"},
                {"type": "image_url", "image_url":
                 {"url": "data:image/png;base64,aGk="}},
                {"type": "file", "file": {
                    "filename": "a.pdf", "file_data":
                    "data:application/pdf;base64,aGk="}}]},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "type": "function", "function":
                 {"name": "weather", "arguments": "{\"place\":\"x\"}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "rain"}],
        response_format={"type": "json_schema", "json_schema": {
            "name": "n", "schema": {"type": "object"}}})
    asked = with_bytes(dialects.origin.last())
    shape = bedrock.operation_model("Converse").input_shape
    report = ParamValidator().validate({**asked, "modelId": "m"}, shape)
    assert not faults_of(report), report.generate_report()


def test_replies_of_converse_are_as_described(dialects, bedrock):  # noqa: F811
    dialects.origin.set(json.dumps(CHAT).encode())
    told = json.loads(exchange(
        dialects, "/model/to-chat/converse", {"messages": [
            {"role": "user", "content": [{"text": "hi"}]}]}))
    shape = bedrock.operation_model("Converse").output_shape
    # how long the model took is not known
    report = ParamValidator().validate(
        {**with_bytes(told), "metrics": {"latencyMs": 1}}, shape)
    assert not faults_of(report), report.generate_report()
