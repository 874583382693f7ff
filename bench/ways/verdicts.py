# SPDX-License-Identifier: Apache-2.0
"""The goals of bench/egress, what became of them, and what there is to say where one is missed."""
import os
import statistics

# way, row, against, at most (-1) or at least (1), bound
GOALS = [
    ("proxy", "bytes/s, 1 stream", "direct", 1, 0.5),
    ("proxy", "bytes/s, 16 streams", "direct", 1, 0.5),
    ("proxy", "CPU s/GB, 1 stream", "direct", -1, 2),
    ("proxy", "CPU s/GB, 16 streams", "direct", -1, 2),
    ("proxy", "connect and request, p50 us", "direct", -1, 2.5),
    ("proxy", "connections/s", "direct", 1, 0.5),
    ("proxy", "bytes/s, 1 stream", "srt", 1, 10),
    ("proxy", "bytes/s, 1 stream", "slirp4netns", 1, 1.4),
    ("proxy", "bytes/s, 1 stream", "pasta", 1, 1.4),
]
IDLE_BYTES = 1024  # of the proxy's memory, for an idle connection


def pairs(values, way, against, row):
    """Of the rounds in which both have a value, and that of the second is not nothing."""
    return [(a, b) for a, b in zip(values.get(against, {}).get(row, []),
                                   values.get(way, {}).get(row, []))
            if a and b is not None]


def ratio(values, way, against, row):
    of = [b / a for a, b in pairs(values, way, against, row)]
    return statistics.median(of) if of else None


def median(values, way, row):
    of = [value for value in values.get(way, {}).get(row, []) if value is not None]
    return statistics.median(of) if of else None


def left_out(values, way, against, row):
    """What is said of rounds that no ratio could be made of."""
    rounds = len(values.get(way, {}).get(row, []))
    missing = rounds - len(pairs(values, way, against, row))
    return f"; {missing} of {rounds} rounds left out: {against} carried nothing" if missing else ""


def judge(values, idle):
    """(what, goal, what was measured, verdict, the goal itself) of each."""
    for goal in GOALS:
        way, row, against, sign, bound = goal
        found = ratio(values, way, against, row)
        wanted = f"{'at least' if sign > 0 else 'at most'} {bound}"
        if found is None:
            yield f"{row}, {way} / {against}", wanted, "-", "not measured", goal
            continue
        verdict = "met" if found * sign >= bound * sign else "missed"
        yield (f"{row}, {way} / {against}", wanted, f"{found:.2f}",
               verdict + left_out(values, way, against, row), goal)
    yield ("bytes of the proxy's memory, an idle connection", f"at most {IDLE_BYTES}",
           "-" if idle is None else f"{idle:.0f}",
           "not measured" if idle is None else "met" if idle <= IDLE_BYTES else "missed", None)


def parties(values, way, streams):
    """{party: CPU seconds a GB}, medians of the rounds."""
    of = [each for each in values.get(way, {}).get(f"parties, {streams}", []) if each]
    return {party: statistics.median(each[party] for each in of) for party in of[0]} if of else {}


def most(values, way, streams):
    """GB/s that the processors allow, if they never wait: all of them for all of it, and one for
    the busiest of the parties, as with one stream each is one thread; with more, the proxy is."""
    spent = parties(values, way, streams)
    alone = max(spent.values()) if streams == "1 stream" else spent.get("carrier", 0)
    return min(os.cpu_count() / sum(spent.values()), 1 / alone if alone else float("inf"))


def of_throughput(values, row, bound):
    streams = row.split(", ", 1)[1]
    direct = median(values, "direct", row)
    said = []
    for way, name in (("proxy", "The proxy's way"), ("least", "The least relay's")):
        if parties(values, way, streams):
            share = most(values, way, streams) * 1e9 / direct
            reached = ratio(values, way, "direct", row)
            said.append(f"{name} takes {sum(parties(values, way, streams).values()):.2f} s of "
                        f"processor time a GB, so that {os.cpu_count()} processors that never wait "
                        f"would carry {share:.2f} of the direct throughput; it reaches "
                        f"{reached:.2f}.")
    return " ".join(said) + f" The goal is {bound}."


def of_processor_time(values, row, bound):
    least = ratio(values, "least", "direct", row)
    if least is None:
        return f"More than {bound} times the processor time of the direct way."
    return (f"A relay that does nothing but splice, without a rule or a limit, takes {least:.2f} "
            f"times the direct way's: what is above that is the proxy's own.")


def of_peer(values, row, against, bound):
    limit = ratio(values, "direct", against, row)
    if limit is None:
        return f"The direct way was not measured, which tells what {against} leaves to be had."
    return (f"The direct way, without anybody in between, is {limit:.1f} times as fast as "
            f"{against} here, so that the goal asks for {bound / limit:.2f} of the direct "
            f"throughput, where the goal against that is 0.5.")


def words(values, goal):
    """Why it is missed, as far as the figures tell."""
    if goal is None:
        return "An idle connection holds its state and nothing else; see struct flow."
    _, row, against, _, bound = goal
    if against != "direct":
        return of_peer(values, row, against, bound)
    if row.startswith("bytes/s"):
        return of_throughput(values, row, bound)
    if row.startswith("CPU s/GB"):
        return of_processor_time(values, row, bound)
    return ("A connection through the proxy is two, each with its handshake and its end, and a "
            "decision between them.")
