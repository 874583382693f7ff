# SPDX-License-Identifier: Apache-2.0
"""What is said of a row of samples. All are kept: a slow one is a fact, and the median does not mind."""
import random


def quantile(samples, fraction):
    """Between the two nearest samples, as far as the fraction says."""
    ordered = sorted(samples)
    place = fraction * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median(samples):
    return quantile(samples, 0.5)


def p90(samples):
    return quantile(samples, 0.9)


def ratio(samples, reference):
    """Of the medians."""
    return median(samples) / median(reference)


def ratio_interval(samples, reference, draws=200, seed=1):
    """Where nine of ten ratios lie, were the rounds drawn anew (bootstrap). Rounds are kept
    together: what disturbed one row disturbed its neighbour."""
    draw = random.Random(seed)
    rounds = list(zip(samples, reference))
    ratios = []
    for _ in range(draws):
        drawn = draw.choices(rounds, k=len(rounds))
        ratios.append(ratio([a for a, _ in drawn], [b for _, b in drawn]))
    return quantile(ratios, 0.05), quantile(ratios, 0.95)
