# SPDX-License-Identifier: Apache-2.0
"""What weir shows origins: signatures of AWS, tokens fetched ahead of their
end, and all of it replaced while calls go on."""
import base64
import http.server
import json
import os
import subprocess
import threading
import time
import urllib.parse

import pytest

import lab
import world

botocore = pytest.importorskip("botocore")
from botocore.auth import SigV4Auth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: E402

MESSAGE = {"output": {"message": {"role": "assistant", "content": [
    {"text": "Hello."}]}}, "stopReason": "end_turn",
    "usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}}
CHAT = {"id": "c1", "object": "chat.completion", "created": 5, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {
            "role": "assistant", "content": "Hello."}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2,
                  "total_tokens": 7}}
GEMINI = {"candidates": [{"content": {"role": "model", "parts": [
    {"text": "Hello."}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2,
                      "totalTokenCount": 7}}
SECRETS = {"one": "se/cret+one", "two": "other=secret"}


def is_signed(method, path, headers, body, region="eu-west-1"):
    """Whether botocore signs this request in the same way; the key id."""
    told = headers["Authorization"].split(" ", 1)
    fields = dict(part.strip().split("=", 1) for part in told[1].split(","))
    key, date, of, service, _ = fields["Credential"].split("/")
    if told[0] != "AWS4-HMAC-SHA256" or (of, service) != (region, "bedrock"):
        return None
    names = fields["SignedHeaders"].split(";")
    assert {"host", "x-amz-date"} <= set(names)
    token = headers.get("X-Amz-Security-Token")
    request = AWSRequest(method, "http://" + headers["Host"] + path, data=body,
                         headers={name: headers[name] for name in names
                                  if name not in ("host", "x-amz-date",
                                                  "x-amz-security-token")})
    # the time is the client's: the signer reads it from the context
    request.context["timestamp"] = headers["X-Amz-Date"]
    signer = SigV4Auth(Credentials(key, SECRETS[key], token), service, of)
    request.headers["X-Amz-Date"] = headers["X-Amz-Date"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    canonical = signer.canonical_request(request)
    wanted = signer.signature(signer.string_to_sign(request, canonical),
                              request)
    assert headers["X-Amz-Date"].startswith(date)
    return key if wanted == fields["Signature"] else None


class Places:
    """An origin for each kind of credential and the servers of tokens."""

    def __init__(self):
        self.seen = []
        self.asked = []
        self.life = 3600
        self.is_down = False
        self.held = []
        self.key = rsa.generate_private_key(public_exponent=65537,
                                            key_size=2048)
        places = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = places.answer(self.path, self.headers, body)
                told = json.dumps(answer[1]).encode()
                self.send_response(answer[0])
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def answer(self, path, headers, body):
        if path.endswith("/token"):
            return self.token(path, body)
        self.seen.append((path, dict(headers), body))
        if path.startswith("/model/"):
            key = is_signed("POST", path, headers, body)
            return (200, MESSAGE) if key else (403, {"message": "signature"})
        held = headers["Authorization"].removeprefix("Bearer ")
        if held not in self.held:
            return 401, {"error": {"message": "token", "code": "token"}}
        return 200, GEMINI if "generateContent" in path else CHAT

    def token(self, path, body):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        self.asked.append((path, form))
        if self.is_down:
            return 503, {"error": "temporarily_unavailable",
                         "error_description": "s3cret " + str(form)}
        if "assertion" in form:
            self.check(form["assertion"])
        elif form["client_secret"] != "entra~secret/1":
            return 401, {"error": "invalid_client"}
        self.held.append(f"token-{len(self.held) + 1}")
        return 200, {"access_token": self.held[-1],
                     "expires_in": self.life, "token_type": "Bearer"}

    def check(self, assertion):
        head, claims, signature = assertion.split(".")
        pad = lambda text: base64.urlsafe_b64decode(  # noqa: E731
            text + "=" * (-len(text) % 4))
        self.key.public_key().verify(pad(signature),
                                     f"{head}.{claims}".encode(),
                                     padding.PKCS1v15(), hashes.SHA256())
        told = json.loads(pad(claims))
        assert told["iss"] == "weir@seller.example"
        assert told["aud"] == self.url + "/google/token"
        assert 0 < told["exp"] - time.time() <= 3600

    def account(self):
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()).decode()
        return {"type": "service_account", "private_key_id": "k1",
                "private_key": pem, "client_email": "weir@seller.example",
                "token_uri": self.url + "/google/token"}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Setting:
    def __init__(self, where, life=3600):
        self.places = Places()
        self.places.life = life
        self.where = where
        (where / "secret").write_text(SECRETS["one"] + "\n")
        (where / "id").write_text("one\n")
        (where / "account.json").write_text(json.dumps(self.places.account()))
        config = world.config({name: self.places.url + "/v1" for name in
                               ("near", "far", "slow")}, lab.free_port(),
                              {}, 0)
        config.pop("tls")
        config.pop("listen")
        config["origins"] += [
            {"name": "signed", "dialect": "bedrock", "url": self.places.url,
             "credential": {"aws": {
                 "region": "eu-west-1",
                 "access_key": {"file": str(where / "id")},
                 "secret_key": {"file": str(where / "secret")}}}},
            {"name": "process", "dialect": "bedrock", "url": self.places.url,
             "credential": {"aws": {
                 "region": "eu-west-1", "keys": {
                     "command": "cat " + str(where / "keys.json")}}}},
            {"name": "vertex", "dialect": "vertex",
             "url": self.places.url + "/v1",
             "credential": {"service_account": {
                 "file": str(where / "account.json")}}},
            {"name": "entra", "dialect": "azure_entra",
             "url": self.places.url + "/openai/v1",
             "credential": {"entra": {
                 "tenant": "t-1", "client": "c-1",
                 "authority": self.places.url,
                 "secret": {"env": "WEIR_TEST_ENTRA"}}}}]
        (where / "keys.json").write_text(json.dumps(
            {"Version": 1, "AccessKeyId": "two",
             "SecretAccessKey": SECRETS["two"], "SessionToken": "session//=="}))
        for name in ("signed", "process", "vertex", "entra"):
            row = world.deployment(f"as-{name}", "large", name)
            row["origin_model"] = "anthropic.large-v1:0"
            config["deployments"].append(row)
            config["routes"].append({"name": f"to-{name}", "mode": "order",
                                     "candidates": [f"as-{name}"]})
        self.weir = lab.Weir(where / "weir", config, world.POLICIES,
                             environment={"WEIR_TEST_ENTRA": "entra~secret/1"})
        self.weir.write()
        try:
            self.weir.start()
            self.key = self.weir.key("good/app")
        except BaseException:
            self.stop()
            raise

    def call(self, name, **more):
        status, headers, body = lab.exchange(
            self.weir.port, "POST", "/v1/chat/completions", json.dumps(
                {"model": f"to-{name}", "max_completion_tokens": 9,
                 "messages": [{"role": "user", "content": "hi"}],
                 **more}).encode(),
            {"Authorization": "Bearer " + self.key,
             "Content-Type": "application/json"})
        return status, json.loads(body)

    def metric(self, name, origin):
        _, _, body = lab.exchange(
            self.weir.admin_port, "GET", "/metrics", None,
            {"Authorization": "Bearer " + self.token()})
        for line in body.decode().splitlines():
            if line.startswith(f'{name}{{origin="{origin}"}}'):
                return float(line.split()[-1])
        return None

    def token(self):
        if not hasattr(self, "made"):
            self.made = self.weir.json("admins", "create", "--role", "admin",
                                       "--name", "metrics")["token"]
        return self.made

    def texts(self):
        """All that weir wrote but the file that workers read."""
        found = b""
        for place in (self.weir.where, self.weir.run_dir):
            for file in place.rglob("*"):
                if file.is_file() and "credentials-" not in file.name:
                    found += file.read_bytes()
        return found

    def stop(self):
        self.weir.end()
        self.places.stop()


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    made = Setting(tmp_path_factory.mktemp("credentials"))
    yield made
    made.stop()


def test_bedrock_requests_are_signed(setting):
    status, said = setting.call("signed")
    assert status == 200, said
    assert said["choices"][0]["message"]["content"] == "Hello."
    path, headers, _ = setting.places.seen[-1]
    assert path == "/model/anthropic.large-v1%3A0/converse"
    assert "Credential=one/" in headers["Authorization"]
    assert "X-Amz-Security-Token" not in headers


@pytest.mark.parametrize("size", [10, 5000, 300000])
def test_a_body_of_any_size_is_under_the_signature(setting, size):
    status, said = setting.call("signed", messages=[
        {"role": "user", "content": "x" * size}])
    assert status == 200, said


def test_a_session_token_is_sent_and_signed(setting):
    status, said = setting.call("process")
    assert status == 200, said
    headers = setting.places.seen[-1][1]
    assert headers["X-Amz-Security-Token"] == "session//=="
    assert "x-amz-security-token" in headers["Authorization"]


def test_keys_in_files_are_exchanged_without_a_restart(setting):
    try:
        (setting.where / "secret").write_text(SECRETS["two"])
        (setting.where / "id").write_text("two")
        lab.wait_for(lambda: setting.call("signed")[0] == 200 and
                     "Credential=two/" in
                     setting.places.seen[-1][1]["Authorization"])
    finally:
        (setting.where / "secret").write_text(SECRETS["one"])
        (setting.where / "id").write_text("one")
    lab.wait_for(lambda: setting.call("signed")[0] == 200 and
                 "Credential=one/" in
                 setting.places.seen[-1][1]["Authorization"])


def test_a_file_that_is_gone_leaves_the_key_in_use(setting):
    secret = setting.where / "secret"
    secret.rename(setting.where / "elsewhere")
    try:
        lab.wait_for(lambda: setting.metric("weir_credential_failures_total",
                                            "signed"))
        assert setting.call("signed")[0] == 200
        assert setting.metric("weir_credential_usable", "signed") == 1
    finally:
        (setting.where / "elsewhere").rename(secret)


def test_a_service_account_signs_for_its_token(setting):
    lab.wait_for(lambda: setting.metric("weir_credential_usable", "vertex"))
    paths = [path for path, _ in setting.places.asked]
    assert "/google/token" in paths
    forms = [form for path, form in setting.places.asked
             if path == "/google/token"]
    assert forms[0]["grant_type"].endswith("jwt-bearer")
    status, said = setting.call("vertex")
    assert status == 200, said


def test_a_directory_gives_a_token_for_a_secret(setting):
    lab.wait_for(lambda: setting.metric("weir_credential_usable", "entra"))
    form = next(form for path, form in setting.places.asked
                if path == "/t-1/oauth2/v2.0/token")
    assert form == {"grant_type": "client_credentials", "client_id": "c-1",
                    "client_secret": "entra~secret/1",
                    "scope": "https://cognitiveservices.azure.com/.default"}
    status, said = setting.call("entra")
    assert status == 200, said


def test_no_secret_is_written_but_where_workers_read_it(setting):
    for name in ("signed", "process"):
        assert setting.call(name)[0] == 200
    written = setting.texts()
    hidden = [*SECRETS.values(), "entra~secret/1", "session//==", "token-1",
              "token-2", setting.places.account()["private_key"][40:100]]
    for secret in hidden:
        assert secret.encode() not in written, secret
    files = list(setting.weir.run_dir.glob("credentials-*"))
    assert files
    assert all(os.stat(file).st_mode & 0o777 == 0o600 for file in files)


def test_tokens_are_renewed_ahead_and_outlive_their_server(tmp_path):
    setting = Setting(tmp_path, life=4)
    places = setting.places
    try:
        # one of the two tokens is newer: look at the directory's alone
        def calls():
            return sum(1 for path, _ in places.asked if "oauth2" in path)
        lab.wait_for(lambda: setting.metric("weir_credential_usable",
                                            "entra"))
        before = calls()
        lab.wait_for(lambda: calls() >= before + 2, seconds=15)
        # the first call after a refusal of the server goes on
        places.is_down = True
        count = calls()
        lab.wait_for(lambda: calls() > count, seconds=10)
        assert setting.metric("weir_credential_usable", "entra") == 1
        seen = len(places.seen)
        assert setting.call("entra")[0] == 200
        assert len(places.seen) == seen + 1
        # then the token ends, and weir says so by itself
        lab.wait_for(lambda: setting.metric("weir_credential_usable",
                                            "entra") == 0, seconds=10)
        seen = len(places.seen)
        status, said = setting.call("entra")
        assert status == 503, said
        assert "credential" in said["error"]["message"]
        assert "credential" in said["error"]["weir"]["hop"]
        assert len(places.seen) == seen
        assert b"s3cret" not in setting.texts()
        # and it comes back by itself
        places.is_down = False
        lab.wait_for(lambda: setting.metric("weir_credential_usable",
                                            "entra") == 1, seconds=20)
    finally:
        setting.stop()


def test_control_s_restart_takes_the_tokens_over(tmp_path):
    setting = Setting(tmp_path)
    try:
        lab.wait_for(lambda: setting.metric("weir_credential_usable",
                                            "entra"))
        lab.wait_for(lambda: setting.metric("weir_credential_usable",
                                            "vertex"))
        held = list(setting.places.held)
        setting.places.is_down = True
        setting.weir.process.kill()
        setting.weir.start()
        assert setting.metric("weir_credential_usable", "entra") == 1
        seen = len(setting.places.seen)
        assert setting.call("entra")[0] == 200
        assert len(setting.places.seen) == seen + 1
        assert setting.places.held == held
    finally:
        setting.stop()


def test_a_configuration_that_cannot_sign_is_refused(setting):
    config = json.loads(json.dumps(setting.weir.config))
    origin = next(row for row in config["origins"]
                  if row["name"] == "signed")
    origin["credential"] = {"env": "HOME"}
    file = setting.where / "weir" / "wrong.yaml"
    file.write_text(json.dumps(config))
    done = subprocess.run([lab.program("weir"), "check", "-c", str(file)],
                          capture_output=True, text=True)
    assert done.returncode != 0
    assert "nothing to sign with" in done.stdout + done.stderr
