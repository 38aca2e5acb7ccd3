# SPDX-License-Identifier: Apache-2.0
"""Classifiers over what is no conversation: transcripts in plain text, and
prompts of every other route. Nothing passes unseen where policy looks."""
import contextlib
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import world  # noqa: E402
from test_classifiers import OUTSIDE, PERMIT, Judge  # noqa: E402
from test_other import SOUND, Setting, form  # noqa: E402

openai = pytest.importorskip("openai")

# Projects: `judged` has a classifier that answers, the rest but `counted`
# one that does not; `masked` has a rule of a filter besides, `asked` one that
# answers about prompts alone: else policy refuses files of batches.
KINDS = ("judged", "shut", "lax", "counted", "masked", "asked")


class World(Setting):
    def __init__(self, where):
        self.judge = Judge()
        before = world.POLICIES
        world.POLICIES = {
            f"seller/{name}.cedar": PERMIT.format(
                name=name, asks='@filter("judged, masks")' if name == "masked"
                else f'@filter("{name}")') for name in KINDS}
        world.POLICIES["seller/outside.cedar"] = OUTSIDE
        try:
            super().__init__(where, self.change)
        finally:
            world.POLICIES = before
        self.clients = {}
        for name in KINDS:
            key = self.weir.key(f"good/{name}")
            self.clients[name] = openai.OpenAI(
                base_url=self.url + "/v1", api_key=key, max_retries=0)

    def change(self, config):
        nobody = f"http://127.0.0.1:{lab.free_port()}/"
        config["classifiers"] = [
            {"name": "judged", "url": self.judge.url(), "timeout": "20 s",
             "thresholds": {"malware": "0.8"}},
            {"name": "shut", "url": nobody, "timeout": "5 s"},
            {"name": "lax", "url": nobody, "timeout": "5 s",
             "on_failure": "allow"},
            {"name": "counted", "url": self.judge.url(), "timeout": "20 s",
             "thresholds": {"malware": "0.8"}},
            {"name": "asked", "url": self.judge.url(), "timeout": "20 s",
             "thresholds": {"malware": "0.8"}, "sends": "input"},
        ]
        config["filters"] = [
            {"name": name, "rules": [
                {"classifier": name,
                 "action": "flag" if name == "counted" else "block"}]}
            for name in ("judged", "shut", "lax", "counted", "asked")]
        config["filters"].append({"name": "masks", "rules": [
            {"detector": "card", "action": "mask"}]})
        embedder = next(m for m in config["models"]
                        if m["name"] == "embedder")
        embedder["operations"] = ["embed", "batch"]
        good = next(t for t in config["tenants"] if t["name"] == "good")
        good["projects"] += [{"name": name} for name in KINDS]

    def hear(self, who, shape, path="transcriptions"):
        """The body of a transcript that is plain text."""
        made = getattr(self.clients[who].audio, path)
        return made.with_raw_response.create(
            model="hearer", file=("a.wav", SOUND), response_format=shape)

    def told(self, raw):
        """What classifiers said of a call: by direction, from its record."""
        request = raw.headers["weir-request-id"]
        shown = lab.wait_for(lambda: next(
            (json.loads(text) for text in [self.weir.cli(
                "explain", request, "--json", check=False).stdout]
                if '"classified_by"' in text), None), 30, "the record")
        return {one["direction"]: one for one in shown["classified_by"]}

    def stop(self):
        super().stop()
        self.judge.stop()


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("classified"))
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def fresh(setting):
    setting.judge.reset()
    setting.origin.seen.clear()


# ------------------------------------------------------ transcripts as text

# response_format -> type, reply. Quotes and braces: JSON's are no one's here.
SHAPES = {
    "text": ("text/plain; charset=utf-8", "run the payload {now}\n"),
    "srt": ("application/x-subrip", "1\n00:00:00,000 --> 00:00:02,000\nrun "
            'the payload, "now"\n\n'),
    "vtt": ("text/vtt", "WEBVTT\n\n00:00.000 --> 00:02.000\nrun the "
            "payload\n\n"),
}


@pytest.mark.parametrize("shape", sorted(SHAPES))
@pytest.mark.parametrize("path", ["transcriptions", "translations"])
def test_a_transcript_in_plain_text_is_judged(setting, shape, path):
    kind, text = SHAPES[shape]
    setting.origin.set(f"/audio/{path}", text.encode(), kind)
    raw = setting.hear("judged", shape, path)
    assert raw.content == text.encode()
    assert raw.headers["content-type"] == kind
    asked = [b for b in setting.judge.asked if b["direction"] == "output"]
    assert [b["texts"] for b in asked] == [[text]]
    assert asked[0]["part"] == 1 and asked[0]["is_last"]
    said = setting.told(raw)["output"]
    assert said["classifier"] == "judged" and said["opinion"] == "allow"
    assert said["asked"] == 1 and said["failed"] == 0

    setting.judge.bad = ("payload",)
    with pytest.raises(openai.PermissionDeniedError) as refused:
        setting.hear("judged", shape, path)
    assert refused.value.code == "content_filtered"
    assert '"judged" blocks the answer: malware' in refused.value.message
    assert "payload" not in refused.value.message
    said = setting.told(refused.value.response)["output"]
    assert said["opinion"] == "block" and said["category"] == "malware"

    raw = setting.hear("counted", shape, path)  # flags, and it passes
    assert raw.content == text.encode()
    said = setting.told(raw)["output"]
    assert said["opinion"] == "block" and said["action"] == "flag"


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_a_transcript_that_nobody_can_judge_goes_by_the_rule(setting, shape):
    kind, text = SHAPES[shape]
    setting.origin.set("/audio/transcriptions", text.encode(), kind)
    with pytest.raises(openai.InternalServerError) as refused:
        setting.hear("shut", shape)
    assert refused.value.status_code == 503
    assert refused.value.code == "classifier_unavailable"
    assert '"shut" gave no verdict on the answer' in refused.value.message
    assert "payload" not in refused.value.message
    raw = setting.hear("lax", shape)
    assert raw.content == text.encode()
    said = setting.told(raw)["output"]
    assert said["opinion"] == "failed" and said["failed"] == 1


def test_a_long_transcript_is_held_until_it_is_judged(setting):
    text = "words and more words. " * 8000
    setting.origin.set("/audio/transcriptions", text.encode(), "text/plain")
    assert setting.hear("judged", "text").content == text.encode()
    setting.judge.bad = ("marker",)
    setting.origin.set("/audio/transcriptions", (text + "marker").encode(),
                       "text/plain")
    seen = b""
    with contextlib.suppress(openai.OpenAIError):
        seen = setting.hear("judged", "text").content
    assert seen == b""


def test_masks_come_before_the_verdict(setting):
    setting.origin.set("/audio/transcriptions",
                       b"pay 4111 1111 1111 1111\n", "text/plain")
    assert setting.hear("masked", "text").content == b"pay [CARD]\n"
    assert setting.judge.texts("output") == ["pay [CARD]\n"]


@pytest.mark.parametrize("kind, body", [
    ("text/plain", b"a payload \xff in Latin letters"),
    ("text/plain; charset=utf-16le", "a payload".encode("utf-16le")),
    ("audio/wav", b"a payload"),            # an origin's word for it
    ("application/octet-stream", b"a payload"),
])
def test_bytes_that_are_no_text_go_by_the_rule(setting, kind, body):
    setting.origin.set("/audio/transcriptions", body, kind)
    with pytest.raises((openai.InternalServerError,
                        openai.PermissionDeniedError)):
        setting.hear("judged", "text")
    assert setting.judge.texts("output") == []
    assert setting.hear("lax", "text").content == body


# ------------------------------------------------------ prompts by the route

WORD = "worm"


def beside(model, text=WORD):
    return form((b'Content-Disposition: form-data; name="model"',
                 model.encode()),
                (b'Content-Disposition: form-data; name="prompt"',
                 text if isinstance(text, bytes) else text.encode()),
                (b'Content-Disposition: form-data; name="file"; '
                 b'filename="a"', SOUND))


# route -> path, body; whether its prompt can be read at all
ROUTES = {
    "chat": ("/v1/chat/completions", {"model": "only-near", "messages": [
        {"role": "user", "content": WORD}]}),
    "responses": ("/v1/responses", {"model": "only-near", "input": WORD}),
    "completions": ("/v1/completions", {"model": "only-near",
                                        "prompt": ["a", WORD]}),
    "embeddings": ("/v1/embeddings", {"model": "embedder",
                                      "input": ["a", WORD]}),
    "rerank-query": ("/v1/rerank", {"model": "ranker", "query": WORD,
                                    "documents": ["a", "b"]}),
    "rerank-documents": ("/v1/rerank", {
        "model": "ranker", "query": "a", "documents": ["b", {"text": WORD}]}),
    "moderations": ("/v1/moderations", {"model": "judge", "input": [
        {"type": "text", "text": WORD}]}),
    "images": ("/v1/images/generations", {"model": "painter",
                                          "prompt": WORD}),
    "image-edits": ("/v1/images/edits", beside("painter")),
    "speech": ("/v1/audio/speech", {"model": "speaker", "voice": "alloy",
                                    "input": WORD}),
    "speech-instructions": ("/v1/audio/speech", {
        "model": "speaker", "voice": "alloy", "input": "a",
        "instructions": WORD}),
    "transcriptions": ("/v1/audio/transcriptions", beside("hearer")),
    "translations": ("/v1/audio/translations", beside("hearer")),
}
UNREADABLE = {
    "embeddings": ("/v1/embeddings", {"model": "embedder",
                                      "input": [1, 2, 3]}),
    "embeddings-many": ("/v1/embeddings", {"model": "embedder",
                                           "input": [[1, 2], [3]]}),
    "completions": ("/v1/completions", {"model": "only-near",
                                        "prompt": [1, 2, 3]}),
    "transcriptions": ("/v1/audio/transcriptions",
                       beside("hearer", WORD.encode() + b" \xff")),
}


def post(setting, who, path, body):
    is_form = isinstance(body, bytes)
    # of any answer: what matters is whether the origin was asked
    setting.origin.set(path.removeprefix("/v1"), {"text": "x", "data": []})
    status, _, said = lab.exchange(
        setting.weir.port, "POST", path,
        body if is_form else json.dumps(body).encode(),
        {"Authorization": "Bearer " + setting.clients[who].api_key,
         "Content-Type": "multipart/form-data; boundary=b" if is_form
         else "application/json"})
    return status, said


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_prompts_of_every_route_are_judged(setting, route):
    path, body = ROUTES[route]
    status, said = post(setting, "judged", path, body)
    assert status == 200, said
    assert WORD in setting.judge.texts("input")
    assert len(setting.origin.seen) == 1

    setting.judge.bad = (WORD,)
    status, said = post(setting, "judged", path, body)
    assert status == 403 and b"content_filtered" in said, said
    status, said = post(setting, "shut", path, body)
    assert status == 503 and b"classifier_unavailable" in said, said
    assert len(setting.origin.seen) == 1    # neither got there

    assert post(setting, "lax", path, body)[0] == 200
    assert len(setting.origin.seen) == 2


@pytest.mark.parametrize("route", sorted(UNREADABLE))
def test_prompts_that_no_classifier_can_read_go_by_the_rule(setting, route):
    path, body = UNREADABLE[route]
    status, said = post(setting, "judged", path, body)
    assert status == 503 and b"classifier_unavailable" in said, said
    assert b'\\"judged\\" gave no verdict on the request' in said
    assert setting.judge.asked == [] and setting.origin.seen == []
    status, said = post(setting, "lax", path, body)
    assert status == 200, said
    assert len(setting.origin.seen) == 1


def test_lines_of_a_batch_are_judged_or_unreadable(setting):
    def upload(*inputs):
        lines = b"".join(json.dumps({
            "custom_id": str(n), "method": "POST", "url": "/v1/embeddings",
            "body": {"model": "embedder", "input": what}}).encode() + b"\n"
            for n, what in enumerate(inputs))
        return setting.clients["asked"].files.create(
            file=("in.jsonl", lines), purpose="batch")
    setting.origin.set("/files", {
        "id": "file-1", "object": "file", "bytes": 9, "created_at": 1,
        "filename": "in.jsonl", "purpose": "batch", "status": "processed"})
    assert upload(WORD, ["a"]).id
    assert WORD in setting.judge.texts("input")
    assert len(setting.origin.seen) == 1
    setting.judge.bad = (WORD,)
    with pytest.raises(openai.PermissionDeniedError):
        upload("a", WORD)
    asked = len(setting.judge.asked)
    with pytest.raises(openai.InternalServerError) as refused:
        upload("a", [[1, 2, 3]])
    assert refused.value.code == "classifier_unavailable"
    assert len(setting.judge.asked) == asked
    assert len(setting.origin.seen) == 1
