# SPDX-License-Identifier: Apache-2.0
"""The official Node SDK; see node/calls.mjs for what it does."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import node_clients  # noqa: E402


@pytest.fixture(scope="module")
def said(house):
    return node_clients.said(
        "calls.mjs", house.weir.base, KEY_GOOD=house.key(),
        KEY_OUTCAST=house.key("outcast"), KEY_DOUBTFUL=house.key("doubtful"))


@pytest.mark.parametrize("name,wanted", [
    ("chat", ["river", 13]),
    ("stream", 5),
    ("stream usage", [7, 5]),
    ("tool", {"a": 1}),
    ("structured", {"m": 4.5}),
    ("embeddings", [0.5, 0.25, -0.5, 0, 1, -1, 0.125, -0.125]),
    ("responses", ["river", 8]),
    ("responses stream", [3, 1]),
    ("401", ["AuthenticationError", 401, None]),
    ("403", ["PermissionDeniedError", 403, "deny"]),
    ("held", ["PermissionDeniedError", 403, "hold"]),
    ("404", ["NotFoundError", 404, None]),
])
def test_node(said, name, wanted):
    got = said[name]
    if name in ("401", "404"):
        got, wanted = got[:2], wanted[:2]
    assert got == wanted


def test_node_models(said):
    assert {"large", "small", "embed"} <= set(said["models"])
