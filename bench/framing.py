#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What prompts and answers come to in tokens, by what was recorded.

    bench/framing.py BENCH_FACTORS [--pairs]

Reads every recorded call with usage ($WEIR_DATA/recordings and
recordings-vercel; the second have no requests, so their answers alone),
counts bytes as weir does (JSON of what the model reads; text, thinking and
arguments that it wrote) and gives them to bench_factors, which fits a line to
each family and says how far calls lie from the line of all others. Prompts
with pictures or files, and tools that providers run themselves (searches,
code), are left out: their tokens are not the prompt's. --pairs prints what
was read.
"""
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("WEIR_DATA", ROOT / "../shared/data"))
READ = ("messages", "input", "system", "systemInstruction", "contents",
        "prompt", "instructions", "tools", "functions", "response_format",
        "text", "toolConfig", "output_config", "system_instruction")
INPUT = ("prompt_tokens", "input_tokens", "inputTokens", "promptTokenCount")
OUTPUT = ("completion_tokens", "output_tokens", "outputTokens",
          "candidatesTokenCount")
BESIDE = ("cache_creation_input_tokens", "cache_read_input_tokens",
          "cacheReadInputTokens", "cacheWriteInputTokens")
REASONING = ("reasoning_tokens", "thoughtsTokenCount")
WRITTEN = ("text", "content", "thinking", "reasoning_content", "reasoning",
           "arguments", "partial_json", "input", "delta", "args")
MEDIA = re.compile(r'"(image_url|input_image|inlineData|fileData|file_data|'
                   r'input_file|document|image|input_audio|video)"')
FAMILIES = ("gpt-oss", "gpt", "o1", "o3", "o4", "claude", "gemini", "deepseek",
            "mistral", "magistral", "llama", "qwen", "command", "nova", "grok",
            "glm", "kimi", "sonar")


def size(value):
    return len(json.dumps(value, ensure_ascii=False,
                          separators=(",", ":")).encode())


def family(model):
    for name in FAMILIES:
        if re.search(rf"(^|[/.:]){name}", model):
            return {"o1": "gpt", "o3": "gpt", "o4": "gpt",
                    "magistral": "mistral"}.get(name, name)
    return None


def told(reply, names):
    return max((int(match[1]) for name in names for match in re.finditer(
        rf'"{name}"\s*:\s*(\d+)', reply)), default=0)


def runs_tools(text):
    """Tools of the provider's own: what they find is counted, too."""
    return re.search(r'"(web_search|code_execution|google_?search|url_?context|'
                     r'file_search|code_interpreter|web_fetch|mcp|computer|'
                     r'tool_search|image_generation|server_tool|memory|'
                     r'codeExecution|nova_grounding|x_search)', text, re.I)


def written(value, key=""):
    """Bytes of what the model wrote, in a whole reply or one event."""
    if isinstance(value, str):
        return size(value) - 2 if key in WRITTEN else 0
    if isinstance(value, list):
        return sum(written(one, key) for one in value)
    if not isinstance(value, dict):
        return 0
    kind = str(value.get("type", ""))
    if kind.endswith((".done", ".completed", ".created", ".in_progress")):
        return 0
    if key in ("input", "args") and "type" not in value:
        return size(value)
    return sum(written(one, name) for name, one in value.items())


def events(body):
    for line in body.splitlines():
        line = line.removeprefix("data:").strip()
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except ValueError:
                return


def answer(body):
    """Bytes that were written; 0: not readable."""
    try:
        return written(json.loads(body))
    except ValueError:
        return sum(map(written, events(body)))


def pairs_of(body, reply, model):
    if body and not MEDIA.search(json.dumps(body)) and not runs_tools(
            json.dumps(body.get("tools", "")) + reply):
        tokens = told(reply, INPUT) + (
            told(reply, BESIDE[:1]) + told(reply, BESIDE[1:2]) +
            told(reply, BESIDE[2:3]) + told(reply, BESIDE[3:]))
        if '"prompt_tokens_details"' in reply or '"input_tokens_details"' in \
                reply or '"promptTokenCount"' in reply:
            tokens = told(reply, INPUT)
        read = sum(size(body[name]) for name in READ if name in body)
        read += size(body.get("generationConfig", {}).get(
            "responseSchema", "")) - 2
        kind = "tools" if body.get("tools") or body.get("toolConfig") else \
            "prompt"
        if tokens and read:
            yield family(model), kind, read, tokens
    if not told(reply, REASONING) and not runs_tools(reply):
        wrote, tokens = answer(reply), told(reply, OUTPUT)
        if wrote >= 16 and tokens:
            yield family(model), "answer", wrote, tokens


def recorded():
    for path in sorted((DATA / "recordings").glob("*/*.meta.json")):
        meta = json.loads(path.read_text())
        body = meta["request"].get("body")
        reply = (path.parent / meta["body_file"]).read_bytes().decode(
            errors="replace")
        if meta["response"]["status"] != 200 or not isinstance(body, dict):
            continue
        if "embed" in meta["request"]["url"]:
            continue
        named = re.search(r"models?/([^/:?]+)", meta["request"]["url"])
        model = body.get("model") or (named[1] if named else "")
        yield meta["provider"], body, reply, str(model)
    index = DATA / "recordings-vercel/index.tsv"
    for row in index.read_text().splitlines()[1:]:
        provider, kind, _, _, usage, _, _, name = row.split("\t")
        if kind == "error" or usage != "y":
            continue
        reply = (index.parent / name).read_text(errors="replace")
        model = re.search(r'"(?:model|modelVersion)"\s*:\s*"([^"]+)"', reply)
        yield provider, None, reply, model[1] if model else provider


def main():
    rows = []
    for provider, body, reply, model in recorded():
        for name, kind, size_, tokens in pairs_of(body, reply, model):
            rows.append((provider, name, kind, size_, tokens, model))
    if "--pairs" in sys.argv:
        for row in rows:
            print(*row)
        return
    for what in (0, 1):  # by provider, then by family
        lines = "".join(f"{row[what]} {row[2]} {row[3]} {row[4]}\n"
                        for row in rows if row[what])
        print("by " + ("family" if what else "provider"), flush=True)
        subprocess.run([sys.argv[1]], input=lines, text=True, check=True)


main()
