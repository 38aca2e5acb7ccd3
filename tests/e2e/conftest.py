# SPDX-License-Identifier: Apache-2.0
"""One weir, its origins and its keys, for all end-to-end tests."""
import contextlib
import pathlib
import ssl
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] /
                       "harness"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import world  # noqa: E402

ORIGINS = ("near", "far", "slow")


class House:
    """What a test may touch: weir, origins, certificates, keys by tenant."""

    def __init__(self, where):
        self.where = where
        self.certificates = lab.make_certificates(where)
        data = lab.data_dir()
        replay = str(data / "recordings") if data else None
        self.origin = lab.Origin(where, ORIGINS, replay=replay)
        (where / "tls").mkdir()
        self.sealed = lab.Origin(where / "tls", ("sealed",),
                                 tls=self.certificates)
        self.tls_port = lab.free_port()
        config = world.config(
            {name: self.origin.url(name) for name in ORIGINS},
            lab.free_port(), self.certificates, self.tls_port,
            self.sealed.url("sealed"))
        tls = config.pop("tls")
        config.pop("listen")
        self.weir = lab.Weir(where / "weir", config, world.POLICIES)
        config["listen"] = [
            {"address": f"127.0.0.1:{self.weir.port}"},
            {"address": f"127.0.0.1:{tls['port']}",
             "tls": {"certificate": tls["certificate"], "key": tls["key"]},
             "http2": True}]
        self.weir.write()
        self.weir.start()
        self.keys = {}

    def key(self, tenant="good"):
        if tenant not in self.keys:
            self.keys[tenant] = self.weir.key(f"{tenant}/app")
        return self.keys[tenant]

    def call(self, body, tenant="good", path="/v1/chat/completions",
             key=None, headers=None, method="POST", timeout=30):
        """One call on a connection of its own: status, headers, body."""
        if not isinstance(body, (bytes, type(None))):
            import json
            body = json.dumps(body).encode()
        return lab.exchange(
            self.weir.port, method, path, body,
            {"Authorization": "Bearer " + (key or self.key(tenant)),
             "Content-Type": "application/json", **(headers or {})}, timeout)

    def context(self):
        return ssl.create_default_context(cafile=self.certificates["ca"])

    def stop(self):
        with contextlib.suppress(Exception):
            self.weir.stop()
        self.origin.stop()
        self.sealed.stop()


@pytest.fixture(scope="session")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean_origin(request):
    """Every test begins with an origin that has no script and no counts."""
    if "house" in request.fixturenames:
        house = request.getfixturevalue("house")
        house.origin.reset()
        house.sealed.reset()
    yield


def chat(content="hello", **more):
    """A chat request; `script` is passed to the origin by metadata."""
    script = more.pop("script", None)
    body = {"model": more.pop("model", "only-near"),
            "messages": [{"role": "user", "content": content}], **more}
    if script:
        body["metadata"] = {"origin": script}
    return body


@pytest.fixture
def chat_body():
    return chat


def events_of(stream):
    """The data of each SSE event in raw bytes."""
    found = []
    for block in stream.replace(b"\r\n", b"\n").split(b"\n\n"):
        data = [line[5:].lstrip() for line in block.split(b"\n")
                if line.startswith(b"data:")]
        if data:
            found.append(b"\n".join(data))
    return found


@pytest.fixture
def sse():
    return events_of
