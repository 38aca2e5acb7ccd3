# SPDX-License-Identifier: Apache-2.0
"""The official Node SDK; see node/calls.mjs for what it does."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent / "node"
ROOT = HERE.parents[2]


@pytest.fixture(scope="module")
def said(house):
    if shutil.which("node") is None:
        pytest.skip("SKIPPED: no node here")
    place = ROOT / ".cache/node-e2e"
    stamp = place / "node_modules/openai/package.json"
    if not stamp.is_file():
        place.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, place / name)
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"],
                       cwd=place, check=True, timeout=300)
    shutil.copy(HERE / "calls.mjs", place / "calls.mjs")
    done = subprocess.run(
        ["node", "calls.mjs", house.weir.base], cwd=place, timeout=60,
        capture_output=True, text=True,
        env={**os.environ, "KEY_GOOD": house.key(),
             "KEY_OUTCAST": house.key("outcast"),
             "KEY_DOUBTFUL": house.key("doubtful")})
    assert done.returncode == 0, done.stderr + done.stdout
    return {row["name"]: row["value"] for row in
            map(json.loads, done.stdout.splitlines())}


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
