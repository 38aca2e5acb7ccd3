#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast are tokens counted, beside tiktoken and npm's gpt-tokenizer?

One thread each, the same texts, rounds paired; prints MB/s (median) and the
ratio to tiktoken. tiktoken comes from PyPI where it can be imported, and
gpt-tokenizer from .cache/tokenizer; what is absent is said and skipped.
Usage: bench/tokens.py WEIR_PROGRAM [TEXT_FILE...]
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RANKS = ROOT / ".cache/tokenizer/node_modules/gpt-tokenizer/data"
ROUNDS = 5
JS = """
const {readFileSync} = require('fs');
const t = require('%s/cjs/encoding/' + process.argv[2] + '.js');
const lines = readFileSync(process.argv[3], 'utf8').trimEnd().split('\\n')
    .map(l => JSON.parse(l).text);
let n = 0;
for (const l of lines.slice(0, 50)) n += t.encode(l).length;
n = 0;
const a = process.hrtime.bigint();
for (const l of lines) n += t.encode(l).length;
console.log(Number(process.hrtime.bigint() - a) / 1e9, n);
""" % RANKS.parent


def texts(files):
    if files:
        return [pathlib.Path(f).read_text(errors="replace") for f in files]
    data = pathlib.Path(os.environ.get("WEIR_DATA", ROOT / "../shared/data"))
    if not data.is_dir():
        return [(ROOT / "ARCHITECTURE.md").read_text()] * 500
    prompts = []
    for name in ("attack-codealpaca-new", "benign-bitext-customer-support",
                 "benign-human-instructionwild-user2", "benign-text2sql"):
        out = subprocess.run(["zstd", "-qdc", data / f"prompts/{name}.jsonl.zst"],
                             capture_output=True, check=True).stdout
        for line in out.decode().splitlines():
            row = json.loads(line)
            prompts.append(row["prompt"] + "\n" + (row.get("response") or ""))
    return prompts


def weir_seconds(program, encoding, path, empty):
    def run(file):
        started = time.perf_counter()
        out = subprocess.run([program, "tokens", "-e", encoding, file],
                             capture_output=True, check=True, cwd=ROOT).stdout
        return time.perf_counter() - started, sum(map(int, out.split()))
    base, _ = run(empty)
    took, count = run(path)
    return took - base, count


def main():
    program = sys.argv[1]
    lines = texts(sys.argv[2:])
    size = sum(len(t.encode()) for t in lines)
    with tempfile.TemporaryDirectory() as tmp:
        path, empty = f"{tmp}/in.jsonl", f"{tmp}/empty.jsonl"
        pathlib.Path(empty).write_text("")
        with open(path, "w") as out:
            out.writelines(json.dumps({"text": t}) + "\n" for t in lines)
        pathlib.Path(f"{tmp}/run.cjs").write_text(JS)
        print(f"{len(lines)} texts, {size / 1e6:.1f} MB, {ROUNDS} paired rounds")
        for encoding in ("cl100k_base", "o200k_base"):
            bench(program, encoding, lines, size, path, empty, tmp)


def bench(program, encoding, lines, size, path, empty, tmp):
    try:
        import tiktoken
        from tiktoken.load import load_tiktoken_bpe
        pattern = json.loads((ROOT / "bench/token_patterns.json").read_text())
        rust = tiktoken.Encoding(
            encoding, pat_str=pattern[encoding], special_tokens={},
            mergeable_ranks=load_tiktoken_bpe(str(RANKS / f"{encoding}.tiktoken")))
    except ImportError:
        print("skip: tiktoken is not installed")
        rust = None
    speeds = {"weir": [], "tiktoken": [], "gpt-tokenizer": []}
    counts = {}
    for _ in range(ROUNDS):
        took, counts["weir"] = weir_seconds(program, encoding, path, empty)
        speeds["weir"].append(size / took / 1e6)
        if rust:
            started = time.perf_counter()
            counts["tiktoken"] = sum(len(rust.encode_ordinary(t)) for t in lines)
            speeds["tiktoken"].append(size / (time.perf_counter() - started) / 1e6)
        js = subprocess.run(["node", f"{tmp}/run.cjs", encoding, path],
                            capture_output=True, text=True)
        if js.returncode == 0:
            took, count = js.stdout.split()
            counts["gpt-tokenizer"] = int(count)
            speeds["gpt-tokenizer"].append(size / float(took) / 1e6)
    base = statistics.median(speeds["tiktoken"] or [float("nan")])
    for name, values in speeds.items():
        if not values:
            print(f"{encoding:12} {name:14} skipped: not here")
            continue
        median = statistics.median(values)
        print(f"{encoding:12} {name:14} {median:8.1f} MB/s "
              f"[{min(values):.1f}-{max(values):.1f}]  "
              f"{median / base:5.1f} x tiktoken  {counts[name]} tokens")


main()
