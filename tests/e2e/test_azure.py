# SPDX-License-Identifier: Apache-2.0
"""Azure's own clients: OpenAI's for Azure with each of its ways to say who
calls, and the one for Azure AI model inference."""
import openai
import pytest

SAID = [{"role": "user", "content": "How high is the water?"}]
VERSION = "2024-10-21"

inference = pytest.importorskip("azure.ai.inference")
from azure.core.credentials import AzureKeyCredential  # noqa: E402
from azure.core.exceptions import HttpResponseError  # noqa: E402


def azure(house, **more):
    return openai.AzureOpenAI(azure_endpoint=house.weir.base.removesuffix("/v1"), api_version=VERSION,
                              max_retries=0, **more)


@pytest.mark.parametrize("way", ["api_key", "azure_ad_token",
                                 "azure_ad_token_provider"])
def test_openai_for_azure_by_key_and_by_token(house, way):
    said = house.key()
    with azure(house, **{way: (lambda: said) if way.endswith("provider")
                         else said}) as client:
        reply = client.chat.completions.create(
            model="only-near", messages=SAID,
            extra_body={"metadata": {"origin": "in=9;out=4"}})
    assert reply.choices[0].message.content.startswith("river")
    assert reply.usage.completion_tokens == 4


def test_a_token_that_is_no_key_is_refused(house):
    with azure(house, azure_ad_token="eyJhbGciOiJub25lIn0.e30.") as client:
        with pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(model="only-near", messages=SAID)
    assert house.origin.stats()["calls"] == 0


@pytest.fixture
def client(house):
    with inference.ChatCompletionsClient(
            endpoint=house.weir.base.removesuffix("v1") + "models",
            credential=AzureKeyCredential(house.key())) as made:
        yield made


def test_inference_whole(client, house):
    reply = client.complete(model="only-near", messages=SAID,
                            temperature=0.5, max_tokens=50)
    assert reply.choices[0].message.content.startswith("river")
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.completion_tokens > 0
    assert house.origin.stats()["calls"] == 1


def test_inference_streamed(client):
    pieces = [update.choices[0].delta.content or ""
              for update in client.complete(model="only-near", messages=SAID,
                                            stream=True)
              if update.choices]
    assert "".join(pieces).startswith("river")


def test_inference_tools(client, house):
    tool = {"type": "function", "function": {
        "name": "gauge", "description": "the water's height",
        "parameters": {"type": "object", "properties": {}}}}
    client.complete(model="only-near", messages=SAID, tools=[tool],
                    tool_choice="auto")
    assert house.origin.stats()["calls"] == 1


def test_inference_is_refused_in_its_own_words(client, house):
    with pytest.raises(HttpResponseError) as refused:
        client.complete(model="nobody-has-it", messages=SAID)
    assert refused.value.status_code == 404
    assert refused.value.error.code == "model_not_found"
    assert house.origin.stats()["calls"] == 0


def test_inference_embeds(house):
    with inference.EmbeddingsClient(
            endpoint=house.weir.base.removesuffix("v1") + "models",
            credential=AzureKeyCredential(house.key())) as client:
        reply = client.embed(model="embed", input=["a", "b"])
    assert [row.index for row in reply.data] == [0, 1]
