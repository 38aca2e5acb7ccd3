# SPDX-License-Identifier: Apache-2.0
"""boto3's bedrock-runtime, unmodified, before origins of every dialect."""
import base64
import json

import pytest

import lab
from test_dialects import (ARN, CHAT, MESSAGE, boto3, botocore, chat_stream,
                           dialects, message_stream)  # noqa: F401

from botocore.exceptions import ClientError, EventStreamError  # noqa: E402

TOOL = {"toolSpec": {"name": "weather", "description": "d", "inputSchema": {
    "json": {"type": "object", "properties": {"place": {"type": "string"}}}}}}
ASK = [{"role": "user", "content": [{"text": "weather?"}]}]


def check(content, stop, usage, thought):
    reasons = [block["reasoningContent"]["reasoningText"]["text"]
               for block in content if "reasoningContent" in block]
    assert reasons == [thought]
    texts = [block["text"] for block in content if "text" in block]
    assert len(texts) == 1 and texts[0].startswith("Let me")
    calls = [block["toolUse"] for block in content if "toolUse" in block]
    assert [(call["name"], call["input"]) for call in calls] == [
        ("weather", {"place": "Bär"})]
    assert stop == "tool_use"
    assert usage["inputTokens"] + usage["cacheReadInputTokens"] + \
        usage["cacheWriteInputTokens"] == 20
    assert usage["cacheReadInputTokens"] == 4
    assert usage["outputTokens"] == 9
    assert usage["totalTokens"] == 29


def gathered(stream):
    """A stream put together as its SDK's users do."""
    blocks, kinds, stop, usage = {}, {}, None, None
    for event in stream:
        (kind, body), = event.items()
        if kind == "contentBlockStart":
            blocks[body["contentBlockIndex"]] = dict(
                body["start"]["toolUse"], input="")
            kinds[body["contentBlockIndex"]] = "toolUse"
        if kind == "contentBlockDelta":
            at, delta = body["contentBlockIndex"], body["delta"]
            if "text" in delta:
                kinds[at] = "text"
                blocks[at] = blocks.get(at, "") + delta["text"]
            if "reasoningContent" in delta:
                kinds[at] = "reasoningContent"
                blocks[at] = blocks.get(at, "") + delta[
                    "reasoningContent"].get("text", "")
            if "toolUse" in delta:
                blocks[at]["input"] += delta["toolUse"]["input"]
        stop = body.get("stopReason", stop)
        usage = body.get("usage", usage)
    content = []
    for at in sorted(blocks):
        if kinds[at] == "toolUse":
            blocks[at]["input"] = json.loads(blocks[at]["input"])
        if kinds[at] == "reasoningContent":
            blocks[at] = {"reasoningText": {"text": blocks[at]}}
        content.append({kinds[at]: blocks[at]})
    return content, stop, usage


def test_converse_on_a_chat_origin(dialects):  # noqa: F811
    dialects.origin.set(json.dumps(CHAT).encode())
    got = dialects.bedrock.converse(
        modelId="to-chat", system=[{"text": "Be kind."},
                                   {"cachePoint": {"type": "default"}}],
        inferenceConfig={"maxTokens": 100, "temperature": 0.5,
                         "stopSequences": ["END"]},
        toolConfig={"tools": [TOOL], "toolChoice": {"any": {}}},
        messages=[
            {"role": "user", "content": [
                {"text": "weather \"here\"?"},
                {"image": {"format": "png", "source": {"bytes": b"hi"}}}]},
            {"role": "assistant", "content": [{"toolUse": {
                "toolUseId": "t1", "name": "weather",
                "input": {"place": "x"}}}]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "t1", "content": [
                    {"json": {"sky": "\"rain\""}}]}},
                {"text": "and now?"}]}])
    check(got["output"]["message"]["content"], got["stopReason"],
          got["usage"], "They want \"weather\".")
    asked = dialects.origin.last()
    assert asked["max_completion_tokens"] == 100
    assert asked["tool_choice"] == "required"
    assert asked["stop"] == ["END"]
    assert asked["messages"][0] == {"role": "system", "content": [
        {"type": "text", "text": "Be kind."}]}
    assert asked["messages"][1]["content"][1]["image_url"]["url"] == (
        "data:image/png;base64," + base64.b64encode(b"hi").decode())
    assert asked["messages"][3]["role"] == "tool"
    assert json.loads(asked["messages"][3]["content"]) == {"sky": "\"rain\""}
    assert asked["messages"][4] == {"role": "user", "content": "and now?"}
    assert asked["tools"][0]["function"]["name"] == "weather"


@pytest.mark.parametrize("chunk", [None, 1, 7, 4096])
def test_converse_stream_on_a_chat_origin(dialects, chunk):  # noqa: F811
    dialects.origin.set(chat_stream(), "text/event-stream", chunk=chunk)
    got = dialects.bedrock.converse_stream(modelId="to-chat", messages=ASK)
    check(*gathered(got["stream"]), "They want \"weather\".")


@pytest.mark.parametrize("is_streamed", [False, True])
def test_converse_on_a_messages_origin(dialects, is_streamed):  # noqa: F811
    ask = {"modelId": "to-messages", "messages": ASK,
           "inferenceConfig": {"maxTokens": 3000},
           "additionalModelRequestFields": {"top_k": 3, "thinking": {
               "type": "enabled", "budget_tokens": 2000}}}
    if is_streamed:
        dialects.origin.set(message_stream(), "text/event-stream", chunk=99)
        content, stop, usage = gathered(
            dialects.bedrock.converse_stream(**ask)["stream"])
    else:
        dialects.origin.set(json.dumps(MESSAGE).encode())
        got = dialects.bedrock.converse(**ask)
        content, stop = got["output"]["message"]["content"], got["stopReason"]
        usage = got["usage"]
    check(content, stop, usage, "Hm.")
    asked = dialects.origin.last()
    assert asked["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert asked["top_k"] == 3


def test_a_schema_goes_over_both_ways(dialects):  # noqa: F811
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    dialects.origin.set(json.dumps(CHAT).encode())
    dialects.bedrock.converse(
        modelId="to-chat", messages=ASK, outputConfig={"textFormat": {
            "type": "json_schema", "structure": {"jsonSchema": {
                "schema": json.dumps(schema), "name": "thing"}}}})
    said = dialects.origin.last()["response_format"]
    assert said["json_schema"]["schema"] == schema
    assert said["json_schema"]["name"] == "thing"
    dialects.origin.set(json.dumps(
        {"output": {"message": {"role": "assistant", "content": [
            {"text": "{}"}]}}, "stopReason": "end_turn", "usage": {
                "inputTokens": 1, "outputTokens": 1}}).encode())
    dialects.openai.chat.completions.create(
        model="to-converse", messages=[{"role": "user", "content": "hi"}],
        response_format={"type": "json_schema", "json_schema": {
            "name": "thing", "schema": schema}})
    said = dialects.origin.last()["outputConfig"]["textFormat"]["structure"]
    assert json.loads(said["jsonSchema"]["schema"]) == schema
    assert said["jsonSchema"]["name"] == "thing"


def test_arns_name_models(dialects):  # noqa: F811
    dialects.origin.set(json.dumps(CHAT).encode())
    got = dialects.bedrock.converse(modelId=ARN, messages=ASK)
    assert got["usage"]["outputTokens"] == 9
    with pytest.raises(ClientError) as caught:
        dialects.bedrock.converse(modelId=ARN + "/other", messages=ASK)
    assert caught.value.response["Error"]["Code"] == \
        "ResourceNotFoundException"


def test_what_cannot_be_said_is_refused_by_name(dialects):  # noqa: F811
    before = len(dialects.origin.asked)
    with pytest.raises(ClientError) as caught:
        dialects.bedrock.converse(
            modelId="to-chat", messages=ASK, guardrailConfig={
                "guardrailIdentifier": "g", "guardrailVersion": "1"})
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert "guardrailConfig" in str(caught.value)
    with pytest.raises(ClientError) as caught:
        dialects.bedrock.converse(modelId="to-chat", messages=[
            {"role": "user", "content": [{"image": {
                "format": "png", "source": {"s3Location": {
                    "uri": "s3://a/b"}}}}]}])
    assert "s3Location" in str(caught.value)
    assert len(dialects.origin.asked) == before


@pytest.mark.parametrize("model", ["to-converse", "to-chat"])
def test_objects_of_an_account_are_not_named(dialects, model):  # noqa: F811
    where = {"s3Location": {"uri": "s3://a/b"}}
    parts = [{"image": {"format": "png", "source": where}},
             {"document": {"format": "pdf", "name": "n", "source": where}},
             {"video": {"format": "mp4", "source": where}}]
    before = len(dialects.origin.asked)
    for part in parts:
        ask = {"modelId": model, "messages": [
            {"role": "user", "content": [{"text": "hi"}, part]}]}
        for verb in ("converse", "converse_stream"):
            with pytest.raises(ClientError) as caught:
                getattr(dialects.bedrock, verb)(**ask)
            error = caught.value.response["Error"]
            assert error["Code"] == "ValidationException"
            assert error["Message"].startswith("s3Location is not served")
    assert len(dialects.origin.asked) == before


def test_tokens_are_counted(dialects):  # noqa: F811
    got = dialects.bedrock.count_tokens(modelId="to-chat", input={
        "converse": {"messages": [{"role": "user", "content": [
            {"text": "hello " * 40}]}]}})
    assert 50 < got["inputTokens"] < 120


def test_a_cut_stream_raises(dialects):  # noqa: F811
    whole = chat_stream()
    dialects.origin.set(whole[:len(whole) // 2], "text/event-stream", chunk=50)
    got = dialects.bedrock.converse_stream(modelId="to-chat", messages=ASK)
    with pytest.raises(EventStreamError) as caught:
        list(got["stream"])
    assert "modelStreamErrorException" in str(caught.value)


def test_an_origin_s_error_keeps_its_words(dialects):  # noqa: F811
    dialects.origin.set(json.dumps({"error": {
        "message": "too long", "type": "invalid_request_error",
        "code": "context_length_exceeded"}}).encode(), status=400)
    with pytest.raises(ClientError) as caught:
        dialects.bedrock.converse(modelId="to-chat", messages=ASK)
    assert "too long" in str(caught.value)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_other_verbs_are_not_served(dialects):  # noqa: F811
    for path in ("/guardrail/g/version/1/apply", "/async-invoke",
                 "/model/to-chat/invoke-with-bidirectional-stream"):
        status, _, body = lab.exchange(
            dialects.weir.port, "POST", path, b"{}",
            {"Authorization": "Bearer " + dialects.key})
        assert status == 404, path
        assert json.loads(body)
