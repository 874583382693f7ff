# SPDX-License-Identifier: Apache-2.0
"""Programs that ask for names. What they hear stands for the hosts that are listed, and is an
address of theirs only outside."""

import re

from net.table import program

ASKED = {"entries": ["web.example.com:443"], "reaches": ("web.example.com", 0)}

program("dig, over UDP", "dig +short web.example.com", "198.18.0.1\n", outside="9.9.9.10\n",
        **ASKED)
program("dig, over TCP", "dig +tcp +short web.example.com AAAA", "2001:2:0:1::1\n",
        outside="2001:4860::10\n", **ASKED)
program("dig, of a server that it names", "dig @9.9.9.53 +short web.example.com", "198.18.0.1\n",
        outside="9.9.9.10\n", **ASKED)
program("dig, from an address to its name",
        ["sh", "-ec", "dig +short -x $(dig +short talk.example.com)"], "talk.example.com.\n",
        ["talk.example.com:7"], reaches=("talk.example.com", 0), needs=["dig"])
program("nslookup", "nslookup -type=A web.example.com",
        re.compile(r".*Name:\tweb\.example\.com\nAddress: 198\.18\.0\.1\n\n", re.S),
        outside=re.compile(r".*\nAddress: 9\.9\.9\.10\n\n", re.S), **ASKED)
program("getent, both families", "getent ahosts web.example.com",
        re.compile(r"198\.18\.0\.1 +STREAM web\.example\.com\n.*\n2001:2:0:1::1 .*", re.S),
        outside=re.compile(r"(?s:.*)9\.9\.9\.10 .*\n(?s:.*)"), **ASKED)
