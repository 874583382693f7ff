# SPDX-License-Identifier: Apache-2.0
"""Rows of a table, measured round robin: each round takes every row once, in an order drawn anew, so
that whatever disturbs the machine disturbs all rows alike."""
import random
import time

from . import statistics


class Row:
    """measure() gives one sample, in microseconds, or raises Absent with the reason."""

    def __init__(self, name, measure, reference=None):
        self.name = name
        self.measure = measure
        self.reference = reference
        self.samples = []
        self.absent = None


class Absent(Exception):
    pass


class Patience:
    """Until when the least that a median needs is waited for; then one sample has to do."""
    least = 3
    end = float("inf")


def rounds(samples, seconds, uncounted=0):
    """That many numbers, or as many as there is time for, but the least that there have to be."""
    end = time.monotonic() + seconds
    for number in range(samples):
        now = time.monotonic()
        if number >= uncounted + (Patience.least if now < Patience.end else 1) and now > end:
            return
        yield number


def measure(rows, samples, seconds, seed=1):
    """One round warms up and finds what does not run; it is not counted."""
    for row in rows:
        try:
            row.measure()
        except Absent as reason:
            row.absent = str(reason)
    present = [row for row in rows if not row.absent]
    order = random.Random(seed)
    for _ in rounds(samples, seconds):
        order.shuffle(present)
        for row in present:
            row.samples.append(row.measure())


def summary(rows):
    """A dictionary a row: the medians are this machine's, the ratios are what can be compared."""
    by_name = {row.name: row for row in rows}
    result = []
    for row in rows:
        said = {"name": row.name, "reference": row.reference, "absent": row.absent}
        if row.samples:
            said.update(samples=len(row.samples), median_us=statistics.median(row.samples),
                        p90_us=statistics.p90(row.samples))
            reference = by_name.get(row.reference)
            if reference and reference.samples:
                low, high = statistics.ratio_interval(row.samples, reference.samples)
                said.update(ratio=statistics.ratio(row.samples, reference.samples), ratio_low=low,
                            ratio_high=high)
        result.append(said)
    return result
