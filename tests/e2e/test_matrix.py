# SPDX-License-Identifier: Apache-2.0
"""Every recorded reply, to clients of every dialect.

Same dialect: the bytes are the same (but for ids of Responses, which go by
names of the tenant's: stored_names.py). Another: the official client reads it
by its own types, and text, calls and tokens are those of the recording. With
WEIR_MATRIX=FILE the table of docs/measured/dialects.md is written there.
"""
import collections
import json
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import recorded  # noqa: E402
from stored_names import with_ids  # noqa: E402
from test_dialects import dialects  # noqa: E402,F401
from test_invoke import BODY, chunk_of, gathered  # noqa: E402

PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses",
         "messages": "/v1/messages"}


def as_chat(client, model, stream):
    ask = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    if not stream:
        events = [client.openai.chat.completions.create(**ask)]
    else:
        events = client.openai.chat.completions.create(
            stream=True, stream_options={"include_usage": True}, **ask)
    return recorded.read_chat([event.model_dump() for event in events])


def as_responses(client, model, stream):
    ask = {"model": model, "input": "hi"}
    if not stream:
        events = [client.openai.responses.create(**ask)]
    else:
        events = client.openai.responses.create(stream=True, **ask)
    return recorded.read_responses([event.model_dump() for event in events])


def as_messages(client, model, stream):
    ask = {"model": model, "max_tokens": 9,
           "messages": [{"role": "user", "content": "hi"}]}
    if not stream:
        done = client.anthropic.messages.create(**ask)
    else:
        with client.anthropic.messages.stream(**ask) as events:
            done = events.get_final_message()
    return recorded.read_messages([done.model_dump()])


def as_gemini(client, model, stream):
    if not stream:
        events = [client.gemini.models.generate_content(model=model,
                                                        contents="hi")]
    else:
        events = list(client.gemini.models.generate_content_stream(
            model=model, contents="hi"))
    return recorded.read_gemini([
        event.model_dump(mode="json", by_alias=True, exclude_none=True)
        for event in events])


def as_converse(client, model, stream):
    ask = {"modelId": model,
           "messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    if not stream:
        events = [client.bedrock.converse(**ask)]
    else:
        events = client.bedrock.converse_stream(**ask)["stream"]
    return recorded.read_converse(list(events))


def as_invoke(client, model, stream):
    ask = {"modelId": model, "body": json.dumps(BODY)}
    if not stream:
        done = json.loads(client.bedrock.invoke_model(**ask)["body"].read())
    else:
        done = gathered(client.bedrock.invoke_model_with_response_stream(
            **ask))
    return recorded.read_messages([done])


CLIENTS = {"chat": as_chat, "responses": as_responses,
           "messages": as_messages, "gemini": as_gemini,
           "converse": as_converse, "invoke": as_invoke}


def replies(data):
    """The recordings; those of Messages once more as InvokeModel has them."""
    for name, dialect, stream, raw, said in recorded.recordings(data):
        yield name, dialect, stream, raw, said
        # of one call cut short the official client makes a call of nothing
        if dialect == "messages" and "spliced" not in name:
            yield (name + " (invoke)", "invoke", stream, raw if not stream else
                   b"".join(chunk_of(line[5:].strip())
                            for line in raw.replace(b"\r", b"").split(b"\n")
                            if line.startswith(b"data:")), said)


def unchanged(client, dialect, stream, raw):
    path = PATHS.get(dialect, "/v1beta/models/to-gemini:" + (
        "streamGenerateContent?alt=sse" if stream else "generateContent"))
    body = {"model": f"to-{dialect}", "stream": stream, "max_tokens": 9,
            "stream_options": {"include_usage": True},
            "messages": [{"role": "user", "content": "hi"}], "input": "hi"}
    if dialect == "converse":
        path = "/model/to-converse/converse" + ("-stream" if stream else "")
        body = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    if dialect == "invoke":
        path = "/model/to-invoke/invoke" + (
            "-with-response-stream" if stream else "")
        body = BODY
    if dialect == "gemini":
        body = {"contents": [{"parts": [{"text": "hi"}]}]}
    status, _, got = lab.exchange(
        client.weir.port, "POST", path, json.dumps(body).encode(),
        {"Authorization": "Bearer " + client.key})
    if dialect == "responses":
        got = with_ids(got, raw)
    return status == 200 and got == raw


def differences(said, got, surface):
    text = said.text
    if surface in ("messages", "gemini", "converse", "invoke"):
        text += said.refusal
    if got.text != text:
        return f"text {got.text[:60]!r} for {text[:60]!r}"
    if got.called() != said.called():
        return f"calls {got.called()} for {said.called()}"
    if said.usage:
        wanted = list(said.usage)
        have = list(got.usage or (0, 0, 0, 0))
        if surface in ("messages", "converse", "invoke"):  # has no count of reasoning
            wanted[3] = have[3] = 0
        if wanted != have:
            return f"usage {have} for {wanted}"
    return None


def put_table(path, table):
    names = {"chat": "OpenAI chat", "responses": "OpenAI Responses",
             "messages": "Anthropic Messages", "gemini": "Gemini",
             "converse": "Bedrock Converse",
             "invoke": "Bedrock InvokeModel"}
    with open(path, "w", encoding="utf-8") as out:
        out.write("| origin, reply | " + " | ".join(
            names[name] for name in CLIENTS) + " |\n")
        out.write("|---|" + "---|" * len(CLIENTS) + "\n")
        for dialect in CLIENTS:
            for stream in (False, True):
                cells = [f"{good} of {good + bad}" for good, bad in (
                    table[dialect, stream, name] for name in CLIENTS)]
                out.write(f"| {names[dialect]}, "
                          f"{'streamed' if stream else 'whole'} | " +
                          " | ".join(cells) + " |\n")


def test_every_recording_reaches_every_client(dialects):  # noqa: F811
    data = lab.data_dir()
    if data is None:
        pytest.skip("WEIR_DATA is absent: no recordings to replay")
    table = collections.defaultdict(lambda: [0, 0])
    faults = []
    for name, dialect, stream, raw, said in replies(data):
        if said.error:
            continue
        kind = "application/json" if not stream else \
            "application/vnd.amazon.eventstream" \
            if dialect in ("converse", "invoke") else "text/event-stream"
        dialects.origin.set(raw, kind, chunk=701 if stream else None)
        for surface, ask in CLIENTS.items():
            try:
                if surface == dialect:
                    fault = None if unchanged(dialects, dialect, stream,
                                              raw) else "bytes differ"
                else:
                    # an origin that has chat completions alone
                    model = "to-compatible" if dialect == "chat" else \
                        f"to-{dialect}"
                    fault = differences(said, ask(dialects, model, stream),
                                        surface)
            except Exception as caught:  # whatever a client raises
                fault = f"{type(caught).__name__}: {str(caught)[:300]}"
            table[dialect, stream, surface][1 if fault else 0] += 1
            if fault:
                faults.append(f"{name} to {surface}: {fault}")
    if os.environ.get("WEIR_MATRIX"):
        put_table(os.environ["WEIR_MATRIX"], table)
    assert sum(good for good, _ in table.values()) > 500
    assert not faults, f"{len(faults)} faults\n" + "\n".join(faults)
