# SPDX-License-Identifier: Apache-2.0
"""Recorded replies of providers, and what each says, read by hand: the
dialect, the text, the calls of tools and the tokens."""
import json


class Said:
    """What a reply says, in no dialect."""

    def __init__(self):
        self.text = ""
        self.refusal = ""
        self.calls = []      # [name, arguments as text or object]
        self.usage = None    # input, cached, output, reasoning
        self.error = False

    def called(self):
        found = []
        for name, arguments in self.calls:
            if isinstance(arguments, str):
                try:
                    arguments = json.loads(arguments or "{}")
                except ValueError:
                    arguments = {"arguments": arguments}
            found.append((name, arguments))
        return found


def events_of(raw):
    """Data of each event of a stream of bytes, as text."""
    found = []
    for block in raw.replace(b"\r\n", b"\n").split(b"\n\n"):
        lines = [line[5:].strip() for line in block.split(b"\n")
                 if line.startswith(b"data:")]
        if lines:
            found.append(b"\n".join(lines).decode())
    return found


def dialect_of(first):
    """By the shape of a body or of a stream's first event; None: unknown."""
    if not isinstance(first, dict):
        return None
    if first.get("object") in ("chat.completion", "chat.completion.chunk"):
        return "chat"
    if first.get("object") == "response" or str(
            first.get("type", "")).startswith("response."):
        return "responses"
    if first.get("type") in ("message", "message_start"):
        return "messages"
    if "messageStart" in first or "stopReason" in first:
        return "converse"
    if "candidates" in first or ("usageMetadata" in first):
        return "gemini"
    if "choices" in first and "usage" in first:
        return "chat"
    return None


def text_of(content):
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content
                       if isinstance(part, dict) and
                       isinstance(part.get("text"), str))
    return content or ""


def chat_usage(usage):
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    if cached is None:
        cached = usage.get("prompt_cache_hit_tokens") or \
            usage.get("cached_tokens") or usage.get("num_cached_tokens") or \
            (usage.get("prompt_token_details") or {}).get("cached_tokens")
    thought = (usage.get("completion_tokens_details") or {}).get(
        "reasoning_tokens") or usage.get("reasoning_tokens") or 0
    said, asked = usage["completion_tokens"], usage["prompt_tokens"]
    # beside the answer, where the total shows it
    if thought and usage.get("total_tokens") == asked + said + thought:
        said += thought
    return asked, cached or 0, said, thought


def read_chat(events):
    said, order = Said(), []
    for event in events:
        usage = event.get("usage") or (event.get("x_groq") or {}).get("usage")
        if usage and "prompt_tokens" in usage:
            said.usage = chat_usage(usage)
        said.error = said.error or bool(event.get("error"))
        for choice in event.get("choices") or []:
            if choice.get("index", 0) != 0:
                continue
            whole = choice.get("message") is not None
            part = choice.get("message") or choice.get("delta") or {}
            said.text += text_of(part.get("content"))
            said.refusal += part.get("refusal") or ""
            for call in part.get("tool_calls") or []:
                function = call.get("function") or {}
                index = call.get("index")
                key = call.get("id") if whole or index is None else index
                if not order or (key not in order and key is not None):
                    order.append(key)
                    said.calls.append(["", ""])
                at = order.index(key) if key is not None else -1
                said.calls[at][0] = said.calls[at][0] or \
                    function.get("name") or ""
                arguments = function.get("arguments") or ""
                if isinstance(arguments, dict):
                    arguments = json.dumps(arguments)
                said.calls[at][1] += arguments
    return said


def messages_usage(usage, before):
    merged = {**(before or {}), **{k: v for k, v in usage.items()
                                   if v is not None}}
    return merged


def read_messages(events):
    said, usage, kinds = Said(), {}, {}
    for event in events:
        body = event.get("message") if event.get(
            "type") == "message_start" else event
        if event.get("type") == "error":
            said.error = True
        if body and body.get("usage"):
            usage = messages_usage(body["usage"], usage)
        for block in (body or {}).get("content") or []:
            if block["type"] == "text":
                said.text += block["text"]
            if block["type"] == "tool_use":
                said.calls.append([block["name"], block["input"]])
        if event.get("type") == "content_block_start":
            block = event["content_block"]
            kinds[event["index"]] = block["type"]
            if block["type"] == "text":
                said.text += block.get("text") or ""
            if block["type"] == "tool_use":
                said.calls.append([block["name"], ""])
        if event.get("type") == "content_block_delta":
            delta = event["delta"]
            if delta["type"] == "text_delta":
                said.text += delta["text"]
            if delta["type"] == "input_json_delta" and \
                    kinds[event["index"]] == "tool_use":
                said.calls[-1][1] += delta["partial_json"]
    if usage:
        cached = usage.get("cache_read_input_tokens") or 0
        said.usage = (usage["input_tokens"] + cached +
                      (usage.get("cache_creation_input_tokens") or 0),
                      cached, usage["output_tokens"], 0)
    return said


def read_responses(events):
    said = Said()
    bodies = [event.get("response") or event for event in events
              if event.get("object") == "response" or event.get("type") in
              ("response.completed", "response.incomplete",
               "response.failed")]
    if not bodies:
        said.error = True
        return said
    body = bodies[-1]
    said.error = bool(body.get("error"))
    streamed = len(events) > 1
    if streamed:
        for event in events:
            if event.get("type") == "response.output_text.delta":
                said.text += event["delta"]
            if event.get("type") == "response.refusal.delta":
                said.refusal += event["delta"]
    for item in body.get("output") or []:
        if item["type"] == "message" and not streamed:
            for part in item["content"]:
                said.text += part.get("text") or ""
                said.refusal += part.get("refusal") or ""
        if item["type"] == "function_call":
            said.calls.append([item["name"], item["arguments"]])
    usage = body.get("usage")
    if usage:
        said.usage = (usage["input_tokens"],
                      (usage.get("input_tokens_details") or {}).get(
                          "cached_tokens") or 0, usage["output_tokens"],
                      (usage.get("output_tokens_details") or {}).get(
                          "reasoning_tokens") or 0)
    return said


def read_gemini(events):
    said = Said()
    for event in events:
        said.error = said.error or "error" in event
        for candidate in event.get("candidates") or []:
            if candidate.get("index", 0) != 0:
                continue
            for part in (candidate.get("content") or {}).get("parts") or []:
                if "text" in part and not part.get("thought"):
                    said.text += part["text"]
                call = part.get("functionCall")
                if call and call.get("name"):
                    said.calls.append([call["name"], call.get("args") or {}])
        usage = event.get("usageMetadata") or {}
        if "promptTokenCount" in usage:
            thought = usage.get("thoughtsTokenCount", 0)
            said.usage = (usage["promptTokenCount"] +
                          usage.get("toolUsePromptTokenCount", 0),
                          usage.get("cachedContentTokenCount", 0),
                          usage.get("candidatesTokenCount", 0) + thought,
                          thought)
    return said


LAST = ("message_stop", "response.completed", "response.incomplete",
        "response.failed")
def read_converse(events):
    """Of boto3's events, or its whole reply; bodies as recorded too."""
    said = Said()
    for event in events:
        body = event.get("output", {}).get("message", {})
        for block in body.get("content", []):
            said.text += block.get("text", "")
            if "toolUse" in block:
                said.calls.append([block["toolUse"]["name"],
                                   block["toolUse"]["input"]])
        start = event.get("contentBlockStart", {}).get("start", {})
        if "toolUse" in start:
            said.calls.append([start["toolUse"]["name"], ""])
        delta = event.get("contentBlockDelta", {}).get("delta", {})
        said.text += delta.get("text", "")
        if "toolUse" in delta:
            said.calls[-1][1] += delta["toolUse"]["input"]
        usage = event.get("metadata", event).get("usage")
        if usage:
            cached = usage.get("cacheReadInputTokens") or 0
            said.usage = (usage["inputTokens"] + cached +
                          (usage.get("cacheWriteInputTokens") or 0), cached,
                          usage["outputTokens"], 0)
    return said


def frames_of(raw):
    """Binary frames as boto3 gives them: {type: payload}."""
    from botocore.eventstream import EventStreamBuffer
    buffer = EventStreamBuffer()
    buffer.add_data(raw)
    return [{frame.headers[":event-type"]: json.loads(frame.payload)}
            for frame in buffer]


READERS = {"converse": read_converse, "chat": read_chat, "messages": read_messages,
           "responses": read_responses, "gemini": read_gemini}


def framed(lines):
    """The framing put back that the second collection took off."""
    first = json.loads(lines[0])
    dialect = dialect_of(first)
    named = dialect in ("messages", "responses")
    raw = b""
    for line in lines:
        if named:
            raw += f"event: {json.loads(line)['type']}\n".encode()
        raw += b"data: " + line.encode() + b"\n\n"
    return raw + (b"data: [DONE]\n\n" if dialect == "chat" else b"")


def recordings(data):
    """(name, dialect, is_stream, bytes, Said) of each that can be read."""
    paths = sorted((data / "recordings").glob("*/*.body.sse")) + \
        sorted((data / "recordings").glob("*/*.body.eventstream")) + \
        sorted((data / "recordings").glob("*/json*.body.json")) + \
        sorted((data / "recordings-vercel").glob("*/*"))
    for path in paths:
        raw = path.read_bytes()
        name = f"{path.parent.parent.name}/{path.parent.name}/{path.name}"
        try:
            if path.name.endswith(".chunks.txt"):
                raw = framed([line for line in raw.decode().splitlines()
                              if line.strip()])
            is_binary = path.suffix == ".eventstream"
            stream = is_binary or path.suffix == ".sse" or path.name.endswith(".txt")
            events = frames_of(raw) if is_binary else [
                json.loads(event) for event in events_of(raw)
                if event != "[DONE]"] if stream else [json.loads(raw)]
        except ValueError:
            continue
        dialect = dialect_of(events[0]) if events else None
        # some files hold several replies, one behind the other
        last = next((i for i, event in enumerate(events)
                     if event.get("type") in LAST), len(events))
        events = events[:last + 1]
        if dialect:
            yield name, dialect, stream, raw, READERS[dialect](events)
