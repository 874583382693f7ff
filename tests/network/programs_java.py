# SPDX-License-Identifier: Apache-2.0
"""Java: its two clients of HTTP, its sockets, and its own idea of names."""

import pathlib

from net.table import program

JAVA = ("java -XX:-UsePerfData -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx64m "
        "-Djavax.net.ssl.trustStore={given}/trust.p12 -Djavax.net.ssl.trustStorePassword=changeit "
        "-cp {given} Reach ")
# The machine reserves addresses by the gigabyte, and its settings are links to this place.
FIELDS = {"reserves": True, "cpu_ms": 20000, "mem_mb": 512,
          "reads": sorted(pathlib.Path("/etc").glob("java-*-openjdk"))}
SITE = ["web.example.com:443"]

program("java: URL.openStream", JAVA + "url https://web.example.com/",
        "HTTP/1.1 web.example.com web.example.com\n", SITE, **FIELDS)
program("java: HttpClient, by HTTP/2", JAVA + "client https://web.example.com/",
        "HTTP/2.0 web.example.com web.example.com\n", SITE, **FIELDS)
program("java: a socket, closed half", JAVA + "socket talk.example.com 9", "4 bytes: java\n",
        ["talk.example.com:9"], **FIELDS)
