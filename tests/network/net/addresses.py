# SPDX-License-Identifier: Apache-2.0
"""Who is where on the internet. All addresses are of ranges that the proxy takes for public."""

WEB, WEB6, ONLY6 = "9.9.9.10", "2001:4860::10", "2001:4860::11"
DATABASE, SHELL, MAIL, TALK = "9.9.9.12", "9.9.9.13", "9.9.9.14", "9.9.9.15"
NGINX = "9.9.9.16"
PRIVATE = "10.77.0.5"
# Nobody may come here by a name, and by the address only where it is listed.
FORBIDDEN = (PRIVATE, "64:ff9b::a4d:5", "2002:a4d:5::1", "fd00:77::5", "100.64.0.9",
             "169.254.169.254", "100.100.100.200", "fd00:ec2::254")
IDN = "xn--bcher-kva.example"  # bücher.example

NAMES = {
    "web.example.com": [WEB, WEB6],
    "six.example.com": [ONLY6],
    "a.wild.example.com": [WEB],
    "b.c.wild.example.com": [WEB],
    IDN: [WEB],
    "db.example.com": [DATABASE],
    "ssh.example.com": [SHELL],
    "nginx.example.com": [NGINX],
    "mail.example.com": [MAIL],
    "talk.example.com": [TALK],
    "other.example.com": [WEB],
    "inner.example.com": [PRIVATE],
    "15.9.9.9.in-addr.arpa": ["talk.example.com"],
}
