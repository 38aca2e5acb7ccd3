#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Learns core/parties/screen_points.def from what the matcher sees.

    learn.py [--test SEEN] SEEN

SEEN is what screening_seen writes of the learning half, with the points of
now; the file of points is rewritten. With --test, recall and false hits of
the other half are printed; nothing is learnt from it.

A logistic regression over counts of features, fitted by Adam with a pull
towards the points of before. Constraints, so that points mean something
where few names were seen:

  * a rarer or longer word that is equal is never worth less; no edit, no
    word left over and no change of order is ever worth more than nothing;
  * of two words left over the rarer one never costs less; more words left
    over never cost less;
  * groups of which each name has just one feature have 0 as their best.

The points of a score of 850 are those that no more than one in a thousand
strangers of any kind reach, of the learning half; kinds of which there are
few do not decide.
"""
import argparse
import os
import re
import textwrap

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
POINTS = os.path.join(HERE, "../../core/parties/screen_points.def")
ROUNDS = 300
STRANGERS = 100  # kinds from here on
REAL = 102  # names of the first file
FALSE_SHARE = 0.001
FEW = 5000
SLOPE = 250  # of a score, for 1,000 points
LEFTOVER_POINTS = 600
WHOLE = ("SHAPE", "SUBJECT", "INEXACT")
NEVER_GOOD = ("JOINED", "TYPO", "SOUND", "ROUGH", "SKELETON", "QUERY_LEFT",
              "NAME_LEFT", "WEAK", "SURNAME_LEFT", "TURNED")


class Points:
    """The file: groups in order, each with its first feature and values."""

    def __init__(self):
        self.groups = {}
        self.count = 0
        values = []
        with open(POINTS, encoding="utf-8") as text:
            rows = re.finditer(r"GROUP\((\w+), (\d+),([^)]*)\)", text.read())
        for row in rows:
            size = int(row[2])
            self.groups[row[1]] = (self.count, size)
            self.count += size
            values += [int(value) / 100 for value in row[3].split(",")]
        self.before = np.array(values)

    def part(self, name):
        first, size = self.groups[name]
        return slice(first, first + size)

    def write(self, values, at_850):
        lines = ["/* SPDX-License-Identifier: Apache-2.0 */",
                 "/* Written by bench/screening/learn.py; see screen_points.h"
                 " and .c. */"]
        for name, (_, size) in self.groups.items():
            points = ", ".join(str(int(round(value * 100)))
                               for value in values[self.part(name)])
            lines.append(f"GROUP({name}, {size},")
            lines += textwrap.wrap(points + ")", 76, initial_indent="      ",
                                   subsequent_indent="      ")
        for name, value in (("POINTS_AT_850", round(at_850 * 100)),
                            ("SLOPE", SLOPE),
                            ("LEFTOVER_POINTS", LEFTOVER_POINTS)):
            lines.append(f"CONSTANT({name}, {int(value)})")
        with open(POINTS, "w", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")


class Seen:
    def __init__(self, path):
        query, kind, true, score, features, sizes = [], [], [], [], [], []
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                row = [int(item) for item in line.split()]
                query.append(row[0])
                kind.append(row[1])
                true.append(row[2])
                score.append(row[3])
                sizes.append(len(row) - 4)
                features += row[4:]
        self.query = np.array(query)
        self.kind = np.array(kind)
        self.true = np.array(true, dtype=float)
        self.whole = np.array(score) == 1000
        self.features = np.array(features, dtype=np.int32)
        self.rows = np.repeat(np.arange(len(sizes)), sizes)
        self.empty = np.array(sizes) == 0

    def sums(self, values):
        return np.bincount(self.rows, values[self.features],
                           minlength=len(self.query))

    def best(self, values, kind):
        """Of each name of a kind, the points of the best name beside it."""
        sums = self.sums(values)
        sums[self.empty] = -1e6
        sums[self.whole] = 1e6
        mine = self.kind == kind
        _, place = np.unique(self.query[mine], return_inverse=True)
        best = np.full(place.max() + 1, -1e6)
        np.maximum.at(best, place, sums[mine])
        return best


def monotone(table, axis):
    """Halfway between the running most and the least of what follows."""
    up = np.maximum.accumulate(table, axis=axis)
    down = np.flip(np.minimum.accumulate(np.flip(table, axis), axis=axis),
                   axis)
    return (up + down) / 2


def project(points, values):
    values = values.copy()
    for name in NEVER_GOOD:
        part = points.part(name)
        values[part] = np.minimum(values[part], 0)
    for name in ("EQUAL", "INITIAL"):
        part = points.part(name)
        values[part] = np.maximum(values[part], 0)
    part = points.part("EQUAL")
    table = values[part].reshape(8, 11)
    for axis in (0, 1, 0, 1):
        table = monotone(table, axis)
    table = np.maximum.accumulate(np.maximum.accumulate(table, 0), 1)
    values[part] = table.ravel()
    for name in ("QUERY_LEFT", "NAME_LEFT"):
        part = points.part(name)
        table = -monotone(-values[part].reshape(2, 8, 3), 1)
        values[part] = np.minimum.accumulate(table, 1).ravel()
    part = points.part("SHAPE")
    table = values[part].reshape(4, 4, 4)
    for axis in (0, 1):
        table = -monotone(-table, axis)
    values[part] = table.ravel()
    # there are too few aircraft to learn of: as vessels
    subject = points.part("SUBJECT").start
    values[subject + 8:subject + 10] = values[subject + 6:subject + 8]
    for name in WHOLE:
        part = points.part(name)
        values[part] -= values[part].max()
    return values


def smooth(points, values):
    """The slope of half the squared steps between neighbours of EQUAL."""
    slope = np.zeros(points.count)
    part = points.part("EQUAL")
    table = values[part].reshape(8, 11)
    own = np.zeros_like(table)
    own[1:] += np.diff(table, axis=0)
    own[:-1] -= np.diff(table, axis=0)
    own[:, 1:] += np.diff(table, axis=1)
    own[:, :-1] -= np.diff(table, axis=1)
    slope[part] = 3 * own.ravel()
    return slope


def learn(points, seen):
    values = points.before.copy()
    bias = -2.0
    weight = (~seen.whole & ~seen.empty).astype(float)
    total = weight.sum()
    mean = np.zeros(points.count + 1)
    square = np.zeros(points.count + 1)
    for turn in range(ROUNDS):
        odds = seen.sums(values) + bias
        error = (1 / (1 + np.exp(-np.clip(odds, -30, 30))) - seen.true) * weight
        slope = np.bincount(seen.features, error[seen.rows],
                            minlength=points.count)
        slope += 1e-5 * total * (values - points.before)
        slope += smooth(points, values)
        slope = np.append(slope, error.sum()) / total
        mean = 0.9 * mean + 0.1 * slope
        square = 0.99 * square + 0.01 * slope * slope
        step = 0.05 * (1 if turn < 180 else 0.3 if turn < 255 else 0.1)
        move = step * (mean / (1 - 0.9 ** (turn + 1))) / (
            np.sqrt(square / (1 - 0.99 ** (turn + 1))) + 1e-8)
        values = project(points, values - move[:-1])
        bias -= move[-1]
    return values


def reached_by(seen, values, share, kind=REAL):
    best = np.sort(seen.best(values, kind))
    return best[-int(len(best) * share) - 1]


def strict(seen, values):
    kinds = [kind for kind in sorted(set(seen.kind)) if kind >= STRANGERS]
    return max(reached_by(seen, values, FALSE_SHARE, kind) for kind in kinds
               if len(seen.best(values, kind)) >= FEW)


def report(title, seen, values):
    limits = [reached_by(seen, values, share)
              for share in (0.0005, 0.001, 0.002, 0.005)]
    print(title, "points", " ".join(f"{limit:.2f}" for limit in limits))
    for kind in sorted(set(seen.kind)):
        best = seen.best(values, kind)
        print(f"{kind:4d} {len(best):6d} ",
              " ".join(f"{np.mean(best > limit):.4f}" for limit in limits))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--test")
    parser.add_argument("seen")
    arguments = parser.parse_args()
    points = Points()
    seen = Seen(arguments.seen)
    values = learn(points, seen)
    report("learnt on", seen, values)
    points.write(values, strict(seen, values))
    if arguments.test:
        report("other half", Seen(arguments.test), values)


main()
