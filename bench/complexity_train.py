#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Finds the weights of core/route/complexity.c in labelled prompts.

    bench/complexity_train.py WEIR [--write core/route/complexity_weights.h]

WEIR is the program: features come from `weir complexity --json`, so that what
is trained is what runs. Labels are by kind of source under
$WEIR_DATA/prompts: customer service, classification and short questions to a
database are routine; programs are complex; people's chats have no label.
Logistic regression by plain gradient descent, then rounded to integers.
Printed: accuracy on a fifth held back, and, for each source, of weights that
never saw it, which is the honest figure.
"""
import argparse
import json
import math
import os
import pathlib
import random
import subprocess
import sys

ROUTINE = {"customer-support", "classification", "text-to-sql"}
COMPLEX = {"code-instruct", "eval-suite-code", "seed-task",
           "self-instruct-generator"}
SOFT = 1000
SCALE = 100  # of a weight: 100 is one unit of log-odds per 100 of a feature
TURNS, TOOLS, SCHEMA, EFFORT = 12, 13, 14, 15
# no prompt of the corpus has these: set by hand, log-odds at their full count
BY_HAND = {TURNS: 50, TOOLS: 150, SCHEMA: 50, EFFORT: 300}


def prompts(data):
    for path in sorted((data / "prompts").glob("*.jsonl.zst")):
        text = subprocess.run(["zstd", "-dcq", str(path)], check=True,
                              capture_output=True).stdout.decode()
        for line in text.splitlines():
            row = json.loads(line)
            label = (0 if row["kind"] in ROUTINE else
                     1 if row["kind"] in COMPLEX else None)
            yield path.name.split(".")[0], label, row["prompt"]


def features(weir, texts):
    lines = "".join(json.dumps({"messages": [
        {"role": "user", "content": text}]}) + "\n" for text in texts)
    done = subprocess.run([weir, "complexity", "--json"], input=lines,
                          check=True, capture_output=True, text=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return ([[value / 100 for value in row["features"].values()]
             for row in rows], [row["score"] for row in rows])


def train(rows, labels, seed=1, steps=12):
    dice = random.Random(seed)
    count = len(rows[0])
    weights, bias = [0.0] * count, 0.0
    order = list(range(len(rows)))
    ones = sum(labels) / len(labels)
    for step in range(steps):
        rate = 0.3 / (1 + step)
        dice.shuffle(order)
        for i in order:
            row, label = rows[i], labels[i]
            z = bias + sum(w * x for w, x in zip(weights, row))
            p = 1 / (1 + math.exp(-max(-30, min(30, z))))
            # both classes weigh the same
            pull = rate * (label - p) * (0.5 / ones if label
                                         else 0.5 / (1 - ones))
            bias += pull
            for j, x in enumerate(row):
                if x:
                    weights[j] += pull * x - rate * 1e-5 * weights[j]
    return bias, weights


def right(model, rows, labels):
    bias, weights = model
    hits = sum((bias + sum(w * x for w, x in zip(weights, row)) > 0) ==
               bool(label) for row, label in zip(rows, labels))
    return hits / len(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weir")
    parser.add_argument("--write", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=0,
                        help="at most so many prompts of a source")
    wish = parser.parse_args()
    data = pathlib.Path(os.environ.get("WEIR_DATA", "../shared/data"))
    if not (data / "prompts").is_dir():
        print("SKIPPED: no prompts under", data)
        return 0
    taken = {}
    chosen = []
    for row in prompts(data):
        taken[row[0]] = taken.get(row[0], 0) + 1
        if not wish.size or taken[row[0]] <= wish.size:
            chosen.append(row)
    rows, scores = features(wish.weir, [text for _, _, text in chosen])
    known = [i for i, row in enumerate(chosen) if row[1] is not None]
    random.Random(7).shuffle(known)
    cut = len(known) // 5

    def pick(which):
        return [rows[i] for i in which], [chosen[i][1] for i in which]

    held = right(train(*pick(known[cut:])), *pick(known[:cut]))
    print(f"{len(known)} prompts; held back a fifth: {held:.3f} right")
    for name in sorted(taken):
        inside = [i for i in known if chosen[i][0] == name]
        if inside:
            model = train(*pick([i for i in known if chosen[i][0] != name]))
            print(f"  {name:42} {len(inside):6} {right(model, *pick(inside)):.3f}"
                  " by weights that never saw it")
    bias, weights = train(*pick(known))
    for number, value in BY_HAND.items():
        weights[number] = value / 100
    whole = [round(w * SCALE) for w in weights]
    start = round(bias * SCALE * 100)
    # one unit of log-odds is 10,000: half way to the end at 2.5 of them
    if wish.write:
        wish.write.write_text(f"""\
/* SPDX-License-Identifier: Apache-2.0 */
/* Made by bench/complexity_train.py; do not edit. */
#ifndef WEIR_COMPLEXITY_WEIGHTS_H
#define WEIR_COMPLEXITY_WEIGHTS_H

#include <stdint.h>

/* Log-odds of 2.5 are half way from 500 to either end. */
#define COMPLEXITY_SOFT 25000
static const int32_t complexity_bias = {start};
static const int32_t complexity_weights[16] = {{
    {', '.join(map(str, whole[:8]))},
    {', '.join(map(str, whole[8:]))}}};

#endif
""")
    for name in sorted(taken):
        some = sorted(scores[i] for i, row in enumerate(chosen)
                      if row[0] == name)
        print(f"  {name:42} scores now: p10 {some[len(some) // 10]}, median "
              f"{some[len(some) // 2]}, p90 {some[len(some) * 9 // 10]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
