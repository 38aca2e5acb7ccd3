# SPDX-License-Identifier: Apache-2.0
"""The worker under valgrind: no error, and nothing lost, on every path."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import pytest

import lab
from conftest import Module, chat

HERE = pathlib.Path(__file__).resolve().parent


def requests(module):
    """One of each kind, and some of the frequent ones again."""
    for number in range(5):
        yield chat(f"in={number}")
        yield chat("events=5", stream=True)
    yield chat("events=9;piece=3", stream=True)
    yield chat("bytes=70000;chunked")
    yield chat("bytes=200000")
    yield chat("status=503;retry_after_ms=10", model="fallback")
    yield chat("events=9;cut_after=4;how=rst", stream=True)
    yield chat("events=3;nodone", stream=True)
    yield chat("bytes=5000;cut_after=900")
    yield chat("events=1;bytes=3000000", stream=True)
    yield chat("gzip")
    yield chat("hang", model="far")
    yield chat(content="w" * 400_000)
    for model in ("denied", "held", "dead", "nowhere", "stranger", "sealed",
                  "unknown", "fallback"):
        yield chat(model=model)
    yield b"{"
    yield b""


def leave_early(module):
    body = json.dumps(chat("events=100;gap=50", stream=True)).encode()
    with socket.create_connection(("127.0.0.1", module.port), 5) as s:
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
                  b"Authorization: Bearer wr_test\r\nContent-Length: %d"
                  b"\r\n\r\n" % len(body) + body)
        s.recv(1000)


@pytest.mark.parametrize("tier", ["crash", "durable"])
def test_no_error_and_nothing_lost(tmp_path, tier):
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        pytest.skip("SKIPPED: valgrind is not installed")
    module = Module(tmp_path, tier=tier, before=[
        valgrind, "-q", "--leak-check=full", "--show-leak-kinds=definite",
        "--errors-for-leak-kinds=definite", "--gen-suppressions=all",
        f"--suppressions={HERE / 'valgrind.supp'}",
        f"--log-file={tmp_path}/logs/valgrind.%p"])
    try:
        module.put_image()
        module.start()
        lab.wait_for(lambda: module.call(chat(), timeout=60)[0] == 200, 90,
                     "a served call: " + module.log())
        for body in requests(module):
            with contextlib.suppress(http.client.HTTPException):
                module.call(body, timeout=60)
        module.call(None, path="/v1/models?all=1", method="GET", timeout=60)
        module.call(None, path="/elsewhere", method="GET", timeout=60)
        leave_early(module)
        http2 = subprocess.run(
            ["curl", "-sS", "--http2", "--cacert", module.certificates["ca"],
             "-m", "60", "-H", "Authorization: Bearer wr_test", "-d",
             json.dumps(chat("events=3", stream=True)),
             f"https://localhost:{module.tls_port}/v1/chat/completions"],
            capture_output=True, timeout=90)
        assert b"[DONE]" in http2.stdout
        module.put_image()  # an image and its view are dropped
        module.stage("withdraw", "model", "near")
        lab.wait_for(lambda: module.call(chat(), timeout=60)[0] == 403, 30)
        lab.wait_for(lambda: module.held() == 0, 30, "every hold settled")
        os.kill(module.nginx.pid, signal.SIGQUIT)
        module.nginx.child.wait(90)
    finally:
        module.stop()
    logs = sorted((tmp_path / "logs").glob("valgrind.*"))
    assert len(logs) >= 2  # master and worker
    for log in logs:
        assert log.read_text() == "", log
