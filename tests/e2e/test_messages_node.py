# SPDX-License-Identifier: Apache-2.0
"""The official Anthropic SDK for Node, on an origin of another dialect."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import node_clients  # noqa: E402
from test_dialects import CHAT, chat_stream, dialects  # noqa: E402,F401

WANTED = [["thinking", "text", "tool_use"], "Let me look.",
          {"place": "Bär"}, "tool_use", 9]


@pytest.mark.parametrize("kind,reply,wanted", [
    ("plain", (json.dumps(CHAT).encode(), "application/json"), WANTED),
    ("stream", (chat_stream(), "text/event-stream"), WANTED),
    ("refused", (b"{}", "application/json"),
     ["BadRequestError", 400, "top_k"])])
def test_node(dialects, kind, reply, wanted):  # noqa: F811
    dialects.origin.set(*reply)
    said = node_clients.said(
        "messages.mjs", f"http://127.0.0.1:{dialects.weir.port}", "to-chat",
        kind, WEIR_KEY=dialects.key)
    assert said[kind] == wanted
