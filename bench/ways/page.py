# SPDX-License-Identifier: Apache-2.0
"""What bench/egress prints, and the page that it writes."""
import os

from . import verdicts

STREAMS = ("1 stream", "16 streams")
PARTIES = ("client", "carrier", "server")
BROKEN_DOWN = ("direct", "least", "proxy")

PAGE = """# Performance of the egress proxy

Written by `bench/egress --page`: {rounds} rounds on Linux {kernel}, {cores} cores, TCP with
{congestion}, load {load:.1f} at the end. The same client and server each time: directly over the
loopback; out of a jail, by the proxy, without the client's knowledge and through the door; by the
least relay there can be, which splices and does nothing else; through slirp4netns and pasta, which
judge nothing; and out of srt's sandbox, through its proxies. Processor time is that of client,
server and whoever carries. The medians are this machine's; what says something about another are
the ratios, each the median of the rounds' own. What an allowlist adds to the start of a worker is
measured by `bench/run` ([performance.md](performance.md)).

"""
BREAKDOWN = """## Where the processor time goes

Seconds a GB of each party, and what the processors would allow if none ever waited, in GB/s: with
one stream each party is one thread, and the proxy is always. A share of time that the kernel spends
on behalf of a party, as for a packet that arrives, is counted to whoever runs just then.

"""
CALLS = """## System calls of the proxy

Counted by perf while the bytes go through, which slows each call. Calls that wait have no time.

"""
MISSED = """## What is missed

"""


def number(value, digits=4):
    return "-" if value is None else f"{value:.{digits}g}"


def table(lines):
    head, *rest = lines
    return "\n".join("| " + " | ".join(line) + " |"
                     for line in (head, ["---"] * len(head), *rest)) + "\n"


def figures(values):
    rows = [row for row in next(iter(values.values())) if not row.startswith("parties")]
    return [["", *values], *([row, *(number(verdicts.median(values, way, row)) for way in values)]
                             for row in rows)]


def breakdown(values):
    lines = [["", *PARTIES, "all", "at most GB/s", "measured GB/s"]]
    for streams in STREAMS:
        for way in BROKEN_DOWN:
            spent = verdicts.parties(values, way, streams)
            if spent:
                carried = verdicts.median(values, way, f"bytes/s, {streams}")
                lines.append([f"{way}, {streams}", *(f"{spent[party]:.3f}" for party in PARTIES),
                              f"{sum(spent.values()):.3f}",
                              f"{verdicts.most(values, way, streams):.2f}",
                              f"{carried / 1e9:.2f}"])
    return lines


def calls(counted):
    lines = [["", "calls a GB", "ms a GB"]]
    for streams, rows in counted.items():
        lines += [[f"{name}, {streams}", f"{count:.0f}", number(ms, 3)] for name, count, ms in rows]
    return lines


def results(values, idle):
    return list(verdicts.judge(values, idle))


def missed(values, idle):
    return [(what, measured, goal) for what, _, measured, verdict, goal in results(values, idle)
            if verdict.startswith("missed")]


def report(values, counted, idle):
    for lines in (figures(values), breakdown(values), calls(counted)):
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        for line in lines:
            print("  ".join(word.ljust(width) if i == 0 else word.rjust(width)
                            for i, (word, width) in enumerate(zip(line, widths))))
        print()
    for *said, goal in results(values, idle):
        print(": ".join(said))
        if said[-1].startswith("missed"):
            print(f"  {verdicts.words(values, goal)}")


def congestion():
    with open("/proc/sys/net/ipv4/tcp_congestion_control", encoding="ascii") as file:
        return file.read().strip()


def page(values, counted, idle, rounds):
    text = PAGE.format(rounds=rounds, kernel=os.uname().release, cores=os.cpu_count(),
                       congestion=congestion(), load=os.getloadavg()[0])
    text += table(figures(values))
    text += "\n" + table([["ratio", "goal", "measured", ""],
                          *(list(said) for *said, _ in results(values, idle))])
    if of_missed := missed(values, idle):
        text += "\n" + MISSED + "\n".join(f"- {what}, {measured}: {verdicts.words(values, goal)}"
                                          for what, measured, goal in of_missed) + "\n"
    text += "\n" + BREAKDOWN + table(breakdown(values))
    if any(counted.values()):
        text += "\n" + CALLS + table(calls(counted))
    return text
