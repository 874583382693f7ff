# SPDX-License-Identifier: Apache-2.0
"""HTTP/3, which a jail does not carry: a real client at a real server, which is reached without a
jail. It ends by itself, no later than at a host that has no HTTP/3 (this one even asks for a socket
first that no jail has), nothing of it gets out, and TCP to the same host and port works in the same
jail. That a datagram is refused at once is tried by test_threats."""

import re

from harness import check
from harness.discover import test
from net import internet

SITE = "nginx.example.com:443"
CLIENT = ["/usr/bin/gtlsclient", "--exit-on-all-streams-close", "--timeout=3s",
          "--handshake-timeout=3s", "--no-quic-dump", "nginx.example.com"]
URI = "https://nginx.example.com/npm/greet"
GREETING = re.compile(rb"greet-1\.0\.0\.tgz")


def client(port):
    return [*CLIENT, str(port), URI]


def fetched(result):
    return bool(GREETING.search(result.stdout + result.stderr))


@test("a client of HTTP/3 gets nothing, ends by itself, and HTTP/2 works beside it")
def http3(t):
    control = t.control.run(client(443))
    check.true(fetched(control), f"control: without a jail it is served: {control.stderr[-300:]}")
    nobody = t.control.run(client(4443))
    check.true(not fetched(nobody), "control: where no server is")
    inside = t.jail.run(client(443), flags=["--net", SITE, "--cpu", "5s"])
    check.true(not fetched(inside), "in a jail")
    check.equal(inside.type, "exit", "how it ended")
    check.within(inside.seconds, 0, nobody.seconds + 3, "seconds")
    check.equal(inside.status["network"]["connections"], 0, "connections")
    script = '"$@" > /dev/null 2>&1; curl -sS --cacert "$CA" https://nginx.example.com/'
    both = ["/bin/sh", "-c", script, "sh", *client(443)]
    trusted = internet.place() / "ca.pem"
    result = t.jail.run(both, flags=["--net", SITE, "--cpu", "5s"], read=[internet.place()],
                        env={"CA": str(trusted), "PATH": "/usr/bin:/bin"})
    check.equal(result.text, "HTTP/2.0 nginx.example.com nginx.example.com\n", "HTTP/2 behind it")
