# SPDX-License-Identifier: Apache-2.0
"""The module alone: nginx, the writer and scripted origins, no control.

The run directory is filled by weir-stage, and nginx runs example.conf with
its ports and origins replaced.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests/harness"))
import lab  # noqa: E402

STAGE = lab.BUILD / "nginx/weir-stage"

PERMIT = """
@id("seller-all") @title("All may use all") @authority("The seller")
@appeal("appeals@seller.example") @tier("%s")
permit (principal, action in Action::"infer", resource in Jurisdiction::"DE");
"""
REFUSE = """
@id("law-denied") @title("This model is not for sale")
@authority("The law of tests") @appeal("law@tests.example")
forbid (principal, action, resource in Model::"denied");

@id("law-held") @title("A person has to look first")
@authority("The law of tests") @appeal("law@tests.example") @effect("hold")
forbid (principal, action, resource in Model::"held");
"""


def config(origins):
    """A world with a model for each origin, and a route over all of them."""
    names = list(origins)
    models = names + ["denied", "held"]
    return {
        "listen": [{"address": "127.0.0.1:1"}], "state": "state",
        "policies": "policies",
        "seller": {"title": "The seller", "appeal": "appeals@seller.example",
                   "currency": "EUR"},
        "providers": [{"name": "maker", "title": "Maker", "origin": "DE"}],
        "models": [{"name": name, "provider": "maker", "origin": "DE",
                    "tier": "routine", "weights": "open",
                    "licence": "Apache-2.0",
                    "operations": ["chat", "responses", "embed", "complete"],
                    "price": {"input": "2", "output": "8"}}
                   for name in models],
        "regions": [{"name": "eu-1", "jurisdiction": "DE"}],
        "origins": [{"name": name, "dialect": "openai", "url": url,
                     "credential": {"env": "WEIR_TEST_SECRET"},
                     "timeouts": {"connect": "500 ms", "first_byte": "700 ms",
                                  "idle": "700 ms"}}
                    for name, url in origins.items()],
        "deployments": [{"name": f"{name}-1", "model": name,
                         "origin": name if name in origins else names[0],
                         "region": "eu-1", "stored_in": "DE",
                         "operator": "seller", "cloud": "own",
                         "origin_model": "large"} for name in models],
        "organisations": [{"name": name, "headquarters": "DE",
                           "incorporated": "DE", "category": "local",
                           "established": True}
                          for name in ("seller", "buyer")],
        "tenants": [{"name": "buyer", "organisation": "buyer",
                     "projects": [{"name": "tests"}]}],
        "routes": [{"name": "fallback", "deadline": "5 s", "attempts": 4,
                    "candidates": [{"model": name} for name in names]}],
    }


class Module:
    """nginx with the module, and all that it needs around it."""

    def __init__(self, where, tier="crash", workers=1, before=(),
                 starts_writer=True):
        self.where = where
        for name in ("run", "logs", "journal", "policies/seller",
                     "policies/law"):
            (where / name).mkdir(parents=True)
        (where / "policies/seller/permit.cedar").write_text(PERMIT % tier)
        (where / "policies/law/refuse.cedar").write_text(REFUSE)
        self.certificates = lab.make_certificates(where)
        (where / "tls").mkdir()
        self.origin = lab.Origin(where, ("near", "far"))
        self.sealed = lab.Origin(where / "tls", ("sealed",),
                                 tls=self.certificates)
        self.port, self.tls_port = lab.free_port(), lab.free_port()
        self.origins = {
            "near": self.origin.url("near"), "far": self.origin.url("far"),
            "dead": f"http://127.0.0.1:{lab.free_port()}/v1",
            "nowhere": "https://nowhere.invalid:443/v1",
            "sealed": self.sealed.url("sealed"),
            "stranger": self.sealed.url("sealed")}
        self.generation = 0
        self.write_conf(workers)
        self.writer = None
        self.nginx = None
        self.before = list(before)
        if starts_writer:
            self.start_writer()

    def write_conf(self, workers):
        text = (HERE.parent / "example.conf").read_text()
        blocks = []
        for name, url in self.origins.items():
            scheme, rest = url.split("://")
            authority = rest.split("/")[0]
            if name != "nowhere":
                blocks.append(f"upstream o_{name} {{ server {authority};"
                              " keepalive 64; }")
            tls = "off"
            if scheme == "https":
                # the stranger's authority is the system's
                ca = (f" ca={self.certificates['ca']}" if name == "sealed"
                      else "")
                tls = "on" + ca
            blocks.append(f"weir_origin {name} upstream=o_{name}"
                          f" host={authority.split(':')[0]} tls={tls};")
        text = re.sub(r"    # one block for each origin.*?(?=    server \{)",
                      "    " + "\n    ".join(blocks) + "\n", text,
                      flags=re.S)
        text = text.replace("modules/ngx_http_weir_module.so", lab.module())
        text = text.replace("worker_processes 1", f"worker_processes {workers}")
        text = text.replace(
            "listen 127.0.0.1:8080 reuseport;",
            f"listen 127.0.0.1:{self.port} reuseport;\n"
            f"        listen 127.0.0.1:{self.tls_port} ssl http2;\n"
            f"        ssl_certificate {self.certificates['certificate']};\n"
            f"        ssl_certificate_key {self.certificates['key']};")
        if os.geteuid() == 0:
            text = "user root;\n" + text
        (self.where / "nginx.conf").write_text(text)

    def stage(self, *words):
        done = subprocess.run(
            [STAGE, self.where / "run", *map(str, words)], timeout=60,
            capture_output=True, text=True,
            env={**os.environ, "WEIR_TEST_SECRET": "origin-secret"})
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def put_image(self, change=None):
        """The next generation of the world, changed by the function."""
        world = config(self.origins)
        if change:
            change(world)
        path = self.where / "weir.yaml"
        path.write_text(json.dumps(world))
        self.generation += 1
        self.stage("image", self.generation, path)

    def start_writer(self):
        self.writer = lab.Process(
            [lab.program("weir-writer"), "--ring", self.where / "run/ring",
             "--dir", self.where / "journal", "--run", self.where / "run"],
            self.where / "logs/writer.log")
        lab.wait_for(lambda: "running" in self.writer.tail(), 10, "writer")

    def start(self):
        self.nginx = lab.Process(
            [*self.before, lab.nginx(), "-p", f"{self.where}/", "-c", "nginx.conf",
             "-e", "logs/error.log"], self.where / "logs/nginx.log")
        lab.wait_for(lambda: lab.is_open(self.port), 60, "nginx")
        return self

    def wait_ready(self):
        lab.wait_for(lambda: self.call(chat())[0] == 200, 20,
                     "a served call: " + self.log())
        return self

    def log(self):
        return (self.where / "logs/error.log").read_text()[-3000:]

    def call(self, body, key="wr_test", path="/v1/chat/completions",
             method="POST", headers=None, timeout=20):
        if not isinstance(body, (bytes, type(None))):
            body = json.dumps(body).encode()
        given = {"Content-Type": "application/json", **(headers or {})}
        if key:
            given["Authorization"] = "Bearer " + key
        return lab.exchange(self.port, method, path, body, given, timeout)

    def held(self):
        return int(self.stage("held"))

    def stop(self):
        for process in (self.nginx, self.writer):
            if process:
                process.stop(60)
        self.origin.stop()
        self.sealed.stop()


@pytest.fixture(scope="session")
def module(tmp_path_factory):
    made = Module(tmp_path_factory.mktemp("module"))
    try:
        made.put_image()
        made.start().wait_ready()
        yield made
    finally:
        made.stop()


@pytest.fixture(autouse=True)
def settled(request):
    """No test leaves a hold behind."""
    if "module" not in request.fixturenames:
        yield
        return
    made = request.getfixturevalue("module")
    made.origin.reset()
    made.sealed.reset()
    yield
    lab.wait_for(lambda: made.held() == 0, 5, "every hold settled")


def chat(script=None, model="near", content="hello", **more):
    body = {"model": model,
            "messages": [{"role": "user", "content": content}], **more}
    if script:
        body["metadata"] = {"origin": script}
    return body


def pause(seconds):
    time.sleep(seconds)
