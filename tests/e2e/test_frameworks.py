# SPDX-License-Identifier: Apache-2.0
"""Vercel's AI SDK and LangChain, unmodified, on an origin that speaks chat
completions: their own types have text, tool call, reason and usage."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import node_clients  # noqa: E402
from test_dialects import CHAT, chat_stream, dialects  # noqa: E402,F401

CALLS = [["weather", {"place": "Bär"}]]
VERCEL = ["vercel chat", "vercel responses", "vercel messages"]
LANGCHAIN = ["langchain chat", "langchain messages"]


def run(dialects, how, key=None):  # noqa: F811
    return node_clients.said(
        "frameworks.mjs", f"http://127.0.0.1:{dialects.weir.port}",
        "to-compatible", *[f"{kind} {how}" for kind in VERCEL + LANGCHAIN],
        WEIR_KEY=key or dialects.key)


@pytest.fixture(scope="module")
def whole(dialects):  # noqa: F811
    dialects.origin.set(json.dumps(CHAT).encode(), "application/json")
    return run(dialects, "plain")


@pytest.fixture(scope="module")
def streamed(dialects):  # noqa: F811
    dialects.origin.set(chat_stream(), "text/event-stream")
    return run(dialects, "stream")


@pytest.mark.parametrize("kind", VERCEL)
def test_vercel(whole, streamed, kind):
    wanted = ["Let me look.", CALLS, "tool-calls", 20, 9]
    assert whole[f"{kind} plain"] == wanted
    assert streamed[f"{kind} stream"] == wanted


@pytest.mark.parametrize("kind", LANGCHAIN)
def test_langchain(whole, streamed, kind):
    assert whole[f"{kind} plain"] == ["Let me look.", CALLS, 20, 9]
    text, calls, asked, answered = streamed[f"{kind} stream"]
    assert (text, calls, answered) == ("Let me look.", CALLS, 9)
    # Of a stream of Messages it takes the tokens of the request from the
    # first event. An origin that speaks chat completions says them in its
    # last one; the closing message_delta has them.
    assert asked == (0 if kind == "langchain messages" else 20)


def test_a_refusal_is_theirs_to_show(dialects):  # noqa: F811
    said = run(dialects, "plain", key="sk-weir-nobody")
    assert len(said) == 5
    for kind, value in said.items():
        assert value["status"] == 401 and value["error"], (kind, value)
