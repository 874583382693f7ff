// SPDX-License-Identifier: Apache-2.0
// Servers of MCP as a real client sees them: @modelcontextprotocol/sdk on one side, the real packages
// (and the Python servers of examples/mcp) in jails on the other. Prints TAP.
//
// usage: node client.mjs SETTINGS.json [PATTERN]
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import dns from "node:dns/promises";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateMessageRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { denied } from "./denied.mjs";
import { merged } from "./merged.mjs";
import { call, commands, confined, connect, npm, progressOf, run, runs, set, until } from "./support.mjs";

const tests = {
    async "filesystem: reads and writes its directory"() {
        const client = await connect(confined("filesystem"));
        const file = path.join(set.work, "note.txt");
        assert.equal((await call(client, "write_file", { path: file, content: "kept" })).failed, false);
        assert.equal(fs.readFileSync(file, "utf8"), "kept");
        assert.equal((await call(client, "read_text_file", { path: file })).text, "kept");
        assert.match((await call(client, "list_directory", { path: set.work })).text, /note\.txt/);
    },

    // The server is told that it may read everything there; the jail knows better.
    async "filesystem: what is not granted is not there"() {
        const command = [...npm("filesystem"), path.dirname(set.secret)];
        const free = await connect(command);
        assert.equal((await call(free, "read_text_file", { path: set.secret })).text, "secret\n");
        const client = await connect(confined("filesystem", { command }));
        const read = await call(client, "read_text_file", { path: set.secret });
        assert.equal(read.failed, true);
        assert.match(read.text, /ENOENT/);
        const grant = { fs_read: [set.packages, set.secret] };
        assert.deepEqual(read.denied, [{ kind: "path", path: set.secret, granted: null, grant }]);
        assert.doesNotMatch((await call(client, "list_directory",
            { path: path.dirname(set.secret) })).text, /secret/);
    },

    async "filesystem: a link out of its directory leads nowhere"() {
        const link = path.join(set.work, "way-out");
        const command = [...npm("filesystem"), path.dirname(set.secret)];
        fs.symlinkSync(set.secret, link);
        const free = await connect(command);
        assert.equal((await call(free, "read_text_file", { path: link })).text, "secret\n");
        const client = await connect(confined("filesystem", { command }));
        const read = await call(client, "read_text_file", { path: link });
        fs.unlinkSync(link);
        assert.equal(read.failed, true);
        assert.doesNotMatch(read.text, /secret\n/);
    },

    async "filesystem: npx in the place of node"() {
        const command = ["npx", "-y", "@modelcontextprotocol/server-filesystem", set.work];
        const options = ["--cwd", set.packages, "-e", "npm_config_offline=true", "--tasks", "128",
            "--mem", "512M"];
        const client = await connect(confined("filesystem", { command, options }));
        assert.match((await call(client, "list_allowed_directories")).text, new RegExp(set.work));
    },

    async "filesystem: npx fetches it from the registry, and reaches nothing else"() {
        if (set.degraded.includes("net"))
            return "host: nothing holds an allowlist here";
        const registry = "registry.npmjs.org";
        const { address } = await dns.lookup(registry, { family: 4 }).catch(() => ({}));
        if (!address)
            return "host: the registry has no address here";
        // Where its name leads into a private network, only an entry for the address opens that.
        const options = ["--net", `${address}:443`];
        if (process.env.NODE_EXTRA_CA_CERTS)
            options.push("-e", `NODE_EXTRA_CA_CERTS=${process.env.NODE_EXTRA_CA_CERTS}`);
        const command = ["npx", "-y", "@modelcontextprotocol/server-filesystem", set.work];
        const client = await connect(confined("filesystem", { command, policy: "npx", options }));
        assert.match((await call(client, "list_allowed_directories")).text, new RegExp(set.work));
        const other = await connect(confined("python", { command: ["node", "-e",
            `fetch("https://example.org/").catch(() => process.exit(7))`], policy: "npx", options }))
            .catch(error => error);
        assert.equal(other.data.outcome.exit_code, 7);
        assert.equal(other.data.denied[0].host, "example.org");
    },

    async "everything: tools, resources and prompts pass through"() {
        const client = await connect(confined("everything"));
        assert.equal(client.getServerVersion().name, "mcp-servers/everything");
        assert.match((await call(client, "echo", { message: "in jail é\n" })).text, /in jail é/);
        assert.match((await call(client, "get-sum", { a: 19, b: 23 })).text, /42/);
        const { resources } = await client.listResources();
        assert.ok(resources.length > 0);
        assert.ok((await client.readResource({ uri: resources[0].uri })).contents.length > 0);
        assert.ok((await client.listPrompts()).prompts.length > 0);
        assert.ok((await client.getPrompt({ name: "simple-prompt" })).messages.length > 0);
        await assert.rejects(client.getPrompt({ name: "none" }));
    },

    async "everything: progress, cancellation, and what goes on beside them"() {
        const client = await connect(confined("everything"));
        const steps = progressOf(client);
        const long = { duration: 0.4, steps: 4 };
        await call(client, "trigger-long-running-operation", long, { onprogress: () => {} });
        assert.deepEqual(Object.values(steps), [4]);
        const giving = new AbortController();
        const lost = call(client, "trigger-long-running-operation", { duration: 30, steps: 3 },
            { signal: giving.signal });
        await sleep(100);
        assert.match((await call(client, "echo", { message: "beside" })).text, /beside/);
        giving.abort();
        await assert.rejects(lost);
        assert.match((await call(client, "echo", { message: "after" })).text, /after/);
    },

    async "everything: the server may ask its client"() {
        let asked = 0;
        const client = await connect(confined("everything"), client =>
            client.setRequestHandler(CreateMessageRequestSchema, () => {
                asked++;
                return { role: "assistant", model: "m", content: { type: "text", text: "of course" } };
            }));
        const said = await call(client, "trigger-sampling-request", { prompt: "may I?", maxTokens: 5 });
        assert.equal(asked, 1);
        assert.match(said.text, /of course/);
    },

    async "everything: a hundred requests at once"() {
        const client = await connect(confined("everything"));
        const said = await Promise.all(Array.from({ length: 100 }, (_, i) =>
            call(client, "echo", { message: `number ${i} ${"x".repeat(i * 100)}.` })));
        said.forEach(({ text }, i) => assert.ok(text.includes(`number ${i} `)));
    },

    async "memory: keeps its graph in the work directory"() {
        const first = await connect(confined("memory"));
        await call(first, "create_entities", { entities: [
            { name: "kastellan", entityType: "sandbox", observations: ["it is strict"] }] });
        await first.close();
        const second = await connect(confined("memory"));
        assert.match((await call(second, "read_graph")).text, /it is strict/);
        assert.ok(fs.existsSync(path.join(set.work, "memory.jsonl")));
    },

    async "sequential-thinking: thinks"() {
        const client = await connect(confined("sequential-thinking"));
        const said = await call(client, "sequentialthinking",
            { thought: "one", thoughtNumber: 1, totalThoughts: 1, nextThoughtNeeded: false });
        assert.equal(said.failed, false);
        assert.match(said.text, /thoughtNumber/);
    },

    async "git: works in the repository, and reaches nothing else"() {
        const client = await connect(confined("git", { options: ["--cwd", set.work] }));
        const git = (...args) => call(client, "git", { arguments: args });
        const who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        assert.equal((await git("init", "-q", "repository")).failed, false);
        fs.writeFileSync(path.join(set.work, "repository/file"), "text\n");
        assert.equal((await git("-C", "repository", "add", "file")).failed, false);
        assert.equal((await git("-C", "repository", ...who, "commit", "-qm", "first")).failed, false);
        assert.match((await git("-C", "repository", "log", "--oneline")).text, /first/);
        const steal = { arguments: ["diff", "--no-index", "/dev/null", set.secret] };
        const free = await connect(commands.git);
        assert.match((await call(free, "git", steal)).text, /\+secret/);
        assert.doesNotMatch((await call(client, "git", steal)).text, /\+secret/);
    },

    async "python: runs code that can do nothing else"() {
        const client = await connect(confined("python"));
        assert.equal((await call(client, "run", { code: "print(6 * 7)" })).text, "42\n");
        const free = await connect(commands.python);
        const steal = { code: `print(open(${JSON.stringify(set.secret)}).read(), end="")` };
        assert.equal((await call(free, "run", steal)).text, "secret\n");
        assert.match((await call(client, "run", steal)).text, /FileNotFoundError/);
        const reach = { code: "import socket; socket.socket(); print('reached')" };
        assert.equal((await call(free, "run", reach)).text, "reached\n");
        assert.match((await call(client, "run", reach)).text, /Error/);
    },

    async "python: memory that is not there is an error with the grant that would do"() {
        if (set.degraded.includes("mem_mb"))
            return "host: nothing holds mem_mb here";
        const client = await connect(confined("python"));
        const error = await call(client, "run", { code: "x = b'x' * (1 << 30)" }).catch(error => error);
        assert.equal(error.code, -32000);
        assert.equal(error.data.fault, "crash");
        assert.equal(error.data.outcome.type, "oom");
        assert.equal(error.data.field, "mem_mb");
        assert.equal(error.data.receipt.verdict, "held");
        assert.deepEqual(error.data.grant, { mem_mb: 256 });
        assert.match(error.data.remedy, /mem_mb/);
        // The client goes on as if nothing had been, and with that grant it works.
        assert.equal((await call(client, "run", { code: "print('again')" })).text, "again\n");
        const options = ["--mem", String(8 * error.data.grant.mem_mb)];
        const larger = await connect(confined("python", { options }));
        assert.equal((await call(larger, "run", { code: "x = b'x' * (1 << 30); print(len(x))" })).text,
            "1073741824\n");
    },

    // The server answers for the part of it that was ended, before it is ended itself.
    async "python: memory that ran out is an error also where an answer was faster"() {
        if (set.degraded.includes("mem_mb"))
            return "host: nothing holds mem_mb here";
        const client = await connect(confined("python"));
        const mark = `mark_${process.pid}_faster`;
        const lost = call(client, "run", { code: `${mark} = 1\nimport time; time.sleep(1)\n` +
            "x = b'x' * (1 << 30)" }).catch(error => error);
        await until(() => runs(mark));
        process.kill(client.transport.pid, "SIGSTOP");
        try {
            await until(() => !runs(mark));
            await sleep(500);
        } finally {
            process.kill(client.transport.pid, "SIGCONT");
        }
        const error = await lost;
        assert.equal(error.code, -32000);
        assert.equal(error.data.outcome.type, "oom");
    },

    async "python: CPU time that is spent is an error, too"() {
        if (set.degraded.includes("mem_mb"))
            return "host: without a control group nothing counts the CPU time of a tree";
        const client = await connect(confined("python", { options: ["--cpu", "700ms"] }));
        const error = await call(client, "run", { code: "while True: pass" }).catch(error => error);
        assert.equal(error.data.outcome.type, "cpu");
        assert.deepEqual(error.data.grant, { cpu_ms: 1400 });
    },

    async "python: a server that is killed comes again"() {
        const client = await connect(confined("python"));
        const suicide = { code: "import os, signal; os.kill(os.getppid(), signal.SIGKILL)" };
        for (let i = 0; i < 2; i++) {
            const error = await call(client, "run", suicide).catch(error => error);
            assert.equal(error.data.fault, "crash");
            assert.equal(error.data.outcome.signal, 9);
            assert.equal((await call(client, "run", { code: "print(1)" })).text, "1\n");
        }
        assert.equal(client.getServerVersion().name, "python");
    },

    async "a request that takes too long is answered, and the server stays"() {
        const client = await connect(confined("everything", { options: ["--timeout", "3s"] }));
        const late = call(client, "trigger-long-running-operation", { duration: 20, steps: 200 },
            { onprogress: () => {} }).catch(error => error);
        await sleep(1000);
        await call(client, "echo", { message: "x" });
        const error = await late;
        assert.equal(error.data.fault, "timeout");
        assert.match((await call(client, "echo", { message: "still" })).text, /still/);
        assert.doesNotMatch(client.said.replace(/^(?!kastellan:).*$/gm, ""), /kastellan/);
    },

    async "a server that hangs is ended"() {
        const client = await connect(confined("python", { options: ["--timeout", "3s"] }));
        const error = await call(client, "run", { code: "import time; time.sleep(50)" })
            .catch(error => error);
        assert.equal(error.data.fault, "timeout");
        assert.equal((await call(client, "run", { code: "print(2)" })).text, "2\n");
    },

    async "a policy that cannot be is an error with field and remedy"() {
        const command = confined("python", { options: ["-r", "/nonexistent/place"] });
        const error = await connect(command).catch(error => error);
        assert.equal(error.code, -32000);
        assert.equal(error.data.fault, "start");
        assert.equal(error.data.field, "fs_read");
        assert.equal(error.data.path, "/nonexistent/place");
        assert.match(error.data.remedy, /create it/);
    },

    async "nothing is left when the client has gone"() {
        const client = await connect(confined("everything"));
        const { pid } = client.transport;
        await client.close();
        for (let i = 0; i < 60 && fs.existsSync(`/proc/${pid}`); i++)
            await sleep(50);
        assert.equal(fs.existsSync(`/proc/${pid}`), false);
        // Nor when it ends without a word.
        const [command, ...args] = confined("everything");
        const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
        child.stdin.write('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":' +
            '"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}\n');
        await new Promise(done => child.stdout.once("data", done));
        const ended = new Promise(done => child.once("exit", done));
        child.kill("SIGKILL");
        await ended;
        const marked = () => fs.readdirSync("/proc").filter(entry => {
            try {
                return /^\d+$/.test(entry) && fs.readFileSync(`/proc/${entry}/cmdline`, "utf8")
                    .includes("server-everything");
            } catch {
                return false;
            }
        });
        for (let i = 0; i < 60 && marked().length; i++)
            await sleep(50);
        assert.deepEqual(marked(), []);
    },

    async "a signal ends it also where the client does not read, and the server never stops writing"() {
        const code = `for i in range(6000): print('{"jsonrpc":"2.0","id":"%s","method":"x"}' % str(i).zfill(1000))`;
        const [command, ...args] = confined("python", { command: ["/usr/bin/python3", "-c", code] });
        const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
        child.stdin.write('{"jsonrpc":"2.0","id":1,"method":"initialize"}\n');
        await sleep(2000);
        const ended = new Promise(done => child.once("exit", (code, signal) => done(code ?? signal)));
        child.kill("SIGTERM");
        assert.equal(await Promise.race([ended, sleep(8000, "it goes on")]), 143);
    },

    async "only messages are written to standard output"() {
        const script = "echo a banner; echo '[info] ready'; read line; printf '%s\\n' " +
            "'{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}'; echo bye; cat >/dev/null";
        const [command, ...args] = confined("python", { command: ["sh", "-c", script] });
        const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
        let out = "", err = "";
        child.stdout.on("data", data => { out += data; });
        child.stderr.on("data", data => { err += data; });
        child.stdin.end('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
        const code = await new Promise(done => child.once("close", done));
        assert.equal(out, '{"jsonrpc":"2.0","id":1,"result":{}}\n');
        assert.equal(err, "a banner\n[info] ready\nbye\n");
        assert.equal(code, 0);
    },
};

await run({ ...tests, ...denied, ...merged });
