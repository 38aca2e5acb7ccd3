# SPDX-License-Identifier: Apache-2.0
"""The official Python SDK, over HTTP/1.1 and HTTP/2, as anybody uses it."""
import json

import openai
import pydantic
import pytest

SAID = [{"role": "user", "content": "How high is the water?"}]


@pytest.fixture(params=["http1", "http2"])
def client(request, house):
    if request.param == "http1":
        made = openai.OpenAI(base_url=house.weir.base, api_key=house.key(),
                             max_retries=0)
    else:
        made = openai.OpenAI(
            base_url=f"https://localhost:{house.tls_port}/v1",
            api_key=house.key(), max_retries=0,
            http_client=openai.DefaultHttpxClient(http2=True,
                                                  verify=house.context()))
    yield made
    made.close()


def scripted(words):
    return {"metadata": {"origin": words}}


def test_chat(client, house):
    raw = client.chat.completions.with_raw_response.create(
        model="only-near", messages=SAID, extra_body=scripted("in=9;out=4"))
    reply = raw.parse()
    assert reply.choices[0].message.content.startswith("river")
    assert reply.usage.prompt_tokens == 9
    assert reply.usage.completion_tokens == 4
    assert raw.headers["weir-deployment"] == "large-near"
    assert raw.headers["weir-region"] == "here"
    assert raw.headers["weir-decision"] == "allow"
    assert raw.headers["weir-request-id"].startswith("req_")
    # 9 * 3 + 4 * 15 micro-units
    assert raw.headers["weir-cost"] == "0.000087 USD"
    assert house.origin.stats()["calls"] == 1


def test_protocol_is_what_it_says(client):
    raw = client.chat.completions.with_raw_response.create(
        model="only-near", messages=SAID)
    wanted = ("HTTP/2" if str(client.base_url).startswith("https")
              else "HTTP/1.1")
    assert raw.http_response.http_version == wanted


def test_stream(client):
    stream = client.chat.completions.create(
        model="only-near", messages=SAID, stream=True,
        extra_body=scripted("events=5"))
    chunks = list(stream)
    words = [c.choices[0].delta.content for c in chunks
             if c.choices[0].delta.content]
    assert len(words) == 5
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


def test_stream_with_usage(client):
    stream = client.chat.completions.create(
        model="only-near", messages=SAID, stream=True,
        stream_options={"include_usage": True},
        extra_body=scripted("events=5;in=7"))
    chunks = list(stream)
    assert chunks[-1].choices == []
    assert chunks[-1].usage.prompt_tokens == 7
    assert chunks[-1].usage.completion_tokens == 5


def test_tools(client):
    tools = [{"type": "function", "function": {
        "name": "level", "parameters": {
            "type": "object", "properties": {"river": {"type": "string"}}}}}]
    arguments = '{"river":"Glomma \\"upper\\""}'
    words = "tool=level:" + "".join(f"%{b:02x}" for b in arguments.encode())
    reply = client.chat.completions.create(
        model="only-near", messages=SAID, tools=tools,
        extra_body=scripted(words))
    call = reply.choices[0].message.tool_calls[0]
    assert call.function.name == "level"
    assert json.loads(call.function.arguments) == {"river": 'Glomma "upper"'}

    joined = ""
    stream = client.chat.completions.create(
        model="only-near", messages=SAID, tools=tools, stream=True,
        extra_body=scripted(words))
    for chunk in stream:
        for part in chunk.choices[0].delta.tool_calls or []:
            joined += part.function.arguments or ""
    assert joined == arguments


def test_structured_output(client):
    class Level(pydantic.BaseModel):
        river: str
        metres: float

    content = "".join(f"%{b:02x}" for b in
                      b'{"river":"Glomma","metres":4.25}')
    reply = client.chat.completions.parse(
        model="only-near", messages=SAID, response_format=Level,
        extra_body=scripted("content=" + content))
    assert reply.choices[0].message.parsed == Level(river="Glomma",
                                                    metres=4.25)


def test_embeddings(client):
    reply = client.embeddings.create(model="embed", input=["a", "b", "c"])
    assert len(reply.data) == 3
    # asked for as base64 by the SDK, exact in binary
    assert reply.data[2].embedding == [0.5, 0.25, -0.5, 0, 1, -1, .125, -.125]
    listed = client.embeddings.create(model="embed", input="a",
                                      encoding_format="float")
    assert listed.data[0].embedding == reply.data[0].embedding


def test_responses(client):
    reply = client.responses.create(
        model="only-near", input="How high?",
        extra_body=scripted("in=5;out=3;cached=2;reasoning=1"))
    assert reply.output_text.startswith("river")
    assert reply.usage.input_tokens == 5
    assert reply.usage.input_tokens_details.cached_tokens == 2
    assert reply.usage.output_tokens_details.reasoning_tokens == 1


def test_responses_stream(client):
    kinds = []
    with client.responses.stream(model="only-near", input="How high?",
                                 extra_body=scripted("events=3")) as stream:
        for event in stream:
            kinds.append(event.type)
        final = stream.get_final_response()
    assert kinds.count("response.output_text.delta") == 3
    assert kinds[-1] == "response.completed"
    assert final.usage.output_tokens == 3


def test_legacy_completions(client):
    reply = client.completions.create(model="only-near", prompt="The river")
    assert reply.choices[0].text.startswith("river")
    parts = list(client.completions.create(
        model="only-near", prompt="The river", stream=True,
        extra_body=scripted("events=3")))
    assert sum(bool(p.choices[0].text) for p in parts) == 3


def test_models_are_those_of_the_key(client, house):
    ids = {row.id for row in client.models.list().data}
    assert {"large", "small", "embed"} <= ids
    other = openai.OpenAI(base_url=house.weir.base,
                          api_key=house.key("outcast"), max_retries=0)
    ids = {row.id for row in other.models.list().data}
    assert "small" in ids and "large" not in ids
    everything = {row.id: row for row in
                  other.models.list(extra_query={"all": "1"}).data}
    assert "large" in everything
    said = json.dumps(everything["large"].model_dump())
    assert "maker-excluded" in said or "policy" in said


def test_errors_are_the_sdk_s_own(house):
    def ask(tenant, **more):
        client = openai.OpenAI(base_url=house.weir.base, max_retries=0,
                               api_key=house.key(tenant))
        return client.chat.completions.create(
            **{"model": "only-near", "messages": SAID, **more})

    nobody = openai.OpenAI(base_url=house.weir.base, max_retries=0,
                           api_key="wr_nobody")
    with pytest.raises(openai.AuthenticationError):
        nobody.chat.completions.create(model="only-near", messages=SAID)
    with pytest.raises(openai.PermissionDeniedError) as denied:
        ask("outcast")
    assert denied.value.response.headers["weir-decision"] == "deny"
    assert "maker-excluded" in denied.value.response.text
    with pytest.raises(openai.PermissionDeniedError) as held:
        ask("doubtful")
    assert held.value.response.headers["weir-decision"] == "hold"
    with pytest.raises(openai.NotFoundError):
        ask("good", model="no-such-model")
    with pytest.raises(openai.BadRequestError):
        ask("good", extra_body={"stream": "perhaps"})
    house.calm_minute()
    for _ in range(3):
        ask("scarce")
    with pytest.raises(openai.RateLimitError) as limited:
        ask("scarce")
    assert 0 < int(limited.value.response.headers["retry-after"]) <= 60


@pytest.mark.parametrize("kind", ["plain", "stream"])
def test_async_client(house, kind):
    import asyncio

    async def many():
        async with openai.AsyncOpenAI(base_url=house.weir.base,
                                      api_key=house.key()) as client:
            async def one(number):
                if kind == "plain":
                    reply = await client.chat.completions.create(
                        model="only-near", messages=SAID,
                        extra_body=scripted(f"out={number + 1}"))
                    return reply.usage.completion_tokens
                stream = await client.chat.completions.create(
                    model="only-near", messages=SAID, stream=True,
                    extra_body=scripted(f"events={number + 1}"))
                return sum([bool(c.choices[0].delta.content)
                            async for c in stream])
            return await asyncio.gather(*[one(n) for n in range(40)])

    assert asyncio.run(many()) == list(range(1, 41))
