# SPDX-License-Identifier: Apache-2.0
"""Rules over prompts and answers, through official clients."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import world  # noqa: E402
from replayer import Replayer  # noqa: E402

anthropic = pytest.importorskip("anthropic")
openai = pytest.importorskip("openai")

FILTERS = [
    {"name": "personal", "rules": [
        {"detector": "mail", "action": "pseudonym", "in": "requests"},
        {"detector": "card", "action": "mask"}]},
    {"name": "secrets", "rules": [
        {"detector": "key", "action": "block"},
        {"name": "project", "terms": ["Nightjar"], "action": "flag"}]},
]
# A key made here, so that none stands in a file.
KEY = "ghp_" + "a7Qz2kLm9" * 4


class Filters:
    def __init__(self, where):
        self.origin = Replayer()
        config = world.config({name: self.origin.url("/v1") for name in
                               ("near", "far", "slow")}, lab.free_port(),
                              {}, 0)
        config.pop("tls")
        config.pop("listen")
        config["filters"] = FILTERS
        config["origins"].append({"name": "messages", "dialect": "anthropic",
                                  "url": self.origin.url("/v1")})
        config["deployments"].append(
            world.deployment("as-messages", "large", "messages"))
        config["routes"].append({"name": "to-messages", "mode": "order",
                                 "candidates": ["as-messages"]})
        policies = dict(world.POLICIES)
        policies["seller/permit.cedar"] = policies[
            "seller/permit.cedar"].replace(
                '@tier("durable")',
                '@tier("durable")\n@filter("personal, secrets")')
        self.weir = lab.Weir(where / "weir", config, policies)
        self.weir.start()
        key = self.weir.key("good/app")
        url = f"http://127.0.0.1:{self.weir.port}"
        self.openai = openai.OpenAI(api_key=key, base_url=url + "/v1",
                                    max_retries=0)
        self.anthropic = anthropic.Anthropic(api_key=key, base_url=url,
                                             max_retries=0)

    def say(self, text):
        """A whole chat reply of the origin's."""
        self.origin.set(json.dumps({
            "id": "c", "object": "chat.completion", "created": 5,
            "model": "large", "choices": [
                {"index": 0, "finish_reason": "stop",
                 "message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 4,
                      "total_tokens": 7}}).encode())

    def stream(self, pieces, chunk=None):
        def event(delta, reason=None):
            return {"id": "c", "object": "chat.completion.chunk",
                    "created": 5, "model": "large", "choices": [
                        {"index": 0, "delta": delta,
                         "finish_reason": reason}]}
        events = [event({"role": "assistant", "content": ""})]
        events += [event({"content": piece}) for piece in pieces]
        events.append(event({}, "stop"))
        events.append({"id": "c", "object": "chat.completion.chunk",
                       "created": 5, "model": "large", "choices": [],
                       "usage": {"prompt_tokens": 3, "completion_tokens": 4,
                                 "total_tokens": 7}})
        body = "".join(f"data: {json.dumps(e)}\n\n" for e in events)
        self.origin.set((body + "data: [DONE]\n\n").encode(),
                        "text/event-stream", chunk=chunk)

    def chat(self, text="hello", **more):
        return self.openai.chat.completions.create(
            model=more.pop("model", "only-near"),
            messages=[{"role": "user", "content": text}], **more)

    def prompt(self):
        """What the origin was asked last."""
        return json.loads(self.origin.asked[-1][2])["messages"][-1]["content"]


    def stop(self):
        self.weir.end()
        self.origin.stop()


@pytest.fixture(scope="module")
def filters(tmp_path_factory):
    made = Filters(tmp_path_factory.mktemp("filters"))
    yield made
    made.stop()


def test_a_prompt_leaves_with_placeholders_and_masks(filters):
    filters.say("Noted.")
    filters.chat("Mail ann@example.org, card 4111 1111 1111 1111, and "
                 "ann@example.org again")
    assert filters.prompt() == ("Mail [MAIL_1], card [CARD], and [MAIL_1] "
                                "again")


def test_placeholders_of_an_answer_are_turned_back(filters):
    filters.say("I wrote to [MAIL_1]; [MAIL_7] is nobody.")
    reply = filters.chat("Mail ann@example.org")
    assert reply.choices[0].message.content == (
        "I wrote to ann@example.org; [MAIL_7] is nobody.")
    assert reply.usage.total_tokens == 7


@pytest.mark.parametrize("chunk", [None, 1, 7, 100])
def test_a_streamed_answer_is_the_same_at_every_split(filters, chunk):
    filters.stream(["Wrote to [MA", "IL_1", "]: pay 41", "11 1111 1111 ",
                    "1111", ", bye"], chunk)
    text = "".join(
        c.choices[0].delta.content or "" for c in
        filters.chat("Mail ann@example.org", stream=True) if c.choices)
    assert text == "Wrote to ann@example.org: pay [CARD], bye"


def test_a_secret_of_the_prompt_stops_the_call(filters):
    before = len(filters.origin.asked)
    with pytest.raises(openai.PermissionDeniedError) as refused:
        filters.chat(f"my key is {KEY}")
    assert refused.value.code == "content_filtered"
    assert '"key"' in refused.value.message
    assert KEY[8:] not in refused.value.message
    assert len(filters.origin.asked) == before


@pytest.mark.parametrize("prompt", [[1, 2, 3], [[1, 2], [3]]])
def test_a_prompt_in_tokens_cannot_be_looked_at(filters, prompt):
    before = len(filters.origin.asked)
    for ask in (
            lambda: filters.openai.completions.create(model="only-near",
                                                      prompt=prompt),
            lambda: filters.openai.embeddings.create(model="embed",
                                                     input=prompt)):
        with pytest.raises(openai.PermissionDeniedError) as refused:
            ask()
        assert refused.value.code == "content_filtered"
        assert "send its text" in refused.value.message
    assert len(filters.origin.asked) == before


def test_a_prompt_of_texts_is_looked_at(filters):
    filters.origin.set(json.dumps({
        "object": "list", "model": "embed",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "usage": {"prompt_tokens": 3, "total_tokens": 3}}).encode())
    filters.openai.embeddings.create(model="embed", encoding_format="float",
                                     input=["card 4111 1111 1111 1111"])
    assert "4111 1111" not in filters.origin.asked[-1][2].decode()


def test_a_secret_of_an_answer_is_not_shown(filters):
    filters.say(f"it is {KEY}")
    with pytest.raises(openai.PermissionDeniedError) as refused:
        filters.chat()
    assert refused.value.code == "content_filtered"
    assert KEY[8:] not in str(refused.value)


@pytest.mark.parametrize("size", [1, 3, 40])
def test_a_secret_split_over_a_stream_is_cut_before_it_shows(filters, size):
    pieces = [KEY[at:at + size] for at in range(0, len(KEY), size)]
    filters.stream(["The key is "] + pieces + [" there."])
    seen = ""
    with pytest.raises(openai.APIError) as cut:
        for chunk in filters.chat(stream=True):
            if chunk.choices:
                seen += chunk.choices[0].delta.content or ""
    assert "filter" in str(cut.value)
    assert seen in "The key is "


def test_another_dialect_is_filtered_alike(filters):
    filters.origin.set(json.dumps({
        "id": "msg_1", "type": "message", "role": "assistant",
        "model": "large", "content": [
            {"type": "text", "text": "To [MAIL_1], 4111111111111111"}],
        "stop_reason": "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 4}}).encode())
    reply = filters.anthropic.messages.create(
        model="to-messages", max_tokens=10, messages=[
            {"role": "user", "content": "Mail ann@example.org"}])
    assert filters.prompt() == "Mail [MAIL_1]"
    assert reply.content[0].text == "To ann@example.org, [CARD]"


def test_an_answer_that_cannot_be_read_does_not_pass(filters):
    filters.origin.set(b"4111 1111 1111 1111", "text/plain")
    with pytest.raises(openai.APIStatusError):
        filters.chat()


def test_the_record_counts_and_holds_no_content(filters):
    filters.say("Nightjar, 4111111111111111")
    raw = filters.openai.chat.completions.with_raw_response.create(
        model="only-near", messages=[
            {"role": "user", "content": "Nightjar for ann@example.org"}])
    request = raw.headers["weir-request-id"]
    shown = lab.wait_for(
        lambda: next((text for text in [filters.weir.cli(
            "explain", request, check=False).stdout]
            if "project:1" in text), None), 15, "the record")
    assert "mail:1,project:1;card:1,project:1" in shown
    assert "ann@example.org" not in shown and "4111" not in shown
