# SPDX-License-Identifier: Apache-2.0
"""Clients of Node, installed once below .cache by the lock file."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent / "node"
PLACE = HERE.parents[2] / ".cache/node-e2e"


def installed():
    if shutil.which("node") is None:
        pytest.skip("SKIPPED: no node here")
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = PLACE / "installed.lock"
    if not stamp.is_file() or stamp.read_bytes() != lock:
        PLACE.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, PLACE / name)
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"],
                       cwd=PLACE, check=True, timeout=300)
        stamp.write_bytes(lock)
    for script in HERE.glob("*.mjs"):
        shutil.copy(script, PLACE / script.name)
    return PLACE


def said(script, *words, seconds=60, **environment):
    """What a script says: names and values, a line of JSON each."""
    done = subprocess.run(
        ["node", script, *words], cwd=installed(), timeout=seconds,
        capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr + done.stdout
    return {row["name"]: row["value"]
            for row in map(json.loads, done.stdout.splitlines())}
