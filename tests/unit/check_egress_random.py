#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Random hosts and addresses through the parser and the matcher of the proxy, against a reference
that is written otherwise: regular expressions, suffixes of split names, and Python's own registry
of special addresses.

usage: check_egress_random.py EGRESS_ASK [SEED]
"""
import ipaddress
import random
import re
import subprocess
import sys

HOSTS = 10000
ADDRESSES = 10000
ENTRIES = ["api.example.com:443", "*.example.com:443", "example.com:80", "*.b.example.org:8080",
           "b.example.org:443", "xn--mnchen-3ya.example:443", "my_host:22", "10.0.0.5:5432",
           "1.2.3.4:443", "*.co.uk:443", "a.b:443"]
PORTS = [443, 443, 443, 80, 8080, 22, 5432, 1, 65535]
LABEL = rb"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
NAME = re.compile(rb"(?=.{1,253}\Z)" + LABEL + rb"(?:\." + LABEL + rb")*\Z", re.S)
OCTET = rb"(?:0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])"
V4 = re.compile(OCTET + rb"(?:\." + OCTET + rb"){3}\Z")
NUMBER = re.compile(rb"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\Z", re.S)


def canonical(host):
    """The host's text, or None."""
    low = bytes(c + 32 if 65 <= c <= 90 else c for c in host)
    if V4.match(low):
        return low.decode()
    if low.endswith(b".") and len(low) > 1:
        low = low[:-1]
    if not NAME.match(low) or NUMBER.match(low):
        return None
    return low.decode()


def covers(pattern, host):
    if not pattern.startswith("*."):
        return pattern == host
    parts, below = host.split("."), pattern[2:].split(".")
    return not V4.match(host.encode()) and len(parts) > len(below) and parts[-len(below):] == below


def expected(host, port):
    text = canonical(host)
    if text is None:
        return "bad_name"
    hits = [entry for entry in ENTRIES if covers(entry.rpartition(":")[0], text)]
    right = [entry for entry in hits if int(entry.rpartition(":")[2]) == port]
    right.sort(key=lambda entry: entry.startswith("*."))
    address = bool(V4.match(text.encode()))
    known = int(bool(hits) and not address)
    if right:
        return f"allowed {text} {right[0]} {known}"
    if hits:
        return f"port_not_allowed {text} - {known}"
    return f"{'address' if address else 'host'}_not_allowed {text} - {known}"


def random_label(rng):
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(["api", "example", "com", "org", "b", "a", "co", "uk", "xn--mnchen-3ya",
                           "my_host", "x"]).encode()
    if kind < 0.7:
        return str(rng.choice([0, 1, 4, 5, 10, 127, 255, 256, 2130706433, 0x7f])).encode()
    if kind < 0.75:
        return rng.choice([b"0x7f", b"0X1", b"0x", b"0xg", b"01", b"0177", b"1a"])
    size = rng.choice([0, 1, 1, 2, 3, 8, 62, 63, 64, 200])
    return bytes(rng.choice(b"abcXYZ019-_") for _ in range(size))


def random_host(rng):
    kind = rng.random()
    if kind < 0.1:
        return bytes(rng.randrange(256) for _ in range(rng.choice([0, 1, 2, 3, 10, 300])))
    if kind < 0.4:
        host = rng.choice(ENTRIES).rpartition(":")[0].replace("*", "q").encode()
        host = host.upper() if rng.random() < 0.3 else host
        if rng.random() < 0.3:
            # Also glued on, so that the border of a label is missed.
            host = random_label(rng) + rng.choice([b".", b".", b""]) + host
    elif kind < 0.5:
        host = str(ipaddress.IPv4Address(rng.choice([0x0a000005, 0x01020304, rng.getrandbits(32)])))
        host = host.encode()
    else:
        host = b".".join(random_label(rng) for _ in range(rng.choice([1, 1, 2, 3, 4, 4, 5, 9])))
    if rng.random() < 0.2:
        host += b"."
    if rng.random() < 0.2:
        at = rng.randrange(len(host) + 1)
        extra = rng.choice([b"\0", b"\r\n", b"@", b"%", b" ", b".", b"..", b"-", b"\xef\xbc\x8e",
                            b"\xc3\xbc", b"/", b":", b"*", b"[", b"\x7f", b"\x80"])
        host = host[:at] + extra + host[at:]
    return host


EDGES = [net for text in (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 "
    "192.0.2.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 "
    "240.0.0.0/4 ::/96 ::ffff:0:0/96 64:ff9b::/96 100::/64 2001::/23 2001:db8::/32 2002::/16 "
    "fc00::/7 fe80::/10 fec0::/10 ff00::/8 2000::/3").split()
    for net in [ipaddress.ip_network(text)]]


def random_address(rng):
    if rng.random() < 0.5:
        net = rng.choice(EDGES)
        edge = rng.choice([int(net.network_address), int(net.broadcast_address)])
        number = edge + rng.randrange(-2, 3)
        return type(net.network_address)(min(max(number, 0), 2 ** net.max_prefixlen - 1))
    if rng.random() < 0.5:
        return ipaddress.IPv4Address(rng.getrandbits(32))
    return ipaddress.IPv6Address(0x2 << 124 | rng.getrandbits(125) if rng.random() < 0.7
                                 else rng.getrandbits(128))


# What Python's registry calls private or reserved must not be global here. The other way round the
# proxy is stricter, and each such class is known.
STRICTER = {"metadata", "6to4", "teredo", "isatap", "nat64", "multicast", "protocol",
            "v4_mapped", "v4_compatible", "v4_translated", "documentation", "reserved", "cgnat",
            "discard", "site_local"}


def wrong_class(address, answer):
    special = (not address.is_global or address.is_private or address.is_reserved or address.is_multicast or
               address.is_loopback or address.is_link_local or address.is_unspecified or
               getattr(address, "is_site_local", False))
    if special:
        return answer == "global"
    return answer != "global" and answer not in STRICTER


def report(number, name, problems):
    print(f"{'not ok' if problems else 'ok'} {number} - {name}")
    for problem in problems[:20]:
        print(f"# {problem}")
    return not problems


def main():
    seed = sys.argv[2] if len(sys.argv) > 2 else "egress"
    rng = random.Random(seed)
    hosts = [(random_host(rng), rng.choice(PORTS)) for _ in range(HOSTS)]
    addresses = [random_address(rng) for _ in range(ADDRESSES)]
    lines = [f"match {port} {host.hex()}" for host, port in hosts]
    lines += [f"class {address}" for address in addresses]
    answers = subprocess.run([sys.argv[1]] + ENTRIES, input="\n".join(lines) + "\n", text=True,
                             stdout=subprocess.PIPE, check=True).stdout.splitlines()
    print("1..3")
    wanted = [expected(host, port) for host, port in hosts]
    good = report(1, f"{HOSTS} random hosts, seed {seed}", [
        f"{host!r}:{port}: {answer!r}, reference: {want!r}"
        for (host, port), answer, want in zip(hosts, answers, wanted) if answer != want
    ] + ([] if len(answers) == len(lines) else [f"{len(answers)} answers to {len(lines)} lines"]))
    # The comparison is worth something only where every kind of answer comes often.
    kinds = [want.split()[0] for want in wanted]
    good &= report(2, "every kind of answer is among them", [
        f"{kind}: {kinds.count(kind)}" for kind in ("allowed", "bad_name", "host_not_allowed",
                                                    "port_not_allowed", "address_not_allowed")
        if kinds.count(kind) < 20])
    good &= report(3, f"{ADDRESSES} random addresses", [
        f"{address}: {answer}" for address, answer in zip(addresses, answers[HOSTS:])
        if wrong_class(address, answer)])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
