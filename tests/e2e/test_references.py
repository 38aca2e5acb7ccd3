# SPDX-License-Identifier: Apache-2.0
"""What lies at an origin is not named, in any dialect's own client."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from test_dialects import (CHAT, GEMINI, anthropic, dialects,  # noqa: E402,F401
                           genai, openai)

FILES = ["files/abc", "gs://bucket/object",
         "https://generativelanguage.googleapis.com/v1beta/files/abc"]
PUBLIC = "https://pictures.example/a.png"


@pytest.mark.parametrize("uri", FILES)
@pytest.mark.parametrize("model", ["to-gemini", "to-chat"])
def test_gemini_files_are_refused(dialects, model, uri):  # noqa: F811
    part = genai.types.Part.from_uri(file_uri=uri, mime_type="image/png")
    before = len(dialects.origin.asked)
    models = dialects.gemini.models
    for verb in (lambda: models.generate_content(model=model, contents=part),
                 lambda: list(models.generate_content_stream(
                     model=model, contents=part)),
                 lambda: models.count_tokens(model=model, contents=part)):
        with pytest.raises(genai.errors.ClientError) as caught:
            verb()
        assert caught.value.code == 400
        assert caught.value.status == "INVALID_ARGUMENT"
        # Its clients write either spelling; it is named as they did.
        assert caught.value.message.replace("file_uri", "fileUri").startswith(
            "fileUri is not a public web address")
    assert len(dialects.origin.asked) == before


def test_gemini_caches_are_refused(dialects):  # noqa: F811
    before = len(dialects.origin.asked)
    with pytest.raises(genai.errors.ClientError) as caught:
        dialects.gemini.models.generate_content(
            model="to-gemini", contents="hi",
            config={"cached_content": "cachedContents/abc"})
    assert caught.value.message.startswith("cachedContent is not served")
    assert len(dialects.origin.asked) == before


def test_gemini_web_addresses_pass(dialects):  # noqa: F811
    dialects.origin.set(json.dumps({**GEMINI, "candidates": [
        {"content": {"role": "model", "parts": [{"text": "a"}]},
         "finishReason": "STOP", "index": 0}]}).encode())
    got = dialects.gemini.models.generate_content(
        model="to-gemini", contents=genai.types.Part.from_uri(
            file_uri=PUBLIC, mime_type="image/png"))
    assert got.text == "a"
    data = dialects.origin.last()["contents"][0]["parts"][0]["fileData"]
    assert PUBLIC in data.values()  # the client's own spelling


@pytest.mark.parametrize("uri", FILES)
def test_openai_addresses_name_no_files(dialects, uri):  # noqa: F811
    before = len(dialects.origin.asked)
    for model in ("to-gemini", "to-chat"):
        with pytest.raises(openai.BadRequestError) as caught:
            dialects.openai.chat.completions.create(model=model, messages=[
                {"role": "user", "content": [
                    {"type": "image_url", "image_url": {"url": uri}}]}])
        assert caught.value.param == "url"
        with pytest.raises(openai.BadRequestError) as caught:
            dialects.openai.responses.create(model=model, input=[
                {"role": "user", "content": [
                    {"type": "input_image", "image_url": uri}]}])
        assert caught.value.param == "image_url"
    assert len(dialects.origin.asked) == before


def test_openai_web_addresses_pass(dialects):  # noqa: F811
    dialects.origin.set(json.dumps(CHAT).encode())
    for model in ("to-chat", "to-compatible"):
        dialects.openai.chat.completions.create(model=model, messages=[
            {"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": PUBLIC}}]}])
        said = dialects.origin.last()["messages"][0]["content"][0]
        assert said["image_url"]["url"] == PUBLIC


def test_openai_containers_are_refused(dialects):  # noqa: F811
    before = len(dialects.origin.asked)
    with pytest.raises(openai.BadRequestError) as caught:
        dialects.openai.responses.create(
            model="to-responses", input="hi", tools=[
                {"type": "code_interpreter", "container": "cntr_1"}])
    assert caught.value.param == "container"
    assert len(dialects.origin.asked) == before


@pytest.mark.parametrize("model", ["to-messages", "to-gemini"])
def test_anthropic_files_and_containers_are_refused(
        dialects, model):  # noqa: F811
    ask = {"model": model, "max_tokens": 9}
    hi = [{"role": "user", "content": "hi"}]
    rows = [("file_id", {"messages": [{"role": "user", "content": [
                {"type": "container_upload", "file_id": "file_1"}]}]}),
            ("url", {"messages": [{"role": "user", "content": [
                {"type": "image", "source": {
                    "type": "url", "url": FILES[1]}}]}]}),
            ("mcp_servers", {"messages": hi, "extra_body": {"mcp_servers": [
                {"type": "url", "name": "t", "url": "https://t.example"}]}}),
            ("container", {"messages": hi,
                           "extra_body": {"container": "container_1"}})]
    before = len(dialects.origin.asked)
    for name, more in rows:
        with pytest.raises(anthropic.BadRequestError) as caught:
            dialects.anthropic.messages.create(**ask, **more)
        error = caught.value.body["error"]
        assert error["type"] == "invalid_request_error"
        assert error["message"].startswith(f"{name} is not")
    assert len(dialects.origin.asked) == before
