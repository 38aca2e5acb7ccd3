# SPDX-License-Identifier: Apache-2.0
"""Official clients of Node where a connection lasts: realtime sessions, and
servers of tools."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import node_clients  # noqa: E402

pytest.importorskip("openai")
pytest.importorskip("websockets")
from realtime import USAGE  # noqa: E402
from test_realtime import Setting  # noqa: E402
from test_tools import READER, desk  # noqa: E402,F401


def test_realtime_sessions(tmp_path):
    setting = Setting(tmp_path, tls=True)
    try:
        said = node_clients.said(
            "realtime.mjs", f"https://localhost:{setting.port}/v1",
            KEY=setting.key(),
            NODE_EXTRA_CA_CERTS=str(setting.certificates["ca"]))
    finally:
        setting.stop()
    assert said["updated"] is True
    assert said["error"] == ["type", "mine"]
    assert said["text"] == "Hello, world"
    assert said["usage"] == USAGE["output_tokens"]
    assert said["closed"] == 1000


@pytest.mark.parametrize("name", ["tickets", "plain"])
def test_tools(desk, name):  # noqa: F811
    said = node_clients.said("tools.mjs", desk.url(name), KEY=desk.reader)
    assert said["session"] is True
    assert said["tools"] == READER
    assert said["call"] == "found of [MAIL]"
    assert said["refused"][1] in (-32010, -32602)
    assert said["resources"] == (-32010 if name == "tickets" else -32601)
    assert said["again"] == "found oil"
    assert said["closed"] is True
    assert said["progress"][1]
