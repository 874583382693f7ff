# SPDX-License-Identifier: Apache-2.0
"""curl, which speaks most of what there is."""

from net.addresses import IDN, WEB, WEB6
from net.table import program

CURL = "curl -sS --cacert {given}/ca.pem "
SITE = ["web.example.com:443"]

program("curl: HTTP/2 over TLS", CURL + "https://web.example.com/",
        "HTTP/2.0 web.example.com web.example.com\n", SITE)
program("curl: HTTP/1.1 over TLS", CURL + "--http1.1 https://web.example.com/",
        "HTTP/1.1 web.example.com web.example.com\n", SITE)
program("curl: HTTP without TLS", "curl -sS http://web.example.com/",
        "HTTP/1.1 web.example.com no TLS\n", ["web.example.com:80"])
program("curl: IPv6 alone", CURL + "-6 https://web.example.com/",
        "HTTP/2.0 web.example.com web.example.com\n", SITE)
program("curl: a host that has only an IPv6 address", CURL + "https://six.example.com/",
        "HTTP/2.0 six.example.com six.example.com\n", ["six.example.com:443"])
program("curl: an international name", CURL + "https://bücher.example/",
        f"HTTP/2.0 {IDN} {IDN}\n", ["bücher.example:443"], reaches=(IDN, 443),
        env={"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"})
program("curl: a name below a wildcard", CURL + "https://a.wild.example.com/",
        "HTTP/2.0 a.wild.example.com a.wild.example.com\n", ["*.wild.example.com:443"],
        reaches=("a.wild.example.com", 443))
program("curl: an IPv4 address", CURL + f"https://{WEB}/", f"HTTP/2.0 {WEB} no name\n",
        [f"{WEB}:443"])
program("curl: an IPv6 address", f"curl -sS -g http://[{WEB6}]/", f"HTTP/1.1 [{WEB6}] no TLS\n",
        [f"[{WEB6}]:80"])
program("curl: a redirection to a second listed host",
        CURL + "-L https://web.example.com/to?https%3A%2F%2Fa.wild.example.com%2F",
        "HTTP/2.0 a.wild.example.com a.wild.example.com\n", [*SITE, "a.wild.example.com:443"])
program("curl: an upload of five megabytes",
        ["sh", "-c", "head -c 5000000 /dev/zero | "
         "curl -sS --cacert {given}/ca.pem --data-binary @- https://web.example.com/sum"],
        "5000000 b3978158\n", SITE, needs=["curl"])
program("curl: twenty transfers at once",
        CURL + "-Z --http1.1 --parallel-immediate --parallel-max 20 -o /dev/null "
        "-w %{http_code}:%{size_download}, https://web.example.com/large?100001&n=[1-20]",
        "200:100001," * 20, SITE)
program("curl: fast open, which a jail does not know",
        CURL + "--tcp-fastopen https://web.example.com/",
        "HTTP/2.0 web.example.com web.example.com\n", SITE)
program("curl: from a port that it chooses",
        "curl -sS --local-port 40000-40100 http://web.example.com/",
        "HTTP/1.1 web.example.com no TLS\n", ["web.example.com:80"])
program("curl: under the other profile", CURL + "https://web.example.com/",
        "HTTP/2.0 web.example.com web.example.com\n", SITE, profile="WorkerNetClient")
program("curl: mail by SMTP",
        "curl -sS --mail-from a@example.com --mail-rcpt b@example.com -T - "
        "smtp://mail.example.com/client -w %{response_code}", "250", ["mail.example.com:25"],
        stdin=b"Subject: one\r\n\r\ntext\r\n")
program("curl: told of the door by HTTPS_PROXY", CURL + "https://web.example.com/",
        "HTTP/2.0 web.example.com web.example.com\n", SITE,
        told={"HTTPS_PROXY": "http://127.0.0.1:1080"})
program("curl: told of the door by ALL_PROXY, as SOCKS5 with names",
        "curl -sS http://web.example.com/", "HTTP/1.1 web.example.com no TLS\n",
        ["web.example.com:80"], told={"ALL_PROXY": "socks5h://127.0.0.1:1080"})
