#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A year of spending, made of the calls of two real traces.

    bench/year.py [CALLS_A_DAY] > year.csv

Each day draws its calls from the Azure code trace and the Mooncake
conversation trace ($WEIR_DATA): tokens in and out as they were. How many is
made up: growth of each group of its own, a week with quiet weekends, holidays,
days of a batch, an outage, and a launch that doubles one group. DAY,GROUP,
AMOUNT, at list prices in force from the first of each quarter.
"""
import datetime
import json
import os
import pathlib
import random
import subprocess
import sys

GROUPS = {                 # growth a year, weekend's share, noise, trace
    "copilot": (1.8, 0.25, 0.08, "azure"),
    "assistant": (1.3, 0.8, 0.06, "mooncake"),
    "batch": (1.0, 0.9, 0.35, "azure"),
    "launch": (1.5, 0.6, 0.10, "mooncake"),
}
PRICES = {"azure": ((3, 15), (3, 15), (2.5, 12), (2.5, 12)),
          "mooncake": ((0.6, 2.5), (0.6, 2.5), (0.6, 2.5), (0.5, 2.2))}


def traces():
    data = pathlib.Path(os.environ.get(
        "WEIR_DATA", pathlib.Path(__file__).parents[1] / "../shared/data"))

    def lines(name):
        return subprocess.run(["zstd", "-qdc", data / "traces" / name],
                              check=True, stdout=subprocess.PIPE,
                              text=True).stdout.splitlines()
    azure = [tuple(map(int, line.split(",")[1:3]))
             for line in lines("azure-llm-2023-code.csv.zst")[1:]]
    moon = [(row["input_length"], row["output_length"]) for row in map(
        json.loads, lines("mooncake-conversation.jsonl.zst"))]
    return {"azure": azure, "mooncake": moon}


def main():
    a_day = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    draw, calls = random.Random(7), traces()
    first = datetime.date(2025, 1, 1)
    print("day,group,amount")
    for number in range(365):
        day = first + datetime.timedelta(days=number)
        for group, (growth, weekend, noise, trace) in GROUPS.items():
            count = a_day * growth ** (number / 365)
            count *= weekend if day.weekday() >= 5 else 1
            count *= 0.4 if (day.month, day.day) >= (12, 22) else 1
            count *= 0.75 if day.month == 8 and group != "batch" else 1
            count *= draw.lognormvariate(0, noise)
            count *= 6 if group == "batch" and draw.random() < 0.02 else 1
            count *= 0.1 if number == 200 else 1
            count *= 2 if group == "launch" and number >= 240 else 1
            into, out = PRICES[trace][(day.month - 1) // 3]
            spent = sum(a * into + b * out for a, b in draw.choices(
                calls[trace], k=max(1, round(count))))
            print(f"{day},{group},{round(spent) / 1e6:.6f}")


main()
