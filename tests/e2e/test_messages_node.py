# SPDX-License-Identifier: Apache-2.0
"""The official Anthropic SDK for Node, on an origin of another dialect."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from test_dialects import CHAT, chat_stream, dialects  # noqa: E402,F401

HERE = pathlib.Path(__file__).resolve().parent / "node"
PLACE = HERE.parents[2] / ".cache/node-e2e"

WANTED = [["thinking", "text", "tool_use"], "Let me look.",
          {"place": "Bär"}, "tool_use", 9]


@pytest.fixture(scope="module")
def place():
    if shutil.which("node") is None:
        pytest.skip("SKIPPED: no node here")
    if not (PLACE / "node_modules/@anthropic-ai/sdk/package.json").is_file():
        PLACE.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, PLACE / name)
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"],
                       cwd=PLACE, check=True, timeout=300)
    shutil.copy(HERE / "messages.mjs", PLACE / "messages.mjs")
    return PLACE


@pytest.mark.parametrize("kind,reply,wanted", [
    ("plain", (json.dumps(CHAT).encode(), "application/json"), WANTED),
    ("stream", (chat_stream(), "text/event-stream"), WANTED),
    ("refused", (b"{}", "application/json"),
     ["BadRequestError", 400, "top_k"])])
def test_node(dialects, place, kind, reply, wanted):  # noqa: F811
    dialects.origin.set(*reply)
    done = subprocess.run(
        ["node", "messages.mjs", f"http://127.0.0.1:{dialects.weir.port}",
         "to-chat", kind], cwd=place, timeout=60, capture_output=True,
        text=True, env={**os.environ, "WEIR_KEY": dialects.key})
    assert done.returncode == 0, done.stderr + done.stdout
    assert json.loads(done.stdout)["value"] == wanted
