// SPDX-License-Identifier: Apache-2.0
// What the tests of this directory share: where things lie, connected clients, and the runner.
//
// Settings, which run writes: {kastellan: [command and options], node, packages, examples, policies,
// work, secret}
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

export const set = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
export const npm = name => [set.node, path.join(set.packages,
    `node_modules/@modelcontextprotocol/server-${name}/dist/index.js`)];
const own = name => ["/usr/bin/python3", path.join(set.examples, `${name}_server.py`)];
export const commands = {
    filesystem: [...npm("filesystem"), set.work],
    everything: [...npm("everything"), "stdio"],
    memory: npm("memory"),
    "sequential-thinking": npm("sequential-thinking"),
    git: own("git"),
    python: own("python"),
    fetch: own("fetch"),
};

export const confined = (name, { command = commands[name], policy = name, options = [] } = {}) =>
    [...set.kastellan, "-p", path.join(set.policies, `${policy}.json`), ...options, "--", ...command];

const open = [];

export async function connect(command, setup = () => {}) {
    const client = new Client({ name: "tests", version: "1" },
        { capabilities: { sampling: {} } });
    setup(client);
    const transport = new StdioClientTransport(
        { command: command[0], args: command.slice(1), env: process.env, stderr: "pipe", cwd: set.work });
    client.said = "";
    transport.stderr.on("data", data => { client.said += data; });
    open.push(client);
    await client.connect(transport);
    return client;
}

export async function call(client, name, args = {}, options = undefined) {
    const result = await client.callTool({ name, arguments: args }, undefined, options);
    return { text: result.content.map(part => part.text ?? "").join(""), failed: !!result.isError,
        denied: result._meta?.["kastellan/denied"] };
}

// Progress as it comes, by token. The client's own handler ends with the answer, which may be read
// together with what came before it.
export function progressOf(client) {
    const steps = {};
    const take = client.transport.onmessage;
    client.transport.onmessage = (message, ...rest) => {
        if (message.method === "notifications/progress")
            steps[message.params.progressToken] = (steps[message.params.progressToken] ?? 0) + 1;
        return take(message, ...rest);
    };
    return steps;
}

// Whether a process of this host, in a jail or not, has that in its arguments.
export const runs = mark => fs.readdirSync("/proc").some(pid => {
    try {
        return /^[0-9]+$/.test(pid) && Number(pid) !== process.pid &&
            fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(mark);
    } catch {
        return false;
    }
});

export async function until(condition, patience = 60000) {
    for (const end = Date.now() + patience; !condition(); await sleep(20))
        if (Date.now() > end)
            throw new Error(`in vain: ${condition}`);
}

// Answers every request with that text, at an address that no jail has of its own; null: there is none.
export async function serveHttp(text) {
    const address = Object.values(os.networkInterfaces()).flat()
        .find(one => one.family === "IPv4" && !one.internal)?.address;
    if (!address)
        return null;
    const server = http.createServer((_, answer) => answer.end(text));
    await new Promise(done => server.listen(0, address, done));
    const place = `${address}:${server.address().port}`;
    return { place, url: `http://${place}/`, close: () => server.close() };
}

export async function run(tests) {
    let number = 0, failures = 0;
    const pattern = new RegExp(process.argv[3] ?? "");
    for (const [name, test] of Object.entries(tests)) {
        if (!pattern.test(name))
            continue;
        let skip, problem;
        try {
            skip = await test();
        } catch (error) {
            problem = error;
            failures++;
        }
        console.log(`${problem ? "not ok" : "ok"} ${++number} - ${name}${skip ? ` # SKIP ${skip}` : ""}`);
        if (problem)
            console.log(`${problem.stack}\n${JSON.stringify(problem.data ?? null)}`.replace(/^/gm, "# "));
        for (const client of open.splice(0)) {
            if (problem && client.said)
                console.log(client.said.replace(/^/gm, "#   "));
            await client.close().catch(() => {});
        }
    }
    console.log(`1..${number}`);
    process.exit(failures ? 1 : 0);
}
