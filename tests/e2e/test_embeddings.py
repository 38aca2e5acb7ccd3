# SPDX-License-Identifier: Apache-2.0
"""Embeddings by official clients, on origins of either dialect."""
import json

import pytest

import lab
import world
from replayer import Replayer

openai = pytest.importorskip("openai")
genai = pytest.importorskip("google.genai")

VECTORS = [[0.25, -1.5e-3, 3], [1, 2.125, -0.0078125]]


class Setting:
    def __init__(self, where):
        self.origin = Replayer()
        config = world.config({name: self.origin.url("/v1") for name in
                               ("near", "far", "slow")}, lab.free_port(),
                              {}, 0)
        config.pop("tls")
        config.pop("listen")
        config["origins"].append({"name": "gemini", "dialect": "gemini",
                                  "url": self.origin.url("/v1beta")})
        row = world.deployment("embed-gemini", "embed", "gemini")
        row["origin_model"] = "embedding-9"
        config["deployments"].append(row)
        for name in ("near", "gemini"):
            config["routes"].append({"name": f"to-{name}", "mode": "order",
                                     "candidates": [f"embed-{name}"]})
        self.weir = lab.Weir(where / "weir", config, world.POLICIES)
        try:
            self.weir.start()
            self.key = self.weir.key("good/app")
        except BaseException:
            self.stop()
            raise
        url = f"http://127.0.0.1:{self.weir.port}"
        self.openai = openai.OpenAI(base_url=url + "/v1", api_key=self.key,
                                    max_retries=0)
        self.gemini = genai.Client(api_key=self.key,
                                   http_options={"base_url": url})

    def of_gemini(self, **more):
        self.origin.set(json.dumps({"embeddings": [
            {"values": row} for row in VECTORS], **more}).encode())

    def of_openai(self):
        self.origin.set(json.dumps({"object": "list", "model": "m", "data": [
            {"object": "embedding", "index": i, "embedding": row}
            for i, row in enumerate(VECTORS)],
            "usage": {"prompt_tokens": 7, "total_tokens": 7}}).encode())

    def stop(self):
        self.weir.end()
        self.origin.stop()


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    made = Setting(tmp_path_factory.mktemp("embeddings"))
    yield made
    made.stop()


@pytest.mark.parametrize("how", [{}, {"encoding_format": "float"},
                                 {"encoding_format": "base64"}])
def test_openai_s_client_on_a_gemini_origin(setting, how):
    setting.of_gemini(usageMetadata={"promptTokenCount": 7})
    got = setting.openai.embeddings.create(
        model="to-gemini", input=["a \"b\"", "ü"], dimensions=3, **how)
    rows = [row.embedding for row in got.data]
    if how.get("encoding_format") == "base64":
        import base64
        import struct
        rows = [list(struct.unpack("<3f", base64.b64decode(row)))
                for row in rows]
    for row, wanted in zip(rows, VECTORS):
        assert row == pytest.approx(wanted, rel=1e-6)
    assert [row.index for row in got.data] == [0, 1]
    assert got.usage.prompt_tokens == 7
    path, _, _ = setting.origin.asked[-1]
    assert path == "/v1beta/models/embedding-9:batchEmbedContents"
    assert setting.origin.last() == {"requests": [
        {"model": "models/embedding-9", "outputDimensionality": 3,
         "content": {"parts": [{"text": text}]}} for text in ("a \"b\"", "ü")]}


def test_tokens_are_estimated_where_nobody_counted(setting):
    setting.of_gemini()
    got = setting.openai.embeddings.create(model="to-gemini",
                                           input=["word " * 40, "x"])
    assert 40 < got.usage.prompt_tokens < 70


def test_gemini_s_client_on_an_openai_origin(setting):
    setting.of_openai()
    got = setting.gemini.models.embed_content(
        model="to-near", contents=["a", "b"],
        config={"output_dimensionality": 3})
    for row, wanted in zip(got.embeddings, VECTORS):
        assert row.values == pytest.approx(wanted)
    assert setting.origin.last() == {
        "model": "embed", "input": ["a", "b"], "dimensions": 3,
        "encoding_format": "float"}


def test_gemini_s_client_on_a_gemini_origin(setting):
    setting.of_gemini()
    setting.gemini.models.embed_content(
        model="to-gemini", contents="a", config={
            "task_type": "RETRIEVAL_DOCUMENT", "title": "t"})
    asked = setting.origin.last()["requests"]
    assert [row["model"] for row in asked] == ["models/embedding-9"]
    assert asked[0]["taskType"] == "RETRIEVAL_DOCUMENT"
    assert asked[0]["title"] == "t"


def test_a_single_content_has_a_single_vector(setting):
    setting.origin.set(json.dumps({"embeddings": [
        {"values": VECTORS[0]}]}).encode())
    status, _, told = lab.exchange(
        setting.weir.port, "POST", "/v1beta/models/to-gemini:embedContent",
        json.dumps({"content": {"parts": [{"text": "a"},
                                          {"text": "b"}]}}).encode(),
        {"x-goog-api-key": setting.key})
    assert status == 200
    assert json.loads(told)["embedding"]["values"] == VECTORS[0]
    text = setting.origin.last()["requests"][0]["content"]["parts"][0]["text"]
    assert text == "a\nb"


@pytest.mark.parametrize("body, word", [
    ({"requests": [{"model": "models/forbidden", "content": {
        "parts": [{"text": "a"}]}}]}, "model"),
    ({"requests": [{"content": {"parts": [{"text": "a"}]}},
                   {"taskType": "X", "content": {
                       "parts": [{"text": "a"}]}}]}, "agree"),
    ({"requests": [{"content": {"parts": [
        {"inlineData": {"data": "aGk="}}]}}]}, "parts"),
    ({"requests": []}, "requests")])
def test_requests_beside_the_path_s_model_are_refused(setting, body, word):
    before = len(setting.origin.asked)
    status, _, told = lab.exchange(
        setting.weir.port, "POST",
        "/v1beta/models/to-gemini:batchEmbedContents",
        json.dumps(body).encode(), {"x-goog-api-key": setting.key})
    assert status == 400 and word in json.loads(told)["error"]["message"]
    assert len(setting.origin.asked) == before


def test_what_cannot_be_said_is_refused_by_name(setting):
    with pytest.raises(openai.BadRequestError) as caught:
        setting.openai.embeddings.create(model="to-gemini", input=[1, 2, 3])
    assert caught.value.param == "input"
    with pytest.raises(openai.BadRequestError) as caught:
        setting.openai.embeddings.create(model="to-gemini", input="a",
                                         user="u")
    assert caught.value.param == "user"


def test_errors_and_nonsense_are_told(setting):
    setting.origin.set(json.dumps({"error": {
        "code": 400, "message": "too long",
        "status": "INVALID_ARGUMENT"}}).encode(), status=400)
    with pytest.raises(openai.BadRequestError) as caught:
        setting.openai.embeddings.create(model="to-gemini", input="a")
    assert "too long" in str(caught.value)
    assert caught.value.code == "INVALID_ARGUMENT"
    for body in (b"{}", b"{\"embeddings\":[]}", b"[1", b"{\"embeddings\":[{}]}"):
        setting.origin.set(body)
        with pytest.raises(openai.InternalServerError) as caught:
            setting.openai.embeddings.create(model="to-gemini", input="a")
        assert caught.value.status_code == 502
        assert "cannot be read" in caught.value.body["weir"]["hop"]


def test_large_replies_pass(setting):
    row = [0.123456789] * 3072
    setting.origin.set(json.dumps({"embeddings": [
        {"values": row} for _ in range(60)]}).encode())
    got = setting.openai.embeddings.create(model="to-gemini",
                                           input=["a"] * 60)
    assert len(got.data) == 60 and len(got.data[59].embedding) == 3072
