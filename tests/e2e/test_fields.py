# SPDX-License-Identifier: Apache-2.0
"""No member of a request is lost in silence.

Each member that the makers describe, and each of its values, in each chat
surface, is sent to an origin of each dialect, twice: with it and without. It
must arrive (the origin hears something else), be refused by its name, or
stand in NOTHING below: what asks for nothing. In the same dialect all of it
arrives as it was sent. With WEIR_FIELDS=FILE the table of
docs/measured/fields.md is written behind what is there.
"""
import collections
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import described  # noqa: E402
import lab  # noqa: E402

TARGETS = ["compatible", "responses", "messages", "gemini", "converse"]
PROVIDERS = {"compatible": "compatible", "responses": "responses",
             "messages": "anthropic", "gemini": "gemini",
             "converse": "bedrock_key"}
SAME = {"chat": "compatible", "responses": "responses", "messages":
        "messages", "gemini": "gemini", "converse": "converse"}
OPAQUE = ("schema", "parameters", "input_schema", "parametersJsonSchema",
          "responseJsonSchema", "responseSchema", "args", "input_examples",
          "logit_bias", "definition", "tool_changes", "json", "labels",
          "requestMetadata", "metadata")
TOOL = {"type": "object", "properties": {"place": {"type": "string"}}}

# Members that ask for nothing of an origin: surface, pattern, why.
NOTHING = [
    # What happens anyway.
    ("*", r"service_tier\.=(auto|default)", "the usual level of service"),
    ("chat", r"modalities(\.\[\]\.=text)?", "text"),
    ("chat", r"response_format", "text"),
    ("chat", r"messages\.\[\]\.\|system",
     "stands where a developer's message stands"),
    ("chat", r"logprobs\.=false", "none"),
    ("*", r"(store|background)\.=false", "nothing is kept"),
    ("*", r"parallel_tool_calls\.=true", "the usual"),
    ("*", r".*\.disable_parallel_tool_use\.=false", "the usual"),
    ("*", r".*\.strict\.=false", "the usual"),
    ("*", r".*\.detail\.=auto", "the usual"),
    ("*", r"stream_options(\.include_usage\.=(true|false))?",
     "what weir's own stream tells"),
    ("*", r"stream_options\.include_obfuscation\.=false", "no padding"),
    ("responses", r"truncation\.=disabled", "the usual"),
    ("responses", r"reasoning(\.context\.=auto)?", "the usual"),
    ("responses", r"reasoning\.(generate_)?summary\.=auto",
     "reasoning is shown wherever the origin gives it"),
    ("responses", r"text(\.format|\.verbosity\.=medium)?", "the usual"),
    ("responses", r"text\.format\.\|json_schema\.strict\.=true",
     "these dialects keep to every schema"),
    ("chat", r"response_format\.\|json_schema\.json_schema\.strict.*",
     "these dialects keep to every schema"),
    ("responses", r".*\|json_schema\.name", "a label"),
    ("chat", r".*\|json_schema\.json_schema\.name", "a label"),
    ("*", r".*\.(caller|allowed_callers(\.\[\]\.=direct)?)",
     "the model itself calls"),
    ("*", r".*\.(defer_loading|eager_input_streaming|is_error|"
     r"streamFunctionCallArguments|includeServerSideToolInvocations|"
     r"responseLogprobs|includeThoughts|enabled)\.=false", "the usual"),
    ("messages", r".*\.eager_input_streaming\.=true",
     "what comes is streamed as it comes"),
    ("messages", r"service_tier\.=auto", "the usual"),
    ("messages", r".*\.display\.=summarized", "the usual"),
    ("messages", r"tools\.\[\]\..*\.type\.=custom", "the usual"),
    ("responses", r".*\|message\.type\.=message", "the usual"),
    ("gemini", r"contents\.\[\]\.role|systemInstruction\.role",
     "the user's, unless said"),
    ("gemini", r".*\.behavior\.=(UNSPECIFIED|BLOCKING)", "the usual"),
    ("gemini", r".*\.mode\.=MODE_UNSPECIFIED", "the usual"),
    ("gemini", r".*\.includeThoughts\.=true",
     "reasoning is shown wherever the origin gives it"),
    ("converse", r".*\.status\.=success", "the usual"),
    ("converse", r".*\.format\.=txt", "text, unless said"),
    ("*", r"reasoning(_effort\.|\.effort\.)=none",
     "these models do not reason unless asked"),
    # What an answer says about itself, when it comes back.
    ("responses", r"input\..*\.(id|phase\..*|status\..*)", "of an answer"),
    ("responses", r".*\|output_text\.(annotations|logprobs).*",
     "of an answer"),
    ("messages", r"(.*\|text|system\.\|array\.\[\])\.citations.*",
     "of an answer"),
    ("responses", r"input\..*\|reasoning\.content",
     "the summary said the same"),
    ("responses", r"input\..*\|function_call_output\.name",
     "its call names the tool"),
    # Results are told by their tool's name and place there.
    ("*", r".*(tool_call_id|\|function\.id|call_id|tool_use_id|\|tool_use\.id|"
     r"toolUseId)", "weir matches results to calls"),
]

# Members that are objects are tried empty too, which says nothing.
EMPTY = re.compile(r".*\b(contents|systemInstruction|toolConfig|"
                   r"retrievalConfig|functionCallingConfig|generationConfig|"
                   r"thinkingConfig|response|transformations|citations|"
                   r"output_config|block_binding|error|inferenceConfig|"
                   r"outputConfig)")

# ---------------------------------------------------------- whole requests

def as_chat(body):
    said = [{"role": "user", "content": "hi"}]
    for message in body.get("messages", []):
        if message.get("role") == "tool":
            said.append({"role": "assistant", "tool_calls": [
                {"id": message["tool_call_id"], "type": "function",
                 "function": {"name": "weather", "arguments": "{}"}}]})
        said.append(message)
    return {"tools": [{"type": "function", "function": {
        "name": "weather", "parameters": TOOL}}],
        "max_completion_tokens": 9000, **body, "messages": said}


def as_responses(body):
    items = body.get("input", [])
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    said = [{"role": "user", "content": "hi"}]
    for item in items:
        if item.get("type") == "function_call_output":
            said.append({"type": "function_call", "name": "weather",
                         "call_id": item.setdefault("call_id", "c1"),
                         "arguments": "{}"})
        said.append(item)
    return {"tools": [{"type": "function", "name": "weather",
                       "parameters": TOOL, "strict": False}],
            "max_output_tokens": 9000, **body, "input": said}


def as_messages(body):
    said = [{"role": "user", "content": "hi"}]
    for message in body.get("messages", []):
        blocks = message.get("content")
        for block in blocks if isinstance(blocks, list) else []:
            if block.get("type") == "tool_result":
                said.append({"role": "assistant", "content": [
                    {"type": "tool_use", "id": block["tool_use_id"],
                     "name": "weather", "input": {}}]})
        said.append(message)
    return {"tools": [{"name": "weather", "input_schema": TOOL}],
            **body, "max_tokens": body.get("max_tokens", 9000),
            "messages": said}


def as_gemini(body):
    said = [{"role": "user", "parts": [{"text": "hi"}]}]
    for content in body.get("contents") or []:
        for part in content.get("parts", []):
            if "functionResponse" in part:
                said.append({"role": "model", "parts": [{"functionCall": {
                    key: value for key, value in
                    (("id", part["functionResponse"].get("id")),
                     ("name", "weather")) if value}}]})
                part["functionResponse"].setdefault("name", "weather")
                part["functionResponse"].setdefault("response", {"a": 1})
            if "functionCall" in part:
                part["functionCall"].setdefault("name", "weather")
        if content.get("parts"):
            said.append({"role": "user", **content})
    made = {"tools": [{"functionDeclarations": [
        {"name": "weather", "parametersJsonSchema": TOOL}]}], **body,
        "contents": said}
    config = {"maxOutputTokens": 9000, **(body.get("generationConfig") or {})}
    return {**made, "generationConfig": config}


def as_converse(body):
    said = [{"role": "user", "content": [{"text": "hi"}]}]
    for message in body.get("messages", []):
        for block in message.get("content", []):
            if "cachePoint" in block:
                message["content"] = [{"text": "before"}, block]
            if "toolResult" in block:
                said.append({"role": "assistant", "content": [{"toolUse": {
                    "toolUseId": block["toolResult"]["toolUseId"],
                    "name": "weather", "input": {}}}]})
        said.append(message)
    system = body.get("system", [])
    if [list(block) for block in system] == [["cachePoint"]]:
        body["system"] = [{"text": "before"}, *system]
    return {"toolConfig": {"tools": [{"toolSpec": {
        "name": "weather", "inputSchema": {"json": TOOL}}}]}, **body,
        "messages": said, "inferenceConfig": {
            "maxTokens": 9000, **body.get("inferenceConfig", {})}}


SURFACES = {
    "chat": ("/v1/chat/completions", as_chat),
    "responses": ("/v1/responses", as_responses),
    "messages": ("/v1/messages", as_messages),
    "gemini": ("/v1beta/models/m:generateContent", as_gemini),
    "converse": ("/model/m/converse", as_converse)}


class Asker:
    """weir-translator: the parsers, readers and writers of a gateway."""

    def __init__(self):
        self.child = subprocess.Popen(
            [lab.program("weir-translator")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        self.known = {}

    def tell(self, kind, provider, path, status, body):
        """("ok" or "no", bytes)"""
        self.child.stdin.write(f"{kind} {provider} {path} {status} "
                               f"{len(body)}\n".encode() + body)
        self.child.stdin.flush()
        line = self.child.stdout.readline().split()
        assert line, (kind, provider, path, body)
        self.dropped = None
        told = self.child.stdout.read(int(line[1]))
        self.dropped = self.child.stdout.read(int(line[2])).decode()
        return line[0].decode(), told

    def ask(self, surface, target, body):
        """(what the origin would hear, None) or (None, what the client
        would be told)."""
        path, complete = SURFACES[surface]
        body = complete(json.loads(json.dumps(body)))
        if surface not in ("gemini", "converse"):
            body["model"] = "m"
        text = json.dumps(body)
        if (target, text) not in self.known:
            word, told = self.tell("request", PROVIDERS[target], path, 0,
                                   text.encode())
            if word == "ok":
                heard = json.loads(told)
                heard.pop("model", None)
                if self.dropped:
                    heard["weir-dropped"] = self.dropped
                self.known[target, text] = heard, None
            else:
                self.known[target, text] = None, told.decode()
        return self.known[target, text]

    def stop(self):
        self.child.stdin.close()
        assert self.child.wait() == 0


def keys_of(value):
    if isinstance(value, dict):
        return set(value).union(*map(keys_of, value.values()))
    if isinstance(value, list):
        return set().union(*map(keys_of, value))
    return set()


def names_of(path):
    return [re.sub(r"^[|=]", "", word) for word in path if word != "[]"]


def is_named(told, path, more, less):
    """A refusal may call a member by its name, its parents', its value's or
    that of a member which only the longer request has."""
    names = [*names_of(path), *(keys_of(more) - keys_of(less))]
    told = told.replace("\\", "").lower()
    return any(name and name.lower() in told for name in names)


@pytest.fixture(scope="module")
def asker():
    if lab.data_dir() is None:
        pytest.skip("WEIR_DATA is absent: no API descriptions")
    made = Asker()
    yield made
    made.stop()


def description(surface):
    data = lab.data_dir()
    if surface == "chat":
        return described.of_openai(data, "CreateChatCompletionRequest")
    if surface == "responses":
        return described.of_openai(data, "CreateResponse")
    return {"messages": described.of_anthropic, "gemini":
            described.of_gemini, "converse": described.of_bedrock}[surface]()


def samples(surface):
    root, whole = description(surface)
    for path, more, less in described.Walker(whole, OPAQUE).additions(root):
        if path[0] in ("model", "stream"):
            continue
        if more != less:
            yield path, more, {} if less is None else less


def asks_for_nothing(surface, path):
    name = ".".join(path)
    return EMPTY.fullmatch(name) or any(
        where in (surface, "*") and re.fullmatch(pattern, name)
        for where, pattern, _ in NOTHING)


def classify(asker, surface, target, path, more, less):
    heard, told = asker.ask(surface, target, more)
    if told is not None:
        return "refused" if is_named(told, path, more, less) else "unnamed", \
            told
    if target == SAME[surface]:
        sent = SURFACES[surface][1](json.loads(json.dumps(more)))
        sent.pop("model", None)
        return ("expressed", None) if heard == sent else ("changed", heard)
    before, refused = asker.ask(surface, target, less)
    if refused is not None:
        return "expressed", None    # alone it is not known; with it it is
    if heard != before:
        return "expressed", None
    if set(names_of(path)) & set(heard.get("weir-dropped", "").split(", ")):
        return "noted", None
    return ("nothing" if asks_for_nothing(surface, path) else "lost"), None


def is_below(path, pruned):
    return any(path[:len(head)] == head for head in pruned)


def put_rows(place, surface, table):
    names = {"chat": "OpenAI chat", "compatible": "OpenAI chat",
             "responses": "OpenAI Responses", "messages":
             "Anthropic Messages", "gemini": "Gemini",
             "converse": "Bedrock Converse"}
    with open(place, "a", encoding="utf-8") as out:
        for target in TARGETS:
            of = table[target]
            out.write(f"| {names[surface]} | {names[target]} | "
                      f"{of['expressed']} | {of['refused']} | {of['noted']} "
                      f"| {of['nothing']} | {of['lost'] + of['unnamed']} |\n")


@pytest.mark.parametrize("surface", list(SURFACES))
def test_members_arrive_or_are_refused_by_name(asker, surface):
    faults = []
    table = collections.defaultdict(collections.Counter)
    every = list(samples(surface))
    for target in TARGETS:
        pruned = []
        for path, more, less in every:
            if is_below(path, pruned):
                continue
            verdict, why = classify(asker, surface, target, path, more, less)
            table[target][verdict] += 1
            if verdict == "refused" and not path[-1].startswith("="):
                pruned.append(path)
            if verdict in ("lost", "unnamed", "changed"):
                faults.append(f"{surface} to {target}: {'.'.join(path)} "
                              f"{verdict} {str(why)[:200] if why else ''}")
    if os.environ.get("WEIR_FIELDS"):
        put_rows(os.environ["WEIR_FIELDS"], surface, table)
    assert not faults, f"{len(faults)} of {len(every)}\n" + "\n".join(faults)


def test_results_out_of_order_are_those_of_their_calls(asker):
    """Gemini knows a result by its function's name and its place."""
    calls = [{"id": one, "type": "function", "function": {
        "name": "weather", "arguments": json.dumps({"place": one})}}
        for one in ("a", "b", "c")]
    word, told = asker.tell(
        "request", "gemini", "/v1/chat/completions", 0, json.dumps({
            "model": "m", "messages": [
                {"role": "assistant", "tool_calls": calls},
                *({"role": "tool", "tool_call_id": one, "content": "of " + one}
                  for one in ("c", "a", "b"))]}).encode())
    assert word == "ok", told
    heard = json.loads(told)
    said = [part["functionResponse"]["response"]["result"]
            for part in heard["contents"][-1]["parts"]]
    assert said == ["of a", "of b", "of c"]


def test_what_is_new_inside_is_refused_by_its_place(asker):
    """A member that no maker has described yet, in each kind of object."""
    for surface, body, name in [
            ("chat", {"messages": [{"role": "user", "newest": 1,
                                    "content": "x"}]}, "messages.newest"),
            ("responses", {"input": [{"role": "user", "newest": 1,
                                      "content": "x"}]}, "input.newest"),
            ("messages", {"messages": [{"role": "user", "content": [
                {"type": "text", "text": "x", "newest": 1}]}]},
             "text.newest"),
            ("gemini", {"contents": [{"parts": [
                {"text": "x", "newest": 1}]}]}, "parts.newest"),
            ("converse", {"toolConfig": {"newest": 1, "tools": [
                {"toolSpec": {"name": "w", "inputSchema": {"json": {}}}}]},
                "messages": []}, "toolConfig.newest")]:
        for target in TARGETS:
            heard, told = asker.ask(surface, target, body)
            if target == SAME[surface]:
                assert "newest" in json.dumps(heard)
            else:
                assert f"{name} of " in told, (surface, target, told)
