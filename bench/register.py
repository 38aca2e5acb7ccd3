#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long does a register of real size take, sent to the admin API, what
memory does the daemon need, and how long does a revocation wait meanwhile?

    bench/register.py [RECORDS]          (300000; WEIR_BUILD: build tree)
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests" / "harness"),
                str(HERE.parent / "tests" / "control")]
import gleif_made  # noqa: E402
import lab  # noqa: E402
from small import POLICIES, config  # noqa: E402


def memory(pid, name):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


class Revoker(threading.Thread):
    """Revokes a key every 400 ms through the admin API."""

    def __init__(self, weir, token, ids):
        super().__init__()
        self.weir, self.token, self.ids = weir, token, ids
        self.waits, self.is_over = [], False

    def run(self):
        for key in self.ids:
            if self.is_over:
                break
            start = time.monotonic()
            status, _, body = lab.exchange(
                self.weir.admin_port, "DELETE", f"/v1/keys/{key}", b"",
                {"Authorization": "Bearer " + self.token}, timeout=120)
            assert status == 200, body
            self.waits.append(time.monotonic() - start)
            time.sleep(0.4)


def make_key(weir, token):
    status, _, body = lab.exchange(
        weir.admin_port, "POST", "/v1/keys",
        json.dumps({"project": "good/app", "purpose": "bench",
                    "staff": "DE"}).encode(),
        {"Authorization": "Bearer " + token})
    assert status == 201, body
    return json.loads(body)["id"]


def measure(weir, what, file, token, ids):
    revoker = Revoker(weir, token, ids)
    revoker.start()
    start = time.monotonic()
    done = subprocess.run(
        [lab.program("weir"), "organisation", "import", str(file), "--source",
         "gleif", "--url", f"http://127.0.0.1:{weir.admin_port}", "--token",
         token], capture_output=True, text=True)
    seconds = time.monotonic() - start
    revoker.is_over = True
    revoker.join()
    assert done.returncode == 0, done.stderr
    waits = sorted(revoker.waits)
    pid = weir.process.pid
    print(f"| {what} | {file.stat().st_size / 1e6:.0f} | {seconds:.1f} |"
          f" {memory(pid, 'RssAnon'):.0f} | {memory(pid, 'VmHWM'):.0f} |"
          f" {len(waits)} | {waits[len(waits) // 2] * 1e3:.0f} |"
          f" {waits[-1] * 1e3:.0f} |", flush=True)


def main():
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 300000
    where = pathlib.Path(tempfile.mkdtemp(prefix="weir-bench-register-"))
    origin = lab.Origin(where)
    weir = lab.Weir(where / "weir", config(origin.url()), POLICIES)
    weir.start()
    try:
        token = weir.json("admins", "create", "--role", "admin", "--name",
                          "bench")["token"]
        ids = iter([make_key(weir, token) for _ in range(400)])
        file = where / "lei.xml"
        print("| import | MB | s | resident after, MB | peak, MB |"
              " revocations | median, ms | worst, ms |\n"
              "|---|---:|---:|---:|---:|---:|---:|---:|")
        gleif_made.write(records, file)
        measure(weir, "the first", file, token, ids)
        measure(weir, "the same again", file, token, ids)
        gleif_made.write(records + records // 100, file)
        measure(weir, "a hundredth more", file, token, ids)
    finally:
        weir.stop()
        origin.stop()
        shutil.rmtree(where)


if __name__ == "__main__":
    main()
