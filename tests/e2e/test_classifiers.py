# SPDX-License-Identifier: Apache-2.0
"""Classifiers over HTTP, through official clients."""
import http.server
import json
import pathlib
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import world  # noqa: E402
from replayer import Replayer  # noqa: E402

anthropic = pytest.importorskip("anthropic")
openai = pytest.importorskip("openai")


class Judge:
    """A classifier that does as it is told."""

    def __init__(self):
        judge = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                judge.serve(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def get_request(self):
                judge.connections += 1
                return super().get_request()

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.reset()
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def reset(self):
        self.asked = []
        self.heads = []
        self.bad = ()
        self.delay = 0
        self.raw = None
        self.status = 200
        self.connections = 0

    def url(self, path="/v1/abuse"):
        return f"http://127.0.0.1:{self.port}{path}"

    def serve(self, handler):
        size = int(handler.headers["content-length"])
        body = json.loads(handler.rfile.read(size))
        self.asked.append(body)
        self.heads.append((handler.path, dict(handler.headers)))
        time.sleep(self.delay)
        if self.raw is not None:
            handler.wfile.write(self.raw)
            handler.close_connection = True
            return
        texts = body.get("texts", body.get("input"))
        is_bad = any(word in text for word in self.bad for text in texts)
        if "input" in body:
            said = {"id": "m", "model": "m", "results": [
                {"flagged": is_bad, "categories": {"hate": is_bad},
                 "category_scores": {"hate": 0.9 if is_bad else 0.01}}]}
        else:
            said = {"categories": {"malware": 0.93 if is_bad else 0.02}}
        said = json.dumps(said).encode()
        handler.send_response(self.status)
        handler.send_header("content-length", str(len(said)))
        handler.end_headers()
        handler.wfile.write(said)

    def texts(self, direction=None):
        return [text for body in self.asked
                if direction in (None, body.get("direction"))
                for text in body.get("texts", body.get("input"))]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def classifiers(judge):
    return [
        {"name": "abuse", "url": judge.url(), "timeout": "2 s",
         "thresholds": {"malware": "0.8"}, "window": "64 B",
         "credential": {"env": "JUDGE_KEY"}},
        {"name": "held", "url": judge.url(), "timeout": "20 s",
         "thresholds": {"malware": "0.8"}, "streams": "hold"},
        {"name": "open", "url": judge.url(), "timeout": "2 s",
         "thresholds": {"malware": "0.8"}, "on_failure": "allow"},
        {"name": "moderated", "url": judge.url("/v1/moderations"),
         "form": "moderations", "model": "omni", "sends": "input",
         "timeout": "8 s"},
        {"name": "nobody", "url": f"http://127.0.0.1:{lab.free_port()}/",
         "timeout": "2 s"},
        {"name": "counted", "url": judge.url(), "timeout": "8 s",
         "thresholds": {"malware": "0.8"}},
        {"name": "small", "url": judge.url(), "timeout": "8 s",
         "text": "1 KiB", "window": "64 B"},
    ]


PERMIT = """
@id("permit-{name}")
@title("What {name} may use")
@authority("The seller, service description 1")
@tier("durable")
{asks}
permit (principal in Project::"good/{name}", action in Action::"infer",
        resource in Bloc::"hosting");
"""
KINDS = ("abuse", "held", "open", "moderated", "nobody", "counted", "small")


OUTSIDE = """
@id("permit-outside")
@title("What runs outside is for the insider only")
@authority("The seller, service description 1")
permit (principal in Tenant::"insider", action in Action::"infer",
        resource in Jurisdiction::"AQ");
"""


EVERY = KINDS + ("watched", "guarded")


class Judged:
    """A tenant for each classifier: its policy asks for that one."""

    def __init__(self, where, monkeypatch):
        monkeypatch.setenv("JUDGE_KEY", "sk-judge")
        self.judge = Judge()
        self.origin = Replayer()
        config = world.config({name: self.origin.url("/v1") for name in
                               ("near", "far", "slow")}, lab.free_port(),
                              {}, 0)
        config.pop("tls")
        config.pop("listen")
        config["watch"] = "on"
        config["classifiers"] = classifiers(self.judge)
        config["filters"] = [{"name": name, "rules": [
            {"classifier": name,
             "action": "flag" if name == "counted" else "block"}]}
            for name in KINDS]
        config["filters"].append({"name": "masks", "rules": [
            {"detector": "card", "action": "mask"}]})
        config["origins"].append({"name": "messages", "dialect": "anthropic",
                                  "url": self.origin.url("/v1")})
        config["deployments"].append(
            world.deployment("as-messages", "large", "messages"))
        config["cache"] = {"memory": "4 MiB", "ttl": "10 min"}
        config["routes"].append({"name": "kept", "cache": "5 min",
                                 "candidates": ["large-near"]})
        config["routes"].append({"name": "to-messages", "mode": "order",
                                 "candidates": ["as-messages"]})
        tenant = next(t for t in config["tenants"] if t["name"] == "good")
        tenant["projects"] = [{"name": name} for name in EVERY]
        policies = {f"seller/{name}.cedar": PERMIT.format(name=name, asks=(
            '@monitor("steps=observe; classify=counted")'
            if name == "watched" else
            '@monitor("steps=observe")\n@filter("abuse")'
            if name == "guarded" else f'@filter("{name}, masks")'))
            for name in EVERY}
        policies["seller/outside.cedar"] = OUTSIDE
        self.weir = lab.Weir(where / "weir", config, policies)
        self.weir.start()
        url = f"http://127.0.0.1:{self.weir.port}"
        self.clients, self.anthropics = {}, {}
        for name in EVERY:
            key = self.weir.key(f"good/{name}")
            self.clients[name] = openai.OpenAI(
                api_key=key, base_url=url + "/v1", max_retries=0)
            self.anthropics[name] = anthropic.Anthropic(
                api_key=key, base_url=url, max_retries=0)

    def stop(self):
        self.weir.end()
        self.origin.stop()
        self.judge.stop()

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

    def chat(self, who, text="hello", **more):
        return self.clients[who].chat.completions.create(
            model=more.pop("model", "only-near"),
            messages=[{"role": "user", "content": text}], **more)

    def read(self, who, **more):
        """The text of a stream."""
        return "".join(c.choices[0].delta.content or ""
                       for c in self.chat(who, stream=True, **more)
                       if c.choices)

    def recorded(self, request, what):
        return lab.wait_for(
            lambda: next((text for text in [self.weir.cli(
                "explain", request, "--json", check=False).stdout]
                if what in text), None), 15, "the record")


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    made = Judged(tmp_path_factory.mktemp("classifiers"), patch)
    yield made
    made.stop()
    patch.undo()


@pytest.fixture(autouse=True)
def fresh(judged):
    judged.judge.reset()
    judged.origin.asked.clear()
    judged.origin.pause = 0
    judged.say("Noted.")


def test_a_verdict_on_the_prompt_stops_the_call(judged):
    judged.judge.bad = ("worm",)
    with pytest.raises(openai.PermissionDeniedError) as refused:
        judged.chat("abuse", "write me a worm, paid by 4111 1111 1111 1111")
    assert refused.value.code == "content_filtered"
    assert '"abuse" blocks the request: malware' in refused.value.message
    assert judged.origin.asked == []
    asked = judged.judge.asked[0]
    assert asked["version"] == 1 and asked["direction"] == "input"
    assert asked["surface"] == "chat" and asked["tenant"] == "good"
    assert asked["project"] == "abuse" and asked["is_last"]
    # the filter's masks come first: the card goes nowhere
    assert asked["texts"] == ["write me a worm, paid by [CARD]"]
    path, head = judged.judge.heads[0]
    assert path == "/v1/abuse"
    assert head["Authorization"] == "Bearer sk-judge"


def test_what_is_allowed_goes_through_over_one_connection(judged):
    for _ in range(5):
        reply = judged.chat("abuse", "a poem")
        assert reply.choices[0].message.content == "Noted."
        assert reply.usage.total_tokens == 7
    assert len(judged.judge.asked) == 10
    assert judged.judge.connections <= 2   # one for each worker


def test_a_verdict_on_an_answer_hides_all_of_it(judged):
    judged.judge.bad = ("payload",)
    judged.say("here is the payload: ..")
    with pytest.raises(openai.PermissionDeniedError) as refused:
        judged.chat("abuse")
    assert '"abuse" blocks the answer: malware' in refused.value.message
    assert "payload" not in refused.value.message
    assert "payload" in judged.judge.texts("output")[0]


def test_a_long_answer_is_held_and_passes_whole(judged):
    text = "words and more words. " * 5000
    judged.say(text)
    assert judged.chat("abuse").choices[0].message.content == text
    judged.judge.bad = ("marker",)
    judged.say(text + "marker")
    with pytest.raises(openai.OpenAIError):
        judged.chat("abuse")


def test_any_endpoint_of_moderations_is_a_classifier(judged):
    judged.judge.bad = ("slur",)
    assert judged.chat("moderated").choices
    asked = judged.judge.asked[0]
    assert asked == {"model": "omni", "input": ["hello"]}
    assert len(judged.judge.asked) == 1    # sends: input
    with pytest.raises(openai.PermissionDeniedError) as refused:
        judged.chat("moderated", "a slur")
    assert "hate" in refused.value.message


@pytest.mark.parametrize("chunk", [None, 7, 300])
def test_a_stream_goes_on_window_by_window(judged, chunk):
    pieces = [f"word{n} " for n in range(100)]
    judged.stream(pieces, chunk)
    judged.origin.pause = 0.01 if chunk == 300 else 0
    assert judged.read("abuse") == "".join(pieces)
    asked = [b for b in judged.judge.asked if b["direction"] == "output"]
    assert [b["part"] for b in asked] == list(range(1, len(asked) + 1))
    assert len(asked) > (3 if chunk == 300 else 0)
    assert not any(b["is_last"] for b in asked[:-1])
    assert "word99" in asked[-1]["texts"][0]
    # each has what was before it: no word falls between two windows
    for before, after in zip(asked, asked[1:]):
        assert after["texts"][0].startswith(before["texts"][0][-64:])


def test_a_stream_is_cut_before_what_is_bad_shows(judged):
    judged.judge.bad = ("payload",)
    pieces = [f"word{n} " for n in range(60)] + ["pay", "load"] + [
        " and so on"] * 40
    judged.stream(pieces, chunk=300)
    judged.origin.pause = 0.01
    seen = ""
    with pytest.raises(openai.APIError) as cut:
        for chunk in judged.chat("abuse", stream=True):
            if chunk.choices:
                seen += chunk.choices[0].delta.content or ""
    assert "classifier" in str(cut.value) and "payload" not in seen
    assert seen.startswith("word0 ")     # windows before it had gone on


def test_a_stream_may_be_held_until_the_verdict(judged):
    pieces = [f"word{n} " for n in range(100)]
    judged.stream(pieces, chunk=100)
    assert judged.read("held") == "".join(pieces)
    asked = [b for b in judged.judge.asked if b["direction"] == "output"]
    assert len(asked) == 1 and asked[0]["texts"] == ["".join(pieces)]
    judged.judge.bad = ("word99",)
    with pytest.raises(openai.APIError):
        assert judged.read("held") == ""


def test_answers_of_two_choices_are_two_texts(judged):
    events = []
    for n in range(40):
        for index in (0, 1):
            events.append({"id": "c", "object": "chat.completion.chunk",
                           "created": 5, "model": "large", "choices": [
                               {"index": index, "finish_reason": None,
                                "delta": {"content": f"{'ab'[index]}{n} "}}]})
    body = "".join(f"data: {json.dumps(e)}\n\n" for e in events)
    judged.origin.set((body + "data: [DONE]\n\n").encode(),
                     "text/event-stream")
    for _ in judged.chat("held", stream=True):
        pass
    asked = [b for b in judged.judge.asked if b["direction"] == "output"]
    assert asked[-1]["texts"] == [
        "".join(f"{c}{n} " for n in range(40)) for c in "ab"]


def test_another_dialect_is_classified_alike(judged):
    judged.judge.bad = ("payload",)
    judged.origin.set(json.dumps({
        "id": "msg_1", "type": "message", "role": "assistant",
        "model": "large", "content": [
            {"type": "text", "text": "the payload"}],
        "stop_reason": "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 4}}).encode())
    for route in ("to-messages",):
        with pytest.raises(anthropic.PermissionDeniedError):
            judged.anthropics["abuse"].messages.create(
                model=route, max_tokens=10, messages=[
                    {"role": "user", "content": "Say it"}])
        with pytest.raises(openai.PermissionDeniedError):   # translated
            judged.chat("abuse", "Say it", model=route)


def test_a_stream_that_becomes_one_answer_is_classified(judged):
    """An origin that streams to a client who asked for no stream."""
    events = [
        {"type": "message_start", "message": {
            "id": "msg_1", "type": "message", "role": "assistant",
            "model": "large", "content": [], "stop_reason": None,
            "usage": {"input_tokens": 3, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {
            "type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {
            "type": "text_delta", "text": "the payload"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"},
         "usage": {"output_tokens": 4}}, {"type": "message_stop"}]
    judged.origin.set("".join(
        f"event: {e['type']}\ndata: {json.dumps(e)}\n\n"
        for e in events).encode(), "text/event-stream")
    said = judged.chat("abuse", "Say it", model="to-messages")
    assert said.choices[0].message.content == "the payload"
    assert "the payload" in judged.judge.texts("output")
    judged.judge.bad = ("payload",)
    for who in ("abuse", "held"):
        with pytest.raises(openai.OpenAIError):
            judged.chat(who, "Say it", model="to-messages")


# What a classifier does that it should not: `on_failure` decides.
CLUMSY = {
    "slow": lambda judge: setattr(judge, "delay", 5),
    "status": lambda judge: setattr(judge, "status", 500),
    "huge": lambda judge: setattr(
        judge, "raw", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n"
        b"\r\n" + b"[" * 200000),
    "endless_head": lambda judge: setattr(
        judge, "raw", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50000),
    "malformed": lambda judge: setattr(
        judge, "raw", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"),
    "other_shape": lambda judge: setattr(
        judge, "raw", b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"
        b'{"ok":true}'),
    "not_http": lambda judge: setattr(judge, "raw", b"220 hello\r\n"),
    "closed": lambda judge: setattr(judge, "raw", b""),
}


@pytest.mark.parametrize("kind", sorted(CLUMSY))
def test_without_a_verdict_the_rule_decides(judged, kind):
    time.sleep(1.1)     # what failed five times in a row rests for a second
    CLUMSY[kind](judged.judge)
    with pytest.raises(openai.InternalServerError) as refused:
        judged.chat("abuse")
    assert refused.value.status_code == 503
    assert refused.value.code == "classifier_unavailable"
    assert judged.origin.asked == []
    assert judged.chat("open").choices[0].message.content == "Noted."
    judged.stream(["one ", "two"])
    assert judged.read("open") == "one two"


def test_a_classifier_that_is_not_there(judged):
    with pytest.raises(openai.InternalServerError) as refused:
        judged.chat("nobody")
    assert refused.value.code == "classifier_unavailable"
    assert "nobody" in refused.value.message


def test_more_text_than_may_be_sent_is_a_failure(judged):
    with pytest.raises(openai.InternalServerError):
        judged.chat("small", "x" * 2000)
    assert judged.judge.asked == []
    assert judged.chat("small", "x" * 500).choices


def test_flags_are_counted_and_delay_nothing(judged):
    judged.judge.bad = ("worm", "Noted")
    judged.judge.delay = 2
    begun = time.monotonic()
    raw = judged.clients["counted"].chat.completions.with_raw_response.create(
        model="only-near", messages=[{"role": "user", "content": "a worm"}])
    assert time.monotonic() - begun < 1.9
    shown = json.loads(judged.recorded(raw.headers["weir-request-id"],
                                      '"classified_by"'))
    said = {one["direction"]: one for one in shown["classified_by"]}
    assert said["input"]["opinion"] == said["output"]["opinion"] == "block"
    assert said["input"]["category"] == "malware"
    assert said["input"]["score"] == 93 and said["input"]["action"] == "flag"
    assert "worm" not in json.dumps(shown)


def test_a_stream_that_is_only_counted_passes_at_once(judged):
    judged.stream(["a ", "payload"])
    judged.judge.bad = ("payload",)
    judged.judge.delay = 0.3
    raw = judged.clients["counted"].chat.completions.with_raw_response.create(
        model="only-near", stream=True,
        messages=[{"role": "user", "content": "hello"}])
    text = "".join(c.choices[0].delta.content or "" for c in raw.parse()
                   if c.choices)
    assert text == "a payload"
    shown = json.loads(judged.recorded(raw.headers["weir-request-id"],
                                      '"classified_by"'))
    assert shown["outcome"]["ending"] == "complete"
    said = {one["direction"]: one for one in shown["classified_by"]}
    assert said["output"]["opinion"] == "block"


def test_the_watch_asks_and_never_blocks(judged):
    judged.judge.bad = ("worm",)
    raw = judged.clients["watched"].chat.completions.with_raw_response.create(
        model="only-near", messages=[{"role": "user", "content": "a worm"}])
    assert raw.parse().choices[0].message.content == "Noted."
    shown = json.loads(judged.recorded(raw.headers["weir-request-id"],
                                      '"classified_by"'))
    said = {one["direction"]: one for one in shown["classified_by"]}
    assert said["input"]["opinion"] == "block"
    assert said["input"]["action"] == "watch"


def test_a_client_that_leaves_meanwhile_leaves_nothing_behind(judged):
    judged.judge.delay = 0.3
    client = judged.clients["abuse"].with_options(timeout=0.1)
    for _ in range(4):
        with pytest.raises(openai.APITimeoutError):
            client.chat.completions.create(
                model="only-near",
                messages=[{"role": "user", "content": "hello"}])
    judged.judge.delay = 0
    time.sleep(0.4)
    assert judged.chat("abuse").choices


def test_many_at_once_are_bounded_and_all_answered(judged):
    judged.judge.delay = 0.05
    failed = []

    def one():
        try:
            judged.chat("held", "a poem")
        except openai.OpenAIError as error:
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


@pytest.mark.parametrize("who", ["abuse", "held", "counted"])
@pytest.mark.parametrize("is_streamed", [False, True])
def test_an_answer_that_is_given_again_is_asked_about_again(judged, who,
                                                           is_streamed):
    text = f"for {who} {is_streamed}: payload"
    judged.say(text)
    if is_streamed:
        judged.stream([text[at:at + 5] for at in range(0, len(text), 5)])

    def call():
        raw = judged.clients[who].chat.completions.with_raw_response.create(
            model="kept", stream=is_streamed, messages=[
                {"role": "user", "content": f"once more {is_streamed}"}])
        parsed = raw.parse()
        return raw, "".join(c.choices[0].delta.content or ""
                            for c in parsed if c.choices) if is_streamed \
            else parsed.choices[0].message.content

    assert call()[1] == text
    lab.wait_for(lambda: call()[0].headers.get("weir-cache") == "hit", 5,
                 "a hit")
    origin, before = len(judged.origin.asked), len(judged.judge.asked)
    raw, said = call()
    assert said == text and raw.headers["weir-cache"] == "hit"
    assert len(judged.origin.asked) == origin
    lab.wait_for(lambda: len(judged.judge.asked) >= before + 2, 5, "asks")
    judged.judge.bad = ("payload",)
    if who == "counted":
        raw, said = call()
        shown = json.loads(judged.recorded(raw.headers["weir-request-id"],
                                           '"classified_by"'))
        assert [one["opinion"] for one in shown["classified_by"]
                if one["direction"] == "output"] == ["block"]
    else:
        with pytest.raises(openai.APIError):
            call()


def test_prompts_that_are_refused_are_a_signal_of_the_watch(judged):
    judged.judge.bad = ("worm",)
    for n in range(4):
        with pytest.raises(openai.PermissionDeniedError):
            judged.chat("guarded", f"write worm number {n} for me, please")

    def row():
        said = judged.weir.json("watch", "status", "--kind", "project")
        return next((row for row in said["verdicts"]
                     if row["name"].endswith("guarded")), None)
    told = lab.wait_for(row, 60, "the signal")
    assert told["fired"] == ["judged"] and told["action"] == "observe"
    assert 3 <= len(told["detail"]["evidence"]) <= 4


def test_metrics_say_what_classifiers_did(judged):
    def told(what, **labels):
        judged.weir.admin("GET", "/v1/tenants")  # makes the token
        text = lab.exchange(
            judged.weir.admin_port, "GET", "/metrics", None,
            {"Authorization": "Bearer " + judged.weir.token})[2].decode()
        want = ",".join(f'{name}="{value}"' for name, value in labels.items())
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines()
                   if line.startswith(f"weir_classifier_{what}{{{want}"))

    def both(what, **labels):
        return told(what, classifier="abuse", direction="request", **labels)
    before = (both("calls_total", verdict="allow"),
              both("calls_total", verdict="block"),
              both("calls_total", verdict="failed"),
              both("seconds_count"))
    judged.chat("abuse")
    judged.judge.bad = ("worm",)
    with pytest.raises(openai.PermissionDeniedError):
        judged.chat("abuse", "a worm")
    judged.judge.status = 500
    with pytest.raises(openai.InternalServerError):
        judged.chat("abuse")
    lab.wait_for(lambda: both("calls_total", verdict="failed") > before[2],
                 60, "the figures")
    assert both("calls_total", verdict="allow") >= before[0] + 1
    assert both("calls_total", verdict="block") >= before[1] + 1
    assert both("seconds_count") >= before[3] + 3
    assert both("failures_total", because="status") >= 1
    assert both("unheard_total", then="closed") >= 1
    assert both("asks_total") >= 3
