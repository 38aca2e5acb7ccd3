#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a prompt counts beside its text, by provider.

    bench/framing.py WEIR_PROGRAM

Takes the recorded calls ($WEIR_DATA/recordings) that are text only, counts
their texts with o200k_base and holds that against the usage the provider
told: the framing where it is the provider's own vocabulary, a ratio where it
is not. Prints medians, and how far nine of ten calls lie from them.
"""
import collections
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("WEIR_DATA", ROOT / "../shared/data"))


def texts(value):
    """Strings of content, or None where something is no text."""
    if isinstance(value, str):
        return [value]
    found = []
    for part in value or []:
        text = part.get("text") if isinstance(part, dict) else None
        if not isinstance(text, str):
            return None
        found.append(text)
    return found


def prompt(body):
    """Texts and number of messages of a request without tools."""
    if any(body.get(name) for name in (
            "tools", "functions", "response_format", "output_config",
            "toolConfig", "generationConfig", "text", "instructions",
            "previous_response_id", "reasoning", "thinking")):
        return None
    rows = body.get("messages") or body.get("contents")
    if rows is None and isinstance(body.get("input"), (str, list)):
        rows = body["input"] if isinstance(body["input"], list) else [
            {"content": body["input"]}]
    if not isinstance(rows, list):
        return None
    found = []
    for row in [{"content": body.get("system")}] + rows if body.get(
            "system") else rows:
        content = row.get("content", row.get("parts"))
        parts = texts(content) if content is not None else None
        if parts is None or row.get("tool_calls"):
            return None
        found += parts
    return found, len(rows) + bool(body.get("system"))


NAMES = ("prompt_tokens", "input_tokens", "inputTokens", "promptTokenCount")


def counted(reply):
    most = 0
    for name in NAMES:
        for match in re.finditer(rf'"{name}"\s*:\s*(\d+)', reply):
            most = max(most, int(match[1]))
    return most


def main():
    program = sys.argv[1]
    rows = []
    for line in (DATA / "recordings/index.tsv").read_text().splitlines()[1:]:
        provider, kind, _, _, _, _, stem = line.split("\t")[:7]
        meta = DATA / "recordings" / provider / f"{stem}.meta.json"
        if not meta.exists():
            meta = DATA / "recordings" / f"{stem}.meta.json"
        if kind == "error" or not meta.exists():
            continue
        body = json.loads(meta.read_text()).get("request_body") or json.loads(
            meta.read_text()).get("request", {}).get("body")
        body = json.loads(body) if isinstance(body, str) else body
        told = prompt(body) if isinstance(body, dict) else None
        reply = next((path.read_text(errors="replace") for path in
                      meta.parent.glob(meta.name.replace(".meta.json",
                                                         ".body.*"))), "")
        if told and counted(reply):
            rows.append((provider, told[0], told[1], counted(reply),
                         body.get("model", "")))
    lines = "".join(json.dumps({"text": text}) + "\n"
                    for _, found, _, _, _ in rows for text in found)
    counts = iter(map(int, subprocess.run(
        [program, "tokens", "-e", "o200k_base"], input=lines, text=True,
        check=True, stdout=subprocess.PIPE).stdout.split()))
    by = collections.defaultdict(list)
    for provider, found, messages, usage, model in rows:
        by[provider].append((sum(next(counts) for _ in found), messages, usage))
    print(f"{len(rows)} recorded prompts of text alone")
    for provider, calls in sorted(by.items()):
        beside = sorted((usage - text) / messages
                        for text, messages, usage in calls)
        ratio = sorted(usage / (text + 4 * messages)
                       for text, messages, usage in calls)
        tenth = len(calls) // 10
        print(f"{provider:16} {len(calls):4} calls  beside the text, each "
              f"message: {statistics.median(beside):7.1f} "
              f"({beside[tenth]:.1f} to {beside[-1 - tenth]:.1f})  usage by "
              f"(text + 4 a message): {statistics.median(ratio):.3f} "
              f"({ratio[tenth]:.3f} to {ratio[-1 - tenth]:.3f})")


main()
