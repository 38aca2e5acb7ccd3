#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes core/parties/screen_background.def: how common words of names are.

    background.py FIRMS PERSONS PROSE > core/parties/screen_background.def

FIRMS and PERSONS are names of the learning half, folded (screening_seen
--fold); PROSE is "word count" a line, of 60,000 short English texts (the
descriptions of Debian's packages); common_names.txt lies beside this file.
A word is taken to be as common as where it is most common. English words
that no name has are counted by what was measured: one that 32 texts have
is in one of 2,900 names of firms (11.5 bits), one that 8 have in one of
11,600.
"""
import collections
import math
import os
import re
import sys


def counts(path):
    count = collections.Counter()
    names = 0
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            names += 1
            count.update(set(line.split()))
    return count, names


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    bits = {}

    def take(word, value):
        if re.fullmatch("[a-z]{2,}", word):
            bits[word] = min(bits.get(word, 99), max(0, round(value)))

    for path in sys.argv[1:3]:
        count, names = counts(path)
        for word, times in count.items():
            if times >= 2:
                take(word, math.log2(names / times))
    with open(sys.argv[3], encoding="utf-8") as lines:
        for line in lines:
            word, times = line.split()
            if len(word) >= 3 and int(times) >= 8:
                take(word, 11.5 if int(times) >= 32 else 13.5)
    with open(os.path.join(here, "common_names.txt"), encoding="utf-8") as rows:
        for row in rows:
            kind, _, words = row.partition(": ")
            if kind in ("given", "family"):
                for word in words.split():
                    take(word, 9 if kind == "given" else 10)
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Written by bench/screening/background.py: words in order, each with"
          "\n * a letter, A for one in every name, B in every second one, C in"
          "\n * every fourth ... */")
    line = '"'
    for word in sorted(bits):
        item = word + chr(ord("A") + min(bits[word], 15)) + " "
        if len(line) + len(item) > 78:
            print(line + '"')
            line = '"'
        line += item
    print(line + '"')


main()
