# SPDX-License-Identifier: Apache-2.0
"""Node, whose fetch() knows no proxy variable."""

import re

from net.table import program

# V8 reserves addresses by the gigabyte.
NODE = {"reserves": True, "cpu_ms": 3000, "env": {"NODE_EXTRA_CA_CERTS": "{given}/ca.pem"}}
SITE = ["web.example.com:443"]

FETCH = """
fetch("https://web.example.com/").then(answer => answer.text())
    .then(text => process.stdout.write(text))
    .catch(error => { console.error(error.cause); process.exit(1); });
"""
AGENT = """
const https = require("https"), agent = new https.Agent({ keepAlive: true });
const get = () => new Promise((done, failed) => https.get("https://web.example.com/", { agent },
    answer => answer.resume().on("end", () => done(answer.req.reusedSocket))).on("error", failed));
get().then(first => get().then(second => console.log(first, second))).finally(() => agent.destroy())
    .catch(error => { console.error(error); process.exit(1); });
"""
HTTP2 = """
const session = require("http2").connect("https://web.example.com");
session.on("error", error => { console.error(error); process.exit(1); });
const one = path => new Promise(done => {
    let text = "";
    session.request({ ":path": path }).on("data", data => { text += data; })
        .on("end", () => done(text.length));
});
Promise.all(["/", "/large?70000", "/large?300000"].map(one)).then(sizes => {
    console.log(...sizes);
    session.close();
});
"""
NET = """
const stream = require("net").connect(9, "talk.example.com");
stream.on("error", error => { console.error(error.code); process.exit(1); });
stream.on("data", data => process.stdout.write(data));
stream.end("from node");
"""
# dns.lookup() is the C library's, the others are c-ares's.
DNS = """
const dns = require("dns").promises, name = "web.example.com";
Promise.all([dns.lookup(name), dns.resolve4(name), dns.resolve6(name)])
    .then(found => console.log(found[0].address, ...found[1], ...found[2]))
    .catch(error => { console.error(error.code); process.exit(1); });
"""

NPM = ("d=$(mktemp -d); trap 'rm -rf $d' EXIT; cd $d; "
       "npm install --loglevel error --no-audit --no-fund --no-update-notifier --fetch-retries 0 "
       "--cache $d/cache --cafile {given}/ca.pem --registry https://web.example.com/npm/ greet "
       ">&2; node -e 'require(\"greet\")'")

program("npm install", ["sh", "-ec", NPM], "hello from npm\n", SITE, needs=["npm", "node"],
        reserves=True, mem_mb=256, cpu_ms=10000,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp"})
program("node: fetch", ["node", "-e", FETCH], "HTTP/1.1 web.example.com web.example.com\n", SITE,
        **NODE)
program("node: https with a connection that is kept", ["node", "-e", AGENT], "false true\n", SITE,
        **NODE)
program("node: http2, three streams at once", ["node", "-e", HTTP2], "45 70000 300000\n", SITE,
        **NODE)
program("node: net, closed half", ["node", "-e", NET], "9 bytes: edon morf\n",
        ["talk.example.com:9"], **NODE)
program("node: dns, of the C library and of c-ares", ["node", "-e", DNS],
        "198.18.0.1 198.18.0.1 2001:2:0:1::1\n", SITE, reaches=("web.example.com", 0),
        outside=re.compile(r"(9\.9\.9\.10|2001:4860::10) 9\.9\.9\.10 2001:4860::10\n"),
        **NODE)
