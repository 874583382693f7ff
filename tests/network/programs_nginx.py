# SPDX-License-Identifier: Apache-2.0
"""Clients at a server of the kind that most of the web is served by."""

from net.table import program

SITE = ["nginx.example.com:443"]

program("curl at nginx: HTTP/2", "curl -sS --cacert {given}/ca.pem https://nginx.example.com/",
        "HTTP/2.0 nginx.example.com nginx.example.com\n", SITE)
program("curl at nginx: HTTP/1.1 without TLS", "curl -sS http://nginx.example.com/",
        "HTTP/1.1 nginx.example.com \n", ["nginx.example.com:80"])
program("wget at nginx", "wget -q -O - --no-hsts --ca-certificate {given}/ca.pem "
        "https://nginx.example.com/", "HTTP/1.1 nginx.example.com nginx.example.com\n", SITE)
program("curl at nginx: eight megabytes, and their sum",
        ["sh", "-c", "curl -sS --cacert {given}/ca.pem https://nginx.example.com/large | md5sum"],
        "57b019a28c426df5727b3992701bd2be  -\n", SITE, needs=["curl"])
program("node at nginx: fetch", ["node", "-e", """
fetch("https://nginx.example.com/").then(answer => answer.text())
    .then(text => process.stdout.write(text))
    .catch(error => { console.error(error.cause); process.exit(1); });
"""], "HTTP/1.1 nginx.example.com nginx.example.com\n", SITE, reserves=True, cpu_ms=3000,
        env={"NODE_EXTRA_CA_CERTS": "{given}/ca.pem"})
