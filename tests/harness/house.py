# SPDX-License-Identifier: Apache-2.0
"""weir with its origins, certificates and keys: the world of the tests."""
import contextlib
import json
import pathlib
import ssl
import time

import lab
import world

ORIGINS = ("near", "far", "slow")


class House:
    """What a test may touch: weir, origins, certificates, keys by tenant."""

    def __init__(self, where, before=(), change=None, tier="durable",
                 breakers=False):
        """`before`: words in front of `weir serve`; `change` may alter the
        configuration before it is written; `tier` is that of the record.
        Without `breakers` the failures of one test do not matter in the
        next."""
        where = self.where = pathlib.Path(where)
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
        for row in config["deployments"]:
            if not breakers:
                row["breaker"] = "none"
        policies = {path: text.replace('@tier("durable")',
                                       f'@tier("{tier}")')
                    for path, text in world.POLICIES.items()}
        self.weir = lab.Weir(where / "weir", config, policies,
                             before=before)
        config["listen"] = [
            {"address": f"127.0.0.1:{self.weir.port}"},
            {"address": f"127.0.0.1:{tls['port']}",
             "tls": {"certificate": tls["certificate"], "key": tls["key"]},
             "http2": True}]
        if change:
            change(config)
        self.weir.write()
        self.keys = {}
        try:
            self.weir.start()
        except BaseException:
            self.stop()
            raise

    def key(self, tenant="good"):
        if tenant not in self.keys:
            self.keys[tenant] = self.weir.key(f"{tenant}/app")
        return self.keys[tenant]

    def call(self, body, tenant="good", path="/v1/chat/completions",
             key=None, headers=None, method="POST", timeout=30):
        """One call on a connection of its own: status, headers, body."""
        if not isinstance(body, (bytes, type(None))):
            body = json.dumps(body).encode()
        return lab.exchange(
            self.weir.port, method, path, body,
            {"Authorization": "Bearer " + (key or self.key(tenant)),
             "Content-Type": "application/json", **(headers or {})}, timeout)

    @staticmethod
    def calm_minute(seconds=10):
        """Waits for the next minute when this one has less left: a window
        of a minute shall not roll over in the middle of a test."""
        left = 60 - time.time() % 60
        if left < seconds:
            time.sleep(left + 0.05)

    def context(self):
        return ssl.create_default_context(cafile=self.certificates["ca"])

    def stop(self):
        with contextlib.suppress(Exception):
            self.weir.end()
        self.origin.stop()
        self.sealed.stop()


def chat(content="hello", **more):
    """A chat request; `script` is passed to the origin by metadata."""
    script = more.pop("script", None)
    body = {"model": more.pop("model", "only-near"),
            "messages": [{"role": "user", "content": content}], **more}
    if script:
        body["metadata"] = {"origin": script}
    return body


def events_of(stream):
    """The data of each SSE event in raw bytes."""
    found = []
    for block in stream.replace(b"\r\n", b"\n").split(b"\n\n"):
        data = [line[5:].lstrip() for line in block.split(b"\n")
                if line.startswith(b"data:")]
        if data:
            found.append(b"\n".join(data))
    return found


def explained(house, request):
    """Usage of one call as `weir explain` tells it, once it is settled."""
    done = house.weir.cli("explain", request, "--json", check=False)
    if done.returncode > 1:
        return None
    said = json.loads(done.stdout)
    outcome = said.get("outcome")
    if not outcome:
        return None
    usage = outcome.get("usage", outcome)
    return {"estimated": usage.get("estimated", usage.get("is_estimated")),
            "input_tokens": usage["input_tokens"],
            "output_tokens": usage["output_tokens"]}
