# SPDX-License-Identifier: Apache-2.0
"""Moderations, rerank, images and sound: official clients, what passes,
what is counted, and what a form may not say."""
import http.server
import json
import pathlib
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import world  # noqa: E402

openai = pytest.importorskip("openai")
cohere = pytest.importorskip("cohere")

MODELS = {"judge": "moderate", "ranker": "rerank", "painter": "image",
          "speaker": "speech", "hearer": "transcribe", "embedder": "embed"}
SOUND = bytes(range(256)) * 200


class Other:
    """Answers by path; `replies` may be exchanged, `seen` is what came."""

    def __init__(self):
        self.seen = []
        self.replies = {}
        other = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                other.seen.append((self.path, dict(self.headers), body))
                kind, told = other.replies[self.path.removeprefix("/v1")]
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def set(self, path, body, kind="application/json"):
        self.replies[path] = (kind, body if isinstance(body, bytes)
                              else json.dumps(body).encode())

    def fields(self):
        """Of the last form, read by another reader: name -> value."""
        import email.parser
        import email.policy
        _, headers, body = self.seen[-1]
        message = email.parser.BytesParser(
            policy=email.policy.HTTP).parsebytes(
                b"Content-Type: " + headers["Content-Type"].encode() +
                b"\r\n\r\n" + body)
        return [(part.get_param("name", header="content-disposition"),
                 part.get_payload(decode=True))
                for part in message.iter_parts()]


class Setting:
    def __init__(self, where, change=None):
        self.origin = Other()
        config = world.config({name: self.origin.url for name in
                               ("near", "far", "slow")}, lab.free_port(),
                              {}, 0)
        config.pop("tls")
        config.pop("listen")
        for name, operation in MODELS.items():
            config["models"].append({
                **world.model("embed", "other", [operation]), "name": name,
                "price": {"input": "1", "output": "1000"}})
            row = world.deployment(f"{name}-near", name, "near")
            row["origin_model"] = f"{name}-9"
            config["deployments"].append(row)
        if change:
            change(config)
        self.weir = lab.Weir(where / "weir", config, world.POLICIES)
        try:
            self.weir.start()
            self.key = self.weir.key("good/app")
        except BaseException:
            self.stop()
            raise
        url = f"http://127.0.0.1:{self.weir.port}"
        self.url = url
        self.openai = openai.OpenAI(base_url=url + "/v1", api_key=self.key,
                                    max_retries=0)
        self.azure = openai.AzureOpenAI(
            azure_endpoint=url, api_key=self.key, api_version="2025-01-01",
            max_retries=0)

    def usage(self, request):
        """Of a call by its id, once it is in the ledger."""
        def found():
            done = self.weir.cli("explain", request, "--json", check=False)
            said = json.loads(done.stdout) if done.returncode < 2 else {}
            return said.get("outcome")
        outcome = lab.wait_for(found)
        usage = outcome.get("usage", outcome)
        return (usage["input_tokens"], usage["output_tokens"],
                usage.get("estimated", usage.get("is_estimated")))

    def post(self, path, body, kind="application/json"):
        return lab.exchange(self.weir.port, "POST", path, body, {
            "Authorization": "Bearer " + self.key, "Content-Type": kind})

    def stop(self):
        self.weir.end()
        self.origin.server.shutdown()
        self.origin.server.server_close()


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    made = Setting(tmp_path_factory.mktemp("other"))
    yield made
    made.stop()


def test_moderations(setting):
    result = {"flagged": True, "categories": {"violence": True},
              "category_scores": {"violence": 0.9},
              "category_applied_input_types": {"violence": ["text"]}}
    setting.origin.set("/moderations", {"id": "m1", "model": "x",
                                        "results": [result]})
    raw = setting.openai.moderations.with_raw_response.create(
        model="judge", input=["a b c d" * 10, "e"])
    assert raw.parse().results[0].flagged
    assert json.loads(setting.origin.seen[-1][2])["model"] == "judge-9"
    tokens, out, estimated = setting.usage(raw.headers["weir-request-id"])
    assert 10 < tokens < 30 and out == 0 and estimated


@pytest.mark.parametrize("make", [cohere.Client, cohere.ClientV2])
def test_cohere_s_client_ranks(setting, make):
    setting.origin.set("/rerank", {
        "id": "r1", "results": [{"index": 1, "relevance_score": 0.9}],
        "meta": {"billed_units": {"search_units": 2}}})
    client = make(api_key=setting.key, base_url=setting.url)
    got = client.rerank(model="ranker", query="q", documents=["a", "b"])
    assert got.results[0].index == 1
    asked = json.loads(setting.origin.seen[-1][2])
    assert asked["model"] == "ranker-9" and asked["documents"] == ["a", "b"]
    status, headers, _ = setting.post("/v2/rerank", json.dumps(
        {"model": "ranker", "query": "q", "documents": ["a"]}).encode())
    assert status == 200
    assert setting.usage(headers["weir-request-id"]) == (2, 0, False)


@pytest.mark.parametrize("make, path", [
    (cohere.Client, "/v1/embed"), (cohere.ClientV2, "/v2/embed")])
def test_cohere_s_client_embeds(setting, make, path):
    """Tokens as the origin bills them; by an estimate where it does not say;
    no origin of another family is asked."""
    said = {"id": "e1", "texts": ["a", "b"], "response_type":
            "embeddings_by_type", "embeddings": {"float": [[0.5, 1.25]] * 2},
            "meta": {"api_version": {"version": "2"},
                     "billed_units": {"input_tokens": 7}}}
    setting.origin.set("/embed", said)
    client = make(api_key=setting.key, base_url=setting.url)
    got = client.embed(model="embedder", texts=["a", "b"],
                       input_type="search_query", embedding_types=["float"])
    assert got.embeddings.float_[0] == [0.5, 1.25]
    asked = json.loads(setting.origin.seen[-1][2])
    assert asked["model"] == "embedder-9" and asked["texts"] == ["a", "b"]
    body = json.dumps({"model": "embedder", "texts": ["x" * 400]}).encode()
    status, headers, _ = setting.post(path, body)
    assert status == 200
    assert setting.usage(headers["weir-request-id"]) == (7, 0, False)
    del said["meta"]
    setting.origin.set("/embed", said)
    _, headers, _ = setting.post(path, body)
    tokens, made, estimated = setting.usage(headers["weir-request-id"])
    assert 80 < tokens < 200 and made == 0 and estimated
    seen = len(setting.origin.seen)
    status, _, told = setting.post(path, b'{"model": "embedder"}')
    assert status == 400 and b"texts" in told
    assert len(setting.origin.seen) == seen


def test_variations_are_pictures(setting):
    setting.origin.set("/images/variations", {
        "created": 1, "data": [{"b64_json": "aGk="}]})
    raw = setting.openai.images.with_raw_response.create_variation(
        image=("a.png", b"\x89PNG" + SOUND, "image/png"), model="painter", n=1)
    assert len(raw.parse().data) == 1
    assert (b"model", b"painter-9") in [
        (name.encode(), value) for name, value in setting.origin.fields()]
    assert setting.usage(raw.headers["weir-request-id"])[1] == 1


def test_pictures_are_counted_one_by_one(setting):
    setting.origin.set("/images/generations", {
        "created": 1, "data": [{"b64_json": "aGk="}, {"b64_json": "aGo="}]})
    raw = setting.openai.images.with_raw_response.generate(
        model="painter", prompt="a weir", n=2)
    assert len(raw.parse().data) == 2
    assert setting.usage(raw.headers["weir-request-id"]) == (0, 2, False)
    assert raw.headers["weir-cost"].startswith("0.002")


def test_pictures_with_tokens_are_counted_by_those(setting):
    setting.origin.set("/images/edits", {
        "created": 1, "data": [{"b64_json": "a" * 300000}],
        "usage": {"input_tokens": 50, "output_tokens": 400,
                  "total_tokens": 450}})
    raw = setting.openai.images.with_raw_response.edit(
        model="painter", prompt="more water", image=("a.png", SOUND),
        n=1)
    assert raw.parse().usage.output_tokens == 400
    assert setting.usage(raw.headers["weir-request-id"]) == (50, 400, False)
    fields = dict(setting.origin.fields())
    assert fields["model"] == b"painter-9"
    assert fields["prompt"] == b"more water"
    assert fields["image"] == SOUND


def test_speech_is_counted_by_characters(setting):
    setting.origin.set("/audio/speech", SOUND, "audio/mpeg")
    raw = setting.openai.audio.speech.with_raw_response.create(
        model="speaker", voice="alloy", input="Grüß \"Gott\"\n😀")
    assert raw.content == SOUND
    assert json.loads(setting.origin.seen[-1][2])["model"] == "speaker-9"
    assert setting.usage(raw.headers["weir-request-id"]) == (13, 0, False)


@pytest.mark.parametrize("told, seconds, estimated", [
    ({"text": "hello", "usage": {"type": "duration", "seconds": 7}}, 7,
     False),
    ({"text": "hello", "duration": 3.2, "language": "en"}, 4, False),
    ({"text": "hello"}, 13, True)])
def test_sound_is_counted_by_seconds(setting, told, seconds, estimated):
    setting.origin.set("/audio/transcriptions", told)
    raw = setting.openai.audio.transcriptions.with_raw_response.create(
        model="hearer", file=("a.wav", SOUND), language="en")
    assert raw.parse().text == "hello"
    assert dict(setting.origin.fields()) == {
        "model": b"hearer-9", "file": SOUND, "language": b"en"}
    assert setting.usage(raw.headers["weir-request-id"]) == (
        seconds, 0, estimated)


def test_tokens_of_sound_and_plain_text(setting):
    setting.origin.set("/audio/translations", {
        "text": "hello", "usage": {"type": "tokens", "input_tokens": 14,
                                   "output_tokens": 45, "total_tokens": 59}})
    raw = setting.openai.audio.translations.with_raw_response.create(
        model="hearer", file=("a.wav", SOUND))
    assert raw.parse().text == "hello"
    assert setting.usage(raw.headers["weir-request-id"]) == (14, 45, False)
    setting.origin.set("/audio/transcriptions", b"hello\n", "text/plain")
    assert setting.openai.audio.transcriptions.create(
        model="hearer", file=("a.wav", SOUND),
        response_format="text") == "hello\n"


def test_streamed_transcriptions(setting):
    events = [{"type": "transcript.text.delta", "delta": "hel"},
              {"type": "transcript.text.delta", "delta": "lo"},
              {"type": "transcript.text.done", "text": "hello", "usage": {
                  "type": "tokens", "input_tokens": 14, "output_tokens": 45,
                  "total_tokens": 59}}]
    setting.origin.set("/audio/transcriptions", b"".join(
        b"data: " + json.dumps(event).encode() + b"\n\n"
        for event in events), "text/event-stream")
    got = list(setting.openai.audio.transcriptions.create(
        model="hearer", file=("a.wav", SOUND), stream=True))
    assert [event.type for event in got][-1] == "transcript.text.done"
    assert got[-1].text == "hello"


def test_azure_s_client(setting):
    setting.origin.set("/audio/transcriptions", {"text": "hello"})
    setting.origin.set("/images/generations", {"created": 1, "data": [
        {"url": "x"}]})
    assert setting.azure.audio.transcriptions.create(
        model="hearer", file=("a.wav", SOUND)).text == "hello"
    fields = setting.origin.fields()
    assert [value for name, value in fields if name == "model"] == [
        b"hearer-9"]
    assert setting.azure.images.generate(model="painter", prompt="p").data


def test_a_path_s_model_is_the_one_that_is_asked(setting):
    """The body's own word for it never reaches the origin, also where the
    path's model and the origin's have one name."""
    setting.origin.set("/chat/completions", {
        "id": "1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})
    status, _, _ = setting.post(
        "/openai/deployments/large/chat/completions?api-version=1",
        json.dumps({"model": "forbidden", "messages": [
            {"role": "user", "content": "hi"}]}).encode())
    assert status == 200
    assert json.loads(setting.origin.seen[-1][2])["model"] == "large"


def test_azure_ai_inference_paths(setting):
    setting.origin.set("/chat/completions", {
        "id": "1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})
    status, _, _ = setting.post(
        "/models/chat/completions?api-version=2024-05-01-preview",
        json.dumps({"model": "large", "messages": [
            {"role": "user", "content": "hi"}]}).encode())
    assert status == 200
    assert setting.origin.seen[-1][0] == "/v1/chat/completions"


def form(*parts, boundary="b", end="--"):
    text = b""
    for head, value in parts:
        text += b"--" + boundary.encode() + b"\r\n" + head + \
            b"\r\n\r\n" + value + b"\r\n"
    return text + b"--" + boundary.encode() + end.encode() + b"\r\n"


FIELD = b'Content-Disposition: form-data; name="%s"'
FILE = b'Content-Disposition: form-data; name="file"; filename="a.wav"'


@pytest.mark.parametrize("body", [
    b"", b"{}", b"--b", b"--b\r\n\r\n--b--\r\n",
    form((FIELD % b"model", b"hearer"), (FIELD % b"model", b"other")),
    form((FIELD % b"model", b"hearer"), (FIELD % b"MODEL", b"other")),
    form((FIELD % b"model" + b'; name="file"', b"hearer")),
    form((b"Content-Disposition: form-data; name*=utf-8''model", b"hearer")),
    form((b'Content-Disposition: form-data; name="mo\\del"', b"hearer")),
    form((b"Content-Disposition: form-data;\r\n name=model", b"hearer")),
    form((FIELD % b"model", b"hearer"), end=""),
    form((FIELD % b"model", b"hearer")) + form((FIELD % b"model", b"x")),
    b"preamble\r\n" + form((FIELD % b"model", b"hearer")),
    form((FIELD % b"models", b"[]"), (FIELD % b"model", b"hearer")),
    form((FIELD % b"model" + b'; filename="x"', b"hearer")),
    form((FILE, SOUND)),
])
def test_forms_that_two_readers_may_read_differently_are_refused(setting,
                                                                 body):
    before = len(setting.origin.seen)
    status, _, told = setting.post("/v1/audio/transcriptions", body,
                                   "multipart/form-data; boundary=b")
    assert status == 400, told
    assert json.loads(told)["error"]["type"] == "invalid_request_error"
    assert len(setting.origin.seen) == before


def test_the_origin_reads_by_the_boundary_that_weir_read_by(setting):
    setting.origin.set("/audio/transcriptions", {"text": "hello"})
    inner = form((FIELD % b"model", b"forbidden"), boundary="other")
    body = form((FIELD % b"prompt", inner), (FIELD % b"model", b"hearer"),
                (FILE.replace(b"filename=", b"filename*=utf-8''"), SOUND))
    status, _, told = setting.post("/v1/audio/transcriptions", body,
                                   "multipart/form-data; boundary=other")
    assert status == 200, told
    assert dict(setting.origin.fields())["model"] == b"hearer-9"
    assert setting.origin.seen[-1][1]["Content-Type"] == \
        'multipart/form-data; boundary="b"'


def test_an_operation_that_a_model_does_not_do_is_refused(setting):
    for model in ("large", "judge"):
        with pytest.raises(openai.APIStatusError) as caught:
            setting.openai.images.generate(model=model, prompt="p")
        assert caught.value.status_code in (400, 403, 404)


@pytest.mark.parametrize("method, path", [
    ("GET", "/v1/files"), ("GET", "/v1/files/file-1"), ("GET", "/v1/batches"),
    ("POST", "/v1/uploads"), ("POST", "/v1/fine_tuning/jobs"), ("GET", "/v1/responses/resp_1"),
    ("POST", "/v1/assistants"), ("POST", "/v1/vector_stores"),
    ("DELETE", "/v1/models/large"), ("POST", "/models/images/embeddings")])
def test_what_is_not_listed_does_not_pass(setting, method, path):
    before = len(setting.origin.seen)
    status, _, told = lab.exchange(
        setting.weir.port, method, path, b"{}" if method == "POST" else None,
        {"Authorization": "Bearer " + setting.key})
    assert status in (404, 405), told
    assert json.loads(told)["error"]
    assert len(setting.origin.seen) == before
