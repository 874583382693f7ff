# SPDX-License-Identifier: Apache-2.0
"""Node, npm, and two tool servers of the npm registry."""

import json

from harness import check
from table import program

# V8 reserves addresses by the gigabyte for code and for the heap.
NODE = {"needs": ["node"], "reserves": True}

WORKERS = """
const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
if (!isMainThread) {
    const shared = new Int32Array(workerData.shared);
    Atomics.add(shared, 0, workerData.number);
    parentPort.postMessage(workerData.number ** 2);
} else {
    const shared = new SharedArrayBuffer(4);
    const run = number => new Promise((done, failed) => {
        const worker = new Worker(__filename, { workerData: { number, shared } });
        worker.on("error", failed).on("message", done);
    });
    Promise.all([1, 2, 3].map(run)).then(squares =>
        console.log(squares.join(" "), new Int32Array(shared)[0]));
}
"""

CHILDREN = """
const { execFileSync, execSync, fork, spawn, spawnSync } = require("child_process");
if (process.argv[2] === "child") {
    process.on("message", word => { process.send(word.toUpperCase()); process.disconnect(); });
} else {
    console.log(execFileSync("echo", ["one"], { encoding: "utf8" }).trim());
    console.log(execSync("echo two | cat", { encoding: "utf8" }).trim());
    console.log(spawnSync("sh", ["-c", "exit 3"]).status, spawnSync("nothing").error.code);
    const cat = spawn("cat");
    cat.stdout.on("data", data => {
        console.log(String(data));
        const child = fork(__filename, ["child"]);
        child.on("message", word => console.log(word));
        child.on("exit", code => console.log("child", code));
        child.send("forked");
    });
    cat.stdin.end("three");
}
"""

LIBRARY = """
const crypto = require("crypto"), dns = require("dns"), fs = require("fs"), net = require("net");
const os = require("os"), zlib = require("zlib");
const dir = fs.mkdtempSync("/tmp/n-");
fs.writeFileSync(dir + "/f", "text");
console.log(fs.readFileSync(dir + "/f", "utf8"), os.userInfo().username, os.hostname());
console.log(zlib.gunzipSync(zlib.gzipSync("squeezed")).toString());
console.log(crypto.createHash("sha256").update("x").digest("hex").slice(0, 8));
console.log(crypto.generateKeyPairSync("ed25519").publicKey.asymmetricKeyType);
const watcher = fs.watch(dir, () => { watcher.close(); console.log("watched"); next(); });
setTimeout(() => fs.writeFileSync(dir + "/g", ""), 20);
function next() {
    net.connect(9, "127.0.0.1").on("error", error => {
        console.log(error.code);
        dns.lookup("example.invalid", error => console.log(error.code));
    });
}
"""


@program("node: worker threads", work=("rw", "the script"), **NODE)
def workers(job):
    job.file("w.js", WORKERS)
    job.says("node w.js", "1 4 9 6\n")


@program("node: child_process", work=("rw", "the script"), **NODE)
def children(job):
    job.file("c.js", CHILDREN)
    job.says("node c.js", "one\ntwo\n3 ENOENT\nthree\nFORKED\nchild 0\n")


@program("node: its library, and a refused network", **NODE)
def library(job):
    result = job.run("node", "-", stdin=LIBRARY.encode())
    check.equal(result.lines[:5], ["text worker kastellan", "squeezed", "2d711642", "ed25519",
                                   "watched"], "output")
    check.equal(result.lines[5], "EAFNOSUPPORT", "connecting")
    check.one_of(result.lines[6], ("EAI_AGAIN", "ENOTFOUND"), "looking up")


@program("npm: install of a local tarball", needs=["npm", "node"], reserves=True,
         work=("rw", "the project that it installs into"),
         env=({"PATH": "/usr/bin:/bin", "HOME": "/tmp"},
              "scripts find node by PATH; npm keeps its cache and logs in HOME"),
         mem_mb=(128, "all of npm is loaded, and its cache in /tmp is memory"),
         cpu_ms=(5000, "all of npm is loaded and compiled"))
def npm(job):
    job.file("lib/package.json", json.dumps(
        {"name": "greet", "version": "1.0.0", "main": "i.js", "bin": {"greet": "cli.js"},
         "scripts": {"prepack": "echo > made"}}))
    job.file("lib/i.js", "module.exports = name => `hello ${name}`;\n")
    job.file("lib/cli.js", "#!/usr/bin/env node\nconsole.log(require('./i')(process.argv[2]));\n")
    job.file("app/package.json", json.dumps(
        {"name": "app", "version": "1.0.0", "scripts": {"greet": "greet jail"}}))
    options = "--offline --no-audit --no-fund --no-update-notifier"
    job.says(["sh", "-c", "npm pack -s ./lib"], "greet-1.0.0.tgz\n")
    check.contains(job.run("npm", "--prefix", "app", "install", *options.split(),
                           f"{job.work}/greet-1.0.0.tgz", timeout=60).text, "added 1 package")
    check.true((job.work / "app/node_modules/greet/made").exists(), "its script has not run")
    job.says("npm --prefix app run -s greet", "hello jail\n")


SERVER = {"npm": True, **NODE,
          "cpu_ms": (3000, "some hundred modules are loaded and compiled")}


def main_of(job, name):
    return f"{job.packages}/node_modules/@modelcontextprotocol/{name}/dist/index.js"


@program("@modelcontextprotocol/server-filesystem", work=("rw", "the directory that it serves"),
         **SERVER)
def filesystem(job):
    job.file("note.txt", "served\n")
    secret = job.context.file("outside/secret.txt", "secret\n")
    server = job.server("node", main_of(job, "server-filesystem"), job.work)
    check.equal(server.initialize()["name"], "secure-filesystem-server", "server")
    wanted = {"read_text_file", "write_file", "list_directory", "search_files"}
    check.equal(wanted - server.tools(), set(), "tools that are missing")
    check.equal(server.call("read_text_file", path=f"{job.work}/note.txt"), ("served\n", False),
                "reading")
    check.equal(server.call("write_file", path=f"{job.work}/new", content="written")[1], False,
                "writing")
    check.equal(job.read("new"), "written", "what it wrote")
    check.contains(server.call("list_directory", path=str(job.work))[0], "[FILE] new")
    check.true(server.call("read_text_file", path=str(secret))[1], "it reads beyond its directory")
    server.close()


@program("@modelcontextprotocol/server-everything", **SERVER)
def everything(job):
    server = job.server("node", main_of(job, "server-everything"), "stdio")
    check.contains(server.initialize()["name"], "everything")
    check.true({"echo", "get-sum"} <= server.tools(), "tools are missing")
    check.equal(server.call("echo", message="in jail"), ("Echo: in jail", False), "echo")
    check.contains(server.call("get-sum", a=19, b=23)[0], "42")
    server.close()
