// SPDX-License-Identifier: Apache-2.0
// The web server: HTTP/1.1 and HTTP/2 by what the client offers, a certificate by the name that it
// asks for, git's own program for repositories.
// web.js DIRECTORY ADDRESS...
"use strict";

const { spawn } = require("child_process");
const crypto = require("crypto"), fs = require("fs"), http = require("http");
const http2 = require("http2"), tls = require("tls");

const [directory, ...addresses] = process.argv.slice(2);
const pair = name => ["key", "pem"].map(end => fs.readFileSync(`${directory}/keys/${name}.${end}`));
const secure = name => {
    const [key, cert] = pair(name);
    return tls.createSecureContext({ key, cert });
};
const web = secure("web"), wild = secure("wild");
const [key, cert] = pair("web");

function sum(request, response) {
    const hash = crypto.createHash("sha256");
    let bytes = 0;
    request.on("data", data => { bytes += data.length; hash.update(data); });
    request.on("end", () => response.end(`${bytes} ${hash.digest("hex").slice(0, 8)}\n`));
}

// The headers that git's program wrote, up to an empty line, and the rest of its output.
function pass(child, response) {
    let head = Buffer.alloc(0), sent = false;
    child.stdout.on("data", data => {
        if (sent)
            return response.write(data);
        head = Buffer.concat([head, data]);
        const end = head.indexOf("\r\n\r\n");
        if (end < 0)
            return;
        const lines = head.subarray(0, end).toString().split("\r\n").map(line => line.split(": "));
        const status = lines.find(([name]) => name === "Status");
        response.writeHead(status ? parseInt(status[1]) : 200,
            Object.fromEntries(lines.filter(line => line !== status)));
        response.write(head.subarray(end + 4));
        sent = true;
    });
    child.stdout.on("end", () => response.end());
}

function git(request, response, url) {
    const env = { ...process.env, GIT_PROJECT_ROOT: directory, GIT_HTTP_EXPORT_ALL: "1",
        HOME: `${directory}/home`, PATH_INFO: url.pathname, QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method, REMOTE_ADDR: request.socket.remoteAddress };
    for (const [variable, header] of [["CONTENT_TYPE", "content-type"],
        ["CONTENT_LENGTH", "content-length"], ["HTTP_CONTENT_ENCODING", "content-encoding"],
        ["GIT_PROTOCOL", "git-protocol"]])
        if (request.headers[header])
            env[variable] = request.headers[header];
    const child = spawn("git", ["http-backend"], { env, stdio: ["pipe", "pipe", "inherit"] });
    request.pipe(child.stdin);
    pass(child, response);
}

// A piece now and then, as a server of events does it.
function events(response) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    let count = 0;
    const timer = setInterval(() => {
        response.write(`data: ${++count}\n\n`);
        if (count === 4) {
            clearInterval(timer);
            response.end();
        }
    }, 100);
}

// Of registries of packages.
function file(response, path) {
    fs.readFile(`${directory}/site${path}`, (error, data) => {
        response.writeHead(error ? 404 : 200, path.endsWith("/page") ?
            { "content-type": "text/html" } : {});
        response.end(data);
    });
}

function answer(request, response) {
    const host = request.headers[":authority"] || request.headers.host;
    const url = new URL(request.url, "http://none");
    if (url.pathname.startsWith("/git/"))
        return git(request, response, url);
    if (/^\/(npm|pip)\/[\w./-]+$/.test(url.pathname))
        return file(response, url.pathname.endsWith("/") ? url.pathname + "page" : url.pathname);
    if (url.pathname === "/events")
        return events(response);
    if (url.pathname === "/sum")
        return sum(request, response);
    if (url.pathname === "/to") {
        response.writeHead(302, { location: decodeURIComponent(url.search.slice(1)) });
        return response.end();
    }
    if (url.pathname === "/large")
        return response.end(Buffer.alloc(parseInt(url.search.slice(1)), "x"));
    const name = request.socket.encrypted ? request.socket.servername || "no name" : "no TLS";
    response.end(`HTTP/${request.httpVersion} ${host} ${name}\n`);
}

const options = { key, cert, allowHTTP1: true,
    SNICallback: (name, done) => done(null, name.endsWith(".wild.example.com") ? wild : web) };
for (const address of addresses) {
    http2.createSecureServer(options, answer).listen(443, address);
    http.createServer(answer).listen(80, address);
}
