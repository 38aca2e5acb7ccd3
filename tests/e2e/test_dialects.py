# SPDX-License-Identifier: Apache-2.0
"""Official clients of one dialect, origins of another."""
import json
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import world  # noqa: E402
from replayer import Replayer  # noqa: E402

anthropic = pytest.importorskip("anthropic")
openai = pytest.importorskip("openai")
genai = pytest.importorskip("google.genai")
boto3 = pytest.importorskip("boto3")
import botocore.config  # noqa: E402

DIALECTS = {"chat": ("openai", "/v1"), "messages": ("anthropic", "/v1"),
            "gemini": ("gemini", "/v1beta"),
            "responses": ("responses", "/v1"),
            "compatible": ("compatible", "/v1"),
            "converse": ("bedrock_key", ""),
            "invoke": ("bedrock_invoke_key", "")}


# Names of models may hold slashes and colons.
ARN = "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.some-v1:0"

# Hints, and reasoning of earlier turns: what operators will want dropped.
DROP = ["cache_control", "prompt_cache_key", "service_tier", "user",
        "metadata", "store", "is_error", "reasoning_content",
        "reasoning_details", "thinking", "redacted_thinking", "reasoning",
        "thought", "include", "strict", "detail", "name"]


class Dialects:
    """One weir before one replaying origin, reached in every dialect."""

    def __init__(self, where, change=None):
        self.origin = Replayer()
        config = world.config({name: self.origin.url("/v1") for name in
                               ("near", "far", "slow")}, lab.free_port(),
                              {}, 0)
        config.pop("tls")
        config.pop("listen")
        config["translation"] = {"drop": " ".join(DROP)}
        for name, (dialect, prefix) in DIALECTS.items():
            config["origins"].append(
                {"name": name, "dialect": dialect,
                 "url": self.origin.url(prefix)})
            config["deployments"].append(
                world.deployment(f"as-{name}", "large", name))
            config["routes"].append({"name": f"to-{name}", "mode": "order",
                                     "candidates": [f"as-{name}"]})
        config["routes"].append({"name": ARN, "mode": "order",
                                 "candidates": ["as-chat"]})
        if change:
            change(config)
        self.weir = lab.Weir(where / "weir", config, world.POLICIES)
        certificates = lab.make_certificates(where)
        sealed = lab.free_port()    # boto3 shows a key over TLS only
        config["listen"].append(
            {"address": f"127.0.0.1:{sealed}",
             "tls": {"certificate": certificates["certificate"],
                     "key": certificates["key"]}})
        self.weir.write()
        try:
            self.weir.start()
            self.key = self.weir.key("good/app")
        except BaseException:
            self.stop()
            raise
        url = f"http://127.0.0.1:{self.weir.port}"
        self.openai = openai.OpenAI(base_url=url + "/v1", api_key=self.key,
                                    max_retries=0)
        self.anthropic = anthropic.Anthropic(base_url=url, api_key=self.key,
                                             max_retries=0)

        self.gemini = genai.Client(api_key=self.key, http_options={
            "base_url": url})
        os.environ["AWS_BEARER_TOKEN_BEDROCK"] = self.key
        self.bedrock = boto3.client(
            "bedrock-runtime", region_name="eu-west-1",
            endpoint_url=f"https://localhost:{sealed}",
            verify=certificates["ca"],
            config=botocore.config.Config(retries={"total_max_attempts": 1}))

    def stop(self):
        self.weir.end()
        self.origin.stop()


@pytest.fixture(scope="module")
def dialects(tmp_path_factory):
    made = Dialects(tmp_path_factory.mktemp("dialects"))
    yield made
    made.stop()


CHAT = {"id": "chatcmpl-1", "object": "chat.completion", "created": 5,
        "model": "large", "choices": [
            {"index": 0, "finish_reason": "tool_calls", "message": {
                "role": "assistant", "content": "Let me look.",
                "reasoning_content": "They want \"weather\".",
                "tool_calls": [{"id": "call_1", "type": "function",
                                "function": {"name": "weather", "arguments":
                                             "{\"place\": \"B\\u00e4r\"}"}}]}}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 9,
                  "total_tokens": 29,
                  "prompt_tokens_details": {"cached_tokens": 4},
                  "completion_tokens_details": {"reasoning_tokens": 3}}}

MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant",
           "model": "large", "content": [
               {"type": "thinking", "thinking": "Hm.", "signature": "abc"},
               {"type": "text", "text": "Let me \"look\"."},
               {"type": "tool_use", "id": "toolu_1", "name": "weather",
                "input": {"place": "Bär"}}],
           "stop_reason": "tool_use", "stop_sequence": None,
           "usage": {"input_tokens": 10, "cache_read_input_tokens": 4,
                     "cache_creation_input_tokens": 6, "output_tokens": 9}}


def sse(events, named=False):
    lines = []
    for event in events:
        if named:
            lines.append(f"event: {event['type']}")
        lines.append("data: " + (event if isinstance(event, str)
                                 else json.dumps(event)))
        lines.append("")
    return ("\n".join(lines) + "\n").encode()


def chat_stream():
    def chunk(delta, reason=None):
        return {"id": "chatcmpl-1", "object": "chat.completion.chunk",
                "created": 5, "model": "large", "choices": [
                    {"index": 0, "delta": delta, "finish_reason": reason}]}
    call = CHAT["choices"][0]["message"]["tool_calls"][0]
    return sse([
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "They want "}),
        chunk({"reasoning_content": "\"weather\"."}),
        chunk({"content": "Let me"}), chunk({"content": " look."}),
        chunk({"tool_calls": [{"index": 0, **call, "function": {
            "name": "weather", "arguments": ""}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {
            "arguments": "{\"place\": \"B"}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {
            "arguments": "\\u00e4r\"}"}}]}),
        chunk({}, "tool_calls"),
        {**chunk({}), "choices": [], "usage": CHAT["usage"]}, "[DONE]"])


def message_stream():
    start = {**MESSAGE, "content": [], "stop_reason": None,
             "usage": {**MESSAGE["usage"], "output_tokens": 1}}
    return sse([
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block":
         {"type": "thinking", "thinking": "", "signature": ""}},
        {"type": "content_block_delta", "index": 0, "delta":
         {"type": "thinking_delta", "thinking": "Hm."}},
        {"type": "content_block_delta", "index": 0, "delta":
         {"type": "signature_delta", "signature": "abc"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block":
         {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 1, "delta":
         {"type": "text_delta", "text": "Let me \"look\"."}},
        {"type": "content_block_stop", "index": 1},
        {"type": "content_block_start", "index": 2, "content_block":
         {"type": "tool_use", "id": "toolu_1", "name": "weather",
          "input": {}}},
        {"type": "content_block_delta", "index": 2, "delta":
         {"type": "input_json_delta", "partial_json": "{\"place\": "}},
        {"type": "content_block_delta", "index": 2, "delta":
         {"type": "input_json_delta", "partial_json": "\"Bär\"}"}},
        {"type": "content_block_stop", "index": 2},
        {"type": "message_delta", "delta":
         {"stop_reason": "tool_use", "stop_sequence": None},
         "usage": {"output_tokens": 9}},
        {"type": "message_stop"}], named=True)


TOOL = {"type": "object", "properties": {"place": {"type": "string"}},
        "required": ["place"]}


def check_message(message):
    kinds = [block.type for block in message.content]
    assert kinds == ["thinking", "text", "tool_use"]
    assert message.content[0].thinking == "They want \"weather\"."
    assert message.content[1].text == "Let me look."
    assert message.content[2].input == {"place": "Bär"}
    assert message.content[2].id == "call_1"
    assert message.stop_reason == "tool_use"
    assert message.usage.input_tokens == 16
    assert message.usage.cache_read_input_tokens == 4
    assert message.usage.output_tokens == 9


def test_anthropic_client_plain_on_chat_origin(dialects):
    dialects.origin.set(json.dumps(CHAT).encode())
    message = dialects.anthropic.messages.create(
        model="to-chat", max_tokens=100, system="Be kind.",
        messages=[{"role": "user", "content": [
            {"type": "text", "text": "weather \"here\"?",
             "cache_control": {"type": "ephemeral"}},
            {"type": "image", "source": {"type": "base64", "data": "aGk=",
                                         "media_type": "image/png"}}]},
                  {"role": "assistant", "content": [
                      {"type": "tool_use", "id": "t1", "name": "weather",
                       "input": {"place": "x"}}]},
                  {"role": "user", "content": [
                      {"type": "tool_result", "tool_use_id": "t1",
                       "content": "rain"},
                      {"type": "text", "text": "and now?"}]}],
        tools=[{"name": "weather", "description": "d", "input_schema": TOOL}],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        stop_sequences=["END"], extra_body={"temperature": 0.5})
    check_message(message)
    asked = dialects.origin.last()
    assert asked["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [
            {"type": "text", "text": "weather \"here\"?"},
            {"type": "image_url", "image_url":
             {"url": "data:image/png;base64,aGk="}}]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "t1", "type": "function", "function":
             {"name": "weather", "arguments": asked["messages"][2][
                 "tool_calls"][0]["function"]["arguments"]}}]},
        {"role": "tool", "tool_call_id": "t1", "content": "rain"},
        {"role": "user", "content": "and now?"}]
    assert json.loads(asked["messages"][2]["tool_calls"][0]["function"][
        "arguments"]) == {"place": "x"}
    assert asked["tools"] == [{"type": "function", "function": {
        "name": "weather", "description": "d", "parameters": TOOL}}]
    assert asked["tool_choice"] == "required"
    assert asked["parallel_tool_calls"] is False
    assert asked["stop"] == ["END"]
    assert asked["max_completion_tokens"] == 100
    assert asked["temperature"] == 0.5


@pytest.mark.parametrize("chunk", [None, 1, 7, 4096])
def test_anthropic_client_streamed_on_chat_origin(dialects, chunk):
    dialects.origin.set(chat_stream(), "text/event-stream", chunk=chunk)
    with dialects.anthropic.messages.stream(
            model="to-chat", max_tokens=100,
            messages=[{"role": "user", "content": "weather?"}]) as stream:
        message = stream.get_final_message()
    check_message(message)
    assert dialects.origin.last()["stream_options"] == {"include_usage": True}


def check_completion(message, usage):
    assert message.content == "Let me \"look\"."
    assert message.tool_calls[0].id == "toolu_1"
    assert json.loads(message.tool_calls[0].function.arguments) == {
        "place": "Bär"}
    assert message.reasoning_content == "Hm."
    assert usage.prompt_tokens == 20
    assert usage.prompt_tokens_details.cached_tokens == 4
    assert usage.completion_tokens == 9


def test_openai_client_plain_on_messages_origin(dialects):
    dialects.origin.set(json.dumps(MESSAGE).encode())
    done = dialects.openai.chat.completions.create(
        model="to-messages", max_completion_tokens=50, stop="END",
        reasoning_effort="low", user="u1",
        messages=[{"role": "developer", "content": "Be kind."},
                  {"role": "user", "content": [
                      {"type": "text", "text": "hi"},
                      {"type": "image_url", "image_url":
                       {"url": "data:image/png;base64,aGk="}},
                      {"type": "file", "file": {
                          "filename": "a.pdf", "file_data":
                          "data:application/pdf;base64,aGk="}}]},
                  {"role": "assistant", "content": None, "tool_calls": [
                      {"id": "c1", "type": "function", "function":
                       {"name": "weather", "arguments": "{\"place\":\"x\"}"}},
                      {"id": "c2", "type": "function", "function":
                       {"name": "weather", "arguments": ""}}]},
                  {"role": "tool", "tool_call_id": "c1", "content": "rain"},
                  {"role": "tool", "tool_call_id": "c2", "content": "sun"}],
        tools=[{"type": "function", "function": {
            "name": "weather", "description": "d", "parameters": TOOL}}],
        tool_choice={"type": "function", "function": {"name": "weather"}},
        parallel_tool_calls=False,
        extra_body={"max_completion_tokens": 3000})
    assert done.choices[0].finish_reason == "tool_calls"
    check_completion(done.choices[0].message, done.usage)
    path, headers, _ = dialects.origin.asked[-1]
    assert path == "/v1/messages"
    assert headers["anthropic-version"] == "2023-06-01"
    asked = dialects.origin.last()
    assert asked == {
        "model": asked["model"], "max_tokens": 3000,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "stop_sequences": ["END"], "metadata": {"user_id": "u1"},
        "system": [{"type": "text", "text": "Be kind."}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "hi"},
                {"type": "image", "source": {"type": "base64", "data": "aGk=",
                                             "media_type": "image/png"}},
                {"type": "document", "title": "a.pdf", "source": {
                    "type": "base64", "data": "aGk=",
                    "media_type": "application/pdf"}}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "c1", "name": "weather",
                 "input": {"place": "x"}},
                {"type": "tool_use", "id": "c2", "name": "weather",
                 "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1",
                 "content": [{"type": "text", "text": "rain"}]},
                {"type": "tool_result", "tool_use_id": "c2",
                 "content": [{"type": "text", "text": "sun"}]}]}],
        "tools": [{"name": "weather", "description": "d",
                   "input_schema": TOOL}],
        "tool_choice": {"type": "tool", "name": "weather",
                        "disable_parallel_tool_use": True}}


@pytest.mark.parametrize("chunk", [None, 1, 7, 4096])
def test_openai_client_streamed_on_messages_origin(dialects, chunk):
    dialects.origin.set(message_stream(), "text/event-stream", chunk=chunk)
    with dialects.openai.chat.completions.stream(
            model="to-messages", stream_options={"include_usage": True},
            messages=[{"role": "user", "content": "hi"}]) as stream:
        done = stream.get_final_completion()
    check_completion(done.choices[0].message, done.usage)
    assert done.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("chunk", [None, 1, 7])
def test_same_dialect_passes_unchanged(dialects, chunk):
    sent = message_stream()
    dialects.origin.set(sent, "text/event-stream", chunk=chunk)
    body = json.dumps({"model": "to-messages", "max_tokens": 5, "stream": True,
                       "messages": [{"role": "user", "content": "hi"}],
                       "new_member": {"kept": [1, 2]}}).encode()
    status, headers, got = lab.exchange(
        dialects.weir.port, "POST", "/v1/messages", body,
        {"x-api-key": dialects.key, "Content-Type": "application/json"})
    assert (status, got) == (200, sent)
    assert dialects.origin.last()["new_member"] == {"kept": [1, 2]}


def test_client_counts_tokens(dialects):
    count = dialects.anthropic.messages.count_tokens(
        model="to-chat", messages=[{"role": "user", "content": "hello " * 40}])
    assert 50 < count.input_tokens < 120


def test_what_cannot_be_said_is_refused_by_name(dialects):
    before = len(dialects.origin.asked)
    with pytest.raises(openai.BadRequestError) as caught:
        dialects.openai.chat.completions.create(
            model="to-messages", seed=7,
            messages=[{"role": "user", "content": "hi"}])
    assert caught.value.param == "seed"
    assert "OpenAI chat" in str(caught.value)
    assert "Anthropic Messages" in str(caught.value)
    with pytest.raises(anthropic.BadRequestError) as caught:
        dialects.anthropic.messages.create(
            model="to-chat", max_tokens=5, extra_body={"top_k": 3},
            messages=[{"role": "user", "content": "hi"}])
    error = caught.value.body["error"]
    assert error["type"] == "invalid_request_error"
    assert error["weir"]["param"] == "top_k"
    assert len(dialects.origin.asked) == before


def test_what_was_dropped_is_named_in_a_header(dialects):
    dialects.origin.set(json.dumps(CHAT).encode())
    raw = dialects.anthropic.messages.with_raw_response.create(
        model="to-chat", max_tokens=5, messages=[
            {"role": "user", "content": [
                {"type": "text", "text": "hi",
                 "cache_control": {"type": "ephemeral"}}]}])
    assert raw.headers["weir-dropped"] == "cache_control"


def test_errors_keep_the_providers_code(dialects):
    dialects.origin.set(json.dumps(
        {"type": "error", "error": {"type": "not_found_error",
                                    "message": "model: gone"}}).encode(),
        status=404)
    with pytest.raises(openai.NotFoundError) as caught:
        dialects.openai.chat.completions.create(
            model="to-messages", messages=[{"role": "user", "content": "hi"}])
    assert caught.value.code == "not_found_error"
    assert "model: gone" in str(caught.value)
    dialects.origin.set(json.dumps(
        {"error": {"message": "too long", "type": "invalid_request_error",
                   "code": "context_length_exceeded"}}).encode(), status=400)
    with pytest.raises(anthropic.BadRequestError) as caught:
        dialects.anthropic.messages.create(
            model="to-chat", max_tokens=5,
            messages=[{"role": "user", "content": "hi"}])
    error = caught.value.body["error"]
    assert error["message"] == "too long"
    assert error["weir"]["code"] == "context_length_exceeded"


def test_a_cut_stream_is_an_error_in_the_clients_dialect(dialects):
    whole = chat_stream()
    dialects.origin.set(whole[:len(whole) // 2], "text/event-stream", chunk=50)
    with pytest.raises(anthropic.APIError):
        with dialects.anthropic.messages.stream(
                model="to-chat", max_tokens=5,
                messages=[{"role": "user", "content": "hi"}]) as stream:
            stream.get_final_message()


GEMINI = {"candidates": [{"content": {"role": "model", "parts": [
    {"text": "Hm.", "thought": True, "thoughtSignature": "YWJj"},
    {"text": "Let me \"look\"."},
    {"functionCall": {"name": "weather", "args": {"place": "Bär"}},
     "thoughtSignature": "ZGVm"}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 20, "cachedContentTokenCount": 4,
                      "candidatesTokenCount": 6, "thoughtsTokenCount": 3,
                      "totalTokenCount": 29},
    "modelVersion": "large", "responseId": "r1"}


def gemini_stream():
    content = GEMINI["candidates"][0]["content"]["parts"]
    chunks = []
    for part in content:
        chunks.append({**GEMINI, "candidates": [
            {"content": {"role": "model", "parts": [part]}, "index": 0}]})
    chunks[-1]["candidates"][0]["finishReason"] = "STOP"
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n"
                    for chunk in chunks)


def gemini_config(**more):
    types = genai.types
    return types.GenerateContentConfig(
        system_instruction="Be kind.", max_output_tokens=99,
        stop_sequences=["END"],
        tools=[types.Tool(function_declarations=[types.FunctionDeclaration(
            name="weather", description="d", parameters=types.Schema(
                type="OBJECT", properties={"place": types.Schema(
                    type="STRING", nullable=True)}))])],
        automatic_function_calling={"disable": True}, **more)


def check_gemini(reply):
    parts = reply["parts"]
    assert "".join(p.text for p in parts if p.text and p.thought) == (
        "They want \"weather\".")
    assert "".join(p.text for p in parts if p.text and not p.thought) == (
        "Let me look.")
    calls = [p.function_call for p in parts if p.function_call]
    assert [(c.name, c.args) for c in calls] == [("weather",
                                                  {"place": "Bär"})]
    usage = reply["usage"]
    assert usage.prompt_token_count == 20
    assert usage.cached_content_token_count == 4
    assert usage.candidates_token_count == 6
    assert usage.thoughts_token_count == 3
    assert reply["finish"].value == "STOP"


def test_gemini_client_plain_on_chat_origin(dialects):
    dialects.origin.set(json.dumps(CHAT).encode())
    types = genai.types
    got = dialects.gemini.models.generate_content(
        model="to-chat", config=gemini_config(), contents=[
            types.Content(role="user", parts=[
                types.Part.from_text(text="weather?"),
                types.Part.from_bytes(data=b"hi", mime_type="image/png")]),
            types.Content(role="model", parts=[
                types.Part.from_function_call(name="weather",
                                              args={"place": "x"})]),
            types.Content(role="user", parts=[
                types.Part.from_function_response(
                    name="weather", response={"result": "rain"})])])
    check_gemini({"parts": got.candidates[0].content.parts,
                  "usage": got.usage_metadata,
                  "finish": got.candidates[0].finish_reason})
    asked = dialects.origin.last()
    call = asked["messages"][2]["tool_calls"][0]
    assert asked["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [
            {"type": "text", "text": "weather?"},
            {"type": "image_url", "image_url":
             {"url": "data:image/png;base64,aGk="}}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "rain"}]
    assert json.loads(call["function"]["arguments"]) == {"place": "x"}
    assert asked["max_completion_tokens"] == 99
    assert asked["tools"][0]["function"]["parameters"] == {
        "type": "object", "properties": {"place":
                                         {"type": ["string", "null"]}}}


@pytest.mark.parametrize("chunk", [None, 1, 7])
def test_gemini_client_streamed_on_chat_origin(dialects, chunk):
    dialects.origin.set(chat_stream(), "text/event-stream", chunk=chunk)
    parts, last = [], None
    for last in dialects.gemini.models.generate_content_stream(
            model="to-chat", contents="hi", config=gemini_config()):
        if last.candidates[0].content:
            parts += last.candidates[0].content.parts or []
    check_gemini({"parts": parts, "usage": last.usage_metadata,
                  "finish": last.candidates[0].finish_reason})


def test_openai_client_plain_on_gemini_origin(dialects):
    dialects.origin.set(json.dumps(GEMINI).encode())
    done = dialects.openai.chat.completions.create(
        model="to-gemini", max_completion_tokens=50, stop="END", seed=3,
        n=1, reasoning_effort="low", tool_choice="required",
        response_format={"type": "json_schema", "json_schema":
                         {"name": "a", "schema": TOOL}},
        messages=[{"role": "system", "content": "Be kind."},
                  {"role": "user", "content": "hi"},
                  {"role": "assistant", "tool_calls": [
                      {"id": "c1", "type": "function", "function":
                       {"name": "weather", "arguments": "{\"place\":\"x\"}"},
                       "extra_content": {"google": {"thought_signature":
                                                    "ZGVm"}}}]},
                  {"role": "tool", "tool_call_id": "c1", "content": "rain"}],
        tools=[{"type": "function", "function": {
            "name": "weather", "description": "d", "parameters": TOOL}}])
    message = done.choices[0].message
    assert message.content == "Let me \"look\"."
    assert message.reasoning_content == "Hm."
    assert json.loads(message.tool_calls[0].function.arguments) == {
        "place": "Bär"}
    assert message.tool_calls[0].id
    assert message.tool_calls[0].extra_content == {
        "google": {"thought_signature": "ZGVm"}}
    assert done.choices[0].finish_reason == "tool_calls"
    assert done.usage.prompt_tokens == 20
    assert done.usage.completion_tokens == 9
    assert done.usage.completion_tokens_details.reasoning_tokens == 3
    path, headers, _ = dialects.origin.asked[-1]
    assert path == "/v1beta/models/large:generateContent"
    assert dialects.origin.last() == {
        "systemInstruction": {"parts": [{"text": "Be kind."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [
                {"thoughtSignature": "ZGVm", "functionCall":
                 {"name": "weather", "args": {"place": "x"}}}]},
            {"role": "user", "parts": [{"functionResponse": {
                "name": "weather", "response": {"result": "rain"}}}]}],
        "tools": [{"functionDeclarations": [
            {"name": "weather", "description": "d",
             "parametersJsonSchema": TOOL}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        "generationConfig": {
            "maxOutputTokens": 50, "seed": 3, "stopSequences": ["END"],
            "responseMimeType": "application/json",
            "responseJsonSchema": TOOL,
            "thinkingConfig": {"thinkingBudget": 1024,
                               "includeThoughts": True}}}


@pytest.mark.parametrize("chunk", [None, 1, 7])
def test_anthropic_client_streamed_on_gemini_origin(dialects, chunk):
    dialects.origin.set(gemini_stream(), "text/event-stream", chunk=chunk)
    with dialects.anthropic.messages.stream(
            model="to-gemini", max_tokens=2000,
            thinking={"type": "enabled", "budget_tokens": 1500},
            messages=[{"role": "user", "content": "weather?"}]) as stream:
        message = stream.get_final_message()
    assert [b.type for b in message.content] == ["thinking", "text",
                                                 "tool_use"]
    assert message.content[0].signature == "YWJj"
    assert message.content[2].input == {"place": "Bär"}
    assert message.stop_reason == "tool_use"
    assert message.usage.output_tokens == 9
    assert dialects.origin.asked[-1][0] == (
        "/v1beta/models/large:streamGenerateContent?alt=sse")


def test_gemini_streams_pass_unchanged(dialects):
    sent = gemini_stream()
    dialects.origin.set(sent, "text/event-stream", chunk=100)
    body = json.dumps({"contents": [{"parts": [{"text": "hi"}]}],
                       "new_member": [1]}).encode()
    status, _, got = lab.exchange(
        dialects.weir.port, "POST",
        "/v1beta/models/to-gemini:streamGenerateContent?alt=sse", body,
        {"x-goog-api-key": dialects.key})
    assert (status, got) == (200, sent)
    assert dialects.origin.asked[-1][2] == body


def test_gemini_client_reads_a_refusal(dialects):
    with pytest.raises(genai.errors.ClientError) as caught:
        dialects.gemini.models.generate_content(
            model="to-chat", contents="hi", config={"top_k": 5})
    assert caught.value.code == 400
    assert caught.value.status == "INVALID_ARGUMENT"
    assert "topK" in caught.value.message
    assert dialects.gemini.models.count_tokens(
        model="to-chat", contents="hello " * 40).total_tokens > 50


RESPONSE = {"id": "resp_1", "object": "response", "created_at": 5,
            "status": "completed", "model": "large", "error": None,
            "incomplete_details": None, "output": [
                {"type": "reasoning", "id": "rs_1", "summary": [
                    {"type": "summary_text", "text": "Hm."}],
                 "encrypted_content": "abc"},
                {"type": "message", "id": "m1", "role": "assistant",
                 "status": "completed", "content": [
                     {"type": "output_text", "text": "Let me \"look\".",
                      "annotations": []}]},
                {"type": "function_call", "id": "fc_1", "call_id": "toolu_1",
                 "name": "weather", "status": "completed",
                 "arguments": "{\"place\": \"Bär\"}"}],
            "usage": {"input_tokens": 20, "output_tokens": 9,
                      "total_tokens": 29,
                      "input_tokens_details": {"cached_tokens": 4},
                      "output_tokens_details": {"reasoning_tokens": 3}}}


def check_response(response):
    kinds = [item.type for item in response.output]
    assert kinds == ["reasoning", "message", "function_call"]
    assert response.output[0].summary[0].text == "They want \"weather\"."
    assert response.output_text == "Let me look."
    call = response.output[2]
    assert (call.call_id, call.name) == ("call_1", "weather")
    assert json.loads(call.arguments) == {"place": "Bär"}
    assert response.usage.input_tokens == 20
    assert response.usage.input_tokens_details.cached_tokens == 4
    assert response.usage.output_tokens_details.reasoning_tokens == 3
    assert response.status == "completed"


ASKED = {"instructions": "Be kind.", "max_output_tokens": 3000, "input": [
    {"role": "user", "content": [
        {"type": "input_text", "text": "hi"},
        {"type": "input_image", "detail": "low", "image_url":
         "data:image/png;base64,aGk="}]},
    {"type": "reasoning", "id": "rs_0", "summary": [],
     "encrypted_content": "sealed"},
    {"type": "function_call", "call_id": "c1", "name": "weather",
     "arguments": "{\"place\":\"x\"}"},
    {"type": "function_call_output", "call_id": "c1", "output": "rain"}],
    "tools": [{"type": "function", "name": "weather", "parameters": TOOL,
               "strict": False}], "reasoning": {"effort": "low"}}


def test_responses_client_plain_on_chat_origin(dialects):
    dialects.origin.set(json.dumps(CHAT).encode())
    check_response(dialects.openai.responses.create(
        model="to-compatible", **ASKED))
    asked = dialects.origin.last()
    assert asked["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [
            {"type": "text", "text": "hi"},
            {"type": "image_url", "image_url":
             {"url": "data:image/png;base64,aGk=", "detail": "low"}}]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c1", "type": "function", "function":
             {"name": "weather", "arguments": "{\"place\":\"x\"}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"}]
    assert asked["max_tokens"] == 3000
    assert asked["reasoning_effort"] == "low"


@pytest.mark.parametrize("chunk", [None, 1, 7])
def test_responses_client_streamed_on_chat_origin(dialects, chunk):
    dialects.origin.set(chat_stream(), "text/event-stream", chunk=chunk)
    with dialects.openai.responses.stream(model="to-compatible",
                                          input="hi") as stream:
        response = stream.get_final_response()
    check_response(response)


def test_responses_client_gives_reasoning_back_to_its_maker(dialects):
    dialects.origin.set(json.dumps(MESSAGE).encode())
    response = dialects.openai.responses.create(model="to-messages", **ASKED)
    assert response.output[0].encrypted_content == "abc"
    asked = dialects.origin.last()
    assert asked["messages"][1] == {"role": "assistant", "content": [
        {"type": "redacted_thinking", "data": "sealed"},
        {"type": "tool_use", "id": "c1", "name": "weather",
         "input": {"place": "x"}}]}
    dialects.openai.responses.create(
        model="to-messages", input=[{"role": "user", "content": "hi"}] +
        [item.model_dump() for item in response.output])
    assert dialects.origin.last()["messages"][1]["content"][0] == {
        "type": "thinking", "thinking": "Hm.", "signature": "abc"}


def test_openai_client_plain_on_responses_origin(dialects):
    dialects.origin.set(json.dumps(RESPONSE).encode())
    done = dialects.openai.chat.completions.create(
        model="to-responses", reasoning_effort="low",
        messages=[{"role": "system", "content": "Be kind."},
                  {"role": "user", "content": "hi"},
                  {"role": "assistant", "tool_calls": [
                      {"id": "c1", "type": "function", "function":
                       {"name": "weather", "arguments": "{}"}}]},
                  {"role": "tool", "tool_call_id": "c1", "content": "rain"}])
    check_completion(done.choices[0].message, done.usage)
    assert dialects.origin.asked[-1][0] == "/v1/responses"
    assert dialects.origin.last()["input"] == [
        {"type": "message", "role": "system", "content": [
            {"type": "input_text", "text": "Be kind."}]},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "hi"}]},
        {"type": "function_call", "call_id": "c1", "name": "weather",
         "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": [
            {"type": "input_text", "text": "rain"}]}]


def test_previous_responses_are_refused_by_name(dialects):
    with pytest.raises(openai.BadRequestError) as caught:
        dialects.openai.responses.create(model="to-messages", input="hi",
                                         previous_response_id="resp_1")
    assert caught.value.param == "previous_response_id"


def test_azure_paths_name_the_model(dialects):
    dialects.origin.set(json.dumps(CHAT).encode())
    url = f"http://127.0.0.1:{dialects.weir.port}"
    azure = openai.AzureOpenAI(
        azure_endpoint=url, api_key=dialects.key, api_version="2024-10-21",
        azure_deployment="to-chat", max_retries=0)
    ask = {"messages": [{"role": "user", "content": "hi"}]}
    done = azure.chat.completions.create(model="anything", **ask)
    assert done.choices[0].message.content == "Let me look."
    assert dialects.origin.last()["model"] == "large"
    body = json.dumps({**ask, "stream": True}).encode()
    dialects.origin.set(chat_stream(), "text/event-stream")
    status, _, _ = lab.exchange(
        dialects.weir.port, "POST", "/openai/deployments/to-chat/chat/"
        "completions?api-version=2024-10-21", body,
        {"api-key": dialects.key})
    assert status == 200
    assert dialects.origin.last() == {
        **ask, "stream": True, "model": "large",
        "stream_options": {"include_usage": True}}
    v1 = openai.OpenAI(base_url=url + "/openai/v1", api_key=dialects.key,
                       max_retries=0)
    dialects.origin.set(json.dumps(MESSAGE).encode())
    done = v1.chat.completions.create(model="to-messages", **ask)
    assert done.choices[0].message.content == "Let me \"look\"."
